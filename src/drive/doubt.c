/*
 * doubt.c - a connection that does not answer: its transport is asked. If the peer's TCP is silent as
 * well, the path is dead, and the connection is closed long before its ping would be overdue; else it
 * is avoided until it is heard again. The news go from the link to home (which chooses), and on to the
 * control thread (which tells).
 */
#include <inttypes.h>

#include "drive/dial.h"
#include "drive/mirror.h"
#include "drive/nexus.h"
#include "net/tcp.h"

/* ---------------------------------------------------------------- on the link's loop */

static void tell_home(struct link *link, enum link_doubt news)
{
	link->doubt_told = news == DOUBT_RAISED;
	/* Else the message is on its way, and will bring these news instead. */
	if (atomic_exchange(&link->doubt, news) == DOUBT_NO_NEWS)
		link_post_home(link, &link->doubt_msg, home_link_doubt);
}

static void path_is_dead(struct link *link, int64_t silence)
{
	char portal[280];
	struct fault why;

	portal_text(conn_host(link->conn), conn_port(link->conn), portal, sizeof(portal));
	fault_set(&why, FAULT_TIMEOUT, 0, "%s: nothing acknowledged for %" PRId64 " ms; the path is dead",
		  portal, silence / 1000000);
	conn_closed(link->conn, &why, loop_now(link->loop));
}

/* The silence of TCP may have begun later than that of the target, so it is compared with that which
 * raised the doubt; we are asked again and again. */
void link_doubted(struct link *link, uint64_t silence)
{
	int64_t unacknowledged = tcp_unacknowledged(link->watch.fd);

	if (!link->patience)
		link->patience = silence;
	if (unacknowledged > 0 && (uint64_t)unacknowledged >= link->patience)
		path_is_dead(link, unacknowledged);
	else if (!link->doubt_told)
		tell_home(link, DOUBT_RAISED);
}

void link_trusted(struct link *link)
{
	link->patience = 0;
	if (link->doubt_told)
		tell_home(link, DOUBT_OVER);
}

/* ---------------------------------------------------------------- home, control thread */

void home_link_doubt(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, doubt_msg);
	int news = atomic_exchange(&link->doubt, DOUBT_NO_NEWS);

	link->path.doubted = news == DOUBT_RAISED;
	if (atomic_exchange(&link->note_doubt, news) == DOUBT_NO_NEWS)
		home_post_control(link->nexus, &link->note_doubt_msg, nexus_link_doubt);
}

void nexus_link_doubt(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, note_doubt_msg);
	struct nexus *n = link->nexus;
	struct mirror *mirror = mirror_find(&n->mirrors, link->id);
	bool doubted = atomic_exchange(&link->note_doubt, DOUBT_NO_NEWS) == DOUBT_RAISED;
	struct nexus_conn conn;

	if (!mirror || mirror->carrier != link || mirror->conn.doubted == doubted)
		return;
	mirror->conn.doubted = doubted;
	if (!n->ops.conn_doubt)
		return;
	nexus_conn_get(n, mirror, &conn);
	n->ops.conn_doubt(n->ctx, &conn, doubted);
}
