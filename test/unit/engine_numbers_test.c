/*
 * engine_numbers_test.c - CmdSN, the window and StatSN in full feature phase, PDU by PDU: which of the
 * target's move what, and what ours then carry.
 */
#include "engine_fake_command.h"

#include <stdlib.h>

#include "engine/conn.h"

#include "../duty.h"

/* A session whose window is shut when the login ends. */
static void begin_shut(struct command *b)
{
	struct fake_setup setup;

	fake_setup_init(&setup);
	fake_begin(&b->fake, &setup);
	b->fake.max_cmd_sn = b->fake.exp_cmd_sn - 1;
	b->c = fake_login(&b->fake, &setup.options, NULL, 0);
	b->task = NULL;
}

static struct pdu_scsi_command take_command(struct command *b)
{
	struct pdu_scsi_command cmd;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(b->c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	pdu_get_scsi_command(bhs, &cmd);
	return cmd;
}

static struct pdu_nop_out take_nop(struct command *b)
{
	struct pdu_nop_out nop;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(b->c, PDU_NOP_OUT, bhs, NULL, 0);
	pdu_get_nop_out(bhs, &nop);
	return nop;
}

/* ---------------------------------------------------------------- what a PDU moves */

static void give_nop_in(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, false);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

static void give_ping_echo(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = b->itt,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

static void give_async(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG, .async_event = 250 });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

static void give_text(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_text_response(bhs, &(struct pdu_text_response){ .final = true,
		.initiator_task_tag = b->itt, .target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

static void give_response(struct command *b)
{
	struct pdu_scsi_response good = { .underflow = b->task->in_len, .residual_count = b->task->in_len };

	command_give_response(b, &good, NULL, 0);
}

/* Data-In without status: its StatSN means nothing. */
static void give_data_in(struct command *b)
{
	struct pdu_data_in pdu = { .final = true, .initiator_task_tag = b->itt,
		.target_transfer_tag = PDU_NO_TAG };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_data_in(bhs, &pdu);
	fake_numbers(b->c, bhs, false);
	bytes_put32(bhs + 24, 0xdeadbeef);
	fake_give_pdu(b->c, bhs, b->task->in, 4);
}

static void give_data_in_with_status(struct command *b)
{
	command_give_data_in(b, 0, 0, b->task->in, 512, 0x81);
}

static void give_r2t(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	command_give_r2t(b, (struct pdu_r2t){ .target_transfer_tag = 1, .buffer_offset = 16384,
		.desired_data_transfer_length = 4 });
	fake_take(b->c, PDU_DATA_OUT, bhs, NULL, 0);
}

enum need { NEED_NOTHING, NEED_READ, NEED_WRITE, NEED_PING, NEED_TEXT };

static const struct {
	const char *name;
	enum need need;
	void (*give)(struct command *b);
} kinds[] = {
	{ "NOP-In", NEED_NOTHING, give_nop_in },
	{ "answer to our ping", NEED_PING, give_ping_echo },
	{ "Async", NEED_NOTHING, give_async },
	{ "Text Response", NEED_TEXT, give_text },
	{ "SCSI Response", NEED_READ, give_response },
	{ "Data-In", NEED_READ, give_data_in },
	{ "Data-In with status", NEED_READ, give_data_in_with_status },
	{ "R2T", NEED_WRITE, give_r2t },
};

/* Has under way what the PDU answers. One number is in the window for it. */
static void prepare(struct command *b, enum need need)
{
	uint8_t bhs[PDU_BHS_LEN];

	switch (need) {
	case NEED_NOTHING:
		break;
	case NEED_READ:
	case NEED_WRITE:
		b->fake.max_cmd_sn++;
		give_nop_in(b);
		b->task = need == NEED_READ ? fake_read(512) : fake_write(20000);
		fake_submit(b->c, b->task);
		b->itt = take_command(b).initiator_task_tag;
		b->fake.exp_cmd_sn++;
		while (need == NEED_WRITE && fake_has_sent(b->c))
			fake_take(b->c, PDU_DATA_OUT, bhs, NULL, 0);
		break;
	case NEED_PING:
		fake_wait(&b->fake, 5000);
		b->itt = take_nop(b).initiator_task_tag;
		break;
	case NEED_TEXT:
		assert_int_equal(conn_text(b->c->conn, FAKE_TEXT("SendTargets="), b->fake.now), 0);
		fake_take(b->c, PDU_TEXT_REQUEST, bhs, NULL, 0);
		b->itt = bytes_get32(bhs + 16);
		break;
	}
}

static void test_each_kind_of_pdu(void **state)
{
	struct pdu_scsi_command cmd;
	struct task *waiting;
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		begin_shut(&b);
		prepare(&b, kinds[i].need);
		waiting = fake_read(512);
		fake_submit(b.c, waiting);
		assert_false(fake_has_sent(b.c));
		b.fake.max_cmd_sn++;
		kinds[i].give(&b);
		if (!fake_has_sent(b.c))
			fail_msg("%s does not open the window", kinds[i].name);
		cmd = take_command(&b);
		assert_int_equal(cmd.cmd_sn, b.fake.exp_cmd_sn);
		if (cmd.exp_stat_sn != b.c->stat_sn)
			fail_msg("ExpStatSN %u and not %u after %s", cmd.exp_stat_sn, b.c->stat_sn,
				 kinds[i].name);
		command_end(&b);
		fake_task_free(waiting);
	}
	DUTY("WIN-3 WIN-4 WIN-6 ST-2 ST-3 NOP-4 IN-3 UNH-FFP-16.5");
}

/* ---------------------------------------------------------------- the window */

/* One command fits, then none; then many, in rising order without a gap. */
static void test_sizes(void **state)
{
	struct task *task[40];
	struct command b;

	(void)state;
	begin_shut(&b);
	for (unsigned i = 0; i < 40; i++) {
		task[i] = fake_read(512);
		fake_submit(b.c, task[i]);
	}
	assert_false(fake_has_sent(b.c));
	for (unsigned i = 0; i < 5; i++) {
		b.fake.max_cmd_sn++;
		give_nop_in(&b);
		assert_int_equal(take_command(&b).cmd_sn, 1000 + i);
		assert_false(fake_has_sent(b.c));
		b.fake.exp_cmd_sn++;
	}
	b.fake.max_cmd_sn = b.fake.exp_cmd_sn + 0x40000000;
	give_nop_in(&b);
	for (unsigned i = 5; i < 40; i++)
		assert_int_equal(take_command(&b).cmd_sn, 1000 + i);
	assert_false(fake_has_sent(b.c));
	command_end(&b);
	for (unsigned i = 0; i < 40; i++)
		fake_task_free(task[i]);
	DUTY("SN-3 SN-5 WIN-3 WIN-4 UNH-FFP-1.1 UNH-FFP-3.1 UNH-FFP-3.2 UNH-FFP-3.3");
}

/* A pair that contradicts itself says nothing, even where each half alone would; halves that are old
 * say nothing, whatever the other one does; what was never sent is not acknowledged. */
static void test_pairs(void **state)
{
	static const struct {
		uint32_t exp, max;        /* of the PDU; 1000 to 1004 were sent, up to 1004 may be */
		uint32_t acknowledged;    /* the lowest number that then is not */
		bool opens;
	} cases[] = {
		{ 1003, 1000, 1000, false }, { 1001, 999, 1000, false }, { 1003, 1002, 1003, false },
		{ 1003, 1004, 1003, false }, { 1003, 1005, 1003, true }, { 1000, 1005, 1000, true },
		{ 999, 1005, 1000, true }, { 990, 989, 1000, false }, { 1005, 1004, 1005, false },
		{ 1005, 1005, 1005, true }, { 1006, 1010, 1000, false }, { 5000, 5000, 1000, false },
		{ 0x80000500, 0x80000600, 1000, false },
	};
	struct task *task[6];
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin_shut(&b);
		b.fake.max_cmd_sn = 1004;
		give_nop_in(&b);
		for (unsigned j = 0; j < 6; j++) {
			task[j] = fake_read(512);
			fake_submit(b.c, task[j]);
		}
		while (fake_has_sent(b.c))
			take_command(&b);
		b.fake.exp_cmd_sn = cases[i].exp;
		b.fake.max_cmd_sn = cases[i].max;
		give_nop_in(&b);
		assert_false(b.c->ended);
		if (fake_has_sent(b.c) != cases[i].opens)
			fail_msg("window by %u, %u", cases[i].exp, cases[i].max);
		for (uint32_t n = 1000; n < 1005; n++)
			if (window_acknowledged(&b.c->conn->shared->window, n) != (n < cases[i].acknowledged))
				fail_msg("%u after %u, %u", n, cases[i].exp, cases[i].max);
		b.fake.exp_cmd_sn = 1000;
		command_end(&b);
		for (unsigned j = 0; j < 6; j++)
			fake_task_free(task[j]);
	}
	DUTY("WIN-1 WIN-2 WIN-7 TOL-4 SN-8 MC-2.3");
}

/* While the window is shut immediate requests leave, with the number of the next command. */
static void test_immediate(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_nop_out nop;
	struct command b;

	(void)state;
	begin_shut(&b);
	b.task = fake_read(512);
	fake_submit(b.c, b.task);
	fake_wait(&b.fake, 5000);
	nop = take_nop(&b);
	assert_true(nop.immediate);
	assert_int_equal(nop.cmd_sn, 1000);
	b.itt = nop.initiator_task_tag;
	give_ping_echo(&b);
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = 4 });
	fake_numbers(b.c, bhs, false);
	fake_give_pdu(b.c, bhs, NULL, 0);
	nop = take_nop(&b);
	assert_true(nop.immediate);
	assert_int_equal(nop.cmd_sn, 1000);
	assert_int_equal(nop.initiator_task_tag, PDU_NO_TAG);
	assert_int_equal(nop.exp_stat_sn, b.c->stat_sn);
	b.fake.max_cmd_sn++;
	give_nop_in(&b);
	assert_int_equal(take_command(&b).cmd_sn, 1000);
	command_end(&b);
	DUTY("SN-4 WIN-5 NOP-2 UNH-FFP-2.1 UNH-FFP-15.1 UNH-FFP-15.2");
}

/* ---------------------------------------------------------------- what all requests carry */

static void test_exp_stat_sn(void **state)
{
	struct pdu_data_out out;
	struct pdu_logout_request logout;
	struct pdu_text_request text;
	uint8_t bhs[PDU_BHS_LEN];
	struct command b;
	uint32_t now;

	(void)state;
	command_begin(&b, 0, false);
	give_async(&b);
	now = b.c->stat_sn;
	b.task = fake_write(20000);
	fake_submit(b.c, b.task);
	assert_int_equal(take_command(&b).exp_stat_sn, now);
	b.fake.exp_cmd_sn++;
	fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0);
	pdu_get_data_out(bhs, &out);
	assert_int_equal(out.exp_stat_sn, now);
	assert_int_equal(bytes_get32(bhs + 24), 0); /* where others have CmdSN */
	assert_int_equal(conn_text(b.c->conn, FAKE_TEXT("SendTargets="), b.fake.now), 0);
	fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0);
	pdu_get_text_request(bhs, &text);
	assert_int_equal(text.exp_stat_sn, now);
	b.itt = text.initiator_task_tag;
	give_text(&b);
	b.itt = b.task->itt;
	give_response(&b);
	command_expect_done(&b, TASK_COMPLETE);
	conn_logout(b.c->conn, PDU_LOGOUT_CONNECTION, b.fake.now);
	fake_take(b.c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	pdu_get_logout_request(bhs, &logout);
	assert_int_equal(logout.exp_stat_sn, now + 2);
	command_end(&b);
	DUTY("ST-2 CMD-13 LO-5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_of_pdu), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_pairs), cmocka_unit_test(test_immediate),
		cmocka_unit_test(test_exp_stat_sn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
