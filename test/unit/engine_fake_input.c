/* engine_fake_input.c - see engine_fake_input.h. */
#include "engine_fake_input.h"

#include <stdlib.h>

#include "proto/digest.h"

enum { TAKEN = 512, GUARD_BYTE = 0xa5, RESET_LUN = 9 };

const char *input_name(enum input_pdu pdu)
{
	static const char *const names[INPUT_PDUS] = {
		[INPUT_DATA_IN] = "Data-In", [INPUT_SHORT] = "Data-In with status",
		[INPUT_RESPONSE] = "SCSI Response", [INPUT_R2T] = "R2T", [INPUT_PING] = "ping",
		[INPUT_ECHO] = "echo", [INPUT_TASK] = "Task Management Response",
		[INPUT_TEXT] = "Text Response", [INPUT_LOGOUT] = "Logout Response",
		[INPUT_ASYNC] = "Asynchronous Message", [INPUT_REJECT] = "Reject",
	};

	return names[pdu];
}

/* ---------------------------------------------------------------- guards */

struct task *input_read(struct input *in, uint32_t len)
{
	struct task *task = fake_read(0);

	in->guarded = malloc(len + 2 * INPUT_GUARD);
	memset(in->guarded, GUARD_BYTE, len + 2 * INPUT_GUARD);
	task->in = in->guarded + INPUT_GUARD;
	task->in_len = len;
	return task;
}

static void check_guards(struct input *in)
{
	if (!in->guarded)
		return;
	for (size_t i = 0; i < INPUT_GUARD; i++) {
		assert_int_equal(in->guarded[i], GUARD_BYTE);
		assert_int_equal(in->b.task->in[in->b.task->in_len + i], GUARD_BYTE);
	}
	in->b.task->in = NULL;
	free(in->guarded);
}

/* ---------------------------------------------------------------- states */

static uint32_t take_itt(struct input *in, uint8_t opcode)
{
	uint8_t bhs[PDU_BHS_LEN];

	fake_take(in->b.c, opcode, bhs, NULL, 0);
	return bytes_get32(bhs + 16);
}

/* The write's unsolicited data leave as well. */
static void submit(struct input *in)
{
	uint8_t bhs[PDU_BHS_LEN];

	if (in->pdu == INPUT_LOGOUT)
		return;
	command_submit(&in->b, in->pdu == INPUT_R2T ? fake_write(80000) : input_read(in, 512));
	if (in->pdu == INPUT_R2T)
		fake_take(in->b.c, PDU_DATA_OUT, bhs, NULL, 0);
}

void input_begin_on(struct input *in, enum input_pdu pdu, const struct command_terms *terms)
{
	memset(in, 0, sizeof(*in));
	in->pdu = pdu;
	in->level = terms->level;
	command_begin_on(&in->b, terms);
	submit(in);
}

/* Our side of an exchange, and its tag. */
static uint32_t ask(struct input *in)
{
	struct fake *f = &in->b.fake;
	struct conn *c = in->b.c->conn;

	switch (in->pdu) {
	case INPUT_ECHO:
		fake_wait(f, 5000);
		return take_itt(in, PDU_NOP_OUT);
	case INPUT_TASK:
		in->management = (struct management){ .function = PDU_LOGICAL_UNIT_RESET,
			.lun = RESET_LUN };
		conn_manage(c, &in->management, f->now);
		return take_itt(in, PDU_TASK_REQUEST);
	case INPUT_TEXT:
		assert_int_equal(conn_text(c, FAKE_TEXT("SendTargets="), f->now), 0);
		return take_itt(in, PDU_TEXT_REQUEST);
	case INPUT_LOGOUT:
		session_logout(f->session, in, f->now);
		fake_pump(f);
		return take_itt(in, PDU_LOGOUT_REQUEST);
	default:
		return in->b.itt;
	}
}

/* Its data segment is made before. */
static void put_pdu(struct input *in, uint32_t itt)
{
	bool status = in->pdu == INPUT_SHORT;

	switch (in->pdu) {
	case INPUT_DATA_IN:
	case INPUT_SHORT:
		pdu_put_data_in(in->bhs, &(struct pdu_data_in){ .final = status, .has_status = status,
			.underflow = status, .residual_count = status ? 410 : 0,
			.initiator_task_tag = itt, .target_transfer_tag = PDU_NO_TAG });
		break;
	case INPUT_RESPONSE:
		pdu_put_scsi_response(in->bhs, &(struct pdu_scsi_response){ .status = 2,
			.initiator_task_tag = itt });
		break;
	case INPUT_R2T:
		pdu_put_r2t(in->bhs, &(struct pdu_r2t){ .initiator_task_tag = itt,
			.target_transfer_tag = 71, .buffer_offset = 16384,
			.desired_data_transfer_length = 600 });
		break;
	case INPUT_PING:
		pdu_put_nop_in(in->bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
			.target_transfer_tag = 72, .lun = 3 });
		break;
	case INPUT_ECHO:
		pdu_put_nop_in(in->bhs, &(struct pdu_nop_in){ .initiator_task_tag = itt,
			.target_transfer_tag = PDU_NO_TAG });
		break;
	case INPUT_TASK:
		pdu_put_task_response(in->bhs, &(struct pdu_task_response){ .initiator_task_tag = itt });
		break;
	case INPUT_TEXT:
		pdu_put_text_response(in->bhs, &(struct pdu_text_response){ .final = true,
			.initiator_task_tag = itt, .target_transfer_tag = PDU_NO_TAG });
		break;
	case INPUT_LOGOUT:
		pdu_put_logout_response(in->bhs, &(struct pdu_logout_response){
			.initiator_task_tag = itt });
		break;
	case INPUT_ASYNC:
		pdu_put_async(in->bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG });
		break;
	case INPUT_REJECT:
	case INPUT_PDUS:
		pdu_put_reject(in->bhs, &(struct pdu_reject){ .reason = PDU_REJECT_DATA_DIGEST,
			.initiator_task_tag = PDU_NO_TAG });
		break;
	}
}

static void put_data(struct input *in)
{
	static const uint8_t sense[22] = { 0, 18, 0x70, 0, 6, [9] = 10, [14] = 0x29 };

	switch (in->pdu) {
	case INPUT_DATA_IN:
	case INPUT_SHORT:
		in->len = 102;
		memset(in->data, 0x77, in->len);
		break;
	case INPUT_RESPONSE:
	case INPUT_ASYNC:
		in->len = 21; /* a byte more than the sense length tells */
		memcpy(in->data, sense, in->len);
		break;
	case INPUT_TEXT:
		in->len = 13;
		memcpy(in->data, "TargetName=x", 13);
		break;
	case INPUT_REJECT:
		in->len = PDU_BHS_LEN;
		pdu_put_data_out(in->data, &(struct pdu_data_out){ .initiator_task_tag = in->b.itt });
		break;
	case INPUT_PING:
	case INPUT_ECHO:
		in->len = 5;
		break;
	case INPUT_R2T:
	case INPUT_TASK:
	case INPUT_LOGOUT:
	case INPUT_PDUS:
		break;
	}
}

static bool has_stat_sn(enum input_pdu pdu)
{
	return pdu != INPUT_DATA_IN && pdu != INPUT_R2T && pdu != INPUT_PING;
}

void input_begin(struct input *in, enum input_pdu pdu, unsigned level, bool digests, size_t piece)
{
	uint32_t itt;

	input_begin_on(in, pdu, &(struct command_terms){ .level = level, .digests = digests,
		.piece = piece });
	itt = ask(in);
	put_data(in);
	put_pdu(in, itt);
	fake_numbers(in->b.c, in->bhs, has_stat_sn(pdu));
}

/* ---------------------------------------------------------------- bytes */

void input_encode(struct input *in, unsigned spoil)
{
	const struct fake_conn *c = in->b.c;
	unsigned pad = pdu_pad(in->len);
	uint8_t *at = in->wire;

	assert_true(in->len <= INPUT_DATA_MAX);
	bytes_put24(in->bhs + 5, in->len);
	memcpy(at, in->bhs, PDU_BHS_LEN);
	at += PDU_BHS_LEN + pdu_ahs_len(in->bhs);
	memset(in->wire + PDU_BHS_LEN, 0, pdu_ahs_len(in->bhs));
	if (c->header_digest) {
		digest_put(at, digest_of(in->wire, (size_t)(at - in->wire)));
		at[1] ^= spoil & INPUT_BAD_HEADER_DIGEST;
		at += DIGEST_LEN;
	}
	memcpy(at, in->data, in->len);
	memset(at + in->len, spoil & INPUT_PADDING ? 0xee : 0, pad);
	at += in->len + pad;
	if (in->len && c->data_digest) {
		digest_put(at, digest_of(at - in->len - pad, in->len + pad));
		at[2] ^= spoil & INPUT_BAD_DATA_DIGEST;
		at += DIGEST_LEN;
	}
	in->wire_len = (size_t)(at - in->wire);
}

void input_give(struct input *in)
{
	input_encode(in, 0);
	fake_give(in->b.c, in->wire, in->wire_len);
}

/* ---------------------------------------------------------------- what became of it */

void input_expect_taken(struct input *in)
{
	struct fake_conn *c = in->b.c;
	uint8_t bhs[PDU_BHS_LEN];

	assert_int_equal(c->ended, in->pdu == INPUT_LOGOUT);
	switch (in->pdu) {
	case INPUT_DATA_IN:
		assert_int_equal(in->b.task->received, in->len);
		if (in->len)
			assert_memory_equal(in->b.task->in, in->data, in->len);
		assert_int_equal(c->done_count, 0);
		break;
	case INPUT_SHORT:
		command_expect_done(&in->b, TASK_COMPLETE);
		assert_memory_equal(in->b.task->in, in->data, in->len);
		break;
	case INPUT_RESPONSE:
		command_expect_done(&in->b, TASK_COMPLETE);
		assert_int_equal(in->b.task->status, 2);
		assert_int_equal(in->b.task->sense_len, in->len ? 18 : 0);
		break;
	case INPUT_R2T:
		assert_int_equal(fake_take(c, PDU_DATA_OUT, bhs, NULL, 0), 600);
		assert_int_equal(bytes_get32(bhs + 20), 71);
		break;
	case INPUT_PING:
		fake_take(c, PDU_NOP_OUT, bhs, NULL, 0);
		assert_int_equal(bytes_get32(bhs + 20), 72);
		break;
	case INPUT_ECHO:
		fake_wait(&in->b.fake, 4500); /* later than the ping's limit */
		assert_false(c->ended);
		break;
	case INPUT_TASK:
		assert_int_equal(c->manageds, 1);
		assert_int_equal(in->management.fault.kind, FAULT_NONE);
		break;
	case INPUT_TEXT:
		assert_int_equal(c->texts, 1);
		assert_int_equal(c->text_len, in->len);
		break;
	case INPUT_LOGOUT:
		assert_int_equal(c->fault.kind, FAULT_NONE);
		break;
	case INPUT_ASYNC:
		assert_int_equal(c->asyncs, 1);
		assert_int_equal(c->async.sense_len, in->len ? 18 : 0);
		break;
	case INPUT_REJECT:
	case INPUT_PDUS:
		assert_int_equal(c->done_count, 0);
		break;
	}
}

void input_expect_ignored(struct input *in)
{
	struct fake_conn *c = in->b.c;

	assert_false(c->ended);
	assert_int_equal(c->done_count + c->manageds + c->texts + c->asyncs, 0);
	assert_false(fake_has_sent(c));
}

/* FMT-1: only what levels 1 and 2 repair leaves the session as it is. */
static bool session_stays(const struct input *in, enum fault_kind kind)
{
	return in->level && (kind == FAULT_CLOSED || kind == FAULT_TIMEOUT || kind == FAULT_DIGEST);
}

void input_expect_end(struct input *in, enum fault_kind kind)
{
	static const uint8_t entropy[ENGINE_ENTROPY] = { 3 };
	struct fake *f = &in->b.fake;
	struct fake_conn *next;
	struct pdu_login_request login;
	uint8_t bhs[PDU_BHS_LEN];

	command_expect_refused(&in->b, kind);
	if (in->pdu == INPUT_TASK)
		assert_int_equal(in->b.c->manageds, 1);
	if (in->pdu == INPUT_TEXT)
		assert_int_equal(in->b.c->texts, 1);
	if (in->pdu == INPUT_LOGOUT) {
		assert_true(fake_has_event(f, SESSION_EVENT_END));
		return;
	}
	assert_int_equal(session_state(f->session), SESSION_Q4_FAILED);
	fake_wait(f, 2000);
	assert_int_equal(f->conns, 2);
	next = &f->conn[1];
	assert_true(next->opening);
	next->opening = false;
	conn_opened(next->conn, entropy, f->now);
	fake_pump(f);
	fake_take(next, PDU_LOGIN_REQUEST, bhs, NULL, 0);
	pdu_get_login_request(bhs, &login);
	assert_int_equal(login.tsih, session_stays(in, kind) ? 77 : 0);
}

void input_end(struct input *in)
{
	struct fake *f = &in->b.fake;

	if (in->b.c->conn)
		fake_closed(in->b.c, FAULT_CLOSED);
	assert_int_equal(in->b.c->done_count, in->others + (in->b.task != NULL));
	fake_end(f);
	check_guards(in);
	if (in->b.task)
		fake_task_free(in->b.task);
}
