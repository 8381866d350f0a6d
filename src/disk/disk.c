/*
 * disk.c - the life of a logical unit that is served as a disk, and the control thread's calls.
 * See disk.h. The unit itself lives on its nexus' home loop. The control thread reaches it by
 * messages (start, look, close) and hears from it by two (news, closed).
 */
#include "disk/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk/nbd.h"
#include "disk/probe.h"
#include "disk/unit.h"
#include "scsi/sense.h"

enum disk_state {
	DISK_PROBING,   /* for the first time */
	DISK_SERVING,   /* clients may come */
	DISK_IDLE,      /* no disk, or one that can't be used */
	DISK_REPLACED,  /* another unit is there; waits for close */
	DISK_ENDING,    /* close was asked while probing for the first time */
	DISK_CLOSING,   /* close was asked; what is under way ends */
	DISK_CLOSED,    /* told; only the control thread touches it now */
};

/* Looking at a unit anew. */
enum look {
	LOOK_REST,
	LOOK_SOON,      /* the timer runs: several hints at one event are one */
	LOOK_NOW,       /* the probe runs */
	LOOK_TWICE,     /* and shall run again: something changed meanwhile */
};

#define LOOK_DELAY UINT64_C(100000000)
#define LOOK_PAUSE UINT64_C(1000000000)

enum { NEWS_READY = 1 << 16 }; /* beside enum disk_change: the first news */

struct disk {
	/* the loop's */
	enum disk_state state;
	struct unit unit;
	struct probe probe;
	struct nbd nbd;
	enum look look;
	struct timer look_timer;
	uint64_t looked_at;      /* when the last look began, the first probe aside */
	unsigned holds;          /* what the end waits for: probe, server, news, who is at work */
	mode_t mode;
	gid_t gid;
	unsigned news;           /* to be told once the message is back */
	struct fault fault;      /* of the first probe */

	/* with the news message: the loop's while it is at home, else the control thread's */
	struct {
		struct msg msg, back;
		bool out;        /* the loop's own */
		unsigned news;
		struct disk_info info;
		struct fault fault;
	} tell;

	/* the control thread's */
	struct mailbox *control;
	struct disk_info told;
	void (*ready)(void *ctx, struct disk *disk, const struct fault *fault);
	void (*changed)(void *ctx, struct disk *disk, unsigned changes);
	void *ctx;
	void (*closed)(void *ctx);
	void *closed_ctx;
	struct msg start_msg, close_msg, closed_msg;

	struct msg look_msg;
	atomic_bool look_asked;  /* look_msg is on its way */
};

/* ---- on the loop: the end */

/* After this the disk may be gone. */
static void disk_drop(struct disk *disk)
{
	if (--disk->holds || disk->state != DISK_CLOSING)
		return;
	disk->state = DISK_CLOSED;
	mailbox_post(disk->control, &disk->closed_msg);
}

static void nbd_stopped(struct nbd *nbd)
{
	disk_drop(list_entry(nbd, struct disk, nbd));
}

/* Nothing more is given to the unit. The caller has a hold. */
static void disk_stop(struct disk *disk, enum disk_state state)
{
	bool serving = disk->state == DISK_SERVING;

	disk->state = state;
	disk->unit.closing = true;
	disk->unit.info.serving = false;
	timer_clear(&disk->look_timer);
	command_stop_waiting(&disk->unit);
	if (serving)
		nbd_stop(&disk->nbd, nbd_stopped);
}

static void disk_close_asked(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, close_msg);

	disk->holds++;
	disk_stop(disk, disk->state == DISK_PROBING ? DISK_ENDING : DISK_CLOSING);
	disk_drop(disk);
}

/* ---- on the loop: news */

static void news_send(struct disk *disk)
{
	if (disk->tell.out || !disk->news)
		return;
	disk->tell.out = true;
	disk->tell.news = disk->news;
	disk->tell.info = disk->unit.info;
	disk->tell.fault = disk->fault;
	disk->news = 0;
	disk->holds++;
	mailbox_post(disk->control, &disk->tell.msg);
}

static void news_back(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, tell.back);

	disk->tell.out = false;
	news_send(disk);
	disk_drop(disk);
}

/* ---- on the loop: what the unit is */

static int zeros_ensure(struct unit *unit)
{
	if (unit->info.can_write_same && !unit->zeros)
		unit->zeros = calloc(1, unit->info.block_size);
	return unit->info.can_write_same && !unit->zeros ? -ENOMEM : 0;
}

static int disk_serve(struct disk *disk)
{
	struct unit *unit = &disk->unit;
	int r = zeros_ensure(unit);

	if (r == 0)
		r = nbd_start(&disk->nbd, unit, disk->mode, disk->gid);
	unit->info.serving = r == 0;
	if (r == 0)
		disk->holds++;
	return r;
}

/* Takes over what was learnt. */
static void info_take(struct disk *disk)
{
	struct disk_info *info = &disk->unit.info;
	struct disk_info fresh = disk->probe.info;

	fresh.serving = info->serving;
	strcpy(fresh.socket_path, info->socket_path);
	*info = fresh;
	disk->unit.limits = disk->probe.limits;
}

/* Takes over a unit that was not served until now, and serves it if it is a disk. */
static void disk_begin(struct disk *disk, const struct fault *fault)
{
	int r;

	disk->fault = *fault;
	info_take(disk);
	disk->state = DISK_IDLE;
	if (fault->kind != FAULT_NONE || disk->unit.info.device_type != INQUIRY_DISK)
		return;
	/* Zeros of another block size may be left from a try that failed. */
	free(disk->unit.zeros);
	disk->unit.zeros = NULL;
	r = disk_serve(disk);
	if (r == 0)
		disk->state = DISK_SERVING;
	else
		fault_set(&disk->fault, r == -ENOMEM ? FAULT_NO_MEMORY : FAULT_LOCAL, -r, "%s: %s",
			  disk->unit.info.socket_path, strerror(-r));
}

static bool texts_differ(const char *a, const char *b)
{
	return *a && *b && strcmp(a, b) != 0;
}

/* Not the one that the clients mean: nothing of theirs may reach it. */
static bool is_another(const struct disk_info *a, const struct disk_info *b)
{
	return a->device_type != b->device_type || a->block_size != b->block_size ||
	       texts_differ(a->wwid, b->wwid) || texts_differ(a->serial, b->serial);
}

static bool abilities_differ(const struct disk_info *a, const struct disk_info *b)
{
	return strcmp(a->vendor, b->vendor) != 0 || strcmp(a->product, b->product) != 0 ||
	       strcmp(a->revision, b->revision) != 0 || strcmp(a->serial, b->serial) != 0 ||
	       strcmp(a->wwid, b->wwid) != 0 || a->read_only != b->read_only ||
	       a->can_fua != b->can_fua || a->can_unmap != b->can_unmap ||
	       a->can_write_same != b->can_write_same || a->write_cache != b->write_cache ||
	       a->min_io != b->min_io || a->max_io != b->max_io;
}

/* A unit in use was asked anew. */
static void disk_compare(struct disk *disk)
{
	const struct disk_info old = disk->unit.info, *fresh = &disk->probe.info;

	if (is_another(&old, fresh)) {
		disk->news |= DISK_CHANGED_UNIT;
		disk_stop(disk, DISK_REPLACED);
		return;
	}
	if (old.blocks != fresh->blocks)
		disk->news |= DISK_CHANGED_SIZE;
	if (abilities_differ(&old, fresh))
		disk->news |= DISK_CHANGED_INFO;
	info_take(disk);
	if (zeros_ensure(&disk->unit) < 0)
		disk->unit.info.can_write_same = false;
	nbd_changed(&disk->nbd);
}

/* Whatever happens, not more often than once in LOOK_PAUSE. */
static void look_wanted(struct disk *disk)
{
	uint64_t at = loop_now(disk->unit.loop) + LOOK_DELAY;

	switch (disk->look) {
	case LOOK_REST:
		if (disk->unit.closing)
			break;
		if (at < disk->looked_at + LOOK_PAUSE)
			at = disk->looked_at + LOOK_PAUSE;
		disk->look = LOOK_SOON;
		timer_set(disk->unit.loop, &disk->look_timer, at);
		break;
	case LOOK_NOW:
		disk->look = LOOK_TWICE;
		break;
	case LOOK_SOON:
	case LOOK_TWICE:
		break;
	}
}

static void look_over(struct disk *disk)
{
	bool again = disk->look == LOOK_TWICE;

	disk->look = LOOK_REST;
	if (again)
		look_wanted(disk);
}

static void probe_done(struct probe *probe, const struct fault *fault)
{
	struct disk *disk = list_entry(probe, struct disk, probe);
	const struct disk_info old = disk->unit.info;

	switch (disk->state) {
	case DISK_PROBING:
		disk_begin(disk, fault);
		disk->news |= NEWS_READY;
		break;
	case DISK_IDLE:
		if (fault->kind != FAULT_NONE)
			break;
		disk_begin(disk, fault);
		if (disk->state == DISK_SERVING)
			disk->news |= DISK_CHANGED_USE;
		else if (abilities_differ(&old, &disk->unit.info))
			disk->news |= DISK_CHANGED_INFO;
		break;
	case DISK_SERVING:
		/* One that does not answer well keeps what it was; its commands tell the rest. */
		if (fault->kind == FAULT_NONE)
			disk_compare(disk);
		break;
	case DISK_ENDING:
		fault_set(&disk->fault, FAULT_ABANDONED, 0,
			  "the unit was closed while it was asked");
		disk->news |= NEWS_READY;
		disk->state = DISK_CLOSING;
		break;
	case DISK_REPLACED:
	case DISK_CLOSING:
	case DISK_CLOSED:
		break;
	}
	look_over(disk);
	news_send(disk);
	disk_drop(disk);
}

static void look_begin(struct disk *disk)
{
	disk->look = LOOK_NOW;
	if (disk->state != DISK_PROBING)
		disk->looked_at = loop_now(disk->unit.loop);
	disk->holds++;
	probe_start(&disk->probe, &disk->unit, disk->state == DISK_SERVING, probe_done);
}

static void look_time(struct timer *timer, uint64_t now)
{
	(void)now;
	look_begin(list_entry(timer, struct disk, look_timer));
}

static void unit_hinted(struct unit *unit, unsigned hints)
{
	struct disk *disk = list_entry(unit, struct disk, unit);

	if (hints & SENSE_HINT_UNIT)
		look_wanted(disk);
	if (hints & SENSE_HINT_LUNS) {
		disk->news |= DISK_CHANGED_LUNS;
		/* Before `ready` nothing else is told. */
		if (disk->state != DISK_PROBING)
			news_send(disk);
	}
}

static void disk_look_asked(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, look_msg);

	atomic_store(&disk->look_asked, false);
	look_wanted(disk);
}

static void disk_started(struct msg *msg)
{
	look_begin(list_entry(msg, struct disk, start_msg));
}

/* ---- on the control thread */

static void disk_has_news(struct msg *msg)
{
	struct disk *disk = list_entry(msg, struct disk, tell.msg);
	unsigned news = disk->tell.news;

	disk->told = disk->tell.info;
	if (!disk->told.serving)
		disk->told.socket_path[0] = '\0';
	if (disk->closed)
		disk->told.serving = false;
	if (news & NEWS_READY)
		disk->ready(disk->ctx, disk, &disk->tell.fault);
	news &= ~(unsigned)NEWS_READY;
	if (news && !disk->closed && disk->changed)
		disk->changed(disk->ctx, disk, news);
	mailbox_post(loop_box(disk->unit.loop), &disk->tell.back);
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
	disk->unit.hinted = unit_hinted;
	strcpy(disk->unit.info.socket_path, config->socket_path);
	list_init(&disk->unit.waiting);
	queue_init(&disk->unit.queue);
	disk->look_timer.expired = look_time;
	disk->mode = config->socket_mode;
	disk->gid = config->socket_gid;
	disk->control = config->control;
	disk->ready = ready;
	disk->changed = config->changed;
	disk->ctx = ctx;
	disk->start_msg.run = disk_started;
	disk->close_msg.run = disk_close_asked;
	disk->look_msg.run = disk_look_asked;
	disk->closed_msg.run = disk_is_closed;
	disk->tell.msg.run = disk_has_news;
	disk->tell.back.run = news_back;
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

void disk_look(struct disk *disk)
{
	if (!atomic_exchange(&disk->look_asked, true))
		mailbox_post(loop_box(disk->unit.loop), &disk->look_msg);
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
		.queue_limit = atomic_load_explicit(&disk->unit.queue.limit, memory_order_relaxed),
		.queue_waiting = atomic_load_explicit(&disk->unit.queue.length,
						      memory_order_relaxed),
	};
}

bool disk_busy(const struct disk *disk)
{
	return atomic_load_explicit(&disk->unit.counters.clients, memory_order_relaxed) > 0;
}
