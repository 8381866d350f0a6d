/* options.c - the command line of the test target: one table. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

enum kind { NUMBER, BYTE, MILLISECONDS, STATUS, FLAG, TEXT, FAULT, USER_SECRET, LISTEN };

static const struct option_row {
	const char *name;
	enum kind kind;
	size_t at;
	const char *help;
} rows[] = {
#define ROW(name, kind, member, help) { name, kind, offsetof(struct options, member), help }
	ROW("name", TEXT, peer.target, "target name"),
	ROW("listen", LISTEN, peer.portal,
	    "ADDRESS:PORT, IPv6 in brackets, port 0 for a free one; several times for portals"),
	ROW("luns", NUMBER, peer.luns, "disks"),
	ROW("mib", NUMBER, mib, "size of each"),
	ROW("tpgt", NUMBER, peer.tpgt, "portal group tag"),
	ROW("queue", NUMBER, peer.queue, "width of the command window"),

	/* what is negotiated */
	ROW("level", NUMBER, peer.level, "ErrorRecoveryLevel"),
	ROW("max-connections", NUMBER, peer.max_connections, ""),
	ROW("max-recv", NUMBER, peer.max_recv, "MaxRecvDataSegmentLength"),
	ROW("max-burst", NUMBER, peer.max_burst, ""),
	ROW("first-burst", NUMBER, peer.first_burst, ""),
	ROW("max-r2t", NUMBER, peer.max_r2t, "MaxOutstandingR2T"),
	ROW("initial-r2t", FLAG, peer.initial_r2t, ""),
	ROW("immediate-data", FLAG, peer.immediate_data, ""),
	ROW("digests", FLAG, peer.digests, "take CRC32C where offered"),
	ROW("pdu-in-order", FLAG, peer.pdu_in_order, "DataPDUInOrder"),
	ROW("sequence-in-order", FLAG, peer.sequence_in_order, "DataSequenceInOrder"),
	ROW("time2wait", NUMBER, peer.time2wait, "seconds"),
	ROW("time2retain", NUMBER, peer.time2retain, "seconds"),
	ROW("task-reporting", TEXT, peer.task_reporting, "values known, with commas"),
	ROW("protocol-level", NUMBER, peer.protocol_level, ""),
	ROW("chap", USER_SECRET, peer.chap_user, "USER:SECRET of the initiator"),
	ROW("mutual", USER_SECRET, peer.mutual_user, "USER:SECRET of this target"),
	ROW("chap-algorithm", BYTE, peer.chap_algorithm, "5 to 8"),
	ROW("challenge-len", NUMBER, peer.challenge_len, "bytes of CHAP_C"),

	/* habits */
	ROW("delay-ms", MILLISECONDS, peer.delay, "a command takes up to so long"),
	ROW("ping-ms", MILLISECONDS, peer.ping_every, "NOP-In that often"),
	ROW("status-in-data", FLAG, peer.status_in_data, "good reads end without a SCSI Response"),
	ROW("data-in-len", NUMBER, peer.data_in_len, "bytes of one Data-In at most"),
	ROW("r2t-len", NUMBER, peer.r2t_len, "bytes asked for by one R2T at most"),
	ROW("acknowledge", NUMBER, peer.acknowledge, "one in so many sequences asks for DataACK"),
	ROW("text-chunk", NUMBER, peer.text_chunk, "bytes of text in one PDU"),
	ROW("unsorted", FLAG, unsorted, "only commands wait for earlier numbers, as with istgt"),
	ROW("strict-numbers", FLAG, peer.strict_numbers, "it can't sort numbers at all"),
	ROW("unit-attention", FLAG, peer.unit_attention, "on each disk, when a session begins"),
	ROW("busy", NUMBER, peer.busy, "one in so many commands"),
	ROW("busies", NUMBER, peer.busies, "only so many"),
	ROW("early-status", NUMBER, peer.early_status, "one in so many writes ends early"),
	ROW("hang", NUMBER, peer.hang, "one in so many commands is not answered"),
	ROW("hangs", NUMBER, peer.hangs, "only so many"),
	ROW("manage-most", NUMBER, peer.manage_most, "task management functions at a time"),

	/* lies */
	ROW("level-had", NUMBER, peer.lies.level_had, "whatever was negotiated"),
	ROW("manage-answer", NUMBER, peer.lies.manage_answer, "to task management functions"),
	ROW("reassign-answer", NUMBER, peer.lies.reassign_answer, "to TASK REASSIGN"),
	ROW("cleanup-answer", NUMBER, peer.lies.cleanup_answer, "to a Logout of another connection"),
	ROW("snack-refused", FLAG, peer.lies.snack_refused, ""),
	ROW("lies", NUMBER, peer.lies.most, "only so many of these"),

	/* logins */
	ROW("deny", STATUS, peer.deny, "login status, such as 0301"),
	ROW("deny-added", STATUS, peer.deny_added, "login status of added connections, such as 0206"),
	ROW("deny-times", NUMBER, peer.deny_times, "only so many logins"),
	ROW("new-session-on-add", FLAG, peer.new_session_on_add, ""),
	ROW("group-on-add", NUMBER, peer.group_on_add, "another TargetPortalGroupTag"),
	ROW("redirect", TEXT, peer.redirect, "ADDRESS:PORT"),
	ROW("redirect-times", NUMBER, peer.redirect_times, "only so many logins"),
	ROW("swallow-login", FLAG, swallow_login, "TCP is taken, nothing answered"),

	/* faults */
	ROW("fault", FAULT, peer.fault, "a fault of the model by its name; --fault=list lists them"),
	ROW("fault-after", NUMBER, peer.fault_after, "PDUs that are left alone first"),
	ROW("fault-every", NUMBER, peer.fault_every, "PDUs between two faults"),
	ROW("fault-times", NUMBER, peer.fault_times, "only so many"),
	ROW("flips", FLAG, peer.flips, "wrong digests are not the initiator's doing"),
	ROW("damage", NUMBER, peer.damage, "every so many-th data segment received is damaged"),
	ROW("crc-status", FLAG, peer.crc_status, "some writes whose data were damaged end so: 0B/47/05"),
	ROW("drop-after", NUMBER, drop_after, "received PDUs"),
	ROW("drop-times", NUMBER, drop_times, "only so many connections"),
	ROW("stall-after", NUMBER, stall_after, "received PDUs"),
#undef ROW
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static _Noreturn void usage(const char *bad)
{
	if (bad)
		fprintf(stderr, "mcs_target: %s is no option with such a value\n", bad);
	for (size_t i = 0; i < ROWS; i++)
		fprintf(stderr, "  --%s=VALUE  %s\n", rows[i].name, rows[i].help);
	exit(2);
}

static const char *fault_find(const char *name)
{
	bool list = strcmp(name, "list") == 0;

	for (unsigned i = 0; i < peer_fault_count(); i++) {
		struct peer_fault_info info = peer_fault_info(i);

		if (list)
			printf("%s\n", info.name);
		else if (strcmp(info.name, name) == 0)
			return info.name;
	}
	if (list)
		exit(0);
	usage(name);
}

/* The user, which may be an iSCSI name, and behind it in the structure the secret. */
static void pair_set(const char **at, char *value)
{
	char *colon = strrchr(value, ':');

	if (!colon)
		usage(value);
	*colon = 0;
	at[0] = value;
	at[1] = colon + 1;
}

static void value_set(struct options *o, const struct option_row *row, char *value)
{
	void *at = (char *)o + row->at;

	switch (row->kind) {
	case NUMBER:
		*(unsigned *)at = (unsigned)strtoul(value, NULL, 10);
		return;
	case BYTE:
		*(uint8_t *)at = (uint8_t)strtoul(value, NULL, 10);
		return;
	case MILLISECONDS:
		*(uint64_t *)at = strtoull(value, NULL, 10) * 1000000;
		return;
	case STATUS:
		*(uint16_t *)at = (uint16_t)strtoul(value, NULL, 16);
		return;
	case FLAG:
		*(bool *)at = strcmp(value, "no") != 0;
		return;
	case TEXT:
		*(const char **)at = value;
		return;
	case FAULT:
		*(const char **)at = fault_find(value);
		return;
	case USER_SECRET:
		pair_set(at, value);
		return;
	case LISTEN:
		if (o->peer.portals == LISTEN_MAX)
			usage(value);
		o->peer.portal[o->peer.portals++] = value;
		return;
	}
}

static void word_read(struct options *o, char *word)
{
	static char yes[] = "yes";
	char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : strlen(word);

	for (size_t i = 0; i < ROWS; i++) {
		if (len <= 2 || strncmp(word, "--", 2) || strlen(rows[i].name) != len - 2 ||
		    strncmp(word + 2, rows[i].name, len - 2) || (!value && rows[i].kind != FLAG))
			continue;
		value_set(o, &rows[i], value ? value + 1 : yes);
		return;
	}
	usage(word);
}

void options_read(struct options *ret, int argc, char **argv)
{
	struct options o = { .mib = 64 };

	peer_options_default(&o.peer);
	o.peer.target = "iqn.2026-11.test:mcs";
	o.peer.portals = 0;
	o.peer.max_recv = 262144;
	o.peer.max_burst = 1048576;
	o.peer.first_burst = 65536;
	o.peer.initial_r2t = false;
	o.peer.redirect_times = 1;
	for (int i = 1; i < argc; i++)
		word_read(&o, argv[i]);
	if (o.peer.portals == 0)
		o.peer.portal[o.peer.portals++] = "127.0.0.1:0";
	if (o.peer.luns > PEER_LUNS || !o.peer.luns || !o.mib || o.mib > MIB_MAX || !o.peer.queue)
		usage("--luns, --mib or --queue");
	o.peer.blocks = o.mib * (1 << 20) / PEER_BLOCK;
	o.peer.strict_immediate = o.peer.unsorted = o.unsorted;
	/* A fault of ours or of the wire may be answered in kind. */
	o.peer.flips |= o.peer.damage != 0;
	*ret = o;
}
