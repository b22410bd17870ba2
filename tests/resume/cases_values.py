"""What earlier steps gave is there for later ones, and what must not be told is not."""
import os

from world import says, says_not


def streams_outputs_and_json(world):
    world.runbook("""
        steps:
          - id: a
            shell: |
              did a; echo '{"n": [1, 2, {"x": "y"}]}'; echo error >&2
              printf 'name=value\\nlist=1\\n' > "$RUNBOOK_OUTPUT"
            outputs: {second: {jq: ".json.n[1]"}, word: {regex: '"x": "(.)"'}}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - id: c
            shell: did "$OUT" "$ERR" "$X" "$NAME" "$SECOND" "$WORD" "$CODE"
            env:
              OUT: "${{ .steps.a.stdout }}"
              ERR: "${{ .steps.a.stderr }}"
              X: "${{ .steps.a.json.n[2].x }}"
              NAME: "${{ .steps.a.outputs.name }}"
              SECOND: "${{ .steps.a.outputs.second }}"
              WORD: "${{ .steps.a.outputs.word }}"
              CODE: "${{ .steps.a.exit_code }}"
    """)
    world.dies_at("b")
    world.go("b")
    world.resume()
    world.ledger("a", "b", "b", '{"n": [1, 2, {"x": "y"}]} error y value 2 y 0')


def large_output_is_read_from_its_file(world):
    world.runbook("""
        steps:
          - id: a
            shell: did a; for i in $(seq 20000); do echo 0123456789; done
            outputs: {most: {jq: '[range(3000)] | map("item \\(.)")'}}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - id: c
            shell: did "$LENGTH" "$LAST"
            env:
              LENGTH: "${{ .steps.a.stdout | length }}"
              LAST: "${{ .steps.a.outputs.most[2999] }}"
    """)
    world.dies_at("b")
    world.go("b")
    world.resume()
    world.ledger("a", "b", "b", "219999 item 2999")


def short_output_is_read_from_its_record(world):
    """Also where the engine died before it had removed the file that it came through."""
    world.runbook("""
        steps:
          - {id: a, shell: did a; echo short}
          - {id: b, shell: "echo begun; did b; hold b; echo on"}
          - {id: c, shell: did "$A" $B, env: {A: "${{ .steps.a.stdout }}", B: "${{ .steps.b.stdout }}"}}
    """)
    world.starts_until("b").kill()
    output = os.path.join(world.run_folder(), "output")
    assert os.listdir(output) == ["b.1.stdout"], os.listdir(output)
    with open(os.path.join(output, "a.1.stdout"), "w") as file:
        file.write("something else\n")
    world.go("b")
    world.resume()
    assert os.listdir(output) == ["a.1.stdout"], os.listdir(output)
    world.ledger("a", "b", "short begun on")


def results_of_a_loop(world):
    world.runbook("""
        steps:
          - id: each
            foreach: [x, y, z]
            shell: echo "<$I>"; echo "v=$I" > "$RUNBOOK_OUTPUT"
            env: {I: "${{ .item }}"}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - id: c
            shell: did "$ALL" "$OUTPUTS"
            env:
              ALL: "${{ [.steps.each.results[].stdout] | join(\\"\\") }}"
              OUTPUTS: "${{ .steps.each.outputs.v | join(\\"\\") }}"
    """)
    world.dies_at("b")
    world.go("b")
    world.resume()
    world.ledger("b", "b", "<x><y><z> xyz")


def parameters_and_profile_are_those_of_the_run(world):
    world.runbook("""
        params: {who: {type: string, required: true}, n: {type: integer, default: 1}}
        profiles: {drill: {params: {n: 5}}}
        steps:
          - {id: a, shell: did a; hold a, effect: idempotent}
          - {id: b, shell: did "$WHO-$N", env: {WHO: "${{ .params.who }}", N: "${{ .params.n }}"}}
    """)
    world.dies_at("a", arguments=("exec", "runbook.yaml", "--set", "who=me", "--profile", "drill"))
    world.go("a")
    world.resume()
    world.ledger("a", "a", "me-5")


def selection_is_that_of_the_run(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did c}
          - {id: d, shell: did d}
    """)
    world.dies_at("b", arguments=("exec", "runbook.yaml", "--skip", "a", "--skip", "c"))
    world.go("b")
    world.resume()
    world.ledger("b", "b", "d")


def times_of_the_run_are_its_own(world):
    world.runbook("""
        steps:
          - {id: a, shell: did "$T"; hold a, effect: idempotent,
             env: {T: "${{ .run.started_at }}${{ .run.id }}${{ .run.dir }}"}}
          - {id: b, shell: did "$T", env: {T: "${{ .run.started_at }}${{ .run.id }}${{ .run.dir }}"}}
    """)
    world.dies_at("a")
    world.go("a")
    world.resume()
    lines = world.ledger_lines()
    assert len(lines) == 3 and len(set(lines)) == 1, lines


def secrets_are_asked_for_anew(world):
    world.runbook("""
        secrets: {token: {env: TOKEN}}
        steps:
          - {id: a, shell: 'echo "$T" > told; did a; hold a; echo "$T"', effect: idempotent,
             env: {T: "${{ .secrets.token }}"}}
          - {id: b, shell: 'did "$([ "$T" = "$(cat word)" ] && echo same)"; echo "$T"',
             env: {T: "${{ .secrets.token }}"}}
    """)
    world.environment["TOKEN"] = "correct-horse"
    world.write("word", "correct-horse")
    world.dies_at("a")
    world.go("a")
    before = world.lines()
    del world.environment["TOKEN"]
    said = world.resume(status=2)
    says(said, "token", "TOKEN")
    assert world.lines() == before
    world.environment["TOKEN"] = "correct-horse"
    world.resume()
    world.ledger("a", "a", "same")
    for folder, _, files in os.walk(world.run_folder()):
        for file in files:
            path = os.path.join(folder, file)
            if os.path.isfile(path) and b"correct-horse" in open(path, "rb").read():
                raise AssertionError("the secret is in " + path)


def secret_output_that_is_gone_is_told(world):
    """It was never written, so that who needs it must be told, and the mark is no value."""
    world.runbook("""
        steps:
          - id: make
            shell: did make; echo "password=hunter2-long"
            outputs: {password: {regex: "password=(.*)", secret: true}}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: use, shell: did "use-$P", env: {P: "${{ .steps.make.outputs.password }}"}}
    """)
    world.dies_at("b")
    world.go("b")
    said = world.resume(status=1)
    says(said, "env `P` is null", "hint: secret outputs are never written down.*: `password` of `make`")
    says_not(said, "hunter2", "redacted")
    lines = world.ledger_lines()
    assert not [line for line in lines if line.startswith("use")], lines


def secret_that_is_not_needed_later_does_no_harm(world):
    world.runbook("""
        steps:
          - id: make
            shell: did make; echo "password=hunter2-long"
            outputs: {password: {regex: "password=(.*)", secret: true}}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did c}
    """)
    world.dies_at("b")
    world.go("b")
    world.resume()
    world.ledger("make", "b", "b", "c")


def sensitive_output_is_not_there(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; echo private, sensitive: true}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did c}
    """)
    world.dies_at("b")
    world.go("b")
    world.resume()
    world.ledger("a", "b", "b", "c")
    for folder, _, files in os.walk(os.path.join(world.run_folder(), "output")):
        for file in files:
            assert b"private" not in open(os.path.join(folder, file), "rb").read(), file


def conditions_are_those_that_were_recorded(world):
    """What was skipped stays skipped, though its condition would now be true."""
    world.runbook("""
        steps:
          - {id: a, shell: did a, when: '.env.FLAG == "on"'}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did c, when: '.steps.a.status == "skipped"'}
    """)
    world.environment["FLAG"] = "off"
    world.dies_at("b")
    world.go("b")
    world.environment["FLAG"] = "on"
    world.resume()
    world.ledger("b", "b", "c")


def files_of_steps_are_still_there(world):
    world.runbook("""
        steps:
          - {id: a, shell: 'did a; echo kept > "$DIR/kept"', env: {DIR: "${{ .run.dir }}"}}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: 'did "$(cat "$DIR/kept")"', env: {DIR: "${{ .run.dir }}"}}
    """)
    world.dies_at("b")
    world.go("b")
    world.resume()
    world.ledger("a", "b", "b", "kept")
