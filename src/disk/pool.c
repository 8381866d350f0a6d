/*
 * pool.c - memory for block requests. See pool.h.
 */
#include "disk/pool.h"

#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *pool)
{
	*pool = (struct pool) { .kept = 0 };
	list_init(&pool->requests);
	for (unsigned i = 0; i < POOL_CLASSES; i++)
		list_init(&pool->buffers[i]);
}

void pool_done(struct pool *pool)
{
	struct list *item;

	while ((item = list_pop(&pool->requests)))
		free(list_entry(item, struct request, link));
	for (unsigned i = 0; i < POOL_CLASSES; i++)
		while ((item = list_pop(&pool->buffers[i])))
			free(item);
}

/* POOL_CLASSES for sizes that are not kept. */
static unsigned class_of(uint32_t length)
{
	unsigned class = 0;

	while (class < POOL_CLASSES && length > (uint32_t)POOL_SMALLEST << class)
		class++;
	return class;
}

static uint8_t *buffer_get(struct pool *pool, uint32_t length, uint32_t *ret_room)
{
	unsigned class = class_of(length);
	uint32_t room = class < POOL_CLASSES ? (uint32_t)POOL_SMALLEST << class : length;
	struct list *item = class < POOL_CLASSES ? list_pop(&pool->buffers[class]) : NULL;
	uint8_t *data;

	if (item)
		pool->kept -= room;
	data = item ? (uint8_t *)item : malloc(room);
	if (data)
		*ret_room = room;
	return data;
}

static void buffer_put(struct pool *pool, uint8_t *data, uint32_t room)
{
	unsigned class = class_of(room);
	struct list *item = (struct list *)(void *)data;

	if (class == POOL_CLASSES || pool->kept + room > POOL_KEPT_MAX) {
		free(data);
		return;
	}
	/* The newest first: its memory is the warmest. */
	list_prepend(&pool->buffers[class], item);
	pool->kept += room;
}

struct request *pool_get(struct pool *pool, uint32_t length)
{
	struct list *item = list_pop(&pool->requests);
	struct request *request = item ? list_entry(item, struct request, link)
				       : malloc(sizeof *request);
	uint8_t *data = NULL;
	uint32_t room = 0;

	if (item)
		pool->n_requests--;
	if (!request)
		return NULL;
	if (length) {
		data = buffer_get(pool, length, &room);
		if (!data) {
			free(request);
			return NULL;
		}
	}
	/* Not the command: it is large, and made anew for each part. */
	memset(request, 0, offsetof(struct request, command));
	request->link = (struct list) { NULL, NULL };
	request->cookie = 0;
	request->head_len = request->data_len = 0;
	request->data = data;
	request->room = room;
	return request;
}

void pool_put(struct pool *pool, struct request *request)
{
	if (!request)
		return;
	if (request->data)
		buffer_put(pool, request->data, request->room);
	if (pool->n_requests >= POOL_REQUESTS_MAX) {
		free(request);
		return;
	}
	list_prepend(&pool->requests, &request->link);
	pool->n_requests++;
}
