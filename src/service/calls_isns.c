/*
 * calls_isns.c - the methods about iSNS servers.
 */
#include <stdlib.h>

#include "iscsierr.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/isns.h"
#include "service/log.h"
#include "service/status.h"

static void asked(void *ctx, uint32_t status, const char *why)
{
	if (status)
		bus_call_explain(ctx, "%s", why);
	bus_call_done(ctx, status);
}

void handle_AddISNSServer(struct bus_call *call)
{
	struct isns_server *server;
	char address[OPTIONS_TEXT];
	int r = args_get_text(call->message, address, sizeof(address));

	if (r == 0)
		r = isns_add(call->service, address, &server);
	if (r < 0) {
		bus_call_done(call, status_of_errno(r));
		return;
	}
	log_notice("iSNS server %s is on the list", server->address);
	/* It stays there whatever comes of this. */
	isns_refresh(server, asked, call);
}

/* NULL: the call was ended. */
static struct isns_server *server_named(struct bus_call *call, const char *address)
{
	struct isns_server *server = isns_find(call->service, address);

	if (!server)
		bus_call_done(call, ISDSC_ISNS_SERVER_NOT_FOUND);
	return server;
}

void handle_RemoveISNSServer(struct bus_call *call)
{
	struct isns_server *server;
	char address[OPTIONS_TEXT];
	int r;

	if (args_get_text(call->message, address, sizeof(address)) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	server = server_named(call, address);
	if (!server)
		return;
	r = isns_remove(call->service, server);
	if (r == 0)
		log_notice("iSNS server %s is removed", address);
	bus_call_done(call, status_of_errno(r));
}

/* ---- RefreshISNSServer */

struct refresh_all {
	struct bus_call *call;
	unsigned pending;
	bool failed;
};

static void all_asked(void *ctx, uint32_t status, const char *why)
{
	struct refresh_all *all = ctx;

	if (status)
		bus_call_explain(all->call, "%s", why);
	all->failed |= status != ERROR_SUCCESS;
	if (--all->pending)
		return;
	bus_call_done(all->call, all->failed ? ISDSC_OPERATION_NOT_ALL_SUCCESS : ERROR_SUCCESS);
	free(all);
}

static void refresh_all(struct bus_call *call)
{
	struct refresh_all *all = calloc(1, sizeof(*all));

	if (!all) {
		bus_call_done(call, ERROR_NOT_ENOUGH_MEMORY);
		return;
	}
	all->call = call;
	all->pending = 1; /* ours, so that servers that fail at once don't end it */
	list_for_each(it, &call->service->isns.servers) {
		all->pending++;
		isns_refresh(list_entry(it, struct isns_server, link), all_asked, all);
	}
	all_asked(all, ERROR_SUCCESS, "");
}

void handle_RefreshISNSServer(struct bus_call *call)
{
	struct isns_server *server;
	char address[OPTIONS_TEXT];

	if (args_get_text(call->message, address, sizeof(address)) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
	} else if (!*address) {
		refresh_all(call);
	} else {
		server = server_named(call, address);
		if (server)
			isns_refresh(server, asked, call);
	}
}

/* ---- ReportISNSServerList */

void handle_ReportISNSServerList(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	list_for_each(it, &call->service->isns.servers) {
		if (r >= 0)
			r = sd_bus_message_append(reply, "s",
						  list_entry(it, struct isns_server, link)->address);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}
