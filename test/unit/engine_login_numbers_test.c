/*
 * engine_login_numbers_test.c - the login phase: numbers, sizes, one request at a time, and what is kept
 * of what the target tells. Stages and refusals: engine_login_test.c, engine_login_refuse_test.c.
 */
#include "engine_fake_login.h"

#include <stdlib.h>

#include "../duty.h"

static const char good[] = LOGIN_GOOD;
static const char first[] = LOGIN_FIRST;

/* StatSN begins anywhere, 0 and the last one included, and each request acknowledges what came. */
static void test_stat_sn(void **state)
{
	static const uint32_t starts[] = { 0, 1, 0x7fffffff, UINT32_MAX };
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		bench_setup(&b);
		bench_begin(&b);
		b.c->stat_sn = starts[i];
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		bench_take(&b);
		assert_int_equal(b.request.exp_stat_sn, starts[i] + 1);
		fake_give_login(b.c, 0x04, NULL, 0);
		bench_take(&b);
		assert_int_equal(b.request.exp_stat_sn, starts[i] + 2);
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, FAKE_TEXT(good));
		assert_true(b.c->up);
		fake_end(&b.fake);
	}
	DUTY("ST-1 ST-2 LOG-15 UNH-LOG-4.1 UNH-LOG-4.2 UNH-LOG-5.1");
}

/* All requests of a login have the same tag, ISID, TSIH, CID and CmdSN, and are immediate. */
static void test_same_throughout(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_login_request one, next;
	struct bench b;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	one = b.request;
	for (unsigned i = 0; i < 5; i++) {
		fake_give_login(b.c, i ? 0x04 : 0x81, i ? NULL : first, i ? 0 : sizeof(first));
		fake_take(b.c, PDU_LOGIN_REQUEST, bhs, NULL, 0);
		assert_true(pdu_immediate(bhs));
		pdu_get_login_request(bhs, &next);
		assert_int_equal(next.initiator_task_tag, one.initiator_task_tag);
		assert_memory_equal(next.isid, one.isid, sizeof(one.isid));
		assert_int_equal(next.tsih, 0);
		assert_int_equal(next.cid, one.cid);
		assert_int_equal(next.cmd_sn, 1000);
		assert_int_equal(next.version_max | next.version_min, 0);
	}
	fake_closed(b.c, FAULT_CLOSED);
	fake_end(&b.fake);
	DUTY("LOG-2 LOG-11 SN-4");
}

/* The first numbered request has the login's CmdSN; one connection later, the login there has the
 * number of the next command, and does not take it. */
static void test_cmd_sn(void **state)
{
	struct task *task[3];
	struct pdu_scsi_command cmd;
	uint8_t bhs[PDU_BHS_LEN];
	struct fake_conn *one;
	struct bench b;

	(void)state;
	bench_setup(&b);
	fake_begin(&b.fake, &b.setup);
	one = fake_login(&b.fake, &b.setup.options, NULL, 0);
	for (unsigned i = 0; i < 3; i++) {
		task[i] = fake_read(512);
		if (i == 2) {
			b.setup.options.id = 2;
			b.c = fake_add(&b.fake, &b.setup.options);
			bench_take(&b);
			assert_int_equal(b.request.cmd_sn, 1002);
			b.c->tsih = b.request.tsih;
			fake_give_login(b.c, 0x81, FAKE_TEXT(first));
			bench_take(&b);
			assert_int_equal(b.request.cmd_sn, 1002);
		}
		fake_submit(one, task[i]);
		fake_take(one, PDU_SCSI_COMMAND, bhs, NULL, 0);
		pdu_get_scsi_command(bhs, &cmd);
		assert_int_equal(cmd.cmd_sn, 1000 + i);
	}
	fake_end(&b.fake);
	for (unsigned i = 0; i < 3; i++)
		fake_task_free(task[i]);
	DUTY("SN-2 SN-3 SN-4 LOG-11 MC-1.1 UNH-FFP-1.1");
}

/* Nothing follows a request before its answer, and none is empty without need. */
static void test_one_at_a_time(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	assert_true(b.len > 0);
	assert_false(fake_has_sent(b.c));
	fake_wait(&b.fake, 1000);
	assert_false(fake_has_sent(b.c));
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	assert_true(b.len > 0);
	assert_false(fake_has_sent(b.c));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	assert_false(fake_has_sent(b.c));
	fake_end(&b.fake);
	DUTY("TXT-9 TXT-10");
}

/* Until full feature phase a segment has 8192 bytes at most, whatever we declare, and no digest comes
 * or goes, whatever was agreed. */
static void test_segments(void **state)
{
	static const char keys[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C\0"
		"MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0"
		"MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=4\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	char text[8193] = "";
	uint8_t bhs[PDU_BHS_LEN];
	struct task *task = fake_write(100);
	struct bench b;

	(void)state;
	for (size_t len = 8192; len <= 8193; len++) {
		bench_setup(&b);
		bench_begin(&b);
		memcpy(text, first, sizeof(first)); /* the rest are NULs that end nothing */
		fake_give_login(b.c, 0x81, text, len);
		assert_int_equal(b.c->ended, len > 8192);
		if (len > 8192)
			bench_expect_failed(&b, FAULT_PROTOCOL);
		else
			fake_closed(b.c, FAULT_CLOSED);
		fake_end(&b.fake);
	}
	bench_setup(&b);
	b.setup.options.header_digest = b.setup.options.data_digest = true;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	assert_true(bench_said(&b, "HeaderDigest=CRC32C"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(keys));
	assert_true(b.c->up);
	b.c->header_digest = b.c->data_digest = true; /* from now on the fake checks them */
	fake_submit(b.c, task);
	assert_int_equal(fake_take(b.c, PDU_SCSI_COMMAND, bhs, NULL, 0), 100);
	fake_end(&b.fake);
	fake_task_free(task);
	DUTY("LOG-10 TRAP-10 UNH-LOG-9.1 UNH-LOG-9.3 UNH-LOG-14.1");
}

/* What the session's first connection agreed on is nothing to the login of the second one. */
static void test_login_beside_digests(void **state)
{
	static const char keys[] = "HeaderDigest=CRC32C\0DataDigest=CRC32C\0"
		"MaxRecvDataSegmentLength=8192\0MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0"
		"MaxBurstLength=65536\0FirstBurstLength=16384\0DefaultTime2Wait=2\0"
		"DefaultTime2Retain=20\0MaxOutstandingR2T=4\0DataPDUInOrder=Yes\0"
		"DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
	struct bench b;

	(void)state;
	bench_setup(&b);
	b.setup.options.header_digest = b.setup.options.data_digest = true;
	fake_begin(&b.fake, &b.setup);
	fake_login(&b.fake, &b.setup.options, keys, sizeof(keys));
	b.setup.options.id = 2;
	b.c = fake_add(&b.fake, &b.setup.options);
	bench_take(&b);
	assert_int_equal(b.c->sent_len, 0);
	b.c->tsih = b.request.tsih;
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	assert_int_equal(b.c->sent_len, 0);
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=CRC32C\0DataDigest=CRC32C"));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("LOG-10 TRAP-10");
}

/* The same key in two responses. */
static void test_key_again(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	fake_give_login(b.c, 0x04, FAKE_TEXT("ImmediateData=Yes"));
	assert_false(b.c->ended);
	bench_take(&b);
	fake_give_login(b.c, 0x04, FAKE_TEXT("ImmediateData=Yes"));
	bench_expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	DUTY("TXT-18 LOG-21 UNH-LOG-6.2");
}

static void test_what_the_target_tells(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	b.setup.config.portal_group_tag = 7; /* as discovery told */
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT("TargetPortalGroupTag=7\0TargetAlias=disks of the attic\0"
					     "AuthMethod=None"));
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	assert_int_equal(b.c->login.portal_group_tag, 7);
	assert_string_equal(b.c->login.target_alias, "disks of the attic");
	fake_end(&b.fake);
	bench_setup(&b);
	b.setup.config.portal_group_tag = 7;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first)); /* group 1 */
	assert_true(b.c->ended);
	assert_int_equal(b.c->fault.kind, FAULT_OTHER_GROUP);
	fake_end(&b.fake);
	DUTY("LOG-18 UNH-LOG-23.1");
}

/* Two connections authenticate in the same way: same name, other challenge and identifier. */
static void test_chap_of_two(void **state)
{
	static const char challenge[] = "CHAP_A=5\0CHAP_I=3\0CHAP_C=0x00112233445566778899aabbccddeeff";
	static const uint8_t entropy[2][ENGINE_ENTROPY] = { { 1 }, { 2 } };
	char text[2][sizeof(((struct bench *)NULL)->text)];
	struct bench b;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		bench_setup_chap(&b, CHAP_MUTUAL);
		fake_begin(&b.fake, &b.setup);
		session_add_conn(b.fake.session, &b.setup.options, NULL, b.fake.now);
		fake_pump(&b.fake);
		b.c = &b.fake.conn[0];
		b.c->opening = false;
		conn_opened(b.c->conn, entropy[i], b.fake.now);
		fake_pump(&b.fake);
		bench_take(&b);
		fake_give_login(b.c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
		bench_take(&b);
		fake_give_login(b.c, 0x00, FAKE_TEXT(challenge));
		bench_take(&b);
		assert_true(bench_said(&b, "CHAP_N=user"));
		memcpy(text[i], b.text, sizeof(text[i]));
		fake_closed(b.c, FAULT_CLOSED);
		fake_end(&b.fake);
	}
	assert_string_equal(text[0], text[1]); /* CHAP_N */
	assert_non_null(memmem(text[0], sizeof(text[0]), "CHAP_C=", 7));
	assert_string_not_equal((char *)memmem(text[0], sizeof(text[0]), "CHAP_C=", 7),
				(char *)memmem(text[1], sizeof(text[1]), "CHAP_C=", 7));
	DUTY("SEC-10 UNH-CHAP-3.6.2 UNH-CHAP-4.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat_sn), cmocka_unit_test(test_same_throughout),
		cmocka_unit_test(test_cmd_sn), cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_segments), cmocka_unit_test(test_login_beside_digests),
		cmocka_unit_test(test_key_again),
		cmocka_unit_test(test_what_the_target_tells), cmocka_unit_test(test_chap_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
