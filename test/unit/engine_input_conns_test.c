/*
 * engine_input_conns_test.c - bad inputs of the field, group 12: connections of one session that die,
 * stall, hold numbers or are refused, at each recovery level. Answers on the wrong connection are in
 * engine_input_data_test.c, a hundred connections in engine_input_many_test.c.
 */
#include "engine_fake_level.h"
#include "engine_fake_pair.h"

#include "../duty.h"

enum { LEVELS = 3, CONNS = 3 };

static struct level b;

static struct fake_conn *conn(unsigned i)
{
	return &b.fake.conn[i];
}

static void begin(unsigned level)
{
	level_begin(&b, level, CONNS);
}

/* ---------------------------------------------------------------- logins refused */

static void test_refused(void **state)
{
	static const uint8_t details[] = { 0x06, 0x08, 0x0a };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(details); i++) {
		struct fake_conn *c;
		struct session_event ev;

		begin(i % LEVELS);
		b.setup.options.id = 9;
		c = fake_add(&b.fake, &b.setup.options);
		level_refuse_login(c, 2, details[i / LEVELS]);
		ev = fake_event(&b.fake, SESSION_EVENT_ANSWER);
		assert_int_equal(ev.fault.kind, FAULT_LOGIN_STATUS);
		assert_int_equal(ev.fault.status_class, 2);
		assert_int_equal(ev.fault.status_detail, details[i / LEVELS]);
		assert_int_equal(session_state(b.fake.session), SESSION_Q3_LOGGED_IN);
		for (unsigned k = 0; k < CONNS; k++)
			assert_false(conn(k)->ended);
		fake_wait(&b.fake, 10000); /* and it is not tried again by itself */
		assert_int_equal(b.fake.conns, CONNS + 1);
		level_end(&b, NULL, NULL);
	}
	DUTY("FIELD-12.2 FIELD-12.3 FIELD-12.4 TOL-5 MC-1.5 MC-1.6");
}

/* ---------------------------------------------------------------- deaths in a write */

enum step {
	UNSENT, PART_OF_COMMAND, SENT, PART_OF_R2T, ASKED, PART_OF_DATA, DATA_SENT, PART_OF_STATUS, STATUS,
	STEPS
};

/* So many bytes leave, and no more. */
static void send_part(struct fake_conn *c, size_t len)
{
	struct iovec iov[ENGINE_PENDING_IOV];

	assert_true(conn_pending(c->conn, iov, ENGINE_PENDING_IOV, b.fake.now) > 0);
	conn_sent(c->conn, len, b.fake.now);
	fake_pump(&b.fake);
}

static void take_all(struct fake_conn *c)
{
	uint8_t bhs[PDU_BHS_LEN];

	while (fake_has_sent(c))
		fake_take(c, pdu_opcode(c->sent), bhs, NULL, 0);
}

static void give_r2t(struct fake_conn *c, const struct task *task, size_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_r2t(bhs, &(struct pdu_r2t){ .initiator_task_tag = task->itt, .target_transfer_tag = 5,
		.buffer_offset = 16384, .desired_data_transfer_length = 3616 });
	b.fake.exp_cmd_sn++;
	fake_numbers(c, bhs, false);
	fake_give(c, bhs, len);
	b.fake.exp_cmd_sn -= len < PDU_BHS_LEN;
}

static void give_status(struct fake_conn *c, const struct task *task, size_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .initiator_task_tag = task->itt });
	fake_numbers(c, bhs, true);
	fake_give(c, bhs, len);
}

/* What a write goes through, as far as the step `last` inclusive, from the one behind `from`. */
static void walk(struct fake_conn *c, struct task *task, enum step from, enum step last)
{
	for (enum step step = from; step <= last; step++) {
		if (step == UNSENT)
			fake_submit(c, task);
		else if (step == PART_OF_COMMAND && last == step)
			send_part(c, 20);
		else if (step == SENT)
			take_all(c);
		else if (step == PART_OF_R2T && last == step)
			give_r2t(c, task, 33);
		else if (step == ASKED)
			give_r2t(c, task, PDU_BHS_LEN);
		else if (step == PART_OF_DATA && last == step)
			send_part(c, 100);
		else if (step == DATA_SENT)
			take_all(c);
		else if (step == PART_OF_STATUS && last == step)
			give_status(c, task, 47);
		else if (step == STATUS)
			give_status(c, task, PDU_BHS_LEN);
	}
}

/* The connection that logs the lost one out. */
static struct fake_conn *take_cleanup(unsigned level, const struct fake_conn *lost,
				      uint8_t bhs[PDU_BHS_LEN])
{
	fake_wait(&b.fake, 1);
	for (unsigned i = 0; i < b.fake.conns; i++) {
		struct fake_conn *c = conn(i);

		if (!c->conn || !c->up || !fake_has_sent(c))
			continue;
		fake_take(c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
		assert_int_equal(bhs[1] & 0x7f, level);
		assert_int_equal(bytes_get16(bhs + 20), lost->cid);
		return c;
	}
	fail();
	return NULL;
}

/* It goes on over this connection, as the target's knowledge of it asks for. */
static void expect_resumed(struct fake_conn *c, struct task *task, bool known)
{
	uint8_t bhs[PDU_BHS_LEN];

	assert_int_equal(level_rule(&b, task), RULE_RESUME);
	fake_submit(c, task);
	if (known) {
		fake_take(c, PDU_TASK_REQUEST, bhs, NULL, 0);
		assert_int_equal(bhs[1] & 0x7f, PDU_TASK_REASSIGN);
		assert_int_equal(bytes_get32(bhs + 20), task->itt);
	} else {
		fake_take(c, PDU_SCSI_COMMAND, bhs, NULL, 0);
		assert_int_equal(bytes_get32(bhs + 16), task->itt);
		assert_int_equal(bytes_get32(bhs + 24), 1000);
	}
}

/* The command's own connection died behind that step. */
static void check_its_own(unsigned level, struct fake_conn *c, struct task *task, enum step step)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct fake_conn *carrier;

	assert_int_equal(c->done_count, 1);
	if (step == UNSENT || step == STATUS) {
		assert_int_equal(task->outcome, step == STATUS ? TASK_COMPLETE : TASK_UNSENT);
		return;
	}
	assert_int_equal(task->outcome, TASK_SUSPENDED);
	assert_int_equal(level_rule(&b, task), RULE_HOLD);
	if (!level) {
		fake_wait(&b.fake, 1);
		level_expect_reinstatement(&b, task);
		return;
	}
	carrier = take_cleanup(level, c, bhs);
	assert_int_equal(level_rule(&b, task), RULE_HOLD);
	level_answer_logout(carrier, bhs, 0, 0);
	if (level == 1 && step >= ASKED) {
		assert_int_equal(level_rule(&b, task), RULE_DEAD);
		assert_int_equal(task->outcome, TASK_LOST);
	} else {
		expect_resumed(conn(0), task, step >= ASKED);
	}
}

/* Another connection died: the write ends well where it is, but at level 0, where the session does. */
static void check_another(unsigned level, struct fake_conn *c, struct task *task, enum step step)
{
	if (level) {
		if (step == PART_OF_COMMAND || step == PART_OF_R2T || step == PART_OF_DATA ||
		    step == PART_OF_STATUS)
			return; /* the fake target can't read on from there */
		walk(c, task, step + 1, STATUS);
		assert_false(c->ended);
	}
	assert_int_equal(c->done_count, 1);
	if (step == STATUS || level)
		assert_int_equal(task->outcome, TASK_COMPLETE);
	else
		assert_int_equal(task->outcome, step == UNSENT ? TASK_UNSENT : TASK_SUSPENDED);
	assert_int_equal(session_state(b.fake.session), level ? SESSION_Q3_LOGGED_IN
							      : SESSION_Q4_FAILED);
}

static void test_death_in_a_write(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * CONNS * STEPS; i++) {
		unsigned level = i % LEVELS, victim = i / LEVELS % CONNS;
		enum step step = i / LEVELS / CONNS;
		struct task *task = fake_write(20000);

		begin(level);
		walk(conn(1), task, UNSENT, step);
		fake_closed(conn(victim), FAULT_CLOSED);
		if (victim == 1)
			check_its_own(level, conn(1), task, step);
		else
			check_another(level, conn(1), task, step);
		level_end(&b, task, NULL);
	}
	DUTY("FIELD-12.5 RV-3.3 RV-1.3 MCS-14 REC-5");
}

/* ---------------------------------------------------------------- more deaths */

static void close_all(void)
{
	struct fault why;

	fault_set(&why, FAULT_CLOSED, 104, "the test");
	for (unsigned i = 0; i < CONNS; i++)
		conn_closed(conn(i)->conn, &why, b.fake.now);
	fake_pump(&b.fake);
}

/* In one moment. Each command comes back once, one login follows, and none of the others. */
static void test_all_at_once(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct pdu_login_request login;
		uint8_t bhs[PDU_BHS_LEN];
		struct task *tasks[CONNS];

		begin(level);
		for (unsigned i = 0; i < CONNS; i++)
			tasks[i] = level_write(conn(i), bhs);
		close_all();
		fake_event(&b.fake, SESSION_EVENT_DOWN);
		assert_false(fake_has_event(&b.fake, SESSION_EVENT_DOWN));
		fake_wait(&b.fake, 1);
		assert_int_equal(b.fake.conns, CONNS + 1);
		login = level_open_login(&b, level_newest(&b));
		assert_int_equal(login.tsih, level ? 77 : 0);
		level_finish_login(level_newest(&b), level ? 77 : 90);
		for (unsigned i = 0; i < CONNS; i++) {
			assert_int_equal(conn(i)->done_count, 1);
			assert_int_equal(level_rule(&b, tasks[i]), !level ? RULE_DEAD :
					 conn(i)->cid == login.cid ? RULE_RESUME : RULE_HOLD);
		}
		fake_end(&b.fake);
		for (unsigned i = 0; i < CONNS; i++)
			fake_task_free(tasks[i]);
	}
	DUTY("FIELD-12.6 RV-1.2 RV-3.4");
}

/* The connection that cleans up dies: before its Logout, behind it, or within the answer. Then the last
 * one cleans up both. */
static void test_death_in_cleanup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 3; i++) {
		unsigned level = 1 + i % 2, point = i / 2;
		uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
		struct fake_conn *carrier = conn(0);
		struct task *task;

		begin(level);
		task = level_write(conn(1), bhs);
		fake_closed(conn(1), FAULT_CLOSED);
		if (point)
			carrier = take_cleanup(level, conn(1), logout);
		if (point == 2) {
			pdu_put_logout_response(bhs, &(struct pdu_logout_response){
				.initiator_task_tag = bytes_get32(logout + 16) });
			fake_numbers(carrier, bhs, true);
			fake_give(carrier, bhs, 47);
		}
		fake_closed(carrier, FAULT_CLOSED);
		assert_int_equal(level_rule(&b, task), RULE_HOLD);
		for (unsigned k = 0; k < 2; k++) {
			struct fake_conn *last = carrier == conn(0) ? conn(2) : conn(0);

			fake_wait(&b.fake, 100);
			fake_take(last, PDU_LOGOUT_REQUEST, logout, NULL, 0);
			assert_true(bytes_get16(logout + 20) == conn(1)->cid ||
				    bytes_get16(logout + 20) == carrier->cid);
			level_answer_logout(last, logout, 0, 0);
		}
		assert_int_equal(level_rule(&b, task), RULE_RESUME);
		assert_int_equal(session_state(b.fake.session), SESSION_Q3_LOGGED_IN);
		level_end(&b, task, NULL);
	}
	DUTY("FIELD-12.7 RV-3.5");
}

/* The lowest number is on a connection that dies, and all others of the window wait for it. */
static void test_held_numbers(void **state)
{
	enum { WINDOW = 32 };

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		uint8_t bhs[PDU_BHS_LEN];
		struct task *task, *others[WINDOW];
		struct fake_conn *carrier, *c = conn(0);

		begin(level);
		task = level_write(conn(1), bhs);
		for (unsigned i = 0; i < WINDOW; i++) {
			others[i] = fake_read(512);
			fake_submit(c, others[i]);
		}
		for (unsigned i = 1; i < WINDOW; i++)
			fake_take(c, PDU_SCSI_COMMAND, bhs, NULL, 0);
		assert_int_equal(bytes_get32(bhs + 24), 1031);
		assert_false(fake_has_sent(c)); /* shut */
		fake_closed(conn(1), FAULT_CLOSED);
		if (level) {
			carrier = take_cleanup(level, conn(1), bhs);
			level_answer_logout(carrier, bhs, 0, 0);
			assert_int_equal(level_rule(&b, task), RULE_RESUME);
			fake_submit(conn(2), task);
			fake_take(conn(2), PDU_SCSI_COMMAND, bhs, NULL, 0);
			assert_int_equal(bytes_get32(bhs + 24), 1000);
			level_acknowledge(&b, conn(2), WINDOW);
			fake_take(c, PDU_SCSI_COMMAND, bhs, NULL, 0);
			assert_true(bytes_get32(bhs + 24) >= 1032);
		} else {
			fake_wait(&b.fake, 1);
			level_expect_reinstatement(&b, task);
			for (unsigned i = 0; i < WINDOW - 1; i++)
				assert_int_equal(level_rule(&b, others[i]), RULE_DEAD);
			assert_int_equal(others[WINDOW - 1]->outcome, TASK_UNSENT);
		}
		fake_end(&b.fake);
		for (unsigned i = 0; i < WINDOW; i++)
			fake_task_free(others[i]);
		fake_task_free(task);
	}
	DUTY("FIELD-12.8 MCS-14 MCS-15 WIN-3");
}

/* ---------------------------------------------------------------- one connection is delayed */

static const struct session_times times = { .ping_idle = 5000, .ping_wait = 120000, .doubt = 200 };

/* For a minute nothing comes on one connection, though its target lives: it is doubted, and not given
 * up; the other one goes on all the time. Then everything comes at once. */
static void test_delayed(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct pair p;
		struct task *late;

		pair_begin(&p, &(struct pair_terms){ .conns = 2, .level = level, .times = times });
		late = pair_send(&p, 0, 0, NULL);
		for (unsigned i = 0; i < 60; i++) {
			struct task *task = pair_send(&p, 1, 0, NULL);

			fake_wait(&p.fake, 1000);
			while (fake_has_sent(p.c[1])) { /* pings */
				struct pdu_nop_out nop = pair_take_nop(&p, 1);

				pair_echo(&p, 1, nop.initiator_task_tag);
			}
			p.fake.max_cmd_sn++;
			pair_answer(&p, 1, task);
			assert_int_equal(task->outcome, TASK_COMPLETE);
		}
		assert_true(p.c[0]->doubts > 0);
		assert_false(p.c[0]->ended || p.c[1]->ended);
		assert_int_equal(p.c[1]->done_count, 60);
		p.fake.exp_cmd_sn += 61;
		pair_echo(&p, 0, pair_take_nop(&p, 0).initiator_task_tag);
		pair_answer(&p, 0, late);
		assert_int_equal(late->outcome, TASK_COMPLETE);
		assert_int_equal(p.c[0]->trusts, 1);
		assert_false(p.c[0]->ended);
		pair_end(&p);
	}
	DUTY("FIELD-12.10 MC-2.7 RV-1.6");
}

/* It is away for longer than we wait: it is given up, and what it has goes on elsewhere. */
static void test_delayed_too_long(void **state)
{
	static const struct session_times short_times = { .ping_idle = 5000, .ping_wait = 4000,
		.doubt = 200 };

	(void)state;
	for (unsigned level = 1; level < LEVELS; level++) {
		struct pdu_logout_request logout;
		uint8_t bhs[PDU_BHS_LEN];
		struct task *task;
		struct pair p;

		pair_begin(&p, &(struct pair_terms){ .conns = 2, .level = level, .times = short_times });
		task = pair_send(&p, 0, 0, NULL);
		for (unsigned ms = 0; ms < 60000 && !p.c[0]->ended; ms += 100) {
			fake_wait(&p.fake, 100);
			pair_acknowledge(&p, 1, 1000);
		}
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, FAULT_TIMEOUT);
		assert_int_equal(task->outcome, TASK_SUSPENDED);
		assert_false(p.c[1]->ended);
		fake_wait(&p.fake, 1);
		logout = pair_take_logout(&p, 1);
		assert_int_equal(logout.cid, p.c[0]->cid);
		pair_answer_logout(&p, 1, logout.initiator_task_tag, 0);
		assert_int_equal(session_rule(p.fake.session, task), RULE_RESUME);
		fake_submit(p.c[1], task);
		fake_take(p.c[1], PDU_SCSI_COMMAND, bhs, NULL, 0);
		assert_int_equal(bytes_get32(bhs + 24), 1000);
		pair_end(&p);
	}
	DUTY("FIELD-12.10 MC-2.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_death_in_a_write),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_death_in_cleanup),
		cmocka_unit_test(test_held_numbers),
		cmocka_unit_test(test_delayed),
		cmocka_unit_test(test_delayed_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
