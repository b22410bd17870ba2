#!/usr/bin/python3
"""git over https for tests: git-http-backend behind TLS and basic authentication.

git_https.py FOLDER CERT KEY USER PASSWORD LOG: serves the repositories in FOLDER on a free port of
127.0.0.1, prints the port, and ends when its parent dies. LOG gets a line for each request.
/elsewhere/… redirects to the same path without it, on another name of this host.
"""
import base64
import ctypes
import http.server
import os
import signal
import ssl
import subprocess
import sys

FOLDER, CERT, KEY, USER, PASSWORD, LOG = sys.argv[1:7]
EXPECTED = "Basic " + base64.b64encode(("%s:%s" % (USER, PASSWORD)).encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        with open(LOG, "a") as log:
            log.write("%s %s %s\n" % (self.command, self.path, "Authorization" in self.headers))

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while True:
            size = int(self.rfile.readline(), 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                return b"".join(parts)

    def serve(self):
        body = self.body()
        if self.path.startswith("/elsewhere/"):
            place = "https://127.0.0.1:%d%s" % (port, self.path[len("/elsewhere"):])
            self.answer(302, [("Location", place)])
            return
        if self.headers.get("Authorization") != EXPECTED:
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')])
            return
        path, _, query = self.path.partition("?")
        env = dict(os.environ, GIT_PROJECT_ROOT=FOLDER, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
                   QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER=USER,
                   REMOTE_ADDR="127.0.0.1", CONTENT_LENGTH=str(len(body)),
                   CONTENT_TYPE=self.headers.get("Content-Type", ""),
                   HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = 200
        for name, text in headers:
            if name == "Status":
                status = int(text.split()[0])
        self.answer(status, [pair for pair in headers if pair[0] != "Status"], answer)

    do_GET = do_POST = serve


ctypes.CDLL(None).prctl(1, signal.SIGTERM)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port = server.server_address[1]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(port, flush=True)
server.serve_forever()
