/*
 * answer.c - see answer.h.
 */
#include "service/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sendtargets.h"

static int add_address(struct target_found *found, const struct name_address *address)
{
	struct name_address *grown = reallocarray(found->addresses, found->count + 1,
						  sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[found->count++] = *address;
	found->addresses = grown;
	return 0;
}

static int add_target(struct answer *answer, const char *name)
{
	struct target_found *grown;

	if (answer->count == answer->room) {
		size_t room = answer->room ? answer->room * 2 : 16;

		grown = reallocarray(answer->found, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		answer->found = grown;
		answer->room = room;
	}
	answer->found[answer->count] = (struct target_found){ .count = 0 };
	strcpy(answer->found[answer->count++].name, name);
	return 0;
}

static int take(struct answer *answer, const char *text, size_t len, struct fault *fault)
{
	struct sendtargets_item item;
	struct sendtargets cursor;
	int r;

	sendtargets_init(&cursor, text, len);
	do {
		r = sendtargets_next(&cursor, &item, fault);
		if (r == 0 && item.kind == SENDTARGETS_TARGET)
			r = add_target(answer, item.name);
		else if (r == 0 && item.kind == SENDTARGETS_ADDRESS)
			r = add_address(&answer->found[answer->count - 1], &item.address);
	} while (r == 0 && item.kind != SENDTARGETS_END);
	return r;
}

int answer_get(const char *text, size_t len, const struct name_address *own, struct answer *ret,
	       struct fault *fault)
{
	struct answer answer = { .count = 0 };
	int r = take(&answer, text, len, fault);

	/* DSC-4 */
	for (size_t i = 0; r == 0 && i < answer.count; i++)
		if (answer.found[i].count == 0)
			r = add_address(&answer.found[i], own);
	if (r == 0)
		*ret = answer;
	else
		answer_done(&answer);
	return r;
}

void answer_done(struct answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		free(answer->found[i].addresses);
	free(answer->found);
}
