/*
 * logins.h - persistent logins: the list that callers fill and that each start of the service logs
 * in (restore.h does that). A login that is put on the list is not logged in by that.
 */
#ifndef ISCSIDSC_SERVICE_LOGINS_H
#define ISCSIDSC_SERVICE_LOGINS_H

#include "service/inside.h"

enum { LOGINS_MAX = 4096 };

/* See restore.c. */
enum login_state {
	LOGIN_RESTS,     /* there is nothing to do for it, until the next start */
	LOGIN_QUEUED,    /* its turn comes */
	LOGIN_TRIED,     /* it is being logged in */
	LOGIN_PAUSED,    /* it failed and is tried again later */
	LOGIN_AWAITED,   /* no address of its target is known yet */
};

struct restore_try;
struct svc_session;

/* Owned by service->logins. */
struct login {
	struct list link;
	struct service *service;
	struct store_login stored;  /* with secrets */
	enum login_state state;
	struct list queue;          /* in service->restore.queue while it is queued */
	struct restore_try *attempt; /* while it is tried */
	sd_event_source *timer;     /* while it is paused */
	unsigned failures;          /* in a row */
	bool first;                 /* the start waits for the end of its first try */
};

/* Reads them from the store. 0 or a negative errno. */
int logins_init(struct service *service);
void logins_free(struct service *service);

/* Stores it, in place of the one with the same target, instance, port and portal, whose connections
 * it keeps. Takes the heap parts of *stored over on success. Returns an ISDSC status. */
uint32_t logins_put(struct service *service, struct store_login *stored);
/* Removes all that match: "" any instance, PORT_NUMBER_ANY all ports, no portal all portals.
 * Sessions stay. Returns an ISDSC status: ISDSC_TARGET_NOT_FOUND if there was none. */
uint32_t logins_remove(struct service *service, const char *instance, uint32_t port_number,
		       const char *name, const struct portal *portal);

/* Whether some login to that target, which is not for information only, comes back. */
bool logins_bring(const struct service *service, const char *name);
/* Whether the session was made by that login, or could have been. */
bool logins_match(const struct login *login, const struct svc_session *session);
/* The login that the session was made by, or could have been; NULL if there is none. */
struct login *logins_of(const struct svc_session *session);
/* Whether added connections of sessions to that target come back: the setting. */
bool logins_keep_conns(const struct service *service, const char *target);
/* A caller has added or removed a connection, or stored the login: where the setting
 * persistent-connections is on, those that the session has now are stored with its login; where it is off,
 * none. */
void logins_follow_conns(struct svc_session *session);

#endif
