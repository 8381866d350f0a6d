/* engine_fake_command.c - see engine_fake_command.h. */
#include "engine_fake_command.h"

#include <stdio.h>

static const char *yes_no(bool yes)
{
	return yes ? "Yes" : "No";
}

/* The pairs of a target that agrees. */
static size_t put_keys(char *text, size_t room, const struct command_terms *terms, unsigned r2ts)
{
	const char *digest = terms->digests ? "CRC32C" : "None";
	int n = snprintf(text, room, "HeaderDigest=%s%cDataDigest=%s%cMaxRecvDataSegmentLength=8192%c"
		"MaxConnections=4%cInitialR2T=No%cImmediateData=Yes%cMaxBurstLength=65536%c"
		"FirstBurstLength=16384%cDefaultTime2Wait=2%cDefaultTime2Retain=20%c"
		"MaxOutstandingR2T=%u%cDataPDUInOrder=%s%cDataSequenceInOrder=%s%c"
		"ErrorRecoveryLevel=%u%c", digest, 0, digest, 0, 0, 0, 0, 0, 0, 0, 0, 0, r2ts, 0,
		yes_no(!terms->pdus_any), 0, yes_no(!terms->sequences_any), 0, terms->level, 0);

	if (terms->protocol_level)
		n += snprintf(text + n, room - (size_t)n, "iSCSIProtocolLevel=%u%c",
			      terms->protocol_level, 0);
	return (size_t)n;
}

void command_begin_on(struct command *b, const struct command_terms *terms)
{
	unsigned r2ts = terms->r2ts ? terms->r2ts : terms->level && !terms->sequences_any ? 1 : 4;
	struct fake_setup setup;
	char keys[1024];
	size_t len = put_keys(keys, sizeof(keys), terms, r2ts);

	fake_setup_init(&setup);
	setup.piece = terms->piece;
	if (terms->first_stat_sn)
		setup.first_stat_sn = terms->first_stat_sn;
	setup.options.header_digest = setup.options.data_digest = terms->digests;
	setup.config.offer.error_recovery_level = (uint8_t)terms->level;
	setup.config.offer.data_pdu_in_order = !terms->pdus_any;
	setup.config.offer.data_sequence_in_order = !terms->sequences_any;
	setup.config.offer.max_outstanding_r2t = (uint16_t)r2ts;
	setup.config.offer.protocol_level = (uint8_t)terms->protocol_level;
	fake_begin(&b->fake, &setup);
	b->c = fake_login(&b->fake, &setup.options, keys, len);
	b->task = NULL;
	b->snack_tag = 0;
}

void command_begin(struct command *b, size_t piece, bool digests)
{
	command_begin_on(b, &(struct command_terms){ .piece = piece, .digests = digests });
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
		.underflow = flags & 2, .overflow = flags & 4, .acknowledge = flags & 0x40,
		.initiator_task_tag = b->itt, .lun = flags & 0x40 ? 8 : 0,
		.target_transfer_tag = flags & 0x40 ? 4000 + sn : PDU_NO_TAG, .data_sn = sn,
		.buffer_offset = offset };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_data_in(bhs, &pdu);
	fake_numbers(b->c, bhs, pdu.has_status);
	fake_give_pdu(b->c, bhs, data, len);
}

void command_give_response(struct command *b, struct pdu_scsi_response *pdu, const void *data, uint32_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu->initiator_task_tag = b->itt;
	pdu->snack_tag = b->snack_tag;
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

void command_echo(struct command *b, const uint8_t nop_out[PDU_BHS_LEN])
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = bytes_get32(nop_out + 16),
		.target_transfer_tag = PDU_NO_TAG });
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, NULL, 0);
}

void command_take_ping(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(b->c, PDU_NOP_OUT, bhs, NULL, 0);
	command_echo(b, bhs);
}

struct pdu_snack command_take_snack(struct command *b)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_snack snack;

	for (unsigned i = 0; i < 70 && !fake_has_sent(b->c); i++) /* the pause before it is asked again */
		fake_wait(&b->fake, 10);
	fake_take(b->c, PDU_SNACK, bhs, NULL, 0);
	pdu_get_snack(bhs, &snack);
	return snack;
}

/* The connection is over, and the task came back once. */
void command_expect_refused(struct command *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(b->c->fault.kind, kind);
	assert_true(b->c->fault.text[0]);
	if (b->task) {
		assert_int_equal(b->c->done_count, 1);
		assert_int_equal(b->task->outcome, TASK_SUSPENDED);
	}
}
