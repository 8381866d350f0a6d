/*
 * calls_discovery.c - the methods about SendTargets portals and discovered targets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "proto/name.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/discover.h"
#include "service/isns.h"
#include "service/log.h"
#include "service/status.h"

static void discovered(void *ctx, uint32_t status, const char *why)
{
	if (status)
		bus_call_explain(ctx, "%s", why);
	bus_call_done(ctx, status);
}

/* What names an entry: instance and port number must match it; empty and any are their own. */
static uint32_t key_check(const struct store_portal *key)
{
	if (!service_knows_instance(key->instance))
		return ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
	if (!key->portal.present || key->port_number == 0)
		return ERROR_INVALID_PARAMETER;
	return ERROR_SUCCESS;
}

/* ---- AddIScsiSendTargetPortal */

static int add_decode(sd_bus_message *m, struct store_portal *p)
{
	int r = args_get_text(m, p->instance, sizeof(p->instance));

	if (r == 0)
		r = args_get_u32(m, &p->port_number);
	if (r == 0)
		r = args_get_options(m, &p->options);
	if (r == 0)
		r = args_get_u64(m, &p->security_flags);
	return r == 0 ? args_get_portal(m, &p->portal) : r;
}

void handle_AddIScsiSendTargetPortal(struct bus_call *call)
{
	struct store_portal p = { .port_number = 0 };
	struct source *source;
	uint32_t status = ERROR_INVALID_PARAMETER;

	if (add_decode(call->message, &p) == 0)
		status = key_check(&p);
	if (!status)
		status = effective_check(&p.options, p.security_flags);
	if (!status)
		status = status_of_errno(discover_add(call->service, &p, &source));
	secret_wipe(&p, sizeof(p));
	if (status) {
		bus_call_done(call, status);
		return;
	}
	log_notice("portal %s port %u was added", source->host, source->stored.portal.socket);
	/* The portal stays in the list whatever comes of this. */
	discover_start(call->service, source, discovered, call);
}

/* ---- RemoveIScsiSendTargetPortal, RefreshIScsiSendTargetPortal */

static uint32_t key_argument(struct bus_call *call, struct store_portal *ret)
{
	sd_bus_message *m = call->message;

	if (args_get_text(m, ret->instance, sizeof(ret->instance)) < 0 ||
	    args_get_u32(m, &ret->port_number) < 0 || args_get_portal(m, &ret->portal) < 0)
		return ERROR_INVALID_PARAMETER;
	return key_check(ret);
}

/* To remove, any port number means all of the instance's ports; those of no port in particular go
 * first. */
static struct source *find_to_remove(struct service *service, const struct store_portal *key)
{
	struct source *source = discover_find(service, key->instance, key->port_number, &key->portal);

	return source || key->port_number != PORT_NUMBER_ANY
	       ? source : discover_find_port(service, key->instance, &key->portal);
}

void handle_RemoveIScsiSendTargetPortal(struct bus_call *call)
{
	struct store_portal key = { .port_number = 0 };
	uint32_t status = key_argument(call, &key);
	struct source *source = status ? NULL : find_to_remove(call->service, &key);

	if (!status && !source)
		status = ISDSC_PORTAL_NOT_FOUND;
	while (!status && source) {
		log_notice("portal %s port %u is removed", source->host, source->stored.portal.socket);
		status = status_of_errno(discover_remove(call->service, source));
		source = find_to_remove(call->service, &key);
	}
	bus_call_done(call, status);
}

void handle_RefreshIScsiSendTargetPortal(struct bus_call *call)
{
	struct store_portal key = { .port_number = 0 };
	uint32_t status = key_argument(call, &key);
	struct source *source = NULL;

	if (!status)
		source = discover_find(call->service, key.instance, key.port_number, &key.portal);
	if (source)
		discover_start(call->service, source, discovered, call);
	else
		bus_call_done(call, status ? status : ISDSC_PORTAL_NOT_FOUND);
}

/* ---- ReportIScsiSendTargetPortals */

static int put_source(sd_bus_message *reply, const struct store_portal *p)
{
	int r = sd_bus_message_open_container(reply, 'r', "su" BUS_PORTAL "t" BUS_OPTIONS);

	if (r >= 0)
		r = sd_bus_message_append(reply, "su", p->instance, p->port_number);
	if (r >= 0)
		r = args_put_portal(reply, &p->portal);
	if (r >= 0)
		r = sd_bus_message_append(reply, "t", p->security_flags);
	if (r >= 0)
		r = args_put_options(reply, &p->options);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

void handle_ReportIScsiSendTargetPortals(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_SENDTARGETS);
	if (r >= 0) {
		list_for_each(it, &call->service->portals) {
			if (r >= 0)
				r = put_source(reply, &list_entry(it, struct source, link)->stored);
		}
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}

/* ---- ReportIScsiTargets */

/* A forced report waits for a discovery at each portal and iSNS server. */
struct refresh {
	struct bus_call *call;
	unsigned pending;
	bool failed;
};

static void targets_answer(struct bus_call *call, uint32_t status)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, status, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	if (r >= 0) {
		list_for_each(it, &call->service->targets.list) {
			const struct target *target = list_entry(it, struct target, link);

			if (r >= 0 && target_listed(target))
				r = sd_bus_message_append(reply, "s", target->name);
		}
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}

static void refreshed(void *ctx, uint32_t status, const char *why)
{
	struct refresh *refresh = ctx;

	if (status)
		bus_call_explain(refresh->call, "%s", why);
	refresh->failed |= status != ERROR_SUCCESS;
	if (--refresh->pending)
		return;
	targets_answer(refresh->call, refresh->failed ? ISDSC_OPERATION_NOT_ALL_SUCCESS
						      : ERROR_SUCCESS);
	free(refresh);
}

void handle_ReportIScsiTargets(struct bus_call *call)
{
	struct service *service = call->service;
	struct refresh *refresh;
	bool force;

	if (args_get_bool(call->message, &force) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	if (!force) {
		targets_answer(call, ERROR_SUCCESS);
		return;
	}
	refresh = calloc(1, sizeof(*refresh));
	if (!refresh) {
		bus_call_done(call, ERROR_NOT_ENOUGH_MEMORY);
		return;
	}
	refresh->call = call;
	refresh->pending = 1; /* ours, so that discoveries that fail at once don't end it */
	list_for_each(it, &service->portals) {
		refresh->pending++;
		discover_start(service, list_entry(it, struct source, link), refreshed, refresh);
	}
	list_for_each(it, &service->isns.servers) {
		refresh->pending++;
		isns_refresh(list_entry(it, struct isns_server, link), refreshed, refresh);
	}
	refreshed(refresh, ERROR_SUCCESS, "");
}

/* ---- ReportIScsiTargetPortals */

static int put_addresses(sd_bus_message *reply, const struct target *target, bool any, uint16_t tag)
{
	const struct name_address *address;
	struct portal portal = { .present = true };
	int r = 0;

	for (unsigned at = 0; r >= 0 && (address = target_address(target, &at));) {
		if (!any && address->tag != tag)
			continue;
		strcpy(portal.address, address->host);
		portal.socket = address->port;
		r = args_put_portal(reply, &portal);
	}
	return r;
}

void handle_ReportIScsiTargetPortals(struct bus_call *call)
{
	char instance[OPTIONS_TEXT], name[OPTIONS_TEXT], folded[NAME_MAX_LEN + 1];
	sd_bus_message *reply = NULL, *m = call->message;
	struct target *target;
	uint16_t tag;
	bool tagged;
	int r;

	if (args_get_text(m, instance, sizeof(instance)) < 0 ||
	    args_get_text(m, name, sizeof(name)) < 0 || args_get_bool(m, &tagged) < 0 ||
	    args_get_u16(m, &tag) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	target = targets_find(&call->service->targets, name_fold(name, folded) == 0 ? folded : name);
	if (!service_knows_instance(instance) || !target) {
		bus_call_done(call, target ? ISDSC_INITIATOR_INSTANCE_NOT_FOUND
					   : ISDSC_TARGET_NOT_FOUND);
		return;
	}
	r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_PORTAL);
	if (r >= 0)
		r = put_addresses(reply, target, !tagged, tag);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}
