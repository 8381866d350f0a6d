/*
 * pool.h - memory for block requests of one disk: requests and their buffers are kept for the
 * next one, up to a limit, so that a busy disk allocates nothing. One thread.
 */
#ifndef ISCSIDSC_DISK_POOL_H
#define ISCSIDSC_DISK_POOL_H

#include "disk/request.h"

enum {
	POOL_CLASSES = 9,              /* buffers of 4 KiB, 8 KiB ... 1 MiB are kept */
	POOL_SMALLEST = 4096,
	POOL_KEPT_MAX = 64 << 20,      /* bytes of buffers kept unused */
	POOL_REQUESTS_MAX = 1024,      /* requests kept unused */
};

/* A buffer not in use holds its own link. */
struct pool {
	struct list requests;          /* unused; owned */
	unsigned n_requests;
	struct list buffers[POOL_CLASSES]; /* unused; owned */
	size_t kept;
};

void pool_init(struct pool *pool);
void pool_done(struct pool *pool);
/* A request with room for `length` bytes of data (0: none), everything else zero. NULL: no
 * memory. */
struct request *pool_get(struct pool *pool, uint32_t length);
/* Accepts NULL. */
void pool_put(struct pool *pool, struct request *request);

#endif
