"""Looks at the three drawings: all is drawn, nothing breaks out of its label, and all can be read
on a light page and on a dark one."""
import html
import json
import re
import xml.etree.ElementTree as etree

WHITE, BLACK = "#ffffff", "#0d1117"
TEXT, LINE = 4.5, 3.0  # contrast that WCAG 2.1 asks for: of text, and of lines

STEPS = ["first", "left", "s1", "s2", "right", "ask", "each/inner", "each/inner2", "beside",
         "other/within", "other/last", "after", "hand", "gone", "put", "lastly"]
GROUPS = ["both", "inside", "each", "other", "(finally)"]
UNDONE = ["first", "left", "inside", "right", "each", "each/inner", "other", "other/within"]
LIMITS = ["right", "other/last"]
EDGES = {("first", "both"), ("both", "left"), ("both", "right"), ("both", "inside"),
         ("left", "both end"), ("right", "right limit"), ("right limit", "both end"),
         ("inside", "s1"), ("s1", "s2"), ("s2", "inside end"), ("inside end", "both end"),
         ("both end", "ask"), ("ask", "each"), ("each", "each/inner"),
         ("each/inner", "each/inner2"), ("each/inner2", "each end"), ("both end", "beside"),
         ("ask", "beside"), ("each end", "other"), ("other", "other/within"),
         ("other/within", "other/last"), ("other/last", "other/last limit"),
         ("other/last limit", "other end"), ("beside", "after"), ("other end", "after"),
         ("after", "hand"), ("hand", "gone"), ("hand", "put"), ("gone", "(finally)"),
         ("put", "(finally)"), ("(finally)", "lastly")}
EDGES |= {(name + (" end" if name in GROUPS else ""), name + " undo") for name in UNDONE}
TITLES = ["</text></svg><script>alert('x')</script> \\N", "-->]]><!-- `undo` \"it\"",
          "1. A list | [x](y) {z} ((w)) #35; %%", "esc \\e[31m, bidi \\u202e", "日本語 🚀", "end",
          "Point of no return", "opened by 2 of dba<b>, le\"ad,", "destroys table leads",
          "for each of [\"<a>\",2]", "when .steps.s1.status == \"<b>\""]


def contrast(one, other):
    """https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""
    def luminance(color):
        parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ask(holds, what):
    if not holds:
        print("WRONG:", what)


def readable(one, other, least, what):
    ask(contrast(one, other) >= least, f"{what}: {one} on {other}: {contrast(one, other):.2f}")


def look_at_dot():
    """What Graphviz itself has read."""
    drawn = json.load(open("graph.json", encoding="utf-8"))
    names = {item["_gvid"]: item["name"] for item in drawn["objects"]}
    figures = {item["name"]: item for item in drawn["objects"]}
    for name in STEPS + [n + " undo" for n in UNDONE] + [n + " limit" for n in LIMITS] + \
            ["cluster " + n for n in GROUPS]:
        ask(name in figures, f"dot lacks {name}")
    joints = {n for g in GROUPS for n in (g, g + " end")} - {"(finally) end"}
    frames = {"cluster " + n for n in GROUPS} | {f"cluster {n} undo" for n in UNDONE}
    extra = {n for n in figures if not n.startswith("%")} - set(STEPS) - joints - frames - \
        {n + " undo" for n in UNDONE} - {n + " limit" for n in LIMITS}
    ask(not extra, f"dot draws what is not there: {sorted(extra)}")
    seen = {(names[e["tail"]], names[e["head"]]) for e in drawn["edges"]}
    ask(seen == EDGES, f"arrows: {sorted(seen ^ EDGES)}")
    for name, item in figures.items():
        if "fontcolor" in item:
            readable(item["fontcolor"], item["fillcolor"], TEXT, f"text of {name}")
    for edge in drawn["edges"]:
        for page in (WHITE, BLACK, figures["cluster both"]["fillcolor"]):
            readable(edge["color"], page, LINE, "an arrow")
    ask(figures["ask"]["shape"] == "octagon", "a gate looks like all else")
    for name in ("beside", "first", "put"):
        ask(figures[name]["fillcolor"] != figures["gone"]["fillcolor"], "what destroys is hidden")


def rules_of(css):
    """(selector, property) to value, for light and for dark."""
    light, dark = css.split("@media (prefers-color-scheme: dark){", 1)
    found = []
    for text in (light, dark):
        rules = {}
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
            for selector in selectors.split(","):
                for declaration in filter(None, body.split(";")):
                    key, value = declaration.split(":")
                    rules[selector.strip(), key] = value
        found.append(rules)
    return found


def look_at_svg():
    text = open("graph.svg", encoding="utf-8").read()
    root = etree.fromstring(text)
    spaces = "{http://www.w3.org/2000/svg}"
    ask(text.startswith("<svg"), "svg does not begin as one")
    tags = {item.tag.replace(spaces, "") for item in root.iter()}
    ask(tags <= set("svg style g title text path polygon ellipse polyline a".split()),
        f"svg holds {tags}")
    for item in root.iter():
        for key, value in item.attrib.items():
            ask(not key.startswith("on") and "://" not in value, f"svg: {key}={value}")
    said = ["".join(item.itertext()) for item in root.iter(spaces + "text")]
    for title in TITLES:
        ask(title in said, f"svg lacks {title}")
    css = root.find(spaces + "style").text
    ask("url(" not in css and "@import" not in css, "svg wants something from outside")
    light, dark = rules_of(css)
    used = {word for item in root.iter() for word in item.get("class", "").split()}
    used -= {"graph", "node", "edge", "cluster"}
    ask(used == set("read idempotent once destroys gate undo limit group flow".split()), used)
    for rules, page in ((light, WHITE), (dark, BLACK)):
        ask(rules["svg", "background"] == page, "the page has another colour")
        for name in used - {"flow"}:
            fill = rules[f"svg .{name} path", "fill"]
            readable(rules[f"svg .{name} text", "fill"], fill, TEXT, f"text of {name}")
            readable(rules[f"svg .{name} path", "stroke"], page, LINE, f"edge of {name}")
        for under in (page, rules["svg .group path", "fill"]):
            readable(rules["svg .flow path", "stroke"], under, LINE, "an arrow")


LABEL = r'"((?:[^\x00-\x7f]|[A-Za-z0-9 ,:_-]|#[0-9]+;|<br>)*)"'
FORMS = {
    "classDef": r"classDef (\w+) fill:(#\w{6}),stroke:(#\w{6}),color:(#\w{6})",
    "figure": rf"(n\d+)(?:\[{LABEL}\]|\(\({LABEL}\)\)|\({LABEL}\)|\{{\{{{LABEL}\}}\}}|\[\[{LABEL}\]\])",
    "class": r"class (n\d+) (\w+)",
    "open": rf"subgraph (g\d+)\[{LABEL}\]",
    "close": r"end",
    "edge": r"(n\d+) (-->|-\.-|-\.->) (n\d+)",
}


def look_at_mermaid():
    """No parser of it is at hand: each line has one of six forms, and labels hold letters,
    digits, entities and little else."""
    lines = open("graph.mmd", encoding="utf-8").read().splitlines()
    ask(lines[0] == "flowchart TD", "mermaid begins otherwise")
    classes, figures, edges, labels, depth = {}, set(), 0, [], 0
    for line in lines[1:]:
        found = [(form, m) for form, m in ((f, re.fullmatch(r, line)) for f, r in FORMS.items()) if m]
        if len(found) != 1:
            ask(False, f"mermaid: {line}")
            continue
        form, match = found[0]
        depth += (form == "open") - (form == "close")
        ask(depth >= 0, "mermaid closes what is not open")
        if form == "classDef":
            classes[match[1]] = match.groups()[1:]
        elif form == "class":
            ask(match[1] in figures and match[2] in classes, line)
        elif form == "edge":
            edges += 1
            ask(match[1] in figures and match[3] in figures, line)
        elif form == "figure":
            ask(match[1] not in figures, f"twice: {line}")
            figures.add(match[1])
        if form in ("figure", "open"):
            label = next(group for group in match.groups()[1:] if group is not None)
            labels += [html.unescape(part.replace("#", "&#")) for part in label.split("<br>")]
    ask(depth == 0, "mermaid leaves a frame open")
    ask(edges == len(EDGES), f"mermaid has {edges} arrows of {len(EDGES)}")
    for title in TITLES:
        ask(title in labels, f"mermaid lacks {title}")
    for name, (fill, _, color) in classes.items():
        if name != "flow":
            readable(color, fill, TEXT, f"text of {name}")


look_at_dot()
look_at_svg()
look_at_mermaid()
print("looked at")
