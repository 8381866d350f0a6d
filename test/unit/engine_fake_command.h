/*
 * engine_fake_command.h - a connection in full feature phase with one command under way, for the tests
 * that answer it by hand.
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_COMMAND_H
#define ISCSIDSC_TEST_ENGINE_FAKE_COMMAND_H

#include "engine_fake.h"

struct command {
	struct fake fake;
	struct fake_conn *c;
	struct task *task; /* freed by command_end */
	uint32_t itt;
};

/* Logs in; bytes come in pieces of that size. */
void command_begin(struct command *b, size_t piece, bool digests);
void command_end(struct command *b);
/* Submits and takes the SCSI Command PDU; the target has seen its number. */
void command_submit(struct command *b, struct task *task);
/* Flags as byte 1 of the header. */
void command_give_data_in(struct command *b, uint32_t offset, uint32_t sn, const void *data,
			  uint32_t len, uint8_t flags);
void command_give_response(struct command *b, struct pdu_scsi_response *pdu, const void *data,
			   uint32_t len);
/* For the command's tag, unless the R2T has one. */
void command_give_r2t(struct command *b, struct pdu_r2t pdu);
void command_expect_done(struct command *b, enum task_outcome outcome);
/* The connection is over, and the task came back once. */
void command_expect_refused(struct command *b, enum fault_kind kind);

#endif
