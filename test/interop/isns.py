#!/usr/bin/env python3
"""iSNS with a real server, open-isns: isns.py --build DIR.

Ends with "N passed, N failed, N skipped"; status 0, 1, or 77 when it can't run here.
"""
import argparse
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
import isns_wire as wire  # noqa: E402

ME = "iqn.2026-11.test:initiator"
MANY = 300          # more than open-isns can tell in one answer, which has at most 8 KB
MANY_FULL = 10000   # minutes of its time: both taking and telling them grow with the square
AT_ONCE = 120       # registrations in a message, for the same 8 KB
# It syncs its database for each question, too.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
CONFIG = """SourceName = iqn.2026-11.test:isns
Database = {dir}/db
DefaultDiscoveryDomain = 1
SLPRegister = 0
Security = 0
BindAddress = 127.0.0.1:{port}
ControlSocket = {dir}/isns.ctl
PIDFile = {dir}/isnsd.pid
RegistrationPeriod = 10m
SCNTimeout = 1
SCNRetries = 3
"""


class Failed(Exception):
    pass


def check(truth, what):
    if not truth:
        raise Failed(what)


def wait(truth, what, seconds=15):
    end = time.monotonic() + seconds
    while not truth():
        check(time.monotonic() < end, f"{what}: waited in vain")
        time.sleep(0.1)


class Isnsd:
    def __init__(self, folder, port=0):
        self.dir = pathlib.Path(folder)
        self.process = None
        with socket.create_server(("127.0.0.1", port)) as s:
            self.port = s.getsockname()[1]
        self.at = f"127.0.0.1:{self.port}"
        (self.dir / "db").mkdir(parents=True, exist_ok=True)
        (self.dir / "isnsd.conf").write_text(CONFIG.format(dir=self.dir, port=self.port))
        (self.dir / "admin.conf").write_text(
            f"SourceName = iqn.2026-11.test:target\nServerAddress = {self.at}\nSecurity = 0\n"
            f"ControlSocket = {self.dir}/isns.ctl\n")
        self.start()

    def start(self):
        with open(self.dir / "isnsd.log", "a") as log:
            self.process = subprocess.Popen(["isnsd", "--config", self.dir / "isnsd.conf",
                                             "--foreground"], stdout=log, stderr=log)
        wait(self.answers, "isnsd starts")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()
        (self.dir / "isnsd.pid").unlink(missing_ok=True)

    def forget(self):
        shutil.rmtree(self.dir / "db")
        (self.dir / "db").mkdir()

    def admin(self, *words):
        done = subprocess.run(["isnsadm", "--config", self.dir / "admin.conf", *words],
                              capture_output=True, text=True, timeout=30)
        return done.stdout

    def register(self, *targets):
        self.admin("--register", "entity=target-entity", *[f"target={name}" for name in targets],
                   "portal=127.0.0.1:3260/tcp", "pg,pgt=1", "portal=127.0.0.2:3260/tcp", "pg,pgt=2")

    def register_many(self, names):
        with socket.create_connection(("127.0.0.1", self.port)) as s, s.makefile("rb") as stream:
            for at in range(0, len(names), AT_ONCE):
                out = wire.attribute(wire.NAME, names[0]) + wire.attribute(wire.ENTITY, "many")
                out += wire.attribute(0) + wire.attribute(wire.ENTITY, "many")
                out += wire.attribute(wire.ENTITY_PROTOCOL, 2)
                if at == 0:
                    out += wire.attribute(wire.PORTAL_ADDRESS, wire.address("127.0.0.3"))
                    out += wire.attribute(wire.PORTAL_PORT, 3260)
                for name in names[at:at + AT_ONCE]:
                    out += wire.attribute(wire.NAME, name) + wire.attribute(wire.NODE_TYPE, 1)
                s.sendall(wire.message(wire.REGISTER, at + 1, out, 0x8000))
                status = struct.unpack(">I", wire.receive(stream)[3][:4])[0]
                check(status == 0, f"isnsd takes the registration: {status}")

    def nodes(self):
        return self.admin("--local", "--list", "nodes")


class Bed:
    def __init__(self, build, folder, many_targets):
        self.build = pathlib.Path(build)
        self.dir = pathlib.Path(folder)
        self.many = many_targets
        self.socket = self.dir / "s.sock"
        self.isnsd = Isnsd(self.dir / "isnsd")
        self.start()
        self.good("NodeName", ME)
        self.good("Defaults", "retry-time", "1")

    def start(self):
        with open(self.dir / "log", "a") as log:
            self.service = subprocess.Popen([self.build / "src/service/iscsidscd", "--foreground",
                                             "--state-dir", self.dir / "state", "--socket",
                                             self.socket], stderr=log)
        wait(lambda: self.cli("Version").returncode == 0, "the service starts")

    def stop(self):
        self.service.send_signal(signal.SIGTERM)
        status = self.service.wait(timeout=30)
        check(status == 0, f"the service ended with {status}")

    def end(self):
        for process in (self.service, self.isnsd.process):
            if process.poll() is None:
                process.kill()
                process.wait()

    def cli(self, *words):
        return subprocess.run([self.build / "src/cli/iscsicli", *map(str, words)], timeout=600,
                              capture_output=True, text=True,
                              env={**os.environ, "ISCSIDSC_SOCKET": str(self.socket)})

    def good(self, *words):
        done = self.cli(*words)
        check(done.returncode == 0, f"{words}: {done.stdout}")
        return done.stdout

    def targets(self):
        return [line.strip() for line in self.good("ListTargets").splitlines()
                if line.startswith("    ")]


ONE, TWO = "iqn.2026-11.test:disk1", "iqn.2026-11.test:disk2"


def query(bed):
    """Registered, found, with portals and groups; seen by the server as an initiator."""
    bed.isnsd.register(ONE)
    bed.good("AddiSNSServer", bed.isnsd.at)
    check(bed.targets() == [ONE], bed.targets())
    out = bed.good("TargetInfo", ONE, f"iSNS:{bed.isnsd.at}")
    check("127.0.0.1 3260" in out and "127.0.0.2 3260" in out and "2 portals" not in out, out)
    check(ME in bed.isnsd.nodes(), bed.isnsd.nodes())


def notification(bed):
    """A new target, and one that goes, are followed without being asked."""
    query(bed)
    time.sleep(0.5)
    begin = time.monotonic()
    bed.isnsd.register(ONE, TWO)
    wait(lambda: TWO in bed.targets(), "the new target", 10)
    print(f"    a new target was there after {time.monotonic() - begin:.1f} s")
    bed.isnsd.admin("--deregister", f"iscsi-name={TWO}")
    wait(lambda: TWO not in bed.targets(), "the target that went", 10)


def restart(bed):
    """Killed and started, with its database and without: we register again and ask again."""
    query(bed)
    bed.isnsd.kill()
    time.sleep(1)
    check(bed.targets() == [ONE], "what it told stays")
    check(bed.cli("RefreshiSNSServer", bed.isnsd.at).returncode == 10061 & 0xff, "refused")
    bed.isnsd.start()
    bed.isnsd.register(ONE, TWO)
    wait(lambda: TWO in bed.targets(), "after the restart")
    bed.isnsd.kill()
    bed.isnsd.forget()
    bed.isnsd.start()
    bed.isnsd.register(TWO)
    wait(lambda: bed.targets() == [TWO], "after it has forgotten all")
    check(ME in bed.isnsd.nodes(), "we are registered again")


def thousands(bed):
    """More than it can tell at once."""
    names = [f"iqn.2026-11.test:many-{number:05}" for number in range(bed.many)]
    bed.isnsd.register_many(names)
    begin = time.monotonic()
    bed.good("AddiSNSServer", bed.isnsd.at)
    print(f"    {bed.many} targets after {time.monotonic() - begin:.1f} s")
    begin = time.monotonic()
    check(sorted(bed.targets()) == names, len(bed.targets()))
    check(time.monotonic() - begin < 2, "listing them is slow")
    out = bed.good("TargetInfo", names[-1], f"iSNS:{bed.isnsd.at}")
    check("127.0.0.3 3260" in out, out)


def several(bed):
    """Two servers: a record for each; one that is away takes nothing from the other."""
    query(bed)
    other = Isnsd(bed.dir / "other")
    try:
        other.register(ONE, TWO)
        bed.good("AddiSNSServer", other.at)
        check(bed.targets() == [ONE, TWO], bed.targets())
        check(bed.good("TargetInfo", ONE).count("iSNS:") == 2, "two records")
        other.kill()
        bed.good("RefreshiSNSServer", bed.isnsd.at)
        check(bed.targets() == [ONE, TWO], bed.targets())
    finally:
        other.kill()


def farewell(bed):
    """A stop, a new name and a removal take our registration back."""
    query(bed)
    bed.good("NodeName", ME + "-b")
    wait(lambda: ME + "-b" in bed.isnsd.nodes(), "the new name")
    wait(lambda: ME not in bed.isnsd.nodes().replace(ME + "-b", ""), "without the old one")
    bed.good("NodeName", ME)
    wait(lambda: ME + "-b" not in bed.isnsd.nodes(), "and back")
    bed.stop()
    check(ME not in bed.isnsd.nodes(), "a stop")
    bed.start()
    wait(lambda: bed.targets() == [ONE], "stored")
    bed.good("RemoveiSNSServer", bed.isnsd.at)
    wait(lambda: ME not in bed.isnsd.nodes(), "a removal")
    check(bed.targets() == [ONE], "its targets stay")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--full", action="store_true", help="more targets")
    parser.add_argument("--many", type=int, help="so many targets")
    parser.add_argument("names", nargs="*", help="only these scenarios")
    args = parser.parse_intermixed_args()
    os.environ["PATH"] += ":/usr/sbin"
    if not shutil.which("isnsd") or not shutil.which("isnsadm"):
        print("open-isns is not installed")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    passed = failed = 0
    for scenario in (query, notification, restart, thousands, several, farewell):
        if args.names and scenario.__name__ not in args.names:
            continue
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="iscsidsc-isnsd-", dir=MEMORY) as folder:
            bed = None
            try:
                bed = Bed(args.build, folder,
                          args.many or (MANY_FULL if args.full else MANY))
                scenario(bed)
                if bed.service.poll() is None:
                    bed.stop()
                passed += 1
                print(f"  ok   {scenario.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
            except (Failed, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"  FAIL {scenario.__name__}: {e}")
                print((pathlib.Path(folder) / "log").read_text()[-2000:], flush=True)
            finally:
                if bed:
                    bed.end()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
