/*
 * proto_chap_test.c - CHAP by values computed elsewhere (Python hashlib), and every reason to
 * refuse a target (SEC-3 to SEC-11).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/chap.h"
#include "../duty.h"

#define SECRET "initiator-secret"
#define TARGET_SECRET "target-secret-1"

/* hash(27, SECRET, 00 01 .. 0f) */
static const char *const proofs[] = {
	"0xdd76f78b3a62581fd20f849ba115cda7",
	"0x1a353d5bab842cd11ad91bbd95c301bd476c2a54",
	"0xbbac62a49872956d7159236ae7687d49b6c03699e97de112d0705269889b315d",
	"0xa4b7f2132ea64e31fc6047b1972fb816e2f62b8a4b35f29d2174af0bfddcaa07",
};
/* SHA-256 of the seed 40 .. 5f and attempt 7 */
#define OUR_CHALLENGE "0x1323468b1179622afd62a85df5332c15381c0d501c97beea7bd02dd317050b6c"
/* MD5 and SHA-256 of (31, TARGET_SECRET, our challenge); MD5 of (31, SECRET, our challenge) */
#define TARGET_MD5 "0xd42a5cc2a72e0e7741a5d75629353224"
#define TARGET_SHA256 "0x5936864c7749c3bb293be0d3e867fc988b617523acb170cd99e6da3e6c79ade8"
#define REFLECTED_MD5 "0x9d1d95174e1c15aca10fe1bb752e0c76"

#define CHALLENGE "CHAP_I=39\0CHAP_C=0x000102030405060708090a0b0c0d0e0f"

struct login {
	struct chap_config config;
	struct chap chap;
	char buf[4096];
	struct text_out out;
	struct fault fault;
};

static void configure(struct login *l, enum chap_mode mode)
{
	memset(l, 0, sizeof *l);
	l->config.mode = mode;
	chap_algorithms_default(&l->config);
	memcpy(l->config.user, "user", l->config.user_len = 4);
	memcpy(l->config.secret, SECRET, l->config.secret_len = sizeof SECRET - 1);
	memcpy(l->config.target_secret, TARGET_SECRET,
	       l->config.target_secret_len = sizeof TARGET_SECRET - 1);
	for (int i = 0; i < 32; i++)
		l->config.challenge[i] = (uint8_t)(0x40 + i);
	l->config.challenge_len = 32;
	l->config.attempt = 7;
	l->config.identifier = 0x31;
}

static void begin(struct login *l, enum chap_mode mode)
{
	configure(l, mode);
	text_out_init(&l->out, l->buf, sizeof l->buf);
	assert_int_equal(chap_begin(&l->chap, &l->config, &l->out), 0);
	text_out_init(&l->out, l->buf, sizeof l->buf);
}

static int step(struct login *l, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	int r;

	memcpy(copy, text, len);
	r = chap_step(&l->chap, copy, len, &l->out, &l->fault);
	free(copy);
	return r;
}

#define STEP(l, literal) step(l, literal, sizeof literal)

static const char *written(const struct login *l, const char *key)
{
	static struct text_pair pair;
	struct text_in in;
	struct fault fault;

	text_init(&in, l->out.buf, l->out.len);
	while (text_next(&in, &pair, &fault) > 0)
		if (strcmp(pair.key, key) == 0)
			return pair.value;
	return NULL;
}

static void offers_all_algorithms(void **state)
{
	struct login l;

	(void)state;
	configure(&l, CHAP_ONE_WAY);
	text_out_init(&l.out, l.buf, sizeof l.buf);
	assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), 0);
	assert_string_equal(written(&l, "CHAP_A"), "8,7,6,5");
	chap_done(&l.chap);
	DUTY("SEC-4 UNH-CHAP-1.1");
}

static void one_way_with_each_algorithm(void **state)
{
	struct login l;

	(void)state;
	for (int a = 5; a <= 8; a++) {
		char text[128];
		int len = snprintf(text, sizeof text, "CHAP_A=%d", a) + 1;

		begin(&l, CHAP_ONE_WAY);
		memcpy(text + len, CHALLENGE, sizeof CHALLENGE);
		assert_int_equal(step(&l, text, (size_t)len + sizeof CHALLENGE), CHAP_DONE);
		assert_string_equal(written(&l, "CHAP_N"), "user");
		assert_string_equal(written(&l, "CHAP_R"), proofs[a - 5]);
		assert_null(written(&l, "CHAP_C"));
		assert_null(written(&l, "CHAP_I"));
		assert_true(chap_finished(&l.chap));
		assert_int_equal(STEP(&l, "TargetAlias=x"), CHAP_DONE);
		assert_int_equal(STEP(&l, "CHAP_N=x"), -EPROTO);
		assert_false(chap_finished(&l.chap));
		chap_done(&l.chap);
	}
	DUTY("SEC-1 SEC-3 SEC-5 UNH-CHAP-1.1");
}

static void challenge_in_all_forms(void **state)
{
	struct login l;

	(void)state;
	begin(&l, CHAP_ONE_WAY);
	assert_int_equal(STEP(&l, "AuthMethod=CHAP\0CHAP_A=0x5\0CHAP_I=0X27\0"
			      "CHAP_C=0bAAECAwQFBgcICQoLDA0ODw=="), CHAP_DONE);
	assert_string_equal(written(&l, "CHAP_R"), proofs[0]);
	chap_done(&l.chap);
	DUTY("SEC-6");
}

static void longest_challenge(void **state)
{
	char text[2200];
	struct login l;
	int len;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		begin(&l, CHAP_ONE_WAY);
		len = snprintf(text, sizeof text, "CHAP_A=5%cCHAP_I=1%cCHAP_C=0x", 0, 0);
		memset(text + len, 'a', 2048);
		len += 2048;
		if (extra)
			text[len++] = 'a';
		text[len++] = '\0';
		assert_int_equal(step(&l, text, (size_t)len), extra ? -EPROTO : CHAP_DONE);
		chap_done(&l.chap);
	}
	DUTY("SEC-6 UNH-CHAP-3.1 UNH-CHAP-3.3");
}

static void mutual(void **state)
{
	struct login l;

	(void)state;
	begin(&l, CHAP_MUTUAL);
	assert_int_equal(STEP(&l, "CHAP_A=5\0" CHALLENGE), CHAP_MORE);
	assert_string_equal(written(&l, "CHAP_R"), proofs[0]);
	assert_string_equal(written(&l, "CHAP_I"), "49");
	assert_string_equal(written(&l, "CHAP_C"), OUR_CHALLENGE);
	assert_false(chap_finished(&l.chap));
	assert_int_equal(STEP(&l, "CHAP_N=target\0CHAP_R=" TARGET_MD5), CHAP_DONE);
	assert_int_equal(l.chap.peer_len, 6);
	assert_memory_equal(l.chap.peer, "target", 6);
	chap_done(&l.chap);

	begin(&l, CHAP_MUTUAL);
	assert_int_equal(STEP(&l, "CHAP_A=7\0" CHALLENGE), CHAP_MORE);
	assert_int_equal(STEP(&l, "CHAP_R=" TARGET_SHA256 "\0CHAP_N=t"), CHAP_DONE);
	chap_done(&l.chap);
	DUTY("SEC-1 SEC-3 SEC-8 UNH-CHAP-4.1");
}

static void outside(struct login *l)
{
	configure(l, CHAP_MUTUAL);
	l->config.outside = true;
	l->config.target_secret_len = 0;
	l->config.algorithm_count = 1;
	l->config.algorithms[0] = CHAP_MD5;
	text_out_init(&l->out, l->buf, sizeof l->buf);
	assert_int_equal(chap_begin(&l->chap, &l->config, &l->out), 0);
	assert_string_equal(written(l, "CHAP_A"), "5");
	text_out_init(&l->out, l->buf, sizeof l->buf);
	assert_int_equal(STEP(l, "CHAP_A=5\0" CHALLENGE), CHAP_MORE);
}

/* Somebody else judges the proof, and gets all that it takes; what we know by ourselves still counts. */
static void verified_outside(void **state)
{
	struct chap_question q;
	struct login l;

	(void)state;
	outside(&l);
	assert_int_equal(STEP(&l, "CHAP_N=target\0CHAP_R=" TARGET_MD5), CHAP_ASK);
	assert_false(chap_finished(&l.chap));
	chap_question_get(&l.chap, &q);
	assert_int_equal(q.name_len, 6);
	assert_memory_equal(q.name, "target", 6);
	assert_int_equal(q.identifier, 0x31);
	assert_int_equal(q.challenge_len, 32);
	assert_memory_equal(q.challenge, l.chap.challenge, 32);
	assert_memory_equal(q.response, "\xd4\x2a\x5c\xc2\xa7\x2e\x0e\x77\x41\xa5\xd7\x56\x29\x35\x32\x24",
			    16);
	chap_verdict(&l.chap);
	assert_true(chap_finished(&l.chap));
	chap_done(&l.chap);

	outside(&l);
	assert_int_equal(STEP(&l, "CHAP_N=target\0CHAP_R=" REFLECTED_MD5), -EPROTO);
	chap_done(&l.chap);
	outside(&l);
	assert_int_equal(STEP(&l, "CHAP_N=target\0CHAP_R=0x00"), -EPROTO);
	chap_done(&l.chap);
	outside(&l); /* nothing more may come before the verdict */
	assert_int_equal(STEP(&l, "CHAP_N=target\0CHAP_R=" TARGET_MD5), CHAP_ASK);
	assert_int_equal(STEP(&l, "TargetAlias=x"), -EPROTO);
	chap_done(&l.chap);

	configure(&l, CHAP_MUTUAL); /* no secret to compare with, and no algorithm that RADIUS lacks */
	l.config.outside = true;
	assert_int_equal(chap_config_check(&l.config), -EINVAL);
	l.config.target_secret_len = 0;
	assert_int_equal(chap_config_check(&l.config), -EINVAL);
	DUTY("SEC-8 SEC-9");
}

/* A name that was configured is the only one that will do. */
static void name_of_the_target(void **state)
{
	static const struct { const char *want; int result; } cases[] = {
		{ "target", CHAP_DONE }, { "", CHAP_DONE }, { "targe", -EPROTO }, { "target2", -EPROTO },
		{ "Target", -EPROTO },
	};
	struct login l;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		configure(&l, CHAP_MUTUAL);
		l.config.target_name_len = (unsigned)strlen(cases[i].want);
		memcpy(l.config.target_name, cases[i].want, l.config.target_name_len);
		text_out_init(&l.out, l.buf, sizeof l.buf);
		assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), 0);
		assert_int_equal(STEP(&l, "CHAP_A=5\0" CHALLENGE), CHAP_MORE);
		assert_int_equal(STEP(&l, "CHAP_N=target\0CHAP_R=" TARGET_MD5), cases[i].result);
		if (cases[i].result < 0)
			assert_int_equal(l.fault.kind, FAULT_AUTH);
		chap_done(&l.chap);
	}
	configure(&l, CHAP_MUTUAL);
	l.config.target_name_len = sizeof l.config.target_name;
	assert_int_equal(chap_config_check(&l.config), -EINVAL);
	DUTY("SEC-15");
}

static void each_attempt_has_its_challenge(void **state)
{
	struct login l;
	char first[80];

	(void)state;
	begin(&l, CHAP_MUTUAL);
	STEP(&l, "CHAP_A=5\0" CHALLENGE);
	snprintf(first, sizeof first, "%s", written(&l, "CHAP_C"));
	chap_done(&l.chap);
	l.config.attempt++;
	text_out_init(&l.out, l.buf, sizeof l.buf);
	assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), 0);
	STEP(&l, "CHAP_A=5\0" CHALLENGE);
	assert_string_not_equal(written(&l, "CHAP_C"), first);
	chap_done(&l.chap);
	DUTY("SEC-10 UNH-CHAP-3.6.2");
}

/* What the target may do wrong in its first step. */
static void bad_challenges(void **state)
{
#define CASE(kind, literal) { literal, sizeof literal, kind }
	static const struct {
		const char *text;
		size_t len;
		enum fault_kind kind;
	} cases[] = {
		CASE(FAULT_PROTOCOL, ""),
		CASE(FAULT_PROTOCOL, "AuthMethod=CHAP"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1"),
		CASE(FAULT_PROTOCOL, CHALLENGE),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_N=t\0" CHALLENGE),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_A=5\0" CHALLENGE),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_X=5\0" CHALLENGE),
		CASE(FAULT_AUTH, "CHAP_A=4\0" CHALLENGE),
		CASE(FAULT_AUTH, "CHAP_A=0\0" CHALLENGE),
		CASE(FAULT_AUTH, "CHAP_A=261\0" CHALLENGE), /* 5 modulo 256 */
		CASE(FAULT_AUTH, "CHAP_A=5,6\0" CHALLENGE),
		CASE(FAULT_AUTH, "CHAP_A=Reject\0" CHALLENGE),
		CASE(FAULT_AUTH, "CHAP_A=\0" CHALLENGE),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=256\0CHAP_C=0x01"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=-1\0CHAP_C=0x01"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=\0CHAP_C=0x01"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1\0CHAP_C=0x"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1\0CHAP_C=0xzz"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1\0CHAP_C=abcd"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1\0CHAP_C="),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1\0CHAP_C=0bA"),
		CASE(FAULT_PROTOCOL, "CHAP_A=5\0CHAP_I=1\0nokey"),
		CASE(FAULT_AUTH, "CHAP_A=5\0CHAP_I=1\0CHAP_C=" OUR_CHALLENGE), /* SEC-10 */
	};
#undef CASE
	struct login l;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(&l, CHAP_MUTUAL);
		assert_int_equal(step(&l, cases[i].text, cases[i].len), -EPROTO);
		assert_int_equal(l.fault.kind, cases[i].kind);
		assert_int_equal(l.out.len, 0); /* nothing was proven to it */
		/* It stays refused, even with a good text. */
		assert_int_equal(STEP(&l, "CHAP_A=5\0" CHALLENGE), -EPROTO);
		chap_done(&l.chap);
	}
	DUTY("SEC-4 SEC-6 SEC-7 SEC-10 UNH-CHAP-1.2.1 UNH-CHAP-1.2.2 UNH-CHAP-2.2 UNH-CHAP-3.4");
	DUTY("UNH-CHAP-4.5");
}

/* What it may do wrong in its proof. */
static void bad_proofs(void **state)
{
#define CASE(kind, literal) { literal, sizeof literal, kind }
	static const struct {
		const char *text;
		size_t len;
		enum fault_kind kind;
	} cases[] = {
		CASE(FAULT_AUTH, ""),
		CASE(FAULT_AUTH, "TargetAlias=x"),
		CASE(FAULT_AUTH, "CHAP_N=t"),
		CASE(FAULT_AUTH, "CHAP_R=" TARGET_MD5),
		CASE(FAULT_AUTH, "CHAP_N=t\0CHAP_R=" TARGET_MD5 "\0CHAP_I=1"),
		CASE(FAULT_PROTOCOL, "CHAP_N=t\0CHAP_N=t\0CHAP_R=" TARGET_MD5),
		CASE(FAULT_PROTOCOL, "CHAP_N=\0CHAP_R=" TARGET_MD5),
		CASE(FAULT_PROTOCOL, "CHAP_N=t\0CHAP_R="),
		CASE(FAULT_PROTOCOL, "CHAP_N=t\0CHAP_R=0x"),
		CASE(FAULT_AUTH, "CHAP_N=t\0CHAP_R=0xd4"),
		CASE(FAULT_AUTH, "CHAP_N=t\0CHAP_R=0xd42a5cc2a72e0e7741a5d75629353225"),
		CASE(FAULT_AUTH, "CHAP_N=t\0CHAP_R=0x00d42a5cc2a72e0e7741a5d75629353224"),
		CASE(FAULT_AUTH, "CHAP_N=t\0CHAP_R=" TARGET_SHA256), /* of another algorithm */
		CASE(FAULT_PROTOCOL, "CHAP_N=t\0CHAP_R=" TARGET_SHA256 "00"),
		CASE(FAULT_AUTH, "CHAP_N=t\0CHAP_R=" REFLECTED_MD5), /* SEC-9 */
	};
#undef CASE
	struct login l;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(&l, CHAP_MUTUAL);
		assert_int_equal(STEP(&l, "CHAP_A=5\0" CHALLENGE), CHAP_MORE);
		assert_int_equal(step(&l, cases[i].text, cases[i].len), -EPROTO);
		assert_int_equal(l.fault.kind, cases[i].kind);
		assert_false(chap_finished(&l.chap));
		chap_done(&l.chap);
	}
	assert_non_null(strstr(l.fault.text, "our secret")); /* the last one is known for what it is */
	DUTY("SEC-7 SEC-8 SEC-9 UNH-CHAP-2.3 UNH-CHAP-2.5 UNH-CHAP-5.1 UNH-CHAP-5.2 UNH-CHAP-5.3");
}

static void name_of_any_length(void **state)
{
	char text[512];
	struct login l;

	(void)state;
	for (int len = 255; len <= 256; len++) {
		int n;

		begin(&l, CHAP_MUTUAL);
		STEP(&l, "CHAP_A=5\0" CHALLENGE);
		n = snprintf(text, sizeof text, "CHAP_R=" TARGET_MD5 "%cCHAP_N=%0*d", 0, len, 1);
		assert_int_equal(step(&l, text, (size_t)n + 1), len > 255 ? -EPROTO : CHAP_DONE);
		chap_done(&l.chap);
	}
	DUTY("UNH-CHAP-4.2 UNH-CHAP-4.4");
}

/* SEC-10: a challenge of ours that comes back over another connection. */
static void reflection_over_another_login(void **state)
{
	static struct chap_open open_set;
	struct login mutual_login, other;

	(void)state;
	configure(&mutual_login, CHAP_MUTUAL);
	mutual_login.config.open = &open_set;
	text_out_init(&mutual_login.out, mutual_login.buf, sizeof mutual_login.buf);
	assert_int_equal(chap_begin(&mutual_login.chap, &mutual_login.config, &mutual_login.out), 0);
	for (int under_way = 1; under_way >= 0; under_way--) {
		if (!under_way)
			chap_done(&mutual_login.chap);
		configure(&other, CHAP_ONE_WAY);
		other.config.open = &open_set;
		text_out_init(&other.out, other.buf, sizeof other.buf);
		assert_int_equal(chap_begin(&other.chap, &other.config, &other.out), 0);
		assert_int_equal(STEP(&other, "CHAP_A=5\0CHAP_I=1\0CHAP_C=" OUR_CHALLENGE),
				 under_way ? -EPROTO : CHAP_DONE);
		chap_done(&other.chap);
	}
	for (int i = 0; i < CHAP_OPEN_MAX; i++)
		assert_true(atomic_load(&open_set.hash[i]) == 0);
	DUTY("SEC-10 UNH-CHAP-3.8");
}

static void too_many_logins(void **state)
{
	static struct chap_open open_set;
	struct login l;

	(void)state;
	for (int i = 0; i < CHAP_OPEN_MAX; i++)
		atomic_store(&open_set.hash[i], 1);
	configure(&l, CHAP_MUTUAL);
	l.config.open = &open_set;
	text_out_init(&l.out, l.buf, sizeof l.buf);
	assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), -EAGAIN);
	atomic_store(&open_set.hash[17], 0);
	assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), 0);
	chap_done(&l.chap);
	assert_true(atomic_load(&open_set.hash[17]) == 0);
}

static void bad_configurations(void **state)
{
	struct login l;

	(void)state;
#define REFUSED(change) do { \
	configure(&l, CHAP_MUTUAL); \
	assert_int_equal(chap_config_check(&l.config), 0); \
	change; \
	assert_int_equal(chap_config_check(&l.config), -EINVAL); \
	text_out_init(&l.out, l.buf, sizeof l.buf); \
	assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), -EINVAL); \
	assert_int_equal(l.out.len, 0); \
} while (0)
	REFUSED(l.config.algorithm_count = 3);          /* MD5 is last: SEC-4 */
	REFUSED(l.config.algorithm_count = 0);
	REFUSED(l.config.algorithm_count = 5);
	REFUSED(l.config.algorithms[0] = 9);
	REFUSED(l.config.algorithms[0] = 7);            /* twice */
	REFUSED(l.config.user_len = 0);
	REFUSED(l.config.user_len = 256);
	REFUSED(l.config.user[1] = 0);
	REFUSED(l.config.secret_len = 0);
	REFUSED(l.config.secret_len = 129);
	REFUSED(l.config.target_secret_len = 0);
	REFUSED(l.config.target_secret_len = 129);
	REFUSED(l.config.challenge_len = 15);
	REFUSED(l.config.challenge_len = 65);
	REFUSED(memcpy(l.config.target_secret, SECRET, sizeof SECRET);
		l.config.target_secret_len = sizeof SECRET - 1); /* SEC-11 */
#undef REFUSED
	configure(&l, CHAP_NONE);
	assert_int_equal(chap_config_check(&l.config), 0);
	assert_int_equal(chap_begin(&l.chap, &l.config, &l.out), -EINVAL);
	DUTY("SEC-4 SEC-11");
}

static void everything_is_wiped(void **state)
{
	static const struct chap zero;
	static const struct chap_config zero_config;
	struct login l;

	(void)state;
	begin(&l, CHAP_MUTUAL);
	STEP(&l, "CHAP_A=5\0" CHALLENGE);
	chap_done(&l.chap);
	assert_memory_equal(&l.chap, &zero, sizeof zero);
	chap_done(&l.chap);
	chap_config_wipe(&l.config);
	assert_memory_equal(&l.config, &zero_config, sizeof zero_config);
	assert_int_equal(STEP(&l, "CHAP_A=5\0" CHALLENGE), -EPROTO);
	DUTY("SEC-21");
}

static void hash_of_unknown_algorithm(void **state)
{
	uint8_t digest[CHAP_DIGEST_MAX];

	(void)state;
	assert_int_equal(chap_hash(4, 1, "s", 1, "c", 1, digest), -EINVAL);
	assert_int_equal(chap_hash(CHAP_MD5, 1, "s", 1, "c", 1, digest), 16);
	assert_int_equal(chap_hash(CHAP_SHA3_256, 1, "s", 1, "c", 1, digest), 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_all_algorithms),
		cmocka_unit_test(one_way_with_each_algorithm),
		cmocka_unit_test(challenge_in_all_forms), cmocka_unit_test(longest_challenge),
		cmocka_unit_test(name_of_the_target),
		cmocka_unit_test(mutual),
		cmocka_unit_test(verified_outside), cmocka_unit_test(each_attempt_has_its_challenge),
		cmocka_unit_test(bad_challenges), cmocka_unit_test(bad_proofs),
		cmocka_unit_test(name_of_any_length),
		cmocka_unit_test(reflection_over_another_login),
		cmocka_unit_test(too_many_logins), cmocka_unit_test(bad_configurations),
		cmocka_unit_test(everything_is_wiped), cmocka_unit_test(hash_of_unknown_algorithm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
