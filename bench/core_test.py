#!/usr/bin/env python3
"""Tests which parts a benchmark has, its statistics, order of runs, goals and report."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import run  # noqa: E402  (first: the tests, whose folder core adds, have a run.py too)
import core  # noqa: E402
import report  # noqa: E402


def quiet(**more):
    return core.Bench("/nonexistent", log=lambda text: None, **more)


class Parts(unittest.TestCase):
    """Which parts a run has."""
    APART = {"api", "uring"}

    def test_what_stands_apart_is_left_out_unless_named_or_all_is_measured(self):
        there = run.parts_there()
        self.assertLessEqual({"limit", "compare", "disk", "links", "login", "scale", "crc"} | self.APART,
                             set(there))
        self.assertEqual(run.chosen([], False), [name for name in there if name not in self.APART])
        self.assertEqual(run.chosen([], True), there)
        self.assertEqual(run.chosen(["uring", "crc"], False), ["uring", "crc"])

    def test_help_and_list_tell_it(self):
        def said(option):
            return subprocess.run([sys.executable, run.__file__, option], check=True, text=True,
                                  capture_output=True, env={**os.environ, "COLUMNS": "200"}).stdout

        self.assertIn("all but api and uring, with --full these too", said("--help"))
        for line in said("--list").splitlines():
            self.assertEqual(line.endswith("(by name or with --full)"), line.split()[0] in self.APART)


class Statistics(unittest.TestCase):
    def test_ratio_is_of_the_rounds_not_of_the_medians(self):
        # The machine was twice as slow in the second round, for both.
        ratio, spread = core.ratio_of([(200, 100), (100, 50), (206, 103)])
        self.assertEqual(ratio, 2.0)
        self.assertEqual(spread, 0.0)

    def test_spread_tells_width(self):
        ratio, spread = core.ratio_of([(90, 100), (100, 100), (120, 100)])
        self.assertEqual(ratio, 1.0)
        self.assertAlmostEqual(spread, 0.3)

    def test_nothing_to_divide_by(self):
        self.assertEqual(core.ratio_of([(1, 0)]), (None, None))

    def test_rounds_go_to_and_fro(self):
        self.assertEqual(core.rounds(["a", "b", "c"], 3), [list("abc"), list("cba"), list("abc")])


class Contest(unittest.TestCase):
    def test_interleaved_and_paired(self):
        order, speed = [], iter([10, 5, 4, 8, 12, 6])

        def runner(name):
            def once():
                order.append(name)
                return {"ops": next(speed), "seconds": 1.0}
            return once

        rows = list(quiet(repeat=3).pairs("p", "c", ["ops per second"], runner("A"), runner("B"), "B"))
        self.assertEqual("".join(order), "ABBAAB")
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["ratio"], 2.0)   # 10/5, 8/4, 12/6
        self.assertEqual(rows[0]["ours"], 10)
        self.assertEqual(rows[0]["other"], 5)
        self.assertEqual(rows[0]["spread"], 0.0)
        self.assertEqual(tuple(rows[0]), core.COLUMNS)

    def test_generator_with_errors_fails(self):
        line = '{"ops":5,"seconds":1,"errors":1}'
        with self.assertRaises(core.Failed):
            quiet().once([sys.executable, "-c", f"print('{line}')"])
        with self.assertRaises(core.Failed):
            quiet().once([sys.executable, "-c", "raise SystemExit(1)"])


class Goals(unittest.TestCase):
    ROW = dict(zip(core.COLUMNS, ("limit", "c", "m", "1/s", 8.0, 10.0, "socket", 0.8, 0.1)))

    def goal(self, bound, **more):
        return core.Goal("text", "limit", "c", "m", bound, "socket", **more)

    def test_at_least_and_at_most(self):
        self.assertIs(self.goal(0.8).met([self.ROW]), True)
        self.assertIs(self.goal(0.81).met([self.ROW]), False)
        self.assertIs(self.goal(0.8, least=False).met([self.ROW]), True)
        self.assertIs(self.goal(0.79, least=False).met([self.ROW]), False)

    def test_not_measured_is_neither(self):
        self.assertIsNone(self.goal(0.8).met([]))
        self.assertIn("not measured", report.goal_table([self.goal(0.8)], []))

    def test_missed_goal_is_told(self):
        self.assertIn("**no**", report.goal_table([self.goal(0.9)], [self.ROW]))
        self.assertIn("| yes |", report.goal_table([self.goal(0.7)], [self.ROW]))

    def test_wide_rounds_settle_nothing(self):
        row = {**self.ROW, "spread": 0.5}
        self.assertIn("not settled", report.goal_table([self.goal(0.7)], [row]))
        self.assertIn("not settled", report.goal_table([self.goal(0.9)], [row]))


class Report(unittest.TestCase):
    def test_text_between_markers_only(self):
        text = f"a\n{report.BEGIN}\nold\n{report.END}\nb\n"
        self.assertEqual(report.between(text, "new"), f"a\n{report.BEGIN}\nnew\n{report.END}\nb\n")
        with self.assertRaises(ValueError):
            report.between("no markers", "new")

    def test_parts_are_written_one_by_one(self):
        goals = [core.Goal("of limit", "limit", "c", "m", 0.7, "socket"),
                 core.Goal("of crc", "crc", "c", "m", 0.7, "socket")]

        def section(part, value):
            row = {**Goals.ROW, "part": part, "ours": value}
            return report.section(part, "about: it", ["- here"], goals, [row], part == "crc")

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "p.md")
            with open(path, "w", encoding="utf-8") as f:
                f.write(f"head\n{report.BEGIN}\n{report.END}\nfoot\n")
            report.write_document(path, ["limit", "crc"], {"crc": section("crc", 111)})
            report.write_document(path, ["limit", "crc"], {"limit": section("limit", 222)})
            report.write_document(path, ["limit", "crc"], {"crc": section("crc", 333)})
            with open(path, encoding="utf-8") as f:
                text = f.read()
        self.assertEqual(list(report.sections(text)), ["limit", "crc"])
        self.assertIn("| 222 |", report.sections(text)["limit"])
        self.assertIn("of limit", report.sections(text)["limit"])
        self.assertIn("performance/crc.svg", report.sections(text)["crc"])
        self.assertNotIn("svg", report.sections(text)["limit"])
        self.assertNotIn("111", text)
        self.assertEqual(text.count("333"), 1)
        self.assertTrue(text.startswith("head\n") and text.endswith("foot\n"))

    def test_plot_is_xml_and_has_each_row(self):
        import xml.etree.ElementTree as tree
        rows = [dict(Goals.ROW, case=f"case <{i}>") for i in range(3)]
        text = report.plot("limit & more", rows)
        tree.fromstring(text)
        for i in range(3):
            self.assertIn(f"case &lt;{i}&gt;", text)


if __name__ == "__main__":
    unittest.main()
