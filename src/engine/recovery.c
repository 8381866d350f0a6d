/*
 * recovery.c - how a session comes back at recovery level 0 (RFC 7143 sections 7.1.4.4, 7.15; REC-1,
 * REC-2): session reinstatement with the same ISID and TSIH 0, then all connections again.
 */
#include "engine/session.h"

#include <errno.h>

void recovery_abandon_all(struct session *s)
{
	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);

		if (m->conn)
			session_add_event(s, SESSION_EVENT_ABANDON)->conn = m->conn;
	}
}

/* TIM-2, unless it is known what the target needs. */
static uint64_t rest(const struct session *s)
{
	bool known = s->config.rest != ENGINE_TIME2WAIT;

	return (known ? s->config.rest : s->params.default_time2wait * UINT64_C(1000)) * MS;
}

/* REC-1: all connections go, then the session is reinstated. */
void recovery_begin(struct session *s, const struct fault *why, uint64_t now, uint64_t pause)
{
	struct session_event *ev;

	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);

		m->retry_at = ENGINE_NEVER; /* the reinstatement brings it back */
		if (m->state != MEMBER_UP && m->state != MEMBER_RESTING)
			continue;
		m->state = MEMBER_AWAY;
		session_tell_left(s, m, true, why);
	}
	ev = session_add_event(s, SESSION_EVENT_DOWN);
	ev->fault = *why;
	s->hold_until = now + s->config.times.hold * MS;
	s->failed = false;
	s->attempt = 0;
	s->retry_at = now + (pause > rest(s) ? pause : rest(s));
	s->phase = PHASE_CLEARING;
	recovery_abandon_all(s);
	recovery_cleared(s);
}

/* The portals in turn: the leading connection's own, the others', then what discovery told. */
static const struct conn_options *pick_portal(const struct session *s)
{
	unsigned n = s->members + s->portal_count, at = s->attempt % n;

	return at < s->members ? &s->member[s->order[at]]->options : &s->portals[at - s->members];
}

/* Begins the leading login of the reinstatement, once nothing of the old session is left. */
static void reopen(struct session *s, uint64_t now)
{
	struct member *m = member_leading(s);

	s->epoch++;
	window_init(&s->shared->window, window_current(&s->shared->window));
	s->phase = PHASE_REOPENING;
	s->retry_at = ENGINE_NEVER;
	m->state = MEMBER_RETURNING;
	if (member_connect(s, m, pick_portal(s)) == 0)
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

/* A failed attempt: the next portal at once, and after all were tried a pause. */
void recovery_failed(struct session *s, uint64_t now)
{
	unsigned n = s->members + s->portal_count;
	bool round = ++s->attempt % n == 0;

	member_leading(s)->state = MEMBER_AWAY;
	s->phase = PHASE_WAITING;
	s->retry_at = round ? now + s->config.times.retry * MS : now;
}

/* The reinstated session may have been granted fewer connections than it had (MCS-5). */
static void bring_back(struct session *s, struct member *m, uint64_t now)
{
	bool room = member_conns(s) < s->params.max_connections;

	m->retry_at = ENGINE_NEVER;
	m->state = MEMBER_RETURNING;
	if (room && member_connect(s, m, NULL) == 0)
		return;
	m->state = MEMBER_AWAY;
	m->retry_at = now + s->config.times.retry * MS;
}

void recovery_bring_back(struct session *s, uint64_t now)
{
	for (unsigned i = 1; i < s->members; i++)
		if (member_at(s, i)->state == MEMBER_AWAY)
			bring_back(s, member_at(s, i), now);
}

uint64_t session_deadline(const struct session *s)
{
	uint64_t at = s->failed ? ENGINE_NEVER : s->hold_until;

	if (s->phase == PHASE_WAITING && s->retry_at < at)
		at = s->retry_at;
	for (unsigned i = 0; s->phase == PHASE_UP && i < s->members; i++)
		if (member_at(s, i)->retry_at < at)
			at = member_at(s, i)->retry_at;
	return at;
}

void session_expire(struct session *s, uint64_t now)
{
	if (!s->failed && s->hold_until <= now) {
		s->failed = true;
		session_add_event(s, SESSION_EVENT_FAILED);
	}
	if (s->phase == PHASE_WAITING && s->retry_at <= now)
		reopen(s, now);
	for (unsigned i = 0; s->phase == PHASE_UP && i < s->members; i++)
		if (member_at(s, i)->retry_at <= now)
			bring_back(s, member_at(s, i), now);
}

