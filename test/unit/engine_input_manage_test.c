/*
 * engine_input_manage_test.c - bad inputs of the field, group 11: answers to task management and to
 * Logouts of every code, none, late ones, and ones that come twice, at each recovery level.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

enum { LEVELS = 3 };

static const struct session_times times = { .command = 30000, .manage = 5000 };
static struct pair p;
static struct management reset;

static void begin(unsigned conns, unsigned level)
{
	pair_begin(&p, &(struct pair_terms){ .conns = conns, .level = level, .times = times });
}

/* ---------------------------------------------------------------- a function of the caller */

/* A command of LUN 7 is under way on each connection, and a reset of that LUN. */
static uint32_t begin_reset(unsigned level, struct task *tasks[2])
{
	begin(2, level);
	tasks[0] = pair_send(&p, 0, 7, NULL);
	tasks[1] = pair_send(&p, 1, 7, NULL);
	reset = (struct management){ .function = PDU_LOGICAL_UNIT_RESET, .lun = 7 };
	conn_manage(p.c[0]->conn, &reset, p.fake.now);
	p.fake.exp_cmd_sn = 1002;
	return pair_take_function(&p, 0).initiator_task_tag;
}

/* "Complete", or RFC 7144's "succeeded", ends what it covers, everywhere; any other answer is told, and
 * ends nothing. */
static void test_each_answer(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * 256; i++) {
		struct task *tasks[2];
		unsigned code = i / LEVELS, ended = code == 0 || code == 7;
		uint32_t itt = begin_reset(i % LEVELS, tasks);

		pair_answer_function(&p, 0, itt, (uint8_t)code);
		assert_int_equal(p.c[0]->manageds, 1);
		assert_ptr_equal(p.c[0]->managed, &reset);
		assert_int_equal(reset.fault.kind, FAULT_NONE);
		assert_int_equal(reset.response, code);
		for (unsigned k = 0; k < 2; k++) {
			assert_false(p.c[k]->ended);
			assert_int_equal(p.c[k]->done_count, ended);
			if (ended)
				assert_int_equal(tasks[k]->outcome, TASK_ABORTED);
		}
		pair_end(&p);
	}
	DUTY("FIELD-11.1 TM-6 TM-8");
}

/* The connection is given up after the limit; the function comes back with the fault. */
static void test_no_answer(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct task *tasks[2];

		begin_reset(level, tasks);
		for (unsigned i = 0; i < 49; i++) { /* meanwhile the target is alive */
			fake_wait(&p.fake, 100);
			pair_acknowledge(&p, 0, 1002);
			pair_acknowledge(&p, 1, 1002);
		}
		assert_false(p.c[0]->ended);
		fake_wait(&p.fake, 100);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, FAULT_TIMEOUT);
		assert_int_equal(p.c[0]->manageds, 1);
		assert_int_equal(reset.fault.kind, FAULT_TIMEOUT);
		assert_int_equal(tasks[0]->outcome, TASK_SUSPENDED);
		pair_end(&p);
	}
	DUTY("FIELD-11.2 TM-13 TIM-6");
}

/* Twice, and with another code; then once more when tasks, tag and function are long gone. */
static void test_twice(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct task *tasks[2];
		uint32_t itt = begin_reset(level, tasks);

		pair_answer_function(&p, 0, itt, 5);
		pair_answer_function(&p, 0, itt, 0);
		assert_int_equal(p.c[0]->manageds, 1);
		assert_int_equal(reset.response, 5);
		assert_int_equal(p.c[0]->done_count, 0);
		pair_answer(&p, 0, tasks[0]);
		fake_wait(&p.fake, 3000);
		pair_answer_function(&p, 0, itt, 0);
		assert_int_equal(p.c[0]->manageds, 1);
		assert_int_equal(p.c[0]->done_count, 1);
		assert_false(p.c[0]->ended);
		pair_end(&p);
	}
	DUTY("FIELD-11.4");
}

/* What a covered command is answered after the response: nobody hears of it (TM-10). */
static void test_task_after_function(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct task *tasks[2];
		uint32_t itt = begin_reset(level, tasks);
		uint8_t bhs[PDU_BHS_LEN], data[512] = { 1 };

		pair_answer_function(&p, 0, itt, 0);
		for (unsigned k = 0; k < 2; k++) {
			pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true,
				.initiator_task_tag = tasks[k]->itt, .target_transfer_tag = PDU_NO_TAG });
			fake_numbers(p.c[k], bhs, false);
			fake_give_pdu(p.c[k], bhs, data, sizeof(data));
			pair_answer(&p, k, tasks[k]);
			assert_int_equal(tasks[k]->outcome, TASK_ABORTED);
			assert_int_equal(tasks[k]->in[0], 0);
			assert_int_equal(p.c[k]->done_count, 1);
			assert_false(p.c[k]->ended);
		}
		pair_end(&p);
	}
	DUTY("FIELD-11.9 TM-10 UNH-FFP-19.4.2");
}

/* ---------------------------------------------------------------- ABORT TASK */

static uint32_t begin_abort(unsigned level, struct task **ret)
{
	struct pdu_task_request pdu;

	begin(1, level);
	*ret = pair_send(&p, 0, 7, NULL);
	for (unsigned i = 0; i < 30; i++) {
		fake_wait(&p.fake, 1000);
		pair_acknowledge(&p, 0, 1001);
	}
	pdu = pair_take_function(&p, 0);
	assert_int_equal(pdu.function, PDU_ABORT_TASK);
	return pdu.initiator_task_tag;
}

/* Aborted, or its status is to come, or the connection has to go: it never waits for ever. */
static void test_abort_answers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * 256; i++) {
		struct task *task;
		unsigned code = i / LEVELS;
		uint32_t itt = begin_abort(i % LEVELS, &task);

		pair_answer_function(&p, 0, itt, (uint8_t)code);
		assert_int_equal(p.c[0]->done_count, code != 1);
		assert_int_equal(p.c[0]->ended, code > 1);
		if (code == 0)
			assert_int_equal(task->outcome, TASK_ABORTED);
		if (code == 1)
			fake_wait(&p.fake, 5000);
		if (code > 1)
			assert_int_equal(p.c[0]->fault.kind,
					 i % LEVELS == 2 ? FAULT_PROTOCOL : FAULT_TIMEOUT); /* REC-16 */
		assert_int_equal(p.c[0]->done_count, 1);
		assert_int_equal(task->outcome, code > 1 ? TASK_SUSPENDED : TASK_ABORTED);
		pair_end(&p);
	}
	DUTY("FIELD-11.1 TM-7");
}

/* The command was answered between ABORT TASK and its response, which comes late, twice, or never. */
static void test_abort_late(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * LEVELS; i++) {
		struct task *task;
		uint32_t itt = begin_abort(i % LEVELS, &task);

		pair_answer(&p, 0, task);
		assert_int_equal(task->outcome, TASK_COMPLETE);
		for (unsigned k = 0; k < i / LEVELS; k++)
			pair_answer_function(&p, 0, itt, (uint8_t)k);
		for (unsigned k = 0; k < 12; k++) {
			fake_wait(&p.fake, 1000);
			pair_acknowledge(&p, 0, 1001);
		}
		assert_int_equal(p.c[0]->done_count, 1);
		assert_false(p.c[0]->ended);
		pair_answer_function(&p, 0, itt, 0);
		assert_false(p.c[0]->ended);
		pair_end(&p);
	}
	DUTY("FIELD-11.3 FIELD-11.4");
	for (unsigned level = 0; level < LEVELS; level++) { /* neither of both */
		struct task *task;

		begin_abort(level, &task);
		for (unsigned k = 0; k < 50; k++) {
			assert_false(p.c[0]->ended);
			fake_wait(&p.fake, 100);
			if (!p.c[0]->ended)
				pair_acknowledge(&p, 0, 1001);
		}
		assert_true(p.c[0]->ended);
		assert_int_equal(task->outcome, TASK_SUSPENDED);
		pair_end(&p);
	}
	DUTY("FIELD-11.2 RV-4.4");
}

/* ---------------------------------------------------------------- TASK REASSIGN */

static void test_reassign_answers(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 256; code++) {
		struct pdu_logout_request logout;
		struct pdu_task_request pdu;
		struct task *task;

		begin(2, 2);
		task = pair_send(&p, 0, 7, NULL);
		fake_closed(p.c[0], FAULT_CLOSED);
		fake_wait(&p.fake, 0);
		logout = pair_take_logout(&p, 1);
		p.fake.exp_cmd_sn = 1001;
		pair_answer_logout(&p, 1, logout.initiator_task_tag, 0);
		assert_int_equal(session_rule(p.fake.session, task), RULE_RESUME);
		fake_submit(p.c[1], task);
		pdu = pair_take_function(&p, 1);
		assert_int_equal(pdu.function, PDU_TASK_REASSIGN);
		pair_answer_function(&p, 1, pdu.initiator_task_tag, (uint8_t)code);
		assert_int_equal(p.c[1]->done_count, code > 0);
		assert_int_equal(p.c[1]->ended, code > 1);
		if (code == 1)
			assert_int_equal(task->outcome, TASK_LOST);
		if (code > 1) {
			assert_int_equal(p.c[1]->fault.kind, FAULT_PROTOCOL);
			assert_int_equal(task->outcome, TASK_SUSPENDED);
		}
		pair_end(&p);
	}
	DUTY("FIELD-11.1 RA-12 RV-3.7");
}

/* ---------------------------------------------------------------- Logout */

static uint32_t begin_logout(unsigned level)
{
	begin(1, level);
	session_logout(p.fake.session, &p, p.fake.now);
	fake_pump(&p.fake);
	return pair_take_logout(&p, 0).initiator_task_tag;
}

/* The session is over, whatever the target says to it. */
static void expect_over(enum fault_kind kind)
{
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, kind);
	assert_true(fake_has_event(&p.fake, SESSION_EVENT_END));
	pair_end(&p);
}

static void test_logout_answers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * 256; i++) {
		uint32_t itt = begin_logout(i % LEVELS);

		pair_answer_logout(&p, 0, itt, (uint8_t)(i / LEVELS));
		if (i / LEVELS)
			assert_int_equal(p.c[0]->fault.detail, i / LEVELS);
		expect_over(i / LEVELS ? FAULT_LOGOUT : FAULT_NONE);
	}
	DUTY("FIELD-11.5 LO-6");
}

static void test_logout_unanswered(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin_logout(level);
		fake_wait(&p.fake, 2999);
		assert_false(p.c[0]->ended);
		fake_wait(&p.fake, 1);
		expect_over(FAULT_TIMEOUT);
		begin_logout(level); /* for another tag */
		pair_answer_logout(&p, 0, 0x00ab0001, 0);
		expect_over(FAULT_PROTOCOL);
		begin(1, level); /* asked for by nobody */
		pair_answer_logout(&p, 0, 0x00ab0001, 0);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, FAULT_PROTOCOL);
		pair_end(&p);
	}
	DUTY("FIELD-11.6 LO-12");
}

/* Of another connection: the answer takes as long as it likes up to the limit, and counts once. */
static uint32_t begin_cleanup(unsigned level)
{
	begin(2, level);
	fake_closed(p.c[0], FAULT_CLOSED);
	fake_wait(&p.fake, 0);
	p.fake.events = 0;
	return pair_take_logout(&p, 1).initiator_task_tag;
}

static void test_cleanup_answers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 256; i++) {
		uint32_t itt = begin_cleanup(1 + i % 2);

		pair_answer_logout(&p, 1, itt, (uint8_t)(i / 2));
		assert_int_equal(p.c[1]->cleaneds, 1);
		assert_int_equal(p.c[1]->cleaned.response, i / 2);
		if (i / 2 == 0)
			fake_event(&p.fake, SESSION_EVENT_RULED);
		else
			assert_int_equal(session_state(p.fake.session), SESSION_Q4_FAILED);
		pair_end(&p);
	}
	DUTY("FIELD-11.5 RV-3.6");
}

static void test_cleanup_late(void **state)
{
	(void)state;
	for (unsigned level = 1; level < LEVELS; level++) {
		uint32_t itt = begin_cleanup(level);

		fake_wait(&p.fake, 2999);
		pair_answer_logout(&p, 1, itt, 0);
		pair_answer_logout(&p, 1, itt, 0);
		assert_int_equal(p.c[1]->cleaneds, 1);
		assert_false(p.c[1]->ended);
		DUTY("FIELD-11.8");
		pair_end(&p);

		itt = begin_cleanup(level);
		fake_wait(&p.fake, 3000);
		assert_int_equal(p.c[1]->cleaneds, 1);
		assert_int_equal(p.c[1]->cleaned.fault.kind, FAULT_TIMEOUT);
		pair_end(&p);
	}
	DUTY("FIELD-11.6 FIELD-11.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_answer),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_task_after_function),
		cmocka_unit_test(test_abort_answers),
		cmocka_unit_test(test_abort_late),
		cmocka_unit_test(test_reassign_answers),
		cmocka_unit_test(test_logout_answers),
		cmocka_unit_test(test_logout_unanswered),
		cmocka_unit_test(test_cleanup_answers),
		cmocka_unit_test(test_cleanup_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
