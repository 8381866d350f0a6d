/*
 * number.c - what the numbers of a request say: CmdSN with the window, holes, retries and duplicates,
 * and ExpStatSN (RFC 7143 sections 4.2.2.1, 4.2.2.2, 7.2.1, 7.3).
 */
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

static struct peer_past *past_of(struct peer_session *s, uint32_t cmd_sn)
{
	return &s->past[cmd_sn % PEER_PAST];
}

static void remember(struct peer_conn *c, const uint8_t *bhs, bool thrown)
{
	uint32_t cmd_sn = bytes_get32(bhs + 24);
	struct peer_past *p = past_of(c->session, cmd_sn);
	bool seen = p->used && p->cmd_sn == cmd_sn && p->seen;

	*p = (struct peer_past){ .used = true, .thrown = thrown, .cmd_sn = cmd_sn,
		.serial = c->serial, .seen = seen || (!thrown && pdu_opcode(bhs) == PDU_SCSI_COMMAND) };
	memcpy(p->bhs, bhs, PDU_BHS_LEN);
	if (!c->numbered || sn_gt(cmd_sn, c->last_cmd_sn))
		c->last_cmd_sn = cmd_sn;
	c->numbered = true;
}

void number_thrown(struct peer_conn *c, const uint8_t *bhs)
{
	const struct peer_past *p = past_of(c->session, bytes_get32(bhs + 24));

	if (!p->used || p->cmd_sn != bytes_get32(bhs + 24) || p->thrown)
		remember(c, bhs, true);
}

void number_dropped(struct peer_session *s, uint32_t cmd_sn)
{
	struct peer_past *p = past_of(s, cmd_sn);

	if (p->used && p->cmd_sn == cmd_sn)
		p->thrown = true;
}

void number_plugged(struct peer_session *s, uint32_t cmd_sn)
{
	struct peer_past *p = past_of(s, cmd_sn);

	if (p->used && p->cmd_sn == cmd_sn) {
		p->thrown = true;
		return;
	}
	*p = (struct peer_past){ .used = true, .thrown = true, .cmd_sn = cmd_sn };
	memset(p->bhs, 0xff, sizeof(p->bhs)); /* no tag */
}

/* RT-2, without ExpStatSN and the length of what comes along. */
static bool same_content(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 5) == 0 && memcmp(a + 8, b + 8, 20) == 0 && memcmp(a + 32, b + 32, 16) == 0;
}

/* Its connection lives, or was not logged out. */
static bool still_allegiant(struct peer_session *s, uint32_t serial)
{
	list_for_each(it, &s->conns)
		if (list_entry(it, struct peer_conn, session_link)->serial == serial)
			return true;
	list_for_each(it, &s->lost) {
		const struct peer_lost *lost = list_entry(it, struct peer_lost, link);

		if (lost->serial == serial && !lost->cleaned)
			return true;
	}
	return false;
}

/* The number came before. */
static bool again(struct peer_conn *c, const uint8_t *bhs, const struct peer_past *p)
{
	struct peer_session *s = c->session;
	bool same_tag = bytes_get32(bhs + 16) == bytes_get32(p->bhs + 16);

	if (!s->params.level) {
		peer_note(s->peer, "CmdSN %u came twice", p->cmd_sn);
		return false;
	}
	if (p->serial != c->serial && still_allegiant(s, p->serial))
		conn_violation(c, "a request of another connection that was not logged out"); /* MCS-15 */
	else if ((same_tag || !p->thrown) && !same_content(bhs, p->bhs))
		conn_violation(c, "a number again with another request"); /* RT-2 */
	else if (!p->thrown && p->serial != c->serial)
		conn_violation(c, "sent again though it was acknowledged"); /* RA-11, RT-4 */
	else if (!p->thrown && !s->peer->options.needless_repeats)
		conn_violation(c, "sent again though nothing of it was lost"); /* RT-1 */
	if (c->closing)
		return false;
	if (!p->thrown || sn_lt(p->cmd_sn, s->exp_cmd_sn)) {
		s->peer->counts.duplicates++;
		if (p->thrown)
			task_dead(c, bytes_get32(bhs + 16), bytes_get64(bhs + 8), DEAD_ENDED);
		return false;
	}
	s->peer->counts.retries++;
	return true;
}

/* A number that never came. */
static bool first_time(struct peer_conn *c, const uint8_t *bhs, uint32_t cmd_sn)
{
	struct peer_session *s = c->session;

	if (sn_lt(cmd_sn, s->exp_cmd_sn) && s->plugged && sn_lt(cmd_sn, s->plugged_to)) {
		task_dead(c, bytes_get32(bhs + 16), bytes_get64(bhs + 8), DEAD_ENDED);
		s->peer->counts.duplicates++;
		return false;
	}
	if (sn_lt(cmd_sn, s->exp_cmd_sn) || sn_gt(cmd_sn, s->max_cmd_sn)) {
		peer_note(s->peer, "CmdSN %u outside the window %u to %u", cmd_sn, s->exp_cmd_sn,
			  s->max_cmd_sn);
		return false;
	}
	if (c->numbered && !sn_gt(cmd_sn, c->last_cmd_sn)) {
		if (!s->cleaned || sn_gt(cmd_sn, s->cleaned_max))
			peer_note(s->peer, "connection %u: CmdSN does not rise", c->cid);
		else
			s->peer->counts.retries++;
	}
	return true;
}

void number_acknowledged(struct peer_conn *c, uint32_t exp_stat_sn)
{
	if (sn_gt(exp_stat_sn, c->stat_sn) || sn_lt(exp_stat_sn, c->exp_stat_sn)) {
		conn_violation(c, "ExpStatSN that can't be");
		return;
	}
	c->exp_stat_sn = exp_stat_sn;
	kept_acknowledged(c, exp_stat_sn);
}

/* The connection with that CID began before this one. A Logout that was long on its way may find a new one
 * under the CID of the old. */
static bool is_older(struct peer_session *s, uint16_t cid, uint32_t serial)
{
	const struct peer_conn *living = session_conn(s, cid);
	const struct peer_lost *lost = recovery_find(s, cid);

	return living ? living->serial < serial : lost && lost->serial < serial;
}

/* LO-5: a Logout tells the last ExpStatSN of the connection that is to be closed, even if that is another
 * one. */
static bool of_other(struct peer_conn *c, const uint8_t *bhs)
{
	struct peer_session *s = c->session;
	struct pdu_logout_request r;

	if (pdu_opcode(bhs) != PDU_LOGOUT_REQUEST)
		return false;
	pdu_get_logout_request(bhs, &r);
	if (r.reason == PDU_LOGOUT_SESSION || r.cid == c->cid)
		return false;
	if (is_older(s, r.cid, c->serial) && !recovery_stat_fits(s, r.cid, r.exp_stat_sn))
		conn_violation(c, "a Logout without the last ExpStatSN of the connection that it closes");
	return true;
}

bool number_check(struct peer_conn *c, const uint8_t *bhs, bool *ret_seen)
{
	struct peer_session *s = c->session;
	uint32_t cmd_sn = bytes_get32(bhs + 24);
	const struct peer_past *p = past_of(s, cmd_sn);
	bool known = p->used && p->cmd_sn == cmd_sn;

	*ret_seen = false;
	if (!of_other(c, bhs))
		number_acknowledged(c, bytes_get32(bhs + 28));
	if (pdu_immediate(bhs)) {
		/* No rule of the RFC: the initiator finds a closed connection, and must not. */
		if (s->peer->options.strict_immediate && cmd_sn != s->exp_cmd_sn)
			conn_close(c);
		return !c->closing;
	}
	if (s->peer->options.strict_numbers && cmd_sn != s->exp_cmd_sn)
		conn_close(c);
	if (c->closing || (known ? !again(c, bhs, p) : !first_time(c, bhs, cmd_sn)))
		return false;
	*ret_seen = known && p->seen;
	remember(c, bhs, false);
	return true;
}
