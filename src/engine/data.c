/*
 * data.c - SCSI commands and their data: immediate, unsolicited, solicited, Data-In, status
 * (RFC 7143 sections 4.2.5.2, 11.3, 11.4, 11.7, 11.8).
 *
 * Every length and offset of the target is checked here before anything is placed (FMT-3). At this
 * level of recovery what is missing or out of order costs the connection.
 */
#include "engine/conn.h"

#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---------------------------------------------------------------- out */

static void add_burst(struct conn *c, struct task *task, uint32_t ttt, uint32_t offset, uint32_t end)
{
	unsigned at = (task->burst_at + task->bursts) % TASK_BURSTS;

	task->burst[at] = (struct task_burst){ .ttt = ttt, .offset = offset, .end = end };
	task->bursts++;
	if (!list_linked(&task->data_link))
		list_append(&c->data, &task->data_link);
}

/* KEY-2, KEY-3, CMD-6: how much goes inside the command, and how far unsolicited data go in all. */
static void unsolicited(const struct conn *c, const struct task *task, uint32_t *ret_immediate,
			uint32_t *ret_end)
{
	uint32_t burst = min32(task->out_len, c->params.first_burst_length);
	uint32_t inside = min32(burst, c->params.max_send_data_segment_length);

	*ret_immediate = c->params.immediate_data ? inside : 0;
	*ret_end = c->params.initial_r2t ? *ret_immediate : burst;
}

bool data_send_command(struct conn *c, struct task *task)
{
	struct pdu_scsi_command pdu = { .lun = task->lun, .read = task->in_len, .write = task->out_len,
		.attribute = task->attribute, .exp_stat_sn = c->exp_stat_sn };
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t immediate, end;

	if (!tag_take(&c->shared->tags, c->slot, task, &task->itt))
		return false;
	if (!window_take(&c->shared->window, c->slot, &task->cmd_sn)) {
		c->ev_wake |= tag_free(&c->shared->tags, task->itt);
		return false;
	}
	unsolicited(c, task, &immediate, &end);
	task->received = task->data_sn = task->r2t_sn = task->sequence = 0;
	task->bursts = task->burst_at = 0;
	task->sent = immediate;
	task->sense_len = 0;
	task->status = 0;
	task->overflow = task->underflow = false;
	task->residual = 0;
	pdu.final = end == immediate;
	pdu.initiator_task_tag = task->itt;
	pdu.cmd_sn = task->cmd_sn;
	pdu.expected_data_transfer_length = task->out_len ? task->out_len : task->in_len;
	memcpy(pdu.cdb, task->cdb, sizeof(pdu.cdb));
	pdu_put_scsi_command(bhs, &pdu);
	list_remove(&task->link);
	list_append(&c->active, &task->link);
	send_pdu(c, bhs, task->out, immediate, NULL, immediate ? task : NULL);
	if (end > immediate)
		add_burst(c, task, PDU_NO_TAG, immediate, end);
	conn_count(&c->counters.commands, 1);
	return true;
}

/* One Data-Out PDU of the task's first burst (CMD-7, CMD-9). */
static uint32_t send_data_out(struct conn *c, struct task *task)
{
	struct task_burst *burst = &task->burst[task->burst_at];
	/* PDU-12: whole words but for the last of a sequence */
	uint32_t most = c->params.max_send_data_segment_length & ~UINT32_C(3);
	uint32_t len = min32(burst->end - burst->offset, most);
	struct pdu_data_out pdu = { .final = burst->offset + len == burst->end, .lun = task->lun,
		.initiator_task_tag = task->itt, .target_transfer_tag = burst->ttt,
		.exp_stat_sn = c->exp_stat_sn, .data_sn = burst->data_sn++,
		.buffer_offset = burst->offset };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_data_out(bhs, &pdu);
	send_pdu(c, bhs, task->out + burst->offset, len, NULL, task);
	task->sent += len;
	burst->offset += len;
	if (pdu.final) {
		task->burst_at = (uint8_t)((task->burst_at + 1) % TASK_BURSTS);
		task->bursts--;
	}
	return len;
}

void data_send_out(struct conn *c, size_t *batch)
{
	while (!list_empty(&c->data) && *batch < CONN_BATCH && c->ring_len < CONN_RING_DATA) {
		struct task *task = list_entry(c->data.next, struct task, data_link);

		*batch += PDU_BHS_LEN + send_data_out(c, task);
		if (!task->bursts)
			list_remove(&task->data_link);
	}
}

/* The live task of a PDU. NULL with *ret = 0: stale, ignore it; with *ret = -1: the connection was
 * failed (PDU-8, MCS-2). */
static struct task *find_task(struct conn *c, uint32_t itt, const char *what, int *ret)
{
	struct task *task = NULL;

	*ret = 0;
	switch (tag_find(&c->shared->tags, itt, c->slot, &task)) {
	case TAG_OURS:
		if (!task)
			*ret = conn_fail(c, FAULT_PROTOCOL, 0, "%s for a request that is no command", what);
		return task;
	case TAG_STALE:
		return NULL;
	case TAG_FOREIGN:
		break;
	}
	*ret = conn_fail(c, FAULT_PROTOCOL, 0, "%s for a task that this connection does not have", what);
	return NULL;
}

static unsigned open_r2ts(const struct task *task)
{
	bool first_unsolicited = task->bursts && task->burst[task->burst_at].ttt == PDU_NO_TAG;

	return task->bursts - first_unsolicited;
}

/* CMD-10; the first row that holds is what is wrong. */
static const char *r2t_fault(const struct conn *c, const struct task *task, const struct pdu_r2t *r2t)
{
	uint32_t len = r2t->desired_data_transfer_length;
	const struct { bool wrong; const char *what; } rules[] = {
		{ r2t->data_len != 0, "R2T with a data segment" },
		{ !task->out_len, "R2T for a command without write data" },
		{ r2t->lun != task->lun, "R2T with another LUN than its command" },
		{ r2t->target_transfer_tag == PDU_NO_TAG, "R2T without a Target Transfer Tag" },
		{ !len || len > c->params.max_burst_length, "R2T of a length not allowed" },
		{ r2t->buffer_offset > task->out_len || len > task->out_len - r2t->buffer_offset,
		  "R2T beyond the write data" },
		{ r2t->r2t_sn != task->r2t_sn, "R2TSN out of order" },
		{ open_r2ts(task) >= c->params.max_outstanding_r2t,
		  "more R2Ts outstanding than negotiated" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].wrong)
			return rules[i].what;
	return NULL;
}

int data_r2t_received(struct conn *c, const uint8_t *bhs)
{
	struct pdu_r2t r2t;
	struct task *task;
	const char *wrong;
	int r;

	pdu_get_r2t(bhs, &r2t);
	task = find_task(c, r2t.initiator_task_tag, "R2T", &r);
	if (!task)
		return r;
	wrong = r2t_fault(c, task, &r2t);
	if (wrong)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s", wrong);
	task->r2t_sn++;
	add_burst(c, task, r2t.target_transfer_tag, r2t.buffer_offset,
		  r2t.buffer_offset + r2t.desired_data_transfer_length);
	return 0;
}

/* ---------------------------------------------------------------- in */

/* IN-1 */
static const char *data_in_fault(const struct conn *c, const struct task *task,
				 const struct pdu_data_in *in)
{
	const struct { bool wrong; const char *what; } rules[] = {
		{ !task->in_len, "Data-In for a command that reads nothing" },
		{ in->buffer_offset > task->in_len || in->data_len > task->in_len - in->buffer_offset,
		  "Data-In beyond the buffer" },
		{ in->buffer_offset != task->received, "Data-In out of order" },
		{ in->data_sn != task->data_sn, "DataSN out of order" },
		{ task->sequence + in->data_len > c->params.max_burst_length,
		  "Data-In sequence longer than MaxBurstLength" },
		{ in->has_status && !in->final, "Data-In with status but not final" },
		{ in->has_status && in->overflow && in->underflow,
		  "Data-In with overflow and underflow" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].wrong)
			return rules[i].what;
	return NULL;
}

/* Where the data segment of this Data-In goes; *ret is NULL for one to be thrown away. */
int data_in_place(struct conn *c, const uint8_t *bhs, uint8_t **ret)
{
	struct pdu_data_in in;
	struct task *task;
	const char *wrong;
	int r;

	*ret = NULL;
	pdu_get_data_in(bhs, &in);
	task = find_task(c, in.initiator_task_tag, "Data-In", &r);
	if (!task)
		return r;
	wrong = data_in_fault(c, task, &in);
	if (wrong)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s", wrong);
	*ret = task->in + in.buffer_offset;
	return 0;
}

/* IN-10, IN-14: a GOOD read whose bytes did not all come must not pass for data. */
static void conclude_with_status(struct conn *c, struct task *task)
{
	uint32_t missing = task->underflow ? task->residual : 0;

	if (task->status == 0 && task->in_len && task->received < task->in_len &&
	    task->received + missing < task->in_len) {
		fault_set(&task->fault, FAULT_PROTOCOL, 0,
			  "GOOD status, but only %u of %u bytes came", task->received, task->in_len);
		conn_conclude(c, task, TASK_FAILED);
		return;
	}
	conn_conclude(c, task, TASK_COMPLETE);
}

int data_in_received(struct conn *c, const uint8_t *bhs)
{
	struct pdu_data_in in;
	struct task *task;
	int r;

	pdu_get_data_in(bhs, &in);
	task = find_task(c, in.initiator_task_tag, "Data-In", &r);
	if (!task)
		return r;
	task->data_sn++;
	task->received += in.data_len;
	task->sequence = in.final ? 0 : task->sequence + in.data_len;
	conn_count(&c->counters.data_in, in.data_len);
	if (!in.has_status)
		return 0;
	task->status = in.status;
	task->overflow = in.overflow;
	task->underflow = in.underflow;
	task->residual = in.residual_count;
	conclude_with_status(c, task);
	return 0;
}

/* IN-8: two bytes of length, then sense. A segment that contradicts itself is a format error. */
static int take_sense(struct conn *c, struct task *task, const uint8_t *segment, uint32_t len,
		      uint32_t kept)
{
	uint32_t sense;

	if (!len)
		return 0; /* TOL-2 */
	if (len < 2 || bytes_get16(segment) > len - 2)
		return conn_fail(c, FAULT_PROTOCOL, 0, "sense data longer than their segment");
	sense = min32(bytes_get16(segment), min32(kept - 2, ENGINE_SENSE_MAX));
	memcpy(task->sense, segment + 2, sense);
	task->sense_len = (uint16_t)sense;
	return 0;
}

int data_response_received(struct conn *c, const uint8_t *bhs, const uint8_t *segment, uint32_t len,
			   uint32_t kept)
{
	struct pdu_scsi_response pdu;
	struct task *task;
	int r;

	pdu_get_scsi_response(bhs, &pdu);
	task = find_task(c, pdu.initiator_task_tag, "SCSI Response", &r);
	if (!task)
		return r;
	if (pdu.response) { /* IN-6 */
		fault_set(&task->fault, FAULT_REFUSED, pdu.response,
			  "the target could not carry out the command (response 0x%02x)", pdu.response);
		conn_conclude(c, task, TASK_FAILED);
		return 0;
	}
	if (pdu.overflow && pdu.underflow) /* IN-11 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "SCSI Response with overflow and underflow");
	if (task->in_len && sn_gt(pdu.exp_data_sn, task->data_sn)) /* IN-10 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "Data-In PDUs are missing");
	if (take_sense(c, task, segment, len, kept) < 0)
		return -1;
	task->status = pdu.status;
	task->overflow = pdu.overflow;
	task->underflow = pdu.underflow;
	task->residual = pdu.residual_count;
	conclude_with_status(c, task);
	return 0;
}
