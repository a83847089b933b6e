#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run the benchmark's topics, each in a process of its own, and make one table and one JSON file.

    run.py PROGRAM [--json FILE] [--smoke] [--only TOPIC]

PROGRAM is the masq_bench that was built. With --smoke all topics run with small numbers: their
figures mean nothing, but every row must come. A missed bar is told, and is no failure: that is a
topic that does not run to its end.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time

from table import text_table

SIZES = (1024, 65536, 1048576, 4194304)
RUNS = [("hit", ["--sessions", str(n)]) for n in SIZES]
RUNS += [("aged", ["--sessions", str(n)]) for n in SIZES[1:]]
RUNS += [(topic, []) for topic in ("ports", "rules", "list", "workers", "change", "expiry", "capacity")]


def first_line(path, name):
    """The value of the first line "name : value" of a file."""
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith(name):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def revision():
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                              cwd=os.path.dirname(os.path.abspath(__file__)))
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def machine():
    return {
        "machine": platform.machine(),
        "cpu": first_line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_mb": int(first_line("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d"),
        "revision": revision(),
    }


def run(program, topic, words):
    """Rows and what the program says of its machine; exits when the topic does not end well."""
    done = subprocess.run([program, *words, topic], capture_output=True, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        sys.exit(f"run.py: masq_bench {' '.join(words)} {topic} ended with {done.returncode}")
    rows, facts = [], {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        if "machine" in row:
            facts = row["machine"]
        else:
            rows.append(row)
    if not rows:
        sys.exit(f"run.py: masq_bench {topic} told nothing")
    return rows, facts


def pages(runs):
    """Whether memory came from hugepages: true, false, or "some" of the runs (a topic that was skipped took none)."""
    said = {r["hugepages"] for r in runs if r["hugepages"] is not None}
    return "some" if len(said) > 1 else said == {True}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--json", help="write everything into this file")
    parser.add_argument("--smoke", action="store_true", help="small numbers")
    parser.add_argument("--only", action="append", choices=list(dict.fromkeys(r[0] for r in RUNS)), help="this topic; may be given again")
    options = parser.parse_args()

    runs = [r for r in RUNS if not options.only or r[0] in options.only]
    if options.smoke:
        runs = [(topic, ["--smoke"]) for topic in dict.fromkeys(r[0] for r in runs)]
    result = {"machine": machine(), "runs": [], "rows": []}
    begin = time.monotonic()
    for topic, words in runs:
        rows, facts = run(options.program, topic, words)
        result["runs"].append({"run": " ".join([topic, *words]), "hugepages": facts.pop("hugepages", None)})
        result["machine"].update(facts)
        result["rows"] += rows
        print(f"{time.monotonic() - begin:5.0f} s  {topic} {' '.join(words)}", flush=True)
    result["machine"]["hugepages"] = pages(result["runs"])
    result["machine"]["load_after"] = round(os.getloadavg()[0], 1)
    result["seconds"] = round(time.monotonic() - begin)
    print()
    print(text_table(result))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
        print(f"written: {options.json}")


if __name__ == "__main__":
    main()
