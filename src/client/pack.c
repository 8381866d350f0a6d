/*
 * pack.c - see pack.h.
 */
#include "client/pack.h"

#include <string.h>

size_t pack_take(struct pack *pack, size_t size, size_t align)
{
	size_t offset = (pack->used + align - 1) & ~(align - 1);

	pack->used = offset + size;
	return offset;
}

void *pack_at(const struct pack *pack, size_t offset)
{
	return pack->buffer ? pack->buffer + offset : NULL;
}

void pack_copy(struct pack *pack, size_t offset, const void *from, size_t size)
{
	if (pack->buffer && size)
		memcpy(pack->buffer + offset, from, size);
}

PUCHAR pack_bytes(struct pack *pack, const void *bytes, size_t size)
{
	size_t offset;

	if (!size)
		return NULL;
	offset = pack_take(pack, size, 1);
	pack_copy(pack, offset, bytes, size);
	return pack_at(pack, offset);
}

PCHAR pack_text_a(struct pack *pack, const char *text)
{
	size_t units = text_units_a(text) + 1, offset = pack_take(pack, units, 1);

	if (pack->buffer)
		text_put_a(text, pack->buffer + offset, units);
	return pack_at(pack, offset);
}

PWCHAR pack_text_w(struct pack *pack, const char *text)
{
	size_t units = text_units_w(text) + 1;
	size_t offset = pack_take(pack, units * sizeof(WCHAR), sizeof(WCHAR));

	if (pack->buffer)
		text_put_w(text, pack->buffer + offset, units);
	return pack_at(pack, offset);
}
