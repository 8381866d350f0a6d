/* engine_fake_reading.c - see engine_fake_reading.h. */
#include "engine_fake_reading.h"

#include "../duty.h"

uint8_t reading_medium[READING_LONG * READING_PART];

int reading_fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(reading_medium); i++)
		reading_medium[i] = (uint8_t)(i * 13 + i / 256);
	return 0;
}

void reading_begin_on(struct command *b, size_t piece, unsigned level)
{
	command_begin_on(b, &(struct command_terms){ .piece = piece, .digests = true, .level = level });
}

void reading_begin(struct command *b, size_t piece, unsigned parts)
{
	reading_begin_on(b, piece, 1);
	command_submit(b, fake_read(parts * READING_PART));
}

void reading_give(struct command *b, uint32_t sn, uint8_t flags)
{
	command_give_data_in(b, sn * READING_PART, sn, reading_medium + sn * READING_PART, READING_PART, flags);
}

void reading_lose(struct command *b, uint32_t sn, uint8_t flags)
{
	b->c->spoil = true;
	reading_give(b, sn, flags);
}

void reading_give_good(struct command *b, uint32_t exp_data_sn)
{
	command_give_response(b, &(struct pdu_scsi_response){ .exp_data_sn = exp_data_sn }, NULL, 0);
}

void reading_as_before(struct command *b, uint32_t stat_sn, void (*what)(struct command *b))
{
	uint32_t newest = b->c->stat_sn;

	b->c->stat_sn = stat_sn;
	what(b);
	b->c->stat_sn = newest;
}

void reading_expect_snack(struct command *b, uint8_t type, uint32_t begin, uint32_t run)
{
	struct pdu_snack snack = command_take_snack(b);
	bool data = type == PDU_SNACK_DATA_R2T || type == PDU_SNACK_R_DATA;

	assert_int_equal(snack.type, type);
	assert_int_equal(snack.beg_run, begin);
	assert_int_equal(snack.run_length, run);
	assert_int_equal(snack.initiator_task_tag, data ? b->itt : PDU_NO_TAG);
	if (type == PDU_SNACK_DATA_R2T || type == PDU_SNACK_STATUS)
		assert_int_equal(snack.target_transfer_tag, PDU_NO_TAG);
	DUTY("SNA-1 SNA-2 SNA-3 SNA-4");
}

void reading_expect_done(struct command *b)
{
	command_expect_done(b, TASK_COMPLETE);
	assert_int_equal(b->task->status, 0);
	assert_int_equal(b->task->received, b->task->in_len);
	assert_memory_equal(b->task->in, reading_medium, b->task->in_len);
	assert_false(b->c->ended);
}

void reading_expect_crc_error(struct command *b)
{
	command_expect_done(b, TASK_COMPLETE);
	assert_int_equal(b->task->status, 2);
	assert_int_equal(b->task->sense_len, 18);
	assert_int_equal(b->task->sense[2], 0x0b);
	assert_int_equal(b->task->sense[12], 0x47);
	assert_int_equal(b->task->sense[13], 0x05);
	assert_false(b->c->ended);
	DUTY("DIG-4 IN-15");
}
