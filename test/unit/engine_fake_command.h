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
	uint32_t snack_tag; /* that the responses carry */
};

/* What the two sides agree on. */
struct command_terms {
	size_t piece;      /* bytes come in pieces of that size; 0: all at once */
	bool digests;
	unsigned level;    /* ErrorRecoveryLevel */
	bool pdus_any, sequences_any; /* data in any order */
	unsigned r2ts;     /* MaxOutstandingR2T; 0: 4, or 1 where KEY-6 wants it */
	unsigned protocol_level; /* iSCSIProtocolLevel; 0: not offered */
	uint32_t first_stat_sn; /* of the target; 0: 500 */
};

/* Logs in; bytes come in pieces of that size. */
void command_begin(struct command *b, size_t piece, bool digests);
void command_begin_on(struct command *b, const struct command_terms *terms);
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
/* A NOP-In for the ping in `nop_out`. */
void command_echo(struct command *b, const uint8_t nop_out[PDU_BHS_LEN]);
/* Takes a ping and echoes it. */
void command_take_ping(struct command *b);
/* Takes a SNACK. */
struct pdu_snack command_take_snack(struct command *b);
/* The connection is over, and the task came back once. */
void command_expect_refused(struct command *b, enum fault_kind kind);

#endif
