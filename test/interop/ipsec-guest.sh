#!/bin/bash
# In the guest: lets its kernel find modules by itself, then runs the scenarios (ipsec.py here).
cat >/run/modprobe <<-'END'
	#!/bin/sh
	exec modprobe -d /run/m "$@"
END
chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
# Names of hosts are the guest's own.
cp /etc/hosts /run/hosts
mount --bind /run/hosts /etc/hosts
cp -r /mnt/guest/*.py /mnt/guest/*.sh /mnt/guest/build /tmp/
cd /tmp || exit 1
# shellcheck disable=SC2046
exec python3 -u /tmp/ipsec.py here --build /tmp/build $(cat /mnt/guest/arguments)
