/*
 * sim_test.c - runs the scenarios with many seeds.
 *
 *   sim_test [--seeds N] [--first S] [--scenario NAME] [--seconds T] [--verbose]
 *
 * Without --scenario each seed runs all of them. It stops after T seconds at the end of a seed. A
 * failure prints the command that repeats it; the exit status is 1 then.
 */
#include <string.h>
#include <time.h>

#include "sim.h"

enum { FAULTS_MAX = 256 };

static void prepare(const struct scenario *scenario, uint64_t seed, struct sim_options *ret)
{
	static const uint32_t bursts[] = { 512, 1000, 4096, 16384, 65536 };
	struct random r = { seed * 1000003u + (uint64_t)(scenario - scenarios) };
	struct peer_options *p = &ret->peer;

	memset(ret, 0, sizeof(*ret));
	ret->seed = seed;
	peer_options_default(p);
	p->seed = random_next(&r);
	p->luns = 1 + random_below(&r, 3);
	p->max_recv = bursts[random_below(&r, 5)];
	p->max_burst = bursts[random_below(&r, 5)];
	p->first_burst = bursts[random_below(&r, 5)];
	if (p->first_burst > p->max_burst)
		p->first_burst = p->max_burst;
	p->max_r2t = 1 + random_below(&r, 4);
	p->r2t_len = random_one_in(&r, 2) ? 0 : 600 + random_below(&r, 8000);
	p->data_in_len = random_one_in(&r, 2) ? 0 : 100 + random_below(&r, 8000);
	p->initial_r2t = random_one_in(&r, 2);
	p->immediate_data = !random_one_in(&r, 3);
	p->status_in_data = random_one_in(&r, 2);
	p->delay = random_one_in(&r, 3) ? 0 : (1 + random_below(&r, 1000)) * SIM_US;
	p->queue = 4 + random_below(&r, 60);
	ret->times = (struct session_times){ .login = 15000, .ping_idle = 5000, .ping_wait = 5000,
		.logout = 5000, .hold = 120000, .retry = 2000 };
	keys_offer_default(&ret->offer);
	ret->offer.max_recv_data_segment_length = bursts[random_below(&r, 5)];
	ret->offer.max_outstanding_r2t = (uint16_t)(1 + random_below(&r, 6));
	ret->offer.max_burst_length = 65536;
	ret->offer.first_burst_length = 16384;
	ret->offer.initial_r2t = random_one_in(&r, 4);
	ret->offer.immediate_data = !random_one_in(&r, 4);
	ret->rest = random_one_in(&r, 2) ? ENGINE_TIME2WAIT : random_below(&r, 3000);
	ret->conns = 1;
	ret->ops = 60;
	ret->depth = 16;
	ret->most_blocks = 40;
	ret->first_cmd_sn = (uint32_t)random_next(&r);
	scenario->prepare(ret, &r);
}

static unsigned fault_runs[FAULTS_MAX], fault_hits[FAULTS_MAX];

static void note_fault(const char *name, unsigned faults)
{
	for (unsigned i = 0; name && i < peer_fault_count() && i < FAULTS_MAX; i++) {
		if (strcmp(name, peer_fault_info(i).name))
			continue;
		fault_runs[i]++;
		fault_hits[i] += faults;
	}
}

/* A fault that never comes tests nothing. */
static unsigned check_faults(void)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < peer_fault_count() && i < FAULTS_MAX; i++) {
		if (fault_runs[i] < 6 || fault_hits[i])
			continue;
		printf("FAILED the fault \"%s\" never came in %u runs\n", peer_fault_info(i).name,
		       fault_runs[i]);
		failed++;
	}
	return failed;
}

static int run_one(const struct scenario *scenario, uint64_t seed, bool verbose)
{
	struct sim_options options;
	char failure[512] = "";
	unsigned faults;
	int r;

	prepare(scenario, seed, &options);
	r = sim_run(&options, verbose, failure, sizeof(failure), &faults);
	note_fault(options.peer.fault, faults);
	if (r == 0)
		return 0;
	printf("FAILED %s: %s%s%s\n  repeat with: sim_test --scenario %s --first %llu --seeds 1 --verbose\n",
	       scenario->name, failure, options.peer.fault ? ", fault: " : "",
	       options.peer.fault ? options.peer.fault : "", scenario->name, (unsigned long long)seed);
	fflush(stdout);
	return 1;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	unsigned long long seeds = 200, first = 1, ran = 0, failed = 0, seconds = 3600;
	const char *only = NULL;
	bool verbose = false;
	double start = seconds_now();

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--verbose") == 0) {
			verbose = true;
			continue;
		}
		i++;
		if (strcmp(argv[i - 1], "--seeds") == 0)
			seeds = strtoull(value, NULL, 0);
		else if (strcmp(argv[i - 1], "--first") == 0)
			first = strtoull(value, NULL, 0);
		else if (strcmp(argv[i - 1], "--seconds") == 0)
			seconds = strtoull(value, NULL, 0);
		else if (strcmp(argv[i - 1], "--scenario") == 0)
			only = value;
		else
			return 2;
	}
	for (unsigned long long seed = first; seed < first + seeds && failed < 20; seed++) {
		for (unsigned i = 0; i < scenario_count; i++) {
			if (only && strcmp(only, scenarios[i].name))
				continue;
			ran++;
			failed += (unsigned)run_one(&scenarios[i], seed, verbose);
		}
		if (seconds_now() - start > (double)seconds)
			break;
	}
	failed += check_faults();
	printf("%llu passed, %llu failed, 0 skipped\n", ran - failed, failed);
	return failed || !ran;
}
