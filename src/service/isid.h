/*
 * isid.h - hands out ISIDs: the random format (T=10) with 24 bits that are stored once, and a
 * qualifier that is the lowest one free among the sessions to the same target (RFC 7143 sections
 * 10.1.1 and 11.12.5; ID-1, ID-2, ID-5, ID-6).
 */
#ifndef ISCSIDSC_SERVICE_ISID_H
#define ISCSIDSC_SERVICE_ISID_H

#include <stdint.h>

#include "base/list.h"

struct store;

struct isid {
	uint8_t random[3];
	struct list used;    /* of struct isid_use */
};

/* One ISID in use. Embedded in its session. */
struct isid_use {
	struct list link;
	const char *target;  /* "" for discovery sessions; must live as long as the use */
	uint16_t qualifier;
	uint8_t bytes[6];
};

/* Reads the random part from the store, or makes and stores it. 0 or a negative errno. */
int isid_init(struct isid *isid, struct store *store);
/* Fills *ret. Returns 0 or -ENOSPC. */
int isid_take(struct isid *isid, const char *target, struct isid_use *ret);
/* Does nothing if not taken. */
void isid_release(struct isid_use *use);

#endif
