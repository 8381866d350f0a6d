"""targets - the foreign targets, started for real: istgt, tgt, and LIO in user-mode Linux.

Each has the same three targets (`open`, `chap`, `mutual`), the same secrets, and says what it can
in `can`; scenarios ask for that.
"""
import os
import shutil
import signal
import tempfile
import time

from bed import Failed, Unable, free_port, port_open, run, run_ok, wait_for
from links import Links, inside

NODE = "iqn.2026-11.test"
USER, SECRET = "user1", "secret-secret1"
TARGET_USER, TARGET_SECRET = "tuser", "target-secret3"
LOOPBACK = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")


def placed(links, hosts):
    """Where a target lives that is reached by links, if any: (links, namespace, its addresses)."""
    return (links, links.target, links.hosts) if links else (None, None, hosts)


def listening(namespace, host, port):
    """Does something listen there?"""
    if namespace is None:
        return port_open(host, port)
    return f"{host}:{port}" in run([*inside(namespace), "ss", "-Htln", f"sport = :{port}"]).stdout


class Target:
    """What scenarios see of a target."""

    kind = ""
    can = frozenset()
    disks = 0          # disk LUNs of `open`
    first_disk = 0     # LUN number of the first of them
    durable = 0        # LUN number of one that still has its bytes after a kill()
    namespace = None   # where an initiator has to be to reach it
    portals = ()       # of one portal group, (host, port)
    max_connections = 8

    def name(self, which="open"):
        return f"{NODE}:{which}"

    def kill(self):
        """Ends it without a word to anybody."""
        self.stop()

    def died(self):
        """Why the target is not there any more; "" if it is."""
        return ""

    def revive(self):
        """Before each scenario: a target that died of the last one is started again."""


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Unable(f"{name} is not installed (./dev deps)")
    return path


class Istgt(Target):
    kind = "istgt"
    can = frozenset("mcs chap mutual digests luns kill restart long-challenge initiator-ports".split())
    disks = 2

    CONFIG = """\
[Global]
  NodeBase "{node}"
  PidFile {dir}/istgt.pid
  AuthFile {dir}/auth.conf
  MediaDirectory {dir}/media
  LogFacility "local7"
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod None
  MaxSessions 16
  MaxConnections {connections}
  MaxR2T 32
  MaxOutstandingR2T 16
  DefaultTime2Wait 2
  DefaultTime2Retain 60
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
  DataPDUInOrder Yes
  DataSequenceInOrder Yes
  ErrorRecoveryLevel 0
[UnitControl]
  AuthMethod None
  Portal UC1 127.0.0.1:{control}
  Netmask 127.0.0.1
[PortalGroup1]
{portals}
[PortalGroup2]
  Portal DB1 {other[0]}:{other[1]}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask ALL
[LogicalUnit1]
  TargetName open
  TargetAlias "open"
  Mapping PortalGroup1 InitiatorGroup1
  Mapping PortalGroup2 InitiatorGroup1
  AuthMethod None
  UseDigest Auto
  UnitType Disk
  UnitInquiry "ISTGT" "iSCSI Disk" "0123" "10000001"
  QueueDepth 32
  LUN0 Storage {dir}/media/open0.img 64MB
  LUN1 Storage {dir}/media/open1.img 32MB
[LogicalUnit2]
  TargetName chap
  TargetAlias "chap"
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod CHAP
  AuthGroup AuthGroup1
  UseDigest Auto
  UnitType Disk
  UnitInquiry "ISTGT" "iSCSI Disk" "0123" "10000002"
  QueueDepth 32
  LUN0 Storage {dir}/media/chap.img 32MB
[LogicalUnit3]
  TargetName mutual
  TargetAlias "mutual"
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod CHAP Mutual
  AuthGroup AuthGroup1
  UseDigest Auto
  UnitType Disk
  UnitInquiry "ISTGT" "iSCSI Disk" "0123" "10000003"
  QueueDepth 32
  LUN0 Storage {dir}/media/mutual.img 32MB
"""

    def __init__(self, bed, hosts=LOOPBACK, links=None, connections=8, port=None):
        self.bed = bed
        self.links, self.home, hosts = placed(links, hosts)
        self.namespace = links and links.initiator
        if links:
            self.port, control, other = 3260, 3261, (hosts[0], 3262)
        else:
            self.port = port or free_port(hosts, also=2)
            control, other = self.port + 1, (hosts[0], self.port + 2)
        self.portals = [(host, self.port) for host in hosts]
        self.other_group = other
        self.max_connections = connections
        self.dir = bed.path("istgt")
        os.makedirs(os.path.join(self.dir, "media"))
        bed.write("istgt/auth.conf",
                  f'[AuthGroup1]\n  Auth "{USER}" "{SECRET}" "{TARGET_USER}" "{TARGET_SECRET}"\n'
                  '[AuthGroup10000]\n  Auth "ctluser" "testtesttest" "mutualuser" "mutualsecret"\n',
                  0o600)
        self.config = bed.write("istgt/istgt.conf", self.CONFIG.format(
            node=NODE, dir=self.dir, connections=connections, control=control, other=other,
            portals="\n".join(f"  Portal DA{i} {h}:{p}" for i, (h, p) in enumerate(self.portals, 1))))
        self.daemon = None
        self.start()

    def start(self):
        self.daemon = self.bed.daemon("istgt.out", [
            *inside(self.home), program("istgt"), "-D", "-c", self.config])

        def ready():
            if not self.daemon.alive():
                raise Failed(f"istgt ended: {self.daemon.log()[-500:]}")
            return all(listening(self.home, *portal) for portal in self.portals)

        wait_for("istgt", ready)

    def stop(self):
        # SIGTERM takes it two seconds; it keeps nothing that would be lost.
        self.daemon.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()


class Tgt(Target):
    kind = "tgt"
    can = frozenset("mcs chap mutual digests luns no-limit security-join kill restart".split())
    disks = 2
    first_disk = 1
    durable = 1

    def __init__(self, bed, hosts=LOOPBACK, links=None):
        self.bed = bed
        self.links, self.home, hosts = placed(links, hosts)
        self.namespace = links and links.initiator
        self.port = 3260 if links else free_port(hosts)
        self.portals = [(host, self.port) for host in hosts]
        self.daemon = None
        for i in range(1, 5):
            with open(bed.path(f"tgt{i}.img"), "wb") as f:
                f.truncate(32 << 20)
        self.env = {"TGT_IPC_SOCKET": bed.path("tgt.ctl")}
        self.start()
        bed.at_end(self.stop)

    def admin(self, *words):
        # Its control number only names a file that TGT_IPC_SOCKET replaces.
        run_ok([program("tgtadm"), "--lld", "iscsi", *map(str, words)],
               env={**os.environ, **self.env})

    def start(self):
        self.daemon = self.bed.daemon("tgtd", [
            *inside(self.home), program("tgtd"), "-f", "--iscsi",
            f"portal={self.portals[0][0]}:{self.port}"], env=self.env)

        def ready():
            if not self.daemon.alive():
                raise Failed(f"tgtd ended: {self.daemon.log()[-500:]}")
            return listening(self.home, *self.portals[0])

        wait_for("tgtd", ready)
        for host, port in self.portals[1:]:
            self.admin("--op", "new", "--mode", "portal", "--param", f"portal={host}:{port}")
        for tid, (which, disks) in enumerate({"open": 2, "chap": 1, "mutual": 1,
                                              "single": 1}.items(), 1):
            self.admin("--op", "new", "--mode", "target", "--tid", tid, "-T", self.name(which))
            for lun in range(1, disks + 1):
                image = self.bed.path(f"tgt{lun if which == 'open' else min(tid + 1, 4)}.img")
                self.admin("--op", "new", "--mode", "logicalunit", "--tid", tid, "--lun", lun,
                           "-b", image)
            self.admin("--op", "bind", "--mode", "target", "--tid", tid, "-I", "ALL")
            # `single` keeps the default MaxConnections of 1, which tgt does not enforce.
            if which != "single":
                self.admin("--op", "update", "--mode", "target", "--tid", tid,
                           "--name", "MaxConnections", "--value", 8)
            for digest in ("HeaderDigest", "DataDigest"):
                self.admin("--op", "update", "--mode", "target", "--tid", tid,
                           "--name", digest, "--value", "CRC32C,None")
        for user, secret in ((USER, SECRET), (TARGET_USER, TARGET_SECRET)):
            self.admin("--op", "new", "--mode", "account", "--user", user, "--password", secret)
        for tid in (2, 3):
            self.admin("--op", "bind", "--mode", "account", "--tid", tid, "--user", USER)
        self.admin("--op", "bind", "--mode", "account", "--tid", 3, "--user", TARGET_USER,
                   "--outgoing")

    def stop(self):
        # SIGTERM does not stop it; its own way asks for every target to be deleted first.
        self.daemon.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        for leftover in ("tgt.ctl", "tgt.ctl.lock"):
            if os.path.exists(self.bed.path(leftover)):
                os.unlink(self.bed.path(leftover))
        self.start()


class Lio(Target):
    """The kernel's target, in a user-mode Linux guest behind two links. It negotiates levels 0 to 2."""

    kind = "lio"
    can = frozenset("mcs chap mutual digests luns initiator-ports kill levels".split())
    disks = 3
    durable = 1  # a file of the host, written through
    max_connections = 16
    portals = (("10.99.0.2", 3260), ("10.99.1.2", 3260), ("10.99.0.2", 3261), ("10.99.1.2", 3261))
    MODULES = ("configfs,target_core_mod,target_core_file,iscsi_target_mod,crc32c_generic,"
               "sch_netem")

    def __init__(self, bed):
        if os.geteuid() != 0:
            raise Unable("LIO in user-mode Linux needs root, for a network namespace with taps")
        self.linux = program("linux.uml")
        if not os.path.exists("/dev/net/tun"):
            raise Unable("no /dev/net/tun here")
        self.bed = bed
        self.links = Links(bed, 2, taps=True)
        self.namespace, self.home = self.links.initiator, self.links.middle
        self.work = bed.path("guest")
        os.mkdir(self.work)
        # Every write is synchronous: in the host's memory that is quick, and outlives the guest as well.
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else bed.dir
        self.store = tempfile.mkdtemp(prefix="iscsidsc-bed-", dir=memory)
        bed.at_end(lambda: shutil.rmtree(self.store, ignore_errors=True))
        here = os.path.dirname(os.path.abspath(__file__))
        for script in ("lio-setup.sh", "lio-guest.sh", "uml-init.sh"):
            shutil.copy(os.path.join(here, script), self.work)
            os.chmod(os.path.join(self.work, script), 0o755)
        self.daemon = None
        self.start()
        self.bed.at_end(self.stop)

    def file(self, name):
        return os.path.join(self.work, name)

    def start(self):
        for name in ("ready", "rc", "stop", "do", "did"):
            if os.path.exists(self.file(name)):
                os.unlink(self.file(name))
        self.daemon = self.bed.daemon("uml", [
            *inside(self.home), self.linux, "mem=768M", "rootfstype=hostfs",
            "root=/dev/root", "rootflags=/", "ro", f"init={self.work}/uml-init.sh",
            f"UML_WORK={self.work}", f"UML_STORE={self.store}", "UML_SCRIPT=lio-guest.sh",
            f"UML_MODS={self.MODULES}",
            "con=null", "con0=null,fd:1",
            # An address of its own each time would be a new machine, which its neighbours find out late.
            *(f"vec{i}:transport=tap,ifname=b{i},depth=128,gro=1,mac=02:00:00:00:00:0{i}" for i in (0, 1)),
            "panic=1"],
            env={"LD_PRELOAD": os.path.join(self.bed.build, "test/interop/uml_xstate.so")})

        def ready():
            if os.path.exists(self.file("rc")) or not self.daemon.alive():
                raise Failed(f"the guest ended: {self.out()}{self.daemon.log()[-800:]}")
            return os.path.exists(self.file("ready"))

        wait_for("the user-mode Linux guest", ready, 60)

    def died(self):
        if self.daemon.alive():
            return ""
        log = self.daemon.log()
        at = log.rfind("Kernel panic")
        return f"the guest died: {log[at:at + 200].splitlines()[0] if at >= 0 else 'no panic is seen'}"

    def revive(self):
        if self.died():
            self.start()

    def guest(self, script, seconds=20):
        """Runs a script in the guest; it has to succeed. Returns its output."""
        if os.path.exists(self.file("did")):
            os.unlink(self.file("did"))
        with open(self.file("do.new"), "w", encoding="utf-8") as f:
            f.write(script)
        os.rename(self.file("do.new"), self.file("do"))
        wait_for("the guest's answer", lambda: os.path.exists(self.file("did")) or self.died(),
                 seconds)
        if self.died():
            raise Failed(self.died())
        with open(self.file("did"), encoding="utf-8", errors="replace") as f:
            out = f.read()
        if not out.endswith("status 0\n"):
            raise Failed(f"in the guest: {script}: {out[-300:]}")
        return out

    def delay(self, what):
        """netem on all its links, with what `tc` wants to hear; "" ends it. A restart keeps it."""
        with open(self.file("weather"), "w", encoding="utf-8") as f:
            f.write(f"netem {what}" if what else "")
        for i in range(self.links.count):
            self.guest(f"tc qdisc replace dev vec{i} root {'netem ' + what if what else 'pfifo'}")

    def out(self):
        if not os.path.exists(self.file("out.log")):
            return ""
        with open(self.file("out.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self):
        with open(self.file("stop"), "w", encoding="utf-8"):
            pass
        end = time.monotonic() + 10
        while self.daemon.alive() and time.monotonic() < end:
            time.sleep(0.1)
        self.daemon.kill()

    def kill(self):
        self.daemon.kill()

    def restart(self):
        """A fresh guest: what a test did to the old one's kernel is gone."""
        self.stop()
        self.start()


KINDS = {"istgt": Istgt, "tgt": Tgt, "lio": Lio}
