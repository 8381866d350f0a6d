/*
 * vici_sa.h - what charon tells of its security associations and its configuration, as records. Pure:
 * messages in, records out. They come from list-sas, list-conns, list-policies and from events; vici.h
 * asks for them.
 *
 * Texts are cut to their room and are printable ASCII. What charon did not tell is "" or 0.
 */
#ifndef ISCSIDSC_SERVICE_VICI_SA_H
#define ISCSIDSC_SERVICE_VICI_SA_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/vici.h"

enum {
	VICI_NAME_ROOM = VICI_NAME_MAX + 1,
	VICI_ID_ROOM = 256,
	VICI_HOST_ROOM = 64,         /* an address without port; any: "%any" */
	VICI_WORD_ROOM = 32,         /* of an algorithm, a state */
	VICI_SELECTOR_ROOM = 112,    /* 10.0.0.1/32[tcp/iscsi-target]; vici_selector.h reads it */
	VICI_SELECTORS_MAX = 8,      /* of a side; more are counted, not kept */
};

enum vici_mode { VICI_MODE_OTHER, VICI_TRANSPORT, VICI_TUNNEL, VICI_DROP, VICI_PASS };

struct vici_selectors {
	unsigned count;              /* all of them, also beyond VICI_SELECTORS_MAX */
	char text[VICI_SELECTORS_MAX][VICI_SELECTOR_ROOM];
};

/* Algorithms are as charon names them: AES_GCM_16, AES_CBC, HMAC_SHA2_256_128, MODP_2048, ECP_256. */
struct vici_algorithms {
	char encr[VICI_WORD_ROOM], integ[VICI_WORD_ROOM], prf[VICI_WORD_ROOM], dh[VICI_WORD_ROOM];
	uint32_t encr_bits, integ_bits;
};

/* An IKE SA. Whether IKEv1 was main or aggressive mode charon does not tell. */
struct vici_ike {
	char name[VICI_NAME_ROOM];   /* of the connection that it was made by */
	uint32_t id;                 /* unique in charon's life */
	unsigned version;            /* 1, 2 */
	char state[VICI_WORD_ROOM];  /* ESTABLISHED, CONNECTING, REKEYING, DELETING... */
	bool initiator;              /* we */
	char local_host[VICI_HOST_ROOM], remote_host[VICI_HOST_ROOM];
	uint16_t local_port, remote_port; /* of IKE */
	char local_id[VICI_ID_ROOM], remote_id[VICI_ID_ROOM];
	bool nat;                    /* between the two */
	struct vici_algorithms algorithms;
	uint64_t established, rekey_time, reauth_time; /* seconds: since; until (0: never) */
};

/* A CHILD SA: a pair of ESP SAs. */
struct vici_child {
	char name[VICI_NAME_ROOM];   /* of the child configuration */
	uint32_t id;                 /* unique in charon's life; new after a rekey */
	uint32_t reqid;              /* stays after a rekey */
	char state[VICI_WORD_ROOM];  /* INSTALLED, REKEYING, REKEYED, DELETING, DELETED... */
	enum vici_mode mode;
	char protocol[VICI_WORD_ROOM]; /* ESP */
	bool encap;                  /* in UDP */
	uint32_t spi_in, spi_out;
	struct vici_algorithms algorithms; /* dh: PFS; IKEv2 has none before its first rekey */
	bool esn;
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
	uint64_t install_time;       /* seconds since it was installed, by negotiation or rekey */
	uint64_t rekey_time, life_time; /* seconds until */
	struct vici_selectors local_ts, remote_ts;
};

/* A connection's configuration, of whoever loaded it, or one child of it. */
struct vici_known_conn {
	char name[VICI_NAME_ROOM];
	char version[VICI_WORD_ROOM]; /* IKEv1, IKEv2, IKEv1/2 */
	struct vici_selectors local_addrs, remote_addrs; /* addresses, names, ranges, %any */
	char child[VICI_NAME_ROOM];  /* "": it has none */
	enum vici_mode mode;
	struct vici_selectors local_ts, remote_ts;
};

/* A trap, drop or pass policy that is installed. SAs are not listed as such. */
struct vici_policy {
	char ike[VICI_NAME_ROOM], child[VICI_NAME_ROOM];
	enum vici_mode mode;         /* of a trap: what it would negotiate */
	struct vici_selectors local_ts, remote_ts;
};

enum vici_event_kind {
	VICI_IKE_UPDOWN,             /* an IKE SA was established or is gone; no child */
	VICI_CHILD_UPDOWN,           /* not on rekey: then the new one comes with VICI_CHILD_REKEY */
	VICI_CHILD_REKEY,            /* `child` is the new one, `old_id` the old one's id */
	VICI_EVENT_KINDS,
};

struct vici_event {
	enum vici_event_kind kind;
	bool up;                     /* of the updowns */
	const struct vici_ike *ike;
	const struct vici_child *child; /* NULL with VICI_IKE_UPDOWN */
	uint32_t old_id;
};

/* Messages of list-sa, once per child; an IKE SA without any comes once, with NULL. */
void vici_each_sa(struct vici_bytes message,
		  void (*each)(void *ctx, const struct vici_ike *ike, const struct vici_child *child),
		  void *ctx);
/* Messages of list-conn, once per child; a connection without any comes once. */
void vici_each_conn(struct vici_bytes message,
		    void (*each)(void *ctx, const struct vici_known_conn *conn), void *ctx);
/* Messages of list-policy. */
void vici_each_policy(struct vici_bytes message,
		      void (*each)(void *ctx, const struct vici_policy *policy), void *ctx);
/* The name under which charon sends it. */
const char *vici_event_name(enum vici_event_kind kind);
/* A message of that name, which may be none of those. */
void vici_each_event(struct vici_bytes name, struct vici_bytes message,
		     void (*each)(void *ctx, const struct vici_event *event), void *ctx);

#endif
