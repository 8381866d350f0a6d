/*
 * work.c - commands with random sizes and places, and the model of what the disks must hold. Every
 * block of a disk has a version that is written into it; a write makes a new one. Commands that touch
 * a block that is being written wait, so what a read must find is known.
 */
#include <string.h>

#include "base/bytes.h"

#include "sim.h"

static uint32_t blocks_of(const struct sim *sim)
{
	return sim->options.peer.blocks;
}

void work_begin(struct sim *sim)
{
	struct work *w = &sim->work;

	for (unsigned i = 0; i < sim->options.peer.luns; i++) {
		w->version[i] = sim_alloc(blocks_of(sim) * sizeof(uint32_t));
		w->durable[i] = sim_alloc(blocks_of(sim) * sizeof(uint32_t));
		w->newest[i] = sim_alloc(blocks_of(sim) * sizeof(uint32_t));
		w->readers[i] = sim_alloc(blocks_of(sim) * sizeof(uint16_t));
		w->written[i] = sim_alloc(blocks_of(sim));
	}
	w->next_version = 1;
}

static void op_free(struct op *op)
{
	free(op->in);
	free(op->out);
	free(op->seen);
	memset(op, 0, sizeof(*op));
}

void work_end(struct sim *sim)
{
	struct work *w = &sim->work;

	for (unsigned i = 0; i < SIM_OPS; i++)
		op_free(&w->op[i]);
	for (unsigned i = 0; i < PEER_LUNS; i++) {
		free(w->version[i]);
		free(w->durable[i]);
		free(w->newest[i]);
		free(w->readers[i]);
		free(w->written[i]);
	}
}

/* ---------------------------------------------------------------- content */

/* Version 0 is a block of zeros; the number stands in front of the pattern that follows from it. */
static void fill(uint8_t *block, unsigned lun, uint32_t lba, uint32_t version)
{
	uint64_t pattern = ((uint64_t)version << 32 | lba << 3 | lun) * UINT64_C(0x9e3779b97f4a7c15);

	memset(block, 0, PEER_BLOCK);
	if (!version)
		return;
	for (unsigned i = 0; i < PEER_BLOCK; i += 8, pattern = pattern * 6364136223846793005u + 1)
		bytes_put64(block + i, pattern);
	bytes_put32(block, version);
}

static bool holds(const uint8_t *block, unsigned lun, uint32_t lba, uint32_t version)
{
	uint8_t expected[PEER_BLOCK];

	fill(expected, lun, lba, version);
	return memcmp(block, expected, PEER_BLOCK) == 0;
}

/* ---------------------------------------------------------------- making commands */

static bool range_free(const struct work *w, const struct op *op, bool writes)
{
	for (uint32_t i = op->block; i < op->block + op->blocks; i++)
		if (w->written[op->lun][i] || (writes && w->readers[op->lun][i]))
			return false;
	return true;
}

static bool op_writes(const struct op *op)
{
	return op->kind == OP_WRITE || op->kind == OP_UNMAP || op->kind == OP_SAME;
}

static bool op_has_range(const struct op *op)
{
	return op_writes(op) || op->kind == OP_READ;
}

static void lock_range(struct work *w, const struct op *op, int by)
{
	for (uint32_t i = op->block; op_has_range(op) && i < op->block + op->blocks; i++) {
		if (op_writes(op))
			w->written[op->lun][i] = by > 0;
		else
			w->readers[op->lun][i] = (uint16_t)(w->readers[op->lun][i] + by);
	}
}

static void make_cdb(const struct sim *sim, struct op *op)
{
	static const uint8_t codes[OP_KINDS] = { 0x88, 0x8a, 0x91, 0x42, 0x93, 0x00, 0x12 };
	uint8_t *cdb = op->task.cdb;

	cdb[0] = codes[op->kind];
	if (op->kind == OP_UNMAP) {
		bytes_put16(cdb + 7, 24);
	} else if (op->kind == OP_INQUIRY) {
		bytes_put16(cdb + 3, 255);
	} else if (op_has_range(op) && sim->options.peer.blocks < 65536 && op->version % 2 &&
		   op->kind != OP_SAME) {
		cdb[0] = op->kind == OP_READ ? 0x28 : 0x2a;
		bytes_put32(cdb + 2, op->block);
		bytes_put16(cdb + 7, (uint16_t)op->blocks);
	} else if (op_has_range(op)) {
		bytes_put64(cdb + 2, op->block);
		bytes_put32(cdb + 10, op->blocks);
	}
	if (op->fua)
		cdb[1] |= 0x08;
	bytes_put16(cdb + 14, op->number);
}

static void make_data(struct op *op)
{
	struct task *t = &op->task;
	uint32_t head = 0;

	switch (op->kind) {
	case OP_READ:
		t->in_len = op->blocks * PEER_BLOCK;
		break;
	case OP_INQUIRY:
		t->in_len = 255;
		break;
	case OP_WRITE:
		t->out_len = op->blocks * PEER_BLOCK;
		break;
	case OP_UNMAP:
		t->out_len = 24;
		break;
	case OP_SAME:
		t->out_len = PEER_BLOCK;
		break;
	default:
		break;
	}
	if (t->in_len) {
		op->in = sim_alloc(t->in_len);
		memset(op->in, 0xa5, t->in_len);
	}
	if (t->out_len)
		op->out = sim_alloc(t->out_len);
	t->in = op->in;
	t->out = op->out;
	if (op->kind == OP_UNMAP) {
		bytes_put16(op->out, 22);
		bytes_put16(op->out + 2, 16);
		bytes_put64(op->out + 8, op->block);
		bytes_put32(op->out + 16, op->blocks);
	}
	for (; op->kind == OP_WRITE && head < op->blocks; head++)
		fill(op->out + (size_t)head * PEER_BLOCK, op->lun, op->block + head, op->version);
}

static void snapshot(const struct sim *sim, struct op *op)
{
	size_t len = blocks_of(sim) * sizeof(uint32_t);

	op->seen = sim_alloc(len);
	memcpy(op->seen, sim->work.version[op->lun], len);
}

/* UNMAP and WRITE SAME leave zeros here, which is version 0: numbers of versions do not rise then, so
 * power failures are not simulated together with them. */
static enum op_kind pick_kind(struct sim *sim)
{
	static const uint8_t of_hundred[OP_KINDS] = { 45, 40, 5, 3, 3, 2, 2 };
	unsigned at = random_below(&sim->random, 100), kind = 0;

	while (at >= of_hundred[kind])
		at -= of_hundred[kind++];
	if ((kind == OP_UNMAP || kind == OP_SAME) && sim->options.trouble[TROUBLE_POWER])
		return OP_WRITE;
	return kind;
}

static bool make(struct sim *sim, struct op *op)
{
	struct work *w = &sim->work;
	uint32_t most = sim->options.most_blocks;

	op->kind = pick_kind(sim);
	op->lun = random_below(&sim->random, sim->options.peer.luns);
	op->blocks = 1 + random_below(&sim->random, random_one_in(&sim->random, 3) ? most : (most + 7) / 8);
	op->block = random_below(&sim->random, blocks_of(sim) - op->blocks + 1);
	if (op_has_range(op) && !range_free(w, op, op_writes(op))) {
		memset(op, 0, sizeof(*op));
		return false;
	}
	op->version = w->next_version++;
	op->number = (uint16_t)w->begun;
	op->fua = op->kind == OP_WRITE && random_one_in(&sim->random, 8);
	op->task.lun = (uint64_t)op->lun << 48;
	op->task.attribute = 1;
	make_cdb(sim, op);
	make_data(op);
	lock_range(w, op, 1);
	for (uint32_t i = 0; op->kind == OP_WRITE && i < op->blocks; i++)
		w->newest[op->lun][op->block + i] = op->version;
	op->state = OP_HELD;
	w->begun++;
	w->busy++;
	return true;
}

/* ---------------------------------------------------------------- giving them */

/* The first run of a lost one may still be alive as long as the epoch is the one it ran in. */
static bool may_go(const struct sim *sim, const struct op *op)
{
	return op->state == OP_HELD && (!op->repeat || op->task.epoch < sim->home.epoch);
}

static bool give(struct sim *sim, struct op *op)
{
	if (!may_go(sim, op) || !home_submit(sim, &op->task))
		return false;
	if (op->kind == OP_FLUSH) {
		free(op->seen);
		snapshot(sim, op);
	}
	op->state = OP_OUT;
	op->runs++;
	return true;
}

bool work_step(struct sim *sim)
{
	struct work *w = &sim->work;
	unsigned first = random_below(&sim->random, SIM_OPS);
	struct op *empty = NULL;

	for (unsigned i = 0; i < SIM_OPS; i++) {
		struct op *op = &w->op[(first + i) % SIM_OPS];

		if (op->state == OP_FREE)
			empty = op;
		else if (give(sim, op))
			return true;
	}
	if (!empty || !sim->home.ups || sim->home.over || w->begun >= sim->options.ops ||
	    w->busy >= sim->options.depth)
		return false;
	return make(sim, empty);
}

/* ---------------------------------------------------------------- what came back */

static void check_read(struct sim *sim, const struct op *op)
{
	const struct work *w = &sim->work;

	if (op->task.received != op->task.in_len)
		sim_fail(sim, "a good read brought %u of %u bytes", op->task.received, op->task.in_len);
	for (uint32_t i = 0; i < op->blocks; i++)
		if (!holds(op->in + (size_t)i * PEER_BLOCK, op->lun, op->block + i,
			   w->version[op->lun][op->block + i]))
			sim_fail(sim, "unit %u block %u does not hold version %u", op->lun, op->block + i,
				 w->version[op->lun][op->block + i]);
}

static void raise(uint32_t *at, uint32_t value)
{
	if (*at < value)
		*at = value;
}

static void written(struct sim *sim, const struct op *op)
{
	struct work *w = &sim->work;

	for (uint32_t i = op->block; i < op->block + op->blocks; i++) {
		w->version[op->lun][i] = op->kind == OP_WRITE ? op->version : 0;
		if (op->fua)
			raise(&w->durable[op->lun][i], op->version);
	}
}

static void completed(struct sim *sim, struct op *op)
{
	struct work *w = &sim->work;

	switch (op->kind) {
	case OP_READ:
		check_read(sim, op);
		break;
	case OP_WRITE:
	case OP_UNMAP:
	case OP_SAME:
		written(sim, op);
		break;
	case OP_FLUSH:
		for (uint32_t i = 0; i < blocks_of(sim); i++)
			raise(&w->durable[op->lun][i], op->seen[i]);
		break;
	case OP_INQUIRY:
		if (op->task.received != 36 || memcmp(op->in + 8, "ISCSIDSC", 8) ||
		    !op->task.underflow || op->task.residual != 255 - 36)
			sim_fail(sim, "a wrong INQUIRY answer of %u bytes", op->task.received);
		break;
	default:
		break;
	}
}

static void finish(struct sim *sim, struct op *op)
{
	lock_range(&sim->work, op, -1);
	op_free(op);
	sim->work.done++;
	sim->work.busy--;
}

static bool unit_attention(const struct task *t)
{
	return t->status == 2 && (t->sense_len == 0 || (t->sense_len > 2 && (t->sense[2] & 15) == 6));
}

void work_returned(struct sim *sim, struct task *task)
{
	struct op *op = (struct op *)task; /* its first member */

	if (op < sim->work.op || op >= sim->work.op + SIM_OPS || op->state != OP_OUT) {
		sim_fail(sim, "a command ended twice");
		return;
	}
	op->state = OP_HELD;
	op->repeat = false;
	switch (task->outcome) {
	case TASK_UNSENT:
		op->runs--;
		if (peer_seen(sim->peer, op->number) > op->runs)
			sim_fail(sim, "a command that is said to be unsent was seen");
		break;
	case TASK_LOST:
		if (task->epoch > sim->home.epoch)
			sim_fail(sim, "lost in an epoch that did not begin");
		op->repeat = true;
		break;
	case TASK_FAILED:
		sim->work.failed++;
		if (sim->options.fault_cost != PEER_COSTS_TASK)
			sim_fail(sim, "a command failed: %s", task->fault.text);
		break; /* again */
	case TASK_COMPLETE:
		if (task->status == 0) {
			completed(sim, op);
			finish(sim, op);
		} else if (!unit_attention(task)) {
			sim_fail(sim, "status %u", task->status);
		}
		break;
	}
}

bool work_finished(const struct sim *sim)
{
	return sim->work.begun >= sim->options.ops && !sim->work.busy;
}

/* ---------------------------------------------------------------- the disks */

void work_check_disks(struct sim *sim)
{
	for (unsigned lun = 0; lun < sim->options.peer.luns; lun++)
		for (uint32_t i = 0; i < blocks_of(sim); i++)
			if (!holds(peer_block(sim->peer, lun, i), lun, i, sim->work.version[lun][i]))
				sim_fail(sim, "at the end unit %u block %u does not hold version %u", lun, i,
					 sim->work.version[lun][i]);
}

static void recover_block(struct sim *sim, unsigned lun, uint32_t i)
{
	struct work *w = &sim->work;
	const uint8_t *block = peer_block(sim->peer, lun, i);
	uint32_t version = bytes_get32(block);

	if (!holds(block, lun, i, version))
		sim_fail(sim, "after a power failure unit %u block %u holds nonsense", lun, i);
	else if (version < w->durable[lun][i] || version > w->newest[lun][i])
		sim_fail(sim, "after a power failure unit %u block %u holds version %u, durable was %u",
			 lun, i, version, w->durable[lun][i]);
	w->version[lun][i] = version;
	for (unsigned k = 0; k < SIM_OPS; k++)
		if (w->op[k].state && w->op[k].seen && w->op[k].lun == lun && w->op[k].seen[i] > version)
			w->op[k].seen[i] = version;
}

void work_power_failure(struct sim *sim)
{
	for (unsigned lun = 0; lun < sim->options.peer.luns; lun++)
		for (uint32_t i = 0; i < blocks_of(sim); i++)
			recover_block(sim, lun, i);
}
