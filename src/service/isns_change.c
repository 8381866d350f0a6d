/*
 * isns_change.c - the nodes that a server's notifications name, and what is then asked of each; see
 * isns.h. A notification is believed in nothing but that it names something: the server is asked.
 */
#include "service/isns.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "proto/isns.h"
#include "service/isns_answer.h"

static void note_name(struct isns_changes *changes, const char *name)
{
	for (unsigned i = 0; i < changes->count; i++)
		if (strcasecmp(changes->name[i], name) == 0)
			return;
	if (changes->count == ISNS_CHANGES_MAX || !*name || strlen(name) > NAME_MAX_LEN)
		changes->all = true;
	else
		strcpy(changes->name[changes->count++], name);
}

void isns_changes_note(struct isns_changes *changes, struct bytes_reader *named)
{
	struct isns_attr attr;
	bool any = false;
	const char *name;
	int r;

	while ((r = isns_attr_next(named, &attr)) > 0) {
		if (attr.tag != ISNS_NAME)
			continue;
		any = true;
		note_name(changes, isns_attr_text(&attr, &name) == 0 ? name : "");
	}
	if (r < 0 || !any)
		changes->all = true;
}

bool isns_changes_any(const struct isns_changes *changes)
{
	return changes->all || changes->count;
}

void isns_changes_clear(struct isns_changes *changes)
{
	changes->all = false;
	changes->count = changes->round = 0;
}

void isns_change_next(struct isns_server *server)
{
	struct isns_changes *changes = &server->changes;

	if (!changes->round)
		changes->round = changes->count;
	strcpy(server->asked_name, changes->name[0]);
	changes->round--;
	changes->count--;
	memmove(changes->name[0], changes->name[1], changes->count * sizeof(changes->name[0]));
}

int isns_change_take(struct isns_server *server, struct bytes_reader *attributes)
{
	struct targets *targets = &server->service->targets;
	struct target_found *found = NULL;
	struct answer answer;
	struct fault fault;
	int r = isns_answer_get(attributes, &answer, &fault);

	if (r < 0)
		return r;
	for (size_t i = 0; i < answer.count; i++)
		if (strcasecmp(answer.found[i].name, server->asked_name) == 0)
			found = &answer.found[i];
	if (found)
		r = targets_put(targets, server->tells, found);
	else
		targets_drop(targets, server->tells, server->asked_name);
	answer_done(&answer);
	return r;
}
