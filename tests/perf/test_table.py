#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmark's table says of a run."""
import contextlib
import io
import os
import sys
import unittest
import unittest.mock

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


class Run(unittest.TestCase):
    def test_a_machine_without_git_does_not_tell_the_revision(self):
        with unittest.mock.patch.dict(os.environ, {"PATH": "/nonexistent"}):
            self.assertEqual(run.revision(), "unknown")

    def test_a_topic_that_does_not_exist_is_refused(self):
        words = ["run.py", "/bin/true", "--only", "hits"]
        with unittest.mock.patch.object(sys, "argv", words), contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertRaises(SystemExit, run.main)
        self.assertIn("hits", said.getvalue())


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"cases: {result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
