/*
 * drive_path_test.c - the policies one by one, and the adaptive one in a small world of its own:
 * links as queues with a rate and a latency, under virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "drive/path.h"
#include "../duty.h"

/* ---- the policies with rules */

enum { PATHS = 4 };

struct bed {
	struct paths paths;
	struct path path[PATHS];
};

static void bed_init(struct bed *bed, enum path_policy policy, const struct path_rule *rules,
		     unsigned n)
{
	memset(bed, 0, sizeof(*bed));
	paths_init(&bed->paths, PATH_ROUND_ROBIN);
	for (unsigned i = 0; i < PATHS; i++) {
		bed->path[i].id = 11 + i;
		paths_add(&bed->paths, &bed->path[i]);
	}
	paths_set(&bed->paths, policy, rules, n);
}

/* Which one is chosen; it gives the command back at once. */
static int bed_pick(struct bed *bed)
{
	struct path *path = paths_pick(&bed->paths, 4096, 1);

	if (!path)
		return -1;
	path_returned(path, 4096, 0, 1);
	assert_int_equal(path_tasks(path), 0);
	assert_int_equal(path_bytes(path), 0);
	return (int)(path - bed->path);
}

/* Asserts which ones are chosen, in this order: digits. */
static void bed_expect_at(struct bed *bed, const char *order, const char *file, int line)
{
	for (; *order; order++)
		_assert_int_equal(bed_pick(bed), *order - '0', file, line);
}

#define bed_expect(bed, order) bed_expect_at(bed, order, __FILE__, __LINE__)

static void test_round_robin(void **state)
{
	struct bed bed;

	(void)state;
	bed_init(&bed, PATH_ROUND_ROBIN, NULL, 0);
	bed_expect(&bed, "01230");
	/* 1 is next; the one before it goes */
	paths_remove(&bed.paths, &bed.path[0]);
	paths_remove(&bed.paths, &bed.path[0]);
	bed_expect(&bed, "1231");
	bed.path[3].doubted = true;
	bed_expect(&bed, "2121");
	bed.path[1].doubted = bed.path[2].doubted = true;
	bed_expect(&bed, "231");
	paths_remove(&bed.paths, &bed.path[3]);
	paths_remove(&bed.paths, &bed.path[2]);
	bed_expect(&bed, "11");
	paths_remove(&bed.paths, &bed.path[1]);
	assert_null(paths_pick(&bed.paths, 1, 1));
	DUTY("MCS-3");
}

static void test_full(void **state)
{
	static struct path path[ENGINE_MAX_CONNS];
	struct paths paths;

	(void)state;
	paths_init(&paths, PATH_ROUND_ROBIN);
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		paths_add(&paths, &path[i]);
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		assert_ptr_equal(paths_pick(&paths, 0, 1), &path[i]);
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		paths_remove(&paths, &path[i]);
	assert_null(paths_pick(&paths, 0, 1));
}

static void test_fail_over(void **state)
{
	const struct path_rule rules[] = { { .id = 13, .primary = true }, { .id = 11, .weight = 1 } };
	struct bed bed;

	(void)state;
	bed_init(&bed, PATH_FAIL_OVER_ONLY, rules, 2);
	bed_expect(&bed, "222");
	bed.path[2].doubted = true;
	bed_expect(&bed, "000"); /* a stand-by, always the same */
	bed.path[0].doubted = true;
	bed_expect(&bed, "11");
	bed.path[1].doubted = bed.path[3].doubted = true;
	bed_expect(&bed, "22");
	bed.path[0].doubted = bed.path[2].doubted = false;
	bed_expect(&bed, "22");
	paths_remove(&bed.paths, &bed.path[2]);
	bed_expect(&bed, "00");
	/* It comes back, the last to join now, and takes over again. */
	paths_add(&bed.paths, &bed.path[2]);
	bed_expect(&bed, "22");
	/* Without rules it is the oldest one, also after it was away. */
	bed_init(&bed, PATH_FAIL_OVER_ONLY, NULL, 0);
	bed_expect(&bed, "00");
	paths_remove(&bed.paths, &bed.path[0]);
	bed_expect(&bed, "11");
	paths_add(&bed.paths, &bed.path[0]);
	bed_expect(&bed, "00");
}

static void test_subset(void **state)
{
	const struct path_rule rules[] = { { .id = 12, .primary = true }, { .id = 14, .primary = true } };
	struct bed bed;

	(void)state;
	bed_init(&bed, PATH_ROUND_ROBIN_SUBSET, rules, 2);
	bed_expect(&bed, "1313");
	bed.path[1].doubted = true;
	bed_expect(&bed, "333");
	paths_remove(&bed.paths, &bed.path[3]);
	bed_expect(&bed, "0202"); /* a doubted primary is no primary that can serve */
	bed.path[0].doubted = bed.path[2].doubted = true;
	bed_expect(&bed, "11");
	paths_add(&bed.paths, &bed.path[3]);
	bed_expect(&bed, "33");
	bed_init(&bed, PATH_ROUND_ROBIN_SUBSET, NULL, 0);
	bed_expect(&bed, "01230");
}

static void test_weighted(void **state)
{
	const struct path_rule rules[] = {
		{ .id = 11, .weight = 7 }, { .id = 12, .weight = 3 }, { .id = 13, .weight = 9 },
		{ .id = 14, .weight = 3 },
	};
	struct bed bed;

	(void)state;
	bed_init(&bed, PATH_WEIGHTED, rules, 4);
	bed_expect(&bed, "1313");
	bed.path[1].doubted = true;
	bed_expect(&bed, "33");
	bed.path[3].doubted = true;
	bed_expect(&bed, "00");
	/* Without a rule the weight is 0; the policy changes under way. */
	bed.path[1].doubted = bed.path[3].doubted = false;
	paths_set(&bed.paths, PATH_WEIGHTED, rules, 3);
	bed_expect(&bed, "33");
	paths_set(&bed.paths, PATH_ROUND_ROBIN, NULL, 0);
	bed_expect(&bed, "01230");
}

static void test_least_queue(void **state)
{
	struct bed bed;
	struct path *path;

	(void)state;
	bed_init(&bed, PATH_LEAST_QUEUE_DEPTH, NULL, 0);
	for (unsigned i = 0; i < PATHS; i++)
		assert_ptr_equal(paths_pick(&bed.paths, 1000 * (i == 2 ? 1 : 10), 1), &bed.path[i]);
	/* Each has one command; the third has the fewest bytes. */
	assert_ptr_equal(paths_pick(&bed.paths, 10, 1), &bed.path[2]);
	/* Now it has two; the others are equal and take turns. */
	path = paths_pick(&bed.paths, 10, 1);
	assert_ptr_equal(path, &bed.path[3]);
	assert_int_equal(path_tasks(path), 2);
	assert_int_equal(path_bytes(path), 10010);
	path_returned(&bed.path[1], 10000, 500, 2);
	assert_ptr_equal(paths_pick(&bed.paths, 10, 3), &bed.path[1]);
	bed.path[0].doubted = true;
	assert_ptr_equal(paths_pick(&bed.paths, 10, 3), &bed.path[1]);
}

/* ---- the world */

#define MS UINT64_C(1000000)
#define NEVER UINT64_MAX

enum { LINKS = 4, COMMANDS = 256 };

struct command {
	unsigned link;
	uint64_t bytes, given_at;
	uint64_t through, back; /* when its data are through the link, when its answer is here */
};

/* MB in a second are bytes in a microsecond. */
struct link_model {
	double rate;
	uint64_t latency, stalled_until;
	struct command *queue[COMMANDS]; /* the first is on the link */
	unsigned queued;
	uint64_t carried;
};

/* What happens to a link at a time. */
struct change {
	uint64_t at;
	unsigned link;
	double rate;
	uint64_t stall;
};

struct world {
	enum path_policy policy;
	unsigned links, depth; /* commands kept under way */
	uint64_t least, most;  /* bytes of one */
	bool extremes;         /* these two only */
	const struct change *changes;

	uint64_t now;
	uint32_t random;
	struct paths paths;
	struct path path[LINKS];
	struct link_model link[LINKS];
	struct command command[COMMANDS];
};

static uint64_t world_bytes(struct world *w)
{
	w->random = w->random * 1664525 + 1013904223;
	if (w->extremes)
		return w->random >> 31 ? w->most : w->least;
	return w->least + (w->random >> 8) % (w->most - w->least + 1);
}

static void link_begin(struct link_model *link, uint64_t now)
{
	uint64_t start = now > link->stalled_until ? now : link->stalled_until;

	if (link->queued)
		link->queue[0]->through =
			start + (uint64_t)((double)link->queue[0]->bytes / link->rate * 1000);
}

static void world_give(struct world *w, struct command *command)
{
	uint64_t bytes = world_bytes(w);
	struct path *path = paths_pick(&w->paths, bytes, w->now);
	struct link_model *link = &w->link[path - w->path];

	*command = (struct command){
		.link = (unsigned)(path - w->path), .bytes = bytes, .given_at = w->now,
		.through = NEVER, .back = NEVER,
	};
	link->queue[link->queued++] = command;
	if (link->queued == 1)
		link_begin(link, w->now);
}

static void world_through(struct world *w, struct link_model *link)
{
	struct command *command = link->queue[0];

	command->back = w->now + link->latency;
	link->queued--;
	memmove(link->queue, link->queue + 1, link->queued * sizeof(link->queue[0]));
	link_begin(link, w->now);
}

static void world_back(struct world *w, struct command *command)
{
	w->link[command->link].carried += command->bytes;
	path_returned(&w->path[command->link], command->bytes, w->now - command->given_at, w->now);
	command->back = NEVER;
	if (command < w->command + w->depth)
		world_give(w, command);
}

static void world_change(struct world *w)
{
	const struct change *change = w->changes++;
	struct link_model *link = &w->link[change->link];

	if (change->rate > 0)
		link->rate = change->rate;
	link->stalled_until = w->now + change->stall;
	link_begin(link, w->now);
}

/* One event; false when none is left before `until`. */
static bool world_step(struct world *w, uint64_t until)
{
	struct link_model *link = NULL;
	struct command *command = NULL;
	bool change = w->changes && w->changes->at && w->changes->at <= until;
	uint64_t at = change ? w->changes->at : until;

	for (unsigned i = 0; i < w->links; i++)
		if (w->link[i].queued && w->link[i].queue[0]->through < at) {
			link = &w->link[i];
			at = link->queue[0]->through;
		}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (w->command[i].back < at) {
			command = &w->command[i];
			at = command->back;
		}
	if (at >= until && !change)
		return false;
	w->now = at;
	if (command)
		world_back(w, command);
	else if (link)
		world_through(w, link);
	else
		world_change(w);
	return true;
}

/* Runs on for so many milliseconds. Returns MB in a second that all links carried together. */
static double world_run(struct world *w, uint64_t ms)
{
	uint64_t until = w->now + ms * MS, carried = 0;

	for (unsigned i = 0; i < w->links; i++)
		w->link[i].carried = 0;
	while (world_step(w, until))
		;
	w->now = until;
	for (unsigned i = 0; i < w->links; i++)
		carried += w->link[i].carried;
	return (double)carried / (double)ms / 1000;
}

/* Links with these rates in MB/s and latencies in microseconds. */
static void world_init(struct world *w, const double *rates, const uint64_t *latencies)
{
	w->now = 1000 * MS;
	w->random = 1;
	paths_init(&w->paths, w->policy);
	for (unsigned i = 0; i < w->links; i++) {
		w->link[i].rate = rates[i];
		w->link[i].latency = latencies[i] * 1000;
		w->path[i].id = i + 1;
		paths_add(&w->paths, &w->path[i]);
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		w->command[i].back = NEVER;
	for (unsigned i = 0; i < w->depth; i++)
		world_give(w, &w->command[i]);
}


#define BLOCK 65536

/* What the links carry together under a policy once it has settled, as a part of what they can. */
static double share(enum path_policy policy, unsigned depth, uint64_t bytes, const double rates[2],
		    const uint64_t latencies[2])
{
	struct world w = { .policy = policy, .links = 2, .depth = depth, .least = bytes, .most = bytes };

	world_init(&w, rates, latencies);
	world_run(&w, 1000);
	return world_run(&w, 3000) / (rates[0] + rates[1]);
}

static const double equal[LINKS] = { 100, 100, 100, 100 };
static const double ten_to_one[2] = { 1000, 100 }, slow_ten_to_one[2] = { 100, 10 };
static const uint64_t near_by[LINKS] = { 100, 100, 100, 100 }, long_fat[2] = { 5000, 100 };

static void test_adaptive_equal(void **state)
{
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 4, .depth = 64, .least = 4096, .most = 262144,
	};
	double all;

	(void)state;
	assert_true(share(PATH_ADAPTIVE, 16, BLOCK, equal, near_by) >= 0.99);
	world_init(&w, equal, near_by);
	all = world_run(&w, 2000);
	assert_true(all >= 0.98 * 400);
	for (unsigned i = 0; i < 4; i++)
		assert_true(w.link[i].carried > 0.95 * all * 2000 * 1000 / 4);
}

/* Unequal links give the sum of both. */
static void test_adaptive_unequal(void **state)
{
	(void)state;
	assert_true(share(PATH_ADAPTIVE, 32, BLOCK, ten_to_one, near_by) >= 0.98);
	assert_true(share(PATH_ADAPTIVE, 16, BLOCK, ten_to_one, near_by) >= 0.95);
	assert_true(share(PATH_ADAPTIVE, 64, 4096, ten_to_one, near_by) >= 0.98);
	assert_true(share(PATH_ADAPTIVE, 16, BLOCK, slow_ten_to_one, near_by) >= 0.98);
	assert_true(share(PATH_ADAPTIVE, 128, BLOCK, ten_to_one, long_fat) >= 0.98);
	assert_true(share(PATH_ADAPTIVE, 32, BLOCK, equal, long_fat) >= 0.95);
	/* The same world is not so kind to those who don't look. */
	assert_true(share(PATH_ROUND_ROBIN, 16, BLOCK, ten_to_one, near_by) < 0.3);
}

/* Few commands, or short ones, or a long way: where the others leave something. */
static void test_adaptive_beats(void **state)
{
	static const enum path_policy others[] = {
		PATH_FAIL_OVER_ONLY, PATH_ROUND_ROBIN, PATH_ROUND_ROBIN_SUBSET,
		PATH_LEAST_QUEUE_DEPTH, PATH_WEIGHTED,
	};
	static const double fast_last[2] = { 100, 1000 };
	static const uint64_t long_fat_last[2] = { 100, 5000 };
	static const struct {
		const double *rates;
		const uint64_t *latencies;
		unsigned depth;
		uint64_t bytes;
	} cases[] = {
		{ fast_last, near_by, 1, BLOCK }, { fast_last, near_by, 16, 4096 },
		{ fast_last, near_by, 32, 4096 }, { fast_last, long_fat_last, 64, BLOCK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double ours = share(PATH_ADAPTIVE, cases[i].depth, cases[i].bytes, cases[i].rates,
				    cases[i].latencies);

		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
			assert_true(ours > 1.2 * share(others[j], cases[i].depth, cases[i].bytes,
						       cases[i].rates, cases[i].latencies));
	}
}

static void test_adaptive_learns(void **state)
{
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 32, .least = BLOCK, .most = BLOCK,
	};

	(void)state;
	world_init(&w, ten_to_one, near_by);
	world_run(&w, 2000);
	for (unsigned i = 0; i < 2; i++) {
		double rate = ten_to_one[i] * 1e6;

		assert_true(w.path[i].rate > 0.95 * rate && w.path[i].rate < 1.1 * rate);
	}
	/* That there is always something under way does not make the links slower. */
	world_run(&w, 8000);
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(w.path[i].service, 80000, 120000);
	/* One command at a time tells that the way has become longer. */
	w.depth = 1;
	w.link[0].latency = 700000;
	world_run(&w, 8000);
	assert_in_range(w.path[0].service, 650000, 800000);
}

/* Short bursts with nothing between them: each is too short to measure a rate by. */
static void test_adaptive_bursts(void **state)
{
	struct paths paths;
	struct path path = { .id = 1 };
	uint64_t now = 1000 * MS;

	(void)state;
	paths_init(&paths, PATH_ADAPTIVE);
	paths_add(&paths, &path);
	for (unsigned burst = 0; burst < 100; burst++, now += 50 * MS) {
		for (unsigned i = 0; i < 8; i++)
			paths_pick(&paths, BLOCK, now);
		for (uint64_t i = 1; i <= 8; i++) {
			uint64_t taken = 100000 + i * BLOCK; /* 1 GB/s is a byte in a nanosecond */

			path_returned(&path, BLOCK, taken, now + taken);
		}
	}
	assert_in_range(path.rate, 800000000, 1000000000);
}

/* Long ones belong on the fast link that is far away, short ones on the slow one that is near. */
static void test_adaptive_sizes(void **state)
{
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 1, .least = 4096, .most = 1 << 20,
		.extremes = true,
	}, mixed = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 16, .least = 4096, .most = 262144,
	};
	static const uint64_t far[2] = { 100, 10000 };
	double best = (4096 + (1 << 20)) / (140 + 6050.0); /* bytes in a microsecond */

	(void)state;
	world_init(&w, ten_to_one, long_fat);
	world_run(&w, 5000);
	assert_true(world_run(&w, 5000) >= 0.95 * best);
	/* What fills a long way is not in each other's way. */
	world_init(&mixed, equal, far);
	world_run(&mixed, 2000);
	assert_true(world_run(&mixed, 3000) >= 0.9 * 200);
}

static void test_adaptive_changes(void **state)
{
	static const struct change changes[] = {
		{ .at = 3000 * MS, .link = 0, .rate = 10 }, { .at = 6000 * MS, .link = 0, .rate = 100 },
		{ .at = 9000 * MS, .link = 1, .rate = 1000 }, { 0 },
	};
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 32, .least = 4096, .most = 131072,
		.changes = changes,
	};
	double settled[4], rate[4];

	(void)state;
	world_init(&w, equal, near_by);
	for (unsigned i = 0; i < 4; i++) {
		world_run(&w, 1000); /* to notice */
		settled[i] = world_run(&w, i ? 2000 : 1000);
		rate[i] = (double)w.path[0].rate / 1e6;
	}
	assert_true(settled[0] >= 0.97 * 200);
	assert_true(settled[1] >= 0.95 * 110);
	assert_true(rate[1] < 1.2 * 10);
	assert_true(settled[2] >= 0.97 * 200);
	assert_true(settled[3] >= 0.95 * 1100);
}

/* A path that is given nothing, since another is so much better, and then becomes the best. */
static void test_adaptive_probes(void **state)
{
	static const double rates[2] = { 100, 0.5 };
	static const struct change changes[] = { { .at = 5000 * MS, .link = 1, .rate = 1000 }, { 0 } };
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 8, .least = BLOCK, .most = BLOCK,
		.changes = changes,
	};

	(void)state;
	world_init(&w, rates, near_by);
	world_run(&w, 1000);
	assert_true(world_run(&w, 3000) >= 0.95 * 100);
	assert_true(w.link[1].carried >= 2 * BLOCK);
	world_run(&w, 2500);
	assert_true(world_run(&w, 2000) >= 0.9 * 1100);
}

/* A path that stops answering is left, long before anything is known of its fate. */
static void test_adaptive_stall(void **state)
{
	static const struct change changes[] = {
		{ .at = 3000 * MS, .link = 0, .stall = 4000 * MS }, { 0 },
	};
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 16, .least = BLOCK, .most = BLOCK,
		.changes = changes,
	};
	unsigned stuck;

	(void)state;
	world_init(&w, equal, near_by);
	world_run(&w, 2000);
	assert_true(world_run(&w, 1000) >= 0.97 * 100);
	stuck = path_tasks(&w.path[0]);
	/* More come in meanwhile, and none goes there. */
	for (w.depth = 17; w.depth <= 64; w.depth++)
		world_give(&w, &w.command[w.depth - 1]);
	w.depth = 64;
	assert_true(world_run(&w, 2000) >= 0.97 * 100);
	assert_in_range(path_tasks(&w.path[0]), 1, stuck);
	world_run(&w, 1500);
	assert_true(world_run(&w, 2000) >= 0.97 * 200);
}

static void test_adaptive_doubted(void **state)
{
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 16, .least = BLOCK, .most = BLOCK,
	};

	(void)state;
	world_init(&w, ten_to_one, near_by);
	w.path[0].doubted = true;
	world_run(&w, 100);
	assert_int_equal(path_tasks(&w.path[0]), 0);
	assert_true(world_run(&w, 1000) >= 0.97 * 100);
	assert_int_equal(w.link[0].carried, 0);
}

/* What comes back unsent or unfinished was no command of this path. */
static void test_nothing_learned(void **state)
{
	struct paths paths;
	struct path a = { .id = 1 }, b = { .id = 2 };

	(void)state;
	paths_init(&paths, PATH_ADAPTIVE);
	paths_add(&paths, &a);
	paths_add(&paths, &b);
	/* Both are tried, then the one with less to do. */
	assert_ptr_equal(paths_pick(&paths, BLOCK, 1), &a);
	assert_ptr_equal(paths_pick(&paths, 512, 1), &b);
	assert_ptr_equal(paths_pick(&paths, BLOCK, 1), &b);
	path_returned(&b, BLOCK, 0, 1000000);
	path_returned(&b, 512, 0, 1000000);
	assert_int_equal(b.rate, 0);
	assert_int_equal(b.service, 0);
	assert_int_equal(path_tasks(&b), 0);
	path_returned(&a, BLOCK, 1000, 2000000);
	assert_true(a.rate > 0);
	/* An unknown path is tried before a known one. */
	assert_ptr_equal(paths_pick(&paths, BLOCK, 2000000), &b);
	assert_ptr_equal(paths_pick(&paths, BLOCK, 2000000), &a);
}

/* Numbers beyond all reason stay in order: a command that took a day, then a huge queue. */
static void test_extremes(void **state)
{
	struct paths paths;
	struct path slow = { .id = 1 }, quick = { .id = 2 };
	uint64_t day = UINT64_C(86400) * 1000 * MS;

	(void)state;
	paths_init(&paths, PATH_ADAPTIVE);
	paths_add(&paths, &slow);
	paths_add(&paths, &quick);
	assert_ptr_equal(paths_pick(&paths, 0, 1), &slow);
	assert_ptr_equal(paths_pick(&paths, BLOCK, 1), &quick);
	path_returned(&quick, BLOCK, 1, 2);
	path_returned(&slow, 0, day, day);
	slow.given_at = quick.given_at = day;
	for (unsigned i = 0; i < ENGINE_MAX_TASKS; i++)
		assert_ptr_equal(paths_pick(&paths, UINT32_MAX, day), &quick);
	assert_true(path_expected(&slow, UINT64_MAX / 2, day) > path_expected(&quick, 1, day));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_robin), cmocka_unit_test(test_full),
		cmocka_unit_test(test_fail_over), cmocka_unit_test(test_subset),
		cmocka_unit_test(test_weighted), cmocka_unit_test(test_least_queue),
		cmocka_unit_test(test_adaptive_equal), cmocka_unit_test(test_adaptive_unequal),
		cmocka_unit_test(test_adaptive_beats), cmocka_unit_test(test_adaptive_learns),
		cmocka_unit_test(test_adaptive_bursts),
		cmocka_unit_test(test_adaptive_sizes), cmocka_unit_test(test_adaptive_changes),
		cmocka_unit_test(test_adaptive_probes),
		cmocka_unit_test(test_adaptive_stall), cmocka_unit_test(test_adaptive_doubted),
		cmocka_unit_test(test_nothing_learned),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests_name("drive_path", tests, NULL, NULL);
}
