/* tag.c - see tag.h. RFC 7143 sections 4.2.5.3, 11.2.1.8. */
#include "engine/tag.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How many generations a tag has before they come again. The first is 1, so that no tag is 0; the
 * highest are left out: ffffffff means no tag, and those below it are TAG_LOGIN. */
enum { GENERATIONS = (1 << 22) - 66 };

enum { FETCHED = 16 }; /* tags fetched in one go */

static_assert(TAG_WORDS <= 32, "tag_hand.words has a bit for each");

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
	atomic_store(&t->part[0], t->first);
}

void tags_done(struct tags *t)
{
	for (unsigned i = 1; i < TAG_WORDS; i++)
		free(atomic_load(&t->part[i]));
}

/* Of a slot that was given out. */
static struct tag *tag_at(struct tags *t, uint32_t at)
{
	return atomic_load_explicit(&t->part[at / 64], memory_order_acquire) + at % 64;
}

/* Another thread may have been quicker. False without memory. */
static bool make_part(struct tags *t, unsigned word)
{
	struct tag *none = NULL, *part;

	if (atomic_load_explicit(&t->part[word], memory_order_acquire))
		return true;
	part = calloc(64, sizeof(*part));
	if (!part)
		return false;
	if (!atomic_compare_exchange_strong(&t->part[word], &none, part))
		free(part);
	return true;
}

/* The lowest `most` bits of those that are set. */
static uint64_t lowest(uint64_t bits, unsigned most)
{
	uint64_t rest = bits;

	while (rest && most--)
		rest &= rest - 1;
	return bits ^ rest;
}

static bool fetch_from_word(struct tags *t, struct tag_hand *hand, unsigned word, unsigned most)
{
	uint64_t used = atomic_load(&t->used[word]), fetched;

	while (~used) {
		fetched = lowest(~used, most);
		if (atomic_compare_exchange_weak(&t->used[word], &used, used | fetched)) {
			hand->bits[word] |= fetched;
			hand->words |= UINT32_C(1) << word;
			return true;
		}
	}
	return false;
}

/* Up to `most` into the hand; false if there is none. */
static bool fetch(struct tags *t, struct tag_hand *hand, unsigned hint, unsigned most)
{
	for (unsigned i = 0; i < TAG_WORDS; i++) {
		unsigned word = (hint + i) % TAG_WORDS;

		if (make_part(t, word) && fetch_from_word(t, hand, word, most))
			return true;
	}
	return false;
}

/* Of a hand that is not empty. */
static uint32_t play(struct tag_hand *hand)
{
	unsigned word = (unsigned)__builtin_ctz(hand->words);
	unsigned bit = (unsigned)__builtin_ctzll(hand->bits[word]);

	hand->bits[word] &= hand->bits[word] - 1;
	if (!hand->bits[word])
		hand->words &= hand->words - 1;
	return word * 64 + bit;
}

/* Of the n-th use of a slot, counted from 1 (PDU-7). */
static uint32_t generation_of(uint64_t use)
{
	return (uint32_t)((use - 1) % GENERATIONS) + 1;
}

/* PDU-6 */
static bool take(struct tags *t, struct tag_hand *hand, unsigned most, unsigned slot,
		 struct task *task, uint32_t *ret_itt)
{
	struct tag *tag;
	uint32_t at;
	uint64_t use;

	if (!hand->words && !fetch(t, hand, slot, most)) {
		atomic_fetch_or(&t->waiting, UINT64_C(1) << slot);
		if (!fetch(t, hand, slot, most))
			return false;
	}
	at = play(hand);
	tag = tag_at(t, at);
	use = (atomic_load_explicit(&tag->holder, memory_order_relaxed) >> 8) + 1;
	tag->task = task;
	atomic_store_explicit(&tag->holder, use << 8 | (slot + 1), memory_order_release);
	*ret_itt = generation_of(use) * ENGINE_MAX_TASKS + at;
	return true;
}

bool tag_take(struct tags *t, unsigned slot, struct task *task, uint32_t *ret_itt)
{
	struct tag_hand hand = { .words = 0 };

	return take(t, &hand, 1, slot, task, ret_itt);
}

bool tag_take_by(struct tags *t, struct tag_hand *hand, unsigned slot, struct task *task,
		 uint32_t *ret_itt)
{
	return take(t, hand, FETCHED, slot, task, ret_itt);
}

static bool all_free(struct tags *t)
{
	for (unsigned i = 0; i < TAG_WORDS; i++)
		if (atomic_load(&t->used[i]))
			return false;
	return true;
}

bool tags_idle(struct tags *t, unsigned slot)
{
	if (all_free(t))
		return true;
	atomic_fetch_or(&t->waiting, UINT64_C(1) << slot);
	return all_free(t);
}

/* The holder's byte: slot + 1, or one of these. */
enum { HELD_BY_NONE = 0, /* it is free */ HELD_BY_NOBODY = 0xff /* adrift */ };

static void set_holder(struct tag *tag, unsigned holder)
{
	uint64_t use = atomic_load_explicit(&tag->holder, memory_order_relaxed) >> 8;

	/* Only who has the task calls this, so nobody else writes in between. */
	atomic_store_explicit(&tag->holder, use << 8 | holder, memory_order_release);
}

void tag_free_by(struct tags *t, struct tag_hand *hand, uint32_t itt)
{
	uint32_t at = tag_slot(itt);
	struct tag *tag = tag_at(t, at);

	tag->task = NULL;
	set_holder(tag, HELD_BY_NONE);
	hand->bits[at / 64] |= UINT64_C(1) << at % 64;
	hand->words |= UINT32_C(1) << at / 64;
}

uint64_t tags_return(struct tags *t, struct tag_hand *hand)
{
	if (!hand->words)
		return 0;
	for (; hand->words; hand->words &= hand->words - 1) {
		unsigned word = (unsigned)__builtin_ctz(hand->words);

		atomic_fetch_and(&t->used[word], ~hand->bits[word]);
		hand->bits[word] = 0;
	}
	return atomic_load(&t->waiting) ? atomic_exchange(&t->waiting, 0) : 0;
}

uint64_t tag_free(struct tags *t, uint32_t itt)
{
	struct tag_hand hand = { .words = 0 };

	tag_free_by(t, &hand, itt);
	return tags_return(t, &hand);
}

void tag_leave(struct tags *t, uint32_t itt)
{
	set_holder(tag_at(t, tag_slot(itt)), HELD_BY_NOBODY);
}

void tag_move(struct tags *t, uint32_t itt, unsigned slot)
{
	set_holder(tag_at(t, tag_slot(itt)), slot + 1);
}

/* How many uses ago the slot had this generation; as many as there were, if it never had. */
static uint64_t uses_since(uint64_t use, uint32_t generation)
{
	uint32_t newest;

	if (!use || !generation || generation > GENERATIONS)
		return use;
	newest = generation_of(use);
	return newest >= generation ? newest - generation : newest + GENERATIONS - generation;
}

/* PDU-7, CMD-14, MCS-2 */
enum tag_match tag_find(struct tags *t, uint32_t itt, unsigned slot, struct task **ret_task)
{
	uint32_t at = tag_slot(itt);
	struct tag *part = atomic_load_explicit(&t->part[at / 64], memory_order_acquire);
	struct tag *tag;
	uint64_t holder, use, since;

	if (!part)
		return TAG_FOREIGN;
	tag = part + at % 64;
	holder = atomic_load(&tag->holder);
	use = holder >> 8;
	since = uses_since(use, tag_generation(itt));
	if (since >= use)
		return TAG_FOREIGN;
	if (since || !(holder & 0xff))
		return TAG_STALE;
	if ((holder & 0xff) != slot + 1)
		return TAG_FOREIGN;
	*ret_task = tag->task;
	return TAG_OURS;
}
