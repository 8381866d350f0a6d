/*
 * restore.h - what the start of the service brings back: persistent logins, with their added
 * connections where the setting persistent-connections is on. A bounded number at a time; what
 * fails is tried again in the background. And when the service is ready: once all logins have been
 * tried and the bound devices (bound.h) are there, each with a limit.
 */
#ifndef ISCSIDSC_SERVICE_RESTORE_H
#define ISCSIDSC_SERVICE_RESTORE_H

#include "service/logins.h"

enum { RESTORE_AT_ONCE = 64, RESTORE_PAUSE_MAX = 60, RESTORE_PAUSE_REFUSED = 300 };

/* The service starts; discoveries at all portals have begun. */
void restore_start(struct service *service);
/* They have ended, each for the first time. */
void restore_discovered(struct service *service);
/* targets.h: a target has become known, or another address of one. `ctx` is the service. */
void restore_told(void *ctx);
/* The login is leaving the list. A try that is under way goes on without it. */
void restore_forget(struct login *login);
/* There will be no more tries. */
void restore_stop(struct service *service);
/* A reason to wait may have gone: tells, once, that the service is ready. */
void restore_look(struct service *service);

/* Seconds from a failure with that status to the next try. */
uint64_t restore_pause(const struct service *service, uint32_t status, unsigned failures);

/* ---- restore_conns.c */

/* The session of a login is up again: adds the connections that are stored with it, and goes on
 * until they are there, or the session is gone. */
void restore_conns(struct svc_session *session, const struct login *login);
/* Calls `each` for those of the session that are not there yet. */
void restore_conns_each(const struct svc_session *session,
			void (*each)(void *ctx, const struct store_login_conn *conn), void *ctx);
void restore_conns_stop(struct service *service);

#endif
