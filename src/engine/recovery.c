/*
 * recovery.c - session reinstatement (RFC 7143 sections 7.1.4.4, 7.15; REC-1, REC-2): a login with the
 * same ISID and TSIH 0, then all connections again. At recovery level 0 it follows the loss of any
 * connection, above it what cleanup.c can't repair. Also the clock of a session.
 */
#include "engine/session.h"

#include <errno.h>

enum { RECOVERY_HASTE = 4 }; /* part of the login's time that one portal gets at first */

/* TOL-7 */
void recovery_abandon_all(struct session *s)
{
	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);

		if (m->conn)
			session_add_event(s, SESSION_EVENT_ABANDON)->conn = m->conn;
	}
}

/* Time2Wait, unless it is known what the target needs. */
uint64_t recovery_rest(const struct session *s)
{
	bool known = s->config.rest != ENGINE_TIME2WAIT;

	return (known ? s->config.rest : s->params.default_time2wait * UINT64_C(1000)) * MS;
}

void recovery_down(struct session *s, const struct fault *why, uint64_t now)
{
	struct session_event *ev = session_add_event(s, SESSION_EVENT_DOWN);

	ev->fault = *why;
	if (!why->kind)
		fault_set(&ev->fault, FAULT_CLOSED, 0, "its last connection was logged out");
	s->hold_until = now + s->config.times.hold * MS;
	s->failed = false;
	s->attempt = 0;
}

/* What was lost is settled by the reinstatement now. */
static void clear(struct session *s, uint64_t retry_at)
{
	cleanup_forget_all(s);
	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);

		m->retry_at = ENGINE_NEVER; /* the reinstatement brings it back */
		if (m->state == MEMBER_CLEANUP)
			m->state = MEMBER_AWAY;
	}
	s->attempt = 0;
	s->retry_at = retry_at;
	s->phase = PHASE_CLEARING;
	recovery_abandon_all(s);
	recovery_cleared(s);
}

/* The first connection that still lives: its portal is the best guess. */
static unsigned living_place(const struct session *s)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->conn && member_at(s, i)->state == MEMBER_UP)
			return i;
	return 0;
}

/* REC-1: all connections go, then the session is reinstated (REC-3). */
void recovery_begin(struct session *s, const struct fault *why, uint64_t now, uint64_t pause)
{
	uint64_t rest = recovery_rest(s);

	s->first_place = living_place(s);
	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);

		if (m->state != MEMBER_UP && m->state != MEMBER_RESTING)
			continue;
		m->state = MEMBER_AWAY;
		session_tell_left(s, m, true, why);
	}
	recovery_down(s, why, now);
	clear(s, now + (pause > rest ? pause : rest));
}

void recovery_escalate(struct session *s, uint64_t now)
{
	clear(s, now);
}

/* In the first round a portal that does not answer must not keep the others waiting. */
uint32_t recovery_login_time(const struct session *s)
{
	unsigned n = s->members + s->portal_count;

	return n > 1 && s->attempt < n ? s->config.times.login / RECOVERY_HASTE : s->config.times.login;
}

/* The portals in turn: the connections' own, then what discovery told. */
static unsigned portal_at(const struct session *s)
{
	return (s->first_place + s->attempt) % (s->members + s->portal_count);
}

struct member *recovery_member(const struct session *s)
{
	unsigned at = portal_at(s);

	return at < s->members ? member_at(s, at) : NULL;
}

const struct conn_options *recovery_portal(const struct session *s)
{
	const struct member *m = recovery_member(s);

	return m ? &m->options : &s->portals[portal_at(s) - s->members];
}

/* Begins the leading login of the reinstatement, once nothing of the old session is left. Each member goes
 * through its own portal; those of discovery are tried for the leading one. */
static void reopen(struct session *s, uint64_t now)
{
	struct member *own = recovery_member(s), *m = own ? own : member_leading(s);

	s->opener = m;
	window_init(&s->shared->window, window_current(&s->shared->window));
	s->phase = PHASE_REOPENING;
	s->retry_at = ENGINE_NEVER;
	m->state = MEMBER_RETURNING;
	if (member_connect(s, m, own ? NULL : recovery_portal(s), NULL) == 0)
		return;
	m->state = MEMBER_AWAY;
	s->phase = PHASE_WAITING;
	s->retry_at = now + s->config.times.retry * MS;
}

void recovery_cleared(struct session *s)
{
	if (s->phase == PHASE_CLEARING && !member_conns(s))
		s->phase = PHASE_WAITING;
}

/* The next portal at once, and after all were tried a pause (REC-2, ID-3). */
uint64_t recovery_next_attempt(struct session *s, uint64_t now)
{
	unsigned n = s->members + s->portal_count;
	bool round = ++s->attempt % n == 0;

	return round ? now + s->config.times.retry * MS : now;
}

void recovery_failed(struct session *s, uint64_t now)
{
	s->opener->state = MEMBER_AWAY;
	s->phase = PHASE_WAITING;
	s->retry_at = recovery_next_attempt(s, now);
}

/* The reinstated session may have been granted fewer connections than it had, and the target still
 * counts those that were not cleaned up (MCS-5). */
void recovery_bring(struct session *s, struct member *m, uint64_t now)
{
	bool room = member_conns(s) + cleanup_count(s) < s->params.max_connections;

	m->retry_at = ENGINE_NEVER;
	m->state = MEMBER_RETURNING;
	if (room && member_connect(s, m, NULL, NULL) == 0)
		return;
	m->state = MEMBER_AWAY;
	m->retry_at = now + s->config.times.retry * MS;
}

void recovery_bring_back(struct session *s, uint64_t now)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->state == MEMBER_AWAY)
			recovery_bring(s, member_at(s, i), now);
}

/* ---------------------------------------------------------------- time */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t session_deadline(const struct session *s)
{
	uint64_t at = s->failed ? ENGINE_NEVER : s->hold_until;

	if (s->phase == PHASE_WAITING)
		at = sooner(at, s->retry_at);
	for (unsigned i = 0; s->phase == PHASE_UP && i < s->members; i++)
		at = sooner(at, member_at(s, i)->retry_at);
	return sooner(at, sooner(cleanup_deadline(s), rule_deadline(s)));
}

/* A task that its owner was told to be lost may not come back: so no continuation after that. */
static void give_up_holding(struct session *s, uint64_t now)
{
	s->failed = true;
	session_add_event(s, SESSION_EVENT_FAILED);
	if (s->phase == PHASE_LAPSED || s->phase == PHASE_CONTINUING)
		recovery_escalate(s, now);
}

void session_expire(struct session *s, uint64_t now)
{
	if (!s->failed && s->hold_until <= now)
		give_up_holding(s, now);
	cleanup_expire(s, now);
	rule_expire(s, now);
	if (s->phase == PHASE_WAITING && s->retry_at <= now)
		reopen(s, now);
	for (unsigned i = 0; s->phase == PHASE_UP && i < s->members; i++)
		if (member_at(s, i)->retry_at <= now)
			recovery_bring(s, member_at(s, i), now);
}
