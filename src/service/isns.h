/*
 * isns.h - the iSNS servers: their list, and what goes on with each (RFC 4171). We register as an
 * initiator, ask for the targets that the server lets us see, ask again for a node that it says has
 * changed, and for all when it was away and every few minutes. What it tells goes to targets.h.
 */
#ifndef ISCSIDSC_SERVICE_ISNS_H
#define ISCSIDSC_SERVICE_ISNS_H

#include "proto/isns.h"
#include "service/inside.h"
#include "service/isns_link.h"
#include "service/isns_scn.h"

enum { ISNS_CHANGES_MAX = 32 }; /* more are asked for with all the others */

enum isns_state {
	ISNS_RESTING,     /* there is no link; the timer brings the next try */
	ISNS_CONNECTING,
	ISNS_UNNAMING,    /* what is registered under an earlier node name is withdrawn */
	ISNS_REGISTERING,
	ISNS_SUBSCRIBING, /* to notifications */
	ISNS_QUERYING,    /* for all targets at once */
	ISNS_WALKING,     /* there are too many for this server: one after the other; for the next name */
	ISNS_LOOKING,     /* walking: for the addresses of that one */
	ISNS_CHANGING,    /* for a node that the server named as changed */
	ISNS_READY,       /* all is known; the timer brings the next query */
	ISNS_DEPARTING,   /* to leave once the last question was answered */
	ISNS_LEAVING,     /* withdrawing our registration; the last state */
};

/* What the server told of since the last query began. */
struct isns_changes {
	bool all;         /* more than names can tell */
	unsigned count;
	unsigned round;   /* of these, the first ones, to be asked for before the server has a rest */
	char name[ISNS_CHANGES_MAX][NAME_MAX_LEN + 1];
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
	char registered_as[NAME_MAX_LEN + 1]; /* the name that it may know us by; "": none */
	bool registered;            /* by this link */
	bool known;                 /* a query worked since then */
	uint64_t known_since;       /* usec */
	bool subscribed;
	struct isns_changes changes;
	uint64_t queried_at;        /* usec */
	uint32_t period;            /* seconds that it keeps us without a word; 0: not told */

	char asked_name[NAME_MAX_LEN + 1]; /* one node's; walking: the last one */
	uint64_t walk_since;
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

/* ---- isns_change.c */

/* The nodes that a notification names; behind our own name. */
void isns_changes_note(struct isns_changes *changes, struct bytes_reader *named);
bool isns_changes_any(const struct isns_changes *changes);
void isns_changes_clear(struct isns_changes *changes);
/* Takes the oldest off the list: it is asked for now. There is one. A round is what is on the list when
 * it begins: what comes meanwhile waits for the next, so that notifications without end hold up nothing. */
void isns_change_next(struct isns_server *server);
/* What the server tells of that one; nothing: it has gone. 0, -EPROTO or -ENOMEM. */
int isns_change_take(struct isns_server *server, struct bytes_reader *attributes);

/* ---- isns_walk.c: one node after the other */

/* The attributes of one answer join those of the others. -EMSGSIZE: too many; -ENOMEM. */
int isns_walk_add(struct isns_server *server, const struct bytes_reader *attributes);
/* Whether the node whose attributes these are is a target; its name is where the walk goes on. -EPROTO:
 * it has none. */
int isns_walk_step(struct isns_server *server, struct bytes_reader attributes);
/* Forgets what was told. */
void isns_walk_end(struct isns_server *server);

#endif
