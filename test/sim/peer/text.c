/*
 * text.c - Text requests of full feature phase: SendTargets, in pieces if told so (RFC 7143 sections
 * 11.10, 11.11, appendix C).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#include "inside.h"

static void put_target(struct peer_conn *c, struct text_out *out)
{
	const struct peer_options *o = &c->peer->options;
	char address[128];

	text_put(out, "TargetName", o->target);
	for (unsigned i = 0; i < o->portals; i++) {
		snprintf(address, sizeof(address), "%s,%u", o->portal[i], o->tpgt);
		text_put(out, "TargetAddress", address);
	}
}

static void make_answer(struct peer_conn *c, const struct peer_task *t)
{
	struct text_in in;
	struct text_pair pair;
	struct fault fault;
	struct text_out out;
	int r;

	free(c->text);
	c->text = peer_alloc(PEER_TEXT);
	c->text_at = 0;
	text_out_init(&out, c->text, PEER_TEXT);
	text_init(&in, t->data, t->len);
	while ((r = text_next(&in, &pair, &fault)) > 0) {
		bool all = strcmp(pair.value, "All") == 0;

		if (strcmp(pair.key, "SendTargets"))
			text_put(&out, pair.key, "NotUnderstood");
		else if (all && !c->session->discovery)
			text_put(&out, pair.key, "Reject");
		else if (all || !pair.value_len || strcmp(pair.value, c->peer->options.target) == 0)
			put_target(c, &out);
	}
	if (r < 0)
		conn_violation(c, "a text that can't be read");
	c->text_len = out.len;
}

/* TX-1, TX-2 */
static bool goes_on(struct peer_conn *c, const struct pdu_text_request *request)
{
	if (request->target_transfer_tag == PDU_NO_TAG)
		return false;
	if (c->text_ttt == PDU_NO_TAG || request->target_transfer_tag != c->text_ttt || request->data_len)
		conn_violation(c, "a Text Request that goes on with nothing");
	return true;
}

void text_request(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	uint32_t chunk = c->peer->options.text_chunk, len;
	struct pdu_text_request request;
	struct pdu_text_response response;
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_text_request(t->bhs, &request);
	task_uncount(t);
	if (!request.final)
		conn_violation(c, "a Text Request in pieces");
	if (!goes_on(c, &request))
		make_answer(c, t);
	len = (uint32_t)(c->text_len - c->text_at);
	if (len > c->params.max_send)
		len = c->params.max_send;
	if (chunk && len > chunk)
		len = chunk;
	response = (struct pdu_text_response){ .final = c->text_at + len == c->text_len,
		.more = c->text_at + len < c->text_len, .target_transfer_tag = PDU_NO_TAG,
		.initiator_task_tag = request.initiator_task_tag };
	if (!response.final)
		response.target_transfer_tag = peer_ttt(c->peer);
	c->text_ttt = response.target_transfer_tag;
	pdu_put_text_response(bhs, &response);
	kept_send(c, bhs, c->text + c->text_at, len, NULL);
	c->text_at += len;
	task_free(t);
}
