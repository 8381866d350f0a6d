/*
 * engine_login_refuse_test.c - login responses that must be refused: CHAP that is skipped or wrong,
 * headers, texts, numbers, logins without an end.
 */
#include "engine_fake_login.h"
#include "../duty.h"

#include <stdlib.h>

static const char good[] = LOGIN_GOOD;
static const char first[] = LOGIN_FIRST;

/* SEC-7, SEC-17: nobody gets past CHAP. */
static void test_chap_not_skipped(void **state)
{
	static const struct {
		enum chap_mode mode;
		uint8_t flags;       /* of the response to the first request */
		const char *text;
		size_t len;
		uint8_t flags2;      /* of the one to CHAP_A, if it came so far */
		const char *text2;
		size_t len2;
	} cases[] = {
#define NONE 0, NULL, 0
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=None"), NONE },
		{ CHAP_ONE_WAY, 0x81, FAKE_TEXT("AuthMethod=CHAP"), NONE },
		{ CHAP_ONE_WAY, 0x81, FAKE_TEXT("AuthMethod=None"), NONE },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=Reject"), NONE },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("TargetPortalGroupTag=1"), NONE },
		{ CHAP_NONE, 0x00, FAKE_TEXT("AuthMethod=CHAP"), NONE },
		{ CHAP_NONE, 0x81, FAKE_TEXT("AuthMethod=None\0CHAP_A=5"), NONE },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x81, NULL, 0 },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x00,
		  FAKE_TEXT("CHAP_A=4\0CHAP_I=1\0CHAP_C=0x0102030405060708090a0b0c0d0e0f10") },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=1") },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x00,
		  FAKE_TEXT("CHAP_A=5\0CHAP_I=1\0CHAP_C=0x") },
#undef NONE
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_setup_chap(&b, cases[i].mode);
		bench_begin(&b);
		fake_give_login(b.c, cases[i].flags, cases[i].text, cases[i].len);
		if (!b.c->ended && cases[i].len2 + cases[i].flags2) {
			bench_take(&b);
			fake_give_login(b.c, cases[i].flags2, cases[i].text2, cases[i].len2);
		}
		if (!b.c->ended)
			print_error("case %zu got past\n", i);
		assert_true(b.c->ended);
		bench_expect_failed(&b, b.c->fault.kind);
		fake_end(&b.fake);
	}
	DUTY("SEC-7 SEC-17 UNH-LOG-7.3");
}

/* The target that has to prove itself and does not. */
static void test_chap_mutual(void **state)
{
	static const struct {
		uint8_t flags;
		const char *text;
		size_t len;
	} cases[] = {
		{ 0x81, NULL, 0 },
		{ 0x81, FAKE_TEXT("CHAP_N=target") },
		{ 0x81, FAKE_TEXT("CHAP_N=target\0CHAP_R=0x00") },
		{ 0x81, FAKE_TEXT("CHAP_N=target\0CHAP_R=0x00112233445566778899aabbccddeeff") },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_setup_chap(&b, CHAP_MUTUAL);
		bench_to_challenge(&b);
		fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0"
						     "CHAP_C=0x00112233445566778899aabbccddeeff"));
		bench_take(&b);
		assert_true(strstr(b.text, "CHAP_N=user") != NULL);
		fake_give_login(b.c, cases[i].flags, cases[i].text, cases[i].len);
		assert_true(b.c->ended);
		bench_expect_failed(&b, b.c->fault.kind);
		fake_end(&b.fake);
	}
	DUTY("SEC-7 SEC-8 SEC-17");
}

/* ---------------------------------------------------------------- what must be refused */

/* Changes of a first response that would be right. */
static const struct {
	const char *name;
	unsigned at, size;
	uint32_t value;
} headers[] = {
	{ "another PDU", 0, 1, PDU_SCSI_RESPONSE },
	{ "NOP-In", 0, 1, PDU_NOP_IN },
	{ "Reject", 0, 1, PDU_REJECT },
	{ "Asynchronous Message", 0, 1, PDU_ASYNC },
	{ "additional header", 4, 1, 1 },
	{ "another version", 3, 1, 1 },
	{ "another ISID", 8, 4, 0x81020304 },
	{ "another tag", 16, 4, 0x12345678 },
	{ "to stage 2", 1, 1, 0x82 },
	{ "to full feature, not asked for", 1, 1, 0x83 },
	{ "from another stage", 1, 1, 0x87 },
	{ "back to security", 1, 1, 0x80 },
	{ "T and C", 1, 1, 0xc1 },
};

static void test_header(void **state)
{
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct pdu_login_response r = { .transit = true, .nsg = 1,
			.isid = { 0x80, 1, 2, 3, 4, 5 } };
		uint8_t bhs[PDU_BHS_LEN];

		bench_setup(&b);
		b.setup.piece = i % 3;
		bench_begin(&b);
		r.initiator_task_tag = b.c->login_itt;
		pdu_put_login_response(bhs, &r);
		if (headers[i].size == 1)
			bhs[headers[i].at] = (uint8_t)headers[i].value;
		else
			bytes_put32(bhs + headers[i].at, headers[i].value);
		fake_give_pdu(b.c, bhs, first, sizeof(first));
		if (!b.c->ended)
			print_error("not refused: %s\n", headers[i].name);
		bench_expect_failed(&b, FAULT_PROTOCOL);
		fake_end(&b.fake);
	}
	DUTY("LOG-1 LOG-2 LOG-5 LOG-16 TXT-7 PDU-3 RJ-4 UNH-LOG-3.1 UNH-LOG-8.1");
}

/* Texts that come in the operational stage, with T=1 and all else as it should be. A NULL key: the
 * text is added to the good one; else it replaces that key's pair. */
static const struct {
	const char *key, *pair;
} texts[] = {
	{ NULL, "HeaderDigest=None" },
	{ NULL, "noequals" },
	{ NULL, "=5" },
	{ NULL, "1x=5" },
	{ NULL, "AuthMethod=None" },
	{ NULL, "CHAP_A=5" },
	{ NULL, "X-unknown=1" },
	{ NULL, "X-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1" },
	{ NULL, "TargetPortalGroupTag=70000" },
	{ "HeaderDigest", "HeaderDigest=CRC32C" },
	{ "HeaderDigest", "HeaderDigest=None,CRC32C" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=0" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=511" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=16777216" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=-1" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=8192 " },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=018446744073709551616" },
	{ "MaxConnections", "MaxConnections=0" },
	{ "MaxConnections", "MaxConnections=9" },
	{ "InitialR2T", "InitialR2T=no" },
	{ "InitialR2T", "InitialR2T=" },
	{ "ImmediateData", "ImmediateData=Maybe" },
	{ "MaxBurstLength", "MaxBurstLength=65537" },
	{ "MaxBurstLength", "MaxBurstLength=0x" },
	{ "FirstBurstLength", "FirstBurstLength=99999999" },
	{ "MaxOutstandingR2T", "MaxOutstandingR2T=0" },
	{ "MaxOutstandingR2T", "MaxOutstandingR2T=5" },
	{ "ErrorRecoveryLevel", "ErrorRecoveryLevel=1" },
	{ "DataPDUInOrder", "DataPDUInOrder=" },
	{ "DefaultTime2Wait", "DefaultTime2Wait=99999" },
};

static size_t make_text(char *text, const char *key, const char *pair)
{
	size_t len = 0, n = strlen(pair) + 1;

	for (size_t at = 0; at < sizeof(good); at += strlen(good + at) + 1) {
		bool it = key && strncmp(good + at, key, strlen(key)) == 0 && good[at + strlen(key)] == '=';
		const char *from = it ? pair : good + at;

		memcpy(text + len, from, strlen(from) + 1);
		len += strlen(from) + 1;
	}
	if (!key) {
		memcpy(text + len, pair, n);
		len += n;
	}
	return len;
}

static void test_text(void **state)
{
	char text[2000];
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bench_setup(&b);
		bench_begin(&b);
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		bench_take(&b);
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, text, make_text(text, texts[i].key, texts[i].pair));
		if (!b.c->ended)
			print_error("not refused: %s\n", texts[i].pair);
		assert_true(b.c->ended);
		bench_expect_failed(&b, b.c->fault.kind);
		fake_end(&b.fake);
	}
	DUTY("KEY-8 LOG-7 LOG-9 LOG-21 NEG-1 TXT-1 TXT-2 TXT-15 TXT-16 TXT-18 UNH-LOG-6.3");
}

/* The final response. */
static void test_final(void **state)
{
	struct bench b;

	(void)state;
	/* TSIH 0 */
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	bench_expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	/* our offers were not answered */
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None"));
	bench_expect_failed(&b, FAULT_NEGOTIATION);
	fake_end(&b.fake);
	/* the last byte is not a NUL */
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, good, sizeof(good) - 1);
	assert_true(b.c->ended || b.c->up); /* TOL: which of both is keys' business */
	fake_end(&b.fake);
	/* StatSN jumps */
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
	b.c->stat_sn++;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	bench_expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	DUTY("LOG-13 LOG-15 TXT-17 UNH-LOG-2.2");
}

/* TXT-5, TXT-20: everything has an end. */
static void test_without_end(void **state)
{
	char text[8000];
	struct bench b;
	unsigned rounds;

	(void)state;
	/* T=0 for ever */
	bench_setup(&b);
	bench_begin(&b);
	for (rounds = 0; !b.c->ended && rounds < 1000; rounds++) {
		fake_give_login(b.c, 0x00, NULL, 0);
		if (!b.c->ended)
			bench_take(&b);
	}
	assert_true(rounds >= 6 && rounds < 100);
	bench_expect_failed(&b, b.c->fault.kind);
	fake_end(&b.fake);
	/* C=1 for ever */
	memset(text, 'a', sizeof(text));
	bench_setup(&b);
	bench_begin(&b);
	for (rounds = 0; !b.c->ended && rounds < 1000; rounds++) {
		fake_give_login(b.c, 0x40, text, sizeof(text));
		if (!b.c->ended)
			bench_take(&b);
	}
	assert_true(rounds < 20);
	bench_expect_failed(&b, b.c->fault.kind);
	fake_end(&b.fake);
	/* 2000 tiny keys, each of which wants an answer */
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	for (unsigned i = 0; i < 1000; i++)
		memcpy(text + 8 * i, "X-abc=1", 8);
	fake_give_login(b.c, 0x04, text, sizeof(text));
	assert_true(b.c->ended || fake_has_sent(b.c));
	fake_end(&b.fake);
	/* silence */
	bench_setup(&b);
	bench_begin(&b);
	fake_wait(&b.fake, 14999);
	assert_false(b.c->ended);
	fake_wait(&b.fake, 2);
	bench_expect_failed(&b, FAULT_TIMEOUT);
	fake_end(&b.fake);
	DUTY("TXT-5 TXT-20 TIM-6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chap_not_skipped),
		cmocka_unit_test(test_chap_mutual),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
