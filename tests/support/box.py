#!/usr/bin/python3
"""A place where commands run that are no children of whoever asks for them, as in a container.

  box.py serve SOCKET          begins them, in an environment of its own; prints `ready`
  box.py exec SOCKET WORD...   asks for one, hands over its standard streams, and ends as it did

As with `docker exec`, a client that is killed leaves its command running.
"""
import array
import json
import os
import socket
import subprocess
import sys
import threading


def serve(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(16)
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def answer(client):
    message, fds, _, _ = socket.recv_fds(client, 1 << 20, 3)
    command = subprocess.Popen(json.loads(message), stdin=fds[0], stdout=fds[1], stderr=fds[2],
                               env={"PATH": "/usr/bin:/bin", "WHERE": "in the box"},
                               cwd="/", start_new_session=True)
    for fd in fds:
        os.close(fd)
    status = command.wait()
    try:
        client.send(str(status if status >= 0 else 128 - status).encode())
    except OSError:
        pass


def ask(path, words):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        server.connect(path)
    except OSError as error:
        sys.exit("box: no such box is running: %s" % error.strerror)
    server.sendmsg([json.dumps(words).encode()],
                   [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    sys.exit(int(server.recv(16) or b"1"))


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    ask(sys.argv[2], sys.argv[3:])
