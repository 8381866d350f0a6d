/*
 * store.h - what the service remembers over restarts: settings, SendTargets portals, numbers of
 * initiator ports. SQLite, one file of mode 0600 that also holds secrets. What a call stored is
 * durable when the call returns.
 *
 * Used on the control thread only. All functions return 0 or a negative errno; -EIO: the file can't
 * be read or written; -ENOSPC: the disk is full.
 */
#ifndef ISCSIDSC_SERVICE_STORE_H
#define ISCSIDSC_SERVICE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/options.h"

enum { STORE_SCHEMA = 1, STORE_FILE_NAME_MAX = 64 };

#define STORE_FILE "store.db"

struct store;

/* Opens or makes the store in the folder. A damaged file is put aside under a new name and an empty
 * store is made; then *ret_aside (room for STORE_FILE_NAME_MAX) holds that name, else it is empty.
 * On failure one sentence is in why. */
int store_open(const char *folder, char *ret_aside, char *why, size_t why_len, struct store **ret);
/* Accepts NULL. */
void store_close(struct store *store);

/* Settings: values are bytes. store_get returns the length, -ENOENT if there is none, -EMSGSIZE if
 * it does not fit. A NULL value removes the setting. */
int store_get(struct store *store, const char *name, void *value, size_t room);
int store_set(struct store *store, const char *name, const void *value, size_t len);
/* Calls `each` for all whose name begins with the prefix, in the order of their names. */
int store_each_setting(struct store *store, const char *prefix,
		       void (*each)(void *ctx, const char *name, const void *value, size_t len),
		       void *ctx);

/* A SendTargets portal as it was added. */
struct store_portal {
	char instance[OPTIONS_TEXT]; /* "" any */
	uint32_t port_number;        /* PORT_NUMBER_ANY: any */
	struct portal portal;
	uint64_t security_flags;
	struct options options;
};

/* Replaces the one with the same instance, port, address and socket. */
int store_put_portal(struct store *store, const struct store_portal *portal);
int store_remove_portal(struct store *store, const struct store_portal *portal);
/* Calls `each` for all, in the order in which they were added. */
int store_each_portal(struct store *store,
		      void (*each)(void *ctx, const struct store_portal *portal), void *ctx);

/* The number of an initiator address; given once, for good; they start at 1. */
int store_port_number(struct store *store, const char *address, uint32_t *ret);

#endif
