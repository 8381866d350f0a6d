/*
 * loop.c - one epoll, one thread. A round is: wait, hand out events (messages are one of them),
 * then deadlines, then chores.
 */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOP_EVENTS = 64,        /* taken from the kernel in one round */
	LOOP_TIMERS = 256,       /* most deadlines served in one round, so that sockets get their turn */
	LOOP_PASSES = 4,         /* most passes over the chores in one round, for the same reason */
	LOOP_WAIT_MAX_MS = 60000,
	LOOP_NS_PER_MS = 1000000,
};

struct loop {
	struct mailbox box;
	struct watch box_watch;
	struct msg stop;
	bool stopping; /* the thread's own */
	bool joined;
	int epoll;
	pthread_t thread;
	char name[16];
	uint64_t now;
	struct timer *timers;
	struct list chores; /* owned by those who scheduled them */
	struct epoll_event events[LOOP_EVENTS];
	int events_at, events_n;
	uint8_t *staging;
};

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
	return current;
}

struct mailbox *loop_box(struct loop *loop)
{
	return &loop->box;
}

uint64_t loop_now(struct loop *loop)
{
	return loop->now;
}

uint8_t *loop_staging(struct loop *loop)
{
	return loop->staging;
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---------------------------------------------------------------- watches */

int watch_add(struct loop *loop, struct watch *watch, int fd, unsigned events,
	      void (*ready)(struct watch *, unsigned))
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	*watch = (struct watch){ .fd = fd, .ready = ready, .loop = loop, .events = events };
	return 0;
}

int watch_set(struct watch *watch, unsigned events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->events == events)
		return 0;
	if (epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0)
		return -errno;
	watch->events = events;
	return 0;
}

void watch_remove(struct watch *watch)
{
	struct loop *loop = watch->loop;

	if (!loop)
		return;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = loop->events_at; i < loop->events_n; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
	watch->loop = NULL;
}

/* ---------------------------------------------------------------- timers and chores */

void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline)
{
	if (timer->loop && timer->deadline == deadline)
		return;
	timer_clear(timer);
	if (deadline == LOOP_NEVER)
		return;
	timer->loop = loop;
	timer->deadline = deadline;
	loop->timers = timers_insert(loop->timers, timer);
}

void timer_clear(struct timer *timer)
{
	if (!timer->loop)
		return;
	timer->loop->timers = timers_remove(timer->loop->timers, timer);
	timer->loop = NULL;
}

void chore_schedule(struct loop *loop, struct chore *chore)
{
	if (!list_linked(&chore->link))
		list_append(&loop->chores, &chore->link);
}

void chore_cancel(struct chore *chore)
{
	list_remove(&chore->link);
}

/* ---------------------------------------------------------------- the thread */

static void loop_messages(struct watch *watch, unsigned events)
{
	(void)events;
	mailbox_run(&watch->loop->box);
}

static void loop_stop_asked(struct msg *msg)
{
	list_entry(msg, struct loop, stop)->stopping = true;
}

static int loop_wait_ms(const struct loop *loop)
{
	uint64_t now, ms;

	if (!list_empty(&loop->chores))
		return 0;
	if (!loop->timers)
		return -1;
	now = clock_ns();
	if (loop->timers->deadline <= now)
		return 0;
	ms = (loop->timers->deadline - now - 1) / LOOP_NS_PER_MS + 1;
	return ms < LOOP_WAIT_MAX_MS ? (int)ms : LOOP_WAIT_MAX_MS;
}

static void loop_expire(struct loop *loop)
{
	struct timer *timer;

	for (unsigned i = 0; i < LOOP_TIMERS; i++) {
		timer = loop->timers;
		if (!timer || timer->deadline > loop->now)
			return;
		timer_clear(timer);
		timer->expired(timer, loop->now);
	}
}

static void loop_pass(struct loop *loop)
{
	struct list pass, *item;

	list_init(&pass);
	list_splice(&pass, &loop->chores);
	while ((item = list_pop(&pass))) {
		struct chore *chore = list_entry(item, struct chore, link);

		chore->run(chore);
	}
}

/* Chores scheduled by chores follow at once: what one hands to the next need not wait for the kernel.
 * Those that go on wait for the next round. */
static void loop_chores(struct loop *loop)
{
	for (unsigned i = 0; i < LOOP_PASSES && !list_empty(&loop->chores); i++)
		loop_pass(loop);
}

static void loop_round(struct loop *loop)
{
	int n = epoll_wait(loop->epoll, loop->events, LOOP_EVENTS, loop_wait_ms(loop));

	loop->now = clock_ns();
	loop->events_n = n > 0 ? n : 0;
	for (loop->events_at = 0; loop->events_at < loop->events_n;) {
		struct epoll_event *event = &loop->events[loop->events_at++];
		struct watch *watch = event->data.ptr;

		if (watch)
			watch->ready(watch, event->events);
	}
	loop->events_n = 0;
	loop_expire(loop);
	loop_chores(loop);
}

static void *loop_main(void *arg)
{
	struct loop *loop = arg;

	current = loop;
	pthread_setname_np(pthread_self(), loop->name);
	loop->now = clock_ns();
	while (!loop->stopping || !list_empty(&loop->chores))
		loop_round(loop);
	return NULL;
}

/* Signals are the control thread's affair. */
static int loop_start(struct loop *loop)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&loop->thread, NULL, loop_main, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int loop_new(const char *name, struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r = -ENOMEM;

	if (!loop)
		return r;
	snprintf(loop->name, sizeof(loop->name), "%s", name);
	list_init(&loop->chores);
	loop->stop.run = loop_stop_asked;
	loop->staging = malloc(LOOP_STAGING);
	if (!loop->staging)
		goto fail;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		r = -errno;
		goto fail;
	}
	r = mailbox_init(&loop->box);
	if (r < 0)
		goto fail_epoll;
	r = watch_add(loop, &loop->box_watch, loop->box.fd, EPOLLIN, loop_messages);
	if (r < 0)
		goto fail_box;
	r = loop_start(loop);
	if (r < 0)
		goto fail_box;
	*ret = loop;
	return 0;

fail_box:
	mailbox_done(&loop->box);
fail_epoll:
	close(loop->epoll);
fail:
	free(loop->staging);
	free(loop);
	return r;
}

void loop_stop(struct loop *loop)
{
	assert(loop != current);
	if (loop->joined)
		return;
	mailbox_post(&loop->box, &loop->stop);
	pthread_join(loop->thread, NULL);
	loop->joined = true;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_stop(loop);
	assert(!loop->timers);
	mailbox_done(&loop->box);
	close(loop->epoll);
	free(loop->staging);
	free(loop);
}
