/*
 * nbd.h - the NBD server of one disk: its Unix socket and the clients on it. Not here: a client's
 * stream (client.h), the protocol (handshake.h, nbd_wire.h), and what a request does (request.h).
 */
#ifndef ISCSIDSC_DISK_NBD_H
#define ISCSIDSC_DISK_NBD_H

#include "disk/nbd_wire.h"
#include "disk/pool.h"

enum { NBD_CLIENTS_MAX = 64 };

/* Embedded in struct disk; one thread, the unit's loop. */
struct nbd {
	struct unit *unit;
	struct export export;
	struct pool pool;
	struct list clients;           /* struct client; owned */
	unsigned n_clients;            /* those still finishing requests included */
	struct watch watch;
	struct timer pause;            /* while accept has no file descriptor to give */
	bool stopping;
	void (*stopped)(struct nbd *nbd);
};

/* Makes the socket at unit->info.socket_path and serves the unit, which was probed. A socket
 * left there is replaced; anything else is -EEXIST. Returns 0 or a negative errno. */
int nbd_start(struct nbd *nbd, struct unit *unit, mode_t mode, gid_t gid);
/* The unit's size or abilities have changed: clients that come from now on are told the new ones,
 * and requests of all clients are held against them. */
void nbd_changed(struct nbd *nbd);
/* Takes the socket away and cuts all clients; calls stopped when their last request has ended,
 * at the earliest before it returns. */
void nbd_stop(struct nbd *nbd, void (*stopped)(struct nbd *nbd));
/* For client.c: one of them is gone. */
void nbd_client_left(struct nbd *nbd);

#endif
