/*
 * ipsec_plan.c - see ipsec_plan.h.
 */
#include "service/ipsec_plan.h"

#include <string.h>

#include "service/options.h"

static void plan_add(struct ipsec_plan *plan, unsigned version, bool aggressive, bool tunnel)
{
	plan->tries[plan->count++] = (struct ipsec_try){ version, aggressive, tunnel };
}

/* Both modes of one version, the preferred one first. */
static void plan_version(const struct ipsec_terms *terms, unsigned version, bool aggressive,
			 struct ipsec_plan *plan)
{
	bool asked = terms->flags & (SECURITY_TRANSPORT_MODE | SECURITY_TUNNEL_MODE);
	bool tunnel = asked ? terms->flags & SECURITY_TUNNEL_MODE : terms->outer;
	bool insist = terms->insist && asked;

	for (unsigned i = 0; i < (insist ? 1 : 2); i++, tunnel = !tunnel)
		if (tunnel || !(terms->user_space || terms->outer))
			plan_add(plan, version, aggressive, tunnel);
}

void ipsec_plan_make(const struct ipsec_terms *terms, struct ipsec_plan *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (terms->flags & SECURITY_AGGRESSIVE_MODE) {
		plan_version(terms, 1, true, ret);
	} else if (terms->flags & SECURITY_MAIN_MODE) {
		plan_version(terms, 1, false, ret);
	} else {
		plan_version(terms, 2, false, ret);
		if (terms->fall_back)
			plan_version(terms, 1, false, ret);
	}
}

unsigned ipsec_plan_next(const struct ipsec_plan *plan, unsigned at, bool silent, bool key_wrong)
{
	unsigned version = plan->tries[at].version;

	if (key_wrong)
		return plan->count;
	for (at++; silent && at < plan->count && plan->tries[at].version == version;)
		at++;
	return at;
}

unsigned ipsec_plan_versions(const struct ipsec_plan *plan, unsigned at)
{
	unsigned n = 1;

	for (at++; at < plan->count; at++)
		n += plan->tries[at].version != plan->tries[at - 1].version;
	return n;
}
