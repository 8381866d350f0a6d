/*
 * service_options_test.c - settings, effective options, and the table from fault to status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "iscsierr.h"
#include "service/args.h"
#include "service/defaults.h"
#include "service/effective.h"
#include "service/status.h"
#include "../duty.h"

/* ---- defaults */

static void every_default_prints_and_parses_back(void **state)
{
	char text[DEFAULT_TEXT_MAX];
	uint32_t value;

	(void)state;
	for (int id = 0; id < DEFAULT_COUNT; id++) {
		assert_non_null(defaults_name(id));
		assert_true(strlen(defaults_help(id)) > 0);
		assert_int_equal(defaults_find(defaults_name(id)), id);
		defaults_print(id, defaults_built_in(id), text);
		assert_true(strlen(text) > 0);
		assert_int_equal(defaults_parse(id, text, &value), 0);
		assert_int_equal(value, defaults_built_in(id));
	}
	assert_int_equal(defaults_find("no-such"), -ENOENT);
	assert_int_equal(defaults_find("PING-IDLE"), DEFAULT_PING_IDLE);
}

static void bad_values_are_refused(void **state)
{
	static const struct {
		enum default_id id;
		const char *text;
	} bad[] = {
		{ DEFAULT_PING_IDLE, "0" }, { DEFAULT_PING_IDLE, "3601" }, { DEFAULT_PING_IDLE, "-1" },
		{ DEFAULT_PING_IDLE, "5x" }, { DEFAULT_PING_IDLE, " 5" }, { DEFAULT_PING_IDLE, "" },
		{ DEFAULT_PING_IDLE, "99999999999999999999" }, { DEFAULT_MAX_CONNECTIONS, "65" },
		{ DEFAULT_ORDERING, "maybe" }, { DEFAULT_CHAP_ALGORITHMS, "sha256" },
		{ DEFAULT_CHAP_ALGORITHMS, "md5,md5" }, { DEFAULT_CHAP_ALGORITHMS, "md5,rot13" },
		{ DEFAULT_CHAP_ALGORITHMS, "" },
	};
	uint32_t value = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(defaults_parse(bad[i].id, bad[i].text, &value), -EINVAL);
		assert_int_equal(value, 4711);
	}
}

static void algorithms_keep_their_order(void **state)
{
	struct defaults defaults;
	uint8_t codes[4];

	(void)state;
	defaults_init(&defaults);
	assert_int_equal(defaults_algorithms(&defaults, codes), 4);
	assert_int_equal(codes[0], CHAP_SHA3_256);
	assert_int_equal(codes[3], CHAP_MD5);
	assert_int_equal(defaults_parse(DEFAULT_CHAP_ALGORITHMS, "MD5, sha256",
					&defaults.value[DEFAULT_CHAP_ALGORITHMS]), 0);
	assert_int_equal(defaults_algorithms(&defaults, codes), 2);
	assert_int_equal(codes[0], CHAP_MD5);
	assert_int_equal(codes[1], CHAP_SHA256);
}

/* ---- effective */

static struct defaults defaults;
static const uint8_t initiator_secret[] = "initiator-secret";

static struct options chap(uint32_t type, const char *password)
{
	struct options o = {
		.present = true, .auth_type = type,
		.specified = SPECIFIED_AUTH_TYPE | SPECIFIED_PASSWORD,
		.password_len = (uint8_t)strlen(password),
	};

	memcpy(o.password, password, o.password_len);
	return o;
}

static struct effective_input input(enum effective_purpose purpose, const struct options *o)
{
	defaults_init(&defaults);
	return (struct effective_input){
		.purpose = purpose, .options = o, .defaults = &defaults, .node_name = "iqn.me",
		.initiator_secret = initiator_secret,
		.initiator_secret_len = sizeof(initiator_secret) - 1,
	};
}

static uint32_t make(const struct effective_input *in)
{
	struct effective e;
	uint32_t status = effective_make(in, &e);

	if (!status)
		effective_done(&e);
	return status;
}

static void absent_options_are_defaults(void **state)
{
	const struct options none = { .present = false };
	struct effective_input in = input(EFFECTIVE_LOGIN, &none);
	struct effective e;

	(void)state;
	defaults.value[DEFAULT_DATA_DIGEST] = 1;
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_int_equal(e.chap.mode, CHAP_NONE);
	assert_false(e.header_digest);
	assert_true(e.data_digest);
	assert_int_equal(e.max_connections, 8);
	effective_done(&e);
}

static void only_specified_members_count(void **state)
{
	const struct options o = { .present = true, .specified = SPECIFIED_MAX_CONNECTIONS,
				   .max_connections = 0, .data_digest = 1, .auth_type = 77 };
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);
	struct effective e;

	(void)state;
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_false(e.data_digest);
	assert_int_equal(e.max_connections, ENGINE_MAX_CONNS);
	effective_done(&e);
}

static void secrets_are_checked(void **state)
{
	static const struct {
		const char *password;
		uint32_t type, status;
	} cases[] = {
		{ "12345678901", AUTH_CHAP, ISDSC_INVALID_TARGET_CHAP_SECRET },
		{ "123456789012", AUTH_CHAP, ERROR_SUCCESS },
		{ "1234567890123456", AUTH_CHAP, ERROR_SUCCESS },
		{ "12345678901234567", AUTH_CHAP, ISDSC_INVALID_TARGET_CHAP_SECRET },
		{ "123456789012", AUTH_MUTUAL_CHAP, ERROR_SUCCESS },
		{ "initiator-secret", AUTH_CHAP, ERROR_SUCCESS },
		{ "initiator-secret", AUTH_MUTUAL_CHAP, ISDSC_INVALID_INITIATOR_CHAP_SECRET },
		{ "123456789012", 3, ISDSC_INVALID_LOGON_AUTH_TYPE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o = chap(cases[i].type, cases[i].password);
		struct effective_input in = input(EFFECTIVE_LOGIN, &o);

		assert_int_equal(make(&in), cases[i].status);
	}
	DUTY("SEC-11 SEC-12 SEC-13");
}

static void mutual_needs_an_initiator_secret(void **state)
{
	struct options o = chap(AUTH_MUTUAL_CHAP, "123456789012");
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);

	(void)state;
	in.initiator_secret_len = 0;
	assert_int_equal(make(&in), ISDSC_INVALID_INITIATOR_CHAP_SECRET);
}

static void user_is_the_node_name_unless_given(void **state)
{
	struct options o = chap(AUTH_CHAP, "123456789012");
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);
	struct effective e;

	(void)state;
	o.specified |= SPECIFIED_USERNAME;
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_memory_equal(e.chap.user, "iqn.me", e.chap.user_len);
	o.username_len = 2;
	memcpy(o.username, "me", 2);
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_int_equal(e.chap.user_len, 2);
	assert_memory_equal(e.chap.user, "me", 2);
	effective_done(&e);
	o.username[1] = 0;
	assert_int_equal(make(&in), ISDSC_INVALID_CHAP_USER_NAME);
}

static void an_added_connection_takes_the_sessions_options(void **state)
{
	const struct options none = { .present = false }, own = { .present = true };
	struct options session = chap(AUTH_CHAP, "123456789012");
	struct effective_input in = input(EFFECTIVE_ADD, &none);
	struct effective e;

	(void)state;
	in.session = &session;
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_int_equal(e.chap.mode, CHAP_ONE_WAY);
	effective_done(&e);
	in.options = &own;
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_int_equal(e.chap.mode, CHAP_NONE);
	effective_done(&e);
	DUTY("MCS-6 SEC-16");
}

static bool asks_for_ipsec(const struct effective_input *in)
{
	struct effective e;
	bool asks;

	assert_int_equal(effective_make(in, &e), ERROR_SUCCESS);
	asks = e.security_flags & SECURITY_IPSEC;
	effective_done(&e);
	return asks;
}

static void flags_and_options_ask_for_ipsec(void **state)
{
	struct options o = { .present = true }, session = { .present = true };
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);
	const uint64_t portal = SECURITY_VALID | SECURITY_IPSEC, clear = SECURITY_IPSEC;

	(void)state;
	in.security_flags = SECURITY_VALID | SECURITY_IPSEC;
	assert_true(asks_for_ipsec(&in));
	/* Without the VALID bit the others don't count, and the portal's do. */
	in.security_flags = SECURITY_IPSEC;
	assert_false(asks_for_ipsec(&in));
	in.portal_flags = &portal;
	assert_true(asks_for_ipsec(&in));
	in.security_flags = SECURITY_VALID;
	assert_false(asks_for_ipsec(&in));
	in.security_flags = 0;
	in.portal_flags = &clear;
	assert_false(asks_for_ipsec(&in));
	o.login_flags = LOGIN_REQUIRE_IPSEC;
	assert_true(asks_for_ipsec(&in));
	/* What a session requires holds for each of its connections. */
	o.login_flags = 0;
	in.purpose = EFFECTIVE_ADD;
	in.session = &session;
	assert_false(asks_for_ipsec(&in));
	session.login_flags = LOGIN_REQUIRE_IPSEC;
	assert_true(asks_for_ipsec(&in));
}

/* Nobody can listen there, and then guess. */
static void short_secrets_need_ipsec(void **state)
{
	struct options o = chap(AUTH_CHAP, "short");
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);

	(void)state;
	assert_int_equal(make(&in), ISDSC_INVALID_TARGET_CHAP_SECRET);
	in.security_flags = SECURITY_VALID | SECURITY_IPSEC;
	assert_int_equal(make(&in), ERROR_SUCCESS);
	o.password_len = 0;
	assert_int_equal(make(&in), ISDSC_INVALID_TARGET_CHAP_SECRET);
	DUTY("SEC-12");
}

static void radius_is_refused(void **state)
{
	struct options o = { .present = true };
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);

	(void)state;
	o.login_flags = LOGIN_RADIUS_RESPONSE;
	assert_int_equal(make(&in), ERROR_NOT_SUPPORTED);
	in.purpose = EFFECTIVE_DISCOVERY;
	assert_int_equal(make(&in), ERROR_SUCCESS);
}

/* A response can be verified by RADIUS where there is one: in mutual CHAP. */
static void radius_verifies(void **state)
{
	struct options o = { .present = true, .login_flags = LOGIN_RADIUS_VERIFICATION,
		.specified = SPECIFIED_AUTH_TYPE | SPECIFIED_PASSWORD, .auth_type = AUTH_MUTUAL_CHAP,
		.password = "fourteen bytes", .password_len = 14 };
	struct effective_input in = input(EFFECTIVE_LOGIN, &o);
	struct defaults strict = *in.defaults;
	struct effective e;

	(void)state;
	in.initiator_secret_len = 0;
	assert_int_equal(make(&in), ISDSC_TARGET_AUTHINFO_UNAVAILABLE);
	in.radius = true;
	in.target_name = "iqn.2026-11.test:t";
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_int_equal(e.chap.mode, CHAP_MUTUAL);
	assert_true(e.chap.outside);
	assert_int_equal(e.chap.target_secret_len, 0);
	assert_int_equal(e.chap.target_name_len, 0);
	assert_int_equal(chap_config_check(&e.chap), 0);
	effective_done(&e);
	/* The same, for targets that shall not pass for each other. */
	strict.value[DEFAULT_RADIUS_NAME] = RADIUS_NAME_TARGET;
	in.defaults = &strict;
	assert_int_equal(effective_make(&in, &e), ERROR_SUCCESS);
	assert_int_equal(e.chap.target_name_len, 18);
	assert_memory_equal(e.chap.target_name, "iqn.2026-11.test:t", 18);
	effective_done(&e);
	o.auth_type = AUTH_CHAP;
	assert_int_equal(make(&in), ERROR_INVALID_PARAMETER);
	o.auth_type = AUTH_NONE;
	assert_int_equal(make(&in), ERROR_INVALID_PARAMETER);
	in.purpose = EFFECTIVE_DISCOVERY;
	assert_int_equal(make(&in), ERROR_SUCCESS);
	o.auth_type = AUTH_MUTUAL_CHAP;
	assert_int_equal(make(&in), ERROR_SUCCESS);
	o.login_flags |= LOGIN_RADIUS_RESPONSE;
	assert_int_equal(make(&in), ERROR_NOT_SUPPORTED);
	DUTY("SEC-15");
}

static void contradictions_are_refused(void **state)
{
	struct options o = { .present = true };

	(void)state;
	assert_int_equal(effective_check(&o, 0x22), ERROR_SUCCESS);
	assert_int_equal(effective_check(&o, 0x80), ERROR_INVALID_PARAMETER);
	assert_int_equal(effective_check(&o, 0x0c), ERROR_INVALID_PARAMETER);
	assert_int_equal(effective_check(&o, 0x60), ERROR_INVALID_PARAMETER);
	o.version = 1;
	assert_int_equal(effective_check(&o, 0), ERROR_INVALID_PARAMETER);
	o.version = 0;
	o.specified = 0x100;
	assert_int_equal(effective_check(&o, 0), ERROR_INVALID_PARAMETER);
	o.specified = SPECIFIED_MAX_CONNECTIONS;
	o.max_connections = 65536;
	assert_int_equal(effective_check(&o, 0), ERROR_INVALID_PARAMETER);
	o.present = false;
	assert_int_equal(effective_check(&o, 0), ERROR_SUCCESS);
}

/* ---- status */

static void every_fault_has_a_status(void **state)
{
	struct fault fault = { .kind = FAULT_NONE };

	(void)state;
	assert_int_equal(status_of(&fault, 0), ERROR_SUCCESS);
	for (int kind = FAULT_NONE + 1; kind <= FAULT_LOCAL; kind++) {
		fault.kind = kind;
		fault.status_class = 2;
		assert_int_not_equal(status_of(&fault, 0), ERROR_SUCCESS);
		assert_int_not_equal(status_of(&fault, 0), ISDSC_NON_SPECIFIC_ERROR);
	}
}

static void login_statuses_map(void **state)
{
	static const struct {
		uint8_t class, detail;
		int added;
		uint32_t status;
	} cases[] = {
		{ 2, 1, 0, ISDSC_AUTHENTICATION_FAILURE }, { 2, 2, 0, ISDSC_AUTHORIZATION_FAILURE },
		{ 2, 3, 0, ISDSC_NOT_FOUND }, { 2, 6, 1, ISDSC_TOO_MANY_CONNECTIONS },
		{ 2, 8, 0, ISDSC_CANT_INCLUDE_IN_SESSION }, { 2, 8, 1, ISDSC_TOO_MANY_CONNECTIONS },
		{ 3, 2, 0, ISDSC_OUT_OF_RESOURCES }, { 2, 99, 0, ISDSC_INITIATOR_ERROR },
		{ 3, 99, 0, ISDSC_TARGET_ERROR }, { 200, 1, 0, ISDSC_LOGIN_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fault fault = { .kind = FAULT_LOGIN_STATUS,
					     .status_class = cases[i].class,
					     .status_detail = cases[i].detail };

		assert_int_equal(status_of(&fault, cases[i].added), cases[i].status);
	}
}

/* ---- portal addresses */

static void hosts(void **state)
{
	static const char *const bad[] = { "", "[::1", "::1]", "[127.0.0.1]", "[]", "a b", "1:2",
					   "1.2.3.4:3260", "a,1", "a\n", "%x", "a/b" };
	char host[OPTIONS_TEXT] = "untouched", long_name[OPTIONS_TEXT + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(args_host(bad[i], host), -EINVAL);
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(args_host(long_name, host), -EINVAL);
	assert_string_equal(host, "untouched");
	assert_int_equal(args_host("[fe80::1%eth0]", host), 0);
	assert_string_equal(host, "fe80::1%eth0");
	assert_int_equal(args_host("::1", host), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(args_host("Target.example", host), 0);
	assert_string_equal(host, "Target.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_prints_and_parses_back),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(algorithms_keep_their_order),
		cmocka_unit_test(absent_options_are_defaults),
		cmocka_unit_test(only_specified_members_count),
		cmocka_unit_test(secrets_are_checked),
		cmocka_unit_test(mutual_needs_an_initiator_secret),
		cmocka_unit_test(user_is_the_node_name_unless_given),
		cmocka_unit_test(an_added_connection_takes_the_sessions_options),
		cmocka_unit_test(flags_and_options_ask_for_ipsec),
		cmocka_unit_test(short_secrets_need_ipsec),
		cmocka_unit_test(radius_is_refused),
		cmocka_unit_test(radius_verifies),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(every_fault_has_a_status),
		cmocka_unit_test(login_statuses_map),
		cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
