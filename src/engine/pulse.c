/* pulse.c - see pulse.h. RFC 7143 sections 10.3, 11.18, 11.19. */
#include "engine/pulse.h"

#include "engine/snack.h"

#define MS UINT64_C(1000000)

enum {
	PULSE_FACTOR = 8,    /* round trips that an answer may take (TIM-4) */
	PULSE_WEIGHT = 8,    /* a new measurement counts one in so many */
	PULSE_ACK_MS = 100,  /* after which a status is acknowledged for itself (MCS-11) */
	PULSE_ANSWERS = 8,   /* answers put into the send queue in one round */
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---------------------------------------------------------------- what came */

void pulse_heard(struct conn *c, uint64_t now)
{
	c->heard = now;
	c->asked_at = c->ping_at = 0; /* whatever comes proves that the peer lives */
	if (c->wants & WANT_PING && !c->probe) {
		c->wants &= ~(unsigned)WANT_PING;
		if (!c->wants)
			send_calm_over(c);
	}
	if (!c->doubt_at)
		return;
	c->doubt_at = 0;
	c->ev_doubt = false;
	c->ev_trust = true;
}

void pulse_measured(struct conn *c, uint64_t took)
{
	uint64_t old = atomic_load_explicit(&c->round_trip, memory_order_relaxed);
	uint64_t new = old ? old - old / PULSE_WEIGHT + took / PULSE_WEIGHT : took;

	/* 0 means unknown */
	atomic_store_explicit(&c->round_trip, new ? new : 1, memory_order_relaxed);
}

uint64_t conn_round_trip(const struct conn *c)
{
	return atomic_load_explicit(&c->round_trip, memory_order_relaxed);
}

bool pulse_answered(struct conn *c, uint32_t itt, uint64_t now)
{
	for (unsigned i = 0; i < c->pings; i++) {
		if (c->ping[i] != itt)
			continue;
		if (c->ping_sent && c->ping_measured == itt) {
			pulse_measured(c, now - c->ping_sent);
			c->ping_sent = 0;
		}
		c->ev_wake |= tag_free(&c->shared->tags, itt);
		c->ping[i] = c->ping[--c->pings];
		send_calm_over(c);
		return true;
	}
	return false;
}

int pulse_answer(struct conn *c, uint32_t ttt, uint64_t lun)
{
	if (c->answers == CONN_ANSWERS)
		return conn_fail(c, FAULT_PROTOCOL, 0, "more than %d pings without waiting for an answer",
				 CONN_ANSWERS);
	c->answer[c->answers].ttt = ttt;
	c->answer[c->answers++].lun = lun;
	c->wants |= WANT_ANSWER;
	return 0;
}

void pulse_probe(struct conn *c)
{
	c->probe = true;
	c->wants |= WANT_PING;
}

/* ---------------------------------------------------------------- sending */

static void put_nop_out(struct conn *c, struct pdu_nop_out nop)
{
	uint8_t bhs[PDU_BHS_LEN];

	nop.exp_stat_sn = snack_exp_stat_sn(c);
	pdu_put_nop_out(bhs, &nop);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
}

static bool take_ping(struct conn *c, uint32_t *ret_itt)
{
	return c->pings < CONN_PINGS && tag_take(&c->shared->tags, c->slot, NULL, ret_itt);
}

/* NOP-3 */
static void put_ping(struct conn *c, uint32_t itt, bool immediate, uint32_t cmd_sn, uint64_t now)
{
	c->ping[c->pings++] = itt;
	if (!c->ping_sent) {
		c->ping_sent = now;
		c->ping_measured = itt;
	}
	put_nop_out(c, (struct pdu_nop_out){ .immediate = immediate, .initiator_task_tag = itt,
		.target_transfer_tag = PDU_NO_TAG, .cmd_sn = cmd_sn });
}

static void put_immediate_ping(struct conn *c, uint32_t itt, uint64_t now)
{
	put_ping(c, itt, true, window_current(&c->shared->window), now);
	c->probe = false;
	c->wants &= ~(unsigned)WANT_PING;
}

bool pulse_send_ping(struct conn *c, uint64_t now)
{
	uint32_t itt;

	if (!send_calm(c) || !take_ping(c, &itt))
		return false;
	put_immediate_ping(c, itt, now);
	return true;
}

bool pulse_send_numbered(struct conn *c, uint64_t now)
{
	uint32_t itt, cmd_sn;

	if (!send_calm(c) || !window_look(&c->shared->window, c->slot) || !take_ping(c, &itt))
		return false;
	if (!window_take(&c->shared->window, c->slot, &cmd_sn)) {
		c->ev_wake |= tag_free(&c->shared->tags, itt);
		return false;
	}
	c->numbered = true;
	c->numbered_sn = cmd_sn;
	put_ping(c, itt, false, cmd_sn, now);
	return true;
}

/* The oldest of them, as many as go now. NOP-1, NOP-2 */
static void put_answers(struct conn *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put_nop_out(c, (struct pdu_nop_out){ .immediate = true, .lun = c->answer[i].lun,
			.initiator_task_tag = PDU_NO_TAG, .target_transfer_tag = c->answer[i].ttt,
			.cmd_sn = window_current(&c->shared->window) });
	c->answers -= n;
	for (unsigned i = 0; i < c->answers; i++)
		c->answer[i] = c->answer[i + n];
}

/* They have no answer of their own; in ordering mode a ping behind them tells when the target has
 * taken them. */
bool pulse_send_answers(struct conn *c, uint64_t now)
{
	bool ordering = atomic_load(&c->shared->ordering);
	unsigned n = send_room(c) - 1;
	uint32_t itt;

	if (!send_calm(c) || (ordering && !take_ping(c, &itt)))
		return false;
	if (n > PULSE_ANSWERS)
		n = PULSE_ANSWERS;
	put_answers(c, n < c->answers ? n : c->answers);
	if (ordering)
		put_immediate_ping(c, itt, now);
	else
		send_calm_over(c); /* the mode may have changed while it waited */
	return !c->answers;
}

/* True if something was sent that is still to be answered. */
static bool waits(const struct conn *c)
{
	return !list_empty(&c->active) || c->pings || c->logout_itt || c->requests || c->clean.itt ||
	       c->text_op;
}

void pulse_left(struct conn *c, uint64_t now)
{
	if (!c->asked_at && waits(c))
		c->asked_at = now;
}

/* ---------------------------------------------------------------- time */

/* How long an answer may take before the path is doubted. */
static uint64_t patience(const struct conn *c)
{
	const struct session_times *times = &c->shared->config->times;
	uint64_t trips = conn_round_trip(c) * PULSE_FACTOR;

	return later(sooner(trips, times->ping_wait * MS), times->doubt * MS);
}

/* A connection whose tasks end before it is logged out is watched as well: one that is dead holds
 * up the whole session. */
static bool watched(const struct conn *c)
{
	return c->state == CONN_S5_LOGGED_IN || c->state == CONN_S7_LOGOUT_REQUESTED ||
	       (c->state == CONN_S6_IN_LOGOUT && !c->logout_itt);
}

/* When the silence of the target has lasted too long. */
static uint64_t silence_deadline(const struct conn *c)
{
	const struct session_times *times = &c->shared->config->times;

	if (c->ping_at)
		return times->ping_wait ? c->ping_at + times->ping_wait * MS : ENGINE_NEVER;
	return times->ping_idle ? c->heard + times->ping_idle * MS : ENGINE_NEVER;
}

/* When requests have waited for a patience. Without one that left since the target was heard last,
 * it is asked first: a long command is no reason for a doubt. */
static uint64_t doubt_deadline(const struct conn *c)
{
	if (!c->shared->config->times.doubt || !waits(c))
		return ENGINE_NEVER;
	if (c->asked_at)
		return later(later(c->heard, c->asked_at), c->doubt_at) + patience(c);
	return c->ping_at ? ENGINE_NEVER : c->heard + patience(c);
}

/* MCS-11, ST-7: with a fence the target holds back responses until this one is acknowledged
 * (MCS-12). */
static uint64_t ack_deadline(const struct conn *c)
{
	if (c->params.task_reporting == KEYS_RFC3720 || c->answers ||
	    c->told_stat_sn == snack_exp_stat_sn(c))
		return ENGINE_NEVER;
	return c->heard + PULSE_ACK_MS * MS;
}

uint64_t pulse_deadline(const struct conn *c)
{
	if (!watched(c))
		return ENGINE_NEVER;
	return sooner(silence_deadline(c), sooner(doubt_deadline(c), ack_deadline(c)));
}

static int silence_expire(struct conn *c, uint64_t now)
{
	if (c->wants & WANT_PING && window_paused(&c->shared->window, c->slot)) {
		c->ping_at = now; /* another connection's turn: it has a limit of its own */
		return 0;
	}
	if (c->ping_at)
		return conn_fail(c, FAULT_TIMEOUT, 0, "no answer to a NOP-Out ping"); /* NOP-6 */
	c->ping_at = now;
	if (c->pings < CONN_PINGS)
		c->wants |= WANT_PING;
	send_rest(c);
	return 0;
}

static void doubt_expire(struct conn *c, uint64_t now)
{
	if (c->asked_at) {
		c->doubt_at = now;
		c->ev_doubt = true;
	}
	if (!c->pings)
		c->wants |= WANT_PING;
	else if (!c->asked_at)
		c->asked_at = now; /* the ping that is out shall be answered now */
	if (!c->ping_at)
		c->ping_at = now;
}

int pulse_expire(struct conn *c, uint64_t now)
{
	if (!watched(c))
		return 0;
	if (now >= silence_deadline(c))
		return silence_expire(c, now);
	if (now >= doubt_deadline(c))
		doubt_expire(c, now);
	if (now >= ack_deadline(c))
		return pulse_answer(c, PDU_NO_TAG, 0);
	return 0;
}

void pulse_end(struct conn *c)
{
	while (c->pings)
		c->ev_wake |= tag_free(&c->shared->tags, c->ping[--c->pings]);
	c->answers = 0;
	c->ev_doubt = c->ev_trust = false;
}
