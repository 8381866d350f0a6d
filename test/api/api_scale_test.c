/* api_scale_test.c - hundreds of sessions, and what happens when file descriptors run short. The
 * figures are ./dev bench api's. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "api_bed.h"

enum { SESSIONS = 300 /* a SCSI bus has room for 255 */, FEW_FILES = 160 };

static const char *const disk[] = { "--mib=16", NULL };

static ISDSC_STATUS login_one_more(ISCSI_UNIQUE_SESSION_ID *ret)
{
	ISCSI_LOGIN_OPTIONS multipath = { .LoginFlags = ISCSI_LOGIN_FLAG_MULTIPATH_ENABLED };
	ISCSI_UNIQUE_CONNECTION_ID connection;

	return LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
				 NULL, &multipath, 0, NULL, FALSE, ret, &connection);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(ISCSI_UNIQUE_SESSION_ID));
}

static void test_hundreds_of_sessions(void **state)
{
	static ISCSI_UNIQUE_SESSION_ID ids[SESSIONS], listed[SESSIONS];
	static UCHAR isids[SESSIONS][8];
	ISCSI_DEVICE_ON_SESSIONA device;
	ISCSI_TARGET_PORTALA portal;
	ISCSI_SESSION_STATE now = { .Size = sizeof(now) };
	ISCSI_CONNECTION_COUNTERS counters[8];
	ISCSI_SESSION_INFOA *list;
	ULONG count, size;

	(void)state;
	api_discover(&portal);
	for (unsigned i = 0; i < SESSIONS; i++)
		api_expect(ERROR_SUCCESS, login_one_more(&ids[i]));
	list = api_sessions(&count);
	assert_int_equal(count, SESSIONS);
	for (unsigned i = 0; i < SESSIONS; i++) {
		listed[i] = list[i].SessionId;
		memcpy(isids[i], list[i].ISID, sizeof(list[i].ISID));
		assert_int_equal(list[i].ConnectionCount, 1);
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(isids[i], isids[j], sizeof(list[i].ISID));
	}
	free(list);
	assert_memory_equal(listed, ids, sizeof(ids)); /* in the order of the logins */
	/* The ids are all different, and each leads to its own session: the address goes on counting. */
	for (unsigned i = 0; i < SESSIONS; i += 99) {
		count = 1;
		api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&ids[i], &count, &device));
		assert_int_equal(device.ScsiAddress.PathId, i / 255);
		assert_int_equal(device.ScsiAddress.TargetId, i % 255);
		api_expect(ERROR_SUCCESS, GetIScsiSessionState(&ids[i], &now));
		assert_int_equal(now.ConnectionCount, 1);
		size = sizeof(counters);
		api_expect(ERROR_SUCCESS, GetIScsiConnectionCounters(&ids[i], &size, &count, counters));
		assert_int_equal(count, 1);
		assert_memory_equal(&counters->SessionId, &ids[i], sizeof(ids[i]));
	}
	qsort(listed, SESSIONS, sizeof(listed[0]), compare);
	for (unsigned i = 1; i < SESSIONS; i++)
		assert_memory_not_equal(&listed[i - 1], &listed[i], sizeof(listed[0]));
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&ids[150]));
	api_expect(ISDSC_INVALID_SESSION_ID, LogoutIScsiTarget(&ids[150]));
	api_expect(ISDSC_INVALID_SESSION_ID, GetIScsiSessionState(&ids[150], &now));
	free(api_sessions(&count));
	assert_int_equal(count, SESSIONS - 1);
}

/* The service closes a caller's socket, and a disk's, a moment after its answer: how many files are left
 * differs by some from one call to the next. */
enum { FILES_LATE = 4 };

static ISDSC_STATUS add_until_refused(ISCSI_UNIQUE_SESSION_ID *session)
{
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISDSC_STATUS status = ERROR_SUCCESS;

	for (unsigned i = 0; !status && i <= FILES_LATE; i++)
		status = AddIScsiConnectionA(session, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, NULL, 0,
					     NULL, &connection);
	return status;
}

/* One that can't be had is refused in time: calls and the store need files too. */
static void test_files_run_short(void **state)
{
	const struct rlimit few = { FEW_FILES, FEW_FILES };
	ISCSI_UNIQUE_SESSION_ID first, last;
	ISCSI_TARGET_PORTALA portal;
	unsigned sessions = 1;
	ISDSC_STATUS status;
	ULONG count;

	(void)state;
	assert_int_equal(prlimit(api_bed.service, RLIMIT_NOFILE, &few, NULL), 0);
	api_discover(&portal);
	api_expect(ERROR_SUCCESS, login_one_more(&first));
	while ((status = login_one_more(&last)) == ERROR_SUCCESS)
		assert_true(++sessions < FEW_FILES);
	api_expect(ISDSC_TOO_MANY_SESSIONS, status);
	assert_true(sessions > 10);
	api_expect(ISDSC_TOO_MANY_CONNECTIONS, add_until_refused(&first));
	/* All else goes on. */
	free(api_sessions(&count));
	assert_int_equal(count, sessions);
	api_expect(ERROR_SUCCESS, AddIScsiStaticTargetA(api_text("iqn.2026-11.test:other"), NULL, 0, TRUE,
							NULL, NULL, NULL));
	api_expect(ERROR_SUCCESS, RemoveIScsiStaticTargetA(api_text("iqn.2026-11.test:other")));
	/* A place that becomes free is taken again. */
	for (unsigned i = 0; i < 1 + FILES_LATE; i++) {
		ISCSI_SESSION_INFOA *list = api_sessions(&count);

		api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&list[count - 1].SessionId));
		free(list);
	}
	status = login_one_more(&last);
	for (unsigned i = 0; status == ISDSC_TOO_MANY_SESSIONS && i < 100; i++) { /* they close later */
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		status = login_one_more(&last);
	}
	api_expect(ERROR_SUCCESS, status);
}

static int service_anew(void **state)
{
	int r = api_logout_all(state);

	assert_int_equal(api_service_end(SIGTERM), 0);
	api_service_start();
	return r;
}

static int setup(void **state)
{
	*state = (void *)(uintptr_t)disk;
	return api_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_hundreds_of_sessions, api_logout_all),
		cmocka_unit_test_teardown(test_files_run_short, service_anew),
	};

	return cmocka_run_group_tests_name("scale", tests, setup, api_teardown);
}
