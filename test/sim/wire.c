/*
 * wire.c - the network: TCP connections whose bytes arrive in pieces of any size at any time, that
 * stall, and that are cut anywhere.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"

static void pipe_put(struct pipe *p, const void *data, size_t len)
{
	if (!len)
		return;
	if (p->at == p->len)
		p->at = p->len = 0;
	while (p->len + len > p->room) {
		p->room = p->room ? p->room * 2 : 4096;
		p->data = realloc(p->data, p->room);
		if (!p->data)
			abort();
	}
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

static size_t pipe_left(const struct pipe *p)
{
	return p->len - p->at;
}

struct wire *wire_new(struct sim *sim, struct carrier *carrier)
{
	struct wire *w = sim_alloc(sizeof(*w));
	bool short_now = sim->short_wires_left && (sim->options.short_first || sim->home.ups);

	eye_open(&w->eye);
	w->id = ++sim->next_wire;
	w->carrier = carrier;
	w->moved_at = sim->now;
	w->room = random_one_in(&sim->random, 3) ? 100 + random_below(&sim->random, 4000) : 64 << 10;
	w->connect_at = sim->now + random_below(&sim->random, 200) * SIM_US;
	if (short_now && random_one_in(&sim->random, 2)) {
		sim->short_wires_left--;
		sim->trouble_came = true;
		w->cut_after = 1 + random_below(&sim->random, random_one_in(&sim->random, 2) ? 300 : 2000);
	}
	list_append(&sim->wires, &w->link);
	sim_say(sim, "%3u    connection %llu connects", w->id, (unsigned long long)carrier->id);
	trouble_watch(sim, w, PLACE_S2);
	return w;
}

static void wire_free(struct wire *w)
{
	if (w->peer)
		peer_conn_closed(w->peer);
	list_remove(&w->link);
	free(w->up.data);
	free(w->down.data);
	free(w);
}

void wire_close(struct wire *w)
{
	w->carrier = NULL;
}

void wire_cut(struct wire *w)
{
	w->cut = true;
	w->stall = w->slow = 0;
	w->unreachable = false;
}

size_t wire_room(const struct wire *w)
{
	size_t used = pipe_left(&w->up);

	return !w->open || w->cut || used >= w->room ? 0 : w->room - used;
}

bool wire_fails(const struct sim *sim, const struct wire *w)
{
	return w->cut || w->cut_after || w->stall > sim->now || w->slow > sim->now || eye_will_flip(w);
}

uint64_t wire_silence(const struct sim *sim, const struct wire *w)
{
	return w->stall > sim->now && pipe_left(&w->up) ? sim->now - w->moved_at : 0;
}

void wire_send(struct sim *sim, struct wire *w, const void *data, size_t len)
{
	if (!pipe_left(&w->up))
		w->moved_at = sim->now;
	pipe_put(&w->up, data, len);
	eye_see(sim, w, WAY_UP, w->up.data + w->up.len - len, len);
}

/* How many bytes arrive at once. */
static size_t piece(struct sim *sim, size_t len)
{
	static const uint32_t most[] = { 1, 3, 60, 500, 1 << 20, 1 << 20 };
	size_t n = 1 + random_below(&sim->random, most[random_below(&sim->random, 6)]);

	return n < len ? n : len;
}

static void count(struct wire *w, size_t n)
{
	w->moved += n;
	if (w->cut_after && w->moved >= w->cut_after)
		wire_cut(w);
}

static bool move_up(struct sim *sim, struct wire *w)
{
	size_t n = piece(sim, pipe_left(&w->up));

	if (!n || !w->peer || w->slow > sim->now)
		return false;
	w->moved_at = sim->now;
	peer_conn_received(w->peer, w->up.data + w->up.at, n);
	w->up.at += n;
	if (w->carrier)
		w->carrier->busy = true; /* the socket has room again */
	count(w, n);
	return true;
}

static bool move_down(struct sim *sim, struct wire *w)
{
	const uint8_t *data;
	size_t n;

	if (w->peer) {
		data = peer_conn_output(w->peer, &n);
		if (n) {
			pipe_put(&w->down, data, n);
			peer_conn_sent(w->peer, n);
			eye_see(sim, w, WAY_DOWN, w->down.data + w->down.len - n, n);
		}
	}
	n = piece(sim, pipe_left(&w->down));
	if (!n || !w->carrier)
		return false;
	w->down.at += n;
	w->moved_at = sim->now;
	carrier_received(sim, w->carrier, w->down.data + w->down.at - n, n);
	count(w, n);
	return true;
}

/* One side notices that the other has gone. */
static bool end_up(struct sim *sim, struct wire *w)
{
	bool ours = random_one_in(&sim->random, 2);
	struct carrier *carrier = w->carrier;

	if (w->cut && ours && carrier) {
		w->carrier = NULL;
		carrier_closed(sim, carrier, w->open ? FAULT_CLOSED : FAULT_CONNECT, ECONNRESET);
		return true;
	}
	if (w->peer && (w->cut || (!carrier && !pipe_left(&w->up)) ||
			(!carrier && random_one_in(&sim->random, 4)))) {
		peer_conn_closed(w->peer);
		w->peer = NULL;
		return true;
	}
	if (carrier && !w->cut && w->peer && peer_conn_finished(w->peer) && !pipe_left(&w->down)) {
		w->carrier = NULL;
		carrier_closed(sim, carrier, FAULT_CLOSED, 0);
		return true;
	}
	return false;
}

static bool connect_now(struct sim *sim, struct wire *w)
{
	struct carrier *carrier = w->carrier;

	if (!carrier) {
		wire_cut(w);
		return true;
	}
	if (w->unreachable || sim->now < w->connect_at)
		return false;
	w->open = true;
	if (sim->now < sim->refuse_until) {
		w->carrier = NULL;
		w->cut = true;
		carrier_closed(sim, carrier, FAULT_CONNECT, ECONNREFUSED);
		return true;
	}
	w->peer = peer_accept(sim->peer, "127.0.0.1:3260");
	carrier_opened(sim, carrier);
	return true;
}

bool wire_step(struct sim *sim, struct wire *w)
{
	if (!w->open && !w->cut)
		return connect_now(sim, w);
	if (!w->carrier && !w->peer) {
		trouble_forget(sim, w);
		wire_free(w);
		return true;
	}
	if (w->stall > sim->now)
		return false;
	if (random_one_in(&sim->random, 3) && end_up(sim, w))
		return true;
	if (!w->cut && (random_one_in(&sim->random, 2) ? move_up(sim, w) || move_down(sim, w)
						       : move_down(sim, w) || move_up(sim, w)))
		return true;
	return end_up(sim, w);
}

uint64_t wire_deadline(const struct sim *sim, const struct wire *w)
{
	if (!w->open && !w->cut)
		return w->unreachable ? ENGINE_NEVER : w->connect_at;
	if (w->stall > sim->now)
		return w->stall;
	return w->slow > sim->now ? w->slow : ENGINE_NEVER;
}
