/* api_abuse_test.c - many callers at once, callers that die, a service that dies, broken messages. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api_bed.h"

enum { THREADS = 8, ROUNDS = 20 };

static _Atomic unsigned wrong;

static void *caller(void *arg)
{
	ISCSI_UNIQUE_SESSION_ID *session = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		ISCSI_UNIQUE_CONNECTION_ID id;
		ISCSI_TARGET_PORTALA portal;
		char name[MAX_ISCSI_NAME_LEN + 1];
		ISDSC_STATUS status;

		api_portal(&portal, i & 1 ? "127.0.0.1" : "127.0.0.2", api_bed.port);
		status = AddIScsiConnectionA(session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL,
					     0, NULL, &id);
		if (status == ERROR_SUCCESS)
			status = RemoveIScsiConnection(session, &id);
		if (status != ERROR_SUCCESS && status != ISDSC_TOO_MANY_CONNECTIONS &&
		    status != ISDSC_REMOVE_CONNECTION_IN_PROGRESS) {
			print_error("add or remove: 0x%08x\n", status);
			wrong++;
		}
		if (GetIScsiInitiatorNodeNameA(name) != ERROR_SUCCESS)
			wrong++;
	}
	return NULL;
}

static void test_eight_threads(void **state)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	pthread_t threads[THREADS];
	ISDSC_STATUS status = ERROR_SUCCESS;
	ISCSI_SESSION_INFOA *list;
	ULONG count;

	(void)state;
	api_login(4, &session, &leading);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, caller, &session), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	/* A removal that met another one left its connection behind. */
	list = api_sessions(&count);
	for (ULONG i = 1; i < list->ConnectionCount && status == ERROR_SUCCESS; i++)
		status = RemoveIScsiConnection(&session, &list->Connections[i].ConnectionId);
	free(list);
	api_expect(ERROR_SUCCESS, status);
	assert_int_equal(api_connections(&session), 1);
}

static _Atomic unsigned logged_in;

static void *login_caller(void *arg)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;
	ISDSC_STATUS status;

	(void)arg;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	status = LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
				   NULL, NULL, 0, NULL, FALSE, &session, &connection);
	if (status == ERROR_SUCCESS)
		logged_in++;
	else if (status != ISDSC_TARGET_ALREADY_LOGGED_IN)
		wrong++;
	return NULL;
}

/* Of callers that log in to one target at once, one gets the session. */
static void test_one_login_wins(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	pthread_t threads[THREADS];

	(void)state;
	api_discover(&portal);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, login_caller, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(logged_in, 1);
	assert_int_equal(wrong, 0);
}

/* What a caller started is not undone when it dies. */
static void test_caller_killed(void **state)
{
	static const char *const slow[] = { "--delay-ms=1", NULL };
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID leading;
	unsigned n = 0;

	(void)state;
	api_target_restart(slow);
	api_login(4, &session, &leading);
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			ISCSI_TARGET_PORTALA portal;

			api_portal(&portal, "127.0.0.2", api_bed.port);
			AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0, NULL,
					    0, NULL, NULL);
			_exit(0);
		}
		usleep(1000 * (1 + i * 2));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		n = api_connections(&session);
		usleep(20000);
	}
	assert_in_range(n, 1, 4);
	/* Whatever came of it, the session is sound. */
	while (n < 4) {
		ISCSI_TARGET_PORTALA portal;

		api_portal(&portal, "127.0.0.1", api_bed.port);
		api_expect(ERROR_SUCCESS,
			   AddIScsiConnectionA(&session, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
					       NULL, 0, NULL, NULL));
		n++;
	}
	assert_int_equal(api_connections(&session), 4);
	api_expect(ERROR_SUCCESS, LogoutIScsiTarget(&session));
	api_target_restart(NULL);
}

static int socket_open(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", api_bed.socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* Clients that talk nonsense, or nothing, cost the others nothing. */
static void test_broken_clients(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} openings[] = {
#define OPENING(text) { text, sizeof(text) - 1 }
		OPENING(""), OPENING("\0"), OPENING("\0AUTH EXTERNAL\r\n"),
		OPENING("GET / HTTP/1.0\r\n\r\n"),
		OPENING("\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\1\0\1\377\377\377\177"),
#undef OPENING
	};
	char name[MAX_ISCSI_NAME_LEN + 1], noise[4096];
	int fds[40];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		fds[i] = socket_open();
		(void)!send(fds[i], openings[i % 5].text, openings[i % 5].len, MSG_NOSIGNAL);
		for (size_t j = 0; j < sizeof(noise); j++)
			noise[j] = (char)rand();
		if (i >= 20)
			(void)!send(fds[i], noise, sizeof(noise), MSG_NOSIGNAL);
	}
	for (unsigned i = 0; i < 20; i++)
		api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	for (unsigned i = 0; i < 40; i++)
		close(fds[i]);
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
}

static void *waiting_add(void *arg)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_TARGET_PORTALA portal;

	api_portal(&portal, "127.0.0.1", api_bed.port);
	*(ISDSC_STATUS *)arg =
		LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, &portal, 0,
				  NULL, NULL, 0, NULL, FALSE, &session, &connection);
	return NULL;
}

static void test_service_killed(void **state)
{
	static const char *const silent[] = { "--swallow-login", NULL };
	ISCSI_TARGET_PORTALA portal;
	ISCSI_TARGET_PORTAL_INFOA info[2];
	ISDSC_STATUS status = ERROR_SUCCESS;
	char name[MAX_ISCSI_NAME_LEN + 1];
	struct timespec begin, end;
	pthread_t thread;
	ULONG count = 2;

	(void)state;
	api_portal(&portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
							    &portal));
	api_expect(ERROR_SUCCESS, SetIScsiInitiatorNodeNameA(api_text("iqn.2026-11.test:kept")));
	api_target_restart(silent);
	assert_int_equal(pthread_create(&thread, NULL, waiting_add, &status), 0);
	usleep(200000);
	assert_int_equal(api_service_end(SIGKILL), -SIGKILL);
	pthread_join(thread, NULL);
	assert_int_not_equal(status, ERROR_SUCCESS);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	api_expect(ISDSC_SERVICE_NOT_RUNNING, GetIScsiInitiatorNodeNameA(name));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec < 2);
	api_target_restart(NULL);
	api_service_start();
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
	assert_string_equal(name, "iqn.2026-11.test:kept");
	api_expect(ERROR_SUCCESS, ReportIScsiSendTargetPortalsA(&count, info));
	assert_int_equal(count, 1);
	assert_string_equal(info[0].Address, "127.0.0.1");
}

static void test_second_service_is_refused(void **state)
{
	char state_dir[96];
	int status;
	pid_t pid;
	char name[MAX_ISCSI_NAME_LEN + 1];

	(void)state;
	snprintf(state_dir, sizeof(state_dir), "%s/other", api_bed.dir);
	pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		execl(getenv("API_SERVICE"), "iscsidscd", "--foreground", "--state-dir", state_dir,
		      "--socket", api_bed.socket, (char *)NULL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	api_expect(ERROR_SUCCESS, GetIScsiInitiatorNodeNameA(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_eight_threads, api_logout_all),
		cmocka_unit_test_teardown(test_one_login_wins, api_logout_all),
		cmocka_unit_test_teardown(test_caller_killed, api_logout_all),
		cmocka_unit_test_teardown(test_broken_clients, api_logout_all),
		cmocka_unit_test_teardown(test_service_killed, api_logout_all),
		cmocka_unit_test_teardown(test_second_service_is_refused, api_logout_all),
	};

	return cmocka_run_group_tests_name("abuse", tests, api_setup, api_teardown);
}
