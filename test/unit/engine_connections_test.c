/*
 * engine_connections_test.c - two connections of one session side by side: numbers, allegiance, what is
 * each one's own. Losing and removing them: engine_session*_test.c.
 */
#include "engine_fake.h"

#include <stdlib.h>

#include "../duty.h"

struct bench {
	struct fake fake;
	struct fake_setup setup;
	struct fake_conn *c[2];
};

static const char added[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192";

static void begin(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	fake_setup_init(&b->setup);
	b->setup.config.offer.max_connections = 4;
}

static void log_in_both(struct bench *b, const char *keys, size_t len)
{
	fake_begin(&b->fake, &b->setup);
	b->c[0] = fake_login(&b->fake, &b->setup.options, NULL, 0);
	b->setup.options.id = 2;
	b->c[1] = fake_login(&b->fake, &b->setup.options, keys, len);
}

static struct pdu_scsi_command take_command(struct fake_conn *c)
{
	struct pdu_scsi_command cmd;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	pdu_get_scsi_command(bhs, &cmd);
	return cmd;
}

static struct pdu_data_out take_data(struct fake_conn *c)
{
	struct pdu_data_out out;
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(c, PDU_DATA_OUT, bhs, NULL, 0);
	pdu_get_data_out(bhs, &out);
	return out;
}

static void give_status(struct fake_conn *c, uint32_t itt)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .initiator_task_tag = itt });
	fake_numbers(c, bhs, true);
	fake_give_pdu(c, bhs, NULL, 0);
}

static void give_r2t(struct fake_conn *c, uint32_t itt, uint32_t ttt, uint32_t sn, uint32_t at, uint32_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_r2t(bhs, &(struct pdu_r2t){ .initiator_task_tag = itt, .target_transfer_tag = ttt,
		.r2t_sn = sn, .buffer_offset = at, .desired_data_transfer_length = len });
	fake_numbers(c, bhs, false);
	fake_give_pdu(c, bhs, NULL, 0);
}

/* ---------------------------------------------------------------- numbers */

/* One row of numbers for both, across the end of 32 bits. */
static void test_numbers_wrap(void **state)
{
	struct task *task[10];
	struct bench b;

	(void)state;
	begin(&b);
	b.setup.config.first_cmd_sn = UINT32_MAX - 3;
	log_in_both(&b, NULL, 0);
	for (uint32_t i = 0; i < 10; i++) {
		task[i] = fake_write(0);
		fake_submit(b.c[i * 7 % 3 % 2], task[i]);
		assert_int_equal(take_command(b.c[i * 7 % 3 % 2]).cmd_sn, UINT32_MAX - 3 + i);
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(task[i]->itt, task[j]->itt);
	}
	for (uint32_t i = 0; i < 10; i++) {
		b.fake.exp_cmd_sn++;
		b.fake.max_cmd_sn++;
		give_status(b.c[i * 7 % 3 % 2], task[i]->itt);
		assert_int_equal(task[i]->outcome, TASK_COMPLETE);
	}
	assert_int_equal(b.c[0]->done_count + b.c[1]->done_count, 10);
	fake_end(&b.fake);
	for (uint32_t i = 0; i < 10; i++)
		fake_task_free(task[i]);
	DUTY("SN-1 SN-3 SN-5 MCS-1 MCS-3 PDU-6 MC-2.1 MC-2.4");
}

/* What waits behind a full socket has no number: the other connection's commands do not wait for it. */
static void test_full_socket(void **state)
{
	struct task *task[6];
	struct bench b;

	(void)state;
	begin(&b);
	log_in_both(&b, NULL, 0);
	for (uint32_t i = 0; i < 6; i++) {
		task[i] = fake_write(0);
		fake_submit(b.c[i == 5], task[i]); /* the first takes no bytes now */
	}
	assert_int_equal(take_command(b.c[1]).cmd_sn, 1000);
	assert_false(fake_has_sent(b.c[1]));
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(take_command(b.c[0]).cmd_sn, 1001 + i);
	fake_end(&b.fake);
	for (uint32_t i = 0; i < 6; i++)
		fake_task_free(task[i]);
	DUTY("SN-6 MCS-8 MC-2.8");
}

/* A second connection before the first one is in full feature phase: it is refused. */
static void test_not_before_the_first(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	fake_begin(&b.fake, &b.setup);
	b.c[0] = fake_add(&b.fake, &b.setup.options);
	b.setup.options.id = 2;
	session_add_conn(b.fake.session, &b.setup.options, &b, b.fake.now);
	fake_pump(&b.fake);
	assert_int_equal(b.fake.conns, 1);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_BUSY);
	fake_closed(b.c[0], FAULT_CLOSED);
	fake_end(&b.fake);
	DUTY("LOG-23");
}

/* ---------------------------------------------------------------- allegiance */

/* R2T and data of a command stay on its connection; so do those of another one at the same time. */
static void test_allegiance(void **state)
{
	struct pdu_scsi_command cmd[2];
	struct task *task[2];
	struct pdu_data_out out;
	struct bench b;

	(void)state;
	begin(&b);
	log_in_both(&b, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		task[i] = fake_write(30000);
		fake_submit(b.c[i], task[i]);
		cmd[i] = take_command(b.c[i]);
		assert_int_equal(take_data(b.c[i]).initiator_task_tag, cmd[i].initiator_task_tag);
	}
	for (unsigned i = 0; i < 2; i++) {
		give_r2t(b.c[i], cmd[i].initiator_task_tag, 50 + i, 0, 16384, 4000);
		out = take_data(b.c[i]);
		assert_int_equal(out.initiator_task_tag, cmd[i].initiator_task_tag);
		assert_int_equal(out.target_transfer_tag, 50 + i);
		assert_false(fake_has_sent(b.c[0]) || fake_has_sent(b.c[1]));
	}
	b.fake.exp_cmd_sn += 2;
	give_status(b.c[1], cmd[1].initiator_task_tag); /* the later one ends first */
	assert_int_equal(b.c[0]->done_count, 0);
	give_status(b.c[0], cmd[0].initiator_task_tag);
	assert_int_equal(b.c[0]->done_count, 1);
	fake_end(&b.fake);
	fake_task_free(task[0]);
	fake_task_free(task[1]);
	DUTY("MCS-2 MCS-9 MC-2.5");
}

/* Whatever comes for a command on the other connection is refused, and does nothing to it. */
static void test_wrong_connection(void **state)
{
	static const uint8_t opcodes[] = { PDU_SCSI_RESPONSE, PDU_DATA_IN, PDU_R2T, PDU_TASK_RESPONSE };

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		uint8_t bhs[PDU_BHS_LEN] = { opcodes[i], 0x80 }, data[512] = { 1 };
		struct task *task = opcodes[i] == PDU_R2T ? fake_write(30000) : fake_read(512);
		struct bench b;

		begin(&b);
		log_in_both(&b, NULL, 0);
		fake_submit(b.c[0], task);
		bytes_put32(bhs + 16, take_command(b.c[0]).initiator_task_tag);
		bytes_put32(bhs + 20, opcodes[i] == PDU_R2T ? 7 : PDU_NO_TAG);
		bytes_put32(bhs + 40, opcodes[i] == PDU_R2T ? 16384 : 0);
		bytes_put32(bhs + 44, opcodes[i] == PDU_R2T ? 512 : 0);
		fake_numbers(b.c[1], bhs, opcodes[i] != PDU_R2T && opcodes[i] != PDU_DATA_IN);
		fake_give_pdu(b.c[1], bhs, data, opcodes[i] == PDU_DATA_IN ? 512 : 0);
		assert_true(b.c[1]->ended);
		assert_int_equal(b.c[1]->fault.kind, FAULT_PROTOCOL);
		assert_int_not_equal(task->outcome, TASK_COMPLETE);
		if (opcodes[i] == PDU_DATA_IN)
			assert_int_equal(task->in[0], 0);
		fake_end(&b.fake);
		fake_task_free(task);
	}
	DUTY("MCS-2 PDU-8 MC-2.6");
}

/* ---------------------------------------------------------------- R2Ts */

/* Several commands with several R2Ts each, all open at once: each is answered for itself, in turn. */
static void test_parallel_r2ts(void **state)
{
	struct pdu_scsi_command cmd[3];
	struct task *task[3];
	struct bench b;

	(void)state;
	begin(&b);
	log_in_both(&b, NULL, 0);
	for (unsigned i = 0; i < 3; i++) {
		task[i] = fake_write(20000);
		fake_submit(b.c[0], task[i]);
		cmd[i] = take_command(b.c[0]);
		take_data(b.c[0]);
	}
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 3; i++)
			give_r2t(b.c[0], cmd[i].initiator_task_tag, 10 * i + round, round,
				 16384 + round * 1000, 1000);
	for (unsigned seen[3] = { 0 }, n = 0; n < 6; n++) {
		struct pdu_data_out out = take_data(b.c[0]);
		unsigned i = out.target_transfer_tag / 10, round = out.target_transfer_tag % 10;

		assert_in_range(i, 0, 2);
		assert_int_equal(round, seen[i]++);
		assert_int_equal(out.initiator_task_tag, cmd[i].initiator_task_tag);
		assert_int_equal(out.buffer_offset, 16384 + round * 1000);
		assert_int_equal(out.data_len, 1000);
		assert_int_equal(out.data_sn, 0);
		assert_true(out.final);
	}
	fake_end(&b.fake);
	for (unsigned i = 0; i < 3; i++)
		fake_task_free(task[i]);
	DUTY("CMD-8 CMD-9 DS-3 UNH-FFP-12.4");
}

/* Sequences in falling order, where that was agreed: answered in the order of the R2Ts. */
static void test_falling_r2ts(void **state)
{
	static const char keys[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
		"MaxConnections=1\0InitialR2T=Yes\0ImmediateData=No\0MaxBurstLength=65536\0"
		"FirstBurstLength=16384\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0MaxOutstandingR2T=4\0"
		"DataPDUInOrder=Yes\0DataSequenceInOrder=No\0ErrorRecoveryLevel=0";
	struct task *task = fake_write(8000);
	struct pdu_scsi_command cmd;
	struct bench b;

	(void)state;
	begin(&b);
	b.setup.config.offer.data_sequence_in_order = false;
	fake_begin(&b.fake, &b.setup);
	b.c[0] = fake_login(&b.fake, &b.setup.options, keys, sizeof(keys));
	fake_submit(b.c[0], task);
	cmd = take_command(b.c[0]);
	for (unsigned i = 0; i < 4; i++)
		give_r2t(b.c[0], cmd.initiator_task_tag, i, i, 2000 * (3 - i), 2000);
	for (unsigned i = 0; i < 4; i++) {
		struct pdu_data_out out = take_data(b.c[0]);

		assert_int_equal(out.target_transfer_tag, i);
		assert_int_equal(out.buffer_offset, 2000 * (3 - i));
		assert_int_equal(out.data_len, 2000);
	}
	b.fake.exp_cmd_sn++;
	give_status(b.c[0], cmd.initiator_task_tag);
	assert_int_equal(task->outcome, TASK_COMPLETE);
	fake_end(&b.fake);
	fake_task_free(task);
	DUTY("CMD-8 UNH-FFP-12.3");
}

/* ---------------------------------------------------------------- each one's own */

/* One with digests and one without; one takes long segments and one short ones. */
static void test_own_terms(void **state)
{
	static const char digests[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C\0"
		"MaxRecvDataSegmentLength=512";
	struct task *task[2];
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b);
	fake_begin(&b.fake, &b.setup);
	b.c[0] = fake_login(&b.fake, &b.setup.options, NULL, 0);
	b.setup.options.id = 2;
	b.setup.options.header_digest = b.setup.options.data_digest = true;
	b.c[1] = fake_login(&b.fake, &b.setup.options, digests, sizeof(digests));
	assert_true(b.c[1]->header_digest && !b.c[0]->header_digest);
	for (unsigned i = 0; i < 2; i++) { /* the fake checks the digests */
		task[i] = fake_write(1000);
		fake_submit(b.c[i], task[i]);
		assert_int_equal(fake_take(b.c[i], PDU_SCSI_COMMAND, bhs, NULL, 0), i ? 512 : 1000);
	}
	assert_int_equal(take_data(b.c[1]).data_len, 488);
	b.fake.exp_cmd_sn += 2;
	for (unsigned i = 0; i < 2; i++) {
		give_status(b.c[i], task[i]->itt);
		assert_int_equal(task[i]->outcome, TASK_COMPLETE);
	}
	fake_end(&b.fake);
	fake_task_free(task[0]);
	fake_task_free(task[1]);
	DUTY("MCS-1 TRAP-10 TRAP-11 ST-1 MC-4.1 MC-4.2");
}

/* An added connection has TSIH and ISID of the session, and another CID. */
static void test_identity(void **state)
{
	struct pdu_login_request request;
	uint8_t bhs[PDU_BHS_LEN];
	struct bench b;

	(void)state;
	begin(&b);
	log_in_both(&b, FAKE_TEXT(added));
	b.setup.options.id = 3;
	b.c[0] = fake_add(&b.fake, &b.setup.options);
	fake_take(b.c[0], PDU_LOGIN_REQUEST, bhs, NULL, 0);
	pdu_get_login_request(bhs, &request);
	assert_int_equal(request.tsih, 77);
	assert_memory_equal(request.isid, b.setup.config.isid, 6);
	assert_int_not_equal(request.cid, b.fake.conn[0].cid);
	assert_int_not_equal(request.cid, b.fake.conn[1].cid);
	fake_closed(b.c[0], FAULT_CLOSED);
	fake_end(&b.fake);
	DUTY("ID-9 MC-1.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_wrap), cmocka_unit_test(test_full_socket),
		cmocka_unit_test(test_not_before_the_first), cmocka_unit_test(test_allegiance),
		cmocka_unit_test(test_wrong_connection), cmocka_unit_test(test_parallel_r2ts),
		cmocka_unit_test(test_falling_r2ts), cmocka_unit_test(test_own_terms),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
