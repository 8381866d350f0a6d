/*
 * peer.h - the other end of all connections, in memory: it takes what our side sends at once, and
 * has the answers ready when our side waits next. Nothing of it depends on the kernel's timing.
 *
 * It logs in, answers reads with one Data-In that bears the status, takes 4 KiB of written data with
 * the command and asks for the rest with one R2T. It checks nothing. What it does is written out by
 * hand, so that no instruction of src/ is spent on its behalf.
 */
#ifndef ISCSIDSC_TEST_GUARD_PEER_H
#define ISCSIDSC_TEST_GUARD_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum { PEER_IMMEDIATE = 4096, PEER_DATA_MAX = 65536, PEER_BYTES = 4 << 20, PEER_TASKS = 64,
       PEER_CONNS = 4 };

/* A new connection. */
void peer_open(unsigned conn);
/* Returns the PDUs that ended in these bytes. */
unsigned peer_take(unsigned conn, const struct iovec *iov, size_t n);
/* Our side waits: the answers are there now. Returns how many bytes. */
size_t peer_turn(unsigned conn);
/* Reads of them. */
size_t peer_give(unsigned conn, const struct iovec *iov, size_t n);
/* PDUs answered so far. */
unsigned peer_answers(void);

#endif
