/*
 * disk_fake.c - a SCSI disk in memory in drive's place. See disk_fake.h.
 */
#include "disk_fake.h"

#include <assert.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

struct nexus *fake_new(uint64_t blocks, uint32_t block_size)
{
	struct nexus *nexus = calloc(1, sizeof *nexus);

	assert(nexus);
	pthread_mutex_init(&nexus->lock, NULL);
	nexus->blocks = blocks;
	nexus->block_size = block_size;
	nexus->fua = nexus->wce = nexus->thin = true;
	strcpy(nexus->serial, "SERIAL42");
	nexus->max_unmap = 1000;
	nexus->max_same = 500;
	nexus->data = calloc(blocks, block_size);
	nexus->durable = calloc(blocks, block_size);
	assert(nexus->data && nexus->durable);
	assert(loop_new("fake", &nexus->loop) == 0);
	return nexus;
}

void fake_free(struct nexus *nexus)
{
	loop_free(nexus->loop);
	pthread_mutex_destroy(&nexus->lock);
	free(nexus->data);
	free(nexus->durable);
	free(nexus);
}

struct loop *nexus_home(const struct nexus *nexus)
{
	return nexus->loop;
}

/* ---- answers */

static void sense_put(struct task *task, uint8_t key, uint8_t asc, uint8_t ascq)
{
	task->status = 2;
	task->sense_len = 18;
	memset(task->sense, 0, 18);
	task->sense[0] = 0x70;
	task->sense[2] = key;
	task->sense[7] = 10;
	task->sense[12] = asc;
	task->sense[13] = ascq;
}

static void data_put(struct task *task, const void *data, uint32_t len)
{
	task->received = len < task->in_len ? len : task->in_len;
	memcpy(task->in, data, task->received);
	task->underflow = len < task->in_len;
	task->residual = task->underflow ? task->in_len - len : 0;
}

static void vpd_put(struct nexus *nexus, struct task *task)
{
	uint8_t page[64] = { nexus->type, task->cdb[2] };

	switch (task->cdb[2]) {
	case 0x00:
		memcpy(page + 4, (const uint8_t[]) { 0, 0x80, 0x83, 0xb0, 0xb2 }, 5);
		bytes_put16(page + 2, 5);
		break;
	case 0x80:
		memcpy(page + 4, nexus->serial, 8);
		bytes_put16(page + 2, 8);
		break;
	case 0x83:
		memcpy(page + 4, (const uint8_t[]) { 1, 3, 0, 8, 0x50, 1, 2, 3, 4, 5, 6, 7 }, 12);
		bytes_put16(page + 2, 12);
		break;
	case 0xb0:
		bytes_put16(page + 2, 0x3c);
		bytes_put32(page + 8, nexus->max_transfer);
		bytes_put32(page + 20, nexus->thin ? nexus->max_unmap : 0);
		bytes_put32(page + 24, nexus->thin ? 1 : 0);
		bytes_put64(page + 36, nexus->no_same ? 0 : nexus->max_same);
		break;
	case 0xb2:
		bytes_put16(page + 2, 4);
		page[5] = nexus->thin ? 0xe4 : 0; /* LBPU LBPWS LBPWS10, LBPRZ 1 */
		break;
	default:
		sense_put(task, 5, 0x24, 0);
		return;
	}
	data_put(task, page, 4u + bytes_get16(page + 2));
}

static void inquiry_put(struct nexus *nexus, struct task *task)
{
	uint8_t data[36] = { (uint8_t)(nexus->qualifier << 5 | nexus->type), 0, 6, 2, 31 };

	if (task->cdb[1] & 1) {
		if (nexus->no_vpd)
			sense_put(task, 5, 0x24, 0);
		else
			vpd_put(nexus, task);
		return;
	}
	memcpy(data + 8, "FAKE    In memory       1.0 ", 28);
	data_put(task, data, sizeof data);
}

static void capacity_put(struct nexus *nexus, struct task *task, bool long_form)
{
	uint8_t data[32] = { 0 };

	if (long_form && nexus->no_16) {
		sense_put(task, 5, 0x20, 0);
		return;
	}
	if (long_form) {
		bytes_put64(data, nexus->blocks - 1);
		bytes_put32(data + 8, nexus->block_size);
	} else {
		bytes_put32(data, (uint32_t)(nexus->blocks - 1));
		bytes_put32(data + 4, nexus->block_size);
	}
	data_put(task, data, long_form ? 32 : 8);
}

static void mode_put(struct nexus *nexus, struct task *task)
{
	uint8_t data[24] = { 23, 0, 0, 0, 8, 18 };

	if (nexus->no_mode) {
		sense_put(task, 5, 0x20, 0);
		return;
	}
	data[2] = (uint8_t)((nexus->read_only ? 0x80 : 0) | (nexus->fua ? 0x10 : 0));
	data[6] = nexus->wce ? 4 : 0;
	data_put(task, data, sizeof data);
}

/* ---- the medium */

static bool range_get(struct nexus *nexus, struct task *task, uint64_t lba, uint64_t blocks,
		      size_t *ret_at, size_t *ret_len)
{
	if (lba > nexus->blocks || blocks > nexus->blocks - lba) {
		sense_put(task, 5, 0x21, 0);
		return false;
	}
	*ret_at = lba * nexus->block_size;
	*ret_len = blocks * nexus->block_size;
	return true;
}

static void cdb_range(const uint8_t *cdb, uint64_t *ret_lba, uint32_t *ret_blocks)
{
	bool long_form = cdb[0] >= 0x80;

	*ret_lba = long_form ? bytes_get64(cdb + 2) : bytes_get32(cdb + 2);
	*ret_blocks = long_form ? bytes_get32(cdb + 10) : bytes_get16(cdb + 7);
}

static void medium_move(struct nexus *nexus, struct task *task, bool write)
{
	uint64_t lba;
	uint32_t blocks;
	size_t at, len;

	cdb_range(task->cdb, &lba, &blocks);
	if (nexus->max_transfer && blocks > nexus->max_transfer) {
		sense_put(task, 5, 0x24, 0);
		return;
	}
	if (write && nexus->read_only) {
		sense_put(task, 7, 0x27, 0);
		return;
	}
	if (!range_get(nexus, task, lba, blocks, &at, &len))
		return;
	if (!write) {
		data_put(task, nexus->data + at, (uint32_t)len);
		return;
	}
	assert(task->out_len == len);
	memcpy(nexus->data + at, task->out, len);
	if (task->cdb[1] & 8)
		memcpy(nexus->durable + at, task->out, len);
}

static void medium_same(struct nexus *nexus, struct task *task)
{
	uint64_t lba;
	uint32_t blocks;
	size_t at, len;

	cdb_range(task->cdb, &lba, &blocks);
	if (nexus->no_same || blocks > nexus->max_same)
		sense_put(task, 5, nexus->no_same ? 0x20 : 0x24, 0);
	else if (range_get(nexus, task, lba, blocks, &at, &len))
		for (size_t i = 0; i < len; i += nexus->block_size)
			memcpy(nexus->data + at + i, task->out, nexus->block_size);
}

static void medium_unmap(struct nexus *nexus, struct task *task)
{
	uint64_t lba = bytes_get64(task->out + 8);
	uint32_t blocks = bytes_get32(task->out + 16);
	size_t at, len;

	if (task->out_len != 24 || blocks > nexus->max_unmap || !nexus->thin)
		sense_put(task, 5, 0x26, 0);
	else if (range_get(nexus, task, lba, blocks, &at, &len))
		memset(nexus->data + at, 0, len);
}

static void medium_sync(struct nexus *nexus, struct task *task)
{
	if (nexus->no_sync)
		sense_put(task, 5, 0x20, 0);
	else
		memcpy(nexus->durable, nexus->data, nexus->blocks * nexus->block_size);
}

static void task_run(struct nexus *nexus, struct task *task)
{
	task->outcome = TASK_COMPLETE;
	task->status = 0;
	task->sense_len = 0;
	task->received = task->residual = 0;
	task->sent = task->out_len;
	task->underflow = task->overflow = false;
	switch (task->cdb[0]) {
	case 0x00:
		break;
	case 0x12:
		inquiry_put(nexus, task);
		break;
	case 0x1a:
		mode_put(nexus, task);
		break;
	case 0x25:
	case 0x9e:
		capacity_put(nexus, task, task->cdb[0] == 0x9e);
		break;
	case 0x28:
	case 0x88:
		medium_move(nexus, task, false);
		break;
	case 0x2a:
	case 0x8a:
		medium_move(nexus, task, true);
		break;
	case 0x35:
	case 0x91:
		medium_sync(nexus, task);
		break;
	case 0x42:
		medium_unmap(nexus, task);
		break;
	case 0x93:
		medium_same(nexus, task);
		break;
	default:
		sense_put(task, 5, 0x20, 0);
	}
}

/* ---- the nexus */

static void io_answered(struct msg *msg)
{
	struct io *io = list_entry(msg, struct io, msg);

	io->done(io);
}

static void io_answer(struct io *io)
{
	io->msg.run = io_answered;
	mailbox_post(io->reply_to, &io->msg);
}

static struct fake_plan *plan_find(struct nexus *nexus, uint8_t opcode)
{
	for (unsigned i = 0; i < nexus->n_plans; i++)
		if (nexus->plans[i].times && nexus->plans[i].opcode == opcode)
			return &nexus->plans[i];
	return NULL;
}

static void lost_put(struct nexus *nexus, struct task *task, bool run)
{
	if (run)
		task_run(nexus, task);
	task->outcome = TASK_LOST;
	fault_set(&task->fault, FAULT_CLOSED, 0, "cut");
}

/* Returns false if the command is kept. */
static bool plan_run(struct nexus *nexus, struct io *io, struct fake_plan *plan)
{
	struct task *task = &io->task;

	plan->times--;
	switch (plan->kind) {
	case FAKE_LOST:
	case FAKE_LOST_UNRUN:
		lost_put(nexus, task, plan->kind == FAKE_LOST);
		break;
	case FAKE_ABORTED:
		task->outcome = TASK_ABORTED;
		fault_set(&task->fault, FAULT_TIMEOUT, 0, "no answer in time");
		break;
	case FAKE_RESET:
		task->outcome = TASK_ABORTED;
		fault_set(&task->fault, FAULT_ABANDONED, 0, "ended by LOGICAL UNIT RESET");
		break;
	case FAKE_FAILED:
		task->outcome = TASK_FAILED;
		fault_set(&task->fault, FAULT_GONE, 0, "gone");
		break;
	case FAKE_STATUS:
		task->outcome = TASK_COMPLETE;
		task->status = plan->status;
		break;
	case FAKE_SENSE:
		task->outcome = TASK_COMPLETE;
		sense_put(task, plan->key, plan->asc, plan->ascq);
		break;
	case FAKE_SHORT:
		task_run(nexus, task);
		task->received /= 2;
		task->underflow = true;
		task->residual = task->in_len - task->received;
		break;
	case FAKE_EARLY:
		task_run(nexus, task);
		task->sent /= 2;
		break;
	case FAKE_HOLD:
		assert(nexus->n_held < FAKE_HELD);
		nexus->held[nexus->n_held++] = io;
		return false;
	}
	return true;
}

void nexus_submit(struct nexus *nexus, struct io *io)
{
	struct fake_plan *plan;
	bool answer = true;

	pthread_mutex_lock(&nexus->lock);
	if (nexus->n_log < FAKE_LOG)
		memcpy(nexus->log[nexus->n_log++], io->task.cdb, 16);
	nexus->misused += io->task.outcome != TASK_COMPLETE;
	plan = plan_find(nexus, io->task.cdb[0]);
	if (plan)
		answer = plan_run(nexus, io, plan);
	else
		task_run(nexus, &io->task);
	if (answer)
		io_answer(io);
	pthread_mutex_unlock(&nexus->lock);
}

void fake_plan(struct nexus *nexus, struct fake_plan plan)
{
	pthread_mutex_lock(&nexus->lock);
	assert(nexus->n_plans < FAKE_PLANS);
	nexus->plans[nexus->n_plans++] = plan;
	pthread_mutex_unlock(&nexus->lock);
}

void fake_resize(struct nexus *nexus, uint64_t blocks)
{
	pthread_mutex_lock(&nexus->lock);
	nexus->blocks = blocks;
	pthread_mutex_unlock(&nexus->lock);
}

void fake_sync(struct nexus *nexus)
{
	pthread_mutex_lock(&nexus->lock);
	pthread_mutex_unlock(&nexus->lock);
}

uint8_t *fake_data(struct nexus *nexus)
{
	fake_sync(nexus);
	return nexus->data;
}

uint8_t *fake_durable(struct nexus *nexus)
{
	fake_sync(nexus);
	return nexus->durable;
}

void fake_release(struct nexus *nexus)
{
	pthread_mutex_lock(&nexus->lock);
	for (unsigned i = 0; i < nexus->n_held; i++) {
		task_run(nexus, &nexus->held[i]->task);
		io_answer(nexus->held[i]);
	}
	nexus->n_held = 0;
	pthread_mutex_unlock(&nexus->lock);
}

unsigned fake_count(struct nexus *nexus, uint8_t opcode)
{
	unsigned n = 0;

	pthread_mutex_lock(&nexus->lock);
	for (unsigned i = 0; i < nexus->n_log; i++)
		n += nexus->log[i][0] == opcode;
	pthread_mutex_unlock(&nexus->lock);
	return n;
}

void fake_forget(struct nexus *nexus)
{
	pthread_mutex_lock(&nexus->lock);
	nexus->n_log = nexus->n_plans = 0;
	pthread_mutex_unlock(&nexus->lock);
}

/* ---- threads */

struct call {
	struct msg msg;
	void (*function)(void *ctx);
	void *ctx;
	sem_t over;
};

static void call_run(struct msg *msg)
{
	struct call *call = list_entry(msg, struct call, msg);

	call->function(call->ctx);
	sem_post(&call->over);
}

void fake_call(struct nexus *nexus, void (*function)(void *ctx), void *ctx)
{
	struct call call = { .msg.run = call_run, .function = function, .ctx = ctx };

	sem_init(&call.over, 0, 0);
	mailbox_post(loop_box(nexus->loop), &call.msg);
	sem_wait(&call.over);
	sem_destroy(&call.over);
}

bool fake_control(struct mailbox *box, const bool *flag)
{
	struct pollfd pollfd = { .fd = box->fd, .events = POLLIN };

	for (unsigned i = 0; i < 1000 && !*flag; i++)
		if (poll(&pollfd, 1, 10) > 0)
			mailbox_run(box);
	return *flag;
}
