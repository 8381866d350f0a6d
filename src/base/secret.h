/*
 * secret.h - what is done with passwords and keys: forget them, and compare them without telling
 * by the time taken where they differ (SEC-8, SEC-21).
 */
#ifndef ISCSIDSC_BASE_SECRET_H
#define ISCSIDSC_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Overwrites the bytes in a way that the compiler can't leave out. */
static inline void secret_wipe(void *p, size_t len)
{
	if (p && len)
		explicit_bzero(p, len);
}

/* True if both have the same length and bytes. The time depends on the lengths only. */
static inline bool secret_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

#endif
