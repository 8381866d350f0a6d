/* scsi_cdb_test.c - every command descriptor block against bytes from SPC-4 and SBC-3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scsi/cdb.h"

#define CHECK(call, length, ...) do { \
	static const uint8_t expected_[CDB_LEN] = { __VA_ARGS__ }; \
	uint8_t cdb[CDB_LEN]; \
	memset(cdb, 0xee, sizeof cdb); \
	assert_int_equal(call, length); \
	assert_memory_equal(cdb, expected_, sizeof cdb); \
} while (0)

static void questions(void **state)
{
	(void)state;
	CHECK(cdb_test_unit_ready(cdb), 6, 0);
	CHECK(cdb_inquiry(cdb, 2, 0x12, 0x1234), 6, 0x12, 2, 0x12, 0x12, 0x34);
	CHECK(cdb_inquiry_standard(cdb, 96), 6, 0x12, 0, 0, 0, 96);
	CHECK(cdb_inquiry_vpd(cdb, 0x83, 512), 6, 0x12, 1, 0x83, 2, 0);
	CHECK(cdb_report_luns(cdb, 2, 0x01020304), 12, 0xa0, 0, 2, 0, 0, 0, 1, 2, 3, 4);
	CHECK(cdb_read_capacity_10(cdb), 10, 0x25);
	CHECK(cdb_read_capacity_16(cdb, 32), 16, 0x9e, 0x10, [13] = 32);
	CHECK(cdb_mode_sense_6(cdb, true, 0x3f, 192), 6, 0x1a, 8, 0x3f, 0, 192);
	CHECK(cdb_mode_sense_10(cdb, false, 8, 0x0102), 10, 0x5a, 0, 8, [7] = 1, 2);
}

static void reading_and_writing(void **state)
{
	(void)state;
	CHECK(cdb_read(cdb, 0x01020304, 0x0506, false), 10, 0x28, 0, 1, 2, 3, 4, 0, 5, 6);
	CHECK(cdb_read(cdb, 0xffffffff, 0xffff, true), 10, 0x28, 8, 255, 255, 255, 255, 0, 255, 255);
	CHECK(cdb_read(cdb, 0xffffffff, 0x10000, true), 16, 0x88, 8, 0, 0, 0, 0, 255, 255, 255,
	      255, 0, 1, 0, 0);
	CHECK(cdb_read(cdb, UINT64_C(0x0102030405060708), 1, false), 16, 0x88, 0, 1, 2, 3, 4, 5, 6,
	      7, 8, 0, 0, 0, 1);
	CHECK(cdb_write(cdb, 1, 2, true), 10, 0x2a, 8, 0, 0, 0, 1, 0, 0, 2);
	CHECK(cdb_write(cdb, UINT64_C(0x100000000), 2, false), 16, 0x8a, 0, 0, 0, 0, 1, 0, 0, 0, 0,
	      0, 0, 0, 2);
	CHECK(cdb_synchronize_cache(cdb, 0, 0), 10, 0x35);
	CHECK(cdb_synchronize_cache(cdb, 1, 0x12345), 16, 0x91, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1,
	      0x23, 0x45);
	CHECK(cdb_write_same_16(cdb, 1, 2, true, true), 16, 0x93, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
	      0, 2);
	CHECK(cdb_write_same_16(cdb, 0, 1, false, false), 16, 0x93, [13] = 1);
}

static void unmap(void **state)
{
	static const uint8_t expected[40] = {
		0, 38, 0, 32, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
	};
	static const struct cdb_range ranges[] = {
		{ UINT64_C(0x0102030405060708), 0x090a0b0c }, { 1, 2 },
	};
	uint8_t list[40];

	(void)state;
	CHECK(cdb_unmap(cdb, 0x0102), 10, 0x42, [7] = 1, 2);
	memset(list, 0xee, sizeof list);
	assert_int_equal(cdb_unmap_list(list, sizeof list, ranges, 2), 40);
	assert_memory_equal(list, expected, 40);
	assert_int_equal(cdb_unmap_list(list, 39, ranges, 2), 0);
	assert_int_equal(cdb_unmap_list(list, SIZE_MAX, ranges, CDB_UNMAP_RANGES_MAX + 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions), cmocka_unit_test(reading_and_writing),
		cmocka_unit_test(unmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
