/* logout.c - see logout.h. RFC 7143 sections 11.14, 11.15. */
#include "engine/logout.h"

#include <assert.h>

#include "engine/resume.h"
#include "engine/snack.h"

#define MS UINT64_C(1000000)

static uint64_t answer_limit(const struct conn *c, uint64_t now)
{
	return now + c->shared->config->times.logout * MS;
}

/* LO-5 */
static void put_logout(struct conn *c, const struct conn_lost *who, uint32_t itt)
{
	/* Immediate for TRAP-6; and istgt does not count a numbered one. */
	struct pdu_logout_request logout = { .immediate = true, .reason = who->reason,
		.cid = who->reason == PDU_LOGOUT_SESSION ? 0 : who->cid,
		.initiator_task_tag = itt, .cmd_sn = window_current(&c->shared->window),
		.exp_stat_sn = who->exp_stat_sn };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_logout_request(bhs, &logout);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
}

/* ---------------------------------------------------------------- its own */

/* LO-11 */
void conn_logout(struct conn *c, unsigned reason, uint64_t now)
{
	if (c->over || c->state == CONN_S6_IN_LOGOUT)
		return; /* a removal after the target's own wish: the tasks under way still end first */
	if (c->state != CONN_S5_LOGGED_IN && c->state != CONN_S7_LOGOUT_REQUESTED) {
		conn_abandon(c, now);
		return;
	}
	conn_return_ready(c);
	resume_return(c);
	c->ev_wake |= window_unclaim(&c->shared->window, c->slot);
	if (reason == PDU_LOGOUT_SESSION)
		window_close(&c->shared->window); /* MCS-17 */
	c->draining = true;
	c->logout_reason = reason;
	c->wants |= WANT_LOGOUT;
	conn_enter(c, CONN_S6_IN_LOGOUT, now);
}

/* In ordering mode: istgt throws away queued commands of all connections when one logs out, so none
 * may be under way anywhere; and an immediate request must not meet later numbers. New commands stay
 * back until the connection has ended, but not what others need to end those under way. */
static bool session_rests(struct conn *c)
{
	if (!atomic_load(&c->shared->ordering) || c->logout_reason == PDU_LOGOUT_SESSION)
		return send_calm(c);
	window_drain(&c->shared->window);
	c->drains = true;
	return tags_idle(&c->shared->tags, c->slot) && send_calm(c);
}

/* What is under way ends first, and is answered. */
static bool busy(const struct conn *c)
{
	return !list_empty(&c->active) || !list_empty(&c->again) || c->requests ||
	       !list_empty(&c->managing) || c->clean.under_way || c->ring_len;
}

/* MCS-14: a number of ours that is no command would be dropped with the connection, and nobody would
 * send it again. */
static bool numbers_arrived(struct conn *c)
{
	return !c->numbered || c->logout_reason == PDU_LOGOUT_SESSION ||
	       window_await(&c->shared->window, c->slot, c->numbered_sn);
}

bool logout_send(struct conn *c, uint64_t now)
{
	uint32_t itt;

	if (busy(c) || !numbers_arrived(c) || !session_rests(c) ||
	    !tag_take(&c->shared->tags, c->slot, NULL, &itt))
		return false;
	c->logout_itt = itt;
	c->limit = answer_limit(c, now);
	put_logout(c, &(struct conn_lost){ .cid = c->cid, .reason = (uint8_t)c->logout_reason,
		.exp_stat_sn = snack_exp_stat_sn(c) }, itt);
	return true;
}

static int own_response(struct conn *c, const struct pdu_logout_response *pdu)
{
	struct fault clean = { .kind = FAULT_NONE };

	if (pdu->response) /* LO-6 */
		return conn_fail(c, FAULT_LOGOUT, pdu->response, "Logout answered with response %u",
				 pdu->response);
	/* istgt goes on throwing away commands of other connections until it has closed this one. */
	if (atomic_load(&c->shared->ordering) && c->logout_reason == PDU_LOGOUT_CONNECTION) {
		c->logged_out = true;
		return 0;
	}
	conn_end(c, &clean); /* T13 */
	return -1;
}

/* ---------------------------------------------------------------- for another connection */

static void cleaned(struct conn *c, const struct conn_cleaned *how)
{
	c->cleaned = *how;
	c->cleaned.cid = c->clean.lost.cid;
	c->ev_cleaned = true;
	c->wants &= ~(unsigned)WANT_CLEANUP;
	if (c->clean.itt) /* a late answer finds the tag stale, and is ignored */
		c->ev_wake |= tag_free(&c->shared->tags, c->clean.itt);
	c->clean = (struct conn_clean){ .under_way = false };
}

/* LO-12 */
static void cleanup_failed(struct conn *c, const struct fault *why)
{
	cleaned(c, &(struct conn_cleaned){ .fault = *why });
}

void conn_cleanup(struct conn *c, const struct conn_lost *lost, uint64_t now)
{
	struct fault why;

	(void)now;
	assert(!c->clean.under_way);
	c->clean = (struct conn_clean){ .lost = *lost, .under_way = true };
	if (c->state == CONN_S5_LOGGED_IN) {
		c->wants |= WANT_CLEANUP;
		return;
	}
	fault_set(&why, FAULT_GONE, 0, "%s:%u: not logged in, so it can't log out another connection",
		  c->host, c->port);
	cleanup_failed(c, &why);
}

/* Without the calm of ordering mode: the lost connection's numbers may be the very ones that the
 * target still waits for. */
bool logout_send_cleanup(struct conn *c, uint64_t now)
{
	uint32_t told;

	if (!c->clean.under_way)
		return true;
	if (!tag_take(&c->shared->tags, c->slot, NULL, &c->clean.itt))
		return false;
	if (!c->clean.limit)
		c->clean.limit = answer_limit(c, now);
	told = c->told_stat_sn;
	put_logout(c, &c->clean.lost, c->clean.itt);
	c->told_stat_sn = told; /* that in the PDU is of the other connection */
	return true;
}

int logout_response(struct conn *c, const uint8_t *bhs, uint64_t now)
{
	struct pdu_logout_response pdu;
	struct task *task;

	(void)now;
	pdu_get_logout_response(bhs, &pdu);
	if (c->logout_itt && pdu.initiator_task_tag == c->logout_itt)
		return own_response(c, &pdu);
	if (c->clean.itt && pdu.initiator_task_tag == c->clean.itt) {
		cleaned(c, &(struct conn_cleaned){ .response = pdu.response,
			.time2wait = pdu.time2wait, .time2retain = pdu.time2retain });
		return 0;
	}
	if (tag_find(&c->shared->tags, pdu.initiator_task_tag, c->slot, &task) == TAG_STALE)
		return 0;
	return conn_fail(c, FAULT_PROTOCOL, 0, "Logout Response that nobody asked for");
}

bool logout_rejected(struct conn *c, uint32_t itt, uint8_t reason, uint64_t now)
{
	struct fault why;

	if (c->logout_itt && itt == c->logout_itt) {
		conn_fail(c, FAULT_REFUSED, reason, "Logout rejected with reason 0x%02x", reason);
		return true;
	}
	if (!c->clean.itt || itt != c->clean.itt)
		return false;
	if (reason == PDU_REJECT_IMMEDIATE) { /* TM-14: again, within the limit of the first */
		c->ev_wake |= tag_free(&c->shared->tags, itt);
		c->clean.itt = 0;
		c->clean.after = now + CONN_AGAIN_MS * MS;
		return true;
	}
	fault_set(&why, FAULT_REFUSED, reason, "%s:%u: Logout for another connection rejected with "
		  "reason 0x%02x", c->host, c->port, reason);
	cleanup_failed(c, &why);
	return true;
}

/* ---------------------------------------------------------------- time and end */

uint64_t logout_deadline(const struct conn *c)
{
	if (c->clean.after && c->clean.after < c->clean.limit)
		return c->clean.after;
	return c->clean.limit ? c->clean.limit : ENGINE_NEVER;
}

void logout_expire(struct conn *c, uint64_t now)
{
	struct fault why;

	if (now < logout_deadline(c))
		return;
	if (now < c->clean.limit) {
		c->clean.after = 0;
		c->wants |= WANT_CLEANUP;
		return;
	}
	fault_set(&why, FAULT_TIMEOUT, 0, "%s:%u: no answer to the Logout for another connection",
		  c->host, c->port);
	cleanup_failed(c, &why);
}

void logout_end(struct conn *c, const struct fault *why)
{
	struct fault ended = *why;

	if (c->logout_itt)
		c->ev_wake |= tag_free(&c->shared->tags, c->logout_itt);
	c->logout_itt = 0;
	if (!c->clean.under_way)
		return;
	if (!ended.kind)
		fault_set(&ended, FAULT_GONE, 0, "%s:%u: logged out itself", c->host, c->port);
	cleanup_failed(c, &ended);
}
