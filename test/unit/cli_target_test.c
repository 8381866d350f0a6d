/*
 * cli_target_test.c - the commands about targets added by hand, what is known of a target, and
 * mappings: what they pass on, and what they print. The library's functions stand here.
 */
#include "cli_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	char target[64], alias[64], address[64];
	ULONG flags, portals, luns, os_lun, bus;
	USHORT socket;
	int persist, grouped, mapped;
	ISCSI_LOGIN_OPTIONS options;
} added;
static ULONG active_count;

ISDSC_STATUS ISDSC_API AddIScsiStaticTargetA(PSTR target, PSTR alias, ISCSI_TARGET_FLAGS flags,
	BOOLEAN persist, PISCSI_TARGET_MAPPINGA mapping, PISCSI_LOGIN_OPTIONS options,
	PISCSI_TARGET_PORTAL_GROUPA group)
{
	memset(&added, 0, sizeof(added));
	snprintf(added.target, sizeof(added.target), "%s", target);
	snprintf(added.alias, sizeof(added.alias), "%s", alias ? alias : "");
	added.flags = flags;
	added.persist = persist;
	added.grouped = group != NULL;
	added.mapped = mapping != NULL;
	added.portals = group ? group->Count : 0;
	if (added.portals) {
		snprintf(added.address, sizeof(added.address), "%.60s", group->Portals[0].Address);
		added.socket = group->Portals[0].Socket;
	}
	if (mapping) {
		added.luns = mapping->LUNCount;
		added.bus = mapping->OSBusNumber;
		added.os_lun = mapping->LUNList[mapping->LUNCount - 1].OSLUN;
	}
	if (options)
		added.options = *options;
	return 0;
}

ISDSC_STATUS ISDSC_API RemoveIScsiStaticTargetA(PSTR target)
{
	return strcmp(target, "iqn.x") ? ISDSC_TARGET_NOT_FOUND : 0;
}

static void mapping_fill(ISCSI_TARGET_MAPPINGA *mapping)
{
	static SCSI_LUN_LIST luns[] = { { 5, 0 }, { 16, 0x2a } };

	*mapping = (ISCSI_TARGET_MAPPINGA){ .InitiatorName = "ROOT\\ISCSIPRT\\0000_0",
		.TargetName = "iqn.x", .OSDeviceName = "/run/disks", .SessionId = { 0xf1, 0xa2 },
		.OSTargetNumber = 7, .LUNCount = 2, .LUNList = luns };
}

ISDSC_STATUS ISDSC_API ReportActiveIScsiTargetMappingsA(PULONG size, PULONG count,
	PISCSI_TARGET_MAPPINGA mappings)
{
	*size = active_count * (ULONG)sizeof(*mappings);
	*count = active_count;
	if (active_count)
		mapping_fill(mappings);
	return 0;
}

/* Without a mechanism only DiscoveryMechanisms; the alias can't be had. */
ISDSC_STATUS ISDSC_API GetIScsiTargetInformationA(PSTR target, PSTR mechanism,
	TARGET_INFORMATION_CLASS class, PULONG size, PVOID buffer)
{
	static const char names[] = "iSNS:s\0HBA:h\0";
	ISCSI_TARGET_PORTAL_GROUPA *group = (void *)((char *)buffer + 4);
	ISCSI_LOGIN_OPTIONS options = { .InformationSpecified = 1, .HeaderDigest = 1 };

	assert_string_equal(target, "iqn.x");
	assert_true(mechanism || class == DiscoveryMechanisms);
	switch (class) {
	case DiscoveryMechanisms:
		memcpy(buffer, names, sizeof(names));
		break;
	case TargetAlias:
		return ERROR_INVALID_PARAMETER;
	case PortalGroups:
		*(ULONG *)buffer = 2;
		group->Count = 1;
		strcpy(group->Portals[0].Address, "10.0.0.1");
		group->Portals[0].Socket = 3260;
		group = (void *)((char *)buffer + 4 + 520); /* 518, rounded up */
		group->Count = 1;
		strcpy(group->Portals[0].Address, "10.0.0.2");
		strcpy(group->Portals[0].SymbolicName, "sym");
		group->Portals[0].Socket = 3261;
		break;
	case PersistentTargetMappings:
		mapping_fill(buffer);
		break;
	case InitiatorName:
		*size = 0;
		break;
	case TargetFlags:
		*(ULONG *)buffer = ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET;
		break;
	case LoginOptions:
		memcpy(buffer, &options, sizeof(options));
		break;
	case ProtocolType:
		*(ULONG *)buffer = 0;
		break;
	}
	return 0;
}

static void adding(void **state)
{
	(void)state;
	expect("", output(0, NULL, WORDS("addtarget", "iqn.x", "al", "10.0.0.1", "3261", "2", "F", "*",
					 "1", "*", "*", "*", "*", "*", "*", "*", "2",
					 "0x0000000000000000", "1", "7", "4", "0x0001000000000000", "1",
					 "7", "9")));
	assert_string_equal(added.target, "iqn.x");
	assert_string_equal(added.alias, "al");
	assert_string_equal(added.address, "10.0.0.1");
	assert_int_equal(added.socket, 3261);
	assert_int_equal(added.flags, 2);
	assert_false(added.persist);
	assert_int_equal(added.options.InformationSpecified, ISCSI_LOGIN_OPTIONS_HEADER_DIGEST);
	assert_int_equal(added.luns, 2);
	assert_int_equal(added.bus, 1);
	assert_int_equal(added.os_lun, 9);
	/* All defaults: it lasts; half a portal is none; no mapping. */
	expect("", output(0, NULL, WORDS("AddTarget", "iqn.x", "*", "10.0.0.1", "*", "*", "*", "*", "*",
					 "*", "*", "*", "*", "*", "*", "*", "0")));
	assert_true(added.persist);
	assert_false(added.grouped || added.mapped);
	/* The bus must be the same. */
	expect("", output(ERROR_INVALID_PARAMETER, NULL,
			  WORDS("AddTarget", "iqn.x", "*", "*", "*", "*", "*", "*", "*", "*", "*", "*",
				"*", "*", "*", "*", "2", "0x0000000000000000", "1", "7", "4",
				"0x0001000000000000", "2", "7", "9")));
}

static void adding_quickly(void **state)
{
	(void)state;
	expect("", output(0, NULL, WORDS("QAddTarget", "iqn.x", "10.0.0.1")));
	assert_int_equal(added.socket, 3260);
	assert_true(added.persist);
	expect("", output(0, NULL, WORDS("QAddTarget", "iqn.x", "*")));
	assert_true(added.grouped);
	assert_int_equal(added.portals, 0);
	expect("", output(0, NULL, WORDS("RemoveTarget", "iqn.x")));
	expect("", output(ISDSC_TARGET_NOT_FOUND, NULL, WORDS("RemoveTarget", "iqn.y")));
}

static void mappings_in_use(void **state)
{
	(void)state;
	active_count = 0;
	expect("No mappings\n", output(0, NULL, WORDS("ReportTargetMappings")));
	active_count = 1;
	expect("Total of 1 mappings returned\n"
	       "    Session Id             : f1-a2\n"
	       "    Target Name            : iqn.x\n"
	       "    Initiator              : ROOT\\ISCSIPRT\\0000_0\n"
	       "    Initiator Scsi Device  : /run/disks\n"
	       "    Initiator Bus          : 0\n"
	       "    Initiator Target Id    : 7\n"
	       "        Target LUN: 0x0 <--> OS Lun: 0x5\n"
	       "        Target LUN: 0x2a <--> OS Lun: 0x10\n"
	       "\n", output(0, NULL, WORDS("ReportTargetMappings")));
}

static void information(void **state)
{
	(void)state;
	expect("Get Target Information for target iqn.x discovered by <all mechanisms>:\n"
	       "    Discovery Mechanisms :\n"
	       "        \"iSNS:s\"\n"
	       "        \"HBA:h\"\n", output(0, NULL, WORDS("TargetInfo", "iqn.x")));
	expect("Get Target Information for target iqn.x discovered by HBA:h:\n"
	       "    Discovery Mechanisms :\n"
	       "        \"iSNS:s\"\n"
	       "        \"HBA:h\"\n"
	       "    Protocol Type        : iSCSI TCP\n"
	       "    Target Alias         : Failed: A parameter is invalid.\n"
	       "    Portal Groups        : 2\n"
	       "        Group 0 has 1 portals\n"
	       "            Address and Socket   : 10.0.0.1 3260\n"
	       "            Symbolic Name        : \n"
	       "        Group 1 has 1 portals\n"
	       "            Address and Socket   : 10.0.0.2 3261\n"
	       "            Symbolic Name        : sym\n"
	       "    Initiator Name       : \n"
	       "    Target Flags         : 0x2\n"
	       "                            Hide Static Target\n"
	       "    Version              : 0\n"
	       "    Information Specified: 0x1\n"
	       "    Header Digest        : CRC-32C\n"
	       "    Login Flags          : 0x0\n"
	       "    Initiator Bus        : 0\n"
	       "    Initiator Target Id  : 7\n"
	       "        Target LUN: 0x0 <--> OS Lun: 0x5\n"
	       "        Target LUN: 0x2a <--> OS Lun: 0x10\n",
	       output(0, NULL, WORDS("TargetInfo", "iqn.x", "HBA:h")));
}

static void information_as_json(void **state)
{
	struct json_object *json = json_object_new_object(), *groups, *found;

	(void)state;
	/* There is no text to tell what failed: the status does. */
	expect("", output(ERROR_INVALID_PARAMETER, json, WORDS("TargetInfo", "iqn.x", "HBA:h")));
	assert_true(json_object_object_get_ex(json, "portal_groups", &groups));
	assert_int_equal(json_object_array_length(groups), 2);
	assert_true(json_object_object_get_ex(json, "mapping", &found));
	assert_true(json_object_object_get_ex(json, "target_flags", &found));
	assert_int_equal(json_object_get_int(found), 2);
	json_object_put(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding), cmocka_unit_test(adding_quickly),
		cmocka_unit_test(mappings_in_use), cmocka_unit_test(information),
		cmocka_unit_test(information_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
