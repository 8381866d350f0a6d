/*
 * unit.h - what the home loop knows of a logical unit: how to reach it, what it can do, what was
 * counted. Shared by the files of this room that give it commands. It does nothing by itself.
 */
#ifndef ISCSIDSC_DISK_UNIT_H
#define ISCSIDSC_DISK_UNIT_H

#include <stdatomic.h>

#include "disk/disk.h"
#include "disk/queue.h"

/* Written on the loop, read anywhere. */
struct unit_counters {
	_Atomic uint64_t reads, writes, bytes_read, bytes_written, errors, repeated, in_flight;
	_Atomic unsigned clients;
};

/* Blocks that one command may carry; 0: the device can't. */
struct unit_limits {
	uint32_t transfer, unmap, write_same;
	bool same_unmaps;      /* WRITE SAME may unmap, and unmapped blocks read as zeros */
};

/* Of one thread: the loop. Embedded in struct disk, which owns it. */
struct unit {
	struct nexus *nexus;
	struct loop *loop;
	uint64_t lun;
	struct disk_info info;
	struct unit_limits limits;
	uint8_t *zeros;        /* one block; owned */
	struct list waiting;   /* commands whose timer runs; owned by their users */
	struct queue queue;
	bool closing;          /* nothing is repeated or waited for any more */
	/* Sense data ask for a look at something (enum sense_hint). NULL: nobody cares. */
	void (*hinted)(struct unit *unit, unsigned hints);
	/* There is room in the queue again for those that were refused. NULL: nobody cares. */
	void (*drained)(struct unit *unit);
	void *drained_ctx;
	struct unit_counters counters;
};

static inline void unit_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
