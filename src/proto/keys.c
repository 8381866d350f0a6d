/* keys.c - see keys.h. Everything particular to a key is in its row of key_rule.c. */
#include "proto/keys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/key_rule.h"

static const char *const reporting[] = { "RFC3720", "ResponseFence", "FastAbort" };

static uint64_t key_bit(enum key_id id)
{
	return UINT64_C(1) << id;
}

_Static_assert(KEY_COUNT <= 64, "a bit for each key");

/* ---------------------------------------------------------------- offers and defaults */

void keys_offer_default(struct keys_offer *ret)
{
	*ret = (struct keys_offer){
		.max_connections = 8,
		.initial_r2t = false,
		.immediate_data = true,
		.max_recv_data_segment_length = 262144,
		.max_burst_length = 1048576,
		.first_burst_length = 262144,
		.default_time2wait = 2,
		.default_time2retain = 20,
		.max_outstanding_r2t = 1,
		.data_pdu_in_order = true,
		.data_sequence_in_order = true,
	};
}

/* KEY-6. */
static bool recovery_contradicts(uint8_t level, bool sequence_in_order, uint16_t r2ts)
{
	return level > 0 && sequence_in_order && r2ts > 1;
}

int keys_offer_check(const struct keys_offer *offer)
{
	for (int id = KEY_NONE + 1; id < KEY_COUNT; id++) {
		const struct key_rule *rule = &key_rules[id];
		uint32_t value;

		if (!key_rule_is_number(rule))
			continue;
		value = key_rule_offer(rule, offer);
		if (value < rule->min || value > rule->max)
			return -EINVAL;
	}
	if (offer->first_burst_length > offer->max_burst_length ||
	    recovery_contradicts(offer->error_recovery_level, offer->data_sequence_in_order,
				 offer->max_outstanding_r2t))
		return -EINVAL;
	return 0;
}

void keys_params_default(struct keys_params *ret)
{
	memset(ret, 0, sizeof *ret);
	for (int id = KEY_NONE + 1; id < KEY_COUNT; id++)
		if (key_rules[id].params_size)
			key_rule_set(&key_rules[id], ret, key_rules[id].fallback);
	ret->max_recv_data_segment_length = 8192;
	ret->target_portal_group_tag = -1;
}

/* ID-10 */
void keys_start(struct keys *keys, const struct keys_offer *offer, enum keys_login login,
		enum keys_session type, bool header_digest, bool data_digest,
		const struct keys_params *session)
{
	struct keys_params now;

	assert((login == KEYS_ADDED) == (session != NULL));
	keys_params_default(&now);
	*keys = (struct keys){
		.offer = *offer, .now = now, .login = login, .type = type,
		.want_header_digest = header_digest, .want_data_digest = data_digest,
	};
	if (type == KEYS_DISCOVERY) /* KEY-5 */
		keys->offer.error_recovery_level = 0;
	if (!session)
		return;
	keys->session = keys->now = *session;
	keys->now.header_digest = now.header_digest;
	keys->now.data_digest = now.data_digest;
	keys->now.max_send_data_segment_length = now.max_send_data_segment_length;
	keys->now.max_recv_data_segment_length = now.max_recv_data_segment_length;
	keys->now.target_portal_group_tag = -1;
}

static bool wanted_digest(const struct keys *keys, enum key_id id)
{
	return id == KEY_HEADER_DIGEST ? keys->want_header_digest : keys->want_data_digest;
}

static const char *digest_name(bool on)
{
	return on ? "CRC32C" : "None";
}

/* LOG-24, KEY-5 */
static bool is_offered_by_us(const struct keys *keys, enum key_id id)
{
	const struct key_rule *rule = &key_rules[id];

	if (rule->kind < RULE_RECEIVE)
		return false;
	if ((rule->flags & LEADING_ONLY) && keys->login != KEYS_LEADING)
		return false;
	if ((rule->flags & NOT_DISCOVERY) && keys->type == KEYS_DISCOVERY)
		return false;
	if (id == KEY_TASK_REPORTING)
		return keys->offer.task_reporting;
	if (id == KEY_PROTOCOL_LEVEL)
		return keys->offer.protocol_level != 0;
	return true;
}

/* What we can take, whoever proposes; FastAbort only where it was asked for. */
static const char *reporting_words(const struct keys *keys)
{
	return keys->offer.task_reporting && !keys->offer.no_fast_abort
		       ? "FastAbort,ResponseFence,RFC3720" : "ResponseFence,RFC3720";
}

static void offer_put(const struct keys *keys, enum key_id id, struct text_out *out)
{
	const struct key_rule *rule = &key_rules[id];

	switch (rule->kind) {
	case RULE_DIGEST:
		text_put(out, rule->name, digest_name(wanted_digest(keys, id)));
		break;
	case RULE_REPORTING:
		text_put(out, rule->name, reporting_words(keys));
		break;
	case RULE_AND:
	case RULE_OR:
		text_put_bool(out, rule->name, key_rule_offer(rule, &keys->offer));
		break;
	default:
		text_put_number(out, rule->name, key_rule_offer(rule, &keys->offer));
	}
}

void keys_put_offers(struct keys *keys, struct text_out *out)
{
	keys->operational = true;
	keys->now.max_recv_data_segment_length = keys->offer.max_recv_data_segment_length;
	for (int id = KEY_NONE + 1; id < KEY_COUNT; id++) {
		if (is_offered_by_us(keys, (enum key_id)id)) {
			offer_put(keys, (enum key_id)id, out);
			keys->offered |= key_bit((enum key_id)id);
		}
	}
}

/* ---------------------------------------------------------------- what the target says */

static int broken(struct fault *fault, const char *name, const char *why)
{
	fault_set(fault, FAULT_PROTOCOL, 0, "login key %s: %s", name, why);
	return -EPROTO;
}

static bool is_reserved_word(const char *value)
{
	return strcmp(value, "Reject") == 0 || strcmp(value, "Irrelevant") == 0 ||
	       strcmp(value, "NotUnderstood") == 0;
}

static int reporting_get(const char *value, uint32_t *ret)
{
	for (uint32_t i = 0; i < sizeof reporting / sizeof *reporting; i++) {
		if (strcmp(value, reporting[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* TXT-12, TXT-13, TXT-15 to TXT-17, KEY-8. */
static int take_answer(struct keys *keys, enum key_id id, const char *value, struct fault *fault)
{
	const struct key_rule *rule = &key_rules[id];
	uint32_t number, ours;

	if (is_reserved_word(value)) {
		if (keys->offer.strict && !(rule->flags & MAY_BE_UNKNOWN) &&
		    strcmp(value, "NotUnderstood") == 0)
			return broken(fault, rule->name, "the target does not understand it");
		return 0; /* the default stays in force; TOL-3 */
	}
	switch (rule->kind) {
	case RULE_DIGEST:
		if (strcmp(value, digest_name(wanted_digest(keys, id))) != 0)
			return broken(fault, rule->name, "the answer is not what we offered");
		number = wanted_digest(keys, id);
		break;
	case RULE_REPORTING:
		if (reporting_get(value, &number) < 0 ||
		    (number == KEYS_FAST_ABORT && keys->offer.no_fast_abort))
			return broken(fault, rule->name, "the answer is not what we offered");
		break;
	default:
		ours = key_rule_offer(rule, &keys->offer);
		if (key_rule_get(rule, value, &number) < 0)
			return broken(fault, rule->name, "the answer is out of range");
		if (key_rule_result(rule, ours, number) != number)
			return broken(fault, rule->name, "the answer goes beyond our offer");
	}
	key_rule_set(rule, &keys->now, number);
	return 0;
}

/* A choice from the target's list (TXT-15). */
static void take_list(struct keys *keys, enum key_id id, const char *value,
		      struct text_out *answers)
{
	const struct key_rule *rule = &key_rules[id];
	bool digest = rule->kind == RULE_DIGEST;
	const char *supported = digest ? digest_name(wanted_digest(keys, id)) :
				reporting_words(keys);
	char pick[16];
	uint32_t number = 0;

	if (!text_list_pick(value, supported, pick, sizeof pick)) {
		text_put(answers, rule->name, "Reject");
		return;
	}
	if (digest)
		number = wanted_digest(keys, id);
	else
		reporting_get(pick, &number);
	key_rule_set(rule, &keys->now, number);
	text_put(answers, rule->name, pick);
}

static void value_put(const struct key_rule *rule, uint32_t value, struct text_out *answers)
{
	if (rule->kind == RULE_REPORTING)
		text_put(answers, rule->name, reporting[value]);
	else if (key_rule_is_bool(rule))
		text_put_bool(answers, rule->name, value);
	else
		text_put_number(answers, rule->name, value);
}

/* What we answer from: our offer, or what our silence means. */
static uint32_t own_value(const struct keys *keys, enum key_id id)
{
	uint32_t ours = key_rule_offer(&key_rules[id], &keys->offer);

	return id == KEY_PROTOCOL_LEVEL && ours == 0 ? key_rules[id].fallback : ours;
}

/* TXT-14. */
static int take_proposal(struct keys *keys, enum key_id id, const char *value,
			 struct text_out *answers, struct fault *fault)
{
	const struct key_rule *rule = &key_rules[id];
	uint32_t number;

	if (is_reserved_word(value))
		return broken(fault, rule->name, "an answer to what we never offered");
	if ((rule->flags & NOT_DISCOVERY) && keys->type == KEYS_DISCOVERY) {
		text_put(answers, rule->name, "Irrelevant");
		return 0;
	}
	if ((rule->flags & LEADING_ONLY) && keys->login != KEYS_LEADING) {
		if (keys->offer.strict)
			return broken(fault, rule->name, "not allowed on an added connection");
		value_put(rule, key_rule_param(rule, &keys->session), answers); /* TOL-1 */
		return 0;
	}
	if (rule->kind == RULE_DIGEST || rule->kind == RULE_REPORTING) {
		take_list(keys, id, value, answers);
		return 0;
	}
	if (key_rule_get(rule, value, &number) < 0)
		return broken(fault, rule->name, "the proposed value is out of range");
	number = key_rule_result(rule, own_value(keys, id), number);
	key_rule_set(rule, &keys->now, number);
	value_put(rule, number, answers);
	return 0;
}

static int take_operational(struct keys *keys, enum key_id id, const char *value,
			    struct text_out *answers, struct fault *fault)
{
	const struct key_rule *rule = &key_rules[id];
	uint32_t number;

	if (!keys->operational) /* LOG-9 */
		return broken(fault, rule->name, "not allowed in the security stage");
	if (rule->kind == RULE_OBSOLETE) {
		text_put(answers, rule->name, "Reject");
		return 0;
	}
	if (rule->kind == RULE_RECEIVE) {
		if (key_rule_get(rule, value, &number) < 0)
			return broken(fault, rule->name, "the declared value is out of range");
		key_rule_set(rule, &keys->now, number);
		return 0;
	}
	if (keys->offered & key_bit(id))
		return take_answer(keys, id, value, fault);
	return take_proposal(keys, id, value, answers, fault);
}

/* TXT-14, LOG-8 */
int keys_take(struct keys *keys, const char *key, const char *value, struct text_out *answers,
	      struct fault *fault)
{
	enum key_id id = keys_find(key);
	const struct key_rule *rule = &key_rules[id];
	uint32_t number;

	if (id == KEY_NONE) {
		if (is_reserved_word(value))
			return broken(fault, key, "an answer to what we never offered");
		text_put(answers, key, "NotUnderstood");
		return 0;
	}
	if ((keys->seen & key_bit(id)) && !(rule->flags & MAY_REPEAT)) /* TXT-18 */
		return broken(fault, rule->name, "the target sent it twice");
	keys->seen |= key_bit(id);
	if (rule->kind != RULE_SECURITY && strlen(value) > TEXT_VALUE_MAX) /* TXT-3; CHAP has its own */
		return broken(fault, rule->name, "a value of more than 255 bytes");

	switch (rule->kind) {
	case RULE_SECURITY:
		if (keys->operational)
			return broken(fault, rule->name, "not allowed in the operational stage");
		return id;
	case RULE_OURS:
		return broken(fault, rule->name, "only an initiator sends it");
	case RULE_DECLARED:
		return id;
	case RULE_TAG:
		if (key_rule_get(rule, value, &number) < 0)
			return broken(fault, rule->name, "the declared value is out of range");
		keys->now.target_portal_group_tag = (int)number;
		return id;
	case RULE_IGNORED:
		return 0;
	default:
		return take_operational(keys, id, value, answers, fault);
	}
}

/* ---------------------------------------------------------------- the end */

/* The first of our offers that lacks an answer which is due (TXT-11, TXT-17), or KEY_NONE. */
static enum key_id unanswered(const struct keys *keys)
{
	for (int i = KEY_NONE + 1; i < KEY_COUNT; i++) {
		enum key_id id = (enum key_id)i;
		const struct key_rule *rule = &key_rules[id];

		if (!(keys->offered & ~keys->seen & key_bit(id)))
			continue;
		if (rule->kind == RULE_RECEIVE || (rule->flags & MAY_BE_UNKNOWN))
			continue;
		if (rule->kind == RULE_AND && !key_rule_offer(rule, &keys->offer))
			continue;
		if (rule->kind == RULE_OR && key_rule_offer(rule, &keys->offer))
			continue;
		/* Irrelevant ones may be passed over in silence (TRAP-12). */
		if (id == KEY_FIRST_BURST_LENGTH && keys->now.initial_r2t &&
		    !keys->now.immediate_data)
			continue;
		/* None was all we offered, so nothing else can be the outcome. */
		if (rule->kind == RULE_DIGEST && !wanted_digest(keys, id) && !keys->offer.strict)
			continue;
		return id;
	}
	return KEY_NONE;
}

bool keys_answered(const struct keys *keys)
{
	return unanswered(keys) == KEY_NONE;
}

static int refuse(struct fault *fault, const char *why, const char *name)
{
	fault_set(fault, FAULT_NEGOTIATION, 0, "%s%s", why, name);
	return -EPROTO;
}

/* SEC-22: what was required is not negotiated away. */
static int digests_check(const struct keys *keys, struct fault *fault)
{
	if (keys->want_header_digest && !keys->now.header_digest)
		return refuse(fault, "the target did not grant ", "HeaderDigest");
	if (keys->want_data_digest && !keys->now.data_digest)
		return refuse(fault, "the target did not grant ", "DataDigest");
	return 0;
}

/* TXT-19 */
int keys_finish(const struct keys *keys, struct keys_params *ret, struct fault *fault)
{
	struct keys_params params = keys->now;
	enum key_id missing = unanswered(keys);
	int r;

	if (missing != KEY_NONE)
		return refuse(fault, "the target did not answer ", key_rules[missing].name);
	r = digests_check(keys, fault);
	if (r < 0)
		return r;
	/* An AND offered as No and an OR offered as Yes stay at the offer without an answer. */
	for (int id = KEY_NONE + 1; id < KEY_COUNT; id++)
		if (key_rule_is_bool(&key_rules[id]) &&
		    (keys->offered & ~keys->seen & key_bit((enum key_id)id)))
			key_rule_set(&key_rules[id], &params,
				     key_rule_offer(&key_rules[id], &keys->offer));
	if (recovery_contradicts(params.error_recovery_level, params.data_sequence_in_order,
				 params.max_outstanding_r2t)) {
		if (keys->offer.strict)
			return refuse(fault, "the target's ErrorRecoveryLevel contradicts ",
				      "MaxOutstandingR2T");
		params.max_outstanding_r2t = 1; /* KEY-6: what both have to conclude */
	}
	if (params.first_burst_length > params.max_burst_length) {
		if (keys->offer.strict)
			return refuse(fault, "FirstBurstLength exceeds MaxBurstLength", "");
		params.first_burst_length = params.max_burst_length; /* less is always allowed */
	}
	if (keys->type == KEYS_DISCOVERY) /* KEY-5 */
		params.max_connections = 1;
	*ret = params;
	return 0;
}
