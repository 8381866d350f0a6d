#!/usr/bin/env python3
"""sources_test.py - what sources.py and conformance.py read out of sources, and what makes a row red."""
import collections
import pathlib
import sys
import tempfile
import unittest

import conformance
import sources

C_SOURCE = r'''
/* file.c: A-1 */
#include <x.h>

/* A-2 */
#define MACRO(x) ((x) + 1) /* A-3 */

struct s {
	int field; /* A-4 */
};

/* A-5: of what follows */
static const struct row {
	int n;
} rows[] = {
	{ 1 }, /* A-6 */
};

int proto(int); /* A-7 */
/* A-8 */
__attribute__((weak)) static int f(int a,
				   const char *b)
{
	const char *brace = "}{\"", c = '{';

	/* A-9 */
	if (a) { /* A-10 */
		DUTY("X-1 X-2");
	}
	OTHER("X-3");
	DUTY ( a );
}

/* ---- A-11 */

static void g(void) { DUTY("X-4"); }
/* A-12 */
'''

PY_SOURCE = '''
from duty import duty

def f():
    """duty("X-0")"""
    duty("X-1")
    def g():
        duty("X-2 X-3")

duty("X-4")
'''


class Sources(unittest.TestCase):
    def test_comments(self):
        found = {}
        for _, text, item in sources.c_comments(C_SOURCE):
            for name in conformance.ids_cited(text, ["A"]):
                found[name] = item and (item.kind, item.name)
        self.assertEqual(found["A-1"], None)
        self.assertEqual(found["A-3"], ("function", "MACRO"))
        self.assertEqual(found["A-4"], ("other", "struct s"))
        self.assertEqual(found["A-5"], ("table", "rows"))
        self.assertEqual(found["A-6"], ("table", "rows"))
        self.assertEqual(found["A-7"], ("prototype", "proto"))
        for name in ("A-8", "A-9", "A-10"):
            self.assertEqual(found[name], ("function", "f"))
        self.assertEqual(found["A-11"], ("function", "g"))

    def test_calls(self):
        found = [(text, name) for _, text, name in sources.c_calls(C_SOURCE, {"DUTY"})]
        self.assertEqual(found, [("X-1 X-2", "f"), ("X-4", "g")])
        found = [(text, name) for _, text, name in sources.py_calls(PY_SOURCE, {"duty"})]
        self.assertEqual(found, [("X-1", "f"), ("X-2 X-3", "g"), ("X-4", "<module>")])

    def test_ranges(self):
        text = "A-1 to A-3, A-7 to 8, BA-5, A-9\n * to A-10; A-12"
        self.assertEqual(list(conformance.ids_cited(text, ["A"])),
                         [f"A-{n}" for n in (1, 2, 3, 7, 8, 9, 10, 12)])


class Rows(unittest.TestCase):
    def row(self, *more):
        row = conformance.Row(["A-1", "1.2", "M", "what", *more])
        row.functions, row.tests = {("x.c", "f")}, {"test/unit/x_test.c:f"}
        return row

    def test_red(self):
        hit = collections.Counter({("A-1", "test/unit/x_test.c:f"): 3})
        self.assertEqual(self.row().faults(hit, True), [])
        self.assertEqual(self.row().faults(None, True), [])
        self.assertEqual(self.row().faults(collections.Counter(), True), ["no hit in this run"])
        other = collections.Counter({("A-1", "test/unit/x_test.c:g"): 3, ("A-2", "test/unit/x_test.c:f"): 3})
        self.assertEqual(self.row().faults(other, True), ["no hit in this run"])
        bare = self.row()
        bare.functions, bare.tests = set(), set()
        self.assertEqual(bare.faults(hit, True), ["no function", "no test"])
        self.assertEqual(bare.faults(hit, False), ["no test"])
        self.assertEqual(len(self.row("why not").faults(hit, True)), 1)

    def test_hits(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, lines in (("a.1", "A-1\t../test/unit/x_test.c:f\t2\n"),
                                ("b.2", "A-1\t/home/test/y/test/unit/x_test.c:f\t1\nA-2\ttest/z.c:g\t1\n")):
                (pathlib.Path(folder) / name).write_text(lines, encoding="utf-8")
            hits, programs = conformance.hits_read(pathlib.Path(folder))
        self.assertEqual(hits, {("A-1", "test/unit/x_test.c:f"): 3, ("A-2", "test/z.c:g"): 1})
        self.assertEqual(programs["A-1", "test/unit/x_test.c:f"], {"a", "b"})

    def test_tables(self):
        duties, cases = conformance.tables_read()
        self.assertEqual(sum(row.group != "TRAP" for row in duties.values()), 329)
        self.assertFalse(set(duties) & set(cases))
        for row in (*duties.values(), *cases.values()):
            self.assertTrue(row.what and row.section, row.id)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
