/*
 * home.c - the side of a nexus on its home loop: the session, its connections and calls. Its commands:
 * hold.c.
 */
#include <stdlib.h>

#include "drive/call.h"
#include "drive/nexus.h"
#include "drive/note.h"

enum { HOME_MANAGE_TRIES = 8 };

uint64_t home_now(const struct nexus *n)
{
	return loop_now(n->home);
}

void home_post_control(struct nexus *n, struct msg *msg, void (*run)(struct msg *))
{
	msg->run = run;
	mailbox_post(drive_control(n->drive), msg);
}

/* ---------------------------------------------------------------- links */

static struct link *home_link_of(struct nexus *n, const struct conn *conn)
{
	struct link *link = n->slot[conn_slot(conn)];

	return link && link->conn == conn ? link : NULL;
}

/* The connections of a session are spread over the loops, the first on the home loop. */
static void home_new_conn(struct nexus *n, struct conn *conn)
{
	unsigned slot = conn_slot(conn);
	struct link *link = link_new(n, drive_loop(n->drive, n->home_index + slot), conn);

	if (!link) {
		n->stillborn[slot] = conn;
		return;
	}
	list_append(&n->links, &link->link);
	n->slot[slot] = link;
	link_order(link, LINK_START);
}

/* There was no memory for them. Told to the session only when all its events are pulled. Returns
 * false if there was none. */
static bool home_bury(struct nexus *n)
{
	struct fault why;
	bool any = false;

	fault_set(&why, FAULT_NO_MEMORY, 0, "no memory for a connection");
	for (unsigned i = 0; i < ENGINE_MAX_CONNS && !any; i++) {
		if (!n->stillborn[i])
			continue;
		session_conn_ended(n->session, n->stillborn[i], &why, home_now(n));
		conn_free(n->stillborn[i]);
		n->stillborn[i] = NULL;
		any = true;
	}
	return any;
}

/* It takes no new commands any more, whatever comes of the order. */
static void home_dismiss(struct nexus *n, const struct conn *conn, enum link_order order)
{
	struct link *link = home_link_of(n, conn);

	if (!link)
		return;
	paths_remove(&n->paths, &link->path);
	link_order(link, order);
}

static void home_joined(struct nexus *n, const struct conn *conn)
{
	struct link *link = home_link_of(n, conn);

	if (!link)
		return;
	link->joined = true;
	paths_add(&n->paths, &link->path);
	home_post_control(n, &link->joined_msg, nexus_link_joined);
	if (n->state == HOME_UP)
		home_release(n);
}

static void home_left(struct nexus *n, const struct session_event *event)
{
	list_for_each(item, &n->links) {
		struct link *link = list_entry(item, struct link, link);

		if (link->id != event->id || !link->joined)
			continue;
		link->joined = false;
		paths_remove(&n->paths, &link->path);
		link->left = event->fault;
		link->returning = event->returning;
		home_post_control(n, &link->left_msg, nexus_link_left);
		return;
	}
	note_left(n, event);
}

void home_link_up(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, up_msg);
	struct nexus *n = link->nexus;

	session_conn_up(n->session, link->conn, &link->up.login, home_now(n));
	home_pump(n);
}

void home_link_ended(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, end_msg);
	struct nexus *n = link->nexus;

	/* The session may give its slot to another at once. */
	n->slot[link->slot] = NULL;
	paths_remove(&n->paths, &link->path);
	session_conn_ended(n->session, link->conn, &link->end, home_now(n));
	home_pump(n);
	home_post_control(n, &link->end_msg, nexus_link_retired);
}

static void home_wake(struct nexus *n, uint64_t slots)
{
	for (unsigned i = 0; i < ENGINE_MAX_CONNS; i++)
		if ((slots >> i & 1) && n->slot[i])
			link_order(n->slot[i], LINK_WAKE);
}

void home_link_wakes(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, wake_msg);

	home_wake(link->nexus, atomic_exchange(&link->wakes, 0));
}

void home_link_cleaned(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, cleaned_msg);
	struct nexus *n = link->nexus;

	session_conn_cleaned(n->session, link->conn, &link->cleaned, home_now(n));
	home_pump(n);
}

void home_link_async(struct msg *msg)
{
	struct link_async *carrier = list_entry(msg, struct link_async, msg);
	struct link *link = carrier->link;
	struct nexus *n = link->nexus;

	atomic_fetch_sub(&link->asyncs, 1);
	session_conn_async(n->session, link->conn, &carrier->async, home_now(n));
	home_pump(n);
	free(carrier);
}

void home_link_async_lost(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, lost_msg);

	atomic_store(&link->async_lost, false);
	note_async_lost(link->nexus);
}

/* When the session and all its links are gone, the control thread takes over the rest. */
static void home_finish(struct nexus *n)
{
	if (n->state != HOME_OVER || !n->session || !list_empty(&n->links))
		return;
	session_free(n->session);
	n->session = NULL;
	home_post_control(n, &n->over_msg, nexus_over);
}

void home_link_gone(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, end_msg);
	struct nexus *n = link->nexus;

	list_remove(&link->link);
	free(link);
	home_finish(n);
}

void home_look_again(struct msg *msg)
{
	struct nexus *n = list_entry(msg, struct nexus, over_msg);

	home_post_control(n, &n->over_msg, nexus_over);
}

/* ---------------------------------------------------------------- the session */

static void home_up(struct nexus *n)
{
	n->state = HOME_UP;
	note_state(n, SESSION_EVENT_UP, &n->lost, n->down_at ? home_now(n) - n->down_at : 0);
	n->down_at = 0;
	home_release(n);
}

static void home_down(struct nexus *n, const struct session_event *event)
{
	n->state = HOME_DOWN;
	n->down_at = home_now(n);
	n->lost = event->fault;
	note_state(n, event->kind, &n->lost, 0);
}

static void home_failed(struct nexus *n)
{
	n->state = HOME_FAILED;
	note_state(n, SESSION_EVENT_FAILED, &n->lost, 0);
	home_release(n);
}

static void home_over(struct nexus *n)
{
	struct fault why;
	struct list *item;

	n->state = HOME_OVER;
	timer_clear(&n->timer);
	home_release(n);
	fault_set(&why, FAULT_GONE, 0, "the session is gone");
	while ((item = list_pop(&n->open_calls)))
		call_return(list_entry(item, struct call, open), &why);
}

static void home_answer(struct call *call, const struct fault *fault)
{
	list_remove(&call->open);
	call_return(call, fault);
}

static void home_clean_up(struct nexus *n, const struct session_event *event)
{
	struct link *link = home_link_of(n, event->conn);

	if (!link)
		return;
	link->lost = event->lost;
	link_order(link, LINK_CLEANUP);
}

static void home_conclude(struct nexus *n, const struct session_event *event)
{
	struct link *link = home_link_of(n, event->conn);

	if (link)
		link_conclude(link, event->function, event->lun, event->cmd_sn);
}

static void home_event(struct nexus *n, const struct session_event *event)
{
	switch (event->kind) {
	case SESSION_EVENT_NONE:
		break;
	case SESSION_EVENT_CONN:
		home_new_conn(n, event->conn);
		break;
	case SESSION_EVENT_LOGOUT:
		if (event->reason == 0) /* the whole session: no other connection takes any either */
			n->paths.count = 0;
		home_dismiss(n, event->conn,
			     event->reason ? LINK_LOGOUT_CONN : LINK_LOGOUT_SESSION);
		break;
	case SESSION_EVENT_CLEANUP:
		home_clean_up(n, event);
		break;
	case SESSION_EVENT_WAKE:
		home_wake(n, event->wake);
		break;
	case SESSION_EVENT_RULED:
		home_ruled(n);
		break;
	case SESSION_EVENT_CONCLUDE:
		home_conclude(n, event);
		break;
	case SESSION_EVENT_ABANDON:
		home_dismiss(n, event->conn, LINK_ABANDON);
		break;
	case SESSION_EVENT_JOINED:
		home_joined(n, event->conn);
		break;
	case SESSION_EVENT_LEFT:
		home_left(n, event);
		break;
	case SESSION_EVENT_ANSWER:
		home_answer(event->token, &event->fault);
		break;
	case SESSION_EVENT_UP:
		home_up(n);
		break;
	case SESSION_EVENT_DOWN:
		home_down(n, event);
		break;
	case SESSION_EVENT_ASYNC:
		note_async(n, &event->async);
		break;
	case SESSION_EVENT_FAILED:
		home_failed(n);
		break;
	case SESSION_EVENT_END:
		home_over(n);
		break;
	}
}

static void home_expired(struct timer *timer, uint64_t now)
{
	struct nexus *n = list_entry(timer, struct nexus, timer);

	session_expire(n->session, now);
	home_pump(n);
}

void home_pump(struct nexus *n)
{
	struct session_event event;

	do
		while (session_next_event(n->session, &event))
			home_event(n, &event);
	while (home_bury(n));
	turn_go(n);
	n->timer.expired = home_expired;
	if (n->state != HOME_OVER)
		timer_set(n->home, &n->timer, session_deadline(n->session));
	home_finish(n);
}

/* ---------------------------------------------------------------- calls */

/* Returns true if the session will answer. */
static bool home_ask_session(struct nexus *n, struct call *call)
{
	switch (call->kind) {
	case CALL_ADD:
		session_add_conn(n->session, call->options, call, home_now(n));
		return true;
	case CALL_REMOVE:
		session_remove_conn(n->session, call->id, call, home_now(n));
		return true;
	case CALL_LOGOUT:
		session_logout(n->session, call, home_now(n));
		return true;
	case CALL_PORTALS:
		session_set_portals(n->session, call->options, call->count);
		return false;
	case CALL_HABITS:
		session_set_habits(n->session, &call->habits);
		return false;
	case CALL_POLICY:
		paths_set(&n->paths, call->policy, call->rules, call->count);
		return false;
	case CALL_TEXT:
	case CALL_MANAGE:
		break;
	}
	return false;
}

/* A connection that carries I/O: this one, or for 0 the first that is not doubted if there is one; but
 * not `shunned`, which may be NULL. */
static struct link *home_find(struct nexus *n, uint64_t id, const struct link *shunned)
{
	struct path *found = NULL;

	for (unsigned i = 0; i < n->paths.count; i++) {
		struct path *path = n->paths.member[i];

		if (shunned && path == &shunned->path)
			continue;
		if (id ? path->id == id : !found || (found->doubted && !path->doubted))
			found = path;
	}
	return found ? list_entry(found, struct link, path) : NULL;
}

/* What a connection does, not the session. */
static void home_pass_on(struct nexus *n, struct call *call)
{
	struct link *link = home_find(n, call->id, NULL);
	struct fault why;

	if (link && call->kind == CALL_TEXT) {
		link_text(link, call);
	} else if (link) {
		link_manage(link, call);
	} else {
		fault_set(&why, call->id ? FAULT_UNKNOWN_CONN : FAULT_GONE, 0,
			  call->id ? "the session has no such connection at the moment"
				   : "the session has no connection");
		call_return(call, &why);
	}
}

/* Its connection ended before the answer. The target may have done it, and then commands of other
 * connections are gone without a word: so it is repeated elsewhere, which changes nothing. If nobody
 * answers, the first loss is the result: the later ones mostly follow from it. */
static bool home_manages_again(struct nexus *n, struct call *call)
{
	enum fault_kind kind = call->management.fault.kind;
	bool lost = kind == FAULT_CLOSED || kind == FAULT_TIMEOUT || kind == FAULT_DIGEST ||
		    kind == FAULT_ABANDONED;
	struct link *other;

	if (!lost || call->id)
		return false;
	if (call->count == 0)
		call->fault = call->management.fault;
	call->management.fault = call->fault;
	/* That its own connection has ended is told to us behind this. */
	other = home_find(n, 0, call->link);
	if (!other || ++call->count > HOME_MANAGE_TRIES)
		return false;
	link_manage(other, call);
	return true;
}

void home_managed(struct msg *msg)
{
	struct call *call = list_entry(msg, struct call, msg);
	struct nexus *n = call->nexus;

	if (home_manages_again(n, call))
		return;
	session_managed(n->session, &call->management, home_now(n));
	home_pump(n);
	call_return(call, &call->management.fault);
}

void home_call(struct msg *msg)
{
	struct call *call = list_entry(msg, struct call, msg);
	struct nexus *n = call->nexus;
	struct fault why;

	if (n->state == HOME_OVER) {
		fault_set(&why, FAULT_GONE, 0, "the session is gone");
		call_return(call, call->kind == CALL_LOGOUT ? NULL : &why);
		return;
	}
	if (call->kind == CALL_TEXT || call->kind == CALL_MANAGE) {
		home_pass_on(n, call);
		return;
	}
	list_append(&n->open_calls, &call->open);
	if (!home_ask_session(n, call))
		home_answer(call, NULL);
	home_pump(n);
}
