/*
 * request.c - block requests to SCSI commands. See request.h. SBC-3.
 */
#include "disk/request.h"

#include <errno.h>

#include "scsi/cdb.h"
#include "scsi/sense.h"

static void request_next(struct request *request);

static void request_end(struct request *request, int error)
{
	struct unit_counters *counters = &request->command.unit->counters;

	if (error)
		unit_count(&counters->errors, 1);
	else if (request->kind == REQUEST_READ)
		unit_count(&counters->bytes_read, request->length);
	else if (request->kind == REQUEST_WRITE)
		unit_count(&counters->bytes_written, request->length);
	request->done(request, error);
}

/* A unit without a write cache may lack the command, and has nothing to write back. */
static int sync_error(const struct request *request, int error)
{
	if (error == -EOPNOTSUPP && !request->command.unit->info.write_cache)
		return 0;
	return error;
}

static int part_error(const struct request *request, int error)
{
	if (request->syncing)
		return sync_error(request, error);
	/* The unit shrank since we asked for its size. */
	if (error == -ERANGE)
		return request->kind == REQUEST_WRITE || request->kind == REQUEST_ZERO
			       ? -ENOSPC : -EINVAL;
	return error;
}

static void command_done(struct command *command, int error)
{
	struct request *request = list_entry(command, struct request, command);

	error = part_error(request, error);
	request->at += request->part;
	if (error || request->syncing)
		request_end(request, error);
	else
		request_next(request);
}

static uint32_t part_limit(const struct request *request)
{
	const struct unit_limits *limits = &request->command.unit->limits;

	switch (request->kind) {
	case REQUEST_READ:
	case REQUEST_WRITE:
		return limits->transfer;
	case REQUEST_TRIM:
		return limits->unmap;
	case REQUEST_ZERO:
		return limits->write_same;
	case REQUEST_FLUSH:
		break;
	}
	return 0;
}

static void trim_build(struct request *request, uint64_t lba, uint32_t blocks)
{
	struct task *task = &request->command.io.task;
	struct cdb_range range = { .lba = lba, .blocks = blocks };

	task->out = request->list;
	task->out_len = (uint32_t)cdb_unmap_list(request->list, sizeof request->list, &range, 1);
	cdb_unmap(task->cdb, (uint16_t)task->out_len);
}

static void part_build(struct request *request, uint64_t lba, uint32_t blocks)
{
	const struct unit *unit = request->command.unit;
	struct task *task = &request->command.io.task;
	bool fua = request->fua && unit->info.can_fua;

	switch (request->kind) {
	case REQUEST_READ:
		cdb_read(task->cdb, lba, blocks, fua);
		task->in = request->data + request->at;
		task->in_len = request->part;
		break;
	case REQUEST_WRITE:
		cdb_write(task->cdb, lba, blocks, fua);
		task->out = request->data + request->at;
		task->out_len = request->part;
		break;
	case REQUEST_TRIM:
		trim_build(request, lba, blocks);
		break;
	case REQUEST_ZERO:
		/* One block of zeros travels: not every unit knows NDOB, each knows this. */
		cdb_write_same_16(task->cdb, lba, blocks,
				  unit->limits.same_unmaps && !request->no_hole, false);
		task->out = unit->zeros;
		task->out_len = unit->info.block_size;
		break;
	case REQUEST_FLUSH:
		break;
	}
}

static void sync_run(struct request *request)
{
	command_prepare(&request->command, request->command.unit, command_done);
	request->syncing = true;
	request->part = 0;
	cdb_synchronize_cache(request->command.io.task.cdb, 0, 0);
	command_run(&request->command);
}

/* FUA where the commands themselves could not carry it. */
static bool needs_sync(const struct request *request)
{
	switch (request->kind) {
	case REQUEST_READ:
		return false;
	case REQUEST_WRITE:
		return request->fua && !request->command.unit->info.can_fua;
	case REQUEST_TRIM:
	case REQUEST_ZERO:
		return request->fua;
	case REQUEST_FLUSH:
		return true;
	}
	return false;
}

static void part_run(struct request *request)
{
	const struct unit *unit = request->command.unit;
	uint32_t block = unit->info.block_size;
	uint64_t blocks = (request->length - request->at) / block;

	if (blocks > part_limit(request))
		blocks = part_limit(request);
	/* The unit has lost the ability meanwhile; 0 blocks would mean all of them. */
	if (!blocks) {
		request_end(request, -EOPNOTSUPP);
		return;
	}
	command_prepare(&request->command, request->command.unit, command_done);
	request->part = (uint32_t)(blocks * block);
	part_build(request, (request->offset + request->at) / block, (uint32_t)blocks);
	request->command.exact = request->kind == REQUEST_READ || request->kind == REQUEST_WRITE;
	command_run(&request->command);
}

static void request_next(struct request *request)
{
	if (request->at < request->length)
		part_run(request);
	else if (needs_sync(request))
		sync_run(request);
	else
		request_end(request, 0);
}

void request_run(struct request *request, struct unit *unit)
{
	request->at = 0;
	request->part = 0;
	request->syncing = false;
	request->command.unit = unit;
	if (request->kind == REQUEST_READ)
		unit_count(&unit->counters.reads, 1);
	else if (request->kind == REQUEST_WRITE)
		unit_count(&unit->counters.writes, 1);
	request_next(request);
}
