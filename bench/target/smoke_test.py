#!/usr/bin/env python3
"""The lean target stores what it is given, over several connections and threads, with digests, and
with every way in which written data can travel. Usage: smoke_test.py LEAN_TARGET LOAD_ENGINE"""
import json
import shutil
import signal
import socket
import subprocess
import sys
import unittest

IQN = "iqn.2026-01.test:lean"
TARGET, LOAD = sys.argv[1], sys.argv[2]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Target:
    def __init__(self, *options):
        self.portal = f"127.0.0.1:{free_port()}"
        self.process = subprocess.Popen([TARGET, "--portal", self.portal, *options],
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        assert self.process.stdout.readline() == "ready\n"
        return self

    def counts(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)
        assert kind or self.process.returncode == 0, self.process.returncode


class Smoke(unittest.TestCase):
    def load(self, target, *options):
        done = subprocess.run([LOAD, "--portal", target.portal, "--iqn", IQN, "--seconds", "0.2",
                               "--op", "randwrite", "--verify", *options],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        figures = json.loads(done.stdout)
        self.assertGreater(figures["ops"], 0)
        self.assertEqual(figures["errors"], 0)

    def test_what_was_written_is_read(self):
        with Target("--medium", "memory", "--size", "64M", "--threads", "2") as target:
            for digests in ([], ["--header-digest", "--data-digest"]):
                for size in ("4096", "65536", "1048576"):
                    self.load(target, "--size", size, "--depth", "16", "--connections", "4",
                              *digests)
            counts = target.counts()
            self.assertGreater(counts["reads"], 0)
            self.assertGreater(counts["writes"], 0)

    def test_each_way_of_written_data(self):
        for ways in (["--immediate", "no"], ["--initial-r2t", "yes"],
                     ["--immediate", "no", "--initial-r2t", "yes", "--max-r2t", "1"]):
            with Target("--medium", "memory", "--size", "64M", "--max-recv", "8192",
                        "--first-burst", "16K", "--max-burst", "32K", *ways) as target:
                self.load(target, "--size", "65536", "--depth", "8", "--connections", "2",
                          "--data-digest")
                self.assertGreater(target.counts()["r2ts"], 0)

    def test_digests_not_looked_at(self):
        with Target("--medium", "memory", "--size", "64M", "--check", "no") as target:
            self.load(target, "--size", "65536", "--depth", "8", "--header-digest", "--data-digest")

    def test_narrow_window_and_large_blocks(self):
        with Target("--medium", "memory", "--size", "64M", "--window", "3",
                    "--block", "4096") as target:
            self.load(target, "--size", "4096", "--depth", "32", "--connections", "3")

    @unittest.skipUnless(shutil.which("iscsi-ls"), "iscsi-ls is not installed")
    def test_many_targets(self):
        with Target("--many", "1500") as target:
            listing = subprocess.run(["iscsi-ls", f"iscsi://{target.portal}"], capture_output=True,
                                     text=True, timeout=60, check=True).stdout
            names = {line.split()[0] for line in listing.splitlines()}
            self.assertEqual(len(names), 1501)
            self.assertIn(f"Target:{IQN}:many-1499", names)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
