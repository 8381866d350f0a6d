/*
 * sn.h - serial number arithmetic over 32 bits (RFC 1982; RFC 7143 section 4.2.2.1, SN-1).
 *
 * Two numbers exactly 2^31 apart have no order: neither sn_lt nor sn_gt holds for them.
 */
#ifndef ISCSIDSC_PROTO_SN_H
#define ISCSIDSC_PROTO_SN_H

#include <stdbool.h>
#include <stdint.h>

/* SN-1, TRAP-14 */
static inline bool sn_lt(uint32_t a, uint32_t b)
{
	return a != b && b - a < UINT32_C(0x80000000);
}

static inline bool sn_gt(uint32_t a, uint32_t b)
{
	return sn_lt(b, a);
}

static inline bool sn_le(uint32_t a, uint32_t b)
{
	return a == b || sn_lt(a, b);
}

static inline bool sn_ge(uint32_t a, uint32_t b)
{
	return sn_le(b, a);
}

/* How far a is ahead of b: negative if it is behind. */
static inline int32_t sn_diff(uint32_t a, uint32_t b)
{
	uint32_t d = a - b;

	return d < UINT32_C(0x80000000) ? (int32_t)d : -(int32_t)(UINT32_MAX - d) - 1;
}

static inline uint32_t sn_max(uint32_t a, uint32_t b)
{
	return sn_lt(a, b) ? b : a;
}

#endif
