/*
 * management.c - task management functions: their scopes, and what has to be waited for before the
 * answer (RFC 7143 sections 4.2.3, 11.5, 11.6; RFC 7144 section 6).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

enum { ANSWER_COMPLETE = 0, ANSWER_NO_TASK = 1, ANSWER_NO_LUN = 2, ANSWER_NOT_SUPPORTED = 5,
       ANSWER_SUCCEEDED = 7, ANSWER_REJECTED = 255 };

#define FENCE_PING UINT64_C(100000000) /* nanoseconds between pings that ask for acknowledgement */

/* What a function is about. */
enum scope { SCOPE_NONE, SCOPE_TASK, SCOPE_UNIT, SCOPE_TARGET };

static const struct function {
	enum scope scope;
	bool ends;         /* tasks in its scope end */
	bool others;       /* those of other sessions as well */
	uint8_t level;     /* iSCSIProtocolLevel that has it */
	uint16_t attention; /* that is left on the units */
} functions[] = {
	[PDU_ABORT_TASK] = { SCOPE_TASK, true, false, 0, 0 },
	[PDU_ABORT_TASK_SET] = { SCOPE_UNIT, true, false, 0, 0 },
	[PDU_CLEAR_ACA] = { SCOPE_UNIT, false, false, 0, 0 },
	[PDU_CLEAR_TASK_SET] = { SCOPE_UNIT, true, true, 0, 0 },
	[PDU_LOGICAL_UNIT_RESET] = { SCOPE_UNIT, true, true, 0, 0x2903 },
	[PDU_TARGET_WARM_RESET] = { SCOPE_TARGET, true, true, 0, 0x2903 },
	[PDU_TARGET_COLD_RESET] = { SCOPE_TARGET, true, true, 0, 0x2901 },
	[PDU_TASK_REASSIGN] = { SCOPE_TASK, false, false, 0, 0 },
	[PDU_QUERY_TASK] = { SCOPE_TASK, false, false, 2, 0 },
	[PDU_QUERY_TASK_SET] = { SCOPE_UNIT, false, false, 2, 0 },
	[PDU_I_T_NEXUS_RESET] = { SCOPE_NONE, true, false, 2, 0 },
	[PDU_QUERY_ASYNCHRONOUS_EVENT] = { SCOPE_UNIT, false, false, 2, 0 },
};

static const struct function *of(const struct peer_task *f)
{
	return &functions[f->request.function];
}

static bool ends_many(const struct peer_task *f)
{
	return of(f)->ends && (of(f)->scope == SCOPE_UNIT || of(f)->scope == SCOPE_TARGET);
}

static bool in_scope(const struct peer_task *f, const struct peer_task *t)
{
	if (!task_alive(t) || (of(f)->scope == SCOPE_UNIT && t->cmd.lun != f->request.lun))
		return false;
	/* TM-9, TRAP-7; an immediate command has the number of the next one */
	return t->session != f->session || (t->immediate ? sn_le(t->cmd_sn, f->cmd_sn)
							: sn_lt(t->cmd_sn, f->cmd_sn));
}

bool management_covers(const struct peer_task *t, bool *ret_fast)
{
	list_for_each(it, &t->session->functions) {
		const struct peer_task *f = list_entry(it, struct peer_task, link);

		if (!ends_many(f) || f->stage == STAGE_FENCE || !in_scope(f, t))
			continue;
		*ret_fast = t->session->params.fast_abort && f->conn == t->conn;
		return true;
	}
	return false;
}

static void respond(struct peer_task *f, uint8_t response)
{
	uint8_t bhs[PDU_BHS_LEN];

	task_uncount(f);
	pdu_put_task_response(bhs, &(struct pdu_task_response){ .response = response,
		.initiator_task_tag = f->itt });
	kept_send(f->conn, bhs, NULL, 0, NULL);
	task_free(f);
}

/* ---------------------------------------------------------------- one task */

static const char *reference_fault(const struct peer_task *f, const struct peer_task *t)
{
	if (t->conn && t->conn != f->conn)
		return "a function for a task of another connection"; /* TM-4 */
	if (t->lost && !t->lost->cleaned)
		return "a function for a task of a connection that was not logged out"; /* TM-4 */
	if (f->request.lun != t->cmd.lun)
		return "a function for a task with another LUN"; /* TM-2 */
	if (f->request.ref_cmd_sn != (t->immediate ? f->cmd_sn : t->cmd_sn))
		return "a function with a wrong RefCmdSN"; /* TM-3 */
	return NULL;
}

/* TM-15: a command that did not come counts as received then. */
static uint8_t abort_missing(struct peer_task *f)
{
	struct peer_session *s = f->session;
	uint32_t ref = f->request.ref_cmd_sn;

	if (sn_lt(ref, s->exp_cmd_sn) || sn_gt(ref, s->max_cmd_sn) || !sn_lt(ref, f->cmd_sn))
		return ANSWER_NO_TASK;
	session_plug(s, ref);
	number_plugged(s, ref);
	return ANSWER_COMPLETE;
}

static uint8_t abort_task(struct peer_task *f, struct peer_task *t)
{
	struct peer_session *s = f->session;
	uint32_t cmd_sn = t->cmd_sn;
	bool waiting = t->state == PEER_WAITING;

	if (t->state == PEER_ANSWERED) {
		if (!t->conn) { /* TM-4: its status is sent again first */
			recovery_take_over(t, f->conn);
			answer_status(t);
		}
		return ANSWER_NO_TASK; /* TM-7 */
	}
	task_dead_by_function(t, DEAD_ENDED);
	s->peer->counts.tasks_aborted++;
	task_free(t);
	if (waiting) {
		session_plug(s, cmd_sn);
		number_dropped(s, cmd_sn); /* it may come again if our answer is lost */
	}
	return ANSWER_COMPLETE;
}

/* ABORT TASK, QUERY TASK */
static void one_task(struct peer_task *f)
{
	struct peer_session *s = f->session;
	struct peer_task *t = session_task(s, f->request.referenced_task_tag);
	bool query = f->request.function == PDU_QUERY_TASK;
	const char *wrong;
	uint8_t answer;

	if (t && t->kind == TASK_MANAGEMENT) {
		respond(f, ANSWER_REJECTED); /* TM-5 */
		return;
	}
	wrong = t && t->kind == TASK_SCSI ? reference_fault(f, t) : NULL;
	if (wrong) {
		conn_violation(f->conn, wrong);
		task_free(f);
		return;
	}
	if (query)
		answer = t && task_alive(t) ? ANSWER_SUCCEEDED : ANSWER_COMPLETE;
	else
		answer = t ? abort_task(f, t) : abort_missing(f);
	respond(f, answer);
	session_begin(s);
}

/* ---------------------------------------------------------------- many tasks */

/* TM-9: all commands below the function's number have come; a target reset need not wait. */
static bool commands_there(struct peer_task *f)
{
	struct peer_session *s = f->session;

	if (of(f)->scope == SCOPE_TARGET && sn_lt(s->exp_cmd_sn, f->cmd_sn)) {
		while (!list_empty(&s->waiting)) {
			struct peer_task *t = list_entry(s->waiting.next, struct peer_task, link);

			if (!sn_lt(t->cmd_sn, f->cmd_sn))
				break;
			task_dead_by_function(t, DEAD_ENDED);
			task_free(t);
		}
		s->exp_cmd_sn = s->plugged_to = f->cmd_sn;
		s->plugged = true;
	}
	return sn_ge(s->exp_cmd_sn, f->cmd_sn);
}

/* TM-10: what was asked for is answered, if cut short. */
static bool data_came(const struct peer_task *f)
{
	if (f->session->params.fast_abort)
		return true;
	list_for_each(it, &f->session->tasks) {
		const struct peer_task *t = list_entry(it, struct peer_task, all);

		if (in_scope(f, t) && t->conn && t->bursts && list_linked(&t->data_link))
			return false;
	}
	return true;
}

static void tell_fast(struct peer_conn *c, uint64_t lun)
{
	for (unsigned i = 0; i < c->terminations; i++)
		if (c->termination[i] == lun)
			return;
	if (c->terminations == PEER_TERMINATIONS)
		return;
	c->termination[c->terminations++] = lun;
	c->peer->counts.fast_aborts++;
	task_send_async(c, lun, PDU_ASYNC_TASKS_ENDED, 0, 0, 0);
}

static void end_task(struct peer_task *f, struct peer_task *t)
{
	bool fast = t->session->params.fast_abort && t->conn;
	struct peer_conn *c = t->conn;
	uint64_t lun = t->cmd.lun;

	f->session->peer->counts.tasks_aborted++;
	if (fast && c != f->conn)
		task_dead_by_function(t, DEAD_FAST);
	else if (fast)
		task_dead_by_function(t, DEAD_FAST_ISSUING);
	else
		task_dead_by_function(t, t->session == f->session ? DEAD_DRAINED : DEAD_ENDED);
	task_free(t);
	if (fast && c != f->conn)
		tell_fast(c, lun);
}

static void end_tasks(struct peer_task *f)
{
	struct peer *p = f->session->peer;
	const struct function *function = of(f);

	list_for_each(it, &p->sessions) {
		struct peer_session *s = list_entry(it, struct peer_session, link);

		if (s != f->session && !function->others)
			continue;
		list_for_each(at, &s->tasks)
			if (in_scope(f, list_entry(at, struct peer_task, all)))
				end_task(f, list_entry(at, struct peer_task, all));
		for (unsigned i = 0; function->attention && i < PEER_LUNS; i++)
			if (function->scope == SCOPE_TARGET || f->request.lun >> 48 == i)
				session_attention(s, i, function->attention);
	}
}

/* MCS-11, MCS-12: every answer that went before has to be acknowledged, on all connections. */
static void raise_fence(const struct peer_task *f)
{
	/* A target that sorts nothing fences nothing. */
	if (f->session->peer->options.strict_immediate)
		return;
	if (!f->session->params.response_fence && f->request.function != PDU_ABORT_TASK_SET &&
	    f->request.function != PDU_CLEAR_TASK_SET)
		return;
	list_for_each(it, &f->session->conns) {
		struct peer_conn *c = list_entry(it, struct peer_conn, session_link);

		c->fenced = true;
		c->fence_sn = c->stat_sn;
		if (c->exp_stat_sn != c->stat_sn)
			peer_conn_ping(c);
	}
}

static bool fence_holds(const struct peer_task *f)
{
	bool holds = false;

	list_for_each(it, &f->session->conns) {
		struct peer_conn *c = list_entry(it, struct peer_conn, session_link);

		if (!c->fenced || c->closing || sn_ge(c->exp_stat_sn, c->fence_sn))
			continue;
		holds = true;
		if (c->ping_at > c->peer->now + FENCE_PING)
			c->ping_at = c->peer->now + FENCE_PING;
	}
	return holds;
}

static void finish(struct peer_task *f)
{
	struct peer *p = f->session->peer;
	bool cold = f->request.function == PDU_TARGET_COLD_RESET;

	respond(f, ANSWER_COMPLETE);
	if (cold) /* TM-13 */
		peer_restart(p);
}

/* One stage. False if it has to wait. */
static bool step(struct peer_task *f)
{
	switch (f->stage) {
	case STAGE_COMMANDS:
		f->stage = commands_there(f) ? STAGE_DATA : STAGE_COMMANDS;
		return f->stage == STAGE_DATA;
	case STAGE_DATA:
		if (!data_came(f))
			return false;
		f->stage = STAGE_FENCE;
		task_uncount(f);
		end_tasks(f);
		raise_fence(f);
		return true;
	case STAGE_FENCE:
		if (fence_holds(f))
			return false;
		finish(f);
		return true;
	}
	return false;
}

static bool step_any(struct peer_session *s)
{
	list_for_each(it, &s->functions)
		if (step(list_entry(it, struct peer_task, link)))
			return true; /* the list may be another one now */
	return false;
}

void management_progress(struct peer_session *s)
{
	while (step_any(s))
		;
}

/* ---------------------------------------------------------------- the request */

static const char *request_fault(const struct peer_task *f)
{
	const struct pdu_task_request *r = &f->request;

	if (!r->function || r->function > PDU_QUERY_ASYNCHRONOUS_EVENT || r->data_len)
		return "a function that there is not";
	if (of(f)->level > f->session->params.protocol_level)
		return "a function of a later iSCSIProtocolLevel"; /* P2-5 */
	if (f->session->discovery)
		return "task management in a discovery session";
	if (of(f)->scope != SCOPE_TASK && r->referenced_task_tag != PDU_NO_TAG)
		return "a function with a task that it does not need"; /* TM-2 */
	return NULL;
}

static bool unit_there(const struct peer_task *f)
{
	return !(f->request.lun << 16) && f->request.lun >> 48 < f->session->peer->options.luns;
}

/* Those that neither wait nor end tasks. */
static void simple(struct peer_task *f)
{
	struct peer_session *s = f->session;
	uint8_t answer = ANSWER_COMPLETE;

	if (f->request.function == PDU_QUERY_TASK_SET) {
		list_for_each(it, &s->tasks)
			if (in_scope(f, list_entry(it, struct peer_task, all)))
				answer = ANSWER_SUCCEEDED;
	}
	if (f->request.function == PDU_I_T_NEXUS_RESET) {
		respond(f, answer);
		session_end(s); /* P2-7 */
		return;
	}
	respond(f, answer);
}

/* management_progress goes on with it. */
static void wait_for(struct peer_task *f)
{
	f->state = PEER_RUNNING;
	list_append(&f->session->functions, &f->link);
}

void management_begin(struct peer_task *f)
{
	struct peer *p = f->session->peer;
	const char *wrong;

	pdu_get_task_request(f->bhs, &f->request);
	wrong = request_fault(f);
	if (wrong) {
		conn_violation(f->conn, wrong);
		task_free(f);
		return;
	}
	p->counts.managed[f->request.function]++;
	if (f->request.function == PDU_TASK_REASSIGN)
		recovery_reassign(f);
	else if (peer_lies_now(p, p->options.lies.manage_answer))
		respond(f, (uint8_t)p->options.lies.manage_answer);
	else if (of(f)->scope == SCOPE_UNIT && !unit_there(f))
		respond(f, ANSWER_NO_LUN);
	else if (of(f)->scope == SCOPE_TASK)
		one_task(f);
	else if (!ends_many(f))
		simple(f);
	else
		wait_for(f);
}

bool management_told(const struct peer_task *t)
{
	for (unsigned i = 0; i < t->conn->terminations; i++)
		if (t->conn->termination[i] == t->cmd.lun)
			return true;
	return false;
}

/* TTTs of the unit are free now; commands that the function did not end have to be asked anew. */
static void acknowledged(struct peer_conn *c, uint64_t lun)
{
	for (unsigned k = 0; k < PEER_DEAD; k++)
		if (c->dead[k].why == DEAD_FAST && c->dead[k].lun == lun)
			c->dead[k].why = DEAD_FAST_TOLD;
	list_for_each(it, &c->writes) {
		struct peer_task *t = list_entry(it, struct peer_task, data_link);

		if (t->cmd.lun == lun)
			write_voided(t);
	}
}

void management_nop(struct peer_conn *c, uint64_t lun)
{
	for (unsigned i = 0; i < c->terminations; i++) {
		if (c->termination[i] != lun)
			continue;
		c->termination[i] = c->termination[--c->terminations];
		acknowledged(c, lun);
		return;
	}
}
