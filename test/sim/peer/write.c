/*
 * write.c - data of commands that write: unsolicited, asked for by R2T, and asked for again when their
 * digest was wrong (RFC 7143 sections 4.2.5.2, 7.8, 11.7, 11.8).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#include "inside.h"

enum { ABORTED_COMMAND = 0x0b, CRC_ERROR = 0x4705 };

bool write_complete(const struct peer_task *t)
{
	return !t->len || !memchr(t->have, 0, t->len);
}

/* ---------------------------------------------------------------- asking */

/* What is missing from `at` on, in R2Ts of a random length. */
static void plan_missing(struct peer_task *t, uint32_t at, struct peer_plan *plan)
{
	struct peer *p = t->session->peer;
	uint32_t most = t->session->params.max_burst, end, n;
	bool whole = p->options.whole_r2ts || !random_one_in(&p->random, 2);

	if (p->options.r2t_len && p->options.r2t_len < most)
		most = p->options.r2t_len;
	while (at < t->len) {
		const uint8_t *hole = memchr(t->have + at, 0, t->len - at);

		if (!hole)
			break;
		at = (uint32_t)(hole - t->have);
		n = whole ? most : 1 + random_below(&p->random, most);
		n = min32(n, t->len - at);
		hole = memchr(t->have + at, 1, n);
		end = hole ? (uint32_t)(hole - t->have) : at + n;
		plan_add(plan, at, end, true);
		at = end;
	}
	if (!t->session->params.sequence_in_order)
		plan_shuffle(plan, 0, &p->random);
}

static void send_r2t(struct peer_task *t)
{
	struct peer_conn *c = t->conn;
	const struct peer_extent *e = &t->plan.item[t->plan.at++];
	uint32_t ttt = peer_ttt(c->peer);
	uint8_t bhs[PDU_BHS_LEN];

	t->burst[t->bursts++] = (struct peer_burst){ ttt, e->at, e->end, e->at, 0, 0 };
	pdu_put_r2t(bhs, &(struct pdu_r2t){ .lun = t->cmd.lun, .initiator_task_tag = t->itt,
		.target_transfer_tag = ttt, .r2t_sn = t->data_sn++, .buffer_offset = e->at,
		.desired_data_transfer_length = e->end - e->at });
	task_numbers(c, bhs, false);
	answer_sent(t, bhs, 0, 0);
	conn_send(c, bhs, NULL, 0);
}

/* KEY-6 */
static unsigned most_r2ts(const struct peer_session *s)
{
	unsigned most = s->params.level && s->params.sequence_in_order ? 1 : s->params.max_r2t;

	return most < PEER_BURSTS - 1 ? most : PEER_BURSTS - 1;
}

static void ask(struct peer_task *t)
{
	bool unsolicited = t->bursts && t->burst[0].ttt == PDU_NO_TAG, fast;

	if (t->state != PEER_DATA || unsolicited || !t->conn || t->cut_short ||
	    management_covers(t, &fast) || management_told(t))
		return;
	while (!t->crc_bad && t->plan.at < t->plan.count && t->bursts < most_r2ts(t->session))
		send_r2t(t);
	if (t->bursts)
		return;
	if (t->crc_bad)
		answer_sense(t, ABORTED_COMMAND, CRC_ERROR);
	else
		answer_ready(t);
}

void write_begin(struct peer_task *t)
{
	t->state = PEER_DATA;
	if (write_complete(t)) {
		answer_ready(t);
		return;
	}
	plan_missing(t, t->announced, &t->plan);
	ask(t);
}

void write_resume(struct peer_task *t)
{
	plan_clear(&t->plan);
	t->bursts = 0;
	t->state = PEER_DATA;
	plan_missing(t, 0, &t->plan);
	list_append(&t->conn->writes, &t->data_link);
	ask(t);
}

/* ---------------------------------------------------------------- what came */

static struct peer_task *find_write(struct peer_conn *c, uint32_t itt)
{
	list_for_each(it, &c->writes)
		if (list_entry(it, struct peer_task, data_link)->itt == itt)
			return list_entry(it, struct peer_task, data_link);
	return NULL;
}

/* MCS-16; what a function under way is about to end need not send any more (TM-10, TM-11). */
static bool earlier_unsolicited(const struct peer_task *t)
{
	bool fast;

	list_for_each(it, &t->conn->writes) {
		const struct peer_task *other = list_entry(it, struct peer_task, data_link);

		if (other == t)
			return false;
		if (other->bursts && other->burst[0].ttt == PDU_NO_TAG && !management_covers(other, &fast))
			return true;
	}
	return false;
}

/* TM-10; the function may have been refused meanwhile by a lie. */
static bool may_cut(const struct peer_task *t)
{
	bool fast;

	return management_covers(t, &fast) || t->session->peer->options.lies.manage_answer >= 0;
}

static const char *place_fault(const struct peer_task *t, const struct pdu_data_out *d, uint32_t len)
{
	const struct peer_burst *b = &t->burst[0];

	if (d->data_sn != b->data_sn)
		return "DataSN of a Data-Out out of order"; /* DS-3 */
	if (!len || len > b->end - b->at - b->sum)
		return "Data-Out of a wrong length";
	if (d->buffer_offset < b->at || d->buffer_offset > b->end || len > b->end - d->buffer_offset)
		return "Data-Out outside of what was asked for";
	if (t->session->params.pdu_in_order && d->buffer_offset != b->next)
		return "Data-Out out of order";
	if (memchr(t->have + d->buffer_offset, 1, len))
		return "Data-Out that came before";
	if (d->final != (b->sum + len == b->end - b->at) && !(d->final && may_cut(t)))
		return "Data-Out with a wrong F bit";
	return NULL;
}

static const char *data_out_fault(const struct peer_task *t, const struct pdu_data_out *d, uint32_t len)
{
	bool fast = false;

	if (management_covers(t, &fast) && fast)
		return "Data-Out after a function that aborts fast"; /* TM-11 */
	if (d->target_transfer_tag == PDU_NO_TAG && !t->bursts)
		return "unsolicited Data-Out that was not announced";
	if (!t->bursts || d->target_transfer_tag != t->burst[0].ttt)
		return "Data-Out for another R2T than the oldest";
	if (d->target_transfer_tag != PDU_NO_TAG && d->lun != t->cmd.lun)
		return "Data-Out with another LUN";
	if (d->target_transfer_tag == PDU_NO_TAG && earlier_unsolicited(t))
		return "unsolicited Data-Out before that of an earlier command";
	return place_fault(t, d, len);
}

/* What did not come of it is asked for first. */
static unsigned ask_again(struct peer_task *t, const struct peer_burst *b)
{
	struct peer_plan plan = { 0 };
	unsigned count;

	for (uint32_t at = b->at, end; at < b->end; at = end) {
		for (end = at; end < b->end && t->have[end] == t->have[at]; end++)
			;
		if (!t->have[at])
			plan_add(&plan, at, end, true);
	}
	count = plan.count;
	for (unsigned i = t->plan.at; i < t->plan.count; i++)
		plan_add(&plan, t->plan.item[i].at, t->plan.item[i].end, true);
	plan_free(&t->plan);
	t->plan = plan;
	return count;
}

/* Some of a burst did not come: asked for again, or the end of the command (7.8). */
static void lost(struct peer_task *t, const struct peer_burst *b)
{
	struct peer *p = t->session->peer;

	if (p->options.crc_status && random_one_in(&p->random, 3))
		t->crc_bad = true;
	else
		p->counts.recovery_r2ts += ask_again(t, b);
}

void write_voided(struct peer_task *t)
{
	bool unsolicited = t->bursts && t->burst[0].ttt == PDU_NO_TAG;

	while (t->bursts > unsolicited)
		ask_again(t, &t->burst[--t->bursts]);
	ask(t);
}

static void burst_goes_on(struct peer_task *t, uint32_t len, bool final)
{
	struct peer_burst *b = &t->burst[0], done;
	bool fast;

	b->data_sn++;
	b->next += len;
	b->sum += len;
	if (!final)
		return;
	done = *b;
	memmove(b, b + 1, --t->bursts * sizeof(*b));
	if (done.sum < done.end - done.at && management_covers(t, &fast))
		t->cut_short = true;
	else if (memchr(t->have + done.at, 0, done.end - done.at))
		lost(t, &done);
	ask(t);
}

/* CMD-14: the rest of the data is not wanted. What is told makes the initiator repeat it. */
static bool end_early(struct peer_task *t)
{
	struct peer *p = t->session->peer;
	unsigned one_in = p->options.early_status;

	if (!one_in || t->state != PEER_DATA || write_complete(t) || p->early_ends >= 40 ||
	    !random_one_in(&p->random, one_in))
		return false;
	p->early_ends++;
	task_dead(t->conn, t->itt, t->cmd.lun, DEAD_ENDED);
	answer_sense(t, 6, 0x2900);
	return true;
}

/* Above level 0 it may be what a fault of ours was mended with. */
static void blame(struct peer_conn *c, const char *what)
{
	if (c->peer->faults_done && c->session->params.level)
		conn_close(c);
	else
		conn_violation(c, what);
}

/* Data-Out for a task that is not there. */
static void stray(struct peer_conn *c, const struct pdu_data_out *d)
{
	const struct peer_dead *dead = task_find_dead(c, d->initiator_task_tag);

	if (!dead)
		blame(c, "Data-Out for no command");
	else if (dead->why == DEAD_DRAINED)
		conn_violation(c, "Data-Out for a command that a function has ended"); /* TM-8 */
	else if (dead->why == DEAD_FAST_ISSUING)
		conn_violation(c, "Data-Out after a function that aborted fast"); /* TM-11 */
	else if (dead->why == DEAD_FAST_TOLD && d->target_transfer_tag != PDU_NO_TAG)
		conn_violation(c, "Data-Out after Async 5 was acknowledged"); /* AS-6 */
}

void write_data_out(struct peer_conn *c, const uint8_t *bhs, const uint8_t *data, uint32_t len)
{
	struct pdu_data_out d;
	struct peer_task *t;
	const char *wrong;

	pdu_get_data_out(bhs, &d);
	number_acknowledged(c, d.exp_stat_sn);
	t = find_write(c, d.initiator_task_tag);
	if (!t) {
		stray(c, &d);
		return;
	}
	wrong = data_out_fault(t, &d, len);
	if (wrong) {
		blame(c, wrong);
		return;
	}
	memcpy(t->data + d.buffer_offset, data, len);
	memset(t->have + d.buffer_offset, 1, len);
	if (!end_early(t))
		burst_goes_on(t, len, d.final);
}

/* Its header is right, so that is believed: what it had carried is known to be lost. */
void write_damaged(struct peer_conn *c, const uint8_t *bhs, uint32_t len)
{
	struct pdu_data_out d;
	struct peer_task *t;

	pdu_get_data_out(bhs, &d);
	task_send_reject(c, PDU_REJECT_DATA_DIGEST, bhs, 0);
	t = find_write(c, d.initiator_task_tag);
	if (t && !data_out_fault(t, &d, len))
		burst_goes_on(t, len, d.final);
}
