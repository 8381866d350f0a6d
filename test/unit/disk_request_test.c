/*
 * disk_request_test.c - block requests against a SCSI disk in memory: splitting, durability, and
 * what becomes of lost, refused and delayed commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "../duty.h"
#include "disk/pool.h"
#include "disk_fake.h"
#include "scsi/cdb.h"
#include "scsi/sense.h"

enum { BLOCKS = 8192 };

struct bench {
	struct nexus *nexus;
	struct unit unit;
	struct pool pool;
	unsigned hints;            /* that the unit's sense data gave */
};

/* One request and how it ended. */
struct trial {
	struct bench *bench;
	struct request *request;
	int error;
	sem_t over;
};

static void unit_hinted(struct unit *unit, unsigned hints)
{
	list_entry(unit, struct bench, unit)->hints |= hints;
}

static int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	bench->nexus = fake_new(BLOCKS, 512);
	bench->unit.nexus = bench->nexus;
	bench->unit.loop = bench->nexus->loop;
	bench->unit.info = (struct disk_info) {
		.blocks = BLOCKS, .block_size = 512, .can_fua = true, .can_unmap = true,
		.can_write_same = true, .write_cache = true,
	};
	bench->unit.limits = (struct unit_limits) {
		.transfer = 100, .unmap = 1000, .write_same = 500,
	};
	bench->unit.zeros = calloc(1, 512);
	list_init(&bench->unit.waiting);
	queue_init(&bench->unit.queue);
	bench->unit.hinted = unit_hinted;
	pool_init(&bench->pool);
	*state = bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(bench->unit.counters.in_flight, 0);
	assert_int_equal(bench->unit.queue.active, 0);
	assert_int_equal(bench->unit.queue.length, 0);
	assert_int_equal(bench->nexus->misused, 0);
	fake_free(bench->nexus);
	pool_done(&bench->pool);
	free(bench->unit.zeros);
	free(bench);
	return 0;
}

static void trial_done(struct request *request, int error)
{
	struct trial *trial = request->ctx;

	trial->error = error;
	sem_post(&trial->over);
}

static void trial_start(void *ctx)
{
	struct trial *trial = ctx;

	request_run(trial->request, &trial->bench->unit);
}

static void trial_begin(struct trial *trial, struct bench *bench, enum request_kind kind,
			uint64_t offset, uint64_t length)
{
	bool data = kind == REQUEST_READ || kind == REQUEST_WRITE;

	trial->bench = bench;
	trial->error = 1;
	trial->request = pool_get(&bench->pool, data ? (uint32_t)length : 0);
	trial->request->kind = kind;
	trial->request->offset = offset;
	trial->request->length = length;
	trial->request->done = trial_done;
	trial->request->ctx = trial;
	for (uint64_t i = 0; data && i < length; i++)
		trial->request->data[i] = (uint8_t)((offset + i) / 512 * 7 + i + 1);
	sem_init(&trial->over, 0, 0);
}

static int trial_end(struct trial *trial)
{
	sem_wait(&trial->over);
	sem_destroy(&trial->over);
	pool_put(&trial->bench->pool, trial->request);
	return trial->error;
}

static int trial_run(struct bench *bench, enum request_kind kind, uint64_t offset, uint64_t length,
		     bool fua)
{
	struct trial trial;

	trial_begin(&trial, bench, kind, offset, length);
	trial.request->fua = fua;
	fake_call(bench->nexus, trial_start, &trial);
	return trial_end(&trial);
}

static void test_split(void **state)
{
	struct bench *bench = *state;
	struct trial trial;

	assert_int_equal(trial_run(bench, REQUEST_WRITE, 512, 250 * 512, false), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_WRITE_10), 3);
	assert_int_equal(bench->nexus->data[511], 0);
	assert_int_not_equal(bench->nexus->data[512], 0);
	assert_int_equal(bench->nexus->data[251 * 512], 0);

	trial_begin(&trial, bench, REQUEST_READ, 512, 250 * 512);
	memset(trial.request->data, 0xee, 250 * 512);
	fake_call(bench->nexus, trial_start, &trial);
	sem_wait(&trial.over);
	assert_int_equal(trial.error, 0);
	assert_memory_equal(trial.request->data, bench->nexus->data + 512, 250 * 512);
	sem_destroy(&trial.over);
	pool_put(&bench->pool, trial.request);
	assert_int_equal(bench->unit.counters.bytes_read, 250 * 512);
}

static void test_flush(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 512, false), 0);
	assert_int_equal(bench->nexus->durable[0], 0);
	assert_int_equal(trial_run(bench, REQUEST_FLUSH, 0, 0, false), 0);
	assert_int_not_equal(bench->nexus->durable[0], 0);
	assert_int_equal(bench->nexus->log[1][0], CDB_SYNCHRONIZE_CACHE_10);
	/* The whole unit. */
	assert_memory_equal(bench->nexus->log[1] + 1, (const uint8_t[15]) { 0 }, 15);
}

static void test_flush_never_joined(void **state)
{
	struct bench *bench = *state;
	struct trial first, second;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_SYNCHRONIZE_CACHE_10, .kind = FAKE_HOLD, .times = 1 });
	trial_begin(&first, bench, REQUEST_FLUSH, 0, 0);
	fake_call(bench->nexus, trial_start, &first);
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 512, false), 0);
	trial_begin(&second, bench, REQUEST_FLUSH, 0, 0);
	fake_call(bench->nexus, trial_start, &second);
	assert_int_equal(trial_end(&second), 0);
	assert_int_not_equal(bench->nexus->durable[0], 0);
	fake_release(bench->nexus);
	assert_int_equal(trial_end(&first), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_SYNCHRONIZE_CACHE_10), 2);
}

static void test_flush_unsupported(void **state)
{
	struct bench *bench = *state;

	bench->nexus->no_sync = true;
	assert_int_equal(trial_run(bench, REQUEST_FLUSH, 0, 0, false), -EOPNOTSUPP);
	bench->unit.info.write_cache = false;
	assert_int_equal(trial_run(bench, REQUEST_FLUSH, 0, 0, false), 0);
}

static void test_fua(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 150 * 512, true), 0);
	assert_memory_equal(bench->nexus->durable, bench->nexus->data, 150 * 512);
	assert_int_equal(fake_count(bench->nexus, CDB_SYNCHRONIZE_CACHE_10), 0);

	bench->unit.info.can_fua = false;
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 512 * 512, 150 * 512, true), 0);
	assert_memory_equal(bench->nexus->durable, bench->nexus->data, 700 * 512);
	assert_int_equal(fake_count(bench->nexus, CDB_SYNCHRONIZE_CACHE_10), 1);
	assert_int_equal(bench->nexus->log[bench->nexus->n_log - 1][0], CDB_SYNCHRONIZE_CACHE_10);
}

static void test_trim_and_zero(void **state)
{
	struct bench *bench = *state;
	struct trial trial;

	memset(bench->nexus->data, 0xaa, BLOCKS * 512);
	assert_int_equal(trial_run(bench, REQUEST_TRIM, 512, 2500 * 512, true), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_UNMAP), 3);
	assert_int_equal(fake_count(bench->nexus, CDB_SYNCHRONIZE_CACHE_10), 1);
	assert_int_equal(bench->nexus->data[511], 0xaa);
	assert_int_equal(bench->nexus->data[512], 0);
	assert_int_equal(bench->nexus->data[2501 * 512 - 1], 0);
	assert_int_equal(bench->nexus->data[2501 * 512], 0xaa);

	fake_forget(bench->nexus);
	assert_int_equal(trial_run(bench, REQUEST_ZERO, 4000 * 512, 1100 * 512, false), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_WRITE_SAME_16), 3);
	assert_int_equal(bench->nexus->log[0][1] & 8, 0); /* the unit does not promise zeros */
	assert_int_equal(bench->nexus->data[4000 * 512 - 1], 0xaa);
	assert_int_equal(bench->nexus->data[4000 * 512], 0);
	assert_int_equal(bench->nexus->data[5100 * 512], 0xaa);

	fake_forget(bench->nexus);
	bench->unit.limits.same_unmaps = true;
	assert_int_equal(trial_run(bench, REQUEST_ZERO, 0, 512, false), 0);
	assert_int_equal(bench->nexus->log[0][1] & 8, 8);
	trial_begin(&trial, bench, REQUEST_ZERO, 0, 512);
	trial.request->no_hole = true;
	fake_call(bench->nexus, trial_start, &trial);
	assert_int_equal(trial_end(&trial), 0);
	assert_int_equal(bench->nexus->log[1][1] & 8, 0);
}

static void test_lost_is_repeated(void **state)
{
	static const struct { enum request_kind kind; uint8_t opcode; } rows[] = {
		{ REQUEST_READ, CDB_READ_10 }, { REQUEST_WRITE, CDB_WRITE_10 },
		{ REQUEST_FLUSH, CDB_SYNCHRONIZE_CACHE_10 }, { REQUEST_TRIM, CDB_UNMAP },
		{ REQUEST_ZERO, CDB_WRITE_SAME_16 },
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fake_forget(bench->nexus);
		fake_plan(bench->nexus, (struct fake_plan) {
			.opcode = rows[i].opcode, .kind = FAKE_LOST_UNRUN, .times = 3 });
		assert_int_equal(trial_run(bench, rows[i].kind, 0,
					   rows[i].kind == REQUEST_FLUSH ? 0 : 512, false), 0);
		assert_int_equal(fake_count(bench->nexus, rows[i].opcode), 4);
	}
	assert_int_equal(bench->unit.counters.repeated, 15);
}

static void test_lost_for_ever(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_WRITE_10, .kind = FAKE_LOST, .times = 1000000 });
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 512, false), -EIO);
	assert_in_range(fake_count(bench->nexus, CDB_WRITE_10), 2, 100);
	assert_int_equal(bench->unit.counters.errors, 1);
}

/* After a lost run, an attention and a busy device the request still ends well, once. */
static void test_troubles_in_turn(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_LOST, .times = 1 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_SENSE, .times = 2, .key = 6, .asc = 0x29 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_STATUS, .times = 2, .status = 0x08 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_STATUS, .times = 1, .status = 0x28 });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_LOST, .times = 1 });
	assert_int_equal(trial_run(bench, REQUEST_READ, 0, 512, false), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_READ_10), 8);
	assert_int_equal(bench->unit.counters.repeated, 2);
	DUTY("UNH-FFP-16.4.5");
}

/* Ended for its time limit: twice more, then the client hears of it. Resets do not count for that. */
static void test_aborted_is_repeated_twice(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_WRITE_10, .kind = FAKE_ABORTED, .times = 2 });
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 512, false), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_WRITE_10), 3);
	fake_forget(bench->nexus);
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_WRITE_10, .kind = FAKE_ABORTED, .times = 1000000 });
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 512, false), -ETIMEDOUT);
	assert_int_equal(fake_count(bench->nexus, CDB_WRITE_10), 3);
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_RESET, .times = 10 });
	assert_int_equal(trial_run(bench, REQUEST_READ, 0, 512, false), 0);
	assert_int_equal(fake_count(bench->nexus, CDB_READ_10), 11);
}

/* What the unit says of itself goes to its keeper; the request goes on (IN-16: 47/7F). */
static void test_attentions_are_hints(void **state)
{
	static const struct { uint8_t asc, ascq; unsigned hints; } rows[] = {
		{ 0x29, 0x00, 0 }, { 0x29, 0x07, 0 }, { 0x47, 0x7f, 0 },
		{ 0x28, 0x00, SENSE_HINT_UNIT }, { 0x2a, 0x09, SENSE_HINT_UNIT },
		{ 0x3f, 0x03, SENSE_HINT_UNIT }, { 0x3f, 0x0e, SENSE_HINT_LUNS },
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fake_forget(bench->nexus);
		bench->hints = 0;
		fake_plan(bench->nexus, (struct fake_plan) {
			.opcode = CDB_READ_10, .kind = FAKE_SENSE, .times = 1,
			.key = 6, .asc = rows[i].asc, .ascq = rows[i].ascq });
		assert_int_equal(trial_run(bench, REQUEST_READ, 0, 512, false), 0);
		assert_int_equal(bench->hints, rows[i].hints);
	}
	DUTY("IN-16");
	/* One that never stops is an error in the end. */
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_SENSE, .times = 1000000,
		.key = 6, .asc = 0x3f, .ascq = 0x0e });
	assert_int_equal(trial_run(bench, REQUEST_READ, 0, 512, false), -EIO);
}

/* A unit that has shrunk without a word is found out by its answer. */
static void test_beyond_the_end(void **state)
{
	struct bench *bench = *state;

	fake_resize(bench->nexus, BLOCKS / 2);
	assert_int_equal(trial_run(bench, REQUEST_WRITE, (BLOCKS - 1) * 512, 512, false), -ENOSPC);
	assert_int_equal(bench->hints, SENSE_HINT_UNIT);
	assert_int_equal(trial_run(bench, REQUEST_READ, (BLOCKS - 1) * 512, 512, false), -EINVAL);
}

/* An ability that went away under a request: 0 blocks would mean the whole medium. */
static void test_ability_lost(void **state)
{
	struct bench *bench = *state;

	memset(bench->nexus->data, 0xaa, BLOCKS * 512);
	bench->unit.limits.unmap = bench->unit.limits.write_same = 0;
	assert_int_equal(trial_run(bench, REQUEST_ZERO, 0, 512, false), -EOPNOTSUPP);
	assert_int_equal(trial_run(bench, REQUEST_TRIM, 0, 512, false), -EOPNOTSUPP);
	assert_int_equal(bench->nexus->n_log, 0);
	assert_int_equal(bench->nexus->data[512], 0xaa);
}

static void test_errors(void **state)
{
	static const struct {
		enum fake_kind kind;
		uint8_t status, key, asc, ascq;
		int error;
	} rows[] = {
		{ FAKE_FAILED, 0, 0, 0, 0, -EIO },
		{ FAKE_SHORT, 0, 0, 0, 0, -EIO },
		{ FAKE_STATUS, 0x18, 0, 0, 0, -EPERM },
		{ FAKE_STATUS, 0x02, 0, 0, 0, -EIO }, /* CHECK CONDITION without sense */
		{ FAKE_STATUS, 0x77, 0, 0, 0, -EIO },
		{ FAKE_SENSE, 0, 2, 0x3a, 0, -ENOMEDIUM },
		{ FAKE_SENSE, 0, 3, 0x11, 0, -EIO },
		{ FAKE_SENSE, 0, 4, 0x44, 0, -EIO },
		{ FAKE_SENSE, 0, 5, 0x21, 0, -EINVAL },
		{ FAKE_SENSE, 0, 7, 0x27, 0, -EPERM },
		{ FAKE_SENSE, 0, 7, 0x27, 7, -ENOSPC },
		{ FAKE_SENSE, 0, 0xb, 0x47, 5, -EIO },
		{ FAKE_SENSE, 0, 0xb, 0x0c, 0x0c, -EIO },
		{ FAKE_SENSE, 0, 0xb, 0x0c, 0x0d, -EIO },
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fake_forget(bench->nexus);
		fake_plan(bench->nexus, (struct fake_plan) {
			.opcode = CDB_READ_10, .kind = rows[i].kind, .times = 1000000,
			.status = rows[i].status, .key = rows[i].key,
			.asc = rows[i].asc, .ascq = rows[i].ascq });
		assert_int_equal(trial_run(bench, REQUEST_READ, 0, 512, false), rows[i].error);
	}
	DUTY("IN-15 UNH-FFP-16.4.1 UNH-FFP-16.4.3 UNH-FFP-16.4.4 UNH-FFP-16.4.6");
}

/* IN-14, the other way round: the target says GOOD without having taken all data. */
static void test_write_not_taken(void **state)
{
	struct bench *bench = *state;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_WRITE_10, .kind = FAKE_EARLY, .times = 1 });
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 1024, false), -EIO);
	assert_int_equal(trial_run(bench, REQUEST_WRITE, 0, 1024, false), 0);
}

static void bench_close(void *ctx)
{
	struct bench *bench = ctx;

	bench->unit.closing = true;
	command_stop_waiting(&bench->unit);
}

static void test_closing_ends_waiting(void **state)
{
	struct bench *bench = *state;
	struct trial trial;

	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_STATUS, .times = 1000000, .status = 0x08 });
	trial_begin(&trial, bench, REQUEST_READ, 0, 512);
	fake_call(bench->nexus, trial_start, &trial);
	fake_call(bench->nexus, bench_close, bench);
	assert_int_equal(trial_end(&trial), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
		TEST(test_split), TEST(test_flush), TEST(test_flush_never_joined),
		TEST(test_flush_unsupported), TEST(test_fua), TEST(test_trim_and_zero),
		TEST(test_lost_is_repeated), TEST(test_lost_for_ever), TEST(test_troubles_in_turn),
		TEST(test_aborted_is_repeated_twice), TEST(test_attentions_are_hints),
		TEST(test_beyond_the_end), TEST(test_ability_lost), TEST(test_errors),
		TEST(test_write_not_taken),
		TEST(test_closing_ends_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
