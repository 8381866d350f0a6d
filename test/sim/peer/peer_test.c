/*
 * peer_test.c - the simulator's target above level 0, played with by hand: an oracle that is wrong
 * would let the engine be wrong, too. Not for what the simulator shows at level 0 anyway.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "hand.h"

enum { LUN_1 = 1 };

/* ---------------------------------------------------------------- tests: within a connection */

static void snacks_bring_the_same_again(void **state)
{
	struct world w;
	struct hand h;
	uint32_t bytes, stat_sn;

	(void)state;
	world_begin(&w, 1);
	w.options.data_in_len = 700;
	w.options.pdu_in_order = w.options.sequence_in_order = false;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x28, 16384);
	world_advance(&w, 1);
	assert_true(hand_take_read(&h, 0, &bytes) > 1);
	assert_int_equal(bytes, 16384);
	stat_sn = hand_field(&h, 24);
	hand_snack(&h, PDU_SNACK_DATA_R2T, 10, PDU_NO_TAG, 2, 2);
	hand_expect(&h, PDU_DATA_IN);
	assert_int_equal(hand_field(&h, 36), 2);
	hand_expect(&h, PDU_DATA_IN);
	assert_int_equal(hand_field(&h, 36), 3);
	hand_snack(&h, PDU_SNACK_STATUS, PDU_NO_TAG, PDU_NO_TAG, stat_sn, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(hand_field(&h, 24), stat_sn);
	h.exp_stat_sn--;
	hand_snack(&h, PDU_SNACK_R_DATA, 10, 0x1234, 0, 0);
	world_advance(&w, 1);
	hand_take_read(&h, 0, &bytes);
	assert_int_equal(bytes, 16384);
	assert_int_equal(hand_field(&h, 24), stat_sn);
	assert_int_equal(hand_field(&h, 20), 0x1234);
	assert_int_equal(peer_executed(w.peer, NUMBER), 1);
	world_end(&w);
}

static void a_snack_after_the_acknowledgement_is_blamed(void **state)
{
	struct world w;
	struct hand h;
	uint32_t bytes;

	(void)state;
	world_begin(&w, 1);
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x28, 4096);
	world_advance(&w, 1);
	hand_take_read(&h, 0, &bytes);
	h.exp_stat_sn++;
	hand_snack(&h, PDU_SNACK_DATA_R2T, 10, PDU_NO_TAG, 0, 1);
	hand_expect(&h, PDU_REJECT);
	world_end_blamed(&w, "a SNACK for no command");
}

static void data_are_acknowledged(void **state)
{
	struct world w;
	struct hand h;
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	world_begin(&w, 1);
	w.options.acknowledge = 1;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x28, 8192);
	world_advance(&w, 1);
	hand_expect(&h, PDU_DATA_IN);
	assert_true(h.got.bhs[1] & 0x40);
	pdu_put_snack(bhs, &(struct pdu_snack){ .type = PDU_SNACK_DATA_ACK,
		.initiator_task_tag = PDU_NO_TAG, .target_transfer_tag = hand_field(&h, 20),
		.exp_stat_sn = h.exp_stat_sn, .beg_run = 1 });
	hand_send(&h, bhs, NULL, 0);
	hand_expect(&h, PDU_DATA_IN);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	h.exp_stat_sn--;
	assert_null(peer_violation(w.peer));
	hand_snack(&h, PDU_SNACK_DATA_R2T, 10, PDU_NO_TAG, 0, 1); /* it has been acknowledged */
	hand_expect(&h, PDU_REJECT);
	assert_int_equal(h.got.bhs[2], PDU_REJECT_PROTOCOL);
	world_end_blamed(&w, "a Data SNACK");
}

static void damaged_immediate_data_want_the_command_again(void **state)
{
	struct world w;
	struct hand h;
	uint8_t bhs[PDU_BHS_LEN], data[512] = { 1 };

	(void)state;
	world_begin(&w, 1);
	w.data_digest = true;
	hand_login(&h, &w, 1, 0);
	hand_put_command(&h, bhs, 10, 100, 0x2a, 512);
	hand_send_damaged(&h, bhs, data, 512, true);
	hand_expect(&h, PDU_REJECT);
	assert_int_equal(h.got.bhs[2], PDU_REJECT_DATA_DIGEST);
	assert_int_equal(hand_field(&h, 28), 100);
	hand_command(&h, 11, 101, 0x00, 0);
	world_advance(&w, 1);
	assert_false(hand_receive(&h)); /* it waits behind the hole */
	hand_put_command(&h, bhs, 10, 100, 0x2a, 512);
	hand_send(&h, bhs, data, 512);
	world_advance(&w, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(hand_field(&h, 16), 10);
	assert_int_equal(hand_field(&h, 28), 102);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(peer_counts(w.peer)->retries, 1);
	world_end(&w);
}

static void another_command_as_retry_is_blamed(void **state)
{
	struct world w;
	struct hand h;
	uint8_t bhs[PDU_BHS_LEN], data[512] = { 1 };

	(void)state;
	world_begin(&w, 1);
	w.data_digest = true;
	hand_login(&h, &w, 1, 0);
	hand_put_command(&h, bhs, 10, 100, 0x2a, 512);
	hand_send_damaged(&h, bhs, data, 512, true);
	hand_command(&h, 10, 100, 0x28, 512);
	world_end_blamed(&w, "a number again with another request");
}

static void a_request_is_not_executed_twice(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 1);
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, PEER_INCREMENT, 0);
	world_advance(&w, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	hand_command(&h, 10, 100, PEER_INCREMENT, 0); /* a retry that nobody needed: ignored */
	world_advance(&w, 1);
	assert_false(hand_receive(&h));
	assert_int_equal(peer_executed(w.peer, NUMBER), 1);
	assert_int_equal(peer_counter(w.peer, 0), 1);
	assert_int_equal(peer_counts(w.peer)->duplicates, 1);
	world_end(&w);
}

static void a_needless_repeat_is_blamed(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 1);
	w.options.needless_repeats = false;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, PEER_INCREMENT, 0);
	world_advance(&w, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	hand_command(&h, 10, 100, PEER_INCREMENT, 0);
	world_end_blamed(&w, "sent again though nothing of it was lost");
}

static void damaged_data_are_asked_for_again(void **state)
{
	struct world w;
	struct hand h;
	uint32_t at, len, half;

	(void)state;
	world_begin(&w, 1);
	w.data_digest = true;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x2a, 2048);
	hand_expect(&h, PDU_R2T);
	at = hand_field(&h, 40);
	len = hand_field(&h, 44);
	half = len > 1 ? len / 2 : len;
	hand_data_out(&h, 10, hand_field(&h, 20), 0, at, half, half == len, true);
	if (half < len)
		hand_data_out(&h, 10, hand_field(&h, 20), 1, at + half, len - half, true, false);
	while (hand_receive(&h))
		if (h.got.opcode == PDU_R2T)
			hand_answer_r2t(&h, 10);
	world_advance(&w, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(peer_counts(w.peer)->recovery_r2ts, 1);
	assert_int_equal(peer_counts(w.peer)->rejects, 1);
	assert_int_equal(peer_block(w.peer, 0, 3)[511], 0x5a);
	assert_int_equal(peer_executed(w.peer, NUMBER), 1);
	world_end(&w);
}

/* ---------------------------------------------------------------- tests: commands */

static void long_and_bidirectional(void **state)
{
	struct world w;
	struct hand h;
	uint8_t bhs[PDU_BHS_LEN], cdb[32] = { PEER_VARIABLE, [7] = 0x18, [9] = 0x09 }, rest[64 + 512];
	struct pdu_scsi_command c = { .final = true, .read = true, .initiator_task_tag = 10,
		.expected_data_transfer_length = 512, .cmd_sn = 100 };
	size_t ahs;

	(void)state;
	world_begin(&w, 0);
	hand_login(&h, &w, 1, 0);
	bytes_put16(cdb + 20, NUMBER);
	bytes_put32(cdb + 28, 1);
	memcpy(c.cdb, cdb, 16);
	ahs = pdu_put_ahs_cdb(rest, cdb, sizeof(cdb));
	c.total_ahs_length = (uint8_t)(ahs / 4);
	c.exp_stat_sn = h.exp_stat_sn;
	pdu_put_scsi_command(bhs, &c);
	hand_send(&h, bhs, rest, (uint32_t)ahs);
	world_advance(&w, 1);
	hand_expect(&h, PDU_DATA_IN);
	assert_int_equal(h.got.len, 512);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(peer_executed(w.peer, NUMBER), 1);

	memset(rest, 3, sizeof(rest));
	ahs = pdu_put_ahs_bidi(rest, 512);
	c = (struct pdu_scsi_command){ .final = true, .read = true, .write = true, .cmd_sn = 101,
		.initiator_task_tag = 11, .expected_data_transfer_length = 512, .total_ahs_length = 2,
		.exp_stat_sn = h.exp_stat_sn, .cdb = { PEER_XDWRITEREAD, [8] = 1 } };
	pdu_put_scsi_command(bhs, &c);
	hand_send(&h, bhs, rest, (uint32_t)ahs + 512);
	world_advance(&w, 1);
	hand_expect(&h, PDU_DATA_IN);
	assert_int_equal(h.got.data[0], 3); /* nothing had been there */
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(peer_block(w.peer, 0, 0)[511], 3);
	world_end(&w);
}

/* ---------------------------------------------------------------- tests: connections */

static void tasks_of_a_lost_connection_are_reassigned(void **state)
{
	struct world w;
	struct hand h[2];
	uint32_t bytes;

	(void)state;
	world_begin(&w, 2);
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 10, 100, 0x28, 4096);
	hand_command(&h[0], 12, 102, 0x00, 0); /* behind a hole: never acknowledged */
	world_advance(&w, 1);
	peer_conn_closed(h[0].conn);
	w.cmd_sn = 103;
	hand_logout(&h[1], PDU_LOGOUT_RECOVERY, &h[0], 0);
	assert_int_equal(hand_field(&h[1], 28), 101);
	hand_manage(&h[1], PDU_TASK_REASSIGN, 10, 0, 0);
	hand_expect_managed(&h[1], 0);
	world_advance(&w, 1);
	hand_take_read(&h[1], 0, &bytes);
	assert_int_equal(bytes, 4096);
	hand_manage(&h[1], PDU_TASK_REASSIGN, 12, 0, 0);
	hand_expect_managed(&h[1], 1); /* it was dropped */
	h[1].exp_stat_sn = hand_field(&h[1], 24) + 1;
	hand_command(&h[1], 11, 101, 0x00, 0);
	hand_command(&h[1], 12, 102, 0x00, 0);
	world_advance(&w, 1);
	hand_expect(&h[1], PDU_SCSI_RESPONSE);
	hand_expect(&h[1], PDU_SCSI_RESPONSE);
	assert_int_equal(peer_executed(w.peer, NUMBER), 3);
	assert_int_equal(peer_counts(w.peer)->cleanups[0], 1);
	world_end(&w);
}

static void reassigning_too_early_is_blamed(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 2);
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 10, 100, 0x28, 4096);
	peer_conn_closed(h[0].conn);
	hand_manage(&h[1], PDU_TASK_REASSIGN, 10, 0, 0);
	world_end_blamed(&w, "before the connection was logged out");
}

static void sending_elsewhere_too_early_is_blamed(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 2);
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 11, 101, 0x00, 0);
	peer_conn_closed(h[0].conn);
	hand_command(&h[1], 11, 101, 0x00, 0);
	world_end_blamed(&w, "that was not logged out");
}

static void repeating_what_was_acknowledged_is_blamed(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 2);
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 10, 100, PEER_INCREMENT, 0);
	peer_conn_closed(h[0].conn);
	hand_logout(&h[1], PDU_LOGOUT_CONNECTION, &h[0], 0);
	hand_command(&h[1], 10, 100, PEER_INCREMENT, 0);
	world_end_blamed(&w, "though it was acknowledged");
}

static void closing_kills_and_tells(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 1);
	w.options.hang = w.options.hangs = 1;
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[0], 10, 100, 0x28, 4096);
	world_advance(&w, 1);
	peer_conn_closed(h[0].conn);
	w.cmd_sn = 101;
	hand_logout(&h[1], PDU_LOGOUT_CONNECTION, &h[0], 0);
	hand_logout(&h[1], PDU_LOGOUT_CONNECTION, &h[0], 1);
	hand_command(&h[1], 11, 101, 0x00, 0);
	world_advance(&w, 1);
	hand_expect(&h[1], PDU_SCSI_RESPONSE);
	assert_int_equal(h[1].got.bhs[3], 2);
	assert_int_equal(bytes_get16(h[1].got.data + 2 + 12), 0x477f);
	world_end(&w);
}

static void the_last_connection_comes_back(void **state)
{
	struct world w;
	struct hand h;
	uint32_t bytes, stat_sn;

	(void)state;
	world_begin(&w, 2);
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x28, 4096);
	world_advance(&w, 1);
	hand_take_read(&h, 0, &bytes);
	stat_sn = h.exp_stat_sn;
	peer_conn_closed(h.conn);
	assert_int_equal(peer_sessions(w.peer), 1);
	world_advance(&w, 19 * SECOND);
	w.cmd_sn = 101;
	hand_login(&h, &w, 1, stat_sn);
	assert_int_equal(peer_counts(w.peer)->continued, 1);
	hand_manage(&h, PDU_TASK_REASSIGN, 10, 0, 1);
	hand_expect_managed(&h, 0);
	world_advance(&w, 1);
	hand_take_read(&h, 0, &bytes);
	assert_int_equal(bytes, 0); /* one PDU, which was acknowledged */
	assert_int_equal(peer_executed(w.peer, NUMBER), 1);
	world_end(&w);
}

static void what_is_not_taken_up_is_forgotten(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 2);
	hand_login(&h, &w, 1, 0);
	peer_conn_closed(h.conn);
	assert_int_equal(peer_deadline(w.peer), w.now + 20 * SECOND);
	world_advance(&w, 20 * SECOND);
	assert_int_equal(peer_sessions(w.peer), 0);
	world_end(&w);
}

/* ---------------------------------------------------------------- tests: task management */

static void an_abort_plugs_a_hole(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 1);
	w.options.hang = w.options.hangs = 1;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x00, 0);
	world_advance(&w, 1);
	hand_command(&h, 12, 102, 0x00, 0);
	w.cmd_sn = 103;
	hand_manage(&h, PDU_QUERY_TASK, 10, 100, 0);
	hand_expect_managed(&h, 7);
	hand_manage(&h, PDU_ABORT_TASK, 10, 100, 0);
	hand_expect_managed(&h, 0);
	hand_manage(&h, PDU_ABORT_TASK, 11, 101, 0);
	hand_expect_managed(&h, 0);
	world_advance(&w, 1);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(hand_field(&h, 28), 103);
	hand_manage(&h, PDU_ABORT_TASK, 10, 100, 0);
	hand_expect_managed(&h, 1);
	world_end(&w);
}

static void a_reset_waits_for_acknowledgement(void **state)
{
	struct world w;
	struct hand h[2];

	(void)state;
	world_begin(&w, 1);
	w.options.task_reporting = "RFC3720,ResponseFence";
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[1], 10, 100, 0x00, 0);
	world_advance(&w, 1);
	hand_expect(&h[1], PDU_SCSI_RESPONSE);
	hand_command(&h[0], 11, 101, 0x2a, 4096);
	hand_expect(&h[0], PDU_R2T);
	w.cmd_sn = 102;
	hand_manage(&h[0], PDU_LOGICAL_UNIT_RESET, PDU_NO_TAG, 0, 0);
	assert_false(hand_receive(&h[0]));
	/* cut short */
	hand_data_out(&h[0], 11, hand_field(&h[0], 20), 0, hand_field(&h[0], 40), 1, true, false);
	assert_false(hand_receive(&h[0]));
	hand_expect(&h[1], PDU_NOP_IN);
	hand_nop(&h[1], PDU_NO_TAG, hand_field(&h[1], 20), 0);
	hand_expect_managed(&h[0], 0);
	hand_command(&h[0], 12, 102, 0x00, 0);
	world_advance(&w, 1);
	hand_expect(&h[0], PDU_SCSI_RESPONSE);
	assert_int_equal(bytes_get16(h[0].got.data + 2 + 12), 0x2903);
	assert_int_equal(peer_executed(w.peer, NUMBER), 1);
	world_end(&w);
}

static void aborting_fast_is_told(void **state)
{
	struct world w;
	struct hand h[2];
	uint32_t ttt;

	(void)state;
	world_begin(&w, 1);
	w.options.task_reporting = "RFC3720,FastAbort";
	hand_login(&h[0], &w, 1, 0);
	hand_login(&h[1], &w, 2, 0);
	hand_command(&h[1], 11, 100, 0x2a, 4096);
	hand_expect(&h[1], PDU_R2T);
	ttt = hand_field(&h[1], 20);
	w.cmd_sn = 101;
	hand_manage(&h[0], PDU_ABORT_TASK_SET, PDU_NO_TAG, 0, 0);
	assert_false(hand_receive(&h[0]));
	hand_data_out(&h[1], 11, ttt, 0, hand_field(&h[1], 40), 1, false, false); /* was on its way */
	hand_expect(&h[1], PDU_ASYNC);
	assert_int_equal(h[1].got.bhs[36], PDU_ASYNC_TASKS_ENDED);
	hand_nop(&h[1], PDU_NO_TAG, PDU_NO_TAG, 0);
	hand_expect_managed(&h[0], 0);
	assert_null(peer_violation(w.peer));
	hand_data_out(&h[1], 11, ttt, 1, hand_field(&h[1], 40) + 1, 1, false, false);
	world_end_blamed(&w, "after Async 5");
}

static void other_units_are_spared(void **state)
{
	struct world w;
	struct hand h;

	(void)state;
	world_begin(&w, 1);
	w.options.delay = SECOND;
	hand_login(&h, &w, 1, 0);
	hand_command(&h, 10, 100, 0x00, 0);
	w.cmd_sn = 101;
	hand_manage_unit(&h, PDU_LOGICAL_UNIT_RESET, LUN_1, PDU_NO_TAG, 0, 0);
	hand_expect_managed(&h, 0);
	world_advance(&w, SECOND);
	hand_expect(&h, PDU_SCSI_RESPONSE);
	assert_int_equal(h.got.bhs[3], 0);
	hand_manage_unit(&h, PDU_LOGICAL_UNIT_RESET, 7, PDU_NO_TAG, 0, 0);
	hand_expect_managed(&h, 2);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(snacks_bring_the_same_again),
		cmocka_unit_test(a_snack_after_the_acknowledgement_is_blamed),
		cmocka_unit_test(data_are_acknowledged),
		cmocka_unit_test(damaged_immediate_data_want_the_command_again),
		cmocka_unit_test(another_command_as_retry_is_blamed),
		cmocka_unit_test(a_request_is_not_executed_twice),
		cmocka_unit_test(a_needless_repeat_is_blamed),
		cmocka_unit_test(damaged_data_are_asked_for_again),
		cmocka_unit_test(long_and_bidirectional),
		cmocka_unit_test(tasks_of_a_lost_connection_are_reassigned),
		cmocka_unit_test(reassigning_too_early_is_blamed),
		cmocka_unit_test(sending_elsewhere_too_early_is_blamed),
		cmocka_unit_test(repeating_what_was_acknowledged_is_blamed),
		cmocka_unit_test(closing_kills_and_tells),
		cmocka_unit_test(the_last_connection_comes_back),
		cmocka_unit_test(what_is_not_taken_up_is_forgotten),
		cmocka_unit_test(an_abort_plugs_a_hole),
		cmocka_unit_test(a_reset_waits_for_acknowledgement),
		cmocka_unit_test(aborting_fast_is_told),
		cmocka_unit_test(other_units_are_spared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
