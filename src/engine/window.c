/* window.c - see window.h. RFC 7143 section 4.2.2.1, RFC 1982. */
#include "engine/window.h"

#include <stddef.h>

#include "proto/sn.h"

/*
 * `next` is one word, so that a number is taken under exactly the conditions that were looked at:
 *
 *   bits  0-31  CmdSN of the next command
 *        32-38  slot + 1 of the connection that paused the window, 0 for none
 *        39-45  slot + 1 of the connection that took the last number, 0 for nobody
 *        46-52  slot + 1 of the connection that claims the next turn, 0 for none
 *        53-59  how many numbers the holder took in its turn, up to WINDOW_TURN
 *        60     one holder
 *        61     closed
 *        62     drained: only who paused it takes a number
 */
#define SLOT_MASK UINT64_C(0x7f)
#define PAUSER 32
#define HOLDER 39
#define CLAIMANT 46
#define TURN 53
#define ONE_HOLDER (UINT64_C(1) << 60)
#define CLOSED (UINT64_C(1) << 61)
#define DRAINED (UINT64_C(1) << 62)

static unsigned field(uint64_t next, unsigned at)
{
	return (unsigned)(next >> at & SLOT_MASK);
}

static uint64_t with_field(uint64_t next, unsigned at, unsigned value)
{
	return (next & ~(SLOT_MASK << at)) | (uint64_t)value << at;
}

/* SN-2 */
void window_init(struct window *w, uint32_t first_cmd_sn)
{
	atomic_store(&w->next, first_cmd_sn);
	atomic_store(&w->exp, first_cmd_sn);
	atomic_store(&w->max, first_cmd_sn - 1);
	atomic_store(&w->waiting, 0);
}

static void wait_for_change(struct window *w, unsigned slot)
{
	atomic_fetch_or(&w->waiting, UINT64_C(1) << slot);
}

static uint64_t wake_all(struct window *w)
{
	return atomic_load(&w->waiting) ? atomic_exchange(&w->waiting, 0) : 0;
}

/* Of one holder: `quiet` tells that no number is unacknowledged (TOL-8). */
static bool has_turn(uint64_t next, unsigned me, bool quiet)
{
	unsigned claimant = field(next, CLAIMANT);

	if (claimant && claimant != me && (quiet || field(next, TURN) >= WINDOW_TURN))
		return false;
	return quiet || field(next, HOLDER) == me;
}

/* `next` after this slot took a number. */
static uint64_t after_take(uint64_t next, unsigned me)
{
	unsigned turn = field(next, HOLDER) == me ? field(next, TURN) : 0;
	uint64_t after = (next & ~(uint64_t)UINT32_MAX) | (uint32_t)(next + 1);

	if (!(next & ONE_HOLDER))
		return after;
	after = with_field(after, TURN, turn < WINDOW_TURN ? turn + 1 : turn);
	if (field(next, CLAIMANT) == me)
		after = with_field(after, CLAIMANT, 0);
	return with_field(after, HOLDER, me);
}

/* One attempt: 1 taken, or only seen to be possible if `ret` is NULL; 0 not possible now, -1 lost a race
 * (SN-6, WIN-4). */
static int try_take(struct window *w, unsigned slot, uint32_t *ret)
{
	uint64_t next = atomic_load(&w->next);
	uint32_t cmd_sn = (uint32_t)next;
	unsigned me = slot + 1, pauser = field(next, PAUSER);

	if (next & CLOSED || (pauser != me && (pauser || next & DRAINED)) ||
	    sn_gt(cmd_sn, atomic_load(&w->max)))
		return 0;
	if (next & ONE_HOLDER && !has_turn(next, me, atomic_load(&w->exp) == cmd_sn)) {
		if (field(next, CLAIMANT) || field(next, HOLDER) == me)
			return 0;
		/* The first in the queue. The round after this looks again, with the claim. */
		atomic_compare_exchange_weak(&w->next, &next, with_field(next, CLAIMANT, me));
		return -1;
	}
	if (!ret)
		return 1;
	if (!atomic_compare_exchange_weak(&w->next, &next, after_take(next, me)))
		return -1;
	*ret = cmd_sn;
	return 1;
}

static bool take(struct window *w, unsigned slot, uint32_t *ret)
{
	bool registered = false;
	int got;

	for (;;) {
		got = try_take(w, slot, ret);
		if (got > 0)
			return true;
		if (got < 0)
			continue;
		if (registered)
			return false;
		/* Look again after registering, or an update in between would be missed. */
		wait_for_change(w, slot);
		registered = true;
	}
}

bool window_take(struct window *w, unsigned slot, uint32_t *ret_cmd_sn)
{
	return take(w, slot, ret_cmd_sn);
}

bool window_look(struct window *w, unsigned slot)
{
	return take(w, slot, NULL);
}

uint32_t window_room(const struct window *w)
{
	uint32_t end = atomic_load(&w->max) + 1, next = window_current(w);

	return sn_gt(end, next) ? end - next : 0;
}

uint32_t window_current(const struct window *w)
{
	return (uint32_t)atomic_load(&w->next);
}

bool window_acknowledged(const struct window *w, uint32_t cmd_sn)
{
	return sn_lt(cmd_sn, atomic_load(&w->exp));
}

bool window_await(struct window *w, unsigned slot, uint32_t cmd_sn)
{
	if (window_acknowledged(w, cmd_sn))
		return true;
	wait_for_change(w, slot);
	return window_acknowledged(w, cmd_sn);
}

/* Raises *at to `value` if that is above it. */
static bool raise_to(_Atomic uint32_t *at, uint32_t value)
{
	uint32_t old = atomic_load(at);

	while (sn_gt(value, old))
		if (atomic_compare_exchange_weak(at, &old, value))
			return true;
	return false;
}

/* WIN-7 */
void window_hear(const struct window *w, struct window_news *news, uint32_t exp_cmd_sn,
		 uint32_t max_cmd_sn)
{
	if (sn_lt(max_cmd_sn, exp_cmd_sn - 1))
		return;
	if (sn_gt(exp_cmd_sn, window_current(w)))
		return;
	news->exp = news->any ? sn_max(news->exp, exp_cmd_sn) : exp_cmd_sn;
	news->max = news->any ? sn_max(news->max, max_cmd_sn) : max_cmd_sn;
	news->any = true;
}

uint64_t window_tell(struct window *w, struct window_news *news)
{
	bool changed;

	if (!news->any)
		return 0;
	news->any = false;
	changed = raise_to(&w->exp, news->exp);
	changed |= raise_to(&w->max, news->max);
	return changed ? wake_all(w) : 0;
}

uint64_t window_update(struct window *w, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
	struct window_news news = { .any = false };

	window_hear(w, &news, exp_cmd_sn, max_cmd_sn);
	return window_tell(w, &news);
}

/* 1 held and quiet, 0 not yet. */
static bool try_pause(struct window *w, unsigned slot)
{
	uint64_t next = atomic_load(&w->next);

	while (!field(next, PAUSER)) {
		uint64_t paused = with_field(next, PAUSER, slot + 1);

		if (atomic_compare_exchange_weak(&w->next, &next, paused))
			next = paused;
	}
	return field(next, PAUSER) == slot + 1 && atomic_load(&w->exp) == (uint32_t)next;
}

bool window_pause(struct window *w, unsigned slot)
{
	if (try_pause(w, slot))
		return true;
	wait_for_change(w, slot);
	return try_pause(w, slot);
}

bool window_paused(const struct window *w, unsigned slot)
{
	unsigned pauser = field(atomic_load(&w->next), PAUSER);

	return pauser && pauser != slot + 1;
}

/* Empties a field if it names the slot. */
static bool clear_field(struct window *w, unsigned at, unsigned slot)
{
	uint64_t next = atomic_load(&w->next);

	while (field(next, at) == slot + 1)
		if (atomic_compare_exchange_weak(&w->next, &next, with_field(next, at, 0)))
			return true;
	return false;
}

uint64_t window_resume(struct window *w, unsigned slot)
{
	return clear_field(w, PAUSER, slot) ? wake_all(w) : 0;
}

uint64_t window_unclaim(struct window *w, unsigned slot)
{
	return clear_field(w, CLAIMANT, slot) ? wake_all(w) : 0;
}

uint64_t window_set_one_holder(struct window *w, bool on)
{
	uint64_t next = atomic_load(&w->next), after;

	do { /* numbers given out before the mode have no holder: all must be acknowledged first */
		after = with_field(with_field(with_field(next, HOLDER, 0), CLAIMANT, 0), TURN, 0);
		after = on ? after | ONE_HOLDER : after & ~ONE_HOLDER;
	} while (!atomic_compare_exchange_weak(&w->next, &next, after));
	return wake_all(w);
}

bool window_one_holder(const struct window *w)
{
	return atomic_load(&w->next) & ONE_HOLDER;
}

void window_close(struct window *w)
{
	atomic_fetch_or(&w->next, CLOSED);
}

void window_drain(struct window *w)
{
	atomic_fetch_or(&w->next, DRAINED);
}

uint64_t window_drain_over(struct window *w)
{
	return atomic_fetch_and(&w->next, ~DRAINED) & DRAINED ? wake_all(w) : 0;
}
