#!/usr/bin/env python3
"""mutants.py [ID...] - breaks what does a duty and sees that a test of the duty fails.

mutants/ID.patch (or ID-word.patch) is a small change of src/ that neglects the duty. For each, or those
of the ids given: the tree is copied, the patch applied there, the tests that name the duty are built and
run, and one of them must fail. They must pass without the patch. Nothing in the tree itself is touched.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import conformance

TOP = conformance.TOP
MUTANTS = conformance.HERE / "mutants"
SECONDS = 300  # for one test


class Bad(Exception):
    """A mutant that proves nothing."""


def run(command, folder, **more):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **more)


def tree_copy(to):
    """All that git would take, in a folder of its own."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], TOP)
    for name in filter(None, listed.stdout.split("\0")):
        if (TOP / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, to / name)


class Bed:
    """The copy, built; and which of its tests are made of which source."""

    def __init__(self, folder):
        self.tree, self.build, self.sound = folder / "tree", folder / "build", {}
        tree_copy(self.tree)
        done = run(["meson", "setup", "--buildtype=debug", self.build, self.tree], folder)
        if done.returncode:
            sys.exit(done.stdout)
        self.sources = {target["filename"][0]: {source for group in target["target_sources"]
                                                for source in group.get("sources", [])}
                        for target in self.introspect("targets") if target["type"] == "executable"}
        self.tests = self.introspect("tests")

    def introspect(self, what):
        return json.loads(run(["meson", "introspect", f"--{what}", self.build], self.tree).stdout)

    def tests_of(self, row):
        """The tests of the programs that have a file which names the duty; unit tests first."""
        files = {str(self.tree / test.rpartition(":")[0]) for test in row.tests}
        found = [test for test in self.tests if self.sources.get(test["cmd"][0], set()) & files]
        return sorted(found, key=lambda test: (test["suite"] != ["iscsidsc:unit"], test["name"]))

    def make(self, tests):
        names = {str(pathlib.Path(test["cmd"][0]).relative_to(self.build)) for test in tests}
        return run(["ninja", "-C", str(self.build), "-j2", "--quiet", *sorted(names)], self.tree)

    def passes(self, test):
        """The first failed test of a program ends it: broken code likes to hang afterwards."""
        with subprocess.Popen(test["cmd"], cwd=self.build, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                              start_new_session=True) as child:
            timer = threading.Timer(SECONDS, os.killpg, (child.pid, signal.SIGKILL))
            timer.start()
            failed = any("[  FAILED  ]" in line for line in child.stdout)
            if failed:
                os.killpg(child.pid, signal.SIGKILL)
            timer.cancel()
            return child.wait() == 0 and not failed

    def check_sound(self, tests):
        """Each passes as the tree is; asked once."""
        done = self.make(tests)
        if done.returncode:
            raise Bad("the tree does not build:\n" + done.stdout)
        for test in tests:
            if test["name"] not in self.sound:
                self.sound[test["name"]] = self.passes(test)
            if not self.sound[test["name"]]:
                raise Bad(f"the test {test['name']} fails without it")

    def patch(self, path, *options):
        """The copy may lie inside the project's own work tree, which git must not take for its own."""
        return run(["git", "apply", "-C1", *options, str(path)], self.tree,
                   env={**os.environ, "GIT_CEILING_DIRECTORIES": str(self.tree.parent)})


def mutant_try(bed, path, row):
    """The name of the test that fails."""
    tests = bed.tests_of(row)
    if not tests:
        raise Bad("no test names the duty")
    bed.check_sound(tests)
    done = bed.patch(path)
    if done.returncode:
        raise Bad("the patch does not apply:\n" + done.stdout)
    try:
        done = bed.make(tests)
        if done.returncode:
            raise Bad("it does not build:\n" + done.stdout)
        for test in tests:
            if not bed.passes(test):
                return test["name"]
    finally:
        bed.patch(path, "-R")
    raise Bad(f"not noticed by {', '.join(test['name'] for test in tests)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--build", metavar="DIR", type=pathlib.Path,
                        help="the copy is made beside this folder, not in the temporary one")
    options = parser.parse_args()
    wanted, beside = options.ids, options.build.resolve() if options.build else None
    duties, cases = conformance.tables_read()
    conformance.tests_find(duties | cases, [])
    mutants = [(path, re.match(r"[A-Z0-9]+-\d+", path.name).group()) for path in
               sorted(MUTANTS.glob("*.patch"))]
    for name in set(wanted) - {name for _, name in mutants}:
        parser.error(f"there is no mutant for {name}")
    caught = missed = 0
    with tempfile.TemporaryDirectory(prefix=f"{beside.name}-mutants-" if beside else "mutants-",
                                     dir=beside.parent if beside else None) as folder:
        bed = Bed(pathlib.Path(folder))
        for path, name in mutants:
            if wanted and name not in wanted:
                continue
            try:
                test = mutant_try(bed, path, duties[name])
                print(f"caught  {path.stem:14} by {test}", flush=True)
                caught += 1
            except Bad as why:
                print(f"MISSED  {path.stem:14} {why}", flush=True)
                missed += 1
    print(f"{caught} passed, {missed} failed, 0 skipped")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
