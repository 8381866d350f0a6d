/*
 * engine_login_test.c - the login phase against hand-made responses: what goes out, stages, pieces,
 * redirection, added connections, and everything that must be refused.
 */
#include "engine_fake.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/chap.h"

static const char good[] = "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
	"MaxConnections=4\0InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=65536\0"
	"FirstBurstLength=16384\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0MaxOutstandingR2T=4\0"
	"DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0";
static const char first[] = "TargetPortalGroupTag=1\0AuthMethod=None";

struct bench {
	struct fake fake;
	struct fake_setup setup;
	struct fake_conn *c;
	struct pdu_login_request request; /* the last one taken */
	char text[8192];
	uint32_t len;
};

static void take(struct bench *b)
{
	uint8_t bhs[PDU_BHS_LEN];

	b->len = fake_take(b->c, PDU_LOGIN_REQUEST, bhs, (uint8_t *)b->text, sizeof(b->text));
	pdu_get_login_request(bhs, &b->request);
	b->c->login_itt = b->request.initiator_task_tag;
}

static void begin(struct bench *b)
{
	fake_begin(&b->fake, &b->setup);
	b->c = fake_add(&b->fake, &b->setup.options);
	take(b);
}

static void setup(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	fake_setup_init(&b->setup);
}

static bool said(const struct bench *b, const char *pair)
{
	for (uint32_t at = 0; at < b->len; at += (uint32_t)strlen(b->text + at) + 1)
		if (strcmp(b->text + at, pair) == 0)
			return true;
	return false;
}

/* The login failed: the call is answered so, and the session is over. */
static void expect_failed(struct bench *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(b->c->fault.kind, kind);
	assert_int_equal(fake_event(&b->fake, SESSION_EVENT_ANSWER).fault.kind, kind);
	assert_false(fake_has_event(&b->fake, SESSION_EVENT_UP));
	assert_true(fake_has_event(&b->fake, SESSION_EVENT_END));
}

/* ---------------------------------------------------------------- what is right */

static void test_plain(void **state)
{
	static const uint8_t isid[6] = { 0x80, 1, 2, 3, 4, 5 };
	struct bench b;

	(void)state;
	for (unsigned piece = 0; piece < 3; piece++) {
		setup(&b);
		b.setup.piece = piece;
		begin(&b);
		assert_memory_equal(b.request.isid, isid, 6);
		assert_int_equal(b.request.tsih, 0);
		assert_int_equal(b.request.cmd_sn, 1000);
		assert_int_equal(b.request.version_max | b.request.version_min, 0);
		assert_int_equal(b.request.csg, PDU_STAGE_SECURITY); /* TOL-6 */
		assert_true(said(&b, "InitiatorName=iqn.2026-11.test:initiator"));
		assert_true(said(&b, "TargetName=iqn.2026-11.test:target"));
		assert_true(said(&b, "SessionType=Normal"));
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		take(&b);
		assert_int_equal(b.request.csg, PDU_STAGE_OPERATIONAL);
		assert_true(b.request.transit && b.request.nsg == PDU_STAGE_FULL_FEATURE);
		assert_int_equal(b.request.exp_stat_sn, 501);
		assert_true(said(&b, "ErrorRecoveryLevel=0"));
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, FAKE_TEXT(good));
		assert_true(b.c->up);
		assert_int_equal(b.c->login.tsih, 9);
		assert_int_equal(b.c->login.portal_group_tag, 1);
		assert_int_equal(b.c->login.params.max_connections, 4);
		assert_int_equal(b.c->login.params.first_burst_length, 16384);
		assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, FAULT_NONE);
		fake_event(&b.fake, SESSION_EVENT_UP);
		fake_end(&b.fake);
	}
}

/* LOG-6: the target has more to say before it moves on. One key in each exchange. */
static void test_key_by_key(void **state)
{
	struct bench b;
	size_t at = 0;

	(void)state;
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1"));
	take(&b);
	assert_true(b.request.transit);
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	take(&b);
	while (at < sizeof(good)) {
		size_t len = strlen(good + at) + 1;
		bool last = at + len == sizeof(good);

		b.c->tsih = last ? 9 : 0;
		fake_give_login(b.c, last ? 0x87 : 0x04, good + at, len);
		assert_false(b.c->ended);
		at += len;
		if (!last)
			take(&b);
	}
	assert_true(b.c->up);
	fake_end(&b.fake);
}

/* TXT-6, TXT-8: a pair is cut anywhere by the ends of PDUs. */
static void test_in_pieces(void **state)
{
	struct bench b;

	(void)state;
	for (size_t piece = 11; piece < 80; piece += 17) {
		setup(&b);
		begin(&b);
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		take(&b);
		for (size_t at = 0; at < sizeof(good); at += piece) {
			size_t len = sizeof(good) - at < piece ? sizeof(good) - at : piece;
			bool last = at + len == sizeof(good);

			fake_give_login(b.c, last ? 0x04 : 0x44, good + at, len);
			assert_false(b.c->ended);
			take(&b);
			assert_int_equal(b.len, 0);
			assert_false(b.request.more);
		}
		assert_true(b.request.transit);
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, NULL, 0);
		assert_true(b.c->up);
		fake_end(&b.fake);
	}
}

/* TXT-14: what the target proposes is answered; keys nobody knows are not understood. */
static void test_questions(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	fake_give_login(b.c, 0x04, FAKE_TEXT("X-org.example.colour=red"));
	take(&b);
	assert_true(said(&b, "X-org.example.colour=NotUnderstood"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
}

static void test_discovery(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	b.setup.config.type = SESSION_DISCOVERY;
	b.setup.config.target_name = NULL;
	begin(&b);
	assert_true(said(&b, "SessionType=Discovery"));
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	take(&b);
	b.c->tsih = 3;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None\0"
					     "MaxRecvDataSegmentLength=8192\0DefaultTime2Wait=2\0"
					     "DefaultTime2Retain=20\0ErrorRecoveryLevel=0"));
	assert_true(b.c->up);
	fake_end(&b.fake);
}

/* ---------------------------------------------------------------- CHAP */

static void with_chap(struct bench *b, enum chap_mode mode)
{
	struct chap_config *c = &b->setup.options.chap;

	setup(b);
	chap_algorithms_default(c);
	c->mode = mode;
	c->user_len = 4;
	memcpy(c->user, "user", 4);
	c->secret_len = 16;
	memcpy(c->secret, "sixteen  letters", 16);
	c->target_secret_len = mode == CHAP_MUTUAL ? 17 : 0;
	memcpy(c->target_secret, "seventeen letters", 17);
}

/* As far as the target's challenge. */
static void to_challenge(struct bench *b)
{
	begin(b);
	assert_true(said(b, "AuthMethod=CHAP"));
	assert_false(b->request.transit);
	fake_give_login(b->c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
	take(b);
	assert_true(said(b, "CHAP_A=8,7,6,5"));
}

static void test_chap(void **state)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	char pair[200] = "CHAP_R=0x";
	struct bench b;
	int len;

	(void)state;
	with_chap(&b, CHAP_ONE_WAY);
	to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0CHAP_C=0x00112233445566778899aabbccddeeff"));
	take(&b);
	len = chap_hash(CHAP_MD5, 3, "sixteen  letters", 16,
			"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16, digest);
	for (int i = 0; i < len; i++)
		sprintf(pair + 9 + 2 * i, "%02x", digest[i]);
	assert_true(said(&b, pair));
	assert_true(said(&b, "CHAP_N=user"));
	assert_true(b.request.transit && b.request.nsg == PDU_STAGE_OPERATIONAL);
	fake_give_login(b.c, 0x81, NULL, 0);
	take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
}

/* SEC-7, SEC-17: nobody gets past CHAP. */
static void test_chap_not_skipped(void **state)
{
	static const struct {
		enum chap_mode mode;
		uint8_t flags;       /* of the response to the first request */
		const char *text;
		size_t len;
		uint8_t flags2;      /* of the one to CHAP_A, if it came so far */
		const char *text2;
		size_t len2;
	} cases[] = {
#define NONE 0, NULL, 0
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=None"), NONE },
		{ CHAP_ONE_WAY, 0x81, FAKE_TEXT("AuthMethod=CHAP"), NONE },
		{ CHAP_ONE_WAY, 0x81, FAKE_TEXT("AuthMethod=None"), NONE },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=Reject"), NONE },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("TargetPortalGroupTag=1"), NONE },
		{ CHAP_NONE, 0x00, FAKE_TEXT("AuthMethod=CHAP"), NONE },
		{ CHAP_NONE, 0x81, FAKE_TEXT("AuthMethod=None\0CHAP_A=5"), NONE },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x81, NULL, 0 },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x00,
		  FAKE_TEXT("CHAP_A=4\0CHAP_I=1\0CHAP_C=0x0102030405060708090a0b0c0d0e0f10") },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=1") },
		{ CHAP_ONE_WAY, 0x00, FAKE_TEXT("AuthMethod=CHAP"), 0x00,
		  FAKE_TEXT("CHAP_A=5\0CHAP_I=1\0CHAP_C=0x") },
#undef NONE
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		with_chap(&b, cases[i].mode);
		begin(&b);
		fake_give_login(b.c, cases[i].flags, cases[i].text, cases[i].len);
		if (!b.c->ended && cases[i].len2 + cases[i].flags2) {
			take(&b);
			fake_give_login(b.c, cases[i].flags2, cases[i].text2, cases[i].len2);
		}
		if (!b.c->ended)
			print_error("case %zu got past\n", i);
		assert_true(b.c->ended);
		expect_failed(&b, b.c->fault.kind);
		fake_end(&b.fake);
	}
}

/* The target that has to prove itself and does not. */
static void test_chap_mutual(void **state)
{
	static const struct {
		uint8_t flags;
		const char *text;
		size_t len;
	} cases[] = {
		{ 0x81, NULL, 0 },
		{ 0x81, FAKE_TEXT("CHAP_N=target") },
		{ 0x81, FAKE_TEXT("CHAP_N=target\0CHAP_R=0x00") },
		{ 0x81, FAKE_TEXT("CHAP_N=target\0CHAP_R=0x00112233445566778899aabbccddeeff") },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		with_chap(&b, CHAP_MUTUAL);
		to_challenge(&b);
		fake_give_login(b.c, 0x00, FAKE_TEXT("CHAP_A=5\0CHAP_I=3\0"
						     "CHAP_C=0x00112233445566778899aabbccddeeff"));
		take(&b);
		assert_true(strstr(b.text, "CHAP_N=user") != NULL);
		fake_give_login(b.c, cases[i].flags, cases[i].text, cases[i].len);
		assert_true(b.c->ended);
		expect_failed(&b, b.c->fault.kind);
		fake_end(&b.fake);
	}
}

/* ---------------------------------------------------------------- refused by the target */

static void give_status(struct bench *b, uint8_t class, uint8_t detail, const char *text, size_t len)
{
	struct pdu_login_response r = { .status_class = class, .status_detail = detail,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .initiator_task_tag = b->c->login_itt };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_login_response(bhs, &r);
	fake_give_pdu(b->c, bhs, text, (uint32_t)len);
}

static void test_status(void **state)
{
	struct bench b;

	(void)state;
	for (unsigned status = 0x0200; status <= 0x0303; status = status == 0x020f ? 0x0300 : status + 1) {
		setup(&b);
		begin(&b);
		give_status(&b, (uint8_t)(status >> 8), (uint8_t)status, NULL, 0);
		assert_int_equal(b.c->fault.status_class, status >> 8);
		assert_int_equal(b.c->fault.status_detail, status & 0xff);
		expect_failed(&b, FAULT_LOGIN_STATUS);
		fake_end(&b.fake);
	}
	for (unsigned class = 4; class < 256; class += 50) {
		setup(&b);
		begin(&b);
		give_status(&b, (uint8_t)class, 0, NULL, 0);
		expect_failed(&b, FAULT_PROTOCOL);
		fake_end(&b.fake);
	}
}

/* tgt: algorithm 7 is another hash there. Once more without it; a wrong secret is not tried again. */
static void test_chap_without_seven(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };
	static const char challenge[] = "CHAP_A=7\0CHAP_I=3\0CHAP_C=0x00112233445566778899aabbccddeeff";
	struct bench b;

	(void)state;
	with_chap(&b, CHAP_ONE_WAY);
	to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT(challenge));
	take(&b);
	give_status(&b, 2, 0, NULL, 0);
	assert_true(b.c->opening);
	b.c->opening = false;
	conn_opened(b.c->conn, entropy, b.fake.now);
	fake_pump(&b.fake);
	take(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
	take(&b);
	assert_true(said(&b, "CHAP_A=8,6,5"));
	give_status(&b, 2, 0, NULL, 0);
	expect_failed(&b, FAULT_LOGIN_STATUS);
	fake_end(&b.fake);

	with_chap(&b, CHAP_ONE_WAY);
	to_challenge(&b);
	fake_give_login(b.c, 0x00, FAKE_TEXT(challenge));
	take(&b);
	give_status(&b, 2, 1, NULL, 0);
	expect_failed(&b, FAULT_LOGIN_STATUS);
	fake_end(&b.fake);
}

/* LOG-22 */
static void test_redirect(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };
	struct bench b;

	(void)state;
	setup(&b);
	begin(&b);
	give_status(&b, 1, 1, FAKE_TEXT("TargetAddress=[2001:db8::7]:3333"));
	assert_true(b.c->opening);
	assert_string_equal(conn_host(b.c->conn), "2001:db8::7");
	assert_int_equal(conn_port(b.c->conn), 3333);
	b.c->opening = false;
	conn_opened(b.c->conn, entropy, b.fake.now);
	fake_pump(&b.fake);
	take(&b);
	assert_true(said(&b, "TargetName=iqn.2026-11.test:target"));
	assert_int_equal(b.request.exp_stat_sn, 0);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
}

static void test_redirect_refused(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };
	char long_host[400] = "TargetAddress=";
	struct bench b;
	unsigned hops = 0;

	(void)state;
	memset(long_host + 14, 'a', 300);
	setup(&b);
	begin(&b);
	give_status(&b, 1, 1, NULL, 0);
	expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	setup(&b);
	begin(&b);
	give_status(&b, 1, 1, long_host, strlen(long_host) + 1);
	expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	setup(&b);
	begin(&b);
	while (!b.c->ended && hops++ < 100) {
		give_status(&b, 1, 1, FAKE_TEXT("TargetAddress=192.0.2.8"));
		if (b.c->ended)
			break;
		b.c->opening = false;
		conn_opened(b.c->conn, entropy, b.fake.now);
		fake_pump(&b.fake);
		take(&b);
	}
	expect_failed(&b, FAULT_PROTOCOL);
	assert_true(hops < 20);
	fake_end(&b.fake);
}

/* ---------------------------------------------------------------- what must be refused */

/* Changes of a first response that would be right. */
static const struct {
	const char *name;
	unsigned at, size;
	uint32_t value;
} headers[] = {
	{ "another PDU", 0, 1, PDU_SCSI_RESPONSE },
	{ "NOP-In", 0, 1, PDU_NOP_IN },
	{ "additional header", 4, 1, 1 },
	{ "another version", 3, 1, 1 },
	{ "another ISID", 8, 4, 0x81020304 },
	{ "another tag", 16, 4, 0x12345678 },
	{ "to stage 2", 1, 1, 0x82 },
	{ "to full feature, not asked for", 1, 1, 0x83 },
	{ "from another stage", 1, 1, 0x87 },
	{ "back to security", 1, 1, 0x80 },
	{ "T and C", 1, 1, 0xc1 },
};

static void test_header(void **state)
{
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct pdu_login_response r = { .transit = true, .nsg = 1,
			.isid = { 0x80, 1, 2, 3, 4, 5 } };
		uint8_t bhs[PDU_BHS_LEN];

		setup(&b);
		b.setup.piece = i % 3;
		begin(&b);
		r.initiator_task_tag = b.c->login_itt;
		pdu_put_login_response(bhs, &r);
		if (headers[i].size == 1)
			bhs[headers[i].at] = (uint8_t)headers[i].value;
		else
			bytes_put32(bhs + headers[i].at, headers[i].value);
		fake_give_pdu(b.c, bhs, first, sizeof(first));
		if (!b.c->ended)
			print_error("not refused: %s\n", headers[i].name);
		expect_failed(&b, FAULT_PROTOCOL);
		fake_end(&b.fake);
	}
}

/* Texts that come in the operational stage, with T=1 and all else as it should be. A NULL key: the
 * text is added to the good one; else it replaces that key's pair. */
static const struct {
	const char *key, *pair;
} texts[] = {
	{ NULL, "HeaderDigest=None" },
	{ NULL, "noequals" },
	{ NULL, "=5" },
	{ NULL, "1x=5" },
	{ NULL, "AuthMethod=None" },
	{ NULL, "CHAP_A=5" },
	{ NULL, "X-unknown=1" },
	{ NULL, "X-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1" },
	{ NULL, "TargetPortalGroupTag=70000" },
	{ "HeaderDigest", "HeaderDigest=CRC32C" },
	{ "HeaderDigest", "HeaderDigest=None,CRC32C" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=0" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=511" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=16777216" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=-1" },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=8192 " },
	{ "MaxRecvDataSegmentLength", "MaxRecvDataSegmentLength=018446744073709551616" },
	{ "MaxConnections", "MaxConnections=0" },
	{ "MaxConnections", "MaxConnections=9" },
	{ "InitialR2T", "InitialR2T=no" },
	{ "InitialR2T", "InitialR2T=" },
	{ "ImmediateData", "ImmediateData=Maybe" },
	{ "MaxBurstLength", "MaxBurstLength=65537" },
	{ "MaxBurstLength", "MaxBurstLength=0x" },
	{ "FirstBurstLength", "FirstBurstLength=99999999" },
	{ "MaxOutstandingR2T", "MaxOutstandingR2T=0" },
	{ "MaxOutstandingR2T", "MaxOutstandingR2T=5" },
	{ "ErrorRecoveryLevel", "ErrorRecoveryLevel=1" },
	{ "DataPDUInOrder", "DataPDUInOrder=" },
	{ "DefaultTime2Wait", "DefaultTime2Wait=99999" },
};

static size_t make_text(char *text, const char *key, const char *pair)
{
	size_t len = 0, n = strlen(pair) + 1;

	for (size_t at = 0; at < sizeof(good); at += strlen(good + at) + 1) {
		bool it = key && strncmp(good + at, key, strlen(key)) == 0 && good[at + strlen(key)] == '=';
		const char *from = it ? pair : good + at;

		memcpy(text + len, from, strlen(from) + 1);
		len += strlen(from) + 1;
	}
	if (!key) {
		memcpy(text + len, pair, n);
		len += n;
	}
	return len;
}

static void test_text(void **state)
{
	char text[2000];
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		setup(&b);
		begin(&b);
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		take(&b);
		b.c->tsih = 9;
		fake_give_login(b.c, 0x87, text, make_text(text, texts[i].key, texts[i].pair));
		if (!b.c->ended)
			print_error("not refused: %s\n", texts[i].pair);
		assert_true(b.c->ended);
		expect_failed(&b, b.c->fault.kind);
		fake_end(&b.fake);
	}
}

/* The final response. */
static void test_final(void **state)
{
	struct bench b;

	(void)state;
	/* TSIH 0 */
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
	/* our offers were not answered */
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None"));
	expect_failed(&b, FAULT_NEGOTIATION);
	fake_end(&b.fake);
	/* the last byte is not a NUL */
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, good, sizeof(good) - 1);
	assert_true(b.c->ended || b.c->up); /* TOL: which of both is keys' business */
	fake_end(&b.fake);
	/* StatSN jumps */
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	b.c->tsih = 9;
	b.c->stat_sn++;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	expect_failed(&b, FAULT_PROTOCOL);
	fake_end(&b.fake);
}

/* TXT-5, TXT-20: everything has an end. */
static void test_without_end(void **state)
{
	char text[8000];
	struct bench b;
	unsigned rounds;

	(void)state;
	/* T=0 for ever */
	setup(&b);
	begin(&b);
	for (rounds = 0; !b.c->ended && rounds < 1000; rounds++) {
		fake_give_login(b.c, 0x00, NULL, 0);
		if (!b.c->ended)
			take(&b);
	}
	assert_true(rounds >= 6 && rounds < 100);
	expect_failed(&b, b.c->fault.kind);
	fake_end(&b.fake);
	/* C=1 for ever */
	memset(text, 'a', sizeof(text));
	setup(&b);
	begin(&b);
	for (rounds = 0; !b.c->ended && rounds < 1000; rounds++) {
		fake_give_login(b.c, 0x40, text, sizeof(text));
		if (!b.c->ended)
			take(&b);
	}
	assert_true(rounds < 20);
	expect_failed(&b, b.c->fault.kind);
	fake_end(&b.fake);
	/* 2000 tiny keys, each of which wants an answer */
	setup(&b);
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	for (unsigned i = 0; i < 1000; i++)
		memcpy(text + 8 * i, "X-abc=1", 8);
	fake_give_login(b.c, 0x04, text, sizeof(text));
	assert_true(b.c->ended || fake_has_sent(b.c));
	fake_end(&b.fake);
	/* silence */
	setup(&b);
	begin(&b);
	fake_wait(&b.fake, 14999);
	assert_false(b.c->ended);
	fake_wait(&b.fake, 2);
	expect_failed(&b, FAULT_TIMEOUT);
	fake_end(&b.fake);
}

/* DIG-0: a digest that was asked for can't be negotiated away. */
static void test_digest_wanted(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	b.setup.options.data_digest = true;
	begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	assert_true(said(&b, "DataDigest=CRC32C"));
	assert_true(said(&b, "HeaderDigest=None"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->ended);
	expect_failed(&b, b.c->fault.kind);
	fake_end(&b.fake);
}

/* ---------------------------------------------------------------- added connections */

static void begin_added(struct bench *b)
{
	setup(b);
	fake_begin(&b->fake, &b->setup);
	fake_login(&b->fake, &b->setup.options, NULL, 0);
	fake_event(&b->fake, SESSION_EVENT_ANSWER);
	b->setup.options.id = 2;
	b->c = fake_add(&b->fake, &b->setup.options);
	take(b);
	b->c->tsih = b->request.tsih;
}

static void expect_not_added(struct bench *b, enum fault_kind kind)
{
	assert_true(b->c->ended);
	assert_int_equal(fake_event(&b->fake, SESSION_EVENT_ANSWER).fault.kind, kind);
	assert_false(b->fake.conn[0].ended);
	assert_false(fake_has_event(&b->fake, SESSION_EVENT_DOWN));
}

static void test_added(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_logout_request logout;
	struct bench b;

	(void)state;
	begin_added(&b);
	assert_int_equal(b.request.tsih, 77);
	assert_int_not_equal(b.request.cid, b.fake.conn[0].cid);
	assert_int_equal(b.request.csg, PDU_STAGE_SECURITY);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	assert_false(said(&b, "MaxConnections=8")); /* LOG-24 */
	assert_true(strstr(b.text, "MaxBurstLength") == NULL);
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
	assert_true(b.c->up);
	assert_int_equal(b.c->login.params.max_burst_length, 65536); /* KEY-4 */
	fake_end(&b.fake);
	/* another group */
	begin_added(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT("TargetPortalGroupTag=2\0AuthMethod=None"));
	expect_not_added(&b, FAULT_OTHER_GROUP);
	fake_end(&b.fake);
	/* too many */
	for (unsigned detail = 6; detail <= 0xa; detail += 2) {
		begin_added(&b);
		give_status(&b, 2, (uint8_t)detail, NULL, 0);
		assert_int_equal(b.c->fault.status_detail, detail);
		expect_not_added(&b, FAULT_LOGIN_STATUS);
		fake_end(&b.fake);
	}
	/* another session: TRAP-5; it is closed again */
	begin_added(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	take(&b);
	b.c->tsih = 78;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
	assert_false(b.c->up);
	fake_take(b.c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
	pdu_get_logout_request(bhs, &logout);
	assert_int_equal(logout.reason, PDU_LOGOUT_SESSION);
	fake_wait(&b.fake, 3001);
	expect_not_added(&b, FAULT_OTHER_SESSION);
	fake_end(&b.fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_key_by_key),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_chap),
		cmocka_unit_test(test_chap_not_skipped),
		cmocka_unit_test(test_chap_mutual),
		cmocka_unit_test(test_chap_without_seven),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_redirect_refused),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_without_end),
		cmocka_unit_test(test_digest_wanted),
		cmocka_unit_test(test_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
