"""The service of the drill: GET /api/health answers from the database, 503 where it cannot."""

import json
import os
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PSQL = [os.environ["PGBIN"] + "/psql", "-h", os.environ["DIR"], "-AtX", "-d", "drill", "-c"]
QUERY = "SELECT count(*) FROM clients"


def health():
    try:
        asked = subprocess.run(PSQL + [QUERY], capture_output=True, text=True, timeout=5)
    except subprocess.TimeoutExpired:
        return 503, {"status": "down", "reason": "the database does not answer"}
    if asked.returncode != 0:
        return 503, {"status": "down", "reason": asked.stderr.strip().splitlines()[-1]}
    return 200, {"status": "ok", "clients": int(asked.stdout)}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = health() if self.path == "/api/health" else (404, {"status": "unknown"})
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
