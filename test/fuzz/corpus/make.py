#!/usr/bin/env python3
"""Makes the seeds of the fuzz harnesses whose input is a list of records, and of those that read texts:
each seed is something that a target or client does in the field, so that the fuzzer begins behind the
checks that blind bytes never pass. Run it after a harness has changed its records:

    test/fuzz/corpus/make.py

Files that the fuzzer found stay beside them (their names are hashes).
"""
import pathlib
import re
import struct

HERE = pathlib.Path(__file__).resolve().parent


def acts(names):
    return {name: i for i, name in enumerate(names.split())}


def put(harness, name, data):
    folder = HERE / harness
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(bytes(data))


def u16(n):
    return list(struct.pack(">H", n & 0xffff))


# ---- engine

E = acts("RAW PDU LOGIN UP SUBMIT SUBMIT_MANY MANAGE TEXT DATA_IN R2T RESPONSE READ_ALL ANSWER PING ASYNC "
         "REJECT AGAIN SEND STUFF TIME ADD REMOVE LOGOUT HABITS CLOSE OPEN")
LOST, SPOILT, BEHIND, SHUT = 1, 2, 4, 8
NOP, TMF, LOGOUT, TEXT = range(4)
READ, WRITE, BOTH, LONG = 1, 2, 3, 0x40


def up(side):
    return [E["UP"], side]


def submit(side, how=READ, length=3000):
    return [E["SUBMIT"], side, how, *u16(length)]


def many(side, how=READ, length=900):
    return [E["SUBMIT_MANY"], side, how, *u16(length)]


def read_all(side, task=0, twist=0, at=0):
    return [E["READ_ALL"], side, task, twist, at]


def data_in(side, task=0, flags=0, twist=0, length=900, sn=0, offset=0):
    return [E["DATA_IN"], side, task, flags, twist, *u16(length), sn & 0xff, offset & 0xff]


def r2t(side, task=0, twist=0, length=5000, sn=0, offset=0):
    return [E["R2T"], side, task, twist, 7, sn & 0xff, offset & 0xff, *u16(length)]


def response(side, task=0, flags=0, twist=0, more=(), sn=0):
    return [E["RESPONSE"], side, task, flags, twist, *more, sn & 0xff]


def answer(side, kind, twist=0, how=0, more=(), back=0):
    return [E["ANSWER"], side, kind | back << 2, twist, how, *more]


def again(side, back):
    return [E["AGAIN"], side, back]


def time(ms):
    return [E["TIME"], *u16(ms)]


def engine():
    runs = {
        "reads": [up(0), submit(0), read_all(0), many(0), *[read_all(0, i) for i in range(16)]],
        "writes": [up(0), submit(0, WRITE, 30000), r2t(0), r2t(0), r2t(0, length=8000), response(0)],
        "residuals": [up(0), submit(0), data_in(0, flags=0x80), response(0, 0, 8, 0, (), 0) + u16(2100),
                      submit(0), data_in(0, flags=0x80 | 1 | 2 | 8)],
        "sense": [up(0), submit(0), response(0, 0, 1, 0, (2,))],
        "both": [up(0), submit(0, BOTH, 30000), r2t(0, length=10000), read_all(0), submit(0, BOTH, 3000),
                read_all(0),
                 submit(0, READ | LONG), read_all(0)],
        # Nine Data-In, number 3 of which is lost or spoilt; it is asked for before or after the status.
        "lost_data": [up(0), submit(0, READ, 9000), read_all(0, 0, LOST, 3), again(0, 6), answer(0, NOP)],
        "spoilt_data": [up(0), submit(0, READ, 9000), read_all(0, 0, SPOILT, 3), answer(0, NOP), again(0, 7)],
        "spoilt_last": [up(0), submit(0, READ, 9000), read_all(0, 0, SPOILT, 8), answer(0, NOP), again(0, 2)],
        "never_sent": [up(0), submit(0, READ, 9000), read_all(0, 0, LOST, 3), *[answer(0, NOP)] * 10],
        "snack_refused": [up(0), submit(0, READ, 9000), read_all(0, 0, LOST, 3), [E["REJECT"], 0, 4, 3, 0],
                          answer(0, NOP), answer(0, NOP)],
        "lost_status": [up(0), submit(0, READ, 500), read_all(0, 0, LOST, 0x81), again(0, 0), submit(0, READ, 500),
                        read_all(0, 0, LOST, 0x81), submit(0, READ, 500), read_all(0, 1), again(0, 2),
                                answer(0, NOP)],
        "lost_r2t": [up(0), submit(0, WRITE, 60000), r2t(0, twist=LOST, length=8000), r2t(0, length=8000),
                again(0, 1),
                     answer(0, NOP), r2t(0, length=8000), r2t(0, length=8000), response(0)],
        "data_ack": [up(0), submit(0, READ, 3600), data_in(0, flags=0xc0), data_in(0, flags=0xc0, twist=LOST),
                     data_in(0, flags=0xc0), again(0, 1), answer(0, NOP), data_in(0, flags=0x90), response(0)],
        "pings": [up(0), [E["PING"], 0, 1, 0], [E["PING"], 0, 3, 0], time(5100), answer(0, NOP), submit(0),
                  time(300), answer(0, NOP), time(6000), time(6000)],
        "two": [up(0), [E["ADD"]], up(1), submit(0), submit(1), read_all(0, 0), read_all(1, 1),
                [E["REMOVE"], 2], answer(1, LOGOUT), [E["LOGOUT"]], answer(0, LOGOUT)],
        "cut": [up(0), [E["ADD"]], up(1), submit(1), submit(1, WRITE), [E["CLOSE"], 1, 0], time(2100),
                answer(0, LOGOUT), answer(0, TMF), answer(0, TMF, back=1), read_all(0, 0), response(0, 1), up(1),
                submit(1), read_all(1)],
        "no_reassign": [up(0), [E["ADD"]], up(1), submit(1), submit(1, WRITE), [E["CLOSE"], 1, 0], time(2100),
                        answer(0, LOGOUT), answer(0, TMF, 0, 0x81), answer(0, TMF, 0, 0x84, back=1), time(100),
                                up(0),
                        up(1)],
        "not_cleaned": [up(0), [E["ADD"]], up(1), submit(1), [E["CLOSE"], 1, 0], time(2100),
                        answer(0, LOGOUT, 0, 0x82), time(2100), up(0), up(1)],
        "all_cut": [up(0), [E["ADD"]], up(1), submit(1), submit(0, WRITE), [E["CLOSE"], 0, 0], [E["CLOSE"], 1, 0],
                    time(2100), up(0), answer(0, LOGOUT), answer(0, TMF), answer(0, TMF, back=1), read_all(0, 0),
                    up(1), submit(0), r2t(0, 1), response(0, 1), [E["CLOSE"], 0, 0], [E["CLOSE"], 1, 0],
                    time(2100), [E["CLOSE"], 0, 2], time(25000), up(0), up(1)],
        "never_back": [up(0), submit(0), [E["CLOSE"], 0, 1], time(30000), [E["CLOSE"], 0, 2], time(40000)],
        "behind": [up(0), [E["ADD"]], up(1), *[submit(1)] * 3, [E["PING"], 0, 1, BEHIND], [E["CLOSE"], 1, 0],
                time(2100), answer(0, LOGOUT, BEHIND),
                   answer(0, NOP, BEHIND), *[read_all(0, i) for i in range(3)]],
        "shut": [up(0), [E["PING"], 0, 1, SHUT | BEHIND], many(0), many(0), [E["PING"], 0, 1, 0],
                 *[read_all(0, i) for i in range(16)]],
        "reject_command": [up(0), submit(0, WRITE), [E["REJECT"], 0, 2, 2, 0], answer(0, NOP), r2t(0, length=2000),
                           response(0), submit(0, WRITE), [E["REJECT"], 0, 4, 7, 0]],
        "reject_others": [up(0), time(5100), [E["REJECT"], 0, 2, 6, 0], time(100), [E["MANAGE"], 0, 3],
                          [E["REJECT"], 0, 3, 6, 0], time(100), answer(0, TMF)],
        "asyncs": [up(0), [E["ADD"]], up(1), [E["ASYNC"], 0, 0, 0, 0, 0, 0], [E["ASYNC"], 0, 1, 0, 0, 5, 0],
                   answer(0, LOGOUT), [E["ASYNC"], 1, 2, 2, 0, 1, 0], [E["ASYNC"], 0, 3, 0, 0, 1, 0],
                   time(2000), up(0), [E["ASYNC"], 0, 5, 0, 0, 0, 0], [E["ASYNC"], 0, 4, 0, 0, 3, 0]],
        "manage": [up(0), [E["ADD"]], up(1), many(0), submit(1), [E["MANAGE"], 0, 0], answer(0, TMF),
                   [E["MANAGE"], 0, 3], answer(0, TMF), [E["MANAGE"], 1, 5], answer(1, TMF), [E["MANAGE"], 0, 8],
                   answer(0, TMF, 0, 0x85), time(4000)],
        "too_late": [up(0), submit(0), time(2100), answer(0, TMF), submit(0), time(2100), answer(0, TMF, 0, 0x81),
                     time(4000), submit(0, WRITE), time(2100), answer(0, TMF, 0, 0x85)],
        "pieces_sent": [up(0), [E["STUFF"], 0], submit(0, WRITE, 9000), *[[E["SEND"], 0, *u16(n)] for n in (1,
                47, 100)],
                        r2t(0), [E["SEND"], 0, *u16(60)], [E["CLOSE"], 0, 0]],
        "habits": [up(0), [E["HABITS"], 3], [E["ADD"]], up(1), submit(0), submit(1), time(5100), answer(0, NOP),
                   read_all(0, 0), read_all(1, 1), [E["REMOVE"], 2], answer(1, LOGOUT)],
        "text": [up(0), [E["TEXT"], 0], answer(0, TEXT, 0, 0, [0x80]), [E["TEXT"], 0],
                 answer(0, TEXT, 0, 0, [0x40]), answer(0, TEXT, 0, 0, [0x81, 4, 65, 61, 66, 0])],
        "raw": [up(0), [E["RAW"], 0, *u16(96), *([0x3f] * 96)]],
    }
    # Session, level, times and the other terms: see begin() of engine_fuzz.c.
    terms = {"l0": (0x00, 0), "l1": (0x40 | 0x10, 0), "l2": (0x80 | 0x10, 0x60), "l1d": (0x40 | 0x20, 0x80),
             "l2d": (0x80 | 0x20 | 8, 0x80 | 2), "order": (6, 0), "any": (0, 0x0c), "any2": (0x80, 0x0c)}
    wanted = {name: list(terms) for name in ("reads", "cut", "all_cut", "lost_data", "spoilt_data", "writes")}
    for name, run in runs.items():
        body = [byte for part in run for byte in part]
        for term in wanted.get(name, ["l0", "l1d", "l2"]):
            put("engine", f"{name}.{term}", [*terms[term], *body])
    put("engine", "discovery", [1, 0, *up(0), E["TEXT"], 0, *answer(0, TEXT, 0, 0, [0x80]), E["LOGOUT"],
                                *answer(0, LOGOUT)])


# ---- login

L = acts("GOOD KEYS RAW STATUS OPEN ADD CLOSE TIME WHOLE")


def login():
    good = [L["GOOD"], 0, 0, 0]
    for mode, flags in (("none", 0), ("one_way", 0x40), ("mutual", 0x90)):
        put("login", f"good.{mode}", [flags, 3 & 0, *good * 6])
        put("login", f"digests.{mode}", [flags, 3, *good * 6])
        put("login", f"md5.{mode}", [flags, 0, *[L["GOOD"], 0, 1, 0] * 6])
        put("login", f"pieces.{mode}", [flags, 0, *[L["GOOD"], 0, 0, 11] * 6])
        put("login", f"added.{mode}", [flags, 0, *good * 6, L["ADD"], 0, L["WHOLE"], 1, L["CLOSE"], 1, L["TIME"], 0,
                                       *u16(1100), L["WHOLE"], 1, L["WHOLE"], 0])
        put("login", f"back.{mode}", [flags, 0, L["WHOLE"], 0, L["CLOSE"], 0, L["TIME"], 0, *u16(1100),
                L["WHOLE"], 0])
        put("login", f"continued.{mode}", [flags | 4, 0, L["WHOLE"], 0, L["CLOSE"], 0, L["TIME"], 0, *u16(2100),
                                           L["WHOLE"], 0, L["CLOSE"], 0, L["TIME"], 0, *u16(2100), L["STATUS"],
                                                   0, 2,
                                           10, 0])
        put("login", f"wrong_proof.{mode}", [flags, 0, *good * 2, L["GOOD"], 0, 0x84, 0, *good])
        put("login", f"another_pair.{mode}", [flags, 0, L["GOOD"], 0, 0, 0x80, 8, 3, *good * 4])
        put("login", f"moved.{mode}", [flags, 0, L["STATUS"], 0, 0x81, 1, 31, 0, L["OPEN"], 0, *good * 5])
    for n in range(8):
        put("login", f"status.{n}", [0, 0, L["STATUS"], 0, 2 + n % 2, n, 0])
    put("login", "keys", [0, 0, L["KEYS"], 0, 0x81, 2, 10, 11, 0, 0, L["KEYS"], 0, 0x87, 5, 12, 0, 13, 0, 14,
            16, 18, 17,
                          25, 10])
    put("login", "discovery", [1, 0, *good * 4])


# ---- nbd

N = acts("OPEN HELLO HELLO_STRUCTURED RAW OPTION HALF CLOSE ASK ASK_MANY READ GOOD ANSWER TIME CHANGE")
NBD_READ, NBD_WRITE, NBD_DISC, NBD_FLUSH, NBD_TRIM, _, NBD_ZERO = range(7)


def ask(client, kind, flags=0, unit=0, offset=3, length=8, many=None):
    head = [N["ASK"], client] if many is None else [N["ASK_MANY"], client, many]
    return head + [kind, flags, unit, *u16(offset), *u16(length)]


def nbd():
    options = b"".join(b"IHAVEOPT" + struct.pack(">II", n, 0) for n in (8, 3, 6, 2))
    go = b"IHAVEOPT" + struct.pack(">IIIHH", 7, 8, 0, 1, 3)
    request = struct.pack(">IHHQQI", 0x25609513, 0, 0, 9, 0, 4096)
    for name, begin in {"fua": [0, 0x1f, 0], "read_only": [1, 0x01, 0], "small": [1, 0x56, 0], "cut": [0, 0x1f,
            1]}.items():
        for hello in ("HELLO", "HELLO_STRUCTURED"):
            first = [*begin, N[hello], 0]
            put("nbd", f"all.{name}.{hello.lower()}", first + ask(0, NBD_READ) + ask(0, NBD_WRITE, 1) + ask(0,
                    NBD_FLUSH, 0, 2, 0, 0)
                + ask(0, NBD_TRIM) + ask(0, NBD_ZERO, 9) + [N["GOOD"], 0] * 5 + [N["READ"], 0] + ask(0, NBD_DISC))
            put("nbd", f"many.{name}.{hello.lower()}", first + ask(0, NBD_READ, many=150) + [N["GOOD"], 3] * 20
                + [N["ANSWER"], 0, 0, 0x28, 0, N["ANSWER"], 0, 0, 0x08, 0, N["TIME"], *u16(3000), N["READ"], 0])
            put("nbd", f"errors.{name}.{hello.lower()}", first + ask(0, NBD_READ) + [N["ANSWER"], 0, 0, 2, 0,
                    0x70, 0, 3, *[0] * 15]
                + ask(0, NBD_WRITE) + [N["ANSWER"], 0, 3, 0, 0, N["CHANGE"], 0x81] + ask(0, NBD_READ, 0, 0, 60000))
    put("nbd", "options", [0, 0, 0, N["RAW"], 0, *u16(4), 0, 0, 0, 3, N["RAW"], 0, *u16(len(options)), *options])
    put("nbd", "end", [0, 0x1f, 0, N["HELLO"], 0, *[byte for kind in (NBD_READ, NBD_WRITE, NBD_TRIM, NBD_ZERO)
                                                    for byte in ask(0, kind, 0, 0, 19992) + ask(0, kind, 0, 0,
                                                            19993)],
                       *[N["GOOD"], 0] * 8])
    put("nbd", "by_name", [0, 0, 0, N["RAW"], 0, *u16(20), 0, 0, 0, 1, *b"IHAVEOPT", 0, 0, 0, 1, 0, 0, 0, 0])
    put("nbd", "raw", [0, 0, 0, N["RAW"], 0, *u16(4 + len(go) + len(request)), 0, 0, 0, 3, *go, *request,
            N["GOOD"], 0])
    put("nbd", "three", [0, 0, 0, N["OPEN"], 1, N["OPEN"], 2, N["HELLO"], 1, N["HELLO"], 2, *ask(1, NBD_WRITE),
                         *ask(2, NBD_READ), N["HALF"], 1, N["CLOSE"], 2, N["GOOD"], 0, N["GOOD"], 0, N["TIME"],
                                 *u16(31000)])


# ---- bus

B = acts("CALL CALL_AGAIN CALL_ANY OPEN CLOSE RAW NEXUS NEXUS_AGAIN NEXUS_MORE DISK TURN")
METHODS = acts(" ".join(re.findall(r"^\tX\((\w+)", (HERE.parents[2] / "src/bus/interface.h").read_text(), re.M)))
ANY = [0xff]                      # 2^32 - 1
PORTAL = [1, 0, 3, 0xfe, 0, 0, 0, 0, 0, 0, 0x0c, 0xbc]  # present, "", 192.0.2.1, 3260
NO_PORTAL = [0, 0, 0, 0]
NO_OPTIONS = [0] * 10 + [0, 0]
OPTIONS = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
ID = [0, 0]
TARGET, ANY_PORT = [1], ANY


def call(name, *args):
    return [B["CALL"], 0, METHODS[name], *[byte for arg in args for byte in arg]]


def nexus(what, *more):
    return [B["NEXUS"], 0, what, *more]


def bus():
    good, bad, io = nexus(1), nexus(0, 4, 0, 0, 0), nexus(7, 0, 0)
    discover = call("AddIScsiSendTargetPortal", [0], ANY, NO_OPTIONS, [0], PORTAL) + good + nexus(1, 0) + good * 2
    enter = call("LoginIScsiTarget", TARGET, [0], [0], ANY, NO_PORTAL, [0], [0], OPTIONS, [0], [0]) + good
    ready = [B["DISK"], 0, 1, 2, 1, 0]
    session = discover + enter + io + ready * 4
    add = call("AddIScsiConnection", ID, ANY, PORTAL, [0], OPTIONS, [0])
    put("bus", "discover", discover + call("ReportIScsiTargets", [1]) + call("ReportIScsiTargetPortals", [0],
            TARGET, [0], [0])
        + call("ReportIScsiSendTargetPortals") + call("RefreshIScsiSendTargetPortal", [0], ANY, PORTAL) + bad
                + good * 3
        + call("RemoveIScsiSendTargetPortal", [0], ANY, PORTAL))
    put("bus", "session", session + call("GetIScsiSessionList") + call("GetDevicesForIScsiSession", ID)
        + call("LogoutIScsiTarget", ID) + [B["DISK"], 0, 0] * 4 + good * 2)
    put("bus", "connections", session + add + good + call("GetIScsiSessionList") + nexus(3, 5, 0, 0, 0)
            + nexus(3, 5, 0, 0, 0)
        + call("RemoveIScsiConnection", ID, [0x40, 0]) + good + nexus(4, 5, 0, 0, 0, 0x80) + nexus(4, 5, 0, 0,
                0, 0))
    put("bus", "add_fails", session + add + bad + nexus(6 + 0x80 - 0, 0) + good * 2)
    put("bus", "login_fails", discover + enter[:-len(good)] + bad + good * 2)
    put("bus", "scsi", session + call("SendScsiInquiry", ID, [0], [0], [0], [0xff, 0]) + io
        + call("SendScsiReadCapacity", ID, [0], [8]) + nexus(7, 0x40, *[0x70, 0, 6] + [0] * 15, 0)
        + call("SendScsiReportLuns", ID, [200]) + nexus(7, 0x85, 0))
    put("bus", "policy", session + call("SetIScsiSessionLoadBalancePolicy", ID, [5], [1, 0x20, 1, 1])
        + call("GetIScsiSessionLoadBalancePolicy", ID) + call("SendIScsiTaskManagement", ID, [0], [5])
                + nexus(1, 0))
    put("bus", "settings", call("SetIScsiInitiatorNodeName", [8]) + call("GetIScsiInitiatorNodeName")
        + call("SetIScsiDefault", [14], [15]) + call("SetIScsiDefault", [17], [15]) + call("GetIScsiDefault", [17])
        + call("ReportIScsiDefaults") + call("SetIScsiInitiatorCHAPSharedSecret", [16, *b"sixteen  letters"])
        + call("GetIScsiVersionInformation") + call("ReportIScsiInitiatorList") + call("ReportIScsiInitiatorPorts"))
    put("bus", "unit_attention", session + nexus(5, 0, 0, *[0x70, 0, 6] + [0] * 9 + [0x3f, 0x0e, 0, 0, 0, 0])
        + [B["DISK"], 0, 31, 2, 1, 0, B["TURN"]])
    put("bus", "persistent", discover + call("LoginIScsiTarget", TARGET, [0], [0], ANY, PORTAL, [0], [0],
            OPTIONS, [0], [1]))
    put("bus", "raw", [B["RAW"], 1, 16, *b"l\1\0\1\0\0\0\0\1\0\0\0\0\0\0\0", B["RAW"], 0, 4, *b"\0AUT"])
    put("bus", "types", [B["CALL_ANY"], 0, 2, 3, 5, 0, 8, 1, 0, 9, 1, 4])
    put("bus", "clients", [B["OPEN"], 1, B["OPEN"], 2, B["CALL"], 1, 4, B["CLOSE"], 1, B["CLOSE"], 0,
            B["CALL"], 2, 4])


# ---- text, pdu, scsi

def text():
    first = b"TargetPortalGroupTag=1\0AuthMethod=None\0"
    op = (b"HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=Yes\0"
          b"ImmediateData=Yes\0MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
          b"DefaultTime2Retain=20\0MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0"
          b"ErrorRecoveryLevel=0\0")
    targets = (b"TargetName=iqn.2026-11.test:a\0TargetAddress=192.0.2.1:3260,1\0TargetAddress=[2001:db8::1]:3260,2\0"
               b"TargetName=eui.02004567A425678D\0TargetAddress=host.example.org\0TargetName=naa.52004567BA64678D\0")
    put("text", "first", b"\0" + first)
    put("text", "operational", b"\0" + op)
    put("text", "added", b"\1" + b"HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=65536\0")
    put("text", "reporting", b"\0TaskReporting=FastAbort\0iSCSIProtocolLevel=2\0")
    put("text", "odd",
            b"\0X-com.example=1\0IFMarker=No\0OFMarkInt=Reject\0MaxConnections=0x10\0CHAP_C=0bAAECAwQ=\0")
    put("text", "targets", b"\0" + targets)


def pdu():
    for opcode in (0x01, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f):
        put("pdu", f"opcode.{opcode:02x}", bytes([opcode, 0x80]) + bytes(range(46)))
    put("pdu", "ahs", bytes([1, 0xe0, 0, 0, 6]) + bytes(43) + struct.pack(">HBB", 5, 2, 0) + bytes(4)
        + struct.pack(">HBB", 9, 1, 0) + bytes(12))


def scsi():
    put("scsi", "inquiry", bytes([0, 0, 6, 2, 31, 0, 0, 2]) + b"VENDOR  PRODUCT         1.0 " + bytes(8))
    put("scsi", "vpd00", bytes([0, 0, 0, 5, 0, 0x80, 0x83, 0xb0, 0xb2]))
    put("scsi", "vpd80", bytes([0, 0x80, 0, 8]) + b"SERIAL42")
    put("scsi", "vpd83", bytes([0, 0x83, 0, 40, 1, 3, 0, 8, 0x50, 1, 2, 3, 4, 5, 6, 7, 2, 1, 0, 12])
            + b"T10 VENDOR 1"
        + bytes([0x53, 8, 0, 8]) + b"naa.5000")
    put("scsi", "vpdb0", bytes([0, 0xb0, 0, 60]) + bytes(range(60)))
    put("scsi", "capacity", struct.pack(">QI", 1 << 20, 512) + bytes(20))
    put("scsi", "luns", struct.pack(">II", 24, 0) + bytes(8) + bytes([0, 1]) + bytes(6) + bytes([0x40, 2])
            + bytes(6))
    put("scsi", "sense", bytes([0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0]))
    put("scsi", "sense_descriptor", bytes([0x72, 5, 0x20, 0, 0, 0, 0, 12, 0, 10, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1]))
    put("scsi", "mode", bytes([23, 0, 0x10, 0, 8, 18, 4]) + bytes(17))


def isns():
    def attribute(tag, value=b""):
        value = struct.pack(">I", value) if isinstance(value, int) else value
        value += bytes(-len(value) % 4)
        return struct.pack(">II", tag, len(value)) + value

    def place(tag, last):
        return attribute(tag, bytes(10) + b"\xff\xff\x0a\0\0" + bytes([last])) + attribute(tag + 1, 3260)

    def node(name, kind=1):
        return attribute(32, name + b"\0") + attribute(33, kind)

    begin = attribute(33, 1) + attribute(0)
    name = b"iqn.2026-11.test:a"
    group = attribute(48, name + b"\0") + place(49, 1)
    put("isns", "groups", begin + node(name) + attribute(34, b"alias\0") + place(16, 1) + group + attribute(51, 1)
        + group + attribute(51))
    put("isns", "portals", begin + node(name) + place(16, 1) + place(16, 2) + node(b"iqn.b", 2)
        + attribute(1, b"e\0") + place(16, 3) + node(name.upper()))
    put("isns", "no_delimiter", node(name) + place(16, 1))
    put("isns", "cut", begin + node(name)[:-2])
    put("isns", "scn", struct.pack(">HHHHHH", 1, 8, 44, 0x4c00, 7, 0) + attribute(32, b"iqn.me\0") + attribute(4, bytes(8))
        + attribute(35, 8))


# ---- vici

def vici():
    def name(text):
        return bytes([len(text)]) + text

    def message(parts):
        out = b""
        for key, value in parts:
            if isinstance(value, list) and value and isinstance(value[0], tuple):
                out += b"\1" + name(key) + message(value) + b"\2"
            elif isinstance(value, list):
                items = b"".join(b"\5" + struct.pack(">H", len(v)) + v for v in value)
                out += b"\4" + name(key) + items + b"\6"
            else:
                out += b"\3" + name(key) + struct.pack(">H", len(value)) + value
        return out

    def event(what, parts):
        return b"\7" + name(what) + message(parts)

    ike = [(b"uniqueid", b"3"), (b"version", b"2"), (b"state", b"ESTABLISHED"), (b"local-host", b"10.97.0.1"),
           (b"local-port", b"4500"), (b"remote-id", b"10.97.0.2"), (b"initiator", b"yes"),
           (b"encr-alg", b"AES_CBC"), (b"encr-keysize", b"256"), (b"dh-group", b"MODP_2048"),
           (b"rekey-time", b"13274"), (b"tasks-active", [b"CHILD_CREATE"])]
    child = [(b"name", b"iscsi"), (b"uniqueid", b"2"), (b"reqid", b"1"), (b"state", b"INSTALLED"),
             (b"mode", b"TUNNEL"), (b"spi-in", b"c0ffee01"), (b"encr-alg", b"AES_GCM_16"), (b"esn", b"1"),
             (b"bytes-in", b"69184"), (b"install-time", b"7"), (b"local-ts", [b"10.96.0.1/32[tcp]"]),
             (b"remote-ts", [b"10.96.0.2/32[tcp/iscsi-target]", b"fec0::/64[6/1024-65535]",
                             b"10.0.0.5..10.0.0.9"])]
    sa = (b"c", ike + [(b"child-sas", [(b"iscsi-2", child)])])
    put("vici", "list_sa", event(b"list-sa", [sa]))
    put("vici", "ike_updown", event(b"ike-updown", [(b"up", b"yes"), (b"c", ike)]))
    put("vici", "child_updown", event(b"child-updown", [(b"up", b"yes"), sa]))
    put("vici", "child_rekey", event(b"child-rekey", [(b"c", ike + [
        (b"child-sas", [(b"iscsi", [(b"old", child), (b"new", child)])])])]))
    put("vici", "list_conn", event(b"list-conn", [(b"c", [
        (b"local_addrs", [b"%any"]), (b"remote_addrs", [b"10.97.0.2", b"host.example"]),
        (b"version", b"IKEv1/2"), (b"local-1", [(b"class", b"pre-shared key"), (b"groups", [])]),
        (b"children", [(b"iscsi", [(b"mode", b"TRANSPORT"), (b"local-ts", [b"dynamic[tcp]"]),
                                   (b"remote-ts", [b"dynamic[tcp/iscsi-target]"])])])])]))
    put("vici", "list_policy", event(b"list-policy", [(b"c/iscsi", [
        (b"child", b"iscsi"), (b"ike", b"c"), (b"mode", b"DROP"), (b"remote-ts", [b"0.0.0.0/0[17/500]"])])]))
    put("vici", "control_log", event(b"control-log", [
        (b"group", b"IKE"), (b"level", b"1"), (b"msg", b"received AUTHENTICATION_FAILED notify error")]))
    put("vici", "failure", b"\1" + message([(b"success", b"no"), (b"errmsg", b"no such thing")]))
    put("vici", "names", b"\1" + message([(b"conns", [b"one", b"two"])]))
    put("vici", "confirmed", b"\5")
    put("vici", "deep", b"\1" + b"\1\1s" * 16 + b"\2" * 16)
    put("vici", "too_deep", b"\1" + b"\1\1s" * 17 + b"\2" * 17)
    put("vici", "cut", event(b"list-sa", [sa])[:-9])


for make in (engine, login, nbd, bus, text, pdu, scsi, isns, vici):
    make()
