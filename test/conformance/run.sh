#!/bin/sh
# run.sh DIR COMMAND... runs one test program (a wrapper for `meson test`). What it says of duties stays
# in DIR only if it passed: a failed test shows nothing.
dir=$1
shift
duties=$dir/$(basename "$1").$$
ISCSIDSC_DUTIES=$duties "$@"
status=$?
[ $status = 0 ] || rm -f "$duties"
exit $status
