"""targets - the foreign targets, started for real: istgt, tgt, and LIO in user-mode Linux.

Each has the same three targets (`open`, `chap`, `mutual`), the same secrets, and says what it can
in `can`; scenarios ask for that.
"""
import os
import shutil
import signal
import time

from bed import Failed, Unable, free_port, port_open, run, run_ok, wait_for

NODE = "iqn.2026-11.test"
USER, SECRET = "user1", "secret-secret1"
TARGET_USER, TARGET_SECRET = "tuser", "target-secret3"
LOOPBACK = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")


class Target:
    """What scenarios see of a target."""

    kind = ""
    can = frozenset()
    disks = 0          # disk LUNs of `open`
    first_disk = 0     # LUN number of the first of them
    namespace = None   # where an initiator has to be to reach it
    interface = "lo"
    portals = ()       # of one portal group, (host, port)
    max_connections = 8

    def name(self, which="open"):
        return f"{NODE}:{which}"

    def revive(self):
        """Before each scenario: a target that died of the last one is started again."""


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Unable(f"{name} is not installed (./dev deps)")
    return path


class Istgt(Target):
    kind = "istgt"
    can = frozenset("mcs chap mutual digests luns restart long-challenge initiator-ports".split())
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

    def __init__(self, bed, hosts=LOOPBACK, namespace=None, connections=8, port=None):
        self.bed = bed
        self.namespace = namespace
        if namespace:
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
        prefix = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        self.daemon = self.bed.daemon("istgt.out", [*prefix, program("istgt"), "-D", "-c", self.config])

        def ready():
            if not self.daemon.alive():
                raise Failed(f"istgt ended: {self.daemon.log()[-500:]}")
            if self.namespace:
                return str(self.port) in run(
                    [*prefix, "ss", "-Htln", f"sport = :{self.port}"]).stdout
            return all(port_open(*portal) for portal in self.portals)

        wait_for("istgt", ready)

    def stop(self):
        # SIGTERM takes it two seconds; it keeps nothing that would be lost.
        self.daemon.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()


class Tgt(Target):
    kind = "tgt"
    can = frozenset("mcs chap mutual digests luns no-limit security-join restart".split())
    disks = 2
    first_disk = 1

    def __init__(self, bed, hosts=LOOPBACK):
        self.bed = bed
        self.port = free_port(hosts)
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
            program("tgtd"), "-f", "--iscsi", f"portal={self.portals[0][0]}:{self.port}"], env=self.env)

        def ready():
            if not self.daemon.alive():
                raise Failed(f"tgtd ended: {self.daemon.log()[-500:]}")
            return port_open(*self.portals[0])

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
    """The kernel's target, in a user-mode Linux guest behind two taps of a network namespace."""

    kind = "lio"
    can = frozenset("mcs chap mutual digests luns initiator-ports".split())
    disks = 3
    interface = "tap0"
    portals = (("10.99.0.2", 3260), ("10.99.1.2", 3260), ("10.99.0.2", 3261), ("10.99.1.2", 3261))
    MODULES = "configfs,target_core_mod,target_core_file,iscsi_target_mod,crc32c_generic"

    def __init__(self, bed):
        if os.geteuid() != 0:
            raise Unable("LIO in user-mode Linux needs root, for a network namespace with taps")
        linux = program("linux.uml")
        if not os.path.exists("/dev/net/tun"):
            raise Unable("no /dev/net/tun here")
        self.bed = bed
        self.namespace = f"ii-{os.getpid()}"
        self.work = bed.path("guest")
        os.mkdir(self.work)
        here = os.path.dirname(os.path.abspath(__file__))
        for script in ("lio-setup.sh", "lio-guest.sh", "uml-init.sh"):
            shutil.copy(os.path.join(here, script), self.work)
            os.chmod(os.path.join(self.work, script), 0o755)
        self.linux = linux
        self.network()
        self.start()

    def start(self):
        for name in ("ready", "rc", "stop"):
            if os.path.exists(os.path.join(self.work, name)):
                os.unlink(os.path.join(self.work, name))
        self.daemon = self.bed.daemon("uml", [
            "ip", "netns", "exec", self.namespace, self.linux, "mem=768M", "rootfstype=hostfs",
            "root=/dev/root", "rootflags=/", "ro", f"init={self.work}/uml-init.sh",
            f"UML_WORK={self.work}", "UML_SCRIPT=lio-guest.sh", f"UML_MODS={self.MODULES}",
            "con=null", "con0=null,fd:1",
            *(f"vec{i}:transport=tap,ifname=tap{i},depth=128,gro=1" for i in (0, 1)), "panic=1"],
            env={"LD_PRELOAD": os.path.join(self.bed.build, "test/interop/uml_xstate.so")})
        self.bed.at_end(self.stop)

        def ready():
            if os.path.exists(os.path.join(self.work, "rc")) or not self.daemon.alive():
                raise Failed(f"the guest ended: {self.out()}{self.daemon.log()[-800:]}")
            return os.path.exists(os.path.join(self.work, "ready"))

        wait_for("the user-mode Linux guest", ready, 60)

    def network(self):
        ns = self.namespace
        made = run(["ip", "netns", "add", ns])
        if made.returncode != 0:
            raise Unable(f"no network namespaces here: {made.stderr.strip()}")
        self.bed.at_end(lambda: run(["ip", "netns", "del", ns]))
        run_ok(["ip", "-n", ns, "link", "set", "lo", "up"])
        for i in (0, 1):
            run_ok(["ip", "-n", ns, "tuntap", "add", "dev", f"tap{i}", "mode", "tap"])
            run_ok(["ip", "-n", ns, "addr", "add", f"10.99.{i}.1/24", "dev", f"tap{i}"])
            run_ok(["ip", "-n", ns, "link", "set", f"tap{i}", "up"])

    def revive(self):
        if self.daemon.alive():
            return
        # A panic of the guest's kernel is told, then the rest goes on with a fresh one.
        log = self.daemon.log()
        at = log.rfind("Kernel panic")
        print(f"    the guest had died: {log[at:at + 200].splitlines()[0] if at >= 0 else 'no panic'}")
        self.start()

    def out(self):
        path = os.path.join(self.work, "out.log")
        return open(path, encoding="utf-8", errors="replace").read() if os.path.exists(path) else ""

    def stop(self):
        with open(os.path.join(self.work, "stop"), "w", encoding="utf-8"):
            pass
        end = time.monotonic() + 10
        while self.daemon.alive() and time.monotonic() < end:
            time.sleep(0.1)
        self.daemon.kill()


class Links:
    """Two network namespaces and two links between them: an initiator with two ports."""

    def __init__(self, bed):
        if os.geteuid() != 0:
            raise Unable("two links in network namespaces need root")
        self.initiator, self.target = f"ia-{os.getpid()}", f"ib-{os.getpid()}"
        for ns in (self.initiator, self.target):
            made = run(["ip", "netns", "add", ns])
            if made.returncode != 0:
                raise Unable(f"no network namespaces here: {made.stderr.strip()}")
            bed.at_end(lambda ns=ns: run(["ip", "netns", "del", ns]))
            run_ok(["ip", "-n", ns, "link", "set", "lo", "up"])
        for i in (0, 1):
            run_ok(["ip", "link", "add", f"p{i}", "netns", self.initiator, "type", "veth",
                    "peer", "name", f"p{i}", "netns", self.target])
            for ns, host in ((self.initiator, 1), (self.target, 2)):
                run_ok(["ip", "-n", ns, "addr", "add", f"10.98.{i}.{host}/24", "dev", f"p{i}"])
                run_ok(["ip", "-n", ns, "link", "set", f"p{i}", "up"])


KINDS = {"istgt": Istgt, "tgt": Tgt, "lio": Lio}
