/* text.c - see text.h. */
#include "proto/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- reading */

void text_init(struct text_in *in, const void *text, size_t len)
{
	*in = (struct text_in){ .text = text, .len = len };
}

static int text_bad(struct fault *fault, const char *why)
{
	fault_set(fault, FAULT_PROTOCOL, 0, "bad text from the target: %s", why);
	return -EPROTO;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* '#' belongs to the obsolete X# names alone, and those must be readable (KEY-1). */
static bool is_key_char(char c)
{
	return is_letter(c) || is_digit(c) || (c && strchr(".-+@_#", c));
}

/* TXT-2, but a small letter may come first, too: the RFC's own iSCSIProtocolLevel has one. */
static const char *key_fault(const char *key, size_t len)
{
	if (len == 0)
		return "a pair without a key";
	if (len > TEXT_KEY_MAX)
		return "a key of more than 63 characters";
	if (!is_letter(key[0]))
		return "a key that does not begin with a letter";
	for (size_t i = 0; i < len; i++)
		if (!is_key_char(key[i]))
			return "a key with a character that is not allowed";
	return NULL;
}

int text_next(struct text_in *in, struct text_pair *ret, struct fault *fault)
{
	const char *start, *end, *equals, *why;
	size_t key_len, value_len;

	while (in->at < in->len && in->text[in->at] == '\0')
		in->at++;
	if (in->at == in->len)
		return 0;
	start = in->text + in->at;
	end = memchr(start, '\0', in->len - in->at);
	if (!end)
		return text_bad(fault, "the last pair is not ended by NUL");
	equals = memchr(start, '=', (size_t)(end - start));
	if (!equals)
		return text_bad(fault, "a pair without '='");
	key_len = (size_t)(equals - start);
	value_len = (size_t)(end - equals - 1);
	why = key_fault(start, key_len);
	if (why)
		return text_bad(fault, why);
	if (value_len > TEXT_LONG_MAX)
		return text_bad(fault, "a value that is too long");

	memcpy(ret->key, start, key_len);
	ret->key[key_len] = '\0';
	ret->value = equals + 1;
	ret->value_len = value_len;
	in->at += (size_t)(end - start) + 1;
	return 1;
}

static bool has_prefix(const char *value, char letter)
{
	return value[0] == '0' && (value[1] | 0x20) == letter;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_number(const char *value, uint64_t *ret)
{
	bool hex = has_prefix(value, 'x');
	unsigned base = hex ? 16 : 10;
	const char *p = hex ? value + 2 : value;
	uint64_t number = 0;

	if (*p == '\0' || (!hex && p[0] == '0' && p[1] != '\0'))
		return -EINVAL;
	for (; *p; p++) {
		int digit = hex ? hex_digit(*p) : is_digit(*p) ? *p - '0' : -1;

		if (digit < 0 || number > (UINT64_MAX - (unsigned)digit) / base)
			return -EINVAL;
		number = number * base + (unsigned)digit;
	}
	*ret = number;
	return 0;
}

int text_bool(const char *value, bool *ret)
{
	if (strcmp(value, "Yes") != 0 && strcmp(value, "No") != 0)
		return -EINVAL;
	*ret = value[0] == 'Y';
	return 0;
}

static int hex_get(const char *digits, uint8_t *data, size_t room, size_t *ret_len)
{
	size_t n = strlen(digits), len = (n + 1) / 2, at = 0;

	if (n == 0 || strspn(digits, "0123456789abcdefABCDEF") != n)
		return -EINVAL;
	if (len > room)
		return -ENOSPC;
	if (n % 2)
		data[at++] = (uint8_t)hex_digit(*digits++);
	for (; *digits; digits += 2)
		data[at++] = (uint8_t)(hex_digit(digits[0]) << 4 | hex_digit(digits[1]));
	*ret_len = len;
	return 0;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

static int base64_get(const char *digits, uint8_t *data, size_t room, size_t *ret_len)
{
	size_t n = strlen(digits), pad = 0, len, at = 0;

	if (n == 0 || n % 4)
		return -EINVAL;
	while (pad < 2 && digits[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < n - pad; i++)
		if (base64_digit(digits[i]) < 0)
			return -EINVAL;
	len = n / 4 * 3 - pad;
	if (len > room)
		return -ENOSPC;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t bits = 0;

		for (size_t j = i; j < i + 4; j++)
			bits = bits << 6 | (j < n - pad ? (uint32_t)base64_digit(digits[j]) : 0);
		for (int shift = 16; shift >= 0 && at < len; shift -= 8)
			data[at++] = (uint8_t)(bits >> shift);
	}
	*ret_len = len;
	return 0;
}

/* TXT-4, SEC-6 */
int text_binary(const char *value, uint8_t *data, size_t room, size_t *ret_len)
{
	if (has_prefix(value, 'x'))
		return hex_get(value + 2, data, room, ret_len);
	if (has_prefix(value, 'b'))
		return base64_get(value + 2, data, room, ret_len);
	return -EINVAL;
}

/* ---------------------------------------------------------------- lists */

/* The next entry in place. */
static const char *list_step(const char **list, size_t *ret_len)
{
	const char *entry = *list;

	if (!entry)
		return NULL;
	*ret_len = strcspn(entry, ",");
	*list = entry[*ret_len] ? entry + *ret_len + 1 : NULL;
	return entry;
}

static bool list_has(const char *list, const char *item, size_t item_len)
{
	const char *entry;
	size_t len;

	while ((entry = list_step(&list, &len)))
		if (len == item_len && memcmp(entry, item, len) == 0)
			return true;
	return false;
}

static void entry_copy(char *ret, size_t room, const char *entry, size_t len)
{
	if (len >= room)
		len = 0;
	memcpy(ret, entry, len);
	ret[len] = '\0';
}

bool text_list_has(const char *list, const char *item)
{
	return list_has(list, item, strlen(item));
}

bool text_list_next(const char **list, char *entry, size_t room)
{
	size_t len;
	const char *p = list_step(list, &len);

	if (!p)
		return false;
	entry_copy(entry, room, p, len);
	return true;
}

/* TXT-15 */
bool text_list_pick(const char *list, const char *supported, char *ret, size_t room)
{
	const char *entry;
	size_t len;

	while ((entry = list_step(&list, &len))) {
		if (len > 0 && len < room && list_has(supported, entry, len)) {
			entry_copy(ret, room, entry, len);
			return true;
		}
	}
	return false;
}

/* ---------------------------------------------------------------- writing */

void text_out_init(struct text_out *out, char *buf, size_t room)
{
	*out = (struct text_out){ .buf = buf, .room = room };
}

/* Writes "key=" and returns where value_len bytes and a NUL (already there) go, or NULL. */
static char *pair_start(struct text_out *out, const char *key, size_t value_len)
{
	size_t key_len = strlen(key), left = out->room - out->len;
	char *p = out->buf + out->len;

	if (out->full || left < key_len + 2 || value_len > left - key_len - 2) {
		out->full = true;
		return NULL;
	}
	memcpy(p, key, key_len);
	p[key_len] = '=';
	p[key_len + 1 + value_len] = '\0';
	out->len += key_len + value_len + 2;
	return p + key_len + 1;
}

void text_put_bytes(struct text_out *out, const char *key, const void *value, size_t len)
{
	char *p = pair_start(out, key, len);

	if (p && len)
		memcpy(p, value, len);
}

void text_put(struct text_out *out, const char *key, const char *value)
{
	text_put_bytes(out, key, value, strlen(value));
}

void text_put_number(struct text_out *out, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	text_put(out, key, digits);
}

void text_put_bool(struct text_out *out, const char *key, bool value)
{
	text_put(out, key, value ? "Yes" : "No");
}

void text_put_binary(struct text_out *out, const char *key, const void *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	char *p = pair_start(out, key, 2 + 2 * len);

	if (!p)
		return;
	*p++ = '0';
	*p++ = 'x';
	for (size_t i = 0; i < len; i++) {
		*p++ = hex[bytes[i] >> 4];
		*p++ = hex[bytes[i] & 15];
	}
}
