"""Crashes while a run is undone, and `rollback` of runs that ended in every way."""
import signal
import time

from world import says, says_not

FAILS = """
    steps:
      - {id: a, shell: did a, rollback: {shell: did undo-a; hold undo-a}}
      - {id: b, shell: did b, rollback: {shell: did undo-b; hold undo-b}}
      - {id: c, shell: did c; exit 1}
      - {id: d, shell: did d}
    finally:
      - {id: z, shell: did z}
"""

GOOD = """
    steps:
      - {id: a, shell: did a, rollback: {shell: did undo-a}}
      - {id: b, shell: did b, rollback: {shell: did undo-b}}
    finally:
      - {id: z, shell: did z}
"""


def handler_was_running(world):
    world.runbook(FAILS)
    world.go("undo-a")
    world.dies_at("undo-b")
    said = world.resume(status=6)
    says(said, r"b \(rollback\) +is in doubt", r"--settle b=done")
    world.go("undo-b")
    world.resume("--settle", "b=rerun", status=1)
    world.ledger("a", "b", "c", "undo-b", "undo-b", "undo-a", "z")
    world.has("rollback.begun", "rollback.finished rolled_back", "run.finished failed")


def handler_was_running_and_is_done(world):
    world.runbook(FAILS)
    world.go("undo-a")
    world.dies_at("undo-b")
    world.resume("--settle", "b=done", status=1)
    world.ledger("a", "b", "c", "undo-b", "undo-a", "z")
    world.has("rollback.finished rolled_back", "run.finished failed")


def between_two_handlers(world):
    world.runbook(FAILS)
    world.go("undo-b")
    world.dies_at("undo-a")
    world.cut_after("step.finished rollback b succeeded")
    world.go("undo-a")
    world.resume(status=1)
    # The cut stands for an engine that died before the second began.
    world.ledger("a", "b", "c", "undo-b", "undo-a", "undo-a", "z")
    world.has("rollback.begun", "rollback.finished rolled_back")


def before_the_first_handler(world):
    world.runbook(FAILS)
    world.dies_at("undo-b")
    world.cut_after("rollback.begun")
    world.go("undo-a", "undo-b")
    world.resume(status=1)
    world.ledger("a", "b", "c", "undo-b", "undo-b", "undo-a", "z")


def behind_the_failure(world):
    world.runbook(FAILS)
    world.dies_at("undo-b")
    world.cut_after("step.finished run c failed")
    world.go("undo-a", "undo-b")
    world.resume(status=1)
    world.ledger("a", "b", "c", "undo-b", "undo-b", "undo-a", "z")
    world.has("rollback.begun", "run.finished failed")


def handler_in_the_pause_of_its_retry(world):
    world.runbook("""
        steps:
          - id: a
            shell: did a
            rollback:
              shell: did undo-a; [ "$(grep -c undo-a "$WORLD/ledger")" -ge 2 ]
              retry: {attempts: 2, delay: 1s}
          - {id: b, shell: exit 1}
    """)
    engine = world.start()
    world.recorded("step.retrying", "rollback", "a")
    engine.kill()
    world.machine_dies()
    world.resume(status=1)
    world.ledger("a", "undo-a", "undo-a")
    world.has("rollback.finished rolled_back")


def handlers_side_by_side(world):
    world.runbook("""
        steps:
          - id: all
            parallel:
              - {id: a, shell: did a, rollback: {shell: did undo-a; hold a, effect: idempotent}}
              - {id: b, shell: did b, rollback: {shell: did undo-b; hold b, effect: idempotent}}
          - {id: c, shell: exit 1}
    """)
    world.dies_at("a", "b")
    world.go("a", "b")
    world.resume(status=1)
    world.ledger("a", "b", "undo-a", "undo-b", "undo-a", "undo-b", ordered=False)


def handlers_of_a_loop_and_a_call(world):
    world.runbook("""
        params: {n: {type: integer, required: true}}
        steps:
          - {id: in, shell: did "in$N", env: {N: "${{ .params.n }}"},
             rollback: {shell: did "undo-in$N"; hold "undo$N", effect: idempotent,
                        env: {N: "${{ .params.n }}"}}}
    """, "inner.yaml")
    world.runbook("""
        steps:
          - id: each
            foreach: [1, 2, 3]
            steps:
              - {id: sub, call: inner.yaml, params: {n: "${{ .item }}"}}
          - {id: c, shell: exit 1}
    """)
    world.go("undo3", "undo1")
    world.dies_at("undo2")
    world.go("undo2")
    world.resume(status=1)
    world.ledger("in1", "in2", "in3", "undo-in3", "undo-in2", "undo-in2", "undo-in1")


def crash_in_finally_after_a_rollback(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: exit 1}
        finally:
          - {id: y, shell: did y}
          - {id: z, shell: did z; hold z, effect: idempotent}
    """)
    world.dies_at("z")
    world.go("z")
    world.resume(status=1)
    world.ledger("a", "undo-a", "y", "z", "z")


# ---- runs that were stopped ------------------------------------------------------------------

STOPS = """
    steps:
      - {id: a, shell: did a, rollback: {shell: did undo-a}}
      - {id: b, shell: "did b; [ -e good ]", on_failure: stop, rollback: {shell: did undo-b}}
      - {id: c, shell: did c}
    finally:
      - {id: z, shell: did z}
"""


def stopped_run_goes_on(world):
    world.runbook(STOPS)
    world.runs(status=1)
    world.ledger("a", "b", "z")
    world.write("good", "")
    said = world.resume()
    says(said, r"resume +runbook, run runbook-")
    world.ledger("a", "b", "z", "b", "c", "z")
    assert world.records()[-1]["status"] == "succeeded", world.outline()


def stopped_run_fails_again_and_goes_on(world):
    world.runbook(STOPS)
    world.runs(status=1)
    world.resume(status=1)
    world.ledger("a", "b", "z", "b", "z")
    world.write("good", "")
    world.resume()
    world.ledger("a", "b", "z", "b", "z", "b", "c", "z")


def stopped_run_crashes_and_goes_on(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: b, shell: "did b; [ -e good ]", on_failure: stop}
          - {id: c, shell: did c; hold c, effect: idempotent}
    """)
    world.runs(status=1)
    world.write("good", "")
    world.dies_at("c", arguments=("resume", "last"))
    world.go("c")
    world.resume()
    world.ledger("a", "b", "b", "c", "c")


def rollback_of_a_stopped_run(world):
    world.runbook(STOPS)
    world.runs(status=1)
    said = world.runs("rollback", "last")
    says(said, r"back +runbook, run runbook-")
    world.ledger("a", "b", "z", "undo-b", "undo-a", "z")
    assert world.records()[-1]["type"] == "run.finished", world.outline()


# ---- rollback RUN ----------------------------------------------------------------------------


def rollback_of_a_succeeded_run(world):
    world.runbook(GOOD)
    world.runs()
    said = world.runs("rollback", "last")
    says(said, r"undone +b", r"undone +a")
    world.ledger("a", "b", "z", "undo-b", "undo-a", "z")
    world.has("rollback.begun", "rollback.finished rolled_back")


def rollback_twice_is_refused(world):
    world.runbook(GOOD)
    world.runs()
    world.runs("rollback", "last")
    before = world.lines()
    said = world.runs("rollback", "last", status=2)
    says(said, "is over: it was rolled back", "hint: ")
    assert world.lines() == before
    said = world.resume(status=2)
    says(said, "is over: it was rolled back")
    world.ledger("a", "b", "z", "undo-b", "undo-a", "z")


def rollback_of_a_crashed_run(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b; hold b, rollback: {shell: did undo-b}, effect: idempotent}
          - {id: c, shell: did c, rollback: {shell: did undo-c}}
    """)
    world.dies_at("b")
    world.go("b")
    world.runs("rollback", "last")
    lines = world.ledger_lines()
    assert lines[-2:] == ["undo-b", "undo-a"] and "c" not in lines, lines
    world.has("rollback.finished rolled_back")


def rollback_of_a_crashed_run_with_a_doubt(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b; hold b, rollback: {shell: did undo-b}}
          - {id: c, shell: did c, rollback: {shell: did undo-c}}
    """)
    world.dies_at("b")
    world.runs("rollback", "last")
    # It may have happened: its handler runs, too.
    world.ledger("a", "b", "undo-b", "undo-a")


def rollback_of_a_crashed_run_while_a_command_runs(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b; hold b; did b-ends, rollback: {shell: did undo-b}}
          - {id: c, shell: did c}
    """)
    engine = world.starts_until("b")
    engine.kill()
    again = world.start("rollback", "last")
    again.shows("back +runbook, run")
    world.go("b")
    again.wait(0)
    lines = world.ledger_lines()
    assert lines[-2:] == ["undo-b", "undo-a"] and "c" not in lines, lines


def rollback_that_failed_is_tried_again(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b, rollback: {shell: "did undo-b; [ -e good ]"}}
          - {id: c, shell: did c, rollback: {shell: did undo-c}}
          - {id: d, shell: exit 1}
    """)
    world.runs(status=3)
    world.ledger("a", "b", "c", "undo-c", "undo-b")
    said = world.resume(status=2)
    says(said, "is over: its rollback failed", "runbook rollback runbook-")
    world.write("good", "")
    world.runs("rollback", "last")
    world.ledger("a", "b", "c", "undo-c", "undo-b", "undo-b", "undo-a")
    assert world.records()[-1]["status"] != "rollback_failed", world.outline()


def rollback_that_fails_again(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b, rollback: {shell: "did undo-b; exit 1"}}
          - {id: d, shell: exit 1}
    """)
    world.runs(status=3)
    said = world.runs("rollback", "last", status=3)
    says(said, "Left for you to do, in order")
    world.ledger("a", "b", "undo-b", "undo-b")


def rollback_that_dies_is_resumed(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a; hold undo, effect: idempotent}}
          - {id: b, shell: did b, rollback: {shell: did undo-b}}
    """)
    world.runs()
    world.dies_at("undo", arguments=("rollback", "last"))
    world.go("undo")
    world.resume()
    world.ledger("a", "b", "undo-b", "undo-a", "undo-a")
    world.has("rollback.finished rolled_back")


def rollback_that_dies_is_rolled_back(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a; hold undo, effect: idempotent}}
          - {id: b, shell: did b, rollback: {shell: did undo-b}}
    """)
    world.runs()
    world.dies_at("undo", arguments=("rollback", "last"))
    world.go("undo")
    world.runs("rollback", "last")
    world.ledger("a", "b", "undo-b", "undo-a", "undo-a")


def point_of_no_return_holds(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b, point_of_no_return: true}
          - {id: c, shell: did c, rollback: {shell: did undo-c}}
    """)
    world.runs()
    world.runs("rollback", "last")
    world.ledger("a", "b", "c", "undo-c")


def point_of_no_return_holds_after_a_crash(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b, point_of_no_return: true}
          - {id: c, shell: did c; hold c; exit 1, effect: idempotent, rollback: {shell: did undo-c}}
    """)
    world.dies_at("c")
    world.go("c")
    world.resume(status=1)
    world.ledger("a", "b", "c", "c", "undo-c")


def handlers_see_what_steps_gave(world):
    world.runbook("""
        steps:
          - id: a
            shell: did a; echo id=42 > "$RUNBOOK_OUTPUT"; echo text
            rollback:
              shell: did "undo-$ID-$TEXT"
              env: {ID: "${{ .steps.a.outputs.id }}", TEXT: "${{ .steps.a.stdout }}"}
          - {id: b, shell: did b}
    """)
    world.runs()
    world.runs("rollback", "last")
    world.ledger("a", "b", "undo-42-text")


def rollback_of_a_run_that_was_left_at_once(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a; hold undo, effect: idempotent}}
          - {id: b, shell: did b; hold b}
    """)
    engine = world.starts_until("b")
    engine.process.send_signal(signal.SIGINT)
    world.reached("undo")
    for _ in range(2):
        engine.process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    engine.wait(6)
    world.go("undo")
    said = world.runs("rollback", "last", status=3)
    says(said, "killed by SIGKILL")  # by the engine that left
    world.runs("rollback", "last")
    world.ledger("a", "b", "undo-a", "undo-a")


def rollback_of_a_run_without_handlers(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
    """)
    world.runs()
    said = world.runs("rollback", "last")
    says(said, "nothing had to be undone")
    world.ledger("a")
    says_not(said, "failed")
