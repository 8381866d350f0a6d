/*
 * service_store_trouble_test.c - a disk that is full or can't be written, and a file that is damaged:
 * each is said, nothing is lost that was there, and it goes on when the trouble is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service_fake_store.h"

static void limit_files(rlim_t limit)
{
	struct rlimit now;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &now);
	now.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static void see_number(void *ctx, struct store_target *target)
{
	struct store_target whole;

	*(unsigned *)ctx = target->flags;
	target_make(&whole, target->flags);
	target_same(&whole, target);
	store_target_done(&whole);
}

static unsigned stored_target(struct store *store)
{
	unsigned number = 0;

	assert_int_equal(store_each_target(store, see_number, &number), 0);
	return number;
}

static int put_target(struct store *store, unsigned n)
{
	struct store_target target;
	int r;

	target_make(&target, n);
	r = store_put_target(store, &target);
	store_target_done(&target);
	return r;
}

/* Whatever write of a change is the first that fails: all of it is undone. */
static void every_write_may_fail(void **state)
{
	struct store *store = open_store();
	struct stat st;
	unsigned n = 2, failed = 0;

	(void)state;
	assert_int_equal(put_target(store, 1), 0);
	stat(store_path(STORE_FILE), &st);
	for (rlim_t limit = 0; limit <= (rlim_t)st.st_size + 4096; limit += 1500, n++) {
		unsigned found;
		int r;

		limit_files(limit);
		r = put_target(store, n);
		limit_files(RLIM_INFINITY);
		assert_true(r == 0 || r == -EIO || r == -ENOSPC);
		failed += r < 0;
		found = stored_target(store);
		assert_true(r == 0 ? found == n : found < n);
		assert_int_equal(put_target(store, found), 0);
	}
	assert_true(failed > 2);
	store_close(store);
	store = open_store();
	assert_true(stored_target(store) > 0);
	store_close(store);
}

/* A small disk of our own; as root alone. */
static void disk_is_full(void **state)
{
	static const uint8_t large[64 << 10];
	struct store *store;
	int r = 0, fd;
	char name[32], value[8];

	(void)state;
	if (mount("store-test", store_folder, "tmpfs", 0, "size=512k,mode=700") < 0)
		skip();
	store = open_store();
	assert_int_equal(put_target(store, 1), 0);
	for (unsigned i = 0; i < 20 && r == 0; i++) {
		snprintf(name, sizeof(name), "large-%u", i);
		r = store_set(store, name, large, sizeof(large));
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(store_get(store, name, value, sizeof(value)), -ENOENT);
	/* To the last byte: now nothing at all can be written. */
	fd = open(store_path("ballast"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, large, sizeof(large)) > 0)
		;
	while (write(fd, large, 1) > 0)
		;
	close(fd);
	assert_int_equal(put_target(store, 2), -ENOSPC);
	assert_int_equal(store_set_secret(store, "s", "secret", 6), -ENOSPC);
	assert_int_equal(stored_target(store), 1);
	unlink(store_path("ballast"));
	assert_int_equal(put_target(store, 2), 0);
	store_close(store);
	store = open_store();
	assert_int_equal(stored_target(store), 2);
	store_close(store);
}

static void key_does_not_fit(void **state)
{
	struct store *store = open_store();
	char secret[8];

	(void)state;
	/* The key is written first: without it no secret goes anywhere. */
	limit_files(10);
	assert_true(store_set_secret(store, "s", "secret", 6) < 0);
	limit_files(RLIM_INFINITY);
	assert_int_equal(access(store_path("store.key"), F_OK), -1);
	assert_int_equal(store_set_secret(store, "s", "secret", 6), 0);
	assert_int_equal(store_get_secret(store, "s", secret, sizeof(secret)), 6);
	store_close(store);
	store = open_store();
	store_close(store);
}

static void disk_becomes_read_only(void **state)
{
	char aside[STORE_FILE_NAME_MAX], why[512] = "";
	struct store *store;

	(void)state;
	if (mount("store-test", store_folder, "tmpfs", 0, "size=512k,mode=700") < 0)
		skip();
	store = open_store();
	assert_int_equal(put_target(store, 1), 0);
	/* Files that are open for writing forbid it, so it is opened anew. */
	store_close(store);
	assert_int_equal(mount(NULL, store_folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(store_open(store_folder, aside, why, sizeof(why), &store), -EROFS);
	assert_non_null(strstr(why, store_path(STORE_FILE)));
	assert_non_null(strstr(why, "Read-only"));
	assert_string_equal(aside, "");
	assert_int_equal(mount(NULL, store_folder, NULL, MS_REMOUNT, NULL), 0);
	store = open_store();
	assert_int_equal(stored_target(store), 1);
	store_close(store);
}

/* The folder can't be written any more while the store is open: no journal, no change. */
static void folder_is_gone(void **state)
{
	struct store *store = open_store();
	char moved[128];

	(void)state;
	assert_int_equal(put_target(store, 1), 0);
	snprintf(moved, sizeof(moved), "%s.moved", store_folder);
	assert_int_equal(rename(store_folder, moved), 0);
	assert_true(put_target(store, 2) < 0);
	assert_int_equal(rename(moved, store_folder), 0);
	assert_int_equal(stored_target(store), 1);
	assert_int_equal(put_target(store, 2), 0);
	store_close(store);
}

/* A page anywhere is overwritten, or the file is cut: it is opened as it was, or put aside. */
static void damage_anywhere(void **state)
{
	static uint8_t original[1 << 20], junk[4096];
	struct store *store = open_store();
	unsigned put_aside = 0, whole = 0;
	uint8_t *bytes;
	size_t len;

	(void)state;
	assert_int_equal(put_target(store, 1), 0);
	store_close(store);
	len = file_bytes(STORE_FILE, &bytes);
	memcpy(original, bytes, len);
	memset(junk, 0xa5, sizeof(junk));
	for (size_t page = 0; page < 2 * len / 4096; page++) {
		char aside[STORE_FILE_NAME_MAX];

		memcpy(bytes, original, len);
		if (page < len / 4096) {
			memcpy(bytes + 4096 * page, junk, sizeof(junk));
			file_write(STORE_FILE, bytes, len);
		} else {
			file_write(STORE_FILE, bytes, 2 * len - 4096 * page - 1);
		}
		store = open_store_with(aside);
		if (*aside) {
			put_aside++;
			/* It is kept as it was found. */
			assert_true(file_bytes(aside, &bytes) > 0);
			unlink(store_path(aside));
			assert_int_equal(stored_target(store), 0);
		} else {
			whole++;
			assert_int_equal(stored_target(store), 1);
		}
		assert_int_equal(put_target(store, 3), 0);
		store_close(store);
	}
	print_message("%u put aside, %u still whole\n", put_aside, whole);
	assert_true(put_aside > len / 4096);
}

static int disk_remove(void **state)
{
	umount2(store_folder, MNT_DETACH);
	return store_folder_remove(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_folder_make, disk_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_write_may_fail), TEST(disk_is_full), TEST(key_does_not_fit),
		TEST(disk_becomes_read_only), TEST(folder_is_gone), TEST(damage_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
