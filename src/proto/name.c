/* name.c - see name.h. */
#include "proto/name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

/* ---------------------------------------------------------------- characters */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The length of the UTF-8 character at p, and its code point; 0 if it is none (overlong forms,
 * surrogates and code points above 10ffff included). */
static unsigned utf8_get(const unsigned char *p, uint32_t *ret)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t lowest;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };

	for (unsigned n = 0; n < sizeof forms / sizeof *forms; n++) {
		uint32_t code;

		if ((p[0] & forms[n].mask) != forms[n].lead)
			continue;
		code = p[0] & (unsigned char)~forms[n].mask;
		for (unsigned i = 1; i <= n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (p[i] & 0x3f);
		}
		if (code < forms[n].lowest || code > 0x10ffff || (code >> 11) == 0x1b)
			return 0;
		*ret = code;
		return n + 1;
	}
	return 0;
}

/* White space and controls of Unicode outside ASCII. */
static bool is_blank(uint32_t code)
{
	return (code >= 0x80 && code <= 0xa0) || code == 0x1680 ||
	       (code >= 0x2000 && code <= 0x200f) || (code >= 0x2028 && code <= 0x202f) ||
	       code == 0x205f || code == 0x2060 || code == 0x3000 || code == 0xfeff;
}

/* True if every character is good: ASCII as `ascii` says, others if they are UTF-8 and visible. */
static bool all_good(const char *text, bool (*ascii)(char))
{
	while (*text) {
		uint32_t code;
		unsigned n = utf8_get((const unsigned char *)text, &code);

		if (n == 0 || (n == 1 && !ascii(*text)) || (n > 1 && is_blank(code)))
			return false;
		text += n;
	}
	return true;
}

/* What the stringprep profile of RFC 3722 leaves of ASCII, before folding. */
static bool is_name_char(char c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == ':';
}

static bool is_visible(char c)
{
	return c > ' ' && c != 0x7f;
}

static bool length_good(const char *name)
{
	size_t len = strnlen(name, NAME_MAX_LEN + 1);

	return len > 0 && len <= NAME_MAX_LEN;
}

/* ---------------------------------------------------------------- names */

/* yyyy-mm.domain[:anything] */
static bool iqn_good(const char *rest)
{
	int month;
	size_t domain;

	for (int i = 0; i < 8; i++) {
		bool good = i == 4 ? rest[i] == '-' : i == 7 ? rest[i] == '.' : is_digit(rest[i]);

		if (!good)
			return false;
	}
	month = (rest[5] - '0') * 10 + rest[6] - '0';
	rest += 8;
	domain = strcspn(rest, ":");
	return month >= 1 && month <= 12 && domain > 0 && rest[0] != '.' &&
	       rest[domain - 1] != '.';
}

static bool hex_good(const char *rest, size_t len, size_t other_len)
{
	size_t n = strspn(rest, "0123456789abcdefABCDEF");

	return rest[n] == '\0' && (n == len || n == other_len);
}

int name_check(const char *name)
{
	bool good = false;

	if (!length_good(name) || !all_good(name, is_name_char))
		return -EINVAL;
	if (strncasecmp(name, "iqn.", 4) == 0)
		good = iqn_good(name + 4);
	else if (strncasecmp(name, "eui.", 4) == 0)
		good = hex_good(name + 4, 16, 16);
	else if (strncasecmp(name, "naa.", 4) == 0)
		good = hex_good(name + 4, 16, 32);
	return good ? 0 : -EINVAL;
}

/* NAM-3 */
int name_fold(const char *name, char ret[NAME_MAX_LEN + 1])
{
	if (name_check(name) < 0)
		return -EINVAL;
	for (; *name; name++)
		*ret++ = fold(*name);
	*ret = '\0';
	return 0;
}

int name_check_received(const char *name)
{
	return length_good(name) && all_good(name, is_visible) ? 0 : -EINVAL;
}

static bool is_printable(char c)
{
	return c >= ' ' && c != 0x7f;
}

int name_check_alias(const char *text)
{
	return all_good(text, is_printable) ? 0 : -EINVAL;
}

/* ---------------------------------------------------------------- addresses */

static bool is_dns(const char *host)
{
	size_t len = strlen(host);

	if (len == 0 || len > 253)
		return false;
	for (; *host; host++)
		if (!is_letter(*host) && !is_digit(*host) && !strchr("-._", *host))
			return false;
	return true;
}

/* An IPv6 address, with or without a %scope. */
static bool is_ipv6(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(host, "%");
	struct in6_addr ignored;

	if (len >= sizeof address || (host[len] && !is_dns(host + len + 1)))
		return false;
	memcpy(address, host, len);
	address[len] = '\0';
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

static int number_get(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	uint64_t number;

	if (text_number(text, &number) < 0 || number < low || number > high)
		return -EINVAL;
	*ret = number;
	return 0;
}

/* Cuts `text` into host and port. Returns the port's text, NULL if there is none; *ret_host is NULL
 * if this is no address. */
static char *port_split(char *text, char **ret_host)
{
	char *last = strrchr(text, ':'), *end;

	*ret_host = text;
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] != ':' && end[1] != '\0')) {
			*ret_host = NULL;
			return NULL;
		}
		*ret_host = text + 1;
		*end = '\0';
		if (!is_ipv6(*ret_host))
			*ret_host = NULL;
		return end[1] ? end + 2 : NULL;
	}
	/* Without brackets the whole text is an address if it can be one (TOL-12). */
	if (!last || is_ipv6(text))
		return NULL;
	*last = '\0';
	return last + 1;
}

int name_address_get(const char *text, struct name_address *ret)
{
	struct name_address address = { .port = NAME_PORT, .tag = -1 };
	char copy[sizeof address.host + 32], *host, *port, *tag;
	uint64_t number;

	if (strnlen(text, sizeof copy) == sizeof copy)
		return -EINVAL;
	strcpy(copy, text);
	tag = strchr(copy, ',');
	if (tag) {
		*tag++ = '\0';
		if (number_get(tag, 0, UINT16_MAX, &number) < 0)
			return -EINVAL;
		address.tag = (int)number;
	}
	port = port_split(copy, &host);
	if (!host || strlen(host) >= sizeof address.host || (!is_ipv6(host) && !is_dns(host)))
		return -EINVAL;
	if (port) {
		if (number_get(port, 1, UINT16_MAX, &number) < 0)
			return -EINVAL;
		address.port = (uint16_t)number;
	}
	strcpy(address.host, host);
	*ret = address;
	return 0;
}

int name_address_put(char *text, size_t room, const struct name_address *address)
{
	bool ipv6 = strchr(address->host, ':');
	char tag[16] = "";

	if (address->tag >= 0)
		snprintf(tag, sizeof tag, ",%d", address->tag);
	return snprintf(text, room, "%s%s%s:%u%s", ipv6 ? "[" : "", address->host,
			ipv6 ? "]" : "", (unsigned)address->port, tag);
}
