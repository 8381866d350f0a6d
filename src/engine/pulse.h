/*
 * pulse.h - whether the target is still there (RFC 7143 sections 10.3, 11.18, 11.19): our pings,
 * the answers to the target's, the round trip, and what silence means.
 *
 * A silent cut shows as requests that wait while nothing comes. After a patience that follows the
 * measured round trip a ping goes out, and the caller is asked to look at the transport
 * (CONN_EVENT_DOUBT); a ping that stays unanswered ends the connection (NOP-6).
 */
#ifndef ISCSIDSC_ENGINE_PULSE_H
#define ISCSIDSC_ENGINE_PULSE_H

#include "engine/conn.h"

/* ---- what receiving tells */

/* Bytes came. For conn_received. */
void pulse_heard(struct conn *c, uint64_t now);
/* One exchange took that long (TIM-4). Any may be told; logins and pings are. */
void pulse_measured(struct conn *c, uint64_t took);
/* A NOP-In, or a Reject, for the ping with this tag. False: none of ours waits for it. */
bool pulse_answered(struct conn *c, uint32_t itt, uint64_t now);
/* Queues a NOP-Out without a tag of its own: the answer to a target's ping (NOP-1), or with the tag
 * ffffffff what only acknowledges (AS-6, ST-7). Returns 0, or negative after conn_fail: too
 * many. */
int pulse_answer(struct conn *c, uint32_t ttt, uint64_t lun);
/* Wants a ping that goes out whatever comes meanwhile: its answer tells that all that the target
 * sent before has come or is lost. Several before it leaves are one. */
void pulse_probe(struct conn *c);

/* ---- sending; requests of send.c: false if there is more than may go now */

bool pulse_send_answers(struct conn *c, uint64_t now);
bool pulse_send_ping(struct conn *c, uint64_t now);
/* A ping with a number of its own, so that a later number than that of a repeated command is
 * acknowledged on this connection (WIN-8). */
bool pulse_send_numbered(struct conn *c, uint64_t now);
/* Bytes left. For conn_sent. */
void pulse_left(struct conn *c, uint64_t now);

/* ---- time */

uint64_t pulse_deadline(const struct conn *c);
/* Returns 0, or negative after conn_fail. */
int pulse_expire(struct conn *c, uint64_t now);
/* The connection ended: lets go of the pings' tags. */
void pulse_end(struct conn *c);

#endif
