/*
 * engine_session_continue_test.c - recovery levels 1 and 2: all connections are lost, and a login that
 * takes the place of one continues the session, or it is too late for that (REC-14, REC-15).
 */
#include "engine_fake_level.h"

#include <stdio.h>

#include "../duty.h"

/* All are lost: a login takes the leading connection's place, the other one is logged out over it. The
 * session is the same, and so are its tasks. */
static void test_continued(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct pdu_login_request request;
	struct task *got, *lost;
	struct fake_conn *c;
	struct level b;
	uint32_t stat_sn;

	(void)state;
	level_begin(&b, 2, 2);
	got = level_write(b.a, bhs);
	lost = level_write(b.b, bhs);
	level_acknowledge(&b, b.a, 1);
	stat_sn = b.a->stat_sn;
	fake_closed(b.b, FAULT_CLOSED);
	fake_closed(b.a, FAULT_CLOSED);
	fake_event(&b.fake, SESSION_EVENT_DOWN);
	assert_int_equal(session_state(b.fake.session), SESSION_Q4_FAILED);
	fake_wait(&b.fake, 1);
	c = level_newest(&b);
	request = level_open_login(&b, c);
	assert_int_equal(request.cid, b.a->cid);
	assert_int_equal(request.tsih, 77);
	assert_int_equal(request.exp_stat_sn, stat_sn);
	DUTY("REC-14 REC-15 LOG-12");
	assert_int_equal(level_rule(&b, got), RULE_HOLD);
	level_finish_login(c, 77);
	assert_true(fake_event(&b.fake, SESSION_EVENT_UP).epoch <= got->epoch);
	assert_int_equal(level_rule(&b, got), RULE_RESUME); /* LO-9 */
	assert_int_equal(level_rule(&b, lost), RULE_HOLD);
	fake_wait(&b.fake, 60); /* the try before has failed */
	level_take_cleanup(&b, c, PDU_LOGOUT_RECOVERY, b.b->cid, logout);
	level_answer_logout(c, logout, 0, 0);
	assert_int_equal(level_rule(&b, lost), RULE_RESUME);
	assert_int_equal(conn_id(level_newest(&b)->conn), 2);
	/* The new one with the old CID: what it takes and loses is not what the old one lost. */
	fake_submit(c, got);
	fake_take(c, PDU_TASK_REQUEST, bhs, NULL, 0);
	fake_closed(c, FAULT_CLOSED);
	assert_int_equal(level_rule(&b, got), RULE_HOLD);
	assert_int_equal(level_rule(&b, lost), RULE_HOLD); /* the session is down again */
	level_end(&b, got, lost);
	DUTY("RV-3.4");
}

/* The target does not know the session any more: a new one at once. */
static void test_session_unknown(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct level b;
	struct task *task;
	uint64_t then;

	(void)state;
	level_begin(&b, 2, 1);
	task = level_write(b.a, bhs);
	fake_closed(b.a, FAULT_CLOSED);
	fake_wait(&b.fake, 1);
	then = b.fake.now;
	level_open_login(&b, level_newest(&b));
	level_refuse_login(level_newest(&b), 2, 0x0a);
	fake_wait(&b.fake, 1);
	assert_true(b.fake.now - then < 10000000);
	assert_int_equal(b.fake.conns, 3);
	level_expect_reinstatement(&b, task);
	level_end(&b, task, NULL);
	DUTY("MC-1.6 P2-7");
}

/* No portal answers: tried in turn until Time2Wait + Time2Retain is over, then the reinstatement's turn
 * comes (TIM-2, TIM-3). */
static void test_continuation_in_time(void **state)
{
	struct conn_options other = { .id = 9, .host = "192.0.2.9", .port = 3260 };
	unsigned attempts = 0, others = 0;
	uint8_t bhs[PDU_BHS_LEN];
	struct level b;
	struct task *task;
	uint64_t lost_at;

	(void)state;
	level_begin(&b, 1, 1);
	session_set_portals(b.fake.session, &other, 1);
	task = level_write(b.a, bhs);
	lost_at = b.fake.now;
	fake_closed(b.a, FAULT_CLOSED);
	fake_wait(&b.fake, 1);
	/* One attempt hangs: it counts as well, but the time is over before its login's limit. */
	while (b.fake.conns < 5) {
		struct fake_conn *c = level_newest(&b);

		if (c->conn && c->opening) {
			attempts++;
			others += strcmp(conn_host(c->conn), other.host) == 0;
			if (b.fake.conns == 4)
				break;
			fake_closed(c, FAULT_CONNECT);
		}
		fake_wait(&b.fake, 100);
	}
	assert_int_equal(attempts, 3);
	assert_int_equal(others, 1);
	assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 77);
	while (b.fake.now < lost_at + 19900 * 1000000ull) {
		fake_wait(&b.fake, 100);
		if (level_newest(&b)->conn && level_newest(&b)->opening)
			assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 77);
	}
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_FAILED));
	fake_wait(&b.fake, 200);
	fake_wait(&b.fake, 1);
	level_expect_reinstatement(&b, task);
	DUTY("TIM-3");
	level_end(&b, task, NULL);
	DUTY("RV-3.8");
}

/* The hold time ends before: tasks are given up, and then the session may not be continued, for their
 * numbers would be holes. */
static void test_hold_ends_first(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct level b;
	struct task *task;

	(void)state;
	level_begin_with(&b, 2, 1, 0, 5000);
	task = level_write(b.a, bhs);
	fake_closed(b.a, FAULT_CLOSED);
	fake_wait(&b.fake, 1);
	assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 77);
	fake_wait(&b.fake, 5000);
	fake_event(&b.fake, SESSION_EVENT_FAILED);
	assert_int_equal(level_rule(&b, task), RULE_DEAD);
	assert_int_equal(task->fault.kind, FAULT_GONE);
	fake_wait(&b.fake, 1);
	assert_int_equal(b.fake.conns, 3);
	assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 0);
	level_finish_login(level_newest(&b), 90);
	level_end(&b, task, NULL);
}

/* Each attempt through a connection's own portal takes that connection's place: so none of them ends up
 * on another's path. */
static void test_own_portals(void **state)
{
	struct pdu_login_request request;
	struct fake_conn *c;
	struct level b;

	(void)state;
	level_begin_at(&b, 1, 3);
	for (unsigned i = 3; i-- > 0;)
		fake_closed(&b.fake.conn[i], FAULT_CLOSED);
	for (unsigned i = 0; i < 3; i++) {
		char host[32];

		fake_wait(&b.fake, 60); /* Logouts over one another have failed */
		c = level_newest(&b);
		snprintf(host, sizeof(host), "192.0.2.%u", i + 1);
		assert_string_equal(conn_host(c->conn), host);
		assert_int_equal(conn_id(c->conn), i + 1);
		request = level_open_login(&b, c);
		assert_int_equal(request.cid, b.fake.conn[i].cid);
		assert_int_equal(request.tsih, 77);
		if (i < 2)
			fake_closed(c, FAULT_CLOSED);
	}
	level_finish_login(c, 77);
	fake_event(&b.fake, SESSION_EVENT_UP);
	level_end(&b, NULL, NULL);
	DUTY("REC-14 REC-15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_portals),
		cmocka_unit_test(test_continued),
		cmocka_unit_test(test_session_unknown),
		cmocka_unit_test(test_continuation_in_time),
		cmocka_unit_test(test_hold_ends_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
