/*
 * static.h - targets that were added by hand, with what logins to them shall use. Their addresses
 * are in targets.h too, as one more way to know a target.
 */
#ifndef ISCSIDSC_SERVICE_STATIC_H
#define ISCSIDSC_SERVICE_STATIC_H

#include "service/inside.h"
#include "service/svc_session.h"

enum {
	TARGET_HIDE = 0x02,  /* not known by this alone: only once it is discovered */
	TARGET_MERGE = 0x04, /* an instruction of the call; never stored */
	TARGET_FLAGS_ALL = TARGET_HIDE | TARGET_MERGE,
	STATIC_TARGETS_MAX = 16384,
	STATIC_PORTALS_MAX = 64, /* of one target */
};

/* The "HBA:" form of a mechanism, for what this initiator was told by hand. */
#define STATIC_MECHANISM "HBA:" INITIATOR_INSTANCE

/* Reads those that last from the store. 0 or a negative errno. */
int static_init(struct service *service);
void static_free(struct service *service);

/* NULL if that name, which is folded, was not added by hand. Lent until the next change. */
const struct store_target *static_find(const struct service *service, const char *name);

/* Adds one, or takes the place of the one of that name; with TARGET_MERGE what the new one leaves
 * out stays: alias, mappings, options not specified, portals; and it lasts if either did. Takes the
 * heap parts of *target over on success. Returns an ISDSC status. */
uint32_t static_add(struct service *service, struct store_target *target);
/* ISDSC_TARGET_NOT_FOUND if there is none. */
uint32_t static_remove(struct service *service, const char *name);

/* What a login leaves open the target's own options and mappings decide. The mappings are lent. */
void static_complete(const struct service *service, struct svc_login *login);

#endif
