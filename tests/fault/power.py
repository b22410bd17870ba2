"""The power goes: of a recorded run a state is made that the disk may hold, in the world as it was
at that moment, and the run is resumed from it."""
import os
import random
import shutil
import threading
import time

import disk
import rounds
import verdict
import world as worlds

MOST_TORN = 500  # bytes of a record at which it is torn
OTHER_BOOT = b"boot 00000000-0000-4000-8000-000000000000\n"


class Watcher(threading.Thread):
    """Tells how long the guard's list of exits was at which time: no shim is in the guard."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.seen = []  # (time, lines)
        self.is_over = False

    def run(self):
        while not self.is_over:
            folder = self.world.run_folder()
            lines = worlds.read_bytes(os.path.join(folder, "guard", "exits")).splitlines(True) \
                if folder else []
            if lines and (not self.seen or len(lines) > len(self.seen[-1][1])):
                self.seen.append((time.time(), lines))
            time.sleep(0.0005)

    def at(self, moment):
        return ([[]] + [lines for at, lines in self.seen if at < moment])[-1]


class Recording:
    """A whole run, with the order of everything it wrote and synced."""

    def __init__(self, world, variant):
        trace = os.path.join(world.folder, "trace")
        world.reset()
        watcher = Watcher(world)
        watcher.start()
        world.exec(variant, {"FAULT_TRACE": trace})
        watcher.is_over = True
        watcher.join()
        world.wait_quiet()
        self.watcher = watcher
        self.ops = disk.read_trace(trace)
        self.effects = world.effects()
        self.lines = worlds.read_bytes(world.ledger).decode().splitlines(True)
        self.changing = [number for number, op in enumerate(self.ops, 1)
                         if op.path.startswith(world.home)]
        self.appending = [number for number in self.changing
                          if self.ops[number - 1].kind == "write"
                          and self.ops[number - 1].path.endswith("/transcript.jsonl")]

    def effects_until(self, moment, state):
        """A transaction counts where COMMIT was announced: its fate is the server's to tell."""
        announced = set()
        for path, content in state.items():
            if path.endswith("/transcript.jsonl"):
                announced |= {record["transaction_id"].split(" ")[0]
                              for record in verdict.records_in(content)
                              if record["type"] == "step.committing"}
        return [effect for effect in self.effects
                if (effect.source == "sql" and effect.token in announced)
                or (effect.source != "sql" and effect.time < moment)]


def names_of(effects):
    return {effect.name for effect in effects}


def world_set(world, recording, effects):
    """The world as it was when the power went."""
    lines = [line for line in recording.lines if worlds.effect_of(line.rstrip("\n")) in effects]
    for line in lines:
        worlds.append(world.ledger, line)
    rows = [effect for effect in effects if effect.source == "sql"]
    for row in rows:
        world.database.ask("INSERT INTO ledger VALUES ('%s', %s, to_timestamp(%.6f))" %
                           (row.name, row.token, row.time))
    names = names_of(effects)
    world.database.ask("UPDATE account SET balance = %d" % (
        ("account" in names) - ("account undone" in names)))
    for flag in ("ready", "probed"):
        step = "service" if flag == "ready" else flag
        if step in names and step + " undone" not in names:
            worlds.append(os.path.join(world.folder, flag), "")


def guard_lines(recording, moment, random_):
    """The guard does not sync while its engine lives: any beginning of its list may be there."""
    lines = recording.watcher.at(moment)[1:]
    text = b"".join(lines[:random_.randint(0, len(lines))])
    if text and random_.random() < 0.2:
        text = text[:-random_.randint(1, min(20, len(text)))]
    return text


def state_write(state, guards):
    for path, content in state.items():
        if content is None:
            os.makedirs(path, 0o700, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        if path.endswith("/exits") and content.startswith(b"boot "):
            content = OTHER_BOOT + guards
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)


def state_of(recording, root, cut, choice, random_):
    made = disk.Disk(root, recording.ops[:cut])
    if choice.startswith("torn"):
        return disk.torn(made, int(choice[4:]))
    return made.state(disk.CHOICES[choice](made, random_))


def recording_of(world, variant):
    if variant not in world.recordings:
        world.recordings[variant] = Recording(world, variant)
    return world.recordings[variant]


class PowerRound(rounds.Round):
    def may_doubt(self, action):
        return action == "http" or action in verdict.COMMANDS


def power_round(world, baselines, variant, cut, choice, seed):
    baseline = rounds.tolerant(baselines, variant)
    this = PowerRound(world, baseline, "power-%s-%d-%s-%d" % (variant, cut, choice, seed))
    recording = recording_of(world, variant)
    random_ = random.Random(seed)
    moments = recording.appending if choice.startswith("torn") else recording.changing
    cut = moments[cut % len(moments)]
    state = state_of(recording, world.folder, cut, choice, random_)
    if state is None:
        return this.outcome
    moment = recording.ops[cut - 1].time
    effects = recording.effects_until(moment, state)
    world.reset()
    world_set(world, recording, effects)
    state_write(state, guard_lines(recording, moment, random_))
    if os.path.isdir(world.home):  # a new store may not be on disk yet
        shutil.copytree(world.home, os.path.join(world.folder, "home-before"))
    resumed(this, baseline, choice)
    return this.end()


def resumed(this, baseline, choice):
    folder = this.begun()
    if not folder:
        return
    wrong = verdict.unbroken(folder)
    if verdict.Story(verdict.records_of(folder)).finish:
        this.outcome.say(wrong)
        return
    if wrong and choice != "none":
        refused(this, folder, wrong)
        return
    this.outcome.say(wrong)
    this.resume(folder)
    this.world.wait_quiet()
    # What a person settles has no output, so that steps that need it may fail; and a service went
    # down with the machine. Then all is undone.
    story = verdict.Story(verdict.records_of(folder))
    same = not this.outcome.doubts and story.final.get(("run", "service")) != "failed"
    this.outcome.say(verdict.judge_same(this.world, folder, baseline, this.outcome.status) if same
                     else verdict.judge(this.world, folder, baseline))


def refused(this, folder, wrong):
    """Sectors that came to the disk in another order than that of their writing: a hole in the
    transcript, or a record before the file that it vouches for. Nobody can tell it from tampering,
    and nothing may be begun."""
    before = this.world.effects()
    this.engine(["resume", "--yes", os.path.basename(folder)])
    if this.outcome.status != 7 or this.world.effects() != before:
        this.outcome.say(wrong + ["and the run was gone on with"])
    this.outcome.refused = True


def order_wrong(recording):
    """Intent is on disk before its effect, in the recording itself: whatever state is chosen."""
    wrong = []
    lasting = []  # (time, bytes of the transcript that were synced by then)
    written, syncing = b"", b""
    for op in recording.ops:
        if not op.path.endswith("/transcript.jsonl"):
            continue
        if op.kind == "write":
            written += op.data
        elif op.kind == "syncing":
            syncing = written
        elif op.kind == "synced":
            lasting.append((op.time, syncing))
    for effect in recording.effects:
        before = ([b""] + [text for at, text in lasting if at < effect.time])[-1]
        if effect.source == "shell" and ('"token":"%s"' % effect.token).encode() not in before:
            wrong.append("%s had its effect before its start was on disk" % effect.token)
    return wrong + commits_wrong(recording, lasting)


def commits_wrong(recording, lasting):
    """A COMMIT that follows a row was announced on disk, with the row's transaction."""
    wrong = []
    sent = [op.time for op in recording.ops if op.kind == "sending" and b"COMMIT" in op.data]
    for row in (effect for effect in recording.effects if effect.source == "sql"):
        commit = min((at for at in sent if at > row.time), default=None)
        before = ([b""] + [text for at, text in lasting if commit and at < commit])[-1]
        if ('"transaction_id":"%s ' % row.token).encode() not in before:
            wrong.append("%s was committed before that was announced on disk" % row.name)
    return wrong


def order_round(world, baselines, variant):
    this = PowerRound(world, baselines[variant][0], "power-%s-order" % variant)
    this.outcome.say(order_wrong(recording_of(world, variant)))
    return this.outcome


def chosen(random_, calls, everything, count):
    """(moment, state) of one variant; the long form has two records torn at each byte."""
    moments = sum(call[1] not in ("open", "read", "pipe", "print", "wake", "memory")
                  for call in calls)
    for _ in range(moments * 4 if everything else count):
        yield random_.randrange(moments), random_.choice(
            sorted(disk.CHOICES) + ["torn%d" % random_.randrange(MOST_TORN)])
    for record in [random_.randrange(moments) for _ in range(2 if everything else 0)]:
        for byte in range(MOST_TORN):
            yield record, "torn%d" % byte


def jobs_of(baselines, random_, everything, count):
    jobs = []
    for variant, (_, calls) in baselines.items():
        jobs.append(lambda world, variant=variant: order_round(world, baselines, variant))
        for moment, choice in chosen(random_, calls, everything, count // 2):
            job = (baselines, variant, moment, choice, random_.randrange(1 << 32))
            jobs.append(lambda world, job=job: power_round(world, *job))
    return jobs
