/*
 * targets.h - the targets that are known, by whatever way: one record (a "way") for each target and
 * source that told of it. Not here: asking the sources (discover.h for SendTargets, static.h for
 * those added by hand), and sessions, which hold a target.
 */
#ifndef ISCSIDSC_SERVICE_TARGETS_H
#define ISCSIDSC_SERVICE_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/name.h"

enum { TARGETS_MECHANISM_MAX = 600 };

/* Whoever tells of targets: a portal, an iSNS server, the list of static targets. */
struct target_source {
	struct list link;      /* owned by targets.sources */
	bool asked;            /* by somebody; else it lives as long as its ways */
	unsigned ways;
	char mechanism[];      /* DiscoveryMechanism at the API: "SendTargets:", "iSNS:" or "HBA:"
				* and what follows; tells sources apart */
};

struct target_way {
	struct list link;      /* owned by the target's ways */
	struct target_source *source;
	bool kept;             /* the source has forgotten it, a session needs it */
	bool hidden;           /* alone it does not make the target known */
	bool one_group;        /* its addresses are of one portal group, whatever its tag */
	unsigned generation;
	unsigned count;
	struct name_address *addresses;
	char *alias;           /* NULL: none */
};

struct target {
	struct list link;      /* owned by targets.list, in the order of finding */
	char name[NAME_MAX_LEN + 1];
	unsigned held;         /* sessions that use it */
	struct list ways;
};

struct targets {
	struct list list, sources;
	void *tree;            /* by name */
	unsigned generation;
	/* Called when a source has told something; may be NULL. */
	void (*told)(void *ctx);
	void *told_ctx;
};

/* What a source tells of one target. All of it is lent. */
struct target_found {
	char name[NAME_MAX_LEN + 1]; /* folded */
	const char *alias;           /* NULL: none */
	bool hidden, one_group;      /* see struct target_way */
	unsigned count;
	struct name_address *addresses;
};

void targets_init(struct targets *targets);
/* Frees all; nothing may be held any more. */
void targets_done(struct targets *targets);

/* ---- for those that ask sources */

/* The source of that mechanism, which whoever asked it before may have left. It lives until
 * targets_forget or targets_leave. NULL: no memory. */
struct target_source *targets_source(struct targets *targets, const char *mechanism);
/* The source is gone, and with it the targets that only it knew and nobody holds. */
void targets_forget(struct targets *targets, struct target_source *source);
/* The source is gone; what it told of stays. */
void targets_leave(struct targets *targets, struct target_source *source);

/* Takes the whole of what a source knows in place of what it told before. A name may come more than
 * once: its addresses add up. Returns 0 or -ENOMEM: then at most additions were made. */
int targets_replace(struct targets *targets, struct target_source *source,
		    const struct target_found *found, size_t count);
/* The same for one target alone: the others stay as they are. -ENOMEM: nothing was changed, or the
 * target is known without its addresses. */
int targets_put(struct targets *targets, struct target_source *source,
		const struct target_found *found);
/* The source has forgotten one target; it may not have known it. */
void targets_drop(struct targets *targets, struct target_source *source, const char *name);

/* ---- for all others */

/* `name` is folded. NULL if it is unknown, also if all that is known of it is hidden. */
struct target *targets_find(const struct targets *targets, const char *name);
/* Finds hidden ones too. */
struct target *targets_find_any(const struct targets *targets, const char *name);
/* Whether listings show it. */
bool target_listed(const struct target *target);
/* By mechanism, without regard to case; NULL if there is none. */
const struct target_way *target_find_way(const struct target *target, const char *mechanism);

void targets_hold(struct target *target);
void targets_release(struct targets *targets, struct target *target);

/* Walks over all addresses of a target, each once whichever ways lead to it: start with *at == 0;
 * NULL at the end. */
const struct name_address *target_address(const struct target *target, unsigned *at);
/* The address as discovered; NULL if it never was. */
const struct name_address *target_find_address(const struct target *target, const char *host,
					       uint16_t port);
/* A login there has told the portal group's tag: now that of the address, and of those known to be
 * of its group, is known where the source told none. */
void target_learn_tag(struct target *target, const char *host, uint16_t port, int tag);

#endif
