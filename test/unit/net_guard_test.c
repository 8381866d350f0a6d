/*
 * net_guard_test.c - what holds sockets to IPsec, in a network namespace of its own whose kernel has
 * policies on its loopback, and no ESP at all: so nothing that is guarded may get through.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/block.h"
#include "net/guard.h"
#include "net/route.h"

enum { TAG = 0x1234, OTHER_TAG = 0x4321, PATIENCE = 300 /* milliseconds */ };

static bool here; /* the namespace could be had */
static struct sockaddr_in local, portal;
static int listening;

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = ioctl(fd, SIOCSIFFLAGS, &request) == 0;

	close(fd);
	return good && put("/proc/sys/net/ipv4/conf/lo/disable_xfrm", "0") &&
	       put("/proc/sys/net/ipv4/conf/lo/disable_policy", "0");
}

static int group_setup(void **state)
{
	socklen_t len = sizeof(portal);

	(void)state;
	/* Root's own, where the system allows no other. */
	here = (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) && loopback_up() &&
	       guard_check(AF_INET) == 0;
	local = portal = (struct sockaddr_in){ .sin_family = AF_INET,
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listening, (struct sockaddr *)&portal, sizeof(portal)) < 0 || listen(listening, 16) < 0)
		return -1;
	return getsockname(listening, (struct sockaddr *)&portal, &len);
}

static int connect_with(const struct guard *guard)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (guard)
		assert_int_equal(guard_socket(fd, AF_INET, guard), 0);
	connect(fd, (struct sockaddr *)&portal, sizeof(portal));
	return fd;
}

static bool is_connected(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&poll_fd, 1, PATIENCE) <= 0)
		return false;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error == 0 && !(poll_fd.revents & (POLLERR | POLLHUP));
}

static bool connects(const struct guard *guard)
{
	int fd = connect_with(guard);
	bool connected = is_connected(fd);

	close(fd);
	return connected;
}

/* ---- what others do to the kernel's policies */

struct request {
	struct nlmsghdr header;
	union {
		struct xfrm_userpolicy_info policy;
		struct xfrm_userpolicy_id id;
	};
};

static void tell_kernel(struct request *request, uint16_t type, size_t len)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	union {
		struct nlmsghdr header;
		char room[1024];
	} reply;

	request->header = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_LENGTH(len), .nlmsg_type = type,
					     .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	assert_true(send(fd, request, request->header.nlmsg_len, 0) > 0);
	assert_true(recv(fd, &reply, sizeof(reply), 0) > 0);
	assert_int_equal(((struct nlmsgerr *)NLMSG_DATA(&reply.header))->error, 0);
	close(fd);
}

static void flush_policies(void)
{
	struct request request = { .header = { 0 } };

	tell_kernel(&request, XFRM_MSG_FLUSHPOLICY, 0);
}

/* The selector that a key daemon makes for the portal. */
static void selector(struct xfrm_selector *ret)
{
	*ret = (struct xfrm_selector){ .family = AF_INET, .proto = IPPROTO_TCP, .prefixlen_s = 32,
				       .prefixlen_d = 32, .dport = portal.sin_port,
				       .dport_mask = UINT16_MAX, .saddr.a4 = local.sin_addr.s_addr,
				       .daddr.a4 = portal.sin_addr.s_addr };
}

static void daemon_policy(bool set)
{
	struct request request = { .header = { 0 } };

	if (!set) {
		selector(&request.id.sel);
		request.id.dir = XFRM_POLICY_OUT;
		tell_kernel(&request, XFRM_MSG_DELPOLICY, sizeof(request.id));
		return;
	}
	selector(&request.policy.sel);
	request.policy.dir = XFRM_POLICY_OUT;
	request.policy.priority = 1000;
	request.policy.lft.soft_byte_limit = request.policy.lft.hard_byte_limit = XFRM_INF;
	request.policy.lft.soft_packet_limit = request.policy.lft.hard_packet_limit = XFRM_INF;
	tell_kernel(&request, XFRM_MSG_UPDPOLICY, sizeof(request.policy));
}

static const struct sockaddr *of(const struct sockaddr_in *in)
{
	return (const struct sockaddr *)in;
}

/* ---- tests */

static const struct guard transport = { .kind = GUARD_POLICY, .reqid = 7 };

static struct guard tunnel(void)
{
	struct guard guard = { .kind = GUARD_POLICY, .reqid = 7, .tunnel = true };
	struct sockaddr_in *from = (struct sockaddr_in *)&guard.outer_local;
	struct sockaddr_in *to = (struct sockaddr_in *)&guard.outer_remote;

	*from = *to = local;
	return guard;
}

static void a_guarded_socket_sends_nothing_in_clear(void **state)
{
	const struct guard none = { .kind = GUARD_NONE }, tunnelled = tunnel();

	(void)state;
	if (!here)
		skip();
	assert_true(connects(NULL));
	assert_true(connects(&none));
	assert_false(connects(&transport));
	assert_false(connects(&tunnelled));
}

/* IPv4 in IPv6's writing: policies of an IPv6 socket don't count there. */
static void no_other_family_leads_around_it(void **state)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = portal.sin_port,
				       .sin6_addr.s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 127,
							      [15] = 1 } };
	struct guard guard = { .kind = GUARD_NONE };
	int fd;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (!here || fd < 0)
			skip();
		assert_int_equal(guard_socket(fd, AF_INET6, &guard), 0);
		connect(fd, (struct sockaddr *)&mapped, sizeof(mapped));
		assert_int_equal(is_connected(fd), guard.kind == GUARD_NONE);
		close(fd);
		guard = transport;
	}
	/* One that has an address of ours already; IPv6 may be off. */
	if (tcp_open(AF_INET6, "::1", &fd) == 0) {
		assert_int_equal(guard_socket(fd, AF_INET6, &transport), 0);
		close(fd);
	}
}

/* What the flush of a system does to a daemon's policies it does not do to a socket's. */
static void a_flush_does_not_open_it(void **state)
{
	int fd;

	(void)state;
	if (!here)
		skip();
	fd = connect_with(&transport);
	flush_policies();
	assert_false(is_connected(fd));
	/* Longer than it takes to send a SYN once more. */
	usleep(1200 * 1000);
	assert_false(is_connected(fd));
	close(fd);
}

static int datagrams(struct sockaddr_in *ret)
{
	socklen_t len = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*ret = local;
	assert_int_equal(bind(fd, of(ret), sizeof(*ret)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	return fd;
}

/* One way, and whether it arrives. */
static bool datagram_arrives(int from, int to, const struct sockaddr_in *there)
{
	char byte = 1;

	if (sendto(from, &byte, 1, 0, of(there), sizeof(*there)) < 0)
		return false;
	return poll(&(struct pollfd){ .fd = to, .events = POLLIN }, 1, PATIENCE) == 1 &&
	       recv(to, &byte, 1, 0) == 1;
}

/* Each way for itself; a connection would need both. */
static void both_ways_are_guarded(void **state)
{
	struct sockaddr_in clear_at, guarded_at;
	int clear, guarded;

	(void)state;
	if (!here)
		skip();
	clear = datagrams(&clear_at);
	guarded = datagrams(&guarded_at);
	assert_true(datagram_arrives(clear, guarded, &guarded_at));
	assert_true(datagram_arrives(guarded, clear, &clear_at));
	assert_int_equal(guard_socket(guarded, AF_INET, &transport), 0);
	assert_false(datagram_arrives(clear, guarded, &guarded_at));
	assert_false(datagram_arrives(guarded, clear, &clear_at));
	close(clear);
	close(guarded);
}

static void the_block_holds_what_has_no_guard(void **state)
{
	(void)state;
	if (!here)
		skip();
	assert_int_equal(block_set(of(&local), of(&portal), TAG), 0);
	/* Ports of ours are even and odd. */
	for (unsigned i = 0; i < 4; i++)
		assert_false(connects(NULL));
	assert_int_equal(block_set(of(&local), of(&portal), TAG), 0);
	assert_int_equal(block_clear(of(&local), of(&portal)), 0);
	assert_true(connects(NULL));
	assert_int_equal(block_clear(of(&local), of(&portal)), -ENOENT);
}

static void the_block_stands_behind_a_daemons_policy(void **state)
{
	(void)state;
	if (!here)
		skip();
	assert_int_equal(block_set(of(&local), of(&portal), TAG), 0);
	daemon_policy(true);
	daemon_policy(false);
	assert_false(connects(NULL));
	assert_int_equal(block_clear(of(&local), of(&portal)), 0);
}

static void leftovers_are_found_by_their_tag(void **state)
{
	struct sockaddr_in many = portal;

	(void)state;
	if (!here)
		skip();
	assert_int_equal(block_set(of(&local), of(&portal), OTHER_TAG), 0);
	for (uint16_t i = 1; i <= 70; i++) {
		many.sin_port = htons(i);
		assert_int_equal(block_set(of(&local), of(&many), TAG), 0);
	}
	assert_int_equal(block_clear_all(TAG), 0);
	assert_int_equal(block_clear(of(&local), of(&many)), -ENOENT);
	assert_false(connects(NULL));
	assert_int_equal(block_clear_all(OTHER_TAG), 0);
	assert_true(connects(NULL));
	assert_int_equal(block_clear_all(OTHER_TAG), 0);
}

static void flushes_are_told(void **state)
{
	int fd = -1;

	(void)state;
	if (!here)
		skip();
	assert_int_equal(block_watch(&fd), 0);
	assert_int_equal(block_watch_read(fd), 0);
	assert_int_equal(block_set(of(&local), of(&portal), TAG), 0);
	assert_int_equal(block_clear(of(&local), of(&portal)), 0);
	assert_int_equal(block_watch_read(fd), 0);
	assert_int_equal(block_set(of(&local), of(&portal), TAG), 0);
	flush_policies();
	assert_true(connects(NULL));
	assert_int_equal(block_watch_read(fd), 1);
	assert_int_equal(block_watch_read(fd), 0);
	close(fd);
}

/* Where ESP is made in user space. */
static void a_device_holds_a_socket(void **state)
{
	struct guard guard = { .kind = GUARD_DEVICE, .device = "lo", .blocked = true };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (!here)
		skip();
	assert_int_equal(block_set(of(&local), of(&portal), TAG), 0);
	assert_false(connects(NULL));
	/* In clear for the kernel, but in a way that only this device has. */
	assert_true(connects(&guard));
	guard.blocked = false;
	assert_false(connects(&guard));
	assert_int_equal(block_clear(of(&local), of(&portal)), 0);
	strcpy(guard.device, "ipsec9");
	assert_int_equal(guard_socket(fd, AF_INET, &guard), -ENODEV);
	guard.device[0] = 0;
	assert_int_equal(guard_socket(fd, AF_INET, &guard), -ENODEV);
	close(fd);
}

/* An orderly close would go on without the socket. */
static void a_guarded_socket_ends_with_a_reset(void **state)
{
	static const struct guard guard = { .kind = GUARD_DEVICE, .device = "lo" };
	int fd, other;
	char byte;

	(void)state;
	if (!here)
		skip();
	while ((other = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		close(other);
		if (poll(&(struct pollfd){ .fd = listening, .events = POLLIN }, 1, 0) == 0)
			break;
	}
	fd = connect_with(&guard);
	assert_true(is_connected(fd));
	other = accept(listening, NULL, NULL);
	assert_true(other >= 0);
	close(fd);
	assert_int_equal(recv(other, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(other);
}

static void routing_is_asked(void **state)
{
	struct sockaddr_storage source = { .ss_family = AF_UNSPEC };
	struct sockaddr_in nowhere = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
	char device[IF_NAMESIZE] = "";

	(void)state;
	if (!here)
		skip();
	assert_int_equal(route_source(of(&portal), sizeof(portal), &source), 0);
	assert_memory_equal(&source, &local, sizeof(local));
	assert_int_equal(route_device(of(&local), of(&portal), device), 0);
	assert_string_equal(device, "lo");
	assert_int_equal(route_device(NULL, of(&portal), device), 0);
	assert_int_equal(route_source(of(&nowhere), sizeof(nowhere), &source), -ENETUNREACH);
	assert_int_equal(route_device(NULL, of(&nowhere), device), -ENETUNREACH);
	assert_string_equal(device, "lo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guarded_socket_sends_nothing_in_clear),
		cmocka_unit_test(no_other_family_leads_around_it),
		cmocka_unit_test(a_flush_does_not_open_it),
		cmocka_unit_test(both_ways_are_guarded),
		cmocka_unit_test(the_block_holds_what_has_no_guard),
		cmocka_unit_test(the_block_stands_behind_a_daemons_policy),
		cmocka_unit_test(leftovers_are_found_by_their_tag),
		cmocka_unit_test(flushes_are_told),
		cmocka_unit_test(a_device_holds_a_socket),
		cmocka_unit_test(a_guarded_socket_ends_with_a_reset),
		cmocka_unit_test(routing_is_asked),
	};

	return cmocka_run_group_tests_name("guard", tests, group_setup, NULL);
}
