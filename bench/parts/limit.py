"""limit - how close the engine comes to what the socket allows on this machine."""
from core import Goal

ABOUT = "our engine and a bare-socket exchange of the same shape"

RATE = ["ops per second", "CPU per operation"]
BYTES = ["bytes per second", "CPU per operation"]
# case: words of the load, metrics, whether it belongs to the short form
CASES = {
    "4 KiB read, depth 32": (dict(op="randread"), RATE, True),
    "4 KiB write, depth 32": (dict(op="randwrite"), RATE, True),
    "4 KiB read, depth 1": (dict(op="randread", depth=1), ["latency p50", "latency p99"], True),
    "4 KiB write, depth 1": (dict(op="randwrite", depth=1), ["latency p50", "latency p99"], False),
    "1 MiB read, depth 8": (dict(op="read", size=1 << 20, depth=8), BYTES, True),
    "1 MiB write, depth 8": (dict(op="write", size=1 << 20, depth=8), BYTES, True),
    "64 KiB read, depth 32": (dict(op="randread", size=1 << 16), BYTES, False),
    "64 KiB write, depth 32": (dict(op="randwrite", size=1 << 16), BYTES, False),
    "4 KiB read, depth 8": (dict(op="randread", depth=8), RATE, False),
    "4 KiB read, depth 128": (dict(op="randread", depth=128), RATE, False),
}

GOALS = [
    Goal("4 KiB read, depth 32, one connection, ours / bare socket: operations per second", "limit",
         "4 KiB read, depth 32", "ops per second", 0.85, "socket"),
    Goal("the same: CPU per operation", "limit", "4 KiB read, depth 32", "CPU per operation", 1.25,
         "socket", least=False),
    Goal("1 MiB read: bytes per second, ours / bare socket", "limit", "1 MiB read, depth 8",
         "bytes per second", 0.95, "socket"),
    Goal("1 MiB write: bytes per second, ours / bare socket", "limit", "1 MiB write, depth 8",
         "bytes per second", 0.95, "socket"),
    Goal("depth 1 latency, ours / bare socket", "limit", "4 KiB read, depth 1", "latency p50", 1.10,
         "socket", least=False),
]


def run(bench):
    with bench.lean_target() as lean, bench.socket_server() as server:
        for case, (words, metrics, short) in CASES.items():
            if short or bench.full:
                yield from bench.pairs("limit", case, metrics, bench.load("engine", server=lean, **words),
                                       bench.load("socket", server=server, **words), "socket")
