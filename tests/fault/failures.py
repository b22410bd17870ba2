"""Calls that fail, once or from some call on: no false success, no crash, no hang, no leak."""
import collections
import errno

import rounds
import verdict
import world as worlds

# What each kind of call (see shim.c) may say. An eventfd (`wake`) cannot fail.
SAYS = {
    "transcript": ("ENOSPC", "EIO"), "output": ("ENOSPC", "EIO"), "print": ("EPIPE", "ENOSPC"),
    "socket": ("EPIPE", "ECONNRESET"), "file": ("ENOSPC", "EIO"),
    "send": ("ECONNRESET", "EPIPE", "ENOBUFS"), "connect": ("ECONNREFUSED", "ETIMEDOUT"),
    "sync": ("EIO", "ENOSPC"), "reserve": ("ENOSPC",), "truncate": ("EIO",),
    "rename": ("EIO", "ENOSPC"), "create": ("ENOSPC", "EMFILE", "EIO"), "mkdir": ("ENOSPC",),
    "unlink": ("EIO",), "spawn": ("EAGAIN", "ENOMEM"), "open": ("EMFILE", "ENFILE"),
    "read": ("EIO",), "receive": ("ECONNRESET",), "pipe": ("EMFILE", "ENFILE"),
    "endpoint": ("EMFILE",), "lock": ("ENOLCK",), "memory": ("ENOMEM",),
}
# Out of memory aborts by design, or dies in a library that does not ask; libuv aborts where its
# own descriptors cannot be read, and where the very first pipe, which is its own, cannot be made.
DEATHS = {"memory": (-6, -11), "read": (-6,)}
LIBUVS = ("pipe", 1)
ENDS = (0, 1, 3, 6)

Failing = collections.namedtuple("Failing", "kind at error how")


def failing_fault(failing):
    return {"FAULT_FAIL": "%s:%d:%d:%s" % (failing.kind, failing.at,
                                           getattr(errno, failing.error), failing.how)}


def count_of(calls, kind):
    if kind == "memory":
        return max(int(call[2]) for call in calls if call[1] == kind)
    return sum(call[1] == kind for call in calls)


def failings_of(calls, random_, each):
    """`each` turns of every kind and error, at random, or all of them where there are fewer."""
    for kind, errors in SAYS.items():
        count = count_of(calls, kind)
        if kind == "memory" and worlds.IS_ASAN:
            continue  # there malloc is the sanitizer's own
        for error in errors:
            for how in ("once", "forever"):
                turns = range(1, count + 1)
                for at in turns if count <= each else random_.sample(turns, each):
                    yield Failing(kind, at, error, how)


class FailRound(rounds.Round):
    def may_doubt(self, action):
        return True  # what tells of the outcome may be what fails

    def judge_exit(self, failing, status):
        deaths = (-6,) if (failing.kind, failing.at) == LIBUVS else DEATHS.get(failing.kind, ())
        if status is not None and status < 0 and status not in deaths:
            self.outcome.wrong.append("the engine ended by signal %d" % -status)


def fail_round(world, baselines, variant, failing):
    baseline = rounds.tolerant(baselines, variant)
    # A `done_when` that cannot be asked leaves nothing out: it is done, once.
    baseline.allowed["shell done_already"] = 1
    baseline.may_differ = {("run", "done_already")}
    this = FailRound(world, baseline, "fail-%s-%s-%d-%s-%s" % (variant, *failing))
    world.reset()
    status = this.exec(variant, failing_fault(failing))
    this.judge_exit(failing, status)
    folder = this.begun()
    if folder and status not in (0, 1, 3):
        this.resume(folder)
        if this.outcome.status not in ENDS:
            this.outcome.wrong.append("resumed without faults it ends with %s" %
                                      this.outcome.status)
    if folder:
        world.wait_quiet()
        whole = this.outcome.status == 0
        this.outcome.say(verdict.judge_same(world, folder, baseline, 0) if whole
                         else verdict.judge(world, folder, baseline))
    if status == 0 and not folder:
        this.outcome.wrong.append("exit status 0 without a run")
    return this.end()
