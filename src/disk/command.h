/*
 * command.h - one SCSI command until it has truly ended: it waits for its turn in the unit's queue,
 * and is given again after a lost connection, a unit attention, or a busy device, all within
 * limits. It knows no block requests (request.h) and no discovery of the unit (probe.h).
 *
 * Only for commands that may be run twice without harm: READ, WRITE of the same data,
 * SYNCHRONIZE CACHE, UNMAP, WRITE SAME, and those that only ask. Everything here is on the
 * unit's loop.
 */
#ifndef ISCSIDSC_DISK_COMMAND_H
#define ISCSIDSC_DISK_COMMAND_H

#include "disk/unit.h"

/* Embedded in its user, who sets CDB and buffers in io.task between prepare and run, and owns it
 * again from `done` on. */
struct command {
	struct io io;
	struct unit *unit;
	/* error: 0, or -EIO, -EPERM, -ENOSPC, -ERANGE (address beyond the medium), -EOPNOTSUPP
	 * (the device does not know the command or a field of it), -ENOMEDIUM, -EAGAIN (not
	 * ready or busy for too long), -ETIMEDOUT (aborted again and again: no answer in
	 * time). The sense data, if any, are in io.task. May run the command again, or free
	 * it. */
	void (*done)(struct command *command, int error);
	bool exact;                /* less data than asked for, in or out, is an error (IN-14) */

	/* its own */
	struct timer timer;
	struct list link;          /* in unit->waiting while the timer runs, or in the line */
	uint64_t give_up;          /* when waiting for a busy device ends; 0: not begun */
	uint32_t pause_ms;
	uint16_t repeats, attentions, aborts, timeouts;
	unsigned round;            /* of the queue, when it was given */
};

/* Clears everything, then sets what every command of the unit has in common. */
void command_prepare(struct command *command, struct unit *unit,
		     void (*done)(struct command *command, int error));
/* Of a unit that closes, it is done with -EAGAIN before this returns. */
void command_run(struct command *command);
/* Ends all waiting of the unit's commands, for the device or for their turn: they are done with
 * -EAGAIN. For a unit that closes. */
void command_stop_waiting(struct unit *unit);

#endif
