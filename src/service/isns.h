/*
 * isns.h - the iSNS servers: their list, and what goes on with each (RFC 4171). We register as an
 * initiator, ask for the targets that the server lets us see, and ask again when it tells of a change,
 * when it was away, and every few minutes. What it tells goes to targets.h.
 */
#ifndef ISCSIDSC_SERVICE_ISNS_H
#define ISCSIDSC_SERVICE_ISNS_H

#include "proto/isns.h"
#include "service/inside.h"
#include "service/isns_link.h"
#include "service/isns_scn.h"

enum isns_state {
	ISNS_RESTING,     /* there is no link; the timer brings the next try */
	ISNS_CONNECTING,
	ISNS_UNNAMING,    /* what is registered under an earlier node name is withdrawn */
	ISNS_REGISTERING,
	ISNS_SUBSCRIBING, /* to notifications */
	ISNS_QUERYING,    /* for all targets at once */
	ISNS_WALKING,     /* there are too many for this server: one after the other; for the next name */
	ISNS_LOOKING,     /* walking: for the addresses of that one */
	ISNS_READY,       /* all is known; the timer brings the next query */
	ISNS_DEPARTING,   /* to leave once the last question was answered */
	ISNS_LEAVING,     /* withdrawing our registration; the last state */
};

struct isns_server {
	struct list link;           /* owned by service->isns.servers, at the end by .leaving */
	struct service *service;
	char address[OPTIONS_TEXT]; /* as it was given */
	char host[OPTIONS_TEXT];
	uint16_t port;
	struct target_source *tells;

	enum isns_state state;
	struct isns_link *tcp;
	struct isns_scn *scn;       /* NULL: it can't tell us of changes */
	uint8_t own[ISNS_ADDRESS_LEN]; /* where that is */
	sd_event_source *timer;
	unsigned failures;          /* to reach it, in a row */
	bool failing;               /* was told in the log */
	uint64_t ready_since;       /* usec */
	char registered_as[NAME_MAX_LEN + 1]; /* the name that it may know us by; "": none */
	bool registered;            /* by this link */
	bool known;                 /* a query worked since then */
	bool subscribed;
	bool changed;               /* it told so after the last query began */
	uint32_t period;            /* seconds that it keeps us without a word; 0: not told */

	uint64_t walk_since;
	char walk_name[NAME_MAX_LEN + 1]; /* the last one */
	unsigned walk_count;
	uint8_t *walked;            /* attributes, as if one answer had told them all */
	size_t walked_len, walked_room;

	struct list waiting, served; /* callers: for the next query, and for this one */
};

/* Reads the list from the store. 0 or a negative errno. */
int isns_init(struct service *service);
void isns_free(struct service *service);

/* NULL: unknown. */
struct isns_server *isns_find(struct service *service, const char *address);
/* Stores it, if it is new. 0; -EINVAL: it can be no address; -ENOSPC: too many; or the store's error. */
int isns_add(struct service *service, const char *address, struct isns_server **ret);
/* Off the list and out of the store. What it told of targets stays. */
int isns_remove(struct service *service, struct isns_server *server);

/* Asks for the targets. `done` is called once, maybe at once, with an ISDSC status and, where it
 * failed, why, "" where the status says it all. */
void isns_refresh(struct isns_server *server,
		  void (*done)(void *ctx, uint32_t status, const char *why), void *ctx);
/* Our node name is another. */
void isns_renamed(struct service *service);
/* Leaves all servers; service_check_stopped is called when that is over. */
void isns_stop(struct service *service);

/* ---- for isns.c: isns_server.c's part */

/* NULL: no memory. The host is checked. */
struct isns_server *isns_server_new(struct service *service, const char *address, const char *host,
				    uint16_t port);
/* Callers are told `status`. Ends it in order, at most seconds later; it is off the list at once. */
void isns_server_leave(struct isns_server *server, uint32_t status);
/* Nobody waits any more. */
void isns_server_free(struct isns_server *server);
void isns_server_renamed(struct isns_server *server);

/* ---- for isns_server.c */

/* The attributes of its state's question; the function, 0 if the state has none. */
unsigned isns_question_put(const struct isns_server *server, struct bytes_writer *writer);

#endif
