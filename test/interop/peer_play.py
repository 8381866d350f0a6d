"""peer_play - hand-made iSCSI: the exchanges that record_lio.py plays, with an encoder of their own.

Nothing of the product is used, so what is recorded is what the target does and not what we believe.
Each exchange is a function that gets a Player, and makes connections and PDUs on it.
"""
import socket
import struct
import urllib.parse

NODE = "iqn.2026-11.test"
IMMEDIATE, FINAL, NO_TAG = 0x40, 0x80, 0xFFFFFFFF
NOP, COMMAND, MANAGE, LOGIN, TEXT, DATA, LOGOUT, SNACK = 0, 1, 2, 3, 4, 5, 6, 0x10
R2T, REJECT, DATA_IN, RESPONSE = 0x31, 0x3F, 0x25, 0x21
QUIET = 0.4  # seconds without a byte after which the target is taken to have said all
BASE = {"InitialR2T": "Yes", "ImmediateData": "Yes", "MaxConnections": "8", "ErrorRecoveryLevel": "0",
        "MaxOutstandingR2T": "1", "DefaultTime2Wait": "2", "DefaultTime2Retain": "20",
        "MaxBurstLength": "262144", "FirstBurstLength": "65536", "DataPDUInOrder": "Yes",
        "DataSequenceInOrder": "Yes"}

CRC = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    CRC.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def printed(data, is_text):
    if not data:
        return "-"
    if is_text:
        return "t:" + urllib.parse.quote(data, safe="=,:.@/ ")
    if len(data) > 16 and len(set(data)) == 1:
        return f"f:{len(data)}:{data[0]:02x}"
    return "x:" + data.hex()


class Wire:
    """One connection."""

    def __init__(self, player, number, cid):
        self.player, self.number, self.cid = player, number, cid
        self.socket = socket.create_connection(player.address, timeout=5)
        self.exp_stat_sn = 0
        self.digests = [False, False]  # header, data
        self.buffer = b""

    def send(self, opcode, flags=FINAL, itt=0, words=(), data=b"", b2=0, b3=0, lun=0, bad=False):
        """`words`: the header from byte 20 on. `bad`: a wrong data digest."""
        head = struct.pack(">BBBBB", opcode, flags, b2, b3, 0) + len(data).to_bytes(3, "big")
        head += lun if isinstance(lun, bytes) else struct.pack(">BB6x", 0, lun)
        head += struct.pack(">I", itt)
        head += b"".join(w if isinstance(w, bytes) else struct.pack(">I", w & NO_TAG) for w in words)
        head = head.ljust(48, b"\0")
        out = head + (crc32c(head) if self.digests[0] else b"")
        if data:
            body = data + bytes(-len(data) % 4)
            digest = bytes(b ^ 255 for b in crc32c(body)) if bad else crc32c(body)
            out += body + (digest if self.digests[1] else b"")
        self.player.note(">", self, head, data, bad)
        self.socket.sendall(out)

    def _take(self):
        """The next whole PDU in the buffer, if any."""
        if len(self.buffer) < 48:
            return None
        login = self.buffer[0] & 0x3F == 0x23
        length = int.from_bytes(self.buffer[5:8], "big")
        at = 48 + self.buffer[4] * 4 + (4 if self.digests[0] and not login else 0)
        end = at + (length + 3 & ~3) + (4 if length and self.digests[1] and not login else 0)
        if len(self.buffer) < end:
            return None
        pdu = self.buffer[:48], self.buffer[at:at + length]
        self.buffer = self.buffer[end:]
        return pdu

    def receive(self, count=64):
        """PDUs until there are `count`, the connection ends, or all is quiet."""
        got = []
        self.socket.settimeout(QUIET)
        while len(got) < count:
            pdu = self._take()
            if pdu:
                got.append(pdu)
                self._seen(*pdu)
                continue
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                break
            except OSError:
                data = b""
            if not data:
                self.player.line(f"x {self.number}")
                break
            self.buffer += data
        return got

    def _seen(self, head, data):
        self.player.note("<", self, head, data, False)
        opcode = head[0] & 0x3F
        stat, exp_cmd = struct.unpack_from(">II", head, 24)
        counts = opcode not in (R2T, SNACK) and (opcode != DATA_IN or head[1] & 1)
        if counts and not (opcode == 0x20 and head[16:20] == b"\xff" * 4):
            if opcode == 0x23 or stat == self.exp_stat_sn:
                self.exp_stat_sn = stat + 1 & NO_TAG
        self.player.exp_cmd_sn = exp_cmd

    def drop(self):
        self.player.line(f"c {self.number}")
        self.socket.close()


class Player:
    """A session of hand-made PDUs, and the text of what it said and heard."""

    def __init__(self, address, number):
        self.address = address
        self.lines, self.wires = [], []
        self.cmd_sn = self.itt = 1
        self.tsih = 0
        self.isid = struct.pack(">BBH", 0x80, 0x12, number)  # a session of another exchange may linger
        self.exp_cmd_sn = 0

    def line(self, text):
        self.lines.append(text)

    def note(self, way, wire, head, data, bad):
        is_text = head[0] & 0x3F in (0x03, 0x04, 0x23, 0x24)
        self.line(f"{way} {wire.number} {head.hex()} {printed(data, is_text)}{' bad-digest' if bad else ''}")

    def wire(self, cid):
        self.wires.append(Wire(self, len(self.wires) + 1, cid))
        return self.wires[-1]

    def close(self):
        for wire in self.wires:
            wire.socket.close()

    def tag(self):
        self.itt += 1
        return self.itt

    def login(self, cid=1, tsih=None, leading=True, stage_2=None, discovery=False, **keys):
        """A login in two steps. Returns the connection, or None if it was refused."""
        wire = self.wire(cid)
        tsih = self.tsih if tsih is None else tsih
        names = {"InitiatorName": f"{NODE}:hand"}
        if leading:
            names["SessionType"] = "Discovery" if discovery else "Normal"
        if not discovery:
            names["TargetName"] = f"{NODE}:open"
        first = {**names, "AuthMethod": "None"}
        second = {"HeaderDigest": "None", "DataDigest": "None", "MaxRecvDataSegmentLength": "8192"}
        if leading and not discovery:
            second.update(BASE)
        second.update(keys if stage_2 is None else stage_2)
        itt = self.tag()
        isid = self.isid + b"\0\0" + struct.pack(">H", tsih)
        answer = None
        for flags, pairs in ((0x81, first), (0x87, second)):
            text = "".join(f"{k}={v}\0" for k, v in pairs.items()).encode()
            wire.send(LOGIN | IMMEDIATE, flags, itt, (cid << 16, self.cmd_sn, wire.exp_stat_sn),
                      text, lun=isid)
            got = wire.receive(1)
            if not got or got[0][0][36]:
                wire.receive(1)  # the end of the connection
                return None
            answer = got[0]
        head, data = answer
        self.tsih = self.tsih or struct.unpack_from(">H", head, 14)[0]
        wire.digests = [f"{k}=CRC32C".encode() in data for k in ("HeaderDigest", "DataDigest")]
        return wire

    # Requests. Each returns its tag.

    def command(self, wire, cdb, length=0, flags=0, data=b"", itt=None, cmd_sn=None, bad=False, lun=0):
        itt = itt or self.tag()
        if cmd_sn is None:
            cmd_sn, self.cmd_sn = self.cmd_sn, self.cmd_sn + 1
        wire.send(COMMAND, flags | FINAL | 1, itt,
                  (length, cmd_sn, wire.exp_stat_sn, cdb.ljust(16, b"\0")), data, bad=bad, lun=lun)
        return itt

    def read(self, wire, block=0, blocks=1, length=None, **more):
        cdb = struct.pack(">BBIBHB", 0x28, 0, block, 0, blocks, 0)
        return self.command(wire, cdb, blocks * 512 if length is None else length, 0x40, **more)

    def write(self, wire, block=0, blocks=1, length=None, data=b"", **more):
        cdb = struct.pack(">BBIBHB", 0x2A, 0, block, 0, blocks, 0)
        return self.command(wire, cdb, blocks * 512 if length is None else length, 0x20, data, **more)

    def data_out(self, wire, itt, ttt, offset, data, data_sn=0, bad=False, final=True):
        wire.send(DATA, FINAL if final else 0, itt,
                  (ttt, 0, wire.exp_stat_sn, 0, data_sn, offset), data, bad=bad)

    def nop(self, wire, data=b"", immediate=True):
        itt = self.tag()
        wire.send(NOP | (IMMEDIATE if immediate else 0), FINAL, itt,
                  (NO_TAG, self.cmd_sn, wire.exp_stat_sn), data)
        self.cmd_sn += not immediate
        return itt

    def manage(self, wire, function, task=NO_TAG, ref_cmd_sn=0, exp_data_sn=0, lun=0):
        itt = self.tag()
        wire.send(MANAGE | IMMEDIATE, FINAL | function, itt,
                  (task, self.cmd_sn, wire.exp_stat_sn, ref_cmd_sn, exp_data_sn), lun=lun)
        return itt

    def snack(self, wire, kind, itt=NO_TAG, ttt=NO_TAG, begin=0, run=0):
        wire.send(SNACK, FINAL | kind, itt, (ttt, 0, wire.exp_stat_sn, 0, 0, begin, run))

    def logout(self, wire, reason=0, cid=None):
        itt = self.tag()
        cid = 0 if reason == 0 else wire.cid if cid is None else cid
        wire.send(LOGOUT | IMMEDIATE, FINAL | reason, itt, (cid << 16, self.cmd_sn, wire.exp_stat_sn))
        return itt
