#!/usr/bin/env python3
"""Holds `runbook check` and the schema against the same files, with a validator of others.

Every file of tests/cases/valid, examples and runbooks passes both. Every file of tests/cases/invalid fails `check` with
exactly the text of its .expected; the schema refuses it too, unless its first line is
`# schema: cannot say`, and then the schema must indeed not refuse it. The stored schema is the
one that the engine's tables generate, and so is the language's reference.

    RUNBOOK=build/engine/cli/runbook tests/lint/schema_agrees.py [--update]

--update writes schemas/{runbook,config,plan,report,policy}.schema.json, runbooks/LANGUAGE.md and the .expected files anew."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
REFERENCE = ROOT / "runbooks" / "LANGUAGE.md"
SCHEMA = ROOT / "schemas" / "runbook.schema.json"
POLICY = ROOT / "schemas" / "policy.schema.json"
PLAN = ROOT / "schemas" / "plan.schema.json"
REPORT = ROOT / "schemas" / "report.schema.json"
CONFIG = ROOT / "schemas" / "config.schema.json"
RUNBOOK = str(Path(os.environ["RUNBOOK"]).resolve())
CANNOT_SAY = "# schema: cannot say"


class Loader(yaml.SafeLoader):
    """YAML as the language reads it: `yes`, 0644, 1:30 and dates are text."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("tag:yaml.org,2002:null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("tag:yaml.org,2002:int", r"^[-+]?(0|[1-9][0-9]*)$", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$",
        list("-+.0123456789"),
    ),
    ("tag:yaml.org,2002:merge", r"^<<$", ["<"]),
]:
    Loader.add_implicit_resolver(tag, re.compile(pattern), first)


def run(*arguments, cwd=CASES):
    env = dict(os.environ, NO_COLOR="1", LC_ALL="C.UTF-8")
    env.pop("COLUMNS", None)
    return subprocess.run([RUNBOOK, *arguments], cwd=cwd, env=env, capture_output=True, check=False)


def is_accepted(validator, path):
    """What the schema says; text that is no YAML at all is for `check` alone."""
    try:
        data = yaml.load(path.read_bytes(), Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return None
    return validator.is_valid(data)


def check_schema(path, which, update):
    wanted = run("schema", which).stdout.decode()
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted)
    if not path.exists() or path.read_text() != wanted:
        return f"differs from what `runbook schema {which}` generates"
    jsonschema.Draft202012Validator.check_schema(json.loads(wanted))
    return None


def check_reference(update):
    wanted = run("schema", "reference").stdout.decode()
    if update:
        REFERENCE.write_text(wanted)
    if not REFERENCE.exists() or REFERENCE.read_text() != wanted:
        return "differs from what `runbook schema reference` generates"
    return None


def check_examples(schema):
    """Every key is described, and every example is right by the schema of its own key."""
    wrong = []

    def walk(part, place):
        if isinstance(part, list):
            for index, item in enumerate(part):
                walk(item, f"{place}/{index}")
        if not isinstance(part, dict):
            return
        for name, sub in part.get("properties", {}).items() if place[-10:] != "properties" else ():
            if not sub.get("description") and "anyOf" not in sub:
                wrong.append(f"{place}/{name} has no description")
        if isinstance(part.get("examples"), list):
            one = jsonschema.Draft202012Validator({**part, "$defs": schema["$defs"]})
            for example in part["examples"]:
                for error in one.iter_errors(example):
                    wrong.append(f"{place}: example {example!r}: {error.message}")
        for name, sub in part.items():
            walk(sub, f"{place}/{name}")

    walk(schema, "")
    return "\n".join(wrong) or None


def check_valid(validator, path):
    result = run("check", path.name, cwd=path.parent)
    if result.returncode != 0:
        return "check refuses it: " + (result.stdout + result.stderr).decode()
    if not is_accepted(validator, path):
        data = yaml.load(path.read_bytes(), Loader)
        return "the schema refuses it: " + str(jsonschema.exceptions.best_match(validator.iter_errors(data)))
    return None


def check_plan(validator, path):
    """What `plan --json` says of a runbook is what the schema of plans promises."""
    data = yaml.load(path.read_bytes(), Loader)
    params = data.get("params") or {}
    given = []
    for number, (name, param) in enumerate(params.items(), 1):
        if param.get("required"):
            # One after the other: what follows something else takes longer.
            example = {"integer": "1", "number": "1", "boolean": "true",
                       "duration": f"{number}s"}
            value = (param.get("enum") or [example.get(param.get("type"), "x")])[0]
            given += ["--set", f"{name}={value}"]
    result = run("plan", "--json", *given, path.name, cwd=path.parent)
    if result.returncode != 0:
        said = (result.stdout + result.stderr).decode()
        return None if "parameter" in said else "plan refuses it: " + said
    for error in validator.iter_errors(json.loads(result.stdout)):
        return f"its plan does not fit the schema: {error.json_path}: {error.message[:300]}"
    return None


def check_invalid(validator, path, update):
    result = run("check", path.name, cwd=path.parent)
    said = result.stdout + result.stderr
    expected = path.with_suffix(".expected")
    if update:
        expected.write_bytes(said)
    if result.returncode != 2:
        return f"check ends with {result.returncode}, not 2"
    if not expected.exists() or expected.read_bytes() != said:
        return "check says something else than expected:\n" + said.decode()
    first = path.read_bytes().replace(b"\0", b"").split(b"\n", 1)[0]
    is_marked = CANNOT_SAY.encode() in first
    accepted = is_accepted(validator, path)
    if is_marked and accepted is False:
        return "the schema can say it: take the first line out"
    if not is_marked and accepted is True:
        return "the schema accepts it"
    return None


def main():
    update = "--update" in sys.argv[1:]
    results = {"schemas/runbook.schema.json": check_schema(SCHEMA, "runbook", update)}
    results["schemas/config.schema.json"] = check_schema(CONFIG, "config", update)
    results["schemas/policy.schema.json"] = check_schema(POLICY, "policy", update)
    results["schemas/plan.schema.json"] = check_schema(PLAN, "plan", update)
    results["schemas/report.schema.json"] = check_schema(REPORT, "report", update)
    results["runbooks/LANGUAGE.md"] = check_reference(update)
    schema = json.loads(SCHEMA.read_text())
    results["examples in the schema"] = check_examples(schema)
    results["examples in the configuration's"] = check_examples(json.loads(CONFIG.read_text()))
    validator = jsonschema.Draft202012Validator(schema)
    good = [CASES / "valid", ROOT / "examples", ROOT / "runbooks"]
    for path in sorted(path for folder in good for path in folder.rglob("*.yaml")):
        results[str(path.relative_to(ROOT))] = check_valid(validator, path)
    rules = jsonschema.Draft202012Validator(json.loads(POLICY.read_text()))
    if not is_accepted(rules, ROOT / "examples" / "policy.yml"):
        results["examples/policy.yml"] = "the schema of house rules refuses it"
    results["examples in those of house rules"] = check_examples(json.loads(POLICY.read_text()))
    plans = jsonschema.Draft202012Validator(json.loads(PLAN.read_text()))
    for path in sorted(path for folder in good for path in folder.rglob("*.yaml")):
        results["plan of " + str(path.relative_to(ROOT))] = check_plan(plans, path)
    for path in sorted((CASES / "invalid").glob("*.yaml")):
        results["invalid/" + path.name] = check_invalid(validator, path, update)
    bad = {name: why for name, why in results.items() if why}
    for name, why in bad.items():
        print(f"{name}: {why}")
    print(f"{len(results) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
