/*
 * engine_waiting_test.c - what a connection tells of commands that wait: those without a number, how many
 * numbers there are, and whether a command's arrival was known before its answer came.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

static void test_waiting(void **state)
{
	struct pair p;
	uint32_t room;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2 });
	room = conn_room(p.c[0]->conn);
	assert_true(room > 2);
	assert_int_equal(conn_waiting(p.c[0]->conn), 0);
	for (unsigned i = 0; i < 2; i++)
		fake_submit(p.c[0], pair_keep(&p, fake_read(512)));
	assert_int_equal(conn_waiting(p.c[0]->conn), 2);
	assert_int_equal(conn_room(p.c[1]->conn), room);
	assert_true(fake_has_sent(p.c[0]));
	assert_int_equal(conn_waiting(p.c[0]->conn), 0);
	assert_int_equal(conn_waiting(p.c[1]->conn), 0);
	assert_int_equal(conn_room(p.c[1]->conn), room - 2);
	fake_submit(p.c[1], pair_keep(&p, fake_read(512)));
	conn_logout(p.c[1]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
	assert_int_equal(conn_waiting(p.c[1]->conn), 0);
	fake_pump(&p.fake);
	assert_int_equal(pair_last(&p, 1)->outcome, TASK_UNSENT);
	pair_end(&p);
	DUTY("WIN-3");
}

static void test_had_arrived(void **state)
{
	struct task *first, *second;
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2 });
	first = pair_send(&p, 0, 0, NULL);
	second = pair_send(&p, 0, 0, NULL);
	pair_acknowledge(&p, 1, 1001); /* only the first; told on the other connection */
	pair_answer(&p, 0, first);
	pair_answer(&p, 0, second);
	assert_int_equal(first->outcome, TASK_COMPLETE);
	assert_int_equal(second->outcome, TASK_COMPLETE);
	assert_true(first->had_arrived);
	assert_false(second->had_arrived);
	pair_end(&p);
	DUTY("SN-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_had_arrived),
	};

	return cmocka_run_group_tests_name("engine_waiting", tests, NULL, NULL);
}
