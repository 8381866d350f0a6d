#!/usr/bin/env python3
"""10,000 targets from one portal: found, listed and forgotten in seconds. The portal is a peer of our
own that answers SendTargets in many Text responses, cut anywhere, also within a key, with the C bit."""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TARGETS = 10000
PIECE = 8000   # bytes of a Text response, below the initiator's MaxRecvDataSegmentLength
SECONDS = 10   # for each step, the sanitizers' builds included

SERVICE, CLI = sys.argv[1], sys.argv[2]


def names(count):
    return [f"iqn.2026-11.test:many-{number:05}" for number in range(count)]


class Portal:
    """A discovery-only target. `count` is how many targets it tells."""

    def __init__(self):
        self.count = TARGETS
        self.pieces = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stat_sn = 1
        rest = b""
        with connection, connection.makefile("rb") as stream:
            while len(header := stream.read(48)) == 48:
                length = int.from_bytes(header[5:8], "big")
                data = stream.read(length + -length % 4)[:length]
                opcode = header[0] & 0x3F
                cmd_sn = int.from_bytes(header[24:28], "big") + (not header[0] & 0x40)
                numbers = struct.pack(">III", stat_sn, cmd_sn, cmd_sn + 31)
                stat_sn += 1
                if opcode == 0x03:
                    answer, data = self.login(header, data)
                elif opcode == 0x04:
                    if header[20:24] == b"\xff" * 4:
                        rest = self.list()
                    answer, data, rest = self.text(header, rest)
                elif opcode == 0x06:
                    answer, data = bytes([0x26, 0x80]) + bytes(14) + header[16:20] + bytes(4), b""
                else:
                    return
                pdu = bytearray((answer + numbers).ljust(48, b"\0"))
                pdu[5:8] = len(data).to_bytes(3, "big")
                connection.sendall(bytes(pdu) + data + bytes(-len(data) % 4))

    @staticmethod
    def login(header, data):
        declared = (b"InitiatorName", b"InitiatorAlias", b"SessionType", b"MaxRecvDataSegmentLength")
        plain = (b"AuthMethod", b"HeaderDigest", b"DataDigest")
        offers = [pair.split(b"=", 1) for pair in data.split(b"\0") if pair]
        data = b"".join(key + b"=" + (b"None" if key in plain else value) + b"\0"
                        for key, value in offers if key not in declared)
        flags = header[1] & 0x8F
        isid_tsih = header[8:14] + (b"\0\1" if flags & 0x83 == 0x83 else header[14:16])
        return bytes([0x23, flags]) + bytes(6) + isid_tsih + header[16:20] + bytes(4), data

    def list(self):
        return b"".join(f"TargetName={name}\0TargetAddress=127.0.0.1:{self.port},1\0".encode()
                        for name in names(self.count))

    def text(self, header, rest):
        piece, rest = rest[:PIECE], rest[PIECE:]
        self.pieces += 1
        flags = 0x40 if rest else 0x80
        tag = b"\0\0\0\7" if rest else b"\xff" * 4
        answer = bytes([0x24, flags]) + bytes(6) + header[8:16] + header[16:20] + tag
        return answer, piece, rest


def run(*words):
    begin = time.monotonic()
    done = subprocess.run([CLI, *map(str, words)], capture_output=True, text=True, timeout=60)
    seconds = time.monotonic() - begin
    if done.returncode or "completed successfully" not in done.stdout:
        sys.exit(f"{words}: {done.returncode}: {done.stdout[-300:]}")
    print(f"{words[0]}: {seconds:.3f} s")
    if seconds > SECONDS:
        sys.exit(f"{words}: too slow")
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("    iqn.")]


def check(found, wanted, what):
    if found != wanted:
        sys.exit(f"{what}: {len(found)} targets instead of {len(wanted)}")


def main():
    with tempfile.TemporaryDirectory(prefix="iscsidsc-many-") as folder:
        path = pathlib.Path(folder)
        os.environ["ISCSIDSC_SOCKET"] = str(path / "s.sock")
        portal = Portal()
        with open(path / "log", "w") as log:
            service = subprocess.Popen([SERVICE, "--foreground", "--state-dir", path / "state",
                                        "--socket", path / "s.sock"], stderr=log)
        while not (path / "s.sock").exists() and service.poll() is None:
            time.sleep(0.02)
        try:
            run("AddTargetPortal", "127.0.0.1", portal.port)
            if portal.pieces < 50:
                sys.exit("the answer was not cut")
            check(run("ListTargets"), names(TARGETS), "found")
            portal.count = 10
            check(run("ListTargets", "t"), names(10), "asked again")
            portal.count = TARGETS
            run("RefreshTargetPortal", "127.0.0.1", portal.port)
            check(run("ListTargets"), names(TARGETS), "grown again")
            run("QAddTarget", names(TARGETS)[7], "127.0.0.1")
            run("TargetInfo", names(TARGETS)[7])
            run("RemoveTargetPortal", "127.0.0.1", portal.port)
            check(run("ListTargets"), [names(TARGETS)[7]], "forgotten")
        finally:
            service.send_signal(signal.SIGTERM)
            status = service.wait(timeout=60)
            if status:
                print((path / "log").read_text()[-2000:])
        if status:
            sys.exit(f"the service ended with {status}")


main()
