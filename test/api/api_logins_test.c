/*
 * api_logins_test.c - logins that last: which entries there are and what removes them, and what comes
 * back with a session at the next start: its kind, its numbers, its policy, its added connections.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_bed.h"

enum { TRIES = 500, NAP_US = 20000 };

static const char *const disks[] = { "--luns=2", "--mib=4", NULL };
static char target_name[] = API_TARGET_NAME, instance[] = "ROOT\\ISCSIPRT\\0000_0";
static ISCSI_TARGET_PORTALA portals[2];
static ISCSI_UNIQUE_SESSION_ID session;

/* A login with these, of portals[0]. */
struct wanted {
	char *instance;
	ULONG port;
	ISCSI_TARGET_PORTALA *portal;
	ISCSI_TARGET_MAPPINGA *mapping;
	BOOLEAN informational;
	ISCSI_LOGIN_FLAGS flags;
};

static ISDSC_STATUS login(const struct wanted *w, BOOLEAN persistent)
{
	ISCSI_LOGIN_OPTIONS options = { .LoginFlags = w->flags };
	ISCSI_UNIQUE_CONNECTION_ID connection = { 1, 2 };
	ISDSC_STATUS status;

	session = (ISCSI_UNIQUE_SESSION_ID){ 3, 4 };
	status = LoginIScsiTargetA(target_name, w->informational, w->instance, w->port, w->portal, 0,
				   w->mapping, &options, 0, NULL, persistent, &session, &connection);
	/* Nothing is logged in to, so there is no id. */
	if (!status && persistent)
		assert_int_equal(session.AdapterUnique | session.AdapterSpecific |
				 connection.AdapterUnique | connection.AdapterSpecific, 0);
	return status;
}

static PERSISTENT_ISCSI_LOGIN_INFOA *logins(ULONG *count)
{
	static char room[65536];
	ULONG size = sizeof(room);

	api_expect(ERROR_SUCCESS, ReportIScsiPersistentLoginsA(count, (void *)room, &size));
	return (void *)room;
}

static unsigned login_count(void)
{
	ULONG count;

	logins(&count);
	return count;
}

static void service_restart(void)
{
	assert_int_equal(api_service_end(SIGTERM), 0);
	api_service_start();
}

static void until_sessions(unsigned wanted)
{
	ISCSI_SESSION_INFOA *list;
	ULONG count = ~0u;

	for (unsigned i = 0; count != wanted; i++) {
		assert_true(i < TRIES);
		usleep(NAP_US);
		list = api_sessions(&count);
		if (count)
			session = list[0].SessionId;
		free(list);
	}
}

static void until_connections(unsigned wanted)
{
	for (unsigned i = 0; api_connections(&session) != wanted; i++) {
		assert_true(i < TRIES);
		usleep(NAP_US);
	}
}

static int clean(void **state)
{
	RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, target_name, NULL);
	SetIScsiDefault(api_text("persistent-connections"), NULL);
	SetIScsiDefault(api_text("load-balance-policy@" API_TARGET_NAME), NULL);
	return api_logout_all(state);
}

/* ---- tests */

#define ANY ISCSI_ANY_INITIATOR_PORT

static void test_entries(void **state)
{
	static char loud[] = "IQN.2026-11.TEST:MCS";
	const ULONG all = ISCSI_ALL_INITIATOR_PORTS;
	ISCSI_TARGET_PORTALA empty = { .Socket = 0 };
	PERSISTENT_ISCSI_LOGIN_INFOA *list;
	ULONG count;

	(void)state;
	api_discover(&portals[0]);
	api_portal(&portals[1], "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .port = ANY, .portal = &portals[0] }, TRUE));
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .instance = instance, .port = ANY, .portal = &portals[0] }, TRUE));
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .instance = instance, .port = 1, .portal = &portals[0] }, TRUE));
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .instance = instance, .port = 1, .portal = &portals[1] }, TRUE));
	api_expect(ERROR_SUCCESS, login(&(struct wanted){ .instance = instance, .port = 1 }, TRUE));
	assert_int_equal(login_count(), 5);
	/* The same again takes its place. */
	api_expect(ERROR_SUCCESS, login(&(struct wanted){ .instance = instance, .port = 1,
							  .portal = &portals[1], .informational = 7 }, TRUE));
	list = logins(&count);
	assert_int_equal(count, 5);
	assert_int_equal(list[3].IsInformationalSession, 1);
	assert_string_equal(list[4].TargetPortal.Address, "");
	assert_int_equal(list[4].TargetPortal.Socket, 0);
	/* A port's own, then a portal's, then all. */
	api_expect(ISDSC_TARGET_NOT_FOUND, RemoveIScsiPersistentTargetA(instance, 2, target_name, NULL));
	api_expect(ERROR_SUCCESS, RemoveIScsiPersistentTargetA(instance, 1, target_name, &portals[0]));
	assert_int_equal(login_count(), 4);
	api_expect(ERROR_SUCCESS, RemoveIScsiPersistentTargetA(NULL, all, loud, &portals[0]));
	assert_int_equal(login_count(), 2);
	api_expect(ERROR_SUCCESS, RemoveIScsiPersistentTargetA(api_text(""), all, target_name, &empty));
	assert_int_equal(login_count(), 0);
	api_expect(ISDSC_TARGET_NOT_FOUND, RemoveIScsiPersistentTargetA(NULL, all, target_name, NULL));
}

/* A session comes back as it was asked for: with its numbers, or for information only. */
static void test_what_comes_back(void **state)
{
	SCSI_LUN_LIST lun = { 5, 1 };
	ISCSI_TARGET_MAPPINGA mapping = { .OSBusNumber = 3, .OSTargetNumber = 9, .LUNCount = 1,
					  .LUNList = &lun };
	ISCSI_DEVICE_ON_SESSIONA device;
	ULONG count = 1;

	(void)state;
	api_discover(&portals[0]);
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .port = ANY, .portal = &portals[0], .mapping = &mapping }, TRUE));
	service_restart();
	until_sessions(1);
	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&session, &count, &device));
	assert_int_equal(count, 1);
	assert_int_equal(device.ScsiAddress.PathId, 3);
	assert_int_equal(device.ScsiAddress.TargetId, 9);
	assert_int_equal(device.ScsiAddress.Lun, 5);
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .port = ANY, .portal = &portals[0], .informational = TRUE }, TRUE));
	service_restart();
	until_sessions(1);
	count = 1;
	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&session, &count, &device));
	assert_int_equal(count, 0);
}

/* All at once, and each with its own target portal. */
static void test_several_come_back(void **state)
{
	const ISCSI_LOGIN_FLAGS several = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED;

	(void)state;
	api_discover(&portals[0]);
	api_portal(&portals[1], "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .port = ANY, .portal = &portals[0], .flags = several }, TRUE));
	api_expect(ERROR_SUCCESS,
		   login(&(struct wanted){ .port = ANY, .portal = &portals[1], .flags = several }, TRUE));
	service_restart();
	until_sessions(2);
}

static ISDSC_STATUS policy_set(ULONG policy)
{
	char room[4096];
	ISCSI_SUPPORTED_LB_POLICIES *policies = (void *)room;
	ULONG size = sizeof(room);

	api_expect(ERROR_SUCCESS, GetIScsiSessionLoadBalancePolicy(&session, &size, policies));
	policies->LoadBalancePolicy = policy;
	return SetIScsiSessionLoadBalancePolicy(&session, policies);
}

static ULONG policy_get(void)
{
	char room[4096];
	ULONG size = sizeof(room);

	api_expect(ERROR_SUCCESS, GetIScsiSessionLoadBalancePolicy(&session, &size, (void *)room));
	return ((ISCSI_SUPPORTED_LB_POLICIES *)(void *)room)->LoadBalancePolicy;
}

/* The policy of a session that lasts does, too; that of another one ends with it. */
static void test_the_policy_lasts(void **state)
{
	const struct wanted wanted = { .port = ANY, .portal = &portals[0] };

	(void)state;
	api_discover(&portals[0]);
	api_expect(ERROR_SUCCESS, login(&wanted, FALSE));
	api_expect(ERROR_SUCCESS, policy_set(ISCSI_LB_WEIGHTED_PATHS));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS, login(&wanted, FALSE));
	assert_int_equal(policy_get(), ISCSI_LB_ROUND_ROBIN);
	api_expect(ERROR_SUCCESS, login(&wanted, TRUE));
	until_sessions(1);
	api_expect(ERROR_SUCCESS, policy_set(ISCSI_LB_DYN_LEAST_QUEUE_DEPTH));
	service_restart();
	until_sessions(1);
	assert_int_equal(policy_get(), ISCSI_LB_DYN_LEAST_QUEUE_DEPTH);
}

/* Connections that were there before the login was stored come back, too, where that is wanted. */
static void test_connections_before_the_login(void **state)
{
	const struct wanted wanted = { .port = ANY, .portal = &portals[0] };

	(void)state;
	api_discover(&portals[0]);
	api_portal(&portals[1], "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("persistent-connections"), api_text("on")));
	api_expect(ERROR_SUCCESS, login(&wanted, FALSE));
	for (unsigned i = 0; i < 2; i++)
		api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ANY, &portals[i], 0, NULL, 0,
							      NULL, NULL));
	api_expect(ERROR_SUCCESS, login(&wanted, TRUE));
	service_restart();
	until_sessions(1);
	until_connections(3);
}

static int setup(void **state)
{
	*state = (void *)(uintptr_t)disks;
	return api_setup(state);
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_entries), TEST(test_what_comes_back), TEST(test_several_come_back),
		TEST(test_the_policy_lasts), TEST(test_connections_before_the_login),
	};

	return cmocka_run_group_tests_name("logins", tests, setup, api_teardown);
}
