/*
 * ike_best.c - which of the records of ike.h count for a portal. All that fit are compared by rank.
 */
#include "service/ike.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "service/ike_inside.h"

/* Ranks: what it was set for counts more than for whom. 0: it does not fit. */
enum { FOR_ANY = 1, FOR_USER = 1, FOR_NAME = 2, FOR_ADDRESS = 3, OF_ALL = 1, OF_PORT = 1, OF_INSTANCE = 2,
       RANKS = 8 };

/* In the order of ike_find. There is one instance, so that a record of an instance is of ours. */
static unsigned rank_owner(const char *instance, uint32_t port_number, const struct ike_seeker *seeker)
{
	unsigned rank = OF_ALL + (*instance ? OF_INSTANCE : 0);

	if (port_number == PORT_NUMBER_ANY)
		return rank;
	return port_number == seeker->port_number ? rank + OF_PORT : 0;
}

static bool is_text(const uint8_t *bytes, size_t len, const char *text)
{
	return strlen(text) == len && strncasecmp((const char *)bytes, text, len) == 0;
}

static unsigned rank_id(const struct store_ike *identity, const struct ike_seeker *seeker)
{
	const uint8_t *at;
	uint8_t address[16];

	switch ((enum ike_id_type)identity->id_type) {
	case IKE_IPV4:
		return inet_pton(AF_INET, seeker->address, address) == 1 &&
		       memcmp(address, identity->id, 4) == 0 ? FOR_ADDRESS : 0;
	case IKE_IPV6:
		return inet_pton(AF_INET6, seeker->address, address) == 1 &&
		       memcmp(address, identity->id, 16) == 0 ? FOR_ADDRESS : 0;
	case IKE_FQDN:
		return is_text(identity->id, identity->id_len, seeker->host) ? FOR_NAME : 0;
	case IKE_USER_FQDN:
		at = memrchr(identity->id, '@', identity->id_len);
		return at && is_text(at + 1, (size_t)(identity->id + identity->id_len - at - 1),
				     seeker->host) ? FOR_USER : 0;
	}
	return 0;
}

const struct store_ike *ike_best(const struct ike *ike, const struct ike_seeker *seeker)
{
	const struct store_ike *best = NULL;
	unsigned highest = 0;

	list_for_each(it, &ike->identities) {
		const struct store_ike *stored = &list_entry(it, struct identity, link)->stored;
		unsigned fits = rank_id(stored, seeker);
		unsigned owner = rank_owner(stored->instance, stored->port_number, seeker);
		unsigned rank = fits && owner ? fits * RANKS + owner : 0;

		if (rank <= highest)
			continue;
		highest = rank;
		best = stored;
	}
	return best;
}

static unsigned rank_destination(const char *destination, const struct ike_seeker *seeker)
{
	if (!*destination)
		return FOR_ANY;
	if (strcasecmp(destination, seeker->address) == 0)
		return FOR_ADDRESS;
	return strcasecmp(destination, seeker->host) == 0 ? FOR_NAME : 0;
}

const char *ike_outer(const struct ike *ike, const struct ike_seeker *seeker)
{
	const char *best = NULL;
	unsigned highest = 0;

	list_for_each(it, &ike->tunnels) {
		const struct store_tunnel *stored = &list_entry(it, struct tunnel, link)->stored;
		unsigned fits = rank_destination(stored->destination, seeker);
		unsigned owner = rank_owner(stored->instance, stored->port_number, seeker);
		unsigned rank = fits && owner ? fits * RANKS + owner : 0;

		if (rank <= highest)
			continue;
		highest = rank;
		best = stored->outer;
	}
	return best;
}
