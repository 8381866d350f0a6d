/*
 * scsi_request.c - see scsi_request.h.
 */
#include "service/scsi_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scsi/sense.h"
#include "service/svc_session.h"

enum {
	ATTENTIONS_MAX = 8, /* taken in a row; a target may have several pending */
	REPEATS_MAX = 4,    /* after a loss */
};

struct scsi_request {
	struct io io;
	struct service *service;
	struct nexus *nexus;
	sd_event_source *timer;
	scsi_request_done *done; /* NULL once called */
	void *ctx;
	unsigned attentions, repeats;
	uint8_t cdb[16];
	uint64_t lun;
	uint32_t room;
	uint8_t data[];
};

static void request_send(struct scsi_request *request);

/* An attention is told once: whoever takes it in has to pass on what it says. */
static bool request_is_attention(const struct scsi_request *request)
{
	const struct task *task = &request->io.task;
	struct sense sense;

	if (task->outcome != TASK_COMPLETE || task->status != SENSE_CHECK_CONDITION ||
	    sense_get(task->sense, task->sense_len, &sense) < 0 ||
	    sense.key != SENSE_UNIT_ATTENTION)
		return false;
	units_hinted(request->service, request->nexus, request->lun, &sense);
	return true;
}

/* It only reads, so that it may run twice. */
static bool request_is_cut(const struct task *task)
{
	return task->outcome == TASK_LOST || task->outcome == TASK_ABORTED;
}

static void request_over(struct io *io)
{
	struct scsi_request *request = list_entry(io, struct scsi_request, io);

	if (request->done && ((request_is_attention(request) &&
			       request->attentions++ < ATTENTIONS_MAX) ||
			      (request_is_cut(&io->task) && request->repeats++ < REPEATS_MAX))) {
		request_send(request);
		return;
	}
	service_timer_clear(&request->timer);
	if (request->done)
		request->done(request->ctx, &io->task, request->data);
	free(request);
}

static int request_late(sd_event_source *timer, uint64_t usec, void *ctx)
{
	struct scsi_request *request = ctx;
	scsi_request_done *done = request->done;

	(void)timer;
	(void)usec;
	request->done = NULL;
	done(request->ctx, NULL, NULL);
	return 0;
}

/* IN-13 */
static void request_send(struct scsi_request *request)
{
	struct io *io = &request->io;

	memset(io, 0, sizeof(*io));
	io->task.lun = request->lun;
	memcpy(io->task.cdb, request->cdb, sizeof(io->task.cdb));
	io->task.in = request->data;
	io->task.in_len = request->room;
	io->task.attribute = 1;
	io->reply_to = &request->service->control;
	io->done = request_over;
	nexus_submit(request->nexus, io);
}

int scsi_request_send(struct service *service, struct nexus *nexus, uint64_t lun,
		      const uint8_t cdb[16], uint32_t room, scsi_request_done *done, void *ctx)
{
	struct scsi_request *request = calloc(1, sizeof(*request) + room);
	int r;

	if (!request)
		return -ENOMEM;
	request->service = service;
	request->nexus = nexus;
	request->lun = lun;
	request->room = room;
	request->done = done;
	request->ctx = ctx;
	memcpy(request->cdb, cdb, sizeof(request->cdb));
	r = service_timer(service, &request->timer, SCSI_REQUEST_SECONDS, request_late, request);
	if (r < 0) {
		free(request);
		return r;
	}
	request_send(request);
	return 0;
}
