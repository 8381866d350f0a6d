"""links - network links between an initiator and a target, each of which can be hurt by itself.

Three network namespaces: the initiator's, the target's and one between them that forwards, as a switch
would. All faults are made in the middle, so neither end is told of them by its own machine. A target
in a user-mode Linux guest has taps there in the place of a namespace of its own.
"""
import itertools
import os
import signal
import sys

from bed import Unable, run, run_ok, wait_for

numbers = itertools.count()


def inside(namespace):
    """What to put before a program that shall run in a namespace; None is this one."""
    return ["ip", "netns", "exec", namespace] if namespace else []


class Links:
    """`count` links. Addresses: sources[i] at the initiator, hosts[i] at the target."""

    def __init__(self, bed, count=2, taps=False):
        if os.geteuid() != 0:
            raise Unable("links in network namespaces need root")
        name = f"{os.getpid()}-{next(numbers)}"
        self.initiator, self.middle, self.target = f"ia-{name}", f"im-{name}", f"ib-{name}"
        self.count = count
        self.sources = [f"10.98.{i}.1" for i in range(count)]
        self.hosts = [f"10.99.{i}.2" for i in range(count)]
        self.faults = [None] * count
        for ns in (self.initiator, self.middle, *(() if taps else (self.target,))):
            made = run(["ip", "netns", "add", ns])
            if made.returncode != 0:
                raise Unable(f"no network namespaces here: {made.stderr.strip()}")
            bed.at_end(lambda ns=ns: run(["ip", "netns", "del", ns]))
            run_ok(["ip", "-n", ns, "link", "set", "lo", "up"])
        for i in range(count):
            self._near(i)
            self._tap(i) if taps else self._far(i)
        run_ok([*inside(self.middle), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
        self._apply()

    def _pair(self, i, kind, end, middle_address, end_address, other):
        run_ok(["ip", "link", "add", f"{kind}{i}", "netns", self.middle, "type", "veth",
                "peer", "name", f"p{i}", "netns", end])
        for ns, device, address in ((self.middle, f"{kind}{i}", middle_address),
                                    (end, f"p{i}", end_address)):
            run_ok(["ip", "-n", ns, "addr", "add", f"{address}/24", "dev", device])
            run_ok(["ip", "-n", ns, "link", "set", device, "up"])
        run_ok(["ip", "-n", end, "route", "add", f"{other}.{i}.0/24", "via", middle_address])

    def _near(self, i):
        self._pair(i, "a", self.initiator, f"10.98.{i}.254", self.sources[i], "10.99")

    def _far(self, i):
        self._pair(i, "b", self.target, f"10.99.{i}.1", self.hosts[i], "10.98")

    def _tap(self, i):
        run_ok(["ip", "-n", self.middle, "tuntap", "add", "dev", f"b{i}", "mode", "tap"])
        run_ok(["ip", "-n", self.middle, "addr", "add", f"10.99.{i}.1/24", "dev", f"b{i}"])
        run_ok(["ip", "-n", self.middle, "link", "set", f"b{i}", "up"])

    def _apply(self):
        rules = []
        for i, fault in enumerate(self.faults):
            if fault:
                rules += [f'iifname "{side}{i}" {fault}' for side in "ab"]
        done = run([*inside(self.middle), "nft", "add table inet f; "
                    "add chain inet f hurt { type filter hook forward priority 0; }; "
                    "flush chain inet f hurt; " +
                    "".join(f"add rule inet f hurt {rule}; " for rule in rules)])
        if done.returncode != 0:
            raise Unable(f"no nftables here (./dev deps): {done.stderr.strip()[-200:]}")

    def drop(self, i):
        """Nothing passes any more, and nobody is told."""
        self.faults[i] = "drop"
        self._apply()

    def reset(self, i):
        """Every TCP packet is answered with a reset."""
        self.faults[i] = "meta l4proto tcp reject with tcp reset"
        self._apply()

    def heal(self, i):
        self.faults[i] = None
        self._apply()

    def unplug(self, i):
        """The initiator's port loses its carrier; nothing else tells of it."""
        run_ok(["ip", "-n", self.middle, "link", "set", f"a{i}", "down"])

    def plug(self, i):
        run_ok(["ip", "-n", self.middle, "link", "set", f"a{i}", "up"])

    def limit(self, i, mbit):
        """Makes the link so slow, in both directions."""
        for side in "ab":
            run_ok(["tc", "-n", self.middle, "qdisc", "replace", "dev", f"{side}{i}", "root", "tbf",
                    "rate", f"{mbit}mbit", "burst", "64kb", "latency", "50ms"])


class Gate:
    """A third way to a target, through a proxy in the middle, that can stand still."""

    def __init__(self, bed, links, portal):
        host = "10.98.0.254"
        self.daemon = bed.daemon(f"gate-{portal[1]}", [
            *inside(links.middle), sys.executable,
            os.path.join(os.path.dirname(os.path.abspath(__file__)), "gate.py"), host, *map(str, portal)])
        wait_for("the gate", lambda: "ready" in self.daemon.log())
        self.address = (host, int(self.daemon.log().split()[1]))

    def hold(self):
        """TCP still acknowledges, but nothing comes out at the other end."""
        self.daemon.process.send_signal(signal.SIGUSR1)

    def go_on(self):
        self.daemon.process.send_signal(signal.SIGUSR2)
