/*
 * client.h - one NBD client: its socket, the stream of its requests, the replies that wait to be
 * sent.
 *
 * A client that sends slowly, reads slowly or goes away in the middle costs only itself: what it
 * may have under way, unsent replies included, is limited in number and bytes; at the limit no
 * more of its stream is read. So it is while too many commands wait for their turn at the unit.
 */
#ifndef ISCSIDSC_DISK_CLIENT_H
#define ISCSIDSC_DISK_CLIENT_H

#include "disk/handshake.h"
#include "disk/nbd.h"

enum {
	CLIENT_REQUESTS_MAX = 128,
	CLIENT_BYTES_MAX = 32 << 20,    /* of buffers; one request alone may pass it */
	CLIENT_IN = 16384,              /* headers are read in batches of this */
};

enum client_state {
	CLIENT_NEGOTIATING, /* handshake */
	CLIENT_SERVING,     /* requests are taken */
	CLIENT_LEAVING,     /* nothing is read any more; ends once all was answered and sent */
	CLIENT_CUT,         /* its socket is gone; freed when its last request has ended */
};

struct client {
	struct nbd *nbd;
	struct list link;              /* in nbd->clients */
	enum client_state state;
	struct watch watch;
	struct timer patience;         /* for the handshake */
	struct chore chore;            /* sends what was answered in this round */
	struct handshake handshake;

	uint8_t in[CLIENT_IN];         /* what is not yet taken: from in_at to in_len */
	size_t in_at, in_len;
	struct request *filling;       /* a WRITE whose payload arrives; owned */
	uint32_t filled;
	uint32_t skip;                 /* bytes of payload to be dropped: their WRITE was refused */

	uint8_t out[HANDSHAKE_OUT_MAX]; /* of the handshake; sent before any reply */
	size_t out_at, out_len;
	struct list replies;           /* struct request; owned */
	size_t reply_at;               /* bytes of the first that were sent */
	bool stuffed;                  /* the socket takes no more; wait for EPOLLOUT */

	unsigned requests;             /* under way, unsent replies included */
	uint64_t bytes;                /* of their buffers */
};

/* Begins to serve the connected, non-blocking socket. It belongs to the client then. Returns 0 or a
 * negative errno. */
int client_new(struct nbd *nbd, int fd);
/* Ends it without a word. It stays in the list while requests of it are under way. */
void client_cut(struct client *client);

#endif
