/*
 * task.c - TaskManagement: one function, and the target's answer.
 */
#include "cli/command.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/read.h"

#include <iscsidsc_ext.h>

const struct name task_names[] = {
	{ ISCSI_TASK_ABORT_SET, "AbortTaskSet", "" },
	{ ISCSI_TASK_CLEAR_ACA, "ClearACA", "" },
	{ ISCSI_TASK_CLEAR_SET, "ClearTaskSet", "" },
	{ ISCSI_TASK_LUN_RESET, "LunReset", "" },
	{ ISCSI_TASK_TARGET_WARM_RESET, "TargetWarmReset", "" },
	{ ISCSI_TASK_TARGET_COLD_RESET, "TargetColdReset", "" },
	{ ISCSI_TASK_QUERY_SET, "QueryTaskSet", "" },
	{ ISCSI_TASK_NEXUS_RESET, "NexusReset", "" },
	{ ISCSI_TASK_QUERY_ASYNC_EVENT, "QueryAsyncEvent", "" },
	{ 0 }
};

static const struct name responses[] = {
	{ ISCSI_TASK_RESPONSE_COMPLETE, "complete", "function complete" },
	{ ISCSI_TASK_RESPONSE_NO_SUCH_TASK, "no_such_task", "task does not exist" },
	{ ISCSI_TASK_RESPONSE_NO_SUCH_LUN, "no_such_lun", "LUN does not exist" },
	{ ISCSI_TASK_RESPONSE_STILL_ALLEGIANT, "still_allegiant", "task still allegiant" },
	{ ISCSI_TASK_RESPONSE_NO_REASSIGNMENT, "no_reassignment",
	  "task allegiance reassignment not supported" },
	{ ISCSI_TASK_RESPONSE_NOT_SUPPORTED, "not_supported", "function not supported" },
	{ ISCSI_TASK_RESPONSE_NOT_AUTHORIZED, "not_authorized", "function authorization failed" },
	{ ISCSI_TASK_RESPONSE_SUCCEEDED, "succeeded", "function succeeded" },
	{ ISCSI_TASK_RESPONSE_REJECTED, "rejected", "function rejected" },
	{ 0 }
};

static void response_put(struct json_object *json, UCHAR response)
{
	const struct name *name = name_find(responses, response);

	if (json) {
		json_number(json, "response", response);
		json_text(json, "response_name", name ? name->name : "");
	} else {
		printf("    Response               : 0x%x (%s)\n", response,
		       name ? name->label : "unknown");
	}
}

ISDSC_STATUS task_management(struct run *run, int argc, char **argv)
{
	ULONG function = read_name(task_names, argv[1]);
	ISCSI_UNIQUE_SESSION_ID session;
	ULONGLONG lun = 0;
	UCHAR response = ISCSI_TASK_RESPONSE_REJECTED;
	ISDSC_STATUS status = read_id(argv[0], &session);

	if (status) {
		if (!run->json)
			printf("Invalid sessionid: %s\n", argv[0]);
		return status;
	}
	if (argc > 2)
		status = read_lun(argv[2], &lun);
	if (!status && function > 0xff)
		status = ERROR_INVALID_PARAMETER;
	progress_begin("task-management-time", "Waiting for the target");
	if (!status)
		status = SendIScsiTaskManagement(&session, lun, (UCHAR)function, &response);
	progress_end();
	if (!status || status == ISDSC_TARGET_ERROR)
		response_put(run->json, response);
	return status;
}
