/*
 * drive_turn_test.c - a target whose window is narrow: who gets the numbers, and where the others wait.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drive/nexus.h"
#include "drive_fake_stage.h"
#include "drive_fake_target.h"
#include "../duty.h"

enum { PROBES = 12, RUNNERS = 2, PATIENCE = 200 };

/* A command that is given again on the home loop whenever it comes back. */
struct runner {
	struct io io;
	struct nexus *nexus;
	_Atomic unsigned rounds;
	_Atomic bool over, idle;
};

struct bench {
	struct stage s;
	struct target t;
	struct probe probe[PROBES];
	struct runner runner[RUNNERS];
	unsigned calls;
};

static void begin(struct bench *b, unsigned window)
{
	memset(b, 0, sizeof(*b));
	target_start(&b->t, 0);
	b->t.window = window;
	stage_open(&b->s, 2, "iqn.2026-11.test:target");
	nexus_set_habits(b->s.nexus, &(struct session_habits){ .rest = 0 });
	for (unsigned i = 1; i <= 2; i++) {
		struct conn_options options = options_for(i, "127.0.0.1", b->t.port);

		nexus_add_conn(b->s.nexus, &options, token(++b->calls));
		until(&b->s, &b->s.answers, i);
		assert_int_equal(b->s.answer[i].kind, FAULT_NONE);
	}
}

static void end(struct bench *b)
{
	nexus_logout(b->s.nexus, token(++b->calls));
	stage_close(&b->s);
	target_stop(&b->t);
}

static void rest(struct bench *b)
{
	poll(NULL, 0, 2);
	mailbox_run(&b->s.box);
}

static unsigned done(const struct bench *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PROBES; i++)
		n += b->probe[i].done;
	return n;
}

static void until_done(struct bench *b, unsigned n)
{
	int64_t limit = now_ms() + 10000;

	while (done(b) < n) {
		assert_true(now_ms() < limit);
		rest(b);
	}
}

static void until_held(struct bench *b, unsigned n)
{
	int64_t limit = now_ms() + 10000;

	while (b->t.held < n) {
		assert_true(now_ms() < limit);
		rest(b);
	}
}

/* A connection has found the window shut, and home knows. */
static void until_scarce(struct bench *b)
{
	int64_t limit = now_ms() + 10000;

	while (!b->s.nexus->scarce) {
		assert_true(now_ms() < limit);
		rest(b);
	}
}

static unsigned under_way(struct bench *b)
{
	struct nexus_conn conns[2];

	return nexus_conns(b->s.nexus, conns, 2) == 2 ? conns[0].tasks + conns[1].tasks : conns[0].tasks;
}

static void give(struct bench *b, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		probe_give(&b->s, &b->probe[i]);
}

/* Once the window was found shut, commands wait at home; all of them get their turn, and the policy still
 * spreads them. */
static void test_wait_at_home(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, 3);
	b.t.hold = true;
	give(&b, 0, 4);
	until_held(&b, 3);
	until_scarce(&b);
	give(&b, 4, PROBES);
	for (unsigned i = 0; i < 10; i++)
		rest(&b);
	assert_int_equal(under_way(&b), 4);
	b.t.hold = false;
	until_done(&b, PROBES);
	assert_int_equal(b.t.conn[0].commands + b.t.conn[1].commands, PROBES);
	assert_in_range(b.t.conn[0].commands, PROBES / 2 - 2, PROBES / 2 + 2);
	assert_int_equal(under_way(&b), 0);
	end(&b);
	DUTY("WIN-3");
}

/* They are lost with nothing: not with a connection, and not with the session. */
static void test_lost_meanwhile(void **state)
{
	static struct bench b;
	unsigned complete = 0;

	(void)state;
	begin(&b, 2);
	b.t.hold = true;
	give(&b, 0, 4);
	until_held(&b, 2);
	until_scarce(&b);
	give(&b, 4, PROBES);
	b.t.cut = 1;
	until(&b.s, &b.s.rejoined, 2); /* level 0: all connections */
	b.t.hold = false;
	until_done(&b, PROBES);
	for (unsigned i = 0; i < PROBES; i++) {
		complete += b.probe[i].io.task.outcome == TASK_COMPLETE;
		assert_int_equal(b.probe[i].done, 1);
	}
	assert_in_range(complete, PROBES - 2, PROBES); /* those that were sent are dead */
	end(&b);
}

/* The session ends, and they with it. */
static void test_end(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, 1);
	b.t.hold = true;
	give(&b, 0, 3);
	until_held(&b, 1);
	until_scarce(&b);
	give(&b, 3, PROBES);
	b.t.hold = false;
	b.t.mute = 0;
	end(&b);
	assert_int_equal(done(&b), PROBES);
}

static void runner_done(struct io *io)
{
	struct runner *runner = list_entry(io, struct runner, io);

	runner->rounds++;
	if (runner->over)
		runner->idle = true;
	else
		nexus_submit(runner->nexus, io);
}

static void runner_start(struct bench *b, struct runner *runner)
{
	runner->nexus = b->s.nexus;
	runner->io.task.attribute = 1;
	runner->io.reply_to = loop_box(b->s.nexus->home);
	runner->io.done = runner_done;
	nexus_submit(b->s.nexus, &runner->io);
}

/* A connection that takes a number with each answer leaves one for the other. */
static void test_nobody_starves(void **state)
{
	static struct bench b;
	struct path_rule rules[2] = { { .id = 1, .primary = true }, { .id = 2 } };
	int64_t limit = now_ms() + 10000;

	(void)state;
	begin(&b, 1);
	b.t.hold = true;
	runner_start(&b, &b.runner[0]); /* on the first connection, round robin */
	until_held(&b, 1);
	give(&b, 0, 1); /* on the second one, and there is no number for it */
	until_scarce(&b);
	assert_int_equal(nexus_set_policy(b.s.nexus, PATH_FAIL_OVER_ONLY, rules, 2), 0);
	for (unsigned i = 1; i < RUNNERS; i++)
		runner_start(&b, &b.runner[i]);
	b.t.hold = false;
	while (!b.probe[0].done && b.runner[0].rounds < PATIENCE) {
		assert_true(now_ms() < limit);
		mailbox_run(&b.s.box);
	}
	assert_int_equal(b.probe[0].done, 1);
	assert_int_equal(b.t.conn[1].commands, 1);
	for (unsigned i = 0; i < RUNNERS; i++)
		b.runner[i].over = true;
	for (unsigned i = 0; i < RUNNERS; i++)
		while (!b.runner[i].idle)
			rest(&b);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_at_home),
		cmocka_unit_test(test_lost_meanwhile),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_nobody_starves),
	};

	return cmocka_run_group_tests_name("drive_turn", tests, NULL, NULL);
}
