/*
 * timers.h - the deadlines of a loop, as a pairing heap: intrusive, so setting one can't fail.
 * Only the loop uses the functions; everybody else uses timer_set and timer_clear of loop.h.
 */
#ifndef ISCSIDSC_NET_TIMERS_H
#define ISCSIDSC_NET_TIMERS_H

#include <stdint.h>

struct loop;

/* A deadline. Embedded in its owner; zero-initialised means not set. */
struct timer {
	void (*expired)(struct timer *timer, uint64_t now);
	uint64_t deadline;
	struct loop *loop; /* NULL if not set */
	struct timer *child, *next, *prev; /* prev: the sibling before, or the parent */
};

/* Each returns the new root; NULL is the empty heap. The root has the earliest deadline. */
struct timer *timers_insert(struct timer *root, struct timer *timer);
struct timer *timers_remove(struct timer *root, struct timer *timer);

#endif
