/*
 * keys.c - the operational keys as the peer answers them (RFC 7143 section 13): one row a key.
 */
#include <stdlib.h>
#include <string.h>

#include "inside.h"

enum rule { MINIMUM, MAXIMUM, AND, OR, DECLARED, DIGEST, FIRST };

static const struct row {
	const char *name;
	enum rule rule;
	bool leading;    /* only on a leading login */
	int at;          /* in struct peer_params */
	int ours;        /* in struct peer_options */
	unsigned lowest, highest;
} rows[] = {
#define KEPT(member) (int)offsetof(struct peer_params, member)
#define OURS(member) (int)offsetof(struct peer_options, member)
	{ "HeaderDigest", DIGEST, false, KEPT(header_digest), OURS(digests), 0, 0 },
	{ "DataDigest", DIGEST, false, KEPT(data_digest), OURS(digests), 0, 0 },
	{ "MaxRecvDataSegmentLength", DECLARED, false, KEPT(max_send), OURS(max_recv), 512, 0xffffff },
	{ "MaxConnections", MINIMUM, true, KEPT(max_connections), OURS(max_connections), 1, 65535 },
	{ "InitialR2T", OR, true, KEPT(initial_r2t), OURS(initial_r2t), 0, 0 },
	{ "ImmediateData", AND, true, KEPT(immediate_data), OURS(immediate_data), 0, 0 },
	{ "MaxBurstLength", MINIMUM, true, KEPT(max_burst), OURS(max_burst), 512, 0xffffff },
	{ "FirstBurstLength", MINIMUM, true, KEPT(first_burst), OURS(first_burst), 512, 0xffffff },
	{ "MaxOutstandingR2T", MINIMUM, true, KEPT(max_r2t), OURS(max_r2t), 1, 65535 },
	{ "DefaultTime2Wait", MAXIMUM, true, KEPT(time2wait), OURS(time2wait), 0, 3600 },
	{ "DefaultTime2Retain", MINIMUM, true, KEPT(time2retain), OURS(time2retain), 0, 3600 },
	{ "ErrorRecoveryLevel", MINIMUM, true, KEPT(level), OURS(level), 0, 2 },
	{ "DataPDUInOrder", OR, true, KEPT(pdu_in_order), OURS(pdu_in_order), 0, 0 },
	{ "DataSequenceInOrder", OR, true, KEPT(sequence_in_order), OURS(sequence_in_order), 0, 0 },
	{ "TaskReporting", FIRST, true, KEPT(fast_abort), OURS(task_reporting), 0, 0 },
	{ "iSCSIProtocolLevel", MINIMUM, true, KEPT(protocol_level), OURS(protocol_level), 0, 31 },
};

void keys_default(struct peer_params *ret)
{
	*ret = (struct peer_params){ .max_send = 8192, .max_connections = 1, .max_r2t = 1,
		.initial_r2t = true, .immediate_data = true, .max_burst = 262144,
		.first_burst = 65536, .time2wait = 2, .time2retain = 20, .protocol_level = 1,
		.pdu_in_order = true, .sequence_in_order = true };
}

const char *keys_fault(const struct peer_params *p)
{
	if (p->level && p->sequence_in_order && p->max_r2t > 1)
		return "several R2Ts at a recovery level with sequences in order"; /* KEY-6 */
	return NULL;
}

static unsigned ours_of(const struct row *row, const struct peer_options *o)
{
	const char *at = (const char *)o + row->ours;

	/* KEY-6: what we have to say so that the outcome is right */
	if (strcmp(row->name, "MaxOutstandingR2T") == 0 && o->level && o->sequence_in_order)
		return 1;
	return row->rule == AND || row->rule == OR || row->rule == DIGEST ? *(const bool *)at
									 : *(const unsigned *)at;
}

static void keep(const struct row *row, struct peer_params *params, unsigned value)
{
	char *at = (char *)params + row->at;

	if (row->rule == AND || row->rule == OR || row->rule == DIGEST)
		*(bool *)at = value;
	else
		*(unsigned *)at = value;
}

static void take_number(struct peer_conn *c, const struct row *row, const char *value,
			struct text_out *out)
{
	unsigned ours = ours_of(row, &c->peer->options);
	uint64_t theirs;

	if (text_number(value, &theirs) < 0 || theirs < row->lowest || theirs > row->highest) {
		login_violation(c, "a number out of range");
		return;
	}
	if (row->rule == DECLARED) {
		keep(row, &c->params, (unsigned)theirs);
		text_put_number(out, row->name, ours);
		return;
	}
	if ((row->rule == MINIMUM) == (theirs < ours))
		ours = (unsigned)theirs;
	keep(row, &c->params, ours);
	text_put_number(out, row->name, ours);
}

static void take_bool(struct peer_conn *c, const struct row *row, const char *value,
		      struct text_out *out)
{
	bool theirs, ours = ours_of(row, &c->peer->options);

	if (text_bool(value, &theirs) < 0) {
		login_violation(c, "neither Yes nor No");
		return;
	}
	ours = row->rule == AND ? ours && theirs : ours || theirs;
	keep(row, &c->params, ours);
	text_put_bool(out, row->name, ours);
}

static void take_digest(struct peer_conn *c, const struct row *row, const char *value,
			struct text_out *out)
{
	char picked[16];

	if (!text_list_pick(value, ours_of(row, &c->peer->options) ? "CRC32C,None" : "None", picked,
			    sizeof(picked))) {
		text_put(out, row->name, "Reject");
		return;
	}
	keep(row, &c->params, strcmp(picked, "CRC32C") == 0);
	text_put(out, row->name, picked);
}

static void take_list(struct peer_conn *c, const struct row *row, const char *value,
		      struct text_out *out)
{
	char picked[32];

	if (!text_list_pick(value, c->peer->options.task_reporting, picked, sizeof(picked))) {
		text_put(out, row->name, "Reject");
		return;
	}
	c->params.fast_abort = strcmp(picked, "FastAbort") == 0;
	c->params.response_fence = strcmp(picked, "RFC3720") != 0;
	text_put(out, row->name, picked);
}

bool keys_answer(struct peer_conn *c, const struct text_pair *pair, bool leading, struct text_out *out)
{
	const struct row *row = rows;

	while (row < rows + sizeof(rows) / sizeof(rows[0]) && strcmp(row->name, pair->key))
		row++;
	if (row == rows + sizeof(rows) / sizeof(rows[0]))
		return false;
	if (row->leading && !leading) {
		login_violation(c, "a leading-only key on an added connection"); /* LOG-24 */
		return true;
	}
	switch (row->rule) {
	case MINIMUM:
	case MAXIMUM:
	case DECLARED:
		take_number(c, row, pair->value, out);
		break;
	case AND:
	case OR:
		take_bool(c, row, pair->value, out);
		break;
	case DIGEST:
		take_digest(c, row, pair->value, out);
		break;
	case FIRST:
		take_list(c, row, pair->value, out);
		break;
	}
	return true;
}
