/*
 * pack.h - lays records and what they point to out in one buffer of the caller's.
 *
 * The same code runs twice: first without a buffer, to learn the size, then with one that is large
 * enough. So nothing of the caller's is written before the whole is known to fit. Copying is by
 * bytes: the caller's buffer need not be aligned.
 */
#ifndef ISCSIDSC_CLIENT_PACK_H
#define ISCSIDSC_CLIENT_PACK_H

#include "client/form.h"

#include <stddef.h>

struct pack {
	char *buffer; /* NULL: only measure */
	size_t used;  /* bytes laid out so far */
};

/* Takes `size` bytes that start at a multiple of `align` from the buffer's start, a power of two.
 * Returns their offset. */
size_t pack_take(struct pack *pack, size_t size, size_t align);

/* Copies to an offset that was taken. Does nothing while measuring. */
void pack_copy(struct pack *pack, size_t offset, const void *from, size_t size);

/* The address of an offset in the buffer, NULL while measuring. */
void *pack_at(const struct pack *pack, size_t offset);

/* Takes room for bytes, without alignment, and copies them. NULL for none. */
PUCHAR pack_bytes(struct pack *pack, const void *bytes, size_t size);

/* Takes room for a UTF-8 text in the form, with its NUL, and writes it. */
PCHAR pack_text_a(struct pack *pack, const char *text);
PWCHAR pack_text_w(struct pack *pack, const char *text);

#endif
