/*
 * tcp.h - TCP sockets the way iSCSI wants them: non-blocking, without delay, and with little in
 * the kernel that was not sent yet. It knows no names; those are resolve.h's.
 */
#ifndef ISCSIDSC_NET_TCP_H
#define ISCSIDSC_NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	TCP_UNSENT = 128 * 1024, /* bytes that wait in the kernel before a socket stops taking more */
	TCP_UNSENT_MIN = 16 * 1024, TCP_UNSENT_MAX = 1024 * 1024, /* the same for slow and fast paths */
	TCP_RECEIVE = 1024 * 1024, /* half of the receive buffer that a socket begins with */
	TCP_ADDRESS_MAX = 64,      /* room for a numeric address with scope */
};

/* Makes a socket of that family, bound to the numeric local address `source` ("" for routing's
 * choice; link-local IPv6 with its scope, fe80::1%eth0). Returns 0 or a negative errno; with a
 * source, -EINVAL if it is no address and -EAFNOSUPPORT if it is of another family. */
int tcp_open(int family, const char *source, int *ret_fd);
/* Sets how many bytes may wait in the kernel; TCP_UNSENT at first. What fails costs speed at most. */
void tcp_set_unsent(int fd, unsigned bytes);
/* Begins to connect: 0 if connected at once, -EINPROGRESS (then wait until it is writable and ask
 * tcp_result), or another negative errno. */
int tcp_connect(int fd, const struct sockaddr *to, socklen_t len);
/* How the connecting went: 0 or a negative errno. */
int tcp_result(int fd);
/* Bytes read, 0 at the end of the stream, or a negative errno (-EAGAIN: nothing there). */
ssize_t tcp_read(int fd, const struct iovec *iov, unsigned n);
/* Bytes written, or a negative errno (-EAGAIN: takes none now). Raises no signal. */
ssize_t tcp_write(int fd, const struct iovec *iov, unsigned n);
/* The numeric address of our end, or of the peer's. Outputs untouched on failure. */
int tcp_address(int fd, bool peer, char ret_text[TCP_ADDRESS_MAX], uint16_t *ret_port);
/* Whether the peer's TCP is alive: nanoseconds since it last acknowledged anything, if bytes or probes
 * of ours wait for that and have been sent again in vain; else 0. A peer that takes no more but
 * answers probes is alive. */
int64_t tcp_unacknowledged(int fd);
/* Bytes of ours that the peer's TCP has got, and the nanoseconds in which there were any to send, in
 * steps of a few milliseconds. Returns 0 or a negative errno. */
int tcp_carried(int fd, uint64_t *ret_bytes, uint64_t *ret_busy);

#endif
