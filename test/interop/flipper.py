#!/usr/bin/env python3
"""flipper.py LISTEN PORT TO PORT EVERY: a proxy that damages iSCSI data segments under their digest.

Each EVERY-th data segment of each kind (Data-In; Data-Out; a command's immediate data) gets one bit
flipped. The connections must have data digests and no header digests; the login is left alone. Each
damage is told on standard output as `KIND ITT`. Run in the namespace where it is needed.
"""
import random
import socket
import sys
import threading

KINDS = {0x25: "data-in", 0x05: "data-out", 0x01: "immediate"}
LOGIN = (0x03, 0x23)


class Damage:
    def __init__(self, every):
        self.every = every
        self.seen = dict.fromkeys(KINDS, 0)
        self.random = random.Random(1)
        self.lock = threading.Lock()

    def apply(self, pdu, at, length):
        """Maybe flips a bit of the data segment pdu[at:at + length]."""
        opcode = pdu[0] & 0x3F
        if opcode not in KINDS or not length:
            return
        with self.lock:
            self.seen[opcode] += 1
            if self.seen[opcode] % self.every:
                return
            bit = self.random.randrange(length * 8)
        pdu[at + bit // 8] ^= 1 << bit % 8
        print(KINDS[opcode], pdu[16:20].hex(), flush=True)


def read(source, length):
    got = bytearray()
    while len(got) < length:
        data = source.recv(length - len(got))
        if not data:
            raise OSError("closed")
        got += data
    return got


def pump(source, sink, damage):
    try:
        while True:
            pdu = read(source, 48)
            length = int.from_bytes(pdu[5:8], "big")
            digest = 4 if length and pdu[0] & 0x3F not in LOGIN else 0
            at = 48 + pdu[4] * 4
            pdu += read(source, pdu[4] * 4 + (length + 3 & ~3) + digest)
            damage.apply(pdu, at, length if digest else 0)
            sink.sendall(pdu)
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    host, port, to, to_port, every = sys.argv[1:]
    damage = Damage(int(every))
    listener = socket.create_server((host, int(port)))
    print("ready", flush=True)
    while True:
        near = listener.accept()[0]
        try:
            far = socket.create_connection((to, int(to_port)), timeout=5)
        except OSError:
            near.close()
            continue
        far.settimeout(None)
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=pump, args=(a, b, damage), daemon=True).start()


if __name__ == "__main__":
    main()
