/*
 * link.c - moves bytes between an engine connection and its socket, and events to their receivers.
 *
 * After each door call the events are drained at once; what is to be sent is collected until the
 * end of the loop's round (the chore), so that many commands leave in one write.
 */
#include "drive/link.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "drive/call.h"
#include "drive/dial.h"
#include "drive/nexus.h"
#include "drive/passage.h"
#include "drive/question.h"
#include "net/tcp.h"

enum {
	LINK_READS = 8,  /* reads and writes in one round; the other links of the loop come then */
	LINK_WRITES = 8,
	LINK_WIRE = 100 * 1000 * 1000, /* nanoseconds of sending in which TCP's rate is measured ... */
	LINK_WIRE_PART = 4, /* ... within so many times as many */
};

void link_touch(struct link *link)
{
	if (!link->working)
		chore_schedule(link->loop, &link->chore);
}

void link_post_home(struct link *link, struct msg *msg, void (*run)(struct msg *))
{
	msg->run = run;
	mailbox_post(loop_box(link->nexus->home), msg);
}

/* ---------------------------------------------------------------- the socket */

struct link_dial {
	struct dial dial;
	struct link *link;
};

static void link_end_passage(struct link *link, bool silent)
{
	passage_end(link->passage, silent);
	link->passage = NULL;
}

/* One that is cancelled has waited too long. */
static bool link_forget_dial(struct link *link)
{
	bool silent = link->dial && link->dial->dial.silent;

	if (link->dial)
		dial_cancel(&link->dial->dial);
	free(link->dial);
	link->dial = NULL;
	return silent;
}

/* `silent`: because nothing came any more. */
static void link_close(struct link *link, bool silent)
{
	silent |= link_forget_dial(link);
	link->blocked = false;
	link->unsent = 0;
	link->wire_at = 0;
	link->write_error = 0;
	if (link->watch.loop) {
		watch_remove(&link->watch);
		close(link->watch.fd);
	}
	/* What guarded the socket may go only now. */
	link_end_passage(link, silent);
}

static void link_closed(struct link *link, int error)
{
	char portal[280], room[80];
	struct fault why;

	portal_text(conn_host(link->conn), conn_port(link->conn), portal, sizeof(portal));
	if (error)
		fault_set(&why, FAULT_CLOSED, error, "%s: %s", portal,
			  strerror_r(error, room, sizeof(room)));
	else
		fault_set(&why, FAULT_CLOSED, 0, "%s: the target closed the connection", portal);
	conn_closed(link->conn, &why, loop_now(link->loop));
}

/* Returns false when there is nothing more to read for now. */
static bool link_read(struct link *link)
{
	struct iovec iov[2];
	size_t room = 0;
	ssize_t got;
	unsigned n;

	n = conn_space(link->conn, loop_staging(link->loop), LOOP_STAGING, iov);
	if (n == 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		room += iov[i].iov_len;
	got = tcp_read(link->watch.fd, iov, n);
	if (got == -EAGAIN)
		return false;
	if (got > 0)
		conn_received(link->conn, (size_t)got, loop_now(link->loop));
	else
		link_closed(link, got < 0 ? (int)-got : link->write_error);
	link_drain(link);
	/* The drain may have closed the socket, or begun to dial another portal. */
	return link->state == LINK_OPEN && (size_t)got == room;
}

static void link_ready(struct watch *watch, unsigned events)
{
	struct link *link = list_entry(watch, struct link, watch);

	if (events & EPOLLOUT)
		link->blocked = false;
	if (events & ~(unsigned)EPOLLOUT)
		for (unsigned i = 0; i < LINK_READS && link_read(link); i++)
			;
	link_touch(link);
}

static void link_tune(struct link *link)
{
	unsigned unsent = path_unsent(&link->path);

	if (unsent == link->unsent)
		return;
	link->unsent = unsent;
	tcp_set_unsent(link->watch.fd, unsent);
}

/* Returns false when there is nothing more to write for now. */
static bool link_write(struct link *link)
{
	struct iovec iov[ENGINE_PENDING_IOV];
	uint64_t now = loop_now(link->loop);
	size_t all = 0;
	ssize_t sent;
	unsigned n;

	if (link->blocked || link->write_error || !conn_wants_send(link->conn))
		return false;
	n = conn_pending(link->conn, iov, ENGINE_PENDING_IOV, now);
	if (n == 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		all += iov[i].iov_len;
	sent = tcp_write(link->watch.fd, iov, n);
	if (sent == -EAGAIN) {
		link->blocked = true;
		return false;
	}
	if (sent < 0) {
		/* What the target said before it closed may still be there to be read. */
		link->write_error = (int)-sent;
		return false;
	}
	conn_sent(link->conn, (size_t)sent, now);
	link->blocked = (size_t)sent < all;
	if (link->blocked)
		link_tune(link);
	return true;
}

static void link_send(struct link *link)
{
	unsigned i = 0;

	while (link->state == LINK_OPEN && i < LINK_WRITES && link_write(link)) {
		link_drain(link);
		i++;
	}
	link_drain(link); /* conn_pending alone may have had news */
	if (link->state == LINK_OPEN)
		watch_set(&link->watch, EPOLLIN | (link->blocked ? (unsigned)EPOLLOUT : 0));
	if (i == LINK_WRITES)
		chore_schedule(link->loop, &link->chore);
}

static void link_connected(struct link *link, int fd, const struct fault *fault)
{
	uint64_t now = loop_now(link->loop);
	uint8_t entropy[ENGINE_ENTROPY];
	struct fault why = *fault;

	if (fd >= 0 && RAND_bytes(entropy, sizeof(entropy)) != 1) {
		fault_set(&why, FAULT_NO_MEMORY, 0, "no random bytes to be had");
		close(fd);
		fd = -1;
	}
	if (fd >= 0 && watch_add(link->loop, &link->watch, fd, EPOLLIN, link_ready) < 0) {
		fault_set(&why, FAULT_NO_MEMORY, errno, "can't watch a socket");
		close(fd);
		fd = -1;
	}
	if (fd >= 0) {
		link->state = LINK_OPEN;
		conn_opened(link->conn, entropy, now);
	} else {
		conn_closed(link->conn, &why, now);
	}
	explicit_bzero(entropy, sizeof(entropy));
	link_drain(link);
}

static void link_dialled(struct dial *dial, int fd, const struct fault *fault)
{
	struct link *link = list_entry(dial, struct link_dial, dial)->link;
	struct fault why = *fault;
	bool silent = link_forget_dial(link);

	if (fd < 0)
		link_end_passage(link, silent);
	link_connected(link, fd, &why);
}

static void link_asked(struct dial *dial, const struct sockaddr *to, socklen_t len)
{
	struct link *link = list_entry(dial, struct link_dial, dial)->link;
	struct fault why;

	link_end_passage(link, dial->silent); /* that of the address before */
	link->passage = passage_new(link, to, len);
	if (link->passage)
		return;
	fault_set(&why, FAULT_NO_MEMORY, ENOMEM, "no memory to connect with");
	dial_skip(dial, &why);
}

void link_passed(struct link *link, const struct guard *guard, const struct fault *why)
{
	if (why)
		dial_skip(&link->dial->dial, why);
	else
		dial_go(&link->dial->dial, guard);
}

/* ---------------------------------------------------------------- events */

static void link_dial(struct link *link)
{
	struct fault why;

	link_close(link, false);
	link->state = LINK_DIALLING;
	link->dial = calloc(1, sizeof(*link->dial));
	if (!link->dial) {
		fault_set(&why, FAULT_NO_MEMORY, ENOMEM, "no memory to connect with");
		link_connected(link, -1, &why);
		return;
	}
	link->dial->link = link;
	link->dial->dial.done = link_dialled;
	if (link->nexus->ops.pass)
		link->dial->dial.ask = link_asked;
	dial_start(&link->dial->dial, link->loop, conn_host(link->conn), conn_port(link->conn),
		   conn_source(link->conn), conn_deadline(link->conn));
}

static void link_is_up(struct link *link, const struct conn_up *login)
{
	struct link_up *up = &link->up;
	uint16_t peer_port;

	up->login = *login;
	strncpy(up->host, conn_host(link->conn), sizeof(up->host) - 1);
	up->port = conn_port(link->conn);
	tcp_address(link->watch.fd, false, up->local, &up->local_port);
	tcp_address(link->watch.fd, true, up->peer, &peer_port);
	link_post_home(link, &link->up_msg, home_link_up);
}

/* What TCP carried since the last measurement, if it was busy enough: a link that rests lets more pass
 * at once than it can keep up. */
static void link_ask_wire(struct link *link, uint64_t now)
{
	bool old = now - link->wire_at > LINK_WIRE * LINK_WIRE_PART;
	uint64_t bytes, busy, rate;

	if (tcp_carried(link->watch.fd, &bytes, &busy) < 0)
		return;
	if (busy < link->wire_busy + LINK_WIRE && !old)
		return;
	if (!old) {
		rate = (uint64_t)((double)(bytes - link->wire_bytes) * 1e9 /
				  (double)(busy - link->wire_busy));
		link->path.wire = link->path.wire ? (link->path.wire + rate) / 2 : rate;
	}
	link->wire_bytes = bytes;
	link->wire_busy = busy;
	link->wire_at = now;
}

static void link_learn(struct link *link, const struct io *io)
{
	const struct task *task = &io->task;
	uint64_t now = loop_now(link->loop);
	uint64_t taken = task->outcome == TASK_COMPLETE ? now - io->given_at : 0;

	if (taken && task->out_len && !task->had_arrived)
		path_in_line(&link->path);
	path_returned(&link->path, io_bytes(io), taken, now);
	if (link->path.wire_wanted && link->state == LINK_OPEN) {
		link_ask_wire(link, now);
		link->path.wire_wanted = false;
	}
}

static void link_task(struct link *link, struct task *task)
{
	struct io *io = list_entry(task, struct io, task);
	bool homeless = task->outcome == TASK_UNSENT || task->outcome == TASK_SUSPENDED;

	io->path = NULL;
	link_learn(link, io);
	if (homeless)
		home_post_io(link->nexus, io);
	else if (io->reply_to == loop_box(link->loop))
		list_append(&link->returned, &io->link);
	else
		io_return(io);
}

static void link_answer(struct link *link, const struct conn_event *event)
{
	struct call *call = link->text;
	struct fault why = event->fault;

	link->text = NULL;
	if (!call)
		return;
	if (event->text && call_set_text(call, event->text, event->text_len) < 0)
		fault_set(&why, FAULT_NO_MEMORY, ENOMEM, "no memory for the answer");
	else if (event->text)
		why.kind = FAULT_NONE;
	call_return(call, &why);
}

/* One that can't be passed on. Of what only informs it is told that something did; where the target asks
 * for a logout or drops connections (events 1 to 3) the session would have to act, so the connection
 * ends. */
static void link_lose_async(struct link *link, const struct conn_async *async)
{
	if (async->event >= 1 && async->event <= 3)
		link_closed(link, ENOBUFS);
	else if (!atomic_exchange(&link->async_lost, true))
		link_post_home(link, &link->lost_msg, home_link_async_lost);
}

static void link_tell_async(struct link *link, const struct conn_async *async)
{
	struct link_async *carrier = NULL;

	if (atomic_load(&link->asyncs) < LINK_ASYNCS)
		carrier = calloc(1, sizeof(*carrier));
	if (!carrier) {
		link_lose_async(link, async);
		return;
	}
	carrier->link = link;
	carrier->async = *async;
	atomic_fetch_add(&link->asyncs, 1);
	link_post_home(link, &carrier->msg, home_link_async);
}

static void link_tell_wakes(struct link *link, uint64_t slots)
{
	uint64_t own = UINT64_C(1) << link->slot;

	if (slots & own)
		conn_wake(link->conn);
	slots &= ~own;
	if (slots && atomic_fetch_or(&link->wakes, slots) == 0)
		link_post_home(link, &link->wake_msg, home_link_wakes);
}

static void link_end(struct link *link, const struct fault *why)
{
	link_close(link, why->kind == FAULT_TIMEOUT);
	timer_clear(&link->timer);
	if (link->text)
		link_answer(link, &(struct conn_event){ .fault = *why });
	link->state = LINK_ENDED;
	link->end = *why;
	link_post_home(link, &link->end_msg, home_link_ended);
}

static void link_event(struct link *link, const struct conn_event *event)
{
	switch (event->kind) {
	case CONN_EVENT_NONE:
		break;
	case CONN_EVENT_OPEN:
		link_dial(link);
		break;
	case CONN_EVENT_UP:
		link_is_up(link, &event->up);
		break;
	case CONN_EVENT_VERIFY:
		link_question(link, &event->question);
		break;
	case CONN_EVENT_TASK:
		link_task(link, event->task);
		break;
	case CONN_EVENT_MANAGED:
		link_managed(link, event->management);
		break;
	case CONN_EVENT_CLEANED:
		link->cleaned = event->cleaned;
		link_post_home(link, &link->cleaned_msg, home_link_cleaned);
		break;
	case CONN_EVENT_DOUBT:
		link_doubted(link, event->silence);
		break;
	case CONN_EVENT_TRUST:
		link_trusted(link);
		break;
	case CONN_EVENT_TEXT:
		link_answer(link, event);
		break;
	case CONN_EVENT_ASYNC:
		link_tell_async(link, &event->async);
		break;
	case CONN_EVENT_WAKE:
		link_tell_wakes(link, event->wake);
		break;
	case CONN_EVENT_END:
		link_end(link, &event->fault);
		break;
	}
}

/* Handling an event may call a door: its events are then drained by the loop that runs already. */
void link_drain(struct link *link)
{
	struct conn_event event;

	if (link->draining)
		return;
	link->draining = true;
	while (conn_next_event(link->conn, &event))
		link_event(link, &event);
	link->draining = false;
	link_touch(link);
}

/* ---------------------------------------------------------------- the round's work */

/* What callers on this thread get back. They may give the next command from within. */
static void link_deliver(struct link *link)
{
	struct list *item;

	while ((item = list_pop(&link->returned))) {
		struct io *io = list_entry(item, struct io, link);

		io->done(io);
	}
}

/* First all links of the loop deliver, in the next pass they send: what one brought back lets its caller
 * give the next command to another. */
static void link_work(struct chore *chore)
{
	struct link *link = list_entry(chore, struct link, chore);

	if (!list_empty(&link->returned)) {
		link_deliver(link);
		link_touch(link);
		return;
	}
	link->working = true;
	link_drain(link);
	if (link->state == LINK_OPEN)
		link_send(link);
	if (link->state != LINK_ENDED) {
		turn_tell(link);
		timer_set(link->loop, &link->timer, conn_deadline(link->conn));
	}
	link->working = false;
	if (!list_empty(&link->returned)) /* came back just now */
		link_touch(link);
}

static void link_expired(struct timer *timer, uint64_t now)
{
	struct link *link = list_entry(timer, struct link, timer);

	conn_expire(link->conn, now);
	link_drain(link);
}

/* ---------------------------------------------------------------- messages */

static void link_released(struct msg *msg)
{
	struct link *link = list_entry(msg, struct link, end_msg);

	chore_cancel(&link->chore);
	link_deliver(link);
	conn_free(link->conn);
	link->conn = NULL;
	link_post_home(link, &link->end_msg, home_link_gone);
}

void link_release(struct link *link)
{
	link->end_msg.run = link_released;
	mailbox_post(loop_box(link->loop), &link->end_msg);
}

static void link_take(struct link *link, struct io *io)
{
	uint64_t now = loop_now(link->loop);

	if (link->state == LINK_ENDED) {
		path_returned(&link->path, io_bytes(io), 0, now);
		home_post_io(link->nexus, io);
		return;
	}
	io->given_at = now;
	link->arrived++;
	conn_submit(link->conn, &io->task, now);
	link_touch(link);
}

static void link_io_arrived(struct msg *msg)
{
	struct io *io = list_entry(msg, struct io, msg);

	link_take(io->path, io);
}

void link_submit(struct link *link, struct io *io)
{
	io->path = link;
	if (link->loop == loop_current()) {
		link_take(link, io);
		return;
	}
	io->msg.run = link_io_arrived;
	mailbox_post(loop_box(link->loop), &io->msg);
}

struct link *link_new(struct nexus *nexus, struct loop *loop, struct conn *conn)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->nexus = nexus;
	link->loop = loop;
	link->conn = conn;
	link->id = link->path.id = conn_id(conn);
	link->slot = conn_slot(conn);
	link->orders_msg.run = link_ordered;
	link->timer.expired = link_expired;
	link->chore.run = link_work;
	list_init(&link->returned);
	return link;
}
