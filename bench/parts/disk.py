"""disk - fio's NBD client on our disk and on qemu-nbd with qemu's iscsi driver (libiscsi)."""
import contextlib
import json
import os

from core import Bed, Goal, Unable, wait_for
from bed import Service, nbd_uri

ABOUT = "through NBD: iscsidscd against qemu-nbd with libiscsi"

METRICS = ["ops per second", "ops per CPU second"]
SIZES = {"4 KiB": 4096, "128 KiB": 1 << 17}
QEMU = "qemu-nbd, libiscsi"

GOALS = [
    goal
    for size in SIZES for op in ("read", "write") for goal in (
        Goal(f"through NBD, {size} {op}, depth 32: operations per second, ours / qemu-nbd", "disk",
             f"{size} {op}, depth 32", "ops per second", 1.5, QEMU),
        Goal(f"through NBD, {size} {op}, depth 32: operations per CPU second, ours / qemu-nbd", "disk",
             f"{size} {op}, depth 32", "ops per CPU second", 2.0, QEMU))
]


def cpu_of(pid):
    """User and system seconds that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        words = f.read().rsplit(")", 1)[1].split()
    tick = os.sysconf("SC_CLK_TCK")
    return int(words[11]) / tick, int(words[12]) / tick


class Disk:
    """An NBD socket and the process behind it."""

    def __init__(self, bench, path, pid):
        self.bench, self.path, self.pid = bench, path, pid

    def fio(self, op, size, depth):
        """Loads it; a result as a load generator gives it, CPU being that of the process. fio
        shares the target's processor, and is as urgent: it is the same for both."""
        seconds = 2 * self.bench.seconds
        argv = [self.bench.tool("taskset"), "-c", str(self.bench.cpu_target), "fio", "--thread",
                "--name=disk", "--ioengine=nbd", f"--uri={nbd_uri(self.path)}", f"--rw=rand{op}",
                f"--bs={size}", f"--iodepth={depth}", "--size=64M", "--time_based", "--randrepeat=0",
                f"--runtime={seconds}", "--norandommap", "--output-format=json"]
        before = cpu_of(self.pid)
        out = self.bench.output(argv, 60)
        after = cpu_of(self.pid)
        job = json.loads(out[out.index("{"):])["jobs"][0][op]
        latency = job["clat_ns"]["percentile"]
        return {"ops": job["total_ios"], "bytes": job["io_bytes"], "seconds": job["runtime"] / 1000,
                "cpu_user": after[0] - before[0], "cpu_sys": after[1] - before[1], "errors": 0,
                "lat_p50_us": latency["50.000000"] / 1000, "lat_p99_us": latency["99.000000"] / 1000}


@contextlib.contextmanager
def ours(bench, server):
    with Bed(bench.build) as bed:
        service = Service(bed)
        cli = service.cli
        bench.pin(service.daemon.process.pid, bench.cpu_ours)
        cli.discover(*server.portals[0])
        session = cli.login(server.iqn)
        path = wait_for("a disk", lambda: cli.session().disks and cli.disk())
        yield Disk(bench, path, service.daemon.process.pid)
        cli.logout(session)


@contextlib.contextmanager
def qemu(bench, server):
    with Bed(bench.build) as bed:
        path = bed.path("qemu.nbd")
        host, port = server.portals[0]
        daemon = bed.daemon("qemu-nbd", [
            bench.tool("taskset"), "-c", str(bench.cpu_ours), bench.tool("qemu-nbd"), "-k", path,
            "-f", "raw", "--cache=none", "--persistent", "--shared=4",
            f"iscsi://{host}:{port}/{server.iqn}/{server.lun}"])
        wait_for("qemu-nbd", lambda: os.path.exists(path) or not daemon.alive())
        if not daemon.alive():
            raise Unable(f"qemu-nbd (qemu-block-extra): {daemon.log().strip()[-300:]}")
        yield Disk(bench, path, daemon.process.pid)


def compete(bench, a, b, depths):
    for size, blocks in SIZES.items():
        for op in ("read", "write"):
            for depth in depths:
                yield from bench.pairs(
                    "disk", f"{size} {op}, depth {depth}", METRICS + ["latency p99"],
                    lambda a=a: a.fio(op, blocks, depth), lambda b=b: b.fio(op, blocks, depth), QEMU,
                    repeat=None if bench.full else 3)


def run(bench):
    with bench.lean_target() as server, ours(bench, server) as a, qemu(bench, server) as b:
        yield from compete(bench, a, b, (1, 32, 128) if bench.full else (32,))
