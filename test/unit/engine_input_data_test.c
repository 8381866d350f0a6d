/*
 * engine_input_data_test.c - bad inputs of the field, groups 5 and 6: Data-In and R2T that do not fit
 * their command, at each recovery level, whole and in pieces.
 */
#include "engine_fake_input.h"
#include "engine_fake_pair.h"

#include "../duty.h"

enum { LEVELS = 3, F = 0x80, A = 0x40, O = 0x04, U = 0x02, S = 0x01 };

static struct input in;
static const uint8_t data[600] = { 1, 2, 3 };

/* A read of 512 bytes; with `out`, a write of 80000 whose unsolicited data have left. */
static void begin(unsigned level, bool out)
{
	static const size_t pieces[] = { 0, 1, 50 };

	input_begin_on(&in, out ? INPUT_R2T : INPUT_DATA_IN, &(struct command_terms){ .level = level,
		.digests = level == 1, .piece = pieces[level] });
}

static void refused(void)
{
	input_expect_end(&in, FAULT_PROTOCOL);
	input_end(&in);
}

/* Data-In PDUs, the last of which is the bad one. */
struct run {
	const char *name;
	struct { uint32_t offset, sn, len; uint8_t flags; } pdu[3];
	unsigned n;
};

static void refuse_runs(const struct run *runs, size_t n)
{
	for (unsigned i = 0; i < LEVELS * n; i++) {
		const struct run *run = &runs[i / LEVELS];

		begin(i % LEVELS, false);
		for (unsigned k = 0; k < run->n; k++) {
			assert_false(in.b.c->ended);
			command_give_data_in(&in.b, run->pdu[k].offset, run->pdu[k].sn, data,
					     run->pdu[k].len, run->pdu[k].flags);
		}
		if (!in.b.c->ended)
			print_error("taken at level %u: %s\n", i % LEVELS, run->name);
		refused();
	}
}

#define RUNS(runs) (runs), sizeof(runs) / sizeof((runs)[0])

static void test_beyond(void **state)
{
	static const struct run runs[] = {
		{ "a byte beyond", { { 0, 0, 513, 0 } }, 1 },
		{ "behind the end", { { 512, 0, 1, 0 } }, 1 },
		{ "empty, behind the end", { { 513, 0, 0, 0 } }, 1 },
		{ "far beyond", { { 0x80000000, 0, 512, 0 } }, 1 },
		{ "around the end of all numbers", { { 0xffffff00, 0, 512, 0 } }, 1 },
		{ "the second", { { 0, 0, 300, 0 }, { 300, 1, 213, F } }, 2 },
		{ "with status", { { 0, 0, 513, F | S } }, 1 },
	};

	(void)state;
	refuse_runs(RUNS(runs));
	DUTY("FIELD-5.1 IN-1 FMT-3");
}

static void test_overlap(void **state)
{
	static const struct run runs[] = {
		{ "the same again", { { 0, 0, 100, 0 }, { 0, 1, 100, 0 } }, 2 },
		{ "one byte", { { 0, 0, 100, 0 }, { 99, 1, 100, 0 } }, 2 },
		{ "all of it", { { 0, 0, 100, 0 }, { 0, 1, 512, F } }, 2 },
		{ "in the next sequence", { { 0, 0, 100, F }, { 50, 1, 100, F } }, 2 },
	};
	static const struct run gaps[] = {
		{ "a hole", { { 0, 0, 100, 0 }, { 101, 1, 100, 0 } }, 2 },
		{ "the second half first", { { 256, 0, 256, 0 } }, 1 },
	};

	(void)state;
	refuse_runs(RUNS(runs));
	DUTY("FIELD-5.2");
	refuse_runs(RUNS(gaps));
	DUTY("FIELD-5.3");
}

/* Any order was agreed: that does not make overlaps right. */
static void test_overlap_any_order(void **state)
{
	static const uint32_t offsets[][2] = { { 100, 100 }, { 100, 199 }, { 100, 1 }, { 0, 50 } };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(offsets) / sizeof(offsets[0]); i++) {
		input_begin_on(&in, INPUT_DATA_IN, &(struct command_terms){ .level = i % LEVELS,
			.pdus_any = true, .sequences_any = true });
		command_give_data_in(&in.b, offsets[i / LEVELS][0], 0, data, 100, 0);
		assert_false(in.b.c->ended);
		command_give_data_in(&in.b, offsets[i / LEVELS][1], 1, data, 100, 0);
		refused();
	}
	DUTY("FIELD-5.2");
}

/* Of a command that writes. */
static void test_no_read(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS; i++) {
		begin(i / 2, true);
		command_give_data_in(&in.b, 0, 0, data, i % 2 ? 100 : 0, F);
		refused();
	}
	DUTY("FIELD-5.4");
}

/* The command has its status: what comes then is let pass, and touches nothing. */
static void test_after_status(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, false);
		command_give_data_in(&in.b, 0, 0, data, 512, F | S);
		command_expect_done(&in.b, TASK_COMPLETE);
		memset(in.b.task->in, 0x11, 512);
		command_give_data_in(&in.b, 0, 1, data, 512, F);
		command_give_data_in(&in.b, 0, 2, data, 512, F | S);
		command_give_data_in(&in.b, 4000000000, 3, data, 600, F);
		command_expect_done(&in.b, TASK_COMPLETE);
		for (unsigned i = 0; i < 512; i++)
			assert_int_equal(in.b.task->in[i], 0x11);
		input_end(&in);
	}
	DUTY("FIELD-5.5");
}

/* 16 bits of a tag are its slot: one off in either part, and what is no tag at all. */
static void test_wrong_tag(void **state)
{
	static const uint32_t flips[] = { 1, 2, 1u << 9, 1u << 10, 1u << 30, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS * sizeof(flips) / sizeof(flips[0]); i++) {
		uint32_t itt, flip = flips[i / 2 / LEVELS];

		begin(i / 2 % LEVELS, i % 2);
		itt = in.b.itt;
		in.b.itt = flip == UINT32_MAX ? PDU_NO_TAG : itt ^ flip;
		if (i % 2)
			command_give_r2t(&in.b, (struct pdu_r2t){ .target_transfer_tag = 5,
				.buffer_offset = 16384, .desired_data_transfer_length = 512 });
		else
			command_give_data_in(&in.b, 0, 0, data, 512, F);
		if (!in.b.c->ended)
			print_error("tag %08x for %08x\n", in.b.itt, itt);
		refused();
	}
	DUTY("FIELD-5.6 PDU-8");
}

/* Its LUN means something with the A bit only, and then it is the DataACK's. */
static void test_wrong_lun(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, false);
		pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true, .has_status = true,
			.initiator_task_tag = in.b.itt, .target_transfer_tag = PDU_NO_TAG,
			.lun = 0x1122334455667788 });
		fake_numbers(in.b.c, bhs, true);
		fake_give_pdu(in.b.c, bhs, data, 512);
		command_expect_done(&in.b, TASK_COMPLETE);
		input_end(&in);
	}
	DUTY("FIELD-5.7");
}

/* On another connection than the command's: that one is lost, the command's is not touched. */
static void test_wrong_connection(void **state)
{
	struct pair p;
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS; i++) {
		struct task *task;

		pair_begin(&p, &(struct pair_terms){ .conns = 2, .level = i / 2,
			.times = { .ping_idle = 60000 } });
		task = pair_keep(&p, i % 2 ? fake_write(512) : fake_read(512));
		fake_submit(p.c[0], task);
		fake_take(p.c[0], PDU_SCSI_COMMAND, bhs, NULL, 0);
		if (i % 2)
			pdu_put_r2t(bhs, &(struct pdu_r2t){ .initiator_task_tag = task->itt,
				.target_transfer_tag = 5, .desired_data_transfer_length = 512 });
		else
			pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true,
				.initiator_task_tag = task->itt, .target_transfer_tag = PDU_NO_TAG });
		fake_numbers(p.c[1], bhs, false);
		fake_give_pdu(p.c[1], bhs, data, i % 2 ? 0 : 512);
		assert_true(p.c[1]->ended);
		assert_int_equal(p.c[1]->fault.kind, FAULT_PROTOCOL);
		assert_int_equal(p.c[1]->done_count, 0);
		assert_int_equal(task->received, 0);
		assert_true(!task->in || !task->in[0]);
		assert_false(fake_has_sent(p.c[0]));
		pair_end(&p);
	}
	DUTY("FIELD-5.8 FIELD-6.9 FIELD-12.9 MC-2.5 MC-2.6 MCS-2");
}

static void test_data_sn_jump(void **state)
{
	static const uint32_t sns[] = { 1, 5, 200, 0x7fffffff, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < LEVELS * sizeof(sns) / sizeof(sns[0]); i++) {
		uint32_t sn = sns[i / LEVELS];

		begin(i % LEVELS, false);
		command_give_data_in(&in.b, 300, sn, data, 100, 0);
		if (i % LEVELS == 0) {
			refused();
			continue;
		}
		assert_false(in.b.c->ended);
		if (sn < 64) {
			struct pdu_snack snack = command_take_snack(&in.b);

			assert_int_equal(snack.type, PDU_SNACK_DATA_R2T);
			assert_int_equal(snack.beg_run, 0);
			assert_int_equal(snack.run_length, sn);
		}
		assert_int_equal(in.b.task->received, sn < 64 ? 100 : 0);
		input_end(&in);
	}
	DUTY("FIELD-5.9 DS-1 SEQ-1");
}

static void test_flags(void **state)
{
	static const struct run without_f[] = {
		{ "S without F", { { 0, 0, 512, S } }, 1 },
		{ "S without F, empty", { { 0, 0, 0, S } }, 1 },
		{ "S without F, the second", { { 0, 0, 100, 0 }, { 100, 1, 412, S } }, 2 },
	};
	static const struct run both[] = {
		{ "O and U", { { 0, 0, 512, F | S | O | U } }, 1 },
		{ "O and U, empty", { { 0, 0, 0, F | S | O | U } }, 1 },
	};

	(void)state;
	refuse_runs(RUNS(without_f));
	DUTY("FIELD-5.10 IN-3");
	refuse_runs(RUNS(both));
	DUTY("FIELD-5.11 IN-11");
}

static void test_empty(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, false);
		command_give_data_in(&in.b, 0, 0, NULL, 0, 0);
		command_give_data_in(&in.b, 0, 1, NULL, 0, F);
		command_give_data_in(&in.b, 0, 2, data, 512, 0);
		command_give_data_in(&in.b, 512, 3, NULL, 0, F);
		assert_int_equal(in.b.task->received, 512);
		command_give_data_in(&in.b, 512, 4, NULL, 0, F | S);
		command_expect_done(&in.b, TASK_COMPLETE);
		input_end(&in);
	}
	DUTY("FIELD-5.12 UNH-FFP-11.1.2");
}

/* At level 0 there is no DataACK, whatever the target asks for. */
static void test_acknowledge(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, false);
		command_give_data_in(&in.b, 0, 0, data, 256, F | A);
		assert_false(in.b.c->ended);
		assert_int_equal(fake_has_sent(in.b.c), level > 0);
		if (level)
			assert_int_equal(command_take_snack(&in.b).type, PDU_SNACK_DATA_ACK);
		command_give_data_in(&in.b, 256, 1, data, 256, F | S);
		command_expect_done(&in.b, TASK_COMPLETE);
		input_end(&in);
	}
	DUTY("FIELD-5.13 IN-5");
}

/* One byte each; then, where any order may be, every second byte before the others. Nothing is kept of
 * them but numbers. */
static void test_tiny(void **state)
{
	uint8_t byte;

	(void)state;
	for (unsigned i = 0; i < 2 * LEVELS; i++) {
		bool any = i % 2;

		input_begin_on(&in, INPUT_DATA_IN, &(struct command_terms){ .level = i / 2,
			.pdus_any = any, .sequences_any = any });
		for (uint32_t sn = 0; sn < 512; sn++) {
			uint32_t offset = any ? sn * 2 % 512 + sn / 256 : sn;

			byte = (uint8_t)(offset * 3);
			command_give_data_in(&in.b, offset, sn, &byte, 1, sn == 511 ? F | S : 0);
		}
		command_expect_done(&in.b, TASK_COMPLETE);
		for (uint32_t at = 0; at < 512; at++)
			assert_int_equal(in.b.task->in[at], (uint8_t)(at * 3));
		input_end(&in);
	}
	begin(0, false);
	for (uint32_t sn = 0; sn < 20000; sn++)
		command_give_data_in(&in.b, 0, sn, NULL, 0, sn % 2 ? F : 0);
	assert_int_equal(in.b.task->received, 0);
	assert_false(in.b.c->ended);
	input_end(&in);
	DUTY("FIELD-5.14");
}

/* ---------------------------------------------------------------- R2T */

static const struct pdu_r2t good = { .target_transfer_tag = 7, .buffer_offset = 16384,
	.desired_data_transfer_length = 512 };

static void refuse_r2t(struct pdu_r2t r2t)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, true);
		command_give_r2t(&in.b, r2t);
		assert_false(fake_has_sent(in.b.c));
		refused();
	}
}

static void test_r2t(void **state)
{
	static const uint32_t offsets[] = { 79489, 80000, 80001, 0x80000000, 0xffffff00, UINT32_MAX };
	static const uint32_t lens[] = { 65537, 0xffffff, 0x80000000, UINT32_MAX };
	struct pdu_r2t r2t = good;

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		r2t.buffer_offset = offsets[i];
		refuse_r2t(r2t);
	}
	DUTY("FIELD-6.2 CMD-10");
	r2t = good;
	r2t.desired_data_transfer_length = 0;
	refuse_r2t(r2t);
	DUTY("FIELD-6.3");
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		r2t.desired_data_transfer_length = lens[i];
		refuse_r2t(r2t);
	}
	DUTY("FIELD-6.4 CMD-11");
	r2t = good;
	r2t.target_transfer_tag = PDU_NO_TAG;
	refuse_r2t(r2t);
	DUTY("FIELD-6.5");
	r2t = good;
	r2t.lun = 3;
	refuse_r2t(r2t);
}

static void test_r2t_for_a_read(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, false);
		command_give_r2t(&in.b, (struct pdu_r2t){ .target_transfer_tag = 7,
			.desired_data_transfer_length = 512 });
		refused();
	}
	DUTY("FIELD-6.1");
}

/* Above level 0 a recovery R2T may come beside the one that it stands for, so that the limit is ours. */
static void test_too_many_r2ts(void **state)
{
	static const unsigned most[LEVELS] = { 4, 15, 15 };
	unsigned n;

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct pdu_r2t r2t = good;

		begin(level, true);
		for (n = 0; n < 40; n++) {
			r2t.r2t_sn = n;
			r2t.target_transfer_tag = 100 + n;
			r2t.buffer_offset = 16384 + 512 * n;
			command_give_r2t(&in.b, r2t);
			if (in.b.c->ended)
				break;
		}
		assert_int_equal(n, most[level]);
		refused();
	}
	DUTY("FIELD-6.6 CMD-11");
}

static void test_r2t_sn(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, true);
		command_give_r2t(&in.b, good);
		fake_take(in.b.c, PDU_DATA_OUT, bhs, NULL, 0);
		command_give_r2t(&in.b, good);
		if (!level) {
			refused();
			continue;
		}
		assert_false(in.b.c->ended);
		assert_false(fake_has_sent(in.b.c));
		input_end(&in);
	}
	DUTY("FIELD-6.7 SEQ-3");
}

static void test_r2t_after_status(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		begin(level, true);
		command_give_response(&in.b, &(struct pdu_scsi_response){ .underflow = true,
			.residual_count = 63616 }, NULL, 0);
		command_expect_done(&in.b, TASK_COMPLETE);
		command_give_r2t(&in.b, good);
		command_expect_done(&in.b, TASK_COMPLETE);
		assert_false(fake_has_sent(in.b.c));
		input_end(&in);
	}
	DUTY("FIELD-6.8 CMD-14");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beyond),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_overlap_any_order),
		cmocka_unit_test(test_no_read),
		cmocka_unit_test(test_after_status),
		cmocka_unit_test(test_wrong_tag),
		cmocka_unit_test(test_wrong_lun),
		cmocka_unit_test(test_wrong_connection),
		cmocka_unit_test(test_data_sn_jump),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_acknowledge),
		cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_r2t),
		cmocka_unit_test(test_r2t_for_a_read),
		cmocka_unit_test(test_too_many_r2ts),
		cmocka_unit_test(test_r2t_sn),
		cmocka_unit_test(test_r2t_after_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
