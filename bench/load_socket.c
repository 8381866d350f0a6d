/*
 * load_socket.c - the limit: an exchange of the same shape over a bare socket. A request of 48
 * bytes (and the data, for a write), an answer of 48 bytes (and the data, for a read), the same
 * depth. It knows no protocol: answers come in order, so that each side knows what the next bytes
 * are, and reads and writes as much as it can in one call, data straight to and from its place.
 *
 * With --serve it is the other end, one client after the other.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange.h"

enum {
	HEADER = EXCHANGE_HEADER,
	SERVER_BUFFER = 256 * 1024,
	SERVER_IOV = 512,
};

static struct load load;

static bool write_all(int fd, struct iovec *iov, unsigned count)
{
	while (count > 0) {
		ssize_t n = writev(fd, iov, (int)(count < IOV_MAX ? count : IOV_MAX));
		unsigned done;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done = exchange_pass(iov, count, (size_t)n);
		iov += done;
		count -= done;
	}
	return true;
}

/* ---------------------------------------------------------------- the other end */

struct server {
	int fd;
	uint8_t *in;           /* SERVER_BUFFER */
	size_t from, until;    /* bytes in it that were not looked at */
	size_t drop;           /* bytes of written data that are still to come */
	uint8_t *data;         /* what is read */
	struct iovec iov[SERVER_IOV];
	unsigned count;
	bool write;            /* the request whose data comes */
};

static struct exchange_header server_answer;

static void server_reply(struct server *s, uint32_t size)
{
	s->iov[s->count++] = (struct iovec){ &server_answer, HEADER };
	if (size)
		s->iov[s->count++] = (struct iovec){ s->data, size };
}

/* Takes requests out of the buffer while there are some, and room for answers. */
static void server_take(struct server *s)
{
	while (s->count + 2 <= SERVER_IOV) {
		size_t left = s->until - s->from;
		struct exchange_header header;

		if (s->drop || s->write) {
			size_t n = left < s->drop ? left : s->drop;

			s->from += n;
			s->drop -= n;
			if (s->drop)
				return;
			s->write = false;
			server_reply(s, 0);
			continue;
		}
		if (left < HEADER)
			return;
		memcpy(&header, s->in + s->from, HEADER);
		s->from += HEADER;
		if (header.write) {
			s->write = true;
			s->drop = header.size;
		} else {
			server_reply(s, header.size);
		}
	}
}

static bool server_fill(struct server *s)
{
	ssize_t n;

	memmove(s->in, s->in + s->from, s->until - s->from);
	s->until -= s->from;
	s->from = 0;
	do
		n = recv(s->fd, s->in + s->until, SERVER_BUFFER - s->until, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	s->until += (size_t)n;
	return true;
}

static void serve_one(int fd, uint8_t *in, uint8_t *data)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		load_fail("no memory");
	*s = (struct server){ .fd = fd, .in = in, .data = data };
	exchange_no_delay(fd);
	while (server_fill(s)) {
		do {
			s->count = 0;
			server_take(s);
			if (!write_all(fd, s->iov, s->count))
				goto out;
		} while (s->count + 2 > SERVER_IOV);
	}
out:
	free(s);
	close(fd);
}

_Noreturn static void serve(void)
{
	struct addrinfo *at = exchange_address(&load);
	int one = 1, listener = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t *in = malloc(SERVER_BUFFER), *data = calloc(1, 16 << 20);

	if (listener < 0 || !in || !data)
		load_fail("no socket or memory");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, at->ai_addr, at->ai_addrlen) < 0 || listen(listener, 4) < 0)
		load_fail("bind: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			serve_one(fd, in, data);
	}
}

/* ---------------------------------------------------------------- the client */

static bool give(struct exchange *e, unsigned from, unsigned count)
{
	return write_all(e->fd, e->out, exchange_ask(e, from, count));
}

static bool take(struct exchange *e, unsigned under_way, unsigned *ret)
{
	struct iovec *iov;
	unsigned n = exchange_room(e, under_way, &iov);
	ssize_t got;

	do
		got = readv(e->fd, iov, (int)n);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	*ret = exchange_landed(e, (size_t)got);
	return true;
}

/* What a loop with many sockets pays more: it first asks which of them is ready. */
static int epoll_fd;

static bool epoll_begin(struct exchange *e)
{
	struct epoll_event event = { .events = EPOLLIN };

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, e->fd, &event) == 0;
}

static bool epoll_take(struct exchange *e, unsigned under_way, unsigned *ret)
{
	struct epoll_event event;

	while (epoll_wait(epoll_fd, &event, 1, -1) < 0)
		if (errno != EINTR)
			return false;
	return take(e, under_way, ret);
}

static const struct exchange_way ways[] = {
	{ "blocking", NULL, give, take },
	{ "epoll", epoll_begin, give, epoll_take },
};

int main(int argc, char **argv)
{
	load_init(&load, argc, argv);
	if (load.options.serve)
		serve();
	return exchange_run(&load, ways, sizeof(ways) / sizeof(*ways));
}
