/*
 * snack.c - what the initiator asks for again, and what it acknowledges by DataACK (RFC 7143 section
 * 11.16).
 */
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

/* 7.8 a: a command whose status was not sent ends with the condition "SNACK rejected". */
static void refuse(struct peer_conn *c, const uint8_t *bhs, uint8_t reason, uint32_t data_sn)
{
	struct peer_task *t = session_task(c->session, bytes_get32(bhs + 16));

	c->peer->counts.snacks_refused++;
	task_send_reject(c, reason, bhs, data_sn);
	if (t && t->conn == c && task_alive(t) && reason == PDU_REJECT_SNACK && t->state == PEER_RUNNING)
		answer_sense(t, 0x0b, 0x1113);
}

/* After a fault of ours it may be what that told. */
static void wrong(struct peer_conn *c, const uint8_t *bhs, uint8_t reason, const char *what)
{
	if (!c->peer->faults_done)
		peer_note(c->peer, "connection %u: %s", c->cid, what);
	refuse(c, bhs, reason, 0);
}

/* Ends before it: *ret_end is the first number that is not wanted. False if there is nothing. */
static bool run(const struct pdu_snack *r, uint32_t first, uint32_t next, uint32_t *ret_at,
		uint32_t *ret_end)
{
	*ret_at = r->beg_run || r->run_length ? r->beg_run : first;
	*ret_end = r->run_length ? *ret_at + r->run_length : next;
	return sn_ge(*ret_at, first) && sn_le(*ret_end, next) && sn_lt(*ret_at, *ret_end);
}

/* ---------------------------------------------------------------- status */

static void send_again(struct peer_conn *c, struct peer_status *k)
{
	uint8_t bhs[PDU_BHS_LEN];

	memcpy(bhs, k->bhs, PDU_BHS_LEN);
	task_numbers(c, bhs, false);
	bytes_put32(bhs + 24, k->stat_sn);
	c->peer->counts.pdus_repeated++;
	conn_send(c, bhs, k->data, k->len);
}

static void status(struct peer_conn *c, const uint8_t *bhs, const struct pdu_snack *r)
{
	uint32_t at, end;

	if (r->initiator_task_tag != PDU_NO_TAG || r->target_transfer_tag != PDU_NO_TAG) {
		wrong(c, bhs, PDU_REJECT_INVALID_FIELD, "a Status SNACK with a tag"); /* SNA-2, SNA-3 */
		return;
	}
	if (!run(r, c->exp_stat_sn, c->stat_sn, &at, &end)) {
		/* "All" that there is can be nothing. */
		if (r->run_length)
			wrong(c, bhs, PDU_REJECT_PROTOCOL, "a Status SNACK for what is not kept");
		else
			refuse(c, bhs, PDU_REJECT_PROTOCOL, 0);
		return;
	}
	list_for_each(it, &c->kept) {
		struct peer_status *k = list_entry(it, struct peer_status, link);

		if (sn_ge(k->stat_sn, at) && sn_lt(k->stat_sn, end))
			send_again(c, k);
	}
}

/* ---------------------------------------------------------------- data */

static struct peer_task *find(struct peer_conn *c, const uint8_t *bhs, const struct pdu_snack *r)
{
	struct peer_task *t = session_task(c->session, r->initiator_task_tag);

	if (t && t->conn == c && t->kind == TASK_SCSI && t->state != PEER_WAITING)
		return t;
	if (task_find_dead(c, r->initiator_task_tag))
		refuse(c, bhs, PDU_REJECT_INVALID_FIELD, 0);
	else
		wrong(c, bhs, PDU_REJECT_INVALID_FIELD, "a SNACK for no command of it"); /* SNA-5 */
	return NULL;
}

static void data_again(struct peer_task *t, uint32_t sn)
{
	struct peer_conn *c = t->conn;
	const struct peer_sent *sent = &t->sent[sn - t->base_sn];
	uint8_t bhs[PDU_BHS_LEN];
	bool has_status = pdu_opcode(sent->bhs) == PDU_DATA_IN && sent->bhs[1] & 1;

	memcpy(bhs, sent->bhs, PDU_BHS_LEN);
	task_numbers(c, bhs, false);
	if (has_status)
		memcpy(bhs + 24, sent->bhs + 24, 4);
	c->peer->counts.pdus_repeated++;
	conn_send(c, bhs, sent->len ? t->result->data + sent->at : NULL, sent->len);
}

static void data(struct peer_conn *c, const uint8_t *bhs, const struct pdu_snack *r)
{
	struct peer_task *t = find(c, bhs, r);
	uint32_t at, end;

	if (!t)
		return;
	if (r->target_transfer_tag != PDU_NO_TAG) {
		wrong(c, bhs, PDU_REJECT_INVALID_FIELD, "a Data SNACK with a transfer tag"); /* SNA-3 */
		return;
	}
	if (!run(r, t->acked_sn, t->data_sn, &at, &end)) {
		if (!c->peer->faults_done && (r->run_length || sn_lt(r->beg_run, t->acked_sn)))
			peer_note(c->peer, "connection %u: a Data SNACK for %u and run %u, of %u to %u",
				  c->cid, r->beg_run, r->run_length, t->acked_sn, t->data_sn);
		refuse(c, bhs, PDU_REJECT_PROTOCOL, t->data_sn);
		return;
	}
	for (; at != end; at++)
		data_again(t, at);
}

/* SNA-3: unique for the task */
static bool tag_right(struct peer_task *t, uint32_t tag)
{
	if (tag == 0 || tag == PDU_NO_TAG)
		return false;
	for (unsigned i = 0; i < t->tag_count && i < PEER_TAGS; i++)
		if (t->tags[i] == tag)
			return false;
	t->tags[t->tag_count++ % PEER_TAGS] = tag;
	return true;
}

static void resegment(struct peer_conn *c, const uint8_t *bhs, const struct pdu_snack *r)
{
	struct peer_task *t = find(c, bhs, r);

	if (!t)
		return;
	if (r->beg_run || r->run_length || !tag_right(t, r->target_transfer_tag)) {
		wrong(c, bhs, PDU_REJECT_INVALID_FIELD, "an R-Data SNACK with wrong fields");
		return;
	}
	if (!t->result) {
		t->snack_tag = r->target_transfer_tag;
		return;
	}
	t->snack_tag = r->target_transfer_tag;
	answer_restart(t);
}

/* ---------------------------------------------------------------- DataACK */

static struct peer_task *find_ack(struct peer_conn *c, uint32_t ttt, uint32_t *ret_sn)
{
	list_for_each(it, &c->session->tasks) {
		struct peer_task *t = list_entry(it, struct peer_task, all);

		for (unsigned i = 0; t->conn == c && i < t->acks; i++) {
			if (t->ack[i].ttt != ttt)
				continue;
			*ret_sn = t->ack[i].sn;
			return t;
		}
	}
	return NULL;
}

static void data_ack(struct peer_conn *c, const uint8_t *bhs, const struct pdu_snack *r)
{
	uint32_t sn = 0;
	struct peer_task *t = find_ack(c, r->target_transfer_tag, &sn);

	if (r->initiator_task_tag != PDU_NO_TAG || r->run_length)
		wrong(c, bhs, PDU_REJECT_INVALID_FIELD, "a DataACK with wrong fields"); /* SNA-4 */
	else if (!t && task_is_stale(c, r->target_transfer_tag))
		refuse(c, bhs, PDU_REJECT_DATA_ACK, 0);
	else if (!t)
		wrong(c, bhs, PDU_REJECT_DATA_ACK, "a DataACK that was not asked for"); /* IN-5 */
	else if (r->lun != t->cmd.lun || sn_lt(r->beg_run, sn) || sn_gt(r->beg_run, t->data_sn))
		wrong(c, bhs, PDU_REJECT_DATA_ACK, "a DataACK with a wrong LUN or number");
	else
		t->acked_sn = sn_max(t->acked_sn, r->beg_run);
}

void snack_request(struct peer_conn *c, const uint8_t *bhs)
{
	struct peer_counts *counts = &c->peer->counts;
	struct pdu_snack r;

	pdu_get_snack(bhs, &r);
	if (c->session->params.level == 0 || r.type > PDU_SNACK_R_DATA || r.data_len) {
		conn_violation(c, "a SNACK that can't be");
		return;
	}
	counts->snack[r.type]++;
	if (r.type == PDU_SNACK_DATA_ACK && session_level(c->session)) /* before the status is gone */
		data_ack(c, bhs, &r);
	number_acknowledged(c, r.exp_stat_sn);
	if (c->closing || (r.type == PDU_SNACK_DATA_ACK && session_level(c->session)))
		return;
	if (!session_level(c->session)) {
		counts->lies++;
		refuse(c, bhs, PDU_REJECT_NOT_SUPPORTED, 0);
	} else if (c->peer->options.lies.snack_refused && peer_lies_now(c->peer, PDU_REJECT_SNACK)) {
		refuse(c, bhs, PDU_REJECT_SNACK, 0);
	} else if (r.type == PDU_SNACK_STATUS) {
		status(c, bhs, &r);
	} else if (r.type == PDU_SNACK_DATA_R2T) {
		data(c, bhs, &r);
	} else {
		resegment(c, bhs, &r);
	}
}
