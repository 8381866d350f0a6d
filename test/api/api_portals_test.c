/* api_portals_test.c - discovery: portals, targets, and the buffer protocols of their listings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "api_bed.h"
#include "../duty.h"

/* A port on which nobody listens: taken and given back. */
static uint16_t dead_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	close(fd);
	return ntohs(in.sin_port);
}

static ISDSC_STATUS portal_add(ISCSI_TARGET_PORTALA *portal, ISCSI_LOGIN_OPTIONS *options,
			       ISCSI_SECURITY_FLAGS flags)
{
	return AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, options, flags, portal);
}

static ISDSC_STATUS portal_remove(ISCSI_TARGET_PORTALA *portal)
{
	return RemoveIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, portal);
}

static void test_add_list_remove(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	ISCSI_TARGET_PORTAL_INFOA info[4];
	ULONG count = 4;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	strcpy(portal.SymbolicName, "first");
	api_expect(ERROR_SUCCESS, portal_add(&portal, NULL, 0));
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_int_equal(count, 1);
	assert_string_equal(info[0].Address, "127.0.0.1");
	assert_string_equal(info[0].SymbolicName, "first");
	assert_int_equal(info[0].Socket, api_bed.port);
	assert_int_equal(info[0].InitiatorPortNumber, ISCSI_ANY_INITIATOR_PORT);
	assert_string_equal(info[0].InitiatorName, "");
	api_expect(ERROR_SUCCESS,
		   RefreshIScsiSendTargetPortalA(api_text(""), ISCSI_ANY_INITIATOR_PORT, &portal));
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
	api_expect(ISDSC_PORTAL_NOT_FOUND, portal_remove(&portal));
	api_expect(ISDSC_PORTAL_NOT_FOUND,
		   RefreshIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
	count = 4;
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_int_equal(count, 0);
	DUTY("DSC-1 DSC-2");
}

static void test_nobody_listens(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	ISCSI_TARGET_PORTAL_INFOA info[1];
	ULONG count = 1;

	(void)state;
	api_portal(&portal, "127.0.0.1", dead_port());
	api_expect(ISDSC_CONNECTION_FAILED, portal_add(&portal, NULL, 0));
	/* It stays in the list all the same. */
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_int_equal(count, 1);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
}

static void test_unknown_name(void **state)
{
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_portal(&portal, "no-such-host.invalid", 3260);
	api_expect(WSAHOST_NOT_FOUND, portal_add(&portal, NULL, 0));
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
}

static void test_host_name(void **state)
{
	ISCSI_TARGET_PORTAL_INFOA info[1];
	ISCSI_TARGET_PORTALA portal;
	ULONG count = 1, size = 256;
	char names[256];

	(void)state;
	api_portal(&portal, "LocalHost", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_add(&portal, NULL, 0));
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_string_equal(info[0].Address, "LocalHost");
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, names));
	assert_string_equal(names, API_TARGET_NAME);
	api_portal(&portal, "localhost", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
}

/* An entry is found by instance and port as it was added; any port removes those of all ports. */
static void test_instance_and_port(void **state)
{
	static char instance[] = "ROOT\\ISCSIPRT\\0000_0", node[MAX_ISCSI_NAME_LEN + 1];
	const ULONG any = ISCSI_ANY_INITIATOR_PORT;
	ISCSI_TARGET_PORTAL_INFOA info[4];
	ISCSI_TARGET_PORTALA portal;
	ULONG count = 4;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(instance, 1, NULL, 0, &portal));
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(instance, any, NULL, 0, &portal));
	api_expect(ISDSC_INVALID_PORT_NUMBER,
		   AddIScsiSendTargetPortalA(instance, 4711, NULL, 0, &portal));
	/* The adapter is meant, not the node. */
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(node));
	api_expect(ISDSC_INITIATOR_INSTANCE_NOT_FOUND,
		   AddIScsiSendTargetPortalA(node, any, NULL, 0, &portal));
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_int_equal(count, 3);
	assert_string_equal(info[0].InitiatorName, instance);
	assert_int_equal(info[0].InitiatorPortNumber, 1);
	assert_int_equal(info[1].InitiatorPortNumber, any);
	api_expect(ISDSC_PORTAL_NOT_FOUND, portal_remove(&portal));
	api_expect(ISDSC_PORTAL_NOT_FOUND, RemoveIScsiSendTargetPortalA(instance, 2, &portal));
	api_expect(ISDSC_PORTAL_NOT_FOUND, RefreshIScsiSendTargetPortalA(NULL, any, &portal));
	api_expect(ERROR_SUCCESS, RefreshIScsiSendTargetPortalA(instance, 1, &portal));
	api_expect(ERROR_SUCCESS, RemoveIScsiSendTargetPortalA(instance, 4711, &portal));
	api_expect(ERROR_SUCCESS, RemoveIScsiSendTargetPortalA(instance, any, &portal));
	count = 4;
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_int_equal(count, 0);
	api_expect(ISDSC_PORTAL_NOT_FOUND, RemoveIScsiSendTargetPortalA(instance, any, &portal));
}

static void test_chap_where_none_is(void **state)
{
	static UCHAR user[] = "user1", secret[] = "secret-secret1";
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE |
			ISCSI_LOGIN_OPTIONS_USERNAME | ISCSI_LOGIN_OPTIONS_PASSWORD,
		.AuthType = ISCSI_CHAP_AUTH_TYPE, .Username = user, .UsernameLength = 5,
		.Password = secret, .PasswordLength = 14,
	};
	ISCSI_TARGET_PORTALA portal;
	ISCSI_TARGET_PORTAL_INFO_EXA *info;
	ULONG count = 77, size = 12345;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ISDSC_AUTHENTICATION_FAILURE, portal_add(&portal, &options, 0));
	/* NULL is a question for the size, whatever the number says. */
	api_expect(ERROR_INSUFFICIENT_BUFFER, ReportIScsiSendTargetPortalsExA(&count, &size, NULL));
	assert_int_equal(size, sizeof(*info) + 5);
	info = malloc(size);
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsExA(&count, &size, info));
	assert_int_equal(count, 1);
	assert_int_equal(size, sizeof(*info) + 5);
	assert_int_equal(info->LoginOptions.AuthType, ISCSI_CHAP_AUTH_TYPE);
	assert_int_equal(info->LoginOptions.UsernameLength, 5);
	assert_memory_equal(info->LoginOptions.Username, "user1", 5);
	assert_int_equal(info->LoginOptions.PasswordLength, 0);
	free(info);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
}

static void test_flags_are_kept(void **state)
{
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_HEADER_DIGEST,
		.HeaderDigest = ISCSI_DIGEST_TYPE_CRC32C,
	};
	ISCSI_TARGET_PORTALA portal;
	ISCSI_TARGET_PORTAL_INFO_EXA info[2];
	ULONG count, size = sizeof(info);

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	/* Without the VALID bit the others do not count, but they are kept bit for bit. */
	api_expect(ERROR_SUCCESS, portal_add(&portal, &options, 0x22));
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsExA(&count, &size, info));
	assert_int_equal(size, sizeof(info[0]));
	assert_int_equal(info[0].SecurityFlags, 0x22);
	assert_int_equal(info[0].LoginOptions.InformationSpecified,
			 ISCSI_LOGIN_OPTIONS_HEADER_DIGEST);
	assert_int_equal(info[0].LoginOptions.HeaderDigest, ISCSI_DIGEST_TYPE_CRC32C);
	assert_null(info[0].LoginOptions.Username);
	/* So are login flags, those about RADIUS included: without CHAP nothing is to be verified. */
	options = (ISCSI_LOGIN_OPTIONS){
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT |
			ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_RETAIN | ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS,
		.LoginFlags = ISCSI_LOGIN_FLAG_USE_RADIUS_VERIFICATION |
			ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED | ISCSI_LOGIN_FLAG_RESERVED1,
		.AuthType = ISCSI_CHAP_AUTH_TYPE,
		.DefaultTime2Wait = 3, .DefaultTime2Retain = 33, .MaximumConnections = 5,
	};
	strcpy(portal.SymbolicName, "changed");
	api_expect(ERROR_SUCCESS, portal_add(&portal, &options, 0));
	size = sizeof(info);
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsExA(&count, &size, info));
	assert_int_equal(count, 1);
	assert_string_equal(info[0].SymbolicName, "changed");
	assert_int_equal(info[0].SecurityFlags, 0);
	assert_int_equal(info[0].LoginOptions.LoginFlags, options.LoginFlags);
	assert_int_equal(info[0].LoginOptions.InformationSpecified, options.InformationSpecified);
	assert_int_equal(info[0].LoginOptions.DefaultTime2Wait, 3);
	assert_int_equal(info[0].LoginOptions.DefaultTime2Retain, 33);
	assert_int_equal(info[0].LoginOptions.MaximumConnections, 5);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
}

/* What is new at a portal is seen when it is asked, and not before. */
static void test_cached_and_forced(void **state)
{
	static const char *const renamed[] = { "--name=iqn.2026-11.test:new", NULL };
	ISCSI_TARGET_PORTALA portal;
	char names[256];
	ULONG size = sizeof(names);

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_add(&portal, NULL, 0));
	api_target_restart(renamed);
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, names));
	assert_string_equal(names, API_TARGET_NAME);
	/* Callers ask while they size, and take the list from what is known. */
	size = 0;
	api_expect(ERROR_INSUFFICIENT_BUFFER, ReportIScsiTargetsA(7, &size, NULL));
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, names));
	assert_string_equal(names, "iqn.2026-11.test:new");
	assert_int_equal(size, strlen(names) + 2);
	/* Of two portals one does not answer: the list comes with a warning. */
	api_portal(&portal, "127.0.0.1", dead_port());
	api_expect(ISDSC_CONNECTION_FAILED, portal_add(&portal, NULL, 0));
	size = sizeof(names);
	api_expect(ISDSC_OPERATION_NOT_ALL_SUCCESS, ReportIScsiTargetsA(TRUE, &size, names));
	assert_string_equal(names, "iqn.2026-11.test:new");
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
	api_target_restart(NULL);
}

static void test_bad_arguments(void **state)
{
	ISCSI_LOGIN_OPTIONS version = { .Version = 1 };
	ISCSI_TARGET_PORTALA portal;
	ULONG number = 0;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_INVALID_PARAMETER, portal_add(NULL, NULL, 0));
	api_expect(ERROR_INVALID_PARAMETER, portal_add(&portal, &version, 0));
	/* tunnel and transport; main and aggressive */
	api_expect(ERROR_INVALID_PARAMETER, portal_add(&portal, NULL, 0x63));
	api_expect(ERROR_INVALID_PARAMETER, portal_add(&portal, NULL, 0x0f));
	api_expect(ERROR_INVALID_PARAMETER,
		   AddIScsiSendTargetPortalA(NULL, 0, NULL, 0, &portal));
	portal.Socket = 0;
	api_expect(ERROR_INVALID_PARAMETER, portal_add(&portal, NULL, 0));
	memset(portal.Address, 'x', sizeof(portal.Address));
	portal.Socket = 3260;
	api_expect(ERROR_INVALID_PARAMETER, portal_add(&portal, NULL, 0));
	api_expect(ERROR_INVALID_PARAMETER, portal_remove(NULL));
	api_expect(ERROR_INVALID_PARAMETER, ReportIScsiSendTargetPortalsA(NULL, NULL));
	api_expect(ERROR_INVALID_PARAMETER, ReportIScsiSendTargetPortalsExA(NULL, NULL, NULL));
	api_expect(ERROR_INVALID_PARAMETER, ReportIScsiSendTargetPortalsExA(&number, NULL, NULL));
	api_expect(ERROR_INVALID_PARAMETER, ReportIScsiTargetsA(FALSE, NULL, NULL));
	api_expect(ERROR_INVALID_PARAMETER, ReportIScsiTargetPortalsA(NULL, NULL, NULL, NULL, NULL));
	api_expect(ERROR_INVALID_PARAMETER, ReportIScsiInitiatorListA(NULL, NULL));
}

static void test_target_list_sizes(void **state)
{
	char buffer[256];
	ISCSI_TARGET_PORTALA portal;
	ULONG need = 0, size;

	(void)state;
	/* Empty: two NULs. */
	api_expect(ERROR_INSUFFICIENT_BUFFER, ReportIScsiTargetsA(FALSE, &need, NULL));
	assert_int_equal(need, 2);
	size = sizeof(buffer);
	memset(buffer, 'x', sizeof(buffer));
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, buffer));
	assert_int_equal(size, 2);
	assert_memory_equal(buffer, "\0", 2);

	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_add(&portal, NULL, 0));
	need = 1;
	api_expect(ERROR_INSUFFICIENT_BUFFER, ReportIScsiTargetsA(TRUE, &need, buffer));
	assert_int_equal(need, strlen(API_TARGET_NAME) + 2);
	size = need - 1;
	api_expect(ERROR_INSUFFICIENT_BUFFER, ReportIScsiTargetsA(FALSE, &size, buffer));
	assert_int_equal(size, need);
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, buffer));
	assert_int_equal(size, need);
	assert_string_equal(buffer, API_TARGET_NAME);
	assert_int_equal(buffer[need - 1], 0);
	/* What was known only through the portal goes with it. */
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
	size = sizeof(buffer);
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, buffer));
	assert_int_equal(size, 2);
}

static void test_target_list_wide(void **state)
{
	WCHAR buffer[64];
	ISCSI_TARGET_PORTALA portal;
	ULONG size = 64;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_add(&portal, NULL, 0));
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsW(FALSE, &size, buffer));
	assert_int_equal(size, strlen(API_TARGET_NAME) + 2);
	for (size_t i = 0; i <= strlen(API_TARGET_NAME); i++)
		assert_int_equal(buffer[i], API_TARGET_NAME[i]);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
}

static void test_target_portals(void **state)
{
	ISCSI_TARGET_PORTALA portal, list[4];
	USHORT tag = 1;
	ULONG count = 0;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, portal_add(&portal, NULL, 0));
	api_expect(ERROR_INSUFFICIENT_BUFFER,
		   ReportIScsiTargetPortalsA(NULL, api_text(API_TARGET_NAME), NULL, &count, NULL));
	assert_int_equal(count, 2);
	count = 1;
	api_expect(ERROR_INSUFFICIENT_BUFFER,
		   ReportIScsiTargetPortalsA(NULL, api_text(API_TARGET_NAME), NULL, &count, list));
	assert_int_equal(count, 2);
	count = 4;
	api_expect(ERROR_SUCCESS,
		   ReportIScsiTargetPortalsA(NULL, api_text(API_TARGET_NAME), &tag, &count, list));
	assert_int_equal(count, 2);
	assert_int_equal(list[0].Socket, api_bed.port);
	tag = 9;
	count = 4;
	api_expect(ERROR_SUCCESS,
		   ReportIScsiTargetPortalsA(NULL, api_text(API_TARGET_NAME), &tag, &count, list));
	assert_int_equal(count, 0);
	count = 4;
	api_expect(ISDSC_TARGET_NOT_FOUND,
		   ReportIScsiTargetPortalsA(NULL, api_text("iqn.2026-11.test:other"), NULL, &count, list));
	api_expect(ISDSC_INITIATOR_INSTANCE_NOT_FOUND,
		   ReportIScsiTargetPortalsA(api_text("other"), api_text(API_TARGET_NAME), NULL, &count,
					     list));
	/* Names have no letter case; the empty instance is any. */
	api_expect(ERROR_SUCCESS, ReportIScsiTargetPortalsA(api_text(""), api_text("IQN.2026-11.Test:MCS"),
							    NULL, &count, list));
	assert_int_equal(count, 2);
	api_expect(ERROR_SUCCESS, portal_remove(&portal));
	DUTY("DSC-5");
}

static void test_initiator(void **state)
{
	char name[MAX_ISCSI_NAME_LEN + 1], before[MAX_ISCSI_NAME_LEN + 1], list[128];
	ISCSI_VERSION_INFO version;
	ULONG size = sizeof(list);

	(void)state;
	api_expect(ERROR_SUCCESS, ReportIScsiInitiatorListA(&size, list));
	assert_string_equal(list, "ROOT\\ISCSIPRT\\0000_0");
	size = 0;
	api_expect(ERROR_INSUFFICIENT_BUFFER, ReportIScsiInitiatorListA(&size, NULL));
	assert_int_equal(size, strlen(list) + 2);

	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(before));
	assert_memory_equal(before, "iqn.", 4);
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(api_text("IQN.2026-11.test:Other")));
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	assert_string_equal(name, "iqn.2026-11.test:other");
	api_expect(ISDSC_INVALID_ISCSI_NAME, SetIScsiInitiatorNodeNameA(api_text("not\na name")));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(NULL));
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	assert_string_equal(name, before);
	api_expect(ERROR_INVALID_PARAMETER, GetIScsiInitiatorNodeNameA(NULL));

	api_expect(ERROR_SUCCESS, GetIScsiVersionInformation(&version));
	api_expect(ERROR_INVALID_PARAMETER, GetIScsiVersionInformation(NULL));
}

static void test_settings(void **state)
{
	char value[32];
	ULONG size = sizeof(value);

	(void)state;
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("ping-idle"), api_text("7")));
	api_expect(ERROR_SUCCESS, GetIScsiDefault(api_text("ping-idle"), &size, value));
	assert_string_equal(value, "7");
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiDefault(api_text("ping-idle"), api_text("soon")));
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiDefault(api_text("ping-idle"), api_text("0")));
	api_expect(ERROR_NOT_FOUND, SetIScsiDefault(api_text("no-such-thing"), api_text("1")));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("ping-idle"), NULL));
	size = sizeof(value);
	api_expect(ERROR_SUCCESS, GetIScsiDefault(api_text("ping-idle"), &size, value));
	assert_string_equal(value, "5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_list_remove),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_host_name),
		cmocka_unit_test(test_instance_and_port),
		cmocka_unit_test(test_chap_where_none_is),
		cmocka_unit_test(test_flags_are_kept),
		cmocka_unit_test(test_cached_and_forced),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_target_list_sizes),
		cmocka_unit_test(test_target_list_wide),
		cmocka_unit_test(test_target_portals),
		cmocka_unit_test(test_initiator),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests_name("portals", tests, api_setup, api_teardown);
}
