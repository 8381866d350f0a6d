/*
 * service_mappings_test.c - bus, target and LUN numbers: as asked for, or the lowest that are free.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "iscsierr.h"
#include "service/mappings.h"
#include "service/svc_session.h"

#define RAW(lun) ((uint64_t)(lun) << 48)

static struct mapping_lun luns[] = { { 0, 5 }, { 2, MAPPING_ANY }, { RAW(3), 0 } };
static struct mappings three = { .present = true, .os_bus = 0, .os_target = 7, .count = 3,
				 .lun = luns };

static void bad_ones_are_refused(void **state)
{
	struct mapping_lun pair[2] = { { 1, 4 }, { 2, 4 } };
	struct mappings m = { .present = true, .os_bus = MAPPING_ANY, .os_target = MAPPING_ANY,
			      .count = 2, .lun = pair };

	(void)state;
	assert_int_equal(mappings_check(&(struct mappings){ .present = false, .os_bus = 999 }), 0);
	assert_int_equal(mappings_check(&three), 0);
	assert_int_equal(mappings_check(&m), ISDSC_INVALID_TARGET_MAPPING);
	/* The same LUN in another form. */
	pair[1] = (struct mapping_lun){ RAW(1), 5 };
	assert_int_equal(mappings_check(&m), ISDSC_INVALID_TARGET_MAPPING);
	pair[1] = (struct mapping_lun){ 2, 255 };
	assert_int_equal(mappings_check(&m), ISDSC_TARGET_MAPPING_OUT_OF_RANGE);
	pair[1].os_lun = 254;
	assert_int_equal(mappings_check(&m), 0);
	pair[0].os_lun = pair[1].os_lun = MAPPING_ANY;
	assert_int_equal(mappings_check(&m), 0);
	m.os_bus = 255;
	assert_int_equal(mappings_check(&m), ISDSC_TARGET_MAPPING_OUT_OF_RANGE);
	m.os_bus = 0;
	m.os_target = 1000;
	assert_int_equal(mappings_check(&m), ISDSC_TARGET_MAPPING_OUT_OF_RANGE);
}

static void luns_left_out_are_not_shown(void **state)
{
	struct mappings none = { .present = true, .os_bus = 1, .os_target = 2 };
	uint32_t os_lun;

	(void)state;
	assert_true(mappings_show(&three, RAW(0), &os_lun));
	assert_int_equal(os_lun, 5);
	assert_true(mappings_show(&three, RAW(2), &os_lun));
	assert_int_equal(os_lun, MAPPING_ANY);
	assert_true(mappings_show(&three, RAW(3), &os_lun));
	assert_int_equal(os_lun, 0);
	assert_false(mappings_show(&three, RAW(1), &os_lun));
	assert_true(mappings_reserve(&three, 5));
	assert_false(mappings_reserve(&three, 1));
	/* Bus and target alone: every LUN. */
	assert_true(mappings_show(&none, RAW(1), &os_lun));
	assert_int_equal(os_lun, MAPPING_ANY);
}

static void bus_and_target_are_taken_once(void **state)
{
	static struct service service;
	static struct svc_session sessions[300];
	struct mappings m = { .present = true, .os_bus = MAPPING_ANY, .os_target = 3 };
	struct mappings none = { .present = false };
	uint8_t bus = 99, target = 99;

	(void)state;
	list_init(&service.sessions);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(mappings_place(&service, &none, &sessions[i].bus_number,
						&sessions[i].target_number), 0);
		assert_int_equal(sessions[i].bus_number, i / 255);
		assert_int_equal(sessions[i].target_number, i % 255);
		list_append(&service.sessions, &sessions[i].link);
	}
	m.os_bus = 1;
	assert_int_equal(mappings_place(&service, &m, &bus, &target), ISDSC_TARGET_MAPPING_EXISTS);
	m.os_target = 100;
	assert_int_equal(mappings_place(&service, &m, &bus, &target), 0);
	assert_int_equal(bus, 1);
	assert_int_equal(target, 100);
	/* Any bus that has the target free. */
	m.os_bus = MAPPING_ANY;
	assert_int_equal(mappings_place(&service, &m, &bus, &target), 0);
	assert_int_equal(bus, 1);
	m.os_bus = 0;
	m.os_target = MAPPING_ANY;
	assert_int_equal(mappings_place(&service, &m, &bus, &target),
			 ISDSC_TARGET_MAPPING_UNAVAILABLE);
	list_remove(&sessions[77].link);
	assert_int_equal(mappings_place(&service, &m, &bus, &target), 0);
	assert_int_equal(target, 77);
}

static void a_copy_is_its_own(void **state)
{
	struct mappings copy;

	(void)state;
	assert_int_equal(mappings_copy(&three, &copy), 0);
	assert_ptr_not_equal(copy.lun, three.lun);
	assert_memory_equal(copy.lun, three.lun, sizeof(luns));
	mappings_done(&copy);
	assert_false(copy.present);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_ones_are_refused), cmocka_unit_test(luns_left_out_are_not_shown),
		cmocka_unit_test(bus_and_target_are_taken_once), cmocka_unit_test(a_copy_is_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
