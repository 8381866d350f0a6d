/*
 * session.c - sessions, connections and devices, as far as they carry text. Compiled for each form.
 */
#include "client/listing.h"

#include "bus/interface.h"
#include "client/device.h"
#include "client/mapping.h"

/* Room for the key of IPsec: the service gives it on as it is. */
static void key_put(struct call *call, const CHAR *key, ULONG size)
{
	args_secret(call, key, size, ERROR_INVALID_PARAMETER);
}

ISDSC_STATUS ISDSC_API LoginIScsiTarget(TCHAR *target, BOOLEAN informational, TCHAR *instance,
	ULONG port, PISCSI_TARGET_PORTAL portal, ISCSI_SECURITY_FLAGS flags,
	PISCSI_TARGET_MAPPING mappings, PISCSI_LOGIN_OPTIONS options, ULONG key_size, PCHAR key,
	BOOLEAN persistent, PISCSI_UNIQUE_SESSION_ID session,
	PISCSI_UNIQUE_CONNECTION_ID connection)
{
	uint64_t id[4];
	struct call call;

	call_init(&call, "LoginIScsiTarget");
	args_need(&call, session);
	args_need(&call, connection);
	/* A port belongs to an instance: none without the other. */
	if ((!instance || !*instance) && port != ISCSI_ANY_INITIATOR_PORT)
		call_fail(&call, ERROR_INVALID_PARAMETER);
	args_node_name(&call, target);
	call_put(&call, "b", informational != 0);
	args_instance(&call, instance);
	args_port(&call, port);
	args_portal(&call, portal, false);
	args_security_flags(&call, flags);
	args_mappings(&call, mappings);
	args_options(&call, options);
	key_put(&call, key, key_size);
	call_put(&call, "b", persistent != 0);
	if (call_run(&call) && call_get(&call, BUS_ID BUS_ID, &id[0], &id[1], &id[2], &id[3])) {
		*session = (ISCSI_UNIQUE_SESSION_ID){ id[0], id[1] };
		*connection = (ISCSI_UNIQUE_CONNECTION_ID){ id[2], id[3] };
	}
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API AddIScsiConnection(PISCSI_UNIQUE_SESSION_ID session, PVOID reserved,
	ULONG port, PISCSI_TARGET_PORTAL portal, ISCSI_SECURITY_FLAGS flags,
	PISCSI_LOGIN_OPTIONS options, ULONG key_size, PCHAR key,
	PISCSI_UNIQUE_CONNECTION_ID connection)
{
	uint64_t id[2];
	struct call call;

	(void)reserved; /* Microsoft's own tool passes an instance name: not an error */
	call_init(&call, "AddIScsiConnection");
	args_id(&call, session);
	args_port(&call, port);
	args_portal(&call, portal, false);
	args_security_flags(&call, flags);
	args_options(&call, options);
	key_put(&call, key, key_size);
	if (call_run(&call) && call_get(&call, BUS_ID, &id[0], &id[1]) && connection)
		*connection = (ISCSI_UNIQUE_CONNECTION_ID){ id[0], id[1] };
	return call_done(&call);
}

static void connection_get(struct call *call, struct pack *pack, ISCSI_CONNECTION_INFO *record)
{
	const char *local, *remote;
	uint16_t local_port, remote_port, cid;

	if (!listing_open(call) ||
	    !call_get(call, BUS_ID "sqsqq", &record->ConnectionId.AdapterUnique,
		      &record->ConnectionId.AdapterSpecific, &local, &local_port, &remote,
		      &remote_port, &cid))
		return;
	record->InitiatorAddress = FORM(pack_text)(pack, local);
	record->TargetAddress = FORM(pack_text)(pack, remote);
	record->InitiatorSocket = local_port;
	record->TargetSocket = remote_port;
	record->CID[0] = (UCHAR)cid; /* low byte first, as Windows has it */
	record->CID[1] = (UCHAR)(cid >> 8);
	sd_bus_message_skip(call->reply, "yyyuubutttttttutttt");
	listing_close(call);
}

static void connections_get(struct call *call, struct pack *pack, ISCSI_SESSION_INFO *record)
{
	size_t count, first;

	if (!listing_enter(call, BUS_CONNECTION, &count))
		return;
	first = pack_take(pack, count * sizeof(*record->Connections), 8);
	for (size_t i = 0; i < count && !call->status; i++) {
		ISCSI_CONNECTION_INFO connection = { 0 };

		connection_get(call, pack, &connection);
		pack_copy(pack, first + i * sizeof(connection), &connection, sizeof(connection));
	}
	listing_leave(call);
	record->ConnectionCount = (ULONG)count;
	record->Connections = count ? pack_at(pack, first) : NULL;
}

static void session_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_SESSION_INFO *record = to;
	const char *initiator, *target;
	const void *isid;
	size_t isid_size;
	uint16_t tsih;

	if (!listing_open(call) ||
	    !call_get(call, BUS_ID "ss", &record->SessionId.AdapterUnique,
		      &record->SessionId.AdapterSpecific, &initiator, &target) ||
	    !call_get_bytes(call, &isid, &isid_size) || !call_get(call, "q", &tsih))
		return;
	for (size_t i = 0; i < sizeof(record->ISID) && i < isid_size; i++)
		record->ISID[i] = ((const UCHAR *)isid)[i];
	record->TSID[0] = (UCHAR)tsih;
	record->TSID[1] = (UCHAR)(tsih >> 8);
	sd_bus_message_skip(call->reply, "ybbbbyuuuubt");
	connections_get(call, pack, record);
	record->InitiatorName = FORM(pack_text)(pack, initiator);
	record->TargetNodeName = FORM(pack_text)(pack, target);
	record->TargetName = FORM(pack_text)(pack, target);
	listing_close(call);
}

ISDSC_STATUS ISDSC_API GetIScsiSessionList(PULONG size, PULONG count, PISCSI_SESSION_INFO sessions)
{
	static const struct listing listing = {
		.element = BUS_SESSION, .record = sizeof(*sessions), .fill = session_fill
	};
	struct call call;

	call_init(&call, "GetIScsiSessionList");
	listing_bytes(&call, &listing, size, count, sessions);
	return call_done(&call);
}

static void device_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_DEVICE_ON_SESSION *record = to;
	char uri[DEVICE_URI_ROOM];
	struct device device;

	(void)pack;
	if (!device_get(call, &device))
		return;
	device_uri(device.path, uri, sizeof(uri));
	FORM(text_put)(device.instance, record->InitiatorName, MAX_ISCSI_HBANAME_LEN);
	FORM(text_put)(device.target, record->TargetName, MAX_ISCSI_NAME_LEN + 1);
	FORM(text_put)(uri, record->DeviceInterfaceName, MAX_PATH);
	FORM(text_put)(device.path, record->LegacyName, MAX_PATH);
	record->ScsiAddress = (SCSI_ADDRESS){
		.Length = sizeof(SCSI_ADDRESS), .PathId = device.bus_number,
		.TargetId = device.target_number, .Lun = device.os_lun,
	};
	device_kind(device.type, &record->DeviceInterfaceType,
		    &record->StorageDeviceNumber.DeviceType);
	record->StorageDeviceNumber.DeviceNumber = (DWORD)device.number;
}

ISDSC_STATUS ISDSC_API GetDevicesForIScsiSession(PISCSI_UNIQUE_SESSION_ID session, PULONG count,
	PISCSI_DEVICE_ON_SESSION devices)
{
	static const struct listing listing = {
		.element = BUS_DEVICE, .record = sizeof(*devices), .fill = device_fill
	};
	struct call call;

	call_init(&call, "GetDevicesForIScsiSession");
	args_id(&call, session);
	listing_counted(&call, &listing, count, devices);
	return call_done(&call);
}
