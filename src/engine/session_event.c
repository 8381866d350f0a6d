/* session_event.c - the events that a session wants to be pulled, and the answers to calls. */
#include "engine/session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One door call or event brings at most a few events for each member, and the caller pulls them
 * before it calls again. */
enum { EVENTS_PER_MEMBER = 4, EVENTS_SPARE = 8 };

int session_grow_events(struct session *s, unsigned members)
{
	unsigned room = members * EVENTS_PER_MEMBER + EVENTS_SPARE;
	struct session_event *grown;

	if (room <= s->event_room)
		return 0;
	grown = calloc(room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (unsigned i = 0; i < s->event_count; i++)
		grown[i] = s->events[(s->event_head + i) % s->event_room];
	free(s->events);
	s->events = grown;
	s->event_head = 0;
	s->event_room = room;
	return 0;
}

struct session_event *session_add_event(struct session *s, enum session_event_kind kind)
{
	struct session_event *ev = &s->events[(s->event_head + s->event_count) % s->event_room];

	assert(s->event_count < s->event_room);
	s->event_count++;
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	ev->epoch = s->epoch;
	return ev;
}

/* Those that need no queue, for one tells as much as many. SESSION_EVENT_END says it all. */
static bool next_standing(struct session *s, struct session_event *ret)
{
	struct session_event ev = { .epoch = s->epoch };

	if (s->phase == PHASE_OVER)
		return false;
	if (s->ruled) {
		ev.kind = SESSION_EVENT_RULED;
		s->ruled = false;
	} else if (s->wake) {
		ev.kind = SESSION_EVENT_WAKE;
		ev.wake = s->wake;
		s->wake = 0;
	} else {
		return false;
	}
	*ret = ev;
	return true;
}

bool session_next_event(struct session *s, struct session_event *ret)
{
	if (!s->event_count)
		return next_standing(s, ret);
	*ret = s->events[s->event_head];
	s->event_head = (s->event_head + 1) % s->event_room;
	s->event_count--;
	return true;
}

void session_answer(struct session *s, void *token, uint64_t id, const struct fault *why)
{
	struct session_event *ev;

	if (!token)
		return;
	ev = session_add_event(s, SESSION_EVENT_ANSWER);
	ev->token = token;
	ev->id = id;
	if (why)
		ev->fault = *why;
}

void session_answer_fault(struct session *s, void *token, enum fault_kind kind, const char *text)
{
	struct fault why;

	fault_set(&why, kind, 0, "%s", text);
	session_answer(s, token, 0, &why);
}

void session_tell_left(struct session *s, const struct member *m, bool returning,
		       const struct fault *why)
{
	struct session_event *ev = session_add_event(s, SESSION_EVENT_LEFT);

	ev->id = m->options.id;
	ev->returning = returning;
	ev->fault = *why;
}

