/*
 * dial.h - from a portal's name to a connected socket: look up, then try the addresses in turn.
 * Lives on one loop; embedded in its owner. It knows nothing of iSCSI.
 */
#ifndef ISCSIDSC_DRIVE_DIAL_H
#define ISCSIDSC_DRIVE_DIAL_H

#include "base/fault.h"
#include "net/guard.h"
#include "net/loop.h"
#include "net/resolve.h"

struct dial {
	/* Set by the owner: called once for each dial_start that was not cancelled, also from within
	 * it. The socket is the owner's; fd is -1 if it failed, with FAULT_RESOLVE, FAULT_SOURCE or
	 * FAULT_CONNECT in *fault. */
	void (*done)(struct dial *dial, int fd, const struct fault *fault);
	/* Set by the owner, or NULL: called before each address is tried, which waits for one dial_go or
	 * dial_skip, also from within. The one before it is done with, and did not connect. */
	void (*ask)(struct dial *dial, const struct sockaddr *to, socklen_t len);

	/* dial.c's own */
	struct loop *loop;
	char portal[280];  /* for messages */
	char source[64];
	uint64_t limit;
	struct resolve *resolve;
	struct resolve_answer answer;
	unsigned at;       /* next address to try */
	bool asking;       /* about the one before that */
	bool silent;       /* the last one tried did not answer, not even with a refusal */
	struct watch watch;
	struct timer timer;
	struct fault fault; /* of the last address tried */
};

/* "host:port", with brackets around an IPv6 address. */
void portal_text(const char *host, uint16_t port, char *ret, size_t size);
/* `limit`: when the owner will cancel; the addresses share the time that is left. */
void dial_start(struct dial *dial, struct loop *loop, const char *host, uint16_t port,
		const char *source, uint64_t limit);
/* The address that was asked about is tried, with this guard on its socket (NULL: none), or is not.
 * When nothing was asked they do nothing. */
void dial_go(struct dial *dial, const struct guard *guard);
void dial_skip(struct dial *dial, const struct fault *why);
/* Nothing happens any more. Does nothing if not started. */
void dial_cancel(struct dial *dial);

#endif
