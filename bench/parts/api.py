"""api - what the service's calls cost with 1, 100 and 1,000 sessions, and with 10,000 targets. Programs
that use the library make the calls; the sessions are to the lean target."""
import contextlib
import os
import re
import time

from core import METRICS, Bed, Failed, Goal, wait_for
from bed import Service
from wires import shaped

ABOUT = "calls, logins, memory and start of the service with 1,000 sessions; 10,000 targets"
APART = True  # by name, or with --full

CONNECTIONS = 4
COUNTS = (1, 100, 1000)
TARGETS = (1000, 10000)
CHAP = ("user-of-bench", "secret-of-bench1")
DELAY = 40  # ms there and back
LISTED = "GetIScsiSessionListW"
LINEAR = 1.5  # times what one costs among a tenth of them
PLOT = False  # its ratios are of unlike counts


def many(count):
    return f"{count} sessions of {CONNECTIONS}"


GOALS = [
    Goal(f"{LISTED}, 1,000 sessions of 4 connections: time per session / with 100", "api",
         f"{LISTED}, {many(1000)}", "time per session", LINEAR, many(100), least=False),
    Goal("login of 1,000 sessions of 4 connections: time per session / of 100", "api",
         f"login, {many(1000)}", "time per session", LINEAR, many(100), least=False),
    Goal("memory of the service: per session / with 100", "api", f"memory, {many(1000)}",
         "memory per session", LINEAR, many(100), least=False),
    Goal("start with 1,000 persistent logins: time per login / with 100", "api",
         "start, 1000 persistent logins", "time per login", LINEAR, "100 persistent logins",
         least=False),
    Goal("ReportIScsiTargetsW, 10,000 targets: time per target / with 1,000", "api",
         "ReportIScsiTargetsW, 10000 targets", "time per target", LINEAR, "1000 targets", least=False),
    Goal("the same, discovered anew by SendTargets", "api", "SendTargets, 10000 targets",
         "time per target", LINEAR, "1000 targets", least=False),
    Goal("LoginIScsiTargetW without CHAP: round trips with TCP's handshake (2 is the least)", "api",
         f"login, {DELAY} ms round trip", "round trips", 2.3, least=False, field="ours"),
    Goal("the same with CHAP (5 is the least)", "api", f"login with CHAP, {DELAY} ms round trip",
         "round trips", 5.5, least=False, field="ours"),
]


class Programs:
    """A service on the first processor, and programs that call it, on the last one."""

    def __init__(self, bench, bed, namespace=None):
        self.bench = bench
        self.service = Service(bed, namespace=namespace)
        self.pin()

    def pin(self):
        self.pid = self.service.daemon.process.pid
        self.bench.pin(self.pid, self.bench.cpu_ours)

    def command(self, verb, *words):
        """The command line of one program."""
        return ["env", f"ISCSIDSC_SOCKET={self.service.socket}", self.bench.tool("taskset"), "-c",
                str(self.bench.cpu_target), self.bench.program("load_api"), verb, *map(str, words)]

    def __call__(self, verb, *words):
        return self.bench.once(self.command(verb, *words))

    def listing(self, verb):
        return lambda: self(verb, "--seconds", self.bench.seconds)

    def discover(self, server):
        self.service.cli.discover(*server.portals[0])

    def login(self, count, callers=1):
        """Its result; lat_* are of whole sessions with all their connections."""
        return self("login", "--many", count, "--connections", CONNECTIONS, "--callers", callers)

    def logout(self):
        self("logout")

    def memory(self):
        """KiB that are this process's own."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            return sum(int(kib) for kib in re.findall(r"^Private_\w+: +(\d+) kB", f.read(), re.M))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def restart(self, words):
        """Ends it and starts it; seconds until its log has these words once more."""
        self.service.daemon.stop(seconds=60)
        before = self.service.daemon.log().count(words)
        begin = time.monotonic()
        self.service.start()
        wait_for("the start", lambda: self.service.daemon.log().count(words) > before, 60, 0.003)
        seconds = time.monotonic() - begin
        self.pin()
        return seconds


@contextlib.contextmanager
def programs(bench, namespace=None):
    with Bed(bench.build) as bed:
        yield Programs(bench, bed, namespace)


def rounds(bench):
    return 5 if bench.full else 2


def per(what):
    return (f"time per {what}", "us", lambda r: r["lat_p50_us"] / r["count"])


def counted(result, count, what):
    if result["count"] != count:
        raise Failed(f"{result['count']} {what} instead of {count}")
    return result


# --- sessions -----------------------------------------------------------------------------------

CALL = ["ops per second", "latency p50", "latency p99"]


def sessions(bench, server):
    """Three services, so that they can be measured by turns."""
    with contextlib.ExitStack() as stack:
        there = {}
        for count in COUNTS:
            there[count] = stack.enter_context(programs(bench))
            there[count].discover(server)
            before = there[count].memory()
            there[count].login(count)
            time.sleep(0.5)
            there[count].grown = there[count].memory() - before
        for count in COUNTS:
            counted(there[count]("sessions", "--seconds", 0.1), count, "sessions")
        contenders = {many(count): there[count].listing("sessions") for count in reversed(COUNTS)}
        yield from bench.contest("api", f"{LISTED}, {many(COUNTS[-1])}", [*CALL, per("session")],
                                 contenders, repeat=rounds(bench))
        yield bench.row("api", f"memory, {many(1000)}", "memory per session", "KiB",
                        there[1000].grown / 1000, there[100].grown / 100, many(100),
                        there[1000].grown / 1000 / (there[100].grown / 100), None)
        yield bench.row("api", f"memory, {many(1000)}", "memory of the service", "MiB",
                        there[1000].memory() / 1024, None, "", None, None)
        yield bench.row("api", f"memory, {many(1000)}", "threads of the service", "",
                        there[1000].threads(), there[1].threads(), many(1), None, None)
        yield from busy(bench, there[1])


def busy(bench, own):
    """The control thread commits to the store itself: what others see of that."""
    def while_stored():
        with bench.process(own.command("store", "--seconds", 60), name="load_api"):
            time.sleep(0.1)
            return own("sessions", "--seconds", bench.seconds)

    yield from bench.contest("api", f"{LISTED} while settings are stored", CALL,
                             {"ours": while_stored, "while none are": own.listing("sessions")},
                             repeat=rounds(bench))
    stored = [own.listing("store")() for _ in range(rounds(bench))]
    for name in CALL:
        unit, read = METRICS[name]
        yield from bench.alone("api", "a setting is stored", name, unit, [read(r) for r in stored])


def logins(bench, server):
    with programs(bench) as own:
        own.discover(server)

        def group(count, callers=1):
            result = own.login(count, callers)
            own.logout()
            return {**result, "lat_p50_us": 1e6 * result["seconds"], "count": count}

        yield from bench.pairs("api", f"login, {many(1000)}",
                               [per("session"),
                                ("time of all", "ms", lambda r: r["seconds"] * 1000)],
                               lambda: group(1000), lambda: group(100), many(100), repeat=rounds(bench))
        yield from bench.alone("api", f"login, {many(1000)}, 16 callers", "time of all", "ms",
                               [1000 * group(1000, 16)["seconds"] for _ in range(rounds(bench))])


def starts(bench, server):
    with contextlib.ExitStack() as stack:
        there = {}
        for count in (100, 1000):
            there[count] = stack.enter_context(programs(bench))
            there[count].discover(server)
            there[count]("login", "--many", count, "--persistent")

        def start(count):
            seconds = there[count].restart("ready: persistent logins")
            counted(there[count].listing("sessions")(), count, "sessions after the start")
            return {"lat_p50_us": 1e6 * seconds, "count": count}

        yield from bench.pairs("api", "start, 1000 persistent logins",
                               [per("login"),
                                ("time of the start", "ms", lambda r: r["lat_p50_us"] / 1000)],
                               lambda: start(1000), lambda: start(100), "100 persistent logins",
                               repeat=rounds(bench))


# --- targets ------------------------------------------------------------------------------------

def targets(bench):
    with contextlib.ExitStack() as stack:
        there = {}
        for count in TARGETS:
            server = stack.enter_context(bench.lean_target("--many", count - 1))
            there[count] = stack.enter_context(programs(bench))
            there[count].discover(server)
        few, all_of_them = TARGETS
        for count in TARGETS:
            counted(there[count]("targets", "--seconds", 0.1), count, "targets")
        yield from bench.pairs("api", f"ReportIScsiTargetsW, {all_of_them} targets",
                               [*CALL, per("target")], there[all_of_them].listing("targets"),
                               there[few].listing("targets"), f"{few} targets", repeat=rounds(bench))

        def refresh(count):
            return {**there[count]("refresh"), "count": count}

        yield from bench.pairs("api", f"SendTargets, {all_of_them} targets",
                               [per("target"), ("time of all", "ms", lambda r: r["seconds"] * 1000)],
                               lambda: refresh(all_of_them), lambda: refresh(few), f"{few} targets",
                               repeat=rounds(bench))


# --- round trips --------------------------------------------------------------------------------

def round_trips(bench):
    """The test target, which knows CHAP, at the far end of a long link."""
    name = "iqn.2026-11.bench:far"
    user, secret = CHAP
    for case, asks, gives in (
            ("login", (), ()),
            ("login with CHAP", (f"--chap={user}:{secret}",), ("--user", user, "--secret", secret))):
        with shaped(bench, "--delay-ms", str(DELAY / 2)) as (host, near, far), \
                bench.process([bench.program("test/target/mcs_target"), f"--name={name}",
                               f"--listen={host}:3260", *asks], "listening", prefix=far), \
                programs(bench, near[-1]) as own:
            own.service.cli("AddTarget", name, "*", host, 3260, *["*"] * 12)
            values = []
            for _ in range(5):
                values.append(own("login", "--iqn", name, *gives)["lat_p50_us"] / 1000)
                own.logout()
            case = f"{case}, {DELAY} ms round trip"
            yield from bench.alone("api", case, "login time", "ms", values)
            yield from bench.alone("api", case, "round trips", "", [v / DELAY for v in values])


def run(bench):
    with bench.lean_target("--many", COUNTS[-1]) as server:
        yield from sessions(bench, server)
        yield from logins(bench, server)
        yield from starts(bench, server)
    yield from targets(bench)
    yield from round_trips(bench)
