/*
 * engine_first_burst_test.c - what a write sends before the target asks: immediate and unsolicited data
 * for each agreement on ImmediateData, InitialR2T, FirstBurstLength and segment size, for each length
 * around the limits; then what it is asked for.
 */
#include "engine_fake_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "../duty.h"

struct agreement {
	bool immediate, initial_r2t;
	uint32_t first_burst, segment;
};

static void begin(struct command *b, const struct agreement *how)
{
	char keys[600];
	struct fake_setup setup;
	int len = snprintf(keys, sizeof(keys), "HeaderDigest=None%cDataDigest=None%c"
			   "MaxRecvDataSegmentLength=%u%cMaxConnections=1%cInitialR2T=%s%cImmediateData=%s%c"
			   "MaxBurstLength=65536%cFirstBurstLength=%u%cDefaultTime2Wait=2%c"
			   "DefaultTime2Retain=20%cMaxOutstandingR2T=4%cDataPDUInOrder=Yes%c"
			   "DataSequenceInOrder=Yes%cErrorRecoveryLevel=0", 0, 0, how->segment, 0, 0,
			   how->initial_r2t ? "Yes" : "No", 0, how->immediate ? "Yes" : "No", 0, 0,
			   how->first_burst, 0, 0, 0, 0, 0, 0);

	fake_setup_init(&setup);
	fake_begin(&b->fake, &setup);
	b->c = fake_login(&b->fake, &setup.options, keys, (size_t)len + 1);
	b->task = NULL;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Data-Out PDUs from `at` to `end`: in order, none too long, whole words, F on the last alone. */
static void take_sequence(struct command *b, const struct agreement *how, uint32_t tag, uint32_t at,
			  uint32_t end)
{
	static uint8_t data[65536];
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_data_out out;

	for (uint32_t sn = 0; at < end; sn++) {
		uint32_t len = fake_take(b->c, PDU_DATA_OUT, bhs, data, sizeof(data));

		pdu_get_data_out(bhs, &out);
		assert_int_equal(out.initiator_task_tag, b->itt);
		assert_int_equal(out.target_transfer_tag, tag);
		assert_int_equal(out.data_sn, sn);
		assert_int_equal(out.buffer_offset, at);
		assert_true(out.lun == b->task->lun);
		assert_in_range(len, 1, how->segment);
		assert_memory_equal(data, b->task->out + at, len);
		at += len;
		assert_int_equal(out.final, at == end);
		if (at != end)
			assert_int_equal(len % 4, 0);
	}
	assert_int_equal(at, end);
}

static void write_one(const struct agreement *how, uint32_t len)
{
	static uint8_t data[65536];
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_scsi_response good = { .status = 0 };
	struct pdu_scsi_command cmd;
	struct command b;
	uint32_t immediate = how->immediate ? least(least(how->first_burst, how->segment), len) : 0;
	uint32_t first = how->initial_r2t ? immediate : least(how->first_burst, len);

	begin(&b, how);
	b.task = fake_write(len);
	b.task->lun = UINT64_C(0x0003000000000000);
	fake_submit(b.c, b.task);
	assert_int_equal(fake_take(b.c, PDU_SCSI_COMMAND, bhs, data, sizeof(data)), immediate);
	pdu_get_scsi_command(bhs, &cmd);
	b.itt = cmd.initiator_task_tag;
	b.fake.exp_cmd_sn++;
	assert_memory_equal(data, b.task->out, immediate);
	assert_true(cmd.write && !cmd.read && !cmd.immediate);
	assert_int_equal(cmd.expected_data_transfer_length, len);
	assert_int_equal(cmd.final, first == immediate);
	take_sequence(&b, how, PDU_NO_TAG, immediate, first);
	assert_false(fake_has_sent(b.c));
	for (uint32_t sn = 0, at = first; at < len; sn++) {
		uint32_t part = least(10001, len - at);

		command_give_r2t(&b, (struct pdu_r2t){ .lun = b.task->lun, .target_transfer_tag = 70 + sn,
			.r2t_sn = sn, .buffer_offset = at, .desired_data_transfer_length = part });
		take_sequence(&b, how, 70 + sn, at, at + part);
		assert_false(fake_has_sent(b.c));
		at += part;
	}
	command_give_response(&b, &good, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_end(&b);
}

static void write_all_lengths(bool immediate, bool initial_r2t)
{
	static const uint32_t bursts[] = { 512, 4096, 5000 }, segments[] = { 512, 1001, 8192 };

	for (unsigned i = 0; i < 9; i++) {
		struct agreement how = { immediate, initial_r2t, bursts[i / 3], segments[i % 3] };
		uint32_t lengths[] = { 1, how.segment - 1, how.segment, how.segment + 1,
			how.first_burst - 1, how.first_burst, how.first_burst + 1, 30000 };

		for (unsigned j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++)
			write_one(&how, lengths[j]);
	}
}

static void test_immediate_and_unsolicited(void **state)
{
	(void)state;
	write_all_lengths(true, false);
	DUTY("KEY-2 KEY-3 CMD-1 CMD-3 CMD-5 CMD-6 CMD-7 CMD-9 DS-3 PDU-11 PDU-12 UNH-FFP-8.1");
	DUTY("UNH-FFP-11.1.1 UNH-FFP-11.2.1 UNH-FFP-11.2.2 UNH-FFP-11.3 UNH-FFP-11.4");
	DUTY("UNH-FFP-16.1.1 UNH-FFP-16.2.4");
}

static void test_immediate_alone(void **state)
{
	(void)state;
	write_all_lengths(true, true);
	DUTY("KEY-2 KEY-3 CMD-1 UNH-FFP-16.2.1 UNH-FFP-16.3.1 UNH-FFP-16.6");
}

static void test_unsolicited_alone(void **state)
{
	(void)state;
	write_all_lengths(false, false);
	DUTY("KEY-2 CMD-1 CMD-6 CMD-7 UNH-FFP-8.3 UNH-FFP-16.2.3");
}

static void test_solicited_alone(void **state)
{
	(void)state;
	write_all_lengths(false, true);
	DUTY("KEY-2 CMD-1 CMD-8 CMD-9 DS-3 UNH-FFP-6.1 UNH-FFP-8.2 UNH-FFP-9.1 UNH-FFP-12.1 UNH-FFP-12.2");
	DUTY("UNH-FFP-16.1.2 UNH-FFP-16.2.2 UNH-FFP-16.3.1");
}

/* Neither a read nor a command without data has any: F, the direction and the length say so. */
static void test_no_write(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_scsi_command cmd;
	struct command b;

	(void)state;
	for (uint32_t len = 0; len <= 512; len += 512) {
		command_begin(&b, 0, false);
		b.task = fake_read(len);
		fake_submit(b.c, b.task);
		assert_int_equal(fake_take(b.c, PDU_SCSI_COMMAND, bhs, NULL, 0), 0);
		pdu_get_scsi_command(bhs, &cmd);
		assert_true(cmd.final && !cmd.write);
		assert_int_equal(cmd.read, len > 0);
		assert_int_equal(cmd.expected_data_transfer_length, len);
		assert_false(fake_has_sent(b.c));
		command_end(&b);
	}
	DUTY("CMD-1 CMD-2 CMD-3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_immediate_and_unsolicited), cmocka_unit_test(test_immediate_alone),
		cmocka_unit_test(test_unsolicited_alone), cmocka_unit_test(test_solicited_alone),
		cmocka_unit_test(test_no_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
