/*
 * recv.c - from bytes to PDUs, and from PDUs to their handlers (RFC 7143 sections 11.1, 11.2, 7.7,
 * 7.8). The table below says for each opcode when it may come and what it does to StatSN.
 *
 * A PDU is taken in piece by piece: header, data segment straight to its place, padding and digest.
 * Its handler runs once all of it is there and its digests are right (DIG-3).
 */
#include "engine/conn.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/gap.h"
#include "engine/logout.h"
#include "engine/manage.h"
#include "engine/pulse.h"
#include "engine/snack.h"
#include "proto/digest.h"
#include "proto/sn.h"

/* What a PDU does to StatSN (ST-3). */
enum stat_rule {
	STAT_ADVANCES, /* it carries the next one */
	STAT_SHOWS,    /* it shows the next one, or nothing */
	STAT_DATA_IN,  /* advances with the S bit only */
	STAT_NOP_IN,   /* advances if it answers our ping */
	STAT_LOGIN,    /* login.c looks after it */
};

enum { IN_LOGIN = 1 << CONN_S4_IN_LOGIN,
       IN_FULL = 1 << CONN_S5_LOGGED_IN | 1 << CONN_S6_IN_LOGOUT | 1 << CONN_S7_LOGOUT_REQUESTED };

static int on_nop_in(struct conn *c, uint64_t now);
static int on_scsi_response(struct conn *c, uint64_t now);
static int on_task_response(struct conn *c, uint64_t now);
static int on_login_response(struct conn *c, uint64_t now);
static int on_text_response(struct conn *c, uint64_t now);
static int on_data_in(struct conn *c, uint64_t now);
static int on_logout_response(struct conn *c, uint64_t now);
static int on_r2t(struct conn *c, uint64_t now);
static int on_async(struct conn *c, uint64_t now);
static int on_reject(struct conn *c, uint64_t now);

/* When the window it shows must be known: handlers of what comes in great numbers don't ask for it. */
enum window_rule { WINDOW_NOW, WINDOW_LATER };

/* A Reject in login is at the wrong time (RJ-4). */
static const struct opcode {
	uint8_t opcode;
	uint8_t phases;
	uint8_t stat; /* enum stat_rule */
	uint8_t sink; /* enum conn_sink */
	uint8_t window; /* enum window_rule */
	int (*handle)(struct conn *c, uint64_t now); /* 0, or negative after conn_fail */
} opcodes[] = {
	{ PDU_DATA_IN, IN_FULL, STAT_DATA_IN, SINK_TASK, WINDOW_LATER, on_data_in },
	{ PDU_SCSI_RESPONSE, IN_FULL, STAT_ADVANCES, SINK_SMALL, WINDOW_LATER, on_scsi_response },
	{ PDU_R2T, IN_FULL, STAT_SHOWS, SINK_SMALL, WINDOW_LATER, on_r2t },
	{ PDU_NOP_IN, IN_FULL, STAT_NOP_IN, SINK_SMALL, WINDOW_NOW, on_nop_in },
	{ PDU_TASK_RESPONSE, IN_FULL, STAT_ADVANCES, SINK_SMALL, WINDOW_NOW, on_task_response },
	{ PDU_LOGIN_RESPONSE, IN_LOGIN, STAT_LOGIN, SINK_TEXT, WINDOW_NOW, on_login_response },
	{ PDU_TEXT_RESPONSE, IN_FULL, STAT_ADVANCES, SINK_TEXT, WINDOW_NOW, on_text_response },
	{ PDU_LOGOUT_RESPONSE, IN_FULL, STAT_ADVANCES, SINK_SMALL, WINDOW_NOW, on_logout_response },
	{ PDU_ASYNC, IN_FULL, STAT_ADVANCES, SINK_SMALL, WINDOW_NOW, on_async },
	{ PDU_REJECT, IN_FULL, STAT_ADVANCES, SINK_SMALL, WINDOW_NOW, on_reject },
};

static const struct opcode *find_opcode(uint8_t opcode)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (opcodes[i].opcode == opcode)
			return &opcodes[i];
	return NULL;
}

void recv_reset(struct conn *c)
{
	c->in.state = RX_HEADER;
	c->in.header_got = 0;
}

void recv_forget(struct conn *c, const struct task *task)
{
	if (c->in.task != task)
		return;
	c->in.task = NULL;
	c->in.at = NULL;
}

static unsigned header_len(const struct conn *c)
{
	bool digest = c->state != CONN_S4_IN_LOGIN && c->params.header_digest;

	return PDU_BHS_LEN + (digest ? DIGEST_LEN : 0);
}

static bool data_digest_on(const struct conn *c)
{
	return c->state != CONN_S4_IN_LOGIN && c->params.data_digest;
}

/* ---------------------------------------------------------------- the parts of a PDU */

/* FMT-3 */
static int check_header(struct conn *c, const struct opcode *op)
{
	const uint8_t *bhs = c->in.header;
	uint32_t limit = c->state == CONN_S4_IN_LOGIN ? 8192 : c->params.max_recv_data_segment_length;

	if (!op)
		return conn_fail(c, FAULT_PROTOCOL, 0, "unknown opcode 0x%02x", pdu_opcode(bhs));
	if (!(op->phases & 1 << c->state)) /* LOG-1 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s at the wrong time", pdu_name(op->opcode));
	if (pdu_ahs_len(bhs)) /* PDU-3 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s with an additional header segment",
				 pdu_name(op->opcode));
	if (c->in.data_len > limit) /* PDU-11 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "data segment of %u bytes, more than %u",
				 c->in.data_len, limit);
	return 0;
}

static int place_text(struct conn *c, uint8_t opcode)
{
	int r = opcode == PDU_LOGIN_RESPONSE ? login_text_room(c, c->in.data_len, &c->in.at)
					     : text_op_room(c, c->in.data_len, &c->in.at);

	if (r == -ENOMEM)
		return conn_fail(c, FAULT_NO_MEMORY, 0, "no memory for a text");
	if (r < 0)
		return conn_fail(c, FAULT_PROTOCOL, 0, "text longer than we take, or not asked for");
	return 0;
}

/* REC-9 */
static bool recovers(const struct conn *c)
{
	return c->state != CONN_S4_IN_LOGIN && c->params.error_recovery_level > 0;
}

/* ST-4 without recovery: what still waits for its answer was never answered before. */
static bool is_old(const struct conn *c, uint32_t stat_sn, bool live)
{
	return sn_lt(stat_sn, c->stat.next) && !live;
}

/* A repeat, or one too far ahead: nobody waits for its text. */
static bool will_be_discarded(const struct conn *c, const struct opcode *op)
{
	uint32_t stat_sn = bytes_get32(c->in.header + 24);
	enum gap_verdict verdict = gap_look(&c->stat, stat_sn);

	if (op->stat != STAT_ADVANCES)
		return false;
	if (!recovers(c))
		return is_old(c, stat_sn, text_op_itt_is(c, bytes_get32(c->in.header + 16)));
	return verdict == GAP_REPEAT || verdict == GAP_BEYOND;
}

static int header_complete(struct conn *c)
{
	struct conn_in *in = &c->in;
	const struct opcode *op = find_opcode(pdu_opcode(in->header));
	unsigned pad;

	if (header_len(c) > PDU_BHS_LEN &&
	    !digest_equal(in->header + PDU_BHS_LEN, digest_of(in->header, PDU_BHS_LEN)))
		return conn_fail(c, FAULT_DIGEST, 0, "header digest wrong"); /* DIG-2 */
	in->data_len = pdu_data_len(in->header);
	if (check_header(c, op) < 0)
		return -1;
	in->op = op;
	pad = pdu_pad(in->data_len);
	in->sink = op->sink;
	in->data_got = in->tail_got = 0;
	in->tail_len = pad + (in->data_len && data_digest_on(c) ? DIGEST_LEN : 0);
	in->crc = digest_start();
	in->at = NULL;
	in->task = NULL;
	in->unsummed = false;
	in->state = RX_DATA;
	if (in->sink == SINK_TASK) {
		in->large = in->data_len >= CONN_LARGE;
		return data_in_place(c);
	}
	if (in->sink == SINK_TEXT && !will_be_discarded(c, op))
		return place_text(c, op->opcode);
	return 0;
}

/* Takes data segment bytes that came through the staging area. */
static void take_data(struct conn *c, const uint8_t *p, uint32_t n)
{
	struct conn_in *in = &c->in;
	uint32_t keep = n;

	if (data_digest_on(c))
		in->crc = digest_add(in->crc, p, n);
	if (in->sink == SINK_SMALL) {
		if (in->data_got < CONN_SMALL) {
			if (keep > CONN_SMALL - in->data_got)
				keep = CONN_SMALL - in->data_got;
			memcpy(in->small + in->data_got, p, keep);
		}
	} else if (in->at) {
		memcpy(in->at + in->data_got, p, n);
	}
	in->data_got += n;
}

/* TOL-11 */
static bool data_digest_wrong(struct conn *c)
{
	struct conn_in *in = &c->in;
	unsigned pad = pdu_pad(in->data_len);

	if (!in->data_len || in->unsummed || !data_digest_on(c)) /* PDU-4 */
		return false;
	in->crc = digest_add(in->crc, in->tail, pad); /* DIG-1: padding as received */
	return !digest_equal(in->tail + pad, digest_finish(in->crc));
}

/* NOP-4: a NOP-In without our tag does not (ST-3). */
static bool advances_stat_sn(const struct conn *c, const struct opcode *op)
{
	return op->stat == STAT_ADVANCES || (op->stat == STAT_DATA_IN && c->in.header[1] & 1) ||
	       (op->stat == STAT_NOP_IN && bytes_get32(c->in.header + 16) != PDU_NO_TAG);
}

/* ST-4 without recovery: a gap means lost responses. Returns 1 for a repeat to be thrown away. */
static int check_next(struct conn *c, const struct opcode *op, uint32_t stat_sn, bool live)
{
	if (is_old(c, stat_sn, live))
		return 1;
	if (stat_sn != c->stat.next)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s with StatSN %u where %u was due",
				 pdu_name(op->opcode), stat_sn, c->stat.next);
	gap_take(&c->stat, stat_sn);
	return 0;
}

/* SEQ-2: the missing ones are asked for. They come with their old number (SNA-7). */
static int take_stat_sn(struct conn *c, const struct opcode *op, uint32_t stat_sn,
			const struct task *task)
{
	enum gap_verdict verdict = gap_take(&c->stat, stat_sn);

	switch (verdict) {
	case GAP_NEXT:
		snack_status_came(c);
		return 0;
	case GAP_AHEAD:
		snack_want_status(c, stat_sn);
		return 0;
	case GAP_BEYOND:
		snack_want_status(c, stat_sn + 1);
		return 1;
	case GAP_REPEAT:
		break;
	}
	if (!task)
		return 1;
	if (!task->has_status || task->stat_sn != stat_sn)
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s with the old StatSN %u",
				 pdu_name(op->opcode), stat_sn);
	return 0; /* with a SNACK tag that counts now (IN-17), or its data are missing still */
}

/* NOP-7: all below the number that an R2T or a NOP-In shows were sent. */
static void look_at_shown(struct conn *c, uint32_t stat_sn)
{
	int32_t ahead = sn_diff(stat_sn, gap_end(&c->stat));

	if (recovers(c) && ahead > 0 && ahead <= CONN_STATUS_AHEAD)
		snack_want_status(c, stat_sn);
}

/* Returns 1 for a PDU to be thrown away. */
static int check_stat_sn(struct conn *c, const struct opcode *op)
{
	uint32_t stat_sn = bytes_get32(c->in.header + 24), itt = bytes_get32(c->in.header + 16);
	bool advances = advances_stat_sn(c, op), live;
	struct task *task = NULL;

	if (!advances) {
		if (op->stat != STAT_DATA_IN)
			look_at_shown(c, stat_sn);
		return 0;
	}
	if (!recovers(c) && stat_sn == c->stat.next) /* nearly always: whose it is need not be asked */
		return check_next(c, op, stat_sn, true);
	live = tag_find(&c->shared->tags, itt, c->slot, &task) == TAG_OURS;
	if (!recovers(c))
		return check_next(c, op, stat_sn, live);
	if (sn_diff(stat_sn, c->stat.next) > CONN_STATUS_AHEAD) /* ST-6 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s with StatSN %u, far beyond %u",
				 pdu_name(op->opcode), stat_sn, c->stat.next);
	return take_stat_sn(c, op, stat_sn, task);
}

static void tell_window(struct conn *c)
{
	c->ev_wake |= window_tell(&c->shared->window, &c->news);
}

static int pdu_complete(struct conn *c, uint64_t now)
{
	const struct opcode *op = c->in.op;
	bool wrong = data_digest_wrong(c);
	int r;

	recv_reset(c);
	if (wrong)
		return snack_digest_error(c);
	conn_count(&c->counters.pdus_in, 1);
	if (op->stat == STAT_LOGIN)
		return op->handle(c, now);
	r = check_stat_sn(c, op);
	if (r)
		return r < 0 ? r : 0;
	/* WIN-6: all responses have the pair at the same place. A stray session's is not ours. */
	if (!c->verdict.kind)
		window_hear(&c->shared->window, &c->news, bytes_get32(c->in.header + 28),
			    bytes_get32(c->in.header + 32));
	if (op->window == WINDOW_NOW)
		tell_window(c);
	return op->handle(c, now);
}

/* Nearly always a whole header, or nothing. */
static void gather(uint8_t *to, const uint8_t *p, size_t n)
{
	if (n == PDU_BHS_LEN)
		memcpy(to, p, PDU_BHS_LEN);
	else if (n)
		memcpy(to, p, n);
}

/* One step; returns how many bytes it took, negative after conn_fail. */
static int64_t step(struct conn *c, const uint8_t *p, size_t n, uint64_t now)
{
	struct conn_in *in = &c->in;
	size_t want, take;

	switch (in->state) {
	case RX_HEADER:
		want = header_len(c) - in->header_got;
		take = n < want ? n : want;
		gather(in->header + in->header_got, p, take);
		in->header_got += (unsigned)take;
		if (take == want && header_complete(c) < 0)
			return -1;
		break;
	case RX_DATA:
		want = in->data_len - in->data_got;
		take = n < want ? n : want;
		take_data(c, p, (uint32_t)take);
		if (take == want)
			in->state = RX_TAIL;
		break;
	case RX_TAIL:
	default:
		want = in->tail_len - in->tail_got;
		take = n < want ? n : want;
		gather(in->tail + in->tail_got, p, take);
		in->tail_got += (unsigned)take;
		if (take == want && pdu_complete(c, now) < 0)
			return -1;
		break;
	}
	return (int64_t)take;
}

/* A state that needs no byte more: an empty data segment or tail. */
static bool step_is_free(const struct conn_in *in)
{
	return (in->state == RX_DATA && in->data_got == in->data_len) ||
	       (in->state == RX_TAIL && in->tail_got == in->tail_len);
}

static void feed(struct conn *c, const uint8_t *p, size_t n, uint64_t now)
{
	while (!c->over && (n || step_is_free(&c->in))) {
		int64_t took = step(c, p, n, now);

		if (took < 0 || c->state == CONN_S2_XPT_WAIT) /* failed, or redirected */
			return;
		p += took;
		n -= (size_t)took;
	}
}

/* ---------------------------------------------------------------- doors */

unsigned conn_space(struct conn *c, uint8_t *staging, size_t staging_len, struct iovec iov[2])
{
	struct conn_in *in = &c->in;
	unsigned n = 0;

	if (c->over)
		return 0;
	in->lent_staging = staging;
	in->lent_direct = 0;
	if (in->state == RX_DATA && in->sink == SINK_TASK && in->at && in->data_got < in->data_len) {
		in->lent_direct = in->data_len - in->data_got;
		iov[n++] = (struct iovec){ in->at + in->data_got, in->lent_direct };
	}
	if (in->large && staging_len > CONN_AHEAD)
		staging_len = CONN_AHEAD;
	iov[n++] = (struct iovec){ staging, staging_len };
	return n;
}

void conn_received(struct conn *c, size_t n, uint64_t now)
{
	struct conn_in *in = &c->in;
	size_t direct = n < in->lent_direct ? n : in->lent_direct;

	conn_count(&c->counters.bytes_in, n);
	if (c->over)
		return;
	pulse_heard(c, now);
	if (direct) {
		if (!in->at) /* its task has gone meanwhile */
			in->unsummed = true;
		else if (data_digest_on(c))
			in->crc = digest_add(in->crc, in->at + in->data_got, direct);
		in->data_got += (uint32_t)direct;
		if (in->data_got == in->data_len)
			in->state = RX_TAIL;
	}
	feed(c, in->lent_staging, n - direct, now);
	tell_window(c);
}

/* ---------------------------------------------------------------- handlers */

static uint32_t kept(const struct conn *c)
{
	return c->in.data_len < CONN_SMALL ? c->in.data_len : CONN_SMALL;
}

static int on_scsi_response(struct conn *c, uint64_t now)
{
	(void)now;
	return data_response_received(c, c->in.header, c->in.small, c->in.data_len, kept(c));
}

static int on_data_in(struct conn *c, uint64_t now)
{
	(void)now;
	return data_in_received(c);
}

static int on_r2t(struct conn *c, uint64_t now)
{
	(void)now;
	return data_r2t_received(c, c->in.header);
}

static int on_login_response(struct conn *c, uint64_t now)
{
	return login_response(c, c->in.header, now);
}

static int on_text_response(struct conn *c, uint64_t now)
{
	(void)now;
	return text_op_response(c, c->in.header);
}

static int on_task_response(struct conn *c, uint64_t now)
{
	return manage_response(c, c->in.header, now);
}

static int on_logout_response(struct conn *c, uint64_t now)
{
	return logout_response(c, c->in.header, now);
}

static int on_reject(struct conn *c, uint64_t now)
{
	return reject_received(c, c->in.header, c->in.small, c->in.data_len, now);
}

static int on_nop_in(struct conn *c, uint64_t now)
{
	struct pdu_nop_in nop;

	pdu_get_nop_in(c->in.header, &nop);
	if (nop.initiator_task_tag != PDU_NO_TAG) {
		if (nop.target_transfer_tag != PDU_NO_TAG) /* NOP-5 */
			return conn_fail(c, FAULT_PROTOCOL, 0, "NOP-In with both tags");
		if (!pulse_answered(c, nop.initiator_task_tag, now))
			return conn_fail(c, FAULT_PROTOCOL, 0, "NOP-In for a ping that we did not send");
		return snack_probe_answered(c, nop.initiator_task_tag, now);
	}
	if (nop.target_transfer_tag == PDU_NO_TAG)
		return 0;
	return pulse_answer(c, nop.target_transfer_tag, nop.lun);
}

/* AS-9: two bytes of length, then sense. */
static int take_async_sense(struct conn *c, struct conn_async *async)
{
	uint32_t sense, kept_sense = kept(c) < 2 ? 0 : kept(c) - 2;

	if (!c->in.data_len)
		return 0;
	sense = bytes_get16(c->in.small);
	if (c->in.data_len < 2 || sense > c->in.data_len - 2)
		return conn_fail(c, FAULT_PROTOCOL, 0, "sense data longer than their segment");
	if (sense > kept_sense)
		sense = kept_sense;
	if (sense > ENGINE_SENSE_MAX)
		sense = ENGINE_SENSE_MAX;
	async->sense_len = (uint16_t)sense;
	memcpy(async->sense, c->in.small + 2, sense);
	return 0;
}

/* All are passed up, a vendor's and unknown ones as well (AS-1, AS-7, AS-8) (TOL-13). */
static int on_async(struct conn *c, uint64_t now)
{
	struct pdu_async pdu;
	struct conn_async async;

	pdu_get_async(c->in.header, &pdu);
	async = (struct conn_async){ .event = pdu.async_event, .vcode = pdu.async_vcode,
		.parameter1 = pdu.parameter1, .parameter2 = pdu.parameter2,
		.parameter3 = pdu.parameter3, .lun = pdu.lun };
	if (take_async_sense(c, &async) < 0 || conn_add_async(c, &async) < 0)
		return -1;
	if (pdu.async_event == PDU_ASYNC_NEGOTIATE && !c->text_op && c->state == CONN_S5_LOGGED_IN)
		return conn_text(c, NULL, 0, now) < 0 /* AS-5 */
			? conn_fail(c, FAULT_NO_MEMORY, 0, "no memory for a text") : 0;
	if (pdu.async_event == PDU_ASYNC_TASKS_ENDED)
		return manage_tasks_ended(c, pdu.lun);
	if (pdu.async_event == PDU_ASYNC_LOGOUT_REQUESTED && c->state == CONN_S5_LOGGED_IN)
		conn_enter(c, CONN_S7_LOGOUT_REQUESTED, now); /* T11 */
	return 0;
}
