/*
 * exchange.c - see exchange.h.
 */
#include "exchange.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BATCH = IOV_MAX / 2,
	READ_MOST = 256 * 1024, /* bytes in one call */
};

void exchange_no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

struct addrinfo *exchange_address(const struct load *load)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
	char port[8];

	snprintf(port, sizeof(port), "%u", load->options.portal[0].port);
	if (getaddrinfo(load->options.portal[0].host, port, &hints, &found) != 0)
		load_fail("no such address: %s", load->options.portal[0].host);
	return found;
}

unsigned exchange_pass(struct iovec *iov, unsigned count, size_t n)
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

unsigned exchange_ask(struct exchange *e, unsigned from, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned slot = (from + i) % e->depth;

		if (e->load->count->latency)
			e->begun[slot] = load_now();
		e->out[n++] = (struct iovec){ &e->request, EXCHANGE_HEADER };
		if (e->write)
			e->out[n++] = (struct iovec){ e->data + (size_t)slot * e->size, e->size };
	}
	return n;
}

unsigned exchange_room(struct exchange *e, unsigned count, struct iovec **ret)
{
	unsigned n = 0, done;

	for (unsigned i = 0; i < count && i < BATCH; i++) {
		unsigned slot = (e->next + i) % e->depth;

		e->in[n++] = (struct iovec){ &e->answer[slot], EXCHANGE_HEADER };
		if (!e->write)
			e->in[n++] = (struct iovec){ e->data + (size_t)slot * e->size, e->size };
	}
	done = exchange_pass(e->in, n, e->got);
	*ret = e->in + done;
	return iov_cut(*ret, n - done);
}

unsigned exchange_landed(struct exchange *e, size_t got)
{
	size_t each = EXCHANGE_HEADER + (e->write ? 0 : e->size), all = e->got + got;

	e->got = all % each;
	return (unsigned)(all / each);
}

void exchange_init(struct exchange *e, struct load *load)
{
	const struct load_options *o = &load->options;
	struct addrinfo *at = exchange_address(load);

	*e = (struct exchange){ .load = load, .depth = o->depth, .size = o->size };
	e->write = o->op == LOAD_WRITE || o->op == LOAD_RANDWRITE;
	e->request = (struct exchange_header){ .write = e->write, .size = o->size };
	e->answer = calloc(o->depth, sizeof(*e->answer));
	e->begun = calloc(o->depth, sizeof(*e->begun));
	e->out = calloc(2 * (size_t)o->depth, sizeof(*e->out));
	e->in = calloc(2 * (size_t)o->depth, sizeof(*e->in));
	e->data = aligned_alloc(4096, ((size_t)o->size * o->depth + 4095) & ~(size_t)4095);
	if (!e->answer || !e->begun || !e->out || !e->in || !e->data)
		load_fail("no memory");
	memset(e->data, 0x5a, (size_t)o->size * o->depth);
	e->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (e->fd < 0 || connect(e->fd, at->ai_addr, at->ai_addrlen) < 0)
		load_fail("connect: %s", strerror(errno));
	exchange_no_delay(e->fd);
	freeaddrinfo(at);
}

/* ---------------------------------------------------------------- the load */

static const struct exchange_way *way;

static void *carry(void *arg)
{
	struct exchange *e = arg;
	unsigned under_way = e->depth, n = 0;
	bool good = (!way->begin || way->begin(e)) && way->give(e, 0, e->depth);

	while (good && under_way) {
		unsigned from = e->next;

		good = way->take(e, under_way, &n);
		for (unsigned i = 0; i < n; i++)
			load_done(e->load, e->load->count, true, e->begun[(from + i) % e->depth]);
		e->next = (from + n) % e->depth;
		if (load_stopping(e->load))
			under_way -= n;
		else if (n > 0 && good)
			good = way->give(e, from, n);
	}
	if (!good)
		load_fail("the other end has gone");
	atomic_store(&e->load->count->under_way, 0);
	return NULL;
}

int exchange_run(struct load *load, const struct exchange_way *ways, unsigned count)
{
	const struct load_options *o = &load->options;
	struct exchange e;
	pthread_t carrier;
	int status;

	for (unsigned i = 0; i < count && !way; i++)
		if (!o->way || strcmp(o->way, ways[i].name) == 0)
			way = &ways[i];
	if (!way)
		load_fail("--way: no such way");
	if (o->connections > 1 || o->sessions > 1 || o->op == LOAD_MIXED)
		load_fail("a bare exchange has one connection, and reads or writes");
	load_count_new(load);
	exchange_init(&e, load);
	load->conns = 1;
	atomic_store(&load->count->under_way, 1);
	if (pthread_create(&carrier, NULL, carry, &e) != 0)
		load_fail("no thread");
	status = load_measure(load);
	pthread_join(carrier, NULL);
	close(e.fd);
	return status;
}
