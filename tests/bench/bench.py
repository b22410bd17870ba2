#!/usr/bin/env python3
"""bench.py BUILD [--steps N] [--rounds N] [NAME…]: see run.sh, which builds what this runs."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SHELL = ["bash", "-euo", "pipefail", "-c", "true"]
LINE = " ".join(SHELL)


class Bench:
    """The commands of one work: what is measured, beside what."""

    def __init__(self, name, work, operations):
        self.name, self.work, self.operations = name, work, operations
        self.commands = []

    def add(self, label, words, repeat=1, ours=False, only_if=None):
        if only_if is None or shutil.which(only_if):
            self.commands.append((label, repeat, words, ours))


# ---- inputs --------------------------------------------------------------------------------


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def runbook_file(folder, name, steps, is_chain):
    head = "runbook: 1\nname: %s\nsteps:\n" % name
    if is_chain:
        body = "".join("  - id: s%d\n    shell: 'true'\n" % i for i in range(steps))
    else:
        body = "  - id: all\n    parallel:\n" + "".join(
            "      - id: s%d\n        shell: 'true'\n" % i for i in range(steps))
    return write(folder, name + ".yaml", head + body)


def make_file(folder, name, steps, is_chain):
    names = " ".join("s%d" % i for i in range(steps))
    rules = "".join("s%d:%s\n\t@%s\n" % (i, " s%d" % (i - 1) if is_chain and i else "", LINE)
                    for i in range(steps))
    return write(folder, name + ".mk", "all: %s\n.PHONY: all %s\n%s" % (names, names, rules))


def ninja_file(folder, name, steps, is_chain):
    rules = "".join("build s%d: step%s\n" % (i, " s%d" % (i - 1) if is_chain and i else "")
                    for i in range(steps))
    return write(folder, name + ".ninja", "rule step\n  command = %s\n%s" % (LINE, rules))


def loop_file(folder, name, steps, is_chain):
    if is_chain:
        return write(folder, name + ".sh", "for ((i = 0; i < %d; i++)); do %s; done\n"
                     % (steps, LINE))
    return write(folder, name + ".sh", "for ((i = 0; i < %d; i++)); do\n"
                 "((i < 2)) || wait -n\n%s &\ndone\nwait\n" % (steps, LINE))


# ---- the works -----------------------------------------------------------------------------


def start(programs, folder, _):
    bench = Bench("start", "check of a one-step file", 1)
    one = runbook_file(folder, "one", 1, True)
    bench.add("runbook check", [programs["runbook"], "check", one], 100, True)
    bench.add("/bin/true", ["/bin/true"], 100)
    bench.add("make -n", ["make", "-n", "-f", make_file(folder, "one", 1, True)], 100,
              only_if="make")
    bench.add("bash -n", ["bash", "-n", loop_file(folder, "one", 1, True)], 100)
    return bench


def steps_of(programs, folder, steps, is_chain):
    name = "chain" if is_chain else "independent"
    work = "a chain of %d" % steps if is_chain else "%d independent, 2 jobs" % steps
    bench = Bench(name, work, steps)
    file = runbook_file(folder, name, steps, is_chain)
    for durability in ("process", "disk"):
        bench.add("runbook, " + durability,
                  [programs["runbook"], "exec", "--quiet", "--jobs", "2",
                   "--durability", durability, file], 1, True)
        bench.add("floor, " + durability,
                  [programs["floor"], str(steps), "1" if is_chain else "2", durability,
                   os.path.join(folder, "journal"), *SHELL])
    bench.add("ninja -j2", ["ninja", "-j2", "-f", ninja_file(folder, name, steps, is_chain)],
              only_if="ninja")
    bench.add("make -j2", ["make", "-j2", "-f", make_file(folder, name, steps, is_chain)],
              only_if="make")
    bench.add("bash loop", ["bash", loop_file(folder, name, steps, is_chain)])
    return bench


def independent(programs, folder, steps):
    return steps_of(programs, folder, steps, False)


def chain(programs, folder, steps):
    return steps_of(programs, folder, steps, True)


def parse(programs, folder, steps):
    bench = Bench("parse", "check of %d steps" % steps, steps)
    file = runbook_file(folder, "parse", steps, False)
    bench.add("runbook check", [programs["runbook"], "check", file], 5, True)
    bench.add("runbook check, chain",
              [programs["runbook"], "check", runbook_file(folder, "parsed", steps, True)], 5, True)
    bench.add("runbook plan", [programs["runbook"], "plan", file], 1, True)
    bench.add("libyaml's events", [programs["yaml_events"], file], 5)
    bench.add("ninja -n", ["ninja", "-n", "-f", ninja_file(folder, "parse", steps, False)], 5,
              only_if="ninja")
    bench.add("make -n", ["make", "-n", "-f", make_file(folder, "parse", steps, False)],
              only_if="make")
    return bench


WORKS = {"start": start, "independent": independent, "chain": chain, "parse": parse}


# ---- measuring -----------------------------------------------------------------------------


def measure(bench, measurer, rounds, folder):
    lines = "".join("\t".join([label, str(repeat), folder, *words]) + "\n"
                    for label, repeat, words, _ in bench.commands)
    environment = dict(os.environ, RUNBOOK_HOME=os.path.join(folder, "home"), LC_ALL="C.UTF-8")
    for name in ("MAKEFLAGS", "NINJA_STATUS"):
        environment.pop(name, None)
    done = subprocess.run([measurer, str(rounds)], input=lines, env=environment,
                          stdout=subprocess.PIPE, text=True, check=True)
    results = []
    for line, (_, _, words, ours) in zip(done.stdout.splitlines(), bench.commands):
        result = json.loads(line)
        result.update(ours=ours, median=statistics.median(result["seconds"]),
                      command=os.path.basename(words[0]))
        result["per_second"] = bench.operations / result["median"]
        if result["status"]:
            print("%s: %s ended with status %d" % (bench.name, result["label"], result["status"]),
                  file=sys.stderr)
        results.append(result)
    return results


def show_time(seconds):
    return "%.2f s" % seconds if seconds >= 1 else "%.2f ms" % (seconds * 1000)


def table(bench, results):
    """Each program's figures, and how many times as long as it each of ours takes."""
    ours = [result for result in results if result["ours"]]
    head = ["program", "median", "steps/s", "peak memory"]
    head += ["`%s` takes" % mine["label"] for mine in ours]
    lines = ["", "### " + bench.work, "", "| " + " | ".join(head) + " |",
             "|---" + "|--:" * (len(head) - 1) + "|"]
    for result in results:
        cells = [result["label"], show_time(result["median"]),
                 "%.0f" % result["per_second"] if bench.operations > 1 else "",
                 "%.1f MiB" % (result["peak_kib"] / 1024)]
        cells += ["%.2f ×" % (mine["median"] / result["median"]) for mine in ours]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    options = argparse.ArgumentParser(prog="tests/bench/run.sh")
    options.add_argument("build", help=argparse.SUPPRESS)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(WORKS))
    options.add_argument("--steps", type=int, default=10000)
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_intermixed_args()
    unknown = [name for name in options.names if name not in WORKS]
    if unknown:
        options.error("no such bench: %s; there are %s" % (", ".join(unknown), ", ".join(WORKS)))
    programs = {name: os.path.join(options.build, "tests/bench", name)
                for name in ("measure", "floor", "yaml_events")}
    programs["runbook"] = os.path.join(options.build, "engine/cli/runbook")
    record = {"steps": options.steps, "rounds": options.rounds, "cpus": os.cpu_count(),
              "load_before": os.getloadavg(), "works": {}}
    # Beside the build, since a temporary folder may be in memory, where a sync costs nothing.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.build) as folder:
        for name in options.names or WORKS:
            bench = WORKS[name](programs, folder, options.steps)
            results = measure(bench, programs["measure"], options.rounds, folder)
            record["works"][name] = results
            print(table(bench, results), flush=True)
            shutil.rmtree(os.path.join(folder, "home"), ignore_errors=True)
    write(options.build, "bench.json", json.dumps(record, indent=1) + "\n")
    print("\nMedians of %d; %d processors, load %.1f before and %.1f after."
          % (options.rounds, record["cpus"], record["load_before"][0], os.getloadavg()[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
