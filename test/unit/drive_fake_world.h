/*
 * drive_fake_world.h - paths in a small world of its own: links as queues with a rate and a latency,
 * under virtual time, and so many commands kept under way.
 *
 * An ordered world is one of writes to a target that begins none before all with lower numbers came.
 * A command gets its number when the socket takes it, so it waits behind the data in the kernel
 * (path_unsent) and in the network. The window is as wide as the depth: what is beyond it waits at home.
 */
#ifndef ISCSIDSC_TEST_DRIVE_FAKE_WORLD_H
#define ISCSIDSC_TEST_DRIVE_FAKE_WORLD_H

#include "drive/path.h"

#define MS UINT64_C(1000000)

enum { LINKS = 4, COMMANDS = 256, BLOCK = 65536 };

struct command {
	unsigned link;
	uint64_t bytes, given_at;
	uint64_t through, back; /* when its data are through the link, when its answer is here */
	uint64_t number;        /* 0: none yet */
	bool arrived;           /* and waits for those with lower numbers */
};

/* MB in a second are bytes in a microsecond. */
struct link_model {
	double rate;
	uint64_t latency, stalled_until;
	struct command *queue[COMMANDS]; /* the first is on the link */
	unsigned queued;
	uint64_t carried;
};

/* What happens to a link at a time. */
struct change {
	uint64_t at;
	unsigned link;
	double rate;
	uint64_t stall;
};

struct world {
	enum path_policy policy;
	unsigned links, depth; /* commands kept under way */
	uint64_t least, most;  /* bytes of one */
	bool extremes;         /* these two only */
	bool ordered;
	const struct change *changes;

	uint64_t now, numbers, executed;
	uint32_t random;
	struct paths paths;
	struct path path[LINKS];
	struct link_model link[LINKS];
	struct command command[COMMANDS];
};

/* Links with these rates in MB/s and latencies in microseconds. */
void world_init(struct world *w, const double *rates, const uint64_t *latencies);
/* One more command, on the path that the policy chooses. */
void world_give(struct world *w, struct command *command);
/* Runs on for so many milliseconds. Returns MB in a second that all links carried together. */
double world_run(struct world *w, uint64_t ms);

#endif
