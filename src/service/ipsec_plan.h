/*
 * ipsec_plan.h - in which ways a protection is tried to be brought up, one after the other, by flags and
 * settings. Pure.
 */
#ifndef ISCSIDSC_SERVICE_IPSEC_PLAN_H
#define ISCSIDSC_SERVICE_IPSEC_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum { IPSEC_TRIES_MAX = 4 };

/* One way. */
struct ipsec_try {
	unsigned version;    /* of IKE */
	bool aggressive;     /* of IKEv1; else main mode */
	bool tunnel;
};

struct ipsec_plan {
	struct ipsec_try tries[IPSEC_TRIES_MAX];
	unsigned count;
};

struct ipsec_terms {
	uint64_t flags;
	bool outer;          /* a tunnel ends elsewhere than at the portal: transport mode is none */
	bool user_space;     /* ESP is made in user space, which has no transport mode */
	bool insist;         /* not in the mode that is not preferred */
	bool fall_back;      /* IKEv1 main mode after IKEv2 */
};

/* None at all if what is insisted on can't be had. */
void ipsec_plan_make(const struct ipsec_terms *terms, struct ipsec_plan *ret);
/* The next try after one that failed for that reason; `count` for none. A peer that was silent, or that
 * found the key wrong, will do the same in the other mode. */
unsigned ipsec_plan_next(const struct ipsec_plan *plan, unsigned at, bool silent, bool key_wrong);
/* How many versions of IKE are still to come, that of `at` included: they share the time. */
unsigned ipsec_plan_versions(const struct ipsec_plan *plan, unsigned at);

#endif
