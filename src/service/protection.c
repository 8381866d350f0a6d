/*
 * protection.c - see protection.h: from nothing to an SA that covers the portal, by what charon has or,
 * if that is not enough, by what protection_try.c has it make. The requests of one protection go over a
 * link of their own, since charon answers those of a link in turn, and an initiation takes its time.
 */
#include "service/protection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/block.h"
#include "service/inside.h"
#include "service/vici_selector.h"

/* ---- time */

uint64_t protection_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

unsigned protection_time_left(const struct protection *p)
{
	uint64_t now = protection_now();

	return p->limit > now + 1000 ? (unsigned)((p->limit - now) / 1000) : 1;
}

/* ---- the result */

static void bring_end(struct protection *p)
{
	vici_free(p->vici);
	p->vici = NULL;
}

void protection_fail(struct protection *p, enum fault_kind kind, const char *why)
{
	struct fault fault;

	fault_set(&fault, kind, 0, "%s", why); /* which is the link's, maybe */
	bring_end(p);
	if (p->why.kind == FAULT_NONE || kind == FAULT_NO_IPSEC)
		p->why = fault;
	p->state = PROTECTION_DOWN;
	protection_failed(p);
}

bool protection_is_absent(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EPIPE:
	case -ENOTCONN:
	case -EPROTO:
	case -EPROTONOSUPPORT:
		return true;
	default:
		return false;
	}
}

void protection_fail_error(struct protection *p, int error, const char *why)
{
	char text[sizeof(p->why.text)];

	if (protection_is_absent(error))
		snprintf(text, sizeof(text), "IPsec: no charon at %.40s: install and start strongSwan "
			 "(charon-systemd, or the like)", p->service->ipsec.path);
	else if (error == -EACCES || error == -EPERM)
		snprintf(text, sizeof(text), "IPsec: this service may not use charon's socket %.40s",
			 p->service->ipsec.path);
	else
		snprintf(text, sizeof(text), "IPsec: %s", why && *why ? why : strerror(-error));
	protection_fail(p, protection_is_absent(error) ? FAULT_NO_IPSEC : FAULT_IPSEC, text);
}

void protection_check(struct protection *p, int r)
{
	if (r < 0)
		protection_fail_error(p, r, NULL);
}

const char *protection_peer(const struct protection *p)
{
	return *p->outer ? p->outer : p->portal_text;
}

/* ---- up */

static void bring_up(struct protection *p)
{
	struct guard guard = { .kind = GUARD_NONE };
	int r = protection_guard(p, &guard);

	if (r == -ENODEV) {
		protection_fail(p, FAULT_IPSEC, "IPsec: charon makes ESP in user space, and no route "
				"leads into its tunnel");
		return;
	}
	if (r < 0) {
		protection_fail(p, FAULT_IPSEC, "IPsec: what charon has can't be enforced on a socket");
		return;
	}
	bring_end(p);
	p->guard = guard;
	p->suspect = false;
	p->state = PROTECTION_UP;
	p->why.kind = FAULT_NONE;
	protection_came_up(p);
}

/* ---- confirming */

/* A peer that has only tunnels may answer IKEv2 with one when it is asked for transport mode. */
static bool is_mode_asked(const struct protection *p, const struct vici_child *child)
{
	bool insists = p->service->defaults.value[DEFAULT_IPSEC_MODE] == IPSEC_MODE_INSIST;
	uint64_t other = child->mode == VICI_TUNNEL ? SECURITY_TRANSPORT_MODE : SECURITY_TUNNEL_MODE;

	return !insists || !(p->flags & other);
}

/* Of whichever protection: a child of the same ends joins it. */
static bool is_phase_1(const struct protection *p, const struct vici_ike *ike)
{
	return ike->version == 1 && strcmp(ike->state, "ESTABLISHED") == 0 &&
	       strcmp(ike->remote_host, protection_peer(p)) == 0;
}

static void sa_listed(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	struct protection *p = ctx;
	bool own = child && strcmp(child->name, p->name) == 0;

	p->look.phase_1 |= is_phase_1(p, ike);
	if (!protection_is_covered(p, ike, child) || (p->look.found && (p->look.own || !own)) ||
	    (own && !is_mode_asked(p, child)))
		return;
	p->look.found = true;
	p->look.own = own;
	p->foreign = !own;
	protection_take(p, ike, child);
}

static int ask_sas(struct protection *p, void (*done)(void *ctx, const struct vici_result *result))
{
	static const struct vici_which all;

	p->look.found = p->look.own = false;
	return vici_list_sas(p->vici, &all, sa_listed, (struct vici_done){ done, p });
}

static void confirmed(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	if (result->error < 0)
		protection_fail_error(p, result->error, result->why);
	else if (!p->look.found)
		protection_fail(p, FAULT_IPSEC, "IPsec: the peer agreed to something that does not cover the "
				"connection, or not in the mode that is insisted on");
	else
		bring_up(p);
}

void protection_confirm(struct protection *p)
{
	p->state = PROTECTION_CONFIRMING;
	protection_check(p, ask_sas(p, confirmed));
}

/* ---- looking */

static void sprung(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	if (result->error < 0)
		protection_fail_error(p, result->error, result->why);
	else
		protection_confirm(p);
}

/* One that is not ours is not ended. */
static void renew_foreign(const struct protection *p)
{
	const struct vici_which which = { .child_id = p->sa.child_id };

	if (p->service->ipsec.watch)
		vici_rekey(p->service->ipsec.watch, &which, (struct vici_done){ NULL, NULL });
}

static void policies_listed(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;

	if (result->error < 0) {
		protection_fail_error(p, result->error, result->why);
	} else if (p->look.found && !(p->suspect && p->look.own)) {
		if (p->suspect)
			renew_foreign(p);
		bring_up(p);
	} else if (p->look.child[0] && !p->look.own) {
		p->state = PROTECTION_SPRINGING;
		protection_check(p, vici_initiate(p->vici, p->look.ike, p->look.child, protection_time_left(p),
					     (struct vici_done){ sprung, p }));
	} else {
		protection_try(p);
	}
}

static void policy_listed(void *ctx, const struct vici_policy *policy)
{
	struct protection *p = ctx;
	bool dynamic = false; /* of a trap that is installed the addresses are known */

	if ((policy->mode != VICI_TRANSPORT && policy->mode != VICI_TUNNEL) ||
	    protection_is_our_kind(policy->child) ||
	    !vici_selectors_cover(&policy->local_ts, protection_local(p), 0, dynamic) ||
	    !vici_selectors_cover(&policy->remote_ts, protection_portal(p), p->port, dynamic))
		return;
	strcpy(p->look.ike, policy->ike);
	strcpy(p->look.child, policy->child);
}

static void plugin_listed(void *ctx, const char *name)
{
	struct protection *p = ctx;

	if (strcmp(name, "kernel-libipsec") == 0)
		p->look.user_space = true;
}

static void sas_listed(void *ctx, const struct vici_result *result)
{
	if (result->error < 0)
		protection_fail_error(ctx, result->error, result->why);
}

/* Before anything is negotiated: the kernel must be able to hold a socket to it. */
static void plugins_listed(void *ctx, const struct vici_result *result)
{
	struct protection *p = ctx;
	int r;

	if (result->error < 0) {
		protection_fail_error(p, result->error, result->why);
		return;
	}
	r = guard_check(p->portal.ss_family);
	if (r == 0)
		r = block_set(protection_local(p), protection_portal(p), p->service->ipsec.tag);
	p->blocked = r == 0;
	if (r == 0 || (r != -EPERM && p->look.user_space)) /* then the kernel may have no XFRM */
		return;
	protection_fail(p, FAULT_IPSEC, r == -EPERM
		   ? "IPsec: this service may not set policies in the kernel (it needs CAP_NET_ADMIN)"
		   : "IPsec: the kernel can't hold sockets to it");
}

static void link_lost(void *ctx, const struct vici_result *why)
{
	struct protection *p = ctx;

	protection_fail_error(p, why->error, why->why);
}

/* Less than the login's time, so that it is heard why there was no connection. */
static uint32_t seconds_for_it(const struct service *service)
{
	uint32_t own = service->defaults.value[DEFAULT_IPSEC_TIME];
	uint32_t login = service->defaults.value[DEFAULT_LOGIN_TIME];

	if (own < login)
		return own;
	return login > 1 ? login - 1 : 1;
}

void protection_bring(struct protection *p)
{
	static const struct vici_ops ops = { .lost = link_lost };
	struct service *service = p->service;
	int r;

	p->state = PROTECTION_LOOKING;
	p->look = (struct protection_look){ .user_space = false };
	p->why = (struct fault){ .kind = FAULT_NONE };
	p->limit = protection_now() + (uint64_t)seconds_for_it(service) * 1000000;
	r = vici_new(service->event, service->ipsec.path, &ops, p, &p->vici);
	if (r == 0)
		r = vici_list_plugins(p->vici, plugin_listed, (struct vici_done){ plugins_listed, p });
	if (r == 0)
		r = ask_sas(p, sas_listed);
	if (r == 0)
		r = vici_list_policies(p->vici, policy_listed, (struct vici_done){ policies_listed, p });
	protection_check(p, r);
}
