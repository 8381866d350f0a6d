/*
 * cli_forms_test.c - the forms of output that cli_output_test.c does not have: lists of names, the
 * results of AddConnection, the SCSI commands, flags and options, settings, ports. The library's
 * functions stand here, with a known answer.
 */
#include "cli_fake.h"

#include "cli/print.h"

#include <iscsidsc_ext.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool empty;             /* what is listed */
static ISDSC_STATUS scsi_status;
static int added_key, added_portal, logged_out;
static char reserved[64];

/* ---- the library */

static ISDSC_STATUS names(PULONG size, PCHAR buffer, const char *list, size_t length)
{
	if (empty)
		length = 2, list = "\0";
	memcpy(buffer, list, length);
	*size = (ULONG)length;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiInitiatorListA(PULONG size, PCHAR buffer)
{
	static const char list[] = "ROOT\\ISCSIPRT\\0000_0\0";

	return names(size, buffer, list, sizeof(list));
}

ISDSC_STATUS ISDSC_API ReportISNSServerListA(PULONG size, PCHAR buffer)
{
	static const char list[] = "isns.example\0" "192.0.2.3\0";

	return names(size, buffer, list, sizeof(list));
}

ISDSC_STATUS ISDSC_API ReportRadiusServerListA(PULONG size, PCHAR buffer)
{
	static const char list[] = "192.0.2.4\0";

	return names(size, buffer, list, sizeof(list));
}

ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG size, PULONG count, PISCSI_SESSION_INFOA list)
{
	(void)list;
	*size = *count = 0;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsExA(PULONG count, PULONG size,
	PISCSI_TARGET_PORTAL_INFO_EXA list)
{
	*count = empty ? 0 : 2;
	*size = *count * (ULONG)sizeof(*list);
	if (empty)
		return 0;
	list[0] = (ISCSI_TARGET_PORTAL_INFO_EXA){
		.InitiatorName = "ROOT\\ISCSIPRT\\0000_0", .InitiatorPortNumber = 3,
		.Address = "portal.example", .SymbolicName = "sym", .Socket = 3261,
		.SecurityFlags = 0x7f,
		.LoginOptions = {
			.InformationSpecified = 0xff, .LoginFlags = 3, .MaximumConnections = 4,
			.HeaderDigest = ISCSI_DIGEST_TYPE_NONE, .DataDigest = ISCSI_DIGEST_TYPE_CRC32C,
			.DefaultTime2Wait = 5, .DefaultTime2Retain = 6,
			.AuthType = ISCSI_MUTUAL_CHAP_AUTH_TYPE,
		},
	};
	list[1] = (ISCSI_TARGET_PORTAL_INFO_EXA){
		.InitiatorPortNumber = ISCSI_ANY_INITIATOR_PORT, .Address = "192.0.2.1", .Socket = 3260,
	};
	return 0;
}

ISDSC_STATUS ISDSC_API AddIScsiConnectionA(PISCSI_UNIQUE_SESSION_ID session, PVOID instance,
	ULONG port, PISCSI_TARGET_PORTALA portal, ISCSI_SECURITY_FLAGS flags,
	PISCSI_LOGIN_OPTIONS options, ULONG key_size, PCHAR key,
	PISCSI_UNIQUE_CONNECTION_ID connection)
{
	(void)flags;
	(void)options;
	(void)key;
	assert_int_equal(session->AdapterSpecific, 2);
	assert_int_equal(port, ISCSI_ANY_INITIATOR_PORT);
	snprintf(reserved, sizeof(reserved), "%s", instance ? (char *)instance : "");
	added_key = (int)key_size;
	added_portal = portal ? portal->Socket : 0;
	*connection = (ISCSI_UNIQUE_CONNECTION_ID){ 0xffff8188cd3ff010, 0x1b };
	return 0;
}

ISDSC_STATUS ISDSC_API LogoutIScsiTarget(PISCSI_UNIQUE_SESSION_ID session)
{
	(void)session;
	logged_out++;
	return ISDSC_DEVICE_BUSY_ON_SESSION;
}

static ISDSC_STATUS scsi_answer(UCHAR *status, PULONG size, PUCHAR response, PULONG sense_size,
				PUCHAR sense)
{
	static const UCHAR inquiry[] = { 0, 0, 6, 2, 0x1f, 0, 0, 0, 'L', 'I', 'O', '-', 'O', 'R', 'G', ' ',
					 'd', 'i' };
	static const UCHAR bad[] = { 0x70, 0, 5, 0, 0, 0, 0, 0x0a };

	if (scsi_status) {
		*status = 2;
		memcpy(sense, bad, sizeof(bad));
		*sense_size = sizeof(bad);
		return scsi_status;
	}
	if (!response || *size < sizeof(inquiry)) {
		*size = sizeof(inquiry);
		return ERROR_INSUFFICIENT_BUFFER;
	}
	*status = 0;
	memcpy(response, inquiry, sizeof(inquiry));
	*size = sizeof(inquiry);
	*sense_size = 0;
	return 0;
}

ISDSC_STATUS ISDSC_API SendScsiInquiry(PISCSI_UNIQUE_SESSION_ID session, ULONGLONG lun, UCHAR evpd,
	UCHAR page, PUCHAR status, PULONG size, PUCHAR response, PULONG sense_size, PUCHAR sense)
{
	assert_int_equal(session->AdapterUnique, 1);
	assert_int_equal(lun, 0x1f);
	assert_int_equal(evpd, 1);
	assert_int_equal(page, 0x83);
	return scsi_answer(status, size, response, sense_size, sense);
}

ISDSC_STATUS ISDSC_API SendScsiReadCapacity(PISCSI_UNIQUE_SESSION_ID session, ULONGLONG lun,
	PUCHAR status, PULONG size, PUCHAR response, PULONG sense_size, PUCHAR sense)
{
	(void)session;
	assert_int_equal(lun, 0);
	return scsi_answer(status, size, response, sense_size, sense);
}

ISDSC_STATUS ISDSC_API SendScsiReportLuns(PISCSI_UNIQUE_SESSION_ID session, PUCHAR status, PULONG size,
	PUCHAR response, PULONG sense_size, PUCHAR sense)
{
	(void)session;
	return scsi_answer(status, size, response, sense_size, sense);
}

ISDSC_STATUS ISDSC_API SendIScsiTaskManagement(PISCSI_UNIQUE_SESSION_ID session, ULONGLONG lun,
	UCHAR function, PUCHAR response)
{
	(void)session;
	assert_int_equal(lun, 0x10);
	assert_int_equal(function, ISCSI_TASK_LUN_RESET);
	*response = ISCSI_TASK_RESPONSE_NO_SUCH_LUN;
	return ISDSC_TARGET_ERROR;
}

ISDSC_STATUS ISDSC_API ReportIScsiInitiatorPorts(PULONG size, PULONG count,
	PISCSI_INITIATOR_PORT_INFO list)
{
	static char address[] = "127.0.0.1", interface[] = "lo";

	*list = (ISCSI_INITIATOR_PORT_INFO){ sizeof(*list), 1, address, interface };
	*size = sizeof(*list);
	*count = 1;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiDefaults(PULONG size, PULONG count, PISCSI_DEFAULT_INFO list)
{
	static char name[] = "hold-time", value[] = "5", built_in[] = "60", help[] = "Seconds.";

	*list = (ISCSI_DEFAULT_INFO){ sizeof(*list), name, value, built_in, help };
	*size = sizeof(*list);
	*count = 1;
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiVersionInformation(PISCSI_VERSION_INFO version)
{
	*version = (ISCSI_VERSION_INFO){ 1, 2, 3 };
	return 0;
}

/* ---- the forms */

static int setup(void **state)
{
	(void)state;
	empty = false;
	scsi_status = 0;
	return 0;
}

static void lists_of_names(void **state)
{
	(void)state;
	expect("Initiators List:\n    ROOT\\ISCSIPRT\\0000_0\n", output(0, NULL, WORDS("ListInitiators")));
	expect("    isns.example\n    192.0.2.3\n", output(0, NULL, WORDS("ListiSNSServers", "any")));
	expect("    192.0.2.4\n", output(0, NULL, WORDS("ListRadiusServers")));
	empty = true;
	expect("Initiators List:\n", output(0, NULL, WORDS("ListInitiators")));
	expect("No SNS Servers\n", output(0, NULL, WORDS("ListiSNSServers")));
	expect("No RADIUS Servers\n", output(0, NULL, WORDS("ListRadiusServers")));
	expect("No SNS Servers\n", output(0, NULL, WORDS("FirewallExemptiSNSServer")));
}

static void nothing_there(void **state)
{
	(void)state;
	empty = true;
	expect("Total of 0 sessions\n\n", output(0, NULL, WORDS("SessionList")));
	expect("", output(0, NULL, WORDS("ListTargetPortals", "x", "y")));
}

/* Each flag and option that a listing can hold. */
static void portals(void **state)
{
	(void)state;
	expect("Total of 2 portals are persisted:\n"
	       "\n"
	       "    Address and Socket   : portal.example 3261\n"
	       "    Symbolic Name        : sym\n"
	       "    Initiator Name       : ROOT\\ISCSIPRT\\0000_0\n"
	       "    Port Number          : 3\n"
	       "    Security Flags        : 0x7f\n"
	       "                            Tunnel Mode Preferred\n"
	       "                            Transport Mode Preferred\n"
	       "                            PFS Enabled\n"
	       "                            Aggressive Mode Enabled\n"
	       "                            IKE/IPsec Enabled\n"
	       "                            Security Flags are Valid\n"
	       "    Version              : 0\n"
	       "    Information Specified: 0xff\n"
	       "    Header Digest        : None\n"
	       "    Data Digest          : CRC-32C\n"
	       "    Maximum Connections  : 4\n"
	       "    Default Time 2 Wait  : 5\n"
	       "    Default Time 2 Retain: 6\n"
	       "    Login Flags          : 0x3\n"
	       "                            Require IPsec\n"
	       "                            Multipath Enabled\n"
	       "    Authentication Type  : Mutual CHAP\n"
	       "    Username             :\n"
	       "    Password             : <is established>\n"
	       "\n"
	       "    Address and Socket   : 192.0.2.1 3260\n"
	       "    Symbolic Name        : \n"
	       "    Initiator Name       : \n"
	       "    Port Number          : <Any Port>\n"
	       "    Security Flags        : 0x0\n"
	       "    Version              : 0\n"
	       "    Information Specified: 0x0\n"
	       "    Login Flags          : 0x0\n"
	       "\n", output(0, NULL, WORDS("listtargetportals")));
}

#define OPTIONS "*", "*", "*", "*", "*", "*", "*", "*", "*"

static void connections(void **state)
{
	char key[] = "a key", *words[] = {
		(char []){ "AddConnection" }, (char []){ "0x1-2" }, (char []){ "Root\\X" },
		(char []){ "-1" }, (char []){ "192.0.2.1" }, (char []){ "3261" }, (char []){ "0" },
		(char []){ "*" }, (char []){ "*" }, (char []){ "*" }, (char []){ "*" },
		(char []){ "*" }, (char []){ "*" }, (char []){ "*" }, (char []){ "*" },
		(char []){ "*" }, key,
	};

	(void)state;
	expect("Connection Id is 0xffff8188cd3ff010-0x1b\n",
	       output(0, NULL, sizeof(words) / sizeof(words[0]), words));
	assert_string_equal(reserved, "Root\\X");
	assert_int_equal(added_portal, 3261);
	assert_int_equal(added_key, 6); /* its NUL counts */
	assert_int_equal(key[0], 0);
	expect("Connection Id is 0xffff8188cd3ff010-0x1b\n",
	       output(0, NULL, WORDS("QAddConnection", "1-0x2", "*", "192.0.2.1")));
	assert_string_equal(reserved, "");
	assert_int_equal(added_portal, 3260);
	expect("Both the target portal address and socket are needed\n",
	       output(ERROR_INVALID_PARAMETER, NULL,
		      WORDS("AddConnection", "1-2", "*", "*", "*", "3260", "*", OPTIONS, "*")));
	expect("Logout Target 0x1-0xb\n",
	       output(ISDSC_DEVICE_BUSY_ON_SESSION, NULL, WORDS("LogoutTarget", "0X1-B")));
	assert_int_equal(logged_out, 1);
}

static void scsi(void **state)
{
	static const char good[] =
		"    ScsiStatus             : 0x0\n"
		"    Response Buffer Size   : 0x12\n"
		"        00 00 06 02 1f 00 00 00 4c 49 4f 2d 4f 52 47 20     ........LIO-ORG.\n"
		"        64 69                                               di\n";

	(void)state;
	expect(good, output(0, NULL, WORDS("ScsiInquiry", "1-2", "1f", "1", "0x83")));
	expect(good, output(0, NULL, WORDS("ReadCapacity", "1-2", "0")));
	expect(good, output(0, NULL, WORDS("ReportLUNs", "1-2")));
	scsi_status = ISDSC_SCSI_REQUEST_FAILED;
	expect("    ScsiStatus             : 0x2\n"
	       "    Sense Buffer Size      : 0x8\n"
	       "    70 00 05 00 00 00 00 0a                             p.......\n",
	       output(ISDSC_SCSI_REQUEST_FAILED, NULL, WORDS("ReadCapacity", "1-2", "0")));
	scsi_status = ISDSC_INVALID_SESSION_ID;
	expect("", output(ISDSC_INVALID_SESSION_ID, NULL, WORDS("ReportLUNs", "1-2")));
	expect("", output(ERROR_INVALID_PARAMETER, NULL, WORDS("ReadCapacity", "1-2", "0x0")));
	expect("Invalid sessionid: 12\n",
	       output(ERROR_INVALID_PARAMETER, NULL, WORDS("ReportLUNs", "12")));
}

static void our_own(void **state)
{
	(void)state;
	expect("Ports List:\n    1      127.0.0.1                                lo\n",
	       output(0, NULL, WORDS("ListPorts")));
	expect("    hold-time                   : 5\n        built-in 60. Seconds.\n",
	       output(0, NULL, WORDS("Defaults")));
	expect("", output(ERROR_NOT_FOUND, NULL, WORDS("Defaults", "none")));
	expect("    Response               : 0x2 (LUN does not exist)\n",
	       output(ISDSC_TARGET_ERROR, NULL, WORDS("TaskManagement", "1-2", "lun-reset", "10")));
}

static void counts(void **state)
{
	char *text;

	(void)state;
	/* Two, or fourteen and more. */
	text = output(0, NULL, WORDS("AddTargetPortal", "a", "1", "*"));
	assert_int_equal(strncmp(text, "iscsicli AddTargetPortal <", 26), 0);
	free(text);
	/* Mappings are as many as their count says. */
	text = output(0, NULL, WORDS("AddTarget", "t", "*", "*", "*", "*", "*", OPTIONS, "1"));
	assert_int_equal(strncmp(text, "iscsicli AddTarget <", 20), 0);
	free(text);
	text = output(0, NULL, WORDS("LoginTarget", "t", "T", "*", "*", "*", "*", "*", OPTIONS, "*", "0",
				     "0x0000000000000000"));
	assert_int_equal(strncmp(text, "iscsicli LoginTarget <", 22), 0);
	free(text);
}

/* What is wrong with an argument is told in words, and secrets are not repeated. */
static void complaints(void **state)
{
	char secret[] = "0xabc", bad[] = "0xkeyword", command[] = "CHAPSecret", *odd[] = { command, secret },
		*digits[] = { command, bad };

	(void)state;
	read_complaint_clear();
	expect("", output(ERROR_INVALID_PARAMETER, NULL, 2, odd));
	assert_string_equal(read_complaint(), "a secret in hexadecimal has an even number of digits");
	read_complaint_clear();
	expect("", output(ERROR_INVALID_PARAMETER, NULL, 2, digits));
	assert_null(strstr(read_complaint(), "key"));
	read_complaint_clear();
	expect("", output(ERROR_INVALID_PARAMETER, NULL, WORDS("RefreshTargetPortal", "a", "70000")));
	assert_string_equal(read_complaint(), "70000 is no TCP port");
	expect("", output(ERROR_INVALID_PARAMETER, NULL, WORDS("ReadCapacity", "1-2", "zz")));
	assert_string_equal(read_complaint(), "70000 is no TCP port"); /* the first */
	read_complaint_clear();
}

static const char *member(struct json_object *json, const char *name)
{
	struct json_object *found = json_object_object_get(json, name);

	return found ? json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN) : "none";
}

/* One object a command; each list under a name of its own. */
static void as_json(void **state)
{
	static const struct {
		const char *command, *member, *value;
	} rows[] = {
		{ "ListInitiators", "initiators", "[\"ROOT\\\\ISCSIPRT\\\\0000_0\"]" },
		{ "ListiSNSServers", "isns_servers", "[\"isns.example\",\"192.0.2.3\"]" },
		{ "ListRadiusServers", "radius_servers", "[\"192.0.2.4\"]" },
		{ "SessionList", "sessions", "[]" },
		{ "ListPorts", "ports",
		  "[{\"port_number\":1,\"address\":\"127.0.0.1\",\"interface\":\"lo\"}]" },
		{ "Defaults", "defaults",
		  "[{\"name\":\"hold-time\",\"value\":\"5\",\"built_in\":\"60\",\"help\":\"Seconds.\"}]" },
		{ "Version", "service", "{\"major\":1,\"minor\":2,\"build\":3}" },
		{ "help", "commands", NULL },
	};
	struct json_object *json;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json = json_object_new_object();
		expect("", output(0, json, WORDS(rows[i].command)));
		if (rows[i].value)
			assert_string_equal(member(json, rows[i].member), rows[i].value);
		else
			assert_int_not_equal(strlen(member(json, rows[i].member)), 4);
		json_object_put(json);
	}
	json = json_object_new_object();
	expect("", output(0, json, WORDS("QAddConnection", "1-2", "*", "*")));
	assert_string_equal(member(json, "connection_id"), "\"ffff8188cd3ff010-1b\"");
	expect("", output(0, json, WORDS("ReportLUNs", "1-2")));
	assert_string_equal(member(json, "response"), "\"000006021f0000004c494f2d4f5247206469\"");
	expect("", output(0, json, WORDS("SessionList", "--help")));
	assert_string_equal(member(json, "commands"),
			    "[{\"name\":\"SessionList\",\"arguments\":\"[<ShowDevices>]\",\"help\":"
			    "\"Lists sessions, connections and devices. F leaves the devices out.\"}]");
	json_object_put(json);
	/* What is no command at all is no success. */
	json = json_object_new_object();
	read_complaint_clear();
	expect("", output(ERROR_INVALID_PARAMETER, json, WORDS("Nonsense")));
	assert_string_equal(read_complaint(), "Nonsense is no command");
	read_complaint_clear();
	expect("", output(ERROR_INVALID_PARAMETER, json, WORDS("Help", "Nonsense")));
	read_complaint_clear();
	json_object_put(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lists_of_names, setup), cmocka_unit_test_setup(nothing_there, setup),
		cmocka_unit_test_setup(portals, setup), cmocka_unit_test_setup(connections, setup),
		cmocka_unit_test_setup(scsi, setup), cmocka_unit_test_setup(our_own, setup),
		cmocka_unit_test_setup(counts, setup), cmocka_unit_test_setup(complaints, setup),
		cmocka_unit_test_setup(as_json, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
