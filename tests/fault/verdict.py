"""Compares what the transcript says with what the ledger shows."""
import collections
import json
import os
import subprocess

import world as worlds

# What a repetition does no harm to may be in the ledger more than once.
REPEATABLE = ("PUT", "DELETE")
COMMANDS = ("shell", "exec")


def records_of(folder):
    return records_in(worlds.read_bytes(os.path.join(folder, "transcript.jsonl")))


def records_in(text):
    """Up to the first line that is none: what was cut or set aside follows."""
    records = []
    for line in text.split(b"\n")[:-1]:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def key_of(record):
    return record["phase"], record["step"], record.get("attempt", 1)


class Story:
    """A transcript, read for what it claims."""

    def __init__(self, records):
        self.started = {}   # token: its record
        self.attempts = {}  # (phase, step, attempt): its started record
        self.ended = set()  # (phase, step, attempt)
        self.final = {}     # (phase, step): status
        self.settled = {}   # (phase, step): what was said
        self.doubts = []    # (phase, step) in doubt now
        self.said_doubtful = set()
        self.reasons = {}   # (phase, step): why it is in doubt
        self.resumes = 0
        self.finish = None
        self.is_undone = False
        self.ends = 0        # how often it came to an end
        self.again = collections.Counter()  # services that were started once more
        self.closing = set() # (action, step) of `finally`
        for record in records:
            self.take(record)

    def take(self, record):
        kind = record["type"]
        if kind == "step.started":
            self.started[record.get("token")] = record
            self.attempts[key_of(record)] = record
            if record["phase"] == "finally":
                self.closing.add((record.get("action"), record["step"]))
            if "reason" in record:  # a service that a run which goes on needs once more
                self.final[record["phase"], record["step"]] = "succeeded"
                self.again[record["action"], record["phase"], record["step"]] += 1
        elif kind in ("step.finished", "step.retrying"):
            self.ended.add(key_of(record))
            if kind == "step.finished":
                self.final[record["phase"], record["step"]] = record["status"]
                self.doubt_ends(record)
        elif kind == "step.skipped":
            self.final[record["phase"], record["step"]] = "skipped"
        elif kind == "step.in_doubt":
            self.doubt_ends(record)
            self.said_doubtful.add((record["phase"], record["step"]))
            self.reasons[record["phase"], record["step"]] = record["reason"]
            self.doubts.append((record["phase"], record["step"]))
        elif kind == "step.resolved":
            self.settled[record["phase"], record["step"]] = record["status"]
            self.doubt_ends(record)
        elif kind == "run.resumed":
            self.resumes += 1
            self.finish = None
        elif kind == "rollback.finished":
            self.is_undone = record["status"] == "rolled_back"
        elif kind == "run.finished":
            self.finish = record
            self.ends += 1

    def is_over(self):
        """Nothing can be gone on with. What is in doubt and has no handler is so for good once all
        else is undone."""
        return bool(self.finish) and (self.finish["exit"] not in (6, 7) or
                                      (self.finish["exit"] == 6 and self.is_undone))

    def lost_text(self):
        """Something that a command wrote went with the engine: what needs it ends otherwise."""
        return any("may be lost" in reason for reason in self.reasons.values())

    def doubt_ends(self, record):
        key = (record["phase"], record["step"])
        if record.get("status") != "in_doubt" and key in self.doubts:
            self.doubts.remove(key)


def counts_of(effects):
    """How often each effect happened; what only reads is none."""
    return collections.Counter("%s %s" % (effect.source, effect.name) for effect in effects
                               if effect.source != "GET")


def texts_of(effects):
    return {effect.name: effect.text for effect in effects if effect.source == "shell"}


def is_repeatable(name):
    return name.split(" ")[0] in REPEATABLE


# ---- what must hold of every run, however it was disturbed -------------------------------------


def doubles(effects):
    seen = collections.Counter(effect.token for effect in effects if effect.source == "shell")
    return ["the attempt %s had its effect %d times" % item for item in seen.items()
            if item[1] > 1]


def unannounced(story, effects):
    return ["%s had its effect, and the transcript has no start of it" % effect.token
            for effect in effects
            if effect.source == "shell" and effect.token not in story.started]


def lost(story, effects):
    """Effects of attempts whose outcome is recorded nowhere."""
    wrong = []
    for effect in effects:
        record = story.started.get(effect.token)
        if record and story.finish and key_of(record) not in story.ended and \
                key_of(record)[:2] not in story.said_doubtful:
            wrong.append("%s had its effect, and its outcome is not recorded" % effect.token)
    return wrong


def effect_name(action, phase, path):
    """The ledger's name for a step's effect, or None for what has none."""
    leaf = path.split("/")[-1]
    undo = " undone" if phase == "rollback" else ""
    if action in COMMANDS:
        return "shell " + path + undo
    if action == "sql" and leaf != "balance":
        pair = " %d" % (int(path[path.index("[") + 1]) + 1) if leaf == "pair_sql" else ""
        return "sql " + leaf + pair + undo
    if action == "http" and leaf != "get":
        method = {"put": "PUT", "tell": "PUT"}.get(leaf, "POST")
        if undo:
            return ("DELETE " if method == "PUT" else "POST ") + leaf + "-undone"
        return "%s %s" % (method, leaf)
    return None


def false_successes(story, effects):
    wrong = []
    counts = counts_of(effects)
    for record in story.attempts.values():
        phase, path, _ = key_of(record)
        name = effect_name(record.get("action"), phase, path)
        if name and story.final.get((phase, path)) == "succeeded" and not counts[name]:
            wrong.append("%s (%s) is said to have succeeded, and did not happen" % (path, phase))
    return wrong


def too_often(effects, baseline, story):
    """`finally` comes with each end of a run: one that went on behind its end has another."""
    counts = counts_of(effects)
    if story.lost_text():  # a run that misses it is rolled back
        counts = {name: count for name, count in counts.items() if not name.endswith(" undone")}
    ends = {name: story.ends * baseline.counts[name] for name in
            (effect_name(action, "finally", path) for action, path in story.closing) if name}
    for service, times in story.again.items():
        ends[effect_name(*service)] = baseline.counts[effect_name(*service)] + times
    return ["%s happened %d times, undisturbed %d" % (name, count, baseline.counts[name])
            for name, count in sorted(counts.items())
            if count > max(baseline.counts[name], baseline.allowed[name], ends.get(name, 0))
            and not is_repeatable(name)]


def account_wrong(effects, balance):
    counts = counts_of(effects)
    expected = counts["sql account"] - counts["sql account undone"]
    return [] if balance == expected else ["the balance is %d, the ledger has %d" % (balance,
                                                                                     expected)]


def verify(folder):
    """Exit status and first line of `runbook verify`."""
    told = subprocess.run([worlds.RUNBOOK, "verify", folder], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, NO_COLOR="1"))
    return told.returncode, (told.stdout + told.stderr).split("\n")[0]


def unbroken(folder):
    """A transcript of an engine that was killed is incomplete, or whole, and nothing worse."""
    status, line = verify(folder)
    said = "verified" if Story(records_of(folder)).finish else "incomplete"
    return [] if said in line else ["verify says of the crash: %s (%d)" % (line, status)]


class Baseline:
    """What an undisturbed run did."""

    def __init__(self, status, folder, effects):
        story = Story(records_of(folder))
        self.status = status
        self.counts = counts_of(effects)
        self.allowed = collections.Counter()  # beyond it, where a fault may change the way
        self.may_differ = set()               # likewise: (phase, step) that may end otherwise
        self.texts = texts_of(effects)
        self.final = story.final


def judge(world, folder, baseline):
    """Whatever happened."""
    effects = world.effects()
    story = Story(records_of(folder))
    wrong = doubles(effects) + unannounced(story, effects) + lost(story, effects)
    wrong += false_successes(story, effects) + too_often(effects, baseline, story)
    wrong += account_wrong(effects, world.balance())
    if story.finish:
        status, line = verify(folder)
        if status != 0:
            wrong.append("verify says of the end: %s (%d)" % (line, status))
    return wrong


def judge_same(world, folder, baseline, status):
    """A run that was killed and resumed is to end as if nothing had been."""
    wrong = judge(world, folder, baseline)
    effects = world.effects()
    counts = counts_of(effects)
    story = Story(records_of(folder))
    if story.lost_text():
        return wrong
    if status != baseline.status:
        wrong.append("exit status %s, undisturbed %s" % (status, baseline.status))
    if not story.finish:
        wrong.append("the transcript has no end")
    elif story.finish["exit"] != status:
        wrong.append("exit status %s, recorded %s" % (status, story.finish["exit"]))
    for name, count in sorted(baseline.counts.items()):
        # A step that is meant to fail, and tolerated, may have failed before it did anything.
        if counts[name] < count and name != "shell tolerated":
            wrong.append("%s happened %d times, undisturbed %d" % (name, counts[name], count))
    for key in sorted((set(baseline.final) | set(story.final)) - baseline.may_differ):
        if baseline.final.get(key) != story.final.get(key):
            wrong.append("%s %s is %s, undisturbed %s" % (*key, story.final.get(key),
                                                          baseline.final.get(key)))
    for name, text in texts_of(effects).items():
        if baseline.texts.get(name, text) != text:
            wrong.append("%s was told `%s`, undisturbed `%s`" % (name, text,
                                                                 baseline.texts[name]))
    return wrong
