#!/bin/bash
# In the guest: the two links and their `weather`, the targets, then wait to be told to stop, or what else
# to do: `do` is a script, its output and status go to `did`.
for i in 0 1; do
	ip addr add 10.99.$i.2/24 dev vec$i
	ip link set vec$i up
	ip route add 10.98.$i.0/24 via 10.99.$i.1
	# shellcheck disable=SC2046
	[ -s weather ] && tc qdisc replace dev vec$i root $(cat weather)
done
bash ./lio-setup.sh || exit 1
touch ready
while [ ! -e stop ]; do
	if [ -e do ]; then
		mv do doing
		bash ./doing >did.new 2>&1
		echo "status $?" >>did.new
		mv did.new did
	fi
	sleep 0.2
done
