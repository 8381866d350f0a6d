/*
 * inside.h - the simulator's target, as its own files see it; peer.h is the view from outside.
 *
 * peer.c has connections as byte streams, and time; login.c and keys.c the login; session.c the order
 * of commands; number.c the numbers of requests, retries; task.c the requests; write.c data out;
 * answer.c execution, data in and status; kept.c statuses until they are acknowledged; snack.c what is
 * asked for again; management.c task management; recovery.c connections that ended; disk.c what the
 * disks answer; fault.c the faults.
 */
#ifndef ISCSIDSC_TEST_PEER_INSIDE_H
#define ISCSIDSC_TEST_PEER_INSIDE_H

#include "base/list.h"
#include "proto/pdu.h"
#include "proto/text.h"

#include "../random.h"
#include "peer.h"

enum {
	PEER_SENSE = 18,
	PEER_TEXT = 64 << 10,  /* most bytes of one text */
	PEER_BURSTS = 17,      /* most R2Ts of a command outstanding, and its unsolicited data */
	PEER_DEAD = 128,       /* tags remembered on a connection whose Data-Out may still come */
	PEER_STALE = 256,      /* transfer tags of ended tasks whose DataACK may still come */
	PEER_PAST = 256,       /* numbers remembered of a session */
	PEER_CDB = 260,
	PEER_TAGS = 8,         /* SNACK tags that are remembered of a task */
	PEER_ATTENTIONS = 4,   /* unit attentions that wait on a unit */
	PEER_TERMINATIONS = 16, /* Async 5 messages that wait for their NOP-Out */
};

struct peer_disk {
	uint8_t *cache, *medium; /* what is read; what survives a power failure */
	bool *dirty;             /* by block */
	uint64_t counter;        /* of PEER_INCREMENT */
};

struct peer {
	struct peer_options options;
	struct random random;
	uint64_t now;
	struct peer_disk disk[PEER_LUNS];
	unsigned luns_made;    /* what there is memory for; options has what is shown */
	uint32_t blocks_made;
	struct list conns;     /* owned */
	struct list sessions;  /* owned */
	struct list ended;     /* sessions to be freed; owned */
	struct list running;   /* tasks that are being executed, of all sessions, by time */
	uint16_t next_tsih;
	uint32_t next_ttt, next_serial;
	unsigned denied, redirected, early_ends, busies, hangs;
	unsigned faults_seen, faults_done;
	unsigned segments;     /* of data that came under a digest */
	uint8_t seen[65536], executed[65536]; /* by the number in the CDB */
	struct peer_counts counts;
	char violation[256];
};

/* What holds in a session and on a connection. */
struct peer_params {
	bool header_digest, data_digest;
	uint32_t max_send;     /* the initiator's MaxRecvDataSegmentLength */
	unsigned max_connections, max_r2t;
	bool initial_r2t, immediate_data;
	uint32_t max_burst, first_burst;
	unsigned level, time2wait, time2retain, protocol_level;
	bool pdu_in_order, sequence_in_order, response_fence, fast_abort;
};

/* A number that was used. */
struct peer_past {
	bool used, thrown;     /* thrown: rejected, or dropped with its connection; it is a hole */
	bool seen;             /* in peer->seen */
	uint32_t cmd_sn, serial; /* of the connection it came on */
	uint8_t bhs[PDU_BHS_LEN];
};

/* The statuses of a connection: the first that was not acknowledged, and the next one. */
struct peer_range {
	uint32_t exp_stat_sn, stat_sn;
};

/* A connection that ended without a logout, or by a recovery logout whose tasks wait. */
struct peer_lost {
	struct list link;      /* of session->lost, which owns it */
	uint16_t cid;
	uint32_t serial;
	bool cleaned;          /* logged out for recovery */
	struct peer_range range;
	bool unheard;          /* the initiator may not know that it logged in: it tells `told` again */
	uint32_t told;
	uint64_t expires;
};

struct peer_session {
	struct list link;
	struct list conns;     /* struct peer_conn.session_link */
	struct list tasks;     /* all of them; owned */
	struct list waiting;   /* numbered tasks by CmdSN */
	struct list functions; /* task management functions under way; struct peer_task.link */
	struct list lost;      /* owned */
	struct peer *peer;
	uint8_t isid[6];
	uint16_t tsih;
	char initiator[256];
	bool discovery;
	uint32_t exp_cmd_sn, max_cmd_sn;
	unsigned running;
	uint16_t attention[PEER_LUNS][PEER_ATTENTIONS]; /* what is to be told, 0: nothing */
	struct peer_params params;
	struct peer_past past[PEER_PAST];
	bool cleaned, plugged;
	uint32_t cleaned_max;  /* holes up to here may be filled on any connection */
	uint32_t plugged_to;   /* what is below and did not come is ignored */
};

struct peer_login;

/* Why Data-Out can come for a task that there is not. */
enum peer_dead_why { DEAD_ENDED, DEAD_DRAINED, DEAD_FAST_ISSUING, DEAD_FAST, DEAD_FAST_TOLD };

struct peer_dead {
	uint32_t itt;
	enum peer_dead_why why;
	uint64_t lun;
};

struct peer_conn {
	struct list link;         /* of peer->conns */
	struct list session_link;
	struct list writes;       /* tasks that wait for data; struct peer_task.data_link */
	struct list kept;         /* struct peer_status, owned */
	struct peer *peer;
	struct peer_session *session; /* NULL before its login succeeded, and after its end */
	struct peer_login *login;     /* NULL after it */
	struct peer_params params;
	const char *portal;
	uint16_t cid;
	uint32_t serial;          /* unique among all */
	bool closing;             /* closed by us once the output has left */
	bool mute;                /* a fault: neither reads nor sends any more */
	bool leaving;             /* an Async 1 was sent */
	uint32_t stat_sn, exp_stat_sn; /* ours; what the initiator acknowledged */
	bool answered;            /* a Login Response was sent */
	bool unheard;             /* nothing came on it since its login */
	uint32_t told;            /* ExpStatSN of its first Login Request */
	struct peer_dead dead[PEER_DEAD];
	unsigned deads;
	uint32_t stale[PEER_STALE];
	unsigned stales;
	uint32_t last_cmd_sn;     /* of the newest numbered request that came on it */
	bool numbered;            /* there was one */
	bool drop_told;           /* by Async 2 or 3, with these times in seconds */
	uint16_t drop_wait, drop_retain;
	uint64_t termination[PEER_TERMINATIONS]; /* LUNs */
	unsigned terminations;
	uint8_t *in, *out;
	size_t in_len, in_room, out_at, out_len, out_room;
	uint64_t ping_at;
	bool fenced;              /* functions wait until fence_sn is acknowledged */
	uint32_t fence_sn;
	uint32_t ping_ttt;        /* PDU_NO_TAG: none open */
	char *text;               /* what is left of a text answer */
	size_t text_len, text_at;
	uint32_t text_ttt;
};

enum peer_task_kind {
	TASK_SCSI, TASK_NOP, TASK_TEXT, TASK_LOGOUT, TASK_MANAGEMENT,
	TASK_PLACE, /* a number alone: what had it was done or aborted before its turn */
};

enum peer_task_state {
	PEER_WAITING,  /* for its turn */
	PEER_DATA,     /* for write data */
	PEER_RUNNING,
	PEER_HUNG,
	PEER_DONE,     /* executed, and no connection to answer on */
	PEER_ANSWERED, /* its status was sent and not acknowledged yet */
};

struct disk_result {
	uint8_t status, sense[PEER_SENSE];
	uint16_t qualifier;
	unsigned sense_len;
	uint8_t *data; /* of a read; the caller frees it */
	uint32_t len;
};

/* Write data that are announced, by R2T or without. */
struct peer_burst {
	uint32_t ttt, at, end, next, data_sn;
	uint32_t sum; /* bytes that came, or came and were damaged */
};

struct peer_extent {
	uint32_t at, end;
	bool last; /* of its sequence */
};

/* What is to be sent or asked for, in this order. */
struct peer_plan {
	struct peer_extent *item;
	unsigned at, count, room;
};

/* A Data-In or R2T that can be asked for again. */
struct peer_sent {
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t at, len; /* of the read data */
};

/* A Data-In with an A bit, and the DataSN after it. */
struct peer_ack {
	uint32_t ttt, sn;
};

/* Where a task management function has got to. */
enum peer_stage { STAGE_COMMANDS, STAGE_DATA, STAGE_FENCE };

struct peer_task {
	struct list all;          /* of session->tasks */
	struct list link;         /* of session->waiting, session->functions or peer->running */
	struct list data_link;    /* of conn->writes */
	enum peer_task_kind kind;
	enum peer_task_state state;
	struct peer_conn *conn;   /* NULL: gone */
	struct peer_lost *lost;   /* that had it then */
	struct peer_session *session;
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_scsi_command cmd;
	uint8_t cdb[PEER_CDB];
	uint32_t itt, cmd_sn;
	bool immediate, counted;  /* counted in session->running */
	uint8_t *data;            /* write data, or the data segment */
	uint32_t len;
	/* data out */
	uint8_t *have;            /* for each byte whether it came */
	uint32_t announced;       /* bytes that come without R2T, immediate ones included */
	struct peer_burst burst[PEER_BURSTS];
	unsigned bursts;
	bool crc_bad, cut_short;  /* cut_short: data ended early for a task management function */
	/* data in */
	uint32_t read_len;        /* bytes that the initiator expects */
	struct peer_plan plan;    /* of R2Ts, then of Data-In */
	bool planned;             /* Data-In */
	uint32_t data_sn, base_sn; /* next DataSN or R2TSN; the first one in sent[] */
	unsigned data_ins;
	struct peer_sent *sent;
	unsigned sent_count, sent_room;
	uint32_t acked_sn;
	struct peer_ack *ack;     /* what A bits asked for */
	unsigned acks, ack_room;
	uint32_t snack_tag, tags[PEER_TAGS];
	unsigned tag_count;
	uint64_t due;
	struct disk_result *result; /* once it was executed */
	bool has_stat;
	uint32_t stat_sn;         /* then its StatSN */
	struct peer_status *kept; /* its status in conn->kept */
	/* task management */
	struct pdu_task_request request;
	enum peer_stage stage;
};

/* A PDU with a StatSN that is not acknowledged. */
struct peer_status {
	struct list link;      /* of conn->kept */
	struct peer_task *task; /* may be NULL */
	uint32_t stat_sn;
	uint8_t bhs[PDU_BHS_LEN];
	uint8_t *data;
	uint32_t len;
};

static inline uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* peer.c */
void peer_note(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *peer_alloc(size_t len); /* ends the program without memory */
/* The same of a growing array. */
void *peer_grow(void *array, unsigned count, unsigned *room, size_t item);
uint32_t peer_ttt(struct peer *peer); /* a fresh one */
/* True if this answer shall be a lie. */
bool peer_lies_now(struct peer *peer, int answer);
/* Sends a PDU: lengths, digests and the faults are added here. */
void conn_send(struct peer_conn *conn, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len);
/* The same behind the faults' back. */
void conn_send_raw(struct peer_conn *conn, const uint8_t bhs[PDU_BHS_LEN], const void *data,
		   uint32_t len, unsigned flip);
void conn_close(struct peer_conn *conn);
/* Notes a violation and closes. */
void conn_violation(struct peer_conn *conn, const char *what);

/* login.c */
struct peer_login *login_new(void);
/* Logins that are under way can't join it any more. */
void login_session_ended(struct peer *peer, const struct peer_session *session);
void login_drop(struct peer_login *login);
/* Notes a violation, refuses the login and closes. */
void login_violation(struct peer_conn *conn, const char *what);
void login_request(struct peer_conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len);

/* keys.c: answers one operational key; false if it is not one. */
bool keys_answer(struct peer_conn *conn, const struct text_pair *pair, bool leading,
		 struct text_out *out);
void keys_default(struct peer_params *params);
/* Rules between keys, once all are known. NULL if they are kept. */
const char *keys_fault(const struct peer_params *params);

/* session.c */
struct peer_session *session_find(struct peer *peer, const uint8_t isid[6], const char *initiator);
struct peer_session *session_open(struct peer *peer, const uint8_t isid[6], const char *initiator,
				  bool discovery, uint32_t cmd_sn);
/* Ends it: connections are closed, and nothing of it is executed any more. */
void session_end(struct peer_session *session);
void session_free_ended(struct peer *peer);
void session_join(struct peer_session *session, struct peer_conn *conn);
/* A numbered request came: it begins at its turn. */
void session_take(struct peer_session *session, struct peer_task *task);
/* Takes a number out of the order without a request. */
void session_plug(struct peer_session *session, uint32_t cmd_sn);
/* Lets what has its turn begin. */
void session_begin(struct peer_session *session);
/* Lets the window grow as far as it may. */
void session_window(struct peer_session *session);
unsigned session_conns(const struct peer_session *session);
struct peer_conn *session_conn(const struct peer_session *session, uint16_t cid);
struct peer_task *session_task(const struct peer_session *session, uint32_t itt);
/* The recovery level that is really there. */
unsigned session_level(const struct peer_session *session);
/* A unit attention that the next command on this unit is told. */
void session_attention(struct peer_session *session, unsigned lun, uint16_t code);

/* number.c */
/* Takes note of CmdSN and ExpStatSN of a request; false if it is not to be done. */
bool number_check(struct peer_conn *conn, const uint8_t *bhs, bool *ret_seen);
/* A request came and was thrown away. */
void number_thrown(struct peer_conn *conn, const uint8_t *bhs);
/* It will not be executed: it is a hole, or what comes for it is ignored. */
void number_dropped(struct peer_session *session, uint32_t cmd_sn);
/* The same of one that never came. */
void number_plugged(struct peer_session *session, uint32_t cmd_sn);
/* What the initiator acknowledges. */
void number_acknowledged(struct peer_conn *conn, uint32_t exp_stat_sn);

/* task.c */
void task_request(struct peer_conn *conn, const uint8_t *bhs, const uint8_t *ahs, const uint8_t *data,
		  uint32_t len);
/* A request whose data digest is wrong. */
void task_damaged(struct peer_conn *conn, const uint8_t *bhs, uint32_t len);
/* Its turn came. */
void task_begin(struct peer_task *task);
/* It ends without an answer. */
void task_free(struct peer_task *task);
/* Its place in the queue is free. */
void task_uncount(struct peer_task *task);
unsigned task_lun(const struct peer_task *task);
/* A command whose status was not sent yet. */
bool task_alive(const struct peer_task *task);
void task_send_async(struct peer_conn *conn, uint64_t lun, uint8_t event, uint16_t p1, uint16_t p2,
		     uint16_t p3);
void task_send_ping(struct peer_conn *conn);
void task_send_reject(struct peer_conn *conn, uint8_t reason, const uint8_t *bhs, uint32_t data_sn);
/* The numbers that every response shows; StatSN is taken where `advance`. */
void task_numbers(struct peer_conn *conn, uint8_t *bhs, bool advance);
void task_dead(struct peer_conn *conn, uint32_t itt, uint64_t lun, enum peer_dead_why why);
/* The same of a command that a function ends, with its transfer tags. */
void task_dead_by_function(struct peer_task *task, enum peer_dead_why why);
bool task_is_stale(const struct peer_conn *conn, uint32_t ttt);
struct peer_dead *task_find_dead(struct peer_conn *conn, uint32_t itt);

/* write.c */
void write_begin(struct peer_task *task);
/* What is missing is asked for on its present connection. */
void write_resume(struct peer_task *task);
void write_data_out(struct peer_conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len);
/* The initiator has dropped what it had been asked for (AS-6): it is asked for again. */
void write_voided(struct peer_task *task);
/* A Data-Out with a wrong digest. */
void write_damaged(struct peer_conn *conn, const uint8_t *bhs, uint32_t len);
bool write_complete(const struct peer_task *task);

/* plan.c */
void plan_add(struct peer_plan *plan, uint32_t at, uint32_t end, bool last);
void plan_clear(struct peer_plan *plan);
void plan_free(struct peer_plan *plan);
/* Puts what stands from `first` on into another order. */
void plan_shuffle(struct peer_plan *plan, unsigned first, struct random *random);
void plan_sort(struct peer_plan *plan);
/* Of read data: sequences and PDUs, for what `of` has. */
void plan_read(struct peer_task *task, const struct peer_plan *of);

/* answer.c */
/* It is to be executed, or its answer to go on. */
void answer_queue(struct peer_task *task, uint64_t due);
/* All its data came. */
void answer_ready(struct peer_task *task);
/* A time has come: executes it, or sends one piece of its answer. */
void answer_run(struct peer_task *task);
/* Sends again all that was not acknowledged, from acked_sn on. */
void answer_restart(struct peer_task *task);
/* Its status alone. */
void answer_status(struct peer_task *task);
/* It ends with this sense; nothing is executed. */
void answer_sense(struct peer_task *task, uint8_t key, uint16_t code);
void answer_sent(struct peer_task *task, const uint8_t *bhs, uint32_t at, uint32_t len);

/* kept.c: a PDU that takes a StatSN goes out, and is kept above level 0. */
void kept_send(struct peer_conn *conn, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len,
	       struct peer_task *task);
void kept_acknowledged(struct peer_conn *conn, uint32_t exp_stat_sn);
void kept_free_all(struct peer_conn *conn);

/* snack.c */
void snack_request(struct peer_conn *conn, const uint8_t *bhs);

/* management.c */
void management_begin(struct peer_task *task);
/* Goes on with the functions under way. */
void management_progress(struct peer_session *session);
/* A function under way covers it: its data may end early, or must not come (`ret_fast`). */
bool management_covers(const struct peer_task *task, bool *ret_fast);
/* An Async 5 for its unit waits for its NOP-Out on its connection. */
bool management_told(const struct peer_task *task);
/* A NOP-Out that answers no ping. */
void management_nop(struct peer_conn *conn, uint64_t lun);

/* recovery.c */
/* TCP is gone, or the connection is to be ended by a logout: its tasks are adrift. */
struct peer_lost *recovery_lost(struct peer_conn *conn);
/* It was logged out: tasks end, or wait for reassignment where `suspend`. */
void recovery_clean(struct peer_session *session, struct peer_lost *lost, bool suspend);
struct peer_lost *recovery_find(struct peer_session *session, uint16_t cid);
/* What a new connection does to the old one of its CID, whose statuses below exp_stat_sn came. */
void recovery_reinstate(struct peer_session *session, struct peer_conn *conn, uint32_t exp_stat_sn);
/* ExpStatSN of a Logout for another connection, or of a reinstatement. */
bool recovery_stat_fits(struct peer_session *session, uint16_t cid, uint32_t exp_stat_sn);
/* A task whose connection was logged out gets another one. */
void recovery_take_over(struct peer_task *task, struct peer_conn *conn);
/* Answers a Logout, and does it. */
void recovery_logout(struct peer_task *task);
/* Answers TASK REASSIGN, and does it. */
void recovery_reassign(struct peer_task *task);
void recovery_expire(struct peer_session *session);
uint64_t recovery_deadline(const struct peer_session *session);

/* text.c: what full feature text requests get. */
void text_request(struct peer_task *task);

/* disk.c */
void disk_run(struct peer_task *task, struct disk_result *ret);
/* The number in the CDB. */
uint16_t disk_number(const struct peer_task *task);

/* fault.c: may change the PDU that is about to leave, and send others around it. Returns how it is
 * to be sent; *data may be replaced by memory that it owns until the next call. */
enum fault_verdict { FAULT_SEND, FAULT_DROP, FAULT_FLIP_HEADER, FAULT_FLIP_DATA };
enum fault_verdict fault_apply(struct peer_conn *conn, uint8_t bhs[PDU_BHS_LEN],
			       const uint8_t **data, uint32_t *len);

#endif
