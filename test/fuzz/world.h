/*
 * world.h - an engine and what is around it in the product: a session with its home, connections, commands
 * that come back, are held and go on. The target is in the fuzzer's hand (foe.h).
 *
 * Checked here: each task comes back exactly once; one that is adrift is ruled on; nothing comes after the
 * end of a connection or session; no deadline that stays over; events come to an end.
 */
#ifndef ISCSIDSC_FUZZ_WORLD_H
#define ISCSIDSC_FUZZ_WORLD_H

#include "base/bytes.h"
#include "engine/engine.h"
#include "proto/pdu.h"

enum { WORLD_SIDES = 6, WORLD_TASKS = 16, WORLD_MANAGES = 4, SIDE_SEEN = 16, SIDE_GIVEN = 8,
	SIDE_DATA = 1024, SIDE_TEXT = 4096 };

struct world;

/* A request of the engine, as it left. */
struct seen {
	uint8_t bhs[PDU_BHS_LEN];
};

/* A PDU of the target, kept so that it can come again. */
struct given {
	uint8_t bhs[PDU_BHS_LEN];
	uint32_t len;
	uint8_t data[SIDE_DATA];
};

/* A connection, and the target's end of it. */
struct side {
	struct world *world;
	struct conn *conn;       /* NULL: none */
	bool opening, ended, up; /* OPEN waits for its answer; what it told */
	bool serves;             /* home gives it commands: from JOINED to its end or removal */
	bool look;               /* a door of it was used: it may have something to send */
	bool stuffed;            /* its socket takes nothing */
	bool asked;              /* its login waits for a verdict on ... */
	struct chap_question question; /* ... this */

	/* the target's end; foe.c */
	uint32_t stat_sn;
	uint16_t tsih, cid;
	bool header_digest, data_digest;
	uint8_t head[PDU_BHS_LEN]; /* of the PDU that the engine is sending */
	size_t head_len, skip;
	char text[SIDE_TEXT];      /* of the last Login Request, pairs that end with NUL */
	size_t text_len;
	struct seen seen[SIDE_SEEN]; /* the last requests; `seen_count` of them in all */
	unsigned seen_count;
	struct given given[SIDE_GIVEN];
	unsigned given_count;
};

enum held_state { HELD_FREE, HELD_OUT, HELD_ADRIFT };

struct held {
	struct task task;        /* first: a task is its held one */
	enum held_state state;
	bool seen;               /* by the target */
	bool ask;
	uint8_t rest[ENGINE_CDB_MAX];

	/* the target's view of it */
	uint32_t data_sn, offset;
};

struct world {
	struct session *session;
	struct side side[WORLD_SIDES];
	struct held held[WORLD_TASKS];
	struct management manage[WORLD_MANAGES];
	bool managing[WORLD_MANAGES];
	unsigned logins;         /* answered with success */
	uint32_t epoch;
	bool up, failed, over, ask_again;
	uint64_t now, next_id;
	uint64_t touched;        /* of what was sent: so that a sanitizer sees all of it read */

	/* of the target, over all connections */
	uint32_t next_cmd_sn;    /* one above the highest number that came */
	uint32_t max_told;       /* the highest MaxCmdSN ever told */
	bool tame;               /* the target told nothing else */
	bool hasty;              /* it told of commands that had not come yet */
	uint16_t next_tsih;
	bool want_header_digest, want_data_digest; /* of all its connections */
	struct session_config config;
};

/* False if the session refuses the configuration. */
bool world_begin(struct world *world, const struct session_config *config);
/* Logs out, abandons, and sees to it that nothing is left. */
void world_end(struct world *world);

/* Takes all events, tells the session what connections tell, and sends what is to be sent. A connection is
 * asked only after one of its doors was used, as drive does it: so a wake-up that is missing shows. */
void world_pump(struct world *world);
void world_add(struct world *world, const struct conn_options *options);
/* TCP comes up; nothing if that was not asked for. */
void world_open(struct world *world, struct side *side);
void world_close(struct world *world, struct side *side, enum fault_kind kind);
/* Of a side that asked. */
void world_verdict(struct world *world, struct side *side, bool right);
/* Bytes of the target arrive. */
void world_give(struct world *world, struct side *side, const void *data, size_t len);
/* At most so many bytes leave. */
void world_send(struct world *world, struct side *side, size_t most);
void world_wait(struct world *world, uint64_t ms);
/* A command with buffers of exactly these lengths, given to this connection. */
void world_submit(struct world *world, struct side *side, uint32_t in_len, uint32_t out_len,
		  uint16_t cdb_len, uint8_t lun);
void world_manage(struct world *world, struct side *side, uint8_t function, uint8_t lun);
void world_text(struct world *world, struct side *side);

#endif
