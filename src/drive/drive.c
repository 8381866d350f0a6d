/*
 * drive.c - the data threads.
 */
#include "drive/drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drive/nexus.h"

enum { DRIVE_LOOPS_MAX = 64 };

struct drive {
	struct mailbox *control;
	unsigned next_home; /* the control thread's own */
	unsigned count;
	struct loop *loops[DRIVE_LOOPS_MAX];
};

struct mailbox *drive_control(struct drive *drive)
{
	return drive->control;
}

struct loop *drive_loop(struct drive *drive, unsigned index)
{
	return drive->loops[index % drive->count];
}

unsigned drive_next_home(struct drive *drive)
{
	return drive->next_home++ % drive->count;
}

int drive_new(unsigned loops, struct mailbox *control, struct drive **ret)
{
	struct drive *drive;
	char name[16];
	int r = 0;

	if (loops == 0) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);

		loops = cores > 0 ? (unsigned)cores : 1;
	}
	if (loops > DRIVE_LOOPS_MAX)
		loops = DRIVE_LOOPS_MAX;
	drive = calloc(1, sizeof(*drive));
	if (!drive)
		return -ENOMEM;
	drive->control = control;
	while (drive->count < loops) {
		snprintf(name, sizeof(name), "data-%u", drive->count);
		r = loop_new(name, &drive->loops[drive->count]);
		if (r < 0) {
			drive_free(drive);
			return r;
		}
		drive->count++;
	}
	*ret = drive;
	return 0;
}

void drive_free(struct drive *drive)
{
	if (!drive)
		return;
	/* First all stand still: a loop may be about to wake another one. */
	for (unsigned i = 0; i < drive->count; i++)
		loop_stop(drive->loops[i]);
	for (unsigned i = 0; i < drive->count; i++)
		loop_free(drive->loops[i]);
	free(drive);
}
