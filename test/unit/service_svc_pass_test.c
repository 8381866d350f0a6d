/*
 * service_svc_pass_test.c - what a connection of a session asks of IPsec wherever it is led: by what was
 * said at the login or when it was added, by what is known of the portal, and by what it had before.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/discover.h"
#include "service/svc_pass.h"
#include "service/svc_session.h"

#define ASKED (SECURITY_VALID | SECURITY_IPSEC)

enum { LOGIN_ID = 1, ADDED_ID = 2, UNKNOWN_ID = 3 };

/* ---- the rest, played */

static struct passage_info info;
static const uint64_t *portal_flags;
static struct ipsec_wish wished;

const struct passage_info *passage_info(const struct passage *passage)
{
	(void)passage;
	return &info;
}

const uint64_t *discover_flags(struct service *service, const char *host, uint16_t socket)
{
	(void)service;
	(void)host;
	(void)socket;
	return portal_flags;
}

void ipsec_pass(struct service *service, struct passage *passage, const struct ipsec_wish *wish)
{
	(void)service;
	(void)passage;
	wished = *wish;
}

/* ---- the session */

static struct service service;
static struct svc_session *session;
static struct svc_conn login, added;
static struct store_login_conn asked;

static bool protects(uint64_t conn_id)
{
	info.conn_id = conn_id;
	svc_pass(session, NULL);
	return ipsec_asked(wished.flags);
}

static int setup(void **state)
{
	(void)state;
	memset(&service, 0, sizeof(service));
	memset(&info, 0, sizeof(info));
	memset(&asked, 0, sizeof(asked));
	ike_init(&service.ike);
	info.to.ss_family = AF_INET;
	portal_flags = NULL;
	session = calloc(1, sizeof(*session));
	session->service = &service;
	list_init(&session->conns);
	login = (struct svc_conn){ .id = LOGIN_ID };
	added = (struct svc_conn){ .id = ADDED_ID, .asked = &asked };
	list_append(&session->conns, &login.link);
	list_append(&session->conns, &added.link);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ike_done(&service.ike);
	free(session);
	return 0;
}

/* ---- tests */

static void each_has_its_own_flags(void **state)
{
	(void)state;
	assert_false(protects(LOGIN_ID) || protects(ADDED_ID));
	asked.security_flags = ASKED;
	assert_true(protects(ADDED_ID));
	assert_false(protects(LOGIN_ID));
	session->security_flags = ASKED;
	asked.security_flags = SECURITY_VALID;
	assert_false(protects(ADDED_ID));
	assert_true(protects(LOGIN_ID));
	assert_true(protects(UNKNOWN_ID));
}

static void the_portal_may_ask(void **state)
{
	const uint64_t ipsec = ASKED;

	(void)state;
	portal_flags = &ipsec;
	assert_true(protects(LOGIN_ID) && protects(ADDED_ID));
	session->security_flags = asked.security_flags = SECURITY_VALID;
	assert_false(protects(LOGIN_ID) || protects(ADDED_ID));
}

static void require_asks_whatever_the_flags(void **state)
{
	(void)state;
	session->security_flags = asked.security_flags = SECURITY_VALID;
	asked.options.present = true;
	asked.options.login_flags = LOGIN_REQUIRE_IPSEC;
	assert_true(protects(ADDED_ID));
	assert_false(protects(LOGIN_ID));
	session->effective.options = asked.options;
	asked.options.present = false;
	assert_true(protects(LOGIN_ID) && protects(ADDED_ID));
}

/* The portal's entry that asked for it may have been removed since. */
static void what_was_protected_comes_back_so(void **state)
{
	(void)state;
	added.security_flags = ASKED;
	assert_true(protects(ADDED_ID));
	assert_false(protects(LOGIN_ID));
	added.security_flags = 0;
	session->effective.security_flags = ASKED;
	assert_true(protects(LOGIN_ID) && protects(ADDED_ID));
	/* Not against the caller's own word. */
	asked.security_flags = SECURITY_VALID;
	assert_false(protects(ADDED_ID));
}

static void the_key_is_that_of_the_connection(void **state)
{
	(void)state;
	session->key.len = 1;
	protects(ADDED_ID);
	assert_ptr_equal(wished.key, &session->key);
	asked.key.lost = true;
	protects(ADDED_ID);
	assert_ptr_equal(wished.key, &asked.key);
	protects(LOGIN_ID);
	assert_ptr_equal(wished.key, &session->key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_has_its_own_flags), TEST(the_portal_may_ask),
		TEST(require_asks_whatever_the_flags), TEST(what_was_protected_comes_back_so),
		TEST(the_key_is_that_of_the_connection),
	};

	return cmocka_run_group_tests_name("svc_pass", tests, NULL, NULL);
}
