#!/usr/bin/python3
"""In place of ssh: runs git's command here, and loses the connection.

git_unheard.py MODE COMMAND: after the list of what the remote has, which always comes through,
  cut    nothing that is sent arrives
  lost   all of it arrives and is carried out, and the answer is lost
  hang   the same, and the connection stays open without a word
"""
import os
import subprocess
import sys
import threading
import time


def forward(source, to):
    while True:
        piece = os.read(source, 65536)
        if not piece:
            break
        to.write(piece)
        to.flush()


mode, command = sys.argv[1:3]
process = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
while True:
    length = process.stdout.read(4)
    sys.stdout.buffer.write(length + process.stdout.read(max(int(length, 16) - 4, 0)))
    if length == b"0000":
        break
sys.stdout.buffer.flush()
if mode == "cut":
    process.stdin.close()
    process.wait()  # it complains, and what it says is expected
    os._exit(255)
threading.Thread(target=forward, args=(0, process.stdin), daemon=True).start()
process.stdout.read()
if mode == "hang":
    time.sleep(60)
os._exit(255)
