/*
 * top.c - Top: what sessions and connections do now, drawn anew all the time, until q; once where
 * standard output is no terminal; as JSON once, too. All rates are of the time between two looks at
 * the public counters.
 */
#include "cli/command.h"
#include "cli/fetch.h"
#include "cli/print.h"
#include "cli/read.h"
#include "cli/sample.h"
#include "cli/screen.h"
#include "cli/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAST 0.1 /* seconds between two looks */
#define MOST 3600.0

struct top {
	struct sample before, now;
	double seconds;       /* between two looks */
	ISDSC_STATUS trouble; /* the last look brought nothing: why */
};

/* A session: its connections are so many from `first` on. */
struct group {
	const ISCSI_SESSION_INFOA *session;
	ULONG first, count;
	struct work work;
};

/* ---- what is shown */

static struct work work_of(const struct top *top, ULONG first, ULONG count)
{
	struct work work = { 0 };

	for (ULONG i = 0; i < count; i++)
		work_add(&work, &top->before, &top->now, first + i);
	return work;
}

static bool same_session(const struct sample *sample, ULONG conn, const ISCSI_SESSION_INFOA *session)
{
	return memcmp(&sample_conn(sample, conn)->SessionId, &session->SessionId,
		      sizeof(session->SessionId)) == 0;
}

/* Both lists have the sessions in one order, but one may have come or gone between them. */
static struct group *groups_make(const struct top *top)
{
	const struct sample *now = &top->now;
	struct group *groups = calloc(now->sessions + 1, sizeof(*groups));
	ULONG from = 0;

	for (ULONG i = 0; groups && i < now->sessions; i++) {
		struct group *group = &groups[i];
		ULONG at = from;

		group->session = sample_session(now, i);
		while (at < now->count && !same_session(now, at, group->session))
			at++;
		if (at == now->count)
			continue;
		group->first = at;
		while (at < now->count && same_session(now, at, group->session))
			at++;
		group->count = at - group->first;
		group->work = work_of(top, group->first, group->count);
		from = at;
	}
	return groups;
}

static int busier(const void *a, const void *b)
{
	const struct group *first = a, *second = b;

	if (first->work.commands != second->work.commands)
		return first->work.commands < second->work.commands ? 1 : -1;
	return first->session < second->session ? -1 : first->session > second->session;
}

/* ---- as text */

static const char *count_text(double value, char to[16])
{
	static const char units[] = { 'k', 'M', 'G' };
	int unit = -1;

	while (value >= 10000 && unit + 1 < (int)sizeof(units)) {
		value /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(to, 16, "%.0f", value);
	else
		snprintf(to, 16, "%.1f%c", value, units[unit]);
	return to;
}

static const char *time_text(ULONGLONG ns, char to[16])
{
	double value = (double)ns;

	if (!ns)
		snprintf(to, 16, "-");
	else if (value < 1e6)
		snprintf(to, 16, "%.1f us", value / 1e3);
	else if (value < 1e9)
		snprintf(to, 16, "%.2f ms", value / 1e6);
	else
		snprintf(to, 16, "%.2f s", value / 1e9);
	return to;
}

static void work_put(FILE *out, const struct top *top, const struct work *work)
{
	char count[16], latency[16], read[PRINT_SIZE_ROOM], written[PRINT_SIZE_ROOM];

	print_size((ULONGLONG)work_rate(work->in, &top->before, &top->now), read);
	print_size((ULONGLONG)work_rate(work->out, &top->before, &top->now), written);
	fprintf(out, "%8s %11s %11s %10s %6u  ",
		count_text(work_rate(work->commands, &top->before, &top->now), count), read, written,
		time_text(work_latency(work), latency), work->queue);
}

static void conn_put(FILE *out, const struct top *top, ULONG index)
{
	const ISCSI_CONNECTION_COUNTERS *c = sample_conn(&top->now, index);
	struct work work = work_of(top, index, 1);
	char round_trip[16];

	work_put(out, top, &work);
	fprintf(out, "  CID %u  %s/%u -> %s/%u", c->Cid, c->InitiatorAddress, c->InitiatorSocket,
		c->TargetAddress, c->TargetSocket);
	if (c->State != ISCSI_CONNECTION_STATE_FULL_FEATURE)
		fprintf(out, "  %s", print_state(c->State));
	else if (c->RoundTrip)
		fprintf(out, "  round trip %s", time_text(c->RoundTrip, round_trip));
	if (c->Reconnects)
		fprintf(out, "  reconnects %u", c->Reconnects);
	fprintf(out, "\n");
}

static void group_put(FILE *out, const struct top *top, const struct group *group)
{
	char id[PRINT_ID_ROOM];

	work_put(out, top, &group->work);
	fprintf(out, "%s  %s\n", group->session->TargetName,
		print_id(&group->session->SessionId, id));
	for (ULONG i = 0; i < group->count; i++)
		conn_put(out, top, group->first + i);
}

/* `rows`: how many there are room for; 0 for any number. Then the busiest come first. */
static void top_put(FILE *out, const struct top *top, ULONG rows)
{
	const struct sample *now = &top->now;
	const struct status_text *text = status_find(top->trouble);
	struct group *groups = groups_make(top);
	struct work all = work_of(top, 0, now->count);

	if (!groups)
		return;
	if (rows && 3 + now->sessions + now->count > rows)
		qsort(groups, now->sessions, sizeof(*groups), busier);
	if (top->trouble)
		fprintf(out, "%s\n", text ? text->text : "The service does not answer.");
	else
		fprintf(out, "%u sessions, %u connections, every %g s%s\n", now->sessions, now->count,
			top->seconds, rows ? "; q quits" : "");
	fprintf(out, "%8s %11s %11s %10s %6s\n", "I/O/s", "read/s", "written/s", "latency", "queue");
	work_put(out, top, &all);
	fprintf(out, "all\n");
	for (ULONG i = 0; i < now->sessions; i++)
		group_put(out, top, &groups[i]);
	free(groups);
}

/* ---- as JSON */

static void work_json(struct json_object *json, const struct top *top, const struct work *work)
{
	json_number(json, "io_per_second",
		    (ULONGLONG)llround(work_rate(work->commands, &top->before, &top->now)));
	json_number(json, "read_bytes_per_second",
		    (ULONGLONG)llround(work_rate(work->in, &top->before, &top->now)));
	json_number(json, "written_bytes_per_second",
		    (ULONGLONG)llround(work_rate(work->out, &top->before, &top->now)));
	json_number(json, "latency_ns", work_latency(work));
	json_number(json, "queue", work->queue);
}

static void conn_json(struct json_object *json, const struct top *top, ULONG index)
{
	const ISCSI_CONNECTION_COUNTERS *c = sample_conn(&top->now, index);
	struct work work = work_of(top, index, 1);

	json_id(json, "connection_id", &c->ConnectionId);
	json_number(json, "cid", c->Cid);
	json_text(json, "state", print_state(c->State));
	json_text(json, "initiator_address", c->InitiatorAddress);
	json_number(json, "initiator_socket", c->InitiatorSocket);
	json_text(json, "target_address", c->TargetAddress);
	json_number(json, "target_socket", c->TargetSocket);
	json_number(json, "round_trip_ns", c->RoundTrip);
	json_number(json, "reconnects", c->Reconnects);
	work_json(json, top, &work);
}

static void top_json(struct json_object *json, const struct top *top)
{
	struct group *groups = groups_make(top);
	struct json_object *array, *conns, *item;
	struct work all = work_of(top, 0, top->now.count);

	if (!groups)
		return;
	json_number(json, "interval_ns", top->now.at - top->before.at);
	work_json(json, top, &all);
	array = json_array(json, "sessions");
	for (ULONG i = 0; i < top->now.sessions; i++) {
		item = json_item(array);
		json_id(item, "session_id", &groups[i].session->SessionId);
		json_text(item, "target_name", groups[i].session->TargetName);
		work_json(item, top, &groups[i].work);
		conns = json_array(item, "connections");
		for (ULONG j = 0; j < groups[i].count; j++)
			conn_json(json_item(conns), top, groups[i].first + j);
	}
	free(groups);
}

/* ---- looking */

static ISDSC_STATUS top_look(struct top *top)
{
	struct sample sample;
	ISDSC_STATUS status = sample_take(&sample);

	top->trouble = status;
	if (status)
		return status;
	sample_done(&top->before);
	top->before = top->now;
	top->now = sample;
	return 0;
}

static void seconds_wait(double seconds)
{
	struct timespec time = { (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) };

	nanosleep(&time, NULL);
}

static ISDSC_STATUS top_once(struct run *run, struct top *top)
{
	ISDSC_STATUS status;

	seconds_wait(top->seconds);
	status = top_look(top);
	if (status)
		return status;
	if (run->json)
		top_json(run->json, top);
	else
		top_put(stdout, top, 0);
	return 0;
}

static void top_draw(struct screen *screen, const struct top *top)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	top_put(out, top, (ULONG)screen->rows);
	fclose(out);
	screen_draw(screen, text);
	free(text);
}

/* A service that has gone may come back: it is said, and asked again. */
static ISDSC_STATUS top_live(struct top *top)
{
	enum screen_event event = SCREEN_TICK;
	struct screen screen;

	if (screen_open(&screen) < 0)
		return ERROR_IO_DEVICE;
	while (event != SCREEN_QUIT) {
		top_draw(&screen, top);
		event = screen_wait(&screen, (int)(top->seconds * 1000));
		if (event == SCREEN_TICK)
			top_look(top);
	}
	screen_close(&screen);
	return 0;
}

/* [seconds] [--once], in any order. */
static bool arguments_read(int argc, char **argv, double *ret_seconds, bool *ret_once)
{
	char *end;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--once") == 0) {
			*ret_once = true;
		} else if (read_given(argv[i])) {
			*ret_seconds = strtod(argv[i], &end);
			if (end == argv[i] || *end || !(*ret_seconds >= LEAST && *ret_seconds <= MOST))
				return false;
		}
	}
	return true;
}

ISDSC_STATUS top_run(struct run *run, int argc, char **argv)
{
	struct top top = { .seconds = 1 };
	bool once = false;
	ISDSC_STATUS status;

	if (!arguments_read(argc, argv, &top.seconds, &once)) {
		read_complain("the time between two looks is %g to %g seconds", LEAST, MOST);
		return ERROR_INVALID_PARAMETER;
	}
	status = top_look(&top);
	if (!status && (run->json || once || !screen_possible()))
		status = top_once(run, &top);
	else if (!status)
		status = top_live(&top);
	sample_done(&top.before);
	sample_done(&top.now);
	return status;
}
