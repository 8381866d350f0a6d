/*
 * mailbox.h - how threads reach each other: many senders, one receiver, no lock, no allocation.
 *
 * A message is embedded in the thing it is about (a connection, a task), so a thing can be in one
 * mailbox at a time and the number of messages is bounded by the number of things.
 */
#ifndef ISCSIDSC_NET_MAILBOX_H
#define ISCSIDSC_NET_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

struct msg {
	struct msg *next;
	void (*run)(struct msg *msg); /* called on the receiver's thread; may free the message's owner */
};

struct mailbox {
	_Atomic(struct msg *) head;
	int fd; /* eventfd: readable while there may be messages; watched by the receiver */
};

/* Returns 0 or a negative errno. */
int mailbox_init(struct mailbox *box);
/* The mailbox must be empty. */
void mailbox_done(struct mailbox *box);
/* Any thread. Wakes the receiver only if the box was empty. */
void mailbox_post(struct mailbox *box, struct msg *msg);
/* The receiver: runs all messages that are there, in the order posted by each sender. */
void mailbox_run(struct mailbox *box);

#endif
