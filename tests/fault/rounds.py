"""A round: the world is made new, an engine is disturbed, and the run is resumed to its end."""
import collections
import copy
import os
import shutil
import sys

import verdict
import world as worlds

sys.path.insert(0, worlds.SUPPORT)
import replayed  # noqa: E402

RESUMES = 5  # a run that has not ended by then never will
SANITIZERS = (b"AddressSanitizer", b"LeakSanitizer", b"runtime error:")
VARIANTS = ("succeeds", "fails")

# Where an engine is killed: at which of its calls, and before or after it.
Kill = collections.namedtuple("Kill", "at when")


def kill_fault(kill):
    return {"FAULT_KILL": "%d:%s" % kill} if kill else {}


class Outcome:
    def __init__(self, name):
        self.name = name
        self.wrong = []
        self.runs = 0      # engines started
        self.killed = 0    # of them by us
        self.doubts = []   # steps that a person was asked about
        self.status = None
        self.refused = False  # the run was rightly not gone on with
        self.replay = "no run"  # what became of that, for the figures

    def say(self, wrong):
        self.wrong += wrong


class Round:
    """`power` is when the machine went down: then commands may be in doubt, too."""

    def __init__(self, world, baseline, name, power=False):
        self.world = world
        self.baseline = baseline
        self.power = power
        self.outcome = Outcome(name)

    def engine(self, words, fault=None):
        if "FAULT_KILL" in (fault or {}) or "FAULT_FAIL" in (fault or {}):
            fault = dict(fault, FAULT_LOG=self.world.log)
        status = self.world.engine(words, fault)
        self.ended(status)
        return status

    def ended(self, status):
        self.outcome.runs += 1
        self.outcome.status = status
        self.outcome.killed += status == -9
        if status is None:
            self.outcome.wrong.append("the engine hangs")

    def exec(self, variant, fault=None):
        status = self.world.exec(variant, dict(fault or {}, FAULT_LOG=self.world.log))
        self.ended(status)
        return status

    # ---- the person who is asked ---------------------------------------------------------------

    def may_doubt(self, action):
        """A guard knows what became of a command, and a server what became of a transaction."""
        return action == "http" or (self.power and action in verdict.COMMANDS)

    def truth(self, story, phase, path):
        """What a person finds when they look: whether the effect is there."""
        self.world.wait_quiet()
        effects = self.world.effects()
        started = [record for (in_phase, step, _), record in story.attempts.items()
                   if (in_phase, step) == (phase, path)][-1]
        action = started.get("action")
        # A command whose expected words the dead engine may have read and not stored.
        is_lost = "may be lost" in story.reasons.get((phase, path), "")
        if not self.may_doubt(action) and not is_lost:
            self.outcome.wrong.append("%s (%s, %s) is in doubt, which it cannot be" %
                                      (path, phase, action))
        name = verdict.effect_name(action, phase, path)
        if action in verdict.COMMANDS and not any(effect.token == started["token"]
                                                  for effect in effects):
            return False
        # An attempt that is meant to fail did not do it.
        return verdict.counts_of(effects)[name] >= max(1, self.baseline.counts[name])

    def settlements(self, folder):
        story = verdict.Story(verdict.records_of(folder))
        words = []
        for phase, path in story.doubts:
            self.outcome.doubts.append("%s %s" % (phase, path))
            words += ["--settle", "%s=%s" % (path, "done" if self.truth(story, phase, path)
                                             else "rerun")]
        if not words:
            self.outcome.wrong.append("exit status 6, and no step is in doubt")
        return words

    # ---- to the end ----------------------------------------------------------------------------

    def resume(self, folder, kill=None):
        """Until it ends by itself: killed once more on the way, and its doubts settled."""
        words = []
        for turn in range(RESUMES):
            story = verdict.Story(verdict.records_of(folder))
            if story.is_over():
                self.outcome.status = story.finish["exit"]
                return
            status = self.engine(["resume", "--yes", os.path.basename(folder), *words],
                                 kill_fault(kill if turn == 0 else None))
            words = self.settlements(folder) if status == 6 else []
            if status not in (6, -9):
                return
        self.outcome.wrong.append("not at its end after %d resumes" % RESUMES)

    def begun(self):
        """The run's folder, if it came so far that there is something to resume."""
        folder = self.world.run_folder()
        if folder and verdict.records_of(folder):
            return folder
        self.world.wait_quiet()
        if self.world.effects():
            self.outcome.wrong.append("there are effects and no transcript")
        return None

    def leftovers(self):
        self.outcome.say(["left behind: " + line for line in self.world.left()])

    def sanitizer_said(self):
        printed = worlds.read_bytes(self.world.printed)
        self.outcome.say(["a sanitizer complains" for said in SANITIZERS if said in printed][:1])

    def replay(self):
        """What there is in the end goes the same way without the world."""
        folder = self.world.run_folder()
        if not folder:
            return
        reason = self.unreplayable(folder)
        self.outcome.replay = reason or "replayed"
        self.outcome.say(replayed.verdict(folder, reason))

    def unreplayable(self, folder):
        if self.outcome.refused:
            return "damaged"
        return None if verdict.records_of(folder) else "never began"

    def end(self):
        """Keeps what a look at the failure needs."""
        self.replay()
        self.leftovers()
        self.sanitizer_said()
        if self.outcome.wrong:
            kept = "/tmp/runbook-fault/%s.%d" % (self.outcome.name, self.world.number)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.world.folder, kept, symlinks=True,
                            ignore=shutil.ignore_patterns("socket"))
            with open(os.path.join(kept, "effects"), "w") as file:
                file.writelines("%s\n" % (effect,) for effect in self.world.effects())
            self.outcome.wrong.append("see %s" % kept)
        return self.outcome


def baseline_of(world, variant):
    """The undisturbed run, and the kinds of its calls by number."""
    world.reset()
    status = world.exec(variant, {"FAULT_LOG": world.log})
    world.wait_quiet()
    baseline = verdict.Baseline(status, world.run_folder(), world.effects())
    wrong = verdict.judge_same(world, world.run_folder(), baseline, status)
    if wrong or status != (1 if variant == "fails" else 0):
        raise RuntimeError("the undisturbed run is not as it should be (exit status %s)\n%s\n%s" % (
            status, "\n".join(wrong), open(world.printed).read()))
    calls = [line.split(" ", 3) for line in open(world.log).read().splitlines()]
    return baseline, calls


def tolerant(baselines, variant):
    """As the variant's, but what failed on the way may be undone."""
    baseline = copy.copy(baselines[variant][0])
    for other, _ in baselines.values():
        baseline.allowed = baseline.allowed | other.counts
    return baseline


def kill_round(world, baseline, variant, kill, again):
    name = "%s-%d-%s" % (variant, *kill) + ("-%d-%s" % again if again else "")
    this = Round(world, baseline, name)
    world.reset()
    status = this.exec(variant, kill_fault(kill))
    folder = this.begun()
    if folder and status == -9:
        this.outcome.say(verdict.unbroken(folder))
        this.resume(folder, again)
    if folder:
        world.wait_quiet()
        this.outcome.say(verdict.judge_same(world, folder, baseline, this.outcome.status))
    return this.end()
