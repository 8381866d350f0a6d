/*
 * random.h - repeatable pseudo random numbers (splitmix64). Not for anything secret.
 */
#ifndef ISCSIDSC_TEST_RANDOM_H
#define ISCSIDSC_TEST_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to n - 1; 0 for n = 0. */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
	return n ? (uint32_t)(random_next(r) % n) : 0;
}

/* True in one of n cases. */
static inline bool random_one_in(struct random *r, uint32_t n)
{
	return random_below(r, n) == 0;
}

#endif
