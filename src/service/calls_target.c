/*
 * calls_target.c - the methods that tell what is known of a target: by each way of discovery, and
 * the numbers that its units have here.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "iscsierr.h"
#include "proto/name.h"
#include "scsi/lun.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/discover.h"
#include "service/static.h"
#include "service/svc_session.h"

/* ---- GetIScsiTargetInformation */

enum { PROTOCOL_TCP = 0 };

static int put_mechanisms(sd_bus_message *reply, const struct target *target)
{
	int r = sd_bus_message_open_container(reply, 'a', "s");

	list_for_each(it, &target->ways)
		if (r >= 0)
			r = sd_bus_message_append(reply, "s",
				list_entry(it, struct target_way, link)->source->mechanism);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int put_address(sd_bus_message *reply, const struct name_address *address)
{
	struct portal portal = { .present = true, .socket = address->port };

	strcpy(portal.address, address->host);
	return args_put_portal(reply, &portal);
}

/* The addresses of one group, from its first on. */
static int put_group(sd_bus_message *reply, const struct target_way *way, unsigned first)
{
	int r = sd_bus_message_open_container(reply, 'a', BUS_PORTAL);

	for (unsigned i = first; r >= 0 && i < way->count; i++)
		if (way->addresses[i].tag == way->addresses[first].tag)
			r = put_address(reply, &way->addresses[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static bool is_first_of_group(const struct target_way *way, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (way->addresses[i].tag == way->addresses[at].tag)
			return false;
	return true;
}

/* As it was given, symbolic names included. */
static int put_static_group(sd_bus_message *reply, const struct store_target *fixed)
{
	int r = sd_bus_message_open_container(reply, 'a', BUS_PORTAL);

	for (uint32_t i = 0; r >= 0 && i < fixed->portal_count; i++)
		r = args_put_portal(reply, &fixed->portals[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int put_groups(sd_bus_message *reply, const struct target_way *way,
		      const struct store_target *fixed)
{
	int r = sd_bus_message_open_container(reply, 'a', "a" BUS_PORTAL);

	if (r >= 0 && fixed && fixed->portal_count)
		r = put_static_group(reply, fixed);
	for (unsigned i = 0; !fixed && way && r >= 0 && i < way->count; i++)
		if (is_first_of_group(way, i))
			r = put_group(reply, way, i);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The initiator instance that asks that source; "" any. */
static const char *way_instance(const struct service *service, const struct target_way *way)
{
	list_for_each(it, &service->portals) {
		const struct source *source = list_entry(it, struct source, link);

		if (way && source->tells == way->source)
			return source->stored.instance;
	}
	return "";
}

/* Only targets added by hand have flags, mappings and options of their own. */
static int put_information(sd_bus_message *reply, const struct service *service,
			   const struct target *target, const struct target_way *way)
{
	static const struct store_target none;
	const struct store_target *fixed = way && way->source == service->static_source
					   ? static_find(service, target->name) : NULL;
	const struct store_target *own = fixed ? fixed : &none;
	int r = sd_bus_message_append(reply, "us", PROTOCOL_TCP, way && way->alias ? way->alias : "");

	if (r >= 0)
		r = put_mechanisms(reply, target);
	if (r >= 0)
		r = put_groups(reply, way, fixed);
	if (r >= 0)
		r = args_put_mappings(reply, &own->mappings);
	if (r >= 0)
		r = sd_bus_message_append(reply, "su", way_instance(service, way), own->flags);
	return r < 0 ? r : args_put_options(reply, &own->options);
}

void handle_GetIScsiTargetInformation(struct bus_call *call)
{
	char name[OPTIONS_TEXT], mechanism[TARGETS_MECHANISM_MAX], folded[NAME_MAX_LEN + 1];
	const struct target_way *way = NULL;
	sd_bus_message *reply = NULL;
	struct target *target;
	int r;

	if (args_get_text(call->message, name, sizeof(name)) < 0) {
		bus_call_done(call, ERROR_INVALID_PARAMETER);
		return;
	}
	target = targets_find_any(&call->service->targets,
				  name_fold(name, folded) == 0 ? folded : name);
	if (!target) {
		bus_call_done(call, ISDSC_TARGET_NOT_FOUND);
		return;
	}
	r = args_get_text(call->message, mechanism, sizeof(mechanism));
	if (r == 0 && *mechanism)
		way = target_find_way(target, mechanism);
	if (r < 0 || (*mechanism && !way)) {
		bus_call_done(call, ISDSC_DISCOVERY_MECHANISM_NOT_FOUND);
		return;
	}
	r = bus_call_begin(call, ERROR_SUCCESS, &reply);
	if (r >= 0)
		r = put_information(reply, call->service, target, way);
	bus_call_send(call, reply, r);
}

/* ---- ReportActiveIScsiTargetMappings */

static int put_mapping(sd_bus_message *reply, const struct svc_session *session)
{
	char folder[4096];
	int r = sd_bus_message_open_container(reply, 'r', "sss" BUS_ID "uua(tu)");

	/* Where the devices of this initiator are. */
	snprintf(folder, sizeof(folder), "%s/disks", session->service->runtime_dir);
	if (r >= 0)
		r = sd_bus_message_append(reply, "sss" BUS_ID "uu", INITIATOR_INSTANCE,
			session->target_name, folder, session->service->adapter_unique,
			session->specific, session->bus_number, session->target_number);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(tu)");
	list_for_each(it, &session->units) {
		const struct svc_unit *unit = list_entry(it, struct svc_unit, link);

		if (r >= 0 && unit->ready && !unit->closed)
			r = sd_bus_message_append(reply, "(tu)", lun_number(unit->lun),
						  unit->os_lun);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

void handle_ReportActiveIScsiTargetMappings(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_ACTIVE_MAPPING);
	list_for_each(it, &call->service->sessions) {
		const struct svc_session *session = list_entry(it, struct svc_session, link);

		/* What shows no unit to the system has no mapping. */
		if (r >= 0 && session->state == SVC_UP && !session->informational)
			r = put_mapping(reply, session);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}
