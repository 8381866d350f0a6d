/*
 * replay.c - see replay.h. The recorder played without the product's code; what is here only puts
 * other numbers and tags into its bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/digest.h"
#include "proto/sn.h"

#include "replay.h"

enum { LISTED = 64, WRITES = 32, MILLISECOND = 1000000 };

/* A connection of the exchange. */
struct line {
	struct peer_conn *conn;    /* NULL: not opened yet, or closed */
	bool closed;               /* on our side */
	bool ended;                /* as the recording has it */
	bool based, heard, header_digest, data_digest;
	uint16_t cid;
	uint32_t base_theirs, base_ours; /* the first StatSN, and one more for each extra answer */
	uint32_t exp_stat_sn;      /* by what of ours was paired */
	struct trace_pdu queue[LISTED]; /* answers of ours that wait for theirs */
	unsigned queued;
	const struct trace_pdu *request;
};

struct player {
	struct replay *replay;
	const struct trace_exchange *exchange;
	struct replay_judge judge;
	struct peer *peer;
	uint64_t now;
	struct line line[TRACE_CONNS];
};

bool replay_counts(const uint8_t *bhs)
{
	switch (pdu_opcode(bhs)) {
	case PDU_R2T:
		return false;
	case PDU_DATA_IN:
		return bhs[1] & 1;
	case PDU_NOP_IN:
		return bytes_get32(bhs + 16) != PDU_NO_TAG;
	case PDU_LOGIN_RESPONSE:
		return !bhs[36];
	default:
		return true;
	}
}

static void fail(struct player *p, const char *what, unsigned conn)
{
	if (!p->replay->fault[0])
		snprintf(p->replay->fault, sizeof(p->replay->fault), "connection %u: %s", conn + 1,
			 what);
}

/* ---------------------------------------------------------------- pairs */

static struct replay_pair *add_pair(struct player *p, unsigned conn)
{
	struct replay *r = p->replay;

	if (r->count == REPLAY_ANSWERS) {
		fail(p, "too many answers", conn);
		return &r->pair[0];
	}
	r->pair[r->count].request = p->line[conn].request;
	return &r->pair[r->count++];
}

static void begin_numbers(struct line *l, const struct replay_pair *pair)
{
	if (l->based || pair->theirs.opcode != PDU_LOGIN_RESPONSE ||
	    !replay_counts(pair->theirs.bhs))
		return;
	l->based = true;
	l->base_theirs = bytes_get32(pair->theirs.bhs + 24);
	l->base_ours = bytes_get32(pair->ours.bhs + 24);
}

static bool has_text(const struct trace_pdu *pdu, const char *text)
{
	return memmem(pdu->data, pdu->len, text, strlen(text)) != NULL;
}

static void learn(struct line *l, const struct replay_pair *pair)
{
	const struct trace_pdu *ours = &pair->ours;

	if (pair->has_ours && pair->has_theirs)
		begin_numbers(l, pair);
	if (!pair->has_ours || ours->opcode == TRACE_CLOSE || !replay_counts(ours->bhs))
		return;
	if (!l->heard || sn_ge(bytes_get32(ours->bhs + 24), l->exp_stat_sn))
		l->exp_stat_sn = bytes_get32(ours->bhs + 24) + 1;
	l->heard = true;
	if (ours->opcode == PDU_LOGIN_RESPONSE && ours->data && (ours->bhs[1] & 0x80)) {
		l->header_digest |= has_text(ours, "HeaderDigest=CRC32C");
		l->data_digest |= has_text(ours, "DataDigest=CRC32C");
	}
}

/* StatSN as it would be without the extra answers and with a first one of 0. */
static void make_relative(const struct line *l, struct trace_pdu *pdu, uint32_t base)
{
	if (l->based && pdu->opcode != TRACE_CLOSE)
		bytes_put32(pdu->bhs + 24, bytes_get32(pdu->bhs + 24) - base);
}

static void pair_up(struct player *p, unsigned conn, const struct trace_pdu *theirs,
		    const struct trace_pdu *ours)
{
	struct line *l = &p->line[conn];
	struct replay_pair *pair = add_pair(p, conn);

	pair->has_theirs = theirs != NULL;
	pair->has_ours = ours != NULL;
	if (theirs)
		pair->theirs = *theirs;
	if (ours)
		pair->ours = *ours;
	learn(l, pair);
	make_relative(l, &pair->theirs, l->base_theirs);
	make_relative(l, &pair->ours, l->base_ours);
	if (theirs && !ours && theirs->opcode != TRACE_CLOSE)
		l->base_theirs += replay_counts(theirs->bhs);
	if (ours && !theirs && ours->opcode != TRACE_CLOSE)
		l->base_ours += replay_counts(ours->bhs);
}

static struct trace_pdu take(struct line *l, unsigned at)
{
	struct trace_pdu pdu = l->queue[at];

	memmove(l->queue + at, l->queue + at + 1, (--l->queued - at) * sizeof(pdu));
	return pdu;
}

static enum replay_extra judged(const struct player *p, bool ours, uint8_t opcode)
{
	return p->judge.judge(p->exchange->name, ours, opcode, p->replay->count);
}

/* Those of ours that theirs has not, and that come now. */
static void put_extras(struct player *p, unsigned conn, unsigned at)
{
	struct line *l = &p->line[conn];

	while (at < l->queued && judged(p, true, l->queue[at].opcode) == REPLAY_OURS) {
		struct trace_pdu ours = take(l, at);

		pair_up(p, conn, NULL, &ours);
	}
}

static void put_answer(struct player *p, const struct trace_pdu *theirs)
{
	unsigned conn = theirs->conn, at = 0;
	struct line *l = &p->line[conn];
	struct trace_pdu ours;

	if (judged(p, false, theirs->opcode) == REPLAY_THEIRS) {
		pair_up(p, conn, theirs, NULL);
		return;
	}
	put_extras(p, conn, 0);
	while (at < l->queued && l->queue[at].opcode != theirs->opcode &&
	       judged(p, true, l->queue[at].opcode) == REPLAY_LATER)
		at++;
	if (at == l->queued) {
		pair_up(p, conn, theirs, NULL);
		return;
	}
	ours = take(l, at);
	pair_up(p, conn, theirs, &ours);
}

/* ---------------------------------------------------------------- bytes of ours */

static void list_answer(struct player *p, struct line *l, const struct trace_pdu *pdu)
{
	if (l->queued == LISTED)
		fail(p, "too many answers", pdu->conn);
	else
		l->queue[l->queued++] = *pdu;
}

static size_t read_answer(struct player *p, unsigned conn, const uint8_t *bytes)
{
	struct line *l = &p->line[conn];
	struct trace_pdu pdu = { .conn = conn, .opcode = pdu_opcode(bytes),
		.len = pdu_data_len(bytes) };
	size_t at = PDU_BHS_LEN + (l->header_digest ? DIGEST_LEN : 0);

	memcpy(pdu.bhs, bytes, PDU_BHS_LEN);
	if (pdu.len) {
		pdu.data = malloc(pdu.len);
		if (!pdu.data)
			abort();
		memcpy(pdu.data, bytes + at, pdu.len);
		at += pdu.len + pdu_pad(pdu.len) + (l->data_digest ? DIGEST_LEN : 0);
	}
	list_answer(p, l, &pdu);
	return at;
}

static void listen(struct player *p, unsigned conn)
{
	struct line *l = &p->line[conn];
	const uint8_t *bytes;
	size_t len;

	if (!l->conn)
		return;
	while (bytes = peer_conn_output(l->conn, &len), len)
		peer_conn_sent(l->conn, read_answer(p, conn, bytes));
	if (!peer_conn_finished(l->conn))
		return;
	list_answer(p, l, &(struct trace_pdu){ .conn = conn, .opcode = TRACE_CLOSE });
	peer_conn_closed(l->conn);
	l->conn = NULL;
	l->closed = true;
}

static void pass_time(struct player *p)
{
	for (unsigned i = 0; i < 4; i++) {
		p->now += MILLISECOND;
		peer_advance(p->peer, p->now);
		for (unsigned k = 0; k < TRACE_CONNS; k++)
			listen(p, k);
	}
}

/* ---------------------------------------------------------------- requests */

static void put_tsih(const struct player *p, uint8_t *bhs)
{
	for (unsigned i = 0; i < p->replay->count; i++) {
		const struct replay_pair *pair = &p->replay->pair[i];

		if (pair->has_ours && pair->theirs.opcode == PDU_LOGIN_RESPONSE &&
		    memcmp(pair->theirs.bhs + 14, bhs + 14, 2) == 0)
			memcpy(bhs + 14, pair->ours.bhs + 14, 2);
	}
}

/* Target transfer tags: of R2Ts the newest, of Data-Ins that ask for a DataACK by its number. */
static void put_tag(const struct player *p, uint8_t *bhs)
{
	bool ack = pdu_opcode(bhs) == PDU_SNACK;
	uint32_t tag = bytes_get32(bhs + 20);

	if (tag == PDU_NO_TAG || (ack && (bhs[1] & 0x0f) != PDU_SNACK_DATA_ACK))
		return;
	for (unsigned i = p->replay->count; i--;) {
		const struct replay_pair *pair = &p->replay->pair[i];
		const uint8_t *theirs = pair->theirs.bhs;

		if (pair->has_ours && pair->theirs.opcode == (ack ? PDU_DATA_IN : PDU_R2T) &&
		    bytes_get32(theirs + 20) == tag &&
		    (!ack || bytes_get32(theirs + 36) + 1 == bytes_get32(bhs + 40))) {
			memcpy(bhs + 20, pair->ours.bhs + 20, 4);
			return;
		}
	}
}

/* LO-5: a Logout of another connection tells the ExpStatSN of that one. The recorder tells that of
 * its own, which LIO does not look at; so it is put right here. */
static bool put_logout(const struct player *p, const struct line *own, uint8_t *bhs)
{
	uint16_t cid = bytes_get16(bhs + 20);

	if (pdu_opcode(bhs) != PDU_LOGOUT_REQUEST || !(bhs[1] & 0x7f) || cid == own->cid)
		return false;
	for (unsigned i = TRACE_CONNS; i--;) {
		if (p->line[i].cid != cid)
			continue;
		bytes_put32(bhs + 28, p->line[i].exp_stat_sn);
		return true;
	}
	return false;
}

/* A recorded ExpStatSN can lie beyond what was sent, which LIO does not look at either. */
static uint32_t sent_before(const struct line *l, uint32_t exp_stat_sn)
{
	return sn_gt(exp_stat_sn, l->exp_stat_sn) ? l->exp_stat_sn : exp_stat_sn;
}

static void put_numbers(const struct player *p, const struct line *l, uint8_t *bhs)
{
	uint32_t shift = l->base_ours - l->base_theirs;
	bool status = pdu_opcode(bhs) == PDU_SNACK && (bhs[1] & 0x0f) == PDU_SNACK_STATUS;

	if (!l->based)
		return;
	if (!put_logout(p, l, bhs))
		bytes_put32(bhs + 28, sent_before(l, bytes_get32(bhs + 28) + shift));
	if (status)
		bytes_put32(bhs + 40, bytes_get32(bhs + 40) + shift);
}

static void send_bytes(struct line *l, const uint8_t *bhs, const struct trace_event *e)
{
	static uint8_t wire[80000];
	uint8_t *at = wire + PDU_BHS_LEN;
	uint32_t whole = e->pdu.len + pdu_pad(e->pdu.len);

	memcpy(wire, bhs, PDU_BHS_LEN);
	if (l->header_digest) {
		digest_put(at, digest_of(bhs, PDU_BHS_LEN));
		at += DIGEST_LEN;
	}
	if (e->pdu.len) {
		memset(at + e->pdu.len, 0, 4);
		memcpy(at, e->pdu.data, e->pdu.len);
		if (l->data_digest) {
			digest_put(at + whole, digest_of(at, whole));
			at[whole] ^= e->damaged;
			at += DIGEST_LEN;
		}
		at += whole;
	}
	peer_conn_received(l->conn, wire, (size_t)(at - wire));
}

static void put_request(struct player *p, const struct trace_event *e)
{
	struct line *l = &p->line[e->pdu.conn];
	uint8_t bhs[PDU_BHS_LEN];

	if (l->closed)
		return;
	memcpy(bhs, e->pdu.bhs, PDU_BHS_LEN);
	if (e->pdu.opcode == PDU_LOGIN_REQUEST)
		put_tsih(p, bhs);
	if (!l->conn) {
		l->conn = peer_accept(p->peer, "10.99.0.2:3260");
		l->cid = bytes_get16(bhs + 20);
	}
	if (e->pdu.opcode == PDU_DATA_OUT || e->pdu.opcode == PDU_SNACK)
		put_tag(p, bhs);
	put_numbers(p, l, bhs);
	l->request = &e->pdu;
	send_bytes(l, bhs, e);
	pass_time(p);
}

/* ---------------------------------------------------------------- the medium */

struct written {
	uint32_t itt, block, len;
};

static void put_blocks(struct peer *peer, const struct written *w, uint32_t at,
		       const struct trace_pdu *pdu)
{
	for (uint32_t i = 0; i + PEER_BLOCK <= pdu->len && at + i < w->len; i += PEER_BLOCK)
		peer_put_block(peer, 0, w->block + (at + i) / PEER_BLOCK, pdu->data + i);
}

static void put_written(struct peer *peer, const struct trace_exchange *e)
{
	struct written w[WRITES] = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < e->count; i++) {
		const struct trace_pdu *pdu = &e->event[i].pdu;
		const uint8_t *bhs = pdu->bhs;

		if (e->event[i].kind != '>' || e->event[i].damaged)
			continue;
		if (pdu->opcode == PDU_SCSI_COMMAND && bhs[32] == 0x2a && count < WRITES) {
			w[count] = (struct written){ bytes_get32(bhs + 16), bytes_get32(bhs + 34),
				bytes_get16(bhs + 39) * (uint32_t)PEER_BLOCK };
			if (bytes_get32(bhs + 20) == w[count].len)
				put_blocks(peer, &w[count++], 0, pdu);
		}
		for (unsigned k = 0; pdu->opcode == PDU_DATA_OUT && k < count; k++)
			if (w[k].itt == bytes_get32(bhs + 16))
				put_blocks(peer, &w[k], bytes_get32(bhs + 40), pdu);
	}
}

/* ---------------------------------------------------------------- the whole */

static void hang_up(struct line *l)
{
	if (l->conn)
		peer_conn_closed(l->conn);
	l->conn = NULL;
	l->closed = true;
}

static void play_event(struct player *p, const struct trace_event *e)
{
	struct line *l = &p->line[e->pdu.conn];

	if (e->kind == '>') {
		put_request(p, e);
	} else if (e->kind == '<') {
		put_answer(p, &e->pdu);
	} else if (e->kind == 'c') {
		hang_up(l);
		pass_time(p);
	} else if (!l->ended) {
		l->ended = true;
		put_answer(p, &e->pdu);
		hang_up(l);
	}
}

/* What theirs has no answer to. That we closed later than it was recorded can't be compared. */
static void put_rest(struct player *p)
{
	for (unsigned i = 0; i < TRACE_CONNS; i++) {
		struct line *l = &p->line[i];

		while (l->queued) {
			struct trace_pdu ours = take(l, 0);

			if (ours.opcode != TRACE_CLOSE)
				pair_up(p, i, NULL, &ours);
		}
		hang_up(l);
	}
}

void replay_run(struct replay *ret, const struct trace *trace, unsigned exchange,
		const struct peer_options *options, struct replay_judge judge)
{
	struct player p = { .replay = ret, .exchange = &trace->exchange[exchange], .judge = judge,
		.peer = peer_new(options), .now = 1000 * UINT64_C(1000000000) };

	*ret = (struct replay){ 0 };
	for (unsigned i = 0; i < exchange; i++)
		put_written(p.peer, &trace->exchange[i]);
	peer_advance(p.peer, p.now);
	for (unsigned i = 0; i < p.exchange->count; i++)
		play_event(&p, &p.exchange->event[i]);
	put_rest(&p);
	if (peer_violation(p.peer))
		snprintf(ret->violation, sizeof(ret->violation), "%s", peer_violation(p.peer));
	peer_free(p.peer);
}

void replay_done(struct replay *replay)
{
	for (unsigned i = 0; i < replay->count; i++)
		free(replay->pair[i].ours.data);
}
