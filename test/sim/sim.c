/*
 * sim.c - runs a simulation: one small step after another, which one a seed decides; and time, which
 * leaps when nothing else can happen.
 */
#include "memory.h"
#include "sim.h"

#include <stdarg.h>
#include <string.h>

enum { STEPS_MAX = 10000000, THINGS_MAX = 256 };

#define START (1000 * SIM_S)
#define LONGEST (9000 * SIM_S) /* of virtual time, then it hangs */

void *sim_alloc(size_t len)
{
	void *p = calloc(1, len ? len : 1);

	if (!p)
		abort();
	return p;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (sim->failure[0])
		return;
	va_start(args, format);
	vsnprintf(sim->failure, sizeof(sim->failure), format, args);
	va_end(args);
}

void sim_say(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (!sim->verbose)
		return;
	printf("%12.6f ", (double)sim->now / 1e9);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---------------------------------------------------------------- steps */

static unsigned collect(const struct list *head, struct list **ret)
{
	unsigned n = 0;

	list_for_each(it, head)
		if (n < THINGS_MAX)
			ret[n++] = it;
	return n;
}

static bool step_wires(struct sim *sim)
{
	struct list *all[THINGS_MAX];
	unsigned n = collect(&sim->wires, all), first = random_below(&sim->random, n);

	for (unsigned i = 0; i < n; i++)
		if (wire_step(sim, list_entry(all[(first + i) % n], struct wire, link)))
			return true;
	return false;
}

static bool step_carriers(struct sim *sim)
{
	struct list *all[THINGS_MAX];
	unsigned n = collect(&sim->carriers, all), first = random_below(&sim->random, n);

	for (unsigned i = 0; i < n; i++)
		if (carrier_step(sim, list_entry(all[(first + i) % n], struct carrier, link)))
			return true;
	return false;
}

static bool step_time(struct sim *sim)
{
	list_for_each(it, &sim->carriers) {
		struct carrier *c = list_entry(it, struct carrier, link);

		if (carrier_deadline(c) <= sim->now) {
			carrier_expire(sim, c);
			return true;
		}
	}
	if (peer_deadline(sim->peer) > sim->now)
		return false;
	peer_advance(sim->peer, sim->now);
	return true;
}

static bool (*const steps[])(struct sim *sim) = {
	step_wires, step_wires, step_carriers, step_carriers, home_step, work_step, trouble_step, step_time,
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static bool step(struct sim *sim)
{
	unsigned first = random_below(&sim->random, STEPS);

	for (unsigned i = 0; i < STEPS; i++)
		if (steps[(first + i) % STEPS](sim))
			return true;
	return false;
}

static void earlier(uint64_t *at, uint64_t other)
{
	if (other < *at)
		*at = other;
}

/* Nothing can happen now: leap to when something can. */
static void leap(struct sim *sim)
{
	uint64_t at = peer_deadline(sim->peer);

	if (!sim->home.over)
		earlier(&at, session_deadline(sim->home.session));
	list_for_each(it, &sim->carriers)
		earlier(&at, carrier_deadline(list_entry(it, struct carrier, link)));
	list_for_each(it, &sim->wires)
		earlier(&at, wire_deadline(sim, list_entry(it, struct wire, link)));
	if (at == ENGINE_NEVER)
		sim_fail(sim, "nothing will ever happen again");
	else if (at > sim->now)
		sim->now = at;
	peer_advance(sim->peer, sim->now);
}

/* ---------------------------------------------------------------- the run */

/* The work is done, what shall go wrong went wrong, and all is well again. */
static bool ready_to_leave(const struct sim *sim)
{
	const struct home *h = &sim->home;

	if (h->over || h->logout_sent || !h->login_answered || home_open_calls(h))
		return false;
	if (sim->options.discovery)
		return h->text_done;
	return work_finished(sim) && !trouble_left(sim) && home_complete(h) &&
	       (h->id_count >= h->wanted || h->adds_failed);
}

static void leave(struct sim *sim)
{
	memory.one_in = 0;
	sim->left_at = sim->now;
	list_for_each(it, &sim->carriers)
		sim->options.cut_at_logout |= list_entry(it, struct carrier, link)->ended;
	/* A connection that is cut and does not know it yet can't log out. */
	list_for_each(it, &sim->wires)
		sim->options.cut_at_logout |= list_entry(it, struct wire, link)->cut;
	if (!sim->options.discovery)
		work_check_disks(sim);
	if (sim->options.cut_at_logout)
		list_for_each(it, &sim->wires)
			list_entry(it, struct wire, link)->cut_after =
				list_entry(it, struct wire, link)->moved + 1 + random_below(&sim->random, 120);
	home_logout(sim);
}

static bool gone(const struct sim *sim)
{
	return sim->home.over && list_empty(&sim->carriers) && list_empty(&sim->wires);
}

static void check_fault(struct sim *sim)
{
	const struct sim_options *o = &sim->options;

	if (!o->peer.fault || !peer_faults_done(sim->peer))
		return;
	if (o->fault_cost == PEER_COSTS_CONN && !sim->home.downs)
		sim_fail(sim, "the fault cost nothing");
	if (o->fault_cost == PEER_COSTS_LOGIN && !sim->home.logins_failed)
		sim_fail(sim, "the fault cost nothing");
	if (o->fault_cost == PEER_COSTS_TASK && !sim->work.failed && !sim->home.downs)
		sim_fail(sim, "the fault cost nothing");
}

static void check_end(struct sim *sim)
{
	const struct home *h = &sim->home;

	if (home_open_calls(h))
		sim_fail(sim, "a call was never answered");
	if (sim->work.busy)
		sim_fail(sim, "a command never ended");
	if (sim->options.login_fails && !h->login_fault.kind && !sim->options.short_first)
		sim_fail(sim, "the login did not fail");
	if (sim->options.add_fails && !h->adds_failed)
		sim_fail(sim, "no added login failed");
	if (h->logout_sent && !sim->options.cut_at_logout && peer_sessions(sim->peer) > 0)
		sim_fail(sim, "the target still has a session");
	if (sim->options.longest && sim->left_at > START + sim->options.longest)
		sim_fail(sim, "it took %llu seconds", (unsigned long long)((sim->left_at - START) / SIM_S));
	check_fault(sim);
}

static void run(struct sim *sim)
{
	home_begin(sim);
	while (!sim->failure[0] && !gone(sim)) {
		const char *violation = peer_violation(sim->peer);

		if (violation)
			sim_fail(sim, "the peer saw: %s", violation);
		if (++sim->steps > STEPS_MAX || sim->now > LONGEST)
			sim_fail(sim, "no end after %llu steps: %u of %u commands begun, %u open, %u paths, "
				 "%s", (unsigned long long)sim->steps, sim->work.begun, sim->options.ops,
				 sim->work.busy, sim->home.paths, sim->home.up ? "up" : "down");
		sim->now += random_below(&sim->random, 4) * SIM_US;
		if (random_one_in(&sim->random, 300))
			sim->now += random_below(&sim->random, 1000) * SIM_US;
		if (ready_to_leave(sim))
			leave(sim);
		else if (!step(sim))
			leap(sim);
	}
	if (!sim->failure[0])
		check_end(sim);
}

static struct sim *failed;

int sim_run(const struct sim_options *options, bool verbose, char *failure, size_t failure_len,
	    unsigned *ret_faults)
{
	struct sim *sim = sim_alloc(sizeof(*sim));
	int r;

	sim->options = *options;
	sim->random.state = options->seed;
	sim->verbose = verbose;
	memory = (struct memory){ .random.state = options->seed };
	sim->now = START;
	sim->short_wires_left = options->short_wires;
	list_init(&sim->wires);
	list_init(&sim->carriers);
	sim->peer = peer_new(&options->peer);
	peer_advance(sim->peer, sim->now);
	work_begin(sim);
	run(sim);
	r = sim->failure[0] ? -1 : 0;
	*ret_faults = peer_faults_done(sim->peer);
	if (r < 0) {
		/* What is half done can't be taken apart; it stays reachable, so it is no leak. */
		snprintf(failure, failure_len, "%s", sim->failure);
		sim->next_failed = failed;
		failed = sim;
	} else {
		home_end(sim);
		work_end(sim);
		peer_free(sim->peer);
		sim_say(sim, "%llu steps, %u commands, up %u times", (unsigned long long)sim->steps,
			sim->work.done, sim->home.ups);
		free(sim);
	}
	return r;
}
