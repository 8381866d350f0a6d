#!/usr/bin/env python3
"""The programs of examples/ against our own target: they do what they say, and what they say is true.

    examples_test.py SERVICE TARGET LIBRARY PYTHON_EXAMPLE ADD_CONNECTIONS [SESSION...]

SESSION is session.c in one of its forms. Skipped (77) without any, since libnbd is not there then.
LIBRARY - leaves the example in Python out.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

SERVICE, TARGET, LIBRARY, PYTHON, ADD = sys.argv[1:6]
SESSIONS = sys.argv[6:]
NAME = "iqn.2026-11.test:examples"
ID = r"[0-9a-f]+-[0-9a-f]+"
SKIPPED = 77


def check(truth, what):
    if not truth:
        raise AssertionError(what)


def run(*words, status=0):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=60)
    check(done.returncode == status,
          f"{words}: {done.returncode} instead of {status}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout + done.stderr


class Bed:
    """The service, and a target with two portals."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder)
        os.environ["ISCSIDSC_SOCKET"] = str(self.path / "s.sock")
        os.environ["ISCSIDSC_LIBRARY"] = LIBRARY
        self.log = open(self.path / "log", "a")
        self.service = subprocess.Popen([SERVICE, "--foreground", "--state-dir", self.path / "state",
                                         "--socket", self.path / "s.sock"], stderr=self.log)
        self.port = 0
        self.target = self.start_target("127.0.0.1")
        self.end_target()
        self.target = self.start_target("127.0.0.1", "127.0.0.2")
        while not (self.path / "s.sock").exists():
            check(self.service.poll() is None, "the service does not start")
            time.sleep(0.02)

    def start_target(self, *addresses):
        target = subprocess.Popen([TARGET, f"--name={NAME}", "--mib=4",
                                   *(f"--listen={address}:{self.port}" for address in addresses)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = target.stdout.readline()
        check(line.startswith("listening "), line)
        self.port = int(line.rsplit(":", 1)[1])
        return target

    def end_target(self):
        """0 also means that it saw no rule of the protocol broken."""
        self.target.send_signal(signal.SIGTERM)
        check(self.target.wait(timeout=30) == 0, "the target has seen a rule broken")

    def end(self):
        self.service.send_signal(signal.SIGTERM)
        check(self.service.wait(timeout=30) == 0, "the service did not end well")
        self.end_target()

    def kill(self):
        self.service.kill()
        self.target.kill()


def whole_story(bed, *program):
    """Three connections; all carry I/O in turn, then the last alone; nothing is left."""
    out = run(*program, "127.0.0.1", bed.port, "127.0.0.2", "127.0.0.1")
    check(f"target: {NAME}\n" in out, out)
    check(re.search(rf"session: {ID}\n", out), out)
    check(len(re.findall(rf"connection to 127\.0\.0\.[12]: {ID}\n", out)) == 2, out)
    check(out.endswith("done\n"), out)
    return out


def counters(out):
    """Commands of each connection at the two times that the program tells them."""
    told = [int(n) for n in re.findall(r"127\.0\.0\.[12]: (\d+) commands", out)]
    check(len(told) == 6, out)
    return told[:3], told[3:]


def session_c(bed):
    for program in SESSIONS:
        in_turn, at_last = counters(whole_story(bed, program))
        # 64 times read, write, read.
        check(min(in_turn) >= 60 and sum(in_turn) >= 192, f"not in turn: {in_turn}")
        more = [b - a for a, b in zip(in_turn, at_last)]
        check(more[2] >= 192 and max(more[:2]) < 20, f"not on the last alone: {more}")
        print(f"{pathlib.Path(program).name}: ok")


def session_py(bed):
    if LIBRARY == "-":
        return
    out = whole_story(bed, sys.executable, PYTHON)
    check(out.count("64 blocks read, written and compared\n") == 2, out)
    check(out.count(f"127.0.0.1 to 127.0.0.1:{bed.port}\n") == 2, out)
    check(f"to 127.0.0.2:{bed.port}\n" in out, out)
    print("session.py: ok")


def what_goes_wrong(bed):
    """Said in words with the status, told by the exit status, and the portal taken back."""
    programs = [[program] for program in SESSIONS]
    if LIBRARY != "-":
        programs.append([sys.executable, PYTHON])
    for program in programs:
        out = run(*program, "127.0.0.1", "1", status=1)
        check("AddIScsiSendTargetPortal: status 0xefff0003" in out, out)
        run(*program, status=1 if program[0] == sys.executable else 2)
    out = run(ADD, NAME, f"127.0.0.2:{bed.port}", status=1)
    check("status 0xefff001c" in out, out)
    print("failures: ok")


def main():
    with tempfile.TemporaryDirectory(prefix="iscsidsc-examples-") as folder:
        bed = Bed(folder)
        try:
            for step in (session_py, session_c, what_goes_wrong):
                step(bed)
            bed.end()
        except BaseException:
            print((bed.path / "log").read_text()[-3000:])
            bed.kill()
            raise
    return 0 if SESSIONS else SKIPPED


sys.exit(main())
