/*
 * carrier.c - a connection of the engine on its loop: its socket, its deadline, and the messages
 * between it and the session's home. It asks the engine only when the doors say that there may be
 * something, so that a wake-up that gets lost is noticed as a run that does not end.
 */
#include <string.h>

#include "../duty.h"
#include "memory.h"
#include "sim.h"

/* Memory that runs out is noted where the connection is. */
#define CARRIER_DOOR(c, call) \
	do { memory.place = memory.one_in ? trouble_place(c) : PLACE_S2; DOOR(call); \
	     memory.place = PLACE_S2; } while (0)

static void post(struct list *queue, const struct message *what)
{
	struct message *m = sim_alloc(sizeof(*m));

	*m = *what;
	list_append(queue, &m->link);
}

struct carrier *carrier_new(struct sim *sim, struct conn *conn)
{
	struct carrier *c = sim_alloc(sizeof(*c));

	c->conn = conn;
	c->id = conn_id(conn);
	c->slot = conn_slot(conn);
	c->state = conn_state(conn);
	list_init(&c->orders);
	list_init(&c->news);
	list_append(&sim->carriers, &c->link);
	return c;
}

static void drop_messages(struct list *queue)
{
	struct list *it;

	while ((it = list_pop(queue)))
		free(list_entry(it, struct message, link));
}

void carrier_free(struct carrier *c)
{
	list_remove(&c->link);
	if (c->wire)
		wire_close(c->wire);
	drop_messages(&c->orders);
	drop_messages(&c->news);
	conn_free(c->conn);
	free(c);
}

void carrier_order(struct carrier *c, const struct message *order)
{
	post(&c->orders, order);
}

static void tell(struct carrier *c, const struct message *news)
{
	post(&c->news, news);
}

/* ---------------------------------------------------------------- events */

static void drain(struct sim *sim, struct carrier *c);

static void close_wire(struct carrier *c)
{
	if (c->wire)
		wire_close(c->wire);
	c->wire = NULL;
	c->lent_count = 0;
}

static unsigned state_number(enum conn_state state)
{
	static const uint8_t numbers[] = { [CONN_S1_FREE] = 1, [CONN_S2_XPT_WAIT] = 2,
		[CONN_S4_IN_LOGIN] = 4, [CONN_S5_LOGGED_IN] = 5, [CONN_S6_IN_LOGOUT] = 6,
		[CONN_S7_LOGOUT_REQUESTED] = 7, [CONN_S8_CLEANUP_WAIT] = 8 };

	return numbers[state];
}

/* RFC 7143 section 8.1.4. What leads to S8 there ends the connection here, and the session cleans up
 * after it; a door call may bring several steps at once. */
static void check_state(struct sim *sim, struct carrier *c)
{
	enum conn_state was = c->state, is = conn_state(c->conn);

	if (was == is)
		return;
	c->state = is;
	c->before = was;
	switch (was * 16 + is) {
	case CONN_S1_FREE * 16 + CONN_S2_XPT_WAIT:
		DUTY("T1");
		break;
	case CONN_S2_XPT_WAIT * 16 + CONN_S4_IN_LOGIN:
		DUTY("T4");
		break;
	case CONN_S4_IN_LOGIN * 16 + CONN_S5_LOGGED_IN:
		DUTY("T5");
		break;
	case CONN_S5_LOGGED_IN * 16 + CONN_S6_IN_LOGOUT:
		DUTY("T9");
		break;
	case CONN_S5_LOGGED_IN * 16 + CONN_S7_LOGOUT_REQUESTED:
		DUTY("T11");
		if (c->wire)
			trouble_watch(sim, c->wire, PLACE_S7);
		break;
	case CONN_S7_LOGOUT_REQUESTED * 16 + CONN_S6_IN_LOGOUT:
		DUTY("T10");
		break;
	case CONN_S4_IN_LOGIN * 16 + CONN_S2_XPT_WAIT: /* moved, or begun anew */
	case CONN_S4_IN_LOGIN * 16 + CONN_S6_IN_LOGOUT:
	case CONN_S4_IN_LOGIN * 16 + CONN_S7_LOGOUT_REQUESTED:
		break;
	default:
		if (is != CONN_S1_FREE)
			sim_fail(sim, "a connection went from S%u to S%u", state_number(was),
				 state_number(is));
		break;
	}
}

/* The steps to S1, and those to S8. */
static void check_end(const struct carrier *c, enum fault_kind why)
{
	switch (c->before) {
	case CONN_S2_XPT_WAIT:
		DUTY("T2");
		break;
	case CONN_S4_IN_LOGIN:
		DUTY("T7");
		break;
	case CONN_S5_LOGGED_IN:
		if (why == FAULT_ABANDONED)
			DUTY("T8");
		else
			DUTY("T15");
		break;
	case CONN_S6_IN_LOGOUT:
		if (why == FAULT_NONE)
			DUTY("T13");
		else
			DUTY("T17");
		break;
	case CONN_S7_LOGOUT_REQUESTED:
		if (why == FAULT_ABANDONED)
			DUTY("T18");
		else
			DUTY("T16");
		break;
	case CONN_S1_FREE:
	case CONN_S8_CLEANUP_WAIT:
		break;
	}
}

/* The transport is asked: nothing acknowledged for as long means that the path is dead; a slow target
 * is only left alone for a while. */
static void in_doubt(struct sim *sim, struct carrier *c, uint64_t silence)
{
	struct fault why;

	c->asked_doubt = true;
	if (!silence)
		sim_fail(sim, "doubt without silence");
	if (!c->wire || wire_silence(sim, c->wire) < silence) {
		tell(c, &(struct message){ .kind = NEWS_DOUBT });
		return;
	}
	sim->trouble_came = true;
	sim_say(sim, "%3u    nothing acknowledged: the path is dead", c->wire->id);
	fault_set(&why, FAULT_TIMEOUT, 0, "nothing acknowledged for %llu ms; the path is dead",
		  (unsigned long long)(silence / SIM_MS));
	close_wire(c);
	conn_closed(c->conn, &why, sim->now);
}

/* What the network still reads is not given back, as long as there is a network. */
static void check_lent(struct sim *sim, const struct carrier *c, const struct task *task)
{
	if (conn_state(c->conn) == CONN_S1_FREE)
		return;
	for (unsigned i = 0; i < c->lent_count; i++) {
		const uint8_t *at = c->lent[i].iov_base;

		if (at < task->out + task->out_len && task->out < at + c->lent[i].iov_len)
			sim_fail(sim, "a command was given back while its data were lent");
	}
}

/* What has been given back is not lent any more. */
static void check_lendable(struct sim *sim, const struct carrier *c)
{
	for (unsigned i = 0; i < c->lent_count; i++)
		if (work_is_over(sim, c->lent[i].iov_base, c->lent[i].iov_len))
			sim_fail(sim, "data of a command that has ended were lent");
}

static void on_event(struct sim *sim, struct carrier *c, const struct conn_event *ev)
{
	switch (ev->kind) {
	case CONN_EVENT_NONE:
		break;
	case CONN_EVENT_OPEN:
		close_wire(c);
		c->wire = wire_new(sim, c);
		break;
	case CONN_EVENT_UP:
		tell(c, &(struct message){ .kind = NEWS_UP, .up = ev->up });
		break;
	case CONN_EVENT_VERIFY:
		sim_fail(sim, "a verdict was asked for without RADIUS");
		break;
	case CONN_EVENT_TASK:
		check_lent(sim, c, ev->task);
		work_check_status(sim, ev->task);
		tell(c, &(struct message){ .kind = NEWS_TASK, .task = ev->task });
		break;
	case CONN_EVENT_TEXT:
		if (ev->text_len < sizeof(sim->home.text)) {
			memcpy(sim->home.text, ev->text, ev->text_len);
			sim->home.text_len = ev->text_len;
		}
		tell(c, &(struct message){ .kind = NEWS_TEXT, .fault = ev->fault });
		break;
	case CONN_EVENT_ASYNC:
		tell(c, &(struct message){ .kind = NEWS_ASYNC, .async = ev->async });
		break;
	case CONN_EVENT_WAKE:
		if (ev->wake >> c->slot & 1)
			conn_wake(c->conn);
		tell(c, &(struct message){ .kind = NEWS_WAKE, .wake = ev->wake });
		break;
	case CONN_EVENT_MANAGED:
		tell(c, &(struct message){ .kind = NEWS_MANAGED, .management = ev->management });
		break;
	case CONN_EVENT_CLEANED:
		tell(c, &(struct message){ .kind = NEWS_CLEANED, .cleaned = ev->cleaned });
		break;
	case CONN_EVENT_DOUBT:
		in_doubt(sim, c, ev->silence);
		break;
	case CONN_EVENT_TRUST:
		if (!c->asked_doubt)
			sim_fail(sim, "trusted again without a doubt");
		c->asked_doubt = false;
		tell(c, &(struct message){ .kind = NEWS_TRUST });
		break;
	case CONN_EVENT_END:
		sim_say(sim, "connection %llu ended: %s", (unsigned long long)c->id, ev->fault.text);
		check_end(c, ev->fault.kind);
		close_wire(c);
		c->ended = true;
		tell(c, &(struct message){ .kind = NEWS_END, .fault = ev->fault });
		break;
	}
}

/* After every door call. */
static void drain(struct sim *sim, struct carrier *c)
{
	struct conn_event ev = { .kind = CONN_EVENT_NONE };

	check_state(sim, c);

	while (conn_next_event(c->conn, &ev)) {
		if (c->ended)
			sim_fail(sim, "an event after the end of a connection");
		on_event(sim, c, &ev);
		ev = (struct conn_event){ .kind = CONN_EVENT_NONE };
	}
	c->busy = true;
}

/* ---------------------------------------------------------------- the network */

void carrier_opened(struct sim *sim, struct carrier *c)
{
	uint8_t entropy[ENGINE_ENTROPY];

	for (unsigned i = 0; i < ENGINE_ENTROPY; i++)
		entropy[i] = (uint8_t)random_next(&sim->random);
	CARRIER_DOOR(c, conn_opened(c->conn, entropy, sim->now));
	drain(sim, c);
}

void carrier_closed(struct sim *sim, struct carrier *c, enum fault_kind kind, int detail)
{
	struct fault why;

	fault_set(&why, kind, detail, "the simulated network");
	c->wire = NULL;
	c->lent_count = 0;
	CARRIER_DOOR(c, conn_closed(c->conn, &why, sim->now));
	drain(sim, c);
}

void carrier_received(struct sim *sim, struct carrier *c, const uint8_t *data, size_t len)
{
	uint8_t staging[4096];
	struct wire *wire = c->wire;
	struct iovec iov[2];

	while (len && c->wire == wire && !c->ended) {
		size_t room = 1 + random_below(&sim->random, sizeof(staging)), n = 0;
		unsigned count = conn_space(c->conn, staging, room, iov);

		for (unsigned i = 0; i < count && n < len; i++) {
			size_t part = iov[i].iov_len < len - n ? iov[i].iov_len : len - n;

			memcpy(iov[i].iov_base, data + n, part);
			n += part;
		}
		if (!n)
			break;
		CARRIER_DOOR(c, conn_received(c->conn, n, sim->now));
		drain(sim, c);
		data += n;
		len -= n;
	}
}

/* ---------------------------------------------------------------- sending */

static size_t lent_bytes(const struct carrier *c)
{
	size_t n = 0;

	for (unsigned i = 0; i < c->lent_count; i++)
		n += c->lent[i].iov_len;
	return n;
}

/* The bytes are read now: what is lent must still be there. */
static void send_lent(struct sim *sim, struct carrier *c)
{
	size_t room = wire_room(c->wire), all = lent_bytes(c), n, left;

	n = all < room ? all : room;
	if (n > 1 && random_one_in(&sim->random, 4))
		n = 1 + random_below(&sim->random, (uint32_t)n);
	left = n;
	for (unsigned i = 0; i < c->lent_count && left; i++) {
		size_t part = c->lent[i].iov_len < left ? c->lent[i].iov_len : left;

		wire_send(sim, c->wire, c->lent[i].iov_base, part);
		left -= part;
	}
	c->lent_count = 0;
	CARRIER_DOOR(c, conn_sent(c->conn, n, sim->now));
	drain(sim, c);
	c->busy = n == all;
}

static bool send_step(struct sim *sim, struct carrier *c)
{
	if (!c->busy || !c->wire || !wire_room(c->wire))
		return false;
	if (c->lent_count) {
		send_lent(sim, c);
		return true;
	}
	c->busy = false;
	if (!conn_wants_send(c->conn))
		return true;
	CARRIER_DOOR(c, c->lent_count = conn_pending(c->conn, c->lent, ENGINE_PENDING_IOV, sim->now));
	if (c->lent_count) {
		check_lendable(sim, c);
		c->busy = true;
		if (random_one_in(&sim->random, 2))
			send_lent(sim, c);
		return true;
	}
	drain(sim, c); /* conn_pending alone may have had news */
	c->busy = false;
	return true;
}

/* ---------------------------------------------------------------- steps */

/* The connection has ended; what came for it goes back as it was. */
static void send_back(struct carrier *c, const struct message *order)
{
	if (order->kind == ORDER_SUBMIT) {
		if (order->task->outcome != TASK_SUSPENDED)
			order->task->outcome = TASK_UNSENT;
		tell(c, &(struct message){ .kind = NEWS_TASK, .task = order->task });
	}
	if (order->kind == ORDER_MANAGE) {
		fault_set(&order->management->fault, FAULT_GONE, 0, "the connection has ended");
		tell(c, &(struct message){ .kind = NEWS_MANAGED, .management = order->management });
	}
}

static void obey(struct sim *sim, struct carrier *c, const struct message *order)
{
	if (c->ended) {
		send_back(c, order);
		return;
	}
	switch ((enum order_kind)order->kind) {
	case ORDER_START:
		CARRIER_DOOR(c, conn_start(c->conn, sim->now));
		break;
	case ORDER_SUBMIT:
		CARRIER_DOOR(c, conn_submit(c->conn, order->task, sim->now));
		break;
	case ORDER_LOGOUT:
		CARRIER_DOOR(c, conn_logout(c->conn, order->reason, sim->now));
		if (c->wire)
			trouble_watch(sim, c->wire, PLACE_S6);
		break;
	case ORDER_ABANDON:
		CARRIER_DOOR(c, conn_abandon(c->conn, sim->now));
		break;
	case ORDER_WAKE:
		conn_wake(c->conn);
		break;
	case ORDER_CLEANUP:
		CARRIER_DOOR(c, conn_cleanup(c->conn, &order->lost, sim->now));
		break;
	case ORDER_CONCLUDE:
		CARRIER_DOOR(c, conn_conclude_covered(c->conn, order->function, order->lun, order->cmd_sn,
					   sim->now));
		break;
	case ORDER_MANAGE:
		CARRIER_DOOR(c, conn_manage(c->conn, order->management, sim->now));
		break;
	case ORDER_TEXT:
		if (conn_text(c->conn, "SendTargets=All", sizeof("SendTargets=All"), sim->now) < 0)
			sim_fail(sim, "conn_text refused");
		break;
	}
	drain(sim, c);
}

/* A loop that is busy with other things reads its messages later. */
static bool postponed(struct sim *sim, const struct list *queue, uint64_t *until)
{
	if (list_empty(queue) || *until > sim->now)
		return true;
	if (!random_one_in(&sim->random, 24))
		return false;
	*until = sim->now + random_below(&sim->random, sim->options.loop_delay * 1000) * SIM_US;
	return true;
}

static bool take_order(struct sim *sim, struct carrier *c)
{
	struct list *it;
	struct message *m;

	if (postponed(sim, &c->orders, &c->orders_at))
		return false;
	it = list_pop(&c->orders);
	m = list_entry(it, struct message, link);
	obey(sim, c, m);
	free(m);
	return true;
}

static bool deliver_news(struct sim *sim, struct carrier *c)
{
	struct list *it;
	struct message *m;

	if (postponed(sim, &c->news, &c->news_at))
		return false;
	it = list_pop(&c->news);
	m = list_entry(it, struct message, link);
	home_news(sim, c, m);
	free(m);
	return true;
}

bool carrier_step(struct sim *sim, struct carrier *c)
{
	if (c->forgotten && list_empty(&c->orders) && list_empty(&c->news)) {
		carrier_free(c);
		return true;
	}
	switch (random_below(&sim->random, 3)) {
	case 0:
		return take_order(sim, c) || deliver_news(sim, c) || send_step(sim, c);
	case 1:
		return deliver_news(sim, c) || send_step(sim, c) || take_order(sim, c);
	default:
		return send_step(sim, c) || take_order(sim, c) || deliver_news(sim, c);
	}
}

/* Only of the connection. */
static uint64_t conn_due(const struct carrier *c)
{
	return c->ended ? ENGINE_NEVER : conn_deadline(c->conn);
}

uint64_t carrier_deadline(const struct carrier *c)
{
	uint64_t at = conn_due(c);

	if (!list_empty(&c->orders) && c->orders_at < at)
		at = c->orders_at;
	if (!list_empty(&c->news) && c->news_at < at)
		at = c->news_at;
	return at;
}

bool carrier_expire(struct sim *sim, struct carrier *c)
{
	if (conn_due(c) > sim->now)
		return false;
	CARRIER_DOOR(c, conn_expire(c->conn, sim->now));
	drain(sim, c);
	return true;
}
