"""ipsec_bed - two ends joined by a veth pair, a charon for each, and what left either of them.

It is used on the host, where charon does ESP itself (kernel-libipsec), and in a user-mode Linux guest,
whose kernel does it. The end called near is the initiator's, far the target's. Each has an address on
the link and one behind it, on its loopback, for tunnels.
"""
import itertools
import os
import signal
import subprocess
import time

import vici
from bed import Failed, Unable, check, run, run_ok, wait_for
from targets import Target, program

KEY = "a pre-shared key 123"
PORT = 3260
PLUGINS = ("random nonce aes sha1 sha2 md5 hmac kdf gcm ctr ccm openssl gmp curve25519 pem x509 pubkey "
           "pkcs1 socket-default vici updown {kernel}kernel-netlink")
CONFIG = """\
charon-systemd {{
  load = {plugins}
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  retransmit_tries = 2
  retransmit_timeout = {wait}
  filelog {{
    log {{
      path = {dir}/{name}.charon
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{socket}
    }}
    kernel-libipsec {{
      allow_peer_ts = yes
    }}
    kernel-netlink {{
      fwmark = {mark}
    }}
    socket-default {{
      fwmark = {own_mark}
    }}
  }}
}}
"""
numbers = itertools.count()


class End:
    """A network namespace with its address on the link, one behind it, and its charon."""

    def __init__(self, bed, name, number, kernel):
        self.bed, self.name, self.kernel = bed, name, kernel
        self.namespace = f"{name}-{os.getpid()}-{next(numbers)}"
        self.device = f"{name}0"
        self.address, self.inner, self.six = (
            f"10.97.0.{number}", f"10.96.0.{number}", f"fd00:97::{number}")
        # More of them on the link: whoever wants a portal that nobody has used before takes the next.
        self.spare = [f"10.97.0.{number + 100 + i}" for i in range(10)] if name == "far" else []
        self.socket = bed.path(f"{name}.vici")
        self.charon = None
        made = run(["ip", "netns", "add", self.namespace])
        if made.returncode != 0:
            raise Unable(f"no network namespaces here: {made.stderr.strip()}")
        bed.at_end(lambda: run(["ip", "netns", "del", self.namespace]))
        run_ok(["ip", "-n", self.namespace, "link", "set", "lo", "up"])
        run_ok(["ip", "-n", self.namespace, "addr", "add", f"{self.inner}/32", "dev", "lo"])

    def run(self, *words, **more):
        """Runs a program at this end. Unlike `ip netns exec`, configfs stays in sight."""
        return run_ok([*self.inside(), *map(str, words)], **more)

    def inside(self):
        return ["nsenter", f"--net=/run/netns/{self.namespace}"]

    def join(self, other):
        """The link itself is made by one of the two."""
        for address in (self.address, *self.spare):
            run_ok(["ip", "-n", self.namespace, "addr", "add", f"{address}/24", "dev", self.device])
        run_ok(["ip", "-n", self.namespace, "addr", "add", f"{self.six}/64", "dev", self.device, "nodad"])
        run_ok(["ip", "-n", self.namespace, "link", "set", self.device, "up"])
        run_ok(["ip", "-n", self.namespace, "route", "add", f"{other.inner}/32", "via", other.address,
                "src", self.inner])

    # charon

    def charon_start(self, wait=2):
        plugins = PLUGINS.format(kernel="" if self.kernel else "kernel-libipsec ")
        # Without a kernel's policies, charon's own packets are told from what it shall protect by a mark.
        mark, own_mark = ("0", "0") if self.kernel else ("!0x42", "0x42")
        config = self.bed.write(f"{self.name}.conf", CONFIG.format(
            plugins=plugins, wait=wait, dir=self.bed.dir, name=self.name, socket=self.socket,
            mark=mark, own_mark=own_mark))
        if self.kernel:
            config = self.bed.write(f"{self.name}.conf", "\n".join(
                line for line in open(config, encoding="utf-8").read().splitlines()
                if "fwmark" not in line) + "\n")
        self.charon = self.bed.daemon(f"{self.name}.charon.out", [
            *self.inside(), program("charon-systemd")], env={"STRONGSWAN_CONF": config})

        def ready():
            check(self.charon.alive(), f"charon ended: {self.charon.log()[-500:]}")
            try:
                with self.vici(5) as v:
                    return v.do("version")
            except (vici.Error, OSError):
                return None

        wait_for(f"charon at the {self.name} end", ready, 30)
        if not self.kernel and "kernel-libipsec" not in self.log().split("loaded plugins:")[-1]:
            raise Unable("charon has no kernel-libipsec: libcharon-extra-plugins is not installed")

    def charon_alive(self):
        return self.charon is not None and self.charon.alive()

    def charon_stop(self, how=signal.SIGTERM):
        if self.charon_alive():
            self.charon.stop(how, 20)
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def vici(self, seconds=20.0):
        return vici.Vici(self.socket, seconds)

    def log(self):
        """What its charon wrote."""
        path = self.bed.path(f"{self.name}.charon")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def load(self, name, conn, key=KEY, owners=()):
        """A connection and its key."""
        with self.vici() as v:
            if key is not None:
                v.do("load-shared", {"id": f"key-{name}", "type": "IKE", "data": key,
                                     "owners": list(owners)})
            v.do("load-conn", {name: conn})

    def clear(self):
        """Forgets every connection, key and SA; the kernel's policies and states as well."""
        if self.charon_alive():
            with self.vici() as v:
                for name, _ in v.conns():
                    v.ask("unload-conn", {"name": name})
                for key in v.do("get-shared").get("keys", []):
                    v.ask("unload-shared", {"id": key})
                for name, sa in v.sas():
                    v.ask("terminate", {"ike-id": sa["uniqueid"], "force": "yes", "timeout": "1000"})
        for what in ("policy", "state"):
            run([*self.inside(), "ip", "xfrm", what, "flush"])

    def flush(self, what):
        self.run("ip", "xfrm", what, "flush")

    def sas(self):
        with self.vici() as v:
            return v.sas()

    def children(self):
        return [child for _, sa in self.sas() for child in sa.get("child-sas", {}).values()]


class Sniffer:
    """What leaves an end by its link: ESP, or TCP of the portal's port in the clear."""

    FILTER = f"esp or ip6 proto 50 or (udp port 4500 and greater 60) or tcp port {PORT}"

    def __init__(self, bed, end):
        self.file = bed.path(f"{end.name}-{next(numbers)}.pcap")
        self.end = end
        self.daemon = bed.daemon(f"tcpdump-{os.path.basename(self.file)}", [
            *end.inside(), program("tcpdump"), "-n", "-i", end.device, "-Q", "out", "-U", "--immediate-mode",
            "-s", "96", "-Z", "root", "-w", self.file, self.FILTER])
        wait_for("tcpdump", lambda: "listening on" in self.daemon.log() or not self.daemon.alive())
        if not self.daemon.alive():
            raise Unable(f"no packet capture here: {self.daemon.log().strip()[-200:]}")

    def count(self, what):
        out = run_ok(["tcpdump", "-n", "-r", self.file, what], 60).stdout
        return len(out.splitlines()), out

    def esp(self):
        return self.count(f"not tcp port {PORT}")[0]

    def clear(self):
        """Lines of what is in the clear: to the port from near, from the port at far."""
        return self.count(f"tcp port {PORT}")[1].splitlines()

    def stop(self):
        time.sleep(0.2)
        self.daemon.stop(signal.SIGINT)


class Watch:
    """Both ends' sniffers; use with `with`. `both`: nothing clear may come from the target either."""

    def __init__(self, bed, ends, both=True, esp=20):
        self.sniffers = [Sniffer(bed, end) for end in ends]
        self.both, self.least = both, esp

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for sniffer in self.sniffers:
            sniffer.stop()
        if kind is not None:
            return
        near, far = self.sniffers
        seen = near.clear() + (far.clear() if self.both else [])
        check(not seen, f"{len(seen)} packets in the clear: {seen[:3]}")
        check(near.esp() >= self.least and far.esp() >= self.least,
              f"only {near.esp()} and {far.esp()} packets of ESP")


class Pair:
    """The two ends and what joins them."""

    def __init__(self, bed, kernel):
        if os.geteuid() != 0:
            raise Unable("network namespaces and IPsec need root")
        for name in ("charon-systemd", "tcpdump", "ip", "nsenter"):
            program(name)
        if not kernel and not os.path.exists("/dev/net/tun"):
            raise Unable("no /dev/net/tun here")
        self.bed, self.kernel = bed, kernel
        self.near, self.far = End(bed, "near", 1, kernel), End(bed, "far", 2, kernel)
        run_ok(["ip", "link", "add", self.near.device, "netns", self.near.namespace, "type", "veth",
                "peer", "name", self.far.device, "netns", self.far.namespace])
        self.near.join(self.far)
        self.far.join(self.near)

    def charons(self):
        for end in (self.near, self.far):
            if not end.charon_alive():
                end.charon_start()

    def clear(self):
        for end in (self.near, self.far):
            end.clear()
        # What a target still has of connections that are gone would now go out in the clear.
        run([*self.far.inside(), "ss", "-K", "sport", "=", f":{PORT}"])

    def watch(self, bed=None, **more):
        return Watch(bed or self.bed, (self.near, self.far), **more)


def conn(here, there, version=2, aggressive=False, mode="transport", pfs=False, inner=False, six=False,
         side="target", portal=None, **more):
    """A connection as charon takes it. side: which end it is for; inner: protects what is behind; six:
    IPv6; portal: the address of the target's end."""
    group, width = "modp2048", 128 if six else 32
    outer, other_outer = (here.six, there.six) if six else (here.address, there.address)
    if portal:
        outer, other_outer = (portal, other_outer) if side == "target" else (outer, portal)
    mine, others = (here.inner, there.inner) if inner else (outer, other_outer)
    port = [f"{mine}/{width}[tcp/{PORT}]", f"{others}/{width}[tcp]"]
    if side != "target":
        port = [f"{mine}/{width}[tcp]", f"{others}/{width}[tcp/{PORT}]"]
    # In IKEv1, charon proposes what has the group of the IKE SA alone: its order decides over ESP, too.
    ike = ["aes128-sha256-ecp256", "aes128gcm16-prfsha256-ecp256", "aes256-sha384-ecp384",
           "aes256gcm16-prfsha384-ecp384", "aes256-sha256-ecp256", f"aes256-sha256-{group}",
           f"aes128-sha256-{group}", f"aes128gcm16-prfsha256-{group}"]
    esp = ["aes256gcm16", "aes128gcm16", "aes256-sha256", "aes128-sha256"]
    groups = ("-ecp256", "-ecp384", f"-{group}") if pfs else ("",)
    child = {"mode": mode, "local_ts": [port[0]], "remote_ts": [port[1]],
             "esp_proposals": [e + g for e in esp for g in groups], **more.pop("child", {})}
    return {"version": version, "aggressive": "yes" if aggressive else "no",
            "local_addrs": [outer], "remote_addrs": [other_outer],
            "proposals": ike, "local": {"auth": "psk", "id": outer, **more.pop("local", {})},
            "remote": {"auth": "psk", **more.pop("remote", {})}, "children": {"iscsi": child}, **more}


class GuestLio(Target):
    """The kernel's target of this very machine, which is a guest, at the far end."""

    kind = "lio"
    disks = 3
    max_connections = 16

    def __init__(self, pair):
        self.portals = [(host, PORT) for host in (pair.far.address, pair.far.inner, *pair.far.spare)]
        here = os.path.dirname(os.path.abspath(__file__))
        os.makedirs("/mnt/store", exist_ok=True)
        pair.far.run("bash", os.path.join(here, "lio-setup.sh"), seconds=60, env={
            **os.environ, "PORTALS": " ".join([f"{h}:{p}" for h, p in self.portals] +
                                              [f"[{pair.far.six}]:{PORT}"])})


def plain_tcp(pair, inner=False, kib=2048):
    """TCP through what stands between the ends, without any iSCSI: bytes there and back."""
    host = pair.far.inner if inner else pair.far.address
    source = pair.near.inner if inner else pair.near.address
    server = subprocess.Popen([*pair.far.inside(), "python3", "-c", f"""
import socket
s = socket.create_server(("{host}", {PORT}))
print("up", flush=True)
c = s.accept()[0]
n = 0
while data := c.recv(65536):
    n += len(data)
    c.sendall(data)
"""], stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        done = run_ok([*pair.near.inside(), "python3", "-c", f"""
import os, socket
s = socket.create_connection(("{host}", {PORT}), 10, ("{source}", 0))
block = os.urandom(16384)
for _ in range({kib // 16}):
    s.sendall(block)
    got = b""
    while len(got) < len(block):
        got += s.recv(65536)
    assert got == block
print("right")
"""], 60)
        check("right" in done.stdout, done.stderr)
    finally:
        server.kill()
        server.wait()


__all__ = ["Pair", "End", "Watch", "Sniffer", "GuestLio", "conn", "plain_tcp", "KEY", "PORT",
           "Failed", "Unable"]
