/*
 * note.h - news of the session for the control thread that belong to no link.
 */
#ifndef ISCSIDSC_DRIVE_NOTE_H
#define ISCSIDSC_DRIVE_NOTE_H

#include "drive/nexus.h"

enum { NOTE_ASYNCS = 64 }; /* async messages on their way; more are dropped */

/* Sets notes aside for times without memory. Returns 0 or -ENOMEM. */
int note_reserve(struct nexus *nexus);
void note_unreserve(struct nexus *nexus);
/* Home. A note is lost when there is no memory and the reserve is used up; async messages also when
 * too many are on their way. */
void note_state(struct nexus *nexus, enum session_event_kind kind, const struct fault *why,
		uint64_t pause_ns);
void note_left(struct nexus *nexus, const struct session_event *event);
void note_async(struct nexus *nexus, const struct conn_async *async);
/* Tells that some were lost; this never is. */
void note_async_lost(struct nexus *nexus);

/* nexus.c */
void nexus_state_changed(struct nexus *nexus, enum session_event_kind kind,
			 const struct fault *why, uint64_t pause_ns);
void nexus_conn_left(struct nexus *nexus, uint64_t id, bool returning, const struct fault *why);

#endif
