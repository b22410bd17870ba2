"""Holds schemas/transcript.schema.json to the engine: generated from its tables, and true of the
records that it writes, of every type and of a real run.

    check_schema.py SAMPLES RUNBOOK SCHEMA
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile

import jsonschema

RUN = """\
runbook: 1
name: schema
objectives: {rto: 1h}
steps:
  - {id: first, shell: "echo one; echo two >&2", outputs: {word: {regex: "(o)"}}}
  - {id: again, shell: "exit 3", retry: {attempts: 2, delay: 1ms}, on_failure: continue}
  - {id: skipped, when: "false", shell: "true"}
  - {id: each, foreach: [1, 2], shell: "true"}
  - {id: undone, shell: "true", rollback: {shell: "true"}}
  - {id: fails, shell: "exit 1"}
finally:
  - {id: always, shell: "true"}
"""


def real_records(runbook):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(RUN)
        env = dict(os.environ, RUNBOOK_HOME=os.path.join(folder, "home"))
        done = subprocess.run([runbook, "exec", "--json", path], env=env, cwd=folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        assert done.returncode == 1, f"the run's exit status is {done.returncode}"
        runs = os.path.join(folder, "home", "runs")
        (run,) = os.listdir(runs)
        with open(os.path.join(runs, run, "transcript.jsonl"), "rb") as file:
            lines = file.read()
        assert lines == done.stdout, "--json is not the transcript"
        return lines.splitlines(keepends=True)


def check_chain(lines):
    previous = "0" * 64
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        assert record["seq"] == number
        assert record["prev"] == previous, f"line {number} does not continue the chain"
        previous = hashlib.sha256(line).hexdigest()
    head, _, tail = lines[-1].rpartition(b',"sum":"')
    assert tail == hashlib.sha256(head).hexdigest().encode() + b'"}\n', "the sum is not the line's"


def refuses(validator, record, what):
    assert not validator.is_valid(record), f"the schema accepts {what}: {record}"


def check_refusals(validator, schema, record):
    """What event_read refuses, the schema refuses."""
    kind = next(one for one in schema["oneOf"]
                if one["properties"]["type"]["const"] == record["type"])
    for key in schema["required"] + kind["required"]:
        refuses(validator, {k: v for k, v in record.items() if k != key}, f"no `{key}`")
    refuses(validator, dict(record, stepp="a"), "an unknown key")
    refuses(validator, dict(record, v=2), "another version")
    refuses(validator, dict(record, type="step.begun"), "an unknown type")
    refuses(validator, dict(record, uid=2**53), "an integer of 2^53")
    refuses(validator, dict(record, exit="1"), "a text for an integer")


def main():
    samples, runbook, schema_path = map(os.path.abspath, sys.argv[1:])
    with open(schema_path, encoding="utf-8") as file:
        text = file.read()
    printed = subprocess.run([runbook, "schema", "transcript"], stdout=subprocess.PIPE,
                             check=True, text=True).stdout
    assert printed == text, (
        "schemas/transcript.schema.json is not what the engine's tables say: "
        "`runbook schema transcript > schemas/transcript.schema.json`")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    lines = subprocess.run([samples], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    real = real_records(runbook)
    check_chain(real)
    for line in lines + real:
        validator.validate(json.loads(line))
    for line in real + lines[:22]:
        check_refusals(validator, schema, json.loads(line))
    print(f"{len(lines)} random and {len(real)} real records are valid")


main()
