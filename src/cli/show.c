/*
 * show.c - Show: sessions in detail, for people who look at what happens now, and as JSON for
 * programs. Everything comes from the public listings.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/protection.h"

#include <stdlib.h>
#include <string.h>

static const char *type_name(UCHAR type)
{
	static const char *const names[] = { "discovery", "informational", "data", "boot" };

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

static void connection_print(const ISCSI_CONNECTION_COUNTERS *c)
{
	char id[PRINT_ID_ROOM], in[32], out[32], data_in[32], data_out[32];

	printf("    Connection %s  CID %u%s  %s\n", print_id(&c->ConnectionId, id), c->Cid,
	       c->IsLeading ? " (leading)" : "", print_state(c->State));
	printf("        Path        %s/%u -> %s/%u\n", c->InitiatorAddress, c->InitiatorSocket,
	       c->TargetAddress, c->TargetSocket);
	printf("        Digests     header %s, data %s\n", print_digest(c->HeaderDigest),
	       print_digest(c->DataDigest));
	printf("        In          %s, %s of data, %llu PDUs\n", print_size(c->BytesIn, in),
	       print_size(c->DataIn, data_in), (unsigned long long)c->PdusIn);
	printf("        Out         %s, %s of data, %llu PDUs\n", print_size(c->BytesOut, out),
	       print_size(c->DataOut, data_out), (unsigned long long)c->PdusOut);
	printf("        Commands    %llu, %u under way\n", (unsigned long long)c->Commands,
	       c->QueueDepth);
	printf("        Reconnects  %u\n", c->Reconnects);
}

static void connection_json(struct json_object *json, const ISCSI_CONNECTION_COUNTERS *c)
{
	json_id(json, "connection_id", &c->ConnectionId);
	json_number(json, "cid", c->Cid);
	json_truth(json, "leading", c->IsLeading);
	json_text(json, "state", print_state(c->State));
	json_text(json, "initiator_address", c->InitiatorAddress);
	json_number(json, "initiator_socket", c->InitiatorSocket);
	json_text(json, "target_address", c->TargetAddress);
	json_number(json, "target_socket", c->TargetSocket);
	json_text(json, "header_digest", print_digest(c->HeaderDigest));
	json_text(json, "data_digest", print_digest(c->DataDigest));
	json_number(json, "max_recv_data_segment_length", c->MaxRecvDataSegmentLength);
	json_number(json, "auth_type", (ULONGLONG)c->AuthType);
	json_number(json, "bytes_in", c->BytesIn);
	json_number(json, "bytes_out", c->BytesOut);
	json_number(json, "data_in", c->DataIn);
	json_number(json, "data_out", c->DataOut);
	json_number(json, "pdus_in", c->PdusIn);
	json_number(json, "pdus_out", c->PdusOut);
	json_number(json, "commands", c->Commands);
	json_number(json, "commands_answered", c->CommandsAnswered);
	json_number(json, "command_time_ns", c->CommandTime);
	json_number(json, "queue", c->QueueDepth);
	json_number(json, "round_trip_ns", c->RoundTrip);
	json_number(json, "reconnects", c->Reconnects);
}

static void disk_print(const ISCSI_DISK_INFO *disk)
{
	char size[32];

	printf("    LUN %u  %s %s %s", disk->OsLun, disk->Vendor, disk->Product, disk->Revision);
	if (disk->BlockSize)
		printf("  %s, %llu blocks of %u bytes%s",
		       print_size(disk->Blocks * disk->BlockSize, size),
		       (unsigned long long)disk->Blocks, disk->BlockSize,
		       disk->IsReadOnly ? ", read only" : "");
	printf("\n");
	if (*disk->Serial)
		printf("        Serial      %s\n", disk->Serial);
	if (*disk->DeviceId)
		printf("        Device id   %s\n", disk->DeviceId);
	if (*disk->NbdUri)
		printf("        Disk        %s\n", disk->NbdUri);
	else
		printf("        Disk        none: a device of SCSI type 0x%02x\n",
		       disk->DeviceType);
}

static void disk_json(struct json_object *json, const ISCSI_DISK_INFO *disk)
{
	json_number(json, "lun", disk->OsLun);
	json_number(json, "target_lun", disk->TargetLun);
	json_number(json, "device_type", disk->DeviceType);
	json_text(json, "vendor", disk->Vendor);
	json_text(json, "product", disk->Product);
	json_text(json, "revision", disk->Revision);
	json_text(json, "serial", disk->Serial);
	json_text(json, "device_id", disk->DeviceId);
	json_number(json, "blocks", disk->Blocks);
	json_number(json, "block_size", disk->BlockSize);
	json_truth(json, "read_only", disk->IsReadOnly);
	json_text(json, "nbd_path", disk->NbdPath);
	json_text(json, "nbd_uri", disk->NbdUri);
}

static void session_print(const ISCSI_SESSION_INFOA *session, const ISCSI_SESSION_INFO_EX *ex,
			  const ISCSI_SESSION_STATE *state)
{
	char id[PRINT_ID_ROOM], first[32], most[32];

	printf("Session %s  %s\n", print_id(&session->SessionId, id),
	       state->IsUp ? "up" : "reconnecting: commands wait");
	printf("    Target      %s\n", session->TargetName);
	printf("    Initiator   %s\n", session->InitiatorName);
	printf("    Type        %s\n", type_name(state->Type));
	printf("    TSIH        %u\n", session->TSID[1] << 8 | session->TSID[0]);
	if (ex)
		printf("    Negotiated  MaxConnections %u, ErrorRecoveryLevel %u, InitialR2T %s, "
		       "ImmediateData %s,\n                MaxOutstandingR2T %u, FirstBurstLength "
		       "%s, MaxBurstLength %s\n",
		       ex->MaximumConnections, ex->ErrorRecoveryLevel,
		       ex->InitialR2t ? "yes" : "no",
		       ex->ImmediateData ? "yes" : "no", ex->MaxOutstandingR2t,
		       print_size(ex->FirstBurstLength, first), print_size(ex->MaxBurstLength, most));
	if (state->LastPause)
		printf("    Last pause  %.3f ms\n", (double)state->LastPause / 1e6);
	else
		printf("    Last pause  none\n");
}

static void session_json(struct json_object *json, const ISCSI_SESSION_INFOA *session,
			 const ISCSI_SESSION_INFO_EX *ex, const ISCSI_SESSION_STATE *state)
{
	json_id(json, "session_id", &session->SessionId);
	json_truth(json, "up", state->IsUp);
	json_text(json, "type", type_name(state->Type));
	json_number(json, "last_pause_ns", state->LastPause);
	json_text(json, "target_name", session->TargetName);
	json_text(json, "initiator_name", session->InitiatorName);
	json_object_object_add(json, "isid", print_hex_json(session->ISID, sizeof(session->ISID)));
	json_number(json, "tsih", (ULONGLONG)(session->TSID[1] << 8 | session->TSID[0]));
	if (!ex)
		return;
	json_number(json, "max_connections", ex->MaximumConnections);
	json_number(json, "error_recovery_level", ex->ErrorRecoveryLevel);
	json_truth(json, "initial_r2t", ex->InitialR2t);
	json_truth(json, "immediate_data", ex->ImmediateData);
	json_truth(json, "data_sequence_in_order", ex->DataSequenceInOrder);
	json_truth(json, "data_pdu_in_order", ex->DataPduInOrder);
	json_number(json, "max_outstanding_r2t", ex->MaxOutstandingR2t);
	json_number(json, "first_burst_length", ex->FirstBurstLength);
	json_number(json, "max_burst_length", ex->MaxBurstLength);
}

/* What the lists of all sessions hold. They have the sessions in one order, but sessions may have come
 * or gone between them: a search begins where the last one ended. */
struct lists {
	void *ex, *counters;
	ULONG ex_count, counter_count, ex_next, counter_next;
	struct protections protections;
};

static const ISCSI_CONNECTION_COUNTERS *counters_at(const struct lists *lists, ULONG index)
{
	const ISCSI_CONNECTION_COUNTERS *first = lists->counters;

	return (const void *)((const char *)lists->counters + (size_t)index * first->Size);
}

/* The first of a session, after which its others follow; counter_count for none. */
static ULONG counters_find(const struct lists *lists, const ISCSI_UNIQUE_SESSION_ID *id)
{
	for (ULONG i = 0; i < lists->counter_count; i++) {
		ULONG at = (lists->counter_next + i) % lists->counter_count;

		if (memcmp(&counters_at(lists, at)->SessionId, id, sizeof(*id)) == 0)
			return at;
	}
	return lists->counter_count;
}

static void connections_put(struct json_object *json, const ISCSI_UNIQUE_SESSION_ID *id,
			    struct lists *lists)
{
	struct json_object *array = json ? json_array(json, "connections") : NULL;

	for (ULONG i = counters_find(lists, id); i < lists->counter_count; i++) {
		const ISCSI_CONNECTION_COUNTERS *counters = counters_at(lists, i);

		if (memcmp(&counters->SessionId, id, sizeof(*id)) != 0)
			break;
		lists->counter_next = i + 1;
		if (array) {
			struct json_object *item = json_item(array);

			connection_json(item, counters);
			protections_json(item, &lists->protections, &counters->ConnectionId);
			continue;
		}
		connection_print(counters);
		protections_print(&lists->protections, &counters->ConnectionId, "        IPsec       ");
	}
}

static void disks_put(struct json_object *json, ISCSI_UNIQUE_SESSION_ID *id)
{
	struct json_object *array = json ? json_array(json, "disks") : NULL;
	ISCSI_DISK_INFO *disk;
	ULONG count = 0;
	void *list = NULL;

	fetch_list(fetch_disks, id, 1, &list, &count);
	disk = list;
	for (ULONG i = 0; i < count; i++, disk = fetch_next(disk))
		if (array)
			disk_json(json_item(array), disk);
		else
			disk_print(disk);
	free(list);
}

static const ISCSI_SESSION_INFO_EX *ex_find(struct lists *lists, const ISCSI_UNIQUE_SESSION_ID *id)
{
	for (ULONG i = 0; i < lists->ex_count; i++) {
		ULONG at = (lists->ex_next + i) % lists->ex_count;
		const ISCSI_SESSION_INFO_EX *ex = (const ISCSI_SESSION_INFO_EX *)lists->ex + at;

		if (memcmp(&ex->SessionId, id, sizeof(*id)) != 0)
			continue;
		lists->ex_next = at + 1;
		return ex;
	}
	return NULL;
}

/* A session that ended since the list was made is left out. */
static void session_put(struct json_object *array, ISCSI_SESSION_INFOA *session,
			struct lists *lists)
{
	const ISCSI_SESSION_INFO_EX *ex = ex_find(lists, &session->SessionId);
	ISCSI_SESSION_STATE state = { .Size = sizeof(state) };
	struct json_object *json = NULL;

	if (GetIScsiSessionState(&session->SessionId, &state))
		return;
	if (array) {
		json = json_item(array);
		session_json(json, session, ex, &state);
	} else {
		session_print(session, ex, &state);
	}
	connections_put(json, &session->SessionId, lists);
	disks_put(json, &session->SessionId);
	if (!json)
		printf("\n");
}

ISDSC_STATUS show_run(struct run *run, int argc, char **argv)
{
	struct json_object *array;
	CHAR name[MAX_ISCSI_NAME_LEN + 1];
	struct lists lists = { 0 };
	ULONG count = 0;
	void *list = NULL;
	ISDSC_STATUS status = GetIScsiInitiatorNodeNameA(name);

	(void)argc;
	(void)argv;
	if (!status)
		status = fetch_list(fetch_sessions, NULL, 1, &list, &count);
	if (!status)
		status = fetch_list(fetch_sessions_ex, NULL, 1, &lists.ex, &lists.ex_count);
	if (!status)
		status = fetch_list(fetch_counters, NULL, 1, &lists.counters, &lists.counter_count);
	if (status)
		goto end;
	protections_fetch(&lists.protections);
	array = run->json ? json_array(run->json, "sessions") : NULL;
	if (array)
		json_text(run->json, "node_name", name);
	else
		printf("Node name %s, %u sessions\n\n", name, count);
	for (ULONG i = 0; i < count; i++)
		session_put(array, (ISCSI_SESSION_INFOA *)list + i, &lists);
end:
	free(list);
	free(lists.ex);
	free(lists.counters);
	protections_done(&lists.protections);
	return status;
}
