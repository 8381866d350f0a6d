"""uring - io_uring against epoll, on the bare exchange: what our loop would gain."""
from core import Failed, Unable

ABOUT = "io_uring and epoll on a bare-socket exchange"
APART = True  # by name, or with --full

METRICS = ["ops per CPU second", "ops per second"]
READ_4K, READ_64K = dict(op="randread"), dict(op="randread", size=1 << 16)
READ_1M, WRITE_1M = (dict(op=op, size=1 << 20, depth=8) for op in ("read", "write"))
WRITE_64K = dict(op="randwrite", size=1 << 16)
# case: words of the load, ways, whether it belongs to the short form
CASES = {
    "4 KiB read, depth 32": (READ_4K, ("plain", "multishot"), True),
    "1 MiB write, depth 8": (WRITE_1M, ("plain", "zerocopy"), True),
    "4 KiB read, depth 1": (dict(depth=1, **READ_4K), ("plain", "multishot"), False),
    "4 KiB write, depth 32": (dict(op="randwrite"), ("plain",), False),
    "64 KiB read, depth 32": (READ_64K, ("plain", "multishot"), False),
    "64 KiB read, depth 1": (dict(depth=1, **READ_64K), ("plain", "multishot"), False),
    "64 KiB write, depth 32": (WRITE_64K, ("plain", "zerocopy"), False),
    "1 MiB read, depth 8": (READ_1M, ("plain", "multishot"), False),
    "1 MiB read, depth 1": (dict(READ_1M, depth=1), ("plain",), False),
    "1 MiB write, depth 1": (dict(WRITE_1M, depth=1), ("plain", "zerocopy"), False),
}


def permitted(bench, command):
    """Before Linux 6.1, or where a sandbox forbids it, there is nothing to measure."""
    try:
        bench.once(command)
    except Failed as e:
        raise Unable(str(e)) from e


def run(bench):
    with bench.socket_server() as server:
        for case, (words, ways, short) in CASES.items():
            for way in ways if short or bench.full else ():
                ours = bench.load("uring", "--way", way, server=server, **words)
                permitted(bench, ours)
                yield from bench.pairs("uring", f"{case}, {way}", METRICS, ours,
                                       bench.load("socket", "--way", "epoll", server=server, **words),
                                       "epoll", None if bench.full else 3)
