/*
 * exchange.h - the initiator's side of a bare exchange over one socket, without the calls of the
 * system: load_socket.c and load_uring.c make them, each in its ways. See load_socket.c for what is
 * exchanged.
 */
#ifndef ISCSIDSC_BENCH_EXCHANGE_H
#define ISCSIDSC_BENCH_EXCHANGE_H

#include <netdb.h>
#include <sys/uio.h>

#include "load.h"

enum { EXCHANGE_HEADER = 48 };

struct exchange_header {
	uint32_t write, size;
	uint8_t rest[EXCHANGE_HEADER - 8];
};

struct exchange {
	struct load *load;
	int fd;
	unsigned depth;
	uint32_t size;
	bool write;
	struct exchange_header request;
	struct exchange_header *answer; /* of each slot */
	uint8_t *data;          /* of each slot */
	uint64_t *begun;        /* of each slot */
	unsigned next;          /* the slot whose answer comes next ... */
	size_t got;             /* ... and how much of it has come */
	struct iovec *out, *in; /* 2 * depth each */
};

/* The address that --portal names. */
struct addrinfo *exchange_address(const struct load *load);
void exchange_no_delay(int fd);
/* Connects. */
void exchange_init(struct exchange *e, struct load *load);
/* Fills e->out with the requests of slots from `from` on; returns how many entries. */
unsigned exchange_ask(struct exchange *e, unsigned from, unsigned count);
/* Fills e->in with where the next answers shall land, of at most so many; returns how many entries
 * from *ret on, for one call: a longer one keeps the sender waiting for the socket. */
unsigned exchange_room(struct exchange *e, unsigned count, struct iovec **ret);
/* So many bytes landed there; returns how many answers are complete. */
unsigned exchange_landed(struct exchange *e, size_t got);
/* Moves an array of iov past n bytes; returns how many entries are done. */
unsigned exchange_pass(struct iovec *iov, unsigned count, size_t n);

/* How bytes are moved: both return false when the other end has gone. `take` waits for answers, of
 * which so many are under way; *ret is how many are complete. */
struct exchange_way {
	const char *name;
	bool (*begin)(struct exchange *e); /* on the thread that carries; may be NULL */
	bool (*give)(struct exchange *e, unsigned from, unsigned count);
	bool (*take)(struct exchange *e, unsigned under_way, unsigned *ret);
};

/* Measures in the way that --way names, the first if it names none; returns the exit status. */
int exchange_run(struct load *load, const struct exchange_way *ways, unsigned count);

#endif
