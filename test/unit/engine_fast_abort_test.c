/*
 * engine_fast_abort_test.c - what FastAbort changes (RFC 7143 section 4.2.3.4): no data follow a
 * function, and the target's word that it ends the tasks of a logical unit.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

#define LUN(n) ((uint64_t)(n) << 48)

static const struct session_times times = { .command = 10000, .manage = 5000 };

static void manage(struct pair *p, unsigned at, struct management *m, uint8_t function,
		   uint64_t lun)
{
	*m = (struct management){ .function = function, .lun = lun };
	conn_manage(p->c[at]->conn, m, p->fake.now);
	fake_pump(&p->fake);
}

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

/* The function is refused: the command goes on, and its data were only held back, from the byte on
 * where they stood. */
static void test_fast_abort_refused(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	uint8_t bhs[PDU_BHS_LEN];
	struct management m;
	struct pair p;

	(void)state;
	for (unsigned rejected = 0; rejected < 2; rejected++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .times = times,
						     .reporting = "FastAbort" });
		task = send_write(&p, LUN(1));
		manage(&p, 0, &m, PDU_LOGICAL_UNIT_RESET, LUN(1));
		pdu = pair_take_function(&p, 0);
		give_r2t(&p, task, 0);
		assert_false(fake_has_sent(p.c[0]));
		p.fake.exp_cmd_sn = 1001;
		pdu_put_task_request(bhs, &pdu);
		if (rejected)
			pair_reject(&p, 0, bhs, PDU_REJECT_NOT_SUPPORTED);
		else
			pair_answer_function(&p, 0, pdu.initiator_task_tag, 5);
		assert_ptr_equal(p.c[0]->managed, &m);
		assert_int_equal(fake_take(p.c[0], PDU_DATA_OUT, bhs, NULL, 0), task->out_len);
		assert_int_equal(bytes_get32(bhs + 16), task->itt);
		assert_int_equal(bytes_get32(bhs + 36), 0); /* DataSN */
		assert_true(bhs[1] & 0x80);
		assert_int_equal(task->sent, task->out_len);
		pair_answer(&p, 0, task);
		assert_int_equal(task->outcome, TASK_COMPLETE);
		assert_int_equal(p.c[0]->done_count, 1);
		pair_end(&p);
	}
	DUTY("TM-11 CMD-8");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fast_abort),
		cmocka_unit_test(test_fast_abort_refused),
		cmocka_unit_test(test_tasks_ended),
	};

	return cmocka_run_group_tests_name("engine_fast_abort", tests, NULL, NULL);
}
