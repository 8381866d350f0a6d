/*
 * login.c - the login phase as the peer does it: stages, CHAP, whom a connection belongs to (RFC 7143
 * sections 6.3, 11.12, 11.13, 12).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/chap.h"
#include "proto/sn.h"

#include "inside.h"

enum { CHALLENGE = 1024, RESPONSE_TEXT = 32 << 10 };

enum step { STEP_FIRST, STEP_CHAP_A, STEP_CHAP_R, STEP_DONE };

struct peer_login {
	bool begun, leading, discovery, group_told, operational_seen;
	struct pdu_login_request first, now;
	enum step step;
	char initiator[256];
	struct peer_session *session; /* that it shall join */
	bool session_lost;            /* it ended meanwhile */
	char *text;                   /* of the request that is being joined */
	size_t text_len;
	struct text_out out;          /* the response's text; sent in pieces */
	size_t out_at;
	char *out_buf;
	bool transit;                 /* the response whose pieces are being sent moves on */
	uint8_t algorithm, identifier, challenge[CHALLENGE];
	size_t challenge_len;
	uint8_t theirs[CHALLENGE];    /* the initiator's challenge, for mutual CHAP */
	size_t theirs_len;
	uint64_t their_identifier;
	uint8_t digest[CHAP_DIGEST_MAX];
	size_t digest_len;
	bool name_right;
};

struct peer_login *login_new(void)
{
	struct peer_login *l = peer_alloc(sizeof(*l));

	l->text = peer_alloc(PEER_TEXT);
	l->out_buf = peer_alloc(RESPONSE_TEXT);
	text_out_init(&l->out, l->out_buf, RESPONSE_TEXT);
	return l;
}

void login_drop(struct peer_login *l)
{
	if (!l)
		return;
	free(l->text);
	free(l->out_buf);
	free(l);
}

void login_session_ended(struct peer *p, const struct peer_session *session)
{
	list_for_each(it, &p->conns) {
		struct peer_login *l = list_entry(it, struct peer_conn, link)->login;

		if (!l || l->session != session)
			continue;
		l->session = NULL;
		l->session_lost = true;
	}
}

/* ---------------------------------------------------------------- answers */

static void put_response(struct peer_conn *c, struct pdu_login_response *r, const char *text, uint32_t len)
{
	struct peer_login *l = c->login;
	uint8_t bhs[PDU_BHS_LEN];

	memcpy(r->isid, l->now.isid, sizeof(r->isid));
	r->initiator_task_tag = l->now.initiator_task_tag;
	if (!r->status_class) {
		r->stat_sn = c->stat_sn++;
		r->exp_cmd_sn = l->session ? l->session->exp_cmd_sn : l->now.cmd_sn;
		r->max_cmd_sn = l->session ? l->session->max_cmd_sn
			: l->now.cmd_sn + c->peer->options.queue - 1;
	}
	pdu_put_login_response(bhs, r);
	conn_send(c, bhs, text, len);
	c->answered = true;
}

static void refuse(struct peer_conn *c, unsigned status)
{
	struct pdu_login_response r = { .status_class = (uint8_t)(status >> 8),
		.status_detail = (uint8_t)status };

	put_response(c, &r, NULL, 0);
	conn_close(c);
}

/* 7.12: it fails with the code for a fault of the initiator. */
void login_violation(struct peer_conn *c, const char *what)
{
	peer_note(c->peer, "connection %u: %s", c->cid, what);
	if (!c->closing)
		refuse(c, 0x0200);
}

/* The last request was answered well: the connection enters its session. */
static void enter_session(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	struct peer *p = c->peer;
	struct peer_session *old = session_find(p, l->first.isid, l->initiator);

	if (!l->session) {
		p->counts.sessions += !l->discovery;
		if (old && l->leading) { /* session reinstatement */
			p->counts.sessions_reinstated += !l->discovery;
			session_end(old);
		}
		l->session = session_open(p, l->first.isid, l->initiator, l->discovery, l->now.cmd_sn);
		l->session->params = c->params;
		if (l->discovery)
			l->session->params.level = 0; /* KEY-5 */
	} else {
		p->counts.continued += list_empty(&l->session->conns);
		recovery_reinstate(l->session, c, l->first.exp_stat_sn);
	}
	session_join(l->session, c);
}

/* The next piece of the text; the last one may move on. */
static void send_piece(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	uint32_t chunk = c->peer->options.text_chunk, len = (uint32_t)(l->out.len - l->out_at);
	struct pdu_login_response r = { .csg = l->now.csg };
	const char *text = l->out_buf + l->out_at;

	if (!chunk || chunk > 8192)
		chunk = 8192;
	r.more = len > chunk;
	if (r.more)
		len = chunk;
	l->out_at += len;
	/* A last piece that was asked for with T=0 can't move on: the next request will ask again. */
	r.transit = l->transit && l->now.transit && !r.more;
	r.nsg = r.transit ? l->now.nsg : 0;
	r.tsih = l->first.tsih;
	if (r.transit && r.nsg == PDU_STAGE_FULL_FEATURE) {
		enter_session(c);
		r.tsih = c->session->tsih;
	}
	put_response(c, &r, text, len);
	if (r.more)
		return;
	l->out_at = 0;
	text_out_init(&l->out, l->out_buf, RESPONSE_TEXT);
	if (r.transit && r.nsg == PDU_STAGE_FULL_FEATURE) {
		login_drop(l);
		c->login = NULL;
	}
}

/* ---------------------------------------------------------------- whose connection it is */

/* Returns false after a refusal. */
static bool find_session(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	struct peer_options *o = &c->peer->options;
	struct peer_session *s = session_find(c->peer, l->first.isid, l->initiator);
	bool reinstates;
	unsigned status = l->leading ? o->deny : o->deny_added ? o->deny_added : o->deny;

	if (status && (!o->deny_times || c->peer->denied < o->deny_times)) {
		c->peer->denied++;
		refuse(c, status);
		return false;
	}
	if (l->leading || o->new_session_on_add)
		return true;
	if (!s || s->tsih != l->first.tsih) {
		refuse(c, 0x020a);
		return false;
	}
	reinstates = session_conn(s, l->first.cid) != NULL;
	if (reinstates && !s->params.level)
		login_violation(c, "the CID of a connection that lives");
	if (session_conns(s) - reinstates >= s->params.max_connections) {
		refuse(c, 0x0206);
		return false;
	}
	l->session = s;
	return true;
}

/* ---------------------------------------------------------------- keys */

static void take_auth_method(struct peer_conn *c, const char *value)
{
	struct peer_login *l = c->login;
	bool chap = c->peer->options.chap_user != NULL;

	if (!text_list_has(value, chap ? "CHAP" : "None")) {
		refuse(c, 0x0201);
		return;
	}
	text_put(&l->out, "AuthMethod", chap ? "CHAP" : "None");
	if (chap)
		l->step = STEP_CHAP_A;
}

static void take_chap_a(struct peer_conn *c, const char *value)
{
	struct peer_login *l = c->login;
	struct peer *p = c->peer;
	char number[8];

	snprintf(number, sizeof(number), "%u", p->options.chap_algorithm);
	if (!text_list_has(value, number)) {
		refuse(c, 0x0201);
		return;
	}
	l->algorithm = p->options.chap_algorithm;
	l->identifier = (uint8_t)random_next(&p->random);
	l->challenge_len = p->options.challenge_len;
	for (size_t i = 0; i < l->challenge_len; i++)
		l->challenge[i] = (uint8_t)random_next(&p->random);
	text_put(&l->out, "CHAP_A", number);
	text_put_number(&l->out, "CHAP_I", l->identifier);
	text_put_binary(&l->out, "CHAP_C", l->challenge, l->challenge_len);
	l->step = STEP_CHAP_R;
}

static bool response_right(const struct peer_conn *c)
{
	const struct peer_login *l = c->login;
	const char *secret = c->peer->options.chap_secret;
	uint8_t digest[CHAP_DIGEST_MAX];
	int len = chap_hash(l->algorithm, l->identifier, secret, strlen(secret), l->challenge,
			    l->challenge_len, digest);

	return l->name_right && len == (int)l->digest_len && !memcmp(digest, l->digest, l->digest_len);
}

static void end_chap(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	const struct peer_options *o = &c->peer->options;
	uint8_t digest[CHAP_DIGEST_MAX];
	int len;

	if (!response_right(c)) {
		refuse(c, 0x0201);
		return;
	}
	l->step = STEP_DONE;
	if (!l->theirs_len)
		return;
	if (l->theirs_len == l->challenge_len && !memcmp(l->theirs, l->challenge, l->theirs_len))
		login_violation(c, "our own challenge came back");
	if (!o->mutual_secret) {
		refuse(c, 0x0201);
		return;
	}
	len = chap_hash(l->algorithm, (uint8_t)l->their_identifier, o->mutual_secret,
			strlen(o->mutual_secret), l->theirs, l->theirs_len, digest);
	text_put(&l->out, "CHAP_N", o->mutual_user);
	text_put_binary(&l->out, "CHAP_R", digest, len > 0 ? (size_t)len : 0);
}

static void take_security_key(struct peer_conn *c, const struct text_pair *pair)
{
	struct peer_login *l = c->login;
	const char *key = pair->key, *user = c->peer->options.chap_user;

	if (strcmp(key, "AuthMethod") == 0)
		take_auth_method(c, pair->value);
	else if (strcmp(key, "CHAP_A") == 0 && l->step == STEP_CHAP_A)
		take_chap_a(c, pair->value);
	else if (strcmp(key, "CHAP_N") == 0 && l->step == STEP_CHAP_R)
		l->name_right = strcmp(pair->value, user) == 0;
	else if (strcmp(key, "CHAP_R") == 0 && l->step == STEP_CHAP_R)
		text_binary(pair->value, l->digest, sizeof(l->digest), &l->digest_len);
	else if (strcmp(key, "CHAP_I") == 0 && l->step == STEP_CHAP_R)
		text_number(pair->value, &l->their_identifier);
	else if (strcmp(key, "CHAP_C") == 0 && l->step == STEP_CHAP_R)
		text_binary(pair->value, l->theirs, sizeof(l->theirs), &l->theirs_len);
	else if (strcmp(pair->value, "NotUnderstood"))
		login_violation(c, "a key that does not belong there");
}

static void take_key(struct peer_conn *c, const struct text_pair *pair)
{
	struct peer_login *l = c->login;
	const char *key = pair->key;

	if (strcmp(key, "InitiatorName") == 0) {
		snprintf(l->initiator, sizeof(l->initiator), "%s", pair->value);
	} else if (strcmp(key, "SessionType") == 0) {
		l->discovery = strcmp(pair->value, "Discovery") == 0;
	} else if (strcmp(key, "TargetName") == 0) {
		if (strcmp(pair->value, c->peer->options.target))
			refuse(c, 0x0203);
	} else if (strcmp(key, "InitiatorAlias") == 0) {
		return;
	} else if (l->now.csg == PDU_STAGE_SECURITY) {
		take_security_key(c, pair);
	} else if (!keys_answer(c, pair, l->leading, &l->out)) {
		text_put(&l->out, key, "NotUnderstood");
	}
}

static void take_keys(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	struct text_in in;
	struct text_pair pair;
	struct fault fault;
	int r = 0;

	text_init(&in, l->text, l->text_len);
	while (!c->closing && (r = text_next(&in, &pair, &fault)) > 0)
		take_key(c, &pair);
	if (r < 0)
		login_violation(c, "a login text that can't be read");
	l->text_len = 0;
}

/* ---------------------------------------------------------------- requests */

static const char *request_fault(const struct peer_login *l, const struct pdu_login_request *r)
{
	if (!r->transit && r->nsg)
		return "NSG without T";
	if (r->version_max || r->version_min)
		return "another version than 0";
	if (r->csg > PDU_STAGE_OPERATIONAL || (r->transit && (r->nsg <= r->csg || r->nsg == 2)))
		return "a wrong stage";
	if (r->transit && r->more)
		return "T and C set together";
	if (!l->begun)
		return NULL;
	if (memcmp(r->isid, l->first.isid, 6) || r->tsih != l->first.tsih || r->cid != l->first.cid ||
	    r->initiator_task_tag != l->first.initiator_task_tag)
		return "a Login Request of another login"; /* LOG-2 */
	if (r->csg < l->now.csg)
		return "a step back";
	return NULL;
}

static void redirect(struct peer_conn *c)
{
	struct pdu_login_response r = { .status_class = 1, .status_detail = 1 };
	struct text_out out;
	char text[512];

	c->peer->redirected++;
	text_out_init(&out, text, sizeof(text));
	text_put(&out, "TargetAddress", c->peer->options.redirect);
	put_response(c, &r, text, (uint32_t)out.len);
	conn_close(c);
}

/* A login that skips the security stage is not for this target. */
static void insist(struct peer_conn *c)
{
	unsigned status = c->peer->options.insists;

	if (status == 1)
		conn_close(c);
	else
		refuse(c, status);
}

/* After the first whole text. False: it is over. */
static bool first_text(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	const struct peer_options *o = &c->peer->options;

	l->leading = l->first.tsih == 0;
	take_keys(c);
	if (c->closing)
		return false;
	if (!l->initiator[0])
		login_violation(c, "a login without InitiatorName");
	if (o->redirect && c->peer->redirected < o->redirect_times) {
		redirect(c);
		return false;
	}
	if (o->insists && l->now.csg != PDU_STAGE_SECURITY) {
		insist(c);
		return false;
	}
	if (!find_session(c))
		return false;
	if (!l->discovery)
		text_put_number(&l->out, "TargetPortalGroupTag",
				!l->leading && o->group_on_add ? (unsigned)o->group_on_add : o->tpgt);
	if (o->chap_user && l->step == STEP_FIRST) {
		refuse(c, 0x0201);
		return false;
	}
	return true;
}

static void answer(struct peer_conn *c)
{
	struct peer_login *l = c->login;
	const char *wrong;
	bool chap_open;

	if (l->step == STEP_CHAP_R && l->digest_len)
		end_chap(c);
	if (c->closing)
		return;
	chap_open = l->step == STEP_CHAP_A || l->step == STEP_CHAP_R;
	if (chap_open && l->now.csg != PDU_STAGE_SECURITY) {
		login_violation(c, "the operational stage before CHAP ended");
		return;
	}
	l->transit = l->now.transit && !chap_open;
	wrong = l->leading && l->now.nsg == PDU_STAGE_FULL_FEATURE ? keys_fault(&c->params) : NULL;
	if (l->transit && wrong) {
		login_violation(c, wrong);
		return;
	}
	send_piece(c);
}

void login_request(struct peer_conn *c, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	struct peer_login *l = c->login;
	struct pdu_login_request r;
	const char *wrong;
	bool first = !l->begun;

	pdu_get_login_request(bhs, &r);
	wrong = request_fault(l, &r);
	if (wrong || l->text_len + len > PEER_TEXT) {
		login_violation(c, wrong ? wrong : "a text of more than 64 KiB");
		return;
	}
	if (first) {
		l->first = r;
		c->cid = r.cid;
	} else if (r.exp_stat_sn != c->stat_sn) {
		login_violation(c, "ExpStatSN in login is not the next StatSN");
	}
	l->begun = true;
	l->now = r;
	c->exp_stat_sn = c->stat_sn;
	if (l->session_lost) {
		refuse(c, 0x020a);
		return;
	}
	memcpy(l->text + l->text_len, data, len);
	l->text_len += len;
	if (l->out_at && !r.more && !len) { /* asks for the next piece */
		send_piece(c);
		return;
	}
	if (r.more) {
		put_response(c, &(struct pdu_login_response){ .csg = r.csg }, NULL, 0);
		return;
	}
	if (first) {
		if (first_text(c))
			answer(c);
		return;
	}
	take_keys(c);
	if (!c->closing)
		answer(c);
}
