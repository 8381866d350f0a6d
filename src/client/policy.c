/*
 * policy.c - the load balance policy of a session, and task management; see iscsidsc_ext.h.
 */
#include "client/listing.h"

#include <iscsidsc_ext.h>

#include "bus/interface.h"

#include <string.h>

/* More than a session can have; it bounds what a call sends. */
#define PATHS_MAX 256

/* Of a structure from a caller: up to the last member that is read. */
#define POLICIES_LEAST (offsetof(ISCSI_SUPPORTED_LB_POLICIES, iSCSI_Paths) + sizeof(PISCSI_PATH))
#define PATH_LEAST (offsetof(ISCSI_PATH, PrimaryPath) + sizeof(ULONG))

static void path_put(struct call *call, const ISCSI_PATH *path)
{
	if (path->PrimaryPath > 1)
		call_fail(call, ERROR_INVALID_PARAMETER);
	call_put(call, BUS_LB_RULE, (uint64_t)path->UniqueConnectionId, path->PathWeight,
		 (int)path->PrimaryPath);
}

static void paths_put(struct call *call, const void *from, ULONG count)
{
	const unsigned char *at = from;
	ULONG step;

	memcpy(&step, at, sizeof(step));
	for (ULONG i = 0; i < count && i < PATHS_MAX; i++, at += step) {
		ISCSI_PATH path = { 0 };
		ULONG size;

		memcpy(&size, at, sizeof(size));
		if (size < PATH_LEAST || size != step) {
			call_fail(call, ERROR_INVALID_PARAMETER);
			return;
		}
		memcpy(&path, at, PATH_LEAST);
		path_put(call, &path);
	}
}

static void policies_put(struct call *call, const ISCSI_SUPPORTED_LB_POLICIES *policies)
{
	args_need(call, policies);
	if (!policies)
		return;
	if (policies->Size < POLICIES_LEAST || (policies->iSCSI_PathCount && !policies->iSCSI_Paths)) {
		call_fail(call, ERROR_INVALID_PARAMETER);
		return;
	}
	call_put(call, "u", policies->LoadBalancePolicy);
	if (call->request && !call->status)
		sd_bus_message_open_container(call->request, 'a', BUS_LB_RULE);
	if (policies->iSCSI_PathCount)
		paths_put(call, policies->iSCSI_Paths, policies->iSCSI_PathCount);
	if (call->request && !call->status)
		sd_bus_message_close_container(call->request);
}

ISDSC_STATUS ISDSC_API SetIScsiSessionLoadBalancePolicy(PISCSI_UNIQUE_SESSION_ID session,
	PISCSI_SUPPORTED_LB_POLICIES policies)
{
	struct call call;

	call_init(&call, "SetIScsiSessionLoadBalancePolicy");
	args_id(&call, session);
	policies_put(&call, policies);
	call_run(&call);
	return call_done(&call);
}

static bool path_get(struct call *call, ISCSI_PATH *ret)
{
	int primary;

	if (!call_get(call, BUS_LB_PATH, &ret->UniqueConnectionId, &ret->PathWeight, &primary,
		      &ret->EstimatedLinkSpeed, &ret->ConnectionStatus))
		return false;
	ret->Size = sizeof(*ret);
	ret->PrimaryPath = (ULONG)primary;
	return true;
}

/* Lays the reply out; false on a bad one. */
static bool policies_lay(struct call *call, const ISCSI_UNIQUE_SESSION_ID *session,
			 struct pack *pack)
{
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .UniqueSessionId = session->AdapterSpecific,
	};
	size_t head = pack_take(pack, sizeof(policies), 8), count, paths;

	if (!listing_rewind(call) || !call_get(call, "u", &policies.LoadBalancePolicy) ||
	    !listing_enter(call, BUS_LB_PATH, &count))
		return false;
	paths = pack_take(pack, count * sizeof(ISCSI_PATH), 8);
	for (size_t i = 0; i < count; i++) {
		ISCSI_PATH path = { 0 };

		if (!path_get(call, &path))
			return false;
		pack_copy(pack, paths + i * sizeof(path), &path, sizeof(path));
	}
	policies.iSCSI_PathCount = (ULONG)count;
	policies.iSCSI_Paths = count ? pack_at(pack, paths) : NULL;
	pack_copy(pack, head, &policies, sizeof(policies));
	return true;
}

ISDSC_STATUS ISDSC_API GetIScsiSessionLoadBalancePolicy(PISCSI_UNIQUE_SESSION_ID session,
	PULONG size, PISCSI_SUPPORTED_LB_POLICIES policies)
{
	struct pack measure = { 0 }, pack = { .buffer = (char *)policies };
	struct call call;

	call_init(&call, "GetIScsiSessionLoadBalancePolicy");
	args_id(&call, session);
	args_need(&call, size);
	if (!call_run(&call) || !policies_lay(&call, session, &measure))
		return call_done(&call);
	if (measure.used > (policies ? *size : 0))
		call.status = ERROR_INSUFFICIENT_BUFFER;
	else
		policies_lay(&call, session, &pack);
	*size = (ULONG)measure.used;
	return call_done(&call);
}

ISDSC_STATUS ISDSC_API SendIScsiTaskManagement(PISCSI_UNIQUE_SESSION_ID session, ULONGLONG lun,
	UCHAR function, PUCHAR response)
{
	struct call call;
	uint8_t answer;

	call_init(&call, "SendIScsiTaskManagement");
	args_id(&call, session);
	args_need(&call, response);
	call_put(&call, "ty", (uint64_t)lun, function);
	if (!call_run(&call) || !call_get(&call, "y", &answer))
		return call_done(&call);
	*response = answer;
	if (answer != ISCSI_TASK_RESPONSE_COMPLETE && answer != ISCSI_TASK_RESPONSE_SUCCEEDED)
		call_fail(&call, ISDSC_TARGET_ERROR);
	return call_done(&call);
}
