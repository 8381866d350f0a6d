/*
 * trouble.c - what goes wrong on purpose, spread over the work.
 */
#include "sim.h"

bool trouble_left(const struct sim *sim)
{
	for (unsigned i = 0; i < TROUBLE_KINDS; i++)
		if (sim->trouble_done[i] < sim->options.trouble[i])
			return true;
	return false;
}

/* A connection that carries I/O and whose wire stands; NULL if there is none. */
static struct carrier *pick(struct sim *sim)
{
	struct home *h = &sim->home;
	struct carrier *c = h->paths ? h->path[random_below(&sim->random, h->paths)] : NULL;

	return c && c->wire && !c->wire->cut && c->wire->peer ? c : NULL;
}

static void cut_all(struct sim *sim)
{
	list_for_each(it, &sim->wires)
		wire_cut(list_entry(it, struct wire, link));
}

static void lose_power(struct sim *sim)
{
	cut_all(sim);
	list_for_each(it, &sim->wires) {
		struct wire *w = list_entry(it, struct wire, link);

		if (w->peer)
			peer_conn_closed(w->peer);
		w->peer = NULL;
	}
	peer_power_failure(sim->peer);
	work_power_failure(sim);
}

static void announce(struct sim *sim, struct carrier *c, enum trouble kind)
{
	static const uint8_t events[TROUBLE_KINDS] = { [TROUBLE_ASYNC_LOGOUT] = 1,
		[TROUBLE_ASYNC_DROP] = 2, [TROUBLE_ASYNC_DROP_ALL] = 3, [TROUBLE_ASYNC_NEGOTIATE] = 4 };
	struct carrier *other = pick(sim);
	uint16_t cid = 0;

	if (kind == TROUBLE_ASYNC_DROP && other)
		cid = peer_conn_cid(other->wire->peer);
	peer_conn_async(c->wire->peer, events[kind], cid, kind == TROUBLE_ASYNC_LOGOUT ? 0 : 1,
			kind == TROUBLE_ASYNC_LOGOUT || kind == TROUBLE_ASYNC_NEGOTIATE ? 3 : 20);
	if (kind == TROUBLE_ASYNC_DROP && other)
		other->wire->cut_after = other->wire->moved + 2000;
}

static bool add_or_remove(struct sim *sim, enum trouble kind)
{
	struct home *h = &sim->home;

	if (!h->up || home_open_calls(h))
		return false;
	if (kind == TROUBLE_REMOVE && h->id_count < 2)
		return true; /* too late */
	if (kind == TROUBLE_REMOVE) {
		h->wanted--;
		home_remove(sim, h->ids[1 + random_below(&sim->random, h->id_count - 1)]);
	} else if (h->wanted < SIM_CONNS) {
		h->wanted++;
	}
	return true;
}

/* Answers that are on their way up: they tell of a time before the failure. */
static bool news_waits(const struct sim *sim)
{
	list_for_each(it, &sim->carriers)
		if (!list_empty(&list_entry(it, struct carrier, link)->news))
			return true;
	return false;
}

/* Returns false if it can't come now. */
static bool bring(struct sim *sim, enum trouble kind)
{
	struct carrier *c = pick(sim);

	if (kind == TROUBLE_ADD || kind == TROUBLE_REMOVE)
		return add_or_remove(sim, kind);
	if (kind == TROUBLE_POWER && news_waits(sim))
		return false;
	if (kind != TROUBLE_NO_ANSWER && kind != TROUBLE_POWER && !c)
		return false;
	switch (kind) {
	case TROUBLE_CUT:
		wire_cut(c->wire);
		break;
	case TROUBLE_CUT_ALL:
		cut_all(sim);
		break;
	case TROUBLE_SILENT:
		c->wire->stall = sim->now + 3600 * SIM_S;
		break;
	case TROUBLE_STALL:
		c->wire->stall = sim->now + random_below(&sim->random, 2000) * SIM_MS;
		break;
	case TROUBLE_PING:
		peer_conn_ping(c->wire->peer);
		break;
	case TROUBLE_POWER:
		lose_power(sim);
		break;
	case TROUBLE_NO_ANSWER:
		sim->refuse_until = sim->now + random_below(&sim->random, 20000) * SIM_MS;
		break;
	default:
		announce(sim, c, kind);
		break;
	}
	return true;
}

static bool harmless(enum trouble kind)
{
	return kind == TROUBLE_STALL || kind == TROUBLE_PING || kind == TROUBLE_ADD ||
	       kind == TROUBLE_REMOVE || kind == TROUBLE_ASYNC_SCSI || kind == TROUBLE_ASYNC_NEGOTIATE;
}

/* The k-th of n comes when about k of n + 1 parts of the work were begun. */
bool trouble_step(struct sim *sim)
{
	unsigned kind = random_below(&sim->random, TROUBLE_KINDS);
	unsigned done = sim->trouble_done[kind], all = sim->options.trouble[kind];

	if (done >= all || !sim->home.ups || sim->home.over ||
	    sim->work.begun * (all + 1) < sim->options.ops * (done + 1))
		return false;
	if (!bring(sim, (enum trouble)kind))
		return false;
	sim_say(sim, "trouble %u", kind);
	sim->trouble_done[kind]++;
	if (!harmless((enum trouble)kind))
		sim->trouble_came = true;
	return true;
}
