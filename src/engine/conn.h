/*
 * conn.h - a connection, as the files of this room see it. engine.h is the view from outside.
 *
 * conn.c has the states, the doors and the deadlines; login.c and text_op.c the two text exchanges;
 * send.c what leaves, recv.c what comes, data.c the SCSI data of both directions.
 */
#ifndef ISCSIDSC_ENGINE_CONN_H
#define ISCSIDSC_ENGINE_CONN_H

#include "engine/engine.h"
#include "engine/tag.h"
#include "engine/window.h"
#include "proto/pdu.h"

/* What the connections of a session share in memory; all of it atomic or constant. */
struct conn_shared {
	struct window window;
	struct tags tags;
	_Atomic bool ordering;
	const struct session_config *config;
};

/* What a session makes a connection with. */
struct conn_plan {
	struct conn_shared *shared;
	const struct conn_options *options; /* copied */
	unsigned slot;
	uint16_t cid;
	uint16_t tsih;                      /* 0: leading login */
	uint32_t epoch;                     /* goes into each task it carries */
	int portal_group_tag;               /* the session's, -1 unknown */
	const struct keys_params *session;  /* values in force; NULL for a leading login */
};

enum {
	CONN_RING = 64,         /* PDUs in the send queue */
	CONN_RING_DATA = 48,    /* of which commands and data may use this many */
	CONN_BATCH = 256 << 10, /* bytes after which a batch is closed */
	CONN_SMALL = 320,       /* bytes kept of a data segment that is neither SCSI data nor text */
	CONN_ASYNCS = 8,        /* async messages waiting to be pulled */
	CONN_ANSWERS = 8,       /* target pings waiting for their answer */
	CONN_PINGS = 4,         /* pings of ours under way */
	CONN_REDIRECTS = 4,     /* hops that one login follows */
};

/* A PDU in the send queue: header and its digest, data segment, padding and its digest. */
struct conn_out {
	uint8_t header[PDU_BHS_LEN + 4];
	uint8_t header_len;
	uint8_t tail[8], tail_len;
	uint32_t data_len;
	const uint8_t *data;
	uint8_t *owned;     /* data that we free when it left; NULL for lent data */
	struct task *task;  /* lent its data; NULL if none did */
};

enum conn_rx { RX_HEADER, RX_DATA, RX_TAIL };
enum conn_sink { SINK_SMALL, SINK_TASK, SINK_TEXT };

/* The PDU that is being received. */
struct conn_in {
	enum conn_rx state;
	enum conn_sink sink;
	uint8_t header[PDU_BHS_LEN + 4];
	uint8_t tail[8];
	unsigned header_got, tail_got, tail_len;
	uint32_t data_len, data_got, crc;
	uint8_t *at;               /* SINK_TASK, SINK_TEXT: where data byte 0 goes */
	uint8_t *lent_staging;     /* of the last conn_space */
	size_t lent_direct;
	uint8_t small[CONN_SMALL];
};

/* Text that grows PDU by PDU until C=0 (TXT-6). */
struct conn_text {
	char *buf;
	size_t len, room, limit;
};

/* What waits to be sent and is neither command nor data. */
enum conn_want {
	WANT_ANSWER = 1 << 0, WANT_PING = 1 << 1, WANT_TEXT = 1 << 2, WANT_LOGOUT = 1 << 3,
};

struct login;
struct text_op;

struct conn {
	struct conn_shared *shared;
	struct conn_options options;
	unsigned slot;
	uint16_t cid, tsih;
	uint32_t epoch;
	int portal_group_tag;
	struct keys_params params;
	enum conn_state state;
	struct fault fault;
	struct fault verdict;       /* set while a stray session is being left: why it must end */
	bool over;                  /* ended; only events are left to pull */
	char host[256];             /* where it really goes: options.host, or a redirect's */
	uint16_t port;
	unsigned redirects;

	uint32_t exp_stat_sn;
	struct login *login;        /* during S4 */
	struct text_op *text_op;    /* while one is open */
	char *text_given;           /* the answer that the last text event lent out */

	struct conn_in in;
	struct conn_out *ring;      /* CONN_RING entries */
	unsigned ring_head, ring_len;
	size_t head_sent;           /* bytes of the head that left */

	struct list ready;          /* tasks not sent; of struct task, owned by their submitter */
	struct list active;         /* tasks sent and not concluded */
	struct list data;           /* active tasks with bursts to send, by data_link */
	struct list done;           /* tasks to be returned by events */

	unsigned wants;             /* enum conn_want */
	struct { uint32_t ttt; uint64_t lun; } answer[CONN_ANSWERS];
	unsigned answers;
	uint32_t ping[CONN_PINGS];
	unsigned pings;
	uint32_t logout_itt;
	unsigned logout_reason;
	bool draining;              /* logout asked for: no new task */
	bool logged_out;            /* answered; waits for the target to close (LO-6) */

	uint64_t heard;             /* when the last bytes came */
	uint64_t ping_at;           /* when the present ping was wanted, 0 for none */
	uint64_t limit;             /* deadline of login or logout, ENGINE_NEVER for none */

	bool ev_open, ev_up, ev_text, ev_end;
	uint64_t ev_wake;
	struct conn_async async[CONN_ASYNCS];
	unsigned asyncs;
	struct conn_up up;
	struct conn_counters counters;
};

/* Only the connection's own thread writes its counters. */
static inline void conn_count(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

/* conn.c */
int conn_new(const struct conn_plan *plan, struct conn **ret);
/* Enters a state: the one place that also starts and stops its timers. */
void conn_enter(struct conn *c, enum conn_state state, uint64_t now);
/* The connection is over: returns all tasks, frees what it holds, queues its end. The first fault
 * given stays. FAULT_NONE: a clean end. */
void conn_end(struct conn *c, const struct fault *why);
/* conn_end with a text; returns -1. */
int conn_fail(struct conn *c, enum fault_kind kind, int detail, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Concludes a task: it comes back by an event once nothing of it is lent. */
void conn_conclude(struct conn *c, struct task *task, enum task_outcome outcome);
void conn_task_returned(struct conn *c, struct task *task);
/* Login ended well. */
void conn_logged_in(struct conn *c, uint64_t now);
/* A login response moved us: connect to the new address. */
void conn_redirect(struct conn *c, const char *host, uint16_t port, uint64_t now);
/* Begins the login anew on a new TCP connection to the same address. */
void conn_reopen(struct conn *c, uint64_t now);

/* login.c */
int login_start(struct conn *c, const uint8_t entropy[ENGINE_ENTROPY]);
void login_free(struct login *login);
int login_text_room(struct conn *c, uint32_t len, uint8_t **ret);
int login_response(struct conn *c, const uint8_t *bhs, uint64_t now);
/* Reads from the login what an error message wants to know: the stage's name. */
const char *login_where(const struct login *login);

/* text_op.c */
void text_op_free(struct conn *c);
int text_op_room(struct conn *c, uint32_t len, uint8_t **ret);
int text_op_response(struct conn *c, const uint8_t *bhs);
/* Sends its next request; false if no number could be taken. */
bool text_op_send(struct conn *c);
void text_op_failed(struct conn *c, const struct fault *why);
/* Fills the event with the answer, or with why there is none. */
void text_op_event(struct conn *c, struct conn_event *ret);
bool text_op_itt_is(const struct conn *c, uint32_t itt);

/* text accumulation, conn.c */
int conn_text_room(struct conn_text *text, uint32_t len, uint8_t **ret);

/* send.c */
/* Queues a PDU whose header is in `bhs` (DataSegmentLength is filled in). `owned` data is freed
 * after it left, or at once if this fails; lent data belongs to `task`. */
void send_pdu(struct conn *c, uint8_t bhs[PDU_BHS_LEN], const uint8_t *data, uint32_t len,
	      uint8_t *owned, struct task *task);
void send_reset(struct conn *c);
/* Ends the pause of ordering mode once nothing is under way that needs it. */
void send_calm_over(struct conn *c);
/* Number for a Text Request: immediate, or numbered in ordering mode (TOL-8). False: none to be had now,
 * we will be woken. */
bool send_number(struct conn *c, bool *ret_immediate, uint32_t *ret_cmd_sn);

/* recv.c */
void recv_reset(struct conn *c);

/* data.c */
/* Queues the command and what data may go with it; false if no number or tag could be had. */
bool data_send_command(struct conn *c, struct task *task);
/* Queues Data-Out PDUs of the first task in c->data, as many as fit the batch. */
void data_send_out(struct conn *c, size_t *batch);
int data_in_place(struct conn *c, const uint8_t *bhs, uint8_t **ret);
int data_in_received(struct conn *c, const uint8_t *bhs);
int data_r2t_received(struct conn *c, const uint8_t *bhs);
int data_response_received(struct conn *c, const uint8_t *bhs, const uint8_t *segment, uint32_t len,
			   uint32_t kept);

#endif
