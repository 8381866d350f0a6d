/*
 * loop.h - a data thread: sockets, timers, messages. It owns the connections, NBD clients and
 * staging memory that live on it. The control thread is no loop of this kind (it has sd-event).
 *
 * Everything but loop_box, loop_new, loop_stop and loop_free is called on the loop's own thread.
 */
#ifndef ISCSIDSC_NET_LOOP_H
#define ISCSIDSC_NET_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/mailbox.h"
#include "net/timers.h"

enum { LOOP_STAGING = 256 * 1024 };
#define LOOP_NEVER UINT64_MAX

struct loop;

/* A file descriptor watched by a loop. Embedded in its owner. */
struct watch {
	int fd;
	void (*ready)(struct watch *watch, unsigned events); /* EPOLLIN, EPOLLOUT, EPOLLERR... */
	struct loop *loop;
	unsigned events;
};

/* Something to do once, at the end of the present round of the loop: lets a caller that was handed
 * many small things act once. Embedded; linked while scheduled. */
struct chore {
	struct list link;
	void (*run)(struct chore *chore);
};

/* Starts a thread named `name`. Returns 0 or a negative errno. */
int loop_new(const char *name, struct loop **ret);
/* Any thread but the loop's own: runs what was posted before, then ends and joins the thread.
 * Several loops that post to each other are all stopped before the first is freed. */
void loop_stop(struct loop *loop);
/* Stops it if need be. Nothing may be watched or timed any more. Accepts NULL. */
void loop_free(struct loop *loop);
/* Any thread: where to post messages for this loop. */
struct mailbox *loop_box(struct loop *loop);
/* The loop this thread runs, NULL on other threads. */
struct loop *loop_current(void);
/* Monotonic nanoseconds; read once per round. */
uint64_t loop_now(struct loop *loop);
/* LOOP_STAGING bytes, for use within one callback only. */
uint8_t *loop_staging(struct loop *loop);

int watch_add(struct loop *loop, struct watch *watch, int fd, unsigned events,
	      void (*ready)(struct watch *, unsigned));
int watch_set(struct watch *watch, unsigned events);
/* Safe from within any callback: no event of this round reaches the watch any more. Does not close
 * the descriptor. Does nothing if not added. */
void watch_remove(struct watch *watch);

/* Sets or moves the deadline (struct timer: timers.h); LOOP_NEVER clears it. */
void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline);
void timer_clear(struct timer *timer);
/* Schedules if not yet scheduled. */
void chore_schedule(struct loop *loop, struct chore *chore);
void chore_cancel(struct chore *chore);

#endif
