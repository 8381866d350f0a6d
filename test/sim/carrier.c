/*
 * carrier.c - a connection of the engine on its loop: its socket, its deadline, and the messages
 * between it and the session's home. It asks the engine only when the doors say that there may be
 * something, so that a wake-up that gets lost is noticed as a run that does not end.
 */
#include <string.h>

#include "memory.h"
#include "sim.h"

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
	case CONN_EVENT_TASK:
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
	case CONN_EVENT_END:
		sim_say(sim, "connection %llu ended: %s", (unsigned long long)c->id, ev->fault.text);
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
	DOOR(conn_opened(c->conn, entropy, sim->now));
	drain(sim, c);
}

void carrier_closed(struct sim *sim, struct carrier *c, enum fault_kind kind, int detail)
{
	struct fault why;

	fault_set(&why, kind, detail, "the simulated network");
	c->wire = NULL;
	c->lent_count = 0;
	DOOR(conn_closed(c->conn, &why, sim->now));
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
		DOOR(conn_received(c->conn, n, sim->now));
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

		wire_send(c->wire, c->lent[i].iov_base, part);
		left -= part;
	}
	c->lent_count = 0;
	DOOR(conn_sent(c->conn, n, sim->now));
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
	DOOR(c->lent_count = conn_pending(c->conn, c->lent, ENGINE_PENDING_IOV, sim->now));
	if (c->lent_count) {
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

static void obey(struct sim *sim, struct carrier *c, const struct message *order)
{
	if (c->ended) {
		if (order->kind == ORDER_SUBMIT) {
			order->task->outcome = TASK_UNSENT;
			tell(c, &(struct message){ .kind = NEWS_TASK, .task = order->task });
		}
		return;
	}
	switch ((enum order_kind)order->kind) {
	case ORDER_START:
		DOOR(conn_start(c->conn, sim->now));
		break;
	case ORDER_SUBMIT:
		DOOR(conn_submit(c->conn, order->task, sim->now));
		break;
	case ORDER_LOGOUT:
		DOOR(conn_logout(c->conn, order->reason, sim->now));
		break;
	case ORDER_ABANDON:
		DOOR(conn_abandon(c->conn, sim->now));
		break;
	case ORDER_WAKE:
		conn_wake(c->conn);
		break;
	case ORDER_TEXT:
		if (conn_text(c->conn, "SendTargets=All", sizeof("SendTargets=All"), sim->now) < 0)
			sim_fail(sim, "conn_text refused");
		break;
	}
	drain(sim, c);
}

static bool take_order(struct sim *sim, struct carrier *c)
{
	struct list *it = list_pop(&c->orders);
	struct message *m;

	if (!it)
		return false;
	m = list_entry(it, struct message, link);
	obey(sim, c, m);
	free(m);
	return true;
}

static bool deliver_news(struct sim *sim, struct carrier *c)
{
	struct list *it = list_pop(&c->news);
	struct message *m;

	if (!it)
		return false;
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

uint64_t carrier_deadline(const struct carrier *c)
{
	return c->ended ? ENGINE_NEVER : conn_deadline(c->conn);
}

void carrier_expire(struct sim *sim, struct carrier *c)
{
	if (c->ended || conn_deadline(c->conn) > sim->now)
		return;
	DOOR(conn_expire(c->conn, sim->now));
	drain(sim, c);
}
