/* foe.c - see foe.h. */
#include "foe.h"

#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "proto/digest.h"
#include "proto/sn.h"

enum { WINDOW = 12, TARGET_RECV = 4096, LOGIN_ROUNDS = 6 };

void foe_opened(struct side *s)
{
	s->stat_sn = 1;
	s->tsih = s->cid = 0;
	s->header_digest = s->data_digest = false;
	s->head_len = s->skip = 0;
	s->seen_count = s->given_count = 0;
	s->text_len = 0;
}

/* ---------------------------------------------------------------- what the engine sends */

static struct held *held_of(struct world *w, uint32_t itt)
{
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (w->held[i].state != HELD_FREE && w->held[i].task.itt == itt)
			return &w->held[i];
	return NULL;
}

/* WIN-1: no number beyond what the target has told. */
static void numbered(struct world *w, const uint8_t *bhs)
{
	uint32_t cmd_sn = bytes_get32(bhs + 24);

	if (bhs[0] & 0x40 || !w->logins)
		return;
	fuzz_need(!w->tame || sn_le(cmd_sn, w->max_told));
	if (sn_ge(cmd_sn, w->next_cmd_sn))
		w->next_cmd_sn = cmd_sn + 1;
}

static void login_seen(struct side *s)
{
	struct pdu_login_request pdu;

	pdu_get_login_request(s->head, &pdu);
	s->text_len = 0;
	s->cid = pdu.cid;
	if (pdu.tsih)
		s->tsih = pdu.tsih;
	else if (!s->tsih)
		s->tsih = ++s->world->next_tsih;
	if (!pdu.tsih)
		s->world->next_cmd_sn = pdu.cmd_sn;
}

/* One that was answered before it left has been given back by now. */
static void command_seen(struct side *s)
{
	struct held *held = held_of(s->world, bytes_get32(s->head + 16));

	fuzz_need(held || s->world->hasty || !s->world->tame);
	if (!held)
		return;
	held->seen = true;
	held->data_sn = 0;
	held->offset = s->head[1] & 0x20 ? pdu_data_len(s->head) : 0;
}

/* A header is there. */
static void header_seen(struct side *s)
{
	switch (pdu_opcode(s->head)) {
	case PDU_LOGIN_REQUEST:
		login_seen(s);
		break;
	case PDU_SCSI_COMMAND:
		command_seen(s);
		numbered(s->world, s->head);
		break;
	case PDU_DATA_OUT:
		break;
	case PDU_SNACK:
		fuzz_need(s->world->config.offer.error_recovery_level > 0);
		break;
	default:
		numbered(s->world, s->head);
		break;
	}
	fuzz_need(pdu_from_initiator(pdu_opcode(s->head)));
	fuzz_need(pdu_data_len(s->head) <= (s->up ? TARGET_RECV : 8192));
	memcpy(s->seen[s->seen_count++ % SIDE_SEEN].bhs, s->head, PDU_BHS_LEN);
}

static void header_end(struct side *s)
{
	size_t len = pdu_data_len(s->head);

	header_seen(s);
	s->skip = pdu_ahs_len(s->head) + (s->header_digest ? DIGEST_LEN : 0);
	if (len)
		s->skip += len + pdu_pad(len) + (s->data_digest ? DIGEST_LEN : 0);
	s->head_len = 0;
}

/* Padding is NULs too. */
static void text_add(struct side *s, const uint8_t *data, size_t len)
{
	if (len > SIDE_TEXT - 1 - s->text_len)
		len = SIDE_TEXT - 1 - s->text_len;
	memcpy(s->text + s->text_len, data, len);
	s->text_len += len;
	s->text[s->text_len] = 0;
}

void foe_read(struct side *s, const uint8_t *data, size_t len)
{
	while (len) {
		size_t n = s->skip ? s->skip : PDU_BHS_LEN - s->head_len;

		if (n > len)
			n = len;
		if (s->skip) {
			if (pdu_opcode(s->head) == PDU_LOGIN_REQUEST)
				text_add(s, data, n);
			s->skip -= n;
		} else {
			memcpy(s->head + s->head_len, data, n);
			s->head_len += n;
			if (s->head_len == PDU_BHS_LEN)
				header_end(s);
		}
		data += n;
		len -= n;
	}
}

const char *foe_said(const struct side *s, const char *key)
{
	size_t len = strlen(key);

	for (size_t at = 0; at < s->text_len; at += strlen(s->text + at) + 1)
		if (strncmp(s->text + at, key, len) == 0 && s->text[at + len] == '=')
			return s->text + at + len + 1;
	return NULL;
}

const uint8_t *foe_last(const struct side *s, uint8_t opcode)
{
	return foe_seen(s, opcode, 0);
}

const uint8_t *foe_seen(const struct side *s, uint8_t opcode, unsigned back)
{
	for (unsigned i = 1; i <= s->seen_count && i <= SIDE_SEEN; i++) {
		const uint8_t *bhs = s->seen[(s->seen_count - i) % SIDE_SEEN].bhs;

		if (pdu_opcode(bhs) == opcode && !back--)
			return bhs;
	}
	return NULL;
}

/* ---------------------------------------------------------------- what the target sends */

static void give_bytes(struct side *s, const struct given *g, unsigned twist)
{
	uint8_t pdu[PDU_BHS_LEN + SIDE_DATA + 16];
	size_t n = PDU_BHS_LEN, padded = g->len + pdu_pad(g->len);

	memcpy(pdu, g->bhs, n);
	if (s->header_digest) {
		digest_put(pdu + n, digest_of(pdu, n));
		pdu[n] ^= !!(twist & FOE_HEAD_SPOILT);
		n += DIGEST_LEN;
	}
	if (g->len) {
		memset(pdu + n, 0, padded);
		memcpy(pdu + n, g->data, g->len);
		n += padded;
	}
	if (g->len && s->data_digest) {
		digest_put(pdu + n, digest_of(pdu + n - padded, padded));
		pdu[n] ^= !!(twist & FOE_SPOILT);
		n += DIGEST_LEN;
	}
	world_give(s->world, s, pdu, n);
}

static void put_numbers(struct side *s, uint8_t *bhs, bool status, unsigned twist)
{
	struct world *w = s->world;
	uint32_t exp = twist & FOE_BEHIND ? w->config.first_cmd_sn : w->next_cmd_sn;
	uint32_t max = twist & FOE_SHUT ? exp - 1 : exp + WINDOW;

	bytes_put32(bhs + 24, s->stat_sn + !!(twist & FOE_STATUS_SN));
	s->stat_sn += status;
	bytes_put32(bhs + 28, exp);
	bytes_put32(bhs + 32, max);
	if (sn_gt(max, w->max_told) || !w->logins)
		w->max_told = max;
}

/* It tells of a command that has not come yet. */
static bool is_hasty(struct world *w, const uint8_t *bhs)
{
	const struct held *held = held_of(w, bytes_get32(bhs + 16));

	return (held && !held->seen) || sn_gt(bytes_get32(bhs + 28), w->next_cmd_sn);
}

void foe_give(struct side *s, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len, bool status,
	      unsigned twist)
{
	struct given *g = &s->given[s->given_count++ % SIDE_GIVEN];

	put_numbers(s, bhs, status, twist);
	s->world->hasty |= is_hasty(s->world, bhs);
	if (len > SIDE_DATA)
		len = SIDE_DATA;
	bhs[4] = 0;
	bytes_put24(bhs + 5, len);
	memcpy(g->bhs, bhs, PDU_BHS_LEN);
	g->len = len;
	if (len)
		memcpy(g->data, data, len);
	if (!(twist & FOE_LOST))
		give_bytes(s, g, twist);
}

void foe_give_again(struct side *s, unsigned which)
{
	struct given copy;

	if (which >= s->given_count || which >= SIDE_GIVEN)
		return;
	copy = s->given[(s->given_count - 1 - which) % SIDE_GIVEN];
	give_bytes(s, &copy, 0);
}

/* ---------------------------------------------------------------- login */

void foe_give_login(struct side *s, uint8_t flags, uint16_t status, const void *text, size_t len)
{
	const uint8_t *request = foe_last(s, PDU_LOGIN_REQUEST);
	struct pdu_login_response pdu = { .transit = flags & 0x80, .more = flags & 0x40,
		.csg = flags >> 2 & 3, .nsg = flags & 3, .tsih = s->tsih,
		.isid = { 0x80, 1, 2, 3, 4, 5 }, .status_class = (uint8_t)(status >> 8),
		.status_detail = (uint8_t)status };
	uint8_t bhs[PDU_BHS_LEN];

	if (!request)
		return;
	pdu.initiator_task_tag = bytes_get32(request + 16);
	pdu_put_login_response(bhs, &pdu);
	foe_give(s, bhs, text, (uint32_t)len, true, 0);
}

static const char *yes_no(bool yes)
{
	return yes ? "Yes" : "No";
}

static size_t put_keys(const struct side *s, const struct conn_options *options, bool leading, char *text,
		       size_t room)
{
	const struct keys_offer *o = &s->world->config.offer;
	int n = snprintf(text, room, "HeaderDigest=%s%cDataDigest=%s%cMaxRecvDataSegmentLength=%u%c",
		options->header_digest ? "CRC32C" : "None", 0, options->data_digest ? "CRC32C" : "None", 0,
		TARGET_RECV, 0);

	if (!leading)
		return (size_t)n;
	n += snprintf(text + n, room - (size_t)n, "MaxConnections=%u%cInitialR2T=%s%cImmediateData=%s%c"
		"MaxBurstLength=8192%cFirstBurstLength=4096%cDefaultTime2Wait=2%cDefaultTime2Retain=20%c"
		"MaxOutstandingR2T=%u%cDataPDUInOrder=%s%cDataSequenceInOrder=%s%cErrorRecoveryLevel=%u%c",
		o->max_connections, 0, yes_no(o->initial_r2t), 0, yes_no(o->immediate_data), 0, 0, 0, 0, 0,
		o->max_outstanding_r2t, 0, yes_no(o->data_pdu_in_order), 0,
		yes_no(o->data_sequence_in_order), 0, o->error_recovery_level, 0);
	if (o->task_reporting)
		n += snprintf(text + n, room - (size_t)n, "TaskReporting=%s%c",
			      o->no_fast_abort ? "ResponseFence" : "FastAbort", 0);
	if (o->protocol_level)
		n += snprintf(text + n, room - (size_t)n, "iSCSIProtocolLevel=%u%c", o->protocol_level, 0);
	return (size_t)n;
}

/* In a discovery session only some keys are negotiated; answers to the others would be uncalled for. */
static size_t put_discovery_keys(char *text, size_t room)
{
	return (size_t)snprintf(text, room, "HeaderDigest=None%cDataDigest=None%cMaxRecvDataSegmentLength=%u%c"
		"DefaultTime2Wait=2%cDefaultTime2Retain=20%cErrorRecoveryLevel=0%c", 0, 0, TARGET_RECV, 0, 0, 0,
		0);
}

void foe_log_in(struct side *s)
{
	static const char first[] = "TargetPortalGroupTag=1\0AuthMethod=None";
	const struct conn *conn = s->conn;
	struct conn_options options = { .header_digest = s->world->want_header_digest,
		.data_digest = s->world->want_data_digest };
	struct pdu_login_request request;
	char keys[SIDE_DATA];
	size_t len;

	world_open(s->world, s);
	for (unsigned rounds = 0; rounds < LOGIN_ROUNDS && s->conn == conn && !s->up && !s->opening; rounds++) {
		if (!foe_last(s, PDU_LOGIN_REQUEST))
			return;
		pdu_get_login_request(foe_last(s, PDU_LOGIN_REQUEST), &request);
		if (request.csg == PDU_STAGE_SECURITY) {
			foe_give_login(s, 0x81, 0, first, sizeof(first));
			continue;
		}
		if (s->world->config.type == SESSION_DISCOVERY)
			len = put_discovery_keys(keys, sizeof(keys));
		else
			len = put_keys(s, &options, request.tsih == 0, keys, sizeof(keys));
		foe_give_login(s, 0x87, 0, keys, len);
	}
}
