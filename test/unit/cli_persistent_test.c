/*
 * cli_persistent_test.c - the commands about logins and devices that last: what they pass on, and
 * what they print. The library's functions stand here.
 */
#include "cli_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	char target[64], instance[64], address[64], path[64];
	ULONG port, luns;
	USHORT socket;
	int informational, persistent, calls;
} seen;
static ULONG login_count;
static const char *paths;
static size_t paths_size;

ISDSC_STATUS ISDSC_API LoginIScsiTargetA(PSTR target, BOOLEAN informational, PSTR instance,
	ULONG port, PISCSI_TARGET_PORTALA portal, ISCSI_SECURITY_FLAGS flags,
	PISCSI_TARGET_MAPPINGA mapping,
	PISCSI_LOGIN_OPTIONS options, ULONG key_size, PCHAR key, BOOLEAN persistent,
	PISCSI_UNIQUE_SESSION_ID session, PISCSI_UNIQUE_CONNECTION_ID connection)
{
	(void)flags;
	(void)options;
	(void)key_size;
	(void)key;
	memset(&seen, 0, sizeof(seen));
	snprintf(seen.target, sizeof(seen.target), "%s", target);
	snprintf(seen.instance, sizeof(seen.instance), "%s", instance ? instance : "");
	snprintf(seen.address, sizeof(seen.address), "%.60s", portal ? portal->Address : "");
	seen.informational = informational;
	seen.port = port;
	seen.luns = mapping ? mapping->LUNCount : 0;
	seen.persistent = persistent;
	*session = (ISCSI_UNIQUE_SESSION_ID){ 0xf1, 0xa2 };
	*connection = (ISCSI_UNIQUE_CONNECTION_ID){ 0xf1, 0x1 };
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiPersistentLoginsA(PULONG count,
	PPERSISTENT_ISCSI_LOGIN_INFOA logins, PULONG size)
{
	static SCSI_LUN_LIST luns[] = { { .TargetLUN = 5, .OSLUN = 9 } };
	static ISCSI_TARGET_MAPPINGA mapping = { .OSBusNumber = 1, .OSTargetNumber = 0xffffffff,
						 .LUNCount = 1, .LUNList = luns };

	*count = login_count;
	*size = (ULONG)(login_count * sizeof(*logins));
	for (ULONG i = 0; i < login_count; i++)
		logins[i] = i == 0 ?
			(PERSISTENT_ISCSI_LOGIN_INFOA){
				.TargetName = "iqn.x", .InitiatorInstance = "hba",
				.InitiatorPortNumber = 3, .SecurityFlags = 1, .Mappings = &mapping,
				.TargetPortal = { .Address = "10.0.0.1", .Socket = 3260 },
				.LoginOptions = { .InformationSpecified = 1, .LoginFlags = 2 },
			} :
			(PERSISTENT_ISCSI_LOGIN_INFOA){
				.TargetName = "iqn.y", .IsInformationalSession = 1,
				.InitiatorPortNumber = ISCSI_ANY_INITIATOR_PORT,
			};
	return 0;
}

ISDSC_STATUS ISDSC_API RemoveIScsiPersistentTargetA(PSTR instance, ULONG port, PSTR target,
	PISCSI_TARGET_PORTALA portal)
{
	memset(&seen, 0, sizeof(seen));
	snprintf(seen.target, sizeof(seen.target), "%s", target);
	snprintf(seen.instance, sizeof(seen.instance), "%s", instance ? instance : "<null>");
	snprintf(seen.address, sizeof(seen.address), "%.60s", portal ? portal->Address : "<null>");
	seen.socket = portal ? portal->Socket : 0;
	seen.port = port;
	return 0;
}

static ISDSC_STATUS called(PSTR path)
{
	seen.calls++;
	snprintf(seen.path, sizeof(seen.path), "%s", path);
	return ISDSC_DEVICE_NOT_FOUND;
}

ISDSC_STATUS ISDSC_API SetupPersistentIScsiVolumes(void)
{
	return called((char *)(uintptr_t)"");
}

ISDSC_STATUS ISDSC_API ClearPersistentIScsiDevices(void)
{
	return called((char *)(uintptr_t)"");
}

ISDSC_STATUS ISDSC_API AddPersistentIScsiDeviceA(PSTR path)
{
	return called(path);
}

ISDSC_STATUS ISDSC_API RemovePersistentIScsiDeviceA(PSTR path)
{
	return called(path);
}

ISDSC_STATUS ISDSC_API ReportPersistentIScsiDevicesA(PULONG size, PCHAR buffer)
{
	*size = (ULONG)paths_size;
	memcpy(buffer, paths, paths_size);
	return 0;
}

/* ---- */

static void storing_a_login(void **state)
{
	(void)state;
	expect("LoginTarget to iqn.x on <no init instance> to <no portal>/0\n",
	       output(0, NULL, WORDS("PersistentLoginTarget", "iqn.x", "T", "*", "*", "*", "*", "*", "*",
				     "*", "*", "*", "*", "*", "*", "*", "*", "*", "0")));
	assert_true(seen.persistent);
	assert_false(seen.informational);
	assert_int_equal(seen.port, ISCSI_ANY_INITIATOR_PORT);
	expect("LoginTarget to iqn.x on Root\\ISCSIPRT\\0000_0 to 10.0.0.1/3260\n",
	       output(0, NULL, WORDS("persistentlogintarget", "iqn.x", "F", "10.0.0.1", "3260",
				     "Root\\ISCSIPRT\\0000_0", "-1", "*", "0x2", "*", "*", "*", "*",
				     "*", "*", "*", "*", "*", "1", "0x0000000000000001", "0", "0", "4")));
	assert_true(seen.informational);
	assert_string_equal(seen.instance, "Root\\ISCSIPRT\\0000_0");
	assert_string_equal(seen.address, "10.0.0.1");
	assert_int_equal(seen.luns, 1);
	/* The same words without storing tell ids. */
	expect("LoginTarget to iqn.x on <no init instance> to <no portal>/0\n"
	       "Session Id is 0xf1-0xa2\nConnection Id is 0xf1-0x1\n",
	       output(0, NULL, WORDS("LoginTarget", "iqn.x", "T", "*", "*", "*", "*", "*", "*", "*", "*",
				     "*", "*", "*", "*", "*", "*", "*", "0")));
	assert_false(seen.persistent);
}

static void listing_logins(void **state)
{
	(void)state;
	login_count = 0;
	expect("Total of 0 peristent targets\n", output(0, NULL, WORDS("ListPersistentTargets", "x")));
	login_count = 2;
	expect("Total of 2 peristent targets\n"
	       "    Target Name           : iqn.x\n"
	       "    Address and Socket    : 10.0.0.1 3260\n"
	       "    Session Type          : Data\n"
	       "    Initiator Name        : hba\n"
	       "    Port Number           : 3\n"
	       "    Security Flags        : 0x1\n"
	       "                            Security Flags are Valid\n"
	       "    Version              : 0\n"
	       "    Information Specified: 0x1\n"
	       "    Header Digest        : None\n"
	       "    Login Flags          : 0x2\n"
	       "                            Multipath Enabled\n"
	       "    Initiator Bus        : 1\n"
	       "    Initiator Target Id  : <Any>\n"
	       "        Target LUN: 0x5 <--> OS Lun: 0x9\n"
	       "\n"
	       "    Target Name           : iqn.y\n"
	       "    Address and Socket    : *\n"
	       "    Session Type          : Informational\n"
	       "    Initiator Name        : \n"
	       "    Port Number           : <Any Port>\n"
	       "    Security Flags        : 0x0\n"
	       "    Version              : 0\n"
	       "    Information Specified: 0x0\n"
	       "    Login Flags          : 0x0\n"
	       "\n", output(0, NULL, WORDS("ListPersistentTargets")));
}

static void listing_logins_as_json(void **state)
{
	struct json_object *json = json_object_new_object(), *array, *item, *member;

	(void)state;
	login_count = 2;
	expect("", output(0, json, WORDS("ListPersistentTargets")));
	assert_true(json_object_object_get_ex(json, "persistent_targets", &array));
	assert_int_equal(json_object_array_length(array), 2);
	item = json_object_array_get_idx(array, 0);
	assert_true(json_object_object_get_ex(item, "socket", &member));
	assert_int_equal(json_object_get_int(member), 3260);
	assert_true(json_object_object_get_ex(item, "mapping", &member));
	item = json_object_array_get_idx(array, 1);
	assert_false(json_object_object_get_ex(item, "address", &member));
	assert_false(json_object_object_get_ex(item, "port_number", &member));
	assert_true(json_object_object_get_ex(item, "informational", &member));
	assert_true(json_object_get_boolean(member));
	json_object_put(json);
}

static void removing_a_login(void **state)
{
	(void)state;
	expect("", output(0, NULL, WORDS("RemovePersistentTarget", "ROOT\\ISCSIPRT\\0000_0", "iqn.x", "*",
					 "10.0.0.1", "3260")));
	assert_string_equal(seen.instance, "ROOT\\ISCSIPRT\\0000_0");
	assert_string_equal(seen.target, "iqn.x");
	assert_string_equal(seen.address, "10.0.0.1");
	assert_int_equal(seen.socket, 3260);
	assert_int_equal(seen.port, ISCSI_ALL_INITIATOR_PORTS);
	expect("", output(0, NULL, WORDS("RemovePersistentTarget", "*", "iqn.x", "-1", "*", "*")));
	assert_string_equal(seen.instance, "<null>");
	assert_string_equal(seen.address, "<null>");
	assert_int_equal(seen.port, ISCSI_ALL_INITIATOR_PORTS);
	expect("", output(0, NULL, WORDS("RemovePersistentTarget", "*", "iqn.x", "2", "*", "*")));
	assert_int_equal(seen.port, 2);
}

static void bound_devices(void **state)
{
	struct json_object *json = json_object_new_object(), *array;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	expect("", output(ISDSC_DEVICE_NOT_FOUND, NULL, WORDS("BindPersistentVolumes", "whatever")));
	expect("", output(ISDSC_DEVICE_NOT_FOUND, NULL, WORDS("BindPersistentDevices")));
	expect("", output(ISDSC_DEVICE_NOT_FOUND, NULL, WORDS("ClearPersistentDevices")));
	expect("", output(ISDSC_DEVICE_NOT_FOUND, NULL, WORDS("AddPersistentDevice", "/a b")));
	assert_string_equal(seen.path, "/a b");
	expect("", output(ISDSC_DEVICE_NOT_FOUND, NULL, WORDS("RemovePersistentDevice", "/c")));
	assert_string_equal(seen.path, "/c");
	assert_int_equal(seen.calls, 5);
	paths = "/a b\0/c\0";
	paths_size = 9;
	expect("Persistent Volumes\n    \"/a b\"\n    \"/c\"\n",
	       output(0, NULL, WORDS("ReportPersistentDevices", "x")));
	expect("", output(0, json, WORDS("ReportPersistentDevices")));
	assert_true(json_object_object_get_ex(json, "devices", &array));
	assert_string_equal(json_object_get_string(json_object_array_get_idx(array, 1)), "/c");
	json_object_put(json);
	paths = "\0";
	paths_size = 2;
	expect("Persistent Volumes\n", output(0, NULL, WORDS("ReportPersistentDevices")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storing_a_login), cmocka_unit_test(listing_logins),
		cmocka_unit_test(listing_logins_as_json), cmocka_unit_test(removing_a_login),
		cmocka_unit_test(bound_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
