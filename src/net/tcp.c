/*
 * tcp.c - see tcp.h.
 */
#include "net/tcp.h"

#include <errno.h>
#include <linux/tcp.h> /* knows more of struct tcp_info than netinet/tcp.h */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int tcp_bind(int fd, int family, const char *source)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST }, *info;
	int one = 1, r = 0;

	if (getaddrinfo(source, NULL, &hints, &info) != 0)
		return -EINVAL;
	/* Without it, bind takes a port of its own for each connection, whatever its peer. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (info->ai_family != family)
		r = -EAFNOSUPPORT;
	else if (bind(fd, info->ai_addr, info->ai_addrlen) < 0)
		r = -errno;
	freeaddrinfo(info);
	return r;
}

/* What fails here costs speed at most. */
static void tcp_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, TCP_UNSENT },
		/* The kernel finds a receive buffer's size by what was read so far, and where reads are
		 * large may stay with one that is too small. A mark makes it twice the mark; it is then
		 * taken back. SO_RCVBUF would end the kernel's sizing, which long paths need. */
		{ SOL_SOCKET, SO_RCVLOWAT, TCP_RECEIVE },
		{ SOL_SOCKET, SO_RCVLOWAT, 1 },
		/* Older kernels (6.1) let the mark cap the window as well, and choose the scale by that when
		 * connecting, which no sizing gets over. */
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 0 },
		/* Pings of the session find a dead peer sooner; this is for the login. */
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

void tcp_set_unsent(int fd, unsigned bytes)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

int tcp_open(int family, const char *source, int *ret_fd)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	tcp_tune(fd);
	if (source[0])
		r = tcp_bind(fd, family, source);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int tcp_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	if (connect(fd, to, len) == 0)
		return 0;
	/* An interrupted connect goes on by itself. */
	return errno == EINTR ? -EINPROGRESS : -errno;
}

int tcp_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

ssize_t tcp_read(int fd, const struct iovec *iov, unsigned n)
{
	ssize_t r;

	do
		r = readv(fd, iov, (int)n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t tcp_write(int fd, const struct iovec *iov, unsigned n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
	ssize_t r;

	do
		r = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int tcp_address(int fd, bool peer, char ret_text[TCP_ADDRESS_MAX], uint16_t *ret_port)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char text[TCP_ADDRESS_MAX], port[8];
	int r;

	r = peer ? getpeername(fd, (struct sockaddr *)&addr, &len)
		 : getsockname(fd, (struct sockaddr *)&addr, &len);
	if (r < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&addr, len, text, sizeof(text), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EINVAL;
	memcpy(ret_text, text, sizeof(text));
	*ret_port = (uint16_t)atoi(port);
	return 0;
}

/* That bytes wait is not enough: they may have left just now, after a silence that nothing has
 * interrupted. The kernel counts what it sent again since the last acknowledgement. One probe of a shut
 * window may stay unanswered: Linux answers only two a second. */
int64_t tcp_unacknowledged(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	bool waits;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 0;
	waits = (info.tcpi_unacked && info.tcpi_retransmits) || info.tcpi_probes > 1;
	return waits ? (int64_t)info.tcpi_last_ack_recv * 1000000 : 0;
}

int tcp_carried(int fd, uint64_t *ret_bytes, uint64_t *ret_busy)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -errno;
	if (len < offsetof(struct tcp_info, tcpi_rwnd_limited))
		return -ENOTSUP;
	*ret_bytes = info.tcpi_bytes_acked;
	*ret_busy = info.tcpi_busy_time * 1000;
	return 0;
}
