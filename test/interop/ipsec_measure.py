"""ipsec_measure - what IPsec costs: the time from the call to the first answer of a command, and throughput.

Pairs: with and without, one after the other, on the same path; told are medians and their ratios. What
is read off is the price on this machine, on which both ends share the processors.
"""
import itertools
import json
import statistics

from bed import run, run_ok
from ipsec_bed import KEY
from ipsec_world import AGGRESSIVE, ASKED, MAIN, TRANSPORT, TUNNEL, VALID

ROUNDS = 5
DELAY = 100  # milliseconds there and back, where the kernel can make it
SECONDS = 2
WAYS = (("IKEv2", 0, {"version": 2}), ("IKEv1 main", MAIN, {"version": 1}),
        ("IKEv1 aggressive", AGGRESSIVE, {"version": 1, "aggressive": True}))
LOADS = (("64 KiB reads", "read", "64k", 8), ("64 KiB writes", "write", "64k", 8),
         ("4 KiB reads", "randread", "4k", 16), ("4 KiB reads, one at a time", "randread", "4k", 1))


def modes(world):
    return (("transport", TRANSPORT), ("tunnel", TUNNEL))[0 if world.kernel else 1:]


def settle(world):
    """Neither SA nor anything of charon's is left from before; portals can be used again."""
    world.nothing_left(20)
    world.pair.clear()
    world.hosts_again()


def first_answer(world, flags, key):
    """Milliseconds from the call of a login to the answer of its first command."""
    session = world.login(flags, key)
    took = world.program.took
    world.program.good("capacity", session, 0)
    took += world.program.took
    world.logout(session)
    return took


def delay(world, ms):
    """Makes the way longer, half of it in each direction; False if this kernel can't."""
    words = ["netem", "delay", f"{ms / 2}ms"] if ms else ["pfifo"]
    return all(run(["tc", "-n", end.namespace, "qdisc", "replace", "dev", end.device, "root", *words])
               .returncode == 0 for end in (world.near, world.far))


def starts(world, ms):
    """Rows: how, milliseconds, ratio, and what it is more in round trips."""
    delay(world, ms)
    first_answer(world, VALID, None)
    plain = statistics.median(first_answer(world, VALID, None) for _ in range(ROUNDS))
    rows = [("without IPsec", plain, plain)]
    for name, mode in modes(world):
        for ike, flags, peer in WAYS:
            took = []
            for _ in range(ROUNDS):
                world.next_host()
                world.peer(mode=name, **peer)
                # Who has that address is asked before.
                world.near.run("ping", "-c1", world.host)
                took.append(first_answer(world, ASKED | mode | flags, KEY))
            settle(world)
            rows.append((f"{ike}, {name}", statistics.median(took), plain))
    mode = modes(world)[0]
    world.peer(mode=mode[0])
    # An SA stays for a while, so that only the first of these makes one.
    took = [first_answer(world, ASKED | mode[1], KEY) for _ in range(ROUNDS + 1)][1:]
    rows.append(("with an SA that is up", statistics.median(took), plain))
    settle(world)
    delay(world, 0)
    return rows


def fio(world, way, block, depth):
    """MB/s."""
    done = run_ok(["fio", "--thread", "--name=m", "--ioengine=nbd", f"--uri=nbd+unix:///?socket={world.disk()}",
                   f"--rw={way}", f"--bs={block}", f"--iodepth={depth}", "--size=24M", "--time_based",
                   f"--runtime={SECONDS}", "--output-format=json"], 60, cwd=world.scene.dir)
    job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]
    side = job["write" if "write" in way else "read"]
    return side["bw_bytes"] / 1e6


def throughput(world):
    """Rows: load, mode, connections, MB/s with, MB/s without, their ratio."""
    rows = []
    for name, mode in modes(world):
        world.next_host()
        clear_host = world.host
        world.next_host()
        world.peer(mode=name)
        for count, (load, *job) in itertools.product((1, 4) if not rows else (4,), LOADS):
            seen = {True: [], False: []}
            for _, protected in itertools.product(range(3), seen):
                words = (ASKED | mode, KEY) if protected else (VALID, None)
                more = {} if protected else {"host": clear_host}
                session = world.login(*words, **more)
                for _ in range(count - 1):
                    world.add(session, *words, **more)
                seen[protected].append(fio(world, *job))
                world.logout(session)
            with_it, without = (statistics.median(seen[p]) for p in (True, False))
            rows.append((load, name, count, with_it, without, with_it / without))
    return rows


def table(head, rows):
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")
    print(flush=True)


def measure(bed, world):
    """Prints what doc/performance.md has."""
    world.fresh(bed)
    for ms in (0, DELAY):
        if ms and not delay(world, ms):
            print("No delay can be made here: round trips are not told.\n")
            continue
        rows = [(how, f"{took:.1f}", f"{took / plain:.1f}", f"{(took - plain) / ms:.1f}" if ms else "-")
                for how, took, plain in starts(world, ms)]
        table(("from the call to the first answer" + (f", {ms} ms there and back" if ms else ""), "ms",
               "ratio", "round trips more"), rows)
    table(("load", "mode", "connections", "MB/s with", "MB/s without", "ratio"),
          [(load, mode, count, f"{a:.1f}", f"{b:.1f}", f"{ratio:.2f}")
           for load, mode, count, a, b, ratio in throughput(world)])
