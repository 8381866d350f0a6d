/*
 * text.h - key=value text: reading, writing, and its value forms (RFC 7143 section 6.1).
 *
 * It works on whole texts: joining the PDUs of a text (TXT-6) comes before. It knows no key and no
 * negotiation rule. Nothing here allocates.
 */
#ifndef ISCSIDSC_PROTO_TEXT_H
#define ISCSIDSC_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

enum {
	TEXT_KEY_MAX = 63,     /* characters of a key name */
	TEXT_VALUE_MAX = 255,  /* bytes of a simple value */
	TEXT_LONG_MAX = 4096,  /* bytes of the longest value that we take at all (CHAP_C as hex) */
};

/* ---- reading */

struct text_in {
	const char *text;
	size_t len, at;
};

struct text_pair {
	char key[TEXT_KEY_MAX + 1];
	const char *value;     /* into the text, ended by NUL */
	size_t value_len;
};

/* The text stays the caller's and must live as long as the cursor and the pairs. */
void text_init(struct text_in *in, const void *text, size_t len);
/* Returns 1 with the next pair, 0 at the end, -EPROTO with *fault for a text that breaks
 * TXT-1, TXT-2 or our limit on values. Values may be longer than TEXT_VALUE_MAX: the key's reader
 * judges that. Extra NUL bytes between pairs are skipped. */
int text_next(struct text_in *in, struct text_pair *ret, struct fault *fault);

/* A number: decimal without leading zeros, or 0x with hex digits; below 2^64 (TXT-4). Returns 0 or
 * -EINVAL. */
int text_number(const char *value, uint64_t *ret);
/* "Yes" or "No". Returns 0 or -EINVAL. */
int text_bool(const char *value, bool *ret);
/* 0x or 0X hex, 0b or 0B base64. Returns 0, -EINVAL for a bad form, -ENOSPC if it decodes to more
 * than `room` bytes. An odd number of hex digits has its first byte from the first digit alone. */
int text_binary(const char *value, uint8_t *data, size_t room, size_t *ret_len);
/* True if one entry of the comma list equals the item. */
bool text_list_has(const char *list, const char *item);
/* Copies the next entry of a comma list; *list moves behind it and is NULL after the last.
 * Returns false at the end. Entries longer than `room` - 1 come as an empty text. */
bool text_list_next(const char **list, char *entry, size_t room);
/* The first entry of `list` that is in `supported`; copied to ret (room bytes). false if none. */
bool text_list_pick(const char *list, const char *supported, char *ret, size_t room);

/* ---- writing */

struct text_out {
	char *buf;
	size_t len, room;
	bool full; /* a pair did not fit; it and all later ones were left out whole */
};

void text_out_init(struct text_out *out, char *buf, size_t room);
void text_put(struct text_out *out, const char *key, const char *value);
void text_put_bytes(struct text_out *out, const char *key, const void *value, size_t len);
void text_put_number(struct text_out *out, const char *key, uint64_t value);
void text_put_bool(struct text_out *out, const char *key, bool value);
/* As 0x and hex digits. */
void text_put_binary(struct text_out *out, const char *key, const void *data, size_t len);

#endif
