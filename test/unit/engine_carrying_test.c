/*
 * engine_carrying_test.c - one connection, spoken to by hand-made PDUs: what it sends while it is
 * asked to leave, whole words in Data-Out, texts that nobody asked for, the CmdSN of its login.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/conn.h"
#include "engine/gap.h"
#include "../duty.h"

#define SECOND UINT64_C(1000000000)

struct stage {
	struct session_config config;
	struct conn_shared shared;
	struct conn *c;
	uint32_t stat_sn;
	uint64_t now;
	uint8_t sent[65536]; /* the PDUs of the last take_sent, back to back */
	size_t sent_len;
};

static struct stage t;

static int open_stage(void **state)
{
	struct conn_options options = { .id = 1, .host = "10.0.0.1", .port = 3260 };
	struct keys_params params;
	struct conn_plan plan = { .shared = &t.shared, .options = &options, .slot = 2, .cid = 9,
		.tsih = 5, .portal_group_tag = -1, .session = &params };

	(void)state;
	memset(&t, 0, sizeof(t));
	t.config = (struct session_config){ .initiator_name = "iqn.2026-11.test:i",
		.target_name = "iqn.2026-11.test:t",
		.times = { .login = 1000, .logout = 3000, .ping_idle = 5000, .ping_wait = 5000 } };
	keys_offer_default(&t.config.offer);
	keys_params_default(&params);
	params.initial_r2t = params.immediate_data = true;
	t.shared.config = &t.config;
	t.now = SECOND;
	tags_init(&t.shared.tags);
	window_init(&t.shared.window, UINT32_MAX); /* wraps */
	window_update(&t.shared.window, UINT32_MAX, 30);
	return conn_new(&plan, &t.c);
}

static int close_stage(void **state)
{
	struct conn_event event;

	(void)state;
	conn_abandon(t.c, t.now);
	while (conn_next_event(t.c, &event))
		;
	conn_free(t.c);
	tags_done(&t.shared.tags);
	return 0;
}

static void full_feature(void)
{
	t.stat_sn = UINT32_MAX - 1; /* wraps, too */
	gap_start(&t.c->stat, t.stat_sn);
	conn_enter(t.c, CONN_S5_LOGGED_IN, t.now);
}

/* Collects what wants to be sent. */
static size_t take_sent(void)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	unsigned n;

	t.sent_len = 0;
	while ((n = conn_pending(t.c, iov, ENGINE_PENDING_IOV, t.now))) {
		size_t len = 0;

		for (unsigned i = 0; i < n; i++) {
			assert_true(t.sent_len + iov[i].iov_len <= sizeof(t.sent));
			memcpy(t.sent + t.sent_len, iov[i].iov_base, iov[i].iov_len);
			t.sent_len += iov[i].iov_len;
			len += iov[i].iov_len;
		}
		conn_sent(t.c, len, t.now);
	}
	return t.sent_len;
}

static void receive(const void *bytes, size_t len)
{
	static uint8_t staging[65536];
	const uint8_t *p = bytes;

	while (len) {
		struct iovec iov[2];
		unsigned n = conn_space(t.c, staging, sizeof(staging), iov);
		size_t part = n && iov[0].iov_len < len ? iov[0].iov_len : len;

		if (!n)
			return;
		memcpy(iov[0].iov_base, p, part);
		conn_received(t.c, part, t.now);
		p += part;
		len -= part;
	}
}

static void respond(const struct task *task, uint8_t status)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .status = status,
		.initiator_task_tag = task->itt, .stat_sn = t.stat_sn++,
		.exp_cmd_sn = window_current(&t.shared.window), .max_cmd_sn = 30 });
	receive(bhs, sizeof(bhs));
}

static struct task *task_back(void)
{
	struct conn_event event;

	while (conn_next_event(t.c, &event))
		if (event.kind == CONN_EVENT_TASK)
			return event.task;
	return NULL;
}

static bool ended(enum fault_kind *ret_kind)
{
	struct conn_event event;

	while (conn_next_event(t.c, &event)) {
		if (event.kind != CONN_EVENT_END)
			continue;
		*ret_kind = event.fault.kind;
		return true;
	}
	return false;
}

/* The target wishes a logout, and the caller removes the connection as well: the tasks under way
 * still end first, and none is lost. */
static void test_logout_twice(void **state)
{
	struct task task = { .in_len = 0 };
	struct pdu_logout_request logout;
	uint8_t bhs[PDU_BHS_LEN];
	enum fault_kind why;

	(void)state;
	full_feature();
	conn_submit(t.c, &task, t.now);
	assert_int_equal(take_sent(), PDU_BHS_LEN);
	conn_logout(t.c, 1, t.now);
	assert_int_equal(take_sent(), 0);
	conn_logout(t.c, 1, t.now + SECOND);
	assert_int_equal(conn_state(t.c), CONN_S6_IN_LOGOUT);
	assert_int_equal(conn_deadline(t.c), t.now + 3 * SECOND); /* no second delay either */
	respond(&task, 0);
	assert_ptr_equal(task_back(), &task);
	assert_int_equal(task.outcome, TASK_COMPLETE);
	assert_int_equal(take_sent(), PDU_BHS_LEN);
	pdu_get_logout_request(t.sent, &logout);
	assert_int_equal(pdu_opcode(t.sent), PDU_LOGOUT_REQUEST);
	assert_int_equal(logout.cid, 9);
	pdu_put_logout_response(bhs, &(struct pdu_logout_response){
		.initiator_task_tag = logout.initiator_task_tag, .stat_sn = t.stat_sn++,
		.exp_cmd_sn = window_current(&t.shared.window), .max_cmd_sn = 30 });
	receive(bhs, sizeof(bhs));
	assert_true(ended(&why));
	assert_int_equal(why, FAULT_NONE);
	DUTY("LO-1 LO-2");
}

/* Ordering mode (TOL-8): a Logout leaves when no command is under way on any connection, and the
 * others get no number before the target has closed this one. */
static void test_logout_alone(void **state)
{
	struct fault fin = { .kind = FAULT_CLOSED };
	unsigned other = conn_slot(t.c) + 1;
	struct pdu_logout_request logout;
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t itt, cmd_sn;
	enum fault_kind why;

	(void)state;
	full_feature();
	atomic_store(&t.shared.ordering, true);
	assert_true(tag_take(&t.shared.tags, other, NULL, &itt));
	conn_logout(t.c, 1, t.now);
	assert_int_equal(take_sent(), 0);
	assert_true(tag_free(&t.shared.tags, itt) & UINT64_C(1) << conn_slot(t.c));
	assert_int_equal(take_sent(), PDU_BHS_LEN);
	pdu_get_logout_request(t.sent, &logout);
	assert_true(logout.immediate);
	assert_int_equal(logout.cmd_sn, window_current(&t.shared.window));
	pdu_put_logout_response(bhs, &(struct pdu_logout_response){
		.initiator_task_tag = logout.initiator_task_tag, .stat_sn = t.stat_sn++,
		.exp_cmd_sn = logout.cmd_sn, .max_cmd_sn = logout.cmd_sn + 30 });
	receive(bhs, sizeof(bhs));
	assert_false(ended(&why));
	assert_false(window_take(&t.shared.window, other, &cmd_sn));
	conn_closed(t.c, &fin, t.now);
	assert_true(ended(&why));
	assert_int_equal(why, FAULT_NONE);
	assert_true(window_take(&t.shared.window, other, &cmd_sn));
	DUTY("TOL-8 MC-2.9");
}

/* LO-2, TRAP-8: a ping of the target that comes after our Logout gets no answer: the number behind
 * it would be a hole. */
static void test_nothing_after_logout(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t before;

	(void)state;
	full_feature();
	atomic_store(&t.shared.ordering, true);
	conn_logout(t.c, 1, t.now);
	assert_int_equal(take_sent(), PDU_BHS_LEN);
	before = window_current(&t.shared.window);
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = 5, .stat_sn = t.stat_sn, .exp_cmd_sn = before,
		.max_cmd_sn = 30 });
	receive(bhs, sizeof(bhs));
	assert_int_equal(take_sent(), 0);
	assert_int_equal(window_current(&t.shared.window), before);
	DUTY("LO-2 TRAP-8");
}

/* AS-2: once the target asked for a logout, commands that were not sent stay here. */
static void test_asked_to_leave(void **state)
{
	struct task task = { .in_len = 0 };
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t before;

	(void)state;
	full_feature();
	before = window_current(&t.shared.window);
	conn_submit(t.c, &task, t.now);
	pdu_put_async(bhs, &(struct pdu_async){ .async_event = PDU_ASYNC_LOGOUT_REQUESTED,
		.parameter3 = 5, .stat_sn = t.stat_sn++, .exp_cmd_sn = before, .max_cmd_sn = 30 });
	receive(bhs, sizeof(bhs));
	assert_int_equal(conn_state(t.c), CONN_S7_LOGOUT_REQUESTED);
	assert_int_equal(take_sent(), 0);
	conn_logout(t.c, 1, t.now);
	assert_ptr_equal(task_back(), &task);
	assert_int_equal(task.outcome, TASK_UNSENT);
	assert_int_equal(window_current(&t.shared.window), before);
	DUTY("AS-2 UNH-FFP-14.1 UNH-FFP-20.1");
}

/* T12, T14: asked once more, before our Logout and after it: nothing changes, and one Logout leaves. */
static void test_asked_again(void **state)
{
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t before;

	(void)state;
	full_feature();
	before = window_current(&t.shared.window);
	for (unsigned i = 0; i < 4; i++) {
		pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG,
			.async_event = PDU_ASYNC_LOGOUT_REQUESTED, .parameter3 = 5,
			.stat_sn = t.stat_sn++, .exp_cmd_sn = before, .max_cmd_sn = 30 });
		receive(bhs, sizeof(bhs));
		assert_int_equal(conn_state(t.c), i < 2 ? CONN_S7_LOGOUT_REQUESTED : CONN_S6_IN_LOGOUT);
		if (i == 1)
			conn_logout(t.c, 1, t.now);
		if (i > 0)
			assert_int_equal(take_sent(), i == 1 ? PDU_BHS_LEN : 0);
	}
	DUTY("AS-2 T10 T11 T12 T14");
}

/* PDU-12: the target takes 1022 bytes a PDU; all but the last of a sequence are whole words. And
 * the task knows how much the target took. */
static void test_whole_words(void **state)
{
	static uint8_t out[4000];
	uint8_t bhs[PDU_BHS_LEN];
	struct task task = { .out = out, .out_len = sizeof(out), .lun = 3 };
	struct pdu_data_out data = { .final = false };
	uint32_t offset = 1000;
	size_t at = 0;

	(void)state;
	full_feature();
	t.c->params.max_send_data_segment_length = 1022;
	t.c->params.first_burst_length = 1000;
	conn_submit(t.c, &task, t.now);
	take_sent();
	assert_int_equal(task.sent, 1000);
	pdu_put_r2t(bhs, &(struct pdu_r2t){ .lun = 3, .initiator_task_tag = task.itt,
		.target_transfer_tag = 77, .stat_sn = t.stat_sn, .buffer_offset = 1000,
		.desired_data_transfer_length = 2002,
		.exp_cmd_sn = window_current(&t.shared.window), .max_cmd_sn = 30 });
	receive(bhs, sizeof(bhs));
	assert_true(take_sent() > 0);
	while (at < t.sent_len) {
		uint32_t len = pdu_data_len(t.sent + at);

		pdu_get_data_out(t.sent + at, &data);
		assert_int_equal(data.buffer_offset, offset);
		assert_true(data.final || len % 4 == 0);
		assert_in_range(len, 1, 1022);
		offset += len;
		at += PDU_BHS_LEN + len + pdu_pad(len);
	}
	assert_true(data.final);
	assert_int_equal(offset, 3002);
	respond(&task, 0);
	assert_ptr_equal(task_back(), &task);
	assert_int_equal(task.sent, 3002);
	DUTY("PDU-12");
}

/* A second answer to one Text Request, begun before the first was pulled: the connection ends, and
 * nothing is put into the first answer's memory. */
static void test_text_twice(void **state)
{
	struct pdu_text_request request;
	struct conn_event event;
	uint8_t pdu[2 * (PDU_BHS_LEN + 8)] = { 0 };
	enum fault_kind why;

	(void)state;
	full_feature();
	assert_int_equal(conn_text(t.c, "SendTargets=", 13, t.now), 0);
	assert_true(take_sent() > 0);
	pdu_get_text_request(t.sent, &request);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *at = pdu + i * (PDU_BHS_LEN + 8);

		pdu_put_text_response(at, &(struct pdu_text_response){ .final = true, .data_len = 8,
			.initiator_task_tag = request.initiator_task_tag,
			.target_transfer_tag = PDU_NO_TAG, .stat_sn = t.stat_sn++,
			.exp_cmd_sn = window_current(&t.shared.window), .max_cmd_sn = 30 });
		memcpy(at + PDU_BHS_LEN, i ? "X=22222" : "X=11111", 8);
	}
	receive(pdu, 2 * PDU_BHS_LEN + 8 + 4);
	assert_true(conn_next_event(t.c, &event));
	assert_int_equal(event.kind, CONN_EVENT_TEXT);
	assert_string_equal(event.text, "X=11111");
	assert_true(ended(&why));
	assert_int_equal(why, FAULT_PROTOCOL);
	DUTY("TX-1");
}

/* LOG-11: an added login carries the session's CmdSN of the moment, while others go on. */
static void test_login_number(void **state)
{
	static const uint8_t entropy[ENGINE_ENTROPY];
	struct pdu_login_request request;
	struct pdu_login_response response;
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t number;

	(void)state;
	conn_start(t.c, t.now);
	conn_opened(t.c, entropy, t.now);
	take_sent();
	pdu_get_login_request(t.sent, &request);
	assert_int_equal(request.cmd_sn, UINT32_MAX);
	assert_true(window_take(&t.shared.window, 0, &number));
	assert_true(window_take(&t.shared.window, 0, &number));
	response = (struct pdu_login_response){ .transit = true, .nsg = PDU_STAGE_OPERATIONAL,
		.tsih = 5, .initiator_task_tag = request.initiator_task_tag, .stat_sn = 1 };
	pdu_put_login_response(bhs, &response);
	receive(bhs, sizeof(bhs));
	assert_true(take_sent() > 0);
	pdu_get_login_request(t.sent, &request);
	assert_int_equal(request.csg, PDU_STAGE_OPERATIONAL);
	assert_int_equal(request.cmd_sn, 1);
	DUTY("LOG-11 SN-4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_logout_twice, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_logout_alone, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_nothing_after_logout, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_asked_to_leave, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_asked_again, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_whole_words, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_text_twice, open_stage, close_stage),
		cmocka_unit_test_setup_teardown(test_login_number, open_stage, close_stage),
	};

	return cmocka_run_group_tests_name("engine_carrying", tests, NULL, NULL);
}
