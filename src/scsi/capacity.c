/* capacity.c - see capacity.h. */
#include "scsi/capacity.h"

#include <errno.h>

#include "base/bytes.h"

enum { LEN_10 = 8, LEN_16 = 12, LEN_16_FLAGS = 16 };

static bool block_size_good(uint32_t size)
{
	return size > 0 && size % 4 == 0;
}

int capacity_get_10(const void *data, size_t len, struct capacity *ret)
{
	const uint8_t *p = data;
	uint32_t last;

	if (len < LEN_10)
		return -EBADMSG;
	last = bytes_get32(p);
	if (last != UINT32_MAX && !block_size_good(bytes_get32(p + 4)))
		return -EBADMSG;
	*ret = (struct capacity){
		.last_lba = last, .block_size = bytes_get32(p + 4), .ask_16 = last == UINT32_MAX,
	};
	return 0;
}

int capacity_get_16(const void *data, size_t len, struct capacity *ret)
{
	const uint8_t *p = data;
	struct capacity capacity;

	if (len < LEN_16)
		return -EBADMSG;
	capacity = (struct capacity){
		.last_lba = bytes_get64(p), .block_size = bytes_get32(p + 8),
	};
	/* The number of blocks must be a number, too. */
	if (!block_size_good(capacity.block_size) || capacity.last_lba == UINT64_MAX)
		return -EBADMSG;
	if (len >= LEN_16_FLAGS) {
		capacity.protection = p[12] & 1;
		capacity.physical_exponent = p[13] & 0x0f;
		capacity.provisioning = p[14] & 0x80;
		capacity.reads_zero = p[14] & 0x40;
		capacity.lowest_aligned = bytes_get16(p + 14) & 0x3fff;
	}
	*ret = capacity;
	return 0;
}
