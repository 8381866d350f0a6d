/*
 * svc_notes.h - what the nexus of a session tells of itself while it is up: for the log, for the
 * units, and for calls that wait. Its answers about logins and its end are svc_session.c's.
 *
 * Each is a function of struct nexus_ops, which has the contract; ctx is the svc_session.
 */
#ifndef ISCSIDSC_SERVICE_SVC_NOTES_H
#define ISCSIDSC_SERVICE_SVC_NOTES_H

#include "drive/drive.h"

void svc_note_text(void *ctx, void *token, const struct fault *fault, const char *text,
		   size_t len);
void svc_note_state(void *ctx, enum session_event_kind kind, const struct fault *why,
		    uint64_t pause_ns);
void svc_note_conn(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why);
void svc_note_async(void *ctx, const struct conn_async *async);
/* The token is the struct bus_call that asked for the function; its reply is the response. */
void svc_note_managed(void *ctx, void *token, const struct fault *fault, uint8_t response);
void svc_note_verify(void *ctx, struct nexus_question *question, const struct chap_question *chap);
void svc_note_conn_doubt(void *ctx, const struct nexus_conn *conn, bool doubted);

#endif
