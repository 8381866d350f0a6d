/*
 * engine_verdict_test.c - mutual CHAP whose proof is verified outside (chap_config.outside): the login
 * waits for the verdict, and whatever may happen meanwhile.
 */
#include "engine_fake_login.h"

#include "../duty.h"

static const char good[] = LOGIN_GOOD;
static const uint8_t proof[16] = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a,
				   0x1b, 0x1c, 0x1d, 0x1e, 0x1f };

#define PROOF "CHAP_N=target\0CHAP_R=0x101112131415161718191a1b1c1d1e1f"

static struct bench b;

/* Up to the request that has our challenge. */
static void begin(void)
{
	bench_setup_chap(&b, CHAP_MUTUAL);
	b.setup.options.chap.outside = true;
	b.setup.options.chap.target_secret_len = 0;
	b.setup.options.chap.algorithm_count = 1;
	b.setup.options.chap.algorithms[0] = CHAP_MD5;
	bench_begin(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
	bench_take(&b);
	assert_true(bench_said(&b, "CHAP_A=5"));
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0"
					     "CHAP_C=0x00112233445566778899aabbccddeeff"));
	bench_take(&b);
}

/* Up to the question, which came with this T bit. */
static void ask(uint8_t flags)
{
	begin();
	fake_give_login(b.c, flags, FAKE_TEXT(PROOF));
	assert_false(b.c->ended);
	assert_int_equal(b.c->questions, 1);
}

static void verdict(enum fault_kind kind)
{
	struct fault why;

	fault_set(&why, kind, 0, "the verdict");
	conn_verdict(b.c->conn, &why, b.fake.now);
	fake_pump(&b.fake);
}

static void finish(void)
{
	assert_int_equal(b.request.csg, PDU_STAGE_OPERATIONAL);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
}

/* Nothing leaves before the verdict; the target may have set T or not. */
static void test_right(void **state)
{
	(void)state;
	ask(0x81);
	assert_int_equal(b.c->question.name_len, 6);
	assert_memory_equal(b.c->question.name, "target", 6);
	assert_memory_equal(b.c->question.response, proof, sizeof(proof));
	assert_int_equal(b.c->question.challenge_len, 32);
	assert_int_equal(b.c->sent_len, 0);
	verdict(FAULT_NONE);
	bench_take(&b);
	finish();

	ask(0x00);
	assert_int_equal(b.c->sent_len, 0);
	verdict(FAULT_NONE);
	bench_take(&b);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	assert_true(b.request.transit);
	fake_give_login(b.c, 0x81, NULL, 0);
	bench_take(&b);
	finish();
	DUTY("SEC-3 SEC-8");
}

/* The challenge and identifier in the question are those that went out. */
static void test_question(void **state)
{
	char text[9 + 2 * 32 + 1] = "CHAP_C=0x";

	(void)state;
	begin();
	fake_give_login(b.c, 0x81, FAKE_TEXT(PROOF));
	for (unsigned i = 0; i < 32; i++)
		snprintf(text + 9 + 2 * i, 3, "%02x", b.c->question.challenge[i]);
	assert_true(bench_said(&b, text));
	snprintf(text, sizeof(text), "CHAP_I=%u", b.c->question.identifier);
	assert_true(bench_said(&b, text));
	fake_end(&b.fake);
}

static void test_wrong(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_AUTH, FAULT_VERIFIER, FAULT_NO_MEMORY };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		ask(i & 1 ? 0x00 : 0x81);
		verdict(kinds[i]);
		assert_non_null(strstr(b.c->fault.text, "the verdict"));
		bench_expect_failed(&b, kinds[i]);
		assert_int_equal(b.c->sent_len, 0);
		fake_end(&b.fake);
	}
	DUTY("SEC-8");
}

/* A verdict is not waited for longer than a login may take; one that comes late is for nobody. */
static void test_late(void **state)
{
	(void)state;
	ask(0x81);
	b.fake.now += (b.setup.config.times.login + 1) * UINT64_C(1000000);
	conn_expire(b.c->conn, b.fake.now);
	verdict(FAULT_NONE);
	assert_true(b.c->ended);
	assert_non_null(strstr(b.c->fault.text, "verified"));
	assert_int_equal(b.c->sent_len, 0);
	bench_expect_failed(&b, FAULT_TIMEOUT);
	fake_end(&b.fake);
}

static void test_closed(void **state)
{
	struct fault why;

	(void)state;
	ask(0x81);
	fault_set(&why, FAULT_CLOSED, 0, "closed");
	conn_closed(b.c->conn, &why, b.fake.now);
	verdict(FAULT_NONE);
	assert_int_equal(b.c->sent_len, 0);
	bench_expect_failed(&b, FAULT_CLOSED);
	fake_end(&b.fake);
}

/* The target goes on before we do; it may only give up. */
static void test_hasty_target(void **state)
{
	static const struct { uint8_t class, detail; enum fault_kind kind; } cases[] = {
		{ 0, 0, FAULT_PROTOCOL }, { 1, 1, FAULT_PROTOCOL }, { 2, 1, FAULT_LOGIN_STATUS },
		{ 3, 1, FAULT_LOGIN_STATUS },
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		ask(0x81);
		if (cases[i].class)
			bench_give_status(&b, cases[i].class, cases[i].detail,
					  FAKE_TEXT("TargetAddress=192.0.2.9:3260,1"));
		else
			fake_give_login(b.c, 0x87, FAKE_TEXT(good));
		assert_true(b.c->ended);
		assert_int_equal(b.c->opens, 1);
		bench_expect_failed(&b, cases[i].kind);
		fake_end(&b.fake);
	}
	DUTY("LOG-15");
}

/* A verdict that nobody asked for. */
static void test_unasked(void **state)
{
	(void)state;
	begin();
	verdict(FAULT_NONE);
	assert_int_equal(b.c->sent_len, 0);
	assert_int_equal(b.c->questions, 0);
	fake_give_login(b.c, 0x81, NULL, 0); /* and no proof: it must not count */
	bench_expect_failed(&b, FAULT_AUTH);
	fake_end(&b.fake);
	DUTY("SEC-7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_hasty_target),
		cmocka_unit_test(test_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
