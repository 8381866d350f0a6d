/*
 * targets.h - the targets that discovery found: one record (a "way") for each target and source
 * that told of it. Not here: asking the sources (discover.h), and sessions, which hold a target.
 */
#ifndef ISCSIDSC_SERVICE_TARGETS_H
#define ISCSIDSC_SERVICE_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "proto/name.h"

struct target_way {
	struct list link;      /* owned by the target's ways */
	const void *source;    /* whoever told; NULL: its source went, a session keeps it */
	unsigned generation;
	unsigned count;
	struct name_address *addresses;
};

struct target {
	struct list link;      /* owned by targets.list, in the order of finding */
	char name[NAME_MAX_LEN + 1];
	unsigned held;         /* sessions that use it */
	struct list ways;
};

struct targets {
	struct list list;
	void *tree;            /* by name */
	unsigned generation;
};

void targets_init(struct targets *targets);
/* Frees all; nothing may be held any more. */
void targets_done(struct targets *targets);

/* Takes a source's whole answer to SendTargets in place of its earlier one. `own` is the source's
 * address: where a target without an address is (DSC-4). Returns 0; -EPROTO with *fault, or
 * -ENOMEM: then at most additions were made. */
int targets_replace(struct targets *targets, const void *source, const char *text, size_t len,
		    const struct name_address *own, struct fault *fault);
/* The source is gone, and with it the targets that only it knew and nobody holds. */
void targets_forget(struct targets *targets, const void *source);

/* `name` is folded. NULL if unknown. */
struct target *targets_find(const struct targets *targets, const char *name);
void targets_hold(struct target *target);
void targets_release(struct targets *targets, struct target *target);

/* Walks over all addresses of a target, each once whichever ways lead to it: start with *at == 0;
 * NULL at the end. */
const struct name_address *target_address(const struct target *target, unsigned *at);
/* The address as discovered; NULL if it never was. */
const struct name_address *target_find_address(const struct target *target, const char *host,
					       uint16_t port);

#endif
