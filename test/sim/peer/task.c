/*
 * task.c - requests of full feature phase as they come: SCSI commands, NOP, Text, Logout, task
 * management; and the small answers (RFC 7143 sections 11.3, 11.5, 11.9, 11.17 to 11.19). Each rule
 * that the initiator has to keep is looked at where it can be broken.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/sn.h"

#include "inside.h"

void task_numbers(struct peer_conn *c, uint8_t *bhs, bool advance)
{
	session_window(c->session);
	bytes_put32(bhs + 24, c->stat_sn);
	bytes_put32(bhs + 28, c->session->exp_cmd_sn);
	bytes_put32(bhs + 32, c->session->max_cmd_sn);
	c->stat_sn += advance;
}

void task_uncount(struct peer_task *t)
{
	t->session->running -= t->counted;
	t->counted = false;
}

void task_free(struct peer_task *t)
{
	task_uncount(t);
	list_remove(&t->all);
	list_remove(&t->link);
	list_remove(&t->data_link);
	if (t->kept)
		t->kept->task = NULL;
	if (t->result)
		free(t->result->data);
	free(t->result);
	free(t->data);
	free(t->have);
	free(t->sent);
	free(t->ack);
	plan_free(&t->plan);
	free(t);
}

unsigned task_lun(const struct peer_task *t)
{
	unsigned lun = (unsigned)(t->cmd.lun >> 48);

	return lun < PEER_LUNS ? lun : 0;
}

bool task_alive(const struct peer_task *t)
{
	return t->kind == TASK_SCSI && t->state != PEER_ANSWERED;
}

/* ---------------------------------------------------------------- tags whose data may still come */

void task_dead(struct peer_conn *c, uint32_t itt, uint64_t lun, enum peer_dead_why why)
{
	if (c)
		c->dead[c->deads++ % PEER_DEAD] = (struct peer_dead){ itt, why, lun };
}

void task_dead_by_function(struct peer_task *t, enum peer_dead_why why)
{
	struct peer_conn *c = t->conn;

	task_dead(c, t->itt, t->cmd.lun, why);
	for (unsigned i = 0; c && i < t->acks; i++)
		c->stale[c->stales++ % PEER_STALE] = t->ack[i].ttt;
}

bool task_is_stale(const struct peer_conn *c, uint32_t ttt)
{
	for (unsigned i = 0; i < c->stales && i < PEER_STALE; i++)
		if (c->stale[i] == ttt)
			return true;
	return false;
}

/* The latest of this tag. */
struct peer_dead *task_find_dead(struct peer_conn *c, uint32_t itt)
{
	for (unsigned i = c->deads; i && c->deads - i < PEER_DEAD; i--)
		if (c->dead[(i - 1) % PEER_DEAD].itt == itt)
			return &c->dead[(i - 1) % PEER_DEAD];
	return NULL;
}

/* ---------------------------------------------------------------- commands */

static uint32_t unsolicited_limit(const struct peer_task *t)
{
	return min32(t->len, t->session->params.first_burst);
}

static const char *data_fault(const struct peer_conn *c, const struct peer_task *t, uint32_t inside)
{
	const struct peer_params *params = &c->session->params;

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

static const char *command_fault(const struct peer_conn *c, const struct peer_task *t, uint32_t inside)
{
	if (c->session->discovery)
		return "a SCSI command in a discovery session";
	if (t->cmd.priority && c->session->params.protocol_level < 2)
		return "a priority below iSCSIProtocolLevel 2"; /* P2-2 */
	if (!t->cmd.final && !t->cmd.write)
		return "neither F nor W in a command"; /* CMD-1 */
	if (t->len > 64u << 20 || t->read_len > 64u << 20)
		return "a transfer of more than 64 MiB";
	return data_fault(c, t, inside);
}

/* PDU-9, PDU-10 */
static const char *take_ahs(struct peer_task *t, const uint8_t *ahs, size_t len)
{
	bool bidirectional = t->cmd.read && t->cmd.write, long_cdb = false, read_length = false;
	size_t at = 0, part;
	const uint8_t *data;
	uint8_t type;
	int r;

	while ((r = pdu_next_ahs(ahs, len, &at, &type, &data, &part)) > 0) {
		if (type == PDU_AHS_CDB && !long_cdb && part && part <= PEER_CDB - 16) {
			memcpy(t->cdb + 16, data, part);
			long_cdb = true;
		} else if (type == PDU_AHS_BIDI && !read_length && part == 4) {
			t->read_len = bytes_get32(data);
			read_length = true;
		} else {
			return "an AHS that can't be";
		}
	}
	if (r < 0)
		return "an AHS that does not fit";
	if (read_length != bidirectional)
		return "a read length that does not go with the flags";
	if (long_cdb != (t->cdb[0] == PEER_VARIABLE))
		return "a CDB of a wrong length";
	t->session->peer->counts.long_cdbs += long_cdb;
	t->session->peer->counts.bidirectional += bidirectional;
	return NULL;
}

static bool command_init(struct peer_conn *c, struct peer_task *t, const uint8_t *ahs,
			 const uint8_t *data, uint32_t len)
{
	const char *wrong;

	pdu_get_scsi_command(t->bhs, &t->cmd);
	memcpy(t->cdb, t->cmd.cdb, sizeof(t->cmd.cdb));
	t->len = t->cmd.write ? t->cmd.expected_data_transfer_length : 0;
	t->read_len = t->cmd.read ? t->cmd.expected_data_transfer_length : 0;
	wrong = take_ahs(t, ahs, pdu_ahs_len(t->bhs));
	if (!wrong)
		wrong = command_fault(c, t, len);
	if (wrong) {
		conn_violation(c, wrong);
		return false;
	}
	t->data = peer_alloc(t->len);
	t->have = peer_alloc(t->len);
	memcpy(t->data, data, len);
	memset(t->have, 1, len);
	t->announced = t->cmd.final ? len : unsolicited_limit(t);
	if (t->announced > len)
		t->burst[t->bursts++] = (struct peer_burst){ PDU_NO_TAG, len, t->announced, len, 0, 0 };
	if (!write_complete(t))
		list_append(&c->writes, &t->data_link);
	return true;
}

/* ---------------------------------------------------------------- requests */

static bool kind_of(uint8_t opcode, enum peer_task_kind *ret)
{
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

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].opcode != opcode)
			continue;
		*ret = kinds[i].kind;
		return true;
	}
	return false;
}

static struct peer_task *task_new(struct peer_conn *c, const uint8_t *bhs, const uint8_t *ahs,
				  const uint8_t *data, uint32_t len)
{
	struct peer_task *t = peer_alloc(sizeof(*t));

	t->conn = c;
	t->session = c->session;
	list_append(&c->session->tasks, &t->all);
	memcpy(t->bhs, bhs, PDU_BHS_LEN);
	t->immediate = pdu_immediate(bhs);
	t->itt = bytes_get32(bhs + 16);
	t->cmd_sn = bytes_get32(bhs + 24);
	if (!kind_of(pdu_opcode(bhs), &t->kind)) {
		conn_violation(c, "an opcode that no initiator sends");
		goto fail;
	}
	if (t->kind == TASK_SCSI) {
		if (!command_init(c, t, ahs, data, len))
			goto fail;
		return t;
	}
	t->len = len;
	t->data = peer_alloc(len);
	memcpy(t->data, data, len);
	return t;

fail:
	task_free(t);
	return NULL;
}

/* NOP-1, NOP-2, AS-6 */
static void ping_answer(struct peer_conn *c, const uint8_t *bhs)
{
	struct pdu_nop_out nop;

	pdu_get_nop_out(bhs, &nop);
	if (!nop.immediate)
		conn_violation(c, "a NOP-Out without tag that is not immediate");
	if (nop.target_transfer_tag == PDU_NO_TAG) {
		management_nop(c, nop.lun);
		return;
	}
	if (nop.target_transfer_tag != c->ping_ttt)
		conn_violation(c, "an answer to a ping that there was not");
	c->ping_ttt = PDU_NO_TAG;
}

/* PDU-6. One that was answered may have been used again: the answer came. */
static bool tag_is_used(const struct peer_session *s, uint32_t itt)
{
	const struct peer_task *t = session_task(s, itt);

	return t && t->state != PEER_ANSWERED;
}

/* A command that is refused leaves a hole. */
static bool refused(struct peer_conn *c, const uint8_t *bhs)
{
	if (!c->leaving || !c->peer->options.refuse_leaving || pdu_opcode(bhs) != PDU_SCSI_COMMAND)
		return false;
	number_dropped(c->session, bytes_get32(bhs + 24));
	task_dead(c, bytes_get32(bhs + 16), bytes_get64(bhs + 8), DEAD_ENDED);
	task_send_reject(c, PDU_REJECT_WAITING_LOGOUT, bhs, 0);
	return true;
}

static bool too_many(struct peer_conn *c, const uint8_t *bhs)
{
	unsigned n = 0, most = c->peer->options.manage_most;

	if (!most || pdu_opcode(bhs) != PDU_TASK_REQUEST || !pdu_immediate(bhs))
		return false;
	list_for_each(it, &c->session->functions)
		n += list_entry(it, struct peer_task, link)->conn == c;
	if (n < most)
		return false;
	task_send_reject(c, PDU_REJECT_IMMEDIATE, bhs, 0);
	return true;
}

/* Numbered, but done at once; the number has its turn all the same. */
static bool out_of_turn(const struct peer_conn *c, const struct peer_task *t)
{
	bool unsorted = c->peer->options.unsorted && (t->kind == TASK_NOP || t->kind == TASK_LOGOUT);

	return t->immediate || unsorted;
}

void task_request(struct peer_conn *c, const uint8_t *bhs, const uint8_t *ahs, const uint8_t *data,
		  uint32_t len)
{
	uint32_t itt = bytes_get32(bhs + 16);
	struct peer_session *s = c->session;
	struct peer_task *t;
	bool seen;

	if (!number_check(c, bhs, &seen))
		return;
	if (pdu_opcode(bhs) == PDU_NOP_OUT && itt == PDU_NO_TAG) {
		ping_answer(c, bhs);
		return;
	}
	if (itt == PDU_NO_TAG || tag_is_used(s, itt)) {
		conn_violation(c, "a task tag that is in use");
		return;
	}
	if (too_many(c, bhs) || refused(c, bhs))
		return;
	t = task_new(c, bhs, ahs, data, len);
	if (!t)
		return;
	if (t->kind == TASK_SCSI && !seen)
		s->peer->seen[disk_number(t)]++;
	if (!out_of_turn(c, t)) {
		session_take(s, t);
		return;
	}
	if (!t->immediate)
		session_plug(s, t->cmd_sn);
	task_begin(t);
	session_begin(s);
}

static void send_digest_reject(struct peer_conn *c, const uint8_t *bhs)
{
	uint8_t noise[PDU_BHS_LEN];

	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)random_below(&c->peer->random, 256);
	/* no tag that ever was given out */
	noise[16] |= 0x80;
	task_send_reject(c, PDU_REJECT_DATA_DIGEST, c->peer->options.garbled_rejects ? noise : bhs, 0);
}

void task_damaged(struct peer_conn *c, const uint8_t *bhs, uint32_t len)
{
	if (!pdu_immediate(bhs) && len) {
		number_thrown(c, bhs);
		task_dead(c, bytes_get32(bhs + 16), bytes_get64(bhs + 8), DEAD_ENDED);
	}
	send_digest_reject(c, bhs);
}

/* ---------------------------------------------------------------- the turn of a request */

static void nop_begin(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	uint8_t bhs[PDU_BHS_LEN];

	task_uncount(t);
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = t->itt,
		.target_transfer_tag = PDU_NO_TAG });
	kept_send(c, bhs, t->data, min32(t->len, c->params.max_send), NULL);
	task_free(t);
}

void task_begin(struct peer_task *t)
{
	t->counted = true;
	t->session->running++;
	switch (t->kind) {
	case TASK_SCSI:
		write_begin(t);
		break;
	case TASK_NOP:
		nop_begin(t);
		break;
	case TASK_TEXT:
		text_request(t);
		break;
	case TASK_LOGOUT:
		recovery_logout(t);
		break;
	case TASK_MANAGEMENT:
		management_begin(t);
		break;
	case TASK_PLACE:
		break;
	}
}

/* ---------------------------------------------------------------- what nobody asked for */

void task_send_ping(struct peer_conn *c)
{
	uint8_t bhs[PDU_BHS_LEN];

	c->ping_ttt = peer_ttt(c->peer);
	pdu_put_nop_in(bhs, &(struct pdu_nop_in){ .initiator_task_tag = PDU_NO_TAG,
		.target_transfer_tag = c->ping_ttt });
	task_numbers(c, bhs, false);
	conn_send(c, bhs, NULL, 0);
}

void task_send_async(struct peer_conn *c, uint64_t lun, uint8_t event, uint16_t p1, uint16_t p2,
		     uint16_t p3)
{
	static const uint8_t sense[20] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 0x09 };
	uint8_t bhs[PDU_BHS_LEN];

	pdu_put_async(bhs, &(struct pdu_async){ .lun = lun, .initiator_task_tag = PDU_NO_TAG,
		.async_event = event, .parameter1 = p1, .parameter2 = p2, .parameter3 = p3 });
	kept_send(c, bhs, sense, event == PDU_ASYNC_SCSI ? sizeof(sense) : 0, NULL);
}

void task_send_reject(struct peer_conn *c, uint8_t reason, const uint8_t *bad, uint32_t data_sn)
{
	uint8_t bhs[PDU_BHS_LEN];

	c->peer->counts.rejects++;
	pdu_put_reject(bhs, &(struct pdu_reject){ .reason = reason, .initiator_task_tag = PDU_NO_TAG,
		.data_sn = data_sn });
	kept_send(c, bhs, bad, PDU_BHS_LEN, NULL);
}
