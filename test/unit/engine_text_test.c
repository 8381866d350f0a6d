/*
 * engine_text_test.c - Text exchanges in full feature phase: their tags and flags, exchanges that go on,
 * and those that fail.
 */
#include "engine_fake_command.h"

#include <stdlib.h>

#include "../duty.h"

static struct pdu_text_request ask(struct command *b, const char *text, size_t len)
{
	struct pdu_text_request request;
	uint8_t bhs[PDU_BHS_LEN], data[64];

	assert_int_equal(conn_text(b->c->conn, text, len, b->fake.now), 0);
	assert_int_equal(fake_take(b->c, PDU_TEXT_REQUEST, bhs, data, sizeof(data)), len);
	assert_memory_equal(data, text, len);
	pdu_get_text_request(bhs, &request);
	b->itt = request.initiator_task_tag;
	return request;
}

static void give(struct command *b, struct pdu_text_response pdu, const char *text, size_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu.initiator_task_tag = b->itt;
	pdu_put_text_response(bhs, &pdu);
	fake_numbers(b->c, bhs, true);
	fake_give_pdu(b->c, bhs, text, (uint32_t)len);
}

/* What the first request of an exchange looks like; each exchange has a tag of its own. */
static void test_requests(void **state)
{
	struct pdu_text_request one, two;
	struct command b;

	(void)state;
	command_begin(&b, 0, false);
	one = ask(&b, FAKE_TEXT("SendTargets="));
	assert_true(one.final && !one.more && one.immediate);
	assert_int_equal(one.target_transfer_tag, PDU_NO_TAG);
	assert_int_not_equal(one.initiator_task_tag, PDU_NO_TAG);
	assert_true(one.lun == 0);
	assert_int_equal(one.cmd_sn, 1000);
	assert_int_equal(one.exp_stat_sn, b.c->stat_sn);
	give(&b, (struct pdu_text_response){ .final = true, .target_transfer_tag = PDU_NO_TAG }, NULL, 0);
	assert_int_equal(b.c->texts, 1);
	two = ask(&b, FAKE_TEXT("SendTargets="));
	assert_int_equal(two.target_transfer_tag, PDU_NO_TAG);
	assert_int_not_equal(two.initiator_task_tag, one.initiator_task_tag);
	give(&b, (struct pdu_text_response){ .final = true, .target_transfer_tag = PDU_NO_TAG }, NULL, 0);
	assert_int_equal(b.c->texts, 2);
	command_end(&b);
	DUTY("TX-1 TX-2 TX-7 UNH-FFP-18.1 UNH-FFP-18.2 UNH-FFP-18.3.1 UNH-FFP-18.4");
}

/* The target has more to say: we ask again, with its tag and LUN and without text, until it is done. */
static void test_goes_on(void **state)
{
	struct pdu_text_request next;
	struct command b;
	uint8_t bhs[PDU_BHS_LEN];

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		command_begin(&b, 0, false);
		ask(&b, FAKE_TEXT("SendTargets="));
		for (uint32_t i = 1; i <= 6; i++) {
			give(&b, (struct pdu_text_response){ .more = more, .target_transfer_tag = i,
				.lun = 100 + i }, FAKE_TEXT("A=1"));
			assert_int_equal(b.c->texts, 0);
			assert_int_equal(fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0), 0);
			pdu_get_text_request(bhs, &next);
			assert_true(next.final && !next.more && next.immediate);
			assert_int_equal(next.target_transfer_tag, i);
			assert_true(next.lun == 100 + i);
			assert_int_equal(next.initiator_task_tag, b.itt);
			assert_false(fake_has_sent(b.c));
		}
		give(&b, (struct pdu_text_response){ .final = true, .target_transfer_tag = PDU_NO_TAG },
		     FAKE_TEXT("B=2"));
		assert_int_equal(b.c->texts, 1);
		assert_int_equal(b.c->text_fault.kind, FAULT_NONE);
		assert_int_equal(b.c->text_len, 7 * 4);
		command_end(&b);
	}
	DUTY("TX-2 TX-4 TXT-6 TXT-8 DSC-6 UNH-FFP-18.3.2");
}

/* Flags and tags that contradict each other cost the connection; the exchange ends with it, once. */
static void test_contradictions(void **state)
{
	static const struct pdu_text_response wrong[] = {
		{ .final = true, .target_transfer_tag = 5 },
		{ .final = true, .more = true, .target_transfer_tag = PDU_NO_TAG },
		{ .final = false, .target_transfer_tag = PDU_NO_TAG },
		{ .more = true, .target_transfer_tag = PDU_NO_TAG },
	};
	struct command b;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		command_begin(&b, 0, false);
		ask(&b, FAKE_TEXT("SendTargets="));
		give(&b, wrong[i], FAKE_TEXT("A=1"));
		assert_true(b.c->ended);
		assert_int_equal(b.c->fault.kind, FAULT_PROTOCOL);
		assert_int_equal(b.c->texts, 1);
		assert_int_not_equal(b.c->text_fault.kind, FAULT_NONE);
		command_end(&b);
	}
	DUTY("TX-3 TX-6 TXT-7");
}

/* The connection is cut in the middle of an exchange: it has failed, and a new one begins anew. */
static void test_cut(void **state)
{
	struct command b;

	(void)state;
	for (unsigned rounds = 0; rounds < 2; rounds++) {
		uint8_t bhs[PDU_BHS_LEN];

		command_begin(&b, 0, false);
		ask(&b, FAKE_TEXT("SendTargets="));
		if (rounds) {
			give(&b, (struct pdu_text_response){ .target_transfer_tag = 5 }, FAKE_TEXT("A=1"));
			fake_take(b.c, PDU_TEXT_REQUEST, bhs, NULL, 0);
		}
		fake_closed(b.c, FAULT_CLOSED);
		assert_int_equal(b.c->texts, 1);
		assert_int_not_equal(b.c->text_fault.kind, FAULT_NONE);
		assert_int_equal(b.c->text_len, 0);
		command_end(&b);
	}
	DUTY("TX-5 TX-6");
}

/* The target rejects the request: the exchange is over, the connection is not, another one begins with
 * the reserved tag again. */
static void test_rejected(void **state)
{
	uint8_t bhs[PDU_BHS_LEN], header[PDU_BHS_LEN];
	struct pdu_text_request again;
	struct command b;

	(void)state;
	command_begin(&b, 0, false);
	ask(&b, FAKE_TEXT("SendTargets="));
	pdu_put_text_request(header, &(struct pdu_text_request){ .immediate = true, .final = true,
		.initiator_task_tag = b.itt, .target_transfer_tag = PDU_NO_TAG, .cmd_sn = 1000 });
	pdu_put_reject(bhs, &(struct pdu_reject){ .reason = 9, .initiator_task_tag = PDU_NO_TAG });
	fake_numbers(b.c, bhs, true);
	fake_give_pdu(b.c, bhs, header, sizeof(header));
	assert_false(b.c->ended);
	assert_int_equal(b.c->texts, 1);
	assert_int_not_equal(b.c->text_fault.kind, FAULT_NONE);
	again = ask(&b, FAKE_TEXT("SendTargets="));
	assert_int_equal(again.target_transfer_tag, PDU_NO_TAG);
	command_end(&b);
	DUTY("TX-2 TX-5 UNH-FFP-18.5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_contradictions), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
