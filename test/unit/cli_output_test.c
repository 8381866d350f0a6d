/*
 * cli_output_test.c - what the tool prints, word for word where scripts read it. The library's
 * functions that the commands need stand here, with a known answer.
 */
#include "cli_fake.h"
#include "../duty.h"

#include "cli/print.h"

#include <iscsidsc_ext.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ULONG login_key_size;
static ISCSI_LOGIN_OPTIONS login_seen;
static int login_portal_seen, login_informational;
static ISDSC_STATUS login_status;

ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG size, PULONG count, PISCSI_SESSION_INFOA list)
{
	static ISCSI_CONNECTION_INFOA connection = {
		{ 0xfffffa800f7900a8, 0x1b }, NULL, NULL, 58847, 3260, { 1, 0 },
	};
	static char local[] = "0.0.0.0", remote[] = "192.168.1.108";
	static char host[] = "iqn.host", disk[] = "iqn.t";
	static const ISCSI_SESSION_INFOA session = {
		{ 0xfffffa800f7900a8, 0x400001370000000d }, host, disk, disk,
		{ 0x40, 0, 1, 0x37, 0, 0 }, { 0x27, 0 }, 1, &connection,
	};

	connection.InitiatorAddress = local;
	connection.TargetAddress = remote;
	*count = 1;
	if (!list || *size < sizeof(session))
		return ERROR_INSUFFICIENT_BUFFER;
	*list = session;
	*size = sizeof(session);
	return 0;
}

ISDSC_STATUS ISDSC_API GetDevicesForIScsiSessionA(PISCSI_UNIQUE_SESSION_ID id, PULONG count,
	PISCSI_DEVICE_ON_SESSIONA list)
{
	static const ISCSI_DEVICE_ON_SESSIONA device = {
		.InitiatorName = "Initiator", .TargetName = "iqn.t", .LegacyName = "/run/x.nbd",
		.DeviceInterfaceName = "nbd+unix:///?socket=/run/x.nbd",
		.ScsiAddress = { .Length = 8 },
		.DeviceInterfaceType = ISCSI_GUID_INTERFACE_DISK,
		.StorageDeviceNumber = { FILE_DEVICE_DISK, 0xffffffff, 0 },
	};

	(void)id;
	*list = device;
	*count = 1;
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiDiskInformation(PISCSI_UNIQUE_SESSION_ID id, PULONG size,
	PULONG count, PISCSI_DISK_INFO list)
{
	static char vendor[] = "LIO-ORG", product[] = "disk", empty[] = "";

	(void)id;
	*list = (ISCSI_DISK_INFO){
		.Size = sizeof(*list), .Vendor = vendor, .Product = product, .Revision = empty,
		.Serial = empty, .DeviceId = empty, .NbdPath = empty, .NbdUri = empty,
	};
	*size = sizeof(*list);
	*count = 1;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiTargetsA(BOOLEAN force, PULONG size, PCHAR buffer)
{
	static const char list[] = "iqn.a\0iqn.b\0";

	memcpy(buffer, list, sizeof(list));
	*size = sizeof(list);
	return force ? ISDSC_OPERATION_NOT_ALL_SUCCESS : 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsExA(PULONG count, PULONG size,
	PISCSI_TARGET_PORTAL_INFO_EXA list)
{
	static UCHAR user[] = "me";

	*list = (ISCSI_TARGET_PORTAL_INFO_EXA){
		.InitiatorPortNumber = ISCSI_ANY_INITIATOR_PORT, .Address = "192.0.2.1",
		.Socket = 3260, .SecurityFlags = 0x22,
		.LoginOptions = {
			.InformationSpecified = ISCSI_LOGIN_OPTIONS_USERNAME |
						ISCSI_LOGIN_OPTIONS_HEADER_DIGEST,
			.HeaderDigest = ISCSI_DIGEST_TYPE_CRC32C, .UsernameLength = 2,
			.Username = user, .LoginFlags = 2,
		},
	};
	*count = 1;
	*size = sizeof(*list);
	return 0;
}

ISDSC_STATUS ISDSC_API LoginIScsiTargetA(PSTR target, BOOLEAN informational, PSTR instance,
	ULONG port, PISCSI_TARGET_PORTALA portal, ISCSI_SECURITY_FLAGS flags,
	PISCSI_TARGET_MAPPINGA mappings, PISCSI_LOGIN_OPTIONS options, ULONG key_size, PCHAR key,
	BOOLEAN persistent, PISCSI_UNIQUE_SESSION_ID session,
	PISCSI_UNIQUE_CONNECTION_ID connection)
{
	(void)target;
	(void)key;
	assert_null(instance);
	assert_null(mappings);
	assert_int_equal(port, ISCSI_ANY_INITIATOR_PORT);
	assert_int_equal(flags, 0);
	assert_int_equal(persistent, 0);
	login_key_size = key_size;
	login_portal_seen = portal != NULL;
	login_informational = informational;
	login_seen = options ? *options : (ISCSI_LOGIN_OPTIONS){ 0 };
	*session = (ISCSI_UNIQUE_SESSION_ID){ 0xffff8188cd3ff010, 0x4000013700000002 };
	*connection = (ISCSI_UNIQUE_CONNECTION_ID){ 0xffff8188cd3ff010, 1 };
	return login_status;
}

static void session_list(void **state)
{
	(void)state;
	expect("Total of 1 sessions\n"
	       "\n"
	       "Session Id             : fffffa800f7900a8-400001370000000d\n"
	       "Initiator Node Name    : iqn.host\n"
	       "Target Node Name       : iqn.t\n"
	       "Target Name            : iqn.t\n"
	       "ISID                   : 40 00 01 37 00 00\n"
	       "TSID                   : 27 00\n"
	       "Number Connections     : 1\n"
	       "\n"
	       "    Connections:\n"
	       "\n"
	       "        Connection Id     : fffffa800f7900a8-1b\n"
	       "        Initiator Portal  : 0.0.0.0/58847\n"
	       "        Target Portal     : 192.168.1.108/3260\n"
	       "        CID               : 01 00\n"
	       "\n"
	       "    Devices:\n"
	       "        Device Type            : Disk\n"
	       "        Device Number          : -1\n"
	       "        Storage Device Type    : 7\n"
	       "        Partition Number       : 0\n"
	       "        Friendly Name          : LIO-ORG disk\n"
	       "        Device Description     : Disk drive\n"
	       "        Reported Mappings      : Port 0, Bus 0, Target Id 0, LUN 0\n"
	       "        Location               : Bus Number 0, Target Id 0, LUN 0\n"
	       "        Initiator Name         : Initiator\n"
	       "        Target Name            : iqn.t\n"
	       "        Device Interface Name  : nbd+unix:///?socket=/run/x.nbd\n"
	       "        Legacy Device Name     : /run/x.nbd\n"
	       "        Device Instance        : 0x0\n"
	       "        Volume Path Names      :\n"
	       "\n", output(0, NULL, WORDS("SessionList")));
}

static void session_list_json(void **state)
{
	struct json_object *json = json_object_new_object();

	(void)state;
	expect("", output(0, json, WORDS("sessionlist", "f")));
	assert_string_equal(
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
		"{\"sessions\":[{\"session_id\":\"fffffa800f7900a8-400001370000000d\","
		"\"initiator_name\":\"iqn.host\",\"target_name\":\"iqn.t\","
		"\"isid\":\"400001370000\",\"tsih\":39,\"connections\":[{"
		"\"connection_id\":\"fffffa800f7900a8-1b\",\"initiator_address\":\"0.0.0.0\","
		"\"initiator_socket\":58847,\"target_address\":\"192.168.1.108\","
		"\"target_socket\":3260,\"cid\":1}]}]}");
	json_object_put(json);
}

static void target_lists(void **state)
{
	(void)state;
	expect("Targets List:\n    iqn.a\n    iqn.b\n", output(0, NULL, WORDS("ListTargets")));
	/* A warning is told, and the list is there. */
	expect("Targets List:\n    iqn.a\n    iqn.b\n",
	       output(ISDSC_OPERATION_NOT_ALL_SUCCESS, NULL, WORDS("ListTargets", "T")));
	expect("Total of 1 portals are persisted:\n"
	       "\n"
	       "    Address and Socket   : 192.0.2.1 3260\n"
	       "    Symbolic Name        : \n"
	       "    Initiator Name       : \n"
	       "    Port Number          : <Any Port>\n"
	       "    Security Flags        : 0x22\n"
	       "                            Transport Mode Preferred\n"
	       "                            IKE/IPsec Enabled\n"
	       "    Version              : 0\n"
	       "    Information Specified: 0x21\n"
	       "    Header Digest        : CRC-32C\n"
	       "    Login Flags          : 0x2\n"
	       "                            Multipath Enabled\n"
	       "    Username             :\n"
	       "        6d 65                                               me\n"
	       "\n", output(0, NULL, WORDS("ListTargetPortals")));
}

#define STARS "*", "*", "*", "*", "*", "*", "*", "*", "*", "*", "*", "*", "*", "*", "*"

static void login(void **state)
{
	char secret[] = "twelve bytes", user[] = "me", name[] = "iqn.t", quick[] = "QLoginTarget";
	char *words[] = { quick, name, user, secret };

	(void)state;
	expect("LoginTarget to iqn.t on <no init instance> to <no portal>/0\n"
	       "Session Id is 0xffff8188cd3ff010-0x4000013700000002\n"
	       "Connection Id is 0xffff8188cd3ff010-0x1\n",
	       output(0, NULL, WORDS("LoginTarget", "iqn.t", "T", STARS, "0")));
	assert_int_equal(login_informational, 0);
	assert_int_equal(login_portal_seen, 0);
	assert_int_equal(login_seen.InformationSpecified, 0);
	assert_int_equal(login_key_size, 0);
	expect("Session Id is 0xffff8188cd3ff010-0x4000013700000002\n"
	       "Connection Id is 0xffff8188cd3ff010-0x1\n", output(0, NULL, 4, words));
	assert_int_equal(login_seen.AuthType, ISCSI_CHAP_AUTH_TYPE);
	assert_int_equal(login_seen.PasswordLength, 12);
	assert_int_equal(secret[0], 0);
	login_status = ISDSC_TARGET_NOT_FOUND;
	expect("", output(ISDSC_TARGET_NOT_FOUND, NULL, WORDS("QLoginTarget", "iqn.t")));
	login_status = 0;
	expect("Both the target portal address and socket are needed\n",
	       output(ERROR_INVALID_PARAMETER, NULL,
		      WORDS("LoginTarget", "iqn.t", "T", "192.0.2.1", "*", "*", "*", "*", "*", "*",
			    "*", "*", "*", "*", "*", "*", "*", "*", "0")));
}

static void bad_ids(void **state)
{
	char *text;

	(void)state;
	expect("Invalid sessionid: x\n",
	       output(ERROR_INVALID_PARAMETER, NULL, WORDS("LogoutTarget", "x")));
	text = output(ERROR_INVALID_PARAMETER, NULL, WORDS("RemoveConnection", "1-2", "x"));
	assert_int_equal(strncmp(text, "iscsicli RemoveConnection <", 27), 0);
	free(text);
}

/* Usage counts as done, as on Windows, but a program that reads JSON must not be told so. */
static void usage(void **state)
{
	struct json_object *json = json_object_new_object();
	char *text;

	(void)state;
	text = output(0, NULL, WORDS("QLoginTarget"));
	assert_non_null(strstr(text, "iscsicli QLoginTarget <Target>"));
	free(text);
	text = output(0, NULL, WORDS("nothing"));
	for (const struct command *command = command_table; command->name; command++)
		assert_non_null(strstr(text, command->name));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 1, 90);
	free(text);
	text = output(0, NULL, WORDS("AddConnection", "--help"));
	assert_non_null(strstr(text, "iscsicli AddConnection <SessionId> <Instance> <Port> <Address> "
			       "<Socket>\n        <SecurityFlags> <LoginFlags>"));
	free(text);
	text = output(0, NULL, WORDS("show", "--help"));
	assert_non_null(strstr(text, "iscsicli Show"));
	free(text);
	expect("", output(ERROR_INVALID_PARAMETER, json, WORDS("nothing")));
	json_object_put(json);
}

static void hex_dump(void **state)
{
	UCHAR bytes[18] = "\x00 A~\x7f\xff";
	char text[256] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	(void)state;
	print_hex(file, 8, bytes, sizeof(bytes));
	fclose(file);
	assert_string_equal(
		text,
		"        00 20 41 7e 7f ff 00 00 00 00 00 00 00 00 00 00     ..A~............\n"
		"        00 00                                               ..\n");
}

/* 128 bits, each time others, in a form that is taken as a secret. */
static void generated_secret(void **state)
{
	struct json_object *json = json_object_new_object();
	const char *text;
	char *first, *second;
	size_t digits;

	(void)state;
	first = output(0, NULL, WORDS("GenerateCHAPSecret"));
	second = output(0, NULL, WORDS("GenerateCHAPSecret"));
	assert_memory_equal(first, "0x", 2);
	digits = strspn(first + 2, "0123456789abcdef");
	assert_int_equal(digits, 32);
	assert_memory_not_equal(first, second, 34);
	free(first);
	free(second);
	free(output(0, json, WORDS("GenerateCHAPSecret")));
	text = json_object_get_string(json_object_object_get(json, "secret"));
	assert_int_equal(strlen(text), 34);
	json_object_put(json);
	DUTY("SEC-12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_secret),
		cmocka_unit_test(session_list), cmocka_unit_test(session_list_json),
		cmocka_unit_test(target_lists), cmocka_unit_test(login), cmocka_unit_test(bad_ids),
		cmocka_unit_test(usage), cmocka_unit_test(hex_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
