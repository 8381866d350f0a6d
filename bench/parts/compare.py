"""compare - our engine in process against libiscsi's asynchronous API, same target, same depth."""
from core import Goal, Unable

ABOUT = "our engine and libiscsi; digests, connections; tgt and istgt as targets"

CPU = ["ops per second", "ops per CPU second"]
SIZES = {"4 KiB": 4096, "64 KiB": 1 << 16, "1 MiB": 1 << 20}
DEPTHS = (1, 8, 32, 128)
HEADER, BOTH = ["--header-digest"], ["--header-digest", "--data-digest"]

GOALS = [
    Goal("4 KiB read, depth 32, one connection: operations per CPU second, ours / libiscsi", "compare",
         "4 KiB read, depth 32", "ops per CPU second", 2.0, "libiscsi"),
    Goal("4 KiB write, depth 32: operations per CPU second, ours / libiscsi", "compare",
         "4 KiB write, depth 32", "ops per CPU second", 2.0, "libiscsi"),
    Goal("header digest on, 4 KiB read: operations per CPU second, ours / libiscsi", "compare",
         "4 KiB read, depth 32, header digest", "ops per CPU second", 2.0, "libiscsi"),
    Goal("both digests on, 64 KiB read, ours / ours without: bytes per second", "compare",
         "64 KiB read, depth 32, both digests", "bytes per second", 0.9, "no digests"),
    Goal("two loops, one session of two connections: share of the work of the less busy loop", "compare",
         "4 KiB read, 2 connections, 2 loops", "share of the less busy loop", 0.4, field="ours"),
    Goal("both digests on, 64 KiB write, ours / ours without: bytes per second", "compare",
         "64 KiB write, depth 32, both digests", "bytes per second", 0.9, "no digests"),
]


def metrics_of(size, depth):
    return (["latency p50"] if depth == 1 else []) + CPU + (["bytes per second"] if size > 4096 else [])


def both(bench, server, case, metrics, words=(), **load):
    """A case of ours and libiscsi."""
    return bench.pairs("compare", case, metrics, bench.load("engine", *words, server=server, **load),
                       bench.load("libiscsi", *words, server=server, **load), "libiscsi")


def digests(bench, server, op):
    load = dict(server=server, op=f"rand{op}", size=1 << 16)
    # 64 KiB reads vary more from run to run than the rest: it takes more rounds.
    return bench.pairs("compare", f"64 KiB {op}, depth 32, both digests",
                       ["bytes per second", "CPU per operation"], bench.load("engine", *BOTH, **load),
                       bench.load("engine", **load), "no digests")


def short(bench, lean):
    for op in ("read", "write"):
        yield from both(bench, lean, f"4 KiB {op}, depth 32", CPU, op=f"rand{op}")
    yield from both(bench, lean, "4 KiB read, depth 32, header digest", CPU, HEADER)


def long(bench, lean):
    """The rest of sizes, depths and digests; and our connections."""
    for name, size in SIZES.items():
        for depth in DEPTHS:
            for op in ("read", "write"):
                for words, digest in (((), ""), (HEADER, ", header digest")):
                    case = f"{name} {op}, depth {depth}{digest}"
                    # These are in the short form.
                    if size == 4096 and depth == 32 and (op == "read" or not digest):
                        continue
                    # 128 MiB under way say nothing more than 32.
                    if size == 1 << 20 and depth == 128:
                        continue
                    yield from both(bench, lean, case, metrics_of(size, depth), words, op=f"rand{op}",
                                    size=size, depth=depth)
    for connections in (2, 4):
        for name, size in SIZES.items():
            load = dict(server=lean, size=size, op="randread")
            yield from bench.pairs("compare", f"{name} read, depth 32, {connections} connections",
                                   CPU, bench.load("engine", connections=connections, **load),
                                   bench.load("engine", **load), "one connection")


def share(result):
    return min(result["threads"]) / sum(result["threads"])


def loops(bench):
    """One session of two connections on two loops: does each carry its part?"""
    # The target's processor as well, if there is no third one: shares can be told, scaling can't.
    cpus = ",".join(map(str, [cpu for cpu in bench.cpus if cpu != bench.cpu_target][:2]
                        if len(bench.cpus) > 2 else bench.cpus))
    with bench.lean_target() as lean:
        for name, size in (("4 KiB", 4096), ("64 KiB", 1 << 16)):
            load = dict(server=lean, op="randread", size=size, connections=2, cpu=cpus)
            case, two = f"{name} read, 2 connections, 2 loops", bench.load("engine", "--loops", 2, **load)
            yield from bench.pairs("compare", case, CPU, two, bench.load("engine", **load), "one loop", 3)
            yield from bench.alone("compare", case, "share of the less busy loop", "",
                                   [share(bench.once(two)) for _ in range(3)])


def foreign(bench, kind):
    # The tests let istgt log in with the habits that the service knows of it.
    ours = ["--ordering"] if kind == "istgt" else []
    with bench.foreign(kind) as server:
        for op in ("read", "write") if bench.full else ("read",):
            load = dict(server=server, op=f"rand{op}")
            yield from bench.pairs("compare", f"4 KiB {op}, depth 32, {kind}", CPU,
                                   bench.load("engine", *ours, **load),
                                   bench.load("libiscsi", **load), "libiscsi",
                                   repeat=None if bench.full else 3)


def run(bench):
    with bench.lean_target() as lean:
        yield from short(bench, lean)
        if bench.full:
            yield from long(bench, lean)
    # With a target that looks at the digests its processor is what gets measured.
    with bench.lean_target("--check", "no") as lean:
        for op in ("read", "write"):
            yield from digests(bench, lean, op)
    yield from loops(bench)
    for kind in ("tgt", "istgt"):
        try:
            yield from foreign(bench, kind)
        except Unable as e:
            bench.log(f"{kind}: {e}")
