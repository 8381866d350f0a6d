/*
 * conn_task.c - tasks come to a connection and leave it: given, concluded, suspended (RFC 7143
 * sections 4.2.5, 7.1.4.3). What is sent of them and what comes: data_out.c, data_in.c.
 */
#include "engine/conn.h"
#include "engine/manage.h"
#include "engine/resume.h"
#include "engine/snack.h"

void conn_task_returned(struct conn *c, struct task *task)
{
	list_remove(&task->link);
	list_append(&c->done, &task->link);
}

/* Nothing on this connection refers to it any more, but what is lent. */
static void leave(struct conn *c, struct task *task, enum task_outcome outcome,
		  enum task_state state)
{
	task->outcome = outcome;
	task->state = (uint8_t)state;
	task->bursts = 0;
	list_remove(&task->data_link);
	snack_forget(c, task);
	manage_forget(c, task);
	if (!task->lent)
		conn_task_returned(c, task);
}

void conn_conclude(struct conn *c, struct task *task, enum task_outcome outcome)
{
	tag_free_by(&c->shared->tags, &c->hand, task->itt);
	if (outcome == TASK_COMPLETE) {
		c->answered_sent_at = task->sent_at;
		c->answered_lun = task->lun;
		task->had_arrived = window_acknowledged(&c->shared->window, task->cmd_sn);
	}
	leave(c, task, outcome, TASK_ENDED);
}

/* RA-4, REC-12 */
void conn_suspend(struct conn *c, struct task *task)
{
	tag_leave(&c->shared->tags, task->itt);
	leave(c, task, TASK_SUSPENDED, TASK_ADRIFT);
}

void conn_unsent(struct conn *c, struct task *task)
{
	task->outcome = TASK_UNSENT;
	task->state = TASK_NEW;
	task->epoch = c->epoch;
	conn_task_returned(c, task);
}

void conn_return_ready(struct conn *c)
{
	struct list *item;

	while ((item = list_pop(&c->ready)))
		conn_unsent(c, list_entry(item, struct task, link));
	c->ready_len = 0;
}

unsigned conn_waiting(const struct conn *c)
{
	return c->ready_len;
}

static void submit_new(struct conn *c, struct task *task, bool takes)
{
	task->state = TASK_NEW;
	task->lent = 0;
	task->epoch = c->epoch;
	task->resent = false;
	task->link = task->data_link = task->wait_link = task->ack_link = (struct list){ NULL, NULL };
	task->fault.kind = FAULT_NONE;
	if (!takes) {
		conn_unsent(c, task);
		return;
	}
	list_append(&c->ready, &task->link);
	c->ready_len++;
}

void conn_submit(struct conn *c, struct task *task, uint64_t now)
{
	bool takes = c->state == CONN_S5_LOGGED_IN && !c->draining;

	(void)now;
	if (task->outcome != TASK_SUSPENDED)
		submit_new(c, task, takes);
	else
		list_append(takes ? &c->again : &c->done, &task->link);
}

void conn_return_tasks(struct conn *c, const struct fault *why)
{
	struct list *item;

	resume_return(c);
	list_splice(&c->active, &c->again); /* those that were to be repeated here */
	while ((item = list_pop(&c->active))) {
		struct task *task = list_entry(item, struct task, link);

		task->lent = 0;
		if (task->state == TASK_ENDED || task->state == TASK_ADRIFT) { /* waited for lent memory */
			conn_task_returned(c, task);
			continue;
		}
		task->fault = *why;
		conn_suspend(c, task);
	}
	conn_return_ready(c);
}
