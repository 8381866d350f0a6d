/*
 * home.c - the session's home and the layer above it, as small as they can be: who carries what, what
 * is held while the session is down, and which commands are repeated (only those whose first run is
 * known to be dead).
 */
#include <string.h>

#include "memory.h"
#include "sim.h"

static void pump(struct sim *sim);

static struct carrier *carrier_of(struct sim *sim, const struct conn *conn)
{
	list_for_each(it, &sim->carriers) {
		struct carrier *c = list_entry(it, struct carrier, link);

		if (c->conn == conn && !c->forgotten)
			return c;
	}
	return NULL;
}

static void path_remove(struct home *h, const struct carrier *c)
{
	for (unsigned i = 0; i < h->paths; i++) {
		if (h->path[i] != c)
			continue;
		memmove(h->path + i, h->path + i + 1, (--h->paths - i) * sizeof(h->path[0]));
		return;
	}
}

static void id_remove(struct home *h, uint64_t id)
{
	for (unsigned i = 0; i < h->id_count; i++) {
		if (h->ids[i] != id)
			continue;
		memmove(h->ids + i, h->ids + i + 1, (--h->id_count - i) * sizeof(h->ids[0]));
		return;
	}
}

bool home_complete(const struct home *h)
{
	return h->up && h->paths == h->id_count;
}

unsigned home_open_calls(const struct home *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_PENDING_CALLS; i++)
		n += h->calls[i].kind != CALL_FREE;
	return n;
}

static struct call *call_new(struct sim *sim, int kind, uint64_t id)
{
	struct home *h = &sim->home;

	for (unsigned i = 0; i < SIM_PENDING_CALLS; i++) {
		if (h->calls[i].kind != CALL_FREE)
			continue;
		h->calls[i].kind = kind;
		h->calls[i].id = id;
		return &h->calls[i];
	}
	sim_fail(sim, "too many calls without an answer");
	return &h->calls[0];
}

/* ---------------------------------------------------------------- calls */

void home_add(struct sim *sim)
{
	struct home *h = &sim->home;
	struct conn_options options = { .id = h->next_id++, .host = "127.0.0.1", .port = 3260,
		.header_digest = sim->options.header_digest, .data_digest = sim->options.data_digest,
		.chap = sim->options.chap };

	DOOR(session_add_conn(h->session, &options, call_new(sim, CALL_ADD, options.id), sim->now));
	pump(sim);
}

void home_remove(struct sim *sim, uint64_t id)
{
	DOOR(session_remove_conn(sim->home.session, id, call_new(sim, CALL_REMOVE, id), sim->now));
	pump(sim);
}

void home_logout(struct sim *sim)
{
	sim->home.logout_sent = true;
	DOOR(session_logout(sim->home.session, call_new(sim, CALL_LOGOUT, 0), sim->now));
	pump(sim);
}

/* Something went wrong on purpose, so calls may fail. */
static bool trouble_known(const struct sim *sim)
{
	return sim->trouble_came || peer_faults_done(sim->peer) || memory.failed;
}

static void add_answered(struct sim *sim, const struct call *call, const struct fault *why)
{
	struct home *h = &sim->home;
	bool first = !h->login_answered;
	enum fault_kind expected = first ? sim->options.login_fails : sim->options.add_fails;

	h->login_answered = true;
	if (!why->kind) {
		h->ids[h->id_count++] = call->id;
		if (expected && !sim->options.short_first && !sim->options.add_may_work)
			sim_fail(sim, "a login succeeded that must fail");
		return;
	}
	sim_say(sim, "add %llu: %s", (unsigned long long)call->id, why->text);
	if (first) {
		h->login_fault = *why;
		if (why->kind != expected && !(expected && sim->options.short_first) &&
		    !(sim->options.fault_cost == PEER_COSTS_LOGIN && peer_faults_done(sim->peer)))
			sim_fail(sim, "the login failed: %s", why->text);
		return;
	}
	h->adds_failed++;
	if (expected ? why->kind != expected : !trouble_known(sim))
		sim_fail(sim, "an added login failed: %s", why->text);
}

static void answered(struct sim *sim, struct call *call, const struct fault *why)
{
	struct call was = *call;

	if (call < sim->home.calls || call >= sim->home.calls + SIM_PENDING_CALLS || !call->kind) {
		sim_fail(sim, "an answer to no call");
		return;
	}
	call->kind = CALL_FREE;
	switch (was.kind) {
	case CALL_ADD:
		add_answered(sim, &was, why);
		break;
	case CALL_REMOVE:
		if (!why->kind)
			id_remove(&sim->home, was.id);
		else if (!trouble_known(sim))
			sim_fail(sim, "a removal failed: %s", why->text);
		break;
	case CALL_LOGOUT:
		sim->home.logout_answered = true;
		break;
	case CALL_FREE:
		break;
	}
}

/* ---------------------------------------------------------------- events of the session */

static void joined(struct sim *sim, const struct session_event *ev)
{
	struct home *h = &sim->home;
	struct carrier *c = carrier_of(sim, ev->conn);

	if (!c || c->id != ev->id)
		sim_fail(sim, "an unknown connection joined");
	else if (h->paths < SIM_CONNS * 2)
		h->path[h->paths++] = c;
}

static void left(struct sim *sim, const struct session_event *ev)
{
	struct home *h = &sim->home;

	sim_say(sim, "connection %llu left: %s", (unsigned long long)ev->id, ev->fault.text);
	for (unsigned i = 0; i < h->paths; i++)
		if (h->path[i]->id == ev->id) {
			path_remove(h, h->path[i]);
			return;
		}
}

static void dismiss(struct sim *sim, const struct session_event *ev, enum order_kind order)
{
	struct carrier *c = carrier_of(sim, ev->conn);

	if (!c) {
		sim_fail(sim, "an order to a connection that is gone");
		return;
	}
	path_remove(&sim->home, c);
	carrier_order(c, &(struct message){ .kind = order, .reason = ev->reason });
}

static void came_up(struct sim *sim, const struct session_event *ev)
{
	struct home *h = &sim->home;

	if (h->up)
		sim_fail(sim, "up while up");
	if (h->ups && ev->epoch <= h->epoch)
		sim_fail(sim, "the epoch does not rise");
	h->up = true;
	if (!h->ups) {
		memory.one_in = sim->options.memory_one_in;
		memory.left = sim->options.memory_failures;
	}
	h->failed = false;
	h->epoch = ev->epoch;
	h->ups++;
}

static void on_event(struct sim *sim, const struct session_event *ev)
{
	struct home *h = &sim->home;

	switch (ev->kind) {
	case SESSION_EVENT_NONE:
		break;
	case SESSION_EVENT_CONN:
		carrier_order(carrier_new(sim, ev->conn), &(struct message){ .kind = ORDER_START });
		break;
	case SESSION_EVENT_LOGOUT:
		dismiss(sim, ev, ORDER_LOGOUT);
		break;
	case SESSION_EVENT_ABANDON:
		dismiss(sim, ev, ORDER_ABANDON);
		break;
	case SESSION_EVENT_JOINED:
		joined(sim, ev);
		break;
	case SESSION_EVENT_LEFT:
		left(sim, ev);
		break;
	case SESSION_EVENT_ANSWER:
		answered(sim, ev->token, &ev->fault);
		break;
	case SESSION_EVENT_UP:
		came_up(sim, ev);
		break;
	case SESSION_EVENT_DOWN:
		sim_say(sim, "down: %s", ev->fault.text);
		if (!h->up)
			sim_fail(sim, "down while down");
		if (sim->options.lossless)
			sim_fail(sim, "the session was lost: %s", ev->fault.text);
		h->up = false;
		h->downs++;
		break;
	case SESSION_EVENT_ASYNC:
		break;
	case SESSION_EVENT_FAILED:
		sim_fail(sim, "the hold time ran out");
		h->failed = true;
		break;
	case SESSION_EVENT_END:
		h->over = true;
		h->up = false;
		break;
	}
}

static void pump(struct sim *sim)
{
	struct session_event ev;

	while (session_next_event(sim->home.session, &ev)) {
		if (sim->home.over)
			sim_fail(sim, "an event after the end of the session");
		on_event(sim, &ev);
	}
}

/* ---------------------------------------------------------------- what connections tell */

static void wake_all(struct sim *sim, uint64_t slots)
{
	list_for_each(it, &sim->carriers) {
		struct carrier *c = list_entry(it, struct carrier, link);

		if (!c->forgotten && (slots >> c->slot & 1))
			carrier_order(c, &(struct message){ .kind = ORDER_WAKE });
	}
}

void home_news(struct sim *sim, struct carrier *c, struct message *m)
{
	struct home *h = &sim->home;

	switch ((enum news_kind)m->kind) {
	case NEWS_UP:
		c->up = true;
		DOOR(session_conn_up(h->session, c->conn, &m->up, sim->now));
		break;
	case NEWS_TASK:
		work_returned(sim, m->task);
		return;
	case NEWS_ASYNC:
		DOOR(session_conn_async(h->session, c->conn, &m->async, sim->now));
		break;
	case NEWS_WAKE:
		wake_all(sim, m->wake);
		return;
	case NEWS_TEXT:
		h->text_done = true;
		return;
	case NEWS_END:
		path_remove(h, c);
		c->forgotten = true;
		h->logins_failed += !c->up;
		DOOR(session_conn_ended(h->session, c->conn, &m->fault, sim->now));
		break;
	}
	pump(sim);
}

bool home_submit(struct sim *sim, struct task *task)
{
	struct home *h = &sim->home;
	struct carrier *c;

	if (!h->up || !h->paths)
		return false;
	c = h->path[random_below(&sim->random, h->paths)];
	carrier_order(c, &(struct message){ .kind = ORDER_SUBMIT, .task = task });
	return true;
}

/* ---------------------------------------------------------------- the run */

static void ask_text(struct sim *sim)
{
	sim->home.text_asked = true;
	carrier_order(sim->home.path[0], &(struct message){ .kind = ORDER_TEXT });
}

/* Connections are added until there are as many as wanted. */
bool home_step(struct sim *sim)
{
	struct home *h = &sim->home;

	if (!h->over && session_deadline(h->session) <= sim->now) {
		DOOR(session_expire(h->session, sim->now));
		pump(sim);
		return true;
	}
	if (h->up && h->paths && sim->options.discovery && !h->text_asked) {
		ask_text(sim);
		return true;
	}
	if (h->over || h->logout_sent || home_open_calls(h) || h->id_count >= h->wanted || !h->up)
		return false;
	if (sim->options.add_fails && h->adds_failed)
		return false;
	home_add(sim);
	return true;
}

void home_begin(struct sim *sim)
{
	struct home *h = &sim->home;
	struct session_config config = { .initiator_name = "iqn.2026-11.test:initiator",
		.target_name = sim->options.discovery ? NULL : sim->options.peer.target,
		.type = sim->options.discovery ? SESSION_DISCOVERY : SESSION_NORMAL,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .first_cmd_sn = sim->options.first_cmd_sn,
		.offer = sim->options.offer, .portal_group_tag = -1, .ordering = sim->options.ordering,
		.rest = sim->options.rest, .times = sim->options.times,
		.seed = sim->random.state };

	h->wanted = sim->options.conns;
	h->next_id = 1;
	if (session_new(&config, &h->session) < 0) {
		sim_fail(sim, "no session");
		return;
	}
	home_add(sim);
}

void home_end(struct sim *sim)
{
	/* After a failure it may not be over; then what it holds is left to the program's end. */
	if (sim->home.over)
		session_free(sim->home.session);
}
