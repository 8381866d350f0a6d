/*
 * resolve.h - from a host name to addresses, without blocking the asking thread.
 *
 * Each name is looked up by the C library on a short-lived thread of its own, since a lookup can
 * neither be made non-blocking nor stopped; a numeric address needs no thread. Either way the
 * answer comes by the asker's mailbox.
 */
#ifndef ISCSIDSC_NET_RESOLVE_H
#define ISCSIDSC_NET_RESOLVE_H

#include <stdint.h>
#include <sys/socket.h>

#include "net/mailbox.h"

enum {
	RESOLVE_ADDRESSES = 16, /* most addresses of a name that are told */
	RESOLVE_LOOKUPS = 64,   /* most lookups of the process at a time; more fail with EAI_AGAIN */
};

struct resolve_answer {
	int error;      /* 0 or an EAI_ code */
	int error_number; /* for EAI_SYSTEM */
	unsigned count;
	struct {
		struct sockaddr_storage addr;
		socklen_t len;
	} address[RESOLVE_ADDRESSES];
};

struct resolve;

/* Begins. `done` is called once, on the thread that runs `box`, unless cancelled before; the
 * lookup is free when `done` returns. Returns 0 or -ENOMEM. */
int resolve_start(const char *host, uint16_t port, struct mailbox *box,
		  void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
		  struct resolve **ret);
/* On the thread that runs the box, before `done` was called. Accepts NULL. When it has returned,
 * nothing will be posted to the box any more, but a message may still lie in it. */
void resolve_cancel(struct resolve *resolve);

#endif
