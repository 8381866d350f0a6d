/*
 * engine_recv_reassign_test.c - the data of a task that was reassigned to another connection (7.2.2), and
 * of one that leaves while a PDU of it is half received.
 */
#include "engine_fake_command.h"

#include <stdlib.h>

#include "proto/digest.h"
#include "../duty.h"

enum { PART = 512, PARTS = 8, ACKED = 3 };

static uint8_t medium[PARTS * PART];

static int fill_medium(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(medium); i++)
		medium[i] = (uint8_t)(i * 17 + i / 256);
	return 0;
}

static void give(struct command *b, uint32_t sn, uint8_t flags)
{
	command_give_data_in(b, sn * PART, sn, medium + sn * PART, PART, flags);
}

/* Takes what the session wants as well, until this comes. */
static void take_until(struct command *b, uint8_t opcode, uint8_t bhs[PDU_BHS_LEN])
{
	do {
		assert_true(fake_has_sent(b->c));
		fake_take(b->c, pdu_opcode(b->c->sent), bhs, NULL, 0);
	} while (pdu_opcode(bhs) != opcode);
}

/* The newest ExpCmdSN. */
static void tell_window(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, false);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

static void give_task_response(struct command *b, const uint8_t request[PDU_BHS_LEN], uint8_t response)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_task_response(bhs, &(struct pdu_task_response){ .response = response,
		.initiator_task_tag = bytes_get32(request + 16) });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

/* The task was sent on the first connection, which is gone; now TASK REASSIGN has left on the second. */
static void begin_reassigned(struct command *b, struct task *task, bool acked,
			     struct pdu_task_request *ret, uint8_t request[PDU_BHS_LEN])
{
	static const char added[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C\0"
		"MaxRecvDataSegmentLength=8192";
	struct conn_options second = { .id = 2, .host = "192.0.2.2", .port = 3260,
		.header_digest = true, .data_digest = true };
	struct fake_conn *other;

	command_begin_on(b, &(struct command_terms){ .level = 2, .digests = true });
	other = fake_login(&b->fake, &second, added, sizeof(added));
	command_submit(b, task);
	for (uint32_t sn = 0; acked && sn < ACKED; sn++)
		give(b, sn, sn == ACKED - 1 ? 0xc0 : 0);
	if (acked)
		assert_int_equal(command_take_snack(b).beg_run, ACKED);
	if (acked)
		give(b, ACKED, 0); /* came, and is not acknowledged: void */
	fake_closed(b->c, FAULT_CLOSED);
	assert_int_equal(b->c->done_count, 1);
	assert_int_equal(task->outcome, TASK_SUSPENDED);
	b->c = other;
	tell_window(b);
	fake_submit(b->c, task);
	take_until(b, PDU_TASK_REQUEST, request);
	pdu_get_task_request(request, ret);
	assert_int_equal(ret->function, PDU_TASK_REASSIGN);
	assert_int_equal(ret->referenced_task_tag, b->itt);
	assert_int_equal(ret->exp_data_sn, acked ? ACKED : 0);
	assert_int_not_equal(ret->initiator_task_tag, b->itt);
	DUTY("RA-1 RA-5");
}

enum way { GO_ON, BEGIN_ANEW, LONGER_PARTS, LOSE_FIRST, STATUS_BEFORE_DATA };

static void reassigned_read(bool acked, enum way way)
{
	uint32_t first = way == BEGIN_ANEW || way == LONGER_PARTS || !acked ? 0 : ACKED;
	uint32_t parts = way == LONGER_PARTS ? PARTS / 2 : PARTS;
	uint8_t request[PDU_BHS_LEN];
	struct pdu_task_request tmf;
	struct command b;

	begin_reassigned(&b, fake_read(sizeof(medium)), acked, &tmf, request);
	give_task_response(&b, request, 0);
	memset(b.task->in + (acked ? ACKED * PART : 0), 0, 10);
	for (uint32_t sn = first; sn < parts; sn++) {
		uint32_t len = sizeof(medium) / parts;

		b.c->spoil = way == LOSE_FIRST && sn == first;
		command_give_data_in(&b, sn * len, sn, medium + sn * len, len,
				     sn == parts - 1 && way != STATUS_BEFORE_DATA ? 0x81 : 0);
	}
	if (way == STATUS_BEFORE_DATA)
		command_give_response(&b, &(struct pdu_scsi_response){ .exp_data_sn = PARTS }, NULL, 0);
	if (way == LOSE_FIRST) {
		struct pdu_snack snack;

		take_until(&b, PDU_SNACK, request);
		pdu_get_snack(request, &snack);
		assert_int_equal(snack.beg_run, first); /* RA-6 */
		assert_int_equal(snack.run_length, 1);
		give(&b, first, 0);
	}
	command_expect_done(&b, TASK_COMPLETE);
	assert_int_equal(b.task->received, sizeof(medium));
	assert_memory_equal(b.task->in, medium, sizeof(medium));
	command_end(&b);
	DUTY("RA-5 RA-6 RA-9");
}

static void test_read(void **state)
{
	(void)state;
	for (int way = GO_ON; way <= STATUS_BEFORE_DATA; way++) {
		reassigned_read(false, (enum way)way);
		reassigned_read(true, (enum way)way);
	}
}

/* RA-8 */
static void test_too_early(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		uint8_t request[PDU_BHS_LEN];
		struct pdu_task_request tmf;
		struct command b;

		begin_reassigned(&b, fake_read(sizeof(medium)), false, &tmf, request);
		if (n == 0)
			give(&b, 0, 0);
		else if (n == 1)
			command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
		else
			command_give_r2t(&b, (struct pdu_r2t){ .desired_data_transfer_length = 512 });
		command_expect_refused(&b, FAULT_PROTOCOL);
		command_end(&b);
	}
	DUTY("RA-8");
}

/* The target asks for data from where it likes, with numbers from where it likes. */
static void test_write(void **state)
{
	(void)state;
	for (uint32_t base = 0; base < 6; base += 5) {
		uint8_t request[PDU_BHS_LEN];
		struct pdu_task_request tmf;
		struct command b;

		begin_reassigned(&b, fake_write(4000), false, &tmf, request);
		give_task_response(&b, request, 0);
		for (uint32_t i = 0; i < 2; i++) {
			command_give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = i, .r2t_sn = base + i,
				.buffer_offset = 1000 + i * 500, .desired_data_transfer_length = 500 });
			take_until(&b, PDU_DATA_OUT, request);
			assert_int_equal(bytes_get32(request + 40), 1000 + i * 500);
			assert_int_equal(pdu_data_len(request), 500);
		}
		command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
		command_expect_done(&b, TASK_COMPLETE);
		command_end(&b);
	}
	DUTY("RA-9");
}

/* A reset ends the task between two bytes of its Data-In: the rest lands nowhere. */
static void test_ended_between(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], wire[PDU_BHS_LEN + 4 + 512 + 4];

	(void)state;
	for (size_t cut = PDU_BHS_LEN; cut < sizeof(wire); cut += 3) {
		struct command b;

		command_begin(&b, cut % 4, true);
		command_submit(&b, fake_read(512));
		tell_window(&b);
		pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true,
			.initiator_task_tag = b.itt, .target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, false);
		bytes_put24(bhs + 5, 512);
		memset(wire, 0x55, sizeof(wire));
		memcpy(wire, bhs, PDU_BHS_LEN);
		digest_put(wire + 48, digest_of(wire, 48));
		digest_put(wire + 52 + 512, digest_of(wire + 52, 512));
		fake_give(b.c, wire, cut);
		conn_conclude_covered(b.c->conn, PDU_TARGET_WARM_RESET, 0, 2000, b.fake.now);
		fake_pump(&b.fake);
		command_expect_done(&b, TASK_ABORTED);
		free(b.task->in);
		b.task->in = NULL;
		fake_give(b.c, wire + cut, sizeof(wire) - cut);
		assert_false(b.c->ended);
		command_submit(&b, b.task); /* the connection goes on */
		command_end(&b);
	}
	DUTY("TM-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_ended_between),
	};

	return cmocka_run_group_tests(tests, fill_medium, NULL);
}
