/*
 * engine_recv_shapes_test.c - commands of another shape than a plain read or write: long CDBs,
 * bidirectional ones, RFC 7144's fields; and statuses that must not come with data.
 */
#include "engine_fake_command.h"

#include "../duty.h"

static const size_t pieces[] = { 0, 1, 7, 50 };

static uint8_t cdb[ENGINE_CDB_MAX];

static int fill_cdb(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cdb); i++)
		cdb[i] = (uint8_t)(i * 3 + 1);
	return 0;
}

static void set_cdb(struct task *task, uint16_t len)
{
	memset(task->cdb, 0, sizeof(task->cdb));
	memcpy(task->cdb, cdb, len < 16 ? len : 16);
	task->cdb_len = len;
	task->cdb_rest = len > 16 ? cdb + 16 : NULL;
}

/* Submits, takes the command; what is in its AHS. */
static struct pdu_scsi_command take_command(struct command *b, struct task *task)
{
	struct pdu_scsi_command cmd;
	uint8_t bhs[PDU_BHS_LEN];

	b->task = task;
	fake_submit(b->c, task);
	fake_take(b->c, PDU_SCSI_COMMAND, bhs, NULL, 0);
	pdu_get_scsi_command(bhs, &cmd);
	b->itt = cmd.initiator_task_tag;
	b->fake.exp_cmd_sn++;
	return cmd;
}

/* PDU-9: every length of a CDB. */
static void long_cdb(uint16_t len, bool digests)
{
	struct pdu_scsi_command cmd;
	const uint8_t *data;
	struct command b;
	struct task *task = fake_write(600);
	size_t at = 0, ahs_len = 0;
	uint8_t type;

	command_begin(&b, 0, digests);
	set_cdb(task, len);
	cmd = take_command(&b, task);
	assert_memory_equal(cmd.cdb, cdb, len < 16 ? len : 16);
	if (len <= 16) {
		assert_int_equal(cmd.total_ahs_length, 0);
	} else {
		assert_int_equal(pdu_next_ahs(b.c->ahs, cmd.total_ahs_length * 4u, &at, &type, &data,
					      &ahs_len), 1);
		assert_int_equal(type, PDU_AHS_CDB);
		assert_int_equal(ahs_len, len - 16);
		assert_memory_equal(data, cdb + 16, ahs_len);
		assert_int_equal(bytes_get16(b.c->ahs), len - 15);
		assert_int_equal(pdu_next_ahs(b.c->ahs, cmd.total_ahs_length * 4u, &at, &type, &data,
					      &ahs_len), 0);
		DUTY("PDU-9 PDU-2 DIG-1");
	}
	command_give_response(&b, &(struct pdu_scsi_response){ .status = 0 }, NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	command_end(&b);
}

static void test_long_cdb(void **state)
{
	(void)state;
	for (uint16_t len = 0; len <= ENGINE_CDB_MAX; len++)
		long_cdb(len, len % 2);
}

/* Such a command may never have left when its connection ends. */
static void test_long_cdb_cut(void **state)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	struct command b;

	(void)state;
	command_begin(&b, 0, true);
	b.task = fake_bidirectional(100, 600);
	set_cdb(b.task, 260);
	fake_submit(b.c, b.task);
	assert_true(conn_pending(b.c->conn, iov, ENGINE_PENDING_IOV, b.fake.now) > 0);
	conn_sent(b.c->conn, 60, b.fake.now);
	fake_closed(b.c, FAULT_CLOSED);
	command_expect_refused(&b, FAULT_CLOSED);
	command_end(&b);
}

/* PDU-10, DS-2, IN-12: Data-In and R2T share one numbering. */
static void bidirectional(size_t piece, unsigned level, uint16_t cdb_len)
{
	struct pdu_scsi_command cmd;
	uint8_t data[900], bhs[PDU_BHS_LEN], type;
	const uint8_t *ahs;
	struct command b;
	struct task *task = fake_bidirectional(900, 20000);
	size_t at = 0, len = 0;

	memset(data, 5, sizeof(data));
	command_begin_on(&b, &(struct command_terms){ .piece = piece, .digests = true, .level = level });
	set_cdb(task, cdb_len);
	cmd = take_command(&b, task);
	assert_true(cmd.read && cmd.write);
	assert_int_equal(cmd.expected_data_transfer_length, 20000);
	do
		assert_int_equal(pdu_next_ahs(b.c->ahs, cmd.total_ahs_length * 4u, &at, &type, &ahs, &len), 1);
	while (type != PDU_AHS_BIDI);
	assert_int_equal(len, 4);
	assert_int_equal(bytes_get32(ahs), 900);
	fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0);
	command_give_data_in(&b, 0, 0, data, 400, 0x80);
	command_give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = 9, .r2t_sn = 1,
		.buffer_offset = 16384, .desired_data_transfer_length = 3616 });
	assert_int_equal(fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0), 3616);
	command_give_data_in(&b, 400, 2, data, 100, 0x80);
	command_give_response(&b, &(struct pdu_scsi_response){ .bidi_underflow = true,
		.bidi_residual_count = 400, .overflow = true, .residual_count = 7, .exp_data_sn = 2 },
		NULL, 0);
	command_expect_done(&b, TASK_COMPLETE);
	assert_true(task->in_underflow && !task->in_overflow && task->overflow && !task->underflow);
	assert_int_equal(task->in_residual, 400);
	assert_int_equal(task->residual, 7);
	assert_int_equal(task->received, 500);
	command_end(&b);
	DUTY("PDU-10 DS-2 IN-12 CMD-3");
}

static void test_bidirectional(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		bidirectional(pieces[i], 0, 0);
		bidirectional(pieces[i], 2, 32);
	}
}

/* One of the two kinds is lost: the number tells nothing of which, and is asked for. */
static void test_bidirectional_lost(void **state)
{
	uint8_t data[300] = { 1 }, bhs[PDU_BHS_LEN];
	struct pdu_snack snack;
	struct command b;

	(void)state;
	for (unsigned last = 0; last < 2; last++) {
		command_begin_on(&b, &(struct command_terms){ .digests = true, .level = 1 });
		take_command(&b, fake_bidirectional(600, 17000));
		fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0);
		b.c->spoil = !last;
		command_give_data_in(&b, 0, 0, data, 300, 0);
		command_give_r2t(&b, (struct pdu_r2t){ .target_transfer_tag = 9, .r2t_sn = 1,
			.buffer_offset = 16384, .desired_data_transfer_length = 616 });
		b.c->spoil = last;
		command_give_data_in(&b, 300, 2, data, 300, 0x80);
		command_give_response(&b, &(struct pdu_scsi_response){ .exp_data_sn = 2 }, NULL, 0);
		assert_int_equal(b.c->done_count, 0);
		assert_int_equal(fake_take(b.c, PDU_DATA_OUT, bhs, NULL, 0), 616);
		snack = command_take_snack(&b);
		assert_int_equal(snack.type, PDU_SNACK_DATA_R2T);
		assert_int_equal(snack.beg_run, last ? 2 : 0);
		assert_int_equal(snack.run_length, !last); /* 0: all from there on */
		command_give_data_in(&b, last ? 300 : 0, last ? 2 : 0, data, 300, 0);
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(b.task->received, 600);
		command_end(&b);
	}
	DUTY("DS-2 TRAP-3");
}

static void test_bidirectional_wrong(void **state)
{
	uint8_t data[300] = { 1 };
	struct command b;

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		command_begin(&b, 0, false);
		take_command(&b, fake_bidirectional(300, 512));
		if (n)
			command_give_data_in(&b, 0, 0, data, 300, 0x81);
		else
			command_give_response(&b, &(struct pdu_scsi_response){ .bidi_overflow = true,
				.bidi_underflow = true }, NULL, 0);
		command_expect_refused(&b, FAULT_PROTOCOL);
		command_end(&b);
	}
	DUTY("IN-2 IN-11 IN-12");
}

/* IN-2: which statuses may come with the S bit. */
static void test_status_with_data(void **state)
{
	uint8_t data[512] = { 1 }, bhs[PDU_BHS_LEN];

	(void)state;
	for (unsigned status = 0; status < 0x40; status++) {
		bool good = status == 0 || status == 4 || status == 0x10 || status == 0x14;
		struct command b;

		command_begin(&b, status % 3, false);
		command_submit(&b, fake_read(512));
		pdu_put_data_in(bhs, &(struct pdu_data_in){ .final = true, .has_status = true,
			.status = (uint8_t)status, .initiator_task_tag = b.itt,
			.target_transfer_tag = PDU_NO_TAG });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, data, 512);
		if (good) {
			command_expect_done(&b, TASK_COMPLETE);
			assert_int_equal(b.task->status, status);
		} else {
			command_expect_refused(&b, FAULT_PROTOCOL);
		}
		command_end(&b);
	}
	DUTY("IN-2 IN-3");
}

/* RFC 7144: only where iSCSIProtocolLevel 2 was agreed. */
static void test_protocol_level(void **state)
{
	uint8_t sense[20] = { 0, 18, 0x70, 0, 6 };

	(void)state;
	for (unsigned level = 0; level < 3; level++) {
		struct task *task = fake_read(0);
		struct pdu_scsi_command cmd;
		struct command b;

		command_begin_on(&b, &(struct command_terms){ .protocol_level = level });
		task->priority = 11;
		cmd = take_command(&b, task);
		assert_int_equal(cmd.priority, level == 2 ? 11 : 0);
		command_give_response(&b, &(struct pdu_scsi_response){ .status = 0x28,
			.status_qualifier = 0x1234 }, sense, sizeof(sense));
		command_expect_done(&b, TASK_COMPLETE);
		assert_int_equal(task->status_qualifier, level == 2 ? 0x1234 : 0);
		assert_int_equal(task->sense_len, 18); /* P2-4 */
		command_end(&b);
	}
	DUTY("P2-1 P2-2 P2-3 P2-4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_cdb),
		cmocka_unit_test(test_long_cdb_cut),
		cmocka_unit_test(test_bidirectional),
		cmocka_unit_test(test_bidirectional_lost),
		cmocka_unit_test(test_bidirectional_wrong),
		cmocka_unit_test(test_status_with_data),
		cmocka_unit_test(test_protocol_level),
	};

	return cmocka_run_group_tests(tests, fill_cdb, NULL);
}
