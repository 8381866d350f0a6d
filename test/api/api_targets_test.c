/*
 * api_targets_test.c - targets added by hand, what is known of a target, mappings, other portals, and
 * portals that are asked again until they answer.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api_bed.h"
#include "../duty.h"

static const char *const disks[] = { "--luns=3", "--mib=4", NULL };
static char target_name[] = API_TARGET_NAME, by_hand[] = "HBA:ROOT\\ISCSIPRT\\0000_0";

struct group {
	ISCSI_TARGET_PORTAL_GROUPA group;
	ISCSI_TARGET_PORTALA more;
};

/* The first portal is dead: nobody listens on that address. */
static void group_make(struct group *group, ULONG count)
{
	ISCSI_TARGET_PORTALA *portals = &group->group.Portals[0];

	group->group.Count = count;
	api_portal(&portals[count - 1], "127.0.0.1", api_bed.port);
	if (count > 1)
		api_portal(&portals[0], "127.0.0.9", api_bed.port);
}

static ISDSC_STATUS add(ISCSI_TARGET_FLAGS flags, BOOLEAN persist, ISCSI_TARGET_MAPPINGA *mapping,
			ISCSI_LOGIN_OPTIONS *options, struct group *group)
{
	return AddIScsiStaticTargetA(target_name, api_text("disk shelf"), flags, persist, mapping,
				     options, group ? &group->group : NULL);
}

static ISDSC_STATUS login(ISCSI_TARGET_PORTALA *portal, ISCSI_TARGET_MAPPINGA *mapping,
			  ISCSI_LOGIN_OPTIONS *options, BOOLEAN informational,
			  ISCSI_UNIQUE_SESSION_ID *session)
{
	ISCSI_UNIQUE_CONNECTION_ID connection;

	return LoginIScsiTargetA(target_name, informational, NULL, ISCSI_ANY_INITIATOR_PORT, portal, 0,
				 mapping, options, 0, NULL, FALSE, session, &connection);
}

static bool listed(void)
{
	char names[4096];
	ULONG size = sizeof(names);

	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, names));
	for (const char *name = names; *name; name += strlen(name) + 1)
		if (strcmp(name, API_TARGET_NAME) == 0)
			return true;
	return false;
}

static int clean(void **state)
{
	api_logout_all(state);
	RemoveIScsiStaticTargetA(target_name);
	return 0;
}

static void test_by_hand(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portals[4];
	struct group group;
	ULONG count = 4;
	USHORT tag = 1;

	(void)state;
	group_make(&group, 1);
	api_expect(ISDSC_INVALID_ISCSI_NAME,
		   AddIScsiStaticTargetA(api_text("no name"), NULL, 0, FALSE, NULL, NULL, NULL));
	api_expect(ISDSC_TARGET_NOT_FOUND, RemoveIScsiStaticTargetA(target_name));
	api_expect(ERROR_SUCCESS, add(0, FALSE, NULL, NULL, &group));
	assert_true(listed());
	api_expect(ERROR_SUCCESS, ReportIScsiTargetPortalsA(NULL, target_name, NULL, &count, portals));
	assert_int_equal(count, 1);
	assert_int_equal(portals[0].Socket, api_bed.port);
	count = 4;
	api_expect(ERROR_SUCCESS, ReportIScsiTargetPortalsA(NULL, target_name, &tag, &count, portals));
	assert_int_equal(count, 0);
	api_expect(ERROR_SUCCESS, login(NULL, NULL, NULL, FALSE, &session));
	/* The login has told the group. */
	count = 4;
	api_expect(ERROR_SUCCESS, ReportIScsiTargetPortalsA(NULL, target_name, &tag, &count, portals));
	assert_int_equal(count, 1);
	/* A session keeps what it needs. */
	api_expect(ERROR_SUCCESS, RemoveIScsiStaticTargetA(target_name));
	assert_true(listed());
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	assert_false(listed());
	api_expect(ISDSC_TARGET_NOT_FOUND, login(NULL, NULL, NULL, FALSE, &session));
	/* Without a portal there is no way in. */
	api_expect(ERROR_SUCCESS, add(0, FALSE, NULL, NULL, NULL));
	api_expect(ISDSC_NO_PORTAL_SPECIFIED, login(NULL, NULL, NULL, FALSE, &session));
	api_expect(ERROR_SUCCESS, login(&group.group.Portals[0], NULL, NULL, FALSE, &session));
}

static void test_only_persistent_ones_last(void **state)
{
	struct group group;

	(void)state;
	group_make(&group, 1);
	api_expect(ERROR_SUCCESS, add(0, FALSE, NULL, NULL, &group));
	assert_int_equal(api_service_end(SIGTERM), 0);
	api_service_start();
	assert_false(listed());
	api_expect(ERROR_SUCCESS, add(0, TRUE, NULL, NULL, &group));
	assert_int_equal(api_service_end(SIGKILL), -SIGKILL);
	api_service_start();
	assert_true(listed());
	api_expect(ERROR_SUCCESS, RemoveIScsiStaticTargetA(target_name));
	assert_int_equal(api_service_end(SIGKILL), -SIGKILL);
	api_service_start();
	assert_false(listed());
}

/* Texts as long as their arrays let them be come back whole, and names have no letter case. */
static void test_longest_texts(void **state)
{
	char name[MAX_ISCSI_NAME_LEN + 1] = "IQN.2026-11.test:", folded[MAX_ISCSI_NAME_LEN + 1];
	char alias[MAX_ISCSI_ALIAS_LEN + 1], text[MAX_ISCSI_ALIAS_LEN + 1], list[512];
	ISCSI_TARGET_PORTAL_GROUPA group = { .Count = 1, .Portals[0].Socket = 65535 }, told;
	char groups[sizeof(ULONG) + sizeof(told)];
	ISCSI_TARGET_PORTALA *portal = &group.Portals[0];
	ULONG size = sizeof(list);

	(void)state;
	memset(name + 17, 'N', sizeof(name) - 18);
	name[MAX_ISCSI_NAME_LEN] = 0;
	for (size_t i = 0; i < sizeof(name); i++)
		folded[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
	memset(alias, 'a', sizeof(alias));
	alias[MAX_ISCSI_ALIAS_LEN] = 0;
	memset(portal->SymbolicName, 's', MAX_ISCSI_PORTAL_NAME_LEN - 1);
	memset(portal->Address, 'h', MAX_ISCSI_PORTAL_ADDRESS_LEN - 1);
	api_expect(ERROR_SUCCESS, AddIScsiStaticTargetA(name, alias, 0, FALSE, NULL, NULL, &group));
	api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(FALSE, &size, list));
	assert_int_equal(size, MAX_ISCSI_NAME_LEN + 2);
	assert_string_equal(list, folded);
	size = sizeof(text);
	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(name, by_hand, TargetAlias, &size, text));
	assert_int_equal(size, sizeof(text));
	assert_string_equal(text, alias);
	/* A count of groups, then the group. */
	size = sizeof(groups);
	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(folded, by_hand, PortalGroups, &size, groups));
	memcpy(&told, groups + sizeof(ULONG), sizeof(told));
	assert_int_equal(told.Count, 1);
	assert_memory_equal(&told.Portals[0], portal, sizeof(*portal));
	api_expect(ERROR_SUCCESS, RemoveIScsiStaticTargetA(name));
	api_expect(ISDSC_TARGET_NOT_FOUND, RemoveIScsiStaticTargetA(folded));
}

/* Options are told but for the password; the user name lies behind them. */
static void test_default_options_are_told(void **state)
{
	static UCHAR user[] = "user1", secret[] = "secret-of-mine";
	ISCSI_LOGIN_OPTIONS options = {
		.InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_USERNAME |
			ISCSI_LOGIN_OPTIONS_PASSWORD,
		.LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED, .AuthType = ISCSI_CHAP_AUTH_TYPE,
		.Username = user, .UsernameLength = 5, .Password = secret, .PasswordLength = 14,
	};
	char room[sizeof(ISCSI_LOGIN_OPTIONS) + 64];
	ISCSI_LOGIN_OPTIONS *told = (void *)room;
	ULONG size = sizeof(room);

	(void)state;
	api_expect(ERROR_SUCCESS, add(0, FALSE, NULL, &options, NULL));
	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(target_name, by_hand, LoginOptions, &size, room));
	assert_int_equal(size, sizeof(*told) + 5);
	assert_int_equal(told->InformationSpecified,
			 ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_USERNAME);
	assert_int_equal(told->LoginFlags, ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED);
	assert_int_equal(told->UsernameLength, 5);
	assert_ptr_equal(told->Username, room + sizeof(*told));
	assert_memory_equal(told->Username, "user1", 5);
	assert_int_equal(told->PasswordLength, 0);
	assert_null(told->Password);
	/* Added again, all of it is overwritten, and that is no error. */
	api_expect(ERROR_SUCCESS, add(0, FALSE, NULL, NULL, NULL));
	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(target_name, by_hand, LoginOptions, &size, room));
	assert_int_equal(size, sizeof(*told));
	assert_int_equal(told->InformationSpecified, 0);
}

static unsigned header_digest(void)
{
	char buffer[4096];
	ULONG size = sizeof(buffer), count;
	ISCSI_SESSION_INFO_EX *list = (void *)buffer;

	api_expect(ERROR_SUCCESS, GetIScsiSessionListEx(&size, &count, list));
	assert_int_equal(count, 1);
	return list[0].Connections[0].HeaderDigest;
}

static void test_hidden_with_defaults(void **state)
{
	ISCSI_LOGIN_OPTIONS defaults = { .InformationSpecified = ISCSI_LOGIN_OPTIONS_HEADER_DIGEST,
		.HeaderDigest = ISCSI_DIGEST_TYPE_CRC32C };
	ISCSI_LOGIN_OPTIONS own = { .InformationSpecified = ISCSI_LOGIN_OPTIONS_HEADER_DIGEST };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	char names[4096];
	ULONG size = sizeof(names), flags;

	(void)state;
	api_expect(ERROR_SUCCESS, add(ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET, FALSE, NULL, &defaults, NULL));
	assert_false(listed());
	api_expect(ISDSC_TARGET_NOT_FOUND, login(NULL, NULL, NULL, FALSE, &session));
	api_discover(&portal);
	assert_true(listed());
	api_expect(ERROR_SUCCESS,
		   GetIScsiTargetInformationA(target_name, NULL, DiscoveryMechanisms, &size, names));
	assert_string_equal(names, by_hand);
	assert_int_equal(strncmp(names + strlen(names) + 1, "SendTargets:*127.0.0.1 ", 23), 0);
	size = sizeof(flags);
	api_expect(ERROR_SUCCESS,
		   GetIScsiTargetInformationA(target_name, by_hand, TargetFlags, &size, &flags));
	assert_int_equal(flags, ISCSI_TARGET_FLAG_HIDE_STATIC_TARGET);
	size = sizeof(flags);
	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(target_name, names + strlen(names) + 1,
							     TargetFlags, &size, &flags));
	assert_int_equal(flags, 0);
	api_expect(ISDSC_DISCOVERY_MECHANISM_NOT_FOUND,
		   GetIScsiTargetInformationA(target_name, api_text("iSNS:x"), TargetFlags, &size, &flags));
	api_expect(ISDSC_TARGET_NOT_FOUND,
		   GetIScsiTargetInformationA(api_text("iqn.2026-11.test:other"), NULL,
					      DiscoveryMechanisms, &size, names));
	api_expect(ERROR_SUCCESS, login(NULL, NULL, NULL, FALSE, &session));
	assert_int_equal(header_digest(), 1);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS, login(NULL, NULL, &own, FALSE, &session));
	assert_int_equal(header_digest(), 0);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS, RemoveIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal));
	assert_false(listed());
}

/* OS LUNs of a session, by the listing of its devices. */
static unsigned os_luns(ISCSI_UNIQUE_SESSION_ID *session, unsigned *bus, unsigned *target, unsigned luns[8])
{
	ISCSI_DEVICE_ON_SESSIONA devices[8];
	ULONG count = 8;

	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(session, &count, devices));
	for (ULONG i = 0; i < count; i++) {
		luns[i] = devices[i].ScsiAddress.Lun;
		*bus = devices[i].ScsiAddress.PathId;
		*target = devices[i].ScsiAddress.TargetId;
	}
	return count;
}

static void test_mappings(void **state)
{
	SCSI_LUN_LIST luns[] = { { 9, 0 }, { 4, 2 } };
	ISCSI_TARGET_MAPPINGA mapping = { .OSBusNumber = 2, .OSTargetNumber = 7, .LUNCount = 2,
					  .LUNList = luns };
	ISCSI_LOGIN_OPTIONS multipath = { .LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED };
	ISCSI_UNIQUE_SESSION_ID session, second;
	ISCSI_TARGET_PORTALA portal;
	char buffer[8192];
	ISCSI_TARGET_MAPPINGA *active = (void *)buffer;
	ULONG size = sizeof(buffer), count;
	unsigned bus, target, seen[8];

	(void)state;
	api_discover(&portal);
	luns[1].OSLUN = 9;
	api_expect(ISDSC_INVALID_TARGET_MAPPING, login(&portal, &mapping, NULL, FALSE, &session));
	luns[1].OSLUN = 400;
	api_expect(ISDSC_TARGET_MAPPING_OUT_OF_RANGE, login(&portal, &mapping, NULL, FALSE, &session));
	luns[1].OSLUN = 4;
	api_expect(ERROR_SUCCESS, login(&portal, &mapping, NULL, FALSE, &session));
	/* LUN 1 was left out: no device. */
	assert_int_equal(os_luns(&session, &bus, &target, seen), 2);
	assert_int_equal(bus, 2);
	assert_int_equal(target, 7);
	assert_int_equal(seen[0], 9);
	assert_int_equal(seen[1], 4);
	api_expect(ISDSC_TARGET_ALREADY_LOGGED_IN, login(&portal, NULL, NULL, FALSE, &second));
	api_expect(ISDSC_TARGET_MAPPING_EXISTS, login(&portal, &mapping, &multipath, FALSE, &second));
	api_expect(ERROR_SUCCESS, login(&portal, NULL, &multipath, FALSE, &second));
	assert_int_equal(os_luns(&second, &bus, &target, seen), 3);
	assert_int_equal(bus, 0);
	assert_int_equal(target, 0);
	api_expect(ERROR_SUCCESS, ReportActiveIScsiTargetMappingsA(&size, &count, active));
	assert_int_equal(count, 2);
	assert_memory_equal(&active[0].SessionId, &session, sizeof(session));
	assert_string_equal(active[0].TargetName, API_TARGET_NAME);
	assert_int_equal(active[0].OSBusNumber, 2);
	assert_int_equal(active[0].LUNCount, 2);
	assert_int_equal(active[0].LUNList[1].TargetLUN, 2);
	assert_int_equal(active[0].LUNList[1].OSLUN, 4);
	assert_int_equal(active[1].LUNCount, 3);
}

static void test_mappings_by_hand(void **state)
{
	SCSI_LUN_LIST lun = { 3, 1 };
	ISCSI_TARGET_MAPPINGA mapping = { .OSBusNumber = 0, .OSTargetNumber = 5, .LUNCount = 1,
					  .LUNList = &lun };
	ISCSI_LOGIN_OPTIONS multipath = { .LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED };
	ISCSI_UNIQUE_SESSION_ID session, second;
	char buffer[4096];
	ISCSI_TARGET_MAPPINGA *stored = (void *)buffer;
	ULONG size = sizeof(buffer);
	unsigned bus, target, seen[8];
	struct group group;

	(void)state;
	group_make(&group, 1);
	api_expect(ERROR_SUCCESS, add(0, FALSE, &mapping, NULL, &group));
	api_expect(ERROR_SUCCESS, GetIScsiTargetInformationA(target_name, by_hand,
							     PersistentTargetMappings, &size, stored));
	assert_int_equal(stored->OSTargetNumber, 5);
	assert_int_equal(stored->LUNList[0].OSLUN, 3);
	api_expect(ERROR_SUCCESS, login(NULL, NULL, NULL, FALSE, &session));
	assert_int_equal(os_luns(&session, &bus, &target, seen), 1);
	assert_int_equal(target, 5);
	assert_int_equal(seen[0], 3);
	/* The numbers are taken: those of the second session's own making. */
	api_expect(ERROR_SUCCESS, login(NULL, NULL, &multipath, FALSE, &second));
	assert_int_equal(os_luns(&second, &bus, &target, seen), 1);
	assert_int_equal(target, 0);
	assert_int_equal(seen[0], 3);
}

static void test_informational(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;
	ULONG size = 77, count = 77;
	UCHAR scsi_status, answer[36], sense[18];
	ULONG answer_size = sizeof(answer), sense_size = sizeof(sense);

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, NULL, TRUE, &session));
	/* No unit is shown, so none has a number; SCSI requests work. */
	api_expect(ERROR_SUCCESS, ReportActiveIScsiTargetMappingsA(&size, &count, NULL));
	assert_int_equal(size, 0);
	assert_int_equal(count, 0);
	api_expect(ERROR_SUCCESS, SendScsiInquiry(&session, 1, 0, 0, &scsi_status, &answer_size, answer,
						  &sense_size, sense));
	api_expect(ERROR_SUCCESS, AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal,
						      0, NULL, 0, NULL, &connection));
	count = 77;
	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&session, &count, NULL));
	assert_int_equal(count, 0);
}

static void test_other_portals(void **state)
{
	ISCSI_LOGIN_OPTIONS hop = { .LoginFlags = ISCSI_LOGIN_FLAG_ALLOW_PORTAL_HOPPING };
	ISCSI_UNIQUE_SESSION_ID session;
	struct group group;

	(void)state;
	group_make(&group, 2);
	api_expect(ERROR_SUCCESS, add(0, FALSE, NULL, NULL, &group));
	/* A portal that was asked for is the only one tried, but with the flag. */
	api_expect(ISDSC_CONNECTION_FAILED, login(&group.group.Portals[0], NULL, NULL, FALSE, &session));
	api_expect(ERROR_SUCCESS, login(&group.group.Portals[0], NULL, &hop, FALSE, &session));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_expect(ERROR_SUCCESS, login(NULL, NULL, NULL, FALSE, &session));
}

static void test_discovery_leaves_sessions_alone(void **state)
{
	ISCSI_SESSION_STATE now = { .Size = sizeof(now) };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_TARGET_PORTALA portal;
	char names[4096];
	ULONG size = sizeof(names);

	(void)state;
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login(&portal, NULL, NULL, FALSE, &session));
	for (unsigned i = 0; i < 5; i++) {
		size = sizeof(names);
		api_expect(ERROR_SUCCESS, ReportIScsiTargetsA(TRUE, &size, names));
	}
	api_expect(ERROR_SUCCESS, GetIScsiSessionState(&session, &now));
	assert_int_equal(now.LastPause, 0);
	DUTY("ID-1 DSC-8");
}

static void target_stop(void)
{
	kill(api_bed.target, SIGTERM);
	waitpid(api_bed.target, NULL, 0);
	api_bed.target = 0;
}

static bool listed_soon(void)
{
	for (unsigned i = 0; i < 500; i++) {
		if (listed())
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return false;
}

static void test_asked_again_until_it_answers(void **state)
{
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("retry-time"), api_text("1")));
	api_portal(&portal, "127.0.0.1", api_bed.port);
	target_stop();
	api_expect(ISDSC_CONNECTION_FAILED,
		   AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, &portal));
	assert_false(listed());
	api_target_restart(disks);
	assert_true(listed_soon());
	assert_true(api_service_logged("works again", 1000));
	/* The same at the start of the service. */
	target_stop();
	assert_int_equal(api_service_end(SIGTERM), 0);
	api_service_start();
	assert_false(listed());
	api_target_restart(disks);
	assert_true(listed_soon());
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("retry-time"), api_text("5")));
}

static int setup(void **state)
{
	*state = (void *)(uintptr_t)disks;
	return api_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_by_hand, clean),
		cmocka_unit_test_teardown(test_only_persistent_ones_last, clean),
		cmocka_unit_test_teardown(test_longest_texts, clean),
		cmocka_unit_test_teardown(test_default_options_are_told, clean),
		cmocka_unit_test_teardown(test_hidden_with_defaults, clean),
		cmocka_unit_test_teardown(test_mappings, clean),
		cmocka_unit_test_teardown(test_mappings_by_hand, clean),
		cmocka_unit_test_teardown(test_informational, clean),
		cmocka_unit_test_teardown(test_other_portals, clean),
		cmocka_unit_test_teardown(test_discovery_leaves_sessions_alone, clean),
		cmocka_unit_test_teardown(test_asked_again_until_it_answers, clean),
	};

	return cmocka_run_group_tests_name("targets", tests, setup, api_teardown);
}
