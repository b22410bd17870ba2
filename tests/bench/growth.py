"""How cost grows: curves over sizes, as figures and as drawings made from them alone."""
import math

import works

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 300, 70, 40, 30, 30


def curve(name, unit, sizes, words, measure):
    """`words`: from a size the command; `measure`: from a bench the results of its commands."""
    bench = works.Bench(name, name, 1, unit)
    for size in sizes:
        bench.add("%d" % size, words(size), ours=True)
    points = [{"size": int(result["label"]), "seconds": result["median"], "cpu": result["cpu"],
               "mib": result["peak_kib"] / 1024} for result in measure(bench)]
    for point in points:
        print("growth: %s, %d %s: %.3f s, %.1f MiB"
              % (name, point["size"], unit, point["seconds"], point["mib"]), flush=True)
    return {"name": name, "unit": unit, "points": points}


def measure(programs, folder, measure_bench):
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

    curves = [("check", "steps", (100, 1000, 10000, 100000, 1000000), check),
              ("chain", "steps", (100, 1000, 10000), chain),
              ("parallel waits of 1 s", "steps", (1, 10, 100, 1000, 10000), waits),
              ("output", "MiB", (1, 4, 16, 64, 256), output)]
    return [curve(*one, measure_bench) for one in curves]


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
                   'text-anchor="middle">%d</text>' % (x, TOP, bottom, x, bottom + 16, value))
    for value, y in ticks(up, bottom, TOP):
        out.append('<path d="M%d %.1f H%d" stroke="#dddddd"/><text x="%d" y="%.1f" '
                   'text-anchor="end">%g</text>' % (LEFT, y, right, LEFT - 6, y + 4, value))
    for row, (key, colour, unit) in enumerate(series):
        dots = [(place(point["size"], across, LEFT, right), place(point[key], up, bottom, TOP))
                for point in one["points"]]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>'
                   % (colour, " ".join("%.1f,%.1f" % dot for dot in dots)))
        out.append('<text x="%d" y="18" text-anchor="end" fill="%s">%s</text>'
                   % (right - 40 * row, colour, unit))
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
