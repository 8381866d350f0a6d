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

#include "drive/drive.h"
#include "drive/path.h"

struct call;
struct link_dial;

/* What a link can be told; several may wait, and are then done in this order. */
enum link_order {
	LINK_START = 1 << 0,
	LINK_LOGOUT_CONN = 1 << 1,    /* reason 1 */
	LINK_LOGOUT_SESSION = 1 << 2, /* reason 0 */
	LINK_ABANDON = 1 << 3,
	LINK_WAKE = 1 << 4,
	LINK_CLEANUP = 1 << 5,        /* of `lost` */
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

/* A task management function was answered: what it covers ends here, too. */
struct link_conclude {
	struct msg msg;
	struct link *link;
	uint8_t function;
	uint64_t lun;
	uint32_t cmd_sn;
};

/* News of a doubt on their way; the last one counts. */
enum link_doubt { DOUBT_NO_NEWS = 0, DOUBT_OVER, DOUBT_RAISED };

enum { LINK_ASYNCS = 64 }; /* async messages on their way; of what a target sends beyond, only that it came */

struct link {
	struct nexus *nexus;
	struct loop *loop;
	struct conn *conn;
	uint64_t id;
	unsigned slot;

	/* home's own */
	struct list link; /* in nexus->links, which owns it */
	struct path path; /* shared; path.h tells what is whose */
	bool joined;      /* between JOINED and LEFT */

	/* messages to the link */
	struct msg orders_msg;
	_Atomic unsigned orders;
	struct conn_lost lost; /* home's, until LINK_CLEANUP was carried out; one at a time */

	/* messages to home; end_msg then goes on to the control thread, the loop, and home (see Life) */
	struct msg up_msg, end_msg, wake_msg;
	_Atomic uint64_t wakes;
	atomic_uint asyncs;
	struct msg lost_msg;
	atomic_bool async_lost; /* lost_msg is on its way */
	struct link_up up;  /* constant once up_msg was posted */
	struct fault end;
	struct msg cleaned_msg;
	struct conn_cleaned cleaned; /* home's once cleaned_msg was posted */
	struct msg moved_msg;
	atomic_bool moved;  /* moved_msg is on its way */
	struct msg doubt_msg;
	_Atomic int doubt;  /* enum link_doubt */

	/* messages of home to the control thread */
	struct msg joined_msg, left_msg, note_doubt_msg;
	struct fault left;
	bool returning;
	_Atomic int note_doubt; /* enum link_doubt */

	struct nexus_question *question; /* the control thread's: that which owes a verdict, or NULL */

	/* the loop's own */
	enum link_state state;
	struct passage *passage; /* of the socket, or asked for; passage.h, owned */
	struct link_dial *dial; /* in LINK_DIALLING, owned: what connecting needs, nothing else does */
	struct watch watch;
	struct timer timer;
	struct chore chore;
	unsigned unsent;    /* what tcp_set_unsent was told; 0: nothing yet */
	bool blocked;       /* the socket takes nothing until EPOLLOUT */
	int write_error;    /* what writing said; reading goes on to the end first */
	bool draining, working;
	struct list returned; /* ios to be given back on this very thread; their callers own them */
	struct call *text;  /* the Text exchange under way */
	uint64_t arrived;   /* commands that home gave */
	uint64_t moved_told; /* what turn_tell saw when it told home */
	uint64_t wire_at, wire_bytes, wire_busy; /* when TCP's rate was measured; of tcp_carried then */
	uint64_t patience;  /* the silence at which it was doubted, 0: it is trusted */
	bool doubt_told;
};

/* Home. Returns NULL without memory. */
struct link *link_new(struct nexus *nexus, struct loop *loop, struct conn *conn);
/* Home. */
void link_order(struct link *link, enum link_order order);
/* Control thread, once home has let go of it. */
void link_release(struct link *link);
/* Home, or the link's loop. Must have been LINK_STARTed, and not be known to be over. */
void link_submit(struct link *link, struct io *io);
/* Home: one Text exchange, or task management function; the call is returned to the control thread. */
void link_text(struct link *link, struct call *call);
void link_manage(struct link *link, struct call *call);
/* Home. */
void link_conclude(struct link *link, uint8_t function, uint64_t lun, uint32_t cmd_sn);

/* ---- what the files of the link share; on its loop */

/* Takes the connection's events; after every door call. */
void link_drain(struct link *link);
/* Something may have to be sent at the end of the round. */
void link_touch(struct link *link);
void link_post_home(struct link *link, struct msg *msg, void (*run)(struct msg *));
/* order.c */
void link_ordered(struct msg *msg);
void link_managed(struct link *link, struct management *management);
/* doubt.c: nothing came for that long, though requests wait; and: it was heard again. */
void link_doubted(struct link *link, uint64_t silence);
void link_trusted(struct link *link);

#endif
