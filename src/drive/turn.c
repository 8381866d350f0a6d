/*
 * turn.c - while the target's window is shut, new commands wait at home, in the order in which they came,
 * and not on connections: RFC 7143 section 4.2.2.1.
 *
 * Otherwise the connection that is answered would take each number that its answer has made free, and
 * what was given to another one would wait for ever. And what the policy chooses for it is chosen late,
 * when it is known who has the least to do.
 *
 * Links count what got a number; home gives no more to them than there are numbers, but always one, so
 * that somebody waits at the window and is woken.
 */
#include "drive/nexus.h"

void turn_tell(struct link *link)
{
	unsigned waiting = conn_waiting(link->conn);
	uint64_t numbered = link->arrived - waiting, moved;

	/* Stored before `scarce` is read, which home reads before this: one of both sees the other. */
	if (numbered != path_get(&link->path.numbered))
		atomic_store(&link->path.numbered, numbered);
	if (waiting && conn_room(link->conn) == 0)
		atomic_store(&link->nexus->scarce, true);
	moved = numbered + path_get(&link->path.returned);
	if (moved == link->moved_told || !atomic_load(&link->nexus->scarce))
		return;
	link->moved_told = moved;
	if (!atomic_exchange(&link->moved, true))
		link_post_home(link, &link->moved_msg, turn_told);
}

void turn_told(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, moved_msg);

	atomic_store(&link->moved, false);
	turn_go(link->nexus);
}

/* How many may be given out. What waits on a connection in doubt may wait for long. */
static uint64_t turn_room(const struct nexus *n)
{
	const struct link *any = list_entry(n->paths.member[0], struct link, path);
	uint64_t waiting = 0, room = conn_room(any->conn);

	for (unsigned i = 0; i < n->paths.count; i++)
		if (!n->paths.member[i]->doubted)
			waiting += path_waiting(n->paths.member[i]);
	room = room ? room : 1;
	return waiting < room ? room - waiting : 0;
}

void turn_go(struct nexus *n)
{
	struct list *item;
	uint64_t room;

	if (list_empty(&n->held) || n->state != HOME_UP || n->paths.count == 0)
		return;
	for (room = turn_room(n); room && (item = list_pop(&n->held)); room--)
		home_give(n, list_entry(item, struct io, link), &n->held);
	if (room)
		atomic_store(&n->scarce, false);
}

void turn_take(struct nexus *n, struct io *io)
{
	list_append(&n->held, &io->link);
	turn_go(n);
}
