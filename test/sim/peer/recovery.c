/*
 * recovery.c - connections that end: what becomes of their tasks, Logout of one by another, connection
 * reinstatement, TASK REASSIGN, and the times after which all is forgotten (RFC 7143 sections 6.3.4 to
 * 6.3.6, 7.2.2, 7.5, 11.14, 11.15).
 */
#include <stdlib.h>

#include "proto/sn.h"

#include "inside.h"

enum { LOGOUT_DONE = 0, LOGOUT_NO_CID = 1, LOGOUT_NO_RECOVERY = 2 };
enum { REASSIGN_DONE = 0, REASSIGN_NO_TASK = 1, REASSIGN_ALLEGIANT = 3, REASSIGN_NOT_SUPPORTED = 4,
       REASSIGN_REJECTED = 255 };

#define SECOND UINT64_C(1000000000)

/* 11.14.5 */
static void cleared(struct peer_task *t)
{
	if (task_alive(t))
		session_attention(t->session, task_lun(t), 0x477f);
	task_free(t);
}

/* ---------------------------------------------------------------- a connection is lost */

/* The task has no connection any more. */
static void adrift(struct peer_task *t, struct peer_lost *lost)
{
	bool level_2 = session_level(t->session) == 2;

	t->conn = NULL;
	t->lost = lost;
	t->bursts = 0;
	list_remove(&t->data_link);
	if (t->kind != TASK_SCSI) {
		if (t->state != PEER_WAITING) /* else its number has its turn all the same */
			task_free(t);
		return;
	}
	switch (t->state) {
	case PEER_DATA:
		if (!level_2)
			task_free(t);
		break;
	case PEER_RUNNING:
		if (!t->result) /* it is executed all the same */
			break;
		list_remove(&t->link);
		t->state = PEER_DONE;
		if (!level_2)
			task_free(t);
		break;
	case PEER_ANSWERED:
		if (!level_2)
			task_free(t);
		break;
	default:
		break;
	}
}

struct peer_lost *recovery_lost(struct peer_conn *c)
{
	struct peer_session *s = c->session;
	struct peer_lost *lost = peer_alloc(sizeof(*lost));
	unsigned wait = c->drop_told ? c->drop_wait : s->params.time2wait;
	unsigned retain = c->drop_told ? c->drop_retain : s->params.time2retain;

	lost->cid = c->cid;
	lost->serial = c->serial;
	lost->range = (struct peer_range){ c->exp_stat_sn, c->stat_sn };
	lost->unheard = c->unheard;
	lost->told = c->told;
	lost->expires = s->peer->now + (wait + retain) * SECOND;
	list_append(&s->lost, &lost->link);
	kept_free_all(c);
	list_for_each(it, &s->tasks)
		if (list_entry(it, struct peer_task, all)->conn == c)
			adrift(list_entry(it, struct peer_task, all), lost);
	list_remove(&c->session_link);
	c->session = NULL;
	c->ping_at = UINT64_MAX;
	return lost;
}

/* Its last connection is gone, and nothing waits for another one. */
static void end_if_over(struct peer_session *s)
{
	if (list_empty(&s->conns) && list_empty(&s->lost))
		session_end(s);
}

static bool has_tasks(const struct peer_session *s, const struct peer_lost *lost)
{
	list_for_each(it, &s->tasks)
		if (list_entry(it, struct peer_task, all)->lost == lost)
			return true;
	return false;
}

static void forget(struct peer_session *s, struct peer_lost *lost)
{
	list_for_each(it, &s->tasks)
		if (list_entry(it, struct peer_task, all)->lost == lost)
			list_entry(it, struct peer_task, all)->lost = NULL;
	list_remove(&lost->link);
	free(lost);
}

/* MCS-14: what was not acknowledged is dropped, and its number becomes a hole. */
static void drop_waiting(struct peer_session *s, const struct peer_lost *lost)
{
	list_for_each(it, &s->waiting) {
		struct peer_task *t = list_entry(it, struct peer_task, link);

		if (t->lost != lost || t->kind == TASK_PLACE)
			continue;
		number_dropped(s, t->cmd_sn);
		task_free(t);
	}
	if (!s->cleaned || sn_gt(s->max_cmd_sn, s->cleaned_max))
		s->cleaned_max = s->max_cmd_sn;
	s->cleaned = true;
}

void recovery_clean(struct peer_session *s, struct peer_lost *lost, bool suspend)
{
	drop_waiting(s, lost);
	list_for_each(it, &s->tasks) {
		struct peer_task *t = list_entry(it, struct peer_task, all);

		if (t->lost == lost && !suspend && t->kind != TASK_PLACE)
			cleared(t);
	}
	if (suspend && has_tasks(s, lost)) {
		lost->cleaned = true;
		lost->expires = s->peer->now +
			(s->params.time2wait + s->params.time2retain) * SECOND;
	} else {
		forget(s, lost);
	}
}

struct peer_lost *recovery_find(struct peer_session *s, uint16_t cid)
{
	list_for_each(it, &s->lost) {
		struct peer_lost *lost = list_entry(it, struct peer_lost, link);

		if (lost->cid == cid && !lost->cleaned)
			return lost;
	}
	return NULL;
}

/* ---------------------------------------------------------------- what the initiator had received */

static bool in_range(const struct peer_range *range, uint32_t exp_stat_sn)
{
	return sn_ge(exp_stat_sn, range->exp_stat_sn) && sn_le(exp_stat_sn, range->stat_sn);
}

bool recovery_stat_fits(struct peer_session *s, uint16_t cid, uint32_t exp_stat_sn)
{
	const struct peer_conn *c = session_conn(s, cid);
	const struct peer_lost *lost = recovery_find(s, cid);
	struct peer_range now;

	if (c) {
		now = (struct peer_range){ c->exp_stat_sn, c->stat_sn };
		return in_range(&now, exp_stat_sn) || (c->unheard && c->told == exp_stat_sn);
	}
	return lost && (in_range(&lost->range, exp_stat_sn) ||
			(lost->unheard && lost->told == exp_stat_sn));
}

/* The old connection as one that is lost; NULL if there is none. */
static struct peer_lost *part(struct peer_session *s, uint16_t cid, uint32_t exp_stat_sn)
{
	struct peer_conn *c = session_conn(s, cid);
	struct peer_lost *lost;

	if (c) {
		lost = recovery_lost(c);
		conn_close(c);
	} else {
		lost = recovery_find(s, cid);
	}
	if (!lost || !in_range(&lost->range, exp_stat_sn))
		return lost;
	list_for_each(it, &s->tasks) {
		struct peer_task *t = list_entry(it, struct peer_task, all);

		if (t->lost == lost && t->state == PEER_ANSWERED && sn_lt(t->stat_sn, exp_stat_sn))
			task_free(t);
	}
	return lost;
}

void recovery_reinstate(struct peer_session *s, struct peer_conn *c, uint32_t exp_stat_sn)
{
	bool fits = recovery_stat_fits(s, c->cid, exp_stat_sn);
	struct peer_lost *lost = part(s, c->cid, exp_stat_sn);

	c->unheard = true;
	c->told = exp_stat_sn;
	if (!lost)
		return;
	if (!fits)
		conn_violation(c, "an ExpStatSN that the old connection can't have"); /* REC-15 */
	s->peer->counts.reinstated++;
	recovery_clean(s, lost, session_level(s) == 2); /* LO-9 */
}

/* ---------------------------------------------------------------- Logout */

static void answer_logout(struct peer_task *t, uint8_t response)
{
	const struct peer_params *params = &t->session->params;
	uint8_t bhs[PDU_BHS_LEN];

	task_uncount(t);
	pdu_put_logout_response(bhs, &(struct pdu_logout_response){ .response = response,
		.initiator_task_tag = t->itt,
		.time2wait = response == LOGOUT_NO_CID ? 0 : (uint16_t)params->time2wait,
		.time2retain = response == LOGOUT_NO_CID ? 0 : (uint16_t)params->time2retain });
	kept_send(t->conn, bhs, NULL, 0, NULL);
	task_free(t);
}

/* LO-4: the connection of this CID is logged out over another one. */
static void logout_other(struct peer_task *t, const struct pdu_logout_request *r)
{
	struct peer_session *s = t->session;
	struct peer *p = s->peer;
	struct peer_lost *lost;
	bool recovery = r->reason == PDU_LOGOUT_RECOVERY;

	if (!s->params.level) {
		peer_note(p, "connection %u: a Logout that level 0 has no use for", t->conn->cid);
	} else if (recovery && s->params.level < 2) {
		peer_note(p, "connection %u: a recovery Logout below level 2", t->conn->cid);
	}
	if (peer_lies_now(p, p->options.lies.cleanup_answer)) {
		answer_logout(t, (uint8_t)p->options.lies.cleanup_answer);
		return;
	}
	if (recovery && session_level(s) < 2) {
		p->counts.cleanups[LOGOUT_NO_RECOVERY]++;
		answer_logout(t, LOGOUT_NO_RECOVERY);
		return;
	}
	lost = part(s, r->cid, r->exp_stat_sn);
	p->counts.cleanups[lost ? LOGOUT_DONE : LOGOUT_NO_CID]++;
	if (lost)
		recovery_clean(s, lost, recovery);
	answer_logout(t, lost ? LOGOUT_DONE : LOGOUT_NO_CID);
}

static bool busy(const struct peer_conn *c)
{
	list_for_each(it, &c->session->tasks) {
		const struct peer_task *t = list_entry(it, struct peer_task, all);

		if (t->conn == c && task_alive(t) && t->state != PEER_WAITING)
			return true;
	}
	return false;
}

static void check_leaving(struct peer_conn *c, const struct pdu_logout_request *r)
{
	if (r->data_len)
		conn_violation(c, "a Logout with data");
	if (r->reason == PDU_LOGOUT_CONNECTION && busy(c))
		peer_note(c->peer, "connection %u: Logout while commands are under way", c->cid);
	if (c->terminations)
		conn_violation(c, "an Async 5 that was never acknowledged"); /* AS-6 */
}

void recovery_logout(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	struct peer_session *s = t->session;
	struct pdu_logout_request r;

	pdu_get_logout_request(t->bhs, &r);
	if (r.reason > PDU_LOGOUT_RECOVERY) {
		conn_violation(c, "a Logout for a reason that there is not");
		task_free(t);
		return;
	}
	if (r.reason != PDU_LOGOUT_SESSION && r.cid != c->cid) {
		logout_other(t, &r);
		return;
	}
	check_leaving(c, &r);
	if (r.reason == PDU_LOGOUT_RECOVERY && session_level(s) < 2) {
		answer_logout(t, LOGOUT_NO_RECOVERY);
		return;
	}
	answer_logout(t, LOGOUT_DONE);
	recovery_clean(s, recovery_lost(c), r.reason == PDU_LOGOUT_RECOVERY);
	conn_close(c);
	if (r.reason == PDU_LOGOUT_SESSION)
		session_end(s);
	else
		end_if_over(s);
}

/* ---------------------------------------------------------------- TASK REASSIGN */

static uint8_t reassign_answer(const struct peer_task *f, const struct peer_task *t)
{
	if (session_level(f->session) < 2)
		return REASSIGN_NOT_SUPPORTED;
	if (!t)
		return REASSIGN_NO_TASK;
	if (t->kind != TASK_SCSI)
		return REASSIGN_REJECTED; /* RA-4 */
	if (t->conn || (t->lost && !t->lost->cleaned))
		return REASSIGN_ALLEGIANT;
	return REASSIGN_DONE;
}

static void check_reassign(const struct peer_task *f, uint8_t answer)
{
	const char *wrong = NULL;

	if (!f->immediate)
		wrong = "a TASK REASSIGN that is not immediate"; /* RA-1 */
	else if (f->session->params.level < 2)
		wrong = "a TASK REASSIGN below level 2"; /* TOL-9 */
	else if (answer == REASSIGN_ALLEGIANT)
		wrong = "a TASK REASSIGN before the connection was logged out"; /* RA-2 */
	else if (answer == REASSIGN_REJECTED)
		wrong = "a TASK REASSIGN of what is no command"; /* RA-4 */
	if (wrong)
		peer_note(f->session->peer, "connection %u: %s", f->conn->cid, wrong);
}

static void respond(struct peer_task *f, uint8_t answer)
{
	uint8_t bhs[PDU_BHS_LEN];

	f->session->peer->counts.reassigned[answer < 5 ? answer : 5]++;
	task_uncount(f);
	pdu_put_task_response(bhs, &(struct pdu_task_response){ .response = answer,
		.initiator_task_tag = f->itt });
	kept_send(f->conn, bhs, NULL, 0, NULL);
	task_free(f);
}

void recovery_take_over(struct peer_task *t, struct peer_conn *c)
{
	struct peer_lost *lost = t->lost;

	t->conn = c;
	t->lost = NULL;
	t->has_stat = false;
	t->snack_tag = 0; /* RA-7 */
	t->tag_count = 0;
	if (lost && lost->cleaned && !has_tasks(t->session, lost))
		forget(t->session, lost);
}

/* RA-5 */
static void take_exp_data_sn(struct peer_task *t, uint32_t exp_data_sn)
{
	if (!exp_data_sn)
		return;
	if (!t->cmd.read)
		conn_violation(t->conn, "an ExpDataSN for a command that reads nothing");
	else if (sn_lt(exp_data_sn, t->acked_sn) || sn_gt(exp_data_sn, t->data_sn))
		conn_violation(t->conn, "an ExpDataSN in a reassignment that can't be");
	else
		t->acked_sn = exp_data_sn;
}

static void resume(struct peer_task *t)
{
	uint32_t data_sn = t->data_sn;

	if (t->state == PEER_HUNG)
		return;
	answer_restart(t);
	if (t->result)
		return;
	/* The R2Ts of a command that only writes go on, or begin anew. */
	if (!t->cmd.read && random_one_in(&t->session->peer->random, 2))
		t->data_sn = t->base_sn = t->acked_sn = data_sn;
	if (t->state == PEER_DATA)
		write_resume(t);
}

void recovery_reassign(struct peer_task *f)
{
	struct peer_session *s = f->session;
	struct peer *p = s->peer;
	struct peer_conn *c = f->conn;
	struct peer_task *t = session_task(s, f->request.referenced_task_tag);
	uint8_t answer = reassign_answer(f, t);
	uint32_t exp_data_sn = f->request.exp_data_sn;

	check_reassign(f, answer);
	if (peer_lies_now(p, p->options.lies.reassign_answer)) {
		respond(f, (uint8_t)p->options.lies.reassign_answer);
		return;
	}
	respond(f, answer);
	if (answer != REASSIGN_DONE)
		return;
	recovery_take_over(t, c);
	take_exp_data_sn(t, exp_data_sn);
	resume(t);
}

/* ---------------------------------------------------------------- time */

uint64_t recovery_deadline(const struct peer_session *s)
{
	uint64_t at = UINT64_MAX;

	list_for_each(it, &s->lost)
		if (list_entry(it, struct peer_lost, link)->expires < at)
			at = list_entry(it, struct peer_lost, link)->expires;
	return at;
}

void recovery_expire(struct peer_session *s)
{
	list_for_each(it, &s->lost) {
		struct peer_lost *lost = list_entry(it, struct peer_lost, link);

		if (lost->expires > s->peer->now)
			continue;
		s->peer->counts.expired++;
		recovery_clean(s, lost, false);
	}
	end_if_over(s);
}
