/*
 * snack.h - asking for what a digest error cost (RFC 7143 sections 7.8, 7.9, 11.16; recovery level
 * 1 and above), and acknowledging data.
 */
#ifndef ISCSIDSC_ENGINE_SNACK_H
#define ISCSIDSC_ENGINE_SNACK_H

#include "engine/conn.h"

/* A PDU was discarded for its data digest (DIG-3 to DIG-5): what was lost will be found out by the
 * next numbers; a ping makes them come. Returns 0, or negative after conn_fail (level 0, or too
 * many). Also for a Reject that names nothing of ours. */
int snack_digest_error(struct conn *c);
/* StatSN numbers are missing below `end`. */
void snack_want_status(struct conn *c, uint32_t end);
/* Data-In PDUs or R2Ts of the task are missing, or its status with the right SNACK tag. */
void snack_want_data(struct conn *c, struct task *task);
/* The target asked by the A bit for an acknowledgement of all below `sn` (IN-5). */
void snack_want_ack(struct conn *c, struct task *task, uint32_t sn, uint32_t ttt, uint64_t lun);
/* Something of the task came: asks for what is known to be missing, or needs to wait no more. */
void snack_look(struct conn *c, struct task *task);
/* A status came that may be the last one missing. */
void snack_status_came(struct conn *c);
/* The ping with this tag was answered: all that the target sent before has come or is lost. Asks
 * again, if the ping left behind the last SNACK. */
int snack_probe_answered(struct conn *c, uint32_t itt, uint64_t now);
/* The pause before what was asked for in vain is asked for again, c->ask_at, is over. */
void snack_expire(struct conn *c, uint64_t now);
/* A SNACK was rejected (DIG-4). */
int snack_rejected(struct conn *c, const uint8_t *bhs, uint8_t reason);
/* Sends what is wanted; false if there is more than fits now. One of send.c's requests. */
bool snack_send(struct conn *c);
/* The task ended or left this connection. */
void snack_forget(struct conn *c, struct task *task);
/* What goes out as ExpStatSN: never beyond a status whose data are missing (ST-5, TRAP-15). */
uint32_t snack_exp_stat_sn(const struct conn *c);

#endif
