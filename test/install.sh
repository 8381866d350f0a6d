#!/bin/bash
# install.sh BUILD: installs into a folder, and uses what lies there as a stranger would: the files
# that are promised, no symbol but the public ones, a program built with pkg-config, the programs.
# Ends with "N passed, N failed, N skipped".
set -u
build=$1
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

check() { # check WHAT COMMAND...
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "  ok   $what"
	else
		failed=$((failed + 1))
		echo "  FAIL $what: $out" | head -20
	fi
}

only_public_symbols() {
	local have want
	have=$(nm -D --defined-only "$lib/libiscsidsc.so.0" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort)
	want=$(cut -f1 "$top/test/header/data/functions.tsv" | tail -n +2; sed -n 's/^ISDSC_STATUS .* \(\w*\)(.*/\1/p' \
		"$prefix/include/iscsidsc_ext.h")
	comm -3 <(echo "$have") <(echo "$want" | sort -u) | grep . && return 1
	return 0
}

build_example() {
	local flags
	flags=$(PKG_CONFIG_SYSROOT_DIR=$dir PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs iscsidsc) &&
		gcc -Wall -Werror -I"$prefix/include/iscsidsc/compat" -o "$dir/example" \
			"$top/examples/add_connections.c" $flags &&
		{ ! pkg-config --exists libnbd || gcc -Wall -Werror -DUNICODE -fshort-wchar \
			-I"$prefix/include/iscsidsc/compat" -o "$dir/example_w" "$top/examples/session.c" \
			$flags $(pkg-config --cflags --libs libnbd); }
}

service_not_running() {
	local out
	out=$(ISCSIDSC_SOCKET=$dir/none "$prefix/bin/iscsicli" ListTargets)
	[[ $out == *"not running"* ]] || { echo "$out"; return 1; }
}

check "meson install" env DESTDIR="$dir" ninja -C "$build" install
prefix=$dir$(meson introspect "$build" --buildoptions |
	python3 -c 'import json, sys; print([o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"][0])')
lib=$prefix/lib
export LD_LIBRARY_PATH=$lib
for file in include/iscsidsc.h include/iscsierr.h include/iscsidsc_ext.h include/iscsidsc/compat/windows.h \
	lib/libiscsidsc.so.0 lib/libiscsidsc.so lib/pkgconfig/iscsidsc.pc bin/iscsicli sbin/iscsidscd \
	lib/systemd/system/iscsidscd.service share/man/man1/iscsicli.1 share/man/man3/iscsidsc.3 \
	share/man/man8/iscsidscd.8 share/bash-completion/completions/iscsicli \
	share/zsh/site-functions/_iscsicli; do
	check "$file" test -e "$prefix/$file"
done
check "soname" sh -c "readelf -d '$lib/libiscsidsc.so' | grep -q 'soname.*\[libiscsidsc.so.0\]'"
check "only the public symbols" only_public_symbols
check "programs built with pkg-config, A and W" build_example
check "iscsidscd --version" "$prefix/sbin/iscsidscd" --version
check "iscsicli says that no service runs" service_not_running
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
