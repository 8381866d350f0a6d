/*
 * order.c - what home tells a link to do: orders, Text exchanges, task management.
 */
#include <errno.h>
#include <stdlib.h>

#include "drive/call.h"
#include "drive/nexus.h"

static void link_obey(struct link *link, unsigned orders)
{
	uint64_t now = loop_now(link->loop);

	if (orders & LINK_START)
		conn_start(link->conn, now);
	if (orders & LINK_LOGOUT_CONN)
		conn_logout(link->conn, 1, now);
	if (orders & LINK_LOGOUT_SESSION)
		conn_logout(link->conn, 0, now);
	if (orders & LINK_ABANDON)
		conn_abandon(link->conn, now);
	if (orders & LINK_WAKE)
		conn_wake(link->conn);
	if (orders & LINK_CLEANUP)
		conn_cleanup(link->conn, &link->lost, now);
	link_drain(link);
}

void link_ordered(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, orders_msg);
	unsigned orders = atomic_exchange(&link->orders, 0);

	if (link->state != LINK_ENDED)
		link_obey(link, orders);
}

void link_order(struct link *link, enum link_order order)
{
	/* Not empty: the message is on its way, and will find this order too. */
	if (atomic_fetch_or(&link->orders, (unsigned)order) == 0)
		mailbox_post(loop_box(link->loop), &link->orders_msg);
}

static void link_text_arrived(struct msg *msg)
{
	struct call *call = list_entry(msg, struct call, msg);
	struct link *link = call->link;
	struct fault why;
	int r = -ENOTCONN;

	if (link->text)
		r = -EBUSY;
	else if (link->state == LINK_OPEN)
		r = conn_text(link->conn, call->text, call->text_len, loop_now(link->loop));
	if (r < 0) {
		fault_set(&why, r == -EBUSY ? FAULT_BUSY : r == -ENOMEM ? FAULT_NO_MEMORY : FAULT_GONE,
			  -r, r == -EBUSY ? "a Text exchange is under way" : "can't send a Text request");
		call_return(call, &why);
		return;
	}
	link->text = call;
	link_drain(link);
}

void link_text(struct link *link, struct call *call)
{
	call->link = link;
	call->msg.run = link_text_arrived;
	mailbox_post(loop_box(link->loop), &call->msg);
}

/* ---------------------------------------------------------------- task management */

static void link_manage_arrived(struct msg *msg)
{
	struct call *call = list_entry(msg, struct call, msg);
	struct link *link = call->link;

	if (link->state != LINK_OPEN) {
		fault_set(&call->management.fault, FAULT_CLOSED, ENOTCONN, "the connection has ended");
		link_managed(link, &call->management);
		return;
	}
	conn_manage(link->conn, &call->management, loop_now(link->loop));
	link_drain(link);
}

void link_manage(struct link *link, struct call *call)
{
	call->link = link;
	call->msg.run = link_manage_arrived;
	mailbox_post(loop_box(link->loop), &call->msg);
}

/* Home first, since it ends commands of other connections. */
void link_managed(struct link *link, struct management *management)
{
	struct call *call = list_entry(management, struct call, management);

	link_post_home(link, &call->msg, home_managed);
}

static void link_conclude_arrived(struct msg *msg)
{
	struct link_conclude *it = list_entry(msg, struct link_conclude, msg);
	struct link *link = it->link;

	if (link->state != LINK_ENDED) {
		conn_conclude_covered(link->conn, it->function, it->lun, it->cmd_sn,
				      loop_now(link->loop));
		link_drain(link);
	}
	free(it);
}

/* Without memory the connection ends: its commands must not go on as if nothing had been. */
void link_conclude(struct link *link, uint8_t function, uint64_t lun, uint32_t cmd_sn)
{
	struct link_conclude *it = malloc(sizeof(*it));

	if (!it) {
		link_order(link, LINK_ABANDON);
		return;
	}
	*it = (struct link_conclude){ .msg.run = link_conclude_arrived, .link = link,
		.function = function, .lun = lun, .cmd_sn = cmd_sn };
	mailbox_post(loop_box(link->loop), &it->msg);
}
