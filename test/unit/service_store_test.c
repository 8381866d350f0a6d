/*
 * service_store_test.c - the store: what was put in comes back after a restart, damage is put
 * aside, and what can't be written says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "service/isid.h"
#include "service/ports.h"
#include "service/store.h"
#include "service_fake_store.h"
#include "../duty.h"

static void settings_survive(void **state)
{
	char aside[STORE_FILE_NAME_MAX], value[8], path[128];
	struct store *store = open_store_with(aside);
	struct stat st;

	(void)state;
	assert_int_equal(store_get(store, "a", value, sizeof(value)), -ENOENT);
	assert_int_equal(store_set(store, "a", "1234", 4), 0);
	assert_int_equal(store_set(store, "b", "", 0), 0);
	store_close(store);
	store = open_store_with(aside);
	assert_string_equal(aside, "");
	assert_int_equal(store_get(store, "a", value, sizeof(value)), 4);
	assert_memory_equal(value, "1234", 4);
	assert_int_equal(store_get(store, "a", value, 3), -EMSGSIZE);
	assert_int_equal(store_get(store, "b", value, sizeof(value)), 0);
	assert_int_equal(store_set(store, "a", NULL, 0), 0);
	assert_int_equal(store_get(store, "a", value, sizeof(value)), -ENOENT);
	store_close(store);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, store_folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static struct store_portal sample(const char *address, const char *password)
{
	struct store_portal p = {
		.instance = "iscsidsc", .port_number = PORT_NUMBER_ANY,
		.portal = { .present = true, .symbolic_name = "lab \xc3\xa4", .socket = 3260 },
		.security_flags = 0x8000000000000022,
		.options = { .present = true, .specified = SPECIFIED_ALL, .login_flags = 0x3f,
			     .auth_type = AUTH_CHAP, .header_digest = 1, .max_connections = 65535,
			     .time2retain = UINT32_MAX },
	};

	strcpy(p.portal.address, address);
	p.options.password_len = (uint8_t)strlen(password);
	memcpy(p.options.password, password, p.options.password_len);
	return p;
}

struct seen {
	unsigned count;
	struct store_portal portals[4];
};

static void see(void *ctx, const struct store_portal *portal)
{
	struct seen *seen = ctx;

	assert_true(seen->count < 4);
	seen->portals[seen->count++] = *portal;
}

static void portals_survive(void **state)
{
	char aside[STORE_FILE_NAME_MAX];
	struct store *store = open_store_with(aside);
	struct store_portal a = sample("10.0.0.1", "secret-secret1"), b = sample("[::1]", "");
	struct seen seen = { .count = 0 };

	(void)state;
	b.options.present = false;
	assert_int_equal(store_put_portal(store, &a), 0);
	assert_int_equal(store_put_portal(store, &b), 0);
	/* The same key again replaces, and keeps its place. */
	a.security_flags = 7;
	assert_int_equal(store_put_portal(store, &a), 0);
	store_close(store);
	store = open_store_with(aside);
	assert_int_equal(store_each_portal(store, see, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_memory_equal(&seen.portals[0], &a, sizeof(a));
	assert_memory_equal(&seen.portals[1], &b, sizeof(b));
	/* Another port number is another entry. */
	a.port_number = 1;
	assert_int_equal(store_remove_portal(store, &a), 0);
	a.port_number = PORT_NUMBER_ANY;
	assert_int_equal(store_remove_portal(store, &a), 0);
	seen.count = 0;
	assert_int_equal(store_each_portal(store, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.portals[0].portal.address, "[::1]");
	store_close(store);
}

/* A removed secret must not be found in the file any more. */
static void removed_secret_is_gone(void **state)
{
	char aside[STORE_FILE_NAME_MAX], path[128];
	struct store *store = open_store_with(aside);
	struct store_portal a = sample("10.0.0.1", "very-secret-word");
	static char data[1 << 20];
	ssize_t len;
	int fd;

	(void)state;
	assert_int_equal(store_put_portal(store, &a), 0);
	assert_int_equal(store_remove_portal(store, &a), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, store_folder);
	fd = open(path, O_RDONLY);
	len = read(fd, data, sizeof(data));
	close(fd);
	assert_true(len > 0);
	assert_null(memmem(data, (size_t)len, "very-secret-word", 16));
}

static void damage_is_put_aside(void **state)
{
	char aside[STORE_FILE_NAME_MAX], path[256], text[32] = "";
	struct store *store = open_store_with(aside);
	int fd;

	(void)state;
	assert_int_equal(store_set(store, "a", "1", 1), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, store_folder);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "this is no database at all, sorry", 33), 33);
	close(fd);
	store = open_store_with(aside);
	assert_string_not_equal(aside, "");
	assert_int_equal(store_get(store, "a", text, sizeof(text)), -ENOENT);
	assert_int_equal(store_set(store, "a", "2", 1), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/%s", store_folder, aside);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, text, 4), 4);
	close(fd);
	assert_string_equal(text, "this");
}

static void unwritable_is_said(void **state)
{
	char aside[STORE_FILE_NAME_MAX], why[256] = "";
	struct store *store = NULL;

	(void)state;
	assert_true(store_open("/proc/self", aside, why, sizeof(why), &store) < 0);
	assert_null(store);
	assert_non_null(strstr(why, "/proc/self"));
}

static void port_numbers_stay(void **state)
{
	char aside[STORE_FILE_NAME_MAX];
	struct store *store = open_store_with(aside);
	uint32_t number;

	(void)state;
	assert_int_equal(store_port_number(store, "127.0.0.1", &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(store_port_number(store, "fe80::1%eth0", &number), 0);
	assert_int_equal(number, 2);
	store_close(store);
	store = open_store_with(aside);
	assert_int_equal(store_port_number(store, "127.0.0.1", &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(store_port_number(store, "::1", &number), 0);
	assert_int_equal(number, 3);
	store_close(store);
}

static void ports_match_family(void **state)
{
	char aside[STORE_FILE_NAME_MAX];
	struct store *store = open_store_with(aside);
	struct port *ports, port;
	int n = ports_list(store, &ports), loopback = -1;

	(void)state;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		assert_true(ports[i].number > 0);
		assert_true(i == 0 || ports[i].number > ports[i - 1].number);
		if (strcmp(ports[i].address, "127.0.0.1") == 0)
			loopback = i;
	}
	assert_true(loopback >= 0);
	assert_int_equal(ports_find(store, ports[loopback].number, "127.0.0.2", &port), 0);
	assert_string_equal(port.address, "127.0.0.1");
	assert_int_equal(ports_find(store, ports[loopback].number, "a.name", &port), 0);
	assert_int_equal(ports_find(store, ports[loopback].number, "::1", &port), -ENOENT);
	assert_int_equal(ports_find(store, ports[loopback].number, "fe80::1%lo", &port), -ENOENT);
	assert_int_equal(ports_find(store, 4711, "127.0.0.1", &port), -ENOENT);
	free(ports);
	store_close(store);
}

/* ID-1, ID-2, ID-5 */
static void isids_are_lowest_free_and_stable(void **state)
{
	char aside[STORE_FILE_NAME_MAX];
	struct store *store = open_store_with(aside);
	struct isid isid, again;
	struct isid_use a, b, c, other, discovery;

	(void)state;
	assert_int_equal(isid_init(&isid, store), 0);
	assert_int_equal(isid_take(&isid, "iqn.x", &a), 0);
	assert_int_equal(isid_take(&isid, "iqn.x", &b), 0);
	assert_int_equal(isid_take(&isid, "iqn.y", &other), 0);
	assert_int_equal(a.bytes[0], 0x80);
	assert_int_equal(a.qualifier, 0);
	assert_int_equal(b.qualifier, 1);
	assert_int_equal(b.bytes[5], 1);
	assert_memory_equal(a.bytes, other.bytes, 6);
	isid_release(&a);
	isid_release(&a);
	assert_int_equal(isid_take(&isid, "iqn.x", &c), 0);
	assert_int_equal(c.qualifier, 0);
	/* A discovery never looks like the reinstatement of a session. */
	assert_int_equal(isid_take(&isid, "", &discovery), 0);
	assert_int_equal(discovery.qualifier, 0x8000);
	store_close(store);
	store = open_store_with(aside);
	assert_int_equal(isid_init(&again, store), 0);
	assert_memory_equal(isid.random, again.random, sizeof(isid.random));
	store_close(store);
	DUTY("ID-1 ID-2 ID-4 ID-5 ID-6 DSC-8");
}

/* All of them to one target: none is looked for by trying each number with each session. */
static void isids_of_many_sessions(void **state)
{
	enum { MANY = 3000 };
	static struct isid_use uses[MANY], late;
	struct isid isid = { .random = { 1, 2, 3 } };
	struct timespec begin, end;

	(void)state;
	list_init(&isid.used);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(isid_take(&isid, "iqn.x", &uses[i]), 0);
		assert_int_equal(uses[i].qualifier, i);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	assert_true(end.tv_sec - begin.tv_sec <= 3);
	isid_release(&uses[2500]);
	assert_int_equal(isid_take(&isid, "iqn.x", &late), 0);
	assert_int_equal(late.qualifier, 2500);
	DUTY("ID-6");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_folder_make, store_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_survive), TEST(portals_survive), TEST(removed_secret_is_gone),
		TEST(damage_is_put_aside), TEST(unwritable_is_said), TEST(port_numbers_stay),
		TEST(ports_match_family), TEST(isids_are_lowest_free_and_stable),
		TEST(isids_of_many_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
