/*
 * cli_fake.c - see cli_fake.h.
 */
#include "cli_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char *output(ISDSC_STATUS expected, struct json_object *json, int argc, char **argv)
{
	struct run run = { .json = json };
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	ISDSC_STATUS status;
	char *text;
	size_t size;

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	status = command_run(&run, argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	size = (size_t)lseek(fileno(file), 0, SEEK_END);
	text = calloc(1, size + 1);
	assert_int_equal(pread(fileno(file), text, size, 0), size);
	fclose(file);
	assert_int_equal(status, expected);
	return text;
}

void expect(const char *expected, char *text)
{
	assert_string_equal(text, expected);
	free(text);
}
