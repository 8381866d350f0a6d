/*
 * ports.c - see ports.h.
 */
#include "service/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/store.h"

static int port_compare(const void *a, const void *b)
{
	const struct port *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Fills all but the number. False: no address that a connection could come from. */
static bool port_get(const struct ifaddrs *ifa, struct port *ret)
{
	socklen_t len;

	if (!ifa->ifa_addr || !(ifa->ifa_flags & IFF_UP))
		return false;
	ret->family = ifa->ifa_addr->sa_family;
	if (ret->family == AF_INET)
		len = sizeof(struct sockaddr_in);
	else if (ret->family == AF_INET6)
		len = sizeof(struct sockaddr_in6);
	else
		return false;
	snprintf(ret->interface, sizeof(ret->interface), "%s", ifa->ifa_name);
	return getnameinfo(ifa->ifa_addr, len, ret->address, sizeof(ret->address), NULL, 0,
			   NI_NUMERICHOST) == 0;
}

int ports_list(struct store *store, struct port **ret)
{
	struct port *ports = calloc(PORTS_MAX, sizeof(*ports));
	struct ifaddrs *all = NULL;
	int n = 0, r = 0;

	if (!ports)
		return -ENOMEM;
	if (getifaddrs(&all) < 0) {
		r = -errno;
		goto fail;
	}
	for (struct ifaddrs *ifa = all; ifa && n < PORTS_MAX; ifa = ifa->ifa_next) {
		if (!port_get(ifa, &ports[n]))
			continue;
		r = store_port_number(store, ports[n].address, &ports[n].number);
		if (r < 0)
			goto fail;
		n++;
	}
	freeifaddrs(all);
	qsort(ports, (size_t)n, sizeof(*ports), port_compare);
	*ret = ports;
	return n;
fail:
	freeifaddrs(all);
	free(ports);
	return r;
}

/* AF_UNSPEC for a name. */
static int host_family(const char *host)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr any;

	if (inet_pton(AF_INET, host, &any) == 1)
		return AF_INET;
	snprintf(address, sizeof(address), "%.*s", (int)strcspn(host, "%"), host);
	return inet_pton(AF_INET6, address, &any) == 1 ? AF_INET6 : AF_UNSPEC;
}

int ports_find(struct store *store, uint32_t number, const char *host, struct port *ret)
{
	int family = host_family(host), r = -ENOENT;
	struct port *ports;
	int n = ports_list(store, &ports);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (ports[i].number != number)
			continue;
		if (family != AF_UNSPEC && family != ports[i].family)
			break;
		*ret = ports[i];
		r = 0;
		break;
	}
	free(ports);
	return r;
}
