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

ISDSC_STATUS ISDSC_API GetIScsiErrorText(PULONG size, PCHAR buffer)
{
	ULONG room, need = (ULONG)strlen(call_why()) + 1;

	if (!size)
		return ERROR_INVALID_PARAMETER;
	room = buffer ? *size : 0;
	*size = need;
	if (room < need)
		return ERROR_INSUFFICIENT_BUFFER;
	memcpy(buffer, call_why(), need);
	call_why_clear();
	return 0;
}

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

/* Steps into the next session of the reply, up to its connections. False: the reply is bad. */
static bool session_enter(struct call *call, ISCSI_UNIQUE_SESSION_ID *ret_id,
			  ISCSI_SESSION_STATE *ret_state)
{
	uint64_t pause;
	int up;

	if (!listing_open(call) ||
	    !call_get(call, BUS_ID, &ret_id->AdapterUnique, &ret_id->AdapterSpecific) ||
	    sd_bus_message_skip(call->reply, "ssayq") < 0 ||
	    !call_get(call, "y", &ret_state->Type) ||
	    sd_bus_message_skip(call->reply, "bbbbyuuuu") < 0 ||
	    !call_get(call, "bt", &up, &pause))
		return false;
	ret_state->IsUp = (BOOLEAN)up;
	ret_state->LastPause = pause;
	return true;
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
		ISCSI_UNIQUE_SESSION_ID found;

		if (!session_enter(call, &found, state))
			return false;
		if (memcmp(&found, id, sizeof(found)) == 0)
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
	uint64_t rate; /* what the policy tells in other units */
	uint32_t auth;
	int leading;

	if (!call_get(call, BUS_CONNECTION, &record->ConnectionId.AdapterUnique,
		      &record->ConnectionId.AdapterSpecific, &local, &record->InitiatorSocket,
		      &remote, &record->TargetSocket, &record->Cid, &record->State,
		      &record->HeaderDigest, &record->DataDigest,
		      &record->MaxRecvDataSegmentLength, &auth, &leading, &record->Reconnects,
		      &record->BytesIn, &record->BytesOut, &record->DataIn, &record->DataOut,
		      &record->PdusIn, &record->PdusOut, &record->Commands, &record->QueueDepth,
		      &record->RoundTrip, &record->CommandsAnswered, &record->CommandTime, &rate))
		return false;
	record->Size = sizeof(*record);
	record->AuthType = (ISCSI_AUTH_TYPES)auth;
	record->IsLeading = (BOOLEAN)leading;
	record->InitiatorAddress = pack_text_a(pack, local);
	record->TargetAddress = pack_text_a(pack, remote);
	return true;
}

/* What of a reply's counters a walk visits: a session, or NULL for all; `pack` NULL: only count. */
struct counters_walk {
	const ISCSI_UNIQUE_SESSION_ID *id;
	struct pack *pack;
	bool found;
	size_t count;
};

/* The connections of the session on which the call stands. */
static bool counters_visit(struct call *call, struct counters_walk *walk,
			   const ISCSI_UNIQUE_SESSION_ID *session)
{
	size_t count;

	if (!listing_enter(call, BUS_CONNECTION, &count))
		return false;
	for (size_t i = 0; i < count; i++, walk->count++) {
		ISCSI_CONNECTION_COUNTERS record = { .SessionId = *session };

		if (!walk->pack)
			sd_bus_message_skip(call->reply, BUS_CONNECTION);
		else if (counters_get(call, walk->pack, &record))
			pack_copy(walk->pack, walk->count * sizeof(record), &record, sizeof(record));
		else
			return false;
	}
	listing_leave(call);
	walk->found = true;
	return true;
}

static bool counters_walk(struct call *call, struct counters_walk *walk)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_SESSION_STATE state;
	size_t count;

	if (!listing_rewind(call) || !listing_enter(call, BUS_SESSION, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!session_enter(call, &session, &state))
			return false;
		if (walk->id && memcmp(walk->id, &session, sizeof(session)) != 0)
			sd_bus_message_skip(call->reply, "a" BUS_CONNECTION);
		else if (!counters_visit(call, walk, &session))
			return false;
		listing_close(call);
	}
	if (walk->id && !walk->found)
		call_fail(call, ISDSC_INVALID_SESSION_ID);
	return !call->status;
}

/* Lays the counters out; the arrays stand deeper than a listing looks. */
static bool counters_lay(struct call *call, const ISCSI_UNIQUE_SESSION_ID *id, struct pack *pack,
			 size_t *ret_count)
{
	struct counters_walk count = { .id = id }, lay = { .id = id, .pack = pack };

	if (!counters_walk(call, &count))
		return false;
	pack_take(pack, count.count * sizeof(ISCSI_CONNECTION_COUNTERS), 8);
	*ret_count = count.count;
	return counters_walk(call, &lay);
}

ISDSC_STATUS ISDSC_API GetIScsiConnectionCounters(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_CONNECTION_COUNTERS counters)
{
	struct pack measure = { 0 }, pack = { .buffer = (char *)counters };
	struct call call;
	size_t number;

	call_init(&call, session ? "GetIScsiSessionState" : "GetIScsiSessionList");
	if (session)
		args_id(&call, session);
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

	call_init(&call, "GetIScsiSessionState");
	args_id(&call, session);
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

static void protection_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_CONNECTION_PROTECTION *record = to;
	int aggressive, tunnel, pfs, foreign;
	const char *algorithms;
	uint8_t version;

	if (!call_get(call, BUS_PROTECTION, &record->SessionId.AdapterUnique,
		      &record->SessionId.AdapterSpecific, &record->ConnectionId.AdapterUnique,
		      &record->ConnectionId.AdapterSpecific, &version, &aggressive, &tunnel, &pfs,
		      &foreign, &algorithms, &record->BytesIn, &record->BytesOut,
		      &record->SecondsSinceRekey))
		return;
	record->Size = sizeof(*record);
	record->IkeVersion = version;
	record->IsAggressive = (BOOLEAN)aggressive;
	record->IsTunnel = (BOOLEAN)tunnel;
	record->IsPfs = (BOOLEAN)pfs;
	record->IsForeign = (BOOLEAN)foreign;
	record->Algorithms = pack_text_a(pack, algorithms);
}

ISDSC_STATUS ISDSC_API ReportIScsiProtectedConnections(PULONG size, PULONG count,
	PISCSI_CONNECTION_PROTECTION protections)
{
	static const struct listing listing = {
		.element = BUS_PROTECTION, .record = sizeof(*protections), .fill = protection_fill
	};
	struct call call;

	call_init(&call, "ReportIScsiProtectedConnections");
	listing_bytes(&call, &listing, size, count, protections);
	return call_done(&call);
}
