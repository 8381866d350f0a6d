/*
 * service_logins_test.c - the lists of persistent logins and of bound devices: what is one entry,
 * what a removal matches, what lasts.
 */
#include "service_fake_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "iscsierr.h"
#include "service/bound.h"
#include "service/logins.h"
#include "service/restore.h"
#include "service/svc_session.h"

static struct service service;

static void start(void)
{
	memset(&service, 0, sizeof(service));
	list_init(&service.logins);
	list_init(&service.sessions);
	list_init(&service.restore.queue);
	list_init(&service.restore.conns);
	list_init(&service.bound.devices);
	list_init(&service.bound.setups);
	defaults_init(&service.defaults);
	overrides_init(&service.overrides);
	service.store = open_store();
	assert_int_equal(overrides_load(&service.overrides, service.store), 0);
	assert_int_equal(logins_init(&service), 0);
	assert_int_equal(bound_init(&service), 0);
}

static void stop(void)
{
	logins_free(&service);
	bound_free(&service);
	overrides_done(&service.overrides);
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

/* "" no portal. */
static struct store_login sample(const char *name, const char *instance, uint32_t port,
				 const char *address)
{
	struct store_login login = { .port_number = port };

	strcpy(login.name, name);
	strcpy(login.instance, instance);
	login.portal.present = *address;
	strcpy(login.portal.address, address);
	login.portal.socket = *address ? 3260 : 0;
	login.options.present = true;
	login.options.specified = SPECIFIED_PASSWORD;
	login.options.password_len = 14;
	memcpy(login.options.password, "secret-of-mine", 14);
	return login;
}

static void put(const char *name, const char *instance, uint32_t port, const char *address)
{
	struct store_login login = sample(name, instance, port, address);

	assert_int_equal(logins_put(&service, &login), 0);
	store_login_done(&login);
}

static uint32_t drop(const char *instance, uint32_t port, const char *name, const char *address)
{
	struct portal portal = { .present = *address, .socket = 3260 };

	strcpy(portal.address, address);
	return logins_remove(&service, instance, port, name, &portal);
}

static const struct store_login *first(void)
{
	assert_false(list_empty(&service.logins));
	return &list_entry(service.logins.next, struct login, link)->stored;
}

static void one_entry_for_each_combination(void **state)
{
	struct store_login again = sample("iqn.a", "root\\ISCSIPRT\\0000_0", 1, "::1");

	(void)state;
	put("iqn.a", INITIATOR_INSTANCE, 1, "[::1]");
	put("iqn.a", "", PORT_NUMBER_ANY, "[::1]");
	put("iqn.a", INITIATOR_INSTANCE, 1, "10.0.0.1");
	put("iqn.a", INITIATOR_INSTANCE, 1, "");
	put("iqn.b", INITIATOR_INSTANCE, 1, "[::1]");
	assert_int_equal(service.login_count, 5);
	/* Letter case and brackets make no other entry. */
	again.informational = true;
	again.mappings = (struct mappings){ .present = true, .os_bus = 3 };
	assert_int_equal(logins_put(&service, &again), 0);
	store_login_done(&again);
	assert_int_equal(service.login_count, 5);
	assert_true(first()->informational);
	assert_int_equal(first()->mappings.os_bus, 3);
	stop();
	start();
	assert_int_equal(service.login_count, 5);
	assert_true(first()->informational);
	assert_string_equal(first()->portal.address, "[::1]");
	assert_int_equal(first()->options.password_len, 14);
}

static void what_a_removal_matches(void **state)
{
	(void)state;
	put("iqn.a", "", PORT_NUMBER_ANY, "");
	put("iqn.a", INITIATOR_INSTANCE, 1, "10.0.0.1");
	put("iqn.a", INITIATOR_INSTANCE, 2, "10.0.0.2");
	put("iqn.b", "", PORT_NUMBER_ANY, "10.0.0.1");
	assert_int_equal(drop("", PORT_NUMBER_ANY, "iqn.c", ""), ISDSC_TARGET_NOT_FOUND);
	assert_int_equal(drop("", 3, "iqn.a", ""), ISDSC_TARGET_NOT_FOUND);
	assert_int_equal(drop("", PORT_NUMBER_ANY, "iqn.a", "10.0.0.3"), ISDSC_TARGET_NOT_FOUND);
	assert_int_equal(service.login_count, 4);
	assert_int_equal(drop("root\\iscsiprt\\0000_0", 1, "iqn.a", "10.0.0.1"), 0);
	assert_int_equal(service.login_count, 3);
	/* Made for any instance, removed under the name of the one there is. */
	assert_int_equal(drop(INITIATOR_INSTANCE, PORT_NUMBER_ANY, "iqn.b", "10.0.0.1"), 0);
	assert_int_equal(service.login_count, 2);
	assert_int_equal(drop("", PORT_NUMBER_ANY, "iqn.a", ""), 0);
	assert_int_equal(service.login_count, 0);
	stop();
	start();
	assert_int_equal(service.login_count, 0);
}

static void what_can_not_be_stored_is_not_there(void **state)
{
	struct store_login login = sample("iqn.a", "", PORT_NUMBER_ANY, "");

	(void)state;
	put("iqn.b", "", PORT_NUMBER_ANY, "");
	store_sql("CREATE TRIGGER no BEFORE INSERT ON login BEGIN SELECT raise(ABORT, 'no'); END;"
		  "CREATE TRIGGER nor BEFORE DELETE ON login BEGIN SELECT raise(ABORT, 'no'); END");
	assert_int_equal(logins_put(&service, &login), ISDSC_COULD_NOT_SAVE_PERSISTENT_LOGIN_DATA);
	assert_int_equal(drop("", PORT_NUMBER_ANY, "iqn.b", ""),
			 ISDSC_COULD_NOT_REMOVE_PERSISTENT_LOGIN_DATA);
	assert_int_equal(service.login_count, 1);
	assert_string_equal(first()->name, "iqn.b");
	store_login_done(&login);
}

/* ---- added connections */

static struct svc_session session;
static struct svc_conn conns[3];
static struct store_login_conn asked[2];

static void session_make(const char *name, const char *address)
{
	memset(&session, 0, sizeof(session));
	memset(conns, 0, sizeof(conns));
	session.service = &service;
	session.port_number = PORT_NUMBER_ANY;
	strcpy(session.target_name, name);
	session.portal = sample(name, "", 1, address).portal;
	list_init(&session.conns);
	for (unsigned i = 0; i < 3; i++)
		list_append(&session.conns, &conns[i].link);
	for (unsigned i = 0; i < 2; i++) {
		asked[i] = (struct store_login_conn){ .port_number = 5 + i };
		conns[i + 1].asked = &asked[i];
	}
}

static void connections_are_kept_where_that_is_wanted(void **state)
{
	(void)state;
	put("iqn.a", INITIATOR_INSTANCE, PORT_NUMBER_ANY, "10.0.0.1");
	session_make("iqn.a", "10.0.0.1");
	logins_follow_conns(&session);
	assert_int_equal(first()->conn_count, 0);
	assert_int_equal(overrides_set(&service.overrides, service.store, &service.defaults, "iqn.a",
				       DEFAULT_PERSISTENT_CONNECTIONS, "on"), 0);
	conns[2].pending = true;
	logins_follow_conns(&session);
	assert_int_equal(first()->conn_count, 1);
	conns[2].pending = false;
	logins_follow_conns(&session);
	assert_int_equal(first()->conn_count, 2);
	stop();
	start();
	assert_int_equal(first()->conn_count, 2);
	assert_int_equal(first()->conns[1].port_number, 6);
	/* Storing the login again leaves them; another session's have nothing to do with it. */
	put("iqn.a", INITIATOR_INSTANCE, PORT_NUMBER_ANY, "10.0.0.1");
	session_make("iqn.a", "10.0.0.2");
	list_remove(&conns[1].link);
	logins_follow_conns(&session);
	assert_int_equal(first()->conn_count, 2);
	session_make("iqn.a", "10.0.0.1");
	list_remove(&conns[1].link);
	logins_follow_conns(&session);
	assert_int_equal(first()->conn_count, 1);
	assert_int_equal(first()->conns[0].port_number, 6);
	/* No longer wanted, they are forgotten at the next change. */
	assert_int_equal(overrides_set(&service.overrides, service.store, &service.defaults, "iqn.a",
				       DEFAULT_PERSISTENT_CONNECTIONS, ""), 0);
	logins_follow_conns(&session);
	assert_int_equal(first()->conn_count, 0);
	stop();
	start();
	assert_int_equal(first()->conn_count, 0);
}

/* A login that is stored after the connections were added takes them in. */
static void a_later_login_takes_connections_in(void **state)
{
	(void)state;
	assert_int_equal(overrides_set(&service.overrides, service.store, &service.defaults, "iqn.a",
				       DEFAULT_PERSISTENT_CONNECTIONS, "on"), 0);
	session_make("iqn.a", "10.0.0.1");
	session.state = SVC_UP;
	list_append(&service.sessions, &session.link);
	put("iqn.a", INITIATOR_INSTANCE, PORT_NUMBER_ANY, "10.0.0.1");
	list_remove(&session.link);
	assert_int_equal(first()->conn_count, 2);
	assert_int_equal(first()->conns[1].port_number, 6);
}

static void pauses_grow_to_a_limit(void **state)
{
	(void)state;
	assert_int_equal(restore_pause(&service, ISDSC_CONNECTION_FAILED, 0), 5);
	assert_int_equal(restore_pause(&service, ISDSC_CONNECTION_FAILED, 2), 20);
	assert_int_equal(restore_pause(&service, ISDSC_CONNECTION_FAILED, 1000), RESTORE_PAUSE_MAX);
	assert_int_equal(restore_pause(&service, ISDSC_AUTHENTICATION_FAILURE, 0),
			 RESTORE_PAUSE_REFUSED);
	service.defaults.value[DEFAULT_RETRY_TIME] = 3600;
	assert_int_equal(restore_pause(&service, ISDSC_CONNECTION_FAILED, 1000), RESTORE_PAUSE_MAX);
}

/* ---- bound devices */

static void devices_have_lasting_names(void **state)
{
	char text[BOUND_TEXT];
	const struct bound *bound;

	(void)state;
	store_list_add(service.store, STORE_DEVICES,
		       "iscsi-iqn.2026-11.test:a-lun-7-lun-18446744073709551615");
	store_list_add(service.store, STORE_DEVICES, "iscsi-iqn.2026-11.test:b-lun-0");
	store_list_add(service.store, STORE_DEVICES, "iscsi-iqn.2026-11.test:b-lun-x");
	store_list_add(service.store, STORE_DEVICES, "iscsi-iqn.2026-11.test:b");
	store_list_add(service.store, STORE_DEVICES, "iscsi--lun-1");
	store_list_add(service.store, STORE_DEVICES, "iscsi-iqn.2026-11.test:b-lun-99999999999999999999");
	stop();
	start();
	assert_int_equal(service.bound.count, 2);
	bound = list_entry(service.bound.devices.next, struct bound, link);
	assert_string_equal(bound->target, "iqn.2026-11.test:a-lun-7");
	assert_true(bound->lun == UINT64_MAX);
	assert_string_equal(bound_path(&service, bound, text),
			    "iscsi-iqn.2026-11.test:a-lun-7-lun-18446744073709551615");
	assert_int_equal(bound_add(&service, "iscsi-iqn.2026-11.test:b-lun-0"),
			 ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT);
	assert_int_equal(bound_add(&service, "/dev/sda"), ISDSC_DEVICE_NOT_ISCSI_OR_PERSISTENT);
	assert_int_equal(bound_remove(&service, "/dev/sda"), ISDSC_DEVICE_NOT_FOUND);
	assert_int_equal(bound_remove(&service, "nbd+unix:///?socket=%2fx%"), ISDSC_DEVICE_NOT_FOUND);
	assert_int_equal(bound_remove(&service, "iscsi-IQN.2026-11.test:B-lun-0"), 0);
	assert_int_equal(bound_remove(&service, "iscsi-iqn.2026-11.test:b-lun-0"), ISDSC_DEVICE_NOT_FOUND);
	stop();
	start();
	assert_int_equal(service.bound.count, 1);
	assert_int_equal(bound_clear(&service), 0);
	assert_int_equal(bound_clear(&service), 0);
	stop();
	start();
	assert_int_equal(service.bound.count, 0);
}

static void only_what_can_come_is_waited_for(void **state)
{
	(void)state;
	store_list_add(service.store, STORE_DEVICES, "iscsi-iqn.2026-11.test:a-lun-0");
	store_list_add(service.store, STORE_DEVICES, "iscsi-iqn.2026-11.test:b-lun-0");
	stop();
	start();
	assert_int_equal(bound_missing(&service), 0);
	put("iqn.2026-11.test:a", "", PORT_NUMBER_ANY, "");
	assert_int_equal(bound_missing(&service), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_entry_for_each_combination), TEST(what_a_removal_matches),
		TEST(what_can_not_be_stored_is_not_there),
		TEST(connections_are_kept_where_that_is_wanted),
		TEST(a_later_login_takes_connections_in), TEST(pauses_grow_to_a_limit),
		TEST(devices_have_lasting_names), TEST(only_what_can_come_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
