/*
 * engine_fake_login.h - a login under way, for the tests that answer it by hand.
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_LOGIN_H
#define ISCSIDSC_TEST_ENGINE_FAKE_LOGIN_H

#include "engine_fake.h"

/* Good answers in the operational stage, and to the first request. */
#define LOGIN_GOOD "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0" \
	"MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=65536\0" \
	"FirstBurstLength=16384\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0MaxOutstandingR2T=4\0" \
	"DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0"
#define LOGIN_FIRST "TargetPortalGroupTag=1\0AuthMethod=None"

struct bench {
	struct fake fake;
	struct fake_setup setup;
	struct fake_conn *c;
	struct pdu_login_request request; /* the last one taken */
	char text[8192];                  /* of it */
	uint32_t len;
};

/* Good values, with or without CHAP; not begun. */
void bench_setup(struct bench *b);
void bench_setup_chap(struct bench *b, enum chap_mode mode);
/* Begins; the first Login Request is taken. */
void bench_begin(struct bench *b);
/* Begins with CHAP, up to the request that wants the target's challenge. */
void bench_to_challenge(struct bench *b);
/* The next Login Request. */
void bench_take(struct bench *b);
bool bench_said(const struct bench *b, const char *pair);
/* A response that ends the login. */
void bench_give_status(struct bench *b, uint8_t class, uint8_t detail, const char *text, size_t len);
/* The login failed: the call is answered so, and the session is over. */
void bench_expect_failed(struct bench *b, enum fault_kind kind);

#endif
