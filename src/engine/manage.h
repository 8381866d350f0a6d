/*
 * manage.h - task management requests of a connection (RFC 7143 sections 11.5, 11.6, 7.2.2): the
 * caller's, ABORT TASK for a command that is over its time, TASK REASSIGN.
 */
#ifndef ISCSIDSC_ENGINE_MANAGE_H
#define ISCSIDSC_ENGINE_MANAGE_H

#include "engine/conn.h"

/* When the oldest command is over its time, or a request of ours stays unanswered. */
uint64_t manage_deadline(const struct conn *c);
/* Returns 0, or negative after conn_fail. */
int manage_expire(struct conn *c, uint64_t now);
/* One of send.c's requests: false if there is more than may go now (TM-14). */
bool manage_send(struct conn *c, uint64_t now);
int manage_response(struct conn *c, const uint8_t *bhs, uint64_t now);
/* A Reject of a request with this tag. False: it is none of ours. */
bool manage_rejected(struct conn *c, uint32_t itt, uint8_t reason, uint64_t now);
/* Wants a TASK REASSIGN for a task that is TASK_REASSIGNING and in c->active. False: too many are
 * under way already. */
bool manage_reassign(struct conn *c, struct task *task);
/* A task has ended or left this connection: nothing refers to it any more. */
void manage_forget(struct conn *c, struct task *task);
/* The connection ended: requests come back, tasks that were to be reassigned stay adrift. */
void manage_end(struct conn *c, const struct fault *why);
/* True if ABORT TASK is under way for it. */
bool manage_aborts(const struct conn *c, const struct task *task);
/* True if data of the task may not be sent any more (FastAbort, TM-11; AS-6). */
bool manage_covers(const struct conn *c, const struct task *task);
/* Async event 5: the target ends the tasks of a logical unit. */
int manage_tasks_ended(struct conn *c, uint64_t lun);

#endif
