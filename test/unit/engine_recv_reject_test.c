/*
 * engine_recv_reject_test.c - what a Reject does to each kind of request, by reason, recovery level and
 * whether the target counted its number (11.17, 7.3).
 */
#include "engine_fake_command.h"

#include "../duty.h"

static void give_reject(struct command *b, uint8_t reason, const uint8_t request[PDU_BHS_LEN])
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_reject(bhs, &(struct pdu_reject){ .reason = reason, .initiator_task_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, request, PDU_BHS_LEN);
}

/* A write with immediate and unsolicited data was sent. */
static void begin_write(struct command *b, unsigned level, uint8_t command[PDU_BHS_LEN])
{
	uint8_t bhs[PDU_BHS_LEN];

	command_begin_on(b, &(struct command_terms){ .level = level, .digests = true });
	b->task = fake_write(12000);
	fake_submit(b->c, b->task);
	fake_take(b->c, PDU_SCSI_COMMAND, command, NULL, 0);
	fake_take(b->c, PDU_DATA_OUT, bhs, NULL, 0);
	b->itt = bytes_get32(command + 16);
}

/* RT-2: the same command with all of its data, and a number for the target to acknowledge (WIN-8). */
static void expect_again(struct command *b, const uint8_t command[PDU_BHS_LEN])
{
	uint8_t bhs[PDU_BHS_LEN], data[8192];
	bool numbered = false, rest = false;

	assert_int_equal(fake_take(b->c, PDU_SCSI_COMMAND, bhs, data, sizeof(data)), 8192);
	assert_memory_equal(data, b->task->out, 8192);
	bytes_put32(bhs + 28, bytes_get32(command + 28)); /* ExpStatSN has moved on */
	assert_memory_equal(bhs, command, PDU_BHS_LEN);
	while (!numbered || !rest) {
		assert_true(fake_has_sent(b->c));
		if (pdu_opcode(b->c->sent) == PDU_NOP_OUT) {
			fake_take(b->c, PDU_NOP_OUT, bhs, NULL, 0);
			assert_false(pdu_immediate(bhs) || numbered);
			assert_int_equal(bytes_get32(bhs + 24), bytes_get32(command + 24) + 1);
			command_echo(b, bhs);
			numbered = true;
		} else {
			assert_int_equal(fake_take(b->c, PDU_DATA_OUT, bhs, data, sizeof(data)), 3808);
			assert_memory_equal(data, b->task->out + 8192, 3808);
			rest = true;
		}
	}
}

static void test_repeated(void **state)
{
	static const uint8_t reasons[] = { PDU_REJECT_DATA_DIGEST, PDU_REJECT_IMMEDIATE,
		PDU_REJECT_LONG_OPERATION };
	uint8_t command[PDU_BHS_LEN];
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(reasons); i++) {
		begin_write(&b, 1 + i % 2, command);
		give_reject(&b, reasons[i], command);
		expect_again(&b, command);
		b.fake.exp_cmd_sn += 2;
		command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
		command_expect_done(&b, TASK_COMPLETE);
		assert_false(fake_has_sent(b.c));
		command_end(&b);
	}
	DUTY("RT-2 WIN-8 RJ-1 RJ-3 SN-7 REC-8 RV-2.5 UNH-FFP-4.1");
}

/* A target that never takes it. */
static void test_repeated_for_ever(void **state)
{
	uint8_t command[PDU_BHS_LEN], bhs[PDU_BHS_LEN];
	unsigned times = 0;
	struct command b;

	(void)state;
	begin_write(&b, 1, command);
	while (!b.c->ended) {
		assert_true(times++ < 20);
		give_reject(&b, PDU_REJECT_DATA_DIGEST, command);
		if (b.c->ended)
			break;
		while (fake_has_sent(b.c))
			fake_take(b.c, pdu_opcode(b.c->sent), bhs, NULL, 0);
	}
	command_expect_refused(&b, FAULT_REFUSED);
	command_end(&b);
}

enum end { CONN_ENDS, FAILS, SUSPENDED, GOES_ON, REPEATED };

/* By reason: if the target did not count the number, and if it did. */
static const struct {
	uint8_t reason;
	enum end hole, counted;
} ends[] = {
	{ 0x00, CONN_ENDS, CONN_ENDS },
	{ PDU_REJECT_DATA_DIGEST, REPEATED, FAILS },
	{ PDU_REJECT_SNACK, CONN_ENDS, CONN_ENDS },
	{ PDU_REJECT_PROTOCOL, CONN_ENDS, FAILS },
	{ PDU_REJECT_NOT_SUPPORTED, CONN_ENDS, FAILS },
	{ PDU_REJECT_IMMEDIATE, REPEATED, FAILS },
	{ PDU_REJECT_TASK_IN_PROGRESS, GOES_ON, GOES_ON },
	{ PDU_REJECT_DATA_ACK, CONN_ENDS, CONN_ENDS },
	{ PDU_REJECT_INVALID_FIELD, CONN_ENDS, FAILS },
	{ PDU_REJECT_LONG_OPERATION, REPEATED, FAILS },
	{ PDU_REJECT_NEGOTIATION_RESET, CONN_ENDS, CONN_ENDS },
	{ PDU_REJECT_WAITING_LOGOUT, SUSPENDED, FAILS },
	{ 0x40, CONN_ENDS, CONN_ENDS },
};

static void check_end(struct command *b, enum end end, uint8_t reason)
{
	if (end == CONN_ENDS) {
		command_expect_refused(b, FAULT_REFUSED);
		assert_int_equal(b->c->fault.detail, reason);
	} else if (end == FAILS) {
		command_expect_done(b, TASK_FAILED);
		assert_int_equal(b->task->fault.detail, reason);
	} else if (end == SUSPENDED) {
		command_expect_done(b, TASK_SUSPENDED);
	} else {
		assert_false(b->c->ended);
		assert_int_equal(b->c->done_count, 0);
		assert_int_equal(fake_has_sent(b->c), end == REPEATED);
	}
}

static void test_command(void **state)
{
	uint8_t command[PDU_BHS_LEN];

	(void)state;
	for (unsigned level = 0; level < 3; level++) {
		for (size_t i = 0; i < 2 * sizeof(ends) / sizeof(ends[0]); i++) {
			enum end end = i % 2 ? ends[i / 2].counted : ends[i / 2].hole;
			struct command b;

			begin_write(&b, level, command);
			b.fake.exp_cmd_sn += i % 2;
			give_reject(&b, ends[i / 2].reason, command);
			if (end == REPEATED && !level)
				end = CONN_ENDS;
			check_end(&b, end, ends[i / 2].reason);
			command_end(&b);
		}
	}
	DUTY("RJ-1 RJ-3 RT-1 RT-4");
}

/* RJ-2: of another PDU of a task that goes on, and of a task that has ended. */
static void test_other_pdus(void **state)
{
	uint8_t command[PDU_BHS_LEN], data_out[PDU_BHS_LEN];
	struct command b;

	(void)state;
	for (uint8_t reason = 2; reason < 13; reason++) {
		begin_write(&b, reason % 3, command);
		b.fake.exp_cmd_sn++;
		pdu_put_data_out(data_out, &(struct pdu_data_out){ .final = true,
			.initiator_task_tag = b.itt, .target_transfer_tag = PDU_NO_TAG });
		give_reject(&b, reason, data_out);
		assert_int_equal(b.c->done_count, 0);
		command_give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = 3, .buffer_offset = 8192,
			.desired_data_transfer_length = 3808 }); /* a recovery R2T */
		assert_int_equal(fake_take(b.c, PDU_DATA_OUT, data_out, NULL, 0), 3808);
		command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
		command_expect_done(&b, TASK_COMPLETE);
		give_reject(&b, reason, command);
		command_expect_done(&b, TASK_COMPLETE);
		command_end(&b);
	}
	DUTY("RJ-2 CMD-12");
}

/* A text and a ping end with it, and nothing else does. */
static void test_exchanges(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct command b;

	(void)state;
	command_begin(&b, 0, true);
	assert_int_equal(conn_text(b.c->conn, FAKE_TEXT("SendTargets="), b.fake.now), 0);
	fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0);
	give_reject(&b, PDU_REJECT_PROTOCOL, bhs);
	assert_int_equal(b.c->texts, 1);
	assert_int_equal(b.c->text_fault.kind, FAULT_REFUSED);
	fake_wait(&b.fake, 5000);
	fake_take(b.c, PDU_NOP_OUT, bhs, NULL, 0);
	give_reject(&b, PDU_REJECT_IMMEDIATE, bhs);
	assert_false(b.c->ended);
	fake_wait(&b.fake, 5000);
	assert_true(fake_has_sent(b.c));
	command_end(&b);
	DUTY("TX-5 NEG-1 TM-14");
}

/* What we never sent. */
static void test_nonsense(void **state)
{
	static const uint8_t opcodes[] = { PDU_SCSI_COMMAND, PDU_TASK_REQUEST, PDU_TEXT_REQUEST,
		PDU_LOGOUT_REQUEST, PDU_LOGIN_REQUEST, 0x1c, 0x3f };

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		uint8_t request[PDU_BHS_LEN] = { opcodes[i] };
		struct command b;

		command_begin(&b, i, false);
		bytes_put32(request + 16, 0x7654321);
		give_reject(&b, PDU_REJECT_PROTOCOL, request);
		command_expect_refused(&b, FAULT_REFUSED);
		command_end(&b);
	}
}

/* As LIO does for damaged data: the header in the Reject is noise. */
static void give_noise(struct command *b, uint8_t reason)
{
	uint8_t noise[PDU_BHS_LEN];

	memset(noise, 0xa5, sizeof(noise));
	give_reject(b, reason, noise);
}

/* Every command that the noise may mean goes again, with its data; those that the target has do not. */
static void test_noise(void **state)
{
	uint8_t first[PDU_BHS_LEN], second[PDU_BHS_LEN], third[PDU_BHS_LEN], again[PDU_BHS_LEN];
	struct command_terms terms = { .level = 1, .digests = true };
	struct task *others[2] = { fake_write(2000), fake_read(512) };
	struct command b;

	(void)state;
	command_begin_on(&b, &terms);
	command_submit(&b, fake_write(4000));
	fake_submit(b.c, others[0]);
	fake_submit(b.c, others[1]);
	fake_take(b.c, PDU_SCSI_COMMAND, first, NULL, 0);
	fake_take(b.c, PDU_SCSI_COMMAND, second, NULL, 0);
	give_noise(&b, PDU_REJECT_DATA_DIGEST);
	assert_int_equal(fake_take(b.c, PDU_SCSI_COMMAND, again, NULL, 0), 2000);
	assert_int_equal(bytes_get32(again + 16), bytes_get32(first + 16));
	assert_int_equal(bytes_get32(again + 24), bytes_get32(first + 24));
	while (fake_has_sent(b.c)) { /* pings, one of them with a number */
		fake_take(b.c, PDU_NOP_OUT, third, NULL, 0);
		b.fake.exp_cmd_sn += pdu_immediate(third) ? 0 : 3;
		command_echo(&b, third);
	}
	assert_false(b.c->ended);
	give_noise(&b, PDU_REJECT_DATA_DIGEST); /* nothing is left that it could mean */
	give_noise(&b, PDU_REJECT_PROTOCOL);
	command_take_ping(&b);
	assert_false(fake_has_sent(b.c) || b.c->ended);
	command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_end(&b);
	fake_task_free(others[0]);
	fake_task_free(others[1]);
	DUTY("RT-2 RJ-3");
}

/* Where it can't be told without harm, the connection is given up: at level 0, with Data-Out on their
 * way that the target may have, and if it does not end. */
static void test_noise_too_much(void **state)
{
	uint8_t command[PDU_BHS_LEN];
	struct command b;

	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		begin_write(&b, level, command);
		give_noise(&b, PDU_REJECT_DATA_DIGEST);
		command_expect_refused(&b, FAULT_REFUSED);
		command_end(&b);
	}
	command_begin_on(&b, &(struct command_terms){ .level = 1, .digests = true });
	command_submit(&b, fake_read(512));
	for (unsigned i = 0; i < 100 && !b.c->ended; i++)
		give_noise(&b, PDU_REJECT_PROTOCOL);
	command_expect_refused(&b, FAULT_DIGEST);
	command_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_noise_too_much),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_repeated_for_ever),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_other_pdus),
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
