#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run a program on a terminal: terminal.py PROGRAM [ARGUMENT]... < SCRIPT

A line of the script is "> KEYS" (escapes like \\t and \\x03 mean keys), "< REGEX", which must appear
behind what was found before, or "! COMMAND" of the system's shell, which must succeed; $PID is the
program's process id in it. At the end the program must have ended by itself, with exit code 0, and
the terminal must be as it was. Exit 0: all of it is so.
"""

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

PATIENCE_S = 20


def fault(text):
    print(f"{text}; the terminal shows:\n{SCREEN.decode('latin1')}")
    os.kill(PID, 9)
    raise SystemExit(1)


def read_more(until):
    """Add to SCREEN. False: the program has closed the terminal."""
    global SCREEN
    if not select.select([FD], [], [], max(0.0, until - time.monotonic()))[0]:
        return True
    try:
        more = os.read(FD, 65536)
    except OSError:
        return False
    SCREEN += more
    return more != b""


SCREEN, seen = b"", 0
# The program waits until it is known how the terminal was before.
looked, look = os.pipe()
PID, FD = pty.fork()
if PID == 0:
    os.read(looked, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
before = termios.tcgetattr(FD)
os.write(look, b"!")
for line in sys.stdin.read().splitlines():
    if line.startswith("> "):
        # A prompt is printed a moment before the program takes keys one by one; ^D would be lost then.
        until = time.monotonic() + PATIENCE_S
        while termios.tcgetattr(FD)[3] & termios.ICANON:
            if time.monotonic() > until or not read_more(time.monotonic() + 0.01):
                fault("the program takes no keys")
        os.write(FD, line[2:].encode("latin1").decode("unicode_escape").encode("latin1"))
    elif line.startswith("< "):
        until = time.monotonic() + PATIENCE_S
        wanted = re.compile(line[2:].encode(), re.DOTALL)
        while not wanted.search(SCREEN, seen):
            if not read_more(until):
                fault(f"the program ended before {line[2:]!r} came")
            if time.monotonic() > until:
                fault(f"{line[2:]!r} does not come")
        seen = wanted.search(SCREEN, seen).end()
    elif line.startswith("! "):
        if subprocess.run(line[2:], shell=True, timeout=PATIENCE_S, env={**os.environ, "PID": str(PID)}).returncode:
            fault(f"{line[2:]!r} fails")

until = time.monotonic() + PATIENCE_S
while read_more(until):
    if time.monotonic() > until:
        fault("the program does not end")
status = os.waitstatus_to_exitcode(os.waitpid(PID, 0)[1])
after = termios.tcgetattr(FD)
if status != 0 or before != after:
    print(f"exit code {status}, terminal {before} then {after}; it shows:\n{SCREEN.decode('latin1')}")
    raise SystemExit(1)
