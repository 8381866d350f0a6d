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
#include "service/isns.h"
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
	if (r == 0) {
		log_notice("the initiator's name is now %s", call->service->node_name);
		if (node_check(call->service))
			log_warning("%s is no iSCSI name: no target is logged in to or asked until there is "
				    "another", call->service->node_name);
		isns_renamed(call->service);
	}
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

	if (args_get_bytes(call->message, secret, sizeof(secret), &len) < 0) {
		bus_call_done(call, ISDSC_INVALID_INITIATOR_CHAP_SECRET);
		secret_wipe(secret, sizeof(secret));
		return;
	}
	r = node_set_secret(call->service, secret, (unsigned)len);
	secret_wipe(secret, sizeof(secret));
	if (r == 0)
		log_notice("the initiator's CHAP secret was %s", len ? "set" : "cleared");
	/* Kept, as on Windows; logins without IPsec refuse it (SEC-13). */
	if (r == 0 && len && len < SECRET_MIN)
		bus_call_done(call, ISDSC_SHORT_CHAP_SECRET);
	else
		bus_call_done(call, status_of_errno(r));
}

/* ---- settings */

static int put_default(sd_bus_message *reply, enum default_id id, uint32_t value)
{
	char text[DEFAULT_TEXT_MAX], built_in[DEFAULT_TEXT_MAX];

	defaults_print(id, value, text);
	defaults_print(id, defaults_built_in(id), built_in);
	return sd_bus_message_append(reply, "sss", text, built_in, defaults_help(id));
}

/* Returns an ISDSC status. */
static uint32_t default_argument(struct bus_call *call, enum default_id *ret_id,
				 char ret_target[NAME_MAX_LEN + 1])
{
	char name[OVERRIDE_NAME_MAX];

	if (args_get_text(call->message, name, sizeof(name)) < 0)
		return ERROR_NOT_FOUND;
	switch (override_name(name, ret_id, ret_target)) {
	case 0:
		return ERROR_SUCCESS;
	case -EINVAL:
		return ERROR_INVALID_PARAMETER;
	default:
		return ERROR_NOT_FOUND;
	}
}

void handle_GetIScsiDefault(struct bus_call *call)
{
	const struct service *service = call->service;
	char target[NAME_MAX_LEN + 1];
	sd_bus_message *reply = NULL;
	struct defaults defaults;
	enum default_id id;
	uint32_t status = default_argument(call, &id, target);
	int r;

	if (status) {
		bus_call_done(call, status);
		return;
	}
	overrides_apply(&service->overrides, target, &service->defaults, &defaults);
	r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = put_default(reply, id, defaults.value[id]);
	bus_call_send(call, reply, r);
}

void handle_SetIScsiDefault(struct bus_call *call)
{
	struct service *service = call->service;
	char target[NAME_MAX_LEN + 1], name[OVERRIDE_NAME_MAX], text[OPTIONS_TEXT];
	enum default_id id;
	uint32_t status = default_argument(call, &id, target);
	int r;

	if (status) {
		bus_call_done(call, status);
		return;
	}
	r = args_get_text(call->message, text, sizeof(text));
	if (r == 0)
		r = *target ? overrides_set(&service->overrides, service->store, &service->defaults,
					    target, id, text)
			    : defaults_set(&service->defaults, service->store, id, text);
	override_print(id, target, name);
	if (r == 0)
		log_notice("setting %s is now %s", name,
			   *text ? text : *target ? "that of all targets" : "the built-in one");
	bus_call_done(call, status_of_errno(r));
}

static int put_setting(sd_bus_message *reply, enum default_id id, const char *target,
		       uint32_t value)
{
	char name[OVERRIDE_NAME_MAX];
	int r = sd_bus_message_open_container(reply, 'r', "ssss");

	override_print(id, target, name);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", name);
	if (r >= 0)
		r = put_default(reply, id, value);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Those of all targets first. */
void handle_ReportIScsiDefaults(struct bus_call *call)
{
	const struct service *service = call->service;
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ssss)");
	for (int id = 0; r >= 0 && id < DEFAULT_COUNT; id++)
		r = put_setting(reply, id, "", service->defaults.value[id]);
	list_for_each(it, &service->overrides.list) {
		const struct override *override = list_entry(it, struct override, link);

		if (r >= 0)
			r = put_setting(reply, override->id, override->target, override->value);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}
