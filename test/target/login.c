/*
 * login.c - the login phase of the test target (RFC 7143 sections 6, 11.12, 11.13, 12, 13).
 *
 * Written from the RFC apart from the product's own negotiation. Where the initiator errs, it is
 * told by status 0200 and a violation is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/chap.h"
#include "target.h"

enum { STATUS_OK = 0, MOVED = 0x0101, INITIATOR_ERROR = 0x0200, AUTHENTICATION = 0x0201,
       NOT_FOUND = 0x0203, TOO_MANY = 0x0206, NO_SESSION = 0x020a };

enum chap_step { CHAP_NOT_ASKED, CHAP_ASKED, CHAP_SENT, CHAP_PROVED };

/* One login under way. */
struct login {
	struct conn *conn;
	struct pdu_login_request request;
	uint16_t status;
	char initiator[224], target_name[224];
	bool discovery, leading, begun, keys_told;
	enum chap_step chap;
	uint8_t algorithm, identifier, challenge[1024];
	bool header_digest, data_digest; /* in force after the login */
	/* of the leading connection */
	unsigned max_connections, max_burst, first_burst, max_r2t;
	bool initial_r2t, immediate_data;
	struct text_out out;
	char text[TEXT_ROOM];
	uint8_t in[TEXT_ROOM];
	size_t in_len;
};

static bool stage_is_security(const struct login *l)
{
	return l->request.csg == PDU_STAGE_SECURITY;
}

static void fail(struct login *l, uint16_t status, const char *why)
{
	if (l->status)
		return;
	l->status = status;
	if (status == INITIATOR_ERROR)
		violation("login: %s", why);
}

/* ---------------------------------------------------------------- CHAP */

static size_t secret_of(const char *pair, const char **secret)
{
	*secret = strchr(pair, ':') + 1;
	return strlen(*secret);
}

static void chap_offer(struct login *l, const char *list)
{
	const struct options *o = &target.options;
	char name[4];

	for (unsigned i = 0; i < o->algorithm_count; i++) {
		snprintf(name, sizeof(name), "%u", o->algorithms[i]);
		if (!text_list_has(list, name))
			continue;
		l->algorithm = o->algorithms[i];
		break;
	}
	if (!l->algorithm || l->chap != CHAP_NOT_ASKED) {
		fail(l, AUTHENTICATION, "");
		return;
	}
	if (getrandom(l->challenge, o->challenge_len, 0) != (ssize_t)o->challenge_len ||
	    getrandom(&l->identifier, 1, 0) != 1) {
		fail(l, AUTHENTICATION, "");
		return;
	}
	text_put_number(&l->out, "CHAP_A", l->algorithm);
	text_put_number(&l->out, "CHAP_I", l->identifier);
	text_put_binary(&l->out, "CHAP_C", l->challenge, o->challenge_len);
	l->chap = CHAP_SENT;
}

static void chap_prove(struct login *l, const char *identifier, const char *challenge)
{
	const struct options *o = &target.options;
	uint8_t theirs[1024], response[CHAP_DIGEST_MAX];
	const char *secret;
	size_t secret_len = secret_of(o->mutual, &secret), len;
	uint64_t id;
	int n;

	if (text_number(identifier, &id) < 0 || id > 255 ||
	    text_binary(challenge, theirs, sizeof(theirs), &len) < 0 || len == 0) {
		fail(l, INITIATOR_ERROR, "CHAP_I or CHAP_C is malformed");
		return;
	}
	if (len == o->challenge_len && memcmp(theirs, l->challenge, len) == 0) {
		fail(l, INITIATOR_ERROR, "our challenge came back");
		return;
	}
	n = chap_hash(l->algorithm, (uint8_t)id, secret, secret_len, theirs, len, response);
	if (o->wrong_chap_answer)
		response[0] ^= 1;
	text_put_bytes(&l->out, "CHAP_N", o->mutual, strcspn(o->mutual, ":"));
	text_put_binary(&l->out, "CHAP_R", response, (size_t)n);
}

static void chap_judge(struct login *l, const char *name, const char *response,
		       const char *identifier, const char *challenge)
{
	const struct options *o = &target.options;
	uint8_t theirs[CHAP_DIGEST_MAX], ours[CHAP_DIGEST_MAX];
	const char *secret;
	size_t secret_len = secret_of(o->chap, &secret), len;
	int n = chap_hash(l->algorithm, l->identifier, secret, secret_len, l->challenge,
			  o->challenge_len, ours);

	if (l->chap != CHAP_SENT || !name || text_binary(response, theirs, sizeof(theirs), &len) < 0) {
		fail(l, INITIATOR_ERROR, "CHAP_R out of turn or malformed");
		return;
	}
	if (n < 0 || (size_t)n != len || memcmp(theirs, ours, len) != 0 ||
	    strlen(name) != strcspn(o->chap, ":") || strncmp(name, o->chap, strlen(name)) != 0) {
		fail(l, AUTHENTICATION, "");
		return;
	}
	l->chap = CHAP_PROVED;
	if (!identifier != !challenge)
		fail(l, INITIATOR_ERROR, "one of CHAP_I and CHAP_C alone");
	else if (identifier && !o->mutual)
		fail(l, AUTHENTICATION, "");
	else if (identifier)
		chap_prove(l, identifier, challenge);
}

/* ---------------------------------------------------------------- keys */

/* How the answer to a number follows from the offer. */
enum rule { LEAST, MOST };

static const struct number_row {
	const char *key;
	enum rule rule;
	size_t option, result;   /* our value; where the outcome goes (0: nowhere) */
	unsigned fixed;          /* our value, if not an option */
	uint64_t low, high;
} numbers[] = {
#define OPTION(member) offsetof(struct options, member)
#define RESULT(member) offsetof(struct login, member)
	{ "MaxConnections", LEAST, OPTION(max_connections), RESULT(max_connections), 0, 1, 65535 },
	{ "MaxBurstLength", LEAST, OPTION(max_burst), RESULT(max_burst), 0, 512, 16777215 },
	{ "FirstBurstLength", LEAST, OPTION(first_burst), RESULT(first_burst), 0, 512, 16777215 },
	{ "MaxOutstandingR2T", LEAST, OPTION(max_r2t), RESULT(max_r2t), 0, 1, 65535 },
	{ "DefaultTime2Wait", MOST, 0, 0, 0, 0, 3600 },
	{ "DefaultTime2Retain", LEAST, 0, 0, 20, 0, 3600 },
	{ "ErrorRecoveryLevel", LEAST, 0, 0, 0, 0, 2 },
	{ "iSCSIProtocolLevel", LEAST, 0, 0, 1, 0, 31 },
};

static bool number_answer(struct login *l, const struct text_pair *pair)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct number_row *row = &numbers[i];
		uint64_t offer, value = row->fixed;

		if (strcmp(pair->key, row->key) != 0)
			continue;
		if (!l->leading)
			fail(l, INITIATOR_ERROR, pair->key);
		if (text_number(pair->value, &offer) < 0 || offer < row->low || offer > row->high)
			fail(l, INITIATOR_ERROR, pair->key);
		if (row->option)
			value = *(const unsigned *)((const char *)&target.options + row->option);
		if (row->rule == LEAST ? offer < value : offer > value)
			value = offer;
		if (row->result)
			*(unsigned *)((char *)l + row->result) = (unsigned)value;
		text_put_number(&l->out, row->key, value);
		return true;
	}
	return false;
}

static void bool_answer(struct login *l, const struct text_pair *pair, bool ours, bool either,
			bool *result)
{
	bool offer;

	if (text_bool(pair->value, &offer) < 0) {
		fail(l, INITIATOR_ERROR, pair->key);
		return;
	}
	offer = either ? offer || ours : offer && ours;
	if (result)
		*result = offer;
	text_put_bool(&l->out, pair->key, offer);
}

static void digest_answer(struct login *l, const struct text_pair *pair, bool *result)
{
	char pick[16];

	if (!text_list_pick(pair->value, target.options.digests ? "CRC32C,None" : "None", pick,
			    sizeof(pick))) {
		text_put(&l->out, pair->key, "Reject");
		return;
	}
	*result = strcmp(pick, "CRC32C") == 0;
	text_put(&l->out, pair->key, pick);
}

/* Keys that are said once and not answered. */
static bool declaration_take(struct login *l, const struct text_pair *pair)
{
	uint64_t number;

	if (strcmp(pair->key, "InitiatorName") == 0) {
		snprintf(l->initiator, sizeof(l->initiator), "%s", pair->value);
	} else if (strcmp(pair->key, "TargetName") == 0) {
		snprintf(l->target_name, sizeof(l->target_name), "%s", pair->value);
	} else if (strcmp(pair->key, "SessionType") == 0) {
		l->discovery = strcmp(pair->value, "Discovery") == 0;
		if (!l->leading)
			fail(l, INITIATOR_ERROR, "SessionType on an added connection");
	} else if (strcmp(pair->key, "MaxRecvDataSegmentLength") == 0) {
		if (text_number(pair->value, &number) < 0 || number < 512 || number > PDU_DATA_MAX)
			fail(l, INITIATOR_ERROR, pair->key);
		else
			l->conn->peer_max_recv = (uint32_t)number;
	} else if (strcmp(pair->key, "InitiatorAlias") != 0) {
		return false;
	}
	return true;
}

static void auth_answer(struct login *l, const struct text_pair *pair)
{
	const char *method = target.options.chap && !l->discovery ? "CHAP" : "None";

	if (!text_list_has(pair->value, method)) {
		fail(l, AUTHENTICATION, "");
		return;
	}
	text_put(&l->out, "AuthMethod", method);
}

static void key_answer(struct login *l, const struct text_pair *pair)
{
	if (strcmp(pair->key, "AuthMethod") == 0)
		auth_answer(l, pair);
	else if (declaration_take(l, pair) || number_answer(l, pair))
		return;
	else if (strcmp(pair->key, "HeaderDigest") == 0)
		digest_answer(l, pair, &l->header_digest);
	else if (strcmp(pair->key, "DataDigest") == 0)
		digest_answer(l, pair, &l->data_digest);
	else if (strcmp(pair->key, "InitialR2T") == 0)
		bool_answer(l, pair, target.options.initial_r2t, true, &l->initial_r2t);
	else if (strcmp(pair->key, "ImmediateData") == 0)
		bool_answer(l, pair, target.options.immediate_data, false, &l->immediate_data);
	else if (strcmp(pair->key, "DataPDUInOrder") == 0 ||
		 strcmp(pair->key, "DataSequenceInOrder") == 0)
		bool_answer(l, pair, true, true, NULL);
	else if (strcmp(pair->key, "IFMarker") == 0 || strcmp(pair->key, "OFMarker") == 0)
		text_put(&l->out, pair->key, "No");
	else
		text_put(&l->out, pair->key, "NotUnderstood");
}

static void keys_answer(struct login *l)
{
	char name[256] = "", response[2 * CHAP_DIGEST_MAX + 8] = "", identifier[8] = "";
	static const char reserved[] = "CHAP_";
	char *challenge = NULL;
	struct text_pair pair;
	struct text_in in;
	struct fault fault;
	int rc;

	text_init(&in, l->in, l->in_len);
	while ((rc = text_next(&in, &pair, &fault)) == 1) {
		if (strncmp(pair.key, reserved, sizeof(reserved) - 1) != 0)
			key_answer(l, &pair);
		else if (strcmp(pair.key, "CHAP_A") == 0)
			chap_offer(l, pair.value);
		else if (strcmp(pair.key, "CHAP_N") == 0)
			snprintf(name, sizeof(name), "%s", pair.value);
		else if (strcmp(pair.key, "CHAP_R") == 0)
			snprintf(response, sizeof(response), "%s", pair.value);
		else if (strcmp(pair.key, "CHAP_I") == 0)
			snprintf(identifier, sizeof(identifier), "%s", pair.value);
		else if (strcmp(pair.key, "CHAP_C") == 0 && !challenge)
			challenge = strdup(pair.value);
	}
	if (rc < 0)
		fail(l, INITIATOR_ERROR, fault.text);
	if (response[0] && target.options.chap)
		chap_judge(l, name[0] ? name : NULL, response, identifier[0] ? identifier : NULL,
			   challenge);
	free(challenge);
}

/* ---------------------------------------------------------------- sessions */

/* With the lock held: connection reinstatement. True if there was one; the session may be gone with
 * it. */
static bool conn_replace(struct session *s, uint16_t cid)
{
	list_for_each(it, &s->conns) {
		struct conn *other = list_entry(it, struct conn, link);

		if (other->cid != cid)
			continue;
		conn_cut(other);
		pthread_cond_wait(&target.changed, &target.lock);
		return true;
	}
	return false;
}

/* With the lock held. */
static struct session *session_join(struct login *l)
{
	const struct options *o = &target.options;
	struct session *s = session_find(l->request.isid, l->initiator, l->request.tsih);

	if (o->new_session_on_add)
		return session_new(l->request.isid, l->initiator, false);
	if (!s) {
		fail(l, NO_SESSION, "");
		return NULL;
	}
	while (s && conn_replace(s, l->request.cid))
		s = session_find(l->request.isid, l->initiator, l->request.tsih);
	if (!s)
		s = session_new(l->request.isid, l->initiator, false);
	if (!s)
		return NULL;
	if (s->count >= s->max_connections) {
		fail(l, TOO_MANY, "");
		return NULL;
	}
	return s;
}

/* With the lock held: gives the connection its session, at the first login request of its own. */
static void session_take(struct login *l)
{
	struct session *s;

	if (l->leading) {
		/* session reinstatement */
		while (!l->discovery && (s = session_find(l->request.isid, l->initiator, 0)))
			session_end(s);
		s = session_new(l->request.isid, l->initiator, l->discovery);
		if (s)
			s->exp_cmd_sn = l->request.cmd_sn;
	} else {
		s = session_join(l);
	}
	if (!s) {
		fail(l, 0x0302, "");
		return;
	}
	s->count++;
	l->conn->session = s;
	l->conn->cid = l->request.cid;
	list_append(&s->conns, &l->conn->link);
}

static bool denied(unsigned status, unsigned times)
{
	return status && (times == 0 || target.denied++ < times);
}

static void login_judge(struct login *l)
{
	const struct options *o = &target.options;

	if (!l->initiator[0] || (!l->discovery && l->leading && !l->target_name[0]))
		fail(l, INITIATOR_ERROR, "the first request names no initiator or target");
	else if (!l->discovery && l->target_name[0] && strcmp(l->target_name, o->name) != 0)
		fail(l, NOT_FOUND, "");
	else if (denied(o->deny, o->deny_times))
		fail(l, (uint16_t)o->deny, "");
	else if (!l->leading && o->deny_added)
		fail(l, (uint16_t)o->deny_added, "");
	else if (o->redirect && !l->discovery && strcmp(o->redirect, l->conn->local) != 0) {
		text_put(&l->out, "TargetAddress", o->redirect);
		fail(l, MOVED, "");
	}
}

static void group_tell(struct login *l)
{
	const struct options *o = &target.options;

	if (l->discovery)
		return;
	text_put_number(&l->out, "TargetPortalGroupTag",
			!l->leading && o->group_on_add ? o->group_on_add : o->tpgt);
}

void login_send_targets(struct conn *conn, struct text_out *out)
{
	const struct options *o = &target.options;
	char address[96];

	(void)conn;
	text_put(out, "TargetName", o->name);
	for (unsigned i = 0; i < o->listens; i++) {
		snprintf(address, sizeof(address), "%s,%u", o->listen[i], o->tpgt);
		text_put(out, "TargetAddress", address);
	}
}

/* ---------------------------------------------------------------- the exchange */

static int request_read(struct login *l)
{
	uint8_t bhs[PDU_BHS_LEN];
	size_t room = sizeof(l->in);

	l->in_len = 0;
	do {
		if (conn_read(l->conn, bhs, l->in + l->in_len, (uint32_t)(room - l->in_len)) < 0)
			return -1;
		if (pdu_opcode(bhs) != PDU_LOGIN_REQUEST || !pdu_immediate(bhs)) {
			violation("login: %s came", pdu_name(pdu_opcode(bhs)));
			return -1;
		}
		pdu_get_login_request(bhs, &l->request);
		l->in_len += l->request.data_len;
		if (l->request.more) {
			struct pdu_login_response more = {
				.csg = l->request.csg, .tsih = l->request.tsih,
				.initiator_task_tag = l->request.initiator_task_tag,
				.stat_sn = l->conn->stat_sn++, .exp_cmd_sn = l->request.cmd_sn,
				.max_cmd_sn = l->request.cmd_sn,
			};

			memcpy(more.isid, l->request.isid, sizeof(more.isid));
			pdu_put_login_response(bhs, &more);
			if (conn_write(l->conn, bhs, NULL, 0) < 0)
				return -1;
		}
	} while (l->request.more);
	return 0;
}

/* Whether this response may end the stage that the initiator wants to leave. */
static bool may_leave(const struct login *l)
{
	if (!l->request.transit || l->status)
		return false;
	if (target.options.chap && !l->discovery && l->chap != CHAP_PROVED)
		return false;
	return true;
}

static int response_write(struct login *l, bool leave)
{
	struct session *s = l->conn->session;
	struct pdu_login_response r = {
		.transit = leave, .csg = l->request.csg, .nsg = leave ? l->request.nsg : 0,
		.initiator_task_tag = l->request.initiator_task_tag, .stat_sn = l->conn->stat_sn++,
		.status_class = (uint8_t)(l->status >> 8), .status_detail = (uint8_t)l->status,
		.data_len = (uint32_t)l->out.len, .tsih = l->request.tsih,
	};
	uint8_t bhs[PDU_BHS_LEN];

	memcpy(r.isid, l->request.isid, sizeof(r.isid));
	if (leave && r.nsg == PDU_STAGE_FULL_FEATURE)
		r.tsih = s->tsih;
	pthread_mutex_lock(&target.lock);
	r.exp_cmd_sn = s ? s->exp_cmd_sn : l->request.cmd_sn;
	r.max_cmd_sn = s ? session_max_cmd_sn(s) : l->request.cmd_sn;
	pthread_mutex_unlock(&target.lock);
	pdu_put_login_response(bhs, &r);
	return conn_write(l->conn, bhs, l->text, r.data_len);
}

static void login_finish(struct login *l)
{
	struct conn *conn = l->conn;

	pthread_mutex_lock(&target.lock);
	if (l->leading) {
		struct session *s = conn->session;

		s->max_connections = l->max_connections;
		s->max_burst = l->max_burst;
		s->first_burst = l->first_burst;
		s->max_r2t = l->max_r2t;
		s->initial_r2t = l->initial_r2t;
		s->immediate_data = l->immediate_data;
	}
	conn->header_digest = l->header_digest;
	conn->data_digest = l->data_digest;
	conn->full_feature = true;
	pthread_mutex_unlock(&target.lock);
}

/* One request and its response. 1: full feature phase; 0: go on; -1: close. */
static int login_round(struct login *l)
{
	bool leave;

	if (request_read(l) < 0 || target.options.swallow_login)
		return -1;
	text_out_init(&l->out, l->text, sizeof(l->text));
	if (!l->begun)
		l->leading = l->request.tsih == 0;
	keys_answer(l);
	if (!l->begun) {
		l->begun = true;
		login_judge(l);
		if (!l->status)
			group_tell(l);
	}
	leave = may_leave(l);
	if (!l->status && l->request.transit && !leave && !stage_is_security(l))
		fail(l, AUTHENTICATION, "");
	if (!l->status && !l->keys_told && !stage_is_security(l)) {
		l->keys_told = true;
		text_put_number(&l->out, "MaxRecvDataSegmentLength", target.options.max_recv);
	}
	if (leave && l->request.nsg == PDU_STAGE_FULL_FEATURE) {
		pthread_mutex_lock(&target.lock);
		session_take(l);
		pthread_mutex_unlock(&target.lock);
		if (!l->status)
			login_finish(l);
	}
	if (l->conn->full_feature) {
		/* The digests begin after this response. */
		bool header = l->conn->header_digest, data = l->conn->data_digest;

		l->conn->header_digest = l->conn->data_digest = false;
		if (response_write(l, leave) < 0)
			return -1;
		l->conn->sent = 0;
		l->conn->header_digest = header;
		l->conn->data_digest = data;
		return 1;
	}
	return response_write(l, leave && !l->status) < 0 || l->status ? -1 : 0;
}

int login_run(struct conn *conn)
{
	struct login *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (!l)
		return -1;
	l->conn = conn;
	conn->peer_max_recv = 8192;
	l->max_connections = l->max_r2t = 1;
	l->max_burst = 262144;
	l->first_burst = 65536;
	l->initial_r2t = l->immediate_data = true;
	while (rc == 0)
		rc = login_round(l);
	free(l);
	return rc == 1 ? 0 : -1;
}
