#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmark's table says of a run."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import run  # noqa: E402 (the path is set above)
import table  # noqa: E402


def of(*hugepages):
    runs = [{"run": f"topic --sessions {k}", "hugepages": pages} for k, pages in enumerate(hugepages)]
    return {"machine": {"hugepages": run.pages(runs)}, "runs": runs}


class Pages(unittest.TestCase):
    def test_all_runs_alike(self):
        self.assertEqual(table.pages_text(of(True, True)), "hugepages")
        self.assertEqual(table.pages_text(of(False, False)), "4 KB pages")

    def test_a_topic_that_was_skipped_took_none(self):
        self.assertEqual(table.pages_text(of(True, None)), "hugepages")
        self.assertEqual(table.pages_text(of(None, False)), "4 KB pages")

    def test_runs_that_differ_are_named(self):
        text = "hugepages, but 4 KB pages for topic sessions 1, topic sessions 3"
        self.assertEqual(table.pages_text(of(True, False, None, False, True)), text)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"cases: {result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
