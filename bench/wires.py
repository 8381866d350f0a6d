"""wires - links for the benchmark: limited in rate (tbf, from the tests), or with delay and loss (our
shaper); each joins a namespace of the initiator with one of the target."""
import contextlib
import itertools

from core import Bed, Server, Unable
from bed import run, run_ok
from links import Links, inside
from targets import Istgt

numbers = itertools.count()


def control(space, name):
    """How TCP in a namespace made here reacts to loss: a new one has the machine's choice, and with
    BBR, say, loss costs nothing. Reno may be chosen everywhere."""
    done = run([*inside(space), "sh", "-c",
                f"echo {name} >/proc/sys/net/ipv4/tcp_congestion_control"])
    if done.returncode != 0:
        raise Unable(f"no congestion control {name} here")


@contextlib.contextmanager
def limited(bench, rates, kind="lean"):
    """Links with these rates in Mbit/s, and a target at their other end, lean or istgt: (server,
    prefix)."""
    with Bed(bench.build) as bed:
        links = Links(bed, len(rates))
        for i, rate in enumerate(rates):
            links.limit(i, rate)
        for space in (links.initiator, links.target):
            control(space, "reno")
        if kind == "istgt":
            target = Istgt(bed, links=links)
            bench.pin(target.daemon.process.pid, bench.cpu_target)
            yield Server(target.portals, target.name(), target.daemon.process.pid), inside(links.initiator)
            return
        portals = [(host, 3260) for host in links.hosts]
        with bench.lean_target("--window", 1024, portals=portals, prefix=inside(links.target)) as server:
            yield server, inside(links.initiator)


@contextlib.contextmanager
def shaped(bench, *words, congestion="reno"):
    """One link with delay and loss: (address of the target's end, prefix near, prefix far). `words`
    are the shaper's."""
    name = f"{bench.cpu_ours}-{id(words) & 0xffff:x}-{next(numbers)}"
    near, far = f"wa-{name}", f"wb-{name}"
    with Bed(bench.build) as bed:
        for space in (near, far):
            made = run(["ip", "netns", "add", space])
            if made.returncode != 0:
                raise Unable(f"no network namespaces here: {made.stderr.strip()}")
            bed.at_end(lambda space=space: run(["ip", "netns", "del", space]))
            run_ok(["ip", "-n", space, "link", "set", "lo", "up"])
            control(space, congestion)
        argv = [bench.program("shaper"), "--left", near, "--right", far, *words]
        with bench.process(argv, "ready", name="shaper"):
            for space, address in ((near, "10.97.0.1"), (far, "10.97.0.2")):
                run_ok(["ip", "-n", space, "addr", "add", f"{address}/24", "dev", "shaped"])
                run_ok(["ip", "-n", space, "link", "set", "shaped", "up"])
            yield "10.97.0.2", inside(near), inside(far)
