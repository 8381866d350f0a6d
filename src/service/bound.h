/*
 * bound.h - persistently bound devices: disks without which the service does not count as ready.
 *
 * Session ids, and with them the paths of disks, are new with each session. So a device is kept by
 * its target and LUN, as a text like "iscsi-iqn.2026-11.test:a-lun-0" (the end of udev's by-path
 * names). It is shown by the path that it has today, or by that text while it is not there; either,
 * and the URI of the path, names it in a call.
 */
#ifndef ISCSIDSC_SERVICE_BOUND_H
#define ISCSIDSC_SERVICE_BOUND_H

#include "service/bus_call.h"
#include "service/inside.h"

enum {
	BOUND_MAX = 4096,
	BOUND_TEXT = 6 + NAME_MAX_LEN + 5 + 20 + 1,
	BOUND_SETTLE_SECONDS = 10, /* that a setup waits for units that are being found */
};

/* Owned by service->bound.devices. */
struct bound {
	struct list link;
	char target[NAME_MAX_LEN + 1];
	uint64_t lun;             /* as people see it */
	bool met;                 /* it has been there since the start of the service */
};

/* Reads them from the store. 0 or a negative errno. */
int bound_init(struct service *service);
void bound_free(struct service *service);

/* A unit has come or gone, or the search for units has ended. */
void bound_look(struct service *service);
/* How many have not been there since the start, and shall come: their target has a persistent
 * login. */
unsigned bound_missing(struct service *service);

/* The list becomes that of all disks there are. Ends the call, later where units are being
 * found. */
void bound_setup(struct service *service, struct bus_call *call);
/* `path`: see above. These return an ISDSC status. */
uint32_t bound_add(struct service *service, const char *path);
uint32_t bound_remove(struct service *service, const char *path);
uint32_t bound_clear(struct service *service);
/* The path of today or the text; lent. `text` has BOUND_TEXT bytes. */
const char *bound_path(const struct service *service, const struct bound *bound, char *text);

#endif
