/*
 * ipsec_show.c - how connections are protected, for listings: charon is asked before, since only it knows
 * what was rekeyed and how much went through.
 */
#include "service/ipsec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/inside.h"
#include "service/protection.h"

struct refresh {
	struct list link;        /* owned by ipsec->refreshes */
	struct service *service;
	void (*done)(void *ctx);
	void *ctx;
};

static void refresh_end(struct refresh *refresh)
{
	void (*done)(void *) = refresh->done;
	void *ctx = refresh->ctx;

	list_remove(&refresh->link);
	free(refresh);
	done(ctx);
}

static void listed(void *ctx, const struct vici_ike *ike, const struct vici_child *child)
{
	const struct refresh *refresh = ctx;

	if (!child)
		return;
	list_for_each(it, &refresh->service->ipsec.protections) {
		struct protection *p = list_entry(it, struct protection, link);

		if (p->state == PROTECTION_UP && child->reqid == p->sa.reqid &&
		    strcmp(child->name, p->sa.child) == 0 && protection_is_covered(p, ike, child))
			protection_take(p, ike, child);
	}
}

static void all_listed(void *ctx, const struct vici_result *result)
{
	(void)result; /* what is known is shown */
	refresh_end(ctx);
}

void ipsec_refresh(struct service *service, void (*done)(void *ctx), void *ctx)
{
	static const struct vici_which all;
	struct ipsec *ipsec = &service->ipsec;
	struct refresh *refresh = NULL;

	if (ipsec->watch && !ipsec->stopping && !list_empty(&ipsec->protections))
		refresh = calloc(1, sizeof(*refresh));
	if (!refresh) {
		done(ctx);
		return;
	}
	*refresh = (struct refresh){ .service = service, .done = done, .ctx = ctx };
	list_append(&ipsec->refreshes, &refresh->link);
	if (vici_list_sas(ipsec->watch, &all, listed, (struct vici_done){ all_listed, refresh }) < 0)
		refresh_end(refresh);
}

void ipsec_refreshes_end(struct ipsec *ipsec)
{
	list_for_each(it, &ipsec->refreshes) {
		struct refresh *refresh = list_entry(it, struct refresh, link);

		if (ipsec->watch)
			vici_forget(ipsec->watch, refresh);
		refresh_end(refresh);
	}
}

void ipsec_show(const struct service *service, const char *local, const char *peer, uint16_t port,
		struct ipsec_shown *ret)
{
	*ret = (struct ipsec_shown){ .ike = 0 };
	list_for_each(it, &service->ipsec.protections) {
		const struct protection *p = list_entry(it, struct protection, link);

		if (p->state == PROTECTION_UP && p->users && p->port == port &&
		    strcmp(p->local_text, local) == 0 && strcmp(p->portal_text, peer) == 0)
			*ret = p->sa.shown;
	}
}
