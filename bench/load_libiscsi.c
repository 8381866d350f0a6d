/*
 * load_libiscsi.c - the same load on libiscsi: its asynchronous API with vectors, so that data lands
 * in place, in a poll loop as its users write it. One thread carries all sessions; libiscsi has no
 * sessions of several connections.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "load.h"

struct user;

struct slot {
	struct user *user;
	struct scsi_iovec iov;
	uint64_t begun;
};

struct user {
	struct load *load;
	struct load_count *count;
	struct iscsi_context *iscsi;
	struct load_source source;
	uint32_t block;
	struct slot *slots;
};

static struct load load;
static struct user *users;
static struct pollfd *polls;

/* ---------------------------------------------------------------- login */

static struct iscsi_context *context_new(unsigned number)
{
	const struct load_options *o = &load.options;
	struct iscsi_context *iscsi = iscsi_create_context("iqn.2026-11.bench:libiscsi");

	if (!iscsi)
		load_fail("no memory");
	iscsi_set_targetname(iscsi, o->iqn);
	iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(iscsi, o->header_digest ? ISCSI_HEADER_DIGEST_CRC32C
							: ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_isid_random(iscsi, (uint32_t)getpid() & 0xffffff, number);
	iscsi_set_noautoreconnect(iscsi, 1);
	iscsi_set_immediate_data(iscsi, ISCSI_IMMEDIATE_DATA_YES);
	iscsi_set_initial_r2t(iscsi, ISCSI_INITIAL_R2T_NO);
	return iscsi;
}

static void user_log_in(struct user *user, unsigned number)
{
	const struct load_portal *portal = load_portal(&load, number, 0);
	uint64_t begun = load_now();
	char text[96];

	user->iscsi = context_new(number);
	snprintf(text, sizeof(text), strchr(portal->host, ':') ? "[%s]:%u" : "%s:%u", portal->host,
		 portal->port);
	/* It also asks TEST UNIT READY until the target has said all it says to newcomers. */
	if (iscsi_full_connect_sync(user->iscsi, text, (int)load.options.lun) != 0)
		load_fail("login: %s", iscsi_get_error(user->iscsi));
	if (!load.login_ns)
		load.login_ns = load_now() - begun;
	load.conns++;
}

static void user_prepare(struct user *user, unsigned number, uint8_t *data)
{
	struct scsi_task *task = iscsi_readcapacity16_sync(user->iscsi, (int)load.options.lun);
	struct scsi_readcapacity16 *capacity;

	if (!task || task->status != SCSI_STATUS_GOOD || !(capacity = scsi_datain_unmarshall(task)))
		load_fail("READ CAPACITY(16): %s", iscsi_get_error(user->iscsi));
	user->block = capacity->block_length;
	load_source_init(&user->source, &load, number, capacity->returned_lba + 1, user->block);
	scsi_free_scsi_task(task);
	user->slots = calloc(load.options.depth, sizeof(*user->slots));
	if (!user->slots)
		load_fail("no memory");
	for (unsigned i = 0; i < load.options.depth; i++)
		user->slots[i] = (struct slot){
			.user = user,
			.iov = { data + (size_t)i * load.options.size, load.options.size } };
}

/* ---------------------------------------------------------------- the load */

static void slot_done(struct iscsi_context *iscsi, int status, void *data, void *private_data);

static void slot_next(struct slot *slot)
{
	struct user *user = slot->user;
	int lun = (int)load.options.lun;
	struct scsi_task *task;
	bool write;
	uint64_t lba = load_source_next(&user->source, &write);

	if (user->count->latency)
		slot->begun = load_now();
	if (write)
		task = iscsi_write16_iov_task(user->iscsi, lun, lba, NULL, load.options.size,
					      (int)user->block, 0, 0, 0, 0, 0, slot_done, slot,
					      &slot->iov, 1);
	else
		task = iscsi_read16_iov_task(user->iscsi, lun, lba, load.options.size,
					     (int)user->block, 0, 0, 0, 0, 0, slot_done, slot,
					     &slot->iov, 1);
	if (!task)
		load_fail("libiscsi takes no command: %s", iscsi_get_error(user->iscsi));
}

static void slot_done(struct iscsi_context *iscsi, int status, void *data, void *private_data)
{
	struct slot *slot = private_data;
	struct scsi_task *task = data;

	(void)iscsi;
	load_done(&load, slot->user->count,
		  status == SCSI_STATUS_GOOD && task->residual_status == SCSI_RESIDUAL_NO_RESIDUAL,
		  slot->begun);
	scsi_free_scsi_task(task);
	if (load_stopping(&load))
		atomic_fetch_sub(&slot->user->count->under_way, 1);
	else
		slot_next(slot);
}

static bool any_under_way(void)
{
	for (unsigned i = 0; i < load.options.sessions; i++)
		if (atomic_load(&users[i].count->under_way))
			return true;
	return false;
}

static void *carry(void *arg)
{
	unsigned n = load.options.sessions;

	(void)arg;
	while (!load_stopping(&load) || any_under_way()) {
		for (unsigned i = 0; i < n; i++)
			polls[i].events = (short)iscsi_which_events(users[i].iscsi);
		if (poll(polls, n, 100) < 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			if (polls[i].revents && iscsi_service(users[i].iscsi, polls[i].revents) < 0)
				load_fail("libiscsi: %s", iscsi_get_error(users[i].iscsi));
	}
	return NULL;
}

static void users_start(void)
{
	const struct load_options *o = &load.options;
	uint8_t *data = aligned_alloc(4096, (((size_t)o->size * o->depth) + 4095) & ~(size_t)4095);

	if (!data)
		load_fail("no memory");
	memset(data, 0x5a, (size_t)o->size * o->depth);
	for (unsigned i = 0; i < o->sessions; i++) {
		user_prepare(&users[i], i, data);
		polls[i].fd = iscsi_get_fd(users[i].iscsi);
	}
	for (unsigned i = 0; i < o->sessions; i++) {
		atomic_store(&users[i].count->under_way, o->depth);
		for (unsigned k = 0; k < o->depth; k++)
			slot_next(&users[i].slots[k]);
	}
}

int main(int argc, char **argv)
{
	const struct load_options *o = &load.options;
	pthread_t carrier;
	int status;

	load_init(&load, argc, argv);
	if (o->connections > 1 || o->data_digest || o->verify)
		load_fail("libiscsi has one connection in a session, and no data digest");
	load_count_new(&load);
	users = calloc(o->sessions, sizeof(*users));
	polls = calloc(o->sessions, sizeof(*polls));
	if (!users || !polls)
		load_fail("no memory");
	load.rss_before = load_rss_kib();
	for (unsigned i = 0; i < o->sessions; i++) {
		users[i] = (struct user){ .load = &load, .count = &load.count[i] };
		user_log_in(&users[i], i);
	}
	load.rss_idle = load_rss_kib();
	users_start();
	if (pthread_create(&carrier, NULL, carry, NULL) != 0)
		load_fail("no thread");
	status = load_measure(&load);
	pthread_join(carrier, NULL);
	for (unsigned i = 0; i < o->sessions; i++) {
		iscsi_logout_sync(users[i].iscsi);
		iscsi_destroy_context(users[i].iscsi);
	}
	return status;
}
