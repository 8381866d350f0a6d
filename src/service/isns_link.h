/*
 * isns_link.h - a TCP connection to an iSNS server: messages there and back, one question at a time,
 * each with a time limit. What is asked and what the answers mean is the caller's (isns.h).
 *
 * On the control thread; nothing blocks. A link calls its owner as the last thing it does, so the owner
 * may free it from within any of the calls.
 */
#ifndef ISCSIDSC_SERVICE_ISNS_LINK_H
#define ISCSIDSC_SERVICE_ISNS_LINK_H

#include <sys/socket.h>

#include "base/bytes.h"
#include "service/inside.h"

enum {
	ISNS_LINK_SECONDS = 30,               /* for an answer, from its question to its last byte */
	ISNS_LINK_MESSAGE_MAX = 32 * 1048576, /* bytes of a message we take */
	ISNS_LINK_QUESTION_MAX = 4096,        /* room of a question, its header included */
};

struct isns_link_ops {
	void (*opened)(void *ctx);
	/* To the last question; the bytes behind the status are lent until it returns. */
	void (*answered)(void *ctx, uint32_t status, struct bytes_reader *reader);
	/* The link is of no use any more, and is to be freed. `status` is an ISDSC one. */
	void (*failed)(void *ctx, uint32_t status, const char *why);
};

struct isns_link;

/* Begins to connect. Returns 0 or a negative errno; then nothing is called. */
int isns_link_new(struct service *service, const char *host, uint16_t port,
		  const struct isns_link_ops *ops, void *ctx, struct isns_link **ret);
/* Accepts NULL. */
void isns_link_free(struct isns_link *link);

/* Asks; an answer or failure follows. `reader` has the attributes alone. Once opened, and once the last
 * question was answered. Returns 0 or a negative errno: then the link is to be freed. */
int isns_link_ask(struct isns_link *link, unsigned function, unsigned flags,
		  const struct bytes_writer *attributes);
/* Our end and the server's, once opened. */
void isns_link_ends(const struct isns_link *link, struct sockaddr_storage *ret_own,
		    struct sockaddr_storage *ret_peer);

#endif
