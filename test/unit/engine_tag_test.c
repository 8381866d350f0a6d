/*
 * engine_tag_test.c - task tags: never two alike, what a late PDU's tag is taken for, a full table,
 * several threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/tag.h"
#include "../duty.h"

static struct tags *make(void)
{
	struct tags *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	tags_init(t);
	return t;
}

static void test_whose(void **state)
{
	struct tags *t = make();
	struct task task, *found = NULL;
	uint32_t a, b;

	(void)state;
	assert_true(tag_take(t, 3, &task, &a));
	assert_true(tag_take(t, 4, NULL, &b));
	assert_int_not_equal(a, b);
	assert_int_equal(tag_find(t, a, 3, &found), TAG_OURS);
	assert_ptr_equal(found, &task);
	assert_int_equal(tag_find(t, a, 4, &found), TAG_FOREIGN);
	assert_int_equal(tag_find(t, b, 4, &found), TAG_OURS);
	assert_null(found);
	tag_free(t, a);
	assert_int_equal(tag_find(t, a, 3, &found), TAG_STALE);
	tags_done(t);
	free(t);
	DUTY("PDU-6 MCS-2");
}

/* The same place in the table again: the old tag is known to be old, a later one to be none. */
static void test_generations(void **state)
{
	struct tags *t = make();
	struct task *found;
	uint32_t first, tag, last = 0;

	(void)state;
	assert_true(tag_take(t, 0, NULL, &first));
	tag_free(t, first);
	for (unsigned i = 0; i < 10000; i++) {
		assert_true(tag_take(t, 0, NULL, &tag));
		assert_int_equal(tag % ENGINE_MAX_TASKS, first % ENGINE_MAX_TASKS);
		assert_true(tag != first && tag != last);
		assert_int_equal(tag_find(t, tag, 0, &found), TAG_OURS);
		assert_int_equal(tag_find(t, first, 0, &found), TAG_STALE);
		assert_int_equal(tag_find(t, tag + ENGINE_MAX_TASKS, 0, &found), TAG_FOREIGN);
		tag_free(t, tag);
		last = tag;
	}
	tags_done(t);
	free(t);
	DUTY("PDU-7");
}

/* All generations of one place: none is a tag that means something else, and after the last the
 * first comes again. */
static void test_all_generations(void **state)
{
	struct tags *t = make();
	uint32_t first, tag;
	unsigned n = 0;

	(void)state;
	assert_true(tag_take(t, 0, NULL, &first));
	tag_free(t, first);
	do {
		assert_true(tag_take(t, 0, NULL, &tag));
		assert_true(tag != 0 && tag < TAG_LOGIN(0xffff));
		tag_free(t, tag);
	} while (tag != first && ++n < 1u << 23);
	assert_true(n > 1u << 21 && n < 1u << 22);
	tags_done(t);
	free(t);
	DUTY("PDU-6 PDU-7");
}

static void test_full(void **state)
{
	struct tags *t = make();
	uint32_t *tag = calloc(ENGINE_MAX_TASKS, sizeof(*tag)), more;
	bool *place = calloc(ENGINE_MAX_TASKS, sizeof(*place));

	(void)state;
	for (unsigned i = 0; i < ENGINE_MAX_TASKS; i++) {
		assert_true(tag_take(t, i % 8, NULL, &tag[i]));
		assert_false(place[tag[i] % ENGINE_MAX_TASKS]);
		place[tag[i] % ENGINE_MAX_TASKS] = true;
	}
	assert_false(tag_take(t, 5, NULL, &more));
	assert_false(tag_take(t, 9, NULL, &more));
	assert_int_equal(tag_free(t, tag[77]), 1u << 5 | 1u << 9);
	assert_true(tag_take(t, 5, NULL, &more));
	assert_int_equal(tag_free(t, more), 0);
	free(place);
	free(tag);
	tags_done(t);
	free(t);
	DUTY("PDU-6");
}

/* What one has to hand nobody else gets, and nobody else has to wait for longer than a door call. */
static void test_hand(void **state)
{
	struct tags *t = make();
	struct tag_hand mine = { .words = 0 }, yours = { .words = 0 };
	struct task task, *found = NULL;
	bool place[ENGINE_MAX_TASKS] = { false };
	uint32_t first, tag, last = 0;
	unsigned n = 0;

	(void)state;
	assert_true(tag_take_by(t, &mine, 3, &task, &first));
	assert_int_equal(tag_find(t, first, 3, &found), TAG_OURS);
	place[first % ENGINE_MAX_TASKS] = true;
	while (tag_take_by(t, &yours, 4, NULL, &tag)) {
		assert_false(place[tag % ENGINE_MAX_TASKS]);
		place[tag % ENGINE_MAX_TASKS] = true;
		last = tag;
		n++;
	}
	assert_true(n < ENGINE_MAX_TASKS - 1); /* the others are fetched */
	assert_int_equal(tags_return(t, &mine), 1u << 4);
	assert_int_equal(tags_return(t, &mine), 0);
	for (; n < ENGINE_MAX_TASKS - 1; n++)
		assert_true(tag_take_by(t, &yours, 4, NULL, &tag));
	assert_false(tag_take_by(t, &mine, 5, NULL, &tag));
	tag_free_by(t, &yours, last);
	assert_int_equal(tag_find(t, last, 4, &found), TAG_STALE);
	assert_false(tag_take(t, 5, NULL, &tag));
	assert_int_equal(tags_return(t, &yours), 1u << 5);
	assert_true(tag_take_by(t, &mine, 5, NULL, &tag));
	assert_int_equal(tag % ENGINE_MAX_TASKS, last % ENGINE_MAX_TASKS);
	assert_int_not_equal(tag, last);
	tags_done(t);
	free(t);
	DUTY("PDU-6");
}

/* A task adrift: its tag is nobody's, but not free; then another connection holds it. */
static void test_adrift(void **state)
{
	struct tags *t = make();
	struct task task, *found = NULL;
	uint32_t tag, other;

	(void)state;
	assert_true(tag_take(t, 3, &task, &tag));
	tag_leave(t, tag);
	for (unsigned slot = 0; slot < ENGINE_MAX_CONNS; slot++)
		assert_int_equal(tag_find(t, tag, slot, &found), TAG_FOREIGN);
	assert_null(found);
	assert_false(tags_idle(t, 0));
	for (unsigned i = 0; i < ENGINE_MAX_TASKS - 1; i++) {
		assert_true(tag_take(t, 4, NULL, &other));
		assert_int_not_equal(other % ENGINE_MAX_TASKS, tag % ENGINE_MAX_TASKS);
	}
	assert_false(tag_take(t, 4, NULL, &other));
	tag_move(t, tag, 63);
	assert_int_equal(tag_find(t, tag, 63, &found), TAG_OURS);
	assert_ptr_equal(found, &task);
	assert_int_equal(tag_find(t, tag, 3, &found), TAG_FOREIGN);
	tag_free(t, tag);
	assert_int_equal(tag_find(t, tag, 63, &found), TAG_STALE);
	assert_int_equal(tag_find(t, tag, 3, &found), TAG_STALE);
	tags_done(t);
	free(t);
	DUTY("RA-1 MCS-2 PDU-7");
}

/* What a peer may have made up: no tag of a session in which few were used. */
static void test_nonsense(void **state)
{
	static const uint32_t made_up[] = { 0, 1, 1023, 0x7fffffff, 0x80000000, 0xfffefc00, 0xfffffffe,
		0xffffffff };
	struct tags *t = make();
	struct task *found;
	uint32_t tag;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++)
			for (unsigned slot = 0; slot < ENGINE_MAX_CONNS; slot++)
				assert_int_equal(tag_find(t, made_up[i], slot, &found), TAG_FOREIGN);
		assert_true(tag_take(t, 60, NULL, &tag));
		if (round % 2)
			tag_free(t, tag);
	}
	tags_done(t);
	free(t);
}

enum { THREADS = 3, TURNS = 20000, HELD = 300 };

static struct tags *common;
static _Atomic unsigned owner[ENGINE_MAX_TASKS];

static void *worker(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg, seed = slot + 1;
	uint32_t held[HELD];
	struct tag_hand hand = { .words = 0 };
	struct task mine, *found;
	unsigned n = 0, expected;

	for (unsigned i = 0; i < TURNS; i++) {
		bool take = n == 0 || (n < HELD && rand_r(&seed) % 2);

		if (i % 50 == 0)
			tags_return(common, &hand);
		if (take && tag_take_by(common, &hand, slot, &mine, &held[n])) {
			expected = 0;
			assert_true(atomic_compare_exchange_strong(&owner[held[n] % ENGINE_MAX_TASKS],
								   &expected, slot + 1));
			n++;
		} else if (n) {
			assert_int_equal(tag_find(common, held[--n], slot, &found), TAG_OURS);
			assert_ptr_equal(found, &mine);
			atomic_store(&owner[held[n] % ENGINE_MAX_TASKS], 0);
			tag_free_by(common, &hand, held[n]);
		}
	}
	tags_return(common, &hand);
	while (n) {
		atomic_store(&owner[held[--n] % ENGINE_MAX_TASKS], 0);
		tag_free(common, held[n]);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	common = make();
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, worker, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	tags_done(common);
	free(common);
	DUTY("PDU-6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_all_generations),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_hand),
		cmocka_unit_test(test_adrift),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
