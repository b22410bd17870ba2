"""What people and programs see of runs that were left and resumed."""
import json

from world import says, says_not

HELD = """
    title: A drill
    steps:
      - {id: a, shell: did a}
      - {id: b, shell: did b; hold b}
      - {id: c, shell: did c}
"""


def crashed_run_is_seen_at_a_glance(world):
    world.runbook(HELD)
    world.runs("exec", "runbook.yaml", "--skip", "b")
    world.dies_at("b")
    said = world.runs("runs")
    says(said, r"^! runbook-\S+ +crashed ", r"^. runbook-\S+ +succeeded ",
         r"^1 run has no end and no engine; to go on: runbook resume runbook-\S+$")
    rows = json.loads(world.runs("runs", "--json"))
    assert [row["status"] for row in rows] == ["crashed", "succeeded"], rows
    said = world.runs("show", "last")
    says(said, "^! runbook crashed after", r"b +incomplete",
         "^Its engine is gone: the run can go on where it was$", r"^  runbook resume runbook-\S+$")
    says_not(said, "so far")
    said = world.runs("follow", "last", status=1)
    says(said, "no engine is at it", "hint: `runbook resume runbook-")


def run_in_doubt_is_seen_at_a_glance(world):
    world.runbook(HELD)
    world.dies_at("b")
    said = world.resume(status=6)
    says(said, r"^\? runbook in doubt after .*, exit status 6$",
         "^In doubt: look whether these took effect$", r"^  1\. b$",
         r"^  runbook resume runbook-\S+ --settle b=done$")
    says(world.runs("runs"), r"^\? runbook-\S+ +in doubt ", "to go on: runbook resume")
    assert json.loads(world.runs("runs", "--json"))[0]["status"] == "in_doubt"
    says(world.runs("show", "last"), r"^\? runbook in doubt", "command: did b; hold b",
         "--settle b=done$")
    said = world.resume("--settle", "b=done")
    says(said, "1 of 3 steps is done, 1 in doubt$")
    says_not(world.runs("runs"), "to go on")
    says_not(world.runs("show", "last"), "--settle")
    says(world.runs("show", "last"), "resumed +2 times")


def quiet_says_what_is_in_doubt(world):
    world.runbook(HELD)
    world.dies_at("b")
    said = world.resume("--quiet", status=6)
    says(said, "b +is in doubt", "--settle b=done")
    says_not(said, "open +b")
    said = world.resume("--quiet", "--settle", "b=done")
    assert len(said.splitlines()) == 1, said  # that it was in doubt


def json_prints_new_records_only(world):
    world.runbook(HELD)
    world.dies_at("b")
    before = world.lines()
    said = world.resume("--json", "--settle", "b=done")
    assert said.encode() == b"".join(world.lines()[len(before):]), said
    assert json.loads(said.splitlines()[0])["type"] == "run.resumed", said


def follow_goes_through_a_resume(world):
    world.runbook(HELD)
    engine = world.starts_until("b")
    engine.kill()
    again = world.start("resume", "last")
    again.shows("resume ")
    follower = world.start("follow", "last")
    follower.shows(r"^run +runbook, 3 steps")
    follower.shows(r"^resume +runbook, run runbook-\S+: 1 of 3 steps is done, 1 ran")
    world.go("b")
    again.wait(0)
    says(follower.wait(0), r"^ok +c ", "^. runbook succeeded")


def every_attempt_that_stood_open_is_named(world):
    world.runbook("""
        steps:
          - id: all
            parallel:
              - {id: unknown, shell: did unknown; hold unknown, effect: idempotent}
              - {id: pause, wait: 2s}
              - id: each
                foreach: [x, y]
                shell: did "$I"; hold "$I"
                effect: idempotent
                concurrency: 2
                env: {I: "${{ .item }}"}
              - id: tries
                shell: did try; [ "$(grep -c try "$WORLD/ledger")" -ge 2 ]
                retry: {attempts: 2, delay: 1s}
    """)
    engine = world.starts_until("unknown", "x", "y")
    world.recorded("step.retrying", "run", "tries")
    engine.kill()
    world.go("unknown", "x", "y")
    said = world.resume()
    says(said, r"^open +unknown +began .* ago, its end is not recorded$",
         r"^open +each\[0\] +began", r"^open +each\[1\] +began", r"^open +pause +began",
         r"^open +tries +began .* ago, between two attempts$", ": 0 of . steps are done, 5 ran when")
    says_not(said, r"^open +all", r"^open +each +began")
