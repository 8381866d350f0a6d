/*
 * engine_snack_restart_test.c - R-Data SNACKs: more of a read was lost than can be asked for one by one
 * (11.16.3). SNA-6, IN-17.
 */
#include "engine_fake_reading.h"

#include "../duty.h"

/* SNA-9: only where sequences may come in any order may earlier ones be asked for. */
static void begin_long(struct command *b)
{
	command_begin_on(b, &(struct command_terms){ .digests = true, .level = 1, .sequences_any = true });
	command_submit(b, fake_read(READING_LONG * READING_PART));
}

/* More is lost than can be kept: `acked` parts were acknowledged before. Then it comes in parts of
 * another size. */
static void start_over(uint32_t acked, bool early_status)
{
	struct pdu_snack snack;
	struct command b;
	uint32_t status_sn;

	begin_long(&b);
	for (uint32_t sn = 0; sn < acked; sn++)
		reading_give(&b, sn, sn == acked - 1 ? 0xc0 : 0);
	if (acked)
		reading_expect_snack(&b, PDU_SNACK_DATA_ACK, acked, 0);
	reading_lose(&b, acked, 0);
	for (uint32_t sn = acked + 1; sn < READING_LONG - 20; sn++) /* no DataACK will be owed for this run */
		reading_give(&b, sn, sn % 64 == 63 ? 0xc0 : 0);
	command_take_ping(&b);
	snack = command_take_snack(&b);
	assert_int_equal(snack.type, PDU_SNACK_R_DATA);
	assert_int_equal(snack.beg_run, 0);
	assert_int_equal(snack.run_length, 0);
	assert_int_equal(snack.initiator_task_tag, b.itt);
	assert_true(snack.target_transfer_tag && snack.target_transfer_tag != PDU_NO_TAG);
	memset(b.task->in + acked * READING_PART, 0, b.task->in_len - acked * READING_PART);
	for (uint32_t sn = READING_LONG - 20; sn < READING_LONG; sn++) /* they were on their way */
		reading_give(&b, sn, 0);
	status_sn = b.c->stat_sn;
	if (early_status)
		reading_give_good(&b, READING_LONG);
	command_take_ping(&b);
	for (uint32_t part = acked, sn = acked; part < READING_LONG; part += 2, sn++) {
		uint32_t at = part * READING_PART;

		assert_int_equal(b.c->done_count, 0);
		command_give_data_in(&b, at, sn, reading_medium + at, 2 * READING_PART,
				     sn % 32 == 31 ? 0x80 : 0);
	}
	assert_int_equal(b.c->done_count, 0); /* IN-17 */
	if (early_status) { /* the one with the new tag is waited for */
		reading_expect_snack(&b, PDU_SNACK_STATUS, status_sn, 1);
		command_take_ping(&b);
	} else {
		assert_false(fake_has_sent(b.c));
	}
	b.snack_tag = snack.target_transfer_tag;
	if (early_status) {
		uint32_t newest = b.c->stat_sn;

		b.c->stat_sn = status_sn;
		reading_give_good(&b, acked + (READING_LONG - acked) / 2);
		b.c->stat_sn = newest;
	} else {
		reading_give_good(&b, acked + (READING_LONG - acked) / 2);
	}
	reading_expect_done(&b);
	command_end(&b);
	DUTY("SNA-6 IN-17");
}

static void test_r_data(void **state)
{
	(void)state;
	start_over(0, false);
	start_over(0, true);
	start_over(6, false);
	start_over(6, true);
	DUTY("RV-2.8");
}

enum { MIXED = 100 };

static void give_mixed(struct command *b, uint32_t sn, uint8_t flags)
{
	uint32_t at = sn * 37 % MIXED * READING_PART;

	command_give_data_in(b, at, sn, reading_medium + at, READING_PART, flags);
}

/* Inside a sequence in any order: what was acknowledged is scattered, and the rest may lie below it. */
static void test_r_data_mixed(void **state)
{
	struct pdu_snack snack;
	struct command b;

	(void)state;
	command_begin_on(&b, &(struct command_terms){ .digests = true, .level = 1, .pdus_any = true });
	command_submit(&b, fake_read(MIXED * READING_PART));
	b.c->spoil = true;
	give_mixed(&b, 0, 0);
	give_mixed(&b, 1, 0x40);
	reading_expect_snack(&b, PDU_SNACK_DATA_R2T, 0, 1);
	for (uint32_t sn = 2; sn < MIXED; sn++)
		give_mixed(&b, sn, 0);
	give_mixed(&b, 0, 0);
	command_take_ping(&b);
	reading_expect_snack(&b, PDU_SNACK_DATA_ACK, 65, 0);
	snack = command_take_snack(&b);
	assert_int_equal(snack.type, PDU_SNACK_R_DATA);
	for (uint32_t sn = 65; sn < MIXED; sn++)
		give_mixed(&b, sn, sn == MIXED - 1 ? 0x80 : 0);
	b.snack_tag = snack.target_transfer_tag;
	reading_give_good(&b, MIXED);
	reading_expect_done(&b);
	command_end(&b);
}

/* The status with the new tag is lost: it is asked for by the number that it had. */
static void test_r_data_status_lost(void **state)
{
	struct pdu_snack snack;
	struct command b;
	uint32_t stat_sn;

	(void)state;
	begin_long(&b);
	reading_lose(&b, 0, 0);
	for (uint32_t sn = 1; sn < READING_LONG; sn++)
		reading_give(&b, sn, sn % 64 == 63 ? 0x80 : 0);
	stat_sn = b.c->stat_sn;
	reading_give_good(&b, READING_LONG);
	command_take_ping(&b);
	snack = command_take_snack(&b);
	assert_int_equal(snack.type, PDU_SNACK_R_DATA);
	assert_int_equal(snack.exp_stat_sn, stat_sn);
	for (uint32_t sn = 0; sn < READING_LONG; sn++)
		reading_give(&b, sn, sn % 64 == 63 ? 0x80 : 0);
	command_take_ping(&b);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 1);
	b.snack_tag = snack.target_transfer_tag;
	b.c->stat_sn = stat_sn;
	reading_give_good(&b, READING_LONG);
	reading_expect_done(&b);
	command_end(&b);
}

/* The status came with the last data of the old run, and comes again with the number it had there: nothing
 * of the new run. */
static void test_r_data_old_status(void **state)
{
	struct pdu_snack snack;
	struct command b;
	uint32_t stat_sn, newest;

	(void)state;
	begin_long(&b);
	reading_lose(&b, 0, 0);
	for (uint32_t sn = 1; sn < READING_LONG - 1; sn++)
		reading_give(&b, sn, sn % 64 == 63 ? 0x80 : 0);
	stat_sn = b.c->stat_sn;
	reading_give(&b, READING_LONG - 1, 0x81);
	command_take_ping(&b);
	snack = command_take_snack(&b);
	assert_int_equal(snack.type, PDU_SNACK_R_DATA);
	reading_give(&b, 0, 0);
	newest = b.c->stat_sn;
	b.c->stat_sn = stat_sn;
	reading_give(&b, READING_LONG - 1, 0x81);
	b.c->stat_sn = newest;
	for (uint32_t sn = 1; sn < READING_LONG; sn++)
		reading_give(&b, sn, sn % 64 == 63 ? 0x80 : 0);
	assert_int_equal(b.c->done_count, 0);
	command_take_ping(&b);
	reading_expect_snack(&b, PDU_SNACK_STATUS, stat_sn, 1);
	b.snack_tag = snack.target_transfer_tag;
	b.c->stat_sn = stat_sn;
	reading_give_good(&b, READING_LONG);
	reading_expect_done(&b);
	command_end(&b);
	DUTY("IN-17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_r_data),
		cmocka_unit_test(test_r_data_mixed),
		cmocka_unit_test(test_r_data_status_lost),
		cmocka_unit_test(test_r_data_old_status),
	};

	return cmocka_run_group_tests(tests, reading_fill, NULL);
}
