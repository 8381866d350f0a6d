/*
 * service_overrides_test.c - settings that hold for one target only: their names, that they survive
 * a restart, and what a session to that target is made with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../duty.h"
#include "service/effective.h"
#include "service/overrides.h"
#include "service/store.h"

#define TARGET "iqn.2026-11.test:a"

struct bed {
	char folder[64];
	struct store *store;
	struct defaults defaults;
	struct overrides overrides;
};

static void bed_open(struct bed *bed)
{
	char aside[STORE_FILE_NAME_MAX], why[256];

	assert_int_equal(store_open(bed->folder, aside, why, sizeof(why), &bed->store), 0);
	defaults_init(&bed->defaults);
	overrides_init(&bed->overrides);
	assert_int_equal(defaults_load(&bed->defaults, bed->store), 0);
	assert_int_equal(overrides_load(&bed->overrides, bed->store), 0);
}

static void bed_close(struct bed *bed)
{
	overrides_done(&bed->overrides);
	store_close(bed->store);
}

static int setup(void **state)
{
	static struct bed bed;

	strcpy(bed.folder, "/tmp/overrides-test-XXXXXX");
	if (!mkdtemp(bed.folder))
		return -1;
	bed_open(&bed);
	*state = &bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	char path[128];

	bed_close(bed);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, bed->folder);
	unlink(path);
	return rmdir(bed->folder);
}

static int put(struct bed *bed, const char *target, enum default_id id, const char *text)
{
	return overrides_set(&bed->overrides, bed->store, &bed->defaults, target, id, text);
}

static uint32_t value(struct bed *bed, const char *target, enum default_id id)
{
	struct defaults defaults;

	overrides_apply(&bed->overrides, target, &bed->defaults, &defaults);
	return defaults.value[id];
}

static void names_are_taken_apart(void **state)
{
	static const struct {
		const char *name, *target;
		int r;
	} rows[] = {
		{ "error-recovery-level", "", 0 },
		{ "Error-Recovery-Level@" TARGET, TARGET, 0 },
		{ "error-recovery-level@IQN.2026-11.Test:A", TARGET, 0 },
		{ "error-recovery-level@eui.02004567a425678d", "eui.02004567a425678d", 0 },
		{ "error-recovery-level@", NULL, -EINVAL },
		{ "error-recovery-level@a b", NULL, -EINVAL },
		{ "error-recovery-level@" TARGET "@x y", NULL, -EINVAL },
		{ "group-may-change@" TARGET, NULL, -EINVAL },
		{ "no-such@" TARGET, NULL, -ENOENT }, { "@" TARGET, NULL, -ENOENT },
		{ "", NULL, -ENOENT },
	};
	char target[NAME_MAX_LEN + 1], name[OVERRIDE_NAME_MAX], long_name[400];
	enum default_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strcpy(target, "untouched");
		id = DEFAULT_COUNT;
		assert_int_equal(override_name(rows[i].name, &id, target), rows[i].r);
		assert_string_equal(target, rows[i].r ? "untouched" : rows[i].target);
		assert_int_equal(id, rows[i].r ? DEFAULT_COUNT : DEFAULT_ERROR_RECOVERY_LEVEL);
	}
	override_print(DEFAULT_ERROR_RECOVERY_LEVEL, TARGET, name);
	assert_string_equal(name, "error-recovery-level@" TARGET);
	override_print(DEFAULT_ERROR_RECOVERY_LEVEL, "", name);
	assert_string_equal(name, "error-recovery-level");
	snprintf(long_name, sizeof(long_name), "ordering@iqn.2026-11.test:%0300d", 1);
	assert_int_equal(override_name(long_name, &id, target), -EINVAL);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(override_name(long_name, &id, target), -ENOENT);
}

static void they_hold_for_one_target_and_survive(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(put(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL, "2"), 0);
	assert_int_equal(put(bed, "iqn.2026-11.test:b", DEFAULT_ORDERING, "strict"), 0);
	assert_int_equal(put(bed, TARGET, DEFAULT_PING_IDLE, "7"), 0);
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(value(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL), 2);
		assert_int_equal(value(bed, TARGET, DEFAULT_PING_IDLE), 7);
		assert_int_equal(value(bed, TARGET, DEFAULT_ORDERING), ORDERING_AUTO);
		assert_int_equal(value(bed, "iqn.2026-11.test:b", DEFAULT_ORDERING), ORDERING_STRICT);
		assert_int_equal(value(bed, "iqn.2026-11.test:c", DEFAULT_ERROR_RECOVERY_LEVEL), 0);
		assert_int_equal(bed->overrides.count, 3);
		bed_close(bed);
		bed_open(bed);
	}
	/* Those of one target stand together. */
	assert_string_equal(list_entry(bed->overrides.list.next->next, struct override,
				       link)->target, TARGET);
	/* The others follow the setting of all. */
	assert_int_equal(defaults_set(&bed->defaults, bed->store, DEFAULT_ERROR_RECOVERY_LEVEL, "1"), 0);
	assert_int_equal(value(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL), 2);
	assert_int_equal(value(bed, "iqn.2026-11.test:c", DEFAULT_ERROR_RECOVERY_LEVEL), 1);
	/* Taken away. */
	assert_int_equal(put(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL, ""), 0);
	assert_int_equal(put(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL, ""), 0);
	assert_int_equal(value(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL), 1);
	bed_close(bed);
	bed_open(bed);
	assert_int_equal(bed->overrides.count, 2);
	assert_int_equal(value(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL), 1);
}

static void bad_values_change_nothing(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(put(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL, "3"), -EINVAL);
	assert_int_equal(put(bed, TARGET, DEFAULT_ERROR_RECOVERY_LEVEL, "-1"), -EINVAL);
	assert_int_equal(put(bed, TARGET, DEFAULT_TASK_REPORTING, "fast"), -EINVAL);
	/* More than the MaxBurstLength that holds for all. */
	assert_int_equal(put(bed, TARGET, DEFAULT_FIRST_BURST_LENGTH, "16777215"), -EINVAL);
	assert_int_equal(bed->overrides.count, 0);
	assert_int_equal(put(bed, TARGET, DEFAULT_MAX_BURST_LENGTH, "16777215"), 0);
	assert_int_equal(put(bed, TARGET, DEFAULT_FIRST_BURST_LENGTH, "16777215"), 0);
	bed_close(bed);
	bed_open(bed);
	assert_int_equal(value(bed, TARGET, DEFAULT_FIRST_BURST_LENGTH), 16777215);
}

static void what_was_spoilt_in_the_store_is_left_out(void **state)
{
	struct bed *bed = *state;
	static const struct { const char *name, *text; } rows[] = {
		{ "default.error-recovery-level@" TARGET, "9" },
		{ "default.error-recovery-level@a b", "1" },
		{ "default.gone-setting@" TARGET, "1" },
		{ "default.group-may-change@" TARGET, "on" },
		{ "default.ordering@" TARGET, "a text that is a good deal longer than any setting may "
					      "ever have been when it was stored" },
		{ "default.ordering@iqn.2026-11.test:b", "" },
		{ "defaulting.ordering@" TARGET, "on" },
		{ "default.error-recovery-level@iqn.2026-11.test:c", "2" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(store_set(bed->store, rows[i].name, rows[i].text,
					   strlen(rows[i].text)), 0);
	bed_close(bed);
	bed_open(bed);
	assert_int_equal(bed->overrides.count, 1);
	assert_int_equal(value(bed, "iqn.2026-11.test:c", DEFAULT_ERROR_RECOVERY_LEVEL), 2);
}

static void there_is_a_limit(void **state)
{
	struct bed *bed = *state;
	struct override *many = calloc(OVERRIDES_MAX, sizeof(*many));

	for (unsigned i = 0; i < OVERRIDES_MAX; i++) {
		snprintf(many[i].target, sizeof(many[i].target), "iqn.2026-11.test:%u", i);
		list_append(&bed->overrides.list, &many[i].link);
	}
	bed->overrides.count = OVERRIDES_MAX;
	assert_int_equal(put(bed, TARGET, DEFAULT_ORDERING, "on"), -ENOSPC);
	list_init(&bed->overrides.list);
	bed->overrides.count = 0;
	free(many);
}

/* ---- what a session is made with */

static struct keys_offer offer(const struct defaults *defaults)
{
	const struct effective effective = { .max_connections = 4 };
	struct keys_offer offered;

	effective_offer(&effective, defaults, &offered);
	assert_int_equal(keys_offer_check(&offered), 0);
	return offered;
}

static void levels_are_offered(void **state)
{
	struct defaults defaults;
	struct keys_offer offered;

	(void)state;
	defaults_init(&defaults);
	offered = offer(&defaults);
	assert_int_equal(offered.error_recovery_level, 0);
	assert_int_equal(offered.max_outstanding_r2t, 8);
	assert_int_equal(offered.protocol_level, 0);
	assert_true(offered.data_pdu_in_order && offered.data_sequence_in_order);
	assert_false(offered.task_reporting);

	defaults.value[DEFAULT_ERROR_RECOVERY_LEVEL] = 1;
	offered = offer(&defaults);
	assert_int_equal(offered.error_recovery_level, 1);
	assert_int_equal(offered.max_outstanding_r2t, 1);
	defaults.value[DEFAULT_DATA_SEQUENCE_IN_ORDER] = 0;
	assert_int_equal(offer(&defaults).max_outstanding_r2t, 8);
	DUTY("KEY-6");

	defaults.value[DEFAULT_DATA_PDU_IN_ORDER] = 0;
	defaults.value[DEFAULT_PROTOCOL_LEVEL] = 2;
	defaults.value[DEFAULT_TASK_REPORTING] = KEYS_RESPONSE_FENCE;
	offered = offer(&defaults);
	assert_false(offered.data_pdu_in_order || offered.data_sequence_in_order);
	assert_int_equal(offered.protocol_level, 2);
	assert_true(offered.task_reporting && offered.no_fast_abort);
	defaults.value[DEFAULT_TASK_REPORTING] = KEYS_FAST_ABORT;
	offered = offer(&defaults);
	assert_true(offered.task_reporting && !offered.no_fast_abort);
	defaults.value[DEFAULT_ORDERING] = ORDERING_ON;
	assert_false(offer(&defaults).task_reporting);
	defaults.value[DEFAULT_ORDERING] = ORDERING_OFF;
	assert_true(offer(&defaults).task_reporting);
}

/* An override that fitted when it was made: a session can still be had. */
static void bursts_are_made_to_fit(void **state)
{
	struct defaults defaults;

	(void)state;
	defaults_init(&defaults);
	defaults.value[DEFAULT_FIRST_BURST_LENGTH] = 1 << 20;
	defaults.value[DEFAULT_MAX_BURST_LENGTH] = 1 << 16;
	assert_int_equal(offer(&defaults).first_burst_length, 1 << 16);
}

static void times_are_milliseconds(void **state)
{
	struct defaults defaults;
	struct session_times times;

	(void)state;
	defaults_init(&defaults);
	effective_times(&defaults, &times);
	assert_int_equal(times.command, 60000);
	assert_int_equal(times.manage, 10000);
	assert_int_equal(times.doubt, 1000);
	assert_int_equal(times.hold, 60000);
	assert_int_equal(times.ping_wait, 5000);
	defaults.value[DEFAULT_COMMAND_TIME] = 0;
	effective_times(&defaults, &times);
	assert_int_equal(times.command, 0);
	defaults.value[DEFAULT_COMMAND_TIME] = 7;
	effective_times(&defaults, &times);
	assert_int_equal(times.command, 7000);
	assert_int_equal(defaults_parse(DEFAULT_COMMAND_TIME, "auto",
					&defaults.value[DEFAULT_COMMAND_TIME]), 0);
	effective_times(&defaults, &times);
	assert_int_equal(times.command, 60000);
	/* an answer that is waited for for ever */
	assert_true(defaults_parse(DEFAULT_TASK_MANAGEMENT_TIME, "0", &times.manage) < 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken_apart), TEST(they_hold_for_one_target_and_survive),
		TEST(bad_values_change_nothing), TEST(what_was_spoilt_in_the_store_is_left_out),
		TEST(there_is_a_limit), cmocka_unit_test(levels_are_offered),
		cmocka_unit_test(bursts_are_made_to_fit), cmocka_unit_test(times_are_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
