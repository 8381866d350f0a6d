/*
 * tag.h - Initiator Task Tags of a session (PDU-6, PDU-7).
 *
 * A tag is a slot of one table plus a generation; it never names a connection, but the table knows
 * which connection holds it, so that an answer on another one is noticed (MCS-2). Lock free.
 */
#ifndef ISCSIDSC_ENGINE_TAG_H
#define ISCSIDSC_ENGINE_TAG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

/* A login needs no entry in the table: nothing else is under way on its connection. Its tag comes
 * from a range that the table never gives out. */
#define TAG_LOGIN(cid) (UINT32_C(0xfffffffe) - (uint16_t)(cid))

enum { TAG_WORDS = ENGINE_MAX_TASKS / 64 };

struct tag {
	_Atomic uint64_t holder; /* times it was used << 8 | connection slot + 1, 0 if free, 0xff if no
	                            connection holds it */
	struct task *task;       /* NULL for a request that is no SCSI command */
};

struct tags {
	_Atomic uint64_t used[TAG_WORDS];
	_Atomic uint64_t waiting; /* connection slots that wait for a tag to be freed */
	_Atomic(struct tag *) part[TAG_WORDS]; /* 64 tags each: what belongs to a word of `used`. NULL
	                                          until one of them is needed; owned */
	struct tag first[64];     /* part 0, so that there always are some */
};

/* Free tags that one connection keeps from the others: fetched and not used yet, or freed and not
 * returned yet. They spare it a locked instruction for each command, which waits for all that was
 * written before; so it is emptied after every door call. Begins all zero. */
struct tag_hand {
	uint64_t bits[TAG_WORDS];
	uint32_t words; /* which of them are not zero */
};

void tags_init(struct tags *t);
void tags_done(struct tags *t);
/* False if the table is full, or can't grow: `slot` will be in the mask of a later tag_free. */
bool tag_take(struct tags *t, unsigned slot, struct task *task, uint32_t *ret_itt);
/* True if no tag is in use. Otherwise `slot` will be in the mask of a later tag_free. */
bool tags_idle(struct tags *t, unsigned slot);
/* Returns connection slots to wake. */
uint64_t tag_free(struct tags *t, uint32_t itt);
/* The same two by way of the hand; who waits is told when it is emptied. */
bool tag_take_by(struct tags *t, struct tag_hand *hand, unsigned slot, struct task *task,
		 uint32_t *ret_itt);
void tag_free_by(struct tags *t, struct tag_hand *hand, uint32_t itt);
/* Empties the hand. Returns connection slots to wake. */
uint64_t tags_return(struct tags *t, struct tag_hand *hand);
/* The task is adrift: its tag stays taken, and no connection holds it. */
void tag_leave(struct tags *t, uint32_t itt);
/* A connection holds it again. */
void tag_move(struct tags *t, uint32_t itt, unsigned slot);

enum tag_match {
	TAG_OURS,    /* held by this connection; *ret_task set */
	TAG_STALE,   /* was ours once and has ended: a late PDU, to be ignored (CMD-14) */
	TAG_FOREIGN, /* never given out, or held by another connection: a protocol error */
};

enum tag_match tag_find(struct tags *t, uint32_t itt, unsigned slot, struct task **ret_task);

#endif
