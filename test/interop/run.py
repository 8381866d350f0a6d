#!/usr/bin/env python3
"""Runs the scenarios against one foreign target: run.py istgt|tgt|lio --build DIR [--full] [NAME]...

Ends with "N passed, N failed, N skipped"; status 0, 1, or 77 when the target can't run here.
"""
import argparse
import os
import signal
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bed import Bed, Failed, Unable, check  # noqa: E402
import faults, levels, policies, radius  # noqa: E402,E401,F401  (they add their scenarios)
from scenarios import ALL  # noqa: E402
from targets import KINDS  # noqa: E402

SHORT_LOAD, FULL_LOAD = 4, 60
SHORT_LIMIT = 90


def applies(function, kind):
    can = set(KINDS[kind].can) | {"namespace" if kind == "lio" else "local"}
    if kind == "istgt":
        can.add("other-group")
    return function.only in (None, kind) and function.needs <= can


def wanted(function, args):
    if args.names:
        return function.__name__ in args.names
    full = function.full
    return args.full or not (full if isinstance(full, bool) else args.kind in full)


def one(function, args, target, seconds):
    """Runs one scenario; returns 'ok', 'skip' or 'FAIL', and a text."""
    def late(*_):
        raise Failed("the scenario's time is over")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SHORT_LIMIT + 4 * seconds)
    bed = Bed(args.build)
    try:
        target.revive()
        with bed:
            try:
                function(bed, target, seconds)
                check(function.crash or not target.died(), target.died())
            except (Failed, AssertionError):
                bed.keep = True
                raise
        return "ok", ""
    except Unable as e:
        return "skip", str(e)
    except Exception as e:  # a scenario that trips is a failed one, whatever it trips over
        bed.keep = True
        where = "" if isinstance(e, Failed) else traceback.format_exc(limit=-3)
        where = f"{target.died()}\n{where}" if target.died() else where
        logs = service_log(bed)
        return "FAIL", f"{e}\n{where}{logs}    kept: {bed.dir}"
    finally:
        signal.alarm(0)


def service_log(bed):
    path = bed.path("service.log")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as f:
        return "".join(f"    service: {line}" for line in f.readlines()[-12:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--build", default="build")
    parser.add_argument("--full", action="store_true", help="long loads")
    parser.add_argument("--load", type=float, help="seconds that a load lasts")
    parser.add_argument("names", nargs="*", help="only these scenarios")
    args = parser.parse_intermixed_args()
    seconds = args.load or (FULL_LOAD if args.full else SHORT_LOAD)
    chosen = [f for f in ALL if applies(f, args.kind) and wanted(f, args)]
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with Bed(args.build) as bed:
            target = KINDS[args.kind](bed)
            for function in chosen:
                begin = time.monotonic()
                result, text = one(function, args, target, int(seconds))
                counts[result] += 1
                print(f"  {result:4} {function.__name__} ({time.monotonic() - begin:.1f} s)"
                      f"{': ' + text if text else ''}", flush=True)
    except Unable as e:
        print(f"{args.kind} can't run here: {e}")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    except Failed as e:
        print(f"{args.kind} did not start: {e}")
        counts["FAIL"] += 1
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
