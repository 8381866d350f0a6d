#!/bin/bash
# debian13.sh: builds and tests this checkout in a fresh Debian 13, made by debootstrap. Needs root.
# DEBIAN13_LANES names other lanes than the usual. Ends with "N passed, N failed, N skipped"; status 77 when it can't run here.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
skip() { echo "$1"; echo "0 passed, 0 failed, 1 skipped"; exit 77; }
[ "$(id -u)" = 0 ] || skip "A chroot needs root."
command -v debootstrap >/dev/null || skip "There is no debootstrap here: apt-get install debootstrap"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | head -1)
root=$(mktemp -d) || exit 1
chmod 755 "$root" # others than root have to get at what is in it
leave() {
	for m in proc dev/pts dev/shm dev sys run/netns ''; do
		while mountpoint -q "$root/$m" && umount -l "$root/$m"; do :; done
	done
	rm -rf --one-file-system "$root"
}
trap leave EXIT

debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror" >"$root.log" 2>&1 ||
	{ tail -20 "$root.log"; rm -f "$root.log"; skip "debootstrap could not make a Debian 13."; }
rm -f "$root.log"
cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null
cp -aL /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
mount --bind "$root" "$root" || exit 1 # `ip netns exec` wants / to be a mount point
for m in proc sys dev dev/pts dev/shm; do mount --rbind "/$m" "$root/$m" 2>/dev/null; done
mkdir "$root/src" && git -C "$top" archive HEAD | tar -x -C "$root/src"
chroot "$root" env DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy:-}" \
	LANES="${DEBIAN13_LANES:-unit api sim interop-istgt interop-tgt}" \
	sh -c 'cd /src && ./dev deps && ./dev test $LANES && ./dev demo'
rc=$?
[ $rc = 0 ] && echo "1 passed, 0 failed, 0 skipped" || echo "0 passed, 1 failed, 0 skipped"
exit $rc
