#!/usr/bin/env python3
"""Compares what fixed loads cost with what they cost before, whatever the machine.

counts.tsv: calls of the system and PDUs of each scenario of guard.c, exactly.
instructions.tsv: instructions in functions of src/ for a command, on the paths that guard.c marks,
within 3 %; counted by callgrind, one column for each compiler, version, processor and level of
optimisation. Without a column for it the figures are printed and the paths are skipped.

Fewer than before fails, too: a guard that stands too far back sees nothing. --write makes what is now
the measure.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
COUNTS, INSTRUCTIONS = HERE / "counts.tsv", HERE / "instructions.tsv"
TOLERANCE = 0.03
SHOWN = 20 # functions of a path, with --functions


def table_read(path):
    """First line: the names of the columns; first column: the rows' names. {row: {column: text}}"""
    if not path.exists():
        return {}
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line]
    return {row[0]: dict(zip(lines[0][1:], row[1:])) for row in lines[1:]}


def table_write(path, corner, table):
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    lines = [[corner, *columns]]
    lines += [[name, *(row.get(column, "") for column in columns)] for name, row in table.items()]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")


# ---------------------------------------------------------------- counts

def program_read(text):
    """{scenario: {name: number}}, [(path, commands)], what instructions depend on"""
    counts, paths, compiler = {}, [], "unknown"
    for line in text.splitlines():
        word, *rest = line.split("\t")
        if word == "count":
            counts.setdefault(rest[0], {})[rest[1]] = rest[2]
        elif word == "path":
            paths.append((rest[0], int(rest[1])))
        elif word == "compiler":
            compiler = rest[0]
    return counts, paths, compiler


def counts_compare(counts, before):
    failed = 0
    for scenario in sorted(set(counts) | set(before)):
        now, then = counts.get(scenario, {}), before.get(scenario, {})
        differ = [f"{name} {then.get(name, 'none')} -> {now.get(name, 'none')}"
                  for name in sorted(set(now) | set(then)) if now.get(name) != then.get(name)]
        print(f"{'FAILED' if differ else 'ok':7} {scenario}: {', '.join(differ) or 'as before'}")
        failed += bool(differ)
    return len(set(counts) | set(before)) - failed, failed


# ---------------------------------------------------------------- instructions

def profile_read(path):
    """{function of src/: instructions, without those of functions that it calls}"""
    costs, file, function, skip = {}, "", None, False
    prefix = str(TOP / "src") + os.sep
    for line in path.read_text(encoding="utf-8").splitlines():
        if line[:3] in ("fl=", "fi=", "fe="):
            file = os.path.normpath(line[3:])
        elif line.startswith("fn="):
            function = line[3:] if file.startswith(prefix) else None
        elif line.startswith("calls="):
            skip = True # the next line is what the called function costs
        elif re.match(r"\d", line):
            if function and not skip:
                costs[function] = costs.get(function, 0) + int(line.split()[1])
            skip = False
    return costs


def instructions_count(program, timeout):
    """[profile_read of each profile] in the order of the program's paths; or None, told why."""
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "profile"
        done = subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}",
                               "--compress-strings=no", "--compress-pos=no",
                               "--zero-before=guard_begin", "--dump-before=guard_end", str(program)],
                              check=False, capture_output=True, text=True, errors="replace",
                              timeout=timeout)
        if done.returncode != 0:
            # Debian's valgrind does not read the debugging information of every compiler.
            print(f"valgrind can't run the guard: {done.stderr[-400:]}")
            return None
        files = [path for path in pathlib.Path(folder).iterdir() if path != out]
        return [profile_read(path) for path in sorted(files, key=lambda path: int(path.suffix[1:]))]


def functions_print(paths, profiles):
    for (path, commands), costs in zip(paths, profiles):
        print(f"{path}: {sum(costs.values()) / commands:.1f} instructions a command")
        for name in sorted(costs, key=lambda name: -costs[name])[:SHOWN]:
            print(f"{costs[name] / commands:12.1f}  {name}")


def instructions_compare(paths, sums, before, compiler):
    failed = skipped = 0
    for (path, commands), total in zip(paths, sums):
        now, then = total / commands, before.get(path, {}).get(compiler)
        if not then:
            print(f"SKIPPED {path}: {now:.1f} instructions a command; nothing to compare with for "
                  f"{compiler}")
            skipped += 1
            continue
        change = now / float(then) - 1
        bad = abs(change) > TOLERANCE
        print(f"{'FAILED' if bad else 'ok':7} {path}: {now:.1f} instructions a command, "
              f"{change:+.1%} of {then}")
        failed += bad
    return len(paths) - failed - skipped, failed, skipped


def instructions_write(paths, sums, before, compiler):
    table = {path: {**before.get(path, {}), compiler: f"{total / commands:.1f}"}
             for (path, commands), total in zip(paths, sums)}
    table_write(INSTRUCTIONS, "path", table)
    for path, row in table.items():
        print(f"{path}: {row[compiler]} instructions a command (before: "
              f"{before.get(path, {}).get(compiler, 'none')})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build", help="the Meson build folder")
    parser.add_argument("--write", action="store_true", help="make what is now the measure")
    parser.add_argument("--functions", action="store_true", help="show where the instructions are")
    args = parser.parse_args()
    program = pathlib.Path(args.build) / "test/guard/guard"
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        print(f"the guard ended with {done.returncode}: {done.stderr}")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    counts, paths, compiler = program_read(done.stdout)
    before = table_read(INSTRUCTIONS)
    profiles = instructions_count(program, 300)
    if profiles is not None and len(profiles) != len(paths):
        print(f"{len(profiles)} profiles for {len(paths)} paths")
        profiles = []
    if args.functions:
        functions_print(paths, profiles or [])
        return 0
    sums = profiles and [sum(costs.values()) for costs in profiles]
    if args.write:
        table_write(COUNTS, "scenario", counts)
        if sums:
            instructions_write(paths, sums, before, compiler)
        return 0
    passed, failed = counts_compare(counts, table_read(COUNTS))
    if sums:
        more = instructions_compare(paths, sums, before, compiler)
    elif profiles is None and not (shutil.which("valgrind") and
                                   any(compiler in row for row in before.values())):
        print(f"SKIPPED instructions: none to be had with {compiler}")
        more = (0, 0, len(paths))
    else:
        print(f"FAILED  instructions: none to be had with {compiler}")
        more = (0, len(paths), 0)
    if failed + more[1]:
        print("If that is how it shall be: ./dev guard --write")
    print(f"{passed + more[0]} passed, {failed + more[1]} failed, {more[2]} skipped")
    return 1 if failed + more[1] else 0


if __name__ == "__main__":
    sys.exit(main())
