/*
 * calls_static.c - the methods about targets that are added by hand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iscsierr.h"
#include "proto/name.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/log.h"
#include "service/mappings.h"
#include "service/static.h"

static int portals_decode(sd_bus_message *m, struct store_target *target)
{
	int r = 0;

	if (sd_bus_message_enter_container(m, 'a', BUS_PORTAL) <= 0)
		return -EINVAL;
	target->portals = calloc(STATIC_PORTALS_MAX, sizeof(*target->portals));
	if (!target->portals)
		return -ENOMEM;
	while (r == 0 && sd_bus_message_at_end(m, 0) == 0) {
		if (target->portal_count == STATIC_PORTALS_MAX)
			return -EINVAL;
		r = args_get_portal(m, &target->portals[target->portal_count]);
		if (r == 0 && !target->portals[target->portal_count++].present)
			r = -EINVAL;
	}
	return r < 0 || sd_bus_message_exit_container(m) < 0 ? -EINVAL : 0;
}

static int add_decode(sd_bus_message *m, char *name, struct store_target *target)
{
	int r = args_get_text(m, name, OPTIONS_TEXT);

	if (r == 0)
		r = args_get_text(m, target->alias, sizeof(target->alias));
	if (r == 0)
		r = args_get_u32(m, &target->flags);
	if (r == 0)
		r = args_get_bool(m, &target->persist);
	if (r == 0)
		r = args_get_mappings(m, &target->mappings);
	if (r == 0)
		r = args_get_options(m, &target->options);
	return r == 0 ? portals_decode(m, target) : r;
}

static uint32_t add_check(const char *name, struct store_target *target)
{
	if (target->flags & ~(uint32_t)TARGET_FLAGS_ALL)
		return ERROR_INVALID_PARAMETER;
	if (name_fold(name, target->name) < 0)
		return ISDSC_INVALID_ISCSI_NAME;
	return mappings_check(&target->mappings);
}

void handle_AddIScsiStaticTarget(struct bus_call *call)
{
	struct store_target target = { .flags = 0 };
	char name[OPTIONS_TEXT];
	int r = add_decode(call->message, name, &target);
	uint32_t status = r == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER;

	if (r == 0)
		status = add_check(name, &target);
	if (!status)
		status = effective_check(&target.options, 0);
	if (!status)
		status = static_add(call->service, &target);
	if (!status)
		log_notice("target %s was added by hand", target.name);
	store_target_done(&target);
	bus_call_done(call, status);
}

void handle_RemoveIScsiStaticTarget(struct bus_call *call)
{
	char name[OPTIONS_TEXT], folded[NAME_MAX_LEN + 1];
	uint32_t status = ERROR_INVALID_PARAMETER;

	if (args_get_text(call->message, name, sizeof(name)) == 0)
		status = name_fold(name, folded) < 0 ? ISDSC_TARGET_NOT_FOUND
						     : static_remove(call->service, folded);
	if (!status)
		log_notice("target %s, added by hand, is removed", folded);
	bus_call_done(call, status);
}
