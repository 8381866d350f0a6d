/* options.c - the command line of the test target: one table. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

enum kind { NUMBER, HEX, FLAG, TEXT, LISTEN, LIST };

static const struct option_row {
	const char *name;
	enum kind kind;
	size_t at;
	const char *help;
} rows[] = {
#define ROW(name, kind, member, help) { name, kind, offsetof(struct options, member), help }
	ROW("name", TEXT, name, "target name"),
	ROW("listen", LISTEN, listen,
	    "ADDRESS:PORT, IPv6 in brackets, port 0 for a free one; several times for portals"),
	ROW("luns", NUMBER, luns, "disks"),
	ROW("mib", NUMBER, mib, "size of each"),
	ROW("tpgt", NUMBER, tpgt, "portal group tag"),
	ROW("max-connections", NUMBER, max_connections, ""),
	ROW("queue", NUMBER, queue, "width of the command window"),
	ROW("max-recv", NUMBER, max_recv, "MaxRecvDataSegmentLength"),
	ROW("max-burst", NUMBER, max_burst, ""),
	ROW("first-burst", NUMBER, first_burst, ""),
	ROW("max-r2t", NUMBER, max_r2t, "MaxOutstandingR2T told; one at a time is sent"),
	ROW("initial-r2t", FLAG, initial_r2t, ""),
	ROW("immediate-data", FLAG, immediate_data, ""),
	ROW("digests", FLAG, digests, "take CRC32C where offered"),
	ROW("unsorted", FLAG, unsorted, "only commands wait for earlier numbers, as with istgt"),
	ROW("chap", TEXT, chap, "USER:SECRET of the initiator"),
	ROW("mutual", TEXT, mutual, "USER:SECRET of this target"),
	ROW("chap-algorithms", LIST, algorithms, "numbers in order of preference, with commas"),
	ROW("challenge-len", NUMBER, challenge_len, "bytes of CHAP_C"),
	ROW("deny", HEX, deny, "login status, such as 0301"),
	ROW("deny-times", NUMBER, deny_times, "only so many logins"),
	ROW("deny-added", HEX, deny_added, "login status of added connections, such as 0206"),
	ROW("new-session-on-add", FLAG, new_session_on_add, ""),
	ROW("group-on-add", NUMBER, group_on_add, "another TargetPortalGroupTag"),
	ROW("redirect", TEXT, redirect, "ADDRESS:PORT"),
	ROW("drop-after", NUMBER, drop_after, "received PDUs"),
	ROW("drop-times", NUMBER, drop_times, "only so many connections"),
	ROW("stall-after", NUMBER, stall_after, "received PDUs"),
	ROW("bad-header-digest", NUMBER, bad_header_digest, "in the n-th PDU sent"),
	ROW("bad-data-digest", NUMBER, bad_data_digest, "in the n-th PDU sent"),
	ROW("ping-ms", NUMBER, ping_ms, "NOP-In that often"),
	ROW("delay-ms", NUMBER, delay_ms, "before each SCSI answer"),
	ROW("reject-nth", NUMBER, reject_nth, "SCSI command"),
	ROW("async-event", NUMBER, async_event, "event + 1"),
	ROW("async-after", NUMBER, async_after, "SCSI commands"),
	ROW("not-ready", NUMBER, not_ready, "commands of a session"),
	ROW("unit-attention", NUMBER, unit_attention, "commands of a session"),
	ROW("busy", NUMBER, busy, "commands of a session"),
	ROW("swallow-login", FLAG, swallow_login, ""),
	ROW("wrong-chap-answer", FLAG, wrong_chap_answer, ""),
#undef ROW
};

static void usage(const char *bad)
{
	if (bad)
		fprintf(stderr, "mcs_target: %s is no option with such a value\n", bad);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(stderr, "  --%s=VALUE  %s\n", rows[i].name, rows[i].help);
	exit(2);
}

static void list_read(struct options *o, const char *text)
{
	char entry[8];

	o->algorithm_count = 0;
	while (o->algorithm_count < ALGORITHMS_MAX && text_list_next(&text, entry, sizeof(entry)))
		o->algorithms[o->algorithm_count++] = (uint8_t)atoi(entry);
}

static void value_set(struct options *o, const struct option_row *row, const char *value)
{
	void *at = (char *)o + row->at;

	switch (row->kind) {
	case NUMBER:
		*(unsigned *)at = (unsigned)strtoul(value, NULL, 10);
		return;
	case HEX:
		*(unsigned *)at = (unsigned)strtoul(value, NULL, 16);
		return;
	case FLAG:
		*(bool *)at = strcmp(value, "no") != 0;
		return;
	case TEXT:
		*(const char **)at = value;
		return;
	case LISTEN:
		if (o->listens == LISTEN_MAX)
			usage(value);
		o->listen[o->listens++] = value;
		return;
	case LIST:
		list_read(o, value);
		return;
	}
}

void options_read(int argc, char **argv)
{
	struct options *o = &target.options;

	*o = (struct options){
		.name = "iqn.2026-11.test:mcs", .luns = 1, .mib = 64, .tpgt = 1, .max_connections = 8,
		.queue = 32, .max_recv = 262144, .max_burst = 1048576, .first_burst = 65536,
		.max_r2t = 1, .immediate_data = true, .digests = true,
		.algorithms = { 8, 7, 6, 5 }, .algorithm_count = 4, .challenge_len = 16,
	};
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *value = strchr(word, '=');
		size_t len = value ? (size_t)(value - word) : strlen(word), row;

		for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
			if (len > 2 && strncmp(word, "--", 2) == 0 &&
			    strlen(rows[row].name) == len - 2 &&
			    strncmp(word + 2, rows[row].name, len - 2) == 0)
				break;
		if (row == sizeof(rows) / sizeof(rows[0]) || (!value && rows[row].kind != FLAG))
			usage(word);
		value_set(o, &rows[row], value ? value + 1 : "yes");
	}
	if (o->listens == 0)
		o->listen[o->listens++] = "127.0.0.1:0";
	if (o->luns > LUNS_MAX || o->luns == 0 || o->mib == 0)
		usage("--luns or --mib");
}
