/*
 * service_store_kill_test.c - a process that writes to the store is killed at random moments, again
 * and again: every change that it had acknowledged is there, none is there by half.
 *
 * STORE_KILLS: how often (500).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service_fake_store.h"

/* One change for each kind of list in turn; change n writes n into every part of its record. */
enum kind { SETTING, SECRET, PORTAL, TARGET, LOGIN, DEVICES, PORT, KINDS };

enum { ITEMS = 4, PAUSE_US = 5000, KILLS = 500 };

static uint64_t random_state = 20261122;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(random_state >> 33) % limit;
}

/* ---- the one that is killed */

static int change_devices(struct store *store, unsigned n)
{
	char texts[ITEMS][32];
	const char *items[ITEMS];

	for (unsigned i = 0; i < ITEMS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "/dev/%u-%u", n, i);
		items[i] = texts[i];
	}
	return store_list_replace(store, STORE_DEVICES, items, ITEMS);
}

static int change(struct store *store, unsigned n)
{
	struct store_portal portal;
	struct store_target target;
	struct store_login login;
	uint32_t number;
	int64_t id;
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%u", n);
	switch (n % KINDS) {
	case SETTING:
		return store_set(store, "n", text, strlen(text));
	case SECRET:
		return store_set_secret(store, "n", text, strlen(text));
	case PORTAL:
		portal_make(&portal, "10.0.0.1", n);
		return store_put_portal(store, &portal);
	case TARGET:
		target_make(&target, n);
		r = store_put_target(store, &target);
		store_target_done(&target);
		return r;
	case LOGIN:
		login_make(&login, n);
		r = store_put_login(store, &login, &id);
		store_login_done(&login);
		return r;
	case DEVICES:
		return change_devices(store, n);
	default:
		return store_port_number(store, text, &number);
	}
}

static void write_until_killed(int out, unsigned n)
{
	char aside[STORE_FILE_NAME_MAX], why[512];
	struct store *store;

	if (store_open(store_folder, aside, why, sizeof(why), &store) < 0 || *aside)
		_exit(1);
	/* It is open: nothing new is acknowledged. */
	do {
		unsigned done = n - 1;

		if (write(out, &done, sizeof(done)) != sizeof(done))
			break;
	} while (change(store, n++) == 0);
	_exit(2);
}

/* ---- what must be there */

/* `last`: the last acknowledged change; the one after it may be there, or not. */
static void expect_number(unsigned found, enum kind kind, unsigned last)
{
	unsigned newest = last + 1 - (last + 1 + KINDS - (unsigned)kind) % KINDS;

	unsigned before = newest < 2 * KINDS ? 0 : newest - KINDS; /* 0: none */

	if (found == (newest < KINDS ? 0 : newest) || (newest == last + 1 && found == before))
		return;
	fail_msg("kind %d has change %u after %u were acknowledged", kind, found, last);
}

struct found {
	unsigned number, items;
};

static void see_portal(void *ctx, const struct store_portal *portal)
{
	struct found *found = ctx;
	struct store_portal whole;

	found->number = portal->options.time2wait;
	portal_make(&whole, "10.0.0.1", found->number);
	assert_memory_equal(&whole, portal, sizeof(whole));
}

static void see_target(void *ctx, struct store_target *target)
{
	struct found *found = ctx;
	struct store_target whole;

	found->number = target->flags;
	target_make(&whole, found->number);
	target_same(&whole, target);
	store_target_done(&whole);
}

static void see_login(void *ctx, struct store_login *login)
{
	struct found *found = ctx;
	struct store_login whole;

	found->number = (unsigned)login->security_flags;
	login_make(&whole, found->number);
	login_same(&whole, login);
	store_login_done(&whole);
}

static void see_device(void *ctx, const char *item)
{
	struct found *found = ctx;
	unsigned number, i;

	assert_int_equal(sscanf(item, "/dev/%u-%u", &number, &i), 2);
	assert_true(found->items == 0 || number == found->number);
	assert_int_equal(i, found->items++);
	found->number = number;
}

static unsigned value_number(char text[32], int len)
{
	if (len < 0)
		return 0;
	text[len] = 0;
	return (unsigned)strtoul(text, NULL, 10);
}

static void look(unsigned last)
{
	struct store *store = open_store();
	struct found found = { 0, 0 };
	char text[32];

	expect_number(value_number(text, store_get(store, "n", text, 31)), SETTING, last);
	expect_number(value_number(text, store_get_secret(store, "n", text, 31)), SECRET, last);
	assert_int_equal(store_each_portal(store, see_portal, &found), 0);
	expect_number(found.number, PORTAL, last);
	found.number = 0;
	assert_int_equal(store_each_target(store, see_target, &found), 0);
	expect_number(found.number, TARGET, last);
	found.number = 0;
	assert_int_equal(store_each_login(store, see_login, &found), 0);
	expect_number(found.number, LOGIN, last);
	found = (struct found){ 0, 0 };
	assert_int_equal(store_list_each(store, STORE_DEVICES, see_device, &found), 0);
	assert_true(found.items == 0 || found.items == ITEMS);
	expect_number(found.number, DEVICES, last);
	store_close(store);
}

/* ---- killing */

/* Lets it work for a while, from its start on or from when it has opened the store; returns the last
 * change it acknowledged. */
static unsigned work_and_kill(unsigned last, bool opened, unsigned us)
{
	int ends[2], status;
	unsigned n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		write_until_killed(ends[1], last + 1);
	}
	assert_true(pid > 0);
	close(ends[1]);
	if (opened)
		assert_int_equal(read(ends[0], &n, sizeof(n)), sizeof(n));
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000L }, NULL);
	kill(pid, SIGKILL);
	while (read(ends[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return last;
}

static void killed_at_any_moment(void **state)
{
	const char *wish = getenv("STORE_KILLS");
	unsigned kills = wish ? (unsigned)strtoul(wish, NULL, 10) : KILLS, last = KINDS - 1;
	unsigned torn = 0;

	(void)state;
	for (unsigned i = 0; i < kills; i++) {
		last = work_and_kill(last, i % 2, random_below(2 * PAUSE_US));
		torn += access(store_path(STORE_FILE "-journal"), F_OK) == 0;
		look(last);
	}
	print_message("%u kills, %u changes, %u in the middle of one\n", kills, last - KINDS + 1, torn);
	/* Else the moments are not those that matter. */
	assert_true(last > KINDS && torn > 0);
}

/* In memory, if that can be: what a killed process wrote is there on a slow disk just as well. */
static int quick_folder_make(void **state)
{
	strcpy(store_folder, "/dev/shm/store-test-XXXXXX");
	return mkdtemp(store_folder) ? 0 : store_folder_make(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_at_any_moment, quick_folder_make,
						store_folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
