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
#include "iscsierr.h"

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

/* Folded if it is an iSCSI name, else as it is. */
static void name_take(const char *name, char ret[NAME_MAX_LEN + 1])
{
	if (name_fold(name, ret) < 0)
		strcpy(ret, name);
}

static bool name_fits(const char *name)
{
	for (const char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	return strlen(name) <= NAME_MAX_LEN;
}

/* NAM-4 */
int node_init(struct service *service)
{
	char name[NAME_MAX_LEN + 1];
	int r = store_get(service->store, "node-name", name, NAME_MAX_LEN);

	if (r > 0)
		name[r] = 0;
	if (r > 0)
		name_take(name, service->node_name);
	else
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
	char taken[NAME_MAX_LEN + 1];
	int r;

	if (!*name) {
		r = store_set(service->store, "node-name", NULL, 0);
		if (r == 0)
			default_name(service->node_name);
		return r;
	}
	if (!name_fits(name))
		return -EINVAL;
	name_take(name, taken);
	r = store_set(service->store, "node-name", taken, strlen(taken));
	if (r == 0)
		strcpy(service->node_name, taken);
	return r;
}

/* NAM-1, NAM-2 */
uint32_t node_check(const struct service *service)
{
	char folded[NAME_MAX_LEN + 1];

	return name_fold(service->node_name, folded) < 0 ? ISDSC_INVALID_ISCSI_NAME : ERROR_SUCCESS;
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
