#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Put a benchmark run into the documentation: its table, its plot and the run itself.

    report.py RUN.json FOLDER

FOLDER is docs/performance; docs/performance.rst includes what stands there. report.py --check FOLDER
says whether table and plot are those of the run beside them.
"""

import json
import os
import sys

from plot import plot
from table import rst_tables

FILES = (("table.inc", rst_tables), ("sessions.svg", plot))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check(folder):
    result = json.loads(read(os.path.join(folder, "run.json")))
    stale = [name for name, make in FILES if read(os.path.join(folder, name)) != make(result)]
    for name in stale:
        print(f"{folder}/{name} is not that of run.json: tests/perf/report.py {folder}/run.json {folder}")
    print(f"cases: {len(FILES) - len(stale)} passed, {len(stale)} failed")
    return 1 if stale else 0


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[1] == "--check":
        return check(sys.argv[2])
    folder = sys.argv[2]
    result = json.loads(read(sys.argv[1]))
    os.makedirs(folder, exist_ok=True)
    for name, make in FILES:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(make(result))
    with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
