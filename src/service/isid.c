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

/* The lowest qualifier from `first` on that no use for the target has, -ENOSPC if there is none. In
 * one pass: there may be thousands of sessions, all to one target. */
static int isid_pick(const struct isid *isid, const char *target, uint32_t first)
{
	uint8_t used[(UINT16_MAX + 1) / 8] = { 0 };

	list_for_each(it, &isid->used) {
		const struct isid_use *use = list_entry(it, struct isid_use, link);

		if (strcmp(use->target, target) == 0)
			used[use->qualifier / 8] |= (uint8_t)(1u << use->qualifier % 8);
	}
	for (uint32_t qualifier = first; qualifier <= UINT16_MAX; qualifier++)
		if (!(used[qualifier / 8] >> qualifier % 8 & 1))
			return (int)qualifier;
	return -ENOSPC;
}

/* ID-1, ID-2, ID-4, ID-6, DSC-8 */
int isid_take(struct isid *isid, const char *target, struct isid_use *ret)
{
	int qualifier = isid_pick(isid, target, *target ? 0 : DISCOVERY_FIRST);

	if (qualifier < 0)
		return qualifier;
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
