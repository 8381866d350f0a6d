/*
 * engine_recv_test.c - PDUs from the target in full feature phase: each kind whole and byte by byte,
 * with and without digests. What must be refused: engine_recv_refuse_test.c.
 */
#include "engine_fake_command.h"
#include "../duty.h"

static const size_t pieces[] = { 0, 1, 7, 50 };

static void read_well(size_t piece, bool digests)
{
	uint8_t data[3001];
	struct command b;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13);
	command_begin(&b, piece, digests);
	command_submit(&b, fake_read(sizeof(data)));
	command_give_data_in(&b, 0, 0, data, 1000, 0);
	command_give_data_in(&b, 1000, 1, NULL, 0, 0);
	command_give_data_in(&b, 1000, 2, data + 1000, 1, 0x80);
	assert_int_equal(b.c->done_count, 0);
	command_give_data_in(&b, 1001, 3, data + 1001, 2000, 0x81);
	command_expect_done(&b, TASK_COMPLETE);
	assert_int_equal(b.task->received, sizeof(data));
	assert_memory_equal(b.task->in, data, sizeof(data));
	command_end(&b);
}

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		read_well(pieces[i], false);
		read_well(pieces[i], true);
	}
	DUTY("DS-1 IN-2 IN-4 PDU-12 UNH-FFP-10.1 UNH-FFP-11.1.2");
}

/* Immediate data, unsolicited data and two R2Ts that are open at once. */
static void write_well(size_t piece, bool digests)
{
	uint8_t bhs[PDU_BHS_LEN], data[8192];
	struct pdu_scsi_response good = { .status = 0 };
	struct pdu_data_out out;
	struct pdu_scsi_command cmd;
	struct command b;
	uint32_t len, at = 16384;

	command_begin(&b, piece, digests);
	b.task = fake_write(40000);
	b.task->lun = UINT64_C(0x0005000000000000);
	fake_submit(b.c, b.task);
	len = fake_take(b.c, PDU_SCSI_COMMAND, bhs, data, sizeof(data));
	pdu_get_scsi_command(bhs, &cmd);
	assert_int_equal(len, 8192);
	assert_memory_equal(data, b.task->out, len);
	assert_false(cmd.final);
	assert_true(cmd.write && !cmd.read);
	assert_int_equal(cmd.expected_data_transfer_length, 40000);
	assert_int_equal(cmd.cmd_sn, 1000);
	b.itt = cmd.initiator_task_tag;
	len = fake_take(b.c, PDU_DATA_OUT, bhs, data, sizeof(data));
	pdu_get_data_out(bhs, &out);
	assert_int_equal(len, 8192);
	assert_true(out.final);
	assert_int_equal(out.buffer_offset, 8192);
	assert_int_equal(out.target_transfer_tag, PDU_NO_TAG);
	assert_memory_equal(data, b.task->out + 8192, len);
	assert_false(fake_has_sent(b.c));
	b.fake.exp_cmd_sn++;
	command_give_r2t(&b, (struct pdu_r2t){ .lun = b.task->lun, .target_transfer_tag = 11, .r2t_sn = 0,
		.buffer_offset = 16384, .desired_data_transfer_length = 10000 });
	command_give_r2t(&b, (struct pdu_r2t){ .lun = b.task->lun, .target_transfer_tag = 12, .r2t_sn = 1,
		.buffer_offset = 26384, .desired_data_transfer_length = 13616 });
	for (unsigned i = 0; i < 4; i++) {
		len = fake_take(b.c, PDU_DATA_OUT, bhs, data, sizeof(data));
		pdu_get_data_out(bhs, &out);
		assert_int_equal(out.target_transfer_tag, i < 2 ? 11 : 12);
		assert_int_equal(out.data_sn, i % 2);
		assert_int_equal(out.final, i % 2);
		assert_int_equal(out.buffer_offset, at);
		assert_true(out.lun == b.task->lun);
		assert_memory_equal(data, b.task->out + at, len);
		at += len;
	}
	assert_int_equal(at, 40000);
	assert_int_equal(b.c->done_count, 0);
	command_give_response(&b, &good, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_end(&b);
}

static void test_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		write_well(pieces[i], false);
		write_well(pieces[i], true);
	}
	DUTY("CMD-8 CMD-9 DS-3 UNH-FFP-8.1 UNH-FFP-12.2");
}

static void test_sense(void **state)
{
	uint8_t segment[2 + 600] = { 0, 18, 0x70, 0, 3 };
	struct pdu_scsi_response check = { .status = 2 };
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		command_begin(&b, pieces[i], i % 2);
		command_submit(&b, fake_read(512));
		bytes_put16(segment, 18);
		command_give_response(&b, &check, segment, 20);
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->status, 2);
		assert_int_equal(b.task->sense_len, 18);
		assert_int_equal(b.task->sense[2], 3);
		command_end(&b);
		/* more than is kept */
		command_begin(&b, pieces[i], i % 2);
		command_submit(&b, fake_read(512));
		bytes_put16(segment, 600);
		command_give_response(&b, &check, segment, 602);
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->sense_len, ENGINE_SENSE_MAX);
		command_end(&b);
		/* TOL-2: none at all */
		command_begin(&b, pieces[i], i % 2);
		command_submit(&b, fake_read(512));
		command_give_response(&b, &check, NULL, 0);
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->sense_len, 0);
		command_end(&b);
	}
	DUTY("IN-8 IN-19 TOL-2 IN-9");
}

/* The SNACK Tag means nothing where no R-Data SNACK was sent. */
static void test_reserved_tag(void **state)
{
	struct pdu_scsi_response good = { .status = 0, .exp_data_sn = 1 };
	uint8_t data[512] = { 3 };
	struct command b;

	(void)state;
	for (unsigned level = 0; level < 3; level++) {
		command_begin_on(&b, &(struct command_terms){ .level = level });
		command_submit(&b, fake_read(512));
		command_give_data_in(&b, 0, 0, data, 512, 0x80);
		b.snack_tag = 0x1234;
		command_give_response(&b, &good, NULL, 0);
		command_expect_done(&b, TASK_COMPLETE);
		assert_false(fake_has_sent(b.c));
		command_end(&b);
	}
}

/* IN-11, IN-14 */
static void test_residuals(void **state)
{
	static const struct {
		uint32_t sent, residual;
		bool under, over;
		enum task_outcome outcome;
	} cases[] = {
		{ 512, 0, false, false, TASK_COMPLETE },
		{ 100, 412, true, false, TASK_COMPLETE },
		{ 512, 88, false, true, TASK_COMPLETE },
		{ 100, 0, false, false, TASK_FAILED },
		{ 100, 10, true, false, TASK_FAILED },
		{ 0, 512, true, false, TASK_COMPLETE },
		{ 0, 0, false, false, TASK_FAILED },
	};
	uint8_t data[512] = { 9 };
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdu_scsi_response r = { .underflow = cases[i].under, .overflow = cases[i].over,
			.residual_count = cases[i].residual, .exp_data_sn = cases[i].sent ? 1 : 0 };

		command_begin(&b, 0, false);
		command_submit(&b, fake_read(512));
		if (cases[i].sent)
			command_give_data_in(&b, 0, 0, data, cases[i].sent, 0x80);
		command_give_response(&b, &r, NULL, 0);
		command_expect_done(&b, cases[i].outcome);
		assert_int_equal(b.task->received, cases[i].sent);
		if (b.task->outcome == TASK_COMPLETE) {
			assert_int_equal(b.task->underflow, cases[i].under);
			assert_int_equal(b.task->overflow, cases[i].over);
			assert_int_equal(b.task->residual, cases[i].residual);
		}
		command_end(&b);
	}
	DUTY("IN-11 IN-14 IN-18");
}

static void test_pings(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_nop_out out;
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		command_begin(&b, pieces[i], i % 2);
		/* The target's: NOP-1. */
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = 4711, .lun = 99 });
		fake_numbers(b.c, bhs, false);
		fake_give_pdu(b.c, bhs, NULL, 0);
		fake_take(b.c, PDU_NOP_OUT, bhs, NULL, 0);
		pdu_get_nop_out(bhs, &out);
		assert_true(out.immediate);
		assert_int_equal(out.initiator_task_tag, PDU_NO_TAG);
		assert_int_equal(out.target_transfer_tag, 4711);
		assert_true(out.lun == 99);
		assert_int_equal(out.cmd_sn, 1000);
		/* One that only tells numbers. */
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, false);
		fake_give_pdu(b.c, bhs, NULL, 0);
		assert_false(fake_has_sent(b.c));
		/* Ours. */
		fake_wait(&b.fake, 5000);
		fake_take(b.c, PDU_NOP_OUT, bhs, NULL, 0);
		pdu_get_nop_out(bhs, &out);
		assert_int_equal(out.target_transfer_tag, PDU_NO_TAG);
		assert_int_not_equal(out.initiator_task_tag, PDU_NO_TAG);
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = out.initiator_task_tag,
			.target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, NULL, 0);
		fake_wait(&b.fake, 4500);
		assert_false(b.c->ended);
		fake_wait(&b.fake, 600);
		assert_true(fake_has_sent(b.c));
		fake_wait(&b.fake, 4000);
		assert_true(b.c->ended);
		assert_int_equal(b.c->fault.kind, FAULT_TIMEOUT);
		command_end(&b);
	}
	DUTY("NOP-1 NOP-2 NOP-3 NOP-6 UNH-FFP-15.1 UNH-FFP-15.2");
}

static void test_async(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], sense[20] = { 0, 18, 0x70, 0, 6 };
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		command_begin(&b, pieces[i], i % 2);
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG, .lun = 3,
			.async_event = PDU_ASYNC_SCSI });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, sense, sizeof(sense));
		assert_int_equal(b.c->asyncs, 1);
		assert_int_equal(b.c->async.sense_len, 18);
		assert_memory_equal(b.c->async.sense, sense + 2, 18);
		assert_true(b.c->async.lun == 3);
		/* AS-5: an empty text request answers an invitation to negotiate */
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG,
			.async_event = PDU_ASYNC_NEGOTIATE, .parameter3 = 3 });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, NULL, 0);
		assert_int_equal(fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0), 0);
		assert_int_equal(bhs[1], 0x80);
		/* AS-8, AS-7 */
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG,
			.async_event = 200 });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, NULL, 0);
		assert_false(b.c->ended);
		assert_int_equal(b.c->asyncs, 3);
		command_end(&b);
	}
	DUTY("AS-1 AS-5 AS-7 AS-8 UNH-FFP-20.4");
}

/* A text in pieces: TX-2, TXT-8. */
static void test_text(void **state)
{
	static const char text[] = "TargetName=iqn.2026-11.test:a\0TargetAddress=192.0.2.7:3260,1";
	uint8_t bhs[PDU_BHS_LEN], data[64];
	struct pdu_text_response r = { .more = true, .target_transfer_tag = 5, .lun = 6 };
	struct pdu_text_request q;
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		command_begin(&b, pieces[i], i % 2);
		assert_int_equal(conn_text(b.c->conn, FAKE_TEXT("SendTargets="), b.fake.now), 0);
		assert_true(fake_take(b.c, PDU_TEXT_REQUEST, bhs, data, sizeof(data)) == 13);
		assert_memory_equal(data, "SendTargets=", 13);
		pdu_get_text_request(bhs, &q);
		assert_true(q.final && q.target_transfer_tag == PDU_NO_TAG);
		assert_true(conn_text(b.c->conn, FAKE_TEXT("SendTargets="), b.fake.now) < 0);
		r.initiator_task_tag = q.initiator_task_tag;
		pdu_put_text_response(bhs, &r);
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, text, 21);
		assert_int_equal(fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0), 0);
		pdu_get_text_request(bhs, &q);
		assert_int_equal(q.target_transfer_tag, 5);
		assert_int_equal(q.initiator_task_tag, r.initiator_task_tag);
		assert_true(q.lun == 6);
		pdu_put_text_response(bhs, &(struct pdu_text_response){ .final = true,
			.initiator_task_tag = r.initiator_task_tag, .target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, text + 21, sizeof(text) - 21);
		assert_int_equal(b.c->texts, 1);
		assert_int_equal(b.c->text_len, sizeof(text));
		assert_memory_equal(b.c->text, text, sizeof(text));
		command_end(&b);
	}
	DUTY("TX-1 TX-2 TXT-6 TXT-8 TXT-10 UNH-FFP-18.1 UNH-FFP-18.3.1 UNH-FFP-18.3.2");
}

/* CMD-14: what comes for a task that has ended is swallowed. */
static void test_late(void **state)
{
	struct pdu_scsi_response good = { .status = 0 };
	uint8_t data[512] = { 1 };
	struct command b;

	(void)state;
	command_begin(&b, 0, false);
	command_submit(&b, fake_write(30000));
	while (fake_has_sent(b.c)) {
		uint8_t bhs[PDU_BHS_LEN];

		fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0);
	}
	command_give_response(&b, &good, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = 1, .desired_data_transfer_length = 512 });
	command_give_data_in(&b, 0, 0, data, 512, 0x80);
	assert_false(b.c->ended);
	assert_false(fake_has_sent(b.c));
	/* the same answer again: a repeat by its StatSN */
	b.c->stat_sn--;
	command_give_response(&b, &good, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_end(&b);
	DUTY("CMD-14 ST-4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_sense),
		cmocka_unit_test(test_reserved_tag),
		cmocka_unit_test(test_residuals),
		cmocka_unit_test(test_pings),
		cmocka_unit_test(test_async),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
