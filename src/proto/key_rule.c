/* key_rule.c - see key_rule.h. */
#include "proto/key_rule.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { SEGMENT_MIN = 512, SEGMENT_MAX = 0xffffff, WAIT_MAX = 3600 };

#define ROW(text, how, what) .name = (text), .kind = (how), .flags = (what)
#define IN(type, field) offsetof(struct type, field)
#define SIZE(type, field) sizeof(((struct type *)0)->field)
/* A field of the same name in offer and params. */
#define BOTH(field) \
	.offer_at = IN(keys_offer, field), .offer_size = SIZE(keys_offer, field), \
	.params_at = IN(keys_params, field), .params_size = SIZE(keys_params, field)
#define RANGE(low, high, value) .min = (low), .max = (high), .fallback = (value)

#define LO LEADING_ONLY
#define LO_ND (LEADING_ONLY | NOT_DISCOVERY)

const struct key_rule key_rules[KEY_COUNT] = {
	/* section 12.1 */
	[KEY_AUTH_METHOD] = { ROW("AuthMethod", RULE_SECURITY, 0) },
	[KEY_CHAP_A] = { ROW("CHAP_A", RULE_SECURITY, 0) },
	[KEY_CHAP_I] = { ROW("CHAP_I", RULE_SECURITY, 0) },
	[KEY_CHAP_C] = { ROW("CHAP_C", RULE_SECURITY, 0) },
	[KEY_CHAP_N] = { ROW("CHAP_N", RULE_SECURITY, 0) },
	[KEY_CHAP_R] = { ROW("CHAP_R", RULE_SECURITY, 0) },
	/* 13.3 to 13.9, 13.21, 13.26 */
	[KEY_TARGET_NAME] = { ROW("TargetName", RULE_OURS, 0) },
	[KEY_INITIATOR_NAME] = { ROW("InitiatorName", RULE_OURS, 0) },
	[KEY_TARGET_ALIAS] = { ROW("TargetAlias", RULE_DECLARED, 0) },
	[KEY_INITIATOR_ALIAS] = { ROW("InitiatorAlias", RULE_OURS, 0) },
	[KEY_TARGET_ADDRESS] = { ROW("TargetAddress", RULE_DECLARED, MAY_REPEAT) },
	[KEY_TARGET_PORTAL_GROUP_TAG] = { ROW("TargetPortalGroupTag", RULE_TAG, 0), RANGE(0, 65535, 0) },
	[KEY_SESSION_TYPE] = { ROW("SessionType", RULE_OURS, 0) },
	[KEY_SEND_TARGETS] = { ROW("SendTargets", RULE_OURS, 0) },
	[KEY_NODE_ARCHITECTURE] = { ROW("X#NodeArchitecture", RULE_IGNORED, 0) },
	/* 13.1 */
	[KEY_HEADER_DIGEST] = { ROW("HeaderDigest", RULE_DIGEST, 0),
		.params_at = IN(keys_params, header_digest), .params_size = sizeof(bool) },
	[KEY_DATA_DIGEST] = { ROW("DataDigest", RULE_DIGEST, 0),
		.params_at = IN(keys_params, data_digest), .params_size = sizeof(bool) },
	/* 13.2 */
	[KEY_MAX_CONNECTIONS] = { ROW("MaxConnections", RULE_MIN, LO_ND),
		RANGE(1, 65535, 1), BOTH(max_connections) },
	/* 13.10, 13.11 */
	[KEY_INITIAL_R2T] = { ROW("InitialR2T", RULE_OR, LO_ND),
		RANGE(0, 1, 1), BOTH(initial_r2t) },
	[KEY_IMMEDIATE_DATA] = { ROW("ImmediateData", RULE_AND, LO_ND),
		RANGE(0, 1, 1), BOTH(immediate_data) },
	/* 13.12; our own value is in the offer, the target's in the params (TRAP-11) */
	[KEY_MAX_RECV_DATA_SEGMENT_LENGTH] = { ROW("MaxRecvDataSegmentLength", RULE_RECEIVE, 0),
		RANGE(SEGMENT_MIN, SEGMENT_MAX, 8192),
		.offer_at = IN(keys_offer, max_recv_data_segment_length),
		.offer_size = SIZE(keys_offer, max_recv_data_segment_length),
		.params_at = IN(keys_params, max_send_data_segment_length),
		.params_size = SIZE(keys_params, max_send_data_segment_length) },
	/* 13.13 to 13.20 */
	[KEY_MAX_BURST_LENGTH] = { ROW("MaxBurstLength", RULE_MIN, LO_ND),
		RANGE(SEGMENT_MIN, SEGMENT_MAX, 262144), BOTH(max_burst_length) },
	[KEY_FIRST_BURST_LENGTH] = { ROW("FirstBurstLength", RULE_MIN, LO_ND),
		RANGE(SEGMENT_MIN, SEGMENT_MAX, 65536), BOTH(first_burst_length) },
	[KEY_DEFAULT_TIME2WAIT] = { ROW("DefaultTime2Wait", RULE_MAX, LO),
		RANGE(0, WAIT_MAX, 2), BOTH(default_time2wait) },
	[KEY_DEFAULT_TIME2RETAIN] = { ROW("DefaultTime2Retain", RULE_MIN, LO),
		RANGE(0, WAIT_MAX, 20), BOTH(default_time2retain) },
	[KEY_MAX_OUTSTANDING_R2T] = { ROW("MaxOutstandingR2T", RULE_MIN, LO_ND),
		RANGE(1, 65535, 1), BOTH(max_outstanding_r2t) },
	[KEY_DATA_PDU_IN_ORDER] = { ROW("DataPDUInOrder", RULE_OR, LO_ND),
		RANGE(0, 1, 1), BOTH(data_pdu_in_order) },
	[KEY_DATA_SEQUENCE_IN_ORDER] = { ROW("DataSequenceInOrder", RULE_OR, LO_ND),
		RANGE(0, 1, 1), BOTH(data_sequence_in_order) },
	[KEY_ERROR_RECOVERY_LEVEL] = { ROW("ErrorRecoveryLevel", RULE_MIN, LO),
		RANGE(0, 2, 0), BOTH(error_recovery_level) },
	/* 13.23, 13.24 */
	[KEY_TASK_REPORTING] = { ROW("TaskReporting", RULE_REPORTING, LO_ND | MAY_BE_UNKNOWN),
		RANGE(0, KEYS_FAST_ABORT, KEYS_RFC3720), BOTH(task_reporting) },
	[KEY_PROTOCOL_LEVEL] = { ROW("iSCSIProtocolLevel", RULE_MIN, LO_ND | MAY_BE_UNKNOWN),
		RANGE(0, 31, 1), BOTH(protocol_level) },
	/* 13.25 */
	[KEY_IF_MARKER] = { ROW("IFMarker", RULE_OBSOLETE, 0) },
	[KEY_OF_MARKER] = { ROW("OFMarker", RULE_OBSOLETE, 0) },
	[KEY_IF_MARK_INT] = { ROW("IFMarkInt", RULE_OBSOLETE, 0) },
	[KEY_OF_MARK_INT] = { ROW("OFMarkInt", RULE_OBSOLETE, 0) },
};

static uint32_t field_get(const void *base, size_t at, size_t size)
{
	const uint8_t *p = (const uint8_t *)base + at;
	uint16_t half;
	uint32_t word;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&half, p, sizeof half);
		return half;
	default:
		assert(size == sizeof word);
		memcpy(&word, p, sizeof word);
		return word;
	}
}

static void field_set(void *base, size_t at, size_t size, uint32_t value)
{
	uint8_t *p = (uint8_t *)base + at;
	uint16_t half = (uint16_t)value;

	switch (size) {
	case 1:
		*p = (uint8_t)value;
		break;
	case 2:
		memcpy(p, &half, sizeof half);
		break;
	default:
		assert(size == sizeof value);
		memcpy(p, &value, sizeof value);
	}
}

uint32_t key_rule_offer(const struct key_rule *rule, const struct keys_offer *offer)
{
	return field_get(offer, rule->offer_at, rule->offer_size);
}

uint32_t key_rule_param(const struct key_rule *rule, const struct keys_params *params)
{
	return field_get(params, rule->params_at, rule->params_size);
}

void key_rule_set(const struct key_rule *rule, struct keys_params *params, uint32_t value)
{
	field_set(params, rule->params_at, rule->params_size, value);
}

/* KEY-8 */
int key_rule_get(const struct key_rule *rule, const char *value, uint32_t *ret)
{
	uint64_t number;
	bool yes;

	if (key_rule_is_bool(rule)) {
		if (text_bool(value, &yes) < 0)
			return -EINVAL;
		*ret = yes;
		return 0;
	}
	if (text_number(value, &number) < 0 || number < rule->min || number > rule->max)
		return -EINVAL;
	*ret = (uint32_t)number;
	return 0;
}

/* TXT-16, TRAP-9 */
uint32_t key_rule_result(const struct key_rule *rule, uint32_t a, uint32_t b)
{
	bool lower = rule->kind == RULE_MIN || rule->kind == RULE_AND;

	return (a < b) == lower ? a : b;
}

/* KEY-1 */
enum key_id keys_find(const char *name)
{
	for (int id = KEY_NONE + 1; id < KEY_COUNT; id++)
		if (strcmp(key_rules[id].name, name) == 0)
			return (enum key_id)id;
	return KEY_NONE;
}

const char *keys_name(enum key_id id)
{
	return key_rules[id].name;
}

bool keys_is_security(enum key_id id)
{
	return id > KEY_NONE && id < KEY_COUNT && key_rules[id].kind == RULE_SECURITY;
}
