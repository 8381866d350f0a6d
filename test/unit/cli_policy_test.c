/*
 * cli_policy_test.c - LoadBalancePolicy, SetLoadBalancePolicy, TaskManagement: what they ask for and
 * what they print.
 */
#include "cli_fake.h"

#include <iscsidsc_ext.h>

#include <stdlib.h>
#include <string.h>

/* A later library: its paths are longer. */
struct later {
	ISCSI_PATH path;
	ULONGLONG more;
};

static ISCSI_SUPPORTED_LB_POLICIES set;
static ISCSI_PATH set_paths[8];
static ISDSC_STATUS answer;
static ULONG policy_now;
static ULONGLONG seen_lun;
static UCHAR seen_function, task_response;

ISDSC_STATUS ISDSC_API GetIScsiSessionLoadBalancePolicy(PISCSI_UNIQUE_SESSION_ID id, PULONG size,
	PISCSI_SUPPORTED_LB_POLICIES policies)
{
	struct later *paths = (struct later *)(void *)(policies + 1);

	assert_int_equal(id->AdapterUnique, 0xab);
	assert_true(*size > sizeof(*policies) + 3 * sizeof(*paths));
	*policies = (ISCSI_SUPPORTED_LB_POLICIES){
		.Size = sizeof(*policies), .LoadBalancePolicy = policy_now, .UniqueSessionId = 2,
		.iSCSI_PathCount = 3, .iSCSI_Paths = &paths->path,
	};
	for (ULONG i = 0; i < 3; i++)
		paths[i].path = (ISCSI_PATH){
			.Size = sizeof(paths[i]), .UniqueConnectionId = 0x1a + i, .PathWeight = 5 + i,
			.PrimaryPath = i == 1, .ConnectionStatus = i == 2 ? 3 : 1,
			.EstimatedLinkSpeed = 940 * (1 - i % 2),
		};
	return 0;
}

ISDSC_STATUS ISDSC_API SetIScsiSessionLoadBalancePolicy(PISCSI_UNIQUE_SESSION_ID id,
	PISCSI_SUPPORTED_LB_POLICIES policies)
{
	assert_int_equal(id->AdapterSpecific, 2);
	assert_in_range(policies->iSCSI_PathCount, 1, 8);
	set = *policies;
	for (ULONG i = 0; i < set.iSCSI_PathCount; i++)
		memcpy(&set_paths[i],
		       (char *)set.iSCSI_Paths + i * policies->iSCSI_Paths->Size,
		       sizeof(set_paths[i]));
	return answer;
}

ISDSC_STATUS ISDSC_API SendIScsiTaskManagement(PISCSI_UNIQUE_SESSION_ID id, ULONGLONG lun,
	UCHAR function, PUCHAR response)
{
	assert_int_equal(id->AdapterSpecific, 2);
	seen_lun = lun;
	seen_function = function;
	*response = task_response;
	return answer;
}

static int setup(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	memset(set_paths, 0, sizeof(set_paths));
	answer = 0;
	policy_now = ISCSI_LB_WEIGHTED_PATHS;
	return 0;
}

static void show(void **state)
{
	struct json_object *json = json_object_new_object();

	(void)state;
	expect("Load Balance Policy    : Weighted Paths (5)\n"
	       "Number of Paths        : 3\n"
	       "\n"
	       "    Connection Id         : ab-1a\n"
	       "    Path Weight           : 5\n"
	       "    Primary Path          : 0\n"
	       "    Connection Status     : Connected\n"
	       "    Estimated Link Speed  : 940 Mbit/s\n"
	       "\n"
	       "    Connection Id         : ab-1b\n"
	       "    Path Weight           : 6\n"
	       "    Primary Path          : 1\n"
	       "    Connection Status     : Connected\n"
	       "    Estimated Link Speed  : unknown\n"
	       "\n"
	       "    Connection Id         : ab-1c\n"
	       "    Path Weight           : 7\n"
	       "    Primary Path          : 0\n"
	       "    Connection Status     : Reconnecting\n"
	       "    Estimated Link Speed  : 940 Mbit/s\n"
	       "\n", output(0, NULL, WORDS("LoadBalancePolicy", "0xab-0x2")));
	expect("", output(0, json, WORDS("loadbalancepolicy", "ab-2")));
	assert_string_equal(
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
		"{\"policy\":5,\"policy_name\":\"WeightedPaths\",\"paths\":["
		"{\"connection_id\":\"ab-1a\",\"weight\":5,\"primary\":false,"
		"\"status\":\"connected\",\"link_speed_mbit\":940},"
		"{\"connection_id\":\"ab-1b\",\"weight\":6,\"primary\":true,"
		"\"status\":\"connected\",\"link_speed_mbit\":0},"
		"{\"connection_id\":\"ab-1c\",\"weight\":7,\"primary\":false,"
		"\"status\":\"reconnecting\",\"link_speed_mbit\":940}]}");
	json_object_put(json);
	expect("Invalid sessionid: x\n",
	       output(ERROR_INVALID_PARAMETER, NULL, WORDS("LoadBalancePolicy", "x")));
}

static void path_is(unsigned i, ULONGLONG id, ULONG weight, ULONG primary)
{
	assert_int_equal(set_paths[i].UniqueConnectionId, id);
	assert_int_equal(set_paths[i].PathWeight, weight);
	assert_int_equal(set_paths[i].PrimaryPath, primary);
}

static void set_as_it_is(void **state)
{
	(void)state;
	expect("", output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "round-robin-subset")));
	assert_int_equal(set.LoadBalancePolicy, ISCSI_LB_ROUND_ROBIN_WITH_SUBSET);
	assert_int_equal(set.iSCSI_PathCount, 3);
	path_is(0, 0x1a, 5, 0);
	path_is(1, 0x1b, 6, 1);
	path_is(2, 0x1c, 7, 0);
	expect("", output(0, NULL, WORDS("setloadbalancepolicy", "ab-2", "FAILOVERONLY")));
	assert_int_equal(set.LoadBalancePolicy, ISCSI_LB_FAILOVER);
	expect("", output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "7")));
	assert_int_equal(set.LoadBalancePolicy, ISCSI_LB_ADAPTIVE);
	/* What is no name is no number either. The service judges. */
	answer = ISDSC_INVALID_LOAD_BALANCE_POLICY;
	expect("", output(answer, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "RoundRobi")));
	assert_int_equal(set.LoadBalancePolicy, 0);
	expect("", output(answer, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "RoundRobins")));
	assert_int_equal(set.LoadBalancePolicy, 0);
}

static void set_paths_named(void **state)
{
	(void)state;
	expect("", output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "WeightedPaths", "0xab-0x1c",
					 "9", "1")));
	assert_int_equal(set.iSCSI_PathCount, 3);
	path_is(0, 0x1c, 9, 1);
	path_is(1, 0x1a, 0, 0);
	path_is(2, 0x1b, 0, 0);
	/* What is wrong is the service's to say: unknown, twice, too many. */
	expect("", output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "2", "ab-99", "1", "0")));
	assert_int_equal(set.iSCSI_PathCount, 3);
	path_is(0, 0x99, 1, 0);
	expect("", output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "2", "ab-1a", "1", "0",
					 "ab-1a", "1", "0")));
	assert_int_equal(set.iSCSI_PathCount, 3);
	path_is(1, 0x1a, 1, 0);
	expect("", output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "2", "ab-1a", "*", "*",
					 "ab-1b", "1", "1", "ab-1c", "1", "0", "ab-1d", "1", "0")));
	assert_int_equal(set.iSCSI_PathCount, 4);
	path_is(0, 0x1a, 0, 0);
	path_is(3, 0x1d, 1, 0);
}

static void set_wrong(void **state)
{
	char *text;

	(void)state;
	text = output(0, NULL, WORDS("SetLoadBalancePolicy", "ab-2", "2", "ab-1a", "1"));
	assert_non_null(strstr(text, "iscsicli SetLoadBalancePolicy <SessionId> <Policy>"));
	free(text);
	expect("", output(ISDSC_INVALID_PATH_ID, NULL,
			  WORDS("SetLoadBalancePolicy", "ab-2", "2", "1a", "1", "0")));
	expect("", output(ISDSC_INVALID_PATH_ID, NULL,
			  WORDS("SetLoadBalancePolicy", "ab-2", "2", "ac-1a", "1", "0")));
	assert_int_equal(set.Size, 0);
}

static void task(void **state)
{
	struct json_object *json = json_object_new_object();

	(void)state;
	task_response = ISCSI_TASK_RESPONSE_COMPLETE;
	expect("    Response               : 0x0 (function complete)\n",
	       output(0, NULL, WORDS("TaskManagement", "ab-2", "lun-reset", "1f")));
	assert_int_equal(seen_function, 5);
	assert_int_equal(seen_lun, 0x1f);
	task_response = ISCSI_TASK_RESPONSE_NOT_SUPPORTED;
	answer = ISDSC_TARGET_ERROR;
	expect("    Response               : 0x5 (function not supported)\n",
	       output(answer, NULL, WORDS("TaskManagement", "ab-2", "11")));
	assert_int_equal(seen_function, 11);
	assert_int_equal(seen_lun, 0);
	expect("", output(answer, json, WORDS("TaskManagement", "ab-2", "TargetWarmReset")));
	assert_int_equal(seen_function, 6);
	assert_string_equal(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
			    "{\"response\":5,\"response_name\":\"not_supported\"}");
	json_object_put(json);
	answer = ERROR_TIMEOUT;
	expect("", output(answer, NULL, WORDS("TaskManagement", "ab-2", "ClearACA", "0")));
	seen_function = 0;
	expect("", output(ERROR_INVALID_PARAMETER, NULL, WORDS("TaskManagement", "ab-2", "261")));
	assert_int_equal(seen_function, 0);
	expect("", output(ERROR_INVALID_PARAMETER, NULL,
			  WORDS("TaskManagement", "ab-2", "LunReset", "x")));
	expect("Invalid sessionid: ab\n",
	       output(ERROR_INVALID_PARAMETER, NULL, WORDS("TaskManagement", "ab", "LunReset")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(show, setup), cmocka_unit_test_setup(set_as_it_is, setup),
		cmocka_unit_test_setup(set_paths_named, setup),
		cmocka_unit_test_setup(set_wrong, setup), cmocka_unit_test_setup(task, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
