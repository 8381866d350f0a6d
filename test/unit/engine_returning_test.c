/*
 * engine_returning_test.c - the list of connections of a session: their numbers, how many come back
 * after a reinstatement, which carries the Logout. Connections are made but carry nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/session.h"
#include "../duty.h"

enum { MAX = 8 };

struct stage {
	struct session *s;
	struct conn *conn[MAX]; /* made and not ended */
	unsigned conns, made;
	const struct conn *logout; /* the last that was to log out */
	unsigned reason, logouts;
	uint64_t now;
};

static void pull(struct stage *t)
{
	struct session_event event;

	while (session_next_event(t->s, &event)) {
		if (event.kind == SESSION_EVENT_LOGOUT) {
			t->logout = event.conn;
			t->reason = event.reason;
			t->logouts++;
		}
		if (event.kind != SESSION_EVENT_CONN)
			continue;
		assert_true(t->conns < MAX);
		t->conn[t->conns++] = event.conn;
		t->made++;
	}
}

static void up(struct stage *t, struct conn *c, uint16_t max_connections)
{
	struct conn_up up = { .tsih = 7, .cid = c->cid, .portal_group_tag = 1 };

	keys_params_default(&up.params);
	up.params.max_connections = max_connections;
	session_conn_up(t->s, c, &up, t->now);
	pull(t);
}

static void end(struct stage *t, unsigned at, enum fault_kind kind)
{
	struct fault why = { .kind = kind };
	struct conn *c = t->conn[at];

	t->conn[at] = t->conn[--t->conns];
	session_conn_ended(t->s, c, &why, t->now);
	conn_free(c);
	pull(t);
}

static struct conn *add(struct stage *t, uint64_t id)
{
	struct conn_options options = { .id = id, .host = "127.0.0.1", .port = 3260 };

	session_add_conn(t->s, &options, NULL, t->now);
	pull(t);
	return t->conn[t->conns - 1];
}

static void open_stage(struct stage *t)
{
	struct session_config config = { .initiator_name = "iqn.2026-11.test:i",
		.target_name = "iqn.2026-11.test:t", .portal_group_tag = -1,
		.times = { .login = 1000, .logout = 1000, .hold = 60000, .retry = 5000 } };

	memset(t, 0, sizeof(*t));
	t->now = MS;
	keys_offer_default(&config.offer);
	assert_int_equal(session_new(&config, &t->s), 0);
}

static void close_stage(struct stage *t)
{
	session_logout(t->s, NULL, t->now);
	pull(t);
	while (t->conns)
		end(t, 0, FAULT_ABANDONED);
	session_free(t->s);
}

/* ID-9: after 65536 connections the CIDs of those that live are passed over. */
static void test_cid_wraps(void **state)
{
	struct stage t;
	struct conn *leading, *second, *third;

	(void)state;
	open_stage(&t);
	leading = add(&t, 1);
	assert_int_equal(leading->cid, 1);
	up(&t, leading, 8);
	t.s->next_cid = UINT16_MAX;
	second = add(&t, 2);
	assert_int_equal(second->cid, 0);
	third = add(&t, 3); /* the second is still logging in */
	assert_int_equal(third->cid, 2);
	t.s->next_cid = UINT16_MAX;
	assert_int_equal(add(&t, 4)->cid, 3);
	close_stage(&t);
	DUTY("ID-9");
}

/* MCS-5: a reinstated session may be granted fewer connections; the others wait, without haste. */
static void test_fewer_come_back(void **state)
{
	struct stage t;
	unsigned before;

	(void)state;
	open_stage(&t);
	up(&t, add(&t, 1), 4);
	for (uint64_t id = 2; id <= 4; id++)
		up(&t, add(&t, id), 4);
	assert_int_equal(t.conns, 4);
	while (t.conns)
		end(&t, 0, t.conns == 4 ? FAULT_CLOSED : FAULT_ABANDONED);
	t.now = session_deadline(t.s);
	session_expire(t.s, t.now);
	pull(&t);
	assert_int_equal(t.conns, 1);
	up(&t, t.conn[0], 2);
	assert_int_equal(t.conns, 2);
	up(&t, t.conn[1], 2);
	for (unsigned i = 0; i < 3; i++) {
		before = t.made;
		assert_true(session_deadline(t.s) > t.now);
		t.now = session_deadline(t.s);
		session_expire(t.s, t.now);
		pull(&t);
		assert_int_equal(t.made, before);
	}
	assert_int_equal(t.conns, 2);
	close_stage(&t);
	DUTY("MCS-5");
}

/* The leading connection rests, since the target wished so, when the session is closed: another one
 * carries the Logout; it is cut, and the next one does. A target that is silent is asked once. */
static void test_logout_finds_a_way(void **state)
{
	struct conn_async wish = { .event = PDU_ASYNC_LOGOUT_REQUESTED };
	struct stage t;
	struct conn *leading, *second, *third;

	(void)state;
	open_stage(&t);
	leading = add(&t, 1);
	up(&t, leading, 4);
	second = add(&t, 2);
	up(&t, second, 4);
	third = add(&t, 3);
	up(&t, third, 4);
	session_conn_async(t.s, leading, &wish, t.now);
	pull(&t);
	assert_ptr_equal(t.logout, leading);
	assert_int_equal(t.reason, PDU_LOGOUT_CONNECTION);
	session_logout(t.s, NULL, t.now);
	pull(&t);
	assert_ptr_equal(t.logout, second);
	assert_int_equal(t.reason, PDU_LOGOUT_SESSION);
	end(&t, 1, FAULT_CLOSED);
	assert_ptr_equal(t.logout, third);
	assert_int_equal(t.reason, PDU_LOGOUT_SESSION);
	end(&t, 1, FAULT_TIMEOUT);
	assert_int_equal(t.logouts, 3);
	close_stage(&t);
	DUTY("LO-10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cid_wraps),
		cmocka_unit_test(test_fewer_come_back),
		cmocka_unit_test(test_logout_finds_a_way),
	};

	return cmocka_run_group_tests_name("engine_returning", tests, NULL, NULL);
}
