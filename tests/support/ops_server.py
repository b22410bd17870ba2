#!/usr/bin/python3
"""What a procedure looks at and tells: an application, a chat's webhook and a mail server.

Works in the folder it is started in, prints one line "app=PORT mail=PORT mails=PORT", and ends
when its parent dies. `mails` speaks TLS from the start; it needs --certs DIR (see make_certs.sh),
with which `mail` offers STARTTLS, too. Standard library only. Files in the folder are read anew
for each request:

  app.json   {"delay_ms": 0, "status": 200, "body": "{\\"ok\\": true}"}: how GET answers; a member
             "hang" lets it never answer
  hook.json  {"status": 200, "delay_ms": 0}: how POST answers; each is a line of JSON in `hooks`
  mail.json  {"user": "u", "password": "p", "reject": {"EHLO" | "MAIL" | "RCPT" | "DATA" | "END":
             "550 no"}, "starttls": true, "silent": false}; each mail is a line of JSON in `mails`
"""
import argparse
import base64
import ctypes
import http.server
import json
import os
import signal
import socketserver
import ssl
import sys
import threading
import time

write_lock = threading.Lock()


def told(name):
    try:
        with open(name) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(name, record):
    with write_lock, open(name, "a") as file:
        file.write(json.dumps(record, sort_keys=True) + "\n")


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, how, body):
        time.sleep(how.get("delay_ms", 0) / 1000)
        body = body.encode()
        self.send_response(how.get("status", 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        how = told("app.json")
        if "hang" in how:
            time.sleep(600)
        self.answer(how, how.get("body", '{"ok": true}'))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): text for name, text in self.headers.items()}
        keep("hooks", {"path": self.path, "headers": headers, "body": body})
        self.answer(told("hook.json"), "ok\n")


class Mail(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a client needs it; EHLO, STARTTLS, AUTH PLAIN and LOGIN."""

    def say(self, text):
        self.wfile.write((text + "\r\n").encode())

    def handle(self):
        self.mail, self.is_tls, self.user = {}, isinstance(self.request, ssl.SSLSocket), None
        self.how = told("mail.json")
        if self.how.get("silent"):
            time.sleep(600)
        self.say("220 sink.example ESMTP")
        while True:
            line = self.rfile.readline().decode(errors="replace").rstrip("\r\n")
            if not line:
                return
            verb = line.split(" ")[0].upper()
            refusal = self.how.get("reject", {}).get(verb)
            if refusal:
                self.say(refusal)
            elif getattr(self, "do_" + verb, self.unknown)(line) is False:
                return

    def unknown(self, line):
        self.say("500 no such command")

    def do_EHLO(self, line):
        offers = ["sink.example"]
        if self.server.tls and self.how.get("starttls", True) and not self.is_tls:
            offers.append("STARTTLS")
        if "user" in self.how:
            offers.append("AUTH PLAIN LOGIN")
        for offer in offers[:-1]:
            self.say("250-" + offer)
        self.say("250 " + offers[-1])

    def do_STARTTLS(self, line):
        self.say("220 go ahead")
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.is_tls = True

    def do_AUTH(self, line):
        words = line.split(" ")
        if words[1] == "PLAIN":
            given = words[2] if len(words) > 2 else self.ask("")
            user, password = base64.b64decode(given).decode().split("\0")[1:]
        else:
            user = base64.b64decode(words[2] if len(words) > 2 else self.ask("VXNlcm5hbWU6"))
            password = base64.b64decode(self.ask("UGFzc3dvcmQ6")).decode()
            user = user.decode()
        fine = (user, password) == (self.how["user"], self.how["password"])
        self.user = user if fine else None
        self.say("235 welcome" if fine else "535 5.7.8 wrong user or password")

    def ask(self, what):
        self.say("334 " + what)
        return self.rfile.readline().decode().strip()

    def do_MAIL(self, line):
        self.mail = {"from": line[10:].split(" ")[0], "to": [], "tls": self.is_tls,
                     "user": self.user}
        self.say("250 sender ok")

    def do_RCPT(self, line):
        self.mail["to"].append(line[8:].split(" ")[0])
        self.say("250 recipient ok")

    def do_DATA(self, line):
        self.say("354 end with a dot")
        lines = []
        while True:
            line = self.rfile.readline().decode(errors="replace").rstrip("\r\n")
            if line == ".":
                break
            lines.append(line[1:] if line.startswith(".") else line)
        refusal = self.how.get("reject", {}).get("END")
        if not refusal:
            keep("mails", dict(self.mail, data="\n".join(lines)))
        self.say(refusal or "250 2.0.0 queued as 42")

    def do_RSET(self, line):
        self.say("250 ok")

    def do_QUIT(self, line):
        self.say("221 bye")
        return False


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    tls = None
    is_wrapped = False

    def get_request(self):
        client, address = super().get_request()
        if self.is_wrapped:
            client = self.tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address

    def handle_error(self, request, client_address):
        pass  # clients that hang up, and handshakes that are meant to fail


def open_all(certs):
    servers = {"app": Server(("127.0.0.1", 0), App), "mail": Server(("127.0.0.1", 0), Mail)}
    if certs:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certs + "/valid.pem", certs + "/valid.key")
        servers["mails"] = Server(("127.0.0.1", 0), Mail)
        servers["mail"].tls = servers["mails"].tls = context
        servers["mails"].is_wrapped = True
    return servers


def die_with_parent(parent):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(0)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--certs")
    parent = os.getppid()
    options = options.parse_args()
    die_with_parent(parent)
    servers = open_all(options.certs)
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(" ".join("%s=%d" % (n, s.server_address[1]) for n, s in servers.items()), flush=True)
    signal.pause()


main()
