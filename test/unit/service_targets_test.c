/*
 * service_targets_test.c - the records of discovered targets: one for each target and source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "service/targets.h"
#include "../duty.h"

static const int source_a, source_b;
static const struct name_address own = { .host = "10.0.0.9", .port = 3260, .tag = -1 };

static int setup(void **state)
{
	static struct targets targets;

	targets_init(&targets);
	*state = &targets;
	return 0;
}

static int teardown(void **state)
{
	targets_done(*state);
	return 0;
}

#define REPLACE(targets, source, text) \
	replace(targets, source, text, sizeof(text) - 1)

static int replace(struct targets *targets, const void *source, const char *text, size_t len)
{
	struct fault fault;

	return targets_replace(targets, source, text, len, &own, &fault);
}

static unsigned addresses(const struct target *target)
{
	unsigned n = 0;

	for (unsigned at = 0; target_address(target, &at);)
		n++;
	return n;
}

static void one_record_for_each_way(void **state)
{
	struct targets *t = *state;
	struct target *x;
	unsigned at = 0;

	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1:3260,1\0"
			 "TargetAddress=10.0.0.2:3260,1\0TargetName=iqn.y\0"), 0);
	assert_int_equal(REPLACE(t, &source_b, "TargetName=iqn.x\0TargetAddress=10.0.0.2:3260,1\0"
			 "TargetAddress=[fd00::1]:3261,2\0"), 0);
	x = targets_find(t, "iqn.x");
	assert_non_null(x);
	assert_int_equal(addresses(x), 3);
	assert_int_equal(target_find_address(x, "FD00::1", 3261)->tag, 2);
	assert_null(target_find_address(x, "10.0.0.1", 3261));
	/* DSC-4: no address means where it was asked. */
	assert_string_equal(target_address(targets_find(t, "iqn.y"), &at)->host, "10.0.0.9");
	targets_forget(t, &source_a);
	assert_null(targets_find(t, "iqn.y"));
	assert_int_equal(addresses(x), 2);
	targets_forget(t, &source_b);
	assert_true(list_empty(&t->list));
	DUTY("DSC-4");
}

static void a_new_answer_replaces_the_old_and_keeps_the_order(void **state)
{
	struct targets *t = *state;

	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"
			 "TargetName=iqn.y\0TargetName=iqn.z\0"), 0);
	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.z\0TargetName=iqn.n\0"
			 "TargetName=iqn.x\0TargetAddress=10.0.0.3,1\0"), 0);
	assert_null(targets_find(t, "iqn.y"));
	assert_string_equal(list_entry(t->list.next, struct target, link)->name, "iqn.x");
	assert_string_equal(list_entry(t->list.prev, struct target, link)->name, "iqn.n");
	assert_int_equal(addresses(targets_find(t, "iqn.x")), 1);
	assert_non_null(target_find_address(targets_find(t, "iqn.x"), "10.0.0.3", 3260));
	/* The name twice in one answer: its addresses add up. */
	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"
			 "TargetName=iqn.x\0TargetAddress=10.0.0.2,1\0"), 0);
	assert_int_equal(addresses(targets_find(t, "iqn.x")), 2);
}

static void a_bad_answer_changes_nothing(void **state)
{
	struct targets *t = *state;

	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.x\0"), 0);
	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.y\0Foo=bar\0"), -EPROTO);
	assert_non_null(targets_find(t, "iqn.x"));
	assert_null(targets_find(t, "iqn.y"));
}

static void a_held_target_outlives_its_source(void **state)
{
	struct targets *t = *state;
	struct target *x;

	assert_int_equal(REPLACE(t, &source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"), 0);
	x = targets_find(t, "iqn.x");
	targets_hold(x);
	targets_hold(x);
	targets_forget(t, &source_a);
	assert_ptr_equal(targets_find(t, "iqn.x"), x);
	assert_int_equal(addresses(x), 1);
	targets_release(t, x);
	assert_non_null(targets_find(t, "iqn.x"));
	/* Found again: the kept record makes place for the living one. */
	assert_int_equal(REPLACE(t, &source_b, "TargetName=iqn.x\0TargetAddress=10.0.0.5,1\0"), 0);
	assert_int_equal(addresses(x), 1);
	targets_forget(t, &source_b);
	targets_release(t, x);
	assert_null(targets_find(t, "iqn.x"));
}

static void names_of_any_length_can_be_asked_for(void **state)
{
	char name[1000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_null(targets_find(*state, name));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_record_for_each_way), TEST(a_new_answer_replaces_the_old_and_keeps_the_order),
		TEST(a_bad_answer_changes_nothing), TEST(a_held_target_outlives_its_source),
		TEST(names_of_any_length_can_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
