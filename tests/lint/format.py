#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""C sources are as clang-format 14 leaves them (other versions disagree with each other)."""

import shutil
import subprocess

from common import ROOT, files, report, skip

tool = shutil.which("clang-format-14") or shutil.which("clang-format")
if tool is None:
    skip("clang-format is not installed")
version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
if " 14." not in version:
    skip(f"the style is that of clang-format 14, here is {version.strip()}")

# All files in one go: starting the tool takes longer than reading a file does. It names each line
# that it would change; the first of a file is enough.
sources = list(files(".c", ".h"))
done = subprocess.run([tool, "--dry-run", "-Werror", *sources], cwd=ROOT, capture_output=True, text=True)
first = {}
for line in done.stderr.splitlines():
    path, colon, rest = line.partition(":")
    if path in sources and colon:
        first.setdefault(path, f"{path}: clang-format -i {path}\n{line}")
faults = list(first.values())
if done.returncode and not faults:
    faults.append(f"{tool} fails: {done.stderr}")
report(len(sources), faults)
