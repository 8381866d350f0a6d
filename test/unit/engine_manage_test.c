/*
 * engine_manage_test.c - task management (RFC 7143 sections 4.2.3, 11.5, 11.6): functions of the caller;
 * each answer, none, late ones, twice.
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

/* A target with fences sorts, and its fences would wait for what ordering mode holds back. */
static void test_no_ordering_with_fence(void **state)
{
	static const char *const reporting[] = { NULL, "RFC3720", "ResponseFence", "FastAbort" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct management m;
		struct pair p;

		pair_begin(&p, &(struct pair_terms){ .conns = 2, .times = times, .ordering = true,
						     .reporting = reporting[i] });
		session_set_habits(p.fake.session, &(struct session_habits){ .ordering = true });
		pair_send(&p, 0, LUN(1), NULL);
		manage(&p, 0, &m, PDU_LOGICAL_UNIT_RESET, LUN(1));
		assert_int_equal(fake_has_sent(p.c[0]), i >= 2);
		pair_end(&p);
	}
	DUTY("TOL-8 MCS-12");
}

/* While a removal waits for the commands of all, those that wait for it wake nobody for nothing. */
static void test_quiet_drain(void **state)
{
	struct task *first;
	struct pair p;
	unsigned wakes;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .times = times, .ordering = true });
	first = pair_send(&p, 0, LUN(1), NULL);
	pair_acknowledge(&p, 0, first->cmd_sn + 1);
	session_remove_conn(p.fake.session, 2, &p, p.fake.now);
	fake_pump(&p.fake);
	assert_false(fake_has_sent(p.c[1]));
	wakes = p.c[0]->wakes;
	fake_submit(p.c[0], pair_keep(&p, fake_read(512)));
	assert_false(fake_has_sent(p.c[0]));
	assert_int_equal(p.c[0]->wakes, wakes);
	pair_answer(&p, 0, first);
	assert_true(fake_has_sent(p.c[1])); /* the Logout */
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
		cmocka_unit_test(test_ordering),
		cmocka_unit_test(test_no_ordering_with_fence),
		cmocka_unit_test(test_quiet_drain),
	};

	return cmocka_run_group_tests_name("engine_manage", tests, NULL, NULL);
}
