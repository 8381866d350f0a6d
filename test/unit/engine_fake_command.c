/* engine_fake_command.c - see engine_fake_command.h. */
#include "engine_fake_command.h"

void command_begin(struct command *b, size_t piece, bool digests)
{
	static const char keys[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C\0"
		"MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0"
		"MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=4\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	struct fake_setup setup;

	fake_setup_init(&setup);
	setup.piece = piece;
	setup.options.header_digest = setup.options.data_digest = digests;
	fake_begin(&b->fake, &setup);
	b->c = fake_login(&b->fake, &setup.options, digests ? keys : NULL, sizeof(keys));
	b->task = NULL;
}

void command_end(struct command *b)
{
	fake_end(&b->fake);
	if (b->task)
		fake_task_free(b->task);
}

/* A command is under way. */
void command_submit(struct command *b, struct task *task)
{
	uint8_t bhs[PDU_BHS_LEN];

	b->task = task;
	fake_submit(b->c, task);
	fake_take(b->c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	b->itt = bytes_get32(bhs + 16);
	b->fake.exp_cmd_sn++;
	b->fake.max_cmd_sn++;
}

void command_give_data_in(struct command *b, uint32_t offset, uint32_t sn, const void *data, uint32_t len,
			 uint8_t flags)
{
	struct pdu_data_in pdu = { .final = flags & 0x80, .has_status = flags & 1,
		.underflow = flags & 2, .overflow = flags & 4, .initiator_task_tag = b->itt,
		.target_transfer_tag = PDU_NO_TAG, .data_sn = sn, .buffer_offset = offset };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_data_in(bhs, &pdu);
	fake_numbers(b->c, bhs, pdu.has_status);
	fake_give_pdu(b->c, bhs, data, len);
}

void command_give_response(struct command *b, struct pdu_scsi_response *pdu, const void *data, uint32_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu->initiator_task_tag = b->itt;
	pdu_put_scsi_response(bhs, pdu);
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, data, len);
}

void command_give_r2t(struct command *b, struct pdu_r2t pdu)
{
	uint8_t bhs[PDU_BHS_LEN];

	if (!pdu.initiator_task_tag)
		pdu.initiator_task_tag = b->itt;
	pdu_put_r2t(bhs, &pdu);
	fake_numbers(b->c, bhs, false);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

void command_expect_done(struct command *b, enum task_outcome outcome)
{
	assert_false(b->c->ended);
	assert_int_equal(b->c->done_count, 1);
	assert_ptr_equal(b->c->done[0], b->task);
	assert_int_equal(b->task->outcome, outcome);
}

/* The connection is over, and the task came back once. */
void command_expect_refused(struct command *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(b->c->fault.kind, kind);
	assert_true(b->c->fault.text[0]);
	if (b->task) {
		assert_int_equal(b->c->done_count, 1);
		assert_int_equal(b->task->outcome, TASK_LOST);
	}
}
