/*
 * send.c - the send queue of a connection: what goes out, in which order, and with which numbers.
 *
 * Numbers are taken only when the previous batch left whole, so nothing numbered waits behind a
 * full socket (MCS-8, SN-6). Not here: what the PDUs mean.
 */
#include "engine/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/digest.h"

static bool digests_on(const struct conn *c)
{
	return c->state != CONN_S4_IN_LOGIN; /* LOG-10, TRAP-10 */
}

void send_pdu(struct conn *c, uint8_t bhs[PDU_BHS_LEN], const uint8_t *data, uint32_t len,
	      uint8_t *owned, struct task *task)
{
	struct conn_out *out = &c->ring[(c->ring_head + c->ring_len) % CONN_RING];
	unsigned pad = pdu_pad(len);

	assert(c->ring_len < CONN_RING);
	c->ring_len++;
	bytes_put24(bhs + 5, len);
	memcpy(out->header, bhs, PDU_BHS_LEN);
	out->header_len = PDU_BHS_LEN;
	if (digests_on(c) && c->params.header_digest) {
		digest_put(out->header + PDU_BHS_LEN, digest_of(bhs, PDU_BHS_LEN));
		out->header_len += DIGEST_LEN;
	}
	out->data = data;
	out->data_len = len;
	out->owned = owned;
	out->task = task;
	memset(out->tail, 0, sizeof(out->tail));
	out->tail_len = (uint8_t)pad;
	if (len && digests_on(c) && c->params.data_digest) {
		uint32_t crc = digest_add(digest_add(digest_start(), data, len), out->tail, pad);

		digest_put(out->tail + pad, digest_finish(crc));
		out->tail_len = (uint8_t)(pad + DIGEST_LEN);
	}
	if (task)
		task->lent++;
	conn_count(&c->counters.pdus_out, 1);
}

/* The oldest PDU left, or will never leave. */
static void drop_head(struct conn *c)
{
	struct conn_out *out = &c->ring[c->ring_head];

	free(out->owned);
	out->owned = NULL;
	out->task = NULL;
	c->ring_head = (c->ring_head + 1) % CONN_RING;
	c->ring_len--;
	c->head_sent = 0;
}

void send_reset(struct conn *c)
{
	while (c->ring_len)
		drop_head(c);
}

bool send_number(struct conn *c, bool *ret_immediate, uint32_t *ret_cmd_sn)
{
	struct window *w = &c->shared->window;

	*ret_immediate = !atomic_load(&c->shared->ordering);
	/* Commands are sorted by such targets, these are not: all earlier numbers must have arrived. */
	if (!*ret_immediate &&
	    (!window_pause(w, c->slot) || !window_take(w, c->slot, ret_cmd_sn)))
		return false;
	if (*ret_immediate)
		*ret_cmd_sn = window_current(w);
	c->ev_wake |= window_resume(w, c->slot);
	return true;
}

static void put_nop_out(struct conn *c, const struct pdu_nop_out *nop)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_out(bhs, nop);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
}

/* In ordering mode an immediate request may leave only when the target has seen all numbers given
 * out, and no new one may overtake it on another connection. So the pause is taken before it and
 * kept until its answer has come. */
static bool calm(struct conn *c)
{
	return !atomic_load(&c->shared->ordering) || window_pause(&c->shared->window, c->slot);
}

void send_calm_over(struct conn *c)
{
	if (!c->pings && !c->logout_itt)
		c->ev_wake |= window_resume(&c->shared->window, c->slot);
}

static bool take_ping(struct conn *c, uint32_t *ret_itt)
{
	if (c->pings == CONN_PINGS || !tag_take(&c->shared->tags, c->slot, NULL, ret_itt))
		return false;
	c->ping[c->pings++] = *ret_itt;
	return true;
}

static void put_ping(struct conn *c, uint32_t itt)
{
	put_nop_out(c, &(struct pdu_nop_out){ .immediate = true, .initiator_task_tag = itt,
		.target_transfer_tag = PDU_NO_TAG, .cmd_sn = window_current(&c->shared->window),
		.exp_stat_sn = c->exp_stat_sn });
}

/* NOP-3 */
static bool send_ping(struct conn *c)
{
	uint32_t itt;

	if (!calm(c) || !take_ping(c, &itt))
		return false;
	put_ping(c, itt);
	return true;
}

static void put_answers(struct conn *c)
{
	for (unsigned i = 0; i < c->answers; i++)
		put_nop_out(c, &(struct pdu_nop_out){ .immediate = true, .lun = c->answer[i].lun,
			.initiator_task_tag = PDU_NO_TAG, .target_transfer_tag = c->answer[i].ttt,
			.cmd_sn = window_current(&c->shared->window), .exp_stat_sn = c->exp_stat_sn });
	c->answers = 0;
}

/* NOP-1, NOP-2. They have no answer of their own; in ordering mode a ping behind them tells when the
 * target has taken them. */
static bool send_answers(struct conn *c)
{
	bool ordering = atomic_load(&c->shared->ordering);
	uint32_t itt;

	if (!calm(c) || (ordering && !take_ping(c, &itt)))
		return false;
	put_answers(c);
	if (ordering)
		put_ping(c, itt);
	else
		send_calm_over(c); /* the mode may have changed while it waited */
	return true;
}

/* In ordering mode: istgt throws away queued commands of all connections when one logs out, so none
 * may be under way anywhere; and an immediate request must not meet later numbers. The pause lasts
 * until the connection has ended. */
static bool session_rests(struct conn *c)
{
	if (!calm(c))
		return false;
	return !atomic_load(&c->shared->ordering) || c->logout_reason == PDU_LOGOUT_SESSION ||
	       tags_idle(&c->shared->tags, c->slot);
}

static bool send_logout(struct conn *c)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_logout_request logout = { .reason = (uint8_t)c->logout_reason, .cid = c->cid,
		.exp_stat_sn = c->exp_stat_sn };
	uint32_t itt;

	if (!list_empty(&c->active) || c->ring_len)
		return false; /* the tasks under way end first */
	if (!session_rests(c) || !tag_take(&c->shared->tags, c->slot, NULL, &itt))
		return false;
	logout.immediate = true; /* istgt does not count a numbered one */
	logout.cmd_sn = window_current(&c->shared->window);
	logout.initiator_task_tag = c->logout_itt = itt;
	if (c->logout_reason == PDU_LOGOUT_SESSION)
		logout.cid = 0;
	pdu_put_logout_request(bhs, &logout);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
	return true;
}

static const struct {
	enum conn_want want;
	bool (*send)(struct conn *c); /* false: not now */
} requests[] = {
	{ WANT_ANSWER, send_answers },
	{ WANT_PING, send_ping },
	{ WANT_TEXT, text_op_send },
	{ WANT_LOGOUT, send_logout },
};

/* Commands stay back while a pause is waited for: a new number would put it off for ever. */
static bool send_requests(struct conn *c)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (c->wants & requests[i].want && requests[i].send(c))
			c->wants &= ~(unsigned)requests[i].want;
	return !(c->wants && atomic_load(&c->shared->ordering));
}

static void send_commands(struct conn *c, size_t *batch)
{
	while (*batch < CONN_BATCH && c->ring_len < CONN_RING_DATA && !list_empty(&c->ready)) {
		struct task *task = list_entry(c->ready.next, struct task, link);

		if (!data_send_command(c, task))
			return;
		*batch += PDU_BHS_LEN + task->sent;
		data_send_out(c, batch); /* unsolicited data follow their command (MCS-16) */
	}
}

/* LO-2: nothing follows a Logout. A number taken after it would never arrive, and all behind it
 * would wait for ever (TRAP-8). */
static bool may_produce(const struct conn *c)
{
	return (c->state == CONN_S5_LOGGED_IN || c->state == CONN_S6_IN_LOGOUT ||
		c->state == CONN_S7_LOGOUT_REQUESTED) && !c->logout_itt;
}

static void produce(struct conn *c)
{
	size_t batch = 0;

	if (!may_produce(c))
		return;
	data_send_out(c, &batch);
	if (!send_requests(c) || c->state != CONN_S5_LOGGED_IN) /* AS-2, LO-2 */
		return;
	send_commands(c, &batch);
}

bool conn_wants_send(const struct conn *c)
{
	return !c->over && (c->ring_len || c->wants || !list_empty(&c->ready) ||
			    !list_empty(&c->data));
}

static unsigned add_iov(struct iovec *iov, unsigned n, const uint8_t *p, size_t len, size_t *skip)
{
	if (*skip >= len) {
		*skip -= len;
		return n;
	}
	iov[n].iov_base = (void *)(uintptr_t)(p + *skip);
	iov[n].iov_len = len - *skip;
	*skip = 0;
	return n + 1;
}

unsigned conn_pending(struct conn *c, struct iovec *iov, unsigned max, uint64_t now)
{
	size_t skip = c->head_sent;
	bool logging_out = c->logout_itt;
	unsigned n = 0;

	if (c->over)
		return 0;
	if (!c->ring_len)
		produce(c);
	if (c->logout_itt && !logging_out)
		c->limit = now + c->shared->config->times.logout * UINT64_C(1000000);
	for (unsigned i = 0; i < c->ring_len && n + 3 <= max; i++) {
		struct conn_out *out = &c->ring[(c->ring_head + i) % CONN_RING];

		n = add_iov(iov, n, out->header, out->header_len, &skip);
		n = add_iov(iov, n, out->data, out->data_len, &skip);
		n = add_iov(iov, n, out->tail, out->tail_len, &skip);
	}
	return n;
}

static void data_left(struct conn *c, struct task *task)
{
	if (!task)
		return;
	task->lent--;
	if (!task->lent && task->state)
		conn_task_returned(c, task);
}

void conn_sent(struct conn *c, size_t n, uint64_t now)
{
	(void)now;
	conn_count(&c->counters.bytes_out, n);
	n += c->head_sent;
	while (c->ring_len) {
		struct conn_out *out = &c->ring[c->ring_head];
		size_t len = (size_t)out->header_len + out->data_len + out->tail_len;
		struct task *task = out->task;

		if (n < len)
			break;
		n -= len;
		if (task)
			conn_count(&c->counters.data_out, out->data_len);
		drop_head(c);
		data_left(c, task);
	}
	c->head_sent = n;
}
