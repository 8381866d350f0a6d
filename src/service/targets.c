/*
 * targets.c - see targets.h. A tree for finding (an answer may hold thousands of names), a list for
 * the order in which listings show them.
 */
#include "service/targets.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/sendtargets.h"

/* One record of an answer, before it counts. */
struct record {
	char name[NAME_MAX_LEN + 1];
	unsigned count;
	struct name_address *addresses;
};

struct answer {
	struct record *records;
	size_t count, room;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct target *)a)->name, ((const struct target *)b)->name);
}

void targets_init(struct targets *targets)
{
	list_init(&targets->list);
	targets->tree = NULL;
	targets->generation = 0;
}

static void way_free(struct target_way *way)
{
	list_remove(&way->link);
	free(way->addresses);
	free(way);
}

static void target_free(struct targets *targets, struct target *target)
{
	list_for_each(it, &target->ways)
		way_free(list_entry(it, struct target_way, link));
	tdelete(target, &targets->tree, compare);
	list_remove(&target->link);
	free(target);
}

void targets_done(struct targets *targets)
{
	list_for_each(it, &targets->list)
		target_free(targets, list_entry(it, struct target, link));
}

struct target *targets_find(const struct targets *targets, const char *name)
{
	struct target key;
	struct target **found;

	if (strlen(name) > NAME_MAX_LEN)
		return NULL;
	strcpy(key.name, name);
	found = tfind(&key, &targets->tree, compare);
	return found ? *found : NULL;
}

static struct target *targets_make(struct targets *targets, const char *name)
{
	struct target *target = targets_find(targets, name);

	if (target)
		return target;
	target = calloc(1, sizeof(*target));
	if (!target)
		return NULL;
	strcpy(target->name, name);
	list_init(&target->ways);
	if (!tsearch(target, &targets->tree, compare)) {
		free(target);
		return NULL;
	}
	list_append(&targets->list, &target->link);
	return target;
}

static struct target_way *target_way(struct target *target, const void *source)
{
	struct target_way *way;

	list_for_each(it, &target->ways) {
		way = list_entry(it, struct target_way, link);
		if (way->source == source)
			return way;
	}
	way = calloc(1, sizeof(*way));
	if (!way)
		return NULL;
	way->source = source;
	list_append(&target->ways, &way->link);
	return way;
}

static int addresses_add(struct name_address **addresses, unsigned *count,
			 const struct name_address *add, unsigned n)
{
	struct name_address *grown;

	if (n == 0)
		return 0;
	grown = realloc(*addresses, (*count + n) * sizeof(**addresses));
	if (!grown)
		return -ENOMEM;
	memcpy(grown + *count, add, n * sizeof(*add));
	*addresses = grown;
	*count += n;
	return 0;
}

static int answer_begin_record(struct answer *answer, const char *name)
{
	struct record *grown;

	if (answer->count == answer->room) {
		size_t room = answer->room ? answer->room * 2 : 16;

		grown = realloc(answer->records, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		answer->records = grown;
		answer->room = room;
	}
	answer->records[answer->count] = (struct record){ .count = 0 };
	strcpy(answer->records[answer->count++].name, name);
	return 0;
}

static int answer_get(struct answer *answer, const char *text, size_t len, struct fault *fault)
{
	struct sendtargets_item item;
	struct sendtargets cursor;
	struct record *last;
	int r;

	sendtargets_init(&cursor, text, len);
	for (;;) {
		r = sendtargets_next(&cursor, &item, fault);
		if (r < 0 || item.kind == SENDTARGETS_END)
			return r;
		if (item.kind == SENDTARGETS_TARGET) {
			r = answer_begin_record(answer, item.name);
		} else {
			last = &answer->records[answer->count - 1];
			r = addresses_add(&last->addresses, &last->count, &item.address, 1);
		}
		if (r < 0)
			return r;
	}
}

static void answer_done(struct answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		free(answer->records[i].addresses);
	free(answer->records);
}

static int record_apply(struct targets *targets, const void *source, const struct record *record,
			const struct name_address *own)
{
	struct target *target = targets_make(targets, record->name);
	struct target_way *way = target ? target_way(target, source) : NULL;

	if (!way)
		return -ENOMEM;
	if (way->generation != targets->generation) {
		free(way->addresses);
		way->addresses = NULL;
		way->count = 0;
		way->generation = targets->generation;
	}
	if (record->count == 0)
		return addresses_add(&way->addresses, &way->count, own, 1);
	return addresses_add(&way->addresses, &way->count, record->addresses, record->count);
}

/* The last way of a target that a session holds stays: its addresses are still needed. */
static void way_drop(struct targets *targets, struct target *target, struct target_way *way)
{
	if (target->held && target->ways.next == target->ways.prev) {
		way->source = NULL;
		return;
	}
	way_free(way);
	if (list_empty(&target->ways))
		target_free(targets, target);
}

/* Drops the ways of a source that are not of this generation, and those that a session kept where
 * the target has a living source again. */
static void targets_sweep(struct targets *targets, const void *source, unsigned generation)
{
	list_for_each(it, &targets->list) {
		struct target *target = list_entry(it, struct target, link);
		struct target_way *stale = NULL, *kept = NULL;

		list_for_each(at, &target->ways) {
			struct target_way *way = list_entry(at, struct target_way, link);

			if (!way->source)
				kept = way;
			else if (way->source == source && way->generation != generation)
				stale = way;
		}
		if (kept && target->ways.next != target->ways.prev)
			way_free(kept);
		if (stale)
			way_drop(targets, target, stale);
	}
}

int targets_replace(struct targets *targets, const void *source, const char *text, size_t len,
		    const struct name_address *own, struct fault *fault)
{
	struct answer answer = { .count = 0 };
	int r = answer_get(&answer, text, len, fault);

	if (r == 0)
		targets->generation++;
	for (size_t i = 0; r == 0 && i < answer.count; i++)
		r = record_apply(targets, source, &answer.records[i], own);
	if (r == 0)
		targets_sweep(targets, source, targets->generation);
	answer_done(&answer);
	return r;
}

void targets_forget(struct targets *targets, const void *source)
{
	targets_sweep(targets, source, ++targets->generation);
}

void targets_hold(struct target *target)
{
	target->held++;
}

void targets_release(struct targets *targets, struct target *target)
{
	if (--target->held)
		return;
	list_for_each(it, &target->ways) {
		struct target_way *way = list_entry(it, struct target_way, link);

		if (!way->source)
			way_free(way);
	}
	if (list_empty(&target->ways))
		target_free(targets, target);
}

static bool address_equal(const struct name_address *address, const char *host, uint16_t port)
{
	return address->port == port && strcasecmp(address->host, host) == 0;
}

/* The addresses of all ways as one row. */
static const struct name_address *address_at(const struct target *target, unsigned index)
{
	list_for_each(it, &target->ways) {
		const struct target_way *way = list_entry(it, struct target_way, link);

		if (index < way->count)
			return &way->addresses[index];
		index -= way->count;
	}
	return NULL;
}

const struct name_address *target_find_address(const struct target *target, const char *host,
					       uint16_t port)
{
	const struct name_address *address;

	for (unsigned i = 0; (address = address_at(target, i)); i++)
		if (address_equal(address, host, port))
			return address;
	return NULL;
}

const struct name_address *target_address(const struct target *target, unsigned *at)
{
	const struct name_address *address;

	while ((address = address_at(target, *at))) {
		(*at)++;
		if (target_find_address(target, address->host, address->port) == address)
			return address;
	}
	return NULL;
}
