/*
 * api_persistent_test.c - logins and devices that last: stored, brought back by the next start,
 * waited for, and tried again until the target comes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api_bed.h"

static const char *const disks[] = { "--luns=2", "--mib=4", NULL };
static char target_name[] = API_TARGET_NAME, instance[] = "ROOT\\ISCSIPRT\\0000_0";
static int notices = -1; /* what the service tells systemd */

static void nap(unsigned ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* ---- the service's start */

static int setup(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *const *options = disks;

	(void)state;
	if (api_setup((void **)(uintptr_t)&options))
		return -1;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/notify", api_bed.dir);
	notices = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setenv("NOTIFY_SOCKET", un.sun_path, 1);
	return bind(notices, (struct sockaddr *)&un, sizeof(un));
}

static int teardown(void **state)
{
	close(notices);
	return api_teardown(state);
}

/* Whether it has told that it is ready, in so many milliseconds. */
static bool is_ready(unsigned ms)
{
	char text[512];
	ssize_t n;

	for (unsigned waited = 0;; waited += 20) {
		while ((n = recv(notices, text, sizeof(text) - 1, 0)) > 0) {
			text[n] = 0;
			if (strstr(text, "READY=1"))
				return true;
		}
		if (waited >= ms)
			return false;
		nap(20);
	}
}

static void service_end(void)
{
	char text[512];

	assert_int_equal(api_service_end(SIGTERM), 0);
	while (recv(notices, text, sizeof(text), 0) > 0)
		;
}

static void service_restart(void)
{
	service_end();
	api_service_start();
}

/* Nobody listens at its portals any more. */
static void target_stop(void)
{
	kill(api_bed.target, SIGTERM);
	assert_int_equal(waitpid(api_bed.target, NULL, 0), api_bed.target);
	api_bed.target = 0;
}

static void setting(const char *name, const char *value)
{
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text(name), api_text(value)));
}

/* ---- what is there */

static unsigned sessions(ISCSI_UNIQUE_SESSION_ID *ret)
{
	ULONG count;
	ISCSI_SESSION_INFOA *list = api_sessions(&count);

	if (count && ret)
		*ret = list[0].SessionId;
	free(list);
	return count;
}

/* Waits for that many. */
static bool sessions_come(unsigned wanted, ISCSI_UNIQUE_SESSION_ID *ret)
{
	for (unsigned i = 0; i < 500; i++) {
		if (sessions(ret) == wanted)
			return true;
		nap(20);
	}
	return false;
}

static bool connections_come(const ISCSI_UNIQUE_SESSION_ID *session, unsigned wanted)
{
	for (unsigned i = 0; i < 500; i++) {
		if (api_connections(session) == wanted)
			return true;
		nap(20);
	}
	return false;
}

static PERSISTENT_ISCSI_LOGIN_INFOA *logins(ULONG *count)
{
	PERSISTENT_ISCSI_LOGIN_INFOA *list;
	ULONG size = 100000;

	list = malloc(size);
	assert_non_null(list);
	api_expect(ERROR_SUCCESS, ReportIScsiPersistentLoginsA(count, list, &size));
	return list;
}

static unsigned login_count(void)
{
	ULONG count;

	free(logins(&count));
	return count;
}

static void device_path(const ISCSI_UNIQUE_SESSION_ID *session, unsigned number, char *ret)
{
	ISCSI_DEVICE_ON_SESSIONA devices[8];
	ULONG count = 8;

	api_expect(ERROR_SUCCESS,
		   GetDevicesForIScsiSessionA((ISCSI_UNIQUE_SESSION_ID *)(uintptr_t)session, &count,
					      devices));
	assert_true(count > number);
	strcpy(ret, devices[number].LegacyName);
}

/* The first bound device, as it is shown; "" for none. */
static void bound_first(char *ret)
{
	char list[4096];
	ULONG size = sizeof(list);

	api_expect(ERROR_SUCCESS, ReportPersistentIScsiDevicesA(&size, list));
	strcpy(ret, list);
}

/* ---- logging in */

static ISDSC_STATUS login(ISCSI_TARGET_PORTALA *portal, ISCSI_LOGIN_OPTIONS *options,
			  BOOLEAN persistent)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;

	return LoginIScsiTargetA(target_name, FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, portal, 0, NULL,
				 options, 0, NULL, persistent, &session, &connection);
}

static void forget_portal(void)
{
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS,
		   RemoveIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
}

static int test_teardown(void **state)
{
	ISCSI_TARGET_PORTALA empty = { .Socket = 0 };

	RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, target_name, &empty);
	ClearPersistentIScsiDevices();
	SetIScsiDefault(api_text("retry-time"), NULL);
	SetIScsiDefault(api_text("bound-device-time"), NULL);
	SetIScsiDefault(api_text("persistent-login-time"), NULL);
	return api_logout_all(state);
}

/* ---- tests */

static void test_stored_and_brought_back(void **state)
{
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS, .MaximumConnections = 3,
	};
	ISCSI_UNIQUE_SESSION_ID first, second;
	PERSISTENT_ISCSI_LOGIN_INFOA *list;
	ISCSI_TARGET_PORTALA portal;
	char path[MAX_PATH];
	ULONG count;

	(void)state;
	api_expect(ISDSC_TARGET_NOT_FOUND, login(NULL, NULL, TRUE));
	api_discover(&portal);
	/* Stores, and no more. */
	api_expect(ERROR_SUCCESS, login(&portal, &options, TRUE));
	assert_int_equal(sessions(NULL), 0);
	list = logins(&count);
	assert_int_equal(count, 1);
	assert_string_equal(list->TargetName, target_name);
	assert_string_equal(list->InitiatorInstance, "");
	assert_int_equal(list->InitiatorPortNumber, ISCSI_ANY_INITIATOR_PORT);
	assert_string_equal(list->TargetPortal.Address, "127.0.0.1");
	assert_int_equal(list->LoginOptions.MaximumConnections, 3);
	assert_null(list->Mappings);
	free(list);
	service_restart();
	assert_true(is_ready(10000));
	/* Ready means that it is there. */
	assert_int_equal(sessions(&first), 1);
	device_path(&first, 1, path);
	assert_true(strlen(path) > 0);
	/* A logout does not take it off the list. */
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&first));
	assert_int_equal(login_count(), 1);
	service_restart();
	assert_true(sessions_come(1, &second));
	assert_true(first.AdapterUnique != second.AdapterUnique);
	/* What the listing shows, given back, is what is removed; the session stays. */
	list = logins(&count);
	api_expect(ISDSC_TARGET_NOT_FOUND,
		   RemoveIScsiPersistentTargetA(instance, 1, list->TargetName, &list->TargetPortal));
	api_expect(ISDSC_INITIATOR_INSTANCE_NOT_FOUND,
		   RemoveIScsiPersistentTargetA(api_text("other"), ISCSI_ALL_INITIATOR_PORTS,
						list->TargetName, NULL));
	api_expect(ERROR_SUCCESS,
		   RemoveIScsiPersistentTargetA(list->InitiatorInstance, list->InitiatorPortNumber,
						list->TargetName, &list->TargetPortal));
	api_expect(ISDSC_TARGET_NOT_FOUND,
		   RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, target_name, NULL));
	free(list);
	assert_int_equal(sessions(NULL), 1);
	service_restart();
	assert_true(is_ready(10000));
	assert_int_equal(sessions(NULL), 0);
}

static void test_without_discovery(void **state)
{
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, TRUE));
	forget_portal();
	service_restart();
	assert_true(is_ready(10000));
	assert_int_equal(sessions(NULL), 1);
}

static void test_any_portal(void **state)
{
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(NULL, NULL, TRUE));
	service_restart();
	assert_true(is_ready(10000));
	assert_int_equal(sessions(NULL), 1);
	/* With no way left to find the target, the start does not wait for it. */
	forget_portal();
	service_restart();
	assert_true(is_ready(5000));
	assert_int_equal(sessions(NULL), 0);
	/* It comes as soon as the target is known. */
	api_discover(&portal);
	assert_true(sessions_come(1, NULL));
}

static void test_target_comes_later(void **state)
{
	ISCSI_TARGET_PORTALA portal, other;
	ISCSI_LOGIN_OPTIONS several = { .LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED };

	(void)state;
	api_discover(&portal);
	api_portal(&other, "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, login(&portal, &several, TRUE));
	api_expect(ERROR_SUCCESS, login(&other, &several, TRUE));
	setting("retry-time", "1");
	service_end();
	target_stop();
	api_service_start();
	/* The first tries have failed: nothing to wait for any more. */
	assert_true(is_ready(5000));
	assert_int_equal(sessions(NULL), 0);
	assert_true(api_service_logged("the persistent login failed", 0));
	api_target_restart(disks);
	assert_true(sessions_come(2, NULL));
}

static void test_removed_while_it_is_retried(void **state)
{
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, TRUE));
	setting("retry-time", "1");
	service_end();
	target_stop();
	api_service_start();
	assert_true(is_ready(5000));
	api_expect(ERROR_SUCCESS,
		   RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, target_name, NULL));
	api_target_restart(disks);
	nap(2500);
	assert_int_equal(sessions(NULL), 0);
}

/* Logged in by hand while it was waited for: there is no second one. */
static void test_logged_in_by_hand(void **state)
{
	ISCSI_LOGIN_OPTIONS several = { .LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED };
	ISCSI_TARGET_PORTALA portal;
	bool in = false;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, &several, TRUE));
	setting("retry-time", "2");
	service_end();
	target_stop();
	api_service_start();
	assert_true(is_ready(5000));
	api_target_restart(disks);
	for (unsigned i = 0; i < 50 && !in; i++) {
		api_discover(&portal);
		in = sessions(NULL) || login(&portal, &several, FALSE) == 0;
	}
	assert_true(in);
	nap(2500);
	assert_int_equal(sessions(NULL), 1);
}

static void test_target_does_not_answer(void **state)
{
	static const char *const swallow[] = { "--swallow-login", NULL };
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, TRUE));
	setting("persistent-login-time", "1");
	service_end();
	api_target_restart(swallow);
	api_service_start();
	assert_false(is_ready(500));
	/* It serves all the same. */
	assert_int_equal(login_count(), 1);
	assert_true(is_ready(5000));
	assert_true(api_service_logged("persistent logins have not ended", 0));
	/* Removed in the middle of a try; the end waits for that alone. */
	api_expect(ERROR_SUCCESS,
		   RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, target_name, NULL));
	service_end();
	api_target_restart(disks);
	api_service_start();
}

static void test_secret(void **state)
{
	static const char *const chap[] = { "--luns=1", "--mib=4", "--chap=someone:secret-of-mine", NULL };
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_PASSWORD |
					ISCSI_LOGIN_OPTIONS_USERNAME,
		.AuthType = ISCSI_CHAP_AUTH_TYPE,
		.UsernameLength = 7, .Username = (PUCHAR)api_text("someone"),
		.PasswordLength = 14, .Password = (PUCHAR)api_text("secret-of-mine"),
	};
	PERSISTENT_ISCSI_LOGIN_INFOA *list;
	ISCSI_TARGET_PORTALA portal;
	ULONG count;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, &options, TRUE));
	list = logins(&count);
	assert_int_equal(list->LoginOptions.InformationSpecified,
			 ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_USERNAME);
	assert_int_equal(list->LoginOptions.PasswordLength, 0);
	free(list);
	service_end();
	api_target_restart(chap);
	api_service_start();
	assert_true(is_ready(10000));
	assert_int_equal(sessions(NULL), 1);
	api_expect(ERROR_SUCCESS,
		   RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS, target_name, NULL));
	service_end();
	api_target_restart(disks);
	api_service_start();
}

static void test_bound_devices(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	char path[MAX_PATH], uri[2 * MAX_PATH], shown[4096];

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, FALSE));
	assert_int_equal(sessions(&session), 1);
	device_path(&session, 1, path);
	/* A device that does not come back by itself can't be bound. */
	api_expect(ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT, AddPersistentIScsiDeviceA(path));
	api_expect(ERROR_SUCCESS, login(&portal, NULL, TRUE));
	api_expect(ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT,
		   AddPersistentIScsiDeviceA(api_text("/dev/null")));
	api_expect(ERROR_SUCCESS, AddPersistentIScsiDeviceA(path));
	snprintf(uri, sizeof(uri), "nbd+unix:///?socket=%s", path);
	api_expect(ISDSC_DEVICE_ALREADY_PERSISTENTLY_BOUND, AddPersistentIScsiDeviceA(uri));
	bound_first(shown);
	assert_string_equal(shown, path);
	/* Not before it is there. */
	setting("retry-time", "1");
	service_end();
	target_stop();
	api_service_start();
	assert_false(is_ready(1500));
	bound_first(shown);
	assert_string_equal(shown, "iscsi-" API_TARGET_NAME "-lun-1");
	api_target_restart(disks);
	assert_true(is_ready(10000));
	bound_first(shown);
	assert_int_equal(sessions(&session), 1);
	device_path(&session, 1, path);
	assert_string_equal(shown, path);
	/* Or when that takes too long. */
	setting("bound-device-time", "1");
	service_end();
	target_stop();
	api_service_start();
	assert_false(is_ready(500));
	assert_true(is_ready(5000));
	api_expect(ISDSC_DEVICE_NOT_FOUND, RemovePersistentIScsiDeviceA(path));
	api_expect(ERROR_SUCCESS, RemovePersistentIScsiDeviceA(
					  api_text("iscsi-" API_TARGET_NAME "-lun-1")));
	bound_first(shown);
	assert_string_equal(shown, "");
	api_target_restart(disks);
}

static void test_all_devices(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	char path[MAX_PATH], list[4096], none[4];
	ULONG size = sizeof(list);

	(void)state;
	api_expect(ERROR_SUCCESS, SetupPersistentIScsiDevices());
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, FALSE));
	/* At once after the login: it waits for the disks that are coming. */
	api_expect(ERROR_SUCCESS, SetupPersistentIScsiVolumes());
	assert_int_equal(sessions(&session), 1);
	api_expect(ERROR_SUCCESS, ReportPersistentIScsiDevicesA(&size, list));
	device_path(&session, 0, path);
	assert_string_equal(list, path);
	device_path(&session, 1, path);
	assert_string_equal(list + strlen(list) + 1, path);
	api_expect(ERROR_SUCCESS, RemovePersistentIScsiDeviceA(path));
	api_expect(ISDSC_DEVICE_NOT_FOUND, RemovePersistentIScsiDeviceA(path));
	/* No persistent login: the next start has nothing to wait for. */
	service_restart();
	assert_true(is_ready(5000));
	bound_first(list);
	assert_string_equal(list, "iscsi-" API_TARGET_NAME "-lun-0");
	api_expect(ERROR_SUCCESS, ClearPersistentIScsiDevices());
	size = sizeof(none);
	api_expect(ERROR_SUCCESS, ReportPersistentIScsiDevicesA(&size, none));
	assert_int_equal(size, 2);
}

static ISDSC_STATUS connection_add(ISCSI_UNIQUE_SESSION_ID *session, const char *address,
				   ISCSI_UNIQUE_CONNECTION_ID *connection)
{
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, address, api_bed.port);
	return AddIScsiConnectionA(session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, 0, NULL,
				   connection);
}

static void test_added_connections(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection, second;
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, TRUE));
	api_expect(ERROR_SUCCESS, login(&portal, NULL, FALSE));
	assert_int_equal(sessions(&session), 1);
	/* Not by itself. */
	api_expect(ERROR_SUCCESS, connection_add(&session, "127.0.0.2", &connection));
	service_restart();
	assert_true(sessions_come(1, &session));
	nap(300);
	assert_int_equal(api_connections(&session), 1);
	setting("persistent-connections@" API_TARGET_NAME, "on");
	api_expect(ERROR_SUCCESS, connection_add(&session, "127.0.0.2", &connection));
	api_expect(ERROR_SUCCESS, connection_add(&session, "127.0.0.1", &second));
	service_restart();
	assert_true(sessions_come(1, &session));
	assert_true(connections_come(&session, 3));
	/* One that is removed does not come back. */
	{
		ULONG count;
		ISCSI_SESSION_INFOA *list = api_sessions(&count);

		api_expect(ERROR_SUCCESS,
			   RemoveIScsiConnection(&session, &list->Connections[1].ConnectionId));
		free(list);
	}
	service_restart();
	assert_true(sessions_come(1, &session));
	assert_true(connections_come(&session, 2));
	nap(300);
	assert_int_equal(api_connections(&session), 2);
	setting("persistent-connections@" API_TARGET_NAME, "");
	service_restart();
	assert_true(sessions_come(1, &session));
	nap(300);
	assert_int_equal(api_connections(&session), 1);
}

#define TEST(f) cmocka_unit_test_teardown(f, test_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stored_and_brought_back), TEST(test_without_discovery), TEST(test_any_portal),
		TEST(test_target_comes_later), TEST(test_removed_while_it_is_retried),
		TEST(test_logged_in_by_hand), TEST(test_target_does_not_answer), TEST(test_secret),
		TEST(test_bound_devices), TEST(test_all_devices), TEST(test_added_connections),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
