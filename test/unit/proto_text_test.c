/* proto_text_test.c - key=value text, its value forms and lists (TXT-1 to TXT-4, TXT-15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "proto/text.h"
#include "../duty.h"

/* A copy without anything behind it, so that reading past its end is seen. */
static int first_pair(const char *text, size_t len, struct text_pair *ret, char **ret_copy)
{
	struct fault fault = { 0 };
	struct text_in in;
	char *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, text, len);
	text_init(&in, copy, len);
	r = text_next(&in, ret, &fault);
	if (r < 0)
		assert_int_equal(fault.kind, FAULT_PROTOCOL);
	*ret_copy = copy;
	return r;
}


static void pairs(void **state)
{
	static const char text[] = "A=1\0\0Key.b-2+@_=x=y=z\0Empty=\0X#NodeArchitecture=Linux";
	struct text_in in;
	struct text_pair pair;
	struct fault fault;

	(void)state;
	text_init(&in, text, sizeof text);
	assert_int_equal(text_next(&in, &pair, &fault), 1);
	assert_string_equal(pair.key, "A");
	assert_string_equal(pair.value, "1");
	assert_int_equal(text_next(&in, &pair, &fault), 1);
	assert_string_equal(pair.key, "Key.b-2+@_");
	assert_string_equal(pair.value, "x=y=z");
	assert_int_equal(pair.value_len, 5);
	assert_int_equal(text_next(&in, &pair, &fault), 1);
	assert_string_equal(pair.value, "");
	assert_int_equal(text_next(&in, &pair, &fault), 1);
	assert_string_equal(pair.key, "X#NodeArchitecture");
	assert_int_equal(text_next(&in, &pair, &fault), 0);
	assert_int_equal(text_next(&in, &pair, &fault), 0);
	DUTY("TXT-1");
}

static void bad_pairs(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int r;
	} cases[] = {
		{ "", 0, 0 }, { "\0\0", 2, 0 },
		{ "A=1", 3, -EPROTO }, { "A", 1, -EPROTO }, { "A\0", 2, -EPROTO },
		{ "=1\0", 3, -EPROTO }, { "-A=1\0", 5, -EPROTO }, { "1A=1\0", 5, -EPROTO },
		{ "A b=1\0", 6, -EPROTO }, { "A\x80=1\0", 5, -EPROTO }, { "A\n=1\0", 5, -EPROTO },
		{ "A/=1\0", 5, -EPROTO }, { " A=1\0", 5, -EPROTO },
		{ "A=\xff\xfe\0", 5, 1 }, { "iSCSIProtocolLevel=1\0", 21, 1 },
	};
	struct text_pair pair;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *copy;

		assert_int_equal(first_pair(cases[i].text, cases[i].len, &pair, &copy), cases[i].r);
		free(copy);
	}
	DUTY("TXT-1 TXT-2");
}

static void limits(void **state)
{
	char text[TEXT_LONG_MAX + 80], *copy;
	struct text_pair pair;

	(void)state;
	memset(text, 'K', sizeof text);
	text[63] = '=';
	text[64] = '\0';
	assert_int_equal(first_pair(text, 65, &pair, &copy), 1);
	assert_int_equal(strlen(pair.key), 63);
	free(copy);
	text[63] = 'K';
	text[64] = '=';
	text[65] = '\0';
	assert_int_equal(first_pair(text, 66, &pair, &copy), -EPROTO);
	free(copy);
	memset(text, 'v', sizeof text);
	memcpy(text, "K=", 2);
	text[2 + TEXT_LONG_MAX] = '\0';
	assert_int_equal(first_pair(text, TEXT_LONG_MAX + 3, &pair, &copy), 1);
	free(copy);
	text[2 + TEXT_LONG_MAX] = 'v';
	text[3 + TEXT_LONG_MAX] = '\0';
	assert_int_equal(first_pair(text, TEXT_LONG_MAX + 4, &pair, &copy), -EPROTO);
	free(copy);
	DUTY("TXT-2");
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0 }, { "7", 0, 7 }, { "262144", 0, 262144 }, { "0x1F", 0, 31 },
		{ "0X0010", 0, 16 }, { "0xabCD", 0, 0xabcd },
		{ "18446744073709551615", 0, UINT64_MAX }, { "0xffffffffffffffff", 0, UINT64_MAX },
		{ "18446744073709551616", -EINVAL, 0 }, { "0x10000000000000000", -EINVAL, 0 },
		{ "99999999999999999999999", -EINVAL, 0 },
		{ "", -EINVAL, 0 }, { "00", -EINVAL, 0 }, { "010", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 }, { "1 ", -EINVAL, 0 }, { "1k", -EINVAL, 0 },
		{ "0xg", -EINVAL, 0 }, { "x1", -EINVAL, 0 }, { "0b1", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t value = 77;

		assert_int_equal(text_number(cases[i].text, &value), cases[i].r);
		assert_true(value == (cases[i].r ? 77 : cases[i].value));
	}
	DUTY("TXT-4");
}

static void booleans(void **state)
{
	bool value = false;

	(void)state;
	assert_int_equal(text_bool("Yes", &value), 0);
	assert_true(value);
	assert_int_equal(text_bool("No", &value), 0);
	assert_false(value);
	assert_int_equal(text_bool("yes", &value), -EINVAL);
	assert_int_equal(text_bool("", &value), -EINVAL);
	assert_int_equal(text_bool("Yes,No", &value), -EINVAL);
}

static void binaries(void **state)
{
	static const struct {
		const char *text;
		size_t room;
		int r;
		size_t len;
		uint8_t data[6];
	} cases[] = {
		{ "0x0102ff", 3, 0, 3, { 1, 2, 0xff } }, { "0XaBcD", 8, 0, 2, { 0xab, 0xcd } },
		{ "0x1", 8, 0, 1, { 1 } }, { "0x123", 8, 0, 2, { 1, 0x23 } },
		{ "0x0102ff", 2, -ENOSPC, 0, { 0 } }, { "0x", 8, -EINVAL, 0, { 0 } },
		{ "0x0g", 8, -EINVAL, 0, { 0 } }, { "0102", 8, -EINVAL, 0, { 0 } },
		{ "", 8, -EINVAL, 0, { 0 } }, { "0", 8, -EINVAL, 0, { 0 } },
		{ "0bZm9vYmFy", 6, 0, 6, { 'f', 'o', 'o', 'b', 'a', 'r' } },
		{ "0BZm9vYg==", 8, 0, 4, { 'f', 'o', 'o', 'b' } },
		{ "0bZm9vYmE=", 8, 0, 5, { 'f', 'o', 'o', 'b', 'a' } },
		{ "0b+/8=", 8, 0, 2, { 0xfb, 0xff } },
		{ "0bZm9vYmFy", 5, -ENOSPC, 0, { 0 } }, { "0bZm9", 8, -EINVAL, 0, { 0 } },
		{ "0b", 8, -EINVAL, 0, { 0 } }, { "0bZ===", 8, -EINVAL, 0, { 0 } },
		{ "0b====", 8, -EINVAL, 0, { 0 } }, { "0bZm=v", 8, -EINVAL, 0, { 0 } },
		{ "0bZm9-", 8, -EINVAL, 0, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *data = malloc(cases[i].room);
		size_t len = 99;

		assert_int_equal(text_binary(cases[i].text, data, cases[i].room, &len), cases[i].r);
		assert_int_equal(len, cases[i].r ? 99 : cases[i].len);
		if (cases[i].r == 0)
			assert_memory_equal(data, cases[i].data, len);
		free(data);
	}
	DUTY("TXT-4");
}

static void lists(void **state)
{
	const char *list = "CRC32C,,toolongforit,None";
	char entry[8];

	(void)state;
	assert_true(text_list_has("CHAP,None", "None"));
	assert_true(text_list_has("CHAP", "CHAP"));
	assert_false(text_list_has("CHAP2,NotNone", "None"));
	assert_false(text_list_has("", "None"));
	assert_false(text_list_has("None ", "None"));
	assert_true(text_list_next(&list, entry, sizeof entry));
	assert_string_equal(entry, "CRC32C");
	assert_true(text_list_next(&list, entry, sizeof entry));
	assert_string_equal(entry, "");
	assert_true(text_list_next(&list, entry, sizeof entry));
	assert_string_equal(entry, "");
	assert_true(text_list_next(&list, entry, sizeof entry));
	assert_string_equal(entry, "None");
	assert_false(text_list_next(&list, entry, sizeof entry));

	assert_true(text_list_pick("X,None,CRC32C", "CRC32C,None", entry, sizeof entry));
	assert_string_equal(entry, "None"); /* the proposer's order counts */
	assert_false(text_list_pick("X,Y", "CRC32C,None", entry, sizeof entry));
	assert_false(text_list_pick(",", "CRC32C,", entry, sizeof entry));
	DUTY("TXT-15");
}

static void writing(void **state)
{
	static const char expected[] = "A=b\0N=18446744073709551615\0I=Yes\0C=0x00ff10\0E=";
	char buf[64];
	static const uint8_t data[] = { 0, 0xff, 0x10 };
	struct text_out out;

	(void)state;
	text_out_init(&out, buf, sizeof buf);
	text_put(&out, "A", "b");
	text_put_number(&out, "N", UINT64_MAX);
	text_put_bool(&out, "I", true);
	text_put_binary(&out, "C", data, sizeof data);
	text_put(&out, "E", "");
	assert_false(out.full);
	assert_int_equal(out.len, sizeof expected);
	assert_memory_equal(buf, expected, sizeof expected);
}

static void writing_stops_whole(void **state)
{
	char *buf = malloc(8);
	struct text_out out;

	(void)state;
	text_out_init(&out, buf, 8);
	text_put(&out, "A", "1");      /* 4 bytes */
	text_put(&out, "B", "22");     /* 5 do not fit */
	assert_true(out.full);
	text_put(&out, "C", "3");      /* would fit, but comes too late */
	assert_int_equal(out.len, 4);
	text_out_init(&out, buf, 8);
	text_put_binary(&out, "C", "ab", 2);
	assert_true(out.full);
	assert_int_equal(out.len, 0);
	text_out_init(&out, buf, 8);
	text_put(&out, "Key", "abc");  /* exactly */
	assert_false(out.full);
	assert_int_equal(out.len, 8);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs), cmocka_unit_test(bad_pairs), cmocka_unit_test(limits),
		cmocka_unit_test(numbers), cmocka_unit_test(booleans), cmocka_unit_test(binaries),
		cmocka_unit_test(lists), cmocka_unit_test(writing),
		cmocka_unit_test(writing_stops_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
