"""links - several connections over several links, and over one link with delay and loss."""
from core import Goal, Unable
from wires import limited, shaped

ABOUT = "1 to 8 equal links, unequal links and policies, a long link with loss"

RATE = 100          # Mbit/s of an equal link
UNEQUAL = (200, 20)
BLOCK = 1 << 16
DEPTH = 64
METRICS = ["bytes per second", "latency p50", "latency p99"]
LONG = ("--delay-ms", "10", "--loss", "1", "--mbit", "200")

GOALS = [
    *(Goal(f"{n} equal links, {n} connections, {op}: bytes per second / one, over {n}", "links",
           f"{n} links of {RATE} Mbit/s, {op}", "bytes per second", 0.95, "one link", scale=1 / n)
      for n in (2, 8) for op in ("read", "write")),
    *(Goal(f"unequal links 10:1, adaptive, {op}: bytes per second / the sum of both alone", "links",
           f"{UNEQUAL[0]} and {UNEQUAL[1]} Mbit/s, {op}, adaptive", "bytes per second", 0.9,
           "sum of each alone") for op in ("read", "write")),
    *(Goal(f"the same on istgt, {op}", "links",
           f"{UNEQUAL[0]} and {UNEQUAL[1]} Mbit/s, istgt, {op}, adaptive", "bytes per second", 0.9,
           "sum of each alone") for op in ("read", "write")),
    *(Goal(f"20 ms round trip, 1 % loss, one link, reno, {op}: 8 connections / 1", "links",
           f"20 ms, 1 % loss, reno, {op}, 8 connections", "bytes per second", 4.0, "one connection")
      for op in ("read", "write")),
]


def load(bench, server, prefix, op, first=0, count=1, sessions=1, policy="adaptive", seconds=None):
    """So many of the links, one connection (or session) each."""
    at = type(server)(server.portals[first:first + count], server.iqn, server.pid)
    words = ["--policy", policy, "--rate-latency", "--sessions", sessions, "--warm-up", "0.6"]
    return [*prefix, *bench.load("engine", *words, server=at, op=f"rand{op}", size=BLOCK,
                                 depth=DEPTH // sessions, seconds=seconds,
                                 connections=1 if sessions > 1 else count)]


def spread_over(at, server, words, count):
    """A load's words with `count` portals, for one session for each link."""
    words[words.index("--portal") + 1] = ",".join(f"{h}:{p}" for h, p in server.portals[at:at + count])
    return words


def equal(bench, counts):
    with limited(bench, [RATE] * max(counts)) as (server, prefix):
        for n in counts:
            for op in ("read", "write"):
                sessions = spread_over(0, server, load(bench, server, prefix, op, sessions=n), n)
                yield from bench.contest(
                    "links", f"{n} links of {RATE} Mbit/s, {op}", METRICS,
                    {"ours": load(bench, server, prefix, op, count=n, policy="roundrobin"),
                     "one link": load(bench, server, prefix, op), "a session for each link": sessions},
                    repeat=None if bench.full else 2)


def unequal(bench, policies, kind="lean", ops=("read", "write")):
    """The other is what each link carries alone, added. istgt begins commands in the order of their
    numbers, and takes only half of DEPTH at a time."""
    extra, of = (["--ordering"], ", istgt") if kind == "istgt" else ([], "")
    with limited(bench, UNEQUAL, kind) as (server, prefix):
        for op in ops:
            def alone():
                parts = [bench.once(load(bench, server, prefix, op, first=i) + extra) for i in (0, 1)]
                return {**parts[0], "bytes": sum(p["bytes"] / p["seconds"] for p in parts), "seconds": 1}
            for policy in policies:
                yield from bench.pairs(
                    "links", f"{UNEQUAL[0]} and {UNEQUAL[1]} Mbit/s{of}, {op}, {policy}", METRICS,
                    load(bench, server, prefix, op, count=2, policy=policy, seconds=2) + extra, alone,
                    "sum of each alone", repeat=None if bench.full else 2)


def long_and_lossy(bench, congestion, counts, ops=("read", "write")):
    with shaped(bench, *LONG, congestion=congestion) as (host, near, far):
        with bench.lean_target("--window", "1024", portals=[(host, 3260)], prefix=far) as server:
            for op in ops:
                for n in counts:
                    case = f"20 ms, 1 % loss, {congestion}, {op}, {n} connections"
                    yield from bench.pairs(
                        "links", case, METRICS,
                        *([*near, *bench.load("engine", "--policy", "adaptive", "--rate-latency",
                                              "--warm-up", "1", server=server, op=f"rand{op}",
                                              size=BLOCK, depth=DEPTH, connections=c, seconds=2)]
                          for c in (n, 1)),
                        "one connection", repeat=None if bench.full else 2)


def istgt(bench, policies, ops):
    try:
        yield from unequal(bench, policies, "istgt", ops)
    except Unable as e:
        bench.log(f"istgt: {e}")


def short(bench):
    yield from equal(bench, (8,))
    yield from unequal(bench, ("adaptive",))
    yield from istgt(bench, ("adaptive",), ("write",))
    yield from long_and_lossy(bench, "reno", (8,), ("read",))


def long(bench):
    yield from equal(bench, (2, 3, 4, 5, 6, 7, 8))
    yield from unequal(bench, ("adaptive", "leastqueue", "roundrobin"))
    yield from istgt(bench, ("adaptive", "leastqueue"), ("read", "write"))
    yield from long_and_lossy(bench, "reno", (2, 4, 8))
    for congestion in ("cubic", "bbr"):
        try:
            yield from long_and_lossy(bench, congestion, (8,))
        except Unable as e:
            bench.log(f"{congestion}: {e}")


def run(bench):
    yield from (long if bench.full else short)(bench)
