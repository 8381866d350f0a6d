/*
 * protection.h - one protection, for the files of IPsec; ipsec.h says what it is.
 *
 * Life. Down, it is brought up: charon is asked what it has (LOOKING); an SA that covers the portal is
 * taken, a trap of the administrator's is sprung (SPRINGING), else ours is tried in one way after the
 * other (TRYING, after each failure CLEARING), and the SA that came of it is looked at (CONFIRMING). UP,
 * it is told when its SA goes, and is brought up again if it is in use. ENDING takes everything of
 * ours out of charon.
 */
#ifndef ISCSIDSC_SERVICE_PROTECTION_H
#define ISCSIDSC_SERVICE_PROTECTION_H

#include "base/fault.h"
#include "net/guard.h"
#include "service/ipsec.h"
#include "service/ipsec_plan.h"

enum protection_state {
	PROTECTION_DOWN, PROTECTION_LOOKING, PROTECTION_SPRINGING, PROTECTION_TRYING,
	PROTECTION_CLEARING, PROTECTION_CONFIRMING, PROTECTION_UP, PROTECTION_ENDING,
};

enum { PROTECTION_NAME_ROOM = 64, PROTECTION_ID_ROOM = 272, PROTECTION_ADDRESS_ROOM = 64 };

/* A passage that waits for it. */
struct ipsec_ask {
	struct list link;
	struct passage *passage;
	bool clear;                  /* it asks for none, and can do without */
};

/* What charon has, gathered while it tells. */
struct protection_look {
	bool user_space;             /* kernel-libipsec */
	bool found;                  /* an SA that covers the portal */
	bool own;                    /* it is this protection's own */
	bool phase_1;                /* an IKE SA of IKEv1 with the peer is up */
	char ike[VICI_NAME_ROOM];    /* of the administrator's trap */
	char child[VICI_NAME_ROOM];
};

/* An SA that covers the portal, as it was told last. */
struct protection_sa {
	uint32_t ike_id, child_id, reqid;
	unsigned version;
	enum vici_mode mode;
	char ike[VICI_NAME_ROOM], child[VICI_NAME_ROOM];
	char local[VICI_HOST_ROOM], remote[VICI_HOST_ROOM]; /* of IKE */
	struct ipsec_shown shown;
};

struct protection {
	struct list link;            /* owned by ipsec->protections */
	struct service *service;
	enum protection_state state;

	/* constant */
	char name[PROTECTION_NAME_ROOM]; /* of the connection and the child */
	struct sockaddr_storage local, portal; /* the portal with its port */
	char local_text[PROTECTION_ADDRESS_ROOM], portal_text[PROTECTION_ADDRESS_ROOM];
	uint16_t port;
	uint32_t reqid;

	/* how; new with each wish that finds it unused */
	uint64_t flags;
	struct preshared_key key;    /* no bytes: none is known */
	char outer[OPTIONS_TEXT];    /* the tunnel's other end; "": the portal itself */
	char local_id[PROTECTION_ID_ROOM], remote_id[PROTECTION_ID_ROOM];
	bool named;                  /* remote_id is the name that the key was set for, not an address */
	char key_name[PROTECTION_NAME_ROOM];
	bool key_loaded;
	bool key_sent;               /* charon may have it, whether it said so or not */

	/* who needs it */
	unsigned users;              /* passages that were granted and not yet closed */
	struct list asks;            /* owned */
	bool proven;                 /* it was up */
	bool suspect;                /* a peer was silent behind it */
	sd_event_source *keep;

	/* bringing it up, or down */
	struct vici *vici;           /* its own, as long as that lasts */
	uint64_t limit;              /* microseconds, monotonic */
	struct protection_look look;
	struct ipsec_plan plan;
	unsigned at;                 /* in the plan */
	bool phase_1;                /* of aggressive mode: done, and its child is asked for */
	struct fault why;            /* the failure that tells most */
	bool blocked;                /* net/block.h is set */
	uint32_t stuck_ike;          /* ending: has our child still; 0: none */
	uint32_t shared_ike;         /* ending: the last that has a child of another; 0: none */

	/* up */
	struct protection_sa sa;
	bool foreign;                /* the administrator's */
	bool aggressive;
	struct guard guard;
};

/* ---- protection.c: up */

/* Begins, from DOWN. Ends in protection_came_up or protection_failed, maybe at once. */
void protection_bring(struct protection *protection);

/* For protection_try.c. Charon has made an SA: it is looked for. */
void protection_confirm(struct protection *protection);
/* The end of bringing it up, for that reason, or for one that was found before and tells more. */
void protection_fail(struct protection *protection, enum fault_kind kind, const char *why);
/* The same for a request that failed; `why` may be NULL. */
void protection_fail_error(struct protection *protection, int error, const char *why);
/* The same for a request that could not even be made; nothing for 0. */
void protection_check(struct protection *protection, int error);
/* Whether an error of vici says that nobody is there, or nobody that we could use. */
bool protection_is_absent(int error);
/* Microseconds, monotonic; and milliseconds that are left for it, at least 1. */
uint64_t protection_now(void);
/* The address of the other end of IKE, as text. */
const char *protection_peer(const struct protection *protection);
unsigned protection_time_left(const struct protection *protection);

/* ---- protection_try.c */

/* Tries to make an SA of our own. */
void protection_try(struct protection *protection);

/* ---- protection_sa.c */

/* A name that services like this one give in charon: what has it comes and goes by itself. */
bool protection_is_our_kind(const char *name);
/* An SA as it is listed: whether it covers the portal, and is not another service's. */
bool protection_is_covered(const struct protection *protection, const struct vici_ike *ike,
			   const struct vici_child *child);
void protection_take(struct protection *protection, const struct vici_ike *ike,
		     const struct vici_child *child);
/* What holds a socket to the SA that was taken. 0, -ENODEV where no route leads into a tunnel that is
 * made in user space, or another negative errno. */
int protection_guard(const struct protection *protection, struct guard *ret);

static inline const struct sockaddr *protection_local(const struct protection *protection)
{
	return (const struct sockaddr *)&protection->local;
}

static inline const struct sockaddr *protection_portal(const struct protection *protection)
{
	return (const struct sockaddr *)&protection->portal;
}

/* ---- protection_end.c: down */

/* From any state: what is ours in charon goes. Ends in protection_ended, maybe at once. */
void protection_end(struct protection *protection);
/* What has no guard may go there again. */
void protection_unblock(struct protection *protection);

/* ---- ipsec.c is told */

void protection_came_up(struct protection *protection);
/* `why` is in the protection; it is DOWN. */
void protection_failed(struct protection *protection);
void protection_ended(struct protection *protection);

#endif
