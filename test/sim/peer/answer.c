/*
 * answer.c - commands are executed, and their Data-In and status go out (RFC 7143 sections 11.4, 11.7).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

enum { CHECK_CONDITION = 2, BUSY = 8, TASK_SET_FULL = 0x28 };

void answer_queue(struct peer_task *t, uint64_t due)
{
	struct list *at = &t->session->peer->running;

	t->due = due;
	t->state = PEER_RUNNING;
	list_remove(&t->link);
	while (at->prev != &t->session->peer->running &&
	       list_entry(at->prev, struct peer_task, link)->due > due)
		at = at->prev;
	list_insert_before(at, &t->link);
}

void answer_ready(struct peer_task *t)
{
	struct peer *p = t->session->peer;
	const struct peer_options *o = &p->options;

	list_remove(&t->data_link);
	if (o->hang && (!o->hangs || p->hangs < o->hangs) && random_one_in(&p->random, o->hang)) {
		p->hangs++;
		p->counts.hung++;
		t->state = PEER_HUNG;
		return;
	}
	answer_queue(t, p->now + (o->delay ? random_next(&p->random) % o->delay : 0));
}

void answer_sense(struct peer_task *t, uint8_t key, uint16_t code)
{
	struct disk_result *r = t->result ? t->result : peer_alloc(sizeof(*r));

	/* Data that were sent can still be asked for again. */
	*r = (struct disk_result){ .status = CHECK_CONDITION, .sense_len = PEER_SENSE,
		.data = r->data };
	t->result = r;
	r->sense[0] = 0x70;
	r->sense[2] = key;
	r->sense[7] = PEER_SENSE - 8;
	bytes_put16(r->sense + 12, code);
	list_remove(&t->data_link);
	plan_clear(&t->plan);
	t->planned = true;
	answer_queue(t, t->session->peer->now);
}

/* ---------------------------------------------------------------- data in */

void answer_sent(struct peer_task *t, const uint8_t *bhs, uint32_t at, uint32_t len)
{
	struct peer_sent *sent;

	if (!session_level(t->session))
		return;
	t->sent = peer_grow(t->sent, t->sent_count, &t->sent_room, sizeof(t->sent[0]));
	sent = &t->sent[t->sent_count++];
	memcpy(sent->bhs, bhs, PDU_BHS_LEN);
	sent->at = at;
	sent->len = len;
}

static bool bidirectional(const struct peer_task *t)
{
	return t->cmd.read && t->cmd.write;
}

static uint32_t residual(uint32_t got, uint32_t wanted, bool *ret_over, bool *ret_under)
{
	*ret_over = got > wanted;
	*ret_under = got < wanted;
	return got > wanted ? got - wanted : wanted - got;
}

static uint32_t residual_of_read(const struct peer_task *t, bool *ret_over, bool *ret_under)
{
	return residual(t->result->len, t->read_len, ret_over, ret_under);
}

/* It has got its status. */
static void answered(struct peer_task *t)
{
	list_remove(&t->link);
	t->state = PEER_ANSWERED;
	if (!session_level(t->session))
		task_free(t);
}

/* IN-5: at most once a sequence. */
static void ask_acknowledge(struct peer_task *t, struct pdu_data_in *d)
{
	struct peer *p = t->session->peer;

	if (!session_level(t->session) || !d->final || !p->options.acknowledge ||
	    !random_one_in(&p->random, p->options.acknowledge))
		return;
	d->acknowledge = true;
	d->target_transfer_tag = peer_ttt(p);
	t->ack = peer_grow(t->ack, t->acks, &t->ack_room, sizeof(t->ack[0]));
	t->ack[t->acks++] = (struct peer_ack){ d->target_transfer_tag, d->data_sn + 1 };
}

/* One Data-In. True if it brought the status with it, and the task has ended. */
static bool send_data_in(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	const struct peer_extent *e = &t->plan.item[t->plan.at++];
	const uint8_t *data = t->result->data + e->at;
	uint32_t len = e->end - e->at;
	struct pdu_data_in d = { .final = e->last, .lun = t->cmd.lun, .initiator_task_tag = t->itt,
		.target_transfer_tag = PDU_NO_TAG, .data_sn = t->data_sn++, .buffer_offset = e->at };
	uint8_t bhs[PDU_BHS_LEN];

	t->data_ins++;
	if (t->plan.at == t->plan.count && c->peer->options.status_in_data && !bidirectional(t) &&
	    !t->snack_tag && !t->result->qualifier && !t->result->status) {
		d.has_status = true;
		d.residual_count = residual_of_read(t, &d.overflow, &d.underflow);
		task_uncount(t);
	}
	ask_acknowledge(t, &d);
	pdu_put_data_in(bhs, &d);
	answer_sent(t, bhs, e->at, len);
	if (!d.has_status) {
		task_numbers(c, bhs, false);
		conn_send(c, bhs, data, len);
		return false;
	}
	kept_send(c, bhs, data, len, t);
	if (t->sent_count) /* a SNACK for it repeats it as it was */
		memcpy(t->sent[t->sent_count - 1].bhs + 24, bhs + 24, 4);
	answered(t);
	return true;
}

/* ---------------------------------------------------------------- status */

void answer_status(struct peer_task *t)
{
	const struct disk_result *result = t->result;
	struct pdu_scsi_response r = { .status = result->status, .initiator_task_tag = t->itt,
		.status_qualifier = result->qualifier, .exp_data_sn = t->data_ins,
		.snack_tag = t->snack_tag };
	uint8_t bhs[PDU_BHS_LEN], segment[2 + PEER_SENSE];

	task_uncount(t);
	if (!r.status && bidirectional(t))
		r.bidi_residual_count = residual_of_read(t, &r.bidi_overflow, &r.bidi_underflow);
	else if (!r.status && t->cmd.read)
		r.residual_count = residual_of_read(t, &r.overflow, &r.underflow);
	bytes_put16(segment, (uint16_t)result->sense_len);
	memcpy(segment + 2, result->sense, result->sense_len);
	pdu_put_scsi_response(bhs, &r);
	kept_send(t->conn, bhs, segment, result->sense_len ? 2 + result->sense_len : 0, t);
	answered(t);
}

/* ---------------------------------------------------------------- execution */

static bool busy(struct peer_task *t)
{
	struct peer *p = t->session->peer;
	const struct peer_options *o = &p->options;

	if (!o->busy || (o->busies && p->busies >= o->busies) || !random_one_in(&p->random, o->busy))
		return false;
	p->busies++;
	t->result->status = random_one_in(&p->random, 2) ? BUSY : TASK_SET_FULL;
	if (t->session->params.protocol_level >= 2)
		t->result->qualifier = (uint16_t)(1 + random_below(&p->random, 0x3ffe));
	return true;
}

static void execute(struct peer_task *t)
{
	struct peer *p = t->session->peer;

	t->result = peer_alloc(sizeof(*t->result));
	if (busy(t))
		return;
	disk_run(t, t->result);
	if (!t->result->status)
		p->executed[disk_number(t)]++;
}

static void plan_all(struct peer_task *t)
{
	struct peer_plan all = { 0 };
	uint32_t len = t->result->status ? 0 : min32(t->result->len, t->read_len);

	if (len)
		plan_add(&all, 0, len, true);
	plan_read(t, &all);
	plan_free(&all);
}

/* It is executed, and nobody is there to hear of it. */
static void finish_alone(struct peer_task *t)
{
	if (session_level(t->session) < 2) {
		task_free(t);
		return;
	}
	list_remove(&t->link);
	t->state = PEER_DONE;
}

void answer_run(struct peer_task *t)
{
	struct peer *p = t->session->peer;
	uint64_t pause;

	if (!t->result)
		execute(t);
	if (!t->conn) {
		finish_alone(t);
		return;
	}
	if (!t->planned)
		plan_all(t);
	if (t->plan.at == t->plan.count) {
		answer_status(t);
		return;
	}
	if (send_data_in(t))
		return;
	pause = p->options.delay ? random_next(&p->random) % p->options.delay / 8 : 0;
	answer_queue(t, p->now + pause);
}

/* ---------------------------------------------------------------- again */

void answer_restart(struct peer_task *t)
{
	struct peer_plan left = { 0 };
	uint32_t first = t->acked_sn - t->base_sn;

	for (unsigned i = first; i < t->sent_count; i++)
		if (t->sent[i].len)
			plan_add(&left, t->sent[i].at, t->sent[i].at + t->sent[i].len, true);
	for (unsigned i = t->plan.at; t->planned && i < t->plan.count; i++)
		plan_add(&left, t->plan.item[i].at, t->plan.item[i].end, true);
	plan_sort(&left);
	for (unsigned i = first; i < t->sent_count; i++)
		t->data_ins -= t->sent[i].len != 0;
	t->data_sn = t->base_sn = t->acked_sn;
	t->sent_count = 0;
	t->acks = 0;
	if (t->planned)
		plan_read(t, &left);
	plan_free(&left);
	if (t->result)
		answer_queue(t, t->session->peer->now);
}
