/*
 * api_functions.h - every function of the API as a row of a table, made by functions.py, and
 * arguments for it: each pointer in memory of its own that ends where the process may not touch.
 */
#ifndef ISCSIDSC_TEST_API_FUNCTIONS_H
#define ISCSIDSC_TEST_API_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iscsidsc.h>

enum { API_FUNCTIONS = 79, API_PARAMETERS = 13 };

union api_value {
	void *p;
	uint64_t n;
};

struct api_parameter {
	const char *name, *type;
	bool pointer, output, optional;
};

struct api_function {
	const char *name, *generic;
	char form;   /* 'A', 'W', or '-' for both */
	int access;  /* enum bus_access; -1: not known to the service's interface */
	unsigned count;
	struct api_parameter parameter[API_PARAMETERS];
	ISDSC_STATUS (*call)(const union api_value *values);
};

extern const struct api_function api_functions[API_FUNCTIONS];

/* Its row; the test fails if there is none. */
const struct api_function *api_function(const char *name);
/* The parameter's place; -1 if it has none of that name. */
int api_place(const struct api_function *function, const char *parameter);

/* ---- memory that ends at a page which can't be touched */

struct api_region {
	uint8_t *bytes;
	size_t size;
	void *map;
	size_t map_size;
};

/* Filled with a pattern. */
void api_region_init(struct api_region *region, size_t size);
void api_region_done(struct api_region *region);
/* Whether it still holds the pattern from this offset on. */
bool api_region_untouched(const struct api_region *region, size_t from);

/* ---- arguments */

struct api_about {
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection; /* not the leading one */
	uint16_t port;                         /* of the portal, at 127.0.0.1 */
	const char *mechanism;                 /* a way in which the target was discovered */
};

struct api_arguments {
	const struct api_function *function;
	union api_value value[API_PARAMETERS];
	struct api_region region[API_PARAMETERS]; /* of those that are pointers */
};

/* Arguments with which the function does what it is for. */
void api_arguments_init(struct api_arguments *arguments, const struct api_function *function,
			const struct api_about *about);
void api_arguments_done(struct api_arguments *arguments);
ISDSC_STATUS api_call(const struct api_arguments *arguments);
/* Whether every output still holds what it held. */
bool api_outputs_untouched(const struct api_arguments *arguments);

#endif
