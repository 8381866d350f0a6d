/*
 * conn.c - a connection's bytes: takes them in large pieces, finds the PDUs in them, and lands data
 * where it belongs.
 *
 * What comes is received into the worker's buffer, which many PDUs share. While the data segment of
 * a PDU is being received the rest of it goes straight to its place, and only what follows it into
 * the buffer. Bytes that can't be used yet - half a header, or PDUs whose answers find no room -
 * are held until the next round.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lean.h"
#include "proto/digest.h"

enum { CONN_ROUNDS = 8 }; /* receives in one turn; then the worker's others */

int conn_new(struct worker *worker, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return -ENOMEM;
	conn->hold = malloc(2 * LEAN_RECV);
	if (!conn->hold) {
		free(conn);
		return -ENOMEM;
	}
	conn->fd = fd;
	conn->worker = worker;
	conn->events = event.events;
	conn->max_send = 8192;
	conn->stat_sn = 1;
	pthread_mutex_lock(&worker->lean->lock);
	list_append(&worker->conns, &conn->link);
	pthread_mutex_unlock(&worker->lean->lock);
	event.data.ptr = conn;
	if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	conn->fd = -1;
	conn_free(conn);
	return -errno;
}

void conn_free(struct conn *conn)
{
	struct worker *worker = conn->worker;

	session_leave(conn); /* from here on nobody else shuts the socket */
	pthread_mutex_lock(&worker->lean->lock);
	list_remove(&conn->link);
	pthread_mutex_unlock(&worker->lean->lock);
	out_drop(conn);
	if (conn->fd >= 0)
		close(conn->fd);
	free(conn->tasks);
	free(conn->text);
	free(conn->hold);
	free(conn);
}

/* ---------------------------------------------------------------- PDUs */

static bool takes_text(uint8_t opcode)
{
	return opcode == PDU_LOGIN_REQUEST || opcode == PDU_TEXT_REQUEST || opcode == PDU_NOP_OUT;
}

/* Makes room for the data of a PDU behind the text that is being gathered. */
static int conn_gather(struct conn *conn, uint32_t len)
{
	if (conn->text_len + len > LEAN_TEXT_MAX)
		return -1;
	if (!conn->text)
		conn->text = malloc(LEAN_TEXT_MAX);
	if (!conn->text)
		return -1;
	conn->land = conn->text + conn->text_len;
	conn->text_len += len;
	return 0;
}

static int conn_begin(struct conn *conn)
{
	uint8_t opcode = pdu_opcode(conn->bhs);
	uint32_t len = pdu_data_len(conn->bhs);

	worker_count(conn->worker, COUNT_PDUS_IN, 1);
	conn->land = NULL;
	conn->task = NULL;
	conn->skip = false;
	if ((conn->state == CONN_LOGIN) != (opcode == PDU_LOGIN_REQUEST))
		return -1;
	if (opcode == PDU_SCSI_COMMAND)
		return command_begin(conn);
	if (opcode == PDU_DATA_OUT)
		return command_data_begin(conn);
	if (len && takes_text(opcode))
		return conn_gather(conn, len);
	return 0;
}

static int conn_finish(struct conn *conn)
{
	switch (pdu_opcode(conn->bhs)) {
	case PDU_SCSI_COMMAND:
		return command_finish(conn);
	case PDU_DATA_OUT:
		return command_data_finish(conn);
	case PDU_LOGIN_REQUEST:
		return login_request(conn);
	case PDU_TEXT_REQUEST:
		return text_request(conn);
	case PDU_NOP_OUT:
		return request_nop(conn);
	case PDU_TASK_REQUEST:
		return request_task(conn);
	case PDU_LOGOUT_REQUEST:
		return request_logout(conn);
	default:
		return -1;
	}
}

/* The next n bytes of the data segment are at `from`, or already in their place. */
static void conn_land(struct conn *conn, const uint8_t *from, size_t n, bool placed)
{
	if (conn->data_digest && conn->worker->lean->options.check)
		conn->crc = digest_add(conn->crc, from, n);
	if (conn->land) {
		if (!placed)
			memcpy(conn->land, from, n);
		conn->land += n;
	}
	conn->land_left -= (uint32_t)n;
	if (conn->land_left == 0)
		conn->phase = PHASE_TAIL;
}

/* Each returns how many bytes it used, 0 if it needs more, -1 if the connection is over. */
static ssize_t parse_header(struct conn *conn, const uint8_t *at, size_t len)
{
	size_t all = PDU_BHS_LEN;

	if (len < all)
		return 0;
	all += pdu_ahs_len(at) + (conn->header_digest ? DIGEST_LEN : 0);
	if (len < all)
		return 0;
	if (conn->header_digest &&
	    !digest_equal(at + all - DIGEST_LEN, digest_of(at, all - DIGEST_LEN)))
		return -1;
	memcpy(conn->bhs, at, PDU_BHS_LEN);
	if (conn_begin(conn) < 0)
		return -1;
	conn->land_left = pdu_data_len(at);
	if (conn->land_left) {
		conn->crc = digest_start();
		conn->phase = PHASE_DATA;
	} else if (conn_finish(conn) < 0) {
		return -1;
	}
	return (ssize_t)all;
}

static ssize_t parse_data(struct conn *conn, const uint8_t *at, size_t len)
{
	size_t n = len < conn->land_left ? len : conn->land_left;

	conn_land(conn, at, n, false);
	return (ssize_t)n;
}

/* Padding and digest; `*ret_done` even if there are none. */
static ssize_t parse_tail(struct conn *conn, const uint8_t *at, size_t len, bool *ret_done)
{
	size_t pad = pdu_pad(pdu_data_len(conn->bhs));
	size_t all = pad + (conn->data_digest ? DIGEST_LEN : 0);

	if (len < all)
		return 0;
	if (conn->data_digest && conn->worker->lean->options.check &&
	    !digest_equal(at + pad, digest_finish(digest_add(conn->crc, at, pad))))
		return -1;
	conn->phase = PHASE_HEADER;
	*ret_done = true;
	return conn_finish(conn) < 0 ? -1 : (ssize_t)all;
}

static ssize_t parse_some(struct conn *conn, const uint8_t *at, size_t len, bool *ret_done)
{
	switch (conn->phase) {
	case PHASE_HEADER:
		return parse_header(conn, at, len);
	case PHASE_DATA:
		return parse_data(conn, at, len);
	case PHASE_TAIL:
		return parse_tail(conn, at, len, ret_done);
	}
	return -1;
}

/* Uses what it can and holds the rest. */
static int conn_parse(struct conn *conn, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;

	while (!conn->read.active && out_room(conn)) {
		bool done = false;
		ssize_t used = parse_some(conn, at, (size_t)(end - at), &done);

		if (used < 0)
			return -1;
		at += used;
		if (used == 0 && !done)
			break;
	}
	conn->hold_len = (size_t)(end - at);
	memcpy(conn->hold, at, conn->hold_len);
	return 0;
}

/* ---------------------------------------------------------------- the socket */

/* Into `first` and then behind what was held. Returns bytes, 0 for none now, -1 at the end. */
static ssize_t conn_recv(struct conn *conn, struct iovec *first, uint8_t *buffer)
{
	struct iovec iov[2] = { *first, { buffer, LEAN_RECV } };
	unsigned skip = first->iov_len ? 0 : 1;
	ssize_t got = readv(conn->fd, iov + skip, (int)(2 - skip));

	worker_count(conn->worker, COUNT_RECVS, 1);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		return -1;
	worker_count(conn->worker, COUNT_BYTES_IN, (uint64_t)got);
	return got;
}

/* Receives once. Returns 1 if there may be more, 0, or -1. */
static int conn_read(struct conn *conn)
{
	struct worker *worker = conn->worker;
	uint8_t *buffer = worker->buffer;
	size_t held = conn->hold_len, direct = 0;
	struct iovec first = { 0 };
	ssize_t got;

	memcpy(buffer, conn->hold, held);
	if (conn->phase == PHASE_DATA) {
		first.iov_base = conn->land ? conn->land : worker->sink;
		first.iov_len = conn->land_left;
		if (!conn->land && first.iov_len > LEAN_RECV)
			first.iov_len = LEAN_RECV;
	}
	got = conn_recv(conn, &first, buffer + held);
	if (got <= 0)
		return (int)got;
	if (first.iov_len) {
		direct = (size_t)got < first.iov_len ? (size_t)got : first.iov_len;
		conn_land(conn, first.iov_base, direct, true);
	}
	if (conn_parse(conn, buffer, held + (size_t)got - direct) < 0)
		return -1;
	return (size_t)got == first.iov_len + LEAN_RECV;
}

/* What waited for room in the queue, now that there is some. */
static int conn_resume(struct conn *conn)
{
	size_t held = conn->hold_len;

	if (conn->read.active && command_read_more(conn) < 0)
		return -1;
	if (conn->read.active || held == 0)
		return 0;
	memcpy(conn->worker->buffer, conn->hold, held);
	return conn_parse(conn, conn->worker->buffer, held);
}

static int conn_watch(struct conn *conn)
{
	bool full = conn->read.active || !out_room(conn);
	struct epoll_event event = {
		.events = (full ? 0 : (unsigned)EPOLLIN) | (conn->out ? (unsigned)EPOLLOUT : 0),
		.data.ptr = conn,
	};

	if (event.events == conn->events)
		return 0;
	conn->events = event.events;
	return epoll_ctl(conn->worker->epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

/* Sends, and goes on with what waited for it. */
static int conn_write(struct conn *conn)
{
	for (;;) {
		bool waiting = conn->read.active || !out_room(conn);

		if (out_flush(conn) < 0)
			return -1;
		if (!waiting || conn->out)
			return 0;
		if (conn_resume(conn) < 0)
			return -1;
	}
}

int conn_ready(struct conn *conn, unsigned events)
{
	int more = events & ~(unsigned)EPOLLOUT ? 1 : 0;

	if (conn->out && conn_write(conn) < 0)
		return -1;
	for (int i = 0; more && i < CONN_ROUNDS; i++) {
		if (conn->read.active || !out_room(conn))
			break;
		more = conn_read(conn);
		if (more < 0 || conn_write(conn) < 0)
			return -1;
	}
	if (conn->state == CONN_LEAVING && !conn->out)
		return -1;
	return conn_watch(conn);
}
