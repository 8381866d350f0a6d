/*
 * target.h - a small iSCSI target for tests: several connections a session, and faults on demand.
 *
 * It shares nothing with the product but the codecs (PDU headers, text, digests, CHAP's hash), so
 * that it does not share its misreadings of RFC 7143; it is never the only proof of a feature that a
 * foreign target has. Error recovery level 0. It watches the initiator and prints a line that begins
 * with "violation:" for each rule it breaks; its exit status is 1 then.
 *
 * Threads: each connection has a reader, which receives, and a worker, which executes and sends. One
 * lock guards everything they share; it is never held over a socket call.
 */
#ifndef ISCSIDSC_TEST_TARGET_H
#define ISCSIDSC_TEST_TARGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/pdu.h"
#include "proto/text.h"

enum {
	LUNS_MAX = 16, LISTEN_MAX = 8, ALGORITHMS_MAX = 4,
	BLOCK = 512, TEXT_ROOM = 65536, SENSE_MAX = 18,
};

/* What the command line says; numbers that stay 0 mean "no such fault". */
struct options {
	const char *name;
	const char *listen[LISTEN_MAX]; /* ADDRESS:PORT */
	unsigned listens;
	unsigned luns, mib, tpgt, max_connections, queue;
	unsigned max_recv, max_burst, first_burst, max_r2t;
	bool initial_r2t, immediate_data, digests;
	bool unsorted;                  /* commands alone wait for their turn, as with istgt */
	const char *chap;               /* USER:SECRET that the initiator must have */
	const char *mutual;             /* USER:SECRET that we prove ourselves with */
	uint8_t algorithms[ALGORITHMS_MAX];
	unsigned algorithm_count;
	unsigned challenge_len;

	/* faults */
	unsigned deny, deny_added;      /* status class and detail, 0x0206 and the like */
	unsigned deny_times;            /* how often `deny` holds; 0: always */
	bool new_session_on_add;        /* an added login opens a session instead of joining */
	unsigned group_on_add;          /* TargetPortalGroupTag told on added logins */
	const char *redirect;           /* ADDRESS:PORT given with 0101, at the first login */
	unsigned drop_after;            /* received full feature PDUs, then the connection is cut */
	unsigned drop_times;
	unsigned stall_after;           /* received full feature PDUs, then nothing is read or sent */
	unsigned bad_header_digest, bad_data_digest; /* the n-th full feature PDU sent */
	unsigned ping_ms, delay_ms;
	unsigned reject_nth;            /* SCSI command that is answered by Reject */
	unsigned async_event, async_after; /* event + 1; after so many SCSI commands */
	unsigned not_ready, unit_attention; /* commands answered so, per session */
	unsigned busy;                  /* SCSI commands answered BUSY, per session */
	bool swallow_login;             /* accepts TCP and never answers */
	bool wrong_chap_answer;         /* a mutual response that is wrong */
};

struct lun {
	uint8_t *data;
	uint64_t blocks;
};

struct session {
	struct list link;      /* of target.sessions */
	struct list conns;     /* struct conn.link; each owned by its reader */
	struct list waiting;   /* tasks received ahead of exp_cmd_sn, by CmdSN */
	uint8_t isid[6];
	uint16_t tsih;
	char initiator[224];
	bool discovery;
	uint32_t exp_cmd_sn;
	unsigned count;        /* connections, logins that were granted included */
	unsigned max_connections, max_burst, first_burst, max_r2t;
	bool initial_r2t, immediate_data;
	unsigned not_ready, unit_attention, busy;
};

struct conn {
	struct list link;
	int fd;
	struct session *session; /* NULL until the login names it */
	uint16_t cid;
	bool full_feature, header_digest, data_digest, closing, stalled;
	uint32_t stat_sn, peer_max_recv;
	unsigned received, sent; /* full feature PDUs */
	struct list ready;       /* tasks for the worker */
	struct list writes;      /* tasks that await Data-Out; struct task.data_link */
	pthread_cond_t wake;
	pthread_t worker;
	char local[64];          /* our address of this connection, ADDRESS:PORT */
};

/* A PDU received that wants an answer, or something of ours to send (opcode of the answer). */
struct task {
	struct list link;        /* of session.waiting or conn.ready */
	struct list data_link;
	struct conn *conn;       /* NULL: its connection ended before its turn came */
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t cmd_sn;
	struct pdu_scsi_command cmd;
	uint8_t *data;           /* write data of a command, else the PDU's data segment */
	uint32_t len, received;  /* of data */
	uint32_t burst_end, data_sn, r2t_sn, ttt;
	bool started, unsolicited; /* unsolicited: more of it is announced */
	uint8_t event;           /* of an Async Message */
};

struct target {
	struct options options;
	struct lun lun[LUNS_MAX];
	pthread_mutex_t lock;
	pthread_cond_t changed;  /* a connection ended */
	struct list sessions;
	uint16_t next_tsih;
	unsigned violations, drops, denied, scsi_commands;
};

extern struct target target;

/* options.c: fills target.options; ends the program with a message if it can't. */
void options_read(int argc, char **argv);

/* A rule of the RFC that the initiator broke. */
void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* conn.c */
void *conn_main(void *fd); /* a reader's life; fd as intptr_t */
/* Both work on whole PDUs, digests as agreed. 0, or -1 when the connection is over. */
int conn_read(struct conn *conn, uint8_t bhs[PDU_BHS_LEN], uint8_t *data, uint32_t room);
int conn_write(struct conn *conn, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len);
/* With the lock held: ends a connection from outside. */
void conn_cut(struct conn *conn);

/* login.c: 0 when full feature phase is reached and the session has the connection; -1: close. */
int login_run(struct conn *conn);
/* The SendTargets answer. */
void login_send_targets(struct conn *conn, struct text_out *out);

/* session.c; all with the lock held */
struct session *session_find(const uint8_t isid[6], const char *initiator, uint16_t tsih);
struct session *session_new(const uint8_t isid[6], const char *initiator, bool discovery);
/* Cuts all connections and waits until they are gone; the session is then gone as well. */
void session_end(struct session *session);
void session_leave(struct conn *conn);
/* Takes a numbered task: at its turn it goes to its connection's worker. False: outside the window. */
bool session_accept(struct session *session, struct task *task);
uint32_t session_max_cmd_sn(const struct session *session);

/* work.c: the worker */
void *work_main(void *conn);
struct task *task_new(struct conn *conn, const uint8_t bhs[PDU_BHS_LEN], uint32_t room);
void task_free(struct task *task);

/* scsi.c */
struct scsi_result {
	uint8_t status;
	uint8_t sense[SENSE_MAX];
	unsigned sense_len;
	uint8_t *data;       /* of a read; the caller frees it */
	uint32_t len;        /* of what the command reads, or wants written */
};
/* Runs a command whose write data is there. */
void scsi_run(struct session *session, const struct pdu_scsi_command *cmd, const uint8_t *data,
	      uint32_t data_len, struct scsi_result *ret);

#endif
