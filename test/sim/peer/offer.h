/*
 * offer.h - two answers to one login text, compared by the rules of negotiation (RFC 7143 section
 * 13): where a rule leaves the target a choice its value may differ.
 */
#ifndef ISCSIDSC_TEST_OFFER_H
#define ISCSIDSC_TEST_OFFER_H

#include "replay.h"

/* True if both answers follow from the request, and agree where they have to; else `ret_key` is the
 * first key that does not. */
bool offer_same(const struct replay_pair *pair, char ret_key[64]);
/* Nothing about this key is compared. */
bool offer_is_free(const struct replay_pair *pair, const char *key);

#endif
