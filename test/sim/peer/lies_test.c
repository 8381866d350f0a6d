/*
 * lies_test.c - the simulator's target when it claims what is not so, or refuses; see peer_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hand.h"

static void a_target_can_refuse_to_clean_up(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 2);
	w.options.lies.cleanup_answer = 3;
	w.options.lies.reassign_answer = 255;
	w.options.lies.most = 2;
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 10, 100, 0x28, 4096);
	peer_conn_closed(h[0].conn);
	w.cmd_sn = 101;
	hand_logout(&h[1], PDU_LOGOUT_RECOVERY, &h[0], 3);
	peer_options(w.peer)->lies.cleanup_answer = -1;
	hand_logout(&h[1], PDU_LOGOUT_RECOVERY, &h[0], 0);
	hand_manage(&h[1], PDU_TASK_REASSIGN, 10, 0, 0);
	hand_expect_managed(&h[1], 255);
	hand_manage(&h[1], PDU_TASK_REASSIGN, 10, 0, 0);
	hand_expect_managed(&h[1], 0);
	assert_int_equal(peer_counts(w.peer)->lies, 2);
	world_end(&w);
}

static void a_target_can_lack_its_level(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 2);
	w.options.lies.level_had = 1;
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 10, 100, 0x28, 4096);
	peer_conn_closed(h[0].conn);
	w.cmd_sn = 101;
	hand_logout(&h[1], PDU_LOGOUT_RECOVERY, &h[0], 2);
	hand_logout(&h[1], PDU_LOGOUT_CONNECTION, &h[0], 0);
	hand_manage(&h[1], PDU_TASK_REASSIGN, 10, 0, 0);
	hand_expect_managed(&h[1], 4);
	world_end(&w);
}

static void a_refused_snack_ends_the_command(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 1);
	w.options.lies.snack_refused = true;
	w.options.delay = SECOND;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x28, 16384);
	while (!hand_receive(&h))
		world_advance(&w, SECOND / 100);
	assert_int_equal(h.got.opcode, PDU_DATA_IN);
	hand_snack(&h, PDU_SNACK_DATA_R2T, 10, PDU_NO_TAG, 0, 1);
	while (h.got.opcode == PDU_DATA_IN)
		assert_true(hand_receive(&h));
	assert_int_equal(h.got.opcode, PDU_REJECT);
	assert_int_equal(h.got.bhs[2], PDU_REJECT_SNACK);
	world_advance(&w, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(bytes_get16(h.got.data + 2 + 12), 0x1113);
	world_end(&w);
}

static void requests_after_a_logout_request_are_refused(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 1);
	w.options.refuse_leaving = true;
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	peer_conn_async(h[0].conn, PDU_ASYNC_LOGOUT_REQUESTED, 0, 0, 3);
	hand_expect(&h[0], PDU_ASYNC);
	hand_command(&h[0], 10, 100, 0x00, 0);
	hand_expect(&h[0], PDU_REJECT);
	assert_int_equal(h[0].got.bhs[2], PDU_REJECT_WAITING_LOGOUT);
	w.cmd_sn = 101;
	hand_logout(&h[0], PDU_LOGOUT_CONNECTION, &h[0], 0);
	hand_command(&h[1], 10, 100, 0x00, 0);
	world_advance(&w, 1);
	hand_expect(&h[1], PDU_SCSI_RESPONSE);
	world_end(&w);
}

/* ST-1: the first number of a connection may be any, so only a later one can be wrong. */
static void the_first_stat_sn_of_a_login_is_no_fault(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 1);
	w.options.fault = "login: StatSN ahead";
	hand_login(&h, &w, 1, 0);
	hand_nop(&h, 10, PDU_NO_TAG, 0);
	hand_expect(&h, PDU_NOP_IN);
	assert_int_equal(peer_faults_done(w.peer), 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_can_refuse_to_clean_up),
		cmocka_unit_test(a_target_can_lack_its_level),
		cmocka_unit_test(a_refused_snack_ends_the_command),
		cmocka_unit_test(requests_after_a_logout_request_are_refused),
		cmocka_unit_test(the_first_stat_sn_of_a_login_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
