/*
 * drive.h - the seam between engine and net: it gives iSCSI sessions their sockets and threads.
 *
 * A `struct nexus` (SAM's I_T nexus) is one session with its connections. It is made and steered on
 * the control thread; its session lives on a home loop, its connections on loops of their own; and
 * commands may be given from any thread. Results reach the control thread through its mailbox.
 */
#ifndef ISCSIDSC_DRIVE_H
#define ISCSIDSC_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "drive/path.h"
#include "engine/engine.h"
#include "net/loop.h"
#include "net/mailbox.h"

struct drive;
struct link;
struct nexus;
struct nexus_question;
struct guard;
struct passage;

/* Starts `loops` data threads (0: one per core). `control` is the control thread's mailbox; it must
 * outlive the drive. Returns 0 or a negative errno. */
int drive_new(unsigned loops, struct mailbox *control, struct drive **ret);
/* Every nexus must have ended. Joins the threads. Accepts NULL. */
void drive_free(struct drive *drive);

/* A connection as listings show it. */
struct nexus_conn {
	uint64_t id;
	bool up;                       /* false: lost and being brought back */
	bool leading;
	struct conn_options options;   /* as asked for; secrets wiped */
	char target_host[256];         /* as the caller gave it; after a redirection its new one */
	uint16_t target_port;
	char local_address[64], peer_address[64]; /* numeric */
	uint16_t local_port;
	struct conn_up login;          /* what the login brought; valid once it was up */
	unsigned reconnects;           /* times it came back */
	bool doubted;                  /* it does not answer at the moment, and is avoided */
	uint64_t round_trip_ns;        /* smoothed; 0 unknown */
	uint32_t tasks;                /* commands under way */
	uint64_t rate;                 /* learned by the policy: bytes in a second; 0 unknown */
	uint32_t weight;               /* by the policy's rules */
	bool primary;
	/* over its life, reconnects included */
	uint64_t bytes_in, bytes_out, data_in, data_out, pdus_in, pdus_out, commands;
	uint64_t answered, answered_ns; /* commands that came back, and the time that they took */
};

/* Calls on the control thread, from mailbox_run; only a call for which there is no memory is
 * answered before it returns. */
struct nexus_ops {
	/* A call with this token ended: login, add, remove, logout. `conn` is set for login and add
	 * that succeeded. fault->kind is FAULT_NONE on success. */
	void (*answer)(void *ctx, void *token, const struct fault *fault, const struct nexus_conn *conn);
	/* The text answer for nexus_text; text is NULL if it failed. */
	void (*text)(void *ctx, void *token, const struct fault *fault, const char *text, size_t len);
	/* Session went up (first login and each recovery), down, or failed (hold time over). `why` tells
	 * what was lost; pause_ns is how long commands were held when it came up again. */
	void (*state)(void *ctx, enum session_event_kind kind, const struct fault *why, uint64_t pause_ns);
	/* A connection was lost (it is being brought back), or joined again. For log lines. */
	void (*conn)(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why);
	/* NULL: more came than could be kept; anything may have changed. */
	void (*async)(void *ctx, const struct conn_async *async);
	/* The answer for nexus_manage; `response` is the target's (TM-6), valid if there is no fault. */
	void (*managed)(void *ctx, void *token, const struct fault *fault, uint8_t response);
	/* A connection does not answer, though its TCP does; or it answers again. May be NULL. */
	void (*conn_doubt)(void *ctx, const struct nexus_conn *conn, bool doubted);
	/* Is this CHAP proof of the target right (chap_config.outside)? Owes a nexus_verdict, at once or
	 * later; the login waits no longer than a login may take. NULL: no proof is right. */
	void (*verify)(void *ctx, struct nexus_question *question, const struct chap_question *chap);
	/* A socket of one of its connections is about to connect: may it, and what guards it? Owes a
	 * passage_grant or passage_refuse, at once or later; connecting waits no longer than a login may
	 * take. NULL: all may, without a guard. */
	void (*pass)(void *ctx, struct passage *passage);
	/* The nexus is over and free: last call. Commands were all answered before (those with another
	 * reply_to than the home loop or the control thread may still be on their way to `done`). */
	void (*ended)(void *ctx);
};

/* Makes a nexus. Nothing is sent yet. Texts and options are copied. Returns 0 or negative errno. */
int nexus_new(struct drive *drive, const struct session_config *config, const struct nexus_ops *ops,
	      void *ctx, struct nexus **ret);
/* The other portals of the group, for recovery. If memory is short the list stays as it was. */
void nexus_set_portals(struct nexus *nexus, const struct conn_options *portals, unsigned n);
/* The first call logs in, later ones add a connection (AddIScsiConnection). Answered. A login that
 * fails ends the nexus, unless it failed for want of memory; nexus_logout, called from within the
 * answer, ends it in either case. */
void nexus_add_conn(struct nexus *nexus, const struct conn_options *options, void *token);
void nexus_remove_conn(struct nexus *nexus, uint64_t conn_id, void *token);
/* Ends the session; answered, then ended(). Also stops a login under way. */
void nexus_logout(struct nexus *nexus, void *token);
/* Discovery sessions: one Text exchange; answered by text(). */
void nexus_text(struct nexus *nexus, const char *text, size_t len, void *token);
/* See session_set_habits. */
void nexus_set_habits(struct nexus *nexus, const struct session_habits *habits);
/* Which connection carries what; round robin at first. Rules are copied, at most ENGINE_MAX_CONNS.
 * Returns 0, -EINVAL for too many, -ENOMEM. */
int nexus_set_policy(struct nexus *nexus, enum path_policy policy, const struct path_rule *rules,
		     unsigned n);
enum path_policy nexus_policy(const struct nexus *nexus);
/* A task management function (see struct management) over this connection, or any if conn_id is 0;
 * answered by managed(). The commands that it ended come back as TASK_ABORTED or TASK_LOST. */
void nexus_manage(struct nexus *nexus, uint64_t conn_id, uint8_t function, uint64_t lun, void *token);
/* Control thread: the answer to nexus_ops.verify, exactly one for each, also after ended(). FAULT_NONE:
 * it is right; else the login fails so. */
void nexus_verdict(struct nexus_question *question, const struct fault *why);
/* What asks for a passage. */
struct passage_info {
	uint64_t conn_id;
	char host[256];                /* the portal as the session knows it ... */
	uint16_t port;
	struct sockaddr_storage to;    /* ... and the address of it that is tried, with the port */
	socklen_t to_len;
	char source[64];               /* our address that was asked for; "" for routing's choice */
};

/* Control thread. Valid until it was answered. */
const struct passage_info *passage_info(const struct passage *passage);
/* Control thread: the answer to nexus_ops.pass, exactly one for each, also after ended(). The guard
 * (NULL: none) is copied. `closed`, if not NULL, is called on the control thread when the socket is
 * closed, or was never opened; before ended() if it was granted before that. `silent`: the peer did not
 * answer, in the end or ever; maybe the guarded way leads nowhere. */
void passage_grant(struct passage *passage, const struct guard *guard,
		   void (*closed)(void *hold, bool silent), void *hold);
void passage_refuse(struct passage *passage, const struct fault *why);
/* Control thread: the connections in order, the leading one first. Returns how many there are;
 * fills at most n. */
unsigned nexus_conns(struct nexus *nexus, struct nexus_conn *ret, unsigned n);
/* Control thread. */
bool nexus_is_up(const struct nexus *nexus);
/* The loop on which the session lives; the best place for its disks. Any thread. */
struct loop *nexus_home(const struct nexus *nexus);

/*
 * A command given to a nexus. The caller owns it until `done` is called: exactly once, on the
 * thread of `reply_to`, unless it is given again from there.
 */
struct io {
	struct mailbox *reply_to; /* whose thread gets it back */
	void (*done)(struct io *io);
	/* the drive's own */
	struct msg msg;
	struct nexus *nexus;
	struct link *path; /* the connection that has it ... */
	uint64_t given_at; /* ... and since when */
	struct list link;  /* in the nexus' lists held or adrift, or in its path's of returned ones */
	/* the caller's again: what is needed most stands first in it, near the rest */
	struct task task;  /* buffers and CDB; then the result */
};

/* Any thread, until ended() was called. Never calls `done` from within. Commands given while the
 * session is down are held, at most for the hold time; then, or when the session is gone, they come
 * back as TASK_FAILED with FAULT_GONE. One that comes back as TASK_LOST runs no more, and may be given
 * again at once. */
void nexus_submit(struct nexus *nexus, struct io *io);

#endif
