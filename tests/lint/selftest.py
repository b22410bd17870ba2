#!/usr/bin/env python3
"""Proves that each rule of lint.py fires, on a small tree that breaks all of them."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

LONG = "int long_one(void) {\n" + "    step();\n" * 100 + "}\n"
TREE = {
    "meson.build": "'fine.c' 'arrows.c' 'sql.c' 'http.c' 'words.c' 'long.c' 'big.c'\n",
    "engine/base/fine.h": "int fine(void);\n",
    "engine/io/io.h": "int io(void);\n",
    "engine/run/run.h": "int run(void);\n",
    "engine/journal/writer.h": "int writer(void);\n",
    "engine/base/fine.c": '#include "base/fine.h"\n\nint fine(void) {\n    return 1;\n}\n',
    "engine/lang/arrows.c": '#include "io/io.h"\n#include "missing.h"\n#include <uv.h>\n',
    "engine/report/sql.c": '#include "journal/writer.h"\n',
    "steps/http.h": "int http(void);\n",
    "steps/sql.c": '#include "steps/http.h"\n#include "run/run.h"\n',
    "engine/plan/words.c": "/* TO" + "DO */\n\tint tab;\nint space; \nvoid f(void) {\n"
                           '    printf("x");\n}\n',
    "engine/plan/long.c": LONG,
    "engine/plan/big.c": "int x;\n" * 601,
    "engine/plan/orphan.c": "int orphan;\n",
    "engine/plan/ugly.c": "int  ugly ;\n",
    "engine/plan/leak.c": "#include <stdlib.h>\n\nint leak(void) {\n    char *p = malloc(1);\n"
                          "    p = NULL;\n    return *p;\n}\n",
    "tests/bad.sh": "#!/bin/sh\ncd $1\n[ x = y ] && echo $undefined_one; for f in `ls`; do :; done\n"
                    "local x=1\n",
    "stray.txt": "at the root\n",
}
EXPECTED = [
    ("engine/lang/arrows.c:1", "lang must not include io"),
    ("engine/lang/arrows.c:2", "is not a file of this repository"),
    ("engine/lang/arrows.c:3", "belongs to engine/io/ alone"),
    ("engine/report/sql.c:1", "report must not include journal"),
    ("steps/sql.c:1", "a step must not include another one"),
    ("steps/sql.c:2", "steps must not include run"),
    ("engine/plan/words.c:1", "finish it"),
    ("engine/plan/words.c:2", "a tab"),
    ("engine/plan/words.c:3", "blanks at the end"),
    ("engine/plan/words.c:5", "only the command line prints"),
    ("engine/plan/long.c:1", "a function of 102 lines"),
    ("engine/plan/big.c:601", "601 lines"),
    ("engine/plan/orphan.c:1", "no meson.build names this file"),
    ("engine/plan/ugly.c:1", "not as clang-format would write it"),
    ("engine/plan/leak.c:6", "[nullPointer]"),
    ("tests/bad.sh:", "SC"),
    ("stray.txt:1", "does not belong at the root"),
]


def main():
    with tempfile.TemporaryDirectory() as root:
        for path, text in TREE.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        shutil.copy(os.path.join(HERE, "../../.clang-format"), root)
        done = subprocess.run([sys.executable, os.path.join(HERE, "lint.py")],
                              env={**os.environ, "LINT_ROOT": root}, capture_output=True,
                              text=True, check=False)
    lines = done.stdout.split("\n")
    failed = [f"{place}: nothing says {message!r}" for place, message in EXPECTED
              if not any(line.startswith(place) and message in line for line in lines)]
    if any("fine." in line for line in lines):
        failed.append("engine/base/fine.c: is fine, and was reported")
    if done.returncode != 1:
        failed.append(f"lint.py: exit status {done.returncode}")
    print("\n".join(failed + [""] if failed else []), end="")
    print(f"{len(EXPECTED) + 2 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
