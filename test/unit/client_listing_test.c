/*
 * client_listing_test.c - the buffer protocols of the API, over a fake service, in both forms.
 */
#include <iscsidsc.h>
#include <iscsidsc_ext.h>

#include "bus/interface.h"
#include "client_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* sd_bus_message_open_container takes a structure without its parentheses. */
#define BUS_OPTIONS_CONTENTS "buuuuuuuuuayay"
#define BUS_SENDTARGETS_CONTENTS "su" BUS_PORTAL "t" BUS_OPTIONS
#define BUS_SESSION_CONTENTS BUS_ID "ssayqybbbbyuuuubta" BUS_CONNECTION

static int no_more(sd_bus_message *reply, int r)
{
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int connection_put(sd_bus_message *m, uint64_t number)
{
	return sd_bus_message_append(m, BUS_CONNECTION, (uint64_t)0xf1, number, "10.0.0.1",
				     (int)(40000 + number), "portal.example", 3260, (int)number, 3,
				     1, 0, 65536u, 1u, number == 1, 7u, UINT64_C(1), UINT64_C(2),
				     UINT64_C(3), UINT64_C(4), UINT64_C(5), UINT64_C(6),
				     UINT64_C(7), 9u, UINT64_C(10), UINT64_C(11), UINT64_C(12),
				     UINT64_C(125000000));
}

static int session_put(sd_bus_message *m, uint64_t id, int connections)
{
	static const uint8_t isid[6] = { 0x80, 1, 2, 3, 4, 5 };

	sd_bus_message_open_container(m, 'r', BUS_SESSION_CONTENTS);
	sd_bus_message_append(m, BUS_ID "ss", UINT64_C(0xf1), id, "iqn.host", "iqn.\xc3\xa9");
	sd_bus_message_append_array(m, 'y', isid, sizeof(isid));
	sd_bus_message_append(m, "qybbbbyuuuubt", 0x1234, 2, 0, 1, 1, 1, 0, 1u, 2u, 3u, 8u, 1,
			      UINT64_C(1500));
	sd_bus_message_open_container(m, 'a', BUS_CONNECTION);
	for (int i = 1; i <= connections; i++)
		connection_put(m, (uint64_t)i);
	sd_bus_message_close_container(m);
	return sd_bus_message_close_container(m);
}

static int two_sessions(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_SESSION);
	session_put(reply, 0xa1, 2);
	return no_more(reply, session_put(reply, 0xa2, 0));
}

static int inside(const void *pointer, const void *buffer, ULONG size)
{
	return (const char *)pointer >= (const char *)buffer &&
	       (const char *)pointer < (const char *)buffer + size;
}

static void sessions_a(void **state)
{
	ULONG size = 12345, count = 77, need;
	ISCSI_SESSION_INFOA *list;

	(void)state;
	fake_start(two_sessions);
	assert_int_equal(GetIScsiSessionListA(&size, &count, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	need = size;
	list = malloc(need);
	memset(list, 0x5a, need);
	size = need - 1;
	count = 0;
	assert_int_equal(GetIScsiSessionListA(&size, &count, list), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, need);
	assert_int_equal(count, 2);
	for (ULONG i = 0; i < need; i++)
		assert_int_equal(((unsigned char *)list)[i], 0x5a);
	assert_int_equal(GetIScsiSessionListA(&size, &count, list), 0);
	assert_int_equal(size, need);
	assert_int_equal(list[0].SessionId.AdapterSpecific, 0xa1);
	assert_int_equal(list[1].SessionId.AdapterSpecific, 0xa2);
	assert_string_equal(list[0].InitiatorName, "iqn.host");
	assert_string_equal(list[1].TargetName, "iqn.\xc3\xa9");
	assert_string_equal(list[1].TargetNodeName, "iqn.\xc3\xa9");
	assert_memory_equal(list[0].ISID, "\x80\1\2\3\4\5", 6);
	assert_memory_equal(list[0].TSID, "\x34\x12", 2);
	assert_int_equal(list[0].ConnectionCount, 2);
	assert_int_equal(list[1].ConnectionCount, 0);
	assert_null(list[1].Connections);
	assert_true(inside(list[0].Connections, list, need));
	assert_int_equal((uintptr_t)list[0].Connections % 8, 0);
	assert_string_equal(list[0].Connections[1].TargetAddress, "portal.example");
	assert_int_equal(list[0].Connections[1].InitiatorSocket, 40002);
	assert_memory_equal(list[0].Connections[1].CID, "\2\0", 2);
	assert_true(inside(list[0].Connections[1].TargetAddress, list, need));
	free(list);
	fake_stop();
}

static void sessions_w(void **state)
{
	static const WCHAR target[] = { 'i', 'q', 'n', '.', 0xe9, 0 };
	ULONG size = 0, count;
	ISCSI_SESSION_INFOW *list;

	(void)state;
	fake_start(two_sessions);
	assert_int_equal(GetIScsiSessionListW(&size, &count, NULL), ERROR_INSUFFICIENT_BUFFER);
	list = malloc(size);
	assert_int_equal(GetIScsiSessionListW(&size, &count, list), 0);
	assert_memory_equal(list[1].TargetName, target, sizeof(target));
	assert_int_equal((uintptr_t)list[1].TargetName % 2, 0);
	assert_int_equal(list[0].Connections[0].ConnectionId.AdapterSpecific, 1);
	free(list);
	fake_stop();
}

static void sessions_ex(void **state)
{
	ULONG size = 0, count;
	ISCSI_SESSION_INFO_EX *list;

	(void)state;
	fake_start(two_sessions);
	assert_int_equal(GetIScsiSessionListEx(&size, &count, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 2 * sizeof(*list) + 2 * sizeof(ISCSI_CONNECTION_INFO_EX));
	list = malloc(size);
	assert_int_equal(GetIScsiSessionListEx(&size, &count, list), 0);
	assert_int_equal(list[0].InitialR2t, 0);
	assert_int_equal(list[0].ImmediateData, 1);
	assert_int_equal(list[0].MaximumConnections, 8);
	assert_int_equal(list[0].Connections[1].Protocol, 6);
	assert_int_equal(list[0].Connections[1].State, 0); /* being brought back: logging in */
	assert_int_equal(list[0].Connections[1].HeaderDigest, 1);
	assert_int_equal(list[0].Connections[1].EstimatedThroughput, 125000000);
	assert_int_equal(list[0].Connections[1].AuthType, ISCSI_CHAP_AUTH_TYPE);
	free(list);
	fake_stop();
}

static void counters(void **state)
{
	ISCSI_UNIQUE_SESSION_ID id = { 0xf1, 0xa1 }, other = { 0xf1, 0xa3 };
	ISCSI_SESSION_STATE session = { .Size = sizeof(session) };
	ULONG size = 0, count;
	ISCSI_CONNECTION_COUNTERS *list;

	(void)state;
	fake_start(two_sessions);
	assert_int_equal(GetIScsiConnectionCounters(&id, &size, &count, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	list = malloc(size);
	assert_int_equal(GetIScsiConnectionCounters(&id, &size, &count, list), 0);
	assert_int_equal(list[0].IsLeading, 1);
	assert_int_equal(list[1].IsLeading, 0);
	assert_int_equal(list[1].Size, sizeof(*list));
	assert_int_equal(list[1].State, ISCSI_CONNECTION_STATE_RECONNECTING);
	assert_int_equal(list[1].BytesIn, 1);
	assert_int_equal(list[1].Commands, 7);
	assert_int_equal(list[1].Reconnects, 7);
	assert_string_equal(list[1].TargetAddress, "portal.example");
	assert_int_equal(GetIScsiConnectionCounters(&other, &size, &count, list),
			 ISDSC_INVALID_SESSION_ID);
	assert_int_equal(GetIScsiSessionState(&id, &session), 0);
	assert_int_equal(session.IsUp, 1);
	assert_int_equal(session.ConnectionCount, 2);
	assert_int_equal(session.LastPause, 1500);
	session.Size = 3;
	assert_int_equal(GetIScsiSessionState(&id, &session), ERROR_INVALID_PARAMETER);
	free(list);
	fake_stop();
}

/* Only the session that is named: 1,000 sessions are not to be listed 1,000 times. */
static int named_session(sd_bus_message *request, sd_bus_message *reply)
{
	uint64_t unique, specific;
	int r;

	if (strcmp(sd_bus_message_get_member(request), "GetIScsiSessionState") != 0)
		return -EINVAL;
	r = sd_bus_message_read(request, BUS_ID, &unique, &specific);
	if (r <= 0)
		return -EINVAL;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_SESSION);
	return no_more(reply, session_put(reply, specific, (int)(specific - 0xa0)));
}

static void one_session(void **state)
{
	ISCSI_UNIQUE_SESSION_ID id = { 0xf1, 0xa3 };
	ISCSI_SESSION_STATE session = { .Size = sizeof(session) };
	ULONG size = 0, count;

	(void)state;
	fake_start(named_session);
	assert_int_equal(GetIScsiSessionState(&id, &session), 0);
	assert_int_equal(session.ConnectionCount, 3);
	assert_int_equal(GetIScsiConnectionCounters(&id, &size, &count, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 3);
	assert_int_equal(GetIScsiSessionState(NULL, &session), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiSessionState(&id, NULL), ERROR_INVALID_PARAMETER);
	fake_stop();
}

static int no_sessions(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_SESSION);
	return no_more(reply, 0);
}

static void none(void **state)
{
	ULONG size = 99, count = 99;

	(void)state;
	fake_start(no_sessions);
	assert_int_equal(GetIScsiSessionListA(&size, &count, NULL), 0);
	assert_int_equal(size, 0);
	assert_int_equal(count, 0);
	fake_stop();
}

/* Everything set, and a password that a service should not send. */
static int one_portal(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_SENDTARGETS);
	for (int i = 0; i < 2; i++) {
		sd_bus_message_open_container(reply, 'r', BUS_SENDTARGETS_CONTENTS);
		sd_bus_message_append(reply, "su" BUS_PORTAL "t", "", UINT32_MAX, 1, "sym",
				      "10.0.0.9", 3260, UINT64_C(0x22));
		sd_bus_message_open_container(reply, 'r', BUS_OPTIONS_CONTENTS);
		sd_bus_message_append(reply, "buuuuuuuuu", 1, 0, i ? 0 : 0xffu, 2u, 1u, 1u, 1u, 4u,
				      5u, 6u);
		sd_bus_message_append_array(reply, 'y', "user", i ? 0 : 4);
		sd_bus_message_append_array(reply, 'y', "never", i ? 0 : 5);
		sd_bus_message_close_container(reply);
		sd_bus_message_close_container(reply);
	}
	return no_more(reply, 0);
}

static void portals_ex(void **state)
{
	ULONG size = 0, count;
	ISCSI_TARGET_PORTAL_INFO_EXW *list;
	ISCSI_TARGET_PORTAL_INFOA plain[2];

	(void)state;
	fake_start(one_portal);
	assert_int_equal(ReportIScsiSendTargetPortalsExW(&count, &size, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
	/* Exact: callers add the lengths up. */
	assert_int_equal(size, 2 * sizeof(*list) + 4);
	list = malloc(size);
	assert_int_equal(ReportIScsiSendTargetPortalsExW(&count, &size, list), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[0].InitiatorPortNumber, ISCSI_ANY_INITIATOR_PORT);
	assert_int_equal(list[0].Address[0], '1');
	assert_int_equal(list[0].Socket, 3260);
	assert_int_equal(list[0].SecurityFlags, 0x22);
	assert_int_equal(list[0].LoginOptions.InformationSpecified,
			 0xff & ~ISCSI_LOGIN_OPTIONS_PASSWORD);
	assert_int_equal(list[0].LoginOptions.UsernameLength, 4);
	assert_memory_equal(list[0].LoginOptions.Username, "user", 4);
	assert_int_equal(list[0].LoginOptions.PasswordLength, 0);
	assert_null(list[0].LoginOptions.Password);
	assert_int_equal(list[0].LoginOptions.DefaultTime2Retain, 6);
	assert_null(list[1].LoginOptions.Username);
	free(list);

	count = 1;
	assert_int_equal(ReportIScsiSendTargetPortalsA(&count, plain), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	assert_int_equal(ReportIScsiSendTargetPortalsA(&count, plain), 0);
	assert_string_equal(plain[1].Address, "10.0.0.9");
	count = 0xdeadbeef;
	assert_int_equal(ReportIScsiSendTargetPortalsA(&count, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	fake_stop();
}

static int two_names(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "uas", ISDSC_OPERATION_NOT_ALL_SUCCESS, 2, "iqn.a",
				     "iqn.\xc3\xa9");
}

static int no_names(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	return sd_bus_message_append(reply, "uas", 0, 0);
}

static void names(void **state)
{
	CHAR narrow[32];
	WCHAR wide[32];
	ULONG size = 0;

	(void)state;
	fake_start(two_names);
	assert_int_equal(ReportIScsiTargetsA(0, &size, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 6 + 7 + 1);
	/* A warning comes with the list. */
	assert_int_equal(ReportIScsiTargetsA(1, &size, narrow), ISDSC_OPERATION_NOT_ALL_SUCCESS);
	assert_memory_equal(narrow, "iqn.a\0iqn.\xc3\xa9\0", 14);
	size = 12;
	assert_int_equal(ReportIScsiTargetsW(0, &size, wide), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 6 + 6 + 1);
	assert_int_equal(ReportIScsiTargetsW(0, &size, wide), ISDSC_OPERATION_NOT_ALL_SUCCESS);
	assert_int_equal(wide[10], 0xe9);
	assert_int_equal(wide[11], 0);
	assert_int_equal(wide[12], 0);
	fake_stop();

	fake_start(no_names);
	assert_int_equal(ReportIScsiInitiatorListA(&size, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 2);
	size = 1;
	assert_int_equal(ReportIScsiInitiatorListA(&size, narrow), ERROR_INSUFFICIENT_BUFFER);
	size = 32;
	narrow[0] = narrow[1] = 'x';
	assert_int_equal(ReportIScsiInitiatorListA(&size, narrow), 0);
	assert_int_equal(size, 2);
	assert_memory_equal(narrow, "\0\0", 2);
	fake_stop();
}

static int one_disk(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_DEVICE);
	sd_bus_message_append(reply, BUS_DEVICE, "Instance", "iqn.t", 0, 1, 2, UINT64_C(2), 0,
			      "/run/a b.nbd", -1, "VENDOR", "PRODUCT", "1", "S1", "naa.1",
			      UINT64_C(2048), 512u, 0);
	return no_more(reply, 0);
}

static void devices(void **state)
{
	static const GUID disk_guid = ISCSI_GUID_INTERFACE_DISK;
	ISCSI_UNIQUE_SESSION_ID id = { 1, 2 };
	ISCSI_DEVICE_ON_SESSIONW wide;
	ISCSI_DEVICE_ON_SESSIONA device;
	ISCSI_DISK_INFO *disks;
	ULONG count = 1, size = 0;

	(void)state;
	fake_start(one_disk);
	assert_int_equal(GetDevicesForIScsiSessionA(&id, &count, &device), 0);
	assert_int_equal(device.ScsiAddress.Length, 8);
	assert_int_equal(device.ScsiAddress.Lun, 2);
	assert_string_equal(device.LegacyName, "/run/a b.nbd");
	assert_string_equal(device.DeviceInterfaceName, "nbd+unix:///?socket=/run/a%20b.nbd");
	assert_memory_equal(&device.DeviceInterfaceType, &disk_guid, sizeof(disk_guid));
	assert_int_equal(device.StorageDeviceNumber.DeviceType, FILE_DEVICE_DISK);
	assert_int_equal(device.StorageDeviceNumber.DeviceNumber, 0xffffffff);
	assert_int_equal(GetDevicesForIScsiSessionW(&id, &count, &wide), 0);
	assert_int_equal(wide.TargetName[4], 't');
	assert_int_equal(GetIScsiDiskInformation(&id, &size, &count, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
	disks = malloc(size);
	assert_int_equal(GetIScsiDiskInformation(&id, &size, &count, disks), 0);
	assert_int_equal(disks->Blocks, 2048);
	assert_string_equal(disks->NbdUri, "nbd+unix:///?socket=/run/a%20b.nbd");
	free(disks);
	fake_stop();
}

static const uint8_t kinds[] = { 0x00, 0x01, 0x04, 0x05, 0x07, 0x08, 0x0c, 0x0e, 0x1f };

/* Devices without a disk, one of each kind. */
static int each_kind(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_DEVICE);
	for (size_t i = 0; i < sizeof(kinds); i++)
		sd_bus_message_append(reply, BUS_DEVICE, "Instance", "iqn.t", 0, 1, (int)i, UINT64_C(2),
				      kinds[i], "", -1, "V", "P", "1", "S", "naa.1", UINT64_C(0), 0u, 0);
	return no_more(reply, 0);
}

static void kinds_of_devices(void **state)
{
	static const struct {
		GUID interface;
		DEVICE_TYPE type;
	} wanted[] = {
		{ ISCSI_GUID_INTERFACE_DISK, 7 }, { ISCSI_GUID_INTERFACE_TAPE, 0x1f },
		{ ISCSI_GUID_INTERFACE_WRITEONCEDISK, 7 }, { ISCSI_GUID_INTERFACE_CDROM, 2 },
		{ ISCSI_GUID_INTERFACE_DISK, 7 }, { ISCSI_GUID_INTERFACE_MEDIUMCHANGER, 0x30 },
		{ { 0, 0, 0, { 0 } }, 4 }, { ISCSI_GUID_INTERFACE_DISK, 7 }, { { 0, 0, 0, { 0 } }, 0x22 },
	};
	ISCSI_UNIQUE_SESSION_ID id = { 1, 2 };
	ISCSI_DEVICE_ON_SESSIONA device[sizeof(kinds)];
	ULONG count = sizeof(kinds);

	(void)state;
	fake_start(each_kind);
	assert_int_equal(GetDevicesForIScsiSessionA(&id, &count, device), 0);
	assert_int_equal(count, sizeof(kinds));
	for (size_t i = 0; i < sizeof(kinds); i++) {
		assert_memory_equal(&device[i].DeviceInterfaceType, &wanted[i].interface, sizeof(GUID));
		assert_int_equal(device[i].StorageDeviceNumber.DeviceType, wanted[i].type);
		assert_int_equal(device[i].ScsiAddress.Lun, i);
		assert_string_equal(device[i].LegacyName, "");
		assert_string_equal(device[i].DeviceInterfaceName, "");
	}
	fake_stop();
}

/* A buffer at an odd address, as a program that packs its own may give. */
static void unaligned(void **state)
{
	ULONG size = 0, count;
	ISCSI_SESSION_INFOA first;
	char *room;

	(void)state;
	fake_start(two_sessions);
	GetIScsiSessionListA(&size, &count, NULL);
	room = malloc(size + 1);
	assert_int_equal(GetIScsiSessionListA(&size, &count, (void *)(room + 1)), 0);
	memcpy(&first, room + 1, sizeof(first));
	assert_string_equal(first.TargetName, "iqn.\xc3\xa9");
	free(room);
	fake_stop();
}

static int two_protections(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	return sd_bus_message_append(reply, "a" BUS_PROTECTION, 2, UINT64_C(0xf1), UINT64_C(0xa1),
		UINT64_C(0xf1), UINT64_C(1), 1, 1, 0, 1, 0, "AES_CBC-128", UINT64_C(1),
		UINT64_C(2), UINT64_C(3), UINT64_C(0xf1), UINT64_C(0xa2), UINT64_C(0xf1), UINT64_C(2), 2,
		0, 1, 0, 1, "", UINT64_C(4), UINT64_C(5), UINT64_C(6));
}

static void protections(void **state)
{
	ISCSI_CONNECTION_PROTECTION *list, *second;
	ULONG size = 0, count;

	(void)state;
	fake_start(two_protections);
	assert_int_equal(ReportIScsiProtectedConnections(&size, &count, NULL), ERROR_INSUFFICIENT_BUFFER);
	list = malloc(size);
	assert_int_equal(ReportIScsiProtectedConnections(&size, &count, list), 0);
	assert_int_equal(count, 2);
	second = (void *)((char *)list + list->Size);
	assert_int_equal(list->IkeVersion, 1);
	assert_true(list->IsAggressive && !list->IsTunnel && list->IsPfs && !list->IsForeign);
	assert_string_equal(list->Algorithms, "AES_CBC-128");
	assert_int_equal(second->SessionId.AdapterSpecific, 0xa2);
	assert_int_equal(second->ConnectionId.AdapterSpecific, 2);
	assert_true(!second->IsAggressive && second->IsTunnel && !second->IsPfs && second->IsForeign);
	assert_int_equal(second->BytesIn, 4);
	assert_int_equal(second->BytesOut, 5);
	assert_int_equal(second->SecondsSinceRekey, 6);
	free(list);
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_a), cmocka_unit_test(sessions_w),
		cmocka_unit_test(sessions_ex), cmocka_unit_test(counters), cmocka_unit_test(one_session),
		cmocka_unit_test(none),
		cmocka_unit_test(portals_ex), cmocka_unit_test(names), cmocka_unit_test(devices),
		cmocka_unit_test(kinds_of_devices), cmocka_unit_test(protections),
		cmocka_unit_test(unaligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
