/*
 * engine_answers_test.c - statuses and responses of every kind, attributes and the order of first
 * bursts, what a target fills in where it should not.
 */
#include "engine_fake_command.h"
#include "engine_fake_pair.h"

#include <stdlib.h>

#include "../duty.h"

static void begin(struct pair *p, unsigned conns, unsigned level)
{
	pair_begin(p, &(struct pair_terms){ .conns = conns, .level = level });
}

static void give_response(struct pair *p, unsigned at, const struct task *task,
			  struct pdu_scsi_response pdu)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu.initiator_task_tag = task->itt;
	pdu_put_scsi_response(bhs, &pdu);
	pair_give(p, at, bhs, true);
}

/* Every status goes up as it is, INTERMEDIATE kinds included. */
static void test_statuses(void **state)
{
	static const uint8_t statuses[] = { 0x00, 0x02, 0x04, 0x08, 0x10, 0x14, 0x18, 0x22, 0x28, 0x30,
		0x40, 0xff };
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1, 0);
	for (size_t i = 0; i < sizeof(statuses); i++) {
		task = pair_send(&p, 0, 0, NULL);
		give_response(&p, 0, task, (struct pdu_scsi_response){ .status = statuses[i],
			.underflow = true, .residual_count = task->in_len });
		assert_ptr_equal(pair_last(&p, 0), task);
		assert_int_equal(task->outcome, TASK_COMPLETE);
		assert_int_equal(task->status, statuses[i]);
		assert_int_equal(task->sense_len, 0);
	}
	assert_false(p.c[0]->ended);
	pair_end(&p);
	DUTY("CMD-15 TOL-2");
}

/* A response code other than 0: a failure of the target, whatever its status and flags say. */
static void test_response_codes(void **state)
{
	static const uint8_t codes[] = { 1, 2, 0x7f, 0x80, 0xff };
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1, 0);
	for (size_t i = 0; i < sizeof(codes); i++) {
		task = pair_send(&p, 0, 0, NULL);
		give_response(&p, 0, task, (struct pdu_scsi_response){ .response = codes[i], .status = 0,
			.overflow = true, .underflow = true, .residual_count = 99 });
		assert_false(p.c[0]->ended);
		assert_ptr_equal(pair_last(&p, 0), task);
		assert_int_equal(task->outcome, TASK_FAILED);
		assert_true(task->fault.text[0]);
	}
	pair_end(&p);
	DUTY("IN-6");
}

/* Status with the last data, and then once more: the task came back once, and stays as it was. */
static void test_status_twice(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], data[512] = { 1 };
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p, 1, 0);
	task = pair_send(&p, 0, 0, NULL);
	assert_int_equal(task->in_len, sizeof(data));
	pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true, .has_status = true,
		.initiator_task_tag = task->itt, .target_transfer_tag = PDU_NO_TAG });
	fake_numbers(p.c[0], bhs, true);
	fake_give_pdu(p.c[0], bhs, data, sizeof(data));
	assert_ptr_equal(pair_last(&p, 0), task);
	assert_int_equal(p.c[0]->done_count, 1);
	give_response(&p, 0, task, (struct pdu_scsi_response){ .status = 2, .exp_data_sn = 1 });
	assert_int_equal(p.c[0]->done_count, 1);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	assert_int_equal(task->status, 0);
	pair_end(&p);
	DUTY("TRAP-13");
}

/* Each attribute as the caller set it, and in the order of CmdSN over both connections. */
static void test_attributes(void **state)
{
	struct pdu_scsi_command cmd;
	struct task *task;
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	begin(&p, 2, 0);
	for (uint8_t attribute = PDU_UNTAGGED; attribute <= PDU_ACA; attribute++) {
		task = pair_keep(&p, fake_read(512));
		task->attribute = attribute;
		fake_submit(p.c[attribute % 2], task);
		fake_take(p.c[attribute % 2], PDU_SCSI_COMMAND, bhs, NULL, 0);
		pdu_get_scsi_command(bhs, &cmd);
		assert_int_equal(cmd.attribute, attribute);
		assert_int_equal(cmd.cmd_sn, 1000 + attribute);
	}
	pair_end(&p);
	DUTY("CMD-4 MCS-13");
}

/* Writes with unsolicited data: these leave in the order of the commands, each whole. */
static void test_order_of_bursts(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct task *task[3];
	uint32_t order[3], bursts = 0, commands = 0;
	struct command b;

	(void)state;
	command_begin(&b, 0, false);
	for (unsigned i = 0; i < 3; i++) {
		task[i] = fake_write(60000);
		fake_submit(b.c, task[i]);
	}
	while (fake_has_sent(b.c)) {
		if (pdu_opcode(b.c->sent) == PDU_SCSI_COMMAND) {
			fake_take(b.c, PDU_SCSI_COMMAND, bhs, NULL, 0);
			order[commands++] = bytes_get32(bhs + 16);
		} else {
			fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0);
			assert_true(bursts < commands);
			assert_int_equal(bytes_get32(bhs + 16), order[bursts]);
			bursts += bhs[1] >> 7; /* F */
		}
	}
	assert_int_equal(commands, 3);
	assert_int_equal(bursts, 3);
	command_end(&b);
	for (unsigned i = 0; i < 3; i++)
		fake_task_free(task[i]);
	DUTY("MCS-16 CMD-7");
}

/* Parameters and LUNs where the event has none are not looked at. */
static void test_reserved_parameters(void **state)
{
	static const uint8_t events[] = { PDU_ASYNC_SCSI, PDU_ASYNC_LOGOUT_REQUESTED, 248 };
	uint8_t bhs[PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(events); i++) {
		begin(&p, 2, 0);
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG,
			.lun = UINT64_MAX, .async_event = events[i], .async_vcode = 77,
			.parameter1 = p.c[1]->cid, .parameter2 = 9999, .parameter3 = 9999 });
		pair_give(&p, 0, bhs, true);
		assert_int_equal(p.c[0]->asyncs, 1);
		assert_false(p.c[1]->ended);
		assert_false(fake_has_event(&p.fake, SESSION_EVENT_DOWN));
		pair_end(&p);
	}
	DUTY("TOL-13 AS-7");
}

/* A read or write whose answer takes long is no reason to ask for an R2T or for data: only gaps are. */
static void test_no_snack_by_time(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct task *task;
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 1, .level = 1,
		.times = { .ping_idle = 5000, .ping_wait = 4000 } });
	task = pair_keep(&p, fake_write(60000));
	fake_submit(p.c[0], task);
	fake_take(p.c[0], PDU_SCSI_COMMAND, bhs, NULL, 0);
	while (fake_has_sent(p.c[0]))
		fake_take(p.c[0], PDU_DATA_OUT, bhs, NULL, 0);
	for (unsigned i = 0; i < 20; i++) {
		fake_wait(&p.fake, 1000);
		while (fake_has_sent(p.c[0])) {
			fake_take(p.c[0], PDU_NOP_OUT, bhs, NULL, 0);
			pair_echo(&p, 0, bytes_get32(bhs + 16));
		}
	}
	assert_false(p.c[0]->ended);
	pair_end(&p);
	DUTY("SNA-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses), cmocka_unit_test(test_response_codes),
		cmocka_unit_test(test_status_twice), cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_order_of_bursts), cmocka_unit_test(test_reserved_parameters),
		cmocka_unit_test(test_no_snack_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
