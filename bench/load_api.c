/*
 * load_api.c - the load on the API: a program of the library's, as users write them, which calls one
 * function over and over, or once for each of many targets, and takes the time of each call.
 *
 * It prints one line of JSON. Calls that come back with an error end it with status 1, but for the
 * first of two that ask for the size. What is not here: I/O (load_engine.c, and fio on the disks).
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <iscsidsc.h>

enum { CALLERS_MAX = 64, CALLS_MAX = 1000000, NAME_ROOM = MAX_ISCSI_NAME_LEN + 1, ROOM_FIRST = 4096 };

struct verb;

struct options {
	const struct verb *verb;
	const char *iqn, *user, *secret;
	unsigned many, connections, callers;
	bool persistent;
	double seconds;
};

struct result {
	ULONG bytes, count; /* of the last answer */
};

static struct {
	struct options options;
	_Atomic unsigned next;        /* the target that is next */
	_Atomic bool stop;
	pthread_mutex_t lock;         /* of what follows */
	double *call;                 /* seconds of each call */
	unsigned calls;
	struct result result;
} load = { .lock = PTHREAD_MUTEX_INITIALIZER };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what, ISDSC_STATUS status)
{
	fprintf(stderr, "load_api: %s: status 0x%08x\n", what, (unsigned)status);
	exit(1);
}

/* ---------------------------------------------------------------- the calls */

static void wide(const char *text, WCHAR *ret)
{
	while ((*ret++ = (WCHAR)(unsigned char)*text++))
		;
}

static void target_name(unsigned number, WCHAR *ret)
{
	char name[NAME_ROOM];

	if (load.options.many)
		snprintf(name, sizeof(name), "%s:many-%u", load.options.iqn, number);
	else
		snprintf(name, sizeof(name), "%s", load.options.iqn);
	wide(name, ret);
}

static void login_options(ISCSI_LOGIN_OPTIONS *ret)
{
	const struct options *o = &load.options;

	*ret = (ISCSI_LOGIN_OPTIONS){ .Version = ISCSI_LOGIN_OPTIONS_VERSION };
	if (!o->user)
		return;
	ret->InformationSpecified = ISCSI_LOGIN_OPTIONS_AUTH_TYPE | ISCSI_LOGIN_OPTIONS_USERNAME |
				    ISCSI_LOGIN_OPTIONS_PASSWORD;
	ret->AuthType = ISCSI_CHAP_AUTH_TYPE;
	ret->Username = (PUCHAR)o->user;
	ret->UsernameLength = (ULONG)strlen(o->user);
	ret->Password = (PUCHAR)o->secret;
	ret->PasswordLength = (ULONG)strlen(o->secret);
}

/* A session of so many connections, or a stored login. */
static void login(unsigned number, struct result *ret)
{
	ISCSI_UNIQUE_SESSION_ID session;
	ISCSI_UNIQUE_CONNECTION_ID connection;
	ISCSI_LOGIN_OPTIONS options;
	WCHAR name[NAME_ROOM];
	ISDSC_STATUS status;

	(void)ret;
	target_name(number, name);
	login_options(&options);
	status = LoginIScsiTargetW(name, FALSE, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, NULL, &options,
				   0, NULL, load.options.persistent, &session, &connection);
	for (unsigned i = 1; !status && !load.options.persistent && i < load.options.connections; i++)
		status = AddIScsiConnectionW(&session, NULL, ISCSI_ANY_INITIATOR_PORT, NULL, 0, &options,
					     0, NULL, &connection);
	if (status)
		fail("login", status);
}

/* All that exist. */
static void logout(unsigned number, struct result *ret)
{
	ISCSI_SESSION_INFOW *list = NULL;
	ULONG size = 0, count = 0;
	ISDSC_STATUS status = GetIScsiSessionListW(&size, &count, NULL);

	(void)number;
	if (status == ERROR_INSUFFICIENT_BUFFER && (list = malloc(size)))
		status = GetIScsiSessionListW(&size, &count, list);
	for (ULONG i = 0; !status && i < count; i++)
		status = LogoutIScsiTarget(&list[i].SessionId);
	free(list);
	if (status)
		fail("logout", status);
	ret->count = count;
}

/* A caller that knows how much room it needs asks once. */
static void sessions(unsigned number, struct result *ret)
{
	static _Thread_local void *room;
	static _Thread_local ULONG has;
	ULONG size = has;
	ISDSC_STATUS status;

	(void)number;
	while ((status = GetIScsiSessionListW(&size, &ret->count, room)) == ERROR_INSUFFICIENT_BUFFER) {
		free(room);
		has = size + ROOM_FIRST;
		room = malloc(has);
		size = has;
	}
	if (status)
		fail("GetIScsiSessionListW", status);
	ret->bytes = size;
}

static void targets(unsigned number, struct result *ret)
{
	static _Thread_local WCHAR *room;
	static _Thread_local ULONG has;
	ULONG size = has;
	ISDSC_STATUS status;

	(void)number;
	while ((status = ReportIScsiTargetsW(FALSE, &size, room)) == ERROR_INSUFFICIENT_BUFFER) {
		free(room);
		has = size + ROOM_FIRST;
		room = malloc(has * sizeof(*room));
		size = has;
	}
	if (status)
		fail("ReportIScsiTargetsW", status);
	ret->bytes = size * (ULONG)sizeof(*room);
	ret->count = 0;
	for (const WCHAR *at = room; *at; ret->count++)
		while (*at++)
			;
}

/* Asks all portals. */
static void refresh(unsigned number, struct result *ret)
{
	ULONG size = 0;
	ISDSC_STATUS status = ReportIScsiTargetsW(TRUE, &size, NULL);

	(void)number;
	if (status != ERROR_INSUFFICIENT_BUFFER)
		fail("ReportIScsiTargetsW", status);
	ret->bytes = size * (ULONG)sizeof(WCHAR);
}

/* A change that is durable when the call returns. */
static void store(unsigned number, struct result *ret)
{
	UCHAR secret[16] = "secret-of-bench";
	ISDSC_STATUS status;

	(void)ret;
	secret[15] = (UCHAR)('a' + number % 26);
	status = SetIScsiInitiatorCHAPSharedSecret(sizeof(secret), secret);
	if (status)
		fail("SetIScsiInitiatorCHAPSharedSecret", status);
}

static const struct verb {
	const char *name;
	void (*call)(unsigned number, struct result *ret);
	enum { EACH_TARGET, FOR_SECONDS, ONCE } how;
} verbs[] = {
	{ "login", login, EACH_TARGET }, { "logout", logout, ONCE }, { "sessions", sessions, FOR_SECONDS },
	{ "targets", targets, FOR_SECONDS }, { "refresh", refresh, ONCE }, { "store", store, FOR_SECONDS },
};

/* ---------------------------------------------------------------- callers */

static bool next_call(unsigned *ret_number)
{
	const struct options *o = &load.options;
	unsigned number = atomic_fetch_add(&load.next, 1);

	*ret_number = number;
	switch (o->verb->how) {
	case EACH_TARGET:
		return number < o->many || (!o->many && number == 0);
	case FOR_SECONDS:
		return number < CALLS_MAX && !atomic_load(&load.stop);
	case ONCE:
		return number == 0;
	}
	return false;
}

static void *caller_run(void *unused)
{
	struct result result = { 0 };
	unsigned number;

	(void)unused;
	while (next_call(&number)) {
		double begin = now();

		load.options.verb->call(number, &result);
		begin = now() - begin;
		pthread_mutex_lock(&load.lock);
		load.call[load.calls++] = begin;
		load.result = result;
		pthread_mutex_unlock(&load.lock);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(double seconds)
{
	unsigned n = load.calls;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	qsort(load.call, n, sizeof(load.call[0]), compare);
	printf("{\"ops\":%u,\"errors\":0,\"seconds\":%.6f,\"lat_p50_us\":%.1f,\"lat_p99_us\":%.1f,"
	       "\"lat_max_us\":%.1f,\"bytes\":%u,\"count\":%u,\"cpu_user\":%.6f,\"cpu_sys\":%.6f}\n", n,
	       seconds, 1e6 * load.call[n / 2], 1e6 * load.call[n * 99 / 100],
	       1e6 * load.call[n - 1], load.result.bytes, load.result.count,
	       (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
	       (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6);
}

static void measure(void)
{
	pthread_t thread[CALLERS_MAX];
	const struct options *o = &load.options;
	double begin = now();

	for (unsigned i = 0; i < o->callers; i++)
		if (pthread_create(&thread[i], NULL, caller_run, NULL) != 0)
			fail("thread", ERROR_NOT_ENOUGH_MEMORY);
	if (o->verb->how == FOR_SECONDS) {
		struct timespec time = { (time_t)o->seconds,
					 (long)((o->seconds - (double)(time_t)o->seconds) * 1e9) };

		while (nanosleep(&time, &time) < 0 && errno == EINTR)
			;
		atomic_store(&load.stop, true);
	}
	for (unsigned i = 0; i < o->callers; i++)
		pthread_join(thread[i], NULL);
	print(now() - begin);
}

/* ---------------------------------------------------------------- options */

static _Noreturn void usage(void)
{
	fputs("Usage: load_api VERB [OPTION]...\n"
	      "  login     a session with each target              logout    all sessions\n"
	      "  sessions  GetIScsiSessionListW                    targets   ReportIScsiTargetsW\n"
	      "  refresh   ReportIScsiTargetsW, forced             store     a setting, durable\n"
	      "  --iqn NAME       the target\n"
	      "  --many N         targets, NAME:many-0 and so on\n"
	      "  --connections N  of each session (1)\n"
	      "  --callers N      threads that call at once (1)   --seconds S  (1)\n"
	      "  --persistent     the login is stored, nothing else\n"
	      "  --user NAME --secret TEXT  CHAP\n", stderr);
	exit(2);
}

static unsigned number_get(const char *text, unsigned most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value < 1 || value > most)
		usage();
	return (unsigned)value;
}

static void option_take(int id, struct options *o)
{
	switch (id) {
	case 'i': o->iqn = optarg; break;
	case 'm': o->many = number_get(optarg, CALLS_MAX); break;
	case 'c': o->connections = number_get(optarg, 64); break;
	case 'k': o->callers = number_get(optarg, CALLERS_MAX); break;
	case 's': o->seconds = strtod(optarg, NULL); break;
	case 'p': o->persistent = true; break;
	case 'u': o->user = optarg; break;
	case 'w': o->secret = optarg; break;
	default: usage();
	}
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "iqn", 1, NULL, 'i' }, { "many", 1, NULL, 'm' }, { "connections", 1, NULL, 'c' },
		{ "callers", 1, NULL, 'k' }, { "seconds", 1, NULL, 's' }, { "persistent", 0, NULL, 'p' },
		{ "user", 1, NULL, 'u' }, { "secret", 1, NULL, 'w' }, { 0 },
	};
	struct options *o = &load.options;
	int id;

	*o = (struct options){ .iqn = "iqn.2026-11.bench:lean", .connections = 1, .callers = 1,
			       .seconds = 1 };
	while ((id = getopt_long(argc, argv, "", table, NULL)) != -1)
		option_take(id, o);
	for (size_t i = 0; optind == argc - 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, argv[optind]) == 0)
			o->verb = &verbs[i];
	if (!o->verb || !o->user != !o->secret)
		usage();
	load.call = calloc(CALLS_MAX, sizeof(load.call[0]));
	if (!load.call)
		fail("start", ERROR_NOT_ENOUGH_MEMORY);
	measure();
	free(load.call);
	return 0;
}
