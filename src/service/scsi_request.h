/*
 * scsi_request.h - one SCSI command of the service itself: pass-through calls and the search for
 * units. Bounded in time: when the time is over the caller is answered, and what still comes is
 * thrown away.
 */
#ifndef ISCSIDSC_SERVICE_SCSI_REQUEST_H
#define ISCSIDSC_SERVICE_SCSI_REQUEST_H

#include "service/inside.h"

enum { SCSI_REQUEST_SECONDS = 30, SCSI_REQUEST_ROOM_MAX = 1 << 20 };

/* The result: `task` is NULL if no answer came in time, else the finished task and its data; both
 * are valid during the call only. */
typedef void scsi_request_done(void *ctx, const struct task *task, const uint8_t *data);

/* Sends a command that reads up to `room` bytes. A unit attention is taken in and the command
 * repeated, as it is when its connection was lost. Returns 0, then `done` is called once, later; or -ENOMEM. */
int scsi_request_send(struct service *service, struct nexus *nexus, uint64_t lun,
		      const uint8_t cdb[16], uint32_t room, scsi_request_done *done, void *ctx);

#endif
