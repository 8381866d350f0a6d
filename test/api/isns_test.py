#!/usr/bin/env python3
"""iSNS from the outside: the service and iscsicli with a server of our own that answers rightly, late,
wrongly and not at all. The real open-isns is test/interop/isns.py's."""
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import isns_wire as wire  # noqa: E402

SERVICE, CLI = sys.argv[1], sys.argv[2]
MANY = 10000
WALKED = 5000
SECONDS = 10  # for each step, the sanitizers' builds included
REFUSED, ABORTED = 10061, 10053  # as Winsock has them
NOT_FOUND, OTHER_VERSION = 0xEFFF003A, 0xEFFF0052
UNAUTHORIZED, NOT_ALL = 0xEFFF000A, 0xAFFF002E
ME = "iqn.2026-11.test:initiator"
passed = 0


def fail(what):
    sys.exit(f"FAILED: {what}")


def check(truth, what):
    global passed
    if not truth:
        fail(what)
    passed += 1


def wait(truth, what, seconds=SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if truth():
            return check(True, what)
        time.sleep(0.05)
    fail(f"{what}: waited in vain")


class Service:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        os.environ["ISCSIDSC_SOCKET"] = str(self.folder / "s.sock")
        self.start()

    def start(self):
        self.log = open(self.folder / "log", "a")
        self.process = subprocess.Popen([SERVICE, "--foreground", "--state-dir", self.folder / "state",
                                         "--socket", self.folder / "s.sock"], stderr=self.log)
        end = time.monotonic() + SECONDS
        while cli("Version")[0] and time.monotonic() < end:
            time.sleep(0.02)

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=30)
        check(status == 0, f"the service ended with {status}")
        return time.monotonic() - begin


def cli(*words):
    """The low byte of the status, the output."""
    done = subprocess.run([CLI, *map(str, words)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def good(*words):
    begin = time.monotonic()
    status, out = cli(*words)
    check(status == 0, f"{words}: {status}: {out[-300:]}")
    check(time.monotonic() - begin < SECONDS, f"{words}: too slow")
    return out


def bad(status, *words):
    got, out = cli(*words)
    check(got == status & 0xff, f"{words}: {got} instead of {status & 0xff}: {out}")


def listed():
    return [line.strip() for line in good("ListTargets").splitlines() if line.startswith("    ")]


def names(count):
    return [f"iqn.2026-11.test:isns-{number:05}" for number in range(count)]


def nodes(count):
    return {name: wire.node(name, groups=[("127.0.0.1", 3260, 1)]) for name in names(count)}


def at(server):
    return f"127.0.0.1:{server.port}"


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


# ---- what a server tells

def finds(service):
    name = "iqn.2026-11.test:one"
    server = wire.Server(nodes={
        name: wire.node(name, "the alias", groups=[
            ("127.0.0.1", 3260, 1), ("127.0.0.2", 3261, 2), ("fd00::5", 3260, 2),
            ("127.0.0.9", 3260, None),          # leads elsewhere
            ("224.0.0.1", 3260, 1), ("fe80::1", 3260, 1),
            ("127.0.0.8", 3260 | 0x10000, 1)]),  # UDP
        "iqn.2026-11.test:two": wire.node("iqn.2026-11.test:two", portals=[("127.0.0.3", 860)]),
        "iqn.2026-11.test:ini": wire.attribute(wire.NAME, "iqn.2026-11.test:ini") +
        wire.attribute(wire.NODE_TYPE, 2),
        "bad name": wire.node("bad name"),
    })
    good("AddiSNSServer", at(server))
    check(listed() == [name, "iqn.2026-11.test:two"], f"found: {listed()}")
    check(at(server) in good("ListiSNSServers"), "listed")
    out = good("TargetInfo", name)
    check(f'"iSNS:{at(server)}"' in out, f"mechanism: {out}")
    out = good("TargetInfo", name, f"iSNS:{at(server)}")
    check("the alias" in out, f"alias: {out}")
    check(re.findall(r"Address and Socket *: (\S+) (\d+)", out) ==
          [("127.0.0.1", "3260"), ("127.0.0.2", "3261"), ("fd00::5", "3260")], f"portals: {out}")
    check("2 portals" in out, f"groups: {out}")
    out = good("TargetInfo", "iqn.2026-11.test:two", f"iSNS:{at(server)}")
    check(re.findall(r"Address and Socket *: (\S+) (\d+)", out) == [("127.0.0.3", "860")], out)
    # What we said of ourselves.
    given = list(wire.attributes(server.saw(wire.REGISTER)[0]))
    check([wire.text(v) for t, v in given if t == wire.NAME] == [ME, ME], "registered by name")
    check((wire.NODE_TYPE, struct.pack(">I", 2)) in given, "as an initiator")
    check(server.saw(wire.REGISTER_SCN), "notifications are asked for")
    # Gone from the list, its targets stay; it is told so.
    good("RemoveiSNSServer", at(server))
    check(len(listed()) == 2, "targets stay")
    wait(lambda: server.saw(wire.DEREGISTER), "the registration is withdrawn")
    check("No SNS Servers" in good("ListiSNSServers"), "the list is empty")
    bad(NOT_FOUND, "RemoveiSNSServer", at(server))
    bad(NOT_FOUND, "RefreshiSNSServer", at(server))
    server.close()


def many(service):
    server = wire.Server(nodes=nodes(MANY))
    server.piece = 6000  # cut anywhere
    good("AddiSNSServer", at(server))
    found = [name for name in listed() if "isns-" in name]
    check(found == names(MANY), f"{len(found)} of {MANY} found")
    server.nodes = nodes(10)
    good("RefreshiSNSServer", "*")
    check([name for name in listed() if "isns-" in name] == names(10), "asked again")
    server.nodes = nodes(11)
    good("ListTargets", "t")
    check(names(11)[10] in listed(), "a forced list asks")
    server.nodes = {}
    good("RefreshiSNSServer", at(server))
    check(not [name for name in listed() if "isns-" in name], "none is an answer")
    good("RemoveiSNSServer", at(server))
    server.close()


def walks(service):
    """A server that can't tell all at once."""
    server = wire.Server(nodes=nodes(WALKED))
    server.most = 20
    good("AddiSNSServer", at(server))
    check([name for name in listed() if "isns-" in name] == names(WALKED), "one by one")
    check(len(server.saw(wire.GET_NEXT)) == WALKED + 1, "each once")
    check("127.0.0.1 3260" in good("TargetInfo", names(WALKED)[-1], f"iSNS:{at(server)}"), "portals")
    # After a change that names one, a walk begins at the first again.
    server.nodes = nodes(31)
    server.notify(ME, names(31)[30])
    before = len(server.saw(wire.QUERY))
    wait(lambda: len(server.saw(wire.QUERY)) > before, "the one is asked for")
    good("RefreshiSNSServer", at(server))
    check([name for name in listed() if "isns-" in name] == names(31), f"all are walked to: {listed()}")
    server.nodes = {}
    good("RefreshiSNSServer", at(server))
    good("RemoveiSNSServer", at(server))
    server.close()


def changes(service):
    server = wire.Server(nodes=nodes(3))
    good("AddiSNSServer", at(server))
    before = len(server.saw(wire.QUERY))
    # Only what is named is asked for: the third one's end is not heard of.
    server.nodes = {name: node for name, node in nodes(4).items() if name not in names(3)[1:]}
    check(server.notify(ME, names(2)[1], names(4)[3]), "the change is acknowledged")
    wait(lambda: names(4)[3] in listed(), "one that came is found")
    wait(lambda: names(2)[1] not in listed(), "one that went is forgotten")
    check({names(1)[0], names(3)[2]} < set(listed()), "the others stay as they were")
    check(len(server.saw(wire.QUERY)) == before + 2, "a question for each that is named")
    check(server.notify(ME), "a change of nobody is acknowledged")
    wait(lambda: names(3)[2] not in listed(), "then all are asked for")
    server.nodes = nodes(MANY)
    server.notify(ME, *names(MANY)[:40])
    wait(lambda: names(MANY)[-1] in listed(), "and so they are when many are named")
    server.nodes = nodes(2)
    server.dumb = True
    server.notify(ME, names(2)[1])
    wait(lambda: [name for name in listed() if "isns-" in name] == names(2),
         "what can't be told of one is asked of all")
    before = len(server.saw(wire.QUERY))
    for _ in range(200):
        server.notify(ME, names(1)[0], names(2)[1])
    time.sleep(1.5)
    check(len(server.saw(wire.QUERY)) - before <= 4, "a storm of changes is a question or two")
    endless(server)
    try:
        server.scn["iqn.other"] = server.scn[ME]
        server.notify("iqn.other", names(1)[0])
        fail("an SCN for somebody else was acknowledged")
    except TimeoutError:
        check(True, "an SCN for somebody else")
    # Killed and back, with other targets.
    port = server.port
    server.close()
    time.sleep(0.3)
    check(names(2)[1] in listed(), "what it told stays while it is away")
    again = wire.Server(port, nodes(3))
    wait(lambda: names(3)[2] in listed(), "back, it is asked again")
    check(again.saw(wire.REGISTER), "and registers us")
    # Our name.
    good("NodeName", ME + "-renamed")
    wait(lambda: any(ME + "-renamed" in str(p) for p in again.saw(wire.REGISTER)), "renamed")
    wait(lambda: again.saw(wire.DEREGISTER), "the old name is withdrawn")
    good("NodeName", ME)
    again.nodes = {}
    good("RefreshiSNSServer", at(again))
    good("RemoveiSNSServer", at(again))
    again.close()


def endless(server):
    """A server that tells of a change whenever it is asked about it."""
    server.dumb = False
    asked = []

    def again(xid, payload):
        given = list(wire.attributes(payload))
        if given[1][0] == wire.NAME:
            asked.append(wire.text(given[1][1]))
            server.notify(ME, names(1)[0])
        return server.answer(wire.QUERY, xid, payload)

    server.override[wire.QUERY] = again
    server.notify(ME, names(1)[0], names(2)[1])
    wait(lambda: names(2)[1] in asked, "each that is named is asked for")
    good("RefreshiSNSServer", at(server))
    time.sleep(3)
    check(len(asked) <= 10, f"a server that has no end of changes is asked {len(asked)} times")
    server.override = {}


# ---- what goes wrong

def refuses(service):
    port = closed_port()
    bad(REFUSED, "AddiSNSServer", f"127.0.0.1:{port}")
    check(f"127.0.0.1:{port}" in good("ListiSNSServers"), "it is stored all the same")
    bad(REFUSED, "RefreshiSNSServer", f"127.0.0.1:{port}")
    bad(NOT_ALL, "RefreshiSNSServer", "*")
    for wrong in ("", " ", "a b", "[::1", "127.0.0.1:0", "127.0.0.1:99999", "x" * 300):
        bad(87, "AddiSNSServer", wrong)
    server = wire.Server(port, nodes(1))
    wait(lambda: names(1)[0] in listed(), "it is tried until it answers")
    server.override[wire.REGISTER] = lambda xid, _: wire.message(0x8001, xid, struct.pack(">I", 3))
    good("RefreshiSNSServer", at(server))
    server.override.clear()
    server.nodes = {}
    good("RefreshiSNSServer", at(server))
    good("RemoveiSNSServer", at(server))
    server.close()


def malformed(service):
    def answer(payload, **how):
        return lambda xid, _: wire.message(how.pop("function", 0x8002), how.pop("xid", xid), payload,
                                           **how)

    begin = struct.pack(">I", 0) + wire.attribute(0)
    unreadable = [answer(b""), answer(b"\0\0\0\0"), answer(begin + b"\0\0\0\x20"),
                answer(begin + struct.pack(">II", 32, 0xfffffffc)),
                answer(begin + struct.pack(">II", 32, 5) + b"abcde\0\0\0"),
                answer(begin + struct.pack(">II", 32, 4)),
                answer(begin, function=0x8003), answer(begin, xid=999),
                lambda xid, _: wire.message(0x8002, xid, begin)[:10] + b"\0\x05" + begin,
                lambda xid, _: struct.pack(">HHHHHH", 1, 0x8002, 3, 0xC00, xid, 0) + b"\0\0\0"]
    harmless = [answer(begin + wire.attribute(51, 1) + wire.attribute(17, 1) + wire.attribute(33, 1)),
                answer(begin + wire.attribute(32, b"noend!!!") + wire.attribute(34, b"\xff\xff\0\0")),
                answer(begin + wire.node("iqn.2026-11.test:bad") + wire.attribute(34, b"\xff\xfe\0\0") +
                       wire.attribute(48, "iqn.2026-11.test:bad") + wire.attribute(49, b"1234") +
                       wire.attribute(50, b"12345678")),
                lambda xid, _: wire.message(13, 5, b"1234") + wire.message(0x8002, xid, begin)]
    server = wire.Server(nodes={})
    good("AddiSNSServer", at(server))
    for make in unreadable:
        server.override[wire.QUERY] = make
        bad(ABORTED, "RefreshiSNSServer", at(server))
    for make in harmless:
        server.override[wire.QUERY] = make
        good("RefreshiSNSServer", at(server))
    server.override[wire.QUERY] = answer(begin, version=2)
    bad(OTHER_VERSION, "RefreshiSNSServer", at(server))
    server.override[wire.QUERY] = answer(struct.pack(">I", 8))
    bad(UNAUTHORIZED, "RefreshiSNSServer", at(server))
    # Not of one node, but of all.
    server.override[wire.QUERY] = answer(begin)
    good("RefreshiSNSServer", at(server))
    links, queries = len(server.links), len(server.saw(wire.QUERY))
    server.override[wire.QUERY] = lambda xid, payload: wire.message(
        0x8002, xid, struct.pack(">I", 8) if list(wire.attributes(payload))[1][0] == wire.NAME
        else begin + wire.node(names(1)[0]))
    server.notify(ME, names(1)[0])
    wait(lambda: names(1)[0] in listed(), "all are asked for, where it does not tell of one")
    check(len(server.links) == links and len(server.saw(wire.QUERY)) == queries + 2, "on the same link")
    # Names without end.
    server.override = {wire.QUERY: answer(struct.pack(">I", 11)),
                       wire.GET_NEXT: lambda xid, _: wire.message(0x8003, xid, bytes(4) +
                                                                  wire.attribute(0))}
    bad(ABORTED, "RefreshiSNSServer", at(server))
    server.override = {}
    good("RefreshiSNSServer", at(server))
    good("RemoveiSNSServer", at(server))
    server.close()


def lasts(service):
    one, two = wire.Server(nodes=nodes(1)), wire.Server(nodes=nodes(2))
    good("AddiSNSServer", at(one))
    good("AddiSNSServer", at(two))
    seconds = service.stop()
    check(seconds < 5, f"stopping took {seconds:.1f} s")
    check(one.saw(wire.DEREGISTER) and two.saw(wire.DEREGISTER), "a stop withdraws the registrations")
    service.start()
    wait(lambda: listed() == names(2), "stored, and asked at the start")
    check(good("ListiSNSServers").count("127.0.0.1:") == 2, "both are listed")
    out = good("TargetInfo", names(1)[0])
    check(out.count("iSNS:") == 2, "one record for each server")
    # A server that says nothing holds nobody but those who ask it.
    mute = socket.create_server(("127.0.0.1", 0))
    asking = subprocess.Popen([CLI, "AddiSNSServer", f"127.0.0.1:{mute.getsockname()[1]}"],
                              stdout=subprocess.DEVNULL)
    good("RefreshiSNSServer", at(one))
    check(asking.poll() is None, "who asks it waits")
    check(service.stop() < 5, "stopping is not held either")
    asking.wait(timeout=10)
    mute.close()


def main():
    with tempfile.TemporaryDirectory(prefix="iscsidsc-isns-") as folder:
        service = Service(folder)
        try:
            good("NodeName", ME)
            good("Defaults", "retry-time", "1")
            for step in (finds, many, walks, changes, refuses, malformed, lasts):
                begin = time.monotonic()
                step(service)
                print(f"{step.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        except BaseException:
            print((pathlib.Path(folder) / "log").read_text()[-3000:])
            service.process.kill()
            raise
    print(f"{passed} checks passed")


main()
