/*
 * engine_input_numbers_test.c - bad inputs of the field, group 4: StatSN, ExpCmdSN and MaxCmdSN that
 * jump, come twice, go back, wrap or contradict each other, at each kind of PDU that carries them.
 */
#include "engine_fake_input.h"

#include "engine/gap.h"
#include "../duty.h"

enum { LEVELS = 3, FIRST_CMD_SN = 1000 };

static struct input in;

static bool has_status(enum input_pdu pdu)
{
	return pdu != INPUT_DATA_IN && pdu != INPUT_R2T && pdu != INPUT_PING;
}

static unsigned came_back(void)
{
	return in.b.c->done_count + in.b.c->manageds + in.b.c->texts + in.b.c->asyncs;
}

static struct pdu_snack take_snack(void)
{
	while (fake_has_sent(in.b.c) && pdu_opcode(in.b.c->sent) == PDU_NOP_OUT)
		command_take_ping(&in.b);
	return command_take_snack(&in.b);
}

/* By so many; the number that was due. */
static uint32_t give_jump(enum input_pdu pdu, unsigned level, uint32_t jump)
{
	uint32_t due;

	input_begin(&in, pdu, level, false, level);
	due = bytes_get32(in.bhs + 24);
	bytes_put32(in.bhs + 24, due + jump);
	in.b.c->stat_sn = due + jump + 1;
	input_give(&in);
	return due;
}

/* Level 0 repairs nothing. Above it what comes counts, and what is missing is asked for; what is so far
 * ahead that it can't be kept account of is asked for as well; and what can't be is refused. */
static void check_jump(enum input_pdu pdu, unsigned level, uint32_t jump)
{
	uint32_t due = give_jump(pdu, level, jump);
	struct pdu_snack snack;

	if (!level || jump > 4096) {
		input_expect_end(&in, FAULT_PROTOCOL);
		return;
	}
	if (jump < GAP_MAX)
		input_expect_taken(&in);
	if (pdu == INPUT_LOGOUT)
		return;
	if (jump >= GAP_MAX)
		assert_int_equal(came_back(), 0);
	snack = take_snack();
	assert_int_equal(snack.type, PDU_SNACK_STATUS);
	assert_int_equal(snack.beg_run, due);
	assert_int_equal(snack.run_length, jump + (jump >= GAP_MAX));
	assert_false(in.b.c->ended);
}

static void test_jump(void **state)
{
	static const uint32_t jumps[] = { 1, 7, GAP_MAX - 1, GAP_MAX, 1000, 4096, 4097, 0x7fffffff };

	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		if (!has_status(pdu))
			continue;
		for (unsigned i = 0; i < LEVELS * sizeof(jumps) / sizeof(jumps[0]); i++) {
			if (pdu == INPUT_LOGOUT && jumps[i / LEVELS] >= GAP_MAX)
				continue; /* nothing may follow our Logout, a SNACK neither */
			check_jump(pdu, i % LEVELS, jumps[i / LEVELS]);
			input_end(&in);
		}
	}
	DUTY("FIELD-4.1 ST-4 ST-6 SEQ-2");
}

/* A PDU without a StatSN of its own shows the next one: at levels 1 and 2 it tells what is missing. */
static void test_jump_shown(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		input_begin(&in, INPUT_PING, level, false, 0);
		bytes_put32(in.bhs + 24, in.b.c->stat_sn + 3);
		input_give(&in);
		assert_false(in.b.c->ended);
		if (level) {
			in.b.c->stat_sn += 3;
			assert_int_equal(take_snack().run_length, 3);
		} else {
			input_expect_taken(&in);
		}
		input_end(&in);
	}
	DUTY("FIELD-4.1 NOP-7");
}

/* The same PDU twice: the second one says nothing, but a text nobody waits for is refused at level 0. */
static void test_repeat(void **state)
{
	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++) {
		for (unsigned level = 0; level < LEVELS && has_status(pdu); level++) {
			unsigned before;

			input_begin(&in, pdu, level, false, level * 5);
			input_give(&in);
			input_expect_taken(&in);
			before = came_back();
			if (pdu != INPUT_LOGOUT) {
				input_give(&in);
				assert_int_equal(came_back(), before);
				assert_false(in.b.c->ended);
			}
			input_end(&in);
		}
	}
	DUTY("FIELD-4.2 SEQ-3");
}

/* An old number on an answer that waits still: at no level is it believed. */
static void test_old_number(void **state)
{
	static const enum input_pdu pdus[] = { INPUT_SHORT, INPUT_RESPONSE, INPUT_ECHO, INPUT_TASK,
		INPUT_TEXT };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(pdus) / sizeof(pdus[0]); i++) {
		input_begin(&in, pdus[i / LEVELS], i % LEVELS, false, 0);
		bytes_put32(in.bhs + 24, in.b.c->stat_sn - 20);
		input_give(&in);
		if (in.b.c->ended)
			input_expect_end(&in, FAULT_PROTOCOL);
		else
			assert_int_equal(came_back(), 0); /* thrown away as a repeat */
		assert_true(i % LEVELS || in.b.c->ended);
		input_end(&in);
	}
	DUTY("FIELD-4.2");
}

/* Twelve events over the end of the numbers, at levels 1 and 2 with one lost there. */
static void run_over_wrap(unsigned level)
{
	struct command_terms terms = { .level = level, .first_stat_sn = UINT32_MAX - 7 };
	uint8_t bhs[PDU_BHS_LEN], kept[PDU_BHS_LEN];
	struct pdu_snack snack;

	input_begin_on(&in, INPUT_ASYNC, &terms);
	for (unsigned i = 0; i < 12; i++) {
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG,
			.async_event = 248, .async_vcode = (uint8_t)i });
		fake_numbers(in.b.c, bhs, true);
		if (level && bytes_get32(bhs + 24) == UINT32_MAX)
			memcpy(kept, bhs, sizeof(kept));
		else
			fake_give_pdu(in.b.c, bhs, NULL, 0);
		assert_false(in.b.c->ended);
	}
	assert_int_equal(in.b.c->stat_sn, 6); /* two were the login's */
	assert_int_equal(in.b.c->asyncs, level ? 11 : 12);
	if (level) {
		snack = take_snack();
		assert_int_equal(snack.beg_run, UINT32_MAX);
		assert_int_equal(snack.run_length, 1);
		fake_give_pdu(in.b.c, kept, NULL, 0);
		assert_int_equal(in.b.c->asyncs, 12);
	}
	input_end(&in);
}

static void test_wrap(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++)
		run_over_wrap(level);
	DUTY("FIELD-4.3 SN-1");
}

/* ---------------------------------------------------------------- the window */

static struct task *tasks[40];

/* Gives commands, and tells how many leave. */
static unsigned fill(void)
{
	uint8_t bhs[PDU_BHS_LEN];
	unsigned left = 0;

	for (unsigned i = 0; i < 40; i++) {
		tasks[i] = fake_read(512);
		fake_submit(in.b.c, tasks[i]);
	}
	for (; fake_has_sent(in.b.c); left++)
		fake_take(in.b.c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	return left;
}

/* The connection ends: each of them comes back once, so many as unsent. */
static void end(unsigned unsent)
{
	fake_closed(in.b.c, FAULT_CLOSED);
	in.others = 40;
	for (unsigned i = 0; i < 40; i++) {
		unsent -= tasks[i]->outcome == TASK_UNSENT;
		fake_task_free(tasks[i]);
	}
	assert_int_equal(unsent, 0);
	input_end(&in);
}

/* Gives a PDU of that kind with this pair; commands then find the window as it was before. */
static void check_pair(enum input_pdu pdu, unsigned level, uint32_t exp, uint32_t max)
{
	input_begin(&in, pdu, level, false, 0);
	bytes_put32(in.bhs + 28, exp);
	bytes_put32(in.bhs + 32, max);
	input_give(&in);
	input_expect_taken(&in);
	assert_int_equal(fill(), 31);
	end(9);
}

static void test_pairs(void **state)
{
	static const struct {
		uint32_t exp, max;
	} rows[] = {
		{ FIRST_CMD_SN + 1, FIRST_CMD_SN - 1 }, /* MaxCmdSN below ExpCmdSN - 1 */
		{ FIRST_CMD_SN + 1, FIRST_CMD_SN - 0x70000000 },
		{ FIRST_CMD_SN, FIRST_CMD_SN + 20 }, /* both went back: an older PDU */
		{ FIRST_CMD_SN - 50, FIRST_CMD_SN - 10 },
		{ FIRST_CMD_SN + 100, FIRST_CMD_SN + 131 }, /* ahead of what we sent */
		{ FIRST_CMD_SN + 0x70000000, FIRST_CMD_SN + 0x70000020 },
	};

	(void)state;
	for (unsigned pdu = 0; pdu < INPUT_PDUS; pdu++)
		for (unsigned i = 0; i < LEVELS * sizeof(rows) / sizeof(rows[0]); i++)
			if (pdu != INPUT_LOGOUT)
				check_pair(pdu, i % LEVELS, rows[i / LEVELS].exp, rows[i / LEVELS].max);
	DUTY("FIELD-4.4 FIELD-4.5 FIELD-4.7 WIN-5 WIN-6");
}

static void tell_window(uint32_t exp, uint32_t max)
{
	uint8_t bhs[PDU_BHS_LEN];

	in.b.fake.exp_cmd_sn = exp;
	in.b.fake.max_cmd_sn = max;
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(in.b.c, bhs, false);
	fake_give_pdu(in.b.c, bhs, NULL, 0);
}

/* All was received, and the window stays closed: what waits is not sent and does not fail, what is
 * immediate goes on. */
static void test_closed_for_ever(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		input_begin_on(&in, INPUT_RESPONSE, &(struct command_terms){ .level = level });
		assert_int_equal(fill(), 31);
		tell_window(FIRST_CMD_SN + 32, FIRST_CMD_SN + 31);
		for (unsigned i = 0; i < 100; i++) {
			fake_wait(&in.b.fake, 5000);
			command_take_ping(&in.b);
			assert_false(fake_has_sent(in.b.c));
		}
		assert_int_equal(in.b.c->done_count, 0);
		assert_false(in.b.c->ended);
		end(9);
	}
	DUTY("FIELD-4.6 WIN-4 UNH-FFP-3.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_jump_shown),
		cmocka_unit_test(test_repeat),
		cmocka_unit_test(test_old_number),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_closed_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
