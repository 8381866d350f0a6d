/*
 * text_op.c - one Text exchange in full feature phase: SendTargets, or the answer to a target that
 * wants to negotiate (RFC 7143 sections 6.4, 11.10, 11.11, appendix C).
 */
#include "engine/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/snack.h"

enum { TEXT_ROUNDS = 4096 };

struct text_op {
	struct conn_text answer;
	char *request;           /* what we ask; sent once */
	size_t request_len;
	bool quiet;              /* nobody waits for the answer (AS-5) */
	uint32_t itt;            /* PDU_NO_TAG until the first request left */
	uint32_t ttt;
	uint64_t lun;
	bool immediate;
	unsigned rounds;
	bool complete;
	struct fault fault;
};

void text_op_free(struct conn *c)
{
	struct text_op *op = c->text_op;

	if (!op)
		return;
	if (op->itt != PDU_NO_TAG)
		c->ev_wake |= tag_free(&c->shared->tags, op->itt);
	free(op->answer.buf);
	free(op->request);
	free(op);
	c->text_op = NULL;
}

int conn_text(struct conn *c, const char *text, size_t len, uint64_t now)
{
	struct text_op *op;

	(void)now;
	if (c->state != CONN_S5_LOGGED_IN)
		return -ENOTCONN;
	if (c->text_op)
		return -EBUSY;
	op = calloc(1, sizeof(*op));
	if (!op)
		return -ENOMEM;
	op->request = len ? malloc(len) : NULL;
	if (len && !op->request) {
		free(op);
		return -ENOMEM;
	}
	if (len)
		memcpy(op->request, text, len);
	op->request_len = len;
	op->quiet = !len;
	op->itt = op->ttt = PDU_NO_TAG;
	op->answer.limit = ENGINE_TEXT_MAX;
	c->text_op = op;
	c->wants |= WANT_TEXT;
	return 0;
}

bool text_op_itt_is(const struct conn *c, uint32_t itt)
{
	return c->text_op && c->text_op->itt == itt;
}

bool text_op_send(struct conn *c)
{
	struct text_op *op = c->text_op;
	struct pdu_text_request pdu = { .final = true, .exp_stat_sn = snack_exp_stat_sn(c) };
	uint8_t bhs[PDU_BHS_LEN], *owned = NULL;

	if (!op)
		return true;
	if (op->itt == PDU_NO_TAG && !tag_take(&c->shared->tags, c->slot, NULL, &op->itt))
		return false;
	/* TX-1: all requests of a sequence have the same I bit. */
	pdu.immediate = op->rounds && op->immediate;
	pdu.cmd_sn = window_current(&c->shared->window);
	if (!pdu.immediate && !send_number(c, &pdu.immediate, &pdu.cmd_sn))
		return false;
	if (!op->rounds) {
		op->immediate = pdu.immediate;
		owned = (uint8_t *)op->request;
		op->request = NULL;
	}
	pdu.lun = op->lun;
	pdu.initiator_task_tag = op->itt;
	pdu.target_transfer_tag = op->ttt;
	pdu_put_text_request(bhs, &pdu);
	send_pdu(c, bhs, owned, owned ? (uint32_t)op->request_len : 0, owned, NULL);
	op->rounds++;
	return true;
}

int text_op_room(struct conn *c, uint32_t len, uint8_t **ret)
{
	if (!c->text_op || c->text_op->complete) /* a complete answer waits to be pulled */
		return -EPROTO;
	return conn_text_room(&c->text_op->answer, len, ret);
}

static void complete(struct conn *c)
{
	c->text_op->complete = true;
	if (c->text_op->quiet)
		text_op_free(c);
	else
		c->ev_text = true;
}

/* TX-5, TX-6 */
void text_op_failed(struct conn *c, const struct fault *why)
{
	if (!c->text_op || c->text_op->complete)
		return;
	c->text_op->fault = *why;
	c->wants &= ~(unsigned)WANT_TEXT;
	complete(c);
}

/* TX-2, TX-3, TX-4 */
int text_op_response(struct conn *c, const uint8_t *bhs)
{
	struct text_op *op = c->text_op;
	struct pdu_text_response pdu;

	pdu_get_text_response(bhs, &pdu);
	if (op->complete || op->itt == PDU_NO_TAG || pdu.initiator_task_tag != op->itt)
		return conn_fail(c, FAULT_PROTOCOL, 0, "Text Response that nobody asked for");
	if (pdu.final && (pdu.more || pdu.target_transfer_tag != PDU_NO_TAG))
		return conn_fail(c, FAULT_PROTOCOL, 0, "final Text Response that goes on");
	op->answer.len += pdu.data_len;
	if (pdu.final) {
		complete(c);
		return 0;
	}
	if (pdu.target_transfer_tag == PDU_NO_TAG)
		return conn_fail(c, FAULT_PROTOCOL, 0, "Text Response that goes on without a tag");
	if (op->rounds >= TEXT_ROUNDS)
		return conn_fail(c, FAULT_PROTOCOL, 0, "no end of text after %d exchanges", TEXT_ROUNDS);
	op->ttt = pdu.target_transfer_tag;
	op->lun = pdu.lun;
	c->wants |= WANT_TEXT;
	return 0;
}

void text_op_event(struct conn *c, struct conn_event *ret)
{
	struct text_op *op = c->text_op;

	/* The buffer lives until the next door call: it moves into the connection. */
	free(c->text_given);
	c->text_given = op->answer.buf;
	op->answer.buf = NULL;
	ret->fault = op->fault;
	ret->text = op->fault.kind ? NULL : c->text_given ? c->text_given : "";
	ret->text_len = op->fault.kind ? 0 : op->answer.len;
	text_op_free(c);
}
