/*
 * load.c - see load.h.
 */
#include "load.h"

#include <dirent.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000u

void load_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

uint64_t load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

uint64_t load_rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, resident;

	if (!f || fscanf(f, "%llu %llu", &size, &resident) != 2)
		load_fail("/proc/self/statm can't be read");
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* ---------------------------------------------------------------- the command line */

static const char *const op_name[] = { "read", "write", "randread", "randwrite", "mixed" };

static enum load_op op_get(const char *text)
{
	for (unsigned i = 0; i < sizeof(op_name) / sizeof(*op_name); i++)
		if (strcmp(text, op_name[i]) == 0)
			return (enum load_op)i;
	load_fail("--op: read, write, randread, randwrite or mixed");
}

static unsigned long long number_get(const char *name, const char *text, unsigned long long most)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (end == text || *end || value > most)
		load_fail("--%s: not a number up to %llu: %s", name, most, text);
	return value;
}

/* ADDR:PORT, an IPv6 address in brackets. */
static void portal_get(struct load_options *o, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct load_portal *portal = &o->portal[o->portals];
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!len || o->portals == LOAD_PORTALS)
		load_fail("--portal: up to %d of ADDR:PORT", LOAD_PORTALS);
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(portal->host))
		load_fail("--portal: the address is too long");
	memcpy(portal->host, text, len);
	portal->port = (uint16_t)number_get("portal", colon + 1, UINT16_MAX);
	o->portals++;
}

static void portals_get(struct load_options *o, char *text)
{
	char *rest = NULL;

	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest))
		portal_get(o, one);
}

static void cpus_take(char *text)
{
	char *rest = NULL;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest))
		CPU_SET(number_get("cpu", one, CPU_SETSIZE - 1), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		load_fail("--cpu: there is no such processor");
}

static const struct option words[] = {
	{ "portal", required_argument, NULL, 'p' }, { "iqn", required_argument, NULL, 'i' },
	{ "lun", required_argument, NULL, 'l' }, { "op", required_argument, NULL, 'o' },
	{ "size", required_argument, NULL, 's' }, { "depth", required_argument, NULL, 'd' },
	{ "seconds", required_argument, NULL, 't' }, { "warm-up", required_argument, NULL, 'w' },
	{ "connections", required_argument, NULL, 'c' }, { "sessions", required_argument, NULL, 'n' },
	{ "loops", required_argument, NULL, 'L' }, { "cpu", required_argument, NULL, 'C' },
	{ "policy", required_argument, NULL, 'P' }, { "header-digest", no_argument, NULL, 'h' },
	{ "data-digest", no_argument, NULL, 'D' }, { "rate-latency", no_argument, NULL, 'r' },
	{ "verify", no_argument, NULL, 'v' }, { "ordering", no_argument, NULL, 'O' },
	{ "serve", no_argument, NULL, 'S' }, { "way", required_argument, NULL, 'W' },
	{ NULL, 0, NULL, 0 },
};

static void option_take(struct load_options *o, int c, char *value)
{
	switch (c) {
	case 'p': portals_get(o, value); break;
	case 'i': o->iqn = value; break;
	case 'l': o->lun = number_get("lun", value, 255); break;
	case 'o': o->op = op_get(value); break;
	case 's': o->size = (uint32_t)number_get("size", value, 16 << 20); break;
	case 'd': o->depth = (unsigned)number_get("depth", value, 1024); break;
	case 't': o->seconds = strtod(value, NULL); break;
	case 'w': o->warm_up = strtod(value, NULL); break;
	case 'c': o->connections = (unsigned)number_get("connections", value, 64); break;
	case 'n': o->sessions = (unsigned)number_get("sessions", value, 100000); break;
	case 'L': o->loops = (unsigned)number_get("loops", value, 64); break;
	case 'C': cpus_take(value); break;
	case 'P': o->policy = value; break;
	case 'h': o->header_digest = true; break;
	case 'D': o->data_digest = true; break;
	case 'r': o->latency = true; break;
	case 'v': o->verify = true; break;
	case 'O': o->ordering = true; break;
	case 'S': o->serve = true; break;
	case 'W': o->way = value; break;
	default: load_fail("usage: see bench/load.c, `words`");
	}
}

void load_init(struct load *load, int argc, char **argv)
{
	struct load_options *o = &load->options;
	int c;

	*load = (struct load){ .fd = -1 };
	*o = (struct load_options){ .op = LOAD_RANDREAD, .size = 4096, .depth = 32, .seconds = 1,
				    .warm_up = 0.3, .connections = 1, .sessions = 1, .loops = 1 };
	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1)
		option_take(o, c, optarg);
	if (optind < argc || !o->portals || (!o->iqn && !o->serve))
		load_fail("--portal and --iqn are needed");
	if (!o->size || !o->depth || !o->connections || !o->sessions || o->seconds <= 0)
		load_fail("size, depth, connections, sessions and seconds are at least 1");
	o->latency |= o->depth == 1;
}

const struct load_portal *load_portal(const struct load *load, unsigned session, unsigned conn)
{
	const struct load_options *o = &load->options;

	return &o->portal[(session * o->connections + conn) % o->portals];
}

/* ---------------------------------------------------------------- what to do next */

void load_count_new(struct load *load)
{
	const struct load_options *o = &load->options;

	load->count = aligned_alloc(64, o->sessions * sizeof(*load->count));
	if (!load->count)
		load_fail("no memory");
	memset(load->count, 0, o->sessions * sizeof(*load->count));
	for (unsigned i = 0; o->latency && i < o->sessions; i++) {
		load->count[i].latency = calloc(1, sizeof(struct load_latency));
		if (!load->count[i].latency)
			load_fail("no memory");
	}
}

void load_source_init(struct load_source *source, const struct load *load, unsigned session,
		      uint64_t capacity_blocks, uint32_t block_size)
{
	const struct load_options *o = &load->options;

	if (!block_size || o->size % block_size)
		load_fail("the size is not a multiple of the block size %u", block_size);
	*source = (struct load_source){ .random = 0x9e3779b97f4a7c15u * (session + 1), .op = o->op,
					.blocks = o->size / block_size };
	source->count = capacity_blocks / source->blocks;
	if (!source->count)
		load_fail("the medium is too small");
}

static uint64_t source_random(struct load_source *source)
{
	uint64_t x = source->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return source->random = x;
}

uint64_t load_source_next(struct load_source *source, bool *ret_write)
{
	uint64_t at, random;

	if (source->op == LOAD_READ || source->op == LOAD_WRITE) {
		at = source->next;
		source->next = at + 1 < source->count ? at + 1 : 0;
		*ret_write = source->op == LOAD_WRITE;
		return at * source->blocks;
	}
	random = source_random(source);
	/* evenly spread below count, without a division */
	at = (random >> 32) * (source->count < UINT32_MAX ? source->count : UINT32_MAX) >> 32;
	*ret_write = source->op == LOAD_RANDWRITE || (source->op == LOAD_MIXED && (random & 1));
	return at * source->blocks;
}

static uint64_t pattern_word(uint64_t lba, uint64_t round, uint32_t at)
{
	return (lba << 24 ^ round << 4 ^ at) * 0x9e3779b97f4a7c15u;
}

void load_pattern_fill(uint8_t *data, uint32_t size, uint64_t lba, uint64_t round)
{
	for (uint32_t at = 0; at + 8 <= size; at += 8) {
		uint64_t word = pattern_word(lba, round, at);

		memcpy(data + at, &word, 8);
	}
}

bool load_pattern_holds(const uint8_t *data, uint32_t size, uint64_t lba, uint64_t round)
{
	for (uint32_t at = 0; at + 8 <= size; at += 8) {
		uint64_t word = pattern_word(lba, round, at);

		if (memcmp(data + at, &word, 8) != 0)
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------- measuring */

static unsigned latency_step(uint64_t ns)
{
	unsigned octave, at;

	if (ns < LOAD_STEPS)
		return (unsigned)ns;
	octave = 63 - (unsigned)__builtin_clzll(ns); /* at least 5 */
	at = (octave - 4) * LOAD_STEPS + (unsigned)(ns >> (octave - 5)) - LOAD_STEPS;
	return at < LOAD_OCTAVES * LOAD_STEPS ? at : LOAD_OCTAVES * LOAD_STEPS - 1;
}

/* The middle of a step, in microseconds. */
static double latency_us(unsigned step)
{
	unsigned octave = step / LOAD_STEPS + 4, within = step % LOAD_STEPS;

	if (step < LOAD_STEPS)
		return step / 1000.0;
	return (LOAD_STEPS + within + 0.5) * (double)(UINT64_C(1) << (octave - 5)) / 1000.0;
}

void load_done(struct load *load, struct load_count *count, bool good, uint64_t begun)
{
	_Atomic uint64_t *sum = good ? &count->ops : &count->errors;

	/* The only writer: no locked instruction is needed. */
	atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	if (count->latency && atomic_load_explicit(&load->phase, memory_order_relaxed) == LOAD_MEASURE)
		count->latency->count[latency_step(load_now() - begun)]++;
}

static double latency_percentile(const struct load *load, double part)
{
	static uint64_t sum[LOAD_OCTAVES * LOAD_STEPS];
	uint64_t all = 0, seen = 0;

	memset(sum, 0, sizeof(sum));
	for (unsigned s = 0; s < load->options.sessions && load->count[s].latency; s++)
		for (unsigned i = 0; i < LOAD_OCTAVES * LOAD_STEPS; i++) {
			sum[i] += load->count[s].latency->count[i];
			all += load->count[s].latency->count[i];
		}
	for (unsigned i = 0; i < LOAD_OCTAVES * LOAD_STEPS && all; i++) {
		seen += sum[i];
		if ((double)seen >= part * (double)all)
			return latency_us(i);
	}
	return 0;
}

enum { THREADS = 64 };

struct reading {
	uint64_t at, ops, errors;
	double user, sys;
	long switches;
	uint64_t thread[THREADS]; /* nanoseconds of CPU of each data thread, in the order of its id */
	unsigned threads;
};

/* The first number in a file of one of our threads. */
static uint64_t thread_number(const char *tid, const char *file)
{
	unsigned long long value = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.16s/%s", tid, file);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* All threads but the main one, which only waits. */
static void threads_take(struct reading *r)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && r->threads < THREADS)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != getpid())
			r->thread[r->threads++] = thread_number(entry->d_name, "schedstat");
	if (dir)
		closedir(dir);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static uint64_t under_way(const struct load *load)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < load->options.sessions; i++)
		sum += atomic_load(&load->count[i].under_way);
	return sum;
}

static struct reading reading_take(const struct load *load)
{
	struct reading r = { .at = load_now() };
	struct rusage usage;

	threads_take(&r);
	getrusage(RUSAGE_SELF, &usage);
	r.user = seconds_of(usage.ru_utime);
	r.sys = seconds_of(usage.ru_stime);
	r.switches = usage.ru_nvcsw + usage.ru_nivcsw;
	for (unsigned i = 0; i < load->options.sessions; i++) {
		r.ops += atomic_load_explicit(&load->count[i].ops, memory_order_relaxed);
		r.errors += atomic_load_explicit(&load->count[i].errors, memory_order_relaxed);
	}
	return r;
}

static void load_wait(struct load *load, double seconds)
{
	uint64_t end = load_now() + (uint64_t)(seconds * NS), now;
	struct pollfd p = { .fd = load->fd, .events = POLLIN };

	while ((now = load_now()) < end) {
		struct timespec left = { .tv_sec = (time_t)((end - now) / NS),
					 .tv_nsec = (long)((end - now) % NS) };

		if (ppoll(&p, 1, &left, NULL) > 0)
			load->ready(load);
	}
}

static void load_print(const struct load *load, const struct reading *a, const struct reading *b)
{
	uint64_t ops = b->ops - a->ops;

	printf("{\"ops\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"cpu_user\":%.6f,\"cpu_sys\":%.6f,"
	       "\"lat_p50_us\":%.2f,\"lat_p99_us\":%.2f,\"errors\":%llu,\"switches\":%ld,"
	       "\"conns\":%u,\"rss_before_kib\":%llu,\"rss_idle_kib\":%llu,\"login_us\":%.1f,\"threads\":[",
	       (unsigned long long)ops, (unsigned long long)(ops * load->options.size),
	       (double)(b->at - a->at) / NS, b->user - a->user, b->sys - a->sys,
	       latency_percentile(load, 0.5), latency_percentile(load, 0.99),
	       (unsigned long long)b->errors, b->switches - a->switches, load->conns,
	       (unsigned long long)load->rss_before, (unsigned long long)load->rss_idle,
	       (double)load->login_ns / 1000);
	for (unsigned i = 0; i < a->threads && i < b->threads; i++)
		printf("%s%.6f", i ? "," : "", (double)(b->thread[i] - a->thread[i]) / NS);
	puts("]}");
	fflush(stdout);
}

int load_measure(struct load *load)
{
	struct reading a, b, end;
	uint64_t limit;

	load_wait(load, load->options.warm_up);
	atomic_store(&load->phase, LOAD_MEASURE);
	a = reading_take(load);
	load_wait(load, load->options.seconds);
	b = reading_take(load);
	atomic_store(&load->phase, LOAD_STOP);
	limit = load_now() + 20 * (uint64_t)NS;
	while (under_way(load) && load_now() < limit)
		load_wait(load, 0.002);
	if (under_way(load))
		load_fail("commands do not come back");
	end = reading_take(load);
	b.errors = end.errors; /* those before and after count, too */
	load_print(load, &a, &b);
	return end.errors ? 1 : 0;
}
