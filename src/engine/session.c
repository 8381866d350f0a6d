/*
 * session.c - a session on its home loop: which connections it has, their coming and going (RFC 7143
 * sections 6.3, 8.3).
 *
 * At recovery level 0 losing one connection means session reinstatement: targets were measured that
 * let a lost connection go on executing after a Logout or reinstatement of it alone, while the
 * reinstatement of the session ended everything. Not here: what connections do (conn.c), which
 * connection carries a command, and what is held and repeated (the layers above).
 */
#include "engine/session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- making */

static char *copy_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

static void free_config(struct session_config *config)
{
	free((char *)(uintptr_t)config->initiator_name);
	free((char *)(uintptr_t)config->initiator_alias);
	free((char *)(uintptr_t)config->target_name);
}

/* MCS-1 */
int session_new(const struct session_config *config, struct session **ret)
{
	struct session *s;

	if (!config->initiator_name || keys_offer_check(&config->offer) < 0 ||
	    config->offer.max_outstanding_r2t >= TASK_BURSTS ||
	    (config->type == SESSION_NORMAL && !config->target_name))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->config.initiator_name = copy_text(config->initiator_name);
	s->config.initiator_alias = copy_text(config->initiator_alias);
	s->config.target_name = copy_text(config->target_name);
	s->shared = calloc(1, sizeof(*s->shared));
	s->portal_group_tag = config->portal_group_tag;
	s->retry_at = s->hold_until = ENGINE_NEVER;
	if (!s->shared || !s->config.initiator_name || session_grow_events(s, 1) < 0 ||
	    !s->config.target_name != !config->target_name) {
		session_free(s);
		return -ENOMEM;
	}
	s->shared->config = &s->config;
	atomic_store(&s->shared->ordering, config->ordering);
	atomic_store(&s->shared->one_holder, config->one_holder);
	atomic_store(&s->shared->command_time, config->times.command);
	tags_init(&s->shared->tags);
	window_init(&s->shared->window, config->first_cmd_sn);
	*ret = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		member_free(s->member[i]);
	if (s->portals)
		explicit_bzero(s->portals, s->portal_count * sizeof(*s->portals));
	free(s->portals);
	free(s->events);
	free(s->cleanup);
	if (s->shared)
		tags_done(&s->shared->tags);
	free(s->shared);
	free_config(&s->config);
	free(s);
}

int session_set_portals(struct session *s, const struct conn_options *portals, unsigned n)
{
	struct conn_options *copy = n ? calloc(n, sizeof(*copy)) : NULL;

	if (n && !copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, portals, n * sizeof(*copy));
	if (s->portals)
		explicit_bzero(s->portals, s->portal_count * sizeof(*s->portals));
	free(s->portals);
	s->portals = copy;
	s->portal_count = n;
	return 0;
}

/* MCS-7, TRAP-4 */
/* A connection that was lost and finds its place taken comes before any that is added: else one caller
 * who adds and removes all the while keeps it out for good. */
static bool has_waiting(const struct session *s)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->crowded_out)
			return true;
	return false;
}

void session_add_conn(struct session *s, const struct conn_options *options, void *token, uint64_t now)
{
	struct member *m;

	(void)now;
	switch (s->phase) {
	case PHASE_NEW:
		break;
	case PHASE_UP:
		if (s->members + cleanup_strays(s) >= s->params.max_connections ||
		    s->members >= ENGINE_MAX_CONNS) {
			session_answer_fault(s, token, FAULT_TOO_MANY, /* MCS-5, TOL-5 */
				     "the session has all connections that were negotiated");
			return;
		}
		if (has_waiting(s)) {
			session_answer_fault(s, token, FAULT_TOO_MANY,
				     "the target is full, and a lost connection waits for its place");
			return;
		}
		break;
	case PHASE_OPENING:
	case PHASE_LAPSED:
	case PHASE_CONTINUING:
	case PHASE_CLEARING:
	case PHASE_WAITING:
	case PHASE_REOPENING:
		/* LOG-23 */
		session_answer_fault(s, token, FAULT_BUSY, "the session is not up at the moment");
		return;
	case PHASE_CLOSING:
	case PHASE_OVER:
		session_answer_fault(s, token, FAULT_GONE, "the session is being closed");
		return;
	}
	m = member_add(s, options, token);
	if (!m || member_connect(s, m, NULL, NULL) < 0) {
		session_answer_fault(s, token, FAULT_NO_MEMORY, "no memory for a connection");
		if (m)
			member_remove(s, m);
		return;
	}
	if (s->phase == PHASE_NEW)
		s->phase = PHASE_OPENING;
}

/* One that is away goes at once; what it left at the target is cleaned up all the same. One whose login
 * is under way just ends, or is logged out if it has succeeded meanwhile. */
static void remove_member(struct session *s, struct member *m, void *token)
{
	bool lost = m->state == MEMBER_CLEANUP;
	struct session_event *ev;

	if (!m->conn) {
		ev = session_add_event(s, SESSION_EVENT_LEFT);
		ev->id = m->options.id;
		session_answer(s, token, m->options.id, NULL);
		cleanup_disown(s, m);
		member_remove(s, m);
		return;
	}
	m->token = token;
	m->state = MEMBER_LEAVING;
	cleanup_disown(s, m);
	if (lost) /* it is being abandoned */
		return;
	ev = session_add_event(s, SESSION_EVENT_LOGOUT);
	ev->conn = m->conn;
	ev->reason = PDU_LOGOUT_CONNECTION;
}

/* MCS-7 */
void session_remove_conn(struct session *s, uint64_t id, void *token, uint64_t now)
{
	struct member *m = member_by_id(s, id);

	(void)now;
	if (s->phase == PHASE_CLOSING || s->phase == PHASE_OVER)
		session_answer_fault(s, token, FAULT_GONE, "the session is being closed");
	else if (!m || m->state == MEMBER_JOINING)
		session_answer_fault(s, token, FAULT_UNKNOWN_CONN, "no such connection in the session");
	else if (s->members == 1)
		session_answer_fault(s, token, FAULT_LAST_CONN, "it is the session's last connection");
	else if (m == member_leading(s))
		session_answer_fault(s, token, FAULT_LEADING_CONN, "it is the session's leading connection");
	else if (member_count(s, MEMBER_LEAVING))
		session_answer_fault(s, token, FAULT_REMOVING, "another connection is being removed");
	else if (s->phase != PHASE_UP)
		session_answer_fault(s, token, FAULT_BUSY, "the session is not up at the moment");
	else if (m->state == MEMBER_UP && member_count(s, MEMBER_UP) == 1)
		session_answer_fault(s, token, FAULT_BUSY, "its others are being brought back");
	else
		remove_member(s, m, token);
}

/* ---------------------------------------------------------------- what connections tell */

static void set_ordering(struct session *s, bool ordering, bool one_holder)
{
	bool fences = s->params.task_reporting != KEYS_RFC3720; /* MCS-12 */

	atomic_store(&s->shared->ordering, ordering && !fences);
	atomic_store(&s->shared->one_holder, one_holder && !fences);
	s->config.ordering = ordering;
	s->config.one_holder = one_holder;
}

/* REC-4 */
static void session_up(struct session *s, const struct conn *c, const struct conn_up *up, uint64_t now)
{
	s->epoch = c->epoch;
	s->tsih = up->tsih;
	s->params = up->params;
	set_ordering(s, s->config.ordering, s->config.one_holder);
	if (s->portal_group_tag < 0)
		s->portal_group_tag = up->portal_group_tag;
	s->insists |= up->insists;
	s->hold_until = ENGINE_NEVER;
	s->failed = false;
	s->phase = PHASE_UP;
	session_add_event(s, SESSION_EVENT_UP);
	recovery_bring_back(s, now);
}

void session_conn_up(struct session *s, struct conn *c, const struct conn_up *up, uint64_t now)
{
	struct member *m = member_of(s, c);
	bool leads = s->phase == PHASE_OPENING || s->phase == PHASE_REOPENING;
	struct session_event *ev;

	if (!m || s->phase == PHASE_LAPSED || s->phase == PHASE_CLEARING || s->phase == PHASE_CLOSING)
		return; /* its abandoning is on the way */
	if (m->state == MEMBER_LEAVING)
		return;
	m->state = MEMBER_UP;
	m->crowded_out = false;
	ev = session_add_event(s, SESSION_EVENT_JOINED);
	ev->conn = c;
	ev->id = m->options.id;
	ev->up = *up;
	if (leads)
		session_up(s, c, up, now);
	else if (s->phase == PHASE_CONTINUING)
		cleanup_continued(s, m, now);
	session_answer(s, m->token, m->options.id, NULL);
	m->token = NULL;
}

static void async_logout(struct session *s, struct member *m)
{
	struct session_event *ev;

	if (m->state != MEMBER_UP)
		return;
	m->state = MEMBER_RESTING;
	ev = session_add_event(s, SESSION_EVENT_LOGOUT);
	ev->conn = m->conn;
	ev->reason = PDU_LOGOUT_CONNECTION;
}

/* AS-3, AS-4: as if it were lost, with the times that the target tells. NULL: all of them. */
static void async_drop(struct session *s, struct member *only, const struct conn_async *async,
		       const struct fault *why, uint64_t now)
{
	struct cleanup_times times = cleanup_times_told(async->parameter2, async->parameter3);

	for (unsigned i = 0; s->phase == PHASE_UP && i < s->members; i++) {
		struct member *m = member_at(s, i);

		if (m->conn && (!only || m == only) && cleanup_drop(s, m, why, now, &times) < 0)
			recovery_begin(s, why, now, times.wait);
	}
}

/* AS-1 to AS-4, AS-8, REC-13. */
void session_conn_async(struct session *s, struct conn *c, const struct conn_async *async,
			uint64_t now)
{
	struct member *m = member_of(s, c), *dropped;
	struct session_event *ev;
	struct fault why;

	if (!m || s->phase != PHASE_UP)
		return;
	ev = session_add_event(s, SESSION_EVENT_ASYNC);
	ev->id = m->options.id;
	ev->async = *async;
	switch (async->event) {
	case PDU_ASYNC_LOGOUT_REQUESTED:
		async_logout(s, m);
		break;
	case PDU_ASYNC_CONNECTION_DROP:
		dropped = member_by_cid(s, async->parameter1);
		fault_set(&why, FAULT_CLOSED, 0, "the target announced that it drops connection %u",
			  async->parameter1);
		if (dropped)
			async_drop(s, dropped, async, &why, now);
		break;
	case PDU_ASYNC_SESSION_DROP:
		fault_set(&why, FAULT_CLOSED, 0, "the target announced that it drops the session");
		async_drop(s, NULL, async, &why, now);
		break;
	default:
		break;
	}
}

static void finish_close(struct session *s, const struct fault *why)
{
	if (!s->close_answered)
		session_answer(s, s->close_token, 0, why);
	s->close_answered = true;
	if (member_conns(s) || s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OVER;
	session_add_event(s, SESSION_EVENT_END);
}

/* The first login failed: the session never was. */
static void opening_failed(struct session *s, struct member *m, const struct fault *why)
{
	session_answer(s, m->token, m->options.id, why);
	member_remove(s, m);
	s->phase = PHASE_OVER;
	session_add_event(s, SESSION_EVENT_END);
}

/* Removed in any case; but without a clean logout the target may hold on to it. */
static void left_while_up(struct session *s, struct member *m, const struct conn *c,
			  const struct fault *why, uint64_t now)
{
	bool dropped = cleanup_by_epoch(s, c->epoch) != NULL;

	session_tell_left(s, m, false, why);
	session_answer(s, m->token, m->options.id, NULL);
	if (dropped)
		cleanup_conn_ended(s, NULL, c, why, now);
	member_remove(s, m);
	if (!dropped && why->kind && c->up.tsih)
		cleanup_begin(s, NULL, c, why, now);
	if (s->phase == PHASE_UP && !member_count(s, MEMBER_UP)) /* the last one after all (LO-10) */
		recovery_begin(s, why, now, 0);
}

/* The target has as many connections as it takes: 0206, and istgt's 0208. */
static bool is_full(const struct fault *why)
{
	return why->kind == FAULT_LOGIN_STATUS && why->status_class == 2 &&
	       (why->status_detail == 0x06 || why->status_detail == 0x08);
}

/* A connection of a session that is up has ended. */
static void ended_while_up(struct session *s, struct member *m, const struct conn *c,
			   const struct fault *why, uint64_t now)
{
	enum member_state was = m->state;

	switch (was) {
	case MEMBER_JOINING:
		session_answer(s, m->token, m->options.id, why);
		member_remove(s, m);
		break;
	case MEMBER_LEAVING:
		left_while_up(s, m, c, why, now);
		break;
	case MEMBER_RESTING:
		if (why->kind) {
			cleanup_begin(s, m, c, why, now);
			break;
		}
		if (!member_count(s, MEMBER_UP)) { /* the session's last: that closed it (LO-10) */
			recovery_begin(s, why, now, s->params.default_time2wait * 1000 * MS);
			break;
		}
		session_tell_left(s, m, true, why);
		m->state = MEMBER_AWAY;
		m->retry_at = now + s->params.default_time2wait * 1000 * MS;
		break;
	case MEMBER_UP:
		cleanup_begin(s, m, c, why, now);
		break;
	case MEMBER_CLEANUP:
		cleanup_conn_ended(s, m, c, why, now);
		break;
	case MEMBER_RETURNING:
	case MEMBER_AWAY:
		m->crowded_out = is_full(why);
		m->state = MEMBER_AWAY;
		m->retry_at = now + s->config.times.retry * MS;
		break;
	}
}

/* Logout reason 0 goes over one connection, the leading one if it is up; the others are closed once
 * it succeeded (T8, MCS-17). Without one that could carry it the session is just dropped. */
static void close_through(struct session *s)
{
	struct session_event *ev;

	s->closer = NULL;
	for (unsigned i = 0; i < s->members && !s->closer; i++)
		if (member_at(s, i)->conn && member_at(s, i)->state == MEMBER_UP)
			s->closer = member_at(s, i);
	if (!s->closer) {
		recovery_abandon_all(s);
		return;
	}
	ev = session_add_event(s, SESSION_EVENT_LOGOUT);
	ev->conn = s->closer->conn;
	ev->reason = PDU_LOGOUT_SESSION;
}

/* It was cut in the middle: the next one tries. A target that does not answer is not asked again. */
static void closer_ended(struct session *s, const struct fault *why)
{
	if (why->kind == FAULT_CLOSED)
		close_through(s);
	else
		recovery_abandon_all(s);
}

void session_conn_ended(struct session *s, struct conn *c, const struct fault *why, uint64_t now)
{
	struct member *m = member_of(s, c);

	if (!m)
		return;
	m->conn = NULL;
	s->ruled = true; /* its tasks were waiting for this news */
	if (s->cleaner == c)
		s->cleaner = NULL;
	switch (s->phase) {
	case PHASE_OPENING:
		opening_failed(s, m, why);
		break;
	case PHASE_UP:
		ended_while_up(s, m, c, why, now);
		break;
	case PHASE_LAPSED:
		cleanup_lapsed_conn_ended(s, m, c, why, now);
		break;
	case PHASE_CONTINUING:
		cleanup_continue_failed(s, m, why, now);
		break;
	case PHASE_REOPENING:
		if (m == s->opener)
			recovery_failed(s, now);
		break;
	case PHASE_CLEARING:
		if (m->state == MEMBER_JOINING || m->state == MEMBER_LEAVING) {
			if (m->state == MEMBER_LEAVING)
				session_tell_left(s, m, false, why);
			session_answer(s, m->token, m->options.id, m->state == MEMBER_LEAVING ? NULL : why);
			member_remove(s, m);
		} else {
			m->state = MEMBER_AWAY;
		}
		recovery_cleared(s);
		break;
	case PHASE_CLOSING:
		if (m->token)
			session_answer(s, m->token, m->options.id, why);
		m->token = NULL;
		m->state = MEMBER_AWAY;
		if (m == s->closer)
			closer_ended(s, why);
		if (!member_conns(s))
			finish_close(s, NULL);
		break;
	case PHASE_NEW:
	case PHASE_WAITING:
	case PHASE_OVER:
		break;
	}
	cleanup_go_on(s, now);
}

/* ---------------------------------------------------------------- the end */

void session_logout(struct session *s, void *token, uint64_t now)
{
	bool up = s->phase == PHASE_UP;

	(void)now;
	if (s->phase == PHASE_CLOSING || s->phase == PHASE_OVER) {
		session_answer_fault(s, token, FAULT_GONE, "the session is being closed");
		return;
	}
	s->phase = PHASE_CLOSING;
	s->close_token = token;
	s->retry_at = s->hold_until = ENGINE_NEVER;
	cleanup_forget_all(s);
	if (up)
		close_through(s);
	else
		recovery_abandon_all(s);
	if (!member_conns(s))
		finish_close(s, NULL);
}

/* ---------------------------------------------------------------- time and the rest */

void session_set_habits(struct session *s, const struct session_habits *habits)
{
	set_ordering(s, habits->ordering, habits->one_holder);
	atomic_store(&s->shared->command_time, habits->command);
	s->config.rest = habits->rest;
	s->config.no_reassign = habits->no_reassign;
	s->wake = UINT64_MAX; /* who waits for the old habits, looks again */
}

enum session_state session_state(const struct session *s)
{
	switch (s->phase) {
	case PHASE_UP:
	case PHASE_CLOSING:
		return SESSION_Q3_LOGGED_IN;
	case PHASE_LAPSED:
	case PHASE_CONTINUING:
	case PHASE_CLEARING:
	case PHASE_WAITING:
	case PHASE_REOPENING:
		return SESSION_Q4_FAILED;
	case PHASE_NEW:
	case PHASE_OPENING:
	case PHASE_OVER:
		break;
	}
	return SESSION_Q1_FREE;
}
