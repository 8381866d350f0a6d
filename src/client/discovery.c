/*
 * discovery.c - SendTargets portals and the targets found. Compiled for each form.
 */
#include "client/listing.h"

#include "bus/interface.h"
#include "client/options.h"
#include "client/portal.h"

ISDSC_STATUS ISDSC_API AddIScsiSendTargetPortal(TCHAR *instance, ULONG port,
	PISCSI_LOGIN_OPTIONS options, ISCSI_SECURITY_FLAGS flags, PISCSI_TARGET_PORTAL portal)
{
	struct call call;

	call_init(&call, "AddIScsiSendTargetPortal");
	args_instance(&call, instance);
	args_port(&call, port);
	args_options(&call, options);
	args_security_flags(&call, flags);
	args_portal(&call, portal, true);
	call_run(&call);
	return call_done(&call);
}

/* Removing and refreshing name an entry of the list in the same way. */
static ISDSC_STATUS portal_call(const char *method, TCHAR *instance, ULONG port,
				PISCSI_TARGET_PORTAL portal)
{
	struct call call;

	call_init(&call, method);
	args_instance(&call, instance);
	args_port(&call, port);
	args_portal(&call, portal, true);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API RemoveIScsiSendTargetPortal(TCHAR *instance, ULONG port,
	PISCSI_TARGET_PORTAL portal)
{
	return portal_call("RemoveIScsiSendTargetPortal", instance, port, portal);
}

ISDSC_STATUS ISDSC_API RefreshIScsiSendTargetPortal(TCHAR *instance, ULONG port,
	PISCSI_TARGET_PORTAL portal)
{
	return portal_call("RefreshIScsiSendTargetPortal", instance, port, portal);
}

/* An element of BUS_SENDTARGETS as far as its portal, for both records: Ex has the same names. */
#define SENDTARGETS_GET(call, record) do { \
	const char *instance_, *symbolic_, *address_; \
	uint32_t port_; \
	uint16_t socket_; \
	int present_; \
	if (!call_get((call), "su(bssq)", &instance_, &port_, &present_, &symbolic_, &address_, \
		      &socket_)) \
		return; \
	FORM(text_put)(instance_, (record)->InitiatorName, MAX_ISCSI_HBANAME_LEN); \
	FORM(text_put)(symbolic_, (record)->SymbolicName, MAX_ISCSI_PORTAL_NAME_LEN); \
	FORM(text_put)(address_, (record)->Address, MAX_ISCSI_PORTAL_ADDRESS_LEN); \
	(record)->InitiatorPortNumber = port_; \
	(record)->Socket = socket_; \
} while (0)

static void sendtargets_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_TARGET_PORTAL_INFO *record = to;

	(void)pack;
	if (!listing_open(call))
		return;
	SENDTARGETS_GET(call, record);
	sd_bus_message_skip(call->reply, "t" BUS_OPTIONS);
	listing_close(call);
}

ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortals(PULONG count, PISCSI_TARGET_PORTAL_INFO portals)
{
	static const struct listing listing = {
		.element = BUS_SENDTARGETS, .record = sizeof(*portals), .fill = sendtargets_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiSendTargetPortals");
	listing_counted(&call, &listing, count, portals);
	return call_done(&call);
}

static void sendtargets_ex_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_TARGET_PORTAL_INFO_EX *record = to;
	uint64_t flags;

	if (!listing_open(call))
		return;
	SENDTARGETS_GET(call, record);
	if (!call_get(call, "t", &flags))
		return;
	record->SecurityFlags = flags;
	options_get(call, pack, &record->LoginOptions);
	listing_close(call);
}

ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsEx(PULONG count, PULONG size,
	PISCSI_TARGET_PORTAL_INFO_EX portals)
{
	static const struct listing listing = {
		.element = BUS_SENDTARGETS, .record = sizeof(*portals), .fill = sendtargets_ex_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiSendTargetPortals");
	listing_bytes(&call, &listing, size, count, portals);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API ReportIScsiTargets(BOOLEAN force, PULONG size, TCHAR *buffer)
{
	struct call call;

	call_init(&call, "ReportIScsiTargets");
	call_put(&call, "b", force != 0);
	listing_names(&call, size, buffer);
	return call_done(&call);
}

static void portal_fill(struct call *call, struct pack *pack, void *to)
{
	(void)pack;
	portal_get(call, to);
}

ISDSC_STATUS ISDSC_API ReportIScsiTargetPortals(TCHAR *instance, TCHAR *target, PUSHORT tag,
	PULONG count, PISCSI_TARGET_PORTAL portals)
{
	static const struct listing listing = {
		.element = BUS_PORTAL, .record = sizeof(*portals), .fill = portal_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiTargetPortals");
	args_instance(&call, instance);
	args_node_name(&call, target);
	call_put(&call, "bq", tag != NULL, tag ? *tag : 0);
	listing_counted(&call, &listing, count, portals);
	return call_done(&call);
}
