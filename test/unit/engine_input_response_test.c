/*
 * engine_input_response_test.c - bad inputs of the field, groups 7 to 10: SCSI Responses, asynchronous
 * messages, NOP-Ins and Rejects that are wrong, at each recovery level.
 */
#include "engine_fake_input.h"
#include "engine_fake_level.h"

#include "../duty.h"

enum { LEVELS = 3, CHECK_CONDITION = 2 };

static struct input in;

static void begin(enum input_pdu pdu, unsigned level)
{
	static const size_t pieces[] = { 0, 1, 50 };

	input_begin(&in, pdu, level, level == 2, pieces[level]);
}

/* ---------------------------------------------------------------- SCSI Response */

static void test_no_sense(void **state)
{
	static const uint8_t empty[2] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS; i++) {
		begin(INPUT_RESPONSE, i / 2);
		in.len = i % 2 ? 2 : 0;
		memcpy(in.data, empty, 2);
		input_give(&in);
		command_expect_done(&in.b, TASK_COMPLETE);
		assert_int_equal(in.b.task->status, CHECK_CONDITION);
		assert_int_equal(in.b.task->sense_len, 0);
		input_end(&in);
	}
	DUTY("FIELD-7.1 IN-9 TOL-2");
}

static void test_bad_sense(void **state)
{
	static const uint16_t claims[] = { 20, 252, 253, 0x7fff, 0xffff };
	static const enum input_pdu pdus[] = { INPUT_RESPONSE, INPUT_ASYNC };

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS; i++) {
		begin(pdus[i % 2], i / 2);
		in.len = 1;
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-7.2 IN-8 AS-9");
	for (unsigned i = 0; i < 2 * LEVELS * sizeof(claims) / sizeof(claims[0]); i++) {
		begin(pdus[i % 2], i / 2 % LEVELS);
		bytes_put16(in.data, claims[i / 2 / LEVELS]); /* of 19 bytes */
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-7.3 IN-8 AS-9");
	for (unsigned i = 0; i < 2 * LEVELS; i++) { /* more than we keep */
		begin(pdus[i % 2], i / 2);
		in.len = 2 + 60000;
		bytes_put16(in.data, 60000);
		input_give(&in);
		assert_false(in.b.c->ended);
		assert_int_equal(i % 2 ? in.b.c->async.sense_len : in.b.task->sense_len, ENGINE_SENSE_MAX);
		input_end(&in);
	}
}

/* The target could not do it; nothing else that the PDU says counts. */
static void test_not_carried_out(void **state)
{
	static const uint8_t responses[] = { 1, 2, 0x7f, 0x80, 0xff };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(responses); i++) {
		begin(INPUT_RESPONSE, i % LEVELS);
		in.bhs[1] |= 0x1e; /* all residuals at once */
		in.bhs[2] = responses[i / LEVELS];
		bytes_put32(in.bhs + 36, 77); /* ExpDataSN */
		bytes_put32(in.bhs + 44, UINT32_MAX);
		input_give(&in);
		command_expect_done(&in.b, TASK_FAILED);
		assert_int_equal(in.b.task->fault.kind, FAULT_REFUSED);
		assert_int_equal(in.b.task->fault.detail, responses[i / LEVELS]);
		assert_int_equal(in.b.task->sense_len, 0);
		input_end(&in);
	}
	DUTY("FIELD-7.4 IN-6");
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(INPUT_RESPONSE, level);
		in.bhs[1] |= 0x06;
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
}

/* More Data-In than came: lost, at level 0 for good. Fewer: an old count, which tells nothing. */
static void test_exp_data_sn(void **state)
{
	static const uint8_t data[512];
	static const uint32_t expected[] = { 0, 1, 3, 60, 0x7fffffff, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(expected) / sizeof(expected[0]); i++) {
		uint32_t n = expected[i / LEVELS];
		bool more = n > 2 && n < UINT32_MAX;

		begin(INPUT_RESPONSE, i % LEVELS);
		in.b.c->stat_sn--; /* nothing was given yet */
		command_give_data_in(&in.b, 0, 0, data, 256, 0);
		command_give_data_in(&in.b, 256, 1, data, 256, 0x80);
		command_give_response(&in.b, &(struct pdu_scsi_response){ .exp_data_sn = n }, NULL, 0);
		if (!more) {
			command_expect_done(&in.b, TASK_COMPLETE);
		} else if (i % LEVELS == 0) {
			input_expect_end(&in, FAULT_PROTOCOL);
		} else {
			struct pdu_snack snack = command_take_snack(&in.b);

			assert_int_equal(snack.beg_run, 2);
			assert_int_equal(snack.run_length, 0); /* all from there on */
			assert_int_equal(in.b.c->done_count, 0);
		}
		input_end(&in);
	}
	DUTY("FIELD-7.5 IN-10");
}

static void test_unknown_tag(void **state)
{
	static const uint32_t tags[] = { PDU_NO_TAG, 0x12345678, 0xfffffffe, 1023 };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(tags) / sizeof(tags[0]); i++) {
		begin(INPUT_RESPONSE, i % LEVELS);
		bytes_put32(in.bhs + 16, tags[i / LEVELS]);
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-7.6 PDU-8");
}

/* Another status for the same command, with a StatSN of its own: the command has ended. While it waits
 * for lost data it has not, and then the second one is a lie (TRAP-13). */
static void test_twice(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(INPUT_RESPONSE, level);
		input_give(&in);
		in.bhs[3] = 8;
		fake_numbers(in.b.c, in.bhs, true);
		input_give(&in);
		command_expect_done(&in.b, TASK_COMPLETE);
		assert_int_equal(in.b.task->status, CHECK_CONDITION);
		input_end(&in);
	}
	for (unsigned level = 1; level < LEVELS; level++) {
		begin(INPUT_RESPONSE, level);
		bytes_put32(in.bhs + 36, 2);
		input_give(&in);
		assert_int_equal(in.b.c->done_count, 0);
		fake_numbers(in.b.c, in.bhs, true);
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-7.7 TRAP-13");
}

/* The count is the target's: it is told as it came, and no byte count is derived from it. */
static void test_residual(void **state)
{
	static const uint32_t counts[] = { 513, 0x80000000, UINT32_MAX };
	static const uint8_t data[512];

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS * sizeof(counts) / sizeof(counts[0]); i++) {
		uint32_t count = counts[i / 2 / LEVELS];
		bool overflow = i % 2;

		begin(INPUT_RESPONSE, i / 2 % LEVELS);
		in.b.c->stat_sn--;
		if (overflow)
			command_give_data_in(&in.b, 0, 0, data, 512, 0x80);
		command_give_response(&in.b, &(struct pdu_scsi_response){ .overflow = overflow,
			.underflow = !overflow, .residual_count = count, .exp_data_sn = overflow },
			NULL, 0);
		command_expect_done(&in.b, TASK_COMPLETE);
		assert_int_equal(in.b.task->received, overflow ? 512 : 0);
		assert_int_equal(in.b.task->residual, count);
		input_end(&in);
	}
	DUTY("FIELD-7.8 IN-18");
}

/* ---------------------------------------------------------------- asynchronous messages */

/* What each of the 256 events does to the connection. */
static void test_each_event(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * 256; i++) {
		uint8_t event = (uint8_t)(i / LEVELS), bhs[PDU_BHS_LEN];

		begin(INPUT_ASYNC, i % LEVELS);
		in.bhs[36] = event;
		bytes_put16(in.bhs + 38, in.b.c->cid);
		input_give(&in);
		assert_int_equal(in.b.c->asyncs, 1);
		assert_int_equal(in.b.c->async.event, event);
		if (event == PDU_ASYNC_CONNECTION_DROP || event == PDU_ASYNC_SESSION_DROP) {
			assert_true(in.b.c->ended);
			assert_int_equal(in.b.task->outcome, TASK_SUSPENDED);
		} else {
			assert_false(in.b.c->ended);
			assert_int_equal(in.b.c->done_count, 0);
		}
		if (event == PDU_ASYNC_NEGOTIATE) /* AS-5: an empty text */
			assert_int_equal(fake_take(in.b.c, PDU_TEXT_REQUEST, bhs, NULL, 0), 0);
		else if (!in.b.c->ended && event != PDU_ASYNC_LOGOUT_REQUESTED)
			assert_false(fake_has_sent(in.b.c)); /* event 5 without FastAbort as well */
		input_end(&in);
	}
	DUTY("FIELD-8.1 FIELD-8.2 FIELD-8.6 AS-1 AS-5 AS-7 AS-8 UNH-FFP-20.4");
}

/* The drop of a connection that does not exist. */
static void test_unknown_cid(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct level b;

		level_begin(&b, level, 2);
		level_give_async(b.a, PDU_ASYNC_CONNECTION_DROP, 4711, 0, 0);
		level_give_async(b.b, PDU_ASYNC_CONNECTION_DROP, 0xffff, 60, 60);
		assert_false(b.a->ended || b.b->ended);
		assert_int_equal(session_state(b.fake.session), SESSION_Q3_LOGGED_IN);
		assert_false(fake_has_sent(b.a) || fake_has_sent(b.b));
		level_end(&b, NULL, NULL);
	}
	DUTY("FIELD-8.3 AS-3 RV-4.1");
}

/* No time at all to log out: it is tried nevertheless, and at once. */
static void test_no_time_to_leave(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct level b;
		uint8_t bhs[PDU_BHS_LEN];

		level_begin(&b, level, 2);
		level_give_async(b.b, PDU_ASYNC_LOGOUT_REQUESTED, 0, 0, 0);
		fake_take(b.b, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
		assert_int_equal(bhs[1] & 0x7f, PDU_LOGOUT_CONNECTION);
		level_answer_logout(b.b, bhs, 0, 0);
		assert_true(b.b->ended);
		assert_int_equal(b.b->fault.kind, FAULT_NONE);
		assert_false(b.a->ended);
		level_end(&b, NULL, NULL);
	}
	DUTY("FIELD-8.4 AS-2 UNH-FFP-14.1 UNH-FFP-14.2 UNH-FFP-20.1");
}

/* So many in one read that nobody could pull them between. */
static void give_at_once(unsigned n)
{
	static uint8_t wire[300 * PDU_BHS_LEN];

	for (unsigned i = 0; i < n; i++) {
		bytes_put32(in.bhs + 24, bytes_get32(in.bhs + 24) + (i > 0 && in.pdu == INPUT_ASYNC));
		memcpy(wire + (size_t)i * PDU_BHS_LEN, in.bhs, PDU_BHS_LEN);
	}
	in.b.fake.events = 0;
	fake_give(in.b.c, wire, (size_t)n * PDU_BHS_LEN);
}

static void storm(enum input_pdu pdu, unsigned level, unsigned n)
{
	input_begin(&in, pdu, level, false, 0);
	in.len = 0;
	bytes_put24(in.bhs + 5, 0);
	in.bhs[36] = pdu == INPUT_ASYNC ? 250 : 0;
	give_at_once(n);
}

/* 2048 bytes are read at a time here: 42 PDUs; ten thousand of them are taken one after the other. */
static void test_storms(void **state)
{
	static const enum input_pdu pdus[] = { INPUT_ASYNC, INPUT_PING };

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS; i++) {
		storm(pdus[i % 2], i / 2, 42);
		for (unsigned k = 0; k < 250 && i % 2 == 0; k++) {
			bytes_put32(in.bhs + 24, bytes_get32(in.bhs + 24) + 1);
			give_at_once(40);
		}
		assert_false(in.b.c->ended);
		if (i % 2 == 0) {
			assert_int_equal(in.b.c->asyncs, 42 + 250 * 40);
		} else {
			uint8_t bhs[PDU_BHS_LEN];

			for (unsigned k = 0; k < 42; k++) /* each is answered */
				fake_take(in.b.c, PDU_NOP_OUT, bhs, NULL, 0);
			assert_false(fake_has_sent(in.b.c));
		}
		input_end(&in);
	}
	for (unsigned level = 0; level < LEVELS; level++) { /* answers that we can't send any more */
		storm(INPUT_PING, level, 300);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-8.5 FIELD-9.1");
}

/* ---------------------------------------------------------------- NOP-In */

static void test_both_tags(void **state)
{
	static const uint32_t ttts[] = { 0, 1, 0x7fffffff, 0xfffffffe };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(ttts) / sizeof(ttts[0]); i++) {
		begin(INPUT_ECHO, i % LEVELS);
		bytes_put32(in.bhs + 20, ttts[i / LEVELS]);
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-9.2 NOP-5");
	for (unsigned level = 0; level < LEVELS; level++) { /* an echo of nothing */
		begin(INPUT_ECHO, level);
		bytes_put32(in.bhs + 16, bytes_get32(in.bhs + 16) ^ 1);
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
		begin(INPUT_ECHO, level); /* the tag of our command */
		bytes_put32(in.bhs + 16, in.b.itt);
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
}

/* Our pings have no data, and we look at none. */
static void test_nop_data(void **state)
{
	static const uint32_t lens[] = { 1, 3, 4, 512, 8192, 65536 };
	uint8_t bhs[PDU_BHS_LEN], data[16];

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(lens) / sizeof(lens[0]); i++) {
		begin(INPUT_ECHO, i % LEVELS);
		in.len = lens[i / LEVELS];
		memset(in.data, 0xab, in.len);
		input_give(&in);
		input_expect_taken(&in);
		input_end(&in);
		begin(INPUT_PING, i % LEVELS);
		in.len = lens[i / LEVELS];
		memset(in.data, 0xab, in.len);
		input_give(&in);
		fake_take(in.b.c, PDU_NOP_OUT, bhs, data, sizeof(data));
		assert_int_equal(bytes_get32(bhs + 20), 72);
		assert_int_equal(bytes_get32(bhs + 16), PDU_NO_TAG);
		input_end(&in);
		begin(INPUT_PING, i % LEVELS); /* wants no answer */
		bytes_put32(in.bhs + 20, PDU_NO_TAG);
		in.len = lens[i / LEVELS];
		input_give(&in);
		input_expect_ignored(&in);
		input_end(&in);
	}
	DUTY("FIELD-9.3 FIELD-9.4 NOP-2 NOP-3");
}

/* ---------------------------------------------------------------- Reject */

static void test_reject_header(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * PDU_BHS_LEN; i++) {
		begin(INPUT_REJECT, i % LEVELS);
		in.len = i / LEVELS;
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		input_end(&in);
	}
	DUTY("FIELD-10.2");
}

/* By the opcode of what was rejected, with a tag that nobody has: of a command that was ours once it is
 * late; of a Data-Out and of a SNACK nothing waits for it. */
static void test_reject_unknown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LEVELS * 64; i++) {
		uint8_t opcode = (uint8_t)(i / LEVELS);
		bool ends = opcode != PDU_DATA_OUT && opcode != PDU_SNACK && opcode != PDU_NOP_OUT;
		uint8_t ping[PDU_BHS_LEN];

		begin(INPUT_REJECT, i % LEVELS);
		in.bhs[2] = PDU_REJECT_PROTOCOL;
		memset(in.data, 0, PDU_BHS_LEN);
		in.data[0] = opcode | 0x40;
		bytes_put32(in.data + 16, 0x00ab0001);
		in.data[1] = 0; /* Data/R2T SNACK */
		input_give(&in);
		if (i % LEVELS) /* damage: it is asked whether the target still follows */
			fake_take(in.b.c, PDU_NOP_OUT, ping, NULL, 0);
		if (ends && !(i % LEVELS))
			input_expect_end(&in, FAULT_REFUSED);
		else
			input_expect_ignored(&in);
		input_end(&in);
	}
	DUTY("FIELD-10.3");
}

/* Each of 256 reasons for our ping: the number was immediate, so that nothing is lost. */
static void test_reject_ping(void **state)
{
	uint8_t ping[PDU_BHS_LEN];

	(void)state;
	for (unsigned i = 0; i < LEVELS * 256; i++) {
		begin(INPUT_REJECT, i % LEVELS);
		fake_wait(&in.b.fake, 5000);
		fake_take(in.b.c, PDU_NOP_OUT, ping, NULL, 0);
		in.bhs[2] = (uint8_t)(i / LEVELS);
		memcpy(in.data, ping, sizeof(ping));
		input_give(&in);
		assert_false(in.b.c->ended);
		assert_int_equal(in.b.c->done_count, 0);
		input_end(&in);
	}
	DUTY("FIELD-10.1");
}

/* What became of the command. */
enum fate { GOES_ON, ENDS, FAILS, AGAIN, ELSEWHERE };

/* By reason, where the target has not counted the command's number; one that has fails it or goes on
 * (engine_recv_reject_test.c has both). Reasons without a row are no reasons for a command. */
static enum fate fate_of(uint8_t reason, unsigned level)
{
	switch (reason) {
	case PDU_REJECT_DATA_DIGEST:
	case PDU_REJECT_IMMEDIATE:
	case PDU_REJECT_LONG_OPERATION:
		return level ? AGAIN : ENDS;
	case PDU_REJECT_TASK_IN_PROGRESS:
		return GOES_ON;
	case PDU_REJECT_WAITING_LOGOUT:
		return ELSEWHERE;
	default:
		return ENDS;
	}
}

static void test_reject_command(void **state)
{
	uint8_t command[PDU_BHS_LEN];

	(void)state;
	for (unsigned i = 0; i < LEVELS * 256; i++) {
		uint8_t reason = (uint8_t)(i / LEVELS);
		enum fate fate = fate_of(reason, i % LEVELS);

		input_begin_on(&in, INPUT_LOGOUT, &(struct command_terms){ .level = i % LEVELS });
		in.b.task = input_read(&in, 512);
		fake_submit(in.b.c, in.b.task);
		fake_take(in.b.c, PDU_SCSI_COMMAND, command, NULL, 0);
		pdu_put_reject(in.bhs, &(struct pdu_reject){ .reason = reason,
			.initiator_task_tag = PDU_NO_TAG });
		fake_numbers(in.b.c, in.bhs, true);
		fake_give_pdu(in.b.c, in.bhs, command, PDU_BHS_LEN);
		assert_int_equal(in.b.c->ended, fate == ENDS);
		assert_int_equal(in.b.c->done_count, fate == ENDS || fate == ELSEWHERE);
		if (fate == AGAIN)
			fake_take(in.b.c, PDU_SCSI_COMMAND, command, NULL, 0);
		if (fate == ENDS)
			assert_int_equal(in.b.c->fault.kind, FAULT_REFUSED);
		input_end(&in);
	}
	DUTY("FIELD-10.1 RJ-1 RT-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_sense),
		cmocka_unit_test(test_bad_sense),
		cmocka_unit_test(test_not_carried_out),
		cmocka_unit_test(test_exp_data_sn),
		cmocka_unit_test(test_unknown_tag),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_residual),
		cmocka_unit_test(test_each_event),
		cmocka_unit_test(test_unknown_cid),
		cmocka_unit_test(test_no_time_to_leave),
		cmocka_unit_test(test_storms),
		cmocka_unit_test(test_both_tags),
		cmocka_unit_test(test_nop_data),
		cmocka_unit_test(test_reject_header),
		cmocka_unit_test(test_reject_unknown),
		cmocka_unit_test(test_reject_ping),
		cmocka_unit_test(test_reject_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
