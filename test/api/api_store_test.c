/*
 * api_store_test.c - trouble with the store, seen by callers: a change that can't be stored is
 * refused and sessions go on; what was acknowledged survives SIGKILL; a damaged file and a lost key
 * are told, and the service starts all the same.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_bed.h"

static const char *state_file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/state/%s", api_bed.dir, name);
	return path;
}

/* The service's log has to have room for its line. */
static void limit_service(bool full)
{
	struct rlimit limit;
	struct stat st;
	char log[128];

	snprintf(log, sizeof(log), "%s/service.log", api_bed.dir);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(prlimit(api_bed.service, RLIMIT_FSIZE, NULL, &limit), 0);
	limit.rlim_cur = full ? (rlim_t)st.st_size + 512 : limit.rlim_max;
	assert_int_equal(prlimit(api_bed.service, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void expect_inquiry(ISCSI_UNIQUE_SESSION_ID *session)
{
	UCHAR response[64], sense[32], status;
	ULONG response_size = sizeof(response), sense_size = sizeof(sense);

	api_expect(ERROR_SUCCESS, SendScsiInquiry(session, 0, 0, 0, &status, &response_size, response,
						  &sense_size, sense));
}

static ULONG portal_count(void)
{
	ULONG count = 0;

	ReportIScsiSendTargetPortalsA(&count, NULL);
	return count;
}

static void test_full_disk(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection, second;
	ISCSI_TARGET_PORTALA portal, other;
	CHAR before[MAX_ISCSI_NAME_LEN + 1], after[MAX_ISCSI_NAME_LEN + 1];

	(void)state;
	api_login(2, &session, &connection);
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_portal(&other, "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(before));
	limit_service(true);
	api_expect(ERROR_IO_DEVICE, AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
							      &other));
	api_expect(ERROR_IO_DEVICE,
		   SetIScsiInitiatorNodeNameA(api_text("iqn.2026-11.test:other")));
	assert_true(api_service_logged("store.db: ", 0));
	/* All is as it was, and goes on. */
	assert_int_equal(portal_count(), 1);
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(after));
	assert_string_equal(before, after);
	expect_inquiry(&session);
	api_expect(ERROR_SUCCESS,
		   AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, 0,
				       NULL, &second));
	limit_service(false);
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
							    &other));
	assert_int_equal(portal_count(), 2);
	expect_inquiry(&session);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS, RemoveIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &other));
}

static ISDSC_STATUS policy_set(ISCSI_UNIQUE_SESSION_ID *session, ULONG policy)
{
	char room[1024];
	ISCSI_SUPPORTED_LB_POLICIES *policies = (void *)room;
	ULONG size = sizeof(room);

	api_expect(ERROR_SUCCESS, GetIScsiSessionLoadBalancePolicy(session, &size, policies));
	if (policies->LoadBalancePolicy == policy)
		return ERROR_SUCCESS;
	policies->LoadBalancePolicy = policy;
	return SetIScsiSessionLoadBalancePolicy(session, policies);
}

/* Logins that last, and a policy that lasts with one, have codes of their own. */
static void test_logins_on_a_full_disk(void **state)
{
	static char name[] = API_TARGET_NAME;
	ISCSI_UNIQUE_SESSION_ID session, none;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_login(2, &session, &connection);
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, LoginIScsiTargetA(name, FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
						    NULL, NULL, 0, NULL, TRUE, &none, &connection));
	limit_service(true);
	api_expect(ISDSC_COULD_NOT_SAVE_PERSISTENT_LOGIN_DATA,
		   LoginIScsiTargetA(name, FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, NULL, NULL, 0,
				     NULL, TRUE, &none, &connection));
	api_expect(ISDSC_FAILURE_TO_PERSIST_LB_POLICY,
		   policy_set(&session, ISCSI_LB_DYN_LEAST_QUEUE_DEPTH));
	/* It is in force all the same. */
	api_expect(ERROR_SUCCESS, policy_set(&session, ISCSI_LB_DYN_LEAST_QUEUE_DEPTH));
	api_expect(ISDSC_COULD_NOT_REMOVE_PERSISTENT_LOGIN_DATA,
		   RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, name, NULL));
	limit_service(false);
	api_expect(ERROR_SUCCESS, RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, name, NULL));
}

static void test_killed(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	CHAR name[MAX_ISCSI_NAME_LEN + 1];

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(api_text("iqn.2026-11.test:kept")));
	assert_int_equal(api_service_end(SIGKILL), -SIGKILL);
	api_service_start();
	assert_int_equal(portal_count(), 1);
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	assert_string_equal(name, "iqn.2026-11.test:kept");
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(NULL));
}

static void test_lost_key(void **state)
{
	ISCSI_LOGIN_OPTIONS chap = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_PASSWORD,
		.AuthType = ISCSI_CHAP_AUTH_TYPE,
		.PasswordLength = 14,
		.Password = (PUCHAR)api_text("secret-of-mine"),
	};
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	/* Whatever the target thinks of CHAP, the portal is kept. */
	api_portal(&portal, "127.0.0.1", api_bed.port);
	AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &chap, 0, &portal);
	assert_int_equal(portal_count(), 1);
	assert_int_equal(api_service_end(SIGTERM), 0);
	assert_int_equal(unlink(state_file("store.key")), 0);
	api_service_start();
	assert_true(api_service_logged("store.key", 5000));
	assert_true(api_service_logged("lost: the password of the SendTargets portal", 5000));
	assert_false(api_service_logged("secret-of-mine", 0));
	assert_int_equal(portal_count(), 1);
	api_expect(ISDSC_INVALID_TARGET_CHAP_SECRET,
		   RefreshIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
	/* Setting it anew is all that it takes. */
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
							    &portal));
}

static void test_damaged_file(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	int fd;

	(void)state;
	api_discover(&portal);
	assert_int_equal(api_service_end(SIGTERM), 0);
	fd = open(state_file("store.db"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "no database", 11, 0), 11);
	close(fd);
	api_service_start();
	assert_true(api_service_logged("store.db.damaged-", 5000));
	assert_int_equal(portal_count(), 0);
	api_discover(&portal);
	assert_int_equal(portal_count(), 1);
}

#define TEST(f) cmocka_unit_test_teardown(f, api_logout_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_full_disk), TEST(test_logins_on_a_full_disk), TEST(test_killed),
		TEST(test_lost_key), TEST(test_damaged_file),
	};

	return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
