#!/bin/bash
# In the guest: the two links, the targets, then wait to be told to stop.
for i in 0 1; do
	ip addr add 10.99.$i.2/24 dev vec$i
	ip link set vec$i up
done
bash ./lio-setup.sh || exit 1
touch ready
while [ ! -e stop ]; do sleep 0.2; done
