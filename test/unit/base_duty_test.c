/*
 * base_duty_test.c - test/duty.h: what a child process wrote is what it passed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "../duty.h"

enum { THREADS = 4, ROUNDS = 1000 };

static void once(void)
{
	DUTY("TEST-1");
}

static void twice_named(void)
{
	DUTY(" TEST-2  TEST-3 ");
}

static void never(void)
{
	DUTY("TEST-4");
}

static void *many(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++)
		DUTY("TEST-5");
	return NULL;
}

/* Ends by exit, so that what is registered there runs. */
_Noreturn static void child_run(bool call_never)
{
	pthread_t threads[THREADS];

	once();
	for (int i = 0; i < 3; i++)
		twice_named();
	if (call_never)
		never();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, many, NULL))
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	exit(0);
}

/* Runs child_run in a child with ISCSIDSC_DUTIES=path (NULL: unset). */
static void child(const char *path)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (path)
			setenv("ISCSIDSC_DUTIES", path, 1);
		else
			unsetenv("ISCSIDSC_DUTIES");
		child_run(!path);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void file_made(char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
}

static size_t file_read(const char *path, char *text, size_t room)
{
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, room - 1, file);
	fclose(file);
	text[len] = 0;
	return len;
}

/* How many lines "id TAB ...base_duty_test.c:function TAB hits" the text has; *ret_hits of the last. */
static unsigned lines(const char *text, const char *id, const char *function, unsigned *ret_hits)
{
	char site[64], start[32];
	unsigned n = 0;

	snprintf(site, sizeof site, "base_duty_test.c:%s\t", function);
	snprintf(start, sizeof start, "%s\t", id);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n'), *at = strstr(line, site);

		assert_non_null(end);
		if (strncmp(line, start, strlen(start)) || !at || at > end)
			continue;
		*ret_hits = (unsigned)strtoul(at + strlen(site), NULL, 10);
		n++;
	}
	return n;
}

static void what_was_passed_is_written(void **state)
{
	char path[] = "/tmp/duty-test-XXXXXX", text[4096];
	unsigned hits = 0;

	(void)state;
	file_made(path);
	child(path);
	file_read(path, text, sizeof text);
	assert_int_equal(lines(text, "TEST-1", "once", &hits), 1);
	assert_int_equal(hits, 1);
	assert_int_equal(lines(text, "TEST-2", "twice_named", &hits), 1);
	assert_int_equal(hits, 3);
	assert_int_equal(lines(text, "TEST-3", "twice_named", &hits), 1);
	assert_int_equal(hits, 3);
	assert_int_equal(lines(text, "TEST-4", "never", &hits), 0);
	assert_int_equal(lines(text, "TEST-5", "many", &hits), 1);
	assert_in_range(hits, 1, THREADS * ROUNDS);

	child(path); /* a second process appends */
	file_read(path, text, sizeof text);
	assert_int_equal(lines(text, "TEST-1", "once", &hits), 2);
	unlink(path);
}

static void nothing_without_a_file(void **state)
{
	char path[] = "/tmp/duty-test-XXXXXX", text[64];

	(void)state;
	file_made(path);
	child(NULL);
	child("");
	assert_int_equal(file_read(path, text, sizeof text), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_passed_is_written), cmocka_unit_test(nothing_without_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
