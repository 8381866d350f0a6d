/*
 * queue.h - how many commands of a unit may be under way at a time: fewer once the unit said
 * TASK SET FULL or BUSY, one more after each run of good answers. Commands beyond that stand in
 * line, first come first served.
 *
 * It only counts; command.c gives and takes the commands. SAM-5 section 5.3.
 */
#ifndef ISCSIDSC_DISK_QUEUE_H
#define ISCSIDSC_DISK_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"

enum {
	QUEUE_LIMIT_MAX = 1024,  /* more than a session carries (ENGINE_MAX_TASKS) is of no use */
	QUEUE_LINE_MAX = 256,    /* then no more requests are taken from clients */
	QUEUE_GOOD_RUN = 32,     /* good answers after which the limit grows by one */
};

/* Embedded in struct unit. Of one thread, but `limit` and `length` may be read anywhere. */
struct queue {
	_Atomic unsigned limit;  /* 1 to QUEUE_LIMIT_MAX */
	_Atomic unsigned length; /* of the line */
	unsigned active;         /* under way */
	unsigned good;           /* good answers since the limit last changed */
	unsigned round;          /* counts the cuts of the limit */
	bool refused;            /* somebody was told that the line is full */
	struct list line;        /* of `link`s; owned by their users */
};

void queue_init(struct queue *queue);
/* True: the command may go and counts as under way. False: its link was put into the line, at
 * the end, or at the front for one that was under way before. */
bool queue_enter(struct queue *queue, struct list *link, bool front);
/* One that was under way came back. */
void queue_leave(struct queue *queue);
/* The next from the line that may go; it counts as under way. NULL: none. */
struct list *queue_next(struct queue *queue);
/* Empties the line into `ret`. */
void queue_clear(struct queue *queue, struct list *ret);

/* How a command that came back ended: well; with TASK SET FULL; with BUSY. Of the commands that
 * were under way together only the first BUSY counts: `round` is queue->round when it was given. */
void queue_good(struct queue *queue);
void queue_full(struct queue *queue);
void queue_busy(struct queue *queue, unsigned round);

/* True: no more, please. Whoever hears this is told by queue_drained when to come again. */
bool queue_is_long(struct queue *queue);
/* True once, when the line has become short after queue_is_long said yes. */
bool queue_drained(struct queue *queue);

#endif
