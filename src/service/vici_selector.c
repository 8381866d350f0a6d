/* vici_selector.c - see vici_selector.h. */
#include "service/vici_selector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BYTES_MAX = 16 };

/* An address as bytes; 0 if it is none of the family. */
static unsigned address_get(int family, const char *text, uint8_t ret[BYTES_MAX])
{
	return inet_pton(family, text, ret) == 1 ? (family == AF_INET ? 4 : 16) : 0;
}

static const void *address_of(const struct sockaddr *addr)
{
	return addr->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)addr)->sin_addr
					  : &((const struct sockaddr_in6 *)addr)->sin6_addr;
}

/* A number up to `max`; -1 if it is none. */
static long number_get(const char *text, long max)
{
	char *end;
	long value;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return *end || errno || value > max ? -1 : value;
}

static bool covers_subnet(const char *net, const char *bits_text, const struct sockaddr *addr)
{
	const uint8_t *address = address_of(addr);
	uint8_t bytes[BYTES_MAX];
	unsigned len = address_get(addr->sa_family, net, bytes);
	long bits = number_get(bits_text, 8 * (long)len);
	uint8_t mask;

	if (len == 0 || bits < 0)
		return false;
	mask = (uint8_t)(0xff00 >> bits % 8);
	return memcmp(bytes, address, (size_t)bits / 8) == 0 &&
	       (bits % 8 == 0 || ((bytes[bits / 8] ^ address[bits / 8]) & mask) == 0);
}

static bool covers_range(const char *first, const char *last, const struct sockaddr *addr)
{
	const uint8_t *address = address_of(addr);
	uint8_t from[BYTES_MAX], to[BYTES_MAX];
	unsigned len = address_get(addr->sa_family, first, from);

	return len && address_get(addr->sa_family, last, to) && memcmp(from, address, len) <= 0 &&
	       memcmp(address, to, len) <= 0;
}

static bool covers_address(char *text, const struct sockaddr *addr, bool dynamic)
{
	char *slash = strchr(text, '/'), *dots = strstr(text, "..");

	if (strcmp(text, "dynamic") == 0)
		return dynamic;
	if (dots) {
		*dots = 0;
		return covers_range(text, dots + 2, addr);
	}
	if (!slash)
		return covers_range(text, text, addr);
	*slash = 0;
	return covers_subnet(text, slash + 1, addr);
}

/* The name of a service or a number; -1 if it is neither. */
static long port_get(const char *text)
{
	long port = number_get(text, UINT16_MAX);
	const struct servent *service = port < 0 ? getservbyname(text, "tcp") : NULL;

	return service ? ntohs((uint16_t)service->s_port) : port;
}

/* `text` is what stands behind the protocol: one port, or two numbers. */
static bool covers_port(char *text, uint16_t port)
{
	long first = port_get(text), last = first;
	char *dash = strchr(text, '-');

	if (first < 0 && dash) {
		*dash = 0;
		first = number_get(text, UINT16_MAX);
		last = number_get(dash + 1, UINT16_MAX);
	}
	if (first < 0 || last < 0)
		return false;
	return port ? first <= port && port <= last : first <= 1 && last == UINT16_MAX;
}

/* What stands in brackets. */
static bool covers_protocol(char *text, uint16_t port)
{
	char *slash = strchr(text, '/');

	if (slash)
		*slash = 0;
	/* 0: any protocol, of that port */
	if (strcasecmp(text, "tcp") != 0 && strcmp(text, "6") != 0 && strcmp(text, "0") != 0)
		return false;
	return !slash || covers_port(slash + 1, port);
}

bool vici_selector_covers(const char *selector, const struct sockaddr *addr, uint16_t port,
			  bool dynamic)
{
	char text[VICI_SELECTOR_ROOM], *bracket;
	size_t len = strlen(selector);

	if (len >= sizeof(text) || (addr->sa_family != AF_INET && addr->sa_family != AF_INET6))
		return false;
	memcpy(text, selector, len + 1);
	bracket = strchr(text, '[');
	if (bracket) {
		if (text[len - 1] != ']')
			return false;
		text[len - 1] = 0;
		*bracket = 0;
		if (!covers_protocol(bracket + 1, port))
			return false;
	}
	return covers_address(text, addr, dynamic);
}

bool vici_selectors_cover(const struct vici_selectors *selectors, const struct sockaddr *addr,
			  uint16_t port, bool dynamic)
{
	for (unsigned i = 0; i < selectors->count && i < VICI_SELECTORS_MAX; i++)
		if (vici_selector_covers(selectors->text[i], addr, port, dynamic))
			return true;
	return false;
}
