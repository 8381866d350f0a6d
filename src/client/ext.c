/*
 * ext.c - the functions of iscsidsc_ext.h. All text is UTF-8.
 */
#include "client/listing.h"

#include <iscsidsc_ext.h>

#include "bus/interface.h"
#include "client/device.h"

#include <errno.h>
#include <string.h>

/* The service bounds names and values; this bounds what a call sends. */
#define SETTING_MAX 1024

static void setting_put(struct call *call, const char *text)
{
	char copy[SETTING_MAX];

	switch (text_get_a(text ? text : "", sizeof(copy), copy, sizeof(copy))) {
	case -EILSEQ:
		call_fail(call, ERROR_NO_UNICODE_TRANSLATION);
		break;
	case -EINVAL:
		call_fail(call, ERROR_INVALID_PARAMETER);
		break;
	default:
		call_put(call, "s", copy);
	}
}

ISDSC_STATUS ISDSC_API SetIScsiDefault(PSTR name, PSTR value)
{
	struct call call;

	call_init(&call, "SetIScsiDefault");
	args_need(&call, name);
	setting_put(&call, name);
	setting_put(&call, value);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API GetIScsiDefault(PSTR name, PULONG size, PCHAR buffer)
{
	const char *value, *built_in, *help;
	struct call call;
	size_t need;

	call_init(&call, "GetIScsiDefault");
	args_need(&call, name);
	args_need(&call, size);
	setting_put(&call, name);
	if (!call_run(&call) || !call_get(&call, "sss", &value, &built_in, &help))
		return call_done(&call);
	need = strlen(value) + 1;
	if (!buffer || *size < need)
		call.status = ERROR_INSUFFICIENT_BUFFER;
	else
		memcpy(buffer, value, need);
	*size = (ULONG)need;
	return call_done(&call);
}

static void default_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_DEFAULT_INFO *record = to;
	const char *name, *value, *built_in, *help;

	if (!call_get(call, "(ssss)", &name, &value, &built_in, &help))
		return;
	record->Size = sizeof(*record);
	record->Name = pack_text_a(pack, name);
	record->Value = pack_text_a(pack, value);
	record->BuiltIn = pack_text_a(pack, built_in);
	record->Help = pack_text_a(pack, help);
}

ISDSC_STATUS ISDSC_API ReportIScsiDefaults(PULONG size, PULONG count, PISCSI_DEFAULT_INFO defaults)
{
	static const struct listing listing = {
		.element = "(ssss)", .record = sizeof(*defaults), .fill = default_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiDefaults");
	listing_bytes(&call, &listing, size, count, defaults);
	return call_done(&call);
}

static void port_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_INITIATOR_PORT_INFO *record = to;
	const char *address, *interface;
	uint32_t number;

	if (!call_get(call, "(uss)", &number, &address, &interface))
		return;
	record->Size = sizeof(*record);
	record->PortNumber = number;
	record->Address = pack_text_a(pack, address);
	record->InterfaceName = pack_text_a(pack, interface);
}

ISDSC_STATUS ISDSC_API ReportIScsiInitiatorPorts(PULONG size, PULONG count,
	PISCSI_INITIATOR_PORT_INFO ports)
{
	static const struct listing listing = {
		.element = "(uss)", .record = sizeof(*ports), .fill = port_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiInitiatorPorts");
	listing_bytes(&call, &listing, size, count, ports);
	return call_done(&call);
}

/*
 * Goes through the reply's sessions to the wanted one and stands on its connections. False, with
 * the status set, where there is none.
 */
static bool session_find(struct call *call, const ISCSI_UNIQUE_SESSION_ID *id,
			 ISCSI_SESSION_STATE *state)
{
	size_t count;

	if (!listing_rewind(call) || !listing_enter(call, BUS_SESSION, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t unique, specific, pause;
		int up;

		if (!listing_open(call) || !call_get(call, BUS_ID, &unique, &specific) ||
		    sd_bus_message_skip(call->reply, "ssayq") < 0 ||
		    !call_get(call, "y", &state->Type) ||
		    sd_bus_message_skip(call->reply, "bbbbyuuuu") < 0 ||
		    !call_get(call, "bt", &up, &pause))
			return false;
		state->IsUp = (BOOLEAN)up;
		state->LastPause = pause;
		if (unique == id->AdapterUnique && specific == id->AdapterSpecific)
			return true;
		sd_bus_message_skip(call->reply, "a" BUS_CONNECTION);
		listing_close(call);
	}
	call_fail(call, ISDSC_INVALID_SESSION_ID);
	return false;
}

static bool counters_get(struct call *call, struct pack *pack, ISCSI_CONNECTION_COUNTERS *record)
{
	const char *local, *remote;
	uint32_t auth;
	int leading;

	if (!call_get(call, BUS_CONNECTION, &record->ConnectionId.AdapterUnique,
		      &record->ConnectionId.AdapterSpecific, &local, &record->InitiatorSocket,
		      &remote, &record->TargetSocket, &record->Cid, &record->State,
		      &record->HeaderDigest, &record->DataDigest,
		      &record->MaxRecvDataSegmentLength, &auth, &leading, &record->Reconnects,
		      &record->BytesIn, &record->BytesOut, &record->DataIn, &record->DataOut,
		      &record->PdusIn, &record->PdusOut, &record->Commands))
		return false;
	record->Size = sizeof(*record);
	record->AuthType = (ISCSI_AUTH_TYPES)auth;
	record->IsLeading = (BOOLEAN)leading;
	record->InitiatorAddress = pack_text_a(pack, local);
	record->TargetAddress = pack_text_a(pack, remote);
	return true;
}

/* Lays the counters of one session out; the array stands deeper than a listing looks. */
static bool counters_lay(struct call *call, const ISCSI_UNIQUE_SESSION_ID *id, struct pack *pack,
			 size_t *ret_count)
{
	ISCSI_SESSION_STATE state;

	if (!session_find(call, id, &state) || !listing_enter(call, BUS_CONNECTION, ret_count))
		return false;
	pack_take(pack, *ret_count * sizeof(ISCSI_CONNECTION_COUNTERS), 8);
	for (size_t i = 0; i < *ret_count; i++) {
		ISCSI_CONNECTION_COUNTERS record = { 0 };

		if (!counters_get(call, pack, &record))
			return false;
		pack_copy(pack, i * sizeof(record), &record, sizeof(record));
	}
	return true;
}

ISDSC_STATUS ISDSC_API GetIScsiConnectionCounters(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_CONNECTION_COUNTERS counters)
{
	struct pack measure = { 0 }, pack = { .buffer = (char *)counters };
	struct call call;
	size_t number;

	call_init(&call, "GetIScsiSessionList");
	args_need(&call, session);
	args_need(&call, size);
	args_need(&call, count);
	if (!call_run(&call) || !counters_lay(&call, session, &measure, &number))
		return call_done(&call);
	if (measure.used > (counters ? *size : 0))
		call.status = ERROR_INSUFFICIENT_BUFFER;
	else if (counters)
		counters_lay(&call, session, &pack, &number);
	*size = (ULONG)measure.used;
	*count = (ULONG)number;
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API GetIScsiSessionState(PISCSI_UNIQUE_SESSION_ID session,
	PISCSI_SESSION_STATE state)
{
	ISCSI_SESSION_STATE found = { 0 };
	struct call call;
	size_t count, size;

	call_init(&call, "GetIScsiSessionList");
	args_need(&call, session);
	args_need(&call, state);
	if (state && state->Size < sizeof(state->Size))
		call_fail(&call, ERROR_INVALID_PARAMETER);
	if (!call_run(&call) || !session_find(&call, session, &found) ||
	    !listing_enter(&call, BUS_CONNECTION, &count))
		return call_done(&call);
	size = state->Size < sizeof(found) ? state->Size : sizeof(found);
	found.Size = (ULONG)size;
	found.ConnectionCount = (USHORT)count;
	memcpy(state, &found, size);
	return call_done(&call);
}

static void disk_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_DISK_INFO *record = to;
	char uri[DEVICE_URI_ROOM];
	struct device device;

	if (!device_get(call, &device))
		return;
	device_uri(device.path, uri, sizeof(uri));
	record->Size = sizeof(*record);
	record->DeviceNumber = (ULONG)device.number;
	record->TargetLun = device.lun;
	record->Bus = device.bus_number;
	record->Target = device.target_number;
	record->OsLun = device.os_lun;
	record->DeviceType = device.type;
	record->IsReadOnly = (BOOLEAN)device.read_only;
	record->BlockSize = device.block_size;
	record->Blocks = device.blocks;
	record->Vendor = pack_text_a(pack, device.vendor);
	record->Product = pack_text_a(pack, device.product);
	record->Revision = pack_text_a(pack, device.revision);
	record->Serial = pack_text_a(pack, device.serial);
	record->DeviceId = pack_text_a(pack, device.id);
	record->NbdPath = pack_text_a(pack, device.path);
	record->NbdUri = pack_text_a(pack, uri);
}

ISDSC_STATUS ISDSC_API GetIScsiDiskInformation(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_DISK_INFO disks)
{
	static const struct listing listing = {
		.element = BUS_DEVICE, .record = sizeof(*disks), .fill = disk_fill
	};
	struct call call;

	call_init(&call, "GetDevicesForIScsiSession");
	args_id(&call, session);
	listing_bytes(&call, &listing, size, count, disks);
	return call_done(&call);
}

static void tunnel_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_TUNNEL_ADDRESS_INFO *record = to;
	const char *instance, *destination, *outer;
	uint32_t port;
	int persistent;

	if (!call_get(call, BUS_TUNNEL, &instance, &port, &destination, &outer, &persistent))
		return;
	record->Size = sizeof(*record);
	record->InitiatorPortNumber = port;
	record->IsPersistent = (BOOLEAN)persistent;
	record->InitiatorName = pack_text_a(pack, instance);
	record->DestinationAddress = pack_text_a(pack, destination);
	record->OuterModeAddress = pack_text_a(pack, outer);
}

ISDSC_STATUS ISDSC_API ReportIScsiTunnelAddresses(PULONG size, PULONG count,
	PISCSI_TUNNEL_ADDRESS_INFO tunnels)
{
	static const struct listing listing = {
		.element = BUS_TUNNEL, .record = sizeof(*tunnels), .fill = tunnel_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiTunnelAddresses");
	listing_bytes(&call, &listing, size, count, tunnels);
	return call_done(&call);
}
