# SPDX-License-Identifier: BSD-3-Clause
"""What the lint scripts share: which files belong to the project, and how they report."""

import os
import sys

SKIP = 77
ROOT = sys.argv[1]
BUILD = sys.argv[2]
FOLDERS = ("app", "config", "docs", "lib", "tests", ".ci")


def files(*endings, folders=FOLDERS):
    """Paths, relative to the project, of files with one of the endings ("" matches all)."""
    for folder in folders:
        for where, subfolders, names in os.walk(os.path.join(ROOT, folder)):
            subfolders[:] = sorted(s for s in subfolders if s not in ("__pycache__", "corpus"))
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(where, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def report(checked, faults):
    """Print the faults and end: one case a file or name that was checked."""
    for fault in faults:
        print(fault)
    print(f"cases: {checked - len(faults)} passed, {len(faults)} failed")
    sys.exit(1 if faults or checked == 0 else 0)


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIP)
