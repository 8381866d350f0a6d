/*
 * resume.h - tasks that were suspended when their connection ended go on here (RFC 7143 sections
 * 7.2.1, 7.2.2): those that the target never got are sent again with their number (MCS-14), the
 * others are reassigned (RA-1).
 */
#ifndef ISCSIDSC_ENGINE_RESUME_H
#define ISCSIDSC_ENGINE_RESUME_H

#include "engine/conn.h"

/* Sends again, or hands to task management, what waits in c->again. Needs no number. */
void resume_send(struct conn *c, size_t *batch, uint64_t now);
/* The tasks in c->again come back as they were. */
void resume_return(struct conn *c);
/* Sends a command again on its own connection: the target threw it away, or may never have got it
 * (RT-2). A numbered ping follows it (WIN-8). */
void resume_repeat(struct conn *c, struct task *task);
/* The target has got the command: it counted it, or sent an R2T or data. */
bool resume_is_there(const struct conn *c, const struct task *task);

#endif
