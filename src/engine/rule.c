/*
 * rule.c - what becomes of a task whose connection ended while it was under way (RFC 7143 sections
 * 7.1.4.3, 7.2.1, 7.2.2, 11.5.1): it waits, goes on, or is proven dead. TRAP-2: nobody else ends it.
 */
#include "engine/function.h"
#include "engine/session.h"

enum { CONCLUDED_TIME = 60 }; /* seconds; more than a task takes from its connection's loop to us */

/* ---------------------------------------------------------------- functions that covered it */

static bool is_covered(const struct session *s, const struct task *task)
{
	for (unsigned i = 0; i < SESSION_CONCLUDED; i++)
		if (s->concluded[i].until &&
		    function_covers(function_find(s->concluded[i].function), s->concluded[i].lun,
				    s->concluded[i].cmd_sn, task))
			return true;
	return false;
}

/* TM-8 to TM-10, on every connection: MCS-9. */
void session_managed(struct session *s, const struct management *management, uint64_t now)
{
	const struct function *f = function_find(management->function);

	if (management->fault.kind || !function_is_done(management->response) || !f || !f->ends_tasks)
		return;
	s->concluded[s->concluded_at++ % SESSION_CONCLUDED] = (struct concluded){
		.function = management->function, .lun = management->lun, .cmd_sn = management->cmd_sn,
		.until = now + CONCLUDED_TIME * 1000 * MS };
	s->ruled = true;
	for (unsigned i = 0; i < s->members; i++) {
		struct member *m = member_at(s, i);
		struct session_event *ev;

		if (!m->conn)
			continue;
		ev = session_add_event(s, SESSION_EVENT_CONCLUDE);
		ev->conn = m->conn;
		ev->function = management->function;
		ev->lun = management->lun;
		ev->cmd_sn = management->cmd_sn;
	}
}

uint64_t rule_deadline(const struct session *s)
{
	uint64_t at = ENGINE_NEVER;

	for (unsigned i = 0; i < SESSION_CONCLUDED; i++)
		if (s->concluded[i].until && s->concluded[i].until < at)
			at = s->concluded[i].until;
	return at;
}

void rule_expire(struct session *s, uint64_t now)
{
	for (unsigned i = 0; i < SESSION_CONCLUDED; i++)
		if (s->concluded[i].until <= now)
			s->concluded[i].until = 0;
}

/* ---------------------------------------------------------------- the rule */

/* TRAP-2 */
static enum session_rule is_dead(struct session *s, struct task *task, const char *proof)
{
	fault_set(&task->fault, FAULT_CLOSED, 0, "%s; whether the command was executed is not known",
		  proof);
	task->outcome = TASK_LOST;
	task->state = TASK_NEW;
	s->wake |= tag_free(&s->shared->tags, task->itt);
	return RULE_DEAD;
}

/* IN-7 */
static enum session_rule is_given_up(struct session *s, struct task *task)
{
	enum session_rule rule = is_dead(s, task, "");

	fault_set(&task->fault, FAULT_GONE, 0, "the session did not come back in %u s; whether the "
		  "command was executed is not known", s->config.times.hold / 1000);
	return rule;
}

/* The connection that had it lives, or its end was not told yet. */
static bool has_conn(const struct session *s, uint32_t epoch)
{
	for (unsigned i = 0; i < s->members; i++)
		if (member_at(s, i)->conn && member_at(s, i)->conn->epoch == epoch)
			return true;
	return false;
}

/* RA-11: by the newest ExpCmdSN. One that the target never got is sent again at every level (MCS-14),
 * for nobody else can fill its hole (MCS-15, RA-2). */
static enum session_rule rule_up(struct session *s, struct task *task, bool acknowledged)
{
	const struct cleanup *it = cleanup_by_epoch(s, task->epoch);

	if (has_conn(s, task->epoch) || (it && (!it->clean || acknowledged)))
		return RULE_HOLD;
	if (!acknowledged || s->reassigns)
		return RULE_RESUME;
	return is_dead(s, task, "its connection was lost and logged out");
}

/* REC-12 */
enum session_rule session_rule(struct session *s, struct task *task)
{
	bool acknowledged = window_acknowledged(&s->shared->window, task->cmd_sn);

	switch (s->phase) {
	case PHASE_NEW:
	case PHASE_OPENING:
	case PHASE_OVER:
		return is_dead(s, task, "the session has ended");
	case PHASE_UP:
	case PHASE_LAPSED:
	case PHASE_CONTINUING:
	case PHASE_CLEARING:
	case PHASE_WAITING:
	case PHASE_REOPENING:
	case PHASE_CLOSING:
		break;
	}
	if ((int32_t)(task->epoch - s->epoch) < 0)
		return is_dead(s, task, "its connection was lost and the session reinstated");
	if (s->failed)
		return is_given_up(s, task);
	if (acknowledged && is_covered(s, task))
		return is_dead(s, task, "a task management function ended it");
	return s->phase == PHASE_UP ? rule_up(s, task, acknowledged) : RULE_HOLD;
}
