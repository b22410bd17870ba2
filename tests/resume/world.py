"""A run's world: a folder of its own, the ledger of what steps did, and engines that are killed."""
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE = 20 * (3 if "asan" in os.environ.get("RUNBOOK", "") else 1)  # seconds


def load_cases_run():
    """What tests/cases knows of processes and transcripts."""
    sys.dont_write_bytecode = True
    loader = SourceFileLoader("cases_run", os.path.join(ROOT, "tests", "cases", "run"))
    module = module_from_spec(spec_from_loader("cases_run", loader))
    loader.exec_module(module)
    return module


cases_run = load_cases_run()

# `did WORD` writes the ledger; `hold NAME` says that it is there and stays until `go.NAME` is.
TOOLS = {
    "did": 'echo "$*" >> "$WORLD/ledger"\n',
    "hold": 'touch "$WORLD/at.$1"; until [ -e "$WORLD/go.$1" ]; do sleep 0.02; done\n',
}


class Wrong(Exception):
    """What a case found."""


class Engine:
    """A `runbook` that runs, and what it printed on both streams."""

    def __init__(self, world, arguments, on_terminal=False, environment=None):
        self.world = world
        self.printed = b""
        self.line = " ".join(arguments)
        self.terminal = None
        keep = subprocess.DEVNULL
        out = subprocess.PIPE
        if on_terminal:
            self.terminal, keep = pty.openpty()
            out = keep
        session = ["setsid", "--ctty"] if on_terminal else ["setsid"]
        self.process = subprocess.Popen(
            [*session, world.program, *arguments], cwd=world.cwd, stdin=keep, stdout=out,
            stderr=subprocess.STDOUT, env=dict(world.environment, **(environment or {})))
        self.source = self.terminal if on_terminal else self.process.stdout.fileno()
        if on_terminal:
            os.close(keep)

    def read(self, seconds):
        """False once nothing more can come."""
        if not select.select([self.source], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.source, 65536)
        except OSError:
            piece = b""
        self.printed += piece
        return bool(piece)

    def text(self):
        return self.printed.decode(errors="replace")

    def shows(self, pattern):
        """Waits for it."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text(), re.M):
            if time.monotonic() > end or not self.read(0.1):
                raise Wrong("`%s` never showed `%s`\n%s" % (self.line, pattern, self.text()))

    def type(self, text):
        os.write(self.terminal, text.encode())

    def kill(self):
        """The engine alone; what it began goes on."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait(self, status):
        """Until it ends by itself. Output that others hold open is not waited for."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.kill()
                raise Wrong("`%s` does not end\n%s" % (self.line, self.text()))
            if not self.read(0.05):
                self.process.wait(max(end - time.monotonic(), 0.1))
        while select.select([self.source], [], [], 0)[0] and self.read(0):
            pass
        got = self.process.returncode
        if got != status:
            raise Wrong("`%s` ended with %s instead of %s\n%s" % (self.line, got, status,
                                                                  self.text()))
        return self.text()


class World:
    def __init__(self, name):
        self.base = tempfile.mkdtemp(prefix="rbr.", dir="/tmp")
        self.folder = os.path.join(self.base, name[:40])
        self.cwd = self.folder
        self.program = os.path.realpath(os.environ["RUNBOOK"])
        self.torn_is_right = False
        self.unreplayable = None  # why replay is to refuse what the case leaves
        os.makedirs(os.path.join(self.folder, "tools"))
        for tool, text in TOOLS.items():
            self.write("tools/" + tool, "#!/bin/sh\n" + text)
            os.chmod(self.path("tools/" + tool), 0o755)
        self.environment = cases_run.environment(self.folder)
        self.environment["PATH"] = self.path("tools") + ":" + self.environment["PATH"]
        self.environment["WORLD"] = self.folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def runbook(self, text, name="runbook.yaml"):
        title = name.split(".")[0]
        self.write(name, "runbook: 1\nname: %s\n%s" % (title, textwrap.dedent(text).lstrip("\n")))

    # ---- engines ---------------------------------------------------------------------------

    def start(self, *arguments, **how):
        return Engine(self, arguments or ("exec", "runbook.yaml"), **how)

    def runs(self, *arguments, status=0, **how):
        """To its end; what it printed."""
        return self.start(*arguments, **how).wait(status)

    def resume(self, *arguments, status=0, run="last", **how):
        return self.runs("resume", run, *arguments, status=status, **how)

    def reached(self, *names):
        """Waits until steps have come to their `hold NAME`."""
        end = time.monotonic() + PATIENCE
        while not all(os.path.exists(self.path("at." + name)) for name in names):
            if time.monotonic() > end:
                raise Wrong("nothing came to `hold %s`" % "`, `hold ".join(names))
            time.sleep(0.01)

    def go(self, *names):
        for name in names:
            self.write("go." + name, "")

    def starts_until(self, *names, arguments=()):
        engine = self.start(*arguments)
        self.reached(*names)
        return engine

    def machine_dies(self):
        """Everything of the run is gone at once."""
        cases_run.kill_all(self.folder)

    def dies_at(self, *names, arguments=()):
        """The machine goes down while all of these are running."""
        engine = self.starts_until(*names, arguments=arguments)
        engine.kill()
        self.machine_dies()
        for name in names:
            os.unlink(self.path("at." + name))

    def recorded(self, *words, count=1):
        """Waits until so many records have this outline."""
        end = time.monotonic() + PATIENCE
        while self.count(*words) < count:
            if time.monotonic() > end:
                raise Wrong("never recorded: %s\n%s" % (" ".join(words), self.outline()))
            time.sleep(0.01)

    # ---- what is seen ----------------------------------------------------------------------

    def until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise Wrong("it never came to be; the ledger: %s" % self.ledger_lines())
            time.sleep(0.01)

    def ledger_lines(self):
        return cases_run.text_of(self.path("ledger")).split("\n")[:-1]

    def ledger(self, *expected, ordered=True):
        seen = self.ledger_lines()
        same = seen == list(expected) if ordered else sorted(seen) == sorted(expected)
        if not same:
            raise Wrong("the ledger is %s instead of %s" % (seen, list(expected)))

    def run_folder(self):
        runs = os.path.join(self.folder, "home", "runs")
        names = sorted(os.listdir(runs)) if os.path.isdir(runs) else []
        if not names:
            raise Wrong("there is no run")
        return os.path.join(runs, names[-1])

    def transcript(self):
        return os.path.join(self.run_folder(), "transcript.jsonl")

    def lines(self):
        """The transcript's whole lines, without what is set aside behind them."""
        try:
            content = cases_run.read_bytes(self.transcript()).rstrip(b"\0")
        except Wrong:
            return []
        return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]

    def records(self):
        return [json.loads(line) for line in self.lines()]

    def outlines(self):
        return [outline(record) for record in self.records()]

    def outline(self):
        return "\n".join(self.outlines())

    def count(self, *words):
        return sum(line.split(" (")[0] == " ".join(words) for line in self.outlines())

    def has(self, *lines):
        """Each of these outlines, exactly once."""
        for line in lines:
            times = self.outlines().count(line)
            if times != 1:
                raise Wrong("recorded %d times instead of once: %s\n%s" % (times, line,
                                                                           self.outline()))

    def has_not(self, *lines):
        for line in lines:
            if line in self.outlines():
                raise Wrong("recorded: %s\n%s" % (line, self.outline()))

    def cut_after(self, line, drop=0):
        """The transcript as it was right behind the first record with this outline, as a power cut
        leaves it."""
        lines = self.lines()
        outlines = self.outlines()
        if line not in outlines:
            raise Wrong("not recorded: %s\n%s" % (line, self.outline()))
        keep = b"".join(lines[:outlines.index(line) + 1 - drop])
        with open(self.transcript(), "wb") as file:
            file.write(keep)

    def rewrite(self, change):
        """Another transcript with a good chain: what somebody makes who can write there."""
        lines, previous = [], "0" * 64
        for record in self.records():
            change(record)
            record["prev"] = previous
            line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
            previous = hashlib.sha256(line).hexdigest()
            lines.append(line)
        with open(self.transcript(), "wb") as file:
            file.write(b"".join(lines))

    # ---- the end ---------------------------------------------------------------------------

    def judge(self):
        """What must hold of every case."""
        wrong = []
        left = cases_run.left_behind(self.folder)
        cases_run.kill_all(self.folder)
        for path in cases_run.transcripts_of(os.path.join(self.folder, "home")):
            if not self.torn_is_right:
                wrong += cases_run.transcript_check(path) + cases_run.engines_verdict(path) + \
                    cases_run.report_check(path)
            wrong += cases_run.replayed.verdict(os.path.dirname(path), self.unreplayable)
        return left + wrong

    def close(self):
        cases_run.kill_all(self.folder)
        shutil.rmtree(self.base, ignore_errors=True)


def outline(record):
    words = [record["type"]]
    words += [record[key] for key in ("phase", "step", "status", "answer", "signal")
              if record.get(key)]
    if record.get("attempt", 1) > 1:
        words.append("attempt %d" % record["attempt"])
    return " ".join(words)


def says(text, *patterns):
    for pattern in patterns:
        if not re.search(pattern, text, re.M):
            raise Wrong("it does not say `%s`:\n%s" % (pattern, text))


def says_not(text, *patterns):
    for pattern in patterns:
        if re.search(pattern, text, re.M):
            raise Wrong("it says `%s`:\n%s" % (pattern, text))
