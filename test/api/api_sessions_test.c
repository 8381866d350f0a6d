/* api_sessions_test.c - login, listings, devices, SCSI requests, logout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_bed.h"
#include "../duty.h"

static const char *const disks[] = { "--luns=2", "--mib=16", "--unit-attention=2", NULL };

static ISDSC_STATUS login(const char *target, ISCSI_TARGET_PORTALA *portal,
			  ISCSI_LOGIN_OPTIONS *options, ISCSI_SECURITY_FLAGS flags,
			  ISCSI_UNIQUE_SESSION_ID *session)
{
	ISCSI_UNIQUE_CONNECTION_ID connection;

	return LoginIScsiTargetA(api_text(target), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT,
				 portal, flags, NULL, options, 0, NULL, FALSE, session, &connection);
}

static void test_login_twice(void **state)
{
	ISCSI_LOGIN_OPTIONS multipath = { .LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED };
	ISCSI_UNIQUE_SESSION_ID first, second;
	ISCSI_UNIQUE_CONNECTION_ID connection, other;
	ULONG count;

	(void)state;
	api_login(0, &first, &connection);
	assert_int_equal(connection.AdapterUnique, first.AdapterUnique);
	api_expect(ISDSC_TARGET_ALREADY_LOGGED_IN, login(API_TARGET_NAME, NULL, NULL, 0, &second));
	api_expect(ERROR_SUCCESS, login(API_TARGET_NAME, NULL, &multipath, 0, &second));
	assert_memory_not_equal(&first, &second, sizeof(first));
	free(api_sessions(&count));
	assert_int_equal(count, 2);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&second));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&first));
	api_expect(ISDSC_INVALID_SESSION_ID, LogoutIScsiTarget(&first));
	/* All ids are new. */
	api_login(0, &second, &other);
	assert_memory_not_equal(&first, &second, sizeof(first));
	assert_memory_not_equal(&connection, &other, sizeof(other));
}

/* Logged in with default options, a session takes another connection where the target does. */
static void test_default_options(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading, added;
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_INFOA *list;
	ULONG count;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL,
						    ISCSI_ANY_INITIATOR_PORT, NULL, 0, NULL, NULL, 0, NULL,
						    FALSE, &session, &leading));
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
						      NULL, 0, NULL, &added));
	list = api_sessions(&count);
	assert_int_equal(list->ConnectionCount, 2);
	assert_memory_equal(&list->Connections[0].ConnectionId, &leading, sizeof(leading));
	assert_memory_equal(&list->Connections[1].ConnectionId, &added, sizeof(added));
	for (unsigned i = 0; i < 2; i++)
		assert_string_equal(list->Connections[i].TargetAddress, "127.0.0.1");
	free(list);
}

/* Of names and instances the letter case is nobody's business, and "" is any instance. */
static void test_names_have_no_case(void **state)
{
	static char empty[] = "", instance[] = "root\\iscsiprt\\0000_0", name[] = "IQN.2026-11.TEST:Mcs";
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_INFOA *list;
	ULONG count;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, LoginIScsiTargetA(name, FALSE, empty, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
						    NULL, NULL, 0, NULL, FALSE, &session, &connection));
	list = api_sessions(&count);
	assert_string_equal(list->TargetName, API_TARGET_NAME);
	free(list);
	api_expect(ERROR_INVALID_PARAMETER,
		   LoginIScsiTargetA(name, FALSE, empty, 1, &portal, 0, NULL, NULL, 0, NULL, FALSE,
				     &session, &connection));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS,
		   LoginIScsiTargetA(name, FALSE, instance, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, NULL,
				     0, NULL, FALSE, &session, &connection));
}

/* A portal that sends us on is followed, and the listing tells where to. */
static void test_redirection_is_followed(void **state)
{
	char to[64];
	const char *options[] = { to, "--redirect-times=1", NULL };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_INFOA *list;
	ULONG count;

	(void)state;
	api_discover(&portal);
	snprintf(to, sizeof(to), "--redirect=127.0.0.2:%u", api_bed.port);
	api_target_restart(options);
	api_expect(ERROR_SUCCESS, login(API_TARGET_NAME, &portal, NULL, 0, &session));
	list = api_sessions(&count);
	assert_string_equal(list->Connections[0].TargetAddress, "127.0.0.2");
	free(list);
	api_logout_all(NULL);
	api_target_restart(disks);
}

/* What the target answers to a login, by the order of its codes. */
static void test_login_statuses(void **state)
{
	static const struct {
		const char *deny;
		ISDSC_STATUS status;
	} rows[] = {
		{ "--deny=0200", ISDSC_INITIATOR_ERROR }, { "--deny=0201", ISDSC_AUTHENTICATION_FAILURE },
		{ "--deny=0202", ISDSC_AUTHORIZATION_FAILURE }, { "--deny=0203", ISDSC_NOT_FOUND },
		{ "--deny=0204", ISDSC_TARGET_REMOVED }, { "--deny=0205", ISDSC_UNSUPPORTED_VERSION },
		{ "--deny=0206", ISDSC_TOO_MANY_CONNECTIONS }, { "--deny=0207", ISDSC_MISSING_PARAMETER },
		{ "--deny=0208", ISDSC_CANT_INCLUDE_IN_SESSION },
		{ "--deny=0209", ISDSC_SESSION_TYPE_NOT_SUPPORTED },
		{ "--deny=0300", ISDSC_TARGET_ERROR }, { "--deny=0301", ISDSC_SERVICE_UNAVAILABLE },
		{ "--deny=0302", ISDSC_OUT_OF_RESOURCES },
	};
	ISCSI_UNIQUE_SESSION_ID session = { 1, 2 };
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *options[] = { rows[i].deny, NULL };

		api_target_restart(options);
		api_expect(rows[i].status, login(API_TARGET_NAME, &portal, NULL, 0, &session));
		/* Outputs are untouched on failure. */
		assert_int_equal(session.AdapterUnique, 1);
		assert_int_equal(session.AdapterSpecific, 2);
	}
	api_target_restart(disks);
}

static void test_login_refused(void **state)
{
	static const char instance[] = "ROOT\\ISCSIPRT\\0000_0";
	ISCSI_LOGIN_OPTIONS version = { .Version = 2 };
	ISCSI_LOGIN_OPTIONS ipsec = { .LoginFlags = ISCSI_LOGIN_FLAG_REQUIRE_IPSEC };
	ISCSI_TARGET_PORTALA portal;
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ULONG count;

	(void)state;
	api_discover(&portal);
	api_expect(ISDSC_TARGET_NOT_FOUND,
		   login("iqn.2026-11.test:nobody", NULL, NULL, 0, &session));
	api_expect(ERROR_INVALID_PARAMETER, login(NULL, &portal, NULL, 0, &session));
	api_expect(ERROR_INVALID_PARAMETER, login(API_TARGET_NAME, &portal, NULL, 0, NULL));
	api_expect(ERROR_INVALID_PARAMETER, login(API_TARGET_NAME, &portal, &version, 0, &session));
	api_expect(ERROR_INVALID_PARAMETER, login(API_TARGET_NAME, &portal, NULL, 0x63, &session));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS,
		   login(API_TARGET_NAME, &portal, NULL, 0x03, &session));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS,
		   login(API_TARGET_NAME, &portal, &ipsec, 0, &session));
	/* A port belongs to an instance. */
	api_expect(ERROR_INVALID_PARAMETER,
		   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, 1, &portal, 0, NULL, NULL,
				     0, NULL, FALSE, &session, &connection));
	api_expect(ISDSC_INITIATOR_INSTANCE_NOT_FOUND,
		   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, api_text("other"), 1, &portal,
				     0, NULL, NULL, 0, NULL, FALSE, &session, &connection));
	api_expect(ISDSC_INVALID_PORT_NUMBER,
		   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, api_text(instance), 4711, &portal, 0,
				     NULL, NULL, 0, NULL, FALSE, &session, &connection));
	portal.Socket = 0;
	api_expect(ERROR_INVALID_PARAMETER, login(API_TARGET_NAME, &portal, NULL, 0, &session));
	free(api_sessions(&count));
	assert_int_equal(count, 0);
}

/* A login that failed leaves nothing behind that the next one could meet. */
static void test_login_again_at_once(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal, dead;

	(void)state;
	api_discover(&portal);
	api_portal(&dead, "127.0.0.1", 1);
	for (unsigned i = 0; i < 30; i++)
		api_expect(ISDSC_CONNECTION_FAILED,
			   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL,
					     ISCSI_ANY_INITIATOR_PORT, &dead, 0, NULL, NULL, 0, NULL,
					     FALSE, &session, &connection));
	api_login(1, &session, &connection);
}

static void test_secret_rules(void **state)
{
	static UCHAR user[] = "user1", secret[] = "0123456789abcdefX";
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE |
			ISCSI_LOGIN_OPTIONS_USERNAME | ISCSI_LOGIN_OPTIONS_PASSWORD,
		.AuthType = ISCSI_CHAP_AUTH_TYPE, .Username = user, .UsernameLength = 5,
		.Password = secret, .PasswordLength = 11,
	};
	ISCSI_TARGET_PORTALA portal;
	ISCSI_UNIQUE_SESSION_ID session;

	(void)state;
	api_discover(&portal);
	api_expect(ISDSC_INVALID_TARGET_CHAP_SECRET,
		   login(API_TARGET_NAME, &portal, &options, 0, &session));
	options.PasswordLength = 17;
	api_expect(ISDSC_INVALID_TARGET_CHAP_SECRET,
		   login(API_TARGET_NAME, &portal, &options, 0, &session));
	options.PasswordLength = 12;
	options.AuthType = ISCSI_MUTUAL_CHAP_AUTH_TYPE;
	api_expect(ISDSC_INVALID_INITIATOR_CHAP_SECRET,
		   login(API_TARGET_NAME, &portal, &options, 0, &session));
	/* The same secret both ways proves nothing. */
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorCHAPSharedSecret(12, secret));
	api_expect(ISDSC_INVALID_INITIATOR_CHAP_SECRET,
		   login(API_TARGET_NAME, &portal, &options, 0, &session));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorCHAPSharedSecret(0, NULL));
	options.AuthType = (ISCSI_AUTH_TYPES)7;
	api_expect(ISDSC_INVALID_LOGON_AUTH_TYPE,
		   login(API_TARGET_NAME, &portal, &options, 0, &session));
	DUTY("SEC-11 SEC-12 SEC-13");
}

static void login_secret(const char *name, UCHAR *secret, ISCSI_UNIQUE_SESSION_ID *session)
{
	static UCHAR user[] = "user1";
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE |
			ISCSI_LOGIN_OPTIONS_USERNAME | ISCSI_LOGIN_OPTIONS_PASSWORD,
		.AuthType = ISCSI_CHAP_AUTH_TYPE, .Username = user, .UsernameLength = 5,
		.Password = secret, .PasswordLength = 12,
	};
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &options, 0,
							    &portal));
	api_expect(ERROR_SUCCESS, login(name, &portal, &options, 0, session));
}

/* A target that knows our secret for another one is reported: both names, never the secret. */
static void test_secret_of_two(void **state)
{
	static const char *const one[] = { "--chap=user1:sesameopenit", NULL };
	static const char *const two[] = { "--chap=user1:sesameopenit", "--name=iqn.2026-11.test:two",
					   NULL };
	static const char *const three[] = { "--chap=user1:sesameclosit",
					     "--name=iqn.2026-11.test:three", NULL };
	static UCHAR shared[] = "sesameopenit", own[] = "sesameclosit";
	ISCSI_UNIQUE_SESSION_ID session;

	(void)state;
	api_target_restart(one);
	login_secret(API_TARGET_NAME, shared, &session);
	api_target_restart(three);
	login_secret("iqn.2026-11.test:three", own, &session);
	assert_false(api_service_logged("its CHAP secret", 0));
	api_target_restart(two);
	login_secret("iqn.2026-11.test:two", shared, &session);
	assert_true(api_service_logged("iqn.2026-11.test:two: its CHAP secret is that of "
				       API_TARGET_NAME " too", 1000));
	assert_false(api_service_logged("sesame", 0));
	DUTY("SEC-14 SEC-21");
	api_logout_all(NULL);
	api_target_restart(disks);
}

static void test_session_list(void **state)
{
	char node[MAX_ISCSI_NAME_LEN + 1];
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_SESSION_INFOA *list;
	ULONG count = 9, size = 0;
	char *end;

	(void)state;
	api_expect(ERROR_SUCCESS, GetIScsiSessionListA(&size, &count, NULL));
	assert_int_equal(count, 0);
	api_login(4, &session, &connection);
	size = 99999;
	api_expect(ERROR_INSUFFICIENT_BUFFER, GetIScsiSessionListA(&size, &count, NULL));
	assert_int_equal(count, 1);
	list = malloc(size);
	end = (char *)list + size;
	api_expect(ERROR_SUCCESS, GetIScsiSessionListA(&size, &count, list));
	assert_int_equal(count, 1);
	assert_memory_equal(&list->SessionId, &session, sizeof(session));
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(node));
	assert_string_equal(list->InitiatorName, node);
	assert_string_equal(list->TargetName, API_TARGET_NAME);
	assert_string_equal(list->TargetNodeName, API_TARGET_NAME);
	assert_true(list->TSID[0] || list->TSID[1]);
	assert_int_equal(list->ConnectionCount, 1);
	assert_true((char *)list->Connections > (char *)list &&
		    (char *)(list->Connections + 1) <= end);
	assert_memory_equal(&list->Connections[0].ConnectionId, &connection, sizeof(connection));
	assert_string_equal(list->Connections[0].TargetAddress, "127.0.0.1");
	assert_string_equal(list->Connections[0].InitiatorAddress, "127.0.0.1");
	assert_int_equal(list->Connections[0].TargetSocket, api_bed.port);
	assert_int_not_equal(list->Connections[0].InitiatorSocket, 0);
	free(list);
	api_expect(ERROR_INVALID_PARAMETER, GetIScsiSessionListA(NULL, &count, NULL));
	api_expect(ERROR_INVALID_PARAMETER, GetIScsiSessionListA(&size, NULL, NULL));
}

static void test_session_list_ex(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_SESSION_INFO_EX *list;
	ULONG count = 4711, size = 0;

	(void)state;
	api_login(3, &session, &connection);
	api_expect(ERROR_INSUFFICIENT_BUFFER, GetIScsiSessionListEx(&size, &count, NULL));
	list = malloc(size);
	api_expect(ERROR_SUCCESS, GetIScsiSessionListEx(&size, &count, list));
	assert_int_equal(count, 1);
	assert_memory_equal(&list->SessionId, &session, sizeof(session));
	assert_int_equal(list->Type, 2);
	assert_int_equal(list->MaximumConnections, 3);
	assert_int_equal(list->ErrorRecoveryLevel, 0);
	assert_int_equal(list->ConnectionCount, 1);
	assert_int_equal(list->Connections[0].State, 1);
	assert_int_equal(list->Connections[0].Protocol, 6);
	free(list);
}

static void test_devices(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_DEVICE_ON_SESSIONA devices[4];
	ULONG count = 4711;

	(void)state;
	api_login(0, &session, &connection);
	/* A caller's first question has an uninitialised count. */
	api_expect(ERROR_INSUFFICIENT_BUFFER, GetDevicesForIScsiSessionA(&session, &count, NULL));
	assert_int_equal(count, 2);
	count = 1;
	api_expect(ERROR_INSUFFICIENT_BUFFER, GetDevicesForIScsiSessionA(&session, &count, devices));
	assert_int_equal(count, 2);
	count = 4;
	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&session, &count, devices));
	assert_int_equal(count, 2);
	for (ULONG i = 0; i < count; i++) {
		assert_int_equal(devices[i].StorageDeviceNumber.DeviceType, FILE_DEVICE_DISK);
		assert_int_equal(devices[i].StorageDeviceNumber.DeviceNumber, UINT32_MAX);
		assert_int_equal(devices[i].StorageDeviceNumber.PartitionNumber, 0);
		assert_string_equal(devices[i].TargetName, API_TARGET_NAME);
		assert_string_equal(devices[i].InitiatorName, "ROOT\\ISCSIPRT\\0000_0");
		assert_int_equal(devices[i].ScsiAddress.Length, 8);
		assert_int_equal(devices[i].ScsiAddress.Lun, i);
		assert_non_null(strstr(devices[i].LegacyName, ".nbd"));
	}
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ISDSC_INVALID_SESSION_ID, GetDevicesForIScsiSessionA(&session, &count, devices));
}

static void test_scsi(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	UCHAR status = 99, response[256], sense[64];
	ULONG size = 0, sense_size = sizeof(sense);

	(void)state;
	api_login(0, &session, &connection);
	api_expect(ERROR_INSUFFICIENT_BUFFER,
		   SendScsiInquiry(&session, 0, 0, 0, &status, &size, NULL, &sense_size, sense));
	assert_int_not_equal(size, 0);
	size = sizeof(response);
	sense_size = sizeof(sense);
	api_expect(ERROR_SUCCESS,
		   SendScsiInquiry(&session, 0, 0, 0, &status, &size, response, &sense_size, sense));
	assert_int_equal(status, 0);
	assert_int_equal(size, 36);
	assert_int_equal(sense_size, 0);
	assert_memory_equal(response + 8, "ISCSIDSC", 8);

	/* LUN 1 as a small number, and as the eight bytes of a SCSI LUN. */
	size = sizeof(response);
	sense_size = sizeof(sense);
	api_expect(ERROR_SUCCESS, SendScsiReadCapacity(&session, 1, &status, &size, response,
						       &sense_size, sense));
	assert_int_equal(size, 8);
	assert_memory_equal(response, "\x00\x00\x7f\xff\x00\x00\x02\x00", 8);
	size = sizeof(response);
	sense_size = sizeof(sense);
	api_expect(ERROR_SUCCESS,
		   SendScsiReadCapacity(&session, UINT64_C(0x0001000000000000), &status, &size,
					response, &sense_size, sense));
	size = 7;
	api_expect(ERROR_INSUFFICIENT_BUFFER,
		   SendScsiReadCapacity(&session, 1, &status, &size, response, &sense_size, sense));
	assert_int_equal(size, 8);

	size = sizeof(response);
	sense_size = sizeof(sense);
	api_expect(ERROR_SUCCESS,
		   SendScsiReportLuns(&session, &status, &size, response, &sense_size, sense));
	assert_int_equal(size, 8 + 2 * 8);

	/* A unit that is not there: sense tells. */
	size = sizeof(response);
	sense_size = sizeof(sense);
	api_expect(ISDSC_SCSI_REQUEST_FAILED,
		   SendScsiReadCapacity(&session, 9, &status, &size, response, &sense_size, sense));
	assert_int_equal(status, 2);
	assert_int_equal(sense_size, 18);
	assert_int_equal(sense[2] & 0xf, 5);
	assert_int_equal(sense[12], 0x25);
	api_expect(ERROR_INVALID_PARAMETER,
		   SendScsiReadCapacity(NULL, 9, &status, &size, response, &sense_size, sense));
	api_expect(ERROR_INVALID_PARAMETER,
		   SendScsiReadCapacity(&session, 9, NULL, NULL, response, &sense_size, sense));
	session.AdapterSpecific ^= 1;
	size = sizeof(response);
	sense_size = sizeof(sense);
	api_expect(ISDSC_INVALID_SESSION_ID,
		   SendScsiReadCapacity(&session, 0, &status, &size, response, &sense_size, sense));
	DUTY("IN-13");
}

/* A command that only reads is repeated when its connection was cut under it. */
static void test_scsi_over_a_cut(void **state)
{
	static const char *const options[] = { "--drop-after=60", "--drop-times=1", NULL };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	UCHAR answer[36], sense[18], scsi_status;
	ISCSI_SESSION_STATE now = { .Size = sizeof(now) };

	(void)state;
	api_target_restart(options);
	api_login(1, &session, &connection);
	for (unsigned i = 0; i < 100; i++) {
		ULONG size = sizeof(answer), sense_size = sizeof(sense);

		api_expect(ERROR_SUCCESS, SendScsiInquiry(&session, 0, 0, 0, &scsi_status, &size,
							  answer, &sense_size, sense));
	}
	api_expect(ERROR_SUCCESS, GetIScsiSessionState(&session, &now));
	assert_true(now.LastPause > 0);
	api_logout_all(NULL);
	api_target_restart(NULL);
}

static void test_informational(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	UCHAR status, response[64], sense[32];
	char room[512];
	ISCSI_SESSION_INFO_EX *list = (void *)room;
	ULONG size = sizeof(response), sense_size = sizeof(sense), count = 0, list_size = sizeof(room);

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS,
		   LoginIScsiTargetA(api_text(API_TARGET_NAME), TRUE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
				     0, NULL, NULL, 0, NULL, FALSE, &session, &connection));
	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&session, &count, NULL));
	assert_int_equal(count, 0);
	api_expect(ERROR_SUCCESS, GetIScsiSessionListEx(&list_size, &count, list));
	assert_int_equal(list[0].Type, 1);
	api_expect(ERROR_SUCCESS, SendScsiReportLuns(&session, &status, &size, response, &sense_size,
						     sense));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
}

static int setup(void **state)
{
	*state = (void *)(uintptr_t)disks;
	return api_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_login_twice, api_logout_all),
		cmocka_unit_test_teardown(test_default_options, api_logout_all),
		cmocka_unit_test_teardown(test_names_have_no_case, api_logout_all),
		cmocka_unit_test_teardown(test_redirection_is_followed, api_logout_all),
		cmocka_unit_test_teardown(test_login_statuses, api_logout_all),
		cmocka_unit_test_teardown(test_login_refused, api_logout_all),
		cmocka_unit_test_teardown(test_login_again_at_once, api_logout_all),
		cmocka_unit_test_teardown(test_secret_rules, api_logout_all),
		cmocka_unit_test_teardown(test_secret_of_two, api_logout_all),
		cmocka_unit_test_teardown(test_session_list, api_logout_all),
		cmocka_unit_test_teardown(test_session_list_ex, api_logout_all),
		cmocka_unit_test_teardown(test_devices, api_logout_all),
		cmocka_unit_test_teardown(test_scsi, api_logout_all),
		cmocka_unit_test_teardown(test_scsi_over_a_cut, api_logout_all),
		cmocka_unit_test_teardown(test_informational, api_logout_all),
	};

	return cmocka_run_group_tests_name("sessions", tests, setup, api_teardown);
}
