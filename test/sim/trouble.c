/*
 * trouble.c - what goes wrong on purpose: spread over the work, or in ambush for a connection that comes
 * to a certain state.
 */
#include "memory.h"
#include "sim.h"

bool trouble_left(const struct sim *sim)
{
	for (unsigned i = 0; i < TROUBLE_KINDS; i++)
		if (i != TROUBLE_NEVER && i != TROUBLE_NO_MEMORY &&
		    sim->trouble_done[i] < sim->options.trouble[i])
			return true;
	return false;
}

/* ---------------------------------------------------------------- places */

enum place trouble_place(const struct carrier *c)
{
	const struct eye *e = c->wire ? &c->wire->eye : NULL;

	if (e && !e->login && e->reassigns)
		return PLACE_REASSIGN;
	if (e && !e->login && e->cleanups)
		return PLACE_CLEANUP;
	switch (conn_state(c->conn)) {
	case CONN_S2_XPT_WAIT:
		return PLACE_S2;
	case CONN_S4_IN_LOGIN:
		return PLACE_S4;
	case CONN_S5_LOGGED_IN:
		return PLACE_S5;
	case CONN_S6_IN_LOGOUT:
		return PLACE_S6;
	case CONN_S7_LOGOUT_REQUESTED:
		return PLACE_S7;
	case CONN_S1_FREE:
	case CONN_S8_CLEANUP_WAIT:
		break;
	}
	return PLACES;
}

void trouble_note(struct sim *sim, enum trouble kind, const struct carrier *c)
{
	enum place place = c ? trouble_place(c) : PLACES;

	if (place != PLACES)
		sim->matrix.cell[kind][place][sim->options.level]++;
}

static void note_all(struct sim *sim, enum trouble kind)
{
	list_for_each(it, &sim->carriers)
		trouble_note(sim, kind, list_entry(it, struct carrier, link));
}

/* ---------------------------------------------------------------- the network */

static void cut_all(struct sim *sim)
{
	list_for_each(it, &sim->wires)
		wire_cut(list_entry(it, struct wire, link));
}

/* Where nothing comes through; a connect that is not answered is one that never will be. */
static void fall_silent(struct wire *w, uint64_t until)
{
	if (!w->open)
		w->unreachable = true;
	else if (!w->cut && w->stall < until)
		w->stall = until;
}

/* For good as far as this session is concerned, or so long that it is noticed, and what is old by then
 * still arrives at the target. */
static uint64_t silence(struct sim *sim)
{
	return sim->now + (random_one_in(&sim->random, 2) ? 3600 : 1 + random_below(&sim->random, 30)) * SIM_S;
}

static void drop_peers(struct sim *sim)
{
	cut_all(sim);
	list_for_each(it, &sim->wires) {
		struct wire *w = list_entry(it, struct wire, link);

		if (w->peer)
			peer_conn_closed(w->peer);
		w->peer = NULL;
	}
}

/* Answers that are on their way up: they tell of a time before the failure. */
static bool news_waits(const struct sim *sim)
{
	list_for_each(it, &sim->carriers)
		if (!list_empty(&list_entry(it, struct carrier, link)->news))
			return true;
	return false;
}

/* ---------------------------------------------------------------- the target */

static void announce(struct carrier *c, enum trouble kind, struct carrier *other)
{
	static const uint8_t events[TROUBLE_KINDS] = { [TROUBLE_ASYNC_LOGOUT] = 1,
		[TROUBLE_ASYNC_DROP] = 2, [TROUBLE_ASYNC_DROP_ALL] = 3, [TROUBLE_ASYNC_NEGOTIATE] = 4 };
	uint16_t cid = 0;

	if (kind == TROUBLE_ASYNC_DROP && other)
		cid = peer_conn_cid(other->wire->peer);
	peer_conn_async(c->wire->peer, events[kind], cid, kind == TROUBLE_ASYNC_LOGOUT ? 0 : 1,
			kind == TROUBLE_ASYNC_LOGOUT || kind == TROUBLE_ASYNC_NEGOTIATE ? 3 : 20);
	if (kind == TROUBLE_ASYNC_DROP && other)
		other->wire->cut_after = other->wire->moved + 2000;
}

/* ---------------------------------------------------------------- the caller */

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

static bool manage(struct sim *sim, struct carrier *c, enum trouble kind)
{
	static const uint8_t functions[][3] = {
		[TROUBLE_LUN_RESET - TROUBLE_LUN_RESET] = { PDU_LOGICAL_UNIT_RESET, PDU_LOGICAL_UNIT_RESET,
			PDU_LOGICAL_UNIT_RESET },
		[TROUBLE_TARGET_RESET - TROUBLE_LUN_RESET] = { PDU_TARGET_WARM_RESET, PDU_TARGET_WARM_RESET,
			PDU_TARGET_COLD_RESET },
		[TROUBLE_TASK_SET - TROUBLE_LUN_RESET] = { PDU_ABORT_TASK_SET, PDU_CLEAR_TASK_SET,
			PDU_ABORT_TASK_SET },
		[TROUBLE_OTHER_FUNCTION - TROUBLE_LUN_RESET] = { PDU_CLEAR_ACA, PDU_QUERY_TASK_SET,
			PDU_I_T_NEXUS_RESET },
	};
	uint8_t function = functions[kind - TROUBLE_LUN_RESET][random_below(&sim->random, 3)];
	uint64_t lun = random_below(&sim->random, sim->options.peer.luns);

	/* P2-5: without iSCSIProtocolLevel 2 there are no such functions. */
	if (function > PDU_TASK_REASSIGN &&
	    (sim->options.peer.protocol_level < 2 || sim->options.offer.protocol_level < 2))
		function = PDU_CLEAR_ACA;
	/* Their answers wait for acknowledgements on all connections, and those in ordering mode for the
	 * answer: no target that sorts nothing knows of such a fence. */
	if (sim->options.ordering && kind == TROUBLE_TASK_SET)
		function = PDU_LOGICAL_UNIT_RESET;
	return home_manage(sim, c, function, lun << 48);
}

/* ---------------------------------------------------------------- striking */

static bool is_function(enum trouble kind)
{
	return kind >= TROUBLE_LUN_RESET && kind <= TROUBLE_OTHER_FUNCTION;
}

static bool needs_full_feature(enum trouble kind)
{
	return kind == TROUBLE_PING || (kind >= TROUBLE_ASYNC_SCSI && kind <= TROUBLE_ASYNC_NEGOTIATE) ||
	       kind == TROUBLE_SLOW || kind == TROUBLE_STALL;
}

static bool everywhere(enum trouble kind)
{
	return kind == TROUBLE_CUT_ALL || kind == TROUBLE_SILENT_ALL || kind == TROUBLE_POWER ||
	       kind == TROUBLE_RESTART || kind == TROUBLE_ADD || kind == TROUBLE_REMOVE ||
	       kind == TROUBLE_NO_ANSWER || kind == TROUBLE_ASYNC_DROP_ALL;
}

/* A connection that carries I/O and whose wire stands; NULL if there is none. */
static struct carrier *pick(struct sim *sim)
{
	struct home *h = &sim->home;
	struct carrier *c = h->paths ? h->path[random_below(&sim->random, h->paths)] : NULL;

	return c && c->wire && !c->wire->cut && c->wire->peer ? c : NULL;
}

static bool strike_all(struct sim *sim, enum trouble kind)
{
	uint64_t until = silence(sim);
	uint32_t most;

	switch (kind) {
	case TROUBLE_ADD:
	case TROUBLE_REMOVE:
		return add_or_remove(sim, kind);
	case TROUBLE_CUT_ALL:
		cut_all(sim);
		break;
	case TROUBLE_SILENT_ALL:
		list_for_each(it, &sim->wires)
			fall_silent(list_entry(it, struct wire, link), until);
		break;
	case TROUBLE_POWER:
		drop_peers(sim);
		peer_power_failure(sim->peer);
		model_power_failure(sim);
		break;
	case TROUBLE_RESTART:
		drop_peers(sim);
		peer_restart(sim->peer);
		break;
	case TROUBLE_NO_ANSWER:
		most = sim->options.gives_up ? 300 : 20;
		sim->refuse_until = sim->now + random_below(&sim->random, most * 1000) * SIM_MS;
		break;
	default:
		break;
	}
	return true;
}

static bool strike_one(struct sim *sim, enum trouble kind, struct carrier *c)
{
	struct wire *w = c->wire;

	switch (kind) {
	case TROUBLE_CUT:
		if (w->open && random_one_in(&sim->random, 2))
			w->cut_after = w->moved + 1 + random_below(&sim->random, 200);
		else
			wire_cut(w);
		break;
	case TROUBLE_SILENT:
		fall_silent(w, silence(sim));
		break;
	case TROUBLE_STALL:
		if (w->stall > sim->now)
			return false;
		w->stall = sim->now + random_below(&sim->random, 2000) * SIM_MS;
		break;
	case TROUBLE_SLOW:
		w->slow = sim->now + random_below(&sim->random, 4000) * SIM_MS;
		break;
	case TROUBLE_HEADER_UP:
	case TROUBLE_HEADER_DOWN:
	case TROUBLE_DATA_UP:
	case TROUBLE_DATA_DOWN:
		return eye_flip(w, kind); /* counted when it happens */
	case TROUBLE_PING:
		peer_conn_ping(w->peer);
		break;
	case TROUBLE_NO_MEMORY: /* counted when it happens */
		memory.one_in = 1;
		memory.left = 1 + random_below(&sim->random, 3);
		break;
	case TROUBLE_LUN_RESET:
	case TROUBLE_TARGET_RESET:
	case TROUBLE_TASK_SET:
	case TROUBLE_OTHER_FUNCTION:
		return manage(sim, c, kind);
	default:
		announce(c, kind, pick(sim));
		break;
	}
	return true;
}

static bool is_flip(enum trouble kind)
{
	return kind >= TROUBLE_HEADER_UP && kind <= TROUBLE_DATA_DOWN;
}

/* It may come to nothing, and is counted if it does not. */
static bool counted_later(enum trouble kind)
{
	return is_flip(kind) || kind == TROUBLE_NO_MEMORY;
}

static bool harmless(enum trouble kind)
{
	return kind == TROUBLE_STALL || kind == TROUBLE_PING || kind == TROUBLE_ADD || kind == TROUBLE_SLOW ||
	       kind == TROUBLE_REMOVE || kind == TROUBLE_ASYNC_SCSI || kind == TROUBLE_ASYNC_NEGOTIATE;
}

/* Returns false if it can't come now. */
static bool strike(struct sim *sim, enum trouble kind, struct carrier *c)
{
	bool stands = c && c->wire && !c->wire->cut && (c->wire->peer || !needs_full_feature(kind)) &&
		      (c->up || !is_function(kind));
	struct matrix before;
	bool done;

	if (kind == TROUBLE_POWER && news_waits(sim))
		return false;
	if (!everywhere(kind) && (!stands || (needs_full_feature(kind) && c->wire->eye.login)))
		return false;
	before = sim->matrix;
	if (everywhere(kind))
		note_all(sim, kind);
	else if (!counted_later(kind))
		trouble_note(sim, kind, c);
	done = everywhere(kind) ? strike_all(sim, kind) : strike_one(sim, kind, c);
	if (!done)
		sim->matrix = before;
	else
		sim_say(sim, "%3u    trouble: %s", everywhere(kind) ? 0 : c->wire ? c->wire->id : 0,
			trouble_name(kind));
	if (done && !harmless(kind) && !counted_later(kind))
		sim->trouble_came = true;
	return done;
}

/* ---------------------------------------------------------------- ambushes */

void trouble_watch(struct sim *sim, struct wire *w, enum place place)
{
	for (unsigned i = 0; i < SIM_AMBUSHES; i++) {
		struct ambush *a = &sim->options.ambush[i];

		if (!a->set || a->where != place || !sim->home.ups || sim->home.logout_sent || a->skip-- > 0)
			continue;
		a->set = false;
		w->sprung |= 1u << i;
		sim->ambushes_sprung++;
	}
}

void trouble_forget(struct sim *sim, struct wire *w)
{
	for (; w->sprung; w->sprung &= w->sprung - 1)
		sim->ambushes_sprung--;
}

/* While one connection is being removed, the removal of another is refused, and changes nothing. */
static bool remove_another(struct sim *sim, const struct ambush *a)
{
	struct home *h = &sim->home;

	if (a->what != TROUBLE_REMOVE || !h->up || h->id_count < 2 || !home_removes(h))
		return false;
	note_all(sim, TROUBLE_REMOVE);
	home_remove(sim, h->ids[1 + random_below(&sim->random, h->id_count - 1)]);
	return true;
}

bool trouble_ambush(struct sim *sim)
{
	list_for_each(it, &sim->wires) {
		struct wire *w = list_entry(it, struct wire, link);

		for (unsigned i = 0; w->sprung && i < SIM_AMBUSHES; i++) {
			const struct ambush *a = &sim->options.ambush[i];

			/* An answer on its way up must not be one that the failure made wrong. */
			if (!(w->sprung >> i & 1) || (a->what == TROUBLE_POWER && news_waits(sim)))
				continue;
			w->sprung &= ~(1u << i);
			sim->ambushes_sprung--;
			if (!remove_another(sim, a) && strike(sim, a->what, w->carrier) &&
			    (a->what == TROUBLE_SLOW || a->what == TROUBLE_STALL))
				trouble_watch(sim, w, a->where);
			return true;
		}
	}
	return false;
}

/* The k-th of n comes when about k of n + 1 parts of the work were begun. */
bool trouble_step(struct sim *sim)
{
	unsigned kind, done, all;

	kind = random_below(&sim->random, TROUBLE_KINDS);
	done = sim->trouble_done[kind];
	all = sim->options.trouble[kind];
	if (done >= all || !sim->home.ups || sim->home.over || kind == TROUBLE_NEVER ||
	    kind == TROUBLE_NO_MEMORY || sim->work.begun * (all + 1) < sim->options.ops * (done + 1))
		return false;
	/* Without the digest, or once all is done, there is nothing to be turned over. */
	if (!strike(sim, (enum trouble)kind, pick(sim)) &&
	    !(is_flip((enum trouble)kind) && sim->work.begun >= sim->options.ops))
		return false;
	sim->trouble_done[kind]++;
	return true;
}
