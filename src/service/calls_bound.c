/*
 * calls_bound.c - the methods about persistently bound devices.
 */
#include <errno.h>

#include "iscsierr.h"
#include "service/args.h"
#include "service/bound.h"
#include "service/log.h"

void handle_SetupPersistentIScsiDevices(struct bus_call *call)
{
	bound_setup(call->service, call);
}

/* Runs one that takes a path. */
static void path_call(struct bus_call *call,
		      uint32_t (*act)(struct service *service, const char *path), const char *what)
{
	char path[STORE_TEXT_MAX];
	uint32_t status = ERROR_INVALID_PARAMETER;

	if (args_get_text(call->message, path, sizeof(path)) == 0)
		status = act(call->service, path);
	if (!status)
		log_notice("device %s %s", path, what);
	bus_call_done(call, status);
}

void handle_AddPersistentIScsiDevice(struct bus_call *call)
{
	path_call(call, bound_add, "was bound");
}

void handle_RemovePersistentIScsiDevice(struct bus_call *call)
{
	path_call(call, bound_remove, "is bound no more");
}

void handle_ClearPersistentIScsiDevices(struct bus_call *call)
{
	bus_call_done(call, bound_clear(call->service));
}

void handle_ReportPersistentIScsiDevices(struct bus_call *call)
{
	sd_bus_message *reply = NULL;
	char text[BOUND_TEXT];
	int r = bus_call_begin(call, ERROR_SUCCESS, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	if (r >= 0) {
		list_for_each(it, &call->service->bound.devices) {
			const struct bound *bound = list_entry(it, struct bound, link);

			if (r >= 0)
				r = sd_bus_message_append(reply, "s",
							  bound_path(call->service, bound, text));
		}
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	bus_call_send(call, reply, r);
}
