"""The works that are measured: for each the commands that do it, ours and others', made from files
that are written into a folder. A work that needs a server starts it and ends it."""
import contextlib
import os
import shutil
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The shell that make and ninja use.
SHELL = ["sh", "-c", "true"]
LINE = "true"
SECRETS = 20


class Bench:
    """The commands of one work: what is measured, beside what, and its bars."""

    def __init__(self, name, work, operations, unit="steps"):
        self.name, self.work, self.operations, self.unit = name, work, operations, unit
        self.commands, self.bars = [], []
        self.servers = contextlib.ExitStack()

    def add(self, label, words, repeat=1, ours=False, only_if=None, operations=None):
        if only_if is None or shutil.which(only_if):
            self.commands.append((label, repeat, words, ours, operations or self.operations))

    def bar(self, mine, other, most, of="seconds", less=None):
        """How many times as much as the command `other` the command `mine` may take, less what
        `less` takes. Without `other`: how much an operation. `of`: seconds, peak_kib or cpu."""
        self.bars.append((mine, other, most, of, less))


# ---- inputs --------------------------------------------------------------------------------


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


HEAD = "runbook: 1\nname: %s\ndefaults: {shell: [sh, -c]}\n"


def runbook_file(folder, name, steps, is_chain, head="", step="    shell: 'true'\n"):
    begin = HEAD % name + head + "steps:\n"
    if is_chain:
        body = "".join("  - id: s%d\n%s" % (i, step) for i in range(steps))
    else:
        inner = "".join("    " + line + "\n" for line in step.splitlines())
        body = "  - id: all\n    parallel:\n" + "".join(
            "      - id: s%d\n%s" % (i, inner) for i in range(steps))
    return write(folder, name + ".yaml", begin + body)


def make_file(folder, name, steps, is_chain):
    names = " ".join("s%d" % i for i in range(steps))
    rules = "".join("s%d:%s\n\t@%s;\n" % (i, " s%d" % (i - 1) if is_chain and i else "", LINE)
                    for i in range(steps))
    return write(folder, name + ".mk", "all: %s\n.PHONY: all %s\n%s" % (names, names, rules))


def ninja_file(folder, name, steps, is_chain):
    rules = "".join("build s%d: step%s\n" % (i, " s%d" % (i - 1) if is_chain and i else "")
                    for i in range(steps))
    return write(folder, name + ".ninja", "rule step\n  command = %s\n%s" % (LINE, rules))


def loop_file(folder, name, steps, is_chain):
    if is_chain:
        return write(folder, name + ".sh", "for ((i = 0; i < %d; i++)); do sh -c %s; done\n"
                     % (steps, LINE))
    return write(folder, name + ".sh", "for ((i = 0; i < %d; i++)); do\n"
                 "((i < 2)) || wait -n\nsh -c %s &\ndone\nwait\n" % (steps, LINE))


def playbook_file(folder, name, steps):
    return write(folder, name + ".playbook.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n" +
                 "".join("    - {name: s%d, command: %s}\n" % (i, LINE) for i in range(steps)))


def secrets_file(folder):
    """Twenty secrets from files, and the head of a runbook that knows them."""
    lines = []
    for i in range(SECRETS):
        path = write(folder, "secret%d" % i, "%064x\n" % (0x9e3779b97f4a7c15f39cc0605cedc834 * (i + 3)))
        lines.append("  secret_%d: {file: %s}\n" % (i, path))
    return "secrets:\n" + "".join(lines)


# ---- servers -------------------------------------------------------------------------------


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ended(process):
    process.terminate()
    process.wait(20)


def await_port(port, process):
    for _ in range(200):
        with socket.socket() as link:
            if link.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("no server at port %d" % port)


def web_server(bench, folder):
    """An nginx that answers each GET from memory; its URL, or None where there is no nginx."""
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not nginx:
        return None
    port = free_port()
    config = write(folder, "nginx.conf", """
daemon off; error_log stderr crit; pid %s/nginx.pid; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;
  uwsgi_temp_path %s; scgi_temp_path %s; keepalive_requests 1000000;
  server { listen 127.0.0.1:%d backlog=1024; location / { return 200 '{"status": "ok"}'; } }
}
""" % (folder, folder, folder, folder, folder, folder, port))
    process = subprocess.Popen([nginx, "-c", config, "-e", os.path.join(folder, "nginx.log")])
    bench.servers.callback(ended, process)
    await_port(port, process)
    return "http://127.0.0.1:%d/" % port


def database(bench):
    """A private PostgreSQL; its URL, or None where there is none."""
    cluster = os.path.join(ROOT, "tests", "support", "pg_cluster")
    asked = subprocess.run([cluster, "start", str(os.getpid())], stdout=subprocess.PIPE, text=True)
    if asked.returncode != 0:
        return None
    url, folder = asked.stdout.splitlines()
    bench.servers.callback(subprocess.run, [cluster, "stop", folder], check=False)
    return url


# ---- the works -----------------------------------------------------------------------------


def start(programs, folder, _):
    bench = Bench("start", "check of a one-step file", 1)
    one = runbook_file(folder, "one", 1, True)
    bench.add("runbook check", [programs["runbook"], "check", one], 100, True)
    bench.add("/bin/true", ["/bin/true"], 100)
    bench.add("make -n", ["make", "-n", "-f", make_file(folder, "one", 1, True)], 100,
              only_if="make")
    bench.add("bash -n", ["bash", "-n", loop_file(folder, "one", 1, True)], 100)
    bench.bar("runbook check", "/bin/true", 3)
    bench.bar("runbook check", "make -n", 2)
    return bench


def steps_of(programs, folder, steps, is_chain):
    name = "chain" if is_chain else "independent"
    bench = Bench(name, "a chain of %d" % steps if is_chain else "%d independent" % steps, steps)
    file = runbook_file(folder, name, steps, is_chain)
    for jobs, durability in ((2, "disk"),) if is_chain else ((2, "process"), (2, "disk"), (8, "disk")):
        how = "%s, %d jobs" % (durability, jobs) if not is_chain else durability
        bench.add("runbook, " + how,
                  [programs["runbook"], "exec", "--quiet", "--jobs", str(jobs),
                   "--durability", durability, file], 1, True)
        bench.add("floor, " + how,
                  [programs["floor"], str(steps), "1" if is_chain else str(jobs), durability,
                   os.path.join(folder, "journal"), *SHELL])
        bench.bar("runbook, " + how, "floor, " + how, 1 / 0.9)
    bench.add("ninja -j2", ["ninja", "-j2", "-f", ninja_file(folder, name, steps, is_chain)],
              only_if="ninja")
    bench.add("make -j2", ["make", "-j2", "-f", make_file(folder, name, steps, is_chain)],
              only_if="make")
    if not is_chain:
        bench.add("bash loop", ["bash", loop_file(folder, name, steps, is_chain)])
        bench.add("xargs -P 2", ["xargs", "-P", "2", "-n", "1", "-a",
                                 write(folder, "words", "%s\n" % LINE * steps), *SHELL[:-1]])
    for how in ("disk",) if is_chain else ("process, 2 jobs", "disk, 8 jobs"):
        bench.bar("runbook, " + how, "ninja -j2", 1)
    bench.bar("runbook, disk" if is_chain else "runbook, disk, 2 jobs", "ninja -j2", 1, "peak_kib")
    return bench


def independent(programs, folder, steps):
    return steps_of(programs, folder, steps, False)


def chain(programs, folder, steps):
    return steps_of(programs, folder, steps, True)


def parse(programs, folder, steps):
    """Six lines a step, as people write them."""
    bench = Bench("parse", "check of %d steps of six lines" % (10 * steps), 10 * steps)
    step = "    title: A step\n    shell: 'true'\n    timeout: 1m\n    on_failure: continue\n" \
           "    tags: [a]\n"
    file = runbook_file(folder, "parse", 10 * steps, True, step=step)
    one = runbook_file(folder, "parse-one", 1, True, step=step)
    bench.add("runbook check", [programs["runbook"], "check", file], 1, True)
    bench.add("runbook plan", [programs["runbook"], "plan", file], 1, True)
    bench.add("runbook graph", [programs["runbook"], "graph", file], 1, True)
    bench.add("libyaml's events", [programs["yaml_events"], file])
    bench.add("runbook check, one step", [programs["runbook"], "check", one])
    bench.bar("runbook check", "libyaml's events", 1.5)
    bench.bar("runbook check", None, 400 / 1024, "peak_kib", less="runbook check, one step")
    bench.bar("runbook plan", "runbook check", 3)
    bench.bar("runbook graph", "runbook check", 3)
    return bench


def order(programs, folder, steps):
    bench = Bench("order", "check and plan of %d steps" % steps, steps)
    file = runbook_file(folder, "order", steps, False)
    bench.add("runbook check", [programs["runbook"], "check", file], 5, True)
    bench.add("runbook plan", [programs["runbook"], "plan", file], 5, True)
    bench.add("ninja -n", ["ninja", "-n", "-f", ninja_file(folder, "order", steps, False)], 5,
              only_if="ninja")
    bench.add("make -n", ["make", "-n", "-f", make_file(folder, "order", steps, False)],
              only_if="make")
    bench.add("ansible --syntax-check", ["ansible-playbook", "--syntax-check",
                                         playbook_file(folder, "order", steps)],
              only_if="ansible-playbook")
    bench.bar("runbook check", "ninja -n", 25 / 34)
    bench.bar("runbook plan", "ninja -n", 1)
    return bench


def spawns(programs, folder, steps):
    """What the guard between engine and command costs."""
    del folder
    count = steps // 5
    bench = Bench("spawns", "%d commands, one after another" % count, count, "commands")
    words = [str(count), *SHELL]
    bench.add("by the guard", [programs["spawn"], "guard"] + words, 1, True)
    bench.add("posix_spawn alone", [programs["spawn"], "bare"] + words)
    bench.bar("by the guard", "posix_spawn alone", 1.1)
    return bench


def parent(programs, folder, steps):
    """What a large plan in memory takes from those who start children: the cost of the same run in
    which none of them starts is beside it, to be taken off."""
    few, many = max(steps // 5, 10), 100 * steps
    bench = Bench("parent", "%d steps, alone and in a plan of %d" % (few, many), few)
    small = runbook_file(folder, "small", few, True)
    body = "".join("      - id: s%d\n        shell: 'true'\n" % i for i in range(few))
    rest = "".join("      - id: r%d\n        shell: 'true'\n" % i for i in range(many - few))
    for name, skipped in (("large", ""), ("none", "    when: 'false'\n")):
        write(folder, name + ".yaml", HEAD % name + "steps:\n  - id: few\n" + skipped + "    steps:\n" +
              body + "  - id: rest\n    when: 'false'\n    steps:\n" + rest)
    run = [programs["runbook"], "exec", "--quiet", "--durability", "process"]
    bench.add("runbook, alone", run + [small], 1, True)
    bench.add("runbook, in a large plan", run + [os.path.join(folder, "large.yaml")], 1, True)
    bench.add("runbook, none of them", run + [os.path.join(folder, "none.yaml")], 1, True)
    bench.bar("runbook, in a large plan", "runbook, alone", 1 / 0.95, less="runbook, none of them")
    return bench


def waits(programs, folder, steps):
    bench = Bench("waits", "%d steps that wait for 2 s at once" % steps, steps)
    head = runbook_file(folder, "waits", steps, False, step="    wait: 2s\n")
    one = runbook_file(folder, "wait", 1, False, step="    wait: 2s\n")
    run = [programs["runbook"], "exec", "--quiet", "--durability", "process"]
    bench.add("runbook, all", run + [head], 1, True)
    bench.add("runbook, one", run + [one], 1, True)
    bench.add("runbook check, all", [programs["runbook"], "check", head], 1, True)
    bench.bar("runbook, all", None, 4, "peak_kib", less="runbook, one")
    return bench


def gets(programs, folder, _):
    count, at_once = 1000, 50
    bench = Bench("gets", "%d GET, %d in flight" % (count, at_once), count, "requests")
    url = web_server(bench, folder)
    if not url:
        return bench
    step = "    http: {url: '%s'}\n    expect: {status: 200}\n" % url
    file = runbook_file(folder, "gets", count, False, step=step)
    many = write(folder, "urls", "".join('url = "%s"\noutput = /dev/null\n' % url
                                         for _ in range(count)))
    bench.add("runbook, disk", [programs["runbook"], "exec", "--quiet", "--jobs", str(at_once),
                                file], 3, True)
    bench.add("floor: curl_multi", [programs["floor_get"], url, str(count), str(at_once)], 3)
    bench.add("curl --parallel", ["curl", "-s", "--no-progress-meter", "--parallel", "--parallel-max", str(at_once), "-K",
                                  many], 3, only_if="curl")
    bench.bar("runbook, disk", "floor: curl_multi", 1 / 0.6)
    bench.bar("runbook, disk", "curl --parallel", 1)
    return bench


def sql(programs, folder, _):
    count = 1000
    bench = Bench("sql", "%d statements" % count, count, "statements")
    url = database(bench)
    if not url:
        return bench
    head = "databases: {main: {url: '%s'}}\n" % url
    file = runbook_file(folder, "sql", count, False, head, "    sql: SELECT 1 AS one\n")
    script = write(folder, "script.sql", "SELECT 1 AS one;\n" * count)
    psql = next((path for path in ("/usr/lib/postgresql/15/bin/psql",) if os.path.exists(path)),
                shutil.which("psql"))
    bench.add("runbook, disk", [programs["runbook"], "exec", "--quiet", file], 3, True)
    bench.add("floor: libpq", [programs["floor_sql"], url, str(count)], 3)
    bench.add("psql -f", [psql, "-Xq", "-f", script, url], 3)
    bench.add("psql -c, each (%d)" % (count // 10),
              ["sh", "-c", "for i in $(seq %d); do '%s' -Xq -c 'SELECT 1 AS one' '%s'; done"
               % (count // 10, psql, url)])
    bench.bar("runbook, disk", "floor: libpq", 1)
    bench.bar("runbook, disk", "psql -f", 1)
    return bench


def without(path, words):
    """The command, behind the removal of what it wrote before. Both write into memory that was
    given back so: a file of new pages took the floor 5.1 s here, and one in old pages 2.7 s."""
    return ["sh", "-c", 'rm -rf "$0"; exec "$@"', path, *words]


def output(programs, folder, gib):
    size = gib << 30
    bench = Bench("output", "%d GiB of output, %d secrets" % (gib, SECRETS), size >> 20, "MiB")
    words = ["sh", "-c", "yes 'a line of a log, as programs write them: 2026-11-21 request 4711 "
             "took 12 ms' | head -c %d" % size]

    file = write(folder, "output.yaml", HEAD % "output" + secrets_file(folder) +
                 "steps:\n  - id: log\n    exec:\n" +
                 "".join("      - %s\n" % ("'%s'" % word.replace("'", "''")) for word in words))
    bench.add("runbook, disk", without("home", [programs["runbook"], "exec", "--quiet", file]), 1,
              True)
    bench.add("floor: pipe to file", without("copy", [programs["floor_copy"], "copy", *words]))
    bench.bar("runbook, disk", "floor: pipe to file", 1 / 0.7)
    return bench


def append(programs, folder, _):
    """What is not synced in groups is synced once, at its end."""
    count, group = 300000, 64
    bench = Bench("append", "%d records, %d secrets, synced in groups of %d"
                  % (count, SECRETS, group), count, "records")
    file = os.path.join(folder, "appended")
    for how, synced in (("", group), (", not synced", count)):
        bench.add("runbook's transcript" + how, [programs["append"], file, str(count), str(synced)],
                  1, True)
        bench.add("floor: hash, write" + how,
                  [programs["floor_append"], file, str(count), str(synced)])
        bench.bar("runbook's transcript" + how, None, 2e-6, "cpu")
    bench.bar("runbook's transcript", None, 1 / 300000)
    bench.bar("runbook's transcript", "floor: hash, write", 1 / 0.9)
    return bench


def transcript(programs, folder, name, steps):
    """The folder of a run of so many assertions, and how many records it has."""
    file = runbook_file(folder, name, steps, True, step="    assert: 'true'\n")
    runs = os.path.join(folder, "home", "runs")
    subprocess.run([programs["runbook"], "exec", "--quiet", "--durability", "process", file],
                   env=dict(os.environ, RUNBOOK_HOME=os.path.dirname(runs)), check=True)
    run = next(os.path.join(runs, run) for run in os.listdir(runs) if run.startswith(name))
    with open(os.path.join(run, "transcript.jsonl"), "rb") as lines:
        return run, sum(1 for _ in lines)


def records(programs, folder, steps):
    """Transcripts of real runs, one ten times as long as the other: verified, replayed, reported,
    shown."""
    run, lines = transcript(programs, folder, "records", 10 * steps)
    tenth, few_lines = transcript(programs, folder, "tenth", steps)
    bench = Bench("records", "a transcript of %d records" % lines, lines, "records")
    for what in ("verify", "replay", "report", "show"):
        mine, few = "runbook " + what, what + " of a tenth"
        bench.add(mine, [programs["runbook"], what, run], 1, True)
        bench.add(few, [programs["runbook"], what, tenth], operations=few_lines)
        bench.bar(mine, few, 11, "cpu")
    file = os.path.join(run, "transcript.jsonl")
    bench.add("floor: hash, libjq", [programs["floor_records"], file])
    bench.add("sha256sum", ["sha256sum", file])
    bench.bar("runbook verify", None, 2e-6, "cpu")
    bench.bar("runbook verify", "floor: hash, libjq", 1, "cpu")
    bench.bar("runbook verify", "verify of a tenth", 1.1, "peak_kib")
    return bench


def jq(programs, folder, _):
    count = 1000
    bench = Bench("jq", "%d jq expressions" % count, count, "expressions")
    lines = [".params.n > %d and (.params.n | tostring | length) < %d" % (i, i + 9)
             for i in range(count)]
    plain = write(folder, "expressions", "".join(line + "\n" for line in lines))
    body = "".join("  - id: s%d\n    when: '%s'\n    wait: 1s\n" % pair
                   for pair in enumerate(lines))
    file = write(folder, "jq.yaml", HEAD % "jq" +
                 "params: {n: {type: integer, default: 5}}\nsteps:\n" + body)
    bench.add("runbook check", [programs["runbook"], "check", file], 1, True)
    bench.add("floor: one program", [programs["floor_jq"], plain])
    bench.bar("runbook check", "floor: one program", 1.15)
    return bench


WORKS = {work.__name__: work for work in (
    start, order, parse, independent, chain, spawns, parent, waits, gets, sql, output, append,
    records, jq)}
