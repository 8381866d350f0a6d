/* proto_isns_test.c - iSNS headers and attributes, whole and cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "proto/isns.h"
#include "../duty.h"

static void written(void **state)
{
	static const uint8_t want[] = {
		0, 1, 0, 1, 0, 52, 0x9c, 0, 0x12, 0x34, 0, 0, /* replace, client, first, last */
		0, 0, 0, 32, 0, 0, 0, 8, 'i', 'q', 'n', '.', 'a', 'b', 'c', 0,
		0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 33, 0, 0, 0, 4, 0, 0, 0, 2,
		0, 0, 0, 32, 0, 0, 0, 8, 'i', 'q', 'n', '.', 'a', 0, 0, 0,
	};
	uint8_t bytes[128];
	struct bytes_writer w;

	(void)state;
	bytes_writer_init(&w, bytes, sizeof(bytes));
	isns_begin(&w, ISNS_REGISTER, ISNS_REPLACE, 0x1234);
	isns_put_text(&w, ISNS_NAME, "iqn.abc");
	isns_put_empty(&w, ISNS_DELIMITER);
	isns_put_number(&w, ISNS_NODE_TYPE, ISNS_TYPE_INITIATOR);
	isns_put_text(&w, ISNS_NAME, "iqn.a");
	assert_int_equal(isns_end(&w), 0);
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
}

static void too_long(void **state)
{
	uint8_t bytes[32];
	struct bytes_writer w;

	(void)state;
	bytes_writer_init(&w, bytes, sizeof(bytes));
	isns_begin(&w, ISNS_QUERY, 0, 1);
	isns_put_text(&w, ISNS_NAME, "iqn.2026-11.test:long");
	assert_int_equal(isns_end(&w), -EMSGSIZE);
}

static void header(void **state)
{
	static const uint8_t bytes[] = { 0, 1, 0x80, 2, 0xff, 0xfc, 0x44, 0, 0xab, 0xcd, 0, 7 };
	struct isns_header h;

	(void)state;
	isns_header_get(bytes, &h);
	assert_int_equal(h.version, 1);
	assert_int_equal(h.function, ISNS_QUERY | ISNS_RESPONSE);
	assert_int_equal(h.length, 0xfffc);
	assert_int_equal(h.flags, ISNS_SERVER | ISNS_FIRST);
	assert_int_equal(h.xid, 0xabcd);
	assert_int_equal(h.seq, 7);
}

/* Reads all attributes of so many bytes: how many, or the error. */
static int count(const uint8_t *bytes, size_t len)
{
	struct bytes_reader r;
	struct isns_attr attr;
	int n = 0, result;

	bytes_reader_init(&r, bytes, len);
	while ((result = isns_attr_next(&r, &attr)) > 0)
		n++;
	return result < 0 ? result : n;
}

static void cut(void **state)
{
	static const uint8_t bytes[] = {
		0, 0, 0, 32, 0, 0, 0, 8, 'i', 'q', 'n', '.', 'a', 'b', 'c', 0,
		0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 33, 0, 0, 0, 4, 0, 0, 0, 2,
	};

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		int whole = len == 0 ? 0 : len == 16 ? 1 : len == 24 ? 2 : len == 36 ? 3 : -EPROTO;

		assert_int_equal(count(bytes, len), whole);
	}
}

static void lengths(void **state)
{
	static const uint8_t huge[] = { 0, 0, 0, 32, 0xff, 0xff, 0xff, 0xfc, 'a', 0, 0, 0 };
	static const uint8_t odd[] = { 0, 0, 0, 32, 0, 0, 0, 3, 'a', 'b', 0, 0 };

	(void)state;
	assert_int_equal(count(huge, sizeof(huge)), -EPROTO);
	assert_int_equal(count(odd, sizeof(odd)), -EPROTO);
	DUTY("FIELD-13.6");
}

static void values(void **state)
{
	uint8_t long_text[ISNS_TEXT_MAX + 4];
	struct isns_attr text = { ISNS_NAME, 8, (const uint8_t *)"iqn.a\0\0" };
	struct isns_attr open = { ISNS_NAME, 4, (const uint8_t *)"iqn." };
	struct isns_attr none = { ISNS_NAME, 0, (const uint8_t *)"" };
	struct isns_attr number = { ISNS_NODE_TYPE, 4, (const uint8_t *)"\0\0\1\2" };
	struct isns_attr much = { ISNS_NAME, sizeof(long_text), long_text };
	const uint8_t *address;
	const char *got;
	uint32_t n = 7;

	(void)state;
	memset(long_text, 'a', sizeof(long_text));
	long_text[ISNS_TEXT_MAX] = 0;
	assert_int_equal(isns_attr_text(&text, &got), 0);
	assert_string_equal(got, "iqn.a");
	assert_int_equal(isns_attr_text(&open, &got), -EPROTO);
	assert_int_equal(isns_attr_text(&none, &got), -EPROTO);
	assert_int_equal(isns_attr_text(&much, &got), -EPROTO);
	long_text[ISNS_TEXT_MAX - 1] = 0;
	assert_int_equal(isns_attr_text(&much, &got), 0);
	assert_int_equal(isns_attr_number(&text, &n), -EPROTO);
	assert_int_equal(n, 7);
	assert_int_equal(isns_attr_number(&number, &n), 0);
	assert_int_equal(n, 0x102);
	assert_int_equal(isns_attr_address(&number, &address), -EPROTO);
	much.len = ISNS_ADDRESS_LEN;
	assert_int_equal(isns_attr_address(&much, &address), 0);
	assert_ptr_equal(address, long_text);
	assert_string_equal(isns_status_text(9), "no such entry");
	assert_string_equal(isns_status_text(0xffffffff), "an error of its own");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(written), cmocka_unit_test(too_long), cmocka_unit_test(header),
		cmocka_unit_test(cut), cmocka_unit_test(lengths), cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
