/* api_policy_test.c - load balance policies and task management, on a session that carries commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_bed.h"

enum { CONNS = 4 };

struct fixture {
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID conn[CONNS];
};

static void login(struct fixture *f)
{
	ISCSI_DEVICE_ON_SESSIONA devices[8];
	ISCSI_TARGET_PORTALA portal;
	ULONG count = 8;

	api_login(CONNS, &f->session, &f->conn[0]);
	for (unsigned i = 1; i < CONNS; i++) {
		api_portal(&portal, i % 2 ? "127.0.0.2" : "127.0.0.1", api_bed.port);
		api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&f->session, NULL, ISCSI_ANY_INITIATOR_PORT,
							      &portal, 0, NULL, 0, NULL, &f->conn[i]));
	}
	/* When the devices are known, the search for them is over. */
	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&f->session, &count, devices));
}

static ISCSI_SUPPORTED_LB_POLICIES *policy_get(struct fixture *f)
{
	ISCSI_SUPPORTED_LB_POLICIES *policies;
	ULONG size = 0;

	api_expect(ERROR_INSUFFICIENT_BUFFER,
		   GetIScsiSessionLoadBalancePolicy(&f->session, &size, NULL));
	policies = malloc(size);
	api_expect(ERROR_SUCCESS, GetIScsiSessionLoadBalancePolicy(&f->session, &size, policies));
	return policies;
}

/* All connections with these weights and primaries, a digit for each. */
static ISDSC_STATUS policy_set(struct fixture *f, ULONG policy, const char *weights,
			       const char *primaries)
{
	ISCSI_PATH paths[CONNS];
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .LoadBalancePolicy = policy, .iSCSI_PathCount = CONNS,
		.iSCSI_Paths = paths,
	};

	for (unsigned i = 0; i < CONNS; i++)
		paths[i] = (ISCSI_PATH){
			.Size = sizeof(paths[i]),
			.UniqueConnectionId = f->conn[i].AdapterSpecific,
			.PathWeight = (ULONG)(weights[i] - '0'),
			.PrimaryPath = (ULONG)(primaries[i] - '0'),
		};
	return SetIScsiSessionLoadBalancePolicy(&f->session, &policies);
}

static void commands_get(struct fixture *f, ULONGLONG ret[CONNS])
{
	char buffer[8192];
	ISCSI_CONNECTION_COUNTERS *list = (void *)buffer;
	ULONG size = sizeof(buffer), count;

	api_expect(ERROR_SUCCESS, GetIScsiConnectionCounters(&f->session, &size, &count, list));
	assert_int_equal(count, CONNS);
	for (ULONG i = 0; i < count; i++) {
		for (unsigned j = 0; j < CONNS; j++)
			if (list->ConnectionId.AdapterSpecific == f->conn[j].AdapterSpecific)
				ret[j] = list->Commands;
		list = (ISCSI_CONNECTION_COUNTERS *)(void *)((char *)list + list->Size);
	}
}

static void inquire(struct fixture *f)
{
	UCHAR answer[36], sense[18], scsi_status;
	ULONG size = sizeof(answer), sense_size = sizeof(sense);

	api_expect(ERROR_SUCCESS, SendScsiInquiry(&f->session, 0, 0, 0, &scsi_status, &size, answer,
						  &sense_size, sense));
}

/* Sends twelve commands; asserts how many of them each connection had. */
static void spread_is(struct fixture *f, unsigned a, unsigned b, unsigned c, unsigned d)
{
	const unsigned expected[CONNS] = { a, b, c, d };
	ULONGLONG before[CONNS], after[CONNS];

	commands_get(f, before);
	for (unsigned i = 0; i < 12; i++)
		inquire(f);
	commands_get(f, after);
	for (unsigned i = 0; i < CONNS; i++)
		assert_int_equal(after[i] - before[i], expected[i]);
}

static void test_policies(void **state)
{
	struct fixture f;
	ULONGLONG before[CONNS], after[CONNS], sum = 0;

	(void)state;
	login(&f);
	spread_is(&f, 3, 3, 3, 3);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_FAILOVER, "0000", "0010"));
	spread_is(&f, 0, 0, 12, 0);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_ROUND_ROBIN_WITH_SUBSET, "0000", "0101"));
	spread_is(&f, 0, 6, 0, 6);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_WEIGHTED_PATHS, "3143", "1111"));
	spread_is(&f, 0, 12, 0, 0);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_WEIGHTED_PATHS, "3233", "0000"));
	spread_is(&f, 0, 12, 0, 0);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_WEIGHTED_PATHS, "2522", "0000"));
	spread_is(&f, 4, 0, 4, 4);
	/* One command at a time finds all queues empty. */
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_DYN_LEAST_QUEUE_DEPTH, "0000", "0000"));
	spread_is(&f, 3, 3, 3, 3);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_ADAPTIVE, "0000", "0000"));
	commands_get(&f, before);
	for (unsigned i = 0; i < 100; i++)
		inquire(&f);
	commands_get(&f, after);
	for (unsigned i = 0; i < CONNS; i++)
		sum += after[i] - before[i];
	assert_int_equal(sum, 100);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_ROUND_ROBIN, "0000", "0000"));
	spread_is(&f, 3, 3, 3, 3);
}

static void path_is(const ISCSI_PATH *path, const ISCSI_UNIQUE_CONNECTION_ID *id, ULONG weight,
		    ULONG primary)
{
	assert_int_equal(path->UniqueConnectionId, id->AdapterSpecific);
	assert_int_equal(path->PathWeight, weight);
	assert_int_equal(path->PrimaryPath, primary);
	assert_int_equal(path->ConnectionStatus, ISCSI_PATH_CONNECTED);
}

static void test_get(void **state)
{
	ISCSI_SUPPORTED_LB_POLICIES *policies;
	ISCSI_TARGET_PORTALA portal;
	struct fixture f;

	(void)state;
	login(&f);
	policies = policy_get(&f);
	assert_int_equal(policies->LoadBalancePolicy, ISCSI_LB_ROUND_ROBIN);
	assert_int_equal(policies->UniqueSessionId, f.session.AdapterSpecific);
	assert_int_equal(policies->iSCSI_PathCount, CONNS);
	for (unsigned i = 0; i < CONNS; i++)
		path_is(&policies->iSCSI_Paths[i], &f.conn[i], 0, 0);
	free(policies);

	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_WEIGHTED_PATHS, "9876", "0101"));
	policies = policy_get(&f);
	assert_int_equal(policies->LoadBalancePolicy, ISCSI_LB_WEIGHTED_PATHS);
	for (unsigned i = 0; i < CONNS; i++)
		path_is(&policies->iSCSI_Paths[i], &f.conn[i], 9 - i, i % 2);
	free(policies);

	/* One that is added later has no weight and is not primary. */
	api_expect(ERROR_SUCCESS, RemoveIScsiConnection(&f.session, &f.conn[3]));
	api_portal(&portal, "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&f.session, NULL, ISCSI_ANY_INITIATOR_PORT,
						      &portal, 0, NULL, 0, NULL, &f.conn[3]));
	policies = policy_get(&f);
	path_is(&policies->iSCSI_Paths[2], &f.conn[2], 7, 0);
	path_is(&policies->iSCSI_Paths[3], &f.conn[3], 0, 0);
	free(policies);
	spread_is(&f, 0, 0, 0, 12);
	api_expect(ISDSC_INVALID_SESSION_ID,
		   GetIScsiSessionLoadBalancePolicy(&f.conn[0], &(ULONG){ 0 }, NULL));
}

/* The checks, each with what the later ones would find as well. */
static void test_checks(void **state)
{
	ISCSI_PATH paths[CONNS + 1];
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .iSCSI_PathCount = CONNS + 1, .iSCSI_Paths = paths,
	};
	struct fixture f;

	(void)state;
	login(&f);
	for (unsigned i = 0; i < CONNS + 1; i++)
		paths[i] = (ISCSI_PATH){
			.Size = sizeof(paths[i]), .PrimaryPath = 1,
			.UniqueConnectionId = f.conn[i % CONNS].AdapterSpecific,
		};
	api_expect(ISDSC_INVALID_SESSION_ID,
		   SetIScsiSessionLoadBalancePolicy(&f.conn[0], &policies));
	for (ULONG unknown = 0; unknown <= 16; unknown += 8) {
		policies.LoadBalancePolicy = unknown;
		api_expect(ISDSC_INVALID_LOAD_BALANCE_POLICY,
			   SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	}
	policies.LoadBalancePolicy = ISCSI_LB_VENDOR_SPECIFIC;
	api_expect(ISDSC_LB_POLICY_NOT_SUPPORTED,
		   SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	policies.LoadBalancePolicy = ISCSI_LB_FAILOVER;
	api_expect(ISDSC_PATH_COUNT_MISMATCH,
		   SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	policies.iSCSI_PathCount = 0;
	api_expect(ISDSC_PATH_COUNT_MISMATCH,
		   SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	policies.iSCSI_PathCount = CONNS;
	paths[0].UniqueConnectionId = 999999;
	paths[3].UniqueConnectionId = paths[2].UniqueConnectionId;
	api_expect(ISDSC_DUPLICATE_PATH_SPECIFIED,
		   SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	paths[3].UniqueConnectionId = f.conn[3].AdapterSpecific;
	api_expect(ISDSC_INVALID_PATH_ID, SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	paths[0].UniqueConnectionId = f.conn[0].AdapterSpecific;
	api_expect(ISDSC_MULTIPLE_PRIMARY_PATHS_SPECIFIED,
		   SetIScsiSessionLoadBalancePolicy(&f.session, &policies));
	api_expect(ISDSC_NO_PRIMARY_PATH_SPECIFIED, policy_set(&f, ISCSI_LB_FAILOVER, "0000", "0000"));
	api_expect(ISDSC_NO_PRIMARY_PATH_SPECIFIED,
		   policy_set(&f, ISCSI_LB_ROUND_ROBIN_WITH_SUBSET, "0000", "0000"));
	/* None of this has changed anything. */
	spread_is(&f, 3, 3, 3, 3);
}

/* What a session begins with is a setting, also for one target alone. */
static void test_setting(void **state)
{
	static char name[] = "load-balance-policy", word[] = "fail-over-only", wrong[] = "vendor";
	static char one[] = "load-balance-policy@" API_TARGET_NAME, adaptive[] = "adaptive";
	ISCSI_SUPPORTED_LB_POLICIES *policies;
	struct fixture f;

	(void)state;
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiDefault(name, wrong));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(name, word));
	login(&f);
	policies = policy_get(&f);
	assert_int_equal(policies->LoadBalancePolicy, ISCSI_LB_FAILOVER);
	for (unsigned i = 0; i < CONNS; i++)
		path_is(&policies->iSCSI_Paths[i], &f.conn[i], 0, i == 0);
	spread_is(&f, 12, 0, 0, 0);
	/* What was got can be set. */
	api_expect(ERROR_SUCCESS, SetIScsiSessionLoadBalancePolicy(&f.session, policies));
	spread_is(&f, 12, 0, 0, 0);
	free(policies);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&f.session));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(one, adaptive));
	login(&f);
	policies = policy_get(&f);
	assert_int_equal(policies->LoadBalancePolicy, ISCSI_LB_ADAPTIVE);
	free(policies);
	api_expect(ERROR_SUCCESS, SetIScsiDefault(one, NULL));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(name, NULL));
}

/* How many have been lost and are back. */
static unsigned returned(struct fixture *f)
{
	char buffer[8192];
	ISCSI_CONNECTION_COUNTERS *list = (void *)buffer;
	ULONG size = sizeof(buffer), count;
	unsigned n = 0;

	api_expect(ERROR_SUCCESS, GetIScsiConnectionCounters(&f->session, &size, &count, list));
	for (ULONG i = 0; i < count; i++) {
		n += list->Reconnects > 0 && list->State == ISCSI_CONNECTION_STATE_FULL_FEATURE;
		list = (ISCSI_CONNECTION_COUNTERS *)(void *)((char *)list + list->Size);
	}
	return n;
}

/* The rules hold for the connections when they come back. */
static void test_after_recovery(void **state)
{
	ISCSI_SUPPORTED_LB_POLICIES *policies;
	struct fixture f;

	(void)state;
	login(&f);
	api_expect(ERROR_SUCCESS, policy_set(&f, ISCSI_LB_FAILOVER, "1234", "0100"));
	api_target_restart(NULL);
	for (unsigned tries = 0; returned(&f) < CONNS; tries++) {
		policies = policy_get(&f);
		assert_int_equal(policies->iSCSI_PathCount, CONNS);
		for (unsigned i = 0; i < CONNS; i++) {
			assert_true(policies->iSCSI_Paths[i].ConnectionStatus == ISCSI_PATH_CONNECTED ||
				    policies->iSCSI_Paths[i].ConnectionStatus == ISCSI_PATH_RECONNECTING);
			assert_int_equal(policies->iSCSI_Paths[i].PathWeight, i + 1);
		}
		free(policies);
		assert_true(tries < 1200);
		usleep(50000);
	}
	policies = policy_get(&f);
	assert_int_equal(policies->LoadBalancePolicy, ISCSI_LB_FAILOVER);
	for (unsigned i = 0; i < CONNS; i++)
		path_is(&policies->iSCSI_Paths[i], &f.conn[i], i + 1, i == 1);
	free(policies);
	spread_is(&f, 0, 12, 0, 0);
}

static void test_task_management(void **state)
{
	struct fixture f;
	UCHAR response = 99;

	(void)state;
	login(&f);
	for (unsigned function = 0; function <= 255; function++)
		if (function < ISCSI_TASK_ABORT_SET || function > ISCSI_TASK_TARGET_COLD_RESET)
			api_expect(ERROR_INVALID_PARAMETER,
				   SendIScsiTaskManagement(&f.session, 0, (UCHAR)function, &response));
	api_expect(ISDSC_INVALID_SESSION_ID,
		   SendIScsiTaskManagement(&f.conn[0], 0, ISCSI_TASK_LUN_RESET, &response));
	assert_int_equal(response, 99);
	api_expect(ERROR_SUCCESS,
		   SendIScsiTaskManagement(&f.session, 0, ISCSI_TASK_LUN_RESET, &response));
	assert_int_equal(response, ISCSI_TASK_RESPONSE_COMPLETE);
	/* An answer that says no comes with a status of its own. */
	api_expect(ISDSC_TARGET_ERROR,
		   SendIScsiTaskManagement(&f.session, 1, ISCSI_TASK_CLEAR_ACA, &response));
	assert_int_equal(response, ISCSI_TASK_RESPONSE_NO_SUCH_LUN);
	inquire(&f);
	assert_int_equal(api_connections(&f.session), CONNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_policies, api_logout_all),
		cmocka_unit_test_teardown(test_get, api_logout_all),
		cmocka_unit_test_teardown(test_checks, api_logout_all),
		cmocka_unit_test_teardown(test_setting, api_logout_all),
		cmocka_unit_test_teardown(test_after_recovery, api_logout_all),
		cmocka_unit_test_teardown(test_task_management, api_logout_all),
	};

	return cmocka_run_group_tests_name("api_policy", tests, api_setup, api_teardown);
}
