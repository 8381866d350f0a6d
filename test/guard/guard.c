/*
 * guard.c - what fixed loads cost, in calls of the system and PDUs; under callgrind also in
 * instructions. The real drive and loop, against peer.h. See guard.py, which runs it and compares.
 *
 * Prints a line for each count, "count SCENARIO NAME NUMBER", and for each path that callgrind writes
 * a profile of, in their order, "path NAME COMMANDS"; then "compiler NAME". Tabs are between fields.
 */
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive/drive.h"
#include "scsi/cdb.h"
#include "wrap.h"

enum { COMMANDS = 32, SIZE = 65536, WARMING = 3 };

enum kind { KIND_STATUS, KIND_READ, KIND_WRITE };

static const struct scenario {
	const char *name;
	enum kind kind;
	uint32_t size;
	unsigned commands;
	bool digests, foreign; /* foreign: given by another thread */
	const char *path;
	enum wrap_mark mark;
	unsigned more_conns; /* than one */
	unsigned again;      /* so many commands are given when others come back */
} scenarios[] = {
	{ "status-x32", KIND_STATUS, 0, 32, false, false, "response-decode", MARK_LAND, 0, 0 },
	{ "read-4k-x1", KIND_READ, 4096, 1, false, false, NULL, MARK_NONE, 0, 0 },
	{ "read-4k-x32", KIND_READ, 4096, 32, false, false, "read-queue", MARK_QUEUE, 0, 0 },
	{ "read-4k-x32-landing", KIND_READ, 4096, 32, false, false, "data-in-4k", MARK_LAND, 0, 0 },
	{ "read-64k-x8", KIND_READ, 65536, 8, false, false, NULL, MARK_NONE, 0, 0 },
	{ "write-4k-x1", KIND_WRITE, 4096, 1, false, false, NULL, MARK_NONE, 0, 0 },
	{ "write-4k-x32", KIND_WRITE, 4096, 32, false, false, "write-4k", MARK_ALL, 0, 0 },
	{ "write-64k-x8", KIND_WRITE, 65536, 8, false, false, "write-64k", MARK_ALL, 0, 0 },
	{ "foreign-read-4k-x32", KIND_READ, 4096, 32, false, true, NULL, MARK_NONE, 0, 0 },
	{ "digests-read-4k-x32", KIND_READ, 4096, 32, true, false, NULL, MARK_NONE, 0, 0 },
	{ "digests-write-64k-x8", KIND_WRITE, 65536, 8, true, false, NULL, MARK_NONE, 0, 0 },
	{ "read-4k-x32-4-conns", KIND_READ, 4096, 32, false, false, NULL, MARK_NONE, 3, 32 },
};

static struct {
	struct mailbox box;
	struct drive *drive;
	struct nexus *nexus;
	unsigned answers, ended, overs;
	struct fault fault;
	const struct scenario *scenario;
	enum wrap_mark mark;
	unsigned back, again;
	struct io io[COMMANDS];
	uint8_t data[SIZE];
	struct msg start, over;
	sem_t held, given;
} guard;

/* ---------------------------------------------------------------- the control thread */

static void on_answer(void *ctx, void *token, const struct fault *fault, const struct nexus_conn *conn)
{
	(void)ctx;
	(void)token;
	(void)conn;
	guard.fault = *fault;
	guard.answers++;
}

static void on_state(void *ctx, enum session_event_kind kind, const struct fault *why, uint64_t pause)
{
	(void)ctx;
	(void)kind;
	(void)why;
	(void)pause;
}

static void on_conn(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why)
{
	(void)ctx;
	(void)conn;
	(void)up;
	(void)why;
}

static void on_ended(void *ctx)
{
	(void)ctx;
	guard.ended++;
}

static const struct nexus_ops ops = {
	.answer = on_answer, .state = on_state, .conn = on_conn, .ended = on_ended,
};

static void until(const unsigned *what, unsigned n)
{
	struct pollfd p = { .fd = guard.box.fd, .events = POLLIN };

	while (*what < n) {
		poll(&p, 1, -1);
		mailbox_run(&guard.box);
	}
}

static void conn_add(unsigned number, bool digests)
{
	struct conn_options options = { .id = number, .host = "127.0.0.1", .port = 3260,
					.header_digest = digests, .data_digest = digests };

	guard.answers = 0;
	nexus_add_conn(guard.nexus, &options, NULL);
	until(&guard.answers, 1);
	if (guard.fault.kind != FAULT_NONE) {
		fprintf(stderr, "guard: login: %s\n", guard.fault.text);
		exit(1);
	}
}

static void log_in(const struct scenario *scenario)
{
	struct session_config config = {
		.type = SESSION_NORMAL, .initiator_name = "iqn.2026-11.test:guard",
		.target_name = "iqn.2026-11.test:peer", .isid = { 0x80, 1, 2, 3, 4, 5 },
		.first_cmd_sn = 1, .portal_group_tag = -1,
		.times = { .login = 15000, .ping_idle = 15000, .ping_wait = 15000, .doubt = 5000,
			   .manage = 5000, .logout = 5000, .hold = 5000, .retry = 1000 },
		.seed = 1,
	};

	keys_offer_default(&config.offer);
	if (nexus_new(guard.drive, &config, &ops, NULL, &guard.nexus) < 0)
		abort();
	guard.ended = 0;
	for (unsigned i = 0; i <= scenario->more_conns; i++)
		conn_add(i + 1, scenario->digests);
}

static void log_out(void)
{
	nexus_logout(guard.nexus, NULL);
	until(&guard.ended, 1);
}

/* ---------------------------------------------------------------- a scenario */

static void over_arrived(struct msg *msg)
{
	(void)msg;
	guard.overs++;
}

static void over(void)
{
	guard.over.run = over_arrived;
	mailbox_post(&guard.box, &guard.over);
}

static void io_done(struct io *io)
{
	const struct task *task = &io->task;

	if (task->outcome != TASK_COMPLETE || task->status != 0 || task->received != task->in_len) {
		fprintf(stderr, "guard: a command failed: %s\n", task->fault.text);
		exit(1);
	}
	if (guard.again < guard.scenario->again) {
		guard.again++;
		nexus_submit(guard.nexus, io);
	} else if (++guard.back == guard.scenario->commands) {
		wrap_end(over);
	}
}

static void commands_fill(void)
{
	const struct scenario *s = guard.scenario;

	for (unsigned i = 0; i < s->commands; i++) {
		struct io *io = &guard.io[i];

		memset(io, 0, sizeof(*io));
		io->reply_to = loop_box(nexus_home(guard.nexus));
		io->done = io_done;
		io->task.attribute = 1;
		if (s->kind == KIND_READ) {
			cdb_read(io->task.cdb, i, s->size / 512, false);
			io->task.in = guard.data;
			io->task.in_len = s->size;
		} else if (s->kind == KIND_WRITE) {
			cdb_write(io->task.cdb, i, s->size / 512, false);
			io->task.out = guard.data;
			io->task.out_len = s->size;
		}
	}
}

static void commands_give(void)
{
	for (unsigned i = 0; i < guard.scenario->commands; i++)
		nexus_submit(guard.nexus, &guard.io[i]);
}

/* On the loop. While it is held in here another thread gives its commands: they are all there when
 * the loop looks next. */
static void scenario_start(struct msg *msg)
{
	(void)msg;
	if (guard.scenario->foreign) {
		sem_post(&guard.held);
		sem_wait(&guard.given);
	} else {
		wrap_begin(guard.mark);
		commands_give();
	}
}

static void scenario_run(const struct scenario *scenario, enum wrap_mark mark)
{
	guard.scenario = scenario;
	guard.mark = mark;
	guard.back = guard.again = guard.overs = 0;
	commands_fill();
	guard.start.run = scenario_start;
	mailbox_post(loop_box(nexus_home(guard.nexus)), &guard.start);
	if (scenario->foreign) {
		sem_wait(&guard.held);
		wrap_begin(guard.mark);
		commands_give();
		sem_post(&guard.given);
	}
	until(&guard.overs, 1);
}

static void scenario_print(const struct scenario *scenario)
{
	for (unsigned i = 0; i < WRAP_COUNTS; i++)
		printf("count\t%s\t%s\t%u\n", scenario->name, wrap_names[i], wrap_counts[i]);
	if (scenario->path)
		printf("path\t%s\t%u\n", scenario->path, scenario->commands);
}

int main(void)
{
	sem_init(&guard.held, 0, 0);
	sem_init(&guard.given, 0, 0);
	if (mailbox_init(&guard.box) < 0 || drive_new(1, &guard.box, &guard.drive) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		log_in(&scenarios[i]);
		for (unsigned warm = 0; warm < WARMING; warm++)
			scenario_run(&scenarios[i], MARK_NONE);
		scenario_run(&scenarios[i], scenarios[i].mark);
		scenario_print(&scenarios[i]);
		log_out();
	}
	puts("compiler\t" GUARD_COMPILER);
	drive_free(guard.drive);
	mailbox_done(&guard.box);
	return 0;
}
