/*
 * path.c - round robin over the connections.
 */
#include "drive/path.h"

#include <assert.h>
#include <string.h>

void paths_add(struct paths *paths, struct link *link)
{
	assert(paths->count < ENGINE_MAX_CONNS);
	paths->member[paths->count++] = link;
}

void paths_remove(struct paths *paths, const struct link *link)
{
	for (unsigned i = 0; i < paths->count; i++) {
		if (paths->member[i] != link)
			continue;
		paths->count--;
		memmove(&paths->member[i], &paths->member[i + 1],
			(paths->count - i) * sizeof(paths->member[0]));
		if (paths->next > i)
			paths->next--;
		return;
	}
}

struct link *paths_pick(struct paths *paths)
{
	if (paths->count == 0)
		return NULL;
	if (paths->next >= paths->count)
		paths->next = 0;
	return paths->member[paths->next++];
}
