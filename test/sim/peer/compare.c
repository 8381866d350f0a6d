/*
 * compare.c - see compare.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#include "compare.h"
#include "offer.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

const struct compare_field compare_fields[] = {
	{ AT_OPCODE, 1, "opcode" },
	{ AT_FLAGS, 1, "flags" },
	{ AT_RESPONSE, 1, "response or reason" },
	{ AT_STATUS, 1, "status" },
	{ 4, 1, "TotalAHSLength" },
	{ AT_LENGTH, 3, "DataSegmentLength" },
	{ AT_LUN, 6, "LUN or ISID" },
	{ AT_TSIH, 2, "the end of the LUN, or TSIH" },
	{ AT_ITT, 4, "Initiator Task Tag" },
	{ AT_TTT, 4, "Target Transfer Tag" },
	{ AT_STAT_SN, 4, "StatSN" },
	{ AT_EXP_CMD_SN, 4, "ExpCmdSN" },
	{ AT_MAX_CMD_SN, 4, "MaxCmdSN" },
	{ AT_DATA_SN, 4, "DataSN, R2TSN, ExpDataSN or status" },
	{ AT_OFFSET, 4, "Buffer Offset" },
	{ AT_RESIDUAL, 4, "Residual Count or Desired Data Transfer Length" },
};

const unsigned compare_field_count = SIZE(compare_fields);

enum side { THEIRS, OURS };

static bool differs(struct comparison *c, unsigned pair, const char *what, uint32_t theirs,
		    uint32_t ours)
{
	snprintf(c->difference, sizeof(c->difference),
		 "answer %u (%s): %s is 0x%x from LIO, 0x%x from us", pair,
		 pdu_name(c->replay->pair[pair].theirs.opcode), what, theirs, ours);
	return false;
}

static const struct trace_pdu *side_of(const struct replay *r, unsigned pair, enum side side)
{
	const struct replay_pair *p = &r->pair[pair];

	if (side == OURS)
		return p->has_ours ? &p->ours : NULL;
	return p->has_theirs ? &p->theirs : NULL;
}

static uint32_t value(const uint8_t *bhs, const struct compare_field *f)
{
	uint32_t v = 0;

	for (unsigned i = f->len > 4 ? f->len - 4 : 0; i < f->len; i++)
		v = v << 8 | bhs[f->at + i];
	return v;
}

/* The first answer that has this value in this field. */
static uint32_t first_with(const struct replay *r, enum side side, uint8_t opcode,
			   const struct compare_field *f, uint32_t v)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct trace_pdu *pdu = side_of(r, i, side);

		if (pdu && pdu->opcode == opcode && value(pdu->bhs, f) == v)
			return i + 1;
	}
	return 0;
}

static bool has_window(const struct trace_pdu *pdu)
{
	return pdu && pdu->opcode != TRACE_CLOSE && pdu->opcode != PDU_LOGIN_RESPONSE;
}

/* The first answer after a login tells the length of the queue. */
static uint32_t first_window(const struct replay *r, enum side side)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct trace_pdu *pdu = side_of(r, i, side);

		if (has_window(side_of(r, i, THEIRS)) && has_window(pdu))
			return bytes_get32(pdu->bhs + AT_MAX_CMD_SN) -
			       bytes_get32(pdu->bhs + AT_EXP_CMD_SN);
	}
	return 0;
}

/* The value of a field without what is the target's choice. */
static uint32_t plain_value(const struct replay *r, unsigned pair, enum side side,
			    const struct compare_field *f)
{
	const struct trace_pdu *pdu = side_of(r, pair, side);
	uint32_t v = value(pdu->bhs, f);

	switch (lio_choice(pdu->bhs, f->at)) {
	case LIO_NO_CHOICE:
		break;
	case LIO_ANY_VALUE:
		return 0;
	case LIO_TAG:
		if (v == PDU_NO_TAG || pdu->opcode != PDU_R2T)
			return v == PDU_NO_TAG;
		return 1 + first_with(r, side, PDU_R2T, f, v);
	case LIO_SESSION:
		return v ? first_with(r, side, PDU_LOGIN_RESPONSE, f, v) : 0;
	case LIO_RELATIVE:
		return v - bytes_get32(pdu->bhs + AT_EXP_CMD_SN) - first_window(r, side);
	}
	return v;
}

/* The six bytes of an ISID or LUN that `value` cuts. */
static bool same_start(const struct replay_pair *p)
{
	return lio_choice(p->theirs.bhs, AT_LUN) == LIO_ANY_VALUE ||
	       memcmp(p->theirs.bhs + AT_LUN, p->ours.bhs + AT_LUN, 2) == 0;
}

/* What two answers of different types have in common. */
static bool is_common(unsigned at)
{
	return at == AT_ITT || at == AT_STAT_SN || at == AT_EXP_CMD_SN;
}

static bool same_header(struct comparison *c, unsigned pair)
{
	const struct replay_pair *p = &c->replay->pair[pair];
	bool other = false;

	for (size_t i = 0; i < SIZE(compare_fields); i++) {
		const struct compare_field *f = &compare_fields[i];
		uint32_t theirs = plain_value(c->replay, pair, THEIRS, f);
		uint32_t ours = plain_value(c->replay, pair, OURS, f);

		if (other && !is_common(f->at))
			continue;
		if (memcmp(p->theirs.bhs + f->at, p->ours.bhs + f->at, f->len))
			lio_chosen(p->theirs.bhs, f->at);
		if (!lio_fits(c->exchange, pair, f->at, theirs, ours))
			return differs(c, pair, f->name, theirs, ours);
		other |= f->at == AT_OPCODE && theirs != ours;
	}
	return other || same_start(p) || differs(c, pair, "LUN or ISID", 0, 0);
}

/* ---------------------------------------------------------------- data */

static bool same_targets(struct comparison *c, unsigned pair)
{
	static const char next[] = "TargetName=";
	const struct replay_pair *p = &c->replay->pair[pair];
	const uint8_t *text = p->theirs.data, *end = NULL;
	size_t len = p->theirs.len;

	if (len > 1)
		end = memmem(text + 1, len - 1, next, sizeof(next) - 1);
	if (end)
		len = (size_t)(end - text);
	return (len == p->ours.len && len && memcmp(text, p->ours.data, len) == 0) ||
	       differs(c, pair, "the target's record", (uint32_t)len, p->ours.len);
}

static bool same_sense(struct comparison *c, unsigned pair)
{
	const struct replay_pair *p = &c->replay->pair[pair];
	/* in the segment, behind SenseLength: format, key, code, qualifier */
	static const unsigned places[] = { 2, 4, 14, 15 };

	bool in_theirs = p->theirs.len >= 16, in_ours = p->ours.len >= 16;

	if (!lio_fits(c->exchange, pair, AT_SENSE, in_theirs, in_ours))
		return differs(c, pair, "whether there is sense", in_theirs, in_ours);
	for (size_t i = 0; in_ours && in_theirs && i < SIZE(places); i++)
		if (!lio_fits(c->exchange, pair, AT_SENSE + places[i], p->theirs.data[places[i]],
			  p->ours.data[places[i]]))
			return differs(c, pair, "sense", p->theirs.data[places[i]],
				       p->ours.data[places[i]]);
	return true;
}

/* The rejected header, but for its numbers and tags; in LIO's the CDB can be damaged. */
static bool same_rejected(struct comparison *c, unsigned pair)
{
	const struct replay_pair *p = &c->replay->pair[pair];
	const uint8_t *sent = p->request->bhs, *ours = p->ours.data;

	if (p->ours.len < PDU_BHS_LEN || memcmp(ours, sent, AT_TTT) ||
	    memcmp(ours + AT_STAT_SN, sent + AT_STAT_SN, 4) ||
	    memcmp(ours + AT_MAX_CMD_SN, sent + AT_MAX_CMD_SN, 8))
		return differs(c, pair, "the rejected header", 0, 0);
	return true;
}

static bool same_data(struct comparison *c, unsigned pair)
{
	const struct replay_pair *p = &c->replay->pair[pair];
	char key[64];
	bool same;

	switch (p->theirs.opcode) {
	case PDU_LOGIN_RESPONSE:
		return offer_same(p, key) || differs(c, pair, key, 0, 0);
	case PDU_TEXT_RESPONSE:
		return same_targets(c, pair);
	case PDU_SCSI_RESPONSE:
		return p->ours.opcode != PDU_SCSI_RESPONSE || same_sense(c, pair);
	case PDU_REJECT:
		return same_rejected(c, pair);
	default:
		break;
	}
	same = p->theirs.len == p->ours.len &&
	       (!p->ours.len || !memcmp(p->theirs.data, p->ours.data, p->ours.len));
	return same || differs(c, pair, "data", p->theirs.len, p->ours.len);
}

/* ---------------------------------------------------------------- the whole */

static bool same_pair(struct comparison *c, unsigned pair)
{
	const struct replay_pair *p = &c->replay->pair[pair];
	const struct trace_pdu *one = p->has_theirs ? &p->theirs : &p->ours;

	if (p->has_theirs && p->has_ours) {
		if (p->theirs.opcode == TRACE_CLOSE || p->ours.opcode == TRACE_CLOSE)
			return p->theirs.opcode == p->ours.opcode ||
			       differs(c, pair, "opcode", p->theirs.opcode, p->ours.opcode);
		return same_header(c, pair) && same_data(c, pair);
	}
	if (!p->has_theirs && !p->has_ours)
		return true;
	if (lio_is_extra(c->exchange, pair, p, c->extras))
		return true;
	snprintf(c->difference, sizeof(c->difference),
		 "answer %u: %s, response 0x%02x, is only from %s", pair,
		 one->opcode == TRACE_CLOSE ? "close" : pdu_name(one->opcode),
		 one->bhs[AT_RESPONSE], p->has_theirs ? "LIO" : "us");
	return false;
}

bool compare_all(struct comparison *c)
{
	const char *missing;

	for (unsigned i = 0; i < c->replay->count; i++)
		if (!same_pair(c, i))
			return false;
	missing = lio_extra_missing(c->exchange, c->extras);
	if (missing)
		snprintf(c->difference, sizeof(c->difference), "not so often as told: %s", missing);
	return !missing;
}

/* The base of what is compared relatively is the target's choice, too. */
bool compare_is_free(const struct replay *r, unsigned pair, const struct compare_field *f)
{
	const struct replay_pair *p = &r->pair[pair];
	enum lio_choice choice = lio_choice(p->ours.bhs, f->at);

	if (p->theirs.opcode != p->ours.opcode && !is_common(f->at))
		return true;
	if (choice != LIO_RELATIVE)
		return choice == LIO_ANY_VALUE;
	for (unsigned i = 0; i < pair; i++)
		if (has_window(side_of(r, i, THEIRS)) && has_window(side_of(r, i, OURS)))
			return false;
	return true;
}
