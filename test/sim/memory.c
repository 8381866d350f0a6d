/* memory.c - see memory.h. */
#include "memory.h"

#include <stddef.h>

struct memory memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails(void)
{
	if (!memory.armed || !memory.one_in || !memory.left ||
	    !random_one_in(&memory.random, memory.one_in))
		return false;
	memory.left--;
	memory.failed++;
	memory.failed_at[memory.place]++;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}
