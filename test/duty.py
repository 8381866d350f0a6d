"""duty.py - duty("WIN-3") in a Python test: what test/duty.h is for those in C.

Call it after the check, with the ids written in place. At exit the sites that were reached are appended
to the file named by ISCSIDSC_DUTIES; without it nothing is written.
"""
import atexit
import collections
import os
import sys

_hits = collections.Counter()


def duty(ids):
    """Counts a hit for each id of a list divided by blanks, under the caller's file and function."""
    caller = sys._getframe(1).f_code
    for name in ids.split():
        _hits[name, f"{caller.co_filename}:{caller.co_name}"] += 1



def duty_write():
    """At exit; also to be called before os._exit."""
    path = os.environ.get("ISCSIDSC_DUTIES")
    if path and _hits:
        with open(path, "a", encoding="utf-8") as file:
            file.write("".join(f"{name}\t{site}\t{hits}\n" for (name, site), hits in _hits.items()))
    _hits.clear()


atexit.register(duty_write)
