#!/usr/bin/env python3
"""IPsec by the API, with strongSwan at both ends: ipsec.py host|guest|here --build DIR.

host: in two network namespaces of this machine, where charon does ESP itself: tunnels only, but quick.
guest: in two namespaces of a user-mode Linux guest, whose kernel does ESP, with LIO as target.
here: what a guest runs: with LIO, or with --istgt what LIO does not survive.
--measure: no scenarios, but what IPsec costs.

Ends with "N passed, N failed, N skipped"; status 0, 1, or 77 when it can't run here.
"""
import argparse
import glob
import os
import re
import shutil
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bed import Bed, Failed, Unable, check, wait_for  # noqa: E402
import ipsec_life  # noqa: E402,F401  (it adds its scenarios)
from ipsec_measure import measure  # noqa: E402
from ipsec_scenarios import ALL  # noqa: E402
from ipsec_world import World, copied  # noqa: E402
from targets import program  # noqa: E402
from vici import Error as ViciError  # noqa: E402

SHORT_LOAD, FULL_LOAD = 4, 20
LIMIT = 150  # seconds that a scenario may last besides its load
MODULES = ("configfs,target_core_mod,target_core_file,iscsi_target_mod,crc32c_generic,xfrm_user,esp4,esp6,veth,"
           "authenc,cbc,hmac,sha256_generic,seqiv,echainiv,gcm,ctr,ghash-generic,aes_generic,sch_netem")


def one(function, build, world, seconds):
    """Runs one scenario; returns 'ok' or 'FAIL', and a text."""
    def late(*_):
        raise Failed("the scenario's time is over")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT + 4 * seconds)
    bed = Bed(build)
    try:
        with bed:
            try:
                world.fresh(bed)
                function(world, seconds)
                check(world.far.charon_alive(), f"the peer's charon ended: {world.far.charon.log()[-300:]}")
            except BaseException:
                bed.keep = not world.kernel  # of a guest nothing is kept
                raise
        return "ok", ""
    except Exception as e:  # a scenario that trips is a failed one, whatever it trips over
        where = "" if isinstance(e, (Failed, ViciError)) else traceback.format_exc(limit=-3)
        return "FAIL", f"{e}\n{where}{logs(world)}"
    finally:
        signal.alarm(0)
        world.service = world.program = None


def tail(path, name, lines):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as f:
        return "".join(f"    {name}: {line}" for line in f.readlines()[-lines:])


def logs(world):
    return world.last_log + tail(world.bed.path("near.charon"), "charon", 12)


def wanted(args, place):
    return [f for f in ALL if (place == "guest" or not f.kernel) and
            (f.__name__ in args.names if args.names else args.full or place in f.short)]


def scenarios(args, kernel):
    """Runs them in this machine; prints one line each."""
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    seconds = int(args.load or (FULL_LOAD if args.full else SHORT_LOAD))
    place = "guest" if kernel else "host"
    chosen = [f for f in wanted(args, place) if not kernel or f.lio != args.istgt]
    try:
        with Bed(args.build) as bed:
            world = World(bed, kernel, kernel and not args.istgt)
            if args.measure:
                measure(bed, world)
                return 0
            for function in chosen:
                begin = time.monotonic()
                result, text = one(function, args.build, world, seconds)
                counts[result] += 1
                print(f"  {result:4} {function.__name__} ({time.monotonic() - begin:.1f} s)"
                      f"{': ' + text if text else ''}", flush=True)
    except Unable as e:
        print(f"IPsec can't be tested here: {e}")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


def guests(args):
    """One with each target; returns the status and prints the counts of both."""
    counts, status = [0, 0, 0], 0
    for more in ([], ["--istgt"]):
        if not args.measure and not [f for f in wanted(args, "guest") if f.lio == (not more)]:
            continue
        rc, text = guest(args, more)
        if args.measure:
            return rc
        status = status or rc
        told = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.M)
        for i, number in enumerate(told[-1] if told else (0, 1, 0)):
            counts[i] += int(number)
    print("{} passed, {} failed, {} skipped".format(*counts))
    return status


def guest(args, more):
    """Boots a guest that runs this program with `here`; its output is ours. Returns its status and that."""
    here = os.path.dirname(os.path.abspath(__file__))
    with Bed(args.build) as bed:
        if not os.path.exists(os.path.join(bed.build, "test/interop/uml_xstate.so")):
            raise Unable("the build has no uml_xstate.so")
        linux, work = program("linux.uml"), bed.path("guest")
        for name in ("charon-systemd", "tcpdump", "istgt", "fio"):
            program(name)
        os.mkdir(work)
        for name in glob.glob(os.path.join(here, "*.py")) + glob.glob(os.path.join(here, "*.sh")):
            shutil.copy(name, work)
            os.chmod(os.path.join(work, os.path.basename(name)), 0o755)
        copied(bed.build, os.path.join(work, "build"))
        words = [*more, *(["--full"] if args.full else []), *(["--measure"] if args.measure else []),
                 *(["--load", str(args.load)] if args.load else []), *args.names]
        bed.write("guest/arguments", " ".join(words))
        daemon = bed.daemon("uml", [
            linux, "mem=1G", "rootfstype=hostfs", "root=/dev/root", "rootflags=/", "ro",
            f"init={work}/uml-init.sh", f"UML_WORK={work}", "UML_SCRIPT=ipsec-guest.sh",
            f"UML_MODS={MODULES}", "con=null", "con0=null,fd:1", "panic=1"],
            env={"LD_PRELOAD": os.path.join(bed.build, "test/interop/uml_xstate.so")})
        text = follow(daemon, os.path.join(work, "out.log"))
        if not os.path.exists(os.path.join(work, "rc")):
            print(f"the guest died: {daemon.log()[-1500:]}")
            passed, failed = (len(re.findall(rf"^  {word} ", text, re.M)) for word in ("ok  ", "FAIL"))
            return 1, f"{text}\n{passed} passed, {failed + 1} failed, 0 skipped\n"
        with open(os.path.join(work, "rc"), encoding="utf-8") as f:
            return int(f.read() or 1), text


def follow(daemon, path):
    """Prints what comes in a file as long as the daemon lives; returns all of it."""
    text = ""
    wait_for("the guest", lambda: os.path.exists(path) or not daemon.alive(), 60)
    while True:
        going = daemon.alive()
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                new = f.read()[len(text):]
            sys.stdout.write(re.sub(r"(?m)^\d+ passed, .* skipped\n", "", new))
            sys.stdout.flush()
            text += new
        if not going:
            return text
        time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("where", choices=("host", "guest", "here"))
    parser.add_argument("--build", default="build")
    parser.add_argument("--full", action="store_true", help="all scenarios, long loads")
    parser.add_argument("--load", type=float, help="seconds that a load lasts")
    parser.add_argument("--istgt", action="store_true", help="the target of `here`")
    parser.add_argument("--measure", action="store_true", help="what IPsec costs")
    parser.add_argument("names", nargs="*", help="only these scenarios")
    args = parser.parse_intermixed_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if args.where == "guest":
            return guests(args)
        return scenarios(args, args.where == "here")
    except Unable as e:
        print(f"IPsec can't be tested here: {e}")
        print("0 passed, 0 failed, 1 skipped")
        return 77


if __name__ == "__main__":
    sys.exit(main())
