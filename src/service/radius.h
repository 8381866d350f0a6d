/*
 * radius.h - RADIUS servers, and asking them whether a target's CHAP response is right
 * (ISCSI_LOGIN_FLAG_USE_RADIUS_VERIFICATION; RFC 7143 section 9.2.1).
 *
 * A client of our own (the exchange is proto/radius.h), because it has to answer many logins at once
 * without a thread for each, takes secrets of any bytes, and has to insist on Message-Authenticator,
 * which the libraries in use don't check. All of it is on the control thread, and nothing blocks.
 *
 * Servers are asked in the order of the list; those that were silent of late come last. One has the
 * setting radius-time to answer, being asked once a second; one that refuses to listen costs no time.
 */
#ifndef ISCSIDSC_SERVICE_RADIUS_H
#define ISCSIDSC_SERVICE_RADIUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/list.h"
#include "proto/radius.h"

struct nexus_question;
struct service;

enum {
	RADIUS_ADDRESS_MAX = 39,   /* bytes, by the API */
	RADIUS_SERVERS_MAX = 16,
	RADIUS_SECRET_LEAST = 22,  /* bytes, by the API */
	RADIUS_SECRET_MOST = 26,
	RADIUS_ASKS_MAX = 128,     /* under way at a time; more wait */
	RADIUS_SILENCE = 60,       /* seconds that a silent server comes last */
};

struct radius_server {
	struct list link;          /* owned by struct radius */
	char address[RADIUS_ADDRESS_MAX + 1]; /* as the caller wrote it */
	char host[RADIUS_ADDRESS_MAX + 1]; /* the same without brackets */
	bool authenticates;        /* an answer of it had a Message-Authenticator: so must all later ones */
	uint64_t silent_until;     /* microseconds of CLOCK_MONOTONIC; 0: it is not */
};

struct radius {
	struct list servers;
	unsigned server_count;
	struct radius_secret secret; /* len 0: none */
	struct list asks;          /* radius_ask.c; owned */
	unsigned asking;           /* so many have begun */
	bool closed;               /* no more, the service stops */
};

/* ---- radius.c: the list and the secret, as stored */

void radius_init(struct radius *radius);
int radius_load(struct service *service);
/* Ends what is asked. */
void radius_done(struct service *service);
/* By address, in whatever form; NULL if it is not in the list. */
struct radius_server *radius_find(struct service *service, const char *address);
/* Each: 0 or a negative errno. Adding one that is there changes nothing; -EINVAL for what is no address,
 * -ENOSPC for too many. */
int radius_add(struct service *service, const char *address);
int radius_remove(struct service *service, struct radius_server *server);
/* None: length 0. Else the caller has checked the length. */
int radius_set_secret(struct service *service, const uint8_t *secret, unsigned len);
/* Whether there is anybody to ask. */
bool radius_is_ready(const struct service *service);

/* ---- radius_ask.c */

/* Asks, for at most the setting login-time. `done` is called once, perhaps at once: FAULT_NONE, the
 * response is right; FAULT_AUTH, a server rejected it; FAULT_VERIFIER, nobody could tell; or what else
 * came between. The question is copied. */
void radius_ask(struct service *service, const struct chap_question *question,
		void (*done)(void *ctx, const struct fault *why), void *ctx);
/* For nexus_ops.verify. */
void radius_verify(struct service *service, struct nexus_question *question,
		   const struct chap_question *chap);
/* The service stops: ends all with FAULT_ABANDONED. */
void radius_stop(struct service *service);

#endif
