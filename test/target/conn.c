/*
 * conn.c - one connection of the test target: its bytes, its reader, and the checks of what comes.
 *
 * RFC 7143 sections 11.1 (header), 13.1 (digests), 11.3, 11.7 (commands and their data).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/digest.h"
#include "proto/sn.h"
#include "target.h"

static int bytes_read(int fd, void *to, size_t len)
{
	uint8_t *p = to;

	while (len) {
		ssize_t n = recv(fd, p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int bytes_write(int fd, const void *from, size_t len)
{
	const uint8_t *p = from;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int digest_read(struct conn *conn, uint32_t digest, const char *part)
{
	uint8_t wire[DIGEST_LEN];

	if (bytes_read(conn->fd, wire, sizeof(wire)) < 0)
		return -1;
	if (digest_equal(wire, digest))
		return 0;
	violation("CID %u: wrong %s digest", conn->cid, part);
	return -1;
}

int conn_read(struct conn *conn, uint8_t bhs[PDU_BHS_LEN], uint8_t *data, uint32_t room)
{
	uint8_t ahs[PDU_AHS_MAX], pad[4] = { 0 };
	uint32_t len, digest;
	size_t ahs_len;

	if (bytes_read(conn->fd, bhs, PDU_BHS_LEN) < 0)
		return -1;
	ahs_len = pdu_ahs_len(bhs);
	len = pdu_data_len(bhs);
	if (bytes_read(conn->fd, ahs, ahs_len) < 0)
		return -1;
	if (conn->header_digest) {
		digest = digest_add(digest_add(digest_start(), bhs, PDU_BHS_LEN), ahs, ahs_len);
		if (digest_read(conn, digest_finish(digest), "header") < 0)
			return -1;
	}
	if (len > room) {
		violation("CID %u: %s with %u bytes of data, %u allowed", conn->cid,
			  pdu_name(pdu_opcode(bhs)), len, room);
		return -1;
	}
	if (!len)
		return 0;
	if (bytes_read(conn->fd, data, len) < 0 || bytes_read(conn->fd, pad, pdu_pad(len)) < 0)
		return -1;
	if (conn->data_digest) {
		digest = digest_add(digest_add(digest_start(), data, len), pad, pdu_pad(len));
		if (digest_read(conn, digest_finish(digest), "data") < 0)
			return -1;
	}
	return 0;
}

/* Called by the worker alone once full feature phase is reached, before that by the reader. */
int conn_write(struct conn *conn, uint8_t bhs[PDU_BHS_LEN], const void *data, uint32_t len)
{
	const struct options *o = &target.options;
	static const uint8_t zero[4];
	uint8_t wire[DIGEST_LEN];

	conn->sent += conn->full_feature;
	if (bytes_write(conn->fd, bhs, PDU_BHS_LEN) < 0)
		return -1;
	if (conn->header_digest) {
		digest_put(wire, digest_of(bhs, PDU_BHS_LEN));
		if (o->bad_header_digest && conn->sent == o->bad_header_digest)
			wire[0] ^= 1;
		if (bytes_write(conn->fd, wire, sizeof(wire)) < 0)
			return -1;
	}
	if (!len)
		return 0;
	if (bytes_write(conn->fd, data, len) < 0 || bytes_write(conn->fd, zero, pdu_pad(len)) < 0)
		return -1;
	if (conn->data_digest) {
		uint32_t digest = digest_add(digest_add(digest_start(), data, len), zero,
					     pdu_pad(len));

		digest_put(wire, digest_finish(digest));
		if (o->bad_data_digest && conn->sent >= o->bad_data_digest) {
			wire[0] ^= 1;
			conn->sent = 0;
		}
		return bytes_write(conn->fd, wire, sizeof(wire));
	}
	return 0;
}

void conn_cut(struct conn *conn)
{
	conn->closing = true;
	shutdown(conn->fd, SHUT_RDWR);
	pthread_cond_broadcast(&conn->wake);
}

static void ready_add(struct conn *conn, struct task *task)
{
	list_append(&conn->ready, &task->link);
	pthread_cond_broadcast(&conn->wake);
}

/* ---------------------------------------------------------------- what the reader does with a PDU */

static struct task *write_find(struct conn *conn, uint32_t itt)
{
	list_for_each(it, &conn->writes) {
		struct task *task = list_entry(it, struct task, data_link);

		if (task->cmd.initiator_task_tag == itt)
			return task;
	}
	return NULL;
}

/* With the lock held. A number out of the window is dropped, as section 4.2.2.1 wants. */
static int task_queue(struct conn *conn, struct task *task, bool immediate)
{
	if (immediate) {
		ready_add(conn, task);
		return 0;
	}
	if (session_accept(conn->session, task))
		return 0;
	violation("CID %u: CmdSN %u is outside of [%u, %u] or was used", conn->cid, task->cmd_sn,
		  conn->session->exp_cmd_sn, session_max_cmd_sn(conn->session));
	list_remove(&task->data_link);
	task_free(task);
	return 0;
}

static int command_take(struct conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	struct session *s = conn->session;
	struct pdu_scsi_command cmd;
	struct task *task;
	uint32_t room;

	pdu_get_scsi_command(bhs, &cmd);
	room = cmd.write ? cmd.expected_data_transfer_length : 0;
	if (len > room || (len && !s->immediate_data) || (!cmd.final && s->initial_r2t) ||
	    (cmd.write && len > s->first_burst)) {
		violation("CID %u: a command with data that was not agreed on", conn->cid);
		return -1;
	}
	if (write_find(conn, cmd.initiator_task_tag)) {
		violation("CID %u: the tag %08x is in use", conn->cid, cmd.initiator_task_tag);
		return -1;
	}
	task = task_new(conn, bhs, room);
	if (!task)
		return -1;
	task->cmd = cmd;
	task->cmd_sn = cmd.cmd_sn;
	if (len)
		memcpy(task->data, data, len);
	task->received = len;
	task->unsolicited = cmd.write && !cmd.final;
	task->burst_end = task->unsolicited && room > s->first_burst ? s->first_burst : room;
	task->ttt = PDU_NO_TAG;
	if (cmd.write && len < room)
		list_append(&conn->writes, &task->data_link);
	return task_queue(conn, task, cmd.immediate);
}

static int data_take(struct conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	struct pdu_data_out out;
	struct task *task;

	pdu_get_data_out(bhs, &out);
	task = write_find(conn, out.initiator_task_tag);
	if (!task || out.target_transfer_tag != task->ttt || out.data_sn != task->data_sn ||
	    out.buffer_offset != task->received || len > task->burst_end - task->received ||
	    out.final != (task->received + len == task->burst_end)) {
		violation("CID %u: Data-Out for %08x/%08x, DataSN %u, offset %u, %u bytes%s does not fit",
			  conn->cid, out.initiator_task_tag, out.target_transfer_tag, out.data_sn,
			  out.buffer_offset, len, out.final ? ", final" : "");
		return -1;
	}
	if (len)
		memcpy(task->data + task->received, data, len);
	task->received += len;
	task->data_sn++;
	if (!out.final)
		return 0;
	task->unsolicited = false;
	task->ttt = PDU_NO_TAG;
	if (task->received == task->len)
		list_remove(&task->data_link);
	if (task->started)
		ready_add(conn, task);
	return 0;
}

/* As istgt does it: any request but a command is taken as it comes, so it must carry the next number
 * and nothing may be on its way elsewhere; a numbered Logout is not counted. */
static int unsorted_take(struct conn *conn, struct task *task, const uint8_t *bhs)
{
	bool immediate = pdu_immediate(bhs);

	if (task->cmd_sn != conn->session->exp_cmd_sn) {
		violation("CID %u: %s with CmdSN %u while %u is expected", conn->cid,
			  pdu_name(pdu_opcode(bhs)), task->cmd_sn, conn->session->exp_cmd_sn);
		list_remove(&task->data_link);
		task_free(task);
		return -1;
	}
	return task_queue(conn, task, immediate || pdu_opcode(bhs) == PDU_LOGOUT_REQUEST);
}

/* Any other request: it goes to the worker whole. */
static int request_take(struct conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	struct task *task = task_new(conn, bhs, len);

	if (!task)
		return -1;
	if (len)
		memcpy(task->data, data, len);
	task->received = len;
	/* CmdSN has the same place in every request that has one. */
	task->cmd_sn = (uint32_t)bhs[24] << 24 | (uint32_t)bhs[25] << 16 | (uint32_t)bhs[26] << 8 |
		bhs[27];
	return target.options.unsorted ? unsorted_take(conn, task, bhs)
				       : task_queue(conn, task, pdu_immediate(bhs));
}

static int pdu_take(struct conn *conn, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	switch (pdu_opcode(bhs)) {
	case PDU_SCSI_COMMAND:
		return command_take(conn, bhs, data, len);
	case PDU_DATA_OUT:
		return data_take(conn, bhs, data, len);
	case PDU_NOP_OUT: case PDU_TASK_REQUEST: case PDU_TEXT_REQUEST: case PDU_LOGOUT_REQUEST:
		return request_take(conn, bhs, data, len);
	default:
		violation("CID %u: %s in full feature phase", conn->cid, pdu_name(pdu_opcode(bhs)));
		return -1;
	}
}

/* The faults that count received PDUs. True: the connection is to end. */
static bool fault_due(struct conn *conn)
{
	struct options *o = &target.options;

	conn->received++;
	if (o->drop_after && conn->received == o->drop_after &&
	    (!o->drop_times || target.drops < o->drop_times)) {
		target.drops++;
		return true;
	}
	conn->stalled = o->stall_after && conn->received == o->stall_after;
	if (conn->stalled)
		while (!conn->closing)
			pthread_cond_wait(&conn->wake, &target.lock);
	return false;
}

static void conn_serve(struct conn *conn)
{
	uint32_t room = target.options.max_recv;
	uint8_t bhs[PDU_BHS_LEN], *data = malloc(room);
	int rc = data ? 0 : -1;

	while (rc == 0 && conn_read(conn, bhs, data, room) == 0) {
		pthread_mutex_lock(&target.lock);
		rc = fault_due(conn) ? -1 : pdu_take(conn, bhs, data, pdu_data_len(bhs));
		pthread_mutex_unlock(&target.lock);
	}
	free(data);
}

static void conn_free(struct conn *conn)
{
	struct list *it;

	pthread_mutex_lock(&target.lock);
	session_leave(conn);
	while ((it = list_pop(&conn->writes))) {
		struct task *task = list_entry(it, struct task, data_link);

		/* Those that are not in `ready` wait for data, and this list alone has them. */
		if (!list_linked(&task->link))
			task_free(task);
	}
	while ((it = list_pop(&conn->ready)))
		task_free(list_entry(it, struct task, link));
	pthread_cond_broadcast(&target.changed);
	pthread_mutex_unlock(&target.lock);
	close(conn->fd);
	pthread_cond_destroy(&conn->wake);
	free(conn);
}

static void address_get(struct conn *conn)
{
	struct sockaddr_in in = { 0 };
	socklen_t len = sizeof(in);
	char host[INET_ADDRSTRLEN];

	getsockname(conn->fd, (struct sockaddr *)&in, &len);
	inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
	snprintf(conn->local, sizeof(conn->local), "%s:%u", host, ntohs(in.sin_port));
}

void *conn_main(void *fd)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		close((int)(intptr_t)fd);
		return NULL;
	}
	conn->fd = (int)(intptr_t)fd;
	list_init(&conn->ready);
	list_init(&conn->writes);
	pthread_cond_init(&conn->wake, NULL);
	address_get(conn);
	if (login_run(conn) == 0) {
		if (pthread_create(&conn->worker, NULL, work_main, conn) == 0) {
			conn_serve(conn);
			pthread_mutex_lock(&target.lock);
			conn_cut(conn);
			pthread_mutex_unlock(&target.lock);
			pthread_join(conn->worker, NULL);
		}
	}
	conn_free(conn);
	return NULL;
}
