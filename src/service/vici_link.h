/*
 * vici_link.h - the link of vici.h beneath its requests: the socket, the queue, and which packet ends
 * which request. Only for the files vici*.c.
 */
#ifndef ISCSIDSC_SERVICE_VICI_LINK_H
#define ISCSIDSC_SERVICE_VICI_LINK_H

#include "base/list.h"
#include "service/vici.h"

/* A packet that waits, or was sent and waits for its reply. */
struct vici_request {
	struct list link;            /* in the link's queue, which owns it */
	struct vici_done done;
	bool forgotten;              /* nothing of it is to be called any more */
	uint64_t usec;               /* for the reply */
	/* While it is under way: an event that belongs to a request. NULL: none is awaited. */
	void (*streamed)(struct vici_request *request, struct vici_bytes message);
	/* The response; may change the result, which is 0 then. NULL: nothing is of interest. */
	void (*replied)(struct vici_request *request, struct vici_bytes message);
	union {
		void (*sa)(void *ctx, const struct vici_ike *ike, const struct vici_child *child);
		void (*conn)(void *ctx, const struct vici_known_conn *conn);
		void (*policy)(void *ctx, const struct vici_policy *policy);
		void (*name)(void *ctx, const char *name);
	} each;
	struct vici_result result;
	enum vici_type type;         /* VICI_REQUEST or VICI_REGISTER */
	size_t at, len;              /* sent; of bytes */
	uint8_t bytes[];             /* wiped once sent */
};

/* A copy of the packet, which was begun with vici_begin. Returns 0, -EMSGSIZE or -ENOMEM. */
int vici_request_new(struct bytes_writer *packet, enum vici_type type, struct vici_done done,
		     struct vici_request **ret);
/* Queues it, and takes it over in any case. Returns 0 or a negative errno, as vici.h says. */
int vici_link_add(struct vici *vici, struct vici_request *request);

/* It will end with that error, and with `why` where no better reason was found already. */
void vici_request_fail(struct vici_request *request, int error, const char *why);

#endif
