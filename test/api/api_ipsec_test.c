/*
 * api_ipsec_test.c - what is said about IPsec is kept as long as it shall be, is told back but for
 * keys, and what asks for IPsec does not connect without.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_bed.h"

#define ALL ISCSI_ALL_INITIATOR_PORTS
#define SECRET "a-key-that-nobody-sees"

static UCHAR key[] = SECRET;

/* An id of 4 or more bytes; a host's name by its text. */
static IKE_AUTHENTICATION_INFORMATION info(UCHAR type, const void *id, ULONG len, ULONGLONG flags)
{
	static UCHAR ids[4][256];
	static unsigned turn;
	UCHAR *copy = memcpy(ids[turn++ % 4], id, len);

	return (IKE_AUTHENTICATION_INFORMATION){
		.AuthMethod = IKE_AUTHENTICATION_PRESHARED_KEY_METHOD,
		.PsKey = { .SecurityFlags = flags, .IdType = type, .IdLengthInBytes = len, .Id = copy,
			   .KeyLengthInBytes = sizeof(key) - 1, .Key = key },
	};
}

static IKE_AUTHENTICATION_INFORMATION host(const char *name, ULONGLONG flags)
{
	return info(ID_FQDN, name, (ULONG)strlen(name), flags);
}

/* The flags that are stored for a host's name, by both forms. */
static ULONGLONG flags_of(const char *name)
{
	IKE_AUTHENTICATION_INFORMATION a = host(name, ~0ull), w = a;

	api_expect(ERROR_SUCCESS, GetIScsiIKEInfoA(NULL, ALL, NULL, &a));
	api_expect(ERROR_SUCCESS, GetIScsiIKEInfoW(NULL, ALL, NULL, &w));
	assert_int_equal(a.PsKey.SecurityFlags, w.PsKey.SecurityFlags);
	/* Nothing else of the caller's was written. */
	assert_ptr_equal(a.PsKey.Key, key);
	assert_memory_equal(key, SECRET, sizeof(key));
	return a.PsKey.SecurityFlags;
}

static void restart(void)
{
	assert_int_equal(api_service_end(SIGTERM), 0);
	api_service_start();
}

static void test_identities(void **state)
{
	IKE_AUTHENTICATION_INFORMATION kept = host("kept.example", 0x11);
	IKE_AUTHENTICATION_INFORMATION passing = host("passing.example", 0x41), gone;

	(void)state;
	api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, GetIScsiIKEInfoA(NULL, ALL, NULL, &kept));
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &kept, TRUE));
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoW(NULL, ALL, &passing, FALSE));
	assert_int_equal(flags_of("KEPT.example"), 0x11);
	assert_int_equal(flags_of("passing.example"), 0x41);
	restart();
	assert_int_equal(flags_of("kept.example"), 0x11);
	api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, GetIScsiIKEInfoA(NULL, ALL, NULL, &passing));
	gone = kept;
	gone.PsKey.Key = NULL;
	gone.PsKey.KeyLengthInBytes = 0;
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &gone, FALSE));
	api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, SetIScsiIKEInfoA(NULL, ALL, &gone, FALSE));
	restart();
	api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, GetIScsiIKEInfoA(NULL, ALL, NULL, &kept));
}

/* Set for the initiator, for all of them, and for one of its ports. */
static void test_initiators_and_ports(void **state)
{
	char instance[] = "root\\iscsiprt\\0000_0", other[] = "other";
	IKE_AUTHENTICATION_INFORMATION own = host("ports.example", 0x11);

	(void)state;
	api_expect(ISDSC_INITIATOR_INSTANCE_NOT_FOUND, SetIScsiIKEInfoA(other, ALL, &own, FALSE));
	api_expect(ISDSC_INVALID_PORT_NUMBER, SetIScsiIKEInfoA(instance, 4711, &own, FALSE));
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiIKEInfoA(instance, 0, &own, FALSE));
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(instance, 1, &own, FALSE));
	api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, GetIScsiIKEInfoA(instance, ALL, NULL, &own));
	api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, GetIScsiIKEInfoA(NULL, ALL, NULL, &own));
	own.PsKey.SecurityFlags = 0;
	api_expect(ERROR_SUCCESS, GetIScsiIKEInfoA(instance, 1, NULL, &own));
	assert_int_equal(own.PsKey.SecurityFlags, 0x11);
	own.PsKey.SecurityFlags = 0x21;
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(api_text(""), ALL, &own, FALSE));
	api_expect(ERROR_SUCCESS, GetIScsiIKEInfoA(instance, ALL, NULL, &own));
	assert_int_equal(own.PsKey.SecurityFlags, 0x21);
}

static void test_what_is_wrong(void **state)
{
	static const struct {
		UCHAR type;
		ULONG len;
		ULONGLONG flags;
		ISDSC_STATUS status;
	} table[] = {
		{ ID_IPV4_ADDR, 3, 0, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE },
		{ ID_IPV4_ADDR, 16, 0, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE },
		{ ID_IPV6_ADDR, 4, 0, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE },
		{ ID_FQDN, 0, 0, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE },
		{ ID_FQDN, 256, 0, ISDSC_IKE_ID_PAYLOAD_INCORRECT_SIZE },
		{ 0, 4, 0, ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED },
		{ 4, 4, 0, ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED },
		{ 9, 4, 0, ISDSC_IKE_ID_PAYLOAD_TYPE_NOT_SUPPORTED },
		{ ID_FQDN, 4, 0x80, ERROR_INVALID_PARAMETER },
		{ ID_FQDN, 4, 0x0c, ERROR_INVALID_PARAMETER },
		{ ID_FQDN, 4, 0x61, ERROR_INVALID_PARAMETER },
	};
	IKE_AUTHENTICATION_INFORMATION made;
	UCHAR id[256];

	(void)state;
	memset(id, 'x', sizeof(id));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		made = info(table[i].type, id, table[i].len, table[i].flags);
		api_expect(table[i].status, SetIScsiIKEInfoA(NULL, ALL, &made, TRUE));
	}
	made = host("host", 0);
	made.AuthMethod = 2;
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiIKEInfoA(NULL, ALL, &made, TRUE));
	api_expect(ERROR_INVALID_PARAMETER, GetIScsiIKEInfoA(NULL, ALL, NULL, &made));
	made = host("host", 0);
	made.PsKey.KeyLengthInBytes = 257;
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiIKEInfoA(NULL, ALL, &made, TRUE));
	made.PsKey.Key = NULL;
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiIKEInfoA(NULL, ALL, &made, TRUE));
	made = host("host", 0);
	made.PsKey.Id = NULL;
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiIKEInfoA(NULL, ALL, &made, TRUE));
}

/* ---- tunnels, and the group's key */

static ULONG tunnels(char *buffer, ULONG size)
{
	ULONG count = 0;

	api_expect(ERROR_SUCCESS, ReportIScsiTunnelAddresses(&size, &count, (void *)buffer));
	return count;
}

static void test_tunnels(void **state)
{
	static WCHAR destination[] = { '1', '0', '.', '0', '.', '0', '.', '9', 0 };
	static WCHAR outer[] = { '1', '0', '.', '0', '.', '0', '.', '2', 0 };
	char buffer[4096];
	ISCSI_TUNNEL_ADDRESS_INFO *tunnel = (void *)buffer;

	(void)state;
	assert_int_equal(tunnels(buffer, sizeof(buffer)), 0);
	api_expect(ERROR_SUCCESS, SetIScsiTunnelModeOuterAddressA(NULL, ALL, NULL, api_text("10.0.0.1"),
								  TRUE));
	api_expect(ERROR_SUCCESS, SetIScsiTunnelModeOuterAddressW(NULL, ALL, destination, outer, FALSE));
	assert_int_equal(tunnels(buffer, sizeof(buffer)), 2);
	assert_string_equal(tunnel->DestinationAddress, "");
	assert_string_equal(tunnel->OuterModeAddress, "10.0.0.1");
	assert_true(tunnel->IsPersistent);
	tunnel = (void *)((char *)tunnel + tunnel->Size);
	assert_string_equal(tunnel->DestinationAddress, "10.0.0.9");
	assert_string_equal(tunnel->OuterModeAddress, "10.0.0.2");
	assert_int_equal(tunnel->InitiatorPortNumber, ALL);
	assert_false(tunnel->IsPersistent);
	restart();
	assert_int_equal(tunnels(buffer, sizeof(buffer)), 1);
	api_expect(ISDSC_NO_TUNNEL_OUTER_MODE_ADDRESS,
		   SetIScsiTunnelModeOuterAddressW(NULL, ALL, destination, NULL, FALSE));
	api_expect(ERROR_INVALID_PARAMETER,
		   SetIScsiTunnelModeOuterAddressA(NULL, ALL, api_text("no address"),
						   api_text("10.0.0.1"), FALSE));
	api_expect(ERROR_SUCCESS, SetIScsiTunnelModeOuterAddressA(NULL, ALL, NULL, NULL, FALSE));
	restart();
	assert_int_equal(tunnels(buffer, sizeof(buffer)), 0);
}

/* Keys are nowhere to be read: not in the store's folder, not in the log. */
static void test_keys_stay_inside(void **state)
{
	IKE_AUTHENTICATION_INFORMATION kept = host("kept.example", 0x11);
	char command[160];

	(void)state;
	api_expect(ERROR_SUCCESS, SetIScsiGroupPresharedKey(sizeof(key) - 1, key, TRUE));
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &kept, TRUE));
	restart();
	snprintf(command, sizeof(command), "grep -rqa '%s' '%s'", SECRET, api_bed.dir);
	assert_int_not_equal(system(command), 0);
	snprintf(command, sizeof(command), "grep -rqa 'kept.example' '%s/state'", api_bed.dir);
	assert_int_equal(system(command), 0);
	api_expect(ERROR_SUCCESS, SetIScsiGroupPresharedKey(0, NULL, FALSE));
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiGroupPresharedKey(257, key, FALSE));
	kept.PsKey.KeyLengthInBytes = 0;
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &kept, TRUE));
}

/* ---- nothing that asks for IPsec connects without it */

static ISDSC_STATUS login(ISCSI_SECURITY_FLAGS flags)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;
	ISDSC_STATUS status;

	api_portal(&portal, "127.0.0.1", api_bed.port);
	status = LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT,
				   &portal, flags, NULL, NULL, 0, NULL, FALSE, &session, &connection);
	if (status == ERROR_SUCCESS)
		api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	return status;
}

static void refused_everywhere(void)
{
	ISCSI_TARGET_PORTALA portal;
	unsigned before;

	/* What went before may still be logging out. */
	usleep(200000);
	before = api_target_count("pdus-in");
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS, login(0));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS, login(0x02));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS,
		   RefreshIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
	assert_int_equal(api_target_count("pdus-in"), before);
}

static void test_the_default_flags_count(void **state)
{
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiDefault(api_text("security-flags"),
							    api_text("0x61")));
	api_expect(ERROR_INVALID_PARAMETER, SetIScsiDefault(api_text("security-flags"),
							    api_text("-1")));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("security-flags"), api_text("0x23")));
	refused_everywhere();
	restart();
	/* It is not asked at the start either, so the target isn't known. */
	api_expect(ISDSC_TARGET_NOT_FOUND, login(0));
	api_expect(ISDSC_IPSEC_NOT_SUPPORTED_ON_OS,
		   RefreshIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
	/* Whoever says that there shall be none is heard. */
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("security-flags"), NULL));
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("security-flags"), api_text("3")));
	api_expect(ERROR_SUCCESS, login(ISCSI_SECURITY_FLAG_VALID));
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("security-flags"), NULL));
	api_expect(ERROR_SUCCESS, login(0));
}

static void test_an_identity_asks_for_its_address(void **state)
{
	const struct in_addr address = { htonl(INADDR_LOOPBACK) };
	IKE_AUTHENTICATION_INFORMATION made = info(ID_IPV4_ADDR, &address, 4, 0x03);
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &made, FALSE));
	refused_everywhere();
	made.PsKey.SecurityFlags = 0x01;
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &made, FALSE));
	api_expect(ERROR_SUCCESS, login(0));
	made.PsKey.KeyLengthInBytes = 0;
	api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &made, FALSE));
}

/* What asks for it may be forgotten when the service ends, but the login goes on asking. */
static void test_a_persistent_login_stays_protected(void **state)
{
	const struct in_addr address = { htonl(INADDR_LOOPBACK) };
	IKE_AUTHENTICATION_INFORMATION made = info(ID_IPV4_ADDR, &address, 4, 0x13);
	union {
		PERSISTENT_ISCSI_LOGIN_INFOA info;
		UCHAR bytes[8192];
	} list;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	ULONG count, size = sizeof(list);

	(void)state;
	for (unsigned named = 0; named < 2; named++) {
		api_discover(&portal);
		api_expect(ERROR_SUCCESS, SetIScsiIKEInfoA(NULL, ALL, &made, FALSE));
		api_expect(ERROR_SUCCESS,
			   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL,
					     ISCSI_ANY_INITIATOR_PORT, named ? &portal : NULL, 0, NULL,
					     NULL, 0, NULL, TRUE, &session, &connection));
		restart();
		api_expect(ISDSC_NO_AUTH_INFO_AVAILABLE, GetIScsiIKEInfoA(NULL, ALL, NULL, &made));
		size = sizeof(list);
		api_expect(ERROR_SUCCESS, ReportIScsiPersistentLoginsA(&count, &list.info, &size));
		assert_int_equal(count, 1);
		assert_int_equal(list.info.SecurityFlags, 0x13);
		assert_true(api_service_logged("no charon at", 5000)); /* it was tried, and not in clear */
		free(api_sessions(&count));
		assert_int_equal(count, 0);
		api_expect(ERROR_SUCCESS,
			   RemoveIScsiPersistentTargetA(NULL, ISCSI_ALL_INITIATOR_PORTS,
							api_text(API_TARGET_NAME), NULL));
		made.PsKey.SecurityFlags = 0x13;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_initiators_and_ports),
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_keys_stay_inside),
		cmocka_unit_test_teardown(test_the_default_flags_count, api_logout_all),
		cmocka_unit_test_teardown(test_an_identity_asks_for_its_address, api_logout_all),
		cmocka_unit_test_teardown(test_a_persistent_login_stays_protected, api_logout_all),
	};

	return cmocka_run_group_tests_name("ipsec", tests, api_setup, api_teardown);
}
