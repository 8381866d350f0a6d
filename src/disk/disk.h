/*
 * disk.h - a logical unit as a disk: asks the unit what it is, and serves it as an NBD export on a
 * Unix socket (docs: the NBD protocol, fixed newstyle). Not here: which units a session has
 * (service), and how commands travel (drive).
 *
 * Called on the control thread; answers come through the control mailbox.
 */
#ifndef ISCSIDSC_DISK_H
#define ISCSIDSC_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"
#include "drive/drive.h"

struct disk;

struct disk_config {
	struct nexus *nexus;
	struct mailbox *control;  /* the control thread's mailbox */
	uint64_t lun;             /* raw SAM form */
	const char *socket_path;  /* made if the unit is a disk; copied */
	mode_t socket_mode;
	gid_t socket_gid;         /* (gid_t)-1: leave */
	/* Called on the control thread, from `ready` to disk_close: what has changed, bits of enum
	 * disk_change. May be NULL. */
	void (*changed)(void *ctx, struct disk *disk, unsigned changes);
};

/* What a unit in use has told of itself (SPC-4, unit attentions), or what asking it anew showed. */
enum disk_change {
	DISK_CHANGED_SIZE = 1 << 0, /* new clients see it. Those that are connected keep the old
	                               one in mind; beyond a shrunk end they get errors */
	DISK_CHANGED_INFO = 1 << 1, /* anything else in disk_info: names, abilities */
	DISK_CHANGED_USE = 1 << 2,  /* it is served now, and could not be before */
	DISK_CHANGED_UNIT = 1 << 3, /* another unit is there now, or its blocks have another size:
	                               nobody is served any more; close this disk, open it anew */
	DISK_CHANGED_LUNS = 1 << 4, /* the target has other units than before: REPORT LUNS tells */
};

/* What the unit told. Texts are trimmed and printable. */
struct disk_info {
	uint64_t lun;
	uint8_t device_type;      /* SPC peripheral device type; 0 is a disk */
	bool serving;             /* an NBD socket is there */
	char vendor[9], product[17], revision[5], serial[64], wwid[96];
	uint64_t blocks;
	uint32_t block_size;
	bool read_only, can_fua, can_unmap, can_write_same, write_cache;
	uint32_t min_io, max_io;  /* bytes */
	char socket_path[108];
};

/* Per-disk counters, relaxed. */
struct disk_counters {
	uint64_t reads, writes, bytes_read, bytes_written, errors, repeated, in_flight;
	unsigned clients;
	unsigned queue_limit;     /* commands that may be under way; TASK SET FULL, BUSY cut it */
	unsigned queue_waiting;   /* commands that wait for their turn */
};

/* Probes the unit (INQUIRY, VPD pages, capacity, mode pages; unit attentions are taken in) and,
 * for a disk, begins to serve it. `ready` is called once on the control thread: fault->kind
 * FAULT_NONE, or why the unit can't be used; the disk stays listed either way until disk_close.
 * A unit that is no disk is ready without serving. From then on the disk follows its unit: see
 * config->changed, which gets the same ctx. Returns 0, -ENAMETOOLONG for the socket's
 * path, -ENOMEM; then ready is not called. */
int disk_open(const struct disk_config *config,
	      void (*ready)(void *ctx, struct disk *disk, const struct fault *fault), void *ctx,
	      struct disk **ret);
/* Stops serving: clients are cut, requests under way are awaited. `closed` is called on the
 * control thread; then the disk is gone. Also allowed while probing: ready comes first, with
 * FAULT_ABANDONED. Requests that the nexus holds while its session is down are awaited too, at
 * most for the hold time or until nexus_logout. Once for each disk. */
void disk_close(struct disk *disk, void (*closed)(void *ctx), void *ctx);
/* Asks the unit anew what it is: somebody else heard that it has changed. A little later, and never
 * more than once in a second. Not after disk_close. */
void disk_look(struct disk *disk);
/* Before ready: only the LUN is there. */
const struct disk_info *disk_info(const struct disk *disk);
void disk_counters(const struct disk *disk, struct disk_counters *ret);
/* An NBD client is attached (LogoutIScsiTarget answers ISDSC_DEVICE_BUSY_ON_SESSION). */
bool disk_busy(const struct disk *disk);

#endif
