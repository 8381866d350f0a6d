/*
 * proto_chap_cases_test.c - what CHAP bears and what not: the cases of the UNH-IOL suite that
 * proto_chap_test.c does not have, and secrets of every length. Proofs are made by chap_hash, whose
 * values proto_chap_test.c compares with those of another implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/chap.h"

#include "../duty.h"

struct login {
	struct chap_config config;
	struct chap chap;
	char buf[4096];
	struct text_out out;
	struct fault fault;
};

/* Mutual CHAP; `seed` makes our challenge and identifier. */
static void begin(struct login *l, uint8_t seed)
{
	memset(l, 0, sizeof *l);
	l->config.mode = CHAP_MUTUAL;
	chap_algorithms_default(&l->config);
	memcpy(l->config.user, "user", l->config.user_len = 4);
	memset(l->config.secret, 'i', l->config.secret_len = 16);
	memset(l->config.target_secret, 't', l->config.target_secret_len = 16);
	memset(l->config.challenge, seed, l->config.challenge_len = 32);
	l->config.identifier = seed;
	text_out_init(&l->out, l->buf, sizeof l->buf);
	assert_int_equal(chap_begin(&l->chap, &l->config, &l->out), 0);
	text_out_init(&l->out, l->buf, sizeof l->buf);
}

static int step(struct login *l, const char *text, size_t len)
{
	return chap_step(&l->chap, text, len, &l->out, &l->fault);
}

#define STEP(l, literal) step(l, literal, sizeof literal)

static bool written(const struct login *l, const char *key, const char **ret)
{
	struct text_in in;
	struct text_pair pair;
	struct fault fault;

	text_init(&in, l->out.buf, l->out.len);
	while (text_next(&in, &pair, &fault) > 0) {
		if (strcmp(pair.key, key) == 0) {
			*ret = pair.value;
			return true;
		}
	}
	return false;
}

/* Our CHAP_R is the one that our secret gives. */
static void assert_proof(const struct login *l, uint8_t identifier, const void *challenge, size_t len)
{
	uint8_t expected[CHAP_DIGEST_MAX], proof[CHAP_DIGEST_MAX];
	const char *value = NULL;
	size_t proof_len = 0;
	int n = chap_hash(CHAP_MD5, identifier, l->config.secret, l->config.secret_len, challenge, len,
			  expected);

	assert_true(written(l, "CHAP_R", &value));
	assert_int_equal(text_binary(value, proof, sizeof proof, &proof_len), 0);
	assert_int_equal(proof_len, n);
	assert_memory_equal(proof, expected, n);
}

/* The challenge 01 02 03 04 under that identifier. */
static int challenge(struct login *l, unsigned identifier)
{
	char text[100];
	int len = snprintf(text, sizeof text, "CHAP_A=5%cCHAP_I=%u%cCHAP_C=0x01020304", 0, identifier, 0);

	text_out_init(&l->out, l->buf, sizeof l->buf);
	return step(l, text, (size_t)len + 1);
}

/* The target's proof, under this name. */
static int prove(struct login *l, const char *name, size_t name_len)
{
	char text[600];
	struct text_out out;
	uint8_t digest[CHAP_DIGEST_MAX];
	int len = chap_hash(CHAP_MD5, l->config.identifier, l->config.target_secret,
			    l->config.target_secret_len, l->chap.challenge, l->chap.challenge_len, digest);

	text_out_init(&out, text, sizeof text);
	text_put_bytes(&out, "CHAP_N", name, name_len);
	text_put_binary(&out, "CHAP_R", digest, (size_t)len);
	return step(l, text, out.len);
}

static void identifiers_of_all_values(void **state)
{
	struct login l;

	(void)state;
	for (unsigned i = 0; i <= 255; i++) {
		begin(&l, 1);
		assert_int_equal(challenge(&l, i), CHAP_MORE);
		assert_proof(&l, (uint8_t)i, "\1\2\3\4", 4);
		chap_done(&l.chap);
	}
	begin(&l, 1);
	assert_int_equal(challenge(&l, 256), -EPROTO);
	chap_done(&l.chap);
	DUTY("SEC-6 UNH-CHAP-2.1 UNH-CHAP-2.2");
}

/* Each login has an identifier of its own, whatever the target's is. */
static void our_identifier(void **state)
{
	struct login l;
	const char *value;
	char expected[8];

	(void)state;
	for (unsigned seed = 1; seed < 255; seed += 50) {
		begin(&l, (uint8_t)seed);
		assert_int_equal(challenge(&l, 9), CHAP_MORE);
		assert_true(written(&l, "CHAP_I", &value));
		snprintf(expected, sizeof expected, "%u", seed);
		assert_string_equal(value, expected);
		chap_done(&l.chap);
	}
	DUTY("UNH-CHAP-2.6");
}

/* The target repeats its identifier, or its whole challenge, in another login, later or meanwhile:
 * its own affair, each is answered for what it is. */
static void repeated_challenges(void **state)
{
	struct login a, b;

	(void)state;
	begin(&a, 1);
	assert_int_equal(challenge(&a, 3), CHAP_MORE);
	begin(&b, 2);
	assert_int_equal(challenge(&b, 3), CHAP_MORE);
	assert_proof(&a, 3, "\1\2\3\4", 4);
	assert_proof(&b, 3, "\1\2\3\4", 4);
	chap_done(&b.chap);
	begin(&b, 2);
	assert_int_equal(challenge(&b, 3), CHAP_MORE);
	assert_proof(&b, 3, "\1\2\3\4", 4);
	chap_done(&b.chap);
	begin(&b, 3);
	assert_int_equal(STEP(&b, "CHAP_A=5\0CHAP_I=3\0CHAP_C=0x77"), CHAP_MORE);
	assert_proof(&b, 3, "\x77", 1);
	chap_done(&b.chap);
	chap_done(&a.chap);
	DUTY("UNH-CHAP-2.4 UNH-CHAP-3.2 UNH-CHAP-3.6.3 UNH-CHAP-3.6.4");
}

/* Ours differ between logins, also at once, and are never the target's. */
static void our_challenges(void **state)
{
	static struct chap_open open_set;
	struct login l[8];
	const char *value[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		begin(&l[i], (uint8_t)(i / 2)); /* two with the same random bytes */
		chap_done(&l[i].chap);
		l[i].config.attempt = i % 2;
		l[i].config.open = &open_set;
		text_out_init(&l[i].out, l[i].buf, sizeof l[i].buf);
		assert_int_equal(chap_begin(&l[i].chap, &l[i].config, &l[i].out), 0);
		assert_int_equal(challenge(&l[i], 3), CHAP_MORE);
		assert_true(written(&l[i], "CHAP_C", &value[i]));
		assert_string_not_equal(value[i], "0x01020304");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(value[i], value[j]);
	}
	for (unsigned i = 0; i < 8; i++)
		chap_done(&l[i].chap);
	DUTY("SEC-10 UNH-CHAP-3.6.1 UNH-CHAP-3.7");
}

/* Each key of the exchange where it does not belong. */
static void keys_in_the_wrong_step(void **state)
{
	static const char *const first[] = { "CHAP_N", "CHAP_R" };
	static const char *const last[] = { "CHAP_A", "CHAP_I", "CHAP_C" };
	char text[200];
	struct login l;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int len = snprintf(text, sizeof text, "CHAP_A=5%cCHAP_I=1%cCHAP_C=0x01%c%s=1", 0, 0, 0,
				   first[i]);

		begin(&l, 1);
		assert_int_equal(step(&l, text, (size_t)len + 1), -EPROTO);
		assert_int_equal(l.out.len, 0);
		chap_done(&l.chap);
	}
	for (unsigned i = 0; i < 3; i++) {
		int len = snprintf(text, sizeof text, "CHAP_N=t%cCHAP_R=0x01%c%s=5", 0, 0, last[i]);

		begin(&l, 1);
		assert_int_equal(challenge(&l, 3), CHAP_MORE);
		assert_int_equal(step(&l, text, (size_t)len + 1), -EPROTO);
		assert_false(chap_finished(&l.chap));
		chap_done(&l.chap);
	}
	DUTY("SEC-7 UNH-CHAP-1.3 UNH-CHAP-2.3 UNH-CHAP-3.5 UNH-CHAP-4.5");
}

/* Any name goes with a good proof: ours as well, and each time the same. Which one is expected is the
 * caller's to know. */
static void names(void **state)
{
	static const char *const names[] = { "t", "user", "iqn.2001-04.com.example:target", "user" };
	struct login l;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin(&l, (uint8_t)(i + 1));
		assert_int_equal(challenge(&l, 3), CHAP_MORE);
		assert_int_equal(prove(&l, names[i], strlen(names[i])), CHAP_DONE);
		assert_int_equal(l.chap.peer_len, strlen(names[i]));
		assert_memory_equal(l.chap.peer, names[i], l.chap.peer_len);
		chap_done(&l.chap);
	}
	DUTY("UNH-CHAP-4.3 UNH-CHAP-4.6 UNH-CHAP-4.7 UNH-CHAP-4.8");
}

/* Secrets are bytes of any value, up to twice the 128 bits that must do and more. */
static void secrets_of_any_length(void **state)
{
	struct login l;

	(void)state;
	for (unsigned len = 1; len <= sizeof l.config.secret; len++) {
		begin(&l, 1);
		for (unsigned i = 0; i < len; i++)
			l.config.secret[i] = (uint8_t)(i * 37);
		l.config.secret_len = len;
		assert_int_equal(chap_config_check(&l.config), 0);
		assert_int_equal(challenge(&l, 3), CHAP_MORE);
		assert_proof(&l, 3, "\1\2\3\4", 4);
		chap_done(&l.chap);
	}
	DUTY("SEC-12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_of_all_values), cmocka_unit_test(our_identifier),
		cmocka_unit_test(repeated_challenges), cmocka_unit_test(our_challenges),
		cmocka_unit_test(keys_in_the_wrong_step), cmocka_unit_test(names),
		cmocka_unit_test(secrets_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
