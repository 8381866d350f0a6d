/*
 * engine_input_keys_test.c - bad inputs of the field, group 2: the text of login responses. Each case
 * replaces one pair of a good answer to our offers, or adds one.
 */
#include "engine_fake_login.h"

#include <stdio.h>

#include "../duty.h"

static const char good[] = LOGIN_GOOD;
static const char first[] = LOGIN_FIRST;

static struct bench b;

/* Our offers wait for their answers. */
static void begin(void)
{
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
}

static bool is_key(const char *pair, const char *key)
{
	size_t len = key ? strlen(key) : 0;

	return key && strncmp(pair, key, len) == 0 && pair[len] == '=';
}

/* The good pairs, but that one of `key` (NULL: none), and `pair` at the end, with its NUL. */
static size_t make_text(char *text, const char *key, const char *pair)
{
	size_t len = 0;

	for (size_t at = 0; at < sizeof(good); at += strlen(good + at) + 1) {
		if (is_key(good + at, key))
			continue;
		memcpy(text + len, good + at, strlen(good + at) + 1);
		len += strlen(good + at) + 1;
	}
	memcpy(text + len, pair, strlen(pair) + 1);
	return len + strlen(pair) + 1;
}

static void answer(const char *key, const char *pair)
{
	char text[6000];

	fake_give_login(b.c, 0x87, text, make_text(text, key, pair));
}

static void answer_value(const char *key, const char *value)
{
	char pair[4500];

	snprintf(pair, sizeof(pair), "%s=%s", key, value);
	answer(key, pair);
}

static void refused(enum fault_kind kind)
{
	assert_true(b.c->fault.text[0]);
	bench_expect_failed(&b, kind);
	fake_end(&b.fake);
}

static void taken(void)
{
	assert_true(b.c->up);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
	fake_end(&b.fake);
}

/* ---------------------------------------------------------------- pairs */

static void test_form(void **state)
{
	static const char *const rows[] = { "noequals", "X-org.example", "=value", "=", "1x=5", "a b=5",
		"X-\x01=5", "X-\xff=5", "-a=5", "X-org/x=5" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		answer(NULL, rows[i]);
		if (!b.c->ended)
			print_error("taken: %s\n", rows[i]);
		refused(FAULT_PROTOCOL);
	}
	DUTY("FIELD-2.9 TXT-1 TXT-2");
}

/* The last pair is cut: at each byte of its text, and where only its NUL is missing. */
static void test_without_nul(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < sizeof("ErrorRecoveryLevel=0"); cut++) {
		begin();
		fake_give_login(b.c, 0x87, good, sizeof(good) - cut);
		refused(FAULT_PROTOCOL);
	}
	begin();
	fake_give_login(b.c, 0x81, NULL, 0);
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.10 TXT-1");
}

static void test_long_key(void **state)
{
	char pair[80];

	(void)state;
	memset(pair, 'k', sizeof(pair));
	memcpy(pair, "X-org.", 6);
	memcpy(pair + 64, "=1", 3);
	begin();
	answer(NULL, pair);
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.11 TXT-2");
	begin(); /* 63 characters may be */
	memcpy(pair + 63, "=1", 3);
	fake_give_login(b.c, 0x04, pair, strlen(pair) + 1);
	bench_take(&b);
	memcpy(pair + 64, "NotUnderstood", 14);
	assert_true(bench_said(&b, pair));
	answer(NULL, "");
	taken();
}

/* In one response, and in two; the same value, and another one. */
static void test_twice(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(good); at += strlen(good + at) + 1) {
		begin();
		answer(NULL, good + at);
		refused(FAULT_PROTOCOL);
		begin();
		fake_give_login(b.c, 0x04, good + at, strlen(good + at) + 1);
		bench_take(&b);
		fake_give_login(b.c, 0x87, good, sizeof(good));
		refused(FAULT_PROTOCOL);
	}
	begin();
	fake_give_login(b.c, 0x04, FAKE_TEXT("MaxBurstLength=1024"));
	bench_take(&b);
	fake_give_login(b.c, 0x87, good, sizeof(good));
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.12 TXT-18");
}

/* ---------------------------------------------------------------- numbers */

static const struct {
	const char *key;
	bool zero, hex; /* 0 may be; 0x200 may be */
} numbers[] = {
	{ "MaxRecvDataSegmentLength", false, true }, { "MaxConnections", false, false },
	{ "MaxBurstLength", false, true }, { "FirstBurstLength", false, true },
	{ "DefaultTime2Wait", false, true }, { "DefaultTime2Retain", true, false },
	{ "MaxOutstandingR2T", false, false }, { "ErrorRecoveryLevel", true, false },
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static void check_number(const char *key, const char *value, bool may)
{
	begin();
	answer_value(key, value);
	if (b.c->ended == may)
		print_error("%s=%s: %s\n", key, value, b.c->fault.text);
	if (may)
		taken();
	else
		refused(FAULT_PROTOCOL);
}

static void check_values(const char *const *values, size_t n)
{
	for (unsigned i = 0; i < NUMBERS; i++)
		for (size_t k = 0; k < n; k++)
			check_number(numbers[i].key, values[k], false);
}

static void test_numbers(void **state)
{
	static const char *const huge[] = { "4294967296", "16777216", "18446744073709551616",
		"99999999999999999999999999999999999999", "0x1000000000", "0xffffffffffffffffff" };
	static const char *const negative[] = { "-1", "-0", "-65536", "0x-1", "+1" };
	static const char *const spaces[] = { " 512", "512 ", "5 12", "\t1", "1\n", "", " ", "0x 1", "1,2",
		"1~2", "1.0", "01", "512k" };

	(void)state;
	for (unsigned i = 0; i < NUMBERS; i++)
		check_number(numbers[i].key, "0", numbers[i].zero);
	DUTY("FIELD-2.13 KEY-8");
	check_values(huge, sizeof(huge) / sizeof(huge[0]));
	DUTY("FIELD-2.14 KEY-8");
	check_values(negative, sizeof(negative) / sizeof(negative[0]));
	DUTY("FIELD-2.15");
	for (unsigned i = 0; i < NUMBERS; i++) {
		check_number(numbers[i].key, "0x200", numbers[i].hex);
		check_number(numbers[i].key, "0X200", numbers[i].hex);
		check_number(numbers[i].key, "0x", false);
		check_number(numbers[i].key, "200h", false);
		check_number(numbers[i].key, "0x20g", false);
	}
	DUTY("FIELD-2.16");
	check_values(spaces, sizeof(spaces) / sizeof(spaces[0]));
	DUTY("FIELD-2.17");
}

/* ---------------------------------------------------------------- answers that are none */

/* The default stays in force (TOL-3), but for what is declared and not negotiated. */
static void check_default(const char *key, const char *word)
{
	const struct keys_params *p = &b.c->login.params;

	begin();
	answer_value(key, word);
	if (strcmp(key, "MaxRecvDataSegmentLength") == 0) {
		refused(FAULT_PROTOCOL);
		return;
	}
	assert_true(b.c->up);
	p = &b.c->login.params;
	if (strcmp(key, "MaxConnections") == 0)
		assert_int_equal(p->max_connections, 1);
	if (strcmp(key, "InitialR2T") == 0)
		assert_true(p->initial_r2t);
	if (strcmp(key, "MaxBurstLength") == 0)
		assert_int_equal(p->max_burst_length, 262144);
	if (strcmp(key, "MaxOutstandingR2T") == 0)
		assert_int_equal(p->max_outstanding_r2t, 1);
	if (strcmp(key, "ErrorRecoveryLevel") == 0)
		assert_int_equal(p->error_recovery_level, 0);
	assert_false(p->header_digest || p->data_digest);
	taken();
}

static void check_word(const char *word)
{
	char key[64], pair[128];

	for (size_t at = 0; at < sizeof(good); at += strlen(good + at) + 1) {
		size_t len = strcspn(good + at, "=");

		memcpy(key, good + at, len);
		key[len] = '\0';
		check_default(key, word);
	}
	snprintf(pair, sizeof(pair), "TargetPortalGroupTag=%s", word);
	begin();
	answer(NULL, pair);
	refused(FAULT_PROTOCOL);
	snprintf(pair, sizeof(pair), "X-we.never.offered=%s", word);
	begin();
	answer(NULL, pair);
	refused(FAULT_PROTOCOL);
	snprintf(pair, sizeof(pair), "AuthMethod=%s", word);
	bench_setup(&b);
	bench_begin(&b);
	fake_give_login(b.c, 0x81, pair, strlen(pair) + 1);
	refused(FAULT_AUTH);
}

static void test_words(void **state)
{
	(void)state;
	check_word("Reject");
	DUTY("FIELD-2.18 TXT-12 TOL-3");
	check_word("Irrelevant");
	DUTY("FIELD-2.19 TXT-13 TOL-3");
	check_word("NotUnderstood");
	DUTY("FIELD-2.20 TXT-14 TOL-3");
}

static void test_not_offered(void **state)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "HeaderDigest", "CRC32C" }, { "HeaderDigest", "crc32c" },
		{ "HeaderDigest", "None,CRC32C" }, { "HeaderDigest", "" }, { "DataDigest", "CRC32C" },
		{ "DataDigest", "X-digest" }, { "MaxConnections", "9" }, { "InitialR2T", "yes" },
		{ "ImmediateData", "Maybe" }, { "ImmediateData", "1" }, { "MaxBurstLength", "65537" },
		{ "FirstBurstLength", "16385" }, { "DefaultTime2Retain", "3601" },
		{ "MaxOutstandingR2T", "5" }, { "DataPDUInOrder", "true" },
		{ "DataSequenceInOrder", "Yes,No" }, { "ErrorRecoveryLevel", "1" },
		{ "ErrorRecoveryLevel", "3" },
	};
	static const char *const methods[] = { "AuthMethod=KRB5", "AuthMethod=CHAP", "AuthMethod=CHAP,None",
		"AuthMethod=none", "AuthMethod=" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		answer_value(rows[i].key, rows[i].value);
		if (!b.c->ended)
			print_error("taken: %s=%s\n", rows[i].key, rows[i].value);
		refused(FAULT_PROTOCOL);
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		bench_setup(&b);
		bench_begin(&b);
		fake_give_login(b.c, 0x81, methods[i], strlen(methods[i]) + 1);
		refused(FAULT_AUTH);
	}
	DUTY("FIELD-2.21 TXT-15 TXT-16 UNH-LOG-7.3 UNH-LOG-7.4 UNH-LOG-7.5");
}

/* Values as long as can be; names that are only meant for the other side. */
static void test_long_values(void **state)
{
	static const char *const ours[] = { "InitiatorName=iqn.x", "TargetName=iqn.x", "SendTargets=All",
		"SessionType=Normal", "InitiatorAlias=x" };
	char value[4200];

	(void)state;
	memset(value, 'v', sizeof(value));
	for (size_t len = 254; len < sizeof(value); len = len < 256 ? len + 1 : len * 2 - 1) {
		value[len] = '\0';
		begin();
		answer_value("TargetAlias", value);
		value[len] = 'v';
		if (len <= 255)
			taken();
		else
			refused(FAULT_PROTOCOL);
	}
	DUTY("TXT-3");
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		begin();
		answer(NULL, ours[i]);
		refused(FAULT_PROTOCOL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_without_nul),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_long_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
