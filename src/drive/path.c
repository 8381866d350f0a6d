/*
 * path.c - the choice: each policy gives every path a cost, the lowest wins, equal ones take turns.
 */
#include "drive/path.h"

#include <assert.h>
#include <string.h>

/* Compared from the left. */
struct cost {
	bool doubted;
	uint64_t rank, first, second;
};

static const struct path_rule *paths_rule(const struct paths *paths, uint64_t id)
{
	for (unsigned i = 0; i < paths->rules; i++)
		if (paths->rule[i].id == id)
			return &paths->rule[i];
	return NULL;
}

static uint64_t paths_rank(const struct paths *paths, uint64_t id)
{
	const struct path_rule *rule = paths_rule(paths, id);
	bool primary = rule && rule->primary;

	switch (paths->policy) {
	case PATH_FAIL_OVER_ONLY:
		return primary ? 0 : id;
	case PATH_ROUND_ROBIN_SUBSET:
		return !primary;
	case PATH_WEIGHTED:
		return rule ? rule->weight : 0;
	case PATH_ROUND_ROBIN:
	case PATH_LEAST_QUEUE_DEPTH:
	case PATH_ADAPTIVE:
		break;
	}
	return 0;
}

void paths_init(struct paths *paths, enum path_policy policy)
{
	memset(paths, 0, sizeof(*paths));
	paths->policy = policy;
}

void paths_add(struct paths *paths, struct path *path)
{
	assert(paths->count < ENGINE_MAX_CONNS);
	paths->rank[paths->count] = paths_rank(paths, path->id);
	paths->member[paths->count++] = path;
}

void paths_remove(struct paths *paths, const struct path *path)
{
	for (unsigned i = 0; i < paths->count; i++) {
		unsigned behind = paths->count - i - 1;

		if (paths->member[i] != path)
			continue;
		memmove(&paths->member[i], &paths->member[i + 1], behind * sizeof(paths->member[0]));
		memmove(&paths->rank[i], &paths->rank[i + 1], behind * sizeof(paths->rank[0]));
		paths->count--;
		if (paths->next > i)
			paths->next--;
		return;
	}
}

void paths_set(struct paths *paths, enum path_policy policy, const struct path_rule *rules, unsigned n)
{
	assert(n <= ENGINE_MAX_CONNS);
	paths->policy = policy;
	paths->rules = n;
	if (n)
		memcpy(paths->rule, rules, n * sizeof(*rules));
	for (unsigned i = 0; i < paths->count; i++)
		paths->rank[i] = paths_rank(paths, paths->member[i]->id);
}

static struct cost paths_cost(const struct paths *paths, unsigned i, uint64_t bytes, uint64_t now)
{
	const struct path *path = paths->member[i];
	struct cost cost = { .doubted = path->doubted, .rank = paths->rank[i] };

	switch (paths->policy) {
	case PATH_LEAST_QUEUE_DEPTH:
		cost.first = path_tasks(path);
		cost.second = path_bytes(path);
		break;
	case PATH_ADAPTIVE:
		cost.first = path_expected(path, bytes, now);
		cost.second = path_bytes(path);
		break;
	case PATH_FAIL_OVER_ONLY:
	case PATH_ROUND_ROBIN:
	case PATH_ROUND_ROBIN_SUBSET:
	case PATH_WEIGHTED:
		break;
	}
	return cost;
}

static bool cost_less(const struct cost *a, const struct cost *b)
{
	if (a->doubted != b->doubted)
		return b->doubted;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->first != b->first)
		return a->first < b->first;
	return a->second < b->second;
}

/* Sees the one after the last chosen first, so that equal ones take turns. */
static unsigned paths_cheapest(const struct paths *paths, uint64_t bytes, uint64_t now)
{
	unsigned best = paths->next < paths->count ? paths->next : 0, i = best;
	struct cost least = paths_cost(paths, best, bytes, now);

	for (unsigned n = 1; n < paths->count; n++) {
		struct cost cost;

		i = i + 1 < paths->count ? i + 1 : 0;
		cost = paths_cost(paths, i, bytes, now);
		if (!cost_less(&cost, &least))
			continue;
		best = i;
		least = cost;
	}
	return best;
}

/* MCS-3 */
struct path *paths_pick(struct paths *paths, uint64_t bytes, uint64_t now)
{
	struct path *path;
	unsigned i;

	if (paths->count == 0)
		return NULL;
	i = paths_cheapest(paths, bytes, now);
	paths->next = i + 1;
	path = paths->member[i];
	path->given_at = now;
	atomic_store_explicit(&path->compared, paths->policy == PATH_ADAPTIVE && paths->count > 1,
			      memory_order_relaxed);
	if (path_tasks(path) == 0)
		path->busy_from = now;
	path_put(&path->given_bytes, path_get(&path->given_bytes) + bytes);
	path_put(&path->given, path_get(&path->given) + 1);
	return path;
}
