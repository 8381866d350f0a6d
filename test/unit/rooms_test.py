#!/usr/bin/env python3
"""Reads the #include lines of src/ and checks the arrows of doc/architecture.md: who may use whom.

An arrow that is not drawn fails the test; so does a room that is not in the picture.
"""
import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"

# room: the rooms it may include; "include" stands for the public headers, base is free for all.
ARROWS = {
    "base": [],
    "proto": [],
    "scsi": [],
    "engine": ["proto"],
    "net": [],
    "drive": ["engine", "net"],
    # disk sees the engine's door only through the seam's types (struct task)
    "disk": ["drive", "scsi", "net"],
    "bus": [],
    "service": ["disk", "drive", "net", "scsi", "proto", "bus", "include"],
    "client": ["include", "bus"],
    "cli": ["include"],
}
PUBLIC = {"iscsidsc.h", "iscsierr.h", "iscsidsc_ext.h"}
# Of a room only its door is seen from outside; of net the service sees what carries messages to it,
# the sockets of its own client (iSNS), and what it does to the kernel for IPsec.
DOORS = {
    "engine": {None: {"engine/engine.h"}},
    "net": {"service": {"net/mailbox.h", "net/resolve.h", "net/tcp.h", "net/guard.h", "net/block.h",
                        "net/route.h"}},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def file_faults(path):
    room = path.relative_to(SRC).parts[0]
    if room not in ARROWS:
        yield f"{path}: the room '{room}' is not in the picture"
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match.group(2)
        other = name.split("/")[0]
        where = f"{path.relative_to(SRC.parent)}:{number}"
        if name in PUBLIC:
            if "include" not in ARROWS[room]:
                yield f"{where}: {room} may not include the public header {name}"
        elif match.group(1) == "<":
            continue
        elif other in ARROWS and "/" in name:
            doors = DOORS.get(other, {})
            doors = doors.get(room, doors.get(None))
            if other not in (room, "base", *ARROWS[room]):
                yield f"{where}: {room} may not include {name}"
            elif other != room and doors and name not in doors:
                yield f"{where}: {room} may not look behind the door of {other}: {name}"
        elif not (path.parent / name).exists():
            yield f"{where}: {name} is neither ROOM/FILE nor beside this file"


def main():
    faults = [f for path in sorted(SRC.rglob("*.[ch]")) for f in file_faults(path)]
    print("\n".join(faults) or "every include follows the picture")
    return 1 if faults else 0


sys.exit(main())
