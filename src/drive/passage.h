/*
 * passage.h - a socket's leave to connect, on its way: the link's loop asks the nexus' owner on the
 * control thread (drive.h), the answer comes back with what guards the socket, and when the socket is
 * closed the owner is told.
 *
 * A passage outlives its link, and even its nexus, until the owner has answered; what the owner holds
 * for it is then given back at once.
 */
#ifndef ISCSIDSC_DRIVE_PASSAGE_H
#define ISCSIDSC_DRIVE_PASSAGE_H

#include "drive/link.h"
#include "net/guard.h"

/* On the link's loop. Asks for this address; link_passed is called with the answer, later. NULL without
 * memory. */
struct passage *passage_new(struct link *link, const struct sockaddr *to, socklen_t len);
/* On the link's loop: the answer is not waited for any more, or the socket is closed. `silent`: nothing
 * that the peer answered came through. Accepts NULL. */
void passage_end(struct passage *passage, bool silent);
/* In link.c. `why` is NULL if it may connect; the guard is lent until passage_end. */
void link_passed(struct link *link, const struct guard *guard, const struct fault *why);

#endif
