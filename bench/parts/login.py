"""login - how long a login takes, by the delay of the link: TCP's handshake and so many exchanges."""
from core import Goal
from wires import shaped

ABOUT = "time and round trips of a login at several delays"

GOALS = [Goal("login without CHAP on a 50 ms link: round trips with TCP's handshake", "login",
              "50 ms round trip", "round trips", 2.1, "libiscsi", least=False, field="ours")]


def login(bench, which, server, prefix):
    return [*prefix, *bench.load(which, "--warm-up", "0.05", server=server, depth=1, seconds=0.2)]


def run(bench):
    for delay in (10, 50):
        with shaped(bench, "--delay-ms", str(delay / 2)) as (host, near, far):
            with bench.lean_target(portals=[(host, 3260)], prefix=far) as server:
                metrics = [("login time", "ms", lambda r: r["login_us"] / 1000),
                           ("round trips", "", lambda r, delay=delay: r["login_us"] / 1000 / delay)]
                yield from bench.pairs("login", f"{delay} ms round trip", metrics,
                                       login(bench, "engine", server, near),
                                       login(bench, "libiscsi", server, near), "libiscsi", repeat=3)
    with bench.lean_target() as server:
        yield from bench.pairs("login", "loopback", [("login time", "ms", lambda r: r["login_us"] / 1000)],
                               login(bench, "engine", server, ()), login(bench, "libiscsi", server, ()),
                               "libiscsi", repeat=9)
