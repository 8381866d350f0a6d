/*
 * main.c - runs simulations.
 *
 *   sim --test [--pdus N] [--seconds T] [--jobs J]   the named runs, then all scenarios with seed after
 *                                                    seed until so many PDUs went over the wires; then
 *                                                    the table of what went wrong where
 *   sim --seed N [--count K] [--scenario NAME] [-v | -q]
 *                                                    exactly these runs; without a scenario each seed
 *                                                    runs all. One alone prints its transcript
 *   sim --named NAME                                 one of the named runs, with its transcript
 *   sim --list                                       the scenarios and the named runs
 *
 * A failure prints the command that repeats it; the exit status is 1 then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../duty.h"
#include "sim.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOW_BUILD = 1 };
#else
enum { SLOW_BUILD = 0 };
#endif

enum { FAULTS_MAX = 256, JOBS_MAX = 64, FAILURES_MAX = 20 };

/* What a process has done; in memory that its parent sees. */
struct tally {
	uint64_t runs, failed, pdus, pings;
	unsigned scenario;       /* that runs at present, in case it breaks off */
	uint64_t seed;
	struct matrix matrix;
	unsigned fault_runs[FAULTS_MAX], fault_hits[FAULTS_MAX];
};

struct plan {
	bool test, verbose, quiet;
	unsigned long long seed, count, pdus, seconds, jobs;
	const struct scenario *only;
};

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- a run */

static void note_fault(struct tally *tally, const char *name, unsigned faults)
{
	for (unsigned i = 0; name && i < peer_fault_count() && i < FAULTS_MAX; i++) {
		if (strcmp(name, peer_fault_info(i).name))
			continue;
		tally->fault_runs[i]++;
		tally->fault_hits[i] += faults;
	}
}

static int run_one(struct tally *tally, const struct scenario *scenario, uint64_t seed, bool verbose)
{
	struct sim_options options;
	struct sim_result result;

	scenario_prepare(scenario, seed, &options);
	tally->runs++;
	sim_run(&options, verbose, &result);
	tally->pdus += result.pdus;
	tally->pings += result.pings;
	matrix_add(&tally->matrix, &result.matrix);
	note_fault(tally, options.peer.fault, result.faults);
	if (!result.failure[0])
		return 0;
	tally->failed++;
	printf("FAILED %s: %s%s%s, level %u\n  repeat with: ./dev sim --scenario %s --seed %llu\n",
	       scenario->name, result.failure, options.peer.fault ? ", fault: " : "",
	       options.peer.fault ? options.peer.fault : "", options.level, scenario->name,
	       (unsigned long long)seed);
	fflush(stdout);
	return 1;
}

static int run_named(struct tally *tally, const struct named *row, bool verbose)
{
	const struct scenario *scenario = scenario_find(row->scenario);

	if (!scenario) {
		printf("FAILED the named run \"%s\" has no scenario \"%s\"\n", row->name, row->scenario);
		return 1;
	}
	if (run_one(tally, scenario, row->seed, verbose) == 0)
		return 0;
	printf("  it is the named run \"%s\"\n", row->name);
	return 1;
}

static void run_seed(struct tally *tally, const struct plan *plan, uint64_t seed)
{
	tally->seed = seed;
	for (unsigned i = 0; i < scenario_count(); i++) {
		tally->scenario = i;
		if (!plan->only || plan->only == scenario_at(i))
			run_one(tally, scenario_at(i), seed, plan->verbose);
	}
}

/* ---------------------------------------------------------------- many runs */

/* Each job takes every jobs-th seed, and its part of the PDUs. */
static void work(struct tally *tally, const struct plan *plan, unsigned job, double start)
{
	for (unsigned i = job; i < named_count; i += (unsigned)plan->jobs)
		run_named(tally, &named[i], false);
	for (uint64_t seed = 1 + job; tally->pdus < plan->pdus / plan->jobs; seed += plan->jobs) {
		if (tally->failed >= FAILURES_MAX || seconds_now() - start > (double)plan->seconds)
			break;
		run_seed(tally, plan, seed);
	}
}

/* A fault that never comes tests nothing. */
static unsigned check_faults(const struct tally *all)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < peer_fault_count() && i < FAULTS_MAX; i++) {
		if (all->fault_runs[i] < 20 || all->fault_hits[i])
			continue;
		printf("FAILED the fault \"%s\" never came in %u runs\n", peer_fault_info(i).name,
		       all->fault_runs[i]);
		failed++;
	}
	return failed;
}

static void add_up(struct tally *all, const struct tally *one)
{
	all->runs += one->runs;
	all->failed += one->failed;
	all->pdus += one->pdus;
	all->pings += one->pings;
	matrix_add(&all->matrix, &one->matrix);
	for (unsigned i = 0; i < FAULTS_MAX; i++) {
		all->fault_runs[i] += one->fault_runs[i];
		all->fault_hits[i] += one->fault_hits[i];
	}
}

static void start_jobs(struct tally *tallies, const struct plan *plan, pid_t pids[JOBS_MAX], double start)
{
	for (unsigned job = 0; job < plan->jobs; job++) {
		fflush(stdout);
		pids[job] = fork();
		if (pids[job] == 0) {
			work(&tallies[job], plan, job, start);
			duty_write();
			fflush(stdout);
			_exit(0);
		}
	}
}

static unsigned wait_jobs(const struct tally *tallies, const struct plan *plan, const pid_t pids[JOBS_MAX])
{
	unsigned failed = 0;
	int status;

	for (unsigned job = 0; job < plan->jobs; job++) {
		if (pids[job] > 0 && waitpid(pids[job], &status, 0) > 0 && status == 0)
			continue;
		printf("FAILED %s: the process broke off\n  repeat with: ./dev sim --scenario %s --seed %llu\n",
		       scenario_at(tallies[job].scenario)->name, scenario_at(tallies[job].scenario)->name,
		       (unsigned long long)tallies[job].seed);
		failed++;
	}
	return failed;
}

static int test(const struct plan *plan)
{
	struct tally *tallies = mmap(NULL, sizeof(*tallies) * plan->jobs, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0), all = { 0 };
	double start = seconds_now();
	pid_t pids[JOBS_MAX];
	unsigned failed, empty;
	bool whole;

	if (tallies == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	start_jobs(tallies, plan, pids, start);
	failed = wait_jobs(tallies, plan, pids);
	for (unsigned job = 0; job < plan->jobs; job++)
		add_up(&all, &tallies[job]);
	munmap(tallies, sizeof(*tallies) * plan->jobs);
	whole = all.pdus >= plan->pdus;
	failed += (unsigned)all.failed + check_faults(&all);
	empty = matrix_print(&all.matrix, stdout);
	printf("%llu PDUs and %llu pings in %llu runs of %u scenarios, %.0f seconds\n",
	       (unsigned long long)all.pdus, (unsigned long long)all.pings,
	       (unsigned long long)all.runs, scenario_count(), seconds_now() - start);
	/* Runs that were cut short, or a build that is slow, can't be expected to reach everything. */
	if (!SLOW_BUILD && !whole) {
		printf("FAILED time ran out before %llu PDUs\n", plan->pdus);
		failed++;
	} else if (!SLOW_BUILD && empty) {
		printf("FAILED %u states were never tried\n", empty);
		failed++;
	}
	printf("%llu passed, %u failed, 0 skipped\n", (unsigned long long)(all.runs - all.failed), failed);
	return failed > 0;
}

/* ---------------------------------------------------------------- the command line */

static int replay(struct plan *plan)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	uint64_t failed;

	if (!tally)
		return 1;
	plan->verbose = plan->verbose || (plan->count == 1 && plan->only && !plan->quiet);
	for (unsigned long long i = 0; i < plan->count && tally->failed < FAILURES_MAX; i++)
		run_seed(tally, plan, plan->seed + i);
	failed = tally->failed;
	printf("%llu PDUs; %llu passed, %llu failed, 0 skipped\n", (unsigned long long)tally->pdus,
	       (unsigned long long)(tally->runs - failed), (unsigned long long)failed);
	free(tally);
	return failed > 0;
}

static int replay_named(const char *name)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	int r = 2;

	for (unsigned i = 0; tally && i < named_count; i++)
		if (strcmp(named[i].name, name) == 0)
			r = run_named(tally, &named[i], true);
	if (r == 2)
		fprintf(stderr, "sim: no named run \"%s\"\n", name);
	free(tally);
	return r;
}

static int list_all(void)
{
	for (unsigned i = 0; i < scenario_count(); i++)
		printf("%s\n", scenario_at(i)->name);
	for (unsigned i = 0; i < named_count; i++)
		printf("named \"%s\": %s, seed %llu\n", named[i].name, named[i].scenario,
		       (unsigned long long)named[i].seed);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim --test [--pdus N] [--seconds T] [--jobs J]\n"
			"       sim --seed N [--count K] [--scenario NAME] [-v | -q]\n"
			"       sim --named NAME\n       sim --list\n");
	return 2;
}

static bool number(const char *text, unsigned long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	return *text && !*end && !errno;
}

/* An option with a value; false if there is none of that name. */
static bool option(struct plan *plan, const char *name, const char *value)
{
	const struct { const char *name; unsigned long long *to; } numbers[] = {
		{ "--pdus", &plan->pdus }, { "--seconds", &plan->seconds }, { "--jobs", &plan->jobs },
		{ "--seed", &plan->seed }, { "--count", &plan->count },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(name, numbers[i].name) == 0)
			return number(value, numbers[i].to);
	if (strcmp(name, "--scenario"))
		return false;
	plan->only = scenario_find(value);
	if (!plan->only)
		fprintf(stderr, "sim: no scenario \"%s\"; see --list\n", value);
	return plan->only != NULL;
}

int main(int argc, char **argv)
{
	struct plan plan = { .count = 1, .seconds = 240, .jobs = 2,
		.pdus = SLOW_BUILD ? 1500000 : 12000000 };

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			return list_all();
		if (strcmp(argv[i], "--test") == 0)
			plan.test = true;
		else if (strcmp(argv[i], "-v") == 0)
			plan.verbose = true;
		else if (strcmp(argv[i], "-q") == 0)
			plan.quiet = true;
		else if (strcmp(argv[i], "--named") == 0 && i + 1 < argc)
			return replay_named(argv[i + 1]);
		else if (i + 1 >= argc || !option(&plan, argv[i], argv[i + 1]))
			return usage();
		else
			i++;
	}
	if (!plan.jobs || plan.jobs > JOBS_MAX || (!plan.test && !plan.seed))
		return usage();
	return plan.test ? test(&plan) : replay(&plan);
}
