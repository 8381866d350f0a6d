/*
 * cli_show_test.c - Show: each session has its own connections and numbers, in whatever order the
 * listings come, and also where a session came or went between two of them. The library's functions
 * stand here.
 */
#include "cli_fake.h"

#include <iscsidsc_ext.h>

#include <stdlib.h>
#include <string.h>

/* The sessions of each listing, in its order; one connection counts once. 0 ends. */
static const ULONGLONG *listed, *listed_ex, *counted;

static ULONG count_of(const ULONGLONG *list)
{
	ULONG count = 0;

	while (list[count])
		count++;
	return count;
}

ISDSC_STATUS ISDSC_API GetIScsiInitiatorNodeNameA(PCHAR name)
{
	strcpy(name, "iqn.host");
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG size, PULONG count, PISCSI_SESSION_INFOA list)
{
	static char name[] = "iqn.x";

	*count = count_of(listed);
	*size = *count * (ULONG)sizeof(*list);
	for (ULONG i = 0; i < *count; i++)
		list[i] = (ISCSI_SESSION_INFOA){ .SessionId = { 1, listed[i] }, .InitiatorName = name,
						 .TargetName = name };
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiSessionListEx(PULONG size, PULONG count, PISCSI_SESSION_INFO_EX list)
{
	*count = count_of(listed_ex);
	*size = *count * (ULONG)sizeof(*list);
	for (ULONG i = 0; i < *count; i++)
		list[i] = (ISCSI_SESSION_INFO_EX){ .SessionId = { 1, listed_ex[i] },
						   .MaximumConnections = (USHORT)listed_ex[i] };
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiConnectionCounters(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_CONNECTION_COUNTERS list)
{
	static char address[] = "10.0.0.1";

	assert_null(session);
	*count = count_of(counted);
	*size = *count * (ULONG)sizeof(*list);
	for (ULONG i = 0; i < *count; i++)
		list[i] = (ISCSI_CONNECTION_COUNTERS){
			.Size = sizeof(*list), .SessionId = { 1, counted[i] }, .ConnectionId = { 1, i },
			.Cid = (USHORT)(counted[i] * 10), .InitiatorAddress = address,
			.TargetAddress = address,
		};
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiProtectedConnections(PULONG size, PULONG count,
	PISCSI_CONNECTION_PROTECTION protections)
{
	(void)protections;
	*size = *count = 0;
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiSessionState(PISCSI_UNIQUE_SESSION_ID session, PISCSI_SESSION_STATE state)
{
	(void)session;
	state->IsUp = TRUE;
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiDiskInformation(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_DISK_INFO disks)
{
	(void)session;
	(void)disks;
	*size = *count = 0;
	return 0;
}

/* The session's connections are as many as it was counted, all its own; what was negotiated is its own. */
static void session_check(const struct json_object *session, ULONGLONG id)
{
	const struct json_object *conns = json_object_object_get(session, "connections");
	const struct json_object *most = json_object_object_get(session, "max_connections");
	size_t expected = 0;
	bool known = false;

	for (const ULONGLONG *at = counted; *at; at++)
		expected += *at == id;
	for (const ULONGLONG *at = listed_ex; *at; at++)
		known |= *at == id;
	assert_int_equal(json_object_array_length(conns), expected);
	for (size_t i = 0; i < expected; i++)
		assert_int_equal(json_object_get_int(json_object_object_get(
			json_object_array_get_idx(conns, i), "cid")), id * 10);
	assert_int_equal(most != NULL, known);
	if (known)
		assert_int_equal(json_object_get_int(most), id);
}

static void show_check(void)
{
	struct json_object *json = json_object_new_object();
	const struct json_object *sessions;

	expect("", output(0, json, WORDS("Show")));
	sessions = json_object_object_get(json, "sessions");
	assert_int_equal(json_object_array_length(sessions), count_of(listed));
	for (size_t i = 0; listed[i]; i++)
		session_check(json_object_array_get_idx(sessions, i), listed[i]);
	json_object_put(json);
}

#define LIST(...) (const ULONGLONG[]){ __VA_ARGS__ }

static void in_any_order(void **state)
{
	(void)state;
	listed = LIST(1, 2, 3, 4, 0);
	listed_ex = LIST(1, 2, 3, 4, 0);
	counted = LIST(1, 1, 2, 3, 3, 3, 4, 0);
	show_check();
	listed_ex = LIST(4, 2, 1, 3, 0);
	counted = LIST(3, 2, 2, 4, 4, 1, 0);
	show_check();
}

static void some_come_and_go(void **state)
{
	(void)state;
	listed = LIST(1, 2, 3, 4, 0);
	listed_ex = LIST(2, 4, 5, 0);
	counted = LIST(2, 2, 3, 5, 0);
	show_check();
	listed_ex = LIST(0);
	counted = LIST(0);
	show_check();
	listed = LIST(0);
	show_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order), cmocka_unit_test(some_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
