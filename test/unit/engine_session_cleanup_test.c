/*
 * engine_session_cleanup_test.c - recovery levels 1 and 2, seen from the session: a lost connection is
 * logged out over another one; what becomes of its tasks; and when it comes to a reinstatement all the
 * same.
 */
#include "engine_fake_level.h"

#include "../duty.h"

/* ---------------------------------------------------------------- over another connection */

/* At both levels what the target never got is sent again with its number; what it got is dead at level
 * 1, and reassigned at level 2. */
static void test_one_lost(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN], again[PDU_BHS_LEN];

	(void)state;
	for (unsigned level = 1; level <= 2; level++) {
		struct level b;
		struct task *got, *lost;
		unsigned conns;

		level_begin(&b, level, 2);
		got = level_write(b.b, bhs);
		lost = level_write(b.b, bhs);
		level_acknowledge(&b, b.a, 1);
		fake_closed(b.b, FAULT_CLOSED);
		assert_int_equal(got->outcome, TASK_SUSPENDED);
		assert_true(fake_event(&b.fake, SESSION_EVENT_LEFT).returning);
		assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
		assert_int_equal(level_rule(&b, got), RULE_HOLD);
		assert_int_equal(level_rule(&b, lost), RULE_HOLD);
		DUTY("MCS-15");
		level_take_cleanup(&b, b.a, level, b.b->cid, logout);
		DUTY("REC-10 REC-17 LO-4");
		assert_int_equal(level_rule(&b, lost), RULE_HOLD);
		b.fake.events = 0;
		conns = b.fake.conns;
		level_answer_logout(b.a, logout, 0, 0);
		fake_event(&b.fake, SESSION_EVENT_RULED);
		if (level == 1) {
			assert_int_equal(level_rule(&b, got), RULE_DEAD);
			assert_int_equal(got->outcome, TASK_LOST);
			DUTY("REC-5");
		} else {
			assert_int_equal(level_rule(&b, got), RULE_RESUME);
			fake_submit(b.a, got);
			fake_take(b.a, PDU_TASK_REQUEST, again, NULL, 0);
			assert_int_equal(again[1] & 0x7f, PDU_TASK_REASSIGN);
			DUTY("RA-2 RA-3");
		}
		assert_int_equal(level_rule(&b, lost), RULE_RESUME);
		fake_submit(b.a, lost);
		fake_take(b.a, PDU_SCSI_COMMAND, again, NULL, 0);
		assert_memory_equal(again + 16, bhs + 16, 12); /* tag, length, CmdSN */
		DUTY("MCS-14 RA-11");
		/* It comes back as a new one. */
		assert_int_equal(b.fake.conns, conns + 1);
		assert_int_equal(conn_id(level_newest(&b)->conn), 2);
		assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 77);
		assert_int_not_equal(level_newest(&b)->cid, b.b->cid);
		DUTY("ID-9");
		level_finish_login(level_newest(&b), 77);
		level_end(&b, got, lost);
	}
	DUTY("RV-3.1 RV-3.2 M2 M4");
}

/* TIM-2: not before Time2Wait, where nothing is known about the target; RA-10: nor is a task reassigned
 * before the time in the Logout Response. */
static void test_pauses(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct task *got, *lost;
	struct level b;

	(void)state;
	level_begin_with(&b, 2, 2, ENGINE_TIME2WAIT, 60000);
	got = level_write(b.b, bhs);
	lost = level_write(b.b, bhs);
	level_acknowledge(&b, b.a, 1);
	fake_closed(b.b, FAULT_TIMEOUT);
	fake_wait(&b.fake, 1998);
	assert_false(fake_has_sent(b.a));
	fake_wait(&b.fake, 2);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_RECOVERY, b.b->cid, logout);
	level_answer_logout(b.a, logout, 0, 3);
	assert_int_equal(level_rule(&b, got), RULE_HOLD);
	assert_int_equal(level_rule(&b, lost), RULE_RESUME);
	fake_wait(&b.fake, 2998);
	b.fake.events = 0;
	assert_int_equal(level_rule(&b, got), RULE_HOLD);
	fake_wait(&b.fake, 2);
	fake_event(&b.fake, SESSION_EVENT_RULED);
	assert_int_equal(level_rule(&b, got), RULE_RESUME);
	DUTY("TIM-1 TIM-2 RA-10 LO-7");
	level_end(&b, got, lost);
}

/* What the target is known to need for a reinstatement may be longer than its Time2Wait; a cleanup needs
 * no more than that. */
static void test_long_rest(void **state)
{
	uint8_t logout[PDU_BHS_LEN];
	struct level b;

	(void)state;
	level_begin_with(&b, 1, 2, 7000, 60000);
	fake_closed(b.b, FAULT_CLOSED);
	fake_wait(&b.fake, 1998);
	assert_false(fake_has_sent(b.a));
	fake_wait(&b.fake, 2);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	level_answer_logout(b.a, logout, 2, 0);
	fake_event(&b.fake, SESSION_EVENT_DOWN);
	fake_wait(&b.fake, 6900);
	assert_int_equal(b.fake.conns, 2);
	fake_wait(&b.fake, 200);
	assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 0);
	level_end(&b, NULL, NULL);
	DUTY("TIM-2");
}

/* LO-5: the Logout carries the last number that the lost connection told, not what came after, and not
 * the carrier's. */
static void test_last_number(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], last[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct task *one, *two;
	struct level b;

	(void)state;
	level_begin(&b, 1, 2);
	one = level_write(b.b, bhs);
	for (unsigned i = 0; i < 3; i++)
		level_give_async(b.b, 255, 0, 0, 0);
	two = level_write(b.b, last);
	assert_int_equal(bytes_get32(last + 28), bytes_get32(bhs + 28) + 3);
	level_give_async(b.b, 255, 0, 0, 0);
	fake_closed(b.b, FAULT_CLOSED);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	assert_int_equal(bytes_get32(logout + 28), bytes_get32(last + 28));
	assert_int_not_equal(bytes_get32(logout + 28), b.a->stat_sn);
	level_end(&b, one, two);
	DUTY("LO-5");
}

/* The target can't, or rejects it: then only a reinstatement proves anything. */
static void test_refused(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];

	(void)state;
	for (uint8_t response = 1; response <= 3; response++) {
		struct level b;
		struct task *task;

		level_begin(&b, 2, 2);
		task = level_write(b.b, bhs);
		level_acknowledge(&b, b.a, 1);
		fake_closed(b.b, FAULT_CLOSED);
		level_take_cleanup(&b, b.a, PDU_LOGOUT_RECOVERY, b.b->cid, logout);
		level_answer_logout(b.a, logout, response, 0);
		assert_int_equal(fake_event(&b.fake, SESSION_EVENT_DOWN).fault.kind, FAULT_LOGOUT);
		assert_true(b.a->ended);
		fake_wait(&b.fake, 1);
		level_expect_reinstatement(&b, task);
		DUTY("REC-3 LO-6");
		level_end(&b, task, NULL);
	}
	DUTY("RV-3.6");
}

/* A target that agreed to level 2 and can't reassign: its connections are closed for good, as at level 1,
 * and no login continues the session, which would suspend tasks again. */
static void test_no_reassign(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct task *got, *last;
	struct level b;

	(void)state;
	level_begin(&b, 2, 2);
	session_set_habits(b.fake.session, &(struct session_habits){ .no_reassign = true });
	got = level_write(b.b, bhs);
	level_acknowledge(&b, b.a, 1);
	fake_closed(b.b, FAULT_CLOSED);
	/* The habit holds from the next loss on, when nothing is left of this one. */
	session_set_habits(b.fake.session, &(struct session_habits){ .no_reassign = false });
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	level_answer_logout(b.a, logout, 0, 0);
	assert_int_equal(level_rule(&b, got), RULE_DEAD);
	assert_int_equal(got->outcome, TASK_LOST);
	fake_event(&b.fake, SESSION_EVENT_RULED);
	session_set_habits(b.fake.session, &(struct session_habits){ .no_reassign = true });
	last = level_write(b.a, bhs);
	fake_closed(b.a, FAULT_CLOSED);
	fake_wait(&b.fake, 1);
	level_expect_reinstatement(&b, last);
	level_end(&b, got, last);
}

/* Nobody answers: a second try, and in the end a reinstatement, all within the time. */
static void test_unanswered(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct level b;
	struct task *task;

	(void)state;
	level_begin(&b, 1, 2);
	task = level_write(b.b, bhs);
	level_acknowledge(&b, b.a, 1);
	fake_closed(b.b, FAULT_CLOSED);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	for (unsigned i = 0; i < 60 && !b.a->ended; i++) {
		fake_wait(&b.fake, 500);
		if (!b.a->ended)
			level_acknowledge(&b, b.a, 0); /* it lives */
	}
	assert_true(b.a->ended);
	assert_in_range(b.fake.now, 20ull * 1000000000, 24ull * 1000000000);
	fake_wait(&b.fake, 1);
	level_expect_reinstatement(&b, task);
	level_end(&b, task, NULL);
	DUTY("RV-3.8 M1 M2 M3");
}

/* The one that carried the Logout ends too: over the third, for both. */
static void test_carrier_lost(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct fake_conn *third, *second;
	struct level b;
	struct task *task;

	(void)state;
	level_begin(&b, 1, 3);
	third = b.b;
	second = &b.fake.conn[1];
	task = level_write(second, bhs);
	level_acknowledge(&b, b.a, 1);
	fake_closed(second, FAULT_CLOSED);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, second->cid, logout);
	fake_closed(b.a, FAULT_CLOSED);
	level_take_cleanup(&b, third, PDU_LOGOUT_CONNECTION, b.a->cid, logout);
	level_answer_logout(third, logout, 0, 0);
	assert_int_equal(level_rule(&b, task), RULE_HOLD);
	fake_wait(&b.fake, 60);
	level_take_cleanup(&b, third, PDU_LOGOUT_CONNECTION, second->cid, logout);
	level_answer_logout(third, logout, 0, 0);
	assert_int_equal(level_rule(&b, task), RULE_DEAD);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	assert_int_equal(b.fake.conns, 5); /* both come back */
	level_open_login(&b, &b.fake.conn[3]);
	level_finish_login(&b.fake.conn[3], 77);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_JOINED).id, 1); /* MCS-7 */
	level_end(&b, task, NULL);
	DUTY("RV-3.5 REC-11 M3 M4 MC-3.2");
}

/* FMT-1: a peer that breaks the protocol costs the session, whatever the level. */
static void test_protocol_error(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], garbage[PDU_BHS_LEN] = { 0x3e };
	struct level b;
	struct task *task;

	(void)state;
	level_begin(&b, 2, 2);
	task = level_write(b.b, bhs);
	fake_give(b.b, garbage, sizeof(garbage));
	assert_true(b.b->ended);
	assert_true(b.a->ended);
	fake_event(&b.fake, SESSION_EVENT_DOWN);
	fake_wait(&b.fake, 1);
	level_expect_reinstatement(&b, task);
	DUTY("FMT-1");
	level_end(&b, task, NULL);
}

/* ---------------------------------------------------------------- the target's wishes, removals */

/* AS-3: the named connection is given up, and cleaned up after its time. */
static void test_drop_announced(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct level b;
	struct task *task;

	(void)state;
	level_begin(&b, 1, 2);
	task = level_write(b.b, bhs);
	level_acknowledge(&b, b.a, 1);
	level_give_async(b.a, PDU_ASYNC_CONNECTION_DROP, b.b->cid, 3, 20);
	assert_true(b.b->ended);
	assert_false(b.a->ended);
	assert_true(fake_event(&b.fake, SESSION_EVENT_LEFT).returning);
	assert_int_equal(level_rule(&b, task), RULE_HOLD);
	fake_wait(&b.fake, 2900);
	assert_false(fake_has_sent(b.a));
	fake_wait(&b.fake, 200);
	fake_take(b.a, PDU_LOGOUT_REQUEST, logout, NULL, 0);
	level_answer_logout(b.a, logout, 0, 0);
	assert_int_equal(level_rule(&b, task), RULE_DEAD);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	DUTY("AS-3 REC-13");
	level_end(&b, task, NULL);
	DUTY("UNH-FFP-20.2 RV-4.1");
}

/* AS-4: all are given up, and the session continued after the time, which is cut to an hour. */
static void test_session_drop_announced(void **state)
{
	struct level b;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t wait = i ? 3600 * 1000 : 4000;

		level_begin(&b, 2, 2);
		session_set_habits(b.fake.session, &(struct session_habits){ .rest = 0 });
		level_give_async(b.a, PDU_ASYNC_SESSION_DROP, 0, i ? 60000 : 4, 20);
		assert_true(b.a->ended && b.b->ended);
		fake_event(&b.fake, SESSION_EVENT_DOWN);
		fake_wait(&b.fake, wait - 100);
		if (i) { /* by then it has failed, which ends waiting for a continuation */
			fake_event(&b.fake, SESSION_EVENT_FAILED);
			level_end(&b, NULL, NULL);
			continue;
		}
		assert_int_equal(b.fake.conns, 2);
		fake_wait(&b.fake, 200);
		assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 77);
		level_finish_login(level_newest(&b), 77);
		DUTY("AS-4");
		level_end(&b, NULL, NULL);
	}
	DUTY("UNH-FFP-20.3 RV-4.1");
}

/* Time2Retain 0: nothing is kept, so nothing can be taken up again (LO-7). */
static void test_nothing_retained(void **state)
{
	struct level b;
	struct task *task;
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	level_begin(&b, 2, 2);
	task = level_write(b.b, bhs);
	level_give_async(b.a, PDU_ASYNC_CONNECTION_DROP, b.b->cid, 1, 0);
	assert_true(b.a->ended && b.b->ended);
	fake_wait(&b.fake, 1001);
	level_expect_reinstatement(&b, task);
	level_end(&b, task, NULL);
	DUTY("LO-7");
}

/* A removal that ends in a cut: it is gone for the caller, and cleaned up all the same. */
static void test_removed_uncleanly(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct session_event ev;
	struct level b;
	struct task *task;

	(void)state;
	level_begin(&b, 1, 2);
	task = level_write(b.b, bhs);
	session_remove_conn(b.fake.session, 2, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_closed(b.b, FAULT_CLOSED);
	ev = fake_event(&b.fake, SESSION_EVENT_ANSWER);
	assert_ptr_equal(ev.token, &b);
	assert_int_equal(ev.fault.kind, FAULT_NONE);
	assert_false(fake_event(&b.fake, SESSION_EVENT_LEFT).returning);
	assert_int_equal(level_rule(&b, task), RULE_HOLD);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	level_answer_logout(b.a, logout, 0, 0);
	assert_int_equal(level_rule(&b, task), RULE_RESUME);
	fake_wait(&b.fake, 10000);
	assert_int_equal(b.fake.conns, 2);
	level_end(&b, task, NULL);
}

/* Removed while it waits for its cleanup, and while it is being given up. */
static void test_removed_meanwhile(void **state)
{
	uint8_t logout[PDU_BHS_LEN];
	struct level b;

	(void)state;
	level_begin(&b, 1, 2);
	fake_closed(b.b, FAULT_CLOSED);
	session_remove_conn(b.fake.session, 2, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	level_answer_logout(b.a, logout, 0, 0);
	fake_wait(&b.fake, 10000);
	assert_int_equal(b.fake.conns, 2);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	level_end(&b, NULL, NULL);
}

/* MCS-5: the target counts a removed connection until it was cleaned up. */
static void test_stray_counts(void **state)
{
	uint8_t logout[PDU_BHS_LEN];
	struct conn_options *options;
	struct level b;

	(void)state;
	level_begin(&b, 1, 4); /* as many as were negotiated */
	options = &b.setup.options;
	session_remove_conn(b.fake.session, 4, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_closed(b.b, FAULT_CLOSED);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
	options->id = 5;
	session_add_conn(b.fake.session, options, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_TOO_MANY);
	level_take_cleanup(&b, b.a, PDU_LOGOUT_CONNECTION, b.b->cid, logout);
	level_answer_logout(b.a, logout, 0, 0);
	session_add_conn(b.fake.session, options, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(level_open_login(&b, level_newest(&b)).tsih, 77);
	level_finish_login(level_newest(&b), 77);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
	level_end(&b, NULL, NULL);
	DUTY("MCS-5");
}

static enum fault_kind remove_second(struct level *b)
{
	session_remove_conn(b->fake.session, 2, b, b->fake.now);
	fake_pump(&b->fake);
	return fake_event(&b->fake, SESSION_EVENT_ANSWER).fault.kind;
}

/* LO-10: the only connection that carries I/O stays while the others are being brought back. */
static void test_only_living_stays(void **state)
{
	uint8_t logout[PDU_BHS_LEN];
	struct level b;

	(void)state;
	level_begin(&b, 1, 2);
	fake_closed(b.a, FAULT_CLOSED);
	assert_int_equal(remove_second(&b), FAULT_BUSY);
	level_take_cleanup(&b, b.b, PDU_LOGOUT_CONNECTION, b.a->cid, logout);
	level_answer_logout(b.b, logout, 0, 0);
	level_open_login(&b, level_newest(&b));
	assert_int_equal(remove_second(&b), FAULT_BUSY);
	level_finish_login(level_newest(&b), 77);
	session_remove_conn(b.fake.session, 2, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_take(b.b, PDU_LOGOUT_REQUEST, logout, NULL, 0);
	level_answer_logout(b.b, logout, 0, 0);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	level_end(&b, NULL, NULL);
	DUTY("LO-10 MCS-7");
}

/* ---------------------------------------------------------------- task management */

/* A function that was answered on one connection ends what it covers on the others, and what is adrift:
 * by logical unit, and by number. */
static void test_concluded(void **state)
{
	struct management reset = { .function = PDU_LOGICAL_UNIT_RESET, .lun = 0 };
	struct management query = { .function = PDU_CLEAR_ACA, .lun = 0 };
	struct task *covered, *later, *other;
	uint8_t bhs[PDU_BHS_LEN];
	struct level b;

	(void)state;
	level_begin(&b, 2, 2);
	other = fake_write(100);
	other->lun = UINT64_C(1) << 48;
	fake_submit(b.b, other);
	fake_take(b.b, PDU_SCSI_COMMAND, bhs, NULL, 0);
	covered = level_write(b.b, bhs);
	reset.cmd_sn = bytes_get32(bhs + 24) + 1;
	query.cmd_sn = reset.cmd_sn + 10;
	later = level_write(b.b, bhs);
	level_acknowledge(&b, b.a, 3);
	fake_closed(b.b, FAULT_CLOSED);
	assert_int_equal(level_rule(&b, covered), RULE_HOLD);
	session_managed(b.fake.session, &query, b.fake.now);
	fake_pump(&b.fake);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_CONCLUDE));
	b.fake.events = 0;
	session_managed(b.fake.session, &reset, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_CONCLUDE).cmd_sn, reset.cmd_sn);
	fake_event(&b.fake, SESSION_EVENT_RULED);
	assert_int_equal(level_rule(&b, covered), RULE_DEAD);
	assert_int_equal(level_rule(&b, later), RULE_HOLD);
	assert_int_equal(level_rule(&b, other), RULE_HOLD);
	DUTY("TM-8 TM-9 TRAP-7");
	fake_wait(&b.fake, 60001); /* forgotten: numbers come again one day */
	level_end(&b, covered, later);
	fake_task_free(other);
	DUTY("MC-4.3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lost),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_long_rest),
		cmocka_unit_test(test_last_number),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_reassign),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_carrier_lost),
		cmocka_unit_test(test_protocol_error),
		cmocka_unit_test(test_drop_announced),
		cmocka_unit_test(test_session_drop_announced),
		cmocka_unit_test(test_nothing_retained),
		cmocka_unit_test(test_removed_uncleanly),
		cmocka_unit_test(test_removed_meanwhile),
		cmocka_unit_test(test_stray_counts),
		cmocka_unit_test(test_only_living_stays),
		cmocka_unit_test(test_concluded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
