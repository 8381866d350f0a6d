/*
 * mirror.h - a connection as the control thread sees it: kept up by messages, for listings.
 */
#ifndef ISCSIDSC_DRIVE_MIRROR_H
#define ISCSIDSC_DRIVE_MIRROR_H

#include "drive/drive.h"

struct mirror {
	struct list link;       /* in nexus->mirrors */
	bool listed;            /* it was up once */
	struct link *carrier;   /* whose counters are added; NULL while lost */
	struct nexus_conn conn; /* counters: those of former carriers */
};

/* Returns NULL without memory. */
struct mirror *mirror_new(struct list *mirrors, const struct conn_options *options);
void mirror_free(struct mirror *mirror);
struct mirror *mirror_find(struct list *mirrors, uint64_t id);
/* The link logged in. Returns true if the connection was up before. */
bool mirror_joined(struct mirror *mirror, struct link *link);
/* The link's counters are about to go: keeps their sum. */
void mirror_retire(struct mirror *mirror);
/* All but what the session's policy says. */
void mirror_get(const struct list *mirrors, const struct mirror *mirror, struct nexus_conn *ret);

#endif
