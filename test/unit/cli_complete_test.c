/*
 * cli_complete_test.c - which words the tool offers a shell. The library's lists stand here.
 */
#include "cli_fake.h"

#include "cli/complete.h"

#include <iscsidsc_ext.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool service = true;

ISDSC_STATUS ISDSC_API ReportIScsiTargetsA(BOOLEAN force, PULONG size, PCHAR buffer)
{
	static const char list[] = "iqn.2026-11.test:one\0iqn.2026-11.test:two\0eui.0011223344556677\0";

	assert_false(force); /* no portal is asked for a key pressed */
	if (!service)
		return ISDSC_SERVICE_NOT_RUNNING;
	memcpy(buffer, list, sizeof(list));
	*size = sizeof(list);
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiSessionListA(PULONG size, PULONG count, PISCSI_SESSION_INFOA list)
{
	*size = 2 * sizeof(*list);
	*count = 2;
	list[0] = (ISCSI_SESSION_INFOA){ .SessionId = { 0xf1, 0xa1 } };
	list[1] = (ISCSI_SESSION_INFOA){ .SessionId = { 0xf1, 0xb2 } };
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiConnectionCounters(PISCSI_UNIQUE_SESSION_ID session, PULONG size,
	PULONG count, PISCSI_CONNECTION_COUNTERS list)
{
	assert_non_null(session);
	*size = *count = 0;
	if (session->AdapterSpecific != 0xb2)
		return ISDSC_INVALID_SESSION_ID;
	list[0] = (ISCSI_CONNECTION_COUNTERS){ .Size = sizeof(*list), .ConnectionId = { 0xf1, 5 } };
	*count = 1;
	return 0;
}

ISDSC_STATUS ISDSC_API ReportIScsiSendTargetPortalsExA(PULONG count, PULONG size,
	PISCSI_TARGET_PORTAL_INFO_EXA list)
{
	list[0] = (ISCSI_TARGET_PORTAL_INFO_EXA){ .Address = "10.0.0.1", .Socket = 3261 };
	list[1] = (ISCSI_TARGET_PORTAL_INFO_EXA){ .Address = "fe80::1", .Socket = 3262 };
	*count = 2;
	*size = 2 * sizeof(*list);
	return 0;
}

ISDSC_STATUS ISDSC_API GetIScsiTargetInformationA(PSTR target, PSTR mechanism,
	TARGET_INFORMATION_CLASS class, PULONG size, PVOID buffer)
{
	static const char list[] = "SendTargets:a\0iSNS:b\0";

	assert_string_equal(target, "iqn.x");
	assert_null(mechanism);
	assert_int_equal(class, DiscoveryMechanisms);
	memcpy(buffer, list, sizeof(list));
	*size = sizeof(list);
	return 0;
}

/* What is offered for the last line. */
static char *offered(const char *lines)
{
	char *copy = strdup(lines), *text = NULL;
	size_t size;
	FILE *in = fmemopen(copy, strlen(copy), "r"), *out = open_memstream(&text, &size);

	complete_lines(out, in);
	fclose(in);
	fclose(out);
	free(copy);
	return text;
}

static void commands(void **state)
{
	char *text = offered("\n");
	size_t lines = 0, known = 0;

	(void)state;
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	for (const struct command *command = command_table; command->name; command++)
		known++;
	assert_int_equal(lines, known + 1); /* help */
	free(text);
	expect("QLoginTarget\n", offered("qlOG\n"));
	expect("Ping\n", offered("help\nPi\n"));
	expect("", offered("help\nPing\nP\n"));
	expect("", offered("nonsense\nP\n"));
	expect("--json\n--version\n", offered("--\n"));
	expect("SessionList\n", offered("--json\nSess\n"));
}

static void arguments(void **state)
{
	static const struct {
		const char *lines, *offered;
	} rows[] = {
		{ "QLoginTarget\n\n", "iqn.2026-11.test:one\niqn.2026-11.test:two\neui.0011223344556677\n" },
		{ "QLoginTarget\nIQN.2026-11.test:t\n", "iqn.2026-11.test:two\n" },
		{ "QLoginTarget\niqn.2026-11.test:two\n\n", "" }, /* a user name */
		{ "logouttarget\n\n", "f1-a1\nf1-b2\n" },
		{ "--json\nLogoutTarget\nf1-b\n", "f1-b2\n" },
		{ "RemoveConnection\nf1-b2\n\n", "f1-5\n" },
		{ "RemoveConnection\nf1-a1\n\n", "" },
		{ "RemoveConnection\nx\n\n", "" },
		{ "SetLoadBalancePolicy\nf1-b2\nRoundR\n", "RoundRobin\nRoundRobinSubset\n" },
		{ "SetLoadBalancePolicy\nf1-b2\nAdaptive\n\n", "f1-5\n" },
		/* The group may come again. */
		{ "SetLoadBalancePolicy\nf1-b2\nAdaptive\nf1-5\n1\n0\n\n", "f1-5\n" },
		{ "SetLoadBalancePolicy\nf1-b2\nAdaptive\nf1-5\n\n", "" },
		{ "TaskManagement\nf1-b2\nLun\n", "LunReset\n" },
		{ "RefreshTargetPortal\n\n", "10.0.0.1\nfe80::1\n" },
		{ "RefreshTargetPortal\nfe80::1\n\n", "3262\n" },
		{ "AddTargetPortal\n192.0.2.1\n\n", "3260\n" },
		{ "TargetInfo\niqn.x\nis\n", "iSNS:b\n" },
		{ "ListTargets\n\n", "T\nF\n" },
		{ "ListTargets\nT\n\n", "" },
		{ "Top\n1\n\n", "--once\n" },
		{ "NodeName\n\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].offered, offered(rows[i].lines));
}

static void nobody_there(void **state)
{
	(void)state;
	service = false;
	expect("", offered("QLoginTarget\n\n"));
	service = true;
}

/* No command line is too long, and none at all is none. */
static void many_words(void **state)
{
	char *lines = malloc(10000);

	(void)state;
	strcpy(lines, "SetLoadBalancePolicy\n");
	for (int i = 0; i < 4000; i++)
		strcat(lines, "x\n");
	free(offered(lines));
	free(lines);
	expect("", offered("Show\n\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands), cmocka_unit_test(arguments), cmocka_unit_test(nobody_there),
		cmocka_unit_test(many_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
