/*
 * text.c - UTF-8 and UTF-16, checked. What it is not: case folding, which is the service's.
 */
#include "client/text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/*
 * Reads one character of at most `size` bytes. Returns its length in bytes, 0 where the text is not
 * UTF-8: cut short, longer than need be, a surrogate, or beyond U+10FFFF.
 */
static size_t utf8_get(const char *text, size_t size, uint32_t *ret)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t point = byte[0] & mask[length];

	if (length > size || (byte[0] & 0xc0) == 0x80 || byte[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (byte[i] & 0x3f);
	}
	if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*ret = point;
	return length;
}

static size_t utf8_put(uint32_t point, char *to)
{
	if (point < 0x80) {
		to[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		to[0] = (char)(0xc0 | point >> 6);
		to[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		to[0] = (char)(0xe0 | point >> 12);
		to[1] = (char)(0x80 | (point >> 6 & 0x3f));
		to[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | point >> 18);
	to[1] = (char)(0x80 | (point >> 12 & 0x3f));
	to[2] = (char)(0x80 | (point >> 6 & 0x3f));
	to[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

ssize_t text_get_a(const CHAR *text, size_t limit, char *to, size_t room)
{
	size_t length = strnlen(text, limit);
	uint32_t point;

	if (length == limit)
		return -EINVAL;
	for (size_t at = 0, step; at < length; at += step) {
		step = utf8_get(text + at, length - at, &point);
		if (!step)
			return -EILSEQ;
	}
	if (length >= room)
		return -ENAMETOOLONG;
	memcpy(to, text, length + 1);
	return (ssize_t)length;
}

/* The character at `at`; a surrogate pair takes two units, a lone one gives 0 units. */
static size_t utf16_get(const WCHAR *text, size_t at, size_t limit, uint32_t *ret)
{
	uint32_t high = text[at], low;

	if (high < 0xd800 || high >= 0xe000) {
		*ret = high;
		return 1;
	}
	if (high >= 0xdc00 || at + 1 >= limit)
		return 0;
	low = text[at + 1];
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 2;
}

ssize_t text_get_w(const WCHAR *text, size_t limit, char *to, size_t room)
{
	size_t length = 0, out = 0, step;
	char bytes[4];
	uint32_t point;

	while (length < limit && text[length])
		length++;
	if (length == limit)
		return -EINVAL;
	/* Two runs, so that nothing is written when the text turns out to be bad. */
	for (size_t at = 0; at < length; at += step) {
		step = utf16_get(text, at, length, &point);
		if (!step)
			return -EILSEQ;
		out += utf8_put(point, bytes);
	}
	if (out >= room)
		return -ENAMETOOLONG;
	for (size_t at = 0; at < length; at += step) {
		step = utf16_get(text, at, length, &point);
		to += utf8_put(point, to);
	}
	*to = '\0';
	return (ssize_t)out;
}

size_t text_units_a(const char *text)
{
	size_t length = strlen(text);
	uint32_t point;

	for (size_t at = 0, step; at < length; at += step) {
		step = utf8_get(text + at, length - at, &point);
		if (!step)
			return 0;
	}
	return length;
}

size_t text_units_w(const char *text)
{
	size_t length = strlen(text), units = 0;
	uint32_t point;

	for (size_t at = 0, step; at < length; at += step) {
		step = utf8_get(text + at, length - at, &point);
		if (!step)
			return 0;
		units += point < 0x10000 ? 1 : 2;
	}
	return units;
}

void text_put_a(const char *text, void *to, size_t room)
{
	size_t length = text_units_a(text), out = 0;
	uint32_t point;

	while (out < length) {
		size_t step = utf8_get(text + out, length - out, &point);

		if (out + step >= room)
			break;
		out += step;
	}
	memcpy(to, text, out);
	memset((char *)to + out, 0, room - out);
}

void text_put_w(const char *text, void *to, size_t room)
{
	size_t length = text_units_w(text) ? strlen(text) : 0, out = 0, units;
	uint32_t point = 0;

	for (size_t at = 0; at < length; out += units) {
		WCHAR unit[2];

		at += utf8_get(text + at, length - at, &point);
		units = point < 0x10000 ? 1 : 2;
		if (out + units >= room)
			break;
		unit[0] = (WCHAR)(units == 1 ? point : 0xd800 + ((point - 0x10000) >> 10));
		unit[1] = (WCHAR)(0xdc00 + (point & 0x3ff));
		memcpy((char *)to + out * sizeof(WCHAR), unit, units * sizeof(WCHAR));
	}
	memset((char *)to + out * sizeof(WCHAR), 0, (room - out) * sizeof(WCHAR));
}
