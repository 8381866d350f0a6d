/*
 * client_text_test.c - UTF-8 and UTF-16: what is let in, what is refused, what is cut.
 */
#include "client/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* a, e acute, euro sign, grinning face: 1, 2, 3 and 4 bytes, the last a surrogate pair. */
static const char mixed8[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
static const WCHAR mixed16[] = { 'a', 0xe9, 0x20ac, 0xd83d, 0xde00, 0 };

static void both_ways(void **state)
{
	WCHAR wide[16];
	char narrow[16];

	(void)state;
	assert_int_equal(text_get_w(mixed16, 16, narrow, sizeof(narrow)), 10);
	assert_string_equal(narrow, mixed8);
	assert_int_equal(text_units_w(mixed8), 5);
	assert_int_equal(text_units_a(mixed8), 10);
	text_put_w(mixed8, wide, 16);
	assert_memory_equal(wide, mixed16, sizeof(mixed16));
	assert_int_equal(text_get_a(mixed8, 16, narrow, sizeof(narrow)), 10);
	assert_string_equal(narrow, mixed8);
}

static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 1; point <= 0x10ffff; point += point < 0x900 ? 1 : 61) {
		WCHAR wide[3] = { (WCHAR)point, 0, 0 }, back[3];
		char narrow[8];
		ssize_t length;

		if (point >= 0xd800 && point < 0xe000)
			continue;
		if (point >= 0x10000) {
			wide[0] = (WCHAR)(0xd800 + ((point - 0x10000) >> 10));
			wide[1] = (WCHAR)(0xdc00 + (point & 0x3ff));
		}
		length = text_get_w(wide, 3, narrow, sizeof(narrow));
		assert_int_equal(length,
				 point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);
		text_put_w(narrow, back, 3);
		assert_memory_equal(back, wide, sizeof(wide));
	}
}

static void bad_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xc3", "\xc3z", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff",
		"\xe2\x82", "\xf0\x9f\x98", "ok\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char to[16] = "before";

		assert_int_equal(text_get_a(bad[i], 16, to, sizeof(to)), -EILSEQ);
		assert_string_equal(to, "before");
		assert_int_equal(text_units_w(bad[i]), 0);
		assert_int_equal(text_units_a(bad[i]), 0);
	}
}

static void lone_surrogates(void **state)
{
	static const WCHAR bad[][4] = {
		{ 0xd800, 0 }, { 0xdfff, 0 }, { 'a', 0xdc00, 'b', 0 },
		{ 0xd800, 0xd800, 0xdc00, 0 }, { 0xd800, 'a', 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char to[16] = "before";

		assert_int_equal(text_get_w(bad[i], 4, to, sizeof(to)), -EILSEQ);
		assert_string_equal(to, "before");
	}
}

static void not_ended(void **state)
{
	static const WCHAR wide[4] = { 'a', 'b', 'c', 'd' };
	char to[16];

	(void)state;
	assert_int_equal(text_get_a("abcd", 4, to, sizeof(to)), -EINVAL);
	assert_int_equal(text_get_a("abcd", 5, to, sizeof(to)), 4);
	assert_int_equal(text_get_w(wide, 4, to, sizeof(to)), -EINVAL);
	/* The limit in bytes is the same for both forms, whatever the units. */
	assert_int_equal(text_get_w(mixed16, 16, to, 10), -ENAMETOOLONG);
	assert_int_equal(text_get_w(mixed16, 16, to, 11), 10);
	assert_int_equal(text_get_a(mixed8, 16, to, 10), -ENAMETOOLONG);
}

static void cut_whole(void **state)
{
	char narrow[8];
	WCHAR wide[8];

	(void)state;
	memset(narrow, 'x', sizeof(narrow));
	text_put_a(mixed8, narrow, 6); /* the euro sign would end at 6: no room for the NUL */
	assert_memory_equal(narrow, "a\xc3\xa9\0\0\0xx", 8);
	memset(wide, 'x', sizeof(wide));
	text_put_w(mixed8, wide, 5); /* a pair is not split */
	assert_memory_equal(wide, ((WCHAR[]){ 'a', 0xe9, 0x20ac, 0, 0, 0x7878 }), 12);
	text_put_w("abc", wide, 1);
	assert_int_equal(wide[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways), cmocka_unit_test(every_code_point),
		cmocka_unit_test(bad_utf8), cmocka_unit_test(lone_surrogates),
		cmocka_unit_test(not_ended), cmocka_unit_test(cut_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
