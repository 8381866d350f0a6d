/*
 * conn.h - a connection, as the files of this room see it. engine.h is the view from outside.
 *
 * conn.c has the states, the doors and the deadlines, conn_task.c tasks coming and going,
 * conn_event.c the queue of events; login.c and text_op.c the two text exchanges, logout.c the
 * Logouts; send.c what leaves, recv.c what comes, data_out.c and data_in.c the SCSI data; manage.c
 * task management, resume.c suspended tasks, snack.c what got lost, pulse.c pings and silence.
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
	_Atomic bool one_holder;    /* the window's mode follows it: send.c */
	_Atomic uint32_t command_time; /* session_times.command */
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
	bool reinstates;                    /* `cid` is that of an ended connection (REC-15) ... */
	uint32_t exp_stat_sn;               /* ... and this its ExpStatSN (LOG-12) */
	uint32_t login;                     /* milliseconds that connecting and logging in may take */
	bool direct;                        /* the login may skip the security stage */
};

enum {
	CONN_RING = 144,        /* PDUs in the send queue: of a connection that works, and ... */
	CONN_RING_IDLE = 24,    /* ... of one that has nothing to do */
	CONN_RING_SPARE = 16,   /* of which commands and data leave this many to others */
	CONN_HEADER = PDU_BHS_LEN + 4, /* with its digest */
	CONN_BATCH = 256 << 10, /* bytes after which a batch is closed: at first, and ... */
	CONN_BATCH_MAX = 1 << 20, /* ... while the socket takes all of them at once */
	CONN_LARGE = 32 << 10,  /* data segments from here on are not worth a second copy: see conn_space */
	CONN_AHEAD = 1 << 10,   /* bytes read beyond them: what follows is mostly the header of the next */
	CONN_SMALL = 320,       /* bytes kept of a data segment that is neither SCSI data nor text */
	CONN_ASYNCS = 64,       /* async messages waiting to be pulled */
	CONN_ANSWERS = 64,      /* target pings waiting for their answer */
	CONN_PINGS = 4,         /* pings of ours under way */
	CONN_REDIRECTS = 4,     /* hops that one login follows */
	CONN_REQUESTS = 8,      /* task management requests under way */
	CONN_DIGEST_ERRORS = 64,/* in one go, after which the connection is given up */
	CONN_STATUS_AHEAD = 4096,/* how far StatSN may run ahead of what came (ST-6) */
	CONN_ASKS = 8,          /* times that the same loss is asked for (SNACK), or a command repeated */
};

/* A PDU in the send queue: header, additional header segments, the digest of both, data segment,
 * padding and its digest. */
struct conn_out {
	uint8_t *header;    /* in the connection's `headers` */
	uint8_t header_len;
	uint8_t tail_len, tail[8];
	uint16_t ahs_len;   /* with the digest, which then is not behind `header` */
	uint32_t data_len;
	const uint8_t *data;
	uint8_t *ahs;       /* freed when it left; NULL for none */
	uint8_t *owned;     /* data that we free when it left; NULL for lent data */
	struct task *task;  /* lent its data; NULL if none did */
};

enum conn_rx { RX_HEADER, RX_DATA, RX_TAIL };
enum conn_sink { SINK_SMALL, SINK_TASK, SINK_TEXT };

struct opcode;

/* The PDU that is being received. */
struct conn_in {
	enum conn_rx state;
	enum conn_sink sink;
	const struct opcode *op;   /* what recv.c knows of its opcode, once the header is there */
	uint8_t header[PDU_BHS_LEN + 4];
	uint8_t tail[8];
	unsigned header_got, tail_got, tail_len;
	uint32_t data_len, data_got, crc;
	uint8_t *at;               /* SINK_TASK, SINK_TEXT: where data byte 0 goes; NULL: thrown away */
	struct task *task;         /* SINK_TASK: whose memory that is ... */
	struct pdu_data_in data_in; /* ... and what the header says */
	bool large;                /* Data-In come in large segments at the moment */
	bool unsummed;             /* some bytes went by without their digest being counted */
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
	WANT_SNACK = 1 << 4, WANT_MANAGE = 1 << 5, WANT_CLEANUP = 1 << 6, WANT_NUMBER = 1 << 7,
};

/* A task management request under way. */
struct conn_request {
	uint8_t function;              /* enum pdu_function */
	uint32_t itt;                  /* 0: not sent, or answered and the status is expected */
	uint64_t after;                /* not to be sent before; 0: at once */
	uint64_t limit;                /* when its answer, or the status, is overdue; 0: not sent yet */
	bool answered;                 /* ABORT TASK came too late: the status is on its way (TM-7) */
	struct management *management; /* the caller's; else ... */
	struct task *task;             /* ... to be aborted or, TASK_REASSIGNING, reassigned; NULL: it
	                                  has ended meanwhile */
};

/* The Logout for another connection. */
struct conn_clean {
	struct conn_lost lost;
	bool under_way;                /* asked for and not answered */
	uint32_t itt;                  /* 0: not sent */
	uint64_t after;                /* not to be sent before; 0: at once */
	uint64_t limit;                /* when its answer is overdue; 0: not sent yet */
};

enum { CONN_AGAIN_MS = 20 };           /* pause after a Reject for too many immediate requests */

/* An async message that waits to be pulled. */
struct conn_async_item {
	struct list link;
	struct conn_async async;
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

	struct window_news news;    /* heard and not told: only within conn_received */
	struct tag_hand hand;       /* tags of commands; emptied after every door call */
	struct gap stat;            /* StatSN; what goes out is snack_exp_stat_sn */
	struct login *login;        /* during S4 */
	struct text_op *text_op;    /* while one is open */
	char *text_given;           /* the answer that the last text event lent out */

	struct conn_in in;
	struct conn_out *ring;      /* ring_room entries; see send_start */
	unsigned ring_room, ring_head, ring_len;
	uint8_t *headers;           /* of the ring's PDUs, one behind the other: see send_header; behind
	                               the ring in the same memory */
	unsigned headers_end;       /* where the next one goes */
	size_t head_sent;           /* bytes of the head that left */
	size_t batch_limit;         /* bytes after which the next batch is closed */
	bool batch_full;            /* the last one was closed for it, and nothing of it has left */

	struct list ready;          /* tasks not sent; of struct task, owned by their submitter */
	unsigned ready_len;
	struct list active;         /* tasks sent and not concluded */
	struct list data;           /* active tasks with bursts to send, by data_link */
	struct list done;           /* tasks to be returned by events */
	struct list again;          /* adrift tasks to be sent again or reassigned here */

	/* what digest errors cost: snack.c */
	struct list missing;        /* active tasks with data or a status missing, by wait_link */
	struct list acks;           /* active tasks that owe a DataACK, by ack_link */
	bool missing_status;
	uint32_t status_end;        /* below which statuses are known to exist */
	uint32_t status_asked;      /* below which missing ones were asked for */
	unsigned status_asks;
	unsigned digest_errors;
	uint64_t ask_at;            /* when what was asked for in vain is asked for again; 0: at once */
	bool probing;               /* a ping goes behind the last SNACK; its answer is awaited ... */
	uint32_t ping_before[CONN_PINGS]; /* ... and is not that of one of these, which left before */
	unsigned pings_before;

	/* task management: manage.c */
	struct list managing;       /* struct management that waits to be sent */
	struct list managed;        /* answered, to be returned by events */
	struct conn_request request[CONN_REQUESTS];
	unsigned requests;
	bool one_request;           /* the target rejected more than one at a time (TM-14) */

	struct conn_clean clean;
	struct conn_cleaned cleaned;
	bool ev_cleaned;

	/* the last number taken for a request that is no command (conn_left_hole) */
	bool numbered;
	uint32_t numbered_sn;

	uint32_t login_time;        /* milliseconds */
	bool direct;                /* the login skips the security stage */
	bool reinstates;            /* the login carries the ended connection's ExpStatSN ... */
	uint32_t old_exp_stat_sn;   /* ... which is this (LOG-12) */

	unsigned wants;             /* enum conn_want */
	struct { uint32_t ttt; uint64_t lun; } answer[CONN_ANSWERS];
	unsigned answers;
	uint32_t ping[CONN_PINGS];
	unsigned pings;
	bool probe;                 /* the ping that is wanted goes out whatever comes (pulse_probe) */
	uint32_t logout_itt;
	unsigned logout_reason;
	bool draining;              /* logout asked for: no new task */
	bool drains;                /* keeps new commands of the session back (ordering mode) */
	bool logged_out;            /* answered; waits for the target to close (LO-6) */

	uint64_t heard;             /* when the last bytes came */
	uint64_t answered_sent_at;  /* when the command that was answered last had been sent ... */
	uint64_t answered_lun;      /* ... and its unit */
	uint64_t ping_at;           /* when the present ping was wanted, 0 for none */
	uint64_t asked_at;          /* when a request first left after the last bytes came, 0 for none */
	uint64_t ping_sent;         /* when the ping being measured left, 0 for none ... */
	uint32_t ping_measured;     /* ... and its tag */
	uint32_t told_stat_sn;      /* the ExpStatSN that the target has been told last */
	_Atomic uint64_t round_trip;/* smoothed; 0 unknown */
	uint64_t doubt_at;          /* when the caller was last asked to look, 0: trusted */
	bool ev_doubt, ev_trust;
	uint64_t limit;             /* deadline of login or logout, ENGINE_NEVER for none */

	bool ev_open, ev_up, ev_text, ev_verify, ev_end;
	uint64_t ev_wake;
	struct list async;          /* struct conn_async_item, owned */
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

/* conn.c; tasks are in conn_task.c, events in conn_event.c */
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
/* Of a task that was not sent, or not accepted: it comes back as TASK_UNSENT. */
void conn_unsent(struct conn *c, struct task *task);
/* The same for all that were not sent. */
void conn_return_ready(struct conn *c);
/* Of a task that was sent: it keeps tag and number and comes back as TASK_SUSPENDED once nothing of
 * it is lent. `task->fault` should say why. */
void conn_suspend(struct conn *c, struct task *task);
/* The connection has ended: all tasks come back. */
void conn_return_tasks(struct conn *c, const struct fault *why);
/* Queues an async message. Returns 0, or negative after conn_fail: too many. */
int conn_add_async(struct conn *c, const struct conn_async *async);
void conn_drop_asyncs(struct conn *c);
/* True if the connection ended with a number that the target has not acknowledged and that was no
 * command's: nobody will send it again (MCS-14). */
bool conn_left_hole(const struct conn *c);
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
/* What CONN_EVENT_VERIFY asks, and its answer; ignored if none was asked for. */
void login_question(const struct login *login, struct chap_question *ret);
void login_verdict(struct conn *c, const struct fault *why, uint64_t now);
/* A login ended without a good answer. True if it had skipped the security stage: it shall be begun anew
 * (conn_reopen), and will not skip it. */
bool login_retreat(struct conn *c);
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
/* Where the header of the next PDU may be made, to be handed to send_pdu without a copy. */
uint8_t *send_header(struct conn *c);
/* The same with additional header segments: `ahs` is from malloc, whole words, with room for
 * DIGEST_LEN bytes more, and freed after it left (NULL with 0 for none). TotalAHSLength is filled
 * in. */
void send_command_pdu(struct conn *c, uint8_t bhs[PDU_BHS_LEN], uint8_t *ahs, size_t ahs_len,
		      const uint8_t *data, uint32_t len, struct task *task);
/* Makes the send queue, small as yet: it grows when there is work. 0 or -ENOMEM. */
int send_start(struct conn *c);
/* The connection is idle: its queue may be small again. */
void send_rest(struct conn *c);
/* How many PDUs the send queue takes at the moment; and of commands and data. */
unsigned send_room(const struct conn *c);
bool send_data_room(const struct conn *c);
/* Before an immediate request: false in ordering mode until the target has seen all numbers given
 * out; then the session pauses until send_calm_over (TOL-8). */
bool send_calm(struct conn *c);
void send_reset(struct conn *c);
/* Ends the pause of ordering mode once nothing is under way that needs it. */
void send_calm_over(struct conn *c);
/* Number for a Text Request: immediate, or numbered in ordering mode (TOL-8). False: none to be had
 * now, we will be woken. */
bool send_number(struct conn *c, bool *ret_immediate, uint32_t *ret_cmd_sn);

/* recv.c */
void recv_reset(struct conn *c);
/* The task leaves this connection: what is being received for it is thrown away. Called by
 * snack_forget. */
void recv_forget(struct conn *c, const struct task *task);

/* reject.c */
/* What a Reject (section 11.17) means for the request that it names. */
int reject_received(struct conn *c, const uint8_t *bhs, const uint8_t *segment, uint32_t len,
		    uint64_t now);

/* data_out.c */
/* Takes tag and number of a new task and puts it; false if they could not be had. A task for which
 * there is no memory is returned as failed. */
bool data_send_command(struct conn *c, struct task *task, uint64_t now);
/* Queues the command of a task that has tag and number, with what data may go with it; everything
 * of its data begins anew. It is then the last in c->active. A retry as well as the first time. */
void data_put_command(struct conn *c, struct task *task, uint64_t now);
/* Whether Data-Out PDUs that nobody asks for follow its command. */
bool data_has_unsolicited(const struct conn *c, const struct task *task);
/* The task was reassigned to this connection: what came unacknowledged is void, and numbers begin
 * at what was acknowledged or at 0 (RA-5). */
void data_reassigned(struct task *task);
/* Queues Data-Out PDUs of the first task in c->data, as many as fit the batch. */
void data_send_out(struct conn *c, size_t *batch);
int data_r2t_received(struct conn *c, const uint8_t *bhs);
/* The live task of a PDU. NULL with *ret = 0: stale, ignore it; with *ret = -1: the connection was
 * failed (PDU-8, MCS-2). */
struct task *data_find_task(struct conn *c, uint32_t itt, const char *what, int *ret);

/* data_in.c */
/* The header of a Data-In is there: finds where its data segment goes, c->in.at of c->in.task, both
 * NULL for one to be thrown away. */
int data_in_place(struct conn *c);
/* All of it is there. */
int data_in_received(struct conn *c);
int data_response_received(struct conn *c, const uint8_t *bhs, const uint8_t *segment, uint32_t len,
			   uint32_t kept);
/* Nothing of the task's data has come that counts. `acked`: but what a DataACK acknowledged. */
void data_in_restart(struct task *task, bool acked);
/* The first DataSN or R2TSN since the task was reassigned: the target counts on or begins anew. */
void data_find_base(struct task *task, uint32_t sn);
/* True if data of the task, or the status that counts, are known to be missing. */
bool data_in_missing(const struct task *task);
/* The task can't get what it misses: it ends with its status, or a status of ours (DIG-4). */
void data_in_hopeless(struct conn *c, struct task *task);

#endif
