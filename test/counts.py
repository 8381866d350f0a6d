"""Prints "passed failed skipped" of a Meson test log in its JSON form."""
import json
import sys

PASSED = ("OK", "EXPECTEDFAIL")
results = [json.loads(line)["result"] for line in open(sys.argv[1], encoding="utf-8")]
passed = sum(r in PASSED for r in results)
skipped = sum(r == "SKIP" for r in results)
print(passed, len(results) - passed - skipped, skipped)
