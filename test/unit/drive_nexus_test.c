/*
 * drive_nexus_test.c - the life of a nexus on loopback without a target: refused, silent, ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive_fake_stage.h"

static void test_refused(void **state)
{
	struct stage s;
	struct conn_options options;
	struct nexus_conn conns[2];
	uint16_t port;

	(void)state;
	close(listener(&port));
	options = options_for(1, "127.0.0.1", port);
	stage_open(&s, 2, "iqn.2026-11.test:none");
	nexus_add_conn(s.nexus, &options, token(1));
	assert_int_equal(nexus_conns(s.nexus, conns, 2), 0);
	stage_close(&s);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.answer[1].kind, FAULT_CONNECT);
	assert_non_null(strstr(s.answer[1].text, "Connection refused"));
	assert_int_equal(s.ups, 0);
}

static void test_unknown_host(void **state)
{
	struct stage s;
	struct conn_options options = options_for(1, "no such host", 3260);

	(void)state;
	stage_open(&s, 1, "iqn.2026-11.test:none");
	nexus_add_conn(s.nexus, &options, token(1));
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_RESOLVE);
}

static void test_silent(void **state)
{
	struct stage s;
	struct conn_options options;
	uint16_t port;
	int fd = listener(&port);
	int64_t start = now_ms();

	(void)state;
	options = options_for(1, "127.0.0.1", port);
	stage_open(&s, 2, "iqn.2026-11.test:none");
	nexus_add_conn(s.nexus, &options, token(1));
	stage_close(&s);
	assert_int_equal(s.answer[1].kind, FAULT_TIMEOUT);
	assert_in_range(now_ms() - start, 2500, 6000);
	close(fd);
}

/* A login that skipped the security stage is begun anew if the target closes, once. */
static void turn_away(int fd)
{
	for (unsigned i = 0; i < 2; i++)
		close(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}

/* A peer that answers with garbage, and one that closes at once. */
static void test_bad_peers(void **state)
{
	static const enum fault_kind expected[] = { FAULT_PROTOCOL, FAULT_CLOSED };
	char garbage[480];

	(void)state;
	memset(garbage, 0xA5, sizeof(garbage));
	for (unsigned i = 0; i < 2; i++) {
		struct stage s;
		struct conn_options options;
		uint16_t port;
		int fd = listener(&port), peer = -1;

		options = options_for(1, "127.0.0.1", port);
		stage_open(&s, 2, "iqn.2026-11.test:none");
		nexus_add_conn(s.nexus, &options, token(1));
		if (i == 0) {
			peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
			assert_int_equal(write(peer, garbage, sizeof(garbage)), sizeof(garbage));
		} else {
			turn_away(fd);
		}
		stage_close(&s);
		if (i == 0)
			close(peer);
		assert_int_equal(s.answer[1].kind, expected[i]);
		close(fd);
	}
}

/* Logout during the login, twice, with a removal and a Text between. All are answered. */
static void test_logout_during_login(void **state)
{
	struct stage s;
	struct conn_options options;
	uint16_t port;
	int fd = listener(&port);
	int64_t start = now_ms();

	(void)state;
	options = options_for(1, "127.0.0.1", port);
	stage_open(&s, 2, "iqn.2026-11.test:none");
	nexus_add_conn(s.nexus, &options, token(1));
	nexus_add_conn(s.nexus, &options, token(2)); /* the id is taken */
	nexus_text(s.nexus, "SendTargets=All", 16, token(3));
	nexus_logout(s.nexus, token(4));
	nexus_remove_conn(s.nexus, 1, token(5));
	nexus_logout(s.nexus, token(6));
	until(&s, &s.answers, 6);
	stage_close(&s);
	assert_true(now_ms() - start < 2000);
	assert_int_equal(s.answer[4].kind, FAULT_NONE);
	for (unsigned i = 1; i <= 5; i++)
		assert_true(i == 4 || s.answer[i].kind != FAULT_NONE);
	close(fd);
}

static void test_logout_at_once(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 3, "iqn.2026-11.test:none");
	nexus_set_habits(s.nexus, &(struct session_habits){ .rest = ENGINE_TIME2WAIT });
	nexus_set_portals(s.nexus, NULL, 0);
	nexus_logout(s.nexus, token(1));
	nexus_set_habits(s.nexus, &(struct session_habits){ .ordering = true, .one_holder = true });
	stage_close(&s);
	assert_true(s.answered[1]);
	assert_int_equal(s.answer[1].kind, FAULT_NONE);
}

/* Commands given before there is a session, and while it goes, come back as failed. */
static void test_commands_of_a_dead_session(void **state)
{
	struct stage s;
	static struct probe probes[64];

	(void)state;
	memset(probes, 0, sizeof(probes));
	stage_open(&s, 2, "iqn.2026-11.test:none");
	for (unsigned i = 0; i < 64; i++) {
		probes[i].io.reply_to = &s.box;
		probes[i].io.done = probe_done;
		nexus_submit(s.nexus, &probes[i].io);
		if (i == 32)
			nexus_logout(s.nexus, token(1));
	}
	stage_close(&s);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(probes[i].done, 1);
		assert_int_equal(probes[i].io.task.outcome, TASK_FAILED);
		assert_int_equal(probes[i].io.task.fault.kind, FAULT_GONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_host),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_bad_peers),
		cmocka_unit_test(test_logout_during_login),
		cmocka_unit_test(test_logout_at_once),
		cmocka_unit_test(test_commands_of_a_dead_session),
	};

	return cmocka_run_group_tests_name("drive_nexus", tests, NULL, NULL);
}
