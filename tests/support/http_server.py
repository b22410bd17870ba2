#!/usr/bin/python3
"""A badly behaved HTTP server for tests; standard library only.

Listens on free ports, prints one line "NAME=PORT NAME=PORT …", and ends when its parent dies.
Names: plain and other (127.0.0.1), six (::1); with --certs DIR (see make_certs.sh) also tls,
expired, wrong, selfsigned, and mutual, which requires a client certificate.
"""
import argparse
import base64
import ctypes
import gzip
import http.server
import itertools
import json
import os
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse

connections = itertools.count(1)
hits = {}
charged = set()
hits_lock = threading.Lock()


def count_hit(key):
    with hits_lock:
        hits[key] = hits.get(key, 0) + 1
        return hits[key]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "unruly"
    wbufsize = -1  # one write for head and body: Nagle's pause would spoil the figures

    def setup(self):
        super().setup()
        self.connection_id = next(connections)
        self.served = 0

    def log_message(self, *args):
        pass

    def answer(self, body=b"", status=200, headers=(), kind="text/plain"):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def raw(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def end(self):
        self.close_connection = True

    def handle_any(self):
        self.served += 1
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.body = self.read_chunks()
        else:
            self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = url.path.strip("/").split("/")
        action = getattr(self, "do_" + parts[0], None)
        if action is None:
            self.answer("no such page\n", 404)
        else:
            action(*parts[1:])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

    def read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    # ---- pages ---------------------------------------------------------------------------

    def do_echo(self, *rest):
        headers = {}
        for name, value in self.headers.items():
            headers[name.lower()] = value
        self.answer(json.dumps({
            "method": self.command, "path": self.path, "headers": headers,
            "body": self.body.decode("latin-1"), "length": len(self.body),
            "connection": self.connection_id, "served": self.served,
        }), kind="application/json")

    def do_ok(self):
        self.answer("ok\n")

    def do_status(self, number):
        if int(number) in (204, 304):
            self.send_response(int(number))
            self.end_headers()
            self.wfile.flush()
        else:
            self.answer("status %s\n" % number, int(number))

    def do_redirect(self):
        status = int(self.query.get("status", 302))
        self.answer("elsewhere\n", status, [("Location", self.query["to"])])

    def do_loop(self, number="0"):
        self.answer("", 302, [("Location", "/loop/%d" % (int(number) + 1))])

    def do_dribble(self):
        """A byte every 20 ms: never idle, never done."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.flush()
        try:
            while True:
                self.raw(b".")
                time.sleep(0.02)
        except OSError:
            self.end()

    def do_dribblehead(self):
        """The same, within the headers."""
        try:
            self.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                self.raw(b".")
                time.sleep(0.02)
        except OSError:
            self.end()

    def do_slow(self):
        time.sleep(int(self.query.get("ms", 100)) / 1000)
        self.answer("late\n")

    def do_slowredirect(self, number="0"):
        time.sleep(0.1)
        self.answer("", 302, [("Location", "/slowredirect/%d" % (int(number) + 1))])

    def do_hang(self):
        count_hit("hang")
        self.end()
        self.connection.settimeout(60)
        try:
            self.connection.recv(1)
        except OSError:
            pass

    def do_cut(self):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789")
        self.end()

    def do_drop(self):
        count_hit("drop")
        self.end()

    def do_reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())  # past socketserver's shutdown, which sends a FIN
        self.end()

    def do_flaky(self, key="flaky"):
        """Drops the second request of each connection, once it was read."""
        count_hit(key)
        if self.served > 1:
            self.end()
        else:
            self.answer("fine\n")

    def do_charge(self, name):
        """Acts once for each Idempotency-Key; whoever sends a new one does not get to know."""
        with hits_lock:
            is_new = (name, self.headers["Idempotency-Key"]) not in charged
            charged.add((name, self.headers["Idempotency-Key"]))
        if is_new:
            count_hit(name)
        if is_new and "status" in self.query:
            self.answer("try again\n", int(self.query["status"]))
        elif is_new:
            self.end()
        else:
            self.answer("charged %d times\n" % hits[name])

    def do_hits(self, key):
        self.answer(str(hits.get(key, 0)))

    def do_weird(self):
        self.raw(b"220 mail.example ESMTP\r\n")
        self.end()

    def do_huge(self):
        left = int(self.query["bytes"])
        self.send_response(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        block = b"x" * 65536
        try:
            while left > 0:
                self.wfile.write(block[:left])
                left -= len(block)
            self.wfile.flush()
        except OSError:
            self.end()

    def do_bomb(self):
        zeros = gzip.compress(b"\0" * int(self.query.get("bytes", 64 << 20)), 6)
        try:
            self.answer(zeros, headers=[("Content-Encoding", "gzip")])
        except OSError:
            self.end()

    def do_gzip(self):
        self.answer(gzip.compress(b"packed text\n"), headers=[("Content-Encoding", "gzip")])

    def do_badgzip(self):
        self.answer(b"this is no gzip at all", headers=[("Content-Encoding", "gzip")])

    def do_cookies(self):
        self.answer("", headers=[
            ("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT"), ("Set-Cookie", "b=2"),
            ("X-List", "one"), ("x-list", "two"), ("X-Case", "Kept")])

    def do_bigheaders(self):
        self.answer("", headers=[("X-Pad-%d" % i, "p" * 1000) for i in range(1500)])

    def do_binary(self):
        self.answer(b"\xff\xfe\x00binary", kind="application/octet-stream")

    def do_json(self):
        self.answer('{"status": "ok", "n": [1, 2]}', kind="application/json; charset=utf-8")

    def do_textjson(self):
        self.answer('{"status": "ok"}', kind="text/plain")

    def do_badjson(self):
        self.answer('{"status": ', kind="application/json")

    def do_basic(self):
        want = "Basic " + base64.b64encode(b"deploy:s3cret").decode()
        if self.headers.get("Authorization") == want:
            self.answer("welcome\n")
        else:
            self.answer("who?\n", 401, [("WWW-Authenticate", 'Basic realm="x"')])

    def do_bearer(self):
        fine = self.headers.get("Authorization") == "Bearer t0ken"
        self.answer("welcome\n" if fine else "who?\n", 200 if fine else 401)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256
    tls = None

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # without a look-up of our own name

    def get_request(self):
        client, address = super().get_request()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            client = self.tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address

    def handle_error(self, request, client_address):
        pass  # clients that hang up, and handshakes that are meant to fail


class Server6(Server):
    address_family = socket.AF_INET6


def tls_context(folder, name, mutual=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("%s/%s.pem" % (folder, name), "%s/%s.key" % (folder, name))
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder + "/ca.pem")
    return context


def open_all(certs):
    servers = {
        "plain": Server(("127.0.0.1", 0), Handler),
        "other": Server(("127.0.0.1", 0), Handler),
    }
    try:
        servers["six"] = Server6(("::1", 0), Handler)
    except OSError:
        pass  # a machine without IPv6
    if certs:
        for name in ("tls", "expired", "wrong", "selfsigned", "mutual"):
            servers[name] = Server(("127.0.0.1", 0), Handler)
            leaf = "valid" if name in ("tls", "mutual") else name
            servers[name].tls = tls_context(certs, leaf, name == "mutual")
    return servers


def die_with_parent(parent):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(0)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--certs")
    options.add_argument("--parent", type=int, default=os.getppid())
    options = options.parse_args()
    die_with_parent(options.parent)
    servers = open_all(options.certs)
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(" ".join("%s=%d" % (n, s.server_address[1]) for n, s in servers.items()), flush=True)
    signal.pause()


main()
