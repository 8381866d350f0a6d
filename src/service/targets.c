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

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct target *)a)->name, ((const struct target *)b)->name);
}

void targets_init(struct targets *targets)
{
	list_init(&targets->list);
	list_init(&targets->sources);
	targets->tree = NULL;
	targets->generation = 0;
	targets->told = NULL;
	targets->told_ctx = NULL;
}

/* ---- sources */

/* A source that nobody asks goes with its last way. */
static void source_try_free(struct target_source *source)
{
	if (source->asked || source->ways)
		return;
	list_remove(&source->link);
	free(source);
}

struct target_source *targets_source(struct targets *targets, const char *mechanism)
{
	struct target_source *source;
	size_t len = strlen(mechanism);

	list_for_each(it, &targets->sources) {
		source = list_entry(it, struct target_source, link);
		if (strcasecmp(source->mechanism, mechanism) == 0) {
			source->asked = true;
			return source;
		}
	}
	source = calloc(1, sizeof(*source) + len + 1);
	if (!source)
		return NULL;
	memcpy(source->mechanism, mechanism, len + 1);
	source->asked = true;
	list_append(&targets->sources, &source->link);
	return source;
}

void targets_leave(struct targets *targets, struct target_source *source)
{
	(void)targets;
	source->asked = false;
	source_try_free(source);
}

/* ---- ways */

static void way_free(struct target_way *way)
{
	list_remove(&way->link);
	way->source->ways--;
	source_try_free(way->source);
	free(way->addresses);
	free(way->alias);
	free(way);
}

static struct target_way *way_of(const struct target *target, const struct target_source *source)
{
	list_for_each(it, &target->ways) {
		struct target_way *way = list_entry(it, struct target_way, link);

		if (way->source == source)
			return way;
	}
	return NULL;
}

static struct target_way *way_make(struct target *target, struct target_source *source)
{
	struct target_way *way = way_of(target, source);

	if (way)
		return way;
	way = calloc(1, sizeof(*way));
	if (!way)
		return NULL;
	way->source = source;
	source->ways++;
	list_append(&target->ways, &way->link);
	return way;
}

/* Makes place for what is told now. */
static void way_clear(struct target_way *way, unsigned generation)
{
	free(way->addresses);
	free(way->alias);
	way->addresses = NULL;
	way->alias = NULL;
	way->count = 0;
	way->kept = way->hidden = way->one_group = false;
	way->generation = generation;
}

static int way_take(struct target_way *way, const struct target_found *found)
{
	struct name_address *grown;

	way->hidden = found->hidden;
	way->one_group = found->one_group;
	if (found->alias && !way->alias && !(way->alias = strdup(found->alias)))
		return -ENOMEM;
	if (found->count == 0)
		return 0;
	grown = reallocarray(way->addresses, way->count + found->count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memcpy(grown + way->count, found->addresses, found->count * sizeof(*grown));
	way->addresses = grown;
	way->count += found->count;
	return 0;
}

const struct target_way *target_find_way(const struct target *target, const char *mechanism)
{
	list_for_each(it, &target->ways) {
		const struct target_way *way = list_entry(it, struct target_way, link);

		if (strcasecmp(way->source->mechanism, mechanism) == 0)
			return way;
	}
	return NULL;
}

/* ---- targets */

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
	list_for_each(it, &targets->sources)
		targets_leave(targets, list_entry(it, struct target_source, link));
}

struct target *targets_find_any(const struct targets *targets, const char *name)
{
	struct target key;
	struct target **found;

	if (strlen(name) > NAME_MAX_LEN)
		return NULL;
	strcpy(key.name, name);
	found = tfind(&key, &targets->tree, compare);
	return found ? *found : NULL;
}

/* Somebody else than this way, who still knows of it, makes the target known. */
static bool known_without(const struct target *target, const struct target_way *without)
{
	list_for_each(it, &target->ways) {
		const struct target_way *way = list_entry(it, struct target_way, link);

		if (way != without && !way->kept && !way->hidden)
			return true;
	}
	return false;
}

bool target_listed(const struct target *target)
{
	return target->held || known_without(target, NULL);
}

struct target *targets_find(const struct targets *targets, const char *name)
{
	struct target *target = targets_find_any(targets, name);

	return target && target_listed(target) ? target : NULL;
}

static struct target *target_make(struct targets *targets, const char *name)
{
	struct target *target = targets_find_any(targets, name);

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

static void target_try_free(struct targets *targets, struct target *target)
{
	if (!target->held && list_empty(&target->ways))
		target_free(targets, target);
}

/* What sessions kept goes once others know the target, or once no session needs it. */
static void drop_kept(struct target *target)
{
	list_for_each(it, &target->ways) {
		struct target_way *way = list_entry(it, struct target_way, link);

		if (way->kept && (!target->held || known_without(target, way)))
			way_free(way);
	}
}

/* The source has forgotten it. What a session may still need stays: its addresses. */
static void way_drop(struct targets *targets, struct target *target, struct target_way *way)
{
	if (target->held && !known_without(target, way))
		way->kept = true;
	else
		way_free(way);
	target_try_free(targets, target);
}

/* ---- what sources tell */

static int found_apply(struct targets *targets, struct target_source *source,
		       const struct target_found *found, unsigned generation)
{
	struct target *target = target_make(targets, found->name);
	struct target_way *way = target ? way_make(target, source) : NULL;
	int r = -ENOMEM;

	if (way) {
		if (way->generation != generation)
			way_clear(way, generation);
		r = way_take(way, found);
	}
	if (target)
		target_try_free(targets, target);
	return r;
}

/* Drops the ways of a source that are not of this generation. */
static void targets_sweep(struct targets *targets, const struct target_source *source,
			  unsigned generation)
{
	list_for_each(it, &targets->list) {
		struct target *target = list_entry(it, struct target, link);
		struct target_way *way = way_of(target, source);

		drop_kept(target);
		if (way && !way->kept && way->generation != generation)
			way_drop(targets, target, way);
	}
}

int targets_replace(struct targets *targets, struct target_source *source,
		    const struct target_found *found, size_t count)
{
	unsigned generation = ++targets->generation;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = found_apply(targets, source, &found[i], generation);
	if (r == 0)
		targets_sweep(targets, source, generation);
	if (targets->told)
		targets->told(targets->told_ctx);
	return r;
}

int targets_put(struct targets *targets, struct target_source *source,
		const struct target_found *found)
{
	int r = found_apply(targets, source, found, ++targets->generation);

	if (r == 0)
		drop_kept(targets_find_any(targets, found->name));
	if (targets->told)
		targets->told(targets->told_ctx);
	return r;
}

void targets_drop(struct targets *targets, struct target_source *source, const char *name)
{
	struct target *target = targets_find_any(targets, name);
	struct target_way *way = target ? way_of(target, source) : NULL;

	if (way && !way->kept)
		way_drop(targets, target, way);
}

void targets_forget(struct targets *targets, struct target_source *source)
{
	targets_sweep(targets, source, ++targets->generation);
	targets_leave(targets, source);
}

void targets_hold(struct target *target)
{
	target->held++;
}

void targets_release(struct targets *targets, struct target *target)
{
	if (--target->held)
		return;
	drop_kept(target);
	target_try_free(targets, target);
}

/* ---- addresses */

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

static bool way_has(const struct target_way *way, const char *host, uint16_t port)
{
	for (unsigned i = 0; i < way->count; i++)
		if (address_equal(&way->addresses[i], host, port))
			return true;
	return false;
}

void target_learn_tag(struct target *target, const char *host, uint16_t port, int tag)
{
	list_for_each(it, &target->ways) {
		struct target_way *way = list_entry(it, struct target_way, link);

		if (!way_has(way, host, port))
			continue;
		for (unsigned i = 0; i < way->count; i++) {
			struct name_address *address = &way->addresses[i];

			if (address->tag < 0 && (way->one_group || address_equal(address, host, port)))
				address->tag = tag;
		}
	}
}
