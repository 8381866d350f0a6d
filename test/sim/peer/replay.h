/*
 * replay.h - the requests of a recorded exchange are sent to the simulator's target, with its own
 * numbers and tags in them, and its answers are paired with the recorded ones.
 */
#ifndef ISCSIDSC_TEST_REPLAY_H
#define ISCSIDSC_TEST_REPLAY_H

#include "peer.h"
#include "trace.h"

enum { REPLAY_ANSWERS = 64 };

/* Who has an answer that the other one has not. */
enum replay_extra { REPLAY_BOTH, REPLAY_THEIRS, REPLAY_OURS, REPLAY_LATER };

/* Says for an answer that is the next of theirs, or of ours, whether the other one lacks it; LATER:
 * it comes later than the other's next. `answer` counts the pairs. */
struct replay_judge {
	enum replay_extra (*judge)(const char *exchange, bool ours, uint8_t opcode, unsigned answer);
};

/* What belongs together; one of them has no bytes if the other one is extra. StatSN is made
 * relative: the first on its connection is 0, and extra answers take no number. */
struct replay_pair {
	bool has_theirs, has_ours;
	struct trace_pdu theirs, ours; /* theirs.data is the trace's */
	const struct trace_pdu *request; /* the newest one sent on that connection */
};

struct replay {
	struct replay_pair pair[REPLAY_ANSWERS];
	unsigned count;
	char violation[256];   /* what the target says that the initiator did wrong */
	char fault[256];       /* why it could not be played to its end */
};

/* The blocks of unit 0 as the exchanges before this one left them are put on the disk first. */
void replay_run(struct replay *ret, const struct trace *trace, unsigned exchange,
		const struct peer_options *options, struct replay_judge judge);
void replay_done(struct replay *replay);

/* The answer takes a StatSN. */
bool replay_counts(const uint8_t *bhs);

#endif
