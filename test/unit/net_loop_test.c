/*
 * net_loop_test.c - deadlines, watches, chores and the end of a loop; and the heap of deadlines.
 */
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"

enum { TIMERS = 300 };

/* Runs a function on the loop's thread and waits until it said that it is done. */
struct errand {
	struct msg msg;
	void (*go)(struct errand *errand);
	struct loop *loop;
	sem_t done;
};

static void errand_run(struct msg *msg)
{
	struct errand *e = (struct errand *)msg;

	e->go(e);
}

static void errand_do(struct errand *e, struct loop *loop, void (*go)(struct errand *))
{
	e->msg.run = errand_run;
	e->go = go;
	e->loop = loop;
	sem_init(&e->done, 0, 0);
	mailbox_post(loop_box(loop), &e->msg);
	sem_wait(&e->done);
	sem_destroy(&e->done);
}

/* ---- the heap alone */

static void test_heap(void **state)
{
	static struct timer timers[TIMERS];
	static bool in[TIMERS];
	struct timer *root = NULL;
	uint64_t last = 0;
	unsigned left = 0;

	(void)state;
	srand(7);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % TIMERS;
		uint64_t least = UINT64_MAX;

		if (in[i]) {
			root = timers_remove(root, &timers[i]);
		} else {
			timers[i].deadline = (unsigned)rand() % 1000;
			root = timers_insert(root, &timers[i]);
		}
		in[i] = !in[i];
		if (step % 50)
			continue;
		for (unsigned k = 0; k < TIMERS; k++)
			if (in[k] && timers[k].deadline < least)
				least = timers[k].deadline;
		assert_int_equal(root ? root->deadline : UINT64_MAX, least);
	}
	for (unsigned k = 0; k < TIMERS; k++)
		left += in[k];
	for (; root; left--) {
		assert_true(root->deadline >= last);
		last = root->deadline;
		root = timers_remove(root, root);
	}
	assert_int_equal(left, 0);
}

/* ---- on a loop */

struct clocks {
	struct errand errand;
	struct timer timer[3];
	unsigned order[3], fired;
	uint64_t start;
	bool early;
};

static void clocks_expired(struct timer *timer, uint64_t now)
{
	struct clocks *c = NULL;

	c = list_entry(timer - timer->deadline % 3, struct clocks, timer);
	c->early |= now < timer->deadline;
	c->order[c->fired++] = (unsigned)(timer->deadline % 3);
	if (c->fired == 2)
		sem_post(&c->errand.done);
}

static void clocks_go(struct errand *e)
{
	struct clocks *c = list_entry(e, struct clocks, errand);
	/* The remainder by 3 tells which timer it is. */
	uint64_t base = loop_now(e->loop) / 3 * 3;

	for (unsigned i = 0; i < 3; i++)
		c->timer[i].expired = clocks_expired;
	timer_set(e->loop, &c->timer[0], base + 3 * 10000000);
	timer_set(e->loop, &c->timer[1], base + 3 * 2000000 + 1);
	timer_set(e->loop, &c->timer[2], base + 3 * 1000000 + 2);
	timer_set(e->loop, &c->timer[0], base + 3 * 500000); /* moved to the front */
	timer_set(e->loop, &c->timer[2], LOOP_NEVER);        /* cleared */
}

static void test_timers(void **state)
{
	struct clocks c = { .fired = 0 };
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new("t-loop", &loop), 0);
	errand_do(&c.errand, loop, clocks_go);
	loop_free(loop);
	assert_int_equal(c.fired, 2);
	assert_int_equal(c.order[0], 0);
	assert_int_equal(c.order[1], 1);
	assert_false(c.early);
}

/* Two descriptors are ready in one round; whichever comes first removes both. */
struct pair {
	struct errand errand;
	struct watch watch[2];
	int fds[2][2];
	unsigned calls;
	struct chore chore;
};

static struct pair *the_pair;

static void pair_chore(struct chore *chore)
{
	(void)chore;
	sem_post(&the_pair->errand.done);
}

static void pair_ready(struct watch *watch, unsigned events)
{
	struct loop *loop = watch->loop;

	assert_true(events & EPOLLIN);
	the_pair->calls++;
	watch_remove(&the_pair->watch[0]);
	watch_remove(&the_pair->watch[1]);
	watch_remove(&the_pair->watch[1]);
	chore_schedule(loop, &the_pair->chore);
	chore_schedule(loop, &the_pair->chore);
}

static void pair_go(struct errand *e)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(write(the_pair->fds[i][1], "x", 1), 1);
		assert_int_equal(watch_add(e->loop, &the_pair->watch[i], the_pair->fds[i][0],
					   EPOLLIN, pair_ready), 0);
	}
}

static void test_watch_remove(void **state)
{
	struct pair p = { .calls = 0, .chore.run = pair_chore };
	struct loop *loop;

	(void)state;
	the_pair = &p;
	assert_int_equal(pipe(p.fds[0]), 0);
	assert_int_equal(pipe(p.fds[1]), 0);
	assert_int_equal(loop_new("t-loop", &loop), 0);
	errand_do(&p.errand, loop, pair_go);
	loop_free(loop);
	assert_int_equal(p.calls, 1);
	for (unsigned i = 0; i < 4; i++)
		close(p.fds[i / 2][i % 2]);
}

struct place {
	struct errand errand;
	struct loop *current;
	bool blocked;
};

static void place_go(struct errand *e)
{
	struct place *p = list_entry(e, struct place, errand);
	sigset_t set;

	p->current = loop_current();
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	p->blocked = sigismember(&set, SIGTERM) == 1;
	memset(loop_staging(e->loop), 0xAA, LOOP_STAGING);
	sem_post(&e->done);
}

static void test_thread(void **state)
{
	struct place p;
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new("a name longer than the kernel takes", &loop), 0);
	errand_do(&p.errand, loop, place_go);
	assert_ptr_equal(p.current, loop);
	assert_true(p.blocked);
	assert_null(loop_current());
	loop_stop(loop);
	loop_free(loop);
	loop_free(NULL);
}

struct late {
	struct msg msg;
	struct chore chore;
	unsigned ran;
};

static void late_chore(struct chore *chore)
{
	list_entry(chore, struct late, chore)->ran++;
}

static void late_run(struct msg *msg)
{
	struct late *l = (struct late *)msg;

	l->chore.run = late_chore;
	chore_schedule(loop_current(), &l->chore);
}

/* What was posted before the end is still done, and what it scheduled too. */
static void test_stop_runs_posted(void **state)
{
	struct late l = { .msg.run = late_run };
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new("t-loop", &loop), 0);
	mailbox_post(loop_box(loop), &l.msg);
	loop_free(loop);
	assert_int_equal(l.ran, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_watch_remove),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_stop_runs_posted),
	};

	return cmocka_run_group_tests_name("net_loop", tests, NULL, NULL);
}
