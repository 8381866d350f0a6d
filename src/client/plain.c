/*
 * plain.c - the functions that have one form: they carry no text.
 */
#include "client/listing.h"

#include "bus/interface.h"

ISDSC_STATUS ISDSC_API RemoveIScsiConnection(PISCSI_UNIQUE_SESSION_ID session,
	PISCSI_UNIQUE_CONNECTION_ID connection)
{
	struct call call;

	call_init(&call, "RemoveIScsiConnection");
	args_id(&call, session);
	args_id(&call, connection);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API LogoutIScsiTarget(PISCSI_UNIQUE_SESSION_ID session)
{
	struct call call;

	call_init(&call, "LogoutIScsiTarget");
	args_id(&call, session);
	call_run(&call);
	return call_done(&call);
}

static ISDSC_STATUS bare_call(const char *method)
{
	struct call call;

	call_init(&call, method);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SetupPersistentIScsiDevices(void)
{
	return bare_call("SetupPersistentIScsiDevices");
}

ISDSC_STATUS ISDSC_API SetupPersistentIScsiVolumes(void)
{
	return bare_call("SetupPersistentIScsiDevices");
}

ISDSC_STATUS ISDSC_API ClearPersistentIScsiDevices(void)
{
	return bare_call("ClearPersistentIScsiDevices");
}

static void connection_get(struct call *call, ISCSI_CONNECTION_INFO_EX *record)
{
	/* Microsoft's numbers end at logout; a connection that is being brought back logs in. */
	static const UCHAR states[] = { 0, 1, 2, 0 };
	const UCHAR tcp = 6;
	uint64_t rate;
	uint32_t auth;
	uint8_t state;

	if (!listing_open(call) ||
	    !call_get(call, BUS_ID, &record->ConnectionId.AdapterUnique,
		      &record->ConnectionId.AdapterSpecific) ||
	    sd_bus_message_skip(call->reply, "sqsqq") < 0 ||
	    !call_get(call, "yyyuu", &state, &record->HeaderDigest, &record->DataDigest,
		      &record->MaxRecvDataSegmentLength, &auth))
		return;
	record->State = state < sizeof(states) ? states[state] : 0;
	record->Protocol = tcp;
	record->AuthType = (ISCSI_AUTH_TYPES)auth;
	sd_bus_message_skip(call->reply, "butttttttuttt");
	if (call_get(call, "t", &rate))
		record->EstimatedThroughput = rate;
	listing_close(call);
}

static void session_fill(struct call *call, struct pack *pack, void *to)
{
	ISCSI_SESSION_INFO_EX *record = to;
	int r2t, immediate, sequence, pdu;
	size_t count, first;

	if (!listing_open(call) ||
	    !call_get(call, BUS_ID, &record->SessionId.AdapterUnique,
		      &record->SessionId.AdapterSpecific) ||
	    sd_bus_message_skip(call->reply, "ssayq") < 0 ||
	    !call_get(call, "ybbbbyuuuu", &record->Type, &r2t, &immediate, &sequence, &pdu,
		      &record->ErrorRecoveryLevel, &record->MaxOutstandingR2t,
		      &record->FirstBurstLength, &record->MaxBurstLength,
		      &record->MaximumConnections) ||
	    sd_bus_message_skip(call->reply, "bt") < 0 ||
	    !listing_enter(call, BUS_CONNECTION, &count))
		return;
	record->InitialR2t = (BOOLEAN)r2t;
	record->ImmediateData = (BOOLEAN)immediate;
	record->DataSequenceInOrder = (BOOLEAN)sequence;
	record->DataPduInOrder = (BOOLEAN)pdu;
	record->ConnectionCount = (ULONG)count;
	first = pack_take(pack, count * sizeof(*record->Connections), 8);
	record->Connections = count ? pack_at(pack, first) : NULL;
	for (size_t i = 0; i < count && !call->status; i++) {
		ISCSI_CONNECTION_INFO_EX connection = { 0 };

		connection_get(call, &connection);
		pack_copy(pack, first + i * sizeof(connection), &connection, sizeof(connection));
	}
	listing_leave(call);
	listing_close(call);
}

ISDSC_STATUS ISDSC_API GetIScsiSessionListEx(PULONG size, PULONG count,
	PISCSI_SESSION_INFO_EX sessions)
{
	static const struct listing listing = {
		.element = BUS_SESSION, .record = sizeof(*sessions), .fill = session_fill
	};
	struct call call;

	call_init(&call, "GetIScsiSessionList");
	listing_bytes(&call, &listing, size, count, sessions);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API GetIScsiVersionInformation(PISCSI_VERSION_INFO version)
{
	uint32_t major, minor, build;
	struct call call;

	call_init(&call, "GetIScsiVersionInformation");
	args_need(&call, version);
	if (call_run(&call) && call_get(&call, "uuu", &major, &minor, &build))
		*version = (ISCSI_VERSION_INFO){ major, minor, build };
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SetIScsiInitiatorCHAPSharedSecret(ULONG size, PUCHAR secret)
{
	struct call call;

	call_init(&call, "SetIScsiInitiatorCHAPSharedSecret");
	args_secret(&call, secret, size, ISDSC_INVALID_INITIATOR_CHAP_SECRET);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SetIScsiInitiatorRADIUSSharedSecret(ULONG size, PUCHAR secret)
{
	struct call call;

	call_init(&call, "SetIScsiInitiatorRADIUSSharedSecret");
	args_secret(&call, secret, size, ERROR_INVALID_PARAMETER);
	call_run(&call);
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SetIScsiGroupPresharedKey(ULONG size, PUCHAR key, BOOLEAN persist)
{
	struct call call;

	call_init(&call, "SetIScsiGroupPresharedKey");
	args_secret(&call, key, size, ERROR_INVALID_PARAMETER);
	call_put(&call, "b", persist != 0);
	call_run(&call);
	return call_done(&call);
}
