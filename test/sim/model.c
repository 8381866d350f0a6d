/*
 * model.c - what the disks must hold. Every block has a version that is written into it; a write makes a
 * new one. Commands that touch a block that is being written wait, so what a read must find is known.
 */
#include <string.h>

#include "base/bytes.h"

#include "../duty.h"
#include "sim.h"

static uint32_t blocks_of(const struct sim *sim)
{
	return sim->options.peer.blocks;
}

void model_begin(struct sim *sim)
{
	struct work *w = &sim->work;

	for (unsigned i = 0; i < sim->options.peer.luns; i++) {
		w->version[i] = sim_alloc(blocks_of(sim) * sizeof(uint32_t));
		w->durable[i] = sim_alloc(blocks_of(sim) * sizeof(uint32_t));
		w->newest[i] = sim_alloc(blocks_of(sim) * sizeof(uint32_t));
		w->readers[i] = sim_alloc(blocks_of(sim) * sizeof(uint16_t));
		w->written[i] = sim_alloc(blocks_of(sim));
	}
}

void model_end(struct sim *sim)
{
	struct work *w = &sim->work;

	for (unsigned i = 0; i < PEER_LUNS; i++) {
		free(w->version[i]);
		free(w->durable[i]);
		free(w->newest[i]);
		free(w->readers[i]);
		free(w->written[i]);
	}
}

/* ---------------------------------------------------------------- content */

/* The number stands in front of the pattern that follows from it. */
void model_fill(uint8_t *block, unsigned lun, uint32_t lba, uint32_t version)
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

	model_fill(expected, lun, lba, version);
	return memcmp(block, expected, PEER_BLOCK) == 0;
}

/* ---------------------------------------------------------------- ranges */

bool op_writes(const struct op *op)
{
	return op->kind == OP_WRITE || op->kind == OP_UNMAP || op->kind == OP_SAME ||
	       op->kind == OP_LONG_WRITE || op->kind == OP_SWAP;
}

bool op_has_range(const struct op *op)
{
	return op_writes(op) || op->kind == OP_READ || op->kind == OP_LONG_READ;
}

static bool leaves_version(const struct op *op)
{
	return op->kind == OP_WRITE || op->kind == OP_LONG_WRITE || op->kind == OP_SWAP;
}

bool model_free(const struct sim *sim, const struct op *op)
{
	const struct work *w = &sim->work;

	for (uint32_t i = op->block; op_has_range(op) && i < op->block + op->blocks; i++)
		if (w->written[op->lun][i] || (op_writes(op) && w->readers[op->lun][i]))
			return false;
	return true;
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

void model_lock(struct sim *sim, const struct op *op)
{
	lock_range(&sim->work, op, 1);
	for (uint32_t i = 0; leaves_version(op) && i < op->blocks; i++)
		sim->work.newest[op->lun][op->block + i] = op->version;
}

void model_unlock(struct sim *sim, const struct op *op)
{
	lock_range(&sim->work, op, -1);
}

/* ---------------------------------------------------------------- what commands did */

static void check_read(struct sim *sim, const struct op *op)
{
	const struct work *w = &sim->work;

	if (op->task.received != op->task.in_len)
		sim_fail(sim, "a good read brought %u of %u bytes", op->task.received, op->task.in_len);
	else
		DUTY("IN-1 IN-14");
	for (uint32_t i = 0; i < op->blocks; i++)
		if (!holds(op->in + (size_t)i * PEER_BLOCK, op->lun, op->block + i,
			   w->version[op->lun][op->block + i]))
			sim_fail(sim, "unit %u block %u does not hold version %u", op->lun, op->block + i,
				 w->version[op->lun][op->block + i]);
}

/* It brought old XOR new. */
static void check_swap(struct sim *sim, const struct op *op)
{
	for (uint32_t i = 0; op->task.received == op->task.in_len && i < op->task.in_len; i++)
		op->in[i] ^= op->out[i];
	check_read(sim, op);
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
		w->version[op->lun][i] = leaves_version(op) ? op->version : 0;
		if (op->fua)
			raise(&w->durable[op->lun][i], op->version);
	}
}

enum { INQUIRY = 36 }; /* bytes that the target has to tell */

static void check_inquiry(struct sim *sim, const struct op *op)
{
	const struct task *t = &op->task;
	uint32_t most = t->in_len, got = most < INQUIRY ? most : INQUIRY;

	if (t->received != got || (got >= 16 && memcmp(op->in + 8, "ISCSIDSC", 8)))
		sim_fail(sim, "a wrong INQUIRY answer of %u bytes", t->received);
	if (t->underflow != (most > INQUIRY) || t->overflow != (most < INQUIRY) ||
	    t->residual != (most > INQUIRY ? most - INQUIRY : INQUIRY - most))
		sim_fail(sim, "a wrong residual: %s%s%u of a buffer of %u bytes",
			 t->overflow ? "overflow " : "", t->underflow ? "underflow " : "", t->residual, most);
	else
		DUTY("IN-11");
}

/* Increments of others may have run before or after it. */
static void check_increment(struct sim *sim, const struct op *op)
{
	uint64_t now = peer_counter(sim->peer, op->lun), got = bytes_get64(op->in);
	bool both = op->task.out_len, under = both ? op->task.in_underflow : op->task.underflow;
	uint32_t residual = both ? op->task.in_residual : op->task.residual;

	if (op->task.received != 8 || !got || got > now)
		sim_fail(sim, "a wrong counter: %llu, it is %llu", (unsigned long long)got,
			 (unsigned long long)now);
	if (under != (op->task.in_len > 8) || residual != op->task.in_len - 8)
		sim_fail(sim, "a wrong residual: %u of %u bytes came, it is %u", op->task.received,
			 op->task.in_len, residual);
	DUTY("PDU-10 IN-12");
	sim->work.increments[op->lun]++;
}

void model_completed(struct sim *sim, const struct op *op)
{
	struct work *w = &sim->work;

	switch (op->kind) {
	case OP_READ:
	case OP_LONG_READ:
		check_read(sim, op);
		break;
	case OP_SWAP:
		check_swap(sim, op);
		written(sim, op);
		break;
	case OP_WRITE:
	case OP_LONG_WRITE:
	case OP_UNMAP:
	case OP_SAME:
		written(sim, op);
		break;
	case OP_FLUSH:
		for (uint32_t i = 0; i < blocks_of(sim); i++)
			raise(&w->durable[op->lun][i], op->seen[i]);
		break;
	case OP_INQUIRY:
		check_inquiry(sim, op);
		break;
	case OP_INCREMENT:
		check_increment(sim, op);
		break;
	case OP_READY:
	case OP_KINDS:
		break;
	}
}

/* A write that was executed may have been lost again with the power. */
static void settle_block(struct sim *sim, const struct op *op, uint32_t i, bool ran)
{
	uint32_t *version = &sim->work.version[op->lun][i];
	bool done = holds(peer_block(sim->peer, op->lun, i), op->lun, i, op->version);

	if (done != ran && !(ran && sim->options.power))
		sim_fail(sim, "unit %u block %u: a write was%s executed, and the disk knows better", op->lun, i,
			 ran ? "" : " not");
	if (done)
		*version = op->version;
}

void model_settle(struct sim *sim, const struct op *op)
{
	bool ran = peer_executed(sim->peer, op->number) > 0;

	sim_say(sim, "number %u, which is not repeated, was %s", op->number, ran ? "executed" : "not executed");
	if (op->kind == OP_INCREMENT)
		sim->work.increments[op->lun] += ran;
	else if (leaves_version(op))
		for (uint32_t i = op->block; i < op->block + op->blocks; i++)
			settle_block(sim, op, i, ran);
	else if (op_writes(op) && ran)
		written(sim, op);
}

void model_snapshot(struct sim *sim, struct op *op)
{
	size_t len = blocks_of(sim) * sizeof(uint32_t);

	free(op->seen);
	op->seen = sim_alloc(len);
	memcpy(op->seen, sim->work.version[op->lun], len);
}

/* ---------------------------------------------------------------- the disks */

void model_check_disks(struct sim *sim)
{
	for (unsigned lun = 0; lun < sim->options.peer.luns; lun++) {
		for (uint32_t i = 0; i < blocks_of(sim); i++)
			if (!holds(peer_block(sim->peer, lun, i), lun, i, sim->work.version[lun][i]))
				sim_fail(sim, "at the end unit %u block %u does not hold version %u", lun, i,
					 sim->work.version[lun][i]);
		if (peer_counter(sim->peer, lun) != sim->work.increments[lun])
			sim_fail(sim, "at the end the counter of unit %u is %llu, it must be %llu", lun,
				 (unsigned long long)peer_counter(sim->peer, lun),
				 (unsigned long long)sim->work.increments[lun]);
		else
			DUTY("RT-2 SN-7 REC-8");
	}
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

void model_power_failure(struct sim *sim)
{
	for (unsigned lun = 0; lun < sim->options.peer.luns; lun++)
		for (uint32_t i = 0; i < blocks_of(sim); i++)
			recover_block(sim, lun, i);
}
