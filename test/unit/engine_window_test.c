/*
 * engine_window_test.c - the command window: its rules one by one, and every interleaving of small
 * cases.
 *
 * For the interleavings window.c itself is compiled here with atomic operations that hand over to a
 * scheduler first. It walks through all orders of steps; states that were met before are not walked
 * again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "engine/window.h"
#include "proto/sn.h"
#include "../duty.h"

#ifdef __has_feature
#define THREAD_SANITIZER __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#else
#define THREAD_SANITIZER 0
#endif

/* ---------------------------------------------------------------- atomic operations in steps */

static void step(void);
static uint64_t seen(uint64_t value);

#define STEPPED(expression) (step(), seen(expression))
#undef atomic_load
#undef atomic_store
#undef atomic_fetch_or
#undef atomic_fetch_and
#undef atomic_exchange
#undef atomic_compare_exchange_weak
#define atomic_load(p) STEPPED(atomic_load_explicit(p, memory_order_seq_cst))
#define atomic_store(p, v) (step(), atomic_store_explicit(p, v, memory_order_seq_cst))
#define atomic_fetch_or(p, v) STEPPED(atomic_fetch_or_explicit(p, v, memory_order_seq_cst))
#define atomic_fetch_and(p, v) STEPPED(atomic_fetch_and_explicit(p, v, memory_order_seq_cst))
#define atomic_exchange(p, v) STEPPED(atomic_exchange_explicit(p, v, memory_order_seq_cst))
/* A weak one may fail for nothing, which only repeats a round. */
#define atomic_compare_exchange_weak(p, old, v) \
	(step(), (bool)seen(atomic_compare_exchange_strong_explicit( \
		p, old, v, memory_order_seq_cst, memory_order_seq_cst)))
#include "engine/window.c"

/* ---------------------------------------------------------------- the scheduler */

enum { ACTORS = 3, STACK = 64 << 10, DEPTH_MAX = 256, STATES = 1 << 20 };

struct actor {
	ucontext_t context;
	char *stack;
	void (*run)(unsigned slot);
	bool finished;
	uint64_t history; /* of all that it saw: tells where it stands */
	/* what it found */
	bool done, failed;
	unsigned count;
	uint32_t number[2];
};

static struct actor actors[ACTORS];
static struct window window;
static uint64_t woken;             /* slots that any call told to wake */
static ucontext_t scheduler;
static int current = -1;           /* -1: not in an exploration */
static bool alone;                 /* one holder from the beginning */
static uint64_t *states;
static unsigned pick[DEPTH_MAX], width[DEPTH_MAX], depth, replay;

static uint64_t mix(uint64_t a, uint64_t b)
{
	a = ((a + 1) ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return a ^ a >> 29;
}

static void step(void)
{
	if (current < 0)
		return;
	actors[current].history = mix(actors[current].history, 0);
	swapcontext(&actors[current].context, &scheduler);
}

static uint64_t seen(uint64_t value)
{
	if (current >= 0)
		actors[current].history = mix(actors[current].history, value + 1);
	return value;
}

static void actor_main(void)
{
	struct actor *a = &actors[current];

	a->run((unsigned)current);
	a->finished = true;
	swapcontext(&a->context, &scheduler);
}

static uint64_t state_key(void)
{
	uint64_t key = mix(window.next, (uint64_t)window.exp << 32 | window.max);

	key = mix(mix(key, window.waiting), woken);
	for (int i = 0; i < ACTORS; i++)
		key = mix(key, actors[i].history + actors[i].finished);
	return key | 1;
}

/* True if the state was met before. */
static bool state_known(void)
{
	uint64_t key = state_key();

	for (size_t i = key % STATES;; i = (i + 1) % STATES) {
		if (states[i] == key)
			return true;
		if (!states[i]) {
			states[i] = key;
			return false;
		}
	}
}

static unsigned runnable(int ret[ACTORS])
{
	unsigned n = 0;

	for (int i = 0; i < ACTORS; i++)
		if (actors[i].run && !actors[i].finished)
			ret[n++] = i;
	return n;
}

static void actor_start(unsigned i, void (*run)(unsigned slot))
{
	struct actor *a = &actors[i];
	char *stack = a->stack ? a->stack : malloc(STACK);

	*a = (struct actor){ .stack = stack, .run = run };
	getcontext(&a->context);
	a->context.uc_stack.ss_sp = stack;
	a->context.uc_stack.ss_size = STACK;
	a->context.uc_link = &scheduler;
	makecontext(&a->context, actor_main, 0);
}

/* One run: the first `replay` picks are given. False if it came into a known state. */
static bool run_once(void)
{
	int ready[ACTORS];

	for (depth = 0; (width[depth] = runnable(ready)) > 0; depth++) {
		assert_true(depth + 1 < DEPTH_MAX);
		if (depth >= replay) {
			if (state_known())
				return false;
			pick[depth] = 0;
		}
		current = ready[pick[depth]];
		swapcontext(&scheduler, &actors[current].context);
		current = -1;
	}
	return true;
}

/* The next path, depth first; false after the last. */
static bool next_path(void)
{
	while (depth-- > 0) {
		if (pick[depth] + 1 == width[depth])
			continue;
		pick[depth]++;
		replay = depth + 1;
		return true;
	}
	return false;
}

struct model {
	void (*prepare)(void);
	void (*run[ACTORS])(unsigned slot);
};

static bool could_take(unsigned slot)
{
	struct window copy;
	uint32_t number;

	atomic_init(&copy.next, window.next);
	atomic_init(&copy.exp, window.exp);
	atomic_init(&copy.max, window.max);
	atomic_init(&copy.waiting, 0);
	return window_take(&copy, slot, &number);
}

/* A slot that found no number must be woken, unless there still is none to be had and it is on the
 * list of those who wait. */
static void check_sleepers(void)
{
	bool paused = window_paused(&window, ACTORS); /* by any of them, which may wait for calm */

	for (unsigned i = 0; i < ACTORS; i++) {
		bool waits = window.waiting >> i & 1, awake = woken >> i & 1;

		if (actors[i].failed && !paused && could_take(i))
			assert_true(awake);
		else if (actors[i].failed)
			assert_true(awake || waits);
	}
}

static void check_numbers(void)
{
	uint32_t given = 0;

	for (unsigned i = 0; i < ACTORS; i++)
		for (unsigned k = 0; k < actors[i].count; k++) {
			uint32_t nth = actors[i].number[k] - 100;

			assert_true(nth < 32 && !(given >> nth & 1));
			assert_false(sn_gt(actors[i].number[k], window.max));
			given |= UINT32_C(1) << nth;
		}
	assert_int_equal(given, (UINT32_C(1) << ((uint32_t)window.next - 100)) - 1);
}

static unsigned explore(const struct model *model)
{
	unsigned ends = 0;

	states = calloc(STATES, sizeof(*states));
	replay = 0;
	do {
		window_init(&window, 100);
		woken = 0;
		alone = false;
		for (unsigned i = 0; i < ACTORS; i++)
			actor_start(i, model->run[i]);
		model->prepare();
		if (run_once()) {
			ends++;
			check_numbers();
			check_sleepers();
		}
	} while (next_path());
	free(states);
	return ends;
}

/* ---------------------------------------------------------------- actors */

/* With one holder: all that are not acknowledged are this slot's. */
static void check_alone(unsigned slot)
{
	for (unsigned i = 0; i < ACTORS; i++)
		for (unsigned k = 0; i != slot && k < actors[i].count; k++)
			assert_true(sn_lt(actors[i].number[k], window.exp));
}

static void take_one(unsigned slot)
{
	struct actor *a = &actors[slot];

	if (!window_take(&window, slot, &a->number[a->count])) {
		a->failed = true;
		return;
	}
	a->count++;
	if (alone)
		check_alone(slot);
}

static void take_two(unsigned slot)
{
	take_one(slot);
	if (!actors[slot].failed)
		take_one(slot);
}

static void open_by_one(unsigned slot)
{
	(void)slot;
	woken |= window_update(&window, 100, 100);
}

static void open_by_two(unsigned slot)
{
	(void)slot;
	woken |= window_update(&window, 100, 100);
	woken |= window_update(&window, 100, 101);
}

/* An older pair that comes late. */
static void open_late(unsigned slot)
{
	(void)slot;
	woken |= window_update(&window, 99, 99);
}

static void pause_and_take(unsigned slot)
{
	struct actor *a = &actors[slot];

	if (!window_pause(&window, slot)) {
		a->failed = true;
		return;
	}
	take_one(slot);
	woken |= window_resume(&window, slot);
}

/* Meanwhile nobody else takes a number, and all are woken after it. */
static void drain_and_take(unsigned slot)
{
	uint32_t first;

	window_drain(&window);
	first = window_current(&window);
	pause_and_take(slot);
	assert_int_equal(window_current(&window), first + actors[slot].count);
	woken |= window_drain_over(&window);
}

/* The target has got all that was sent so far, and lets two more come. */
static void acknowledge_all(unsigned slot)
{
	uint32_t next = window_current(&window);

	(void)slot;
	woken |= window_update(&window, next, next + 1);
}

static void acknowledge_twice(unsigned slot)
{
	acknowledge_all(slot);
	acknowledge_all(slot);
}

/* One that finds no number and goes. */
static void take_and_go(unsigned slot)
{
	take_one(slot);
	woken |= window_unclaim(&window, slot);
	actors[slot].failed = false;
}

static void change_mode(unsigned slot)
{
	(void)slot;
	woken |= window_set_one_holder(&window, !window_one_holder(&window));
}

static void close_it(unsigned slot)
{
	(void)slot;
	window_close(&window);
}

static void nothing(void)
{
}

static void one_holder(void)
{
	alone = true;
	window_set_one_holder(&window, true);
	window_update(&window, 100, 103);
}

/* Two numbers of slot 0 are not acknowledged. */
static void one_holds(void)
{
	one_holder();
	take_two(0);
}

static void no_holder(void)
{
	window_set_one_holder(&window, true);
	window_update(&window, 100, 103);
}

static void two_open(void)
{
	woken |= window_update(&window, 100, 101);
	woken = 0;
}

static void test_interleavings(void **state)
{
	static const struct model models[] = {
		{ nothing, { take_one, take_one, open_by_one } },
		{ nothing, { take_one, take_one, open_by_two } },
		{ nothing, { take_two, open_by_one, open_by_two } },
		{ nothing, { take_one, open_late, open_by_one } },
		{ two_open, { take_two, take_two, open_by_two } },
		{ two_open, { take_one, take_one, pause_and_take } },
		{ two_open, { take_two, pause_and_take, pause_and_take } },
		{ two_open, { take_one, take_two, close_it } },
		{ two_open, { take_one, take_one, drain_and_take } },
		{ two_open, { take_two, drain_and_take, NULL } },
		{ nothing, { take_one, open_by_two, drain_and_take } },
		{ one_holder, { take_one, take_one, take_one } },
		{ one_holder, { take_two, take_two, acknowledge_all } },
		{ one_holder, { take_one, take_one, acknowledge_twice } },
		{ one_holder, { take_two, take_and_go, acknowledge_all } },
		{ one_holder, { take_one, pause_and_take, acknowledge_all } },
		{ one_holds, { NULL, take_one, acknowledge_all } },
		{ one_holds, { NULL, take_one, take_and_go } },
		{ no_holder, { take_two, take_one, change_mode } },
		{ two_open, { take_one, take_one, change_mode } },
	};
	unsigned ends = 0;

	(void)state;
	if (THREAD_SANITIZER) /* which does not know such contexts */
		skip();
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		ends += explore(&models[i]);
	for (unsigned i = 0; i < ACTORS; i++) {
		free(actors[i].stack);
		actors[i].stack = NULL;
	}
	assert_true(ends > 100);
	DUTY("SN-3 WIN-3 WIN-4 TOL-8");
}

/* ---------------------------------------------------------------- rules one by one */

static void test_closed_at_first(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 7);
	assert_false(window_take(&w, 3, &n));
	assert_int_equal(window_room(&w), 0);
	assert_int_equal(window_update(&w, 7, 8), 1u << 3);
	assert_int_equal(window_room(&w), 2);
	assert_true(window_take(&w, 3, &n));
	assert_int_equal(n, 7);
	assert_int_equal(window_room(&w), 1);
	assert_true(window_take(&w, 4, &n));
	assert_int_equal(n, 8);
	assert_false(window_take(&w, 4, &n));
	assert_int_equal(window_current(&w), 9);
	DUTY("SN-3 WIN-3 WIN-4 UNH-FFP-3.1");
}

/* WIN-1, WIN-2, TOL-4 */
static void test_what_is_ignored(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 10);
	window_update(&w, 10, 12);
	assert_false(window_take(&w, 1, &n) && n != 10);
	assert_int_equal(window_update(&w, 10, 8), 0);  /* below ExpCmdSN - 1 */
	assert_int_equal(window_update(&w, 50, 60), 0); /* acknowledges what was never sent */
	assert_int_equal(window_update(&w, 9, 11), 0);  /* late */
	assert_true(window_take(&w, 1, &n) && n == 11);
	assert_true(window_take(&w, 1, &n) && n == 12);
	assert_false(window_take(&w, 1, &n));
	assert_int_equal(window_update(&w, 9, 14), 1u << 1); /* an old ExpCmdSN, a new MaxCmdSN */
	assert_true(window_take(&w, 1, &n) && n == 13);
	DUTY("WIN-1 WIN-2 WIN-7 TOL-4 MC-2.3");
}

static void test_wrap(void **state)
{
	struct window w;
	uint32_t n, first = UINT32_MAX - 2;

	(void)state;
	window_init(&w, first);
	window_update(&w, first, 3);
	assert_int_equal(window_room(&w), 7);
	for (uint32_t i = 0; i < 7; i++) {
		assert_true(window_take(&w, 0, &n));
		assert_int_equal(n, first + i);
	}
	assert_false(window_take(&w, 0, &n));
	assert_int_equal(window_update(&w, 2, 4), 1);
	assert_true(window_take(&w, 0, &n));
	assert_int_equal(n, 4);
	DUTY("SN-1");
}

static void test_pause(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 0);
	window_update(&w, 0, 10);
	assert_true(window_take(&w, 1, &n));
	assert_false(window_pause(&w, 2)); /* number 0 is not acknowledged */
	assert_false(window_take(&w, 1, &n));
	assert_int_equal(window_update(&w, 1, 10), 1u << 1 | 1u << 2);
	assert_false(window_take(&w, 1, &n));
	assert_true(window_pause(&w, 2));
	assert_false(window_pause(&w, 3));
	assert_true(window_take(&w, 2, &n));
	assert_int_equal(window_resume(&w, 1), 0); /* not its own */
	assert_int_equal(window_resume(&w, 2), 1u << 1 | 1u << 3);
	assert_true(window_take(&w, 1, &n));
	assert_int_equal(n, 2);
	DUTY("TOL-8");
}

/* Drained: only who holds a pause takes numbers. Who waits is woken at the end, once. */
static void test_drain(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 0);
	window_update(&w, 0, 10);
	assert_int_equal(window_drain_over(&w), 0);
	window_drain(&w);
	assert_false(window_take(&w, 1, &n));
	assert_true(window_pause(&w, 2));
	assert_true(window_take(&w, 2, &n));
	assert_false(window_take(&w, 1, &n));
	assert_int_equal(window_resume(&w, 2), 1u << 1);
	assert_false(window_take(&w, 1, &n));
	assert_false(window_take(&w, 2, &n));
	window_drain(&w);
	assert_int_equal(window_drain_over(&w), 1u << 1 | 1u << 2);
	assert_int_equal(window_drain_over(&w), 0);
	assert_true(window_take(&w, 1, &n));
	assert_int_equal(n, 1);
	window_drain(&w);
	window_init(&w, window_current(&w)); /* a new session begins with nothing of that */
	window_update(&w, 2, 10);
	assert_true(window_take(&w, 1, &n));
	DUTY("TOL-8");
}

/* MCS-17 */
static void test_close(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 5);
	window_update(&w, 5, 9);
	assert_true(window_take(&w, 0, &n));
	window_close(&w);
	assert_false(window_take(&w, 0, &n));
	assert_int_equal(window_current(&w), 6);
	window_update(&w, 6, 20);
	assert_false(window_take(&w, 1, &n));
	assert_true(window_pause(&w, 1)); /* the Logout of ordering mode */
	window_init(&w, window_current(&w));
	window_update(&w, 6, 20);
	assert_true(window_take(&w, 1, &n));
	DUTY("MCS-17");
}

static void test_acknowledged(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, UINT32_MAX);
	window_update(&w, UINT32_MAX, 4);
	for (unsigned i = 0; i < 3; i++)
		assert_true(window_take(&w, 0, &n));
	assert_false(window_acknowledged(&w, UINT32_MAX));
	window_update(&w, 1, 4);
	assert_true(window_acknowledged(&w, UINT32_MAX));
	assert_true(window_acknowledged(&w, 0));
	assert_false(window_acknowledged(&w, 1));
	DUTY("SN-8 RA-11");
}

/* The holder goes on until another one wants its turn, and then for so many numbers at most. */
static void test_turns(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 0);
	window_set_one_holder(&w, true);
	window_update(&w, 0, 1000);
	for (unsigned i = 0; i < 10; i++)
		assert_true(window_take(&w, 3, &n));
	assert_false(window_take(&w, 4, &n)); /* claims */
	assert_false(window_take(&w, 5, &n));
	for (unsigned i = 10; i < WINDOW_TURN; i++)
		assert_true(window_take(&w, 3, &n));
	assert_false(window_take(&w, 3, &n));
	window_update(&w, WINDOW_TURN - 1, 1000);
	assert_false(window_take(&w, 4, &n));
	assert_int_equal(window_update(&w, WINDOW_TURN, 1000), 1u << 4); /* the others were told before */
	assert_false(window_take(&w, 3, &n)); /* not its turn, though all is acknowledged */
	assert_false(window_take(&w, 5, &n));
	assert_true(window_take(&w, 4, &n));
	assert_int_equal(n, WINDOW_TURN);
	assert_false(window_take(&w, 5, &n)); /* claims */
	window_update(&w, n + 1, 1000);
	assert_false(window_take(&w, 4, &n));
	assert_int_equal(window_unclaim(&w, 3), 0);
	assert_int_equal(window_unclaim(&w, 5), 1u << 4);
	assert_true(window_take(&w, 4, &n));
	DUTY("TOL-8 MC-2.9");
}

/* Nobody waits: one may take all that there are. */
static void test_alone(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 0);
	window_set_one_holder(&w, true);
	window_update(&w, 0, 300);
	for (unsigned i = 0; i < 301; i++)
		assert_true(window_take(&w, 63, &n));
	assert_false(window_take(&w, 63, &n));
}

/* Numbers of several when the mode begins: all have to be acknowledged first. */
static void test_mode_begins(void **state)
{
	struct window w;
	uint32_t n;

	(void)state;
	window_init(&w, 0);
	window_update(&w, 0, 300);
	assert_true(window_take(&w, 0, &n) && window_take(&w, 1, &n));
	assert_false(window_one_holder(&w));
	window_set_one_holder(&w, true);
	assert_true(window_one_holder(&w));
	assert_false(window_take(&w, 1, &n));
	assert_int_equal(window_update(&w, 2, 300), 1u << 1);
	assert_true(window_take(&w, 1, &n));
	assert_false(window_take(&w, 0, &n));
	assert_int_equal(window_set_one_holder(&w, false), 1u << 0);
	assert_true(window_take(&w, 0, &n));
	window_set_one_holder(&w, true); /* who held it then, and who waited, is forgotten */
	assert_false(window_take(&w, 1, &n));
	window_update(&w, 4, 300);
	assert_true(window_take(&w, 1, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_at_first),
		cmocka_unit_test(test_what_is_ignored),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_acknowledged),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_mode_begins),
		cmocka_unit_test(test_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
