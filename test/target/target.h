/*
 * target.h - the test target as a process: sockets, a clock and a command line around the model of
 * test/sim/peer, which is the target itself and watches the initiator.
 *
 * One thread. Options say what the model is like and how it misbehaves; lines on standard input make
 * things happen (control.c). A rule of the protocol that the initiator broke is printed as a line
 * that begins with "violation:"; the exit status is 1 then.
 */
#ifndef ISCSIDSC_TEST_TARGET_H
#define ISCSIDSC_TEST_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "../sim/peer/peer.h"
#include "base/list.h"

enum { LISTEN_MAX = PEER_PORTALS, MIB_MAX = 1024 };

/* What the command line says; numbers that stay 0 mean "no such fault". */
struct options {
	struct peer_options peer;       /* .portal: what is listened on, ADDRESS:PORT */
	unsigned mib;                   /* size of each disk */
	bool unsorted;                  /* nothing but commands waits for its turn, as with istgt */
	unsigned drop_after, drop_times; /* PDUs received; connections. Then it is cut */
	unsigned stall_after;           /* PDUs received; then nothing is read or sent */
	bool swallow_login;             /* takes TCP connections and never answers */
};

struct target {
	struct options options;
	struct peer *peer;
	struct list conns;              /* owned */
	unsigned drops;
};

enum conn_state {
	CONN_LIVE,
	CONN_HUSHING, /* neither read nor written; deaf when all that was sent has arrived */
	CONN_DEAF,    /* its TCP does not even acknowledge */
	CONN_STALLED, /* neither read nor written, while its TCP acknowledges */
};

struct conn {
	struct list link;               /* of target.conns */
	int fd;
	struct peer_conn *peer;         /* NULL: a login that is swallowed */
	enum conn_state state;
	unsigned received;              /* PDUs in full feature phase */
};

/* options.c: ends the program with a message if the words are no options. */
void options_read(struct options *ret, int argc, char **argv);

/* conn.c */
void conn_accept(struct target *target, int listener, const char *portal);
/* Reads what has come and gives it to the model. */
void conn_receive(struct target *target, struct conn *conn);
/* Sends what is there, and ends the connection if it is over: it is gone then. */
void conn_flush(struct conn *conn);
/* TCP is gone at once; frees it. */
void conn_cut(struct conn *conn);
/* Nothing goes in or out any more, not even an acknowledgement. */
void conn_silence(struct conn *conn);
/* What poll is to wait for; 0: nothing. */
short conn_events(const struct conn *conn);

/* control.c: a line of standard input. False: the program is to end. */
bool control_obey(struct target *target, const char *line);
/* How often things happened, as one line of NAME=NUMBER. */
void control_print_counts(const struct target *target);

#endif
