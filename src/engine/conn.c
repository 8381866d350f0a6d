/*
 * conn.c - a connection's states, doors and deadlines (RFC 7143 section 8.1).
 *
 * Not here: what the PDUs say (login.c, text_op.c, recv.c, data_in.c ...), how they leave (send.c),
 * tasks (conn_task.c) and events (conn_event.c).
 */
#include "engine/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "engine/logout.h"
#include "engine/manage.h"
#include "engine/pulse.h"
#include "engine/snack.h"

#define MS UINT64_C(1000000)

static void init_lists(struct conn *c)
{
	struct list *const lists[] = { &c->ready, &c->active, &c->data, &c->done, &c->again, &c->missing,
		&c->acks, &c->managing, &c->managed, &c->async };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		list_init(lists[i]);
}

int conn_new(const struct conn_plan *plan, struct conn **ret)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (send_start(c) < 0) {
		free(c);
		return -ENOMEM;
	}
	c->shared = plan->shared;
	c->options = *plan->options;
	c->slot = plan->slot;
	c->cid = plan->cid;
	c->tsih = plan->tsih;
	c->login_time = plan->login;
	c->epoch = plan->epoch;
	c->portal_group_tag = plan->portal_group_tag;
	if (plan->session)
		c->params = *plan->session;
	else
		keys_params_default(&c->params);
	snprintf(c->host, sizeof(c->host), "%s", c->options.host);
	c->port = c->options.port;
	c->limit = ENGINE_NEVER;
	c->batch_limit = CONN_BATCH;
	c->direct = plan->direct && c->options.chap.mode == CHAP_NONE;
	c->reinstates = plan->reinstates;
	c->old_exp_stat_sn = plan->exp_stat_sn;
	init_lists(c);
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
	conn_drop_asyncs(c);
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
	c->state = state;
	switch (state) {
	case CONN_S2_XPT_WAIT: /* T1; connect and login share one limit (TIM-6) */
		if (c->limit == ENGINE_NEVER)
			c->limit = in_ms(now, c->login_time);
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

void conn_end(struct conn *c, const struct fault *why)
{
	if (c->over)
		return;
	c->over = true;
	c->fault = c->verdict.kind ? c->verdict : *why;
	if (c->text_op)
		text_op_failed(c, why);
	send_reset(c);
	manage_end(c, why);
	logout_end(c, why);
	conn_return_tasks(c, why);
	pulse_end(c);
	c->ev_wake |= tags_return(&c->shared->tags, &c->hand);
	c->ev_wake |= window_resume(&c->shared->window, c->slot);
	if (c->drains)
		c->ev_wake |= window_drain_over(&c->shared->window);
	c->ev_wake |= window_unclaim(&c->shared->window, c->slot);
	login_free(c->login);
	c->login = NULL;
	c->wants = 0;
	c->limit = ENGINE_NEVER;
	c->state = CONN_S1_FREE;
	c->ev_open = c->ev_verify = false;
	c->ev_end = true;
}

bool conn_left_hole(const struct conn *c)
{
	return c->numbered && !window_acknowledged(&c->shared->window, c->numbered_sn);
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

void conn_verdict(struct conn *c, const struct fault *why, uint64_t now)
{
	if (c->login)
		login_verdict(c, why, now);
}

void conn_closed(struct conn *c, const struct fault *why, uint64_t now)
{
	if (c->over)
		return;
	if (why->kind == FAULT_CLOSED && login_retreat(c)) {
		conn_reopen(c, now);
		return;
	}
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

void conn_wake(struct conn *c)
{
	(void)c; /* conn_pending looks anew; the caller asks conn_wants_send */
}

/* ---------------------------------------------------------------- time */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t conn_deadline(const struct conn *c)
{
	uint64_t asks = c->ask_at ? c->ask_at : ENGINE_NEVER;

	if (c->over)
		return ENGINE_NEVER;
	return sooner(sooner(asks, sooner(c->limit, pulse_deadline(c))),
		      sooner(manage_deadline(c), logout_deadline(c)));
}

/* The limit of the state. */
static void limit_expire(struct conn *c)
{
	switch (c->state) {
	case CONN_S2_XPT_WAIT: /* T2 */
		conn_fail(c, FAULT_CONNECT, ETIMEDOUT, "no answer to TCP connect");
		break;
	case CONN_S4_IN_LOGIN: /* T7 */
		conn_fail(c, FAULT_TIMEOUT, 0, "no answer in login (%s)", login_where(c->login));
		break;
	case CONN_S6_IN_LOGOUT: /* T17 */
		if (c->logged_out) /* we close, then */
			conn_end(c, &(struct fault){ .kind = FAULT_NONE });
		else
			conn_fail(c, FAULT_TIMEOUT, 0, "no answer to Logout");
		break;
	case CONN_S1_FREE:
	case CONN_S5_LOGGED_IN:
	case CONN_S7_LOGOUT_REQUESTED:
	case CONN_S8_CLEANUP_WAIT:
		break;
	}
}

void conn_expire(struct conn *c, uint64_t now)
{
	if (now < conn_deadline(c))
		return;
	if (now >= c->limit) {
		limit_expire(c);
		return;
	}
	snack_expire(c, now);
	logout_expire(c, now);
	if (manage_expire(c, now) == 0)
		pulse_expire(c, now);
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
