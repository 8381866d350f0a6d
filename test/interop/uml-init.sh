#!/bin/bash
# PID 1 of a user-mode Linux guest. Kernel arguments NAME=VALUE that the kernel does not know are the
# environment here: UML_WORK, a folder of the host that is writable at /mnt/guest; UML_STORE, one for
# media, at /mnt/store; UML_SCRIPT, a script in the first to run; UML_MODS, modules to load, with commas.
# The host's root is this guest's, read-only.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tmpfs mnt /mnt
mkdir -p /run/lock /mnt/guest /mnt/store
mount -t hostfs -o "$UML_WORK" work /mnt/guest
[ -z "$UML_STORE" ] || mount -t hostfs -o "$UML_STORE" store /mnt/store
mount -t tmpfs tmp /tmp
ip link set lo up
mkdir -p /run/m/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" "/run/m/lib/modules/$(uname -r)"
for m in ${UML_MODS//,/ }; do modprobe -d /run/m "$m" || echo "modprobe $m failed"; done
cd /mnt/guest || exec busybox poweroff -f
setsid bash "./$UML_SCRIPT" >out.log 2>&1 </dev/null
echo $? >rc
sync
exec busybox poweroff -f
