/*
 * note.c - see note.h.
 */
#include "drive/note.h"

#include <errno.h>
#include <stdlib.h>

struct note {
	struct msg msg;
	struct nexus *nexus;
	enum session_event_kind kind;
	uint64_t id, pause_ns;
	bool returning;
	struct fault fault;
	struct conn_async async;
};

static void note_run(struct msg *msg)
{
	struct note *note = (struct note *)msg;
	struct nexus *nexus = note->nexus;

	switch (note->kind) {
	case SESSION_EVENT_LEFT:
		nexus_conn_left(nexus, note->id, note->returning, &note->fault);
		break;
	case SESSION_EVENT_ASYNC:
		atomic_fetch_sub(&nexus->asyncs, 1);
		nexus->ops.async(nexus->ctx, &note->async);
		break;
	default:
		nexus_state_changed(nexus, note->kind, &note->fault, note->pause_ns);
		break;
	}
	free(note);
}

int note_reserve(struct nexus *nexus)
{
	struct note *note;

	while (nexus->reserved < NOTE_RESERVE) {
		note = calloc(1, sizeof(*note));
		if (!note)
			return -ENOMEM;
		nexus->reserve[nexus->reserved++] = note;
	}
	return 0;
}

void note_unreserve(struct nexus *nexus)
{
	while (nexus->reserved)
		free(nexus->reserve[--nexus->reserved]);
}

static struct note *note_new(struct nexus *nexus, enum session_event_kind kind)
{
	struct note *note = calloc(1, sizeof(*note));

	if (note)
		note_reserve(nexus); /* what it can't get now, it gets next time */
	else if (kind != SESSION_EVENT_ASYNC && nexus->reserved)
		note = nexus->reserve[--nexus->reserved];
	if (!note)
		return NULL;
	note->msg.run = note_run;
	note->nexus = nexus;
	note->kind = kind;
	return note;
}

static void note_post(struct note *note)
{
	mailbox_post(drive_control(note->nexus->drive), &note->msg);
}

void note_state(struct nexus *nexus, enum session_event_kind kind, const struct fault *why,
		uint64_t pause_ns)
{
	struct note *note = note_new(nexus, kind);

	if (!note)
		return;
	note->fault = *why;
	note->pause_ns = pause_ns;
	note_post(note);
}

void note_left(struct nexus *nexus, const struct session_event *event)
{
	struct note *note = note_new(nexus, SESSION_EVENT_LEFT);

	if (!note)
		return;
	note->id = event->id;
	note->returning = event->returning;
	note->fault = event->fault;
	note_post(note);
}

static void async_lost(struct msg *msg)
{
	struct nexus *nexus = list_entry(msg, struct nexus, lost_msg);

	atomic_store(&nexus->async_lost, false); /* what is lost from now on is told anew */
	nexus->ops.async(nexus->ctx, NULL);
}

void note_async_lost(struct nexus *nexus)
{
	if (!atomic_exchange(&nexus->async_lost, true))
		home_post_control(nexus, &nexus->lost_msg, async_lost);
}

void note_async(struct nexus *nexus, const struct conn_async *async)
{
	struct note *note = NULL;

	if (atomic_load(&nexus->asyncs) < NOTE_ASYNCS)
		note = note_new(nexus, SESSION_EVENT_ASYNC);
	if (!note) {
		note_async_lost(nexus);
		return;
	}
	note->async = *async;
	atomic_fetch_add(&nexus->asyncs, 1);
	note_post(note);
}
