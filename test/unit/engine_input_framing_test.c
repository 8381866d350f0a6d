/*
 * engine_input_framing_test.c - bad inputs of the field, group 1: lengths, segments, opcodes, digests,
 * padding, cuts, at each kind of PDU in full feature phase and at each recovery level. Those of a login
 * are in engine_input_login_test.c.
 */
#include "engine_fake_input.h"

#include "../duty.h"

enum { LEVELS = 3 };

static struct input in;

/* The TCP connection ends behind each byte: the task comes back, nothing else. */
static void test_cut(void **state)
{
	(void)state;
	for (unsigned row = 0; row < 2 * INPUT_PDUS; row++) {
		enum input_pdu pdu = row / 2;
		size_t len = 1;

		for (size_t n = 0; n < len; n++) {
			input_begin(&in, pdu, n % LEVELS, row % 2, 0);
			input_encode(&in, 0);
			len = in.wire_len;
			fake_give(in.b.c, in.wire, n);
			input_expect_ignored(&in);
			fake_closed(in.b.c, FAULT_CLOSED);
			if (pdu != INPUT_LOGOUT)
				input_expect_end(&in, FAULT_CLOSED);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.1");
}

/* Two reads of it, parted behind each byte. */
static void test_split(void **state)
{
	(void)state;
	for (unsigned row = 0; row < 2 * INPUT_PDUS; row++) {
		size_t len = 2;

		for (size_t n = 1; n < len; n++) {
			input_begin(&in, row / 2, n % LEVELS, row % 2, 0);
			input_encode(&in, 0);
			len = in.wire_len;
			fake_give(in.b.c, in.wire, n);
			input_expect_ignored(&in);
			fake_give(in.b.c, in.wire + n, len - n);
			input_expect_taken(&in);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.1");
}

/* Without a data segment; only a Reject needs one. */
static void test_empty(void **state)
{
	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, pdu, level, level == 1, level);
			in.len = 0;
			if (pdu == INPUT_SHORT)
				bytes_put32(in.bhs + 44, 512); /* all of it is missing */
			if (pdu == INPUT_SHORT)
				in.bhs[1] = 0x83;
			input_give(&in);
			if (pdu == INPUT_REJECT)
				input_expect_end(&in, FAULT_PROTOCOL);
			else
				input_expect_taken(&in);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.2");
}

/* As long as we said that we take. Data-In needs the buffer for it; an R2T has none. */
static void test_at_limit(void **state)
{
	(void)state;
	for (unsigned pdu = INPUT_RESPONSE; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, pdu, level, level == 1, 0);
			in.len = 65536;
			input_give(&in);
			if (pdu == INPUT_R2T)
				input_expect_end(&in, FAULT_PROTOCOL);
			else if (pdu == INPUT_TEXT)
				assert_int_equal(in.b.c->texts, 1);
			else
				input_expect_taken(&in);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.3");
}

static void test_read_at_limit(void **state)
{
	struct command_terms terms = { .digests = true };

	(void)state;
	for (terms.level = 0; terms.level < LEVELS; terms.level++) {
		input_begin_on(&in, INPUT_LOGOUT, &terms);
		command_submit(&in.b, input_read(&in, 65536));
		in.len = 65536;
		memset(in.data, 0x3c, in.len);
		pdu_put_data_in(in.bhs, &(struct pdu_data_in){ .final = true, .has_status = true,
			.initiator_task_tag = in.b.itt, .target_transfer_tag = PDU_NO_TAG });
		fake_numbers(in.b.c, in.bhs, true);
		input_give(&in);
		command_expect_done(&in.b, TASK_COMPLETE);
		assert_memory_equal(in.b.task->in, in.data, in.len);
		input_end(&in);
	}
	DUTY("FIELD-1.3");
}

/* Refused with the header: no byte of such a segment is waited for. */
static void refuse_len(uint32_t len)
{
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, pdu, level, false, level * 7);
			bytes_put24(in.bhs + 5, len);
			fake_give(in.b.c, in.bhs, PDU_BHS_LEN);
			input_expect_end(&in, FAULT_PROTOCOL);
			input_end(&in);
		}
	}
}

static void test_beyond_limit(void **state)
{
	(void)state;
	refuse_len(65537);
	DUTY("FIELD-1.4");
	refuse_len(0xffffff);
	DUTY("FIELD-1.5 PDU-11");
}

/* One word, or 255. */
static void test_additional_header(void **state)
{
	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, pdu, level, false, level);
			in.bhs[4] = level == 1 ? 255 : 1;
			input_give(&in);
			input_expect_end(&in, FAULT_PROTOCOL);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.6 PDU-3");
}

/* Each opcode that a target has not got, also with the I bit and the bit that is reserved. */
static void test_opcodes(void **state)
{
	unsigned unknown = 0, initiators = 0;

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t opcode = byte & 0x3f;

		if (pdu_from_target(opcode) && (opcode < PDU_VENDOR_3C || opcode > PDU_VENDOR_3E))
			continue;
		input_begin(&in, byte % INPUT_PDUS, byte % LEVELS, byte % 2, byte % 5);
		in.bhs[0] = (uint8_t)byte;
		input_give(&in);
		input_expect_end(&in, FAULT_PROTOCOL);
		unknown += !pdu_from_initiator(opcode);
		initiators += pdu_from_initiator(opcode);
		input_end(&in);
	}
	assert_int_equal(initiators, 4 * 8);
	DUTY("FIELD-1.8");
	assert_true(unknown > 100);
	DUTY("FIELD-1.7 PDU-5");
}

/* Reserved fields and bits are not looked at. */
static void test_reserved_fields(void **state)
{
	static const struct {
		enum input_pdu pdu;
		uint8_t from, to, mask;
	} fields[] = {
		{ INPUT_DATA_IN, 0, 1, 0xc0 }, { INPUT_DATA_IN, 1, 2, 0x38 }, { INPUT_DATA_IN, 2, 4, 0xff },
		{ INPUT_DATA_IN, 24, 28, 0xff }, { INPUT_DATA_IN, 44, 48, 0xff },
		{ INPUT_SHORT, 0, 1, 0xc0 }, { INPUT_SHORT, 1, 2, 0x38 }, { INPUT_SHORT, 2, 3, 0xff },
		{ INPUT_RESPONSE, 0, 1, 0xc0 }, { INPUT_RESPONSE, 1, 2, 0x61 },
		{ INPUT_RESPONSE, 8, 16, 0xff }, { INPUT_RESPONSE, 20, 24, 0xff },
		{ INPUT_R2T, 0, 1, 0xc0 }, { INPUT_R2T, 1, 2, 0x7f }, { INPUT_R2T, 2, 4, 0xff },
		{ INPUT_PING, 0, 1, 0xc0 }, { INPUT_PING, 1, 4, 0x7f }, { INPUT_PING, 36, 48, 0xff },
		{ INPUT_ECHO, 0, 1, 0xc0 }, { INPUT_ECHO, 1, 4, 0x7f }, { INPUT_ECHO, 36, 48, 0xff },
		{ INPUT_TASK, 0, 1, 0xc0 }, { INPUT_TASK, 1, 2, 0x7f }, { INPUT_TASK, 3, 4, 0xff },
		{ INPUT_TASK, 11, 16, 0xff }, { INPUT_TASK, 20, 24, 0xff }, { INPUT_TASK, 36, 48, 0xff },
		{ INPUT_TEXT, 0, 1, 0xc0 }, { INPUT_TEXT, 1, 2, 0x3f }, { INPUT_TEXT, 2, 4, 0xff },
		{ INPUT_TEXT, 36, 48, 0xff },
		{ INPUT_LOGOUT, 0, 1, 0xc0 }, { INPUT_LOGOUT, 1, 2, 0x7f }, { INPUT_LOGOUT, 3, 4, 0xff },
		{ INPUT_LOGOUT, 8, 16, 0xff }, { INPUT_LOGOUT, 20, 24, 0xff },
		{ INPUT_LOGOUT, 36, 40, 0xff }, { INPUT_LOGOUT, 44, 48, 0xff },
		{ INPUT_ASYNC, 0, 1, 0xc0 }, { INPUT_ASYNC, 1, 4, 0x7f }, { INPUT_ASYNC, 20, 24, 0xff },
		{ INPUT_ASYNC, 38, 48, 0xff },
		{ INPUT_REJECT, 0, 1, 0xc0 }, { INPUT_REJECT, 1, 2, 0x7f }, { INPUT_REJECT, 3, 4, 0xff },
		{ INPUT_REJECT, 8, 16, 0xff }, { INPUT_REJECT, 20, 24, 0xff },
		{ INPUT_REJECT, 40, 48, 0xff },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, fields[i].pdu, level, i % 2, 0);
			for (unsigned at = fields[i].from; at < fields[i].to; at++)
				in.bhs[at] |= fields[i].mask;
			input_give(&in);
			input_expect_taken(&in);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.9");
}

enum verdict { TAKEN, FAILED, REFUSED };

/* Values of code fields that nobody has given a meaning. */
static void test_reserved_codes(void **state)
{
	static const struct {
		enum input_pdu pdu;
		uint8_t at, value;
		enum verdict verdict;
		enum fault_kind kind; /* of the task that failed, or of the connection */
	} codes[] = {
		{ INPUT_RESPONSE, 2, 0x02, FAILED, FAULT_REFUSED }, /* response */
		{ INPUT_RESPONSE, 2, 0x80, FAILED, FAULT_REFUSED },
		{ INPUT_RESPONSE, 2, 0xff, FAILED, FAULT_REFUSED },
		{ INPUT_SHORT, 3, 0x02, REFUSED, FAULT_PROTOCOL }, /* status that has no data */
		{ INPUT_SHORT, 3, 0x23, REFUSED, FAULT_PROTOCOL },
		{ INPUT_TASK, 2, 0x06, TAKEN, FAULT_NONE },
		{ INPUT_TASK, 2, 0x80, TAKEN, FAULT_NONE },
		{ INPUT_LOGOUT, 2, 0x04, REFUSED, FAULT_LOGOUT },
		{ INPUT_LOGOUT, 2, 0xff, REFUSED, FAULT_LOGOUT },
		{ INPUT_ASYNC, 36, 6, TAKEN, FAULT_NONE },
		{ INPUT_ASYNC, 36, 247, TAKEN, FAULT_NONE },
		{ INPUT_REJECT, 2, 0x00, TAKEN, FAULT_NONE },
		{ INPUT_REJECT, 2, 0xff, TAKEN, FAULT_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, codes[i].pdu, level, i % 2, 0);
			in.bhs[codes[i].at] = codes[i].value;
			input_give(&in);
			if (codes[i].verdict == TAKEN) {
				input_expect_taken(&in);
			} else if (codes[i].verdict == FAILED) {
				command_expect_done(&in.b, TASK_FAILED);
				assert_int_equal(in.b.task->fault.kind, codes[i].kind);
			} else {
				input_expect_end(&in, codes[i].kind);
			}
			if (codes[i].pdu == INPUT_TASK)
				assert_int_equal(in.management.response, codes[i].value);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.9");
}

/* DIG-2: the connection is lost at all levels; levels 1 and 2 keep the session. */
static void test_header_digest(void **state)
{
	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS; level++) {
			input_begin(&in, pdu, level, true, level);
			input_encode(&in, INPUT_BAD_HEADER_DIGEST);
			fake_give(in.b.c, in.wire, in.wire_len);
			input_expect_end(&in, FAULT_DIGEST);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.10 DIG-2 RV-2.9");
}

/* Pings are answered, by a target that has not noticed anything, until a SNACK comes. */
static struct pdu_snack await_snack(void)
{
	struct pdu_snack snack;
	uint8_t bhs[PDU_BHS_LEN];

	for (;;) {
		assert_true(fake_has_sent(in.b.c));
		if (pdu_opcode(in.b.c->sent) == PDU_SNACK)
			break;
		command_take_ping(&in.b);
	}
	fake_take(in.b.c, PDU_SNACK, bhs, NULL, 0);
	pdu_get_snack(bhs, &snack);
	return snack;
}

/* Found missing by the numbers, and asked for. */
static void await_repeat(void)
{
	bool status = in.pdu != INPUT_DATA_IN;
	struct pdu_snack snack;

	if (!status)
		command_give_data_in(&in.b, in.len, 1, in.data, 2, 0);
	snack = await_snack();
	assert_int_equal(snack.type, status ? PDU_SNACK_STATUS : PDU_SNACK_DATA_R2T);
	assert_int_equal(snack.beg_run, status ? bytes_get32(in.bhs + 24) : 0);
	assert_int_equal(snack.run_length, 1);
	if (!status)
		assert_int_equal(in.b.task->received, 2);
}

/* DIG-3: above level 0 it is as if it had never come. */
static void lose(enum input_pdu pdu, unsigned level)
{
	struct fake_conn *c;

	input_begin(&in, pdu, level, true, level);
	c = in.b.c;
	in.len += in.len ? 0 : 8; /* those that have no data segment get one */
	input_encode(&in, INPUT_BAD_DATA_DIGEST);
	fake_give(c, in.wire, in.wire_len);
	if (!level) {
		input_expect_end(&in, FAULT_DIGEST);
		return;
	}
	assert_false(c->ended);
	assert_int_equal(c->done_count + c->manageds + c->texts + c->asyncs, 0);
	if (pdu == INPUT_PING) /* the target has to ask again */
		command_take_ping(&in.b);
	else if (pdu != INPUT_LOGOUT) /* nothing may follow our Logout: it has to come by itself */
		await_repeat();
	input_give(&in);
	if (pdu != INPUT_DATA_IN)
		input_expect_taken(&in);
	else
		assert_int_equal(in.b.task->received, in.len + 2);
}

static void test_data_digest(void **state)
{
	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS && pdu != INPUT_R2T; level++) {
			lose(pdu, level);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.11 DIG-3 DIG-4");
}

/* PDU-4, TOL-11 */
static void test_padding(void **state)
{
	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned digests = 0; digests < 2 && pdu != INPUT_R2T; digests++) {
			input_begin(&in, pdu, pdu % LEVELS, digests, digests * 3);
			if (pdu == INPUT_REJECT || !in.len)
				in.len += 3;
			if (pdu_pad(in.len) == 0)
				in.len++;
			input_encode(&in, INPUT_PADDING);
			fake_give(in.b.c, in.wire, in.wire_len);
			input_expect_taken(&in);
			input_end(&in);
		}
	}
	DUTY("FIELD-1.12 TOL-11");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_at_limit),
		cmocka_unit_test(test_read_at_limit),
		cmocka_unit_test(test_beyond_limit),
		cmocka_unit_test(test_additional_header),
		cmocka_unit_test(test_opcodes),
		cmocka_unit_test(test_reserved_fields),
		cmocka_unit_test(test_reserved_codes),
		cmocka_unit_test(test_header_digest),
		cmocka_unit_test(test_data_digest),
		cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
