/*
 * lean_target.c - the lean target's program: options, portals, signals, counts. See lean.h.
 *
 * It prints "ready" when it listens; one line of JSON with its counts on SIGUSR1 and when it ends,
 * which SIGTERM and SIGINT make it do.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lean.h"

static void usage(FILE *to)
{
	fputs("Usage: lean_target [OPTION]...\n"
	      "  --portal ADDRESS:PORT  listen there; may be given several times (127.0.0.1:3260)\n"
	      "  --iqn NAME             the target's name (iqn.2026-01.test:lean)\n"
	      "  --many N               announce and accept N more targets, NAME:many-0 and so on\n"
	      "  --threads N            (1)      --cpus A,B,...     pin them\n"
	      "  --spin US              look for work so long before sleeping (0)\n"
	      "  --medium null|memory   (null)   --size BYTES[KMGT] of a unit (1G)\n"
	      "  --luns N               (1)      --block 512|4096   (512)\n"
	      "  --window N             commands at once (512)\n"
	      "  --max-recv BYTES       (1M)     --max-burst BYTES  (1M)\n"
	      "  --first-burst BYTES    (256K)   --max-r2t N        (8)\n"
	      "  --max-conns N          (64)     --immediate yes|no --initial-r2t yes|no\n"
	      "  --check yes|no         look at data digests of what is written (yes)\n", to);
}

/* ---------------------------------------------------------------- options */

static bool number_read(const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || text[0] == '-')
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
		end++;
	}
	if (*end || value < least || value > most)
		return false;
	*ret = value;
	return true;
}

static bool cpus_read(const char *text, struct options *o)
{
	o->cpu_count = 0;
	for (char *end; *text; text = *end ? end + 1 : end) {
		unsigned long cpu = strtoul(text, &end, 10);

		if (end == text || (*end && *end != ',') || o->cpu_count == LEAN_THREADS ||
		    cpu >= 1024)
			return false;
		o->cpus[o->cpu_count++] = (unsigned)cpu;
	}
	return o->cpu_count > 0;
}

static bool portal_read(const char *text, struct options *o)
{
	struct portal *portal = &o->portals[o->portal_count];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(portal->host) || strlen(colon + 1) >= sizeof(portal->port) ||
	    o->portal_count == LEAN_PORTALS)
		return false;
	memcpy(portal->host, text, len);
	snprintf(portal->port, sizeof(portal->port), "%s", colon + 1);
	o->portal_count++;
	return true;
}

static bool yes_read(const char *text, bool *ret)
{
	*ret = strcmp(text, "yes") == 0;
	return *ret || strcmp(text, "no") == 0;
}

enum option_id {
	OPT_PORTAL = 256, OPT_IQN, OPT_CPUS, OPT_MEDIUM, OPT_IMMEDIATE, OPT_INITIAL, OPT_CHECK, OPT_SIZE,
	OPT_HELP, OPT_NUMBER, /* and behind it the rows of numbers[] */
};

/* Options that are a number of 32 bits. */
static const struct {
	const char *name;
	size_t offset;
	uint32_t least, most;
} numbers[] = {
	{ "many", offsetof(struct options, many), 0, 1000000 },
	{ "threads", offsetof(struct options, threads), 1, LEAN_THREADS },
	{ "spin", offsetof(struct options, spin_us), 0, 1000000 },
	{ "luns", offsetof(struct options, luns), 1, LEAN_LUNS },
	{ "block", offsetof(struct options, block), 512, 4096 },
	{ "window", offsetof(struct options, window), 1, LEAN_WINDOW_MAX },
	{ "max-recv", offsetof(struct options, max_recv), 512, PDU_DATA_MAX },
	{ "max-burst", offsetof(struct options, max_burst), 512, PDU_DATA_MAX },
	{ "first-burst", offsetof(struct options, first_burst), 512, PDU_DATA_MAX },
	{ "max-r2t", offsetof(struct options, max_r2t), 1, 32 },
	{ "max-conns", offsetof(struct options, max_conns), 1, 65535 },
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static bool option_take(int id, const char *value, struct options *o)
{
	uint64_t number;

	switch (id) {
	case OPT_PORTAL:
		return portal_read(value, o);
	case OPT_IQN:
		o->iqn = value;
		return strlen(value) < LEAN_NAME;
	case OPT_CPUS:
		return cpus_read(value, o);
	case OPT_MEDIUM:
		o->memory = strcmp(value, "memory") == 0;
		return o->memory || strcmp(value, "null") == 0;
	case OPT_IMMEDIATE:
		return yes_read(value, &o->immediate);
	case OPT_INITIAL:
		return yes_read(value, &o->initial_r2t);
	case OPT_CHECK:
		return yes_read(value, &o->check);
	case OPT_SIZE:
		return number_read(value, 4096, UINT64_C(1) << 50, &o->size);
	default:
		if (id < OPT_NUMBER || id >= OPT_NUMBER + NUMBERS ||
		    !number_read(value, numbers[id - OPT_NUMBER].least,
				 numbers[id - OPT_NUMBER].most, &number))
			return false;
		*(uint32_t *)((char *)o + numbers[id - OPT_NUMBER].offset) = (uint32_t)number;
		return true;
	}
}

static void options_read(int argc, char **argv, struct options *o)
{
	static struct option table[OPT_NUMBER - OPT_PORTAL + NUMBERS + 1] = {
		{ "portal", 1, NULL, OPT_PORTAL }, { "iqn", 1, NULL, OPT_IQN },
		{ "cpus", 1, NULL, OPT_CPUS }, { "medium", 1, NULL, OPT_MEDIUM },
		{ "immediate", 1, NULL, OPT_IMMEDIATE }, { "initial-r2t", 1, NULL, OPT_INITIAL },
		{ "check", 1, NULL, OPT_CHECK }, { "size", 1, NULL, OPT_SIZE }, { "help", 0, NULL, OPT_HELP },
	};
	int id;

	for (int i = 0; i < NUMBERS; i++)
		table[OPT_NUMBER - OPT_PORTAL + i] =
			(struct option){ numbers[i].name, 1, NULL, OPT_NUMBER + i };
	while ((id = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		if (id == OPT_HELP) {
			usage(stdout);
			exit(0);
		}
		if (id == '?' || !option_take(id, optarg, o)) {
			if (id != '?')
				fprintf(stderr, "lean_target: bad value: %s\n", optarg);
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc || (o->block != 512 && o->block != 4096) || o->size % o->block) {
		usage(stderr);
		exit(2);
	}
	if (o->portal_count == 0)
		portal_read("127.0.0.1:3260", o);
}

/* ---------------------------------------------------------------- setting up */

static void fail(const char *what)
{
	fprintf(stderr, "lean_target: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void portal_listen(struct lean *lean, const struct portal *portal)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	int one = 1, fd, rc = getaddrinfo(portal->host, portal->port, &hints, &found);

	if (rc != 0) {
		fprintf(stderr, "lean_target: %s: %s\n", portal->host, gai_strerror(rc));
		exit(1);
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 1024) < 0)
		fail(portal->host);
	lean->listeners[lean->listener_count++] = fd;
	freeaddrinfo(found);
}

static void media_make(struct lean *lean)
{
	const struct options *o = &lean->options;

	lean->null_data = aligned_alloc(4096, LEAN_RECV);
	if (!lean->null_data)
		fail("memory");
	memset(lean->null_data, 0, LEAN_RECV);
	for (unsigned i = 0; o->memory && i < o->luns; i++) {
		void *p = mmap(NULL, o->size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			fail("memory medium");
		lean->media[i] = p;
	}
}

static void target_print(FILE *to, const struct options *o, const char *suffix)
{
	fprintf(to, "TargetName=%s%s%c", o->iqn, suffix, 0);
	for (unsigned i = 0; i < o->portal_count; i++) {
		bool six = strchr(o->portals[i].host, ':') != NULL;

		fprintf(to, "TargetAddress=%s%s%s:%s,1%c", six ? "[" : "", o->portals[i].host,
			six ? "]" : "", o->portals[i].port, 0);
	}
}

/* The answer to SendTargets. */
static void targets_make(struct lean *lean)
{
	FILE *to = open_memstream(&lean->targets, &lean->targets_len);
	char suffix[32];

	if (!to)
		fail("memory");
	target_print(to, &lean->options, "");
	for (uint32_t i = 0; i < lean->options.many; i++) {
		snprintf(suffix, sizeof(suffix), ":many-%" PRIu32, i);
		target_print(to, &lean->options, suffix);
	}
	if (fclose(to) != 0)
		fail("memory");
}

/* ---------------------------------------------------------------- counts */

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void counts_print(const struct lean *lean)
{
	static const char *const names[COUNT_COUNT] = {
		"polls", "recvs", "sends", "pdus_in", "pdus_out", "bytes_in", "bytes_out",
		"commands", "reads", "writes", "r2ts", "conns",
	};
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"threads\":%u", lean->options.threads);
	for (unsigned c = 0; c < COUNT_COUNT; c++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < lean->options.threads; i++)
			sum += atomic_load_explicit(&lean->workers[i].counts[c],
						    memory_order_relaxed);
		printf(",\"%s\":%" PRIu64, names[c], sum);
	}
	printf(",\"cpu_user\":%.6f,\"cpu_sys\":%.6f}\n", seconds_of(usage.ru_utime),
	       seconds_of(usage.ru_stime));
	fflush(stdout);
}

/* Thousands of connections. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void lean_run(struct lean *lean, const sigset_t *signals)
{
	int signal;

	/* The first one last: it accepts, and hands connections to all of them. */
	for (unsigned i = lean->options.threads; i-- > 0;)
		if (worker_start(&lean->workers[i]) < 0)
			fail("thread");
	puts("ready");
	fflush(stdout);
	do {
		sigwait(signals, &signal);
		counts_print(lean);
	} while (signal == SIGUSR1);
	atomic_store(&lean->stop, true);
	for (unsigned i = 0; i < lean->options.threads; i++)
		worker_stop(&lean->workers[i]);
}

static void lean_free(struct lean *lean)
{
	for (unsigned i = 0; i < lean->options.threads; i++)
		worker_done(&lean->workers[i]);
	for (unsigned i = 0; i < lean->listener_count; i++)
		close(lean->listeners[i]);
	for (unsigned i = 0; i < LEAN_LUNS; i++)
		if (lean->media[i])
			munmap(lean->media[i], lean->options.size);
	free(lean->null_data);
	free(lean->targets);
	free(lean);
}

int main(int argc, char **argv)
{
	struct lean *lean = calloc(1, sizeof(*lean));
	sigset_t signals;

	if (!lean)
		fail("memory");
	lean->options = (struct options){
		.iqn = "iqn.2026-01.test:lean", .threads = 1, .size = 1u << 30, .luns = 1,
		.block = 512, .window = 512, .max_recv = 1u << 20, .max_burst = 1u << 20,
		.first_burst = 1u << 18, .max_r2t = 8, .max_conns = 64, .immediate = true,
		.check = true,
	};
	options_read(argc, argv, &lean->options);
	files_raise();
	pthread_mutex_init(&lean->lock, NULL);
	list_init(&lean->sessions);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	for (unsigned i = 0; i < lean->options.threads; i++) {
		struct worker *worker = &lean->workers[i];

		worker->lean = lean;
		worker->index = i;
		worker->epoll = worker->wake = -1;
		list_init(&worker->conns);
	}
	media_make(lean);
	targets_make(lean);
	for (unsigned i = 0; i < lean->options.portal_count; i++)
		portal_listen(lean, &lean->options.portals[i]);
	lean_run(lean, &signals);
	lean_free(lean);
	return 0;
}
