/*
 * protection_sa.c - see protection.h: the SAs that charon tells of, whether they cover a protection's
 * portal, and how sockets are held to them.
 */
#include "service/protection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/route.h"
#include "service/vici_selector.h"

bool protection_is_our_kind(const char *name)
{
	return strncmp(name, IPSEC_PREFIX, strlen(IPSEC_PREFIX)) == 0;
}

static bool is_installed(const struct vici_child *child)
{
	return (strcmp(child->state, "INSTALLED") == 0 || strcmp(child->state, "REKEYING") == 0) &&
	       strcmp(child->protocol, "ESP") == 0 &&
	       (child->mode == VICI_TRANSPORT || child->mode == VICI_TUNNEL);
}

bool protection_is_covered(const struct protection *p, const struct vici_ike *ike,
			   const struct vici_child *child)
{
	if (!child || !is_installed(child) ||
	    (protection_is_our_kind(child->name) && strcmp(child->name, p->name) != 0))
		return false;
	return vici_selectors_cover(&child->local_ts, protection_local(p), 0,
				    strcmp(ike->local_host, p->local_text) == 0) &&
	       vici_selectors_cover(&child->remote_ts, protection_portal(p), p->port,
				    strcmp(ike->remote_host, p->portal_text) == 0);
}

static void show(const struct vici_ike *ike, const struct vici_child *child, struct ipsec_shown *ret)
{
	const struct vici_algorithms *a = &child->algorithms;
	char bits[16] = "";

	*ret = (struct ipsec_shown){ .ike = ike->version, .tunnel = child->mode == VICI_TUNNEL,
				     .pfs = a->dh[0], .bytes_in = child->bytes_in,
				     .bytes_out = child->bytes_out, .rekeyed = child->install_time };
	if (a->encr_bits)
		snprintf(bits, sizeof(bits), "-%u", a->encr_bits);
	snprintf(ret->esp, sizeof(ret->esp), "%s%s%s%.28s%s%.28s", a->encr, bits, a->integ[0] ? "/" : "",
		 a->integ, a->dh[0] ? "/" : "", a->dh);
}

void protection_take(struct protection *p, const struct vici_ike *ike, const struct vici_child *child)
{
	struct protection_sa *sa = &p->sa;

	*sa = (struct protection_sa){ .ike_id = ike->id, .child_id = child->id, .reqid = child->reqid,
				      .version = ike->version, .mode = child->mode };
	strcpy(sa->ike, ike->name);
	strcpy(sa->child, child->name);
	strcpy(sa->local, ike->local_host);
	strcpy(sa->remote, ike->remote_host);
	show(ike, child, &sa->shown);
	/* A child that IKEv2 began with has no group of its own, and tells none before its first rekey. */
	if (!p->foreign)
		sa->shown.pfs = p->flags & SECURITY_PFS;
	sa->shown.aggressive = p->aggressive && !p->foreign;
	sa->shown.foreign = p->foreign;
}

/* ---- guards */

static int address_get(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		ret->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		ret->ss_family = AF_INET6;
	else
		return -EINVAL;
	return 0;
}

/* ESP in user space comes with a device and a route that leads there. */
static int guard_by_device(const struct protection *p, struct guard *guard)
{
	int r = route_device(protection_local(p), protection_portal(p), guard->device);

	if (r < 0)
		return r;
	guard->kind = GUARD_DEVICE;
	guard->blocked = p->blocked;
	return strncmp(guard->device, "ipsec", 5) == 0 ? 0 : -ENODEV;
}

static int guard_by_policy(const struct protection *p, struct guard *guard)
{
	guard->kind = GUARD_POLICY;
	guard->reqid = p->sa.reqid;
	guard->tunnel = p->sa.mode == VICI_TUNNEL;
	if (!guard->reqid)
		return -EINVAL;
	if (!guard->tunnel)
		return 0;
	if (address_get(p->sa.local, &guard->outer_local) < 0 ||
	    address_get(p->sa.remote, &guard->outer_remote) < 0)
		return -EINVAL;
	return 0;
}

int protection_guard(const struct protection *p, struct guard *ret)
{
	struct guard guard = { .kind = GUARD_NONE };
	int r = p->look.user_space ? guard_by_device(p, &guard) : guard_by_policy(p, &guard);

	if (r < 0)
		return r;
	strcpy(guard.source, p->local_text);
	*ret = guard;
	return 0;
}
