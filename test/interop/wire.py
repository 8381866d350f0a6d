"""wire - what a capture holds of iSCSI: the PDUs of each TCP connection, put together again.

An own reader, so that what went over the wire is judged by something else than what sent it. It knows
the basic header, the lengths and which digests lie between PDUs; the rest is the caller's.
"""
import socket
import struct

LOGIN, LOGIN_ANSWER = 0x03, 0x23


class Pdu:
    """One PDU: when, which way, and its basic header."""

    __slots__ = ("time", "out", "stream", "bhs", "data")

    def __init__(self, time, out, stream, bhs, data):
        self.time, self.out, self.stream, self.bhs, self.data = time, out, stream, bhs, data

    @property
    def opcode(self):
        return self.bhs[0] & 0x3F

    @property
    def flags(self):
        return self.bhs[1]

    def word(self, at):
        return struct.unpack_from(">I", self.bhs, at)[0]

    def half(self, at):
        return struct.unpack_from(">H", self.bhs, at)[0]

    @property
    def itt(self):
        return self.word(16)


class Way:
    """One direction of a TCP connection: segments in, PDUs out."""

    def __init__(self, stream, out):
        self.stream, self.out = stream, out
        self.next = None     # the sequence number that comes next
        self.early = {}      # segments beyond it
        self.bytes = bytearray()
        self.lost = False    # a segment is missing in the capture: nothing more can be told

    def segment(self, time, seq, data):
        if self.lost or not data:
            return
        if self.next is None:
            self.next = seq
        self.early[seq] = max(self.early.get(seq, b""), data, key=len)
        while True:
            fits = [s for s in self.early if (self.next - s) & 0xFFFFFFFF < 1 << 31]
            if not fits:
                break
            for s in fits:
                data = self.early.pop(s)[(self.next - s) & 0xFFFFFFFF:]
                self.bytes += data
                self.next = (self.next + len(data)) & 0xFFFFFFFF
        self.lost = len(self.early) > 4096
        self._pdus(time)

    def _pdus(self, time):
        at = 0
        while len(self.bytes) - at >= 48:
            bhs = bytes(self.bytes[at:at + 48])
            login = bhs[0] & 0x3F in (LOGIN, LOGIN_ANSWER)
            header, data_digest = (0, 0) if login else self.stream.digests
            length = int.from_bytes(bhs[5:8], "big")
            total = 48 + bhs[4] * 4 + header + (length + 3 & ~3) + (data_digest if length else 0)
            if len(self.bytes) - at < total:
                break
            start = at + 48 + bhs[4] * 4 + header
            self.stream.add(Pdu(time, self.out, self.stream, bhs,
                                bytes(self.bytes[start:start + length])))
            at += total
        del self.bytes[:at]


class Stream:
    """One TCP connection to a target."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.ways = {True: Way(self, True), False: Way(self, False)}
        self.digests = (0, 0)  # bytes of the header and the data digest
        self.keys = {}         # what the target answered at its login
        self.cid = self.tsih = None
        self.pdus = []

    def add(self, pdu):
        self.pdus.append(pdu)
        if pdu.opcode == LOGIN and self.cid is None:
            self.cid = pdu.half(20)
        if pdu.opcode == LOGIN_ANSWER:
            for pair in pdu.data.split(b"\0"):
                key, _, value = pair.decode("utf-8", "replace").partition("=")
                self.keys[key] = value
            if pdu.flags & 0x83 == 0x83:
                self.tsih = pdu.half(14)
                self.digests = tuple(4 if self.keys.get(d) == "CRC32C" else 0
                                     for d in ("HeaderDigest", "DataDigest"))


def frames(path):
    """(time, IP packet) of a pcap file of Ethernet or cooked frames."""
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if struct.unpack("<I", head[:4])[0] in (0xA1B2C3D4, 0xA1B23C4D) else ">"
        skip = {1: 14, 113: 16, 276: 20}[struct.unpack(order + "I", head[20:24])[0]]
        while len(record := f.read(16)) == 16:
            seconds, micro, size, _ = struct.unpack(order + "IIII", record)
            packet = f.read(size)
            yield seconds + micro / 1e6, packet[skip:]


def streams(path, ports):
    """All TCP connections of a capture to these target ports, with their PDUs, in order."""
    found, alive = [], {}
    for time, ip in frames(path):
        if len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != 6:
            continue
        header = (ip[0] & 15) * 4
        total = struct.unpack(">H", ip[2:4])[0] or len(ip)
        source, target, seq = struct.unpack_from(">HHI", ip, header)
        offset, flags = (ip[header + 12] >> 4) * 4, ip[header + 13]
        here, there = (socket.inet_ntoa(ip[12:16]), source), (socket.inet_ntoa(ip[16:20]), target)
        out = target in ports
        key = (here, there) if out else (there, here)
        if flags & 2 and out and (key not in alive or alive[key].pdus):
            alive[key] = Stream(*key)
            found.append(alive[key])
        stream = alive.get(key)
        if not stream:
            continue
        way = stream.ways[out]
        if flags & 2:
            way.next = seq + 1 & 0xFFFFFFFF
        else:
            way.segment(time, seq, ip[header + offset:total])
    return found


def pdus(path, ports):
    """All PDUs of a capture in the order of time."""
    return sorted((p for s in streams(path, ports) for p in s.pdus), key=lambda p: p.time)
