/*
 * adrift.c - commands that were sent and whose connection ended: held until session_rule says what
 * becomes of them. Each is asked for once, and again only when an event says that the rule may have
 * changed, so that an event that is missing is noticed as a command that never ends.
 */
#include "memory.h"
#include "sim.h"

static struct op *op_at(struct list *it)
{
	return list_entry(it, struct op, adrift);
}

static void dead(struct sim *sim, struct op *op)
{
	list_remove(&op->adrift);
	if (op->task.outcome != TASK_LOST || !op->task.fault.kind)
		sim_fail(sim, "a dead command has no fault");
	work_returned(sim, &op->task);
}

/* Returns false if there was nothing to be done with it. */
static bool ask(struct sim *sim, struct op *op)
{
	enum session_rule rule = RULE_HOLD;

	DOOR(rule = session_rule(sim->home.session, &op->task));
	switch (rule) {
	case RULE_HOLD:
		if (sim->home.failed || sim->home.over)
			sim_fail(sim, "a command is held for ever");
		op->ask = false;
		break;
	case RULE_RESUME:
		if (op->task.outcome != TASK_SUSPENDED)
			sim_fail(sim, "a command that may go on is not suspended any more");
		list_remove(&op->adrift);
		if (home_give(sim, &op->task)) {
			op->ask = false;
			break;
		}
		list_append(&sim->home.adrift, &op->adrift);
		return false;
	case RULE_DEAD:
		dead(sim, op);
		break;
	}
	return true;
}

void adrift_take(struct sim *sim, struct task *task)
{
	struct op *op = (struct op *)task; /* its first member */

	if (op < sim->work.op || op >= sim->work.op + SIM_OPS || op->state != OP_OUT) {
		sim_fail(sim, "a command was suspended that had ended");
		return;
	}
	op->ask = true;
	list_append(&sim->home.adrift, &op->adrift);
	if (sim->home.over)
		ask(sim, op);
}

bool adrift_step(struct sim *sim)
{
	struct home *h = &sim->home;

	if (h->over)
		return false;
	if (h->ask_again)
		list_for_each(it, &h->adrift)
			op_at(it)->ask = true;
	h->ask_again = false;
	list_for_each(it, &h->adrift)
		if (op_at(it)->ask)
			return ask(sim, op_at(it));
	return false;
}

void adrift_end(struct sim *sim)
{
	list_for_each(it, &sim->home.adrift)
		ask(sim, op_at(it));
}
