/*
 * load.h - what the load generators share: their command line, what to do next, measuring, and the
 * one line of JSON that they print. How commands are carried is each one's own.
 *
 * A generator keeps `depth` commands under way in each session and gives the next one when one
 * comes back. The main thread only waits and looks at counters, so that no command pays for
 * measuring; latencies are taken for depth 1, or if they are asked for.
 */
#ifndef ISCSIDSC_BENCH_LOAD_H
#define ISCSIDSC_BENCH_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_PORTALS = 64 };

enum load_op { LOAD_READ, LOAD_WRITE, LOAD_RANDREAD, LOAD_RANDWRITE, LOAD_MIXED };

struct load_portal {
	char host[64];
	uint16_t port;
};

struct load_options {
	struct load_portal portal[LOAD_PORTALS];
	unsigned portals;
	const char *iqn, *policy, *way; /* way: of exchange.h */
	uint64_t lun;
	enum load_op op;
	uint32_t size;
	unsigned depth, connections, sessions, loops;
	double seconds, warm_up;
	bool header_digest, data_digest;
	bool latency;  /* take the time of every command */
	bool verify;   /* write a pattern, read it back, compare; `op` does not count */
	bool ordering; /* keep the order that istgt wants, as the service does for it */
	bool serve;    /* load_socket: be the other end */
};

/* Latencies, in steps of about 3 %. */
enum { LOAD_STEPS = 32, LOAD_OCTAVES = 40 };

struct load_latency {
	uint64_t count[LOAD_OCTAVES * LOAD_STEPS];
};

/* What one session counts; written by one thread, read by the main thread at any time. */
struct load_count {
	_Alignas(64) _Atomic uint64_t ops;
	_Atomic uint64_t errors, under_way;
	struct load_latency *latency; /* NULL: not asked for */
};

enum load_phase { LOAD_WARM_UP, LOAD_MEASURE, LOAD_STOP };

struct load {
	struct load_options options;
	_Atomic int phase; /* enum load_phase */
	struct load_count *count; /* of each session */
	int fd;            /* watched while the main thread waits, or -1 ... */
	void (*ready)(struct load *load); /* ... and what is done when it is readable */
	uint64_t rss_before, rss_idle, login_ns; /* the generator's to fill in, in KiB */
	unsigned conns;
};

/* What a session does next. */
struct load_source {
	uint64_t random, next, count; /* commands that fit on the medium */
	uint32_t blocks;              /* of one command */
	enum load_op op;
};

/* Reads the command line and takes the processor asked for; ends the process if that is wrong. */
void load_init(struct load *load, int argc, char **argv);
/* Says why, and ends the process with status 1. */
_Noreturn void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t load_now(void);
uint64_t load_rss_kib(void);
/* Which of the portals is for this connection of this session: they go round. */
const struct load_portal *load_portal(const struct load *load, unsigned session, unsigned conn);
/* Counters of so many sessions. */
void load_count_new(struct load *load);
/* Fails if the medium can't hold one command. */
void load_source_init(struct load_source *source, const struct load *load, unsigned session,
		      uint64_t capacity_blocks, uint32_t block_size);
/* The next command's first block; *ret_write: its direction. */
uint64_t load_source_next(struct load_source *source, bool *ret_write);

static inline bool load_stopping(struct load *load)
{
	return atomic_load_explicit(&load->phase, memory_order_relaxed) == LOAD_STOP;
}

/* A command came back. `begun` is when it was given, if latencies are taken. */
void load_done(struct load *load, struct load_count *count, bool good, uint64_t begun);

/* --verify: slot i has a range of its own on the medium. */
void load_pattern_fill(uint8_t *data, uint32_t size, uint64_t lba, uint64_t round);
bool load_pattern_holds(const uint8_t *data, uint32_t size, uint64_t lba, uint64_t round);

/* Main thread, while commands flow: warms up, measures, sets LOAD_STOP. Then waits until none is
 * under way, and prints the line: counts and CPU seconds between the two readings, memory in KiB,
 * and the CPU seconds of each thread but the main one. Returns the exit status. */
int load_measure(struct load *load);

#endif
