"""core - what the parts of the benchmark stand on: runs in pairs, statistics, targets, pinning.

A figure of this benchmark is a ratio of two things measured by turns in one run: A B B A A B ... The
ratio of a case is the median of the ratios of its rounds, its spread their width. Absolute figures
are printed as medians, for orientation only. The initiator's side is pinned to the first processor
and the target's to the last one, so that neither is measured by the time the other leaves it. For
root both get the highest priority that is not real-time, so that what else the machine does takes
less from them.

A part is a module parts/NAME.py:
    ABOUT = "one line"
    APART = True          if it is left out unless it is named, or all is measured; else not there
    PLOT = False          if its ratios are not to be drawn; else not there
    GOALS = [Goal(...), ...]
    def run(bench): yields the rows that bench.pairs() and its like yield
"""
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "test", "interop"))

from bed import Bed, Failed, Unable, free_port, port_open, wait_for  # noqa: E402
from targets import Istgt, Tgt  # noqa: E402

COLUMNS = ("part", "case", "metric", "unit", "ours", "other", "other_name", "ratio", "spread")


# --- statistics ---------------------------------------------------------------------------------

def ratio_of(pairs):
    """The median of a/b over the pairs, and its spread: (largest - smallest) / median."""
    ratios = [a / b for a, b in pairs if b]
    if not ratios:
        return None, None
    middle = statistics.median(ratios)
    return middle, (max(ratios) - min(ratios)) / middle if middle else None


def spread_of(values):
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else None


def rounds(names, count):
    """Who runs when: each round has all of them, and every second round is backwards (A B B A)."""
    return [list(names) if i % 2 == 0 else list(reversed(names)) for i in range(count)]


# What can be read from a generator's line of JSON: unit, and how.
METRICS = {
    "ops per second": ("1/s", lambda r: r["ops"] / r["seconds"]),
    "bytes per second": ("MB/s", lambda r: r["bytes"] / r["seconds"] / 1e6),
    "ops per CPU second": ("1/s", lambda r: r["ops"] / (r["cpu_user"] + r["cpu_sys"])),
    "CPU per operation": ("us", lambda r: 1e6 * (r["cpu_user"] + r["cpu_sys"]) / r["ops"]),
    "latency p50": ("us", lambda r: r["lat_p50_us"]),
    "latency p99": ("us", lambda r: r["lat_p99_us"]),
}


@dataclasses.dataclass(frozen=True)
class Goal:
    """One line of the table of goals: which row answers it, and what it has to show."""
    measure: str
    part: str
    case: str
    metric: str
    bound: float
    other_name: str = ""     # of the row; "" if it has no other
    least: bool = True       # at least the bound, else at most
    field: str = "ratio"     # of the row: "ratio", or "ours" for an absolute goal
    scale: float = 1.0       # the field times this is what is compared with the bound

    def row(self, rows):
        for row in rows:
            if ((row["part"], row["case"], row["metric"], row["other_name"]) ==
                    (self.part, self.case, self.metric, self.other_name)):
                return row
        return None

    def value(self, rows):
        row = self.row(rows)
        return None if row is None or row[self.field] is None else row[self.field] * self.scale

    def met(self, rows):
        """True, False, or None if it was not measured."""
        value = self.value(rows)
        if value is None:
            return None
        return value >= self.bound if self.least else value <= self.bound


# --- the bench ----------------------------------------------------------------------------------

class Server:
    """A target that was started: where it is, and its process."""

    def __init__(self, portals, iqn, pid, lun=0):
        self.portals, self.iqn, self.pid, self.lun = portals, iqn, pid, lun

    @property
    def portal(self):
        return ",".join(f"{host}:{port}" for host, port in self.portals)

    def words(self):
        """What the load generators want to know of it."""
        return ["--portal", self.portal, "--iqn", self.iqn, "--lun", str(self.lun)]


class Bench:
    def __init__(self, build, full=False, seconds=None, repeat=None, log=None):
        self.build = os.path.abspath(build)
        self.full = full
        self.seconds = seconds or (1.0 if full else 0.5)
        self.repeat = repeat or (7 if full else 5)
        self.log = log or (lambda text: print(text, file=sys.stderr, flush=True))
        self.cpus = sorted(os.sched_getaffinity(0))
        self.cpu_ours, self.cpu_target = self.cpus[0], self.cpus[-1]

    # --- programs

    def program(self, name):
        """A program of the build: NAME in bench/, bench/target/, or a path inside the build."""
        for path in (name, f"bench/{name}", f"bench/target/{name}", f"src/service/{name}",
                     f"src/cli/{name}"):
            if os.access(os.path.join(self.build, path), os.X_OK | os.R_OK):
                full = os.path.join(self.build, path)
                if os.path.isfile(full):
                    return full
        raise Unable(f"{name} was not built")

    @staticmethod
    def tool(name):
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not path:
            raise Unable(f"{name} is not installed")
        return path

    def load(self, which, *words, server=None, op="randread", size=4096, depth=32, connections=1,
             cpu=None, seconds=None):
        """The command line of a load generator: which is engine, libiscsi or socket."""
        at = server.words() if server else []
        return [self.program(f"load_{which}"), *at, "--op", op, "--size", str(size),
                "--depth", str(depth), "--connections", str(connections),
                "--cpu", str(self.cpu_ours if cpu is None else cpu),
                "--seconds", str(seconds or self.seconds), *map(str, words)]

    def output(self, argv, timeout):
        """What a program prints that has its processor to itself as far as that can be had."""
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, start_new_session=True) as child:
            self.urgent(child.pid)
            try:
                out, err = child.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as e:
                child.kill()
                raise Failed(f"{' '.join(argv)}: it does not end") from e
        if child.returncode != 0:
            raise Failed(f"{' '.join(argv)}: status {child.returncode}: {(out + err).strip()[-400:]}")
        return out

    def once(self, command):
        """Runs a generator (argv), or calls a function; returns its result as a dictionary."""
        if callable(command):
            return command()
        out = self.output(command, 60 + 4 * self.seconds)
        result = json.loads(out.splitlines()[-1])
        if result["errors"] or not result["ops"]:
            raise Failed(f"{' '.join(command)}: {result}")
        return result

    # --- measuring

    def contest(self, part, case, metrics, contenders, repeat=None):
        """Measures contenders {name: command or function} by turns. The first is ours; yields a row
        for each metric against each of the others. A metric is a name of METRICS or a tuple
        (name, unit, function of the result)."""
        names = list(contenders)
        results = {name: [] for name in names}
        for order in rounds(names, repeat or self.repeat):
            for name in order:
                results[name].append(self.once(contenders[name]))
        for metric in metrics:
            name, unit, read = metric if isinstance(metric, tuple) else (metric, *METRICS[metric])
            ours = [read(r) for r in results[names[0]]]
            for other_name in names[1:]:
                other = [read(r) for r in results[other_name]]
                ratio, spread = ratio_of(list(zip(ours, other)))
                yield self.row(part, case, name, unit, statistics.median(ours),
                               statistics.median(other), other_name, ratio, spread)

    def pairs(self, part, case, metrics, ours, other, other_name, repeat=None):
        """The contest of two."""
        return self.contest(part, case, metrics, {"ours": ours, other_name: other}, repeat)

    def alone(self, part, case, metric, unit, values):
        """A row without another: a median of our own."""
        yield self.row(part, case, metric, unit, statistics.median(values), None, "", None,
                       spread_of(values))

    def row(self, *values):
        row = dict(zip(COLUMNS, values))
        text = f"{row['part']:8} {row['case']:44} {row['metric']:22} {row['ours']:12.4g} {row['unit']:5}"
        if row["ratio"] is not None:
            text += f" {row['ratio']:7.3f} x {row['other_name']}"
        if row["spread"] is not None:
            text += f" (spread {100 * row['spread']:.0f} %)"
        self.log(text)
        return row

    # --- targets

    @staticmethod
    def urgent(pid):
        """What else runs here takes less from this process, which leads a session of its own. The
        kernel shares out the processor by sessions first (autogroups), then by nice values."""
        with contextlib.suppress(OSError):
            for tid in os.listdir(f"/proc/{pid}/task"):
                os.setpriority(os.PRIO_PROCESS, int(tid), -20)
            with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as f:
                f.write("-20")

    @classmethod
    def pin(cls, pid, cpu):
        for tid in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(tid), {cpu})
        cls.urgent(pid)

    @contextlib.contextmanager
    def process(self, argv, ready=None, cpu=None, name="server", prefix=()):
        """A process for the time of a `with`, pinned; `ready`: a line it prints when it serves."""
        cpu = self.cpu_target if cpu is None else cpu
        pinned = [*prefix, self.tool("taskset"), "-c", str(cpu), *map(str, argv)]
        child = subprocess.Popen(pinned, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                 start_new_session=True)
        self.urgent(child.pid)
        try:
            if ready:
                line = child.stdout.readline().strip()
                if not line.startswith(ready):
                    raise Failed(f"{name} did not start: {line!r}")
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()

    @contextlib.contextmanager
    def lean_target(self, *words, portals=1, host="127.0.0.1", cpu=None, threads=1, prefix=()):
        """Our lean target, by default with the null medium and one thread on the last processor.
        `portals`: that many ports, or a list of (host, port)."""
        if isinstance(portals, int):
            base = free_port((host,), also=portals - 1)
            portals = [(host, base + i) for i in range(portals)]
        argv = [self.program("lean_target"), "--threads", threads]
        for at_host, port in portals:
            argv += ["--portal", f"{at_host}:{port}"]
        argv += ["--iqn", "iqn.2026-11.bench:lean", *words]
        with self.process(argv, "ready", cpu, "lean_target", prefix) as child:
            yield Server(portals, "iqn.2026-11.bench:lean", child.pid)

    @contextlib.contextmanager
    def socket_server(self, cpu=None):
        """The other end of load_socket."""
        port = free_port()
        argv = [self.program("load_socket"), "--serve", "--portal", f"127.0.0.1:{port}"]
        with self.process(argv, "ready", cpu, "load_socket") as child:
            yield Server([("127.0.0.1", port)], "none", child.pid)

    @contextlib.contextmanager
    def foreign(self, kind):
        """tgt or istgt, as the tests start them."""
        with Bed(self.build) as bed:
            target = {"tgt": Tgt, "istgt": Istgt}[kind](bed)
            self.pin(target.daemon.process.pid, self.cpu_target)
            yield Server(target.portals, target.name(), target.daemon.process.pid, target.first_disk)


__all__ = ["Bench", "Goal", "METRICS", "Server", "Failed", "Unable", "Bed", "free_port", "port_open",
           "wait_for", "ratio_of", "spread_of", "rounds", "COLUMNS", "TOP"]
