/*
 * link.h - one engine connection on its loop: its socket, its deadline, and the messages between it
 * and the session's home.
 *
 * Life. Home makes it for SESSION_EVENT_CONN and orders START. When the connection is over, it
 * tells home (home_link_ended) and from then on only bounces commands back. Home gives it to the
 * control thread (which reads its counters), that releases it by a message of its own, the link's
 * loop frees the engine's connection and home frees the link (home_link_gone). All messages are
 * embedded and every mailbox keeps order, so none is in flight when its link goes. An order would
 * not do for the release: orders that wait share one message, and this one has to come last.
 */
#ifndef ISCSIDSC_DRIVE_LINK_H
#define ISCSIDSC_DRIVE_LINK_H

#include <stdatomic.h>

#include "drive/dial.h"
#include "drive/drive.h"

struct call;

/* What a link can be told; several may wait, and are then done in this order. */
enum link_order {
	LINK_START = 1 << 0,
	LINK_LOGOUT_CONN = 1 << 1,    /* reason 1 */
	LINK_LOGOUT_SESSION = 1 << 2, /* reason 0 */
	LINK_ABANDON = 1 << 3,
	LINK_WAKE = 1 << 4,
};

enum link_state {
	LINK_IDLE,     /* not started */
	LINK_DIALLING,
	LINK_OPEN,     /* has a socket */
	LINK_ENDED,    /* home was told */
};

/* What is known once the login succeeded. */
struct link_up {
	struct conn_up login;
	char host[256];
	uint16_t port, local_port;
	char local[64], peer[64];
};

/* An async message on its way to home. */
struct link_async {
	struct msg msg;
	struct link *link;
	struct conn_async async;
};

enum { LINK_ASYNCS = 64 }; /* async messages on their way; what a target sends beyond is dropped */

struct link {
	struct nexus *nexus;
	struct loop *loop;
	struct conn *conn;
	uint64_t id;
	unsigned slot;

	/* home's own */
	struct list link; /* in nexus->links, which owns it */
	bool joined;      /* between JOINED and LEFT */
	bool over;        /* the session does not know it any more */

	/* messages to the link */
	struct msg orders_msg;
	_Atomic unsigned orders;

	/* messages to home; end_msg then goes on to the control thread, the loop, and home (see Life) */
	struct msg up_msg, end_msg, wake_msg;
	_Atomic uint64_t wakes;
	atomic_uint asyncs;
	struct link_up up;  /* constant once up_msg was posted */
	struct fault end;

	/* messages of home to the control thread */
	struct msg joined_msg, left_msg;
	struct fault left;
	bool returning;

	/* the loop's own */
	enum link_state state;
	struct dial dial;
	struct watch watch;
	struct timer timer;
	struct chore chore;
	bool blocked;       /* the socket takes nothing until EPOLLOUT */
	int write_error;    /* what writing said; reading goes on to the end first */
	bool draining, working;
	struct list returned; /* ios to be given back on this very thread; their callers own them */
	struct call *text;  /* the Text exchange under way */
};

/* Home. Returns NULL without memory. */
struct link *link_new(struct nexus *nexus, struct loop *loop, struct conn *conn);
/* Home. */
void link_order(struct link *link, enum link_order order);
/* Control thread, once home has let go of it. */
void link_release(struct link *link);
/* Home, or the link's loop. Must have been LINK_STARTed, and not be known to be over. */
void link_submit(struct link *link, struct io *io);
/* Home: one Text exchange; the call is returned to the control thread. */
void link_text(struct link *link, struct call *call);

#endif
