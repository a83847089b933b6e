#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Let the virtual machine's shell do one line: tell.py SOCKET LINE

Prints what it prints and ends with its exit code. tests/vm/init.sh is the other end.
"""

import os
import socket
import sys

path, line = sys.argv[1:]
end = f"end-{os.getpid()}-{os.urandom(4).hex()}"
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as machine:
    machine.connect(path)
    machine.sendall(f"{end} {line}\n".encode())
    got = b""
    while True:
        more = machine.recv(65536)
        if not more:
            sys.exit("the virtual machine has gone")
        got += more
        out, found, code = got.rpartition(end.encode() + b" ")
        if found and code.endswith(b"\n"):
            break
sys.stdout.buffer.write(out)
sys.exit(int(code))
