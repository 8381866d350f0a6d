/*
 * session.h - a session, as the files of this room see it. engine.h is the view from outside.
 *
 * session.c has the doors and what connections tell; member.c the list of connections; recovery.c
 * how a session is reinstated; cleanup.c how it goes on without a lost connection (levels 1 and 2);
 * rule.c what becomes of the tasks; session_event.c the queue of events.
 */
#ifndef ISCSIDSC_ENGINE_SESSION_H
#define ISCSIDSC_ENGINE_SESSION_H

#include "engine/conn.h"

#define MS UINT64_C(1000000)

/* What a member's connection is doing. */
enum member_state {
	MEMBER_JOINING,   /* first login; an answer is owed */
	MEMBER_UP,
	MEMBER_LEAVING,   /* removal asked for; an answer is owed */
	MEMBER_RESTING,   /* the target asked for a logout; comes back after it */
	MEMBER_CLEANUP,   /* lost (S8); the target has to let go of it first: struct cleanup */
	MEMBER_AWAY,      /* lost; to be brought back */
	MEMBER_RETURNING, /* login under way to bring it back */
};

/* A connection that the session has or shall have again. */
struct member {
	enum member_state state;
	struct conn_options options;
	struct conn *conn;       /* NULL while there is none */
	void *token;
	uint64_t retry_at;       /* MEMBER_AWAY of a session that is up */
	bool crowded_out;        /* the target had no room when it was to come back */
};

/*
 * A connection that ended, and not by a logout (S8, R1 to R3): its tasks may go on at the target until
 * it was logged out for it, reinstated, or the session was.
 */
struct cleanup {
	struct member *member;   /* whose connection it was; NULL after its removal */
	uint16_t cid;
	uint32_t epoch;          /* the connection's */
	uint32_t exp_stat_sn;    /* its last (LOG-12) */
	bool ended;              /* false: it is being abandoned */
	bool clean;              /* logged out; tasks may be reassigned at `at` (LO-7) */
	uint64_t at, until;      /* between these (TIM-2) */
	unsigned tries;
};

/* A task management function that was answered: tasks it covers may still be on their way here. */
struct concluded {
	uint8_t function;
	uint64_t lun;
	uint32_t cmd_sn;
	uint64_t until;          /* when it is forgotten; 0: no entry */
};

enum { SESSION_CONCLUDED = 8 };

enum phase {
	PHASE_NEW,        /* Q1: no login yet */
	PHASE_OPENING,    /* Q1: the leading login is under way */
	PHASE_UP,         /* Q3 */
	PHASE_LAPSED,     /* Q4: waits for the old connections' ends, then for the next attempt of a
	                     continuation (REC-14) */
	PHASE_CONTINUING, /* Q4: its login is under way */
	PHASE_CLEARING,   /* Q4: waits until all old connections are gone */
	PHASE_WAITING,    /* Q4: pause before the next attempt of a reinstatement */
	PHASE_REOPENING,  /* Q4: its leading login is under way */
	PHASE_CLOSING,    /* logout asked for */
	PHASE_OVER,
};

struct session {
	struct conn_shared *shared;
	struct session_config config;  /* texts owned */
	enum phase phase;
	struct member *member[ENGINE_MAX_CONNS]; /* by slot; owned */
	unsigned order[ENGINE_MAX_CONNS];        /* slots, the leading one first */
	unsigned members;
	struct conn_options *portals;  /* of the group; owned */
	unsigned portal_count, attempt;
	struct member *opener;         /* whose login reinstates the session */
	unsigned first_place;          /* of the portal that recovery tries first */
	uint16_t next_cid, tsih;
	uint32_t epoch;                /* of the leading login: older tasks are dead */
	uint32_t next_epoch;           /* of the next connection */
	struct keys_params params;
	int portal_group_tag;
	bool insists;                  /* on the security stage: no login skips it any more */
	uint64_t retry_at, hold_until;
	bool failed;                   /* the hold time is over */
	struct cleanup *cleanup;       /* room for ENGINE_MAX_CONNS since the first loss; owned */
	unsigned cleanups;
	bool reassigns;                /* what becomes of the tasks of those above */
	struct conn *cleaner;          /* whose Logout for another one is under way; NULL for none */
	struct concluded concluded[SESSION_CONCLUDED];
	unsigned concluded_at;         /* the next entry */
	bool ruled;                    /* SESSION_EVENT_RULED is due */
	uint64_t wake;                 /* SESSION_EVENT_WAKE is due for these slots */
	struct member *closer;         /* whose connection carries the session's Logout */
	void *close_token;
	bool close_answered;
	struct session_event *events;  /* a queue that never needs more than its room */
	unsigned event_head, event_count, event_room;
};

/* session_event.c */
/* Makes room for the events that so many members can bring at once. 0 or -ENOMEM. */
int session_grow_events(struct session *s, unsigned members);
/* Never fails: see session_grow_events. */
struct session_event *session_add_event(struct session *s, enum session_event_kind kind);
/* Nothing happens without a token. why NULL: success. */
void session_answer(struct session *s, void *token, uint64_t id, const struct fault *why);
void session_answer_fault(struct session *s, void *token, enum fault_kind kind, const char *text);
/* SESSION_EVENT_LEFT */
void session_tell_left(struct session *s, const struct member *m, bool returning,
		       const struct fault *why);

/* member.c */
struct member *member_leading(const struct session *s);
struct member *member_at(const struct session *s, unsigned place);
struct member *member_of(const struct session *s, const struct conn *c);
struct member *member_by_id(const struct session *s, uint64_t id);
struct member *member_by_cid(const struct session *s, uint16_t cid);
unsigned member_count(const struct session *s, enum member_state state);
/* Members that have a connection at present. */
unsigned member_conns(const struct session *s);
/* NULL if there is no memory or no slot. */
struct member *member_add(struct session *s, const struct conn_options *options, void *token);
void member_remove(struct session *s, struct member *m);
void member_free(struct member *m);
/* Gives a member a connection, through its own portal or another one of the group; one that reinstates
 * `old`, or a new one if that is NULL. Returns 0 or -ENOMEM. */
int member_connect(struct session *s, struct member *m, const struct conn_options *through,
		   const struct cleanup *old);

/* recovery.c */
/* A session that is up lost a connection: all go, then it is reinstated (REC-1), not before `pause`
 * nanoseconds from now. */
void recovery_begin(struct session *s, const struct fault *why, uint64_t now, uint64_t pause);
/* A session that is down already can't be continued: it is reinstated. */
void recovery_escalate(struct session *s, uint64_t now);
/* An old connection ended; goes on once none is left. */
void recovery_cleared(struct session *s);
/* A login of a reinstatement or continuation failed: when the next portal is tried. */
uint64_t recovery_next_attempt(struct session *s, uint64_t now);
/* The leading login of the reinstatement failed. */
void recovery_failed(struct session *s, uint64_t now);
/* Milliseconds that connecting and logging in may take in the present attempt. */
uint32_t recovery_login_time(const struct session *s);
/* Whose own portal it is that is tried; NULL for one that discovery told. */
struct member *recovery_member(const struct session *s);
/* The portal for the present attempt. */
const struct conn_options *recovery_portal(const struct session *s);
/* The session is up again: the connections that are away come back. */
void recovery_bring_back(struct session *s, uint64_t now);
/* One of them. */
void recovery_bring(struct session *s, struct member *m, uint64_t now);
void recovery_abandon_all(struct session *s);
/* The pause before a recovery attempt (TIM-2). */
uint64_t recovery_rest(const struct session *s);
/* SESSION_EVENT_DOWN; the hold time begins. */
void recovery_down(struct session *s, const struct fault *why, uint64_t now);

/* cleanup.c: levels 1 and 2 */
/* When and how long the target keeps what belonged to an ended connection (TIM-1). */
struct cleanup_times {
	uint64_t wait, retain;
};

/* Of an unexpected end (TIM-1); and what the target told, in seconds. */
struct cleanup_times cleanup_times(const struct session *s);
struct cleanup_times cleanup_times_told(uint16_t wait, uint16_t retain);
/* A connection was lost, of a session that is up: the session goes on without it if its level and
 * `why` allow that, else it is reinstated. `m` is NULL if its member is gone. */
void cleanup_begin(struct session *s, struct member *m, const struct conn *c, const struct fault *why,
		   uint64_t now);
/* The target drops a connection (AS-3): it is abandoned. Returns 0, or -ENOTSUP if the session can't
 * go on without it. */
int cleanup_drop(struct session *s, struct member *m, const struct fault *why, uint64_t now,
		 const struct cleanup_times *times);
/* No connection carries I/O any more: the session is to be continued. */
void cleanup_lapse(struct session *s, const struct fault *why, uint64_t now);
/* A connection that had its cleanup, or that of a lapsed session, ended. */
void cleanup_conn_ended(struct session *s, struct member *m, const struct conn *c,
			const struct fault *why, uint64_t now);
void cleanup_lapsed_conn_ended(struct session *s, struct member *m, const struct conn *c,
			       const struct fault *why, uint64_t now);
/* The login of a continuation ended, well or not. */
void cleanup_continued(struct session *s, struct member *m, uint64_t now);
void cleanup_continue_failed(struct session *s, struct member *m, const struct fault *why, uint64_t now);
struct cleanup *cleanup_by_epoch(struct session *s, uint32_t epoch);
bool cleanup_has_cid(const struct session *s, uint16_t cid);
/* Connections that the target still counts. */
unsigned cleanup_count(const struct session *s);
/* Those of them that no member has any more: removed, but the target still counts them. */
unsigned cleanup_strays(const struct session *s);
/* The member goes, its connection still has to be cleaned up. */
void cleanup_disown(struct session *s, const struct member *m);
/* All are settled otherwise. */
void cleanup_forget_all(struct session *s);
/* Begins what is due; to be called when something has changed. */
void cleanup_go_on(struct session *s, uint64_t now);
uint64_t cleanup_deadline(const struct session *s);
void cleanup_expire(struct session *s, uint64_t now);

/* rule.c */
uint64_t rule_deadline(const struct session *s);
void rule_expire(struct session *s, uint64_t now);

#endif
