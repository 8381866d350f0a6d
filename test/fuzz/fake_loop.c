/* fake_loop.c - see fake_loop.h. */
#include "fake_loop.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { WATCHES = 96, ROUNDS_MAX = 200000 };

struct loop {
	uint64_t now;
	struct watch *watch[WATCHES];
	struct timer *timers;
	struct list chores;
};

static struct loop the_loop;

struct loop *fake_loop_reset(void)
{
	memset(&the_loop, 0, sizeof(the_loop));
	the_loop.now = 1000000000;
	list_init(&the_loop.chores);
	return &the_loop;
}

struct mailbox *loop_box(struct loop *loop)
{
	(void)loop;
	return NULL;
}

uint64_t loop_now(struct loop *loop)
{
	return loop->now;
}

int watch_add(struct loop *loop, struct watch *watch, int fd, unsigned events,
	      void (*ready)(struct watch *, unsigned))
{
	unsigned i = 0;

	while (i < WATCHES && loop->watch[i])
		i++;
	fuzz_need(i < WATCHES);
	*watch = (struct watch){ .fd = fd, .ready = ready, .loop = loop, .events = events };
	loop->watch[i] = watch;
	return 0;
}

int watch_set(struct watch *watch, unsigned events)
{
	fuzz_need(watch->loop);
	watch->events = events;
	return 0;
}

void watch_remove(struct watch *watch)
{
	for (unsigned i = 0; i < WATCHES; i++)
		if (watch->loop && watch->loop->watch[i] == watch)
			watch->loop->watch[i] = NULL;
	watch->loop = NULL;
}

void timer_set(struct loop *loop, struct timer *timer, uint64_t deadline)
{
	timer_clear(timer);
	if (deadline == LOOP_NEVER)
		return;
	timer->deadline = deadline;
	timer->loop = loop;
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
	if (list_linked(&chore->link))
		list_remove(&chore->link);
}

/* Those scheduled meanwhile belong to the next round. */
static bool run_chores(struct loop *loop)
{
	struct list now, *it;
	bool any = !list_empty(&loop->chores);

	list_init(&now);
	list_splice(&now, &loop->chores);
	while ((it = list_pop(&now))) {
		struct chore *chore = list_entry(it, struct chore, link);

		chore->run(chore);
	}
	return any;
}

static bool tell_watches(struct loop *loop)
{
	bool any = false;

	for (unsigned i = 0; i < WATCHES; i++) {
		struct watch *watch = loop->watch[i];
		struct pollfd p;

		if (!watch)
			continue;
		p = (struct pollfd){ .fd = watch->fd, .events = (short)watch->events };
		if (poll(&p, 1, 0) <= 0)
			continue;
		fuzz_need(!(p.revents & POLLNVAL));
		watch->ready(watch, (unsigned)p.revents);
		any = true;
	}
	return any;
}

void fake_loop_turn(struct loop *loop)
{
	bool any = true;

	for (unsigned rounds = 0; any; rounds++) {
		fuzz_need(rounds < ROUNDS_MAX);
		any = tell_watches(loop);
		any = run_chores(loop) || any;
	}
}

void fake_loop_wait(struct loop *loop, uint64_t ns)
{
	struct timer *timer;

	loop->now += ns;
	while ((timer = loop->timers) && timer->deadline <= loop->now) {
		timer_clear(timer);
		timer->expired(timer, loop->now);
	}
	fake_loop_turn(loop);
}

bool fake_loop_idle(const struct loop *loop)
{
	for (unsigned i = 0; i < WATCHES; i++)
		if (loop->watch[i])
			return false;
	return !loop->timers && list_empty(&loop->chores);
}
