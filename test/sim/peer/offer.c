/*
 * offer.c - see offer.h.
 */
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

#include "offer.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum rule { LISTED, LOWER, HIGHER, AND, OR, DECLARED, OPTIONAL, LATER };

/* How an answer follows from an offer. */
static const struct key {
	const char *name;
	enum rule rule;
} keys[] = {
	{ "AuthMethod", LISTED }, { "HeaderDigest", LISTED }, { "DataDigest", LISTED },
	{ "MaxConnections", LOWER }, { "MaxBurstLength", LOWER }, { "FirstBurstLength", LOWER },
	{ "MaxOutstandingR2T", LOWER }, { "DefaultTime2Retain", LOWER },
	{ "ErrorRecoveryLevel", LOWER },
	{ "DefaultTime2Wait", HIGHER }, { "ImmediateData", AND },
	{ "InitialR2T", OR }, { "DataPDUInOrder", OR }, { "DataSequenceInOrder", OR },
	{ "MaxRecvDataSegmentLength", DECLARED }, /* each tells what it takes */
	{ "TargetAlias", OPTIONAL },              /* what people shall see */
	{ "TaskReporting", LATER },               /* LIO does not know it (13.23): NotUnderstood */
	{ "iSCSIProtocolLevel", LATER },          /* the same (RFC 7144) */
};

/* The value of a key in a text; false if it is not there. */
static bool find_key(const struct trace_pdu *pdu, const char *key, char value[256])
{
	struct text_in in;
	struct text_pair pair;
	struct fault fault;

	text_init(&in, pdu->data, pdu->len);
	while (text_next(&in, &pair, &fault) > 0) {
		if (strcmp(pair.key, key))
			continue;
		snprintf(value, 256, "%s", pair.value);
		return true;
	}
	return false;
}

static bool is_number(const char *answer, const char *offer, enum rule rule)
{
	uint64_t a, o;

	if (text_number(answer, &a) < 0 || text_number(offer, &o) < 0)
		return false;
	return rule == LOWER ? a <= o : a >= o;
}

/* The offer alone decides, so that an answer may be left out (6.2.2). */
static bool is_decided(enum rule rule, const char *offer)
{
	return (rule == AND && !strcmp(offer, "No")) || (rule == OR && !strcmp(offer, "Yes"));
}

static bool is_right(enum rule rule, const char *offer, const char *answer)
{
	bool yes;

	switch (rule) {
	case LISTED:
		return text_list_has(offer, answer);
	case LOWER:
	case HIGHER:
		return is_number(answer, offer, rule);
	case AND:
	case OR:
		return text_bool(answer, &yes) == 0 &&
		       (!is_decided(rule, offer) || !strcmp(answer, offer));
	case DECLARED:
		return is_number(answer, "512", HIGHER);
	case OPTIONAL:
		return true;
	case LATER:
		return !strcmp(answer, "NotUnderstood") || text_list_has(offer, answer) ||
		       is_number(answer, offer, LOWER);
	}
	return false;
}

static const struct key *key_of(const char *name)
{
	for (size_t i = 0; i < SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

bool offer_is_free(const struct replay_pair *p, const char *name)
{
	const struct key *key = key_of(name);
	char type[256];

	/* A discovery session is with no portal group of a target (13.9). */
	return (key && key->rule == OPTIONAL) ||
	       (strcmp(name, "TargetPortalGroupTag") == 0 &&
		find_key(p->request, "SessionType", type) && strcmp(type, "Discovery") == 0);
}

static bool same_key(const struct replay_pair *p, const char *name)
{
	const struct key *key = key_of(name);
	char theirs[256], ours[256], offer[256] = "";
	bool in_theirs = find_key(&p->theirs, name, theirs);
	bool in_ours = find_key(&p->ours, name, ours);
	bool offered = find_key(p->request, name, offer);

	if (offer_is_free(p, name))
		return true;
	if (key && offered && is_decided(key->rule, offer))
		return (!in_theirs || is_right(key->rule, offer, theirs)) &&
		       (!in_ours || is_right(key->rule, offer, ours));
	if (!in_theirs || !in_ours)
		return false;
	if (key && (offered || key->rule == DECLARED))
		return is_right(key->rule, offer, theirs) && is_right(key->rule, offer, ours) &&
		       (key->rule != LISTED || !strcmp(theirs, ours));
	return strcmp(theirs, ours) == 0;
}

bool offer_same(const struct replay_pair *p, char ret_key[64])
{
	const struct trace_pdu *texts[] = { &p->theirs, &p->ours };
	struct text_in in;
	struct text_pair key;
	struct fault fault;

	for (unsigned i = 0; i < SIZE(texts); i++) {
		text_init(&in, texts[i]->data, texts[i]->len);
		while (text_next(&in, &key, &fault) > 0) {
			if (same_key(p, key.key))
				continue;
			snprintf(ret_key, 64, "%s", key.key);
			return false;
		}
	}
	return true;
}
