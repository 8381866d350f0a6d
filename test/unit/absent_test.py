#!/usr/bin/env python3
"""README.md lists exactly the functions that src/client answers with ERROR_CALL_NOT_IMPLEMENTED."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


def main():
    readme = (TOP / "README.md").read_text().split("<!-- absent", 1)[1].split("<!-- /absent", 1)[0]
    listed = set(re.findall(r"\b[A-Z]\w*(?:IScsi|ISNS|Radius|RADIUS)\w*", readme))
    absent = set()
    for name in ("absent.c", "absent_plain.c"):
        absent |= set(re.findall(r"^ABSENT_\d\((\w+)", (TOP / "src/client" / name).read_text(), re.M))
    for name in sorted(listed ^ absent):
        print(f"{name}: {'only in README.md' if name in listed else 'not in README.md'}")
    print(f"{len(listed & absent)} passed, {len(listed ^ absent)} failed, 0 skipped")
    return 1 if listed ^ absent else 0


sys.exit(main())
