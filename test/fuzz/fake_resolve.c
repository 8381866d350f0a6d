/*
 * fake_resolve.c - net/resolve.c for the harnesses: no name has an address, so that nothing that an input
 * names is looked up or connected to.
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>

#include "net/resolve.h"

struct resolve {
	struct msg msg;
	void (*done)(void *ctx, const struct resolve_answer *answer);
	void *ctx;
	bool cancelled;
};

static void resolve_answered(struct msg *msg)
{
	static const struct resolve_answer answer = { .error = EAI_NONAME };
	struct resolve *resolve = (struct resolve *)msg;

	if (!resolve->cancelled)
		resolve->done(resolve->ctx, &answer);
	free(resolve);
}

int resolve_start(const char *host, uint16_t port, struct mailbox *box,
		  void (*done)(void *ctx, const struct resolve_answer *answer), void *ctx,
		  struct resolve **ret)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	(void)host;
	(void)port;
	if (!resolve)
		return -ENOMEM;
	resolve->msg.run = resolve_answered;
	resolve->done = done;
	resolve->ctx = ctx;
	*ret = resolve;
	mailbox_post(box, &resolve->msg);
	return 0;
}

void resolve_cancel(struct resolve *resolve)
{
	if (resolve)
		resolve->cancelled = true;
}
