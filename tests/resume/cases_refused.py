"""What must not be resumed, or not so: told with a way out, and nothing is done."""
import os
import shutil
import time

from world import Wrong, says

HELD = """
    steps:
      - {id: a, shell: did a}
      - {id: b, shell: did b; hold b}
      - {id: c, shell: did c}
"""

HELD_AGAIN = HELD.replace("hold b", "hold b, effect: idempotent")


def _untouched(world, *arguments, status, run="last"):
    """Resumes in vain; what it said."""
    before = world.lines()
    ledger = world.ledger_lines()
    said = world.resume(*arguments, status=status, run=run)
    if world.lines() != before or world.ledger_lines() != ledger:
        raise Wrong("it did something:\n%s" % said)
    return said


# ---- words about steps -----------------------------------------------------------------------


def settle_of_an_unknown_step(world):
    world.runbook("""
        steps:
          - {id: restore, shell: did restore; hold restore}
    """)
    world.dies_at("restore")
    says(_untouched(world, "--settle", "restor=done", status=2),
         "no step `restor` has begun in run `runbook-", "hint: did you mean `restore`")
    says(_untouched(world, "--settle", "other=done", status=2), "no step `other` has begun",
         "hint: `runbook show runbook-")


def settle_of_a_step_that_ended(world):
    world.runbook(HELD)
    world.dies_at("b")
    says(_untouched(world, "--settle", "b=done", "--settle", "a=done", status=2),
         "step `a` is not in doubt: it is recorded as succeeded", "hint: ")


def settle_of_a_step_that_never_began(world):
    world.runbook(HELD)
    world.dies_at("b")
    says(_untouched(world, "--settle", "c=done", status=2), "no step `c` has begun")


def settle_with_a_word_that_is_no_answer(world):
    world.runbook(HELD)
    world.dies_at("b")
    for word in ("b=maybe", "b", "=done", "b=", "b=DONE"):
        says(_untouched(world, "--settle", word, status=2), "is not an answer",
             "hint: say STEP=done, STEP=not-done or STEP=rerun")


def settle_twice(world):
    world.runbook(HELD)
    world.dies_at("b")
    says(_untouched(world, "--settle", "b=done", "--settle", "b=rerun", status=2),
         "about the same step", "hint: ")


# ---- runs ------------------------------------------------------------------------------------


def run_by_all_its_names(world):
    world.runbook(HELD)
    for number in range(4):
        world.dies_at("b")
        if number:
            time.sleep(1.1)  # ids of one second differ in a number at their end only
    runs = os.path.join(world.folder, "home", "runs")
    first, second, third, fourth = sorted(os.listdir(runs))
    world.resume("--settle", "b=done", run=first)
    world.resume("--settle", "b=done", run=second)
    world.resume("--settle", "b=done", run=os.path.join(runs, third))
    world.resume("--settle", "b=done", run="last")
    world.ledger(*["a", "b"] * 4, *["c"] * 4, ordered=True)
    says(world.resume(run=fourth, status=2), "is over: it succeeded")


def unknown_run(world):
    world.runbook(HELD)
    says(world.resume(run="nowhere", status=2), "nowhere", "hint: ")
    world.dies_at("b")
    says(world.resume(run="nowhere", status=2), "nowhere", "hint: ")
    says(world.resume(run=world.folder, status=2), "is not a run", "hint: `runbook runs`")


def run_that_succeeded(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
    """)
    world.runs()
    says(_untouched(world, status=2), "is over: it succeeded", "hint: `runbook rollback runbook-")


def run_whose_engine_is_at_it(world):
    world.runbook(HELD)
    engine = world.starts_until("b")
    says(_untouched(world, status=8), "(?i)another|engine|running|holds")
    says(world.runs("rollback", "last", status=8), "(?i)another|engine|running|holds")
    world.go("b")
    engine.wait(0)
    world.ledger("a", "b", "c")


def two_resumes_at_once(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    engines = [world.start("resume", "last") for _ in range(4)]
    world.reached("b")
    world.until(lambda: sum(engine.process.poll() is not None for engine in engines) == 3)
    codes = sorted(engine.process.poll() for engine in engines if engine.process.poll() is not None)
    assert codes == [8, 8, 8], codes
    world.go("b")
    [engine for engine in engines if engine.process.poll() is None][0].wait(0)
    world.ledger("a", "b", "b", "c")
    assert world.count("run.resumed") == 1, world.outline()


def lock_that_another_run_got(world):
    world.runbook("""
        lock: disk
        steps:
          - {id: a, shell: did a; hold a, effect: idempotent}
    """)
    world.runbook("""
        lock: disk
        steps:
          - {id: o, shell: did other; hold other}
    """, "other.yaml")
    world.dies_at("a")
    first = world.run_folder()
    other = world.starts_until("other", arguments=("exec", "other.yaml"))
    said = world.resume(run=first, status=8)
    says(said, "disk", "other")
    world.go("other")
    other.wait(0)
    world.go("a")
    world.resume(run=first)
    world.ledger("a", "other", "a")


def dry_run(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a}
    """)
    world.runs("exec", "runbook.yaml", "--dry-run")
    says(_untouched(world, status=2), "was a dry run")
    says(world.runs("rollback", "last", status=2), "was a dry run")


# ---- plans -----------------------------------------------------------------------------------


def changed_runbook(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    world.go("b")
    world.runbook(HELD_AGAIN.replace("did c", "did changed"))
    said = _untouched(world, status=2)
    says(said, "the plan is not the one", "--accept-changed-plan", "runbook.yaml is how it was")
    world.resume("--accept-changed-plan")
    world.ledger("a", "b", "b", "changed")
    resumed = [record for record in world.records() if record["type"] == "run.resumed"]
    assert resumed[-1]["notes"][0][0] == "accepted_changed_plan", resumed


def changed_file_that_is_called(world):
    inner = """
        steps:
          - {id: in, shell: did in; hold in, effect: idempotent}
          - {id: then, shell: did then}
    """
    world.runbook(inner, "inner.yaml")
    world.runbook("""
        steps:
          - {id: sub, call: inner.yaml}
    """)
    world.dies_at("in")
    world.go("in")
    world.runbook(inner.replace("did then", "did changed"), "inner.yaml")
    says(_untouched(world, status=2), "the plan is not the one")
    world.runbook(inner, "inner.yaml")
    world.resume()
    world.ledger("in", "in", "then")


def runbook_that_is_put_back(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    world.go("b")
    world.runbook(HELD_AGAIN.replace("did c", "did changed"))
    _untouched(world, status=2)
    shutil.copy(os.path.join(world.run_folder(), "runbook.yaml"), world.path("runbook.yaml"))
    world.resume()
    world.ledger("a", "b", "b", "c")


def runbook_that_lacks_a_step_that_ran(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    world.runbook("""
        steps:
          - {id: x, shell: did x}
    """)
    says(_untouched(world, "--accept-changed-plan", status=2), "does not follow", "hint: ")


def runbook_that_is_gone(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    os.unlink(world.path("runbook.yaml"))
    says(_untouched(world, status=2), "runbook.yaml", "No such file")


def other_working_folder(world):
    world.runbook("""
        steps:
          - {id: a, shell: did a; hold a, effect: idempotent}
          - {id: b, shell: 'did "$(cat here)"'}
    """)
    world.write("here", "there")
    world.dies_at("a")
    world.go("a")
    os.mkdir(world.path("elsewhere"))
    world.cwd = world.path("elsewhere")
    world.resume()
    world.ledger("a", "a", "there")


# ---- transcripts -----------------------------------------------------------------------------


def torn_last_line(world):
    """At several bytes: it is set aside and noted, and the run goes on."""
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    world.go("b")
    home, kept = world.path("home"), world.path("kept")
    shutil.copytree(home, kept, symlinks=True, ignore=shutil.ignore_patterns("socket*"))
    lines = world.lines()
    length = len(lines[-1])
    for cut in (1, 2, 40, length // 2, length - 2, length - 1):
        shutil.rmtree(home)
        shutil.copytree(kept, home, symlinks=True)
        if os.path.exists(world.path("ledger")):
            os.unlink(world.path("ledger"))
        with open(world.transcript(), "wb") as file:
            file.write(b"".join(lines[:-1]) + lines[-1][:cut])
        world.resume()
        resumed = [record for record in world.records() if record["type"] == "run.resumed"]
        if ["torn", cut] not in resumed[0].get("notes", []):
            raise Wrong("cut at %d, and noted is %s" % (cut, resumed[0].get("notes")))
        world.ledger("b", "c")


def damaged_line(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    good = b"".join(world.lines())
    for number in range(3):
        lines = world.lines()
        lines[number] = lines[number].replace(b'"mono_ns":', b'"mono_ns":1', 1)
        with open(world.transcript(), "wb") as file:
            file.write(b"".join(lines))
        if number < 2:
            says(world.resume(status=7), "(?i)line|record")
        with open(world.transcript(), "wb") as file:
            file.write(good)
    world.ledger("a", "b")


def deleted_line(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    good = world.lines()
    with open(world.transcript(), "wb") as file:
        file.write(b"".join(good[:1] + good[2:]))
    says(world.resume(status=7), "(?i)line|record")
    with open(world.transcript(), "wb") as file:
        file.write(b"".join(good))
    world.ledger("a", "b")


def empty_transcript(world):
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    good = world.lines()
    open(world.transcript(), "wb").close()
    says(world.resume(status=7), "never began|empty")
    with open(world.transcript(), "wb") as file:
        file.write(b"".join(good))


def tampered_output(world):
    world.runbook("""
        steps:
          - {id: a, shell: "did a; printf '%2000s' good"}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did "$A", env: {A: "${{ .steps.a.stdout[-4:] }}"}}
    """)
    world.dies_at("b")
    path = os.path.join(world.run_folder(), "output", "a.1.stdout")
    good = open(path, "rb").read()
    for bad in (b"evil\n", b"", b"good\ngood\n"):
        with open(path, "wb") as file:
            file.write(bad)
        says(_untouched(world, status=7), "a.1.stdout", "SHA-256|not what", "hint: ")
    os.unlink(path)
    says(_untouched(world, status=7), "a.1.stdout")
    os.symlink("/etc/passwd", path)
    says(_untouched(world, status=7), "a.1.stdout")
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(good)
    world.go("b")
    world.resume()
    world.ledger("a", "b", "b", "good")


def hostile_paths(world):
    """A transcript that names files outside of the run is not read from there."""
    world.runbook("""
        steps:
          - {id: a, shell: "did a; printf '%2000s' good"}
          - {id: b, shell: did b; hold b, effect: idempotent}
          - {id: c, shell: did "$A", env: {A: "${{ .steps.a.stdout[-4:] }}"}}
    """)
    world.dies_at("b")
    world.write("secret", "private\n")
    good = b"".join(world.lines())
    for name in ("output/../../../../secret", "/etc/passwd", "../secret", "output/", "output/.."):
        world.rewrite(lambda record: _name_output(record, name))
        says(world.resume(status=7), "outside|as an output|cannot read")
        with open(world.transcript(), "wb") as file:
            file.write(good)
    world.ledger("a", "b")


def _name_output(record, name):
    if record["type"] == "step.finished":
        record["output"]["stdout"]["file"] = name


def hostile_home(world):
    """The run's folder is somebody else's, or others may write there."""
    world.runbook(HELD_AGAIN)
    world.dies_at("b")
    folder = world.run_folder()
    os.chmod(folder, 0o777)
    says(_untouched(world, status=2), "other users may write to", "hint: chmod 700")
    os.chmod(folder, 0o700)
    target = world.transcript()
    os.rename(target, target + ".kept")
    os.symlink(target + ".kept", target)
    world.resume(status=7)
    os.unlink(target)
    os.rename(target + ".kept", target)
    world.ledger("a", "b")
