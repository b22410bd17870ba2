"""How cost grows: curves over sizes, as figures and as drawings made from them alone."""
import math
import os
import resource
import subprocess
import time

import works

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 300, 70, 40, 30, 20


def once(words, folder):
    """Seconds, seconds of processors and MiB of one run."""
    home = os.path.join(folder, "home")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    process = subprocess.Popen(words, env=dict(os.environ, RUNBOOK_HOME=home),
                               stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if process.returncode:
        raise RuntimeError("%s: status %d" % (" ".join(words[:3]), process.returncode))
    return {"seconds": seconds, "cpu": cpu, "mib": usage.ru_maxrss / 1024}


def curve(name, unit, sizes, words, folder):
    """`words`: from a size the command."""
    points = []
    for size in sizes:
        runs = [once(words(size), folder) for _ in range(3)]
        best = sorted(runs, key=lambda run: run["seconds"])[1]
        points.append(dict(best, size=size))
        print("growth: %s, %d %s: %.3f s, %.1f MiB"
              % (name, size, unit, best["seconds"], best["mib"]), flush=True)
    return {"name": name, "unit": unit, "points": points}


def measure(programs, folder):
    run = [programs["runbook"], "exec", "--quiet", "--durability", "process"]

    def check(steps):
        return [programs["runbook"], "check",
                works.runbook_file(folder, "g%d" % steps, steps, True)]

    def chain(steps):
        return run + [works.runbook_file(folder, "c%d" % steps, steps, True)]

    def waits(steps):
        return run + [works.runbook_file(folder, "w%d" % steps, steps, False,
                                         step="    wait: 1s\n")]

    def output(mib):
        file = works.write(folder, "o%d.yaml" % mib, works.HEAD % "output" + "steps:\n"
                           "  - exec: [head, -c, '%d', /dev/zero]\n" % (mib << 20))
        return run + [file]

    return [curve("check", "steps", (100, 1000, 10000, 100000, 1000000), check, folder),
            curve("chain", "steps", (100, 1000, 10000), chain, folder),
            curve("parallel waits of 1 s", "steps", (1, 10, 100, 1000, 10000), waits, folder),
            curve("output", "MiB", (1, 4, 16, 64, 256), output, folder)]


# ---- drawing -------------------------------------------------------------------------------


def decades(values):
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def place(value, axis, begin, end):
    return begin + (math.log10(value) - axis[0]) / (axis[1] - axis[0]) * (end - begin)


def ticks(axis, begin, end):
    return [(10 ** power, place(10 ** power, axis, begin, end))
            for power in range(axis[0], axis[1] + 1)]


def drawing(one):
    """Both axes are logarithmic: what grows in proportion is a line of 45 degrees."""
    series = [("seconds", "#1a6fb4", "s"), ("mib", "#b4501a", "MiB")]
    values = [point[key] for point in one["points"] for key, _, _ in series]
    across, up = decades([point["size"] for point in one["points"]]), decades(values)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" '
           'font-size="11">' % (WIDTH, HEIGHT),
           '<rect width="%d" height="%d" fill="#ffffff"/>' % (WIDTH, HEIGHT),
           '<text x="%d" y="18" font-size="13">%s: by %s</text>' % (LEFT, one["name"], one["unit"])]
    for value, x in ticks(across, LEFT, right):
        out.append('<path d="M%.1f %d V%d" stroke="#dddddd"/><text x="%.1f" y="%d" '
                   'text-anchor="middle">%g</text>' % (x, TOP, bottom, x, bottom + 16, value))
    for value, y in ticks(up, bottom, TOP):
        out.append('<path d="M%d %.1f H%d" stroke="#dddddd"/><text x="%d" y="%.1f" '
                   'text-anchor="end">%g</text>' % (LEFT, y, right, LEFT - 6, y + 4, value))
    for row, (key, colour, unit) in enumerate(series):
        dots = [(place(point["size"], across, LEFT, right), place(point[key], up, bottom, TOP))
                for point in one["points"]]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>'
                   % (colour, " ".join("%.1f,%.1f" % dot for dot in dots)))
        out.append('<text x="%d" y="%d" fill="%s">%s</text>'
                   % (right - 40, TOP + 14 * (row + 1), colour, unit))
    return "\n".join(out) + "\n</svg>\n"


def figures(one):
    lines = ["| %s | time | CPU | peak memory |" % one["unit"], "|--:|--:|--:|--:|"]
    lines += ["| %d | %.3f s | %.3f s | %.1f MiB |" % (
        point["size"], point["seconds"], point["cpu"], point["mib"]) for point in one["points"]]
    return "\n".join(lines) + "\n"


def report(folder, record, bars, tables, end):
    text = ["# What `tests/bench/run.sh --growth` measured\n",
            "Made by the bench from its own record; ratios are of the same run, interleaved. Figures"
            " depend on the machine, ratios much less so.\n", "## The bars\n", bars,
            "## How cost grows\n"]
    for one in record["growth"]:
        name = "growth-%s.svg" % one["name"].split()[0]
        works.write(folder, name, drawing(one))
        text += ["### %s\n" % one["name"], "![%s](%s)\n" % (one["name"], name), figures(one)]
    works.write(folder, "RESULTS.md", "\n".join(text + ["## All of it", tables, end]))
