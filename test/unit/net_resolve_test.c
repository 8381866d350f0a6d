/*
 * net_resolve_test.c - numeric addresses at once, names by a thread, and cancelling either.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/resolve.h"

static struct mailbox box;
static struct resolve_answer got;
static unsigned answers;

static void answered(void *ctx, const struct resolve_answer *answer)
{
	assert_ptr_equal(ctx, &got);
	got = *answer;
	answers++;
}

static bool wait_box(int ms)
{
	struct pollfd p = { .fd = box.fd, .events = POLLIN };
	bool ready = poll(&p, 1, ms) == 1;

	mailbox_run(&box);
	return ready;
}

static int setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	answers = 0;
	return mailbox_init(&box);
}

static int teardown(void **state)
{
	(void)state;
	mailbox_done(&box);
	return 0;
}

static void ask(const char *host, struct resolve **ret)
{
	unsigned before = answers;

	assert_int_equal(resolve_start(host, 3260, &box, answered, &got, ret), 0);
	assert_int_equal(answers, before); /* never from within the asking call */
}

static void test_numeric(void **state)
{
	struct resolve *resolve;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	(void)state;
	ask("127.0.0.2", &resolve);
	assert_true(wait_box(0)); /* no thread took part */
	assert_int_equal(answers, 1);
	assert_int_equal(got.error, 0);
	assert_int_equal(got.count, 1);
	memcpy(&in, &got.address[0].addr, sizeof(in));
	assert_int_equal(ntohs(in.sin_port), 3260);
	assert_int_equal(ntohl(in.sin_addr.s_addr), 0x7f000002);
	ask("::1", &resolve);
	assert_true(wait_box(0));
	memcpy(&in6, &got.address[0].addr, sizeof(in6));
	assert_int_equal(in6.sin6_family, AF_INET6);
	/* IPv4 that only looks like IPv6 */
	ask("::ffff:127.0.0.2", &resolve);
	assert_true(wait_box(0));
	memcpy(&in, &got.address[0].addr, sizeof(in));
	assert_int_equal(got.address[0].len, sizeof(in));
	assert_int_equal(in.sin_family, AF_INET);
	assert_int_equal(ntohs(in.sin_port), 3260);
	assert_int_equal(ntohl(in.sin_addr.s_addr), 0x7f000002);
	ask("fe80::1%1", &resolve);
	assert_true(wait_box(0));
	memcpy(&in6, &got.address[0].addr, sizeof(in6));
	assert_int_equal(in6.sin6_scope_id, 1);
}

static void test_name(void **state)
{
	struct resolve *resolve;

	(void)state;
	ask("localhost", &resolve);
	assert_true(wait_box(5000));
	assert_int_equal(answers, 1);
	assert_int_equal(got.error, 0);
	assert_true(got.count >= 1);
}

static void test_bad_name(void **state)
{
	struct resolve *resolve;

	(void)state;
	ask("not a host name", &resolve);
	assert_true(wait_box(20000));
	assert_int_equal(answers, 1);
	assert_true(got.error != 0);
	assert_int_equal(got.count, 0);
}

static void test_cancel(void **state)
{
	struct resolve *resolve;

	(void)state;
	ask("127.0.0.1", &resolve); /* its answer lies in the box */
	resolve_cancel(resolve);
	wait_box(0);
	for (unsigned i = 0; i < 20; i++) { /* some before, some after their answer was posted */
		ask("localhost", &resolve);
		if (i % 2)
			poll(NULL, 0, (int)i / 4);
		resolve_cancel(resolve);
	}
	wait_box(200);
	assert_int_equal(answers, 0);
	resolve_cancel(NULL);
	poll(NULL, 0, 300); /* the threads end, so that a leak check sees all freed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numeric, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};

	return cmocka_run_group_tests_name("net_resolve", tests, NULL, NULL);
}
