/*
 * drive_passage_test.c - no socket connects before the owner let it, and what the owner holds for it
 * comes back when it is closed, whoever has gone meanwhile.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive_fake_stage.h"
#include "net/guard.h"

static struct stage s;
static int listening = -1;
static uint16_t port;

/* What was asked, and what came back. */
static unsigned asked, closed, silent;
static bool closed_after_end;
static struct passage_info info;
static struct passage *kept;
static struct guard guard;

static void came_back(void *hold, bool was_silent)
{
	assert_ptr_equal(hold, &guard);
	closed++;
	silent += was_silent;
	closed_after_end |= s.ended;
}

static void note(struct passage *passage)
{
	asked++;
	info = *passage_info(passage);
}

static void refuse(void *stage, struct passage *passage)
{
	struct fault why;

	(void)stage;
	note(passage);
	fault_set(&why, FAULT_IPSEC, 0, "not without protection");
	passage_refuse(passage, &why);
}

static void grant(void *stage, struct passage *passage)
{
	(void)stage;
	note(passage);
	passage_grant(passage, &guard, came_back, &guard);
}

static void keep(void *stage, struct passage *passage)
{
	(void)stage;
	note(passage);
	kept = passage;
}

static void begin(void (*pass)(void *stage, struct passage *passage))
{
	struct conn_options options;

	stage_pass = pass;
	options = options_for(9, "127.0.0.1", port);
	stage_open(&s, 2, "iqn.2026-11.test:none");
	nexus_add_conn(s.nexus, &options, token(1));
}

static int setup(void **state)
{
	(void)state;
	asked = closed = silent = 0;
	closed_after_end = false;
	kept = NULL;
	guard = (struct guard){ .kind = GUARD_NONE };
	listening = listener(&port);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_pass = NULL;
	if (listening >= 0)
		close(listening);
	return 0;
}

static bool somebody_came(void)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void nonblocking(void)
{
	struct timeval limit = { .tv_usec = 1000 };

	setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static void who_is_refused_sends_nothing(void **state)
{
	const struct sockaddr_in *to = (const struct sockaddr_in *)&info.to;

	(void)state;
	nonblocking();
	begin(refuse);
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_IPSEC);
	assert_string_equal(s.answer[1].text, "not without protection");
	assert_int_equal(asked, 1);
	assert_int_equal(info.conn_id, 9);
	assert_string_equal(info.host, "127.0.0.1");
	assert_int_equal(info.port, port);
	assert_int_equal(to->sin_port, htons(port));
	assert_int_equal(to->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_false(somebody_came());
}

static void nobody_connects_before_the_answer(void **state)
{
	int fd;

	(void)state;
	nonblocking();
	begin(keep);
	until(&s, &asked, 1);
	usleep(100000);
	assert_false(somebody_came());
	passage_grant(kept, NULL, NULL, NULL);
	for (unsigned i = 0; (fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) < 0; i++)
		assert_true(i < 5000);
	nexus_logout(s.nexus, token(2));
	stage_close(&s);
	close(fd);
}

/* The first login is tried twice against a target that closes at once. */
static void what_is_held_comes_back_before_the_end(void **state)
{
	(void)state;
	guard = (struct guard){ .kind = GUARD_DEVICE, .device = "lo", .source = "127.0.0.3" };
	begin(grant);
	for (unsigned i = 0; i < 2; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		int fd;

		until(&s, &asked, i + 1);
		fd = accept4(listening, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(from.sin_addr.s_addr, htonl(0x7f000003));
		close(fd);
	}
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_CLOSED);
	assert_int_equal(closed, asked);
	assert_int_equal(silent, 0);
	assert_false(closed_after_end);
}

static void a_refusal_of_the_peer_is_an_answer(void **state)
{
	(void)state;
	close(listening);
	listening = -1;
	begin(grant);
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_CONNECT);
	assert_int_equal(closed, 1);
	assert_int_equal(silent, 0);
}

static void silence_is_told(void **state)
{
	(void)state;
	begin(grant); /* the listener's kernel connects, and nobody logs it in */
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_TIMEOUT);
	assert_int_equal(closed, 1);
	assert_int_equal(silent, 1);
	assert_false(closed_after_end);
}

static void a_guard_that_does_not_hold_is_a_failure(void **state)
{
	(void)state;
	nonblocking();
	guard = (struct guard){ .kind = GUARD_DEVICE, .device = "nowhere9" };
	begin(grant);
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_IPSEC);
	assert_int_equal(closed, 1);
	assert_false(somebody_came());
}

/* The session has gone when the answer comes: the passage outlives it. */
static void a_late_answer_comes_back(void **state)
{
	(void)state;
	begin(keep);
	until(&s, &asked, 1);
	nexus_logout(s.nexus, token(2));
	until(&s, &s.ended, 1);
	passage_grant(kept, &guard, came_back, &guard);
	until(&s, &closed, 1);
	assert_int_equal(silent, 0);
	drive_free(s.drive);
	mailbox_done(&s.box);
	begin(keep);
	until(&s, &asked, 2);
	nexus_logout(s.nexus, token(2));
	until(&s, &s.ended, 1);
	passage_refuse(kept, &(struct fault){ .kind = FAULT_IPSEC });
	drive_free(s.drive);
	mailbox_done(&s.box);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_is_refused_sends_nothing), TEST(nobody_connects_before_the_answer),
		TEST(what_is_held_comes_back_before_the_end), TEST(a_refusal_of_the_peer_is_an_answer),
		TEST(silence_is_told), TEST(a_guard_that_does_not_hold_is_a_failure),
		TEST(a_late_answer_comes_back),
	};

	return cmocka_run_group_tests_name("drive_passage", tests, NULL, NULL);
}
