/*
 * client_target_test.c - what is known of a target, mappings, and targets added by hand: buffers and
 * arguments in both forms, over a fake service.
 */
#include <iscsidsc.h>

#include "bus/interface.h"
#include "client_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char name[] = "iqn.x", way[] = "SendTargets:*a";

static void portal_put(sd_bus_message *m, const char *address, int socket)
{
	sd_bus_message_append(m, BUS_PORTAL, 1, "sym", address, socket);
}

static void luns_put(sd_bus_message *m)
{
	sd_bus_message_open_container(m, 'a', "(tu)");
	sd_bus_message_append(m, "(tu)", UINT64_C(1), 5u);
	sd_bus_message_append(m, "(tu)", UINT64_C(2), 6u);
	sd_bus_message_close_container(m);
}

static int information(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "uusas", 0, 0u, "al\xc3\xa9", 2, "SendTargets:*a", "iSNS:b");
	sd_bus_message_open_container(reply, 'a', "a" BUS_PORTAL);
	sd_bus_message_open_container(reply, 'a', BUS_PORTAL);
	portal_put(reply, "10.0.0.1", 3260);
	sd_bus_message_close_container(reply);
	sd_bus_message_open_container(reply, 'a', BUS_PORTAL);
	portal_put(reply, "10.0.0.2", 3261);
	portal_put(reply, "10.0.0.3", 3262);
	sd_bus_message_close_container(reply);
	sd_bus_message_close_container(reply);
	sd_bus_message_open_container(reply, 'r', "buua(tu)");
	sd_bus_message_append(reply, "buu", 1, 3u, 4u);
	luns_put(reply);
	sd_bus_message_close_container(reply);
	sd_bus_message_append(reply, "su", "", 2u);
	sd_bus_message_open_container(reply, 'r', "buuuuuuuuuayay");
	sd_bus_message_append(reply, "buuuuuuuuu", 1, 0u, 0x21u, 2u, 0u, 1u, 0u, 0u, 0u, 0u);
	sd_bus_message_append_array(reply, 'y', "user", 4);
	sd_bus_message_append_array(reply, 'y', NULL, 0);
	return sd_bus_message_close_container(reply);
}

static ISDSC_STATUS ask(int wide, TARGET_INFORMATION_CLASS class, PULONG size, void *buffer)
{
	static WCHAR name_w[] = { 'i', 'q', 'n', '.', 'x', 0 }, way_w[] = { 'S', ':', 0 };

	return wide ? GetIScsiTargetInformationW(name_w, way_w, class, size, buffer)
		    : GetIScsiTargetInformationA(name, way, class, size, buffer);
}

/* Every class: NULL, nothing, one too few, exact and more. To be freed. */
static void *get(int wide, TARGET_INFORMATION_CLASS class, ULONG need)
{
	unsigned char *buffer = malloc(need + 64);
	ULONG size = 12345;

	assert_non_null(buffer);
	assert_int_equal(ask(wide, class, &size, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, need);
	memset(buffer, 0x5a, need + 64);
	size = 0;
	assert_int_equal(ask(wide, class, &size, buffer), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, need);
	size = need - 1;
	assert_int_equal(ask(wide, class, &size, buffer), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, need);
	for (ULONG i = 0; i < need + 64; i++)
		assert_int_equal(buffer[i], 0x5a);
	size = need + 60;
	assert_int_equal(ask(wide, class, &size, buffer), 0);
	assert_int_equal(size, need);
	memset(buffer, 0x5a, need + 64);
	size = need;
	assert_int_equal(ask(wide, class, &size, buffer), 0);
	assert_int_equal(size, need);
	for (ULONG i = need; i < need + 64; i++)
		assert_int_equal(buffer[i], 0x5a);
	return buffer;
}

static void numbers_and_texts(void **state)
{
	ULONG *number = get(0, ProtocolType, 4);
	char *text;
	WCHAR *wide;

	(void)state;
	assert_int_equal(*number, ISCSI_TCP_PROTOCOL_TYPE);
	free(number);
	number = get(1, TargetFlags, 4);
	assert_int_equal(*number, ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET);
	free(number);
	text = get(0, TargetAlias, 5);
	assert_string_equal(text, "al\xc3\xa9");
	free(text);
	wide = get(1, TargetAlias, 4 * sizeof(WCHAR));
	assert_int_equal(wide[2], 0xe9);
	free(wide);
	text = get(0, DiscoveryMechanisms, 15 + 7 + 1);
	assert_memory_equal(text, "SendTargets:*a\0iSNS:b\0", 23);
	free(text);
	wide = get(1, DiscoveryMechanisms, (15 + 7 + 1) * sizeof(WCHAR));
	assert_int_equal(wide[15], 'i');
	free(wide);
}

static void no_name_has_no_size(void **state)
{
	char room[8] = "xxxxxxx";
	ULONG size = 99;

	(void)state;
	assert_int_equal(ask(0, InitiatorName, &size, NULL), 0);
	assert_int_equal(size, 0);
	size = sizeof(room);
	assert_int_equal(ask(0, InitiatorName, &size, room), 0);
	assert_int_equal(size, 0);
	assert_string_equal(room, "");
}

static void groups_stand_on_four_bytes(void **state)
{
	const size_t portal = sizeof(ISCSI_TARGET_PORTALA), portal_w = sizeof(ISCSI_TARGET_PORTALW);
	/* 4 + 514 is 2 short of a multiple of 4; 4 + 1026 too. */
	char *a = get(0, PortalGroups, (ULONG)(4 + 4 + portal + 2 + 4 + 2 * portal));
	char *w = get(1, PortalGroups, (ULONG)(4 + 4 + portal_w + 2 + 4 + 2 * portal_w));
	const ISCSI_TARGET_PORTALA *second = (const void *)(a + 8 + portal + 2 + 4);
	ULONG count;

	(void)state;
	memcpy(&count, a, 4);
	assert_int_equal(count, 2);
	memcpy(&count, a + 4, 4);
	assert_int_equal(count, 1);
	assert_string_equal(((ISCSI_TARGET_PORTALA *)(a + 8))->Address, "10.0.0.1");
	memcpy(&count, a + 8 + portal + 2, 4);
	assert_int_equal(count, 2);
	assert_string_equal(second[1].Address, "10.0.0.3");
	assert_string_equal(second[1].SymbolicName, "sym");
	assert_int_equal(second[1].Socket, 3262);
	memcpy(&count, w + 8 + portal_w + 2, 4);
	assert_int_equal(count, 2);
	free(a);
	free(w);
}

static void structures_point_into_the_buffer(void **state)
{
	ISCSI_TARGET_MAPPINGA *mapping = get(0, PersistentTargetMappings,
		(ULONG)((sizeof(*mapping) + 7) / 8 * 8 + 2 * sizeof(SCSI_LUN_LIST)));
	ISCSI_LOGIN_OPTIONS *options = get(1, LoginOptions, sizeof(*options) + 4);

	(void)state;
	assert_int_equal(mapping->OSBusNumber, 3);
	assert_int_equal(mapping->OSTargetNumber, 4);
	assert_int_equal(mapping->LUNCount, 2);
	assert_ptr_equal(mapping->LUNList, (char *)mapping + (sizeof(*mapping) + 7) / 8 * 8);
	assert_int_equal(mapping->LUNList[1].TargetLUN, 2);
	assert_int_equal(mapping->LUNList[1].OSLUN, 6);
	assert_int_equal(options->InformationSpecified, 0x21);
	assert_int_equal(options->LoginFlags, 2);
	assert_ptr_equal(options->Username, options + 1);
	assert_memory_equal(options->Username, "user", 4);
	free(mapping);
	free(options);
}

static void arguments_of_information(void **state)
{
	char none[] = "", too_long[700];
	ULONG size = 0;
	int calls = fake_calls();

	(void)state;
	memset(too_long, 'x', sizeof(too_long));
	too_long[699] = 0;
	assert_int_equal(GetIScsiTargetInformationA(name, NULL, TargetAlias, &size, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiTargetInformationA(name, none, LoginOptions, &size, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiTargetInformationA(NULL, way, TargetAlias, &size, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiTargetInformationA(name, way, TargetAlias, NULL, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiTargetInformationA(name, way, (TARGET_INFORMATION_CLASS)8, &size,
						    NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetIScsiTargetInformationA(name, too_long, TargetAlias, &size, NULL),
			 ISDSC_DISCOVERY_MECHANISM_NOT_FOUND);
	assert_int_equal(size, 0);
	assert_int_equal(fake_calls(), calls);
	assert_int_equal(GetIScsiTargetInformationA(name, NULL, DiscoveryMechanisms, &size, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
}

/* ---- mappings in use */

static int active(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_ACTIVE_MAPPING);
	for (unsigned i = 0; i < 2; i++) {
		sd_bus_message_open_container(reply, 'r', "sss" BUS_ID "uua(tu)");
		sd_bus_message_append(reply, "sss" BUS_ID "uu", "hba", "iqn.x", "/run/disks",
				      UINT64_C(0xf1), (uint64_t)i, 0u, i);
		luns_put(reply);
		sd_bus_message_close_container(reply);
	}
	return sd_bus_message_close_container(reply);
}

static void active_mappings(void **state)
{
	ULONG size = 12345, count = 77, need;
	ISCSI_TARGET_MAPPINGW *list;

	(void)state;
	fake_start(active);
	assert_int_equal(ReportActiveIScsiTargetMappingsW(&size, &count, NULL),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	need = size;
	list = malloc(need);
	size = need - 1;
	assert_int_equal(ReportActiveIScsiTargetMappingsW(&size, &count, list),
			 ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, need);
	assert_int_equal(ReportActiveIScsiTargetMappingsW(&size, &count, list), 0);
	assert_int_equal(list[1].SessionId.AdapterSpecific, 1);
	assert_int_equal(list[1].OSTargetNumber, 1);
	assert_int_equal(list[1].TargetName[4], 'x');
	assert_int_equal(list[1].OSDeviceName[1], 'r');
	assert_int_equal(list[1].LUNList[1].OSLUN, 6);
	assert_in_range((uintptr_t)list[1].LUNList, (uintptr_t)(list + 2),
			(uintptr_t)list + need - 2 * sizeof(SCSI_LUN_LIST));
	free(list);
	fake_stop();
}

/* ---- targets added by hand */

static struct {
	char alias[16], address[2][16];
	uint32_t flags, bus, luns, os_lun;
	int persist, mapped, portals;
} seen;

static int added(sd_bus_message *m, sd_bus_message *reply)
{
	const char *target, *alias, *symbolic, *address;
	uint64_t lun;
	uint32_t os_target;
	uint16_t socket;
	int present;

	memset(&seen, 0, sizeof(seen));
	sd_bus_message_read(m, "ssub", &target, &alias, &seen.flags, &seen.persist);
	snprintf(seen.alias, sizeof(seen.alias), "%s", alias);
	sd_bus_message_enter_container(m, 'r', "buua(tu)");
	sd_bus_message_read(m, "buu", &seen.mapped, &seen.bus, &os_target);
	sd_bus_message_enter_container(m, 'a', "(tu)");
	while (sd_bus_message_read(m, "(tu)", &lun, &seen.os_lun) > 0)
		seen.luns++;
	sd_bus_message_exit_container(m);
	sd_bus_message_exit_container(m);
	sd_bus_message_skip(m, BUS_OPTIONS);
	sd_bus_message_enter_container(m, 'a', BUS_PORTAL);
	while (sd_bus_message_read(m, BUS_PORTAL, &present, &symbolic, &address, &socket) > 0)
		if (seen.portals++ < 2)
			snprintf(seen.address[seen.portals - 1], 16, "%s", address);
	return sd_bus_message_append(reply, "u", 0);
}

static void adding(void **state)
{
	char alias[] = "al";
	struct {
		ISCSI_TARGET_PORTAL_GROUPA group;
		ISCSI_TARGET_PORTALA more;
	} two = { .group = { .Count = 2, .Portals = { { .Address = "10.0.0.1", .Socket = 1 } } } };
	SCSI_LUN_LIST luns[] = { { 3, 0 }, { 4, 1 } };
	ISCSI_TARGET_MAPPINGA mapping = { .OSBusNumber = 2, .OSTargetNumber = 1, .LUNCount = 2,
					  .LUNList = luns };
	ISCSI_TARGET_PORTALA *second = &two.group.Portals[0] + 1;

	(void)state;
	strcpy(second->Address, "10.0.0.2");
	second->Socket = 2;
	fake_start(added);
	assert_int_equal(AddIScsiStaticTargetA(name, alias, ISCSI_TARGET_FLAG_MERGE_TARGET_INFORMATION,
					       7, &mapping, NULL, &two.group), 0);
	fake_stop(); /* its thread wrote what is looked at */
	assert_string_equal(seen.alias, "al");
	assert_int_equal(seen.flags, 4);
	assert_true(seen.persist && seen.mapped);
	assert_int_equal(seen.bus, 2);
	assert_int_equal(seen.luns, 2);
	assert_int_equal(seen.portals, 2);
	assert_string_equal(seen.address[1], "10.0.0.2");
	two.group.Count = 0;
	fake_start(added);
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 0, 0, NULL, NULL, &two.group), 0);
	fake_stop();
	assert_int_equal(seen.portals + seen.persist + seen.mapped, 0);
	fake_start(added);
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 0, 0, NULL, NULL, NULL), 0);
	fake_stop();
}

static void bad_arguments_of_adding(void **state)
{
	ISCSI_TARGET_PORTAL_GROUPA group = { .Count = 1, .Portals = { { .Address = "h" } } };
	ISCSI_TARGET_MAPPINGA mapping = { .LUNCount = 2 };
	char alias[300], long_name[225];

	(void)state;
	memset(alias, 'a', sizeof(alias));
	alias[299] = 0;
	memset(long_name, 'n', sizeof(long_name));
	long_name[224] = 0;
	fake_start(added);
	assert_int_equal(AddIScsiStaticTargetA(NULL, NULL, 0, 0, NULL, NULL, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(AddIScsiStaticTargetA(long_name, NULL, 0, 0, NULL, NULL, NULL),
			 ISDSC_INVALID_ISCSI_NAME);
	assert_int_equal(AddIScsiStaticTargetA(name, alias, 0, 0, NULL, NULL, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 1, 0, NULL, NULL, NULL),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 0, 0, NULL, NULL, &group),
			 ERROR_INVALID_PARAMETER);
	group.Count = 0xffffffff;
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 0, 0, NULL, NULL, &group),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 0, 0, &mapping, NULL, NULL),
			 ERROR_INVALID_PARAMETER);
	mapping.LUNCount = 257;
	assert_int_equal(AddIScsiStaticTargetA(name, NULL, 0, 0, &mapping, NULL, NULL),
			 ISDSC_INVALID_TARGET_MAPPING);
	assert_int_equal(RemoveIScsiStaticTargetA(NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(fake_calls(), 0);
	fake_stop();
}

static int start(void **state)
{
	(void)state;
	fake_start(information);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_stop();
	return 0;
}

#define INFORMATION(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INFORMATION(numbers_and_texts), INFORMATION(no_name_has_no_size),
		INFORMATION(groups_stand_on_four_bytes),
		INFORMATION(structures_point_into_the_buffer), INFORMATION(arguments_of_information),
		cmocka_unit_test(active_mappings), cmocka_unit_test(adding),
		cmocka_unit_test(bad_arguments_of_adding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
