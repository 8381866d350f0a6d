/* proto_digest_test.c - CRC32C by the examples of RFC 7143 appendix A.4; serial numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/digest.h"
#include "proto/sn.h"
#include "../duty.h"

static void rfc_examples(void **state)
{
	static const uint8_t command[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28,
		[40] = 0x02,
	};
	static const uint8_t zeros[4] = { 0xaa, 0x36, 0x91, 0x8a };
	static const uint8_t ones[4] = { 0x43, 0xab, 0xa8, 0x62 };
	static const uint8_t up[4] = { 0x4e, 0x79, 0xdd, 0x46 };
	static const uint8_t down[4] = { 0x5c, 0xdb, 0x3f, 0x11 };
	static const uint8_t read10[4] = { 0x56, 0x3a, 0x96, 0xd9 };
	uint8_t data[32], wire[4];

	(void)state;
	memset(data, 0, sizeof data);
	assert_true(digest_equal(zeros, digest_of(data, sizeof data)));
	memset(data, 0xff, sizeof data);
	assert_true(digest_equal(ones, digest_of(data, sizeof data)));
	for (int i = 0; i < 32; i++)
		data[i] = (uint8_t)i;
	assert_true(digest_equal(up, digest_of(data, sizeof data)));
	for (int i = 0; i < 32; i++)
		data[i] = (uint8_t)(31 - i);
	assert_true(digest_equal(down, digest_of(data, sizeof data)));
	digest_put(wire, digest_of(command, sizeof command));
	assert_memory_equal(wire, read10, sizeof wire);
	wire[3] ^= 1;
	assert_false(digest_equal(wire, digest_of(command, sizeof command)));
	DUTY("DIG-1");
}

static void pieces_give_the_same(void **state)
{
	uint8_t data[100];
	uint32_t whole;

	(void)state;
	for (int i = 0; i < 100; i++)
		data[i] = (uint8_t)(i * 7);
	whole = digest_of(data, sizeof data);
	for (size_t cut = 0; cut <= sizeof data; cut++) {
		uint32_t running = digest_add(digest_start(), data, cut);

		running = digest_add(running, data + cut, sizeof data - cut);
		assert_int_equal(digest_finish(running), whole);
	}
	DUTY("DIG-1");
}

static void serial_numbers(void **state)
{
	(void)state;
	assert_true(sn_lt(1, 2));
	assert_false(sn_lt(2, 2));
	assert_true(sn_le(2, 2));
	assert_true(sn_ge(2, 2));
	assert_true(sn_lt(0xffffffff, 0));
	assert_true(sn_gt(0, 0xffffffff));
	assert_true(sn_lt(0xfffffff0, 0x10));
	assert_true(sn_lt(0, 0x7fffffff));
	assert_false(sn_lt(0, 0x80000000)); /* no order at this distance */
	assert_false(sn_gt(0, 0x80000000));
	assert_true(sn_gt(0, 0x80000001));
	assert_int_equal(sn_diff(3, 5), -2);
	assert_int_equal(sn_diff(2, 0xffffffff), 3);
	assert_int_equal(sn_diff(0, 0x80000000), INT32_MIN);
	assert_int_equal(sn_diff(0x7fffffff, 0), INT32_MAX);
	assert_int_equal(sn_max(0xffffffff, 1), 1);
	assert_int_equal(sn_max(7, 3), 7);
	DUTY("SN-1 TRAP-14");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_examples),
		cmocka_unit_test(pieces_give_the_same),
		cmocka_unit_test(serial_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
