/*
 * guard.c - see guard.h. XFRM policies are of linux/xfrm.h.
 */
#include "net/guard.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17
#endif
#ifndef IPV6_XFRM_POLICY
#define IPV6_XFRM_POLICY 35
#endif

struct policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl by;    /* left out: whatever the socket sends and gets is let through */
};

static void address_put(const struct sockaddr_storage *from, xfrm_address_t *ret)
{
	if (from->ss_family == AF_INET)
		ret->a4 = ((const struct sockaddr_in *)from)->sin_addr.s_addr;
	else
		memcpy(ret->a6, &((const struct sockaddr_in6 *)from)->sin6_addr, sizeof(ret->a6));
}

/* Everything of the socket. */
static struct policy policy_begin(int family, int direction)
{
	struct policy policy = { .info = { .sel.family = (uint16_t)family, .dir = (uint8_t)direction,
					   .action = XFRM_POLICY_ALLOW } };

	policy.info.lft.soft_byte_limit = policy.info.lft.hard_byte_limit = XFRM_INF;
	policy.info.lft.soft_packet_limit = policy.info.lft.hard_packet_limit = XFRM_INF;
	return policy;
}

/* By an SA of that reqid. */
static void policy_make(const struct guard *guard, int family, int direction, struct policy *ret)
{
	const struct sockaddr_storage *from = &guard->outer_local, *to = &guard->outer_remote;
	struct policy policy = policy_begin(family, direction);

	policy.by.id.proto = IPPROTO_ESP;
	policy.by.reqid = guard->reqid;
	policy.by.family = (uint16_t)family;
	policy.by.aalgos = policy.by.ealgos = policy.by.calgos = UINT32_MAX;
	if (guard->tunnel) {
		if (direction == XFRM_POLICY_IN) {
			from = &guard->outer_remote;
			to = &guard->outer_local;
		}
		policy.by.mode = XFRM_MODE_TUNNEL;
		policy.by.family = from->ss_family;
		address_put(from, &policy.by.saddr);
		address_put(to, &policy.by.id.daddr);
	}
	*ret = policy;
}

static int policy_set(int fd, int family, const struct policy *policy, size_t len)
{
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int name = family == AF_INET6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY;

	return setsockopt(fd, level, name, policy, (socklen_t)len) < 0 ? -errno : 0;
}

static const int directions[] = { XFRM_POLICY_OUT, XFRM_POLICY_IN };

static int guard_by_policy(int fd, int family, const struct guard *guard)
{
	struct policy policy;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 2; i++) {
		policy_make(guard, family, directions[i], &policy);
		r = policy_set(fd, family, &policy, sizeof(policy));
	}
	return r;
}

static int guard_by_device(int fd, int family, const struct guard *guard)
{
	struct policy policy;
	int r = 0;

	if (!guard->device[0])
		return -ENODEV;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, guard->device,
		       (socklen_t)strlen(guard->device)) < 0)
		return -errno;
	for (unsigned i = 0; guard->blocked && r == 0 && i < 2; i++) {
		policy = policy_begin(family, directions[i]);
		r = policy_set(fd, family, &policy, sizeof(policy.info));
	}
	return r;
}

/* The kernel applies a socket's policies to one family alone. */
static int guard_family(int fd, int family)
{
	static const int one = 1;

	if (family != AF_INET6)
		return 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0 ? -errno : 0;
}

int guard_socket(int fd, int family, const struct guard *guard)
{
	static const struct linger reset = { .l_onoff = 1 };
	int r;

	if (guard->kind == GUARD_NONE)
		return 0;
	r = guard_family(fd, family);
	if (r < 0)
		return r;
	switch (guard->kind) {
	case GUARD_NONE:
		break;
	case GUARD_POLICY:
		r = guard_by_policy(fd, family, guard);
		break;
	case GUARD_DEVICE:
		r = guard_by_device(fd, family, guard);
		break;
	}
	if (r == 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
		r = -errno;
	return r;
}

int guard_check(int family)
{
	const struct guard guard = { .kind = GUARD_POLICY, .reqid = 1 };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = guard_socket(fd, family, &guard);
	close(fd);
	return r;
}
