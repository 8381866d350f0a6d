/*
 * engine_window_holder_test.c - connections of a session whose target does not sort numbers over
 * connections (TOL-8): what is not acknowledged is on one of them only, and each gets its turn.
 */
#include "engine_fake_pair.h"

#include "../duty.h"

static void begin(struct pair *p)
{
	pair_begin(p, &(struct pair_terms){ .conns = 2, .level = 1, .one_holder = true });
}

static struct task *submit(struct pair *p, unsigned at)
{
	struct task *task = pair_keep(p, fake_read(512));

	fake_submit(p->c[at], task);
	return task;
}

static uint32_t take(struct pair *p, unsigned at)
{
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(p->c[at], PDU_SCSI_COMMAND, bhs, NULL, 0);
	return bytes_get32(bhs + 24);
}

static void test_turns(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	submit(&p, 0);
	assert_int_equal(take(&p, 0), 1000);
	submit(&p, 1);
	assert_false(fake_has_sent(p.c[1]));
	submit(&p, 0); /* it may go on while it holds the turn */
	assert_int_equal(take(&p, 0), 1001);
	pair_acknowledge(&p, 0, 1001);
	assert_false(fake_has_sent(p.c[1]));
	pair_acknowledge(&p, 0, 1002);
	assert_true(p.c[0]->wakes > 0);
	submit(&p, 0);
	assert_false(fake_has_sent(p.c[0])); /* the other one asked before */
	assert_int_equal(take(&p, 1), 1002);
	assert_false(fake_has_sent(p.c[0]));
	pair_acknowledge(&p, 1, 1003);
	assert_int_equal(take(&p, 0), 1003);
	pair_end(&p);
	DUTY("TOL-8");
}

/* Who claimed the turn ends, or is to be logged out: the others go on. */
static void test_claimant_leaves(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned logs_out = 0; logs_out < 2; logs_out++) {
		begin(&p);
		submit(&p, 0);
		take(&p, 0);
		submit(&p, 1);
		assert_false(fake_has_sent(p.c[1]));
		if (logs_out) {
			submit(&p, 1);
			conn_logout(p.c[1]->conn, PDU_LOGOUT_CONNECTION, p.fake.now);
			fake_pump(&p.fake);
		} else {
			fake_closed(p.c[1], FAULT_CLOSED);
		}
		assert_int_equal(pair_last(&p, 1)->outcome, TASK_UNSENT);
		pair_acknowledge(&p, 0, 1001);
		submit(&p, 0);
		while (fake_has_sent(p.c[0]) && pdu_opcode(p.c[0]->sent) == PDU_LOGOUT_REQUEST)
			pair_take_logout(&p, 0); /* of the lost one */
		assert_int_equal(take(&p, 0), 1001);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_claimant_leaves),
	};

	return cmocka_run_group_tests_name("engine_window_holder", tests, NULL, NULL);
}
