/* window.c - see window.h. RFC 7143 section 4.2.2.1, RFC 1982. */
#include "engine/window.h"

#include "proto/sn.h"

#define PAUSED_BY(slot) ((uint64_t)((slot) + 1) << 32)
#define PAUSER(next) ((next) & ~(uint64_t)UINT32_MAX)

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

/* One attempt: 1 taken, 0 not possible now, -1 lost a race. */
static int try_take(struct window *w, unsigned slot, uint32_t *ret)
{
	uint64_t next = atomic_load(&w->next);
	uint64_t pauser = PAUSER(next);
	uint32_t cmd_sn = (uint32_t)next;

	if ((pauser && pauser != PAUSED_BY(slot)) || sn_gt(cmd_sn, atomic_load(&w->max)))
		return 0;
	if (!atomic_compare_exchange_weak(&w->next, &next, pauser | (uint32_t)(cmd_sn + 1)))
		return -1;
	*ret = cmd_sn;
	return 1;
}

bool window_take(struct window *w, unsigned slot, uint32_t *ret_cmd_sn)
{
	bool registered = false;
	int got;

	for (;;) {
		got = try_take(w, slot, ret_cmd_sn);
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

uint32_t window_current(const struct window *w)
{
	return (uint32_t)atomic_load(&w->next);
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

uint64_t window_update(struct window *w, uint32_t exp_cmd_sn, uint32_t max_cmd_sn)
{
	bool changed;

	if (sn_lt(max_cmd_sn, exp_cmd_sn - 1))
		return 0;
	if (sn_gt(exp_cmd_sn, window_current(w)))
		return 0;
	changed = raise_to(&w->exp, exp_cmd_sn);
	changed |= raise_to(&w->max, max_cmd_sn);
	return changed ? wake_all(w) : 0;
}

/* 1 held and quiet, 0 not yet. */
static bool try_pause(struct window *w, unsigned slot)
{
	uint64_t next = atomic_load(&w->next);

	while (!PAUSER(next))
		if (atomic_compare_exchange_weak(&w->next, &next, PAUSED_BY(slot) | (uint32_t)next))
			next = PAUSED_BY(slot) | (uint32_t)next;
	return PAUSER(next) == PAUSED_BY(slot) && atomic_load(&w->exp) == (uint32_t)next;
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
	uint64_t pauser = PAUSER(atomic_load(&w->next));

	return pauser && pauser != PAUSED_BY(slot);
}

uint64_t window_resume(struct window *w, unsigned slot)
{
	uint64_t next = atomic_load(&w->next);

	while (PAUSER(next) == PAUSED_BY(slot))
		if (atomic_compare_exchange_weak(&w->next, &next, (uint32_t)next))
			return wake_all(w);
	return 0;
}
