/*
 * proto_keys_test.c - the operational negotiation: what we offer, and each kind of answer and
 * proposal for the keys of RFC 7143 section 13 (TXT-12 to TXT-18, KEY-4 to KEY-8, LOG-9, LOG-24,
 * TOL-1, TOL-3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "proto/keys.h"
#include "../duty.h"

struct login {
	struct keys keys;
	struct keys_offer offer;
	char buf[2048];
	struct text_out out;
	struct fault fault;
};

static void start(struct login *l, enum keys_login how, enum keys_session type, bool digests,
		  const struct keys_params *session)
{
	keys_start(&l->keys, &l->offer, how, type, digests, digests, session);
	text_out_init(&l->out, l->buf, sizeof l->buf);
	l->fault.kind = FAULT_NONE;
}

/* A leading login of a normal session with our offers made. */
static void start_normal(struct login *l)
{
	start(l, KEYS_LEADING, KEYS_NORMAL, false, NULL);
	keys_put_offers(&l->keys, &l->out);
	text_out_init(&l->out, l->buf, sizeof l->buf);
}

static int take(struct login *l, const char *key, const char *value)
{
	int r = keys_take(&l->keys, key, value, &l->out, &l->fault);

	if (r < 0) {
		assert_int_equal(r, -EPROTO);
		assert_int_equal(l->fault.kind, FAULT_PROTOCOL);
		assert_true(l->fault.text[0]);
	}
	return r;
}

/* The value of a key in what was written; NULL if it is not there. */
static const char *written(const struct login *l, const char *key)
{
	static struct text_pair pair;
	struct text_in in;
	struct fault fault;

	text_init(&in, l->out.buf, l->out.len);
	while (text_next(&in, &pair, &fault) > 0)
		if (strcmp(pair.key, key) == 0)
			return pair.value;
	return NULL;
}

static const struct {
	const char *key, *value;
} good_answers[] = {
	{ "HeaderDigest", "None" }, { "DataDigest", "None" }, { "MaxConnections", "4" },
	{ "InitialR2T", "Yes" }, { "ImmediateData", "No" }, { "MaxBurstLength", "65536" },
	{ "FirstBurstLength", "0x4000" }, { "DefaultTime2Wait", "5" },
	{ "DefaultTime2Retain", "0" }, { "MaxOutstandingR2T", "1" }, { "DataPDUInOrder", "Yes" },
	{ "DataSequenceInOrder", "Yes" }, { "ErrorRecoveryLevel", "0" },
	{ "MaxRecvDataSegmentLength", "16384" },
};

enum { GOOD = sizeof good_answers / sizeof *good_answers };

static void answer_all_but(struct login *l, const char *left_out)
{
	for (int i = 0; i < GOOD; i++)
		if (!left_out || strcmp(good_answers[i].key, left_out) != 0)
			assert_int_equal(take(l, good_answers[i].key, good_answers[i].value), 0);
}

static void offers_of_a_leading_login(void **state)
{
	static const struct {
		const char *key, *value;
	} expected[] = {
		{ "HeaderDigest", "CRC32C" }, { "DataDigest", "CRC32C" }, { "MaxConnections", "8" },
		{ "InitialR2T", "No" }, { "ImmediateData", "Yes" },
		{ "MaxRecvDataSegmentLength", "262144" }, { "MaxBurstLength", "1048576" },
		{ "FirstBurstLength", "262144" }, { "DefaultTime2Wait", "2" },
		{ "DefaultTime2Retain", "20" }, { "MaxOutstandingR2T", "1" },
		{ "DataPDUInOrder", "Yes" }, { "DataSequenceInOrder", "Yes" },
		{ "ErrorRecoveryLevel", "0" },
	};
	struct login l;
	struct text_in in;
	struct text_pair pair;
	unsigned n = 0;

	(void)state;
	keys_offer_default(&l.offer);
	assert_int_equal(keys_offer_check(&l.offer), 0);
	start(&l, KEYS_LEADING, KEYS_NORMAL, true, NULL);
	keys_put_offers(&l.keys, &l.out);
	assert_true(l.out.len < 500);
	text_init(&in, l.buf, l.out.len);
	while (text_next(&in, &pair, &l.fault) > 0)
		n++;
	assert_int_equal(n, sizeof expected / sizeof *expected); /* nothing old targets choke on */
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		assert_string_equal(written(&l, expected[i].key), expected[i].value);
	assert_false(keys_answered(&l.keys));
	DUTY("UNH-LOG-6.1 UNH-LOG-16.3");
}

static void offers_of_the_younger_keys(void **state)
{
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	l.offer.task_reporting = true;
	l.offer.protocol_level = 2;
	start(&l, KEYS_LEADING, KEYS_NORMAL, false, NULL);
	keys_put_offers(&l.keys, &l.out);
	assert_string_equal(written(&l, "TaskReporting"), "FastAbort,ResponseFence,RFC3720");
	assert_string_equal(written(&l, "iSCSIProtocolLevel"), "2");
	assert_string_equal(written(&l, "HeaderDigest"), "None");
}

static void offers_of_an_added_login(void **state)
{
	struct keys_params session;
	struct login l;

	(void)state;
	keys_params_default(&session);
	keys_offer_default(&l.offer);
	start(&l, KEYS_ADDED, KEYS_NORMAL, false, &session);
	keys_put_offers(&l.keys, &l.out);
	assert_non_null(written(&l, "MaxRecvDataSegmentLength"));
	assert_non_null(written(&l, "HeaderDigest"));
	assert_null(written(&l, "MaxConnections"));
	assert_null(written(&l, "InitialR2T"));
	assert_null(written(&l, "DefaultTime2Wait"));
	assert_null(written(&l, "ErrorRecoveryLevel"));
	DUTY("LOG-24 MC-1.3");
}

static void offers_of_a_discovery_login(void **state)
{
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	l.offer.error_recovery_level = 2;
	start(&l, KEYS_LEADING, KEYS_DISCOVERY, false, NULL);
	keys_put_offers(&l.keys, &l.out);
	assert_null(written(&l, "MaxConnections"));
	assert_null(written(&l, "ImmediateData"));
	assert_null(written(&l, "FirstBurstLength"));
	assert_string_equal(written(&l, "ErrorRecoveryLevel"), "0"); /* KEY-5 */
	text_out_init(&l.out, l.buf, sizeof l.buf);
	assert_int_equal(take(&l, "InitialR2T", "Yes"), 0);
	assert_string_equal(written(&l, "InitialR2T"), "Irrelevant");
	assert_int_equal(take(&l, "DefaultTime2Wait", "2"), 0);
	assert_int_equal(take(&l, "DefaultTime2Retain", "20"), 0);
	assert_int_equal(take(&l, "ErrorRecoveryLevel", "0"), 0);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.max_connections, 1);
	DUTY("KEY-5");
}

static void good_login(void **state)
{
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	start_normal(&l);
	answer_all_but(&l, NULL);
	assert_int_equal(take(&l, "TargetPortalGroupTag", "7"), KEY_TARGET_PORTAL_GROUP_TAG);
	assert_true(keys_answered(&l.keys));
	assert_int_equal(l.out.len, 0);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.max_connections, 4);
	assert_true(params.initial_r2t);
	assert_false(params.immediate_data);
	assert_int_equal(params.max_burst_length, 65536);
	assert_int_equal(params.first_burst_length, 16384);
	assert_int_equal(params.default_time2wait, 5);   /* the larger one: TRAP-9 */
	assert_int_equal(params.default_time2retain, 0); /* the smaller one */
	assert_int_equal(params.max_send_data_segment_length, 16384);
	assert_int_equal(params.max_recv_data_segment_length, 262144); /* TRAP-11 */
	assert_int_equal(params.target_portal_group_tag, 7);
	assert_int_equal(params.task_reporting, KEYS_RFC3720);
	assert_int_equal(params.protocol_level, 1);
	assert_false(params.header_digest || params.data_digest);
	DUTY("TXT-12 TXT-16 TRAP-9 TRAP-11 UNH-LOG-10.1 UNH-LOG-13.1 UNH-LOG-14.1 UNH-LOG-15.1");
	DUTY("UNH-LOG-16.1 UNH-LOG-17.1 UNH-LOG-18.1 UNH-LOG-19.1 UNH-LOG-20.1");
}

/* Each key with an answer that its rule or range forbids (KEY-8, TXT-15, TXT-16). */
static void inadmissible_answers(void **state)
{
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "HeaderDigest", "CRC32C" }, { "DataDigest", "None,CRC32C" }, { "DataDigest", "" },
		{ "MaxConnections", "9" }, { "MaxConnections", "0" }, { "MaxConnections", "65536" },
		{ "MaxConnections", "abc" }, { "MaxConnections", "" }, { "MaxConnections", "4 " },
		{ "MaxConnections", "18446744073709551617" },
		{ "InitialR2T", "1" }, { "InitialR2T", "yes" }, { "ImmediateData", "" },
		{ "MaxRecvDataSegmentLength", "511" }, { "MaxRecvDataSegmentLength", "16777216" },
		{ "MaxRecvDataSegmentLength", "Reject" }, { "MaxRecvDataSegmentLength", "-1" },
		{ "MaxBurstLength", "1048577" }, { "MaxBurstLength", "511" },
		{ "FirstBurstLength", "262145" }, { "FirstBurstLength", "0" },
		{ "DefaultTime2Wait", "1" }, { "DefaultTime2Wait", "3601" },
		{ "DefaultTime2Retain", "21" }, { "MaxOutstandingR2T", "2" },
		{ "MaxOutstandingR2T", "0" }, { "DataPDUInOrder", "No" },
		{ "DataSequenceInOrder", "No" }, { "ErrorRecoveryLevel", "1" },
		{ "ErrorRecoveryLevel", "3" }, { "TargetPortalGroupTag", "65536" },
		{ "TargetPortalGroupTag", "x" },
	};
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start_normal(&l);
		assert_int_equal(take(&l, cases[i].key, cases[i].value), -EPROTO);
	}
	l.offer.immediate_data = false; /* AND: an offered No stays No */
	start_normal(&l);
	assert_int_equal(take(&l, "ImmediateData", "Yes"), -EPROTO);
	l.offer.initial_r2t = true; /* OR: an offered Yes stays Yes */
	start_normal(&l);
	assert_int_equal(take(&l, "InitialR2T", "No"), -EPROTO);
	DUTY("KEY-8 TXT-15 TXT-16 UNH-LOG-7.4 UNH-LOG-7.5 UNH-LOG-13.3");
}

static void reserved_words_leave_the_default(void **state)
{
	static const char *const words[] = { "Reject", "Irrelevant", "NotUnderstood" };
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	for (int w = 0; w < 3; w++) {
		start_normal(&l);
		for (int i = 0; i < GOOD - 1; i++)
			assert_int_equal(take(&l, good_answers[i].key, words[w]), 0);
		assert_int_equal(l.out.len, 0);
		assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
		assert_int_equal(params.max_connections, 1);
		assert_true(params.initial_r2t && params.immediate_data);
		assert_int_equal(params.max_burst_length, 262144);
		assert_int_equal(params.first_burst_length, 65536);
		assert_int_equal(params.max_send_data_segment_length, 8192);
		assert_int_equal(params.default_time2retain, 20);
	}
	DUTY("TXT-12 TOL-3 TRAP-12");
}

static void strict_does_not_tolerate(void **state)
{
	struct keys_params params, session;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	l.offer.strict = true;
	l.offer.task_reporting = true;
	start_normal(&l);
	assert_int_equal(take(&l, "MaxBurstLength", "NotUnderstood"), -EPROTO);
	start_normal(&l);
	assert_int_equal(take(&l, "MaxConnections", "Irrelevant"), 0);
	assert_int_equal(take(&l, "TaskReporting", "NotUnderstood"), 0); /* P2-1 */
	start_normal(&l);
	answer_all_but(&l, "HeaderDigest");
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), -EPROTO);
	keys_params_default(&session);
	start(&l, KEYS_ADDED, KEYS_NORMAL, false, &session);
	keys_put_offers(&l.keys, &l.out);
	assert_int_equal(take(&l, "MaxConnections", "1"), -EPROTO);
	DUTY("TXT-13 P2-1");
}

/* TXT-17: what may be left out and what not. */
static void missing_answers(void **state)
{
	static const char *const may[] = { "DataPDUInOrder", "DataSequenceInOrder",
					   "MaxRecvDataSegmentLength", "HeaderDigest",
					   "DataDigest" };
	static const char *const must[] = { "MaxConnections", "InitialR2T", "ImmediateData",
					    "MaxBurstLength", "DefaultTime2Wait",
					    "DefaultTime2Retain", "MaxOutstandingR2T",
					    "ErrorRecoveryLevel" };
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	for (size_t i = 0; i < sizeof may / sizeof *may; i++) {
		start_normal(&l);
		answer_all_but(&l, may[i]);
		assert_true(keys_answered(&l.keys));
		assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
		assert_true(params.data_pdu_in_order && params.data_sequence_in_order);
	}
	for (size_t i = 0; i < sizeof must / sizeof *must; i++) {
		start_normal(&l);
		answer_all_but(&l, must[i]);
		assert_false(keys_answered(&l.keys));
		memset(&params, 0x5a, sizeof params);
		assert_int_equal(keys_finish(&l.keys, &params, &l.fault), -EPROTO);
		assert_int_equal(l.fault.kind, FAULT_NEGOTIATION);
		assert_non_null(strstr(l.fault.text, must[i]));
		assert_int_equal(params.max_connections, 0x5a5a); /* untouched */
	}
	l.offer.immediate_data = false; /* AND with No */
	l.offer.initial_r2t = true;     /* OR with Yes */
	start_normal(&l);
	for (int i = 0; i < GOOD; i++)
		if (strcmp(good_answers[i].key, "ImmediateData") != 0 &&
		    strcmp(good_answers[i].key, "InitialR2T") != 0)
			take(&l, good_answers[i].key, good_answers[i].value);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_true(params.initial_r2t);
	assert_false(params.immediate_data);
	DUTY("TXT-11 TXT-17 TXT-19 UNH-LOG-13.2");
}

/* TRAP-12. */
static void first_burst_is_irrelevant_without_unsolicited_data(void **state)
{
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	start_normal(&l);
	answer_all_but(&l, "FirstBurstLength"); /* they agree on InitialR2T=Yes, no immediate data */
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	DUTY("TRAP-12");
}

static void digests_are_not_negotiated_away(void **state)
{
	static const char *const refusals[] = { "Reject", "NotUnderstood", "Irrelevant" };
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	for (int i = 0; i < 4; i++) {
		start(&l, KEYS_LEADING, KEYS_NORMAL, true, NULL);
		keys_put_offers(&l.keys, &l.out);
		if (i < 3)
			assert_int_equal(take(&l, "DataDigest", refusals[i]), 0);
		for (int g = 2; g < GOOD; g++)
			take(&l, good_answers[g].key, good_answers[g].value);
		assert_int_equal(take(&l, "HeaderDigest", "CRC32C"), 0);
		assert_int_equal(keys_finish(&l.keys, &params, &l.fault), -EPROTO);
		assert_int_equal(l.fault.kind, FAULT_NEGOTIATION);
	}
	start(&l, KEYS_LEADING, KEYS_NORMAL, true, NULL);
	keys_put_offers(&l.keys, &l.out);
	assert_int_equal(take(&l, "DataDigest", "None"), -EPROTO);
	start(&l, KEYS_LEADING, KEYS_NORMAL, true, NULL);
	keys_put_offers(&l.keys, &l.out);
	for (int g = 2; g < GOOD; g++)
		take(&l, good_answers[g].key, good_answers[g].value);
	assert_int_equal(take(&l, "HeaderDigest", "CRC32C"), 0);
	assert_int_equal(take(&l, "DataDigest", "CRC32C"), 0);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_true(params.header_digest && params.data_digest);
	DUTY("SEC-22 UNH-LOG-9.2 UNH-LOG-9.3");
}

static void nothing_twice(void **state)
{
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	start_normal(&l);
	for (int i = 0; i < GOOD; i++) {
		assert_int_equal(take(&l, good_answers[i].key, good_answers[i].value), 0);
		assert_int_equal(take(&l, good_answers[i].key, good_answers[i].value), -EPROTO);
	}
	assert_int_equal(take(&l, "TargetAlias", "disk"), KEY_TARGET_ALIAS);
	assert_int_equal(take(&l, "TargetAlias", "disk"), -EPROTO);
	assert_int_equal(take(&l, "TargetAddress", "a:1"), KEY_TARGET_ADDRESS);
	assert_int_equal(take(&l, "TargetAddress", "b:1"), KEY_TARGET_ADDRESS);
	assert_int_equal(take(&l, "IFMarker", "No"), 0);
	assert_int_equal(take(&l, "IFMarker", "No"), -EPROTO);
	DUTY("TXT-18 UNH-LOG-6.3");
}

/* What the target proposes, although we did not offer it (TXT-14). */
static void proposals(void **state)
{
	static const struct {
		const char *key, *value, *answer;
	} cases[] = {
		{ "IFMarker", "Yes", "Reject" }, { "OFMarker", "No", "Reject" },
		{ "IFMarkInt", "2048~8192", "Reject" }, { "OFMarkInt", "2048", "Reject" },
		{ "TaskReporting", "FastAbort,ResponseFence,RFC3720", "ResponseFence" },
		{ "TaskReporting", "RFC3720,ResponseFence", "RFC3720" },
		{ "TaskReporting", "FastAbort", "Reject" },
		{ "iSCSIProtocolLevel", "2", "1" }, { "iSCSIProtocolLevel", "0", "0" },
		{ "X-com.example.key", "1", "NotUnderstood" },
		{ "Unheardof", "1", "NotUnderstood" },
		{ "X#NodeArchitecture", "Linux", NULL },
	};
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start_normal(&l);
		assert_int_equal(take(&l, cases[i].key, cases[i].value), 0);
		if (cases[i].answer)
			assert_string_equal(written(&l, cases[i].key), cases[i].answer);
		else
			assert_int_equal(l.out.len, 0);
	}
	start_normal(&l);
	assert_int_equal(take(&l, "TaskReporting", "Reject"), -EPROTO);
	assert_int_equal(take(&l, "iSCSIProtocolLevel", "32"), -EPROTO);
	assert_int_equal(take(&l, "Unheardof", "NotUnderstood"), -EPROTO);
	DUTY("TXT-14 TXT-15 KEY-1 UNH-LOG-7.2 UNH-LOG-7.6 UNH-LOG-12.1");
}

static void younger_keys_agreed(void **state)
{
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	l.offer.task_reporting = true;
	l.offer.protocol_level = 2;
	l.offer.no_fast_abort = true;
	start_normal(&l);
	assert_int_equal(take(&l, "TaskReporting", "FastAbort"), -EPROTO);
	start_normal(&l);
	assert_int_equal(take(&l, "TaskReporting", "ResponseFence"), 0);
	l.offer.no_fast_abort = false;
	start_normal(&l);
	assert_int_equal(take(&l, "TaskReporting", "Whatever"), -EPROTO);
	start_normal(&l);
	answer_all_but(&l, NULL);
	assert_int_equal(take(&l, "TaskReporting", "FastAbort"), 0);
	assert_int_equal(take(&l, "iSCSIProtocolLevel", "2"), 0);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.task_reporting, KEYS_FAST_ABORT);
	assert_int_equal(params.protocol_level, 2);
	start_normal(&l); /* silence turns both off */
	answer_all_but(&l, NULL);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.task_reporting, KEYS_RFC3720);
	assert_int_equal(params.protocol_level, 1);
	DUTY("P2-1 TXT-15");
}

/* KEY-4, TOL-1: values of the session hold; what the target volunteers is answered with them. */
static void added_login_takes_the_session(void **state)
{
	struct keys_params session, params;
	struct login l;

	(void)state;
	keys_params_default(&session);
	session.max_connections = 3;
	session.max_burst_length = 4096;
	session.first_burst_length = 1024;
	session.initial_r2t = false;
	session.header_digest = true;
	session.max_send_data_segment_length = 99999;
	session.target_portal_group_tag = 5;
	keys_offer_default(&l.offer);
	start(&l, KEYS_ADDED, KEYS_NORMAL, false, &session);
	keys_put_offers(&l.keys, &l.out);
	text_out_init(&l.out, l.buf, sizeof l.buf);
	assert_int_equal(take(&l, "MaxConnections", "1"), 0);
	assert_string_equal(written(&l, "MaxConnections"), "3");
	assert_int_equal(take(&l, "InitialR2T", "Yes"), 0);
	assert_string_equal(written(&l, "InitialR2T"), "No");
	assert_int_equal(take(&l, "TaskReporting", "FastAbort"), 0);
	assert_string_equal(written(&l, "TaskReporting"), "RFC3720");
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.max_connections, 3);
	assert_int_equal(params.max_burst_length, 4096);
	assert_false(params.initial_r2t);
	assert_false(params.header_digest); /* of the other connection */
	assert_int_equal(params.max_send_data_segment_length, 8192);
	assert_int_equal(params.target_portal_group_tag, -1);
	DUTY("KEY-4 TOL-1 ID-10");
}

/* LOG-8, LOG-9. */
static void keys_have_their_stage(void **state)
{
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	start(&l, KEYS_LEADING, KEYS_NORMAL, false, NULL);
	assert_int_equal(take(&l, "AuthMethod", "CHAP"), KEY_AUTH_METHOD);
	assert_int_equal(take(&l, "CHAP_C", "0x00"), KEY_CHAP_C);
	assert_int_equal(take(&l, "TargetPortalGroupTag", "1"), KEY_TARGET_PORTAL_GROUP_TAG);
	assert_int_equal(take(&l, "MaxBurstLength", "512"), -EPROTO);
	assert_int_equal(take(&l, "OFMarker", "No"), -EPROTO);
	keys_put_offers(&l.keys, &l.out);
	assert_int_equal(take(&l, "CHAP_R", "0x00"), -EPROTO);
	assert_int_equal(take(&l, "InitiatorName", "iqn.2001-04.com.example:x"), -EPROTO);
	assert_int_equal(take(&l, "SessionType", "Normal"), -EPROTO);
	assert_int_equal(take(&l, "SendTargets", "All"), -EPROTO);
	assert_int_equal(take(&l, "TargetName", "iqn.2001-04.com.example:x"), -EPROTO);
	DUTY("LOG-8 LOG-9");
}

static void offers_that_contradict(void **state)
{
	struct keys_offer offer;

	(void)state;
	keys_offer_default(&offer);
	offer.first_burst_length = offer.max_burst_length + 1;
	assert_int_equal(keys_offer_check(&offer), -EINVAL);
	keys_offer_default(&offer);
	offer.max_connections = 0;
	assert_int_equal(keys_offer_check(&offer), -EINVAL);
	keys_offer_default(&offer);
	offer.max_recv_data_segment_length = 511;
	assert_int_equal(keys_offer_check(&offer), -EINVAL);
	keys_offer_default(&offer);
	offer.error_recovery_level = 1;
	assert_int_equal(keys_offer_check(&offer), 0);
	offer.max_outstanding_r2t = 2; /* KEY-6 */
	assert_int_equal(keys_offer_check(&offer), -EINVAL);
	offer.data_sequence_in_order = false;
	assert_int_equal(keys_offer_check(&offer), 0);
	DUTY("KEY-6 TXT-21");
}

/* TXT-21, KEY-6, once all values are known. */
static void answers_that_contradict(void **state)
{
	struct keys_params params;
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	start_normal(&l);
	for (int i = 0; i < GOOD; i++)
		if (strcmp(good_answers[i].key, "FirstBurstLength") != 0)
			take(&l, good_answers[i].key, good_answers[i].value);
	assert_int_equal(take(&l, "FirstBurstLength", "131072"), 0);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.first_burst_length, params.max_burst_length);
	l.keys.offer.strict = true;
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), -EPROTO);

	keys_offer_default(&l.offer);
	l.offer.error_recovery_level = 1;
	l.offer.max_outstanding_r2t = 4;
	l.offer.data_sequence_in_order = false;
	start_normal(&l);
	for (int i = 0; i < GOOD; i++)
		if (i < 9 || i == 10 || i == 13)
			take(&l, good_answers[i].key, good_answers[i].value);
	assert_int_equal(take(&l, "MaxOutstandingR2T", "4"), 0);
	assert_int_equal(take(&l, "DataSequenceInOrder", "Yes"), 0);
	assert_int_equal(take(&l, "ErrorRecoveryLevel", "1"), 0);
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), 0);
	assert_int_equal(params.max_outstanding_r2t, 1);
	assert_true(params.data_sequence_in_order);
	assert_int_equal(params.error_recovery_level, 1);
	l.keys.offer.strict = true;
	assert_int_equal(keys_finish(&l.keys, &params, &l.fault), -EPROTO);
	assert_int_equal(l.fault.kind, FAULT_NEGOTIATION);
	DUTY("KEY-6 TXT-21 UNH-LOG-16.2");
}

/* A simple value has its limit. */
static void long_values(void **state)
{
	static const char *const keys[] = { "TargetAlias", "TargetAddress", "MaxConnections" };
	char value[TEXT_VALUE_MAX + 2];
	struct login l;

	(void)state;
	keys_offer_default(&l.offer);
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
		memset(value, '0', sizeof value);
		value[TEXT_VALUE_MAX + 1] = '\0';
		start_normal(&l);
		assert_int_equal(take(&l, keys[i], value), -EPROTO);
		assert_non_null(strstr(l.fault.text, "255"));
	}
	value[TEXT_VALUE_MAX] = '\0';
	start_normal(&l);
	assert_int_equal(take(&l, "TargetAlias", value), KEY_TARGET_ALIAS);
	DUTY("TXT-3");
}

/* A flood of small unknown keys fills the answer and nothing else. */
static void flood_of_unknown_keys(void **state)
{
	struct login l;
	char key[16];

	(void)state;
	keys_offer_default(&l.offer);
	start_normal(&l);
	for (int i = 0; i < 4096; i++) {
		snprintf(key, sizeof key, "K%d", i);
		assert_int_equal(take(&l, key, ""), 0);
	}
	assert_true(l.out.full);
	assert_true(l.out.len <= sizeof l.buf);
}

static void look_up(void **state)
{
	(void)state;
	for (int id = 1; id < KEY_COUNT; id++) {
		assert_non_null(keys_name((enum key_id)id));
		assert_int_equal(keys_find(keys_name((enum key_id)id)), id);
	}
	assert_int_equal(keys_find("maxconnections"), KEY_NONE); /* case counts */
	assert_int_equal(keys_find(""), KEY_NONE);
	assert_true(keys_is_security(KEY_CHAP_N));
	assert_false(keys_is_security(KEY_MAX_CONNECTIONS));
	assert_false(keys_is_security(KEY_NONE));
	DUTY("KEY-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_of_a_leading_login),
		cmocka_unit_test(offers_of_the_younger_keys),
		cmocka_unit_test(offers_of_an_added_login),
		cmocka_unit_test(offers_of_a_discovery_login),
		cmocka_unit_test(good_login), cmocka_unit_test(inadmissible_answers),
		cmocka_unit_test(reserved_words_leave_the_default),
		cmocka_unit_test(strict_does_not_tolerate), cmocka_unit_test(missing_answers),
		cmocka_unit_test(first_burst_is_irrelevant_without_unsolicited_data),
		cmocka_unit_test(digests_are_not_negotiated_away),
		cmocka_unit_test(nothing_twice), cmocka_unit_test(proposals),
		cmocka_unit_test(younger_keys_agreed),
		cmocka_unit_test(added_login_takes_the_session),
		cmocka_unit_test(keys_have_their_stage), cmocka_unit_test(offers_that_contradict),
		cmocka_unit_test(answers_that_contradict),
		cmocka_unit_test(long_values), cmocka_unit_test(flood_of_unknown_keys),
		cmocka_unit_test(look_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
