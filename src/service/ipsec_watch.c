/*
 * ipsec_watch.c - the link to charon that tells of events: SAs that went, were rekeyed, and charon itself
 * that went or came. Over it what an earlier life of this service left there is cleaned up.
 */
#include "service/ipsec_watch.h"

#include <limits.h>
#include <string.h>

#include "service/inside.h"
#include "service/log.h"

/* ---- what came of it */

static void lost_sa(struct protection *p)
{
	if (p->state != PROTECTION_UP)
		return;
	p->state = PROTECTION_DOWN;
	if (!p->users)
		return; /* its time is running out anyway */
	log_notice("%s port %u: the IPsec SA is gone; making a new one", p->portal_text, p->port);
	protection_bring(p);
}

static bool is_gone(const struct protection *p, const struct vici_event *event)
{
	if (event->up)
		return false;
	if (event->kind == VICI_CHILD_UPDOWN)
		return event->child->id == p->sa.child_id;
	/* A new IKE SA may have taken its place, and its children; a look will tell. */
	return event->kind == VICI_IKE_UPDOWN && strcmp(event->ike->name, p->sa.ike) == 0;
}

static void event_came(void *ctx, const struct vici_event *event)
{
	struct service *service = ctx;

	list_for_each(it, &service->ipsec.protections) {
		struct protection *p = list_entry(it, struct protection, link);

		if (p->state != PROTECTION_UP)
			continue;
		if (event->kind == VICI_CHILD_REKEY && event->old_id == p->sa.child_id)
			protection_take(p, event->ike, event->child);
		else if (is_gone(p, event))
			lost_sa(p);
	}
}

/* ---- charon goes and comes */

static bool is_needed(const struct service *service)
{
	list_for_each(it, &service->ipsec.protections)
		if (list_entry(it, struct protection, link)->users)
			return true;
	return false;
}

static int retry_due(sd_event_source *timer, uint64_t usec, void *ctx)
{
	(void)timer;
	(void)usec;
	ipsec_watch(ctx);
	return 0;
}

static void retry_later(struct service *service)
{
	if (is_needed(service) && !service->ipsec.stopping)
		service_timer(service, &service->ipsec.retry, IPSEC_RETRY_SECONDS, retry_due, service);
}

static void link_lost(void *ctx, const struct vici_result *why)
{
	struct service *service = ctx;

	if (is_needed(service))
		log_warning("charon is lost: %s", why->why);
	vici_free(service->ipsec.watch);
	service->ipsec.watch = NULL;
	list_for_each(it, &service->ipsec.protections) {
		struct protection *p = list_entry(it, struct protection, link);

		if (p->state == PROTECTION_UP)
			p->state = PROTECTION_DOWN;
		p->key_loaded = false; /* a new charon has none */
	}
	retry_later(service);
}

/* ---- leftovers */

enum { LEFTOVERS_AT_ONCE = VICI_QUEUE_MAX / 4 };

static bool is_leftover(const struct ipsec *ipsec, const char *name)
{
	return strncmp(name, ipsec->prefix, strlen(ipsec->prefix)) == 0 &&
	       strncmp(name, ipsec->life, strlen(ipsec->life)) != 0;
}

static const struct vici_done no_matter;

/* Whether it goes in this round: the link's queue has room for so many. */
static bool is_turn(struct ipsec *ipsec)
{
	return ipsec->leftovers++ < LEFTOVERS_AT_ONCE;
}

static void conn_listed(void *ctx, const char *name)
{
	struct ipsec *ipsec = &((struct service *)ctx)->ipsec;

	if (is_leftover(ipsec, name) && is_turn(ipsec))
		vici_unload_conn(ipsec->watch, name, no_matter);
}

static void key_listed(void *ctx, const char *id)
{
	struct ipsec *ipsec = &((struct service *)ctx)->ipsec;

	if (is_leftover(ipsec, id) && is_turn(ipsec))
		vici_unload_key(ipsec->watch, id, no_matter);
}

static void sa_listed(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	struct ipsec *ipsec = &((struct service *)ctx)->ipsec;
	const struct vici_which whole = { .ike_id = ike->id };

	if ((is_leftover(ipsec, ike->name) || (child && is_leftover(ipsec, child->name))) && is_turn(ipsec))
		vici_terminate(ipsec->watch, &whole, true, 1000, no_matter);
}

static void round_over(void *ctx, const struct vici_result *result);

/* Under the way of an IKE SA that is ours children of no other can be. */
static void clean_round(struct service *service)
{
	static const struct vici_which all;
	struct vici *watch = service->ipsec.watch;
	const struct vici_done done = { NULL, service }, last = { round_over, service };

	service->ipsec.leftovers_before = service->ipsec.leftovers;
	service->ipsec.leftovers = 0;
	vici_list_sas(watch, &all, sa_listed, done);
	vici_list_conn_names(watch, conn_listed, done);
	vici_list_key_ids(watch, key_listed, last);
}

/* The next round's lists are behind what this one took away. One that finds no less than that before it
 * is the last: what charon keeps can't be helped. */
static void round_over(void *ctx, const struct vici_result *result)
{
	struct service *service = ctx;
	const struct ipsec *ipsec = &service->ipsec;

	if (result->error == 0 && ipsec->leftovers > LEFTOVERS_AT_ONCE &&
	    ipsec->leftovers < ipsec->leftovers_before)
		clean_round(service);
}

/* With each link anew: the one before may have been lost in the middle of it. */
static void clean_up(struct service *service)
{
	service->ipsec.leftovers = UINT_MAX;
	clean_round(service);
}

static void link_opened(void *ctx, const struct vici_version *version)
{
	struct service *service = ctx;

	(void)version;
	clean_up(service);
	list_for_each(it, &service->ipsec.protections) {
		struct protection *p = list_entry(it, struct protection, link);

		if (p->state == PROTECTION_DOWN && p->users)
			protection_bring(p);
	}
}

void ipsec_watch(struct service *service)
{
	static const struct vici_ops ops = { link_opened, event_came, link_lost };
	struct ipsec *ipsec = &service->ipsec;

	if (ipsec->watch || ipsec->stopping)
		return;
	if (vici_new(service->event, ipsec->path, &ops, service, &ipsec->watch) < 0)
		retry_later(service);
}
