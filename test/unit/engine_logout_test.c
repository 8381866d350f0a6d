/*
 * engine_logout_test.c - Logouts (RFC 7143 sections 11.14, 11.15): for another connection that was
 * lost, with each answer and none; a connection's own, and what it stops on the others.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

enum { LOST_CID = 99, LOST_STAT_SN = 4711 };

static void begin(struct pair *p, unsigned conns)
{
	pair_begin(p, &(struct pair_terms){ .conns = conns, .level = 2, .times = { .manage = 5000 } });
}

static void cleanup(struct pair *p, unsigned reason)
{
	conn_cleanup(p->c[0]->conn, &(struct conn_lost){ .cid = LOST_CID, .reason = (uint8_t)reason,
		.exp_stat_sn = LOST_STAT_SN }, p->fake.now);
	fake_pump(&p->fake);
}

static void begin_cleanup(struct pair *p, unsigned reason, struct pdu_logout_request *ret)
{
	begin(p, 1);
	cleanup(p, reason);
	*ret = pair_take_logout(p, 0);
}

/* ---------------------------------------------------------------- for another connection */

/* LO-1, LO-4, LO-6, LO-7 */
static void test_cleanup(void **state)
{
	static const uint8_t responses[] = { 0, 1, 2, 3, 200 };
	struct pdu_logout_request pdu;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (unsigned reason = 1; reason <= 2; reason++) {
		begin(&p, 1);
		for (size_t i = 0; i < sizeof(responses); i++) {
			cleanup(&p, reason);
			pdu = pair_take_logout(&p, 0);
			assert_int_equal(pdu.reason, reason);
			assert_int_equal(pdu.cid, LOST_CID);
			assert_int_equal(pdu.cmd_sn, 1000);
			assert_int_equal(pdu.exp_stat_sn, LOST_STAT_SN);
			pdu_put_logout_response(bhs, &(struct pdu_logout_response){
				.response = responses[i], .time2wait = 3, .time2retain = 40,
				.initiator_task_tag = pdu.initiator_task_tag });
			assert_int_equal(p.c[0]->cleaneds, i);
			pair_give(&p, 0, bhs, true);
			assert_int_equal(p.c[0]->cleaneds, i + 1);
			assert_int_equal(p.c[0]->cleaned.cid, LOST_CID);
			assert_int_equal(p.c[0]->cleaned.fault.kind, FAULT_NONE);
			assert_int_equal(p.c[0]->cleaned.response, responses[i]);
			assert_int_equal(p.c[0]->cleaned.time2wait, 3);
			assert_int_equal(p.c[0]->cleaned.time2retain, 40);
		}
		assert_false(p.c[0]->ended);
		assert_int_equal(pair_send(&p, 0, 0, NULL)->cmd_sn, 1000); /* it stays in use */
		pair_end(&p);
	}
	DUTY("LO-1 LO-4 LO-6 LO-7 TRAP-6 RV-3.6");
}

/* LO-12, M3: no answer; a late one changes nothing. */
static void test_cleanup_unanswered(void **state)
{
	struct pdu_logout_request pdu;
	struct pair p;

	(void)state;
	begin_cleanup(&p, 2, &pdu);
	fake_wait(&p.fake, 2999);
	assert_int_equal(p.c[0]->cleaneds, 0);
	fake_wait(&p.fake, 1);
	assert_int_equal(p.c[0]->cleaneds, 1);
	assert_int_equal(p.c[0]->cleaned.cid, LOST_CID);
	assert_int_equal(p.c[0]->cleaned.fault.kind, FAULT_TIMEOUT);
	pair_answer_logout(&p, 0, pdu.initiator_task_tag, 0);
	assert_int_equal(p.c[0]->cleaneds, 1);
	assert_false(p.c[0]->ended);
	cleanup(&p, 2); /* and it may be asked again */
	pdu = pair_take_logout(&p, 0);
	pair_answer_logout(&p, 0, pdu.initiator_task_tag, 0);
	assert_int_equal(p.c[0]->cleaneds, 2);
	assert_int_equal(p.c[0]->cleaned.fault.kind, FAULT_NONE);
	pair_end(&p);
	DUTY("LO-12 M3");
}

/* The connection that carries it ends first, before or after it left. */
static void test_cleanup_carrier_ends(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned left = 0; left < 2; left++) {
		begin(&p, 1);
		cleanup(&p, 1);
		if (left)
			pair_take_logout(&p, 0);
		fake_closed(p.c[0], FAULT_CLOSED);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->cleaneds, 1);
		assert_int_equal(p.c[0]->cleaned.cid, LOST_CID);
		assert_int_equal(p.c[0]->cleaned.fault.kind, FAULT_CLOSED);
		pair_end(&p);
	}
}

static void test_cleanup_rejected(void **state)
{
	struct pdu_logout_request pdu;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	begin_cleanup(&p, 2, &pdu);
	pdu_put_logout_request(bhs, &pdu);
	pair_reject(&p, 0, bhs, PDU_REJECT_IMMEDIATE); /* TM-14: later again */
	assert_false(fake_has_sent(p.c[0]));
	fake_wait(&p.fake, 20);
	pdu = pair_take_logout(&p, 0);
	assert_int_equal(p.c[0]->cleaneds, 0);
	pdu_put_logout_request(bhs, &pdu);
	pair_reject(&p, 0, bhs, PDU_REJECT_NOT_SUPPORTED);
	assert_int_equal(p.c[0]->cleaneds, 1);
	assert_int_equal(p.c[0]->cleaned.fault.kind, FAULT_REFUSED);
	assert_false(p.c[0]->ended);
	pair_end(&p);
	DUTY("TM-14");
}

/* Too many immediate requests, always: not for ever. */
static void test_cleanup_always_rejected(void **state)
{
	unsigned times_sent = 0;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	begin(&p, 1);
	cleanup(&p, 2);
	while (!p.c[0]->cleaneds) {
		fake_take(p.c[0], PDU_LOGOUT_REQUEST, bhs, NULL, 0);
		pair_reject(&p, 0, bhs, PDU_REJECT_IMMEDIATE);
		fake_wait(&p.fake, 50);
		assert_true(++times_sent < 100);
	}
	assert_true(times_sent > 30);
	assert_int_equal(p.c[0]->cleaned.fault.kind, FAULT_TIMEOUT);
	pair_end(&p);
	DUTY("TM-14");
}

/* The number in a Logout for another connection is that one's: the carrier's own is still to be told,
 * where the target waits for it (MCS-11). */
static void test_cleanup_tells_nothing(void **state)
{
	struct pdu_logout_request logout;
	struct pdu_nop_out nop;
	struct conn_lost lost;
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .level = 1, .reporting = "ResponseFence" });
	pair_answer(&p, 0, pair_send(&p, 0, 0, NULL));
	lost = (struct conn_lost){ .cid = p.c[1]->cid, .reason = PDU_LOGOUT_CONNECTION,
		.exp_stat_sn = p.c[0]->stat_sn };
	conn_cleanup(p.c[0]->conn, &lost, p.fake.now);
	logout = pair_take_logout(&p, 0);
	assert_int_equal(logout.cid, lost.cid);
	assert_int_equal(logout.exp_stat_sn, lost.exp_stat_sn);
	fake_wait(&p.fake, 101);
	nop = pair_take_nop(&p, 0);
	assert_int_equal(nop.initiator_task_tag, PDU_NO_TAG);
	assert_int_equal(nop.exp_stat_sn, p.c[0]->stat_sn);
	pair_end(&p);
	DUTY("LO-5 MCS-11");
}

static void test_cleanup_not_logged_in(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, 1);
	conn_logout(p.c[0]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
	cleanup(&p, 1);
	assert_int_equal(p.c[0]->cleaneds, 1);
	assert_true(p.c[0]->cleaned.fault.kind && p.c[0]->cleaned.fault.text[0]);
	pair_end(&p);
}

static void test_nobody_asked(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, 1);
	pair_answer_logout(&p, 0, 0x7654321, 0);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_PROTOCOL);
	pair_end(&p);
}

/* ---------------------------------------------------------------- its own */

/* Commands, task management and the cleanup under way come to their end first (LO-2). */
static void test_last_of_all(void **state)
{
	struct management m = { .function = PDU_LOGICAL_UNIT_RESET, .lun = 1 };
	struct pdu_task_request function;
	struct pdu_logout_request other, own;
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned last = 0; last < 3; last++) {
		begin_cleanup(&p, 2, &other);
		task = pair_send(&p, 0, 0, NULL);
		conn_manage(p.c[0]->conn, &m, p.fake.now);
		function = pair_take_function(&p, 0);
		conn_logout(p.c[0]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
		for (unsigned i = last + 1; i < last + 4; i++) {
			assert_false(fake_has_sent(p.c[0]));
			if (i % 3 == 0)
				pair_answer(&p, 0, task);
			else if (i % 3 == 1)
				pair_answer_function(&p, 0, function.initiator_task_tag, 0);
			else
				pair_answer_logout(&p, 0, other.initiator_task_tag, 0);
			assert_false(p.c[0]->ended);
		}
		own = pair_take_logout(&p, 0);
		assert_int_equal(own.reason, PDU_LOGOUT_CONNECTION);
		assert_int_equal(own.cid, p.c[0]->cid);
		pair_answer_logout(&p, 0, own.initiator_task_tag, 0);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, FAULT_NONE);
		pair_end(&p);
	}
	DUTY("LO-2 LO-5");
}

static void test_own_refused(void **state)
{
	struct pdu_logout_request pdu;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (unsigned response = 1; response <= 4; response++) {
		begin(&p, 1);
		conn_logout(p.c[0]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
		pdu = pair_take_logout(&p, 0);
		pdu_put_logout_request(bhs, &pdu);
		if (response < 4)
			pair_answer_logout(&p, 0, pdu.initiator_task_tag, (uint8_t)response);
		else
			pair_reject(&p, 0, bhs, PDU_REJECT_PROTOCOL);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, response < 4 ? FAULT_LOGOUT : FAULT_REFUSED);
		assert_int_equal(p.c[0]->fault.detail, response);
		pair_end(&p);
	}
	DUTY("LO-6");
}

/* MCS-17: the session's Logout stops new commands on all connections. They stay where they are and
 * come back unsent at the end. */
static void test_session_logout_stops_all(void **state)
{
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 2);
	conn_logout(p.c[0]->conn, PDU_LOGOUT_SESSION, p.fake.now);
	task = pair_keep(&p, fake_read(512));
	fake_submit(p.c[1], task);
	assert_false(fake_has_sent(p.c[1]));
	assert_int_equal(p.c[1]->done_count, 0);
	assert_int_equal(pair_take_logout(&p, 0).reason, PDU_LOGOUT_SESSION);
	pair_acknowledge(&p, 1, 1000);
	assert_false(fake_has_sent(p.c[1]));
	fake_closed(p.c[1], FAULT_CLOSED);
	assert_ptr_equal(pair_last(&p, 1), task);
	assert_int_equal(task->outcome, TASK_UNSENT);
	pair_end(&p);
	DUTY("MCS-17 LO-2 LO-3 MC-3.4");
}

/* In ordering mode too the Logout of a session leaves, though no number is given out any more. */
static void test_session_logout_ordering(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .ordering = true });
	pair_send(&p, 1, 0, NULL);
	conn_logout(p.c[0]->conn, PDU_LOGOUT_SESSION, p.fake.now);
	assert_false(fake_has_sent(p.c[0]));
	pair_acknowledge(&p, 1, 1001);
	assert_int_equal(pair_take_logout(&p, 0).cmd_sn, 1001);
	pair_end(&p);
	DUTY("TOL-8 MCS-17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cleanup),
		cmocka_unit_test(test_cleanup_unanswered),
		cmocka_unit_test(test_cleanup_carrier_ends),
		cmocka_unit_test(test_cleanup_rejected),
		cmocka_unit_test(test_cleanup_always_rejected),
		cmocka_unit_test(test_cleanup_tells_nothing),
		cmocka_unit_test(test_cleanup_not_logged_in),
		cmocka_unit_test(test_nobody_asked),
		cmocka_unit_test(test_last_of_all),
		cmocka_unit_test(test_own_refused),
		cmocka_unit_test(test_session_logout_stops_all),
		cmocka_unit_test(test_session_logout_ordering),
	};

	return cmocka_run_group_tests_name("engine_logout", tests, NULL, NULL);
}
