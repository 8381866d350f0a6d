/*
 * service_static_test.c - targets added by hand: merging, lasting, hiding, and what a login takes
 * from them.
 */
#include "service_fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/static.h"

static struct service service;

static void start(void)
{
	memset(&service, 0, sizeof(service));
	list_init(&service.statics);
	list_init(&service.sessions);
	targets_init(&service.targets);
	service.store = open_store();
	assert_int_equal(static_init(&service), 0);
}

static void stop(void)
{
	static_free(&service);
	targets_done(&service.targets);
	store_close(service.store);
}

static int setup(void **state)
{
	int r = store_folder_make(state);

	start();
	return r;
}

static int teardown(void **state)
{
	stop();
	return store_folder_remove(state);
}

/* A target at 10.0.0.N with the alias "a". */
static struct store_target sample(const char *name, unsigned n, uint32_t flags, bool persist)
{
	struct store_target target = { .flags = flags, .persist = persist, .portal_count = 1 };

	strcpy(target.name, name);
	strcpy(target.alias, "a");
	target.portals = calloc(1, sizeof(*target.portals));
	assert_non_null(target.portals);
	target.portals[0] = (struct portal){ .present = true, .socket = 3260, .address = "10.0.0.0" };
	target.portals[0].address[7] = (char)('0' + n);
	return target;
}

static void add(struct store_target target)
{
	assert_int_equal(static_add(&service, &target), 0);
	store_target_done(&target);
}

static void only_those_that_last_come_back(void **state)
{
	(void)state;
	add(sample("iqn.a", 1, 0, true));
	add(sample("iqn.b", 2, 0, false));
	add(sample("iqn.c", 3, TARGET_HIDE, true));
	assert_non_null(targets_find(&service.targets, "iqn.b"));
	assert_null(targets_find(&service.targets, "iqn.c"));
	stop();
	start();
	assert_non_null(targets_find(&service.targets, "iqn.a"));
	assert_non_null(target_find_address(targets_find(&service.targets, "iqn.a"), "10.0.0.1", 3260));
	assert_null(static_find(&service, "iqn.b"));
	assert_null(targets_find_any(&service.targets, "iqn.b"));
	assert_null(targets_find(&service.targets, "iqn.c"));
	assert_int_equal(static_find(&service, "iqn.c")->flags, TARGET_HIDE);
	/* Overwritten by one that does not last: the stored one is gone too. */
	add(sample("iqn.a", 1, 0, false));
	stop();
	start();
	assert_null(static_find(&service, "iqn.a"));
}

static void removing(void **state)
{
	(void)state;
	add(sample("iqn.a", 1, 0, true));
	assert_int_equal(static_remove(&service, "iqn.b"), ISDSC_TARGET_NOT_FOUND);
	assert_int_equal(static_remove(&service, "iqn.a"), 0);
	assert_int_equal(static_remove(&service, "iqn.a"), ISDSC_TARGET_NOT_FOUND);
	assert_null(targets_find_any(&service.targets, "iqn.a"));
	stop();
	start();
	assert_null(static_find(&service, "iqn.a"));
}

static void overwriting(void **state)
{
	struct store_target t = sample("iqn.a", 2, 0, true);
	const struct store_target *now;

	(void)state;
	add(sample("iqn.a", 1, TARGET_HIDE, true));
	t.alias[0] = 0;
	add(t);
	now = static_find(&service, "iqn.a");
	assert_string_equal(now->alias, "");
	assert_int_equal(now->portal_count, 1);
	assert_string_equal(now->portals[0].address, "10.0.0.2");
	assert_null(target_find_address(targets_find(&service.targets, "iqn.a"), "10.0.0.1", 3260));
}

static void merging(void **state)
{
	struct store_target first = sample("iqn.a", 1, TARGET_HIDE, true);
	struct store_target second = sample("iqn.a", 2, TARGET_MERGE, false);
	const struct store_target *now;

	(void)state;
	first.mappings = (struct mappings){ .present = true, .os_bus = 0, .os_target = 3 };
	first.options = (struct options){ .present = true, .data_digest = 1, .auth_type = AUTH_CHAP,
		.specified = SPECIFIED_DATA_DIGEST | SPECIFIED_AUTH_TYPE | SPECIFIED_PASSWORD,
		.password = "secret-secret1", .password_len = 14, .login_flags = LOGIN_MULTIPATH };
	add(first);
	second.alias[0] = 0;
	second.options = (struct options){ .present = true, .specified = SPECIFIED_TIME2WAIT,
					   .time2wait = 9 };
	add(second);
	now = static_find(&service, "iqn.a");
	assert_string_equal(now->alias, "a");
	assert_int_equal(now->flags, 0);
	assert_true(now->persist);
	assert_int_equal(now->mappings.os_target, 3);
	assert_int_equal(now->portal_count, 2);
	assert_string_equal(now->portals[1].address, "10.0.0.2");
	assert_int_equal(now->options.specified, SPECIFIED_DATA_DIGEST | SPECIFIED_AUTH_TYPE |
			 SPECIFIED_PASSWORD | SPECIFIED_TIME2WAIT);
	assert_int_equal(now->options.time2wait, 9);
	assert_int_equal(now->options.data_digest, 1);
	assert_int_equal(now->options.password_len, 14);
	assert_int_equal(now->options.login_flags, LOGIN_MULTIPATH);
	/* The same portal again is not doubled. */
	add(sample("iqn.a", 2, TARGET_MERGE, false));
	assert_int_equal(static_find(&service, "iqn.a")->portal_count, 2);
}

static void a_login_takes_what_it_leaves_open(void **state)
{
	struct store_target t = sample("iqn.a", 1, 0, false);
	struct svc_login login = { .port_number = 1 };

	(void)state;
	t.mappings = (struct mappings){ .present = true, .os_bus = 0, .os_target = 3 };
	t.options = (struct options){ .present = true, .header_digest = 1, .auth_type = AUTH_CHAP,
		.specified = SPECIFIED_HEADER_DIGEST | SPECIFIED_AUTH_TYPE | SPECIFIED_PASSWORD,
		.password = "secret-secret1", .password_len = 14, .login_flags = LOGIN_MULTIPATH };
	add(t);
	login.target = targets_find(&service.targets, "iqn.a");
	static_complete(&service, &login);
	assert_true(login.options.present);
	assert_int_equal(login.options.password_len, 14);
	assert_int_equal(login.options.login_flags, LOGIN_MULTIPATH);
	assert_int_equal(login.mappings.os_target, 3);
	assert_true(login.mappings_wished);
	/* What the call says counts; a user name of its own comes without another's secret. */
	login.options = (struct options){ .present = true, .username = "me", .username_len = 2,
		.specified = SPECIFIED_USERNAME | SPECIFIED_DATA_DIGEST, .data_digest = 1 };
	login.mappings = (struct mappings){ .present = true, .os_bus = 0, .os_target = 8 };
	login.mappings_wished = false;
	static_complete(&service, &login);
	assert_int_equal(login.options.header_digest, 1);
	assert_int_equal(login.options.password_len, 0);
	assert_int_equal(login.options.auth_type, AUTH_NONE);
	assert_int_equal(login.options.login_flags, 0);
	assert_int_equal(login.mappings.os_target, 8);
	assert_false(login.mappings_wished);
	secret_wipe(&login, sizeof(login));
}

static void too_many_portals_are_refused(void **state)
{
	struct store_target t = sample("iqn.a", 2, TARGET_MERGE, false);
	struct store_target many = sample("iqn.a", 1, 0, false);

	(void)state;
	many.portals = realloc(many.portals, STATIC_PORTALS_MAX * sizeof(*many.portals));
	assert_non_null(many.portals);
	for (many.portal_count = 1; many.portal_count < STATIC_PORTALS_MAX; many.portal_count++) {
		many.portals[many.portal_count] = many.portals[0];
		many.portals[many.portal_count].socket = (uint16_t)many.portal_count;
	}
	add(many);
	assert_int_equal(static_add(&service, &t), ERROR_INVALID_PARAMETER);
	store_target_done(&t);
	assert_int_equal(static_find(&service, "iqn.a")->portal_count, STATIC_PORTALS_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_those_that_last_come_back), TEST(removing), TEST(overwriting), TEST(merging),
		TEST(a_login_takes_what_it_leaves_open), TEST(too_many_portals_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
