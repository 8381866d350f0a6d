/*
 * control.c - lines of standard input:
 *
 *   cut [CID]         connections end at once; without CID all
 *   silence [CID]     their TCP does not even acknowledge any more
 *   async EVENT [P1 P2 P3]  an Async Message on every connection
 *   ping              a NOP-In on every connection
 *   attention LUN CODE      a unit attention (ASC and ASCQ, hexadecimal) for all
 *   units LUNS BLOCKS       so many disks of so many blocks from now on, at most what it began with
 *   restart           connections are closed, sessions forgotten
 *   count             prints "count N", the connections in full feature phase
 *   counts            prints how often things happened
 *   quit
 *
 * Every line is answered by one.
 */
#include <stdio.h>
#include <string.h>

#include "target.h"

static void run_cut(struct conn *c, const unsigned *arg)
{
	(void)arg;
	conn_cut(c);
}

static void run_silence(struct conn *c, const unsigned *arg)
{
	(void)arg;
	conn_silence(c);
}

static void run_async(struct conn *c, const unsigned *arg)
{
	peer_conn_async(c->peer, (uint8_t)arg[0], (uint16_t)arg[1], (uint16_t)arg[2],
			(uint16_t)arg[3]);
}

static void run_ping(struct conn *c, const unsigned *arg)
{
	(void)arg;
	peer_conn_ping(c->peer);
}

static const struct {
	const char *name;
	bool by_cid; /* the number is a CID */
	void (*run)(struct conn *conn, const unsigned *arg);
} commands[] = {
	{ "cut", true, run_cut }, { "silence", true, run_silence }, { "async", false, run_async },
	{ "ping", false, run_ping }, { "count", false, NULL },
};

/* ---------------------------------------------------------------- counts */

void control_print_counts(const struct target *target)
{
	const struct peer_counts *n = peer_counts(target->peer);
	const struct { const char *name; unsigned count; } rows[] = {
		{ "sessions", n->sessions }, { "sessions-reinstated", n->sessions_reinstated },
		{ "reinstated", n->reinstated }, { "continued", n->continued },
		{ "expired", n->expired }, { "cleanups", n->cleanups[0] },
		{ "cleanups-refused", n->cleanups[1] + n->cleanups[2] },
		{ "reassigned", n->reassigned[0] }, { "reassigned-gone", n->reassigned[1] },
		{ "retries", n->retries }, { "duplicates", n->duplicates },
		{ "snack-data", n->snack[0] }, { "snack-status", n->snack[1] },
		{ "snack-ack", n->snack[2] }, { "snack-r-data", n->snack[3] },
		{ "snacks-refused", n->snacks_refused }, { "repeated", n->pdus_repeated },
		{ "rejects", n->rejects }, { "recovery-r2ts", n->recovery_r2ts },
		{ "data-digests", n->data_digests }, { "faults", peer_faults_done(target->peer) },
		{ "aborted", n->tasks_aborted }, { "lies", n->lies }, { "hung", n->hung },
		{ "pdus-in", n->pdus_in }, { "pdus-out", n->pdus_out },
	};

	printf("counts");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf(" %s=%u", rows[i].name, rows[i].count);
	printf(" end\n");
}

/* ---------------------------------------------------------------- lines */

static bool conn_meant(const struct conn *c, bool by_cid, int numbers, const unsigned *arg)
{
	if (!c->peer || !peer_conn_full_feature(c->peer))
		return false;
	return !by_cid || numbers == 0 || peer_conn_cid(c->peer) == arg[0];
}

static void each_conn(struct target *target, size_t command, int numbers, const unsigned *arg)
{
	unsigned n = 0;

	list_for_each(it, &target->conns) {
		struct conn *c = list_entry(it, struct conn, link);

		if (!conn_meant(c, commands[command].by_cid, numbers, arg))
			continue;
		n++;
		if (commands[command].run)
			commands[command].run(c, arg);
	}
	printf("%s %u\n", commands[command].name, n);
}

bool control_obey(struct target *target, const char *line)
{
	char word[16] = "";
	unsigned arg[4] = { 0 }, code;
	int numbers = sscanf(line, "%15s %u %u %u %u", word, &arg[0], &arg[1], &arg[2], &arg[3]) - 1;

	if (strcmp(word, "quit") == 0)
		return false;
	if (strcmp(word, "counts") == 0) {
		control_print_counts(target);
		return true;
	}
	if (strcmp(word, "restart") == 0) {
		peer_restart(target->peer);
		printf("restart\n");
		return true;
	}
	if (sscanf(line, "attention %u %x", &arg[0], &code) == 2 && arg[0] < PEER_LUNS) {
		peer_unit_attention(target->peer, arg[0], (uint16_t)code);
		printf("attention\n");
		return true;
	}
	if (strcmp(word, "units") == 0 && numbers == 2) {
		printf("units %d\n", peer_resize(target->peer, arg[0], arg[1]));
		return true;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(word, commands[i].name))
			continue;
		each_conn(target, i, numbers, arg);
		return true;
	}
	printf("unknown: %s", line);
	return true;
}
