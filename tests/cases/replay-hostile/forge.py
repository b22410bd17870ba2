"""forge.py FROM TO KEY=VALUE...: a run whose records say something else, with a chain that holds.

TYPE.KEY=JSON sets a key of every record of that type; `file:NAME=TEXT` writes a file of the run."""
import hashlib
import json
import os
import shutil
import sys


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def reseal(lines):
    previous, out = "0" * 64, []
    for record in lines:
        record["prev"] = previous
        sealed = "sum" in record
        record.pop("sum", None)
        line = json.dumps(record, separators=(",", ":"))
        if sealed:
            head = line[:-1]
            line = head + ',"sum":"%s"}' % hashlib.sha256(head.encode()).hexdigest()
        out.append(line + "\n")
        previous = hashlib.sha256(out[-1].encode()).hexdigest()
    return out


def main():
    source, target = sys.argv[1:3]
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("guard"))
    path = os.path.join(target, "transcript.jsonl")
    with open(path) as file:
        records = [json.loads(line) for line in file.read().rstrip("\0").splitlines()]
    for change in sys.argv[3:]:
        key, _, text = change.partition("=")
        if key.startswith("file:"):
            write(os.path.join(target, key[5:]), text)
            continue
        kind, _, member = key.rpartition(".")
        for record in records:
            if record["type"] == kind and member in record:
                record[member] = json.loads(text)
    write(path, "".join(reseal(records)))


main()
