/*
 * lean.h - the lean target: what its files share.
 *
 * It is a peer for benchmarks, built so that the initiator is what gets measured; it is not a model
 * of RFC 7143 and no judge of initiators (test/sim and test/target are). It does not check: DataSN
 * and the order of Data-Out PDUs, ExpStatSN, phases that an initiator may not be in, CIDs used
 * twice, reserved fields, protection bits, and that one key is offered once; nor, with --check
 * no, data digests. A data PDU that goes past the end of what the CDB writes is dropped whole. It does
 * not do: CHAP, error recovery levels 1 and 2, SNACK, reservations, unit attentions. Commands are
 * carried out as they come in, on whatever connection; ExpCmdSN nevertheless only passes numbers that
 * are all there. A digest that is wrong, or a PDU that can't be read, costs the peer its connection.
 *
 * Threads: every connection belongs to one worker for its life. Shared are the list of sessions
 * (lean.lock) and in each session the atomics of session.c.
 */
#ifndef ISCSIDSC_BENCH_LEAN_H
#define ISCSIDSC_BENCH_LEAN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/list.h"
#include "proto/pdu.h"

enum {
	LEAN_PORTALS = 64,
	LEAN_THREADS = 64,
	LEAN_LUNS = 256,
	LEAN_WINDOW_MAX = 2048,
	LEAN_RECV = 256 * 1024,     /* bytes asked for in one call */
	LEAN_TEXT_MAX = 64 * 1024,  /* bytes of a text or ping that we take */
	LEAN_ECHO_MAX = 4096,       /* bytes of a ping that come back */
	LEAN_PDU_MAX = 1024 * 1024, /* data of one Data-In at most */
	LEAN_WRITES = LEAN_WINDOW_MAX, /* writes of a connection that wait for data */
	LEAN_NAME = 224,
};

struct options {
	struct portal {
		char host[64];
		char port[8];
	} portals[LEAN_PORTALS];
	unsigned portal_count;
	const char *iqn;
	unsigned threads;
	unsigned cpus[LEAN_THREADS], cpu_count;
	bool memory;
	uint64_t size;
	unsigned luns;
	uint32_t block;
	uint32_t window, max_recv, max_burst, first_burst, max_r2t, max_conns;
	bool immediate, initial_r2t;
	bool check; /* data digests of what is written: not, where they make the target the slower side */
	uint32_t many;
	uint32_t spin_us;
};

/* ---------------------------------------------------------------- the queue of what to send */

enum { OUT_IOV = 1024, OUT_BYTES = 128 * 1024 };

/* Bytes of its own (headers, digests, small answers) and bytes lent by the medium, in order. It
 * only grows; once all has left it begins anew. */
struct out {
	struct out *next;      /* in the worker's store of free ones */
	unsigned first, count; /* iov[first..count) is yet to be sent */
	size_t used;
	struct iovec iov[OUT_IOV];
	uint8_t bytes[OUT_BYTES];
};

/* ---------------------------------------------------------------- sessions */

struct session {
	struct list link;         /* in lean.sessions */
	struct list conns;        /* under lean.lock */
	uint8_t isid[6];
	uint16_t tsih;
	char initiator[LEAN_NAME], target[LEAN_NAME];
	bool discovery;
	bool initial_r2t, immediate;
	uint32_t max_burst, first_burst, max_r2t;
	uint32_t window;
	_Atomic uint32_t exp_cmd_sn;
	uint32_t mask;            /* of arrived[] */
	_Atomic uint32_t arrived[]; /* [n & mask] == n: command n came */
};

/* ---------------------------------------------------------------- connections */

enum conn_state { CONN_LOGIN, CONN_FULL, CONN_LEAVING /* closes when all is sent */ };
enum conn_phase { PHASE_HEADER, PHASE_DATA, PHASE_TAIL };

struct write_task {
	bool used, unsolicited;
	bool bad;             /* the answer will be CHECK CONDITION; its data is dropped */
	uint8_t key, asc;
	uint16_t round;       /* in the target transfer tag, so that an old one fits no more */
	uint32_t itt;
	uint64_t lun;
	uint8_t *base;        /* NULL: drop */
	uint32_t want, expected; /* bytes by the CDB and by the PDU */
	uint32_t length;      /* the smaller: bytes that travel */
	uint32_t got, asked;  /* received; asked for or sent without being asked */
	uint32_t r2t_sn, r2t_open;
};

struct conn {
	struct list link;         /* worker.conns */
	struct list in_session;   /* session.conns */
	struct worker *worker;
	struct session *session;
	int fd;
	unsigned events;
	enum conn_state state;
	uint16_t cid;
	uint32_t stat_sn;
	uint32_t max_send;        /* the initiator's MaxRecvDataSegmentLength */
	bool header_digest, data_digest;      /* in force */
	bool want_header, want_data;          /* agreed in the login */
	/* the PDU under way */
	enum conn_phase phase;
	uint8_t bhs[PDU_BHS_LEN];
	uint8_t *land;            /* where its data goes; NULL: dropped */
	uint32_t land_left;
	uint32_t crc;
	bool skip;                /* a command outside the window: ignored */
	struct write_task *task;  /* that it belongs to */
	/* bytes not parsed yet; whole texts */
	uint8_t *hold;
	size_t hold_len;
	uint8_t *text;
	size_t text_len;
	size_t targets_at;        /* SendTargets: bytes of the answer sent so far */
	struct out *out;          /* NULL: nothing to send */
	struct {                  /* the read whose Data-In PDUs did not all find room */
		bool active;
		uint8_t *base;    /* NULL: the null medium */
		uint32_t itt, at, length, data_sn;
		bool overflow, underflow;
		uint32_t residual;
	} read;
	struct write_task *tasks; /* LEAN_WRITES, once the first write came */
	struct write_task *hint;  /* slot to try next */
	/* login */
	uint8_t csg;
	bool told;                /* our declarations were sent */
	bool discovery;
	char initiator[LEAN_NAME], target[LEAN_NAME];
	struct {                  /* for the session that this login may open */
		uint32_t max_burst, first_burst, max_r2t;
		bool initial_r2t, immediate;
	} agreed;
};

/* ---------------------------------------------------------------- workers */

enum count {
	COUNT_POLLS, COUNT_RECVS, COUNT_SENDS, COUNT_PDUS_IN, COUNT_PDUS_OUT, COUNT_BYTES_IN,
	COUNT_BYTES_OUT, COUNT_COMMANDS, COUNT_READS, COUNT_WRITES, COUNT_R2TS, COUNT_CONNS,
	COUNT_COUNT
};

struct worker {
	struct lean *lean;
	pthread_t thread;
	int epoll, wake;
	unsigned index;
	bool started;
	struct list conns;        /* owned; appended under lean.lock by the accepting thread */
	struct out *free_outs;
	uint8_t *buffer;          /* 3 * LEAN_RECV: what was held, then what comes */
	uint8_t *sink;            /* LEAN_RECV */
	_Atomic uint64_t counts[COUNT_COUNT]; /* written by this thread alone */
	uint32_t null_crc_len, null_crc; /* the last Data-In of the null medium and its digest */
};

struct lean {
	struct options options;
	pthread_mutex_t lock;
	struct list sessions;
	struct session *by_tsih[UINT16_MAX + 1];
	uint16_t last_tsih;
	_Atomic bool stop;
	_Atomic unsigned next_worker;
	int listeners[LEAN_PORTALS];
	unsigned listener_count;
	uint8_t *media[LEAN_LUNS];  /* memory medium */
	uint8_t *null_data;         /* LEAN_RECV bytes that the null medium answers with */
	char *targets;              /* the answer to SendTargets */
	size_t targets_len;
	struct worker workers[LEAN_THREADS];
};

static inline void worker_count(struct worker *worker, enum count which, uint64_t n)
{
	uint64_t now = atomic_load_explicit(&worker->counts[which], memory_order_relaxed);

	atomic_store_explicit(&worker->counts[which], now + n, memory_order_relaxed);
}

/* worker.c */
int worker_start(struct worker *worker);
/* After lean.stop was set. */
void worker_stop(struct worker *worker);
/* When all were stopped. */
void worker_done(struct worker *worker);

/* conn.c: 0, or -1 when the connection is over */
int conn_new(struct worker *worker, int fd);
void conn_free(struct conn *conn);
int conn_ready(struct conn *conn, unsigned events);

/* out.c */
/* False if there may be no room for what answers one more PDU. */
bool out_room(const struct conn *conn);
/* Queues a PDU; digests and padding are added. `copy`: the data is small and not lent. NULL data:
 * that of the null medium. Returns 0 or -ENOMEM. */
int out_put(struct conn *conn, const uint8_t bhs[PDU_BHS_LEN], const void *data, size_t len,
	    bool copy);
/* Sends what the socket takes. Returns 0 or -1. */
int out_flush(struct conn *conn);
/* Gives the queue back. */
void out_drop(struct conn *conn);

/* session.c */
/* Opens one with what was agreed; one of the same initiator and ISID ends. Returns 0 or -ENOMEM. */
int session_open(struct conn *conn, const uint8_t isid[6], uint32_t cmd_sn);
/* Adds the connection to the session of TSIH and ISID. Returns 0, or -ENOENT if there is none. */
int session_join(struct conn *conn, const uint8_t isid[6], uint16_t tsih);
/* Takes the connection out; the last one ends the session. */
void session_leave(struct conn *conn);
/* Ends the other connections: all, or that with the CID (-1: all). */
void session_close(struct conn *conn, int cid);
/* A command came. False if it is outside the window. */
bool session_take(struct session *session, uint32_t cmd_sn);
void session_window(struct session *session, uint32_t *ret_exp, uint32_t *ret_max);

/* login.c */
int login_request(struct conn *conn);
int text_request(struct conn *conn);

/* request.c */
int request_nop(struct conn *conn);
int request_task(struct conn *conn);
int request_logout(struct conn *conn);

/* command.c */
/* The header of a SCSI Command or Data-Out is there: finds where its data goes. */
int command_begin(struct conn *conn);
int command_data_begin(struct conn *conn);
/* Header and data are there. */
int command_finish(struct conn *conn);
int command_data_finish(struct conn *conn);
/* Queues more of a read that waits for room. */
int command_read_more(struct conn *conn);
/* Forgets writes: all, or that with the tag. False if there was none. */
bool command_forget(struct conn *conn, bool all, uint32_t itt);

/* unit.c */
struct unit_answer {
	uint8_t status, key, asc;
	uint32_t len;
	uint8_t data[4096];
};

/* Everything but reads and writes. */
void unit_answer(const struct lean *lean, uint64_t lun, const uint8_t cdb[16],
		 struct unit_answer *ret);
/* True if the CDB is a READ or WRITE; range in bytes. */
bool unit_range(const struct lean *lean, const uint8_t cdb[16], bool *ret_write,
		uint64_t *ret_from, uint64_t *ret_len);
/* The number of the unit, -1 if there is no such. */
int unit_number(const struct lean *lean, uint64_t lun);

#endif
