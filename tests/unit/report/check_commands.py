"""`runs`, `show` and `follow` against runs that succeed, are under way, are killed and are
damaged.

    check_commands.py RUNBOOK
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

RUNBOOK = os.path.abspath(sys.argv[1])
WAIT_S = 20

QUICK = """\
runbook: 1
name: quick
steps:
  - {id: says, shell: "printf 'one\\\\033[31m\\\\n'; printf '%2000s' two >&2"}
  - {id: quiet, shell: "true"}
"""
SLOW = """\
runbook: 1
name: slow
steps:
  - {id: first, shell: "true"}
  - {id: waits, shell: "while [ ! -e go ]; do sleep 0.02; done"}
"""


def call(*args, status=0):
    done = subprocess.run([RUNBOOK, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=WAIT_S, check=False)
    assert done.returncode == status, f"{args}: {done.returncode}: {done.stderr.decode()}"
    return done.stdout


def start(*args):
    return subprocess.Popen([RUNBOOK, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)


def runs():
    return json.loads(call("runs", "--json", "--all"))


def until(condition):
    limit = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.01)


def check_finished():
    assert call("runs") == b"no runs yet\n"
    assert runs() == []
    call("exec", "quick.yaml")
    (run,) = runs()
    assert run["status"] == "succeeded" and run["exit"] == 0 and run["name"] == "quick"
    assert call("show", "last", "--output", "says") == b"one\033[31m\n"
    assert call("show", "last", "--output", "says", "--stream", "stderr") == b"two".rjust(2000)
    call("show", "last", "--output", "quiet", status=2)
    call("show", "last", "--output", "nobody", status=2)
    call("show", "nothing", status=2)
    call("show", "last", "--stream", "stderr", status=2)
    shown = call("show", "last")
    assert b"\033" not in shown and b"says" in shown
    assert b"stdout: one\\e[31m" in shown and b" KiB in output/says.1.stderr" in shown
    records = json.loads(call("show", "last", "--json"))
    assert records[0]["type"] == "run.started" and records[-1]["type"] == "run.finished"
    with open(os.path.join(run["dir"], "transcript.jsonl"), "rb") as file:
        lines = file.read()
    assert lines.count(b"\n") == len(records) and b"\0" not in lines
    assert call("follow", "last", "--json") == lines
    assert b"says" in call("follow", run["run"])
    assert len(call("runs", "--limit", "1").splitlines()) == 2


def check_running():
    engine = start("exec", "slow.yaml")
    until(lambda: runs()[0]["name"] == "slow")
    follower = start("follow", "last", "--json")
    assert runs()[0]["status"] == "running"
    lines = [json.loads(follower.stdout.readline()) for _ in range(4)]
    assert lines[-1]["type"] == "step.started" and lines[-1]["step"] == "waits"
    assert b"running" in call("show", "last")
    with open("go", "wb"):
        pass
    rest, _ = follower.communicate(timeout=WAIT_S)
    assert json.loads(rest.splitlines()[-1])["type"] == "run.finished"
    assert follower.returncode == 0
    engine.communicate(timeout=WAIT_S)
    assert runs()[0]["status"] == "succeeded"
    os.unlink("go")


def check_killed():
    engine = start("exec", "slow.yaml")
    until(lambda: len(runs()) == 3)
    follower = start("follow", "last", "--json")
    for _ in range(4):
        follower.stdout.readline()
    engine.send_signal(signal.SIGKILL)
    engine.communicate(timeout=WAIT_S)
    follower.communicate(timeout=WAIT_S)
    assert follower.returncode == 1, follower.returncode
    assert runs()[0]["status"] == "crashed" and runs()[0]["exit"] is None
    shown = call("show", "last")
    assert b"crashed" in shown and b"incomplete" in shown
    hint = "runbook resume %s" % runs()[0]["run"]
    assert hint.encode() in shown and hint.encode() in call("runs")
    with open("go", "wb"):
        pass


def check_damaged():
    run = runs()[-1]
    path = os.path.join(run["dir"], "transcript.jsonl")
    with open(path, "rb") as file:
        lines = file.read()
    with open(path, "wb") as file:
        file.write(lines.replace(b'"step":"says"', b'"step":"lies"', 1))
    call("show", run["run"], status=7)
    call("show", run["run"], "--json", status=7)
    call("follow", run["run"], status=7)
    with open(path, "wb") as file:
        file.write(lines)
    records = [json.loads(line) for line in lines.splitlines()]
    stored = next(r for r in records if r["type"] == "step.finished")["output"]["stderr"]["file"]
    os.unlink(os.path.join(run["dir"], stored))
    os.symlink("/etc/passwd", os.path.join(run["dir"], stored))
    assert subprocess.run([RUNBOOK, "show", run["run"], "--output", "says", "--stream", "stderr"],
                          check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout == b""
    with open(path, "wb"):
        pass
    assert runs()[-1]["status"] == "incomplete"


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["RUNBOOK_HOME"] = os.path.join(folder, "home")
        for name, text in (("quick", QUICK), ("slow", SLOW)):
            with open(f"{name}.yaml", "w", encoding="utf-8") as file:
                file.write(text)
        check_finished()
        check_running()
        check_killed()
        check_damaged()
        os.chdir("/")


main()
