/*
 * engine_losses_test.c - what is lost at once, or in a way that no level repairs: all connections, header
 * digests, numbers in login, a discovery session's end.
 */
#include "engine_fake_level.h"
#include "engine_fake_login.h"
#include "engine_fake_pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/digest.h"

#include "../duty.h"

static const char first[] = LOGIN_FIRST;
static const char good[] = LOGIN_GOOD;

/* At level 0 the loss of one connection costs all: no Logout for it, but one login with the session's
 * ISID and TSIH 0, which ends at the target what the old session had. */
static void test_one_at_level_0(void **state)
{
	static const char keys[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
		"MaxConnections=4\0InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=65536\0"
		"FirstBurstLength=Irrelevant\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0"
		"MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	struct pdu_login_request request;
	struct task *task[2];
	struct pair p;
	uint8_t bhs[PDU_BHS_LEN];
	struct fake_setup setup;
	uint32_t epoch;

	(void)state;
	for (unsigned all = 0; all < 2; all++) {
		struct fake_conn *c;

		pair_begin(&p, &(struct pair_terms){ .conns = 2 });
		fake_setup_init(&setup);
		for (unsigned i = 0; i < 2; i++)
			task[i] = pair_send(&p, i, 0, NULL);
		epoch = task[0]->epoch;
		fake_closed(p.c[1], FAULT_CLOSED);
		if (all && p.c[0]->conn)
			fake_closed(p.c[0], FAULT_CLOSED);
		assert_true(p.c[0]->ended && p.c[1]->ended);
		assert_int_equal(p.c[0]->sent_len + p.c[1]->sent_len, 0); /* no Logout */
		fake_event(&p.fake, SESSION_EVENT_DOWN);
		assert_int_equal(session_state(p.fake.session), SESSION_Q4_FAILED);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(session_rule(p.fake.session, task[i]), RULE_HOLD);
		for (unsigned i = 0; i < 100 && p.fake.conns < 3; i++)
			fake_wait(&p.fake, 100);
		assert_int_equal(p.fake.conns, 3);
		c = &p.fake.conn[2];
		assert_true(c->opening);
		c->opening = false;
		conn_opened(c->conn, (const uint8_t[ENGINE_ENTROPY]){ 1 }, p.fake.now);
		fake_pump(&p.fake);
		fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
		pdu_get_login_request(bhs, &request);
		assert_int_equal(request.tsih, 0);
		assert_memory_equal(request.isid, setup.config.isid, 6);
		c->login_itt = request.initiator_task_tag;
		p.fake.exp_cmd_sn = request.cmd_sn;
		p.fake.max_cmd_sn = request.cmd_sn + 31;
		while (fake_has_event(&p.fake, SESSION_EVENT_UP)) /* of the first login */
			fake_event(&p.fake, SESSION_EVENT_UP);
		fake_give_login(c, 0x81, FAKE_TEXT(first));
		fake_take(c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
		c->tsih = 99;
		fake_give_login(c, 0x87, FAKE_TEXT(keys));
		assert_true(fake_event(&p.fake, SESSION_EVENT_UP).epoch > epoch); /* a new nexus */
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(session_rule(p.fake.session, task[i]), RULE_DEAD);
			assert_int_equal(task[i]->outcome, TASK_LOST);
		}
		pair_end(&p);
	}
	DUTY("REC-1 REC-2 REC-4 REC-5 ID-3 LO-9 TOL-7 TRAP-1 TRAP-2 RV-1.1 RV-1.2 RV-1.3");
}

/* A header whose digest is wrong costs the connection at every level, without a SNACK. */
static void test_header_digest(void **state)
{
	char keys[600];
	struct fake_setup setup;
	struct fake f;

	(void)state;
	for (unsigned level = 0; level <= 2; level++) {
		uint8_t wire[PDU_BHS_LEN + DIGEST_LEN] = { 0 };
		struct fake_conn *c;
		int len = snprintf(keys, sizeof(keys), "HeaderDigest=CRC32C%cDataDigest=CRC32C%c"
				   "MaxRecvDataSegmentLength=8192%cMaxConnections=1%cInitialR2T=Yes%c"
				   "ImmediateData=Yes%cMaxBurstLength=65536%cFirstBurstLength=16384%c"
				   "DefaultTime2Wait=2%cDefaultTime2Retain=20%cMaxOutstandingR2T=1%c"
				   "DataPDUInOrder=Yes%cDataSequenceInOrder=Yes%cErrorRecoveryLevel=%u",
				   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, level);

		fake_setup_init(&setup);
		setup.config.offer.error_recovery_level = (uint8_t)level;
		setup.config.offer.max_outstanding_r2t = 1;
		setup.options.header_digest = setup.options.data_digest = true;
		fake_begin(&f, &setup);
		c = fake_login(&f, &setup.options, keys, (size_t)len + 1);
		pdu_put_nop_in(wire, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = PDU_NO_TAG });
		fake_numbers(c, wire, false);
		digest_put(wire + PDU_BHS_LEN, digest_of(wire, PDU_BHS_LEN) ^ 1);
		fake_give(c, wire, sizeof(wire));
		assert_true(c->ended);
		assert_int_equal(c->fault.kind, FAULT_DIGEST);
		assert_int_equal(c->sent_len, 0);
		fake_end(&f);
	}
	DUTY("DIG-2 RV-2.9");
}

/* At level 2, what level 1 has is there as well: a gap in DataSN is asked for. */
static void test_levels_contain_others(void **state)
{
	for (unsigned level = 1; level <= 2; level++) {
		uint8_t bhs[PDU_BHS_LEN];
		struct pdu_snack snack;
		struct task *task;
		struct pair p;

		(void)state;
		pair_begin(&p, &(struct pair_terms){ .conns = 1, .level = level });
		task = pair_send(&p, 0, 0, NULL);
		pdu_put_data_in(bhs, &(struct pdu_data_in){ .initiator_task_tag = task->itt,
			.target_transfer_tag = PDU_NO_TAG, .data_sn = 1, .buffer_offset = 256 });
		fake_numbers(p.c[0], bhs, false);
		fake_give_pdu(p.c[0], bhs, task->in + 256, 4);
		assert_false(p.c[0]->ended);
		fake_take(p.c[0], PDU_SNACK, bhs, NULL, 0);
		pdu_get_snack(bhs, &snack);
		assert_int_equal(snack.type, PDU_SNACK_DATA_R2T);
		assert_int_equal(snack.initiator_task_tag, task->itt);
		assert_int_equal(snack.beg_run, 0);
		assert_int_equal(snack.run_length, 1);
		pair_end(&p);
	}
	DUTY("KEY-7 SEQ-1 SNA-4");
}

/* In login nothing is asked for again, though a recovery level is on offer. */
static void test_gap_in_login(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	b.setup.config.offer.error_recovery_level = 2;
	b.setup.config.offer.max_outstanding_r2t = 1;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	assert_true(bench_said(&b, "ErrorRecoveryLevel=2"));
	b.c->tsih = 9;
	b.c->stat_sn++;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	bench_expect_failed(&b, FAULT_PROTOCOL);
	assert_int_equal(b.c->sent_len, 0);
	fake_end(&b.fake);
	DUTY("REC-9 LOG-15");
}

/* A target that just closes where it would answer the Logout of a discovery session. */
static void test_discovery_closed(void **state)
{
	const struct fault fin = { .kind = FAULT_CLOSED };
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	bench_setup(&b);
	b.setup.config.type = SESSION_DISCOVERY;
	b.setup.config.target_name = NULL;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	bench_take(&b);
	b.c->tsih = 3;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None\0"
					     "MaxRecvDataSegmentLength=8192\0DefaultTime2Wait=2\0"
					     "DefaultTime2Retain=20\0ErrorRecoveryLevel=0"));
	assert_true(b.c->up);
	session_logout(b.fake.session, &b, b.fake.now);
	fake_pump(&b.fake);
	fake_take(b.c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	assert_int_equal(bhs[1] & 0x7f, PDU_LOGOUT_SESSION);
	conn_closed(b.c->conn, &fin, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(b.c->fault.kind, FAULT_NONE);
	assert_true(fake_has_event(&b.fake, SESSION_EVENT_END));
	free(b.c->sent);
	session_free(b.fake.session);
	DUTY("DSC-7 DSC-1");
}

/* Over its time on the second connection: the ABORT TASK leaves there. */
static void test_abort_on_its_connection(void **state)
{
	struct pdu_task_request pdu;
	struct task *task;
	struct pair p;

	(void)state;
	pair_begin(&p, &(struct pair_terms){ .conns = 2, .times = { .command = 10000, .manage = 5000 } });
	task = pair_send(&p, 1, 0, NULL);
	pair_acknowledge(&p, 1, 1001);
	fake_wait(&p.fake, 10000);
	pdu = pair_take_function(&p, 1);
	assert_int_equal(pdu.function, PDU_ABORT_TASK);
	assert_int_equal(pdu.referenced_task_tag, task->itt);
	assert_int_equal(pdu.ref_cmd_sn, task->cmd_sn);
	assert_false(fake_has_sent(p.c[0]));
	pair_answer_function(&p, 1, pdu.initiator_task_tag, 0);
	assert_int_equal(task->outcome, TASK_ABORTED);
	pair_end(&p);
	DUTY("TM-3 TM-4 MC-4.4");
}

/* A task whose data had been asked for by R-Data is reassigned: its SNACK tag counts no more. */
static void test_tag_is_void(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], logout[PDU_BHS_LEN];
	struct task *task = fake_read(512);
	struct pdu_task_request pdu;
	struct level b;

	(void)state;
	level_begin(&b, 2, 2);
	fake_submit(b.a, task);
	fake_take(b.a, PDU_SCSI_COMMAND, bhs, NULL, 0);
	level_acknowledge(&b, b.a, 1);
	task->snack_tag = 7; /* as after an R-Data SNACK */
	fake_closed(b.a, FAULT_CLOSED);
	level_take_cleanup(&b, b.b, PDU_LOGOUT_RECOVERY, b.a->cid, logout);
	level_answer_logout(b.b, logout, 0, 0);
	assert_int_equal(level_rule(&b, task), RULE_RESUME);
	fake_submit(b.b, task);
	fake_take(b.b, PDU_TASK_REQUEST, bhs, NULL, 0);
	pdu_get_task_request(bhs, &pdu);
	assert_int_equal(pdu.function, PDU_TASK_REASSIGN);
	pdu_put_task_response(bhs, &(struct pdu_task_response){
		.initiator_task_tag = pdu.initiator_task_tag });
	fake_numbers(b.b, bhs, true);
	fake_give_pdu(b.b, bhs, NULL, 0);
	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .initiator_task_tag = task->itt,
		.underflow = true, .residual_count = 512 });
	fake_numbers(b.b, bhs, true);
	fake_give_pdu(b.b, bhs, NULL, 0);
	assert_int_equal(b.b->done_count, 1);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	level_end(&b, task, NULL);
	DUTY("RA-7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_at_level_0), cmocka_unit_test(test_header_digest),
		cmocka_unit_test(test_levels_contain_others), cmocka_unit_test(test_gap_in_login),
		cmocka_unit_test(test_discovery_closed), cmocka_unit_test(test_abort_on_its_connection),
		cmocka_unit_test(test_tag_is_void),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
