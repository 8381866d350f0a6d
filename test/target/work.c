/*
 * work.c - a connection's worker: it executes tasks whose turn has come and sends every answer.
 *
 * RFC 7143 sections 11.4 to 11.8 (responses, data, R2T), 11.9, 11.15, 11.17 to 11.19.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "target.h"

struct task *task_new(struct conn *conn, const uint8_t bhs[PDU_BHS_LEN], uint32_t room)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->data = malloc(room ? room : 1);
	if (!task->data) {
		free(task);
		return NULL;
	}
	task->conn = conn;
	task->len = room;
	memcpy(task->bhs, bhs, PDU_BHS_LEN);
	return task;
}

void task_free(struct task *task)
{
	free(task->data);
	free(task);
}

/* StatSN, ExpCmdSN and MaxCmdSN stand at the same place in every answer. */
static int answer_send(struct conn *conn, uint8_t *bhs, const void *data, uint32_t len, bool status)
{
	pthread_mutex_lock(&target.lock);
	if (!conn->closing && conn->session) {
		bytes_put32(bhs + 24, conn->stat_sn);
		bytes_put32(bhs + 28, conn->session->exp_cmd_sn);
		bytes_put32(bhs + 32, session_max_cmd_sn(conn->session));
	}
	pthread_mutex_unlock(&target.lock);
	conn->stat_sn += status;
	return conn_write(conn, bhs, data, len);
}

/* ---------------------------------------------------------------- SCSI commands */

static int data_send(struct conn *conn, const struct task *task, const struct scsi_result *result)
{
	uint32_t burst = conn->session->max_burst, at = 0, sn = 0, sent = 0;
	uint32_t room = task->cmd.expected_data_transfer_length;
	uint32_t len = result->len < room ? result->len : room;

	while (at < len) {
		struct pdu_data_in in = {
			.initiator_task_tag = task->cmd.initiator_task_tag,
			.target_transfer_tag = PDU_NO_TAG, .data_sn = sn++, .buffer_offset = at,
		};
		uint8_t bhs[PDU_BHS_LEN];

		in.data_len = len - at;
		if (in.data_len > conn->peer_max_recv)
			in.data_len = conn->peer_max_recv;
		if (in.data_len > burst - sent)
			in.data_len = burst - sent;
		sent += in.data_len;
		in.final = at + in.data_len == len || sent == burst;
		if (sent == burst)
			sent = 0;
		pdu_put_data_in(bhs, &in);
		if (answer_send(conn, bhs, result->data + at, in.data_len, false) < 0)
			return -1;
		at += in.data_len;
	}
	return (int)sn;
}

static int command_finish(struct conn *conn, struct task *task, struct scsi_result *result)
{
	uint32_t room = task->cmd.expected_data_transfer_length;
	uint32_t moved = result->status ? 0 : result->len;
	struct pdu_scsi_response response = {
		.status = result->status, .initiator_task_tag = task->cmd.initiator_task_tag,
		.underflow = moved < room, .overflow = moved > room,
		.residual_count = moved < room ? room - moved : moved - room,
	};
	uint8_t bhs[PDU_BHS_LEN], sense[2 + SENSE_MAX];
	int sent = 0;

	if (target.options.delay_ms)
		usleep(target.options.delay_ms * 1000);
	if (task->cmd.read && result->data)
		sent = data_send(conn, task, result);
	if (sent < 0)
		return -1;
	response.exp_data_sn = (uint32_t)sent;
	if (result->sense_len) {
		bytes_put16(sense, (uint16_t)result->sense_len);
		memcpy(sense + 2, result->sense, result->sense_len);
		response.data_len = 2 + result->sense_len;
	}
	pdu_put_scsi_response(bhs, &response);
	return answer_send(conn, bhs, sense, response.data_len, true);
}

static int r2t_send(struct conn *conn, struct task *task)
{
	uint32_t burst = conn->session->max_burst, left = task->len - task->received;
	static _Atomic uint32_t tags;
	struct pdu_r2t r2t = {
		.lun = task->cmd.lun, .initiator_task_tag = task->cmd.initiator_task_tag,
		.buffer_offset = task->received,
		.desired_data_transfer_length = left < burst ? left : burst,
	};
	uint8_t bhs[PDU_BHS_LEN];

	pthread_mutex_lock(&target.lock);
	r2t.r2t_sn = task->r2t_sn++;
	r2t.target_transfer_tag = task->ttt = ++tags & 0x7fffffff;
	task->burst_end = task->received + r2t.desired_data_transfer_length;
	task->data_sn = 0;
	pthread_mutex_unlock(&target.lock);
	pdu_put_r2t(bhs, &r2t);
	return answer_send(conn, bhs, NULL, 0, false);
}

static int reject_send(struct conn *conn, const struct task *task, uint8_t reason)
{
	struct pdu_reject reject = {
		.reason = reason, .data_len = PDU_BHS_LEN, .initiator_task_tag = PDU_NO_TAG,
	};
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_reject(bhs, &reject);
	return answer_send(conn, bhs, task->bhs, PDU_BHS_LEN, true);
}

static int async_send(struct conn *conn, uint8_t event)
{
	struct pdu_async async = {
		.initiator_task_tag = PDU_NO_TAG, .async_event = event,
		.parameter1 = conn->cid, .parameter2 = 1, .parameter3 = 5,
	};
	uint8_t bhs[PDU_BHS_LEN], sense[2 + SENSE_MAX] = { 0, SENSE_MAX, 0x70, 0, 6 };

	sense[2 + 7] = SENSE_MAX - 8;
	bytes_put16(sense + 2 + 12, 0x3f0e); /* REPORTED LUNS DATA HAS CHANGED */
	if (event == PDU_ASYNC_SCSI)
		async.data_len = sizeof(sense);
	pdu_put_async(bhs, &async);
	if (answer_send(conn, bhs, sense, async.data_len, true) < 0)
		return -1;
	/* Events 2 and 3 announce what then happens. */
	return event == PDU_ASYNC_CONNECTION_DROP || event == PDU_ASYNC_SESSION_DROP ? -1 : 0;
}

/* Returns 1 while the task needs more data, so that it lives on. */
static int command_run(struct conn *conn, struct task *task)
{
	const struct options *o = &target.options;
	struct scsi_result result;
	bool wait, event;
	unsigned nth;
	int rc;

	pthread_mutex_lock(&target.lock);
	wait = task->unsolicited;
	nth = task->started ? 0 : ++target.scsi_commands;
	event = nth && o->async_event && nth == o->async_after;
	task->started = true;
	pthread_mutex_unlock(&target.lock);
	if (nth && nth == o->reject_nth) {
		pthread_mutex_lock(&target.lock);
		list_remove(&task->data_link);
		pthread_mutex_unlock(&target.lock);
		return reject_send(conn, task, PDU_REJECT_PROTOCOL);
	}
	if (event && async_send(conn, (uint8_t)(o->async_event - 1)) < 0)
		return -1;
	if (wait)
		return 1;
	if (task->cmd.write && task->received < task->len)
		return r2t_send(conn, task) < 0 ? -1 : 1;
	pthread_mutex_lock(&target.lock);
	scsi_run(conn->session, &task->cmd, task->data, task->received, &result);
	pthread_mutex_unlock(&target.lock);
	rc = command_finish(conn, task, &result);
	free(result.data);
	return rc;
}

/* ---------------------------------------------------------------- other requests */

static int nop_run(struct conn *conn, const struct task *task)
{
	struct pdu_nop_out out;
	struct pdu_nop_in in = { .target_transfer_tag = PDU_NO_TAG };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_nop_out(task->bhs, &out);
	if (out.initiator_task_tag == PDU_NO_TAG)
		return 0; /* the answer to a ping of ours */
	in.initiator_task_tag = out.initiator_task_tag;
	in.lun = out.lun;
	in.data_len = task->len < conn->peer_max_recv ? task->len : conn->peer_max_recv;
	pdu_put_nop_in(bhs, &in);
	return answer_send(conn, bhs, task->data, in.data_len, true);
}

static int ping_send(struct conn *conn)
{
	struct pdu_nop_in in = { .initiator_task_tag = PDU_NO_TAG, .target_transfer_tag = 7 };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_nop_in(bhs, &in);
	return answer_send(conn, bhs, NULL, 0, false);
}

static int task_request_run(struct conn *conn, const struct task *task)
{
	struct pdu_task_request request;
	struct pdu_task_response response = { .response = 5 }; /* function not supported */
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_task_request(task->bhs, &request);
	/* Every task that started is finished or awaits data on its connection: nothing to abort. */
	if (request.function == PDU_ABORT_TASK)
		response.response = 1; /* task does not exist */
	else if (request.function == PDU_LOGICAL_UNIT_RESET)
		response.response = 0;
	response.initiator_task_tag = request.initiator_task_tag;
	pdu_put_task_response(bhs, &response);
	return answer_send(conn, bhs, NULL, 0, true);
}

static int text_run(struct conn *conn, const struct task *task)
{
	struct pdu_text_request request;
	struct pdu_text_response response = { .final = true, .target_transfer_tag = PDU_NO_TAG };
	struct text_pair pair;
	struct text_in in;
	struct text_out out;
	char buf[4096];
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_text_request(task->bhs, &request);
	text_init(&in, task->data, task->len);
	text_out_init(&out, buf, sizeof(buf));
	while (text_next(&in, &pair, &(struct fault){ 0 }) == 1) {
		if (strcmp(pair.key, "SendTargets") == 0)
			login_send_targets(conn, &out);
		else
			text_put(&out, pair.key, "NotUnderstood");
	}
	response.initiator_task_tag = request.initiator_task_tag;
	response.data_len = (uint32_t)out.len;
	pdu_put_text_response(bhs, &response);
	return answer_send(conn, bhs, buf, response.data_len, true);
}

/* With reason 1 the named connection ends, with 0 the session; our own end is the return value. */
static int logout_run(struct conn *conn, const struct task *task)
{
	struct pdu_logout_request request;
	struct pdu_logout_response response = { .time2wait = 1, .time2retain = 10 };
	uint8_t bhs[PDU_BHS_LEN];
	bool self = false, found = false;

	pdu_get_logout_request(task->bhs, &request);
	pthread_mutex_lock(&target.lock);
	list_for_each(it, &conn->session->conns) {
		struct conn *other = list_entry(it, struct conn, link);

		if (request.reason != PDU_LOGOUT_SESSION && other->cid != request.cid)
			continue;
		found = true;
		if (other == conn)
			self = true;
		else
			conn_cut(other);
	}
	pthread_mutex_unlock(&target.lock);
	response.response = found ? 0 : 1;
	response.initiator_task_tag = request.initiator_task_tag;
	pdu_put_logout_response(bhs, &response);
	if (answer_send(conn, bhs, NULL, 0, true) < 0 || self)
		return -1;
	return 0;
}

static int task_run(struct conn *conn, struct task *task)
{
	switch (pdu_opcode(task->bhs)) {
	case PDU_SCSI_COMMAND:
		return command_run(conn, task);
	case PDU_NOP_OUT:
		return nop_run(conn, task);
	case PDU_TASK_REQUEST:
		return task_request_run(conn, task);
	case PDU_TEXT_REQUEST:
		return text_run(conn, task);
	case PDU_LOGOUT_REQUEST:
		return logout_run(conn, task);
	default:
		return -1;
	}
}

/* The next task, NULL when a ping is due or the connection closes. */
static struct task *task_next(struct conn *conn)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(target.options.ping_ms % 1000) * 1000000;
	until.tv_sec += target.options.ping_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while ((list_empty(&conn->ready) || conn->stalled) && !conn->closing &&
	       (rc != ETIMEDOUT || conn->stalled))
		rc = target.options.ping_ms ?
			pthread_cond_timedwait(&conn->wake, &target.lock, &until) :
			pthread_cond_wait(&conn->wake, &target.lock);
	if (conn->closing || list_empty(&conn->ready))
		return NULL;
	return list_entry(list_pop(&conn->ready), struct task, link);
}

void *work_main(void *arg)
{
	struct conn *conn = arg;
	int rc = 0;

	while (rc >= 0) {
		struct task *task;
		bool closing;

		pthread_mutex_lock(&target.lock);
		task = task_next(conn);
		closing = conn->closing;
		pthread_mutex_unlock(&target.lock);
		if (closing)
			break;
		rc = task ? task_run(conn, task) : ping_send(conn);
		if (task && rc != 1) {
			pthread_mutex_lock(&target.lock);
			list_remove(&task->data_link);
			pthread_mutex_unlock(&target.lock);
			task_free(task);
		}
	}
	pthread_mutex_lock(&target.lock);
	conn_cut(conn);
	pthread_mutex_unlock(&target.lock);
	return NULL;
}
