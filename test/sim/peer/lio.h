/*
 * lio.h - in what the simulator's target may differ from the recorded LIO: what RFC 7143 leaves to
 * a target, and single answers in single exchanges, each with its reason.
 */
#ifndef ISCSIDSC_TEST_LIO_H
#define ISCSIDSC_TEST_LIO_H

#include "replay.h"

enum { LIO_EXTRAS_MAX = 32 };

/* Where fields are in a header; AT_SENSE and on: in a segment with sense. */
enum { AT_OPCODE = 0, AT_FLAGS = 1, AT_RESPONSE = 2, AT_STATUS = 3, AT_LENGTH = 5, AT_LUN = 8,
       AT_TSIH = 14, AT_ITT = 16, AT_TTT = 20, AT_STAT_SN = 24, AT_EXP_CMD_SN = 28,
       AT_MAX_CMD_SN = 32, AT_DATA_SN = 36, AT_LOGIN_STATUS = 36, AT_OFFSET = 40,
       AT_RESIDUAL = 44, AT_SENSE = PDU_BHS_LEN };

/* What of a field is the target's choice. */
enum lio_choice {
	LIO_NO_CHOICE,
	LIO_ANY_VALUE,
	LIO_TAG,       /* a name of a transfer, or none */
	LIO_SESSION,   /* a name of a session, or none */
	LIO_RELATIVE,  /* MaxCmdSN: the length of the queue, which then stays */
};

enum lio_choice lio_choice(const uint8_t *bhs, unsigned at);
/* Tells that a choice made a difference. */
void lio_chosen(const uint8_t *bhs, unsigned at);

/* For replay_run. */
enum replay_extra lio_judge(const char *exchange, bool ours, uint8_t opcode, unsigned answer);
/* An answer that only one of the two gave is known. Counts it in `seen`. */
bool lio_is_extra(const char *exchange, unsigned answer, const struct replay_pair *pair,
		  unsigned seen[LIO_EXTRAS_MAX]);
/* The reason of a row that was seen too rarely or too often; NULL if all is right. */
const char *lio_extra_missing(const char *exchange, const unsigned seen[LIO_EXTRAS_MAX]);

/* Whether the values are what they have to be: a row's, else equal. */
bool lio_fits(const char *exchange, unsigned answer, unsigned at, uint32_t theirs, uint32_t ours);

/* What our target must say against the initiator of this exchange; "" for nothing. */
const char *lio_violation(const char *exchange);
/* The reason of a row of which nothing made use; NULL if there is none. */
const char *lio_unused(void);

#endif
