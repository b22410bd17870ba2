"""Gates and manual steps that stood open when the engine was lost."""
import getpass
import time

from world import says

GATE = """
    steps:
      - {id: a, shell: did a, rollback: {shell: did undo-a}}
      - {id: go, approval: {message: "Replace everything?"}}
      - {id: b, shell: did b}
"""


def _dies_at_the_gate(world, name="go"):
    engine = world.start("exec", "runbook.yaml", on_terminal=True)
    world.recorded("gate.opened", "run", name)
    engine.kill()


def open_gate_is_answered_on_a_terminal(world):
    world.runbook(GATE)
    _dies_at_the_gate(world)
    again = world.start("resume", "last", on_terminal=True)
    again.shows(r"Replace everything\?")
    again.shows(r"open the gate\? \(y/n")
    again.type("y\n")
    said = again.wait(0)
    says(said, r"go +asked .* ago, not answered")
    world.ledger("a", "b")
    world.has("gate.answered run go accepted", "step.finished run go succeeded")


def open_gate_is_opened_by_yes(world):
    world.runbook(GATE)
    _dies_at_the_gate(world)
    world.resume("--yes")
    world.ledger("a", "b")


def open_gate_is_refused(world):
    world.runbook(GATE)
    _dies_at_the_gate(world)
    again = world.start("resume", "last", "--on-failure", "rollback", on_terminal=True)
    again.shows("open the gate")
    again.type("n\n")
    again.shows("why not")
    again.type("too late\n")
    again.wait(4)
    world.ledger("a", "undo-a")


def open_gate_without_a_terminal_is_not_passed(world):
    world.runbook(GATE)
    _dies_at_the_gate(world)
    before = world.lines()
    said = world.resume(status=2)
    says(said, "`go` asks a person, and there is no terminal", "hint: .*--yes")
    world.ledger("a")
    assert world.lines() == before, world.outline()
    world.resume("--yes")
    world.ledger("a", "b")


def gate_that_names_people_is_not_opened_by_yes(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: go, approval: {message: "Really?", approvers: [%s, alice]}}
          - {id: b, shell: did b}
    """ % getpass.getuser())
    _dies_at_the_gate(world)
    said = world.resume("--yes", status=2)
    says(said, "`go` asks a person, and there is no terminal")
    world.ledger("a")
    again = world.start("resume", "last", "--yes", on_terminal=True)
    again.shows(r"\(y/n")
    again.type("y\n")
    again.wait(0)
    world.ledger("a", "b")


def gate_behind_the_crash_needs_a_terminal_too(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; hold a, effect: idempotent}
          - {id: go, approval: {message: "Really?"}}
          - {id: b, shell: did b}
    """)
    engine = world.start("exec", "runbook.yaml", on_terminal=True)
    world.reached("a")
    engine.kill()
    world.machine_dies()
    world.go("a")
    said = world.resume(status=2)
    says(said, "`go` asks a person, and there is no terminal")
    world.resume("--yes")
    world.ledger("a", "a", "b")


def gate_that_was_answered_is_not_asked_again(world):
    world.runbook("""
        steps:
          - {id: go, approval: {message: "Really?"}}
          - {id: b, shell: did b; hold b, effect: idempotent}
    """)
    world.dies_at("b", arguments=("exec", "runbook.yaml", "--yes"))
    world.go("b")
    world.resume()
    world.ledger("b", "b")
    world.has("gate.answered run go accepted")


def gate_expires_from_when_it_was_opened(world):
    world.runbook("""
        steps:
          - {id: go, approval: {message: "Really?", expires: 3s}}
          - {id: b, shell: did b}
    """)
    began = time.monotonic()
    _dies_at_the_gate(world)
    time.sleep(1.5)
    again = world.start("resume", "last", "--on-failure", "rollback", on_terminal=True)
    again.wait(4)
    took = time.monotonic() - began
    assert 2.7 < took < 4.5, "it took %.1f s" % took
    world.ledger()


def gate_that_expired_meanwhile(world):
    world.runbook("""
        steps:
          - {id: go, approval: {message: "Really?", expires: 500ms}}
          - {id: b, shell: did b}
    """)
    _dies_at_the_gate(world)
    time.sleep(0.8)
    again = world.start("resume", "last", "--on-failure", "rollback", on_terminal=True)
    again.wait(4)
    world.ledger()


def manual_step_is_asked_again(world):
    world.runbook("""
        steps:
          - id: by_hand
            manual: {instructions: Change the plugs, checklist: [red one, blue one]}
          - {id: b, shell: did b}
    """)
    engine = world.start("exec", "runbook.yaml", on_terminal=True)
    engine.shows(r"\[1/2\] red one")
    engine.type("y\n")
    engine.shows(r"\[2/2\] blue one")
    engine.kill()
    again = world.start("resume", "last", on_terminal=True)
    again.shows(r"\[1/2\] red one")
    again.type("y\n")
    again.shows(r"\[2/2\] blue one")
    again.type("y\n")
    again.wait(0)
    world.ledger("b")


def failure_that_a_person_was_to_decide(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: "did b; [ -e good ]"}
          - {id: c, shell: did c}
    """)
    engine = world.start("exec", "runbook.yaml", on_terminal=True)
    engine.shows(r"\(r\)etry")
    engine.kill()
    world.write("good", "")
    again = world.start("resume", "last", on_terminal=True)
    again.shows(r"\(r\)etry")
    again.type("r\n")
    again.wait(0)
    world.ledger("a", "b", "b", "c")


def menu_of_a_failure_behind_a_resume(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; hold a, effect: idempotent, rollback: {shell: did undo-a}}
          - {id: b, shell: exit 1}
          - {id: c, shell: did c}
    """)
    world.dies_at("a")
    world.go("a")
    again = world.start("resume", "last", on_terminal=True)
    again.shows(r"\(s\)kip|skip")
    again.type("s\n")
    again.wait(0)
    world.ledger("a", "a", "c")
