/*
 * ports.h - initiator ports: every address of this machine under a number that stays the same for
 * good. Loopback is one of them; link-local addresses carry their scope.
 */
#ifndef ISCSIDSC_SERVICE_PORTS_H
#define ISCSIDSC_SERVICE_PORTS_H

#include <stdint.h>

struct store;

enum { PORTS_MAX = 1024 };

struct port {
	uint32_t number;
	int family;         /* AF_INET or AF_INET6 */
	char address[64];   /* numeric; link-local with %scope */
	char interface[16];
};

/* The ports of now, by number. *ret is the caller's, to be freed. Returns how many, or a negative
 * errno. */
int ports_list(struct store *store, struct port **ret);
/* The port of that number. `host`: the portal to be reached; if it is a numeric address its family
 * must be the port's. Returns 0, -ENOENT for no such port or one of the other family. */
int ports_find(struct store *store, uint32_t number, const char *host, struct port *ret);

#endif
