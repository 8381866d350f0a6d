/*
 * probe.h - asks a logical unit what it is and what it can do: INQUIRY and its pages, readiness,
 * capacity, mode page, known commands; one after the other.
 */
#ifndef ISCSIDSC_DISK_PROBE_H
#define ISCSIDSC_DISK_PROBE_H

#include "disk/command.h"
#include "scsi/inquiry.h"

enum { PROBE_ROOM = 1024 };

/* Embedded in struct disk; one thread, the unit's loop. */
struct probe {
	struct unit *unit;
	void (*done)(struct probe *probe, const struct fault *fault);

	/* the answer; socket_path and serving are not its business */
	struct disk_info info;
	struct unit_limits limits;

	/* its own */
	struct command command;
	unsigned step;
	unsigned missed;         /* steps that failed, a bit each */
	bool again;
	bool has_mode;
	struct inquiry_pages pages;
	uint8_t data[PROBE_ROOM];
};

/* Fills probe->info and probe->limits, and calls done once: FAULT_NONE, or FAULT_SCSI when
 * something that a unit or a disk must be able to do failed; then what was learnt until then is there. A unit
 * that is no disk needs only INQUIRY. Closing the unit ends it early, with a fault.
 *
 * `again`: of a unit that was asked before with success, by the same probe. Then also what is
 * optional must be answered if it was then, or be refused clearly. */
void probe_start(struct probe *probe, struct unit *unit, bool again,
		 void (*done)(struct probe *probe, const struct fault *fault));

#endif
