/*
 * service_store_lists_test.c - the lists of the store: what is put comes back after a restart, in its
 * order; the same key replaces; what is removed takes its parts with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service_fake_store.h"

static struct store *restart(struct store *store)
{
	store_close(store);
	return open_store();
}

struct targets {
	unsigned count;
	struct store_target seen[4];
};

static void keep_target(void *ctx, struct store_target *target)
{
	struct targets *targets = ctx;

	assert_true(targets->count < 4);
	targets->seen[targets->count++] = *target;
	/* The heap parts are ours now. */
	target->mappings.lun = NULL;
	target->portals = NULL;
}

static void expect_targets(struct store *store, unsigned count, const struct store_target *expected)
{
	struct targets targets = { .count = 0 };

	assert_int_equal(store_each_target(store, keep_target, &targets), 0);
	assert_int_equal(targets.count, count);
	for (unsigned i = 0; i < count; i++) {
		target_same(&expected[i], &targets.seen[i]);
		store_target_done(&targets.seen[i]);
	}
}

static void targets_survive(void **state)
{
	struct store *store = open_store();
	struct store_target targets[2];

	(void)state;
	target_make(&targets[0], 1);
	/* As little as there can be. */
	memset(&targets[1], 0, sizeof(targets[1]));
	strcpy(targets[1].name, "iqn.2026-11.test:bare");
	targets[1].persist = true;
	assert_int_equal(store_put_target(store, &targets[0]), 0);
	assert_int_equal(store_put_target(store, &targets[1]), 0);
	store = restart(store);
	expect_targets(store, 2, targets);
	/* Another one of the same name, with fewer portals, in the same place. */
	store_target_done(&targets[0]);
	target_make(&targets[0], 2);
	targets[0].portal_count = 1;
	assert_int_equal(store_put_target(store, &targets[0]), 0);
	store = restart(store);
	expect_targets(store, 2, targets);
	assert_int_equal(store_remove_target(store, targets[0].name), 0);
	assert_int_equal(store_remove_target(store, targets[0].name), 0);
	expect_targets(store, 1, &targets[1]);
	store_close(store);
	assert_false(folder_has("10.0.1.0"));
	store_target_done(&targets[0]);
}

static void too_many_mappings(void **state)
{
	struct store *store = open_store();
	struct store_target target;

	(void)state;
	target_make(&target, 1);
	free(target.mappings.lun);
	target.mappings.lun = calloc(MAPPING_LUNS_MAX + 1, sizeof(*target.mappings.lun));
	target.mappings.count = MAPPING_LUNS_MAX + 1;
	assert_int_equal(store_put_target(store, &target), -EINVAL);
	expect_targets(store, 0, NULL);
	target.mappings.count--;
	assert_int_equal(store_put_target(store, &target), 0);
	expect_targets(store, 1, &target);
	/* What can't be mappings is said, and gives nothing. */
	store_sql("UPDATE target SET mappings = x'0102030405060708ff'");
	assert_int_equal(store_each_target(store, keep_target, &(struct targets){ .count = 0 }), -EIO);
	store_target_done(&target);
	store_close(store);
}

struct logins {
	unsigned count;
	struct store_login seen[4];
};

static void keep_login(void *ctx, struct store_login *login)
{
	struct logins *logins = ctx;

	assert_true(logins->count < 4);
	logins->seen[logins->count++] = *login;
	login->mappings.lun = NULL;
	login->conns = NULL;
	login->conn_count = 0;
}

static void expect_logins(struct store *store, unsigned count, const struct store_login *expected)
{
	struct logins logins = { .count = 0 };

	assert_int_equal(store_each_login(store, keep_login, &logins), 0);
	assert_int_equal(logins.count, count);
	for (unsigned i = 0; i < count; i++) {
		login_same(&expected[i], &logins.seen[i]);
		assert_int_equal(expected[i].id, logins.seen[i].id);
		store_login_done(&logins.seen[i]);
	}
}

static void logins_survive(void **state)
{
	struct store *store = open_store();
	struct store_login logins[2];
	int64_t ids[2], id;

	(void)state;
	login_make(&logins[0], 2);
	login_make(&logins[1], 5);
	/* Any portal is another login of the same target. */
	memset(&logins[1].portal, 0, sizeof(logins[1].portal));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(store_put_login(store, &logins[i], &logins[i].id), 0);
		assert_true(logins[i].id > 0);
		ids[i] = logins[i].id;
	}
	assert_true(ids[0] != ids[1]);
	store = restart(store);
	expect_logins(store, 2, logins);
	/* The same once more: letters of the host don't count; its connections become one. */
	store_login_done(&logins[0]);
	login_make(&logins[0], 3);
	logins[0].id = ids[0];
	strcpy(logins[0].portal.address, "some.host");
	assert_int_equal(store_put_login(store, &logins[0], &id), 0);
	assert_int_equal(id, ids[0]);
	/* The first spelling stays. */
	strcpy(logins[0].portal.address, "Some.Host");
	store = restart(store);
	expect_logins(store, 2, logins);
	assert_int_equal(store_remove_logins(store, ids, 1), 0);
	expect_logins(store, 1, &logins[1]);
	assert_int_equal(store_remove_logins(store, ids, 2), 0);
	expect_logins(store, 0, NULL);
	store_close(store);
	assert_false(folder_has("fe80"));
	store_login_done(&logins[0]);
	store_login_done(&logins[1]);
}

struct items {
	unsigned count;
	char text[512];
};

static void join(void *ctx, const char *item)
{
	struct items *items = ctx;

	items->count++;
	strcat(items->text, item);
	strcat(items->text, ";");
}

static void expect_items(struct store *store, enum store_list list, const char *text)
{
	struct items items = { 0, "" };

	assert_int_equal(store_list_each(store, list, join, &items), 0);
	assert_string_equal(items.text, text);
}

static void items_survive(void **state)
{
	static const char *const devices[] = { "/dev/a", "/dev/b", "/dev/c" };
	struct store *store = open_store();
	char text[STORE_TEXT_MAX + 1];

	(void)state;
	assert_int_equal(store_list_add(store, STORE_ISNS_SERVERS, "b.example"), 0);
	assert_int_equal(store_list_add(store, STORE_ISNS_SERVERS, "a.example"), 0);
	assert_int_equal(store_list_add(store, STORE_ISNS_SERVERS, "b.example"), 0);
	assert_int_equal(store_list_add(store, STORE_RADIUS_SERVERS, "a.example"), 0);
	assert_int_equal(store_list_add(store, STORE_DEVICES, "/dev/x"), 0);
	assert_int_equal(store_list_replace(store, STORE_DEVICES, devices, 3), 0);
	store = restart(store);
	expect_items(store, STORE_ISNS_SERVERS, "b.example;a.example;");
	expect_items(store, STORE_RADIUS_SERVERS, "a.example;");
	expect_items(store, STORE_DEVICES, "/dev/a;/dev/b;/dev/c;");
	assert_int_equal(store_list_remove(store, STORE_ISNS_SERVERS, "a.example"), 0);
	assert_int_equal(store_list_remove(store, STORE_ISNS_SERVERS, "c.example"), 0);
	assert_int_equal(store_list_replace(store, STORE_DEVICES, NULL, 0), 0);
	expect_items(store, STORE_ISNS_SERVERS, "b.example;");
	expect_items(store, STORE_RADIUS_SERVERS, "a.example;");
	expect_items(store, STORE_DEVICES, "");
	memset(text, 'x', sizeof(text));
	text[STORE_TEXT_MAX] = 0;
	assert_int_equal(store_list_add(store, STORE_DEVICES, text), -EINVAL);
	/* All or nothing. */
	assert_int_equal(store_list_replace(store, STORE_ISNS_SERVERS,
					    (const char *const[]){ "x", text }, 2), -EINVAL);
	expect_items(store, STORE_ISNS_SERVERS, "b.example;");
	store_close(store);
}

struct ikes {
	unsigned count;
	struct store_ike seen[4];
};

static void keep_ike(void *ctx, const struct store_ike *ike)
{
	struct ikes *ikes = ctx;

	assert_true(ikes->count < 4);
	ikes->seen[ikes->count++] = *ike;
}

static void ike_survives(void **state)
{
	struct store_ike a = { .port_number = PORT_NUMBER_ANY, .id_type = 1, .id_len = 4,
			       .id = { 10, 0, 0, 1 }, .security_flags = 0x23,
			       .key = { .bytes = "a key", .len = 5 } };
	struct store_ike b = { .instance = "one", .port_number = 2, .id_type = 2, .id_len = 4,
			       .id = "a.de" };
	struct ikes ikes = { .count = 0 };
	struct store *store = open_store();

	(void)state;
	memset(b.id, 0xff, b.id_len);
	assert_int_equal(store_put_ike(store, &a), 0);
	assert_int_equal(store_put_ike(store, &b), 0);
	a.security_flags = 0x41;
	memcpy(a.key.bytes, "b key", 5);
	assert_int_equal(store_put_ike(store, &a), 0);
	store = restart(store);
	assert_int_equal(store_each_ike(store, keep_ike, &ikes), 0);
	assert_int_equal(ikes.count, 2);
	assert_memory_equal(&ikes.seen[0], &a, sizeof(a));
	assert_memory_equal(&ikes.seen[1], &b, sizeof(b));
	assert_int_equal(store_remove_ike(store, &a), 0);
	ikes.count = 0;
	assert_int_equal(store_each_ike(store, keep_ike, &ikes), 0);
	assert_int_equal(ikes.count, 1);
	store_close(store);
}

static void join_tunnel(void *ctx, const struct store_tunnel *tunnel)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s %u %s %s", tunnel->instance, tunnel->port_number,
		 tunnel->destination, tunnel->outer);
	join(ctx, text);
}

static void tunnels_survive(void **state)
{
	struct store_tunnel a = { .port_number = 1, .destination = "10.0.0.1", .outer = "1.1.1.1" };
	struct store_tunnel any = { .port_number = PORT_NUMBER_ANY, .outer = "2.2.2.2" };
	struct items items = { 0, "" };
	struct store *store = open_store();

	(void)state;
	assert_int_equal(store_put_tunnel(store, &a), 0);
	assert_int_equal(store_put_tunnel(store, &any), 0);
	strcpy(a.outer, "3.3.3.3");
	assert_int_equal(store_put_tunnel(store, &a), 0);
	store = restart(store);
	assert_int_equal(store_each_tunnel(store, join_tunnel, &items), 0);
	assert_string_equal(items.text, " 1 10.0.0.1 3.3.3.3; 4294967295  2.2.2.2;");
	assert_int_equal(store_remove_tunnel(store, &any), 0);
	items = (struct items){ 0, "" };
	assert_int_equal(store_each_tunnel(store, join_tunnel, &items), 0);
	assert_string_equal(items.text, " 1 10.0.0.1 3.3.3.3;");
	store_close(store);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_folder_make, store_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(targets_survive), TEST(too_many_mappings), TEST(logins_survive),
		TEST(items_survive), TEST(ike_survives), TEST(tunnels_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
