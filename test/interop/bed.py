"""bed - what a test with real programs stands on: scratch folders, daemons, ports, a proxy, captures.

Everything that is started is kept by its process id and ended by it; nothing is left behind. Targets
are in targets.py, scenarios in scenarios.py. Standard library only.
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time


class Failed(Exception):
    """The product did not do what the test asked for."""


class Unable(Exception):
    """This machine can't run the test; the text says why."""


def check(truth, text):
    if not truth:
        raise Failed(text)


def wait_for(what, test, seconds=10.0, step=0.05):
    """Waits until test() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:g} s")
        time.sleep(step)


def free_port(hosts=("127.0.0.1",), also=0):
    """A TCP port that nothing uses on any of the hosts (nor the `also` ports after it)."""
    for _ in range(200):
        probe = socket.socket()
        probe.bind((hosts[0], 0))
        port = probe.getsockname()[1]
        probe.close()
        held = []
        try:
            for host in hosts:
                for more in range(also + 1):
                    s = socket.socket()
                    held.append(s)
                    s.bind((host, port + more))
            return port
        except (OSError, OverflowError):
            continue
        finally:
            for s in held:
                s.close()
    raise Unable("no free port")


def port_open(host, port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((host, port)) == 0


class Daemon:
    """A process in the foreground of nobody, with its log, ended by its id."""

    def __init__(self, bed, name, argv, env=None, cwd=None):
        self.name = name
        self.log_path = os.path.join(bed.dir, name + ".log")
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True)

    def alive(self):
        return self.process.poll() is None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as e:
            raise Failed(f"{self.name} did not end within {seconds:g} s") from e

    def stop(self, how=signal.SIGTERM, seconds=10.0):
        """Ends it; returns its exit status (negative: the signal that killed it)."""
        if self.alive():
            self.process.send_signal(how)
        try:
            return self.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        """Ends it and whatever it started: it leads a process group of its own."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log_file.close()


class Bed:
    """One test's scratch folder and everything started in it; use with `with`."""

    def __init__(self, build, keep=False):
        self.build = os.path.abspath(build)
        self.keep = keep
        self.dir = tempfile.mkdtemp(prefix="iscsidsc-bed-")
        self.undo = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        while self.undo:
            try:
                self.undo.pop()()
            except Exception as e:  # the rest has to be cleaned up as well
                print(f"    clean-up: {e!r}")
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def at_end(self, action):
        self.undo.append(action)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def daemon(self, name, argv, **more):
        daemon = Daemon(self, name, argv, **more)
        self.at_end(daemon.kill)
        return daemon


def run(argv, seconds=30.0, **more):
    """Runs a program to its end and returns its CompletedProcess; text, no input."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=seconds, **more)
    except subprocess.TimeoutExpired as e:
        raise Failed(f"{' '.join(argv)}: no end after {seconds:g} s") from e


def run_ok(argv, seconds=30.0, **more):
    done = run(argv, seconds, **more)
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: status {done.returncode}: "
                     f"{(done.stdout + done.stderr).strip()[-600:]}")
    return done


# --- the product ----------------------------------------------------------------------------------

class Service:
    """iscsidscd in a state folder of its own. `namespace`: the network namespace it lives in; `more`:
    more words of its command line."""

    def __init__(self, bed, name="service", namespace=None, settings=None, more=()):
        self.bed = bed
        self.name = name
        self.state = bed.path(name + ".state")
        self.socket = bed.path(name + ".run", "s.sock")
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        os.makedirs(os.path.dirname(self.socket), mode=0o700, exist_ok=True)
        self.prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self.more = more
        self.daemon = None
        self.start()
        bed.at_end(self.close)
        self.cli = Cli(bed, self.socket)
        for key, value in (settings or {}).items():
            self.cli("Defaults", key, str(value))

    def start(self):
        self.daemon = self.bed.daemon(self.name, self.prefix + [
            os.path.join(self.bed.build, "src/service/iscsidscd"), "--foreground",
            "--state-dir", self.state, "--socket", self.socket, *self.more])

        def ready():
            if not self.daemon.alive():
                raise Failed(f"iscsidscd ended at its start: {self.daemon.log()[-600:]}")
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(self.socket) == 0

        wait_for("the service's socket", ready)

    def kill(self):
        """As if it had crashed."""
        self.daemon.stop(signal.SIGKILL)

    def close(self):
        """Ends it in order and looks at what it leaves."""
        if self.daemon is None:
            return
        daemon, self.daemon = self.daemon, None
        if not daemon.alive():
            check(daemon.process.returncode == -signal.SIGKILL,
                  f"iscsidscd had ended with {daemon.process.returncode}: {daemon.log()[-1500:]}")
            return
        status = daemon.stop(seconds=20)
        log = daemon.log()
        report = re.search(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:)", log)
        check(not report, f"a sanitizer reports: {log[report.start():][:3000] if report else ''}")
        check(status == 0, f"iscsidscd ended with {status}: {log[-1500:]}")
        check(not os.path.exists(self.socket), "the service left its socket behind")


class Session:
    """What SessionList tells of one session."""

    def __init__(self, text):
        def value(label):
            found = re.search(rf"^ *{label} *: ?(.*)$", text, re.M)
            return found.group(1).strip() if found else None
        self.id = value("Session Id")
        self.target = value("Target Name")
        self.count = int(value("Number Connections") or 0)
        self.connections = re.findall(r"Connection Id *: (\S+)", text)
        self.portals = re.findall(r"Target Portal *: (\S+)", text)
        self.sources = re.findall(r"Initiator Portal *: (\S+)", text)
        self.disks = [d for d in re.findall(r"Legacy Device Name *: *(.*)$", text, re.M) if d.strip()]


TOO_MANY = 0xEFFF000E & 0xff  # what a shell sees of ISDSC_TOO_MANY_CONNECTIONS


class Cli:
    """iscsicli as a script uses it."""

    INSTANCE = "ROOT\\ISCSIPRT\\0000_0"

    def __init__(self, bed, path):
        self.program = os.path.join(bed.build, "src/cli/iscsicli")
        self.env = {**os.environ, "ISCSIDSC_SOCKET": path,
                    "LD_LIBRARY_PATH": os.path.join(bed.build, "src/client")}

    def run(self, *words, seconds=40.0):
        return run([self.program, *map(str, words)], seconds, env=self.env)

    def __call__(self, *words, seconds=40.0):
        """Runs a command that has to succeed; returns its output."""
        done = self.run(*words, seconds=seconds)
        if done.returncode != 0:
            raise Failed(f"iscsicli {' '.join(map(str, words))}: status {done.returncode}: "
                         f"{(done.stdout + done.stderr).strip()[-600:]}")
        return done.stdout

    def fails(self, code, *words, seconds=40.0):
        """Runs a command that has to end with this ISDSC or ERROR code (its low byte is seen)."""
        done = self.run(*words, seconds=seconds)
        check(done.returncode == code & 0xFF,
              f"iscsicli {' '.join(map(str, words))}: status {done.returncode} instead of "
              f"{code & 0xFF} ({code:#x}): {done.stdout.strip()[-300:]}")
        return done.stdout

    def json(self, *words):
        text = self(*words, "--json")
        try:
            return json.loads(text)
        except ValueError as e:
            raise Failed(f"iscsicli {' '.join(words)} --json printed no JSON: {text[:300]}") from e

    def discover(self, host, port):
        self("AddTargetPortal", host, port)

    def targets(self):
        lines = self("ListTargets").split("Targets List:")[1].splitlines()
        return [line.strip() for line in lines if line.startswith("    ")]

    @staticmethod
    def options(user=None, secret=None, auth=None, header=None, data=None, connections=None, flags=0):
        """The nine words of the login options."""
        values = (flags, header, data, connections, None, None, user, secret, auth)
        return ["*" if v is None else v for v in values]

    @classmethod
    def login_words(cls, target, portal=None, port_number="*", **options):
        host, port = portal or ("*", "*")
        return ("LoginTarget", target, "T", host, port,
                "*" if port_number == "*" else cls.INSTANCE, port_number, "*",
                *cls.options(**options), "*", 0)

    def login(self, target, portal=None, **more):
        """Logs in; returns the session id."""
        out = self(*self.login_words(target, portal, **more))
        return re.search(r"^Session Id is (\S+)", out, re.M).group(1)

    def add_words(self, session, portal, port_number="*", **options):
        return ("AddConnection", session, "*", port_number, *portal, "*",
                *self.options(**options), "*")

    def add(self, session, portal, **more):
        """Adds a connection; returns its id."""
        out = self(*self.add_words(session, portal, **more))
        return re.search(r"^Connection Id is (\S+)", out, re.M).group(1)

    def add_when_free(self, session, portal):
        """As add, for a target that counts a removed connection a little longer (istgt)."""
        def added():
            done = self.run(*self.add_words(session, portal))
            if done.returncode == TOO_MANY:
                return None
            check(done.returncode == 0, f"AddConnection: {done.stdout}")
            return re.search(r"^Connection Id is (\S+)", done.stdout, re.M).group(1)
        return wait_for("the target to forget removed connections", added, 5, 0.1)

    def logout(self, session):
        self("LogoutTarget", session)

    def sessions(self):
        out = self("SessionList")
        parts = re.split(r"(?m)^(?=Session Id)", out)[1:]
        total = re.search(r"^Total of (\d+) sessions", out, re.M)
        check(total and int(total.group(1)) == len(parts), f"SessionList counts wrongly: {out[:300]}")
        return [Session(p) for p in parts]

    def session(self):
        found = self.sessions()
        check(len(found) == 1, f"{len(found)} sessions instead of one")
        return found[0]

    def disk(self, at=0):
        """The NBD socket of a disk of the only session."""
        path = self.session().disks[at]
        return path[path.index("/"):].split("socket=")[-1]

    def disk_of(self, lun):
        """The NBD socket of the disk that is this LUN."""
        def found():
            disks = [self.disk(at) for at in range(len(self.session().disks))]
            return next((d for d in disks if d.endswith(f"-{lun:x}.nbd")), None)
        return wait_for(f"a disk for LUN {lun}", found)


# --- load -----------------------------------------------------------------------------------------

FIO_INTERRUPTED = 128  # fio's status when a signal ended it; errors are told besides


def nbd_uri(path):
    return f"nbd+unix:///?socket={path}"


class Load:
    """fio's checked mixed reads and writes on an NBD disk, in the background."""

    def __init__(self, bed, path, seconds, size="24M", block="4k-64k", depth=16, more=()):
        self.bed = bed
        self.daemon = bed.daemon(f"fio-{len(bed.undo)}", [
            "fio", "--thread", "--name=mixed", "--ioengine=nbd", f"--uri={nbd_uri(path)}", "--rw=randrw",
            "--rwmixread=40", f"--bsrange={block}", f"--iodepth={depth}", f"--size={size}",
            "--verify=crc32c", "--verify_backlog=64", "--verify_fatal=1", "--verify_dump=0",
            "--verify_state_save=0",
            "--time_based", f"--runtime={seconds}", "--randrepeat=0", "--serialize_overlap=1",
            "--output-format=json", *more], cwd=bed.dir)
        self.seconds = seconds
        self.longest = 0.0  # after finish(): milliseconds that the slowest of all requests took

    def finish(self, at_once=False):
        """Waits for its end, or ends it; no byte may have been wrong or failed. Returns MiB moved."""
        if at_once:
            check(self.daemon.alive(), f"fio had ended before: {self.daemon.log()[-900:]}")
            self.daemon.process.send_signal(signal.SIGINT)
        status = self.daemon.wait(self.seconds + 60)
        log = self.daemon.log()
        good = (0, FIO_INTERRUPTED) if at_once else (0,)
        check(status in good, f"fio ended with {status}: {log[:200]} ... {log[-900:]}")
        job = json.loads(log[log.index("{"):])["jobs"][0]
        check(job["error"] == 0, f"fio counts error {job['error']}: {log[:300]}")
        moved = job["read"]["io_bytes"] + job["write"]["io_bytes"]
        check(moved > 0, "fio moved nothing")
        self.longest = max(job[way]["clat_ns"]["max"] for way in ("read", "write")) / 1e6
        return moved / 2**20


class Pattern:
    """Blocks beside those of a Load, written once: they have to be there in the end."""

    def __init__(self, bed, path, offset="24M", size="4M"):
        self.argv = ["fio", "--thread", "--name=pattern", "--ioengine=nbd", f"--uri={nbd_uri(path)}",
                     "--rw=write", "--bs=64k", "--iodepth=16", f"--offset={offset}", f"--size={size}",
                     "--verify=crc32c", "--verify_fatal=1", "--verify_dump=0", "--verify_state_save=0"]
        self.dir = bed.dir
        run_ok([*self.argv, "--do_verify=0"], 60, cwd=self.dir)

    def check(self):
        run_ok([*self.argv, "--verify_only"], 60, cwd=self.dir)


def compare_copy(bed, path, mib=8):
    """Writes random bytes to the disk's beginning, reads them back in another client, compares."""
    source, back = bed.path("copy.in"), bed.path("copy.out")
    with open(source, "wb") as f:
        f.write(os.urandom(mib * 2**20))
    run_ok(["nbdcopy", "--flush", source, nbd_uri(path)], 60)
    run_ok(["nbdcopy", nbd_uri(path), back], 120)
    with open(source, "rb") as a, open(back, "rb") as b:
        check(a.read() == b.read(mib * 2**20), "what was read back is not what was written")


# --- a proxy that cuts ----------------------------------------------------------------------------

class Proxy:
    """Forwards TCP to one address; can hold what it carries, or cut it: 'rst' or 'fin'."""

    def __init__(self, bed, to, host="127.0.0.1"):
        self.to = to
        self.listener = socket.create_server((host, 0))
        self.address = self.listener.getsockname()
        self.lock = threading.Lock()
        self.pairs = []
        self.accepted = 0
        self.bytes = 0
        self.blocked = False
        self.going = threading.Event()
        self.going.set()
        self.open = True
        threading.Thread(target=self._accept, daemon=True).start()
        bed.at_end(self.close)

    def _accept(self):
        while self.open:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near):
        try:
            if self.blocked:
                raise OSError("blocked")
            far = socket.create_connection(self.to, timeout=5)
            far.settimeout(None)
        except OSError:
            near.close()
            return
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.pairs.append((near, far))
            self.accepted += 1
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(a, b, near, far), daemon=True).start()

    def _pump(self, a, b, near, far):
        try:
            while data := a.recv(1 << 18):
                self.going.wait()
                b.sendall(data)
                self.bytes += len(data)
        except OSError:
            pass
        self._end(near, far)

    def _end(self, near, far):
        with self.lock:
            if (near, far) not in self.pairs:
                return
            self.pairs.remove((near, far))
        for s in (near, far):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def hold(self):
        """From now on nothing is passed on; what comes is acknowledged as long as there is room."""
        self.going.clear()

    def go_on(self):
        self.going.set()

    def cut(self, how="rst"):
        """Cuts every connection; returns how many there were."""
        with self.lock:
            pairs = list(self.pairs)
        for near, far in pairs:
            if how == "rst":
                for s in (near, far):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with self.lock:
                    if (near, far) in self.pairs:
                        self.pairs.remove((near, far))
                for s in (near, far):
                    # A close() alone does not reset while a thread is in recv() on the socket.
                    s.shutdown(socket.SHUT_RD)
                    s.close()
            else:
                self._end(near, far)
        return len(pairs)

    def close(self):
        self.open = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.going.set()
        self.cut("fin")


# --- what the wire carried ------------------------------------------------------------------------

class Capture:
    """tcpdump on an interface, and what it saw of iSCSI, per TCP connection."""

    def __init__(self, bed, ports, interface="lo", prefix=(), length=2048):
        self.file = bed.path("wire.pcap")
        wanted = " or ".join(f"tcp port {p}" for p in ports)
        self.ports = set(ports)
        self.daemon = bed.daemon("tcpdump", [
            *prefix, "tcpdump", "-i", interface, "-U", "-B", "65536", "-s", str(length),
            "-Z", "root", "-w", self.file, wanted])
        wait_for("tcpdump", lambda: "listening on" in self.daemon.log() or not self.daemon.alive())
        if not self.daemon.alive():
            raise Unable(f"no packet capture here: {self.daemon.log().strip()[-200:]}")

    def stop(self):
        """Ends the capture; returns a list of Stream, in order of their first packet."""
        # The kernel hands packets over in blocks that it keeps open for up to a second.
        time.sleep(1.3)
        self.daemon.stop(signal.SIGINT)
        return streams_read(self.file, self.ports)


class Stream:
    """One TCP connection to a target port."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.bytes_out = self.bytes_in = 0  # TCP payload, from and to the client's view
        self.logins = []                    # (TSIH, status class, status detail, CID) of final answers
        self.cid = None


def streams_read(path, ports):
    """Reads a pcap file of Ethernet or loopback frames."""
    streams = {}
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if struct.unpack("<I", head[:4])[0] in (0xA1B2C3D4, 0xA1B23C4D) else ">"
        link = struct.unpack(order + "I", head[20:24])[0]
        skip = {1: 14, 113: 16, 276: 20}[link]
        while len(record := f.read(16)) == 16:
            size = struct.unpack(order + "IIII", record)[2]
            packet = f.read(size)
            frame_add(streams, packet[skip:], ports)
    return list(streams.values())


def frame_add(streams, ip, ports):
    if len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != 6:
        return
    header = (ip[0] & 15) * 4
    total = struct.unpack(">H", ip[2:4])[0]
    tcp = ip[header:]
    source, target = struct.unpack(">HH", tcp[:4])
    offset = (tcp[12] >> 4) * 4
    length = total - header - offset
    data = tcp[offset:offset + max(length, 0)]
    here, there = ((socket.inet_ntoa(ip[12:16]), source), (socket.inet_ntoa(ip[16:20]), target))
    outward = target in ports
    key = (here, there) if outward else (there, here)
    stream = streams.setdefault(key, Stream(*key))
    if length <= 0:
        return
    if outward:
        stream.bytes_out += length
        if len(data) >= 48 and data[0] & 0x3F == 0x03 and stream.cid is None:
            stream.cid = struct.unpack(">H", data[20:22])[0]
    else:
        stream.bytes_in += length
        # A target writes a Login Response at the start of a segment; the final one has T and NSG 3.
        # Later in the stream such bytes may be anything.
        if (stream.bytes_in - length < 4096 and len(data) >= 48 and data[0] == 0x23 and
                (data[1] & 0x83 == 0x83 or data[36])):
            stream.logins.append((struct.unpack(">H", data[14:16])[0], data[36], data[37], stream.cid))
