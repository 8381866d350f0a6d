/*
 * net_tcp_test.c - connecting, binding, buffers, what a full or ended connection says, and whether the
 * peer's TCP is alive. Loopback only: a dead path is a socket whose filter drops all that comes to it, so
 * that its TCP acknowledges nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* What the kernel lets a receive buffer grow to. */
static int receive_max(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_rmem", "r");
	int max = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %*d %d", &max), 1);
	fclose(f);
	return max;
}

static int option_of(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, name, &value, &len), 0);
	return value;
}

static unsigned window_scale(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_rcv_wscale;
}

/* It begins large, a single byte still makes it readable, and its window may grow as far as that of a
 * socket that nobody has touched. */
static void test_receive_buffer(void **state)
{
	struct sockaddr_in to;
	int listening = listener(&to), fd = connected("", &to), max = receive_max();
	int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_true(option_of(fd, SO_RCVBUF) >= (max < 2 * TCP_RECEIVE ? max : 2 * TCP_RECEIVE));
	assert_int_equal(option_of(fd, SO_RCVLOWAT), 1);
	assert_int_equal(connect(plain, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_true(window_scale(fd) >= window_scale(plain));
	close(plain);
	close(fd);
	close(listening);
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

/* ---------------------------------------------------------------- is the peer alive */

static void wait_ms(int ms)
{
	poll(NULL, 0, ms);
}

static void go_deaf(int fd)
{
	struct sock_filter drop_all = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog program = { .len = 1, .filter = &drop_all };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
}

static void write_some(int fd)
{
	char data[100] = { 0 };
	struct iovec out = { data, sizeof(data) };

	assert_int_equal(tcp_write(fd, &out, 1), sizeof(data));
}

/* Two ends of a connection over which something went in both directions. */
static void pair_open(int ret[2], int *ret_listening)
{
	struct sockaddr_in to;

	*ret_listening = listener(&to);
	ret[0] = connected("", &to);
	ret[1] = accept4(*ret_listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	write_some(ret[0]);
	write_some(ret[1]);
}

static void pair_close(const int fd[2], int listening)
{
	close(fd[0]);
	close(fd[1]);
	close(listening);
}

static void test_unacknowledged(void **state)
{
	int fd[2], listening;
	int64_t silence;

	(void)state;
	pair_open(fd, &listening);
	wait_ms(300);
	assert_int_equal(tcp_unacknowledged(fd[0]), 0); /* silent, but nothing waits */
	go_deaf(fd[1]);
	write_some(fd[0]);
	assert_int_equal(tcp_unacknowledged(fd[0]), 0); /* it may come yet, however long it was quiet */
	wait_ms(1000);
	silence = tcp_unacknowledged(fd[0]);
	assert_in_range(silence, 1200000000, 2500000000);
	assert_int_equal(setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &listening,
				    sizeof(listening)), 0);
	for (int i = 0; i < 50 && tcp_unacknowledged(fd[0]); i++)
		wait_ms(100);
	assert_int_equal(tcp_unacknowledged(fd[0]), 0); /* the path is back */
	pair_close(fd, listening);
	assert_int_equal(tcp_unacknowledged(-1), 0);
}

/* Counted is what arrived, and the time in which there was something to send. */
static void test_carried(void **state)
{
	uint64_t bytes, busy, later_bytes, later_busy;
	int fd[2], listening;

	(void)state;
	pair_open(fd, &listening);
	assert_int_equal(tcp_carried(fd[0], &bytes, &busy), 0);
	wait_ms(200);
	assert_int_equal(tcp_carried(fd[0], &later_bytes, &later_busy), 0);
	assert_int_equal(later_bytes, bytes);
	assert_in_range(later_busy, busy, busy + 100000000);
	write_some(fd[0]);
	for (int i = 0; i < 50 && later_bytes == bytes; i++) {
		wait_ms(20);
		assert_int_equal(tcp_carried(fd[0], &later_bytes, &later_busy), 0);
	}
	assert_true(later_bytes > bytes);
	go_deaf(fd[1]);
	write_some(fd[0]);
	wait_ms(400);
	assert_int_equal(tcp_carried(fd[0], &bytes, &busy), 0);
	assert_int_equal(bytes, later_bytes);
	assert_true(busy >= later_busy + 300000000);
	pair_close(fd, listening);
	assert_int_equal(tcp_carried(-1, &later_bytes, &later_busy), -EBADF);
	assert_int_equal(later_bytes, bytes);
}

static void fill(int fd)
{
	static char data[65536];
	struct iovec out = { data, sizeof(data) };

	while (tcp_write(fd, &out, 1) > 0)
		;
}

/* A target that is busy, and reads nothing: its TCP answers the probes of the shut window. */
static void test_full_is_alive(void **state)
{
	int fd[2], listening;

	(void)state;
	pair_open(fd, &listening);
	for (int i = 0; i < 40; i++) {
		fill(fd[0]);
		wait_ms(50);
		assert_int_equal(tcp_unacknowledged(fd[0]), 0);
	}
	pair_close(fd, listening);
}

static void test_full_and_dead(void **state)
{
	int fd[2], listening;

	(void)state;
	pair_open(fd, &listening);
	fill(fd[0]);
	wait_ms(20);
	go_deaf(fd[1]);
	wait_ms(2000);
	assert_true(tcp_unacknowledged(fd[0]) > 1000000000);
	pair_close(fd, listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_bad_source),
		cmocka_unit_test(test_receive_buffer),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_end_of_stream),
		cmocka_unit_test(test_unacknowledged),
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_full_is_alive),
		cmocka_unit_test(test_full_and_dead),
	};

	return cmocka_run_group_tests_name("net_tcp", tests, NULL, NULL);
}
