/*
 * bytes.h - big-endian numbers in byte arrays, and a bounded reader and writer over them.
 *
 * The plain get and put functions trust the caller about the room. The reader and the writer do
 * not: past the end they deliver zeros or drop bytes, remember it in `bad`, and never touch memory
 * outside. Check `bad` once at the end. Neither owns memory.
 */
#ifndef ISCSIDSC_BASE_BYTES_H
#define ISCSIDSC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t bytes_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | bytes_get24(p + 1);
}

static inline uint64_t bytes_get64(const uint8_t *p)
{
	return (uint64_t)bytes_get32(p) << 32 | bytes_get32(p + 4);
}

static inline void bytes_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void bytes_put24(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 16);
	bytes_put16(p + 1, (uint16_t)value);
}

static inline void bytes_put32(uint8_t *p, uint32_t value)
{
	bytes_put16(p, (uint16_t)(value >> 16));
	bytes_put16(p + 2, (uint16_t)value);
}

static inline void bytes_put64(uint8_t *p, uint64_t value)
{
	bytes_put32(p, (uint32_t)(value >> 32));
	bytes_put32(p + 4, (uint32_t)value);
}

struct bytes_reader {
	const uint8_t *data;
	size_t len, at;
	bool bad; /* something was read past the end */
};

static inline void bytes_reader_init(struct bytes_reader *r, const void *data, size_t len)
{
	*r = (struct bytes_reader){ .data = data, .len = len };
}

static inline size_t bytes_left(const struct bytes_reader *r)
{
	return r->len - r->at;
}

/* The next n bytes, or NULL if there are fewer left (then nothing more can be read). */
static inline const uint8_t *bytes_take(struct bytes_reader *r, size_t n)
{
	const uint8_t *p;

	if (r->bad || n > r->len - r->at) {
		r->bad = true;
		return NULL;
	}
	p = r->data + r->at;
	r->at += n;
	return p;
}

static inline uint8_t bytes_take8(struct bytes_reader *r)
{
	const uint8_t *p = bytes_take(r, 1);

	return p ? *p : 0;
}

static inline uint16_t bytes_take16(struct bytes_reader *r)
{
	const uint8_t *p = bytes_take(r, 2);

	return p ? bytes_get16(p) : 0;
}

static inline uint32_t bytes_take32(struct bytes_reader *r)
{
	const uint8_t *p = bytes_take(r, 4);

	return p ? bytes_get32(p) : 0;
}

static inline uint64_t bytes_take64(struct bytes_reader *r)
{
	const uint8_t *p = bytes_take(r, 8);

	return p ? bytes_get64(p) : 0;
}

struct bytes_writer {
	uint8_t *data;
	size_t room, len;
	bool bad; /* something did not fit; nothing of it, nor of what followed, was written */
};

static inline void bytes_writer_init(struct bytes_writer *w, void *data, size_t room)
{
	*w = (struct bytes_writer){ .data = data, .room = room };
}

/* Room for the next n bytes, or NULL if there is less. */
static inline uint8_t *bytes_reserve(struct bytes_writer *w, size_t n)
{
	uint8_t *p;

	if (w->bad || n > w->room - w->len) {
		w->bad = true;
		return NULL;
	}
	p = w->data + w->len;
	w->len += n;
	return p;
}

static inline void bytes_append(struct bytes_writer *w, const void *src, size_t n)
{
	uint8_t *p = bytes_reserve(w, n);

	if (p && n)
		memcpy(p, src, n);
}

static inline void bytes_append8(struct bytes_writer *w, uint8_t value)
{
	bytes_append(w, &value, 1);
}

static inline void bytes_append16(struct bytes_writer *w, uint16_t value)
{
	uint8_t *p = bytes_reserve(w, 2);

	if (p)
		bytes_put16(p, value);
}

static inline void bytes_append32(struct bytes_writer *w, uint32_t value)
{
	uint8_t *p = bytes_reserve(w, 4);

	if (p)
		bytes_put32(p, value);
}

static inline void bytes_append64(struct bytes_writer *w, uint64_t value)
{
	uint8_t *p = bytes_reserve(w, 8);

	if (p)
		bytes_put64(p, value);
}

#endif
