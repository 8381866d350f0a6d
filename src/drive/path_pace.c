/*
 * path_pace.c - what a path is capable of, learned from the commands that come back, and what that
 * lets us expect of the next one. For PATH_ADAPTIVE; the rate is shown in listings too.
 *
 * The model is a link that sends one command's data after the other at `rate`, and adds `service`
 * to each. What is measured is a lower bound of the rate: a path that had little to do looks slow.
 * So evidence of more is believed at once, and evidence of less only while commands queued there:
 * otherwise a path that is given little would seem slow, be given less, and stay so for good.
 *
 * A target begins commands in the order of their numbers (RFC 7143 section 4.2.2.1), so writes wait there
 * for the data of others that a slower path is still sending. Then answers come on every path at the
 * rate at which it is given commands, whatever that is, and tell nothing of the path; but its TCP knows
 * what it carries while it has data.
 */
#include "drive/path.h"

#include "net/tcp.h"

enum {
	COMMAND_COST = 256, /* bytes that a command sends beside its data: headers, the answer */
	UNSENT_PART = 500,  /* of a second: what may wait in the kernel */
};

#define SECOND 1000000000.0
#define WINDOW UINT64_C(10000000)         /* least busy time in which a rate is measured */
#define SERVICE_KEPT UINT64_C(5000000000) /* a least service time older than this may rise */
#define PROBE UINT64_C(1000000000)        /* a path without commands for so long gets one */
#define NOTHING_LEARNED (UINT64_MAX / 2)  /* later than any other that is expected */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Nanoseconds that the bytes take on the way. */
static uint64_t path_transfer(const struct path *path, uint64_t bytes)
{
	double ns = (double)bytes * SECOND / (double)path_get(&path->rate);

	return ns < (double)NOTHING_LEARNED / 4 ? (uint64_t)ns : NOTHING_LEARNED / 4;
}

/* How long the path has owed an answer: a path that has stopped must not look idle. */
static uint64_t path_overdue(const struct path *path, uint64_t now)
{
	uint64_t since = later(path->busy_from, path_get(&path->returned_at));

	return path_tasks(path) && now > since ? now - since : 0;
}

uint64_t path_expected(const struct path *path, uint64_t bytes, uint64_t now)
{
	uint64_t tasks = path_tasks(path), queued = path_bytes(path) + tasks * COMMAND_COST, wait;
	uint64_t rate = path_get(&path->rate);

	if (tasks == 0 && (rate == 0 || now - path->given_at > PROBE))
		return 0; /* to be tried, or to see whether it has become faster */
	if (rate == 0)
		return NOTHING_LEARNED;
	/* What is under way is partly through already: while the link is not full it costs no time
	 * of its own, and once it is, it is all that counts (Little's law). */
	wait = later(path_transfer(path, queued), path_get(&path->service));
	return later(wait, path_overdue(path, now)) + path_transfer(path, bytes + COMMAND_COST);
}

/* What the quickest command took beside its data. */
static void path_fit_service(struct path *path)
{
	uint64_t transfer = path_transfer(path, path->least_load);

	path_put(&path->service, path->least_taken > transfer ? path->least_taken - transfer : 1);
}

static void path_set_rate(struct path *path, double rate)
{
	path_put(&path->rate, rate < 1 ? 1 : (uint64_t)rate);
	if (path->least_taken)
		path_fit_service(path);
}

/* Commands queued in this measurement: they took much longer than one takes alone. */
static bool path_was_full(const struct path *path)
{
	uint64_t mean = path->busy_taken / path->busy_commands;
	uint64_t each = path->busy_bytes / path->busy_commands;
	uint64_t alone = path_get(&path->service) + path_transfer(path, each);

	return mean > 2 * alone;
}

/* Its answers tell nothing of it, but TCP knows. */
static bool path_on_wire(const struct path *path)
{
	return path->in_line && path->wire;
}

static void path_measured(struct path *path, uint64_t busy, uint64_t now)
{
	double sample = (double)path->busy_bytes * SECOND / (double)busy;
	double rate = (double)path_get(&path->rate);

	path->in_line = path->busy_in_line > path->busy_commands / 2;
	path->wire_wanted = path->in_line &&
			    atomic_load_explicit(&path->compared, memory_order_relaxed);
	if (path_on_wire(path))
		path_set_rate(path, (rate + (double)path->wire) / 2);
	else if (sample > rate)
		path_set_rate(path, rate + (sample - rate) / 2);
	else if (path_was_full(path))
		path_set_rate(path, rate - (rate - sample) / 4);
	path->busy_since = now;
	path->busy_time = path->busy_bytes = path->busy_taken = 0;
	path->busy_commands = path->busy_in_line = 0;
}

/* Without a division, for it is asked with every command. */
static bool path_outran(const struct path *path, uint64_t load, uint64_t taken)
{
	return (double)load * SECOND > (double)path_get(&path->rate) * (double)taken;
}

/* Two commands of different size tell rate and service apart, unless the larger one waited for
 * others: then the rate seems less, which is no evidence. */
static double path_slope(const struct path *path, uint64_t load, uint64_t taken)
{
	if (path->least_taken && load > 2 * path->least_load && taken > path->least_taken)
		return (double)(load - path->least_load) * SECOND / (double)(taken - path->least_taken);
	return 0;
}

/* The quickest command of late, which waited the least for others, is the measure of the service. */
static void path_learn_service(struct path *path, uint64_t load, uint64_t taken, bool alone,
			       uint64_t now)
{
	bool old = now - path->least_at > SERVICE_KEPT;

	if (path->least_taken && taken >= path->least_taken && !(old && alone))
		return;
	path->least_taken = taken;
	path->least_load = load;
	path->least_at = now;
	path_fit_service(path);
}

static void path_learn(struct path *path, uint64_t load, uint64_t taken, bool last, uint64_t now)
{
	double slope = path_slope(path, load, taken);
	bool alone = path->busy_since == 0 && last;
	uint64_t busy;

	if (path->busy_since == 0)
		path->busy_since = now - taken;
	path->busy_bytes += load;
	path->busy_taken += taken;
	path->busy_commands++;
	if (!path_on_wire(path) && path_outran(path, load, taken)) /* no command outruns its link */
		path_set_rate(path, (double)load * SECOND / (double)taken);
	if (!path_on_wire(path) && slope > (double)path_get(&path->rate))
		path_set_rate(path, slope);
	path_learn_service(path, load, taken, alone, now);
	busy = path->busy_time + now - path->busy_since;
	if (busy >= WINDOW)
		path_measured(path, busy, now);
}

void path_in_line(struct path *path)
{
	path->busy_in_line++;
}

/* What has a number holds up all that have later ones, so it must not wait long; but a fast path that is
 * given little at a time costs a wake-up for each. So it is what the path carries in 2 milliseconds. */
unsigned path_unsent(const struct path *path)
{
	uint64_t rate = path_get(&path->rate);
	unsigned unsent = rate ? TCP_UNSENT_MIN : TCP_UNSENT;

	while (unsent < TCP_UNSENT_MAX && rate / UNSENT_PART > unsent)
		unsent *= 2;
	return unsent;
}

void path_returned(struct path *path, uint64_t bytes, uint64_t taken, uint64_t now)
{
	uint64_t returned = path_get(&path->returned) + 1, left = path_get(&path->given) - returned;

	atomic_store_explicit(&path->returned_bytes, path_get(&path->returned_bytes) + bytes,
			      memory_order_release);
	atomic_store_explicit(&path->returned, returned, memory_order_release);
	if (taken) {
		path_put(&path->answered, path_get(&path->answered) + 1);
		path_put(&path->answered_ns, path_get(&path->answered_ns) + taken);
		path_put(&path->returned_at, now);
		path_learn(path, bytes + COMMAND_COST, taken, left == 0, now);
	}
	if (left == 0 && path->busy_since) {
		path->busy_time += now - path->busy_since;
		path->busy_since = 0;
	}
}
