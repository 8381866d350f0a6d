/*
 * scsi_answer_test.c - what devices answer: INQUIRY and its pages, capacities, mode pages, sense,
 * LUN lists; each also cut off at every length, in memory that ends there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "scsi/capacity.h"
#include "scsi/inquiry.h"
#include "scsi/lun.h"
#include "scsi/mode.h"
#include "scsi/sense.h"

/* A copy of the first n bytes with nothing behind it. */
static uint8_t *first(const void *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, data, n);
	return copy;
}

/* Calls get on each beginning of data; it fails below `least` and works from there on. */
#define EVERY_LENGTH(data, least, get) do { \
	for (size_t n_ = 0; n_ <= sizeof data; n_++) { \
		uint8_t *p = first(data, n_); \
		size_t len = n_; \
		assert_int_equal(get, n_ < (least) ? -EBADMSG : 0); \
		free(p); \
	} \
} while (0)

static const uint8_t standard[36] =
	"\x00\x80\x05\x02\x1f\x00\x00\x00" "FreeBSD " "iSCSI \x01isk      " "0.5 ";

static void standard_inquiry(void **state)
{
	struct inquiry inquiry;
	uint8_t wrong[36];

	(void)state;
	EVERY_LENGTH(standard, 5, inquiry_get(p, len, &inquiry));
	assert_int_equal(inquiry.type, INQUIRY_DISK);
	assert_int_equal(inquiry.qualifier, 0);
	assert_true(inquiry.removable);
	assert_int_equal(inquiry.version, 5);
	assert_string_equal(inquiry.vendor, "FreeBSD");
	assert_string_equal(inquiry.product, "iSCSI ?isk");
	assert_string_equal(inquiry.revision, "0.5");
	memcpy(wrong, standard, sizeof wrong);
	wrong[0] = 0x7f;
	wrong[4] = 20; /* announces less than came */
	assert_int_equal(inquiry_get(wrong, sizeof wrong, &inquiry), 0);
	assert_int_equal(inquiry.type, INQUIRY_NO_TYPE);
	assert_int_equal(inquiry.qualifier, 3);
	assert_string_equal(inquiry.vendor, "FreeBSD");
	assert_string_equal(inquiry.product, "iSCSI ?is");
	assert_string_equal(inquiry.revision, "");
	for (int i = 0; i < 256; i++)
		assert_non_null(inquiry_type_name((uint8_t)i));
	assert_string_equal(inquiry_type_name(INQUIRY_ARRAY), "storage array controller");
}

static void pages_and_serial(void **state)
{
	static const uint8_t pages[9] = { 0, 0, 0, 5, 0x00, 0x80, 0x83, 0xb0, 0xff };
	static const uint8_t serial[14] = "\x00\x80\x00\x0a  10000001";
	struct inquiry_pages set;
	char text[20], small[5];

	(void)state;
	EVERY_LENGTH(pages, 4, inquiry_pages_get(p, len, &set));
	assert_true(inquiry_pages_has(&set, 0xb0) && inquiry_pages_has(&set, 0xff));
	assert_false(inquiry_pages_has(&set, 0xb2) || inquiry_pages_has(&set, 0x7f));
	EVERY_LENGTH(serial, 4, inquiry_serial_get(p, len, text, sizeof text));
	assert_string_equal(text, "10000001");
	assert_int_equal(inquiry_serial_get(serial, sizeof serial, small, sizeof small), 0);
	assert_string_equal(small, "1000");
	assert_int_equal(inquiry_serial_get(pages, sizeof pages, text, sizeof text), -EBADMSG);
	assert_string_equal(text, "10000001");
}

#define T10 "\x02\x01\x00\x0bLIO-ORG x y"
#define EUI8 "\x01\x02\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08"
#define NAA8 "\x01\x03\x00\x08\x50\x01\x40\x5a\x00\x00\x00\x01"
#define NAA16 "\x01\x03\x00\x10\x60\x01\x40\x5a\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\xff"
#define NAA_PORT "\x01\x93\x00\x08\x5f\x01\x40\x5a\x00\x00\x00\x01" /* of the port */
#define NAME "\x03\x08\x00\x14iqn.2001-04.x,L,0x1\0"

static void identifiers(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} cases[] = {
		{ "\0\x83\0\x30" T10 NAA8 NAA_PORT NAA16, 4 + 15 + 12 + 12 + 20,
		  "naa.5001405a00000001" }, /* the page's length ends inside NAA16 */
		{ "\0\x83\0\x3b" T10 NAA8 NAA_PORT NAA16, 4 + 15 + 12 + 12 + 20,
		  "naa.6001405a0000000102030405060708ff" },
		{ "\0\x83\0\x27" T10 EUI8 NAA_PORT, 4 + 39, "eui.0102030405060708" },
		{ "\0\x83\0\x27" T10 NAME, 4 + 39, "iqn.2001-04.x,L,0x1" },
		{ "\0\x83\0\x0f" T10, 4 + 15, "t10.LIO-ORG_x_y" },
		{ "\0\x83\0\x0c" NAA_PORT, 4 + 12, "" },
		{ "\0\x83\0\0", 4, "" },
		{ "\0\x83\0\x04\x01\x03\0\0", 8, "" },
		{ "\0\x83\0\x06\x01\x01\0\x02\xab\xcd", 10, "t10.abcd" },
	};
	char text[INQUIRY_ID_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *copy = first(cases[i].data, cases[i].len);

		assert_int_equal(inquiry_ids_get(copy, cases[i].len, text), 0);
		assert_string_equal(text, cases[i].text);
		free(copy);
		for (size_t n = 0; n < cases[i].len; n++) {
			copy = first(cases[i].data, n);
			assert_int_equal(inquiry_ids_get(copy, n, text), n < 4 ? -EBADMSG : 0);
			free(copy);
		}
	}
}

static void longest_identifiers(void **state)
{
	static const uint8_t types[] = { 1, 8 };
	char text[INQUIRY_ID_TEXT];
	uint8_t page[4 + 4 + 255];

	(void)state;
	for (unsigned code = 1; code <= 3; code++) {
		for (size_t t = 0; t < sizeof types; t++) {
			memset(page, 'x', sizeof page);
			memcpy(page, "\0\x83\x01\x03", 4);
			page[4] = (uint8_t)code;
			page[5] = types[t];
			page[7] = 255;
			assert_int_equal(inquiry_ids_get(page, sizeof page, text), 0);
			assert_true(strlen(text) > 200 && strlen(text) < sizeof text);
		}
	}
}

static void limits_and_provisioning(void **state)
{
	static const uint8_t limits[64] = {
		0, 0xb0, 0, 60, 1, 0, 0, 8, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 0, 0, 0, 0,
		0, 1, 0, 0, 0, 0, 0, 32, 0, 0, 0, 64, 0x80, 0, 0, 5,
		0, 0, 0, 1, 0, 0, 0, 2,
	};
	static const uint8_t provisioning[8] = { 0, 0xb2, 0, 4, 3, 0xe4, 2, 0 };
	struct inquiry_limits l;
	struct inquiry_provisioning v;

	(void)state;
	EVERY_LENGTH(limits, 4, inquiry_limits_get(p, len, &l));
	assert_true(l.write_same_nonzero);
	assert_int_equal(l.optimal_granularity, 8);
	assert_int_equal(l.max_transfer, 0x1000);
	assert_int_equal(l.optimal_transfer, 0x2000);
	assert_int_equal(l.max_unmap_blocks, 0x10000);
	assert_int_equal(l.max_unmap_ranges, 32);
	assert_int_equal(l.unmap_granularity, 64);
	assert_true(l.unmap_alignment_valid);
	assert_int_equal(l.unmap_alignment, 5);
	assert_true(l.max_write_same == UINT64_C(0x100000002));
	assert_int_equal(inquiry_limits_get(limits, 16, &l), 0); /* the short form of SBC-2 */
	assert_int_equal(l.max_unmap_blocks, 0);
	EVERY_LENGTH(provisioning, 4, inquiry_provisioning_get(p, len, &v));
	assert_true(v.unmap && v.write_same_16 && v.write_same_10);
	assert_int_equal(v.reads_zero, 1);
	assert_int_equal(v.type, 2);
	assert_int_equal(v.threshold_exponent, 3);
	assert_int_equal(inquiry_provisioning_get(limits, sizeof limits, &v), -EBADMSG);
}

static void capacities(void **state)
{
	static const uint8_t ten[8] = { 0, 1, 0xff, 0xff, 0, 0, 2, 0 };
	static const uint8_t large[8] = { 255, 255, 255, 255, 0, 0, 2, 0 };
	static const uint8_t odd[12] = { 0, 0, 0, 1, 0, 0, 2, 1, 0, 0, 0, 0 };
	static const uint8_t none[12] = { 0, 0, 0, 1 };
	static const uint8_t sixteen[32] = {
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x10, 0, 1, 3, 0xc0, 7,
	};
	uint8_t endless[32];
	struct capacity c = { .last_lba = 77 };

	(void)state;
	assert_int_equal(capacity_get_10(odd, 8, &c), -EBADMSG);
	assert_int_equal(capacity_get_10(none, 8, &c), -EBADMSG);
	assert_int_equal(capacity_get_16(none, 12, &c), -EBADMSG);
	assert_true(c.last_lba == 77);
	EVERY_LENGTH(ten, 8, capacity_get_10(p, len, &c));
	assert_true(c.last_lba == 0x1ffff);
	assert_int_equal(c.block_size, 512);
	assert_false(c.ask_16);
	assert_int_equal(capacity_get_10(large, 8, &c), 0);
	assert_true(c.ask_16);
	EVERY_LENGTH(sixteen, 12, capacity_get_16(p, len, &c));
	assert_true(c.last_lba == UINT64_C(0x100000000));
	assert_int_equal(c.block_size, 4096);
	assert_true(c.protection && c.provisioning && c.reads_zero);
	assert_int_equal(c.physical_exponent, 3);
	assert_int_equal(c.lowest_aligned, 7);
	memcpy(endless, sixteen, sizeof endless);
	memset(endless, 0xff, 8);
	assert_int_equal(capacity_get_16(endless, sizeof endless, &c), -EBADMSG);
}

static void modes(void **state)
{
	static const uint8_t six[4 + 8 + 12 + 20] = {
		43, 0, 0x90, 8, 0, 0, 0, 0, 0, 0, 2, 0,
		0x81, 10, [24] = 0x08, 0x12, 0x04,
	};
	static const uint8_t ten[8 + 6 + 20] = {
		0, 32, 0, 0x10, 0, 0, 0, 0,
		0x4a, 0x01, 0, 2, 0, 0, 0x88, 0x12, 0x01,
	};
	static const uint8_t bare[4] = { 3, 0, 0x80, 0 };
	struct mode m;

	(void)state;
	EVERY_LENGTH(six, 4, mode_get_6(p, len, &m));
	assert_true(m.write_protected && m.dpofua && m.has_caching && m.write_cache);
	assert_false(m.read_cache_off);
	EVERY_LENGTH(ten, 8, mode_get_10(p, len, &m));
	assert_true(m.dpofua && m.has_caching && m.read_cache_off);
	assert_false(m.write_protected || m.write_cache);
	assert_int_equal(mode_get_6(bare, sizeof bare, &m), 0);
	assert_true(m.write_protected);
	assert_false(m.has_caching);
	assert_int_equal(mode_get_6("\x02\0\0\0", 4, &m), -EBADMSG);
	assert_int_equal(mode_get_6("\xff\0\0\xff\x08\x12\x04\x04", 8, &m), 0);
	assert_false(m.has_caching); /* inside the block descriptors */
	assert_int_equal(mode_get_10("\0\x05\0\0\0\0\0\0", 8, &m), -EBADMSG);
}

static void sense_data(void **state)
{
	static const uint8_t fixed[18] = {
		0xf0, 0, 0x25, 1, 2, 3, 4, 10, 0, 0, 0, 0, 0x24, 0x01,
	};
	static const uint8_t descriptor[8 + 4 + 12] = {
		0x73, 0x06, 0x29, 0x02, 0, 0, 0, 16, 0x02, 2, 0, 0,
		0x00, 10, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 2,
	};
	struct sense s;

	(void)state;
	EVERY_LENGTH(fixed, 3, sense_get(p, len, &s));
	assert_int_equal(s.key, SENSE_ILLEGAL_REQUEST);
	assert_int_equal(s.asc, 0x24);
	assert_int_equal(s.ascq, 0x01);
	assert_true(s.has_information);
	assert_true(s.information == 0x01020304);
	assert_false(s.deferred);
	assert_int_equal(sense_get("\x70\0\x06\0\0\0\0\x05\0\0\0\0\x29\0", 14, &s), 0);
	assert_int_equal(s.asc, 0x29); /* byte 12 is the last announced */
	assert_int_equal(sense_get("\x70\0\x06\0\0\0\0\x04\0\0\0\0\x29\0", 14, &s), 0);
	assert_int_equal(s.asc, 0);
	EVERY_LENGTH(descriptor, 2, sense_get(p, len, &s));
	assert_int_equal(s.key, SENSE_UNIT_ATTENTION);
	assert_int_equal(s.asc, 0x29);
	assert_int_equal(s.ascq, 0x02);
	assert_true(s.deferred && s.has_information);
	assert_true(s.information == UINT64_C(0x100000002));
	assert_int_equal(sense_get("\x00\0\0\0", 4, &s), -EBADMSG);
	assert_int_equal(sense_get("\x7f\0\0\0", 4, &s), -EBADMSG);
	for (int i = 0; i < 256; i++) {
		assert_non_null(sense_key_name((uint8_t)i));
		assert_non_null(sense_status_name((uint8_t)i));
	}
	assert_string_equal(sense_status_name(0x28), "TASK SET FULL");
	assert_string_equal(sense_key_name(0x0b), "ABORTED COMMAND");
}

static void lun_forms(void **state)
{
	static const struct {
		uint64_t number, wire;
	} cases[] = {
		{ 0, 0 }, { 1, UINT64_C(0x0001000000000000) }, { 255, UINT64_C(0x00ff000000000000) },
		{ 256, UINT64_C(0x4100000000000000) }, { 0x3fff, UINT64_C(0x7fff000000000000) },
		{ UINT64_C(0xc101000000000000), UINT64_C(0xc101000000000000) },
		{ UINT64_C(0x4005000000000000), UINT64_C(0x4005000000000000) },
		{ UINT64_C(0x0101000000000000), UINT64_C(0x0101000000000000) }, /* bus 1 */
		{ UINT64_C(0x0001000200000000), UINT64_C(0x0001000200000000) }, /* two levels */
		{ 0x4000, 0x4000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(lun_wire(cases[i].number) == cases[i].wire);
		assert_true(lun_number(cases[i].wire) == cases[i].number);
	}
	assert_true(lun_number(5) == LUN_NONE);
}

static void lun_lists(void **state)
{
	static const uint8_t data[8 + 24] = {
		0, 0, 0, 24, [16] = 0, 1, [24] = 0x41, 0,
	};
	static const uint8_t huge[8] = { 0xff, 0xff, 0xff, 0xff };
	struct lun_list list;

	(void)state;
	EVERY_LENGTH(data, 8, lun_list_get(p, len, &list));
	assert_int_equal(lun_list_get(data, sizeof data, &list), 0);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.announced, 3);
	assert_true(lun_number(lun_list_at(&list, 1)) == 1);
	assert_true(lun_number(lun_list_at(&list, 2)) == 256);
	assert_int_equal(lun_list_get(data, 8 + 15, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.announced, 3);
	assert_int_equal(lun_list_get(huge, sizeof huge, &list), 0);
	assert_int_equal(list.count, 0);
}

/* IN-16: what a logout or a reset cleared says nothing of the unit. */
static void hints(void **state)
{
	static const struct { uint8_t key, asc, ascq; unsigned hints; } rows[] = {
		{ 6, 0x28, 0x00, SENSE_HINT_UNIT }, { 6, 0x2a, 0x09, SENSE_HINT_UNIT },
		{ 6, 0x2a, 0x01, SENSE_HINT_UNIT }, { 6, 0x3f, 0x03, SENSE_HINT_UNIT },
		{ 6, 0x3f, 0x0e, SENSE_HINT_LUNS }, { 5, 0x21, 0x00, SENSE_HINT_UNIT },
		{ 6, 0x29, 0x00, 0 }, { 6, 0x47, 0x7f, 0 }, { 6, 0x2a, 0x00, 0 },
		{ 5, 0x3f, 0x0e, 0 }, { 0, 0x2a, 0x09, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct sense sense = { .key = rows[i].key, .asc = rows[i].asc,
					     .ascq = rows[i].ascq };

		assert_int_equal(sense_hints(&sense), rows[i].hints);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints),
		cmocka_unit_test(standard_inquiry), cmocka_unit_test(pages_and_serial),
		cmocka_unit_test(identifiers), cmocka_unit_test(longest_identifiers),
		cmocka_unit_test(limits_and_provisioning), cmocka_unit_test(capacities),
		cmocka_unit_test(modes), cmocka_unit_test(sense_data),
		cmocka_unit_test(lun_forms), cmocka_unit_test(lun_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
