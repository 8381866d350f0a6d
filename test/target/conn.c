/*
 * conn.c - a connection of the test target: its socket, and what goes wrong with it. The protocol is
 * the model's.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target.h"

void conn_accept(struct target *target, int listener, const char *portal)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	c->fd = fd;
	if (!target->options.swallow_login)
		c->peer = peer_accept(target->peer, portal);
	list_append(&target->conns, &c->link);
}

static void conn_free(struct conn *c)
{
	if (c->peer)
		peer_conn_closed(c->peer);
	close(c->fd);
	list_remove(&c->link);
	free(c);
}

void conn_cut(struct conn *c)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	conn_free(c);
}

/* ---------------------------------------------------------------- silence */

void conn_silence(struct conn *c)
{
	if (c->state == CONN_LIVE)
		c->state = CONN_HUSHING;
}

/* What the kernel would have to send again would be heard by the other side. */
static void conn_hush(struct conn *c)
{
	struct sock_filter drop_all = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog program = { .len = 1, .filter = &drop_all };
	int left;

	if (ioctl(c->fd, SIOCOUTQ, &left) < 0 || left > 0)
		return;
	if (setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0)
		c->state = CONN_DEAF;
}

short conn_events(const struct conn *c)
{
	size_t left;

	if (c->state != CONN_LIVE || !c->peer)
		return 0;
	peer_conn_output(c->peer, &left);
	return left ? POLLIN | POLLOUT : POLLIN;
}

/* ---------------------------------------------------------------- bytes */

/* The faults that count received PDUs. True: the connection is gone. */
static bool fault_due(struct target *target, struct conn *c, unsigned pdus)
{
	const struct options *o = &target->options;

	if (!peer_conn_full_feature(c->peer))
		return false;
	c->received += pdus;
	if (o->stall_after && c->received >= o->stall_after)
		c->state = CONN_STALLED;
	if (!o->drop_after || c->received < o->drop_after ||
	    (o->drop_times && target->drops >= o->drop_times))
		return false;
	target->drops++;
	conn_cut(c);
	return true;
}

void conn_receive(struct target *target, struct conn *c)
{
	static uint8_t bytes[256 << 10];
	unsigned before = peer_counts(target->peer)->pdus_in;
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	if (n > 0) {
		peer_conn_received(c->peer, bytes, (size_t)n);
		fault_due(target, c, peer_counts(target->peer)->pdus_in - before);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		conn_free(c);
	}
}

/* False: the socket takes no more, or is gone. */
static bool conn_send(struct conn *c)
{
	const uint8_t *bytes;
	size_t left;
	ssize_t n;

	bytes = peer_conn_output(c->peer, &left);
	if (!left)
		return false;
	n = c->state == CONN_LIVE ? send(c->fd, bytes, left, MSG_NOSIGNAL) : (ssize_t)left;
	if (n > 0)
		peer_conn_sent(c->peer, (size_t)n);
	return n > 0;
}

void conn_flush(struct conn *c)
{
	if (c->state == CONN_HUSHING)
		conn_hush(c);
	if (!c->peer)
		return;
	while (conn_send(c))
		;
	if (!peer_conn_finished(c->peer))
		return;
	/* Its last words are to arrive, whatever was not read any more. */
	shutdown(c->fd, SHUT_WR);
	conn_free(c);
}
