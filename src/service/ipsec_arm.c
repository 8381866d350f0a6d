/*
 * ipsec_arm.c - what a protection is made with, out of a wish and what callers have set: flags, key,
 * identities, the tunnel's other end.
 */
#include "service/ipsec_arm.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "service/inside.h"
#include "service/ports.h"

/* As charon reads them; the type keeps it from guessing. */
static void identity_text(const struct store_ike *identity, char *ret, size_t room)
{
	char address[INET6_ADDRSTRLEN] = "";

	switch ((enum ike_id_type)identity->id_type) {
	case IKE_IPV4:
		inet_ntop(AF_INET, identity->id, address, sizeof(address));
		snprintf(ret, room, "%s", address);
		break;
	case IKE_IPV6:
		inet_ntop(AF_INET6, identity->id, address, sizeof(address));
		snprintf(ret, room, "%s", address);
		break;
	case IKE_FQDN:
		snprintf(ret, room, "fqdn:%.*s", identity->id_len, (const char *)identity->id);
		break;
	case IKE_USER_FQDN:
		snprintf(ret, room, "email:%.*s", identity->id_len, (const char *)identity->id);
		break;
	}
}

/* The number of our address, where the caller left it to routing. */
static uint32_t port_number(struct service *service, uint32_t asked, const char *local)
{
	struct port *ports = NULL;
	int n;

	if (asked != PORT_NUMBER_ANY)
		return asked;
	n = ports_list(service->store, &ports);
	for (int i = 0; i < n; i++)
		if (strcmp(ports[i].address, local) == 0)
			asked = ports[i].number;
	free(ports);
	return asked;
}

/* Keys of the same two ends have one name: charon would not know which to take. */
static void name_key(struct protection *p)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (const char *at = p->local_id; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 1099511628211u;
	hash = (hash ^ '|') * 1099511628211u;
	for (const char *at = p->remote_id; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 1099511628211u;
	snprintf(p->key_name, sizeof(p->key_name), "%skey-%016" PRIx64, p->service->ipsec.life, hash);
}

void ipsec_arm(struct protection *p, const char *host, const struct ipsec_wish *wish)
{
	struct service *service = p->service;
	struct ike_seeker seeker = { .host = host, .address = p->portal_text };
	const struct store_ike *identity;
	const char *outer;

	seeker.port_number = port_number(service, wish->port_number, p->local_text);
	identity = ike_best(&service->ike, &seeker);
	outer = ike_outer(&service->ike, &seeker);
	secret_wipe(&p->key, sizeof(p->key));
	p->flags = wish->flags;
	snprintf(p->outer, sizeof(p->outer), "%s", outer ? outer : "");
	if (wish->key && (wish->key->len || wish->key->lost))
		p->key = *wish->key;
	else if (identity)
		p->key = identity->key;
	else
		p->key = service->ike.group_key;
	/* Through another address than the portal's, ours is charon's choice, and our identity with it. */
	snprintf(p->local_id, sizeof(p->local_id), "%s", *p->outer ? "" : p->local_text);
	snprintf(p->remote_id, sizeof(p->remote_id), "%s", *p->outer ? p->outer : p->portal_text);
	if (identity)
		identity_text(identity, p->remote_id, sizeof(p->remote_id));
	p->named = identity && (identity->id_type == IKE_FQDN || identity->id_type == IKE_USER_FQDN);
	name_key(p);
}
