"""The machine goes down while steps run."""
from world import says, says_not

THREE = """
    steps:
      - id: a
        shell: did a
      - id: b
        shell: did b; hold b
      - id: c
        shell: did c
"""


def shell_step_is_in_doubt(world):
    world.runbook(THREE)
    world.dies_at("b")
    before = world.lines()
    said = world.resume(status=6)
    says(said, r"b +is in doubt", r"--settle b=done")
    world.ledger("a", "b")
    world.has("step.in_doubt run b")
    world.has_not("step.resolved run b done", "run.finished failed")
    assert world.lines()[:len(before)] == before


def doubt_without_an_answer_can_be_asked_again(world):
    world.runbook(THREE)
    world.dies_at("b")
    world.resume(status=6)
    world.resume(status=6)
    world.resume("--settle", "b=done")
    world.ledger("a", "b", "c")
    world.has("run.finished succeeded")


def settled_step_is_not_judged(world):
    """What a person says was done has no result that could be as expected, nor outputs."""
    world.runbook("""
        steps:
          - id: a
            shell: did a; hold a; echo 42
            expect: {stdout: {matches: "^42"}}
            outputs: {n: {regex: '([0-9]+)'}}
          - id: b
            shell: did "b $N"
            env: {N: '${{ .steps.a.outputs.n // "unknown" }}'}
    """)
    world.dies_at("a")
    world.resume("--settle", "a=done")
    world.ledger("a", "b unknown")


def doubt_settled_as_done(world):
    world.runbook(THREE)
    world.dies_at("b")
    said = world.resume("--settle", "b=done")
    world.ledger("a", "b", "c")
    says(said, r"b +counts as done: a person looked")
    world.has("step.resolved run b done", "step.finished run b succeeded", "step.started run c")


def doubt_settled_as_not_done_runs_it(world):
    world.runbook(THREE)
    world.dies_at("b")
    world.go("b")
    world.resume("--settle", "b=not-done")
    world.ledger("a", "b", "b", "c")
    world.has("step.resolved run b not-done", "step.finished run b succeeded attempt 2")


def doubt_settled_by_running_it_again(world):
    world.runbook(THREE)
    world.dies_at("b")
    world.go("b")
    world.resume("--settle", "b=rerun")
    world.ledger("a", "b", "b", "c")
    world.has("step.resolved run b rerun")
    assert world.count("step.started", "run", "b") + world.count(
        "step.started", "run", "b", "attempt", "2") == 2, world.outline()


def doubt_settled_by_done_when(world):
    world.runbook("""
        steps:
          - id: a
            shell: did a; touch is-done; hold a
            done_when: {shell: test -e is-done}
          - id: b
            shell: did b; hold b; touch is-done-too
            done_when: {shell: test -e is-done-too}
            needs: []
          - {id: c, shell: did c, needs: [a, b]}
    """)
    world.dies_at("a", "b")
    world.go("b")
    world.resume()
    world.ledger("a", "b", "b", "c", ordered=False)
    world.has("step.resolved run a done", "step.resolved run b not-done")


def idempotent_step_runs_again(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did c}
    """)
    world.dies_at("b")
    world.go("b")
    said = world.resume()
    world.ledger("a", "b", "b", "c")
    says(said, r"b +counts as rerun: its effect is `idempotent`")
    world.has("step.resolved run b rerun", "step.finished run a succeeded")


def between_two_steps(world):
    world.runbook(THREE)
    world.dies_at("b")
    world.cut_after("step.finished run a succeeded")
    world.go("b")
    said = world.resume()
    # `b` was not recorded to have begun: the cut stands for an engine that died before it began.
    world.ledger("a", "b", "b", "c")
    world.has("run.resumed", "step.started run b")
    says_not(said, r"^start +a")


def right_behind_the_first_record(world):
    world.runbook(THREE)
    world.dies_at("b")
    world.cut_after("step.started run a", drop=1)
    world.go("b")
    world.resume()
    world.ledger("a", "b", "a", "b", "c")


def right_before_the_last_record(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: b, shell: did b, needs: []}
        finally:
          - {id: z, shell: did z}
    """)
    world.runs()
    world.cut_after("run.finished succeeded", drop=1)
    world.resume()
    world.ledger("a", "b", "z", ordered=False)
    world.has("run.resumed", "run.finished succeeded")


def in_the_pause_before_a_retry(world):
    world.runbook("""
        steps:
          - id: a
            shell: did a; [ "$(grep -c a "$WORLD/ledger")" -ge 3 ]
            retry: {attempts: 3, delay: 1s}
    """)
    engine = world.start()
    world.recorded("step.retrying", "run", "a")
    engine.kill()
    world.machine_dies()
    world.resume()
    world.ledger("a", "a", "a")
    world.has("step.started run a attempt 3")


def in_an_attempt_of_a_retry(world):
    world.runbook("""
        steps:
          - id: a
            shell: did a; [ "$(grep -c a "$WORLD/ledger")" -ge 2 ] || exit 1; hold a
            retry: {attempts: 4, delay: 10ms}
    """)
    world.dies_at("a")
    said = world.resume(status=6)
    says(said, r"a +is in doubt")
    world.go("a")
    world.resume("--settle", "a=rerun")
    world.ledger("a", "a", "a")
    world.has("step.started run a attempt 3", "step.finished run a succeeded attempt 3")


def parallel_branches(world):
    world.runbook("""
        steps:
          - id: all
            parallel:
              - {id: a, shell: did a}
              - {id: b, shell: did b; hold b, effect: idempotent}
              - {id: c, shell: did c; hold c}
              - {id: d, shell: did d; hold d}
              - id: e
                steps:
                  - {id: f, shell: did f}
                  - {id: g, shell: did g; hold g, effect: read}
          - {id: z, shell: did z}
    """)
    engine = world.starts_until("b", "c", "d", "g")
    world.recorded("step.finished", "run", "a", "succeeded")
    engine.kill()
    world.machine_dies()
    world.go("b", "c", "d", "g")
    said = world.resume(status=6)
    says(said, r"c +is in doubt", r"d +is in doubt", r"--settle c=done --settle d=done")
    # What was under way and may be repeated is, then or later, and nothing else begins.
    assert "z" not in world.ledger_lines()
    world.resume("--settle", "c=done", "--settle", "d=rerun")
    world.ledger("a", "b", "b", "c", "d", "d", "f", "g", "g", "z", ordered=False)


def foreach_in_order(world):
    world.runbook("""
        steps:
          - id: each
            foreach: [x, y, z]
            shell: did "$IT"; [ "$IT" != y ] || hold y; echo "$IT"
            env: {IT: "${{ .item }}"}
          - id: after
            shell: did "$ALL"
            env: {ALL: "${{ [.steps.each.results[].stdout] | join(\\"+\\") }}"}
    """)
    world.dies_at("y")
    said = world.resume(status=6)
    says(said, r"--settle 'each\[1\]'=done")
    world.go("y")
    world.resume("--settle", "each[1]=rerun")
    world.ledger("x", "y", "y", "z", "x+y+z")


def foreach_at_once(world):
    world.runbook("""
        steps:
          - id: each
            foreach: [p, q, r, s]
            concurrency: 3
            steps:
              - id: first
                shell: did "$IT"1
                env: {IT: "${{ .item }}"}
              - id: second
                shell: did "$IT"2; [ "$IT" = p ] || hold "$IT"
                effect: idempotent
                env: {IT: "${{ .item }}"}
    """)
    engine = world.starts_until("q", "r", "s")
    engine.kill()
    world.machine_dies()
    world.go("q", "r", "s")
    world.resume()
    world.ledger("p1", "q1", "r1", "s1", "p2", "q2", "r2", "s2", "q2", "r2", "s2", ordered=False)


def called_runbook(world):
    world.runbook("""
        params: {who: {type: string, required: true}}
        steps:
          - {id: one, shell: did one "$WHO", env: {WHO: "${{ .params.who }}"}}
          - {id: two, shell: did two; hold two; echo 7, effect: idempotent,
             outputs: {n: {jq: .json}}}
    """, "inner.yaml")
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: sub, call: inner.yaml, params: {who: me}}
          - {id: z, shell: did z "$N", env: {N: "${{ .steps.sub.steps.two.json }}"}}
    """)
    world.dies_at("two")
    world.go("two")
    world.resume()
    world.ledger("a", "one me", "two", "two", "z 7")
    world.has("step.finished run sub/one succeeded")


def groups_within_loops_within_calls(world):
    world.runbook("""
        params: {n: {type: integer, required: true}}
        steps:
          - id: loop
            foreach: "[range(2)]"
            steps:
              - id: both
                parallel:
                  - id: left
                    shell: did "l$N$I"
                    env: {N: "${{ .params.n }}", I: "${{ .index }}"}
                  - id: right
                    shell: did "r$N$I"; [ "$N$I" != 21 ] || hold right
                    env: {N: "${{ .params.n }}", I: "${{ .index }}"}
                    effect: idempotent
    """, "inner.yaml")
    world.runbook("""
        steps:
          - id: outer
            foreach: [1, 2]
            steps:
              - {id: sub, call: inner.yaml, params: {n: "${{ .item }}"}}
          - {id: z, shell: did z}
    """)
    engine = world.starts_until("right")
    world.recorded("step.finished", "run", "outer[1]/sub/loop[1]/left", "succeeded")
    engine.kill()
    world.machine_dies()
    world.go("right")
    world.resume()
    world.ledger("l10", "r10", "l11", "r11", "l20", "r20", "l21", "r21", "r21", "z", ordered=False)


def group_with_a_timeout(world):
    world.runbook("""
        steps:
          - id: all
            timeout: 3s
            steps:
              - {id: a, shell: did a; hold a, effect: idempotent}
              - {id: b, shell: sleep 60, effect: idempotent}
          - {id: z, shell: did z}
    """)
    world.dies_at("a")
    world.go("a")
    world.resume(status=1)
    world.ledger("a", "a")
    world.has("step.finished run all failed")


def wait_has_what_is_left(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: pause, wait: 3s}
          - {id: b, shell: did b}
    """)
    engine = world.start()
    world.recorded("step.started", "run", "pause")
    engine.kill()
    world.resume()
    world.ledger("a", "b")
    ended = [r for r in world.records() if r.get("step") == "pause"]
    took = (ended[-1]["mono_ns"] - ended[0]["mono_ns"]) / 1e9
    assert 2.9 < took < 4.5, "the wait took %.1f s" % took
    assert ended[-1]["duration_ms"] >= 2900, "it says that it took %d ms" % ended[-1]["duration_ms"]
    assert world.count("step.started", "run", "pause") == 1, world.outline()


def in_finally(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
        finally:
          - {id: y, shell: did y}
          - {id: z, shell: did z; hold z, effect: idempotent}
    """)
    world.dies_at("z")
    world.go("z")
    world.resume()
    world.ledger("a", "y", "z", "z")
    world.has("run.finished succeeded", "step.finished finally y succeeded")


def resumes_that_die_too(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; hold a, effect: idempotent}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did c; hold c, effect: idempotent}
          - {id: d, shell: did d}
    """)
    world.dies_at("a")
    world.go("a")
    world.dies_at("b", arguments=("resume", "last"))
    world.go("b")
    world.dies_at("c", arguments=("resume", "last"))
    world.go("c")
    world.resume()
    world.ledger("a", "a", "b", "b", "c", "c", "d")
    assert world.count("run.resumed") == 3, world.outline()


def resume_dies_in_the_same_step(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; hold a}
    """)
    world.dies_at("a")
    world.dies_at("a", arguments=("resume", "last", "--settle", "a=rerun"))
    said = world.resume(status=6)
    says(said, r"a +is in doubt")
    world.resume("--settle", "a=done")
    world.ledger("a", "a")


def skipped_and_tolerated_steps(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; exit 3, on_failure: continue}
          - {id: b, shell: did b, when: '.steps.a.status == "succeeded"'}
          - {id: c, shell: did c; hold c, effect: idempotent}
          - {id: d, shell: did "d-$A-$B",
             env: {A: "${{ .steps.a.status }}", B: "${{ .steps.b.status }}"}}
    """)
    world.dies_at("c")
    world.go("c")
    world.resume()
    world.ledger("a", "c", "c", "d-failed-skipped")


def whole_time_is_held_against_the_objective(world):
    world.runbook("""
        objectives: {rto: 2s}
        steps:
          - {id: a, shell: hold a, effect: read}
          - {id: b, wait: 2s}
    """)
    world.dies_at("a")
    world.go("a")
    said = world.resume()
    says(said, r"(?i)rto.*(missed|not met|exceed|over)")
    last = world.records()[-1]
    assert last["objectives"]["rto"]["met"] is False, last
    assert last["objectives"]["rto"]["measured_ms"] >= 2000, last


def nothing_else_changes_while_a_step_is_in_doubt(world):
    world.runbook("""
        steps:
          - id: all
            parallel:
              - {id: unknown, shell: did unknown; hold unknown}
              - {id: pause, wait: 1s}
              - id: loop
                foreach: [x, y]
                steps:
                  - {id: first, shell: did "first$I"; hold first, effect: idempotent,
                     env: {I: "${{ .item }}"}}
                  - {id: second, shell: did "second$I", env: {I: "${{ .item }}"}}
              - id: tries
                shell: did try; [ "$(grep -c try "$WORLD/ledger")" -ge 2 ]
                retry: {attempts: 2, delay: 1s}
          - {id: z, shell: did z}
    """)
    engine = world.starts_until("unknown", "first")
    world.recorded("step.retrying", "run", "tries")
    engine.kill()
    world.machine_dies()
    world.go("first")
    world.resume(status=6)
    world.resume(status=6)
    assert not {"secondx", "z"} & set(world.ledger_lines()), world.ledger_lines()
    world.resume("--settle", "unknown=done")
    world.ledger("unknown", "firstx", "try", "firstx", "secondx", "firsty", "secondy", "try", "z",
                 ordered=False)
    world.has("run.finished succeeded")
