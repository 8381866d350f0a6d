/*
 * isns.c - the list of iSNS servers; see isns.h.
 */
#include "service/isns.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "iscsierr.h"
#include "proto/isns.h"
#include "service/args.h"
#include "service/log.h"

/* An address or name, with a port where it is not the usual one. */
static int address_get(const char *address, char host[OPTIONS_TEXT], uint16_t *ret_port)
{
	struct name_address parts;

	if (args_host(address, host) == 0) {
		*ret_port = ISNS_PORT;
		return 0;
	}
	if (name_address_get(address, &parts) < 0 || parts.tag >= 0 ||
	    args_host(parts.host, host) < 0)
		return -EINVAL;
	*ret_port = parts.port;
	return 0;
}

static struct isns_server *find_at(struct list *list, const char *host, uint16_t port)
{
	list_for_each(it, list) {
		struct isns_server *server = list_entry(it, struct isns_server, link);

		if (server->port == port && strcasecmp(server->host, host) == 0)
			return server;
	}
	return NULL;
}

struct isns_server *isns_find(struct service *service, const char *address)
{
	char host[OPTIONS_TEXT];
	uint16_t port;

	if (address_get(address, host, &port) < 0)
		return NULL;
	return find_at(&service->isns.servers, host, port);
}

static void take_stored(void *ctx, const char *address)
{
	struct service *service = ctx;
	char host[OPTIONS_TEXT];
	uint16_t port;

	if (address_get(address, host, &port) < 0 ||
	    !isns_server_new(service, address, host, port))
		log_warning("stored iSNS server %s is left out: it is no address", address);
}

int isns_init(struct service *service)
{
	return store_list_each(service->store, STORE_ISNS_SERVERS, take_stored, service);
}

static void list_free(struct list *list)
{
	list_for_each(it, list)
		isns_server_free(list_entry(it, struct isns_server, link));
}

void isns_free(struct service *service)
{
	list_free(&service->isns.servers);
	list_free(&service->isns.leaving);
}

int isns_add(struct service *service, const char *address, struct isns_server **ret)
{
	struct isns_server *server, *before;
	char host[OPTIONS_TEXT];
	uint16_t port;
	int r = address_get(address, host, &port);

	if (r < 0)
		return r;
	server = find_at(&service->isns.servers, host, port);
	if (server) {
		*ret = server;
		return 0;
	}
	if (service->isns.count >= SERVICE_ISNS_MAX)
		return -ENOSPC;
	r = store_list_add(service->store, STORE_ISNS_SERVERS, address);
	if (r < 0)
		return r;
	/* Its farewell must not undo the new registration. */
	before = find_at(&service->isns.leaving, host, port);
	if (before)
		isns_server_free(before);
	server = isns_server_new(service, address, host, port);
	if (!server) {
		store_list_remove(service->store, STORE_ISNS_SERVERS, address);
		return -ENOMEM;
	}
	*ret = server;
	return 0;
}

int isns_remove(struct service *service, struct isns_server *server)
{
	int r = store_list_remove(service->store, STORE_ISNS_SERVERS, server->address);

	if (r < 0)
		return r;
	targets_leave(&service->targets, server->tells);
	isns_server_leave(server, ISDSC_ISNS_SERVER_NOT_FOUND);
	return 0;
}

void isns_renamed(struct service *service)
{
	list_for_each(it, &service->isns.servers)
		isns_server_renamed(list_entry(it, struct isns_server, link));
}

void isns_stop(struct service *service)
{
	list_for_each(it, &service->isns.servers)
		isns_server_leave(list_entry(it, struct isns_server, link),
				  ISDSC_SERVICE_NOT_RUNNING);
}
