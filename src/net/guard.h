/*
 * guard.h - what keeps the bytes of a socket inside ESP, or lets none out: the kernel holds the socket
 * to it whatever becomes of the key daemon, its policies and its SAs. Set before the socket connects, it
 * lasts as long as the socket. What it is not: IKE, or ESP.
 *
 * GUARD_POLICY is a policy of the socket's own (IP_XFRM_POLICY, IPV6_XFRM_POLICY), both ways: a segment
 * leaves only through an ESP SA of that reqid, and one that did not come through such an SA is dropped.
 * Unlike policies of the system it is gone neither with the orderly end of the daemon, nor by a flush. It
 * needs CAP_NET_ADMIN. GUARD_DEVICE is for ESP in user space, of which the kernel knows nothing: the
 * socket is bound to the tunnel's device, and has no other way in or out; when the device goes, it has
 * none. That needs CAP_NET_RAW, or nothing from Linux 5.7 on.
 *
 * A guarded socket is closed with a reset: the kernel would end an orderly close on its own, without the
 * socket and so without its policy.
 */
#ifndef ISCSIDSC_NET_GUARD_H
#define ISCSIDSC_NET_GUARD_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/tcp.h"

enum guard_kind { GUARD_NONE, GUARD_POLICY, GUARD_DEVICE };

struct guard {
	enum guard_kind kind;
	char source[TCP_ADDRESS_MAX]; /* our address that is protected; the socket binds to it */
	/* GUARD_POLICY */
	uint32_t reqid;
	bool tunnel;                  /* else transport mode */
	struct sockaddr_storage outer_local, outer_remote; /* of the tunnel */
	/* GUARD_DEVICE */
	char device[IF_NAMESIZE];
	bool blocked;                 /* policies of net/block.h don't count for it: needs CAP_NET_ADMIN */
};

/* Before it has a port, and is connected. One of IPv6 can't be connected to IPv4 then (::ffff:10.0.0.1).
 * Returns 0 or a negative errno; then the socket is not to be used. */
int guard_socket(int fd, int family, const struct guard *guard);
/* Whether this process may guard sockets by policy: 0, -EPERM, or -ENOPROTOOPT and the like where the
 * kernel can't. */
int guard_check(int family);

#endif
