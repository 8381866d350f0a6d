#!/bin/bash
# coverage.sh BUILD - how many lines of src/proto and src/engine all tests together reach: unit tests,
# the fuzzers' corpora, and some seeds of the simulation, in the folder BUILD-cov. Fails under 95 %.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
dir=${1:?usage: coverage.sh BUILD}-cov
wanted=95.0
seeds=${COVERAGE_SEEDS:-12}
passed=0 failed=0 skipped=0

give_up() {
	echo "coverage: $*"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

command -v gcovr >/dev/null || { echo "coverage: gcovr is missing: ./dev deps"; echo "0 passed, 0 failed, 1 skipped"; exit 77; }
# Counters of an older build would count for lines that have moved.
rm -rf "$dir"
# Threads count too: counters that aren't atomic can even go below zero.
CC=gcc meson setup "$dir" . -Db_coverage=true -Dc_args=-fprofile-update=atomic --buildtype=debug >"$dir.log" 2>&1 ||
	{ cat "$dir.log"; give_up "no build folder"; }
rm -f "$dir.log"
ninja -C "$dir" --quiet >"$dir/build.out" 2>&1 || { tail -40 "$dir/build.out"; give_up "the build failed"; }

# run NAME COMMAND...
run() {
	local name=$1 t0=$SECONDS
	shift
	if "$@" >"$dir/$name.out" 2>&1; then
		passed=$((passed + 1))
		echo "$name: passed ($((SECONDS - t0)) s)"
	else
		failed=$((failed + 1))
		echo "$name: failed"
		tail -30 "$dir/$name.out"
	fi
}

run unit meson test -C "$dir" --no-rebuild --suite unit --timeout-multiplier 4 --print-errorlogs
run sim "$dir/test/sim/sim" --seed 1 --count "$seeds" -q

# Lines, lines reached, and which were not, by file.
(cd "$dir" && gcovr --root "$top/src" --filter "$top/src/proto/" --filter "$top/src/engine/" \
	--fail-under-line "$wanted" . >coverage.txt 2>gcovr.out)
case $? in
0) passed=$((passed + 1)) ;;
2) failed=$((failed + 1)); echo "coverage: fewer than $wanted % of the lines" ;;
*) tail -20 "$dir/gcovr.out"; give_up "gcovr failed" ;;
esac
sed '/^-*$/d; /GCC Code Coverage/d; /^Directory:/d' "$dir/coverage.txt"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
