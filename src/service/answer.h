/*
 * answer.h - a whole answer to SendTargets as records for targets.h (RFC 7143 appendix C).
 */
#ifndef ISCSIDSC_SERVICE_ANSWER_H
#define ISCSIDSC_SERVICE_ANSWER_H

#include "base/fault.h"
#include "service/targets.h"

struct answer {
	struct target_found *found;
	size_t count, room;
};

/* `own` is the address that was asked: where a target without an address is (DSC-4). Returns 0;
 * -EPROTO with *fault, or -ENOMEM. */
int answer_get(const char *text, size_t len, const struct name_address *own, struct answer *ret,
	       struct fault *fault);
void answer_done(struct answer *answer);

#endif
