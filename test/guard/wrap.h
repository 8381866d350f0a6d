/*
 * wrap.h - counts of what our code asks of the system, and its sockets, which are peer.h's.
 *
 * The linker leads the calls of the product's objects here (-Wl,--wrap). For the kernel a socket is
 * an eventfd, readable while the peer has something to say; no byte goes through the kernel.
 * The clock is one that moves a microsecond each time it is read.
 */
#ifndef ISCSIDSC_TEST_GUARD_WRAP_H
#define ISCSIDSC_TEST_GUARD_WRAP_H

#include <stdbool.h>

enum wrap_count {
	WRAP_WAIT,        /* epoll_wait */
	WRAP_CONTROL,     /* epoll_ctl */
	WRAP_RECV,        /* from the socket */
	WRAP_SEND,        /* to the socket */
	WRAP_POST,        /* write to an eventfd: another thread, or ourselves, is woken */
	WRAP_WOKEN,       /* read of an eventfd */
	WRAP_CLOCK, WRAP_ALLOCATE, WRAP_LOCK,
	WRAP_PDUS_OUT, WRAP_PDUS_IN,
	WRAP_LARGEST,     /* PDUs in one send, the most */
	WRAP_COUNTS
};

extern const char *const wrap_names[WRAP_COUNTS];
extern unsigned wrap_counts[WRAP_COUNTS];

/* What of a scenario is profiled. */
enum wrap_mark {
	MARK_NONE,
	MARK_QUEUE, /* from its begin to its first send */
	MARK_LAND,  /* from the wait that brings the answers to the last command's return */
	MARK_ALL,
};

/* On the loop's thread, or while that is held, before the first command: counting begins. */
void wrap_begin(enum wrap_mark mark);
/* On the loop's thread, when all came back. Counting ends when the loop waits next: then `over` is
 * called. */
void wrap_end(void (*over)(void));

/* callgrind throws away what it has when the first is entered, and writes it when the second is. */
void guard_begin(void);
void guard_end(void);

#endif
