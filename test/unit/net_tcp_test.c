/*
 * net_tcp_test.c - connecting, binding, and what a full or ended connection says. Loopback only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp.h"

static int listener(struct sockaddr_in *ret)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret = addr;
	return fd;
}

static int finish(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	poll(&p, 1, 5000);
	return tcp_result(fd);
}

static int connected(const char *source, const struct sockaddr_in *to)
{
	int fd, r;

	assert_int_equal(tcp_open(AF_INET, source, &fd), 0);
	r = tcp_connect(fd, (const struct sockaddr *)to, sizeof(*to));
	assert_true(r == 0 || r == -EINPROGRESS);
	assert_int_equal(finish(fd), 0);
	return fd;
}

static void test_source(void **state)
{
	char text[TCP_ADDRESS_MAX] = "";
	struct sockaddr_in to;
	uint16_t port = 0;
	int listening = listener(&to), fd, on = 0;
	socklen_t len = sizeof(on);

	(void)state;
	fd = connected("127.0.0.9", &to);
	assert_int_equal(tcp_address(fd, false, text, &port), 0);
	assert_string_equal(text, "127.0.0.9");
	assert_true(port != 0);
	assert_int_equal(tcp_address(fd, true, text, &port), 0);
	assert_string_equal(text, "127.0.0.1");
	assert_int_equal(port, ntohs(to.sin_port));
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_int_equal(on, 1);
	close(fd);
	close(listening);
}

static void test_bad_source(void **state)
{
	int fd = -7;

	(void)state;
	assert_int_equal(tcp_open(AF_INET, "not an address", &fd), -EINVAL);
	assert_int_equal(tcp_open(AF_INET, "::1", &fd), -EAFNOSUPPORT);
	assert_int_equal(tcp_open(AF_INET, "192.0.2.1", &fd), -EADDRNOTAVAIL);
	assert_int_equal(fd, -7);
}

static void test_refused(void **state)
{
	struct sockaddr_in to;
	int fd, r;

	(void)state;
	close(listener(&to));
	assert_int_equal(tcp_open(AF_INET, "", &fd), 0);
	r = tcp_connect(fd, (struct sockaddr *)&to, sizeof(to));
	if (r == -EINPROGRESS)
		r = finish(fd);
	assert_int_equal(r, -ECONNREFUSED);
	close(fd);
}

static void test_stream(void **state)
{
	struct sockaddr_in to;
	char a[3], b[5], data[65536] = { 0 };
	struct iovec in[2] = { { a, sizeof(a) }, { b, sizeof(b) } };
	struct iovec out[2] = { { data, 2 }, { data + 2, 4 } };
	struct iovec big = { data, sizeof(data) };
	int listening = listener(&to), fd = connected("", &to);
	int peer = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	uint64_t total = 0;
	ssize_t n;

	(void)state;
	memcpy(data, "abcdef", 6);
	assert_int_equal(tcp_read(fd, in, 2), -EAGAIN);
	assert_int_equal(tcp_write(peer, out, 2), 6);
	assert_int_equal(tcp_read(fd, in, 2), 6);
	assert_memory_equal(a, "abc", 3);
	assert_memory_equal(b, "def", 3);
	while ((n = tcp_write(fd, &big, 1)) > 0)
		total += (uint64_t)n;
	assert_int_equal(n, -EAGAIN);
	assert_true(total > 0);
	close(peer);
	/* The peer closed with data unread: a reset, and no SIGPIPE for us. */
	assert_true(tcp_read(fd, in, 2) < 0);
	assert_true(tcp_write(fd, &big, 1) < 0);
	close(fd);
	close(listening);
}

static void test_end_of_stream(void **state)
{
	struct sockaddr_in to;
	char a[3];
	struct iovec in = { a, sizeof(a) };
	int listening = listener(&to), fd = connected("", &to);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)state;
	close(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(tcp_read(fd, &in, 1), 0);
	close(fd);
	close(listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_bad_source),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_end_of_stream),
	};

	return cmocka_run_group_tests_name("net_tcp", tests, NULL, NULL);
}
