/*
 * discover.h - SendTargets portals and the discovery sessions to them (RFC 7143 sections 4.3 and
 * appendix C). What they find goes to targets.h.
 */
#ifndef ISCSIDSC_SERVICE_DISCOVER_H
#define ISCSIDSC_SERVICE_DISCOVER_H

#include "service/inside.h"

/* A portal that gets SendTargets requests. */
struct source {
	struct list link;           /* owned by service->portals */
	struct service *service;
	struct store_portal stored; /* with secrets */
	char host[OPTIONS_TEXT];    /* its address as the net wants it */
	struct target_source *tells;
	unsigned failures;          /* in a row */
	sd_event_source *retry;     /* it can't be reached and is asked again then */
};

/* Reads the portals from the store. 0 or a negative errno. */
int discover_init(struct service *service);
/* Frees the portals; no discovery runs any more. */
void discover_free(struct service *service);

/* NULL if there is none. Address and names compare without regard to case. */
struct source *discover_find(struct service *service, const char *instance, uint32_t port_number,
			     const struct portal *portal);
/* The first one, whatever its port number. */
struct source *discover_find_port(struct service *service, const char *instance,
				  const struct portal *portal);
/* The security flags of a portal with this address, whatever its instance; of several entries one
 * that asks for IPsec counts; else those of an earlier connection there. NULL: none. */
const uint64_t *discover_flags(struct service *service, const char *host, uint16_t socket);
/* Stores it, replacing an entry of the same key. 0, -ENOSPC when there are too many, or the store's
 * error. */
int discover_add(struct service *service, const struct store_portal *portal, struct source **ret);
/* Removes it, its stored form, and what only it knew. */
int discover_remove(struct service *service, struct source *source);

/* Asks the portal for its targets. `done` is called once, maybe at once, with an ISDSC status and,
 * where it failed, why, "" where the status says it all. If the
 * portal can't be reached it is asked again later, until it answers. */
void discover_start(struct service *service, struct source *source,
		    void (*done)(void *ctx, uint32_t status, const char *why), void *ctx);
/* Ends all discoveries; there will be no others. */
void discover_stop(struct service *service);

#endif
