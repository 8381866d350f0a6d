/*
 * gap.h - which numbers of a sequence came (StatSN, DataSN), when a digest error may have cost some
 * in between (RFC 7143 sections 7.8, 7.9).
 *
 * A struct gap (engine.h) holds the first number that is missing and what came beyond it, up to
 * GAP_MAX numbers. What lies further away is not taken: it will be asked for again.
 */
#ifndef ISCSIDSC_ENGINE_GAP_H
#define ISCSIDSC_ENGINE_GAP_H

#include "engine/engine.h"

enum { GAP_MAX = 65 }; /* a number this far beyond the first missing one is not taken */

enum gap_verdict {
	GAP_NEXT,   /* the one that was due, or one that was missing */
	GAP_AHEAD,  /* lower ones are missing */
	GAP_REPEAT, /* it came before: discard (SEQ-3, ST-4) */
	GAP_BEYOND, /* too far ahead to be kept: discard */
};

void gap_start(struct gap *gap, uint32_t next);
/* gap_look and gap_take of numbers that are not the next one, or behind which others came. */
enum gap_verdict gap_look_far(const struct gap *gap, uint32_t sn);
enum gap_verdict gap_take_far(struct gap *gap, uint32_t sn);

/* What a number would be, without taking it. Nearly always it is the next one. */
static inline enum gap_verdict gap_look(const struct gap *gap, uint32_t sn)
{
	return sn == gap->next ? GAP_NEXT : gap_look_far(gap, sn);
}

/* Takes it. */
static inline enum gap_verdict gap_take(struct gap *gap, uint32_t sn)
{
	if (sn != gap->next || gap->seen)
		return gap_take_far(gap, sn);
	gap->next++;
	return GAP_NEXT;
}

/* The first run of missing numbers from `from` on and below `end`: true, with its begin and length;
 * false if none is missing there. */
bool gap_missing(const struct gap *gap, uint32_t from, uint32_t end, uint32_t *ret_begin,
		 uint32_t *ret_run);

/* One above the highest number that came. */
static inline uint32_t gap_end(const struct gap *gap)
{
	return gap->seen ? gap->next + 65 - (uint32_t)__builtin_clzll(gap->seen) : gap->next;
}

#endif
