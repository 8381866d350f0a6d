/*
 * engine_recv_order_test.c - DataPDUInOrder and DataSequenceInOrder both ways, for reads at recovery
 * levels 0 and 1; R2Ts that come twice, too early, or again.
 */
#include "engine_fake_command.h"

#include "../duty.h"

enum { PART = 256, PARTS = 24, SEQUENCE = 4 };

static uint8_t medium[PART * PARTS];

static int fill_medium(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(medium); i++)
		medium[i] = (uint8_t)(i * 11 + i / 256);
	return 0;
}

/* Gives all parts in this order, each as one PDU; F ends every sequence of four. */
static void read_in(const struct command_terms *terms, const unsigned order[PARTS], bool allowed)
{
	struct command b;

	command_begin_on(&b, terms);
	command_submit(&b, fake_read(sizeof(medium)));
	for (unsigned sn = 0; sn < PARTS && !b.c->ended; sn++) {
		uint8_t flags = sn == PARTS - 1 ? 0x81 : sn % SEQUENCE == SEQUENCE - 1 ? 0x80 : 0;

		command_give_data_in(&b, order[sn] * PART, sn, medium + order[sn] * PART, PART, flags);
	}
	if (allowed) {
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->received, sizeof(medium));
		assert_memory_equal(b.task->in, medium, sizeof(medium));
	} else {
		command_expect_refused(&b, FAULT_PROTOCOL);
	}
	command_end(&b);
}

/* In turn; sequences backwards; inside each sequence backwards; all mixed up. */
static void test_orders(void **state)
{
	unsigned order[4][PARTS];

	(void)state;
	for (unsigned i = 0; i < PARTS; i++) {
		unsigned sequence = i / SEQUENCE, at = i % SEQUENCE;

		order[0][i] = i;
		order[1][i] = PARTS - SEQUENCE - sequence * SEQUENCE + at;
		order[2][i] = sequence * SEQUENCE + SEQUENCE - 1 - at;
		order[3][i] = i * 7 % PARTS; /* more pieces than are told apart */
	}
	for (unsigned n = 0; n < 16; n++) {
		struct command_terms terms = { .level = n & 1, .digests = n & 2, .pdus_any = n & 4,
			.sequences_any = n & 8, .piece = n % 3 };

		read_in(&terms, order[0], true);
		read_in(&terms, order[1], terms.sequences_any);
		read_in(&terms, order[2], terms.pdus_any);
		read_in(&terms, order[3], terms.pdus_any && terms.sequences_any);
	}
	DUTY("IN-1 IN-4 DS-1");
}

/* A residual accounts for bytes behind the last that came, not for a hole in the middle: that would hold
 * what was in the buffer before. */
static void test_hole(void **state)
{
	(void)state;
	for (unsigned hole = 0; hole < 2; hole++) {
		struct command b;

		command_begin_on(&b, &(struct command_terms){ .pdus_any = true, .sequences_any = true });
		command_submit(&b, fake_read(4 * PART));
		command_give_data_in(&b, 0, 0, medium, PART, 0);
		command_give_data_in(&b, hole ? 2 * PART : PART, 1, medium, PART, 0x80);
		command_give_response(&b, &(struct pdu_scsi_response){ .exp_data_sn = 2,
			.underflow = true, .residual_count = 2 * PART }, NULL, 0);
		command_expect_done(&b, hole ? TASK_FAILED : TASK_COMPLETE);
		assert_false(b.c->ended);
		command_end(&b);
	}
	DUTY("IN-14");
}

/* The same bytes twice are refused in any order, and never placed beside the buffer. */
static void test_overlap(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		struct command b;

		command_begin_on(&b, &(struct command_terms){ .level = n & 1, .pdus_any = n & 2,
			.sequences_any = n & 4 });
		command_submit(&b, fake_read(sizeof(medium)));
		command_give_data_in(&b, 0, 0, medium, 2 * PART, 0);
		command_give_data_in(&b, PART, 1, medium + PART, PART, 0);
		command_expect_refused(&b, FAULT_PROTOCOL);
		assert_int_equal(b.task->received, 2 * PART);
		command_end(&b);
	}
	/* of too many pieces only the sum is known: it may not be more than there is room */
	for (unsigned fits = 0; fits < 2; fits++) {
		struct command b;

		command_begin_on(&b, &(struct command_terms){ .pdus_any = true, .sequences_any = true });
		command_submit(&b, fake_read(sizeof(medium)));
		for (unsigned sn = 0; sn < PARTS / 2; sn++)
			command_give_data_in(&b, 2 * sn * PART, sn, medium, PART, 0);
		command_give_data_in(&b, 0, PARTS / 2, medium, PART * PARTS / 2 + (fits ? 0 : 1), 0);
		assert_int_equal(b.c->ended, !fits);
		command_end(&b);
	}
	DUTY("IN-1");
}

/* Behind a gap data in order lie ahead; what fills the gap may lie anywhere that is free. */
static void test_order_behind_gap(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		uint32_t offset = n ? 3 * PART : 1 * PART;
		struct command b;

		command_begin_on(&b, &(struct command_terms){ .level = 1, .digests = true });
		command_submit(&b, fake_read(sizeof(medium)));
		command_give_data_in(&b, 0, 0, medium, PART, 0);
		command_give_data_in(&b, 2 * PART, 1, medium + 2 * PART, PART, 0); /* a hole at PART */
		assert_true(b.c->ended);
		command_end(&b);
		command_begin_on(&b, &(struct command_terms){ .level = 1, .digests = true });
		command_submit(&b, fake_read(sizeof(medium)));
		b.c->spoil = true;
		command_give_data_in(&b, 0, 0, medium, PART, 0);
		command_give_data_in(&b, 2 * PART, 1, medium + 2 * PART, PART, 0);
		if (n < 2)
			command_give_data_in(&b, offset, 3, medium + offset, PART, 0);
		else
			command_give_data_in(&b, 2 * PART, 0, medium, PART, 0);
		assert_int_equal(b.c->ended, n != 1);
		command_end(&b);
	}
}

/* MaxBurstLength bounds a sequence, not the command. */
static void test_sequence_length(void **state)
{
	static uint8_t data[65536];

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		struct command b;

		command_begin_on(&b, &(struct command_terms){ .level = n & 1 });
		command_submit(&b, fake_read(3 * 65536));
		command_give_data_in(&b, 0, 0, data, 65536, n & 2 ? 0x80 : 0);
		command_give_data_in(&b, 65536, 1, data, 4, 0);
		assert_int_equal(b.c->ended, !(n & 2));
		command_end(&b);
	}
	DUTY("IN-1 IN-4");
}

/* ---------------------------------------------------------------- R2T */

static void give_r2t(struct command *b, uint32_t sn, uint32_t offset, uint32_t len)
{
	command_give_r2t(b, (struct pdu_r2t){ .target_transfer_tag = 70 + sn, .r2t_sn = sn,
		.buffer_offset = offset, .desired_data_transfer_length = len });
}

static void expect_data_out(struct command *b, uint32_t sn, uint32_t offset, uint32_t len)
{
	uint8_t bhs[PDU_BHS_LEN], data[8192];
	struct pdu_data_out out;

	assert_int_equal(fake_take(b->c, PDU_DATA_OUT, bhs, data, sizeof(data)), len);
	pdu_get_data_out(bhs, &out);
	assert_int_equal(out.target_transfer_tag, 70 + sn);
	assert_int_equal(out.buffer_offset, offset);
	assert_true(out.final);
	assert_memory_equal(data, b->task->out + offset, len);
}

static void begin_write(struct command *b, const struct command_terms *terms)
{
	uint8_t bhs[PDU_BHS_LEN];

	command_begin_on(b, terms);
	command_submit(b, fake_write(40000));
	fake_take(b->c, PDU_DATA_OUT, bhs, NULL, 0);
	assert_false(fake_has_sent(b->c));
}

/* SEQ-1, SEQ-3, CMD-12: R2Ts one too early, twice, and a recovery R2T for what was sent. */
static void test_r2t_recovery(void **state)
{
	struct pdu_snack snack;
	struct command b;

	(void)state;
	begin_write(&b, &(struct command_terms){ .level = 2, .sequences_any = true, .r2ts = 4 });
	give_r2t(&b, 1, 30000, 1000);
	expect_data_out(&b, 1, 30000, 1000);
	snack = command_take_snack(&b);
	assert_int_equal(snack.type, PDU_SNACK_DATA_R2T);
	assert_int_equal(snack.initiator_task_tag, b.itt);
	assert_int_equal(snack.beg_run, 0);
	assert_int_equal(snack.run_length, 1);
	give_r2t(&b, 1, 30000, 1000);
	give_r2t(&b, 0, 16384, 600);
	command_take_ping(&b);
	expect_data_out(&b, 0, 16384, 600);
	assert_false(fake_has_sent(b.c));
	give_r2t(&b, 2, 16384, 600);
	expect_data_out(&b, 2, 16384, 600);
	give_r2t(&b, 3, 0, 100); /* what went inside the command */
	expect_data_out(&b, 3, 0, 100);
	command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_end(&b);
	DUTY("SEQ-1 SEQ-3 CMD-12 CMD-8 REC-8 RV-2.6 RV-2.7");
}

/* A recovery R2T may come before the first answer left; yet there is an end to them. */
static void test_r2t_many(void **state)
{
	struct command b;

	(void)state;
	begin_write(&b, &(struct command_terms){ .level = 1 });
	give_r2t(&b, 0, 16384, 600);
	give_r2t(&b, 1, 16384, 600);
	expect_data_out(&b, 0, 16384, 600);
	expect_data_out(&b, 1, 16384, 600);
	for (uint32_t sn = 2; sn < 40 && !b.c->ended; sn++)
		give_r2t(&b, sn, 16384, 600);
	command_expect_refused(&b, FAULT_PROTOCOL);
	command_end(&b);
	begin_write(&b, &(struct command_terms){ .level = 0, .r2ts = 2 }); /* a jump at level 0 */
	give_r2t(&b, 1, 16384, 600);
	command_expect_refused(&b, FAULT_PROTOCOL);
	command_end(&b);
	DUTY("CMD-10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_order_behind_gap),
		cmocka_unit_test(test_sequence_length),
		cmocka_unit_test(test_r2t_recovery),
		cmocka_unit_test(test_r2t_many),
	};

	return cmocka_run_group_tests(tests, fill_medium, NULL);
}
