/*
 * engine_login_direct_test.c - a login that skips the security stage (RFC 7143 section 6.3.1): one
 * exchange where the target allows it, the security stage where it does not.
 */
#include "engine_fake_login.h"

#include "../duty.h"

static const char good[] = "TargetPortalGroupTag=1\0" LOGIN_GOOD;
static const char first[] = LOGIN_FIRST;

static struct bench b;

/* The first request waits for its answer, of a target that may allow it to be the only one. */
static void begin(void)
{
	bench_setup(&b);
	b.setup.direct = true;
	bench_begin(&b);
}

/* The login was begun anew, and in the security stage. */
static void expect_retreat(void)
{
	assert_int_equal(b.c->opens, 2);
	fake_open(b.c);
	bench_take(&b);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	assert_true(b.request.transit && b.request.nsg == PDU_STAGE_OPERATIONAL);
	assert_true(bench_said(&b, "AuthMethod=None"));
	assert_true(strstr(b.text, "HeaderDigest") == NULL);
}

/* Both stages are gone through from here. */
static void log_in(void)
{
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(LOGIN_GOOD));
	assert_true(b.c->up);
}

static void expect_direct(void)
{
	assert_int_equal(b.request.csg, PDU_STAGE_OPERATIONAL);
	assert_true(b.request.transit && b.request.nsg == PDU_STAGE_FULL_FEATURE);
	assert_false(bench_said(&b, "AuthMethod=None"));
}

static void test_one_exchange(void **state)
{
	(void)state;
	for (unsigned piece = 0; piece < 3; piece++) {
		bench_setup(&b);
		b.setup.direct = true;
		b.setup.piece = piece;
		bench_begin(&b);
		expect_direct();
		assert_int_equal(b.request.tsih, 0);
		assert_int_equal(b.request.cmd_sn, 1000);
		assert_true(bench_said(&b, "InitiatorName=iqn.2026-11.test:initiator"));
		assert_true(bench_said(&b, "TargetName=iqn.2026-11.test:target"));
		assert_true(bench_said(&b, "SessionType=Normal"));
		assert_true(bench_said(&b, "ErrorRecoveryLevel=0"));
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, FAKE_TEXT(good));
		assert_true(b.c->up);
		assert_int_equal(b.c->opens, 1);
		assert_int_equal(b.c->login.tsih, 9);
		assert_int_equal(b.c->login.portal_group_tag, 1);
		assert_int_equal(b.c->login.params.first_burst_length, 16384);
		fake_end(&b.fake);
	}
	DUTY("LOG-3 LOG-4 LOG-14 LOG-18 LOG-19 UNH-LOG-2.1");
}

/* Keys one by one, with T=0 and pieces: the operational stage as ever. */
static void test_more_exchanges(void **state)
{
	(void)state;
	begin();
	fake_give_login(b.c, 0x44, FAKE_TEXT("TargetPortalGroupTag=1"));
	bench_take(&b);
	assert_int_equal(b.len, 0);
	fake_give_login(b.c, 0x04, FAKE_TEXT("X-org.example.colour=red"));
	bench_take(&b);
	expect_direct();
	assert_true(bench_said(&b, "X-org.example.colour=NotUnderstood"));
	assert_false(bench_said(&b, "ErrorRecoveryLevel=0"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(LOGIN_GOOD));
	assert_true(b.c->up);
	assert_int_equal(b.c->login.portal_group_tag, 1);
	fake_end(&b.fake);
	DUTY("LOG-6 TXT-8 TXT-14");
}

static void test_discovery(void **state)
{
	(void)state;
	bench_setup(&b);
	b.setup.direct = true;
	b.setup.config.type = SESSION_DISCOVERY;
	b.setup.config.target_name = NULL;
	bench_begin(&b);
	expect_direct();
	assert_true(bench_said(&b, "SessionType=Discovery"));
	b.c->tsih = 3;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None\0DefaultTime2Wait=2\0"
					     "DefaultTime2Retain=20\0ErrorRecoveryLevel=0"));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("LOG-3 LOG-19");
}

/* Who wants authentication never skips it. */
static void test_chap(void **state)
{
	(void)state;
	for (enum chap_mode mode = CHAP_ONE_WAY; mode <= CHAP_MUTUAL; mode++) {
		bench_setup_chap(&b, mode);
		b.setup.direct = true;
		bench_begin(&b);
		assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
		assert_true(bench_said(&b, "AuthMethod=CHAP"));
		bench_give_status(&b, 2, 1, NULL, 0);
		bench_expect_failed(&b, FAULT_LOGIN_STATUS);
		assert_int_equal(b.c->opens, 1);
		fake_end(&b.fake);
	}
	DUTY("SEC-17");
}

/* ---------------------------------------------------------------- the target insists */

static void test_retreat(void **state)
{
	static const uint8_t details[] = { 0x00, 0x01, 0x07, 0x0b };

	(void)state;
	for (unsigned i = 0; i < sizeof(details); i++) {
		begin();
		bench_give_status(&b, 2, details[i], NULL, 0);
		expect_retreat();
		log_in();
		assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
		fake_end(&b.fake);
	}
	begin();
	fake_closed(b.c, FAULT_CLOSED);
	expect_retreat();
	log_in();
	fake_end(&b.fake);
	DUTY("LOG-19");
}

/* The second answer counts: there is no third login. */
static void test_once(void **state)
{
	static const uint8_t details[] = { 0x00, 0x01, 0x07, 0x0b };

	(void)state;
	for (unsigned i = 0; i < sizeof(details); i++) {
		begin();
		bench_give_status(&b, 2, details[i], NULL, 0);
		expect_retreat();
		bench_give_status(&b, 2, details[i], NULL, 0);
		assert_int_equal(b.c->fault.status_detail, details[i]);
		bench_expect_failed(&b, FAULT_LOGIN_STATUS);
		assert_int_equal(b.c->opens, 2);
		fake_end(&b.fake);
	}
	begin();
	fake_closed(b.c, FAULT_CLOSED);
	expect_retreat();
	fake_closed(b.c, FAULT_CLOSED);
	bench_expect_failed(&b, FAULT_CLOSED);
	fake_end(&b.fake);
	DUTY("LOG-17 LOG-19");
}

/* What another login could not change, and what comes after a good answer. */
static void test_no_retreat(void **state)
{
	static const uint16_t statuses[] = { 0x0202, 0x0203, 0x0204, 0x0205, 0x0206, 0x0208, 0x0209, 0x020a,
		0x0300, 0x0301, 0x0302 };

	(void)state;
	for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		begin();
		bench_give_status(&b, (uint8_t)(statuses[i] >> 8), (uint8_t)statuses[i], NULL, 0);
		bench_expect_failed(&b, FAULT_LOGIN_STATUS);
		assert_int_equal(b.c->opens, 1);
		fake_end(&b.fake);
	}
	for (unsigned closes = 0; closes < 2; closes++) {
		begin();
		fake_give_login(b.c, 0x04, FAKE_TEXT("TargetPortalGroupTag=1"));
		bench_take(&b);
		if (closes)
			fake_closed(b.c, FAULT_CLOSED);
		else
			bench_give_status(&b, 2, 0, NULL, 0);
		bench_expect_failed(&b, closes ? FAULT_CLOSED : FAULT_LOGIN_STATUS);
		assert_int_equal(b.c->opens, 1);
		fake_end(&b.fake);
	}
	begin();
	fake_wait(&b.fake, 15001); /* both share one limit */
	bench_expect_failed(&b, FAULT_TIMEOUT);
	fake_end(&b.fake);
	DUTY("LOG-17 TIM-6");
}

/* Another address is another target until it has answered. */
static void test_redirect(void **state)
{
	(void)state;
	begin();
	bench_give_status(&b, 1, 1, FAKE_TEXT("TargetAddress=192.0.2.8:3261"));
	fake_open(b.c);
	bench_take(&b);
	expect_direct();
	bench_give_status(&b, 2, 1, NULL, 0);
	assert_true(b.c->opening);
	assert_int_equal(conn_port(b.c->conn), 3261);
	fake_open(b.c);
	bench_take(&b);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	bench_give_status(&b, 1, 1, FAKE_TEXT("TargetAddress=192.0.2.9:3262"));
	fake_open(b.c);
	bench_take(&b);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	log_in();
	fake_end(&b.fake);
	DUTY("LOG-22");
}

/* ---------------------------------------------------------------- the logins after the first */

/* The session's only connection is cut; its reinstatement has begun. */
static void reinstate(void)
{
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
	fake_closed(b.c, FAULT_CLOSED);
	fake_wait(&b.fake, 2001);
	assert_int_equal(b.fake.conns, 2);
	b.c = &b.fake.conn[1];
	fake_open(b.c);
	bench_take(&b);
	assert_int_equal(b.request.tsih, 0);
}

static void test_returning(void **state)
{
	(void)state;
	begin();
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	reinstate();
	expect_direct();
	b.c->tsih = 10;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
	/* One that insisted is not asked again. */
	begin();
	bench_give_status(&b, 2, 1, NULL, 0);
	expect_retreat();
	log_in();
	reinstate();
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	log_in();
	assert_int_equal(b.c->opens, 1);
	fake_end(&b.fake);
	DUTY("LOG-19 REC-1");
}

/* Nothing of this connection was told before it was cut: the numbers of its only response count. */
static void test_continued(void **state)
{
	static const char keys[] = "TargetPortalGroupTag=1\0HeaderDigest=None\0DataDigest=None\0"
		"MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=65536\0"
		"FirstBurstLength=16384\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0"
		"MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=2";

	(void)state;
	bench_setup(&b);
	b.setup.direct = true;
	b.setup.config.offer.error_recovery_level = 2;
	b.setup.config.offer.max_outstanding_r2t = 1;
	bench_begin(&b);
	b.c->tsih = 9;
	b.c->stat_sn = 7000;
	fake_give_login(b.c, 0x87, FAKE_TEXT(keys));
	assert_true(b.c->up);
	fake_closed(b.c, FAULT_CLOSED);
	fake_wait(&b.fake, 2001);
	assert_int_equal(b.fake.conns, 2);
	b.c = &b.fake.conn[1];
	fake_open(b.c);
	bench_take(&b);
	assert_int_equal(b.request.tsih, 9);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	assert_int_equal(b.request.exp_stat_sn, 7000);
	fake_end(&b.fake);
	DUTY("LOG-12 REC-15");
}

/* Targets were seen that open another session for a login which skips it. */
static void test_added(void **state)
{
	(void)state;
	begin();
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	b.setup.options.id = 2;
	b.c = fake_add(&b.fake, &b.setup.options);
	bench_take(&b);
	assert_int_equal(b.request.tsih, 9);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	fake_closed(b.c, FAULT_CLOSED); /* no second attempt then */
	assert_true(b.c->ended);
	fake_end(&b.fake);
	DUTY("TOL-6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_exchange),
		cmocka_unit_test(test_more_exchanges),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_chap),
		cmocka_unit_test(test_retreat),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_no_retreat),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_returning),
		cmocka_unit_test(test_continued),
		cmocka_unit_test(test_added),
	};

	return cmocka_run_group_tests_name("engine_login_direct", tests, NULL, NULL);
}
