/*
 * engine_input_login_test.c - bad inputs of the field, group 2: login responses, and the framing of
 * group 1 during a login. Texts and numbers of keys are in engine_input_keys_test.c.
 */
#include "engine_fake_login.h"

#include <stdio.h>

#include "../duty.h"

static const char good[] = LOGIN_GOOD;
static const char first[] = LOGIN_FIRST;

static struct bench b;

/* The first request waits for its answer, or the one that shall end the login. */
static void begin_at(bool last)
{
	bench_setup(&b);
	bench_begin(&b);
	if (!last)
		return;
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	bench_take(&b);
	b.c->tsih = 9;
}

static void refused(enum fault_kind kind)
{
	assert_true(b.c->fault.text[0]);
	bench_expect_failed(&b, kind);
	fake_end(&b.fake);
}

/* A response that would be right there. */
static uint32_t make(bool last, uint8_t bhs[PDU_BHS_LEN], const char **ret_text)
{
	struct pdu_login_response pdu = { .transit = true, .csg = last, .nsg = last ? 3 : 1,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .tsih = last ? 9 : 0,
		.initiator_task_tag = b.c->login_itt, .stat_sn = b.c->stat_sn,
		.exp_cmd_sn = b.fake.exp_cmd_sn, .max_cmd_sn = b.fake.max_cmd_sn };

	pdu_put_login_response(bhs, &pdu);
	*ret_text = last ? good : first;
	return last ? sizeof(good) : sizeof(first);
}

/* The good response with so many bytes at `at` set to `value`. */
static void give_changed(bool last, unsigned at, unsigned size, uint64_t value)
{
	uint8_t bhs[PDU_BHS_LEN];
	const char *text;
	uint32_t len = make(last, bhs, &text);

	for (unsigned i = 0; i < size; i++)
		bhs[at + i] = (uint8_t)(value >> 8 * (size - 1 - i));
	fake_give_pdu(b.c, bhs, text, len);
}

/* ---------------------------------------------------------------- framing */

static void test_cut(void **state)
{
	uint8_t wire[1000] = { 0 };
	const char *text;
	size_t len = 1;

	(void)state;
	for (size_t n = 0; n < 2 * len; n++) {
		begin_at(true);
		len = PDU_BHS_LEN + make(true, wire, &text);
		bytes_put24(wire + 5, sizeof(good));
		memcpy(wire + PDU_BHS_LEN, text, sizeof(good));
		len += pdu_pad(sizeof(good));
		memset(wire + PDU_BHS_LEN + sizeof(good), 0xff, pdu_pad(sizeof(good)));
		fake_give(b.c, wire, n / 2);
		assert_false(b.c->up || b.c->ended);
		if (n % 2) {
			fake_closed(b.c, FAULT_CLOSED);
			refused(FAULT_CLOSED);
		} else {
			fake_give(b.c, wire + n / 2, len - n / 2);
			assert_true(b.c->up);
			fake_end(&b.fake);
		}
	}
	DUTY("FIELD-1.1 FIELD-1.12");
}

/* Before the login is done 8192 bytes are the limit, whatever we declare. */
static void test_lengths(void **state)
{
	static const uint32_t lens[] = { 8193, 65536, 0xffffff };
	char text[8192];
	uint8_t bhs[PDU_BHS_LEN];
	const char *unused;

	(void)state;
	for (unsigned last = 0; last < 2; last++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			begin_at(last);
			make(last, bhs, &unused);
			bytes_put24(bhs + 5, lens[i]);
			fake_give(b.c, bhs, PDU_BHS_LEN);
			refused(FAULT_PROTOCOL);
		}
	}
	DUTY("FIELD-1.4 FIELD-1.5 LOG-10");
	begin_at(false);
	memset(text, 0, sizeof(text)); /* NULs beyond the pairs say nothing */
	memcpy(text, first, sizeof(first));
	fake_give_login(b.c, 0x81, text, sizeof(text));
	bench_take(&b);
	fake_end(&b.fake);
	DUTY("FIELD-1.3");
	begin_at(false);
	fake_give_login(b.c, 0x00, NULL, 0); /* nothing said, nothing agreed */
	bench_take(&b);
	assert_true(b.request.transit);
	fake_end(&b.fake);
	begin_at(true);
	fake_give_login(b.c, 0x87, NULL, 0);
	refused(FAULT_NEGOTIATION);
	DUTY("FIELD-1.2");
}

static void test_headers(void **state)
{
	static const struct {
		const char *name;
		unsigned at, size;
		uint64_t value;
	} rows[] = {
		{ "an additional header", 4, 1, 1 },
		{ "255 words of it", 4, 1, 255 },
		{ "NSG 2", 1, 1, 0x82 },
		{ "NSG 2 from operation", 1, 1, 0x86 },
		{ "T without a move", 1, 1, 0x85 },
		{ "a move back", 1, 1, 0x84 },
		{ "T and C", 1, 1, 0xc7 },
		{ "the wrong ISID", 8, 6, 0x800102030406 },
		{ "no ISID", 8, 6, 0 },
		{ "the wrong tag", 16, 4, 0x1234 },
		{ "no tag", 16, 4, PDU_NO_TAG },
		{ "another StatSN", 24, 4, 77 },
		{ "another version", 3, 1, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_at(true);
		give_changed(true, rows[i].at, rows[i].size, rows[i].value);
		if (!b.c->ended)
			print_error("taken: %s\n", rows[i].name);
		refused(FAULT_PROTOCOL);
	}
	DUTY("FIELD-1.6 FIELD-2.3 FIELD-2.25 FIELD-2.26 LOG-5 LOG-15 LOG-16");
	begin_at(false);
	give_changed(false, 1, 1, 0x83); /* to full feature phase, where operation was asked for */
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.4");
}

/* All but a Login Response, those of an initiator and of nobody included, at both ends of a login. */
static void test_another_pdu(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 512; byte++) {
		if ((byte & 0x3f) == PDU_LOGIN_RESPONSE)
			continue;
		begin_at(byte > 255);
		give_changed(byte > 255, 0, 1, byte & 0xff);
		refused(FAULT_PROTOCOL);
	}
	DUTY("FIELD-1.7 FIELD-1.8 FIELD-2.1 LOG-1 RJ-4");
}

/* With CHAP we ask for no move: the target has to say something before. */
static void test_not_asked_for(void **state)
{
	(void)state;
	bench_setup_chap(&b, CHAP_ONE_WAY);
	bench_begin(&b);
	assert_false(b.request.transit);
	fake_give_login(b.c, 0x81, FAKE_TEXT("TargetPortalGroupTag=1\0AuthMethod=CHAP"));
	refused(FAULT_PROTOCOL);
	begin_at(false);
	fake_give_login(b.c, 0x40, FAKE_TEXT("TargetPortalGroupTag=1"));
	bench_take(&b); /* the empty request for the rest */
	assert_false(b.request.transit);
	fake_give_login(b.c, 0x81, FAKE_TEXT("AuthMethod=None"));
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.2 LOG-16 TXT-7");
}

/* ---------------------------------------------------------------- no end */

static unsigned go_on(uint8_t flags, const char *text, size_t len)
{
	unsigned rounds = 0;

	while (!b.c->ended) {
		assert_true(rounds++ < 200);
		fake_give_login(b.c, flags, text, len);
		if (!b.c->ended)
			bench_take(&b);
	}
	return rounds;
}

static void test_without_end(void **state)
{
	char text[8192];

	(void)state;
	for (unsigned last = 0; last < 2; last++) {
		begin_at(last);
		b.c->tsih = 0;
		assert_int_equal(go_on(last ? 0x04 : 0x00, NULL, 0), last ? 31 : 32);
		refused(FAULT_NEGOTIATION);
	}
	DUTY("FIELD-2.5 TXT-20");
	for (unsigned last = 0; last < 2; last++) {
		begin_at(last);
		assert_int_equal(go_on(last ? 0x44 : 0x40, NULL, 0), last ? 31 : 32);
		refused(FAULT_NEGOTIATION);
		memset(text, 'a', sizeof(text));
		begin_at(last);
		assert_int_equal(go_on(last ? 0x44 : 0x40, text, sizeof(text)), 9);
		refused(FAULT_PROTOCOL); /* with the ninth header: more than 64 KiB */
	}
	DUTY("FIELD-2.6 TXT-5");
}

/* 64 KiB of pairs in eight responses, each of which wants to be answered. */
static void test_many_keys(void **state)
{
	char text[8192];

	(void)state;
	for (unsigned at = 0; at < sizeof(text); at += 8)
		memcpy(text + at, "X-org=1", 8);
	begin_at(true);
	for (unsigned i = 0; i < 8; i++) {
		fake_give_login(b.c, i < 7 ? 0x44 : 0x04, text, sizeof(text));
		if (i < 7)
			bench_take(&b);
	}
	refused(FAULT_NEGOTIATION); /* our answer would not fit one PDU */
	DUTY("FIELD-2.7");
	begin_at(true);
	for (unsigned at = 0; at < 2048 * 3; at += 3)
		memcpy(text + at, "a=", 3);
	fake_give_login(b.c, 0x04, text, 2048 * 3);
	refused(FAULT_NEGOTIATION);
	/* as many as can be answered are answered */
	begin_at(true);
	fake_give_login(b.c, 0x04, text, 500 * 3);
	bench_take(&b);
	assert_int_equal(b.len, 500 * sizeof("a=NotUnderstood"));
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_true(b.c->up);
	fake_end(&b.fake);
	DUTY("FIELD-2.8");
}

/* ---------------------------------------------------------------- TSIH */

static void begin_added(void)
{
	bench_setup(&b);
	fake_begin(&b.fake, &b.setup);
	fake_login(&b.fake, &b.setup.options, NULL, 0);
	fake_event(&b.fake, SESSION_EVENT_ANSWER);
	b.setup.options.id = 2;
	b.c = fake_add(&b.fake, &b.setup.options);
	bench_take(&b);
	b.c->tsih = b.request.tsih;
	b.fake.events = 0;
}

/* The call is answered so, and the session knows nothing of it. */
static void not_added(enum fault_kind kind)
{
	assert_true(b.c->ended);
	assert_int_equal(fake_event(&b.fake, SESSION_EVENT_ANSWER).fault.kind, kind);
	assert_false(b.fake.conn[0].ended);
	assert_int_equal(session_state(b.fake.session), SESSION_Q3_LOGGED_IN);
	fake_end(&b.fake);
}

static void test_tsih(void **state)
{
	static const uint16_t others[] = { 0, 78 }; /* none; that of a session of its own */
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	begin_at(true);
	give_changed(true, 14, 2, 0);
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.22 LOG-13");
	begin_at(false); /* it only counts in the last response */
	give_changed(false, 14, 2, 300);
	bench_take(&b);
	assert_int_equal(b.request.tsih, 0);
	b.c->stat_sn++;
	b.c->tsih = 9;
	fake_give_login(b.c, 0x87, FAKE_TEXT(good));
	assert_int_equal(b.c->login.tsih, 9);
	fake_end(&b.fake);
	DUTY("FIELD-2.23");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin_added();
		fake_give_login(b.c, 0x81, FAKE_TEXT(first));
		bench_take(&b);
		b.c->tsih = others[i];
		fake_give_login(b.c, 0x87, FAKE_TEXT("HeaderDigest=None\0DataDigest=None"));
		assert_false(b.c->up);
		if (!others[i]) {
			not_added(FAULT_PROTOCOL);
			continue;
		}
		fake_take(b.c, PDU_LOGOUT_REQUEST, bhs, NULL, 0);
		assert_int_equal(bhs[1] & 0x7f, PDU_LOGOUT_SESSION);
		fake_closed(b.c, FAULT_CLOSED);
		not_added(FAULT_OTHER_SESSION);
	}
	DUTY("FIELD-2.24 FIELD-12.1 TRAP-5 MC-1.4");
}

static void test_group_changed(void **state)
{
	(void)state;
	begin_at(true); /* told twice */
	fake_give_login(b.c, 0x04, FAKE_TEXT("TargetPortalGroupTag=2"));
	refused(FAULT_PROTOCOL);
	begin_added();
	fake_give_login(b.c, 0x81, FAKE_TEXT("TargetPortalGroupTag=2\0AuthMethod=None"));
	not_added(FAULT_OTHER_GROUP);
	bench_setup(&b); /* other than discovery told */
	b.setup.config.portal_group_tag = 7;
	bench_begin(&b);
	fake_give_login(b.c, 0x81, FAKE_TEXT(first));
	refused(FAULT_OTHER_GROUP);
	DUTY("FIELD-2.32 LOG-18 MCS-4");
}

/* ---------------------------------------------------------------- statuses */

static void test_status_class(void **state)
{
	(void)state;
	for (unsigned class = 4; class < 256; class++) {
		begin_at(class % 2);
		bench_give_status(&b, (uint8_t)class, (uint8_t)(class * 7), NULL, 0);
		refused(FAULT_PROTOCOL);
	}
	DUTY("FIELD-2.27");
}

static void redirect(const char *address, size_t len)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 7 };

	bench_give_status(&b, 1, 1, address, len);
	if (b.c->ended)
		return;
	assert_true(b.c->opening);
	b.c->opening = false;
	conn_opened(b.c->conn, entropy, b.fake.now);
	fake_pump(&b.fake);
	bench_take(&b);
}

/* To itself, and along a chain: four hops are followed. */
static void test_redirect_chain(void **state)
{
	char address[64];

	(void)state;
	for (unsigned chain = 0; chain < 2; chain++) {
		begin_at(false);
		for (unsigned hop = 0; hop < 5; hop++) {
			int n = snprintf(address, sizeof(address), "TargetAddress=192.0.2.%u:3260,1",
					 chain ? 10 + hop : 1);

			assert_false(b.c->ended);
			redirect(address, (size_t)n + 1);
		}
		refused(FAULT_PROTOCOL);
	}
	DUTY("FIELD-2.28 FIELD-2.29 LOG-22");
}

static void test_redirect_nowhere(void **state)
{
	static const char *const addresses[] = { "TargetAddress=", "TargetAddress=:3260",
		"TargetAddress=192.0.2.9:0", "TargetAddress=192.0.2.9:70000", "TargetAddress=[::1",
		"TargetAddress", "TargetName=x", "TargetAddress=192.0.2.9:3260x" };
	char huge[330] = "TargetAddress=";

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		begin_at(i % 2);
		redirect(addresses[i], strlen(addresses[i]) + 1);
		if (!b.c->ended)
			print_error("followed: %s\n", addresses[i]);
		refused(FAULT_PROTOCOL);
	}
	begin_at(false);
	redirect(NULL, 0);
	refused(FAULT_PROTOCOL);
	begin_at(false); /* nobody is there */
	bench_give_status(&b, 1, 2, FAKE_TEXT("TargetAddress=192.0.2.99"));
	assert_true(b.c->opening);
	fake_closed(b.c, FAULT_CONNECT);
	refused(FAULT_CONNECT);
	DUTY("FIELD-2.30");
	memset(huge + 14, 'h', 300);
	begin_at(false);
	redirect(huge, strlen(huge) + 1);
	refused(FAULT_PROTOCOL);
	DUTY("FIELD-2.31");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_another_pdu),
		cmocka_unit_test(test_not_asked_for),
		cmocka_unit_test(test_without_end),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_tsih),
		cmocka_unit_test(test_group_changed),
		cmocka_unit_test(test_status_class),
		cmocka_unit_test(test_redirect_chain),
		cmocka_unit_test(test_redirect_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
