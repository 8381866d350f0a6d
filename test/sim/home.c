/*
 * home.c - the session's home and the layer above it, as small as they can be: who carries what, what
 * is held while the session is down, and which commands are repeated (only those whose first run is
 * known to be dead).
 */
#include <string.h>

#include "../duty.h"
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
	return !h->managing && list_empty(&h->adrift) && h->up && h->paths == h->id_count;
}

unsigned home_open_calls(const struct home *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_PENDING_CALLS; i++)
		n += h->calls[i].kind != CALL_FREE;
	return n;
}

bool home_removes(const struct home *h)
{
	for (unsigned i = 0; i < SIM_PENDING_CALLS; i++)
		if (h->calls[i].kind == CALL_REMOVE)
			return true;
	return false;
}

static struct call *call_new(struct sim *sim, int kind, uint64_t id)
{
	struct home *h = &sim->home;

	for (unsigned i = 0; i < SIM_PENDING_CALLS; i++) {
		if (h->calls[i].kind != CALL_FREE)
			continue;
		h->calls[i].kind = kind;
		h->calls[i].id = id;
		h->calls[i].since = sim->now;
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
	h->add_at = sim->now + random_below(&sim->random, 1000) * SIM_MS;
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
	if (sim->options.longest && sim->now > was.since + sim->options.longest)
		sim_fail(sim, "a call took %llu ms", (unsigned long long)((sim->now - was.since) / SIM_MS));
	switch (was.kind) {
	case CALL_ADD:
		add_answered(sim, &was, why);
		break;
	case CALL_REMOVE:
		if (!why->kind)
			id_remove(&sim->home, was.id);
		else if (why->kind != FAULT_REMOVING && !trouble_known(sim))
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

	h->lefts++;
	if (sim->options.lossless && ev->fault.kind && !h->logout_sent)
		sim_fail(sim, "a connection was lost: %s", ev->fault.text);
	sim_say(sim, "connection %llu left: %s", (unsigned long long)ev->id, ev->fault.text);
	for (unsigned i = 0; i < h->paths; i++)
		if (h->path[i]->id == ev->id) {
			path_remove(h, h->path[i]);
			return;
		}
}

static struct carrier *order(struct sim *sim, const struct conn *conn, const struct message *what)
{
	struct carrier *c = carrier_of(sim, conn);

	if (c)
		carrier_order(c, what);
	else
		sim_fail(sim, "an order to a connection that is gone");
	return c;
}

/* It takes no new commands any more. */
static void dismiss(struct sim *sim, const struct session_event *ev, enum order_kind kind)
{
	struct carrier *c = order(sim, ev->conn, &(struct message){ .kind = kind, .reason = ev->reason });

	if (c)
		path_remove(&sim->home, c);
}

static void came_up(struct sim *sim, const struct session_event *ev)
{
	struct home *h = &sim->home;

	if (h->up || session_state(h->session) != SESSION_Q3_LOGGED_IN)
		sim_fail(sim, "up while up, or not in Q3");
	if (!h->ups)
		DUTY("N1");
	else if (ev->epoch == h->epoch)
		DUTY("N4 REC-14");
	else
		DUTY("N6 REC-1");
	if (h->ups && (ev->epoch < h->epoch || (ev->epoch == h->epoch && (h->failed || !sim->options.level))))
		sim_fail(sim, "the epoch does not rise");
	h->up = h->ask_again = true;
	if (!h->ups) {
		memory.one_in = sim->options.memory_one_in;
		memory.left = sim->options.memory_failures;
	}
	h->failed = false;
	h->epoch = ev->epoch;
	h->ups++;
}

static void wake_all(struct sim *sim, uint64_t slots)
{
	list_for_each(it, &sim->carriers) {
		struct carrier *c = list_entry(it, struct carrier, link);

		if (!c->forgotten && (slots >> c->slot & 1))
			carrier_order(c, &(struct message){ .kind = ORDER_WAKE });
	}
}

/* The end of a connection may be told to the session later than it knows of it otherwise. */
#define LATE (700 * SIM_MS)

/* TIM-2, unless the caller knows what the target needs. */
static void check_pause(struct sim *sim, uint16_t cid)
{
	const struct home *h = &sim->home;
	unsigned i = cid % (sizeof(h->lost) / sizeof(h->lost[0]));

	if (h->lost[i].cid != cid)
		sim_fail(sim, "a Logout for CID %u, which was not lost", cid);
	else if (!h->announced && sim->now + LATE < h->lost[i].at + h->pause)
		sim_fail(sim, "a Logout for CID %u before its time", cid);
	else
		DUTY("TIM-1 TIM-2 REC-17");
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
		if (!h->up || session_state(h->session) != SESSION_Q4_FAILED)
			sim_fail(sim, "down while down, or not in Q4");
		DUTY("N5 REC-2");
		if (sim->options.lossless)
			sim_fail(sim, "the session was lost: %s", ev->fault.text);
		h->up = false;
		h->downs++;
		break;
	case SESSION_EVENT_CLEANUP:
		sim_say(sim, "CID %u is to be logged out, reason %u", ev->lost.cid, ev->lost.reason);
		check_pause(sim, ev->lost.cid);
		order(sim, ev->conn, &(struct message){ .kind = ORDER_CLEANUP, .lost = ev->lost });
		break;
	case SESSION_EVENT_CONCLUDE:
		order(sim, ev->conn, &(struct message){ .kind = ORDER_CONCLUDE, .lun = ev->lun,
			.function = ev->function, .cmd_sn = ev->cmd_sn });
		break;
	case SESSION_EVENT_RULED:
		h->ask_again = true;
		break;
	case SESSION_EVENT_WAKE:
		wake_all(sim, ev->wake);
		break;
	case SESSION_EVENT_ASYNC: /* a drop that was announced comes with times of its own */
		if (ev->async.event == PDU_ASYNC_CONNECTION_DROP || ev->async.event == PDU_ASYNC_SESSION_DROP)
			h->announced = true;
		break;
	case SESSION_EVENT_FAILED:
		if (!sim->options.gives_up)
			sim_fail(sim, "the hold time ran out");
		h->failed = h->ask_again = true;
		break;
	case SESSION_EVENT_END:
		if (session_state(h->session) != SESSION_Q1_FREE)
			sim_fail(sim, "over, and not in Q1");
		DUTY("N3");
		h->over = true;
		h->up = false;
		adrift_end(sim);
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

static void managed(struct sim *sim, struct management *m)
{
	struct home *h = &sim->home;

	if (m != h->managing) {
		sim_fail(sim, "an answer to no task management function");
		return;
	}
	sim_say(sim, "function %u: %s, response %u", m->function, m->fault.kind ? m->fault.text : "answered",
		m->response);
	if (!m->fault.kind && !h->over) {
		h->managed += m->response == 0;
		DOOR(session_managed(h->session, m, sim->now));
	}
	/* Sent and not answered: the target may have ended commands without a word, so it is repeated
	 * until it is answered, or until a reinstatement has ended everything. */
	if (m->fault.kind && m->cmd_sn && !h->over && h->managing_epoch == h->epoch) {
		h->manage_again = true;
		return;
	}
	h->managing = NULL;
	free(m);
}

void home_news(struct sim *sim, struct carrier *c, struct message *m)
{
	struct home *h = &sim->home;

	switch ((enum news_kind)m->kind) {
	case NEWS_UP:
		c->up = true;
		c->cid = m->up.cid;
		h->pause = m->up.params.default_time2wait * SIM_S;
		if (sim->options.rest != ENGINE_TIME2WAIT && sim->options.rest * SIM_MS < h->pause)
			h->pause = sim->options.rest * SIM_MS;
		DOOR(session_conn_up(h->session, c->conn, &m->up, sim->now));
		break;
	case NEWS_TASK:
		if (m->task->outcome == TASK_SUSPENDED)
			adrift_take(sim, m->task);
		else
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
	case NEWS_DOUBT:
	case NEWS_TRUST:
		c->doubted = m->kind == NEWS_DOUBT;
		return;
	case NEWS_MANAGED:
		managed(sim, m->management);
		break;
	case NEWS_CLEANED:
		DOOR(session_conn_cleaned(h->session, c->conn, &m->cleaned, sim->now));
		break;
	case NEWS_END:
		path_remove(h, c);
		c->forgotten = true;
		if (c->up) {
			h->lost[c->cid % 64].cid = c->cid;
			h->lost[c->cid % 64].at = sim->now;
		}
		h->logins_failed += !c->up;
		DOOR(session_conn_ended(h->session, c->conn, &m->fault, sim->now));
		break;
	}
	pump(sim);
}

/* One that is in doubt gets nothing as long as there is another. */
static struct carrier *pick_path(struct sim *sim)
{
	struct home *h = &sim->home;
	unsigned first = random_below(&sim->random, h->paths);

	for (unsigned i = 0; i < h->paths; i++)
		if (!h->path[(first + i) % h->paths]->doubted)
			return h->path[(first + i) % h->paths];
	return h->paths ? h->path[first] : NULL;
}

bool home_give(struct sim *sim, struct task *task)
{
	struct carrier *c = pick_path(sim);

	if (c)
		carrier_order(c, &(struct message){ .kind = ORDER_SUBMIT, .task = task });
	return c != NULL;
}

bool home_submit(struct sim *sim, struct task *task)
{
	return sim->home.up && home_give(sim, task);
}

bool home_manage(struct sim *sim, struct carrier *c, uint8_t function, uint64_t lun)
{
	struct home *h = &sim->home;

	if (h->managing)
		return false;
	h->managing = sim_alloc(sizeof(*h->managing));
	h->managing->function = function;
	h->managing->lun = lun;
	h->managing_epoch = h->epoch;
	sim->functions_came = true;
	carrier_order(c, &(struct message){ .kind = ORDER_MANAGE, .management = h->managing });
	return true;
}

/* ---------------------------------------------------------------- the run */

static void ask_text(struct sim *sim)
{
	sim->home.text_asked = true;
	carrier_order(sim->home.path[0], &(struct message){ .kind = ORDER_TEXT });
}

static bool manage_again(struct sim *sim)
{
	struct home *h = &sim->home;
	struct carrier *c = h->up ? pick_path(sim) : NULL;

	if (!h->manage_again || (!c && !h->over && h->epoch == h->managing_epoch))
		return false;
	h->manage_again = false;
	if (c && h->epoch == h->managing_epoch) {
		carrier_order(c, &(struct message){ .kind = ORDER_MANAGE, .management = h->managing });
		return true;
	}
	free(h->managing);
	h->managing = NULL;
	return true;
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
	if (manage_again(sim))
		return true;
	if (h->up && h->paths && sim->options.discovery && !h->text_asked) {
		ask_text(sim);
		return true;
	}
	if (h->over || h->logout_sent || home_open_calls(h) || h->id_count >= h->wanted || !h->up ||
	    h->add_at > sim->now)
		return false;
	if (sim->options.add_fails && h->adds_failed)
		return false;
	home_add(sim);
	return true;
}

uint64_t home_deadline(const struct sim *sim)
{
	const struct home *h = &sim->home;
	uint64_t at = h->over ? ENGINE_NEVER : session_deadline(h->session);

	return h->add_at > sim->now && h->add_at < at ? h->add_at : at;
}

void home_begin(struct sim *sim)
{
	struct home *h = &sim->home;
	struct session_config config = { .initiator_name = "iqn.2026-11.test:initiator",
		.target_name = sim->options.discovery ? NULL : sim->options.peer.target,
		.type = sim->options.discovery ? SESSION_DISCOVERY : SESSION_NORMAL,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .first_cmd_sn = sim->options.first_cmd_sn,
		.offer = sim->options.offer, .portal_group_tag = -1, .ordering = sim->options.ordering,
		.one_holder = sim->options.one_holder, .no_reassign = sim->options.no_reassign,
		.rest = sim->options.rest, .times = sim->options.times,
		.seed = sim->random.state };

	list_init(&h->adrift);
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
