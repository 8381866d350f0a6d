/*
 * bus.h - the clients of the service: D-Bus peer to peer on a Unix socket. Who may connect is the
 * socket's mode; who may do what is decided here, by the caller's uid.
 */
#ifndef ISCSIDSC_SERVICE_BUS_H
#define ISCSIDSC_SERVICE_BUS_H

#include "service/inside.h"

enum {
	CLIENTS_MAX = 256,         /* at a time */
	CLIENTS_MAX_PER_USER = 64, /* of one user that may only list */
	CLIENT_CALLS_MAX = 16,     /* of one client under way */
	CLIENT_UNREAD_MAX = 32,    /* replies that a client may leave unread */
	CLIENT_IDLE_SECONDS = 10,  /* for the next whole call, and for reading the answer */
};

/* Begins to accept on a listening socket. Takes over fd. */
int bus_listen(struct service *service, int fd);
/* No new clients. */
void bus_stop_listening(struct service *service);
/* Takes over a connected socket, in every case. */
int bus_add_client(struct service *service, int fd);
/* Cuts all clients. Replies left at once when they were given, unless a client does not read. */
void bus_close(struct service *service);

#endif
