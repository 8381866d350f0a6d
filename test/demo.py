#!/usr/bin/env python3
"""The demo: one session, four TCP connections, a real target, step by step. ./dev demo runs it."""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "interop"))

from bed import (Bed, Capture, Failed, Load, Proxy, Service, Unable, check, nbd_uri, run,  # noqa: E402
                 run_ok, wait_for)
from targets import LOOPBACK, Istgt  # noqa: E402

COPY_MIB = 48
LOAD_SECONDS = 8
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


class Show:
    """Numbered steps, and what each of them brought."""

    def __init__(self):
        self.number = 0
        self.begin = time.monotonic()

    def step(self, text):
        self.number += 1
        print(f"\n{BOLD}{self.number}. {text}{PLAIN}", flush=True)

    @staticmethod
    def line(text):
        print(f"   {text}", flush=True)

    def command(self, *words):
        self.line("$ iscsicli " + " ".join(map(str, words)))


def login(show, cli, target):
    words = cli.login_words(target.name(), target.portals[0], connections=4)
    show.command(*words)
    out = cli(*words)
    for line in out.splitlines():
        if line.startswith(("Session Id", "Connection Id")):
            show.line(line)


def copy_and_compare(show, bed, disk):
    source, back = bed.path("data.in"), bed.path("data.out")
    with open(source, "wb") as f:
        f.write(os.urandom(COPY_MIB << 20))
    begin = time.monotonic()
    # One connection to the disk and requests of one size: round robin then shares evenly.
    run_ok(["nbdcopy", "--connections=1", "--request-size=131072", "--flush", source, nbd_uri(disk)])
    wrote = time.monotonic()
    run_ok(["nbdcopy", "--connections=1", "--request-size=131072", nbd_uri(disk), back])
    read = time.monotonic()
    with open(source, "rb") as a, open(back, "rb") as b:
        check(a.read() == b.read(COPY_MIB << 20), "what was read back is not what was written")
    show.line(f"{COPY_MIB} MiB of random bytes written through {disk}")
    show.line(f"in {wrote - begin:.2f} s, the disk read back in {read - wrote:.2f} s: every byte is right")


def table(show, streams):
    carried = [s for s in streams if s.logins and s.bytes_in + s.bytes_out > 1 << 20]
    check(len(carried) == 4, f"{len(carried)} connections carried data instead of four")
    totals = [s.bytes_in + s.bytes_out for s in carried]
    mean = sum(totals) / len(totals)
    show.line("What tcpdump saw (not our own counters):")
    show.line("  CID  TSIH    from                   to                      bytes out    bytes in  share")
    for s, total in zip(carried, totals):
        show.line(f"  {s.cid:3d}  0x{s.logins[-1][0]:04x}  {s.client[0] + ':' + str(s.client[1]):21}  "
                  f"{s.server[0] + ':' + str(s.server[1]):21} {s.bytes_out:11,} {s.bytes_in:11,}  "
                  f"{100 * total / sum(totals):4.1f} %")
    check(len({s.logins[-1][0] for s in carried}) == 1, "more than one TSIH: not one session")
    check(len({s.cid for s in carried}) == 4, "the connections do not have CIDs of their own")
    worst = max(abs(total - mean) / mean for total in totals)
    check(worst <= 0.10, f"a connection carried {100 * worst:.0f} % more or less than the mean")
    show.line(f"One TSIH, so one session; no connection is more than {100 * worst:.1f} % off the mean.")


def pause_of(cli):
    """Milliseconds that commands were held at the last recovery, as the service measured."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if "pause" in key.lower() and isinstance(inner, (int, float)):
                    found.append(inner)
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(cli.json("Show"))
    check(found and max(found) > 0, "Show tells no pause")
    return max(found) / 1e6


def cut(show, bed, cli, disk, proxy):
    load = Load(bed, disk, LOAD_SECONDS)
    show.line(f"fio reads, writes and verifies for {LOAD_SECONDS} s; "
              f"{proxy.address[0]}:{proxy.address[1]} is a proxy before portal {proxy.to[0]}")
    time.sleep(LOAD_SECONDS / 3)
    accepted, before, begin = proxy.accepted, proxy.bytes, time.monotonic()
    check(before > 1 << 20, "the connection to be cut carries no I/O")
    check(proxy.cut("rst") == 1, "no connection to cut")
    show.line(f"cut by TCP reset, after it carried {before:,} bytes, with I/O under way")
    wait_for("the connection back", lambda: proxy.accepted > accepted, 15, 0.005)
    wait_for("four connections", lambda: cli.session().count == 4, 15)
    back = time.monotonic() - begin
    carried = proxy.bytes
    moved = load.finish()
    check(proxy.bytes > carried, "the connection that came back carries nothing")
    show.line(f"the session has its four connections again ({back:.2f} s after the cut, as seen from "
              "outside)")
    show.line(f"I/O paused for {pause_of(cli):.1f} ms, then went on (istgt itself takes 1000 ms over a "
              "session's first login)")
    show.line(f"fio: {moved:.0f} MiB, no failed request, no wrong byte")


def demo(build):
    show = Show()
    started = []
    with Bed(build) as bed:
        show.step("A real target: istgt with four portals in one portal group, one disk; our service")
        target = Istgt(bed, LOOPBACK)
        proxy = Proxy(bed, target.portals[3], "127.0.0.1")
        capture = Capture(bed, [target.port])
        service = Service(bed)
        cli = service.cli
        started = [d.process for d in (target.daemon, capture.daemon, service.daemon)]
        show.line(f"istgt (pid {target.daemon.process.pid}) on "
                  f"127.0.0.1 ... 127.0.0.4, port {target.port}")
        show.line(f"iscsidscd (pid {service.daemon.process.pid}), all of it in {bed.dir}")

        show.step("Discover")
        show.command("AddTargetPortal", *target.portals[0])
        cli.discover(*target.portals[0])
        for name in cli.targets():
            show.line(name)

        show.step("Log in with MaximumConnections 4")
        login(show, cli, target)

        show.step("A C program written for Windows calls AddIScsiConnectionA three times")
        portals = [target.portals[1], target.portals[2], proxy.address]
        words = ["add_connections", target.name(), *(f"{h}:{p}" for h, p in portals)]
        show.line("$ " + " ".join(words))
        out = run_ok([os.path.join(build, "examples", words[0]), *words[1:]], env=cli.env).stdout
        for line in out.splitlines():
            show.line(line)
        check(cli.session().count == 4, "the session does not have four connections")

        show.step("Write, read back, compare, over all four")
        disk = cli.disk()
        copy_and_compare(show, bed, disk)
        table(show, capture.stop())

        show.step("Cut one connection from outside while it carries I/O")
        cut(show, bed, cli, disk, proxy)

        show.step("Log out, and leave nothing behind")
        session = cli.session().id
        show.command("LogoutTarget", session)
        cli.logout(session)
        check(not os.path.exists(disk), "the disk is still there")
        service.close()
        target.daemon.stop(signal.SIGTERM)
        place = bed.dir
    check(not os.path.exists(place), f"{place} is still there")
    check(all(p.poll() is not None for p in started), "a process is still there")
    show.line("no session, no process, no file is left")
    print(f"\nAll of it worked, in {time.monotonic() - show.begin:.0f} s.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    build = os.path.abspath(parser.parse_args().build)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        demo(build)
    except Unable as e:
        print(f"\nThe demo can't run here: {e}")
        return 77
    except Failed as e:
        print(f"\nThe demo failed: {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
