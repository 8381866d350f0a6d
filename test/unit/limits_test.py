#!/usr/bin/env python3
"""The engine and what it stands on are functions of bytes and time: no lock, no system call, no thread,
no clock, no file. Looks at what their libraries want from outside; each name has to be known here.

    limits_test.py LIBRARY...
"""
import re
import subprocess
import sys

ALLOWED = {
    "memory": "malloc calloc realloc free",
    "bytes": "memcpy memmove memset memcmp memchr explicit_bzero",
    "texts": "strlen strnlen strcmp strncmp strcasecmp strncasecmp strchr strrchr strspn strcspn strcpy "
             "stpcpy strdup strtol strtoul strtoull snprintf vsnprintf strerror inet_pton",
    "our own mistakes": "__assert_fail",
    "the compiler": "__popcountdi2 _GLOBAL_OFFSET_TABLE_ __stack_chk_fail _DYNAMIC",
    "CRC32C": "crc32_iscsi",
}
PATTERNS = [
    re.compile(r"^(EVP_(MD|Digest)\w*|HMAC)$"),  # libcrypto: hashes for CHAP and RADIUS
    re.compile(r"^__\w+_chk$"),           # the fortified forms of the above
    re.compile(r"^__isoc23_strto\w+$"),   # as newer C libraries name them
    re.compile(r"^_*(asan|ubsan|tsan|sanitizer|gcov)_"),  # builds that watch or count
    re.compile(r"^__(asan|ubsan|tsan|llvm|sanitizer)"),
]


def symbols(library):
    """What the library defines and what it wants."""
    out = subprocess.run(["nm", "-P", library], check=True, capture_output=True, text=True).stdout
    defined, wanted = set(), set()
    for line in out.splitlines():
        words = line.split()
        if len(words) < 2 or len(words[1]) != 1:
            continue
        (wanted if words[1] in "Uw" else defined).add(words[0])
    return defined, wanted


def main(libraries):
    known = {name for names in ALLOWED.values() for name in names.split()}
    read = {library: symbols(library) for library in libraries}
    for defined, _ in read.values():
        known |= defined
    faults = []
    for library, (defined, wanted) in read.items():
        if not defined:
            faults.append(f"{library}: nothing in it")
        faults += [f"{library} wants {name}" for name in sorted(wanted)
                   if name not in known and not any(p.match(name) for p in PATTERNS)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
