/* manage.c - see manage.h. RFC 7143 sections 4.2.3, 7.2.2, 7.11, 11.5, 11.6; RFC 7144 section 6. */
#include "engine/manage.h"

#include <errno.h>

#include "engine/function.h"
#include "engine/pulse.h"
#include "engine/snack.h"
#include "proto/sn.h"

#define MS UINT64_C(1000000)

/* Milliseconds that a command which was sent again may be without an answer, once the target answers
 * what its unit was given later: LIO passes over some of them, having their numbers for received. */
enum { PASSED_OVER_TIME = 3000 };

static uint32_t command_time(const struct conn *c)
{
	return atomic_load_explicit(&c->shared->command_time, memory_order_relaxed);
}

static bool is_passed_over(const struct conn *c, const struct task *task)
{
	return task->resent && c->answered_lun == task->lun && c->answered_sent_at > task->sent_at;
}

/* Milliseconds; not 0 where commands have a limit. */
static uint32_t time_of(const struct conn *c, const struct task *task)
{
	uint32_t time = command_time(c);

	return time > PASSED_OVER_TIME && is_passed_over(c, task) ? PASSED_OVER_TIME : time;
}

/* ---------------------------------------------------------------- the requests under way */

static struct conn_request *find_request(struct conn *c, uint32_t itt)
{
	for (unsigned i = 0; i < c->requests; i++)
		if (c->request[i].itt && c->request[i].itt == itt)
			return &c->request[i];
	return NULL;
}

/* The place of the one for this task; c->requests if there is none. */
static unsigned request_of(const struct conn *c, const struct task *task)
{
	unsigned i = 0;

	while (i < c->requests && c->request[i].task != task)
		i++;
	return i;
}

static bool is_under_way(const struct conn *c)
{
	for (unsigned i = 0; i < c->requests; i++)
		if (c->request[i].itt)
			return true;
	return false;
}

static void let_tag_go(struct conn *c, struct conn_request *r)
{
	if (!r->itt)
		return;
	c->ev_wake |= tag_free(&c->shared->tags, r->itt);
	r->itt = 0;
	send_calm_over(c);
}

/* There may be room now for what waits. */
static void drop_request(struct conn *c, struct conn_request *r)
{
	let_tag_go(c, r);
	*r = c->request[--c->requests];
	c->wants |= WANT_MANAGE;
}

/* NULL if there are too many. */
static struct conn_request *add_request(struct conn *c, uint8_t function)
{
	struct conn_request *r = &c->request[c->requests];

	if (c->requests == CONN_REQUESTS)
		return NULL;
	c->requests++;
	*r = (struct conn_request){ .function = function };
	c->wants |= WANT_MANAGE;
	return r;
}

static void give_back(struct conn *c, struct management *m)
{
	list_remove(&m->link);
	list_append(&c->managed, &m->link);
}

void manage_forget(struct conn *c, struct task *task)
{
	unsigned at = request_of(c, task);

	if (at == c->requests)
		return;
	c->request[at].task = NULL;
	if (!c->request[at].itt)
		drop_request(c, &c->request[at]);
}

/* TM-13 */
void manage_end(struct conn *c, const struct fault *why)
{
	struct fault ended = *why;
	struct list *item;

	if (!ended.kind)
		fault_set(&ended, FAULT_GONE, 0, "%s:%u: the connection was logged out", c->host, c->port);
	while (c->requests) {
		struct conn_request *r = &c->request[c->requests - 1];

		if (r->management) {
			r->management->fault = ended;
			give_back(c, r->management);
		}
		drop_request(c, r);
	}
	while ((item = list_pop(&c->managing))) {
		struct management *m = list_entry(item, struct management, link);

		m->fault = ended;
		give_back(c, m);
	}
}

/* ---------------------------------------------------------------- what is asked for */

static int refuse(const struct conn *c, struct management *m)
{
	const struct function *f = function_find(m->function);

	if (c->state != CONN_S5_LOGGED_IN || c->draining)
		return fault_set(&m->fault, FAULT_GONE, 0, "%s:%u: not logged in", c->host, c->port);
	if (!f || m->function == PDU_ABORT_TASK || m->function == PDU_TASK_REASSIGN)
		return fault_set(&m->fault, FAULT_LOCAL, EINVAL, "no such task management function");
	if (c->params.protocol_level < f->level)
		return fault_set(&m->fault, FAULT_LOCAL, ENOTSUP, "the target does not know %s", f->name);
	return 0;
}

void conn_manage(struct conn *c, struct management *m, uint64_t now)
{
	(void)now;
	m->fault = (struct fault){ .kind = FAULT_NONE };
	m->response = 0;
	m->additional = m->cmd_sn = m->itt = 0;
	if (refuse(c, m) < 0) {
		list_append(&c->managed, &m->link);
		return;
	}
	list_append(&c->managing, &m->link);
	c->wants |= WANT_MANAGE;
}

bool manage_reassign(struct conn *c, struct task *task)
{
	struct conn_request *r = add_request(c, PDU_TASK_REASSIGN);

	if (r)
		r->task = task;
	return r;
}

/* ---------------------------------------------------------------- sending */

/* The caller's go one after the other. */
static void start_management(struct conn *c)
{
	struct management *m;
	struct conn_request *r;

	if (list_empty(&c->managing))
		return;
	for (unsigned i = 0; i < c->requests; i++)
		if (c->request[i].management)
			return;
	m = list_entry(c->managing.next, struct management, link);
	r = add_request(c, m->function);
	if (!r)
		return;
	list_remove(&m->link);
	r->management = m;
}

/* TM-2, TM-3, RA-5, TRAP-3 */
static void put_request(struct conn *c, struct conn_request *r, uint64_t now)
{
	const struct function *f = function_find(r->function);
	const struct session_times *times = &c->shared->config->times;
	struct pdu_task_request pdu = { .immediate = true, .function = r->function,
		.initiator_task_tag = r->itt, .referenced_task_tag = PDU_NO_TAG,
		.cmd_sn = window_current(&c->shared->window), .exp_stat_sn = snack_exp_stat_sn(c) };
	uint8_t bhs[PDU_BHS_LEN];

	if (r->management) {
		pdu.lun = r->management->lun;
		r->management->cmd_sn = pdu.cmd_sn; /* TRAP-7 */
		r->management->itt = r->itt;
	} else {
		pdu.lun = r->task->lun;
		pdu.referenced_task_tag = r->task->itt;
	}
	if (!f->one_lun)
		pdu.lun = 0;
	if (r->function == PDU_ABORT_TASK)
		pdu.ref_cmd_sn = r->task->cmd_sn;
	if (r->function == PDU_TASK_REASSIGN && r->task->in_len)
		pdu.exp_data_sn = r->task->acked_sn;
	if (!r->limit)
		r->limit = times->manage ? now + times->manage * MS : ENGINE_NEVER;
	pdu_put_task_request(bhs, &pdu);
	send_pdu(c, bhs, NULL, 0, NULL, NULL);
}

bool manage_send(struct conn *c, uint64_t now)
{
	start_management(c);
	for (unsigned i = 0; i < c->requests; i++) {
		struct conn_request *r = &c->request[i];

		if (r->itt || r->answered || r->after)
			continue;
		if (c->one_request && is_under_way(c))
			return true; /* its answer wants the next one */
		if (!send_room(c) || !send_calm(c) ||
		    !tag_take(&c->shared->tags, c->slot, NULL, &r->itt))
			return false;
		put_request(c, r, now);
	}
	return true;
}

/* ---------------------------------------------------------------- answers */

/* Of a command that the target neither ends nor lets us take over. Below level 2 it ends with its
 * connection; at level 2 it would be taken up again, and cost one connection after the other: so the
 * session is reinstated (REC-16). */
static enum fault_kind no_way_out(const struct conn *c)
{
	return c->params.error_recovery_level >= 2 ? FAULT_PROTOCOL : FAULT_TIMEOUT;
}

static void abort_concluded(struct conn *c, struct task *task)
{
	fault_set(&task->fault, FAULT_TIMEOUT, 0, "%s:%u: no answer in %u s; the command was aborted",
		  c->host, c->port, time_of(c, task) / 1000);
	conn_conclude(c, task, TASK_ABORTED);
}

/* TM-7, TOL-10 */
static int abort_answered(struct conn *c, struct conn_request *r, uint8_t response, uint64_t now)
{
	uint32_t manage = c->shared->config->times.manage;

	if (!r->task) {
		drop_request(c, r);
	} else if (response == 0) {
		abort_concluded(c, r->task);
	} else if (response == 1) {
		r->answered = true;
		r->limit = manage ? now + manage * MS : ENGINE_NEVER;
		c->wants |= WANT_MANAGE;
	} else {
		return conn_fail(c, no_way_out(c), response, "a command had no answer, and its ABORT TASK "
				 "was answered with response %u", response);
	}
	return 0;
}

/* RA-8, RA-9, RA-12, REC-16 */
static int reassign_answered(struct conn *c, struct conn_request *r, uint8_t response)
{
	struct task *task = r->task;

	drop_request(c, r);
	if (!task)
		return 0;
	switch (response) {
	case 0:
		task->state = TASK_ACTIVE;
		data_reassigned(task);
		return 0;
	case 1:
		fault_set(&task->fault, FAULT_REFUSED, response, "%s:%u: the target does not know the "
			  "command any more; whether it was executed is not known", c->host, c->port);
		conn_conclude(c, task, TASK_LOST);
		return 0;
	default:
		return conn_fail(c, FAULT_PROTOCOL, response, "the target agreed to recovery level 2, "
				 "but answers TASK REASSIGN with response %u", response);
	}
}

/* TM-8 begins here for this connection; for the others when the session tells them. */
static void management_answered(struct conn *c, struct conn_request *r,
				const struct pdu_task_response *pdu, uint64_t now)
{
	struct management *m = r->management;

	drop_request(c, r);
	m->response = pdu->response;
	m->additional = pdu->additional_information;
	give_back(c, m);
	if (function_is_done(m->response))
		conn_conclude_covered(c, m->function, m->lun, m->cmd_sn, now);
}

/* TM-6 */
int manage_response(struct conn *c, const uint8_t *bhs, uint64_t now)
{
	struct pdu_task_response pdu;
	struct conn_request *r;
	struct task *task;

	pdu_get_task_response(bhs, &pdu);
	r = find_request(c, pdu.initiator_task_tag);
	if (!r && tag_find(&c->shared->tags, pdu.initiator_task_tag, c->slot, &task) == TAG_STALE)
		return 0; /* TM-10: it was concluded otherwise */
	if (!r)
		return conn_fail(c, FAULT_PROTOCOL, 0, "Task Management Response that nobody asked for");
	let_tag_go(c, r);
	if (r->management) {
		management_answered(c, r, &pdu, now);
		return 0;
	}
	return r->function == PDU_TASK_REASSIGN ? reassign_answered(c, r, pdu.response)
						: abort_answered(c, r, pdu.response, now);
}

bool manage_rejected(struct conn *c, uint32_t itt, uint8_t reason, uint64_t now)
{
	struct conn_request *r = find_request(c, itt);
	struct management *m;

	if (!r)
		return false;
	let_tag_go(c, r);
	m = r->management;
	if (!m && !r->task) {
		drop_request(c, r);
	} else if (reason == PDU_REJECT_IMMEDIATE || reason == PDU_REJECT_LONG_OPERATION) { /* TM-14 */
		c->one_request = true;
		r->after = now + CONN_AGAIN_MS * MS;
	} else if (m) {
		fault_set(&m->fault, FAULT_REFUSED, reason, "%s:%u: the target rejected %s with reason "
			  "0x%02x", c->host, c->port, function_find(m->function)->name, reason);
		drop_request(c, r);
		give_back(c, m);
	} else {
		conn_fail(c, no_way_out(c), reason, "the target rejected %s with reason 0x%02x",
			  function_find(r->function)->name, reason);
	}
	return true;
}

/* ---------------------------------------------------------------- what is covered */

/* One that the target has not got yet fills a hole, and is still to come. */
static bool is_concluded(const struct conn *c, const struct function *f, uint64_t lun,
			 uint32_t cmd_sn, const struct task *task)
{
	return task->state != TASK_ENDED && function_covers(f, lun, cmd_sn, task) &&
	       window_acknowledged(&c->shared->window, task->cmd_sn);
}

static void conclude_in(struct conn *c, struct list *tasks, const struct function *f, uint64_t lun,
			uint32_t cmd_sn)
{
	list_for_each(it, tasks) {
		struct task *task = list_entry(it, struct task, link);

		if (!is_concluded(c, f, lun, cmd_sn, task))
			continue;
		fault_set(&task->fault, FAULT_ABANDONED, 0, "ended by %s", f->name);
		conn_conclude(c, task, TASK_ABORTED);
	}
}

void conn_conclude_covered(struct conn *c, uint8_t function, uint64_t lun, uint32_t cmd_sn,
			   uint64_t now)
{
	const struct function *f = function_find(function);

	(void)now;
	conclude_in(c, &c->active, f, lun, cmd_sn);
	conclude_in(c, &c->again, f, lun, cmd_sn);
}

bool manage_aborts(const struct conn *c, const struct task *task)
{
	unsigned at = request_of(c, task);

	return at < c->requests && c->request[at].itt && c->request[at].function == PDU_ABORT_TASK;
}

/* TM-12 */
bool manage_covers(const struct conn *c, const struct task *task)
{
	if (c->params.task_reporting != KEYS_FAST_ABORT)
		return false;
	for (unsigned i = 0; i < c->requests; i++) {
		const struct conn_request *r = &c->request[i];

		if (r->management && r->itt && function_covers(function_find(r->function), r->management->lun,
						      r->management->cmd_sn, task))
			return true;
	}
	return false;
}

/* What an R2T asked for. The unsolicited data may belong to a command that came too late to be
 * ended. */
static void drop_solicited(struct task *task)
{
	bool unsolicited = task->bursts && task->burst[task->burst_at].ttt == PDU_NO_TAG;

	task->bursts = unsolicited;
	if (!unsolicited)
		list_remove(&task->data_link);
}

int manage_tasks_ended(struct conn *c, uint64_t lun)
{
	if (c->params.task_reporting != KEYS_FAST_ABORT)
		return 0;
	list_for_each(it, &c->data) {
		struct task *task = list_entry(it, struct task, data_link);

		if (task->lun == lun)
			drop_solicited(task);
	}
	return pulse_answer(c, PDU_NO_TAG, lun);
}

/* ---------------------------------------------------------------- time */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t request_deadline(const struct conn_request *r)
{
	uint64_t limit = r->limit ? r->limit : ENGINE_NEVER;

	return r->after ? sooner(limit, r->after) : limit;
}

/* The command that was sent first of those that are not being aborted yet; NULL if none is to
 * be. */
static struct task *oldest(const struct conn *c)
{
	if (!command_time(c) || c->requests == CONN_REQUESTS)
		return NULL;
	list_for_each(it, &c->active) {
		struct task *task = list_entry(it, struct task, link);

		if (task->state == TASK_ACTIVE && request_of(c, task) == c->requests)
			return task;
	}
	return NULL;
}

static uint64_t command_deadline(const struct conn *c)
{
	const struct task *task = oldest(c);

	return task ? task->sent_at + time_of(c, task) * MS : ENGINE_NEVER;
}

uint64_t manage_deadline(const struct conn *c)
{
	uint64_t at = command_deadline(c);

	for (unsigned i = 0; i < c->requests; i++)
		at = sooner(at, request_deadline(&c->request[i]));
	return at;
}

/* The target was heard since the request left: the path is not the reason. */
static bool is_ignored(const struct conn *c, const struct conn_request *r)
{
	return r->task && c->heard + c->shared->config->times.manage * MS > r->limit;
}

/* Returns 0, 1 if the list of requests has changed, or negative after conn_fail. */
static int request_expire(struct conn *c, struct conn_request *r, uint64_t now)
{
	if (now < request_deadline(r))
		return 0;
	if (now < r->limit || !r->limit) {
		r->after = 0;
		c->wants |= WANT_MANAGE;
		return 0;
	}
	if (r->answered) {
		abort_concluded(c, r->task);
		return 1;
	}
	if (!r->task && !r->management) { /* the command was answered after all */
		drop_request(c, r);
		return 1;
	}
	return conn_fail(c, is_ignored(c, r) ? no_way_out(c) : FAULT_TIMEOUT, 0, "no answer to %s",
			 function_find(r->function)->name);
}

/* TMO-1, TM-3, TM-4, TM-15, TM-5 */
static void abort_overdue(struct conn *c, uint64_t now)
{
	struct task *task;

	while (now >= command_deadline(c)) {
		task = oldest(c);
		add_request(c, PDU_ABORT_TASK)->task = task;
	}
}

int manage_expire(struct conn *c, uint64_t now)
{
	for (unsigned i = 0; i < c->requests;) {
		int r = request_expire(c, &c->request[i], now);

		if (r < 0)
			return r;
		if (!r)
			i++;
	}
	abort_overdue(c, now);
	return 0;
}
