#!/usr/bin/env python3
"""The rules of the house as a program: who may include whom, sizes, words, format.

Prints each violation as `file:line: message`, then the figures, then one line
`N passed, N failed` that counts rules. Exit status 1 where a rule failed.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys

ROOT = os.environ.get("LINT_ROOT") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Room: the rooms that it may include. `step` is engine/step.h and engine/field.h; `reader` is
# the part of the journal that only reads.
ARROWS = {
    "base": [],
    "guard": ["base"],
    "value": ["base"],
    "secret": ["base", "value"],
    "io": ["base", "guard", "value", "secret"],
    "journal": ["base", "value", "secret", "reader"],
    "reader": ["base", "value", "secret", "journal"],
    "step": ["base", "value"],
    "steps": ["base", "value", "io", "step"],
    "lang": ["base", "value", "step"],
    "plan": ["base", "value", "secret", "step", "lang", "reader"],
    "run": ["base", "value", "secret", "io", "journal", "reader", "step", "steps", "lang", "plan"],
    "report": ["base", "value", "secret", "step", "lang", "plan", "reader"],
    "cli": ["base", "value", "secret", "io", "journal", "reader", "step", "steps", "lang", "plan",
            "run", "report"],
}
READER_HEADERS = {"event.h", "reader.h", "store.h", "store_list.h", "verify.h"}

# Header of a library: where alone it may be included.
LIBRARIES = [
    (r"(jv|jq)\.h", r"engine/value/"),
    (r"pcre2.*\.h", r"engine/value/"),
    (r"openssl/.*", r"engine/secret/"),
    (r"uv(/.*)?\.h", r"engine/io/"),
    (r"curl/.*", r"engine/io/"),
    (r"libpq.*\.h|postgres.*", r"engine/io/"),
    (r"git2(/.*)?\.h", r"engine/io/"),
    (r"yaml\.h", r"engine/lang/"),
    (r"(pg_query|protobuf).*\.h|pg_query/.*", r"steps/sql_"),
    (r"md4c.*\.h", r"engine/cli/"),
]

TYPES = ["shell", "exec", "sql", "http", "git", "approval", "manual", "watch", "notify", "call",
         "assert", "wait", "group"]

TOP = {"meson.build", "meson_options.txt", "meson.options", "engine", "steps", "runbooks",
       "schemas", "examples", "tests", "README.md", "LICENSE", ".ci", ".clang-format",
       ".clang-tidy", ".gitignore", ".gitattributes", ".editorconfig"}

FUNCTION_MOST = 100
FUNCTION_MEDIAN = 15
FUNCTION_P90 = 50
FILE_MOST = 600
HEADER_MEDIAN = 40

WORDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
PRINTS = re.compile(r"(?<![\w.>])(printf|puts|putchar|perror|vprintf)\s*\(|"
                    r"(?<![\w.>])v?fprintf\s*\(\s*(stdout|stderr)\b")

violations = []


def report(rule, path, line, message):
    violations.append((rule, path, line, message))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def tracked():
    """Files of the repository, also new ones that are not ignored."""
    try:
        out = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "--cached",
             "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode()
        names = [name for name in out.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [f for f in folders if f != ".git" and not f.startswith("build")]
            names += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return sorted(n for n in set(names) if os.path.isfile(os.path.join(ROOT, n)))


def room_of(path):
    parts = path.split("/")
    if parts[0] == "steps":
        return "steps"
    if parts[0] != "engine":
        return None
    if len(parts) == 2:
        return "step"
    if parts[1] == "journal" and parts[2] in READER_HEADERS:
        return "reader"
    return parts[1]


def resolve(path, name, known):
    for folder in (os.path.dirname(path), "engine", ""):
        candidate = os.path.normpath(os.path.join(folder, name))
        if candidate in known:
            return candidate
    return None


def check_step_include(path, number, target):
    """Steps never include each other; only steps.c names types."""
    stem = os.path.splitext(os.path.basename(target))[0]
    own = os.path.splitext(os.path.basename(path))[0]
    for kind in TYPES:
        if stem == kind or (kind == "sql" and stem == "sql_effect"):
            if own != "steps" and not (own == kind or own.startswith(kind + "_")):
                report("arrows", path, number, f"a step must not include another one: {target}")


def check_includes(path, text, known):
    room = room_of(path)
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not match:
            continue
        name = match.group(2)
        for pattern, where in LIBRARIES:
            if room and re.fullmatch(pattern, name) and not path.startswith(where):
                report("libraries", path, number, f"<{name}> belongs to {where} alone")
        if match.group(1) == "<" or not room:
            continue
        target = resolve(path, name, known)
        if not target:
            report("arrows", path, number, f"\"{name}\" is not a file of this repository")
            continue
        to = room_of(target)
        if to is None:
            report("arrows", path, number, f"{room} must not include {target}")
        elif to != room and to not in ARROWS.get(room, []):
            report("arrows", path, number, f"{room} must not include {to} (\"{name}\")")
        elif room == "steps" and to == "steps":
            check_step_include(path, number, target)


FUNCTION = re.compile(r"^[A-Za-z_].*[)\w]\s*\{$")
NOT_FUNCTION = re.compile(r"^(struct|enum|union|typedef|extern \"C\")\b[^()]*\{$|=\s*\{$")


def functions(text):
    """(first line, length) of each function: a top-level line that ends in `{`, after the
    clang-format of this repository, back to where its declaration begins."""
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line.startswith("}") and start is not None:
            yield start + 1, i - start + 1
            start = None
        elif line.endswith("{") and not line.startswith(("#", "}", "/")) and start is None:
            first = i
            while first > 0 and lines[first][:1] in (" ", "\t") and lines[first - 1].strip():
                first -= 1
            head = " ".join(lines[first:i + 1])
            if lines[first][:1] in (" ", "\t") or "(" not in head or NOT_FUNCTION.search(head):
                continue
            start = first


def code_lines(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return sum(1 for line in text.split("\n") if line.strip() and not line.strip().startswith("//"))


def check_sizes(path, text, lengths, headers):
    lines = text.count("\n")
    if path.endswith(".c") and lines > FILE_MOST:
        report("sizes", path, FILE_MOST + 1, f"{lines} lines; the most is {FILE_MOST}")
    if path.endswith(".h") and room_of(path):
        headers.append(code_lines(text))
    if not path.endswith(".c"):
        return
    for line, length in functions(text):
        if room_of(path):
            lengths.append(length)
        if length > FUNCTION_MOST:
            report("sizes", path, line, f"a function of {length} lines; the most is "
                                        f"{FUNCTION_MOST}")


def check_words(path, text):
    code = path.endswith((".c", ".h", ".py", ".sh", ".build", ".md", ".yaml", ".yml"))
    for number, line in enumerate(text.split("\n"), 1):
        if WORDS.search(line):
            report("words", path, number, "finish it, or leave it out: " +
                   WORDS.search(line).group(0))
        if path.endswith((".c", ".h", ".py", ".build")) and "\t" in line:
            report("blanks", path, number, "a tab")
        if code and line != line.rstrip() and not path.startswith("tests/cases/"):
            report("blanks", path, number, "blanks at the end of the line")
    if path.endswith(".c") and room_of(path) not in (None, "cli"):
        bare = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
        lines = bare.split("\n")
        for number, line in enumerate(lines, 1):
            # Last words before abort() are allowed.
            if PRINTS.search(line) and "abort()" not in " ".join(lines[number:number + 3]):
                report("prints", path, number, "only the command line prints")


def check_built(path, known):
    """Every source file is named in its folder's meson.build (or a parent's)."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    while True:
        build = os.path.join(folder, "meson.build")
        if build in known:
            inner = os.path.relpath(os.path.splitext(path)[0], folder)
            text = read(build)
            if re.search(r"'(%s|%s)(\.c)?'" % (re.escape(stem), re.escape(inner)), text):
                return
            # Unit tests are named FOLDER/test_NOUN relative to tests/unit.
            if re.search(r"/%s'" % re.escape(stem), text):
                return
        if not folder:
            break
        folder = os.path.dirname(folder)
    report("built", path, 1, "no meson.build names this file")


def check_format(sources):
    tool = shutil.which("clang-format")
    if not tool:
        report("format", ".clang-format", 1, "clang-format is not installed")
        return
    done = subprocess.run([tool, "--dry-run", "-Werror", "--ferror-limit=1", *sources], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error:", done.stderr, flags=re.M):
        report("format", path, int(line), "not as clang-format would write it")
    if done.returncode and not any(rule == "format" for rule, *_ in violations):
        report("format", ".clang-format", 1, done.stderr.strip().split("\n")[0])


def check_shell(scripts):
    tool = shutil.which("shellcheck")
    if not tool or not scripts:
        return
    done = subprocess.run([tool, "-x", "-f", "gcc", "-S", "warning", *scripts], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    for path, line, message in re.findall(r"^(\S+?):(\d+):\d+: (.*)$", done.stdout, flags=re.M):
        report("shell", path, int(line), message)


# What version 2.10 gets wrong: typedefs in folders it does not parse, compound literals as
# arguments, hexadecimal floats.
CPPCHECK_WRONG = ["CastIntegerToAddressAtReturn", "unknownEvaluationOrder",
                  "incorrectLogicOperator", "missingIncludeSystem"]


def check_cppcheck():
    tool = shutil.which("cppcheck")
    if not tool or not os.path.isdir(os.path.join(ROOT, "steps")):
        return
    done = subprocess.run(
        [tool, "--quiet", "--enable=warning,performance,portability", "--inline-suppr",
         "--std=c11", "-D_GNU_SOURCE", "-Iengine", "-I.", f"-j{os.cpu_count() or 1}",
         "--template={file}:{line}: {message} [{id}]",
         *[f"--suppress={wrong}" for wrong in CPPCHECK_WRONG], "engine", "steps"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    for path, line, message in re.findall(r"^(\S+?):(\d+): (.*)$", done.stderr, flags=re.M):
        report("cppcheck", path, int(line), message)


def is_script(path, text):
    return path.endswith(".sh") or re.match(r"#!\s*/(usr/)?bin/(env )?(ba)?sh\b", text)


def percentile(numbers, part):
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0


def check_figures(lengths, headers):
    if not lengths or not headers:
        return
    median, p90 = statistics.median(lengths), percentile(lengths, 0.9)
    header = statistics.median(headers)
    print(f"functions: {len(lengths)}, median {median:g} lines, p90 {p90}, longest {max(lengths)}")
    print(f"headers: {len(headers)}, median {header:g} code lines")
    if median > FUNCTION_MEDIAN:
        report("figures", "engine", 1, f"median of functions is {median:g} > {FUNCTION_MEDIAN}")
    if p90 > FUNCTION_P90:
        report("figures", "engine", 1, f"p90 of functions is {p90} > {FUNCTION_P90}")
    if header > HEADER_MEDIAN:
        report("figures", "engine", 1, f"median of headers is {header:g} > {HEADER_MEDIAN}")


RULES = ["top", "arrows", "libraries", "sizes", "figures", "words", "blanks", "prints", "built",
         "format", "shell", "cppcheck"]


def main():
    names = tracked()
    known = set(names)
    lengths, headers, sources, scripts = [], [], [], []
    for path in names:
        if path.split("/")[0] not in TOP:
            report("top", path, 1, "does not belong at the root")
        if os.path.islink(os.path.join(ROOT, path)) or path.endswith((".png", ".dump", ".gz")):
            continue
        text = read(path)
        if is_script(path, text):
            scripts.append(path)
        if path != "tests/lint/lint.py":
            check_words(path, text)
        if not path.endswith((".c", ".h")):
            continue
        sources.append(path)
        check_includes(path, text, known)
        check_sizes(path, text, lengths, headers)
        if path.endswith(".c"):
            check_built(path, known)
    check_figures(lengths, headers)
    check_format(sources)
    check_shell(scripts)
    check_cppcheck()
    for _, path, line, message in sorted(violations, key=lambda v: (v[1], v[2])):
        print(f"{path}:{line}: {message}")
    failed = {rule for rule, *_ in violations}
    print(f"{len(RULES) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
