/*
 * engine_returning_test.c - the list of connections of a session: their numbers, how many come back
 * after a reinstatement and through which portal, which carries the Logout. Connections are made but
 * carry nothing.
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
	uint8_t level;         /* ErrorRecoveryLevel of the next login */
	enum fault_kind answer; /* of the last call that was answered */
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
		if (event.kind == SESSION_EVENT_ANSWER)
			t->answer = event.fault.kind;
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
	up.params.error_recovery_level = t->level;
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
	struct conn_options options = { .id = id, .port = 3260 };

	snprintf(options.host, sizeof(options.host), "192.0.2.%u", (unsigned)id);
	session_add_conn(t->s, &options, t, t->now);
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

/* The session waits, and makes its next connection: that member's, through that portal, in that time. */
static void expect_attempt(struct stage *t, uint64_t id, const char *host, uint32_t login_time)
{
	assert_int_equal(t->conns, 0);
	t->now = session_deadline(t->s);
	session_expire(t->s, t->now);
	pull(t);
	assert_int_equal(t->conns, 1);
	assert_int_equal(conn_id(t->conn[0]), id);
	assert_string_equal(conn_host(t->conn[0]), host);
	assert_int_equal(t->conn[0]->login_time, login_time);
	assert_int_equal(t->conn[0]->tsih, 0);
}

static void up_to(struct stage *t, uint64_t last)
{
	for (uint64_t id = 1; id <= last; id++)
		up(t, add(t, id), 8);
}

/* REC-1, TIM-6: first through the portal of the first connection that lived on, and so that a portal
 * that does not answer does not keep the others waiting; from the second round on each has the whole
 * time. */
static void test_living_portal_first(void **state)
{
	static const char *const hosts[] = { "192.0.2.2", "192.0.2.3", "192.0.2.9", "192.0.2.1" };
	static const uint64_t ids[] = { 2, 3, 1, 1 }; /* what nobody has is for the leading one */
	struct conn_options known = { .id = 9, .host = "192.0.2.9", .port = 3260 };
	struct stage t;
	uint64_t then;

	(void)state;
	open_stage(&t);
	assert_int_equal(session_set_portals(t.s, &known, 1), 0);
	up_to(&t, 3);
	end(&t, 0, FAULT_CLOSED);
	while (t.conns)
		end(&t, 0, FAULT_ABANDONED);
	for (unsigned i = 0; i < 9; i++) {
		then = t.now;
		expect_attempt(&t, ids[i % 4], hosts[i % 4], i < 4 ? 250 : 1000);
		if (i)
			assert_int_equal(t.now - then, i % 4 ? 0 : 5000 * MS);
		end(&t, 0, FAULT_CONNECT);
	}
	close_stage(&t);
	DUTY("REC-1 TIM-6");
}

/* A single portal needs no haste. */
static void test_only_portal(void **state)
{
	struct stage t;

	(void)state;
	open_stage(&t);
	up_to(&t, 1);
	end(&t, 0, FAULT_CLOSED);
	for (unsigned i = 0; i < 3; i++) {
		expect_attempt(&t, 1, "192.0.2.1", 1000);
		end(&t, 0, FAULT_CONNECT);
	}
	close_stage(&t);
}

/* The second connection was being removed, the leading one is lost: the third is the first that lived,
 * also when the list has become shorter. */
static void test_portal_after_removal(void **state)
{
	struct stage t;

	(void)state;
	open_stage(&t);
	up_to(&t, 4);
	session_remove_conn(t.s, 2, &t, t.now);
	pull(&t);
	end(&t, 0, FAULT_CLOSED);
	while (t.conns)
		end(&t, 0, FAULT_ABANDONED);
	expect_attempt(&t, 3, "192.0.2.3", 250);
	close_stage(&t);
}

/* MCS-5: a connection that is dropped by the target while it is being removed counts once, as long as it
 * has not ended and after that. */
static void test_stray_counts_once(void **state)
{
	struct conn_async drop = { .event = PDU_ASYNC_CONNECTION_DROP, .parameter3 = 20 };
	struct stage t;

	(void)state;
	open_stage(&t);
	t.level = 1;
	for (uint64_t id = 1; id <= 3; id++)
		up(&t, add(&t, id), 4);
	session_remove_conn(t.s, 3, &t, t.now);
	pull(&t);
	drop.parameter1 = t.conn[2]->cid;
	session_conn_async(t.s, t.conn[0], &drop, t.now);
	pull(&t);
	t.answer = FAULT_NONE;
	add(&t, 4);
	assert_int_equal(t.answer, FAULT_NONE);
	assert_int_equal(t.conns, 4);
	end(&t, 2, FAULT_ABANDONED);
	add(&t, 5);
	assert_int_equal(t.answer, FAULT_TOO_MANY);
	assert_int_equal(t.conns, 3);
	close_stage(&t);
	DUTY("MCS-5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cid_wraps),
		cmocka_unit_test(test_fewer_come_back),
		cmocka_unit_test(test_logout_finds_a_way),
		cmocka_unit_test(test_living_portal_first),
		cmocka_unit_test(test_only_portal),
		cmocka_unit_test(test_portal_after_removal),
		cmocka_unit_test(test_stray_counts_once),
	};

	return cmocka_run_group_tests_name("engine_returning", tests, NULL, NULL);
}
