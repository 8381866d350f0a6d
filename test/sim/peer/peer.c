/*
 * peer.c - connections as byte streams: PDUs out of bytes and back, digests (RFC 7143 sections 11.1
 * to 11.2); time; and the making and ending of everything.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/digest.h"

#include "inside.h"

void *peer_alloc(size_t len)
{
	void *p = calloc(1, len ? len : 1);

	if (!p)
		abort();
	return p;
}

void peer_options_default(struct peer_options *ret)
{
	*ret = (struct peer_options){
		.target = "iqn.2026-11.test:peer", .luns = 1, .blocks = 256, .queue = 32, .tpgt = 1,
		.max_connections = 8, .max_recv = 8192, .max_burst = 32768, .first_burst = 16384,
		.max_r2t = 1, .initial_r2t = true, .immediate_data = true, .status_in_data = true,
		.digests = true, .chap_algorithm = 7, .challenge_len = 16,
		.portal = { "127.0.0.1:3260" }, .portals = 1, .seed = 1,
	};
}

struct peer *peer_new(const struct peer_options *options)
{
	struct peer *p = peer_alloc(sizeof(*p));

	p->options = *options;
	p->random.state = options->seed;
	list_init(&p->conns);
	list_init(&p->sessions);
	list_init(&p->running);
	list_init(&p->ended);
	p->next_tsih = (uint16_t)random_next(&p->random);
	for (unsigned i = 0; i < options->luns; i++) {
		p->disk[i].cache = peer_alloc((size_t)options->blocks * PEER_BLOCK);
		p->disk[i].medium = peer_alloc((size_t)options->blocks * PEER_BLOCK);
		p->disk[i].dirty = peer_alloc(options->blocks);
	}
	return p;
}

void peer_free(struct peer *p)
{
	struct list *it;

	if (!p)
		return;
	while (!list_empty(&p->conns))
		peer_conn_closed(list_entry(p->conns.next, struct peer_conn, link));
	while (!list_empty(&p->sessions))
		session_end(list_entry(p->sessions.next, struct peer_session, link));
	session_free_ended(p);
	while ((it = list_pop(&p->running)))
		task_free(list_entry(it, struct peer_task, link));
	for (unsigned i = 0; i < PEER_LUNS; i++) {
		free(p->disk[i].cache);
		free(p->disk[i].medium);
		free(p->disk[i].dirty);
	}
	free(p);
}

struct peer_options *peer_options(struct peer *p)
{
	return &p->options;
}

void peer_note(struct peer *p, const char *format, ...)
{
	va_list args;

	if (p->violation[0])
		return;
	va_start(args, format);
	vsnprintf(p->violation, sizeof(p->violation), format, args);
	va_end(args);
}

const char *peer_violation(const struct peer *p)
{
	return p->violation[0] ? p->violation : NULL;
}

/* ---------------------------------------------------------------- connections */

struct peer_conn *peer_accept(struct peer *p, const char *portal)
{
	struct peer_conn *c = peer_alloc(sizeof(*c));

	c->peer = p;
	c->portal = portal;
	c->login = login_new();
	c->ping_at = UINT64_MAX;
	c->ping_ttt = c->text_ttt = PDU_NO_TAG;
	c->stat_sn = (uint32_t)random_next(&p->random);
	keys_default(&c->params);
	list_init(&c->writes);
	list_append(&p->conns, &c->link);
	return c;
}

void peer_conn_closed(struct peer_conn *c)
{
	if (c->session)
		session_leave(c);
	login_drop(c->login);
	list_remove(&c->link);
	free(c->in);
	free(c->out);
	free(c->text);
	free(c);
}

void conn_close(struct peer_conn *c)
{
	c->closing = true;
}

void conn_violation(struct peer_conn *c, const char *what)
{
	peer_note(c->peer, "connection %u: %s", c->cid, what);
	conn_close(c);
}

bool peer_conn_finished(const struct peer_conn *c)
{
	return c->closing && c->out_at == c->out_len;
}

bool peer_conn_full_feature(const struct peer_conn *c)
{
	return c->session && !c->closing;
}

uint16_t peer_conn_cid(const struct peer_conn *c)
{
	return c->cid;
}

/* ---------------------------------------------------------------- bytes out */

static void append(uint8_t **buf, size_t *len, size_t *room, const void *data, size_t n)
{
	while (*len + n > *room) {
		*room = *room ? *room * 2 : 1024;
		*buf = realloc(*buf, *room);
		if (!*buf)
			abort();
	}
	if (n)
		memcpy(*buf + *len, data, n);
	*len += n;
}

static void out(struct peer_conn *c, const void *data, size_t n)
{
	append(&c->out, &c->out_len, &c->out_room, data, n);
}

void conn_send_raw(struct peer_conn *c, const uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len,
		   unsigned flip)
{
	static const uint8_t zero[4];
	uint8_t digest[DIGEST_LEN];
	bool digests = c->login == NULL;

	out(c, bhs, PDU_BHS_LEN);
	if (digests && c->params.header_digest) {
		digest_put(digest, digest_of(bhs, PDU_BHS_LEN));
		digest[1] ^= flip == FAULT_FLIP_HEADER ? 4 : 0;
		out(c, digest, sizeof(digest));
	}
	if (!len)
		return;
	out(c, data, len);
	out(c, zero, pdu_pad(len));
	if (digests && c->params.data_digest) {
		uint32_t crc = digest_add(digest_start(), data, len);

		digest_put(digest, digest_finish(digest_add(crc, zero, pdu_pad(len))));
		digest[1] ^= flip == FAULT_FLIP_DATA ? 4 : 0;
		out(c, digest, sizeof(digest));
	}
}

void conn_send(struct peer_conn *c, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len)
{
	const uint8_t *bytes = data;
	enum fault_verdict verdict;

	if (c->closing || c->mute)
		return;
	bytes_put24(bhs + 5, len);
	verdict = fault_apply(c, bhs, &bytes, &len);
	if (verdict != FAULT_DROP)
		conn_send_raw(c, bhs, bytes, len, verdict);
}

const uint8_t *peer_conn_output(struct peer_conn *c, size_t *ret_len)
{
	*ret_len = c->out_len - c->out_at;
	return c->out + c->out_at;
}

void peer_conn_sent(struct peer_conn *c, size_t len)
{
	assert(len <= c->out_len - c->out_at);
	c->out_at += len;
	if (c->out_at == c->out_len)
		c->out_at = c->out_len = 0;
}

/* ---------------------------------------------------------------- bytes in */

static void take_pdu(struct peer_conn *c, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	uint8_t opcode = pdu_opcode(bhs);

	if (c->login) {
		if (opcode != PDU_LOGIN_REQUEST)
			conn_violation(c, "another PDU than a Login Request in login");
		else
			login_request(c, bhs, data, len);
		return;
	}
	if (!c->session) /* its session has ended */
		return;
	if (opcode == PDU_DATA_OUT)
		task_data_out(c, bhs, data, len);
	else
		task_request(c, bhs, data, len);
}

/* Takes one PDU if all of it is there; returns its length on the wire, else 0. */
static size_t take_one(struct peer_conn *c, const uint8_t *p, size_t have)
{
	bool digests = c->login == NULL;
	size_t head = PDU_BHS_LEN + (digests && c->params.header_digest ? DIGEST_LEN : 0), whole = head;
	uint32_t len, limit = c->login ? 8192 : c->peer->options.max_recv;

	if (have < head)
		return 0;
	len = pdu_data_len(p);
	if (pdu_ahs_len(p) || len > limit) {
		conn_violation(c, len > limit ? "a data segment longer than we take" : "an AHS");
		return 0;
	}
	if (head > PDU_BHS_LEN && !digest_equal(p + PDU_BHS_LEN, digest_of(p, PDU_BHS_LEN))) {
		conn_violation(c, "a wrong header digest");
		return 0;
	}
	if (len)
		whole += len + pdu_pad(len) + (digests && c->params.data_digest ? DIGEST_LEN : 0);
	if (have < whole)
		return 0;
	if (len && digests && c->params.data_digest &&
	    !digest_equal(p + whole - DIGEST_LEN, digest_of(p + head, len + pdu_pad(len)))) {
		conn_violation(c, "a wrong data digest");
		return 0;
	}
	for (unsigned i = 0; i < pdu_pad(len); i++)
		if (p[head + len + i])
			conn_violation(c, "padding that is not zero");
	take_pdu(c, p, p + head, len);
	return whole;
}

void peer_conn_received(struct peer_conn *c, const void *data, size_t len)
{
	size_t at = 0, n;

	if (c->closing || c->mute)
		return;
	append(&c->in, &c->in_len, &c->in_room, data, len);
	while (!c->closing && !c->mute && (n = take_one(c, c->in + at, c->in_len - at)))
		at += n;
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

/* ---------------------------------------------------------------- time */

uint64_t peer_deadline(const struct peer *p)
{
	uint64_t at = UINT64_MAX;

	list_for_each(it, &p->running)
		if (list_entry(it, struct peer_task, link)->due < at)
			at = list_entry(it, struct peer_task, link)->due;
	list_for_each(it, &p->conns)
		if (list_entry(it, struct peer_conn, link)->ping_at < at)
			at = list_entry(it, struct peer_conn, link)->ping_at;
	return at;
}

static struct peer_task *task_due(struct peer *p)
{
	list_for_each(it, &p->running)
		if (list_entry(it, struct peer_task, link)->due <= p->now)
			return list_entry(it, struct peer_task, link);
	return NULL;
}

void peer_advance(struct peer *p, uint64_t now)
{
	struct peer_task *task;

	p->now = now;
	session_free_ended(p);
	while ((task = task_due(p)))
		task_run(task);
	list_for_each(it, &p->conns) {
		struct peer_conn *c = list_entry(it, struct peer_conn, link);

		if (c->ping_at > now)
			continue;
		c->ping_at = now + p->options.ping_every;
		peer_conn_ping(c);
	}
}

void peer_conn_ping(struct peer_conn *c)
{
	if (peer_conn_full_feature(c) && c->ping_ttt == PDU_NO_TAG)
		task_send_ping(c);
}

void peer_conn_async(struct peer_conn *c, uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3)
{
	if (peer_conn_full_feature(c))
		task_send_async(c, event, p1, p2, p3);
}

/* ---------------------------------------------------------------- what tests ask */

void peer_power_failure(struct peer *p)
{
	size_t len = (size_t)p->options.blocks * PEER_BLOCK;

	for (unsigned i = 0; i < p->options.luns; i++) {
		memcpy(p->disk[i].cache, p->disk[i].medium, len);
		memset(p->disk[i].dirty, 0, p->options.blocks);
	}
	while (!list_empty(&p->sessions))
		session_end(list_entry(p->sessions.next, struct peer_session, link));
}

const uint8_t *peer_block(const struct peer *p, unsigned lun, uint32_t block)
{
	return p->disk[lun].cache + (size_t)block * PEER_BLOCK;
}

unsigned peer_sessions(const struct peer *p)
{
	unsigned n = 0;

	list_for_each(it, &p->sessions)
		n++;
	return n;
}

unsigned peer_waiting(const struct peer *p)
{
	unsigned n = 0;

	list_for_each(it, &p->sessions)
		list_for_each(task, &list_entry(it, struct peer_session, link)->waiting)
			n++;
	return n;
}

unsigned peer_seen(const struct peer *p, uint16_t number)
{
	return p->seen[number];
}

unsigned peer_faults_done(const struct peer *p)
{
	return p->faults_done;
}
