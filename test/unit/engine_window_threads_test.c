/* engine_window_threads_test.c - the command window under real threads: each number once, none lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "engine/window.h"
#include "../duty.h"

enum { TAKERS = 3, NUMBERS = 30000 };

static struct {
	struct window window;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t woken;
	bool given[NUMBERS];
	uint32_t exp;
	bool over;
} shared;

static void wake(uint64_t slots)
{
	pthread_mutex_lock(&shared.lock);
	shared.woken |= slots;
	pthread_cond_broadcast(&shared.changed);
	pthread_mutex_unlock(&shared.lock);
}

/* False when all is over. */
static bool sleep_until_woken(unsigned slot)
{
	bool over;

	pthread_mutex_lock(&shared.lock);
	while (!(shared.woken >> slot & 1) && !shared.over)
		pthread_cond_wait(&shared.changed, &shared.lock);
	shared.woken &= ~(UINT64_C(1) << slot);
	over = shared.over;
	pthread_mutex_unlock(&shared.lock);
	return !over;
}

/* The target has seen the number: it acknowledges all without holes. */
static void acknowledge(uint32_t number)
{
	uint32_t exp;

	pthread_mutex_lock(&shared.lock);
	assert_false(shared.given[number]);
	shared.given[number] = true;
	while (shared.exp < NUMBERS && shared.given[shared.exp])
		shared.exp++;
	exp = shared.exp;
	if (exp == NUMBERS) {
		shared.over = true;
		pthread_cond_broadcast(&shared.changed);
	}
	pthread_mutex_unlock(&shared.lock);
	wake(window_update(&shared.window, exp, exp + 3 < NUMBERS ? exp + 3 : NUMBERS - 1));
}

static void *taker(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;
	uint32_t n;

	for (unsigned i = 0;; i++) {
		bool pauses = slot == 0 && i % 7 == 0, got;

		if (slot == 1 && i % 11 == 0) {
			window_drain(&shared.window);
			wake(window_drain_over(&shared.window));
		}
		got = (!pauses || window_pause(&shared.window, slot)) &&
		      window_take(&shared.window, slot, &n);
		if (pauses && got)
			wake(window_resume(&shared.window, slot));
		if (got)
			acknowledge(n);
		else if (!sleep_until_woken(slot))
			break;
		else if (pauses)
			i--; /* it holds the pause and has to end it */
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[TAKERS];

	(void)state;
	pthread_mutex_init(&shared.lock, NULL);
	pthread_cond_init(&shared.changed, NULL);
	window_init(&shared.window, 0);
	wake(window_update(&shared.window, 0, 3));
	for (uintptr_t i = 0; i < TAKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, taker, (void *)i), 0);
	for (unsigned i = 0; i < TAKERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(shared.exp, NUMBERS);
	DUTY("SN-3 SN-6 WIN-3 WIN-4 MCS-1 MC-2.2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("engine_window_threads", tests, NULL, NULL);
}
