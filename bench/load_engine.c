/*
 * load_engine.c - the load on our engine in process, through the drive's doors as the disks use
 * them: commands are given and come back on the session's home loop.
 *
 * All sessions use the same buffers: what is measured is the engine, not the memory of an
 * imagined consumer (with --verify each has its own).
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive/drive.h"
#include "load.h"
#include "scsi/capacity.h"
#include "scsi/cdb.h"
#include "scsi/lun.h"

enum { ATTRIBUTE_SIMPLE = 1, STATUS_CHECK = 2, GREETINGS = 16 };

struct user;

/* One of the commands that a session keeps under way. */
struct slot {
	struct io io;
	struct user *user;
	uint8_t *data;
	uint64_t begun;
	/* --verify */
	uint64_t lba, round;
	bool written;
};

/* A session and its load. */
struct user {
	struct load *load;
	struct load_count *count;
	struct nexus *nexus;
	struct load_source source;
	struct slot *slots;
	unsigned number;
};

/* The main thread, which is the drive's control thread. */
static struct {
	struct load load;
	struct mailbox box;
	struct drive *drive;
	struct user *users;
	unsigned answers, ended, probes;
	struct fault fault;
} bench;

/* ---------------------------------------------------------------- the control thread */

static void on_answer(void *ctx, void *token, const struct fault *fault, const struct nexus_conn *conn)
{
	(void)ctx;
	(void)token;
	(void)conn;
	bench.fault = *fault;
	bench.answers++;
}

static void on_text(void *ctx, void *token, const struct fault *fault, const char *text, size_t len)
{
	(void)ctx;
	(void)token;
	(void)fault;
	(void)text;
	(void)len;
}

static void on_state(void *ctx, enum session_event_kind kind, const struct fault *why, uint64_t pause)
{
	(void)ctx;
	(void)pause;
	if (kind != SESSION_EVENT_UP && !bench.ended && !load_stopping(&bench.load))
		load_fail("a session was lost: %s", why->text);
}

static void on_conn(void *ctx, const struct nexus_conn *conn, bool up, const struct fault *why)
{
	(void)ctx;
	(void)conn;
	if (!up && !load_stopping(&bench.load))
		load_fail("a connection was lost: %s", why->text);
}

static void on_async(void *ctx, const struct conn_async *async)
{
	(void)ctx;
	(void)async;
}

static void on_managed(void *ctx, void *token, const struct fault *fault, uint8_t response)
{
	(void)ctx;
	(void)token;
	(void)fault;
	(void)response;
}

static void on_ended(void *ctx)
{
	(void)ctx;
	bench.ended++;
}

static const struct nexus_ops ops = {
	.answer = on_answer, .text = on_text, .state = on_state, .conn = on_conn, .async = on_async,
	.managed = on_managed, .ended = on_ended,
};

static void messages_run(struct load *load)
{
	(void)load;
	mailbox_run(&bench.box);
}

/* Runs the control thread until *what is n. */
static void until(const unsigned *what, unsigned n, const char *text)
{
	struct pollfd p = { .fd = bench.box.fd, .events = POLLIN };
	uint64_t limit = load_now() + UINT64_C(30000000000);

	while (*what < n) {
		if (load_now() > limit)
			load_fail("%s takes too long", text);
		poll(&p, 1, 100);
		mailbox_run(&bench.box);
	}
}

/* ---------------------------------------------------------------- login */

static void config_fill(struct session_config *config, unsigned number)
{
	const struct load_options *o = &bench.load.options;
	uint32_t process = (uint32_t)getpid();

	*config = (struct session_config){
		.type = SESSION_NORMAL, .initiator_name = "iqn.2026-11.bench:engine",
		.target_name = o->iqn, .portal_group_tag = -1, .first_cmd_sn = 1,
		.isid = { 0x80, (uint8_t)(process >> 8), (uint8_t)process,
			  (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number },
		.ordering = o->ordering,
		.times = { .login = 15000, .ping_idle = 10000, .ping_wait = 10000, .doubt = 1000,
			   .manage = 5000, .logout = 5000, .hold = 5000, .retry = 1000 },
		.seed = 1,
	};
	keys_offer_default(&config->offer);
	if (o->connections > config->offer.max_connections)
		config->offer.max_connections = (uint16_t)o->connections;
}

static void conn_add(struct user *user, unsigned number)
{
	const struct load_options *o = &bench.load.options;
	const struct load_portal *portal = load_portal(&bench.load, user->number, number);
	struct conn_options options = { .id = number + 1, .port = portal->port,
					.header_digest = o->header_digest,
					.data_digest = o->data_digest };
	uint64_t begun = load_now();

	snprintf(options.host, sizeof(options.host), "%s", portal->host);
	bench.answers = 0;
	nexus_add_conn(user->nexus, &options, NULL);
	until(&bench.answers, 1, "a login");
	if (bench.fault.kind != FAULT_NONE)
		load_fail("login: %s", bench.fault.text);
	if (!bench.load.login_ns)
		bench.load.login_ns = load_now() - begun;
	bench.load.conns++;
}

static const struct { const char *name; enum path_policy policy; } policies[] = {
	{ "failover", PATH_FAIL_OVER_ONLY }, { "roundrobin", PATH_ROUND_ROBIN },
	{ "subset", PATH_ROUND_ROBIN_SUBSET }, { "leastqueue", PATH_LEAST_QUEUE_DEPTH },
	{ "weighted", PATH_WEIGHTED }, { "adaptive", PATH_ADAPTIVE },
};

static void policy_set(struct nexus *nexus, const char *name)
{
	for (unsigned i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		if (strcmp(policies[i].name, name) != 0)
			continue;
		if (nexus_set_policy(nexus, policies[i].policy, NULL, 0) < 0)
			load_fail("no memory");
		return;
	}
	load_fail("--policy: failover, roundrobin, subset, leastqueue, weighted or adaptive");
}

static void user_log_in(struct user *user)
{
	const struct load_options *o = &bench.load.options;
	struct session_config config;

	config_fill(&config, user->number);
	if (nexus_new(bench.drive, &config, &ops, user, &user->nexus) < 0)
		load_fail("no memory for a session");
	for (unsigned i = 0; i < o->connections; i++)
		conn_add(user, i);
	if (o->policy)
		policy_set(user->nexus, o->policy);
}

/* ---------------------------------------------------------------- the medium */

static void probe_done(struct io *io)
{
	(void)io;
	bench.probes++;
}

/* READ CAPACITY(16), past what a target says to newcomers. */
static struct capacity capacity_read(struct user *user)
{
	static struct io io;
	uint8_t answer[32];
	struct capacity capacity;

	for (unsigned i = 1; i <= GREETINGS; i++) {
		memset(&io, 0, sizeof(io));
		io.task = (struct task){ .lun = lun_wire(bench.load.options.lun), .in = answer,
					 .in_len = sizeof(answer), .attribute = ATTRIBUTE_SIMPLE };
		cdb_read_capacity_16(io.task.cdb, sizeof(answer));
		io.reply_to = &bench.box;
		io.done = probe_done;
		bench.probes = 0;
		nexus_submit(user->nexus, &io);
		until(&bench.probes, 1, "READ CAPACITY(16)");
		if (io.task.outcome != TASK_COMPLETE)
			load_fail("READ CAPACITY(16): %s", io.task.fault.text);
		if (io.task.status == 0 && capacity_get_16(answer, io.task.received, &capacity) == 0)
			return capacity;
	}
	load_fail("READ CAPACITY(16) fails");
}

/* ---------------------------------------------------------------- the load, on the home loops */

static void slot_give(struct slot *slot, bool write, uint64_t lba)
{
	struct user *user = slot->user;
	struct task *task = &slot->io.task;

	if (write) {
		cdb_write(task->cdb, lba, user->source.blocks, false);
		task->in_len = 0;
		task->out_len = user->load->options.size;
	} else {
		cdb_read(task->cdb, lba, user->source.blocks, false);
		task->in_len = user->load->options.size;
		task->out_len = 0;
	}
	if (user->count->latency)
		slot->begun = load_now();
	nexus_submit(user->nexus, &slot->io);
}

static void slot_next(struct slot *slot)
{
	bool write;
	uint64_t lba = load_source_next(&slot->user->source, &write);

	slot_give(slot, write, lba);
}

static bool task_is_good(const struct task *task)
{
	return task->outcome == TASK_COMPLETE && task->status == 0 && task->received == task->in_len;
}

static void slot_stop(struct slot *slot)
{
	atomic_fetch_sub(&slot->user->count->under_way, 1);
}

static void slot_done(struct io *io)
{
	struct slot *slot = list_entry(io, struct slot, io);
	struct user *user = slot->user;

	load_done(user->load, user->count, task_is_good(&io->task), slot->begun);
	if (load_stopping(user->load))
		slot_stop(slot);
	else
		slot_next(slot);
}

/* --verify: each slot writes a place of its own and reads it back. */
static void slot_verify(struct slot *slot)
{
	uint32_t size = slot->user->load->options.size, depth = slot->user->load->options.depth;
	bool write = !slot->written;

	if (write) {
		uint64_t turns = slot->user->source.count / depth;

		slot->round++;
		slot->lba = (slot->round % turns * depth + (uint64_t)(slot - slot->user->slots)) *
			    slot->user->source.blocks;
		load_pattern_fill(slot->data, size, slot->lba, slot->round);
	} else {
		memset(slot->data, 0, size);
	}
	slot->written = write;
	slot_give(slot, write, slot->lba);
}

static void slot_verified(struct io *io)
{
	struct slot *slot = list_entry(io, struct slot, io);
	struct user *user = slot->user;
	bool good = task_is_good(&io->task);

	if (good && !slot->written)
		good = load_pattern_holds(slot->data, user->load->options.size, slot->lba, slot->round);
	load_done(user->load, user->count, good, slot->begun);
	if (load_stopping(user->load))
		slot_stop(slot);
	else
		slot_verify(slot);
}

static uint8_t *buffers_new(unsigned count)
{
	size_t size = (bench.load.options.size + 4095) & ~(size_t)4095;
	uint8_t *data = aligned_alloc(4096, size * count);

	if (!data)
		load_fail("no memory");
	memset(data, 0x5a, size * count);
	return data;
}

static void user_prepare(struct user *user, uint8_t *data)
{
	const struct load_options *o = &bench.load.options;
	size_t size = (o->size + 4095) & ~(size_t)4095;
	struct capacity capacity = capacity_read(user);

	load_source_init(&user->source, &bench.load, user->number, capacity.last_lba + 1,
			 capacity.block_size);
	if (o->verify && user->source.count < o->depth)
		load_fail("the medium is too small for --verify");
	user->slots = calloc(o->depth, sizeof(*user->slots));
	if (!user->slots)
		load_fail("no memory");
	for (unsigned i = 0; i < o->depth; i++) {
		struct slot *slot = &user->slots[i];

		slot->user = user;
		slot->data = data + i * size;
		slot->io.reply_to = loop_box(nexus_home(user->nexus));
		slot->io.done = o->verify ? slot_verified : slot_done;
		slot->io.task.lun = lun_wire(o->lun);
		slot->io.task.attribute = ATTRIBUTE_SIMPLE;
		slot->io.task.in = slot->data;
		slot->io.task.out = slot->data;
	}
}

static void user_start(struct user *user)
{
	atomic_store(&user->count->under_way, bench.load.options.depth);
	for (unsigned i = 0; i < bench.load.options.depth; i++) {
		if (bench.load.options.verify)
			slot_verify(&user->slots[i]);
		else
			slot_next(&user->slots[i]);
	}
}

static void users_start(void)
{
	const struct load_options *o = &bench.load.options;
	uint8_t *shared = o->verify ? NULL : buffers_new(o->depth);

	for (unsigned i = 0; i < o->sessions; i++)
		user_prepare(&bench.users[i], o->verify ? buffers_new(o->depth) : shared);
	for (unsigned i = 0; i < o->sessions; i++)
		user_start(&bench.users[i]);
}

int main(int argc, char **argv)
{
	const struct load_options *o = &bench.load.options;
	int status;

	load_init(&bench.load, argc, argv);
	load_count_new(&bench.load);
	bench.users = calloc(o->sessions, sizeof(*bench.users));
	if (!bench.users || mailbox_init(&bench.box) < 0 ||
	    drive_new(o->loops, &bench.box, &bench.drive) < 0)
		load_fail("no memory");
	bench.load.fd = bench.box.fd;
	bench.load.ready = messages_run;
	bench.load.rss_before = load_rss_kib();
	for (unsigned i = 0; i < o->sessions; i++) {
		bench.users[i] = (struct user){ .load = &bench.load, .count = &bench.load.count[i],
						.number = i };
		user_log_in(&bench.users[i]);
	}
	bench.load.rss_idle = load_rss_kib();
	users_start();
	status = load_measure(&bench.load);
	for (unsigned i = 0; i < o->sessions; i++)
		nexus_logout(bench.users[i].nexus, NULL);
	until(&bench.ended, o->sessions, "the logout");
	drive_free(bench.drive);
	return status;
}
