/* drive_fake_world.c - see drive_fake_world.h. */
#include "drive_fake_world.h"

#include <string.h>

#define NEVER UINT64_MAX

enum {
	NETWORK_NS = 50 * 1000 * 1000, /* what is queued in the network, at the link's rate */
};

static uint64_t world_bytes(struct world *w)
{
	w->random = w->random * 1664525 + 1013904223;
	if (w->extremes)
		return w->random >> 31 ? w->most : w->least;
	return w->least + (w->random >> 8) % (w->most - w->least + 1);
}

static void link_begin(struct link_model *link, uint64_t now)
{
	uint64_t start = now > link->stalled_until ? now : link->stalled_until;

	if (link->queued)
		link->queue[0]->through =
			start + (uint64_t)((double)link->queue[0]->bytes / link->rate * 1000);
}

/* The socket takes a command when no more than it likes is before it. */
static void world_number(struct world *w, unsigned at)
{
	struct link_model *link = &w->link[at];
	uint64_t room = path_unsent(&w->path[at]) + (uint64_t)(link->rate * NETWORK_NS / 1000);
	uint64_t ahead = 0;

	for (unsigned i = 0; i < link->queued && ahead <= room; ahead += link->queue[i++]->bytes)
		if (!link->queue[i]->number)
			link->queue[i]->number = ++w->numbers;
}

void world_give(struct world *w, struct command *command)
{
	uint64_t bytes = world_bytes(w);
	struct path *path = paths_pick(&w->paths, bytes, w->now);
	struct link_model *link = &w->link[path - w->path];

	*command = (struct command){
		.link = (unsigned)(path - w->path), .bytes = bytes, .given_at = w->now,
		.through = NEVER, .back = NEVER,
	};
	link->queue[link->queued++] = command;
	if (link->queued == 1)
		link_begin(link, w->now);
	if (w->ordered)
		world_number(w, command->link);
}

/* The target executes it, and those that waited for it. */
static void world_arrived(struct world *w, struct command *command)
{
	bool more = true;

	command->arrived = true;
	while (more) {
		more = false;
		for (unsigned i = 0; i < COMMANDS; i++) {
			struct command *c = &w->command[i];

			if (!c->arrived || (w->ordered && c->number != w->executed + 1))
				continue;
			c->arrived = false;
			c->back = w->now + w->link[c->link].latency;
			w->executed++;
			more = true;
		}
	}
}

static void world_through(struct world *w, struct link_model *link)
{
	struct command *command = link->queue[0];

	link->queued--;
	memmove(link->queue, link->queue + 1, link->queued * sizeof(link->queue[0]));
	link_begin(link, w->now);
	if (w->ordered)
		world_number(w, command->link);
	world_arrived(w, command);
}

static void world_back(struct world *w, struct command *command)
{
	struct path *path = &w->path[command->link];

	w->link[command->link].carried += command->bytes;
	if (w->ordered)
		path_in_line(path);
	path_returned(path, command->bytes, w->now - command->given_at, w->now);
	if (path->wire_wanted)
		path->wire = (uint64_t)(w->link[command->link].rate * 1e6);
	command->back = NEVER;
	if (command < w->command + w->depth)
		world_give(w, command);
}

static void world_change(struct world *w)
{
	const struct change *change = w->changes++;
	struct link_model *link = &w->link[change->link];

	if (change->rate > 0)
		link->rate = change->rate;
	link->stalled_until = w->now + change->stall;
	link_begin(link, w->now);
}

/* One event; false when none is left before `until`. */
static bool world_step(struct world *w, uint64_t until)
{
	struct link_model *link = NULL;
	struct command *command = NULL;
	bool change = w->changes && w->changes->at && w->changes->at <= until;
	uint64_t at = change ? w->changes->at : until;

	for (unsigned i = 0; i < w->links; i++)
		if (w->link[i].queued && w->link[i].queue[0]->through < at) {
			link = &w->link[i];
			at = link->queue[0]->through;
		}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (w->command[i].back < at) {
			command = &w->command[i];
			at = command->back;
		}
	if (at >= until && !change)
		return false;
	w->now = at;
	if (command)
		world_back(w, command);
	else if (link)
		world_through(w, link);
	else
		world_change(w);
	return true;
}

double world_run(struct world *w, uint64_t ms)
{
	uint64_t until = w->now + ms * MS, carried = 0;

	for (unsigned i = 0; i < w->links; i++)
		w->link[i].carried = 0;
	while (world_step(w, until))
		;
	w->now = until;
	for (unsigned i = 0; i < w->links; i++)
		carried += w->link[i].carried;
	return (double)carried / (double)ms / 1000;
}

void world_init(struct world *w, const double *rates, const uint64_t *latencies)
{
	w->now = 1000 * MS;
	w->random = 1;
	paths_init(&w->paths, w->policy);
	for (unsigned i = 0; i < w->links; i++) {
		w->link[i].rate = rates[i];
		w->link[i].latency = latencies[i] * 1000;
		w->path[i].id = i + 1;
		paths_add(&w->paths, &w->path[i]);
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		w->command[i].back = NEVER;
	for (unsigned i = 0; i < w->depth; i++)
		world_give(w, &w->command[i]);
}
