/*
 * nexus.h - a nexus, as the files of this room see it. drive.h is the view from outside.
 *
 * nexus.c is the side on the control thread, home.c the side on the home loop, where the session
 * lives, hold.c the commands there, and turn.c those of them that wait for a number; call.h is what goes
 * from the first to the second, note.h and links what comes back.
 */
#ifndef ISCSIDSC_DRIVE_NEXUS_H
#define ISCSIDSC_DRIVE_NEXUS_H

#include <stdatomic.h>

#include "drive/drive.h"
#include "drive/link.h"
#include "drive/path.h"

enum home_state {
	HOME_DOWN,   /* not yet up, or recovering: commands are held */
	HOME_UP,
	HOME_FAILED, /* the hold time is over: commands fail */
	HOME_OVER,   /* the session ended */
};

enum { NOTE_RESERVE = 4 };

struct note;

struct nexus {
	/* constant */
	struct drive *drive;
	struct nexus_ops ops;
	void *ctx;
	struct loop *home;
	unsigned home_index;

	/* the control thread's own */
	bool up;
	enum path_policy policy;
	struct path_rule rule[ENGINE_MAX_CONNS];
	unsigned rules;
	struct list mirrors; /* of struct mirror, owned; in the order of the listing */
	unsigned calls;      /* under way */
	bool over_told, quiet;
	unsigned quiet_at;   /* what `given` was when all was taken */

	/* home's own */
	enum home_state state;
	struct session *session; /* NULL after it was freed */
	struct timer timer;
	struct link *slot[ENGINE_MAX_CONNS]; /* those that the session knows */
	struct conn *stillborn[ENGINE_MAX_CONNS]; /* those that have no link; owned */
	struct list links;   /* all, owned */
	struct list open_calls; /* the session's to answer; of struct call, owned */
	struct paths paths;
	struct list held;    /* of struct io, owned by their callers; not sent. While no connection can
	                        carry them, or their turn has not come (turn.c) */
	struct list adrift;  /* likewise; sent, and the session has not ruled on them (session_rule) */
	uint64_t down_at;    /* when commands began to be held; 0 before the first login */
	struct fault lost;   /* why they were */
	struct note *reserve[NOTE_RESERVE]; /* for times without memory; owned */
	unsigned reserved;
	struct msg over_msg; /* goes to and fro at the end, see nexus_over */
	struct msg lost_msg; /* asyncs were lost, and the control thread does not know it yet */

	/* anyone's */
	atomic_uint given, taken; /* ios posted to home, and those that home dealt with */
	atomic_bool scarce;  /* a connection found the window shut: commands wait for their turn */
	atomic_uint asyncs;  /* async notes on their way to the control thread */
	atomic_bool async_lost; /* lost_msg is on its way there */
};

/* drive.c */
struct mailbox *drive_control(struct drive *drive);
/* Any index; they go round. */
struct loop *drive_loop(struct drive *drive, unsigned index);
/* Control thread: the loop for the next session. */
unsigned drive_next_home(struct drive *drive);

/* hold.c: on the home loop. A new command, or one that came back from its connection. */
void home_submit(struct nexus *nexus, struct io *io);
/* Gives it to a connection, or else puts it into the list. */
void home_give(struct nexus *nexus, struct io *io, struct list *list);
/* What was held goes on, or fails; so does what the session rules on now. */
void home_release(struct nexus *nexus);
/* Only the latter. */
void home_ruled(struct nexus *nexus);
/* Any thread: gives an io that was not sent, or is adrift, to home, for another connection. */
void home_post_io(struct nexus *nexus, struct io *io);
/* Any thread: hands the io back to its caller, by its mailbox. */
void io_return(struct io *io);
uint64_t io_bytes(const struct io *io);

/* turn.c. Home: a new command while numbers are scarce; and: those that have their turn go. */
void turn_take(struct nexus *nexus, struct io *io);
void turn_go(struct nexus *nexus);
/* At the end of a link's round: tells home of commands that got numbers, or came back. */
void turn_tell(struct link *link);
void turn_told(struct msg *msg);

/* home.c: on the home loop */
/* Takes the session's events; after every door call of the session. */
void home_pump(struct nexus *nexus);
uint64_t home_now(const struct nexus *nexus);
void home_post_control(struct nexus *nexus, struct msg *msg, void (*run)(struct msg *));
/* Messages of a link. */
void home_link_up(struct msg *msg);
void home_link_ended(struct msg *msg);
void home_link_wakes(struct msg *msg);
void home_link_async(struct msg *msg);
void home_link_async_lost(struct msg *msg);
void home_link_gone(struct msg *msg);
void home_link_cleaned(struct msg *msg);
void home_link_doubt(struct msg *msg);
void home_managed(struct msg *msg);
/* A call arrives. */
void home_call(struct msg *msg);
/* over_msg comes back: commands may have come meanwhile. */
void home_look_again(struct msg *msg);

struct mirror;

/* nexus.c: on the control thread, as listings show it */
void nexus_conn_get(const struct nexus *nexus, const struct mirror *mirror, struct nexus_conn *ret);
/* From home or a link. */
void nexus_call_returned(struct msg *msg);
void nexus_link_joined(struct msg *msg);
void nexus_link_left(struct msg *msg);
void nexus_link_retired(struct msg *msg);
void nexus_link_doubt(struct msg *msg);
void nexus_over(struct msg *msg);

#endif
