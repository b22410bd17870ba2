#!/usr/bin/python3
"""Replays the transcripts that a suite has made, in a process that can do nothing to the world.

  replayed.py FOLDER [NAME=REASON...]

Every run below FOLDER must go the way that is recorded. A run that cannot be replayed is named
(shell patterns are understood) with the reason; replay must refuse it then, with an exit status
that is not that of a divergence. Prints what is wrong and `N replayed, M refused`; the exit status
is 1 where something is. RUNBOOK names the program.
"""
import fnmatch
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import offline  # noqa: E402

RUNBOOK = os.path.realpath(os.environ.get("RUNBOOK", "runbook"))
# An installed program does not stand in its build's folder.
IS_WATCHED = "asan" not in RUNBOOK + os.environ.get("RUNBOOK_BUILD", "")
SAME, DIVERGED = 0, 1
SHOWN = 8  # lines of a replay that is wrong: its divergences stand at the end


def runs_below(folder):
    found = []
    for path, folders, files in os.walk(folder):
        folders.sort()
        if "transcript.jsonl" in files:
            found.append(path)
    return found


def replay(run):
    """The interpreter, given nothing but the record, decides everything as it did, and touches
    nothing: the kernel would kill it. (What looks for leaks at its end is a process of its own.)
    Exit status and lines."""
    asked = subprocess.run([RUNBOOK, "replay", run], capture_output=True, text=True,
                           errors="replace", stdin=subprocess.DEVNULL, timeout=120,
                           env=dict(os.environ, NO_COLOR="1"),
                           preexec_fn=offline.preexec if IS_WATCHED else None)
    return asked.returncode, (asked.stdout + asked.stderr).splitlines()[-SHOWN:]


def verdict(run, reason=None):
    """What is wrong with the replay of this run. `reason`: why it is to be refused."""
    status, said = replay(run)
    if reason is None and status == SAME:
        return []
    if reason is not None and status not in (SAME, DIVERGED) and status > 0:
        return []
    wrong = "replay: exit status %d" % status if reason is None else \
        "replay: exit status %d, though it is to be refused: %s" % (status, reason)
    return ["%s: %s" % (os.path.basename(run), line)
            for line in [wrong] + ["replay: " + line for line in said]]


class Judge:
    """Counts, so that no run is left out silently. `refused`: reasons by pattern of the name."""

    def __init__(self, refused=None):
        self.refused = refused or {}
        self.met = set()
        self.counts = {"replayed": 0, "refused": 0}
        self.wrong = []

    def run(self, folder):
        name = os.path.basename(folder)
        patterns = [one for one in self.refused if fnmatch.fnmatch(name, one)]
        self.met.update(patterns)
        self.counts["refused" if patterns else "replayed"] += 1
        self.wrong += verdict(folder, self.refused[patterns[0]] if patterns else None)

    def below(self, folder):
        """All runs of a store that is complete; what is wrong."""
        for run in runs_below(folder):
            self.run(run)
        self.wrong += ["no run is called %s, which is to be refused" % name
                       for name in sorted(set(self.refused) - self.met)]
        if not sum(self.counts.values()):
            self.wrong.append("no transcript to replay")
        return self.wrong

    def __str__(self):
        return "%(replayed)d replayed, %(refused)d refused" % self.counts


def main():
    judge = Judge(dict(word.split("=", 1) for word in sys.argv[2:]))
    wrong = judge.below(sys.argv[1])
    print("\n".join(wrong + [str(judge)]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
