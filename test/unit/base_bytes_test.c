/* base_bytes_test.c - big-endian numbers, the bounded reader and writer, secrets, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "base/secret.h"

static void numbers(void **state)
{
	uint8_t b[15];
	static const uint8_t expected[15] = {
		0x12, 0x34, 0x00, 0x56, 0x78, 0xde, 0xad, 0xbe, 0xef, 0xff, 0x00, 0x11, 0x22, 0x33,
		0x44,
	};

	(void)state;
	bytes_put16(b, 0x1234);
	bytes_put24(b + 2, 0x5678);
	bytes_put32(b + 5, 0xdeadbeef);
	memcpy(b + 9, expected + 9, 6);
	assert_memory_equal(b, expected, sizeof b);
	assert_int_equal(bytes_get16(b), 0x1234);
	assert_int_equal(bytes_get24(b + 2), 0x5678);
	assert_int_equal(bytes_get32(b + 5), 0xdeadbeef);
	assert_true(bytes_get64(b + 7) == UINT64_C(0xbeefff0011223344));
	bytes_put64(b, UINT64_C(0x8000000000000001));
	assert_int_equal(b[0], 0x80);
	assert_int_equal(b[7], 1);
	bytes_put24(b, 0xff123456); /* only 24 bits count */
	assert_int_equal(bytes_get24(b), 0x123456);
}

static void reader_stops_at_the_end(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct bytes_reader r;

	(void)state;
	bytes_reader_init(&r, data, sizeof data);
	assert_int_equal(bytes_take8(&r), 1);
	assert_int_equal(bytes_take16(&r), 0x0203);
	assert_int_equal(bytes_left(&r), 4);
	assert_true(bytes_take64(&r) == 0);
	assert_true(r.bad);
	assert_int_equal(bytes_take32(&r), 0); /* it stays bad although four bytes are left */
	bytes_reader_init(&r, data, sizeof data);
	assert_null(bytes_take(&r, SIZE_MAX));
	assert_true(r.bad);
	bytes_reader_init(&r, data, 4);
	assert_int_equal(bytes_take32(&r), 0x01020304);
	assert_false(r.bad);
	assert_ptr_equal(bytes_take(&r, 0), data + 4);
}

static void writer_stops_at_the_end(void **state)
{
	uint8_t data[8] = { 0 };
	static const uint8_t expected[8] = { 9, 0x01, 0x02, 0, 0, 0, 0, 0 };
	struct bytes_writer w;

	(void)state;
	bytes_writer_init(&w, data, 6);
	bytes_append8(&w, 9);
	bytes_append16(&w, 0x0102);
	bytes_append32(&w, 0xffffffff);
	assert_true(w.bad);
	bytes_append8(&w, 7);
	assert_int_equal(w.len, 3);
	assert_memory_equal(data, expected, sizeof data);
	bytes_writer_init(&w, data, 8);
	bytes_append64(&w, 1);
	assert_false(w.bad);
	assert_int_equal(data[7], 1);
	bytes_append(&w, NULL, 0);
	assert_false(w.bad);
}

static void secrets(void **state)
{
	uint8_t secret[16] = "0123456789abcde";
	static const uint8_t zero[16];

	(void)state;
	assert_true(secret_equal("abc", 3, "abc", 3));
	assert_false(secret_equal("abc", 3, "abd", 3));
	assert_false(secret_equal("xbc", 3, "abc", 3));
	assert_false(secret_equal("abc", 3, "abcd", 4));
	assert_true(secret_equal("", 0, "", 0));
	secret_wipe(secret, sizeof secret);
	assert_memory_equal(secret, zero, sizeof secret);
	secret_wipe(NULL, 0);
}

static void fault_is_cut_to_fit(void **state)
{
	struct fault fault = { .status_class = 9 };
	char longer[300];

	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(fault_set(&fault, FAULT_CONNECT, 111, "%s", longer), -1);
	assert_int_equal(fault.kind, FAULT_CONNECT);
	assert_int_equal(fault.detail, 111);
	assert_int_equal(fault.status_class, 0);
	assert_int_equal(strlen(fault.text), sizeof fault.text - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(reader_stops_at_the_end),
		cmocka_unit_test(writer_stops_at_the_end),
		cmocka_unit_test(secrets),
		cmocka_unit_test(fault_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
