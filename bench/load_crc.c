/*
 * load_crc.c - digests alone: CRC32C of SIZE bytes over and over, by what the engine uses (--iqn ours) or
 * by the table of 256 entries that portable code has (--iqn table). The load generators' command
 * line; the portal does not count.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "proto/digest.h"

#define POLYNOMIAL UINT32_C(0x82f63b78)

static struct load load;
static uint32_t table[256];
static uint8_t *data;
static volatile uint32_t result; /* what is never used must not be left out */

static void table_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;

		for (unsigned bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ POLYNOMIAL : value >> 1;
		table[i] = value;
	}
}

static uint32_t table_of(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t running = UINT32_MAX;

	for (size_t i = 0; i < len; i++)
		running = running >> 8 ^ table[(running ^ p[i]) & 0xff];
	return ~running;
}

static void *work(void *arg)
{
	uint32_t (*of)(const void *, size_t) = strcmp(load.options.iqn, "table") == 0 ? table_of : digest_of;
	size_t size = load.options.size;

	(void)arg;
	while (!load_stopping(&load)) {
		result = of(data, size);
		load_done(&load, load.count, true, 0);
	}
	atomic_store(&load.count->under_way, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t worker;
	int status;

	load_init(&load, argc, argv);
	load.options.latency = false;
	load_count_new(&load);
	table_init();
	data = malloc(load.options.size);
	if (!data)
		load_fail("no memory");
	for (size_t i = 0; i < load.options.size; i++)
		data[i] = (uint8_t)(i * 7);
	if (digest_of(data, load.options.size) != table_of(data, load.options.size))
		load_fail("the two disagree");
	atomic_store(&load.count->under_way, 1);
	if (pthread_create(&worker, NULL, work, NULL) != 0)
		load_fail("no thread");
	status = load_measure(&load);
	pthread_join(worker, NULL);
	return status;
}
