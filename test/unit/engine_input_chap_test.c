/*
 * engine_input_chap_test.c - bad inputs of the field, group 3: CHAP through a whole login. The same and
 * more without a login: proto_chap_test.c, proto_chap_cases_test.c.
 */
#include "engine_fake_login.h"

#include <stdio.h>

#include "../duty.h"

#define CHALLENGE "CHAP_C=0x00112233445566778899aabbccddeeff"

static struct bench b, other;

static void begin(enum chap_mode mode)
{
	bench_setup_chap(&b, mode);
	bench_to_challenge(&b);
}

/* Past the target's challenge; ours is in b.text. */
static void begin_response(void)
{
	begin(CHAP_MUTUAL);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0" CHALLENGE));
	bench_take(&b);
}

static void refused(struct bench *bench, enum fault_kind kind)
{
	assert_true(bench->c->fault.text[0]);
	assert_null(strstr(bench->c->fault.text, "letters")); /* the secrets */
	bench_expect_failed(bench, kind);
	fake_end(&bench->fake);
}

/* The value of a key that we sent, NULL if we did not. */
static const char *said(const struct bench *bench, const char *key)
{
	for (uint32_t at = 0; at < bench->len; at += (uint32_t)strlen(bench->text + at) + 1)
		if (!strncmp(bench->text + at, key, strlen(key)) && bench->text[at + strlen(key)] == '=')
			return bench->text + at + strlen(key) + 1;
	return NULL;
}

/* A response of several pairs: \1 stands for NUL, % for the value. */
static void give(struct bench *bench, uint8_t flags, const char *pairs, const char *value)
{
	char text[4200];
	size_t len = 0;

	for (const char *p = pairs; *p; p++) {
		size_t n = *p == '%' ? strlen(value) : 1;

		memcpy(text + len, *p == '%' ? value : *p == '\1' ? "" : p, n);
		len += n;
	}
	text[len++] = '\0';
	fake_give_login(bench->c, flags, text, len);
}

/* What the secret gives for our challenge, under our identifier. */
static void prove(const struct bench *bench, const uint8_t *secret, unsigned len, char *ret)
{
	uint8_t challenge[CHAP_CHALLENGE_MAX], digest[CHAP_DIGEST_MAX];
	uint64_t identifier;
	size_t challenge_len;
	int n;

	assert_int_equal(text_binary(said(bench, "CHAP_C"), challenge, sizeof(challenge),
				     &challenge_len), 0);
	assert_int_equal(text_number(said(bench, "CHAP_I"), &identifier), 0);
	n = chap_hash(CHAP_MD5, (uint8_t)identifier, secret, len, challenge, challenge_len, digest);
	memcpy(ret, "0x", 3);
	for (int i = 0; i < n; i++)
		snprintf(ret + 2 + 2 * i, 3, "%02x", digest[i]);
}

/* What would be right, so that the other tests mean something. */
static void test_right(void **state)
{
	char proof[80];

	(void)state;
	begin_response();
	prove(&b, b.setup.options.chap.target_secret, 17, proof);
	give(&b, 0x81, "CHAP_N=target\1CHAP_R=%", proof);
	assert_false(b.c->ended);
	bench_take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(LOGIN_GOOD));
	assert_true(b.c->up);
	fake_end(&b.fake);
}

/* Our own challenge comes back over another connection; our own response as the target's. */
static void test_reflected(void **state)
{
	static struct chap_open open;
	char proof[80], challenge[200];

	(void)state;
	bench_setup_chap(&b, CHAP_MUTUAL);
	bench_setup_chap(&other, CHAP_MUTUAL);
	b.setup.options.chap.open = other.setup.options.chap.open = &open;
	bench_to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0" CHALLENGE));
	bench_take(&b);
	bench_to_challenge(&other);
	snprintf(challenge, sizeof(challenge), "%s", said(&b, "CHAP_C"));
	give(&other, 0x00, "CHAP_A=5\1CHAP_I=3\1CHAP_C=%", challenge);
	refused(&other, FAULT_AUTH);
	fake_end(&b.fake);
	DUTY("FIELD-3.1 SEC-10");
	begin_response(); /* the very text that we sent */
	snprintf(proof, sizeof(proof), "%s", said(&b, "CHAP_R"));
	give(&b, 0x81, "CHAP_N=target\1CHAP_R=%", proof);
	refused(&b, FAULT_AUTH);
	begin_response(); /* what our secret gives for our challenge */
	prove(&b, b.setup.options.chap.secret, 16, proof);
	give(&b, 0x81, "CHAP_N=target\1CHAP_R=%", proof);
	assert_non_null(strstr(b.c->fault.text, "our secret")); /* and not just another wrong one */
	refused(&b, FAULT_AUTH);
	DUTY("FIELD-3.2 SEC-9");
}

/* The target takes our identifier for its own: each direction is proved for itself. */
static void test_same_identifier(void **state)
{
	char number[8], proof[80];

	(void)state;
	begin_response();
	snprintf(number, sizeof(number), "%s", said(&b, "CHAP_I"));
	fake_end(&b.fake);
	begin(CHAP_MUTUAL);
	give(&b, 0x00, "CHAP_A=5\1CHAP_I=%\1" CHALLENGE, number);
	bench_take(&b);
	assert_string_equal(said(&b, "CHAP_I"), number);
	prove(&b, b.setup.options.chap.target_secret, 17, proof);
	assert_string_not_equal(proof, said(&b, "CHAP_R"));
	give(&b, 0x81, "CHAP_N=target\1CHAP_R=%", proof);
	assert_false(b.c->ended);
	fake_end(&b.fake);
	DUTY("FIELD-3.3");
}

/* That our response is the one for identifier 3 and this challenge. */
static void expect_proof(const char *challenge, size_t len)
{
	uint8_t digest[CHAP_DIGEST_MAX], proof[CHAP_DIGEST_MAX];
	size_t proof_len;
	int n = chap_hash(CHAP_MD5, 3, "sixteen  letters", 16, challenge, len, digest);

	assert_int_equal(text_binary(said(&b, "CHAP_R"), proof, sizeof(proof), &proof_len), 0);
	assert_int_equal(proof_len, n);
	assert_memory_equal(proof, digest, n);
}

static void refuse_challenge(const char *value)
{
	begin(CHAP_ONE_WAY);
	give(&b, 0x00, "CHAP_A=5\1CHAP_I=3\1CHAP_C=%", value);
	if (!b.c->ended)
		print_error("taken: %.40s\n", value);
	refused(&b, FAULT_PROTOCOL);
}

static void refuse_response(const char *value)
{
	begin_response();
	give(&b, 0x81, "CHAP_N=target\1CHAP_R=%", value);
	assert_true(b.c->fault.kind == FAULT_PROTOCOL || b.c->fault.kind == FAULT_AUTH);
	refused(&b, b.c->fault.kind);
}

static void test_encodings(void **state)
{
	static const char *const hexes[] = { "0x0g", "0x0 ", "00112233445566778899aabbccddeeff",
		"0x00 11", "x00", "0x0x00", "-0x00" };
	static const char *const bases[] = { "0b=", "0b====", "0bA", "0bAA", "0bAAA", "0bAA=A", "0bA*==",
		"0bAAAA=", "0bAAAAA", "0b AAA", "0bAAA\n", "0bAAAA====" };
	char odd[3 + 2048 + 10] = "0x";

	(void)state;
	for (size_t i = 0; i < sizeof(hexes) / sizeof(hexes[0]); i++) {
		refuse_challenge(hexes[i]);
		refuse_response(hexes[i]);
	}
	memset(odd + 2, '1', 31);
	refuse_response(odd); /* a digit short */
	memset(odd + 2, '1', 33);
	refuse_response(odd);
	memset(odd + 2, '1', 2049);
	refuse_challenge(odd); /* 1024 bytes and a digit */
	begin(CHAP_ONE_WAY); /* an odd number by itself is none */
	give(&b, 0x00, "CHAP_A=5\1CHAP_I=3\1CHAP_C=0x123", "");
	bench_take(&b);
	expect_proof("\x01\x23", 2);
	fake_end(&b.fake);
	DUTY("FIELD-3.4 SEC-6");
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		refuse_challenge(bases[i]);
		refuse_response(bases[i]);
	}
	DUTY("FIELD-3.5 SEC-6");
}

static void test_lengths(void **state)
{
	char hex[3 + 2050] = "0x", base[1400] = "0b";

	(void)state;
	memset(hex + 2, 'a', 2050);
	refuse_challenge(hex);
	refuse_response(hex);
	memset(base + 2, 'A', 1367);
	memcpy(base + 2 + 1367, "=", 2);
	refuse_challenge(base);
	hex[2 + 2048] = '\0'; /* 1024 bytes may be */
	begin(CHAP_ONE_WAY);
	give(&b, 0x00, "CHAP_A=5\1CHAP_I=3\1CHAP_C=%", hex);
	assert_false(b.c->ended);
	bench_take(&b);
	assert_non_null(said(&b, "CHAP_R"));
	fake_end(&b.fake);
	DUTY("FIELD-3.6 SEC-6");
	refuse_challenge("");
	refuse_challenge("0x");
	refuse_challenge("0b");
	refuse_response("");
	refuse_response("0x");
	refuse_response("0b");
	DUTY("FIELD-3.7");
}

static void test_algorithm(void **state)
{
	static const char *const values[] = { "4", "0", "9", "255", "65541", "5,6", "MD5", "", "-5" };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		begin(CHAP_ONE_WAY);
		give(&b, 0x00, "CHAP_A=%\1CHAP_I=3\1" CHALLENGE, values[i]);
		refused(&b, FAULT_AUTH);
	}
	bench_setup_chap(&b, CHAP_ONE_WAY); /* known, but not offered this time */
	b.setup.options.chap.algorithm_count = 1;
	b.setup.options.chap.algorithms[0] = CHAP_MD5;
	bench_begin(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("AuthMethod=CHAP"));
	bench_take(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=7\0CHAP_I=3\0" CHALLENGE));
	refused(&b, FAULT_AUTH);
	DUTY("FIELD-3.8 SEC-4");
}

static void test_no_proof(void **state)
{
	static const char *const texts[] = { "", "CHAP_N=target", "CHAP_R=0x00112233445566778899aabbccddeeff",
		"CHAP_N=\1CHAP_R=0x00112233445566778899aabbccddeeff" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(texts) / sizeof(texts[0]); i++) {
		begin_response();
		give(&b, i % 2 ? 0x81 : 0x00, "", "");
		if (!b.c->ended)
			bench_take(&b);
		if (!b.c->ended)
			give(&b, 0x81, texts[i / 2], "");
		assert_true(b.c->fault.kind == FAULT_AUTH || b.c->fault.kind == FAULT_PROTOCOL);
		refused(&b, b.c->fault.kind);
	}
	begin_response(); /* the wrong one */
	give(&b, 0x81, "CHAP_N=target\1CHAP_R=0x00112233445566778899aabbccddeeff", "");
	refused(&b, FAULT_AUTH);
	DUTY("FIELD-3.9 SEC-7 SEC-8");
}

static void test_name(void **state)
{
	char proof[80], name[300];

	(void)state;
	for (unsigned right = 0; right < 2; right++) {
		bench_setup_chap(&b, CHAP_MUTUAL);
		memcpy(b.setup.options.chap.target_name, "target", 6);
		b.setup.options.chap.target_name_len = 6;
		bench_to_challenge(&b);
		fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0" CHALLENGE));
		bench_take(&b);
		prove(&b, b.setup.options.chap.target_secret, 17, proof);
		give(&b, 0x81, right ? "CHAP_N=target\1CHAP_R=%" : "CHAP_N=Target\1CHAP_R=%", proof);
		if (!right) {
			refused(&b, FAULT_AUTH);
			continue;
		}
		assert_false(b.c->ended);
		fake_end(&b.fake);
	}
	memset(name, 'n', 256);
	name[256] = '\0';
	begin_response();
	give(&b, 0x81, "CHAP_R=0x00\1CHAP_N=%", name);
	refused(&b, FAULT_PROTOCOL);
	DUTY("FIELD-3.10 SEC-15");
}

/* By step: choice of the method, challenge, response, and after it all. */
static void test_wrong_step(void **state)
{
	static const char *const early[] = { "AuthMethod=CHAP\1CHAP_C=0x00", "AuthMethod=CHAP\1CHAP_R=0x00" };
	static const char *const at_challenge[] = { "CHAP_N=x\1CHAP_R=0x00", "CHAP_A=5", "CHAP_I=3",
		"CHAP_A=5\1CHAP_I=3\1CHAP_N=x\1" CHALLENGE, "CHAP_A=5\1CHAP_I=3\1CHAP_R=0x00\1" CHALLENGE,
		"CHAP_A=5\1CHAP_A=5\1CHAP_I=3\1" CHALLENGE, "AuthMethod=CHAP\1CHAP_A=5\1CHAP_I=3\1" CHALLENGE,
		"CHAP_X=1\1CHAP_A=5\1CHAP_I=3\1" CHALLENGE };
	static const char *const at_response[] = { "CHAP_A=5\1CHAP_N=x\1CHAP_R=0x00",
		("CHAP_I=4\1" CHALLENGE), "CHAP_N=x\1CHAP_N=y\1CHAP_R=0x00" };

	(void)state;
	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
		bench_setup_chap(&b, CHAP_ONE_WAY);
		bench_begin(&b);
		give(&b, 0x00, early[i], "");
		refused(&b, FAULT_PROTOCOL);
	}
	for (size_t i = 0; i < sizeof(at_challenge) / sizeof(at_challenge[0]); i++) {
		begin(CHAP_ONE_WAY);
		give(&b, 0x00, at_challenge[i], "");
		if (!b.c->ended)
			print_error("taken: %s\n", at_challenge[i]);
		assert_true(b.c->fault.kind == FAULT_AUTH || b.c->fault.kind == FAULT_PROTOCOL);
		refused(&b, b.c->fault.kind);
	}
	for (size_t i = 0; i < sizeof(at_response) / sizeof(at_response[0]); i++) {
		begin_response();
		give(&b, 0x81, at_response[i], "");
		assert_true(b.c->fault.kind == FAULT_AUTH || b.c->fault.kind == FAULT_PROTOCOL);
		refused(&b, b.c->fault.kind);
	}
	begin(CHAP_ONE_WAY);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0" CHALLENGE));
	bench_take(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT("CHAP_A=5"));
	refused(&b, FAULT_PROTOCOL);
	begin(CHAP_ONE_WAY);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0" CHALLENGE));
	bench_take(&b);
	fake_give_login(b.c, 0x81, NULL, 0);
	bench_take(&b);
	fake_give_login(b.c, 0x04, FAKE_TEXT("CHAP_N=x"));
	refused(&b, FAULT_PROTOCOL);
	DUTY("FIELD-3.11 SEC-7");
}

static void test_none_picked(void **state)
{
	static const char *const texts[] = { "AuthMethod=None", "AuthMethod=None\1TargetPortalGroupTag=1",
		"AuthMethod=KRB5", "TargetPortalGroupTag=1", "" };

	(void)state;
	for (unsigned i = 0; i < 4 * sizeof(texts) / sizeof(texts[0]); i++) {
		bench_setup_chap(&b, i & 1 ? CHAP_MUTUAL : CHAP_ONE_WAY);
		bench_begin(&b);
		give(&b, i & 2 ? 0x81 : 0x00, texts[i / 4], "");
		assert_true(b.c->fault.kind == FAULT_AUTH || b.c->fault.kind == FAULT_PROTOCOL);
		refused(&b, b.c->fault.kind);
	}
	begin(CHAP_ONE_WAY); /* agreed, and then passed over */
	fake_give_login(b.c, 0x81, NULL, 0);
	refused(&b, FAULT_PROTOCOL);
	DUTY("FIELD-3.12 SEC-17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_reflected),
		cmocka_unit_test(test_same_identifier),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_algorithm),
		cmocka_unit_test(test_no_proof),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_wrong_step),
		cmocka_unit_test(test_none_picked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
