/*
 * engine_input_discovery_test.c - bad inputs of the field, group 13: answers to SendTargets in a
 * discovery session, as they come over the wire, cut anywhere, and read as records.
 */
#include "engine_fake_login.h"

#include <errno.h>

#include "proto/sendtargets.h"
#include "../duty.h"

static struct bench b;
static uint32_t itt;

/* SendTargets=All was asked. */
static void begin(void)
{
	uint8_t bhs[PDU_BHS_LEN];

	bench_setup(&b);
	b.setup.config.type = SESSION_DISCOVERY;
	b.setup.config.target_name = NULL;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	bench_take(&b);
	b.c->tsih = 3;
	fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None\0DefaultTime2Wait=2\0"
					     "DefaultTime2Retain=20\0ErrorRecoveryLevel=0"));
	assert_true(b.c->up);
	assert_int_equal(conn_text(b.c->conn, FAKE_TEXT("SendTargets=All"), b.fake.now), 0);
	fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0);
	itt = bytes_get32(bhs + 16);
}

/* One response; it goes on with the tag, unless that is none. */
static void give(uint32_t ttt, bool more, const char *text, size_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_text_response(bhs, &(struct pdu_text_response){ .final = ttt == PDU_NO_TAG, .more = more,
		.initiator_task_tag = itt, .target_transfer_tag = ttt });
	fake_numbers(b.c, bhs, true);
	fake_give_pdu(b.c, bhs, text, (uint32_t)len);
}

static void take_request(uint32_t ttt)
{
	uint8_t bhs[PDU_BHS_LEN];

	assert_int_equal(fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0), 0);
	assert_int_equal(bytes_get32(bhs + 20), ttt);
	assert_int_equal(bytes_get32(bhs + 16), itt);
}

static void refused(void)
{
	assert_true(b.c->ended);
	assert_int_equal(b.c->fault.kind, FAULT_PROTOCOL);
	assert_true(b.c->texts <= 1);
	fake_end(&b.fake);
}

/* ---------------------------------------------------------------- endless */

static void test_endless(void **state)
{
	static char text[60000];
	unsigned rounds;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		begin();
		for (rounds = 0; !b.c->ended; rounds++) {
			assert_true(rounds < 10000);
			give(rounds, more, NULL, 0);
			if (!b.c->ended)
				take_request(rounds);
		}
		assert_int_equal(rounds, 4096);
		refused();
	}
	memset(text, 'x', sizeof(text));
	begin();
	for (rounds = 0; !b.c->ended; rounds++) {
		assert_true(rounds < 10000);
		give(rounds, true, text, sizeof(text));
		if (!b.c->ended)
			take_request(rounds);
	}
	assert_int_equal(rounds, ENGINE_TEXT_MAX / sizeof(text) + 1);
	refused();
	DUTY("FIELD-13.1 TXT-5 TX-6");
}

/* What contradicts itself or was not asked for. */
static void test_flags(void **state)
{
	static const struct { bool final, more; uint32_t ttt, itt_off; } rows[] = {
		{ true, true, PDU_NO_TAG, 0 }, { true, false, 5, 0 }, { false, false, PDU_NO_TAG, 0 },
		{ false, true, PDU_NO_TAG, 0 }, { true, false, PDU_NO_TAG, 1 }, { false, true, 5, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bhs[PDU_BHS_LEN];

		begin();
		pdu_put_text_response(bhs, &(struct pdu_text_response){ .final = rows[i].final,
			.more = rows[i].more, .initiator_task_tag = itt + rows[i].itt_off,
			.target_transfer_tag = rows[i].ttt });
		fake_numbers(b.c, bhs, true);
		fake_give_pdu(b.c, bhs, FAKE_TEXT("TargetName=iqn.2001-04.com.example:a"));
		refused();
	}
	begin();
	give(PDU_NO_TAG, false, FAKE_TEXT("TargetName=iqn.2001-04.com.example:a"));
	assert_int_equal(b.c->texts, 1);
	give(PDU_NO_TAG, false, FAKE_TEXT("TargetName=iqn.2001-04.com.example:b"));
	refused();
	DUTY("TX-2 TX-3 TX-4");
}

/* ---------------------------------------------------------------- records */

struct found {
	unsigned targets, addresses, skipped;
	int r;
};

/* The text in responses of `piece` bytes, read as records. */
static struct found ask(const char *text, size_t len, size_t piece)
{
	struct found found = { .targets = 0 };
	struct sendtargets_item item;
	struct sendtargets st;
	struct fault fault;
	uint32_t ttt = 1;

	begin();
	for (size_t at = 0; at + piece < len; at += piece, ttt++) {
		give(ttt, true, text + at, piece);
		take_request(ttt);
	}
	give(PDU_NO_TAG, false, text + (len - 1) / piece * piece, len - (len - 1) / piece * piece);
	assert_int_equal(b.c->texts, 1);
	assert_int_equal(b.c->text_fault.kind, FAULT_NONE);
	assert_int_equal(b.c->text_len, len);
	assert_memory_equal(b.c->text, text, len);
	sendtargets_init(&st, b.c->text, b.c->text_len);
	while ((found.r = sendtargets_next(&st, &item, &fault)) == 0 && item.kind != SENDTARGETS_END) {
		found.targets += item.kind == SENDTARGETS_TARGET;
		found.addresses += item.kind == SENDTARGETS_ADDRESS;
	}
	found.skipped = st.skipped;
	fake_end(&b.fake);
	return found;
}

static void expect(const char *text, size_t len, unsigned targets, unsigned addresses,
		   unsigned skipped, int r)
{
	static const size_t pieces[] = { 8192, 1, 3, 17 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct found found = ask(text, len, pieces[i]);

		assert_int_equal(found.targets, targets);
		assert_int_equal(found.addresses, addresses);
		assert_int_equal(found.skipped, skipped);
		assert_int_equal(found.r, r);
	}
}

#define A "TargetName=iqn.2001-04.com.example:a\0"

static void test_records(void **state)
{
	(void)state;
	expect(FAKE_TEXT(A "TargetAddress=10.0.0.1:3260,1\0" A "TargetAddress=10.0.0.1:3260,1\0"
			 "TargetAddress=10.0.0.1:3260,1"), 2, 3, 0, 0);
	DUTY("FIELD-13.2 DSC-3");
	expect(FAKE_TEXT(""), 0, 0, 0, 0);
	expect(FAKE_TEXT("\0\0\0\0"), 0, 0, 0, 0);
	begin();
	give(PDU_NO_TAG, false, NULL, 0);
	assert_int_equal(b.c->texts, 1);
	assert_int_equal(b.c->text_len, 0);
	assert_int_equal(b.c->text_fault.kind, FAULT_NONE);
	fake_end(&b.fake);
	DUTY("FIELD-13.3 DSC-4");
	expect(FAKE_TEXT(A "MaxBurstLength=512"), 1, 0, 0, -EPROTO);
	expect(FAKE_TEXT("X-com.example.key=1\0" A), 0, 0, 0, -EPROTO);
	expect(FAKE_TEXT("SendTargets=All"), 0, 0, 0, -EPROTO);
	expect(FAKE_TEXT("TargetAddress=10.0.0.1:3260,1\0" A), 0, 0, 0, -EPROTO);
	DUTY("FIELD-13.4");
	expect(FAKE_TEXT(A "TargetAddress=\0TargetAddress=:3260,1\0TargetAddress=10.0.0.1:0,1\0"
			 "TargetAddress=10.0.0.1:65536,1\0TargetAddress=10.0.0.1:3260,65536\0"
			 "TargetAddress=10.0.0.1:3260,\0TargetAddress=[::1:3260,1\0"
			 "TargetAddress=10.0.0.1:3260,1x\0TargetAddress=a b:3260,1\0"
			 "TargetAddress=10.0.0.2:3260,1"), 1, 1, 9, 0);
	DUTY("FIELD-13.5 DSC-6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
