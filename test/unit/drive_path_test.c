/*
 * drive_path_test.c - the policies one by one. The adaptive one in its world: drive_pace_test.c.
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

#define BLOCK 65536

/* ---- what is learned, or not */

#define MS UINT64_C(1000000)

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
	assert_int_equal(a.answered, 1);
	assert_int_equal(a.answered_ns, 1000);
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
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_fail_over),
		cmocka_unit_test(test_subset),
		cmocka_unit_test(test_weighted),
		cmocka_unit_test(test_least_queue),
		cmocka_unit_test(test_nothing_learned),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests_name("drive_path", tests, NULL, NULL);
}
