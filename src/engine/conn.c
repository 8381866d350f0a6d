/*
 * conn.c - a connection's states, doors, deadlines and events (RFC 7143 section 8.1).
 *
 * Not here: what the PDUs say (login.c, text_op.c, recv.c, data.c) and how they leave (send.c).
 */
#include "engine/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define MS UINT64_C(1000000)

int conn_new(const struct conn_plan *plan, struct conn **ret)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ring = calloc(CONN_RING, sizeof(*c->ring));
	if (!c->ring) {
		free(c);
		return -ENOMEM;
	}
	c->shared = plan->shared;
	c->options = *plan->options;
	c->slot = plan->slot;
	c->cid = plan->cid;
	c->tsih = plan->tsih;
	c->epoch = plan->epoch;
	c->portal_group_tag = plan->portal_group_tag;
	if (plan->session)
		c->params = *plan->session;
	else
		keys_params_default(&c->params);
	snprintf(c->host, sizeof(c->host), "%s", c->options.host);
	c->port = c->options.port;
	c->limit = ENGINE_NEVER;
	list_init(&c->ready);
	list_init(&c->active);
	list_init(&c->data);
	list_init(&c->done);
	*ret = c;
	return 0;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	assert(c->over || c->state == CONN_S1_FREE);
	send_reset(c);
	login_free(c->login);
	text_op_free(c);
	free(c->text_given);
	explicit_bzero(&c->options.chap, sizeof(c->options.chap));
	free(c->ring);
	free(c);
}

const char *conn_host(const struct conn *c)
{
	return c->host;
}

uint16_t conn_port(const struct conn *c)
{
	return c->port;
}

const char *conn_source(const struct conn *c)
{
	return c->options.source;
}

unsigned conn_slot(const struct conn *c)
{
	return c->slot;
}

uint64_t conn_id(const struct conn *c)
{
	return c->options.id;
}

enum conn_state conn_state(const struct conn *c)
{
	return c->state;
}

struct conn_counters *conn_counters(struct conn *c)
{
	return &c->counters;
}

/* ---------------------------------------------------------------- states */

static uint64_t in_ms(uint64_t now, uint32_t ms)
{
	return now + ms * MS;
}

/* Tasks under way end before a connection alone is logged out; the answer's own limit begins when
 * the Logout leaves. */
static uint32_t logout_patience(const struct conn *c)
{
	const struct session_times *times = &c->shared->config->times;

	return c->logout_reason == PDU_LOGOUT_CONNECTION && times->hold > times->logout ? times->hold
											: times->logout;
}

void conn_enter(struct conn *c, enum conn_state state, uint64_t now)
{
	const struct session_times *times = &c->shared->config->times;

	c->state = state;
	switch (state) {
	case CONN_S2_XPT_WAIT: /* T1; connect and login share one limit (TIM-6) */
		if (c->limit == ENGINE_NEVER)
			c->limit = in_ms(now, times->login);
		break;
	case CONN_S4_IN_LOGIN: /* T4 */
		recv_reset(c);
		break;
	case CONN_S5_LOGGED_IN: /* T5 */
		c->limit = ENGINE_NEVER;
		c->heard = now;
		break;
	case CONN_S6_IN_LOGOUT: /* T9, T10 */
		c->limit = in_ms(now, logout_patience(c));
		break;
	case CONN_S7_LOGOUT_REQUESTED: /* T11 */
	case CONN_S1_FREE:
	case CONN_S8_CLEANUP_WAIT:
		break;
	}
}

static void return_all(struct conn *c, const struct fault *why)
{
	struct list *item;

	while ((item = list_pop(&c->active))) {
		struct task *task = list_entry(item, struct task, link);

		task->lent = 0;
		list_remove(&task->data_link);
		if (task->state) { /* concluded, and only waited for lent memory */
			list_append(&c->done, &task->link);
			continue;
		}
		task->fault = *why;
		conn_conclude(c, task, TASK_LOST);
	}
	while ((item = list_pop(&c->ready))) {
		struct task *task = list_entry(item, struct task, link);

		task->outcome = TASK_UNSENT;
		task->epoch = c->epoch;
		list_append(&c->done, &task->link);
	}
}

static void return_tags(struct conn *c)
{
	while (c->pings)
		c->ev_wake |= tag_free(&c->shared->tags, c->ping[--c->pings]);
	if (c->logout_itt)
		c->ev_wake |= tag_free(&c->shared->tags, c->logout_itt);
	c->logout_itt = 0;
}

void conn_end(struct conn *c, const struct fault *why)
{
	if (c->over)
		return;
	c->over = true;
	c->fault = c->verdict.kind ? c->verdict : *why;
	if (c->text_op)
		text_op_failed(c, why);
	send_reset(c);
	return_all(c, why);
	return_tags(c);
	c->ev_wake |= window_resume(&c->shared->window, c->slot);
	login_free(c->login);
	c->login = NULL;
	c->wants = 0;
	c->limit = ENGINE_NEVER;
	c->state = CONN_S1_FREE;
	c->ev_open = false;
	c->ev_end = true;
}

int conn_fail(struct conn *c, enum fault_kind kind, int detail, const char *format, ...)
{
	struct fault why;
	char what[120];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	fault_set(&why, kind, detail, "%s:%u: %s", c->host, c->port, what);
	conn_end(c, &why);
	return -1;
}

/* ---------------------------------------------------------------- tasks */

void conn_task_returned(struct conn *c, struct task *task)
{
	list_remove(&task->link);
	list_append(&c->done, &task->link);
}

void conn_conclude(struct conn *c, struct task *task, enum task_outcome outcome)
{
	task->outcome = outcome;
	task->state = 1;
	list_remove(&task->data_link);
	c->ev_wake |= tag_free(&c->shared->tags, task->itt);
	if (!task->lent)
		conn_task_returned(c, task);
}

void conn_submit(struct conn *c, struct task *task, uint64_t now)
{
	(void)now;
	task->state = 0;
	task->lent = 0;
	task->epoch = c->epoch;
	task->data_link = (struct list){ NULL, NULL };
	task->fault.kind = FAULT_NONE;
	if (c->state != CONN_S5_LOGGED_IN || c->draining) {
		task->outcome = TASK_UNSENT;
		list_append(&c->done, &task->link);
		return;
	}
	list_append(&c->ready, &task->link);
}

/* ---------------------------------------------------------------- doors */

void conn_start(struct conn *c, uint64_t now)
{
	conn_enter(c, CONN_S2_XPT_WAIT, now);
	c->ev_open = true;
}

void conn_redirect(struct conn *c, const char *host, uint16_t port, uint64_t now)
{
	if (++c->redirects > CONN_REDIRECTS) {
		conn_fail(c, FAULT_PROTOCOL, 0, "more than %d redirections", CONN_REDIRECTS);
		return;
	}
	snprintf(c->host, sizeof(c->host), "%s", host);
	c->port = port;
	conn_reopen(c, now);
}

void conn_reopen(struct conn *c, uint64_t now)
{
	login_free(c->login);
	c->login = NULL;
	send_reset(c);
	conn_enter(c, CONN_S2_XPT_WAIT, now);
	c->ev_open = true;
}

void conn_opened(struct conn *c, const uint8_t entropy[ENGINE_ENTROPY], uint64_t now)
{
	if (c->over || c->state != CONN_S2_XPT_WAIT)
		return;
	conn_enter(c, CONN_S4_IN_LOGIN, now);
	c->heard = now;
	if (login_start(c, entropy) < 0 && !c->over)
		conn_fail(c, FAULT_NO_MEMORY, 0, "no memory for a login");
}

void conn_closed(struct conn *c, const struct fault *why, uint64_t now)
{
	(void)now;
	if (c->over)
		return;
	/* The target may end the connection where it would answer a Logout (DSC-7, LO-6). */
	if (c->logged_out || (c->logout_itt && why->kind == FAULT_CLOSED && !why->detail)) {
		conn_end(c, &(struct fault){ .kind = FAULT_NONE });
		return;
	}
	conn_end(c, why);
}

void conn_abandon(struct conn *c, uint64_t now)
{
	struct fault why;

	(void)now;
	fault_set(&why, FAULT_ABANDONED, 0, "the session closed this connection");
	conn_end(c, &why);
}

void conn_logged_in(struct conn *c, uint64_t now)
{
	login_free(c->login);
	c->login = NULL;
	c->up.cid = c->cid;
	c->up.tsih = c->tsih;
	c->up.params = c->params;
	conn_enter(c, CONN_S5_LOGGED_IN, now);
	c->ev_up = true;
}

void conn_logout(struct conn *c, unsigned reason, uint64_t now)
{
	struct list *item;

	if (c->over || c->state == CONN_S6_IN_LOGOUT)
		return; /* a removal after the target's own wish: the tasks under way still end first */
	if (c->state != CONN_S5_LOGGED_IN && c->state != CONN_S7_LOGOUT_REQUESTED) {
		conn_abandon(c, now);
		return;
	}
	while ((item = list_pop(&c->ready))) {
		struct task *task = list_entry(item, struct task, link);

		task->outcome = TASK_UNSENT;
		list_append(&c->done, &task->link);
	}
	c->draining = true;
	c->logout_reason = reason;
	c->wants |= WANT_LOGOUT;
	conn_enter(c, CONN_S6_IN_LOGOUT, now);
}

void conn_wake(struct conn *c)
{
	(void)c; /* conn_pending looks anew; the caller asks conn_wants_send */
}

/* ---------------------------------------------------------------- time */

/* When the silence of the target has lasted too long. A connection whose tasks end before it is
 * logged out is watched as well: one that is dead holds up the whole session. */
static uint64_t silence_deadline(const struct conn *c)
{
	const struct session_times *times = &c->shared->config->times;
	bool watched = c->state == CONN_S5_LOGGED_IN || c->state == CONN_S7_LOGOUT_REQUESTED ||
		       (c->state == CONN_S6_IN_LOGOUT && !c->logout_itt);

	if (!watched || !times->ping_idle)
		return ENGINE_NEVER;
	if (c->ping_at)
		return in_ms(c->ping_at, times->ping_wait);
	return in_ms(c->heard, times->ping_idle);
}

uint64_t conn_deadline(const struct conn *c)
{
	uint64_t silence = silence_deadline(c);

	if (c->over)
		return ENGINE_NEVER;
	return silence < c->limit ? silence : c->limit;
}

static void silence_expire(struct conn *c, uint64_t now)
{
	if (c->wants & WANT_PING && window_paused(&c->shared->window, c->slot)) {
		c->ping_at = now; /* another connection's turn: it has a limit of its own */
		return;
	}
	if (c->ping_at) {
		conn_fail(c, FAULT_TIMEOUT, 0, "no answer to a NOP-Out ping"); /* NOP-6 */
		return;
	}
	c->ping_at = now;
	if (c->pings < CONN_PINGS)
		c->wants |= WANT_PING;
}

void conn_expire(struct conn *c, uint64_t now)
{
	if (now < conn_deadline(c))
		return;
	switch (c->state) {
	case CONN_S2_XPT_WAIT:
		conn_fail(c, FAULT_CONNECT, ETIMEDOUT, "no answer to TCP connect");
		break;
	case CONN_S4_IN_LOGIN:
		conn_fail(c, FAULT_TIMEOUT, 0, "no answer in login (%s)", login_where(c->login));
		break;
	case CONN_S6_IN_LOGOUT: /* T17 */
		if (now < c->limit)
			silence_expire(c, now);
		else if (c->logged_out) /* we close, then */
			conn_end(c, &(struct fault){ .kind = FAULT_NONE });
		else
			conn_fail(c, FAULT_TIMEOUT, 0, "no answer to Logout");
		break;
	case CONN_S5_LOGGED_IN:
	case CONN_S7_LOGOUT_REQUESTED:
		silence_expire(c, now);
		break;
	case CONN_S1_FREE:
	case CONN_S8_CLEANUP_WAIT:
		break;
	}
}

/* ---------------------------------------------------------------- events */

static bool take_flag(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

static enum conn_event_kind next_kind(struct conn *c)
{
	if (take_flag(&c->ev_open))
		return CONN_EVENT_OPEN;
	if (take_flag(&c->ev_up))
		return CONN_EVENT_UP;
	if (c->asyncs)
		return CONN_EVENT_ASYNC;
	if (!list_empty(&c->done))
		return CONN_EVENT_TASK;
	if (take_flag(&c->ev_text))
		return CONN_EVENT_TEXT;
	if (c->ev_wake)
		return CONN_EVENT_WAKE;
	if (take_flag(&c->ev_end))
		return CONN_EVENT_END;
	return CONN_EVENT_NONE;
}

bool conn_next_event(struct conn *c, struct conn_event *ret)
{
	ret->kind = next_kind(c);
	switch (ret->kind) {
	case CONN_EVENT_NONE:
		return false;
	case CONN_EVENT_OPEN:
		break;
	case CONN_EVENT_UP:
		ret->up = c->up;
		break;
	case CONN_EVENT_ASYNC:
		ret->async = c->async[0];
		memmove(c->async, c->async + 1, --c->asyncs * sizeof(c->async[0]));
		break;
	case CONN_EVENT_TASK:
		ret->task = list_entry(list_pop(&c->done), struct task, link);
		break;
	case CONN_EVENT_TEXT:
		text_op_event(c, ret);
		break;
	case CONN_EVENT_WAKE:
		ret->wake = c->ev_wake;
		c->ev_wake = 0;
		break;
	case CONN_EVENT_END:
		ret->fault = c->fault;
		break;
	}
	return true;
}

/* ---------------------------------------------------------------- text that grows */

int conn_text_room(struct conn_text *text, uint32_t len, uint8_t **ret)
{
	size_t room = text->room ? text->room : 1024;
	char *grown;

	if (len > text->limit - text->len)
		return -EMSGSIZE;
	while (room < text->len + len)
		room *= 2;
	if (room != text->room) {
		grown = realloc(text->buf, room);
		if (!grown)
			return -ENOMEM;
		text->buf = grown;
		text->room = room;
	}
	*ret = (uint8_t *)text->buf + text->len;
	return 0;
}
