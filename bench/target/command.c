/* command.c - SCSI commands: reads, writes with their data and R2Ts, and the small ones. */
#include <stdlib.h>
#include <string.h>

#include "lean.h"
#include "scsi/sense.h"

enum { ASC_RANGE = 0x21, ASC_NO_UNIT = 0x25 };

static uint32_t smaller(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* ---------------------------------------------------------------- answers */

static int answer_status(struct conn *conn, uint32_t itt, uint8_t status, uint8_t key, uint8_t asc,
			 uint64_t want, uint32_t expected)
{
	struct pdu_scsi_response pdu = {
		.status = status, .initiator_task_tag = itt, .stat_sn = conn->stat_sn++,
		.overflow = want > expected, .underflow = want < expected,
	};
	/* Length, then fixed format sense data (SPC-4 section 4.5.3). */
	uint8_t sense[20] = { 0, 18, 0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc };
	uint8_t bhs[PDU_BHS_LEN];

	pdu.residual_count = want > expected ? smaller(want - expected, UINT32_MAX) :
			     expected - (uint32_t)want;
	pdu.data_len = status == SENSE_CHECK_CONDITION ? sizeof(sense) : 0;
	session_window(conn->session, &pdu.exp_cmd_sn, &pdu.max_cmd_sn);
	pdu_put_scsi_response(bhs, &pdu);
	return out_put(conn, bhs, sense, pdu.data_len, true);
}

/* The next Data-In PDU of conn->read. */
static int read_step(struct conn *conn, bool copy)
{
	uint32_t burst = conn->session->max_burst, left = conn->read.length - conn->read.at;
	uint32_t in_burst = burst - conn->read.at % burst;
	struct pdu_data_in pdu = {
		.initiator_task_tag = conn->read.itt, .target_transfer_tag = PDU_NO_TAG,
		.data_sn = conn->read.data_sn++, .buffer_offset = conn->read.at,
	};
	uint8_t bhs[PDU_BHS_LEN];
	const uint8_t *data = conn->read.base ? conn->read.base + conn->read.at : NULL;

	pdu.data_len = smaller(smaller(left, in_burst), smaller(conn->max_send, LEAN_PDU_MAX));
	pdu.has_status = pdu.data_len == left;
	pdu.final = pdu.has_status || pdu.data_len == in_burst;
	if (pdu.has_status) {
		pdu.stat_sn = conn->stat_sn++;
		pdu.overflow = conn->read.overflow;
		pdu.underflow = conn->read.underflow;
		pdu.residual_count = conn->read.residual;
		conn->read.active = false;
	}
	conn->read.at += pdu.data_len;
	session_window(conn->session, &pdu.exp_cmd_sn, &pdu.max_cmd_sn);
	pdu_put_data_in(bhs, &pdu);
	return out_put(conn, bhs, data, pdu.data_len, copy);
}

int command_read_more(struct conn *conn)
{
	while (conn->read.active && out_room(conn))
		if (read_step(conn, false) < 0)
			return -1;
	return 0;
}

/* `want` bytes from `base` (NULL: null medium), cut to what the initiator expects. */
static void read_begin(struct conn *conn, const struct pdu_scsi_command *cmd, uint8_t *base,
		       uint64_t want)
{
	uint32_t expected = cmd->expected_data_transfer_length;

	conn->read.active = true;
	conn->read.base = base;
	conn->read.itt = cmd->initiator_task_tag;
	conn->read.at = conn->read.data_sn = 0;
	conn->read.length = smaller(want, expected);
	conn->read.overflow = want > expected;
	conn->read.underflow = want < expected;
	conn->read.residual = want > expected ? smaller(want - expected, UINT32_MAX) :
			      expected - (uint32_t)want;
}

/* ---------------------------------------------------------------- writes */

static void write_release(struct conn *conn, struct write_task *task)
{
	task->used = false;
	task->round++;
	conn->hint = task;
}

bool command_forget(struct conn *conn, bool all, uint32_t itt)
{
	bool found = false;

	for (unsigned i = 0; conn->tasks && i < LEAN_WRITES; i++) {
		struct write_task *task = &conn->tasks[i];

		if (task->used && (all || task->itt == itt)) {
			write_release(conn, task);
			found = true;
		}
	}
	return found;
}

static struct write_task *write_take(struct conn *conn)
{
	struct write_task *task = conn->hint;

	if (!conn->tasks) {
		conn->tasks = calloc(LEAN_WRITES, sizeof(*conn->tasks));
		task = conn->tasks;
	}
	for (unsigned i = 0; conn->tasks && i < LEAN_WRITES; i++) {
		if (!task->used) {
			uint16_t round = task->round;

			*task = (struct write_task){ .used = true, .round = round };
			conn->hint = task;
			return task;
		}
		if (++task == conn->tasks + LEAN_WRITES)
			task = conn->tasks;
	}
	return NULL;
}

static int write_ask(struct conn *conn, struct write_task *task)
{
	struct pdu_r2t pdu = {
		.lun = task->lun, .initiator_task_tag = task->itt, .stat_sn = conn->stat_sn,
		.target_transfer_tag = (uint32_t)task->round << 16 | (uint32_t)(task - conn->tasks),
		.r2t_sn = task->r2t_sn++, .buffer_offset = task->asked,
		.desired_data_transfer_length =
			smaller(task->length - task->asked, conn->session->max_burst),
	};
	uint8_t bhs[PDU_BHS_LEN];

	task->asked += pdu.desired_data_transfer_length;
	task->r2t_open++;
	worker_count(conn->worker, COUNT_R2TS, 1);
	session_window(conn->session, &pdu.exp_cmd_sn, &pdu.max_cmd_sn);
	pdu_put_r2t(bhs, &pdu);
	return out_put(conn, bhs, NULL, 0, true);
}

/* After data came: asks for more, or answers. */
static int write_advance(struct conn *conn, struct write_task *task)
{
	uint8_t status = task->bad ? SENSE_CHECK_CONDITION : SENSE_GOOD;

	if (task->unsolicited)
		return 0;
	if (task->got >= task->length || task->bad) {
		write_release(conn, task);
		return answer_status(conn, task->itt, status, task->key, task->asc,
				     task->bad ? 0 : task->want, task->expected);
	}
	while (task->asked < task->length && task->r2t_open < conn->session->max_r2t)
		if (write_ask(conn, task) < 0)
			return -1;
	return 0;
}

/* A PDU that brings more than the CDB asks for is dropped whole. */
static int write_land(struct conn *conn, struct write_task *task, uint32_t offset, uint32_t len)
{
	uint64_t end = (uint64_t)offset + len;

	if (end > task->expected)
		return -1;
	conn->task = task;
	conn->land = task->base && end <= task->length ? task->base + offset : NULL;
	return 0;
}

static int write_begin(struct conn *conn, const struct pdu_scsi_command *cmd, uint64_t from,
		       uint64_t want)
{
	const struct lean *lean = conn->worker->lean;
	struct write_task *task = write_take(conn);
	int unit = unit_number(lean, cmd->lun);

	if (!task)
		return -1;
	task->itt = cmd->initiator_task_tag;
	task->lun = cmd->lun;
	task->want = smaller(want, UINT32_MAX);
	task->expected = cmd->expected_data_transfer_length;
	task->length = smaller(want, task->expected);
	task->unsolicited = !cmd->final;
	task->bad = unit < 0 || from + want > lean->options.size;
	if (task->bad) {
		task->key = SENSE_ILLEGAL_REQUEST;
		task->asc = unit < 0 ? ASC_NO_UNIT : ASC_RANGE;
	} else if (lean->options.memory) {
		task->base = lean->media[unit] + from;
	}
	return write_land(conn, task, 0, cmd->data_len);
}

int command_data_begin(struct conn *conn)
{
	struct pdu_data_out pdu;
	struct write_task *task = NULL;
	unsigned slot;

	pdu_get_data_out(conn->bhs, &pdu);
	slot = pdu.target_transfer_tag & 0xffff;
	if (!conn->tasks)
		return 0;
	if (pdu.target_transfer_tag != PDU_NO_TAG) {
		if (slot < LEAN_WRITES && conn->tasks[slot].used &&
		    conn->tasks[slot].round == pdu.target_transfer_tag >> 16)
			task = &conn->tasks[slot];
	} else {
		for (unsigned i = 0; i < LEAN_WRITES && !task; i++)
			if (conn->tasks[i].used && conn->tasks[i].unsolicited &&
			    conn->tasks[i].itt == pdu.initiator_task_tag)
				task = &conn->tasks[i];
	}
	if (!task)
		return 0; /* aborted: what still comes for it is dropped */
	return write_land(conn, task, pdu.buffer_offset, pdu.data_len);
}

int command_data_finish(struct conn *conn)
{
	struct write_task *task = conn->task;
	struct pdu_data_out pdu;

	if (!task)
		return 0;
	pdu_get_data_out(conn->bhs, &pdu);
	task->got += pdu.data_len;
	if (!pdu.final)
		return 0;
	if (task->unsolicited) {
		task->unsolicited = false;
		task->asked = task->got;
	} else if (task->r2t_open) {
		task->r2t_open--;
	}
	return write_advance(conn, task);
}

/* ---------------------------------------------------------------- commands */

int command_begin(struct conn *conn)
{
	struct pdu_scsi_command cmd;
	uint64_t from, want;
	bool write;

	pdu_get_scsi_command(conn->bhs, &cmd);
	conn->skip = !cmd.immediate && !session_take(conn->session, cmd.cmd_sn);
	if (conn->skip || conn->session->discovery)
		return conn->skip ? 0 : -1;
	worker_count(conn->worker, COUNT_COMMANDS, 1);
	if (unit_range(conn->worker->lean, cmd.cdb, &write, &from, &want) && write)
		return write_begin(conn, &cmd, from, want);
	return 0;
}

static int command_read(struct conn *conn, const struct pdu_scsi_command *cmd, uint64_t from,
			uint64_t want)
{
	const struct lean *lean = conn->worker->lean;
	int unit = unit_number(lean, cmd->lun);

	if (unit < 0 || from + want > lean->options.size)
		return answer_status(conn, cmd->initiator_task_tag, SENSE_CHECK_CONDITION,
				     SENSE_ILLEGAL_REQUEST, unit < 0 ? ASC_NO_UNIT : ASC_RANGE, 0,
				     cmd->expected_data_transfer_length);
	if (want == 0 || cmd->expected_data_transfer_length == 0)
		return answer_status(conn, cmd->initiator_task_tag, SENSE_GOOD, 0, 0, want,
				     cmd->expected_data_transfer_length);
	worker_count(conn->worker, COUNT_READS, 1);
	read_begin(conn, cmd, lean->options.memory ? lean->media[unit] + from : NULL, want);
	return command_read_more(conn);
}

static int command_small(struct conn *conn, const struct pdu_scsi_command *cmd)
{
	struct unit_answer answer;

	unit_answer(conn->worker->lean, cmd->lun, cmd->cdb, &answer);
	if (answer.len == 0 || !cmd->read || cmd->expected_data_transfer_length == 0)
		return answer_status(conn, cmd->initiator_task_tag, answer.status, answer.key,
				     answer.asc, answer.len, cmd->expected_data_transfer_length);
	read_begin(conn, cmd, answer.data, answer.len);
	while (conn->read.active)
		if (read_step(conn, true) < 0)
			return -1;
	return 0;
}

int command_finish(struct conn *conn)
{
	struct pdu_scsi_command cmd;
	uint64_t from, want;
	bool write;

	if (conn->skip)
		return 0;
	if (conn->task) {
		worker_count(conn->worker, COUNT_WRITES, 1);
		conn->task->got = conn->task->asked = pdu_data_len(conn->bhs);
		return write_advance(conn, conn->task);
	}
	pdu_get_scsi_command(conn->bhs, &cmd);
	if (unit_range(conn->worker->lean, cmd.cdb, &write, &from, &want))
		return command_read(conn, &cmd, from, want);
	return command_small(conn, &cmd);
}
