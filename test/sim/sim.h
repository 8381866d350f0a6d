/*
 * sim.h - the deterministic simulator: the real engine against the peer, over a network and through
 * message queues whose order a seed decides. Virtual time; no thread, no socket.
 *
 * sim.c runs steps in seeded order; wire.c is the network; carrier.c a connection on its loop; home.c
 * the session's home and the layer above it; work.c the commands and what the disks must hold;
 * trouble.c what goes wrong on purpose; scenario.c the table of scenarios.
 *
 * What is always checked: each command ends once; the peer saw no rule broken (peer.h), so no CmdSN
 * lost, doubled or outside the window; data equal the model, also what must have survived a power
 * failure; nothing is written to memory whose command has ended (it is freed at once, the address
 * sanitizer watches); each call is answered once; every run ends, with all connections back.
 */
#ifndef ISCSIDSC_TEST_SIM_H
#define ISCSIDSC_TEST_SIM_H

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "engine/engine.h"

#include "peer/peer.h"
#include "random.h"

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)

enum { SIM_CONNS = 8, SIM_OPS = 64, SIM_PENDING_CALLS = 16 };

/* What can go wrong. Each counts for one time at which it comes, somewhere in the work. */
enum trouble {
	TROUBLE_CUT,          /* one connection is reset */
	TROUBLE_CUT_ALL,
	TROUBLE_SILENT,       /* nothing comes through any more, for longer than a ping waits */
	TROUBLE_STALL,        /* nothing comes through for a moment */
	TROUBLE_ADD,
	TROUBLE_REMOVE,
	TROUBLE_PING,         /* the peer pings */
	TROUBLE_ASYNC_SCSI, TROUBLE_ASYNC_LOGOUT, TROUBLE_ASYNC_DROP, TROUBLE_ASYNC_DROP_ALL,
	TROUBLE_ASYNC_NEGOTIATE,
	TROUBLE_POWER,        /* the target loses power: caches are lost, connections cut */
	TROUBLE_NO_ANSWER,    /* connects are refused for a while */
	TROUBLE_KINDS
};

struct sim_options {
	uint64_t seed;
	struct peer_options peer;
	struct session_times times;
	struct keys_offer offer;
	struct chap_config chap;
	unsigned conns;              /* connections wanted */
	unsigned ops, depth;         /* commands in all, and at a time */
	unsigned most_blocks;        /* of one command */
	bool header_digest, data_digest, ordering;
	uint32_t rest;
	uint32_t first_cmd_sn;
	unsigned trouble[TROUBLE_KINDS];
	unsigned short_wires;        /* so many TCP connections are cut after a few bytes */
	bool short_first;            /* ... the first ones; else those after the session came up */
	bool cut_at_logout;
	bool discovery;              /* SendTargets instead of commands */
	enum fault_kind login_fails; /* the first login ends so; FAULT_NONE: it must not fail */
	enum fault_kind add_fails;   /* added logins end so */
	bool add_may_work;           /* ... only some of them */
	enum peer_cost fault_cost;   /* of peer.fault: what is expected */
	bool lossless;               /* the session must never go down */
	uint64_t longest;            /* of virtual time until all is done; 0: no limit of its own */
	unsigned memory_one_in, memory_failures; /* memory runs out: see memory.h */
};

/* ---------------------------------------------------------------- wire.c */

struct sim;
struct carrier;

struct pipe {
	uint8_t *data;
	size_t at, len, room;
};

/* A TCP connection. Each side leaves it on its own. */
struct wire {
	struct list link;         /* of sim->wires, which owns it */
	struct carrier *carrier;  /* our side; NULL: closed by us */
	struct peer_conn *peer;   /* NULL: not accepted yet, or closed by the peer */
	bool open, cut;           /* connected; reset, which both sides will notice */
	struct pipe up, down;     /* to the peer, from the peer */
	size_t room;              /* bytes that `up` holds at most */
	uint64_t stall;           /* nothing moves until then */
	uint64_t connect_at;
	size_t cut_after;         /* bytes of both directions; 0: never */
	size_t moved;
};

struct wire *wire_new(struct sim *sim, struct carrier *carrier);
void wire_free(struct wire *wire);
/* Our side closes. */
void wire_close(struct wire *wire);
void wire_cut(struct wire *wire);
/* Bytes of ours that the socket takes. */
size_t wire_room(const struct wire *wire);
void wire_send(struct wire *wire, const void *data, size_t len);
/* A step of this wire: false if there was nothing to do. */
bool wire_step(struct sim *sim, struct wire *wire);
uint64_t wire_deadline(const struct sim *sim, const struct wire *wire);

/* ---------------------------------------------------------------- carrier.c */

enum order_kind { ORDER_START, ORDER_SUBMIT, ORDER_LOGOUT, ORDER_ABANDON, ORDER_WAKE, ORDER_TEXT };
enum news_kind { NEWS_UP, NEWS_TASK, NEWS_ASYNC, NEWS_WAKE, NEWS_END, NEWS_TEXT };

/* A message to a carrier, or from one. */
struct message {
	struct list link;
	int kind;
	struct task *task;
	unsigned reason;
	uint64_t wake;
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
	struct list orders, news; /* struct message, owned */
	struct wire *wire;
	bool busy;               /* conn_pending has to be asked */
	bool ended;              /* told home */
	bool forgotten;          /* home was told */
	bool up;                 /* its login succeeded */
	bool refused;            /* its connect will be refused */
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
void carrier_expire(struct sim *sim, struct carrier *carrier);

/* ---------------------------------------------------------------- home.c */

/* A call that waits for its answer. */
struct call {
	enum { CALL_FREE, CALL_ADD, CALL_REMOVE, CALL_LOGOUT } kind;
	uint64_t id;
};

struct home {
	struct session *session;
	struct carrier *path[SIM_CONNS * 2];
	unsigned paths, next;
	bool up, failed, over;
	uint32_t epoch;
	unsigned ups, downs, wanted;
	uint64_t next_id;
	uint64_t ids[SIM_CONNS * 2];   /* connections that the session shall have */
	unsigned id_count;
	struct call calls[SIM_PENDING_CALLS];
	struct fault login_fault;
	bool login_answered, logout_sent, logout_answered;
	unsigned adds_failed, logins_failed;
	char text[4096];
	size_t text_len;
	bool text_asked, text_done;
};

void home_begin(struct sim *sim);
void home_end(struct sim *sim);
bool home_step(struct sim *sim);
void home_news(struct sim *sim, struct carrier *carrier, struct message *news);
void home_add(struct sim *sim);
void home_remove(struct sim *sim, uint64_t id);
void home_logout(struct sim *sim);
/* Gives the task to a path; false if it has to be held. */
bool home_submit(struct sim *sim, struct task *task);
unsigned home_open_calls(const struct home *home);
/* All connections that are wanted carry I/O. */
bool home_complete(const struct home *home);

/* ---------------------------------------------------------------- work.c */

enum op_kind { OP_READ, OP_WRITE, OP_FLUSH, OP_UNMAP, OP_SAME, OP_READY, OP_INQUIRY, OP_KINDS };
enum op_state { OP_FREE, OP_HELD, OP_OUT };

struct op {
	struct task task;
	enum op_state state;
	enum op_kind kind;
	unsigned lun;
	uint32_t block, blocks;
	uint32_t version;       /* that a write leaves */
	uint32_t *seen;         /* of a flush: what had been acknowledged when it began */
	bool fua, repeat;
	uint16_t number;        /* in its CDB field, so that the peer can tell what it saw */
	unsigned runs;          /* submissions that may have reached the peer */
	uint8_t *in, *out;
};

struct work {
	struct op op[SIM_OPS];
	uint32_t *version[PEER_LUNS], *durable[PEER_LUNS]; /* by block */
	uint32_t *newest[PEER_LUNS];                       /* ever issued */
	uint16_t *readers[PEER_LUNS];
	bool *written[PEER_LUNS];                          /* a write is under way */
	uint32_t next_version;
	unsigned begun, done, busy, failed;
};

void work_begin(struct sim *sim);
void work_end(struct sim *sim);
/* Begins or repeats a command if there is one to be begun. */
bool work_step(struct sim *sim);
void work_returned(struct sim *sim, struct task *task);
bool work_finished(const struct sim *sim);
/* The disks hold what they must. */
void work_check_disks(struct sim *sim);
/* After a power failure: what is there now, if it may be, is what is expected from now on. */
void work_power_failure(struct sim *sim);

/* ---------------------------------------------------------------- trouble.c */

bool trouble_step(struct sim *sim);
bool trouble_left(const struct sim *sim);

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
	unsigned short_wires_left;
	uint64_t refuse_until, left_at;
	bool trouble_came;
	uint64_t steps;
	bool verbose;
	struct sim *next_failed;
	char failure[512];
};

/* Notes what is wrong; the run ends. Only the first is kept. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *sim_alloc(size_t len);
/* Runs it. Returns 0, or -1 with the reason in `failure`. *ret_faults: how often peer.fault came. */
int sim_run(const struct sim_options *options, bool verbose, char *failure, size_t failure_len,
	    unsigned *ret_faults);

/* ---------------------------------------------------------------- scenario.c */

struct scenario {
	const char *name;
	void (*prepare)(struct sim_options *options, struct random *random);
};

extern const struct scenario scenarios[];
extern const unsigned scenario_count;

#endif
