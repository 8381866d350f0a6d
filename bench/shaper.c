/*
 * shaper.c - a link with delay, loss and a rate, between two network namespaces: a TUN device in
 * each, and this process as the wire. The kernels' own TCP runs over it and sees real loss and real
 * delay. It is for machines whose kernel has no netem; it knows nothing of what it carries.
 *
 * shaper --left NAMESPACE --right NAMESPACE [--device NAME] [--delay-ms EACH_WAY] [--loss PERCENT]
 *        [--mbit RATE] [--queue-ms LENGTH] [--seed NUMBER]
 *
 * Prints "ready" when the devices exist; addresses are for the caller to give. Ends with SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NS UINT64_C(1000000000)
#define MS UINT64_C(1000000)

enum {
	PACKET_MAX = 2048, /* a TUN device has an MTU of 1500, and gives whole packets of that */
	SLOTS = 8192,      /* packets on the way in one direction; more are lost */
};

struct options {
	const char *space[2], *device;
	uint64_t delay, queue;
	double loss, bytes_per_ns;
	uint64_t seed;
};

struct packet {
	uint64_t due;
	uint32_t len;
	uint8_t data[PACKET_MAX];
};

/* One direction. Packets leave in the order in which they came. */
struct way {
	int from, to;
	unsigned first, count;
	uint64_t free_at; /* when the last packet has left the sender's end */
	struct packet slot[SLOTS];
};

static struct options options = { .device = "shaped", .queue = 50 * MS, .seed = 1 };
static struct way way[2];

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "shaper: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

/* The device stays where it was made, also after this process has left the namespace. */
static int device_open(const char *space)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[128];
	int at, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", space);
	at = open(path, O_RDONLY | O_CLOEXEC);
	if (at < 0 || setns(at, CLONE_NEWNET) < 0)
		fail(path);
	close(at);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fail("/dev/net/tun");
	strncpy(request.ifr_name, options.device, sizeof(request.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		fail(options.device);
	return fd;
}

/* xorshift64 */
static bool packet_lost(void)
{
	uint64_t *x = &options.seed;

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (double)(*x >> 11) / (double)(UINT64_C(1) << 53) < options.loss;
}

/* When the packet will be through at the sender's end, or 0 if it finds the queue full. */
static uint64_t way_through(struct way *w, uint32_t len, uint64_t now)
{
	uint64_t begin = w->free_at > now ? w->free_at : now;

	if (begin - now > options.queue)
		return 0;
	if (options.bytes_per_ns > 0)
		begin += (uint64_t)(len / options.bytes_per_ns);
	return begin;
}

static void way_read(struct way *w, uint64_t now)
{
	struct packet spare, *packet;
	uint64_t through;
	ssize_t got;

	for (;;) {
		packet = w->count < SLOTS ? &w->slot[(w->first + w->count) % SLOTS] : &spare;
		got = read(w->from, packet->data, sizeof(packet->data));
		if (got < 0 && errno == EAGAIN)
			return;
		if (got < 0)
			fail("read");
		packet->len = (uint32_t)got;
		through = way_through(w, packet->len, now);
		if (packet == &spare || through == 0)
			continue;
		w->free_at = through;
		if (packet_lost())
			continue;
		packet->due = through + options.delay;
		w->count++;
	}
}

/* A device that is not up yet takes nothing, and neither would a wire. */
static void way_write(struct way *w, uint64_t now)
{
	while (w->count && w->slot[w->first].due <= now) {
		const struct packet *packet = &w->slot[w->first];

		if (write(w->to, packet->data, packet->len) < 0 && errno != EIO && errno != EAGAIN)
			fail("write");
		w->first = (w->first + 1) % SLOTS;
		w->count--;
	}
}

static void wire_run(void)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = way[0].from, .events = POLLIN },
					 { .fd = way[1].from, .events = POLLIN } };
		uint64_t now = clock_now(), next = now + NS;
		struct timespec wait;

		for (unsigned i = 0; i < 2; i++)
			if (way[i].count && way[i].slot[way[i].first].due < next)
				next = way[i].slot[way[i].first].due;
		next = next > now ? next - now : 0;
		wait = (struct timespec){ .tv_sec = (time_t)(next / NS), .tv_nsec = (long)(next % NS) };
		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
			fail("poll");
		now = clock_now();
		for (unsigned i = 0; i < 2; i++) {
			way_read(&way[i], now);
			way_write(&way[i], now);
		}
	}
}

static double number_get(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || value < 0) {
		fprintf(stderr, "shaper: '%s' is no number\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	enum { LEFT, RIGHT, DEVICE, DELAY, LOSS, MBIT, QUEUE, SEED };
	static const struct option table[] = {
		{ "left", 1, NULL, LEFT }, { "right", 1, NULL, RIGHT }, { "device", 1, NULL, DEVICE },
		{ "delay-ms", 1, NULL, DELAY }, { "loss", 1, NULL, LOSS }, { "mbit", 1, NULL, MBIT },
		{ "queue-ms", 1, NULL, QUEUE }, { "seed", 1, NULL, SEED }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case LEFT:
		case RIGHT: options.space[c - LEFT] = optarg; break;
		case DEVICE: options.device = optarg; break;
		case DELAY: options.delay = (uint64_t)(number_get(optarg) * (double)MS); break;
		case LOSS: options.loss = number_get(optarg) / 100; break;
		case MBIT: options.bytes_per_ns = number_get(optarg) / 8000; break;
		case QUEUE: options.queue = (uint64_t)(number_get(optarg) * (double)MS); break;
		case SEED: options.seed = (uint64_t)number_get(optarg) + 1; break;
		default: return 2;
		}
	}
	if (!options.space[0] || !options.space[1] || optind != argc) {
		fputs("shaper: --left and --right are needed\n", stderr);
		return 2;
	}
	way[0].from = way[1].to = device_open(options.space[0]);
	way[1].from = way[0].to = device_open(options.space[1]);
	puts("ready");
	fflush(stdout);
	wire_run();
}
