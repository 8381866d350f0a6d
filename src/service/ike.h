/*
 * ike.h - what callers have said about IPsec: preshared keys by IKE identity, the key of the group,
 * and outer addresses of tunnels. Each lasts as long as the service, or for good in the store. What
 * it is not: IPsec. The flags of an identity that is a portal's address count for that portal.
 *
 * Functions that return uint32_t return an ISDSC status. A later setting takes the place of the
 * earlier one, its stored form included: what was replaced or removed does not come back.
 */
#ifndef ISCSIDSC_SERVICE_IKE_H
#define ISCSIDSC_SERVICE_IKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "service/store.h"

enum { IKE_IDENTITIES_MAX = 1024, IKE_TUNNELS_MAX = 1024 };

/* The numbers of the API. */
enum ike_id_type { IKE_IPV4 = 1, IKE_FQDN = 2, IKE_USER_FQDN = 3, IKE_IPV6 = 5 };

struct ike {
	struct list identities, tunnels; /* owned */
	unsigned identity_count, tunnel_count;
	struct preshared_key group_key;
};

void ike_init(struct ike *ike);
/* What is stored. Returns 0 or a negative errno. */
int ike_load(struct ike *ike, struct store *store);
/* Frees and wipes. */
void ike_done(struct ike *ike);

/* A key of no bytes clears it. */
uint32_t ike_set_group_key(struct ike *ike, struct store *store, const struct preshared_key *key,
			   bool persist);

/* Whether type and bytes make an id; letters of host names are folded. */
uint32_t ike_check_id(struct store_ike *identity);
/* The id was checked. A key of no bytes removes the identity. */
uint32_t ike_set(struct ike *ike, struct store *store, const struct store_ike *identity,
		 bool persist);
/* The record that counts for an instance, port and id: its own, else that of all ports, of all
 * instances, of both. NULL for none. */
const struct store_ike *ike_find(const struct ike *ike, const struct store_ike *wanted);
/* The flags of an identity that is this host's and asks for IPsec; NULL for none. */
const uint64_t *ike_flags(const struct ike *ike, const char *host);

/* Who looks for what was set for a portal. */
struct ike_seeker {
	const char *host, *address;  /* of the portal, as it was named, and as a number */
	uint32_t port_number;        /* of the initiator; PORT_NUMBER_ANY: unknown */
};

/* The identity that fits the portal best: its address before its name, then somebody there; among those
 * in the order of ike_find. NULL for none. */
const struct store_ike *ike_best(const struct ike *ike, const struct ike_seeker *seeker);
/* The outer address of the tunnel to the portal; one of its own before that of any destination, then as
 * above. NULL for none. */
const char *ike_outer(const struct ike *ike, const struct ike_seeker *seeker);

/* An outer address of "" removes it. Both addresses are as args_host gives them. */
uint32_t ike_set_tunnel(struct ike *ike, struct store *store, const struct store_tunnel *tunnel,
			bool persist);
/* In the order in which they were set. */
int ike_each_tunnel(const struct ike *ike,
		    int (*each)(void *ctx, const struct store_tunnel *tunnel, bool persist),
		    void *ctx);

#endif
