"""What a reader of a page sees, and that nothing foreign became markup; and a JUnit file as a
reader of XML sees it."""
import html.parser
import sys
import xml.etree.ElementTree

TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "dl", "dt", "dd", "table",
        "tr", "th", "td", "p", "pre"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tag, self.lines, self.open = None, [], []

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS or dict(attributes).keys() - {"lang", "charset", "name", "content",
                                                         "http-equiv", "class"}:
            self.lines.append("FOREIGN <%s %s>" % (tag, attributes))
        self.tag = tag
        if tag != "meta":
            self.open.append(tag)
        if tag in ("tr", "dt", "h1", "h2", "p", "pre"):
            self.lines.append("!" if ("class", "alarm") in attributes else "")

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.lines.append("UNBALANCED </%s>" % tag)

    def handle_data(self, data):
        if data.strip() and self.tag not in ("style", "title"):
            self.lines[-1] += " | " * (self.tag in ("td", "dd", "th")) + data.strip()


page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
print("\n".join(line for line in page.lines if line))
suite = xml.etree.ElementTree.parse(sys.argv[2]).getroot().find("testsuite")
print({key: suite.get(key) for key in ("name", "tests", "failures", "errors", "skipped")})
for case in suite.findall("testcase"):
    print(case.get("classname"), case.get("name"),
          [(child.tag, child.get("message"), child.text) for child in case])
