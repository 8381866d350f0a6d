/*
 * engine_fake_reading.h - one read of equal parts at a recovery level, with digests: the test gives its
 * Data-In PDUs, spoils some, and looks at the SNACKs.
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_READING_H
#define ISCSIDSC_TEST_ENGINE_FAKE_READING_H

#include "engine_fake_command.h"

enum { READING_PDUS = 8, READING_PART = 512, READING_LONG = 200 };

/* What there is to be read. */
extern uint8_t reading_medium[READING_LONG * READING_PART];

/* A group's setup: fills the medium. */
int reading_fill(void **state);
void reading_begin_on(struct command *b, size_t piece, unsigned level);
/* A read of so many parts is under way at level 1. */
void reading_begin(struct command *b, size_t piece, unsigned parts);
/* The Data-In with this DataSN; flags as byte 1. */
void reading_give(struct command *b, uint32_t sn, uint8_t flags);
/* The same with a wrong data digest. */
void reading_lose(struct command *b, uint32_t sn, uint8_t flags);
void reading_give_good(struct command *b, uint32_t exp_data_sn);
/* The same PDU again has the StatSN that it had. */
void reading_as_before(struct command *b, uint32_t stat_sn, void (*what)(struct command *b));
void reading_expect_snack(struct command *b, uint8_t type, uint32_t begin, uint32_t run);
void reading_expect_done(struct command *b);
/* IN-15: a status of our own. */
void reading_expect_crc_error(struct command *b);

#endif
