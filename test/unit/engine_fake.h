/*
 * engine_fake.h - a target of hand-made bytes for the engine's unit tests: one session whose
 * connections the test moves itself, PDU by PDU.
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_H
#define ISCSIDSC_TEST_ENGINE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/engine.h"
#include "proto/pdu.h"

enum { FAKE_CONNS = 8, FAKE_BYTES = 1 << 20, FAKE_TASKS = 1200, FAKE_EVENTS = 128 };

struct fake;

/* A connection as the test sees it. */
struct fake_conn {
	struct fake *fake;
	struct conn *conn;
	uint8_t *sent;               /* bytes that the engine sent and nobody took yet */
	size_t sent_len;
	uint8_t ahs[PDU_AHS_MAX];    /* of the PDU taken last; pdu_ahs_len tells how much */
	bool opening, up, ended;     /* OPEN waits to be answered; what it told */
	unsigned opens;
	struct fault fault;          /* of the end */
	struct conn_up login;
	struct task *done[FAKE_TASKS]; /* in the order in which they came back */
	unsigned done_count;
	char text[4096];
	size_t text_len;
	unsigned texts, asyncs, wakes, doubts, trusts;
	uint64_t silence;            /* of the last doubt */
	struct management *managed;  /* the last one that came back */
	unsigned manageds;
	struct chap_question question; /* the last one */
	unsigned questions;
	struct conn_cleaned cleaned; /* the last one */
	unsigned cleaneds;
	struct fault text_fault;
	struct conn_async async;
	uint32_t stat_sn, login_itt;
	uint16_t cid, tsih;
	uint8_t csg, nsg;
	bool header_digest, data_digest; /* of the PDUs that the test makes */
	bool spoil;
};

struct fake {
	struct session *session;
	struct fake_conn conn[FAKE_CONNS];
	unsigned conns;
	uint64_t now;
	uint32_t exp_cmd_sn, max_cmd_sn, first_stat_sn;
	size_t piece;                /* bytes received at a time; 0: all */
	bool direct;                 /* logins may skip the security stage */
	struct session_event event[FAKE_EVENTS]; /* of the session, those to be looked at */
	unsigned events;
};

struct fake_setup {
	struct session_config config;
	struct conn_options options;
	size_t piece;
	uint32_t first_stat_sn; /* of each connection's target */
	bool direct;            /* see fake_add */
};

/* A session with good values, not begun; the test may change them. */
void fake_setup_init(struct fake_setup *setup);
void fake_begin(struct fake *fake, const struct fake_setup *setup);
/* Ends everything, whatever stands, and checks that nothing is left behind. */
void fake_end(struct fake *fake);

/* Adds a connection and opens its TCP connection: the engine's first Login Request is there. Unless set
 * up as `direct` this target insists on the security stage, so that tests can answer in both stages. */
struct fake_conn *fake_add(struct fake *fake, const struct conn_options *options);
/* Takes all events of sessions and connections. */
void fake_pump(struct fake *fake);
/* Adds, and logs in with `keys` (pairs, each ended by NUL) as the operational answers; NULL: good
 * ones. Full feature phase is reached, or the test fails. */
struct fake_conn *fake_login(struct fake *fake, const struct conn_options *options, const char *keys,
			     size_t len);

/* The next PDU that the engine sent; the test fails if it is none of this opcode. `data` may be NULL. */
uint32_t fake_take(struct fake_conn *c, uint8_t opcode, uint8_t bhs[PDU_BHS_LEN], uint8_t *data,
		   size_t room);
bool fake_has_sent(struct fake_conn *c);
/* TCP is there that an OPEN asked for, perhaps anew. */
void fake_open(struct fake_conn *c);
/* Gives bytes, or a PDU (its length and digests are filled in) to the engine. With `spoil`, the data
 * digest of the next PDU is wrong, if it has one. */
void fake_give(struct fake_conn *c, const void *data, size_t len);
void fake_give_pdu(struct fake_conn *c, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len);
/* The numbers of a full feature response at their places; StatSN moves on where `advance`. */
void fake_numbers(struct fake_conn *c, uint8_t bhs[PDU_BHS_LEN], bool advance);

/* A Login Response with this text; flags as byte 1 of the header. */
void fake_give_login(struct fake_conn *c, uint8_t flags, const char *text, size_t len);
/* One that ends the login. */
void fake_give_status(struct fake_conn *c, uint8_t class, uint8_t detail, const char *text, size_t len);

void fake_submit(struct fake_conn *c, struct task *task);
void fake_closed(struct fake_conn *c, enum fault_kind kind);
/* Moves time on and expires what is due. */
void fake_wait(struct fake *fake, uint64_t ms);
/* The first event of that kind that was not asked for before; fails if there is none. */
struct session_event fake_event(struct fake *fake, enum session_event_kind kind);
bool fake_has_event(const struct fake *fake, enum session_event_kind kind);

/* A task that reads or writes so many bytes, its buffer from the heap. */
struct task *fake_read(uint32_t len);
struct task *fake_write(uint32_t len);
struct task *fake_bidirectional(uint32_t in_len, uint32_t out_len);
void fake_task_free(struct task *task);

#define FAKE_TEXT(text) (text), sizeof(text)

#endif
