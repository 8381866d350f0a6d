/*
 * cleanup_memory.c - a connection is lost, or let go by the target, and there is no memory to remember
 * it: the session is reinstated, as at level 0, and works. The linker sends the engine's allocations
 * through here (--wrap), and that of the list fails when told to.
 */
#include "engine_fake_level.h"

static bool short_of_memory;
static unsigned refused;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	if (!short_of_memory || n != ENGINE_MAX_CONNS)
		return __real_calloc(n, size);
	refused++;
	return NULL;
}

static void lose(struct level *b)
{
	fake_closed(b->b, FAULT_CLOSED);
}

static void let_go(struct level *b)
{
	level_give_async(b->a, PDU_ASYNC_CONNECTION_DROP, b->b->cid, 0, 20);
}

static void test_no_room_for_the_lost(void **state)
{
	static void (*const ways[])(struct level *) = { lose, let_go };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t bhs[PDU_BHS_LEN];
		struct level b;
		struct task *task;

		level_begin(&b, 1 + i % 2, 2);
		task = level_write(b.b, bhs);
		level_acknowledge(&b, b.a, 1);
		refused = 0;
		short_of_memory = true;
		ways[i / 2](&b);
		short_of_memory = false;
		assert_int_equal(refused, 1);
		assert_true(b.a->ended && b.b->ended);
		fake_event(&b.fake, SESSION_EVENT_DOWN);
		fake_wait(&b.fake, 1);
		level_expect_reinstatement(&b, task);
		level_end(&b, task, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_room_for_the_lost),
	};

	return cmocka_run_group_tests_name("cleanup_memory", tests, NULL, NULL);
}
