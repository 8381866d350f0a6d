/*
 * drive_pace_test.c - the adaptive policy in a small world of its own (drive_fake_world.h): links as queues
 * with a rate and a latency, under virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive_fake_world.h"

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

/* The same where the target keeps order. */
static double share_in_order(unsigned depth, uint64_t bytes, const double rates[2])
{
	struct world w = { .policy = PATH_ADAPTIVE, .links = 2, .depth = depth, .least = bytes,
			   .most = bytes, .ordered = true };

	world_init(&w, rates, near_by);
	world_run(&w, 2000);
	return world_run(&w, 3000) / (rates[0] + rates[1]);
}

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

/* Writes to a target that keeps order: what a slow path has numbered and not sent holds up the fast one.
 * So little may wait there, and the answers, which come at the same pace everywhere, must not be taken
 * for what the paths can. */
static void test_adaptive_in_order(void **state)
{
	static const double rates[][2] = { { 12, 1.2 }, { 24, 2.4 }, { 50, 5 }, { 120, 12 }, { 50, 25 } };
	static const unsigned depths[] = { 24, 32, 64 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (size_t j = 0; j < sizeof(depths) / sizeof(depths[0]); j++)
			for (uint64_t bytes = BLOCK / 4; bytes <= BLOCK; bytes *= 4)
				assert_true(share_in_order(depths[j], bytes, rates[i]) >= 0.95);
	assert_true(share_in_order(32, BLOCK, equal) >= 0.99);
}

/* A path whose commands the target has, and takes its time for, is slow, whatever its wire can. */
static void test_adaptive_slow_target(void **state)
{
	struct world w = {
		.policy = PATH_ADAPTIVE, .links = 2, .depth = 32, .least = BLOCK, .most = BLOCK,
	};

	(void)state;
	world_init(&w, ten_to_one, near_by);
	w.path[0].wire = w.path[1].wire = 1000000000;
	world_run(&w, 1000);
	assert_true(world_run(&w, 2000) >= 0.97 * 1100);
	assert_true(w.path[1].rate < 110000000);
}

/* A link that rested lets the first bytes pass at once, so that a command seems quick. Where TCP's rate is
 * what counts, that counts for nothing. */
static void test_burst_in_order(void **state)
{
	struct path path = { .id = 1, .wire = 2400000 };
	struct paths paths;
	uint64_t now = 1000 * MS;

	(void)state;
	paths_init(&paths, PATH_ADAPTIVE);
	paths_add(&paths, &path);
	for (unsigned i = 0; i < 60; i++, now += 20 * MS) {
		paths_pick(&paths, BLOCK, now);
		path_in_line(&path);
		path_returned(&path, BLOCK, i < 50 ? 20 * MS : MS, now + 20 * MS);
		if (i == 49)
			assert_in_range(path.rate, 2300000, 2500000);
	}
	assert_in_range(path.rate, 2300000, 2500000);
}

/* What waits in the kernel follows what the path carries. */
static void test_unsent(void **state)
{
	static const struct { uint64_t rate; unsigned unsent; } cases[] = {
		{ 0, 128 << 10 }, { 1, 16 << 10 }, { 2400000, 16 << 10 }, { 24000000, 64 << 10 },
		{ 120000000, 256 << 10 }, { 5000000000, 1 << 20 }, { UINT64_MAX, 1 << 20 },
	};
	struct path path = { .id = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		path.rate = cases[i].rate;
		assert_int_equal(path_unsent(&path), cases[i].unsent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adaptive_equal),
		cmocka_unit_test(test_adaptive_unequal),
		cmocka_unit_test(test_adaptive_beats),
		cmocka_unit_test(test_adaptive_learns),
		cmocka_unit_test(test_adaptive_bursts),
		cmocka_unit_test(test_adaptive_sizes),
		cmocka_unit_test(test_adaptive_changes),
		cmocka_unit_test(test_adaptive_probes),
		cmocka_unit_test(test_adaptive_stall),
		cmocka_unit_test(test_adaptive_doubted),
		cmocka_unit_test(test_adaptive_in_order),
		cmocka_unit_test(test_adaptive_slow_target),
		cmocka_unit_test(test_burst_in_order),
		cmocka_unit_test(test_unsent),
	};

	return cmocka_run_group_tests_name("drive_pace", tests, NULL, NULL);
}
