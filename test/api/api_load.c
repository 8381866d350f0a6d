/* api_load.c - see api_load.h. */
#include "api_load.h"

#include <libnbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PLACE = 1 << 20, BLOCK = 512 };

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void took(struct load_client *c, double since)
{
	double time = clock_now() - since;

	c->requests++;
	if (time > c->longest)
		c->longest = time;
}

/* No two blocks of a run are equal. */
static void fill(uint8_t *data, size_t len, unsigned client, unsigned round)
{
	for (size_t at = 0; at < len; at += BLOCK) {
		uint32_t mark[3] = { client, round, (uint32_t)at };

		memset(data + at, (int)(round + at / BLOCK), BLOCK);
		memcpy(data + at, mark, sizeof(mark));
	}
}

static bool round_right(struct load_client *c, unsigned round, uint8_t *out, uint8_t *in)
{
	static const size_t lengths[] = { 4 << 10, 512 << 10, 64 << 10, 8 << 10, 300 << 10 };
	size_t len = lengths[round % 5];
	uint64_t at = (uint64_t)c->number * PLACE + round * (uint64_t)4096 % (PLACE - len);
	double begin;

	fill(out, len, c->number, round);
	begin = clock_now();
	if (nbd_pwrite(c->nbd, out, len, at, 0) < 0)
		return false;
	took(c, begin);
	begin = clock_now();
	if (nbd_pread(c->nbd, in, len, at, 0) < 0)
		return false;
	took(c, begin);
	return memcmp(out, in, len) == 0;
}

static void *client_main(void *arg)
{
	struct load_client *c = arg;
	uint8_t *out = malloc(PLACE), *in = malloc(PLACE);

	for (unsigned round = 0; c->load->running; round++) {
		if (out && in && round_right(c, round, out, in))
			continue;
		c->wrong++;
		print_error("client %u, round %u: %s\n", c->number, round,
			    nbd_get_error() ? nbd_get_error() : "other bytes");
		break;
	}
	free(out);
	free(in);
	return NULL;
}

static void uri_get(ISCSI_UNIQUE_SESSION_ID *session, char *ret, size_t room)
{
	char buffer[8192];
	ISCSI_DISK_INFO *disks = (void *)buffer;
	ULONG size = sizeof(buffer), count;

	api_expect(ERROR_SUCCESS, GetIScsiDiskInformation(session, &size, &count, disks));
	assert_int_not_equal(count, 0);
	snprintf(ret, room, "%s", disks->NbdUri);
}

void load_begin(struct load *load, ISCSI_UNIQUE_SESSION_ID *session)
{
	char uri[256];

	memset(load, 0, sizeof(*load));
	uri_get(session, uri, sizeof(uri));
	load->running = true;
	for (unsigned i = 0; i < LOAD_CLIENTS; i++) {
		struct load_client *c = &load->client[i];

		c->load = load;
		c->number = i;
		c->nbd = nbd_create();
		assert_non_null(c->nbd);
		if (nbd_connect_uri(c->nbd, uri) < 0)
			fail_msg("%s: %s", uri, nbd_get_error());
		assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
		c->started = true;
	}
}

void load_stop(struct load *load)
{
	if (!load->running)
		return;
	load->running = false;
	for (unsigned i = 0; i < LOAD_CLIENTS && load->client[i].nbd; i++) {
		struct load_client *c = &load->client[i];

		if (c->started)
			pthread_join(c->thread, NULL);
		nbd_shutdown(c->nbd, 0);
		nbd_close(c->nbd);
	}
}

double load_end(struct load *load)
{
	unsigned wrong = 0, requests = 0;
	double longest = 0;

	load_stop(load);
	for (unsigned i = 0; i < LOAD_CLIENTS; i++) {
		const struct load_client *c = &load->client[i];

		wrong += c->wrong;
		requests += c->requests;
		if (c->longest > longest)
			longest = c->longest;
	}
	print_message("%u requests, the longest %.0f ms\n", requests, longest * 1000);
	assert_int_equal(wrong, 0);
	assert_true(requests > LOAD_CLIENTS);
	return longest;
}
