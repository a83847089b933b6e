#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each public header compiles alone, so that a user of one needs to know no other."""

import glob
import json
import os
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from common import BUILD, ROOT, files, report, skip


def flags():
    """-D and -m flags of the first file that is compiled, and the include folders of everything."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        words = [w for entry in json.load(file) for w in shlex.split(entry["command"])]
    keep = dict.fromkeys(w for w in words if w.startswith(("-D", "-march=", "-std=")))
    return list(keep) + ["-I" + d for d in sorted(glob.glob(os.path.join(ROOT, "lib/*/include")))]


compiler = shutil.which("gcc") or shutil.which("cc")
if compiler is None:
    skip("there is no C compiler")
system = shlex.split(subprocess.run(
    ["pkg-config", "--cflags", "libdpdk"], capture_output=True, text=True, check=True).stdout)
options = flags() + [w.replace("-I", "-isystem", 1) for w in system] + ["-fsyntax-only", "-Wall", "-Werror"]


def compile_alone(path):
    done = subprocess.run([compiler, *options, "-x", "c", os.path.join(ROOT, path)],
                          capture_output=True, text=True)
    # "#pragma once in main file" and the like are no faults of ours: only errors count
    return f"{path} does not compile alone:\n{done.stderr}" if done.returncode else None


headers = [path for path in files(".h", folders=("lib",)) if "/include/" in path]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    results = list(pool.map(compile_alone, headers))
report(len(headers), [fault for fault in results if fault])
