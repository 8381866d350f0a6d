/*
 * node.c - see node.h.
 */
#include "service/node.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

/* The name that Windows would make: the same host keeps its access rights at a target. */
static const char prefix[] = "iqn.1991-05.com.microsoft:";

static void default_name(char ret[NAME_MAX_LEN + 1])
{
	char host[HOST_NAME_MAX + 1] = "";
	size_t at = sizeof(prefix) - 1;

	memcpy(ret, prefix, at);
	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		strcpy(host, "localhost");
	for (const char *c = host; *c && at < NAME_MAX_LEN; c++)
		ret[at++] = isalnum((unsigned char)*c) || *c == '-' || *c == '.'
			  ? (char)tolower((unsigned char)*c) : '-';
	ret[at] = 0;
}

/* NAM-4 */
int node_init(struct service *service)
{
	char name[NAME_MAX_LEN + 1];
	int r = store_get(service->store, "node-name", name, NAME_MAX_LEN);

	if (r > 0)
		name[r] = 0;
	if (r <= 0 || name_fold(name, service->node_name) < 0)
		default_name(service->node_name);
	if (r < 0 && r != -ENOENT && r != -EMSGSIZE)
		return r;
	r = store_get_secret(service->store, "initiator-secret", service->initiator_secret,
			     sizeof(service->initiator_secret));
	if (r < 0 && r != -ENOENT && r != -EMSGSIZE && r != -ENOKEY)
		return r;
	service->initiator_secret_len = r > 0 ? (unsigned)r : 0;
	return isid_init(&service->isid, service->store);
}

/* NAM-4 */
int node_set_name(struct service *service, const char *name)
{
	char folded[NAME_MAX_LEN + 1];
	int r;

	if (!*name) {
		r = store_set(service->store, "node-name", NULL, 0);
		if (r == 0)
			default_name(service->node_name);
		return r;
	}
	if (name_fold(name, folded) < 0)
		return -EINVAL;
	r = store_set(service->store, "node-name", folded, strlen(folded));
	if (r == 0)
		strcpy(service->node_name, folded);
	return r;
}

int node_set_secret(struct service *service, const uint8_t *secret, unsigned len)
{
	int r = store_set_secret(service->store, "initiator-secret", len ? secret : NULL, len);

	if (r < 0)
		return r;
	secret_wipe(service->initiator_secret, sizeof(service->initiator_secret));
	if (len)
		memcpy(service->initiator_secret, secret, len);
	service->initiator_secret_len = len;
	return 0;
}
