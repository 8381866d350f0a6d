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

void *peer_grow(void *array, unsigned count, unsigned *room, size_t item)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	array = realloc(array, *room * item);
	if (!array)
		abort();
	return array;
}

uint32_t peer_ttt(struct peer *p)
{
	if (++p->next_ttt == PDU_NO_TAG)
		p->next_ttt = 0;
	return p->next_ttt;
}

bool peer_lies_now(struct peer *p, int answer)
{
	if (answer < 0 || (p->options.lies.most && p->counts.lies >= p->options.lies.most))
		return false;
	p->counts.lies++;
	return true;
}

void peer_options_default(struct peer_options *ret)
{
	*ret = (struct peer_options){
		.target = "iqn.2026-11.test:peer", .luns = 1, .blocks = 256, .queue = 32, .tpgt = 1,
		.max_connections = 8, .max_recv = 8192, .max_burst = 32768, .first_burst = 16384,
		.max_r2t = 1, .initial_r2t = true, .immediate_data = true, .status_in_data = true,
		.digests = true, .chap_algorithm = 7, .challenge_len = 16,
		.portal = { "127.0.0.1:3260" }, .portals = 1, .seed = 1,
		.pdu_in_order = true, .sequence_in_order = true, .time2retain = 20,
		.task_reporting = "RFC3720", .protocol_level = 1,
		.lies = { .level_had = 2, .manage_answer = -1, .reassign_answer = -1,
			  .cleanup_answer = -1 },
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
	p->luns_made = options->luns;
	p->blocks_made = options->blocks;
	for (unsigned i = 0; i < options->luns; i++) {
		p->disk[i].cache = peer_alloc((size_t)options->blocks * PEER_BLOCK);
		p->disk[i].medium = peer_alloc((size_t)options->blocks * PEER_BLOCK);
		p->disk[i].dirty = peer_alloc(options->blocks);
	}
	return p;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	while (!list_empty(&p->conns))
		peer_conn_closed(list_entry(p->conns.next, struct peer_conn, link));
	while (!list_empty(&p->sessions))
		session_end(list_entry(p->sessions.next, struct peer_session, link));
	session_free_ended(p);
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
	c->serial = ++p->next_serial;
	c->stat_sn = (uint32_t)random_next(&p->random);
	keys_default(&c->params);
	list_init(&c->writes);
	list_init(&c->kept);
	list_append(&p->conns, &c->link);
	return c;
}

void peer_conn_closed(struct peer_conn *c)
{
	struct peer_session *s = c->session;

	if (s) {
		recovery_lost(c);
		management_progress(s);
	}
	kept_free_all(c);
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

/* What has left makes room, else a connection that is never quite idle would grow for ever. */
static void out(struct peer_conn *c, const void *data, size_t n)
{
	if (c->out_at > c->out_len / 2 && c->out_len + n > c->out_room) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	append(&c->out, &c->out_len, &c->out_room, data, n);
}

void conn_send_raw(struct peer_conn *c, const uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len,
		   unsigned flip)
{
	static const uint8_t zero[4];
	uint8_t digest[DIGEST_LEN];
	bool digests = c->login == NULL;

	c->peer->counts.pdus_out++;
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

struct received {
	const uint8_t *bhs, *ahs, *data;
	uint32_t len;
};

static void take_pdu(struct peer_conn *c, const struct received *r)
{
	struct peer_session *s = c->session;
	uint8_t opcode = pdu_opcode(r->bhs);

	c->peer->counts.pdus_in++;
	if (pdu_ahs_len(r->bhs) && (c->login || opcode != PDU_SCSI_COMMAND)) {
		conn_violation(c, "an AHS where there is none");
		return;
	}
	if (c->login) {
		if (opcode != PDU_LOGIN_REQUEST)
			conn_violation(c, "another PDU than a Login Request in login");
		else
			login_request(c, r->bhs, r->data, r->len);
		return;
	}
	if (!s) /* it has ended */
		return;
	c->unheard = false;
	if (opcode == PDU_DATA_OUT)
		write_data_out(c, r->bhs, r->data, r->len);
	else if (opcode == PDU_SNACK)
		snack_request(c, r->bhs);
	else
		task_request(c, r->bhs, r->ahs, r->data, r->len);
	management_progress(s);
}

static void take_damaged(struct peer_conn *c, const struct received *r)
{
	c->peer->counts.data_digests++;
	if (!c->peer->options.flips)
		conn_violation(c, "a wrong data digest");
	else if (!c->session || !session_level(c->session))
		conn_close(c);
	else if (pdu_opcode(r->bhs) == PDU_DATA_OUT)
		write_damaged(c, r->bhs, r->len);
	else
		task_damaged(c, r->bhs, r->len);
	if (c->session)
		management_progress(c->session);
}

/* True if header and data are as long as they may be, and the header's digest is right. */
static bool header_right(struct peer_conn *c, const uint8_t *p, size_t head)
{
	uint32_t len = pdu_data_len(p), limit = c->login ? 8192 : c->peer->options.max_recv;
	size_t bare = PDU_BHS_LEN + pdu_ahs_len(p);

	if (head > bare && !digest_equal(p + bare, digest_of(p, bare))) {
		c->peer->counts.header_digests++;
		if (c->peer->options.flips)
			conn_close(c);
		else
			conn_violation(c, "a wrong header digest");
		return false;
	}
	if (len > limit) {
		conn_violation(c, "a data segment longer than we take");
		return false;
	}
	return true;
}

/* True if a data segment shall count as damaged on its way. */
static bool damaged_now(struct peer *p)
{
	return p->options.damage && ++p->segments % p->options.damage == 0;
}

/* Takes one PDU if all of it is there; returns its length on the wire, else 0. */
static size_t take_one(struct peer_conn *c, const uint8_t *p, size_t have)
{
	bool digests = c->login == NULL;
	struct received r = { p, p + PDU_BHS_LEN, NULL, 0 };
	size_t head, whole;

	if (have < PDU_BHS_LEN)
		return 0;
	head = PDU_BHS_LEN + pdu_ahs_len(p) + (digests && c->params.header_digest ? DIGEST_LEN : 0);
	if (have < head || !header_right(c, p, head))
		return 0;
	whole = head;
	r.data = p + head;
	r.len = pdu_data_len(p);
	if (r.len)
		whole += r.len + pdu_pad(r.len) + (digests && c->params.data_digest ? DIGEST_LEN : 0);
	if (have < whole)
		return 0;
	if (r.len && digests && c->params.data_digest &&
	    (!digest_equal(p + whole - DIGEST_LEN, digest_of(r.data, r.len + pdu_pad(r.len))) ||
	     damaged_now(c->peer))) {
		take_damaged(c, &r);
		return whole;
	}
	for (unsigned i = 0; i < pdu_pad(r.len); i++)
		if (r.data[r.len + i])
			conn_violation(c, "padding that is not zero");
	take_pdu(c, &r);
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

static void earlier(uint64_t *at, uint64_t other)
{
	if (other < *at)
		*at = other;
}

uint64_t peer_deadline(const struct peer *p)
{
	uint64_t at = UINT64_MAX;

	if (!list_empty(&p->running))
		at = list_entry(p->running.next, struct peer_task, link)->due;
	list_for_each(it, &p->conns)
		earlier(&at, list_entry(it, struct peer_conn, link)->ping_at);
	list_for_each(it, &p->sessions)
		earlier(&at, recovery_deadline(list_entry(it, struct peer_session, link)));
	return at;
}

static struct peer_task *task_due(struct peer *p)
{
	struct peer_task *first = list_entry(p->running.next, struct peer_task, link);

	return !list_empty(&p->running) && first->due <= p->now ? first : NULL;
}

void peer_advance(struct peer *p, uint64_t now)
{
	struct peer_task *task;

	p->now = now;
	session_free_ended(p);
	while ((task = task_due(p)))
		answer_run(task);
	list_for_each(it, &p->sessions) {
		struct peer_session *s = list_entry(it, struct peer_session, link);

		if (recovery_deadline(s) <= now)
			recovery_expire(s);
		management_progress(s);
		if (list_empty(&p->sessions)) /* a reset has ended all of them */
			break;
	}
	list_for_each(it, &p->conns) {
		struct peer_conn *c = list_entry(it, struct peer_conn, link);

		if (c->ping_at > now)
			continue;
		c->ping_at = p->options.ping_every ? now + p->options.ping_every : UINT64_MAX;
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
	struct peer_session *s = c->session;

	if (!peer_conn_full_feature(c))
		return;
	list_for_each(it, &s->conns) {
		struct peer_conn *other = list_entry(it, struct peer_conn, session_link);

		if (event == PDU_ASYNC_SESSION_DROP ||
		    (event == PDU_ASYNC_CONNECTION_DROP && other->cid == p1)) {
			other->drop_told = true;
			other->drop_wait = p2;
			other->drop_retain = p3;
		}
	}
	c->leaving |= event == PDU_ASYNC_LOGOUT_REQUESTED;
	task_send_async(c, 0, event, p1, p2, p3);
}

/* ---------------------------------------------------------------- what tests ask */

void peer_unit_attention(struct peer *p, unsigned lun, uint16_t code)
{
	list_for_each(it, &p->sessions)
		session_attention(list_entry(it, struct peer_session, link), lun, code);
}

bool peer_resize(struct peer *p, unsigned luns, uint32_t blocks)
{
	if (!luns || luns > p->luns_made || !blocks || blocks > p->blocks_made)
		return false;
	p->options.luns = luns;
	p->options.blocks = blocks;
	return true;
}

void peer_restart(struct peer *p)
{
	while (!list_empty(&p->sessions))
		session_end(list_entry(p->sessions.next, struct peer_session, link));
	list_for_each(it, &p->conns)
		conn_close(list_entry(it, struct peer_conn, link));
}

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

void peer_put_block(struct peer *p, unsigned lun, uint32_t block, const uint8_t data[PEER_BLOCK])
{
	memcpy(p->disk[lun].cache + (size_t)block * PEER_BLOCK, data, PEER_BLOCK);
	memcpy(p->disk[lun].medium + (size_t)block * PEER_BLOCK, data, PEER_BLOCK);
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

unsigned peer_executed(const struct peer *p, uint16_t number)
{
	return p->executed[number];
}

static bool is_at_work(const struct peer_session *s, uint16_t number)
{
	list_for_each(it, &s->tasks) {
		const struct peer_task *t = list_entry(it, struct peer_task, all);

		if (task_alive(t) && disk_number(t) == number)
			return true;
	}
	return false;
}

bool peer_at_work(const struct peer *p, uint16_t number)
{
	list_for_each(it, &p->sessions)
		if (is_at_work(list_entry(it, struct peer_session, link), number))
			return true;
	return false;
}

uint64_t peer_counter(const struct peer *p, unsigned lun)
{
	return p->disk[lun].counter;
}

const struct peer_counts *peer_counts(const struct peer *p)
{
	return &p->counts;
}

unsigned peer_faults_done(const struct peer *p)
{
	return p->faults_done;
}
