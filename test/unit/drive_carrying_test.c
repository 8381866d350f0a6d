/*
 * drive_carrying_test.c - a nexus with a target that misbehaves when told: what becomes of commands
 * whose connection is lost, policies, silence, and task management.
 */
#include <linux/filter.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "drive_fake_stage.h"
#include "drive_fake_target.h"
#include "../duty.h"
#include "proto/pdu.h"

enum { PROBES = 8 };

struct bench {
	struct stage s;
	struct target t;
	struct probe probe[PROBES];
	unsigned calls;
};

static void begin(struct bench *b, unsigned level, unsigned conns)
{
	memset(b, 0, sizeof(*b));
	target_start(&b->t, level);
	recovery_level = level;
	stage_open(&b->s, 2, "iqn.2026-11.test:target");
	recovery_level = 0;
	nexus_set_habits(b->s.nexus, &(struct session_habits){ .rest = 0 });
	for (unsigned i = 1; i <= conns; i++) {
		struct conn_options options = options_for(i, "127.0.0.1", b->t.port);

		nexus_add_conn(b->s.nexus, &options, token(++b->calls));
		until(&b->s, &b->s.answers, i);
		if (b->s.answer[i].kind != FAULT_NONE)
			fail_msg("connection %u: %s", i, b->s.answer[i].text);
	}
}

static void end(struct bench *b)
{
	nexus_logout(b->s.nexus, token(++b->calls));
	stage_close(&b->s);
	target_stop(&b->t);
	for (unsigned i = 0; i < PROBES; i++)
		assert_true(b->probe[i].done <= 1);
}

static void give_all(struct bench *b)
{
	for (unsigned i = 0; i < PROBES; i++)
		probe_give(&b->s, &b->probe[i]);
}

/* Runs the control thread until the atomic number is reached. */
static void until_atomic(struct bench *b, const _Atomic unsigned *what, unsigned n)
{
	int64_t limit = now_ms() + 10000;

	while (atomic_load(what) < n) {
		assert_true(now_ms() < limit);
		poll(NULL, 0, 2);
		mailbox_run(&b->s.box);
	}
}

static unsigned count(const struct bench *b, enum task_outcome outcome)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PROBES; i++)
		n += b->probe[i].done && b->probe[i].io.task.outcome == outcome;
	return n;
}

static void until_done(struct bench *b, unsigned n)
{
	int64_t limit = now_ms() + 10000;
	unsigned done;

	do {
		assert_true(now_ms() < limit);
		poll(NULL, 0, 2);
		mailbox_run(&b->s.box);
		done = 0;
		for (unsigned i = 0; i < PROBES; i++)
			done += b->probe[i].done;
	} while (done < n);
	assert_int_equal(done, n);
}

/* ---------------------------------------------------------------- a connection is lost */

/* Half of the commands are on the one that is cut. Level 0: the session is reinstated, and all are dead.
 * Level 1: only those. Level 2: none, for they go on where the other ones are. */
static void test_cut(void **state)
{
	static struct bench b;
	static const unsigned lost[] = { PROBES, PROBES / 2, 0 };

	(void)state;
	for (unsigned level = 0; level <= 2; level++) {
		begin(&b, level, 2);
		b.t.hold = true;
		give_all(&b);
		until_atomic(&b, &b.t.held, PROBES);
		b.t.cut = 1;
		until(&b.s, &b.s.lost, level ? 1 : 2);
		until(&b.s, &b.s.rejoined, level ? 1 : 2);
		assert_int_equal(b.s.downs, level ? 0 : 1);
		assert_int_equal(b.t.cleaned, level ? 1 : 0);
		until_done(&b, level == 0 ? PROBES : PROBES / 2);
		assert_int_equal(count(&b, TASK_LOST), lost[level]);
		assert_int_equal(b.t.reassigned, level == 2 ? PROBES / 2 : 0);
		b.t.hold = false;
		until_done(&b, PROBES);
		assert_int_equal(count(&b, TASK_COMPLETE), PROBES - lost[level]);
		/* The dead ones may be given again at once. */
		for (unsigned i = 0; i < PROBES; i++)
			if (b.probe[i].io.task.outcome == TASK_LOST) {
				b.probe[i].done = 0;
				nexus_submit(b.s.nexus, &b.probe[i].io);
			}
		until_done(&b, PROBES);
		assert_int_equal(count(&b, TASK_COMPLETE), PROBES);
		end(&b);
	}
	DUTY("MCS-7 RV-1.1 RV-3.1");
}

/* Commands are adrift when the session is ended: they come back. */
static void test_end_while_adrift(void **state)
{
	static struct bench b;

	(void)state;
	for (unsigned level = 0; level <= 2; level += 2) {
		begin(&b, level, 1);
		b.t.hold = true;
		give_all(&b);
		until_atomic(&b, &b.t.held, PROBES);
		b.t.mute = 1; /* the login that follows */
		b.t.cut = 0;
		until(&b.s, &b.s.downs, 1);
		assert_int_equal(count(&b, TASK_LOST), 0);
		end(&b);
		assert_int_equal(count(&b, TASK_LOST), PROBES);
	}
}

/* ---------------------------------------------------------------- policy */

static void test_policy(void **state)
{
	static struct bench b;
	struct path_rule rules[ENGINE_MAX_CONNS + 1] = {
		{ .id = 2, .weight = 7, .primary = true }, { .id = 1, .weight = 9 } };
	struct nexus_conn conns[2];

	(void)state;
	begin(&b, 0, 2);
	assert_int_equal(nexus_policy(b.s.nexus), PATH_ROUND_ROBIN);
	give_all(&b);
	until_done(&b, PROBES);
	assert_int_equal(b.t.conn[0].commands, PROBES / 2);
	assert_int_equal(nexus_set_policy(b.s.nexus, PATH_WEIGHTED, rules, ENGINE_MAX_CONNS + 1), -22);
	assert_int_equal(nexus_set_policy(b.s.nexus, PATH_FAIL_OVER_ONLY, rules, 2), 0);
	assert_int_equal(nexus_policy(b.s.nexus), PATH_FAIL_OVER_ONLY);
	give_all(&b);
	until_done(&b, PROBES);
	assert_int_equal(b.t.conn[0].commands, PROBES / 2);
	assert_int_equal(b.t.conn[1].commands, PROBES / 2 + PROBES);
	assert_int_equal(nexus_conns(b.s.nexus, conns, 2), 2);
	assert_true(conns[1].primary && !conns[0].primary);
	assert_int_equal(conns[0].weight, 9);
	assert_int_equal(conns[1].weight, 7);
	assert_int_equal(conns[0].tasks, 0);
	assert_true(conns[0].round_trip_ns > 0);
	/* The other one takes over. */
	b.t.hold = true;
	give_all(&b);
	until_atomic(&b, &b.t.held, PROBES);
	nexus_conns(b.s.nexus, conns, 2);
	assert_int_equal(conns[1].tasks, PROBES);
	b.t.hold = false;
	until_done(&b, PROBES);
	nexus_remove_conn(b.s.nexus, 2, token(++b.calls));
	until(&b.s, &b.s.answers, b.calls);
	give_all(&b);
	until_done(&b, PROBES);
	assert_int_equal(b.t.conn[0].commands, PROBES / 2 + PROBES);
	end(&b);
}

/* ---------------------------------------------------------------- silence */

/* The target's TCP lives, the target is silent: the connection is avoided, until it answers. */
static void test_doubted(void **state)
{
	static struct bench b;
	struct nexus_conn conns[2];
	unsigned before;

	(void)state;
	begin(&b, 0, 2);
	b.t.mute = 1;
	give_all(&b);
	until(&b.s, &b.s.doubts, 1);
	until_done(&b, PROBES / 2);
	nexus_conns(b.s.nexus, conns, 2);
	assert_true(conns[1].doubted && !conns[0].doubted);
	before = b.t.conn[0].commands;
	for (unsigned i = 0; i < PROBES; i++)
		if (b.probe[i].done)
			probe_give(&b.s, &b.probe[i]);
	until_done(&b, PROBES / 2);
	assert_int_equal(b.t.conn[0].commands, before + PROBES / 2);
	b.t.mute = -1;
	until(&b.s, &b.s.trusts, 1);
	until_done(&b, PROBES);
	assert_int_equal(count(&b, TASK_COMPLETE), PROBES);
	assert_int_equal(b.s.lost, 0);
	end(&b);
	DUTY("RV-1.6");
}

/* Its TCP is silent as well: it is closed long before the ping's time of 5 s is over. */
static void test_dead_path(void **state)
{
	struct sock_filter drop_all = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog program = { .len = 1, .filter = &drop_all };
	static struct bench b;
	int64_t start;

	(void)state;
	begin(&b, 1, 2);
	b.t.mute = 1;
	poll(NULL, 0, 20); /* the target has left its poll */
	assert_int_equal(setsockopt(b.t.conn[1].fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
				    sizeof(program)), 0);
	start = now_ms();
	give_all(&b);
	until(&b.s, &b.s.lost, 1);
	assert_in_range(now_ms() - start, 250, 3000);
	assert_int_equal(b.s.lost_why.kind, FAULT_TIMEOUT);
	assert_non_null(strstr(b.s.lost_why.text, "the path is dead"));
	until_done(&b, PROBES);
	assert_int_equal(count(&b, TASK_COMPLETE), PROBES); /* never got, so given to the other one */
	assert_int_equal(b.s.downs, 0);
	DUTY("TIM-4");
	end(&b);
	DUTY("RV-1.5");
}

/* ---------------------------------------------------------------- task management */

/* A reset of the logical unit, sent over one connection, ends the commands of both. */
static void test_reset(void **state)
{
	static struct bench b;
	struct fault fault;

	(void)state;
	begin(&b, 0, 2);
	b.t.hold = true;
	give_all(&b);
	until_atomic(&b, &b.t.held, PROBES);
	nexus_manage(b.s.nexus, 2, PDU_LOGICAL_UNIT_RESET, 0, token(++b.calls));
	until(&b.s, &b.s.manageds, 1);
	fault = b.s.answer[b.calls];
	assert_int_equal(fault.kind, FAULT_NONE);
	assert_int_equal(b.s.response, 0);
	until_done(&b, PROBES);
	assert_int_equal(count(&b, TASK_ABORTED), PROBES);
	DUTY("TM-8 TM-9 TM-10");
	nexus_manage(b.s.nexus, 99, PDU_LOGICAL_UNIT_RESET, 0, token(++b.calls));
	until(&b.s, &b.s.manageds, 2);
	assert_int_equal(b.s.answer[b.calls].kind, FAULT_UNKNOWN_CONN);
	b.t.hold = false;
	give_all(&b);
	until_done(&b, PROBES);
	assert_int_equal(count(&b, TASK_COMPLETE), PROBES);
	end(&b);
	DUTY("MC-4.3");
}

/* Nobody answers the function: that is told, though the connection has ended meanwhile. At level 1
 * another connection is asked, since the target may have done it. */
static void unanswered(unsigned level, unsigned conns, enum fault_kind kind)
{
	static struct bench b;

	begin(&b, level, conns);
	b.t.mute = 0;
	nexus_manage(b.s.nexus, 0, PDU_LOGICAL_UNIT_RESET, 0, token(++b.calls));
	until(&b.s, &b.s.manageds, 1);
	assert_int_equal(b.s.answer[b.calls].kind, kind);
	b.t.mute = -1;
	end(&b);
}

static void test_unanswered(void **state)
{
	(void)state;
	unanswered(0, 1, FAULT_TIMEOUT);
	unanswered(1, 2, FAULT_NONE);
}

/* More async messages than are kept, while the control thread is busy: it learns that some were lost, once,
 * and those that come later come. */
static void test_many_asyncs(void **state)
{
	static struct bench b;

	(void)state;
	begin(&b, 0, 1);
	b.t.asyncs = 300;
	for (unsigned i = 0; i < 2000 && b.t.asyncs; i++)
		poll(NULL, 0, 5);
	assert_int_equal(b.t.asyncs, 0);
	until(&b.s, &b.s.asyncs_lost, 1);
	assert_in_range(b.s.asyncs, 1, 299);
	assert_int_equal(b.s.asyncs_lost, 1);
	b.s.asyncs = 0;
	b.t.asyncs = 20;
	until(&b.s, &b.s.asyncs, 20);
	assert_int_equal(b.s.asyncs_lost, 1);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_end_while_adrift),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_doubted),
		cmocka_unit_test(test_dead_path),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_many_asyncs),
		cmocka_unit_test(test_unanswered),
	};

	return cmocka_run_group_tests_name("drive_carrying", tests, NULL, NULL);
}
