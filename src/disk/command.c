/*
 * command.c - judges how a SCSI command ended, and gives it again where that helps. See command.h.
 * SPC-4 section 4.5 (sense data), SAM-5 section 5.3 (status).
 */
#include "disk/command.h"

#include <errno.h>
#include <string.h>

#include "scsi/sense.h"

enum {
	MAX_REPEATS = 32,        /* sessions lost under one command, or units reset */
	MAX_ATTENTIONS = 32,     /* a unit reports what happened one by one */
	MAX_ABORTS = 8,
	MAX_TIMEOUTS = 2,        /* ended for its time limit */
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

static void unit_hint(struct unit *unit, const struct sense *sense)
{
	unsigned hints = sense_hints(sense);

	if (hints && unit->hinted)
		unit->hinted(unit, hints);
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
	unit_hint(command->unit, &sense);
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
	command->io.task.outcome = TASK_COMPLETE;
	command->round = command->unit->queue.round;
	nexus_submit(command->unit->nexus, &command->io);
}

/* Gives it now, or when its turn comes; one that was given before goes before the others. */
static void command_enter(struct command *command, bool again)
{
	if (queue_enter(&command->unit->queue, &command->link, again))
		command_give(command);
}

/* Lets those go whose turn has come. */
static void unit_advance(struct unit *unit)
{
	struct list *link;

	while ((link = queue_next(&unit->queue)))
		command_give(list_entry(link, struct command, link));
	if (queue_drained(&unit->queue) && unit->drained)
		unit->drained(unit);
}

/* The end of one that was under way. The others go first: `done` may take the unit with it. */
static void command_finish(struct command *command, int error)
{
	unit_advance(command->unit);
	command_end(command, error);
}

static void command_again(struct command *command, uint16_t *tries, unsigned limit, int error)
{
	if (command->unit->closing || ++*tries > limit) {
		command_finish(command, error);
		return;
	}
	command_enter(command, true);
	unit_advance(command->unit);
}

static void wait_over(struct timer *timer, uint64_t now)
{
	struct command *command = list_entry(timer, struct command, timer);

	(void)now;
	list_remove(&command->link);
	command_enter(command, true);
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
		command_finish(command, -EAGAIN);
		return;
	}
	list_append(&command->unit->waiting, &command->link);
	timer_set(loop, &command->timer, now + command->pause_ms * MS);
	command->pause_ms *= 2;
	if (command->pause_ms > LONGEST_PAUSE_MS)
		command->pause_ms = LONGEST_PAUSE_MS;
	unit_advance(command->unit);
}

static void queue_learn(struct command *command)
{
	struct queue *queue = &command->unit->queue;

	switch (command->io.task.status) {
	case SENSE_GOOD:
		queue_good(queue);
		break;
	case SENSE_TASK_SET_FULL:
		queue_full(queue);
		break;
	case SENSE_BUSY:
		queue_busy(queue, command->round);
		break;
	default:
		break;
	}
}

static void command_answered(struct command *command)
{
	struct judgement judgement = status_judge(command);

	queue_learn(command);
	switch (judgement.verdict) {
	case VERDICT_END:
		command_finish(command, judgement.error);
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

/* A run whose outcome is unknown, but which is dead: a second one may begin at once. */
static void command_repeat(struct command *command, uint16_t *tries, unsigned limit, int error)
{
	unit_count(&command->unit->counters.repeated, 1);
	command_again(command, tries, limit, error);
}

/* For its time limit, or because somebody reset the unit: that says nothing of the command. */
static void command_aborted(struct command *command)
{
	if (command->io.task.fault.kind == FAULT_TIMEOUT)
		command_repeat(command, &command->timeouts, MAX_TIMEOUTS, -ETIMEDOUT);
	else
		command_repeat(command, &command->repeats, MAX_REPEATS, -EIO);
}

static void io_done(struct io *io)
{
	struct command *command = list_entry(io, struct command, io);

	queue_leave(&command->unit->queue);
	switch (io->task.outcome) {
	case TASK_COMPLETE:
		command_answered(command);
		break;
	case TASK_LOST:
		command_repeat(command, &command->repeats, MAX_REPEATS, -EIO);
		break;
	case TASK_ABORTED:
		command_aborted(command);
		break;
	case TASK_UNSENT:    /* the drive sends these elsewhere while there is an elsewhere, */
	case TASK_SUSPENDED: /* and keeps these until they go on or are dead */
	case TASK_FAILED:
		command_finish(command, -EIO);
		break;
	}
}

void command_prepare(struct command *command, struct unit *unit,
		     void (*done)(struct command *command, int error))
{
	struct io *io = &command->io;

	/* What is behind is the engine's to begin, and large. */
	memset(&io->task, 0, offsetof(struct task, sense));
	io->task.fault.kind = FAULT_NONE;
	io->task.lun = unit->lun;
	io->task.attribute = 1;
	io->reply_to = loop_box(unit->loop);
	io->done = io_done;
	memset(&command->unit, 0, sizeof *command - offsetof(struct command, unit));
	command->unit = unit;
	command->done = done;
	command->timer.expired = wait_over;
}

void command_run(struct command *command)
{
	unit_count(&command->unit->counters.in_flight, 1);
	if (command->unit->closing)
		command_end(command, -EAGAIN);
	else
		command_enter(command, false);
}

void command_stop_waiting(struct unit *unit)
{
	struct list waiting, *item;

	/* The last of them may take the unit with it. */
	list_init(&waiting);
	list_splice(&waiting, &unit->waiting);
	queue_clear(&unit->queue, &waiting);
	while ((item = list_pop(&waiting))) {
		struct command *command = list_entry(item, struct command, link);

		timer_clear(&command->timer);
		command_end(command, -EAGAIN);
	}
}
