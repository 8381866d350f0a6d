/*
 * key_rule.h - the table of login keys (RFC 7143 section 13 and 12.1): how each is treated, its
 * range, default and result function, and where its value lies. For keys.c alone.
 */
#ifndef ISCSIDSC_PROTO_KEY_RULE_H
#define ISCSIDSC_PROTO_KEY_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/keys.h"

/* How a key is treated. The first five are not negotiated here. */
enum key_rule_kind {
	RULE_SECURITY,   /* the login code's, in the security stage */
	RULE_OURS,       /* only an initiator may send it */
	RULE_DECLARED,   /* the target declares it; the login code uses it */
	RULE_TAG,        /* the same, and its number is kept */
	RULE_IGNORED,    /* may come, means nothing to us */
	RULE_OBSOLETE,
	RULE_RECEIVE,    /* a number declared for each direction */
	RULE_MIN, RULE_MAX, RULE_AND, RULE_OR,
	RULE_DIGEST, RULE_REPORTING,
};

enum {
	LEADING_ONLY = 1,      /* use LO: LOG-24 */
	NOT_DISCOVERY = 2,     /* irrelevant in a discovery session */
	MAY_BE_UNKNOWN = 4,    /* younger than RFC 3720: silence and NotUnderstood mean "off" (P2-1) */
	MAY_REPEAT = 8,
};

struct key_rule {
	const char *name;
	enum key_rule_kind kind;
	unsigned flags;
	uint32_t min, max, fallback; /* fallback: the default of section 13 */
	uint16_t offer_at, params_at;
	uint8_t offer_size, params_size;
};

/* Indexed by enum key_id; KEY_NONE has an empty row. */
extern const struct key_rule key_rules[KEY_COUNT];

/* The key's value in an offer and in parameters; a boolean is 0 or 1. Only for rows that have such
 * a field: RULE_RECEIVE and what follows it, the digests' offer apart. */
uint32_t key_rule_offer(const struct key_rule *rule, const struct keys_offer *offer);
uint32_t key_rule_param(const struct key_rule *rule, const struct keys_params *params);
void key_rule_set(const struct key_rule *rule, struct keys_params *params, uint32_t value);

static inline bool key_rule_is_bool(const struct key_rule *rule)
{
	return rule->kind == RULE_AND || rule->kind == RULE_OR;
}

static inline bool key_rule_is_number(const struct key_rule *rule)
{
	return rule->kind == RULE_MIN || rule->kind == RULE_MAX || rule->kind == RULE_RECEIVE;
}

/* Reads a value in the key's form: a number in its range, or Yes or No. 0 or -EINVAL. */
int key_rule_get(const struct key_rule *rule, const char *value, uint32_t *ret);
/* The outcome of two values: the result function of section 13. */
uint32_t key_rule_result(const struct key_rule *rule, uint32_t a, uint32_t b);

#endif
