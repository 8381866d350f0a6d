/*
 * data_in.c - Data-In, status, sense and residuals (RFC 7143 sections 11.4, 11.7, 7.8, 7.9).
 *
 * Every length and offset of the target is checked here before anything is placed (FMT-3). At recovery
 * level 0 what is missing or out of order costs the connection; above it a gap is kept of what came,
 * and snack.c asks for the rest.
 */
#include "engine/conn.h"

#include <string.h>

#include "base/bytes.h"
#include "engine/gap.h"
#include "engine/snack.h"
#include "proto/sn.h"

enum { TOO_MANY_PIECES = TASK_PIECES + 1, STATUS_CHECK_CONDITION = 2 };

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* ---------------------------------------------------------------- what came */

void data_in_restart(struct task *task, bool acked)
{
	uint32_t sn = acked ? task->acked_sn : 0, bytes = acked ? task->acked : 0;

	gap_start(&task->data, sn);
	task->data_end = task->data_asked = task->asks_from = sn;
	task->sequence_sn = task->next_sequence_sn = sn;
	task->data_ins = acked ? task->acked_ins : 0;
	task->received = bytes;
	task->floor = task->sequence = 0;
	task->much_lost = task->start_over = task->old_run = false;
	task->next_offset = task->high = 0;
	if (!bytes || task->pieces <= TASK_PIECES) { /* they are the first ones, without a gap */
		task->next_offset = task->high = bytes;
		task->pieces = bytes > 0;
		task->piece[0] = (struct task_piece){ .offset = 0, .end = bytes };
	}
}

void data_find_base(struct task *task, uint32_t sn)
{
	if (!task->restarted)
		return;
	task->restarted = false;
	if (!task->in_len)
		gap_start(&task->data, sn);
	else if (!sn)
		data_in_restart(task, false);
}

/* True if none of these bytes came before. Of too many pieces only the sum is known. */
static bool piece_fits(const struct task *task, uint32_t offset, uint32_t end)
{
	if (task->pieces == TOO_MANY_PIECES)
		return end - offset <= task->in_len - task->received;
	for (unsigned i = 0; i < task->pieces; i++)
		if (offset < task->piece[i].end && task->piece[i].offset < end)
			return false;
	return true;
}

/* Takes a piece out of the list that begins or ends there, and makes [offset, end) longer by it. */
static bool piece_join(struct task *task, uint32_t *offset, uint32_t *end)
{
	for (unsigned i = 0; i < task->pieces; i++) {
		struct task_piece *p = &task->piece[i];

		if (p->end != *offset && p->offset != *end)
			continue;
		*offset = p->end == *offset ? p->offset : *offset;
		*end = p->offset == *end ? p->end : *end;
		*p = task->piece[--task->pieces];
		return true;
	}
	return false;
}

static void piece_add(struct task *task, uint32_t offset, uint32_t end)
{
	if (offset == end || task->pieces == TOO_MANY_PIECES)
		return;
	while (piece_join(task, &offset, &end))
		;
	if (task->pieces < TASK_PIECES)
		task->piece[task->pieces] = (struct task_piece){ .offset = offset, .end = end };
	task->pieces++;
}

/* ---------------------------------------------------------------- Data-In */

/* By DataPDUInOrder and DataSequenceInOrder (11.7.6). What fills a hole has its place somewhere below. */
static bool in_order(const struct conn *c, const struct task *task, const struct pdu_data_in *in,
		     enum gap_verdict verdict)
{
	bool pdus = c->params.data_pdu_in_order, sequences = c->params.data_sequence_in_order;
	bool in_turn = in->data_sn == task->data.next && !task->data.seen;

	if (pdus && in_turn && (sequences || task->sequence))
		return in->buffer_offset == task->next_offset;
	if (pdus && sequences && verdict == GAP_AHEAD)
		return in->buffer_offset >= task->high;
	return !sequences || !in_turn || in->buffer_offset >= task->floor;
}

/* IN-2, CMD-15 */
static bool may_be_with_data(uint8_t status)
{
	return status == 0x00 || status == 0x04 || status == 0x10 || status == 0x14;
}

/* IN-17: after an R-Data SNACK the status has a SNACK tag, for which there is no room here. So this is of
 * the run before, as its number is. */
static bool is_of_old_run(const struct task *task, const struct pdu_data_in *in)
{
	return task->snack_tag && in->has_status;
}

/* What a DataSN would be (DS-1). `anew`: a reassigned task whose data begin at 0 again (RA-9). */
static enum gap_verdict look(const struct task *task, const struct pdu_data_in *in, bool *ret_anew)
{
	*ret_anew = task->restarted && !in->data_sn && task->acked_sn;
	if (is_of_old_run(task, in))
		return GAP_REPEAT;
	return *ret_anew ? GAP_NEXT : gap_look(&task->data, in->data_sn);
}

/* IN-1, IN-3, IN-11; the first row that holds is what is wrong. No array of rules: to fill it for each
 * PDU cost twice as much as to look. */
static const char *data_in_fault(const struct conn *c, const struct task *task,
				 const struct pdu_data_in *in, enum gap_verdict verdict, bool anew)
{
	bool counts = verdict != GAP_REPEAT && !anew;
	uint32_t end = in->buffer_offset + in->data_len;
	uint32_t sequence = verdict == GAP_NEXT && !anew ? task->sequence : 0;

	return	!task->in_len ? "Data-In for a command that reads nothing" :
		in->buffer_offset > task->in_len ||
		in->data_len > task->in_len - in->buffer_offset ? "Data-In beyond the buffer" :
		!c->params.error_recovery_level && verdict != GAP_NEXT ? "DataSN out of order" :
		counts && !in_order(c, task, in, verdict) ? "Data-In out of order" :
		counts && !piece_fits(task, in->buffer_offset, end) ?
			"Data-In for bytes that came before" :
		counts && !task->data.seen && sequence + in->data_len > c->params.max_burst_length ?
			"Data-In sequence longer than MaxBurstLength" :
		!in->has_status ? NULL :
		!in->final ? "Data-In with status but not final" :
		in->overflow && in->underflow ? "Data-In with overflow and underflow" :
		!may_be_with_data(in->status) ? "Data-In with a status of failure" :
		task->out_len ? "Data-In with the status of a bidirectional command" : NULL;
}

int data_in_place(struct conn *c)
{
	struct pdu_data_in *in = &c->in.data_in;
	struct task *task;
	enum gap_verdict verdict;
	const char *wrong;
	bool anew;
	int r;

	c->in.at = NULL;
	c->in.task = NULL;
	pdu_get_data_in(c->in.header, in);
	task = data_find_task(c, in->initiator_task_tag, "Data-In", &r);
	if (!task)
		return r;
	verdict = look(task, in, &anew);
	wrong = data_in_fault(c, task, in, verdict, anew);
	if (wrong)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s", wrong);
	if (verdict == GAP_REPEAT || verdict == GAP_BEYOND)
		return 0;
	c->in.at = task->in + in->buffer_offset;
	c->in.task = task;
	return 0;
}

/* The data have landed and their digest is right: they count. */
static void take_data(struct conn *c, struct task *task, const struct pdu_data_in *in)
{
	uint32_t end = in->buffer_offset + in->data_len;
	bool in_turn = in->data_sn == task->data.next && !task->data.seen;
	enum gap_verdict verdict = gap_take(&task->data, in->data_sn);

	task->received += in->data_len;
	task->data_ins++;
	piece_add(task, in->buffer_offset, end);
	conn_count(&c->counters.data_in, in->data_len);
	task->high = max32(task->high, end);
	if (!in_turn && verdict != GAP_AHEAD)
		return; /* it filled a hole; the others have gone on long ago */
	task->next_offset = end;
	task->sequence_sn = task->next_sequence_sn;
	if (in->final) /* a sequence, not the command (IN-4) */
		task->next_sequence_sn = in->data_sn + 1;
	task->sequence = in->final ? 0 : (in_turn ? task->sequence : 0) + in->data_len;
	if (in->final && in_turn)
		task->floor = task->high;
}

/* ---------------------------------------------------------------- status */

bool data_in_missing(const struct task *task)
{
	if (!task->in_len)
		return !task->has_status && sn_lt(task->data.next, task->data_end);
	return sn_lt(task->data.next, task->data_end) ||
	       (task->has_status && task->status_tag != task->snack_tag);
}

/* IN-15: the data did not all come, whatever the target thinks (DIG-4). */
static void put_crc_error(struct task *task)
{
	static const uint8_t sense[18] = { [0] = 0x70, [2] = 0x0b, [7] = 10, [12] = 0x47, [13] = 0x05 };

	task->status = STATUS_CHECK_CONDITION;
	memcpy(task->sense, sense, sizeof(sense));
	task->sense_len = sizeof(sense);
	task->overflow = task->underflow = task->in_overflow = task->in_underflow = false;
	task->residual = task->in_residual = 0;
}

/* IN-10, IN-14: a GOOD read whose bytes did not all come, from the first to the last, must not pass for
 * data. The residual is the target's count, not ours (IN-18). */
static bool falls_short(const struct task *task)
{
	bool underflow = task->out_len ? task->in_underflow : task->underflow;
	uint32_t missing = !underflow ? 0 : task->out_len ? task->in_residual : task->residual;

	return task->has_status && task->status == 0 && task->in_len &&
	       ((uint64_t)task->received + missing < task->in_len || task->received < task->high);
}

static void conclude_with_status(struct conn *c, struct task *task)
{
	if (falls_short(task)) {
		fault_set(&task->fault, FAULT_PROTOCOL, 0,
			  "GOOD status, but only %u of %u bytes came", task->received, task->in_len);
		conn_conclude(c, task, TASK_FAILED);
		return;
	}
	conn_conclude(c, task, TASK_COMPLETE);
}

void data_in_hopeless(struct conn *c, struct task *task)
{
	task->hopeless = true;
	list_remove(&task->wait_link);
	if (!task->has_status)
		return;
	if (may_be_with_data(task->status))
		put_crc_error(task);
	conn_conclude(c, task, TASK_COMPLETE);
}

/* Something came for the task: it may have all that it waits for. */
static void settle(struct conn *c, struct task *task)
{
	bool missing = data_in_missing(task);

	/* LIO counts no Data-In that it sent with a status, when it is asked for that status again. */
	if (c->params.error_recovery_level && !missing && !task->hopeless && falls_short(task)) {
		task->data_end = task->data.next + 1;
		missing = true;
	}
	if (task->hopeless && missing)
		data_in_hopeless(c, task);
	else if (task->has_status && !missing)
		conclude_with_status(c, task);
	else
		snack_look(c, task); /* SEQ-1 */
}

/* The status of a Data-In with the S bit; it has no SNACK tag. */
static void take_short_status(struct task *task, const struct pdu_data_in *in)
{
	if (task->has_status)
		return;
	task->has_status = true;
	task->stat_sn = in->stat_sn;
	task->status_tag = 0;
	task->status = in->status;
	task->overflow = in->overflow;
	task->underflow = in->underflow;
	task->residual = in->residual_count;
}

int data_in_received(struct conn *c)
{
	const struct pdu_data_in *in = &c->in.data_in;
	bool recovers = c->params.error_recovery_level > 0;
	struct task *task = c->in.task;
	enum gap_verdict verdict;
	int r;

	if (!task) /* its data were thrown away, or it has gone since its header came */
		task = data_find_task(c, in->initiator_task_tag, "Data-In", &r);
	if (!task)
		return r;
	if (is_of_old_run(task, in)) {
		take_short_status(task, in); /* it is not to be acknowledged yet */
		settle(c, task);
		return 0;
	}
	data_find_base(task, in->data_sn);
	verdict = gap_look(&task->data, in->data_sn);
	if (verdict == GAP_NEXT || verdict == GAP_AHEAD) {
		take_data(c, task, in);
		task->old_run = false;
	}
	if (!task->old_run) { /* else it is what the target sent before it saw the R-Data SNACK */
		task->much_lost |= verdict == GAP_BEYOND;
		task->data_end = sn_max(task->data_end, in->data_sn + 1);
	}
	if (recovers && in->acknowledge && in->target_transfer_tag != PDU_NO_TAG &&
	    verdict != GAP_BEYOND)
		snack_want_ack(c, task, in->data_sn + 1, in->target_transfer_tag, in->lun);
	if (in->has_status)
		take_short_status(task, in);
	settle(c, task);
	return 0;
}

/* IN-8: two bytes of length, then sense, with any status (P2-4). A segment that contradicts itself is a
 * format error; CHECK CONDITION without one is let pass (IN-9, TOL-2) (IN-19). */
static int take_sense(struct conn *c, struct task *task, const uint8_t *segment, uint32_t len,
		      uint32_t kept)
{
	uint32_t sense;

	task->sense_len = 0;
	if (!len)
		return 0;
	if (len < 2 || bytes_get16(segment) > len - 2)
		return conn_fail(c, FAULT_PROTOCOL, 0, "sense data longer than their segment");
	sense = min32(bytes_get16(segment), min32(kept - 2, ENGINE_SENSE_MAX));
	memcpy(task->sense, segment + 2, sense);
	task->sense_len = (uint16_t)sense;
	return 0;
}

/* IN-10: up to which number data were sent. Of a bidirectional command the numbers count R2Ts as well,
 * and ExpDataSN does not (TRAP-3): then what is missing beyond the holes comes behind the last. */
static uint32_t end_of_data(const struct task *task, uint32_t exp_data_sn)
{
	uint32_t end = gap_end(&task->data), holes;

	if (!task->in_len)
		return end;
	if (!task->out_len)
		return sn_max(end, exp_data_sn);
	holes = end - task->data.next - (uint32_t)__builtin_popcountll(task->data.seen);
	return sn_gt(exp_data_sn, task->data_ins + holes) ? end + exp_data_sn - task->data_ins - holes
							   : end;
}

static void take_status(struct task *task, const struct pdu_scsi_response *pdu, uint32_t end,
			uint8_t level)
{
	bool bidirectional = task->in_len && task->out_len;

	task->has_status = true;
	task->stat_sn = pdu->stat_sn;
	task->status_tag = task->snack_tag ? pdu->snack_tag : 0; /* else the field is reserved */
	task->status = pdu->status;
	task->status_qualifier = level >= 2 ? pdu->status_qualifier : 0; /* P2-3 */
	task->overflow = pdu->overflow;
	task->underflow = pdu->underflow;
	task->residual = pdu->residual_count;
	task->in_overflow = bidirectional && pdu->bidi_overflow; /* IN-12 */
	task->in_underflow = bidirectional && pdu->bidi_underflow;
	task->in_residual = task->in_overflow || task->in_underflow ? pdu->bidi_residual_count : 0;
	if (task->status_tag == task->snack_tag)
		task->data_end = sn_max(task->data_end, end);
}

/* IN-11; the first row that holds is what is wrong. */
static const char *response_fault(const struct conn *c, const struct task *task,
				  const struct pdu_scsi_response *pdu, uint32_t end)
{
	return	pdu->overflow && pdu->underflow ? "SCSI Response with overflow and underflow" :
		task->out_len && task->in_len && pdu->bidi_overflow && pdu->bidi_underflow ?
			"SCSI Response with overflow and underflow of a bidirectional read" :
		task->has_status && task->stat_sn != pdu->stat_sn ?
			"a second status for the same command" : /* TRAP-13 */
		!c->params.error_recovery_level && sn_gt(end, task->data.next) ?
			"Data-In PDUs are missing" : NULL; /* IN-10 */
}

int data_response_received(struct conn *c, const uint8_t *bhs, const uint8_t *segment, uint32_t len,
			   uint32_t kept)
{
	struct pdu_scsi_response pdu;
	struct task *task;
	const char *wrong;
	uint32_t end;
	int r;

	pdu_get_scsi_response(bhs, &pdu);
	task = data_find_task(c, pdu.initiator_task_tag, "SCSI Response", &r);
	if (!task)
		return r;
	if (pdu.response) { /* IN-6 */
		fault_set(&task->fault, FAULT_REFUSED, pdu.response,
			  "the target could not carry out the command (response 0x%02x)", pdu.response);
		conn_conclude(c, task, TASK_FAILED);
		return 0;
	}
	end = end_of_data(task, pdu.exp_data_sn);
	wrong = response_fault(c, task, &pdu, end);
	if (wrong)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s", wrong);
	if (task->has_status && task->status_tag == task->snack_tag)
		return 0; /* it came twice: it was asked for twice */
	if (take_sense(c, task, segment, len, kept) < 0)
		return -1;
	take_status(task, &pdu, end, c->params.protocol_level);
	settle(c, task);
	return 0;
}
