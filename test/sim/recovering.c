/*
 * recovering.c - scenarios of error recovery at all levels: digests, lost connections, task management,
 * time limits, targets that lie about what they can do.
 */
#include "sim.h"
#include "../duty.h"

#include <string.h>

static unsigned some_level(struct random *r, unsigned least)
{
	return least + random_below(r, SIM_LEVELS - least);
}

static void flips_on(struct sim_options *o)
{
	o->header_digest = o->data_digest = true;
	o->peer.flips = true;
}

/* ---------------------------------------------------------------- bits */

static void data_bits(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	flips_on(o);
	o->peer.data_in_len = 200 + random_below(r, 2000);
	o->peer.crc_status = random_one_in(r, 2);
	o->trouble[TROUBLE_DATA_DOWN] = 1 + random_below(r, 12);
	o->trouble[TROUBLE_DATA_UP] = 1 + random_below(r, 12);
}

static void data_bits_only(struct sim_options *o, struct random *r)
{
	data_bits(o, r);
	scenario_level(o, r, some_level(r, 1));
	o->conns = 1;
	o->lossless = true;
}

/* Whose data were damaged can't be told from the Reject: what need not be is sent again too. */
static void garbled_rejects(struct sim_options *o, struct random *r)
{
	data_bits_only(o, r);
	o->conns = 1 + random_below(r, 4);
	o->offer.initial_r2t = o->peer.initial_r2t = true;
	o->offer.immediate_data = o->peer.immediate_data = true;
	o->peer.garbled_rejects = true;
	o->peer.needless_repeats = true;
	o->peer.crc_status = false;
	o->trouble[TROUBLE_DATA_UP] = 3 + random_below(r, 12);
}

static void header_bits(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	flips_on(o);
	o->trouble[TROUBLE_HEADER_DOWN] = 1 + random_below(r, 4);
	o->trouble[TROUBLE_HEADER_UP] = 1 + random_below(r, 4);
}

static void bits_and_cuts(struct sim_options *o, struct random *r)
{
	data_bits(o, r);
	o->trouble[TROUBLE_HEADER_DOWN] = random_below(r, 3);
	o->trouble[TROUBLE_HEADER_UP] = random_below(r, 3);
	o->trouble[TROUBLE_CUT] = 1 + random_below(r, 3);
	o->short_wires = random_below(r, 4);
}

/* More is missing than can be asked for one by one: R-Data SNACK. Some of what the target sent before is
 * still under way then. */
static void begun_anew(struct sim_options *o, struct random *r)
{
	data_bits(o, r);
	scenario_level(o, r, some_level(r, 1));
	o->conns = 1 + random_below(r, 3);
	o->ops = 60;
	o->most_blocks = 80;
	o->peer.data_in_len = 40 + random_below(r, 200);
	o->peer.max_burst = o->offer.max_burst_length = 65536;
	o->peer.delay = random_one_in(r, 2) ? 0 : (20 + random_below(r, 3000)) * SIM_US;
	o->peer.acknowledge = random_one_in(r, 2) ? 0 : 1;
	o->trouble[TROUBLE_DATA_UP] = 0;
	o->trouble[TROUBLE_DATA_DOWN] = 6 + random_below(r, 20);
	o->lossless = true;
}

/* ---------------------------------------------------------------- lost connections */

static void lost_one_by_one(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	scenario_level(o, r, some_level(r, 1));
	o->conns = 3 + random_below(r, SIM_CONNS - 3);
	o->trouble[TROUBLE_CUT] = 2 + random_below(r, 8);
	o->rest = random_below(r, 1000);
	DUTY("RV-3.3");
}

/* The target has level 2, and is not asked to reassign. */
static void not_reassigned(struct sim_options *o, struct random *r)
{
	lost_one_by_one(o, r);
	scenario_level(o, r, 2);
	o->conns = 1 + random_below(r, SIM_CONNS);
	o->no_reassign = true;
}

/* Any of them may be the one that carries the Logout, or the TASK REASSIGN, for another. */
static void lost_again(struct sim_options *o, struct random *r)
{
	lost_one_by_one(o, r);
	o->short_wires = 1 + random_below(r, 8);
	for (unsigned i = 0; i < 3; i++)
		o->ambush[i] = (struct ambush){ .set = true, .skip = random_below(r, 3),
			.what = random_one_in(r, 2) ? TROUBLE_CUT : TROUBLE_SILENT,
			.where = random_one_in(r, 2) ? PLACE_CLEANUP : PLACE_REASSIGN };
}

static void lost_silently(struct sim_options *o, struct random *r)
{
	lost_one_by_one(o, r);
	o->trouble[TROUBLE_CUT] = 0;
	o->trouble[TROUBLE_SILENT] = 1 + random_below(r, 3);
	o->trouble[TROUBLE_STALL] = random_below(r, 3);
	o->trouble[TROUBLE_SLOW] = random_below(r, 3);
}

/* Numbers of a time before the loss arrive after it. */
static void lost_and_stalled(struct sim_options *o, struct random *r)
{
	lost_one_by_one(o, r);
	o->times.doubt = 4500;
	o->trouble[TROUBLE_STALL] = 10 + random_below(r, 20);
}

static void lost_all(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	scenario_level(o, r, some_level(r, 1));
	o->peer.time2retain = 5 + random_below(r, 60);
	o->offer.default_time2retain = 60;
	o->rest = random_below(r, 1000);
	o->trouble[random_one_in(r, 3) ? TROUBLE_SILENT_ALL : TROUBLE_CUT_ALL] = 1 + random_below(r, 3);
	o->trouble[TROUBLE_NO_ANSWER] = random_below(r, 2);
	o->short_wires = random_below(r, 4);
}

static void lost_only(struct sim_options *o, struct random *r)
{
	lost_all(o, r);
	o->conns = 1;
	o->trouble[TROUBLE_CUT] = 1 + random_below(r, 4);
}

static void restarted(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->peer.unit_attention = true;
	o->trouble[TROUBLE_RESTART] = 1 + random_below(r, 3);
	o->trouble[TROUBLE_CUT] = random_below(r, 2);
	o->trouble[TROUBLE_NO_ANSWER] = random_below(r, 2);
	DUTY("RV-4.2");
}

/* Away for longer than requests are held. */
static void given_up(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->gives_up = true;
	o->times.hold = 1000 + random_below(r, 20000);
	o->peer.time2retain = random_below(r, 400);
	o->offer.default_time2retain = 400;
	o->trouble[TROUBLE_CUT_ALL] = 2;
	o->trouble[TROUBLE_NO_ANSWER] = 2;
}

/* ---------------------------------------------------------------- task management */

static void functions(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->offer.protocol_level = (uint8_t)random_below(r, 3);
	o->trouble[TROUBLE_LUN_RESET] = random_below(r, 4);
	o->trouble[TROUBLE_TARGET_RESET] = random_below(r, 3);
	o->trouble[TROUBLE_TASK_SET] = random_below(r, 4);
	o->trouble[TROUBLE_OTHER_FUNCTION] = 1 + random_below(r, 4);
}

static void functions_and_cuts(struct sim_options *o, struct random *r)
{
	functions(o, r);
	o->trouble[TROUBLE_CUT] = 1 + random_below(r, 4);
	o->trouble[TROUBLE_STALL] = random_below(r, 3);
	o->trouble[TROUBLE_REMOVE] = random_below(r, 2);
}

/* What was on its way for commands that a function has ended arrives when their tags' places are in use
 * again. */
static void late(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->conns = 2 + random_below(r, 3);
	o->depth = SIM_OPS;
	o->most_blocks = 20 + random_below(r, 100);
	o->times.doubt = 4500;
	o->peer.data_in_len = random_one_in(r, 2) ? 0 : 200 + random_below(r, 800);
	o->trouble[TROUBLE_LUN_RESET] = 4 + random_below(r, 8);
	o->trouble[TROUBLE_TARGET_RESET] = random_below(r, 4);
	o->trouble[TROUBLE_STALL] = 10 + random_below(r, 20);
}

static void never_answered(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->times.command = 200 + random_below(r, 3000);
	o->times.manage = 500 + random_below(r, 3000);
	o->peer.hang = 20;
	o->peer.hangs = 1 + random_below(r, 6);
	o->trouble[TROUBLE_CUT] = random_below(r, 3);
}

/* A removal waits for the commands of all connections here: those that are never answered must not
 * hold it up for longer than their time limit. */
static void never_answered_ordering(struct sim_options *o, struct random *r)
{
	never_answered(o, r);
	o->ordering = o->peer.strict_immediate = true;
	o->trouble[TROUBLE_CUT] = 0;
	o->trouble[TROUBLE_REMOVE] = 2;
	o->trouble[TROUBLE_ADD] = 2;
	o->longest = 60 * SIM_S;
}

static void busy(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->lossless = true;
	o->peer.busy = 2 + random_below(r, 20);
	o->peer.busies = 60;
}

/* ---------------------------------------------------------------- targets */

static void lies(struct sim_options *o, struct random *r)
{
	static const int to_reassign[] = { 1, 3, 4, 5, 255 }, to_function[] = { 1, 2, 3, 4, 5, 6, 255 };

	lost_one_by_one(o, r);
	o->peer.lies.most = 1 + random_below(r, 4);
	switch (random_below(r, 5)) {
	case 0:
		o->peer.lies.level_had = random_below(r, o->level);
		break;
	case 1:
		scenario_level(o, r, 2);
		o->peer.lies.reassign_answer = to_reassign[random_below(r, 5)];
		break;
	case 2:
		o->peer.lies.cleanup_answer = 1 + (int)random_below(r, 3);
		break;
	case 3:
		o->peer.lies.manage_answer = to_function[random_below(r, 7)];
		o->trouble[TROUBLE_LUN_RESET] = 3;
		break;
	default:
		data_bits(o, r);
		o->peer.lies.snack_refused = true;
		break;
	}
}

/* Numbers are not sorted over connections at all: one connection at a time holds those that are not
 * acknowledged (TOL-8). */
static void one_holder(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	scenario_level(o, r, 0);
	o->lossless = true;
	o->ordering = o->one_holder = true;
	o->peer.strict_immediate = o->peer.strict_numbers = true;
	o->longest = 500 * SIM_MS;
	if (random_one_in(r, 2)) /* every ping would be an occasion to go on */
		return;
	o->times.ping_idle = 500;
	o->peer.ping_every = (50 + random_below(r, 1000)) * SIM_US;
}

/* Connections come and go while commands wait for a turn, a number or a pause; loops are slow. */
static void change_in_time(struct sim_options *o, struct random *r)
{
	if (random_one_in(r, 2))
		one_holder(o, r);
	else
		scenario_load(o, r);
	o->ordering = o->peer.strict_immediate = o->one_holder || random_one_in(r, 2);
	o->conns = 3 + random_below(r, SIM_CONNS - 3);
	o->peer.ping_every = 0;
	o->times.ping_idle = 5000;
	o->lossless = true;
	o->loop_delay = 1 + random_below(r, 60);
	o->longest = 4500 * SIM_MS; /* less than the silence before a ping */
	o->trouble[TROUBLE_ADD] = o->trouble[TROUBLE_REMOVE] = 4;
	if (!o->level || o->ordering)
		return;
	flips_on(o); /* a numbered ping goes behind what is sent again */
	o->trouble[TROUBLE_DATA_UP] = 12;
}

static void one_holder_cut(struct sim_options *o, struct random *r)
{
	one_holder(o, r);
	o->lossless = false;
	o->longest = 0;
	o->trouble[TROUBLE_CUT] = 1 + random_below(r, 3);
	o->trouble[TROUBLE_ADD] = 1;
	o->trouble[TROUBLE_REMOVE] = 1;
}

static void unsorted(struct sim_options *o, struct random *r)
{
	scenario_load(o, r);
	o->peer.unsorted = true;
	o->ordering = o->peer.strict_immediate = random_one_in(r, 2);
	o->trouble[TROUBLE_CUT] = random_below(r, 3);
	o->trouble[TROUBLE_REMOVE] = random_below(r, 3);
	o->trouble[TROUBLE_ADD] = random_below(r, 3);
}

/* ---------------------------------------------------------------- anything, anywhere */

/* What leads a connection to a place. */
static void lead(struct sim_options *o, struct random *r, enum place place)
{
	switch (place) {
	case PLACE_S2:
	case PLACE_S4:
	case PLACE_CLEANUP:
	case PLACE_REASSIGN:
		o->trouble[TROUBLE_CUT] += 1 + random_below(r, 2);
		break;
	case PLACE_S6:
		o->trouble[TROUBLE_REMOVE] += 1;
		o->trouble[TROUBLE_ADD] += 1;
		break;
	case PLACE_S7:
		o->trouble[TROUBLE_ASYNC_LOGOUT] += 1;
		break;
	default:
		break;
	}
}

static void ambushed(struct sim_options *o, struct random *r, enum place place)
{
	/* What slows it down keeps it in its place for the others. */
	const enum trouble slow = random_one_in(r, 2) ? TROUBLE_SLOW : TROUBLE_STALL;
	const enum trouble bits[] = { slow, TROUBLE_DATA_DOWN, TROUBLE_DATA_UP, TROUBLE_HEADER_UP };
	const enum trouble memory[] = { slow, TROUBLE_NO_MEMORY, TROUBLE_ASYNC_SCSI, TROUBLE_DATA_UP };

	scenario_load(o, r);
	flips_on(o);
	o->conns = 3 + random_below(r, SIM_CONNS - 3);
	o->rest = random_below(r, random_one_in(r, 2) ? 5 : 1000); /* while there is work left, or not */
	o->peer.delay = (1 + random_below(r, 3000)) * SIM_US;
	if (place == PLACE_REASSIGN)
		scenario_level(o, r, 2);
	else if (place == PLACE_CLEANUP)
		scenario_level(o, r, some_level(r, 1));
	for (unsigned i = 0; i < SIM_AMBUSHES; i++) {
		struct ambush *a = &o->ambush[i];

		*a = (struct ambush){ .set = i < 6 || random_one_in(r, 2), .where = place,
			.skip = random_below(r, 1 + i), .what = random_below(r, TROUBLE_KINDS - 1) };
		if (!a->set)
			continue;
		if (a->what == TROUBLE_NEVER)
			a->what = TROUBLE_NO_MEMORY;
		if (i < 4 && (!i || random_one_in(r, 2)))
			a->what = place == PLACE_S6 || place == PLACE_S7 ? memory[i] : bits[i];
		o->power |= a->what == TROUBLE_POWER;
		lead(o, r, place);
	}
	/* A short state lasts longer where loops are slow, and where writes take many steps. */
	if (place == PLACE_S6 || place == PLACE_S7) {
		o->peer.r2t_len = 600;
		o->peer.immediate_data = false;
		o->most_blocks = 80;
	}
	o->loop_delay = random_one_in(r, place == PLACE_S7 ? 2 : 3) ? 300 : 3;
	if (random_one_in(r, place == PLACE_S7 ? 2 : 3)) {
		o->times.command = 50 + random_below(r, 1000);
		o->peer.hang = 10;
		o->peer.hangs = 20;
	}
	if (random_one_in(r, 3)) {
		o->memory_one_in = 1 + random_below(r, random_one_in(r, 2) ? 3 : 20);
		o->memory_failures = 1 + random_below(r, 30);
	}
}

#define AMBUSH(name, place) \
	static void name(struct sim_options *o, struct random *r) { ambushed(o, r, place); }
AMBUSH(ambush_s2, PLACE_S2)
AMBUSH(ambush_s4, PLACE_S4)
AMBUSH(ambush_s5, PLACE_S5)
AMBUSH(ambush_s6, PLACE_S6)
AMBUSH(ambush_s7, PLACE_S7)
AMBUSH(ambush_cleanup, PLACE_CLEANUP)
AMBUSH(ambush_reassign, PLACE_REASSIGN)
#undef AMBUSH

/* What comes rarely to the states that are short. */
static void ambushed_rarely(struct sim_options *o, struct random *r, enum place place)
{
	static const enum trouble rare[] = { TROUBLE_HEADER_UP, TROUBLE_HEADER_DOWN, TROUBLE_DATA_UP,
		TROUBLE_DATA_DOWN, TROUBLE_DATA_DOWN, TROUBLE_ADD, TROUBLE_REMOVE, TROUBLE_REMOVE,
		TROUBLE_NO_MEMORY, TROUBLE_NO_MEMORY, TROUBLE_TARGET_RESET, TROUBLE_LUN_RESET,
		TROUBLE_TASK_SET, TROUBLE_OTHER_FUNCTION, TROUBLE_PING, TROUBLE_ASYNC_DROP, TROUBLE_SILENT };

	ambushed(o, r, place);
	for (unsigned i = 1; i < SIM_AMBUSHES; i++) {
		o->ambush[i] = (struct ambush){ .set = true, .where = place, .skip = random_below(r, i),
			.what = rare[random_below(r, sizeof(rare) / sizeof(rare[0]))] };
		lead(o, r, place);
	}
	o->ambush[0].skip = 0; /* it slows down, as long as it lasts */
	o->loop_delay = 300;
	o->peer.data_in_len = 300;
}

#define AMBUSH(name, place) \
	static void name(struct sim_options *o, struct random *r) { ambushed_rarely(o, r, place); }
AMBUSH(rare_s6, PLACE_S6)
AMBUSH(rare_s7, PLACE_S7)
AMBUSH(rare_cleanup, PLACE_CLEANUP)
#undef AMBUSH

const struct scenario recovering[] = {
	{ "data-bits", data_bits },
	{ "data-bits-only", data_bits_only },
	{ "garbled-rejects", garbled_rejects },
	{ "begun-anew", begun_anew },
	{ "header-bits", header_bits },
	{ "bits-and-cuts", bits_and_cuts },
	{ "lost", lost_one_by_one },
	{ "lost-again", lost_again },
	{ "not-reassigned", not_reassigned },
	{ "lost-silently", lost_silently },
	{ "lost-and-stalled", lost_and_stalled },
	{ "lost-all", lost_all },
	{ "lost-only", lost_only },
	{ "restarted", restarted },
	{ "given-up", given_up },
	{ "functions", functions },
	{ "functions-and-cuts", functions_and_cuts },
	{ "late", late },
	{ "never-answered", never_answered },
	{ "never-answered-ordering", never_answered_ordering },
	{ "busy", busy },
	{ "lies", lies },
	{ "one-holder", one_holder },
	{ "one-holder-cut", one_holder_cut },
	{ "change-in-time", change_in_time },
	{ "unsorted", unsorted },
	{ "ambush-s2", ambush_s2 },
	{ "ambush-s4", ambush_s4 },
	{ "ambush-s5", ambush_s5 },
	{ "ambush-s6", ambush_s6 },
	{ "ambush-s7", ambush_s7 },
	{ "ambush-cleanup", ambush_cleanup },
	{ "ambush-reassign", ambush_reassign },
	{ "rare-s6", rare_s6 },
	{ "rare-s7", rare_s7 },
	{ "rare-cleanup", rare_cleanup },
};

const unsigned recovering_count = sizeof(recovering) / sizeof(recovering[0]);
