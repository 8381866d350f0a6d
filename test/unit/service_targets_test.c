/*
 * service_targets_test.c - what is known of targets: one record for each target and source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/answer.h"
#include "service/targets.h"
#include "../duty.h"

static const struct name_address own = { .host = "10.0.0.9", .port = 3260, .tag = -1 };
static struct target_source *source_a, *source_b;

static int setup(void **state)
{
	static struct targets targets;

	targets_init(&targets);
	source_a = targets_source(&targets, "SendTargets:a");
	source_b = targets_source(&targets, "iSNS:b");
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

static int replace(struct targets *targets, struct target_source *source, const char *text, size_t len)
{
	struct answer answer;
	struct fault fault;
	int r = answer_get(text, len, &own, &answer, &fault);

	if (r < 0)
		return r;
	r = targets_replace(targets, source, answer.found, answer.count);
	answer_done(&answer);
	return r;
}

static void put(struct targets *targets, struct target_source *source, const char *name, bool hidden)
{
	struct name_address addresses[] = {
		{ .host = "10.1.0.1", .port = 3260, .tag = -1 },
		{ .host = "10.1.0.2", .port = 3260, .tag = -1 },
	};
	struct target_found found = { .alias = "the alias", .hidden = hidden, .one_group = true,
				      .count = 2, .addresses = addresses };

	snprintf(found.name, sizeof(found.name), "%s", name);
	assert_int_equal(targets_put(targets, source, &found), 0);
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

	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1:3260,1\0"
			 "TargetAddress=10.0.0.2:3260,1\0TargetName=iqn.y\0"), 0);
	assert_int_equal(REPLACE(t, source_b, "TargetName=iqn.x\0TargetAddress=10.0.0.2:3260,1\0"
			 "TargetAddress=[fd00::1]:3261,2\0"), 0);
	x = targets_find(t, "iqn.x");
	assert_non_null(x);
	assert_int_equal(addresses(x), 3);
	assert_int_equal(target_find_address(x, "FD00::1", 3261)->tag, 2);
	assert_null(target_find_address(x, "10.0.0.1", 3261));
	assert_ptr_equal(target_find_way(x, "ISNS:B")->source, source_b);
	assert_null(target_find_way(x, "iSNS:c"));
	/* DSC-4: no address means where it was asked. */
	assert_string_equal(target_address(targets_find(t, "iqn.y"), &at)->host, "10.0.0.9");
	targets_forget(t, source_a);
	assert_null(targets_find(t, "iqn.y"));
	assert_int_equal(addresses(x), 2);
	targets_forget(t, source_b);
	assert_true(list_empty(&t->list));
	assert_true(list_empty(&t->sources));
	DUTY("DSC-4");
}

static void a_new_answer_replaces_the_old_and_keeps_the_order(void **state)
{
	struct targets *t = *state;

	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"
			 "TargetName=iqn.y\0TargetName=iqn.z\0"), 0);
	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.z\0TargetName=iqn.n\0"
			 "TargetName=iqn.x\0TargetAddress=10.0.0.3,1\0"), 0);
	assert_null(targets_find(t, "iqn.y"));
	assert_string_equal(list_entry(t->list.next, struct target, link)->name, "iqn.x");
	assert_string_equal(list_entry(t->list.prev, struct target, link)->name, "iqn.n");
	assert_int_equal(addresses(targets_find(t, "iqn.x")), 1);
	assert_non_null(target_find_address(targets_find(t, "iqn.x"), "10.0.0.3", 3260));
	/* The name twice in one answer: its addresses add up. */
	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"
			 "TargetName=iqn.x\0TargetAddress=10.0.0.2,1\0"), 0);
	assert_int_equal(addresses(targets_find(t, "iqn.x")), 2);
}

static void a_bad_answer_changes_nothing(void **state)
{
	struct targets *t = *state;

	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0"), 0);
	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.y\0Foo=bar\0"), -EPROTO);
	assert_non_null(targets_find(t, "iqn.x"));
	assert_null(targets_find(t, "iqn.y"));
}

static void a_held_target_outlives_its_source(void **state)
{
	struct targets *t = *state;
	struct target *x;

	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"), 0);
	x = targets_find(t, "iqn.x");
	targets_hold(x);
	targets_hold(x);
	targets_forget(t, source_a);
	assert_ptr_equal(targets_find(t, "iqn.x"), x);
	assert_int_equal(addresses(x), 1);
	targets_release(t, x);
	assert_non_null(targets_find(t, "iqn.x"));
	/* Found again: the kept record makes place for the living one. */
	assert_int_equal(REPLACE(t, source_b, "TargetName=iqn.x\0TargetAddress=10.0.0.5,1\0"), 0);
	assert_int_equal(addresses(x), 1);
	targets_forget(t, source_b);
	targets_release(t, x);
	assert_null(targets_find(t, "iqn.x"));
}

static void a_source_that_comes_back_finds_its_kept_record(void **state)
{
	struct targets *t = *state;
	struct target *x;

	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"), 0);
	x = targets_find(t, "iqn.x");
	targets_hold(x);
	targets_forget(t, source_a);
	source_a = targets_source(t, "sendtargets:A");
	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.2,1\0"), 0);
	assert_int_equal(addresses(x), 1);
	targets_release(t, x);
	assert_non_null(targets_find(t, "iqn.x"));
}

static void what_a_left_source_told_stays(void **state)
{
	struct targets *t = *state;

	put(t, source_b, "iqn.x", false);
	targets_leave(t, source_b);
	assert_non_null(targets_find(t, "iqn.x"));
	/* The same server again: its new answer takes the place of the old. */
	source_b = targets_source(t, "iSNS:b");
	assert_int_equal(targets_replace(t, source_b, NULL, 0), 0);
	assert_null(targets_find(t, "iqn.x"));
}

static void one_target_comes_and_goes_alone(void **state)
{
	struct targets *t = *state;

	put(t, source_b, "iqn.x", false);
	put(t, source_b, "iqn.y", false);
	put(t, source_b, "iqn.x", false);
	assert_int_equal(addresses(targets_find(t, "iqn.x")), 2);
	assert_string_equal(target_find_way(targets_find(t, "iqn.x"), "iSNS:b")->alias, "the alias");
	targets_drop(t, source_b, "iqn.x");
	targets_drop(t, source_b, "iqn.unknown");
	targets_drop(t, source_a, "iqn.y");
	assert_null(targets_find(t, "iqn.x"));
	assert_non_null(targets_find(t, "iqn.y"));
}

static void hidden_until_discovered(void **state)
{
	struct targets *t = *state;
	struct target *x;

	put(t, source_b, "iqn.x", true);
	assert_null(targets_find(t, "iqn.x"));
	x = targets_find_any(t, "iqn.x");
	assert_non_null(x);
	assert_false(target_listed(x));
	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.0.0.1,1\0"), 0);
	assert_ptr_equal(targets_find(t, "iqn.x"), x);
	assert_int_equal(addresses(x), 3);
	/* A session keeps what was discovered; then it is hidden again. */
	targets_hold(x);
	targets_forget(t, source_a);
	assert_ptr_equal(targets_find(t, "iqn.x"), x);
	assert_int_equal(addresses(x), 3);
	targets_release(t, x);
	assert_null(targets_find(t, "iqn.x"));
	assert_ptr_equal(targets_find_any(t, "iqn.x"), x);
	assert_int_equal(addresses(x), 2);
}

static void a_login_tells_the_group(void **state)
{
	struct targets *t = *state;
	struct target *x;

	put(t, source_b, "iqn.x", false);
	assert_int_equal(REPLACE(t, source_a, "TargetName=iqn.x\0TargetAddress=10.1.0.2\0"
			 "TargetAddress=10.0.0.7\0TargetAddress=10.0.0.8,4\0"), 0);
	x = targets_find(t, "iqn.x");
	target_learn_tag(x, "10.1.0.2", 3260, 3);
	/* All of a group given by hand; elsewhere only the address itself. */
	assert_int_equal(target_find_address(x, "10.1.0.1", 3260)->tag, 3);
	assert_int_equal(target_find_address(x, "10.1.0.2", 3260)->tag, 3);
	assert_int_equal(target_find_address(x, "10.0.0.7", 3260)->tag, -1);
	assert_int_equal(target_find_address(x, "10.0.0.8", 3260)->tag, 4);
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
		TEST(a_source_that_comes_back_finds_its_kept_record),
		TEST(what_a_left_source_told_stays), TEST(one_target_comes_and_goes_alone),
		TEST(hidden_until_discovered), TEST(a_login_tells_the_group),
		TEST(names_of_any_length_can_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
