/* tag.c - see tag.h. RFC 7143 sections 4.2.5.3, 11.2.1.8. */
#include "engine/tag.h"

#include <string.h>

/* The highest generations are left out: ffffffff means no tag, and those below it are TAG_LOGIN. */
enum { GENERATIONS = (1 << 22) - 65 };

static uint32_t tag_slot(uint32_t itt)
{
	return itt % ENGINE_MAX_TASKS;
}

static uint32_t tag_generation(uint32_t itt)
{
	return itt / ENGINE_MAX_TASKS;
}

void tags_init(struct tags *t)
{
	memset(t, 0, sizeof(*t));
}

static bool take_from_word(struct tags *t, unsigned word, uint32_t *ret_slot)
{
	uint64_t used = atomic_load(&t->used[word]);

	while (~used) {
		unsigned bit = (unsigned)__builtin_ctzll(~used);

		if (atomic_compare_exchange_weak(&t->used[word], &used, used | UINT64_C(1) << bit)) {
			*ret_slot = word * 64 + bit;
			return true;
		}
	}
	return false;
}

static bool take_slot(struct tags *t, unsigned hint, uint32_t *ret_slot)
{
	for (unsigned i = 0; i < TAG_WORDS; i++)
		if (take_from_word(t, (hint + i) % TAG_WORDS, ret_slot))
			return true;
	return false;
}

bool tag_take(struct tags *t, unsigned slot, struct task *task, uint32_t *ret_itt)
{
	uint32_t at, generation;

	if (!take_slot(t, slot, &at)) {
		atomic_fetch_or(&t->waiting, UINT64_C(1) << slot);
		if (!take_slot(t, slot, &at))
			return false;
	}
	generation = (uint32_t)((atomic_load(&t->tag[at].holder) >> 8) + 1) % GENERATIONS;
	t->tag[at].task = task;
	atomic_store(&t->tag[at].holder, (uint64_t)generation << 8 | (slot + 1));
	*ret_itt = generation * ENGINE_MAX_TASKS + at;
	return true;
}

uint64_t tag_free(struct tags *t, uint32_t itt)
{
	uint32_t at = tag_slot(itt);

	t->tag[at].task = NULL;
	atomic_store(&t->tag[at].holder, (uint64_t)tag_generation(itt) << 8);
	atomic_fetch_and(&t->used[at / 64], ~(UINT64_C(1) << at % 64));
	return atomic_load(&t->waiting) ? atomic_exchange(&t->waiting, 0) : 0;
}

enum tag_match tag_find(struct tags *t, uint32_t itt, unsigned slot, struct task **ret_task)
{
	uint32_t at = tag_slot(itt), generation = tag_generation(itt);
	uint64_t holder = atomic_load(&t->tag[at].holder);

	if (holder == ((uint64_t)generation << 8 | (slot + 1))) {
		*ret_task = t->tag[at].task;
		return TAG_OURS;
	}
	if (generation < holder >> 8 || (generation == holder >> 8 && !(holder & 0xff)))
		return generation || holder >> 8 ? TAG_STALE : TAG_FOREIGN;
	return TAG_FOREIGN;
}
