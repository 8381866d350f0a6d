/* api_connections_test.c - AddIScsiConnection and RemoveIScsiConnection, right and wrong. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api_bed.h"

static ISDSC_STATUS add(ISCSI_UNIQUE_SESSION_ID *session, const char *address, uint16_t port,
			ISCSI_UNIQUE_CONNECTION_ID *connection)
{
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, address, port);
	return AddIScsiConnectionA(session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, 0, NULL,
				   connection);
}

static void test_four(void **state)
{
	static char reserved[] = "ROOT\\ISCSIPRT\\0000_0";
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading, ids[3];
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_INFOA *list;
	ULONG count;

	(void)state;
	api_login(4, &session, &leading);
	api_expect(ERROR_SUCCESS, add(&session, "127.0.0.2", api_bed.port, &ids[0]));
	/* No portal: one of the session's group; Reserved is ignored; no id is asked for. */
	api_expect(ERROR_SUCCESS,
		   AddIScsiConnectionA(&session, reserved, ISCSI_ANY_INITIATOR_PORT, NULL, 0, NULL, 0,
				       NULL, NULL));
	api_portal(&portal, "localhost", api_bed.port);
	api_expect(ERROR_SUCCESS,
		   AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, 0,
				       NULL, &ids[2]));
	api_expect(ISDSC_TOO_MANY_CONNECTIONS, add(&session, "127.0.0.2", api_bed.port, NULL));
	list = api_sessions(&count);
	assert_int_equal(count, 1);
	assert_int_equal(list->ConnectionCount, 4);
	assert_memory_equal(&list->Connections[0].ConnectionId, &leading, sizeof(leading));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(list->Connections[i].ConnectionId.AdapterUnique,
				 session.AdapterUnique);
		for (unsigned j = 0; j < i; j++) {
			assert_memory_not_equal(&list->Connections[i].ConnectionId,
						&list->Connections[j].ConnectionId, 16);
			assert_memory_not_equal(list->Connections[i].CID, list->Connections[j].CID, 2);
		}
	}
	assert_string_equal(list->Connections[1].TargetAddress, "127.0.0.2");
	assert_string_equal(list->Connections[3].TargetAddress, "localhost");
	free(list);

	api_expect(ISDSC_CANNOT_REMOVE_LEADING_CONNECTION, RemoveIScsiConnection(&session, &leading));
	api_expect(ERROR_SUCCESS, RemoveIScsiConnection(&session, &ids[0]));
	api_expect(ISDSC_INVALID_CONNECTION_ID, RemoveIScsiConnection(&session, &ids[0]));
	assert_int_equal(api_connections(&session), 3);
	api_expect(ERROR_SUCCESS, add(&session, "127.0.0.2", api_bed.port, NULL));
	assert_int_equal(api_connections(&session), 4);
}

static void test_last_one_stays(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;

	(void)state;
	api_login(2, &session, &leading);
	api_expect(ISDSC_CANT_REMOVE_LAST_CONNECTION, RemoveIScsiConnection(&session, &leading));
	api_expect(ERROR_INVALID_PARAMETER, RemoveIScsiConnection(NULL, &leading));
	api_expect(ERROR_INVALID_PARAMETER, RemoveIScsiConnection(&session, NULL));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ISDSC_INVALID_SESSION_ID, RemoveIScsiConnection(&session, &leading));
}

static void test_bad_arguments(void **state)
{
	ISCSI_LOGIN_OPTIONS version = { .Version = 1 };
	ISCSI_LOGIN_OPTIONS ipsec = { .LoginFlags = ISCSI_LOGIN_FLAG_REQUIRE_IPSEC };
	ISCSI_UNIQUE_SESSION_ID session, other;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_login(4, &session, &leading);
	api_portal(&portal, "127.0.0.2", api_bed.port);
#define ADD(port, options, flags) \
	AddIScsiConnectionA(&session, NULL, (port), &portal, (flags), (options), 0, NULL, NULL)
	api_expect(ERROR_INVALID_PARAMETER, ADD(ISCSI_ANY_INITIATOR_PORT, &version, 0));
	api_expect(ERROR_INVALID_PARAMETER, ADD(ISCSI_ANY_INITIATOR_PORT, NULL, 0x63));
	api_expect(ERROR_INVALID_PARAMETER, ADD(ISCSI_ANY_INITIATOR_PORT, NULL, 0x0f));
	api_expect(ERROR_INVALID_PARAMETER, ADD(0, NULL, 0));
	api_expect(ISDSC_INVALID_PORT_NUMBER, ADD(4711, NULL, 0));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS, ADD(ISCSI_ANY_INITIATOR_PORT, NULL, 0x03));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS, ADD(ISCSI_ANY_INITIATOR_PORT, &ipsec, 0));
	portal.Socket = 0;
	api_expect(ERROR_INVALID_PARAMETER, ADD(ISCSI_ANY_INITIATOR_PORT, NULL, 0));
#undef ADD
	other = session;
	other.AdapterSpecific ^= 1;
	api_expect(ISDSC_INVALID_SESSION_ID, add(&other, "127.0.0.2", api_bed.port, NULL));
	api_expect(ERROR_INVALID_PARAMETER, add(NULL, "127.0.0.2", api_bed.port, NULL));
	api_expect(ISDSC_CONNECTION_FAILED, add(&session, "127.0.0.2", 1, NULL));
	assert_int_equal(api_connections(&session), 1);
	api_expect(ERROR_SUCCESS, add(&session, "127.0.0.2", api_bed.port, NULL));
}

static ULONG port_number(const char *address)
{
	char buffer[8192];
	ISCSI_INITIATOR_PORT_INFO *port = (void *)buffer;
	ULONG size = sizeof(buffer), count;

	api_expect(ERROR_SUCCESS, ReportIScsiInitiatorPorts(&size, &count, port));
	for (ULONG i = 0; i < count; i++) {
		if (strcmp(port->Address, address) == 0)
			return port->PortNumber;
		port = (ISCSI_INITIATOR_PORT_INFO *)(void *)((char *)port + port->Size);
	}
	return 0;
}

/* An IPv4 address that is not loopback's, with its number; "" and 0 if there is none. */
static ULONG other_port(char address[64])
{
	char buffer[8192];
	ISCSI_INITIATOR_PORT_INFO *port = (void *)buffer;
	ULONG size = sizeof(buffer), count;

	address[0] = 0;
	api_expect(ERROR_SUCCESS, ReportIScsiInitiatorPorts(&size, &count, port));
	for (ULONG i = 0; i < count; i++) {
		if (strncmp(port->Address, "127.", 4) && !strchr(port->Address, ':')) {
			snprintf(address, 64, "%s", port->Address);
			return port->PortNumber;
		}
		port = (ISCSI_INITIATOR_PORT_INFO *)(void *)((char *)port + port->Size);
	}
	return 0;
}

/* The port's address is where the connection comes from. */
static void test_source_is_the_ports(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_INFOA *list;
	char address[64];
	ULONG number = other_port(address), count;

	(void)state;
	if (!number)
		skip();
	api_login(3, &session, &leading);
	api_portal(&portal, "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, number, &portal, 0, NULL, 0, NULL,
						      NULL));
	list = api_sessions(&count);
	assert_string_equal(list->Connections[0].InitiatorAddress, "127.0.0.1");
	assert_string_equal(list->Connections[1].InitiatorAddress, address);
	free(list);
}

static void test_source_address(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_TARGET_PORTALA portal;
	ULONG number = port_number("127.0.0.1");

	(void)state;
	assert_int_not_equal(number, 0);
	api_login(3, &session, &leading);
	api_portal(&portal, "127.0.0.2", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, number, &portal, 0, NULL, 0,
						      NULL, NULL));
	/* A port of the other address family can't reach it. */
	api_portal(&portal, "::1", api_bed.port);
	api_expect(ISDSC_INVALID_PORT_NUMBER,
		   AddIScsiConnectionA(&session, NULL, number, &portal, 0, NULL, 0, NULL, NULL));
}

static void test_digests_of_one_connection(void **state)
{
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_HEADER_DIGEST |
			ISCSI_LOGIN_OPTIONS_DATA_DIGEST | ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS |
			ISCSI_LOGIN_OPTIONS_DEFAULT_TIME_2_WAIT,
		.HeaderDigest = ISCSI_DIGEST_TYPE_CRC32C, .DataDigest = ISCSI_DIGEST_TYPE_CRC32C,
		/* These are the session's: they change nothing. */
		.MaximumConnections = 1, .DefaultTime2Wait = 3600,
	};
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_SESSION_INFO_EX *list;
	ULONG size = 0, count;

	(void)state;
	api_login(2, &session, &leading);
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, NULL,
						      0, &options, 0, NULL, NULL));
	api_expect(ERROR_INSUFFICIENT_BUFFER, GetIScsiSessionListEx(&size, &count, NULL));
	list = malloc(size);
	api_expect(ERROR_SUCCESS, GetIScsiSessionListEx(&size, &count, list));
	assert_int_equal(list->ConnectionCount, 2);
	assert_int_equal(list->Connections[0].HeaderDigest, 0);
	assert_int_equal(list->Connections[1].HeaderDigest, 1);
	assert_int_equal(list->Connections[1].DataDigest, 1);
	assert_int_equal(list->MaximumConnections, 2);
	free(list);
}

/* Logs in, lets the target answer the next login in this way, and expects this. */
static void refused_by_target(const char *how, ISDSC_STATUS expected)
{
	const char *options[] = { how, NULL };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;

	api_target_restart(options);
	api_login(4, &session, &leading);
	api_expect(expected, add(&session, "127.0.0.2", api_bed.port, NULL));
	assert_int_equal(api_connections(&session), 1);
	api_logout_all(NULL);
}

static void test_target_refuses(void **state)
{
	(void)state;
	refused_by_target("--deny-added=0206", ISDSC_TOO_MANY_CONNECTIONS);
	refused_by_target("--deny-added=0208", ISDSC_TOO_MANY_CONNECTIONS);
	refused_by_target("--deny-added=0201", ISDSC_AUTHENTICATION_FAILURE);
	refused_by_target("--deny-added=0202", ISDSC_AUTHORIZATION_FAILURE);
	refused_by_target("--deny-added=0301", ISDSC_SERVICE_UNAVAILABLE);
	refused_by_target("--deny-added=0302", ISDSC_OUT_OF_RESOURCES);
	refused_by_target("--new-session-on-add", ISDSC_CANT_INCLUDE_IN_SESSION);
	refused_by_target("--group-on-add=2", ISDSC_CANT_INCLUDE_IN_SESSION);
	refused_by_target("--max-connections=1", ISDSC_TOO_MANY_CONNECTIONS);
	api_target_restart(NULL);
}

struct silent_call {
	ISCSI_UNIQUE_SESSION_ID session;
	uint16_t port;
	ISDSC_STATUS status;
	double seconds;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *silent_add(void *arg)
{
	struct silent_call *call = arg;
	double begin = now();

	call->status = add(&call->session, "127.0.0.1", call->port, NULL);
	call->seconds = now() - begin;
	return NULL;
}

/* A portal that takes TCP and never answers ends in the time limit; others are served meanwhile. */
static void test_silent_portal(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct silent_call call = { 0 };
	ISCSI_UNIQUE_CONNECTION_ID leading;
	pthread_t thread;
	double begin;

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	call.port = ntohs(in.sin_port);
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("login-time"), api_text("2")));
	api_login(2, &call.session, &leading);
	assert_int_equal(pthread_create(&thread, NULL, silent_add, &call), 0);
	usleep(300000);
	begin = now();
	/* The login under way counts: two are agreed on. */
	api_expect(ISDSC_TOO_MANY_CONNECTIONS,
		   add(&call.session, "127.0.0.2", api_bed.port, NULL));
	assert_int_equal(api_connections(&call.session), 1);
	assert_true(now() - begin < 1.0);
	pthread_join(thread, NULL);
	api_expect(ISDSC_CONNECTION_FAILED, call.status);
	assert_true(call.seconds > 1.0 && call.seconds < 6.0);
	api_expect(ERROR_SUCCESS, add(&call.session, "127.0.0.2", api_bed.port, NULL));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("login-time"), NULL));
	close(fd);
}

static void none_reconnected(ISCSI_UNIQUE_SESSION_ID *session, unsigned connections)
{
	char buffer[4096];
	ISCSI_CONNECTION_COUNTERS *list = (void *)buffer;
	ULONG size = sizeof(buffer), count;

	api_expect(ERROR_SUCCESS, GetIScsiConnectionCounters(session, &size, &count, list));
	assert_int_equal(count, connections);
	for (ULONG i = 0; i < count; i++) {
		assert_int_equal(list->Reconnects, 0);
		list = (ISCSI_CONNECTION_COUNTERS *)(void *)((char *)list + list->Size);
	}
}

static void inquire(ISCSI_UNIQUE_SESSION_ID *session)
{
	UCHAR answer[36], sense[18], scsi_status;
	ULONG size = sizeof(answer), sense_size = sizeof(sense);

	api_expect(ERROR_SUCCESS, SendScsiInquiry(session, 0, 0, 0, &scsi_status, &size, answer,
						  &sense_size, sense));
}

/* Eight connections that are quiet, then carry commands now and then; one is removed. */
static void quiet_connections(const char *const *options)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading, last;

	api_target_restart(options);
	api_login(8, &session, &leading);
	for (unsigned i = 0; i < 7; i++)
		api_expect(ERROR_SUCCESS, add(&session, "127.0.0.2", api_bed.port, &last));
	usleep(2300000);
	for (unsigned i = 0; i < 30; i++) {
		inquire(&session);
		usleep(20000);
	}
	none_reconnected(&session, 8);
	api_expect(ERROR_SUCCESS, RemoveIScsiConnection(&session, &last));
	inquire(&session);
	none_reconnected(&session, 7);
	api_logout_all(NULL);
}

/* Towards a target that sorts nothing but commands, pings of ours and answers to its pings leave
 * when it is their turn. It tells if one did not. */
static void test_pings_in_order(void **state)
{
	static const char *const ours[] = { "--unsorted", NULL };
	static const char *const its[] = { "--unsorted", "--ping-ms=150", NULL };

	(void)state;
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("ping-idle"), api_text("1")));
	quiet_connections(ours);
	quiet_connections(its);
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("ping-idle"), NULL));
	api_target_restart(NULL);
}

/* IPv6, bare and in brackets; and where no portal is named, only one that can be reached is taken. */
static void test_ipv6(void **state)
{
	char listen[64];
	const char *options[] = { listen, "--max-connections=8", NULL };
	static const char *const names[] = { "::1", "[::1]", "localhost" };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ULONG four = port_number("127.0.0.1"), six = port_number("::1"), count;
	ISCSI_SESSION_INFOA *list;

	(void)state;
	if (!six)
		skip();
	snprintf(listen, sizeof(listen), "--listen=[::1]:%u", api_bed.port);
	api_target_restart(options);
	api_login(8, &session, &leading);
	for (size_t i = 0; i < 3; i++)
		api_expect(ERROR_SUCCESS, add(&session, names[i], api_bed.port, NULL));
	for (unsigned i = 0; i < 3; i++)
		api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, i < 2 ? four : six, NULL,
							      0, NULL, 0, NULL, NULL));
	list = api_sessions(&count);
	assert_int_equal(list->ConnectionCount, 7);
	assert_string_equal(list->Connections[1].TargetAddress, "::1");
	assert_string_equal(list->Connections[1].InitiatorAddress, "::1");
	assert_string_equal(list->Connections[2].TargetAddress, "[::1]");
	assert_string_equal(list->Connections[4].InitiatorAddress, "127.0.0.1");
	assert_string_equal(list->Connections[5].InitiatorAddress, "127.0.0.1");
	assert_string_equal(list->Connections[6].TargetAddress, "::1");
	free(list);
	api_logout_all(NULL);
	api_target_restart(NULL);
}

/* Flags stored for a portal count where the call's are not valid; such a portal is never chosen. */
static void test_stored_flags(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_INFOA *list;
	ULONG count;

	(void)state;
	api_login(4, &session, &leading);
	api_portal(&portal, "127.0.0.2", api_bed.port);
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS,
		   AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0x03, &portal));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS, add(&session, "127.0.0.2", api_bed.port, NULL));
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
						      NULL, 0, NULL, NULL));
	list = api_sessions(&count);
	assert_string_equal(list->Connections[1].TargetAddress, "127.0.0.1");
	free(list);
	api_expect(ERROR_SUCCESS,
		   AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
				       ISCSI_SECURITY_FLAG_VALID, NULL, 0, NULL, NULL));
	api_expect(ERROR_SUCCESS,
		   RemoveIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
}

static void test_counters(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	ISCSI_CONNECTION_COUNTERS *list;
	ULONG size = 0, count;

	(void)state;
	api_login(2, &session, &leading);
	api_expect(ERROR_SUCCESS, add(&session, "127.0.0.2", api_bed.port, NULL));
	api_expect(ERROR_INSUFFICIENT_BUFFER,
		   GetIScsiConnectionCounters(&session, &size, &count, NULL));
	list = malloc(size);
	api_expect(ERROR_SUCCESS, GetIScsiConnectionCounters(&session, &size, &count, list));
	assert_int_equal(count, 2);
	assert_true(list->IsLeading);
	assert_int_equal(list->State, ISCSI_CONNECTION_STATE_FULL_FEATURE);
	assert_true(list->BytesIn > 0 && list->BytesOut > 0 && list->PdusOut > 0);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_four, api_logout_all),
		cmocka_unit_test_teardown(test_last_one_stays, api_logout_all),
		cmocka_unit_test_teardown(test_bad_arguments, api_logout_all),
		cmocka_unit_test_teardown(test_source_address, api_logout_all),
		cmocka_unit_test_teardown(test_source_is_the_ports, api_logout_all),
		cmocka_unit_test_teardown(test_digests_of_one_connection, api_logout_all),
		cmocka_unit_test_teardown(test_target_refuses, api_logout_all),
		cmocka_unit_test_teardown(test_silent_portal, api_logout_all),
		cmocka_unit_test_teardown(test_pings_in_order, api_logout_all),
		cmocka_unit_test_teardown(test_ipv6, api_logout_all),
		cmocka_unit_test_teardown(test_stored_flags, api_logout_all),
		cmocka_unit_test_teardown(test_counters, api_logout_all),
	};

	return cmocka_run_group_tests_name("connections", tests, api_setup, api_teardown);
}
