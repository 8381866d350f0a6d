/* resume.c - see resume.h. RFC 7143 sections 7.2.1, 7.2.2, 11.14. */
#include "engine/resume.h"

#include "engine/manage.h"

static void return_adrift(struct conn *c, struct task *task)
{
	task->outcome = TASK_SUSPENDED;
	conn_task_returned(c, task);
}

void resume_return(struct conn *c)
{
	list_for_each(it, &c->again) {
		struct task *task = list_entry(it, struct task, link);

		if (task->state == TASK_ADRIFT)
			return_adrift(c, task);
	}
}

/* From here on this connection has the allegiance, or may have it. */
static void take_over(struct conn *c, struct task *task, enum task_state state)
{
	tag_move(&c->shared->tags, task->itt, c->slot);
	task->state = (uint8_t)state;
	task->cid = c->cid;
	task->epoch = c->epoch;
}

/* RT-2, WIN-8, SN-7 */
static void send_again(struct conn *c, struct task *task, size_t *batch, uint64_t now)
{
	task->resent = true;
	c->wants |= WANT_NUMBER;
	data_put_command(c, task, now);
	*batch += PDU_BHS_LEN + task->sent;
}

/* RA-1, RA-3. What the engine ruled may be outdated: the target has got the command after all, and
 * below level 2 it can't be taken over (TOL-9). */
static void reassign(struct conn *c, struct task *task, uint64_t now)
{
	if (c->params.error_recovery_level < 2) {
		return_adrift(c, task);
		return;
	}
	if (!manage_reassign(c, task))
		return;
	take_over(c, task, TASK_REASSIGNING);
	task->sent_at = now;
	list_remove(&task->link);
	list_append(&c->active, &task->link);
}

bool resume_is_there(const struct conn *c, const struct task *task)
{
	return task->data.next || task->data.seen || window_acknowledged(&c->shared->window, task->cmd_sn);
}

/* It was rejected, or may have been: then the target has it after all (RT-4). */
static void repeat(struct conn *c, struct task *task, size_t *batch, uint64_t now)
{
	if (!resume_is_there(c, task)) {
		send_again(c, task, batch, now);
		return;
	}
	list_remove(&task->link);
	list_append(&c->active, &task->link);
}

static void go_on(struct conn *c, struct task *task, size_t *batch, uint64_t now)
{
	if (task->state == TASK_ACTIVE) {
		repeat(c, task, batch, now);
	} else if (c->state != CONN_S5_LOGGED_IN) {
		return; /* a logout was asked for: they will be returned */
	} else if (window_acknowledged(&c->shared->window, task->cmd_sn)) { /* RA-11 */
		reassign(c, task, now);
	} else {
		take_over(c, task, TASK_ACTIVE);
		send_again(c, task, batch, now);
	}
}

void resume_send(struct conn *c, size_t *batch, uint64_t now)
{
	list_for_each(it, &c->again) {
		if (c->over || *batch >= CONN_BATCH || !send_data_room(c))
			return;
		go_on(c, list_entry(it, struct task, link), batch, now);
	}
}

void resume_repeat(struct conn *c, struct task *task)
{
	list_remove(&task->data_link);
	task->bursts = 0;
	list_remove(&task->link);
	list_append(&c->again, &task->link);
}
