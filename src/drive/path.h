/*
 * path.h - which connection carries the next command. Lives on the home loop.
 */
#ifndef ISCSIDSC_DRIVE_PATH_H
#define ISCSIDSC_DRIVE_PATH_H

#include "engine/engine.h"

struct link;

/* The connections that carry commands, in the order in which they joined. Owns nothing. */
struct paths {
	struct link *member[ENGINE_MAX_CONNS];
	unsigned count, next;
};

void paths_add(struct paths *paths, struct link *link);
/* Does nothing if it is not there. */
void paths_remove(struct paths *paths, const struct link *link);
/* NULL if there is none. */
struct link *paths_pick(struct paths *paths);

#endif
