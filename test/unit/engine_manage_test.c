/*
 * engine_manage_test.c - task management (RFC 7143 sections 4.2.3, 7.11, 11.5, 11.6): functions of
 * the caller, and the abort of a command that is over its time; each answer, none, late ones,
 * twice.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

#define LUN(n) ((uint64_t)(n) << 48)

static const struct session_times times = { .command = 10000, .manage = 5000 };

static void begin(struct pair *p, unsigned conns)
{
	pair_begin(p, &(struct pair_terms){ .conns = conns, .times = times });
}

static void manage(struct pair *p, unsigned at, struct management *m, uint8_t function,
		   uint64_t lun)
{
	*m = (struct management){ .function = function, .lun = lun };
	conn_manage(p->c[at]->conn, m, p->fake.now);
	fake_pump(&p->fake);
}

/* ---------------------------------------------------------------- of the caller */

/* TM-2, TM-6, TRAP-7 */
static void test_each_function(void **state)
{
	static const struct { uint8_t function; bool lun; } cases[] = {
		{ PDU_ABORT_TASK_SET, true }, { PDU_CLEAR_ACA, true }, { PDU_CLEAR_TASK_SET, true },
		{ PDU_LOGICAL_UNIT_RESET, true }, { PDU_TARGET_WARM_RESET, false },
		{ PDU_TARGET_COLD_RESET, false },
	};
	static const uint8_t responses[] = { 0, 1, 2, 3, 4, 5, 6, 255 };
	struct pdu_task_request pdu;
	struct management m;
	struct pair p;

	(void)state;
	begin(&p, 1);
	pair_send(&p, 0, LUN(9), NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < sizeof(responses); k++) {
			manage(&p, 0, &m, cases[i].function, LUN(3));
			pdu = pair_take_function(&p, 0);
			assert_int_equal(pdu.function, cases[i].function);
			assert_true(pdu.lun == (cases[i].lun ? LUN(3) : 0));
			assert_int_equal(pdu.referenced_task_tag, PDU_NO_TAG);
			assert_int_equal(pdu.ref_cmd_sn, 0);
			assert_int_equal(pdu.cmd_sn, 1001);
			assert_int_equal(pdu.exp_stat_sn, p.c[0]->stat_sn);
			assert_int_equal(p.c[0]->manageds, i * sizeof(responses) + k);
			pair_answer_function(&p, 0, pdu.initiator_task_tag, responses[k]);
			assert_ptr_equal(p.c[0]->managed, &m);
			assert_int_equal(m.fault.kind, FAULT_NONE);
			assert_int_equal(m.response, responses[k]);
			assert_int_equal(m.cmd_sn, 1001);
		}
	assert_int_equal(p.c[0]->done_count, 0); /* its number was not acknowledged */
	assert_false(fake_has_sent(p.c[0]));
	pair_end(&p);
	DUTY("TM-1 TM-2 TM-6 TRAP-7 SN-4 UNH-FFP-2.2 UNH-FFP-19.1 UNH-FFP-19.2");
}

/* P2-5, P2-6 */
static void test_later_functions(void **state)
{
	static const uint8_t functions[] = { PDU_QUERY_TASK_SET, PDU_I_T_NEXUS_RESET,
		PDU_QUERY_ASYNCHRONOUS_EVENT };
	struct pdu_task_request pdu;
	struct management m;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (unsigned level = 1; level <= 2; level++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .times = times,
						     .protocol_level = level });
		for (size_t i = 0; i < sizeof(functions); i++) {
			manage(&p, 0, &m, functions[i], LUN(1));
			if (level < 2) {
				assert_int_equal(m.fault.kind, FAULT_LOCAL);
				assert_false(fake_has_sent(p.c[0]));
				continue;
			}
			pdu = pair_take_function(&p, 0);
			assert_true(pdu.lun == (functions[i] == PDU_I_T_NEXUS_RESET ? 0 : LUN(1)));
			pdu_put_task_response(bhs, &(struct pdu_task_response){ .response = 7,
				.additional_information = 0x123456,
				.initiator_task_tag = pdu.initiator_task_tag });
			pair_give(&p, 0, bhs, true);
			assert_int_equal(m.response, 7);
			assert_int_equal(m.additional, 0x123456);
		}
		pair_end(&p);
	}
	DUTY("P2-5 P2-6");
}

static void test_not_for_callers(void **state)
{
	static const uint8_t functions[] = { 0, PDU_ABORT_TASK, PDU_TASK_REASSIGN, PDU_QUERY_TASK, 13,
		255 };
	struct management m;
	struct pair p;

	(void)state;
	begin(&p, 1);
	for (size_t i = 0; i < sizeof(functions); i++) {
		manage(&p, 0, &m, functions[i], 0);
		assert_int_equal(p.c[0]->manageds, i + 1);
		assert_int_equal(m.fault.kind, FAULT_LOCAL);
		assert_true(m.fault.text[0]);
	}
	assert_false(fake_has_sent(p.c[0]));
	pair_end(&p);
	DUTY("TM-5");
}

/* TM-14 */
static void test_one_after_the_other(void **state)
{
	struct management m[3];
	struct pdu_task_request pdu;
	struct pair p;

	(void)state;
	begin(&p, 1);
	manage(&p, 0, &m[0], PDU_LOGICAL_UNIT_RESET, LUN(0));
	for (unsigned i = 0; i < 3; i++) {
		pdu = pair_take_function(&p, 0);
		for (unsigned k = 1; !i && k < 3; k++)
			manage(&p, 0, &m[k], PDU_LOGICAL_UNIT_RESET, LUN(k));
		assert_true(pdu.lun == LUN(i));
		assert_false(fake_has_sent(p.c[0]));
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
		assert_ptr_equal(p.c[0]->managed, &m[i]);
	}
	assert_false(fake_has_sent(p.c[0]));
	pair_end(&p);
	DUTY("TM-14");
}

/* TM-8, TM-9: which tasks of which connection end. */
static void test_covered(void **state)
{
	static const struct { uint8_t function; bool other_lun, any; } cases[] = {
		{ PDU_ABORT_TASK_SET, false, true }, { PDU_CLEAR_TASK_SET, false, true },
		{ PDU_LOGICAL_UNIT_RESET, false, true }, { PDU_TARGET_WARM_RESET, true, true },
		{ PDU_TARGET_COLD_RESET, true, true }, { PDU_CLEAR_ACA, false, false },
	};
	struct task *mine, *other_lun, *there, *later;
	struct pdu_task_request pdu;
	struct management m;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&p, 2);
		mine = pair_send(&p, 0, LUN(1), NULL);
		other_lun = pair_send(&p, 0, LUN(2), NULL);
		there = pair_send(&p, 1, LUN(1), NULL);
		manage(&p, 0, &m, cases[i].function, LUN(1));
		pdu = pair_take_function(&p, 0);
		later = pair_send(&p, 0, LUN(1), NULL);
		assert_int_equal(later->cmd_sn, pdu.cmd_sn);
		p.fake.exp_cmd_sn = 1004;
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
		assert_int_equal(p.c[0]->done_count, cases[i].any + cases[i].other_lun);
		assert_int_equal(p.c[1]->done_count, cases[i].any);
		if (cases[i].any) {
			assert_int_equal(mine->outcome, TASK_ABORTED);
			assert_int_equal(there->outcome, TASK_ABORTED);
			assert_true(mine->fault.text[0]);
			pair_answer(&p, 0, mine); /* late: swallowed */
			assert_int_equal(p.c[0]->done_count, cases[i].any + cases[i].other_lun);
		}
		pair_answer(&p, 0, later);
		assert_ptr_equal(pair_last(&p, 0), later);
		assert_int_equal(later->outcome, TASK_COMPLETE);
		if (!cases[i].other_lun)
			pair_answer(&p, 0, other_lun);
		assert_false(p.c[0]->ended || p.c[1]->ended);
		pair_end(&p);
	}
	DUTY("TM-8 TM-9 TM-10 MCS-9 UNH-FFP-19.4.2 UNH-FFP-19.4.3 MC-4.3");
}

/* A function that failed ends nothing, nor does one end what the target has not got. */
static void test_not_covered(void **state)
{
	struct pdu_task_request pdu;
	struct management m;
	struct pair p;

	(void)state;
	for (unsigned response = 0; response < 8; response++) {
		begin(&p, 1);
		pair_send(&p, 0, LUN(1), NULL);
		if (response)
			pair_acknowledge(&p, 0, 1001);
		manage(&p, 0, &m, PDU_LOGICAL_UNIT_RESET, LUN(1));
		pdu = pair_take_function(&p, 0);
		pair_answer_function(&p, 0, pdu.initiator_task_tag, (uint8_t)response);
		assert_int_equal(p.c[0]->done_count, response == 7);
		pair_end(&p);
	}
	DUTY("TM-6");
}

/* TM-6: none before the end. Everything comes back, with a reason. */
static void test_end_before_answer(void **state)
{
	struct management m[2];
	struct pair p;

	(void)state;
	begin(&p, 1);
	manage(&p, 0, &m[0], PDU_LOGICAL_UNIT_RESET, 0);
	pair_take_function(&p, 0);
	manage(&p, 0, &m[1], PDU_LOGICAL_UNIT_RESET, 0);
	fake_closed(p.c[0], FAULT_CLOSED);
	assert_int_equal(p.c[0]->manageds, 2);
	assert_int_equal(m[0].fault.kind, FAULT_CLOSED);
	assert_int_equal(m[1].fault.kind, FAULT_CLOSED);
	pair_end(&p);
	DUTY("TM-6 TM-13");
}

static void test_no_answer(void **state)
{
	struct management m;
	struct pair p;

	(void)state;
	begin(&p, 1);
	manage(&p, 0, &m, PDU_TARGET_COLD_RESET, 0);
	pair_take_function(&p, 0);
	fake_wait(&p.fake, 4999);
	assert_false(p.c[0]->ended);
	fake_wait(&p.fake, 1);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_TIMEOUT);
	assert_int_equal(p.c[0]->manageds, 1);
	assert_int_equal(m.fault.kind, FAULT_TIMEOUT);
	pair_end(&p);
	DUTY("TM-13 TIM-6 RV-4.4");
}

/* TM-10: one that comes after all has been concluded, and one that comes twice. */
static void test_answered_twice(void **state)
{
	struct pdu_task_request pdu;
	struct management m;
	struct pair p;

	(void)state;
	begin(&p, 1);
	manage(&p, 0, &m, PDU_CLEAR_ACA, 0);
	pdu = pair_take_function(&p, 0);
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 5);
	assert_false(p.c[0]->ended);
	assert_int_equal(p.c[0]->manageds, 1);
	assert_int_equal(m.response, 0);
	pair_answer_function(&p, 0, 0x12345678, 0);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_PROTOCOL);
	pair_end(&p);
	DUTY("TM-10");
}

static void test_answer_for_a_command(void **state)
{
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1);
	task = pair_send(&p, 0, 0, NULL);
	pair_answer_function(&p, 0, task->itt, 0);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_PROTOCOL);
	assert_int_equal(task->outcome, TASK_SUSPENDED);
	pair_end(&p);
}

static void test_rejected(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct management m;
	struct pair p;

	(void)state;
	begin(&p, 1);
	manage(&p, 0, &m, PDU_CLEAR_TASK_SET, 0);
	fake_take(p.c[0], PDU_TASK_REQUEST, bhs, NULL, 0);
	pair_reject(&p, 0, bhs, PDU_REJECT_NOT_SUPPORTED);
	assert_false(p.c[0]->ended);
	assert_int_equal(p.c[0]->manageds, 1);
	assert_int_equal(m.fault.kind, FAULT_REFUSED);
	assert_int_equal(m.fault.detail, PDU_REJECT_NOT_SUPPORTED);
	assert_false(fake_has_sent(p.c[0]));
	pair_end(&p);
	DUTY("TM-14");
}

/* TM-14: too many immediate requests; later again, one at a time, but not for ever. */
static void test_too_many(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct management m;
	struct pair p;
	unsigned times_sent = 0;

	(void)state;
	begin(&p, 1);
	manage(&p, 0, &m, PDU_LOGICAL_UNIT_RESET, 0);
	while (!p.c[0]->ended) {
		fake_take(p.c[0], PDU_TASK_REQUEST, bhs, NULL, 0);
		times_sent++;
		pair_reject(&p, 0, bhs, PDU_REJECT_IMMEDIATE);
		assert_false(fake_has_sent(p.c[0]));
		fake_wait(&p.fake, 100);
	}
	assert_true(times_sent > 40 && times_sent <= 51);
	assert_int_equal(m.fault.kind, FAULT_TIMEOUT);
	pair_end(&p);
	DUTY("TM-14");
}

/* After such a Reject there is one at a time. */
static void test_one_from_then_on(void **state)
{
	uint8_t bhs[3][PDU_BHS_LEN];
	struct pdu_task_request pdu;
	struct pair p;

	(void)state;
	begin(&p, 1);
	for (unsigned i = 0; i < 3; i++)
		pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 10000);
	for (unsigned i = 0; i < 3; i++)
		fake_take(p.c[0], PDU_TASK_REQUEST, bhs[i], NULL, 0);
	pair_reject(&p, 0, bhs[1], PDU_REJECT_IMMEDIATE);
	pair_reject(&p, 0, bhs[2], PDU_REJECT_IMMEDIATE);
	fake_wait(&p.fake, 20);
	assert_false(fake_has_sent(p.c[0]));
	pair_answer_function(&p, 0, bytes_get32(bhs[0] + 16), 0);
	for (unsigned i = 0; i < 2; i++) {
		pdu = pair_take_function(&p, 0);
		assert_false(fake_has_sent(p.c[0]));
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	}
	assert_int_equal(p.c[0]->done_count, 3);
	assert_false(p.c[0]->ended);
	pair_end(&p);
	DUTY("TM-14");
}

/* ---------------------------------------------------------------- ABORT TASK */

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

/* ---------------------------------------------------------------- FastAbort */

static void give_r2t(struct pair *p, const struct task *task, uint32_t sn)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_r2t(bhs, &(struct pdu_r2t){ .lun = task->lun, .initiator_task_tag = task->itt,
		.target_transfer_tag = 77 + sn, .r2t_sn = sn,
		.desired_data_transfer_length = task->out_len });
	pair_give(p, 0, bhs, false);
}

static struct task *send_write(struct pair *p, uint64_t lun)
{
	struct task *task = pair_keep(p, fake_write(4096));
	uint8_t bhs[PDU_BHS_LEN];

	task->lun = lun;
	fake_submit(p->c[0], task);
	fake_take(p->c[0], PDU_SCSI_COMMAND, bhs, NULL, 0);
	return task;
}

/* TM-11: with FastAbort no data follow the function; by the standard R2Ts are answered. */
static void test_fast_abort(void **state)
{
	static const char *const reporting[] = { "FastAbort", "ResponseFence", "RFC3720" };
	struct pdu_task_request pdu;
	struct task *task, *other;
	uint8_t bhs[PDU_BHS_LEN];
	struct management m;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .times = times,
						     .reporting = reporting[i] });
		task = send_write(&p, LUN(1));
		other = send_write(&p, LUN(2));
		manage(&p, 0, &m, PDU_LOGICAL_UNIT_RESET, LUN(1));
		pdu = pair_take_function(&p, 0);
		give_r2t(&p, task, 0);
		if (i > 0)
			fake_take(p.c[0], PDU_DATA_OUT, bhs, NULL, 0);
		assert_false(fake_has_sent(p.c[0]));
		give_r2t(&p, other, 0);
		fake_take(p.c[0], PDU_DATA_OUT, bhs, NULL, 0);
		p.fake.exp_cmd_sn = 1002;
		pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
		assert_int_equal(p.c[0]->done_count, 1);
		assert_int_equal(task->outcome, TASK_ABORTED);
		pair_end(&p);
	}
	DUTY("TM-10 TM-11 TM-12 CMD-8 UNH-FFP-19.4.1");
}

/* AS-6: acknowledged, and no R2T of that unit is answered any more. */
static void test_tasks_ended(void **state)
{
	struct task *task, *other;
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_nop_out nop;
	struct pair p;

	(void)state;
	for (unsigned fast = 0; fast < 2; fast++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .times = times,
						     .reporting = fast ? "FastAbort" : "RFC3720" });
		task = send_write(&p, LUN(1));
		other = send_write(&p, LUN(2));
		give_r2t(&p, task, 0);
		give_r2t(&p, other, 0);
		pdu_put_async(bhs, &(struct pdu_async){ .lun = LUN(1), .async_event = 5,
			.initiator_task_tag = PDU_NO_TAG });
		pair_give(&p, 0, bhs, true);
		fake_take(p.c[0], PDU_DATA_OUT, bhs, NULL, 0);
		assert_int_equal(bytes_get32(bhs + 16), fast ? other->itt : task->itt);
		if (fast) {
			nop = pair_take_nop(&p, 0);
			assert_true(nop.immediate && nop.lun == LUN(1));
			assert_int_equal(nop.initiator_task_tag, PDU_NO_TAG);
			assert_int_equal(nop.target_transfer_tag, PDU_NO_TAG);
			assert_int_equal(nop.exp_stat_sn, p.c[0]->stat_sn);
			assert_false(fake_has_sent(p.c[0]));
		}
		assert_int_equal(p.c[0]->asyncs, 1);
		assert_int_equal(p.c[0]->done_count, 0);
		pair_end(&p);
	}
	DUTY("AS-6 NOP-2");
}

/* TOL-8: in ordering mode the function waits until the target has seen all numbers, and none leaves
 * before its answer. */
static void test_ordering(void **state)
{
	struct pdu_task_request pdu;
	struct management m;
	struct task *later;
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .times = times, .ordering = true });
	pair_send(&p, 0, LUN(1), NULL);
	manage(&p, 0, &m, PDU_LOGICAL_UNIT_RESET, LUN(1));
	later = pair_keep(&p, fake_read(512));
	fake_submit(p.c[1], later);
	assert_false(fake_has_sent(p.c[0]));
	assert_false(fake_has_sent(p.c[1]));
	pair_acknowledge(&p, 0, 1001);
	pdu = pair_take_function(&p, 0);
	assert_int_equal(pdu.cmd_sn, 1001);
	assert_false(fake_has_sent(p.c[1]));
	pair_answer_function(&p, 0, pdu.initiator_task_tag, 0);
	assert_true(p.c[0]->wakes > 0);
	assert_true(fake_has_sent(p.c[1]));
	pair_end(&p);
	DUTY("TOL-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_function),
		cmocka_unit_test(test_later_functions),
		cmocka_unit_test(test_not_for_callers),
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_covered),
		cmocka_unit_test(test_not_covered),
		cmocka_unit_test(test_end_before_answer),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_answered_twice),
		cmocka_unit_test(test_answer_for_a_command),
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_one_from_then_on),
		cmocka_unit_test(test_command_time),
		cmocka_unit_test(test_came_too_late),
		cmocka_unit_test(test_answer_overtakes),
		cmocka_unit_test(test_abort_not_needed),
		cmocka_unit_test(test_abort_fails),
		cmocka_unit_test(test_abort_plugs_a_hole),
		cmocka_unit_test(test_many_aborts),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_fast_abort),
		cmocka_unit_test(test_tasks_ended),
		cmocka_unit_test(test_ordering),
	};

	return cmocka_run_group_tests_name("engine_manage", tests, NULL, NULL);
}
