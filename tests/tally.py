#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Add up what the suites reported.

Reads the test logs of meson (one JSON document a line and test) and the file "verdicts" in one
directory. A test that reports its own cases counts as many: cmocka's summary lines, or the line
"cases: N passed, N failed" of the netns scripts and the lint scripts. Any other test counts as one.
A test that fails although none of its cases did (a crash, a leak, a time-out) adds one failure.
Skips are printed with their reason, failures with their name; the last line is the sum.
"""

import glob
import json
import os
import re
import sys

CMOCKA = {
    "passed": re.compile(r"^\[  PASSED  \](?: [^:]*:)? (\d+) test\(s\)", re.M),
    "failed": re.compile(r"^\[  FAILED  \](?: [^:]*:)? (\d+) test\(s\)", re.M),
    "skipped": re.compile(r"^\[  SKIPPED \](?: [^:]*:)? (\d+) test\(s\)", re.M),
}
CASES = re.compile(r"^cases: (\d+) passed, (\d+) failed", re.M)


def cases_of(test):
    """passed, failed, skipped of one entry of testlog.json."""
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    if test["result"] == "SKIP":
        return 0, 0, 1
    passed, failed, skipped = (
        sum(int(n) for n in CMOCKA[kind].findall(text)) for kind in ("passed", "failed", "skipped")
    )
    for ok, bad in CASES.findall(text):
        passed += int(ok)
        failed += int(bad)
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if passed + failed + skipped == 0:
        return (1, 0, 0) if good else (0, 1, 0)
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def reason_of(test):
    """Why a test was skipped: the line that says so, else the last one."""
    lines = [line for line in test.get("stdout", "").splitlines() if line.strip()]
    lines += [line for line in test.get("stderr", "").splitlines() if line.strip()]
    said = [line for line in lines if re.search("skip", line, re.I)]
    return (said or lines or ["it gave no reason"])[-1].strip()


def main(directory):
    total = [0, 0, 0]
    for path in sorted(glob.glob(os.path.join(directory, "*.json"))):
        label = os.path.basename(path)[: -len(".json")]
        suite = [0, 0, 0]
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                counts = cases_of(test)
                suite = [a + b for a, b in zip(suite, counts)]
                name = test["name"].split(" / ")[-1]
                if test["result"] == "SKIP":
                    print(f"  skipped {label}: {name}: {reason_of(test)}")
                elif counts[1]:
                    print(f"  FAILED  {label}: {name} ({test['result'].lower()})")
        print(f"  {label}: {suite[0]} passed, {suite[1]} failed, {suite[2]} skipped")
        total = [a + b for a, b in zip(total, suite)]
    verdicts = os.path.join(directory, "verdicts")
    if os.path.exists(verdicts):
        with open(verdicts, encoding="utf-8") as lines:
            for line in lines:
                print("  " + line.rstrip().replace("failed ", "FAILED  ", 1))
                total[1] += 1
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
