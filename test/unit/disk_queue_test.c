/*
 * disk_queue_test.c - the limit of a unit's commands under way: what cuts it, what raises it, and
 * commands that wait for their turn, against a SCSI disk in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/command.h"
#include "disk_fake.h"
#include "scsi/cdb.h"
#include "scsi/sense.h"

/* ---------------------------------------------------------------- counting alone */

static void queue_fill(struct queue *queue, unsigned n)
{
	struct list link;

	for (unsigned i = 0; i < n; i++)
		assert_true(queue_enter(queue, &link, false));
}

static void test_full_leaves_what_was_taken(void **state)
{
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_fill(&queue, 100);
	for (unsigned i = 0; i < 40; i++) {
		queue_leave(&queue);
		queue_full(&queue);
	}
	assert_int_equal(queue.limit, 60);
	/* One more that another initiator made fail changes little. */
	queue_leave(&queue);
	queue_full(&queue);
	assert_int_equal(queue.limit, 59);
}

static void test_full_alone_leaves_one(void **state)
{
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_fill(&queue, 1);
	queue_leave(&queue);
	queue_full(&queue);
	assert_int_equal(queue.limit, 1);
}

static void test_busy_halves_once(void **state)
{
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_fill(&queue, 64);
	for (unsigned i = 0; i < 30; i++) {
		queue_leave(&queue);
		queue_busy(&queue, 0);
	}
	assert_int_equal(queue.limit, 32);
	queue_leave(&queue);
	queue_busy(&queue, 1);
	assert_int_equal(queue.limit, 17);
}

static void test_busy_alone_changes_nothing(void **state)
{
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_fill(&queue, 1);
	queue_leave(&queue);
	queue_busy(&queue, 0);
	assert_int_equal(queue.limit, QUEUE_LIMIT_MAX);
}

static void test_good_answers_raise(void **state)
{
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_good(&queue);
	assert_int_equal(queue.limit, QUEUE_LIMIT_MAX);
	queue_full(&queue);
	for (unsigned i = 0; i < QUEUE_GOOD_RUN - 1; i++)
		queue_good(&queue);
	assert_int_equal(queue.limit, 1);
	queue_good(&queue);
	assert_int_equal(queue.limit, 2);
	for (unsigned i = 0; i < QUEUE_GOOD_RUN * 3; i++)
		queue_good(&queue);
	assert_int_equal(queue.limit, 5);
}

static void test_line_is_in_order(void **state)
{
	struct list link[4] = { 0 };
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_full(&queue);
	assert_true(queue_enter(&queue, &link[0], false));
	assert_false(queue_enter(&queue, &link[1], false));
	assert_false(queue_enter(&queue, &link[2], false));
	assert_false(queue_enter(&queue, &link[3], true));
	assert_int_equal(queue.length, 3);
	assert_null(queue_next(&queue));
	queue_leave(&queue);
	assert_ptr_equal(queue_next(&queue), &link[3]);
	assert_null(queue_next(&queue));
	queue_leave(&queue);
	assert_ptr_equal(queue_next(&queue), &link[1]);
	queue_leave(&queue);
	assert_ptr_equal(queue_next(&queue), &link[2]);
	assert_int_equal(queue.length, 0);
}

static void test_long_line_is_told_once(void **state)
{
	struct list *link = calloc(QUEUE_LINE_MAX, sizeof *link);
	struct queue queue;

	(void)state;
	queue_init(&queue);
	queue_full(&queue);
	queue_fill(&queue, 1);
	for (unsigned i = 0; i < QUEUE_LINE_MAX; i++) {
		assert_false(queue_is_long(&queue));
		assert_false(queue_enter(&queue, &link[i], false));
	}
	assert_true(queue_is_long(&queue));
	for (unsigned i = 0; i < QUEUE_LINE_MAX / 2; i++) {
		assert_false(queue_drained(&queue));
		queue_leave(&queue);
		assert_non_null(queue_next(&queue));
	}
	assert_true(queue_drained(&queue));
	assert_false(queue_drained(&queue));
	free(link);
}

/* ---------------------------------------------------------------- commands */

enum { N = 10, TAKEN = 4 };

struct bench {
	struct nexus *nexus;
	struct unit unit;
	struct command command[N];
	/* the loop's */
	unsigned done;
	int error;
	/* what of it was seen last */
	struct {
		unsigned done, active, length, limit;
		int error;
	} seen;
	uint8_t data[N][512];
};

static int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	bench->nexus = fake_new(64, 512);
	bench->unit.nexus = bench->nexus;
	bench->unit.loop = bench->nexus->loop;
	list_init(&bench->unit.waiting);
	queue_init(&bench->unit.queue);
	*state = bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(bench->unit.counters.in_flight, 0);
	assert_int_equal(bench->unit.queue.active, 0);
	assert_int_equal(bench->unit.queue.length, 0);
	fake_free(bench->nexus);
	free(bench);
	return 0;
}

static void command_done(struct command *command, int error)
{
	struct bench *bench = list_entry(command->unit, struct bench, unit);

	bench->done++;
	if (error)
		bench->error = error;
}

static void bench_start(void *ctx)
{
	struct bench *bench = ctx;

	bench->done = 0;
	for (unsigned i = 0; i < N; i++) {
		struct command *command = &bench->command[i];

		command_prepare(command, &bench->unit, command_done);
		cdb_read(command->io.task.cdb, i, 1, false);
		command->io.task.in = bench->data[i];
		command->io.task.in_len = 512;
		command->exact = true;
		command_run(command);
	}
}

static void bench_stop(void *ctx)
{
	struct bench *bench = ctx;

	bench->unit.closing = true;
	command_stop_waiting(&bench->unit);
}

static void bench_see(void *ctx)
{
	struct bench *bench = ctx;

	bench->seen.done = bench->done;
	bench->seen.active = bench->unit.queue.active;
	bench->seen.length = bench->unit.queue.length;
	bench->seen.limit = bench->unit.queue.limit;
	bench->seen.error = bench->error;
}

static void bench_wait(struct bench *bench, unsigned n)
{
	for (unsigned i = 0; i < 5000 && bench->seen.done < n; i++) {
		usleep(1000);
		fake_call(bench->nexus, bench_see, bench);
	}
	assert_int_equal(bench->seen.done, n);
}

/* The unit takes TAKEN commands and refuses the rest. */
static void bench_refuse(struct bench *bench, uint8_t status)
{
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_HOLD, .times = TAKEN });
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_STATUS, .times = N - TAKEN,
		.status = status });
	fake_call(bench->nexus, bench_start, bench);
	/* Longer than the first pauses: the refused ones stand in line by now. */
	usleep(50000);
	fake_call(bench->nexus, bench_see, bench);
}

static void test_full_unit_gets_no_more(void **state)
{
	struct bench *bench = *state;

	bench_refuse(bench, SENSE_TASK_SET_FULL);
	assert_int_equal(fake_count(bench->nexus, CDB_READ_10), N);
	assert_int_equal(bench->seen.limit, TAKEN);
	assert_int_equal(bench->seen.active, TAKEN);
	assert_int_equal(bench->seen.length, N - TAKEN);
	assert_int_equal(bench->seen.done, 0);
	fake_release(bench->nexus);
	bench_wait(bench, N);
	assert_int_equal(bench->seen.error, 0);
	assert_int_equal(bench->seen.limit, TAKEN);
	/* Never more than the limit at a time: those beyond begin as others end. */
	fake_forget(bench->nexus);
	fake_plan(bench->nexus, (struct fake_plan) {
		.opcode = CDB_READ_10, .kind = FAKE_HOLD, .times = N });
	fake_call(bench->nexus, bench_start, bench);
	usleep(20000);
	assert_int_equal(fake_count(bench->nexus, CDB_READ_10), TAKEN);
	bench->seen.done = 0;
	while (bench->seen.done < N) {
		fake_release(bench->nexus);
		usleep(1000);
		fake_call(bench->nexus, bench_see, bench);
		assert_true(bench->seen.active <= bench->seen.limit);
	}
	assert_int_equal(fake_count(bench->nexus, CDB_READ_10), N);
}

static void test_busy_unit_gets_half(void **state)
{
	struct bench *bench = *state;

	bench_refuse(bench, SENSE_BUSY);
	assert_int_equal(bench->seen.limit, N / 2);
	fake_release(bench->nexus);
	bench_wait(bench, N);
	assert_int_equal(bench->seen.error, 0);
}

static void test_stop_ends_the_line(void **state)
{
	struct bench *bench = *state;

	bench_refuse(bench, SENSE_TASK_SET_FULL);
	fake_call(bench->nexus, bench_stop, bench);
	fake_call(bench->nexus, bench_see, bench);
	assert_int_equal(bench->seen.done, N - TAKEN);
	assert_int_equal(bench->seen.error, -EAGAIN);
	fake_release(bench->nexus);
	bench_wait(bench, N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
		cmocka_unit_test(test_full_leaves_what_was_taken),
		cmocka_unit_test(test_full_alone_leaves_one),
		cmocka_unit_test(test_busy_halves_once),
		cmocka_unit_test(test_busy_alone_changes_nothing),
		cmocka_unit_test(test_good_answers_raise),
		cmocka_unit_test(test_line_is_in_order),
		cmocka_unit_test(test_long_line_is_told_once),
		TEST(test_full_unit_gets_no_more), TEST(test_busy_unit_gets_half),
		TEST(test_stop_ends_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
