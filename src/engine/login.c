/*
 * login.c - the login phase of one connection: stages, security, operational keys, redirection
 * (RFC 7143 sections 6.3, 11.12, 11.13, 12).
 *
 * Without authentication a leading login skips the security stage, and is one exchange; any other
 * starts there. The rules of single keys are in proto/keys.c, those of CHAP in proto/chap.c.
 */
#include "engine/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "engine/gap.h"
#include "engine/pulse.h"
#include "proto/name.h"
#include "proto/text.h"

enum {
	LOGIN_TEXT_MAX = 64 << 10, /* TXT-5 */
	LOGIN_OUT_MAX = 8192,      /* LOG-10; what we say always fits one PDU */
	LOGIN_ROUNDS = 32,         /* TXT-20 */
};

/* What we expect next. */
enum login_step {
	LOGIN_METHOD,      /* the target's choice of AuthMethod */
	LOGIN_CHAP,        /* CHAP keys */
	LOGIN_VERDICT,     /* nothing from the target: whether its proof is right is found out outside */
	LOGIN_TO_OPERATION,/* security is done; the target shall agree to move on */
	LOGIN_OPERATION,   /* operational keys, and the final response */
};

struct login {
	enum login_step step;
	struct keys keys;
	struct chap chap;
	struct chap_config chap_config;
	bool chap_begun;
	bool moves_on;               /* LOGIN_VERDICT: the target's proof came with T=1 */
	struct conn_text text;       /* of the response being joined */
	uint32_t itt;
	unsigned rounds;
	uint8_t asked_csg, asked_nsg;/* of our last request; nsg 0 if T was 0 */
	bool first_response_seen, group_seen;
	uint64_t asked_at, trip;     /* when the request under way was made; the shortest exchange */
	uint32_t cmd_sn;             /* of the first request: where a stray session would begin */
	struct text_out out;
	char out_buf[LOGIN_OUT_MAX];
};

void login_free(struct login *login)
{
	if (!login)
		return;
	chap_done(&login->chap);
	secret_wipe(&login->chap_config, sizeof(login->chap_config));
	free(login->text.buf);
	free(login);
}

const char *login_where(const struct login *login)
{
	static const char *const names[] = {
		[LOGIN_METHOD] = "security stage, choice of method",
		[LOGIN_CHAP] = "security stage, CHAP",
		[LOGIN_VERDICT] = "the target's CHAP response is being verified",
		[LOGIN_TO_OPERATION] = "end of the security stage",
		[LOGIN_OPERATION] = "operational stage",
	};

	return login ? names[login->step] : "not begun";
}

static bool leading(const struct conn *c)
{
	return c->tsih == 0;
}

static enum keys_session keys_type(const struct conn *c)
{
	return c->shared->config->type == SESSION_DISCOVERY ? KEYS_DISCOVERY : KEYS_NORMAL;
}

/* ---------------------------------------------------------------- requests */

/* Sends what is in login->out; nsg 0: T=0. Only called where none is under way (TXT-10), and not
 * without end (TXT-20). LOG-2, SN-4, ST-2. */
static int send_request(struct conn *c, uint8_t csg, uint8_t nsg)
{
	struct login *l = c->login;
	struct pdu_login_request pdu = { .transit = nsg, .csg = csg, .nsg = nsg, .tsih = c->tsih,
		.initiator_task_tag = l->itt, .cid = c->cid, .exp_stat_sn = c->stat.next,
		.cmd_sn = window_current(&c->shared->window) }; /* LOG-11 */
	uint8_t bhs[PDU_BHS_LEN], *copy = NULL;

	if (l->out.full)
		return conn_fail(c, FAULT_NEGOTIATION, 0, "our login text does not fit one PDU");
	if (++l->rounds > LOGIN_ROUNDS)
		return conn_fail(c, FAULT_NEGOTIATION, 0, "no end of login after %d exchanges",
				 LOGIN_ROUNDS);
	if (l->out.len) {
		copy = malloc(l->out.len);
		if (!copy)
			return conn_fail(c, FAULT_NO_MEMORY, 0, "no memory for a login request");
		memcpy(copy, l->out.buf, l->out.len);
	}
	memcpy(pdu.isid, c->shared->config->isid, sizeof(pdu.isid));
	pdu_put_login_request(bhs, &pdu);
	send_pdu(c, bhs, copy, (uint32_t)l->out.len, copy, NULL);
	l->asked_csg = csg;
	l->asked_nsg = nsg;
	explicit_bzero(l->out_buf, l->out.len);
	text_out_init(&l->out, l->out_buf, sizeof(l->out_buf));
	return 0;
}

/* LOG-4, LOG-9 */
static int send_operational(struct conn *c)
{
	keys_put_offers(&c->login->keys, &c->login->out);
	c->login->step = LOGIN_OPERATION;
	return send_request(c, PDU_STAGE_OPERATIONAL, PDU_STAGE_FULL_FEATURE);
}

/* LOG-8. None is offered only when no authentication is wanted (SEC-1, SEC-17). */
static int send_security(struct conn *c)
{
	bool chap = c->options.chap.mode != CHAP_NONE;

	text_put(&c->login->out, "AuthMethod", chap ? "CHAP" : "None");
	c->login->step = LOGIN_METHOD;
	return send_request(c, PDU_STAGE_SECURITY, chap ? 0 : PDU_STAGE_OPERATIONAL);
}

/* LOG-3, LOG-4, LOG-19 */
static int send_first(struct conn *c)
{
	const struct session_config *config = c->shared->config;
	struct login *l = c->login;

	text_put(&l->out, "InitiatorName", config->initiator_name);
	if (config->initiator_alias && leading(c))
		text_put(&l->out, "InitiatorAlias", config->initiator_alias);
	if (config->type == SESSION_DISCOVERY)
		text_put(&l->out, "SessionType", "Discovery");
	else {
		text_put(&l->out, "TargetName", config->target_name);
		if (leading(c))
			text_put(&l->out, "SessionType", "Normal");
	}
	return c->direct ? send_operational(c) : send_security(c);
}

/* SN-2, ST-1 */
int login_start(struct conn *c, const uint8_t entropy[ENGINE_ENTROPY])
{
	struct login *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	c->login = l;
	/* LOG-12, REC-15: the one place where the old connection's number counts */
	gap_start(&c->stat, c->reinstates ? c->old_exp_stat_sn : 0);
	l->asked_at = c->heard;
	l->cmd_sn = window_current(&c->shared->window);
	l->itt = TAG_LOGIN(c->cid);
	l->text.limit = LOGIN_TEXT_MAX;
	text_out_init(&l->out, l->out_buf, sizeof(l->out_buf));
	l->chap_config = c->options.chap;
	memcpy(l->chap_config.challenge, entropy, ENGINE_ENTROPY - 1);
	l->chap_config.challenge_len = ENGINE_ENTROPY - 1;
	l->chap_config.identifier = entropy[ENGINE_ENTROPY - 1];
	keys_start(&l->keys, &c->shared->config->offer, leading(c) ? KEYS_LEADING : KEYS_ADDED,
		   keys_type(c), c->options.header_digest, c->options.data_digest,
		   leading(c) ? NULL : &c->params);
	return send_first(c);
}

/* ---------------------------------------------------------------- responses: the header */

static const struct {
	uint8_t detail;
	const char *text;
} initiator_errors[] = {
	{ 0x00, "the target found an error in our login" },
	{ 0x01, "authentication failed" },
	{ 0x02, "this initiator may not use the target" },
	{ 0x03, "no such target here" },
	{ 0x04, "the target was removed" },
	{ 0x05, "iSCSI version not supported" },
	{ 0x06, "too many connections in the session" },
	{ 0x07, "a login parameter is missing" },
	{ 0x08, "the connection can't be included in the session" },
	{ 0x09, "session type not supported" },
	{ 0x0a, "the session does not exist at the target" },
	{ 0x0b, "request not allowed during login" },
};

static const char *status_text(const struct pdu_login_response *pdu)
{
	static const char *const target_errors[] = {
		"error in the target", "service not available at the target",
		"the target is out of resources",
	};

	if (pdu->status_class == 3)
		return target_errors[pdu->status_detail < 3 ? pdu->status_detail : 0];
	for (size_t i = 0; i < sizeof(initiator_errors) / sizeof(initiator_errors[0]); i++)
		if (initiator_errors[i].detail == pdu->status_detail)
			return initiator_errors[i].text;
	return initiator_errors[0].text;
}

/* The first TargetAddress of a redirection (LOG-22, TOL-12). */
static int find_address(const struct conn_text *text, struct name_address *ret)
{
	struct text_in in;
	struct text_pair pair;
	struct fault fault;

	text_init(&in, text->buf, text->len);
	while (text_next(&in, &pair, &fault) > 0)
		if (keys_find(pair.key) == KEY_TARGET_ADDRESS && !name_address_get(pair.value, ret))
			return 0;
	return -EPROTO;
}

/* tgt takes algorithm 7 for another hash than SHA-256 and then calls our response an initiator
 * error. Without it on offer the login succeeds. A wrong secret has another status. */
static bool drop_algorithm(struct conn *c, const struct pdu_login_response *pdu)
{
	struct chap_config *chap = &c->options.chap;
	unsigned kept = 0;

	if (pdu->status_class != 2 || pdu->status_detail || !c->login->chap_begun ||
	    c->login->chap.algorithm != CHAP_SHA256)
		return false;
	for (unsigned i = 0; i < chap->algorithm_count; i++)
		if (chap->algorithms[i] != CHAP_SHA256)
			chap->algorithms[kept++] = chap->algorithms[i];
	chap->algorithm_count = kept;
	return true;
}

bool login_retreat(struct conn *c)
{
	if (!c->login || !c->direct || c->login->first_response_seen)
		return false;
	c->direct = false;
	c->up.insists = true;
	return true;
}

/* A target that does not let us skip the security stage says 0201 (LOG-19), or what else it may think
 * of a request that it did not expect. What it says to a login with that stage, counts. */
static bool asks_for_security(struct conn *c, const struct pdu_login_response *pdu)
{
	static const uint8_t details[] = { 0x00, 0x01, 0x07, 0x0b };

	return pdu->status_class == 2 && memchr(details, pdu->status_detail, sizeof(details)) &&
	       login_retreat(c);
}

/* LOG-17 */
static int refused(struct conn *c, const struct pdu_login_response *pdu, uint64_t now)
{
	struct name_address address;
	struct fault why;

	if (pdu->status_class == 1) {
		if (find_address(&c->login->text, &address) < 0)
			return conn_fail(c, FAULT_PROTOCOL, 0, "redirection without a usable address");
		conn_redirect(c, address.host, address.port, now);
		return c->over ? -1 : 0;
	}
	if (asks_for_security(c, pdu) || drop_algorithm(c, pdu)) {
		conn_reopen(c, now);
		return 0;
	}
	if (pdu->status_class > 3)
		return conn_fail(c, FAULT_PROTOCOL, 0, "login status class %u", pdu->status_class);
	fault_set(&why, FAULT_LOGIN_STATUS, 0, "%s:%u: %s (login status %02x%02x)", c->host, c->port,
		  status_text(pdu), pdu->status_class, pdu->status_detail);
	why.status_class = pdu->status_class;
	why.status_detail = pdu->status_detail;
	conn_end(c, &why);
	return -1;
}

/* LOG-2, LOG-5, LOG-15, LOG-16, TXT-7. The first row that holds is what is wrong. */
static const char *header_fault(const struct conn *c, const struct pdu_login_response *pdu)
{
	const struct login *l = c->login;
	const struct { bool wrong; const char *what; } rules[] = {
		{ pdu->initiator_task_tag != l->itt, "another Initiator Task Tag" },
		{ memcmp(pdu->isid, c->shared->config->isid, 6) != 0, "another ISID" },
		{ pdu->csg != l->asked_csg, "another stage than ours" },
		{ pdu->transit && !l->asked_nsg, "a move to another stage that we did not ask for" },
		{ pdu->transit && (pdu->nsg > l->asked_nsg || pdu->nsg <= pdu->csg || pdu->nsg == 2),
		  "a move to a wrong stage" },
		{ pdu->transit && pdu->more, "T and C set together" },
		{ l->first_response_seen && pdu->stat_sn != c->stat.next, "StatSN out of order" },
		{ pdu->version_active != 0, "another version" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].wrong)
			return rules[i].what;
	return NULL;
}

/* ---------------------------------------------------------------- responses: the text */

static int check_group(struct conn *c, const char *value)
{
	int tag = (int)strtol(value, NULL, 0); /* its form and range were checked by keys_take */

	c->login->group_seen = true;
	c->up.portal_group_tag = tag;
	if (c->portal_group_tag >= 0 && tag != c->portal_group_tag) /* LOG-18, MCS-4 */
		return conn_fail(c, FAULT_OTHER_GROUP, tag, "portal group %d, the session is in %d",
				 tag, c->portal_group_tag);
	return 0;
}

/* LOG-21, NEG-1 */
static int take_key(struct conn *c, const struct text_pair *pair)
{
	struct login *l = c->login;
	struct fault why = { .kind = FAULT_NONE };
	int id = keys_take(&l->keys, pair->key, pair->value, &l->out, &why);

	if (id < 0)
		return conn_fail(c, why.kind ? why.kind : FAULT_NEGOTIATION, 0, "%s", why.text);
	if (id == KEY_TARGET_PORTAL_GROUP_TAG)
		return check_group(c, pair->value);
	if (id == KEY_TARGET_ALIAS)
		snprintf(c->up.target_alias, sizeof(c->up.target_alias), "%s", pair->value);
	if (id == KEY_AUTH_METHOD) {
		const char *wanted = c->options.chap.mode == CHAP_NONE ? "None" : "CHAP";

		if (l->step != LOGIN_METHOD || strcmp(pair->value, wanted))
			return conn_fail(c, FAULT_AUTH, 0, "the target wants AuthMethod %.20s, we %s",
					 pair->value, wanted);
		if (c->options.chap.mode != CHAP_NONE)
			l->step = LOGIN_CHAP;
	}
	if (keys_is_security((enum key_id)id) && id != KEY_AUTH_METHOD &&
	    (!l->chap_begun || l->step == LOGIN_OPERATION))
		return conn_fail(c, FAULT_PROTOCOL, 0, "%s at the wrong time", pair->key);
	return 0;
}

static int take_text(struct conn *c)
{
	struct login *l = c->login;
	struct text_in in;
	struct text_pair pair;
	struct fault why;
	int r;

	text_init(&in, l->text.buf, l->text.len);
	while ((r = text_next(&in, &pair, &why)) > 0)
		if (take_key(c, &pair) < 0)
			return -1;
	return r < 0 ? conn_fail(c, FAULT_PROTOCOL, 0, "%s", why.text) : 0;
}

/* ---------------------------------------------------------------- steps */

/* The login pauses: see login_verdict. */
static int ask_verdict(struct conn *c, bool moves_on)
{
	c->login->step = LOGIN_VERDICT;
	c->login->moves_on = moves_on;
	c->ev_verify = true;
	return 0;
}

/* SEC-3: CHAP_A goes out as soon as the method is agreed (LOG-20); then challenge and response. */
static int step_chap(struct conn *c)
{
	struct login *l = c->login;
	struct fault why = { .kind = FAULT_NONE };
	int r;

	if (!l->chap_begun) {
		l->chap_begun = true;
		r = chap_begin(&l->chap, &l->chap_config, &l->out);
		if (r < 0)
			return conn_fail(c, FAULT_AUTH, r, "CHAP can't begin: %s", strerror(-r));
		return send_request(c, PDU_STAGE_SECURITY, 0);
	}
	r = chap_step(&l->chap, l->text.buf, l->text.len, &l->out, &why);
	if (r < 0)
		return conn_fail(c, why.kind ? why.kind : FAULT_AUTH, 0, "%s", why.text);
	if (r == CHAP_ASK)
		return ask_verdict(c, false);
	if (r == CHAP_DONE)
		l->step = LOGIN_TO_OPERATION;
	return send_request(c, PDU_STAGE_SECURITY, PDU_STAGE_OPERATIONAL);
}

/* The target moves on: with mutual CHAP its own answer comes now, else CHAP was done before
 * (SEC-7, SEC-17). Returns CHAP_DONE, CHAP_ASK, or negative. */
static int last_chap_step(struct conn *c)
{
	struct login *l = c->login;
	struct fault why = { .kind = FAULT_NONE };
	int r = l->chap_begun ? chap_step(&l->chap, l->text.buf, l->text.len, &l->out, &why) : -EPROTO;

	if (r < 0 || (r != CHAP_ASK && !chap_finished(&l->chap)))
		return conn_fail(c, why.kind ? why.kind : FAULT_AUTH, 0, "%s", why.kind ? why.text :
				 "the target skipped authentication");
	return r;
}

static int leave_security(struct conn *c)
{
	if (c->login->out.len)
		return conn_fail(c, FAULT_PROTOCOL, 0, "keys to be answered in a final response");
	return send_operational(c);
}

static int step_security(struct conn *c, const struct pdu_login_response *pdu)
{
	struct login *l = c->login;
	bool chap = c->options.chap.mode != CHAP_NONE;
	int r;

	if (!pdu->transit) {
		if (l->step == LOGIN_CHAP)
			return step_chap(c);
		if (l->step == LOGIN_METHOD && chap)
			return conn_fail(c, FAULT_AUTH, 0, "the target offers no CHAP");
		/* LOG-6: it had more to say; ask to move on again. */
		return send_request(c, PDU_STAGE_SECURITY, PDU_STAGE_OPERATIONAL);
	}
	r = chap ? last_chap_step(c) : CHAP_DONE;
	if (r < 0)
		return r;
	return r == CHAP_ASK ? ask_verdict(c, true) : leave_security(c);
}

void login_question(const struct login *l, struct chap_question *ret)
{
	chap_question_get(&l->chap, ret);
}

/* SEC-8: found out outside. */
void login_verdict(struct conn *c, const struct fault *why, uint64_t now)
{
	struct login *l = c->login;

	if (l->step != LOGIN_VERDICT)
		return;
	if (why->kind) {
		conn_fail(c, why->kind, why->detail, "%s", why->text);
		return;
	}
	chap_verdict(&l->chap);
	l->asked_at = now;
	l->step = LOGIN_TO_OPERATION;
	if (l->moves_on)
		leave_security(c);
	else
		send_request(c, PDU_STAGE_SECURITY, PDU_STAGE_OPERATIONAL);
}

/* TRAP-5: a session of its own was opened. Close it again, then report. */
static int leave_stray_session(struct conn *c, uint64_t now)
{
	struct pdu_logout_request logout = { .immediate = true, .reason = PDU_LOGOUT_SESSION,
		.cmd_sn = c->login->cmd_sn, .exp_stat_sn = c->stat.next };
	uint8_t bhs[PDU_BHS_LEN];

	fault_set(&c->verdict, FAULT_OTHER_SESSION, 0,
		  "%s:%u: the target opened a new session instead of adding the connection",
		  c->host, c->port);
	if (!tag_take(&c->shared->tags, c->slot, NULL, &c->logout_itt))
		return conn_fail(c, FAULT_BUSY, 0, "no task tag free");
	login_free(c->login);
	c->login = NULL;
	conn_enter(c, CONN_S6_IN_LOGOUT, now);
	logout.initiator_task_tag = c->logout_itt;
	pdu_put_logout_request(bhs, &logout);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
	return 0;
}

/* LOG-14, TXT-19 */
static int finish(struct conn *c, const struct pdu_login_response *pdu, uint64_t now)
{
	struct login *l = c->login;
	struct fault why = { .kind = FAULT_NONE };
	struct keys_params params;

	if (!pdu->tsih && keys_type(c) == KEYS_NORMAL)
		return conn_fail(c, FAULT_PROTOCOL, 0, "final login response with TSIH 0");
	if (l->out.len) /* LOG-7 */
		return conn_fail(c, FAULT_PROTOCOL, 0, "keys to be answered in the final response");
	if (keys_finish(&l->keys, &params, &why) < 0)
		return conn_fail(c, FAULT_NEGOTIATION, 0, "%s", why.text);
	c->params = params;
	if (!leading(c) && pdu->tsih != c->tsih) /* LOG-13 */
		return leave_stray_session(c, now);
	c->ev_wake |= window_update(&c->shared->window, pdu->exp_cmd_sn, pdu->max_cmd_sn);
	c->tsih = pdu->tsih;
	c->told_stat_sn = pdu->stat_sn; /* after a single exchange it is none of this connection yet */
	pulse_measured(c, l->trip);
	if (!l->group_seen)
		c->up.portal_group_tag = -1;
	conn_logged_in(c, now);
	return 0;
}

static int step_operation(struct conn *c, const struct pdu_login_response *pdu, uint64_t now)
{
	if (pdu->transit)
		return finish(c, pdu, now);
	return send_request(c, PDU_STAGE_OPERATIONAL, PDU_STAGE_FULL_FEATURE);
}

/* TXT-5 */
int login_text_room(struct conn *c, uint32_t len, uint8_t **ret)
{
	return conn_text_room(&c->login->text, len, ret);
}

/* TIM-4: some exchanges cost the target more than the way does. */
static void note_trip(struct login *l, uint64_t now)
{
	uint64_t took = now - l->asked_at;

	l->trip = !l->first_response_seen || took < l->trip ? took : l->trip;
	l->asked_at = now;
}

/* LOG-15, TXT-6, TXT-9 */
int login_response(struct conn *c, const uint8_t *bhs, uint64_t now)
{
	struct login *l = c->login;
	struct pdu_login_response pdu;
	const char *wrong;
	int r;

	pdu_get_login_response(bhs, &pdu);
	l->text.len += pdu.data_len;
	if (l->step == LOGIN_VERDICT && pdu.status_class <= 1) /* giving up is all that it may */
		return conn_fail(c, FAULT_PROTOCOL, 0, "a login response that was not asked for");
	if (pdu.status_class)
		return refused(c, &pdu, now);
	wrong = header_fault(c, &pdu);
	if (wrong)
		return conn_fail(c, FAULT_PROTOCOL, 0, "login response with %s", wrong);
	note_trip(l, now);
	l->first_response_seen = true;
	gap_start(&c->stat, pdu.stat_sn + 1);
	if (pdu.more) /* TXT-8 */
		return send_request(c, l->asked_csg, 0);
	if (take_text(c) < 0)
		return -1;
	r = l->step == LOGIN_OPERATION ? step_operation(c, &pdu, now) : step_security(c, &pdu);
	if (r == 0 && c->login)
		c->login->text.len = 0;
	return r;
}
