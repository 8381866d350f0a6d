/*
 * hostile.c - scenarios with a peer that breaks the rules: one row of its table of faults at a time.
 */
#include "sim.h"

#include <string.h>

static bool about(const struct peer_fault_info *info, const char *what)
{
	return strstr(info->name, what) != NULL;
}

/* What makes PDUs that the fault fits. */
static void provoke(struct sim_options *o, struct random *r, const struct peer_fault_info *info)
{
	o->peer.data_in_len = 2048;
	o->peer.status_in_data = !random_one_in(r, 3) && !about(info, "ExpDataSN");
	o->peer.unit_attention = true;
	o->peer.ping_every = 500 * SIM_US;
	o->times.ping_idle = 50;
	o->header_digest = about(info, "header digest");
	o->data_digest = about(info, "data digest");
	o->peer.fault_after = random_below(r, about(info, "sense") ? 2 : 20);
	if (about(info, "hole")) /* without the order nobody can tell */
		o->peer.pdu_in_order = o->peer.sequence_in_order = true;
	if (about(info, "nop-in") || about(info, "ping with")) {
		o->peer.ping_every = 0;
		o->peer.delay = 3 * SIM_MS;
		o->depth = 1;
		o->times.ping_idle = 1;
		o->peer.fault_after = random_below(r, 4);
	}
}

/* It hits the first login, an added one, or one of a session that comes back. */
static void provoke_login(struct sim_options *o, struct random *r, const struct peer_fault_info *info)
{
	o->peer.fault_after = random_below(r, o->lossless ? 2 : 6);
	if (random_one_in(r, 3) || about(info, "chap") || about(info, "unknown key"))
		scenario_chap(o, r, random_one_in(r, 2) || about(info, "mutual"));
	if (o->lossless)
		return;
	o->trouble[TROUBLE_CUT] = 2;
	o->short_first = true;
}

/* Seed after seed walks through the table, three rows each. */
static void fault(struct sim_options *o, struct random *r, unsigned nth)
{
	struct peer_fault_info info = peer_fault_info((unsigned)((o->seed * 3 + nth) % peer_fault_count()));

	scenario_load(o, r);
	o->conns = 2 + random_below(r, 3);
	o->peer.fault = info.name;
	o->fault_cost = info.cost;
	/* Above level 0 much of it is repaired, or costs one command; what was discarded as a repeat does
	 * not come again. */
	if (o->level)
		o->times.command = 3000;
	if (o->level && info.mends)
		o->fault_cost = PEER_COSTS_NOTHING;
	o->lossless = o->fault_cost == PEER_COSTS_NOTHING && !(o->level && info.varies);
	/* Its tag may be that of another request that has ended: then it is late, not wrong. */
	if (strcmp(info.name, "logout response") == 0 || strcmp(info.name, "task response") == 0)
		o->fault_cost = PEER_COSTS_NOTHING;
	provoke(o, r, &info);
	if (strncmp(info.name, "login:", 6) == 0)
		provoke_login(o, r, &info);
}

static void hostile_1(struct sim_options *o, struct random *r)
{
	fault(o, r, 0);
}

static void hostile_2(struct sim_options *o, struct random *r)
{
	fault(o, r, 1);
}

static void hostile_3(struct sim_options *o, struct random *r)
{
	fault(o, r, 2);
}

const struct scenario hostile[] = {
	{ "hostile-1", hostile_1 },
	{ "hostile-2", hostile_2 },
	{ "hostile-3", hostile_3 },
};

const unsigned hostile_count = sizeof(hostile) / sizeof(hostile[0]);
