/*
 * logout.h - Logout Requests of a connection (RFC 7143 sections 11.14, 11.15): its own, and that
 * for another connection of the session which has ended (LO-4).
 */
#ifndef ISCSIDSC_ENGINE_LOGOUT_H
#define ISCSIDSC_ENGINE_LOGOUT_H

#include "engine/conn.h"

/* Requests of send.c: false if it can't go yet. */
bool logout_send(struct conn *c, uint64_t now);
bool logout_send_cleanup(struct conn *c, uint64_t now);
/* A Logout Response. Returns 0, or negative if the connection has ended, well or not. */
int logout_response(struct conn *c, const uint8_t *bhs, uint64_t now);
/* A Reject of a request with this tag. False: it is none of ours. The connection may have ended. */
bool logout_rejected(struct conn *c, uint32_t itt, uint8_t reason, uint64_t now);
/* When the Logout for another connection goes out again, or its answer is overdue. */
uint64_t logout_deadline(const struct conn *c);
void logout_expire(struct conn *c, uint64_t now);
/* The connection ended: the cleanup has failed, tags are let go. */
void logout_end(struct conn *c, const struct fault *why);

#endif
