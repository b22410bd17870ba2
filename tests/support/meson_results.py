#!/usr/bin/env python3
"""Reads meson's testlog.json: prints what failed and why, then `N passed, N failed`, counting the
tests inside the cmocka programs. A program that ends badly without a failed test (a crash, a
leak, a time limit) counts as one failure."""
import json
import re
import sys

TELLING = re.compile(r"^\[ +(ERROR|LINE|FAILED) +\]|ERROR:|error:|SUMMARY:|^ +#\d+ |leak of|"
                     r"assert|Segmentation|Aborted|runtime error")


def count(text, word):
    return sum(int(n) for n in re.findall(r"^\[ +%s +\] (\d+) test\(s\)" % word, text, re.M))


def main():
    passed = failed = 0
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            text = test.get("stdout") or ""
            errors = test.get("stderr") or ""
            both = text + "\n" + errors
            result = test["result"]
            good, bad = count(both, "PASSED"), count(both, "FAILED")
            if result in ("OK", "EXPECTEDFAIL"):
                passed += good or 1
                continue
            if result == "SKIP":
                continue
            bad = bad or 1
            passed, failed = passed + good, failed + bad
            print(f"{test['name']}: {result}, exit status {test.get('returncode')}")
            telling = [part for part in both.split("\n") if TELLING.search(part)]
            print("\n".join("    " + part[:300] for part in (telling or both.split("\n"))[-40:]))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
