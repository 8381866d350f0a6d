/*
 * login.c - login without authentication, and SendTargets (RFC 7143 sections 6.3, 13, appendix C).
 *
 * Every key is answered from one table. What the initiator does not offer keeps the RFC's default;
 * the target offers nothing itself but its MaxRecvDataSegmentLength.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lean.h"
#include "proto/text.h"

enum { STATUS_OK = 0, STATUS_AUTH = 0x0201, STATUS_NOT_FOUND = 0x0203, STATUS_NO_SESSION = 0x020a,
       STATUS_BAD = 0x0200, STATUS_NO_MEMORY = 0x0302 };

/* ---------------------------------------------------------------- keys */

enum key_kind { KEY_MIN, KEY_MAX_OF, KEY_OR, KEY_AND, KEY_DIGEST, KEY_FIXED, KEY_DECLARED };

struct key {
	const char *name;
	enum key_kind kind;
	const char *fixed;
};

static const struct key keys[] = {
	{ "MaxRecvDataSegmentLength", KEY_DECLARED, NULL },
	{ "InitiatorName", KEY_DECLARED, NULL },
	{ "InitiatorAlias", KEY_DECLARED, NULL },
	{ "TargetName", KEY_DECLARED, NULL },
	{ "SessionType", KEY_DECLARED, NULL },
	{ "HeaderDigest", KEY_DIGEST, NULL },
	{ "DataDigest", KEY_DIGEST, NULL },
	{ "MaxBurstLength", KEY_MIN, NULL },
	{ "FirstBurstLength", KEY_MIN, NULL },
	{ "MaxOutstandingR2T", KEY_MIN, NULL },
	{ "MaxConnections", KEY_MIN, NULL },
	{ "InitialR2T", KEY_OR, NULL },
	{ "ImmediateData", KEY_AND, NULL },
	{ "ErrorRecoveryLevel", KEY_FIXED, "0" },
	{ "DefaultTime2Wait", KEY_MAX_OF, NULL },
	{ "DefaultTime2Retain", KEY_FIXED, "0" },
	{ "DataPDUInOrder", KEY_FIXED, "Yes" },
	{ "DataSequenceInOrder", KEY_FIXED, "Yes" },
	{ "TaskReporting", KEY_FIXED, "RFC3720" },
	{ "iSCSIProtocolLevel", KEY_FIXED, "1" },
	{ "IFMarker", KEY_FIXED, "No" },
	{ "OFMarker", KEY_FIXED, "No" },
	{ "IFMarkInt", KEY_FIXED, "Irrelevant" },
	{ "OFMarkInt", KEY_FIXED, "Irrelevant" },
	{ "AuthMethod", KEY_FIXED, "None" },
};

static void key_copy(char *to, const char *value)
{
	snprintf(to, LEAN_NAME, "%s", value);
}

static void key_declared(struct conn *conn, const struct text_pair *pair)
{
	uint64_t number;

	if (strcmp(pair->key, "InitiatorName") == 0)
		key_copy(conn->initiator, pair->value);
	else if (strcmp(pair->key, "TargetName") == 0)
		key_copy(conn->target, pair->value);
	else if (strcmp(pair->key, "SessionType") == 0)
		conn->discovery = strcmp(pair->value, "Discovery") == 0;
	else if (strcmp(pair->key, "MaxRecvDataSegmentLength") == 0 &&
		 text_number(pair->value, &number) == 0 && number >= 512 && number <= PDU_DATA_MAX)
		conn->max_send = (uint32_t)number;
}

static void key_digest(struct conn *conn, const struct text_pair *pair, struct text_out *out)
{
	bool header = strcmp(pair->key, "HeaderDigest") == 0;
	char picked[TEXT_VALUE_MAX + 1];

	if (!text_list_pick(pair->value, "CRC32C,None", picked, sizeof(picked)))
		strcpy(picked, "Reject");
	text_put(out, pair->key, picked);
	*(header ? &conn->want_header : &conn->want_data) = strcmp(picked, "CRC32C") == 0;
}

/* Our side of a number, and where the result goes (NULL: nowhere). */
static uint64_t key_number(struct conn *conn, const char *name, uint32_t **ret)
{
	const struct options *o = &conn->worker->lean->options;

	*ret = NULL;
	if (strcmp(name, "MaxBurstLength") == 0) {
		*ret = &conn->agreed.max_burst;
		return o->max_burst;
	}
	if (strcmp(name, "FirstBurstLength") == 0) {
		*ret = &conn->agreed.first_burst;
		return o->first_burst;
	}
	if (strcmp(name, "MaxOutstandingR2T") == 0) {
		*ret = &conn->agreed.max_r2t;
		return o->max_r2t;
	}
	return strcmp(name, "MaxConnections") == 0 ? o->max_conns : 0;
}

static void key_least(struct conn *conn, const struct text_pair *pair, struct text_out *out,
		      bool most)
{
	uint64_t theirs, ours;
	uint32_t *place;

	ours = key_number(conn, pair->key, &place);
	if (text_number(pair->value, &theirs) < 0 || theirs > PDU_DATA_MAX) {
		text_put(out, pair->key, "Reject");
		return;
	}
	if (most ? ours < theirs : ours > theirs)
		ours = theirs;
	if (place && ours)
		*place = (uint32_t)ours;
	text_put_number(out, pair->key, ours);
}

static void key_bool(struct conn *conn, const struct text_pair *pair, struct text_out *out)
{
	const struct options *o = &conn->worker->lean->options;
	bool theirs = strcmp(pair->value, "Yes") == 0;

	if (strcmp(pair->key, "InitialR2T") == 0)
		text_put_bool(out, pair->key, conn->agreed.initial_r2t = theirs || o->initial_r2t);
	else
		text_put_bool(out, pair->key, conn->agreed.immediate = theirs && o->immediate);
}

static void key_answer(struct conn *conn, const struct text_pair *pair, struct text_out *out)
{
	const struct key *key = NULL;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !key; i++)
		if (strcmp(keys[i].name, pair->key) == 0)
			key = &keys[i];
	if (!key) {
		text_put(out, pair->key, "NotUnderstood");
		return;
	}
	switch (key->kind) {
	case KEY_DECLARED:
		key_declared(conn, pair);
		break;
	case KEY_DIGEST:
		key_digest(conn, pair, out);
		break;
	case KEY_MIN:
	case KEY_MAX_OF:
		key_least(conn, pair, out, key->kind == KEY_MAX_OF);
		break;
	case KEY_OR:
	case KEY_AND:
		key_bool(conn, pair, out);
		break;
	case KEY_FIXED:
		text_put(out, pair->key, key->fixed);
		break;
	}
}

/* ---------------------------------------------------------------- login */

/* The target's own name, or NAME:many-I with I below --many. */
static bool target_known(const struct lean *lean, const char *name)
{
	size_t len = strlen(lean->options.iqn);
	unsigned number;
	char end;

	if (strncasecmp(name, lean->options.iqn, len) != 0)
		return false;
	if (name[len] == '\0')
		return true;
	return sscanf(name + len, ":many-%u%c", &number, &end) == 1 && number < lean->options.many;
}

static void login_defaults(struct conn *conn)
{
	conn->agreed.max_burst = 262144;
	conn->agreed.first_burst = 65536;
	conn->agreed.max_r2t = 1;
	conn->agreed.initial_r2t = true;
	conn->agreed.immediate = true;
}

static unsigned login_keys(struct conn *conn, struct text_out *out)
{
	struct text_pair pair;
	struct text_in in;
	struct fault fault;
	int rc;

	if (!conn->told)
		login_defaults(conn);
	text_init(&in, conn->text, conn->text_len);
	while ((rc = text_next(&in, &pair, &fault)) > 0) {
		if (strcmp(pair.key, "AuthMethod") == 0 && !text_list_has(pair.value, "None"))
			return STATUS_AUTH;
		key_answer(conn, &pair, out);
	}
	if (rc < 0 || conn->initiator[0] == '\0')
		return STATUS_BAD;
	if (!conn->discovery && !target_known(conn->worker->lean, conn->target))
		return STATUS_NOT_FOUND;
	return STATUS_OK;
}

/* What we say without being asked, once. */
static void login_declare(struct conn *conn, const struct pdu_login_request *request,
			  struct text_out *out)
{
	if (!conn->told && !conn->discovery)
		text_put(out, "TargetPortalGroupTag", "1");
	conn->told = true;
	if (request->csg == PDU_STAGE_OPERATIONAL && request->transit)
		text_put_number(out, "MaxRecvDataSegmentLength",
				conn->worker->lean->options.max_recv);
}

static unsigned login_session(struct conn *conn, const struct pdu_login_request *request)
{
	if (request->tsih) {
		if (!conn->session && session_join(conn, request->isid, request->tsih) < 0)
			return STATUS_NO_SESSION;
		return STATUS_OK;
	}
	if (!request->transit || request->nsg != PDU_STAGE_FULL_FEATURE)
		return STATUS_OK;
	return session_open(conn, request->isid, request->cmd_sn) < 0 ? STATUS_NO_MEMORY : STATUS_OK;
}

static void login_done(struct conn *conn)
{
	conn->header_digest = conn->want_header;
	conn->data_digest = conn->want_data;
	conn->state = CONN_FULL;
}

static int login_answer(struct conn *conn, const struct pdu_login_request *request,
			unsigned status, const struct text_out *out)
{
	struct pdu_login_response answer = {
		.transit = request->transit && status == STATUS_OK, .csg = request->csg,
		.initiator_task_tag = request->initiator_task_tag, .stat_sn = conn->stat_sn++,
		.status_class = (uint8_t)(status >> 8), .status_detail = (uint8_t)status,
		.exp_cmd_sn = request->cmd_sn, .max_cmd_sn = request->cmd_sn,
		.data_len = status == STATUS_OK ? (uint32_t)out->len : 0,
	};
	uint8_t bhs[PDU_BHS_LEN];

	if (answer.transit)
		answer.nsg = request->nsg;
	memcpy(answer.isid, request->isid, sizeof(answer.isid));
	if (conn->session) {
		answer.tsih = conn->session->tsih;
		session_window(conn->session, &answer.exp_cmd_sn, &answer.max_cmd_sn);
	}
	pdu_put_login_response(bhs, &answer);
	return out_put(conn, bhs, out->buf, answer.data_len, true);
}

int login_request(struct conn *conn)
{
	struct pdu_login_request request;
	unsigned status = STATUS_OK;
	struct text_out out;
	char text[LEAN_ECHO_MAX];

	pdu_get_login_request(conn->bhs, &request);
	text_out_init(&out, text, sizeof(text));
	conn->cid = request.cid;
	if (!request.more) {
		status = login_keys(conn, &out);
		if (status == STATUS_OK)
			status = login_session(conn, &request);
		if (status == STATUS_OK)
			login_declare(conn, &request, &out);
		conn->text_len = 0;
	}
	if (out.full || login_answer(conn, &request, status, &out) < 0)
		return -1;
	if (status != STATUS_OK)
		conn->state = CONN_LEAVING;
	else if (request.transit && request.nsg == PDU_STAGE_FULL_FEATURE)
		login_done(conn);
	return 0;
}

/* ---------------------------------------------------------------- text */

/* A piece of the list of targets; as many as the initiator asks for come one after the other. */
static int text_targets(struct conn *conn, const struct pdu_text_request *request)
{
	const struct lean *lean = conn->worker->lean;
	struct pdu_text_response answer = { .initiator_task_tag = request->initiator_task_tag };
	size_t left = lean->targets_len - conn->targets_at;
	uint8_t bhs[PDU_BHS_LEN];
	const char *from = lean->targets + conn->targets_at;

	answer.data_len = (uint32_t)(left < conn->max_send ? left : conn->max_send);
	answer.final = answer.data_len == left;
	answer.more = !answer.final;
	answer.target_transfer_tag = answer.final ? PDU_NO_TAG : 1;
	answer.stat_sn = conn->stat_sn++;
	session_window(conn->session, &answer.exp_cmd_sn, &answer.max_cmd_sn);
	conn->targets_at = answer.final ? 0 : conn->targets_at + answer.data_len;
	pdu_put_text_response(bhs, &answer);
	return out_put(conn, bhs, from, answer.data_len, false);
}

int text_request(struct conn *conn)
{
	struct pdu_text_request request;

	pdu_get_text_request(conn->bhs, &request);
	if (!request.immediate && !session_take(conn->session, request.cmd_sn))
		return 0;
	if (request.target_transfer_tag == PDU_NO_TAG)
		conn->targets_at = 0;
	conn->text_len = 0;
	return text_targets(conn, &request);
}
