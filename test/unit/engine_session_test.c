/*
 * engine_session_test.c - a session from outside: adding, removing, refusals, losing connections and
 * coming back, holding, logging out, and what happens to the tasks.
 */
#include "engine_fake.h"

#include <stdlib.h>

#include "../duty.h"

struct bench {
	struct fake fake;
	struct fake_setup setup;
	struct fake_conn *a, *b; /* the leading one, another one */
};

static void begin(struct bench *b, unsigned conns)
{
	memset(b, 0, sizeof(*b));
	fake_setup_init(&b->setup);
	b->setup.config.offer.max_connections = 4;
	fake_begin(&b->fake, &b->setup);
	b->a = fake_login(&b->fake, &b->setup.options, NULL, 0);
	b->setup.options.id = 2;
	if (conns > 1)
		b->b = fake_login(&b->fake, &b->setup.options, NULL, 0);
	while (fake_has_event(&b->fake, SESSION_EVENT_ANSWER))
		fake_event(&b->fake, SESSION_EVENT_ANSWER);
}

static struct fault answer(struct bench *b, void *token)
{
	struct session_event ev = fake_event(&b->fake, SESSION_EVENT_ANSWER);

	assert_ptr_equal(ev.token, token);
	return ev.fault;
}

/* Opens the connection and answers its login; leading ones get the TSIH. */
static void log_in(struct bench *b, struct fake_conn *c, uint16_t tsih)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1 };
	struct pdu_login_request request;
	uint8_t bhs[PDU_BHS_LEN];
	static const char leading[] = "HeaderDigest=None\0DataDigest=None\0"
		"MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0"
		"MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=4\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	static const char added[] = "HeaderDigest=None\0DataDigest=None";

	assert_true(c->opening);
	c->opening = false;
	conn_opened(c->conn, entropy, b->fake.now);
	fake_pump(&b->fake);
	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	pdu_get_login_request(bhs, &request);
	c->login_itt = request.initiator_task_tag;
	c->cid = request.cid;
	c->tsih = request.tsih;
	fake_give_login(c, 0x81, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=None"));
	fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	c->tsih = tsih;
	if (request.tsih)
		fake_give_login(c, 0x87, FAKE_TEXT(added));
	else
		fake_give_login(c, 0x87, FAKE_TEXT(leading));
	assert_true(c->up);
}

/* A new connection that the session made meanwhile. */
static struct fake_conn *newest(struct bench *b)
{
	return &b->fake.conn[b->fake.conns - 1];
}

/* ---------------------------------------------------------------- calls */

static void test_bad_config(void **state)
{
	struct fake_setup setup;
	struct session *s = NULL;

	(void)state;
	fake_setup_init(&setup);
	setup.config.initiator_name = NULL;
	assert_true(session_new(&setup.config, &s) < 0);
	fake_setup_init(&setup);
	setup.config.target_name = NULL;
	assert_true(session_new(&setup.config, &s) < 0);
	fake_setup_init(&setup);
	setup.config.offer.max_burst_length = 0;
	assert_true(session_new(&setup.config, &s) < 0);
	fake_setup_init(&setup);
	setup.config.offer.max_outstanding_r2t = 1000;
	assert_true(session_new(&setup.config, &s) < 0);
	assert_null(s);
	session_free(NULL);
}

static void test_first_login(void **state)
{
	struct bench b;
	struct session_event up;

	(void)state;
	begin(&b, 1);
	assert_int_equal(session_state(b.fake.session), SESSION_Q3_LOGGED_IN);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_JOINED).id, 1);
	up = fake_event(&b.fake, SESSION_EVENT_UP);
	assert_int_equal(up.epoch, 0);
	assert_int_equal(b.a->login.tsih, 77);
	fake_end(&b.fake);
}

/* MCS-5, TOL-5: our own count, logins under way included. */
static void test_too_many(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 2);
	b.setup.options.id = 3;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	b.setup.options.id = 4;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	b.setup.options.id = 5;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_TOO_MANY);
	assert_int_equal(b.fake.conns, 4);
	fake_end(&b.fake);
	DUTY("MCS-5 TOL-5 MC-1.7");
}

static void test_remove_refused(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 1);
	session_remove_conn(b.fake.session, 1, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_LAST_CONN);
	session_remove_conn(b.fake.session, 99, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_UNKNOWN_CONN);
	b.b = fake_login(&b.fake, &b.setup.options, NULL, 0);
	fake_event(&b.fake, SESSION_EVENT_ANSWER);
	session_remove_conn(b.fake.session, 1, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_LEADING_CONN);
	fake_end(&b.fake);
}

static void give_logout_response(struct fake_conn *c, const uint8_t *request, uint8_t response)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_logout_response(bhs, &(struct pdu_logout_response){ .response = response,
		.initiator_task_tag = bytes_get32(request + 16) });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
}

static void give_status(struct bench *b, struct fake_conn *c, const uint8_t *command)
{
	uint8_t bhs[PDU_BHS_LEN];

	b->fake.exp_cmd_sn++;
	b->fake.max_cmd_sn++;
	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){
		.initiator_task_tag = bytes_get32(command + 16) });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
}

/* The task under way ends first, the one not sent comes back at once, then the Logout leaves. */
static void test_remove(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct task *first = fake_write(100), *second = fake_write(100), *late = fake_write(100);
	struct bench b;

	(void)state;
	begin(&b, 2);
	fake_submit(b.b, first);
	fake_take(b.b, PDU_SCSI_COMMAND, bhs, NULL, 0);
	fake_submit(b.b, second);
	session_remove_conn(b.fake.session, 2, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(b.b->done_count, 1);
	assert_ptr_equal(b.b->done[0], second);
	assert_int_equal(second->outcome, TASK_UNSENT);
	fake_submit(b.b, late);
	assert_int_equal(b.b->done_count, 2);
	assert_int_equal(late->outcome, TASK_UNSENT);
	assert_false(fake_has_sent(b.b));
	session_remove_conn(b.fake.session, 2, b.a, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, b.a).kind, FAULT_REMOVING);
	give_status(&b, b.b, bhs);
	assert_int_equal(first->outcome, TASK_COMPLETE);
	assert_int_equal(b.b->done_count, 3);
	fake_take(b.b, PDU_LOGOUT_REQUEST, logout, NULL, 0);
	assert_int_equal(logout[1] & 0x7f, PDU_LOGOUT_CONNECTION);
	assert_int_equal(bytes_get16(logout + 20), b.b->cid);
	give_logout_response(b.b, logout, 0);
	assert_true(b.b->ended);
	assert_int_equal(b.b->fault.kind, FAULT_NONE);
	assert_int_equal(answer(&b, &b).kind, FAULT_NONE);
	assert_false(b.a->ended);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	fake_task_free(first);
	fake_task_free(second);
	fake_task_free(late);
	fake_end(&b.fake);
	DUTY("MCS-7 LO-1 LO-6 MC-3.1");
}

/* ---------------------------------------------------------------- losing connections */

/* REC-1: one is lost, all go, one login with TSIH 0, then the other comes back; the call sequence is
 * told upward; tasks come back once. */
static void test_lost(void **state)
{
	struct task *sent = fake_write(100), *waiting = fake_write(100);
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;
	struct fake_conn *lead, *other;
	struct session_event ev;

	(void)state;
	begin(&b, 2);
	fake_event(&b.fake, SESSION_EVENT_UP);
	fake_submit(b.b, sent);
	fake_take(b.b, PDU_SCSI_COMMAND, bhs, NULL, 0);
	fake_submit(b.b, waiting);
	fake_closed(b.b, FAULT_CLOSED);
	assert_int_equal(sent->outcome, TASK_SUSPENDED);
	assert_int_equal(waiting->outcome, TASK_UNSENT);
	assert_int_equal(session_rule(b.fake.session, sent), RULE_HOLD); /* it may run still */
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_DOWN).fault.kind, FAULT_CLOSED);
	assert_true(b.a->ended);
	assert_int_equal(session_state(b.fake.session), SESSION_Q4_FAILED);
	assert_true(fake_event(&b.fake, SESSION_EVENT_LEFT).returning);
	fake_wait(&b.fake, 1);
	assert_int_equal(b.fake.conns, 3);
	assert_int_equal(session_rule(b.fake.session, sent), RULE_HOLD);
	lead = newest(&b);
	b.fake.exp_cmd_sn = 1001;
	b.fake.max_cmd_sn = 1040;
	log_in(&b, lead, 78);
	ev = fake_event(&b.fake, SESSION_EVENT_UP);
	assert_true(ev.epoch > sent->epoch);
	assert_int_equal(session_rule(b.fake.session, sent), RULE_DEAD);
	assert_int_equal(sent->outcome, TASK_LOST);
	assert_int_equal(sent->fault.kind, FAULT_CLOSED);
	DUTY("REC-1 REC-2 TRAP-2");
	assert_int_equal(b.fake.conns, 4);
	other = newest(&b);
	assert_int_equal(conn_id(lead->conn), 1);
	assert_int_equal(conn_id(other->conn), 2);
	log_in(&b, other, 78);
	assert_int_not_equal(lead->cid, other->cid);
	assert_int_not_equal(lead->cid, b.a->cid); /* ID-9 */
	/* the numbers go on */
	fake_submit(other, sent);
	fake_take(other, PDU_SCSI_COMMAND, bhs, NULL, 0);
	assert_int_equal(bytes_get32(bhs + 24), 1001);
	fake_closed(other, FAULT_CLOSED);
	assert_true(sent->epoch >= ev.epoch);
	assert_int_equal(session_rule(b.fake.session, sent), RULE_HOLD);
	fake_task_free(sent);
	fake_task_free(waiting);
	fake_end(&b.fake);
	DUTY("RV-1.1");
}

/* With no login succeeding commands fail after the hold time, but attempts go on. */
static void test_hold_time(void **state)
{
	struct bench b;
	struct task *sent = fake_write(100);
	uint8_t bhs[PDU_BHS_LEN];
	unsigned attempts = 0;

	(void)state;
	begin(&b, 1);
	fake_event(&b.fake, SESSION_EVENT_UP);
	fake_submit(b.a, sent);
	fake_take(b.a, PDU_SCSI_COMMAND, bhs, NULL, 0);
	fake_closed(b.a, FAULT_CLOSED);
	while (b.fake.now < 1000000000 + 100ull * 1000000000 && attempts < 2) {
		struct fake_conn *c = newest(&b);

		if (c->conn && c->opening && b.fake.conns < FAKE_CONNS) {
			fake_closed(c, FAULT_CONNECT);
			attempts++;
		}
		fake_wait(&b.fake, 500);
	}
	assert_int_equal(attempts, 2);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_FAILED));
	assert_int_equal(session_rule(b.fake.session, sent), RULE_HOLD);
	fake_wait(&b.fake, 60000);
	fake_event(&b.fake, SESSION_EVENT_FAILED);
	assert_int_equal(session_rule(b.fake.session, sent), RULE_DEAD);
	assert_int_equal(sent->outcome, TASK_LOST);
	assert_int_equal(sent->fault.kind, FAULT_GONE);
	assert_non_null(strstr(sent->fault.text, "60 s"));
	fake_task_free(sent);
	fake_end(&b.fake);
	DUTY("IN-7 RV-1.4");
}

/* Calls while it is away. */
static void test_busy(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 2);
	fake_closed(b.a, FAULT_CLOSED);
	b.setup.options.id = 3;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_BUSY);
	session_remove_conn(b.fake.session, 2, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_BUSY);
	session_logout(b.fake.session, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_NONE);
	fake_event(&b.fake, SESSION_EVENT_END);
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	session_logout(b.fake.session, b.a, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_GONE);
	assert_int_equal(answer(&b, b.a).kind, FAULT_GONE);
	for (unsigned i = 0; i < b.fake.conns; i++)
		free(b.fake.conn[i].sent);
	session_free(b.fake.session);
}

/* A join that fails leaves the session alone. */
static void test_join_fails(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 1);
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_closed(newest(&b), FAULT_CONNECT);
	assert_int_equal(answer(&b, &b).kind, FAULT_CONNECT);
	assert_false(b.a->ended);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	fake_end(&b.fake);
}

/* A lost connection that finds the target full comes before any that is to be added. */
static void test_full_for_returning(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 1 };
	struct pdu_login_request request;
	uint8_t bhs[PDU_BHS_LEN];
	struct fake_conn *other;
	struct bench b;

	(void)state;
	begin(&b, 2);
	fake_event(&b.fake, SESSION_EVENT_UP);
	fake_closed(b.b, FAULT_CLOSED);
	fake_wait(&b.fake, 1);
	log_in(&b, newest(&b), 78);
	fake_event(&b.fake, SESSION_EVENT_UP);
	other = newest(&b);
	other->opening = false;
	conn_opened(other->conn, entropy, b.fake.now);
	fake_pump(&b.fake);
	fake_take(other, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	pdu_get_login_request(bhs, &request);
	pdu_put_login_response(bhs, &(struct pdu_login_response){ .status_class = 2, .status_detail = 8,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .initiator_task_tag = request.initiator_task_tag });
	fake_give_pdu(other, bhs, NULL, 0);
	b.setup.options.id = 3;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(answer(&b, &b).kind, FAULT_TOO_MANY);
	fake_wait(&b.fake, 5001);
	assert_int_equal(conn_id(newest(&b)->conn), 2);
	log_in(&b, newest(&b), 78);
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	fake_pump(&b.fake);
	log_in(&b, newest(&b), 78);
	assert_int_equal(answer(&b, &b).kind, FAULT_NONE);
	fake_end(&b.fake);
}

/* The session is lost while a connection joins and another is removed: both calls are answered. */
static void test_lost_between(void **state)
{
	struct bench b;
	struct session_event one, two;

	(void)state;
	begin(&b, 2);
	b.setup.options.id = 3;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	session_remove_conn(b.fake.session, 2, b.a, b.fake.now);
	fake_pump(&b.fake);
	fake_closed(b.a, FAULT_CLOSED);
	one = fake_event(&b.fake, SESSION_EVENT_ANSWER);
	two = fake_event(&b.fake, SESSION_EVENT_ANSWER);
	assert_ptr_not_equal(one.token, two.token);
	assert_int_not_equal(one.token == &b ? one.fault.kind : two.fault.kind, FAULT_NONE);
	assert_int_equal(one.token == &b ? two.fault.kind : one.fault.kind, FAULT_NONE);
	/* Only the leading one is left to come back. */
	fake_wait(&b.fake, 2001);
	log_in(&b, newest(&b), 90);
	assert_int_equal(b.fake.conns, 4);
	fake_end(&b.fake);
}

/* ---------------------------------------------------------------- the target's wishes */

static void give_async(struct fake_conn *c, uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG, .async_event = event,
		.parameter1 = p1, .parameter2 = p2, .parameter3 = p3 });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
}

/* AS-2: it is logged out, the session stays, and it comes back. */
static void test_logout_wished(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b, 2);
	give_async(b.b, PDU_ASYNC_LOGOUT_REQUESTED, 0, 0, 3);
	fake_take(b.b, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	assert_int_equal(bhs[1] & 0x7f, PDU_LOGOUT_CONNECTION);
	give_logout_response(b.b, bhs, 0);
	assert_true(b.b->ended);
	assert_true(fake_event(&b.fake, SESSION_EVENT_LEFT).returning);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	fake_wait(&b.fake, 2001);
	assert_int_equal(b.fake.conns, 3);
	log_in(&b, newest(&b), 77);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_JOINED).id, 1);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_JOINED).id, 2);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_JOINED).id, 2);
	fake_end(&b.fake);
	DUTY("AS-2 UNH-FFP-14.2");
}

/* AS-3 with a CID that does not exist: nothing happens. With one that does: the session comes back. */
static void test_drop_announced(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 2);
	give_async(b.a, PDU_ASYNC_CONNECTION_DROP, 999, 1, 20);
	assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
	assert_false(b.a->ended || b.b->ended);
	give_async(b.a, PDU_ASYNC_CONNECTION_DROP, b.b->cid, 1, 20);
	fake_event(&b.fake, SESSION_EVENT_DOWN);
	assert_true(b.a->ended && b.b->ended);
	fake_wait(&b.fake, 900);
	assert_int_equal(b.fake.conns, 2); /* Time2Wait */
	fake_wait(&b.fake, 200);
	assert_int_equal(b.fake.conns, 3);
	log_in(&b, newest(&b), 80);
	fake_end(&b.fake);
	DUTY("AS-3 REC-13 TIM-1 TIM-2 UNH-FFP-20.2 RV-4.1");
}

/* ---------------------------------------------------------------- the end */

static void test_logout(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b, 2);
	session_logout(b.fake.session, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_take(b.a, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	assert_int_equal(bhs[1] & 0x7f, PDU_LOGOUT_SESSION);
	assert_false(fake_has_sent(b.b));
	give_logout_response(b.a, bhs, 0);
	assert_true(b.a->ended && b.b->ended);
	assert_int_equal(answer(&b, &b).kind, FAULT_NONE);
	fake_event(&b.fake, SESSION_EVENT_END);
	for (unsigned i = 0; i < b.fake.conns; i++)
		free(b.fake.conn[i].sent);
	session_free(b.fake.session);
	DUTY("LO-6 LO-10 LO-11 UNH-FFP-17.1");
}

/* No answer: it ends nevertheless. */
static void test_logout_unanswered(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b, 2);
	session_logout(b.fake.session, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_take(b.a, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	fake_wait(&b.fake, 3001);
	assert_true(b.a->ended && b.b->ended);
	answer(&b, &b);
	fake_event(&b.fake, SESSION_EVENT_END);
	for (unsigned i = 0; i < b.fake.conns; i++)
		free(b.fake.conn[i].sent);
	session_free(b.fake.session);
	DUTY("TIM-6");
}

/* LO-2: after the Logout left nothing follows it, whatever the target says. */
static void test_nothing_after_logout(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], ping[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	for (unsigned ordering = 0; ordering < 2; ordering++) {
		begin(&b, 1);
		session_set_habits(b.fake.session,
				   &(struct session_habits){ .ordering = ordering });
		session_logout(b.fake.session, &b, b.fake.now);
		fake_pump(&b.fake);
		fake_take(b.a, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
		pdu_put_nop_in(ping, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = 5 });
		fake_numbers(b.a, ping, false);
		fake_give_pdu(b.a, ping, NULL, 0);
		assert_false(fake_has_sent(b.a));
		give_logout_response(b.a, bhs, 0);
		assert_true(b.a->ended);
		answer(&b, &b);
		fake_event(&b.fake, SESSION_EVENT_END);
		free(b.a->sent);
		session_free(b.fake.session);
	}
	DUTY("LO-2");
}

/* The window is full: commands wait, and a response on another connection lets them go. */
static void test_window_shared(void **state)
{
	struct task *t[40];
	uint8_t bhs[PDU_BHS_LEN], first[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b, 2);
	for (unsigned i = 0; i < 33; i++) {
		t[i] = fake_write(0);
		fake_submit(i ? b.a : b.b, t[i]);
		if (i == 0)
			fake_take(b.b, PDU_SCSI_COMMAND, first, NULL, 0);
	}
	for (unsigned i = 0; i < 31; i++) {
		fake_take(b.a, PDU_SCSI_COMMAND, bhs, NULL, 0);
		assert_int_equal(bytes_get32(bhs + 24), 1001 + i);
	}
	assert_false(fake_has_sent(b.a));
	give_status(&b, b.b, first);
	assert_true(b.b->wakes > 0);
	conn_wake(b.a->conn);
	fake_take(b.a, PDU_SCSI_COMMAND, bhs, NULL, 0);
	assert_int_equal(bytes_get32(bhs + 24), 1032);
	fake_end(&b.fake);
	for (unsigned i = 0; i < 33; i++)
		fake_task_free(t[i]);
	DUTY("WIN-6 MCS-1 MC-2.2");
}

/* More commands than there are tags: the rest waits for one to be free. */
static void test_tags_run_out(void **state)
{
	enum { MANY = ENGINE_MAX_TASKS + 6 };
	static struct task task[MANY];
	uint8_t bhs[PDU_BHS_LEN], first[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b, 1);
	b.fake.max_cmd_sn = 1000 + 2000;
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b.a, bhs, false);
	fake_give_pdu(b.a, bhs, NULL, 0);
	for (unsigned i = 0; i < MANY; i++)
		fake_submit(b.a, &task[i]);
	fake_take(b.a, PDU_SCSI_COMMAND, first, NULL, 0);
	for (unsigned i = 1; i < ENGINE_MAX_TASKS; i++)
		fake_take(b.a, PDU_SCSI_COMMAND, bhs, NULL, 0);
	assert_false(fake_has_sent(b.a));
	b.a->wakes = 0;
	give_status(&b, b.a, first);
	assert_true(b.a->wakes > 0);
	fake_take(b.a, PDU_SCSI_COMMAND, bhs, NULL, 0);
	assert_false(fake_has_sent(b.a));
	fake_end(&b.fake);
	assert_int_equal(b.a->done_count, MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_first_login),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_remove_refused),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_hold_time),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_join_fails),
		cmocka_unit_test(test_full_for_returning),
		cmocka_unit_test(test_lost_between),
		cmocka_unit_test(test_logout_wished),
		cmocka_unit_test(test_drop_announced),
		cmocka_unit_test(test_logout),
		cmocka_unit_test(test_logout_unanswered),
		cmocka_unit_test(test_nothing_after_logout),
		cmocka_unit_test(test_window_shared),
		cmocka_unit_test(test_tags_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
