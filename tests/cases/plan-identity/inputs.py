"""A plan is the same bytes as long as nothing changed, other bytes when anything did that decides
what is executed, and `exec --plan` then names it and runs nothing."""
import hashlib
import json
import os
import re
import shutil
import subprocess

PLAN = ["plan", "runbook.yaml", "--set", "who=you", "--profile", "drill", "-o"]

# file, what is written there in place of what, what is said of it
FIELDS = [line.strip().split(" | ") for line in r"""
    title: The first title | title: Another | `title`
    description: About it | description: More | `description`
    owner: platform | owner: others | `owner`
    tier: "1" | tier: "2" | `labels.tier`
    rto: 1h | rto: 2h | `objectives.rto`
    rpo: 10m | rpo: 20m | `objectives.rpo`
    commands: [bash] | commands: [env] | `requires.commands`
    env: [PATH] | env: [HOME] | `requires.env`
    at_least: 1MiB | at_least: 2MiB | `requires.disk_free`
    type: integer | type: number | `params.size`
    {env: THE_TOKEN} | {env: PATH} | `secrets.token`
    'hush-\w+' | 'hush-\d+' | `redact`
    env: {BASE: base} | env: {BASE: other} | `env.BASE`
    host=nowhere | host=elsewhere | `databases.main`
    statement_timeout: 10s | statement_timeout: 20s | `databases.main`
    {via: [env]} | {via: [nice]} | `targets.web`
    size: 4 | size: 5 | parameter `size` was 4 when the plan was made and is 5 now
    timeout: 10m, grace: 5s | timeout: 11m, grace: 5s | `defaults.timeout`
    grace: 5s | grace: 6s | `defaults.grace`
    lock: whole | lock: half | `lock`
    title: Do it | title: Do that | `title` of step `first` is not what it was when the plan was made: it was `Do it` and is `Do that`
    shell: echo first | shell: echo 1st | `shell` of step `first` is not what it was when the plan was made: it was `echo first` and is `echo 1st`
    WHO: "${{ .params.who }}" | WHO: "${{ .run.id }}" | `env.WHO` of step `first`
    WORD: hush-a | WORD: hush-b | `env.WORD` of step `first` is not what it was when the plan was made: it was [redacted] and is [redacted]
    cwd: /tmp | cwd: /var | `cwd` of step `first` is not what it was when the plan was made: it was `/tmp` and is `/var`
    stdin: words | stdin: word | `stdin` of step `first`
    timeout: 1m | timeout: 2m | `timeout` of step `first`
    deadline: 5m | deadline: 6m | `deadline` of step `first`
    attempts: 2 | attempts: 3 | `retry.attempts` of step `first`
    delay: 1s | delay: 2s | `retry.delay` of step `first`
    exit: 0 | exit: 1 | `expect.exit` of step `first`
    jq: .stdout | jq: .stderr | `outputs.x` of step `first`
    on_failure: stop | on_failure: continue | `on_failure` of step `first` is not what it was when the plan was made: it was `stop` and is `continue`
    tags: [one] | tags: [two] | `tags` of step `first`
    shell: echo undo | shell: echo undone | `rollback.shell` of step `first`
    timeout: 30s | timeout: 40s | `rollback.timeout` of step `first`
    exec: [echo, "1"] | exec: [echo, "2"] | `exec` of step `second`
    target: web | target: side | `target` of step `second` is not what it was when the plan was made: it was `web` and is `side`
    lock: door | lock: gate | `lock` of step `second` is not what it was when the plan was made: it was `door` and is `gate`
    size > 1 | size > 2 | `when` of step `second` is not what it was when the plan was made: it was `.params.size > 1` and is `.params.size > 2`
    test -e | test -d | `done_when.shell` of step `second`
    effect: idempotent | effect: once | `effect` of step `second` is not what it was when the plan was made: it was `idempotent` and is `once`
    sensitive: true | sensitive: false | `sensitive` of step `second`
    needs: [first] | needs: [second] | `needs` of step `third`
    foreach: [1, 2] | foreach: [1, 3] | `foreach` of step `third`
    concurrency: 2 | concurrency: 1 | `concurrency` of step `third`
    message: "Go?" | message: "Now?" | `approval.message` of step `ask`
    approvers: [dba], quorum | approvers: [cto], quorum | `approval.approvers` of step `ask`
    expires: 30m | expires: 40m | `approval.expires` of step `ask`
    DROP TABLE leads, | DROP TABLE IF EXISTS leads, | `sql` of step `gone`
    database: main} | timeout: 1s} | `database` of step `gone`
    method: PUT, headers | method: POST, headers | `http.method` of step `web`
    example.org/x | example.org/z | `http.url` of step `web`
    {a: b} | {a: c} | `http.headers` of step `web`
    {k: v} | {k: w} | `http.json` of step `web`
    wait: 1s | wait: 2s | `wait` of step `hold`
    size < 9 | size < 10 | `assert` of step `sure`
    Look at it | Look at that | `manual.instructions` of step `hand`
    shell: echo left | shell: echo Left | `shell` of step `left`
    point_of_no_return: true | sensitive: true | `point_of_no_return` of step `right`
    id: left, | id: odd, | step `left` was in the plan and is gone
    id: left, | id: odd, | step `odd` was not in the plan
    word: "${{ .params.who }}" | word: other | `params.word` of step `other`
    shell: echo end | shell: echo ended | `shell` of step `last`
    parallel: | steps: | `steps` of step `both`
    id: hold, wait: 1s} | id: hold, wait: 1s, needs: []} | `needs` of step `hold`
""".strip().splitlines()]


def runbook(*arguments):
    done = subprocess.run(["runbook", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def write_plan(path):
    status, said = runbook(*PLAN, path)
    return open(path, "rb").read() if status == 0 else said


def refused(what, said_of_it):
    before = os.listdir("../home/runs") if os.path.exists("../home/runs") else []
    status, said = runbook("exec", "--plan", "../a.plan")
    after = os.listdir("../home/runs") if os.path.exists("../home/runs") else []
    if status != 2 or said_of_it not in said or before != after:
        print(f"WRONG: {what}: exit {status}, not `{said_of_it}` in\n{said}")
    if "hush-" in re.sub(r"^ +(\d+)? \|.*", "", said, flags=re.M) or "very-secret" in said:
        print(f"WRONG: {what}: shows what is to be hidden:\n{said}")


def tried(what, said_of_it, change, restore):
    """The plan made today is another than the one that was approved."""
    change()
    today = write_plan("../today.plan")
    if today == APPROVED:
        print(f"WRONG: {what} changes nothing")
    if isinstance(today, str):
        print(f"WRONG: {what} cannot be planned: {today}")
    refused(what, said_of_it)
    restore()
    if write_plan("../again.plan") != APPROVED:
        print(f"WRONG: {what} was taken back, and the plan is another")


def in_file(path, old, new):
    text = open(path, encoding="utf-8").read()
    if text.count(old) != 1:
        print(f"WRONG: `{old}` stands {text.count(old)} times in {path}")

    def write(content):
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    return lambda: write(text.replace(old, new)), lambda: write(text)


def try_file(path, old, new, said_of_it):
    tried(f"{path}: {new}", said_of_it, *in_file(path, old, new))


def try_environment(name, value, said_of_it):
    was = os.environ.get(name)

    def put(content):
        if content is None:
            del os.environ[name]
        else:
            os.environ[name] = content
    tried(f"{name}={value}", said_of_it, lambda: put(value), lambda: put(was))


def git(*arguments):
    subprocess.run(["git", "-c", "user.email=a@example.org", "-c", "user.name=A", *arguments],
                   check=True, capture_output=True)


def forged(member, value):
    """As another engine, or another place, would have written it."""
    plan = json.loads(APPROVED)
    del plan["sha256"]
    plan[member] = value
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    plan["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    with open("../a.plan", "w", encoding="ascii") as file:
        file.write(json.dumps(plan, sort_keys=True, separators=(",", ":")) + "\n")


os.mkdir("work")
for name in ("runbook.yaml", "called.yaml", "script.sql", "body.txt"):
    shutil.copy(name, "work")
os.chdir("work")
APPROVED = write_plan("../a.plan")
if write_plan("../b.plan") != APPROVED:
    print("WRONG: the same plan is written as other bytes")
# What past runs took decides nothing.
if json.loads(APPROVED)["keys"]["run first"]["shell"] == "echo first" or b"very-secret" in APPROVED:
    print("WRONG: the plan holds what it need not")

for field in FIELDS:
    try_file("runbook.yaml", field[0], field[1], field[2])
try_file("called.yaml", "echo inner", "echo Inner",
         "`shell` of step `other/inner` is not what it was when the plan was made: it was "
         "`echo inner` and is `echo Inner`")
try_file("called.yaml", "default: w", "default: v", "called.yaml:3:1: error: the file has changed")
try_file("script.sql", "SELECT 1", "SELECT 2", "script.sql:1:1: error: the file has changed")
try_file("body.txt", "body", "nobody", "the file `body.txt` is not what it was")
try_environment("THE_HOST", "there", "environment variable `THE_HOST` is not what it was")
try_environment("THE_HOST", None, "environment variable `THE_HOST` is not what it was")

with open("../rules.yaml", "w", encoding="ascii") as file:
    file.write("policy: 1\nrules: [{name: some, message: m, deny: 'false'}]\n")
with open("../config.yaml", "w", encoding="ascii") as file:
    file.write(f"policy: {os.path.dirname(os.getcwd())}/rules.yaml\n")
try_environment("RUNBOOK_CONFIG", "../config.yaml", "the SHA-256 of the house rules was not set")

lines = open("runbook.yaml", encoding="utf-8").read().split("\n")
at = next(i for i, line in enumerate(lines) if "id: hold" in line)
try_file("runbook.yaml", "\n".join(lines[at:at + 2]), "\n".join(lines[at + 1:at - 1:-1]),
         "step `sure` has another place")

for what, arguments in (("a parameter", ["--set", "who=him", "--profile", "drill"]),
                        ("the profile", ["--set", "who=you"]),
                        ("--skip", ["--set", "who=you", "--profile", "drill", "--skip", "hold"]),
                        ("--only", ["--set", "who=you", "--profile", "drill", "--only", "first"]),
                        ("--from", ["--set", "who=you", "--profile", "drill", "--from", "hand"])):
    runbook("plan", "runbook.yaml", *arguments, "-o", "../other.plan")
    if open("../other.plan", "rb").read() == APPROVED:
        print(f"WRONG: {what} changes nothing")

forged("engine", "0.0.9")
refused("the engine", 'the engine\'s version was "0.0.9" when the plan was made')
forged("runbook", "elsewhere.yaml")
refused("the path", "elsewhere.yaml")
os.remove("../a.plan")

git("init", "-q", "-b", "main", ".")
git("add", "-A")
git("commit", "-qm", "one")
APPROVED = write_plan("../a.plan")
tried("a commit", "the commit was", lambda: git("commit", "-q", "--allow-empty", "-m", "two"),
      lambda: git("reset", "-q", "--hard", "HEAD~1"))
tried("the branch", 'the branch was "main" when the plan was made and is "side" now',
      lambda: git("checkout", "-q", "-b", "side"), lambda: git("checkout", "-q", "main"))
try_file("body.txt", "body", "nobody", "changes that are not committed was false")
print(f"{len(FIELDS)} fields and all else were tried")
