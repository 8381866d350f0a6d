/*
 * engine_login_test.c - the login phase against hand-made responses: what goes out, stages, pieces,
 * CHAP, statuses, redirection, added connections. What must be refused: engine_login_refuse_test.c.
 */
#include "engine_fake_login.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/chap.h"
#include "../duty.h"

static const char good[] = LOGIN_GOOD;
static const char first[] = LOGIN_FIRST;

/* ---------------------------------------------------------------- what is right */

static void test_plain(void **state)
{
	static const uint8_t isid[6] = { 0x80, 1, 2, 3, 4, 5 };
	struct bench b;

	(void)state;
	for (unsigned piece = 0; piece < 3; piece++) {
		bench_setup(&b);
		b.setup.piece = piece;
		bench_begin(&b);
		assert_memory_equal(b.request.isid, isid, 6);
		assert_int_equal(b.request.tsih, 0);
		assert_int_equal(b.request.cmd_sn, 1000);
		assert_int_equal(b.request.version_max | b.request.version_min, 0);
		assert_int_equal(b.request.csg, PDU_STAGE_SECURITY); /* TOL-6 */
		assert_true(bench_said(&b, "InitiatorName=iqn.2026-11.test:initiator"));
		assert_true(bench_said(&b, "TargetName=iqn.2026-11.test:target"));
		assert_true(bench_said(&b, "SessionType=Normal"));
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		bench_take(&b);
		assert_int_equal(b.request.csg, PDU_STAGE_OPERATIONAL);
		assert_true(b.request.transit && b.request.nsg == PDU_STAGE_FULL_FEATURE);
		assert_int_equal(b.request.exp_stat_sn, 501);
		assert_true(bench_said(&b, "ErrorRecoveryLevel=0"));
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, FAKE_TEXT(good));
		assert_true(b.c->up);
		assert_int_equal(b.c->login.tsih, 9);
		assert_int_equal(b.c->login.portal_group_tag, 1);
		assert_int_equal(b.c->login.params.max_connections, 4);
		assert_int_equal(b.c->login.params.first_burst_length, 16384);
		assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
		fake_event(&b.fake, SESSION_EVENT_UP);
		fake_end(&b.fake);
	}
	DUTY("LOG-2 LOG-3 LOG-4 LOG-19 LOG-13 LOG-14 SN-2 ST-1 ST-2 TOL-6 UNH-LOG-1.1 UNH-LOG-2.1");
	DUTY("UNH-LOG-4.2 UNH-LOG-5.1 UNH-LOG-7.1 UNH-LOG-11.1");
}

/* LOG-6: the target has more to say before it moves on. One key in each exchange. */
static void test_key_by_key(void **state)
{
	struct bench b;
	size_t at = 0;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1"));
	bench_take(&b);
	assert_true(b.request.transit);
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	bench_take(&b);
	while (at < sizeof(good)) {
		size_t len = strlen(good + at) + 1;
		bool last = at + len == sizeof(good);

		b.c->tsih = last ? 9 : 0;
		fake_give_login(b.c, last ? 0x87 : 0x04, good + at, len);
		assert_false(b.c->ended);
		at += len;
		if (!last)
			bench_take(&b);
	}
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("LOG-6 TXT-20 UNH-LOG-3.2");
}

/* TXT-6, TXT-8: a pair is cut anywhere by the ends of PDUs. */
static void test_in_pieces(void **state)
{
	struct bench b;

	(void)state;
	for (size_t piece = 11; piece < 80; piece += 17) {
		bench_setup(&b);
		bench_begin(&b);
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		bench_take(&b);
		for (size_t at = 0; at < sizeof(good); at += piece) {
			size_t len = sizeof(good) - at < piece ? sizeof(good) - at : piece;
			bool last = at + len == sizeof(good);

			fake_give_login(b.c, last ? 0x04 : 0x44, good + at, len);
			assert_false(b.c->ended);
			bench_take(&b);
			assert_int_equal(b.len, 0);
			assert_false(b.request.more);
		}
		assert_true(b.request.transit);
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, NULL, 0);
		assert_true(b.c->up);
		fake_end(&b.fake);
	}
	DUTY("TXT-6 TXT-8");
}

/* TXT-14: what the target proposes is answered; keys nobody knows are not understood. */
static void test_questions(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	fake_give_login(b.c, 0x04, FAKE_TEXT("X-org.example.colour=red"));
	bench_take(&b);
	assert_true(bench_said(&b, "X-org.example.colour=NotUnderstood"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("TXT-14 UNH-LOG-7.6");
}

static void test_discovery(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	b.setup.config.type = SESSION_DISCOVERY;
	b.setup.config.target_name = NULL;
	bench_begin(&b);
	assert_true(bench_said(&b, "SessionType=Discovery"));
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	bench_take(&b);
	b.c->tsih = 3;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None\0"
					     "MaxRecvDataSegmentLength=8192\0DefaultTime2Wait=2\0"
					     "DefaultTime2Retain=20\0ErrorRecoveryLevel=0"));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("LOG-3 UNH-LOG-21.1");
}

/* ---------------------------------------------------------------- CHAP */

static void test_chap(void **state)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	char pair[200] = "CHAP_R=0x";
	struct bench b;
	int len;

	(void)state;
	bench_setup_chap(&b, CHAP_ONE_WAY);
	bench_to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0CHAP_C=0x00112233445566778899aabbccddeeff"));
	bench_take(&b);
	len = chap_hash(CHAP_MD5, 3, "sixteen  letters", 16,
			"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16, digest);
	for (int i = 0; i < len; i++)
		sprintf(pair + 9 + 2 * i, "%02x", digest[i]);
	assert_true(bench_said(&b, pair));
	assert_true(bench_said(&b, "CHAP_N=user"));
	assert_true(b.request.transit && b.request.nsg == PDU_STAGE_OPERATIONAL);
	fake_give_login(b.c, 0x81, NULL, 0);
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("SEC-3 LOG-20 UNH-LOG-22.1");
}

/* ---------------------------------------------------------------- refused by the target */

static void test_status(void **state)
{
	struct bench b;

	(void)state;
	for (unsigned status = 0x0200; status <= 0x0303; status = status == 0x020f ? 0x0300 : status + 1) {
		bench_setup(&b);
		bench_begin(&b);
		bench_give_status(&b, (uint8_t)(status >> 8), (uint8_t)status, NULL, 0);
		assert_int_equal(b.c->fault.status_class, status >> 8);
		assert_int_equal(b.c->fault.status_detail, status & 0xff);
		bench_expect_failed(&b, FAULT_LOGIN_STATUS);
		fake_end(&b.fake);
	}
	for (unsigned class = 4; class < 256; class += 50) {
		bench_setup(&b);
		bench_begin(&b);
		bench_give_status(&b, (uint8_t)class, 0, NULL, 0);
		bench_expect_failed(&b, FAULT_PROTOCOL);
		fake_end(&b.fake);
	}
	DUTY("LOG-17");
}

/* tgt: algorithm 7 is another hash there. Once more without it; a wrong secret is not tried again. */
static void test_chap_without_seven(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };
	static const char challenge[] = "CHAP_A=7\0CHAP_I=3\0CHAP_C=0x00112233445566778899aabbccddeeff";
	struct bench b;

	(void)state;
	bench_setup_chap(&b, CHAP_ONE_WAY);
	bench_to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT(challenge));
	bench_take(&b);
	bench_give_status(&b, 2, 0, NULL, 0);
	assert_true(b.c->opening);
	b.c->opening = false;
	conn_opened(b.c->conn, entropy, b.fake.now);
	fake_pump(&b.fake);
	bench_take(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
	bench_take(&b);
	assert_true(bench_said(&b, "CHAP_A=8,6,5"));
	bench_give_status(&b, 2, 0, NULL, 0);
	bench_expect_failed(&b, FAULT_LOGIN_STATUS);
	fake_end(&b.fake);

	bench_setup_chap(&b, CHAP_ONE_WAY);
	bench_to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT(challenge));
	bench_take(&b);
	bench_give_status(&b, 2, 1, NULL, 0);
	bench_expect_failed(&b, FAULT_LOGIN_STATUS);
	fake_end(&b.fake);
}

/* LOG-22 */
static void test_redirect(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };
	struct bench b;

	(void)state;
	bench_setup(&b);
	bench_begin(&b);
	bench_give_status(&b, 1, 1, FAKE_TEXT("TargetAddress=[2001:db8::7]:3333"));
	assert_true(b.c->opening);
	assert_string_equal(conn_host(b.c->conn), "2001:db8::7");
	assert_int_equal(conn_port(b.c->conn), 3333);
	b.c->opening = false;
	conn_opened(b.c->conn, entropy, b.fake.now);
	fake_pump(&b.fake);
	bench_take(&b);
	assert_true(bench_said(&b, "TargetName=iqn.2026-11.test:target"));
	assert_int_equal(b.request.exp_stat_sn, 0);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("LOG-22");
}

static void test_redirect_refused(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };
	char long_host[400] = "TargetAddress=";
	struct bench b;
	unsigned hops = 0;

	(void)state;
	memset(long_host + 14, 'a', 300);
	bench_setup(&b);
	bench_begin(&b);
	bench_give_status(&b, 1, 1, NULL, 0);
	bench_expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	bench_setup(&b);
	bench_begin(&b);
	bench_give_status(&b, 1, 1, long_host, strlen(long_host) + 1);
	bench_expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	bench_setup(&b);
	bench_begin(&b);
	while (!b.c->ended && hops++ < 100) {
		bench_give_status(&b, 1, 1, FAKE_TEXT("TargetAddress=192.0.2.8"));
		if (b.c->ended)
			break;
		b.c->opening = false;
		conn_opened(b.c->conn, entropy, b.fake.now);
		fake_pump(&b.fake);
		bench_take(&b);
	}
	bench_expect_failed(&b, FAULT_PROTOCOL);
	assert_true(hops < 20);
	fake_end(&b.fake);
	DUTY("LOG-22");
}

/* SEC-22: a digest that was asked for can't be negotiated away. */
static void test_digest_wanted(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b);
	b.setup.options.data_digest = true;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	assert_true(bench_said(&b, "DataDigest=CRC32C"));
	assert_true(bench_said(&b, "HeaderDigest=None"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->ended);
	bench_expect_failed(&b, b.c->fault.kind);
	fake_end(&b.fake);
	DUTY("SEC-22");
}

/* ---------------------------------------------------------------- added connections */

static void begin_added(struct bench *b)
{
	bench_setup(b);
	fake_begin(&b->fake, &b->setup);
	fake_login(&b->fake, &b->setup.options, NULL, 0);
	fake_event(&b->fake, SESSION_EVENT_ANSWER);
	b->setup.options.id = 2;
	b->c = fake_add(&b->fake, &b->setup.options);
	bench_take(b);
	b->c->tsih = b->request.tsih;
}

static void expect_not_added(struct bench *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(fake_event(&b->fake, SESSION_EVENT_ANSWER).fault.kind, kind);
	assert_false(b->fake.conn[0].ended);
	assert_false(fake_has_event(&b->fake, SESSION_EVENT_DOWN));
}

static void test_added(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_logout_request logout;
	struct bench b;

	(void)state;
	begin_added(&b);
	assert_int_equal(b.request.tsih, 77);
	assert_int_not_equal(b.request.cid, b.fake.conn[0].cid);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	assert_false(bench_said(&b, "MaxConnections=8")); /* LOG-24 */
	assert_true(strstr(b.text, "MaxBurstLength") == NULL);
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
	assert_true(b.c->up);
	assert_int_equal(b.c->login.params.max_burst_length, 65536); /* KEY-4 */
	fake_end(&b.fake);
	/* another group */
	begin_added(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT("TargetPortalGroupTag=2\0AuthMethod=None"));
	expect_not_added(&b, FAULT_OTHER_GROUP);
	fake_end(&b.fake);
	/* too many */
	for (unsigned detail = 6; detail <= 0xa; detail += 2) {
		begin_added(&b);
		bench_give_status(&b, 2, (uint8_t)detail, NULL, 0);
		assert_int_equal(b.c->fault.status_detail, detail);
		expect_not_added(&b, FAULT_LOGIN_STATUS);
		fake_end(&b.fake);
	}
	/* another session: TRAP-5; it is closed again */
	begin_added(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 78;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
	assert_false(b.c->up);
	fake_take(b.c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	pdu_get_logout_request(bhs, &logout);
	assert_int_equal(logout.reason, PDU_LOGOUT_SESSION);
	fake_wait(&b.fake, 3001);
	expect_not_added(&b, FAULT_OTHER_SESSION);
	fake_end(&b.fake);
	DUTY("LOG-13 LOG-18 LOG-24 KEY-4 MCS-4 TOL-5 TOL-6 TRAP-4 TRAP-5 UNH-LOG-2.3 MC-1.2");
	DUTY("MC-1.3 MC-1.4 MC-1.5 MC-1.8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_key_by_key),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_chap),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_chap_without_seven),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_redirect_refused),
		cmocka_unit_test(test_digest_wanted),
		cmocka_unit_test(test_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
