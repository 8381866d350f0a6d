/*
 * ike.c - see ike.h.
 */
#include "service/ike.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/ike_inside.h"
#include "service/status.h"

/* The name of the group's key among the store's secrets. */
#define GROUP_KEY "group-key"

/* ---- the group's key */

uint32_t ike_set_group_key(struct ike *ike, struct store *store, const struct preshared_key *key,
			   bool persist)
{
	bool kept = persist && key->len;
	int r = store_set_secret(store, GROUP_KEY, kept ? key->bytes : NULL, kept ? key->len : 0);

	if (r < 0)
		return status_of_errno(r);
	secret_wipe(&ike->group_key, sizeof(ike->group_key));
	ike->group_key = *key;
	return ERROR_SUCCESS;
}

static int group_key_load(struct ike *ike, struct store *store)
{
	struct preshared_key *key = &ike->group_key;
	int r = store_get_secret(store, GROUP_KEY, key->bytes, sizeof(key->bytes));

	key->len = r > 0 ? (uint16_t)r : 0;
	key->lost = r == -ENOKEY;
	return r < 0 && r != -ENOENT && r != -EMSGSIZE && r != -ENOKEY ? r : 0;
}

/* ---- ids */

static bool id_is_text(const struct store_ike *identity)
{
	for (unsigned i = 0; i < identity->id_len; i++)
		if (!isgraph(identity->id[i]))
			return false;
	return true;
}

/* Hosts have no letter case; what stands before the @ may have one. */
static void id_fold(struct store_ike *identity, size_t from)
{
	for (size_t i = from; i < identity->id_len; i++)
		identity->id[i] = (uint8_t)tolower(identity->id[i]);
}

uint32_t ike_check_id(struct store_ike *identity)
{
	const uint8_t *at;

	switch ((enum ike_id_type)identity->id_type) {
	case IKE_IPV4:
		return identity->id_len == 4 ? ERROR_SUCCESS : ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE;
	case IKE_IPV6:
		return identity->id_len == 16 ? ERROR_SUCCESS : ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE;
	case IKE_FQDN:
	case IKE_USER_FQDN:
		if (!identity->id_len)
			return ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE;
		if (!id_is_text(identity))
			return ERROR_INVALID_PARAMETER;
		at = memrchr(identity->id, '@', identity->id_len);
		if (!at == (identity->id_type == IKE_USER_FQDN))
			return ERROR_INVALID_PARAMETER;
		id_fold(identity, at ? (size_t)(at - identity->id) : 0);
		return ERROR_SUCCESS;
	}
	return ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED;
}

static bool same_id(const struct store_ike *a, const struct store_ike *b)
{
	return a->id_type == b->id_type && a->id_len == b->id_len &&
	       memcmp(a->id, b->id, a->id_len) == 0;
}

/* ---- identities */

static struct identity *identity_at(const struct ike *ike, const struct store_ike *id,
				    const char *instance, uint32_t port_number)
{
	list_for_each(it, &ike->identities) {
		struct identity *identity = list_entry(it, struct identity, link);

		if (identity->stored.port_number == port_number &&
		    strcmp(identity->stored.instance, instance) == 0 &&
		    same_id(&identity->stored, id))
			return identity;
	}
	return NULL;
}

static void identity_free(struct ike *ike, struct identity *identity)
{
	list_remove(&identity->link);
	ike->identity_count--;
	secret_wipe(identity, sizeof(*identity));
	free(identity);
}

static int identity_keep(struct ike *ike, const struct store_ike *stored, bool persist)
{
	struct identity *identity = identity_at(ike, stored, stored->instance,
						stored->port_number);

	if (!identity) {
		identity = calloc(1, sizeof(*identity));
		if (!identity)
			return -ENOMEM;
		list_append(&ike->identities, &identity->link);
		ike->identity_count++;
	}
	secret_wipe(&identity->stored, sizeof(identity->stored));
	identity->stored = *stored;
	identity->persist = persist;
	return 0;
}

static uint32_t identity_remove(struct ike *ike, struct store *store, struct identity *identity)
{
	int r;

	if (!identity)
		return ISDSC_NO_AUTH_INFO_AVAILABLE;
	r = identity->persist ? store_remove_ike(store, &identity->stored) : 0;
	if (r == 0)
		identity_free(ike, identity);
	return status_of_errno(r);
}

uint32_t ike_set(struct ike *ike, struct store *store, const struct store_ike *stored,
		 bool persist)
{
	struct identity *old = identity_at(ike, stored, stored->instance, stored->port_number);
	int r = 0;

	if (!stored->key.len)
		return identity_remove(ike, store, old);
	if (!old && ike->identity_count >= IKE_IDENTITIES_MAX)
		return ISDSC_OUT_OF_RESOURCES;
	if (persist)
		r = store_put_ike(store, stored);
	else if (old && old->persist)
		r = store_remove_ike(store, stored);
	if (r == 0)
		r = identity_keep(ike, stored, persist);
	return status_of_errno(r);
}

const struct store_ike *ike_find(const struct ike *ike, const struct store_ike *wanted)
{
	const struct identity *found = identity_at(ike, wanted, wanted->instance,
						   wanted->port_number);

	if (!found)
		found = identity_at(ike, wanted, wanted->instance, PORT_NUMBER_ANY);
	if (!found)
		found = identity_at(ike, wanted, "", wanted->port_number);
	if (!found)
		found = identity_at(ike, wanted, "", PORT_NUMBER_ANY);
	return found ? &found->stored : NULL;
}

/* The id that a host has: its address, or its name. */
static void id_of_host(const char *host, struct store_ike *ret)
{
	char address[INET6_ADDRSTRLEN];

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(host, "%"), host);
	if (inet_pton(AF_INET, host, ret->id) == 1) {
		ret->id_type = IKE_IPV4;
		ret->id_len = 4;
	} else if (inet_pton(AF_INET6, address, ret->id) == 1) {
		ret->id_type = IKE_IPV6;
		ret->id_len = 16;
	} else {
		ret->id_type = IKE_FQDN;
		ret->id_len = (uint8_t)strnlen(host, sizeof(ret->id));
		memcpy(ret->id, host, ret->id_len);
		id_fold(ret, 0);
	}
}

const uint64_t *ike_flags(const struct ike *ike, const char *host)
{
	const uint64_t asks = SECURITY_VALID | SECURITY_IPSEC;
	struct store_ike wanted = { .id_type = 0 };

	id_of_host(host, &wanted);
	list_for_each(it, &ike->identities) {
		const struct identity *identity = list_entry(it, struct identity, link);

		if ((identity->stored.security_flags & asks) == asks &&
		    same_id(&identity->stored, &wanted))
			return &identity->stored.security_flags;
	}
	return NULL;
}

/* ---- tunnels */

static struct tunnel *tunnel_find(const struct ike *ike, const struct store_tunnel *wanted)
{
	list_for_each(it, &ike->tunnels) {
		struct tunnel *tunnel = list_entry(it, struct tunnel, link);

		if (tunnel->stored.port_number == wanted->port_number &&
		    strcmp(tunnel->stored.instance, wanted->instance) == 0 &&
		    strcasecmp(tunnel->stored.destination, wanted->destination) == 0)
			return tunnel;
	}
	return NULL;
}

static void tunnel_free(struct ike *ike, struct tunnel *tunnel)
{
	list_remove(&tunnel->link);
	ike->tunnel_count--;
	free(tunnel);
}

static int tunnel_keep(struct ike *ike, const struct store_tunnel *stored, bool persist)
{
	struct tunnel *tunnel = tunnel_find(ike, stored);

	if (!tunnel) {
		tunnel = calloc(1, sizeof(*tunnel));
		if (!tunnel)
			return -ENOMEM;
		list_append(&ike->tunnels, &tunnel->link);
		ike->tunnel_count++;
	}
	tunnel->stored = *stored;
	tunnel->persist = persist;
	return 0;
}

static uint32_t tunnel_remove(struct ike *ike, struct store *store, struct tunnel *tunnel)
{
	int r;

	if (!tunnel)
		return ISDSC_NO_TUNNEL_OUTER_MODE_ADDRESS;
	r = tunnel->persist ? store_remove_tunnel(store, &tunnel->stored) : 0;
	if (r == 0)
		tunnel_free(ike, tunnel);
	return status_of_errno(r);
}

uint32_t ike_set_tunnel(struct ike *ike, struct store *store, const struct store_tunnel *wanted,
			bool persist)
{
	struct tunnel *old = tunnel_find(ike, wanted);
	struct store_tunnel stored = *wanted;
	int r = 0;

	if (!*stored.outer)
		return tunnel_remove(ike, store, old);
	if (!old && ike->tunnel_count >= IKE_TUNNELS_MAX)
		return ISDSC_OUT_OF_RESOURCES;
	/* The store compares letter by letter. */
	if (old)
		memcpy(stored.destination, old->stored.destination, sizeof(stored.destination));
	if (persist)
		r = store_put_tunnel(store, &stored);
	else if (old && old->persist)
		r = store_remove_tunnel(store, &stored);
	if (r == 0)
		r = tunnel_keep(ike, &stored, persist);
	return status_of_errno(r);
}

int ike_each_tunnel(const struct ike *ike,
		    int (*each)(void *ctx, const struct store_tunnel *tunnel, bool persist),
		    void *ctx)
{
	int r = 0;

	list_for_each(it, &ike->tunnels) {
		const struct tunnel *tunnel = list_entry(it, struct tunnel, link);

		if (r >= 0)
			r = each(ctx, &tunnel->stored, tunnel->persist);
	}
	return r;
}

/* ---- beginning and end */

void ike_init(struct ike *ike)
{
	memset(ike, 0, sizeof(*ike));
	list_init(&ike->identities);
	list_init(&ike->tunnels);
}

struct loading {
	struct ike *ike;
	int r;
};

static void take_identity(void *ctx, const struct store_ike *stored)
{
	struct loading *loading = ctx;

	if (loading->r == 0)
		loading->r = identity_keep(loading->ike, stored, true);
}

static void take_tunnel(void *ctx, const struct store_tunnel *stored)
{
	struct loading *loading = ctx;

	if (loading->r == 0)
		loading->r = tunnel_keep(loading->ike, stored, true);
}

int ike_load(struct ike *ike, struct store *store)
{
	struct loading loading = { ike, 0 };
	int r = group_key_load(ike, store);

	if (r == 0)
		r = store_each_ike(store, take_identity, &loading);
	if (r == 0)
		r = store_each_tunnel(store, take_tunnel, &loading);
	return r < 0 ? r : loading.r;
}

void ike_done(struct ike *ike)
{
	list_for_each(it, &ike->identities)
		identity_free(ike, list_entry(it, struct identity, link));
	list_for_each(it, &ike->tunnels)
		tunnel_free(ike, list_entry(it, struct tunnel, link));
	secret_wipe(&ike->group_key, sizeof(ike->group_key));
}
