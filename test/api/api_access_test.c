/*
 * api_access_test.c - who may do what: every function as another user, in and out of the group, with
 * and without group-may-change; and with a service that is not root's. Only root can be others, and
 * the group iscsidsc must be there: in a mount namespace of our own it is. Without either, the test
 * is skipped.
 */
#include "api_functions.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_bed.h"
#include "bus/interface.h"

enum { SKIPPED = 77, STRANGER = 61234, MEMBER = 61235, GROUP = 61236, BITS = 8 };

static struct api_about about = { .mechanism = "HBA:none" };

/* ---- the group */

static int group_file(char *path)
{
	char text[4096];
	FILE *from = fopen("/etc/group", "r"), *to;
	int fd = mkstemp(path);

	if (!from || fd < 0)
		return -1;
	to = fdopen(fd, "w");
	while (fgets(text, sizeof(text), from))
		if (strncmp(text, "iscsidsc:", 9))
			fputs(text, to);
	fprintf(to, "iscsidsc:x:%d:\n", GROUP);
	fclose(from);
	fchmod(fd, 0644);
	return fclose(to);
}

/* A group file of our own, for this process and its children. */
static bool group_make(void)
{
	char path[] = "/tmp/iscsidsc-group-XXXXXX";
	bool done;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || group_file(path) < 0)
		return false;
	done = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount(path, "/etc/group", NULL, MS_BIND, NULL) == 0;
	unlink(path);
	return done && getgrnam("iscsidsc") && getgrnam("iscsidsc")->gr_gid == GROUP;
}

/* ---- other users */

/* Calls the function as this user and group; its status. */
static ISDSC_STATUS call_as(uid_t uid, gid_t gid, const struct api_function *function)
{
	ISDSC_STATUS status = 0;
	int ends[2], ended;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct api_arguments a;

		if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(1);
		api_arguments_init(&a, function, &about);
		status = api_call(&a);
		_exit(write(ends[1], &status, sizeof(status)) != sizeof(status));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &status, sizeof(status)), sizeof(status));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &ended, 0), pid);
	assert_int_equal(ended, 0);
	return status;
}

/* Every function: those whose access is among `allowed` (bits) must not be denied, all others must.
 * Returns how many there were of both. */
static unsigned all_as(uid_t uid, gid_t gid, unsigned allowed)
{
	unsigned n = 0;

	for (unsigned i = 0; i < API_FUNCTIONS; i++) {
		const struct api_function *function = &api_functions[i];
		ISDSC_STATUS status;
		bool may = function->access >= 0 && (allowed & 1u << function->access);

		if (function->access < 0)
			fail_msg("%s: its access is not known", function->name);
		status = call_as(uid, gid, function);
		if ((status == ERROR_ACCESS_DENIED) == may)
			fail_msg("%s as user %u, group %u: 0x%08x", function->name, uid, gid, status);
		n++;
	}
	return n;
}

/* ---- the tests */

static void group_may_change(const char *value)
{
	api_expect(ERROR_SUCCESS, SetIScsiDefault(api_text("group-may-change"), api_text(value)));
}

static void login_again(void)
{
	api_logout_all(NULL);
	api_login(2, &about.session, &about.connection);
	about.port = api_bed.port;
}

static void test_strangers_may_nothing(void **state)
{
	(void)state;
	login_again();
	assert_true(all_as(STRANGER, STRANGER, 0) > 40);
	group_may_change("on");
	assert_true(all_as(STRANGER, STRANGER, 0) > 40);
	group_may_change("off");
	assert_int_equal(api_connections(&about.session), 1);
}

static void test_the_group_may_list(void **state)
{
	(void)state;
	login_again();
	assert_true(all_as(MEMBER, GROUP, 1u << BUS_LIST) > 40);
	/* What was denied was not done. */
	assert_int_equal(api_connections(&about.session), 1);
}

static void test_the_group_may_change_where_it_is_told_so(void **state)
{
	(void)state;
	login_again();
	group_may_change("on");
	assert_true(all_as(MEMBER, GROUP, 1u << BUS_LIST | 1u << BUS_CHANGE) > 40);
	group_may_change("off");
	login_again();
	all_as(MEMBER, GROUP, 1u << BUS_LIST);
	assert_int_equal(api_connections(&about.session), 1);
}

static void test_root_may_all(void **state)
{
	(void)state;
	login_again();
	all_as(0, 0, 1u << BUS_LIST | 1u << BUS_CHANGE | 1u << BUS_SECRET);
}

/* Sockets of disks and the folder of secrets are nobody else's either. */
static void test_files(void **state)
{
	struct stat st;
	char path[128];
	ULONG count;

	(void)state;
	free(api_sessions(&count)); /* it listens before it opens its store, but answers after */
	assert_int_equal(stat(api_bed.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, GROUP);
	snprintf(path, sizeof(path), "%s/state", api_bed.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	snprintf(path, sizeof(path), "%s/state/store.db", api_bed.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* A service of a user's own: that user and root may all, nobody else anything. */
static void test_own_service(void **state)
{
	const unsigned all = 1u << BUS_LIST | 1u << BUS_CHANGE | 1u << BUS_SECRET;
	char command[160];

	(void)state;
	assert_int_equal(api_service_end(SIGTERM), 0);
	snprintf(command, sizeof(command), "chown -R %d:%d '%s'", MEMBER, MEMBER, api_bed.dir);
	assert_int_equal(system(command), 0);
	api_bed.service_uid = MEMBER;
	api_service_start();
	login_again();
	assert_true(all_as(MEMBER, MEMBER, all) > 40);
	login_again();
	assert_true(all_as(STRANGER, STRANGER, 0) > 40);
	assert_true(all_as(STRANGER, GROUP, 0) > 40);
	assert_int_equal(api_connections(&about.session), 1);
	all_as(0, 0, all);
}

/* Others must get as far as the socket, and to the program. */
static int setup(void **state)
{
	char command[1024], copy[128];
	int r = api_setup(state);

	if (r == 0)
		r = chmod(api_bed.dir, 0711);
	snprintf(copy, sizeof(copy), "%s/iscsidscd", api_bed.dir);
	snprintf(command, sizeof(command), "install -m 755 '%s' '%s'", getenv("API_SERVICE"), copy);
	if (r == 0)
		r = system(command);
	setenv("API_SERVICE", copy, 1);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_strangers_may_nothing),
		cmocka_unit_test(test_the_group_may_list),
		cmocka_unit_test(test_the_group_may_change_where_it_is_told_so),
		cmocka_unit_test(test_root_may_all),
		cmocka_unit_test(test_own_service),
	};

	if (!group_make()) {
		fprintf(stderr, "skipped: not root, or no mount namespace of our own\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests_name("access", tests, setup, api_teardown);
}
