"""The engine alone is killed: what it began goes on, and the next engine finds it."""
import os
import signal
import time

from world import says, says_not


def command_that_still_runs_is_found_again(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: b, shell: did b; hold b; did b-ends; echo from-b}
          - {id: c, shell: did "c-$B", env: {B: "${{ .steps.b.stdout }}"}}
    """)
    engine = world.starts_until("b")
    engine.kill()
    again = world.start("resume", "last")
    again.shows(r"resume +runbook, run runbook-\S+: 1 of 3 steps is done, 1 ran when the engine was")
    again.shows(r"open +b +began .* ago, its end is not recorded")
    world.go("b")
    said = again.wait(0)
    world.ledger("a", "b", "b-ends", "c-from-b")
    says_not(said, "doubt")
    world.has_not("step.in_doubt run b")
    world.has("step.started run b", "step.finished run b succeeded")


def command_that_ended_without_an_engine_is_found(world):
    world.runbook("""
        steps:
          - {id: b, shell: did b; hold b; echo from-b; did b-ends}
          - {id: c, shell: did "c-$B", env: {B: "${{ .steps.b.stdout }}"}}
    """)
    engine = world.starts_until("b")
    engine.kill()
    world.go("b")
    world.until(lambda: "b-ends" in world.ledger_lines())
    time.sleep(0.2)
    said = world.resume()
    world.ledger("b", "b-ends", "c-from-b")
    says_not(said, "doubt")


def command_that_failed_without_an_engine_fails(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b; hold b; echo why >&2; did b-ends; exit 7,
             rollback: {shell: did undo-b}}
    """)
    engine = world.starts_until("b")
    engine.kill()
    world.go("b")
    world.until(lambda: "b-ends" in world.ledger_lines())
    time.sleep(0.2)
    said = world.resume(status=1)
    says(said, "exit status 7")
    world.ledger("a", "b", "b-ends", "undo-b", "undo-a")


def output_of_three_engines_is_whole(world):
    world.runbook("""
        steps:
          - id: b
            shell: |
              echo one; hold one; echo two; hold two; echo three; hold three; echo four
          - {id: c, shell: did "$B", env: {B: "${{ .steps.b.stdout | split(\\"\\n\\") | join(\\"+\\") }}"}}
    """)
    engine = world.starts_until("one")
    engine.kill()
    world.go("one")
    world.reached("two")
    engine = world.start("resume", "last")
    engine.shows("open +b")
    world.go("two")
    world.reached("three")
    engine.kill()
    world.go("three")
    world.resume()
    world.ledger("one+two+three+four")
    assert world.count("step.started", "run", "b") == 1, world.outline()


def many_commands_at_once_are_found_again(world):
    world.runbook("""
        steps:
          - id: each
            foreach: [k, l, m, n, o]
            concurrency: 5
            shell: did "$I"; hold "$I"; did "$I$I"
            env: {I: "${{ .item }}"}
          - {id: z, shell: did z}
    """)
    engine = world.starts_until("k", "l", "m", "n", "o")
    world.go("k", "l")
    engine.kill()
    again = world.start("resume", "last")
    again.shows("resume ")
    world.go("m", "n", "o")
    again.wait(0)
    words = [letter * times for letter in "klmno" for times in (1, 2)]
    world.ledger(*words, "z", ordered=False)


def timeout_counts_from_the_first_engine(world):
    world.runbook("""
        steps:
          - {id: b, shell: did b; sleep 60, timeout: 3s, grace: 100ms}
    """)
    engine = world.start()
    world.until(lambda: world.ledger_lines())
    began = time.monotonic()
    time.sleep(1.5)
    engine.kill()
    said = world.resume(status=1)
    took = time.monotonic() - began
    says(said, "(?i)time")
    assert 2.5 < took < 4.8, "it took %.1f s" % took
    world.ledger("b")


def retry_goes_on_with_the_attempt_that_runs(world):
    world.runbook("""
        steps:
          - id: b
            shell: did b; [ "$(grep -c b "$WORLD/ledger")" -ge 2 ] || exit 1; hold b; exit 1
            retry: {attempts: 3, delay: 10ms}
            on_failure: continue
    """)
    engine = world.starts_until("b")
    engine.kill()
    world.go("b")
    world.resume()
    world.ledger("b", "b", "b")
    world.has("step.finished run b failed attempt 3")


def handler_that_still_runs_is_found_again(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b, rollback: {shell: did undo-b; hold undo; did undo-b-ends}}
          - {id: c, shell: exit 1}
        finally:
          - {id: z, shell: did z}
    """)
    engine = world.starts_until("undo")
    engine.kill()
    again = world.start("resume", "last")
    again.shows(r"open +b \(rollback\) +began")
    world.go("undo")
    again.wait(1)
    world.ledger("a", "b", "undo-b", "undo-b-ends", "undo-a", "z")
    world.has("rollback.finished rolled_back", "run.finished failed")


def service_goes_on(world):
    world.runbook("""
        steps:
          - id: serve
            shell: did serve; touch up; trap 'did served; exit 0' TERM; while :; do sleep 0.05; done
            background: true
            ready: {shell: test -e up}
          - {id: b, shell: did b; hold b}
          - {id: c, shell: did c}
    """)
    engine = world.starts_until("b")
    engine.kill()
    world.go("b")
    world.resume()
    world.ledger("serve", "b", "c", "served")
    world.has("step.ended run serve")


def service_that_was_not_ready(world):
    world.runbook("""
        steps:
          - id: serve
            shell: did serve; touch at.serve; trap 'exit 0' TERM; while :; do sleep 0.05; done
            background: true
            ready: {shell: test -e up}
          - {id: c, shell: did c}
    """)
    engine = world.starts_until("serve")
    engine.kill()
    world.write("up", "")
    world.resume()
    world.ledger("serve", "c")


def service_that_died_meanwhile_fails_the_run(world):
    world.runbook("""
        steps:
          - id: serve
            shell: did serve; touch up; echo $$ > pid; exec sleep 600
            background: true
            ready: {shell: test -e up}
          - {id: b, shell: did b; hold b, rollback: {shell: did undo-b}}
          - {id: c, shell: did c}
    """)
    engine = world.starts_until("b")
    engine.kill()
    os.kill(int(open(world.path("pid")).read()), signal.SIGKILL)
    time.sleep(0.2)
    world.go("b")
    said = world.resume(status=1)
    says(said, "serve")
    assert "c" not in world.ledger_lines(), world.ledger_lines()
    assert "undo-b" in world.ledger_lines(), world.ledger_lines()


def service_lost_with_the_machine(world):
    world.runbook("""
        steps:
          - id: serve
            shell: did serve; touch up; exec sleep 600
            background: true
            ready: {shell: test -e up}
          - {id: b, shell: did b; hold b, effect: idempotent}
    """)
    world.dies_at("b")
    world.go("b")
    said = world.resume(status=1)
    says(said, "serve")


def kill_that_comes_while_resuming(world):
    """Found, lost, found again: one command, three engines."""
    world.runbook("""
        steps:
          - {id: b, shell: did b; hold b; did b-ends}
    """)
    engine = world.starts_until("b")
    for _ in range(3):
        engine.kill()
        engine = world.start("resume", "last")
        engine.shows("open +b")
    world.go("b")
    engine.wait(0)
    world.ledger("b", "b-ends")
    assert world.count("run.resumed") == 3, world.outline()


def command_that_is_found_can_be_interrupted(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b; hold b; did b-ends}
    """)
    engine = world.starts_until("b")
    engine.kill()
    again = world.start("resume", "last")
    again.shows("open +b")
    time.sleep(0.2)
    again.process.send_signal(signal.SIGTERM)
    again.wait(5)
    world.ledger("a", "b", "undo-a")


def closed_terminal_is_no_crash(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a, rollback: {shell: did undo-a}}
          - {id: b, shell: did b; hold b}
    """)
    engine = world.starts_until("b")
    engine.process.send_signal(signal.SIGHUP)
    engine.wait(5)
    world.ledger("a", "b", "undo-a")
    said = world.resume(status=2)
    says(said, "is over: it was rolled back")
