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

		if (carrier_expire(sim, c))
			return true;
	}
	if (peer_deadline(sim->peer) > sim->now)
		return false;
	peer_advance(sim->peer, sim->now);
	return true;
}

static bool (*const steps[])(struct sim *sim) = {
	step_wires, step_wires, step_carriers, step_carriers, home_step, work_step, adrift_step, trouble_step,
	step_time,
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static bool step(struct sim *sim)
{
	unsigned first;

	if (sim->ambushes_sprung && !random_one_in(&sim->random, 8) && trouble_ambush(sim))
		return true;
	first = random_below(&sim->random, STEPS);

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

	earlier(&at, work_deadline(sim));
	earlier(&at, home_deadline(sim));
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
	if (sim->options.leaves_early)
		return sim->work.begun >= sim->options.ops / 2 && h->id_count >= h->wanted;
	return work_finished(sim) && !trouble_left(sim) && home_complete(h) &&
	       (h->id_count >= h->wanted || h->adds_failed);
}

static void leave(struct sim *sim)
{
	memory.one_in = 0;
	sim->faults_then = peer_faults_done(sim->peer);
	if (!sim->options.leaves_early)
		work_check_runs(sim);
	list_for_each(it, &sim->carriers)
		sim->options.cut_at_logout |= list_entry(it, struct carrier, link)->ended;
	/* A connection that is cut and does not know it yet can't log out, nor may one whose Logout will
	 * arrive with a wrong digest. */
	list_for_each(it, &sim->wires)
		sim->options.cut_at_logout |= wire_fails(sim, list_entry(it, struct wire, link));
	if (!sim->options.discovery && !sim->options.leaves_early)
		model_check_disks(sim);
	if (sim->options.cut_at_logout)
		list_for_each(it, &sim->wires)
			list_entry(it, struct wire, link)->cut_after =
				list_entry(it, struct wire, link)->moved + 1 + random_below(&sim->random, 120);
	home_logout(sim);
}

static bool gone(const struct sim *sim)
{
	return sim->home.over && list_empty(&sim->carriers) && list_empty(&sim->wires) &&
	       (!sim->options.leaves_early || !sim->work.busy);
}

static void check_fault(struct sim *sim)
{
	const struct sim_options *o = &sim->options;

	/* Above level 0 much of it is repaired, and at the end there is nothing left to be lost. */
	if (!o->peer.fault || !sim->faults_then || o->level)
		return;
	if (o->fault_cost == PEER_COSTS_CONN && !sim->home.downs && !sim->home.lefts)
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
	if (sim->options.longest && sim->work.ended_at > START + sim->options.longest)
		sim_fail(sim, "the commands took %llu ms",
			 (unsigned long long)((sim->work.ended_at - START) / SIM_MS));
	work_check_runs(sim);
	if (!sim->options.discovery)
		model_check_disks(sim);
	check_fault(sim);
}

/* The session is over on our side. What is on its way on connections of old may still reach the target
 * after this, even a login. */
static void check_over(struct sim *sim)
{
	if (!sim->home.over || sim->over_checked)
		return;
	sim->over_checked = true;
	if (sim->home.logout_sent && !sim->options.cut_at_logout && peer_sessions(sim->peer) > 0)
		sim_fail(sim, "the target still has a session");
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
		check_over(sim);
	}
	if (!sim->failure[0])
		check_end(sim);
}

static struct sim *failed;

static struct sim *sim_new(const struct sim_options *options, bool verbose)
{
	struct sim *sim = sim_alloc(sizeof(*sim));

	sim->options = *options;
	sim->random.state = options->seed;
	sim->verbose = verbose;
	memory = (struct memory){ .random.state = options->seed, .place = PLACE_S2 };
	sim->now = START;
	sim->short_wires_left = options->short_wires;
	list_init(&sim->wires);
	list_init(&sim->carriers);
	sim->peer = peer_new(&options->peer);
	peer_advance(sim->peer, sim->now);
	work_begin(sim);
	return sim;
}

static void sim_free(struct sim *sim)
{
	home_end(sim);
	work_end(sim);
	peer_free(sim->peer);
	free(sim);
}

static void summarize(struct sim *sim, struct sim_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->failure, sim->failure, sizeof(ret->failure));
	ret->faults = peer_faults_done(sim->peer);
	ret->pdus = sim->pdus;
	ret->pings = sim->pings;
	ret->steps = sim->steps;
	ret->matrix = sim->matrix;
	for (unsigned place = 0; place < PLACES; place++)
		ret->matrix.cell[TROUBLE_NO_MEMORY][place][sim->options.level] += memory.failed_at[place];
	sim_say(sim, "%llu steps, %llu PDUs, %u commands, up %u times, %u reassigned, %u lost, %u aborted",
		(unsigned long long)sim->steps, (unsigned long long)sim->pdus, sim->work.done,
		sim->home.ups, sim->home.reassigned, sim->work.lost, sim->work.aborted);
}

int sim_run(const struct sim_options *options, bool verbose, struct sim_result *ret)
{
	struct sim *sim = sim_new(options, verbose);

	run(sim);
	summarize(sim, ret);
	if (!ret->failure[0]) {
		sim_free(sim);
		return 0;
	}
	work_say_open(sim);
	sim_say(sim, "FAILED: %s", ret->failure);
	/* What is half done can't be taken apart; it stays reachable, so it is no leak. */
	sim->next_failed = failed;
	failed = sim;
	return -1;
}
