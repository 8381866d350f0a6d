/* gap.c - see gap.h. RFC 7143 sections 7.8, 7.9; serial arithmetic of SN-1. */
#include "engine/gap.h"

#include "proto/sn.h"

void gap_start(struct gap *gap, uint32_t next)
{
	*gap = (struct gap){ .next = next };
}

/* The bit of a number from 1 to GAP_MAX - 1 beyond the first missing one. */
static uint64_t bit_of(const struct gap *gap, uint32_t sn)
{
	return UINT64_C(1) << (sn - gap->next - 1);
}

enum gap_verdict gap_look_far(const struct gap *gap, uint32_t sn)
{
	int32_t ahead = sn_diff(sn, gap->next);

	if (ahead <= 0)
		return ahead ? GAP_REPEAT : GAP_NEXT;
	if (ahead >= GAP_MAX)
		return GAP_BEYOND;
	if (gap->seen & bit_of(gap, sn))
		return GAP_REPEAT;
	return sn_lt(sn, gap_end(gap)) ? GAP_NEXT : GAP_AHEAD;
}

enum gap_verdict gap_take_far(struct gap *gap, uint32_t sn)
{
	enum gap_verdict verdict = gap_look(gap, sn);
	bool more;

	if (verdict == GAP_REPEAT || verdict == GAP_BEYOND)
		return verdict;
	if (sn != gap->next) {
		gap->seen |= bit_of(gap, sn);
		return verdict;
	}
	do {
		gap->next++;
		more = gap->seen & 1;
		gap->seen >>= 1;
	} while (more);
	return verdict;
}

static bool came(const struct gap *gap, uint32_t sn)
{
	return gap_look(gap, sn) == GAP_REPEAT;
}

bool gap_missing(const struct gap *gap, uint32_t from, uint32_t end, uint32_t *ret_begin,
		 uint32_t *ret_run)
{
	uint32_t high = gap_end(gap), begin = sn_max(from, gap->next), stop;

	while (sn_lt(begin, high) && came(gap, begin))
		begin++;
	if (!sn_lt(begin, end))
		return false;
	for (stop = begin; sn_lt(stop, high) && sn_lt(stop, end) && !came(gap, stop);)
		stop++;
	*ret_begin = begin;
	*ret_run = sn_lt(stop, high) ? stop - begin : end - begin; /* nothing came beyond `high` */
	return true;
}
