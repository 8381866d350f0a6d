/*
 * load_socket.c - the limit: an exchange of the same shape over a bare socket. A request of 48
 * bytes (and the data, for a write), an answer of 48 bytes (and the data, for a read), the same
 * depth. It knows no protocol: answers come in order, so that each side knows what the next bytes
 * are, and reads and writes as much as it can in one call, data straight to and from its place.
 *
 * With --serve it is the other end, one client after the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "load.h"

enum {
	HEADER = 48,
	SERVER_BUFFER = 256 * 1024,
	SERVER_IOV = 512,
	BATCH = IOV_MAX / 2,
	READ_MOST = 256 * 1024, /* in one call: a longer one keeps the sender waiting for the socket */
};

struct header {
	uint32_t write, size;
	uint8_t rest[HEADER - 8];
};

static struct load load;

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static struct addrinfo *address(void)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
	char port[8];

	snprintf(port, sizeof(port), "%u", load.options.portal[0].port);
	if (getaddrinfo(load.options.portal[0].host, port, &hints, &found) != 0)
		load_fail("no such address: %s", load.options.portal[0].host);
	return found;
}

/* Moves an array of iov past n bytes; returns how many entries are done. */
static unsigned iov_pass(struct iovec *iov, unsigned count, size_t n)
{
	unsigned done = 0;

	while (done < count && n >= iov[done].iov_len)
		n -= iov[done++].iov_len;
	if (done < count) {
		iov[done].iov_base = (uint8_t *)iov[done].iov_base + n;
		iov[done].iov_len -= n;
	}
	return done;
}

static bool write_all(int fd, struct iovec *iov, unsigned count)
{
	while (count > 0) {
		ssize_t n = writev(fd, iov, (int)(count < IOV_MAX ? count : IOV_MAX));
		unsigned done;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done = iov_pass(iov, count, (size_t)n);
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

static struct header server_answer;

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
		struct header header;

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
	no_delay(fd);
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
	struct addrinfo *at = address();
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

struct client {
	int fd;
	unsigned depth;
	uint32_t size;
	bool write;
	struct header request;
	struct header *answer;  /* of each slot */
	uint8_t *data;          /* of each slot */
	uint64_t *begun;        /* of each slot */
	unsigned next;          /* the slot whose answer comes next ... */
	size_t got;             /* ... and how much of it has come */
	struct iovec *iov;
};

static bool give(struct client *c, unsigned from, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned slot = (from + i) % c->depth;

		if (load.count->latency)
			c->begun[slot] = load_now();
		c->iov[n++] = (struct iovec){ &c->request, HEADER };
		if (c->write)
			c->iov[n++] = (struct iovec){ c->data + (size_t)slot * c->size, c->size };
	}
	return write_all(c->fd, c->iov, n);
}

/* How many of the entries are for one call; cuts the last of them. */
static unsigned iov_cut(struct iovec *iov, unsigned count)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		sum += iov[i].iov_len;
		if (sum >= READ_MOST) {
			iov[i].iov_len -= sum - READ_MOST;
			return i + 1;
		}
	}
	return count;
}

/* Reads what is there of `count` answers; returns how many are complete, -1 at the end. */
static int take(struct client *c, unsigned count)
{
	size_t each = HEADER + (c->write ? 0 : c->size), all;
	unsigned n = 0, batch = count < BATCH ? count : BATCH;
	ssize_t got;

	for (unsigned i = 0; i < batch; i++) {
		unsigned slot = (c->next + i) % c->depth;

		c->iov[n++] = (struct iovec){ &c->answer[slot], HEADER };
		if (!c->write)
			c->iov[n++] = (struct iovec){ c->data + (size_t)slot * c->size, c->size };
	}
	batch = iov_pass(c->iov, n, c->got);
	n = iov_cut(c->iov + batch, n - batch);
	do
		got = readv(c->fd, c->iov + batch, (int)n);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return -1;
	all = c->got + (size_t)got;
	c->got = all % each;
	return (int)(all / each);
}

static void *carry(void *arg)
{
	struct client *c = arg;
	unsigned under_way = c->depth;

	if (!give(c, 0, c->depth))
		load_fail("the other end has gone");
	while (under_way) {
		unsigned from = c->next;
		int n = take(c, under_way);

		if (n < 0)
			load_fail("the other end has gone");
		for (int i = 0; i < n; i++)
			load_done(&load, load.count, true, c->begun[(from + (unsigned)i) % c->depth]);
		c->next = (from + (unsigned)n) % c->depth;
		if (load_stopping(&load))
			under_way -= (unsigned)n;
		else if (n > 0 && !give(c, from, (unsigned)n))
			load_fail("the other end has gone");
	}
	atomic_store(&load.count->under_way, 0);
	return NULL;
}

static void client_init(struct client *c)
{
	const struct load_options *o = &load.options;
	struct addrinfo *at = address();

	*c = (struct client){ .depth = o->depth, .size = o->size };
	c->write = o->op == LOAD_WRITE || o->op == LOAD_RANDWRITE;
	c->request = (struct header){ .write = c->write, .size = o->size };
	c->answer = calloc(o->depth, sizeof(*c->answer));
	c->begun = calloc(o->depth, sizeof(*c->begun));
	c->iov = calloc(2 * (size_t)o->depth, sizeof(*c->iov));
	c->data = aligned_alloc(4096, ((size_t)o->size * o->depth + 4095) & ~(size_t)4095);
	if (!c->answer || !c->begun || !c->iov || !c->data)
		load_fail("no memory");
	memset(c->data, 0x5a, (size_t)o->size * o->depth);
	c->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, at->ai_addr, at->ai_addrlen) < 0)
		load_fail("connect: %s", strerror(errno));
	no_delay(c->fd);
	freeaddrinfo(at);
}

int main(int argc, char **argv)
{
	pthread_t carrier;
	struct client client;
	int status;

	load_init(&load, argc, argv);
	if (load.options.serve)
		serve();
	if (load.options.connections > 1 || load.options.sessions > 1 || load.options.op == LOAD_MIXED)
		load_fail("load_socket has one connection, and reads or writes");
	load_count_new(&load);
	client_init(&client);
	load.conns = 1;
	atomic_store(&load.count->under_way, 1);
	if (pthread_create(&carrier, NULL, carry, &client) != 0)
		load_fail("no thread");
	status = load_measure(&load);
	pthread_join(carrier, NULL);
	close(client.fd);
	return status;
}
