/*
 * sendtargets.h - reads the answer to SendTargets (RFC 7143 appendix C; DSC-3 to DSC-6).
 *
 * A cursor over one complete text; it allocates and keeps nothing. What a target without address
 * means (DSC-4), and which targets are already known, is the caller's to decide.
 */
#ifndef ISCSIDSC_PROTO_SENDTARGETS_H
#define ISCSIDSC_PROTO_SENDTARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"
#include "proto/name.h"
#include "proto/text.h"

enum {
	SENDTARGETS_TARGETS_MAX = 16384,  /* targets of one answer that we take */
	SENDTARGETS_ADDRESSES_MAX = 64,   /* addresses of one of them */
};

enum sendtargets_kind {
	SENDTARGETS_END,
	SENDTARGETS_TARGET,   /* .name: a record begins */
	SENDTARGETS_ADDRESS,  /* .address: of the record that began last */
};

struct sendtargets_item {
	enum sendtargets_kind kind;
	char name[NAME_MAX_LEN + 1];  /* as the target spelt it, folded to lower case */
	struct name_address address;  /* tag -1 if the target did not write one */
};

struct sendtargets {
	struct text_in in;
	unsigned targets, addresses;
	unsigned skipped;   /* records and addresses that were left out as unusable */
	bool skipping;      /* inside a record with an unusable name */
};

void sendtargets_init(struct sendtargets *st, const char *text, size_t len);
/* Returns 0 with the next item (SENDTARGETS_END at the end, again and again), or -EPROTO with
 * *fault: an address before the first name, another key, or over a limit. TargetAlias is skipped.
 * One unusable name or address does not spoil the rest: it is left out and counted. */
int sendtargets_next(struct sendtargets *st, struct sendtargets_item *ret, struct fault *fault);

#endif
