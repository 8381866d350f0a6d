#!/usr/bin/env python3
"""The service's vici client with a real charon: charon.py --build DIR [SCENARIO...].

Two ends on this host, whose charons do ESP themselves; vici_play makes the requests. Ends with
"N passed, N failed, N skipped"; status 0, 1, or 77 when it can't run here.
"""
import argparse
import os
import signal
import subprocess
import sys
import time

from bed import Bed, Failed, Unable, check, wait_for
from ipsec_bed import KEY, PORT, Pair, conn, plain_tcp
from vici import Error

REFUSED = -121  # EREMOTEIO: charon says no
WORD = KEY.replace(" ", "_")


class Play:
    """vici_play at an end: a request a line, and what comes of it."""

    def __init__(self, bed, end):
        self.events = []
        self.process = subprocess.Popen(
            [os.path.join(bed.build, "test/interop/vici_play"), end.socket], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        bed.at_end(self.end)

    def end(self):
        self.process.kill()
        self.process.wait()

    def ask(self, *words):
        """Returns (error, its reason, records): a record is a dict, or a name."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.until(("done", "refused", "lost"))

    def until(self, ends):
        records = []
        while True:
            line = self.process.stdout.readline()
            check(line, "vici_play ended")
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind in ends:
                error, _, why = rest.partition(" ")
                return int(error), why, records
            record = dict(w.partition("=")[::2] for w in rest.split())
            if kind == "event":
                self.events.append(record)
            elif kind != "opened":
                records.append(rest if kind == "name" else record)

    def do(self, *words):
        error, why, records = self.ask(*words)
        check(error == 0, f"{words[0]}: {error} {why}")
        return records

    def refused(self, text, *words):
        error, why, _ = self.ask(*words)
        check(error == REFUSED and text in why, f"{words[0]}: {error} '{why}', expected '{text}'")

    def event(self, **wanted):
        """Waits for an event that has all of that; asking for something lets it come."""
        def come():
            self.ask("names")
            for event in self.events:
                if all(event.get(k.replace("_", "-")) == str(v) for k, v in wanted.items()):
                    return event
            return None
        return wait_for(f"event {wanted}", come, 5)


def load(play, pair, version=2, aggressive=False, esp="aes256gcm16"):
    near, far = pair.near, pair.far
    play.do("key", "ours", WORD, near.address, far.address)
    play.do("conn", "c", "iscsi", version, "yes" if aggressive else "no", "tunnel", near.address,
            far.address, f"{near.inner}/32[tcp]", f"{far.inner}/32[tcp/{PORT}]", esp)


def peer(pair, key=WORD, **more):
    pair.far.load("peer", conn(pair.far, pair.near, mode="tunnel", inner=True, version=0, **more), key,
                  [pair.far.address, pair.near.address])


def one_way(bed, pair, version, aggressive, pfs):
    play = Play(bed, pair.near)
    peer(pair, pfs=pfs, aggressive=aggressive)
    load(play, pair, version, aggressive, "aes256gcm16-modp2048" if pfs else "aes256gcm16")
    play.do("initiate", "c", "iscsi", 5000)
    up = play.event(name="child-updown", up=1)
    check(up["version"] == str(version) and up["mode"] == "2" and up["encr"] == "AES_GCM_16-256", up)
    sa, = play.do("sas", "c")
    check(sa["child-id"] == up["child-id"] and sa["child-state"] == "INSTALLED", sa)
    plain_tcp(pair, inner=True, kib=64)
    sa, = play.do("sas", "c")
    check(int(sa["in"]) > 65536 and int(sa["out"]) > 65536, sa)
    play.do("rekey-child", "iscsi")
    new = play.event(name="child-rekey", old=sa["child-id"])
    check(new["reqid"] == sa["reqid"] and new["child-id"] != sa["child-id"], new)
    check(new["dh"] == ("MODP_2048" if pfs else "-"), f"PFS {pfs}: {new['dh']}")
    plain_tcp(pair, inner=True, kib=64)
    play.do("terminate", "c")
    play.event(name="child-updown", up=0, child_id=new["child-id"])
    play.event(name="ike-updown", up=0, id=new["id"])
    check(not play.do("sas"), "an SA is left")
    play.do("unconn", "c")
    play.do("unkey", "ours")
    check(not play.do("names") and not play.do("keys"), "something is left")
    play.end()
    pair.clear()


def ways(bed, pair):
    """IKEv2, main and aggressive mode, with PFS and without: up, carrying, rekeyed, down."""
    for version, aggressive in ((2, False), (1, False), (1, True)):
        for pfs in (False, True):
            one_way(bed, pair, version, aggressive, pfs)


def reasons(bed, pair):
    """Whatever can go wrong is told in charon's words, and in time."""
    play = Play(bed, pair.near)
    peer(pair)
    load(play, pair)
    play.refused("not found", "initiate", "nothing", "iscsi", 3000)
    play.refused("no matching", "terminate", "c")
    play.refused("no matching", "rekey", "c")
    play.refused("not found", "unconn", "nothing")
    play.do("key", "ours", "wrong", pair.near.address, pair.far.address)
    play.refused("AUTHENTICATION_FAILED", "initiate", "c", "iscsi", 5000)
    load(play, pair, 1, True)
    play.do("key", "ours", "wrong", pair.near.address, pair.far.address)
    play.refused("AUTHENTICATION_FAILED", "initiate", "c", "iscsi", 5000)
    load(play, pair, 1)
    play.do("key", "ours", "wrong", pair.near.address, pair.far.address)
    play.refused("could not decrypt", "initiate", "c", "iscsi", 1500)
    play.do("terminate", "c")
    play.do("unkey", "ours")
    load(play, pair)
    play.do("unkey", "ours")
    play.refused("no shared key found", "initiate", "c", "iscsi", 5000)
    load(play, pair, esp="3des-md5")
    play.refused("NO_PROPOSAL_CHOSEN", "initiate", "c", "iscsi", 5000)
    play.do("terminate", "c")
    load(play, pair)
    os.kill(pair.far.charon.process.pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        play.refused("not established after 1000ms", "initiate", "c", "iscsi", 1000)
        took = time.monotonic() - begin
        check(0.9 < took < 3, f"a limit of 1 s took {took:.1f} s")
        sa, = play.do("sas", "c")
        check(sa["state"] == "CONNECTING", sa)
        play.do("terminate", "c")
        check(not play.do("sas"), "an SA is left")
    finally:
        os.kill(pair.far.charon.process.pid, signal.SIGCONT)


def lists(bed, pair):
    """What others have loaded is seen, and told from what is in force."""
    play = Play(bed, pair.near)
    check("kernel-libipsec" in play.do("plugins"), "the plugins")
    pair.near.load("admin", conn(pair.near, pair.far, mode="tunnel", side="initiator"))
    known, = play.do("conns")
    check(known["name"] == "admin" and known["child"] == "iscsi" and known["mode"] == "2" and
          known["local"] == pair.near.address and known["remote"] == pair.far.address, known)
    check(known["remote-ts"].startswith(f"{pair.far.address}/32[tcp/"), known)
    load(play, pair)
    check([c["name"] for c in play.do("conns", "c")] == ["c"], "a connection by its name")
    check(sorted(play.do("names")) == ["admin", "c"], "the names")
    check(sorted(play.do("keys")) == ["key-admin", "ours"], "the keys")
    check(not play.do("policies"), "no policy yet")
    with pair.near.vici() as v:
        v.do("load-conn", {"shunt": {"local_addrs": ["%any"], "remote_addrs": ["127.0.0.1"], "children": {
            "drop": {"mode": "drop", "start_action": "trap", "local_ts": [f"{pair.near.inner}/32"],
                     "remote_ts": [f"{pair.far.inner}/32[tcp/3260]"]}}}})
    policy, = play.do("policies")
    check(policy["child"] == "drop" and policy["mode"] == "3" and
          policy["local-ts"] == f"{pair.near.inner}/32", policy)
    with pair.near.vici() as v:
        v.do("uninstall", {"child": "drop"})


def death(bed, pair):
    """charon stops, is killed, is not there, hangs."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        play = Play(bed, pair.near)
        play.do("names")
        pair.near.charon_stop(how)
        error, why, _ = play.until(("lost",))
        check(error in (-104, -32), f"lost with {error} {why}")
        play.process.wait(5)
        play = Play(bed, pair.near)
        error, _, _ = play.until(("refused",))
        check(error in (-2, -111), f"nobody there: {error}")
        pair.near.charon_start()
    play = Play(bed, pair.near)
    play.do("names")
    play.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("names", nargs="*", help="only these scenarios")
    args = parser.parse_intermixed_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    passed = failed = 0
    try:
        with Bed(args.build) as bed:
            pair = Pair(bed, False)
            for scenario in (ways, reasons, lists, death):
                if args.names and scenario.__name__ not in args.names:
                    continue
                begin = time.monotonic()
                pair.charons()
                pair.clear()
                try:
                    scenario(bed, pair)
                    passed += 1
                    print(f"  ok   {scenario.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
                except (Failed, Error, OSError, ValueError, subprocess.SubprocessError) as e:
                    failed += 1
                    print(f"  FAIL {scenario.__name__}: {e!r}", flush=True)
    except Unable as e:
        print(f"charon can't be tested here: {e}")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
