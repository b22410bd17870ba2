#!/usr/bin/env python3
"""bench.py BUILD [--steps N] [--output GIB] [--rounds N] [--growth] [NAME…]: see run.sh, which builds what it runs."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import growth
import works

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ("measure", "floor", "spawn", "yaml_events", "floor_get", "floor_sql", "floor_copy",
            "floor_jq", "floor_records", "floor_append", "append")


def measure(bench, measurer, rounds, folder):
    lines = "".join("\t".join([label, str(repeat), folder, *words]) + "\n"
                    for label, repeat, words, *_ in bench.commands)
    environment = dict(os.environ, RUNBOOK_HOME=os.path.join(folder, "home"), LC_ALL="C.UTF-8")
    for name in ("MAKEFLAGS", "NINJA_STATUS"):
        environment.pop(name, None)
    done = subprocess.run([measurer, str(rounds)], input=lines, env=environment,
                          stdout=subprocess.PIPE, text=True, check=True)
    results = []
    for line, (_, _, words, ours, operations) in zip(done.stdout.splitlines(), bench.commands):
        result = json.loads(line)
        result.update(ours=ours, median=statistics.median(result["seconds"]),
                      command=os.path.basename(words[0]))
        result["per_second"] = operations / result["median"]
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
    head = ["program", "median", bench.unit + "/s", "CPU", "peak memory"]
    head += ["`%s` takes" % mine["label"] for mine in ours]
    lines = ["", "### " + bench.work, "", "| " + " | ".join(head) + " |",
             "|---" + "|--:" * (len(head) - 1) + "|"]
    for result in results:
        cells = [result["label"], show_time(result["median"]),
                 "%.0f" % result["per_second"] if bench.operations > 1 else "",
                 show_time(result["cpu"]), "%.1f MiB" % (result["peak_kib"] / 1024)]
        cells += ["%.2f ×" % (mine["median"] / result["median"]) for mine in ours]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


KEYS = {"seconds": "median"}
KINDS = {"seconds": "", "peak_kib": ", memory", "cpu": ", CPU"}
UNITS = {"seconds": (1e6, "µs"), "peak_kib": (1, "KiB"), "cpu": (1e6, "µs")}


def judge(bench, results):
    """Rows of the summary: what was asked for, what was measured."""
    by_label = {result["label"]: result for result in results}
    rows = []
    for mine, other, most, of, less in bench.bars:
        labels = [label for label in (mine, other, less) if label]
        if any(label not in by_label for label in labels):
            continue
        key = KEYS.get(of, of)
        taken = by_label[mine][key] - (by_label[less][key] if less else 0)
        measured = taken / (by_label[other][key] if other else bench.operations)
        ran = not any(by_label[label]["status"] for label in labels)
        factor, unit = (1, "×") if other else UNITS[of]
        rows.append({"work": bench.work, "mine": mine + KINDS[of] + (", less " + less if less else ""),
                     "other": other or "each of the %s" % bench.unit, "most": most * factor,
                     "measured": measured * factor, "unit": unit, "met": ran and measured <= most})
    return rows


def summary(rows):
    lines = ["| work | ours | beside | at most | measured | |", "|---|---|---|--:|--:|---|"]
    lines += ["| %(work)s | %(mine)s | %(other)s | %(most).2f %(unit)s | %(measured).2f %(unit)s |"
              % row + (" met |" if row["met"] else " **missed** |") for row in rows]
    return "\n".join(lines) + "\n"


def run_works(options, programs):
    record = {"steps": options.steps, "rounds": options.rounds, "cpus": os.cpu_count(),
              "load_before": os.getloadavg(), "works": {}, "bars": []}
    text = []
    # Beside the build, since a temporary folder may be in memory, where a sync costs nothing.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.build) as folder:
        for name in options.names or works.WORKS:
            size = options.output if name == "output" else options.steps
            bench = works.WORKS[name](programs, folder, size)
            with bench.servers:
                results = measure(bench, programs["measure"], options.rounds, folder)
            record["works"][name] = results
            record["bars"] += judge(bench, results)
            text.append(table(bench, results))
            print(text[-1], flush=True)
            shutil.rmtree(os.path.join(folder, "home"), ignore_errors=True)
        if options.growth:
            record["growth"] = growth.measure(
                programs, folder, lambda one: measure(one, programs["measure"], 3, folder))
    record["load_after"] = os.getloadavg()
    return record, text


def main():
    options = argparse.ArgumentParser(prog="tests/bench/run.sh")
    options.add_argument("build", help=argparse.SUPPRESS)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(works.WORKS))
    options.add_argument("--steps", type=int, default=10000)
    options.add_argument("--output", type=int, default=1, metavar="GIB")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--growth", action="store_true",
                         help="measure the growth curves too, and write tests/bench/RESULTS.md")
    options = options.parse_intermixed_args()
    unknown = [name for name in options.names if name not in works.WORKS]
    if unknown:
        options.error("no such bench: %s; there are %s"
                      % (", ".join(unknown), ", ".join(works.WORKS)))
    programs = {name: os.path.join(options.build, "tests/bench", name) for name in PROGRAMS}
    programs["runbook"] = os.path.join(options.build, "engine/cli/runbook")
    record, text = run_works(options, programs)
    works.write(options.build, "bench.json", json.dumps(record, indent=1) + "\n")
    end = "Medians of %d; %d processors, load %.1f before and %.1f after.\n" % (
        options.rounds, record["cpus"], record["load_before"][0], record["load_after"][0])
    print("\n" + summary(record["bars"]) + "\n" + end)
    if options.growth:
        growth.report(HERE, record, summary(record["bars"]), "\n".join(text), end)
    ended_badly = any(result["status"] for results in record["works"].values()
                      for result in results)
    return 1 if ended_badly else 0


if __name__ == "__main__":
    sys.exit(main())
