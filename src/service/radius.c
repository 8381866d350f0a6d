/*
 * radius.c - see radius.h: the list of servers, and the secret that is shared with them.
 */
#include "service/radius.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "service/args.h"
#include "service/inside.h"
#include "service/log.h"

static const char secret_name[] = "radius-secret";

void radius_init(struct radius *radius)
{
	list_init(&radius->servers);
	list_init(&radius->asks);
}

/* From the store or a call. */
static int server_new(struct radius *radius, const char *address)
{
	char host[OPTIONS_TEXT];
	struct radius_server *server;

	if (strlen(address) > RADIUS_ADDRESS_MAX || args_host(address, host) < 0)
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	strcpy(server->address, address);
	strcpy(server->host, host);
	list_append(&radius->servers, &server->link);
	radius->server_count++;
	return 0;
}

static void server_free(struct radius *radius, struct radius_server *server)
{
	list_remove(&server->link);
	radius->server_count--;
	free(server);
}

static void take_stored(void *ctx, const char *address)
{
	struct service *service = ctx;

	if (server_new(&service->radius, address) < 0)
		log_warning("stored RADIUS server %s is left out: it is no address", address);
}

int radius_load(struct service *service)
{
	struct radius_secret *secret = &service->radius.secret;
	int r = store_list_each(service->store, STORE_RADIUS_SERVERS, take_stored, service);

	if (r < 0)
		return r;
	r = store_get_secret(service->store, secret_name, secret->bytes, sizeof(secret->bytes));
	if (r < 0 && r != -ENOENT && r != -EMSGSIZE && r != -ENOKEY)
		return r;
	secret->len = r > 0 ? (unsigned)r : 0;
	return 0;
}

void radius_done(struct service *service)
{
	struct radius *radius = &service->radius;

	radius_stop(service);
	list_for_each(it, &radius->servers)
		server_free(radius, list_entry(it, struct radius_server, link));
	secret_wipe(&radius->secret, sizeof(radius->secret));
}

struct radius_server *radius_find(struct service *service, const char *address)
{
	char host[OPTIONS_TEXT];

	if (args_host(address, host) < 0)
		return NULL;
	list_for_each(it, &service->radius.servers) {
		struct radius_server *server = list_entry(it, struct radius_server, link);

		if (strcasecmp(server->host, host) == 0)
			return server;
	}
	return NULL;
}

int radius_add(struct service *service, const char *address)
{
	struct radius *radius = &service->radius;
	int r;

	if (radius_find(service, address))
		return 0;
	if (radius->server_count >= RADIUS_SERVERS_MAX)
		return -ENOSPC;
	r = server_new(radius, address);
	if (r < 0)
		return r;
	r = store_list_add(service->store, STORE_RADIUS_SERVERS, address);
	if (r < 0)
		server_free(radius, list_entry(radius->servers.prev, struct radius_server, link));
	return r;
}

int radius_remove(struct service *service, struct radius_server *server)
{
	int r = store_list_remove(service->store, STORE_RADIUS_SERVERS, server->address);

	if (r == 0)
		server_free(&service->radius, server);
	return r;
}

int radius_set_secret(struct service *service, const uint8_t *bytes, unsigned len)
{
	struct radius_secret *secret = &service->radius.secret;
	int r = store_set_secret(service->store, secret_name, len ? bytes : NULL, len);

	if (r < 0)
		return r;
	secret_wipe(secret, sizeof(*secret));
	if (len)
		memcpy(secret->bytes, bytes, len);
	secret->len = len;
	return 0;
}

bool radius_is_ready(const struct service *service)
{
	return service->radius.server_count && service->radius.secret.len;
}
