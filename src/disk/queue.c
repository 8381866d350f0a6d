/*
 * queue.c - see queue.h.
 */
#include "disk/queue.h"

static unsigned get(const _Atomic unsigned *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

static void set(_Atomic unsigned *number, unsigned value)
{
	atomic_store_explicit(number, value, memory_order_relaxed);
}

void queue_init(struct queue *queue)
{
	*queue = (struct queue) { .limit = QUEUE_LIMIT_MAX };
	list_init(&queue->line);
}

bool queue_enter(struct queue *queue, struct list *link, bool front)
{
	bool goes = queue->active < get(&queue->limit) && (front || list_empty(&queue->line));

	if (goes) {
		queue->active++;
		return true;
	}
	if (front)
		list_prepend(&queue->line, link);
	else
		list_append(&queue->line, link);
	set(&queue->length, get(&queue->length) + 1);
	return false;
}

void queue_leave(struct queue *queue)
{
	queue->active--;
}

struct list *queue_next(struct queue *queue)
{
	struct list *link = NULL;

	if (queue->active < get(&queue->limit))
		link = list_pop(&queue->line);
	if (link) {
		set(&queue->length, get(&queue->length) - 1);
		queue->active++;
	}
	return link;
}

void queue_clear(struct queue *queue, struct list *ret)
{
	list_splice(ret, &queue->line);
	set(&queue->length, 0);
}

void queue_good(struct queue *queue)
{
	if (get(&queue->limit) == QUEUE_LIMIT_MAX || ++queue->good < QUEUE_GOOD_RUN)
		return;
	queue->good = 0;
	set(&queue->limit, get(&queue->limit) + 1);
}

static void queue_cut(struct queue *queue, unsigned limit)
{
	queue->good = 0;
	queue->round++;
	if (limit < get(&queue->limit))
		set(&queue->limit, limit ? limit : 1);
}

/* Those still under way are what the unit had room for. */
void queue_full(struct queue *queue)
{
	queue_cut(queue, queue->active);
}

/* A unit that is busy with nothing of ours has other reasons, which fewer commands don't cure. */
void queue_busy(struct queue *queue, unsigned round)
{
	if (queue->active && round == queue->round)
		queue_cut(queue, (queue->active + 1) / 2);
}

bool queue_is_long(struct queue *queue)
{
	bool is_long = get(&queue->length) >= QUEUE_LINE_MAX;

	queue->refused |= is_long;
	return is_long;
}

bool queue_drained(struct queue *queue)
{
	bool drained = queue->refused && get(&queue->length) <= QUEUE_LINE_MAX / 2;

	if (drained)
		queue->refused = false;
	return drained;
}
