/*
 * engine_fake_input.h - one good PDU of each kind that a target may send in full feature phase, in a
 * state in which it may come, for the tests that spoil it (the bad inputs of the field).
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_INPUT_H
#define ISCSIDSC_TEST_ENGINE_FAKE_INPUT_H

#include "engine_fake_command.h"

enum input_pdu {
	INPUT_DATA_IN,    /* 102 bytes of a read of 512 */
	INPUT_SHORT,      /* the last Data-In, with the status */
	INPUT_RESPONSE,   /* of a read, with sense */
	INPUT_R2T,        /* for a write of 80000 */
	INPUT_PING,       /* wants an answer */
	INPUT_ECHO,       /* of our ping, with data */
	INPUT_TASK,       /* answers a LOGICAL UNIT RESET of another LUN */
	INPUT_TEXT,
	INPUT_LOGOUT,     /* of the session; it has no task */
	INPUT_ASYNC,      /* SCSI event with sense */
	INPUT_REJECT,     /* of a Data-Out */
	INPUT_PDUS
};

enum { INPUT_DATA_MAX = 70000, INPUT_GUARD = 64 };

struct input {
	struct command b;       /* with the task, and no other */
	enum input_pdu pdu;
	unsigned level;
	uint8_t bhs[PDU_BHS_LEN];
	uint8_t data[INPUT_DATA_MAX];
	uint32_t len;
	uint8_t wire[INPUT_DATA_MAX + 2000]; /* input_encode fills it */
	size_t wire_len;
	uint8_t *guarded;       /* the memory around the task's read buffer */
	struct management management;
	unsigned others;        /* tasks of the test's own that have come back as well */
};

/* What input_encode does wrong. */
enum input_spoil {
	INPUT_BAD_HEADER_DIGEST = 1, INPUT_BAD_DATA_DIGEST = 2, INPUT_PADDING = 4,
};

const char *input_name(enum input_pdu pdu);
/* Logs in at that level, brings about the state and makes the PDU. */
void input_begin(struct input *in, enum input_pdu pdu, unsigned level, bool digests, size_t piece);
/* The same without a PDU: a read of 512 bytes, or a write of 80000 for INPUT_R2T. */
void input_begin_on(struct input *in, enum input_pdu pdu, const struct command_terms *terms);
/* A read whose buffer stands between guards. */
struct task *input_read(struct input *in, uint32_t len);
/* PDU to bytes: DataSegmentLength, padding and digests; `spoil` of enum input_spoil. */
void input_encode(struct input *in, unsigned spoil);
/* input_encode without faults, and gives it. */
void input_give(struct input *in);
/* It did what it is for. */
void input_expect_taken(struct input *in);
/* It was ignored: nothing came back, nothing ended, nothing is answered. */
void input_expect_ignored(struct input *in);
/* The connection ended with that fault, and the session comes back as it shall at this level: by a
 * reinstatement, or as the same session. */
void input_expect_end(struct input *in, enum fault_kind kind);
/* Ends everything: guards stand, the task came back once. */
void input_end(struct input *in);

#endif
