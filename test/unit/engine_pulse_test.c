/*
 * engine_pulse_test.c - whether the target is still there (RFC 7143 sections 10.3, 11.18, 11.19):
 * round trip, silence, doubt and trust in virtual time; pings and their answers, storms of them;
 * and what a connection costs while nothing happens.
 */
#include "engine_fake_login.h"
#include "engine_fake_pair.h"

#include "engine/conn.h"
#include "engine/pulse.h"
#include "../duty.h"

#define MS UINT64_C(1000000)
#define LUN(n) ((uint64_t)(n) << 48)

static const struct session_times times = { .ping_idle = 5000, .ping_wait = 4000, .doubt = 200 };

static void begin(struct pair *p)
{
	pair_begin(p, &(struct pair_terms){ .conns = 1, .times = times });
}

/* ---------------------------------------------------------------- the round trip */

/* The shortest exchange of the login counts. */
static void test_login_is_measured(void **state)
{
	static const char keys[] = LOGIN_GOOD;
	struct bench b;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	assert_int_equal(conn_round_trip(b.c->conn), 0);
	fake_wait(&b.fake, 50);
	fake_give_login(b.c, 0x81, FAKE_TEXT(LOGIN_FIRST));
	bench_take(&b);
	fake_wait(&b.fake, 30);
	fake_give_login(b.c, 0x04, NULL, 0);
	bench_take(&b);
	fake_wait(&b.fake, 70);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, keys, sizeof(keys));
	assert_true(b.c->up);
	assert_int_equal(conn_round_trip(b.c->conn), 30 * MS);
	fake_end(&b.fake);
	DUTY("TIM-4");
}

/* Makes the round trip what the test wants. */
static void measure(struct pair *p, uint64_t ms)
{
	for (unsigned i = 0; i < 200; i++)
		pulse_measured(p->c[0]->conn, ms * MS);
}

static void test_ping_is_measured(void **state)
{
	struct pdu_nop_out nop;
	struct pair p;

	(void)state;
	begin(&p);
	fake_wait(&p.fake, 5000);
	nop = pair_take_nop(&p, 0);
	assert_true(nop.immediate);
	assert_int_equal(nop.cmd_sn, 1000);
	assert_int_equal(nop.exp_stat_sn, p.c[0]->stat_sn);
	fake_wait(&p.fake, 80);
	pair_echo(&p, 0, nop.initiator_task_tag);
	assert_true(conn_round_trip(p.c[0]->conn) / MS == 10); /* an eighth of it */
	measure(&p, 80);
	assert_true(conn_round_trip(p.c[0]->conn) > 79 * MS && conn_round_trip(p.c[0]->conn) < 81 * MS);
	pair_end(&p);
	DUTY("TIM-4 NOP-3 NOP-6");
}

/* ---------------------------------------------------------------- silence */

/* A silent cut under load: doubted after the patience, again after each further one, and over when
 * the ping has had its time. */
static void test_doubt(void **state)
{
	struct task *task;
	struct pair p;

	(void)state;
	begin(&p);
	task = pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 199);
	assert_int_equal(p.c[0]->doubts, 0);
	assert_false(fake_has_sent(p.c[0]));
	fake_wait(&p.fake, 1);
	assert_int_equal(p.c[0]->doubts, 1);
	assert_int_equal(p.c[0]->silence, 200 * MS);
	assert_true(pair_take_nop(&p, 0).initiator_task_tag != PDU_NO_TAG);
	for (unsigned i = 2; i <= 20; i++) {
		fake_wait(&p.fake, 199);
		assert_int_equal(p.c[0]->doubts, i - 1);
		fake_wait(&p.fake, 1);
		assert_int_equal(p.c[0]->doubts, i);
		assert_int_equal(p.c[0]->silence, 200 * MS * i);
		assert_false(fake_has_sent(p.c[0]));
	}
	assert_false(p.c[0]->ended);
	fake_wait(&p.fake, 200);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_TIMEOUT);
	assert_int_equal(p.c[0]->trusts, 0);
	assert_ptr_equal(pair_last(&p, 0), task);
	assert_int_equal(task->outcome, TASK_SUSPENDED);
	pair_end(&p);
	DUTY("NOP-6 TIM-4 RV-1.5");
}

/* The caller's look at the transport ends it at once. */
static void test_doubt_confirmed(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 200);
	assert_int_equal(p.c[0]->doubts, 1);
	fake_closed(p.c[0], FAULT_TIMEOUT);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->done_count, 1);
	pair_end(&p);
}

/* The patience follows the round trip, between its bounds. */
static void test_patience(void **state)
{
	static const struct { uint64_t trip, patience; } cases[] = {
		{ 1, 200 }, { 25, 200 }, { 100, 800 }, { 400, 3200 }, { 600, 4000 }, { 10000, 4000 },
	};
	struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&p);
		measure(&p, cases[i].trip);
		pair_send(&p, 0, 0, NULL);
		fake_wait(&p.fake, cases[i].patience - 1);
		assert_int_equal(p.c[0]->doubts, 0);
		fake_wait(&p.fake, 1);
		assert_int_equal(p.c[0]->doubts, 1);
		pair_end(&p);
	}
	DUTY("TIM-4");
}

/* Whatever comes is a sign of life; and a doubt is told to be over once. */
static void test_trust(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 200);
	fake_wait(&p.fake, 200);
	assert_int_equal(p.c[0]->doubts, 2);
	pair_take_nop(&p, 0);
	pair_acknowledge(&p, 0, 1001);
	assert_int_equal(p.c[0]->trusts, 1);
	pair_acknowledge(&p, 0, 1001);
	assert_int_equal(p.c[0]->trusts, 1);
	fake_wait(&p.fake, 199);
	assert_int_equal(p.c[0]->doubts, 2);
	pair_end(&p);
}

/* A long command is no reason for a doubt while pings are answered; without an answer there is
 * one. */
static void test_long_command(void **state)
{
	struct pdu_nop_out nop;
	struct pair p;

	(void)state;
	begin(&p);
	pair_send(&p, 0, 0, NULL);
	pair_acknowledge(&p, 0, 1001);
	for (unsigned i = 0; i < 100; i++) {
		fake_wait(&p.fake, 199);
		assert_false(fake_has_sent(p.c[0]));
		fake_wait(&p.fake, 1);
		nop = pair_take_nop(&p, 0);
		fake_wait(&p.fake, 10);
		pair_echo(&p, 0, nop.initiator_task_tag);
	}
	assert_int_equal(p.c[0]->doubts, 0);
	fake_wait(&p.fake, 200);
	pair_take_nop(&p, 0);
	fake_wait(&p.fake, 199);
	assert_int_equal(p.c[0]->doubts, 0);
	fake_wait(&p.fake, 1);
	assert_int_equal(p.c[0]->doubts, 1);
	pair_end(&p);
	DUTY("RV-1.6");
}

/* A ping that is out already is taken for the question: other bytes came after it had left. */
static void test_ping_is_out(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 200);
	pair_take_nop(&p, 0);
	pair_acknowledge(&p, 0, 1001); /* trusted again, but the ping is not answered */
	fake_wait(&p.fake, 200);
	assert_false(fake_has_sent(p.c[0]));
	assert_int_equal(p.c[0]->doubts, 1);
	fake_wait(&p.fake, 200);
	assert_int_equal(p.c[0]->doubts, 2);
	fake_wait(&p.fake, 3800);
	assert_true(p.c[0]->ended);
	pair_end(&p);
}

/* Nothing is asked, nothing is doubted: a ping after the idle time, then the same as under load. */
static void test_idle(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	fake_wait(&p.fake, 4999);
	assert_false(fake_has_sent(p.c[0]));
	fake_wait(&p.fake, 1);
	pair_take_nop(&p, 0);
	fake_wait(&p.fake, 199);
	assert_int_equal(p.c[0]->doubts, 0);
	fake_wait(&p.fake, 1);
	assert_int_equal(p.c[0]->doubts, 1);
	fake_wait(&p.fake, 3800);
	assert_true(p.c[0]->ended);
	pair_end(&p);
	DUTY("NOP-6");
}

/* Without limits nothing is asked or doubted. */
static void test_switched_off(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 1 });
	pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 100000000);
	assert_false(fake_has_sent(p.c[0]));
	assert_int_equal(p.c[0]->doubts, 0);
	assert_false(p.c[0]->ended);
	pair_end(&p);
}

/* In ordering mode a ping has to wait for its turn: nothing leaves, and the one whose turn it is
 * ends. */
static void test_other_ones_turn(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .ordering = true,
		.times = { .ping_idle = 5000, .ping_wait = 4000 } });
	pair_send(&p, 0, 0, NULL);
	fake_wait(&p.fake, 5000);
	assert_false(fake_has_sent(p.c[0])); /* it holds the pause, and the number is not acknowledged */
	assert_false(fake_has_sent(p.c[1]));
	fake_wait(&p.fake, 4000);
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_TIMEOUT);
	pair_end(&p);
	DUTY("TOL-8");
}

/* ---------------------------------------------------------------- the target's pings */

/* Many PDUs with one read. */
static void give_at_once(struct fake_conn *c, uint8_t pdu[][PDU_BHS_LEN], unsigned n)
{
	static uint8_t staging[80 * PDU_BHS_LEN];
	struct iovec iov[2];

	assert_int_equal(conn_space(c->conn, staging, sizeof(staging), iov), 1);
	assert_true(n * PDU_BHS_LEN <= iov[0].iov_len);
	memcpy(iov[0].iov_base, pdu, n * PDU_BHS_LEN);
	conn_received(c->conn, n * PDU_BHS_LEN, c->fake->now);
	fake_pump(c->fake);
}

/* NOP-1, NOP-2: as many as may wait are answered, in order; one more is too many. */
static void test_storm_of_pings(void **state)
{
	uint8_t pdu[CONN_ANSWERS + 1][PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		begin(&p);
		for (unsigned i = 0; i < CONN_ANSWERS + more; i++) {
			pdu_put_nop_in(pdu[i], &(struct pdu_nop_in){ .lun = LUN(i),
				.initiator_task_tag = PDU_NO_TAG, .target_transfer_tag = 100 + i });
			fake_numbers(p.c[0], pdu[i], false);
		}
		give_at_once(p.c[0], pdu, CONN_ANSWERS + more);
		assert_int_equal(p.c[0]->ended, more);
		for (unsigned i = 0; !more && i < CONN_ANSWERS; i++) {
			struct pdu_nop_out nop = pair_take_nop(&p, 0);

			assert_true(nop.immediate && nop.lun == LUN(i));
			assert_int_equal(nop.initiator_task_tag, PDU_NO_TAG);
			assert_int_equal(nop.target_transfer_tag, 100 + i);
			assert_int_equal(nop.cmd_sn, 1000);
		}
		assert_false(!more && fake_has_sent(p.c[0]));
		pair_end(&p);
	}
	DUTY("NOP-1 NOP-2");
}

/* The same while data and commands fill the send queue. */
static void test_pings_and_data(void **state)
{
	uint8_t pdu[CONN_ANSWERS][PDU_BHS_LEN];
	struct pdu_r2t r2t = { .target_transfer_tag = 5 };
	struct task *task = fake_write(1 << 19);
	uint8_t bhs[PDU_BHS_LEN];
	unsigned answers = 0;
	struct pair p;

	(void)state;
	begin(&p);
	pair_keep(&p, task);
	fake_submit(p.c[0], task);
	fake_take(p.c[0], PDU_SCSI_COMMAND, bhs, NULL, 0);
	r2t.initiator_task_tag = task->itt;
	r2t.desired_data_transfer_length = 65536;
	pdu_put_r2t(bhs, &r2t);
	pair_give(&p, 0, bhs, false);
	for (unsigned i = 0; i < CONN_ANSWERS; i++) {
		pdu_put_nop_in(pdu[i], &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = i });
		fake_numbers(p.c[0], pdu[i], false);
	}
	give_at_once(p.c[0], pdu, CONN_ANSWERS);
	while (fake_has_sent(p.c[0])) {
		answers += pdu_opcode(p.c[0]->sent) == PDU_NOP_OUT;
		fake_take(p.c[0], pdu_opcode(p.c[0]->sent), bhs, NULL, 0);
	}
	assert_int_equal(answers, CONN_ANSWERS);
	assert_int_equal(task->sent, 65536);
	pair_end(&p);
}

static void test_storm_of_asyncs(void **state)
{
	uint8_t pdu[CONN_ASYNCS + 1][PDU_BHS_LEN];
	struct pair p;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		begin(&p);
		for (unsigned i = 0; i < CONN_ASYNCS + more; i++) {
			pdu_put_async(pdu[i], &(struct pdu_async){ .async_event = 250,
				.initiator_task_tag = PDU_NO_TAG, .parameter1 = (uint16_t)i });
			fake_numbers(p.c[0], pdu[i], true);
		}
		give_at_once(p.c[0], pdu, CONN_ASYNCS + more);
		assert_int_equal(p.c[0]->ended, more);
		assert_int_equal(p.c[0]->asyncs, CONN_ASYNCS);
		assert_int_equal(p.c[0]->async.parameter1, CONN_ASYNCS - 1);
		pair_end(&p);
	}
	DUTY("AS-7 AS-8");
}

/* A NOP-In that asks for nothing gets nothing (NOP-1, NOP-4). */
static void test_no_answer_wanted(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	pair_acknowledge(&p, 0, 1000);
	assert_false(fake_has_sent(p.c[0]));
	pair_echo(&p, 0, 0x1234567); /* a ping that was not sent */
	assert_true(p.c[0]->ended);
	assert_int_equal(p.c[0]->fault.kind, FAULT_PROTOCOL);
	pair_end(&p);
	DUTY("NOP-1 NOP-4");
}

/* ---------------------------------------------------------------- acknowledging */

/* MCS-11, ST-7: with a fence a status that nothing else acknowledges is acknowledged for itself,
 * once. */
static void test_fence(void **state)
{
	static const char *const reporting[] = { "RFC3720", "ResponseFence", "FastAbort" };
	struct pdu_nop_out nop;
	struct task *task;
	struct pair p;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .reporting = reporting[i] });
		task = pair_send(&p, 0, 0, NULL);
		fake_wait(&p.fake, 1000);
		assert_false(fake_has_sent(p.c[0]));
		pair_answer(&p, 0, task);
		fake_wait(&p.fake, 99);
		assert_false(fake_has_sent(p.c[0]));
		fake_wait(&p.fake, 1);
		if (i) {
			nop = pair_take_nop(&p, 0);
			assert_true(nop.immediate);
			assert_int_equal(nop.initiator_task_tag, PDU_NO_TAG);
			assert_int_equal(nop.target_transfer_tag, PDU_NO_TAG);
			assert_int_equal(nop.exp_stat_sn, p.c[0]->stat_sn);
		}
		fake_wait(&p.fake, 1000);
		assert_false(fake_has_sent(p.c[0]));
		pair_end(&p);
	}
	DUTY("MCS-11 ST-2 ST-7 NOP-2 UNH-FFP-15.3 MCS-12");
}

/* ---------------------------------------------------------------- what it costs */

static void test_idle_memory(void **state)
{
	size_t ring = CONN_RING_IDLE * (sizeof(struct conn_out) + CONN_HEADER);

	(void)state;
	print_message("a connection: %zu bytes, its send queue: %zu\n", sizeof(struct conn), ring);
	assert_true(sizeof(struct conn) + ring <= 8 << 10);
}

/* The send queue is large while there is work, and many commands leave at once. */
static void test_queue_grows(void **state)
{
	struct task *task[30];
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 1, .times = { .ping_idle = 5000, .ping_wait = 4000 } });
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(p.c[0]->conn->ring_room, CONN_RING_IDLE);
		for (unsigned i = 0; i < 30; i++) {
			task[i] = pair_keep(&p, fake_read(512));
			conn_submit(p.c[0]->conn, task[i], p.fake.now);
		}
		for (unsigned i = 0; i < 30; i++) {
			uint8_t bhs[PDU_BHS_LEN];

			fake_take(p.c[0], PDU_SCSI_COMMAND, bhs, NULL, 0);
		}
		assert_int_equal(p.c[0]->conn->ring_room, CONN_RING);
		for (unsigned i = 0; i < 30; i++)
			pair_answer(&p, 0, task[i]);
		pair_acknowledge(&p, 0, 1000 + 30 * (round + 1));
		fake_wait(&p.fake, 5000);
		pair_echo(&p, 0, pair_take_nop(&p, 0).initiator_task_tag);
	}
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_is_measured),
		cmocka_unit_test(test_ping_is_measured),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_doubt_confirmed),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_long_command),
		cmocka_unit_test(test_ping_is_out),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_other_ones_turn),
		cmocka_unit_test(test_storm_of_pings),
		cmocka_unit_test(test_pings_and_data),
		cmocka_unit_test(test_storm_of_asyncs),
		cmocka_unit_test(test_no_answer_wanted),
		cmocka_unit_test(test_fence),
		cmocka_unit_test(test_idle_memory),
		cmocka_unit_test(test_queue_grows),
	};

	return cmocka_run_group_tests_name("engine_pulse", tests, NULL, NULL);
}
