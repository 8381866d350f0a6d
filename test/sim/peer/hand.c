/*
 * hand.c - see hand.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/digest.h"

#include "hand.h"

#define NAMES "InitiatorName=iqn.2026-11.test:hand\0TargetName=iqn.2026-11.test:peer\0"

void world_advance(struct world *w, uint64_t by)
{
	w->now += by;
	peer_advance(w->peer, w->now);
}

void hand_send_damaged(struct hand *h, const uint8_t *bhs, const void *data, uint32_t len, bool flip)
{
	static uint8_t wire[80000];
	uint8_t *p = wire;
	size_t ahs = pdu_ahs_len(bhs);

	memcpy(p, bhs, PDU_BHS_LEN);
	bytes_put24(p + 5, (uint32_t)(len - ahs));
	p += PDU_BHS_LEN;
	memcpy(p, data ? data : "", data ? len : 0);
	memset(p + len, 0, 4);
	if (len > ahs && h->digests) {
		uint32_t whole = (uint32_t)(len - ahs) + pdu_pad(len - ahs);

		digest_put(p + ahs + whole, digest_of(p + ahs, whole));
		p[ahs] ^= flip;
		p += ahs + whole + DIGEST_LEN;
	} else {
		p += len + pdu_pad(len);
	}
	peer_conn_received(h->conn, wire, (size_t)(p - wire));
}

void hand_send(struct hand *h, const uint8_t *bhs, const void *data, uint32_t len)
{
	hand_send_damaged(h, bhs, data, len, false);
}

bool hand_receive(struct hand *h)
{
	static const uint8_t moves[] = { 0x21, 0x22, 0x23, 0x24, 0x26, 0x32, 0x3f };
	struct got *g = &h->got;
	size_t have;
	const uint8_t *p = peer_conn_output(h->conn, &have);
	bool counts, digest = h->digests;

	if (have < PDU_BHS_LEN)
		return false;
	memcpy(g->bhs, p, PDU_BHS_LEN);
	g->opcode = pdu_opcode(p);
	g->len = pdu_data_len(p);
	assert_true(g->len <= sizeof(g->data));
	memcpy(g->data, p + PDU_BHS_LEN, g->len);
	counts = memchr(moves, g->opcode, sizeof(moves)) || (g->opcode == PDU_DATA_IN && p[1] & 1) ||
		 (g->opcode == PDU_NOP_IN && bytes_get32(p + 16) != PDU_NO_TAG);
	if (counts && bytes_get32(p + 24) >= h->exp_stat_sn)
		h->exp_stat_sn = bytes_get32(p + 24) + 1;
	peer_conn_sent(h->conn, PDU_BHS_LEN + g->len + pdu_pad(g->len) +
		       (g->len && digest ? DIGEST_LEN : 0));
	return true;
}

void hand_expect(struct hand *h, uint8_t opcode)
{
	assert_true(hand_receive(h));
	assert_int_equal(h->got.opcode, opcode);
}

uint32_t hand_field(const struct hand *h, unsigned at)
{
	return bytes_get32(h->got.bhs + at);
}

/* ---------------------------------------------------------------- sessions */

void world_begin(struct world *w, unsigned level)
{
	static const char keys[] = "MaxConnections=8\0ErrorRecoveryLevel=2\0InitialR2T=No\0"
		"MaxOutstandingR2T=4\0DataSequenceInOrder=No\0DataPDUInOrder=No\0"
		"DefaultTime2Wait=0\0DefaultTime2Retain=20\0iSCSIProtocolLevel=2\0"
		"TaskReporting=FastAbort,ResponseFence,RFC3720\0MaxBurstLength=4096\0";

	*w = (struct world){ .now = 1000 * SECOND, .cmd_sn = 100, .keys = keys,
		.keys_len = sizeof(keys) - 1 };
	peer_options_default(&w->options);
	w->options.level = level;
	w->options.luns = 2;
	w->options.max_r2t = 4;
	w->options.initial_r2t = false;
	w->options.status_in_data = false;
	w->options.protocol_level = 2;
	w->options.first_burst = 1024;
	w->options.flips = true;
	w->options.needless_repeats = true;
}

void hand_login(struct hand *h, struct world *w, uint16_t cid, uint32_t exp_stat_sn)
{
	uint8_t bhs[PDU_BHS_LEN], text[1024];
	size_t len = sizeof(NAMES) - 1;

	if (!w->peer) {
		w->peer = peer_new(&w->options);
		peer_advance(w->peer, w->now);
	}
	*h = (struct hand){ .world = w, .cid = cid, .conn = peer_accept(w->peer, "127.0.0.1:3260") };
	memcpy(text, NAMES, len);
	if (w->data_digest) {
		memcpy(text + len, "DataDigest=CRC32C", 18);
		len += 18;
	}
	if (!w->tsih) {
		memcpy(text + len, w->keys, w->keys_len);
		len += w->keys_len;
	}
	pdu_put_login_request(bhs, &(struct pdu_login_request){ .transit = true, .csg = 1, .nsg = 3,
		.isid = { 0x80, 0, 0, 1, 0, 1 }, .tsih = w->tsih, .initiator_task_tag = 1, .cid = cid,
		.cmd_sn = w->cmd_sn, .exp_stat_sn = exp_stat_sn });
	hand_send(h, bhs, text, (uint32_t)len);
	hand_expect(h, PDU_LOGIN_RESPONSE);
	assert_int_equal(h->got.bhs[36], 0);
	w->tsih = bytes_get16(h->got.bhs + 14);
	h->digests = w->data_digest;
}

void world_end(struct world *w)
{
	assert_string_equal(peer_violation(w->peer) ? peer_violation(w->peer) : "", "");
	peer_free(w->peer);
}

void world_end_blamed(struct world *w, const char *what)
{
	assert_non_null(peer_violation(w->peer));
	assert_non_null(strstr(peer_violation(w->peer), what));
	peer_free(w->peer);
}

/* ---------------------------------------------------------------- requests */

void hand_put_command(const struct hand *h, uint8_t *bhs, uint32_t itt, uint32_t cmd_sn, uint8_t op,
			uint32_t len)
{
	struct pdu_scsi_command c = { .final = true, .read = op == 0x28, .write = op == 0x2a,
		.initiator_task_tag = itt, .expected_data_transfer_length = len, .cmd_sn = cmd_sn,
		.exp_stat_sn = h->exp_stat_sn, .cdb = { op } };

	bytes_put16(c.cdb + 7, (uint16_t)(len / PEER_BLOCK));
	bytes_put16(c.cdb + 14, NUMBER);
	pdu_put_scsi_command(bhs, &c);
}

void hand_command(struct hand *h, uint32_t itt, uint32_t cmd_sn, uint8_t op, uint32_t len)
{
	uint8_t bhs[PDU_BHS_LEN];

	hand_put_command(h, bhs, itt, cmd_sn, op, len);
	hand_send(h, bhs, NULL, 0);
}

void hand_snack(struct hand *h, uint8_t type, uint32_t itt, uint32_t tag, uint32_t begin, uint32_t run)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_snack(bhs, &(struct pdu_snack){ .type = type, .initiator_task_tag = itt,
		.target_transfer_tag = tag, .exp_stat_sn = h->exp_stat_sn, .beg_run = begin,
		.run_length = run });
	hand_send(h, bhs, NULL, 0);
}

void hand_manage_unit(struct hand *h, uint8_t function, unsigned lun, uint32_t ref, uint32_t ref_sn,
			uint32_t exp_data_sn)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_task_request(bhs, &(struct pdu_task_request){ .immediate = true, .function = function,
		.lun = (uint64_t)lun << 48, .initiator_task_tag = 0x900, .referenced_task_tag = ref,
		.cmd_sn = h->world->cmd_sn, .exp_stat_sn = h->exp_stat_sn, .ref_cmd_sn = ref_sn,
		.exp_data_sn = exp_data_sn });
	hand_send(h, bhs, NULL, 0);
}

void hand_manage(struct hand *h, uint8_t function, uint32_t ref, uint32_t ref_sn, uint32_t exp_data_sn)
{
	hand_manage_unit(h, function, 0, ref, ref_sn, exp_data_sn);
}

void hand_expect_managed(struct hand *h, uint8_t response)
{
	hand_expect(h, PDU_TASK_RESPONSE);
	assert_int_equal(h->got.bhs[2], response);
}

void hand_logout(struct hand *h, unsigned reason, const struct hand *closing, uint8_t response)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_logout_request(bhs, &(struct pdu_logout_request){ .immediate = true,
		.reason = (uint8_t)reason, .initiator_task_tag = 0x901, .cid = closing->cid,
		.cmd_sn = h->world->cmd_sn, .exp_stat_sn = closing->exp_stat_sn });
	hand_send(h, bhs, NULL, 0);
	hand_expect(h, PDU_LOGOUT_RESPONSE);
	assert_int_equal(h->got.bhs[2], response);
}

void hand_nop(struct hand *h, uint32_t itt, uint32_t ttt, unsigned lun)
{
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_out(bhs, &(struct pdu_nop_out){ .immediate = true, .initiator_task_tag = itt,
		.target_transfer_tag = ttt, .lun = (uint64_t)lun << 48, .cmd_sn = h->world->cmd_sn,
		.exp_stat_sn = h->exp_stat_sn });
	hand_send(h, bhs, NULL, 0);
}

void hand_data_out(struct hand *h, uint32_t itt, uint32_t ttt, uint32_t sn, uint32_t at, uint32_t len,
		     bool final, bool damaged)
{
	static uint8_t data[65536];
	uint8_t bhs[PDU_BHS_LEN];

	memset(data, 0x5a, sizeof(data));
	pdu_put_data_out(bhs, &(struct pdu_data_out){ .final = final, .initiator_task_tag = itt,
		.target_transfer_tag = ttt, .exp_stat_sn = h->exp_stat_sn, .data_sn = sn,
		.buffer_offset = at });
	hand_send_damaged(h, bhs, data, len, damaged);
}

void hand_answer_r2t(struct hand *h, uint32_t itt)
{
	hand_data_out(h, itt, hand_field(h, 20), 0, hand_field(h, 40), hand_field(h, 44), true, false);
}

uint64_t hand_take_read(struct hand *h, uint32_t base, uint32_t *ret_bytes)
{
	uint64_t seen = 0;

	*ret_bytes = 0;
	while (hand_receive(h) && h->got.opcode == PDU_DATA_IN) {
		seen |= UINT64_C(1) << (hand_field(h, 36) - base);
		*ret_bytes += h->got.len;
	}
	assert_int_equal(h->got.opcode, PDU_SCSI_RESPONSE);
	h->exp_stat_sn--;
	return seen;
}
