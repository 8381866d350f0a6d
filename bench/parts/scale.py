"""scale - what many sessions and many connections cost: an operation's processor time, and memory."""
from core import Goal

ABOUT = "1 to 1,000 sessions, 1 to 64 connections in a session; memory of an idle connection"

METRICS = ["CPU per operation", "ops per second"]
DEPTH, ALL = 32, 1000  # commands under way in each session, or in all together
MEMORY = ("idle memory per connection", "KiB",
          lambda r: (r["rss_idle_kib"] - r["rss_before_kib"]) / r["conns"])

GOALS = [
    Goal("1,000 sessions, 4 KiB read, depth 32 in each: CPU per operation / with one session", "scale",
         "1000 sessions, 4 KiB read", "CPU per operation", 1.1, "one session", least=False),
    Goal("idle memory per connection in the engine, 1,000 sessions: KiB", "scale",
         "1000 sessions, idle", "idle memory per connection", 32, least=False, field="ours"),
    Goal("idle memory per connection in the engine, 64 connections in a session: KiB", "scale",
         "64 connections, idle", "idle memory per connection", 32, least=False, field="ours"),
]


def load(bench, server, sessions=1, connections=1, depth=DEPTH):
    return bench.load("engine", "--sessions", sessions, server=server, depth=depth,
                      connections=connections)


def memory(bench, server, case, **many):
    _, _, read = MEMORY
    values = [read(bench.once(load(bench, server, **many))) for _ in range(3)]
    return bench.alone("scale", case, *MEMORY[:2], values)


def memory_of_more(bench, server, case, connections):
    """What each connection adds to a session that has one: a process's first costs some MiB once."""
    def grown(n):
        answer = bench.once(load(bench, server, connections=n))
        return answer["rss_idle_kib"] - answer["rss_before_kib"]
    values = [(grown(connections) - grown(1)) / (connections - 1) for _ in range(3)]
    return bench.alone("scale", case, *MEMORY[:2], values)


def run(bench):
    with bench.lean_target("--window", 2048) as server:
        repeat = None if bench.full else 3
        for sessions in (10, 100, 1000) if bench.full else (100, 1000):
            yield from bench.pairs("scale", f"{sessions} sessions, 4 KiB read", METRICS,
                                   load(bench, server, sessions), load(bench, server), "one session",
                                   repeat)
        # Here each session has less to do, and less goes with one system call.
        for sessions in (10, 100, 1000) if bench.full else (1000,):
            yield from bench.pairs("scale", f"{sessions} sessions, 4 KiB read, {ALL} commands in all",
                                   METRICS, load(bench, server, sessions, depth=ALL // sessions),
                                   load(bench, server, depth=ALL), "one session", repeat)
        yield from memory(bench, server, "1000 sessions, idle", sessions=1000)
        for connections in (2, 4, 8, 16, 32, 64) if bench.full else (8, 64):
            yield from bench.pairs("scale", f"{connections} connections, 4 KiB read", METRICS,
                                   load(bench, server, connections=connections), load(bench, server),
                                   "one connection", repeat)
        yield from memory_of_more(bench, server, "64 connections, idle", 64)
