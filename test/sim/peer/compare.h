/*
 * compare.h - our target's answers in a replay compared with the recorded ones, field by field.
 */
#ifndef ISCSIDSC_TEST_COMPARE_H
#define ISCSIDSC_TEST_COMPARE_H

#include "lio.h"

struct comparison {
	const char *exchange;
	const struct replay *replay;
	unsigned extras[LIO_EXTRAS_MAX]; /* how many there were of each */
	char difference[512];            /* the first, for people */
};

/* A part of the basic header; the whole header is parted. */
struct compare_field {
	unsigned at, len;
	const char *name;
};

extern const struct compare_field compare_fields[];
extern const unsigned compare_field_count;

/* True if nothing differs but what may. It begins with its first two members set, all else 0. */
bool compare_all(struct comparison *c);
/* Nothing that this field of an answer has in it is compared. */
bool compare_is_free(const struct replay *replay, unsigned pair, const struct compare_field *field);

#endif
