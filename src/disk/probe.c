/*
 * probe.c - the questions asked of a logical unit, one table row each. See probe.h.
 * SPC-4 (INQUIRY, MODE SENSE, REPORT SUPPORTED OPERATION CODES), SBC-3 (capacity, block limits).
 *
 * Units are as they are: whatever is optional may fail, and leaves the unit without that ability.
 */
#include "disk/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "scsi/capacity.h"
#include "scsi/cdb.h"
#include "scsi/mode.h"
#include "scsi/sense.h"

enum {
	TRANSFER_MAX = 1 << 20,      /* bytes of one READ or WRITE, whatever the unit would take */
	WRITE_SAME_MAX = 0xffff,     /* blocks, where the unit tells no limit */
	BLOCK_MIN = 512, BLOCK_MAX = 65536,
	OPCODE_SUPPORTED = 3,        /* REPORT SUPPORTED OPERATION CODES: by the standard */
};

/* A question. `asks` says whether it applies, NULL: always. `build` writes the CDB for the room
 * given, `take` reads the answer and returns 0 or a negative errno. If `needed`, a failure ends
 * the probe. */
struct step {
	const char *name;
	uint16_t room;
	bool needed;
	bool (*asks)(const struct probe *probe);
	void (*build)(uint8_t *cdb, uint16_t room);
	int (*take)(struct probe *probe, size_t len);
};

static bool is_disk(const struct probe *probe)
{
	return probe->info.device_type == INQUIRY_DISK;
}

static bool has_page(const struct probe *probe, uint8_t page)
{
	return inquiry_pages_has(&probe->pages, page);
}

/* ---- INQUIRY */

static void inquiry_build(uint8_t *cdb, uint16_t room)
{
	cdb_inquiry_standard(cdb, room);
}

static int inquiry_take(struct probe *probe, size_t len)
{
	struct disk_info *info = &probe->info;
	struct inquiry inquiry;
	int r = inquiry_get(probe->data, len, &inquiry);

	if (r < 0)
		return r;
	if (inquiry.qualifier || inquiry.type == INQUIRY_NO_TYPE)
		return -ENODEV;
	info->device_type = inquiry.type;
	memcpy(info->vendor, inquiry.vendor, sizeof info->vendor);
	memcpy(info->product, inquiry.product, sizeof info->product);
	memcpy(info->revision, inquiry.revision, sizeof info->revision);
	return 0;
}

/* ---- vital product data */

static void pages_build(uint8_t *cdb, uint16_t room)
{
	cdb_inquiry_vpd(cdb, INQUIRY_PAGES, room);
}

static int pages_take(struct probe *probe, size_t len)
{
	return inquiry_pages_get(probe->data, len, &probe->pages);
}

static bool serial_asks(const struct probe *probe)
{
	return has_page(probe, INQUIRY_SERIAL);
}

static void serial_build(uint8_t *cdb, uint16_t room)
{
	cdb_inquiry_vpd(cdb, INQUIRY_SERIAL, room);
}

static int serial_take(struct probe *probe, size_t len)
{
	struct disk_info *info = &probe->info;

	return inquiry_serial_get(probe->data, len, info->serial, sizeof info->serial);
}

static bool ids_asks(const struct probe *probe)
{
	return has_page(probe, INQUIRY_IDS);
}

static void ids_build(uint8_t *cdb, uint16_t room)
{
	cdb_inquiry_vpd(cdb, INQUIRY_IDS, room);
}

static int ids_take(struct probe *probe, size_t len)
{
	char text[INQUIRY_ID_TEXT];
	int r = inquiry_ids_get(probe->data, len, text);

	/* A name that is too long is no use when cut: two units might share it. */
	if (r == 0 && strlen(text) < sizeof probe->info.wwid)
		strcpy(probe->info.wwid, text);
	return r;
}

static bool limits_asks(const struct probe *probe)
{
	return is_disk(probe) && has_page(probe, INQUIRY_BLOCK_LIMITS);
}

static void limits_build(uint8_t *cdb, uint16_t room)
{
	cdb_inquiry_vpd(cdb, INQUIRY_BLOCK_LIMITS, room);
}

static int limits_take(struct probe *probe, size_t len)
{
	struct unit_limits *limits = &probe->limits;
	struct inquiry_limits got;
	int r = inquiry_limits_get(probe->data, len, &got);

	if (r < 0)
		return r;
	limits->transfer = got.max_transfer;
	probe->info.min_io = got.optimal_granularity; /* blocks, until their size is known */
	if (got.max_unmap_ranges)
		limits->unmap = got.max_unmap_blocks;
	if (got.max_write_same)
		limits->write_same = got.max_write_same < WRITE_SAME_MAX
					     ? (uint32_t)got.max_write_same : WRITE_SAME_MAX;
	return 0;
}

static bool provisioning_asks(const struct probe *probe)
{
	return is_disk(probe) && has_page(probe, INQUIRY_PROVISIONING);
}

static void provisioning_build(uint8_t *cdb, uint16_t room)
{
	cdb_inquiry_vpd(cdb, INQUIRY_PROVISIONING, room);
}

static int provisioning_take(struct probe *probe, size_t len)
{
	struct inquiry_provisioning got;
	int r = inquiry_provisioning_get(probe->data, len, &got);

	if (r < 0)
		return r;
	probe->info.can_unmap = got.unmap && probe->limits.unmap;
	if (got.write_same_16 && !probe->limits.write_same)
		probe->limits.write_same = WRITE_SAME_MAX;
	probe->limits.same_unmaps = got.write_same_16 && got.reads_zero == 1;
	return 0;
}

/* ---- the medium */

static void ready_build(uint8_t *cdb, uint16_t room)
{
	(void)room;
	cdb_test_unit_ready(cdb);
}

static int capacity_set(struct probe *probe, const struct capacity *capacity)
{
	struct disk_info *info = &probe->info;

	/* Addresses are handed out as bytes in 64 bits, and NBD wants a power of two. */
	if (capacity->block_size < BLOCK_MIN || capacity->block_size > BLOCK_MAX ||
	    capacity->block_size & (capacity->block_size - 1))
		return -EOPNOTSUPP;
	if (capacity->last_lba >= INT64_MAX / capacity->block_size)
		return -EOVERFLOW;
	info->blocks = capacity->last_lba + 1;
	info->block_size = capacity->block_size;
	return 0;
}

static void capacity_16_build(uint8_t *cdb, uint16_t room)
{
	cdb_read_capacity_16(cdb, room);
}

static int capacity_16_take(struct probe *probe, size_t len)
{
	struct capacity capacity;
	int r = capacity_get_16(probe->data, len, &capacity);

	return r < 0 ? r : capacity_set(probe, &capacity);
}

static bool capacity_10_asks(const struct probe *probe)
{
	return is_disk(probe) && !probe->info.block_size;
}

static void capacity_10_build(uint8_t *cdb, uint16_t room)
{
	(void)room;
	cdb_read_capacity_10(cdb);
}

static int capacity_10_take(struct probe *probe, size_t len)
{
	struct capacity capacity;
	int r = capacity_get_10(probe->data, len, &capacity);

	if (r < 0)
		return r;
	return capacity.ask_16 ? -EOVERFLOW : capacity_set(probe, &capacity);
}

/* ---- modes and commands */

static void mode_build(uint8_t *cdb, uint16_t room)
{
	cdb_mode_sense_6(cdb, true, MODE_PAGE_CACHING, (uint8_t)room);
}

static int mode_take(struct probe *probe, size_t len)
{
	struct disk_info *info = &probe->info;
	struct mode mode;
	int r = mode_get_6(probe->data, len, &mode);

	if (r < 0)
		return r;
	info->read_only = mode.write_protected;
	info->can_fua = mode.dpofua;
	info->write_cache = mode.write_cache;
	probe->has_mode = true;
	return 0;
}

static bool mode_all_asks(const struct probe *probe)
{
	return is_disk(probe) && !probe->has_mode;
}

static void mode_all_build(uint8_t *cdb, uint16_t room)
{
	cdb_mode_sense_6(cdb, true, MODE_PAGE_ALL, (uint8_t)room);
}

static bool same_asks(const struct probe *probe)
{
	return is_disk(probe) && !probe->limits.write_same;
}

/* REPORT SUPPORTED OPERATION CODES about the one command that B0h and B2h said nothing of. */
static void same_build(uint8_t *cdb, uint16_t room)
{
	memset(cdb, 0, CDB_LEN);
	cdb[0] = 0xa3;
	cdb[1] = 0x0c;
	cdb[2] = 1; /* by operation code alone */
	cdb[3] = CDB_WRITE_SAME_16;
	bytes_put32(cdb + 6, room);
}

static int same_take(struct probe *probe, size_t len)
{
	if (len < 4)
		return -EBADMSG;
	if ((probe->data[1] & 7) == OPCODE_SUPPORTED)
		probe->limits.write_same = WRITE_SAME_MAX;
	return 0;
}

static const struct step steps[] = {
	{ "INQUIRY", 96, true, NULL, inquiry_build, inquiry_take },
	{ "INQUIRY page 00h", 252, false, NULL, pages_build, pages_take },
	{ "INQUIRY page 80h", 252, false, serial_asks, serial_build, serial_take },
	{ "INQUIRY page 83h", PROBE_ROOM, false, ids_asks, ids_build, ids_take },
	{ "INQUIRY page B0h", 64, false, limits_asks, limits_build, limits_take },
	{ "INQUIRY page B2h", 64, false, provisioning_asks, provisioning_build, provisioning_take },
	{ "TEST UNIT READY", 0, true, is_disk, ready_build, NULL },
	{ "READ CAPACITY(16)", 32, false, is_disk, capacity_16_build, capacity_16_take },
	{ "READ CAPACITY(10)", 8, true, capacity_10_asks, capacity_10_build, capacity_10_take },
	{ "MODE SENSE(6)", 192, false, is_disk, mode_build, mode_take },
	{ "MODE SENSE(6), all pages", 252, false, mode_all_asks, mode_all_build, mode_take },
	{ "REPORT SUPPORTED OPERATION CODES", 64, false, same_asks, same_build, same_take },
};

/* Turns what was gathered into limits that hold at the same time. */
static void probe_conclude(struct probe *probe)
{
	struct disk_info *info = &probe->info;
	uint32_t most = TRANSFER_MAX / info->block_size;

	if (!probe->limits.transfer || probe->limits.transfer > most)
		probe->limits.transfer = most;
	info->max_io = probe->limits.transfer * info->block_size;
	info->min_io = info->min_io > most ? info->block_size : info->min_io * info->block_size;
	if (info->min_io < info->block_size)
		info->min_io = info->block_size;
	info->can_write_same = probe->limits.write_same != 0;
}

static void probe_end(struct probe *probe, const struct fault *fault)
{
	if (fault->kind == FAULT_NONE && is_disk(probe))
		probe_conclude(probe);
	probe->done(probe, fault);
}

static void probe_fail(struct probe *probe, const char *name, int error)
{
	const struct task *task = &probe->command.io.task;
	struct fault fault;
	struct sense sense;

	if (probe->unit->closing)
		fault_set(&fault, FAULT_ABANDONED, 0, "the unit was closed while it was asked");
	else if (task->outcome != TASK_COMPLETE)
		fault = task->fault;
	else if (error == -ENODEV)
		fault_set(&fault, FAULT_SCSI, 0, "there is no unit with this number");
	else if (task->status == SENSE_CHECK_CONDITION &&
		 sense_get(task->sense, task->sense_len, &sense) == 0)
		fault_set(&fault, FAULT_SCSI, task->status, "%s failed: %s, %02x/%02x", name,
			  sense_key_name(sense.key), sense.asc, sense.ascq);
	else
		fault_set(&fault, FAULT_SCSI, task->status, "%s failed: %s, %s", name,
			  sense_status_name(task->status), strerror(-error));
	if (fault.kind == FAULT_NONE)
		fault_set(&fault, FAULT_GONE, 0, "%s was not delivered", name);
	probe_end(probe, &fault);
}

static void probe_next(struct probe *probe);

/* Nothing more can be learnt from a nexus that is gone, however optional the question. And a unit
 * in use must not lose an ability because something else went wrong when it was asked again. */
static bool step_fatal(const struct probe *probe, const struct step *step, int error)
{
	const struct task *task = &probe->command.io.task;

	return step->needed || probe->unit->closing ||
	       (task->outcome == TASK_FAILED && task->fault.kind == FAULT_GONE) ||
	       (probe->again && error != -EOPNOTSUPP && !(probe->missed & 1u << probe->step));
}

static void command_done(struct command *command, int error)
{
	struct probe *probe = list_entry(command, struct probe, command);
	const struct step *step = &steps[probe->step];
	size_t len = command->io.task.received;

	if (!error && step->take)
		error = step->take(probe, len < step->room ? len : step->room);
	if (error && step_fatal(probe, step, error)) {
		probe_fail(probe, step->name, error);
		return;
	}
	if (error)
		probe->missed |= 1u << probe->step;
	probe->step++;
	probe_next(probe);
}

static void probe_next(struct probe *probe)
{
	const unsigned n = sizeof steps / sizeof *steps;
	const struct step *step;

	while (probe->step < n && steps[probe->step].asks && !steps[probe->step].asks(probe))
		probe->step++;
	if (probe->step == n) {
		probe_end(probe, &(struct fault) { .kind = FAULT_NONE });
		return;
	}
	step = &steps[probe->step];
	command_prepare(&probe->command, probe->unit, command_done);
	memset(probe->data, 0, sizeof probe->data);
	step->build(probe->command.io.task.cdb, step->room);
	probe->command.io.task.in = probe->data;
	probe->command.io.task.in_len = step->room;
	command_run(&probe->command);
}

void probe_start(struct probe *probe, struct unit *unit, bool again,
		 void (*done)(struct probe *probe, const struct fault *fault))
{
	unsigned missed = again ? probe->missed : 0;

	*probe = (struct probe) { .unit = unit, .done = done, .again = again, .missed = missed };
	probe->info.lun = unit->lun;
	probe_next(probe);
}
