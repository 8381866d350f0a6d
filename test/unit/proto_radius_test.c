/*
 * proto_radius_test.c - RADIUS packets by values computed elsewhere (Python hashlib and hmac), and
 * answers that must not count.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "proto/radius.h"

#define SECRET "testing-shared-secret!!"

/* Made with Python for the question below. */
static const char request_hex[] =
	"012a0088101112131415161718191a1b1c1d1e1f5012bb3a8113ab6328f0f9fddc23b579e8f001166971"
	"6e2e323032362d31312e746573743a746774031307e9bf50c8545822331a40c5f961a0ccbf3c22404142"
	"434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f201769716e2e323032362d3131"
	"2e746573743a696e6974";
static const char accept_hex[] = "022a00141b649098d8fc3f01a5bcee5c9fc151f7";
static const char accept_signed_hex[] =
	"022a002d2edf8183725e7cc2c9e90ecee7bc75a05012ccc728d5f2a6437b7aa988591291743b120768656c6c6f";
static const char reject_hex[] = "032a00146f3656b706b70c87c544c710b0fdfa27";
static const char challenge_hex[] =
	"0b2a002a6b1072fdc4512c3fa30d86ab7d8996f65012fa677d1fde3280700705774cd4e983be18047879";
static const char accounting_hex[] = "052a001415f4b87ef2cafde74b02f83682db5163";

static struct radius_request request = { .identifier = 0x2a };
static struct radius_secret secret = { .len = sizeof(SECRET) - 1 };
static struct chap_question question = { .name = "iqn.2026-11.test:tgt", .name_len = 20,
	.identifier = 7, .challenge_len = 32 };

static size_t from_hex(const char *text, uint8_t *ret)
{
	size_t len = strlen(text) / 2;

	for (size_t i = 0; i < len; i++) {
		const char byte[3] = { text[2 * i], text[2 * i + 1] };

		ret[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return len;
}

static int setup(void **state)
{
	(void)state;
	memcpy(secret.bytes, SECRET, secret.len);
	for (uint8_t i = 0; i < 16; i++)
		request.authenticator[i] = (uint8_t)(0x10 + i);
	for (uint8_t i = 0; i < 32; i++)
		question.challenge[i] = (uint8_t)(0x40 + i);
	from_hex("e9bf50c8545822331a40c5f961a0ccbf", question.response);
	return 0;
}

static int judge(const uint8_t *packet, size_t len, struct radius_answer *ret)
{
	uint8_t *copy = malloc(len); /* so that a sanitizer sees what is read behind its end */
	int r;

	memcpy(copy, packet, len);
	r = radius_get_answer(copy, len, &request, &secret, ret);
	free(copy);
	return r;
}

static void the_request(void **state)
{
	uint8_t want[RADIUS_REQUEST_MAX], is[RADIUS_REQUEST_MAX];
	size_t len = from_hex(request_hex, want);

	(void)state;
	assert_int_equal(radius_put_request(&request, "iqn.2026-11.test:init", &question, &secret, is),
			 len);
	assert_memory_equal(is, want, len);
}

static void names_that_fit(void **state)
{
	struct chap_question q = question;
	uint8_t packet[RADIUS_REQUEST_MAX];
	char nas[300];

	(void)state;
	memset(nas, 'n', sizeof(nas));
	nas[RADIUS_TEXT_MAX] = 0;
	memset(q.name, 'u', sizeof(q.name));
	q.name_len = RADIUS_TEXT_MAX;
	assert_int_equal(radius_put_request(&request, nas, &q, &secret, packet),
			 20 + 18 + 2 * (2 + RADIUS_TEXT_MAX) + 19 + 34);
	q.name_len++;
	assert_int_equal(radius_put_request(&request, "n", &q, &secret, packet), -EINVAL);
	q.name_len = 0;
	assert_int_equal(radius_put_request(&request, "n", &q, &secret, packet), -EINVAL);
	q.name_len = 1;
	assert_int_equal(radius_put_request(&request, "", &q, &secret, packet), -EINVAL);
	nas[RADIUS_TEXT_MAX] = 'n';
	nas[RADIUS_TEXT_MAX + 1] = 0;
	assert_int_equal(radius_put_request(&request, nas, &q, &secret, packet), -EINVAL);
}

static void answers(void **state)
{
	static const struct { const char *hex; int r; bool accepted, authenticated; } cases[] = {
		{ accept_hex, 0, true, false },
		{ accept_signed_hex, 0, true, true },
		{ reject_hex, 0, false, false },
		{ challenge_hex, 0, false, true },
		{ accounting_hex, -EBADMSG, false, false },
	};
	uint8_t packet[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct radius_answer answer = { .accepted = !cases[i].accepted };
		size_t len = from_hex(cases[i].hex, packet);

		assert_int_equal(judge(packet, len, &answer), cases[i].r);
		if (cases[i].r)
			continue;
		assert_int_equal(answer.accepted, cases[i].accepted);
		assert_int_equal(answer.authenticated, cases[i].authenticated);
		packet[len] = 0; /* what follows in the datagram does not count */
		assert_int_equal(judge(packet, len + 1, &answer), 0);
	}
}

/* Any bit that is not right, any length, another request, another secret. */
static void forged_answers(void **state)
{
	const struct radius_answer none = { .accepted = false };
	struct radius_answer answer = none;
	uint8_t packet[256];
	size_t len = from_hex(accept_signed_hex, packet);

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(judge(packet, len, &answer), -EBADMSG);
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t shorter = 0; shorter < len; shorter++)
		assert_int_equal(judge(packet, shorter, &answer), -EBADMSG);
	request.authenticator[15] ^= 1;
	assert_int_equal(judge(packet, len, &answer), -EBADMSG);
	request.authenticator[15] ^= 1;
	secret.len--;
	assert_int_equal(judge(packet, len, &answer), -EBADMSG);
	secret.len++;
	assert_memory_equal(&answer, &none, sizeof(none));
	assert_int_equal(judge(packet, len, &answer), 0);
}

/* Attributes that don't fill the packet; the hash over it is right in each case. */
static void crooked_attributes(void **state)
{
	static const char *const cases[] = { /* computed for exactly these attributes */
		"022a001505735bb0ffa6ea933f876c633574a04812",
		"022a0016b11f2e05cd329e2f8986fffc1e0b454e1200",
		"022a0016e0b9d63101911490fed980b793656f781201",
		"022a001894623af963f174844a7f4e57a08f7c2f12056162",
		"022a0025fb4a4f77f855379239912ce0ad848c025011000000000000000000000000000000",
		("022a0038a55e7229d312e44fc898fa0eddfefd745012115a9289da07c90b8316802dc4fa4d2f5012"
		 "115a9289da07c90b8316802dc4fa4d2f"),
	};
	struct radius_answer answer = { .accepted = false };
	uint8_t packet[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(judge(packet, from_hex(cases[i], packet), &answer), -EBADMSG);
	assert_false(answer.accepted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request),
		cmocka_unit_test(names_that_fit),
		cmocka_unit_test(answers),
		cmocka_unit_test(forged_answers),
		cmocka_unit_test(crooked_attributes),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
