/*
 * memory.h - memory that runs out in the engine, and nowhere else: the linker sends all allocations
 * through here (--wrap), and those made within DOOR may fail.
 */
#ifndef ISCSIDSC_TEST_MEMORY_H
#define ISCSIDSC_TEST_MEMORY_H

#include "random.h"

struct memory {
	struct random random;
	bool armed;          /* within a door of the engine */
	unsigned one_in;     /* one allocation in so many fails; 0: none */
	unsigned left;       /* ... but not more than these */
	unsigned failed;
	unsigned place;      /* enum place: where the connection is whose door it is */
	unsigned failed_at[8];
};

extern struct memory memory;

/* A door call of the engine. */
#define DOOR(call) do { memory.armed = true; call; memory.armed = false; } while (0)

#endif
