#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Words that must, or must not, stand in a source file: the first fault of each file."""

import re

from common import files, read, report

SOURCES = (".c", ".h", ".py", ".sh", "meson.build", ".rst", "run")
# [what is wrong, pattern, only in files whose path matches, reason]
FORBIDDEN = [
    ("an open end", r"\b(TODO|FIXME|XXX)\b", r".", "finish it, or open an issue"),
    ("a wait for a time", r"(^|[^\w-])(u|nano)?sleep(\(| +[\d.$])|time\.sleep", r"^(tests|app/demo)",
     "wait for a condition (wait_for); times differ between machines"),
    ("a path of one machine", r"(?<![\w.])/(work|home|root)/", r".",
     "the project lives anywhere"),
    ("a space at the end of a line", r"[ \t]+$", r"\.(c|h|py|sh|rst)$|meson\.build$", "noise in diffs"),
    ("exit, abort or printf in a library", r"(?<![\w_.>-])(exit|abort|printf|rte_panic|rte_exit)\(",
     r"^lib/.*\.c$", "only programs decide to end or to write on stdout"),
    ("a string function without a limit", r"(?<![\w_])(strcat|sprintf|gets)\(",
     r"\.(c|h)$", "use snprintf or the project's own"),
]


def faults_of(path, text):
    if not path.endswith(".rst") and "SPDX-License-Identifier: BSD-3-Clause" not in text[:300]:
        yield f"{path}:1: no SPDX-License-Identifier line"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    for what, pattern, where, reason in FORBIDDEN:
        if not re.search(where, path) or path == "tests/lint/words.py":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                yield f"{path}:{number}: {what} ({reason}): {line.strip()}"


checked = 0
faults = []
for path in files(*SOURCES):
    checked += 1
    faults += list(faults_of(path, read(path)))[:1]
report(checked, faults)
