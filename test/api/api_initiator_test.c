/*
 * api_initiator_test.c - the initiator itself: its name, its version, its CHAP name and secrets, and
 * the RADIUS servers.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_bed.h"

enum { NAME = MAX_ISCSI_NAME_LEN };

#define SECRET "secret-of-mine"
#define TARGET_SECRET "secret-of-its"

static void service_kill(void)
{
	assert_int_equal(api_service_end(SIGKILL), -SIGKILL);
	api_service_start();
}

static ISDSC_STATUS login(ISCSI_LOGIN_OPTIONS *options, ISCSI_UNIQUE_SESSION_ID *session)
{
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.1", api_bed.port);
	return LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
				 0, NULL, options, 0, NULL, FALSE, session, &connection);
}

/* ---- the node name */

static void test_default_name(void **state)
{
	char wanted[300] = "iqn.1991-05.com.microsoft:", *host = wanted + strlen(wanted);
	char name[NAME + 1];

	(void)state;
	assert_int_equal(gethostname(host, 200), 0);
	for (char *c = host; *c; c++)
		*c = isalnum((unsigned char)*c) || *c == '.' ? (char)tolower((unsigned char)*c) : '-';
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	assert_string_equal(name, wanted);
}

/* 223 characters and the NUL are what fits, in both forms. */
static void test_longest_name(void **state)
{
	char name[NAME + 2] = "iqn.2026-11.test:", narrow[NAME + 2];
	WCHAR wide[NAME + 2], back[NAME + 2];
	size_t at = strlen(name);

	(void)state;
	memset(name + at, 'n', sizeof(name) - 1 - at);
	api_expect(ISDSC_INVALID_ISCSI_NAME, SetIScsiInitiatorNodeNameA(name));
	name[NAME] = 0;
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(name));
	memset(narrow, 'x', sizeof(narrow));
	memset(back, 'x', sizeof(back));
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(narrow));
	assert_string_equal(narrow, name);
	assert_int_equal(narrow[NAME + 1], 'x');
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameW(back));
	for (size_t i = 0; i <= NAME; i++) {
		assert_int_equal(back[i], (unsigned char)name[i]);
		wide[i] = (WCHAR)name[i];
	}
	assert_int_equal(back[NAME + 1], 0x7878);
	wide[17] = 'W';
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameW(wide));
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(narrow));
	assert_int_equal(narrow[17], 'w');
	wide[NAME] = 'n';
	wide[NAME + 1] = 0;
	api_expect(ISDSC_INVALID_ISCSI_NAME, SetIScsiInitiatorNodeNameW(wide));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(NULL));
}

/* Windows keeps any text; but nothing goes to a target under what is no iSCSI name. */
static void test_format_is_not_checked(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	char name[NAME + 1];
	unsigned before;

	(void)state;
	api_discover(&portal);
	before = api_target_count("pdus-in");
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(api_text("Not a name")));
	assert_true(api_service_logged("Not a name is no iSCSI name", 1000));
	service_kill();
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	assert_string_equal(name, "Not a name");
	api_expect(ISDSC_INVALID_ISCSI_NAME,
		   RefreshIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
	api_expect(ERROR_SUCCESS,
		   AddIScsiStaticTargetA(api_text(API_TARGET_NAME), NULL, 0, FALSE, NULL, NULL, NULL));
	api_expect(ISDSC_INVALID_ISCSI_NAME, login(NULL, &session));
	assert_in_range(api_target_count("pdus-in"), before, before + 1); /* the first discovery's logout */
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(NULL));
	api_expect(ERROR_SUCCESS, login(NULL, &session));
	api_expect(ERROR_SUCCESS, RemoveIScsiStaticTargetA(api_text(API_TARGET_NAME)));
}

static void test_version(void **state)
{
	ISCSI_VERSION_INFO version = { 77, 77, 77 };
	char command[256], text[64] = "", told[64];
	FILE *f;

	(void)state;
	snprintf(command, sizeof(command), "'%s' --version", getenv("API_SERVICE"));
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	pclose(f);
	api_expect(ERROR_SUCCESS, GetIScsiVersionInformation(&version));
	snprintf(told, sizeof(told), "%u.%u.%u", version.MajorVersion, version.MinorVersion,
		 version.BuildNumber);
	assert_non_null(strstr(text, told));
}

/* ---- CHAP */

/* Bytes are bytes in both forms: nothing of them is text. */
static ISCSI_LOGIN_OPTIONS chap(ISCSI_AUTH_TYPES type, const char *user, const char *secret)
{
	return (ISCSI_LOGIN_OPTIONS){
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_PASSWORD |
			ISCSI_LOGIN_OPTIONS_USERNAME,
		.AuthType = type, .Username = (PUCHAR)api_text(user),
		.UsernameLength = user ? (ULONG)strlen(user) : 0,
		.Password = (PUCHAR)api_text(secret), .PasswordLength = (ULONG)strlen(secret),
	};
}

static void target_known(void)
{
	api_expect(ERROR_SUCCESS,
		   AddIScsiStaticTargetA(api_text(API_TARGET_NAME), NULL, 0, FALSE, NULL, NULL, NULL));
}

static void test_names_are_bytes(void **state)
{
	static const char *const target[] = { "--chap=us\xe9r:" SECRET, NULL };
	ISCSI_LOGIN_OPTIONS options = chap(ISCSI_CHAP_AUTH_TYPE, "us\xe9r", SECRET), none = { 0 };
	WCHAR name[] = u"" API_TARGET_NAME;
	ISCSI_TARGET_PORTALW portal = { .Address = u"127.0.0.1", .Socket = api_bed.port };
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_UNIQUE_SESSION_ID session;

	(void)state;
	api_target_restart(target);
	target_known();
	api_expect(ERROR_SUCCESS,
		   LoginIScsiTargetW(name, FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, &options,
				     0, NULL, FALSE, &session, &connection));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	/* A connection that is added without options takes the session's, one with options has its own. */
	api_expect(ERROR_SUCCESS, login(&options, &session));
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, NULL,
						      0, NULL, NULL));
	api_expect(ISDSC_AUTHENTICATION_FAILURE,
		   AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, &none, 0, NULL,
				       NULL));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	/* The length counts, not a NUL. */
	options.UsernameLength++;
	api_expect(ISDSC_INVALID_CHAP_USER_NAME, login(&options, &session));
	options.UsernameLength -= 2;
	api_expect(ISDSC_AUTHENTICATION_FAILURE, login(&options, &session));
}

/* No user name, in whichever way, is the node name. */
static void test_name_of_nobody(void **state)
{
	static const char *const target[] = { "--chap=iqn.2026-11.test:me:" SECRET, NULL };
	ISCSI_LOGIN_OPTIONS options = chap(ISCSI_CHAP_AUTH_TYPE, NULL, SECRET);
	ISCSI_UNIQUE_SESSION_ID session;

	(void)state;
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(api_text("iqn.2026-11.test:me")));
	api_target_restart(target);
	target_known();
	api_expect(ERROR_SUCCESS, login(&options, &session));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	options.InformationSpecified &= ~(ULONG)ISCSI_LOGIN_OPTIONS_USERNAME;
	api_expect(ERROR_SUCCESS, login(&options, &session));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(NULL));
}

/* The initiator's secret judges the target, lasts, and can be short where it is of no use. */
static void test_initiator_secret(void **state)
{
	static const char *const target[] = { "--chap=me:" SECRET, "--mutual=it:" TARGET_SECRET, NULL };
	ISCSI_LOGIN_OPTIONS options = chap(ISCSI_MUTUAL_CHAP_AUTH_TYPE, "me", SECRET);
	static UCHAR right[] = TARGET_SECRET, wrong[] = "0123456789abcdefg";
	ISCSI_UNIQUE_SESSION_ID session;

	(void)state;
	api_target_restart(target);
	target_known();
	api_expect(ISDSC_INVALID_INITIATOR_CHAP_SECRET, login(&options, &session));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorCHAPSharedSecret(sizeof(right) - 1, right));
	service_kill();
	target_known();
	api_expect(ERROR_SUCCESS, login(&options, &session));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorCHAPSharedSecret(16, wrong));
	api_expect(ISDSC_AUTHENTICATION_FAILURE, login(&options, &session));
	api_expect(ISDSC_INVALID_INITIATOR_CHAP_SECRET, SetIScsiInitiatorCHAPSharedSecret(17, wrong));
	for (ULONG length = 1; length < 12; length++) {
		api_expect(ISDSC_SHORT_CHAP_SECRET, SetIScsiInitiatorCHAPSharedSecret(length, wrong));
		api_expect(ISDSC_INVALID_INITIATOR_CHAP_SECRET, login(&options, &session));
	}
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorCHAPSharedSecret(12, wrong));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorCHAPSharedSecret(0, NULL));
	api_expect(ISDSC_INVALID_INITIATOR_CHAP_SECRET, login(&options, &session));
}

/* ---- RADIUS */

static ULONG radius_servers(char *names, ULONG size)
{
	api_expect(ERROR_SUCCESS, ReportRadiusServerListA(&size, names));
	return size;
}

static void test_radius_list(void **state)
{
	char names[256], address[41];

	(void)state;
	memset(address, 'r', sizeof(address));
	address[40] = 0;
	api_expect(ERROR_INVALID_PARAMETER, AddRadiusServerA(address));
	api_expect(ERROR_INVALID_PARAMETER, AddRadiusServerA(api_text("no address")));
	api_expect(ERROR_INVALID_PARAMETER, AddRadiusServerA(api_text("")));
	address[39] = 0;
	api_expect(ERROR_SUCCESS, AddRadiusServerA(address));
	api_expect(ERROR_SUCCESS, AddRadiusServerA(api_text("192.0.2.7")));
	api_expect(ERROR_SUCCESS, AddRadiusServerA(api_text("192.0.2.7")));
	service_kill();
	assert_int_equal(radius_servers(names, sizeof(names)), 40 + 10 + 1);
	assert_string_equal(names, address);
	assert_string_equal(names + 40, "192.0.2.7");
	api_expect(ERROR_SUCCESS, RemoveRadiusServerA(address));
	api_expect(ERROR_NOT_FOUND, RemoveRadiusServerA(address));
	service_kill();
	assert_int_equal(radius_servers(names, sizeof(names)), 11);
	api_expect(ERROR_SUCCESS, RemoveRadiusServerA(api_text("192.0.2.7")));
	assert_int_equal(radius_servers(names, sizeof(names)), 2);
}

static void test_radius_secret(void **state)
{
	static UCHAR secret[] = "0123456789abcdefghijklmnopq";

	(void)state;
	for (ULONG length = 1; length <= 27; length++)
		api_expect(length < 22 || length > 26 ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS,
			   SetIScsiInitiatorRADIUSSharedSecret(length, secret));
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiInitiatorRADIUSSharedSecret(22, NULL));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorRADIUSSharedSecret(0, NULL));
}

static int clean(void **state)
{
	RemoveIScsiStaticTargetA(api_text(API_TARGET_NAME));
	return api_logout_all(state);
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_default_name), TEST(test_longest_name), TEST(test_format_is_not_checked),
		TEST(test_version), TEST(test_names_are_bytes), TEST(test_name_of_nobody),
		TEST(test_initiator_secret), TEST(test_radius_list), TEST(test_radius_secret),
	};

	return cmocka_run_group_tests_name("initiator", tests, api_setup, api_teardown);
}
