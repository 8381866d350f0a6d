/*
 * snack.c - see snack.h. RFC 7143 sections 7.8, 7.9, 11.16, 4.2.2.2.
 *
 * What is missing is asked for when it is noticed by what came (never by a timer: SNA-8), once. Behind
 * each SNACK goes a ping: when that was answered, the repeats have come or were lost as well, and what
 * is missing still is asked for again.
 */
#include "engine/snack.h"

#include <string.h>

#include "engine/gap.h"
#include "engine/pulse.h"
#include "proto/sn.h"

#define MS UINT64_C(1000000)

enum {
	SNACK_BATCH = 8,      /* SNACKs sent at a time */
	SNACK_AT_ONCE = 2,    /* times that the same is asked for without a pause */
	SNACK_PAUSE = 10,     /* milliseconds before the next time, twice as many before each further one ... */
	SNACK_PAUSE_MAX = 640,/* ... up to this: a target may have to read again what it shall repeat */
};

/* ---------------------------------------------------------------- what is wanted */

/* Its answer tells that what the target sent before has come or is lost. */
static void probe(struct conn *c)
{
	c->probing = true;
	c->pings_before = 0;
	pulse_probe(c);
}

/* The same, but that of a ping under way would tell nothing of what was asked for just now. */
static void probe_anew(struct conn *c)
{
	probe(c);
	memcpy(c->ping_before, c->ping, sizeof(c->ping_before));
	c->pings_before = c->pings;
}

static bool left_before(const struct conn *c, uint32_t itt)
{
	for (unsigned i = 0; i < c->pings_before; i++)
		if (c->ping_before[i] == itt)
			return true;
	return false;
}

int snack_digest_error(struct conn *c)
{
	if (!c->params.error_recovery_level)
		return conn_fail(c, FAULT_DIGEST, 0, "data digest wrong");
	if (++c->digest_errors > CONN_DIGEST_ERRORS)
		return conn_fail(c, FAULT_DIGEST, 0, "more than %d damaged PDUs in one go",
				 CONN_DIGEST_ERRORS);
	if (!c->probing)
		probe(c);
	return 0;
}

void snack_want_status(struct conn *c, uint32_t end)
{
	uint32_t begin, run;

	if (!c->missing_status)
		c->status_end = c->status_asked = c->stat.next;
	c->status_end = sn_max(c->status_end, end);
	c->missing_status = true;
	if (gap_missing(&c->stat, c->status_asked, c->status_end, &begin, &run))
		c->wants |= WANT_SNACK;
}

void snack_status_came(struct conn *c)
{
	if (c->missing_status && !sn_lt(c->stat.next, c->status_end))
		c->missing_status = false;
}

/* Something of the task that was not asked for yet. */
static bool can_ask(const struct task *task)
{
	uint32_t begin, run;

	if (task->start_over || task->ask_status)
		return true;
	return !task->much_lost &&
	       gap_missing(&task->data, task->data_asked, task->data_end, &begin, &run);
}

void snack_want_data(struct conn *c, struct task *task)
{
	if (!list_linked(&task->wait_link))
		list_append(&c->missing, &task->wait_link);
	if (can_ask(task))
		c->wants |= WANT_SNACK;
	else if (!c->probing) /* the rest is decided when a ping was answered */
		probe(c);
}

static bool ack_ready(const struct task *task)
{
	return !task->data.seen && sn_ge(task->data.next, task->ack_sn);
}

void snack_want_ack(struct conn *c, struct task *task, uint32_t sn, uint32_t ttt, uint64_t lun)
{
	bool owed = list_linked(&task->ack_link);

	if (owed && sn_lt(sn, task->ack_sn))
		return;
	task->ack_sn = sn;
	task->ack_ttt = ttt;
	task->ack_lun = lun;
	if (!owed)
		list_append(&c->acks, &task->ack_link);
}

void snack_look(struct conn *c, struct task *task)
{
	if (data_in_missing(task) && !task->hopeless)
		snack_want_data(c, task);
	else
		list_remove(&task->wait_link);
	if (list_linked(&task->ack_link) && ack_ready(task))
		c->wants |= WANT_SNACK;
}

void snack_forget(struct conn *c, struct task *task)
{
	list_remove(&task->wait_link);
	list_remove(&task->ack_link);
	recv_forget(c, task);
}

/* REC-7 */
uint32_t snack_exp_stat_sn(const struct conn *c)
{
	uint32_t exp = c->stat.next;

	list_for_each(it, &c->missing) {
		const struct task *task = list_entry(it, struct task, wait_link);

		if (task->has_status && sn_lt(task->stat_sn, exp))
			exp = task->stat_sn;
	}
	return exp;
}

/* ---------------------------------------------------------------- sending */

/* SNA-5: the status of what is asked for is not acknowledged, and it is this connection's. */
static void put(struct conn *c, struct pdu_snack pdu)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu.exp_stat_sn = snack_exp_stat_sn(c);
	pdu_put_snack(bhs, &pdu);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
}

/* SNA-2, SNA-3 */
static void put_status(struct conn *c, uint32_t begin, uint32_t run)
{
	put(c, (struct pdu_snack){ .type = PDU_SNACK_STATUS, .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = PDU_NO_TAG, .beg_run = begin, .run_length = run });
}

/* SNA-6: all that was not acknowledged is void, and the status counts only with this tag (IN-17). */
static void put_r_data(struct conn *c, struct task *task)
{
	list_remove(&task->ack_link); /* it was owed for the old run */
	data_in_restart(task, true);
	task->old_run = true;
	task->snack_tag++;
	put(c, (struct pdu_snack){ .type = PDU_SNACK_R_DATA, .lun = task->lun,
		.initiator_task_tag = task->itt, .target_transfer_tag = task->snack_tag });
}

/* 0 means all from there on: LIO refuses a number that ends beyond what it counted. */
static uint32_t run_or_all(const struct task *task, uint32_t begin, uint32_t run)
{
	return task->has_status && begin + run == task->data_end ? 0 : run;
}

/* The next thing that is missing of a task. */
static void ask_once(struct conn *c, struct task *task)
{
	uint32_t begin, run;

	if (task->start_over) {
		put_r_data(c, task);
	} else if (task->ask_status) {
		task->ask_status = false;
		put_status(c, task->stat_sn, 1);
	} else if (gap_missing(&task->data, task->data_asked, task->data_end, &begin, &run)) {
		task->data_asked = begin + run;
		put(c, (struct pdu_snack){ .type = PDU_SNACK_DATA_R2T, .lun = task->lun,
			.initiator_task_tag = task->itt, .target_transfer_tag = PDU_NO_TAG,
			.beg_run = begin, .run_length = run_or_all(task, begin, run) });
	}
}

static void ask_statuses(struct conn *c, unsigned *room)
{
	uint32_t begin, run;

	while (*room && c->missing_status &&
	       gap_missing(&c->stat, c->status_asked, c->status_end, &begin, &run)) {
		put_status(c, begin, run);
		c->status_asked = begin + run;
		--*room;
	}
}

/* SNA-9: of sequences in order only the last one may be asked for again. */
static bool may_ask(const struct conn *c, const struct task *task)
{
	uint32_t begin = task->acked_sn, run;

	if (!c->params.data_sequence_in_order || (task->ask_status && !task->start_over))
		return true;
	if (!task->start_over)
		gap_missing(&task->data, task->data_asked, task->data_end, &begin, &run);
	return sn_ge(begin, task->sequence_sn);
}

/* SNA-8 */
static void ask_data(struct conn *c, unsigned *room)
{
	list_for_each(it, &c->missing) {
		struct task *task = list_entry(it, struct task, wait_link);

		while (*room && can_ask(task)) {
			if (!may_ask(c, task)) {
				data_in_hopeless(c, task); /* SNA-10: it does without */
				break;
			}
			ask_once(c, task);
			--*room;
		}
	}
}

/* IN-5, SNA-4 */
static void put_ack(struct conn *c, struct task *task)
{
	task->acked_sn = task->data.next;
	task->acked = task->received;
	task->acked_ins = task->data_ins;
	if (task->pieces != 1 || task->piece[0].offset) /* what was acknowledged is not told apart */
		task->pieces = task->received ? TASK_PIECES + 1 : 0;
	put(c, (struct pdu_snack){ .type = PDU_SNACK_DATA_ACK, .lun = task->ack_lun,
		.initiator_task_tag = PDU_NO_TAG, .target_transfer_tag = task->ack_ttt,
		.beg_run = task->data.next });
}

static void send_acks(struct conn *c, unsigned *room)
{
	list_for_each(it, &c->acks) {
		struct task *task = list_entry(it, struct task, ack_link);

		if (!*room || !ack_ready(task))
			continue;
		list_remove(it);
		put_ack(c, task);
		--*room;
	}
}

/* REC-6 */
bool snack_send(struct conn *c)
{
	unsigned free = send_room(c), most = free < SNACK_BATCH ? free : SNACK_BATCH, room = most;

	if (!c->ask_at) {
		ask_statuses(c, &room);
		ask_data(c, &room);
	}
	if (room < most)
		probe_anew(c);
	send_acks(c, &room);
	return room > 0;
}

/* ---------------------------------------------------------------- answers */

/* The ping's way says how long a repeat takes on its way, not at the target. */
static void pause_before(struct conn *c, unsigned asks, uint64_t now)
{
	uint64_t ms = SNACK_PAUSE;

	if (asks <= SNACK_AT_ONCE)
		return;
	for (unsigned i = SNACK_AT_ONCE + 1; i < asks && ms < SNACK_PAUSE_MAX; i++)
		ms *= 2;
	if (c->ask_at < now + ms * MS)
		c->ask_at = now + ms * MS;
}

/* What of a task is missing although its repeat was asked for. */
static void ask_again(struct conn *c, struct task *task, uint64_t now)
{
	if (task->data.next != task->asks_from)
		task->asks = 0;
	task->asks_from = task->data.next;
	if (task->asks++ >= CONN_ASKS || task->snack_tag >= CONN_ASKS) {
		data_in_hopeless(c, task);
		return;
	}
	task->start_over = task->much_lost;
	task->data_asked = task->data.next;
	task->ask_status = !sn_lt(task->data.next, task->data_end) && task->has_status;
	pause_before(c, task->asks, now);
	c->wants |= WANT_SNACK;
}

int snack_probe_answered(struct conn *c, uint32_t itt, uint64_t now)
{
	if (!c->probing || c->over || left_before(c, itt))
		return 0;
	c->probing = false;
	c->digest_errors = 0;
	if (c->ask_at) /* nothing was asked for since the last one */
		return 0;
	if (!c->missing_status) {
		c->status_asks = 0;
	} else {
		if (c->status_asks++ >= CONN_ASKS)
			return conn_fail(c, FAULT_DIGEST, 0, "lost responses do not come again");
		c->status_asked = c->stat.next;
		pause_before(c, c->status_asks, now);
		c->wants |= WANT_SNACK;
	}
	list_for_each(it, &c->missing)
		ask_again(c, list_entry(it, struct task, wait_link), now);
	return 0;
}

void snack_expire(struct conn *c, uint64_t now)
{
	if (!c->ask_at || now < c->ask_at)
		return;
	c->ask_at = 0;
	c->wants |= WANT_SNACK;
}

int snack_rejected(struct conn *c, const uint8_t *bhs, uint8_t reason)
{
	struct task *task = NULL;
	struct pdu_snack pdu;

	pdu_get_snack(bhs, &pdu);
	if (reason == PDU_REJECT_IMMEDIATE || reason == PDU_REJECT_LONG_OPERATION) {
		if (!c->probing)
			probe_anew(c);
		return 0; /* the probe behind it will ask again */
	}
	switch (pdu.type) {
	case PDU_SNACK_STATUS:
		return conn_fail(c, FAULT_DIGEST, reason,
				 "responses were lost, and the target refuses to repeat them (0x%02x)", reason);
	case PDU_SNACK_DATA_R2T:
	case PDU_SNACK_R_DATA:
		if (tag_find(&c->shared->tags, pdu.initiator_task_tag, c->slot, &task) == TAG_OURS &&
		    task && list_linked(&task->wait_link))
			data_in_hopeless(c, task);
		return 0;
	default:
		return 0; /* an acknowledgement that was not wanted */
	}
}
