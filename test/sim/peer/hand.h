/*
 * hand.h - an initiator that is played by hand against the simulator's target: it sends what a test
 * tells it, right or wrong. Connections are lost by peer_conn_closed.
 */
#ifndef ISCSIDSC_TEST_HAND_H
#define ISCSIDSC_TEST_HAND_H

#include "base/bytes.h"
#include "proto/pdu.h"

#include "peer.h"

enum { NUMBER = 77 }; /* that commands carry */

#define SECOND UINT64_C(1000000000)

/* One PDU from the peer. */
struct got {
	uint8_t opcode, bhs[PDU_BHS_LEN], data[70000];
	uint32_t len;
};

struct world {
	struct peer *peer;
	struct peer_options options;
	uint64_t now;
	uint32_t cmd_sn;
	uint16_t tsih;
	const char *keys;
	size_t keys_len;
	bool data_digest;
};

/* A connection of the initiator. */
struct hand {
	struct world *world;
	struct peer_conn *conn;
	uint32_t exp_stat_sn;
	uint16_t cid;
	bool digests; /* in force */
	struct got got;
};

void world_advance(struct world *w, uint64_t by);
/* `data` begins with the AHS that the header tells of. */
void hand_send_damaged(struct hand *h, const uint8_t *bhs, const void *data, uint32_t len, bool flip);
void hand_send(struct hand *h, const uint8_t *bhs, const void *data, uint32_t len);
/* The next PDU, to `got`; false if none waits. A StatSN that it takes is acknowledged by what is
 * sent later. */
bool hand_receive(struct hand *h);
/* The next PDU is of this opcode. */
void hand_expect(struct hand *h, uint8_t opcode);
/* Four bytes of the PDU received last. */
uint32_t hand_field(const struct hand *h, unsigned at);
/* Options of a target of this level, which may be changed before the first login. */
void world_begin(struct world *w, unsigned level);
/* A connection logs in, in one step. */
void hand_login(struct hand *h, struct world *w, uint16_t cid, uint32_t exp_stat_sn);
/* No rule was broken. */
void world_end(struct world *w);
/* This was seen to be broken. */
void world_end_blamed(struct world *w, const char *what);
void hand_put_command(const struct hand *h, uint8_t *bhs, uint32_t itt, uint32_t cmd_sn, uint8_t op,
			uint32_t len);
void hand_command(struct hand *h, uint32_t itt, uint32_t cmd_sn, uint8_t op, uint32_t len);
void hand_snack(struct hand *h, uint8_t type, uint32_t itt, uint32_t tag, uint32_t begin, uint32_t run);
void hand_manage_unit(struct hand *h, uint8_t function, unsigned lun, uint32_t ref, uint32_t ref_sn,
			uint32_t exp_data_sn);
void hand_manage(struct hand *h, uint8_t function, uint32_t ref, uint32_t ref_sn, uint32_t exp_data_sn);
/* The answer to a function. */
void hand_expect_managed(struct hand *h, uint8_t response);
/* Sends it over `h` and expects this response. */
void hand_logout(struct hand *h, unsigned reason, const struct hand *closing, uint8_t response);
void hand_nop(struct hand *h, uint32_t itt, uint32_t ttt, unsigned lun);
void hand_data_out(struct hand *h, uint32_t itt, uint32_t ttt, uint32_t sn, uint32_t at, uint32_t len,
		     bool final, bool damaged);
/* All that the R2T received last asks for, in one PDU. */
void hand_answer_r2t(struct hand *h, uint32_t itt);
/* Takes Data-In until the status, which is not acknowledged; a bit for each DataSN from `base` on. */
uint64_t hand_take_read(struct hand *h, uint32_t base, uint32_t *ret_bytes);

#endif
