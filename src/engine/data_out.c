/*
 * data_out.c - SCSI commands and the data that go with them: additional header segments, immediate,
 * unsolicited and solicited data (RFC 7143 sections 4.2.5.2, 11.2.2, 11.3, 11.7, 11.8).
 *
 * What comes back: data_in.c. What lets a command be sent again: resume.c, reject.c.
 */
#include "engine/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/gap.h"
#include "engine/manage.h"
#include "engine/snack.h"
#include "proto/digest.h"
#include "proto/sn.h"

enum { AHS_CDB_MAX = 4 + ENGINE_CDB_MAX - 16, AHS_BIDI = 8 };

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void add_burst(struct conn *c, struct task *task, uint32_t ttt, uint32_t offset, uint32_t end)
{
	unsigned at = (task->burst_at + task->bursts) % TASK_BURSTS;

	task->burst[at] = (struct task_burst){ .ttt = ttt, .offset = offset, .end = end };
	task->bursts++;
	if (!list_linked(&task->data_link))
		list_append(&c->data, &task->data_link);
}

static void drop_bursts(struct task *task)
{
	list_remove(&task->data_link);
	task->bursts = task->burst_at = 0;
}

/* ---------------------------------------------------------------- commands */

/* KEY-2, KEY-3, CMD-6: how much goes inside the command, and how far unsolicited data go in all. */
static void unsolicited(const struct conn *c, const struct task *task, uint32_t *ret_immediate,
			uint32_t *ret_end)
{
	uint32_t burst = min32(task->out_len, c->params.first_burst_length);
	uint32_t inside = min32(burst, c->params.max_send_data_segment_length);

	*ret_immediate = c->params.immediate_data ? inside : 0;
	*ret_end = c->params.initial_r2t ? *ret_immediate : burst;
}

bool data_has_unsolicited(const struct conn *c, const struct task *task)
{
	uint32_t immediate, end;

	unsolicited(c, task, &immediate, &end);
	return end > immediate;
}

/* PDU-9, PDU-10. NULL with 0 for the commands that have none: nearly all. */
static int make_ahs(const struct task *task, uint8_t **ret, size_t *ret_len)
{
	bool bidirectional = task->in_len && task->out_len;
	uint8_t cdb[ENGINE_CDB_MAX], *ahs = NULL;
	size_t len = 0;

	if (task->cdb_len > 16 || bidirectional) {
		ahs = malloc(AHS_CDB_MAX + AHS_BIDI + DIGEST_LEN);
		if (!ahs)
			return -ENOMEM;
	}
	if (task->cdb_len > 16) {
		memcpy(cdb, task->cdb, 16);
		memcpy(cdb + 16, task->cdb_rest, task->cdb_len - 16u);
		len = pdu_put_ahs_cdb(ahs, cdb, task->cdb_len);
	}
	if (bidirectional)
		len += pdu_put_ahs_bidi(ahs + len, task->in_len);
	*ret = ahs;
	*ret_len = len;
	return 0;
}

/* Everything of a run of the command that may have been before is void. */
static void start_anew(struct conn *c, struct task *task, uint64_t now)
{
	snack_forget(c, task);
	drop_bursts(task);
	task->acked_sn = task->acked = task->acked_ins = 0;
	task->snack_tag = task->status_tag = 0;
	task->has_status = task->hopeless = task->restarted = task->ask_status = false;
	task->asks = 0;
	data_in_restart(task, false);
	task->sense_len = 0;
	task->status = 0;
	task->status_qualifier = 0;
	task->overflow = task->underflow = task->in_overflow = task->in_underflow = false;
	task->residual = task->in_residual = 0;
	task->state = TASK_ACTIVE;
	task->cid = c->cid;
	task->sent_at = now;
}

/* CMD-1 to CMD-3. Commands are never immediate (CMD-5) (CMD-4, MCS-13, P2-1). */
static void put_command(struct conn *c, struct task *task, uint8_t *ahs, size_t ahs_len, uint64_t now)
{
	struct pdu_scsi_command pdu = { .lun = task->lun, .read = task->in_len, .write = task->out_len,
		.attribute = task->attribute, .exp_stat_sn = snack_exp_stat_sn(c),
		.initiator_task_tag = task->itt, .cmd_sn = task->cmd_sn,
		.expected_data_transfer_length = task->out_len ? task->out_len : task->in_len };
	uint8_t *bhs = send_header(c);
	uint32_t immediate, end;

	start_anew(c, task, now);
	unsolicited(c, task, &immediate, &end);
	task->sent = immediate;
	pdu.final = end == immediate;
	if (c->params.protocol_level >= 2) /* P2-2 */
		pdu.priority = task->priority;
	memcpy(pdu.cdb, task->cdb, sizeof(pdu.cdb));
	pdu_put_scsi_command(bhs, &pdu);
	list_remove(&task->link);
	list_append(&c->active, &task->link);
	send_command_pdu(c, bhs, ahs, ahs_len, task->out, immediate, immediate ? task : NULL);
	if (end > immediate)
		add_burst(c, task, PDU_NO_TAG, immediate, end);
	conn_count(&c->counters.commands, 1);
}

/* It may have claimed the turn, which others wait for. */
static void no_memory(struct conn *c, struct task *task)
{
	c->ev_wake |= window_unclaim(&c->shared->window, c->slot);
	fault_set(&task->fault, FAULT_NO_MEMORY, 0, "no memory for a command");
	task->outcome = TASK_FAILED;
	task->state = TASK_ENDED;
	task->sent = 0;
	conn_task_returned(c, task);
}

static bool take_numbers(struct conn *c, struct task *task)
{
	if (!window_look(&c->shared->window, c->slot))
		return false;
	if (!tag_take_by(&c->shared->tags, &c->hand, c->slot, task, &task->itt)) {
		c->ev_wake |= window_unclaim(&c->shared->window, c->slot);
		return false;
	}
	if (window_take(&c->shared->window, c->slot, &task->cmd_sn))
		return true;
	tag_free_by(&c->shared->tags, &c->hand, task->itt);
	return false;
}

bool data_send_command(struct conn *c, struct task *task, uint64_t now)
{
	uint8_t *ahs;
	size_t ahs_len;

	if (make_ahs(task, &ahs, &ahs_len) < 0) {
		no_memory(c, task);
		return true;
	}
	if (!take_numbers(c, task)) {
		free(ahs);
		return false;
	}
	task->wait_link = task->ack_link = (struct list){ NULL, NULL };
	task->repeats = 0;
	put_command(c, task, ahs, ahs_len, now);
	return true;
}

/* SN-7, REC-8 */
void data_put_command(struct conn *c, struct task *task, uint64_t now)
{
	uint8_t *ahs;
	size_t ahs_len;

	if (make_ahs(task, &ahs, &ahs_len) < 0)
		conn_fail(c, FAULT_NO_MEMORY, 0, "no memory to send a command again");
	else
		put_command(c, task, ahs, ahs_len, now);
}

/* RA-6 */
void data_reassigned(struct task *task)
{
	drop_bursts(task);
	data_in_restart(task, true);
	task->snack_tag = task->status_tag = 0; /* RA-7 */
	task->has_status = task->hopeless = task->ask_status = false;
	task->asks = 0;
	task->restarted = true;
}

/* ---------------------------------------------------------------- Data-Out */

/* One Data-Out PDU of the task's first burst (CMD-7, CMD-9). Each burst has its own DataSN (DS-3), and
 * fewer PDUs than there are numbers, since it has less than 2^24 bytes (DS-4). */
static uint32_t send_data_out(struct conn *c, struct task *task)
{
	struct task_burst *burst = &task->burst[task->burst_at];
	/* PDU-12: whole words but for the last of a sequence */
	uint32_t most = c->params.max_send_data_segment_length & ~UINT32_C(3);
	uint32_t len = min32(burst->end - burst->offset, most);
	struct pdu_data_out pdu = { .final = burst->offset + len == burst->end, .lun = task->lun,
		.initiator_task_tag = task->itt, .target_transfer_tag = burst->ttt,
		.exp_stat_sn = snack_exp_stat_sn(c), .data_sn = burst->data_sn++,
		.buffer_offset = burst->offset };
	uint8_t *bhs = send_header(c);

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

static bool has_room(const struct conn *c, size_t batch)
{
	return batch < c->batch_limit && send_data_room(c);
}

void data_send_out(struct conn *c, size_t *batch)
{
	list_for_each(it, &c->data) {
		struct task *task = list_entry(it, struct task, data_link);

		if (manage_covers(c, task)) /* TM-11; they go on if the target refuses the function */
			continue;
		while (task->bursts && has_room(c, *batch))
			*batch += PDU_BHS_LEN + send_data_out(c, task);
		if (task->bursts)
			return;
		list_remove(&task->data_link);
	}
}

/* ---------------------------------------------------------------- R2T */

struct task *data_find_task(struct conn *c, uint32_t itt, const char *what, int *ret)
{
	struct task *task = NULL;
	const char *why = NULL;

	*ret = 0;
	switch (tag_find(&c->shared->tags, itt, c->slot, &task)) {
	case TAG_STALE:
		return NULL;
	case TAG_FOREIGN:
		why = "for a task that this connection does not have";
		break;
	case TAG_OURS:
		if (!task)
			why = "for a request that is no command";
		else if (task->state == TASK_REASSIGNING) /* RA-8 */
			why = "for a task that is not reassigned yet";
		else if (task->state != TASK_ACTIVE)
			why = "for a task that this connection does not have";
		break;
	}
	if (!why)
		return task;
	*ret = conn_fail(c, FAULT_PROTOCOL, 0, "%s %s", what, why);
	return NULL;
}

static unsigned open_r2ts(const struct task *task)
{
	bool first_unsolicited = task->bursts && task->burst[task->burst_at].ttt == PDU_NO_TAG;

	return task->bursts - first_unsolicited;
}

/* A recovery R2T may come while we still answer the one that it stands for (CMD-12). */
static unsigned most_r2ts(const struct conn *c)
{
	return c->params.error_recovery_level ? TASK_BURSTS - 1 : c->params.max_outstanding_r2t;
}

/* CMD-10, CMD-11; the first row that holds is what is wrong. */
static const char *r2t_fault(const struct conn *c, const struct task *task, const struct pdu_r2t *r2t)
{
	uint32_t len = r2t->desired_data_transfer_length;

	return	r2t->data_len != 0 ? "R2T with a data segment" :
		!task->out_len ? "R2T for a command without write data" :
		r2t->lun != task->lun ? "R2T with another LUN than its command" :
		r2t->target_transfer_tag == PDU_NO_TAG ? "R2T without a Target Transfer Tag" :
		!len || len > c->params.max_burst_length ? "R2T of a length not allowed" :
		r2t->buffer_offset > task->out_len || len > task->out_len - r2t->buffer_offset ?
			"R2T beyond the write data" :
		!c->params.error_recovery_level && r2t->r2t_sn != task->data.next ?
			"R2TSN out of order" : NULL;
}

/* CMD-8, DS-2 */
int data_r2t_received(struct conn *c, const uint8_t *bhs)
{
	struct pdu_r2t r2t;
	struct task *task;
	const char *wrong;
	enum gap_verdict verdict;
	int r;

	pdu_get_r2t(bhs, &r2t);
	task = data_find_task(c, r2t.initiator_task_tag, "R2T", &r);
	if (!task)
		return r;
	wrong = r2t_fault(c, task, &r2t);
	if (wrong)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s", wrong);
	data_find_base(task, r2t.r2t_sn);
	verdict = gap_look(&task->data, r2t.r2t_sn);
	if (verdict == GAP_REPEAT) /* SEQ-3 */
		return 0;
	if (verdict != GAP_BEYOND && open_r2ts(task) >= most_r2ts(c))
		return conn_fail(c, FAULT_PROTOCOL, 0, "more R2Ts outstanding than negotiated");
	gap_take(&task->data, r2t.r2t_sn);
	if (verdict != GAP_BEYOND && !task->has_status) { /* CMD-14 */
		add_burst(c, task, r2t.target_transfer_tag, r2t.buffer_offset,
			  r2t.buffer_offset + r2t.desired_data_transfer_length);
	}
	task->data_end = sn_max(task->data_end, r2t.r2t_sn + 1);
	snack_look(c, task);
	return 0;
}
