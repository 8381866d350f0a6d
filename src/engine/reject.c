/*
 * reject.c - what a Reject means for the request that it names (RFC 7143 sections 7.3, 11.17): the
 * table of the reasons for a SCSI Command, and one of the other requests.
 */
#include "engine/conn.h"

#include "base/bytes.h"
#include "engine/logout.h"
#include "engine/manage.h"
#include "engine/pulse.h"
#include "engine/resume.h"
#include "engine/snack.h"

/* What becomes of a command that was rejected: no response follows (RJ-3). */
enum fate {
	FATE_CONN,      /* its connection has to be given up: not a reason for a command */
	FATE_FAILED,    /* the command has failed */
	FATE_REPEATED,  /* it is sent again: same tag, number and connection (RT-2) */
	FATE_ELSEWHERE, /* it goes on over another connection */
	FATE_UNTOUCHED, /* it goes on here: what was rejected was our duplicate */
};

static const struct {
	uint8_t reason;
	enum fate fate;
} reasons[] = {
	{ PDU_REJECT_DATA_DIGEST, FATE_REPEATED },
	{ PDU_REJECT_SNACK, FATE_CONN },
	{ PDU_REJECT_PROTOCOL, FATE_FAILED },
	{ PDU_REJECT_NOT_SUPPORTED, FATE_FAILED },
	{ PDU_REJECT_IMMEDIATE, FATE_REPEATED },
	{ PDU_REJECT_TASK_IN_PROGRESS, FATE_UNTOUCHED },
	{ PDU_REJECT_DATA_ACK, FATE_CONN },
	{ PDU_REJECT_INVALID_FIELD, FATE_FAILED },
	{ PDU_REJECT_LONG_OPERATION, FATE_REPEATED },
	{ PDU_REJECT_NEGOTIATION_RESET, FATE_CONN },
	{ PDU_REJECT_WAITING_LOGOUT, FATE_ELSEWHERE },
};

static enum fate fate_of(uint8_t reason)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].reason == reason)
			return reasons[i].fate;
	return FATE_CONN;
}

static int give_up(struct conn *c, const uint8_t *request, uint8_t reason)
{
	return conn_fail(c, FAULT_REFUSED, reason, "the target rejected our %s with reason 0x%02x",
			 pdu_name(pdu_opcode(request)), reason);
}

/* A number that the target does not count would stall the session (RJ-1). */
static bool left_hole(const struct conn *c, const uint8_t *request)
{
	return !pdu_immediate(request) &&
	       !window_acknowledged(&c->shared->window, bytes_get32(request + 24));
}

/* ---------------------------------------------------------------- none of ours */

static bool has_task(uint8_t opcode)
{
	return opcode == PDU_SCSI_COMMAND || opcode == PDU_DATA_OUT || opcode == PDU_SNACK;
}

/* False for a tag that never was of this connection, or of another kind of request. */
static bool may_be_ours(const struct conn *c, const uint8_t *request)
{
	uint32_t itt = bytes_get32(request + 16);
	uint8_t opcode = pdu_opcode(request);
	struct task *task = NULL;

	if (itt == PDU_NO_TAG)
		return opcode == PDU_SNACK || opcode == PDU_NOP_OUT;
	switch (tag_find(&c->shared->tags, itt, c->slot, &task)) {
	case TAG_OURS:
		return has_task(opcode) == (task != NULL);
	case TAG_STALE:
		return true;
	case TAG_FOREIGN:
		break;
	}
	return false;
}

/* Whether this may be the command that was meant: its data travelled with it, and the target has not
 * counted it. */
static bool may_be_it(const struct conn *c, const struct task *task)
{
	return task->state == TASK_ACTIVE && task->out_len && c->params.immediate_data &&
	       !manage_aborts(c, task) && !resume_is_there(c, task);
}

/* All that a damaged data segment can have been are sent again. A target throws away those commands that
 * it has (4.2.2.1), but not the Data-Out that would come with them. Returns false if that is no way. */
static bool repeat_all(struct conn *c)
{
	if (c->text_op)
		return false;
	list_for_each(it, &c->active) {
		struct task *task = list_entry(it, struct task, link);

		if (!may_be_it(c, task))
			continue;
		if (data_has_unsolicited(c, task) || task->repeats++ >= CONN_ASKS)
			return false;
		resume_repeat(c, task);
	}
	return true;
}

/* What it names was never sent: LIO returns a header out of memory that it has freed, where data that came
 * with their command were damaged. */
static int nothing_rejected(struct conn *c, const uint8_t *request, uint8_t reason)
{
	bool damage = reason == PDU_REJECT_DATA_DIGEST;

	if (!c->params.error_recovery_level || (damage ? !repeat_all(c) : conn_left_hole(c)))
		return give_up(c, request, reason);
	return snack_digest_error(c); /* no more of them than of other damage */
}

/* ---------------------------------------------------------------- commands */

/* A retry plugs a hole, nothing else (RT-1): one that was counted can't be sent again (RT-4). A ping goes
 * behind it, before the numbers can wrap (RT-3, WIN-8). */
static enum fate possible_fate(const struct conn *c, const struct task *task, enum fate fate, bool hole)
{
	bool repeats = c->params.error_recovery_level && task->repeats < CONN_ASKS;

	if (fate == FATE_REPEATED && hole)
		return repeats ? FATE_REPEATED : FATE_CONN;
	if ((fate == FATE_REPEATED || fate == FATE_ELSEWHERE) && !hole)
		return FATE_FAILED;
	return fate == FATE_FAILED && hole ? FATE_CONN : fate;
}

/* RJ-3 */
static int command_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	struct task *task = NULL;
	enum tag_match match = tag_find(&c->shared->tags, bytes_get32(request + 16), c->slot, &task);

	(void)now;
	if (match == TAG_STALE)
		return 0;
	if (match != TAG_OURS || !task || task->state != TASK_ACTIVE)
		return give_up(c, request, reason);
	if (manage_aborts(c, task)) /* its answer plugs the hole (TM-15) */
		return 0;
	switch (possible_fate(c, task, fate_of(reason), left_hole(c, request))) {
	case FATE_CONN:
		return give_up(c, request, reason);
	case FATE_FAILED:
		fault_set(&task->fault, FAULT_REFUSED, reason,
			  "%s:%u: the target rejected the command with reason 0x%02x", c->host, c->port,
			  reason);
		conn_conclude(c, task, TASK_FAILED);
		return 0;
	case FATE_REPEATED:
		task->repeats++;
		resume_repeat(c, task);
		return 0;
	case FATE_ELSEWHERE:
		fault_set(&task->fault, FAULT_REFUSED, reason, "%s:%u: the target waits for a logout",
			  c->host, c->port);
		conn_suspend(c, task);
		return 0;
	case FATE_UNTOUCHED:
		break;
	}
	return 0;
}

/* ---------------------------------------------------------------- other requests */

static int ping_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	if (left_hole(c, request))
		return give_up(c, request, reason);
	pulse_answered(c, bytes_get32(request + 16), now);
	return snack_probe_answered(c, bytes_get32(request + 16), now);
}

static int manage_request_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	if (manage_rejected(c, bytes_get32(request + 16), reason, now))
		return 0;
	return give_up(c, request, reason);
}

/* TX-5 */
static int text_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	struct fault why;

	(void)now;
	if (!text_op_itt_is(c, bytes_get32(request + 16)))
		return give_up(c, request, reason);
	fault_set(&why, FAULT_REFUSED, reason, "%s:%u: text refused with reason 0x%02x", c->host, c->port,
		  reason);
	text_op_failed(c, &why);
	return left_hole(c, request) ? give_up(c, request, reason) : 0;
}

/* RJ-2: the task goes on. Data thrown away for their digest are asked for by a recovery R2T, or the
 * status tells that they were. */
static int data_out_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	(void)c;
	(void)request;
	(void)reason;
	(void)now;
	return 0;
}

static int logout_request_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	if (!logout_rejected(c, bytes_get32(request + 16), reason, now))
		return give_up(c, request, reason);
	return c->over ? -1 : 0;
}

static int snack_request_rejected(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now)
{
	(void)now;
	return snack_rejected(c, request, reason);
}

static const struct {
	uint8_t opcode;
	int (*rejected)(struct conn *c, const uint8_t *request, uint8_t reason, uint64_t now);
} requests[] = {
	{ PDU_NOP_OUT, ping_rejected },
	{ PDU_SCSI_COMMAND, command_rejected },
	{ PDU_TASK_REQUEST, manage_request_rejected },
	{ PDU_TEXT_REQUEST, text_rejected },
	{ PDU_DATA_OUT, data_out_rejected },
	{ PDU_LOGOUT_REQUEST, logout_request_rejected },
	{ PDU_SNACK, snack_request_rejected },
};

int reject_received(struct conn *c, const uint8_t *bhs, const uint8_t *segment, uint32_t len,
		    uint64_t now)
{
	struct pdu_reject pdu;

	pdu_get_reject(bhs, &pdu);
	if (len < PDU_BHS_LEN)
		return conn_fail(c, FAULT_PROTOCOL, 0, "Reject without the rejected header");
	if (c->params.error_recovery_level && !may_be_ours(c, segment))
		return nothing_rejected(c, segment, pdu.reason);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].opcode == pdu_opcode(segment))
			return requests[i].rejected(c, segment, pdu.reason, now);
	return nothing_rejected(c, segment, pdu.reason);
}
