/*
 * dial.h - from a portal's name to a connected socket: look up, then try the addresses in turn.
 * Lives on one loop; embedded in its owner. It knows nothing of iSCSI.
 */
#ifndef ISCSIDSC_DRIVE_DIAL_H
#define ISCSIDSC_DRIVE_DIAL_H

#include "base/fault.h"
#include "net/loop.h"
#include "net/resolve.h"

struct dial {
	/* Set by the owner: called once for each dial_start that was not cancelled, also from within
	 * it. The socket is the owner's; fd is -1 if it failed, with FAULT_RESOLVE, FAULT_SOURCE or
	 * FAULT_CONNECT in *fault. */
	void (*done)(struct dial *dial, int fd, const struct fault *fault);

	/* dial.c's own */
	struct loop *loop;
	char portal[280];  /* for messages */
	char source[64];
	uint64_t limit;
	struct resolve *resolve;
	struct resolve_answer answer;
	unsigned at;       /* next address to try */
	struct watch watch;
	struct timer timer;
	struct fault fault; /* of the last address tried */
};

/* "host:port", with brackets around an IPv6 address. */
void portal_text(const char *host, uint16_t port, char *ret, size_t size);
/* `limit`: when the owner will cancel; the addresses share the time that is left. */
void dial_start(struct dial *dial, struct loop *loop, const char *host, uint16_t port,
		const char *source, uint64_t limit);
/* Nothing happens any more. Does nothing if not started. */
void dial_cancel(struct dial *dial);

#endif
