/*
 * block.c - see block.h.
 *
 * A key daemon's policy for the same addresses and ports would take the place of ours, and leave none
 * when it goes: the kernel knows policies by their selector alone. So ours come in two halves, for even
 * and odd ports of our own, which no daemon makes.
 */
#include "net/block.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	BLOCK_PRIORITY = 0x7f000000, /* behind all others; the tag is in its low half */
	BLOCK_HALVES = 2,
	BLOCK_BATCH = 64,            /* that are removed at a time */
	BLOCK_REPLY_ROOM = 32 * 1024,
	BLOCK_REPLY_SECONDS = 1,
};

struct request {
	struct nlmsghdr header;
	union {
		struct xfrm_userpolicy_info policy;
		struct xfrm_userpolicy_id id;
	};
};

/* ---- netlink */

static int link_open(void)
{
	const struct timeval limit = { .tv_sec = BLOCK_REPLY_SECONDS };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static int link_send(int fd, const struct request *request)
{
	return send(fd, request, request->header.nlmsg_len, 0) < 0 ? -errno : 0;
}

static int link_ask(int fd, const struct request *request)
{
	union {
		struct nlmsghdr header;
		char room[1024];
	} reply;
	const struct nlmsgerr *error = NLMSG_DATA(&reply.header);
	int r = link_send(fd, request);
	ssize_t len;

	if (r < 0)
		return r;
	len = recv(fd, &reply, sizeof(reply), 0);
	if (len < 0)
		return -errno;
	if (!NLMSG_OK(&reply.header, (size_t)len) || reply.header.nlmsg_type != NLMSG_ERROR ||
	    reply.header.nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
		return -EPROTO;
	return error->error;
}

/* ---- one policy */

static uint16_t address_put(const struct sockaddr *from, xfrm_address_t *ret, uint8_t *ret_prefix)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

	if (from->sa_family == AF_INET) {
		ret->a4 = in->sin_addr.s_addr;
		*ret_prefix = 32;
		return in->sin_port;
	}
	memcpy(ret->a6, &in6->sin6_addr, sizeof(ret->a6));
	*ret_prefix = 128;
	return in6->sin6_port;
}

static void selector_make(const struct sockaddr *local, const struct sockaddr *portal, int direction,
			  unsigned half, struct xfrm_selector *ret)
{
	struct xfrm_selector s = { .family = portal->sa_family, .proto = IPPROTO_TCP };
	uint16_t port;

	if (direction == XFRM_POLICY_OUT) {
		address_put(local, &s.saddr, &s.prefixlen_s);
		port = address_put(portal, &s.daddr, &s.prefixlen_d);
		s.dport = port;
		s.dport_mask = UINT16_MAX;
		s.sport = htons((uint16_t)half);
		s.sport_mask = htons(1);
	} else {
		port = address_put(portal, &s.saddr, &s.prefixlen_s);
		address_put(local, &s.daddr, &s.prefixlen_d);
		s.sport = port;
		s.sport_mask = UINT16_MAX;
		s.dport = htons((uint16_t)half);
		s.dport_mask = htons(1);
	}
	*ret = s;
}

static void request_make(uint16_t type, size_t len, int direction, const struct xfrm_selector *selector,
			 struct request *ret)
{
	*ret = (struct request){ .header = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(len), .nlmsg_type = type,
					     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK } };
	if (type == XFRM_MSG_DELPOLICY) {
		ret->id.sel = *selector;
		ret->id.dir = (uint8_t)direction;
		return;
	}
	ret->policy.sel = *selector;
	ret->policy.dir = (uint8_t)direction;
}

static int policy_set(int fd, int direction, const struct xfrm_selector *selector, uint16_t tag)
{
	struct request request;

	request_make(XFRM_MSG_UPDPOLICY, sizeof(request.policy), direction, selector, &request);
	request.policy.priority = BLOCK_PRIORITY | tag;
	request.policy.action = XFRM_POLICY_BLOCK;
	request.policy.lft.soft_byte_limit = request.policy.lft.hard_byte_limit = XFRM_INF;
	request.policy.lft.soft_packet_limit = request.policy.lft.hard_packet_limit = XFRM_INF;
	return link_ask(fd, &request);
}

static int policy_clear(int fd, int direction, const struct xfrm_selector *selector)
{
	struct request request;

	request_make(XFRM_MSG_DELPOLICY, sizeof(request.id), direction, selector, &request);
	return link_ask(fd, &request);
}

/* ---- all of a portal */

static const int directions[] = { XFRM_POLICY_OUT, XFRM_POLICY_IN };

int block_clear(const struct sockaddr *local, const struct sockaddr *portal)
{
	struct xfrm_selector selector;
	int fd = link_open(), r = 0, one;

	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < 2 * BLOCK_HALVES; i++) {
		selector_make(local, portal, directions[i / BLOCK_HALVES], i % BLOCK_HALVES, &selector);
		one = policy_clear(fd, directions[i / BLOCK_HALVES], &selector);
		if (one < 0)
			r = one;
	}
	close(fd);
	return r;
}

int block_set(const struct sockaddr *local, const struct sockaddr *portal, uint16_t tag)
{
	struct xfrm_selector selector;
	int fd = link_open(), r = 0;

	if (fd < 0)
		return fd;
	for (unsigned i = 0; r == 0 && i < 2 * BLOCK_HALVES; i++) {
		selector_make(local, portal, directions[i / BLOCK_HALVES], i % BLOCK_HALVES, &selector);
		r = policy_set(fd, directions[i / BLOCK_HALVES], &selector, tag);
	}
	close(fd);
	if (r < 0)
		block_clear(local, portal);
	return r;
}

/* ---- all of a tag */

struct found {
	struct xfrm_selector selector;
	uint8_t direction;
};

static bool take_policy(const struct nlmsghdr *header, uint16_t tag, struct found *ret)
{
	struct xfrm_userpolicy_info policy;

	if (header->nlmsg_type != XFRM_MSG_NEWPOLICY || header->nlmsg_len < NLMSG_LENGTH(sizeof(policy)))
		return false;
	/* In a message it is aligned to 4 bytes, and wants 8. */
	memcpy(&policy, NLMSG_DATA(header), sizeof(policy));
	if (policy.priority != (BLOCK_PRIORITY | tag) || policy.action != XFRM_POLICY_BLOCK)
		return false;
	ret->selector = policy.sel;
	ret->direction = policy.dir;
	return true;
}

/* Reads the whole listing; fills at most BLOCK_BATCH. Returns how many, or a negative errno. */
static int list_policies(int fd, uint16_t tag, struct found *found)
{
	union {
		struct nlmsghdr header;
		char room[BLOCK_REPLY_ROOM];
	} reply;
	struct request request = { .header = { .nlmsg_len = NLMSG_LENGTH(0),
					       .nlmsg_type = XFRM_MSG_GETPOLICY,
					       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	int r = link_send(fd, &request), n = 0;

	while (r == 0) {
		ssize_t len = recv(fd, &reply, sizeof(reply), 0);
		const struct nlmsghdr *at = &reply.header;

		if (len < 0)
			return -errno;
		for (; NLMSG_OK(at, (size_t)len); at = NLMSG_NEXT(at, len)) {
			if (at->nlmsg_type == NLMSG_DONE)
				return n;
			if (at->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(at))->error;
			n += n < BLOCK_BATCH && take_policy(at, tag, &found[n]);
		}
	}
	return r;
}

int block_clear_all(uint16_t tag)
{
	struct found found[BLOCK_BATCH];
	int fd = link_open(), n, r = 0;

	if (fd < 0)
		return fd;
	do {
		n = list_policies(fd, tag, found);
		for (int i = 0; i < n && r == 0; i++)
			r = policy_clear(fd, found[i].direction, &found[i].selector);
	} while (n == BLOCK_BATCH && r == 0);
	close(fd);
	return n < 0 ? n : r;
}

/* ---- flushes */

int block_watch(int *ret_fd)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK,
					     .nl_groups = 1u << (XFRMNLGRP_POLICY - 1) };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_XFRM);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static bool has_flush(const struct nlmsghdr *header, size_t len)
{
	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len))
		if (header->nlmsg_type == XFRM_MSG_FLUSHPOLICY)
			return true;
	return false;
}

int block_watch_read(int fd)
{
	union {
		struct nlmsghdr header;
		char room[BLOCK_REPLY_ROOM];
	} news;
	int flushed = 0;

	for (;;) {
		ssize_t len = recv(fd, &news, sizeof(news), 0);

		if (len >= 0)
			flushed |= has_flush(&news.header, (size_t)len);
		else if (errno == ENOBUFS) /* more came than could be told */
			flushed = 1;
		else if (errno != EINTR)
			return flushed;
	}
}
