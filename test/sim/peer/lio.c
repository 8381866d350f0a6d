/*
 * lio.c - see lio.h. LIO is that of the kernel in the recordings' heads, set up by
 * test/interop/lio-setup.sh.
 */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"

#include "lio.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------- the target's choices */

enum { ALL = 0xff };

static bool always(const uint8_t *bhs)
{
	return bhs != NULL;
}

static bool has_no_status(const uint8_t *bhs)
{
	return !(bhs[AT_FLAGS] & 0x01);
}

static bool asks_for_ack(const uint8_t *bhs)
{
	return bhs[AT_FLAGS] & 0x40;
}

static bool asks_for_nothing(const uint8_t *bhs)
{
	return !asks_for_ack(bhs);
}

static bool has_no_tag(const uint8_t *bhs)
{
	return bytes_get32(bhs + AT_TTT) == PDU_NO_TAG;
}

static bool is_refusal(const uint8_t *bhs)
{
	return bhs[AT_LOGIN_STATUS] != 0;
}

static bool is_full_feature(const uint8_t *bhs)
{
	return pdu_opcode(bhs) != PDU_LOGIN_RESPONSE;
}

/* What the RFC leaves to a target. StatSN is made relative by replay.c. */
static const struct choice {
	uint8_t opcode;
	unsigned at;
	bool (*when)(const uint8_t *bhs);
	enum lio_choice what;
	const char *reason;
} choices[] = {
	{ PDU_LOGIN_RESPONSE, AT_TSIH, always, LIO_SESSION,
	  "the target names its sessions (11.13.3)" },
	{ PDU_LOGIN_RESPONSE, AT_MAX_CMD_SN, always, LIO_ANY_VALUE,
	  "no command can be sent yet: LIO opens its window after the login" },
	{ ALL, AT_MAX_CMD_SN, is_full_feature, LIO_RELATIVE, "how long the queue is (4.2.2.1)" },
	{ PDU_LOGIN_RESPONSE, AT_STAT_SN, is_refusal, LIO_ANY_VALUE,
	  "valid only in success (11.13.4)" },
	{ PDU_LOGIN_RESPONSE, AT_LUN, is_refusal, LIO_ANY_VALUE,
	  "LIO leaves the ISID out of a refusal" },
	{ PDU_LOGOUT_RESPONSE, AT_OFFSET, always, LIO_ANY_VALUE,
	  "Time2Wait and Time2Retain: LIO says 0 (11.15.3, 11.15.4)" },
	{ PDU_LOGIN_RESPONSE, AT_LENGTH, always, LIO_ANY_VALUE,
	  "the keys are compared, not the text" },
	{ PDU_TEXT_RESPONSE, AT_LENGTH, always, LIO_ANY_VALUE,
	  "the keys are compared, not the text" },
	{ PDU_SCSI_RESPONSE, AT_LENGTH, always, LIO_ANY_VALUE,
	  "how many bytes of sense: key and code are compared" },
	{ PDU_R2T, AT_TTT, always, LIO_TAG, "the target names its transfers (11.8.5)" },
	{ PDU_DATA_IN, AT_TTT, asks_for_ack, LIO_TAG, "the target names its transfers (11.7.4)" },
	{ PDU_DATA_IN, AT_LUN, asks_for_nothing, LIO_ANY_VALUE,
	  "reserved without A: LIO sets all bits" },
	{ PDU_DATA_IN, AT_TSIH, asks_for_nothing, LIO_ANY_VALUE,
	  "reserved without A: LIO sets all bits" },
	{ PDU_DATA_IN, AT_STAT_SN, has_no_status, LIO_ANY_VALUE,
	  "reserved without S: LIO sets all bits" },
	{ PDU_NOP_IN, AT_LUN, has_no_tag, LIO_ANY_VALUE,
	  "reserved without a tag: LIO sets all bits" },
	{ PDU_NOP_IN, AT_TSIH, has_no_tag, LIO_ANY_VALUE,
	  "reserved without a tag: LIO sets all bits" },
};

static const struct choice *find_choice(const uint8_t *bhs, unsigned at)
{
	for (size_t i = 0; i < SIZE(choices); i++)
		if ((choices[i].opcode == ALL || choices[i].opcode == pdu_opcode(bhs)) &&
		    choices[i].at == at && choices[i].when(bhs))
			return &choices[i];
	return NULL;
}

/* ---------------------------------------------------------------- single exchanges */

/* An answer that only one of the two gives; REPLAY_LATER: ours gives it, too, but later. */
static const struct extra {
	const char *exchange;
	uint8_t opcode;
	enum replay_extra which;
	unsigned from, times; /* from which answer of the exchange on; how many */
	uint8_t response;     /* what ours must say */
	const char *reason;
} extras[] = {
	{ "login_connection_reinstatement", PDU_ASYNC, REPLAY_THEIRS, 8, 1, 0,
	  "LIO tells of the connection that it dropped; none has to (11.9.1)" },
	{ "logout_dropped_level_2", PDU_ASYNC, REPLAY_THEIRS, 5, 1, 0,
	  "LIO tells of the connection that it dropped, though it was logged out before" },
	{ "snack_data_of_one_by_count", TRACE_CLOSE, REPLAY_THEIRS, 3, 1, 0,
	  "LIO takes RunLength 1 of one Data-In as beyond the last, and closes" },
	{ "snack_data_of_one_by_count", PDU_DATA_IN, REPLAY_OURS, 3, 1, 0,
	  "it is sent again (11.16)" },
	{ "snack_ack", PDU_REJECT, REPLAY_OURS, 6, 1, PDU_REJECT_DATA_ACK,
	  "the second DataACK comes after its status was acknowledged (11.7.2); LIO overlooks it" },
	{ "snack_r_data", TRACE_CLOSE, REPLAY_THEIRS, 6, 1, 0,
	  "LIO has no R-Data SNACK, and closes" },
	{ "snack_r_data", PDU_DATA_IN, REPLAY_OURS, 6, 4, 0, "all of the data again (11.16)" },
	{ "snack_r_data", PDU_SCSI_RESPONSE, REPLAY_OURS, 6, 1, 0,
	  "and the status, with the SNACK tag" },
	{ "snack_unknown", PDU_REJECT, REPLAY_OURS, 2, 1, PDU_REJECT_INVALID_FIELD,
	  "LIO overlooks a SNACK for no task, ours rejects it (11.17.1)" },
	{ "snack_unknown", PDU_REJECT, REPLAY_OURS, 2, 1, PDU_REJECT_PROTOCOL,
	  "LIO overlooks a SNACK for a status to come, ours rejects it" },
	{ "data_out_damaged", PDU_REJECT, REPLAY_LATER, 3, 1, 0,
	  "the Reject and the recovery R2T come in any order (7.8)" },
	{ "cold_reset", PDU_SCSI_RESPONSE, REPLAY_THEIRS, 3, 1, 0, "LIO did not reset" },
	{ "cold_reset", PDU_NOP_IN, REPLAY_THEIRS, 3, 1, 0,
	  "LIO did not reset, ours ended the session" },
	{ "abort_waiting_write", PDU_TASK_RESPONSE, REPLAY_OURS, 3, 1, 0,
	  "LIO does not answer while a write waits for its data" },
	{ "logout_reason_unknown", TRACE_CLOSE, REPLAY_THEIRS, 5, 1, 0,
	  "LIO ends the whole session, ours the connection" },
	{ "data_out_unknown", PDU_NOP_IN, REPLAY_THEIRS, 2, 1, 0,
	  "LIO overlooks Data-Out for no task; ours closes, which also blames the initiator" },
};

/* A field of one answer that differs: what LIO says, and what ours must say. */
static const struct excuse {
	const char *exchange;
	unsigned answer, at;
	uint32_t theirs, ours;
	const char *reason;
} excused[] = {
	{ "residuals", 4, AT_FLAGS, 0x82, 0x80,
	  "a write longer than its blocks fails in both; LIO tells a residual beside" },
	{ "residuals", 4, AT_RESIDUAL, 512, 0, "the same" },
	{ "residuals", 4, AT_SENSE + 14, 0x0e, 0x24, "the unit's choice of the code" },
	{ "residuals", 4, AT_SENSE + 15, 0x03, 0x00, "the same" },
	{ "unit_that_is_not_there", 2, AT_OPCODE, PDU_SCSI_RESPONSE, PDU_DATA_IN,
	  "INQUIRY: ours says so in the data, by qualifier 3 (SPC), LIO by sense" },
	{ "snack_status_of_a_read", 3, AT_OPCODE, PDU_SCSI_RESPONSE, PDU_DATA_IN,
	  "LIO answers a Status SNACK for a Data-In by a response with ExpDataSN 0; it has to "
	  "repeat the PDU (11.16)" },
	{ "data_out_damaged", 3, AT_STAT_SN, 2, 3, "the order of the Reject and the R2T" },
	{ "data_out_damaged", 4, AT_TTT, 1, 0, "LIO leaves something in a reserved field" },
	{ "data_out_damaged", 4, AT_DATA_SN, 1, 0, "the same" },
	{ "data_out_damaged", 4, AT_RESIDUAL, 1024, 0, "the same" },
	{ "abort_unknown_task", 2, AT_RESPONSE, 0, 1,
	  "a RefCmdSN below the window: the task does not exist (11.5.1 c), LIO says complete" },
	{ "abort_task_set", 2, AT_RESPONSE, 5, 0, "LIO does not have the function" },
	{ "clear_aca", 2, AT_RESPONSE, 5, 0, "LIO does not have the function" },
	{ "clear_task_set", 2, AT_RESPONSE, 5, 0, "LIO does not have the function" },
	{ "unit_reset_no_unit", 2, AT_RESPONSE, 1, 2,
	  "LIO says no such task, it is no such LUN (11.6.1)" },
	{ "warm_reset", 2, AT_RESPONSE, 255, 0, "LIO refuses resets of the target" },
	{ "warm_reset", 3, AT_STATUS, 0, 2, "so it leaves no unit attention" },
	{ "warm_reset", 3, AT_SENSE, 0, 1, "the same" },
	{ "cold_reset", 2, AT_RESPONSE, 255, 0, "LIO refuses resets of the target" },
	{ "abort_waiting_write", 4, AT_MAX_CMD_SN, 0, 1, "so the write is still in its queue" },
	{ "reassign_level_0", 2, AT_RESPONSE, 255, 4,
	  "LIO says rejected, it is not supported (11.6.1)" },
};

/* Exchanges in which the initiator breaks a rule, and what our target must say of it; LIO may tell it
 * in its own way. In all others it must find nothing wrong. */
static const struct wrong {
	const char *exchange, *violation;
} wrongs[] = {
	{ "login_level_3", "a number out of range" },
	{ "login_bad_value", "a number out of range" },
	{ "numbers_out_of_order", "CmdSN does not rise" },
	{ "command_again", "CmdSN does not rise" },
	{ "snack_ack", "a DataACK that was not asked for" },
	{ "snack_unknown", "a SNACK for no command of it" },
	{ "reassign_level_0", "a TASK REASSIGN below level 2" },
	{ "function_unknown", "a function that there is not" },
	/* a promise of ours */
	{ "logout_other_connection", "a Logout that level 0 has no use for" },
	{ "logout_unknown_connection", "a Logout that level 0 has no use for" },
	{ "logout_recovery_level_0", "a Logout that level 0 has no use for" },
	{ "logout_recovery_level_1", "a recovery Logout below level 2" },
	{ "logout_reason_unknown", "a Logout for a reason that there is not" },
	{ "opcode_unknown", "an opcode that no initiator sends" },
	{ "login_again", "an opcode that no initiator sends" },
	{ "snack_level_0", "a SNACK that can't be" },
	{ "data_out_unknown", "Data-Out for no command" },
	{ "too_much_immediate", "immediate data beyond FirstBurstLength" },
	{ "immediate_not_agreed", "immediate data that were not agreed" },
	{ "number_beyond_window", "outside the window" },
};

static_assert(SIZE(extras) <= LIO_EXTRAS_MAX, "a longer table of extras");

static bool used_choice[SIZE(choices)], used_extra[SIZE(extras)], used_excuse[SIZE(excused)];

/* ---------------------------------------------------------------- looking them up */

enum lio_choice lio_choice(const uint8_t *bhs, unsigned at)
{
	const struct choice *choice = find_choice(bhs, at);

	return choice ? choice->what : LIO_NO_CHOICE;
}

void lio_chosen(const uint8_t *bhs, unsigned at)
{
	const struct choice *choice = find_choice(bhs, at);

	if (choice)
		used_choice[choice - choices] = true;
}

enum replay_extra lio_judge(const char *exchange, bool ours, uint8_t opcode, unsigned answer)
{
	for (size_t i = 0; i < SIZE(extras); i++)
		if (strcmp(extras[i].exchange, exchange) == 0 && extras[i].opcode == opcode &&
		    (extras[i].which != REPLAY_THEIRS) == ours && answer >= extras[i].from) {
			used_extra[i] |= extras[i].which == REPLAY_LATER;
			return extras[i].which;
		}
	return REPLAY_BOTH;
}

bool lio_fits(const char *exchange, unsigned answer, unsigned at, uint32_t theirs, uint32_t ours)
{
	for (size_t i = 0; i < SIZE(excused); i++) {
		const struct excuse *e = &excused[i];

		if (strcmp(e->exchange, exchange) || e->answer != answer || e->at != at)
			continue;
		used_excuse[i] = true;
		return theirs == e->theirs && ours == e->ours;
	}
	return theirs == ours;
}

bool lio_is_extra(const char *exchange, unsigned answer, const struct replay_pair *pair,
		  unsigned seen[LIO_EXTRAS_MAX])
{
	const struct trace_pdu *one = pair->has_theirs ? &pair->theirs : &pair->ours;

	for (size_t i = 0; i < SIZE(extras); i++) {
		const struct extra *e = &extras[i];

		if (strcmp(e->exchange, exchange) || e->opcode != one->opcode || answer < e->from ||
		    e->which != (pair->has_theirs ? REPLAY_THEIRS : REPLAY_OURS) ||
		    (pair->has_ours && e->response != one->bhs[AT_RESPONSE]))
			continue;
		seen[i]++;
		used_extra[i] = true;
		return true;
	}
	return false;
}

const char *lio_extra_missing(const char *exchange, const unsigned seen[LIO_EXTRAS_MAX])
{
	for (size_t i = 0; i < SIZE(extras); i++)
		if (strcmp(extras[i].exchange, exchange) == 0 && extras[i].which != REPLAY_LATER &&
		    extras[i].times != seen[i])
			return extras[i].reason;
	return NULL;
}

const char *lio_violation(const char *exchange)
{
	for (size_t i = 0; i < SIZE(wrongs); i++)
		if (strcmp(wrongs[i].exchange, exchange) == 0)
			return wrongs[i].violation;
	return "";
}

const char *lio_unused(void)
{
	for (size_t i = 0; i < SIZE(choices); i++)
		if (!used_choice[i])
			return choices[i].reason;
	for (size_t i = 0; i < SIZE(extras); i++)
		if (!used_extra[i])
			return extras[i].reason;
	for (size_t i = 0; i < SIZE(excused); i++)
		if (!used_excuse[i])
			return excused[i].reason;
	return NULL;
}
