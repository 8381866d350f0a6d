/*
 * engine_recv_test.c - PDUs from the target in full feature phase: each kind whole and byte by byte,
 * with and without digests, and what is refused.
 */
#include "engine_fake.h"

#include <stdlib.h>

#include "proto/digest.h"

struct bench {
	struct fake fake;
	struct fake_conn *c;
	struct task *task;
	uint32_t itt;
};

static const size_t pieces[] = { 0, 1, 7, 50 };

static void begin(struct bench *b, size_t piece, bool digests)
{
	static const char keys[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C\0"
		"MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0"
		"MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=4\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	struct fake_setup setup;

	fake_setup_init(&setup);
	setup.piece = piece;
	setup.options.header_digest = setup.options.data_digest = digests;
	fake_begin(&b->fake, &setup);
	b->c = fake_login(&b->fake, &setup.options, digests ? keys : NULL, sizeof(keys));
	b->task = NULL;
}

static void end(struct bench *b)
{
	fake_end(&b->fake);
	if (b->task)
		fake_task_free(b->task);
}

/* A command is under way. */
static void command(struct bench *b, struct task *task)
{
	uint8_t bhs[PDU_BHS_LEN];

	b->task = task;
	fake_submit(b->c, task);
	fake_take(b->c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	b->itt = bytes_get32(bhs + 16);
	b->fake.exp_cmd_sn++;
	b->fake.max_cmd_sn++;
}

static void give_data_in(struct bench *b, uint32_t offset, uint32_t sn, const void *data, uint32_t len,
			 uint8_t flags)
{
	struct pdu_data_in pdu = { .final = flags & 0x80, .has_status = flags & 1,
		.underflow = flags & 2, .overflow = flags & 4, .initiator_task_tag = b->itt,
		.target_transfer_tag = PDU_NO_TAG, .data_sn = sn, .buffer_offset = offset };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_data_in(bhs, &pdu);
	fake_numbers(b->c, bhs, pdu.has_status);
	fake_give_pdu(b->c, bhs, data, len);
}

static void give_response(struct bench *b, struct pdu_scsi_response *pdu, const void *data, uint32_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu->initiator_task_tag = b->itt;
	pdu_put_scsi_response(bhs, pdu);
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, data, len);
}

static void give_r2t(struct bench *b, struct pdu_r2t pdu)
{
	uint8_t bhs[PDU_BHS_LEN];

	if (!pdu.initiator_task_tag)
		pdu.initiator_task_tag = b->itt;
	pdu_put_r2t(bhs, &pdu);
	fake_numbers(b->c, bhs, false);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

static void expect_done(struct bench *b, enum task_outcome outcome)
{
	assert_false(b->c->ended);
	assert_int_equal(b->c->done_count, 1);
	assert_ptr_equal(b->c->done[0], b->task);
	assert_int_equal(b->task->outcome, outcome);
}

/* The connection is over, and the task came back once. */
static void expect_refused(struct bench *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(b->c->fault.kind, kind);
	assert_true(b->c->fault.text[0]);
	if (b->task) {
		assert_int_equal(b->c->done_count, 1);
		assert_int_equal(b->task->outcome, TASK_LOST);
	}
}

/* ---------------------------------------------------------------- what is right */

static void read_well(size_t piece, bool digests)
{
	uint8_t data[3001];
	struct bench b;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13);
	begin(&b, piece, digests);
	command(&b, fake_read(sizeof(data)));
	give_data_in(&b, 0, 0, data, 1000, 0);
	give_data_in(&b, 1000, 1, NULL, 0, 0);
	give_data_in(&b, 1000, 2, data + 1000, 1, 0x80);
	assert_int_equal(b.c->done_count, 0);
	give_data_in(&b, 1001, 3, data + 1001, 2000, 0x81);
	expect_done(&b, TASK_COMPLETE);
	assert_int_equal(b.task->received, sizeof(data));
	assert_memory_equal(b.task->in, data, sizeof(data));
	end(&b);
}

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		read_well(pieces[i], false);
		read_well(pieces[i], true);
	}
}

/* Immediate data, unsolicited data and two R2Ts that are open at once. */
static void write_well(size_t piece, bool digests)
{
	uint8_t bhs[PDU_BHS_LEN], data[8192];
	struct pdu_scsi_response good = { .status = 0 };
	struct pdu_data_out out;
	struct pdu_scsi_command cmd;
	struct bench b;
	uint32_t len, at = 16384;

	begin(&b, piece, digests);
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
	give_r2t(&b, (struct pdu_r2t){ .lun = b.task->lun, .target_transfer_tag = 11, .r2t_sn = 0,
		.buffer_offset = 16384, .desired_data_transfer_length = 10000 });
	give_r2t(&b, (struct pdu_r2t){ .lun = b.task->lun, .target_transfer_tag = 12, .r2t_sn = 1,
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
	give_response(&b, &good, NULL, 0);
	expect_done(&b, TASK_COMPLETE);
	end(&b);
}

static void test_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		write_well(pieces[i], false);
		write_well(pieces[i], true);
	}
}

static void test_sense(void **state)
{
	uint8_t segment[2 + 600] = { 0, 18, 0x70, 0, 3 };
	struct pdu_scsi_response check = { .status = 2 };
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin(&b, pieces[i], i % 2);
		command(&b, fake_read(512));
		bytes_put16(segment, 18);
		give_response(&b, &check, segment, 20);
		expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->status, 2);
		assert_int_equal(b.task->sense_len, 18);
		assert_int_equal(b.task->sense[2], 3);
		end(&b);
		/* more than is kept */
		begin(&b, pieces[i], i % 2);
		command(&b, fake_read(512));
		bytes_put16(segment, 600);
		give_response(&b, &check, segment, 602);
		expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->sense_len, ENGINE_SENSE_MAX);
		end(&b);
		/* TOL-2: none at all */
		begin(&b, pieces[i], i % 2);
		command(&b, fake_read(512));
		give_response(&b, &check, NULL, 0);
		expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->sense_len, 0);
		end(&b);
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
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pdu_scsi_response r = { .underflow = cases[i].under, .overflow = cases[i].over,
			.residual_count = cases[i].residual, .exp_data_sn = cases[i].sent ? 1 : 0 };

		begin(&b, 0, false);
		command(&b, fake_read(512));
		if (cases[i].sent)
			give_data_in(&b, 0, 0, data, cases[i].sent, 0x80);
		give_response(&b, &r, NULL, 0);
		expect_done(&b, cases[i].outcome);
		assert_int_equal(b.task->received, cases[i].sent);
		if (b.task->outcome == TASK_COMPLETE) {
			assert_int_equal(b.task->underflow, cases[i].under);
			assert_int_equal(b.task->overflow, cases[i].over);
			assert_int_equal(b.task->residual, cases[i].residual);
		}
		end(&b);
	}
}

static void test_pings(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_nop_out out;
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin(&b, pieces[i], i % 2);
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
		end(&b);
	}
}

static void test_async(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], sense[20] = { 0, 18, 0x70, 0, 6 };
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin(&b, pieces[i], i % 2);
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
		end(&b);
	}
}

/* A text in pieces: TX-2, TXT-8. */
static void test_text(void **state)
{
	static const char text[] = "TargetName=iqn.2026-11.test:a\0TargetAddress=192.0.2.7:3260,1";
	uint8_t bhs[PDU_BHS_LEN], data[64];
	struct pdu_text_response r = { .more = true, .target_transfer_tag = 5, .lun = 6 };
	struct pdu_text_request q;
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin(&b, pieces[i], i % 2);
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
		end(&b);
	}
}

/* CMD-14: what comes for a task that has ended is swallowed. */
static void test_late(void **state)
{
	struct pdu_scsi_response good = { .status = 0 };
	uint8_t data[512] = { 1 };
	struct bench b;

	(void)state;
	begin(&b, 0, false);
	command(&b, fake_write(30000));
	while (fake_has_sent(b.c)) {
		uint8_t bhs[PDU_BHS_LEN];

		fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0);
	}
	give_response(&b, &good, NULL, 0);
	expect_done(&b, TASK_COMPLETE);
	give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = 1, .desired_data_transfer_length = 512 });
	give_data_in(&b, 0, 0, data, 512, 0x80);
	assert_false(b.c->ended);
	assert_false(fake_has_sent(b.c));
	/* the same answer again: a repeat by its StatSN */
	b.c->stat_sn--;
	give_response(&b, &good, NULL, 0);
	expect_done(&b, TASK_COMPLETE);
	end(&b);
}

/* ---------------------------------------------------------------- what is refused */

/* Each row changes a PDU that would be right: `put` sets so many bytes at `at`. */
struct wrong {
	const char *name;
	uint8_t opcode;
	unsigned at, size;
	uint32_t value;
	uint32_t len; /* of the data segment */
};

static const struct wrong wrongs[] = {
	{ "unknown opcode", PDU_SCSI_RESPONSE, 0, 1, 0x2b, 0 },
	{ "an initiator's opcode", PDU_SCSI_RESPONSE, 0, 1, 0x04, 0 },
	{ "additional header", PDU_SCSI_RESPONSE, 4, 1, 1, 0 },
	{ "segment above our limit", PDU_DATA_IN, 0, 0, 0, 65537 },
	{ "StatSN ahead", PDU_SCSI_RESPONSE, 24, 4, 501 + 9, 0 },
	{ "StatSN behind, for a live task", PDU_SCSI_RESPONSE, 24, 4, 501 - 9, 0 },
	{ "unknown task", PDU_SCSI_RESPONSE, 16, 4, 0x12345678, 0 },
	{ "no task", PDU_SCSI_RESPONSE, 16, 4, PDU_NO_TAG, 0 },
	{ "both residuals", PDU_SCSI_RESPONSE, 1, 1, 0x86, 0 },
	{ "Data-In missing", PDU_SCSI_RESPONSE, 36, 4, 5, 0 },
	{ "sense of one byte", PDU_SCSI_RESPONSE, 0, 0, 0, 1 },
	{ "sense beyond its segment", PDU_SCSI_RESPONSE, 48, 2, 0x7fff, 20 },
	{ "Data-In beyond", PDU_DATA_IN, 40, 4, 400, 200 },
	{ "Data-In far beyond", PDU_DATA_IN, 40, 4, 0xfffffff0, 200 },
	{ "Data-In longer than the read", PDU_DATA_IN, 0, 0, 0, 513 },
	{ "Data-In with a hole", PDU_DATA_IN, 40, 4, 4, 100 },
	{ "DataSN ahead", PDU_DATA_IN, 36, 4, 1, 100 },
	{ "Data-In for nobody", PDU_DATA_IN, 16, 4, PDU_NO_TAG, 100 },
	{ "status without F", PDU_DATA_IN, 1, 1, 0x01, 512 },
	{ "Data-In both residuals", PDU_DATA_IN, 1, 1, 0x87, 512 },
	{ "R2T for a read", PDU_R2T, 0, 0, 0, 0 },
	{ "R2T for nobody", PDU_R2T, 16, 4, PDU_NO_TAG, 0 },
	{ "text response", PDU_TEXT_RESPONSE, 0, 0, 0, 0 },
	{ "logout response", PDU_LOGOUT_RESPONSE, 0, 0, 0, 0 },
	{ "task response", PDU_TASK_RESPONSE, 0, 0, 0, 0 },
	{ "login response", PDU_LOGIN_RESPONSE, 0, 0, 0, 0 },
	{ "echo of no ping", PDU_NOP_IN, 20, 4, PDU_NO_TAG, 0 },
	{ "ping with both tags", PDU_NOP_IN, 20, 4, 5, 0 },
	{ "async sense beyond", PDU_ASYNC, 48, 2, 0x7fff, 20 },
	{ "reject without a header", PDU_REJECT, 0, 0, 0, 47 },
	{ "reject of our command", PDU_REJECT, 48, 1, PDU_SCSI_COMMAND, 48 },
};

static void refuse(const struct wrong *w, size_t piece, bool digests)
{
	uint8_t pdu[PDU_BHS_LEN] = { w->opcode, 0x80 }, *data = calloc(1, w->len + 1);
	uint8_t *field = w->at < PDU_BHS_LEN ? pdu + w->at : data + (w->at - PDU_BHS_LEN);
	struct bench b;

	begin(&b, piece, digests);
	command(&b, fake_read(512));
	bytes_put32(pdu + 16, b.itt);
	fake_numbers(b.c, pdu, w->opcode != PDU_R2T && w->opcode != PDU_DATA_IN);
	if (w->opcode == PDU_DATA_IN)
		bytes_put32(pdu + 20, PDU_NO_TAG);
	if (w->opcode == PDU_R2T) {
		bytes_put32(pdu + 20, 1);
		bytes_put32(pdu + 44, 512);
	}
	if (w->size == 1)
		field[0] = (uint8_t)w->value;
	else if (w->size == 2)
		bytes_put16(field, (uint16_t)w->value);
	else if (w->size == 4)
		bytes_put32(field, w->value);
	fake_give_pdu(b.c, pdu, data, w->len);
	if (!b.c->ended)
		print_error("not refused: %s\n", w->name);
	assert_true(b.c->ended);
	assert_true(b.c->fault.kind == FAULT_PROTOCOL || b.c->fault.kind == FAULT_REFUSED);
	expect_refused(&b, b.c->fault.kind);
	end(&b);
	free(data);
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
			refuse(&wrongs[i], pieces[k], k % 2);
}

static void test_refused_r2t(void **state)
{
	static const struct pdu_r2t r2ts[] = {
		{ .target_transfer_tag = PDU_NO_TAG, .desired_data_transfer_length = 512 },
		{ .target_transfer_tag = 1, .desired_data_transfer_length = 0 },
		{ .target_transfer_tag = 1, .desired_data_transfer_length = 65537 },
		{ .target_transfer_tag = 1, .desired_data_transfer_length = 512, .lun = 7 },
		{ .target_transfer_tag = 1, .desired_data_transfer_length = 512, .r2t_sn = 1 },
		{ .target_transfer_tag = 1, .desired_data_transfer_length = 512, .buffer_offset = 79489 },
		{ .target_transfer_tag = 1, .desired_data_transfer_length = 512,
		  .buffer_offset = 0xffffff00 },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(r2ts) / sizeof(r2ts[0]); i++) {
		begin(&b, i % 2, false);
		command(&b, fake_write(80000));
		give_r2t(&b, r2ts[i]);
		expect_refused(&b, FAULT_PROTOCOL);
		end(&b);
	}
	/* one more than was agreed */
	begin(&b, 0, false);
	command(&b, fake_write(80000));
	for (uint32_t i = 0; i < 5; i++) {
		assert_false(b.c->ended);
		give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = i, .r2t_sn = i,
			.buffer_offset = 16384 + i * 512, .desired_data_transfer_length = 512 });
	}
	expect_refused(&b, FAULT_PROTOCOL);
	end(&b);
}

/* One bit wrong anywhere in PDUs with digests. */
static void test_digests(void **state)
{
	uint8_t data[102], bhs[PDU_BHS_LEN];
	struct pdu_data_in pdu = { .final = true, .target_transfer_tag = PDU_NO_TAG };
	struct bench b;

	(void)state;
	memset(data, 7, sizeof(data));
	for (size_t bit = 0; bit < 8 * (52 + 104 + 4); bit += 5) {
		uint8_t wire[52 + 104 + 4], *at = wire;
		uint32_t saved;

		begin(&b, bit % 3, true);
		command(&b, fake_read(512));
		pdu.initiator_task_tag = b.itt;
		pdu_put_data_in(bhs, &pdu);
		fake_numbers(b.c, bhs, false);
		bytes_put24(bhs + 5, sizeof(data));
		/* as fake_give_pdu would make it */
		memset(wire, 0, sizeof(wire));
		memcpy(at, bhs, 48);
		digest_put(at + 48, digest_of(bhs, 48));
		memcpy(at + 52, data, sizeof(data));
		digest_put(at + 156, digest_of(at + 52, 104));
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		saved = b.task->received;
		fake_give(b.c, wire, sizeof(wire));
		/* A length that grew may just leave it waiting for more. */
		if (!b.c->ended) {
			assert_true(bit / 8 >= 4 && bit / 8 < 8);
			assert_int_equal(b.task->received, saved);
			fake_closed(b.c, FAULT_CLOSED);
		} else {
			expect_refused(&b, FAULT_DIGEST);
		}
		end(&b);
	}
}

/* The connection is cut at every byte of a PDU. */
static void test_cut(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], wire[PDU_BHS_LEN + 100];
	struct bench b;

	(void)state;
	for (size_t n = 0; n < sizeof(wire); n++) {
		begin(&b, 0, false);
		command(&b, fake_read(512));
		pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true,
			.initiator_task_tag = b.itt, .target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, false);
		bytes_put24(bhs + 5, 100);
		memset(wire, 0, sizeof(wire));
		memcpy(wire, bhs, PDU_BHS_LEN);
		fake_give(b.c, wire, n);
		fake_closed(b.c, FAULT_CLOSED);
		expect_refused(&b, FAULT_CLOSED);
		end(&b);
	}
}

static void test_storms(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	/* pings that wait for no answer */
	begin(&b, 0, false);
	for (uint32_t i = 0; i < 1000 && !b.c->ended; i++) {
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = i });
		fake_numbers(b.c, bhs, false);
		fake_give_pdu(b.c, bhs, NULL, 0);
	}
	assert_true(b.c->ended);
	end(&b);
	/* data without an end */
	begin(&b, 0, false);
	command(&b, fake_read(512));
	for (uint32_t i = 0; i < 100000; i++)
		give_data_in(&b, 0, i, NULL, 0, 0);
	assert_false(b.c->ended);
	fake_closed(b.c, FAULT_CLOSED);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_sense),
		cmocka_unit_test(test_residuals),
		cmocka_unit_test(test_pings),
		cmocka_unit_test(test_async),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_r2t),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_storms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
