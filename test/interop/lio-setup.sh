#!/bin/bash
# In the guest: three targets with three LUNs each on four portals of one portal group, by configfs.
# Credentials go in with printf, since LIO would keep echo's newline as part of the secret.
set -e
lio=/sys/kernel/config/target
[ -d "$lio" ] || mount -t configfs none /sys/kernel/config
node=iqn.2026-11.test

backstore() { # PLUGIN/NAME CONTROL
	mkdir -p "$lio/core/$1"
	printf %s "$2" >"$lio/core/$1/control"
	echo 1 >"$lio/core/$1/enable"
	echo "5e71a1-${1##*/}" >"$lio/core/$1/wwn/vpd_unit_serial"
}

mkdir -p /run/lun
mount -t tmpfs -o size=100m lun /run/lun
truncate -s 64M /mnt/store/lun1.img
truncate -s 64M /run/lun/lun2.img
backstore rd_mcp_0/r0 rd_pages=16384
backstore fileio_0/f1 fd_dev_name=/mnt/store/lun1.img,fd_dev_size=67108864
backstore fileio_0/f2 fd_dev_name=/run/lun/lun2.img,fd_dev_size=67108864,fd_buffered_io=1

target() { # NAME: sets $tpg
	local i n=0 portal
	tpg=$lio/iscsi/$node:$1/tpgt_1
	mkdir -p "$lio/iscsi/$node:$1"
	mkdir -p "$tpg"
	for i in rd_mcp_0/r0 fileio_0/f1 fileio_0/f2; do
		mkdir -p "$tpg/lun/lun_$n"
		ln -s "$lio/core/$i" "$tpg/lun/lun_$n/store"
		n=$((n + 1))
	done
	for portal in ${PORTALS:-10.99.0.2:3260 10.99.1.2:3260 10.99.0.2:3261 10.99.1.2:3261}; do
		mkdir "$tpg/np/$portal"
	done
	echo 16 >"$tpg/param/MaxConnections"
	# What it agrees to; the initiator's offer decides.
	echo 2 >"$tpg/attrib/default_erl"
	echo 2 >"$tpg/param/ErrorRecoveryLevel"
	echo CRC32C,None >"$tpg/param/HeaderDigest"
	echo CRC32C,None >"$tpg/param/DataDigest"
	echo 0 >"$tpg/attrib/demo_mode_write_protect"
	echo 1 >"$tpg/attrib/generate_node_acls"
	echo 1 >"$tpg/attrib/cache_dynamic_acls"
}

mkdir -p "$lio/iscsi"
target open
echo 0 >"$tpg/attrib/authentication"
echo None >"$tpg/param/AuthMethod"
echo 1 >"$tpg/enable"

target chap
echo 1 >"$tpg/attrib/authentication"
echo CHAP >"$tpg/param/AuthMethod"
printf %s user1 >"$tpg/auth/userid"
printf %s secret-secret1 >"$tpg/auth/password"
echo 1 >"$tpg/enable"

# Mutual credentials are those of an initiator name; the scenario sets that name.
target mutual
echo 1 >"$tpg/attrib/authentication"
echo CHAP >"$tpg/param/AuthMethod"
echo 0 >"$tpg/attrib/generate_node_acls"
acl=$tpg/acls/$node:ini
mkdir -p "$acl"
echo 2 >"$acl/attrib/default_erl"
printf %s user1 >"$acl/auth/userid"
printf %s secret-secret1 >"$acl/auth/password"
printf %s tuser >"$acl/auth/userid_mutual"
printf %s target-secret3 >"$acl/auth/password_mutual"
for i in 0 1 2; do
	mkdir "$acl/lun_$i"
	ln -s "$tpg/lun/lun_$i" "$acl/lun_$i/lun"
done
echo 1 >"$tpg/enable"
