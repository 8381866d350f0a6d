#!/usr/bin/env python3
"""iscsicli as a person and as a script meet it: banner, exit status, lines of standard input, details
on standard error, terminals (Top, the progress line), completion in bash and zsh, Ping, the firewall.

cli_test.py SERVICE CLI TARGET COMPLETION-FOLDER"""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

SERVICE, CLI, TARGET, COMPLETION = sys.argv[1:5]
NAME = "iqn.2026-11.test:mcs"
DONE = "The operation completed successfully. \n"
ENTER, LEAVE = b"\033[?1049h", b"\033[?1049l"
PATIENCE = 20  # seconds, for anything that comes soon; sanitizers are slow


def check(truth, *what):
    if not truth:
        raise AssertionError(" ".join(str(w) for w in what))


def cli(*words, **more):
    return subprocess.run([CLI, *map(str, words)], capture_output=True, text=True, timeout=60, **more)


def good(*words):
    done = cli(*words)
    check(done.returncode == 0 and done.stdout.endswith(DONE), words, done)
    return done.stdout


def end_of(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=PATIENCE)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words, rows=24, columns=100, env=None, stderr_only=False):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.size(rows, columns)
        self.before = termios.tcgetattr(slave)
        plain = subprocess.PIPE if stderr_only else slave
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL if stderr_only else slave, stdout=plain, stderr=slave,
            env={**os.environ, "TERM": "xterm", **(env or {})}, start_new_session=True)
        self.text = b""

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        while select.select([self.master], [], [], seconds)[0]:
            self.text += os.read(self.master, 65536)
            seconds = 0

    def wait(self, pattern):
        """Until the text matches; what it matched is taken off."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text, re.S)):
            check(time.monotonic() < end, pattern, "did not come; there is", self.text[-1500:])
            self.read(0.1)
        self.text = self.text[found.end():]
        return found

    def keys(self, keys):
        os.write(self.master, keys)

    def finish(self):
        """Waits for the program, reading on. Returns its exit status."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self.read(0.05)
        check(self.process.poll() is not None, "no end:", self.text[-500:])
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        os.close(self.master)


# --- without a service ------------------------------------------------------------------------

def test_runs(_):
    nobody = {**os.environ, "ISCSIDSC_SOCKET": "/nonexistent/s.sock"}
    done = cli("SessionList", env=nobody)
    lines = done.stdout.split("\n")
    check(re.fullmatch(r"iscsidsc iSCSI Initiator Version \S+ Build \d+", lines[0]), lines)
    check(lines[1] == "" and "not running" in lines[2] and lines[3:] == [""], lines)
    check(done.returncode == 0xEFFF003E & 0xFF, done.returncode)
    check(done.stderr == "iscsicli: SessionList: no service at /nonexistent/s.sock: No such file or "
          "directory\n", done.stderr)
    done = cli("--json", "SessionList", env=nobody)
    told = json.loads(done.stdout)
    check(told["status"] == 0xEFFF003E and told["status_name"] == "ISDSC_SERVICE_NOT_RUNNING", told)
    check("/nonexistent" in told["status_detail"] and done.stderr == "", told, done.stderr)
    check(json.loads(cli("SessionList", "--json", env=nobody).stdout) == told)
    # A bad argument is told before a missing service, and alone.
    done = cli("AddTargetPortal", "192.0.2.1", "99999", env=nobody)
    check(done.returncode == 87 and done.stderr == "iscsicli: AddTargetPortal: 99999 is no TCP port\n", done)
    # Usage counts as done, as with the Windows tool.
    done = cli("LogoutTarget")
    check(done.returncode == 0 and "iscsicli LogoutTarget <SessionId>\n" in done.stdout, done)
    check(done.stdout.endswith(DONE), done.stdout)
    done = cli("nonsense")
    check(done.returncode == 0 and "A first session:" in done.stdout and done.stderr == "", done)
    check(len(json.loads(cli("--json", "help").stdout)["commands"]) > 50)
    check(re.fullmatch(r"iscsicli \d+\.\d+\.\d+\n", cli("--version").stdout))
    check(re.fullmatch(r"\d+\.\d+\.\d+", json.loads(cli("--json", "--version").stdout)["version"]))


def test_lines(bed):
    told = cli("--json", "Show")
    check("node_name" in told.stdout, told)
    name = json.loads(told.stdout)["node_name"]
    prompt = f"[{name}] Enter command or ^C to exit\n"
    given = 'ListInitiators\n\nListTargets "what?"   \nLogoutTarget "a b"\nnodename\n'
    done = cli(input=given)
    banner, _, rest = done.stdout.partition("\n\n")
    check(banner.startswith("iscsidsc iSCSI Initiator Version"), banner)
    parts = rest.split(prompt)
    check(len(parts) == 7 and parts[0] == "" and parts[2] == "" and parts[6] == "", parts)
    check(parts[1] == "Initiators List:\n    ROOT\\ISCSIPRT\\0000_0\n" + DONE, parts[1])
    check(parts[3] == "Targets List:\n" + DONE, parts[3])
    check(parts[4] == "Invalid sessionid: a b\nA parameter is invalid.\n", parts[4])
    check(parts[5].startswith("iscsicli NodeName <Name>") and parts[5].endswith(DONE), parts[5])
    check(done.returncode == 0, done.returncode)
    # The last one's status is the program's; with JSON there is one object a command, no prompt.
    done = cli("--json", input="ListTargets\nLogoutTarget 1-2\n")
    objects = [json.loads(text) for text in done.stdout.replace("}\n{", "}\0{").split("\0")]
    check([o["status"] for o in objects] == [0, 0xEFFF001C] and done.returncode == 0x1C, objects)


# --- with a service and a target --------------------------------------------------------------

def test_details(bed):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    done = cli("AddTargetPortal", "127.0.0.1", port)
    check(done.returncode == 3 and done.stderr ==
          f"iscsicli: AddTargetPortal: 127.0.0.1 port {port}: Connection refused\n", done)
    done = cli("ListTargets", "T")
    check(done.stdout.startswith("iscsidsc") and f"port {port}" in done.stderr, done)
    good("RemoveTargetPortal", "127.0.0.1", port)
    good("AddTargetPortal", "127.0.0.1", bed.port)
    done = cli("QLoginTarget", NAME, "somebody", "a secret of sixty")
    check(done.returncode and "secret of" not in done.stderr + done.stdout, done)
    login = good("QLoginTarget", NAME)
    check(re.search(r"^Session Id is 0x[0-9a-f]+-0x[0-9a-f]+\nConnection Id is 0x[0-9a-f]+-0x[0-9a-f]+\n",
                    login, re.M), login)
    bed.session = re.search("Session Id is (.*)", login)[1]
    add = ["AddConnection", bed.session, "*", "*", "127.0.0.1", port, 0, *"**********"]
    done = cli(*add)
    check(f"127.0.0.1 port {port}: Connection refused" in done.stderr, done)
    # What was told is not told again.
    done = cli(input=" ".join(map(str, add)) + "\nListTargets\nLogoutTarget x\n")
    check(done.stderr.count("refused") == 1 and done.stderr.count("is no id") == 1, done.stderr)


def frames(text):
    """The pictures in what Top wrote: lists of lines."""
    return [[re.sub(rb"\033\[[0-9;?]*[a-zA-Z]", b"", line) for line in frame.split(b"\r\n")]
            for frame in text.split(b"\033[H")[1:]]


def top(*words, **more):
    terminal = Terminal([CLI, "Top", "0.2", *words], **more)
    terminal.wait(re.escape(ENTER))
    return terminal


def top_end(terminal, status=0):
    check(terminal.finish() == status, "Top ended with", terminal.process.returncode)
    check(LEAVE in terminal.text and b"\033[?25h" in terminal.text, "the terminal is not given back",
          terminal.text[-300:])
    check(termios.tcgetattr(terminal.slave) == terminal.before, "modes of the terminal are not as before")
    check(DONE.strip().encode() in terminal.text.split(LEAVE)[-1], terminal.text[-300:])
    terminal.close()


def test_top(bed):
    terminal = top()
    check(not termios.tcgetattr(terminal.slave)[3] & (termios.ICANON | termios.ECHO), "keys want Enter")
    terminal.wait(rb"1 sessions, 1 connections, every 0\.2 s; q quits")
    terminal.wait(rb"I/O/s +read/s +written/s +latency +queue")
    terminal.wait(NAME.encode())
    terminal.wait(rb"\033\[H.*CID 1  127\.0\.0\.1/\d+ -> 127\.0\.0\.1/%d" % bed.port)
    # A smaller window: nothing is wider or longer than it.
    terminal.size(3, 30)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    terminal.read(0.1)
    terminal.wait(rb".*\033\[J")
    small = terminal.wait(rb"\033\[H.*?\033\[J.*?\033\[J")[0]
    check(len(frames(small)) == 2, small)
    for frame in frames(small):
        check(len(frame) == 3 and all(len(line) < 30 for line in frame), frame)
    terminal.size(24, 100)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    terminal.wait(rb"CID 1")
    terminal.keys(b"x")  # nothing in particular
    terminal.keys(b"q")
    top_end(terminal)


def test_top_ends(bed):
    for end in (b"\x03", b"Q", signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        terminal = top()
        terminal.wait(rb"\033\[J")
        if isinstance(end, bytes):
            terminal.keys(end)
        else:
            terminal.process.send_signal(end)
        top_end(terminal)
    # Stopped: the shell has its terminal meanwhile.
    terminal = top()
    terminal.wait(rb"\033\[J")
    terminal.process.send_signal(signal.SIGTSTP)
    terminal.wait(re.escape(LEAVE))
    limit = time.monotonic() + PATIENCE
    while termios.tcgetattr(terminal.slave) != terminal.before:
        check(time.monotonic() < limit, "stopped, and the terminal is still raw")
        time.sleep(0.01)
    terminal.process.send_signal(signal.SIGCONT)
    terminal.wait(re.escape(ENTER))
    terminal.wait(rb"1 sessions")
    terminal.keys(b"q")
    top_end(terminal)


def test_top_once(bed):
    """No terminal, one that can't place the cursor, --once, JSON: one look, no control characters."""
    for words, env in (((), {"TERM": "dumb"}), (("--once",), {})):
        terminal = Terminal([CLI, "Top", "0.2", *words], env=env)
        check(terminal.finish() == 0 and b"\033" not in terminal.text, terminal.text)
        check(NAME.encode() in terminal.text, terminal.text)
        terminal.close()
    check(NAME in good("Top", "0.2"))
    told = json.loads(cli("--json", "Top", "0.2").stdout)
    check(told["sessions"][0]["target_name"] == NAME and told["status"] == 0, told)
    check(told["sessions"][0]["connections"][0]["state"] == "full feature", told)


def test_top_counts(bed):
    """What it shows is what was done: REPORT LUNS and READ CAPACITY are commands too."""
    top_once = subprocess.Popen([CLI, "--json", "Top", "3"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    for _ in range(10):
        good("ReportLUNs", bed.session)
    told = json.loads(top_once.communicate(timeout=PATIENCE)[0])
    commands = told["io_per_second"] * told["interval_ns"] / 1e9
    check(1 <= commands <= 23, commands, told)  # each is asked for once or twice; some may come late
    check(told["latency_ns"] > 0 and told["read_bytes_per_second"] > 0, told)


def test_progress(bed):
    """A portal that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        good("Defaults", "login-time", 3)
        words = [CLI, "AddTargetPortal", "127.0.0.1", str(port)]
        terminal = Terminal(words, columns=200)
        terminal.wait(rb"\rAsking portal 127\.0\.0\.1 %d: 1 s \(login-time is 3 s\)\033\[K" % port)
        terminal.wait(rb"\rAsking portal 127\.0\.0\.1 %d: 2 s" % port)
        check(terminal.finish() == 3, terminal.process.returncode)
        check(b"\r\033[KThe connection to the target portal failed" in terminal.text, terminal.text)
        terminal.close()
        # Standard output elsewhere: nothing of it gets there. A narrow window: the line is cut.
        terminal = Terminal(words, columns=20, stderr_only=True)
        terminal.wait(rb"\rAsking portal 127\.0\033\[K")
        terminal.finish()
        out = terminal.process.stdout.read().decode()
        check("Asking" not in out and "failed" in out, out)
        terminal.close()
        # No terminal: none of it.
        done = cli(*words[1:])
        check("Asking" not in done.stdout + done.stderr, done)
        good("RemoveTargetPortal", "127.0.0.1", port)
    good("Defaults", "login-time", "*")
    # What is quick shows nothing.
    terminal = Terminal([CLI, "RefreshTargetPortal", "127.0.0.1", str(bed.port)])
    terminal.finish()
    check(b"Asking" not in terminal.text and b"\033" not in terminal.text, terminal.text)
    terminal.close()


def test_bash(bed):
    script = f"""source {COMPLETION}/iscsicli.bash
complete -p iscsicli >/dev/null || exit 1
while IFS= read -r line; do
	COMP_LINE=$line COMP_POINT=${{#line}} COMPREPLY=()
	_iscsicli
	echo "${{COMPREPLY[*]}}"
done"""
    session = bed.session.replace("0x", "")
    rows = [("iscsicli qlog", "QLoginTarget"), ("iscsicli QLoginTarget ", NAME),
            # readline has the name in two words, and keeps the first.
            ("iscsicli QLoginTarget " + NAME[:-2], NAME.split(":")[1]),
            ("iscsicli  LogoutTarget ", session), ("iscsicli --json LogoutTarget " + session[:20], session),
            ("iscsicli Ping ", "ROOT\\\\ISCSIPRT\\\\0000_0"), ("iscsicli QLoginTarget x * ", ""),
            ("iscsicli Defaults login-t", "login-time")]
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60,
                          input="".join(line + "\n" for line, _ in rows), check=False)
    check(done.returncode == 0 and done.stderr == "", done)
    for (line, wanted), got in zip(rows, done.stdout.split("\n"), strict=False):
        check(got == wanted, repr(line), "gives", repr(got), "instead of", repr(wanted))


def test_zsh(bed):
    if not shutil.which("zsh"):
        print("    no zsh here", flush=True)
        return
    terminal = Terminal(["zsh", "-f", "-i"], columns=200)
    terminal.keys(f"fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -D -u; "
                  "PS1='rea''dy> '\n".encode())
    terminal.wait(b"ready> ")
    for line, wanted in (("iscsicli qlog", "inTarget"), ("iscsicli QLoginTarget iqn", NAME),
                         ("iscsicli LogoutTarget ", bed.session.replace("0x", ""))):
        terminal.keys(line.encode() + b"\t")
        terminal.wait(re.escape(wanted.encode()))
        terminal.keys(b"\x15")
    terminal.close()


def test_ping(bed):
    done = cli("Ping", "*", "127.0.0.1", 3, 64)
    if done.returncode == 10013 & 0xFF:  # neither allowed to this group nor root
        check("ping_group_range" in done.stderr, done)
        print("    no right to ping here", flush=True)
        return
    check(done.returncode == 0 and "Ping 127.0.0.1 with 64 bytes of data\n" in done.stdout, done)
    check(re.search(r"\n    Reply 3 {17}: \d+\.\d{3} ms\n    Requests Sent           : 3\n"
                    r"    Responses Received      : 3\n", done.stdout), done.stdout)
    told = json.loads(cli("--json", "ping", "root\\iscsiprt\\0000_0", "localhost", 2).stdout)
    check(told["sent"] == told["received"] == len(told["round_trips_ns"]) == 2, told)
    check(cli("Ping", "nobody", "127.0.0.1").returncode == 0x17, "an unknown initiator")
    for bad in ((0,), (1, 70000), (1, 1, 0), (1, 1, 99999999)):
        check(cli("Ping", "*", "127.0.0.1", *bad).returncode == 87, bad)
    done = cli("Ping", "*", "no-such-host.invalid")
    check(done.returncode == 11001 & 0xFF and "no-such-host.invalid" in done.stderr, done)


def test_firewall(bed):
    tools = bed.folder / "tools"
    tools.mkdir()
    log = bed.folder / "firewall.log"
    # No manager is in charge: what is to be let in is told, and nothing is claimed.
    env = {**os.environ, "PATH": str(tools)}
    check(cli("AddiSNSServer", "127.0.0.9:1").returncode, "there is no iSNS server")
    done = cli("FirewallExemptiSNSServer", env=env)
    check(done.returncode == 50 and "127.0.0.9:1: UDP from 127.0.0.9 is to be let in by hand" in done.stdout,
          done)
    (tools / "firewall-cmd").write_text(f'#!/bin/sh\necho "$@" >>{log}\n[ ! -e {log}.fail ] || '
                                        'case "$*" in *add*) exit 1;; esac\n')
    (tools / "firewall-cmd").chmod(0o755)
    done = cli("FirewallExemptiSNSServer", env=env)
    check(done.returncode == 0 and "UDP from 127.0.0.9 is let in" in done.stdout, done)
    rule = "--add-rich-rule=rule family=ipv4 source address=127.0.0.9 protocol value=udp accept"
    check(log.read_text().splitlines() == ["--quiet --state", "--quiet " + rule, "--quiet --permanent " +
                                           rule], log.read_text())
    pathlib.Path(str(log) + ".fail").touch()
    done = cli("--json", "FirewallExemptiSNSServer", env=env)
    told = json.loads(done.stdout)
    check(told["status_name"] == "ISDSC_ISNS_FIREWALL_BLOCKED" and not told["exempt"][0]["done"], told)
    good("RemoveiSNSServer", "127.0.0.9:1")


def test_service_goes(bed):
    """Top goes on without a service, says so, and shows the next one's sessions."""
    terminal = top()
    terminal.wait(rb"1 sessions")
    end_of(bed.service)
    terminal.wait(rb"not running")
    terminal.wait(rb"\033\[J")
    bed.start()
    terminal.wait(rb"0 sessions, 0 connections")
    terminal.keys(b"q")
    top_end(terminal)


# --- the bed ----------------------------------------------------------------------------------

class Bed:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / "s.sock"
        os.environ["ISCSIDSC_SOCKET"] = str(self.socket)
        os.environ["PATH"] = os.path.dirname(CLI) + ":" + os.environ["PATH"]
        self.service = self.session = None
        self.log = open(self.folder / "log", "a", encoding="utf-8")
        self.target = subprocess.Popen([TARGET, "--listen=127.0.0.1:0"], stdout=subprocess.PIPE,
                                       stderr=self.log, text=True)
        self.port = int(self.target.stdout.readline().rsplit(":", 1)[1])
        self.start()

    def start(self):
        self.service = subprocess.Popen([SERVICE, "--foreground", "--state-dir", self.folder / "state",
                                         "--socket", self.socket], stderr=self.log)
        end = time.monotonic() + PATIENCE
        while not self.socket.exists() and time.monotonic() < end:
            check(self.service.poll() is None, "the service ended at its start")
            time.sleep(0.02)


def main():
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="iscsidsc-cli-") as folder:
        bed = Bed(folder)
        try:
            for test in tests:
                begin = time.monotonic()
                try:
                    test(bed)
                    word = "ok"
                except (AssertionError, KeyError, ValueError, OSError) as e:
                    word = f"FAILED: {e!r}"
                    failed += 1
                print(f"{test.__name__}: {word} ({time.monotonic() - begin:.1f} s)", flush=True)
        finally:
            status = end_of(bed.service)
            end_of(bed.target)
    if failed or status:
        sys.exit(f"{failed} failed; the service ended with {status}")


main()
