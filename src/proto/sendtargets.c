/* sendtargets.c - see sendtargets.h. */
#include "proto/sendtargets.h"

#include <errno.h>
#include <string.h>

void sendtargets_init(struct sendtargets *st, const char *text, size_t len)
{
	*st = (struct sendtargets){ 0 };
	text_init(&st->in, text, len);
}

static int broken(struct fault *fault, const char *why)
{
	fault_set(fault, FAULT_PROTOCOL, 0, "SendTargets: %s", why);
	return -EPROTO;
}

/* Both take_ functions return 1 with an item, 0 to go on, or a fault (DSC-3, DSC-6). */
static int take_target(struct sendtargets *st, const struct text_pair *pair,
		       struct sendtargets_item *ret, struct fault *fault)
{
	char *end;

	if (++st->targets > SENDTARGETS_TARGETS_MAX)
		return broken(fault, "more targets than we take");
	st->addresses = 0;
	st->skipping = name_check_received(pair->value) < 0;
	if (st->skipping) {
		st->skipped++;
		return 0;
	}
	ret->kind = SENDTARGETS_TARGET;
	end = stpcpy(ret->name, pair->value);
	for (char *p = ret->name; p < end; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
	return 1;
}

/* DSC-6 */
static int take_address(struct sendtargets *st, const struct text_pair *pair,
			struct sendtargets_item *ret, struct fault *fault)
{
	if (st->targets == 0)
		return broken(fault, "an address before the first name");
	if (++st->addresses > SENDTARGETS_ADDRESSES_MAX)
		return broken(fault, "more addresses of one target than we take");
	if (st->skipping)
		return 0;
	if (name_address_get(pair->value, &ret->address) < 0) {
		st->skipped++;
		return 0;
	}
	ret->kind = SENDTARGETS_ADDRESS;
	return 1;
}

/* DSC-3, DSC-4 */
int sendtargets_next(struct sendtargets *st, struct sendtargets_item *ret, struct fault *fault)
{
	struct sendtargets_item item = { .kind = SENDTARGETS_END };
	struct text_pair pair;
	int r;

	while ((r = text_next(&st->in, &pair, fault)) > 0) {
		if (strcmp(pair.key, "TargetName") == 0)
			r = take_target(st, &pair, &item, fault);
		else if (strcmp(pair.key, "TargetAddress") == 0)
			r = take_address(st, &pair, &item, fault);
		else if (strcmp(pair.key, "TargetAlias") == 0)
			r = 0;
		else
			return broken(fault, "the answer has a key that does not belong there");
		if (r != 0)
			break;
	}
	if (r < 0)
		return r;
	*ret = item;
	return 0;
}
