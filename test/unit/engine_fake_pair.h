/*
 * engine_fake_pair.h - one or two connections of a session in full feature phase, for the tests of
 * what goes beside commands: task management, pings, Logouts, commands that change their
 * connection.
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_PAIR_H
#define ISCSIDSC_TEST_ENGINE_FAKE_PAIR_H

#include "engine_fake.h"

enum { PAIR_TASKS = 64 };

struct pair_terms {
	unsigned conns;         /* 1 or 2 */
	unsigned level;         /* ErrorRecoveryLevel */
	unsigned protocol_level;
	const char *reporting;  /* TaskReporting; NULL: not offered */
	bool ordering, one_holder;
	struct session_times times; /* login, logout and hold are filled in where they are 0 */
};

struct pair {
	struct fake fake;
	struct fake_conn *c[2];
	struct task *task[PAIR_TASKS]; /* given out by pair_send, freed by pair_end */
	unsigned tasks;
};

/* Time waits for the session's cleanup is 0. */
void pair_begin(struct pair *p, const struct pair_terms *terms);
void pair_end(struct pair *p);

/* The bench keeps the task until pair_end. */
struct task *pair_keep(struct pair *p, struct task *task);
/* Submits a read of that LUN and takes its PDU. `bhs` may be NULL. */
struct task *pair_send(struct pair *p, unsigned at, uint64_t lun, uint8_t bhs[PDU_BHS_LEN]);
/* The target has got all numbers below this one; told to the connection. */
void pair_acknowledge(struct pair *p, unsigned at, uint32_t exp_cmd_sn);
/* GOOD status for it, with its data counted as missing. */
void pair_answer(struct pair *p, unsigned at, const struct task *task);
/* A PDU of the target, with its numbers. */
void pair_give(struct pair *p, unsigned at, uint8_t bhs[PDU_BHS_LEN], bool advance);

struct pdu_task_request pair_take_function(struct pair *p, unsigned at);
void pair_answer_function(struct pair *p, unsigned at, uint32_t itt, uint8_t response);
struct pdu_nop_out pair_take_nop(struct pair *p, unsigned at);
void pair_echo(struct pair *p, unsigned at, uint32_t itt);
struct pdu_logout_request pair_take_logout(struct pair *p, unsigned at);
void pair_answer_logout(struct pair *p, unsigned at, uint32_t itt, uint8_t response);
/* Rejects the PDU whose header this is. */
void pair_reject(struct pair *p, unsigned at, const uint8_t request[PDU_BHS_LEN], uint8_t reason);
/* The last task that came back there. */
struct task *pair_last(struct pair *p, unsigned at);

#endif
