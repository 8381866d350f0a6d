/*
 * seal.h - secrets at rest: AES-256-GCM under a key that is not in the store. What a secret belongs
 * to (its identity) is authenticated with it, so that a sealed text is of no use in another row.
 * Not here: which secrets there are (store.h).
 *
 * The key is made from the systemd credential "iscsidsc.key" where the service has one (32 bytes or
 * more, random): then a copy of the state folder alone opens nothing. Else it is in a file of mode
 * 0600 beside the store, made with the first secret: then a copy of the whole folder holds
 * everything. Where both are there, the credential seals and either opens.
 */
#ifndef ISCSIDSC_SERVICE_SEAL_H
#define ISCSIDSC_SERVICE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_FILE       "store.key"
#define SEAL_CREDENTIAL "iscsidsc.key"

enum { SEAL_OVERHEAD = 1 + 8 + 12 + 16, SEAL_SECRET_MAX = 1024 };

struct seal;

/* Reads the keys that there are. `credentials`: the folder of the service's credentials, or NULL.
 * A key that can't be used is no failure: see seal_trouble. Returns 0 or -ENOMEM. */
int seal_open(const char *folder, const char *credentials, struct seal **ret);
/* Wipes the keys. Accepts NULL. */
void seal_close(struct seal *seal);

/* A sentence that names the file of a key that can't be used, or NULL. */
const char *seal_trouble(const struct seal *seal);
/* Whether it was sealed with the key that seals now. */
bool seal_is_current(const struct seal *seal, const void *sealed, size_t len);
/* Whether the credential's key seals, so that the file is of use only for older secrets. */
bool seal_has_credential(const struct seal *seal);
/* Removes the file beside the store, which opens nothing any more. 0 or a negative errno. */
int seal_drop_file(struct seal *seal);

/* Makes the key, durably, if there is none yet. At most SEAL_SECRET_MAX bytes; `ret` has room for
 * len + SEAL_OVERHEAD. Returns the sealed length; -ENOKEY: the key can't be used; else why the key
 * could not be made. */
int seal_put(struct seal *seal, const char *identity, const void *secret, size_t len, uint8_t *ret);
/* Returns the secret's length; -EMSGSIZE if it does not fit; -ENOKEY: sealed with a key that is not
 * here; -EBADMSG: damaged, or of another identity. */
int seal_get(const struct seal *seal, const char *identity, const void *sealed, size_t len,
	     void *ret, size_t room);

#endif
