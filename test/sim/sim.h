/*
 * sim.h - the deterministic simulator: the real engine against the peer, over a network and through
 * message queues whose order a seed decides. Virtual time; no thread, no socket.
 *
 * sim.c runs steps in seeded order; wire.c is the network, eye.c sees the PDUs in it; carrier.c is a
 * connection on its loop; home.c the session's home, adrift.c its commands without a connection; work.c
 * has the commands, model.c what the disks must hold; trouble.c is what goes wrong on purpose, matrix.c
 * counts where it did; scenario.c, recovering.c and hostile.c are the table of scenarios; main.c runs
 * many of them. mutants.py breaks the engine and sees that this finds it.
 *
 * What is always checked: each command ends once; the peer saw no rule broken (peer.h), so no CmdSN
 * lost, doubled or outside the window; no command is executed twice under its number, and none after
 * the engine said that it is dead; data equal the model, also what must have survived a power failure;
 * nothing is written to memory whose command has ended (it is kept for a while and looked at; under
 * the address sanitizer it is freed at once); each call is answered once; every run ends, with all
 * connections back.
 */
#ifndef ISCSIDSC_TEST_SIM_H
#define ISCSIDSC_TEST_SIM_H

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "engine/engine.h"
#include "proto/pdu.h"

#include "peer/peer.h"
#include "random.h"

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)

enum { SIM_CONNS = 8, SIM_OPS = 64, SIM_PENDING_CALLS = 16 };

/* What can go wrong. */
enum trouble {
	TROUBLE_CUT,          /* one connection is reset */
	TROUBLE_CUT_ALL,
	TROUBLE_SILENT,       /* nothing comes through any more, for longer than a ping waits */
	TROUBLE_SILENT_ALL,
	TROUBLE_STALL,        /* nothing comes through for a moment */
	TROUBLE_SLOW,         /* the target's TCP takes all, the target reads nothing for a moment */
	TROUBLE_HEADER_UP,    /* a bit turns over, under a digest: in a header to the target */
	TROUBLE_HEADER_DOWN,  /* ... from it */
	TROUBLE_DATA_UP,      /* ... in data to the target */
	TROUBLE_DATA_DOWN,
	TROUBLE_ADD,
	TROUBLE_REMOVE,
	TROUBLE_PING,         /* the peer pings */
	TROUBLE_ASYNC_SCSI, TROUBLE_ASYNC_LOGOUT, TROUBLE_ASYNC_DROP, TROUBLE_ASYNC_DROP_ALL,
	TROUBLE_ASYNC_NEGOTIATE,
	TROUBLE_POWER,        /* the target loses power: caches are lost, connections cut */
	TROUBLE_RESTART,      /* the target's program ends and starts again: sessions are lost */
	TROUBLE_NO_ANSWER,    /* connects are refused for a while */
	TROUBLE_LUN_RESET,    /* the caller's task management */
	TROUBLE_TARGET_RESET,
	TROUBLE_TASK_SET,     /* ABORT TASK SET, CLEAR TASK SET */
	TROUBLE_OTHER_FUNCTION,
	TROUBLE_NEVER,        /* the target never answers one command */
	TROUBLE_NO_MEMORY,    /* an allocation of the engine fails; by memory_one_in */
	TROUBLE_KINDS
};

/* In which state of a connection something went wrong: the S states of RFC 7143 section 8.1.3, of S8
 * and S5 what matters for recovery. */
enum place {
	PLACE_S2, PLACE_S4, PLACE_S5, PLACE_S6, PLACE_S7,
	PLACE_CLEANUP,  /* another connection is in S8, and this one carries the Logout for it */
	PLACE_REASSIGN, /* a TASK REASSIGN waits for its answer on it */
	PLACES
};

enum { SIM_LEVELS = 3, SIM_AMBUSHES = 12 };

/* Something that goes wrong as soon as a connection is in that state, for the `skip`th time. */
struct ambush {
	enum trouble what;
	enum place where;
	unsigned skip;
	bool set;
};

struct sim_options {
	uint64_t seed;
	struct peer_options peer;
	struct session_times times;
	struct keys_offer offer;
	struct chap_config chap;
	unsigned level;              /* recovery level that both sides will agree on */
	unsigned conns;              /* connections wanted */
	unsigned ops, depth;         /* commands in all, and at a time */
	unsigned most_blocks;        /* of one command */
	bool header_digest, data_digest, ordering;
	uint32_t rest;
	uint32_t first_cmd_sn;
	bool one_holder, no_reassign;
	unsigned trouble[TROUBLE_KINDS]; /* so many times, each somewhere in the work */
	struct ambush ambush[SIM_AMBUSHES];
	unsigned once;               /* one in so many writes is not to be repeated; 0: none */
	bool power;                  /* it may fail */
	uint32_t loop_delay;         /* milliseconds at most that a loop leaves messages unread */
	bool gives_up;               /* the session may be away for longer than the hold time */
	unsigned short_wires;        /* so many TCP connections are cut after a few bytes */
	bool short_first;            /* ... the first ones; else those after the session came up */
	bool cut_at_logout;
	bool discovery;              /* SendTargets instead of commands */
	enum fault_kind login_fails; /* the first login ends so; FAULT_NONE: it must not fail */
	enum fault_kind add_fails;   /* added logins end so */
	bool add_may_work;           /* ... only some of them */
	enum peer_cost fault_cost;   /* of peer.fault: what is expected */
	bool lossless;               /* no connection must be lost, so the session must never go down */
	bool leaves_early;           /* the session is logged out in the midst of its work */
	uint64_t longest;            /* of virtual time until all commands have ended, and from a call to
	                                its answer; 0: no limit */
	unsigned memory_one_in, memory_failures; /* memory runs out: see memory.h */
};

/* ---------------------------------------------------------------- wire.c */

struct sim;
struct carrier;

struct pipe {
	uint8_t *data;
	size_t at, len, room;
};

enum way { WAY_UP, WAY_DOWN, WAYS }; /* to the peer, from the peer */

/* Where one direction is within its present PDU. */
struct gaze {
	uint8_t bhs[PDU_BHS_LEN];
	unsigned have;            /* bytes of it that passed */
	size_t rest;              /* bytes that still belong to the PDU */
	size_t data;              /* of which are data, padding and their digest */
	bool flip_header, flip_data; /* a bit shall turn over */
};

/* What can be seen on a wire. */
struct eye {
	struct gaze gaze[WAYS];
	bool login;               /* still */
	bool header_digest, data_digest; /* in force */
	char text[8192];          /* of Login Responses */
	size_t text_len;
	unsigned cleanups, reassigns; /* Logouts for another connection, TASK REASSIGNs without an answer */
	uint32_t itt[8];          /* of the reassigns */
	uint32_t cleanup_itt;
	uint16_t cid;
};

/* A TCP connection. Each side leaves it on its own. */
struct wire {
	struct list link;         /* of sim->wires, which owns it */
	struct carrier *carrier;  /* our side; NULL: closed by us */
	struct peer_conn *peer;   /* NULL: not accepted yet, or closed by the peer */
	struct eye eye;
	unsigned id;              /* for the transcript */
	bool open, cut;           /* connected; reset, which both sides will notice */
	bool unreachable;         /* the connect is not answered */
	uint64_t slow;            /* the peer reads nothing until then */
	uint64_t moved_at;        /* when something came through last */
	unsigned sprung;          /* ambushes, a bit each, that have closed on it */
	struct pipe up, down;     /* to the peer, from the peer */
	size_t room;              /* bytes that `up` holds at most */
	uint64_t stall;           /* nothing moves until then */
	uint64_t connect_at;
	size_t cut_after;         /* bytes of both directions; 0: never */
	size_t moved;
};

struct wire *wire_new(struct sim *sim, struct carrier *carrier);
/* Our side closes. */
void wire_close(struct wire *wire);
void wire_cut(struct wire *wire);
/* Bytes of ours that the socket takes. */
size_t wire_room(const struct wire *wire);
void wire_send(struct sim *sim, struct wire *wire, const void *data, size_t len);
/* A step of this wire: false if there was nothing to do. */
bool wire_step(struct sim *sim, struct wire *wire);
uint64_t wire_deadline(const struct sim *sim, const struct wire *wire);
/* Something is wrong with it, or soon will be. */
bool wire_fails(const struct sim *sim, const struct wire *wire);
/* How long the peer's TCP has acknowledged nothing although bytes wait for it; 0: none wait. */
uint64_t wire_silence(const struct sim *sim, const struct wire *wire);

/* ---------------------------------------------------------------- eye.c */

void eye_open(struct eye *eye);
/* Bytes enter a pipe; bits of them may be turned over. */
void eye_see(struct sim *sim, struct wire *wire, enum way way, uint8_t *data, size_t len);
/* A bit of the next PDU shall turn over. False if no such digest is in force. */
bool eye_flip(struct wire *wire, enum trouble kind);
/* One is still to come. */
bool eye_will_flip(const struct wire *wire);

/* ---------------------------------------------------------------- carrier.c */

enum order_kind {
	ORDER_START, ORDER_SUBMIT, ORDER_LOGOUT, ORDER_ABANDON, ORDER_WAKE, ORDER_TEXT, ORDER_CLEANUP,
	ORDER_CONCLUDE, ORDER_MANAGE,
};
enum news_kind {
	NEWS_UP, NEWS_TASK, NEWS_ASYNC, NEWS_WAKE, NEWS_END, NEWS_TEXT, NEWS_MANAGED, NEWS_CLEANED,
	NEWS_DOUBT, NEWS_TRUST,
};

/* A message to a carrier, or from one. */
struct message {
	struct list link;
	int kind;
	struct task *task;
	unsigned reason;
	struct conn_lost lost;
	uint8_t function;
	uint64_t lun;
	uint32_t cmd_sn;
	uint64_t wake;
	struct management *management;
	struct conn_cleaned cleaned;
	struct conn_up up;
	struct conn_async async;
	struct fault fault;
};

/* A connection on its loop. */
struct carrier {
	struct list link;        /* of sim->carriers, which owns it */
	struct conn *conn;
	uint64_t id;
	unsigned slot;
	enum conn_state state, before; /* when it was looked at last; and before that */
	uint16_t cid;            /* once it is up */
	struct list orders, news; /* struct message, owned */
	uint64_t orders_at, news_at; /* when they are read again */
	struct wire *wire;
	bool busy;               /* conn_pending has to be asked */
	bool ended;              /* told home */
	bool forgotten;          /* home was told */
	bool up;                 /* its login succeeded */
	bool doubted;            /* home gives it nothing new */
	bool asked_doubt;        /* CONN_EVENT_DOUBT without CONN_EVENT_TRUST */
	struct iovec lent[ENGINE_PENDING_IOV]; /* of a conn_pending whose bytes have not left */
	unsigned lent_count;
};

struct carrier *carrier_new(struct sim *sim, struct conn *conn);
void carrier_free(struct carrier *carrier);
void carrier_order(struct carrier *carrier, const struct message *order);
/* What the network tells. */
void carrier_opened(struct sim *sim, struct carrier *carrier);
void carrier_received(struct sim *sim, struct carrier *carrier, const uint8_t *data, size_t len);
void carrier_closed(struct sim *sim, struct carrier *carrier, enum fault_kind kind, int detail);
bool carrier_step(struct sim *sim, struct carrier *carrier);
uint64_t carrier_deadline(const struct carrier *carrier);
/* False if its time has not come. */
bool carrier_expire(struct sim *sim, struct carrier *carrier);

/* ---------------------------------------------------------------- home.c */

/* A call that waits for its answer. */
struct call {
	enum { CALL_FREE, CALL_ADD, CALL_REMOVE, CALL_LOGOUT } kind;
	uint64_t id, since;
};

struct home {
	struct session *session;
	struct carrier *path[SIM_CONNS * 2];
	unsigned paths, next;
	bool up, failed, over;
	uint32_t epoch;
	unsigned ups, downs, lefts, wanted;
	uint64_t next_id;
	uint64_t ids[SIM_CONNS * 2];   /* connections that the session shall have */
	unsigned id_count;
	struct call calls[SIM_PENDING_CALLS];
	struct fault login_fault;
	bool login_answered, logout_sent, logout_answered;
	unsigned adds_failed, logins_failed;
	uint64_t add_at;               /* when the next one may be tried */
	struct list adrift;            /* struct op: sent, and without a connection */
	bool ask_again;                /* what session_rule says may have changed */
	struct management *managing;   /* the caller's; one at a time */
	bool manage_again;             /* it was not answered */
	uint32_t managing_epoch;
	unsigned managed;              /* functions that were answered well */
	unsigned reassigned;
	struct { uint16_t cid; uint64_t at; } lost[64]; /* by the low bits of the CID */
	bool announced;                /* the target told that it drops connections */
	uint64_t pause;                /* that the target wants before it is bothered again */
	char text[4096];
	size_t text_len;
	bool text_asked, text_done;
};

void home_begin(struct sim *sim);
void home_end(struct sim *sim);
bool home_step(struct sim *sim);
uint64_t home_deadline(const struct sim *sim);
void home_news(struct sim *sim, struct carrier *carrier, struct message *news);
void home_add(struct sim *sim);
void home_remove(struct sim *sim, uint64_t id);
void home_logout(struct sim *sim);
/* Gives the task to a path; false if it has to be held. */
bool home_submit(struct sim *sim, struct task *task);
/* The caller's task management function goes out on the connection. False if one is under way. */
bool home_manage(struct sim *sim, struct carrier *carrier, uint8_t function, uint64_t lun);
/* Gives a task to a connection that takes some; false if there is none. */
bool home_give(struct sim *sim, struct task *task);
unsigned home_open_calls(const struct home *home);
/* A removal is under way. */
bool home_removes(const struct home *home);
/* All connections that are wanted carry I/O. */
bool home_complete(const struct home *home);

/* ---------------------------------------------------------------- adrift.c */

/* A task came back as TASK_SUSPENDED. */
void adrift_take(struct sim *sim, struct task *task);
/* Asks session_rule for one of them. False if there is nothing to be asked. */
bool adrift_step(struct sim *sim);
/* The session is over: all are dead. */
void adrift_end(struct sim *sim);

/* ---------------------------------------------------------------- work.c */

enum op_kind {
	OP_READ, OP_WRITE, OP_FLUSH, OP_UNMAP, OP_SAME, OP_READY, OP_INQUIRY,
	OP_LONG_READ, OP_LONG_WRITE, /* with a CDB of 32 bytes */
	OP_SWAP,                     /* writes, and reads what was there: never repeated */
	OP_INCREMENT,                /* adds 1 to a counter: never repeated */
	OP_KINDS
};
enum op_state { OP_FREE, OP_HELD, OP_OUT };

struct op {
	struct task task;
	struct list adrift;     /* in home.adrift, while it has no connection */
	bool ask;               /* session_rule is to be asked for it */
	enum op_state state;
	enum op_kind kind;
	unsigned lun;
	uint32_t block, blocks;
	uint32_t version;       /* that a write leaves */
	uint32_t *seen;         /* of a flush: what had been acknowledged when it began */
	bool fua;
	bool once;              /* may not be executed again, not even on purpose */
	bool unsettled;         /* it may still be executed: looked up when the session is back */
	uint16_t number;        /* in its CDB field, so that the peer can tell what it saw; new for each
	                           run, but not for what the engine sends again on its own */
	unsigned busy;          /* times that the target had no room for it */
	uint64_t not_before;    /* then */
	uint8_t *in, *out;
	uint8_t rest[16];       /* of a long CDB, from the 17th byte on */
};

enum { WORK_REMAINS = 64 };

struct remains {
	uint8_t *data;
	uint32_t len;
};

struct work {
	struct op op[SIM_OPS];
	struct remains remains[WORK_REMAINS]; /* memory of the commands that ended last */
	unsigned buried;
	uint32_t *version[PEER_LUNS], *durable[PEER_LUNS]; /* by block */
	uint32_t *newest[PEER_LUNS];                       /* ever issued */
	uint16_t *readers[PEER_LUNS];
	bool *written[PEER_LUNS];                          /* a write is under way */
	uint64_t increments[PEER_LUNS];
	uint32_t next_version;
	uint32_t numbers;       /* given out */
	uint8_t *dead;          /* by number: 1 + how often it had been executed when it was said to be dead */
	unsigned begun, done, busy, failed, lost, aborted;
	uint64_t ended_at; /* when the last command ended */
};

void work_begin(struct sim *sim);
void work_end(struct sim *sim);
/* Begins or repeats a command if there is one to be begun. */
bool work_step(struct sim *sim);
void work_returned(struct sim *sim, struct task *task);
/* A connection tells that it ended. */
void work_check_status(struct sim *sim, const struct task *task);
bool work_finished(const struct sim *sim);
uint64_t work_deadline(const struct sim *sim);
/* To the transcript: what has not ended. */
void work_say_open(struct sim *sim);
/* Nothing was executed twice under its number, and nothing after it was said to be dead. */
void work_check_runs(struct sim *sim);
/* Memory of a command that has ended, as far as it is remembered. */
bool work_is_over(const struct sim *sim, const uint8_t *data, size_t len);

/* ---------------------------------------------------------------- model.c */

void model_begin(struct sim *sim);
void model_end(struct sim *sim);
/* What a block of that version holds; version 0: zeros. */
void model_fill(uint8_t *block, unsigned lun, uint32_t lba, uint32_t version);
/* The range of this command is free for it; then takes or releases it. */
bool model_free(const struct sim *sim, const struct op *op);
void model_lock(struct sim *sim, const struct op *op);
void model_unlock(struct sim *sim, const struct op *op);
bool op_writes(const struct op *op);
bool op_has_range(const struct op *op);
/* The command ended well: is what it read right; what holds from now on. */
void model_completed(struct sim *sim, const struct op *op);
/* It is dead, and nobody knows how far it came: it was executed or not. */
void model_settle(struct sim *sim, const struct op *op);
/* A flush begins. */
void model_snapshot(struct sim *sim, struct op *op);
/* The disks hold what they must. */
void model_check_disks(struct sim *sim);
/* After a power failure: what is there now, if it may be, is what is expected from now on. */
void model_power_failure(struct sim *sim);

/* ---------------------------------------------------------------- matrix.c */

/* Counts of all runs, in memory that processes share. */
struct matrix {
	uint64_t cell[TROUBLE_KINDS][PLACES][SIM_LEVELS];
};

const char *trouble_name(enum trouble kind);
const char *place_name(enum place place);
void matrix_add(struct matrix *to, const struct matrix *from);
/* Prints the table. Returns how many cells are empty that could be reached. */
unsigned matrix_print(const struct matrix *matrix, FILE *out);

/* ---------------------------------------------------------------- trouble.c */

bool trouble_step(struct sim *sim);
bool trouble_left(const struct sim *sim);
/* Where the connection is now. */
enum place trouble_place(const struct carrier *carrier);
/* Something went wrong on this connection, or it was there when something did. */
void trouble_note(struct sim *sim, enum trouble kind, const struct carrier *carrier);
/* Its ambushes are off. */
void trouble_forget(struct sim *sim, struct wire *wire);
/* One of the ambushes that have closed strikes. False if there is none. */
bool trouble_ambush(struct sim *sim);
/* The wire has come to a place: ambushes may close. */
void trouble_watch(struct sim *sim, struct wire *wire, enum place place);

/* ---------------------------------------------------------------- sim.c */

struct sim {
	struct sim_options options;
	struct random random;
	uint64_t now;
	struct peer *peer;
	struct list wires, carriers;
	struct home home;
	struct work work;
	unsigned trouble_done[TROUBLE_KINDS];
	unsigned ambushes_sprung;    /* that have closed and did not strike yet */
	unsigned short_wires_left, next_wire;
	struct matrix matrix;
	uint64_t pdus, pings;        /* of both directions; NOPs are counted apart */
	unsigned skipped;            /* flips that hit nothing any more */
	uint64_t refuse_until;
	bool trouble_came, over_checked;
	bool closing;                /* a Logout of the session went out: */
	uint32_t closing_sn;         /* no number from this one on may follow it */
	unsigned faults_then;        /* of the peer, before it was left */
	bool flips_came, functions_came; /* bits were turned over; the caller managed tasks */
	uint64_t steps;
	bool verbose;
	struct sim *next_failed;
	char failure[512];
};

/* Notes what is wrong; the run ends. Only the first is kept. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *sim_alloc(size_t len);
/* What a run tells. */
struct sim_result {
	char failure[512];
	unsigned faults;             /* how often peer.fault came */
	uint64_t pdus, pings, steps;
	struct matrix matrix;
};

/* Runs it. Returns 0, or -1 with the reason in ret->failure. */
int sim_run(const struct sim_options *options, bool verbose, struct sim_result *ret);

/* ---------------------------------------------------------------- scenario.c */

struct scenario {
	const char *name;
	void (*prepare)(struct sim_options *options, struct random *random);
};

unsigned scenario_count(void);
const struct scenario *scenario_at(unsigned i);
/* A random configuration, as the scenario wants it. */
void scenario_prepare(const struct scenario *scenario, uint64_t seed, struct sim_options *ret);
const struct scenario *scenario_find(const char *name); /* NULL: none */
/* The usual load of several connections. */
void scenario_load(struct sim_options *options, struct random *random);
void scenario_level(struct sim_options *options, struct random *random, unsigned level);
void scenario_chap(struct sim_options *options, struct random *random, bool mutual);

/* recovering.c */
extern const struct scenario recovering[];
extern const unsigned recovering_count;
/* hostile.c */
extern const struct scenario hostile[];
extern const unsigned hostile_count;

/* Runs that failed once. */
struct named {
	const char *name, *scenario;
	uint64_t seed;
};

extern const struct named named[];
extern const unsigned named_count;

#endif
