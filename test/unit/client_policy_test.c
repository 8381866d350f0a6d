/*
 * client_policy_test.c - load balance policies and task management in the library: what reaches the
 * service, and how its answer fills the caller's buffer.
 */
#include "client_fake.h"

#include "bus/interface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <iscsidsc_ext.h>

static ISCSI_UNIQUE_SESSION_ID id = { 5, 6 };

/* ---- setting */

static uint32_t seen_policy;
static unsigned seen_paths;
static struct {
	uint64_t conn;
	uint32_t weight;
	int primary;
} seen[300];

static int policy_set(sd_bus_message *request, sd_bus_message *reply)
{
	uint64_t unique, specific;

	seen_paths = 0;
	if (sd_bus_message_read(request, BUS_ID "u", &unique, &specific, &seen_policy) < 0 ||
	    sd_bus_message_enter_container(request, 'a', BUS_LB_RULE) < 0 || unique != 5 ||
	    specific != 6)
		return -1;
	while (seen_paths < 300 &&
	       sd_bus_message_read(request, BUS_LB_RULE, &seen[seen_paths].conn,
				   &seen[seen_paths].weight, &seen[seen_paths].primary) > 0)
		seen_paths++;
	return sd_bus_message_append(reply, "u", seen_policy == 8 ? ISDSC_INVALID_PATH_ID : 0);
}

static void set(void **state)
{
	/* As a program has them that was built with a later version of the header. */
	struct later {
		ISCSI_PATH path;
		ULONGLONG more;
	} paths[2] = {
		{ .path = { .Size = sizeof(paths[0]), .UniqueConnectionId = 21, .PathWeight = 7 } },
		{ .path = { .Size = sizeof(paths[0]), .UniqueConnectionId = 22, .PrimaryPath = 1 } },
	};
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .LoadBalancePolicy = ISCSI_LB_WEIGHTED_PATHS,
		.iSCSI_PathCount = 2, .iSCSI_Paths = &paths[0].path,
	};

	(void)state;
	fake_start(policy_set);
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), 0);
	assert_int_equal(fake_calls(), 1);
	assert_int_equal(seen_policy, 5);
	assert_int_equal(seen_paths, 2);
	assert_int_equal(seen[0].conn, 21);
	assert_int_equal(seen[0].weight, 7);
	assert_int_equal(seen[0].primary, 0);
	assert_int_equal(seen[1].conn, 22);
	assert_int_equal(seen[1].primary, 1);
	policies.LoadBalancePolicy = 8;
	policies.iSCSI_PathCount = 0;
	policies.iSCSI_Paths = NULL;
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), ISDSC_INVALID_PATH_ID);
	assert_int_equal(fake_calls(), 2);
	assert_int_equal(seen_paths, 0);
	fake_stop();
}

/* None of these reaches the service. */
static void set_wrong(void **state)
{
	ISCSI_PATH paths[2] = { { .Size = sizeof(paths[0]) }, { .Size = sizeof(paths[0]) } };
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .LoadBalancePolicy = 2, .iSCSI_PathCount = 2,
	};

	(void)state;
	fake_start(policy_set);
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(NULL, &policies), ERROR_INVALID_PARAMETER);
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), ERROR_INVALID_PARAMETER);
	policies.iSCSI_Paths = paths;
	policies.Size = sizeof(policies) - 1;
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), ERROR_INVALID_PARAMETER);
	policies.Size = sizeof(policies);
	paths[1].PrimaryPath = 2;
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), ERROR_INVALID_PARAMETER);
	paths[1].PrimaryPath = 1;
	paths[1].Size = 0;
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), ERROR_INVALID_PARAMETER);
	paths[0].Size = 0;
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), ERROR_INVALID_PARAMETER);
	assert_int_equal(fake_calls(), 0);
	fake_stop();
}

/* A count beyond all reason costs neither memory nor the rest of the caller's array. */
static void set_many(void **state)
{
	ISCSI_PATH *paths = calloc(256, sizeof(*paths));
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .LoadBalancePolicy = 2, .iSCSI_PathCount = 0xffffffff,
		.iSCSI_Paths = paths,
	};

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		paths[i].Size = sizeof(*paths);
	fake_start(policy_set);
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, &policies), 0);
	assert_int_equal(fake_calls(), 1);
	assert_int_equal(seen_paths, 256);
	fake_stop();
	free(paths);
}

/* ---- getting */

static int policy_get(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "uua" BUS_LB_PATH, 0, 3, 2, UINT64_C(21), 7, 1,
				     UINT64_C(940), 1, UINT64_C(22), 0, 0, UINT64_C(0), 3);
}

static void get(void **state)
{
	ISCSI_SUPPORTED_LB_POLICIES *policies;
	ULONG size = 0;

	(void)state;
	fake_start(policy_get);
	assert_int_equal(GetIScsiSessionLoadBalancePolicy(&id, NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiSessionLoadBalancePolicy(NULL, &size, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiSessionLoadBalancePolicy(&id, &size, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, sizeof(*policies) + 2 * sizeof(ISCSI_PATH));
	policies = malloc(size);
	size--;
	assert_int_equal(GetIScsiSessionLoadBalancePolicy(&id, &size, policies),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(GetIScsiSessionLoadBalancePolicy(&id, &size, policies), 0);
	assert_int_equal(policies->Size, sizeof(*policies));
	assert_int_equal(policies->LoadBalancePolicy, ISCSI_LB_ROUND_ROBIN_WITH_SUBSET);
	assert_int_equal(policies->UniqueSessionId, 6);
	assert_int_equal(policies->iSCSI_PathCount, 2);
	assert_ptr_equal(policies->iSCSI_Paths, policies + 1);
	assert_int_equal(policies->iSCSI_Paths[0].Size, sizeof(ISCSI_PATH));
	assert_int_equal(policies->iSCSI_Paths[0].UniqueConnectionId, 21);
	assert_int_equal(policies->iSCSI_Paths[0].PathWeight, 7);
	assert_int_equal(policies->iSCSI_Paths[0].PrimaryPath, 1);
	assert_int_equal(policies->iSCSI_Paths[0].EstimatedLinkSpeed, 940);
	assert_int_equal(policies->iSCSI_Paths[0].ConnectionStatus, ISCSI_PATH_CONNECTED);
	assert_int_equal(policies->iSCSI_Paths[0].TCPOffLoadAvailable, 0);
	assert_int_equal(policies->iSCSI_Paths[1].ConnectionStatus, ISCSI_PATH_RECONNECTING);
	fake_stop();

	/* What was got can be set. */
	fake_start(policy_set);
	assert_int_equal(SetIScsiSessionLoadBalancePolicy(&id, policies), 0);
	assert_int_equal(fake_calls(), 1);
	assert_int_equal(seen_policy, 3);
	assert_int_equal(seen_paths, 2);
	assert_int_equal(seen[0].primary, 1);
	fake_stop();
	free(policies);
}

static int bad_reply(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "uuas", 0, 3, 1, "x");
}

static void get_bad(void **state)
{
	ULONG size = 77;

	(void)state;
	fake_start(bad_reply);
	assert_int_equal(GetIScsiSessionLoadBalancePolicy(&id, &size, NULL), ISDSC_NON_SPECIFIC_ERROR);
	assert_int_equal(size, 77);
	fake_stop();
}

/* ---- task management */

static uint64_t seen_lun;
static uint8_t seen_function;

/* Answers with the LUN's last byte. */
static int managed(sd_bus_message *request, sd_bus_message *reply)
{
	uint64_t unique, specific;

	if (sd_bus_message_read(request, BUS_ID "ty", &unique, &specific, &seen_lun,
				&seen_function) < 0)
		return -1;
	return sd_bus_message_append(reply, "uy", seen_function == 99 ? ERROR_TIMEOUT : 0,
				     (uint8_t)seen_lun);
}

static void task_management(void **state)
{
	UCHAR response = 77;

	(void)state;
	fake_start(managed);
	assert_int_equal(SendIScsiTaskManagement(&id, 0, 5, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(SendIScsiTaskManagement(NULL, 0, 5, &response), ERROR_INVALID_PARAMETER);
	assert_int_equal(SendIScsiTaskManagement(&id, 0, 99, &response), ERROR_TIMEOUT);
	assert_int_equal(response, 77);
	assert_int_equal(SendIScsiTaskManagement(&id, 0x100, 5, &response), 0);
	assert_int_equal(response, 0);
	assert_int_equal(fake_calls(), 2);
	assert_int_equal(seen_lun, 0x100);
	assert_int_equal(seen_function, 5);
	assert_int_equal(SendIScsiTaskManagement(&id, 7, 10, &response), 0);
	assert_int_equal(response, 7);
	/* An answer that says no is a failure, with the answer. */
	assert_int_equal(SendIScsiTaskManagement(&id, 5, 5, &response), ISDSC_TARGET_ERROR);
	assert_int_equal(response, 5);
	assert_int_equal(SendIScsiTaskManagement(&id, 255, 5, &response), ISDSC_TARGET_ERROR);
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set), cmocka_unit_test(set_wrong), cmocka_unit_test(set_many),
		cmocka_unit_test(get), cmocka_unit_test(get_bad), cmocka_unit_test(task_management),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
