/*
 * engine_gap_test.c - every order in which six numbers can come, some twice, against a plain table;
 * and the far end of what a gap holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/gap.h"

enum { SPAN = 6, TABLE = 80 };

/* What came, number by number above `start`. */
struct table {
	uint32_t start;
	bool came[TABLE];
};

static unsigned first_missing(const struct table *t)
{
	unsigned i = 0;

	while (t->came[i])
		i++;
	return i;
}

static unsigned end_of(const struct table *t)
{
	unsigned end = first_missing(t);

	for (unsigned i = 0; i < TABLE; i++)
		if (t->came[i])
			end = i + 1 > end ? i + 1 : end;
	return end;
}

static enum gap_verdict expect(const struct table *t, unsigned i)
{
	if (t->came[i])
		return GAP_REPEAT;
	if (i >= first_missing(t) + GAP_MAX)
		return GAP_BEYOND;
	return i > end_of(t) || (i == end_of(t) && i > first_missing(t)) ? GAP_AHEAD : GAP_NEXT;
}

static void check_missing(const struct gap *g, const struct table *t, unsigned from, unsigned end)
{
	uint32_t begin = 77, run = 77;
	unsigned i = from, n = 0;
	bool any;

	while (i < end && t->came[i])
		i++;
	while (i + n < end && !t->came[i + n])
		n++;
	any = gap_missing(g, t->start + from, t->start + end, &begin, &run);
	assert_int_equal(any, n > 0);
	assert_int_equal(begin, any ? t->start + i : 77);
	assert_int_equal(run, any ? n : 77);
}

static void check(const struct gap *g, const struct table *t, unsigned span)
{
	assert_int_equal(g->next, t->start + first_missing(t));
	assert_int_equal(gap_end(g), t->start + end_of(t));
	for (unsigned i = 0; i < span; i++)
		assert_int_equal(gap_look(g, t->start + i), expect(t, i));
	for (unsigned from = 0; from < span; from++)
		for (unsigned end = from; end <= span; end++)
			check_missing(g, t, from, end);
}

static void take(struct gap *g, struct table *t, unsigned i)
{
	enum gap_verdict verdict = expect(t, i);

	assert_int_equal(gap_take(g, t->start + i), verdict);
	if (verdict != GAP_BEYOND)
		t->came[i] = true;
}

/* All sequences of SPAN takes out of SPAN numbers: each order, each repeat. */
static void test_every_order(void **state)
{
	static const uint32_t starts[] = { 0, 7, UINT32_MAX - 2, UINT32_C(0x7ffffffe) };
	unsigned cases = 1;

	(void)state;
	for (unsigned i = 0; i < SPAN; i++)
		cases *= SPAN;
	for (unsigned n = 0; n < cases; n++) {
		struct table t = { .start = starts[n % 4] };
		struct gap g;
		unsigned left = n;

		gap_start(&g, t.start);
		for (unsigned i = 0; i < SPAN; i++, left /= SPAN)
			take(&g, &t, left % SPAN);
		check(&g, &t, SPAN + 2);
	}
}

/* The first number is missing, and each of the others comes up to what is too far. */
static void test_far(void **state)
{
	struct table t = { .start = UINT32_MAX - 30 };
	struct gap g;

	(void)state;
	gap_start(&g, t.start);
	for (unsigned i = TABLE - 2; i > 0; i--)
		take(&g, &t, i);
	check(&g, &t, TABLE - 1);
	assert_int_equal(gap_take(&g, t.start + GAP_MAX), GAP_BEYOND);
	take(&g, &t, 0);
	check(&g, &t, TABLE - 1);
	assert_int_equal(g.next, t.start + GAP_MAX);
	assert_true(g.seen == 0);
}

/* Each pattern of the far end by itself, and numbers half the circle away. */
static void test_one_ahead(void **state)
{
	(void)state;
	for (unsigned i = 1; i < GAP_MAX; i++) {
		struct table t = { .start = 5 };
		struct gap g;

		gap_start(&g, t.start);
		take(&g, &t, i);
		check(&g, &t, TABLE - 1);
		assert_int_equal(gap_look(&g, t.start - 1), GAP_REPEAT);
		assert_int_equal(gap_look(&g, t.start + UINT32_C(0x7fffffff)), GAP_BEYOND);
		assert_int_equal(gap_look(&g, t.start + UINT32_C(0x80000001)), GAP_REPEAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_one_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
