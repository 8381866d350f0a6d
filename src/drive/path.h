/*
 * path.h - which connection carries the next command: the load balance policy of a session.
 *
 * `struct paths` lives on the home loop. A `struct path` is one connection in it: home chooses, and
 * the loop of the connection tells what was given back; the counters between them are atomic.
 *
 * Every policy leaves a doubted path out while there is another that may serve, stand-bys included.
 * What it says beyond that:
 *  - fail over only: the primary; while it is away the oldest of the others. Without rules the
 *    oldest connection is the primary;
 *  - round robin: all in turn;
 *  - round robin with subset: the primaries in turn, the others only while no primary can. Without
 *    rules all are primaries;
 *  - least queue depth: the fewest commands under way, then the fewest bytes;
 *  - weighted: the lowest weight; equal weights in turn;
 *  - adaptive: where the command is expected to end first (path_pace.c).
 */
#ifndef ISCSIDSC_DRIVE_PATH_H
#define ISCSIDSC_DRIVE_PATH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

/* Values as Windows has them (MSiSCSI LoadBalancePolicy), then ours. */
enum path_policy {
	PATH_FAIL_OVER_ONLY = 1,
	PATH_ROUND_ROBIN = 2,
	PATH_ROUND_ROBIN_SUBSET = 3,
	PATH_LEAST_QUEUE_DEPTH = 4,
	PATH_WEIGHTED = 5,
	PATH_ADAPTIVE = 7,
};

/* A connection as its session's policy sees it. Embedded in its owner; begins all zero but id. */
struct path {
	/* home's own */
	uint64_t id;             /* of the connection, stable over reconnects; rises with age */
	bool doubted;            /* does not answer at the moment: chosen only if all are */
	uint64_t busy_from;      /* when it was given a command and had none */
	uint64_t given_at;       /* when it was given its last one */

	/* written by home: commands that it was given in all, and the data of those; whether its rate was
	 * compared with that of others */
	_Atomic uint64_t given, given_bytes;
	atomic_bool compared;

	/* written by the connection's loop: what came back of these; the answered ones, and the
	 * nanoseconds that they took together */
	_Atomic uint64_t returned, returned_bytes, answered, answered_ns;

	/* written by the connection's loop: how many of those given have a number, or are back */
	_Atomic uint64_t numbered;

	/* learned by the connection's loop, read by home */
	_Atomic uint64_t rate;    /* bytes in a second when it has enough to do; 0 unknown */
	_Atomic uint64_t service; /* nanoseconds that a command takes beside its data; 0 unknown */
	_Atomic uint64_t returned_at; /* when it last answered */

	/* the connection's loop's own: the present measurement of the rate, over busy time only */
	uint64_t busy_since;     /* 0: not busy */
	uint64_t busy_time;      /* before that */
	uint64_t busy_bytes, busy_taken;
	uint32_t busy_commands, busy_in_line; /* the latter: path_in_line */
	uint64_t wire;           /* what its TCP sent in a second while it had data; 0 unknown */
	bool in_line;            /* most commands of the last measurement were */
	bool wire_wanted;        /* `wire` should be measured */
	uint64_t least_taken, least_load, least_at; /* the quickest command of late */
};

/* Each number that threads share has one writer, so that nobody has to lock. */
static inline uint64_t path_get(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static inline void path_put(_Atomic uint64_t *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_relaxed);
}

/* What came back is read first: it can't be more than what had been given then. */
static inline uint64_t path_difference(const _Atomic uint64_t *given, const _Atomic uint64_t *returned)
{
	uint64_t back = atomic_load_explicit(returned, memory_order_acquire);

	return path_get(given) - back;
}

/* Commands under way; any thread. */
static inline uint32_t path_tasks(const struct path *path)
{
	return (uint32_t)path_difference(&path->given, &path->returned);
}

/* The data of those. */
static inline uint64_t path_bytes(const struct path *path)
{
	return path_difference(&path->given_bytes, &path->returned_bytes);
}

/* Commands that it was given and that have no number yet; any thread. */
static inline uint64_t path_waiting(const struct path *path)
{
	uint64_t numbered = atomic_load(&path->numbered);

	return path_get(&path->given) - numbered;
}

/* What the policy says of a connection, by id; stays while the connection is away. */
struct path_rule {
	uint64_t id;
	uint32_t weight;         /* PATH_WEIGHTED: the lowest wins */
	bool primary;            /* PATH_FAIL_OVER_ONLY, PATH_ROUND_ROBIN_SUBSET */
};

/* The connections that carry commands, in the order in which they joined. Owns none of them. */
struct paths {
	enum path_policy policy;
	struct path *member[ENGINE_MAX_CONNS];
	uint64_t rank[ENGINE_MAX_CONNS]; /* of each member by policy and rules: the lowest serve */
	unsigned count, next;
	struct path_rule rule[ENGINE_MAX_CONNS];
	unsigned rules;
};

void paths_init(struct paths *paths, enum path_policy policy);
void paths_add(struct paths *paths, struct path *path);
/* Does nothing if it is not there. */
void paths_remove(struct paths *paths, const struct path *path);
/* Sets policy and rules anew; a connection without a rule has weight 0 and is not primary. At most
 * ENGINE_MAX_CONNS rules. */
void paths_set(struct paths *paths, enum path_policy policy, const struct path_rule *rules, unsigned n);
/* The path for a command of so many bytes; it counts as given. NULL if there is none. */
struct path *paths_pick(struct paths *paths, uint64_t bytes, uint64_t now);
/* The connection's loop: a command came back; `taken` is how long the connection had it, 0 if it
 * came back unsent or unfinished (nothing is learned from it). */
void path_returned(struct path *path, uint64_t bytes, uint64_t taken, uint64_t now);

/* The connection's loop: the command that comes back next had data to send, and until its answer came it
 * was not known that it had arrived, in the order of the numbers. */
void path_in_line(struct path *path);
/* The connection's loop: how many bytes that have their numbers may wait in the kernel. */
unsigned path_unsent(const struct path *path);

/* path_pace.c: when a command of so many bytes is expected to end there, in nanoseconds from now. */
uint64_t path_expected(const struct path *path, uint64_t bytes, uint64_t now);

#endif
