/*
 * disk_fake.h - a stand-in for drive's nexus: a SCSI disk in memory, run on a real loop, that can
 * be told to lose, refuse and delay commands. Only for the tests of src/disk.
 *
 * Its medium has a volatile cache: `durable` holds what a flush or FUA brought there.
 */
#ifndef ISCSIDSC_TEST_DISK_FAKE_H
#define ISCSIDSC_TEST_DISK_FAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "drive/drive.h"

enum fake_kind {
	FAKE_LOST,         /* TASK_LOST; the command was run all the same */
	FAKE_LOST_UNRUN,   /* TASK_LOST; it was not */
	FAKE_ABORTED,      /* TASK_ABORTED for its time limit; it was not run */
	FAKE_RESET,        /* the same, for a reset that somebody sent */
	FAKE_FAILED,       /* TASK_FAILED with FAULT_GONE */
	FAKE_STATUS,       /* .status without data or sense */
	FAKE_SENSE,        /* CHECK CONDITION with .key .asc .ascq */
	FAKE_SHORT,        /* GOOD, half of the data */
	FAKE_EARLY,        /* GOOD, but half of the write data was never asked for */
	FAKE_HOLD,         /* kept until fake_release */
};

/* What happens to the next `times` commands with this operation code. */
struct fake_plan {
	uint8_t opcode;
	enum fake_kind kind;
	unsigned times;
	uint8_t status, key, asc, ascq;
};

enum { FAKE_LOG = 512, FAKE_PLANS = 8, FAKE_HELD = 256 };

struct nexus {
	struct loop *loop;
	pthread_mutex_t lock;      /* for everything below */
	uint64_t blocks;
	uint32_t block_size;
	uint8_t type, qualifier;
	char serial[9];
	bool no_vpd, no_16, no_mode, read_only, fua, wce, thin, no_same, no_sync;
	uint32_t max_transfer;     /* blocks, as page B0h tells; 0 none */
	uint32_t max_unmap, max_same;
	uint8_t *data, *durable;
	struct fake_plan plans[FAKE_PLANS];
	unsigned n_plans;
	uint8_t log[FAKE_LOG][16]; /* CDBs, oldest first */
	unsigned n_log;
	struct io *held[FAKE_HELD];
	unsigned n_held;
	unsigned misused;          /* commands given with an old outcome: a bug */
};

/* A disk of this size with everything switched on, and its loop. */
struct nexus *fake_new(uint64_t blocks, uint32_t block_size);
void fake_free(struct nexus *nexus);
void fake_plan(struct nexus *nexus, struct fake_plan plan);
/* Another size from now on: at most the one it was made with. */
void fake_resize(struct nexus *nexus, uint64_t blocks);
/* The medium, for tests on another thread: between requests, and with fake_sync after writing. */
uint8_t *fake_data(struct nexus *nexus);
uint8_t *fake_durable(struct nexus *nexus);
void fake_sync(struct nexus *nexus);
/* Lets all held commands go on. */
void fake_release(struct nexus *nexus);
/* Commands with this operation code since the last fake_forget. */
unsigned fake_count(struct nexus *nexus, uint8_t opcode);
void fake_forget(struct nexus *nexus);
/* Runs the function on the nexus' loop and waits for it. */
void fake_call(struct nexus *nexus, void (*function)(void *ctx), void *ctx);
/* Handles the control mailbox until *flag or 10 seconds are over; returns *flag. */
bool fake_control(struct mailbox *box, const bool *flag);

#endif
