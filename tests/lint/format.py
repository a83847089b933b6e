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

sources = list(files(".c", ".h"))
faults = []
for path in sources:
    done = subprocess.run([tool, "--dry-run", "-Werror", path], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        faults.append(f"{path}: clang-format -i {path}\n" + "\n".join(done.stderr.splitlines()[:3]))
report(len(sources), faults)
