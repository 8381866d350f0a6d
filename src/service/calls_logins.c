/*
 * calls_logins.c - the methods about persistent logins. LoginIScsiTarget, which stores them, is in
 * calls_session.c.
 */
#include <errno.h>

#include "iscsierr.h"
#include "proto/name.h"
#include "service/args.h"
#include "service/bus_call.h"
#include "service/log.h"
#include "service/logins.h"

static int put_login(sd_bus_message *reply, const struct store_login *stored)
{
	int r = sd_bus_message_open_container(reply, 'r', "sbsu" BUS_PORTAL "t" BUS_MAPPINGS BUS_OPTIONS);

	if (r >= 0)
		r = sd_bus_message_append(reply, "sbsu", stored->name, stored->informational,
					  stored->instance, stored->port_number);
	if (r >= 0)
		r = args_put_portal(reply, &stored->portal);
	if (r >= 0)
		r = sd_bus_message_append(reply, "t", stored->security_flags);
	if (r >= 0)
		r = args_put_mappings(reply, &stored->mappings);
	if (r >= 0)
		r = args_put_options(reply, &stored->options);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

void handle_ReportIScsiPersistentLogins(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', BUS_PERSISTENT_LOGIN);
	if (r >= 0) {
		list_for_each(it, &call->service->logins) {
			if (r >= 0)
				r = put_login(reply, &list_entry(it, struct login, link)->stored);
		}
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}

void handle_RemoveIScsiPersistentTarget(struct bus_call *call)
{
	char instance[OPTIONS_TEXT], name[OPTIONS_TEXT], folded[NAME_MAX_LEN + 1];
	uint32_t port_number, status = ERROR_INVALID_PARAMETER;
	sd_bus_message *m = call->message;
	struct portal portal;

	if (args_get_text(m, instance, sizeof(instance)) == 0 &&
	    args_get_u32(m, &port_number) == 0 && args_get_text(m, name, sizeof(name)) == 0 &&
	    args_get_portal(m, &portal) == 0 && port_number != 0)
		status = service_knows_instance(instance) ? ERROR_SUCCESS
							  : ISDSC_INITIATOR_INSTANCE_NOT_FOUND;
	if (!status)
		status = name_fold(name, folded) < 0 ? ISDSC_TARGET_NOT_FOUND
						     : logins_remove(call->service, instance, port_number,
								     folded, &portal);
	if (!status)
		log_notice("%s: its persistent login was removed", folded);
	bus_call_done(call, status);
}
