/*
 * mailbox.c - a stack that senders push on with one compare-and-swap and the receiver takes whole.
 *
 * Reversing what was taken gives the order in which it was pushed, whoever the senders were.
 */
#include "net/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	atomic_init(&box->head, NULL);
	box->fd = fd;
	return 0;
}

void mailbox_done(struct mailbox *box)
{
	assert(!atomic_load(&box->head));
	close(box->fd);
	box->fd = -1;
}

void mailbox_post(struct mailbox *box, struct msg *msg)
{
	struct msg *head = atomic_load_explicit(&box->head, memory_order_relaxed);
	uint64_t one = 1;
	ssize_t n;

	/* Once it is in, the message and its owner may be gone: only the box is touched after. */
	do
		msg->next = head;
	while (!atomic_compare_exchange_weak_explicit(&box->head, &head, msg,
						      memory_order_acq_rel,
						      memory_order_relaxed));
	if (head)
		return;
	do
		n = write(box->fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

void mailbox_run(struct mailbox *box)
{
	struct msg *msg, *next, *first = NULL;
	uint64_t count;
	ssize_t n;

	/* Clearing the wake-up before taking the messages can't lose one; after, it could. */
	do
		n = read(box->fd, &count, sizeof(count));
	while (n < 0 && errno == EINTR);
	msg = atomic_exchange_explicit(&box->head, NULL, memory_order_acq_rel);
	for (; msg; msg = next) {
		next = msg->next;
		msg->next = first;
		first = msg;
	}
	for (; first; first = next) {
		next = first->next;
		first->run(first);
	}
}
