"""The world that a run under test changes: a database, a server, a ledger, and no other process.

A World is one worker's own; everything in it is found again by the marker WORLD=FOLDER in the
environment of what was started there.
"""
import collections
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(os.path.dirname(HERE), "support")
RUNBOOK = os.path.realpath(os.environ.get("RUNBOOK", ""))
BUILD = os.environ.get("RUNBOOK_BUILD") or os.path.dirname(os.path.dirname(
    os.path.dirname(RUNBOOK)))
SHIM = os.path.join(BUILD, "tests", "fault", "fault_shim.so")
IS_ASAN = "asan" in RUNBOOK
RUNBOOKS = ("fault.yaml", "called.yaml")
HANG_SECONDS = 90 if IS_ASAN else 30
LEAVE_SECONDS = 5  # what ends behind its engine does so within this time

# One effect, as the world saw it. `token` is the attempt's, or the request's key; `name` says
# which of the runbook's effects it was, whatever the attempt.
Effect = collections.namedtuple("Effect", "source name token time text")


class Cluster:
    """A private PostgreSQL; it ends with this process, however that ends."""

    def __init__(self):
        told = subprocess.run([os.path.join(SUPPORT, "pg_cluster"), "start", str(os.getpid())],
                              check=True, capture_output=True, text=True).stdout.split("\n")
        self.url, self.folder = told[0], told[1]

    def stop(self):
        subprocess.run([os.path.join(SUPPORT, "pg_cluster"), "stop", self.folder], check=False)

    def database(self, name):
        Database(self.url).ask("CREATE DATABASE %s" % name)
        return Database(self.url.replace("/postgres?", "/%s?" % name))


class Database:
    """A psql that stays, since each start of one costs as much as a step."""

    def __init__(self, url):
        self.url = url
        self.psql = subprocess.Popen(["psql", "-qAtX", url], stdin=subprocess.PIPE, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ask(self, statement):
        self.psql.stdin.write(statement + ";\n\\echo ---\n")
        self.psql.stdin.flush()
        rows = []
        for line in self.psql.stdout:
            if line == "---\n":
                return rows
            rows.append(line.rstrip("\n"))
        raise RuntimeError("psql ended: " + "".join(rows))

    def make(self):
        self.ask("CREATE TABLE ledger (name text, xid bigint DEFAULT txid_current(), "
                 "at timestamptz DEFAULT clock_timestamp())")
        self.ask("CREATE TABLE account (balance int)")

    def reset(self):
        self.wait_quiet()
        self.ask("TRUNCATE ledger, account; INSERT INTO account VALUES (0)")

    def wait_quiet(self):
        """Until no engine's connection is left, so that what it sent last has happened or not."""
        end = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < end:
            others = self.ask("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                              "AND datname = current_database()")
            if others == ["0"]:
                return
            time.sleep(0.005)

    def effects(self):
        rows = self.ask("SELECT name, xid, extract(epoch FROM at) FROM ledger ORDER BY at")
        return [Effect("sql", name, xid, float(at), "")
                for name, xid, at in (row.split("|") for row in rows)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *args):
        pass

    def handle_any(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        number = self.server.note(self.command, self.path, self.headers.get("Idempotency-Key"))
        body = json.dumps({"seven": 7, "number": number}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


class Server(http.server.ThreadingHTTPServer):
    """Writes each request to the ledger before it answers."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, ledger):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ledger = ledger
        self.open = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 1},
                         daemon=True).start()

    def note(self, method, path, key):
        append(self.ledger, "%s %s %.6f %s\n" % (method, key or "-", time.time(), path))
        return 1

    def process_request(self, request, client_address):
        with self.lock:
            self.open += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        with self.lock:
            self.open -= 1

    def handle_error(self, request, client_address):
        pass

    def wait_quiet(self):
        end = time.monotonic() + LEAVE_SECONDS
        time.sleep(0.01)  # what was connected is accepted within that
        while self.open and time.monotonic() < end:
            time.sleep(0.002)


def append(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, text.encode())
    os.close(fd)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def read_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def effect_of(line):
    """`shell TOKEN TIME TEXT` or `METHOD KEY TIME PATH`."""
    source, token, at, text = (line.split(" ", 3) + [""])[:4]
    if source != "shell":
        return Effect(source, text.strip("/"), token, float(at), "")
    path, label = token.split(":", 1)[1].rsplit(":", 1)
    undo = " undone" if label.startswith("rollback.") else ""
    return Effect(source, path + undo, token, float(at), text)


class World:
    def __init__(self, cluster, number):
        self.number = number
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="rbf.", dir=shared)
        self.home = os.path.join(self.folder, "home")
        self.runs = os.path.join(self.home, "runs")
        self.ledger = os.path.join(self.folder, "ledger")
        self.log = os.path.join(self.folder, "log")
        self.printed = os.path.join(self.folder, "printed")
        self.database = cluster.database("world%d" % number)
        self.database.make()
        self.server = Server(self.ledger)
        self.recordings = {}  # runs that power.py takes apart, by variant

    def close(self):
        self.end_all()
        self.server.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def reset(self):
        self.end_all()
        self.server.wait_quiet()
        self.database.reset()
        shutil.rmtree(self.home, ignore_errors=True)
        for name in os.listdir(self.folder):
            remove(os.path.join(self.folder, name))
        # Out of the repository, which would have to be described in each run.
        for name in RUNBOOKS:
            shutil.copy(os.path.join(HERE, name), self.folder)

    def environment(self, fault):
        keep = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "RUNBOOK_MODULES")
        env = {name: os.environ[name] for name in keep if name in os.environ}
        env.update(PATH="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", HOME=self.folder,
                   RUNBOOK_HOME=self.home, NO_COLOR="1", LC_ALL="C.UTF-8", TZ="UTC",
                   WORLD=self.folder, LEDGER=self.ledger, DATABASE_URL=self.database.url,
                   BASH_ENV=os.path.join(HERE, "mark.sh"))
        if fault:
            env.update(fault, LD_PRELOAD=SHIM)
        return env

    def engine(self, words, fault=None):
        """Returns the exit status, negative for a signal, None where it hangs."""
        with open(self.printed, "ab") as printed:
            printed.write(("$ runbook %s  %s\n" % (" ".join(words), fault or "")).encode())
            printed.flush()
            process = subprocess.Popen([RUNBOOK, *words], env=self.environment(fault),
                                       cwd=self.folder, stdin=subprocess.DEVNULL, stdout=printed,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                return process.wait(HANG_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None

    def exec(self, variant, fault=None):
        return self.engine(["exec", "--yes", "fault.yaml",
                            "--set", "port=%d" % self.server.server_address[1],
                            "--set", "fails=%s" % ("true" if variant == "fails" else "false")],
                           fault)

    def run_folder(self):
        """The one run's folder, or None where none got its name."""
        try:
            names = [name for name in os.listdir(self.runs) if not name.startswith(".")]
        except OSError:
            return None
        return os.path.join(self.runs, names[0]) if names else None

    def wait_quiet(self):
        self.server.wait_quiet()
        self.database.wait_quiet()

    def effects(self):
        lines = read_bytes(self.ledger).decode().splitlines()
        return [effect_of(line) for line in lines] + self.database.effects()

    def balance(self):
        return int(self.database.ask("SELECT balance FROM account")[0])

    # ---- processes -----------------------------------------------------------------------------

    def processes(self):
        """Everything alive that was started here: engines, guards, commands."""
        mark = ("WORLD=%s\0" % self.folder).encode()
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and mark in read_bytes("/proc/%s/environ" % name):
                found.append(int(name))
        return found

    def left(self):
        """Command lines of what is still there when all should have gone."""
        end = time.monotonic() + LEAVE_SECONDS
        found = self.processes()
        while found and time.monotonic() < end:
            time.sleep(0.005)
            found = self.processes()
        return ["%d %s" % (pid, read_bytes("/proc/%d/cmdline" % pid).replace(b"\0", b" ").decode(
            errors="replace").strip()) for pid in found]

    def end_all(self):
        for _ in range(200):
            found = self.processes()
            if not found:
                return
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.005)
