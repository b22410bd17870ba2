#!/usr/bin/env python3
"""clang-tidy over engine/ and steps/, a few at a time: tidy.py BUILD-FOLDER.

A file is looked at again when its object was built again, that is, when it or a header that it
includes changed. Prints what is wrong, then `N passed, N failed`, counting files.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def up_to_date(stamp, entry):
    built = os.path.join(entry["directory"], entry["output"])
    config = os.path.join(ROOT, ".clang-tidy")
    return (os.path.exists(stamp) and os.path.exists(built) and
            os.path.getmtime(stamp) > max(os.path.getmtime(built), os.path.getmtime(config)))


def look(build, entry):
    path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), ROOT)
    stamp = os.path.join(build, "tidy", path.replace("/", "_") + ".clean")
    if up_to_date(stamp, entry):
        return []
    extra = ["--extra-arg=-Wno-unused-value",
             "--extra-arg-before=-include" + os.path.join(ROOT, "tests/lint/analyzer.h")]
    if path == "engine/base/err.c":
        extra = []
    done = subprocess.run(
        ["clang-tidy", "--quiet", "-p", build, *extra, os.path.join(ROOT, path)],
        cwd=ROOT, capture_output=True, text=True, check=False)
    found = [f"{os.path.relpath(os.path.join(entry['directory'], where), ROOT)}:{line}: {what}"
             for where, line, what in
             re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$", done.stdout, re.M)]
    if done.returncode and not found:
        found = [f"{path}:1: clang-tidy: {(done.stderr.strip() or 'failed').splitlines()[-1]}"]
    if not found:
        with open(stamp, "w", encoding="utf-8"):
            pass
    return found


def main():
    build = os.path.abspath(sys.argv[1])
    os.makedirs(os.path.join(build, "tidy"), exist_ok=True)
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        # Once, where a file is in several programs.
        entries = list({entry["file"]: entry for entry in json.load(file)
                        if re.search(r"(^|/)(engine|steps)/.*\.c$", entry["file"])
                        and "/tests/" not in entry["file"]}.values())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda entry: look(build, entry), entries))
    for line in sorted({line for found in results for line in found}):
        print(line)
    failed = sum(1 for found in results if found)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
