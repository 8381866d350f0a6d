/* api_bed.c - see api_bed.h. */
#include "api_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS_MAX = 32, NAP_MS = 20 };

struct api_bed api_bed;
static int target_in = -1;    /* its standard input */
static long target_heard;     /* bytes of its log that were read */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = NAP_MS * 1000000 }, NULL);
}

/* Starts a program whose output goes to dir/NAME.log. Its input: `in`, which is closed; -1: none. It
 * runs as that user; 0: as this process. */
static pid_t program_start(const char *variable, const char *const *argv, const char *name, int in,
			   uid_t uid)
{
	const char *path = getenv(variable);
	char log[128];
	pid_t pid;

	if (!path)
		fail_msg("%s is not set", variable);
	snprintf(log, sizeof(log), "%s/%s.log", api_bed.dir, name);
	pid = fork();
	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		int input = in < 0 ? open("/dev/null", O_RDONLY) : in;

		dup2(input, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (uid && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0))
			_exit(126);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	if (in >= 0)
		close(in);
	return pid;
}

static int program_end(pid_t *pid, int number)
{
	int status;

	if (*pid <= 0)
		return 0;
	kill(*pid, number);
	/* The sanitizers' builds take their time. */
	for (int i = 0; i < 1500; i++) {
		if (waitpid(*pid, &status, WNOHANG) == *pid) {
			*pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
		}
		nap();
	}
	kill(*pid, SIGKILL);
	waitpid(*pid, &status, 0);
	*pid = 0;
	fail_msg("a program did not end within 30 s");
	return -1;
}

static void log_print(const char *name)
{
	char path[128], text[4096];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s.log", api_bed.dir, name);
	f = fopen(path, "r");
	if (!f)
		return;
	while ((n = fread(text, 1, sizeof(text), f)) > 0)
		fwrite(text, 1, n, stderr);
	fclose(f);
}

void api_service_start(void)
{
	char state[96], charon[96];
	const char *argv[] = { "iscsidscd", "--foreground", "--state-dir", state, "--socket",
			 api_bed.socket, "--charon", charon, NULL };
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(state, sizeof(state), "%s/state", api_bed.dir);
	/* One that runs on this machine is none of the tests' business. */
	snprintf(charon, sizeof(charon), "%s/charon.vici", api_bed.dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", api_bed.socket);
	api_bed.service = program_start("API_SERVICE", argv, "service", -1, api_bed.service_uid);
	for (int i = 0; i < 1000; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int rc = connect(fd, (struct sockaddr *)&un, sizeof(un));

		close(fd);
		if (rc == 0)
			return;
		if (waitpid(api_bed.service, NULL, WNOHANG) == api_bed.service) {
			log_print("service");
			api_bed.service = 0;
			fail_msg("the service ended at its start");
		}
		nap();
	}
	fail_msg("the service did not open its socket");
}

int api_service_end(int number)
{
	return program_end(&api_bed.service, number);
}

bool api_service_logged(const char *text, unsigned ms)
{
	char path[128], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/service.log", api_bed.dir);
	for (unsigned waited = 0;; waited += NAP_MS) {
		bool found = false;

		f = fopen(path, "r");
		assert_non_null(f);
		while (!found && fgets(line, sizeof(line), f))
			found = strstr(line, text);
		fclose(f);
		if (found || waited >= ms)
			return found;
		nap();
	}
}

/* The port is chosen at the first start and kept. */
static void target_start(const char *const *options)
{
	char first[64], second[64], path[128], line[128];
	const char *argv[ARGS_MAX] = { "mcs_target", first };
	unsigned n = 2, port = 0;
	int ends[2];

	snprintf(first, sizeof(first), "--listen=127.0.0.1:%u", api_bed.port);
	if (api_bed.port) {
		snprintf(second, sizeof(second), "--listen=127.0.0.2:%u", api_bed.port);
		argv[n++] = second;
	}
	for (unsigned i = 0; options && options[i] && n < ARGS_MAX - 1; i++)
		argv[n++] = options[i];
	argv[n] = NULL;
	snprintf(path, sizeof(path), "%s/target.log", api_bed.dir);
	unlink(path);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	api_bed.target = program_start("API_TARGET", argv, "target", ends[0], 0);
	if (target_in >= 0)
		close(target_in);
	target_in = ends[1];
	target_heard = 0;
	for (int i = 0; i < 500 && port == 0; i++) {
		FILE *f = fopen(path, "r");

		while (f && fgets(line, sizeof(line), f))
			sscanf(line, "listening 127.0.0.%*d:%u", &port);
		if (f)
			fclose(f);
		nap();
	}
	if (!port)
		log_print("target");
	assert_true(port != 0);
	if (api_bed.port)
		return;
	/* Now that a free port is known: both addresses. */
	api_bed.port = (uint16_t)port;
	program_end(&api_bed.target, SIGKILL);
	target_start(options);
}

static void target_end(void)
{
	int status = program_end(&api_bed.target, SIGTERM);

	if (status != 0) {
		log_print("target");
		fail_msg("the target ended with %d", status);
	}
}

/* The next line of its log that begins with the word. */
static void target_hear(const char *word, char *line, int room)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/target.log", api_bed.dir);
	for (int i = 0; i < 500; i++) {
		f = fopen(path, "r");
		assert_non_null(f);
		fseek(f, target_heard, SEEK_SET);
		while (fgets(line, room, f) && strchr(line, '\n')) {
			target_heard = ftell(f);
			if (strncmp(line, word, strlen(word)))
				continue;
			fclose(f);
			return;
		}
		fclose(f);
		nap();
	}
	log_print("target");
	fail_msg("the target did not answer '%s'", word);
}

unsigned api_target_tell(const char *line)
{
	char answer[256], word[32];
	unsigned n = 0;

	assert_int_equal(sscanf(line, "%31s", word), 1);
	assert_int_equal(dprintf(target_in, "%s\n", line), strlen(line) + 1);
	target_hear(word, answer, sizeof(answer));
	sscanf(answer, "%*s %u", &n);
	return n;
}

unsigned api_target_count(const char *name)
{
	char line[1024], word[64];
	const char *found;

	assert_int_equal(dprintf(target_in, "counts\n"), 7);
	target_hear("counts", line, sizeof(line));
	snprintf(word, sizeof(word), " %s=", name);
	found = strstr(line, word);
	assert_non_null(found);
	return (unsigned)atoi(found + strlen(word));
}

void api_target_restart(const char *const *options)
{
	target_end();
	target_start(options);
}

int api_setup(void **state)
{
	memset(&api_bed, 0, sizeof(api_bed));
	snprintf(api_bed.dir, sizeof(api_bed.dir), "/tmp/iscsidsc-api-XXXXXX");
	if (!mkdtemp(api_bed.dir))
		return -1;
	snprintf(api_bed.socket, sizeof(api_bed.socket), "%s/s.sock", api_bed.dir);
	setenv("ISCSIDSC_SOCKET", api_bed.socket, 1);
	target_start(state ? *state : NULL);
	api_service_start();
	return 0;
}

int api_teardown(void **state)
{
	char command[128];
	int status;

	(void)state;
	status = api_service_end(SIGTERM);
	if (status != 0) {
		log_print("service");
		print_error("the service ended with %d\n", status);
	}
	target_end();
	snprintf(command, sizeof(command), "rm -rf '%s'", api_bed.dir);
	return system(command) != 0 || status != 0 ? -1 : 0;
}

void api_expect_at(ISDSC_STATUS expected, ISDSC_STATUS status, const char *call, const char *file,
		   int line)
{
	if (status == expected)
		return;
	log_print("service");
	print_error("%s: 0x%08x instead of 0x%08x\n", call, status, expected);
	_fail(file, line);
}

void api_portal(ISCSI_TARGET_PORTALA *portal, const char *address, uint16_t port)
{
	/* Callers leave garbage behind the NUL. */
	memset(portal, 'x', sizeof(*portal));
	portal->SymbolicName[0] = 0;
	snprintf(portal->Address, sizeof(portal->Address), "%s", address);
	portal->Socket = port;
}

void api_discover(ISCSI_TARGET_PORTALA *portal)
{
	api_portal(portal, "127.0.0.1", api_bed.port);
	api_expect(ERROR_SUCCESS, AddIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0,
							    portal));
}

void api_login(unsigned connections, ISCSI_UNIQUE_SESSION_ID *session,
	       ISCSI_UNIQUE_CONNECTION_ID *connection)
{
	ISCSI_LOGIN_OPTIONS options = { 0 };
	ISCSI_TARGET_PORTALA portal;

	api_discover(&portal);
	if (connections) {
		options.InformationSpecified = ISCSI_LOGIN_OPTIONS_MAXIMUM_CONNECTIONS;
		options.MaximumConnections = connections;
	}
	api_expect(ERROR_SUCCESS,
		   LoginIScsiTargetA(api_text(API_TARGET_NAME), FALSE, NULL, ISCSI_ANY_INITIATOR_PORT,
				     &portal, 0, NULL, &options, 0, NULL, FALSE, session, connection));
}

ISCSI_SESSION_INFOA *api_sessions(ULONG *count)
{
	ISCSI_SESSION_INFOA *list = NULL;
	ULONG size = 0;
	ISDSC_STATUS status;

	while ((status = GetIScsiSessionListA(&size, count, list)) == ERROR_INSUFFICIENT_BUFFER) {
		free(list);
		list = malloc(size);
		assert_non_null(list);
	}
	api_expect(ERROR_SUCCESS, status);
	return list;
}

unsigned api_connections(const ISCSI_UNIQUE_SESSION_ID *session)
{
	ULONG count;
	ISCSI_SESSION_INFOA *list = api_sessions(&count);
	unsigned n = 0;

	for (ULONG i = 0; i < count; i++)
		if (memcmp(&list[i].SessionId, session, sizeof(*session)) == 0)
			n = list[i].ConnectionCount;
	free(list);
	return n;
}

int api_logout_all(void **state)
{
	ISCSI_TARGET_PORTALA portal;
	ULONG count;
	ISCSI_SESSION_INFOA *list = api_sessions(&count);

	(void)state;
	for (ULONG i = 0; i < count; i++)
		LogoutIScsiTarget(&list[i].SessionId);
	free(list);
	api_portal(&portal, "127.0.0.1", api_bed.port);
	RemoveIScsiSendTargetPortalA(NULL, ISCSI_ANY_INITIATOR_PORT, &portal);
	return 0;
}
