/*
 * sample.c - see sample.h.
 */
#include "cli/sample.h"

#include "cli/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000

static ULONGLONG clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (ULONGLONG)now.tv_sec * SECOND + (ULONGLONG)now.tv_nsec;
}

ISDSC_STATUS sample_take(struct sample *ret)
{
	struct sample sample = { 0 };
	ISDSC_STATUS status = fetch_list(fetch_sessions, NULL, 1, &sample.session_list,
					 &sample.sessions);

	if (!status)
		status = fetch_list(fetch_counters, NULL, 1, &sample.list, &sample.count);
	sample.at = clock_now();
	if (status)
		sample_done(&sample);
	else
		*ret = sample;
	return status;
}

void sample_done(struct sample *sample)
{
	free(sample->list);
	free(sample->session_list);
	*sample = (struct sample){ 0 };
}

const ISCSI_SESSION_INFOA *sample_session(const struct sample *sample, ULONG index)
{
	return (const ISCSI_SESSION_INFOA *)sample->session_list + index;
}

const ISCSI_CONNECTION_COUNTERS *sample_conn(const struct sample *sample, ULONG index)
{
	const ISCSI_CONNECTION_COUNTERS *first = sample->list;

	return (const void *)((const char *)sample->list + (size_t)index * first->Size);
}

/* Connections hardly change places: the search begins at the place that it has now. */
static const ISCSI_CONNECTION_COUNTERS *conn_find(const struct sample *sample,
						  const ISCSI_CONNECTION_COUNTERS *wanted, ULONG index)
{
	for (ULONG i = 0; i < sample->count; i++) {
		const ISCSI_CONNECTION_COUNTERS *conn =
			sample_conn(sample, (index + i) % sample->count);

		if (memcmp(&conn->ConnectionId, &wanted->ConnectionId,
			   sizeof(wanted->ConnectionId)) == 0)
			return conn;
	}
	return NULL;
}

static ULONGLONG grown(ULONGLONG before, ULONGLONG now)
{
	return now > before ? now - before : 0;
}

void work_add(struct work *work, const struct sample *before, const struct sample *now, ULONG index)
{
	const ISCSI_CONNECTION_COUNTERS *conn = sample_conn(now, index);
	const ISCSI_CONNECTION_COUNTERS *was = conn_find(before, conn, index);

	work->queue += conn->QueueDepth;
	if (!was)
		return;
	work->commands += grown(was->CommandsAnswered, conn->CommandsAnswered);
	work->time += grown(was->CommandTime, conn->CommandTime);
	work->in += grown(was->DataIn, conn->DataIn);
	work->out += grown(was->DataOut, conn->DataOut);
}

double work_rate(ULONGLONG amount, const struct sample *before, const struct sample *now)
{
	return now->at > before->at ? (double)amount * SECOND / (double)(now->at - before->at) : 0;
}

ULONGLONG work_latency(const struct work *work)
{
	return work->commands ? work->time / work->commands : 0;
}
