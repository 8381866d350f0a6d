/*
 * engine.h - the engine's door: iSCSI sessions and their connections (RFC 7143), as functions of
 * bytes and time.
 *
 * The engine has no socket, clock, thread, file or lock, and never calls out: whatever it wants is
 * a queued event that the caller pulls. The room `drive` is its only user in the product; the
 * simulator and the fuzzer are the others.
 *
 * Threads. A `struct conn` belongs to one thread (its data loop), a `struct session` to one (its
 * home loop); they may differ. Session and connections reach each other only by events and door
 * calls that the caller carries between the threads in order. The one thing shared in memory is
 * the command window and the tag table (window.h, tag.h), which are atomic.
 *
 * Time is a monotonic number of nanoseconds, handed in as `now`. ENGINE_NEVER means no deadline.
 */
#ifndef ISCSIDSC_ENGINE_H
#define ISCSIDSC_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/fault.h"
#include "base/list.h"
#include "proto/chap.h"
#include "proto/keys.h"

#define ENGINE_NEVER UINT64_MAX
#define ENGINE_TIME2WAIT UINT32_MAX

enum {
	ENGINE_MAX_CONNS = 64,     /* connections of one session that we handle */
	ENGINE_MAX_TASKS = 1024,   /* commands of one session under way at a time */
	ENGINE_SENSE_MAX = 252,    /* bytes of sense kept */
	ENGINE_PENDING_IOV = 264,  /* most entries that conn_pending fills */
	ENGINE_TEXT_MAX = 4 << 20, /* most bytes of one text answer (SendTargets) */
	ENGINE_ENTROPY = 33,       /* random bytes for a login: CHAP challenge and identifier */
	ENGINE_CDB_MAX = 260,      /* bytes of the longest CDB (SPC) */
};

struct session;
struct conn;

/* ---------------------------------------------------------------- tasks */

enum task_outcome {
	TASK_COMPLETE = 0, /* status, sense and residual are the target's answer */
	TASK_UNSENT,       /* nothing of it was ever sent: it may go elsewhere */
	TASK_SUSPENDED,    /* sent, and its connection ended: ask session_rule what becomes of it */
	TASK_LOST,         /* its outcome is unknown, and it is executed no more: see session_rule */
	TASK_ABORTED,      /* a task management function ended it, ours for its time limit or the
	                      caller's; how far it had come is unknown, and it is executed no more */
	TASK_FAILED,       /* service delivery or target failure, Reject, or bad data; see fault */
};

/* One range of R2T that waits to be answered. */
struct task_burst {
	uint32_t ttt, offset, end, data_sn;
};

/* A piece of the read buffer that has come. */
struct task_piece {
	uint32_t offset, end;
};

enum {
	TASK_BURSTS = 16, /* most MaxOutstandingR2T that we negotiate */
	TASK_PIECES = 8,  /* pieces of read data out of order that are told apart */
};

enum task_state {
	TASK_NEW,         /* not sent */
	TASK_ACTIVE,      /* sent; its connection has the allegiance */
	TASK_REASSIGNING, /* TASK REASSIGN was sent; nothing may come for it before the answer (RA-8) */
	TASK_ENDED,       /* concluded; waits for lent memory */
	TASK_ADRIFT,      /* TASK_SUSPENDED: keeps its tag and CmdSN, and has no connection */
};

/* Numbers of one sequence that were received: all below `next`, and next + 1 + bit i (gap.h). */
struct gap {
	uint32_t next;
	uint64_t seen;
};

/*
 * A SCSI command. The caller owns it and both buffers; the engine borrows all of them from
 * conn_submit until it returns the task in a CONN_EVENT_TASK event: exactly one per submit.
 */
struct task {
	/* set by the caller */
	uint64_t lun;         /* the eight LUN bytes of SAM as one big-endian number */
	uint8_t cdb[16];      /* zero padded; of a longer CDB the first 16 bytes */
	uint16_t cdb_len;     /* 0: at most 16 bytes; 17 to ENGINE_CDB_MAX: a longer one (PDU-9) */
	const uint8_t *cdb_rest; /* then its bytes from the 17th on */
	uint8_t *in;          /* data from the target lands here */
	uint32_t in_len;      /* bytes expected; 0 for none. With out_len: a bidirectional command */
	const uint8_t *out;   /* data to the target */
	uint32_t out_len;
	uint8_t attribute;    /* enum pdu_attribute: 0 untagged, 1 simple, 2 ordered, 3 head of queue */
	uint8_t priority;     /* 0 to 15, sent only at iSCSIProtocolLevel 2 (P2-2) */

	/* set by the engine when it is returned */
	enum task_outcome outcome;
	uint32_t epoch;       /* of the connection that carried it: each has its own, and they rise; see
	                         SESSION_EVENT_UP */
	uint8_t status;       /* SCSI status, valid for TASK_COMPLETE */
	uint16_t status_qualifier; /* RFC 7144; 0 below iSCSIProtocolLevel 2 */
	bool overflow, underflow;  /* of `out` for a bidirectional command, else of what there is */
	uint32_t residual;
	bool in_overflow, in_underflow; /* bidirectional commands: of `in` (IN-12) */
	uint32_t in_residual;
	uint32_t received;    /* bytes that landed in `in` */
	uint32_t sent;        /* bytes of `out` that were handed to the target; what it asked for
	                         twice counts twice */
	uint16_t sense_len;   /* of `sense` below */
	bool had_arrived;     /* TASK_COMPLETE: ExpCmdSN told so some time before the answer came */

	/* the engine's own */
	struct list link;
	uint8_t state;        /* enum task_state */
	uint32_t itt, cmd_sn;
	uint16_t cid;         /* of the connection that carried it */
	uint64_t sent_at;     /* when it was sent, for its time limit */
	uint16_t lent;        /* PDUs in the send queue that point into `out` */
	struct gap data;      /* DataSN or R2TSN; of bidirectional commands both in one (DS-2) */
	uint32_t data_end;    /* numbers below it are known to exist */
	uint32_t data_asked;  /* missing ones below it were asked for */
	uint32_t data_ins;    /* Data-In PDUs that count */
	uint32_t sequence;    /* bytes of the present Data-In sequence */
	uint32_t sequence_sn, next_sequence_sn; /* first DataSN of it, and of the one after it */
	uint32_t next_offset; /* end of the last Data-In */
	uint32_t high, floor; /* highest end of all; of all sequences before the present one */
	uint32_t acked_sn, acked, acked_ins; /* what a DataACK has acknowledged: DataSN, bytes, PDUs */
	uint32_t ack_sn, ack_ttt; /* the DataACK that is owed: not before all below ack_sn came */
	uint64_t ack_lun;
	uint32_t snack_tag;   /* of the last R-Data SNACK, 0 for none (IN-17) */
	uint32_t status_tag;  /* SNACK tag of the status that came */
	bool has_status;      /* status came, but data are missing, or its SNACK tag is an old one */
	uint32_t stat_sn;     /* then its StatSN, which is not to be acknowledged (ST-5) */
	uint8_t asks;         /* times that missing data were asked for in vain ... */
	uint32_t asks_from;   /* ... since this was the first number missing */
	uint8_t repeats;      /* times that the command was sent again on its connection */
	bool much_lost;       /* more than can be asked for one by one: R-Data ... */
	bool start_over;      /* ... is to be sent now ... */
	bool old_run;         /* ... was sent, and nothing of the new run has come */
	bool ask_status;      /* the status with the new SNACK tag is to be asked for */
	bool hopeless;        /* the target does not send it again: wait for status only (DIG-4) */
	bool resent, restarted; /* sent again for its hole; reassigned: numbers may start anew */
	struct list data_link;
	struct list wait_link; /* in the connection's list of tasks that wait for missing data */
	struct list ack_link;  /* in its list of tasks that owe a DataACK */
	uint8_t bursts, burst_at;
	uint8_t pieces;       /* TASK_PIECES + 1: too many to tell, only the sum is checked */
	struct task_piece piece[TASK_PIECES];
	struct task_burst burst[TASK_BURSTS];

	/* what is large and seldom needed, away from the rest: set when the task is returned */
	struct fault fault;   /* for TASK_FAILED, TASK_ABORTED and TASK_LOST */
	uint8_t sense[ENGINE_SENSE_MAX];
};

/*
 * A task management function (11.5). The caller owns it from conn_manage until it comes back in a
 * CONN_EVENT_MANAGED event: exactly one per conn_manage. ABORT TASK and TASK REASSIGN are the
 * engine's own business.
 */
struct management {
	/* set by the caller */
	uint8_t function;     /* enum pdu_function, without ABORT TASK, TASK REASSIGN, QUERY TASK */
	uint64_t lun;

	/* set by the engine when it is returned */
	struct fault fault;   /* FAULT_NONE: answered */
	uint8_t response;     /* TM-6, P2-6 */
	uint32_t additional;  /* RFC 7144 */
	uint32_t cmd_sn;      /* tasks with a lower CmdSN are covered (TRAP-7) */

	/* the engine's own */
	struct list link;
	uint32_t itt;
};

/* ---------------------------------------------------------------- sessions and connections */

enum session_type { SESSION_NORMAL, SESSION_DISCOVERY };

/* Time limits in milliseconds. */
struct session_times {
	uint32_t login;     /* connect and login together */
	uint32_t ping_idle; /* silence after which we ping */
	uint32_t ping_wait; /* silence after the ping that ends the connection */
	uint32_t doubt;     /* least silence under load before the transport is asked; see CONN_EVENT_DOUBT */
	uint32_t command;   /* a command without an answer is aborted then (TMO-1); 0: never */
	uint32_t manage;    /* wait for a Task Management Response; 0: for ever, which no setting allows */
	uint32_t logout;    /* wait for a Logout Response */
	uint32_t hold;      /* how long a lost session may take to come back before tasks fail */
	uint32_t retry;     /* pause between attempts to come back, after the first */
};

/* What a session is made with. All texts are copied. */
struct session_config {
	enum session_type type;
	const char *initiator_name, *initiator_alias, *target_name; /* alias and target may be NULL */
	uint8_t isid[6];
	uint32_t first_cmd_sn;
	struct keys_offer offer;      /* what we propose; proto/keys.h */
	int portal_group_tag;         /* the group that discovery told, -1 unknown */
	bool ordering;                /* the target does not sort immediate requests (TOL-8) */
	bool one_holder;              /* nor numbers over connections: those not yet acknowledged exist
	                                 on one connection only (TOL-8) */
	bool no_reassign;             /* it agrees to level 2 and can't reassign: commands of connections
	                                 lost from now on end as at level 1 */
	uint32_t rest;                /* milliseconds from the loss of the session to the first login of
	                                 its reinstatement; ENGINE_TIME2WAIT: as the target asked */
	struct session_times times;
	uint64_t seed;                /* harmless choices only */
};

/* Of a session's configuration, what is set anew once INQUIRY told what the target is. */
struct session_habits {
	/* Not in force once the target has agreed to a TaskReporting with a fence: such a one sorts, and
	 * waits for acknowledgements that would wait for their turn */
	bool ordering, one_holder;
	bool no_reassign;
	uint32_t rest;
	uint32_t command;             /* session_times.command */
};

/* One connection that the session shall have. Copied. */
struct conn_options {
	uint64_t id;                  /* the caller's id, unique in the session; stable over reconnects */
	char host[256];               /* IPv4, IPv6 without brackets, or DNS name */
	uint16_t port;
	char source[64];              /* local address to bind, empty for routing's choice */
	bool header_digest, data_digest; /* asked for: offered alone, so never negotiated away */
	struct chap_config chap;
};

enum conn_state { /* RFC 7143 section 8.1.3 */
	CONN_S1_FREE, CONN_S2_XPT_WAIT, CONN_S4_IN_LOGIN, CONN_S5_LOGGED_IN,
	CONN_S6_IN_LOGOUT, CONN_S7_LOGOUT_REQUESTED, CONN_S8_CLEANUP_WAIT,
};

enum session_state { /* RFC 7143 section 8.3 */
	SESSION_Q1_FREE, SESSION_Q3_LOGGED_IN, SESSION_Q4_FAILED,
};

/* Counters of a connection; written by its loop, read by anyone with relaxed atomic loads. */
struct conn_counters {
	_Atomic uint64_t bytes_in, bytes_out;   /* on the wire, as we read and wrote them */
	_Atomic uint64_t data_in, data_out;     /* SCSI data only */
	_Atomic uint64_t pdus_in, pdus_out, commands;
};

/* ---- events of a connection, pulled on its loop */

enum conn_event_kind {
	CONN_EVENT_NONE,
	CONN_EVENT_OPEN,       /* connect TCP to conn_host/conn_port (close an older socket first),
	                          then call conn_opened or conn_closed */
	CONN_EVENT_UP,         /* full feature phase; tell session_conn_up */
	CONN_EVENT_TASK,       /* .task comes back */
	CONN_EVENT_MANAGED,    /* .management comes back; if answered, tell the session: session_managed */
	CONN_EVENT_CLEANED,    /* .cleaned: the answer to conn_cleanup; pass to session_conn_cleaned */
	CONN_EVENT_DOUBT,      /* requests wait, and nothing came for .silence nanoseconds. Look at the
	                          transport: if the peer's has acknowledged nothing for as long, call
	                          conn_closed. Give it no new command until it is trusted again. */
	CONN_EVENT_TRUST,      /* it was heard again */
	CONN_EVENT_TEXT,       /* .text: the whole answer of conn_text, valid until the next door call */
	CONN_EVENT_ASYNC,      /* .async: pass to session_conn_async */
	CONN_EVENT_VERIFY,     /* .question: the login waits for conn_verdict (chap_config.outside), as long
	                          as a login may take */
	CONN_EVENT_WAKE,       /* .wake: bit per slot; call conn_wake on those connections */
	CONN_EVENT_END,        /* the connection is over: close the socket, tell session_conn_ended.
	                          Last event of this connection: all tasks were returned before. Pull up to
	                          it before suspended tasks are given out again. */
};

struct conn_async {
	uint8_t event, vcode;
	uint16_t parameter1, parameter2, parameter3;
	uint64_t lun;
	uint8_t sense[ENGINE_SENSE_MAX];
	uint16_t sense_len;
};

/* What a login brought. */
struct conn_up {
	uint16_t tsih, cid;
	int portal_group_tag;          /* -1 if the target did not tell */
	struct keys_params params;     /* in force on this connection; session-wide ones included */
	char target_alias[256];
	bool insists;                  /* the target refused a login that skipped the security stage */
};

/* A connection that ended and is to be logged out by another one. */
struct conn_lost {
	uint16_t cid;
	uint8_t reason;                /* 1 closes it, 2 removes it for recovery */
	uint32_t exp_stat_sn;          /* its last one (LO-5) */
};

/* How the Logout for another connection ended (conn_cleanup). */
struct conn_cleaned {
	uint16_t cid;
	uint8_t response;              /* LO-6; valid if fault.kind is FAULT_NONE */
	uint16_t time2wait, time2retain; /* LO-7 */
	struct fault fault;
};

struct conn_event {
	enum conn_event_kind kind;
	struct task *task;
	struct management *management;
	struct conn_cleaned cleaned;
	uint64_t silence;
	const char *text;
	size_t text_len;
	uint64_t wake;
	struct conn_async async;
	struct chap_question question;
	struct conn_up up;
	struct fault fault;            /* CONN_EVENT_END: why; FAULT_NONE after a clean logout */
};

/* ---- the connection's doors, called on its loop */

const char *conn_host(const struct conn *c);
uint16_t conn_port(const struct conn *c);
const char *conn_source(const struct conn *c);
unsigned conn_slot(const struct conn *c);      /* 0..ENGINE_MAX_CONNS-1, unique among living ones */
uint64_t conn_id(const struct conn *c);
enum conn_state conn_state(const struct conn *c);
struct conn_counters *conn_counters(struct conn *c);

/* Begins the life of a connection made by SESSION_EVENT_CONN: queues CONN_EVENT_OPEN. */
void conn_start(struct conn *c, uint64_t now);
/* TCP is up; login begins. `entropy`: fresh random bytes of cryptographic quality, for CHAP. */
void conn_opened(struct conn *c, const uint8_t entropy[ENGINE_ENTROPY], uint64_t now);
/* The answer to CONN_EVENT_VERIFY; FAULT_NONE: the target's proof is right, else the login fails with
 * this fault. Safe when the connection is over. */
void conn_verdict(struct conn *c, const struct fault *why, uint64_t now);
/* TCP failed, was refused or ended; why->kind tells. Ends the connection. Safe in every state. */
void conn_closed(struct conn *c, const struct fault *why, uint64_t now);
/* Where the next received bytes shall go: fills iov (at most 2), returns the count, 0 when the
 * connection is over. `staging` is the loop's own memory, lent until conn_received. */
unsigned conn_space(struct conn *c, uint8_t *staging, size_t staging_len, struct iovec iov[2]);
/* n > 0 bytes landed in what the last conn_space gave. */
void conn_received(struct conn *c, size_t n, uint64_t now);
/* What is to be sent: fills iov (at most max entries), returns the count, 0 for nothing. The
 * memory stays lent until conn_sent counted it or the connection is closed. Takes CmdSN numbers,
 * so call it only when the socket takes bytes. */
unsigned conn_pending(struct conn *c, struct iovec *iov, unsigned max, uint64_t now);
/* Commands that were given to it and were not sent yet. */
unsigned conn_waiting(const struct conn *c);
/* How many CmdSN may still be given out in its session. Any thread. */
uint32_t conn_room(const struct conn *c);
/* n bytes of the last conn_pending left. */
void conn_sent(struct conn *c, size_t n, uint64_t now);
/* Hands over a task (see struct task): a new one, with outcome TASK_COMPLETE or TASK_UNSENT, or one
 * with outcome TASK_SUSPENDED for which session_rule said RULE_RESUME; that is sent again with its
 * number if the target never got it (MCS-14), else reassigned to this connection (RA-1). On a
 * connection that is not logged in, it comes back at once by an event, as TASK_UNSENT or as it was. */
void conn_submit(struct conn *c, struct task *task, uint64_t now);
/* Sends a task management function, one at a time for each connection (TM-14); more wait. Comes back
 * by CONN_EVENT_MANAGED, at once if the connection is not logged in or the function can't be asked
 * for. */
void conn_manage(struct conn *c, struct management *management, uint64_t now);
/* Ends the tasks that a function has covered that was answered on any connection of the session
 * (TM-8 to TM-10): they come back as TASK_ABORTED. */
void conn_conclude_covered(struct conn *c, uint8_t function, uint64_t lun, uint32_t cmd_sn, uint64_t now);
/* Logs out another connection of the session, which has ended (LO-4). One at a time; answered by
 * CONN_EVENT_CLEANED, also if this connection ends first. */
void conn_cleanup(struct conn *c, const struct conn_lost *lost, uint64_t now);
/* Smoothed round trip to the target, in nanoseconds; 0 while unknown (TIM-4). Any thread. */
uint64_t conn_round_trip(const struct conn *c);
/* Sends one text request with the key=value pairs in `text` (each ended by NUL). Discovery: one at
 * a time; returns -EBUSY if one is open, -ENOTCONN when not logged in. */
int conn_text(struct conn *c, const char *text, size_t len, uint64_t now);
/* Logs out: reason 0 closes the session, 1 this connection. Unsent tasks come back as TASK_UNSENT;
 * for reason 1 the Logout leaves when the tasks under way have ended. Ends with CONN_EVENT_END. */
void conn_logout(struct conn *c, unsigned reason, uint64_t now);
/* Ends the connection now, without a word to the target. */
void conn_abandon(struct conn *c, uint64_t now);
/* The window opened, or a pause ended: the connection may have something to send. */
void conn_wake(struct conn *c);
uint64_t conn_deadline(const struct conn *c);
void conn_expire(struct conn *c, uint64_t now);
/* Takes the next event; false if there is none. */
bool conn_next_event(struct conn *c, struct conn_event *ret);
/* True while conn_pending may have something. */
bool conn_wants_send(const struct conn *c);
/* Frees a connection whose CONN_EVENT_END was taken and told to the session. Accepts NULL. */
void conn_free(struct conn *c);

/* ---- the session's doors, called on its home loop */

/* A login of its own for each: the first connection opens the session, later ones join it. */
enum session_event_kind {
	SESSION_EVENT_NONE,
	SESSION_EVENT_CONN,      /* .conn: new; give it to a loop and call conn_start there */
	SESSION_EVENT_LOGOUT,    /* call conn_logout(.conn, .reason) on its loop */
	SESSION_EVENT_CLEANUP,   /* call conn_cleanup(.conn, .lost) on its loop */
	SESSION_EVENT_WAKE,      /* .wake: bit per slot; call conn_wake on those connections */
	SESSION_EVENT_RULED,     /* what session_rule says may have changed: ask again for suspended tasks */
	SESSION_EVENT_CONCLUDE,  /* call conn_conclude_covered(.conn, .function, .lun, .cmd_sn) on its loop */
	SESSION_EVENT_ABANDON,   /* call conn_abandon(.conn) on its loop */
	SESSION_EVENT_JOINED,    /* .id: the connection carries I/O; .conn, .up */
	SESSION_EVENT_LEFT,      /* .id: it does no longer (.fault); it stays listed if .returning */
	SESSION_EVENT_ANSWER,    /* .token: a call ended; .fault, .id */
	SESSION_EVENT_UP,        /* .epoch: commands may flow: first login, and each time it came back. It
	                            is the leading connection's, and so rises with each reinstatement: tasks
	                            of lower epochs are dead at the target. It stays if the session was
	                            continued (REC-14). */
	SESSION_EVENT_DOWN,      /* no connection; recovering; hold commands */
	SESSION_EVENT_ASYNC,     /* .async from .id, for the layers above */
	SESSION_EVENT_FAILED,    /* the hold time is over: held commands shall fail; retries go on */
	SESSION_EVENT_END,       /* the session is over and has no connection: session_free it */
};

struct session_event {
	enum session_event_kind kind;
	struct conn *conn;
	uint64_t id;
	void *token;
	unsigned reason;
	struct conn_lost lost;
	uint8_t function;
	uint64_t lun, wake;
	uint32_t cmd_sn;
	uint32_t epoch;
	bool returning;
	union {
		struct conn_up up;       /* JOINED */
		struct conn_async async; /* ASYNC */
		struct fault fault;      /* all others */
	};
};

/* What becomes of a task that came back as TASK_SUSPENDED. */
enum session_rule {
	RULE_HOLD,   /* not known yet: its connection may still be alive at the target */
	RULE_RESUME, /* conn_submit it on any connection that carries I/O */
	RULE_DEAD,   /* its outcome is unknown, but it runs no more; now TASK_LOST, with its fault */
};

/* Returns 0, -EINVAL for an impossible configuration, -ENOMEM. */
int session_new(const struct session_config *config, struct session **ret);
/* Accepts NULL. Only before the first connection or after SESSION_EVENT_END; session_rule has told of
 * each suspended task before that it is dead. */
void session_free(struct session *s);
/* Portals of the session's group, tried in turn by recovery. Copied; replaces the earlier list. */
int session_set_portals(struct session *s, const struct conn_options *portals, unsigned n);
/* Adds a connection; the first one logs the session in. The result is a SESSION_EVENT_ANSWER. */
void session_add_conn(struct session *s, const struct conn_options *options, void *token, uint64_t now);
/* Removes one: never the leading, never the last, nor the only one that carries I/O while the others
 * are being brought back (FAULT_BUSY); one at a time (FAULT_REMOVING). Answered by
 * SESSION_EVENT_ANSWER, with the reason if it is refused, else when it has gone. */
void session_remove_conn(struct session *s, uint64_t id, void *token, uint64_t now);
/* Logs out all. Answered; then SESSION_EVENT_END. Stops recovery. */
void session_logout(struct session *s, void *token, uint64_t now);
void session_set_habits(struct session *s, const struct session_habits *habits);
/* What connections tell, by their events, through the caller. */
void session_conn_up(struct session *s, struct conn *c, const struct conn_up *up, uint64_t now);
void session_conn_async(struct session *s, struct conn *c, const struct conn_async *async, uint64_t now);
void session_conn_cleaned(struct session *s, struct conn *c, const struct conn_cleaned *cleaned,
			  uint64_t now);
/* A task management function was answered: the tasks it covered end on all connections. */
void session_managed(struct session *s, const struct management *management, uint64_t now);
/* Rules on a task with outcome TASK_SUSPENDED; see above. For RULE_DEAD it also lets its tag go. */
enum session_rule session_rule(struct session *s, struct task *task);
/* After this the session does not know the connection any more; the caller frees it. */
void session_conn_ended(struct session *s, struct conn *c, const struct fault *why, uint64_t now);
enum session_state session_state(const struct session *s);
uint64_t session_deadline(const struct session *s);
void session_expire(struct session *s, uint64_t now);
bool session_next_event(struct session *s, struct session_event *ret);

#endif
