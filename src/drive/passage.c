/*
 * passage.c - see passage.h.
 */
#include "drive/passage.h"

#include <stdlib.h>
#include <string.h>

#include "drive/nexus.h"

struct passage {
	struct msg msg;
	struct nexus *nexus;         /* until it was asked */
	struct loop *loop;
	struct mailbox *control;
	struct passage_info info;

	/* the answer: the control thread's, then the loop's */
	struct guard guard;
	struct fault why;            /* FAULT_NONE: granted */
	void (*closed)(void *hold, bool silent);
	void *hold;

	/* the loop's own */
	struct link *link;           /* NULL: nobody waits, or uses it */
	bool answered, silent;
};

const struct passage_info *passage_info(const struct passage *passage)
{
	return &passage->info;
}

static void passage_asked(struct msg *msg)
{
	struct passage *passage = list_entry(msg, struct passage, msg);
	struct nexus *n = passage->nexus;

	passage->nexus = NULL;
	n->ops.pass(n->ctx, passage);
}

struct passage *passage_new(struct link *link, const struct sockaddr *to, socklen_t len)
{
	struct passage *passage = calloc(1, sizeof(*passage));
	struct passage_info *info;

	if (!passage)
		return NULL;
	passage->nexus = link->nexus;
	passage->loop = link->loop;
	passage->control = drive_control(link->nexus->drive);
	passage->link = link;
	info = &passage->info;
	info->conn_id = link->id;
	strncpy(info->host, conn_host(link->conn), sizeof(info->host) - 1);
	info->port = conn_port(link->conn);
	memcpy(&info->to, to, len);
	info->to_len = len;
	strncpy(info->source, conn_source(link->conn), sizeof(info->source) - 1);
	passage->msg.run = passage_asked;
	mailbox_post(passage->control, &passage->msg);
	return passage;
}

static void passage_closed(struct msg *msg)
{
	struct passage *passage = list_entry(msg, struct passage, msg);

	passage->closed(passage->hold, passage->silent);
	free(passage);
}

/* What the owner holds goes back to it. */
static void passage_return(struct passage *passage)
{
	if (!passage->closed) {
		free(passage);
		return;
	}
	passage->msg.run = passage_closed;
	mailbox_post(passage->control, &passage->msg);
}

void passage_end(struct passage *passage, bool silent)
{
	if (!passage)
		return;
	passage->link = NULL;
	passage->silent = silent;
	if (passage->answered)
		passage_return(passage);
}

static void passage_answered(struct msg *msg)
{
	struct passage *passage = list_entry(msg, struct passage, msg);

	passage->answered = true;
	if (!passage->link) {
		/* It was not tried, which says nothing of the peer. */
		passage->silent = false;
		passage_return(passage);
	} else {
		link_passed(passage->link, &passage->guard,
			    passage->why.kind == FAULT_NONE ? NULL : &passage->why);
	}
}

static void passage_answer(struct passage *passage)
{
	passage->msg.run = passage_answered;
	mailbox_post(loop_box(passage->loop), &passage->msg);
}

void passage_grant(struct passage *passage, const struct guard *guard,
		   void (*closed)(void *hold, bool silent), void *hold)
{
	if (guard)
		passage->guard = *guard;
	passage->closed = closed;
	passage->hold = hold;
	passage_answer(passage);
}

void passage_refuse(struct passage *passage, const struct fault *why)
{
	passage->why = *why;
	passage_answer(passage);
}
