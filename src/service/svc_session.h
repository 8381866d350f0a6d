/*
 * svc_session.h - the service's record of a session to a target: its ids at the API, its nexus, its
 * connections and its units. From the moment a login is asked for (which reserves its place) until
 * nexus and disks are gone.
 */
#ifndef ISCSIDSC_SERVICE_SVC_SESSION_H
#define ISCSIDSC_SERVICE_SVC_SESSION_H

#include "disk/disk.h"
#include "scsi/sense.h"
#include "service/bus_call.h"
#include "service/inside.h"

enum svc_state {
	SVC_LOGIN,    /* the first login is under way; not listed */
	SVC_UP,       /* logged in, or being brought back */
	SVC_CLOSING,  /* disks are being closed, then the nexus */
};

enum { SVC_UNITS_MAX = 256, SVC_DEVICE_SECONDS = 10, SVC_CLOSE_SECONDS = 5 };

struct svc_session;

/* What an answer of the nexus is for. */
struct svc_ask {
	struct svc_conn *conn;       /* a login; NULL: a removal */
	struct bus_call *call;       /* of a removal */
	uint64_t id;                 /* of the connection to be removed */
};

/* Who waits for a login: a call of a client, or the service itself by `done`. For status 0 the session
 * is up, else it may not be there. */
struct svc_asker {
	struct bus_call *call;
	void (*done)(void *ctx, uint32_t status, struct svc_session *session);
	void *ctx;
};

/* A connection as the API asked for it. */
struct svc_conn {
	struct list link;            /* owned by svc_session.conns */
	struct svc_session *session;
	uint64_t id;
	bool pending;                /* its login is under way */
	char text[OPTIONS_TEXT];     /* the portal as the caller wrote it */
	char host[OPTIONS_TEXT];     /* the same without brackets */
	uint16_t port;
	struct svc_asker asker;      /* waits for the login */
	struct svc_ask ask;          /* the login's */
	struct store_login_conn *asked; /* of an added one; has secrets */
	uint64_t security_flags;     /* of an added one: those that counted then */
};

/* A logical unit. */
struct svc_unit {
	struct list link;            /* owned by svc_session.units, in the order of their LUNs */
	struct svc_session *session;
	struct disk *disk;
	uint64_t lun;                /* raw SAM form */
	uint8_t os_lun;              /* number in listings; stays while others come and go */
	uint64_t blocks;             /* as told last */
	bool ready, closed;
	bool back;                   /* closed, and to be opened anew once it has ended */
};

/* A call that waits until the units are known. */
struct svc_waiter {
	struct list link;            /* owned by svc_session.waiters */
	struct svc_session *session;
	struct bus_call *call;
	sd_event_source *timer;
};

struct svc_session {
	struct list link;            /* owned by service->sessions */
	struct service *service;
	enum svc_state state;
	uint64_t specific;           /* AdapterSpecific */
	bool informational;
	uint8_t bus_number, target_number; /* SCSI address at the API */
	struct mappings mappings;    /* asked for; owned */
	struct target *target;       /* held */
	char target_name[NAME_MAX_LEN + 1], initiator_name[NAME_MAX_LEN + 1];
	struct isid_use isid;
	uint32_t port_number;
	struct portal portal;        /* that the login named */
	uint64_t security_flags;     /* of the login; with those of a portal they decide there */
	struct preshared_key key;    /* of the login; no bytes: none */
	struct effective effective;  /* of the first connection; has secrets */
	struct defaults settings;    /* those that held for the target at the login */
	int tag;                     /* portal group, -1 unknown */
	struct nexus *nexus;         /* NULL once it ended */
	struct list conns;
	uint64_t pause_ns;           /* of the last recovery */

	/* the first login */
	bool may_hop;                /* other portals may be tried */
	bool again;                  /* it is tried again and again: no news in its failure */
	char first_host[OPTIONS_TEXT]; /* the one that was asked for: it is not tried twice */
	uint16_t first_port;
	unsigned next_address;       /* of the target, for target_address */
	sd_event_source *login_timer;
	bool login_over;             /* no more tries */

	/* units */
	struct list units;
	unsigned unit_count, units_unready, units_open;
	bool inquired;               /* what the target is was asked, with whatever result */
	bool probing;                /* the list of units is being made */
	bool search_again;           /* it changed meanwhile, or the target was too busy to tell it */
	unsigned search_tries;       /* times in a row that it was too busy */
	sd_event_source *search_timer; /* NULL: no search is to come */
	struct list waiters;

	/* the end */
	struct bus_call *patient;    /* a logout that waits for the last NBD client to go */
	sd_event_source *patient_timer;
	unsigned patient_looks;
	struct bus_call *logout;     /* waits for it */
	sd_event_source *close_timer;
};

/* What LoginIScsiTarget asked for. Answers, now or later. */
struct svc_login {
	struct target *target;
	bool informational;
	uint32_t port_number;
	struct portal portal;        /* absent: any of the target's */
	uint64_t security_flags;
	struct preshared_key key;
	struct options options;      /* members not specified: the static target's, then defaults */
	struct mappings mappings;    /* lent; absent: the static target's */
	bool mappings_wished;        /* bus and target may be others where they are taken */
	bool again;                  /* it failed before, and that was told */
};

/* `done` may be called before it returns. */
void svc_session_login(const struct svc_asker *asker, struct service *service,
		       const struct svc_login *login);
/* By the id that the API knows; NULL if there is none that is up. */
struct svc_session *svc_session_find(struct service *service, uint64_t unique, uint64_t specific);
/* Adds a connection; answers. */
void svc_session_add(struct svc_session *session, const struct svc_asker *asker,
		     const struct store_login_conn *asked);
void svc_session_remove(struct svc_session *session, struct bus_call *call, uint64_t conn_id);
/* Frees the record once nothing of it is left, and answers the logout that waits for that. */
void svc_session_try_free(struct svc_session *session);
/* Whether a connection of the session can be had there: see connect_check. */
bool svc_session_may_use(const struct svc_session *session, const char *host,
			 uint32_t port_number);
/* How the API shows a connection's portal; text of the caller unless the target redirected it. */
const char *svc_session_portal_text(const struct svc_session *session,
				    const struct nexus_conn *conn);

/* ---- calls_policy.c, calls_task.c */

/* Gives a session that has logged in the load balance policy of the settings. */
void policy_begin(struct svc_session *session);
/* Of the nexus: the answer to a task management function; ends the call. */
void svc_session_managed(struct svc_session *session, struct bus_call *call,
			 const struct fault *fault, uint8_t response);

/* ---- units.c */

/* Begins to look for units, and to serve those that are disks. */
void units_find(struct svc_session *session);
/* Asks the target for its list of units again, a little later: those that are new get disks, those
 * that are gone are closed. Any number of calls meanwhile are one. */
void units_search(struct svc_session *session);
/* The session came back: looks whether its units are still what they were. */
void units_look(struct svc_session *session);
/* Sense data that a unit of this nexus sent ask for a look; any sense data may be given. */
void units_hinted(struct service *service, const struct nexus *nexus, uint64_t lun,
		  const struct sense *sense);
/* Closes all disks. svc_session_units_closed is told when none is left. */
void units_close(struct svc_session *session);
/* Nothing more of the units is to be expected soon. */
bool units_settled(const struct svc_session *session);
/* Answers GetDevicesForIScsiSession once the units are known, no search is to come, or
 * SVC_DEVICE_SECONDS went by. */
void units_wait(struct svc_session *session, struct bus_call *call);
/* Ends all waiting calls; the session closes. */
void units_forget_waiters(struct svc_session *session);
/* Answers GetDevicesForIScsiSession. In calls_session.c. */
void devices_answer(struct svc_session *session, struct bus_call *call);
/* ---- svc_logout.c */

/* Closes disks, logs out; the call (may be NULL) ends with it. */
void svc_session_close(struct svc_session *session, struct bus_call *call);
/* The same, unless a disk is in use. */
void svc_session_logout(struct svc_session *session, struct bus_call *call);
/* A disk was closed. */
void svc_session_units_closed(struct svc_session *session);
/* Answers the logout that waits for an NBD client to go, if there is one. */
void svc_session_patient_answer(struct svc_session *session, uint32_t status);

#endif
