/*
 * send.c - the send queue of a connection: what goes out, in which order, and with which numbers.
 *
 * Numbers are taken only when the previous batch left whole, so nothing numbered waits behind a
 * full socket (MCS-8, SN-6). Not here: what the PDUs mean.
 */
#include "engine/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/logout.h"
#include "engine/manage.h"
#include "engine/pulse.h"
#include "engine/resume.h"
#include "engine/snack.h"
#include "proto/digest.h"

/* ---------------------------------------------------------------- the queue */

static bool digests_on(const struct conn *c)
{
	return c->state != CONN_S4_IN_LOGIN; /* LOG-10, TRAP-10 */
}

/* Without memory the old one stays. Headers have room for one more than the ring can hold: what
 * send_header skips at the end is less than that. */
static int set_ring(struct conn *c, unsigned room)
{
	struct conn_out *ring = malloc(room * sizeof(*ring) + (room + 1) * CONN_HEADER);

	assert(!c->ring_len);
	if (!ring)
		return -ENOMEM;
	free(c->ring);
	c->ring = ring;
	c->headers = (uint8_t *)(ring + room);
	c->ring_room = room;
	c->ring_head = 0;
	return 0;
}

int send_start(struct conn *c)
{
	return set_ring(c, CONN_RING_IDLE);
}

void send_rest(struct conn *c)
{
	if (c->ring_room == CONN_RING && !c->ring_len)
		set_ring(c, CONN_RING_IDLE);
}

/* Nothing is lent then, so it can move. */
static void grow_ring(struct conn *c)
{
	bool works = !list_empty(&c->ready) || !list_empty(&c->data) || !list_empty(&c->again);

	if (c->ring_room < CONN_RING && works)
		set_ring(c, CONN_RING);
}

unsigned send_room(const struct conn *c)
{
	return c->ring_room - c->ring_len;
}

bool send_data_room(const struct conn *c)
{
	return c->ring_len + CONN_RING_SPARE < c->ring_room;
}

static struct conn_out *ring_at(const struct conn *c, unsigned i)
{
	unsigned at = c->ring_head + i;

	return &c->ring[at < c->ring_room ? at : at - c->ring_room];
}

/* Headers lie close together, so that those of PDUs without data leave as one piece. */
uint8_t *send_header(struct conn *c)
{
	if (!c->ring_len || c->headers_end > c->ring_room * CONN_HEADER)
		c->headers_end = 0;
	return c->headers + c->headers_end;
}

/* The header digest covers the additional header segments (PDU-1, DIG-1). */
static void put_header(struct conn *c, struct conn_out *out, const uint8_t bhs[PDU_BHS_LEN])
{
	uint32_t crc;

	if (bhs != out->header)
		memcpy(out->header, bhs, PDU_BHS_LEN);
	out->header_len = PDU_BHS_LEN;
	if (!digests_on(c) || !c->params.header_digest)
		return;
	if (!out->ahs_len) {
		digest_put(out->header + PDU_BHS_LEN, digest_of(out->header, PDU_BHS_LEN));
		out->header_len += DIGEST_LEN;
		return;
	}
	crc = digest_add(digest_add(digest_start(), bhs, PDU_BHS_LEN), out->ahs, out->ahs_len);
	digest_put(out->ahs + out->ahs_len, digest_finish(crc));
	out->ahs_len += DIGEST_LEN;
}

static void put_tail(struct conn *c, struct conn_out *out, const uint8_t *data, uint32_t len)
{
	unsigned pad = pdu_pad(len);

	memset(out->tail, 0, sizeof(out->tail));
	out->tail_len = (uint8_t)pad;
	if (len && digests_on(c) && c->params.data_digest) {
		uint32_t crc = digest_add(digest_add(digest_start(), data, len), out->tail, pad);

		digest_put(out->tail + pad, digest_finish(crc));
		out->tail_len = (uint8_t)(pad + DIGEST_LEN);
	}
}

/* The next free entry, with all but what it owns. */
static struct conn_out *put(struct conn *c, uint8_t bhs[PDU_BHS_LEN], uint8_t *ahs, size_t ahs_len,
			    const uint8_t *data, uint32_t len)
{
	struct conn_out *out = ring_at(c, c->ring_len);

	assert(c->ring_len < c->ring_room);
	bhs[4] = (uint8_t)(ahs_len / 4);
	bytes_put24(bhs + 5, len);
	*out = (struct conn_out){ .header = send_header(c), .ahs = ahs, .ahs_len = (uint16_t)ahs_len,
		.data = data, .data_len = len };
	put_header(c, out, bhs);
	c->headers_end += out->header_len;
	c->ring_len++;
	put_tail(c, out, data, len);
	c->told_stat_sn = bytes_get32(bhs + 28); /* ExpStatSN is at the same place in all requests */
	conn_count(&c->counters.pdus_out, 1);
	return out;
}

static void lend(struct conn_out *out, struct task *task)
{
	out->task = task;
	if (task)
		task->lent++;
}

void send_pdu(struct conn *c, uint8_t bhs[PDU_BHS_LEN], const uint8_t *data, uint32_t len,
	      uint8_t *owned, struct task *task)
{
	struct conn_out *out = put(c, bhs, NULL, 0, data, len);

	out->owned = owned;
	lend(out, task);
}

void send_command_pdu(struct conn *c, uint8_t bhs[PDU_BHS_LEN], uint8_t *ahs, size_t ahs_len,
		      const uint8_t *data, uint32_t len, struct task *task)
{
	assert(ahs_len % 4 == 0 && ahs_len <= PDU_AHS_MAX);
	lend(put(c, bhs, ahs, ahs_len, data, len), task);
}

/* The oldest PDU left, or will never leave. */
static void drop_head(struct conn *c)
{
	struct conn_out *out = &c->ring[c->ring_head];

	free(out->ahs);
	free(out->owned);
	out->ahs = out->owned = NULL;
	out->task = NULL;
	c->head_sent = 0;
	if (!--c->ring_len || ++c->ring_head == c->ring_room)
		c->ring_head = 0; /* the memory that was used last is the nearest */
}

void send_reset(struct conn *c)
{
	while (c->ring_len)
		drop_head(c);
}

/* ---------------------------------------------------------------- numbers */

/* WIN-5 */
bool send_number(struct conn *c, bool *ret_immediate, uint32_t *ret_cmd_sn)
{
	struct window *w = &c->shared->window;

	*ret_immediate = !atomic_load(&c->shared->ordering);
	/* Commands are sorted by such targets, these are not: all earlier numbers must have
	 * arrived. */
	if (!*ret_immediate &&
	    (!window_pause(w, c->slot) || !window_take(w, c->slot, ret_cmd_sn)))
		return false;
	if (*ret_immediate) {
		*ret_cmd_sn = window_current(w);
	} else {
		c->numbered = true;
		c->numbered_sn = *ret_cmd_sn;
	}
	c->ev_wake |= window_resume(w, c->slot);
	return true;
}

/* In ordering mode an immediate request may leave only when the target has seen all numbers given
 * out, and no new one may overtake it on another connection. So the pause is taken before it and
 * kept until its answer has come. */
bool send_calm(struct conn *c)
{
	return !atomic_load(&c->shared->ordering) || window_pause(&c->shared->window, c->slot);
}

static bool request_under_way(const struct conn *c)
{
	for (unsigned i = 0; i < c->requests; i++)
		if (c->request[i].itt)
			return true;
	return false;
}

void send_calm_over(struct conn *c)
{
	if (!c->pings && !c->logout_itt && !request_under_way(c))
		c->ev_wake |= window_resume(&c->shared->window, c->slot);
}

/* ---------------------------------------------------------------- what goes out */

static bool send_text(struct conn *c, uint64_t now)
{
	(void)now;
	return text_op_send(c);
}

static bool send_snacks(struct conn *c, uint64_t now)
{
	(void)now;
	return snack_send(c);
}

/* A ping goes behind the SNACKs, so that its answer comes behind what they ask for. */
static const struct {
	enum conn_want want;
	bool (*send)(struct conn *c, uint64_t now); /* false: not all of it now */
} requests[] = {
	{ WANT_ANSWER, pulse_send_answers },
	{ WANT_SNACK, send_snacks },
	{ WANT_PING, pulse_send_ping },
	{ WANT_CLEANUP, logout_send_cleanup },
	{ WANT_MANAGE, manage_send },
	{ WANT_NUMBER, pulse_send_numbered },
	{ WANT_TEXT, send_text },
	{ WANT_LOGOUT, logout_send },
};

enum { REQUEST_ROOM = 2 }; /* PDUs that one request may need at least */

/* Commands stay back while a pause is waited for: a new number would put it off for ever. And a pause
 * that nobody needs any more ends here: what it was taken for may have been settled without it. */
static bool send_requests(struct conn *c, uint64_t now)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (c->wants & requests[i].want && send_room(c) >= REQUEST_ROOM &&
		    requests[i].send(c, now))
			c->wants &= ~(unsigned)requests[i].want;
	if (!c->wants)
		send_calm_over(c);
	return !(c->wants && atomic_load(&c->shared->ordering));
}

/* SN-5, SN-6, MCS-8 */
static void send_commands(struct conn *c, size_t *batch, uint64_t now)
{
	while (*batch < c->batch_limit && send_data_room(c) && !list_empty(&c->ready)) {
		struct task *task = list_entry(c->ready.next, struct task, link);

		if (!data_send_command(c, task, now))
			return;
		c->ready_len--;
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

/* The habits of the target may have been learned meanwhile. */
static void follow_habits(struct conn *c)
{
	struct window *w = &c->shared->window;
	bool one_holder = atomic_load(&c->shared->one_holder);

	if (one_holder != window_one_holder(w))
		c->ev_wake |= window_set_one_holder(w, one_holder);
}

/* What fills holes comes before what may wait until there is none. */
static void produce(struct conn *c, uint64_t now)
{
	size_t batch = 0;

	if (!may_produce(c))
		return;
	follow_habits(c);
	grow_ring(c);
	data_send_out(c, &batch);
	resume_send(c, &batch, now);
	if (!send_requests(c, now) || c->state != CONN_S5_LOGGED_IN) /* AS-2, LO-2 */
		return;
	send_commands(c, &batch, now);
	c->batch_full = batch >= c->batch_limit;
}

uint32_t conn_room(const struct conn *c)
{
	return window_room(&c->shared->window);
}

bool conn_wants_send(const struct conn *c)
{
	return !c->over && (c->ring_len || c->wants || !list_empty(&c->ready) ||
			    !list_empty(&c->again) || !list_empty(&c->data));
}

/* ---------------------------------------------------------------- doors */

static unsigned add_iov(struct iovec *iov, unsigned n, const uint8_t *p, size_t len, size_t *skip)
{
	struct iovec *last = n ? &iov[n - 1] : NULL;

	if (*skip >= len) {
		*skip -= len;
		return n;
	}
	p += *skip;
	len -= *skip;
	*skip = 0;
	if (last && (uint8_t *)last->iov_base + last->iov_len == p) {
		last->iov_len += len;
		return n;
	}
	iov[n] = (struct iovec){ (void *)(uintptr_t)p, len };
	return n + 1;
}

enum { PARTS = 4 }; /* most entries of one PDU */

unsigned conn_pending(struct conn *c, struct iovec *iov, unsigned max, uint64_t now)
{
	size_t skip = c->head_sent;
	unsigned n = 0;

	if (c->over)
		return 0;
	if (!c->ring_len)
		produce(c, now);
	for (unsigned i = 0; i < c->ring_len && n + PARTS <= max; i++) {
		struct conn_out *out = ring_at(c, i);

		n = add_iov(iov, n, out->header, out->header_len, &skip);
		n = add_iov(iov, n, out->ahs, out->ahs_len, &skip);
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
	if (!task->lent && (task->state == TASK_ENDED || task->state == TASK_ADRIFT))
		conn_task_returned(c, task);
}

/* Numbers shall not wait behind a full socket (MCS-8), but one that takes all at once is given more, so
 * that large writes cost fewer calls. */
static void follow_socket(struct conn *c)
{
	if (c->ring_len)
		c->batch_limit = CONN_BATCH;
	else if (c->batch_full && c->batch_limit < CONN_BATCH_MAX)
		c->batch_limit *= 2;
	c->batch_full = false;
}

void conn_sent(struct conn *c, size_t n, uint64_t now)
{
	conn_count(&c->counters.bytes_out, n);
	n += c->head_sent;
	while (c->ring_len) {
		struct conn_out *out = &c->ring[c->ring_head];
		size_t len = (size_t)out->header_len + out->ahs_len + out->data_len + out->tail_len;
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
	follow_socket(c);
	pulse_left(c, now);
}
