/*
 * disk.c - the life of a logical unit that is served as a disk, and the control thread's calls.
 * See disk.h. The unit itself lives on its nexus' home loop; the control thread reaches it by
 * two messages (start, close) and hears from it by two (ready, closed).
 */
#include "disk/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk/nbd.h"
#include "disk/probe.h"
#include "disk/unit.h"

enum disk_state {
	DISK_PROBING,
	DISK_SERVING,   /* clients may come */
	DISK_IDLE,      /* no disk, or one that can't be used */
	DISK_ENDING,    /* close was asked while probing */
	DISK_CLOSING,   /* clients were cut, their requests end */
	DISK_CLOSED,    /* told; only the control thread touches it now */
};

enum disk_event {
	DISK_EVENT_USABLE, DISK_EVENT_USELESS, /* how the probe ended */
	DISK_EVENT_CLOSE,
	DISK_EVENT_STOPPED, /* the server's last request ended */
};

struct disk {
	/* the loop's */
	enum disk_state state;
	struct unit unit;
	struct probe probe;
	struct nbd nbd;
	struct fault fault;      /* travels with the ready message */
	mode_t mode;
	gid_t gid;

	/* the control thread's */
	struct mailbox *control;
	struct disk_info told;
	void (*ready)(void *ctx, struct disk *disk, const struct fault *fault);
	void *ready_ctx;
	void (*closed)(void *ctx);
	void *closed_ctx;

	struct msg start_msg, close_msg, ready_msg, closed_msg;
};

/* ---- on the loop */

static void nbd_stopped(struct nbd *nbd);

static void disk_tell_closed(struct disk *disk)
{
	disk->state = DISK_CLOSED;
	mailbox_post(disk->control, &disk->closed_msg);
}

/* The machine of a disk. Pairs not listed can't happen: each event has one sender, who is silent in
 * the other states. */
static void disk_happened(struct disk *disk, enum disk_event event)
{
	switch (disk->state) {
	case DISK_PROBING:
		if (event == DISK_EVENT_CLOSE) {
			disk->state = DISK_ENDING;
			disk->unit.closing = true;
			command_stop_waiting(&disk->unit);
			break;
		}
		disk->state = event == DISK_EVENT_USABLE ? DISK_SERVING : DISK_IDLE;
		mailbox_post(disk->control, &disk->ready_msg);
		break;
	case DISK_ENDING:
		mailbox_post(disk->control, &disk->ready_msg);
		disk_tell_closed(disk);
		break;
	case DISK_SERVING:
		disk->state = DISK_CLOSING;
		disk->unit.closing = true;
		command_stop_waiting(&disk->unit);
		nbd_stop(&disk->nbd, nbd_stopped);
		break;
	case DISK_IDLE:
	case DISK_CLOSING:
		disk_tell_closed(disk);
		break;
	case DISK_CLOSED:
		break;
	}
}

static void nbd_stopped(struct nbd *nbd)
{
	disk_happened(list_entry(nbd, struct disk, nbd), DISK_EVENT_STOPPED);
}

static int disk_serve(struct disk *disk)
{
	struct unit *unit = &disk->unit;
	int r;

	if (unit->info.can_write_same) {
		unit->zeros = calloc(1, unit->info.block_size);
		if (!unit->zeros)
			return -ENOMEM;
	}
	r = nbd_start(&disk->nbd, unit, disk->mode, disk->gid);
	unit->info.serving = r == 0;
	return r;
}

static void probe_done(struct probe *probe, const struct fault *fault)
{
	struct disk *disk = list_entry(probe, struct disk, probe);
	const char *path = disk->unit.info.socket_path;
	int r;

	disk->fault = *fault;
	if (disk->unit.closing && fault->kind == FAULT_NONE)
		fault_set(&disk->fault, FAULT_ABANDONED, 0, "the unit was closed");
	if (disk->fault.kind == FAULT_NONE && disk->unit.info.device_type == INQUIRY_DISK) {
		r = disk_serve(disk);
		if (r < 0)
			fault_set(&disk->fault, r == -ENOMEM ? FAULT_NO_MEMORY : FAULT_LOCAL, -r,
				  "%s: %s", path, strerror(-r));
	}
	disk_happened(disk, disk->unit.info.serving ? DISK_EVENT_USABLE : DISK_EVENT_USELESS);
}

static void disk_started(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, start_msg);

	probe_start(&disk->probe, &disk->unit, probe_done);
}

static void disk_close_asked(struct msg *msg)
{
	disk_happened(list_entry(msg, struct disk, close_msg), DISK_EVENT_CLOSE);
}

/* ---- on the control thread */

static void disk_is_ready(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, ready_msg);

	/* The loop wrote it before it posted, and never does again. */
	disk->told = disk->unit.info;
	if (!disk->told.serving)
		disk->told.socket_path[0] = '\0';
	disk->ready(disk->ready_ctx, disk, &disk->fault);
}

static void disk_is_closed(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, closed_msg);
	void (*closed)(void *ctx) = disk->closed;
	void *ctx = disk->closed_ctx;

	free(disk->unit.zeros);
	free(disk);
	closed(ctx);
}

int disk_open(const struct disk_config *config,
	      void (*ready)(void *ctx, struct disk *disk, const struct fault *fault), void *ctx,
	      struct disk **ret)
{
	struct disk *disk;

	if (strlen(config->socket_path) >= sizeof disk->unit.info.socket_path)
		return -ENAMETOOLONG;
	disk = calloc(1, sizeof *disk);
	if (!disk)
		return -ENOMEM;
	disk->state = DISK_PROBING;
	disk->unit.nexus = config->nexus;
	disk->unit.loop = nexus_home(config->nexus);
	disk->unit.lun = disk->unit.info.lun = disk->told.lun = config->lun;
	strcpy(disk->unit.info.socket_path, config->socket_path);
	list_init(&disk->unit.waiting);
	disk->mode = config->socket_mode;
	disk->gid = config->socket_gid;
	disk->control = config->control;
	disk->ready = ready;
	disk->ready_ctx = ctx;
	disk->start_msg.run = disk_started;
	disk->close_msg.run = disk_close_asked;
	disk->ready_msg.run = disk_is_ready;
	disk->closed_msg.run = disk_is_closed;
	mailbox_post(loop_box(disk->unit.loop), &disk->start_msg);
	*ret = disk;
	return 0;
}

void disk_close(struct disk *disk, void (*closed)(void *ctx), void *ctx)
{
	disk->closed = closed;
	disk->closed_ctx = ctx;
	disk->told.serving = false;
	mailbox_post(loop_box(disk->unit.loop), &disk->close_msg);
}

const struct disk_info *disk_info(const struct disk *disk)
{
	return &disk->told;
}

static uint64_t counter_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void disk_counters(const struct disk *disk, struct disk_counters *ret)
{
	const struct unit_counters *from = &disk->unit.counters;

	*ret = (struct disk_counters) {
		.reads = counter_get(&from->reads),
		.writes = counter_get(&from->writes),
		.bytes_read = counter_get(&from->bytes_read),
		.bytes_written = counter_get(&from->bytes_written),
		.errors = counter_get(&from->errors),
		.repeated = counter_get(&from->repeated),
		.in_flight = counter_get(&from->in_flight),
		.clients = atomic_load_explicit(&from->clients, memory_order_relaxed),
		.capacity_changed = atomic_load_explicit(&from->capacity_changed,
							 memory_order_relaxed),
		.luns_changed = atomic_load_explicit(&from->luns_changed, memory_order_relaxed),
	};
}

bool disk_busy(const struct disk *disk)
{
	return atomic_load_explicit(&disk->unit.counters.clients, memory_order_relaxed) > 0;
}
