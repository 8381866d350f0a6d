/*
 * task.c - requests of full feature phase: SCSI commands with their data in both directions, NOP,
 * Logout, task management, asynchronous messages (RFC 7143 sections 4.2.5, 11.3 to 11.9, 11.14 to
 * 11.19). Each rule that the initiator has to keep is looked at where it can be broken.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void task_numbers(struct peer_conn *c, uint8_t *bhs, bool advance)
{
	session_window(c->session);
	bytes_put32(bhs + 24, c->stat_sn);
	bytes_put32(bhs + 28, c->session->exp_cmd_sn);
	bytes_put32(bhs + 32, c->session->max_cmd_sn);
	c->stat_sn += advance;
}

void task_free(struct peer_task *t)
{
	list_remove(&t->link);
	list_remove(&t->data_link);
	if (t->result)
		free(t->result->data);
	free(t->result);
	free(t->data);
	free(t);
}

/* It ends; its place in the queue is free before its answer is made. */
static void task_done(struct peer_task *t)
{
	t->session->running--;
	task_free(t);
}

/* ---------------------------------------------------------------- data out */

static void task_ready(struct peer_task *t)
{
	struct peer *p = t->session->peer;

	list_remove(&t->data_link);
	t->due = p->now;
	if (p->options.delay)
		t->due += random_next(&p->random) % p->options.delay;
	list_append(&p->running, &t->link);
}

static void send_r2t(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	struct peer *p = c->peer;
	uint32_t most = c->session->params.max_burst, len;
	uint8_t bhs[PDU_BHS_LEN];

	if (p->options.r2t_len && p->options.r2t_len < most)
		most = p->options.r2t_len;
	len = min32(t->len - t->asked, 1 + random_below(&p->random, most));
	if (random_one_in(&p->random, 2))
		len = min32(t->len - t->asked, most);
	if (++p->next_ttt == PDU_NO_TAG)
		p->next_ttt = 0;
	t->r2t[t->r2ts++] = (struct peer_r2t){ p->next_ttt, t->asked, t->asked + len, 0 };
	pdu_put_r2t(bhs, &(struct pdu_r2t){ .lun = t->cmd.lun,
		.initiator_task_tag = t->cmd.initiator_task_tag, .target_transfer_tag = p->next_ttt,
		.r2t_sn = t->r2t_sn++, .buffer_offset = t->asked, .desired_data_transfer_length = len });
	t->asked += len;
	task_numbers(c, bhs, false);
	conn_send(c, bhs, NULL, 0);
}

static void ask(struct peer_task *t)
{
	unsigned most = t->session->params.max_r2t;

	if (!t->begun || t->unsolicited || !t->conn)
		return;
	if (t->asked < t->got)
		t->asked = t->got;
	while (t->asked < t->len && t->r2ts < most && t->r2ts < PEER_R2TS)
		send_r2t(t);
	if (t->got == t->len)
		task_ready(t);
}

static struct peer_task *find_write(struct peer_conn *c, uint32_t itt)
{
	list_for_each(it, &c->writes) {
		struct peer_task *t = list_entry(it, struct peer_task, data_link);

		if (t->cmd.initiator_task_tag == itt)
			return t;
	}
	return NULL;
}

static uint32_t unsolicited_limit(const struct peer_task *t)
{
	return min32(t->len, t->session->params.first_burst);
}

static const char *unsolicited_fault(const struct peer_task *t, const struct pdu_data_out *d, uint32_t len)
{
	if (!t->unsolicited)
		return "unsolicited Data-Out that was not announced";
	if (d->buffer_offset != t->got || d->data_sn != t->unsolicited_sn)
		return "unsolicited Data-Out out of order";
	if (len > unsolicited_limit(t) - t->got)
		return "unsolicited data beyond FirstBurstLength or the command";
	if (d->final != (t->got + len == unsolicited_limit(t)))
		return "unsolicited Data-Out with a wrong F bit";
	return NULL;
}

static const char *solicited_fault(const struct peer_task *t, const struct pdu_data_out *d, uint32_t len)
{
	const struct peer_r2t *r = &t->r2t[0];

	if (!t->r2ts || d->target_transfer_tag != r->ttt)
		return "Data-Out for another R2T than the oldest";
	if (d->buffer_offset != r->at || d->data_sn != r->data_sn)
		return "Data-Out out of order";
	if (!len || len > r->end - r->at)
		return "Data-Out of a wrong length";
	if (d->final != (r->at + len == r->end))
		return "Data-Out with a wrong F bit";
	if (d->lun != t->cmd.lun)
		return "Data-Out with another LUN";
	return NULL;
}

static void acknowledged(struct peer_conn *c, uint32_t exp_stat_sn)
{
	if (sn_gt(exp_stat_sn, c->stat_sn) || sn_lt(exp_stat_sn, c->exp_stat_sn))
		conn_violation(c, "ExpStatSN that can't be");
	c->exp_stat_sn = exp_stat_sn;
}

static bool ended_early(const struct peer_conn *c, uint32_t itt)
{
	for (unsigned i = 0; i < c->earlies && i < PEER_EARLY; i++)
		if (c->early[i] == itt)
			return true;
	return false;
}

/* CMD-14: the rest of the data is not wanted. What is told makes the initiator repeat it. */
static void end_early(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	uint8_t bhs[PDU_BHS_LEN];
	static const uint8_t sense[20] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29 };

	c->peer->early_ends++;
	c->early[c->earlies++ % PEER_EARLY] = t->cmd.initiator_task_tag;
	pdu_put_scsi_response(bhs, &(struct pdu_scsi_response){ .status = 2,
		.initiator_task_tag = t->cmd.initiator_task_tag });
	t->session->running--;
	task_numbers(c, bhs, true);
	conn_send(c, bhs, sense, sizeof(sense));
	task_free(t);
}

void task_data_out(struct peer_conn *c, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	struct pdu_data_out d;
	struct peer_task *t;
	const char *wrong;

	pdu_get_data_out(bhs, &d);
	acknowledged(c, d.exp_stat_sn);
	t = find_write(c, d.initiator_task_tag);
	if (!t && ended_early(c, d.initiator_task_tag))
		return;
	if (!t) {
		conn_violation(c, "Data-Out for no command");
		return;
	}
	wrong = d.target_transfer_tag == PDU_NO_TAG ? unsolicited_fault(t, &d, len)
						   : solicited_fault(t, &d, len);
	if (wrong) {
		conn_violation(c, wrong);
		return;
	}
	memcpy(t->data + d.buffer_offset, data, len);
	t->got += len;
	if (d.target_transfer_tag == PDU_NO_TAG) {
		t->unsolicited_sn++;
		t->unsolicited = !d.final;
	} else {
		t->r2t[0].at += len;
		t->r2t[0].data_sn++;
		if (d.final)
			memmove(t->r2t, t->r2t + 1, --t->r2ts * sizeof(t->r2t[0]));
	}
	if (c->peer->options.early_status && t->begun && t->got < t->len &&
	    c->peer->early_ends < 40 &&
	    random_one_in(&c->peer->random, c->peer->options.early_status))
		end_early(t);
	else
		ask(t);
}

/* ---------------------------------------------------------------- requests */

static bool tag_in(const struct list *tasks, size_t offset, uint32_t itt)
{
	list_for_each(it, tasks) {
		const uint8_t *t = (const uint8_t *)it - offset;

		if (bytes_get32(t + offsetof(struct peer_task, bhs) + 16) == itt)
			return true;
	}
	return false;
}

/* PDU-6 */
static bool tag_is_used(const struct peer_session *s, uint32_t itt)
{
	list_for_each(it, &s->conns)
		if (tag_in(&list_entry(it, struct peer_conn, session_link)->writes,
			   offsetof(struct peer_task, data_link), itt))
			return true;
	if (tag_in(&s->waiting, offsetof(struct peer_task, link), itt))
		return true;
	list_for_each(it, &s->peer->running) {
		const struct peer_task *t = list_entry(it, struct peer_task, link);

		if (t->session == s && bytes_get32(t->bhs + 16) == itt)
			return true;
	}
	return false;
}

static const char *command_fault(const struct peer_conn *c, const struct peer_task *t, uint32_t inside)
{
	const struct peer_params *params = &c->session->params;

	if (c->session->discovery)
		return "a SCSI command in a discovery session";
	if (t->cmd.read && t->cmd.write)
		return "a command that reads and writes";
	if (!t->cmd.write && (inside || !t->cmd.final))
		return "write data for a command that writes nothing";
	if (inside && !params->immediate_data)
		return "immediate data that were not agreed";
	if (inside > unsolicited_limit(t))
		return "immediate data beyond FirstBurstLength or the command";
	if (!t->cmd.final && params->initial_r2t)
		return "unsolicited data that were not agreed";
	if (!t->cmd.final && inside == unsolicited_limit(t))
		return "a command without F that has no more unsolicited data";
	return NULL;
}

static bool command_init(struct peer_conn *c, struct peer_task *t, const uint8_t *data, uint32_t len)
{
	const char *wrong;

	pdu_get_scsi_command(t->bhs, &t->cmd);
	c->peer->seen[bytes_get16(t->cmd.cdb + 14)]++;
	t->len = t->cmd.write ? t->cmd.expected_data_transfer_length : 0;
	wrong = t->len > 64u << 20 ? "a write of more than 64 MiB" : command_fault(c, t, len);
	if (wrong) {
		conn_violation(c, wrong);
		return false;
	}
	t->unsolicited = !t->cmd.final;
	t->got = len;
	t->data = peer_alloc(t->len);
	memcpy(t->data, data, len);
	if (t->got < t->len)
		list_append(&c->writes, &t->data_link);
	return true;
}

static const struct {
	uint8_t opcode;
	enum peer_task_kind kind;
} kinds[] = {
	{ PDU_SCSI_COMMAND, TASK_SCSI },
	{ PDU_NOP_OUT, TASK_NOP },
	{ PDU_TEXT_REQUEST, TASK_TEXT },
	{ PDU_LOGOUT_REQUEST, TASK_LOGOUT },
	{ PDU_TASK_REQUEST, TASK_MANAGEMENT },
};

static struct peer_task *task_new(struct peer_conn *c, const uint8_t *bhs, const uint8_t *data,
				  uint32_t len)
{
	struct peer_task *t = peer_alloc(sizeof(*t));
	size_t i = 0;

	while (i < sizeof(kinds) / sizeof(kinds[0]) && kinds[i].opcode != pdu_opcode(bhs))
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0])) {
		conn_violation(c, "an opcode that no initiator of level 0 sends");
		goto fail;
	}
	t->kind = kinds[i].kind;
	t->conn = c;
	t->session = c->session;
	memcpy(t->bhs, bhs, PDU_BHS_LEN);
	t->cmd_sn = bytes_get32(bhs + 24);
	if (t->kind == TASK_SCSI) {
		if (!command_init(c, t, data, len))
			goto fail;
		return t;
	}
	t->len = t->got = len;
	t->data = peer_alloc(len);
	memcpy(t->data, data, len);
	return t;

fail:
	free(t);
	return NULL;
}

/* NOP-1, NOP-2 */
static void ping_answer(struct peer_conn *c, const uint8_t *bhs)
{
	struct pdu_nop_out nop;

	pdu_get_nop_out(bhs, &nop);
	if (!nop.immediate || nop.target_transfer_tag == PDU_NO_TAG ||
	    nop.target_transfer_tag != c->ping_ttt)
		conn_violation(c, "an answer to a ping that there was not");
	c->ping_ttt = PDU_NO_TAG;
}

/* SN-3 to SN-5 */
static bool numbers_right(struct peer_conn *c, const uint8_t *bhs)
{
	uint32_t cmd_sn = bytes_get32(bhs + 24);

	acknowledged(c, bytes_get32(bhs + 28));
	if (pdu_immediate(bhs)) {
		/* No rule of the RFC: the initiator finds a closed connection, and must not. */
		if (c->peer->options.strict_immediate && cmd_sn != c->session->exp_cmd_sn)
			conn_close(c);
		return !c->closing;
	}
	if (c->numbered && !sn_gt(cmd_sn, c->last_cmd_sn))
		conn_violation(c, "CmdSN does not rise");
	c->numbered = true;
	c->last_cmd_sn = cmd_sn;
	return !c->closing;
}

void task_request(struct peer_conn *c, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	uint32_t itt = bytes_get32(bhs + 16);
	struct peer_task *t;

	if (!numbers_right(c, bhs))
		return;
	if (pdu_opcode(bhs) == PDU_NOP_OUT && itt == PDU_NO_TAG) {
		ping_answer(c, bhs);
		return;
	}
	if (itt == PDU_NO_TAG || tag_is_used(c->session, itt)) {
		conn_violation(c, "a task tag that is in use");
		return;
	}
	t = task_new(c, bhs, data, len);
	if (!t)
		return;
	if (!pdu_immediate(bhs)) {
		session_take(c->session, t);
	} else {
		c->session->running++;
		task_begin(t);
	}
}

/* ---------------------------------------------------------------- the turn of a request */

static void nop_begin(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	uint8_t bhs[PDU_BHS_LEN];

	t->session->running--;
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = bytes_get32(t->bhs + 16),
		.target_transfer_tag = PDU_NO_TAG });
	task_numbers(c, bhs, true);
	conn_send(c, bhs, t->data, min32(t->len, c->params.max_send));
	task_free(t);
}

static void management_begin(struct peer_task *t)
{
	uint8_t bhs[PDU_BHS_LEN];

	t->session->running--;
	pdu_put_task_response(bhs, &(struct pdu_task_response){
		.response = 5, .initiator_task_tag = bytes_get32(t->bhs + 16) });
	task_numbers(t->conn, bhs, true);
	conn_send(t->conn, bhs, NULL, 0);
	task_free(t);
}

static bool has_tasks(const struct peer_conn *c)
{
	if (!list_empty(&c->writes))
		return true;
	list_for_each(it, &c->peer->running)
		if (list_entry(it, struct peer_task, link)->conn == c)
			return true;
	return false;
}

static void logout_begin(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	struct peer_session *s = t->session;
	struct pdu_logout_request ask_out;
	uint8_t bhs[PDU_BHS_LEN];

	pdu_get_logout_request(t->bhs, &ask_out);
	t->session->running--;
	task_free(t);
	if (ask_out.reason > PDU_LOGOUT_CONNECTION ||
	    (ask_out.reason == PDU_LOGOUT_CONNECTION && ask_out.cid != c->cid)) {
		conn_violation(c, "a Logout that level 0 has no use for");
		return;
	}
	if (ask_out.reason == PDU_LOGOUT_CONNECTION && has_tasks(c))
		peer_note(c->peer, "connection %u: Logout while commands are under way", c->cid);
	pdu_put_logout_response(bhs, &(struct pdu_logout_response){
		.initiator_task_tag = ask_out.initiator_task_tag });
	task_numbers(c, bhs, true);
	conn_send(c, bhs, NULL, 0);
	c->logged_out = true;
	session_leave(c);
	conn_close(c);
	if (ask_out.reason == PDU_LOGOUT_SESSION || list_empty(&s->conns))
		session_end(s);
}

void task_begin(struct peer_task *t)
{
	t->begun = true;
	switch (t->kind) {
	case TASK_SCSI:
		if (t->got == t->len)
			task_ready(t);
		else
			ask(t);
		break;
	case TASK_NOP:
		nop_begin(t);
		break;
	case TASK_TEXT:
		text_request(t);
		break;
	case TASK_LOGOUT:
		logout_begin(t);
		break;
	case TASK_MANAGEMENT:
		management_begin(t);
		break;
	}
}

/* ---------------------------------------------------------------- answers */

static uint32_t residual(const struct peer_task *t, bool *ret_over, bool *ret_under)
{
	uint32_t wanted = t->cmd.expected_data_transfer_length, got = t->cmd.read ? t->result->len : wanted;

	if (!t->cmd.read && !t->cmd.write)
		got = wanted = t->result->len;
	*ret_over = got > wanted;
	*ret_under = got < wanted;
	return got > wanted ? got - wanted : wanted - got;
}

/* One Data-In. True if it brought the status with it. */
static bool send_data_in(struct peer_task *t, uint32_t len)
{
	struct peer_conn *c = t->conn;
	uint32_t most = c->params.max_send, left = len - t->sent, n;
	struct pdu_data_in d = { .lun = t->cmd.lun, .initiator_task_tag = t->cmd.initiator_task_tag,
		.target_transfer_tag = PDU_NO_TAG, .data_sn = t->data_sn++, .buffer_offset = t->sent };
	uint8_t bhs[PDU_BHS_LEN];

	if (c->peer->options.data_in_len)
		most = min32(most, 1 + random_below(&c->peer->random, c->peer->options.data_in_len));
	n = min32(min32(left, most), c->session->params.max_burst - t->burst);
	d.final = n == left || t->burst + n == c->session->params.max_burst;
	t->burst = d.final ? 0 : t->burst + n;
	if (n == left && c->peer->options.status_in_data) {
		d.has_status = true;
		d.residual_count = residual(t, &d.overflow, &d.underflow);
		t->session->running--;
	}
	pdu_put_data_in(bhs, &d);
	task_numbers(c, bhs, d.has_status);
	conn_send(c, bhs, t->result->data + t->sent, n);
	t->sent += n;
	return d.has_status;
}

static void send_response(struct peer_task *t)
{
	struct pdu_scsi_response r = { .status = t->result->status,
		.initiator_task_tag = t->cmd.initiator_task_tag, .exp_data_sn = t->data_sn };
	uint8_t bhs[PDU_BHS_LEN], segment[2 + PEER_SENSE];

	t->session->running--;
	if (!r.status)
		r.residual_count = residual(t, &r.overflow, &r.underflow);
	bytes_put16(segment, (uint16_t)t->result->sense_len);
	memcpy(segment + 2, t->result->sense, t->result->sense_len);
	pdu_put_scsi_response(bhs, &r);
	task_numbers(t->conn, bhs, true);
	conn_send(t->conn, bhs, segment, t->result->sense_len ? 2 + t->result->sense_len : 0);
}

/* Executes it, then sends one piece of its answer each time. */
void task_run(struct peer_task *t)
{
	struct peer *p = t->session->peer;
	uint32_t len;

	if (!t->result) {
		t->result = peer_alloc(sizeof(*t->result));
		disk_run(t->session, &t->cmd, t->data, t->len, t->result);
	}
	if (!t->conn) {
		task_done(t);
		return;
	}
	len = t->result->status || !t->cmd.read ? 0
		: min32(t->result->len, t->cmd.expected_data_transfer_length);
	if (t->sent < len) {
		if (send_data_in(t, len)) {
			task_free(t);
			return;
		}
		t->due = p->now + (p->options.delay ? random_next(&p->random) % p->options.delay / 8 : 0);
		list_remove(&t->link);
		list_append(&p->running, &t->link);
		return;
	}
	send_response(t);
	task_free(t);
}

void task_send_ping(struct peer_conn *c)
{
	uint8_t bhs[PDU_BHS_LEN];

	if (++c->peer->next_ttt == PDU_NO_TAG)
		c->peer->next_ttt = 0;
	c->ping_ttt = c->peer->next_ttt;
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = c->ping_ttt });
	task_numbers(c, bhs, false);
	conn_send(c, bhs, NULL, 0);
}

void task_send_async(struct peer_conn *c, uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3)
{
	static const uint8_t sense[20] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 0x09 };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_async(bhs, &(struct pdu_async){ .initiator_task_tag = PDU_NO_TAG, .async_event = event,
		.parameter1 = p1, .parameter2 = p2, .parameter3 = p3 });
	task_numbers(c, bhs, true);
	conn_send(c, bhs, sense, event == PDU_ASYNC_SCSI ? sizeof(sense) : 0);
}
