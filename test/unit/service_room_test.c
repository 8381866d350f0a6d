/* room.c: descriptors that are left. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/room.h"

enum { ROOM_FILES = 4096 };

static void limit_set(rlim_t files)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = files;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void raising_takes_all_that_is_allowed(void **state)
{
	struct rlimit limit;

	(void)state;
	limit_set(64);
	room_raise();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
}

/* Fills up until there is no room; returns how many more can be opened then. */
static unsigned fill(rlim_t files)
{
	static int filler[ROOM_FILES], spare[ROOM_FILES];
	unsigned fillers = 0, spares = 0;

	limit_set(files);
	while (room_left(0)) {
		filler[fillers] = dup(0);
		assert_true(filler[fillers++] >= 0);
	}
	assert_true(fillers > 0);
	while ((spare[spares] = dup(0)) >= 0)
		spares++;
	assert_false(room_left(0)); /* not even one to look with */
	for (unsigned i = 0; i < spares; i++)
		close(spare[i]);
	assert_false(room_left(0));
	close(filler[0]);
	assert_true(room_left(0));
	for (unsigned i = 1; i < fillers; i++)
		close(filler[i]);
	return spares;
}

static void some_are_kept(void **state)
{
	(void)state;
	assert_int_equal(fill(64), 64 / 4);
	assert_int_equal(fill(1024), 1024 / 4);
	assert_int_equal(fill(ROOM_FILES), ROOM_KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raising_takes_all_that_is_allowed), cmocka_unit_test(some_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
