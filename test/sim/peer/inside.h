/*
 * inside.h - the simulator's target, as its own files see it; peer.h is the view from outside.
 *
 * peer.c has connections as byte streams, and time; login.c and keys.c the login; session.c the order
 * of commands; task.c the commands and their data; disk.c what the disks answer; fault.c the faults.
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
	PEER_TEXT = 64 << 10, /* most bytes of one text */
	PEER_R2TS = 8,        /* most R2Ts of a command outstanding */
	PEER_EARLY = 64,      /* commands remembered that ended before their data */
};

struct peer_disk {
	uint8_t *cache, *medium; /* what is read; what survives a power failure */
	bool *dirty;             /* by block */
};

struct peer {
	struct peer_options options;
	struct random random;
	uint64_t now;
	struct peer_disk disk[PEER_LUNS];
	struct list conns;     /* owned */
	struct list sessions;  /* owned */
	struct list ended;     /* sessions to be freed; owned */
	struct list running;   /* tasks that are being executed, of all sessions; owned */
	uint16_t next_tsih;
	uint32_t next_ttt;
	unsigned denied, redirected, early_ends;
	unsigned faults_seen, faults_done;
	uint8_t seen[65536];   /* by the last two bytes of the CDB field */
	char violation[256];
};

/* What holds in a session and on a connection. */
struct peer_params {
	bool header_digest, data_digest;
	uint32_t max_send;     /* the initiator's MaxRecvDataSegmentLength */
	unsigned max_connections, max_r2t;
	bool initial_r2t, immediate_data;
	uint32_t max_burst, first_burst;
};

struct peer_session {
	struct list link;
	struct list conns;     /* struct peer_conn.session_link */
	struct list waiting;   /* numbered tasks by CmdSN; owned */
	struct peer *peer;
	uint8_t isid[6];
	uint16_t tsih;
	char initiator[256];
	bool discovery;
	uint32_t exp_cmd_sn, max_cmd_sn;
	unsigned running;
	uint8_t attention;     /* a bit for each LUN that has a unit attention to tell */
	struct peer_params params;
};

struct peer_login;

struct peer_conn {
	struct list link;         /* of peer->conns */
	struct list session_link;
	struct list writes;       /* tasks that wait for data; struct peer_task.data_link */
	struct peer *peer;
	struct peer_session *session; /* NULL before its login succeeded, and after its end */
	struct peer_login *login;     /* NULL after it */
	struct peer_params params;
	const char *portal;
	uint16_t cid;
	bool closing;             /* closed by us once the output has left */
	bool mute;                /* a fault: neither reads nor sends any more */
	bool logged_out;          /* a Logout of it was answered */
	uint32_t stat_sn, exp_stat_sn; /* ours; what the initiator acknowledged */
	uint32_t early[PEER_EARLY]; /* their tags, whose data may still come */
	unsigned earlies;
	uint32_t last_cmd_sn;     /* of the newest numbered request that came on it */
	bool numbered;            /* there was one */
	uint8_t *in, *out;
	size_t in_len, in_room, out_at, out_len, out_room;
	uint64_t ping_at;
	uint32_t ping_ttt;        /* PDU_NO_TAG: none open */
	char *text;               /* what is left of a text answer */
	size_t text_len, text_at;
	uint32_t text_ttt;
};

enum peer_task_kind { TASK_SCSI, TASK_NOP, TASK_TEXT, TASK_LOGOUT, TASK_MANAGEMENT };

struct disk_result {
	uint8_t status, sense[PEER_SENSE];
	unsigned sense_len;
	uint8_t *data; /* of a read; the caller frees it */
	uint32_t len;
};

struct peer_r2t {
	uint32_t ttt, at, end, data_sn;
};

struct peer_task {
	struct list link;         /* of session->waiting or peer->running */
	struct list data_link;    /* of conn->writes */
	enum peer_task_kind kind;
	struct peer_conn *conn;   /* NULL: gone */
	struct peer_session *session;
	uint8_t bhs[PDU_BHS_LEN];
	struct pdu_scsi_command cmd;
	uint32_t cmd_sn;
	bool begun;               /* its turn came */
	uint8_t *data;            /* write data, or the data segment */
	uint32_t len, got;        /* got: without holes, for R2T come later ones count when asked */
	bool unsolicited;         /* more is announced without R2T */
	uint32_t unsolicited_sn;
	uint32_t asked, r2t_sn;   /* bytes up to which R2Ts were sent */
	struct peer_r2t r2t[PEER_R2TS];
	unsigned r2ts;
	uint64_t due;
	struct disk_result *result; /* once it was executed */
	uint32_t sent, data_sn, burst; /* of the Data-In */
};

/* peer.c */
void peer_note(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *peer_alloc(size_t len); /* ends the program without memory */
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
void login_request(struct peer_conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len);

/* keys.c: answers one operational key; false if it is not one. */
bool keys_answer(struct peer_conn *conn, const struct text_pair *pair, bool leading,
		 struct text_out *out);
void keys_default(struct peer_params *params);

/* session.c */
struct peer_session *session_find(struct peer *peer, const uint8_t isid[6], const char *initiator);
struct peer_session *session_open(struct peer *peer, const uint8_t isid[6], const char *initiator,
				  bool discovery, uint32_t cmd_sn);
/* Ends it: connections are closed, and nothing of it is executed any more. */
void session_end(struct peer_session *session);
void session_free_ended(struct peer *peer);
void session_join(struct peer_session *session, struct peer_conn *conn);
/* The connection ends; commands that it brought whole still run. */
void session_leave(struct peer_conn *conn);
/* A numbered request came: it begins at its turn. */
void session_take(struct peer_session *session, struct peer_task *task);
/* Lets the window grow as far as it may. */
void session_window(struct peer_session *session);
unsigned session_conns(const struct peer_session *session);

/* task.c */
void task_request(struct peer_conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len);
void task_data_out(struct peer_conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len);
/* Its turn came. */
void task_begin(struct peer_task *task);
void task_run(struct peer_task *task);
void task_free(struct peer_task *task);
void task_send_async(struct peer_conn *conn, uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3);
void task_send_ping(struct peer_conn *conn);
/* The numbers that every response shows; StatSN is taken where `advance`. */
void task_numbers(struct peer_conn *conn, uint8_t *bhs, bool advance);

/* text.c: what full feature text requests get. */
void text_request(struct peer_task *task);

/* disk.c */
void disk_run(struct peer_session *session, const struct pdu_scsi_command *cmd, const uint8_t *data,
	      uint32_t len, struct disk_result *ret);

/* fault.c: may change the PDU that is about to leave, and send others around it. Returns how it is
 * to be sent; *data may be replaced by memory that it owns until the next call. */
enum fault_verdict { FAULT_SEND, FAULT_DROP, FAULT_FLIP_HEADER, FAULT_FLIP_DATA };
enum fault_verdict fault_apply(struct peer_conn *conn, uint8_t bhs[PDU_BHS_LEN],
			       const uint8_t **data, uint32_t *len);

#endif
