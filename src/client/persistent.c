/*
 * persistent.c - logins and devices that last. Compiled for each form.
 */
#include "bus/interface.h"
#include "client/listing.h"
#include "client/mapping.h"
#include "client/options.h"
#include "client/portal.h"

/* ---- logins */

/* The pack takes the mapping before its LUNs are known, so that it stands before them. */
static void mapping_get(struct call *call, struct pack *pack, PERSISTENT_ISCSI_LOGIN_INFO *record)
{
	ISCSI_TARGET_MAPPING mapping = { .LUNCount = 0 };
	size_t used = pack->used, at = pack_take(pack, sizeof(mapping), 8);

	if (!mappings_get(call, pack, &mapping)) {
		pack->used = used;
		return;
	}
	pack_copy(pack, at, &mapping, sizeof(mapping));
	record->Mappings = pack_at(pack, at);
}

static void login_fill(struct call *call, struct pack *pack, void *to)
{
	PERSISTENT_ISCSI_LOGIN_INFO *record = to;
	const char *target, *instance;
	int informational;
	uint64_t flags;

	if (!listing_open(call) ||
	    !call_get(call, "sbsu", &target, &informational, &instance, &record->InitiatorPortNumber))
		return;
	FORM(text_put)(target, record->TargetName, MAX_ISCSI_NAME_LEN + 1);
	FORM(text_put)(instance, record->InitiatorInstance, MAX_ISCSI_HBANAME_LEN);
	record->IsInformationalSession = (BOOLEAN)informational;
	portal_get(call, &record->TargetPortal);
	if (!call_get(call, "t", &flags))
		return;
	record->SecurityFlags = flags;
	mapping_get(call, pack, record);
	options_get(call, pack, &record->LoginOptions);
	listing_close(call);
}

ISDSC_STATUS ISDSC_API ReportIScsiPersistentLogins(PULONG count,
	PPERSISTENT_ISCSI_LOGIN_INFO logins, PULONG size)
{
	static const struct listing listing = {
		.element = BUS_PERSISTENT_LOGIN, .record = sizeof(*logins), .fill = login_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiPersistentLogins");
	listing_bytes(&call, &listing, size, count, logins);
	return call_done(&call);
}

/* What the listing shows for any portal, and callers give back. */
static bool portal_is_any(const ISCSI_TARGET_PORTAL *portal)
{
	return portal && !portal->Address[0] && !portal->Socket;
}

ISDSC_STATUS ISDSC_API RemoveIScsiPersistentTarget(TCHAR *instance, ULONG port, TCHAR *target,
	PISCSI_TARGET_PORTAL portal)
{
	struct call call;

	call_init(&call, "RemoveIScsiPersistentTarget");
	args_instance(&call, instance);
	args_port(&call, port);
	args_node_name(&call, target);
	args_portal(&call, portal_is_any(portal) ? NULL : portal, false);
	call_run(&call);
	return call_done(&call);
}

/* ---- devices */

/* Room for a socket's path with each byte escaped, and for a name with its LUN. */
#define PATH_ROOM 1024

static ISDSC_STATUS path_call(const char *method, TCHAR *path, ISDSC_STATUS too_long)
{
	struct call call;

	call_init(&call, method);
	args_need(&call, path);
	if (path && !*path)
		call_fail(&call, ERROR_INVALID_PARAMETER);
	args_text(&call, path, PATH_ROOM, too_long);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API AddPersistentIScsiDevice(TCHAR *path)
{
	return path_call("AddPersistentIScsiDevice", path, ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT);
}

ISDSC_STATUS ISDSC_API RemovePersistentIScsiDevice(TCHAR *path)
{
	return path_call("RemovePersistentIScsiDevice", path, ISDSC_DEVICE_NOT_FOUND);
}

ISDSC_STATUS ISDSC_API ReportPersistentIScsiDevices(PULONG size, TCHAR *buffer)
{
	struct call call;

	call_init(&call, "ReportPersistentIScsiDevices");
	listing_names(&call, size, buffer);
	return call_done(&call);
}
