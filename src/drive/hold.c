/*
 * hold.c - commands on the home loop: who carries the next one, and those that wait. New ones are held
 * while no connection can carry them; those that lost their connection are adrift until the session
 * rules on them (session_rule).
 */
#include "drive/nexus.h"

uint64_t io_bytes(const struct io *io)
{
	return (uint64_t)io->task.in_len + io->task.out_len;
}

static void io_run(struct msg *msg)
{
	struct io *io = list_entry(msg, struct io, msg);

	io->done(io);
}

void io_return(struct io *io)
{
	io->msg.run = io_run;
	mailbox_post(io->reply_to, &io->msg);
}

static void io_fail(const struct nexus *n, struct io *io)
{
	io->task.outcome = TASK_FAILED;
	if (n->state == HOME_FAILED)
		fault_set(&io->task.fault, FAULT_GONE, 0, "the session has not come back (%s)",
			  n->lost.text);
	else
		fault_set(&io->task.fault, FAULT_GONE, 0, "the session is gone");
	io_return(io);
}

void home_give(struct nexus *n, struct io *io, struct list *list)
{
	struct path *path = NULL;

	if (n->state == HOME_UP)
		path = paths_pick(&n->paths, io_bytes(io), home_now(n));
	if (path)
		link_submit(list_entry(path, struct link, path), io);
	else
		list_append(list, &io->link);
}

static void home_take_adrift(struct nexus *n, struct io *io)
{
	switch (session_rule(n->session, &io->task)) {
	case RULE_HOLD:
		list_append(&n->adrift, &io->link);
		break;
	case RULE_RESUME:
		home_give(n, io, &n->adrift);
		break;
	case RULE_DEAD:
		io_return(io);
		break;
	}
}

void home_submit(struct nexus *n, struct io *io)
{
	if (io->task.outcome == TASK_SUSPENDED)
		home_take_adrift(n, io);
	else if (n->state == HOME_FAILED || n->state == HOME_OVER)
		io_fail(n, io);
	else if (n->state == HOME_UP && atomic_load(&n->scarce))
		turn_take(n, io);
	else
		home_give(n, io, &n->held);
}

/* Those that still have to wait go back into their list. */
static void home_submit_all(struct nexus *n, struct list *list)
{
	struct list all, *item;

	list_init(&all);
	list_splice(&all, list);
	while ((item = list_pop(&all)))
		home_submit(n, list_entry(item, struct io, link));
}

void home_ruled(struct nexus *n)
{
	home_submit_all(n, &n->adrift);
}

/* Those adrift first: the target waits for their numbers. */
void home_release(struct nexus *n)
{
	home_submit_all(n, &n->adrift);
	home_submit_all(n, &n->held);
}

static void home_io_arrived(struct msg *msg)
{
	struct io *io = list_entry(msg, struct io, msg);
	struct nexus *n = io->nexus;
	bool adrift = io->task.outcome == TASK_SUSPENDED;

	home_submit(n, io);
	if (adrift) /* the rule may have freed a tag for which a connection waits */
		home_pump(n);
	/* Last: from now on the control thread may free the nexus. */
	atomic_fetch_add(&n->taken, 1);
}

void home_post_io(struct nexus *n, struct io *io)
{
	atomic_fetch_add(&n->given, 1);
	io->msg.run = home_io_arrived;
	mailbox_post(loop_box(n->home), &io->msg);
}
