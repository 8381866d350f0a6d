/*
 * command.c - judges how a SCSI command ended, and gives it again where that helps. See command.h.
 * SPC-4 section 4.5 (sense data), SAM-5 section 5.3 (status).
 */
#include "disk/command.h"

#include <errno.h>
#include <string.h>

#include "scsi/sense.h"

enum {
	MAX_REPEATS = 32,        /* sessions lost under one command */
	MAX_ATTENTIONS = 32,     /* a unit reports what happened one by one */
	MAX_ABORTS = 8,
	FIRST_PAUSE_MS = 5,
	LONGEST_PAUSE_MS = 1000,
	WAIT_MS = 60000,         /* for a device that is busy or becoming ready, in all */
};

#define MS UINT64_C(1000000)

enum verdict { VERDICT_END, VERDICT_ATTENTION, VERDICT_ABORTED, VERDICT_WAIT };

struct judgement {
	enum verdict verdict;
	int error;
};

enum { ANY = 0xff };

/* First match counts. ANY is no code in use. */
static const struct sense_rule {
	uint8_t key, asc, ascq;
	struct judgement judgement;
} sense_rules[] = {
	{ SENSE_NO_SENSE, ANY, ANY, { VERDICT_END, 0 } },
	{ SENSE_RECOVERED_ERROR, ANY, ANY, { VERDICT_END, 0 } },
	{ SENSE_NOT_READY, 0x04, 0x01, { VERDICT_WAIT, -EAGAIN } }, /* becoming ready */
	{ SENSE_NOT_READY, 0x04, 0x04, { VERDICT_WAIT, -EAGAIN } }, /* format in progress */
	{ SENSE_NOT_READY, 0x04, 0x07, { VERDICT_WAIT, -EAGAIN } }, /* operation in progress */
	{ SENSE_NOT_READY, 0x04, 0x09, { VERDICT_WAIT, -EAGAIN } }, /* self-test in progress */
	{ SENSE_NOT_READY, 0x04, 0x0a, { VERDICT_WAIT, -EAGAIN } }, /* access state in transition */
	{ SENSE_NOT_READY, 0x04, 0x14, { VERDICT_WAIT, -EAGAIN } }, /* space allocation */
	{ SENSE_NOT_READY, 0x3a, ANY, { VERDICT_END, -ENOMEDIUM } },
	{ SENSE_ILLEGAL_REQUEST, 0x20, ANY, { VERDICT_END, -EOPNOTSUPP } }, /* operation code */
	{ SENSE_ILLEGAL_REQUEST, 0x24, ANY, { VERDICT_END, -EOPNOTSUPP } }, /* field in CDB */
	{ SENSE_ILLEGAL_REQUEST, 0x26, ANY, { VERDICT_END, -EOPNOTSUPP } }, /* field in list */
	{ SENSE_ILLEGAL_REQUEST, 0x21, ANY, { VERDICT_END, -ERANGE } },
	{ SENSE_UNIT_ATTENTION, ANY, ANY, { VERDICT_ATTENTION, -EIO } },
	{ SENSE_DATA_PROTECT, 0x27, 0x07, { VERDICT_END, -ENOSPC } }, /* thin pool is full */
	{ SENSE_DATA_PROTECT, ANY, ANY, { VERDICT_END, -EPERM } },
	{ SENSE_ABORTED_COMMAND, ANY, ANY, { VERDICT_ABORTED, -EIO } },
	{ SENSE_VOLUME_OVERFLOW, ANY, ANY, { VERDICT_END, -ENOSPC } },
};

static const struct judgement failed = { VERDICT_END, -EIO };

static void attention_note(struct unit *unit, const struct sense *sense)
{
	if (sense->asc == 0x2a && sense->ascq == 0x09)
		atomic_store_explicit(&unit->counters.capacity_changed, true,
				      memory_order_relaxed);
	if (sense->asc == 0x3f && sense->ascq == 0x0e)
		atomic_store_explicit(&unit->counters.luns_changed, true, memory_order_relaxed);
}

static struct judgement sense_judge(struct command *command)
{
	const struct task *task = &command->io.task;
	struct sense sense;

	if (sense_get(task->sense, task->sense_len, &sense) < 0)
		return failed;
	/* What a deferred error tells is about an earlier command; this one was not run. Writes
	 * that were answered may be lost, and somebody has to be told. */
	if (sense.deferred && sense.key > SENSE_RECOVERED_ERROR)
		return failed;
	if (sense.key == SENSE_UNIT_ATTENTION)
		attention_note(command->unit, &sense);
	for (size_t i = 0; i < sizeof sense_rules / sizeof *sense_rules; i++) {
		const struct sense_rule *rule = &sense_rules[i];

		if (rule->key == sense.key && (rule->asc == ANY || rule->asc == sense.asc) &&
		    (rule->ascq == ANY || rule->ascq == sense.ascq))
			return rule->judgement;
	}
	return failed;
}

static struct judgement status_judge(struct command *command)
{
	switch (command->io.task.status) {
	case SENSE_GOOD:
	case SENSE_CONDITION_MET:
		return (struct judgement) { VERDICT_END, 0 };
	case SENSE_CHECK_CONDITION:
		return sense_judge(command);
	case SENSE_BUSY:
	case SENSE_TASK_SET_FULL:
		return (struct judgement) { VERDICT_WAIT, -EAGAIN };
	case SENSE_TASK_ABORTED:
		return (struct judgement) { VERDICT_ABORTED, -EIO };
	case SENSE_RESERVATION_CONFLICT:
		return (struct judgement) { VERDICT_END, -EPERM };
	default:
		return failed;
	}
}

/* IN-14: a GOOD that moved less than asked for must not hand out what the buffer held before, nor
 * pass for a write of data that the target never took. */
static int data_judge(const struct command *command)
{
	const struct task *task = &command->io.task;

	if (!command->exact)
		return 0;
	if (task->received != task->in_len || task->sent < task->out_len ||
	    (task->underflow && task->residual))
		return -EIO;
	return task->overflow ? -EIO : 0;
}

static void command_end(struct command *command, int error)
{
	unit_count(&command->unit->counters.in_flight, UINT64_MAX);
	if (!error)
		error = data_judge(command);
	command->done(command, error);
}

static void command_give(struct command *command)
{
	struct io *io = &command->io;

	io->task.outcome = TASK_COMPLETE;
	io->repeat = false;
	nexus_submit(command->unit->nexus, io);
}

static void command_again(struct command *command, uint16_t *tries, unsigned limit, int error)
{
	if (command->unit->closing || ++*tries > limit) {
		command_end(command, error);
		return;
	}
	command_give(command);
}

static void wait_over(struct timer *timer, uint64_t now)
{
	struct command *command = list_entry(timer, struct command, timer);

	(void)now;
	list_remove(&command->link);
	command_give(command);
}

static void command_wait(struct command *command)
{
	struct loop *loop = command->unit->loop;
	uint64_t now = loop_now(loop);

	if (!command->give_up) {
		command->give_up = now + WAIT_MS * MS;
		command->pause_ms = FIRST_PAUSE_MS;
	}
	if (command->unit->closing || now >= command->give_up) {
		command_end(command, -EAGAIN);
		return;
	}
	list_append(&command->unit->waiting, &command->link);
	timer_set(loop, &command->timer, now + command->pause_ms * MS);
	command->pause_ms *= 2;
	if (command->pause_ms > LONGEST_PAUSE_MS)
		command->pause_ms = LONGEST_PAUSE_MS;
}

static void command_answered(struct command *command)
{
	struct judgement judgement = status_judge(command);

	switch (judgement.verdict) {
	case VERDICT_END:
		command_end(command, judgement.error);
		break;
	case VERDICT_ATTENTION:
		command_again(command, &command->attentions, MAX_ATTENTIONS, judgement.error);
		break;
	case VERDICT_ABORTED:
		command_again(command, &command->aborts, MAX_ABORTS, judgement.error);
		break;
	case VERDICT_WAIT:
		command_wait(command);
		break;
	}
}

/* The drive holds it until the session was reinstated, so that its first run is dead before the
 * second begins; it looks at outcome and epoch for that, hence they stay. */
static void command_repeat(struct command *command)
{
	if (command->unit->closing || ++command->repeats > MAX_REPEATS) {
		command_end(command, -EIO);
		return;
	}
	unit_count(&command->unit->counters.repeated, 1);
	command->io.repeat = true;
	nexus_submit(command->unit->nexus, &command->io);
}

static void io_done(struct io *io)
{
	struct command *command = list_entry(io, struct command, io);

	switch (io->task.outcome) {
	case TASK_COMPLETE:
		command_answered(command);
		break;
	case TASK_LOST:
		command_repeat(command);
		break;
	case TASK_UNSENT: /* the drive sends these elsewhere while there is an elsewhere */
	case TASK_FAILED:
		command_end(command, -EIO);
		break;
	}
}

void command_prepare(struct command *command, struct unit *unit,
		     void (*done)(struct command *command, int error))
{
	memset(command, 0, sizeof *command);
	command->unit = unit;
	command->done = done;
	command->io.task.lun = unit->lun;
	command->io.task.attribute = 1;
	command->io.reply_to = loop_box(unit->loop);
	command->io.done = io_done;
	command->timer.expired = wait_over;
}

void command_run(struct command *command)
{
	unit_count(&command->unit->counters.in_flight, 1);
	command_give(command);
}

void command_stop_waiting(struct unit *unit)
{
	struct list waiting, *item;

	/* The last of them may take the unit with it. */
	list_init(&waiting);
	list_splice(&waiting, &unit->waiting);
	while ((item = list_pop(&waiting))) {
		struct command *command = list_entry(item, struct command, link);

		timer_clear(&command->timer);
		command_end(command, -EAGAIN);
	}
}
