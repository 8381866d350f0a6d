"""ipsec_world - what a scenario of IPsec stands on: the two ends, a target, our service and a program
that calls the library.
"""
import os
import shutil
import signal
import subprocess
import types

from bed import Failed, Load, Service, check, run, wait_for
from faults import living, show
from ipsec_bed import KEY, PORT, GuestLio, Pair, conn
from nbd import Nbd
from targets import Istgt

VALID, IPSEC, MAIN, AGGRESSIVE, PFS, TRANSPORT, TUNNEL = (1 << i for i in range(7))
ASKED = VALID | IPSEC
REQUIRE_IPSEC = 1  # a login flag

INVALID_PARAMETER = 87
NOT_SUPPORTED_ON_OS = 0xEFFF0046
FAILED_TO_CONFIGURE = 0xEFFF0053

PREFIX = "iscsidsc-"  # of all names that the service gives to charon


def key_word(key):
    """A key as the program wants to hear it: in hexadecimal, for it may hold anything."""
    return (key if isinstance(key, bytes) else key.encode()).hex() if key else "-"


class Program:
    """test/interop/ipsec_add.c: makes one call a line."""

    def __init__(self, bed, end, path):
        self.process = subprocess.Popen(
            [*end.inside(), os.path.join(bed.build, "test/interop/ipsec_add")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "ISCSIDSC_SOCKET": path,
            "LD_LIBRARY_PATH": os.path.join(bed.build, "src/client")})
        bed.at_end(self.end)
        self.took = 0.0  # milliseconds of the last call

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()

    def begin(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def result(self):
        """(status, the other words) of the call that was begun."""
        line = self.process.stdout.readline().split()
        check(len(line) >= 2, f"the program said {line}")
        self.took = float(line[1])
        return int(line[0], 16), line[2:]

    def call(self, *words):
        self.begin(*words)
        return self.result()

    def good(self, *words):
        status, more = self.call(*words)
        check(status == 0, f"{words[0]} with flags {words[4] if len(words) > 4 else ''}: {status:#x}")
        return more

    def bad(self, code, *words):
        status, _ = self.call(*words)
        check(status == code, f"{' '.join(map(str, words[:5]))}: {status:#x} instead of {code:#x}")


class World:
    """Both ends, their charons and a target: they stay. `fresh` gives a scenario its own service."""

    def __init__(self, bed, kernel, lio):
        self.bed, self.kernel, self.lio = bed, kernel, lio
        self.pair = Pair(bed, kernel)
        self.near, self.far = self.pair.near, self.pair.far
        self.pair.charons()
        links = types.SimpleNamespace(target=self.far.namespace, initiator=self.near.namespace,
                                      hosts=[self.far.address, self.far.inner, *self.far.spare])
        self.target = GuestLio(self.pair) if lio else Istgt(bed, links=links)
        self.service = self.program = self.cli = None
        self.hosts, self.host = [], self.far.address
        self.scene = bed
        self.last_log = ""

    def fresh(self, bed):
        """Everything as on a new machine, in the scenario's own bed."""
        self.scene = bed
        self.hosts_again()
        if not self.lio and not self.target.daemon.alive():
            self.target.start()
        self.pair.charons()
        self.pair.clear()
        bed.at_end(self.log_keep)
        self.service_start()

    def log_keep(self):
        """The end of the service's log, for when the scenario's folder is gone."""
        with open(self.scene.path("service.log"), encoding="utf-8", errors="replace") as f:
            self.last_log = "".join(f"    service: {line}" for line in f.readlines()[-14:])

    def service_start(self):
        if self.service is None or self.service.bed is not self.scene:
            # A loss is soon made good.
            self.service = Service(self.scene, namespace=self.near.namespace,
                                   settings={"retry-time": 1, "ping-idle": 2, "ping-wait": 2},
                                   more=("--charon", self.near.socket))
        else:
            self.service.start()
        self.cli = self.service.cli
        # Known without discovery, so that nothing has gone to its portal before.
        if self.target.name() not in self.cli.targets():
            self.cli("QAddTarget", self.target.name(), self.far.address)
        self.program = Program(self.scene, self.near, self.service.socket)

    # the peer

    def next_host(self):
        """A portal that nothing is known of yet: what was there stays for a while."""
        self.host = self.hosts.pop(0)

    def hosts_again(self):
        self.hosts = [self.far.address, *self.far.spare]
        self.next_host()

    def peer(self, key=KEY, name=None, owners=None, **more):
        """What the target's charon accepts at the portal of the day. In the guest with LIO it sends nothing
        in the clear either: without a trap, IKEv1 leaves a moment in which it may."""
        plain = self.host in (self.far.address, *self.far.spare)
        if self.lio:
            more["child"] = {"start_action": "trap", **more.get("child", {})}
        self.far.load(name or f"peer-{self.host}", conn(
            self.far, self.near, portal=self.host if plain and not more.get("six") else None, **more), key,
            owners or [self.host, self.far.address, self.near.address, self.near.six])

    def watch(self, **more):
        return self.pair.watch(bed=self.scene, **more)

    # calls

    def login_words(self, flags=0, key=None, require=0, host=None, target="open"):
        return ("login", self.target.name(target), host or self.host, PORT, hex(flags), key_word(key),
                require)

    def login(self, flags=0, key=None, require=0, **more):
        """Logs in; returns the session."""
        return self.program.good(*self.login_words(flags, key, require, **more))[0]

    def refused(self, code, flags=0, key=None, require=0, **more):
        """A login that has to fail, and leaves nothing."""
        self.program.bad(code, *self.login_words(flags, key, require, **more))
        check(not self.cli.sessions(), "a refused login left a session")
        return self.program.took / 1000

    def add_words(self, session, flags=0, key=None, require=0, host=None):
        return ("add", session, host or self.host, PORT, hex(flags), key_word(key), require)

    def add(self, session, flags=0, key=None, require=0, **more):
        return self.program.good(*self.add_words(session, flags, key, require, **more))[0]

    def four(self, flags=0, key=None, **more):
        """A session of four connections."""
        session = self.login(flags, key, **more)
        for _ in range(3):
            self.add(session, flags, key, **more)
        check(living(self.cli) == 4, f"{living(self.cli)} connections instead of 4")
        return session

    def logout(self, session):
        self.program.good("logout", session)

    # what is seen

    def disk(self):
        wait_for("a disk", lambda: self.cli.session().disks, 20)
        return self.cli.disk()

    def copy(self, mib=2):
        """Writes and reads back; every connection has to carry some of it."""
        data = os.urandom(mib << 20)
        with Nbd(self.disk()) as disk:
            disk.write(0, data)
            check(disk.read(0, len(data)) == data, "what was read back is not what was written")
        moved = [c["data_in"] + c["data_out"] for c in show(self.cli)["connections"]]
        check(all(moved), f"connections carried {moved}")

    def load(self, seconds, **more):
        return Load(self.scene, self.disk(), seconds, size="8M", depth=8, **more)

    def ours(self):
        """The SAs that are the service's: (IKE SA, its children that are up)."""
        if not self.near.charon_alive():
            return []
        return [(sa, [c for c in sa.get("child-sas", {}).values() if c["state"] == "INSTALLED"])
                for name, sa in self.near.sas() if name.startswith(PREFIX)]

    def children(self):
        return [child for _, children in self.ours() for child in children]

    def one_sa(self):
        """The only SA of the service with this portal, and its only child."""
        found = [pair for pair in self.ours() if pair[0]["remote-host"] == self.host]
        check(len(found) == 1 and len(found[0][1]) == 1,
              f"the service has {[len(children) for _, children in found]} children in its SAs")
        return found[0][0], found[0][1][0]

    def nothing_left(self, seconds=5.0):
        """Whatever the service had given to charon is gone."""
        def left():
            with self.near.vici() as v:
                return ([name for name, _ in v.conns() if name.startswith(PREFIX)] +
                        [k for k in v.do("get-shared").get("keys", []) if k.startswith(PREFIX)] +
                        [name for name, _ in v.sas() if name.startswith(PREFIX)])
        try:
            wait_for("nothing left", lambda: not left(), seconds)
        except Failed as e:
            raise Failed(f"still with charon: {left()}") from e
        # charon's own sockets have policies, too. A kernel without ESP may know them nevertheless.
        for what in (("state", "list"), ("policy", "list", "nosock")):
            out = run([*self.near.inside(), "ip", "xfrm", *what]).stdout
            check(not out.strip(), f"still in the kernel: {out[:300]}")

    def secret_kept(self, *keys):
        """Keys are in no file of the service, its log included, nor in charon's log."""
        for folder in (self.scene.path("service.state"), self.scene.path("service.log"),
                       self.bed.path("near.charon")):
            for key in keys:
                found = subprocess.run(["grep", "-rqaF", key, folder], check=False).returncode == 0
                check(not found, f"a key is to be read in {folder}")

    def whole(self, count=4, seconds=40):
        """All connections are there and carry data."""
        wait_for(f"{count} connections", lambda: living(self.cli) == count, seconds, 0.2)

    def says(self, text, seconds=5):
        """The service's log has a line with this (a pattern without regard to case)."""
        import re
        wait_for(f"'{text}' in the service's log",
                 lambda: re.search(text, self.service.daemon.log(), re.I), seconds)

    def charon_back(self):
        self.near.charon_start()

    def service_restart(self):
        check(self.service.daemon.stop(seconds=20) == 0, "the service ended badly")
        self.program.end()
        self.service_start()

    def service_kill(self):
        self.service.kill()
        self.program.end()


def copied(build, folder):
    """The programs that a test needs of a build, where a guest sees them."""
    for name in ("src/service/iscsidscd", "src/cli/iscsicli", "src/client/libiscsidsc.so.0",
                 "test/interop/ipsec_add"):
        os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
        shutil.copy(os.path.join(build, name), os.path.join(folder, name))


__all__ = ["World", "VALID", "IPSEC", "MAIN", "AGGRESSIVE", "PFS", "TRANSPORT", "TUNNEL", "ASKED",
           "REQUIRE_IPSEC", "INVALID_PARAMETER", "NOT_SUPPORTED_ON_OS", "FAILED_TO_CONFIGURE", "KEY",
           "PORT", "PREFIX", "check", "signal", "copied", "key_word"]
