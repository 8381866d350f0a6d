/*
 * engine_fake_level.h - a session at recovery level 1 or 2 whose connections are lost, and the target's
 * side of their coming back, by hand.
 */
#ifndef ISCSIDSC_TEST_ENGINE_FAKE_LEVEL_H
#define ISCSIDSC_TEST_ENGINE_FAKE_LEVEL_H

#include "engine_fake.h"

struct level {
	struct fake fake;
	struct fake_setup setup;
	struct fake_conn *a, *b; /* the leading one, another one */
};

/* Logs in so many connections; without a rest and with 60 s hold time, or as told. */
void level_begin(struct level *b, unsigned level, unsigned conns);
/* The same, with a portal for each: 192.0.2.1, 192.0.2.2 ... */
void level_begin_at(struct level *b, unsigned level, unsigned conns);
void level_begin_with(struct level *b, unsigned level, unsigned conns, uint32_t rest,
		      uint32_t hold);
/* Ends it; frees the tasks, which may be NULL. */
void level_end(struct level *b, struct task *one, struct task *two);
/* The connection that the session made last. */
struct fake_conn *level_newest(struct level *b);
/* Opens the connection and takes its first Login Request. */
struct pdu_login_request level_open_login(struct level *b, struct fake_conn *c);
/* Answers it well; a leading login gets this TSIH. */
void level_finish_login(struct fake_conn *c, uint16_t tsih);
void level_refuse_login(struct fake_conn *c, uint8_t class, uint8_t detail);
/* Submits a write and takes its command. */
struct task *level_write(struct fake_conn *c, uint8_t bhs[PDU_BHS_LEN]);
/* The target tells on `c` that it has got so many commands more. */
void level_acknowledge(struct level *b, struct fake_conn *c, uint32_t commands);
void level_give_async(struct fake_conn *c, uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3);
/* The Logout for another connection leaves on `c`. */
void level_take_cleanup(struct level *b, struct fake_conn *c, unsigned reason, uint16_t cid,
			uint8_t bhs[PDU_BHS_LEN]);
void level_answer_logout(struct fake_conn *c, const uint8_t *request, uint8_t response, uint16_t wait);
enum session_rule level_rule(struct level *b, struct task *task);
/* Whatever stands: the next login is that of a reinstatement, and after it the task is dead. */
void level_expect_reinstatement(struct level *b, struct task *task);

#endif
