#!/usr/bin/env python3
"""mutants.py [--build DIR] [NAME...] - breaks the engine and sees that the simulator notices.

mutants/NAME.patch is a small change of src/engine, with a head of three lines:

  class: window | holes | reassignment | R2T | residuals | tombstones | wake-ups | repeats
  breaks: what does not hold any more
  found by: oracle | alarm | hang | crash

For each, or those named: the patch is applied to a copy of the tree, the simulator is built there and
`sim --test` run with its usual budget, until a run fails in the way the head tells. `oracle`: the engine
corrupts silently, and a check of the simulator's says what is wrong. `alarm`: the engine itself noticed
something, and lost a session or failed a command that it must not. `hang`: it does not end, or not in
time. Without a mutant the simulator must pass. Two at a time. The copies are made in DIR/mutants and can
be looked at afterwards; without DIR they are thrown away.
"""
import argparse
import concurrent.futures
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
MUTANTS = HERE / "mutants"
CLASSES = ["window", "holes", "reassignment", "R2T", "residuals", "tombstones", "wake-ups", "repeats"]
WAYS = ["oracle", "alarm", "hang", "crash"]
JOBS = 2
SECONDS = 240  # for the whole of `sim --test`; more than it takes for itself

# What the simulator says of a failed run; all else is an oracle's.
SAYS = {
    "crash": re.compile(r"the process broke off"),
    "hang": re.compile(r"no end after|nothing will ever happen again|took \d+ ms|did not end|"
                       r"the hold time ran out|was never answered|never ended"),
    "alarm": re.compile(r"the session was lost|a connection was lost|(command|login|removal) failed:|without a reason|"
                        r"status \d+, sense"),
}
RUN = re.compile(r"FAILED ([\w-]+): (.*)")
REPEAT = re.compile(r"--scenario ([\w-]+) --seed (\d+)")


class Bad(Exception):
    """A mutant that proves nothing."""


def run(command, folder, **more):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **more)


class Mutant:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = dict(re.findall(r"^(class|breaks|found by): *(.*)$",
                               path.read_text().partition("\n--- ")[0], re.M))
        self.kind, self.breaks, self.way = (head.get(key) for key in ("class", "breaks", "found by"))
        if self.kind not in CLASSES or self.way not in WAYS or not self.breaks:
            sys.exit(f"{path}: the head needs class, breaks and found by")


def way_of(what):
    return next((way for way, says in SAYS.items() if says.search(what)), "oracle")


class Running:
    """The simulators that run: each is a group of processes, which ends when we do; and the folder that
    goes then, if any."""

    def __init__(self, doomed):
        self.groups, self.doomed = set(), doomed
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.end)

    def end(self, number, _):
        for group in list(self.groups):
            self.kill(group)
        if self.doomed:
            shutil.rmtree(self.doomed, ignore_errors=True)
        os._exit(128 + number)

    @staticmethod
    def kill(group):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Bed:
    """A copy of the tree and its build folder, for one mutant after another."""

    def __init__(self, folder, running):
        self.tree, self.build, self.running = folder / "tree", folder / "build", running
        listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], TOP)
        for name in filter(None, listed.stdout.split("\0")):
            if (TOP / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(TOP / name, self.tree / name)
        done = run(["meson", "setup", "--buildtype=debug", "--optimization=1", self.build, self.tree],
                   folder)
        if done.returncode:
            sys.exit(done.stdout)

    def make(self):
        done = run(["ninja", "-C", self.build, "-j1", "--quiet", "test/sim/sim"], self.tree)
        if done.returncode:
            raise Bad("it does not build:\n" + done.stdout)

    def patch(self, path, *options):
        """The copy may lie inside a work tree, whose root the paths in the patch don't begin at."""
        return run(["git", "apply", "-C1", *options, path], self.tree,
                   env=os.environ | {"GIT_CEILING_DIRECTORIES": str(self.tree.parent)})

    def failures(self):
        """The failed runs of `sim --test`, as they come: what is wrong, and the seed."""
        what = None
        with subprocess.Popen([self.build / "test/sim/sim", "--test"], cwd=self.build, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True) as child:
            timer = threading.Timer(SECONDS, self.running.kill, [child.pid])
            self.running.groups.add(child.pid)
            timer.start()
            try:
                for line in child.stdout:
                    if what and REPEAT.search(line):
                        yield what, REPEAT.search(line)[2]
                    failed = RUN.match(line)
                    what = f"{failed[1]}: {failed[2]}" if failed else None
                if not timer.is_alive():
                    yield "the simulator itself did not end", "?"
            finally:
                timer.cancel()
                self.running.kill(child.pid)
                self.running.groups.discard(child.pid)


def sound(bed):
    """Nothing fails without a mutant."""
    bed.make()
    for what, seed in bed.failures():
        print(f"without a mutant the simulator fails: {what}, seed {seed}")
        return False
    return True


def caught(bed, mutant):
    """How the simulator notices it."""
    others = []
    done = bed.patch(mutant.path)
    if done.returncode:
        raise Bad("the patch does not apply:\n" + done.stdout)
    try:
        bed.make()
        for what, seed in bed.failures():
            if way_of(what) == mutant.way:
                return f"{what}, seed {seed}"
            others.append(f"{way_of(what)}: {what}, seed {seed}")
    finally:
        bed.patch(mutant.path, "-R")
    if others:
        raise Bad(f"not found by {mutant.way}, but by {others[0]}")
    raise Bad("the simulator does not notice it")


def attempt(beds, mutant):
    bed = beds.get()
    try:
        print(f"caught  {mutant.name:28} {mutant.kind:13} by {mutant.way:7} {caught(bed, mutant)}",
              flush=True)
        return True
    except Bad as why:
        print(f"MISSED  {mutant.name:28} {mutant.kind:13} {why}", flush=True)
        return False
    finally:
        beds.put(bed)


def check(mutants, folder, running):
    beds = queue.Queue()
    for i in range(min(JOBS, len(mutants))):
        (folder / str(i)).mkdir()
        beds.put(Bed(folder / str(i), running))
    if not sound(beds.queue[0]):
        return 0, len(mutants)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        passed = sum(pool.map(lambda mutant: attempt(beds, mutant), mutants))
    return passed, len(mutants) - passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    mutants = [Mutant(path) for path in sorted(MUTANTS.glob("*.patch"))]
    for name in set(args.names) - {mutant.name for mutant in mutants}:
        parser.error(f"there is no mutant {name}")
    wanted = [mutant for mutant in mutants if not args.names or mutant.name in args.names]
    if args.build:
        folder = args.build.resolve() / "mutants"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        passed, failed = check(wanted, folder, Running(None))
    else:
        with tempfile.TemporaryDirectory(prefix="iscsidsc-mutants-") as name:
            passed, failed = check(wanted, pathlib.Path(name), Running(name))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
