/*
 * timers.c - the pairing heap of timers.h (Fredman, Sedgewick, Sleator, Tarjan 1986).
 */
#include "net/timers.h"

#include <stddef.h>

static struct timer *timers_merge(struct timer *a, struct timer *b)
{
	struct timer *swap;

	if (!a || !b)
		return a ? a : b;
	if (b->deadline < a->deadline) {
		swap = a;
		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* Merges siblings two by two, then the pairs from the last to the first. */
static struct timer *timers_join(struct timer *first)
{
	struct timer *pairs = NULL, *root = NULL, *a, *b, *rest;

	for (; first; first = rest) {
		a = first;
		b = a->next;
		rest = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = timers_merge(a, b);
		a->next = pairs;
		pairs = a;
	}
	for (; pairs; pairs = rest) {
		rest = pairs->next;
		pairs->next = NULL;
		root = timers_merge(root, pairs);
	}
	return root;
}

struct timer *timers_insert(struct timer *root, struct timer *timer)
{
	timer->child = timer->next = timer->prev = NULL;
	return timers_merge(root, timer);
}

struct timer *timers_remove(struct timer *root, struct timer *timer)
{
	struct timer *below = timers_join(timer->child);

	if (timer == root) {
		root = below;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next)
			timer->next->prev = timer->prev;
		root = timers_merge(root, below);
	}
	timer->child = timer->next = timer->prev = NULL;
	return root;
}
