/*
 * policy.c - the commands about the load balance policy of a session.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"

#include <stdlib.h>
#include <string.h>

/* What one path of an argument list takes. */
#define PATH_WORDS 3

const struct name policy_names[] = {
	{ ISCSI_LB_FAILOVER, "FailOverOnly", "Fail Over Only" },
	{ ISCSI_LB_ROUND_ROBIN, "RoundRobin", "Round Robin" },
	{ ISCSI_LB_ROUND_ROBIN_WITH_SUBSET, "RoundRobinSubset", "Round Robin with Subset" },
	{ ISCSI_LB_DYN_LEAST_QUEUE_DEPTH, "LeastQueueDepth", "Least Queue Depth" },
	{ ISCSI_LB_WEIGHTED_PATHS, "WeightedPaths", "Weighted Paths" },
	{ ISCSI_LB_ADAPTIVE, "Adaptive", "Adaptive" },
	{ 0 }
};

static const struct name path_states[] = {
	{ ISCSI_PATH_CONNECTED, "connected", "Connected" },
	{ ISCSI_PATH_DISCONNECTED, "disconnected", "Disconnected" },
	{ ISCSI_PATH_RECONNECTING, "reconnecting", "Reconnecting" },
	{ 0 }
};

static ISDSC_STATUS session_read(const struct run *run, const char *text,
				 ISCSI_UNIQUE_SESSION_ID *ret)
{
	ISDSC_STATUS status = read_id(text, ret);

	if (status && !run->json)
		printf("Invalid sessionid: %s\n", text);
	return status;
}

/* The policy of the session; to be freed. */
static ISDSC_STATUS policy_fetch(ISCSI_UNIQUE_SESSION_ID *session,
				 ISCSI_SUPPORTED_LB_POLICIES **ret)
{
	ULONG count;
	void *record;
	ISDSC_STATUS status = fetch_list(fetch_policy, session, 1, &record, &count);

	if (!status)
		*ret = record;
	return status;
}

/* ---- showing */

static void path_print(const ISCSI_UNIQUE_CONNECTION_ID *id, const ISCSI_PATH *path)
{
	const struct name *state = name_find(path_states, path->ConnectionStatus);
	char text[PRINT_ID_ROOM];

	printf("\n    Connection Id         : %s\n", print_id(id, text));
	printf("    Path Weight           : %u\n", path->PathWeight);
	printf("    Primary Path          : %u\n", path->PrimaryPath);
	printf("    Connection Status     : %s\n", state ? state->label : "?");
	if (path->EstimatedLinkSpeed)
		printf("    Estimated Link Speed  : %llu Mbit/s\n",
		       (unsigned long long)path->EstimatedLinkSpeed);
	else
		printf("    Estimated Link Speed  : unknown\n");
}

static void path_json(struct json_object *json, const ISCSI_UNIQUE_CONNECTION_ID *id,
		      const ISCSI_PATH *path)
{
	const struct name *state = name_find(path_states, path->ConnectionStatus);

	json_id(json, "connection_id", id);
	json_number(json, "weight", path->PathWeight);
	json_truth(json, "primary", path->PrimaryPath != 0);
	json_text(json, "status", state ? state->name : "");
	json_number(json, "link_speed_mbit", path->EstimatedLinkSpeed);
}

static void policy_put(struct json_object *json, const ISCSI_UNIQUE_SESSION_ID *session,
		       const ISCSI_SUPPORTED_LB_POLICIES *policy)
{
	const struct name *name = name_find(policy_names, policy->LoadBalancePolicy);
	struct json_object *array = NULL;
	const ISCSI_PATH *path = policy->iSCSI_Paths;

	if (json) {
		json_number(json, "policy", policy->LoadBalancePolicy);
		json_text(json, "policy_name", name ? name->name : "");
		array = json_array(json, "paths");
	} else {
		printf("Load Balance Policy    : %s (%u)\n", name ? name->label : "?",
		       policy->LoadBalancePolicy);
		printf("Number of Paths        : %u\n", policy->iSCSI_PathCount);
	}
	for (ULONG i = 0; i < policy->iSCSI_PathCount; i++, path = fetch_next(path)) {
		ISCSI_UNIQUE_CONNECTION_ID id = { session->AdapterUnique, path->UniqueConnectionId };

		if (array)
			path_json(json_item(array), &id, path);
		else
			path_print(&id, path);
	}
	if (!json)
		printf("\n");
}

ISDSC_STATUS policy_show(struct run *run, int argc, char **argv)
{
	ISCSI_SUPPORTED_LB_POLICIES *policy;
	ISCSI_UNIQUE_SESSION_ID session;
	ISDSC_STATUS status = session_read(run, argv[0], &session);

	(void)argc;
	if (!status)
		status = policy_fetch(&session, &policy);
	if (status)
		return status;
	policy_put(run->json, &session, policy);
	free(policy);
	return 0;
}

/* ---- setting */

/* The triples of the arguments. */
static ISDSC_STATUS paths_read(int count, char **argv, const ISCSI_UNIQUE_SESSION_ID *session,
			       ISCSI_PATH *ret)
{
	for (int i = 0; i < count; i++, argv += PATH_WORDS) {
		ISCSI_UNIQUE_CONNECTION_ID id;

		if (read_id(argv[0], &id) || id.AdapterUnique != session->AdapterUnique)
			return ISDSC_INVALID_PATH_ID;
		ret[i] = (ISCSI_PATH){
			.Size = sizeof(ret[i]), .UniqueConnectionId = id.AdapterSpecific,
			.PathWeight = read_number_or(argv[1], 0),
			.PrimaryPath = read_number_or(argv[2], 0),
		};
	}
	return 0;
}

/* Fills up with the session's other connections, as far as it has that many. */
static ULONG paths_complete(ISCSI_PATH *paths, ULONG count, const ISCSI_SUPPORTED_LB_POLICIES *now)
{
	const ISCSI_PATH *path = now->iSCSI_Paths;
	ULONG named = count;

	for (ULONG i = 0; i < now->iSCSI_PathCount; i++, path = fetch_next(path)) {
		bool known = false;

		for (ULONG j = 0; j < named; j++)
			known |= paths[j].UniqueConnectionId == path->UniqueConnectionId;
		if (!known && count < now->iSCSI_PathCount)
			paths[count++] = (ISCSI_PATH){
				.Size = sizeof(*paths),
				.UniqueConnectionId = path->UniqueConnectionId,
			};
	}
	return count;
}

/* The list of paths made from the arguments and what there is. */
static ISDSC_STATUS policy_name_paths(ISCSI_UNIQUE_SESSION_ID *session, int count, char **argv,
				      ISCSI_SUPPORTED_LB_POLICIES *policy)
{
	ISCSI_PATH *paths = calloc((size_t)count + policy->iSCSI_PathCount, sizeof(*paths));
	ISDSC_STATUS status;

	if (!paths)
		return ERROR_NOT_ENOUGH_MEMORY;
	status = paths_read(count, argv, session, paths);
	if (!status) {
		policy->iSCSI_PathCount = paths_complete(paths, (ULONG)count, policy);
		policy->iSCSI_Paths = paths;
		status = SetIScsiSessionLoadBalancePolicy(session, policy);
	}
	free(paths);
	return status;
}

ISDSC_STATUS policy_set(struct run *run, int argc, char **argv)
{
	int words = argc - 2;
	ISCSI_SUPPORTED_LB_POLICIES *policy;
	ISCSI_UNIQUE_SESSION_ID session;
	ISDSC_STATUS status;

	if (words % PATH_WORDS)
		return COMMAND_USAGE;
	status = session_read(run, argv[0], &session);
	if (!status)
		status = policy_fetch(&session, &policy);
	if (status)
		return status;
	policy->LoadBalancePolicy = read_name(policy_names, argv[1]);
	if (words)
		status = policy_name_paths(&session, words / PATH_WORDS, argv + 2, policy);
	else
		status = SetIScsiSessionLoadBalancePolicy(&session, policy);
	free(policy);
	return status;
}
