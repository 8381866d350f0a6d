/*
 * ipsec_flags.c - which security flags count for a connection, and the memory of those that were asked
 * for at a portal before.
 */
#include "service/ipsec.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "service/inside.h"

struct remembered {
	struct list link;    /* owned by ipsec->remembered; the latest first */
	char host[OPTIONS_TEXT];
	uint16_t port;
	uint64_t flags;
};

uint64_t ipsec_flags(uint64_t call, const uint64_t *portal, uint64_t default_flags, bool required)
{
	uint64_t flags = default_flags; /* whoever sets a default means it */

	if (call & SECURITY_VALID)
		flags = call;
	else if (portal && (*portal & SECURITY_VALID))
		flags = *portal;
	return required ? flags | SECURITY_VALID | SECURITY_IPSEC : flags;
}

uint64_t ipsec_flags_there(const struct service *service, const struct passage *passage, uint64_t call,
			   uint64_t flags)
{
	const struct sockaddr_storage *to = &passage_info(passage)->to;
	const uint64_t *set;
	char text[64];

	if ((call & SECURITY_VALID) || ipsec_asked(flags))
		return flags;
	set = inet_ntop(to->ss_family, to->ss_family == AF_INET
			? (const void *)&((const struct sockaddr_in *)to)->sin_addr
			: &((const struct sockaddr_in6 *)to)->sin6_addr, text, sizeof(text))
	      ? ike_flags(&service->ike, text) : NULL;
	return set ? *set : flags;
}

static struct remembered *remembered_find(const struct service *service, const char *host,
					  uint16_t port)
{
	list_for_each(it, &service->ipsec.remembered) {
		struct remembered *remembered = list_entry(it, struct remembered, link);

		if (remembered->port == port && strcasecmp(remembered->host, host) == 0)
			return remembered;
	}
	return NULL;
}

const uint64_t *ipsec_remembered(const struct service *service, const char *host, uint16_t port)
{
	const struct remembered *remembered = remembered_find(service, host, port);

	return remembered ? &remembered->flags : NULL;
}

static struct remembered *remembered_new(struct ipsec *ipsec)
{
	struct remembered *fresh;

	if (ipsec->remembered_count >= IPSEC_PEERS_MAX) {
		fresh = list_entry(ipsec->remembered.prev, struct remembered, link);
		list_remove(&fresh->link);
		ipsec->remembered_count--;
		return fresh;
	}
	return calloc(1, sizeof(*fresh));
}

void ipsec_remember(struct service *service, const char *host, uint16_t port, uint64_t flags)
{
	struct ipsec *ipsec = &service->ipsec;
	struct remembered *remembered = remembered_find(service, host, port);

	if (!(flags & SECURITY_VALID) || strlen(host) >= sizeof(remembered->host))
		return;
	if (remembered) {
		list_remove(&remembered->link);
	} else {
		remembered = remembered_new(ipsec);
		if (!remembered)
			return;
		strcpy(remembered->host, host);
		remembered->port = port;
		ipsec->remembered_count++;
	}
	remembered->flags = flags;
	list_prepend(&ipsec->remembered, &remembered->link);
}

void ipsec_forget_all(struct ipsec *ipsec)
{
	list_for_each(it, &ipsec->remembered)
		free(list_entry(it, struct remembered, link));
	list_init(&ipsec->remembered);
	ipsec->remembered_count = 0;
}
