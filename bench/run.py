#!/usr/bin/env python3
"""Measures, in pairs, our engine and service against libiscsi, the bare socket and others.

Without a part it runs all but those that are marked APART (they are long, or of interest to whoever
changes the loop); with --full those too. Figures are ratios of things measured by turns in this run; see core.py.
Exit status: 0 if everything was measured, whether the goals are met or not; 1 if something failed.
"""
import argparse
import importlib
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import core  # noqa: E402
import report  # noqa: E402

ORDER = ["limit", "compare", "disk", "links", "login", "scale", "api", "crc"]


def part_load(name):
    """As parts.NAME, for the tests have a module `links`, too."""
    return importlib.import_module(f"parts.{name}")


def parts_there():
    found = {name[:-3] for name in os.listdir(os.path.join(HERE, "parts")) if name.endswith(".py")}
    return [name for name in ORDER if name in found] + sorted(found - set(ORDER))


def is_apart(name):
    return getattr(part_load(name), "APART", False)


def chosen(named, full):
    """The parts to be measured: those named; or all, but those that stand apart only in the long form."""
    return named or [name for name in parts_there() if full or not is_apart(name)]


def go_apart():
    """Root measures in a network namespace of its own, with the plainest congestion control: what
    this machine has chosen for its network (BBR's pacing, say) would else be what is measured."""
    if os.geteuid() != 0 or os.environ.get("ISCSIDSC_BENCH_APART"):
        return
    env = {**os.environ, "ISCSIDSC_BENCH_APART": "1"}
    if subprocess.run(["unshare", "-n", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        return
    os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], env)


def settle_in():
    """In the namespace, if that is where we are."""
    if os.environ.get("ISCSIDSC_BENCH_APART"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with open("/proc/sys/net/ipv4/tcp_congestion_control", "w", encoding="ascii") as f:
            f.write("reno")


def measure(bench, names):
    """Runs the parts; returns their rows, goals, and the names of those that failed."""
    rows, goals, failed = [], [], []
    for name in names:
        part = part_load(name)
        goals += getattr(part, "GOALS", [])
        begin = time.monotonic()
        bench.log(f"=== {name}: {part.ABOUT}")
        try:
            for row in part.run(bench):
                rows.append(row)
        except core.Unable as e:
            bench.log(f"{name} can't be measured here: {e}")
        except core.Failed as e:
            bench.log(f"{name} failed: {e}")
            failed.append(name)
        bench.log(f"    {time.monotonic() - begin:.0f} s")
    return rows, goals, failed


def write(order, names, goals, rows):
    """The sections and plots of these parts in doc/performance.md."""
    doc = os.path.join(core.TOP, "doc")
    on = report.machine(core.TOP)
    new = {}
    for name in names:
        part = part_load(name)
        own = [row for row in rows if row["part"] == name]
        plots = os.path.join(doc, "performance")
        plotted = getattr(part, "PLOT", True) and report.write_plots(plots, own)
        if own:
            new[name] = report.section(name, part.ABOUT, on, goals, own, plotted)
    report.write_document(os.path.join(doc, "performance.md"), order, new)


def main():
    there = parts_there()
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"of: {' '.join(there)}; if none is named all but "
                             f"{' and '.join(filter(is_apart, there))}, with --full these too")
    parser.add_argument("--build", metavar="FOLDER", default="build-bench", help="Meson's, of a release build")
    parser.add_argument("--json", metavar="FILE", help="writes the rows there")
    parser.add_argument("--plots", metavar="FOLDER", help="writes plots (SVG) there")
    parser.add_argument("--full", action="store_true", help="all cases of all parts, longer")
    parser.add_argument("--write", action="store_true", help="writes the parts into doc/performance.md, and plots")
    parser.add_argument("--list", action="store_true", help="lists the parts")
    parser.add_argument("--here", action="store_true", help="no network namespace of its own")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--repeat", type=int, help="rounds of each case")
    args = parser.parse_intermixed_args()
    for name in args.parts:
        if name not in there:
            parser.error(f"no part '{name}'; parts: {' '.join(there)}")
    if args.list:
        for name in there:
            print(f"{name:10} {part_load(name).ABOUT}" + " (by name or with --full)" * is_apart(name))
        return 0
    if not args.here:
        go_apart()
    settle_in()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    names = chosen(args.parts, args.full)
    bench = core.Bench(args.build, args.full, args.seconds, args.repeat)
    rows, goals, failed = measure(bench, names)
    print("\n".join(report.machine(core.TOP)), "", report.goal_table(goals, rows), sep="\n")
    if args.json:
        report.write_json(args.json, rows)
    if args.plots:
        report.write_plots(args.plots, rows)
    if args.write:
        write(there, [name for name in names if name not in failed], goals, rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
