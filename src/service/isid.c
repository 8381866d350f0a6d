/*
 * isid.c - see isid.h.
 */
#include "service/isid.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/rand.h>

#include "service/store.h"

/* Discovery sessions have numbers of their own: some targets take one with the ISID of a living
 * session for that session's reinstatement, and end it. */
enum { DISCOVERY_FIRST = 0x8000 };

/* ID-5 */
int isid_init(struct isid *isid, struct store *store)
{
	int r = store_get(store, "isid", isid->random, sizeof(isid->random));

	list_init(&isid->used);
	if (r == sizeof(isid->random))
		return 0;
	if (r < 0 && r != -ENOENT && r != -EMSGSIZE)
		return r;
	if (RAND_bytes(isid->random, sizeof(isid->random)) != 1)
		return -EIO;
	return store_set(store, "isid", isid->random, sizeof(isid->random));
}

static bool isid_used(const struct isid *isid, const char *target, uint16_t qualifier)
{
	list_for_each(it, &isid->used) {
		const struct isid_use *use = list_entry(it, struct isid_use, link);

		if (use->qualifier == qualifier && strcmp(use->target, target) == 0)
			return true;
	}
	return false;
}

/* ID-1, ID-2, ID-4, ID-6, DSC-8 */
int isid_take(struct isid *isid, const char *target, struct isid_use *ret)
{
	uint32_t qualifier = *target ? 0 : DISCOVERY_FIRST;

	while (isid_used(isid, target, (uint16_t)qualifier))
		if (++qualifier > UINT16_MAX)
			return -ENOSPC;
	ret->target = target;
	ret->qualifier = (uint16_t)qualifier;
	ret->bytes[0] = 0x80;
	memcpy(ret->bytes + 1, isid->random, sizeof(isid->random));
	ret->bytes[4] = (uint8_t)(qualifier >> 8);
	ret->bytes[5] = (uint8_t)qualifier;
	list_append(&isid->used, &ret->link);
	return 0;
}

void isid_release(struct isid_use *use)
{
	list_remove(&use->link);
}
