/*
 * calls_radius.c - the methods about RADIUS servers.
 */
#include <errno.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/log.h"
#include "service/radius.h"
#include "service/status.h"

void handle_AddRadiusServer(struct bus_call *call)
{
	char address[OPTIONS_TEXT];
	int r = args_get_text(call->message, address, sizeof(address));

	if (r == 0)
		r = radius_add(call->service, address);
	if (r == 0)
		log_notice("RADIUS server %s is in the list", address);
	bus_call_done(call, status_of_errno(r));
}

void handle_RemoveRadiusServer(struct bus_call *call)
{
	char address[OPTIONS_TEXT];
	struct radius_server *server = NULL;
	int r = args_get_text(call->message, address, sizeof(address));

	if (r == 0)
		server = radius_find(call->service, address);
	if (!server) {
		bus_call_done(call, r < 0 ? ERROR_INVALID_PARAMETER : ERROR_NOT_FOUND);
		return;
	}
	r = radius_remove(call->service, server);
	if (r == 0)
		log_notice("RADIUS server %s was taken off the list", address);
	bus_call_done(call, status_of_errno(r));
}

void handle_ReportRadiusServerList(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	list_for_each(it, &call->service->radius.servers)
		if (r >= 0)
			r = sd_bus_message_append(
				reply, "s", list_entry(it, struct radius_server, link)->address);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}

void handle_SetIScsiInitiatorRADIUSSharedSecret(struct bus_call *call)
{
	uint8_t secret[RADIUS_SECRET_MOST];
	size_t len;
	int r = args_get_bytes(call->message, secret, sizeof(secret), &len);

	if (r == 0 && len && len < RADIUS_SECRET_LEAST)
		r = -EINVAL;
	if (r == 0)
		r = radius_set_secret(call->service, secret, (unsigned)len);
	secret_wipe(secret, sizeof(secret));
	if (r == 0)
		log_notice("the secret shared with RADIUS servers was %s", len ? "set" : "cleared");
	bus_call_done(call, status_of_errno(r));
}
