/*
 * ipsec.h - who asks for IPsec gets a protected connection or none. strongSwan's daemon charon makes the
 * SAs, on our word over its vici socket (vici.h); that nothing leaves without them is our own work.
 *
 * A protection is what there is between one address of ours and one portal (address and port): a
 * connection and a child in charon, shared by all connections there. The first that asks brings it up,
 * by its flags and key; while it is there it wins over those of others, also over those that ask for
 * none. It goes a little after the last socket was closed. An SA or a trap of the administrator's own
 * that covers the portal wins over all; it is used, guarded like ours, and left alone.
 *
 * Each socket has a guard of its own (net/guard.h) from before it connects until it is closed, and while
 * there is a protection of ours by the kernel a policy drops what has no socket (net/block.h). So when
 * charon stops, dies or is restarted, or SAs and policies are flushed, or a rekey fails, traffic stops;
 * the protection is brought up again, and the session recovers as from any loss.
 *
 * All of it is on the control thread.
 */
#ifndef ISCSIDSC_SERVICE_IPSEC_H
#define ISCSIDSC_SERVICE_IPSEC_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/list.h"
#include "drive/drive.h"
#include "service/options.h"
#include "service/vici.h"

enum {
	IPSEC_PROTECTIONS_MAX = 1024,
	IPSEC_KEEP_SECONDS = 5,      /* that a protection stays when nobody uses it */
	IPSEC_BLOCK_SECONDS = 60,    /* that its policies stay when it was up, and could not be again */
	IPSEC_RETRY_SECONDS = 2,     /* after charon was lost, while somebody needs it */
	IPSEC_PEERS_MAX = 1024,      /* portals whose flags are remembered */
	IPSEC_PREFIX_ROOM = 24,
};

#define IPSEC_PREFIX "iscsidsc-" /* of all names that services like this one give in charon */

struct service;

/* What a connection asks for. */
struct ipsec_wish {
	uint64_t flags;              /* the effective ones; without SECURITY_IPSEC none is needed */
	const struct preshared_key *key; /* the call's; NULL or no bytes: the best that is known */
	uint32_t port_number;        /* initiator port of the call */
};

/* The service's part. */
struct ipsec {
	char prefix[IPSEC_PREFIX_ROOM]; /* of our names; the same in each life of the service */
	char life[IPSEC_PREFIX_ROOM];   /* that of this life */
	uint16_t tag;                /* of policies in the kernel */
	const char *path;            /* of charon's socket */
	struct list protections;     /* owned */
	unsigned count;
	uint32_t made;               /* in this life: for names */
	struct vici *watch;          /* tells of events; NULL: not connected */
	unsigned leftovers;          /* of an earlier life, found in this round of cleaning */
	unsigned leftovers_before;   /* and in the one before */
	bool stopping;
	sd_event_source *retry;
	int flushes;                 /* net/block.h tells of them; -1: it can't */
	sd_event_source *flushed;
	struct list refreshes;       /* owned; ipsec_show.c */
	struct list remembered;      /* owned; of portals */
	unsigned remembered_count;
};

/* ---- what is asked (ipsec_flags.c) */

/* The flags that count: the call's if they are valid, else those of the portal (NULL: none) if they are,
 * else the default; REQUIRE_IPSEC asks for IPsec whatever they say. */
uint64_t ipsec_flags(uint64_t call, const uint64_t *portal, uint64_t default_flags, bool required);
static inline bool ipsec_asked(uint64_t flags)
{
	return flags & SECURITY_IPSEC;
}
/* The same for a connection that is about to be made: where the call left it open, and the portal's name
 * said nothing, its address may ask for IPsec (SetIScsiIKEInfo). */
uint64_t ipsec_flags_there(const struct service *service, const struct passage *passage, uint64_t call,
			   uint64_t flags);
/* The valid flags with which a connection to this portal was last asked for; NULL: never. */
const uint64_t *ipsec_remembered(const struct service *service, const char *host, uint16_t port);
/* Keeps them, if they are valid. */
void ipsec_remember(struct service *service, const char *host, uint16_t port, uint64_t flags);
void ipsec_forget_all(struct ipsec *ipsec);

/* ---- life (ipsec.c) */

void ipsec_init(struct service *service, const char *path);
/* Cleans up after an earlier life, as far as charon is there; what is not is cleaned when it comes. */
void ipsec_start(struct service *service);
/* No new ones; those that nobody uses are taken down. The others, when they are let go. */
void ipsec_stop(struct service *service);
/* All are down. */
bool ipsec_is_idle(const struct service *service);
/* What is left is forgotten; nothing waits any more. */
void ipsec_free(struct service *service);

/* Answers the passage, now or later. */
void ipsec_pass(struct service *service, struct passage *passage, const struct ipsec_wish *wish);

/* ---- listings (ipsec_show.c) */

/* How a connection is protected, as charon told it last. */
struct ipsec_shown {
	unsigned ike;                /* 1, 2; 0: it is not protected */
	bool aggressive;             /* IKEv1 aggressive mode */
	bool tunnel, pfs, foreign;   /* foreign: by the administrator's own configuration */
	char esp[96];                /* AES_GCM_16-128/MODP_2048 */
	uint64_t bytes_in, bytes_out; /* since the last rekey */
	uint64_t rekeyed;            /* seconds since the SAs in use were made */
};

/* Asks charon about all that are up, then calls `done`, once, maybe at once. */
void ipsec_refresh(struct service *service, void (*done)(void *ctx), void *ctx);
/* At the end: listings wait no longer. */
void ipsec_refreshes_end(struct ipsec *ipsec);
/* Between these addresses, as they are listed. */
void ipsec_show(const struct service *service, const char *local, const char *peer, uint16_t port,
		struct ipsec_shown *ret);

#endif
