/*
 * engine_resume_test.c - commands of a lost connection go on over another one (RFC 7143 sections
 * 7.2.1, 7.2.2, 11.14): sent again with their number, or reassigned; each answer; and a command
 * that is sent again on its own connection.
 */
#include "engine_fake_pair.h"

#include "engine/conn.h"
#include "../duty.h"

static const struct session_times times = { .command = 30000, .manage = 5000 };

static void begin(struct pair *p, unsigned level)
{
	pair_begin(p, &(struct pair_terms){ .conns = 2, .level = level, .times = times });
}

/* The first connection is lost, and the other one logs it out. ExpCmdSN is what the target has
 * got. */
static void lose_first(struct pair *p, uint32_t exp_cmd_sn)
{
	struct pdu_logout_request pdu;

	fake_closed(p->c[0], FAULT_CLOSED);
	fake_wait(&p->fake, 0);
	pdu = pair_take_logout(p, 1);
	assert_int_equal(pdu.cid, p->c[0]->cid);
	p->fake.exp_cmd_sn = exp_cmd_sn;
	pair_answer_logout(p, 1, pdu.initiator_task_tag, 0);
	fake_event(&p->fake, SESSION_EVENT_RULED);
}

static void resume(struct pair *p, struct task *task)
{
	assert_int_equal(task->outcome, TASK_SUSPENDED);
	assert_int_equal(session_rule(p->fake.session, task), RULE_RESUME);
	fake_submit(p->c[1], task);
}

/* MCS-14, SN-7, RT-2, WIN-8 */
static void test_sent_again(void **state)
{
	uint8_t before[PDU_BHS_LEN], after[PDU_BHS_LEN];
	struct pdu_nop_out nop;
	struct task *task, *next;
	struct pair p;

	(void)state;
	for (unsigned level = 1; level <= 2; level++) {
		begin(&p, level);
		task = pair_send(&p, 0, 0, before);
		next = pair_send(&p, 1, 0, NULL);
		assert_int_equal(next->cmd_sn, 1001);
		lose_first(&p, 1000);
		resume(&p, task);
		assert_int_equal(fake_take(p.c[1], PDU_SCSI_COMMAND, after, NULL, 0), 0);
		bytes_put32(before + 28, bytes_get32(after + 28)); /* ExpStatSN is of the connection */
		assert_memory_equal(before, after, PDU_BHS_LEN);
		nop = pair_take_nop(&p, 1);
		assert_false(nop.immediate);
		assert_int_equal(nop.cmd_sn, 1002);
		assert_true(nop.initiator_task_tag != PDU_NO_TAG);
		assert_int_equal(nop.target_transfer_tag, PDU_NO_TAG);
		assert_false(fake_has_sent(p.c[1]));
		p.fake.exp_cmd_sn = 1003;
		pair_answer(&p, 1, task);
		pair_answer(&p, 1, next);
		pair_echo(&p, 1, nop.initiator_task_tag);
		assert_int_equal(task->outcome, TASK_COMPLETE);
		assert_int_equal(next->outcome, TASK_COMPLETE);
		assert_int_equal(pair_send(&p, 1, 0, NULL)->cmd_sn, 1003);
		pair_end(&p);
	}
	DUTY("MCS-14 SN-7 RT-1 RT-2 RT-3 WIN-8 RV-3.2 UNH-FFP-4.1");
}

/* It needs no room in the window, and goes before new commands; the ping waits for the window. */
static void test_hole_closes_the_window(void **state)
{
	struct task *task, *new;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	begin(&p, 2);
	p.fake.max_cmd_sn = 1031;
	task = pair_send(&p, 0, 0, NULL);
	for (unsigned i = 1; i < 32; i++)
		pair_send(&p, 1, 0, NULL);
	new = pair_keep(&p, fake_read(512));
	fake_submit(p.c[1], new);
	assert_false(fake_has_sent(p.c[1]));
	lose_first(&p, 1000);
	resume(&p, task);
	fake_take(p.c[1], PDU_SCSI_COMMAND, bhs, NULL, 0);
	assert_int_equal(bytes_get32(bhs + 24), 1000);
	assert_false(fake_has_sent(p.c[1]));
	pair_acknowledge(&p, 1, 1032);
	assert_int_equal(pair_take_nop(&p, 1).cmd_sn, 1032);
	fake_take(p.c[1], PDU_SCSI_COMMAND, bhs, NULL, 0);
	assert_int_equal(bytes_get32(bhs + 24), 1033);
	pair_end(&p);
	DUTY("MCS-14 TRAP-8 WIN-3");
}

/* The target has its number and answers what its unit was given later, but never the command itself:
 * that is known long before its time is over. While it answers nothing later, it is only slow. */
static void test_passed_over(void **state)
{
	struct task *task, *later;
	struct pdu_task_request pdu;
	struct pdu_nop_out nop;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (uint64_t unit = 0; unit < 2; unit++) {
		begin(&p, 1);
		task = pair_send(&p, 0, 0, NULL);
		lose_first(&p, 1000);
		resume(&p, task);
		fake_take(p.c[1], PDU_SCSI_COMMAND, bhs, NULL, 0);
		nop = pair_take_nop(&p, 1);
		p.fake.exp_cmd_sn = 1002;
		pair_echo(&p, 1, nop.initiator_task_tag);
		fake_wait(&p.fake, 3000);
		later = pair_send(&p, 1, unit << 48, NULL);
		pair_acknowledge(&p, 1, 1003);
		fake_wait(&p.fake, 4000);
		assert_false(fake_has_sent(p.c[1]));
		pair_answer(&p, 1, later);
		assert_int_equal(later->outcome, TASK_COMPLETE);
		fake_wait(&p.fake, unit ? 22999 : 0);
		if (unit) { /* another unit's answers say nothing of this one */
			assert_false(fake_has_sent(p.c[1]));
			fake_wait(&p.fake, 1);
		}
		pdu = pair_take_function(&p, 1);
		assert_int_equal(pdu.function, PDU_ABORT_TASK);
		assert_int_equal(pdu.referenced_task_tag, task->itt);
		pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
		assert_int_equal(task->outcome, TASK_ABORTED);
		assert_non_null(strstr(task->fault.text, unit ? "in 30 s" : "in 3 s"));
		pair_end(&p);
	}
	DUTY("TMO-1 TM-3");
}

/* ---------------------------------------------------------------- TASK REASSIGN */

static struct pdu_task_request expect_reassign(struct pair *p, const struct task *task)
{
	struct pdu_task_request pdu = pair_take_function(p, 1);

	assert_int_equal(pdu.function, PDU_TASK_REASSIGN);
	assert_int_equal(pdu.referenced_task_tag, task->itt);
	assert_int_not_equal(pdu.initiator_task_tag, task->itt);
	assert_int_equal(pdu.ref_cmd_sn, 0);
	assert_int_equal(pdu.exp_data_sn, 0);
	assert_true(pdu.lun == 0);
	return pdu;
}

static void begin_reassign(struct pair *p, struct task **ret, struct pdu_task_request *ret_pdu)
{
	begin(p, 2);
	*ret = pair_send(p, 0, 7, NULL);
	lose_first(p, 1001);
	resume(p, *ret);
	*ret_pdu = expect_reassign(p, *ret);
	assert_false(fake_has_sent(p->c[1]));
}

static void give_data(struct pair *p, unsigned at, const struct task *task, uint32_t sn, bool last)
{
	struct pdu_data_in pdu = { .final = last, .has_status = last, .initiator_task_tag = task->itt,
		.target_transfer_tag = PDU_NO_TAG, .data_sn = sn, .buffer_offset = sn * 256 };
	uint8_t bhs[PDU_BHS_LEN], data[256];

	memset(data, 'a' + (int)sn, sizeof(data));
	pdu_put_data_in(bhs, &pdu);
	fake_numbers(p->c[at], bhs, last);
	fake_give_pdu(p->c[at], bhs, data, sizeof(data));
}

/* RA-1 to RA-9: a part of the data had come before, and is thrown away. */
static void test_reassigned(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	uint32_t itt;
	struct pair p;

	(void)state;
	begin(&p, 2);
	task = pair_send(&p, 0, 7, NULL);
	give_data(&p, 0, task, 0, false);
	lose_first(&p, 1001);
	resume(&p, task);
	pdu = expect_reassign(&p, task);
	itt = task->itt;
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
	assert_int_equal(p.c[1]->done_count, 0);
	memset(task->in, 0, task->in_len);
	give_data(&p, 1, task, 0, false);
	give_data(&p, 1, task, 1, true);
	assert_ptr_equal(pair_last(&p, 1), task);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	assert_int_equal(task->itt, itt);
	assert_int_equal(task->cmd_sn, 1000);
	assert_int_equal(task->received, 512);
	assert_true(task->in[0] == 'a' && task->in[511] == 'b');
	assert_false(p.c[1]->ended);
	pair_end(&p);
	DUTY("RA-1 RA-2 RA-3 RA-5 RA-8 RA-9 RA-11 SN-7 RV-3.1 UNH-FFP-7.1 UNH-FFP-19.5");
}

/* RA-8: nothing may come before the answer. */
static void test_too_early(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		begin_reassign(&p, &task, &pdu);
		if (i)
			give_data(&p, 1, task, 0, false);
		else
			pair_answer(&p, 1, task);
		assert_true(p.c[1]->ended);
		assert_int_equal(p.c[1]->fault.kind, FAULT_PROTOCOL);
		assert_ptr_equal(pair_last(&p, 1), task);
		assert_int_equal(task->outcome, TASK_SUSPENDED);
		pair_end(&p);
	}
	DUTY("RA-8");
}

/* RA-12 */
static void test_unknown_to_the_target(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	begin_reassign(&p, &task, &pdu);
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 1);
	assert_ptr_equal(pair_last(&p, 1), task);
	assert_int_equal(task->outcome, TASK_LOST);
	assert_true(task->fault.kind && task->fault.text[0]);
	pair_answer(&p, 1, task); /* late: swallowed */
	assert_int_equal(p.c[1]->done_count, 1);
	assert_false(p.c[1]->ended);
	pair_end(&p);
	DUTY("RA-12 REC-16 RV-3.7");
}

/* The target negotiated level 2 and can't reassign; a Reject is as bad, and so is silence. */
static void test_cannot(void **state)
{
	static const uint8_t responses[] = { 2, 3, 4, 5, 6, 255 };
	struct pdu_task_request pdu;
	struct task *task;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(responses) + 2; i++) {
		begin_reassign(&p, &task, &pdu);
		pdu_put_task_request(bhs, &pdu);
		if (i < sizeof(responses))
			pair_answer_function(&p, 1, pdu.initiator_task_tag, responses[i]);
		else if (i == sizeof(responses))
			pair_reject(&p, 1, bhs, PDU_REJECT_NOT_SUPPORTED);
		else
			fake_wait(&p.fake, 5000);
		assert_true(p.c[1]->ended);
		assert_int_equal(p.c[1]->fault.kind,
				 i <= sizeof(responses) ? FAULT_PROTOCOL : FAULT_TIMEOUT);
		assert_int_equal(p.c[1]->done_count, 1);
		assert_int_equal(task->outcome, TASK_SUSPENDED);
		pair_end(&p);
	}
	DUTY("RA-12 RV-3.7");
}

/* TM-14 */
static void test_too_many_immediate(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	begin_reassign(&p, &task, &pdu);
	pdu_put_task_request(bhs, &pdu);
	pair_reject(&p, 1, bhs, PDU_REJECT_IMMEDIATE);
	assert_false(fake_has_sent(p.c[1]));
	fake_wait(&p.fake, 20);
	pdu = expect_reassign(&p, task);
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
	pair_answer(&p, 1, task);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	pair_end(&p);
	DUTY("TM-14");
}

/* More than may be under way at once; new commands are not held up. */
static void test_many(void **state)
{
	enum { MANY = 20 };
	struct pdu_task_request pdu[MANY];
	unsigned taken = 0;
	struct pair p;

	(void)state;
	begin(&p, 2);
	for (unsigned i = 0; i < MANY; i++)
		pair_send(&p, 0, 0, NULL);
	lose_first(&p, 1000 + MANY);
	for (unsigned i = 0; i < MANY; i++)
		resume(&p, p.task[i]);
	for (unsigned i = 0; i < MANY; i++) {
		while (taken < MANY && taken < i + 8)
			pdu[taken] = expect_reassign(&p, p.task[taken]), taken++;
		if (!i)
			pair_send(&p, 1, 0, NULL);
		assert_false(fake_has_sent(p.c[1]));
		pair_answer_function(&p, 1, pdu[i].initiator_task_tag, 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		pair_answer(&p, 1, p.task[i]);
		assert_int_equal(p.task[i]->outcome, TASK_COMPLETE);
	}
	assert_int_equal(p.c[1]->done_count, MANY);
	pair_end(&p);
	DUTY("RA-3 TM-14");
}

/* The rule is outdated: below level 2 nothing is reassigned, whatever was said (TOL-9). */
static void test_never_below_level_2(void **state)
{
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1);
	task = pair_send(&p, 0, 0, NULL);
	lose_first(&p, 1000);
	assert_int_equal(session_rule(p.fake.session, task), RULE_RESUME);
	pair_acknowledge(&p, 1, 1001);
	fake_submit(p.c[1], task);
	assert_false(fake_has_sent(p.c[1]));
	assert_ptr_equal(pair_last(&p, 1), task);
	assert_int_equal(task->outcome, TASK_SUSPENDED);
	assert_int_equal(session_rule(p.fake.session, task), RULE_DEAD);
	assert_int_equal(task->outcome, TASK_LOST);
	pair_end(&p);
	DUTY("TOL-9 RT-4 RV-3.9");
}

/* It comes back as it was from a connection that does not take it. */
static void test_not_taken(void **state)
{
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned logs_out = 0; logs_out < 2; logs_out++) {
		begin(&p, 2);
		task = pair_send(&p, 0, 0, NULL);
		lose_first(&p, 1000);
		if (logs_out)
			conn_logout(p.c[1]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
		resume(&p, task);
		if (!logs_out)
			conn_logout(p.c[1]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
		fake_pump(&p.fake);
		assert_ptr_equal(pair_last(&p, 1), task);
		assert_int_equal(task->outcome, TASK_SUSPENDED);
		assert_int_equal(task->cmd_sn, 1000);
		pair_end(&p);
	}
}

/* The second connection is lost as well: what it had taken over is suspended again, once. */
static void test_lost_again(void **state)
{
	struct pdu_task_request pdu;
	struct task *acknowledged, *hole, *waiting, *found;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	begin(&p, 2);
	acknowledged = pair_send(&p, 0, 0, NULL);
	hole = pair_send(&p, 0, 0, NULL);
	waiting = pair_send(&p, 0, 0, NULL);
	lose_first(&p, 1001);
	for (unsigned slot = 0; slot < 3; slot++)
		assert_int_equal(tag_find(&p.c[1]->conn->shared->tags, hole->itt, slot, &found),
				 TAG_FOREIGN);
	resume(&p, acknowledged);
	resume(&p, hole);
	fake_take(p.c[1], PDU_SCSI_COMMAND, bhs, NULL, 0);
	pdu = expect_reassign(&p, acknowledged);
	pair_take_nop(&p, 1);
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
	resume(&p, waiting);
	fake_closed(p.c[1], FAULT_CLOSED);
	assert_int_equal(p.c[1]->done_count, 3);
	assert_int_equal(acknowledged->outcome, TASK_SUSPENDED);
	assert_int_equal(hole->outcome, TASK_SUSPENDED);
	assert_int_equal(waiting->outcome, TASK_SUSPENDED);
	assert_int_equal(acknowledged->cid, p.c[1]->cid);
	assert_int_equal(hole->cid, p.c[1]->cid);
	assert_int_equal(waiting->cid, p.c[0]->cid);
	pair_end(&p);
	DUTY("RA-4 REC-12 MCS-2");
}

/* A reassigned command that is over its time is aborted where it is now (TM-4). */
static void test_aborted_there(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	begin_reassign(&p, &task, &pdu);
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
	fake_wait(&p.fake, 29999);
	assert_false(fake_has_sent(p.c[1]));
	fake_wait(&p.fake, 1);
	pdu = pair_take_function(&p, 1);
	assert_int_equal(pdu.function, PDU_ABORT_TASK);
	assert_int_equal(pdu.referenced_task_tag, task->itt);
	assert_int_equal(pdu.ref_cmd_sn, 1000);
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
	assert_int_equal(task->outcome, TASK_ABORTED);
	pair_end(&p);
	DUTY("TM-4");
}

/* ---------------------------------------------------------------- on its own connection */

/* RT-2: the command was thrown away for the digest of its immediate data. */
static void test_repeated(void **state)
{
	uint8_t before[PDU_BHS_LEN], after[PDU_BHS_LEN];
	struct pdu_nop_out nop;
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1);
	task = pair_send(&p, 0, 0, before);
	pair_reject(&p, 0, before, PDU_REJECT_DATA_DIGEST);
	fake_take(p.c[0], PDU_SCSI_COMMAND, after, NULL, 0);
	bytes_put32(before + 28, bytes_get32(after + 28));
	assert_memory_equal(before, after, PDU_BHS_LEN);
	nop = pair_take_nop(&p, 0);
	assert_true(!nop.immediate && nop.cmd_sn == 1001);
	p.fake.exp_cmd_sn = 1002;
	pair_answer(&p, 0, task);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	pair_echo(&p, 0, nop.initiator_task_tag);
	assert_false(p.c[0]->ended);
	pair_end(&p);
	DUTY("RT-2 WIN-8 RJ-1");
}

/* A repeat leaves also while the connection is being logged out, for its hole would hold up all
 * others. */
static void test_repeated_before_logout(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_nop_out nop;
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1);
	task = pair_send(&p, 0, 0, bhs);
	conn_logout(p.c[0]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
	assert_false(fake_has_sent(p.c[0]));
	pair_reject(&p, 0, bhs, PDU_REJECT_DATA_DIGEST);
	fake_take(p.c[0], PDU_SCSI_COMMAND, bhs, NULL, 0);
	nop = pair_take_nop(&p, 0);
	p.fake.exp_cmd_sn = 1002;
	pair_answer(&p, 0, task);
	pair_echo(&p, 0, nop.initiator_task_tag);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	pair_take_logout(&p, 0);
	pair_end(&p);
	DUTY("RJ-1 LO-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent_again),
		cmocka_unit_test(test_hole_closes_the_window),
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_reassigned),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_unknown_to_the_target),
		cmocka_unit_test(test_cannot),
		cmocka_unit_test(test_too_many_immediate),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_never_below_level_2),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_lost_again),
		cmocka_unit_test(test_aborted_there),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_repeated_before_logout),
	};

	return cmocka_run_group_tests_name("engine_resume", tests, NULL, NULL);
}
