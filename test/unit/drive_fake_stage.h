/*
 * drive_fake_stage.h - the control thread of a drive test: a mailbox, a drive, one nexus, and what
 * was told about it. Called fake, since every test of the room links it.
 */
#ifndef ISCSIDSC_TEST_DRIVE_FAKE_STAGE_H
#define ISCSIDSC_TEST_DRIVE_FAKE_STAGE_H

#include "drive/drive.h"

enum { ANSWERS = 8 }; /* tokens are 1 to ANSWERS */

/* The control thread's side of a test. */
struct stage {
	struct mailbox box;
	struct drive *drive;
	struct nexus *nexus;
	unsigned answers, ups, downs, faileds, ended, lost, rejoined, doubts, trusts, manageds;
	unsigned asyncs, asyncs_lost;
	uint8_t response; /* of task management */
	struct fault answer[ANSWERS + 1]; /* by token */
	bool answered[ANSWERS + 1];
	struct nexus_conn conn;
	struct fault why, lost_why; /* of the session, of a connection */
	uint64_t pause_ns;
};

/* A command that counts how often it came back. */
struct probe {
	struct io io;
	unsigned done;
};

/* for the next stage_open */
extern void (*stage_pass)(void *stage, struct passage *passage); /* NULL: nobody is asked */
extern uint32_t hold_ms;
extern unsigned recovery_level;

int64_t now_ms(void);
/* Gives one more command to the nexus, without data. */
void probe_give(struct stage *s, struct probe *probe);
void *token(unsigned i);
/* Runs the control thread until *what reaches n; fails the test after 20 s. */
void until(struct stage *s, const unsigned *what, unsigned n);
void stage_open(struct stage *s, unsigned loops, const char *target);
/* Waits for ended(). */
void stage_close(struct stage *s);
struct conn_options options_for(uint64_t id, const char *host, uint16_t port);
/* A listening socket on 127.0.0.1. */
int listener(uint16_t *ret_port);
void probe_done(struct io *io);

#endif
