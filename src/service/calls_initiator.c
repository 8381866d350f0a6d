/*
 * calls_initiator.c - the methods about the initiator itself: names, ports, version, secret,
 * settings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/log.h"
#include "service/node.h"
#include "service/ports.h"
#include "service/status.h"

void handle_ReportIScsiInitiatorList(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_append(reply, "as", 1, INITIATOR_INSTANCE);
	bus_call_send(call, reply, r);
}

void handle_ReportIScsiInitiatorPorts(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	struct port *ports = NULL;
	int n = ports_list(call->service->store, &ports), r;

	if (n < 0) {
		bus_call_done(call, status_of_errno(n));
		return;
	}
	r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(uss)");
	for (int i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append(reply, "(uss)", ports[i].number, ports[i].address,
					  ports[i].interface);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	free(ports);
	bus_call_send(call, reply, r);
}

void handle_GetIScsiInitiatorNodeName(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_append(reply, "s", call->service->node_name);
	bus_call_send(call, reply, r);
}

void handle_SetIScsiInitiatorNodeName(struct bus_call *call)
{
	char name[OPTIONS_TEXT];
	int r = args_get_text(call->message, name, sizeof(name));

	if (r == 0)
		r = node_set_name(call->service, name);
	if (r == 0)
		log_notice("the initiator's name is now %s", call->service->node_name);
	bus_call_done(call, r == -EINVAL ? ISDSC_INVALID_ISCSI_NAME : status_of_errno(r));
}

void handle_GetIScsiVersionInformation(struct bus_call *call)
{
	unsigned major = 0, minor = 0, build = 0;
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	sscanf(ISCSIDSC_VERSION_TEXT, "%u.%u.%u", &major, &minor, &build);
	if (r >= 0)
		r = sd_bus_message_append(reply, "uuu", major, minor, build);
	bus_call_send(call, reply, r);
}

void handle_SetIScsiInitiatorCHAPSharedSecret(struct bus_call *call)
{
	uint8_t secret[SECRET_MAX];
	size_t len;
	int r;

	if (args_get_bytes(call->message, secret, sizeof(secret), &len) < 0 ||
	    (len && len < SECRET_MIN)) {
		bus_call_done(call, ISDSC_INVALID_INITIATOR_CHAP_SECRET);
		secret_wipe(secret, sizeof(secret));
		return;
	}
	r = node_set_secret(call->service, secret, (unsigned)len);
	secret_wipe(secret, sizeof(secret));
	if (r == 0)
		log_notice("the initiator's CHAP secret was %s", len ? "set" : "cleared");
	bus_call_done(call, status_of_errno(r));
}

/* ---- settings */

static int put_default(sd_bus_message *reply, const struct defaults *defaults, enum default_id id)
{
	char value[DEFAULT_TEXT_MAX], built_in[DEFAULT_TEXT_MAX];

	defaults_print(id, defaults->value[id], value);
	defaults_print(id, defaults_built_in(id), built_in);
	return sd_bus_message_append(reply, "sss", value, built_in, defaults_help(id));
}

/* Negative: unknown, or no text. */
static int default_argument(struct bus_call *call)
{
	char name[OPTIONS_TEXT];

	if (args_get_text(call->message, name, sizeof(name)) < 0)
		return -EINVAL;
	return defaults_find(name);
}

void handle_GetIScsiDefault(struct bus_call *call)
{
	int id = default_argument(call), r;
	sd_bus_message *reply = NULL;

	if (id < 0) {
		bus_call_done(call, ERROR_NOT_FOUND);
		return;
	}
	r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = put_default(reply, &call->service->defaults, id);
	bus_call_send(call, reply, r);
}

void handle_SetIScsiDefault(struct bus_call *call)
{
	struct service *service = call->service;
	int id = default_argument(call), r;
	char text[OPTIONS_TEXT];

	if (id < 0) {
		bus_call_done(call, ERROR_NOT_FOUND);
		return;
	}
	r = args_get_text(call->message, text, sizeof(text));
	if (r == 0)
		r = defaults_set(&service->defaults, service->store, id, text);
	if (r == 0)
		log_notice("setting %s is now %s", defaults_name(id), *text ? text : "the built-in one");
	bus_call_done(call, status_of_errno(r));
}

void handle_ReportIScsiDefaults(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssss)");
	for (int id = 0; r >= 0 && id < DEFAULT_COUNT; id++) {
		r = sd_bus_message_open_container(reply, 'r', "ssss");
		if (r >= 0)
			r = sd_bus_message_append(reply, "s", defaults_name(id));
		if (r >= 0)
			r = put_default(reply, &call->service->defaults, id);
		if (r >= 0)
			r = sd_bus_message_close_container(reply);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}
