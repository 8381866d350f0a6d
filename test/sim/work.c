/*
 * work.c - commands with random sizes and places, what becomes of them, and which are repeated: those
 * that the engine said are dead, if repeating them changes nothing. The others are looked up in the
 * target: executed once or not at all.
 */
#include <string.h>

#include "base/bytes.h"

#include "../duty.h"
#include "memory.h"
#include "sim.h"

enum { NUMBERS = 65536, BUSIES_MAX = 200 };

void work_begin(struct sim *sim)
{
	model_begin(sim);
	sim->work.dead = sim_alloc(NUMBERS);
	sim->work.next_version = 1;
}

/* Memory of a command that has ended. The address sanitizer sees what is done to it then; without it, it
 * is kept for a while, and must stay as it is. */
enum { REMAINS = 0x5a };

static void check_remains(struct sim *sim, struct remains *at)
{
	for (uint32_t i = 0; i < at->len; i++)
		if (at->data[i] != REMAINS) {
			sim_fail(sim, "memory of a command that has ended was written to");
			break;
		}
	free(at->data);
}

static void bury(struct sim *sim, uint8_t *data, uint32_t len)
{
#ifdef __SANITIZE_ADDRESS__
	(void)sim;
	(void)len;
	free(data);
#else
	struct work *w = &sim->work;
	struct remains *at = &w->remains[w->buried++ % WORK_REMAINS];

	if (!data)
		return;
	check_remains(sim, at);
	memset(data, REMAINS, len);
	*at = (struct remains){ data, len };
#endif
}

static bool overlap(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

bool work_is_over(const struct sim *sim, const uint8_t *data, size_t len)
{
	for (unsigned i = 0; i < WORK_REMAINS; i++)
		if (overlap(data, len, sim->work.remains[i].data, sim->work.remains[i].len))
			return true;
	return false;
}

static void op_free(struct sim *sim, struct op *op)
{
	bury(sim, op->in, op->task.in_len);
	bury(sim, op->out, op->task.out_len);
	free(op->seen);
	memset(op, 0, sizeof(*op));
}

void work_end(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_OPS; i++)
		op_free(sim, &sim->work.op[i]);
	for (unsigned i = 0; i < WORK_REMAINS; i++)
		check_remains(sim, &sim->work.remains[i]);
	free(sim->work.dead);
	model_end(sim);
}

/* ---------------------------------------------------------------- making commands */

/* Each run of a command has its own number. They come again after 65536; runs are shorter. */
static void number(struct sim *sim, struct op *op)
{
	bool is_long = op->kind == OP_LONG_READ || op->kind == OP_LONG_WRITE;

	op->number = (uint16_t)sim->work.numbers++;
	bytes_put16(is_long ? op->rest + 4 : op->task.cdb + 14, op->number);
}

/* READ(32) and WRITE(32) of SBC. */
static void make_long_cdb(struct op *op)
{
	struct task *t = &op->task;

	t->cdb[0] = PEER_VARIABLE;
	t->cdb[7] = 24;
	bytes_put16(t->cdb + 8, op->kind == OP_LONG_READ ? 0x09 : 0x0b);
	t->cdb[10] = op->fua ? 0x08 : 0;
	bytes_put32(op->rest, op->block);
	bytes_put32(op->rest + 12, op->blocks);
	t->cdb_len = 32;
	t->cdb_rest = op->rest;
}

static void make_cdb(const struct sim *sim, struct op *op)
{
	static const uint8_t codes[OP_KINDS] = { 0x88, 0x8a, 0x91, 0x42, 0x93, 0x00, 0x12, 0, 0,
		PEER_XDWRITEREAD, PEER_INCREMENT };
	bool small = sim->options.peer.blocks < 65536 && op->version % 2;
	uint8_t *cdb = op->task.cdb;

	if (op->kind == OP_LONG_READ || op->kind == OP_LONG_WRITE) {
		make_long_cdb(op);
		return;
	}
	cdb[0] = codes[op->kind];
	if (op->kind == OP_UNMAP) {
		bytes_put16(cdb + 7, 24);
	} else if (op->kind == OP_INQUIRY) {
		bytes_put16(cdb + 3, 255);
	} else if (op->kind == OP_SWAP || ((op->kind == OP_READ || op->kind == OP_WRITE) && small)) {
		if (op->kind != OP_SWAP)
			cdb[0] = op->kind == OP_READ ? 0x28 : 0x2a;
		bytes_put32(cdb + 2, op->block);
		bytes_put16(cdb + 7, (uint16_t)op->blocks);
	} else if (op_has_range(op)) {
		bytes_put64(cdb + 2, op->block);
		bytes_put32(cdb + 10, op->blocks);
	}
	if (op->fua)
		cdb[1] |= 0x08;
}

static void lengths(struct sim *sim, struct op *op)
{
	struct task *t = &op->task;
	uint32_t range = op->blocks * PEER_BLOCK;

	switch (op->kind) {
	case OP_READ:
	case OP_LONG_READ:
		t->in_len = range;
		break;
	case OP_INQUIRY: /* less room than there is to tell, and more */
		t->in_len = op->version % 3 ? 255 : 1 + op->version % 35;
		break;
	case OP_WRITE:
	case OP_LONG_WRITE:
		t->out_len = range;
		break;
	case OP_SWAP:
		t->in_len = t->out_len = range;
		break;
	case OP_UNMAP:
		t->out_len = 24;
		break;
	case OP_SAME:
		t->out_len = PEER_BLOCK;
		break;
	case OP_INCREMENT:
		t->in_len = 8 + random_below(&sim->random, 2) * random_below(&sim->random, 100);
		t->out_len = random_one_in(&sim->random, 3) ? 0 : 1 + random_below(&sim->random, range);
		break;
	default:
		break;
	}
}

static void make_room(struct op *op)
{
	struct task *t = &op->task;

	if (!t->in_len)
		return;
	op->in = sim_alloc(t->in_len);
	memset(op->in, 0xa5, t->in_len);
	t->in = op->in;
}

static void make_data(struct sim *sim, struct op *op)
{
	struct task *t = &op->task;

	lengths(sim, op);
	make_room(op);
	if (t->out_len)
		op->out = sim_alloc(t->out_len);
	t->out = op->out;
	if (op->kind == OP_UNMAP) {
		bytes_put16(op->out, 22);
		bytes_put16(op->out + 2, 16);
		bytes_put64(op->out + 8, op->block);
		bytes_put32(op->out + 16, op->blocks);
	} else if (op->kind == OP_WRITE || op->kind == OP_LONG_WRITE || op->kind == OP_SWAP) {
		for (uint32_t i = 0; i < op->blocks; i++)
			model_fill(op->out + (size_t)i * PEER_BLOCK, op->lun, op->block + i, op->version);
	}
}

/* UNMAP and WRITE SAME leave zeros here, which is version 0: numbers of versions do not rise then, so
 * power failures are not simulated together with them. */
static enum op_kind pick_kind(struct sim *sim)
{
	static const uint8_t of_hundred[OP_KINDS] = { 38, 33, 4, 3, 3, 2, 2, 4, 4, 4, 3 };
	unsigned at = random_below(&sim->random, 100), kind = 0;

	while (at >= of_hundred[kind])
		at -= of_hundred[kind++];
	if ((kind == OP_UNMAP || kind == OP_SAME) && sim->options.power)
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
	op->block = random_below(&sim->random, sim->options.peer.blocks - op->blocks + 1);
	if (!model_free(sim, op)) {
		memset(op, 0, sizeof(*op));
		return false;
	}
	op->version = w->next_version++;
	op->fua = (op->kind == OP_WRITE || op->kind == OP_LONG_WRITE) && random_one_in(&sim->random, 8);
	op->once = op->kind == OP_SWAP || op->kind == OP_INCREMENT ||
		   (op_writes(op) && sim->options.once && random_one_in(&sim->random, sim->options.once));
	op->task.lun = (uint64_t)op->lun << 48;
	op->task.attribute = 1;
	op->task.priority = (uint8_t)random_below(&sim->random, 16);
	make_cdb(sim, op);
	make_data(sim, op);
	number(sim, op);
	model_lock(sim, op);
	op->state = OP_HELD;
	w->begun++;
	w->busy++;
	return true;
}

/* ---------------------------------------------------------------- giving them */

static void finish(struct sim *sim, struct op *op)
{
	model_unlock(sim, op);
	op_free(sim, op);
	sim->work.done++;
	sim->work.ended_at = sim->now;
	sim->work.busy--;
}

static bool give(struct sim *sim, struct op *op)
{
	if (op->state != OP_HELD || op->not_before > sim->now)
		return false;
	if (op->unsettled || (sim->options.leaves_early && sim->home.over)) {
		if (!sim->home.up && !sim->home.over)
			return false;
		model_settle(sim, op);
		finish(sim, op);
		return true;
	}
	if (!home_submit(sim, &op->task))
		return false;
	if (op->kind == OP_FLUSH)
		model_snapshot(sim, op);
	sim_say(sim, "       number %u: cdb %02x, unit %u, block %u, %u blocks", op->number, op->task.cdb[0],
		op->lun, op->block, op->blocks);
	op->state = OP_OUT;
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

uint64_t work_deadline(const struct sim *sim)
{
	uint64_t at = ENGINE_NEVER;

	for (unsigned i = 0; i < SIM_OPS; i++) {
		const struct op *op = &sim->work.op[i];

		if (op->state == OP_HELD && op->not_before > sim->now && op->not_before < at)
			at = op->not_before;
	}
	return at;
}

/* ---------------------------------------------------------------- what came back */

static unsigned sense_key(const struct task *t)
{
	return t->sense_len > 2 ? t->sense[2] & 15 : 0;
}

static unsigned sense_code(const struct task *t)
{
	return t->sense_len > 13 ? bytes_get16(t->sense + 12) : 0;
}

static bool unit_attention(const struct task *t)
{
	return t->status == 2 && (t->sense_len == 0 || sense_key(t) == 6);
}

/* IN-15: a wrong digest cost data that did not come again (DIG-4, or the target's own). */
static bool crc_error(const struct sim *sim, const struct task *t)
{
	bool lost = sim->flips_came || (sim->options.level && peer_faults_done(sim->peer));

	return lost && t->status == 2 && sense_key(t) == 0xb &&
	       (sense_code(t) == 0x4705 || sense_code(t) == 0x1113 || sense_code(t) == 0x0c0d);
}

/* It does not run any more: from now on nothing may come of it. */
static void note_dead(struct sim *sim, struct op *op)
{
	sim->work.dead[op->number] = (uint8_t)(1 + peer_executed(sim->peer, op->number));
}

/* Nobody may write any more to where the first run read to. */
static void repeat(struct sim *sim, struct op *op)
{
	number(sim, op);
	bury(sim, op->in, op->task.in_len);
	make_room(op);
}

/* Its end is unknown. */
static void unknown(struct sim *sim, struct op *op, bool proven)
{
	if (proven)
		note_dead(sim, op);
	if (!op->once) {
		repeat(sim, op);
	} else if (proven) {
		model_settle(sim, op);
		finish(sim, op);
	} else {
		op->unsettled = true;
	}
}

static void refused(struct sim *sim, struct op *op)
{
	struct task *t = &op->task;

	if (unit_attention(t)) {
		number(sim, op);
	} else if (crc_error(sim, t)) {
		unknown(sim, op, true);
	} else if ((t->status == 8 || t->status == 0x28) && sim->options.peer.busy) {
		op->not_before = sim->now + random_below(&sim->random, 5000) * SIM_US;
		number(sim, op);
		if (++op->busy > BUSIES_MAX)
			sim_fail(sim, "the target was busy too often");
	} else {
		sim_fail(sim, "status %u, sense %x/%04x", t->status, sense_key(t), sense_code(t));
	}
}

static void check_once(struct sim *sim, const struct op *op)
{
	if (peer_executed(sim->peer, op->number) > 1)
		sim_fail(sim, "number %u was executed %u times", op->number,
			 peer_executed(sim->peer, op->number));
}

static void ended(struct sim *sim, struct op *op)
{
	struct task *t = &op->task;

	switch (t->outcome) {
	case TASK_UNSENT:
		if (peer_seen(sim->peer, op->number))
			sim_fail(sim, "number %u is said to be unsent and was seen", op->number);
		else
			DUTY("MCS-8");
		break;
	case TASK_LOST:
		sim->work.lost++;
		unknown(sim, op, !sim->home.failed);
		break;
	case TASK_ABORTED:
		if (!sim->functions_came && !sim->options.times.command)
			sim_fail(sim, "aborted without a reason: %s", t->fault.text);
		sim->work.aborted++;
		DUTY("TM-8 TMO-1");
		unknown(sim, op, true);
		break;
	case TASK_FAILED:
		sim->work.failed++;
		if (sim->options.fault_cost != PEER_COSTS_TASK &&
		    !(t->fault.kind == FAULT_NO_MEMORY && memory.failed))
			sim_fail(sim, "a command failed: %s", t->fault.text);
		unknown(sim, op, true);
		break;
	case TASK_COMPLETE:
		if (t->status) {
			refused(sim, op);
			break;
		}
		if (op_writes(op) && !peer_executed(sim->peer, op->number))
			sim_fail(sim, "number %u ended well and was not executed", op->number);
		model_completed(sim, op);
		finish(sim, op);
		break;
	case TASK_SUSPENDED:
		sim_fail(sim, "a suspended command came to the layer above");
		break;
	}
}

void work_check_status(struct sim *sim, const struct task *task)
{
	const struct op *op = (const struct op *)task; /* its first member */

	if (task->outcome == TASK_COMPLETE && !task->status && peer_at_work(sim->peer, op->number) &&
	    !peer_faults_done(sim->peer))
		sim_fail(sim, "number %u ended well before the target was done", op->number);
	else if (task->outcome == TASK_COMPLETE && task->snack_tag)
		DUTY("IN-17");
}

void work_returned(struct sim *sim, struct task *task)
{
	struct op *op = (struct op *)task; /* its first member */

	if (op < sim->work.op || op >= sim->work.op + SIM_OPS || op->state != OP_OUT ||
	    op->adrift.next) {
		sim_fail(sim, "a command ended twice");
		return;
	}
	sim_say(sim, "       number %u, itt %08x: outcome %u status %u %s", op->number, task->itt,
		task->outcome, task->status, task->outcome ? task->fault.text : "");
	check_once(sim, op);
	op->state = OP_HELD;
	ended(sim, op);
}

bool work_finished(const struct sim *sim)
{
	return sim->work.begun >= sim->options.ops && !sim->work.busy;
}

void work_check_runs(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->work.numbers && i < NUMBERS; i++) {
		unsigned ran = peer_executed(sim->peer, (uint16_t)i), dead = sim->work.dead[i];

		if (ran > 1)
			sim_fail(sim, "number %u was executed %u times", i, ran);
		if (dead && ran != dead - 1u)
			sim_fail(sim, "number %u was executed after it was said to be dead", i);
		else if (dead)
			DUTY("RT-4 MCS-15 REC-5 RA-2");
	}
	DUTY("RV-1.3 RV-4.5");
}

void work_say_open(struct sim *sim)
{
	static const char *const states[] = { "free", "held", "out" };

	for (unsigned i = 0; i < SIM_OPS; i++) {
		const struct op *op = &sim->work.op[i];

		if (op->state)
			sim_say(sim, "open: number %u, cdb %02x, itt %x, CmdSN %u, %s%s%s, executed %u times",
				op->number, op->task.cdb[0], op->task.itt, op->task.cmd_sn, states[op->state],
				op->adrift.next ? ", adrift" : "", op->ask ? ", to be asked for" : "",
				peer_executed(sim->peer, op->number));
	}
}
