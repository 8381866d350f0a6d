/*
 * drive_path_test.c - round robin while connections come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive/link.h"
#include "drive/path.h"

static void test_round_robin(void **state)
{
	struct paths paths = { .count = 0 };
	static struct link links[3];

	(void)state;
	assert_null(paths_pick(&paths));
	for (unsigned i = 0; i < 3; i++)
		paths_add(&paths, &links[i]);
	for (unsigned i = 0; i < 7; i++)
		assert_ptr_equal(paths_pick(&paths), &links[i % 3]);
	/* 1 is next; the one before it goes */
	paths_remove(&paths, &links[0]);
	paths_remove(&paths, &links[0]);
	assert_ptr_equal(paths_pick(&paths), &links[1]);
	assert_ptr_equal(paths_pick(&paths), &links[2]);
	paths_remove(&paths, &links[2]);
	assert_ptr_equal(paths_pick(&paths), &links[1]);
	paths_remove(&paths, &links[1]);
	assert_null(paths_pick(&paths));
}

static void test_full(void **state)
{
	struct paths paths = { .count = 0 };
	static struct link links[ENGINE_MAX_CONNS];

	(void)state;
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		paths_add(&paths, &links[i]);
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		assert_ptr_equal(paths_pick(&paths), &links[i]);
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		paths_remove(&paths, &links[i]);
	assert_null(paths_pick(&paths));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("drive_path", tests, NULL, NULL);
}
