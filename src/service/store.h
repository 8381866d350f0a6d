/*
 * store.h - what the service remembers over restarts: settings, secrets, and the lists that callers
 * fill. SQLite, one file of mode 0600; a change is durable when its function returns, and whole or
 * not there at all after a crash. Passwords, secrets and keys are in it sealed only (seal.h).
 *
 * Used on the control thread only. All functions return 0 or a negative errno and then nothing is
 * changed; -EIO: the file can't be read or written; -ENOSPC: the disk is full; -EROFS: it can't be
 * written; -ENOKEY: a secret can't be sealed, store_key_trouble tells why.
 * What an `each` gets is lent; where it is not const, heap parts may be taken by setting their
 * pointers to NULL. It must not call the store.
 */
#ifndef ISCSIDSC_SERVICE_STORE_H
#define ISCSIDSC_SERVICE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/name.h"
#include "service/options.h"

enum {
	STORE_SCHEMA = 2,
	STORE_FILE_NAME_MAX = 64,
	STORE_TEXT_MAX = 1024, /* an item of a list, with its NUL */
};

#define STORE_FILE "store.db"

struct store;

/* Opens or makes the store in the folder, and brings an older file up to this version. A damaged
 * file is put aside under a new name and an empty store is made; then *ret_aside (room for
 * STORE_FILE_NAME_MAX) holds that name, else it is empty. On failure one sentence is in why. */
int store_open(const char *folder, char *ret_aside, char *why, size_t why_len, struct store **ret);
/* Accepts NULL. */
void store_close(struct store *store);

/* ---- secrets that can't be read */

/* A sentence about the key's file, or NULL when all is well. Valid until the next call. */
const char *store_key_trouble(const struct store *store);
/* Calls `each` for each stored secret that the key can't open, with a text like "the password of
 * the SendTargets portal 10.0.0.1 3260". Such a secret stays in the file, so that the right key
 * brings it back; it goes when its record is removed or gets a new one. */
int store_each_lost(struct store *store, void (*each)(void *ctx, const char *what), void *ctx);

/* ---- settings: values are bytes */

/* store_get returns the length, -ENOENT if there is none, -EMSGSIZE if it does not fit. A NULL value
 * removes the setting. */
int store_get(struct store *store, const char *name, void *value, size_t room);
int store_set(struct store *store, const char *name, const void *value, size_t len);
/* Calls `each` for all whose name begins with the prefix, in the order of their names. */
int store_each_setting(struct store *store, const char *prefix,
		       void (*each)(void *ctx, const char *name, const void *value, size_t len),
		       void *ctx);

/* The same for single secrets, which are sealed. store_get_secret: also -ENOKEY when it is there
 * and can't be opened. */
int store_get_secret(struct store *store, const char *name, void *value, size_t room);
int store_set_secret(struct store *store, const char *name, const void *value, size_t len);

/* ---- SendTargets portals */

struct store_portal {
	char instance[OPTIONS_TEXT]; /* "" any */
	uint32_t port_number;        /* PORT_NUMBER_ANY: any */
	struct portal portal;
	uint64_t security_flags;
	struct options options;
};

/* Replaces the one with the same instance, port, address and socket. In this and all other records
 * a secret marked as lost leaves the stored one as it is. */
int store_put_portal(struct store *store, const struct store_portal *portal);
/* Removes one and puts the other, or does neither. */
int store_replace_portal(struct store *store, const struct store_portal *old,
			 const struct store_portal *portal);
int store_remove_portal(struct store *store, const struct store_portal *portal);
/* Calls `each` for all, in the order in which they were added; so do all others below. */
int store_each_portal(struct store *store,
		      void (*each)(void *ctx, const struct store_portal *portal), void *ctx);

/* ---- static targets that shall last */

struct store_target {
	char name[NAME_MAX_LEN + 1]; /* folded */
	char alias[OPTIONS_TEXT];
	uint32_t flags;
	bool persist;                /* true in all that the store gives */
	struct mappings mappings;
	struct options options;
	uint32_t portal_count;       /* the portal group */
	struct portal *portals;      /* owned; NULL for none */
};

/* Wipes it, and frees what it owns; not the record itself. */
void store_target_done(struct store_target *target);
/* Replaces the one of the same name. */
int store_put_target(struct store *store, const struct store_target *target);
int store_remove_target(struct store *store, const char *name);
int store_each_target(struct store *store, void (*each)(void *ctx, struct store_target *target),
		      void *ctx);

/* ---- persistent logins */

/* A connection that comes back with the login's session. */
struct store_login_conn {
	uint32_t port_number;
	struct portal portal;
	uint64_t security_flags;
	struct options options;
	struct preshared_key key;
};

struct store_login {
	int64_t id;                  /* 0: not stored yet */
	char name[NAME_MAX_LEN + 1]; /* folded */
	bool informational;
	char instance[OPTIONS_TEXT]; /* "" any */
	uint32_t port_number;        /* PORT_NUMBER_ANY: any */
	struct portal portal;        /* not present: any; its address is "" then */
	uint64_t security_flags;
	struct mappings mappings;
	struct options options;
	struct preshared_key key;
	uint32_t conn_count;
	struct store_login_conn *conns; /* owned; NULL for none */
};

/* Wipes it, and frees what it owns; not the record itself. */
void store_login_done(struct store_login *login);
/* Replaces the one with the same target, instance, port, address and socket, which keeps its id and
 * its place; *ret_id is the id. */
int store_put_login(struct store *store, const struct store_login *login, int64_t *ret_id);
/* All of them or none. */
int store_remove_logins(struct store *store, const int64_t *ids, size_t count);
int store_each_login(struct store *store, void (*each)(void *ctx, struct store_login *login),
		     void *ctx);

/* ---- plain lists of texts */

enum store_list { STORE_ISNS_SERVERS, STORE_RADIUS_SERVERS, STORE_DEVICES, STORE_LISTS };

/* Texts are compared byte by byte. Adding one that is there, and removing one that isn't, changes
 * nothing and succeeds. */
int store_list_add(struct store *store, enum store_list list, const char *item);
int store_list_remove(struct store *store, enum store_list list, const char *item);
/* The whole list becomes this one. */
int store_list_replace(struct store *store, enum store_list list, const char *const *items,
		       size_t count);
int store_list_each(struct store *store, enum store_list list,
		    void (*each)(void *ctx, const char *item), void *ctx);

/* ---- IPsec (the group key is a secret, the default flags a setting) */

enum { STORE_IKE_ID_MAX = 255 };

struct store_ike {
	char instance[OPTIONS_TEXT]; /* "" all */
	uint32_t port_number;        /* PORT_NUMBER_ANY: all */
	uint8_t id_type, id_len;
	uint8_t id[STORE_IKE_ID_MAX];
	uint64_t security_flags;
	struct preshared_key key;
};

struct store_tunnel {
	char instance[OPTIONS_TEXT]; /* "" all */
	uint32_t port_number;        /* PORT_NUMBER_ANY: all */
	char destination[OPTIONS_TEXT]; /* "" any */
	char outer[OPTIONS_TEXT];
};

/* The key of an entry is all but flags and key, or all but the outer address. */
int store_put_ike(struct store *store, const struct store_ike *ike);
int store_remove_ike(struct store *store, const struct store_ike *ike);
int store_each_ike(struct store *store, void (*each)(void *ctx, const struct store_ike *ike),
		   void *ctx);
int store_put_tunnel(struct store *store, const struct store_tunnel *tunnel);
int store_remove_tunnel(struct store *store, const struct store_tunnel *tunnel);
int store_each_tunnel(struct store *store,
		      void (*each)(void *ctx, const struct store_tunnel *tunnel), void *ctx);

/* ---- initiator ports */

/* The number of an initiator address; given once, for good; they start at 1. */
int store_port_number(struct store *store, const char *address, uint32_t *ret);

#endif
