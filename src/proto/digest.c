/* digest.c - see digest.h. ISA-L computes the polynomial; it neither inverts nor orders bytes. */
#include "proto/digest.h"

#include <isa-l/crc.h>
#include <limits.h>
#include <string.h>

#include "base/bytes.h"

uint32_t digest_add(uint32_t running, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len > 0) {
		int n = len > INT_MAX ? INT_MAX : (int)len;

		/* The prototype lacks the const that the routine keeps. */
		running = crc32_iscsi((unsigned char *)(uintptr_t)p, n, running);
		p += n;
		len -= (size_t)n;
	}
	return running;
}

/* CRC32C is sent with its lowest byte first (appendix A.4). */
void digest_put(uint8_t wire[DIGEST_LEN], uint32_t digest)
{
	for (int i = 0; i < DIGEST_LEN; i++)
		wire[i] = (uint8_t)(digest >> 8 * i);
}

bool digest_equal(const uint8_t wire[DIGEST_LEN], uint32_t digest)
{
	uint8_t expected[DIGEST_LEN];

	digest_put(expected, digest);
	return memcmp(wire, expected, DIGEST_LEN) == 0;
}

/* DIG-1 */
uint32_t digest_of(const void *data, size_t len)
{
	return digest_finish(digest_add(digest_start(), data, len));
}
