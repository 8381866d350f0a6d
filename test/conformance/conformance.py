#!/usr/bin/env python3
"""conformance.py - each duty of RFC 7143: the function that does it, the test that shows it, and whether
that test ran.

  --write     writes doc/conformance.md from the sources
  --check     fails if that file differs from what the sources give, or if a row is red: a duty without a
              function, without a test, or without a hit in the run under --duties (left out with
              --sources: then only what the sources say counts)
  --duty ID   prints one row, with its hits

A function is found by the comment that cites the duty: the one that the comment stands in or before.
A test is found by its DUTY (test/duty.h, test/duty.py). Hits are what passed tests of a run left in the
folder --duties or below it, one file for each (test/conformance/run.sh).
"""
import argparse
import collections
import os
import pathlib
import re
import sys

import sources

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = TOP / "test/conformance"
DOC = TOP / "doc/conformance.md"
OWN_TEST = TOP / "test/unit/base_duty_test.c"  # has ids of its own


class Row:
    """One line of a table of duties or cases, and what was found for it."""

    def __init__(self, cells):
        self.id, self.section, self.strength, self.what = cells[:4]
        self.why_not = cells[4] if len(cells) > 4 else ""
        self.group = self.id.rsplit("-", 1)[0]
        self.functions, self.tests = set(), set()

    def faults(self, hits, functions_needed):
        """What makes the row red; hits None: not asked."""
        if self.why_not:
            return ["does not apply, but has a test"] if self.tests else []
        found = []
        if functions_needed and not self.functions:
            found.append("no function")
        if not self.tests:
            found.append("no test")
        elif hits is not None and not sum(hits.get((self.id, test), 0) for test in self.tests):
            found.append("no hit in this run")
        return found

    def layers(self):
        return sorted({test.split("/")[1] for test in self.tests})


def table_read(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {row.id: row for row in (Row(line.split("\t")) for line in lines)}


def tables_read():
    """The duties, and the cases of all other tables."""
    cases = {}
    for path in sorted(HERE.glob("*.tsv")):
        if path.name != "duties.tsv":
            cases |= table_read(path)
    return table_read(HERE / "duties.tsv"), cases


def ids_cited(text, groups):
    """The ids of a comment; "SEC-3 to SEC-12" and "AS-1 to 4" are ranges."""
    name = rf"\b({'|'.join(groups)})-(\d+)\b"
    for match in re.finditer(rf"{name}(?:[\s*]+to[\s*]+(?:\1-)?(\d+)\b)?", text):
        first, last = int(match.group(2)), int(match.group(3) or match.group(2))
        for number in range(first, max(first, last) + 1):
            yield f"{match.group(1)}-{number}"


def functions_find(duties, faults):
    """Fills row.functions with (file, function); a prototype stands for the function defined elsewhere."""
    groups = sorted({row.group for row in duties.values()}, key=len, reverse=True)
    cited, defined = [], {}
    for path in sorted((TOP / "src").rglob("*.[ch]")):
        place = str(path.relative_to(TOP / "src"))
        source = path.read_text(encoding="utf-8")
        for _, _, _, item in sources.c_parts(source):
            if item and item.kind == "function":
                defined.setdefault(item.name, place)
        for line, text, item in sources.c_comments(source):
            for name in ids_cited(text, groups):
                if name not in duties:
                    faults.append(f"src/{place}:{line}: there is no duty {name}")
                elif item and item.kind != "other":
                    cited.append((name, place, item))
    for name, place, item in cited:
        if item.kind == "prototype":
            place = defined.get(item.name, place)
        duties[name].functions.add((place, item.name))


def tests_find(rows, faults):
    """Fills row.tests with test/FILE:FUNCTION."""
    for path in sorted((TOP / "test").rglob("*")):
        place = path.relative_to(TOP)
        if path.suffix not in (".c", ".h", ".py") or path == OWN_TEST or path.parent == HERE \
                or path.name.startswith("duty."):
            continue
        source = path.read_text(encoding="utf-8")
        calls = sources.py_calls(source, {"duty"}) if path.suffix == ".py" \
            else sources.c_calls(source, {"DUTY"})
        for line, ids, function in calls:
            for name in ids.split():
                if name in rows:
                    rows[name].tests.add(f"{place}:{function}")
                else:
                    faults.append(f"{place}:{line}: there is no {name} in {HERE.relative_to(TOP)}/*.tsv")


def hits_read(folder):
    """(id, test/FILE:FUNCTION) -> (hits, programs) of all passed tests of the run."""
    hits, programs = collections.Counter(), collections.defaultdict(set)
    for path in sorted(filter(pathlib.Path.is_file, folder.rglob("*"))):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, site, count = line.split("\t")
            key = name, re.sub(r"^.*?\b(test/(?!.*/test/))", r"\1", site)
            hits[key] += int(count)
            programs[key].add(path.name.rsplit(".", 1)[0])
    return hits, programs


# ---------------------------------------------------------------- the document

def code(names):
    return "<br>".join(f"`{name}`" for name in names) or "**none**"


def functions_text(row):
    return code(f"{place}: {name}" for place, name in sorted(row.functions))


def tests_text(row):
    """By file: `unit/engine_login_test.c: one, two`."""
    files = collections.defaultdict(list)
    for test in sorted(row.tests):
        place, _, function = test.removeprefix("test/").rpartition(":")
        files[place].append(function)
    return code(f"{place}: {', '.join(names)}" for place, names in files.items())


def state_text(row, functions_needed):
    if row.why_not:
        return "does not apply: " + row.why_not
    return ", ".join(row.faults(None, functions_needed)) or "shown: " + ", ".join(row.layers())


def duties_table(rows):
    lines = ["| id | sections | | duty | done by | shown by | state |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        found = ("", "") if row.why_not else (functions_text(row), tests_text(row))
        lines.append(f"| {row.id} | {row.section} | {row.strength} | {row.what} | {found[0]} | {found[1]} "
                     f"| {state_text(row, True)} |")
    return lines


def cases_table(rows):
    lines = ["| case | what | shown by | state |", "|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row.id} | {row.what} | {'' if row.why_not else tests_text(row)} "
                     f"| {state_text(row, False)} |")
    return lines


def count_text(rows, what):
    apart = sum(bool(row.why_not) for row in rows)
    return f"{len(rows)} {what}; {apart} of them do not apply here."


def document(duties, cases):
    numbered = [row for row in duties.values() if row.group != "TRAP"]
    traps = [row for row in duties.values() if row.group == "TRAP"]
    lines = [(HERE / "intro.md").read_text(encoding="utf-8").rstrip(), "", "## Duties", "",
             count_text(numbered, "duties"), "", *duties_table(numbered), "", "## Traps", "",
             count_text(traps, "places where a reader of the RFC goes wrong"), "", *duties_table(traps)]
    suites = collections.defaultdict(list)
    for row in cases.values():
        suites[row.section].append(row)
    for suite, rows in suites.items():
        lines += ["", f"## {suite}", "", count_text(rows, "cases"), "", *cases_table(rows)]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- commands

def duty_print(row, hits, programs):
    print(f"{row.id}: {row.what}\n  sections {row.section}, strength {row.strength}")
    for place, name in sorted(row.functions):
        print(f"  done by   src/{place}: {name}")
    for test in sorted(row.tests):
        ran = ", ".join(sorted(programs[row.id, test])) or "not in this run"
        print(f"  shown by  {test}: {hits[row.id, test]} hits ({ran})")
    if row.why_not:
        print(f"  does not apply: {row.why_not}")


def check(text, faults, tables, hits):
    old = DOC.read_text(encoding="utf-8") if DOC.exists() else ""
    if old != text:
        faults.append(f"{DOC.relative_to(TOP)} is not what the sources give: run {sys.argv[0]} --write")
    good = red = 0
    for rows, functions_needed in tables:
        for row in rows.values():
            why = row.faults(hits, functions_needed)
            good, red = good + (not why), red + bool(why)
            if why:
                print(f"red  {row.id:8} {', '.join(why)}: {row.what}")
    for fault in faults:
        print(fault)
    print(f"{good} passed, {red + len(faults)} failed, 0 skipped")
    return 1 if red or faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--sources", action="store_true", help="with --check: without the hits of a run")
    parser.add_argument("--duty", metavar="ID")
    parser.add_argument("--duties", metavar="DIR", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("BUILD", TOP / "build")) / "duties")
    options = parser.parse_args()

    faults = []
    duties, cases = tables_read()
    functions_find(duties, faults)
    tests_find(duties | cases, faults)
    hits, programs = hits_read(options.duties)
    if options.duty:
        row = duties.get(options.duty) or cases.get(options.duty)
        if not row:
            parser.error(f"there is no {options.duty}")
        duty_print(row, hits, programs)
        return 0
    text = document(duties, cases)
    if options.write:
        DOC.write_text(text, encoding="utf-8")
    if options.check:
        return check(text, faults, ((duties, True), (cases, False)), None if options.sources else hits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
