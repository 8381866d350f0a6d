/*
 * fuzz.h - what the harnesses have in common. Each is one function; libFuzzer calls it, and so does
 * replay.c, which runs the corpus where there is no libFuzzer.
 */
#ifndef ISCSIDSC_FUZZ_H
#define ISCSIDSC_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An oracle: what holds for every input. */
#define fuzz_need(what) ((what) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #what))

_Noreturn static inline void fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

#endif
