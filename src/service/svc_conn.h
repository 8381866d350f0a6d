/*
 * svc_conn.h - connections of a session as the API asked for them: the first login's, added ones,
 * and removal. For svc_session.c and the calls.
 */
#ifndef ISCSIDSC_SERVICE_SVC_CONN_H
#define ISCSIDSC_SERVICE_SVC_CONN_H

#include "service/svc_session.h"

/* A connection without portal yet, last in the session's list. NULL without memory. */
struct svc_conn *svc_conn_new(struct svc_session *session);
/* Frees all; calls that still wait are told that the session is gone. */
void svc_conn_free_all(struct svc_session *session);
/* Hands it to the nexus, whose answer comes back to svc_conn_answered. */
void svc_conn_start(struct svc_conn *conn, const struct conn_options *options);
/* Of the nexus: a login or a removal ended. */
void svc_conn_answered(struct svc_session *session, void *token, const struct fault *fault,
		       const struct nexus_conn *up);
/* Tells an asker that it gets nothing. */
void svc_asker_refuse(const struct svc_asker *asker, uint32_t status);
/* Answers whoever waits for this connection, a call with its ids for success. */
void svc_conn_reply(struct svc_conn *conn, uint32_t status);
/* Tells the nexus the portals of the session's group. */
void svc_conn_set_portals(struct svc_session *session);
/* Whether a login or a removal is under way. */
bool svc_conn_any_pending(const struct svc_session *session);

/* In svc_session.c: the first login ended. */
void svc_session_login_failed(struct svc_session *session, struct svc_conn *conn,
			      const struct fault *fault);
void svc_session_logged_in(struct svc_session *session, struct svc_conn *conn,
			   const struct nexus_conn *up);

#endif
