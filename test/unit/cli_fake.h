/*
 * cli_fake.h - runs a command of the tool and catches what it prints. The library's functions that
 * it calls are the test's own.
 */
#ifndef ISCSIDSC_TEST_CLI_FAKE_H
#define ISCSIDSC_TEST_CLI_FAKE_H

#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* A count of words and the words: two arguments. */
#define WORDS(...) (sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
	(char **)(uintptr_t)(const char *[]){ __VA_ARGS__ }

/* What the command printed; it must end with `expected`. To be freed. */
char *output(ISDSC_STATUS expected, struct json_object *json, int argc, char **argv);

/* Asserts what an output is, and frees it. */
void expect(const char *expected, char *text);

#endif
