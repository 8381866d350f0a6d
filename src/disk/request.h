/*
 * request.h - one block request as the SCSI commands it takes: split to what the unit accepts, one
 * command after the other; a write that shall last is followed by a SYNCHRONIZE CACHE where the
 * unit has no FUA. It knows nothing of NBD.
 *
 * FLUSH is one new SYNCHRONIZE CACHE of the whole unit, sent after the request came, hence after
 * every write that was answered before; it is never joined to one under way
 * (doc/architecture.md).
 */
#ifndef ISCSIDSC_DISK_REQUEST_H
#define ISCSIDSC_DISK_REQUEST_H

#include "disk/command.h"

enum request_kind {
	REQUEST_READ, REQUEST_WRITE, REQUEST_FLUSH, REQUEST_TRIM, REQUEST_ZERO,
};

/* Comes from a pool (pool.h). Everything up to `done` is set by the user, who owns it before
 * request_run and from `done` on. */
struct request {
	enum request_kind kind;
	uint64_t offset, length;       /* bytes; whole blocks inside the unit */
	bool fua;                      /* done when it is on the medium */
	bool no_hole;                  /* REQUEST_ZERO: must stay allocated */
	uint8_t *data;                 /* READ, WRITE: `length` bytes; the pool's */
	void (*done)(struct request *request, int error); /* 0 or a negative errno */
	void *ctx;

	/* its own */
	uint64_t at;                   /* bytes done */
	uint32_t part;                 /* bytes of the present command */
	bool syncing;                  /* the present command makes it last */
	struct command command;
	uint8_t list[24];              /* parameter list of UNMAP */

	/* its user's */
	struct list link;
	uint64_t cookie;
	uint8_t head[32];              /* of the reply */
	uint32_t head_len, data_len;   /* what is sent of it */
	uint32_t room;                 /* the pool's: bytes at `data` */
};

/* On the unit's loop. `done` may come before it returns. */
void request_run(struct request *request, struct unit *unit);

#endif
