/*
 * api_units_test.c - what users see when a target's units change, are busy, or tell of themselves:
 * listings follow, requests end well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_bed.h"
#include "../duty.h"

enum { BLOCKS = 16 << 11, DISKS_MAX = 4, TRIES = 300 };

static const char *const two_disks[] = { "--luns=2", "--mib=16", NULL };

/* A disk of the session as it is listed; disks are at most DISKS_MAX. */
static unsigned disks(ISCSI_UNIQUE_SESSION_ID *session, ULONGLONG blocks[DISKS_MAX])
{
	char buffer[16384];
	ISCSI_DISK_INFO *disk = (void *)buffer;
	ULONG size = sizeof(buffer), count;

	api_expect(ERROR_SUCCESS, GetIScsiDiskInformation(session, &size, &count, disk));
	assert_true(count <= DISKS_MAX);
	for (ULONG i = 0; i < count; i++) {
		blocks[i] = disk->Blocks;
		disk = (ISCSI_DISK_INFO *)(void *)((char *)disk + disk->Size);
	}
	return count;
}

/* The listing becomes: so many disks, the first of so many blocks. */
static void until_disks(ISCSI_UNIQUE_SESSION_ID *session, unsigned n, ULONGLONG first)
{
	ULONGLONG blocks[DISKS_MAX] = { 0 };

	for (unsigned tries = 0; disks(session, blocks) != n || blocks[0] != first; tries++) {
		assert_true(tries < TRIES);
		usleep(50000);
	}
}

/* Any command on the unit meets what it has to tell. */
static void inquire(ISCSI_UNIQUE_SESSION_ID *session, ULONGLONG lun)
{
	UCHAR status, answer[64], sense[32];
	ULONG size = sizeof(answer), sense_size = sizeof(sense);

	api_expect(ERROR_SUCCESS, SendScsiReadCapacity(session, lun, &status, &size, answer, &sense_size,
						       sense));
}

static void login(ISCSI_UNIQUE_SESSION_ID *session, unsigned n)
{
	ISCSI_UNIQUE_CONNECTION_ID connection;

	api_login(1, session, &connection);
	until_disks(session, n, BLOCKS);
}

/* 2A/09: the size is asked again. */
static void test_capacity(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	char line[32];

	(void)state;
	login(&session, 2);
	snprintf(line, sizeof(line), "units 2 %d", BLOCKS / 2);
	assert_int_equal(api_target_tell(line), 1);
	api_target_tell("attention 0 2a09");
	inquire(&session, 0);
	until_disks(&session, 2, BLOCKS / 2);
	assert_true(api_service_logged("LUN 0 has shrunk from 32768 to 16384 blocks", 1000));
	snprintf(line, sizeof(line), "units 2 %d", BLOCKS);
	assert_int_equal(api_target_tell(line), 1);
	api_target_tell("attention 0 2a09");
	inquire(&session, 0);
	until_disks(&session, 2, BLOCKS);
}

/* 3F/0E: units that are gone are closed, and come back when they are there again. */
static void test_list(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	char line[32];

	(void)state;
	login(&session, 2);
	snprintf(line, sizeof(line), "units 1 %d", BLOCKS);
	assert_int_equal(api_target_tell(line), 1);
	api_target_tell("attention 0 3f0e");
	inquire(&session, 0);
	until_disks(&session, 1, BLOCKS);
	assert_true(api_service_logged("LUN 1 is gone", 1000));
	snprintf(line, sizeof(line), "units 2 %d", BLOCKS);
	assert_int_equal(api_target_tell(line), 1);
	api_target_tell("attention 0 3f0e");
	inquire(&session, 0);
	until_disks(&session, 2, BLOCKS);
}

/* An asynchronous message brings such news without a command. Ours says 2A/09 of LUN 0. */
static void test_async(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	char line[32];

	(void)state;
	login(&session, 2);
	snprintf(line, sizeof(line), "units 2 %d", BLOCKS / 4);
	assert_int_equal(api_target_tell(line), 1);
	assert_int_equal(api_target_tell("async 0"), 1);
	until_disks(&session, 2, BLOCKS / 4);
	assert_true(api_service_logged("LUN 0 tells: ", 1000));
	assert_int_equal(api_target_tell("async 4"), 1);
	assert_true(api_service_logged("asynchronous message 4: it wants to negotiate again", 5000));
	DUTY("AS-1");
	snprintf(line, sizeof(line), "units 2 %d", BLOCKS);
	assert_int_equal(api_target_tell(line), 1);
}

/* One in three commands gets BUSY or TASK SET FULL; nobody but the unit's queue takes notice. */
static void test_busy(void **state)
{
	static const char *const busy[] = { "--luns=2", "--mib=16", "--busy=3", NULL };
	ISCSI_UNIQUE_SESSION_ID session;

	(void)state;
	api_target_restart(busy);
	login(&session, 2);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_target_restart(two_disks);
}

static int setup(void **state)
{
	*state = (void *)(uintptr_t)two_disks;
	return api_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_capacity, api_logout_all),
		cmocka_unit_test_teardown(test_list, api_logout_all),
		cmocka_unit_test_teardown(test_async, api_logout_all),
		cmocka_unit_test_teardown(test_busy, api_logout_all),
	};

	return cmocka_run_group_tests_name("units", tests, setup, api_teardown);
}
