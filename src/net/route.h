/*
 * route.h - what routing chooses: our address towards another one, and the device. They return 0 or a
 * negative errno, and do not wait for anything.
 */
#ifndef ISCSIDSC_NET_ROUTE_H
#define ISCSIDSC_NET_ROUTE_H

#include <net/if.h>
#include <sys/socket.h>

/* Without port. */
int route_source(const struct sockaddr *to, socklen_t len, struct sockaddr_storage *ret);
/* For what leaves from `from`, which may be NULL. */
int route_device(const struct sockaddr *from, const struct sockaddr *to, char ret[IF_NAMESIZE]);

#endif
