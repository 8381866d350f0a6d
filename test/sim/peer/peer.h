/*
 * peer.h - the simulator's target: an iSCSI target with several connections a session as a pure
 * core. Bytes and time go in, bytes come out; it has no socket, thread or clock.
 *
 * It shares with the product only src/base and the codecs of src/proto (pdu, text, digest,
 * chap_hash), so that it does not share its misreadings of RFC 7143. It watches the initiator:
 * whatever breaks the RFC or a promise of ours is noted as a violation. It has recovery levels 0 to
 * 2 and goes by the book, but it can misbehave (fault.c) and lie (struct peer_lies) on demand.
 *
 * Its disks have a volatile write cache: what was written is durable only after a flush or with FUA.
 *
 * Commands carry a number by which tests recognize them: bytes 14 and 15 of the CDB field, and of a
 * variable length CDB (0x7f) bytes 20 and 21.
 */
#ifndef ISCSIDSC_TEST_PEER_H
#define ISCSIDSC_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_BLOCK = 512, PEER_LUNS = 8, PEER_PORTALS = 8 };

/* Commands of the disks beyond the usual ones. */
enum {
	PEER_XDWRITEREAD = 0x53, /* (10), bidirectional: writes, and returns old XOR new */
	PEER_VARIABLE = 0x7f,    /* READ(32) and WRITE(32): service actions 9 and 0xb (SBC) */
	PEER_INCREMENT = 0xc0,   /* adds 1 to the counter of the unit: never to be executed twice. Data
	                            out of any length are taken and forgotten; data in: the new
	                            counter as 8 bytes, big-endian */
};

/* What a target can claim wrongly. An answer of -1 is the one by the book. */
struct peer_lies {
	unsigned level_had;      /* the recovery level that it really has, whatever it negotiates */
	int manage_answer;       /* to task management functions other than TASK REASSIGN */
	int reassign_answer;     /* to TASK REASSIGN: 0 is said without doing anything */
	int cleanup_answer;      /* to a Logout of another connection, which is not cleaned then */
	bool snack_refused;      /* every SNACK is rejected with reason 03 */
	unsigned most;           /* answers that are lies, by the four above; 0: all */
};

struct peer_options {
	const char *target;
	const char *portal[PEER_PORTALS]; /* ADDRESS:PORT, for SendTargets */
	unsigned portals;
	unsigned luns;
	uint32_t blocks;                /* of each */
	unsigned queue;                 /* most commands running; the window follows from it */
	unsigned max_connections, tpgt;
	uint32_t max_recv, max_burst, first_burst;
	unsigned max_r2t;
	bool initial_r2t, immediate_data;
	uint32_t r2t_len;               /* bytes asked for by one R2T at most; 0: MaxBurstLength */
	bool whole_r2ts;                /* as many bytes as may be; else some R2Ts ask for fewer */
	uint32_t data_in_len;           /* bytes of one Data-In at most; 0: what the initiator takes */
	bool status_in_data;            /* a good read ends with a status in its last Data-In */
	bool digests;                   /* takes CRC32C where it is offered */
	const char *chap_user, *chap_secret;     /* what the initiator must have; NULL: no CHAP */
	const char *mutual_user, *mutual_secret; /* what we prove ourselves with */
	uint8_t chap_algorithm;
	unsigned challenge_len;
	uint32_t text_chunk;            /* bytes of text in one PDU; 0: no limit */
	uint64_t delay;                 /* a command takes up to so many nanoseconds */
	uint64_t ping_every;            /* nanoseconds between pings of ours; 0: none */
	bool strict_immediate;          /* closes on an immediate whose CmdSN is not ExpCmdSN */
	unsigned early_status;          /* one in so many writes ends while its data still come; 0: none */
	bool unit_attention;            /* the first command on each LUN of a nexus is told so */
	uint64_t seed;

	/* what else is negotiated */
	unsigned level;                 /* ErrorRecoveryLevel */
	bool pdu_in_order, sequence_in_order;
	unsigned time2wait, time2retain; /* seconds. They are kept: what was not taken up again by then
	                                   is forgotten, the session too when its last connection
	                                   is gone for so long */
	const char *task_reporting;     /* values that it knows, by comma */
	unsigned protocol_level;        /* iSCSIProtocolLevel */

	/* habits; "one in so many" is never for 0 */
	unsigned acknowledge;           /* one in so many sequences of Data-In asks for DataACK */
	bool flips;                     /* bits flip on the way to it: wrong digests are no violation */
	unsigned damage;                /* every so many-th data segment under a digest is taken for
	                                   damaged; with flips */
	bool crc_status;                /* unsolicited data with a wrong digest end some commands with
	                                   0B/47/05 instead of a recovery R2T */
	bool needless_repeats;          /* a command may come again though nothing of it was lost */
	bool garbled_rejects;           /* the header in a Reject for damaged data is noise, as LIO's is */
	bool unsorted;                  /* numbered NOP-Out and Logout are done when they come */
	bool strict_numbers;            /* closes on a number other than ExpCmdSN: it can't sort them */
	unsigned busy, busies;          /* one in so many commands gets BUSY or TASK SET FULL; most
	                                   of them, 0: no limit */
	unsigned hang, hangs;           /* one in so many is not executed and not answered, until it is
	                                   aborted or its session ends; most of them */
	unsigned manage_most;           /* functions under way on a connection; more: Reject 06. 0: any */
	bool refuse_leaving;            /* after an Async 1 commands on the connection get Reject 0c */
	struct peer_lies lies;

	/* answers to logins; status is class << 8 | detail */
	uint16_t deny, deny_added;
	unsigned deny_times;            /* logins that are denied; 0: all */
	uint16_t insists;               /* what a login that skips the security stage gets; 1: it is closed
	                                   without a word; 0: nothing special */
	bool new_session_on_add;
	int group_on_add;               /* another portal group tag; 0: the same */
	const char *redirect;           /* ADDRESS:PORT */
	unsigned redirect_times;

	/* one fault of fault.c; NULL: none */
	const char *fault;
	unsigned fault_after;           /* PDUs that it fits and that are left alone first */
	unsigned fault_every;           /* and so many of them between two faults */
	unsigned fault_times;           /* how often it comes; 0: once */
};

struct peer;
struct peer_conn;

void peer_options_default(struct peer_options *ret);
/* Returns NULL without memory. The texts in the options must outlive it. */
struct peer *peer_new(const struct peer_options *options);
void peer_free(struct peer *peer);
struct peer_options *peer_options(struct peer *peer); /* may be changed between calls */

/* TCP connected to this portal (ADDRESS:PORT). Owned by the peer until peer_conn_closed. */
struct peer_conn *peer_accept(struct peer *peer, const char *portal);
/* TCP is gone: frees it. What it had received whole may still be executed. */
void peer_conn_closed(struct peer_conn *conn);
void peer_conn_received(struct peer_conn *conn, const void *data, size_t len);
/* What waits to be sent; *ret_len 0 for nothing. Valid until the next call. */
const uint8_t *peer_conn_output(struct peer_conn *conn, size_t *ret_len);
void peer_conn_sent(struct peer_conn *conn, size_t len);
/* The peer wants the connection closed once its output has left. */
bool peer_conn_finished(const struct peer_conn *conn);
bool peer_conn_full_feature(const struct peer_conn *conn);

/* Time passes: runs commands that are due, sends pings. */
void peer_advance(struct peer *peer, uint64_t now);
/* When something is to be done; UINT64_MAX for never. */
uint64_t peer_deadline(const struct peer *peer);

/* On demand; nothing happens before full feature phase. */
void peer_conn_ping(struct peer_conn *conn);
void peer_conn_async(struct peer_conn *conn, uint8_t event, uint16_t parameter1,
		     uint16_t parameter2, uint16_t parameter3);
uint16_t peer_conn_cid(const struct peer_conn *conn);

/* A unit attention (ASC << 8 | ASCQ) for every session, told by its next command on that LUN. */
void peer_unit_attention(struct peer *peer, unsigned lun, uint16_t code);
/* So many disks of so many blocks from now on, each at most what it began with. Tells nobody. */
bool peer_resize(struct peer *peer, unsigned luns, uint32_t blocks);
/* Closes all connections and forgets all sessions, as a restart does. Caches stay. */
void peer_restart(struct peer *peer);
/* The power fails: caches forget what was not flushed. Connections are the caller's to cut. */
void peer_power_failure(struct peer *peer);
/* A block as a read would give it. */
const uint8_t *peer_block(const struct peer *peer, unsigned lun, uint32_t block);

/* Puts one there, as if it had been written long ago. */
void peer_put_block(struct peer *peer, unsigned lun, uint32_t block, const uint8_t data[PEER_BLOCK]);

/* The first rule that the initiator broke; NULL if none. */
const char *peer_violation(const struct peer *peer);
/* Numbered requests that wait behind a hole in CmdSN, over all sessions. */
unsigned peer_waiting(const struct peer *peer);
unsigned peer_sessions(const struct peer *peer);
/* How often a SCSI command came with this number in the last two bytes of its CDB field. */
unsigned peer_seen(const struct peer *peer, uint16_t number);
/* How often a command with this number was executed by a disk. Refused ones (unit attention, BUSY,
 * an error in the CDB) don't count. A target executes each command once; one that the layers above
 * repeat is a new command. */
unsigned peer_executed(const struct peer *peer, uint16_t number);
/* One with this number has not got its status yet, or has to be told it anew (R-Data SNACK). */
bool peer_at_work(const struct peer *peer, uint16_t number);
/* The counter of PEER_INCREMENT. */
uint64_t peer_counter(const struct peer *peer, unsigned lun);
/* How often the fault came. */
unsigned peer_faults_done(const struct peer *peer);

/* How often things happened, for those who want to know what a run has reached. */
struct peer_counts {
	unsigned pdus_in, pdus_out;
	unsigned header_digests, data_digests;  /* wrong ones received */
	unsigned snack[4];                      /* by enum pdu_snack_type */
	unsigned snacks_refused, pdus_repeated; /* PDUs sent again for a SNACK */
	unsigned rejects, retries, duplicates;  /* retries: commands for a hole; duplicates: not needed */
	unsigned recovery_r2ts;
	unsigned cleanups[3];                   /* Logouts for another connection, by answer 0 to 2 */
	unsigned reinstated, continued, expired; /* connections by login; sessions by login; forgotten */
	unsigned sessions, sessions_reinstated; /* normal ones opened; by the place of an older one */
	unsigned reassigned[6];                 /* by answer 0 to 4, others */
	unsigned managed[13];                   /* by function */
	unsigned tasks_aborted, fast_aborts;    /* tasks ended by functions; Async 5 sent */
	unsigned bidirectional, long_cdbs, sequences_permuted;
	unsigned lies, hung;
};

const struct peer_counts *peer_counts(const struct peer *peer);

/* The table of faults. */
enum peer_cost {
	PEER_COSTS_NOTHING,
	PEER_COSTS_CONN,  /* in full feature phase: the connection is lost, the session comes back */
	PEER_COSTS_LOGIN, /* a login fails */
	PEER_COSTS_TASK,  /* one command fails */
	PEER_COSTS_MAYBE, /* a connection, or nothing: by how many bytes come at a time */
};

struct peer_fault_info {
	const char *name;
	enum peer_cost cost;  /* at level 0 */
	bool mends;           /* above level 0 it costs nothing */
	bool varies;          /* above level 0 it may cost anything or nothing */
};

unsigned peer_fault_count(void);
struct peer_fault_info peer_fault_info(unsigned index);

#endif
