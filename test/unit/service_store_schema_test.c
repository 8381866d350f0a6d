/*
 * service_store_schema_test.c - a store of schema 1 becomes one of today, with all that was in it and
 * its secrets sealed, also if it is killed on the way; one of a later schema is left alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service_fake_store.h"

enum { PORTALS = 40, KILLS = 60 };

/* As version 0.1.0 made it. */
static const char schema_1[] =
	"PRAGMA journal_mode=DELETE; PRAGMA secure_delete=ON;"
	"CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE portal (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" instance TEXT NOT NULL, port INTEGER NOT NULL,"
	" address TEXT NOT NULL COLLATE NOCASE, socket INTEGER NOT NULL,"
	" symbolic_name TEXT NOT NULL, security_flags INTEGER NOT NULL, options INTEGER NOT NULL,"
	" version INTEGER NOT NULL, specified INTEGER NOT NULL, login_flags INTEGER NOT NULL,"
	" auth_type INTEGER NOT NULL, header_digest INTEGER NOT NULL, data_digest INTEGER NOT NULL,"
	" max_connections INTEGER NOT NULL, time2wait INTEGER NOT NULL, time2retain INTEGER NOT NULL,"
	" username BLOB NOT NULL, password BLOB NOT NULL,"
	" UNIQUE (instance, port, address, socket));"
	"CREATE TABLE initiator_port (number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" address TEXT NOT NULL UNIQUE);"
	"INSERT INTO setting VALUES ('node-name', CAST('iqn.2026-11.test:host' AS BLOB)),"
	" ('isid', x'010203'), ('initiator-secret', CAST('password-of-me' AS BLOB));"
	"INSERT INTO initiator_port (address) VALUES ('127.0.0.1'), ('fe80::1%eth0');"
	"INSERT INTO portal (instance, port, address, socket, symbolic_name, security_flags, options,"
	" version, specified, login_flags, auth_type, header_digest, data_digest, max_connections,"
	" time2wait, time2retain, username, password) VALUES ('', 4294967295, 'none.example', 3260, '',"
	" 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, x'', x'');"
	"PRAGMA user_version=1;";

static void make_version_1(void)
{
	char sql[1024];

	store_sql(schema_1);
	for (unsigned n = 0; n < PORTALS; n++) {
		snprintf(sql, sizeof(sql),
			 "INSERT INTO portal (instance, port, address, socket, symbolic_name,"
			 " security_flags, options, version, specified, login_flags, auth_type,"
			 " header_digest, data_digest, max_connections, time2wait, time2retain,"
			 " username, password) VALUES ('iscsidsc', 4294967295, 'Host-%u', 3260,"
			 " 'lab \xc3\xa4 %u', -9223372036854775808 + %u, 1, 0, 255, 63, 1, 1, 0, 65535,"
			 " %u, 4294967295, CAST('user %u' AS BLOB), CAST('password-%u' AS BLOB))",
			 n, n, n, n, n, n);
		store_sql(sql);
	}
	assert_true(folder_has("password-of-me"));
}

struct seen {
	unsigned count;
};

/* The first has no options; the others are those of portal_make. */
static void check_portal(void *ctx, const struct store_portal *portal)
{
	struct seen *seen = ctx;
	struct store_portal expected;
	char address[32];

	if (seen->count == 0) {
		assert_string_equal(portal->portal.address, "none.example");
		assert_int_equal(portal->options.present, 0);
		assert_int_equal(portal->options.password_len, 0);
	} else {
		snprintf(address, sizeof(address), "Host-%u", seen->count - 1);
		portal_make(&expected, address, seen->count - 1);
		assert_memory_equal(portal, &expected, sizeof(expected));
	}
	seen->count++;
}

static void check_all(void)
{
	struct store *store = open_store();
	struct seen seen = { 0 };
	char value[64];
	uint32_t number;

	assert_int_equal(store_get(store, "node-name", value, sizeof(value)), 21);
	assert_memory_equal(value, "iqn.2026-11.test:host", 21);
	assert_int_equal(store_get(store, "isid", value, sizeof(value)), 3);
	assert_int_equal(store_get(store, "initiator-secret", value, sizeof(value)), -ENOENT);
	assert_int_equal(store_get_secret(store, "initiator-secret", value, sizeof(value)), 14);
	assert_memory_equal(value, "password-of-me", 14);
	assert_int_equal(store_port_number(store, "fe80::1%eth0", &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(store_each_portal(store, check_portal, &seen), 0);
	assert_int_equal(seen.count, PORTALS + 1);
	store_close(store);
	assert_false(folder_has("password-"));
}

static void version_1_comes_along(void **state)
{
	(void)state;
	make_version_1();
	check_all();
	check_all();
}

static void open_and_wait(void)
{
	char aside[STORE_FILE_NAME_MAX], why[512];
	struct store *store;

	_exit(store_open(store_folder, aside, why, sizeof(why), &store) < 0);
}

static void killed_on_the_way(void **state)
{
	static uint8_t original[1 << 20];
	unsigned early = 0;
	uint8_t *bytes;
	size_t len;

	(void)state;
	make_version_1();
	len = file_bytes(STORE_FILE, &bytes);
	memcpy(original, bytes, len);
	for (unsigned i = 0; i < KILLS; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			open_and_wait();
		assert_true(pid > 0);
		nanosleep(&(struct timespec){ .tv_nsec = i * 500000L }, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			assert_int_equal(WEXITSTATUS(status), 0);
		early += WIFSIGNALED(status);
		check_all();
		unlink(store_path("store.key"));
		file_write(STORE_FILE, original, len);
	}
	print_message("%u killed on the way\n", early);
	assert_true(early > 0);
}

static void later_version_is_left_alone(void **state)
{
	char aside[STORE_FILE_NAME_MAX], why[512] = "";
	struct store *store = open_store();
	uint8_t *bytes, *copy;
	size_t len;

	(void)state;
	store_close(store);
	store_sql("CREATE TABLE of_later (x); PRAGMA user_version=3;");
	len = file_bytes(STORE_FILE, &bytes);
	copy = malloc(len);
	memcpy(copy, bytes, len);
	store = NULL;
	assert_int_equal(store_open(store_folder, aside, why, sizeof(why), &store), -EPROTO);
	assert_null(store);
	assert_string_equal(aside, "");
	assert_non_null(strstr(why, store_path(STORE_FILE)));
	assert_non_null(strstr(why, "newer version"));
	assert_int_equal(file_bytes(STORE_FILE, &bytes), len);
	assert_memory_equal(bytes, copy, len);
	free(copy);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_folder_make, store_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(version_1_comes_along), TEST(killed_on_the_way),
		TEST(later_version_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
