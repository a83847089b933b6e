#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stop threads of a process, as a debugger does: hold_threads.py PID NAME...; they go on when this ends.

Exit 77: the system does not let us.
"""

import ctypes
import os
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long

for task in os.listdir(f"/proc/{sys.argv[1]}/task"):
    with open(f"/proc/{sys.argv[1]}/task/{task}/comm", encoding="ascii") as comm:
        if comm.read().strip() not in sys.argv[2:]:
            continue
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, int(task), None, None) != 0:
            print(f"thread {task}: {os.strerror(ctypes.get_errno())}")
            sys.exit(77)
    os.waitpid(int(task), WALL)
print("held", flush=True)
# Or when the process is killed: its threads have to be seen off by us.
try:
    while True:
        os.waitpid(-1, WALL)
except ChildProcessError:
    pass
