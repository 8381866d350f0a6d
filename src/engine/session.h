/*
 * session.h - a session, as the files of this room see it. engine.h is the view from outside.
 *
 * session.c has the doors and what connections tell; member.c the list of connections; recovery.c
 * what happens when one is lost; session_event.c the queue of events.
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
};

enum phase {
	PHASE_NEW,        /* Q1: no login yet */
	PHASE_OPENING,    /* Q1: the leading login is under way */
	PHASE_UP,         /* Q3 */
	PHASE_CLEARING,   /* Q4: waits until all old connections are gone */
	PHASE_WAITING,    /* Q4: pause before the next attempt */
	PHASE_REOPENING,  /* Q4: the leading login of the reinstatement is under way */
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
	uint16_t next_cid, tsih;
	uint32_t epoch;
	struct keys_params params;
	int portal_group_tag;
	uint64_t retry_at, hold_until, close_at;
	bool failed;                   /* the hold time is over */
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
/* Gives a member a connection, through its own portal or another one of the group. Returns 0 or
 * -ENOMEM. */
int member_connect(struct session *s, struct member *m, const struct conn_options *through);

/* recovery.c */
/* A session that is up lost a connection: all go, then it is reinstated (REC-1), not before `pause`
 * nanoseconds from now. */
void recovery_begin(struct session *s, const struct fault *why, uint64_t now, uint64_t pause);
/* An old connection ended; goes on once none is left. */
void recovery_cleared(struct session *s);
/* The leading login of the reinstatement failed. */
void recovery_failed(struct session *s, uint64_t now);
/* The session is up again: the other connections come back. */
void recovery_bring_back(struct session *s, uint64_t now);
void recovery_abandon_all(struct session *s);

#endif
