/*
 * drive_fake_target.h - a small target on a thread of its own: logs in, answers commands without data
 * at once or when told, pings, logouts and task management. It is silent, deaf or cut when told.
 */
#ifndef ISCSIDSC_TEST_DRIVE_FAKE_TARGET_H
#define ISCSIDSC_TEST_DRIVE_FAKE_TARGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TARGET_CONNS = 16, TARGET_TASKS = 256 };

/* A command that was not answered. */
struct target_task {
	uint32_t itt;
	int conn; /* -1: its connection was logged out */
};

/* A connection in the order of coming. */
struct target_conn {
	int fd; /* -1: closed */
	uint16_t cid;
	uint32_t stat_sn;
	bool up;
	uint8_t in[1 << 14];
	size_t in_len;
	_Atomic unsigned commands;
};

struct target {
	uint16_t port;
	/* the test's wishes */
	_Atomic bool hold;           /* commands get no answer until it is over */
	_Atomic int mute;            /* this connection gets no answer to anything; -1: none */
	_Atomic unsigned asyncs;     /* so many async messages come on the first connection: scores */
	_Atomic int cut;             /* this one is reset, then it is -1 again */
	_Atomic unsigned window;     /* commands that it takes while none is answered; 0: plenty */
	_Atomic bool stop;
	/* what has come */
	struct target_conn conn[TARGET_CONNS];
	_Atomic unsigned conns, held, reassigned, cleaned;
	/* the thread's own */
	pthread_t thread;
	int listening;
	bool pinged;                 /* and not answered */
	unsigned level;
	uint32_t exp_cmd_sn;
	uint64_t seen;               /* bit i: exp_cmd_sn + i has come */
	struct target_task task[TARGET_TASKS];
	unsigned tasks;
};

void target_start(struct target *target, unsigned level);
void target_stop(struct target *target);

#endif
