/*
 * sample.h - the counters of all connections at one time, and what has happened between two such
 * times. What it is not: how that is shown (top.c).
 */
#ifndef ISCSIDSC_CLI_SAMPLE_H
#define ISCSIDSC_CLI_SAMPLE_H

#include <iscsidsc.h>
#include <iscsidsc_ext.h>

struct sample {
	ULONGLONG at;  /* nanoseconds of a clock that is never set */
	void *list;    /* ISCSI_CONNECTION_COUNTERS, one session after the other */
	ULONG count;
	void *session_list;
	ULONG sessions;
};

/* Asks the service. End with sample_done; *ret is untouched on failure. */
ISDSC_STATUS sample_take(struct sample *ret);
/* A sample of all zeros is one of nothing. */
void sample_done(struct sample *sample);

const ISCSI_SESSION_INFOA *sample_session(const struct sample *sample, ULONG index);
const ISCSI_CONNECTION_COUNTERS *sample_conn(const struct sample *sample, ULONG index);

/* What a connection, or several together, did in a time. */
struct work {
	ULONGLONG commands;   /* answered */
	ULONGLONG time;       /* nanoseconds that these took together */
	ULONGLONG in, out;    /* bytes of their data: read, written */
	ULONG queue;          /* commands under way at its end */
};

/*
 * Adds to *work what connection `index` of `now` has done since `before`. One that was not there
 * before has done nothing yet: when it began is not known.
 */
void work_add(struct work *work, const struct sample *before, const struct sample *now, ULONG index);

/* So many in a second; 0 where no time has passed. */
double work_rate(ULONGLONG amount, const struct sample *before, const struct sample *now);

/* Nanoseconds that a command took; 0 where there was none. */
ULONGLONG work_latency(const struct work *work);

#endif
