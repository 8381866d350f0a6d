/*
 * client_persistent_test.c - logins and devices that last: buffers and arguments in both forms,
 * over a fake service.
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

static char target[] = "iqn.x";

static void options_put(sd_bus_message *m, const char *user)
{
	sd_bus_message_open_container(m, 'r', "buuuuuuuuuayay");
	sd_bus_message_append(m, "buuuuuuuuu", 1, 0u, 0xe0u, 2u, 1u, 0u, 0u, 0u, 0u, 0u);
	sd_bus_message_append_array(m, 'y', user, strlen(user));
	sd_bus_message_append_array(m, 'y', NULL, 0);
	sd_bus_message_close_container(m);
}

static void mappings_put(sd_bus_message *m, unsigned luns)
{
	sd_bus_message_open_container(m, 'r', "buua(tu)");
	sd_bus_message_append(m, "buu", luns != 0, 3u, 4u);
	sd_bus_message_open_container(m, 'a', "(tu)");
	for (unsigned i = 0; i < luns; i++)
		sd_bus_message_append(m, "(tu)", (uint64_t)i, 10 + i);
	sd_bus_message_close_container(m);
	sd_bus_message_close_container(m);
}

/* The second has everything at its default. */
static int logins(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_PERSISTENT_LOGIN);
	for (unsigned i = 0; i < 2; i++) {
		sd_bus_message_open_container(reply, 'r', "sbsu" BUS_PORTAL "t" BUS_MAPPINGS BUS_OPTIONS);
		if (i == 0)
			sd_bus_message_append(reply, "sbsu" BUS_PORTAL "t", "iqn.x", 1, "hba", 7u, 1,
					      "sym", "10.0.0.1", 3260, UINT64_C(0x21));
		else
			sd_bus_message_append(reply, "sbsu" BUS_PORTAL "t", "iqn.y", 0, "",
					      UINT32_MAX, 0, "", "", 0, UINT64_C(0));
		mappings_put(reply, i == 0 ? 2 : 0);
		options_put(reply, i == 0 ? "user5" : "");
		sd_bus_message_close_container(reply);
	}
	return sd_bus_message_close_container(reply);
}

static int none(sd_bus_message *request, sd_bus_message *reply)
{
	(void)request;
	sd_bus_message_append(reply, "u", 0);
	sd_bus_message_open_container(reply, 'a', BUS_PERSISTENT_LOGIN);
	return sd_bus_message_close_container(reply);
}

static void the_records(void **state)
{
	PERSISTENT_ISCSI_LOGIN_INFOA *list;
	ULONG size = 12345, count = 0, need;

	(void)state;
	fake_start(logins);
	assert_int_equal(ReportIScsiPersistentLoginsA(&count, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	need = size;
	list = malloc(need);
	assert_non_null(list);
	memset(list, 0x5a, need);
	size = need - 1;
	count = 0;
	assert_int_equal(ReportIScsiPersistentLoginsA(&count, list, &size), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(count, 2);
	assert_int_equal(size, need);
	assert_int_equal(*(unsigned char *)list, 0x5a);
	size = need;
	assert_int_equal(ReportIScsiPersistentLoginsA(&count, list, &size), 0);
	assert_int_equal(size, need);
	assert_string_equal(list[0].TargetName, "iqn.x");
	assert_int_equal(list[0].IsInformationalSession, 1);
	assert_string_equal(list[0].InitiatorInstance, "hba");
	assert_int_equal(list[0].InitiatorPortNumber, 7);
	assert_string_equal(list[0].TargetPortal.SymbolicName, "sym");
	assert_string_equal(list[0].TargetPortal.Address, "10.0.0.1");
	assert_int_equal(list[0].TargetPortal.Socket, 3260);
	assert_int_equal(list[0].SecurityFlags, 0x21);
	/* The password's bit is gone with it. */
	assert_int_equal(list[0].LoginOptions.InformationSpecified, 0xa0);
	assert_memory_equal(list[0].LoginOptions.Username, "user5", 5);
	assert_in_range((uintptr_t)list[0].LoginOptions.Username, (uintptr_t)(list + 2),
			(uintptr_t)list + need - 5);
	assert_non_null(list[0].Mappings);
	assert_int_equal((uintptr_t)list[0].Mappings % 8, 0);
	assert_int_equal(list[0].Mappings->OSTargetNumber, 4);
	assert_int_equal(list[0].Mappings->LUNCount, 2);
	assert_int_equal(list[0].Mappings->LUNList[1].OSLUN, 11);
	assert_null(list[1].Mappings);
	assert_string_equal(list[1].TargetPortal.Address, "");
	assert_string_equal(list[1].InitiatorInstance, "");
	assert_int_equal(list[1].InitiatorPortNumber, ISCSI_ANY_INITIATOR_PORT);
	free(list);
	fake_stop();
}

static void the_records_wide(void **state)
{
	PERSISTENT_ISCSI_LOGIN_INFOW *list;
	ULONG size = 0, count;

	(void)state;
	fake_start(logins);
	assert_int_equal(ReportIScsiPersistentLoginsW(&count, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
	list = malloc(size + 100);
	assert_non_null(list);
	size += 100;
	assert_int_equal(ReportIScsiPersistentLoginsW(&count, list, &size), 0);
	assert_int_equal(count, 2);
	assert_int_equal(list[1].TargetName[4], 'y');
	assert_int_equal(list[0].TargetPortal.Address[1], '0');
	assert_int_equal(list[0].Mappings->LUNList[0].OSLUN, 10);
	free(list);
	fake_stop();
}

static void nothing_is_success(void **state)
{
	ULONG size = 12345, count = 9;

	(void)state;
	fake_start(none);
	assert_int_equal(ReportIScsiPersistentLoginsA(&count, NULL, &size), 0);
	assert_int_equal(count, 0);
	assert_int_equal(size, 0);
	assert_int_equal(ReportIScsiPersistentLoginsA(NULL, NULL, &size), ERROR_INVALID_PARAMETER);
	assert_int_equal(ReportIScsiPersistentLoginsA(&count, NULL, NULL), ERROR_INVALID_PARAMETER);
	fake_stop();
}

/* ---- removing */

static struct {
	char instance[16], target[16], address[16], path[64];
	uint32_t port;
	int present;
} seen;

static int removed(sd_bus_message *m, sd_bus_message *reply)
{
	const char *instance, *name, *symbolic, *address;
	uint16_t socket;

	memset(&seen, 0, sizeof(seen));
	if (sd_bus_message_read(m, "sus" BUS_PORTAL, &instance, &seen.port, &name, &seen.present,
				&symbolic, &address, &socket) > 0) {
		snprintf(seen.instance, sizeof(seen.instance), "%s", instance);
		snprintf(seen.target, sizeof(seen.target), "%s", name);
		snprintf(seen.address, sizeof(seen.address), "%s", address);
	}
	return sd_bus_message_append(reply, "u", 0);
}

static void removing(void **state)
{
	ISCSI_TARGET_PORTALA portal = { .Address = "10.0.0.1", .Socket = 3260 };
	WCHAR wide[] = { 'i', 'q', 'n', '.', 'w', 0 };
	char hba[] = "hba";

	(void)state;
	fake_start(removed);
	assert_int_equal(RemoveIScsiPersistentTargetA(hba, 7, target, &portal), 0);
	fake_stop(); /* its thread wrote what is looked at */
	assert_string_equal(seen.instance, "hba");
	assert_string_equal(seen.target, "iqn.x");
	assert_string_equal(seen.address, "10.0.0.1");
	assert_int_equal(seen.port, 7);
	assert_true(seen.present);
	fake_start(removed);
	assert_int_equal(RemoveIScsiPersistentTargetW(NULL, ISCSI_ALL_INITIATOR_PORTS, wide, NULL), 0);
	fake_stop();
	assert_string_equal(seen.target, "iqn.w");
	assert_false(seen.present);
	/* An empty portal, as the listing has it, is all portals. */
	portal = (ISCSI_TARGET_PORTALA){ .Socket = 0 };
	fake_start(removed);
	assert_int_equal(RemoveIScsiPersistentTargetA(NULL, 7, target, &portal), 0);
	fake_stop();
	assert_false(seen.present);
	fake_start(removed);
	portal.Socket = 1;
	assert_int_equal(RemoveIScsiPersistentTargetA(NULL, 7, target, &portal),
			 ERROR_INVALID_PARAMETER);
	assert_int_equal(RemoveIScsiPersistentTargetA(NULL, 0, target, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(RemoveIScsiPersistentTargetA(NULL, 7, NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(fake_calls(), 0);
	fake_stop();
}

/* ---- devices */

static int path_given(sd_bus_message *m, sd_bus_message *reply)
{
	const char *path = "";

	sd_bus_message_read(m, "s", &path);
	snprintf(seen.path, sizeof(seen.path), "%s", path);
	return sd_bus_message_append(reply, "u", ISDSC_DEVICE_NOT_FOUND);
}

static void paths(void **state)
{
	char path[] = "/run/a.nbd", empty[] = "", too_long[1100];
	WCHAR wide[] = { '/', 'w', 0 };

	(void)state;
	memset(too_long, 'x', sizeof(too_long));
	too_long[1099] = 0;
	fake_start(path_given);
	assert_int_equal(RemovePersistentIScsiDeviceA(path), ISDSC_DEVICE_NOT_FOUND);
	fake_stop();
	assert_string_equal(seen.path, "/run/a.nbd");
	fake_start(path_given);
	assert_int_equal(AddPersistentIScsiDeviceW(wide), ISDSC_DEVICE_NOT_FOUND);
	fake_stop();
	assert_string_equal(seen.path, "/w");
	fake_start(path_given);
	assert_int_equal(SetupPersistentIScsiDevices(), ISDSC_DEVICE_NOT_FOUND);
	assert_int_equal(SetupPersistentIScsiVolumes(), ISDSC_DEVICE_NOT_FOUND);
	assert_int_equal(ClearPersistentIScsiDevices(), ISDSC_DEVICE_NOT_FOUND);
	assert_int_equal(fake_calls(), 3);
	assert_int_equal(AddPersistentIScsiDeviceA(NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(AddPersistentIScsiDeviceA(empty), ERROR_INVALID_PARAMETER);
	assert_int_equal(AddPersistentIScsiDeviceA(too_long), ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT);
	assert_int_equal(RemovePersistentIScsiDeviceA(too_long), ISDSC_DEVICE_NOT_FOUND);
	assert_int_equal(fake_calls(), 3);
	fake_stop();
}

static int devices(sd_bus_message *m, sd_bus_message *reply)
{
	(void)m;
	return sd_bus_message_append(reply, "uas", 0, 2, "/a", "/bb");
}

static void the_list(void **state)
{
	char text[16];
	WCHAR wide[16];
	ULONG size = 99;

	(void)state;
	fake_start(devices);
	assert_int_equal(ReportPersistentIScsiDevicesA(&size, NULL), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 8);
	size = 7;
	assert_int_equal(ReportPersistentIScsiDevicesA(&size, text), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(size, 8);
	assert_int_equal(ReportPersistentIScsiDevicesA(&size, text), 0);
	assert_memory_equal(text, "/a\0/bb\0", 8);
	size = 16;
	assert_int_equal(ReportPersistentIScsiDevicesW(&size, wide), 0);
	assert_int_equal(size, 8);
	assert_int_equal(wide[4], 'b');
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_records), cmocka_unit_test(the_records_wide),
		cmocka_unit_test(nothing_is_success), cmocka_unit_test(removing),
		cmocka_unit_test(paths), cmocka_unit_test(the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
