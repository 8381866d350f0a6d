/*
 * digest.h - the CRC32C of header and data digests, computable in pieces (RFC 7143 section 13.1;
 * check values in appendix A.4). Padding bytes belong to what is digested.
 */
#ifndef ISCSIDSC_PROTO_DIGEST_H
#define ISCSIDSC_PROTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_LEN = 4 };

/* The running value before the first byte. */
static inline uint32_t digest_start(void)
{
	return UINT32_C(0xffffffff);
}

/* The running value after len more bytes. */
uint32_t digest_add(uint32_t running, const void *data, size_t len);

/* The CRC32C itself. */
static inline uint32_t digest_finish(uint32_t running)
{
	return ~running;
}

/* The finished value in the order in which it travels. */
void digest_put(uint8_t wire[DIGEST_LEN], uint32_t digest);
/* True if the four bytes received are that of the finished value. */
bool digest_equal(const uint8_t wire[DIGEST_LEN], uint32_t digest);
/* All in one, for one piece. */
uint32_t digest_of(const void *data, size_t len);

#endif
