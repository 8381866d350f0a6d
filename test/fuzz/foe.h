/*
 * foe.h - the target's end of a connection: it follows what the engine sends, as far as is needed to
 * answer, and makes PDUs whose tags, numbers and digests fit - or do not, where it is told so.
 */
#ifndef ISCSIDSC_FUZZ_FOE_H
#define ISCSIDSC_FUZZ_FOE_H

#include "world.h"

/* What is wrong with a PDU. */
enum foe_twist {
	FOE_LOST = 1,         /* it never arrives, and its numbers are used up */
	FOE_SPOILT = 2,       /* its data digest is wrong */
	FOE_BEHIND = 4,       /* ExpCmdSN tells that nothing new has come */
	FOE_SHUT = 8,         /* the window is shut */
	FOE_STATUS_SN = 16,   /* its StatSN is one ahead */
	FOE_HEAD_SPOILT = 32, /* its header digest is wrong */
};

/* The connection begins: TCP is up. */
void foe_opened(struct side *side);
/* The engine sends these bytes. */
void foe_read(struct side *side, const uint8_t *data, size_t len);
/* Completes the header (numbers where `numbered`, lengths, digests) and gives it. StatSN is used up where
 * `status`. */
void foe_give(struct side *side, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len, bool status,
	      unsigned twist);
/* One of the last ones once more, with its old numbers; 0 is the last. */
void foe_give_again(struct side *side, unsigned which);
/* The request that was seen last with this opcode; NULL if there is none among the last. */
const uint8_t *foe_last(const struct side *side, uint8_t opcode);
/* So many before that one. */
const uint8_t *foe_seen(const struct side *side, uint8_t opcode, unsigned back);
/* The value of a key in the Login Request that was sent last; NULL if it has none of it. */
const char *foe_said(const struct side *side, const char *key);
/* Answers that request. */
void foe_give_login(struct side *side, uint8_t flags, uint16_t status, const void *text, size_t len);
/* A login as it should be, to its end. */
void foe_log_in(struct side *side);

#endif
