/*
 * api_outage_test.c - a session whose target is away: what stays listed, what calls are answered
 * meanwhile, for how long it is tried to bring it back, and what ends that.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api_bed.h"

enum { TRIES = 500, NAP_US = 20000, BOUND_S = 10 };

static ISCSI_UNIQUE_SESSION_ID session;
static ISCSI_UNIQUE_CONNECTION_ID conn[2];

static ISDSC_STATUS add(ISCSI_UNIQUE_CONNECTION_ID *id)
{
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.2", api_bed.port);
	return AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL, 0, NULL, id);
}

static ISDSC_STATUS inquire(void)
{
	UCHAR answer[36], sense[18], scsi_status;
	ULONG size = sizeof(answer), sense_size = sizeof(sense);

	return SendScsiInquiry(&session, 0, 0, 0, &scsi_status, &size, answer, &sense_size, sense);
}

static unsigned devices(void)
{
	ISCSI_DEVICE_ON_SESSIONA list[4];
	ULONG count = 4;

	api_expect(ERROR_SUCCESS, GetDevicesForIScsiSessionA(&session, &count, list));
	return count;
}

static bool is_up(void)
{
	ISCSI_SESSION_STATE now = { .Size = sizeof(now) };

	api_expect(ERROR_SUCCESS, GetIScsiSessionState(&session, &now));
	return now.IsUp;
}

static void until_up(bool up)
{
	for (unsigned i = 0; is_up() != up; i++) {
		assert_true(i < TRIES);
		usleep(NAP_US);
	}
}

static void log_in(void)
{
	api_login(4, &session, &conn[0]);
	api_expect(ERROR_SUCCESS, add(&conn[1]));
	assert_int_equal(devices(), 1);
}

static void target_stop(void)
{
	kill(api_bed.target, SIGTERM);
	assert_int_equal(waitpid(api_bed.target, NULL, 0), api_bed.target);
	api_bed.target = 0;
	until_up(false);
}

/* The same ids, the leading connection first, whether they are up or not. */
static void same_ids(void)
{
	ULONG count;
	ISCSI_SESSION_INFOA *list = api_sessions(&count);

	assert_int_equal(count, 1);
	assert_memory_equal(&list->SessionId, &session, sizeof(session));
	assert_int_equal(list->ConnectionCount, 2);
	assert_memory_equal(&list->Connections[0].ConnectionId, &conn[0], sizeof(conn[0]));
	assert_memory_equal(&list->Connections[1].ConnectionId, &conn[1], sizeof(conn[1]));
	free(list);
}

static void setting(const char *name, const char *value)
{
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text(name), value ? api_text(value) : NULL));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of both connections: the status of the policy's path, the state in the listing. */
static void states_are(ULONG status, UCHAR listed)
{
	char room[2048], room_ex[1024];
	ISCSI_SUPPORTED_LB_POLICIES *policies = (void *)room;
	ISCSI_SESSION_INFO_EX *list = (void *)room_ex;
	ULONG size = sizeof(room), size_ex = sizeof(room_ex), count;

	api_expect(ERROR_SUCCESS, GetIScsiSessionLoadBalancePolicy(&session, &size, policies));
	api_expect(ERROR_SUCCESS, GetIScsiSessionListEx(&size_ex, &count, list));
	assert_int_equal(policies->iSCSI_PathCount, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(policies->iSCSI_Paths[i].ConnectionStatus, status);
		assert_int_equal(list->Connections[i].State, listed);
	}
}

static void test_while_it_is_away(void **state)
{
	(void)state;
	setting("retry-time", "1");
	log_in();
	states_are(ISCSI_PATH_CONNECTED, 1);
	target_stop();
	same_ids();
	states_are(ISCSI_PATH_RECONNECTING, 0);
	assert_int_equal(devices(), 1);
	api_expect(ISDSC_SESSION_BUSY, add(NULL));
	api_expect(ISDSC_NO_CONNECTION_AVAILABLE, inquire());
	assert_int_equal(api_connections(&session), 2);
	api_target_restart(NULL);
	until_up(true);
	same_ids();
	api_expect(ERROR_SUCCESS, inquire());
	assert_int_equal(devices(), 1);
}

/* Long after the time for which commands wait, it comes back by itself. */
static void test_it_is_tried_for_ever(void **state)
{
	(void)state;
	setting("retry-time", "1");
	setting("hold-time", "1");
	log_in();
	target_stop();
	sleep(4);
	assert_false(is_up());
	same_ids();
	assert_int_equal(devices(), 1);
	api_target_restart(NULL);
	until_up(true);
	same_ids();
	api_expect(ERROR_SUCCESS, inquire());
}

static void test_a_logout_ends_that(void **state)
{
	ULONG count;
	double begin;

	(void)state;
	setting("retry-time", "1");
	log_in();
	target_stop();
	begin = now();
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	assert_true(now() - begin < BOUND_S);
	free(api_sessions(&count));
	assert_int_equal(count, 0);
	api_expect(ISDSC_INVALID_SESSION_ID, LogoutIScsiTarget(&session));
	api_target_restart(NULL);
	sleep(2);
	assert_int_equal(api_target_count("sessions"), 0);
}

/* A connection that is being added is a request under way; the session outlives it. */
static void *add_in_vain(void *status)
{
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.1", *(ISDSC_STATUS *)status & 0xffff);
	*(ISDSC_STATUS *)status = AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
						      NULL, 0, NULL, NULL);
	return NULL;
}

/* Adds a connection by a portal that says nothing; *status is its end. The portal's socket. */
static int add_begin(ISDSC_STATUS *status, pthread_t *thread)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	*status = ntohs(in.sin_port);
	assert_int_equal(pthread_create(thread, NULL, add_in_vain, status), 0);
	usleep(300000);
	return fd;
}

static void test_logout_during_a_request(void **state)
{
	ISDSC_STATUS status;
	pthread_t thread;
	int fd;

	(void)state;
	setting("login-time", "2");
	log_in();
	fd = add_begin(&status, &thread);
	api_expect(ISDSC_SESSION_BUSY, LogoutIScsiTarget(&session));
	pthread_join(thread, NULL);
	api_expect(ISDSC_CONNECTION_FAILED, status);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	close(fd);
}

/* The session is not gone, only interrupted. */
static void test_outage_during_a_request(void **state)
{
	ISDSC_STATUS status;
	pthread_t thread;
	int fd;

	(void)state;
	setting("retry-time", "1");
	log_in();
	fd = add_begin(&status, &thread);
	target_stop();
	pthread_join(thread, NULL);
	api_expect(ISDSC_SESSION_BUSY, status);
	api_target_restart(NULL);
	until_up(true);
	same_ids();
	close(fd);
}

static int clean(void **state)
{
	setting("retry-time", NULL);
	setting("hold-time", NULL);
	setting("login-time", NULL);
	return api_logout_all(state);
}

#define TEST(f) cmocka_unit_test_teardown(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_while_it_is_away), TEST(test_it_is_tried_for_ever),
		TEST(test_a_logout_ends_that), TEST(test_logout_during_a_request),
		TEST(test_outage_during_a_request),
	};

	return cmocka_run_group_tests_name("outage", tests, api_setup, api_teardown);
}
