/*
 * engine_recv_refuse_test.c - PDUs from the target that must be refused, each whole and in pieces:
 * the connection is over, its task comes back once, nothing else happens.
 */
#include "engine_fake_command.h"

#include <stdlib.h>

#include "proto/digest.h"
#include "../duty.h"

static const size_t pieces[] = { 0, 1, 7, 50 };

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
	struct command b;

	command_begin(&b, piece, digests);
	command_submit(&b, fake_read(512));
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
	command_expect_refused(&b, b.c->fault.kind);
	command_end(&b);
	free(data);
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
			refuse(&wrongs[i], pieces[k], k % 2);
	DUTY("PDU-3 PDU-5 PDU-8 PDU-11 IN-1 IN-8 IN-10 IN-11 NOP-5 AS-9 ST-4 FMT-3 LOG-1");
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
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(r2ts) / sizeof(r2ts[0]); i++) {
		command_begin(&b, i % 2, false);
		command_submit(&b, fake_write(80000));
		command_give_r2t(&b, r2ts[i]);
		command_expect_refused(&b, FAULT_PROTOCOL);
		command_end(&b);
	}
	/* one more than was agreed */
	command_begin(&b, 0, false);
	command_submit(&b, fake_write(80000));
	for (uint32_t i = 0; i < 5; i++) {
		assert_false(b.c->ended);
		command_give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = i, .r2t_sn = i,
			.buffer_offset = 16384 + i * 512, .desired_data_transfer_length = 512 });
	}
	command_expect_refused(&b, FAULT_PROTOCOL);
	command_end(&b);
	DUTY("CMD-10 CMD-11 FMT-3");
}

/* One bit wrong anywhere in PDUs with digests. */
static void test_digests(void **state)
{
	uint8_t data[102], bhs[PDU_BHS_LEN];
	struct pdu_data_in pdu = { .final = true, .target_transfer_tag = PDU_NO_TAG };
	struct command b;

	(void)state;
	memset(data, 7, sizeof(data));
	for (size_t bit = 0; bit < 8 * (52 + 104 + 4); bit += 5) {
		uint8_t wire[52 + 104 + 4], *at = wire;
		uint32_t saved;

		command_begin(&b, bit % 3, true);
		command_submit(&b, fake_read(512));
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
			command_expect_refused(&b, FAULT_DIGEST);
		}
		command_end(&b);
	}
	DUTY("DIG-1 DIG-2");
}

/* The connection is cut at every byte of a PDU. */
static void test_cut(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], wire[PDU_BHS_LEN + 100];
	struct command b;

	(void)state;
	for (size_t n = 0; n < sizeof(wire); n++) {
		command_begin(&b, 0, false);
		command_submit(&b, fake_read(512));
		pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true,
			.initiator_task_tag = b.itt, .target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, false);
		bytes_put24(bhs + 5, 100);
		memset(wire, 0, sizeof(wire));
		memcpy(wire, bhs, PDU_BHS_LEN);
		fake_give(b.c, wire, n);
		fake_closed(b.c, FAULT_CLOSED);
		command_expect_refused(&b, FAULT_CLOSED);
		command_end(&b);
	}
}

/* An answer to a command, with the tag of a ping of ours. */
static void test_ping_is_no_command(void **state)
{
	static const uint8_t opcodes[] = { PDU_SCSI_RESPONSE, PDU_DATA_IN, PDU_R2T };
	uint8_t ping[PDU_BHS_LEN];
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		uint8_t bhs[PDU_BHS_LEN] = { opcodes[i], 0x80 };

		command_begin(&b, i, false);
		fake_wait(&b.fake, 5000);
		fake_take(b.c, PDU_NOP_OUT, ping, NULL, 0);
		memcpy(bhs + 16, ping + 16, 4);
		bytes_put32(bhs + 44, 512);
		fake_numbers(b.c, bhs, opcodes[i] == PDU_SCSI_RESPONSE);
		fake_give_pdu(b.c, bhs, NULL, 0);
		command_expect_refused(&b, FAULT_PROTOCOL);
		command_end(&b);
	}
	DUTY("PDU-8");
}

static void test_storms(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct command b;

	(void)state;
	/* pings that wait for no answer */
	command_begin(&b, 0, false);
	for (uint32_t i = 0; i < 1000 && !b.c->ended; i++) {
		pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = i });
		fake_numbers(b.c, bhs, false);
		fake_give_pdu(b.c, bhs, NULL, 0);
	}
	assert_true(b.c->ended);
	command_end(&b);
	/* data without an end */
	command_begin(&b, 0, false);
	command_submit(&b, fake_read(512));
	for (uint32_t i = 0; i < 100000; i++)
		command_give_data_in(&b, 0, i, NULL, 0, 0);
	assert_false(b.c->ended);
	fake_closed(b.c, FAULT_CLOSED);
	command_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_r2t),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ping_is_no_command),
		cmocka_unit_test(test_storms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
