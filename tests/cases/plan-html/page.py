"""Reads pages as a browser would: nothing of the runbook is markup, nothing is fetched, links lead
somewhere, and all that the plan's JSON says can be read there."""
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "br"}
KNOWN = set("""html head meta title style body header h1 h2 h3 p dl dt dd table tr th td code small
    div span a details summary b br svg g path polygon ellipse polyline text""".split())
SAID = {
    "title": "</title><script>alert(1)</script> & \"quotes\" &lt;",
    "description": "<img src=x onerror=alert(1)>\nline two \\e[31m \\u202e",
    "a title": "</summary></details><script>alert('x')</script>",
    "a command": "echo '</code><script>alert(1)</script>'\necho \"&amp;\"",
    "a variable": "/x/%s\" onload=\"alert(1)",
    "a secret's name": "${{ .secrets.token }}",
    "where a secret is from": "from the environment variable THE_TOKEN",
    "where another is from": "from the command pass show <x>",
    "a handler": "-->]]><!-- undo",
    "a handler's command": "echo '</dd>'",
    "a gate": "<i>%s</i>, lose \"ev<il>\"?",
    "who opens it": "2 of dba<b>, le\"ad, not who started the run, within 30m",
    "what is destroyed": "rows of \"ev<il>\"",
    "a statement": "TRUNCATE \"ev<il>\"",
    "a lock": "page-lock",
    "another lock": "the lock `db`",
    "what SQL locks": "ACCESS EXCLUSIVE on \"ev<il>\"",
    "a loop": "[\"<a>\",2]",
    "a request": "GET https://app.example.org:8443/${{ .steps.each.status }}?q=<x>",
    "what it waits for": "rendered at run time from steps.each",
    "what is only looked at": "What it needs, checked live",
    "limits": "timeout 5s, up to 3 attempts with pauses of 1s",
    "a host": "app.example.org:8443",
    "another host": "web1.example.org",
    "a command it needs": "<cmd>",
    "a database": "host=db user=${{ .secrets.token }}",
    "room": "5.0 GiB on ",
    "objectives": "rto 1h rpo 10m",
    "an estimate": "not known: no run of it has succeeded so far",
    "the point of no return": "Point of no return: once right has succeeded, nothing above is "
                              "rolled back",
    "a manual step": "<b>do</b> it",
    "a called step": "within",
    "the end": "Finally, whatever happened",
}
LEDGER = ["left", "left, first", "right"]  # if it fails; undone; where it has begun


class Page(HTMLParser):
    def __init__(self, name):
        super().__init__(convert_charrefs=True)
        self.name, self.open, self.text = name, [], []
        self.ids, self.links, self.cells, self.css = [], [], [], ""

    def wrong(self, what):
        print(f"WRONG: {self.name}: {what}")

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag not in KNOWN:
            self.wrong(f"<{tag}>")
        self.text.append([])
        if tag == "tr":
            self.cells.append([])
        elif tag == "td":
            self.cells[-1].append("")
        for key, value in attrs:
            if key.startswith("on") or key in ("src", "srcset", "action", "data", "background"):
                self.wrong(f"<{tag} {key}={value}>")
            if key == "id":
                self.ids.append(value)
            if key.endswith("href"):
                self.links.append(value)
            if "url(" in (value or ""):
                self.wrong(f"{key}={value}")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong(f"</{tag}> in {self.open}")
        self.text.append([])

    def handle_data(self, data):
        if "style" in self.open:
            self.css += data
        elif self.text:
            self.text[-1].append(data)
        if "td" in self.open:
            self.cells[-1][-1] += data

    def handle_comment(self, data):
        if "svg" not in self.open:
            self.wrong(f"comment {data}")

    def texts(self):
        return ["".join(parts) for parts in self.text]


def look_at(path, who, is_drawn):
    source = open(path, encoding="utf-8").read()
    page = Page(path)
    page.feed(source)
    page.close()
    if page.open:
        page.wrong(f"{page.open} stay open")
    whole = "".join(page.texts())
    for what, said in SAID.items():
        said = said.replace("%s", who)
        if said not in whole:
            page.wrong(f"lacks {what}: {said}")
    if LEDGER not in page.cells:
        page.wrong(f"the ledger at left is not {LEDGER}")
    if "very-secret-token" in source or "\x1b" in source or "\u202e" in source:
        page.wrong("holds what must not be shown")
    if len(set(page.ids)) != len(page.ids):
        page.wrong("ids stand there twice")
    for link in page.links:
        if link[0] != "#" or link[1:] not in page.ids:
            page.wrong(f"leads nowhere: {link}")
    if re.search(r"url\(|@import|expression", page.css) or \
            page.css.count("prefers-color-scheme: dark") < 2:
        page.wrong("its style")
    if "default-src 'none'" not in source:
        page.wrong("a browser is not told to fetch nothing")
    if ("<svg" in source) != is_drawn or (is_drawn and "#run/each/inner" not in page.links):
        page.wrong("the drawing")
    for path, is_left_out in (("maybe", True), ("left_out", is_drawn), ("first", False)):
        if (f'class="step left-out" style="--depth:0" id="run/{path}"' in source) != is_left_out:
            page.wrong(f"whether {path} is left out")
    print(f"{page.name}: looked at")


look_at(sys.argv[1], "<b>me</b>", True)
look_at(sys.argv[2], "me", False)
