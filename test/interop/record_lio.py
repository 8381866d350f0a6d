#!/usr/bin/env python3
"""record_lio.py --build DIR [--out FOLDER]: plays a fixed list of exchanges with LIO and writes down
what it answers, for test/sim to compare the simulated target with. Needs root and user-mode Linux.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bed import Bed, Failed, run  # noqa: E402
from exchanges import EXCHANGES  # noqa: E402
from links import inside  # noqa: E402
from peer_play import Player  # noqa: E402
from targets import Lio  # noqa: E402

HEAD = """\
# What LIO ({kernel}) says to hand-made PDUs; written by test/interop/record_lio.py.
#
# One exchange after the other, each with a session of its own:
#   exchange NAME           its beginning; `#` lines after it say what it is about
#   > N BHS DATA            sent on the exchange's N-th connection: the basic header, 96 hex digits, and
#                           the data segment without padding and digests
#   < N BHS DATA            received on it, in the order of arrival on that connection
#   x N                     the target closed it
#   c N                     we closed it, without a logout
# DATA: `-` none; `x:` hex digits; `f:LENGTH:BYTE` that many equal bytes; `t:` text with %XX as in URLs.
# `bad-digest` at the end of a line: the data segment went with a wrong data digest.
# Chosen by the target, so to be compared by their differences alone: TSIH, StatSN, Target Transfer Tags;
# MaxCmdSN - ExpCmdSN (its queue); the declared MaxRecvDataSegmentLength, TargetAlias and the like.
"""


def play(name, host, port):
    """In the initiator's namespace: one exchange; its lines as JSON."""
    player = Player((host, port), list(EXCHANGES).index(name))
    text = EXCHANGES[name].__doc__
    try:
        EXCHANGES[name](player)
    except ConnectionError:
        player.line("# the rest could not be sent: the target had closed the connection")
    finally:
        player.close()
    print(json.dumps([f"exchange {name}", f"# {text.strip()}", *player.lines]))


# As it comes LIO always wants R2Ts.
SETTING = "echo No >/sys/kernel/config/target/iscsi/iqn.2026-11.test:open/tpgt_1/param/InitialR2T\n"


def record(build, out):
    files = {}
    with Bed(build) as bed:
        target = Lio(bed)
        kernel = target.guest(SETTING + "uname -r").split()[0]
        for name, function in EXCHANGES.items():
            if target.died():
                print(f"  {target.died()}; another guest")
                target.start()
                target.guest(SETTING)
            host, port = target.portals[0]
            done = run([*inside(target.namespace), sys.executable, os.path.abspath(__file__),
                        "--play", name, "--portal", host, str(port)], 60)
            if done.returncode != 0:
                raise Failed(f"{name}: {done.stderr[-500:]}")
            lines = json.loads(done.stdout)
            print(f"  {name}: {sum(line[0] == '<' for line in lines)} answers")
            files.setdefault(function.file, []).append("\n".join(lines) + "\n")
            if function.fresh:
                target.restart()
                target.guest(SETTING)
    os.makedirs(out, exist_ok=True)
    for file, parts in files.items():
        with open(os.path.join(out, f"lio-{file}.txt"), "w", encoding="utf-8") as f:
            f.write(HEAD.format(kernel=kernel) + "\n" + "\n".join(parts))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--out", default=os.path.join(here, "..", "sim", "traces"))
    parser.add_argument("--play", help="one exchange, from inside the namespace")
    parser.add_argument("--portal", nargs=2)
    args = parser.parse_args()
    if args.play:
        play(args.play, args.portal[0], int(args.portal[1]))
    else:
        record(args.build, args.out)


if __name__ == "__main__":
    main()
