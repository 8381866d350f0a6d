/*
 * plan.c - in which order pieces of data travel: sequences and the PDUs in them, permuted where
 * DataSequenceInOrder and DataPDUInOrder allow it (RFC 7143 sections 13.18, 13.19).
 */
#include <stdlib.h>

#include "inside.h"

void plan_add(struct peer_plan *plan, uint32_t at, uint32_t end, bool last)
{
	plan->item = peer_grow(plan->item, plan->count, &plan->room, sizeof(plan->item[0]));
	plan->item[plan->count++] = (struct peer_extent){ at, end, last };
}

void plan_clear(struct peer_plan *plan)
{
	plan->at = plan->count = 0;
}

void plan_free(struct peer_plan *plan)
{
	free(plan->item);
}

void plan_shuffle(struct peer_plan *plan, unsigned first, struct random *random)
{
	for (unsigned i = plan->count; i > first + 1; i--) {
		unsigned other = first + random_below(random, i - first);
		struct peer_extent kept = plan->item[i - 1];

		plan->item[i - 1] = plan->item[other];
		plan->item[other] = kept;
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct peer_extent *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

void plan_sort(struct peer_plan *plan)
{
	unsigned count = 0;

	if (!plan->count)
		return;
	qsort(plan->item, plan->count, sizeof(plan->item[0]), by_offset);
	for (unsigned i = 0; i < plan->count; i++) {
		if (count && plan->item[count - 1].end == plan->item[i].at)
			plan->item[count - 1].end = plan->item[i].end;
		else
			plan->item[count++] = plan->item[i];
	}
	plan->count = count;
}

static void cut_sequence(struct peer_task *t, const struct peer_extent *sequence)
{
	struct peer *p = t->session->peer;
	struct peer_plan *plan = &t->plan;
	unsigned first = plan->count;

	for (uint32_t at = sequence->at, n; at < sequence->end; at += n) {
		n = t->conn->params.max_send;
		if (p->options.data_in_len)
			n = min32(n, 1 + random_below(&p->random, p->options.data_in_len));
		n = min32(n, sequence->end - at);
		plan_add(plan, at, at + n, false);
	}
	if (!t->session->params.pdu_in_order)
		plan_shuffle(plan, first, &p->random);
	plan->item[plan->count - 1].last = true;
}

void plan_read(struct peer_task *t, const struct peer_plan *of)
{
	struct peer *p = t->session->peer;
	const struct peer_params *params = &t->session->params;
	struct peer_plan sequences = { 0 };

	for (unsigned i = of->at; i < of->count; i++) {
		for (uint32_t at = of->item[i].at, n; at < of->item[i].end; at += n) {
			n = params->sequence_in_order ? params->max_burst
				: 1 + random_below(&p->random, params->max_burst);
			n = min32(n, of->item[i].end - at);
			plan_add(&sequences, at, at + n, true);
		}
	}
	if (!params->sequence_in_order) {
		plan_shuffle(&sequences, 0, &p->random);
		p->counts.sequences_permuted += sequences.count > 1;
	}
	plan_clear(&t->plan);
	for (unsigned i = 0; i < sequences.count; i++)
		cut_sequence(t, &sequences.item[i]);
	plan_free(&sequences);
	t->planned = true;
}
