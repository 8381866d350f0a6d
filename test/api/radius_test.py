#!/usr/bin/env python3
"""Targets whose CHAP response a RADIUS server verifies. The server is one of our own, made from RFC 2865
and RFC 3579 with Python's hashes, so that nothing of the product judges itself; the target is ours.

    radius_test.py SERVICE CLI TARGET
"""
import hashlib
import hmac
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

SERVICE, CLI, TARGET = sys.argv[1:4]
NAME = "iqn.2026-11.test:target"
USER, SECRET = "user1", "secret-secret1"
TARGET_USER, TARGET_SECRET = "tuser", "target-secret3"
SHARED = "shared-with-the-server-1"
CONNECTION_FAILED, AUTHENTICATION_FAILURE, AUTHINFO_UNAVAILABLE = 0x03, 0x09, 0x28
VERIFICATION = "0x20"


def check(truth, what):
    if not truth:
        raise AssertionError(what)


class Radius:
    """Answers unless it is `silent`. `asked` counts requests, `seen` the names in them."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.target_secret = TARGET_SECRET.encode()
        self.silent, self.asked, self.faults = False, 0, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            self.asked += 1
            try:
                code = self.judge(packet)
            except AssertionError as e:
                self.faults.append(str(e))
                continue
            if not self.silent:
                self.socket.sendto(self.answer(packet, code), peer)

    def judge(self, packet):
        code, _, length = struct.unpack(">BBH", packet[:4])
        check(code == 1 and length == len(packet), "not an Access-Request")
        at, found = 20, {}
        while at < length:
            kind, size = packet[at:at + 2]
            check(size >= 2 and at + size <= length and kind not in found, "crooked attributes")
            found[kind] = (at + 2, packet[at + 2:at + size])
            at += size
        at, signature = found[80]
        check(at == 22, "the Message-Authenticator is not the first")
        blank = packet[:at] + bytes(16) + packet[at + 16:]
        check(hmac.new(SHARED.encode(), blank, "md5").digest() == signature, "a wrong signature")
        check(found[1][1] == TARGET_USER.encode() and 32 in found, "another name, or nobody who asks")
        password, challenge = found[3][1], found[60][1]
        check(len(password) == 17 and len(challenge) == 32, "another length of response or challenge")
        right = hashlib.md5(password[:1] + self.target_secret + challenge).digest()
        return 2 if right == password[1:] else 3

    @staticmethod
    def answer(request, code):
        head = bytes([code, request[1]]) + struct.pack(">H", 38)
        body = bytes([80, 18]) + bytes(16)
        body = body[:2] + hmac.new(SHARED.encode(), head + request[4:20] + body, "md5").digest()
        return head + hashlib.md5(head + request[4:20] + body + SHARED.encode()).digest() + body


class Programs:
    def __init__(self, folder):
        self.path = pathlib.Path(folder)
        self.service = self.target = None
        self.port = 0
        os.environ["ISCSIDSC_SOCKET"] = str(self.path / "s.sock")

    def start_service(self):
        with open(self.path / "service.log", "a") as log:
            self.service = subprocess.Popen([SERVICE, "--foreground", "--state-dir", self.path / "state",
                                             "--socket", self.path / "s.sock"], stderr=log)
        while not (self.path / "s.sock").exists():
            check(self.service.poll() is None, "the service does not start")
            time.sleep(0.02)

    def end_service(self):
        self.service.send_signal(signal.SIGTERM)
        status = self.service.wait(timeout=60)
        check(status == 0, f"the service ended with {status}")

    def start_target(self):
        self.target = subprocess.Popen(
            [TARGET, f"--name={NAME}", f"--listen=127.0.0.1:{self.port}", f"--chap={USER}:{SECRET}",
             f"--mutual={TARGET_USER}:{TARGET_SECRET}", "--chap-algorithm=5"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        line = self.target.stdout.readline()
        check(line.startswith("listening "), line)
        self.port = int(line.rsplit(":", 1)[1])

    def end_target(self):
        self.target.kill()
        self.target.wait()

    def log(self):
        return (self.path / "service.log").read_text()


def cli(*words, status=0):
    done = subprocess.run([CLI, *map(str, words)], capture_output=True, text=True, timeout=60)
    check(done.returncode == status, f"{words}: {done.returncode} instead of {status}: {done.stdout[-300:]}")
    return done.stdout


def options(flags=VERIFICATION, auth=2):
    return [flags, "*", "*", "*", "*", "*", USER, SECRET, auth]


def login(programs, **more):
    return ["LoginTarget", NAME, "T", "127.0.0.1", programs.port, "*", "*", "*", *options(**more), "*", 0]


def wait_for(what, test, seconds=20):
    end = time.monotonic() + seconds
    while not test():
        check(time.monotonic() < end, f"{what}: not within {seconds} s")
        time.sleep(0.05)


def session_id():
    line = next(line for line in cli("SessionList").splitlines() if line.startswith("Session Id"))
    return line.split(":", 1)[1].strip()


def verified(programs, radius):
    """Discovery, a login, a second connection, and a session that comes back: each is verified."""
    cli("AddTargetPortal", "127.0.0.1", programs.port, "*", "*", "*", *options())
    check(radius.asked == 1, "not asked on discovery")
    cli(*login(programs))
    check(radius.asked == 2, "not asked at the login")
    cli("AddConnection", session_id(), "*", "*", "127.0.0.1", programs.port, "*", *options(), "*")
    check(radius.asked == 3, "not asked about the second connection")
    programs.end_target()
    programs.start_target()
    wait_for("both connections to be verified again", lambda: radius.asked >= 5)
    wait_for("the session to be back", lambda: "the session is back" in programs.log())
    cli("LogoutTarget", session_id())


def rejected(programs, radius):
    radius.target_secret = b"another-secret-4"
    cli(*login(programs), status=AUTHENTICATION_FAILURE)
    radius.target_secret = TARGET_SECRET.encode()


def nobody_to_ask(programs, radius):
    asked = radius.asked
    cli("RadiusSecret", "*")
    cli(*login(programs), status=AUTHINFO_UNAVAILABLE)
    cli("RadiusSecret", SHARED)
    cli("RemoveRadiusServer", "127.0.0.1")
    cli("RemoveRadiusServer", "127.0.0.1", status=1168 & 0xff)
    cli(*login(programs), status=AUTHINFO_UNAVAILABLE)
    check("No RADIUS Servers" in cli("ListRadiusServers"), "a server is still listed")
    cli("AddRadiusServer", "127.0.0.1")
    check(cli("ListRadiusServers").count("    127.0.0.1\n") == 1, "the server is not listed")
    check(radius.asked == asked, "somebody was asked")


def silent(programs, radius):
    """Nobody tells. Then the connection ends while the question is open; what comes of it, comes late."""
    radius.silent = True
    cli(*login(programs), status=AUTHINFO_UNAVAILABLE)
    asked = radius.asked
    waiting = subprocess.Popen([CLI, *map(str, login(programs))], stdout=subprocess.DEVNULL)
    wait_for("the question", lambda: radius.asked > asked)
    programs.end_target()
    status = waiting.wait(timeout=30)
    check(status == CONNECTION_FAILED, f"{status} after the target was gone")
    radius.silent = False
    time.sleep(2.5)
    programs.start_target()
    cli(*login(programs))
    cli("LogoutTarget", session_id())


def stopped(programs, radius):
    """The service is asked to stop while it waits; then all is as it was."""
    radius.silent = True
    asked = radius.asked
    waiting = subprocess.Popen([CLI, *map(str, login(programs))], stdout=subprocess.DEVNULL)
    wait_for("the question", lambda: radius.asked > asked)
    programs.end_service()
    check(waiting.wait(timeout=30) != 0, "a login succeeded without a verdict")
    radius.silent = False
    programs.start_service()
    cli("AddTargetPortal", "127.0.0.1", programs.port, "*", "*", "*", *options())
    cli(*login(programs))
    cli("LogoutTarget", session_id())


def main():
    with tempfile.TemporaryDirectory(prefix="iscsidsc-radius-") as folder:
        programs, radius = Programs(folder), Radius()
        programs.start_service()
        programs.start_target()
        try:
            cli("Defaults", "radius-port", radius.port)
            cli("Defaults", "radius-time", 2)
            cli("RadiusSecret", "too short", status=87)
            cli("RadiusSecret", SHARED)
            cli("AddRadiusServer", "127.0.0.1")
            for step in (verified, rejected, nobody_to_ask, silent, stopped):
                step(programs, radius)
                print(f"{step.__name__}: ok")
            check(not radius.faults, radius.faults)
            for secret in (SECRET, TARGET_SECRET, SHARED):
                check(secret not in programs.log(), "a secret is in the log")
            programs.end_service()
        except (Exception, KeyboardInterrupt):
            print(programs.log()[-3000:])
            raise
        finally:
            programs.service.kill()
            if programs.target:
                programs.end_target()


main()
