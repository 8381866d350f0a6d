/*
 * api_callers_test.c - many programs at once: 64 of them, some that stall or die in mid-call, changing
 * calls on one session from all sides, and a logout while a disk is in use.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api_bed.h"
#include "api_load.h"

enum {
	PROGRAMS = 64, ROUNDS = 10, STALLED = 24, CHANGERS = 12,
	CALL_SECONDS = 10,   /* for one call that asks nobody else, the sanitizers' builds included */
	CHANGE_SECONDS = 20, /* for one that talks to the target: connect and login have 15 */
	CHANGING_MS = 3000,
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- programs that list */

static int calls_of_one_round(void)
{
	char name[MAX_ISCSI_NAME_LEN + 1], names[4096];
	ISCSI_SESSION_INFO_EX sessions[16];
	ISCSI_TARGET_PORTAL_INFOA portals[4];
	ULONG size = sizeof(sessions), count, chars = sizeof(names), portal_count = 4;

	if (GetIScsiInitiatorNodeNameA(name) || GetIScsiSessionListEx(&size, &count, sessions) ||
	    count != 1 || ReportIScsiTargetsA(FALSE, &chars, names) ||
	    strcmp(names, API_TARGET_NAME) ||
	    ReportIScsiSendTargetPortalsA(&portal_count, portals) || portal_count != 1)
		return 1;
	return 0;
}

/* Begins when the pipe is closed; leaves with 0 if all was well and in time. */
static pid_t program_start(int begin, int other_end, int rounds)
{
	pid_t pid = fork();
	char byte;
	int wrong = 0;

	if (pid)
		return pid;
	close(other_end);
	if (read(begin, &byte, 1) != 0)
		_exit(3);
	for (int i = 0; i != rounds && !wrong; i++) {
		double from = now();

		wrong = calls_of_one_round();
		if (now() - from > 4 * CALL_SECONDS)
			wrong = 2;
	}
	_exit(wrong);
}

static unsigned programs_run(void)
{
	pid_t pid[PROGRAMS];
	unsigned wrong = 0;
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	for (unsigned i = 0; i < PROGRAMS; i++)
		pid[i] = program_start(ends[0], ends[1], ROUNDS);
	close(ends[1]);
	close(ends[0]);
	for (unsigned i = 0; i < PROGRAMS; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		wrong += status != 0;
	}
	return wrong;
}

static void test_64_programs(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;

	(void)state;
	api_login(1, &session, &connection);
	assert_int_equal(programs_run(), 0);
}

/* Programs that are stopped wherever they are just then, and later go on or are killed. */
static void test_stalled_programs(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	pid_t pid[STALLED];
	int ends[2], status;
	double from;

	(void)state;
	api_login(1, &session, &connection);
	assert_int_equal(pipe(ends), 0);
	for (unsigned i = 0; i < STALLED; i++)
		pid[i] = program_start(ends[0], ends[1], -1);
	close(ends[1]);
	close(ends[0]);
	for (unsigned i = 0; i < STALLED; i++) {
		usleep(10000 + 700 * i);
		kill(pid[i], SIGSTOP);
	}
	from = now();
	assert_int_equal(programs_run(), 0);
	for (unsigned i = 0; i < STALLED; i += 2)
		kill(pid[i], SIGKILL);
	/* The others take up where they were, unless that is long ago. */
	for (unsigned i = 1; i < STALLED; i += 2)
		kill(pid[i], SIGCONT);
	usleep(300000);
	for (unsigned i = 0; i < STALLED; i++) {
		kill(pid[i], SIGKILL);
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		if (!WIFSIGNALED(status) && now() - from < 5)
			fail_msg("a program that was stopped ended with %d", WEXITSTATUS(status));
	}
	assert_int_equal(programs_run(), 0);
}

/* ---- changing calls on one session */

static struct {
	ISCSI_UNIQUE_SESSION_ID session;
	_Atomic bool stop, closing;
	_Atomic unsigned calls, wrong;
} all;

/* What a call may answer: one of these, and in time. */
static void judge(const char *what, ISDSC_STATUS status, double from, const ISDSC_STATUS *allowed)
{
	double took = now() - from;

	all.calls++;
	while (*allowed != status && *allowed)
		allowed++;
	if ((*allowed == status || (all.closing && status == ISDSC_INVALID_SESSION_ID)) &&
	    took < CHANGE_SECONDS)
		return;
	print_error("%s: 0x%08x after %.1f s\n", what, status, took);
	all.wrong++;
}

/* While the session is being closed, calls on it are told so in more than one way. */
static const ISDSC_STATUS add_allowed[] = {
	ISDSC_TOO_MANY_CONNECTIONS, ISDSC_SESSION_BUSY, ISDSC_CONNECTION_FAILED, 0
};
static const ISDSC_STATUS remove_allowed[] = {
	ISDSC_REMOVE_CONNECTION_IN_PROGRESS, ISDSC_SESSION_BUSY, 0
};
static const ISDSC_STATUS policy_allowed[] = {
	ISDSC_PATH_COUNT_MISMATCH, ISDSC_INVALID_PATH_ID, ISDSC_SESSION_BUSY, 0
};

static void change_connections(void)
{
	ISCSI_UNIQUE_CONNECTION_ID id;
	ISCSI_TARGET_PORTALA portal;
	double from = now();
	ISDSC_STATUS status;

	api_portal(&portal, "127.0.0.2", api_bed.port);
	status = AddIScsiConnectionA(&all.session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL,
				     0, NULL, &id);
	judge("add", status, from, add_allowed);
	if (status)
		return;
	do {
		from = now();
		status = RemoveIScsiConnection(&all.session, &id);
		judge("remove", status, from, remove_allowed);
	} while (status == ISDSC_REMOVE_CONNECTION_IN_PROGRESS);
}

static void change_policy(void)
{
	ISCSI_SUPPORTED_LB_POLICIES policies = {
		.Size = sizeof(policies), .LoadBalancePolicy = ISCSI_LB_ROUND_ROBIN
	};
	char buffer[4096];
	ULONG size = sizeof(buffer);
	double from = now();

	if (GetIScsiSessionLoadBalancePolicy(&all.session, &size, (void *)buffer))
		return;
	memcpy(&policies, buffer, sizeof(policies));
	policies.LoadBalancePolicy = ISCSI_LB_DYN_LEAST_QUEUE_DEPTH;
	judge("policy", SetIScsiSessionLoadBalancePolicy(&all.session, &policies), from,
	      policy_allowed);
}

static void *changer(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg;

	while (!all.stop)
		if (number % 3 == 2)
			change_policy();
		else
			change_connections();
	return NULL;
}

static void test_changes_of_one_session(void **state)
{
	ISCSI_UNIQUE_CONNECTION_ID leading;
	pthread_t threads[CHANGERS];
	ISDSC_STATUS status;
	double from;

	(void)state;
	memset(&all, 0, sizeof(all));
	api_login(8, &all.session, &leading);
	for (unsigned i = 0; i < CHANGERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, changer, (void *)(uintptr_t)i), 0);
	usleep(CHANGING_MS * 1000);
	/* In the midst of it the session goes. */
	all.closing = true;
	from = now();
	status = LogoutIScsiTarget(&all.session);
	judge("logout", status, from, (const ISDSC_STATUS[]){ ISDSC_SESSION_BUSY, 0 });
	usleep(100000);
	all.stop = true;
	for (unsigned i = 0; i < CHANGERS; i++)
		pthread_join(threads[i], NULL);
	if (status)
		api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&all.session));
	print_message("%u changing calls\n", all.calls);
	assert_int_equal(all.wrong, 0);
	assert_true(all.calls > 20);
	api_expect(ISDSC_INVALID_SESSION_ID, LogoutIScsiTarget(&all.session));
	/* Nothing of it is left over. */
	api_login(8, &all.session, &leading);
	assert_int_equal(api_connections(&all.session), 1);
}

/* A change that was answered is there for whoever asks next. */
static void test_changes_are_in_order(void **state)
{
	ISCSI_UNIQUE_CONNECTION_ID leading, id;
	ISCSI_TARGET_PORTALA portal;

	(void)state;
	api_login(2, &all.session, &leading);
	for (unsigned i = 0; i < 10; i++) {
		api_portal(&portal, "127.0.0.2", api_bed.port);
		api_expect(ERROR_SUCCESS,
			   AddIScsiConnectionA(&all.session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
					       NULL, 0, NULL, &id));
		assert_int_equal(api_connections(&all.session), 2);
		api_expect(ERROR_SUCCESS, RemoveIScsiConnection(&all.session, &id));
		assert_int_equal(api_connections(&all.session), 1);
	}
}

/* ---- logout */

struct logout {
	pthread_t thread;
	ISDSC_STATUS status;
	double seconds;
};

static void *logout_run(void *arg)
{
	struct logout *logout = arg;
	double from = now();

	logout->status = LogoutIScsiTarget(&all.session);
	logout->seconds = now() - from;
	return NULL;
}

/* Eight at once; how many of them had this status. */
static unsigned logout_all(ISDSC_STATUS status)
{
	struct logout logouts[8];
	unsigned n = 0;

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&logouts[i].thread, NULL, logout_run, &logouts[i]), 0);
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(logouts[i].thread, NULL);
		n += logouts[i].status == status;
		assert_true(logouts[i].seconds < CALL_SECONDS);
	}
	return n;
}

static struct load load;

static void test_logout_under_load(void **state)
{
	ISCSI_UNIQUE_CONNECTION_ID leading;

	(void)state;
	api_login(1, &all.session, &leading);
	load_begin(&load, &all.session);
	for (unsigned i = 0; i < 5; i++) {
		usleep(50000);
		assert_int_equal(logout_all(ISDSC_DEVICE_BUSY_ON_SESSION), 8);
	}
	assert_int_equal(api_connections(&all.session), 1);
	/* No request may have failed. */
	load_end(&load);
	/* The disk's clients have gone; one of the callers gets it. */
	for (unsigned tries = 0; logout_all(ERROR_SUCCESS) != 1; tries++) {
		assert_true(tries < 50);
		usleep(100000);
	}
	api_expect(ISDSC_INVALID_SESSION_ID, LogoutIScsiTarget(&all.session));
}

static int load_teardown(void **state)
{
	load_stop(&load);
	return api_logout_all(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_64_programs, api_logout_all),
		cmocka_unit_test_teardown(test_stalled_programs, api_logout_all),
		cmocka_unit_test_teardown(test_changes_are_in_order, api_logout_all),
		cmocka_unit_test_teardown(test_changes_of_one_session, api_logout_all),
		cmocka_unit_test_teardown(test_logout_under_load, load_teardown),
	};

	return cmocka_run_group_tests_name("callers", tests, api_setup, api_teardown);
}
