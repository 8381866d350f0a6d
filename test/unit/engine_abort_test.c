/*
 * engine_abort_test.c - a command that is over its time is aborted (RFC 7143 sections 7.11, 11.5, 11.6):
 * each answer to ABORT TASK, none, late ones, what the target says of the command meanwhile.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

#define LUN(n) ((uint64_t)(n) << 48)

static const struct session_times times = { .command = 10000, .manage = 5000 };

static void begin(struct pair *p, unsigned conns)
{
	pair_begin(p, &(struct pair_terms){ .conns = conns, .times = times });
}

/* TMO-1, TM-3, TM-4 */
static struct pdu_task_request expect_abort(struct pair *p, unsigned at, const struct task *task)
{
	struct pdu_task_request pdu = pair_take_function(p, at);

	assert_int_equal(pdu.function, PDU_ABORT_TASK);
	assert_int_equal(pdu.referenced_task_tag, task->itt);
	assert_int_equal(pdu.ref_cmd_sn, task->cmd_sn);
	assert_true(pdu.lun == task->lun);
	return pdu;
}

static void expect_aborted(struct pair *p, const struct task *task)
{
	assert_ptr_equal(pair_last(p, 0), task);
	assert_int_equal(task->outcome, TASK_ABORTED);
	assert_int_equal(task->fault.kind, FAULT_TIMEOUT);
	assert_true(task->fault.text[0]);
}

static void test_command_time(void **state)
{
	struct pdu_task_request pdu;
	struct task *first, *second;
	struct pair p;

	(void)state;
	begin(&p, 1);
	first = pair_send(&p, 0, LUN(4), NULL);
	fake_wait(&p.fake, 1000);
	second = pair_send(&p, 0, LUN(5), NULL);
	fake_wait(&p.fake, 8999);
	assert_false(fake_has_sent(p.c[0]));
	fake_wait(&p.fake, 1);
	pdu = expect_abort(&p, 0, first);
	assert_false(fake_has_sent(p.c[0]));
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	expect_aborted(&p, first);
	pair_answer(&p, 0, first); /* TM-7, TOL-10: swallowed */
	assert_int_equal(p.c[0]->done_count, 1);
	fake_wait(&p.fake, 999);
	assert_false(fake_has_sent(p.c[0]));
	fake_wait(&p.fake, 1);
	pdu = expect_abort(&p, 0, second);
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	expect_aborted(&p, second);
	assert_false(p.c[0]->ended);
	pair_end(&p);
	DUTY("TMO-1 TM-3 TM-4 TM-7 TOL-10 RV-4.3 UNH-FFP-19.3");
}

/* TM-7: the status was sent before; it comes, or it does not. */
static void test_came_too_late(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned comes = 0; comes < 2; comes++) {
		begin(&p, 1);
		task = pair_send(&p, 0, 0, NULL);
		fake_wait(&p.fake, 10000);
		pdu = expect_abort(&p, 0, task);
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 1);
		fake_wait(&p.fake, 4999);
		assert_int_equal(p.c[0]->done_count, 0);
		if (comes) {
			pair_answer(&p, 0, task);
			assert_int_equal(task->outcome, TASK_COMPLETE);
		} else {
			fake_wait(&p.fake, 1);
			expect_aborted(&p, task);
		}
		assert_int_equal(p.c[0]->done_count, 1);
		fake_wait(&p.fake, 20000);
		assert_false(p.c[0]->ended);
		assert_false(fake_has_sent(p.c[0]));
		pair_end(&p);
	}
	DUTY("TM-7");
}

/* The answer of the command overtakes the ABORT TASK; that one's answer changes nothing any more,
 * and is not missed if it does not come. */
static void test_answer_overtakes(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned response = 0; response < 3; response++) {
		begin(&p, 1);
		task = pair_send(&p, 0, 0, NULL);
		fake_wait(&p.fake, 10000);
		pdu = expect_abort(&p, 0, task);
		pair_answer(&p, 0, task);
		assert_int_equal(task->outcome, TASK_COMPLETE);
		if (response < 2)
			pair_answer_function(&p, 0, pdu.initiator_task_tag, (uint8_t)response);
		fake_wait(&p.fake, 6000);
		assert_false(p.c[0]->ended);
		assert_int_equal(p.c[0]->done_count, 1);
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 0); /* very late */
		assert_false(p.c[0]->ended);
		pair_end(&p);
	}
	DUTY("TM-7");
}

/* The command is over before its ABORT TASK could leave. */
static void test_abort_not_needed(void **state)
{
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1);
	task = pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 10000);
	pair_answer(&p, 0, task);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	assert_false(fake_has_sent(p.c[0]));
	pair_end(&p);
}

/* Every other answer, a Reject, or none: the connection is given up, and recovery decides. */
static void test_abort_fails(void **state)
{
	static const uint8_t responses[] = { 2, 3, 4, 5, 6, 7, 200, 255 };
	uint8_t bhs[PDU_BHS_LEN];
	struct task *task;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(responses) + 2; i++) {
		begin(&p, 1);
		task = pair_send(&p, 0, 0, NULL);
		fake_wait(&p.fake, 10000);
		fake_take(p.c[0], PDU_TASK_REQUEST, bhs, NULL, 0);
		if (i < sizeof(responses))
			pair_answer_function(&p, 0, bytes_get32(bhs + 16), responses[i]);
		else if (i == sizeof(responses))
			pair_reject(&p, 0, bhs, PDU_REJECT_NOT_SUPPORTED);
		else
			fake_wait(&p.fake, 5000);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, FAULT_TIMEOUT);
		assert_ptr_equal(pair_last(&p, 0), task);
		assert_int_equal(p.c[0]->done_count, 1);
		assert_int_equal(task->outcome, TASK_SUSPENDED);
		pair_end(&p);
	}
	DUTY("TM-6 TMO-1 LO-8 RV-4.4");
}

/* REC-16: at level 2 such a command would be taken over by one connection after the other, for ever. So
 * it costs the session; but one whose path is silent may still be ended over another one. */
static void test_abort_fails_at_level_2(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_PROTOCOL, FAULT_PROTOCOL, FAULT_PROTOCOL,
		FAULT_TIMEOUT };
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .level = 2, .times = times });
		pair_send(&p, 0, 0, NULL);
		fake_wait(&p.fake, 10000);
		fake_take(p.c[0], PDU_TASK_REQUEST, bhs, NULL, 0);
		fake_wait(&p.fake, 100);
		if (i == 0)
			pair_answer_function(&p, 0, bytes_get32(bhs + 16), 5);
		else if (i == 1)
			pair_reject(&p, 0, bhs, PDU_REJECT_NOT_SUPPORTED);
		else if (i == 2)
			pair_acknowledge(&p, 0, 1001); /* it lives, and says nothing of it */
		fake_wait(&p.fake, 5000);
		assert_true(p.c[0]->ended);
		assert_int_equal(p.c[0]->fault.kind, kinds[i]);
		assert_int_equal(pair_last(&p, 0)->outcome, TASK_SUSPENDED);
		pair_end(&p);
	}
	DUTY("REC-16 TMO-1");
}

/* A Reject of the command while its abort is under way: the abort's answer decides, and plugs the hole
 * if there is one. Before it left the Reject counts as ever. */
static void test_rejected_while_aborted(void **state)
{
	static const uint8_t reasons[] = { PDU_REJECT_DATA_DIGEST, PDU_REJECT_PROTOCOL,
		PDU_REJECT_IMMEDIATE, PDU_REJECT_WAITING_LOGOUT, PDU_REJECT_INVALID_FIELD };
	uint8_t command[PDU_BHS_LEN];
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(reasons); i++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .level = i % 2, .times = times });
		task = pair_send(&p, 0, 0, command);
		fake_wait(&p.fake, 10000);
		pdu = pair_take_function(&p, 0);
		assert_int_equal(pdu.referenced_task_tag, task->itt);
		pair_reject(&p, 0, command, reasons[i / 2]);
		assert_false(p.c[0]->ended);
		assert_int_equal(p.c[0]->done_count, 0);
		assert_false(fake_has_sent(p.c[0]));
		p.fake.exp_cmd_sn = 1001;
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
		assert_ptr_equal(pair_last(&p, 0), task);
		assert_int_equal(task->outcome, TASK_ABORTED);
		assert_int_equal(p.c[0]->done_count, 1);
		assert_int_equal(pair_last(&p, 0)->cmd_sn, 1000);
		pair_send(&p, 0, 0, NULL);
		pair_end(&p);
	}
	DUTY("TM-15 RJ-1 RJ-3");
}

/* TM-15: the target never got the command. Its abort plugs the hole, and the window goes on. */
static void test_abort_plugs_a_hole(void **state)
{
	struct pdu_task_request pdu;
	struct task *lost, *next;
	struct pair p;

	(void)state;
	begin(&p, 1);
	lost = pair_send(&p, 0, 0, NULL);
	next = pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 10000);
	pdu = expect_abort(&p, 0, lost);
	pair_take_function(&p, 0); /* that for the next one */
	p.fake.exp_cmd_sn = 1002;
	p.fake.max_cmd_sn = 1040;
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	expect_aborted(&p, lost);
	pair_answer(&p, 0, next);
	assert_int_equal(next->outcome, TASK_COMPLETE);
	assert_int_equal(pair_send(&p, 0, 0, NULL)->cmd_sn, 1002);
	pair_end(&p);
	DUTY("TM-15");
}

/* Many at once: so many requests as there may be, then the next ones. */
static void test_many_aborts(void **state)
{
	enum { MANY = 20 };
	struct pdu_task_request pdu[MANY];
	unsigned taken = 0, aborted = 0;
	struct pair p;

	(void)state;
	begin(&p, 1);
	for (unsigned i = 0; i < MANY; i++)
		pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 10000);
	while (aborted < MANY) {
		while (fake_has_sent(p.c[0]))
			pdu[taken++] = pair_take_function(&p, 0);
		assert_true(taken > aborted && taken - aborted <= 8);
		pair_answer_function(&p, 0, pdu[aborted++].initiator_task_tag, 0);
		fake_wait(&p.fake, 0);
	}
	assert_int_equal(taken, MANY);
	assert_int_equal(p.c[0]->done_count, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(p.task[i]->outcome, TASK_ABORTED);
	assert_false(p.c[0]->ended);
	pair_end(&p);
}

static void test_no_limit(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 1 });
	pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 10000000);
	assert_false(fake_has_sent(p.c[0]));
	pair_end(&p);
}

/* The abort waits for calm, and has taken the pause for it, when the command is answered after all:
 * nothing else may be held up by a pause that nobody needs. */
static void test_ordering_not_needed(void **state)
{
	struct task *task, *other;
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .times = times, .ordering = true });
	task = pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 10000);
	assert_false(fake_has_sent(p.c[0])); /* number 1000 is not acknowledged */
	other = pair_keep(&p, fake_read(512));
	fake_submit(p.c[1], other);
	assert_false(fake_has_sent(p.c[1]));
	p.fake.exp_cmd_sn = 1001;
	p.fake.max_cmd_sn = 1031;
	pair_answer(&p, 0, task);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	assert_false(fake_has_sent(p.c[0]));
	assert_true(p.c[0]->wakes > 0);
	assert_true(fake_has_sent(p.c[1]));
	pair_end(&p);
	DUTY("TOL-8");
}

/* The limit as it was set anew counts for commands under way as well; 0 is none. */
static void test_time_set_anew(void **state)
{
	struct session_habits habits = { .command = 500 };
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1);
	task = pair_send(&p, 0, LUN(4), NULL);
	session_set_habits(p.fake.session, &habits);
	fake_wait(&p.fake, 499);
	assert_false(fake_has_sent(p.c[0]));
	fake_wait(&p.fake, 1);
	pdu = expect_abort(&p, 0, task);
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	habits.command = 0;
	session_set_habits(p.fake.session, &habits);
	pair_send(&p, 0, LUN(4), NULL);
	fake_wait(&p.fake, 3000);
	while (fake_has_sent(p.c[0]))
		pair_echo(&p, 0, pair_take_nop(&p, 0).initiator_task_tag);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_set_anew),
		cmocka_unit_test(test_command_time),
		cmocka_unit_test(test_came_too_late),
		cmocka_unit_test(test_answer_overtakes),
		cmocka_unit_test(test_abort_not_needed),
		cmocka_unit_test(test_abort_fails),
		cmocka_unit_test(test_abort_fails_at_level_2),
		cmocka_unit_test(test_rejected_while_aborted),
		cmocka_unit_test(test_abort_plugs_a_hole),
		cmocka_unit_test(test_many_aborts),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_ordering_not_needed),
	};

	return cmocka_run_group_tests_name("engine_abort", tests, NULL, NULL);
}
