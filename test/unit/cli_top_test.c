/*
 * cli_top_test.c - what happens between two looks at the counters, and Top where it looks once. The
 * library's functions stand here: two sessions, of which one gets and loses connections.
 */
#include "cli_fake.h"

#include "cli/sample.h"

#include <iscsidsc_ext.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 2
#define CONNS 3

static int looks;             /* calls so far */
static ISDSC_STATUS status;
static ULONG conn_count = CONNS;
static ULONGLONG busy = 1;     /* which session has most to do */

ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG size, PULONG count, PISCSI_SESSION_INFOA list)
{
	static char first[] = "iqn.first", second[] = "iqn.second", host[] = "iqn.host";
	ULONG room = *size;

	*count = SESSIONS;
	*size = SESSIONS * sizeof(*list);
	if (status || room < *size)
		return status ? status : ERROR_INSUFFICIENT_BUFFER;
	for (ULONG i = 0; i < SESSIONS; i++)
		list[i] = (ISCSI_SESSION_INFOA){ .SessionId = { 0xf1, 0xa0 + i }, .InitiatorName = host,
						 .TargetName = i ? second : first };
	return 0;
}

/* Each look finds 100 commands more on connection 1, of 50 us and 4096 read bytes each. */
ISDSC_STATUS ISDSC_API GetIScsiConnectionCounters(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_CONNECTION_COUNTERS list)
{
	static char local[] = "10.0.0.9", remote[] = "10.0.0.1";
	ULONG room = *size;

	assert_null(session);
	*count = conn_count;
	*size = conn_count * (ULONG)sizeof(*list);
	if (room < *size)
		return ERROR_INSUFFICIENT_BUFFER;
	looks++;
	for (ULONG i = 0; i < conn_count; i++) {
		bool works = i == busy;
		ULONGLONG done = works ? 1000 + 100 * (ULONGLONG)looks : 7;

		list[i] = (ISCSI_CONNECTION_COUNTERS){
			.Size = sizeof(*list), .Cid = (USHORT)(i + 1),
			.State = i == 2 ? ISCSI_CONNECTION_STATE_RECONNECTING
					: ISCSI_CONNECTION_STATE_FULL_FEATURE,
			.ConnectionId = { 0xf1, i + 1 }, .SessionId = { 0xf1, i < 2 ? 0xa0 : 0xa1 },
			.InitiatorAddress = local, .TargetAddress = remote, .InitiatorSocket = 40000,
			.TargetSocket = 3260, .QueueDepth = i, .RoundTrip = i == 0 ? 1500000 : 0,
			.Reconnects = i == 2 ? 3 : 0, .CommandsAnswered = done, .CommandTime = done * 50000,
			.DataIn = done * 4096, .DataOut = works ? 4096 : 9,
		};
	}
	return 0;
}

static int setup(void **state)
{
	(void)state;
	looks = 0;
	status = 0;
	conn_count = CONNS;
	busy = 1;
	return 0;
}

static void between_two_looks(void **state)
{
	struct sample before = { 0 }, now = { 0 }, none = { 0 };
	struct work work = { 0 }, idle = { 0 }, unknown = { 0 }, empty = { 0 };

	(void)state;
	assert_int_equal(sample_take(&before), 0);
	assert_int_equal(sample_take(&now), 0);
	before.at = 5;
	now.at = before.at + 500000000;
	work_add(&work, &before, &now, 1);
	assert_int_equal(work.commands, 100);
	assert_int_equal(work.in, 409600);
	assert_int_equal(work.out, 0);
	assert_int_equal(work.queue, 1);
	assert_int_equal(work_latency(&work), 50000);
	assert_true(work_rate(work.commands, &before, &now) == 200);
	work_add(&idle, &before, &now, 0);
	assert_int_equal(idle.commands, 0);
	assert_int_equal(work_latency(&idle), 0);
	/* What was not there before has no rate yet; nor has what happened in no time. */
	work_add(&unknown, &none, &now, 1);
	assert_int_equal(unknown.commands + unknown.in, 0);
	assert_int_equal(unknown.queue, 1);
	assert_true(work_rate(100, &now, &now) == 0);
	/* Counters that go back are those of something new. */
	work_add(&empty, &now, &before, 1);
	assert_int_equal(empty.commands + empty.in + empty.time, 0);
	sample_done(&before);
	sample_done(&now);
}

/* A connection is found again although others went before it. */
static void places_change(void **state)
{
	struct sample before = { 0 }, now = { 0 };
	struct work work = { 0 };

	(void)state;
	assert_int_equal(sample_take(&before), 0);
	assert_int_equal(sample_take(&now), 0);
	memmove((ISCSI_CONNECTION_COUNTERS *)now.list, (ISCSI_CONNECTION_COUNTERS *)now.list + 1,
		2 * sizeof(ISCSI_CONNECTION_COUNTERS));
	now.count = 2;
	work_add(&work, &before, &now, 0);
	assert_int_equal(work.commands, 100);
	sample_done(&before);
	sample_done(&now);
}

/* Standard output is no terminal here: one look, and all lines. */
static void as_text(void **state)
{
	static const char *const lines[] = {
		"2 sessions, 3 connections, every 0.1 s",
		"   I/O/s      read/s   written/s    latency  queue",
		"  all", "  iqn.first  f1-a0", "  iqn.second  f1-a1",
		"50.0 us      1    CID 2  10.0.0.9/40000 -> 10.0.0.1/3260\n",
		"      -      0    CID 1  10.0.0.9/40000 -> 10.0.0.1/3260  round trip 1.50 ms\n",
		"      -      2    CID 3  10.0.0.9/40000 -> 10.0.0.1/3260  reconnecting  reconnects 3\n",
	};
	char *text = output(0, NULL, WORDS("Top", "0.1"));

	(void)state;
	assert_int_equal(looks, 2);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("not in the output: %s\n%s", lines[i], text);
	assert_null(strchr(text, '\033'));
	free(text);
	text = output(0, NULL, WORDS("top", "--once", "0.1"));
	assert_non_null(strstr(text, "2 sessions"));
	free(text);
}

static ULONGLONG number(struct json_object *json, const char *name)
{
	return (ULONGLONG)json_object_get_int64(json_object_object_get(json, name));
}

static void as_json(void **state)
{
	struct json_object *json = json_object_new_object(), *sessions, *first, *conns;
	ULONGLONG rate, interval;

	(void)state;
	expect("", output(0, json, WORDS("Top", "0.2", "--once")));
	interval = number(json, "interval_ns");
	rate = number(json, "io_per_second");
	assert_true(interval >= 200000000);
	/* 100 commands in this time. */
	assert_in_range(rate * interval / 1000000000, 98, 102);
	sessions = json_object_object_get(json, "sessions");
	assert_int_equal(json_object_array_length(sessions), 2);
	first = json_object_array_get_idx(sessions, 0);
	assert_int_equal(number(first, "io_per_second"), rate);
	assert_int_equal(number(first, "latency_ns"), 50000);
	assert_int_equal(number(first, "queue"), 1);
	conns = json_object_object_get(first, "connections");
	assert_int_equal(json_object_array_length(conns), 2);
	assert_int_equal(number(json_object_array_get_idx(conns, 1), "cid"), 2);
	json_object_put(json);
}

static void a_session_without_connections(void **state)
{
	struct json_object *json = json_object_new_object(), *sessions;

	(void)state;
	conn_count = 2;
	expect("", output(0, json, WORDS("Top", "0.1")));
	sessions = json_object_object_get(json, "sessions");
	assert_int_equal(json_object_array_length(json_object_object_get(
		json_object_array_get_idx(sessions, 1), "connections")), 0);
	json_object_put(json);
	conn_count = 0;
	free(output(0, NULL, WORDS("Top", "0.1")));
}

static void refused(void **state)
{
	static const char *const bad[] = { "0", "-1", "0.01", "4000", "x", "1s", "nan", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect("", output(ERROR_INVALID_PARAMETER, NULL, WORDS("Top", bad[i])));
	assert_int_equal(looks, 0);
	status = ISDSC_SERVICE_NOT_RUNNING;
	expect("", output(ISDSC_SERVICE_NOT_RUNNING, NULL, WORDS("Top")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(between_two_looks, setup), cmocka_unit_test_setup(places_change, setup),
		cmocka_unit_test_setup(as_text, setup), cmocka_unit_test_setup(as_json, setup),
		cmocka_unit_test_setup(a_session_without_connections, setup),
		cmocka_unit_test_setup(refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
